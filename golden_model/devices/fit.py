"""The parameters of a threshold switch, and of its circuit, from measured curves.

`iv_fit` fits I-V curves, `transient_fit` the waveform of an oscillation, `loop_fit` the resistance over
temperature, and `uncertainty` defines the uncertainty of their results. All names can be imported from here.
"""

from neuristor.golden_model.devices.iv_fit import Cycle, IvFit, Polarity, fit_iv
from neuristor.golden_model.devices.loop_fit import LoopFit, fit_loop
from neuristor.golden_model.devices.transient_fit import TransientFit, fit_transient
from neuristor.golden_model.devices.uncertainty import Value, average

__all__ = [
    "Cycle",
    "IvFit",
    "LoopFit",
    "Polarity",
    "TransientFit",
    "Value",
    "average",
    "fit_iv",
    "fit_loop",
    "fit_transient",
]
