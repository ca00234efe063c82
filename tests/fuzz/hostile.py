"""Small files that ask for much memory or time; ``python -m tests.fuzz.measure`` reads them within limits."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import openpyxl

__all__ = ["HOSTILE", "made", "read"]

NIR = Path(__file__).parents[1] / "data" / "nir" / "lif_norse.nir"
GIB = 2**30


def zeros(size: int) -> bytes:
    """So many zeros, compressed by zlib."""
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


# --- NIR


def nir(change: Callable[[Any, Any], object]) -> Callable[[Path], None]:
    """The example of a NIR file after a change to its nodes."""

    def make(path: Path) -> None:
        path.write_bytes(NIR.read_bytes())
        with h5py.File(path, "r+") as file:
            change(file["node/nodes"], file["node/nodes/0"])

    return make


def without(node: Any, name: str = "weight") -> Any:
    """A group after one of its members was removed."""
    del node[name]
    return node


def _pipeline(node: Any, deflates: int, chunk: tuple[int, ...]) -> Any:
    """A dataset whose chunks go through several deflate filters."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk(chunk)
    for _ in range(deflates):
        plan.set_deflate(9)
    space = h5py.h5s.create_simple(chunk)
    return h5py.h5d.create(without(node).id, b"weight", h5py.h5t.IEEE_F64LE, space, plan)


def _bytes(count: int, inputs: int) -> Callable[[Any, Any], None]:
    """A valid network with weights of one byte: as numbers of eight bytes they take eight times as much."""

    def change(nodes: Any, node: Any) -> None:
        without(node).create_dataset("weight", shape=(count, inputs), dtype="u1", chunks=(1024, 1024))
        without(node, "bias").create_dataset("bias", shape=(count,), dtype="u1", chunks=True, compression="gzip")
        for name in ("r", "tau", "v_leak", "v_threshold"):
            without(nodes["1"], name).create_dataset(name, shape=(count,), dtype="u1", fillvalue=1, chunks=True)
        for name, shape in (("input", inputs), ("output", count)):
            without(nodes[name], "shape")["shape"] = [shape]

    return change


def _giant(nodes: Any, node: Any) -> None:
    without(node).create_dataset("weight", shape=(10**9, 10**9), dtype="f8", chunks=(1000, 1000))


def _wide_chunk(nodes: Any, node: Any) -> None:
    made = without(node).create_dataset(
        "weight", shape=(1, 1), maxshape=(None, None), dtype="f8", chunks=(1, 2**27), compression="gzip"
    )
    made.id.write_direct_chunk((0, 0), zeros(GIB))


def _long_chunk(nodes: Any, node: Any) -> None:
    _pipeline(node, 1, (1, 1)).write_direct_chunk((0, 0), zeros(2 * GIB))


def _twice_packed(nodes: Any, node: Any) -> None:
    _pipeline(node, 2, (1, 1)).write_direct_chunk((0, 0), zlib.compress(zeros(2 * GIB), 9))


def _tiny_chunks(nodes: Any, node: Any) -> None:
    without(node).create_dataset("weight", data=np.ones((1, 50_000)), chunks=(1, 1))


def _elsewhere(nodes: Any, node: Any) -> None:
    without(node)["weight"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft(nodes: Any, node: Any) -> None:
    without(node)["weight"] = h5py.SoftLink("/node/nodes/0/bias")


def _raw(nodes: Any, node: Any) -> None:
    without(node).create_dataset("weight", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])


def _virtual(nodes: Any, node: Any) -> None:
    layout = h5py.VirtualLayout(shape=(4, 100), dtype="f8")
    for n in range(4):
        layout[n] = h5py.VirtualSource("other.h5", "x", shape=(100,))
    without(node).create_virtual_dataset("weight", layout)


def _cycle(nodes: Any, node: Any) -> None:
    nodes["again"] = nodes.file["node"]


def _deep(nodes: Any, node: Any) -> None:
    for _ in range(3000):
        nodes = nodes.create_group("g")


