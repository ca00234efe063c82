"""Pictures on paper: SVG, PDF and PNG by matplotlib, as wide as the columns of a journal, with their fonts inside."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuristor.pictures.picture import Axis, Panel, Picture, Series

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "STYLE", "WIDTHS", "drawn", "on_axes", "rendered", "svg"]

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "neuristor",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
}
WIDTHS = {"page": 183 / 25.4, "column": 89 / 25.4}
"""Widths of two columns and of one in most journals, in inches."""
COLOURS = {
    "bit-true": "#1f4e9c",
    "float": "#d9760a",
    "circuit": "#12805a",
    "device": "#b0307a",
    "measured": "#6b4ba0",
    "other": "#5a6470",
    "guide": "#7a828c",
}
"""Colour of each role: apart for all kinds of colour vision, from dark to light."""
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
ROW = {"page": 1.9, "column": 1.9}
"""Height of a row of panels, in inches."""


def drawn(picture: Picture, figure: Figure) -> Any:
    """Draw a picture on a figure.

    Parameters
    ----------
    picture : Picture
        The picture.
    figure : matplotlib.figure.Figure
        The figure, empty; it gets a size.

    Returns
    -------
    Axes or ndarray of Axes
        One for each panel.
    """
    return _placed(picture, figure, "page")


def on_axes(picture: Picture, axes: Any) -> Any:
    """Draw the panels of a picture on axes.

    Parameters
    ----------
    picture : Picture
        The picture.
    axes : matplotlib.axes.Axes or sequence of them
        At most as many as there are panels.

    Returns
    -------
    Axes or ndarray of Axes
        The axes.

    Raises
    ------
    ValueError
        If there are more axes than panels.
    """
    given = np.ravel(np.asarray(axes, dtype=object))
    if len(given) > len(picture.panels):
        names = ", ".join(panel.title for panel in picture.panels)
        raise ValueError(f"axes must be at most {len(picture.panels)}, one for each panel ({names}), not {len(given)}")
    for panel, ax in zip(picture.panels, given, strict=False):
        _draw(ax, panel)
    return axes


def rendered(picture: Picture, kind: str, width: str = "page") -> bytes:
    """Draw a picture as a file; the same picture gives the same bytes.

    Parameters
    ----------
    picture : Picture
        The picture.
    kind : {"svg", "pdf", "png"}
        The format.
    width : {"page", "column"}
        Its width.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    said = "; ".join(f"{key} {value}" for key, value in picture.about.items())
    all_metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": "Neuristor", "Title": picture.title, "Description": said},
        "pdf": {"CreationDate": None, "Creator": "Neuristor", "Title": picture.title, "Subject": said},
        "png": {"Software": "Neuristor", "Title": picture.title, "Description": said},
    }
    metadata = all_metadata[kind]
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = Figure(layout="constrained")
        _placed(picture, figure, width)
        figure.savefig(buffer, format=kind, metadata=metadata, dpi=200)
    return buffer.getvalue()


