"""Command wrapper of networks, and the proof that a mutant of a network cannot be distinguished from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from neuristor.sim.proofs.equal_steps import same_step
from neuristor.sim.proofs.sequences import Watch, same_from_start

__all__ = ["CommandWrapper", "indistinguishable"]


class CommandWrapper(wiring.Component):
    """Command wrapper: one stream of commands into a network, one stream of answers out of it.

    A command is the number of an input stream of the network and a payload for it.

    Parameters
    ----------
    inner : Component
        The network.
    ports : sequence of str
        Names of its input streams, in the order of their numbers.
    answer : int
        Width of an answer, in bits.
    counters : sequence of str
        Outputs of the network that the wrapper has too.

    Members
    -------
    i : In(stream)
        Commands: number of the input stream in the lowest bits, above it the payload.
    o : Out(stream)
        Answers.
    seen : Out(32)
        Signature of what was observed.
    """

    i: Any
    o: Any
    seen: Signal

    def __init__(self, inner: Any, ports: Sequence[str], answer: int, counters: Sequence[str] = ()) -> None:
        self.inner, self.ports, self.counters = inner, list(ports), list(counters)
        self.kind_bits = len(self.ports).bit_length()
        widest = max(32, *(len(Value.cast(getattr(inner, name).payload)) for name in self.ports))
        super().__init__(
            {
                "i": In(stream.Signature(self.kind_bits + widest)),
                "o": Out(stream.Signature(answer)),
                "seen": Out(32),
            }
            | {name: Out(len(getattr(inner, name))) for name in counters}
        )

    def command(self, kind: int, value: Any) -> int:
        """Encode a command.

        Parameters
        ----------
        kind : int
            Number of the input stream, or of another command.
        value : object
            Payload of the stream, or the value of another command.

        Returns
        -------
        int
            The word for `i`.
        """
        if kind < len(self.ports):
            value = Const.cast(Const(value, getattr(self.inner, self.ports[kind]).payload.shape())).value
        return int(kind | value << self.kind_bits)

    def accept(self, m: Module, may: Value) -> tuple[Value, Value]:
        """Connect the commands to the input streams of the network.

        Parameters
        ----------
        m : Module
            Module of the wrapper.
        may : Value
            1 while commands are accepted.

        Returns
        -------
        kind, word : Value
            Number and payload of the current command.
        """
        kind, word = self.i.payload[: self.kind_bits], self.i.payload[self.kind_bits :]
        ready = Signal(init=1)
        with m.Switch(kind):
            for number, name in enumerate(self.ports):
                with m.Case(number):
                    m.d.comb += ready.eq(getattr(self.inner, name).ready)
        m.d.comb += self.i.ready.eq(ready & may)
        for number, name in enumerate(self.ports):
            port = getattr(self.inner, name)
            payload = Value.cast(port.payload)
            m.d.comb += [payload.eq(word[: len(payload)]), port.valid.eq(self.i.valid & may & (kind == number))]
        return kind, word

    def observe(self, m: Module, *events: tuple[Value, Value]) -> None:
        """Fold words into the signature, which any wrong bit changes, and connect the counters.

        Parameters
        ----------
        m : Module
            Module of the wrapper.
        *events : (Value, Value)
            Valid bit and word of each observed output.
        """
        folded: Value = self.seen.rotate_left(1)
        for valid, word in events:
            for low in range(0, len(word), 32):
                folded = folded ^ Mux(valid, word[low : low + 32], 0)
        with m.If(Cat(valid for valid, _ in events).any()):
            m.d.sync += self.seen.eq(folded)
        m.d.comb += [getattr(self, name).eq(getattr(self.inner, name)) for name in self.counters]


def indistinguishable(sound: str, other: str, watches: Sequence[Watch] = ()) -> bool:
    """Try to prove that two networks have equal outputs: from any state, or else from every reachable state.

    Parameters
    ----------
    sound, other : str
        RTLIL of the original and of the mutant.
    watches : sequence of Watch
        Invariants of the original that help the proof.

    Returns
    -------
    bool
        Whether it is proved.
    """
    return same_step(sound, other) or same_from_start(sound, other, watches=watches)
