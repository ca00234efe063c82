"""A core on a bus, as Verilog, driven by a bus master: all is loaded, and what comes is what the model gives."""

from __future__ import annotations

import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.hdl.neurons import neuron
from neuristor.sim.benches.core import CoreCase, verify
from neuristor.sim.benches.verify import available
from tests.marks import the_rest_is_slow
from tests.samples.lif import lif_drive, lif_params

NEEDS = {
    engine: pytest.mark.skipif(not available(engine), reason=f"{engine} is not installed")
    for engine in ("verilator", "icarus")
}
SPREAD = {"threshold_d2d": 0.03, "threshold_c2c": 0.02, "refractory": 3e-6}


PAIRS = [(bus, simulator) for bus in ("axi4-lite", "wishbone") for simulator in NEEDS]


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("bus", "simulator"), the_rest_is_slow(PAIRS, [("axi4-lite", "verilator"), ("wishbone", "icarus")], NEEDS)
)
def test_a_core_on_a_bus_gives_what_the_model_gives(vo2: Circuit, bus: str, simulator: str) -> None:
    built = lif_params(vo2, "hold", count=5, **SPREAD)
    params = lif_params(vo2, "hold", count=5, seed=3, **SPREAD)
    drive = lif_drive(params, 12, seed=2)
    case = CoreCase(bus=bus, neuron=neuron("lif"), built=built, params=params, lanes=2, drive_raw=drive)
    assert any(word >> 30 == 1 for word in case.expected())
    verify(case, simulator).check()
