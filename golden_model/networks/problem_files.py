"""Files of graphs, of QUBO and Ising problems, and of numbers.

Formats are recognised by their content. A graph has no self-loops and one edge between two vertices, so one rule holds
for all of its files:

- An edge that occurs again, in either direction, with the same weight is the same edge. Another weight is an error.
- A self-loop is left out. In a list with weights it is an error, because it may be the linear term of a QUBO.

The reader remarks on what it left out (`Graph.notes`). In a QUBO or Ising problem all terms are added.

References
----------
DIMACS, "Clique and coloring problems: graph format", 1993. G. Rinaldi, rudy (the format of the G-set). A. Wiegele, Biq
Mac Library, 2007 (sparse and full matrices). D-Wave Systems: qbsolv (``.qubo``) and dimod (``coo``).
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.networks.ising import MOST_SPINS, Graph, GraphError, Ising
from neuristor.golden_model.networks.problem_rows import (
    VARTYPES,
    Entries,
    as_number,
    is_number,
    opened,
    read_entries,
    split_rows,
)

__all__ = ["read_graph", "read_ising", "read_numbers", "read_qubo"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def read_graph(path: Path | str, *, weighted: bool = True) -> Graph:
    """Read a graph from a file.

    The format is recognised by the content:

    - *DIMACS*: ``p <word> <vertices> <edges>``, then ``e <i> <j> [weight]`` or ``a <i> <j> [weight]``; lines with ``c``
      and other letters of the standard are ignored. The number of edges need not be right, as in many published
      files; a difference is a note.
    - *G-set*, Matrix Market and others that begin with a count: ``<vertices> <edges>``, then ``<i> <j> [weight]``.
    - *Edge list*: ``<name> <name> [weight]``, perhaps after a line of names such as ``source,target,weight``;
      separated by blanks, tabs, commas or semicolons; the edge lists of NetworkX too.

    Vertices are numbered from 1, or from 0 if the file has a vertex 0. A first line of two whole numbers is a count if
    all other lines have weights, or if the file has as many edges and vertices as it says; otherwise it is an edge.
    Lines with ``#`` or ``%`` are comments.

    Parameters
    ----------
    path : Path or str
        File of at most 32 MiB; at most 4096 vertices.
    weighted : bool
        If false, all weights are 1, and edges may occur again with other weights.

    Returns
    -------
    Graph
        An edge without a weight has the weight 1.

    Raises
    ------
    GraphError
        If the file is invalid; the message names the file, the line and what was expected.
    """
    found = read_entries(Path(path))
    if found.vartype:
        raise GraphError(f"{path}: is {VARTYPES[found.vartype]}, not a graph")
    a, b = found.pairs.T
    loops = a == b
    if loops.any():
        row = int(np.argmax(loops & ~np.isnan(found.weights)))
        if found.kind == "list" and loops[row] and not math.isnan(found.weights[row]):
            vertex = found.names[a[row]]
            raise found.error(
                row, f"this edge leads from vertex {vertex} to itself; if this is {VARTYPES['BINARY']}, say so"
            )
        found.notes.append(f"{loops.sum()} self-loops are left out")
    rows = np.flatnonzero(~loops)
    weights = np.where(np.isnan(found.weights), 1.0, found.weights) if weighted else np.ones(len(a))
    keys = np.minimum(a, b)[rows] * len(found.names) + np.maximum(a, b)[rows]
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    differs = np.flatnonzero(weights[rows[first[same]]] != weights[rows])
    if len(differs):
        row, earlier = rows[differs[0]], rows[first[same[differs[0]]]]
        raise found.error(
            row,
            f"this edge from {found.names[a[row]]} to {found.names[b[row]]} occurs twice, with weight {weights[row]:g} "
            f"and in line {found.lines[earlier]} with weight {weights[earlier]:g}; which is right?",
        )
    if len(first) < len(rows):
        found.notes.append(f"{len(rows) - len(first)} repeated edges are counted once")
    strange = [n for n, name in enumerate(found.names) if not name.isdigit()]
    if found.kind == "list" and strange and len(strange) <= len(found.names) // 5:
        row = int(np.argmax((found.pairs == strange[0]).any(axis=1)))
        found.notes.append(
            f"the vertex {found.names[strange[0]]!r} in line {found.lines[row]} is no number, as others are"
        )
    _check_count(found, len(first), len(first) + len(np.unique(a[loops])))
    kept = rows[np.sort(first)]
    names, index = _vertices(found)
    return Graph(names, index[found.pairs[kept]], weights[kept], tuple(found.notes))


def read_qubo(path: Path | str, *, upper_triangle: bool = False) -> Ising:
    """Read a quadratic unconstrained binary optimisation problem: the minimum of ``sum q_ij x_i x_j``, x 0 or 1.

    The file has one of these formats, which is recognised by its content:

    - *Lines* ``<i> <j> <q>``; with i = j it is a linear term. They may follow a count ``<variables> <lines>`` (Biq
      Mac), ``# vartype=BINARY`` (dimod), ``p qubo 0 <variables> <linear> <quadratic>`` (qbsolv), or names of columns.
    - *Matrix*: n lines of n numbers, perhaps after a line with n, which a matrix of 3 needs.

    Each number counts once; equal pairs are added, in either direction.

    Parameters
    ----------
    path : Path or str
        File of at most 32 MiB; at most 4096 variables.
    upper_triangle : bool
        Whether the lines are the upper triangle of a symmetric matrix, as in the Biq Mac Library and the OR-Library:
        then numbers off the diagonal count twice.

    Returns
    -------
    Ising
        The problem; its energy is the value of the sum, and spin +1 is x = 1.

    Raises
    ------
    GraphError
        If the file is invalid; the message names the file, the line and what was expected.
    """
    names, matrix = _terms(Path(path), "BINARY")
    if upper_triangle:
        if (matrix.astype(bool) & matrix.T.astype(bool) & ~np.eye(len(matrix), dtype=bool)).any():
            raise GraphError(f"{path}: must have one triangle of a symmetric matrix, but it has numbers in both")
        matrix = 2 * matrix - np.diag(matrix.diagonal())
    return Ising.from_qubo(matrix, variables=names)


def read_ising(path: Path | str) -> Ising:
    """Read an Ising problem: the minimum of ``sum h_i s_i + sum J_ij s_i s_j``, s +1 or -1.

    The formats are those of `read_qubo`, with ``# vartype=SPIN`` of dimod. A line ``<i> <i> <h>`` is a field.

    Parameters
    ----------
    path : Path or str
        File of at most 32 MiB; at most 4096 spins.

    Returns
    -------
    Ising
        The problem.

    Raises
    ------
    GraphError
        If the file is invalid; the message names the file, the line and what was expected.
    """
    names, matrix = _terms(Path(path), "SPIN")
    couplings = matrix + matrix.T
    np.fill_diagonal(couplings, 0)
    return Ising(couplings, matrix.diagonal().copy(), 0.0, names)


def read_numbers(path: Path | str) -> Floats:
    """Read numbers, separated by blanks, commas, semicolons or lines; a first line may name them.

    Parameters
    ----------
    path : Path or str
        File of at most 32 MiB.

    Returns
    -------
    ndarray of float, shape (numbers,)
        The numbers.

    Raises
    ------
    GraphError
        If something else is among them; the message names the line.
    """
    written = opened(Path(path))
    commas = [line.strip() for line in written.splitlines() if "," in line and line[0] not in "#%,"]
    if "\n" in written.strip() and commas and all(re.fullmatch(r"[-+]?\d+,\d+", line) for line in commas):
        raise GraphError(
            f"{path}: {commas[0]} may be one number or two; write {commas[0].replace(',', '.')} if it is one"
        )
    found: list[float] = []
    for n, (line, words) in enumerate(split_rows(Path(path), written)):
        if n == 0 and (not words[0] or not any(map(is_number, words))):
            if len(words) > 1:
                raise GraphError(f"{path}, line {line}: must name one column of numbers, not {len(words)}")
            continue
        for word in words:
            try:
                found.append(as_number(word))
            except ValueError as error:
                raise GraphError(f"{path}, line {line}: must hold numbers; each {error}") from None
    return np.array(found)


def _check_count(found: Entries, edges: int, with_loops: int) -> None:
    """Check the number of edges that a file states.

    Parameters
    ----------
    found : Entries
        The rows; a DIMACS file with a wrong number of edges gets a note.
    edges : int
        Different edges in the file.
    with_loops : int
        The same, and its different self-loops.

    Raises
    ------
    GraphError
        If they are not as many.
    """
    if found.count is None or found.count[2] is None:
        return
    line, _, stated = found.count
    rows = len(found.lines)
    if stated in (rows, edges, with_loops):
        return
    if found.kind == "dimacs" or (stated == 2 * edges and np.isnan(found.weights).all()):
        found.notes.append(f"line {line} says {stated} edges; the file has {edges}")
    else:
        raise GraphError(f"{found.path}: must have {stated} edges, as line {line} says, not {rows}; is it complete?")


def _vertices(found: Entries) -> tuple[tuple[str | int, ...], Integers]:
    """Names of the vertices, and the index of each name of the rows among them.

    Raises
    ------
    GraphError
        If there are too many, or a row names a vertex beyond the number that the file states.
    """
    if found.count is None or found.count[1] is None:
        return tuple(found.names), np.arange(len(found.names))
    line, count = found.count[0], found.count[1]
    if not 1 <= count <= MOST_SPINS:
        raise GraphError(f"{found.path}, line {line}: a graph must have 1 to {MOST_SPINS} vertices, not {count}")
    numbered = found.kind == "dimacs" or all(map(is_number, found.names))
    if not numbered:
        if len(found.names) > count:
            raise GraphError(f"{found.path}: must have {count} vertices, as line {line} says, not {len(found.names)}")
        return tuple(found.names), np.arange(len(found.names))
    low = 0 if "0" in found.names else 1
    values = np.array([int(name) if name.isdecimal() else -1 for name in found.names], dtype=np.int64) - low
    outside = (values < 0) | (values >= count)
    if outside.any():
        row = int(np.argmax(outside[found.pairs].any(axis=1)))
        name = next(found.names[n] for n in found.pairs[row] if outside[n])
        raise found.error(row, f"names vertex {name}, but the graph has vertices {low} to {count - 1 + low}")
    return tuple(range(low, count + low)), values


def _terms(path: Path, vartype: str) -> tuple[tuple[str | int, ...], Floats]:
    """Variables and coefficients of a QUBO or an Ising problem.

    Raises
    ------
    GraphError
        If the file is invalid, or of the other kind.
    """
    full = _matrix(path, opened(path))
    if full is not None:
        if vartype == "SPIN" and (np.tril(full, -1) * np.triu(full, 1).T).any():
            raise GraphError(f"{path}: must have each coupling once, in one triangle of the matrix")
        return tuple(range(len(full))), full
    found = read_entries(path)
    if found.kind != "list":
        raise GraphError(f"{path}: is a graph, not {VARTYPES[vartype]}")
    if found.vartype not in ("", vartype):
        raise GraphError(f"{path}: is {VARTYPES[found.vartype]}, not {VARTYPES[vartype]}")
    bare = np.isnan(found.weights)
    if bare.any():
        raise found.error(int(np.argmax(bare)), "must be two variables and a number")
    if found.count is not None and found.count[2] not in (None, len(found.lines)):
        raise GraphError(
            f"{path}: must have {found.count[2]} terms, as line {found.count[0]} says, not {len(found.lines)}; is it "
            "complete?"
        )
    names, index = _vertices(found)
    if all(str(name).isdecimal() for name in names):
        order = sorted(range(len(names)), key=lambda n: int(names[n]))
        names, index = tuple(int(names[n]) for n in order), np.argsort(order)[index]
    made = np.zeros((len(names), len(names)))
    np.add.at(made, (index[found.pairs[:, 0]], index[found.pairs[:, 1]]), found.weights)
    if found.symmetric and vartype == "BINARY":
        made += np.tril(made, -1).T + np.triu(made, 1).T
    return names, made


def _matrix(path: Path, found: str) -> Floats | None:
    """The matrix that a file consists of, or None if it is no matrix.

    Raises
    ------
    GraphError
        If it is a matrix and invalid.
    """
    rows: list[Floats] = []
    size = 0
    for n, (line, cells) in enumerate(split_rows(path, found)):
        if n == 0 and len(cells) == 1 and cells[0].isdecimal() and len(cells[0]) < 5 and cells[0] != "1":
            size = int(cells[0])
            continue
        if not size:
            size = len(cells) if len(cells) != 3 else 0
        if len(cells) != size or size > MOST_SPINS:
            if size > 3 and rows:
                raise GraphError(
                    f"{path}, line {line}: must have {size} numbers, as the lines before, not {len(cells)}"
                )
            return None
        try:
            rows.append(np.array([as_number(cell) for cell in cells]))
        except ValueError as error:
            if size <= 3 or n == 0:
                return None
            raise GraphError(f"{path}, line {line}: an entry {error}") from None
        if len(rows) > size:
            return None
    return np.array(rows) if rows and len(rows) == size else None
