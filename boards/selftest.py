"""Self-test of a board: neurons, a stored stimulus, and a check of the result. No host is needed.

A ROM holds the stimulus, which is repeated endlessly. During the first pass, a CRC-32 of all spikes and membrane
potentials is computed (for a network of phase oscillators, of all output changes). At the end of the pass it is
compared with the CRC of the bit-true model. One LED is lit if both are equal, another toggles with the spikes.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from operator import xor
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value
from amaranth.lib import io, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out
from numpy.typing import NDArray

from neuristor.boards.scope import Probe, Scope
from neuristor.golden_model.networks.onn import OnnBitTrue
from neuristor.golden_model.networks.snn import SnnBitTrue
from neuristor.golden_model.noise import advance as next_state
from neuristor.golden_model.noise import first_states
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.noise import advance
from neuristor.hdl.onn import Onn
from neuristor.hdl.rows import fold_rows, pack_drive
from neuristor.hdl.snn import Snn
from neuristor.hdl.tree import balanced, count_ones

__all__ = ["BoardTop", "OnnSelfTest", "SelfTest", "SnnSelfTest", "fold", "generated_weights"]

FIRST_WEIGHTS = 0x1234_5678
"""Initial state of the generator of weights."""


class SelfTest(wiring.Component):
    """Self-test of a neuron array.

    Parameters
    ----------
    array : NeuronArray
        The array.
    model : bit-true model
        Model with the same parameters, in its initial state.
    frames : ndarray of int64, shape (frames, count)
        Input of each neuron as drive words; at least one frame.
    ticks : int
        Time steps for which each frame is held, at least 1.
    variables : sequence of (str, int)
        Fields of the state and neurons, for an oscilloscope; see ``boards.scope``.

    Members
    -------
    done : Out(1)
        High once the first pass is over.
    equal : Out(1)
        High if all spikes and states of the first pass equal those of the model, by CRC-32. Valid while `done`.
    active : Out(1)
        Toggles with every 16th spike.
    waves : Out(len(variables)), optional
        A bit for each variable; their mean is its value.

    Attributes
    ----------
    probes : list of Probe
        What the waves are: each has the range that it takes in the first pass.

    Raises
    ------
    ValueError
        If there is no frame or no tick.
    """

    done: Signal
    equal: Signal
    active: Signal
    waves: Signal

    def __init__(
        self,
        array: NeuronArray,
        model: Any,
        frames: NDArray[np.int64],
        ticks: int,
        variables: Sequence[tuple[str, int]] = (),
    ) -> None:
        if len(frames) == 0 or ticks < 1:
            raise ValueError(f"frames and ticks must be at least 1, not {len(frames)} frames of {ticks} ticks")
        self._array, self._ticks, self._frames = array, ticks, len(frames)
        params, lanes = array.params, array.lanes
        self._rom = [int.from_bytes(row.tobytes(), "little") for row in pack_drive(params, lanes, frames)]
        self._fields: Sequence[str] = params.outputs
        trace = model.run(np.repeat(frames, ticks, axis=0))
        self.expected_crc = zlib.crc32(fold_rows(params, lanes, self._fields, trace))
        self.probes = [Probe.over(name, neuron, trace) for name, neuron in variables]
        waves = {"waves": Out(len(variables))} if variables else {}
        super().__init__({"done": Out(1), "equal": Out(1), "active": Out(1), **waves})

    @property
    def cycles(self) -> int:
        """Latency from reset to `done`, in clocks."""
        array = self._array
        running = (self._frames * self._ticks - 1) * array.cycles_per_tick + array.cycles_alone
        return array.cycles_after_reset + running + 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.array = array = self._array
        rows, frames, ticks = array.rows, self._frames, self._ticks

        rom: Any = Memory(shape=len(array.i.payload.as_value()), depth=max(2, len(self._rom)), init=self._rom)
        m.submodules.stimulus_memory = rom
        read = rom.read_port()

        # Address of the next row: all rows of a frame, repeated for each tick, then the next frame.
        row = Signal(range(max(2, rows)))
        tick = Signal(range(max(2, ticks)))
        frame = Signal(range(max(2, frames)))
        base = Signal(range(max(2, len(self._rom))))
        address, following = Signal.like(base), Signal.like(base)
        next_base = Signal.like(base)
        row_ends, tick_ends, frame_ends = row == rows - 1, tick == ticks - 1, frame == frames - 1
        m.d.comb += [
            next_base.eq(Mux(tick_ends, Mux(frame_ends, 0, base + rows), base)),
            following.eq(Mux(row_ends, next_base, address + 1)),
        ]
        fetched = Signal()
        taken = Signal()
        m.d.sync += fetched.eq(1)
        m.d.comb += [
            array.i.payload.as_value().eq(read.data),
            array.i.valid.eq(fetched),
            taken.eq(fetched & array.i.ready),
            read.addr.eq(Mux(taken, following, address)),
        ]
        with m.If(taken):
            m.d.sync += [address.eq(following), row.eq(Mux(row_ends, 0, row + 1))]
            with m.If(row_ends):
                m.d.sync += [tick.eq(Mux(tick_ends, 0, tick + 1)), base.eq(next_base)]
                with m.If(tick_ends):
                    m.d.sync += frame.eq(Mux(frame_ends, 0, frame + 1))

        # The CRC of the first pass.
        output = array.o.p
        parts = [output.spikes, *(output.state[n][name] for n in range(array.lanes) for name in self._fields)]
        bits = Signal(sum(len(Value.cast(part)) for part in parts))
        m.d.comb += bits.eq(Cat(*parts))
        folded = Signal(32)
        m.d.comb += folded.eq(fold(bits))
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=32).create()
        left = Signal(range(frames * ticks + 1), init=frames * ticks)
        m.d.comb += [
            array.o.ready.eq(1),
            crc.data.eq(folded),
            crc.valid.eq(array.o.valid & (left != 0)),
            crc.start.eq(0),
        ]
        with m.If(array.o.valid & output.last & (left != 0)):
            m.d.sync += left.eq(left - 1)
        with m.If((left == 0) & ~self.done):
            m.d.sync += [self.done.eq(1), self.equal.eq(crc.crc == self.expected_crc)]

        spikes = Signal(5)
        with m.If(array.o.valid):
            m.d.sync += spikes.eq(spikes + count_ones(output.spikes))
        m.d.comb += self.active.eq(spikes[-1])
        if self.probes:
            m.submodules.scope = scope = Scope(array, self.probes)
            m.d.comb += [scope.moved.eq(array.o.valid), scope.row.eq(output), self.waves.eq(scope.waves)]
        return m


class OnnSelfTest(wiring.Component):
    """Self-test of a network of phase oscillators, which runs repeatedly from the same initial phases.

    Parameters
    ----------
    onn : Onn
        The network.
    phases : ndarray of int, shape (count,)
        Initial phases, 0 to 2**phase_bits - 1.
    ticks : int
        Ticks of one pass.
    noise : int
        Largest noise amplitude, as for ``OnnBitTrue.step``.
    window : int, optional
        Ticks of each half period in which references are sampled, as for ``OnnBitTrue.step``; all by default.
    seed : int
        Seed of the noise.

    Members
    -------
    done, equal : Out(1)
        As for `SelfTest`; the CRC covers the number, new level and tick of each output that toggles.
    active : Out(1)
        Toggles with every 16th output change.
    """

    done: Signal
    equal: Signal
    active: Signal

    def __init__(
        self, onn: Onn, phases: NDArray[np.int64], ticks: int, noise: int = 0, window: int | None = None, seed: int = 0
    ) -> None:
        self._onn, self._phases = onn, phases
        self._advance = {
            "ticks": ticks,
            "settle": 0,
            "noise": noise,
            "window": onn.params.half if window is None else window,
        }
        self._seed = int(first_states(seed, 1)[0])
        model, words = OnnBitTrue(onn.params, phases, seed), []
        for tick in range(1, ticks + 1):
            before = model.output[0]
            model.step(noise, window)
            after = model.output[0]
            toggled = np.flatnonzero(before != after)
            words.append(toggled | after[toggled] << 12 | (tick & 0x7FFFF) << 13)
        self.expected_crc = zlib.crc32(np.concatenate(words).astype("<u4").tobytes())
        super().__init__({"done": Out(1), "equal": Out(1), "active": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.onn = onn = self._onn
        count, bits = onn.params.count, onn.params.phase_bits
        rom: Any = Memory(shape=bits, depth=count, init=self._phases.tolist())
        m.submodules.phases = rom
        read = rom.read_port()
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=32).create()
        address = Signal(range(count))
        oscillator = Signal(range(count))
        checked = Signal()
        toggled = onn.toggled
        m.d.sync += oscillator.eq(address)
        m.d.comb += [
            read.addr.eq(address),
            onn.phase.payload.oscillator.eq(oscillator),
            onn.phase.payload.value.eq(read.data),
            onn.advance.payload.eq(onn.advance.payload.shape().const(self._advance)),
            onn.seed.eq(self._seed),
            crc.data.eq(Cat(toggled.oscillator, Const(0, 12 - len(toggled.oscillator)), toggled.high, onn.tick[:19])),
            crc.valid.eq(toggled.valid & ~checked),
            crc.start.eq(0),
            self.active.eq(onn.toggles[4]),
        ]
        with m.FSM():
            with m.State("FETCH"):
                m.d.sync += address.eq(1)
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += onn.phase.valid.eq(1)
                m.d.sync += address.eq(Mux(address == count - 1, 0, address + 1))
                with m.If(oscillator == count - 1):
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += onn.begin.eq(1)
                m.next = "ADVANCE"
            with m.State("ADVANCE"):
                m.d.comb += onn.advance.valid.eq(1)
                with m.If(onn.advance.ready):
                    m.next = "RUN"
            with m.State("RUN"), m.If(~onn.busy):
                m.d.sync += [checked.eq(1), address.eq(0)]
                m.next = "CHECK"
            with m.State("CHECK"):
                with m.If(~self.done):
                    m.d.sync += [self.done.eq(1), self.equal.eq(crc.crc == self.expected_crc)]
                m.next = "FETCH"
        return m


class SnnSelfTest(wiring.Component):
    """Self-test of a spiking network, which receives the same inputs repeatedly.

    Parameters
    ----------
    snn : Snn
        The network. Weights in memories without initial values are generated on chip before the first tick; those of
        the network must be the ones that `generated_weights` returns.
    inputs : ndarray of int, shape (ticks, inputs)
        Spikes (0 or 1), or currents as fixed-point words; at least one tick.

    Members
    -------
    done, equal : Out(1)
        As for `SelfTest`; the CRC covers spikes and membrane potentials of the last layer.
    active : Out(1)
        Toggles with every 16th spike of the last layer.

    Raises
    ------
    ValueError
        If there is no tick.
    """

    done: Signal
    equal: Signal
    active: Signal

    def __init__(self, snn: Snn, inputs: NDArray[np.int64]) -> None:
        if len(inputs) == 0:
            raise ValueError("inputs must have at least one tick")
        self._snn, self._ticks = snn, len(inputs)
        self._rom = snn.payloads(inputs)
        plan = snn.plans[-1]
        trace = SnnBitTrue(snn.params).run(inputs, keep=True)[-1]
        spikes, membranes = (trace[name][:, 0][:, plan.places] for name in ("spike", "membrane"))
        bits = plan.params.membrane_bits
        crc = 0
        for fired, membrane in zip(spikes.tolist(), membranes.tolist(), strict=True):
            for start in range(0, plan.params.count, plan.updates):
                word = sum(int(one) << n for n, one in enumerate(fired[start : start + plan.updates]))
                for n, one in enumerate(membrane[start : start + plan.updates]):
                    word |= (one & ((1 << bits) - 1)) << (plan.updates + n * bits)
                crc = zlib.crc32(_folded(word).to_bytes(4, "little"), crc)
        self.expected_crc = crc
        super().__init__({"done": Out(1), "equal": Out(1), "active": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.snn = snn = self._snn
        payload = Value.cast(snn.i.payload)
        rom: Any = Memory(shape=len(payload), depth=max(2, len(self._rom)), init=self._rom)
        m.submodules.stimulus_memory = rom
        read = rom.read_port()
        address = Signal(range(max(2, len(self._rom))))
        fetched = Signal()
        following = Signal.like(address)
        loaded = self._load(m, snn)
        taken = snn.i.valid & snn.i.ready
        m.d.sync += fetched.eq(1)
        m.d.comb += [
            following.eq(Mux(address == len(self._rom) - 1, 0, address + 1)),
            snn.i.valid.eq(fetched & loaded),
            payload.eq(read.data),
            read.addr.eq(Mux(taken, following, address)),
            snn.o.ready.eq(1),
        ]
        with m.If(taken):
            m.d.sync += address.eq(following)
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=32).create()
        output = snn.o.p
        left = Signal(range(self._ticks + 1), init=self._ticks)
        bits = Signal(len(output.spikes) + len(output.membranes.as_value()))
        m.d.comb += [
            bits.eq(Cat(output.spikes, output.membranes)),
            crc.data.eq(fold(bits)),
            crc.valid.eq(snn.o.valid & (left != 0)),
            crc.start.eq(0),
        ]
        with m.If(snn.o.valid & output.last & (left != 0)):
            m.d.sync += left.eq(left - 1)
        with m.If((left == 0) & ~self.done):
            m.d.sync += [self.done.eq(1), self.equal.eq(crc.crc == self.expected_crc)]
        spikes = Signal(5)
        with m.If(snn.o.valid):
            m.d.sync += spikes.eq(spikes + count_ones(output.spikes))
        m.d.comb += self.active.eq(spikes[-1])
        return m

    def _load(self, m: Module, snn: Snn) -> Value:
        """Write the weights of memories without initial values, in turn; return a bit that is high when done."""
        ports = [
            getattr(snn, f"weight_{n}_{k}")
            for n, plan in enumerate(snn.plans)
            if plan.single_port
            for k in range(len(plan.params.connections))
        ]
        depths = [
            depth
            for plan, layer in zip(snn.plans, snn.layers, strict=True)
            if plan.single_port
            for depth in layer.depths
        ]
        if not ports:
            return Const(1)
        state = Signal(32, init=FIRST_WEIGHTS)
        turn = Signal(range(len(ports) + 1))
        address = Signal(range(max(depths)))
        m.d.sync += state.eq(advance(state))
        with m.If(turn != len(ports)):
            m.d.sync += address.eq(address + 1)
        for n, (port, depth) in enumerate(zip(ports, depths, strict=True)):
            m.d.comb += [
                port.valid.eq(turn == n),
                port.payload.address.eq(address),
                port.payload.data.eq(state),
            ]
            with m.If((turn == n) & (address == depth - 1)):
                m.d.sync += [address.eq(0), turn.eq(n + 1)]
        return turn == len(ports)


def generated_weights(shapes: Sequence[tuple[int, int, int]], bits: int) -> list[NDArray[np.int64]]:
    """Weights that `SnnSelfTest` generates on chip: the low bits of the states of a xorshift generator, row by row.

    Parameters
    ----------
    shapes : sequence of (inputs, rows, lanes)
        Shape of each dense connection, in the order of layers; `inputs` counts all input slots.
    bits : int
        Word length of a weight, signed. The weights of all lanes must fit in 32 bits and in one chunk of the memory.

    Returns
    -------
    list of ndarray of int64, shape (rows * lanes, inputs)
        Weights of each connection.
    """
    state, made = FIRST_WEIGHTS, []
    for inputs, rows, lanes in shapes:
        words = []
        for _ in range(inputs * rows):
            words.append(state)
            state = int(next_state(state))
        values = np.array(words, dtype=np.int64)[:, None] >> (bits * np.arange(lanes)) & ((1 << bits) - 1)
        values = np.where(values >> (bits - 1) == 1, values - (1 << bits), values)
        made.append(values.reshape(inputs, rows * lanes).T)
    return made


def fold(bits: Value) -> Value:
    """Fold a word into 32 bits: its 32-bit pieces are rotated left by 0, 1, 2 ... bits and combined by XOR.

    Parameters
    ----------
    bits : Value
        The word.

    Returns
    -------
    Value
        The folded word, 32 bits.
    """
    pieces = [bits[low : low + 32] for low in range(0, len(bits), 32)]
    return balanced(xor, [Cat(piece, Const(0, 32 - len(piece))).rotate_left(n) for n, piece in enumerate(pieces)])


def _folded(word: int) -> int:
    """`fold` of an integer."""
    made = n = 0
    while word:
        piece, turn = word & 0xFFFF_FFFF, n % 32
        made ^= (piece << turn | piece >> (32 - turn)) & 0xFFFF_FFFF
        word, n = word >> 32, n + 1
    return made


class BoardTop(Elaboratable):
    """Top level of a self-test on a board: LED 0 shows `equal`, LED 1 shows `active`; waves go to the pins ``scope``.

    Parameters
    ----------
    selftest : SelfTest, OnnSelfTest or SnnSelfTest
        The self-test.
    """

    def __init__(self, selftest: SelfTest | OnnSelfTest | SnnSelfTest) -> None:
        self._selftest = selftest

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.selftest = selftest = self._selftest
        for number, light in enumerate((selftest.equal, selftest.active)):
            pad = io.Buffer(io.Direction.Output, platform.request("led", number, dir="-"))
            m.submodules[f"light_{number}"] = pad
            m.d.comb += pad.o.eq(light)
        if isinstance(selftest, SelfTest):
            for number in range(len(selftest.probes)):
                pad = io.Buffer(io.Direction.Output, platform.request("scope", number, dir="-"))
                m.submodules[f"wave_{number}"] = pad
                m.d.comb += pad.o.eq(selftest.waves[number])
        return m
