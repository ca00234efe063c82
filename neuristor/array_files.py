"""Files that describe an array neuron by neuron: measured devices, and the edges between them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.io import mminfo, mmread

from neuristor.golden_model.equations.units import column_unit
from neuristor.golden_model.files import MOST_CELLS, arrays, content, decoded, delimited, few_cells
from neuristor.golden_model.neurons.coupling import Coupling

__all__ = [
    "EdgeList",
    "cell_number",
    "column_title",
    "from_graph",
    "from_matrix",
    "read_devices",
    "read_edges",
    "table_rows",
]

MAX_BYTES = 64 * 1024 * 1024
"""Largest file, in bytes."""
MOST_EDGES = 1_000_000
"""Most edges of a file."""
MOST_IN_MATRIX = 4096
"""Most neurons whose edges may be a matrix."""
INDEX = ("neuron", "device", "index", "n")
"""Names of a column that only numbers the rows."""


class EdgeList(NamedTuple):
    """Edges of a file."""

    pairs: tuple[tuple[int, int], ...]
    """Their ends."""
    values: tuple[float, ...]
    """Their values; empty if the file has none."""
    unit: str
    """Unit of the values that the file names, or none."""

    def coupling(self, kind: str, count: int, directed: bool, value: float | None = None) -> Coupling:
        """The edges as a coupling. A ``ValueError`` is raised if one cannot be.

        Parameters
        ----------
        kind : str
            Kind of the edges.
        count : int
            Neurons of the array.
        directed : bool
            Whether an edge (i, j) acts on i only.
        value : float, optional
            Value of weight 1; by default that of the strongest edge.
        """
        known: Any = kind
        if self.values:
            return Coupling.of_edges(known, count, self.pairs, self.values, directed=directed, value=value)
        weight = math.nan if value is None else value
        return Coupling(kind=known, value=weight, topology="edges", count=count, edges=self.pairs, directed=directed)


def table_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Lines of a table that are not empty or comments, with their numbers.

    Parameters
    ----------
    path : Path
        A CSV file (columns separated by commas, semicolons or tabs), or a Parquet file.

    Yields
    ------
    line : int
        Number of the line, from 1; that of the titles of a Parquet file is 0.
    cells : list of str
        Its cells.

    Raises
    ------
    ValueError
        If the file is too large, or no table in text.
    """
    if path.suffix == ".parquet":
        yield from _columnar(path)
        return
    try:
        found = decoded(content(path, MAX_BYTES))
        few_cells(path, found)
        table, delimiter = delimited(found)
        for line, cells in enumerate(csv.reader(io.StringIO(table, ""), delimiter=delimiter), start=1):
            if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#"):
                yield line, [cell.strip() for cell in cells]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except csv.Error as error:
        raise ValueError(f"{path} must be a CSV file: {error}") from None


def _columnar(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a Parquet file; a unit in the metadata of a column goes into its title.

    Raises
    ------
    ValueError
        If it cannot be read, is too large, or a column has no numbers.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(content(path, MAX_BYTES)))
        cells = file.metadata.num_rows * file.metadata.num_columns
        if cells > MOST_CELLS:
            raise ValueError(f"{path} must have at most {MOST_CELLS:,} cells, not {cells:,}")
        titles = []
        for field in file.schema_arrow:
            if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
                raise ValueError(f"{path}: column {field.name} must hold numbers, not {field.type}")
            unit = (field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace")
            titles.append(f"{field.name} ({unit})" if unit else field.name)
        yield 0, titles
        line = 0
        for batch in file.iter_batches(batch_size=4096):
            for cells_of in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                line += 1
                yield line, ["" if cell is None else repr(cell) for cell in cells_of]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or 'no Parquet file'})") from None
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read as a Parquet file ({str(error).splitlines()[0]})") from None


def cell_number(path: Path, line: int, cell: str, what: str) -> float:
    """The number in a cell of a table.

    Parameters
    ----------
    path : Path
        The file.
    line : int
        Number of the line.
    cell : str
        The cell.
    what : str
        What it is, for the message.

    Raises
    ------
    ValueError
        If it is no finite number.
    """
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path}, line {line}: {what} must be a finite number, not {cell!r}")
    return value


