"""Results draw themselves with one call, and become tables of pandas and datasets of xarray."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuristor as nr
from neuristor import progress

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def circuit() -> nr.Circuit:
    return nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)


@pytest.fixture(scope="module")
def run(circuit: nr.Circuit) -> nr.Run:
    spread = {"threshold_d2d": 0.01, "seed": 2}
    return nr.run(nr.neurons(circuit, count=3, dt=80e-9, variability=spread), ticks=600)


def test_everything_draws_itself_with_one_call(circuit: nr.Circuit, run: nr.Run, tmp_path: Path) -> None:
    compared = nr.compare(run.neurons, points=2)
    two = nr.run(nr.oscillators([[0, 3], [3, 0]]), periods=4)
    spiking = nr.run(nr.network(EXAMPLES / "snn_digits.toml"), runs=2)
    for shown in (nr.device("vo2-onn"), nr.device("hzo-afefet"), circuit, run, compared, two, spiking):
        assert shown.plot() is not None
        shown.picture().save(tmp_path / "picture.png", force=True)
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert run.neurons.plot() is not None
    own = nr.device(r_ins=100e3, r_met=1e3, v_th=2.0, v_hold=1.0)
    assert len(own.plot()) == 2


def test_a_picture_that_is_not_there_is_a_sentence(run: nr.Run) -> None:
    with pytest.raises(ValueError, match="there is no picture 'wave'; there are waveforms, phase, spikes"):
        run.plot("wave")
    pulsed = nr.device("hzo-afefet", p_max=0.21)
    with pytest.raises(ValueError, match="is driven by pulses, and has no I-V curve"):
        pulsed.plot()


def test_a_run_is_a_table_of_pandas(run: nr.Run) -> None:
    table = run.to_pandas()
    assert len(table) == run.spikes.size
    assert (table.membrane.to_numpy().reshape(run.membrane.shape) == run.membrane).all()
    assert (table.pivot(index="time", columns="neuron", values="spike").to_numpy() == run.spikes).all()
    assert table.attrs["units"]["membrane"] == "V"
    assert table.attrs["sha256"] == run.neurons.digest
    assert table.groupby("neuron").parameter_v_th.nunique().max() == 1


def test_a_run_is_a_dataset_of_xarray(run: nr.Run) -> None:
    found = run.to_xarray()
    assert found.membrane.dims == ("time", "neuron")
    assert (found.membrane.values == run.membrane).all()
    assert found.membrane.attrs["units"] == found.parameter_v_th.attrs["units"] == "V"
    assert found.time.attrs["units"] == "s"
    assert found.attrs["design"] == "neurons"
    assert float(found.membrane.sel(neuron=1).max()) == run.membrane[:, 1].max()


def test_a_comparison_is_a_table_with_its_errors(run: nr.Run) -> None:
    compared = nr.compare(run.neurons, points=2)
    table = compared.to_pandas()
    parts = table.error_time_step + table.error_coefficients + table.error_word_length
    assert np.allclose(parts, table.error_all)
    assert np.abs(table.error_all).max() == compared.worst
    assert table.attrs["units"]["rate_bit_true"] == "Hz"


def test_what_is_not_installed_is_named(run: nr.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"xarray is not installed: pip install 'neuristor\[notebook\]'"):
        run.to_xarray()


def test_progress_is_shown_to_those_who_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    for screen, wanted in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", screen)
        with progress.counting("operations") as say:
            for n in range(5):
                say(n, 4)
        with progress.lines("compare") as note:
            note("words")
        assert ("operations" in screen.getvalue()) is wanted
        assert ("compare: words" in screen.getvalue()) is wanted


def test_progress_of_a_comparison_can_be_taken_over(run: nr.Run) -> None:
    said: list[Any] = []
    nr.compare(run.neurons, points=2, progress=said.append)
    assert said
