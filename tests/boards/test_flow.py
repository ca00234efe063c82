"""The flow from a design to a bitstream, on every board."""

from __future__ import annotations

import gc
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from amaranth.hdl import Cat, Const, Elaboratable, Instance, Module, Signal, signed
from amaranth.lib import io
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, Out

from neuristor.boards import BOARDS, Board, MissingTool
from neuristor.boards import flow as flow_module
from neuristor.boards.clock import Ecp5Pll, Ice40Pll, clock_generator
from neuristor.boards.flow import DoesNotFit, Implementation, ToolError, implement
from neuristor.boards.programmer import check_bitstream

PLACED = [board for board in BOARDS.values() if not board.counted_only]
COUNTED = [board for board in BOARDS.values() if board.counted_only]

SITES = {
    "ice40": {
        "logic cell": "ICESTORM_LC",
        "block RAM": "ICESTORM_RAM",
        "SPRAM": "ICESTORM_SPRAM",
        "DSP": "ICESTORM_DSP",
    },
    "ecp5": {
        "LUT": "TRELLIS_COMB",
        "FF": "TRELLIS_FF",
        "block RAM": "DP16KD",
        "DSP": "MULT18X18D",
    },
    "gowin": {"LUT": "LUT4", "FF": "DFF", "block RAM": "BSRAM", "DSP": "MULT18X18"},
    "gatemate": {"LUT": "CPE_LT", "FF": "CPE_FF", "block RAM": "RAM_HALF"},
}


class Core(Component):
    """A counter walks through a memory and multiplies what it reads; `bits` adds flip-flops."""

    def __init__(self, *, multipliers: int = 1, bits: int = 0) -> None:
        super().__init__({"o": Out(1)})
        self.multipliers = multipliers
        self.bits = bits

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(24)
        m.d.sync += count.eq(count + 1)
        init = [977 * i % 2**16 for i in range(64)]
        m.submodules.memory = memory = Memory(shape=16, depth=64, init=init)
        read = memory.read_port()
        write = memory.write_port()
        m.d.comb += [
            read.addr.eq(count[:6]),
            write.addr.eq(~count[:6]),
            write.data.eq(count[8:]),
            write.en.eq(count[7]),
        ]
        word = Signal(signed(16))
        m.d.sync += word.eq(read.data)
        products = []
        for n in range(self.multipliers):
            factor = Signal(signed(16), name=f"factor{n}")
            product = Signal(signed(32), name=f"product{n}")
            m.d.sync += [factor.eq(word ^ Const(977 * n % 2**16, 16)), product.eq(factor * word)]
            products.append(product)
        shift = Signal(self.bits)
        m.d.sync += shift.eq(Cat(self.o, shift ^ shift[1:]))
        m.d.comb += self.o.eq(Cat(products).xor() ^ shift[-1:].xor())
        return m


class OnPins(Elaboratable):
    """`Core` with its output on an LED, and the pins that every board has."""

    def __init__(self, **options: int) -> None:
        self.core = Core(**options)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = self.core
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.submodules.accepted = accepted = io.Buffer("o", platform.request("led", 1, dir="-"))
        m.d.comb += [led.o.eq(self.core.o), tx.o.eq(rx.i), accepted.o.eq(rx.i)]
        return m


