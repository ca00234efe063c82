"""A picture as data: panels of named series with units. How it is drawn is the matter of `paper` and `screen`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Axis", "Guide", "Panel", "Picture", "Region", "Role", "Series", "Text", "thinned"]

Floats = NDArray[np.float64]
Kind = Literal["line", "points", "joined", "spikes", "bars"]
Role = Literal["bit-true", "float", "circuit", "device", "measured", "other", "guide"]
SIGNS = {"ohm": "Ω", "degC": "°C", "1": ""}
"""Signs of units in pictures, where they are not those of the text."""


@dataclass(frozen=True)
class Axis:
    """An axis of a panel.

    Parameters
    ----------
    name : str
        The quantity, such as ``time``.
    unit : str
        Its SI unit, or ``%``, ``degrees``; empty if it has none.
    log : bool
        Whether it is logarithmic.
    limits : (float, float), optional
        Its ends, in `unit`; by default those of the data.
    whole : bool
        Whether its values are whole numbers, such as those of neurons.
    """

    name: str
    unit: str = ""
    log: bool = False
    limits: tuple[float, float] | None = None
    whole: bool = False

    @property
    def sign(self) -> str:
        """The unit as a sign, such as ``Ω``."""
        return SIGNS.get(self.unit, self.unit)

    @property
    def prefixed(self) -> bool:
        """Whether numbers have an SI prefix."""
        return self.unit in ("s", "V", "A", "ohm", "F", "Hz", "W", "J", "S", "C")


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers of a panel that belong together.

    Parameters
    ----------
    name : str
        What they are, for the legend and for files.
    x, y : array_like of float, shape (n,)
        In the units of the axes.
    role : str
        Which model they are from: it has a colour of its own in all pictures.
    kind : str
        How they are drawn: a ``line``, ``points``, ``joined`` points, ``spikes`` (short vertical bars) or ``bars``.
    low : array_like of float, shape (n,), optional
        Lower edge of an area of which `y` is the upper one.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    role: Role = "bit-true"
    kind: Kind = "line"
    low: ArrayLike | None = None


@dataclass(frozen=True)
class Guide:
    """A straight line across a panel.

    Parameters
    ----------
    axis : str
        ``x`` or ``y``: which axis has `value`.
    value : float
        Where it stands.
    label : str
        What it is.
    """

    axis: Literal["x", "y"]
    value: float
    label: str = ""


@dataclass(frozen=True)
class Region:
    """A range of x that is marked.

    Parameters
    ----------
    start, stop : float
        Its ends.
    label : str
        What it is.
    """

    start: float
    stop: float
    label: str = ""


@dataclass(frozen=True)
class Text:
    """A word in a panel.

    Parameters
    ----------
    x, y : float
        Its middle, in the units of the axes.
    text : str
        The word.
    """

    x: float
    y: float
    text: str


@dataclass(frozen=True, eq=False)
class Panel:
    """A pair of axes and what is drawn in it.

    Parameters
    ----------
    title : str
        Heading.
    x, y : Axis
        The axes.
    series : sequence of Series
        The numbers.
    guides, regions, texts : sequence
        What helps to read them.
    pixels : ndarray of float, shape (rows, columns), optional
        An image, drawn instead of series.
    scale : Axis, optional
        The quantity of the pixels.
    whole_row : bool
        Whether the panel is as wide as the picture.
    bad : bool
        Whether its heading is a warning.
    square : bool
        Whether both axes have one scale.
    """

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series] = ()
    guides: Sequence[Guide] = ()
    regions: Sequence[Region] = ()
    texts: Sequence[Text] = ()
    pixels: NDArray[Any] | None = None
    scale: Axis | None = None
    whole_row: bool = False
    bad: bool = False
    square: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """One or several panels with a caption. In a notebook it shows itself.

    Parameters
    ----------
    name : str
        Name of its files, such as ``waveforms``.
    title : str
        Heading.
    caption : str
        What is drawn.
    panels : sequence of Panel
        The panels, row by row.
    reading : str
        How to read it: what a good and a bad result look like.
    columns : int
        Panels in a row.
    linked : bool
        Whether the panels have one x axis: who zooms in one zooms in all.
    about : mapping of str to str
        Where the numbers are from: version, design and its hash.
    """

    name: str
    title: str
    caption: str
    panels: Sequence[Panel]
    reading: str = ""
    columns: int = 1
    linked: bool = False
    about: Mapping[str, str] = field(default_factory=dict)

    def plot(self, axes: Any = None) -> Any:
        """Draw with matplotlib, in SI units: data of your own fit beside it.

        Parameters
        ----------
        axes : matplotlib.axes.Axes or sequence of them, optional
            Where to draw, one for each panel, from the first; by default, a new figure.

        Returns
        -------
        Axes or ndarray of Axes
            One for each panel that was drawn.

        Raises
        ------
        ValueError
            If there are more axes than panels.
        """
        from neuristor.pictures.paper import drawn, on_axes

        if axes is None:
            import matplotlib.pyplot as plt

            return drawn(self, plt.figure())
        return on_axes(self, axes)

    def save(self, path: Any, *, force: bool = False, width: str = "page") -> None:
        """Write the picture (.svg, .pdf, .png, .html) or its data (.csv, .parquet, .npz), by the ending of the name.

        Parameters
        ----------
        path : str or Path
            The file.
        force : bool
            Replace a file of that name.
        width : {"page", "column"}
            Width of a drawing: both columns of a journal (183 mm), or one (89 mm).

        Raises
        ------
        ValueError
            If its name has another ending, or it cannot be written.
        """
        from pathlib import Path

        from neuristor.pictures.files import write_picture

        write_picture(Path(path), self, force=force, width=width)

    def to_pandas(self) -> Any:
        """The data as a table of pandas: a row for each point, with the names and units of both axes."""
        from neuristor.pictures.files import frame

        return frame(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from neuristor.pictures.paper import rendered

        return {"image/svg+xml": rendered(self, "svg").decode()}

    def __repr__(self) -> str:
        points = sum(np.size(each.x) for panel in self.panels for each in panel.series)
        return f"<picture {self.name}: {self.title}, {len(self.panels)} panels, {points} points>"


def thinned(y: ArrayLike, most: int = 2000) -> NDArray[np.intp]:
    """Select samples to draw: of each stretch its least and its largest, so that no peak is lost.

    Parameters
    ----------
    y : array_like of float, shape (n,)
        Samples of a curve.
    most : int
        Samples that are drawn, about.

    Returns
    -------
    ndarray of int
        Their places, in order.
    """
    values = np.asarray(y, dtype=np.float64)
    stretch = -(-2 * len(values) // most)
    if stretch <= 2:
        return np.arange(len(values))
    whole = len(values) // stretch * stretch
    blocks = np.nan_to_num(values[:whole]).reshape(-1, stretch)
    first = np.arange(0, whole, stretch)
    found = np.concatenate([first + blocks.argmin(axis=1), first + blocks.argmax(axis=1), [0, len(values) - 1]])
    return np.unique(np.concatenate([found, np.arange(whole, len(values))]))
