"""Registry of the neurons: those of Neuristor, by hand or from equations, and those that other packages install.

Another package adds a neuron by an entry point in its ``pyproject.toml``::

    [project.entry-points."neuristor.neurons"]
    toy = "toy_neuron:TOY"          # a Neuron whose model has the name "toy"
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from neuristor.golden_model.equations.file import shipped, shipped_model
from neuristor.hdl.neurons.contract import Neuron
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.hdl.neurons.hodgkin_huxley import HODGKIN_HUXLEY
from neuristor.hdl.neurons.izhikevich import IZHIKEVICH
from neuristor.hdl.neurons.lif import LIF
from neuristor.hdl.neurons.neuristor import NEURISTOR
from neuristor.hdl.neurons.relaxation_oscillator import RELAXATION_OSCILLATOR

__all__ = ["GROUP", "names", "neuron", "neurons"]

GROUP = "neuristor.neurons"
"""Group of entry points that is read."""
_OURS = MappingProxyType(
    {each.name: each for each in (LIF, RELAXATION_OSCILLATOR, HODGKIN_HUXLEY, NEURISTOR, IZHIKEVICH)}
)


def _installed() -> dict[str, EntryPoint]:
    return {each.name: each for each in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value))}


def names() -> tuple[str, ...]:
    """The names of all neurons, those of Neuristor first; other packages are not imported."""
    return (*_OURS, *(name for name in _installed() if name not in _OURS))


@cache
def neuron(name: str) -> Neuron:
    """A neuron by its name.

    Parameters
    ----------
    name : str
        Name of the neuron, as in ``[neuron] model`` of a design file.

    Returns
    -------
    Neuron
        The same object at each call.

    Raises
    ------
    ValueError
        If there is no such neuron; or if its entry point cannot be loaded, is no `Neuron`, has another name than its
        model, or has the name of a neuron of Neuristor.
    """
    installed = _installed().get(name)
    if name in _OURS or name in shipped():
        if installed is not None:
            raise ValueError(f"entry point {_place(installed)} must have another name: Neuristor has a neuron {name!r}")
        return _OURS[name] if name in _OURS else equation_neuron(shipped_model(name).model_dump_json())
    if installed is None:
        raise ValueError(f"neuron must be one of {', '.join((*names(), *shipped()))}, not {name!r}")
    try:
        found = installed.load()
    except Exception as error:  # whatever the code of others raises at import
        raise ValueError(f"entry point {_place(installed)} cannot be loaded: {error}") from None
    if not isinstance(found, Neuron):
        raise ValueError(
            f"entry point {_place(installed)} must be a neuristor.hdl.neurons.Neuron, not {type(found).__name__}"
        )
    if found.name != name:
        raise ValueError(f"entry point {_place(installed)} must have the name of its model, {found.name!r}")
    return found


def _place(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of the package {point.dist.name}"
    return f"{point.name} = {point.value}{package}"


def neurons() -> tuple[Neuron, ...]:
    """All neurons, in the order of `names`.

    A ``ValueError`` is raised as by `neuron`.
    """
    return tuple(neuron(name) for name in names())
