"""From a network to a NIR graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.golden_model.networks.snn import INPUT, Layer, Network, Projection
from neuristor.golden_model.networks.synapses import Convolution, Dense

__all__ = ["to_nir"]


def to_nir(network: Network) -> Any:
    """Convert a network to a graph of the package ``nir``.

    NIR has no time step, no discretisation and one reset rule. The graph's metadata record ``dt``, ``discretisation``
    and ``currents``; those of its neurons ``reset`` and ``late_current``. A layer without connections is given one from
    the input, of zeros.

    Parameters
    ----------
    network : Network
        The network.

    Returns
    -------
    nir.NIRGraph
        The graph, with one path of nodes per connection.

    Raises
    ------
    ValueError
        If the network has a refractory period, spread, broken devices, the comparison ``>=``, or a membrane potential
        before the first tick other than 0, which NIR lacks.
    """
    import nir

    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array(network.input_shape)})}
    edges: list[tuple[str, str]] = []
    names = [layer.name for layer in network.layers]
    for layer in network.layers:
        neurons = layer.neurons
        if neurons.refractory or neurons.faults.any() or neurons.spread.threshold_d2d or neurons.spread.threshold_c2c:
            raise ValueError(f"{layer.name}: NIR has no refractory period, spread or broken devices")
        if neurons.threshold is not None and not neurons.strict:
            raise ValueError(f"{layer.name}: NIR has '>' for the threshold, not '>='")
        if neurons.start:
            raise ValueError(f"{layer.name}: NIR has no other membrane potential than 0 before the first tick")
        nodes[layer.name] = _node(layer)
        zeros = Projection(source=INPUT, synapses=Dense(weights=np.zeros((neurons.count, network.inputs))))
        for n, one in enumerate(layer.projections or (zeros,)):
            made = _chain(layer, n, one, network.dt)
            if n == 0 and np.any(layer.bias):
                made = _with_bias(layer, made)
            before = "input" if one.source == INPUT else names[one.source]
            for name, node in made:
                nodes[name] = node
                edges.append((before, name))
                before = name
            edges.append((before, layer.name))
    nodes["output"] = nir.Output({"output": np.array(network.layers[-1].shape)})
    edges.append((names[-1], "output"))
    metadata = {"dt": network.dt, "discretisation": network.discretisation, "currents": network.currents}
    # The check of types refuses kernels that are no squares.
    return nir.NIRGraph(nodes, edges, metadata=metadata, type_check=False)


def _node(layer: Layer) -> Any:
    """The neurons of a layer.

    Raises
    ------
    ValueError
        If NIR has no such neurons.
    """
    import nir

    neurons, fires = layer.neurons, layer.neurons.threshold is not None
    recorded: dict[str, Any] = {"metadata": {"reset": neurons.reset_rule}} if fires else {"metadata": {}}
    if neurons.late_current:
        recorded["metadata"]["late_current"] = True

    def column(value: Any) -> NDArray[np.float64]:
        return np.asarray(value, dtype=np.float64).reshape(layer.shape)

    r = column(neurons.r)
    if neurons.tau is None:
        if neurons.tau_syn is not None:
            raise ValueError(f"{layer.name}: NIR has no synaptic current without a leak")
        if neurons.threshold is None:
            return nir.I(r=r, **recorded)
        return nir.IF(r=r, v_threshold=column(neurons.threshold), v_reset=column(neurons.reset), **recorded)
    leak, tau = column(neurons.leak), column(neurons.tau)
    limits = {"v_threshold": column(neurons.threshold), "v_reset": column(neurons.reset)} if fires else {}
    if neurons.tau_syn is None:
        return (nir.LIF if fires else nir.LI)(tau=tau, r=r, v_leak=leak, **limits, **recorded)
    current = {"tau_syn": column(neurons.tau_syn), "w_in": column(neurons.w_in)}
    return (nir.CubaLIF if fires else nir.CubaLI)(tau_mem=tau, r=r, v_leak=leak, **current, **limits, **recorded)


def _chain(layer: Layer, n: int, one: Projection, dt: float) -> list[tuple[str, Any]]:
    """The nodes between a source and a layer, with their names."""
    import nir

    synapses, made = one.synapses, list[tuple[str, Any]]()
    prefix = f"{layer.name}_{n}"
    if one.delay:
        made.append((f"{prefix}_delay", nir.Delay(np.full(synapses.input_shape, one.delay * dt))))
    if synapses.pool != (1, 1):
        tiles = np.array(synapses.pool)
        made.append((f"{prefix}_pool", nir.SumPool2d(kernel_size=tiles, stride=tiles, padding=np.array([0, 0]))))
    if isinstance(synapses, Convolution):
        made.append(
            (
                f"{prefix}_conv",
                nir.Conv2d(
                    input_shape=tuple(synapses.source_shape[1:]),
                    weight=synapses.kernel,
                    stride=synapses.stride,
                    padding=synapses.padding,
                    dilation=(1, 1),
                    groups=1,
                    bias=np.zeros(len(synapses.kernel)),
                ),
            )
        )
        return made
    if len(synapses.input_shape) == 3:
        shape = np.array(
            [synapses.input_shape[0], *(a // b for a, b in zip(synapses.input_shape[1:], synapses.pool, strict=True))]
        )
        made.append((f"{prefix}_flat", nir.Flatten({"input": shape}, start_dim=0, end_dim=-1)))
    made.append((f"{prefix}_weights", nir.Linear(synapses.weights)))
    return made


def _with_bias(layer: Layer, made: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    import nir

    name, node = made[-1]
    bias = np.asarray(layer.bias)
    if isinstance(node, nir.Linear):
        return [*made[:-1], (name, nir.Affine(node.weight, bias))]
    by_channel = bias.reshape(len(node.weight), -1)
    if not (by_channel == by_channel[:, :1]).all():
        raise ValueError(f"{layer.name}: NIR has one bias for a channel")
    return [*made[:-1], (name, replace(node, bias=by_channel[:, 0]))]
