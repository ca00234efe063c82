"""The timing diagrams of the documentation are those of the circuits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amaranth.sim import Simulator, SimulatorContext

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.link.registers import Entry, Registers
from neuristor.hdl.neurons.lif import LifArray
from tests.samples.lif import lif_params

DOCS = Path(__file__).parents[3] / "docs" / "boards.md"
CELL = 6


def drawn(rows: dict[str, list[Any]]) -> str:
    """Levels as lines, values as text; a cell is a clock."""
    wide = max(map(len, rows)) + 2
    lines = [
        ("clock".ljust(wide) + "".join(str(n).ljust(CELL) for n in range(len(next(iter(rows.values())))))).rstrip()
    ]
    for name, values in rows.items():
        cells = [
            ("▔" if value else "▁") * CELL if isinstance(value, bool) else str(value).ljust(CELL) for value in values
        ]
        lines.append((name.ljust(wide) + "".join(cells)).rstrip())
    return "\n".join(lines) + "\n"


def test_the_diagram_of_the_streams_is_that_of_an_array(vo2: Circuit) -> None:
    array = LifArray(lif_params(vo2, "hold", count=4), lanes=2)
    offers = [True, False, True, *[False] * 9]
    takes = [True] * 7 + [False, *[True] * 4]
    rows: dict[str, list[Any]] = {
        name: [] for name in ("i.valid", "i.ready", "i.payload", "o.valid", "o.ready", "o.payload")
    }

    async def bench(ctx: SimulatorContext) -> None:
        await ctx.tick().repeat(array.cycles_after_reset)
        sent = given = 0
        for offer, take in zip(offers, takes, strict=True):
            ctx.set(array.i.valid, offer)
            ctx.set(array.o.ready, take)
            values = {
                "i.valid": offer,
                "i.ready": bool(ctx.get(array.i.ready)),
                "i.payload": f"row {sent}" if offer else "",
                "o.valid": bool(ctx.get(array.o.valid)),
                "o.ready": take,
                "o.payload": f"row {given}" if ctx.get(array.o.valid) else "",
            }
            for name, value in values.items():
                rows[name].append(value)
            sent += values["i.valid"] and values["i.ready"]  # type: ignore[operator]
            given += values["o.valid"] and take  # type: ignore[operator]
            await ctx.tick()

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert drawn(rows) in DOCS.read_text(encoding="utf-8"), drawn(rows)


def test_the_diagram_of_the_registers_is_theirs() -> None:
    registers = Registers(
        [Entry(name="ticks", access="read", meaning=""), Entry(name="seed", access="read", meaning="")]
    )
    bus = registers.bus
    rows: dict[str, list[Any]] = {name: [] for name in ("cyc, stb", "we", "adr", "ack", "err", "dat_r")}

    async def bench(ctx: SimulatorContext) -> None:
        ctx.set(registers.seed, 42)
        ctx.set(bus.sel, 0xF)
        # A read, then a write to what is only read.
        for n in range(7):
            asks, writes = n in (1, 2, 4, 5), n in (4, 5)
            for signal, value in ((bus.cyc, asks), (bus.stb, asks), (bus.we, writes), (bus.adr, int(asks))):
                ctx.set(signal, value)
            ack = bool(ctx.get(bus.ack))
            values = (
                asks,
                writes,
                "seed" if asks else "",
                ack,
                bool(ctx.get(bus.err)),
                ctx.get(bus.dat_r) if ack else "",
            )
            for name, shown in zip(rows, values, strict=True):
                rows[name].append(shown)
            await ctx.tick()

    simulator = Simulator(registers)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert drawn(rows) in DOCS.read_text(encoding="utf-8"), drawn(rows)
