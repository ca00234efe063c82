from __future__ import annotations

import gc

import numpy as np
import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.relaxation_oscillator import (
    RelaxationOscillatorBitTrue,
    RelaxationOscillatorParams,
)
from neuristor.hdl.neurons.relaxation_oscillator import RelaxationOscillatorArray
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.engines.interpreted import InterpretedModel
from tests.hdl.neurons.test_lif import STALLS, pattern
from tests.samples.relaxation_oscillator import OSCILLATOR_VARIANTS, oscillator_drive, oscillator_params

COUPLED = [name for name, variant in OSCILLATOR_VARIANTS.items() if "coupling" in variant]


def first_difference(
    params: RelaxationOscillatorParams,
    lanes: int,
    drive: np.ndarray,
    stalls: tuple[float, float] = (1.0, 1.0),
    reset_at: int | None = None,
) -> str | None:
    """Where the circuit parts from the bit-true model, in any state bit, or None."""
    array = RelaxationOscillatorArray(params, lanes)
    expected = RelaxationOscillatorBitTrue(params).run(drive)
    rows, cycles = InterpretedModel(array).exchange(
        pack_drive(params, lanes, drive),
        len(drive) * array.rows,
        valid_pattern=pattern(stalls[0], 1),
        ready_pattern=pattern(stalls[1], 2),
        reset_at=reset_at,
    )
    got = unpack_output(params, lanes, rows)
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        if not np.array_equal(values, got[name]):
            return f"{name} at (tick, neuron) {np.argwhere(values != got[name])[0].tolist()}"
    if stalls == (1.0, 1.0) and reset_at is None:
        ticks = (len(drive) - 1) * array.cycles_per_tick
        assert cycles == array.cycles_after_reset + ticks + array.rows + array.latency
    return None


@pytest.mark.few(6)
@pytest.mark.parametrize("variant", OSCILLATOR_VARIANTS)
def test_oscillator_array_matches_bit_true_model(oscillator: Circuit, variant: str) -> None:
    params = oscillator_params(oscillator, variant, count=6)
    drive = oscillator_drive(params, 250, seed=11)
    assert RelaxationOscillatorBitTrue(params).run(drive)["spike"].sum() >= 4
    assert first_difference(params, 3, drive) is None


@pytest.mark.few(5)
@pytest.mark.parametrize("stalls", STALLS)
@pytest.mark.parametrize("variant", ["all", "resistor ring", "capacitors"])
def test_oscillator_array_matches_bit_true_model_under_stalls(oscillator: Circuit, variant: str, stalls: str) -> None:
    params = oscillator_params(oscillator, variant, count=10)
    drive = oscillator_drive(params, 60, seed=12)
    for lanes in (1, 4):
        assert first_difference(params, lanes, drive, STALLS[stalls]) is None


@pytest.mark.few(4)
@pytest.mark.parametrize("variant", ["all", *COUPLED])
@pytest.mark.parametrize("count", [3, 7])
def test_oscillator_array_matches_bit_true_model_for_any_number_of_lanes(
    oscillator: Circuit, variant: str, count: int
) -> None:
    params = oscillator_params(oscillator, variant, count=count)
    drive = oscillator_drive(params, 60, seed=count)
    for lanes in range(1, count + 1):
        assert first_difference(params, lanes, drive) is None


@pytest.mark.few(5)
@pytest.mark.parametrize(("topology", "columns"), [("grid", 4), ("torus", 4), ("ring", 0)])
@pytest.mark.parametrize("lanes", [1, 3, 4, 5, 12])
def test_neighbours_of_a_lattice_are_found(oscillator: Circuit, topology: str, columns: int, lanes: int) -> None:
    params = oscillator_params(oscillator, "resistors", count=12, topology=topology, columns=columns)
    assert first_difference(params, lanes, oscillator_drive(params, 30, seed=3)) is None


@pytest.mark.few(6)
@pytest.mark.parametrize("variant", ["all", "resistor ring", "capacitors"])
@pytest.mark.parametrize("reset_at", [3, 101, 102, 103, 104, 105, 106, 107, 108, 109])
def test_reset_in_mid_run_leaves_nothing_behind(oscillator: Circuit, variant: str, reset_at: int) -> None:
    params = oscillator_params(oscillator, variant, count=5)
    assert first_difference(params, 2, oscillator_drive(params, 40, seed=13), reset_at=reset_at) is None


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_lanes_are_checked(oscillator: Circuit) -> None:
    params = oscillator_params(oscillator, "plain", count=4)
    for lanes in (0, 5):
        with pytest.raises(ValueError, match=f"lanes must be an integer between 1 and 4, not {lanes}"):
            RelaxationOscillatorArray(params, lanes)
    gc.collect()
