"""Spiking networks whose neurons are oxide devices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neuristor.golden_model.networks.snn.network import Network
from neuristor.golden_model.neurons.lif import LifParams
from neuristor.golden_model.variability import Variability

__all__ = ["on_device"]


def on_device(network: Network, device: LifParams) -> Network:
    """Replace every neuron that spikes by an oxide device with its spread and faults.

    Weights and time constants of the network do not change. A membrane potential of zero becomes the device's rest
    potential, and the network's threshold becomes V_th. The refractory period keeps its ratio to the time constant. New
    are: a spike ends at V_hold, the comparison is ``>=``, neurons have a refractory period, and devices differ.

    Parameters
    ----------
    network : Network
        LIF and CuBa-LIF neurons that leak to zero; layers that never spike stay as they are.
    device : LifParams
        One device, with its spread; its `count` and `dt` are not used.

    Returns
    -------
    Network
        Layer n draws its spread with the seed ``device.seed + n``.

    Raises
    ------
    ValueError
        If neurons of a layer do not leak, or leak to another potential than zero.
    """
    swing = device.threshold - device.rest
    layers = []
    for number, layer in enumerate(network.layers):
        neurons = layer.neurons
        if neurons.threshold is None:
            layers.append(layer)
            continue
        if neurons.tau is None or np.any(neurons.leak):
            raise ValueError(f"{layer.name}: must be LIF neurons that leak to zero, to be made of devices")
        stretch = float(np.mean(neurons.tau)) / device.tau
        made = replace(
            neurons,
            reset=neurons.threshold * (device.hold - device.rest) / swing,
            reset_rule="subtract" if device.reset == "subtract" else "to_value",
            strict=False,
            refractory=device.refractory * stretch,
            latched=float(np.mean(neurons.threshold)) * (device.latched - device.rest) / swing,
            spread=Variability(
                threshold_d2d=device.threshold_d2d / swing,
                threshold_c2c=device.threshold_c2c / swing,
                stuck_on=device.stuck_on,
                stuck_off=device.stuck_off,
                dead=device.dead,
                seed=device.seed + number,
            ),
        )
        layers.append(replace(layer, neurons=made))
    return replace(network, layers=tuple(layers))
