from __future__ import annotations

import gc
import inspect
from types import ModuleType

import numpy as np
import pytest

import neuristor.hdl.array
import neuristor.hdl.neurons.lif
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons.lif import LifBitTrue, LifParams
from neuristor.hdl.neurons.lif import LifArray
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.engines.interpreted import InterpretedModel
from tests.samples.lif import LIF_VARIANTS, lif_drive, lif_params

STALLS = {"none": (1.0, 1.0), "input": (0.4, 1.0), "output": (1.0, 0.4), "both": (0.6, 0.5), "rare": (0.97, 0.96)}


def pattern(probability: float, seed: int) -> np.ndarray:
    made = (np.random.default_rng(seed).random(977) < probability).astype(np.uint8)
    made[0] = 1
    return made


def first_difference(
    params: LifParams,
    array: neuristor.hdl.array.NeuronArray,
    drive: np.ndarray,
    stalls: tuple[float, float] = (1.0, 1.0),
    reset_at: int | None = None,
) -> str | None:
    """Where the circuit parts from the bit-true model, in any state bit, or None."""
    expected = LifBitTrue(params).run(drive)
    rows, cycles = InterpretedModel(array).exchange(
        pack_drive(params, array.lanes, drive),
        len(drive) * array.rows,
        valid_pattern=pattern(stalls[0], 1),
        ready_pattern=pattern(stalls[1], 2),
        reset_at=reset_at,
    )
    got = unpack_output(params, array.lanes, rows)
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        if not np.array_equal(values, got[name]):
            return f"{name} at (tick, neuron) {np.argwhere(values != got[name])[0].tolist()}"
    if stalls == (1.0, 1.0) and reset_at is None:
        assert (
            cycles == array.cycles_after_reset + (len(drive) - 1) * array.cycles_per_tick + array.rows + array.latency
        )
    return None


@pytest.mark.parametrize("variant", LIF_VARIANTS)
def test_lif_array_matches_bit_true_model(vo2: Circuit, variant: str) -> None:
    params = lif_params(vo2, variant, count=6)
    drive = lif_drive(params, 150, seed=11)
    assert LifBitTrue(params).run(drive)["spike"].sum() > 10
    assert first_difference(params, LifArray(params, 3), drive) is None


@pytest.mark.parametrize("stalls", STALLS)
def test_lif_array_matches_bit_true_model_under_stalls(vo2: Circuit, stalls: str) -> None:
    params = lif_params(vo2, "all", count=10)
    drive = lif_drive(params, 60, seed=12)
    for lanes in (1, 4):
        assert first_difference(params, LifArray(params, lanes), drive, STALLS[stalls]) is None


@pytest.mark.parametrize("count", [1, 2, 5, 13])
def test_lif_array_matches_bit_true_model_for_any_number_of_lanes(vo2: Circuit, count: int) -> None:
    params = lif_params(vo2, "all", count=count)
    drive = lif_drive(params, 60, seed=count)
    for lanes in range(1, count + 1):
        assert first_difference(params, LifArray(params, lanes), drive, (0.8, 0.8)) is None


@pytest.mark.parametrize("reset_at", [3, 30, 101, 102, 103, 104, 105, 106, 107])
def test_reset_in_mid_run_gives_the_initial_state(vo2: Circuit, reset_at: int) -> None:
    params = lif_params(vo2, "all", count=10)
    drive = lif_drive(params, 40, seed=13)
    assert first_difference(params, LifArray(params, 3), drive, (0.9, 0.9), reset_at) is None


def test_saturation_is_flagged_and_counted(vo2: Circuit) -> None:
    params = lif_params(vo2, "saturating", count=7)
    drive = lif_drive(params, 100, seed=14)
    golden = LifBitTrue(params)
    golden.run(drive)
    array = LifArray(params, 3)
    model = InterpretedModel(array)
    model.exchange(pack_drive(params, 3, drive), 100 * array.rows)
    assert golden.saturations > 5
    assert (model.status("saturated"), model.status("saturations")) == (1, golden.saturations)


def mutant(module: ModuleType, before: str, after: str) -> type[LifArray]:
    """`neuristor.hdl.neurons.lif` with one change in the source of `module`, a module it is made of."""
    made = {}
    for name in ("neuristor.hdl.array", "neuristor.hdl.neurons.lif"):
        source = inspect.getsource(inspect.importlib.import_module(name))  # type: ignore[attr-defined]
        if name == module.__name__:
            assert source.count(before) == 1, "the mutation must hit exactly one place"
            source = source.replace(before, after)
        made[name] = ModuleType(name + "_mutant")
        exec(compile(source, name, "exec"), made[name].__dict__)
        if name == "neuristor.hdl.neurons.lif":
            made[name].LifArray.__bases__ = (made["neuristor.hdl.array"].NeuronArray,)
    return made["neuristor.hdl.neurons.lif"].LifArray  # type: ignore[no-any-return]


MUTANTS = {
    "rounds down": (neuristor.hdl.neurons.lif, "round_shift(product, raw.k_shift)", "(product >> raw.k_shift)"),
    "compares with >": (neuristor.hdl.neurons.lif, "bounded >= limit", "bounded > limit"),
    "refractory one short": (neuristor.hdl.neurons.lif, ".eq(raw.refractory_ticks)", ".eq(raw.refractory_ticks - 1)"),
    "skips a lane": (neuristor.hdl.array, "eq(lane.spike & exists)", "eq(lane.spike & exists & (index != 1))"),
    "freezes a lane": (
        neuristor.hdl.array,
        "lane.drive.eq(drives[index])",
        "lane.drive.eq(drives[index] if index != 2 else 0)",
    ),
    "no idle slots": (neuristor.hdl.array, "max(self.rows, -(-(self.latency + 1) // self.interval))", "self.rows"),
    "noise on every tick": (neuristor.hdl.neurons.lif, "Mux(fires, noise.advance", "Mux(1, noise.advance"),
    "resets to zero": (neuristor.hdl.neurons.lif, "Value.cast(raw.hold_raw)", "Const(0, 1)"),
    "wrong rail": (neuristor.hdl.neurons.lif, "saturate(leaked, width)", "saturate(leaked, width - 1)"),
    "moves while stalled": (neuristor.hdl.array, "moves.eq(~self.o.valid | self.o.ready)", "moves.eq(1)"),
}


@pytest.mark.few(4)
@pytest.mark.parametrize("name", MUTANTS)
def test_broken_circuit_is_caught(vo2: Circuit, name: str) -> None:
    module, before, after = MUTANTS[name]
    broken = mutant(module, before, after)
    stalls = (0.8, 0.7)
    found = []
    for variant in ("saturating", "coarse"):
        params = lif_params(vo2, variant, count=8, threshold_d2d=0.03, refractory=3e-6)
        drive = lif_drive(params, 120, seed=15)
        assert first_difference(params, LifArray(params, 3), drive, stalls) is None
        try:
            found.append(first_difference(params, broken(params, 3), drive, stalls))
        except (TimeoutError, ValueError) as error:  # rows lost, or out of step
            found.append(str(error))
    assert any(found)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
@pytest.mark.parametrize("lanes", [0, 11, 2.0])
def test_lanes_are_checked(vo2: Circuit, lanes: int) -> None:
    with pytest.raises(ValueError, match="lanes must be an integer between 1 and 10, not"):
        LifArray(lif_params(vo2, "hold", count=10), lanes)
    gc.collect()
