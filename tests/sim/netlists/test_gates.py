"""Synthesized netlists against the bit-true model; broken netlists are caught, cells without a model refused."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.boards import BOARDS
from neuristor.boards.flow import _PLACED, _XC7_SYNTH
from neuristor.hdl.neurons import neuron
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available, verify
from neuristor.sim.engines.compiled import CompiledModel, pack_rows, unpack_rows
from neuristor.sim.engines.simulators import ToolError
from neuristor.sim.netlists.gates import CELLS, FAMILIES, gates, insert_models, synthesize
from tests.samples import ALL, SHARING, samples

pytestmark = pytest.mark.skipif(not available("compiled"), reason="needs a C++ compiler")

UPDATES = 100_000
"""Of neurons, in the long campaigns."""
PLAIN = [name for name in ALL if name not in SHARING]
"""Neurons on lanes written by hand."""


def case(name: str, variant: str, count: int, lanes: int, ticks: int, **more: Any) -> Case:
    """An array whose neurons fire."""
    params = samples(name).params(variant, count, **more)
    drive = samples(name).drive(params, ticks, 77)
    made = Case(neuron=neuron(name), params=params, lanes=lanes, drive_raw=drive)
    assert made.bit_true().run(drive)["spike"].sum() > ticks * count / 500
    return made


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


@pytest.fixture(scope="module")
def small() -> Case:
    """A core that a compiler gets through in seconds: a multiplier, parameters and states in memory."""
    return case("lif", "coarse", 3, 1, 500, threshold_d2d=0.03, coefficient_bits=9)


@pytest.fixture(scope="module")
def netlist(small: Case) -> str:
    """Its netlist for ECP5."""
    return synthesize(small.verilog, small.toplevel, "ecp5")


def test_a_netlist_of_a_core_equals_the_bit_true_model(small: Case, netlist: str) -> None:
    assert {"MULT18X18D", "TRELLIS_DPR16X4", "CCU2C", "LUT4"} <= set(re.findall(r"^  (\w+) ", netlist, re.M))
    text = insert_models(netlist, small.toplevel, "ecp5")
    assert re.findall(r"^module (\w+)", text, re.M) == [small.toplevel]
    verdict = verify(with_verilog(small, text), "compiled")
    assert verdict.equal, verdict.reason
    assert (verdict.ticks, verdict.tests) == (500, 4)


def test_the_same_circuit_gives_the_same_netlist(small: Case, netlist: str) -> None:
    assert synthesize(small.verilog, small.toplevel, "ecp5") == netlist
    assert len({insert_models(netlist, small.toplevel, "ecp5") for _ in range(2)}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("engine", ["icarus", "verilator"])
def test_netlists_show_no_unknown_value_and_no_warning(engine: str, family: str, small: Case) -> None:
    if not available(engine):
        pytest.skip(f"{engine} is not installed")
    verdict = verify(replace(small, drive_raw=small.drive_raw[:60], netlist=family), engine)
    assert verdict.equal, verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["spread", "all"])
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("family", FAMILIES)
def test_netlists_of_small_cores_equal_the_bit_true_model(family: str, name: str, variant: str) -> None:
    made = replace(case(name, variant, 8, 2, UPDATES // 8), netlist=family)
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
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("family", FAMILIES)
def test_netlists_of_cores_in_block_ram_equal_the_bit_true_model(family: str, name: str) -> None:
    made = case(name, "all", 2000, 1, UPDATES // 2000)
    netlist = synthesize(made.verilog, made.toplevel, family)
    assert re.search(rf"^  {BLOCK_RAM[family]} ", netlist, re.M)
    verdict = verify(with_verilog(made, insert_models(netlist, made.toplevel, family)), "compiled")
    assert verdict.equal, verdict.reason


# --- faults


def flipped(netlist: str, which: int) -> str:
    """The netlist with one bit of one look-up table the other way round."""
    found = list(re.finditer(r"\.INIT\(16'h([0-9a-f]{4})\)", netlist))[which]
    value = int(found[1], 16) ^ 0x8000 >> which % 16
    return netlist[: found.start(1)] + f"{value:04x}" + netlist[found.end(1) :]


def test_a_wrong_bit_in_a_look_up_table_is_found(small: Case, netlist: str) -> None:
    # Of a bit for inputs that never come nobody can tell: one of the first few must be found.
    wrong = (insert_models(flipped(netlist, which), small.toplevel, "ecp5") for which in range(0, 75, 15))
    assert any(not verify(with_verilog(small, text), "compiled").equal for text in wrong)


def test_a_multiplier_that_loses_a_bit_of_a_factor_is_found(
    small: Case, netlist: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in CELLS.iterdir():
        (tmp_path / path.name).write_text(
            path.read_text().replace("SIGNEDA & a[17], a}", "SIGNEDA & a[17], a & ~18'h8}")
        )
    monkeypatch.setattr("neuristor.sim.netlists.gates.CELLS", tmp_path)
    verdict = verify(with_verilog(small, insert_models(netlist, small.toplevel, "ecp5")), "compiled")
    assert not verdict.equal
    assert "differs" in verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_most_wrong_bits_in_look_up_tables_are_found(family: str, small: Case) -> None:
    netlist = synthesize(small.verilog, small.toplevel, family)
    pattern = re.compile(r"\.(?:LUT_)?INIT(?:_L\d\d)?\((?:16|8|4|64|32)'h([0-9a-f]+)\)")
    found = list(pattern.finditer(netlist))
    rng = np.random.default_rng(3)
    caught = 0
    for which in rng.choice(len(found), 12, replace=False):
        match = found[which]
        value = int(match[1], 16) ^ 1 << int(rng.integers(4 * len(match[1])))
        text = netlist[: match.start(1)] + f"{value:x}" + netlist[match.end(1) :]
        broken = with_verilog(small, insert_models(text, small.toplevel, family))
        caught += not verify(broken, "compiled").equal
    assert caught >= 6


# --- models of multipliers

PRODUCT = """
module product(input clk, rst, i_valid, o_ready, input [37:0] i_payload,
               output i_ready, o_valid, output [35:0] o_payload);
    assign i_ready = o_ready, o_valid = i_valid;
    MULT18X18D cell (
        .SOURCEA(1'b0), .SOURCEB(1'b0), .SIGNEDA(i_payload[37]), .SIGNEDB(i_payload[36]),
        @PINS@
    );
