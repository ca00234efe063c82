"""cocotb bench of spiking networks: compares ``Snn`` as Verilog with the bit-true model, each neuron at each tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import SnnBitTrue, SnnParams
from neuristor.hdl.snn import Snn
from neuristor.hdl.verilog import export
from neuristor.sim.benches.shell import Shell, judge, loaded
from neuristor.sim.engines.simulators import CocotbResult
from neuristor.sim.engines.stalls import stall_patterns

__all__ = [
    "SnnCase",
    "matches_bit_true_model",
    "matches_bit_true_model_after_reset_in_mid_run",
    "matches_bit_true_model_under_stalls",
    "verify",
]

TOP = "snn"
STALLED_TICKS = 200
"""Most ticks of the test with stalls."""


@dataclass(frozen=True, kw_only=True)
class SnnCase:
    """A network, how its circuit is built, and its input.

    Parameters
    ----------
    params : SnnParams
        Parameters of the network.
    lanes : sequence of int
        Lanes of each layer.
    updates : sequence of int, optional
        Neurons of each layer that are updated at a time; the default of ``Snn`` if not given.
    inputs : ndarray of int, shape (ticks, runs, inputs)
        Input spikes (0 or 1) or input currents in raw steps. Runs follow each other, with a reset before each.
    stall_seed : int
        Seed of the stalls of both streams.
    """

    params: SnnParams
    lanes: Sequence[int]
    updates: Sequence[int] | None = None
    inputs: NDArray[np.int64]
    stall_seed: int = 1

    def circuit(self) -> Snn:
        """The circuit.

        Returns
        -------
        Snn
            A new object.
        """
        return Snn(self.params, self.lanes, self.updates)

    def verilog(self) -> str:
        """The circuit as Verilog, in a shell (see `Shell`).

        Returns
        -------
        str
            Verilog text with the top module `TOP`.
        """
        return export(Shell(self.circuit()), TOP)


def verify(case: SnnCase, simulator: str, log_dir: Path | None = None, verilog: str | None = None) -> CocotbResult:
    """Compare circuit and bit-true model in every state bit at every tick.

    Raises `ToolError` if the simulator is missing or rejects the Verilog.

    Parameters
    ----------
    case : SnnCase
        Network and input.
    simulator : str
        ``"verilator"`` or ``"icarus"``.
    log_dir : Path, optional
        Folder for the simulator's log; by default it is not kept.
    verilog : str, optional
        Verilog to run in place of the case's own, such as a netlist or a mutant.

    Returns
    -------
    CocotbResult
        Number of tests, failures, and messages.
    """
    return judge(case, simulator, TOP, "neuristor.sim.benches.snn", log_dir, verilog)


class _Judge:
    """Compares the probe of a layer with the model."""

    def __init__(self, case: SnnCase, circuit: Snn, number: int, traces: dict[str, Any]) -> None:
        plan = circuit.plans[number]
        self._plan, self._traces = plan, traces
        self.port = f"probe_{number}"
        self._number_bits = max(1, (max(plan.groups, 2) - 1).bit_length())
        self._fields = plan.params.state_fields
        self.expected = self._words()
        self.seen = 0

    def _words(self) -> list[str]:
        """The expected transfers of the probe, as bits: with `valid`, without `clipped`."""
        plan, made = self._plan, list[str]()
        places = plan.places
        ticks = len(self._traces["spike"])
        columns = {name: trace[:, places] for name, trace in self._traces.items()}
        for tick in range(ticks):
            rows = {name: column[tick].reshape(plan.groups, plan.updates).tolist() for name, column in columns.items()}
            for group in range(plan.groups):
                state = ""
                for lane in range(plan.updates):
                    for field in self._fields:
                        value = int(rows[field.name][group][lane]) & ((1 << field.width) - 1)
                        state = f"{value:0{field.width}b}{state}"
                spikes = "".join(str(int(one)) for one in reversed(rows["spike"][group]))
                number = f"{group:0{self._number_bits}b}"
                made.append(f"{state}|{spikes}{number}1")
        return made

    def see(self, bits: str) -> None:
        """Compare one transfer of the probe; its `clipped` bits are not compared.

        Parameters
        ----------
        bits : str
            All bits of the probe, highest first.

        Raises
        ------
        AssertionError
            If the transfer differs from the expected one, or none is expected.
        """
        low = 1 + self._number_bits + self._plan.updates
        state_bits = len(bits) - low - self._plan.updates
        got = f"{bits[:state_bits]}|{bits[len(bits) - low :]}"
        if self.seen >= len(self.expected):
            raise AssertionError(f"{self._plan.params.name}: more groups than the {len(self.expected)} expected")
        if got != self.expected[self.seen]:
            raise AssertionError(self._difference(got))
        self.seen += 1

    def _difference(self, got: str) -> str:
        """A message with the neuron, tick and field of the first difference."""
        plan, wanted = self._plan, self.expected[self.seen]
        tick, group = divmod(self.seen, plan.groups)
        where = f"{plan.params.name}, tick {tick}"
        states = [text.split("|")[0] for text in (wanted, got)]
        at = len(states[0])
        for lane in range(plan.updates):
            neuron = int(plan.places[group * plan.updates + lane])
            for field in self._fields:
                at -= field.width
                a, b = (text[at : at + field.width] for text in states)
                if a != b:
                    return f"{where}, neuron {neuron}, {field.name}: the model has {a}, the circuit {b} (binary)"
        return f"{where}, group {group}: the model has {wanted.split('|')[1]}, the circuit {got.split('|')[1]} (spikes)"


async def _reset(dut: Any) -> None:
    dut.i_valid.value = 0
    dut.o_ready.value = 0
    dut.rst.value = 1
    for _ in range(2):
        await dut.clk.rising_edge
    dut.rst.value = 0
    await dut.clk.falling_edge


async def _start(dut: Any, circuit: Snn) -> None:
    dut.i_valid.value = 0
    dut.i_payload.value = 0
    for n, layer in enumerate(circuit.layers):
        for k in range(len(layer.params.connections)):
            getattr(dut, f"weight_{n}_{k}_valid").value = 0
    Clock(dut.clk, 10, "ns").start()
    await _reset(dut)


async def _play(dut: Any, case: SnnCase, circuit: Snn, ticks: int, run: int, stall_seed: int | None) -> int:
    """Play some ticks of a run, from reset; returns the clocks."""
    inputs = case.inputs[:ticks, run]
    model = SnnBitTrue(case.params)
    model.run(inputs)
    total = int(model.saturations.sum())
    # A layer whose input is delayed by some ticks may run that many ticks ahead of the input.
    ahead = case.params.ahead
    silence = np.zeros((max(ahead), inputs.shape[1]), dtype=inputs.dtype)
    traces = SnnBitTrue(case.params).run(np.concatenate([inputs, silence]), keep=True)
    traces = [
        {name: trace[: ticks + early] for name, trace in each.items()}
        for each, early in zip(traces, ahead, strict=True)
    ]
    judges = [
        _Judge(case, circuit, n, {name: trace[:, 0] for name, trace in each.items()}) for n, each in enumerate(traces)
    ]
    last = circuit.plans[-1]
    expected = [
        int("".join(str(int(one)) for one in reversed(group)), 2)
        for row in traces[-1]["spike"][:, 0][:, last.places]
        for group in row.reshape(last.groups, last.updates).tolist()
    ]
    payloads = circuit.payloads(inputs)
    may_offer, may_accept = (cycle(pattern) for pattern in stall_patterns(stall_seed))
    probes = [(getattr(dut, f"probe_{n}")._handle.get_signal_val_binstr, each) for n, each in enumerate(judges)]
    sent = taken = clocks = idle = 0
    offering = False
    mask = (1 << last.updates) - 1
    wanted = [ticks * plan.groups for plan in circuit.plans]
    while taken < wanted[-1] or any(each.seen < least for each, least in zip(judges, wanted, strict=True)):
        if not offering and sent < len(payloads) and next(may_offer):
            dut.i_payload.value = payloads[sent]
            offering = True
        accepting = bool(next(may_accept))
        dut.i_valid.value = offering
        dut.o_ready.value = accepting
        await dut.clk.rising_edge  # cocotb reads the values just before it
        clocks, idle = clocks + 1, idle + 1
        assert idle < 100_000, f"nothing moves after {taken} of {wanted[-1]} groups"
        if offering and int(dut.i_ready.value):
            offering, sent, idle = False, sent + 1, 0
        for read, each in probes:
            bits = read()
            if bits[-1] == "1":
                each.see(bits)
                idle = 0
            else:
                assert bits[-1] == "0", f"{each.port}.valid is {bits[-1]}"
        if accepting and int(dut.o_valid.value):
            assert taken < len(expected), "more output than expected"
            word = int(dut.o_payload.value)
            assert word & mask == expected[taken], f"output {taken}: spikes {word & mask:b}, not {expected[taken]:b}"
            assert word >> (len(dut.o_payload) - 1) == int((taken + 1) % last.groups == 0), f"output {taken}: last"
            taken += 1
    for _ in range(3):
        await dut.clk.falling_edge
    if any(ahead):
        return clocks  # how far a layer is ahead, and so its count of saturations, is not specified
    assert int(dut.saturations.value) == total, f"saturations: the model has {total}, not {int(dut.saturations.value)}"
    assert int(dut.saturated.value) == int(total > 0)
    return clocks


@cocotb.test()
async def matches_bit_true_model(dut: Any) -> None:
    """All runs, without stalls."""
    case: SnnCase = loaded()
    circuit = case.circuit()
    await _start(dut, circuit)
    ticks, runs = case.inputs.shape[:2]
    clocks = 0
    for run in range(runs):
        clocks += await _play(dut, case, circuit, ticks, run, None)
        await _reset(dut)
    dut._log.info("compared %d runs of %d ticks in %d clocks", runs, ticks, clocks)


@cocotb.test()
async def matches_bit_true_model_under_stalls(dut: Any) -> None:
    """The first run, with random stalls of the input and the output."""
    case: SnnCase = loaded()
    circuit = case.circuit()
    await _start(dut, circuit)
    await _play(dut, case, circuit, min(len(case.inputs), STALLED_TICKS), 0, case.stall_seed)


@cocotb.test()
async def matches_bit_true_model_after_reset_in_mid_run(dut: Any) -> None:
    """After a reset at different clocks, the circuit behaves as after configuration."""
    case: SnnCase = loaded()
    circuit = case.circuit()
    await _start(dut, circuit)
    payloads = circuit.payloads(case.inputs[:, 0])
    for clocks in (7, 40, 133):
        dut.o_ready.value = 1
        dut.i_valid.value = 1
        for n in range(clocks):
            dut.i_payload.value = payloads[n % len(payloads)]
            await dut.clk.falling_edge
        await _reset(dut)
        await _play(dut, case, circuit, min(len(case.inputs), 4), 0, None)
