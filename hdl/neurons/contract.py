"""The contract of a neuron: its golden model and its circuit, as one object."""

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
    """A neuron that design files can name: its golden model and its circuit.

    Parameters
    ----------
    model : NeuronModel
        The golden model: parameters, step function, float reference, bounds.
    array : callable
        ``array(params, lanes, loadable=..., protection=...)`` makes the circuit, a `NeuronArray`. With
        `shares_multipliers` it is called with ``interval=...`` as well, and of coupled neurons with
        ``edges_per_clock=...``, if that is given. The arguments are those of `build`.
    shares_multipliers : bool
        Whether the products of a neuron can share multipliers, over `interval` clocks.

    Raises
    ------
    TypeError
        If `model` is not a `NeuronModel`, or `array` is not callable.
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
        """Name in design files: that of the model."""
        return self.model.name

    def build(
        self,
        params: NeuronParams,
        lanes: int = 1,
        *,
        interval: int = 1,
        loadable: bool = False,
        protection: str = "none",
        edges_per_clock: int | None = None,
    ) -> NeuronArray:
        """Make a new circuit.

        Parameters
        ----------
        params : NeuronParams
            Parameters of the neurons, of the class ``model.params``.
        lanes : int
            Neurons updated in parallel, 1 to ``params.count``.
        interval : int
            Clocks from one neuron of a lane to the next, at least 1; 1 unless the neuron `shares_multipliers`.
        loadable : bool
            Whether parameters can be changed at run time.
        protection : {"none", "parity", "secded"}
            Check bits of the memory of per-neuron parameters.
        edges_per_clock : int, optional
            Edges summed in a clock, where each has its own value: `lanes` times a power of two; by default `lanes`.

        Returns
        -------
        NeuronArray
            The circuit of ``params.count`` neurons.

        Raises
        ------
        ValueError
            If `lanes`, `interval` or `edges_per_clock` is outside its range, or `protection` has another value.
        """
        given: dict[str, Any] = {"loadable": loadable, "protection": protection}
        if edges_per_clock is not None:
            if getattr(params, "coupling", None) is None:
                raise ValueError("edges_per_clock must be left out: the neurons are not coupled")
            given["edges_per_clock"] = edges_per_clock
        if self.shares_multipliers:
            given["interval"] = interval
        elif interval != 1:
            raise ValueError(f"interval must be 1 in the model {self.name}, not {interval}")
        return self.array(params, lanes, **given)

    def __reduce__(self) -> tuple[Callable[[str], Neuron], tuple[str]]:
        # Simulators receive cases by pickle: the neuron is then looked up in the registry.
        from neuristor.hdl.neurons.registry import neuron

        return neuron, (self.name,)