def _groups(nodes: Any, node: Any) -> None:
    for n in range(20_000):
        h5py.h5g.create(nodes.id, b"g%d" % n)


def _one_text_often(path: Path) -> None:
    """A hundred thousand strings that are one and the same megabyte: 100 GB of text in 3 MB."""
    count = 100_000
    path.write_bytes(NIR.read_bytes())
    with h5py.File(path, "r+") as file:
        node = without(file["node"], "edges")
        texts = node.create_dataset("edges", shape=(count, 2), dtype=h5py.string_dtype("ascii"))
        texts[0, 0] = "x" * 2**20
        place = texts.id.get_offset()
    content = bytearray(path.read_bytes())
    content[place : place + 32 * count] = bytes(content[place : place + 16]) * (2 * count)
    path.write_bytes(content)


def _sequences(nodes: Any, node: Any) -> None:
    made = without(node).create_dataset("weight", shape=(2,), dtype=h5py.vlen_dtype("f8"))
    made[0] = np.ones(1000)


def _long_text(nodes: Any, node: Any) -> None:
    without(node, "type").create_dataset("type", shape=(), dtype=h5py.string_dtype("ascii", 2**31 - 1))


def _compound(nodes: Any, node: Any) -> None:
    without(node).create_dataset("weight", shape=(4,), dtype=[("a", "f8", (1000,)), ("b", "S100")])


def _own_filter(nodes: Any, node: Any) -> None:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((4, 4))
    plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    h5py.h5d.create(without(node).id, b"weight", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((4, 4)), plan)


def _neurons(count: int) -> Callable[[Any, Any], None]:
    """An input connected to so many neurons directly: the matrix has the square of their number."""

    def change(nodes: Any, node: Any) -> None:
        for name in ("r", "tau", "v_leak", "v_threshold"):
            without(nodes["1"], name).create_dataset(name, data=np.ones(count), compression="gzip")
        for name in ("input", "output"):
            without(nodes[name], "shape")["shape"] = [count]
        del nodes["0"]
        without(nodes.file["node"], "edges")["edges"] = [[b"input", b"1"], [b"1", b"output"]]

    return change


def _scale(count: int) -> Callable[[Any, Any], None]:
    """So many different factors before as many neurons."""

    def change(nodes: Any, node: Any) -> None:
        _neurons(count)(nodes, node)
        scale = nodes.create_group("0")
        scale["type"] = "Scale"
        scale.create_dataset("scale", data=np.arange(count, dtype=np.float64), compression="gzip")
        without(nodes.file["node"], "edges")["edges"] = [[b"input", b"0"], [b"0", b"1"], [b"1", b"output"]]

    return change


def _grouped(nodes: Any, node: Any) -> None:
    """A convolution of many groups: as one kernel, it has the square of their number."""
    groups = 30_000
    for name in list(node):
        del node[name]
    node["type"] = "Conv2d"
    node.create_dataset("weight", data=np.ones((groups, 1, 1, 1)), compression="gzip")
    node.create_dataset("bias", data=np.zeros(groups), compression="gzip")
    for name, value in (("stride", [1, 1]), ("padding", [0, 0]), ("dilation", [1, 1]), ("groups", groups)):
        node[name] = value
    node["input_shape"] = [1, 1]
    for name in ("r", "tau", "v_leak", "v_threshold"):
        without(nodes["1"], name).create_dataset(name, data=np.ones((groups, 1, 1)), compression="gzip")
    for name in ("input", "output"):
        without(nodes[name], "shape")["shape"] = [groups, 1, 1]


def _side_by_side(nodes: Any, node: Any) -> None:
    """Twelve matrices of thirty million numbers, each allowed, from few factors."""
    count, edges = 5_400, []
    _neurons(count)(nodes, node)
    for n in range(12):
        scale = nodes.create_group(f"s{n}")
        scale["type"] = "Scale"
        scale.create_dataset("scale", data=np.arange(count) + float(n), compression="gzip")
        edges += [[b"input", b"s%d" % n], [b"s%d" % n, b"1"]]
    without(nodes.file["node"], "edges")["edges"] = [*edges, [b"1", b"output"]]


