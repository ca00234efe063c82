"""Synthesized netlists against the bit-true model; broken netlists are caught, cells without a model refused."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from boards import BOARDS
from boards.flow import _PLACED, _XC7_SYNTH
from golden_model.devices.catalogue import preset
from golden_model.devices.threshold_switch import Circuit
from golden_model.neuron import room
from sim.case import Case
from sim.compiled import CompiledModel, pack_rows, unpack_rows
from sim.gates import FAMILIES, gates, insert_models, synthesize
from sim.simulators import ToolError
from sim.verify import available, verify
from tests.conftest import lif_params, oscillator_params, random_drive

pytestmark = pytest.mark.skipif(not available("compiled"), reason="needs a C++ compiler")

UPDATES = 100_000
"""Of neurons, in the long campaigns."""
CIRCUITS = {
    "lif": Circuit(device=preset("vo2-maffezzoni").device, supply=1.5, series_resistance=20e3, capacitance=1e-9),
    "relaxation_oscillator": Circuit(
        device=preset("vo2-onn").device, supply=2.5, series_resistance=20e3, capacitance=100e-12
    ),
}
MAKERS = {"lif": lif_params, "relaxation_oscillator": oscillator_params}


def case(neuron: str, variant: str, count: int, lanes: int, ticks: int) -> Case:
    """An array whose neurons fire."""
    params = MAKERS[neuron](CIRCUITS[neuron], variant, count)
    drive = random_drive(params, ticks, seed=77)
    assert room("golden_model", neuron).BitTrue(params).run(drive)["spike"].sum() > ticks * count / 500
    return Case(neuron=neuron, params=params, lanes=lanes, drive_raw=drive)


def with_verilog(made: Case, text: str) -> Case:
    """The same case with other Verilog."""
    changed = replace(made)
    changed.__dict__["verilog"] = text
    return changed


@pytest.mark.parametrize("family", FAMILIES)
def test_a_netlist_is_made_with_the_command_of_the_boards(family: str) -> None:
    flow = _XC7_SYNTH if family == "xc7" else _PLACED[family].synth
    words = shlex.split(FAMILIES[family].synth)
    assert words[: len(flow.split())] == flow.split()
    boards = [board for board in BOARDS.values() if board.family == family]
    rest = set(words[len(flow.split()) :]) - {"-noiopad", "-noiopads", "-noclkbuf"}
    assert boards
    assert rest in [set(board.synth_options) for board in boards]


# --- cores


def test_a_netlist_of_a_core_equals_the_bit_true_model_and_a_broken_one_does_not() -> None:
    made = case("lif", "all", 6, 1, 500)
    netlist = synthesize(made.verilog, made.toplevel, "ecp5")
    text = insert_models(netlist, made.toplevel, "ecp5")
    assert re.findall(r"^module (\w+)", text, re.M) == [made.toplevel]
    assert "MULT18X18D" in netlist
    assert "TRELLIS_DPR16X4" in netlist
    verdict = verify(with_verilog(made, text), "compiled")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests) == (500, 3)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["spread", "all"])
@pytest.mark.parametrize("neuron", MAKERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_netlists_of_small_cores_equal_the_bit_true_model(family: str, neuron: str, variant: str) -> None:
    made = replace(case(neuron, variant, 8, 2, UPDATES // 8), netlist=family)
    verdict = verify(made, "compiled")
    assert verdict.equal, verdict.reason


BLOCK_RAM = {
    "ice40": "SB_RAM40_4K",
    "ecp5": "DP16KD",
    "xc7": "RAMB(18|36)E1",
    "gowin": "(SP|SPX9|SDPB|SDPX9B|DPB|DPX9B)",
    "gatemate": "CC_BRAM_(20|40)K",
}


@pytest.mark.slow
@pytest.mark.parametrize("neuron", MAKERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_netlists_of_cores_in_block_ram_equal_the_bit_true_model(family: str, neuron: str) -> None:
    made = case(neuron, "all", 2000, 1, UPDATES // 2000)
    netlist = synthesize(made.verilog, made.toplevel, family)
    assert re.search(rf"^  {BLOCK_RAM[family]} ", netlist, re.M)
    verdict = verify(with_verilog(made, insert_models(netlist, made.toplevel, family)), "compiled")
    assert verdict.equal, verdict.reason


# --- faults


def flipped(netlist: str, pattern: str, which: int) -> str:
    """The netlist with the lowest bit of a parameter the other way round, in one of the cells that have it."""
    found = list(re.finditer(rf"{pattern}\(\d+'h([0-9a-f]+)\)", netlist))[which]
    digit = found.end(1) - 1
    return netlist[:digit] + f"{int(netlist[digit], 16) ^ 1:x}" + netlist[digit + 1 :]


# --- models of multipliers

PRODUCT = """
module product(input clk, rst, i__valid, o__ready, input [37:0] i__payload,
               output i__ready, o__valid, output [35:0] o__payload);
    assign i__ready = o__ready, o__valid = i__valid;
    MULT18X18D cell (
        .SOURCEA(1'b0), .SOURCEB(1'b0), .SIGNEDA(i__payload[37]), .SIGNEDB(i__payload[36]),
        @PINS@
    );
