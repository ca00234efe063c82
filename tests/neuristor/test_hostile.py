"""Small files that ask for much memory or time are refused in one sentence, before they take it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz.hostile import HOSTILE, made, read
from tests.fuzz.measure import measured

QUICK = {
    "one gigabyte of bytes, packed": "must hold at most 33,554,432 numbers, but 'weight' makes it more",
    "a shape of 10^18 numbers": "must hold at most 33,554,432 numbers",
    "a filter of a plugin": "must be packed by gzip, once, or not at all",
    "a link to another file": "must contain no links, but 'weight' is one",
    "a symbolic link": "must contain no links, but 'weight' is one",
    "data in another file": "must hold all its data, but those of 'weight' are in another file",
    "a virtual dataset": "must hold all its data",
    "a group inside itself": "must hold each object under one name",
    "sequences of any length": "must hold numbers and texts, but 'weight' holds sequences or references",
    "a string of 2 GiB": "must hold at most 20,000 texts of 16,777,216 characters together",
    "records": "must hold numbers and texts, but 'weight' holds records",
    "one string of a megabyte, 200,000 times": "must hold at most 20,000 texts",
    "60,000 neurons at the input": "must need at most 33554432 weights, not 60000 x 60000",
    "60,000 factors": "must need at most 33554432 weights, not 60000 x 60000",
    "2^30 ways through a graph": "must be reached by at most 64 paths",
    "entities of entities": "it must have no document type",
    "one long entity, often": "it must have no document type",
    "cells that are entities": "it must have no document type",
    "a sheet that claims all cells": "it must have at most 4,000,000 cells, empty ones included",
    "a dictionary of 4 GiB": "must be packed by the method deflate",
    "keys of 250 parts": "a line must have at most 256 dots that are not in numbers, and a file 10,000",
    "keys of 7 parts": "and a file 10,000",
    "tables of tables": "and a file 10,000",
    "lists a hundred thousand deep": "tables and lists must be at most 8 deep",
    "a line of 1 GB": "must be at most 64 MiB, not 953.7 MiB",
    "a million columns": "must have at most 8,000,000 lines and cells, not 10,000,010",
    "8 million edges": "must have at most 8,000,000 lines and cells, not 16,000,000",
    "a shape of 10^12 numbers": "must hold at most 134,217,728 numbers",
}
"""Those that are made and refused in a moment, and what is said."""


@pytest.mark.parametrize("what", QUICK)
def test_a_hostile_file_is_refused_in_one_sentence(what: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(QUICK[what])):
        read(made(what, tmp_path))


def _mark(what: str) -> pytest.MarkDecorator:
    """The gate has one of each kind of file that is no text; files of 60 MB, and those that are accepted, take long."""
    kind = Path(HOSTILE[what][0]).suffix
    first = next(each for each in HOSTILE if Path(HOSTILE[each][0]).suffix == kind and "largest" not in each)
    return pytest.mark.extended if what == first and kind not in (".csv", ".txt") else pytest.mark.slow


@pytest.mark.parametrize("what", [pytest.param(what, marks=_mark(what)) for what in HOSTILE])
def test_a_hostile_file_takes_at_most_two_gigabytes_and_a_minute(what: str) -> None:
    """In a process whose memory and processor time are limited: it is no matter of the clock."""
    memory, _, outcome = measured(what)
    assert outcome == "accepted" or outcome.startswith("refused: "), outcome
    assert memory < 2048