def _diamonds(nodes: Any, node: Any) -> None:
    """Thirty pairs of nodes, one pair after the other: 2^30 ways from the input to the neurons."""
    edges, before = [], "input"
    for n in range(30):
        for name in (f"a{n}", f"b{n}", f"c{n}"):
            group = nodes.create_group(name)
            group["type"], group["scale"] = "Scale", [1.0]
        edges += [(before, f"a{n}"), (before, f"b{n}"), (f"a{n}", f"c{n}"), (f"b{n}", f"c{n}")]
        before = f"c{n}"
    edges += [(before, "0"), ("0", "1"), ("1", "output")]
    without(nodes.file["node"], "edges")["edges"] = [[a.encode(), b.encode()] for a, b in edges]


# --- xlsx

PARTS = {"sheet": "xl/worksheets/sheet1.xml", "strings": "xl/sharedStrings.xml", "styles": "xl/styles.xml"}


def workbook() -> dict[str, bytes]:
    """The parts of a small workbook."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in [["V", "I"], *([n / 10, n / 1e5] for n in range(20))]:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook of some parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def xlsx(part: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A small workbook with another part."""

    def make(path: Path) -> None:
        parts = workbook()
        name = PARTS.get(part, part)
        path.write_bytes(packed(parts | {name: change(parts.get(name, b""))}))

    return make


def _rows(rows: bytes) -> Callable[[bytes], bytes]:
    """A sheet with other rows."""
    return lambda text: re.sub(
        rb"<dimension[^>]*/>|<sheetData>.*</sheetData>",
        lambda found: b"<sheetData>" + rows + b"</sheetData>" if found[0].startswith(b"<s") else b"",
        text,
    )


def _laughs(text: bytes) -> bytes:
    """Entities of entities."""
    entities = b'<!ENTITY e0 "%s">' % (b"1" * 1000)
    entities += b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 7))
    body = _rows(b'<row r="1"><c r="A1" t="inlineStr"><is><t>&e6;</t></is></c></row>')(text)
    return body.replace(b"<worksheet", b"<!DOCTYPE x [" + entities + b"]><worksheet", 1)


def _quadratic(text: bytes) -> bytes:
    """One long entity, often: below what expat itself refuses."""
    entity = b'<!DOCTYPE x [<!ENTITY e "%s">]>' % (b"1" * 80_000)
    rows = b"".join(
        b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>&e;</t></is></c></row>' % (n, n) for n in range(1, 90)
    )
    return _rows(rows)(text).replace(b"<worksheet", entity + b"<worksheet", 1)


def _many_entities(text: bytes) -> bytes:
    """A file of 83 kB whose cells are entities of 8 MB in all: each row of many cells is one."""
    cell = b'<c t="inlineStr"><is><t>1.5</t></is></c>'
    entity = b'<!DOCTYPE x [<!ENTITY c "%s"><!ENTITY r "%s">]>' % (cell.replace(b'"', b"'"), b"&c;" * 4000)
    padding = b"<!--" + b"0123456789" * 800_000 + b"-->"  # expat allows a hundred times the size of the file
    rows = b"".join(b'<row r="%d">&r;</row>' % n for n in range(1, 2000))
    return _rows(rows)(text).replace(b"<worksheet", entity + padding + b"<worksheet", 1)


def _shared(text: bytes) -> bytes:
    """Four million shared strings."""
    head = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return head + b"<si><t>a1</t></si>" * 4 * 10**6 + b"</sst>"


def _with_strings(path: Path) -> None:
    parts = workbook()
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    types = re.sub(
        rb"(<Types[^>]*>)",
        rb'\1<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'"/>',
        parts["[Content_Types].xml"].replace(b"sharedStrings", b"other"),
    )
    path.write_bytes(packed(parts | {"[Content_Types].xml": types, PARTS["strings"]: _shared(b"")}))