class Unknown(Elaboratable):
    """An instance of a cell that nobody defines."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.led = led = io.Buffer("o", platform.request("led", 0, dir="-"))
        m.submodules.unknown = Instance("NO_SUCH_CELL", i_a=Const(0), o_y=led.o)
        return m


def small(board: Board, out: Path, **options: float) -> Implementation:
    return implement(board, OnPins(), out, **options)


QUICK = ("icebreaker", "ulx3s-85f", "orangecrab")
"""Boards whose place and route takes seconds."""


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "board",
    [pytest.param(board, marks=() if board.name in QUICK else pytest.mark.slow) for board in PLACED],
    ids=lambda board: board.name,
)
def test_small_design_becomes_the_same_bitstream_twice(board: Board, tmp_path: Path) -> None:
    steps: list[str] = []
    first = implement(board, OnPins(), tmp_path / "first", progress=steps.append)
    assert steps == ["elaboration", "synthesis", "place and route", "bitstream"]
    assert first.bitstream is not None
    assert first.bitstream.stat().st_size > 2_000
    check_bitstream(board, first.bitstream)
    # Gowin designs do without multiplier blocks, whose delay nextpnr does not know; GateMate has none.
    assert first.resources.get("DSP", (0, 0))[0] == (0 if board.family in ("gowin", "gatemate") else 1)
    assert 50 < first.resources["FF"][0] < 200
    assert first.clock_hz == board.clock_hz
    assert first.timing_met is True
    assert first.untimed == ()
    assert first.fmax_hz is not None
    assert first.fmax_hz > board.clock_hz
    assert first.slack_s == pytest.approx(1 / board.clock_hz - 1 / first.fmax_hz)
    delay_s = sum(hop.delay_s for hop in first.critical_path)
    assert delay_s == pytest.approx(1 / first.fmax_hz, rel=1e-3)

    # The capacity we state is the one nextpnr counts.
    sites = json.loads((tmp_path / "first" / "report.json").read_text())["utilization"]
    for resource, site in SITES[board.family].items():
        assert board.capacity[resource] == sites[site]["available"]

    second = small(board, tmp_path / "elsewhere" / "second")
    for name in (first.bitstream.name, "top.json", "report.json"):
        again = (second.bitstream.parent / name).read_bytes()
        assert (first.bitstream.parent / name).read_bytes() == again
        assert str(tmp_path).encode() not in again
        assert b"site-packages" not in again


@pytest.mark.few(1)
@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # what is refused
@pytest.mark.parametrize("board", COUNTED, ids=lambda board: board.name)
def test_board_without_open_place_and_route_is_counted(board: Board, tmp_path: Path) -> None:
    result = implement(board, Core(), tmp_path, clock_hz=board.clock_hz)
    assert result.bitstream is None
    assert result.fmax_hz is None
    assert result.timing_met is None
    assert result.resources["DSP"] == (1, board.capacity["DSP"])
    assert 0 < result.resources["LUT"][0] < 200
    with pytest.raises(ValueError, match=f"{board.name} is only counted: no clock_hz can be set"):
        implement(board, Module(), tmp_path, clock_hz=50e6)
    with pytest.raises(TypeError, match="top must be a Component"):
        implement(board, Module(), tmp_path)
    with pytest.raises(ValueError, match=f"{board.name} is only counted: no open tool places and routes"):
        board.platform()
    gc.collect()


def test_design_too_large_for_a_counted_device_does_not_fit(tmp_path: Path) -> None:
    smaller = replace(BOARDS["xc7z020"], capacity={**BOARDS["xc7z020"].capacity, "DSP": 2})
    with pytest.raises(DoesNotFit, match=r"xc7z020: DSP 3 of 2 \(1 over, 50.0 %\)"):
        implement(smaller, Core(multipliers=3), tmp_path)


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("name", "clock_hz"),
    [
        ("icebreaker", 24e6),
        ("ulx3s-85f", 80e6),
        ("orangecrab", 60e6),
        pytest.param("gatemate-evb", 33e6, marks=pytest.mark.slow),
    ],
)
def test_pll_clock_is_constrained(name: str, clock_hz: float, tmp_path: Path) -> None:
    result = small(BOARDS[name], tmp_path, clock_hz=clock_hz)
    assert result.clock_hz == clock_hz
    assert result.timing_met
    # What nextpnr took from the PLL: not what we asked for on its command line.
    log = (tmp_path / f"{flow_module._PLACED[BOARDS[name].family].place.name}.log").read_text()
    assert re.search(rf"(onstraining|onstraint).* {clock_hz / 1e6:.1f}0* MHz", log)


def test_missed_timing_is_reported(tmp_path: Path) -> None:
    result = small(BOARDS["icebreaker"], tmp_path, clock_hz=204e6)
    assert result.timing_met is False
    assert result.slack_s is not None
    assert result.slack_s < 0
    assert result.bitstream is not None


def test_too_many_multipliers_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit, match=r"icebreaker: DSP 9 of 8 \(1 over, 12.5 %\)") as caught:
        implement(BOARDS["icebreaker"], OnPins(multipliers=9), tmp_path)
    assert caught.value.over == {"DSP": (9, 8)}


@pytest.mark.extended
def test_design_too_large_only_after_packing_does_not_fit(tmp_path: Path) -> None:
    # The flip-flops alone fit after synthesis: the rest of the logic takes the cells over 5280.
    with pytest.raises(DoesNotFit, match=r"logic cell 5\d\d\d of 5280 \(\d+ over, \d.\d %\)"):
        implement(BOARDS["icebreaker"], OnPins(bits=5130), tmp_path)
    assert not (tmp_path / "top.bin").exists()


def test_error_of_yosys_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"yosys failed: .*NO_SUCH_CELL.*yosys.log") as caught:
        implement(BOARDS["icebreaker"], Unknown(), tmp_path)
    assert caught.value.tool == "yosys"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('ERROR: first'); print('ERROR: last'); print('bye'); raise SystemExit(3)", "last"),
        ("raise SystemExit(1)", "it printed nothing"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
    ],
)
def test_broken_tool_is_told(code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = flow_module._Tool("yosys", "pyosys", "pyosys", code)
    monkeypatch.setattr(flow_module, "_YOSYS", broken)
    with pytest.raises(ToolError, match=f"yosys failed: {reason} "):
        small(BOARDS["icebreaker"], tmp_path)


def test_tool_that_never_ends_is_stopped(tmp_path: Path) -> None:
    endless = flow_module._Tool("router", "pyosys", "pyosys", "print('iter=1', flush=True)\nwhile True: pass")
    with pytest.raises(ToolError, match=r"router failed: not done after 1 s, another seed may be .*router\.log"):
        endless.run([], tmp_path, 1)
    assert (tmp_path / "router.log").read_text() == "iter=1\n"


def test_missing_tool_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = flow_module._Tool("yosys", "pyosys", "no_such_module", "")
    monkeypatch.setattr(flow_module, "_YOSYS", missing)
    with pytest.raises(MissingTool, match="yosys is missing; install it with: pip install pyosys"):
        small(BOARDS["icebreaker"], tmp_path)


def test_settings_of_ice40_pll_are_those_of_icepll() -> None:
    found = next(pll for pll in Ice40Pll.settings(12e6) if pll.output_hz == 24e6)
    assert (found.divr, found.divf, found.divq, found.filter_range) == (0, 63, 5, 1)


@pytest.mark.parametrize(("clock_hz", "dividers"), [(50e6, (1, 2, 12)), (80e6, (5, 16, 7)), (100e6, (1, 4, 6))])
def test_settings_of_ecp5_pll_are_those_of_ecppll(clock_hz: float, dividers: tuple[int, int, int]) -> None:
    found = next(pll for pll in Ecp5Pll.settings(25e6) if pll.output_hz == clock_hz)
    assert (found.clki_div, found.clkfb_div, found.clkop_div) == dividers


@pytest.mark.parametrize(
    ("name", "clock_hz", "message"),
    [
        ("icebreaker", 25e6, "cannot make 25 MHz from its 12 MHz pin: .* 24.75 MHz and 25.125 MHz"),
        ("icebreaker", 1e6, "the nearest it can make is 16.125 MHz"),
        ("ulx3s-85f", 1e9, "the nearest it can make is 400 MHz"),
        ("tang-nano-9k", 54e6, "runs at 27 MHz only"),
        ("gatemate-evb", 100e6, "the nearest it can make is 62 MHz"),
        ("gatemate-evb", 20.5e6, "the nearest it can make is 20 MHz and 21 MHz"),
        ("arty-a7-35t", 50e6, "runs at 100 MHz only"),
        ("xc7z020", 100e6, "no clock pin"),
    ],
)
def test_impossible_clock_says_what_is_possible(name: str, clock_hz: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clock_generator(BOARDS[name], clock_hz)
