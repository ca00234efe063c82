"""Random numbers in the circuit: the same bits as ``neuristor.golden_model.noise``."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.golden_model import noise as golden
from neuristor.hdl.fixed import round_shift

__all__ = ["Seeder", "advance", "byte_sum", "offset"]


def advance(state: Value) -> Value:
    """The next xorshift state (Marsaglia 2003, the triple 13, 17, 5)."""
    first = state ^ Cat(Const(0, 13), state[: 32 - 13])
    second = first ^ first[17:]
    return second ^ Cat(Const(0, 5), second[: 32 - 5])


def byte_sum(state: Value) -> Value:
    """A draw: the sum of the four bytes, centred on zero."""
    return (state[0:8] + state[8:16]) + (state[16:24] + state[24:32]) - golden.CENTRE


def offset(draw: Value, scale_raw: int | Value, shift: int) -> Value:
    """A centred draw as a threshold offset in raw steps."""
    return round_shift(draw * scale_raw, shift)


class Seeder(wiring.Component):
    """The first noise state of each neuron of one lane, in turn, after a reset.

    Parameters
    ----------
    seed : int
        Of the design.
    lane, lanes : int
        Which neurons: ``lane``, ``lane + lanes``, ``lane + 2 * lanes`` and so on.
    given : bool
        The seed comes from outside.

    Members
    -------
    seed : In(32)
        If it is given.
    load : In(1)
        Take the next neuron's seed.
    state : Out(32)
        The state, ``neuristor.golden_model.noise.SEED_STEPS`` clocks after `load`.
    """

    seed: Signal
    load: Signal
    state: Signal

    def __init__(self, seed: int, lane: int, lanes: int, given: bool = False) -> None:
        self._given = given
        self._first = ((0 if given else seed) + (lane + 1) * golden.WEYL) & golden.MASK
        self._stride = (lanes * golden.WEYL) & golden.MASK
        super().__init__({"load": In(1), "state": Out(32)} | ({"seed": In(32)} if given else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weyl = Signal(32, init=self._first)
        first = (weyl + self.seed)[:32] if self._given else weyl
        m.d.sync += self.state.eq(Mux(self.load, first | 1, advance(self.state)))
        with m.If(self.load):
            m.d.sync += weyl.eq(weyl + self._stride)
        return m
