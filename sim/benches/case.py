"""What a bench needs to know: the array, its input, and how it is disturbed."""

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
    params : NeuronParams
        Of that neuron.
    lanes : int
        Neurons updated side by side.
    interval : int
        Clocks between the neurons of a lane.
    protection : str
        Of the memory of per-neuron parameters; see ``neuristor.hdl.protection``.
    drive_raw : ndarray of int64, shape (ticks, count)
        Input words of each tick.
    toplevel : str
        Name of the Verilog module.
    header : tuple of str
        Comment lines of the Verilog.
    netlist : str, optional
        Family of FPGAs, one of ``netlists.gates.FAMILIES``: verify its synthesized netlist instead of the Verilog.
    """

    neuron: Neuron
    params: NeuronParams
    lanes: int
    interval: int = 1
    protection: str = "none"
    drive_raw: NDArray[np.int64]
    toplevel: str = "neurons"
    header: tuple[str, ...] = ()
    netlist: str | None = None

    def array(self, loadable: bool = False) -> NeuronArray:
        """A fresh circuit.

        Parameters
        ----------
        loadable : bool
            True: parameters are loaded at run time. False: they are built in.
        """
        return self.neuron.build(
            self.params, self.lanes, interval=self.interval, loadable=loadable, protection=self.protection
        )

    @cached_property
    def verilog(self) -> str:
        """The circuit as Verilog, or its netlist."""
        text = self._exported[0]
        return text if self.netlist is None else gates(text, self.toplevel, self.netlist)

    @property
    def timing(self) -> dict[str, int]:
        """Rows, latency and clocks of the circuit."""
        return self._exported[1]

    @cached_property
    def _exported(self) -> tuple[str, dict[str, int]]:
        array = self.array()
        text = export(array, self.toplevel, self.header)
        names = ("lanes", "interval", "rows", "latency", "cycles_per_tick", "cycles_after_reset")
        return text, {name: getattr(array, name) for name in names}

    def bit_true(self) -> BitTrueModel:
        """A fresh bit-true model."""
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
