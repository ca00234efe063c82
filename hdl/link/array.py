"""An array of neurons as a core, with registers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from amaranth.hdl import Const, Module, Signal, Value

from neuristor.hdl.array import NeuronArray
from neuristor.hdl.edges import Edges
from neuristor.hdl.link.core import Content, StreamCore
from neuristor.hdl.link.registers import Entry, Registers
from neuristor.hdl.link.rows import RowWindow, connect_rows, words_of

__all__ = ["ArrayCore"]


class ArrayCore(StreamCore):
    """A core of an array of neurons: per-neuron parameters (thresholds), noise and input are loaded over the bus.

    Parameters
    ----------
    array : NeuronArray
        The array, built with ``loadable=True``.
    model : str
        Name of the neuron model, such as ``lif``.
    linked : bool
        As for `Core`.

    Members
    -------
    bus, link, active
        As for `Core`.

    Raises
    ------
    ValueError
        If `array` is not loadable.
    """

    circuit: NeuronArray

    def __init__(self, array: NeuronArray, model: str, linked: bool = True) -> None:
        if not array.loadable:
            raise ValueError("array must be built with loadable=True")
        self.model, self.circuit = model, array
        windows, entries = {}, []
        if array.own_rows:
            windows["parameters"] = RowWindow(array.row_shape.size, array.rows)
            entries.append(windows["parameters"].entry("parameters", _meaning(array)))
        term = _edges(array)
        if term is not None:
            windows["edges"] = RowWindow(len(array.edges.given), len(term.lists[0]))
            entries.append(windows["edges"].entry("edges", _meaning_of_edges(array)))
        self.params: Any = array.params
        self._tuning = (
            {name: array.tuning[name] for name in array.tuning.shape().members}
            if "tuning" in array.signature.members
            else {}
        )
        if "seed" in array.signature.members:
            self._tuning["seed"] = array.seed
        values = self._words(array)
        entries += [
            Entry(
                name=name,
                access="read and write",
                bits=len(port),
                init=values[name],
                meaning="of all neurons; initial values take effect at reset",
            )
            for name, port in self._tuning.items()
        ]
        super().__init__(array, array.rows, array.rows, windows, entries, linked)

    @property
    def rescaled(self) -> frozenset[str]:
        """Entries of `structure` that may differ in what is loaded: shifts of coefficients in `tuning`."""
        return frozenset(f"raw.{shift}" for name, shift in _SHIFTS.items() if name in self._tuning)

    @property
    def neurons(self) -> int:
        """Number of neurons of the array."""
        return self.circuit.params.count

    def state(self) -> Value:
        """The state in a transfer of output.

        Returns
        -------
        Value
            All state fields of all lanes, lane 0 lowest.
        """
        return Value.cast(self.circuit.o.p.state)

    def structure(self) -> dict[str, Any]:
        """The parameters that are built into the circuit.

        Returns
        -------
        dict
            Plain data; circuits with equal data differ only in what is loaded.
        """
        array, params = self.circuit, self.params
        raw = {k: v for k, v in params.raw._asdict().items() if k not in self._tuning}
        given, edges = getattr(params, "coupling", None), _edges(array)
        coupling: Any = None if given is None else asdict(given)
        if edges is not None:
            known = {name: coupling[name] for name in ("kind", "value", "directed")}
            shape = [[name, edges.edge_shape[name].width] for name in edges.edge_shape.members]
            coupling = known | {"walkers": edges.walkers, "edges": len(edges.lists[0]), "edge": shape}
            coupling["pull"] = edges.pull_shape.width
        return {
            "kind": "array",
            "model": self.model,
            "count": params.count,
            "lanes": array.lanes,
            "interval": array.interval,
            "drive": params.drive.width,
            "state": [list(field) for field in params.state_fields],
            "parameters": array.row_shape.size if array.own_rows else 0,
            "raw": raw,
            "coupling": coupling,
            "tuning": sorted(self._tuning),
        }

    def contents(self) -> list[Content]:
        """The initial contents: the parameters of all neurons.

        Returns
        -------
        list of Content
            What the circuit holds after configuration.
        """
        return self.contents_for(self.circuit)

    def contents_for(self, array: NeuronArray) -> list[Content]:
        """The contents that turn this core into another array of the same structure.

        Parameters
        ----------
        array : NeuronArray
            An array with the same `structure`.

        Returns
        -------
        list of Content
            One for each register or window that is loaded.

        Raises
        ------
        ValueError
            If a value is finer than the circuit can represent, or does not fit its register.
        """
        found = [Content(name, [word]) for name, word in self._words(array).items()]
        if array.own_rows:
            found.append(Content("parameters", words_of(array.own_rows, array.row_shape.size)))
        edges = _edges(array)
        if edges is not None:
            found.append(Content("edges", words_of(edges.edge_rows, edges.walkers * edges.edge_shape.size)))
        return found

    def _words(self, array: NeuronArray) -> dict[str, int]:
        """Content of each register for another array.

        Raises
        ------
        ValueError
            If a value is finer than the circuit can represent, or does not fit its register.
        """
        params: Any = array.params
        values = self.circuit.tuned(params) | {"seed": int(params.seed)}
        words = {}
        for name, port in self._tuning.items():
            if Const(values[name], port.shape()).value != values[name]:
                raise ValueError(f"{name} {values[name]} does not fit the {len(port)} bits that the circuit has for it")
            words[name] = values[name] & ((1 << len(port)) - 1)
        return words

    def settings(self, m: Module, registers: Registers, busy: Signal) -> None:
        """Connect the registers of common parameters, and the window of parameters of each neuron.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        registers : Registers
            The registers of this core.
        busy : Signal
            Set while a record is played: the window refuses transfers.
        """
        array = self.circuit
        for name, port in self._tuning.items():
            m.d.comb += port.eq(getattr(registers, f"{name}__value"))
        if "parameters" in self.windows:
            connect_rows(m, registers, self.windows["parameters"], "parameters", array.own, busy)
        if "edges" in self.windows:
            connect_rows(m, registers, self.windows["edges"], "edges", array.edges, busy)


_SHIFTS = {
    "k_raw": "k_shift",
    "noise_scale_raw": "noise_shift",
    "threshold_noise_raw": "noise_shift",
    "hold_noise_raw": "noise_shift",
}
"""Shift of each coefficient that ``NeuronArray.tuned`` scales to the circuit's."""


def _edges(array: NeuronArray) -> Edges | None:
    """The coupling term, if its edges can be loaded."""
    term = array.neighbours
    return term if isinstance(term, Edges) and term.port is not None else None


def _meaning_of_edges(array: NeuronArray) -> str:
    """What a row of the edges holds."""
    term = _edges(array)
    assert term is not None
    shape = term.edge_shape
    parts = [
        f"{name} in bits {shape[name].offset} to {shape[name].offset + shape[name].width - 1}" for name in shape.members
    ]
    return f"edges in the order of the walk: for each of {term.walkers} walkers {shape.size} bits, {', '.join(parts)}"


def _meaning(array: NeuronArray) -> str:
    """What a row of the parameter memory holds."""
    shape = array.pipelines[0].parameters.shape()
    parts = [
        f"{name} in bits {shape[name].offset} to {shape[name].offset + shape[name].width - 1}" for name in shape.members
    ]
    return f"parameters of each row of neurons: for each lane {shape.size} bits, {', '.join(parts)}"
