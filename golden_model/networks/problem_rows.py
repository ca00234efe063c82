"""Rows of files of graphs and of Ising problems: two names and perhaps a number.

`problem_files` makes problems of them. The format is recognised by the content: DIMACS and qbsolv (lines with letters),
or a list. A list may begin with a count or with names of columns; which it is follows from the other rows.
"""

from __future__ import annotations

import csv
import io
import math
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.files import text
from neuristor.golden_model.networks.ising import LARGEST, MOST_SPINS, GraphError

__all__ = ["VARTYPES", "Entries", "as_number", "is_number", "opened", "read_entries", "split_rows"]

MOST_BYTES = 32 * 1024 * 1024
"""Largest size of a file, in bytes."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = Iterator[tuple[int, list[str]]]

_BANNER = re.compile(r"%%MatrixMarket\s+matrix\s+coordinate\s+(?:real|integer|pattern)\s+(symmetric|general)\s", re.I)
_PROBLEM = re.compile(r"^[ \t]*p[ \t]+(?:qubo\s|[A-Za-z]\w*[ \t]+\S+[ \t]+\S)", re.MULTILINE)
_OLD_PROBLEM = re.compile(r"^[ \t]*p[ \t]+(?:edges?|col|\d+)[ \t]+\d+", re.MULTILINE)
_EDGE = re.compile(r"^[ \t]*[ae][ \t]+\d+[ \t]+\d+", re.MULTILINE | re.IGNORECASE)
_OTHER = re.compile(r"^[ \t]*(?![ce#%][ \t]|[c#%]?$|[#%])\S", re.MULTILINE | re.IGNORECASE)
_VARTYPE = re.compile(r"^[ \t]*#.*?vartype[ \t]*[:=][ \t]*(\w+)", re.MULTILINE)
_WEIGHT = re.compile(r"""(?<!\w)weight['"]\s*:\s*(?:\w+\.\w+\()?([^,})]*)""")
_DECIMAL_COMMA = re.compile(r"[^\s,]+\s+[^\s,]+\s+[-+]?\d+,\d+(?:[eE][-+]?\d+)?")
VARTYPES = {"BINARY": "a QUBO (problem qubo)", "SPIN": "an Ising problem (problem ising)"}
"""Kinds of problems by the type of their variables, as dimod names it."""
_DESCRIPTORS = frozenset("bdlnstvwx")
"""Lines of a DIMACS file that are no edges: bounds, coordinates, weights of vertices, solutions."""
_OTHER_FORMATS = {
    "DIMODBQM": "a binary file of dimod; dimod.serialization.coo writes a text file",
    "graph [": "GML; networkx.write_edgelist writes an edge list",
    "Creator": "GML; networkx.write_edgelist writes an edge list",
    "<": "XML, such as GraphML or GEXF; networkx.write_edgelist writes an edge list",
    "{": "JSON; networkx.write_edgelist writes an edge list",
    "*": "a Pajek file; networkx.write_edgelist writes an edge list",
    ">>": "graph6 or sparse6; networkx.write_edgelist writes an edge list",
    "33D32945": "a Steiner tree problem",
}
_PAIRS = (
    "source target, src dst, src dest, source destination, origin destination, source sink, from to, fromnode tonode, "
    "fromnodeid tonodeid, fromid toid, sourceid targetid, srcid dstid, node1 node2, nodea nodeb, nodei nodej, "
    "vertex1 vertex2, vertexa vertexb, v1 v2, n1 n2, id1 id2, start end, tail head, head tail, row col, row column, "
    "variable1 variable2, i j, u v, a b, s t, x y"
)
_COLUMNS = tuple(tuple(pair.split()) for pair in _PAIRS.split(", "))
"""Names of the two columns of vertices."""
_SORTED = {tuple(sorted(pair)) for pair in _COLUMNS}
_WEIGHTS = "weight weights w wt value val capacity cap cost distance dist length strength coupling bias q j"
_IGNORED = "type id label key timeset timestamp time interval color colour edgeid name"


@dataclass
class Entries:
    """Rows of a file: two names and perhaps a number.

    Parameters
    ----------
    path : Path
        The file.
    names : list of str
        Each name once, in the order of the file.
    pairs : ndarray of int, shape (rows, 2)
        Indices into `names`.
    weights : ndarray of float, shape (rows,)
        NaN where a row has none.
    lines : ndarray of int, shape (rows,)
        Line of each row, from 1.
    count : tuple of (int, int or None, int or None), optional
        Line, number of vertices and number of rows, if the file states them.
    kind : {"list", "networkx", "dimacs"}
        The format.
    width : int
        Largest number of cells in a row.
    vartype : {"", "BINARY", "SPIN"}
        Type of the variables, if the file states it.
    symmetric : bool
        Whether the rows are one triangle of a symmetric matrix.
    notes : list of str
        What a user should know about the reading.
    """

    path: Path
    names: list[str]
    pairs: Integers
    weights: Floats
    lines: Integers
    count: tuple[int, int | None, int | None] | None = None
    kind: str = "list"
    width: int = 0
    vartype: str = ""
    symmetric: bool = False
    notes: list[str] = field(default_factory=list)

    def error(self, row: int, message: str) -> GraphError:
        """Make an error about a row.

        Parameters
        ----------
        row : int
            Its number, from 0.
        message : str
            What is wrong.
        """
        return GraphError(f"{self.path}, line {self.lines[row]}: {message}")


def opened(path: Path) -> str:
    """Text of a file.

    Parameters
    ----------
    path : Path
        The file, of at most `MOST_BYTES`.

    Raises
    ------
    GraphError
        If it cannot be read, or has a format that is known and not read here.
    """
    try:
        found = text(path, MOST_BYTES)
    except ValueError as error:
        raise GraphError(str(error)) from None
    for beginning, what in _OTHER_FORMATS.items():
        if found.lstrip().startswith(beginning):
            raise GraphError(f"{path}: is {what}")
    return found


def split_rows(path: Path, found: str) -> Rows:
    """Cells of the lines that are not empty and no comments, with the numbers of the lines.

    Parameters
    ----------
    path : Path
        For messages.
    found : str
        The text.

    Yields
    ------
    line : int
        Number of the line, from 1.
    cells : list of str
        Its cells, without empty ones at the end.

    Raises
    ------
    GraphError
        If the quotation marks or the braces of a line are wrong.
    """
    for n, line in enumerate(io.StringIO(found), 1):
        line = line.strip(" \n")
        if not line.strip() or line.lstrip().startswith(("#", "%", "//")):
            continue
        try:
            cells = _cells(line)
        except (ValueError, csv.Error) as error:
            raise GraphError(f"{path}, line {n}: {error}") from None
        if cells:
            yield n, cells


def _cells(line: str) -> list[str]:
    """Cells of a line; ``{}`` and the weight stand for the dictionary of NetworkX.

    Raises
    ------
    ValueError
        If the dictionary has no end.
    """
    line, brace, attributes = line.partition("{")
    if brace and not attributes.endswith("}"):
        raise ValueError("a dictionary must end with }")
    if "#" in line and '"' not in line:
        line = re.split(r"\s#", line, maxsplit=1)[0]
    if "\t" not in line.lstrip():
        line = line.strip()  # indented
    separator = next((each for each in ";\t," if each in line), None)
    if separator == "," and _DECIMAL_COMMA.fullmatch(line):
        separator = None
    if '"' in line:
        reader = csv.reader([line], delimiter=separator or " ", skipinitialspace=True, strict=True)
        cells = [cell.strip() for cell in next(reader)]
    else:
        cells = [cell.strip() for cell in line.split(separator)]
        if separator and any(" " in cell and all(map(is_number, cell.split())) for cell in cells):
            cells = re.split(r"[\s,;]+", line.strip())  # numbers are no names with blanks
    while cells and not cells[-1]:
        cells.pop()
    if brace:
        weight = _WEIGHT.search(attributes)
        cells += ["{}", *([weight[1].strip()] if weight else [])]
    return cells


def is_number(word: str) -> bool:
    """Whether a word is a number, perhaps with a decimal comma.

    Parameters
    ----------
    word : str
        A cell of a file.
    """
    try:
        as_number(word)
    except ValueError:
        return False
    return True


def as_number(word: str) -> float:
    """Convert a word to a number.

    Parameters
    ----------
    word : str
        A number, perhaps with a decimal comma.

    Raises
    ------
    ValueError
        If it is none, not finite, or too large.
    """
    try:
        found = float(word.replace(",", ".").replace("_", "?"))  # Python allows 1_000
    except ValueError:
        raise ValueError(f"must be a number, not {word[:40]}") from None
    if not abs(found) <= LARGEST:
        raise ValueError(f"must be finite and at most {LARGEST:g}, not {word[:40]}")
    return found


def _name(word: str) -> str:
    """Name of a vertex: equal whole numbers have equal names, however they are written."""
    if word.isdecimal() and len(word) < 10:
        return str(int(word))
    whole = re.fullmatch(r"\d+\.\d*(?:[eE][-+]?\d{1,2})?", word)
    value = float(word) if whole else 0.5
    return str(int(value)) if value.is_integer() and value < 1e9 else word


def read_entries(path: Path) -> Entries:
    """Rows of a file of any format.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Entries
        Its rows.

    Raises
    ------
    GraphError
        If the file is invalid.
    """
    found = opened(path)
    lettered = _EDGE.search(found) and (_OLD_PROBLEM.search(found) or not _OTHER.search(found))
    if lettered or _PROBLEM.search(found):
        return _dimacs(path, found)
    made, vartype = _list(path, found), _VARTYPE.search(found)
    if vartype:
        made.vartype = vartype[1].upper()
        if made.vartype not in VARTYPES:
            raise GraphError(f"{path}: vartype must be BINARY or SPIN, not {vartype[1][:40]}")
    return made


def _scan(path: Path, rows: Rows, columns: tuple[int, ...], wide: bool = False) -> Entries:
    """Collect rows.

    Parameters
    ----------
    path : Path
        For messages.
    rows : iterator of (line, cells)
        The rows.
    columns : tuple of int
        Columns of the two vertices, and perhaps of the weight.
    wide : bool
        Whether there may be other columns.

    Raises
    ------
    GraphError
        If a row is invalid, or there are too many vertices.
    """
    place: dict[str, int] = {}
    known: dict[str, int] = {}  # as written
    ends, weights, lines = array("i"), array("d"), array("i")
    kind, width = "list", 0
    for line, cells in rows:
        if "{}" in cells:
            kind = "networkx"
            cells.remove("{}")
        width = max(width, len(cells))
        if not (max(columns[:2]) < len(cells) and (wide or len(cells) <= 3) and all(cells[n] for n in columns[:2])):
            raise GraphError(
                f"{path}, line {line}: must be two vertices and perhaps a weight, not {' '.join(cells)[:60]}"
            )
        for word in (cells[columns[0]], cells[columns[1]]):
            if word not in known:
                known[word] = place.setdefault(_name(word), len(place))
                if len(place) > MOST_SPINS:
                    raise GraphError(f"{path}, line {line}: must have at most {MOST_SPINS} vertices; this is one more")
            ends.append(known[word])
        try:
            given = len(columns) > 2 and len(cells) > columns[2] and cells[columns[2]]
            weights.append(as_number(cells[columns[2]]) if given else math.nan)
        except ValueError as error:
            raise GraphError(f"{path}, line {line}: a weight {error}") from None
        lines.append(line)
    pairs = np.array(ends, dtype=np.int64).reshape(-1, 2)
    made = Entries(path, list(place), pairs, np.array(weights), np.array(lines, dtype=np.int64))
    made.kind, made.width = kind, width
    return made


def _dimacs(path: Path, found: str) -> Entries:
    """Rows of a DIMACS file, or of a file of qbsolv.

    Raises
    ------
    GraphError
        If the file is invalid.
    """
    head: list[tuple[int, list[str]]] = []

    def edges() -> Rows:
        for n, line in enumerate(io.StringIO(found), 1):
            words = line.split()
            if not words or words[0][0] in "#%" or words[0] in ("c", "C"):
                continue
            letter = words[0].lower()
            if letter == "p":
                head.append((n, words))
            elif letter in ("e", "a"):
                yield n, words[1:]
            elif letter.isdecimal():
                yield n, words
            elif letter not in _DESCRIPTORS and not letter.startswith("c"):
                raise GraphError(f"{path}, line {n}: must begin with e, a, n or c, not {words[0][:20]}")

    made = _scan(path, edges(), (0, 1, 2))
    made.kind = "dimacs"
    if len(head) > 1:
        raise GraphError(f"{path}, line {head[1][0]}: is a second problem line; one is in line {head[0][0]}")
    if not head:
        return made
    line, words = head[0]
    size = [word for word in words[1:] if word.isdecimal() and len(word) < 19]
    name = "" if words[1].isdecimal() else words[1].lower()
    if name in ("cnf", "wcnf", "sat"):
        raise GraphError(f"{path}, line {line}: is a formula ({name}), no graph")
    if name == "qubo":
        made.kind, made.vartype = "list", "BINARY"
        if len(size) < 3 or words[-3:] != size[-3:]:
            raise GraphError(f"{path}, line {line}: must be p qubo 0 <variables> <linear> <quadratic terms>")
        linear = int((made.pairs[:, 0] == made.pairs[:, 1]).sum())
        for what, said, terms in (("linear", size[-2], linear), ("quadratic", size[-1], len(made.lines) - linear)):
            if int(said) != terms:
                raise GraphError(
                    f"{path}: must have {said} {what} terms, as line {line} says, not {terms}; is it complete?"
                )
        return made
    if words[1 + bool(name) :][:2] != size[:2] or len(size) < 2:
        raise GraphError(f"{path}, line {line}: must say how many vertices and edges, not {' '.join(words)[:60]}")
    made.count = (line, int(size[0]), int(size[1]))
    return made


def _list(path: Path, found: str) -> Entries:
    """Rows of a list of edges or terms, which may begin with a count or with names of columns.

    Raises
    ------
    GraphError
        If the file is invalid.
    """
    banner = _BANNER.match(found)
    if found.startswith("%%MatrixMarket") and not banner:
        raise GraphError(f"{path}, line 1: must be a real matrix in coordinates, symmetric or general")
    rows = split_rows(path, found)
    first = next(rows, None)
    if first is None:
        raise GraphError(f"{path}: contains no graph")
    columns = _named(first[1])
    made = _scan(path, rows, columns or (0, 1, 2), wide=columns is not None and len(first[1]) > 3)
    made.symmetric = banner is not None and banner[1].lower() == "symmetric"
    if _is_names(first[1], columns, made):
        if made.width > len(first[1]):
            raise GraphError(f"{path}: line {first[0]} names {len(first[1])} columns, but a row has {made.width} cells")
        if not len(made.lines):
            raise GraphError(f"{path}: contains no edges, only names of columns in line {first[0]}")
        if columns is not None and len(columns) == 2:
            made.notes.append(f"no column in line {first[0]} is named weight: all weights are 1")
        return made
    made.count = _count(first, made, banner is not None)
    if made.count is None:
        edge = _scan(path, iter([first]), (0, 1, 2))
        names = list(dict.fromkeys(chain(edge.names, made.names)))
        place = {name: n for n, name in enumerate(names)}
        moved = np.array([place[name] for name in made.names], dtype=np.int64)
        head = [[place[edge.names[n]] for n in edge.pairs[0]]]
        made.pairs = np.concatenate([np.array(head), moved[made.pairs]])
        made.weights, made.lines = (
            np.concatenate([one, other]) for one, other in ((edge.weights, made.weights), (edge.lines, made.lines))
        )
        made.names = names
        made.kind = "networkx" if "networkx" in (edge.kind, made.kind) else "list"
    return made


def _named(cells: list[str]) -> tuple[int, ...] | None:
    """Columns of the vertices and of the weight, if a row of cells names them."""
    plain = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in cells]
    indexed = not cells[0] and len(cells) in (3, 4)  # the index that pandas writes before the columns
    if any(map(is_number, cells)) and not indexed:
        return None
    if len(cells) == 2:
        return (0, 1, 2) if tuple(sorted(plain)) in _SORTED else None
    for pair in _COLUMNS:
        if set(pair) <= set(plain):
            a, b = (plain.index(name) for name in pair)
            others = [n for n in range(len(plain)) if n not in (a, b) and plain[n]]
            weight = next((n for n in others if plain[n] in _WEIGHTS.split()), None)
            if weight is None and len(others) == 1 and plain[others[0]] not in _IGNORED.split():
                weight = others[0]
            return (a, b) if weight is None else (a, b, weight)
    return tuple(range(1, len(cells))) if indexed else None


