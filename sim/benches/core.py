"""cocotb bench of a core in a user's system: exported Verilog on AXI4-Lite or Wishbone, driven by a bus master."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge
from numpy.typing import NDArray

from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.axi import SLVERR, vivado_wrapper
from neuristor.hdl.link.buses import AxiCore, WishboneCore, address_bits
from neuristor.hdl.link.core import Kind, Record
from neuristor.hdl.neurons import Neuron
from neuristor.hdl.rows import pack_drive
from neuristor.hdl.verilog import export
from neuristor.sim.benches.shell import judge, loaded
from neuristor.sim.engines.simulators import CocotbResult

__all__ = ["AxiMaster", "CoreCase", "WishboneMaster", "verify"]

INNER, TOP = "neurons", "neurons_axi"
"""Verilog modules: the core, and the core with the wrapper for AXI4-Lite."""
PATIENCE = 2000
"""Reads of an empty stream after which the bench stops waiting for output."""


@dataclass(frozen=True, kw_only=True)
class CoreCase:
    """An array with registers on a bus, parameters to load and an input.

    Parameters
    ----------
    bus : {"axi4-lite", "wishbone"}
        The bus.
    neuron : Neuron
        The neuron.
    built : NeuronParams
        Parameters that the circuit is built with.
    params : NeuronParams
        Parameters that are loaded, of the same structure.
    lanes : int
        Neurons updated in parallel.
    drive_raw : ndarray of int64, shape (frames, count)
        Input words of each frame.
    ticks : int
        Ticks of each frame.
    """

    bus: str
    neuron: Neuron
    built: NeuronParams
    params: NeuronParams
    lanes: int
    drive_raw: NDArray[np.int64] = field(repr=False)
    ticks: int = 3

    def core(self, params: NeuronParams) -> ArrayCore:
        """Make a new circuit.

        Parameters
        ----------
        params : NeuronParams
            Parameters that it is built with.
        """
        return ArrayCore(self.neuron.build(params, self.lanes, loadable=True), self.neuron.name, linked=False)

    @property
    def toplevel(self) -> str:
        """Name of the top Verilog module."""
        return TOP if self.bus == "axi4-lite" else INNER

    def verilog(self) -> str:
        """The circuit as Verilog, for AXI4-Lite with its wrapper."""
        core = self.core(self.built)
        if self.bus == "wishbone":
            return export(WishboneCore(core), INNER)
        inner = AxiCore(core)
        return export(inner, INNER, wrapper=vivado_wrapper(inner, INNER, TOP))

    def expected(self) -> list[int]:
        """The words of the output stream, by the bit-true model.

        Spikes are recorded in every tick, the state only in the last tick of a frame.
        """
        core = self.core(self.params)
        core.describe_only()
        model = self.neuron.model.bit_true(self.params)
        trace = model.run(np.repeat(self.drive_raw, self.ticks, axis=0))
        rows, lanes, fields = core.groups, self.lanes, self.params.state_fields
        words = []
        for tick in range(len(trace["spike"])):
            final = tick % self.ticks == self.ticks - 1
            said = False
            for row in range(rows):
                neurons = range(row * lanes, min((row + 1) * lanes, self.params.count))
                spikes = sum(int(trace["spike"][tick, n]) << i for i, n in enumerate(neurons))
                if not said and (spikes or final):
                    words.append(Kind.TICK << 30 | tick)
                    said = True
                if spikes:
                    words.append(Kind.SPIKES << 30 | row << lanes | spikes)
                if final:
                    state, low = 0, 0
                    for n in neurons:
                        for each in fields:
                            state |= (int(trace[each.name][tick, n]) & ((1 << each.width) - 1)) << low
                            low += each.width
                    words.append(Kind.STATE << 30 | row)
                    words += [state >> (32 * part) & 0xFFFF_FFFF for part in range(-(-core.state_bits // 32))]
            if final:
                words.append(Kind.END << 30 | tick + 1)
        return words


def verify(case: CoreCase, simulator: str, log_dir: Path | None = None) -> CocotbResult:
    """Load and run a core on a simulator, and compare every word of its output.

    Parameters
    ----------
    case : CoreCase
        The case.
    simulator : {"verilator", "icarus"}
        The simulator.
    log_dir : Path, optional
        Folder for the simulator's log; it is deleted by default.

    Returns
    -------
    CocotbResult
        Whether all words are equal, as of ``neuristor.sim.benches.shell.judge``.
    """
    return judge(case, simulator, case.toplevel, "neuristor.sim.benches.core", log_dir)


class AxiMaster:
    """Words by the AXI4-Lite manager of the package cocotbext-axi.

    Parameters
    ----------
    dut : cocotb handle
        A module with the ports of ``neuristor.hdl.link.axi.vivado_wrapper``, which is now being reset.
    draw : random.Random
        Not used; the parameter is that of `WishboneMaster`.

    Attributes
    ----------
    clock : cocotb handle
        The clock.
    reset : tuple of (cocotb handle, int)
        The reset, and the value that ends it.
    """

    def __init__(self, dut: Any, draw: random.Random) -> None:
        from cocotbext.axi import AxiLiteBus, AxiLiteMaster

        dut.s_axi_aresetn.value = 0
        self.clock, self.reset = dut.s_axi_aclk, (dut.s_axi_aresetn, 1)
        self._manager = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axi"), dut.s_axi_aclk, dut.s_axi_aresetn, reset_active_level=False
        )

    async def read(self, address: int) -> int | None:
        """Read a word.

        Parameters
        ----------
        address : int
            Its address, in words.

        Returns
        -------
        int or None
            The word; None if it is refused.
        """
        answer = await self._manager.read(4 * address, 4)
        return None if answer.resp == SLVERR else int.from_bytes(answer.data, "little")

    async def write(self, address: int, word: int) -> bool:
        """Write a word.

        Parameters
        ----------
        address : int
            Its address, in words.
        word : int
            The word, 32 bits.

        Returns
        -------
        bool
            False if it is refused.
        """
        answer = await self._manager.write(4 * address, word.to_bytes(4, "little"))
        return bool(answer.resp != SLVERR)


class WishboneMaster:
    """Words by classic Wishbone cycles, at random back to back or with a gap.

    Parameters
    ----------
    dut : cocotb handle
        A module with the ports of ``neuristor.hdl.link.buses.WishboneCore``, which is now being reset.
    draw : random.Random
        Whether there is a gap.

    Attributes
    ----------
    clock, reset
        As for `AxiMaster`.
    """

    def __init__(self, dut: Any, draw: random.Random) -> None:
        self._dut, self._draw = dut, draw
        dut.rst.value = 1
        dut.bus_cyc.value = dut.bus_stb.value = 0
        dut.bus_sel.value = 0xF
        self.clock, self.reset = dut.clk, (dut.rst, 0)

    async def _cycle(self, address: int, write: bool, word: int) -> int | None:
        dut = self._dut
        dut.bus_cyc.value = dut.bus_stb.value = 1
        dut.bus_we.value, dut.bus_adr.value, dut.bus_dat_w.value = write, address, word
        for _ in range(100):
            await FallingEdge(dut.clk)
            acked, failed = int(dut.bus_ack.value), int(dut.bus_err.value)
            assert not (acked and failed), "both ack and err"
            if acked or failed:
                break
        else:
            raise AssertionError(f"no answer from {address:#x}")
        found = int(dut.bus_dat_r.value) if acked and not write else 0
        if self._draw.random() < 0.3:
            dut.bus_cyc.value = dut.bus_stb.value = 0
        await FallingEdge(dut.clk)
        dut.bus_cyc.value = dut.bus_stb.value = 0
        return found if acked else None

    async def read(self, address: int) -> int | None:
        """Read a word.

        Parameters
        ----------
        address : int
            Its address, in words.

        Returns
        -------
        int or None
            The word; None if it is refused.
        """
        return await self._cycle(address, False, 0)

    async def write(self, address: int, word: int) -> bool:
        """Write a word.

        Parameters
        ----------
        address : int
            Its address, in words.
        word : int
            The word, 32 bits.

        Returns
        -------
        bool
            False if it is refused.
        """
        return await self._cycle(address, True, word) is not None


@cocotb.test()
async def loads_runs_and_gives_what_the_model_gives(dut: Any) -> None:
    """Load all parameters; send frames and read the output as a driver does; compare every word with the model."""
    case: CoreCase = loaded()
    draw = random.Random(1)
    bus: Any = (AxiMaster if case.bus == "axi4-lite" else WishboneMaster)(dut, draw)
    Clock(bus.clock, 10, "ns").start()
    for _ in range(3):
        await FallingEdge(bus.clock)
    bus.reset[0].value = bus.reset[1]
    await FallingEdge(bus.clock)
    core, wanted = case.core(case.built), case.core(case.params)
    for each in (core, wanted):
        each.describe_only()
    at = core.registers.addresses
    identity = [await bus.read(at[f"identity_{n}"]) for n in range(8)]
    assert "".join(f"{word:08x}" for word in identity) == core.identity
    assert await bus.read((1 << address_bits(core)) - 1) is None
    assert not await bus.write(at["magic"], 0)
    for name, words in core.contents_for(wanted.circuit):
        for n, word in enumerate(words):
            assert await bus.write(at[name] + n, word)
        if core.registers.entries[name].access == "read and write":
            assert [await bus.read(at[name] + n) for n in range(len(words))] == words
    await bus.write(at["control"], 1)
    await bus.write(at["record"], Record.SPIKES | Record.LAST_STATE)

    rows = pack_drive(case.params, case.lanes, case.drive_raw)
    padded = np.zeros((len(rows), 4 * -(-rows.shape[1] // 4)), dtype=np.uint8)
    padded[:, : rows.shape[1]] = rows
    frames = padded.view("<u4").reshape(len(case.drive_raw), -1).tolist()
    waiting = [word for frame in frames for word in (case.ticks, *frame)]
    expected, got = case.expected(), list[int]()
    patience = PATIENCE
    while len(got) < len(expected) and patience:
        if waiting and draw.random() < 0.5:
            if await bus.write(at["stimulus"], waiting[0]):
                waiting.pop(0)
            continue
        word = await bus.read(at["output"])
        if word is None:
            patience -= 1
        else:
            got.append(word)
            patience = PATIENCE
    for n, (found, wanted_word) in enumerate(zip(got, expected, strict=False)):
        assert found == wanted_word, f"word {n} of the output: {found:#010x} instead of {wanted_word:#010x}"
    assert len(got) == len(expected), f"{len(got)} of {len(expected)} words came"
    assert await bus.read(at["output"]) is None
    assert await bus.read(at["status"]) in (0, 2)
    assert await bus.read(at["ticks"]) == case.ticks * len(case.drive_raw)
