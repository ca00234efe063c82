"""Hostile input: one sentence and exit status 2, never a traceback; names of others stay names; bounds are kept."""

from __future__ import annotations

import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuristor.design_file import load
from tests.fuzz.targets import EXAMPLES, LIF, NETWORK, NIR, TARGETS, bomb, command, design_holds, hold
from tests.fuzz.targets import example as valid

ROOT = Path(__file__).parents[2]
COSTLY = {"iv.csv": 4, "iv.xlsx": 4, "network.toml": 4, "data.npz": 2, "net.nir": 3, "design.toml": 2, "model.toml": 10}
"""Targets that get so many times fewer examples."""


def modest(examples: int) -> Any:
    """The same examples each time, and no clock: runners differ."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


# --- mutations

BYTES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"\0", b"\n", b"\r", b'"', b"'", b"`", b"[" * 3000, b"\xff", b"\xe2\x80\xa8", b"nan", b"1e999"]),
    st.sampled_from(
        [b"-", b"," * 50, b"9" * 5000, "²٣".encode(), b"\x1b[31m", b"_1", b"inf", b"\\", b"#", b"=", b"PK"]
    ),
)
EDIT = st.tuples(st.sampled_from(["cut", "flip", "insert", "double", "drop", "swap"]), st.integers(0, 2**20), BYTES)


def edited(content: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    """Bytes after some accidents, or attacks."""
    for what, where, more in edits:
        at = where % (len(content) + 1)
        if what == "cut":
            content = content[:at]
        elif what == "flip":
            content = (
                content[:at] + bytes(b ^ (where >> 3 & 0xFF or 1) for b in content[at : at + 1]) + content[at + 1 :]
            )
        elif what == "insert":
            content = content[:at] + more + content[at:]
        elif what == "drop":
            content = content[:at] + content[at + 1 + len(more) :]
        else:
            lines = content.split(b"\n")
            n = where % len(lines)
            lines = [
                *lines[: n + 1],
                *lines[n if what == "double" else n + 1 :],
                *([] if what == "double" else lines[n:]),
            ]
            content = b"\n".join(lines)
    return content


NAMES = ["", ".", "..", "../../x", "/dev/zero", "/etc/passwd", "a\nendmodule", '`include "x"', "<script>", "[/red]"]
NASTY = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 1e308, -1e308, 5e-324, 1e-300, 1e30, 0.5]),
    st.sampled_from([0, 1, -1, 2**31, 2**63, 2**64, 10**18, 10**400, 65_536, 1_000_000]),
    st.sampled_from([*NAMES, "x" * 100_000, "\x1b[31m", "ü" * 300, "$\\frac$", "null", "{{7*7}}"]),
    st.sampled_from([True, [], [[]], {}, {"a": {"b": 1}}, [1, "a"], [0, 0], [48, 48], ["x"] * 3, [1e308] * 2]),
    st.text(max_size=20),
    st.floats(),
    st.integers(-(2**66), 2**66),
)


def toml(table: dict[str, Any]) -> str:
    """A table as TOML."""

    def value(each: Any) -> str:
        if isinstance(each, bool):
            return str(each).lower()
        if isinstance(each, dict):
            return "{" + ", ".join(f"{json.dumps(str(k))} = {value(v)}" for k, v in each.items()) + "}"
        if isinstance(each, list):
            return f"[{', '.join(map(value, each))}]"
        return json.dumps(each, ensure_ascii=False) if isinstance(each, str) else str(each)

    return "\n".join(
        f"{json.dumps(name)} = {value(one)}"
        if not isinstance(one, dict)
        else f"[{name}]\n" + "\n".join(f"{json.dumps(k)} = {value(v)}" for k, v in one.items())
        for name, one in sorted(table.items(), key=lambda pair: isinstance(pair[1], dict))
    )


def changed(text: str, edits: list[tuple[int, int, Any]]) -> bytes:
    """A TOML file, some of whose values, keys or sections are others."""
    sections = tomllib.loads(text)
    for which, key, value in edits:
        name = list(sections)[which % len(sections)]
        section = sections[name]
        if not isinstance(section, dict) or key % 23 == 0:
            sections[name] = value
        elif key % 19 == 0:
            section[str(value)[:50]] = value
        elif section:
            section[list(section)[key % len(section)]] = value
    return toml(sections).encode("utf-8", "replace")


TABLE_EDITS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 300), NASTY), min_size=1, max_size=2)
DESIGNS = [LIF, *(path.read_text("utf-8") for path in sorted(EXAMPLES.glob("*.toml")) if "snn" not in path.name)]


def given_to(name: str, content: bytes) -> bool:
    """Give an input to its target, in a folder that nothing else is in afterwards."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        inside = Path(folder) / "inside"
        inside.mkdir()
        for csv in EXAMPLES.glob("*.csv") if name == "design.toml" else ():
            (inside / csv.name).write_bytes(csv.read_bytes())
        known = {each.name for each in inside.iterdir()}
        accepted = hold(name, content, inside)
        made = {each.name for each in inside.iterdir()} - known
        assert made <= {*TARGETS, "core.toml"}, made
        assert [each.name for each in Path(folder).iterdir()] == ["inside"]
        return accepted