def column_title(cell: str) -> tuple[str, str]:
    """A title of a column: name and unit, as in ``v_th (mV)``.

    Parameters
    ----------
    cell : str
        The title.

    Returns
    -------
    name, unit : str
        The unit is empty if there is none.
    """
    found = re.fullmatch(r"\s*([^(\[]*?)\s*(?:[(\[]\s*([^)\]]*)\s*[)\]])?\s*", cell)
    return (found[1], found[2] or "") if found else (cell, "")


def read_devices(path: Path, count: int, units: Mapping[str, str] | None = None) -> dict[str, NDArray[np.float64]]:
    """Measured devices: a row for each neuron, a column for each parameter, with a title such as ``v_th (mV)``.

    Parameters
    ----------
    path : Path
        A CSV file (columns separated by commas, semicolons or tabs) or a Parquet file.
    count : int
        Neurons of the array.
    units : mapping of str to str, optional
        A unit of each parameter that is known; the file may have other ones of the same quantity.

    Returns
    -------
    dict of str to ndarray of float, shape (count,)
        Values in SI units, by name; a column that only numbers the rows is left out.

    Raises
    ------
    ValueError
        If there is no title, a row is missing or one too many, or a value is no finite number.
    """
    rows = table_rows(path)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{path}: it holds nothing; wanted titles such as v_th, and a row for each of {count} neurons")
    titles, found = [], []
    for number, cell in enumerate(first[1], start=1):
        name, unit = column_title(cell)
        if not name.isidentifier():
            raise ValueError(f"{path}, line {first[0]}: column {number} needs the name of a parameter, not {cell!r}")
        if name in titles:
            raise ValueError(f"{path}, line {first[0]}: {name} stands twice")
        titles.append(name)
        try:
            found.append(column_unit(unit, (units or {}).get(name)) if unit else None)
        except ValueError as error:
            raise ValueError(f"{path}, line {first[0]}: {name}: {error}") from None
    values: list[list[float]] = []
    for line, cells in rows:
        if len(cells) != len(titles):
            raise ValueError(f"{path}, line {line}: wanted {len(titles)} values, as there are titles, not {len(cells)}")
        values.append([cell_number(path, line, cell, name) for name, cell in zip(titles, cells, strict=True)])
        if len(values) > count:
            raise ValueError(f"{path}: wanted a row for each of the {count} neurons; there are more")
    if len(values) < count:
        raise ValueError(f"{path}: wanted a row for each of the {count} neurons, not {len(values)}")
    columns = {
        name: column if unit is None else column * unit.factor + unit.offset
        for name, column, unit in zip(titles, np.array(values).T, found, strict=True)
    }
    return {name: column for name, column in columns.items() if name.lower() not in INDEX}


def read_edges(path: Path, count: int, directed: bool) -> EdgeList:
    """Edges between neurons.

    Parameters
    ----------
    path : Path
        A CSV file with the columns i, j and value (or i and j only), or a square matrix, whose entries other
        than 0 are edges: a Matrix Market file (.mtx), or the array ``edges`` of a NumPy file (.npz).
    count : int
        Neurons of the array.
    directed : bool
        Whether (i, j) and (j, i) are two edges; a matrix must be symmetric otherwise.

    Returns
    -------
    EdgeList
        The edges.

    Raises
    ------
    ValueError
        If the file cannot be understood, or has more than `MOST_EDGES`.
    """
    if path.suffix in (".mtx", ".npz"):
        return from_matrix(_matrix(path, count), directed, str(path))
    return _listed(path, count)


def from_matrix(matrix: NDArray[np.float64], directed: bool, where: str = "edges") -> EdgeList:
    """The entries of a square matrix that are not 0, as edges.

    Parameters
    ----------
    matrix : ndarray of float, shape (count, count)
        Element (i, j) is the value of the edge with which j acts on i.
    directed : bool
        Whether (i, j) and (j, i) are two edges.
    where : str
        What it is, for messages.

    Raises
    ------
    ValueError
        If it is not symmetric, and edges have no direction, or it has more than `MOST_EDGES`.
    """
    i, j = np.nonzero(matrix)
    if not directed:
        if not np.array_equal(matrix, matrix.T):
            raise ValueError(f"{where}: the matrix must be symmetric, or its edges directed")
        i, j = i[i < j], j[i < j]
    if len(i) > MOST_EDGES:
        raise ValueError(f"{where} must hold at most {MOST_EDGES:,} edges, not {len(i):,}")
    return EdgeList(tuple(zip(i.tolist(), j.tolist(), strict=True)), tuple(matrix[i, j].tolist()), "")