endmodule
"""


def product_module() -> str:
    """A multiplier as a stream: signs, operands, product."""
    pins = [f".A{n}(i__payload[{18 + n}]), .B{n}(i__payload[{n}])" for n in range(18)]
    pins += [f".P{n}(o__payload[{n}])" for n in range(36)]
    return PRODUCT.replace("@PINS@", ", ".join(pins))


def signed(value: int, bits: int) -> int:
    return value - (value >> (bits - 1) << bits)


def test_the_multiplier_of_ecp5_gives_the_products_of_python() -> None:
    corners = [0, 1, 2, 3, 0xFFFF, 0x10000, 0x1FFFE, 0x1FFFF, 0x20000, 0x20001, 0x2AAAA, 0x15555, 0x3FFFE, 0x3FFFF]
    rng = np.random.default_rng(5)
    pairs = [*itertools.product(corners, repeat=2), *rng.integers(0, 1 << 18, (20_000, 2)).tolist()]
    asked = [(x, y, a, b) for a, b in pairs for x, y in itertools.product((0, 1), repeat=2)]
    model = CompiledModel(insert_models(product_module(), "product", "ecp5"), "product")
    out, _ = model.exchange(pack_rows([x << 37 | y << 36 | a << 18 | b for x, y, a, b in asked], 38))
    wanted = [((signed(a, 18) if x else a) * (signed(b, 18) if y else b)) % (1 << 36) for x, y, a, b in asked]
    assert unpack_rows(out) == wanted


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("MULT18X18D", '.REG_OUTPUT_CLK("CLK0")'),
        ("MULT18X18D", '.REG_INPUTA_CLK("CLK1")'),
        ("MULT18X18D", '.SOURCEB_MODE("C_SHIFT")'),
        ("DP16KD", '.REGMODE_B("OUTREG")'),
    ],
)
def test_a_setting_without_a_model_is_refused(cell: str, settings: str) -> None:
    text = f"module top(input clk); {cell} #({settings}) cell (); endmodule"
    with pytest.raises(ToolError, match=f"top for ecp5: {cell}_\\w+ has no model"):
        insert_models(text, "top", "ecp5")


# --- models of block RAM

SHAPES = [(16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36), (512, 40), (300, 72)]
"""Depth and width of memories with a port that reads and one that writes."""
ADDRESS, DATA = 14, 72


def initial(place: int, address: int) -> int:
    """What is in a memory at first."""
    return (address * 0x9E3779B97F4A7C15 + (place + 1) * 0x5851F42D4C957F2D) % (1 << DATA)


def memory_module() -> str:
    """Memories side by side, all written and read by one stream: enable, write address, read address, data.

    The last two have one port: one keeps what it read while it writes, the other reads the old word. Of the one of 36
    bits, each 9 bits are written alone, as the lowest data bits say.
    """
    body, outs = [], []
    for place, (depth, width) in enumerate([*SHAPES, (512, 36), (512, 36)]):
        single = place >= len(SHAPES)
        reads = "data_at" if single else "read_at"
        at = f"({depth} > (%s) ? (%s) : 0)" if depth & (depth - 1) else f"%s[{depth.bit_length() - 2}:0]"
        write, read = (at.replace("%s", name) for name in ("data_at", reads))
        outs.append(f"q{place}")
        if (depth, width) == (512, 36) and not single:
            writes = " ".join(
                f"if (data[{n}]) m{place}[{write}][{9 * n} +: 9] <= data[{9 * n} +: 9];" for n in range(4)
            )
        else:
            writes = f"m{place}[{write}] <= data;"
        keeps = "if (!writes) " if place == len(SHAPES) else ""
        body.append(f"""
            (* ram_style = "block", ram_block *) reg [{width - 1}:0] m{place} [0:{depth - 1}];
            reg [{width - 1}:0] q{place};
            initial for (n = 0; n < {depth}; n = n + 1)
                m{place}[n] = n * 72'h9E3779B97F4A7C15 + 72'd{(place + 1) * 0x5851F42D4C957F2D % (1 << DATA)};
            always @(posedge clk) if (moves) begin
                if (writes) begin {writes} end
                {keeps}q{place} <= m{place}[{read}];
            end""")
    total = sum(width for _, width in SHAPES) + 72
    return f"""module memories(input clk, rst, i__valid, o__ready, input [{DATA + 2 * ADDRESS}:0] i__payload,
            output i__ready, output reg o__valid, output [{total - 1}:0] o__payload);
        integer n;
        wire [{DATA - 1}:0] data = i__payload;
        wire [{ADDRESS - 1}:0] data_at = i__payload[{DATA} +: {ADDRESS}];
        wire [{ADDRESS - 1}:0] read_at = i__payload[{DATA + ADDRESS} +: {ADDRESS}];
        wire writes = i__payload[{DATA + 2 * ADDRESS}];
        assign i__ready = !o__valid || o__ready;
        wire moves = i__valid && i__ready;
        initial o__valid = 0;
        always @(posedge clk) if (rst) o__valid <= 0; else if (i__ready) o__valid <= i__valid;
        {"".join(body)}
        assign o__payload = {{{", ".join(reversed(outs))}}};
    endmodule"""


def memory_words(rows: NDArray[Any], data: list[int]) -> list[int]:
    """What the memories give, from how they are described above."""
    shapes = [*SHAPES, (512, 36), (512, 36)]
    contents = [[initial(place, n) % (1 << width) for n in range(depth)] for place, (depth, width) in enumerate(shapes)]
    last = [0] * len(shapes)
    out = []
    for (writes, data_at, read_at), value in zip(rows.tolist(), data, strict=True):
        word = shift = 0
        for place, (depth, width) in enumerate(shapes):
            single = place >= len(SHAPES)

            def within(address: int, depth: int = depth) -> int:
                return address % depth if depth & (depth - 1) == 0 else address if address < depth else 0

            memory, at = contents[place], within(data_at)
            if not (place == len(SHAPES) and writes):
                last[place] = memory[at if single else within(read_at)]
            if writes:
                mask = (1 << width) - 1
                if (depth, width) == (512, 36) and not single:
                    mask = sum(0x1FF << (9 * n) for n in range(4) if value >> n & 1)
                memory[at] = memory[at] & ~mask | value & mask
            word |= last[place] << shift
            shift += width
        out.append(word)
    return out


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[] if name == "ecp5" else pytest.mark.slow) for name in FAMILIES]
)
def test_block_ram_of_any_width_gives_back_what_was_written(family: str) -> None:
    count = 30_000
    rng = np.random.default_rng(11)
    near = rng.integers(0, 1 << ADDRESS, 40)
    rows = np.stack([rng.integers(0, 2, count), *rng.choice(near, (2, count))], axis=1)
    rows[0, 0] = 0  # an output that was never read may be anything
    spread = rng.random((count, 2)) < 0.3
    rows[:, 1:][spread] = rng.integers(0, 1 << ADDRESS, int(spread.sum()))
    data = [int.from_bytes(rng.bytes(DATA // 8), "little") for _ in range(count)]
    text = memory_module()
    netlist = synthesize(text, "memories", family)
    assert re.search(rf"^  {BLOCK_RAM[family]} ", netlist, re.M)
    model = CompiledModel(insert_models(netlist, "memories", family), "memories")
    given = [
        w << (DATA + 2 * ADDRESS) | r << (DATA + ADDRESS) | d << DATA | v
        for (w, d, r), v in zip(rows.tolist(), data, strict=True)
    ]
    out, _ = model.exchange(pack_rows(given, DATA + 2 * ADDRESS + 1))
    assert unpack_rows(out) == memory_words(rows, data)


# --- what is refused


@pytest.mark.parametrize(
    ("family", "cell"), [("ice40", "SB_UNKNOWN"), ("ecp5", "EHXPLLL"), ("gowin", "MULT18X18"), ("xc7", "PLLE2_ADV")]
)
def test_a_cell_without_a_model_is_named(family: str, cell: str) -> None:
    with pytest.raises(ToolError, match=f"the netlist of top for {family}: {cell} has no model"):
        insert_models(f"module top(input clk); {cell} cell (); endmodule", "top", family)


@pytest.mark.parametrize(("family", "cell", "pin"), [("gowin", "ODDR", "Q0"), ("ecp5", "PDPW16KD", "DO0")])
def test_a_black_box_is_no_model(family: str, cell: str, pin: str) -> None:
    text = f"module top(output q); {cell} cell (.{pin}(q)); endmodule"
    with pytest.raises(ToolError):
        insert_models(text, "top", family)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(ValueError, match="family must be one of ice40, ecp5, xc7, gowin, gatemate, not 'max10'"):
        gates("", "top", "max10")
