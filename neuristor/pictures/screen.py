"""Pictures on the screen: panels of plotly in a page that needs no network; zoom, hover with units, linked axes."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np

from neuristor.pictures.paper import rendered
from neuristor.pictures.picture import Axis, Panel, Picture, Series
from neuristor.version import __version__

__all__ = ["asset", "block", "environment", "figure", "page", "plotly_script", "whole"]

MARKS = {"line": "lines", "points": "markers", "joined": "lines+markers", "spikes": "markers", "bars": ""}


@cache
def plotly_script() -> str:
    """The library that draws in the browser."""
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text("utf-8")


@cache
def asset(name: str) -> str:
    """Read a file of `neuristor/pages`.

    Parameters
    ----------
    name : str
        Its name.
    """
    return files("neuristor").joinpath("pages", name).read_text("utf-8")


def environment() -> jinja2.Environment:
    """The templates of `neuristor/pages`: what they insert is escaped."""
    return jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(asset),
    )


def page(pictures: Sequence[Picture], title: str) -> str:
    """Make a page of pictures, in one file.

    Parameters
    ----------
    pictures : sequence of Picture
        The pictures.
    title : str
        Heading of the page.

    Returns
    -------
    str
        HTML; the same pictures give the same text.
    """
    about = pictures[0].about if pictures else {}
    blocks = [block(each) for each in pictures]
    return whole("pictures.html.j2", title=title, blocks=blocks, about=about, version=__version__)


def whole(template: str, **values: Any) -> str:
    """Fill a template of a page that stands alone: its style and its scripts are inside.

    Parameters
    ----------
    template : str
        Its name.
    **values
        What it shows.

    Returns
    -------
    str
        HTML.
    """
    scripts = f"<script>{plotly_script()}</script>\n<script>\n{asset('plots.js')}</script>"
    return environment().get_template(template).render(style=asset("style.css"), scripts=scripts, **values)


def block(picture: Picture, data: Sequence[str] = ()) -> str:
    """Make a picture as a part of a page.

    Parameters
    ----------
    picture : Picture
        The picture.
    data : sequence of str
        Names of files beside the page that have its data.

    Returns
    -------
    str
        HTML.
    """
    pixels = all(panel.pixels is not None for panel in picture.panels)
    image = base64.b64encode(rendered(picture, "png")).decode() if pixels else ""
    panels = [] if pixels else [(panel, embedded(figure(panel))) for panel in picture.panels]
    return (
        environment()
        .get_template("picture.html.j2")
        .render(
            picture=picture, panels=panels, image=image, data=data, least={1: 560, 2: 330}.get(picture.columns, 230)
        )
    )


def embedded(value: Any) -> str:
    """Write JSON for an element ``script``.

    Parameters
    ----------
    value : Any
        What JSON can hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def figure(panel: Panel) -> dict[str, Any]:
    """Describe a panel for plotly; colours are given by the page, by ``meta.role`` and the theme.

    Parameters
    ----------
    panel : Panel
        The panel.

    Returns
    -------
    dict
        ``data`` and ``layout``.
    """
    named = len([each for each in panel.series if each.name])
    layout: dict[str, Any] = {
        "title": {"text": html.escape(panel.title)} if panel.title else {},
        "xaxis": _axis(panel.x),
        "yaxis": _axis(panel.y),
        "showlegend": named > 1,
        "shapes": _shapes(panel),
        "annotations": [
            {
                "x": float(np.log10(text.x)) if panel.x.log else text.x,
                "y": float(np.log10(text.y)) if panel.y.log else text.y,
                "text": html.escape(text.text),
                "showarrow": False,
            }
            for text in panel.texts
        ],
        "meta": {"bad": panel.bad},
    }
    if panel.square:
        layout["yaxis"] |= {"scaleanchor": "x", "constrain": "domain"}
        layout["xaxis"] |= {"constrain": "domain"}
    if panel.pixels is not None:
        scale = panel.scale or panel.y
        layout["yaxis"] |= {"autorange": "reversed", "scaleanchor": "x"}
        trace = {"type": "heatmap", "z": np.asarray(panel.pixels, dtype=np.float64).tolist(), "meta": {"role": "image"}}
        hover = f"row %{{y}}, column %{{x}}<br>{_shown(scale, 'z')}<extra></extra>"
        return {"data": [{**trace, "hovertemplate": hover}], "layout": layout}
    data = []
    for each in panel.series:
        data += _traces(panel, each)
    return {"data": data, "layout": layout}


def _array(values: Any) -> Any:
    """Numbers as plotly reads them fastest, without loss."""
    found = np.asarray(values, dtype="<f8").ravel()
    return {"dtype": "f8", "bdata": base64.b64encode(found.tobytes()).decode()}


def _traces(panel: Panel, each: Series) -> list[dict[str, Any]]:
    hover = f"{_shown(panel.x, 'x')}<br>{_shown(panel.y, 'y')}"
    common: dict[str, Any] = {
        "type": "bar" if each.kind == "bars" else "scatter",
        "name": html.escape(each.name),
        "x": _array(each.x),
        "y": _array(each.y),
        "meta": {"role": each.role, "kind": each.kind},
        "hovertemplate": (f"<b>{html.escape(each.name)}</b><br>" if each.name else "") + hover + "<extra></extra>",
    }
    if each.kind != "bars":
        common["mode"] = MARKS[each.kind]
    if each.low is None:
        return [common]
    lower = {**common, "y": _array(each.low), "mode": "lines", "showlegend": False, "legendgroup": each.name}
    upper = {**common, "mode": "lines", "fill": "tonexty", "legendgroup": each.name}
    upper["meta"] = lower["meta"] = {"role": each.role, "kind": "area"}
    return [lower, upper]


def _shown(axis: Axis, letter: str) -> str:
    """A quantity under the pointer, with its unit."""
    form = ".5~s" if axis.prefixed else "d" if axis.whole else ".5~g"
    unit = axis.sign if axis.prefixed else f" {axis.sign}" if axis.sign else ""
    return f"{html.escape(axis.name)} %{{{letter}:{form}}}{html.escape(unit)}"


def _axis(axis: Axis) -> dict[str, Any]:
    made: dict[str, Any] = {"title": {"text": html.escape(axis.name)}}
    if axis.prefixed:
        made |= {"tickformat": "~s", "ticksuffix": axis.sign}
    elif axis.sign:
        made["title"] = {"text": html.escape(f"{axis.name} ({axis.sign})")}
    if axis.whole:
        made["tickformat"] = "d"
    if axis.log:
        made["type"] = "log"
    if axis.limits is not None:
        low, high = axis.limits
        made["range"] = [float(np.log10(low)), float(np.log10(high))] if axis.log else [float(low), float(high)]
    return made


def _shapes(panel: Panel) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for region in panel.regions:
        made.append(
            {
                "type": "rect",
                "name": "region",
                "layer": "below",
                "x0": region.start,
                "x1": region.stop,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "label": {"text": html.escape(region.label), "textposition": "top left"},
            }
        )
    for guide in panel.guides:
        across = {"yref": "paper", "y0": 0, "y1": 1} if guide.axis == "x" else {"xref": "paper", "x0": 0, "x1": 1}
        at = {f"{guide.axis}0": guide.value, f"{guide.axis}1": guide.value}
        place = (
            {"textposition": "start", "yanchor": "bottom"}
            if guide.axis == "x"
            else {"textposition": "end", "yanchor": "top"}
        )
        label = {"text": html.escape(guide.label), "textangle": 0, "xanchor": "right", **place}
        made.append({"type": "line", "name": "guide", **across, **at, "label": label})
    return made