# --- the tests


@pytest.mark.parametrize("name", TARGETS)
def test_valid_input_is_accepted(name: str) -> None:
    assert given_to(name, valid(name)) or name == "frames.bin"


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_bytes_are_refused_in_one_sentence_or_accepted(name: str) -> None:
    @modest(60 // COSTLY.get(name, 1))
    @given(st.lists(EDIT, min_size=1, max_size=3))
    def damaged(edits: list[tuple[str, int, bytes]]) -> None:
        given_to(name, edited(valid(name), edits))

    damaged()


@modest(150)
@given(st.integers(0, len(DESIGNS) - 1), TABLE_EDITS)
def test_nasty_values_in_a_design_are_refused_in_one_sentence_or_accepted(
    which: int, edits: list[tuple[int, int, Any]]
) -> None:
    given_to("design.toml", changed(DESIGNS[which], edits))


@modest(40)
@given(TABLE_EDITS)
def test_nasty_values_in_a_network_file_are_refused_in_one_sentence_or_accepted(
    edits: list[tuple[int, int, Any]],
) -> None:
    given_to("network.toml", changed(NETWORK, edits))


# What fuzzing found, and what must stay found.
REGRESSIONS = [
    ("design.toml", b"a = " + b"[" * 100_000, "at most 8 deep"),
    ("design.toml", b"[device]\nx" + b".x" * 20_000 + b" = 1\n", "at most 256 dots"),
    ("design.toml", b"[device]\nx" + b".x" * 200 + b" = 1\n", "at most 8 deep"),
    ("design.toml", b"a = " + b"9" * 100_000, "not a TOML file"),
    ("design.toml", b'a."' + b"x" * 900_000 + b'" = 1', "unknown section"),
    ("design.toml", b"#" * 2_000_000, "must be at most 1 MiB, not 1.9 MiB"),
    ("design.toml", LIF.replace("currents.csv", "/dev/zero").encode(), "must be at most 64 MiB"),
    (
        "design.toml",
        LIF.replace("currents.csv", "none").replace("ticks = 4", f"ticks = 1\nframes = {10**12}").encode(),
        "frames x [neuron] count must be at most",
    ),
    (
        "design.toml",
        LIF.replace("= 3\n", "= 65536\n").replace('"currents.csv"', '"none"\nframes = 30000').encode(),
        "at most 50000000",
    ),
    ("currents.csv", b"1e-5,2e-5,9e-5\n-5,2e-5,9e-5\n", "drive must be between"),
    ("currents.csv", b'"' + b"1" * 200_000, "must be a CSV file"),
    ("network.toml", NETWORK.replace("[8]", str(10**18)).encode(), "membrane_bits must be an integer between 2 and 32"),
    ("network.toml", NETWORK.replace("data.npz", "digits").encode(), "source must have"),
    ("data.npz", bomb("inputs", (10**6, 10**6)), "must hold at most 134,217,728 numbers"),
    ("data.npz", bomb("labels", (10**30,)), "must hold at most 134,217,728 numbers"),
    ("t.npy", b"\x93NUMPY\1\0\4\0{[(\n", "t has a damaged header"),
    ("t.npy", b"\x93NUMPY\1\0\x40\x1f" + b"(" * 8000, "t has a damaged header"),
    ("t.npy", b"\x93NUMPY\2\0\0\0\0\x7f" + b" " * 100, "t has a header of more than 10000 bytes"),
    ("t.npy", b"\x93NUMPY\3\0\4\0{}\n", "t has no header of version 1.0 or 2.0"),
    ("data.npz", bomb("inputs", (100, 1, 1)), "cannot be read as an NPZ file"),
    ("data.npz", b"\x93NUMPY" + bytes(100), "cannot be read as an NPZ file"),
    ("iv.csv", b"V,I1,I2\n1,1e-6,\n2,2e-6,\n3,,1e-6\n4,,2e-6\n", "at least 5 points, not 2"),
    ("manifest.json", b"[" * 100_000, "has no manifest.json of Neuristor"),
    ("sweep.parquet", b"PAR1" + b"\0" * 100 + b"PAR1", "is no Parquet file"),
    ("weights.csv", b"\0", "has the control character"),
    ("weights.csv", b'"' + b"1" * 200_000, "cannot be read as CSV"),
    ("graph.txt", b"1000000000 1\n1 2 1\n", "must have 1 to 4096 vertices, not 1000000000"),
    ("graph.txt", b"".join(b"a%d b%d\n" % (n, n) for n in range(5000)), "must have at most 4096 vertices"),
    ("graph.txt", b"2 1\n1 2 1e308\n", "line 2: a weight must be finite and at most 1e+150"),
    ("events.csv", b"t,x,y,p\n0,1,1,0\n1e15,1,1,0\n", "events must lie within"),
    ("events.csv", b"t,x,y,p\n0,1e300,1,0\n", "x must be a whole number"),
    ("events.csv", b't,x,y,p\n"' + b"1" * 200_000, "cannot be read as CSV"),
    ("pictures.txt", b"a\n" + b"#" * 100_000, "a picture must have at most 4096 pixels"),
    ("iv.csv", b"V,I\n" + b"1," * 10_000, "wanted at most 4096 cells"),
    ("axis.txt", b"a.b=" + b"[" * 50_000, "--vary a.b must be as"),
    ("frames.bin", np.array([1 << 30 | 77 << 2 | 1], "<u4").tobytes(), "its output is damaged"),
    ("frames.bin", np.array([77], "<u4").tobytes(), "its output is damaged"),
]


@pytest.mark.parametrize(
    ("name", "content", "message"), REGRESSIONS, ids=[f"{n}-{k[0]}" for n, k in enumerate(REGRESSIONS)]
)
def test_what_was_found_once_is_one_sentence_now(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    read, errors = TARGETS[name]
    assert not hold(name, content, tmp_path)
    with pytest.raises(errors, match=re.escape(message)):
        read(tmp_path / name)


def test_a_sheet_of_a_few_bytes_that_claims_all_rows_and_columns_is_refused(tmp_path: Path) -> None:
    book = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(valid("iv.xlsx"))) as old, zipfile.ZipFile(book, "w") as new:
        for each in old.namelist():
            text = old.read(each)
            if each.endswith("sheet1.xml"):
                text = re.sub(rb'(<dimension ref=")[^"]*', rb"\1A1:XFD1048576", text)
                text = text.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                )
            new.writestr(each, text)
    assert not hold("iv.xlsx", book.getvalue(), tmp_path)
    with pytest.raises(ValueError, match="must have at most 4,000,000 cells"):
        TARGETS["iv.xlsx"][0](tmp_path / "iv.xlsx")