def svg(figure: Figure) -> str:
    """Convert a figure to SVG; the same figure gives the same text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, made in the context of `STYLE`.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode()


def rows_of(picture: Picture, columns: int) -> list[list[Panel]]:
    """Place the panels of a picture in rows.

    Parameters
    ----------
    picture : Picture
        The picture.
    columns : int
        Panels in a row.
    """
    rows: list[list[Panel]] = []
    for panel in picture.panels:
        full = not rows or len(rows[-1]) == columns or rows[-1][0].whole_row
        if full or panel.whole_row:
            rows.append([])
        rows[-1].append(panel)
    return rows


def _placed(picture: Picture, figure: Figure, width: str) -> Any:
    pixels = all(panel.pixels is not None for panel in picture.panels)
    columns = picture.columns if width == "page" or pixels else min(picture.columns, 1 if picture.columns < 4 else 2)
    rows = rows_of(picture, columns)
    inches = WIDTHS[width]
    height = (inches / columns + 0.25) if pixels else ROW[width] * (0.85 if columns > 2 else 1.1)
    figure.set_size_inches(inches, height * len(rows))
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    grid = figure.add_gridspec(len(rows), columns)
    found: list[Any] = []
    for row, panels in enumerate(rows):
        for column, panel in enumerate(panels):
            share = found[0] if picture.linked and found else None
            place = grid[row, :] if panel.whole_row else grid[row, column]
            ax = figure.add_subplot(place, sharex=share)
            _draw(ax, panel)
            found.append(ax)
    made: NDArray[Any] = np.empty(len(found), dtype=object)
    made[:] = found
    return found[0] if len(found) == 1 else made


def _draw(ax: Any, panel: Panel) -> None:
    ax.set_title(panel.title, parse_math=False, color="#b03030" if panel.bad else "black")
    if panel.pixels is not None:
        ax.imshow(panel.pixels, cmap="Blues" if panel.scale is None or not panel.scale.name else "Greys")
        ax.set(xticks=[], yticks=[])
        return
    for region in panel.regions:
        ax.axvspan(region.start, region.stop, color="0.92", lw=0)
    for guide in panel.guides:
        line = ax.axvline if guide.axis == "x" else ax.axhline
        line(guide.value, color=COLOURS["guide"], lw=0.7, ls="--", label=guide.label or None)
    for each in panel.series:
        _draw_series(ax, each)
    for text in panel.texts:
        ax.text(text.x, text.y, text.text, ha="center", va="center", color="0.3", clip_on=True, parse_math=False)
    if panel.square:
        ax.set_aspect("equal", adjustable="box")
    for axis, it, which in ((panel.x, ax.xaxis, "x"), (panel.y, ax.yaxis, "y")):
        _set_axis(ax, axis, it, which)
    if len([each for each in panel.series if each.name]) + len([each for each in panel.guides if each.label]) > 1:
        ax.legend(fontsize=7)


def _draw_series(ax: Any, each: Series) -> None:
    colour, name = COLOURS[each.role], each.name or None
    x, y = np.asarray(each.x), np.asarray(each.y)
    if each.low is not None:
        ax.fill_between(x, np.asarray(each.low), y, color=colour, alpha=0.25, lw=0, label=name)
    elif each.kind == "bars":
        step = float(np.diff(x).min()) if len(x) > 1 else 1.0
        ax.bar(x, y, width=0.9 * step, color=colour, alpha=0.8, label=name)
    elif each.kind == "spikes":
        ax.plot(x, y, "|", color=colour, ms=4 if len(np.unique(y)) < 60 else 2, label=name)
    elif each.kind == "points":
        ax.plot(x, y, "o", color=colour, ms=2.5, label=name)
    else:
        wide = each.role == "float" and each.kind == "line"
        style = {"lw": 2.2, "alpha": 0.55} if wide else {"lw": 0.9, "marker": "." if each.kind == "joined" else None}
        ax.plot(x, y, color=colour, label=name, **style)


def _set_axis(ax: Any, axis: Axis, it: Any, which: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if axis.log:
        ax.set(**{f"{which}scale": "log"})
    if axis.limits is not None:
        ax.set(**{f"{which}lim": axis.limits})
    factor, prefix = 1.0, ""
    if axis.prefixed and not axis.log:
        size = max(map(abs, it.get_data_interval() if axis.limits is None else axis.limits))
        factor, prefix = next(((f, p) for f, p in PREFIXES if size >= f), PREFIXES[-1] if size else (1.0, ""))
        it.set_major_formatter(FuncFormatter(lambda value, _: f"{value / factor:.6g}"))
    if axis.whole:
        it.set_major_locator(MaxNLocator(integer=True))
    unit = f"{prefix}{axis.sign}"
    ax.set(**{f"{which}label": f"{axis.name} ({unit})" if unit else axis.name})