def _is_names(cells: list[str], columns: tuple[int, ...] | None, rest: Entries) -> bool:
    """Whether the first row names the columns of the others."""
    if "{}" in cells or len(cells) < 2:
        return False
    if columns is not None and (len(cells) > 3 or not cells[0]):
        return True
    if any(map(is_number, cells[:2])):
        return False
    if len(cells) == 3:
        return not is_number(cells[2])
    if set(map(_name, cells)) & set(rest.names):
        return False
    numbers = bool(rest.names) and all(map(is_number, rest.names))
    return numbers or (columns is not None and min(map(len, cells)) > 1)


def _count(first: tuple[int, list[str]], rest: Entries, banner: bool) -> tuple[int, int | None, int | None] | None:
    """The numbers of vertices and edges, if the first row is a count of the others.

    Raises
    ------
    GraphError
        If it can only be a count, and the others do not agree with it.
    """
    line, cells = first
    size = [int(cell) for cell in cells[:3] if cell.isdecimal() and len(cell) < 19]
    edges = len(rest.lines)
    a, b = rest.pairs.T if edges else (np.zeros(0), np.zeros(0))
    different = len(np.unique(np.minimum(a, b) * (len(rest.names) + 1) + np.maximum(a, b)))
    if len(cells) == len(size) == 1:
        if _range_fits(rest, size[0]):
            return line, size[0], None
        if size[0] in (edges, different):
            return line, None, size[0]
        raise GraphError(f"{rest.path}, line {line}: {size[0]} is not the number of vertices, nor of edges")
    if banner:
        if len(size) != 3 or size[0] != size[1]:
            raise GraphError(
                f"{rest.path}, line {line}: must be the size of a square matrix, not {' '.join(cells)[:60]}"
            )
        return line, size[0], size[2]
    if len(size) != 2 or len(cells) > 3 or (len(cells) == 3 and not cells[2].isalpha()):
        return None
    if len(cells) == 3 or (edges and (~np.isnan(rest.weights)).any()):
        return line, size[0], size[1]
    if edges and _range_fits(rest, size[0]) and size[1] in (edges, different, 2 * different):
        rest.notes.append(f"line {line} is read as the numbers of vertices and edges")
        return line, size[0], size[1]
    return None


def _range_fits(found: Entries, count: int) -> bool:
    """Whether the vertices are numbers from 1 or 0 to a count, or names of at most as many."""
    numbers = [name.isdecimal() for name in found.names]
    if not all(numbers):
        return not any(map(is_number, found.names)) and len(found.names) <= count
    values = [int(name) for name in found.names]
    low = min(values, default=1)
    return max(values, default=0) <= (count if low else count - 1)
