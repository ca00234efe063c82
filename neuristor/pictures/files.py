"""A picture as a file: drawn, as a page, or as data with names, units and the hash of the design."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from neuristor.folder import check_target, write_file
from neuristor.golden_model.files import npz
from neuristor.pictures.paper import WIDTHS, rendered
from neuristor.pictures.picture import Picture

__all__ = ["ENDINGS", "check_picture_file", "content", "frame", "write_picture"]

ENDINGS = (".svg", ".pdf", ".png", ".html", ".csv", ".parquet", ".npz")
"""Endings of the files that can be written."""


def check_picture_file(path: Path, *, force: bool) -> None:
    """Check that a picture can be written to a file, before anything is computed.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        It may exist.

    Raises
    ------
    ValueError
        If its name has another ending, or it cannot be written.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(
            f"{path} must end in .svg, .pdf or .png (a drawing), .html (a page), or .csv, .parquet or .npz (its data)"
        )
    check_target(path, force=force)


def write_picture(path: Path, picture: Picture, *, force: bool = False, width: str = "page") -> None:
    """Write a picture or its data, completely or not at all.

    Parameters
    ----------
    path : Path
        The file; its ending says what is written.
    picture : Picture
        The picture.
    force : bool
        Replace a file of that name.
    width : {"page", "column"}
        Width of a drawing.

    Raises
    ------
    ValueError
        If its name has another ending, or it cannot be written.
    """
    check_picture_file(path, force=force)
    write_file(path, content(picture, path.suffix.lower(), width), force=force)


def content(picture: Picture, ending: str, width: str = "page") -> bytes:
    """Render the content of a file; the same picture gives the same bytes.

    Parameters
    ----------
    picture : Picture
        The picture.
    ending : str
        One of `ENDINGS`.
    width : {"page", "column"}
        Width of a drawing.

    Raises
    ------
    ValueError
        If there is no such width.
    """
    if width not in WIDTHS:
        raise ValueError(f"width must be {' or '.join(WIDTHS)}, not {width!r}")
    if ending == ".html":
        from neuristor.pictures.screen import page

        return page([picture], picture.title).encode()
    if ending in (".svg", ".pdf", ".png"):
        return rendered(picture, ending[1:], width)
    if ending == ".npz":
        return _npz(picture)
    table = _table(picture)
    buffer = io.BytesIO()
    if ending == ".csv":
        for key, value in {"picture": picture.title, **picture.about}.items():
            buffer.write(f"# {key}: {' '.join(str(value).split())}\n".encode())
        pa_csv.write_csv(table, buffer, pa_csv.WriteOptions(quoting_style="needed"))
    else:
        pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def frame(picture: Picture) -> Any:
    """The data as a table of pandas.

    Parameters
    ----------
    picture : Picture
        The picture.

    Returns
    -------
    pandas.DataFrame
        A row for each point; ``attrs`` has what the picture is about.
    """
    from neuristor.data import pandas

    pandas()
    made = _table(picture).to_pandas()
    made.attrs = {"title": picture.title, **picture.about}
    return made


def _table(picture: Picture) -> pa.Table:
    """The data, a row for each point: panel, series, x and y, each with its quantity and its unit."""
    names = ("panel", "series", "x_quantity", "x_unit", "y_quantity", "y_unit")
    texts: dict[str, list[str]] = {name: [] for name in names}
    numbers: dict[str, list[Any]] = {"x": [], "y": [], "y_low": []}
    for panel in picture.panels:
        for series, (x, y, low) in _points(panel).items():
            words = (panel.title or picture.name, series, panel.x.name, panel.x.unit)
            scale = panel.scale or panel.y
            for name, word in zip(names, (*words, scale.name, scale.unit), strict=True):
                texts[name] += [word] * len(x)
            for name, values in (("x", x), ("y", y), ("y_low", low)):
                numbers[name].append(values)
    columns: dict[str, Any] = {
        name: pa.array(values, pa.string()).dictionary_encode() for name, values in texts.items()
    }
    for name, values in numbers.items():
        whole = np.concatenate([*values, np.zeros(0)])
        if name != "y_low" or not np.isnan(whole).all():
            columns[name] = pa.array(whole)
    order = ["panel", "series", "x_quantity", "x_unit", "x", "y_quantity", "y_unit", "y", "y_low"]
    kept = [name for name in order if name in columns]
    table = pa.Table.from_arrays([columns[name] for name in kept], names=kept)
    about = {"title": picture.title, "caption": picture.caption, **picture.about}
    return table.replace_schema_metadata({key: str(value) for key, value in about.items()})


def _points(panel: Any) -> dict[str, tuple[Any, Any, Any]]:
    """The numbers of a panel by series: x, y and the lower edge; of an image, place and value of each pixel."""
    if panel.pixels is not None:
        pixels = np.asarray(panel.pixels, dtype=np.float64)
        empty = np.full(pixels.size, np.nan)
        return {"pixels": (np.arange(pixels.size, dtype=np.float64), pixels.ravel(), empty)}
    found = {}
    for number, each in enumerate(panel.series):
        x, y = (np.asarray(values, dtype=np.float64).ravel() for values in (each.x, each.y))
        low = np.full(len(x), np.nan) if each.low is None else np.asarray(each.low, dtype=np.float64)
        name = each.name or (panel.title if len(panel.series) == 1 else f"series {number + 1}")
        found[name if name not in found else f"{name} ({number + 1})"] = x, y, low
    return found


def _npz(picture: Picture) -> bytes:
    arrays: dict[str, Any] = {}
    units: dict[str, str] = {}
    for panel in picture.panels:
        for name, (x, y, low) in _points(panel).items():
            stem = f"{panel.title or picture.name}: {name}"
            scale = panel.scale or panel.y
            made = {f"{stem}: {panel.x.name}": (x, panel.x.unit), f"{stem}: {scale.name}": (y, scale.unit)}
            if not np.isnan(low).all():
                made[f"{stem}: {scale.name}, lower edge"] = low, scale.unit
            for key, (values, unit) in made.items():
                plain = key.replace("/", " per ")
                arrays[plain] = values
                if unit:
                    units[plain] = unit
    about = {"title": picture.title, **picture.about}
    arrays |= {"units": np.array(json.dumps(units)), "about": np.array(json.dumps(about))}
    return npz(arrays)
