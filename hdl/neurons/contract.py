"""A neuron: its model and its circuit, as one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neuristor.golden_model.neurons.contract import NeuronModel
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.array import NeuronArray

__all__ = ["Neuron"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Neuron:
    """A neuron that designs may name: its model and its circuit.

    Parameters
    ----------
    model : NeuronModel
        The golden half: parameters, step function, float reference, bounds.
    array : callable
        The circuit: ``array(params, lanes, loadable=..., protection=...)`` makes a `NeuronArray`; with
        `shares_multipliers` it takes ``interval`` as well.
    shares_multipliers : bool
        Whether the products of a neuron can share multipliers, over `interval` clocks.

    Raises
    ------
    TypeError
        If a part is of the wrong kind.
    """

    model: NeuronModel[Any]
    array: Callable[..., NeuronArray]
    shares_multipliers: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, NeuronModel):
            raise TypeError(f"model must be a NeuronModel, not {self.model!r}")
        if not callable(self.array):
            raise TypeError(f"array must be callable, not {self.array!r}")

    @property
    def name(self) -> str:
        """The name in design files."""
        return self.model.name

    def build(
        self,
        params: NeuronParams,
        lanes: int = 1,
        *,
        interval: int = 1,
        loadable: bool = False,
        protection: str = "none",
    ) -> NeuronArray:
        """A fresh circuit.

        Parameters
        ----------
        params : NeuronParams
            Of this model.
        lanes : int
            Neurons updated side by side, 1 to ``params.count``.
        interval : int
            Clocks between two neurons of a lane; above 1 only for neurons whose products share multipliers.
        loadable : bool
            Whether parameters can be changed at run time.
        protection : str
            Of the memory of per-neuron parameters: "none", "parity" or "secded".

        Raises
        ------
        ValueError
            If a number is outside its range.
        """
        if self.shares_multipliers:
            return self.array(params, lanes, interval=interval, loadable=loadable, protection=protection)
        if interval != 1:
            raise ValueError(f"interval must be 1 in the model {self.name}, not {interval}")
        return self.array(params, lanes, loadable=loadable, protection=protection)

    def __reduce__(self) -> tuple[Callable[[str], Neuron], tuple[str]]:
        # Cases travel to simulators by pickle: there the registry has the same object.
        from neuristor.hdl.neurons.registry import neuron

        return neuron, (self.name,)