def from_graph(graph: Any) -> EdgeList:
    """The edges of a NetworkX graph whose nodes are neurons; the value of an edge is its attribute ``value``.

    Parameters
    ----------
    graph : networkx.Graph or networkx.DiGraph
        In a DiGraph, the edge (i, j) acts on j.

    Raises
    ------
    ValueError
        If a node is no number, or only some edges have a value.
    """
    pairs, values = [], []
    for i, j, value in graph.edges(data="value"):
        if not all(isinstance(each, int) for each in (i, j)):
            raise ValueError(f"the nodes of the graph must be neurons, numbered from 0, not {i!r} and {j!r}")
        pairs.append((j, i) if graph.is_directed() else (i, j))
        values.append(value)
    given = [float(value) for value in values if value is not None]
    if given and len(given) < len(values):
        raise ValueError("either all edges of the graph or none must have the attribute 'value'")
    return EdgeList(tuple(pairs), tuple(given), "")


def _matrix(path: Path, count: int) -> NDArray[np.float64]:
    """A square matrix.

    Raises
    ------
    ValueError
        If it cannot be read, or has another shape.
    """
    if count > MOST_IN_MATRIX:
        raise ValueError(
            f"{path}: a matrix is read for at most {MOST_IN_MATRIX} neurons; write i, j and value in a CSV file"
        )
    if path.suffix == ".npz":
        held = arrays(path, ["edges"])
        if "edges" not in held:
            raise ValueError(f"{path}: the array 'edges' is missing")
        found: Any = held["edges"]
    else:
        data = content(path, MAX_BYTES)
        try:
            shape = mminfo(io.BytesIO(data))[:2]
            if max(shape) > count:
                raise ValueError(f"{path}: the matrix must be one of {count} by {count} numbers, not of shape {shape}")
            found = mmread(io.BytesIO(data))
        except (ValueError, EOFError, OverflowError, TypeError) as error:
            text = str(error)
            raise ValueError(text if str(path) in text else f"{path}: cannot be read as a matrix ({text})") from None
        found = found.toarray() if hasattr(found, "toarray") else found
    if np.shape(found) != (count, count) or np.asarray(found).dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: the matrix must be one of {count} by {count} numbers, not of shape {np.shape(found)}"
        )
    made = np.asarray(found, dtype=np.float64)
    if not np.isfinite(made).all():
        raise ValueError(f"{path}: all values must be finite")
    return made


def _listed(path: Path, count: int) -> EdgeList:
    pairs: list[tuple[int, int]] = []
    values: list[float] = []
    unit, width = "", 0
    for line, cells in table_rows(path):
        if not width:
            width = len(cells)
            if width not in (2, 3):
                raise ValueError(f"{path}, line {line}: wanted the columns i, j and value, not {width} columns")
            if not re.fullmatch(r"[+-]?\d+", cells[0]):
                unit = column_title(cells[2])[1] if width == 3 else ""
                continue
        if len(cells) != width:
            raise ValueError(f"{path}, line {line}: wanted {width} columns, not {len(cells)}")
        ends = [cell_number(path, line, cell, "the number of a neuron") for cell in cells[:2]]
        if not all(end == int(end) and 0 <= end < count for end in ends):
            raise ValueError(
                f"{path}, line {line}: the ends of an edge must be neurons from 0 to {count - 1}, not {cells[0]} and "
                f"{cells[1]}"
            )
        pairs.append((int(ends[0]), int(ends[1])))
        if width == 3:
            values.append(cell_number(path, line, cells[2], "the value of an edge"))
        if len(pairs) > MOST_EDGES:
            raise ValueError(f"{path} must hold at most {MOST_EDGES:,} edges")
    scale = 1.0
    if unit:
        try:
            scale = column_unit(unit).factor
        except ValueError as error:
            raise ValueError(f"{path}: the unit of the values: {error}") from None
    return EdgeList(tuple(pairs), tuple(scale * value for value in values), unit)
