from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.neurons import kernel
from neuristor.golden_model.neurons.lif import LifBitTrue
from tests.samples.lif import LIF_VARIANTS, lif_drive, lif_params

needs_numba = pytest.mark.skipif(not kernel.available(), reason="numba is not installed")
STATE = ("membrane", "refractory", "noise")


def same_state(got: LifBitTrue, expected: LifBitTrue) -> bool:
    arrays = all(np.array_equal(getattr(got, name), getattr(expected, name)) for name in STATE)
    return arrays and got.saturations == expected.saturations


@needs_numba
@pytest.mark.parametrize("variant", LIF_VARIANTS)
def test_kernel_gives_the_trace_of_the_model_and_carries_the_state(vo2: Circuit, variant: str) -> None:
    params = lif_params(vo2, variant, count=37)
    drive = lif_drive(params, 200, seed=7)
    got, expected = LifBitTrue(params), LifBitTrue(params)
    fired = 0
    for part in (drive[:1], drive[1:120], drive[120:]):
        trace, wanted = kernel.run(got, part, keep=True), expected.run(part)
        assert trace.keys() == wanted.keys()
        for name, values in wanted.items():
            assert trace[name].dtype == values.dtype
            assert np.array_equal(trace[name], values), name
        assert same_state(got, expected)
        fired += int(wanted["spike"].sum())
    assert fired > 30
    assert (expected.saturations > 0) == ("saturating" in variant)


@needs_numba
@pytest.mark.parametrize("count", [1, 3, 1001])
def test_kernel_counts_the_spikes_of_the_model(vo2: Circuit, count: int) -> None:
    params = lif_params(vo2, "all", count=count)
    drive = lif_drive(params, 90, seed=8)
    got, expected = LifBitTrue(params), LifBitTrue(params)
    membrane = got.membrane
    assert np.array_equal(kernel.run(got, drive), expected.run(drive)["spike"].sum(axis=0))
    assert same_state(got, expected)
    assert got.membrane is membrane, "the state must move on in place"
    got.step(drive[0])
    expected.step(drive[0])
    assert same_state(got, expected)
    got.reset()
    assert same_state(got, LifBitTrue(params))


@needs_numba
def test_kernel_takes_narrow_and_strided_drives_and_no_tick(vo2: Circuit) -> None:
    params = lif_params(vo2, "noise", count=5)
    drive = lif_drive(params, 60, seed=9)
    got, expected = LifBitTrue(params), LifBitTrue(params)
    assert np.array_equal(
        kernel.run(got, drive.astype(np.int32)[::2, ::-1]), expected.run(drive[::2, ::-1])["spike"].sum(axis=0)
    )
    assert kernel.run(got, drive[:0]).tolist() == [0] * 5
    assert kernel.run(got, drive[:0], keep=True)["membrane"].shape == (0, 5)
    assert same_state(got, expected)


@needs_numba
def test_kernel_refuses_what_the_model_refuses_and_leaves_it_alone(vo2: Circuit) -> None:
    params = lif_params(vo2, "hold", count=2)
    model = LifBitTrue(params)
    with pytest.raises(OverflowError, match="drive_raw must be between -32768 and 32767"):
        kernel.run(model, np.full((3, 2), 40_000))
    with pytest.raises(ValueError, match=r"drive_raw must have shape \(ticks, 2\), not \(3, 1\)"):
        kernel.run(model, np.zeros((3, 1), dtype=np.int64))
    assert same_state(model, LifBitTrue(params))
    model.membrane = model.membrane[:1]
    with pytest.raises(ValueError, match=r"membrane must have shape \(2,\), not \(1,\)"):
        kernel.run(model, np.zeros((3, 2), dtype=np.int64))


def test_kernel_refuses_a_model_whose_step_has_another_form(vo2: Circuit) -> None:
    class Strange(LifBitTrue):
        tick = staticmethod(lambda raw, threshold_raw, membrane, drive_raw: None)

    strange = Strange(lif_params(vo2, "hold", count=1))
    with pytest.raises(TypeError, match=r"tick must be step\(raw, STATE..., PARAMETERS..., drive_raw\), not raw, thr"):
        kernel.run(strange, np.zeros((1, 1), dtype=np.int64))


def test_missing_numba_is_said_aloud(vo2: Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    params = lif_params(vo2, "hold", count=2, coefficient_bits=9)  # not compiled by another test
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"the compiled kernel needs numba: pip install neuristor\[fast\]"):
        kernel.run(LifBitTrue(params), np.zeros((1, 2), dtype=np.int64))


def test_golden_model_does_not_import_numba() -> None:
    code = "import sys; from neuristor.golden_model.neurons import kernel, lif; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