def _claims_all(text: bytes) -> bytes:
    text = re.sub(rb'(<dimension ref=")[^"]*', rb"\1A1:XFD1048576", text)
    return text.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')


def _long_cell(text: bytes) -> bytes:
    """A text of 200 MB, with a character that makes it 800 MB in memory."""
    return _rows(b"<row><c t='str'><v>" + "\N{GRINNING FACE}".encode() + b"1" * 2 * 10**8 + b"</v></c></row>")(text)


def _formats(text: bytes) -> bytes:
    return re.sub(rb"<cellXfs.*</cellXfs>", b"<cellXfs>" + b"<xf/>" * 3 * 10**6 + b"</cellXfs>", text)


def _many_members(path: Path) -> None:
    path.write_bytes(packed(workbook() | {f"x{n}": b"" for n in range(100_000)}, zipfile.ZIP_STORED))


def _lzma(path: Path) -> None:
    """A member whose decoder asks for a dictionary of 4 GiB."""
    content = packed(workbook(), zipfile.ZIP_LZMA)
    head = b"\x09\x04\x05\x00\x5d"  # version of LZMA, length and first byte of its properties
    path.write_bytes(re.sub(head + rb"....", lambda _: head + b"\xff" * 4, content, flags=re.DOTALL))


def _one_sheet_often(path: Path) -> None:
    """Two thousand names for one sheet of a hundred thousand empty rows."""
    parts = workbook()
    parts[PARTS["sheet"]] = _rows(b"<row/>" * 2 + b"<!--" + b"x" * 20_000_000 + b"-->")(parts[PARTS["sheet"]])
    book = parts["xl/workbook.xml"]
    sheet = re.search(rb"<sheet [^>]*/>", book)
    assert sheet is not None
    names = b"".join(
        sheet[0].replace(b'name="Sheet"', b'name="S%d"' % n).replace(b'sheetId="1"', b'sheetId="%d"' % n)
        for n in range(1, 2000)
    )
    parts["xl/workbook.xml"] = book.replace(sheet[0], names)
    path.write_bytes(packed(parts))


# --- text


def text(content: bytes, times: int = 1) -> Callable[[Path], None]:
    """A file with so many copies of a text."""

    def make(path: Path) -> None:
        path.write_bytes(content * times)

    return make