def hdf5(change: Any) -> bytes:
    """The example of a NIR file after a change to its nodes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NIR
        path.write_bytes(valid("net.nir"))
        with h5py.File(path, "r+") as file:
            nodes = file["node/nodes"]
            change(nodes, next(nodes[name] for name in nodes if "weight" in nodes[name]))
        return path.read_bytes()


def _giant(nodes: Any, node: Any) -> None:
    del node["weight"]
    node.create_dataset("weight", shape=(10**9, 10**9), dtype="f8", chunks=(1000, 1000))


def _elsewhere(nodes: Any, node: Any) -> None:
    del node["weight"]
    node["weight"] = h5py.ExternalLink("/etc/passwd", "/x")


def _raw(nodes: Any, node: Any) -> None:
    del node["weight"]
    node.create_dataset("weight", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])


def _cycle(nodes: Any, node: Any) -> None:
    nodes["again"] = nodes.file["node"]


def _deep(nodes: Any, node: Any) -> None:
    for _ in range(3000):
        nodes = nodes.create_group("g")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_giant, "must hold at most 33,554,432 numbers, but 'weight' makes it more"),
        (_elsewhere, "must contain no links, but 'weight' is one"),
        (_raw, "must hold all its data, but those of 'weight' are in another file"),
        (_cycle, "must hold each object under one name, but 'again' is a second one"),
        (_deep, "nested at most 16 deep"),
    ],
)
def test_a_nir_file_that_claims_too_much_is_refused_before_it_is_read(
    change: Any, message: str, tmp_path: Path
) -> None:
    assert not hold("net.nir", hdf5(change), tmp_path)
    with pytest.raises(ValueError, match=message):
        TARGETS["net.nir"][0](tmp_path / "net.nir")


WILD = [
    "a\nendmodule\nmodule x",
    "a`include b",
    "verilator lint_off",
    "synthesistranslate_off",
    "[_red]$\\frac$<b>",
    "\udcff",
]


@pytest.mark.parametrize("stem", WILD, ids=map(ascii, WILD))
def test_a_wild_file_name_stays_a_name_in_verilog(stem: str, tmp_path: Path) -> None:
    (tmp_path / "currents.csv").write_text("1e-5,2e-5,9e-5\n")
    path, weights, out = tmp_path / f"{stem}.toml", tmp_path / f"{stem}.csv", tmp_path / "out"
    path.write_text(LIF)
    weights.write_bytes(valid("weights.csv"))
    design_holds(load(path))
    assert command("onn", "generate", weights, "--out", out / "onn.v")[0] == 0
    texts = [(out / "onn.v").read_text("utf-8")]
    if stem is WILD[0]:
        texts.append(load(path).case.verilog)
    for made in texts:
        head, _, body = made.partition("\n\n")
        assert all(line.startswith("//") for line in head.splitlines())
        assert not re.search(r"^// *(verilator|synopsys|synthesis)", made, re.MULTILINE | re.IGNORECASE)
        assert "endmodule\nmodule x" not in made
        lint, _, modules = body.partition("\n\n")
        assert re.fullmatch(r"/\* verilator lint_save \*/(\n/\* verilator lint_off [A-Z]+ \*/ // [^\n]+)+", lint)
        assert modules.startswith("module ")
    assert sorted(each.name for each in out.iterdir()) == ["onn.json", "onn.v"]
    assert command("onn", "solve", path)[0] == 2
    assert command("onn", "recall", weights)[0] == 2


def test_a_wild_node_name_is_shown_as_it_is(tmp_path: Path) -> None:
    def renamed(nodes: Any, node: Any) -> None:
        name = next(name for name in nodes if nodes[name]["type"][()] == b"LIF")
        nodes.move(name, "[_red]:bomb:")
        edges = nodes.file["node/edges"]
        rows = [[b"[_red]:bomb:" if end == name.encode() else end for end in row] for row in edges[()].tolist()]
        del nodes.file["node/edges"]
        nodes.file["node/edges"] = rows

    (tmp_path / "net.nir").write_bytes(hdf5(renamed))
    code, shown, errors = command("snn", "show", tmp_path / "net.nir", "--dt", "1e-4")
    assert (code, errors) == (0, "")
    assert "[_red]:bomb:" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "{design}", "--out", "{folder}", "--force"),
        ("generate", "{design}", "--out", "x" * 300),
        ("generate", "{design}", "--out", "/proc/none/x.v"),
        ("devices", "vo2-onn", "--plot", "{folder}", "--force"),
        ("onn", "generate", "{weights}", "--out", "{folder}/a.json"),
        ("onn", "generate", "{weights}", "--out", "/"),
        ("onn", "verify", "{weights}", "--seed", "-1"),
        ("onn", "compare", "{oscillators}", "3x3", "--noise", "5"),
        ("onn", "compare", "{oscillators}", "3x3", "--spread", "nan"),
        ("onn", "compare", "{oscillators}", "3x3", "--bits", "99"),
        ("onn", "compare", "{oscillators}", "3x3", "--strength", "nan"),
        ("onn", "solve", "{weights}", "--problem", "partition", "--trials", "1000000000"),
        ("onn", "solve", "{folder}"),
        ("accuracy", "{design}", "--target", "1e999%"),
        ("accuracy", "{design}", "--target", "9" * 5000),
        ("run", "{folder}/deep.toml"),
        ("sweep", "{design}", "--vary", "x.y=[[[[[", "--out", "{folder}/a.parquet"),
        ("snn", "show", "{folder}", "--dt", "nan"),
        ("snn", "show", "{nir}", "--dt", "nan"),
        ("snn", "show", "{nir}", "--dt", "0"),
    ],
)
def test_wild_values_on_the_command_line_end_with_one_sentence(arguments: tuple[str, ...], tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "currents.csv").write_text("1e-5,2e-5,9e-5\n")
    files = {"design": LIF, "weights": valid("weights.csv").decode(), "deep": "a = " + "[" * 5000}
    paths = {"folder": inside, "nir": inside / NIR, "oscillators": EXAMPLES / "vo2_oscillators.toml"}
    for name, text in files.items():
        paths[name] = inside / (f"{name}.csv" if name == "weights" else f"{name}.toml")
        paths[name].write_text(text)
    paths["nir"].write_bytes(valid("net.nir"))
    before = {each.name: each.read_bytes() for each in inside.iterdir()}
    code, _, errors = command(*(each.format(**paths) for each in arguments))
    assert code == 2, errors
    assert "Traceback" not in errors
    assert errors.strip()
    assert {each.name: each.read_bytes() for each in inside.iterdir()} == before


def test_an_export_leaves_a_neighbour_called_part_alone(tmp_path: Path) -> None:
    (tmp_path / "net.nir").write_bytes(valid("net.nir"))
    (tmp_path / "data.npz").write_bytes(valid("data.npz"))
    (tmp_path / "net.toml").write_text(NETWORK)
    (tmp_path / "out.nir.part").mkdir()
    (tmp_path / "out.nir.part" / "precious").write_text("mine")
    assert command("snn", "export", tmp_path / "net.toml", "--out", tmp_path / "out.nir")[0] == 0
    assert (tmp_path / "out.nir.part" / "precious").read_text() == "mine"


# --- the campaign


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_minute_of_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install 'neuristor[fuzz]'")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.fuzz_inputs", name, "--seconds", "60", "--keep", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_thousand_times_damaged_bytes_are_refused_or_accepted(name: str) -> None:
    @modest(4000 // COSTLY.get(name, 1))
    @given(st.lists(EDIT, min_size=1, max_size=6))
    def damaged(edits: list[tuple[str, int, bytes]]) -> None:
        given_to(name, edited(valid(name), edits))

    damaged()


@pytest.mark.slow
@modest(5000)
@given(st.integers(0, len(DESIGNS) - 1), TABLE_EDITS)
def test_thousands_of_nasty_values_are_refused_or_accepted(which: int, edits: list[tuple[int, int, Any]]) -> None:
    given_to("design.toml", changed(DESIGNS[which], edits))
