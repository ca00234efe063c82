"""A spiking network as a core, with registers."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring

from neuristor.golden_model.networks.synapses import Convolution
from neuristor.hdl.link.core import Content, StreamCore
from neuristor.hdl.link.registers import Registers
from neuristor.hdl.link.rows import RowWindow, connect_rows, words_of
from neuristor.hdl.snn import Snn

__all__ = ["SnnCore"]


class SnnCore(StreamCore):
    """A core of a spiking network: weights, thresholds, biases and input are loaded over the bus.

    The state in its output is the membrane potentials of the last layer.

    Parameters
    ----------
    snn : Snn
        The network, built with ``loadable=True``.
    linked : bool
        As for `Core`.

    Members
    -------
    bus, link, active
        As for `Core`.

    Raises
    ------
    ValueError
        If `snn` is not loadable.
    """

    circuit: Snn

    def __init__(self, snn: Snn, linked: bool = True) -> None:
        if not snn.plans[0].loadable:
            raise ValueError("snn must be built with loadable=True")
        windows, entries = {}, []
        self._chunk_bits: dict[str, int] = {}
        for n, layer in enumerate(snn.layers):
            name = f"neurons_{n}"
            windows[name] = RowWindow(layer.own_shape.size, layer.plan.groups)
            entries.append(windows[name].entry(name, f"thresholds and biases of layer {n}, group by group"))
            for k, depth in enumerate(layer.depths):
                name = f"weights_{n}_{k}"
                port = getattr(snn, f"weight_{n}_{k}").p
                self._chunk_bits[name] = (len(layer.chunks(k)) - 1).bit_length()
                windows[name] = RowWindow(len(port.data), depth << self._chunk_bits[name])
                meaning = f"weights of layer {n}, connection {k}, chunk by chunk"
                entries.append(windows[name].entry(name, meaning, readable=False))
        super().__init__(
            snn,
            len(snn.words(np.zeros((1, snn.params.inputs), dtype=np.int64))),
            snn.plans[-1].groups,
            windows,
            entries,
            linked,
        )

    @property
    def neurons(self) -> int:
        """Number of neurons of the last layer."""
        return self.circuit.plans[-1].params.count

    def state(self) -> Value:
        """The state in a transfer of output.

        Returns
        -------
        Value
            The membrane potentials of a group of the last layer, lane 0 lowest.
        """
        return Value.cast(self.circuit.o.p.membranes)

    def structure(self) -> dict[str, Any]:
        """The parameters that are built into the circuit.

        Returns
        -------
        dict
            Plain data; circuits with equal data differ only in what is loaded.
        """
        snn = self.circuit
        return {
            "kind": "snn",
            "inputs": snn.params.inputs,
            "currents": snn.params.current_bits if snn.params.currents else 0,
            "layers": [
                {
                    "shape": list(layer.params.shape),
                    "lanes": layer.plan.lanes,
                    "updates": layer.plan.updates,
                    "single_port": layer.plan.single_port,
                    "membrane_bits": layer.params.membrane_bits,
                    "total_bits": layer.total_bits,
                    "sum_bits": layer.params.sum_bits,
                    "bias_bits": layer.bias_bits,
                    "seed": layer.params.seed,
                    "state": [list(field) for field in layer.params.state_fields],
                    "raw": layer.params.raw._asdict(),
                    "connections": [
                        {
                            "source": each.source,
                            "delay": each.delay,
                            "weight_bits": each.weight_bits,
                            "shift": each.shift,
                            "kind": type(each.synapses).__name__,
                            "depth": depth,
                            "input": list(each.synapses.input_shape),
                            "pool": list(each.synapses.pool),
                            "kernel": _kernel(each.synapses),
                        }
                        for each, depth in zip(layer.params.connections, layer.depths, strict=True)
                    ],
                }
                for layer in snn.layers
            ],
        }

    def contents(self) -> list[Content]:
        """The initial contents: weights, thresholds and biases.

        Returns
        -------
        list of Content
            What the circuit holds after configuration.
        """
        return self.contents_for(self.circuit)

    def contents_for(self, snn: Snn) -> list[Content]:
        """The contents that turn this core into another network of the same structure.

        Parameters
        ----------
        snn : Snn
            A network with the same `structure`.

        Returns
        -------
        list of Content
            One for each window.
        """
        found = []
        for n, layer in enumerate(snn.layers):
            found.append(Content(f"neurons_{n}", words_of(layer.own_rows, layer.own_shape.size)))
            for k in range(len(layer.depths)):
                name, chunks = f"weights_{n}_{k}", layer.chunks(k)
                chunks += [[0] * len(chunks[0])] * ((1 << self._chunk_bits[name]) - len(chunks))
                rows = [word for row in zip(*chunks, strict=True) for word in row]
                found.append(Content(name, words_of(rows, len(getattr(snn, f"weight_{n}_{k}").p.data))))
        return found

    def settings(self, m: Module, registers: Registers, busy: Signal) -> None:
        """Connect the windows of weights and of neurons.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        registers : Registers
            The registers of this core.
        busy : Signal
            Set while a record is played: the windows refuse transfers.
        """
        for name, window in self.windows.items():
            if name.startswith("neurons"):
                connect_rows(m, registers, window, name, getattr(self.circuit, name.replace("neurons", "own")), busy)
                continue
            m.submodules[f"{name}_window"] = window
            wiring.connect(m, getattr(registers, name), window.window)
            entry, bits = getattr(self.circuit, name.replace("weights", "weight")), self._chunk_bits[name]
            m.d.comb += [
                window.busy.eq(busy),
                entry.valid.eq(window.write),
                entry.p.chunk.eq(window.row[:bits]),
                entry.p.address.eq(window.row[bits:]),
                entry.p.data.eq(window.given),
            ]


def _kernel(synapses: Any) -> list[list[int]]:
    """Shape, stride and padding of a convolution."""
    if not isinstance(synapses, Convolution):
        return []
    return [list(synapses.kernel.shape), list(synapses.stride), list(synapses.padding)]