def _line(size: int) -> Callable[[Path], None]:
    """One line of so many bytes, in a file with holes: it takes no room on the disk."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(b"1,")
            file.truncate(size)

    return make


def _dotted(path: Path) -> None:
    lines, size, n = [], 0, 0
    while size < 2**20 - 600:
        lines.append(b"k%d" % n + b".a" * 250 + b"=1\n")
        size, n = size + len(lines[-1]), n + 1
    path.write_bytes(b"".join(lines))


def _shallow(path: Path) -> None:
    lines, size, n = [], 0, 0
    while size < 2**20 - 60:
        lines.append(b"k%x.a.a.a.a.a.a=1\n" % n)
        size, n = size + len(lines[-1]), n + 1
    path.write_bytes(b"".join(lines))


def _headed(path: Path) -> None:
    path.write_bytes(b"".join(b"[t%x.a.a.a.a.a]\n" % n for n in range(50_000))[: 2**20 - 10] + b"\n")


def npz(name: str, *heads: tuple[bytes, int]) -> Callable[[Path], None]:
    """An NPZ file with one array, of blocks and how often each is repeated."""

    def make(path: Path) -> None:
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(f"{name}.npy", "w", force_zip64=True) as member,
        ):
            for block, times in heads:
                for _ in range(times):
                    member.write(block)

    return make


def _many_arrays(path: Path) -> None:
    path.write_bytes(packed({f"a{n}.npy": b"" for n in range(100_000)}, zipfile.ZIP_STORED))


def _array(kind: str, shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    return header.getvalue()


MIB = bytes(2**20)
HOSTILE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "one gigabyte of bytes, packed": ("net.nir", nir(_bytes(32768, 31130))),
    "the largest network": ("net.nir", nir(_bytes(5000, 6700))),
    "a shape of 10^18 numbers": ("net.nir", nir(_giant)),
    "a chunk far larger than its data": ("net.nir", nir(_wide_chunk)),
    "a chunk that unpacks to more than it says": ("net.nir", nir(_long_chunk)),
    "a chunk packed twice": ("net.nir", nir(_twice_packed)),
    "a chunk for each number": ("net.nir", nir(_tiny_chunks)),
    "a link to another file": ("net.nir", nir(_elsewhere)),
    "a symbolic link": ("net.nir", nir(_soft)),
    "data in another file": ("net.nir", nir(_raw)),
    "a virtual dataset": ("net.nir", nir(_virtual)),
    "a group inside itself": ("net.nir", nir(_cycle)),
    "groups 3000 deep": ("net.nir", nir(_deep)),
    "20,000 groups": ("net.nir", nir(_groups)),
    "one string of a megabyte, 200,000 times": ("net.nir", _one_text_often),
    "sequences of any length": ("net.nir", nir(_sequences)),
    "a string of 2 GiB": ("net.nir", nir(_long_text)),
    "records": ("net.nir", nir(_compound)),
    "a filter of a plugin": ("net.nir", nir(_own_filter)),
    "60,000 neurons at the input": ("net.nir", nir(_neurons(60_000))),
    "60,000 factors": ("net.nir", nir(_scale(60_000))),
    "twelve matrices side by side": ("net.nir", nir(_side_by_side)),
    "a convolution of 30,000 groups": ("net.nir", nir(_grouped)),
    "2^30 ways through a graph": ("net.nir", nir(_diamonds)),
    "entities of entities": ("iv.xlsx", xlsx("sheet", _laughs)),
    "one long entity, often": ("iv.xlsx", xlsx("sheet", _quadratic)),
    "cells that are entities": ("iv.xlsx", xlsx("sheet", _many_entities)),
    "4 million shared strings": ("iv.xlsx", _with_strings),
    "a sheet that claims all cells": ("iv.xlsx", xlsx("sheet", _claims_all)),
    "3 million formats": ("iv.xlsx", xlsx("styles", _formats)),
    "100,000 members": ("iv.xlsx", _many_members),
    "a dictionary of 4 GiB": ("iv.xlsx", _lzma),
    "one sheet under 2000 names": ("iv.xlsx", _one_sheet_often),
    "elements a million deep": ("iv.xlsx", xlsx("sheet", _rows(b"<row>" * 10**6 + b"</row>" * 10**6))),
    "an element with a million attributes": (
        "iv.xlsx",
        xlsx("sheet", lambda text: _rows(b"<row " + b" ".join(b'a%d=""' % n for n in range(10**6)) + b"/>")(text)),
    ),
    "a cell of 200 MB": ("iv.xlsx", xlsx("sheet", _long_cell)),
    "the largest sheet": ("iv.xlsx", xlsx("sheet", _rows(b"<row><c><v>11</v></c><c><v>12</v></c></row>" * 1_330_000))),
    "20 million empty rows": ("iv.xlsx", xlsx("sheet", _rows(b"<row/>" * 20 * 10**6))),
    "keys of 250 parts": ("design.toml", _dotted),
    "keys of 7 parts": ("design.toml", _shallow),
    "tables of tables": ("design.toml", _headed),
    "lists a hundred thousand deep": ("design.toml", text(b"a = " + b"[" * 100_000)),
    "half a million lists": ("design.toml", text(b"a = [" + b"[],[]," * 170_000 + b"]\n")),
    "many tables in a list": ("design.toml", text(b"[[a]]\n", 170_000)),
    "inline tables": ("design.toml", text(b"a = [" + b"{a={}}," * 145_000 + b"]\n")),
    "a number of a million digits": ("design.toml", text(b"a = " + b"9" * 10**6 + b"\n")),
    "a fraction of a million digits": ("design.toml", text(b"a = 0." + b"9" * 10**6 + b"\n")),
    "a line of 1 GB": ("iv.csv", _line(10**9)),
    "a line of 60 MB": ("iv.csv", text(b"V,I\n" + b"11," * 20 * 10**6)),
    "a million columns": ("iv.csv", text(b"1," * 10**6 + b"1\n", 10)),
    "60 million empty lines": ("iv.csv", text(b"\n", 60 * 10**6)),
    "12 million tables": ("iv.csv", text(b"1,2\n\n", 12 * 10**6)),
    "the largest table": ("iv.csv", text(b"11,12\n", 3_990_000)),
    "30 million cells": ("iv.csv", text(b"11,12\n", 10 * 10**6)),
    "20 million currents": ("currents.csv", text(b"0,0,0\n", 10 * 10**6)),
    "20 million weights": ("weights.csv", text(b"11," * 4095 + b"11\n", 5000)),
    "a row of 60 MB": ("weights.csv", text(b"1," * 30 * 10**6)),
    "8 million events": ("events.csv", text(b"t,x,y,p\n" + b"11,11,11,1\n" * 6 * 10**6)),
    "60 million empty lines of events": ("events.csv", text(b"\n", 60 * 10**6)),
    "30 million pixels": ("pictures.txt", text(b"a\n" + b"#\n" * 30 * 10**6)),
    "8 million edges": ("graph.txt", text(b"1 2\n", 8 * 10**6)),
    "a gigabyte of small numbers": ("data.npz", npz("inputs", (_array("|u1", (1000, 1000, 1000)), 1), (MIB, 954))),
    "the largest arrays": ("data.npz", npz("inputs", (_array("|u1", (128, 1024, 1024)), 1), (MIB, 128))),
    "a header of 2 GB": (
        "data.npz",
        npz("inputs", (b"\x93NUMPY\2\0" + (2**31 - 2**20).to_bytes(4, "little"), 1), (b" " * 2**20, 2047)),
    ),
    "a shape of 10^12 numbers": ("data.npz", npz("inputs", (_array("<f8", (10**6, 10**6)), 1))),
    "an array in 100,000 members": ("data.npz", _many_arrays),
    "an array of long texts": ("data.npz", npz("inputs", (_array("<U100000000", (2,)), 1), (MIB, 763))),
}
"""By what it is: the name of the file, and the function that makes it."""


def made(what: str, folder: Path) -> Path:
    """Make a hostile file in a folder."""
    name, make = HOSTILE[what]
    path = folder / name
    make(path)
    return path


def read(path: Path) -> None:
    """Read a file with its reader; no other part of Neuristor is imported."""
    kind = path.name
    if kind == "net.nir":
        from neuristor.golden_model.networks.nir_graph import read as read_nir

        read_nir(path, 1e-4)
    elif kind in ("iv.xlsx", "iv.csv"):
        from neuristor.golden_model.devices.measurement import read as read_measurement

        read_measurement(path)
    elif kind == "design.toml":
        from neuristor.toml_file import toml

        toml(path)
    elif kind == "currents.csv":
        from neuristor.stimulus import from_csv

        from_csv(path, None, 4, 3)
    elif kind == "weights.csv":
        from neuristor.weights_file import read_weights

        read_weights(path)
    elif kind == "events.csv":
        from neuristor.golden_model.networks.encoding import read_events

        read_events(path)
    elif kind == "pictures.txt":
        from neuristor.golden_model.networks.associative import read_patterns

        read_patterns(path)
    elif kind == "graph.txt":
        from neuristor.golden_model.networks.problem_files import read_graph

        read_graph(path)
    else:
        from neuristor.golden_model.files import arrays

        arrays(path, ["inputs", "labels"])
