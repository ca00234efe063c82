from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.boards import BEGIN, CASES, DOCS, END, Case, built, table
from neuristor.boards import BOARDS
from neuristor.boards.flow import Implementation


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.board}-{case.example}")
def test_every_board_with_open_tools_gets_a_bitstream_that_meets_its_clock(case: Case, tmp_path: Path) -> None:
    made = built(case, tmp_path)
    assert made.bitstream is not None
    assert made.bitstream.stat().st_size > 10_000
    assert made.fmax_hz is not None
    assert made.fmax_hz > made.clock_hz  # type: ignore[operator]
    assert made.clock_hz == BOARDS[case.board].clock_hz


def test_the_table_in_the_docs_is_of_these_cases() -> None:
    text = DOCS.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("|")][2:]
    assert [(board.strip(), design.strip()) for board, design in rows] == [(case.board, case.title) for case in CASES]
    assert {case.board for case in CASES} == {name for name, board in BOARDS.items() if not board.counted_only}


def test_the_table_says_what_was_made() -> None:
    made = Implementation(
        board=BOARDS["icebreaker"],
        resources={"LUT": (1234, 5280), "FF": (5, 5280), "DSP": (1, 8)},
        clock_hz=12e6,
        fmax_hz=25.04e6,
        versions={},
    )
    assert table([(Case("icebreaker", "16"), made)]).splitlines()[2] == (
        "| icebreaker | 16 phase oscillators | 1,234 of 5,280 | 5 of 5,280 |  | 1 of 8 | 12 MHz | 25.0 MHz |"
    )
