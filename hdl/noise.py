"""Random numbers in the circuit: the same bits as ``neuristor.golden_model.noise``."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.golden_model import noise as golden
from neuristor.hdl.fixed import round_shift

__all__ = ["Seeder", "advance", "byte_sum", "offset", "scale_bits"]


def advance(state: Value) -> Value:
    """The next xorshift state (Marsaglia 2003, the triple 13, 17, 5).

    Parameters
    ----------
    state : Value, unsigned(32)
        The present state, not zero.

    Returns
    -------
    Value, unsigned(32)
        The state after one step.
    """
    first = state ^ Cat(Const(0, 13), state[: 32 - 13])
    second = first ^ first[17:]
    return second ^ Cat(Const(0, 5), second[: 32 - 5])


def byte_sum(state: Value) -> Value:
    """A random draw: the sum of the four bytes of the state, minus its mean.

    Parameters
    ----------
    state : Value, unsigned(32)
        A xorshift state.

    Returns
    -------
    Value, signed
        From -510 to 510; mean 0, standard deviation ``neuristor.golden_model.noise.SIGMA``.
    """
    return (state[0:8] + state[8:16]) + (state[16:24] + state[24:32]) - golden.CENTRE


def scale_bits(*scales: int) -> int:
    """Width of an unsigned word for scales of the noise, in bits.

    Parameters
    ----------
    *scales : int
        Scales as of ``neuristor.golden_model.noise.scale_for``, 0 or more. Those of noise of up to some hundred steps
        have 9 bits at most; wider noise needs more.
    """
    return max(9, *(int(scale).bit_length() for scale in scales))


def offset(draw: Value, scale_raw: int | Value, shift: int) -> Value:
    """Scale a draw to an offset of the threshold.

    Parameters
    ----------
    draw : Value, signed
        From `byte_sum`.
    scale_raw : int or Value
        Factor, as from ``neuristor.golden_model.noise.scale_for``.
    shift : int
        Bits that the product is shifted down, rounded to the nearest, halves up.

    Returns
    -------
    Value, signed
        The offset, in raw steps of the membrane's format.
    """
    return round_shift(draw * scale_raw, shift)


class Seeder(wiring.Component):
    """Makes the initial noise state of each neuron of one lane, one after the other, after a reset.

    Latency: ``neuristor.golden_model.noise.SEED_STEPS`` clocks from `load` to the state.

    Parameters
    ----------
    seed : int
        The seed of the design, 0 to 2**32 - 1; ignored if `given`.
    lane, lanes : int
        The lane, and the number of lanes: neurons ``lane``, ``lane + lanes``, ``lane + 2 * lanes`` and so on.
    given : bool
        Whether the seed is an input.

    Members
    -------
    seed : In(32)
        The seed of the design, if `given`.
    load : In(1)
        Begin with the seed of the next neuron.
    state : Out(32)
        The neuron's state, ``SEED_STEPS`` clocks after `load`.
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
