"""Spiking networks: layers of LIF neurons, in float and in fixed point.

A layer receives spikes of the input, of other layers, or its own. `Network` describes a network in floating point and
SI units, `SnnParams` in integer words; ``quantized`` makes the second from the first. `SnnReference` runs a `Network`.
`SnnBitTrue` runs `SnnParams` and is the specification of the circuit. In both, a time step (tick) of a layer is

    A = sum_j w_ij s_j(t - delay) + b                  s = 0 or 1; or input currents in place of w s
    I <- I + (w_in A - I) k_syn                        CuBa-LIF only; I then replaces A below         (1)
    v <- v + (leak - v + R A) k                        LIF, LI                                        (2)
    v <- v + R A dt                                    IF                                             (3)
    v > threshold (or >=)  ->  spike, and v <- reset, or v <- v - (threshold - reset)                 (4)

Other tools differ in the following rules. Here they are:

- *Time step*: `dt` belongs to the network. ``k = dt / tau`` where `discretisation` is ``euler``, ``1 - exp(-dt / tau)``
  where it is ``exact``.
- *Order*: synapses, current, leak, integration, comparison, reset, all in one tick. With ``late_current``, (2) uses the
  current from before (1), as in Norse; otherwise the new one, as in snnTorch.
- *Delay*: a spike of tick t acts in tick t, through all layers; along a connection with a delay of d ticks, in tick
  t + d. A recurrent connection needs a delay of at least one tick.
- *Comparison*: ``>`` as in NIR, or ``>=`` where `strict` is false, as in a threshold switch.
- *Reset* acts in the tick of the spike, before the next leak. With ``subtract_late``, snnTorch's default, it acts in
  the next tick, after the leak: ``v <- v + (leak - v + R A) k - (threshold - reset)``. `Neurons` has all rules. A
  neuron of an oxide device is reset to V_hold and can have a refractory period: see ``golden_model.neurons.lif``, whose
  function ``fire`` computes (4).
- *Rounding*: weights to the nearest integer, halves up, then clipped to their word length; coefficients to their
  significant bits; the leak of each tick to the nearest step of the membrane potential, halves up. Sums of weights are
  exact. Membrane potentials and currents saturate, and every saturation is counted.

References
----------
J. E. Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15, 2024,
10.1038/s41467-024-52259-9 (the equations); S. Rotter and M. Diesmann, Biol. Cybern. 81, 1999 (the exact step).
"""

from neuristor.golden_model.networks.snn.bit_true import SnnBitTrue, step
from neuristor.golden_model.networks.snn.devices import on_device
from neuristor.golden_model.networks.snn.network import (
    INPUT,
    MOST_DELAY,
    RESETS,
    Layer,
    Network,
    Neurons,
    Projection,
    ResetRule,
    TimeStepError,
    order_of,
)
from neuristor.golden_model.networks.snn.params import Connection, LayerParams, LayerRaw, SnnParams
from neuristor.golden_model.networks.snn.reference import SnnReference
from neuristor.golden_model.networks.snn.words import ThresholdError, Words, dequantized, farthest, quantized

__all__ = [
    "INPUT",
    "MOST_DELAY",
    "RESETS",
    "Connection",
    "Layer",
    "LayerParams",
    "LayerRaw",
    "Network",
    "Neurons",
    "Projection",
    "ResetRule",
    "SnnBitTrue",
    "SnnParams",
    "SnnReference",
    "ThresholdError",
    "TimeStepError",
    "Words",
    "dequantized",
    "farthest",
    "on_device",
    "order_of",
    "quantized",
    "step",
]
