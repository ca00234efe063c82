"""Hostile input: one sentence and exit status 2, never a traceback; names of others stay names; bounds are kept."""

from __future__ import annotations

import json
import math
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import EXAMPLES, LIF, NETWORK, TARGETS, hold
from tests.fuzz.targets import example as valid

ROOT = Path(__file__).parents[2]
COSTLY = {"iv.csv": 4, "iv.xlsx": 4, "network.toml": 4, "data.npz": 2, "net.nir": 3, "design.toml": 2}
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
