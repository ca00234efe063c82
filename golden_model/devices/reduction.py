"""What a two-state neuron loses of its device: the firing rates of both in the same circuit.

The neuron on the FPGA is made from the two-state switch closest to the device. The device's own equations, integrated
in the same circuit, judge this first step from the device to the circuit. An input current i at the node of the
capacitor equals a supply of ``V_DD + i R_s``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from neuristor.golden_model.devices.device import Device, Floats, PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit

__all__ = ["Reduction", "device_rate"]

CYCLES = 10
"""Cycles that are simulated."""
LONGEST = 8
"""Times that duration, at which a device that has not fired is called silent."""
LEAST_SPIKES = 6
"""Spikes from which a rate is taken."""
PULSES = 4_000
"""Pulses that are simulated."""


@dataclass(frozen=True)
class Reduction:
    """Firing rates of a device and of the neuron that stands for it.

    Parameters
    ----------
    current : ndarray of float, shape (n,)
        Constant input currents, in `unit`.
    device : ndarray of float, shape (n,)
        Rates of the device in its circuit, in hertz; 0 where it does not fire repeatedly.
    neuron : ndarray of float, shape (n,)
        Rates of the two-state neuron in continuous time, in hertz.
    unit : str
        Symbol of the unit of `current`: ``A``, or none for pulses per period.
    """

    current: Floats
    device: Floats
    neuron: Floats
    unit: str = "A"

    @property
    def error(self) -> Floats:
        """Relative error of the rate of the neuron, shape (n,): infinite where only the neuron fires."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.device == self.neuron, 0.0, self.neuron / self.device - 1)

    @property
    def worst(self) -> float:
        """The error of the largest size, with its sign."""
        return float(self.error[np.argmax(np.abs(self.error))])


def device_rate(device: Any, circuit: Circuit, given: Mapping[str, float], current: Sequence[float]) -> Floats:
    """Firing rates of a device in its circuit, from its own equations.

    Parameters
    ----------
    device : Device or PulsedDevice
        Model of the device.
    circuit : Circuit
        The circuit with the two-state switch closest to the device.
    given : mapping of str to float
        The keys of the section ``[circuit]``: for a pulsed device its ``pulse_period`` and ``pulse_voltage``.
    current : sequence of float
        Constant input currents, in ampere; for a pulsed device, pulses per period, 0 to 1.

    Returns
    -------
    ndarray of float, shape (n,)
        In hertz; 0 where the device does not fire repeatedly.
    """
    if isinstance(device, PulsedDevice):
        return np.array([_pulsed(device, dict(given), density) for density in current])
    return np.array([_in_circuit(device, circuit, float(each)) for each in current])


def _pulsed(device: PulsedDevice, given: dict[str, float], density: float) -> float:
    """Rate under pulses that are spread evenly: a share `density` of the periods has one."""
    number = np.floor(np.arange(PULSES + 1) * min(max(density, 0.0), 1.0))
    response = device.pulses(given["pulse_voltage"] * np.diff(number), pulse_period=given["pulse_period"])
    found = response.spikes
    return (len(found) - 1) / float(found[-1] - found[0]) if len(found) > 2 else 0.0


@lru_cache(maxsize=512)
def _in_circuit(device: Device, circuit: Circuit, current: float) -> float:
    """Rate of a device in its circuit under a constant current."""
    supply = circuit.supply + current * circuit.series_resistance
    if supply <= 0:
        return 0.0
    fires = circuit.regime(current) == "oscillates"
    duration = CYCLES * (1 / circuit.frequency(current) if fires else circuit.tau_ins + circuit.tau_met)
    longest = LONGEST * duration
    while True:
        found = device.transient(
            supply=supply,
            series_resistance=circuit.series_resistance,
            capacitance=circuit.capacitance,
            duration=duration,
        )
        if len(found.spikes) >= LEAST_SPIKES:
            return found.frequency
        if duration >= longest:
            return found.frequency
        duration *= 2 if len(found.spikes) > 1 else LONGEST
