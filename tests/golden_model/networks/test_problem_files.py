"""Files of graphs, QUBO and Ising problems: each way of writing a problem gives the right optimum, or one sentence."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.networks.ising import Graph, GraphError, Ising, colouring, max_cut
from neuristor.golden_model.networks.problem_files import read_graph, read_ising, read_numbers, read_qubo

MARKS = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}
SQUARE = {(1, 2): 1.0, (2, 3): 1.0, (3, 4): 1.0, (1, 4): 1.0}


def all_spins(count: int) -> np.ndarray:
    return np.array(list(itertools.product([-1, 1], repeat=count)))


def edges(graph: Graph) -> dict[tuple[int, int], float]:
    named = {}
    for pair, weight in zip(graph.edges.tolist(), graph.weights.tolist(), strict=True):
        a, b = sorted(int(graph.vertices[n]) for n in pair)  # type: ignore[call-overload]
        named[a, b] = weight
    return named


def lowest(ising: Ising) -> float:
    return float(ising.energy(all_spins(len(ising.fields))).min())


def cut(graph: Graph) -> float:
    return float(graph.cut(all_spins(len(graph.vertices))).max())


def write(folder: Path, text: str, codec: str = "utf-8") -> Path:
    path = folder / "file"
    path.write_bytes(text.encode(codec))
    return path


LISTS = {
    "edges": "1 2\n2 3\n3 4\n4 1\n",
    "G-set": "4 4\n1 2 1\n2 3 1\n3 4 1\n4 1 1\n",
    "G-set with a letter": "4 4 J\n1 2 1\n2 3 1\n3 4 1\n4 1 1\n",
    "count without weights": "4 4\n1 2\n2 3\n3 4\n4 1\n",
    "count, more edges than vertices say": "9 4\n1 2\n2 3\n3 4\n4 1\n",
    "number of vertices": "4\n1 2\n2 3\n3 4\n4 1\n",
    "commas": "1,2\n2,3\n3,4\n4,1\n",
    "commas and blanks": "1, 2\n2, 3\n3 ,4\n4,1\n",
    "semicolons": "1;2\n2;3\n3;4\n4;1\n",
    "tabs": "1\t2\n2\t3\n3\t4\n4\t1\n",
    "Windows": "1 2\r\n2 3\r\n3 4\r\n4 1\r\n\x1a",
    "old Macintosh": "1 2\r2 3\r3 4\r4 1",
    "comments": "# SNAP\n# FromNodeId\tToNodeId\n% KONECT\n// and more\n1 2 # first\n\n2 3\n3 4\n4 1\n",
    "both directions": "1 2\n2 1\n2 3\n3 2\n3 4\n4 3\n4 1\n1 4\n",
    "both directions and a count": "4 4\n1 2\n2 1\n2 3\n3 2\n3 4\n4 3\n4 1\n1 4\n",
    "one direction, twice the count": "4 8\n1 2\n2 3\n3 4\n4 1\n",
    "both directions and their count": "4 8\n1 2\n2 1\n2 3\n3 2\n3 4\n4 3\n4 1\n1 4\n",
    "self-loops": "1 1\n1 2\n2 3\n3 4\n4 1\n3 3\n",
    "numbers of NumPy": "1.000e+00 2.000e+00\n2.000e+00 3.0\n3.000e+00 4.0\n4.000e+00 1.0\n",
    "Matrix Market": "%%MatrixMarket matrix coordinate pattern symmetric\n% UF\n4 4 4\n2 1\n3 2\n4 3\n4 1\n",
    "Matrix Market, real": "%%MatrixMarket matrix coordinate real general\n4 4 4\n2 1 1.0\n3 2 1\n4 3 1\n4 1 1\n",
    "decimal commas": "1;2;1,0\n2;3;1,0\n3;4;1,0\n4;1;1,0\n",
    "trailing separators": "1,2,\n2,3,\n3,4,\n4,1,\n",
}
NAMED = {
    "pandas": "source,target\n1,2\n2,3\n3,4\n4,1\n",
    "pandas with an index": ",source,target\n0,1,2\n1,2,3\n2,3,4\n3,4,1\n",
    "pandas with an index and a weight": ",source,target,weight\n0,1,2,1\n1,2,3,1\n2,3,4,1\n3,4,1,1\n",
    "pandas with an index, tabs": "\tsource\ttarget\n0\t1\t2\n1\t2\t3\n2\t3\t4\n3\t4\t1\n",
    "Gephi": "Source,Target,Type,Id,Label,timeset,Weight\n"
    + "".join(f"{a},{b},Undirected,{a},,,1.0\n" for a, b in ((1, 2), (2, 3), (3, 4), (4, 1))),
    "Gephi, short": "Source;Target;Type\n1;2;Undirected\n2;3;Undirected\n3;4;Undirected\n4;1;Undirected\n",
    "weight": "from,to,weight\n1,2,1\n2,3,1\n3,4,1\n4,1,1\n",
    "weight first": "weight,to,from\n1,2,1\n1,3,2\n1,4,3\n1,1,4\n",
    "quoted": '"u","v"\n"1","2"\n"2","3"\n"3","4"\n"4","1"\n',
    "German": "Knoten1;Knoten2;Gewicht\n1;2;1,0\n2;3;1,0\n3;4;1,0\n4;1;1,0\n",
    "unknown words": "alpha beta\n1 2\n2 3\n3 4\n4 1\n",
    "single letters": "i j\n1 2\n2 3\n3 4\n4 1\n",
}
DIMACS = {
    "standard": "c square\np edge 4 4\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "col": "p col 4 4\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "edges": "p edges 4 4\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "no word": "p 4 4\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "no problem line": "c square\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "max": "c flow\np max 4 4\nn 1 s\nn 3 t\na 1 2 1\na 2 3 1\na 3 4 1\na 4 1 1\n",
    "sp": "p sp 4 8\na 1 2 1\na 2 1 1\na 2 3 1\na 3 2 1\na 3 4 1\na 4 3 1\na 1 4 1\na 4 1 1\n",
    "tree width": "p tw 4 4\n1 2\n2 3\n3 4\n4 1\n",
    "both directions": "p edge 4 8\n" + "".join(f"e {a} {b}\ne {b} {a}\n" for a, b in SQUARE),
    "both directions, half the number": "p edge 4 4\n" + "".join(f"e {a} {b}\ne {b} {a}\n" for a, b in SQUARE),
    "one direction, twice the number": "p edge 4 8\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "wrong number": "p edge 4 7\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "duplicates": "p edge 4 6\ne 1 2\ne 1 2\ne 2 3\ne 3 4\ne 4 1\ne 4 1\n",
    "self-loops": "p edge 4 6\ne 1 1\ne 1 2\ne 2 3\ne 3 4\ne 4 1\ne 4 4\n",
    "self-loops with weights": "p edge 4 5\nn 1 3\ne 1 1 9\ne 1 2 1\ne 2 3 1\ne 3 4 1\ne 4 1 1\n",
    "comments anywhere": "c\nc FILE: a b c\np edge 4 4\nc 1 2\ne 1 2\nc\ne 2 3\nccc\ne 3 4\n# more\ne 4 1\nc end\n",
    "descriptors": "p edge 4 4\nn 1 5\nd 2\nv 0.5 0.5\nx LENGTH 0.1\nb 2\nl 1 1\ns col 2\ne 1 2\ne 2 3\ne 3 4\ne 4 1\n",
    "trailing blanks": "p edge 4 4 \ne 1 2 \n\n e 2 3\t\ne  3   4\ne 4 1  \n\n",
    "from 0": "p edge 4 4\ne 0 1\ne 1 2\ne 2 3\ne 3 0\n",
    "Windows": "c x\r\np col 4 4\r\ne 1 2\r\ne 2 3\r\ne 3 4\r\ne 4 1\r\n\x1a",
    "capitals": "C square\np edge 4 4\nE 1 2\nE 2 3\nE 3 4\nE 4 1\n",
}
NETWORKX = {
    "no data": "1 2 {}\n2 3 {}\n3 4 {}\n4 1 {}\n",
    "weights": "1 2 {'weight': 1}\n2 3 {'weight': 1}\n3 4 {'weight': 1.0}\n4 1 {'weight': 1}\n",
    "some weights": "1 2 {}\n2 3 {'weight': 1}\n3 4 {}\n4 1 {'weight': 1}\n",
    "NumPy": "1 2 {'weight': np.float64(1.0)}\n2 3 {'weight': np.int64(1)}\n3 4 {}\n4 1 {}\n",
    "more attributes": "1 2 {'label': 'a, b', 'weight': 1}\n2 3 {'a': 5, 'weight': 1}\n3 4 {'x_weight': 7}\n4 1 {}\n",
    "commas": "1,2,{'weight': 1}\n2,3,{'weight': 1}\n3,4,{}\n4,1,{}\n",
    "tabs": "1\t2\t{'weight': 1}\n2\t3\t{'weight': 1}\n3\t4\t{}\n4\t1\t{}\n",
    "JSON": '1 2 {"weight": 1}\n2 3 {"weight": 1}\n3 4 {}\n4 1 {}\n',
    "self-loop": "1 1 {'weight': 3}\n1 2 {}\n2 3 {}\n3 4 {}\n4 1 {}\n",
    "directed": "1 2 {}\n2 1 {}\n2 3 {}\n3 4 {}\n4 1 {}\n",
    "hash": "1 2 {'label': 'no #1', 'weight': 1}\n2 3 {}\n3 4 {}\n4 1 {}\n",
}
ALL = [(kind, name) for kind in ("LISTS", "NAMED", "DIMACS", "NETWORKX") for name in globals()[kind]]


@pytest.mark.parametrize("codec", ["utf-8", *MARKS])
@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_square_is_read_however_it_is_written(tmp_path: Path, kind: str, name: str, codec: str) -> None:
    path = write(tmp_path, globals()[kind][name], codec)
    assert path.read_bytes().startswith(MARKS.get(codec, b""))
    graph = read_graph(path)
    low = min(int(str(vertex)) for vertex in graph.vertices)
    assert {(a + 1 - low, b + 1 - low): weight for (a, b), weight in edges(graph).items()} == SQUARE
    assert cut(graph) == 4
    assert lowest(colouring(Graph(graph.vertices[:4], graph.edges, graph.weights), 2)) == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 2 5\n2 3 -1\n", {(1, 2): 5, (2, 3): -1}),
        ("3 2\n1 2 5\n2 3 -1\n", {(1, 2): 5, (2, 3): -1}),
        ("p edge 3 2\ne 1 2 5\ne 2 3 -1\n", {(1, 2): 5, (2, 3): -1}),
        ("1 2 {'weight': 5}\n2 3 {'weight': -1.0}\n", {(1, 2): 5, (2, 3): -1}),
        ("source,target,J\n1,2,5\n2,3,-1\n", {(1, 2): 5, (2, 3): -1}),
        ("1;2;2,5\n2;3;-0,5\n", {(1, 2): 2.5, (2, 3): -0.5}),
        ("1 2 2,5\n2 3 -1e-1\n", {(1, 2): 2.5, (2, 3): -0.1}),
        ("1\t2\t2,5\n2\t3\t1\n", {(1, 2): 2.5, (2, 3): 1}),
        ("1 2 5\n2 1 5\n2 3 -1\n3 2 -1\n", {(1, 2): 5, (2, 3): -1}),
        ("%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 5\n3 2 -1\n", {(1, 2): 5, (2, 3): -1}),
    ],
)
def test_weights_are_read(tmp_path: Path, text: str, wanted: dict[tuple[int, int], float]) -> None:
    assert edges(read_graph(write(tmp_path, text))) == wanted


@pytest.mark.parametrize(
    ("text", "count", "wanted"),
    [
        ("1 2\n2 3\n", 3, 2),  # two edges, not one edge of one vertex
        ("2 3\n1 2\n", 3, 2),
        ("1 3\n1 2\n2 3\n", 3, 3),
        ("5 2\n1 2\n2 5\n", 5, 2),  # as many vertices and edges as it says: a count
        ("0 1\n1 2\n2 0\n", 3, 3),
        ("7 9\n1 2\n2 3\n", 5, 3),
        ("5 4\n1 2\n1 3\n1 4\n1 5\n", 5, 4),  # a tree and its count
        ("a b\nb c\nc a\n", 3, 3),
        ("u v\nv w\nw u\n", 3, 3),  # u and v are vertices here, no names of columns
        ("source target\ntarget sink\n", 3, 2),
        ("3 3\na b\nb c\nc a\n", 3, 3),
        ("1_1 1_2\n1_2 11\n", 3, 2),  # Python reads 1_1 as 11
        ("New York,Boston\nBoston,Old Town\n", 3, 2),
        ('"New York" Boston\nBoston "Old Town"\n', 3, 2),
    ],
)
def test_a_first_line_is_a_count_names_or_an_edge(tmp_path: Path, text: str, count: int, wanted: int) -> None:
    graph = read_graph(write(tmp_path, text))
    assert (len(graph.vertices), len(graph.edges)) == (count, wanted)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("p edge 4 8\ne 1 2\ne 2 3\n", "line 1 says 8 edges; the file has 2"),
        ("p edge 3 4\ne 1 2\ne 2 1\ne 2 3\ne 3 2\n", "2 repeated edges are counted once"),
        ("p edge 3 3\ne 1 1\ne 1 2\ne 2 3\n", "1 self-loops are left out"),
        ("5 4\n1 2\n1 3\n1 4\n1 5\n", "line 1 is read as the numbers of vertices and edges"),
        ("source,target,type,id\n1,2,Directed,3\n", "no column in line 1 is named weight: all weights are 1"),
    ],
)
def test_what_is_left_out_is_said(tmp_path: Path, text: str, note: str) -> None:
    assert read_graph(write(tmp_path, text)).notes == (note,)


def test_weights_do_not_matter_for_a_colouring(tmp_path: Path) -> None:
    path = write(tmp_path, "p max 3 4\na 1 2 5\na 2 1 3\na 2 3 1\na 3 2 1\n")
    assert edges(read_graph(path, weighted=False)) == {(1, 2): 1, (2, 3): 1}
    with pytest.raises(GraphError, match="line 3: this edge from 2 to 1 occurs twice, with weight 3 and in line 2"):
        read_graph(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 2\n1 2 1\n3 3 1\n", "line 3: this edge leads from vertex 3 to itself; if this is a QUBO"),
        ("3 2\n1 2 1\n1 4 1\n", "file, line 3: names vertex 4, but the graph has vertices 1 to 3"),
        ("p edge 3 2\ne 1 2\ne 1 4\n", "file, line 3: names vertex 4, but the graph has vertices 1 to 3"),
        ("p edge 3 2\ne 1 2\ne a 2\n", "file, line 3: names vertex a"),
        ("p edge 3 2\ne 1 2\nq 1 2\n", "line 3: must begin with e, a, n or c, not q"),
        ("p edge 3 1\np edge 3 1\ne 1 2\n", "line 2: is a second problem line"),
        ("p cnf 3 2\n1 2 0\n", "line 1: is a formula"),
        ("3 3\n1 2 1\n2 3 1\n", "must have 3 edges, as line 1 says, not 2; is it complete"),
        ("3 2\n1 2 1\n", "must have 2 edges, as line 1 says, not 1; is it complete"),
        ("3 2\n1 2 nan\n2 3 1\n", "line 2: a weight must be finite and at most 1e\\+150, not nan"),
        ("a b 1\nb a 2\n", "line 2: this edge from b to a occurs twice, with weight 2 and in line 1 with weight 1"),
        ("a b x\na c 1\na d\nb\n", "line 4: must be two vertices and perhaps a weight, not b"),
        ("1 2 1\n2 3 x\n", "line 2: a weight must be a number, not x"),
        ("1 2 {'weight': None}\n", "line 1: a weight must be a number, not None"),
        ("1 2 {'weight': 2\n", "line 1: a dictionary must end with }"),
        ('1 2\n"3 4\n', "line 2: unexpected end of data"),
        ("1,,2\n", "line 1: must be two vertices"),
        ("from,to\n1,1,2\n", "line 1 names 2 columns, but a row has 3 cells"),
        ("source,target\n", "contains no edges, only names of columns in line 1"),
        ("p edge x 2\ne 1 2\n", "line 1: must say how many vertices and edges"),
        ("p edge 5\ne 1 2\n", "line 1: must say how many vertices and edges"),
        ("p edge 5000 1\ne 1 2\n", "line 1: a graph must have 1 to 4096 vertices, not 5000"),
        ("\n".join(f"{n} {n + 1}" for n in range(5000)), "must have at most 4096 vertices; this is one more"),
        ("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n", "line 1: must be a real matrix in coordinates"),
        ("# vartype=BINARY\n0 1 2.0\n", "is a QUBO \\(problem qubo\\), not a graph"),
        ("# vartype=SPIN\n0 1 2.0\n", "is an Ising problem \\(problem ising\\), not a graph"),
        ("p qubo 0 2 0 1\n0 1 2.0\n", "is a QUBO \\(problem qubo\\), not a graph"),
        ("graph [\n node [\n", "is GML"),
        ("<?xml version='1.0'?>\n<graphml>\n", "is XML"),
        ("\n", "contains no graph"),
        ("1 2\x00\n", "line 1 has the control character"),
    ],
)
def test_wrong_graphs_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        read_graph(write(tmp_path, text))


def test_files_of_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("c by Müller\np edge 3 2\ne 1 2\ne 2 3\n".encode("cp1252"))
    assert edges(read_graph(path)) == {(1, 2): 1, (2, 3): 1}
    path.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(GraphError, match="it is a gzip file: unpack it first"):
        read_graph(path)


QUBOS = {
    "Biq Mac, sparse": "3 4\n1 1 -1\n1 2 2\n1 3 -2\n2 3 1\n",
    "dimod": "# vartype=BINARY\n0 0 -1.000000\n0 1 2.000000\n0 2 -2.000000\n1 2 1.000000\n",
    "dimod without a vartype": "0 0 -1.000000\n0 1 2.000000\n0 2 -2.000000\n1 2 1.000000\n",
    "qbsolv": "c a comment\np qubo 0 3 1 3\nc nodes\n0 0 -1\nc couplers\n0 1 2\n0 2 -2\n1 2 1\n",
    "qbsolv, unconstrained": "p qubo unconstrained 5 3 3\n0 0 -1\n1 1 0\n4 4 0\n0 1 2\n0 4 -2\n1 4 1\n",
    "matrix": "3\n-1 2 -2\n0 0 1\n0 0 0\n",
    "matrix of commas": "3\n-1,2,-2\n0,0,1\n0,0,0\n",
    "matrix with an unused variable": "-1 2 -2 0\n0 0 1 0\n0 0 0 0\n0 0 0 0\n",
    "symmetric matrix": "3\n-1 1 -1\n1 0 .5\n-1 .5 0\n",
    "both directions": "0 0 -1\n0 1 1\n1 0 1\n0 2 -2\n1 2 .5\n2 1 .5\n",
    "names": "i,j,q\n1,1,-1\n1,2,2\n1,3,-2\n2,3,1\n",
    "pandas": ",row,col,value\n0,a,a,-1\n1,a,b,2\n2,a,c,-2\n3,b,c,1\n",
    "decimal commas": "a;a;-1,0\na;b;2,0\na;c;-2,0\nb;c;1,0\n",
    "number of variables": "4\n1 1 -1\n1 2 2\n1 3 -2\n2 3 1\n",
    "Matrix Market": "%%MatrixMarket matrix coordinate real general\n3 3 4\n1 1 -1\n1 2 2\n1 3 -2\n2 3 1\n",
    "Matrix Market, half": "%%MatrixMarket matrix coordinate real symmetric\n3 3 4\n1 1 -1\n2 1 1\n3 1 -1\n3 2 .5\n",
}


@pytest.mark.parametrize("codec", ["utf-8", *MARKS])
@pytest.mark.parametrize("name", QUBOS)
def test_a_qubo_is_read_however_it_is_written(tmp_path: Path, name: str, codec: str) -> None:
    ising = read_qubo(write(tmp_path, QUBOS[name], codec))
    spins = all_spins(len(ising.fields))
    bits = (spins[:, :3] + 1) // 2
    a, b, c = bits.T
    assert np.allclose(ising.energy(spins), -a + 2 * a * b - 2 * a * c + b * c)
    assert lowest(ising) == -3


def test_without_linear_terms_a_qubo_keeps_its_value(tmp_path: Path) -> None:
    ising = read_qubo(write(tmp_path, "# vartype=BINARY\n0 1 2.0\n0 2 -3.0\n1 2 1.0\n"))
    assert (lowest(ising), ising.variables) == (-3, (0, 1, 2))


def test_one_triangle_of_a_symmetric_matrix_counts_twice(tmp_path: Path) -> None:
    path = write(tmp_path, QUBOS["Biq Mac, sparse"])
    assert lowest(read_qubo(path, upper_triangle=True)) == -5
    with pytest.raises(GraphError, match="one triangle"):
        read_qubo(write(tmp_path, "1 1 -1\n1 2 2\n2 1 2\n"), upper_triangle=True)


ISINGS = {
    "dimod": "# vartype=SPIN\n0 0 -1.000000\n0 1 2.000000\n1 2 1.000000\n",
    "dimod, colon": "# vartype: SPIN\n0 0 -1.000000\n0 1 2.000000\n1 2 1.000000\n",
    "lines": "0 0 -1\n0 1 2\n1 2 1\n",
    "count": "3 3\n1 1 -1\n1 2 2\n2 3 1\n",
    "names": "u,v,J\na,a,-1\na,b,2\nb,c,1\n",
    "matrix": "3\n-1 2 0\n0 0 1\n0 0 0\n",
    "both directions": "0 0 -1\n0 1 1\n1 0 1\n2 1 1\n",
    "Matrix Market": "%%MatrixMarket matrix coordinate integer symmetric\n3 3 3\n1 1 -1\n2 1 2\n3 2 1\n",
}


@pytest.mark.parametrize("codec", ["utf-8", *MARKS])
@pytest.mark.parametrize("name", ISINGS)
def test_an_ising_problem_is_read_however_it_is_written(tmp_path: Path, name: str, codec: str) -> None:
    ising = read_ising(write(tmp_path, ISINGS[name], codec))
    a, b, c = all_spins(3).T
    assert np.allclose(ising.energy(all_spins(3)), -a + 2 * a * b + b * c)


def test_dimod_agrees(tmp_path: Path) -> None:
    dimod, coo = pytest.importorskip("dimod"), pytest.importorskip("dimod.serialization.coo")
    rng = np.random.default_rng(4)
    for vartype, read in (("BINARY", read_qubo), ("SPIN", read_ising)):
        matrix = np.triu(rng.integers(-9, 9, (5, 5)) + 0.25)
        linear = dict(enumerate(matrix.diagonal()))
        quadratic = {(i, j): matrix[i, j] for i, j in itertools.combinations(range(5), 2)}
        bqm = dimod.BinaryQuadraticModel(linear, quadratic, 0.0, vartype)
        text = coo.dumps(bqm, vartype_header=True)
        ising = read(write(tmp_path, text))
        wanted = Ising.from_bqm(bqm)
        spins = all_spins(5)
        assert np.allclose(ising.energy(spins), wanted.energy(spins))


def test_networkx_agrees(tmp_path: Path) -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.karate_club_graph()
    path = tmp_path / "file"
    for write_list, options in (
        (networkx.write_edgelist, {}),
        (networkx.write_edgelist, {"delimiter": ","}),
        (networkx.write_edgelist, {"data": ["weight"]}),
        (networkx.write_weighted_edgelist, {}),
    ):
        write_list(graph, path, **options)
        found = read_graph(path)
        wanted = {tuple(sorted(edge)): graph.edges[edge]["weight"] for edge in graph.edges}
        assert edges(found) == wanted
    networkx.write_edgelist(graph, path, data=False)
    assert set(edges(read_graph(path))) == set(wanted)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_qubo, "# vartype=SPIN\n0 0 1\n", "is an Ising problem \\(problem ising\\), not a QUBO"),
        (read_ising, "# vartype=BINARY\n0 0 1\n", "is a QUBO \\(problem qubo\\), not an Ising"),
        (read_ising, "p qubo 0 1 1 0\n0 0 1\n", "is a QUBO \\(problem qubo\\), not an Ising"),
        (read_qubo, "# vartype=INTEGER\n0 0 1\n", "vartype must be BINARY or SPIN, not INTEGER"),
        (read_qubo, "p edge 2 1\ne 1 2\n", "is a graph, not a QUBO"),
        (read_qubo, "1 1 -1\n1 2\n", "line 2: must be two variables and a number"),
        (read_qubo, "3 4\n1 1 -1\n1 2 2\n", "must have 4 terms, as line 1 says, not 2; is it complete"),
        (read_qubo, "p qubo 0 3 1 3\n0 0 -1\n0 1 2\n", "must have 3 quadratic terms, as line 1 says, not 1"),
        (read_qubo, "p qubo 3\n0 0 -1\n", "line 1: must be p qubo 0 <variables> <linear> <quadratic terms>"),
        (read_qubo, "1 2 3 4\n1 2 3\n", "line 2: must have 4 numbers, as the lines before, not 3"),
        (read_qubo, "1 2 3 4\n1 2 x 4\n", "line 2: an entry must be a number, not x"),
        (read_ising, "0 1 1 1\n1 0 1 1\n1 1 0 1\n1 1 1 0\n", "each coupling once, in one triangle"),
        (read_numbers, "3\n1\n2,5\n", "2,5 may be one number or two; write 2.5 if it is one"),
        (read_numbers, "1\n2\nx\n", "line 3: must hold numbers"),
        (read_numbers, ",size\n0,3.5\n1,5\n", "line 1: must name one column of numbers, not 2"),
    ],
)
def test_wrong_problems_are_refused(tmp_path: Path, read: type, text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        read(write(tmp_path, text))


@pytest.mark.parametrize("codec", ["utf-8", *MARKS])
@pytest.mark.parametrize(
    "text",
    ["3\n1\n2.5\n", "3 1 2.5", "3,1,2.5\n", "3;1;2,5\n", "# sizes\n3\n1\n2.5\n", "size\n3\n1\n2.5\n", "3\r\n1\r\n2.5"],
)
def test_numbers_are_read(tmp_path: Path, text: str, codec: str) -> None:
    assert read_numbers(write(tmp_path, text, codec)).tolist() == [3, 1, 2.5]


def test_max_cut_of_a_file_is_the_ising_problem_of_its_graph(tmp_path: Path) -> None:
    graph = read_graph(write(tmp_path, "3 3\n1 2 2\n2 3 1\n3 1 1\n"))
    assert lowest(max_cut(graph)) == graph.weights.sum() - 2 * cut(graph) == -2