endmodule
"""


def product_module() -> str:
    """A multiplier as a stream: signs, operands, product."""
    pins = [f".A{n}(i_payload[{18 + n}]), .B{n}(i_payload[{n}])" for n in range(18)]
    pins += [f".P{n}(o_payload[{n}])" for n in range(36)]
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

MEMORIES = [
    *((depth, width, "two ports") for depth, width in [(16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18)]),
    *((depth, width, "two ports") for depth, width in [(512, 36), (512, 40), (300, 72)]),
    (512, 36, "bytes"),
    *((depth, width, kind) for depth, width in [(4096, 4), (1024, 18), (512, 36)] for kind in ("old", "keep")),
]
"""Depth, width and kind of memories, of which all but the first have block RAM's own sizes."""


def initial(address: int) -> int:
    """What is in a memory at first."""
    return (address * 0x9E3779B97F4A7C15 + 0x5851F42D4C957F2D) % (1 << 72)


def memory_module(depth: int, width: int, kind: str) -> str:
    """A memory as a stream: whether to write, address to read, address to write and data in, word read out.

    ``bytes`` writes the 9 bits that the lowest bits of the data name. ``old`` and ``keep`` have one port, at the
    address to write: while it writes, it reads the old word, or keeps what it read last.
    """
    address = (depth - 1).bit_length()
    at = "read_at" if kind in ("two ports", "bytes") else "data_at"
    write = "memory[data_at] <= data;"
    if kind == "bytes":
        write = " ".join(f"if (data[{n}]) memory[data_at][{9 * n} +: 9] <= data[{9 * n} +: 9];" for n in range(4))
    return f"""
    module memories(input clk, rst, i_valid, o_ready, input [{width + 2 * address}:0] i_payload,
            output i_ready, output reg o_valid, output reg [{width - 1}:0] o_payload);
        wire [{width - 1}:0] data = i_payload;
        wire [{address - 1}:0] data_at = i_payload[{width} +: {address}];
        wire [{address - 1}:0] read_at = i_payload[{width + address} +: {address}];
        wire writes = i_payload[{width + 2 * address}];
        assign i_ready = !o_valid || o_ready;
        wire moves = i_valid && i_ready;
        initial o_valid = 0;
        always @(posedge clk) if (rst) o_valid <= 0; else if (i_ready) o_valid <= i_valid;
        (* ram_style = "block", ram_block *) reg [{width - 1}:0] memory [0:{depth - 1}];
        integer n;
        initial for (n = 0; n < {depth}; n = n + 1)
            memory[n] = n * 72'h9E3779B97F4A7C15 + 72'h5851F42D4C957F2D;
        always @(posedge clk) if (moves) begin
            if (writes) begin {write} end
            {"if (!writes)" if kind == "keep" else ""} o_payload <= memory[{at}];
        end
    endmodule"""


def memory_words(depth: int, width: int, kind: str, asked: list[tuple[int, int, int, int]]) -> list[int]:
    """What the memory gives, from how it is described above."""
    memory = [initial(n) % (1 << width) for n in range(depth)]
    out, word = [], 0
    for writes, read_at, data_at, data in asked:
        if not (writes and kind == "keep"):
            word = memory[read_at if kind in ("two ports", "bytes") else data_at]
        out.append(word)
        if writes:
            mask = sum(0x1FF << (9 * n) for n in range(4) if data >> n & 1) if kind == "bytes" else (1 << width) - 1
            memory[data_at] = memory[data_at] & ~mask | data & mask
    return out


def memory_traffic(depth: int, width: int, count: int) -> list[tuple[int, int, int, int]]:
    """Reads and writes, mostly at a few addresses: they meet often."""
    rng = np.random.default_rng([depth, width])
    near, words = rng.integers(0, depth, 12), rng.integers(0, 256, (count, -(-width // 8)), np.uint8)
    places = np.where(rng.random((count, 2)) < 0.7, rng.choice(near, (count, 2)), rng.integers(0, depth, (count, 2)))
    data = [int.from_bytes(word.tobytes(), "little") % (1 << width) for word in words]
    writes = rng.integers(0, 2, count)
    writes[0] = 0  # an output that was never read may be anything
    return [(int(w), int(r), int(d), v) for w, (r, d), v in zip(writes, places, data, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "width", "kind"), MEMORIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_block_ram_gives_back_what_was_written(family: str, depth: int, width: int, kind: str) -> None:
    asked = memory_traffic(depth, width, 20_000)
    netlist = synthesize(memory_module(depth, width, kind), "memories", family)
    assert re.search(rf"^  {BLOCK_RAM[family]} ", netlist, re.M)
    model = CompiledModel(insert_models(netlist, "memories", family), "memories")
    address = (depth - 1).bit_length()
    rows = [((w << address | r) << address | d) << width | v for w, r, d, v in asked]
    out, _ = model.exchange(pack_rows(rows, width + 2 * address + 1))
    assert unpack_rows(out) == memory_words(depth, width, kind, asked)


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
