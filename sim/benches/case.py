"""A test case of the benches: an array of neurons and its input."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.neurons.model import BitTrueModel, NeuronParams
from neuristor.hdl.array import NeuronArray
from neuristor.hdl.neurons import Neuron
from neuristor.hdl.verilog import export
from neuristor.sim.netlists.gates import gates

__all__ = ["Case"]

_VARIABLE = "NEURISTOR_CASE"


@dataclass(frozen=True, kw_only=True)
class Case:
    """An array of neurons and an input for it.

    Parameters
    ----------
    neuron : Neuron
        The neuron.
    params : NeuronParams
        Parameters of the array.
    lanes : int
        Neurons updated in parallel, 1 to ``params.count``.
    interval : int
        Clocks from one neuron of a lane to the next.
    protection : {"none", "parity", "secded"}
        Check bits of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.
    edges_per_clock : int, optional
        Edges summed in a clock, where each has its own value; by default `lanes`.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words of each tick, on the grid of ``params.drive``.
    toplevel : str
        Name of the top Verilog module.
    header : tuple of str
        Comment lines at the start of the Verilog.
    netlist : str, optional
        Family of FPGAs, one of ``neuristor.sim.netlists.gates.FAMILIES``: simulate the netlist synthesized for it
        instead of the Verilog.
    """

    neuron: Neuron
    params: NeuronParams
    lanes: int
    interval: int = 1
    protection: str = "none"
    edges_per_clock: int | None = None
    drive_raw: NDArray[np.int64]
    toplevel: str = "neurons"
    header: tuple[str, ...] = ()
    netlist: str | None = None

    def array(self, loadable: bool = False) -> NeuronArray:
        """Make a new circuit.

        Parameters
        ----------
        loadable : bool
            True: parameters can be changed at run time. False: they are built in.
        """
        return self.neuron.build(
            self.params,
            self.lanes,
            interval=self.interval,
            loadable=loadable,
            protection=self.protection,
            edges_per_clock=self.edges_per_clock,
        )

    @cached_property
    def verilog(self) -> str:
        """The circuit as Verilog, or its netlist as Verilog."""
        text = self._exported[0]
        return text if self.netlist is None else gates(text, self.toplevel, self.netlist)

    @property
    def timing(self) -> dict[str, int]:
        """Timing of the circuit: the properties of `NeuronArray` from ``lanes`` to ``cycles_after_reset``, by name."""
        return self._exported[1]

    @cached_property
    def _exported(self) -> tuple[str, dict[str, int]]:
        array = self.array()
        text = export(array, self.toplevel, self.header)
        names = ("lanes", "interval", "rows", "latency", "cycles_per_tick", "cycles_after_reset")
        return text, {name: getattr(array, name) for name in names}

    def bit_true(self) -> BitTrueModel:
        """Make a new bit-true model, in the state after reset."""
        return self.neuron.model.bit_true(self.params)

    def save(self, path: Path) -> dict[str, str]:
        """Write the case for a bench.

        Parameters
        ----------
        path : Path
            The file to write.

        Returns
        -------
        dict of str to str
            Environment variables by which the bench finds it.
        """
        path.write_bytes(pickle.dumps(self))
        return {_VARIABLE: str(path)}

    @staticmethod
    def from_environment() -> Case:
        """The case that this bench was started for."""
        case: Case = pickle.loads(Path(os.environ[_VARIABLE]).read_bytes())
        return case
