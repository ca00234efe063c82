"""Variables of neurons as voltages at pins of a board, for an oscilloscope.

A pin carries the bits of a sigma-delta modulator. A resistor and a capacitor between it and the probe, 1 kohm and 1 nF
say, make them a voltage from 0 V to that of the pins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.build import Attrs, Pins, Resource
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from neuristor.boards.base import Board
from neuristor.hdl.array import NeuronArray, output_layout
from neuristor.hdl.sigma_delta import SigmaDelta

__all__ = ["Probe", "Scope", "check_scope", "pins", "variable"]


def variable(text: str) -> tuple[str, int]:
    """The name and the neuron of a variable, such as ``membrane[3]``.

    Parameters
    ----------
    text : str
        The variable.

    Raises
    ------
    ValueError
        If it is written in another way.
    """
    found = re.fullmatch(r"([A-Za-z_]\w*)\[(\d{1,6})\]", text)
    if found is None:
        raise ValueError(f"scope must name variables as in 'membrane[0]', not {text!r}")
    return found[1], int(found[2])


def check_scope(board: Board, variables: Sequence[str]) -> None:
    """Check that a board has a pin for each variable; nothing is put on a board whose resources are only counted.

    Parameters
    ----------
    board : Board
        The board.
    variables : sequence of str
        The variables.

    Raises
    ------
    ValueError
        If it has fewer pins.
    """
    if len(variables) > len(board.scope) and not board.counted_only:
        has = f"{len(board.scope)} pins" if board.scope else "no pins"
        raise ValueError(f"scope names {len(variables)} variables, and {board.name} has {has} for them")


def pins(connector: str, names: Sequence[str], **attributes: str) -> tuple[Resource, ...]:
    """The resources ``("scope", n)`` of a board.

    Parameters
    ----------
    connector : str
        Kind of the connector that is first of its kind on the board.
    names : sequence of str
        Its pins.
    **attributes : str
        Of the pins.
    """
    return tuple(
        Resource("scope", n, Pins(name, dir="o", conn=(connector, 0)), Attrs(**attributes))
        for n, name in enumerate(names)
    )


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A variable of a neuron, and which of its words are the lowest and the highest voltage.

    Parameters
    ----------
    name : str
        Field of the state.
    neuron : int
        Number of the neuron.
    low : int
        The word that is 0 V.
    bits : int
        The word ``low + 2**bits`` is the voltage of the pins; at least 1.
    """

    name: str
    neuron: int
    low: int
    bits: int

    @classmethod
    def over(cls, name: str, neuron: int, trace: Mapping[str, NDArray[np.int64]]) -> Probe:
        """A probe over all that a variable does in a run.

        Parameters
        ----------
        name : str
            Field of the state.
        neuron : int
            Number of the neuron.
        trace : mapping of str to ndarray of int64, shape (ticks, count)
            The run.
        """
        seen = trace[name][:, neuron]
        low, high = int(seen.min()), int(seen.max())
        return cls(name=name, neuron=neuron, low=low, bits=max(1, (high - low).bit_length()))

    @property
    def top(self) -> int:
        """The word that is the voltage of the pins."""
        return self.low + (1 << self.bits)

    def level(self, raw: int) -> int:
        """The level of the modulator, in units of ``2**-bits``: outside its range, the nearest end.

        Parameters
        ----------
        raw : int
            Word of the variable.
        """
        return min(max(raw - self.low, 0), (1 << self.bits) - 1)


class Scope(wiring.Component):
    """Follows the output of an array, and modulates the latest words of some variables.

    Latency: 2 clocks from `moved` to the first bit.

    Parameters
    ----------
    array : NeuronArray
        The array.
    probes : sequence of Probe
        The variables.

    Members
    -------
    moved : In(1)
        A row of the output is transferred.
    row : In(output_layout)
        That row.
    waves : Out(len(probes))
        A bit for each probe.
    """

    moved: Signal
    row: data.View[Any]
    waves: Signal

    def __init__(self, array: NeuronArray, probes: Sequence[Probe]) -> None:
        self._rows, self._lanes, self._probes = array.rows, array.lanes, tuple(probes)
        super().__init__(
            {"moved": In(1), "row": In(output_layout(array.params, array.lanes)), "waves": Out(len(probes))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number = Signal(range(max(2, self._rows)))
        with m.If(self.moved):
            m.d.sync += number.eq(Mux(self.row.last, 0, number + 1))
        for n, probe in enumerate(self._probes):
            row, lane = divmod(probe.neuron, self._lanes)
            word = self.row.state[lane][probe.name]
            above = Signal(signed(len(word) + 3), name=f"above_{n}")
            modulator = SigmaDelta(probe.bits)
            m.submodules[f"modulator_{n}"] = modulator
            level = Signal(probe.bits, name=f"level_{n}")
            highest = (1 << probe.bits) - 1
            m.d.comb += [
                above.eq(word - probe.low),
                modulator.level.eq(level),
                self.waves[n].eq(modulator.bit),
            ]
            with m.If(self.moved & (number == row)):
                m.d.sync += level.eq(Mux(above < 0, 0, Mux(above > highest, highest, above)))
        return m
