"""An array of neurons behind registers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from amaranth.hdl import Module, Signal, Value

from neuristor.hdl.array import NeuronArray
from neuristor.hdl.link.core import Content, StreamCore
from neuristor.hdl.link.registers import Entry, Registers
from neuristor.hdl.link.rows import RowWindow, connect_rows, words_of

__all__ = ["ArrayCore"]


class ArrayCore(StreamCore):
    """Neurons whose parameters, thresholds, noise and input come over the bus.

    Parameters
    ----------
    array : NeuronArray
        A loadable one.
    model : str
        Name of its neurons.
    """

    circuit: NeuronArray

    def __init__(self, array: NeuronArray, model: str) -> None:
        if not array.loadable:
            raise ValueError("array must be loadable")
        self.model, self.circuit = model, array
        windows, entries = {}, []
        if array.own_rows:
            windows["parameters"] = RowWindow(array.row_shape.size, array.rows)
            entries.append(windows["parameters"].entry("parameters", "of each row of neurons, lane by lane"))
        self.params: Any = array.params
        self._tuning = (
            {name: array.tuning[name] for name in array.tuning.shape().members} if hasattr(array, "tuning") else {}
        )
        if hasattr(array, "seed"):
            self._tuning["seed"] = array.seed
        values = self._tuned(array)
        entries += [
            Entry(
                name=name,
                access="read and write",
                bits=len(port),
                init=values[name] & ((1 << len(port)) - 1),
                meaning="of all neurons; what a neuron begins with counts at reset",
            )
            for name, port in self._tuning.items()
        ]
        super().__init__(array, array.rows, array.rows, windows, entries)

    @property
    def neurons(self) -> int:
        """All of the array."""
        return self.circuit.params.count

    def state(self) -> Value:
        """All fields of all lanes."""
        return Value.cast(self.circuit.o.p.state)

    def structure(self) -> dict[str, Any]:
        """All that is built in."""
        array, params = self.circuit, self.params
        raw = {k: v for k, v in params.raw._asdict().items() if k not in self._tuning}
        coupling = getattr(params, "coupling", None)
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
            "coupling": None if coupling is None else asdict(coupling),
            "tuning": sorted(self._tuning),
        }

    def contents(self) -> list[Content]:
        """Parameters of all neurons."""
        return self.contents_for(self.circuit)

    def contents_for(self, array: NeuronArray) -> list[Content]:
        """What another array of the same structure has in the registers and windows of this one."""
        tuned = self._tuned(array)
        found = [Content(name, [tuned[name] & ((1 << len(port)) - 1)]) for name, port in self._tuning.items()]
        if array.own_rows:
            found.append(Content("parameters", words_of(array.own_rows, array.row_shape.size)))
        return found

    def _tuned(self, array: NeuronArray) -> dict[str, int]:
        params: Any = array.params
        return self.circuit.tuned(params) | {"seed": int(params.seed)}

    def settings(self, m: Module, registers: Registers, busy: Signal) -> None:
        """Connect parameters and tuning."""
        array = self.circuit
        for name, port in self._tuning.items():
            m.d.comb += port.eq(getattr(registers, f"{name}__value"))
        if "parameters" in self.windows:
            connect_rows(m, registers, self.windows["parameters"], "parameters", array.own, busy)
