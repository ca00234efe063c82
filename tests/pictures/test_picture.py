from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import neuristor as nr
from neuristor.pictures.devices import device_picture
from neuristor.pictures.files import ENDINGS, content
from neuristor.pictures.picture import Axis, Guide, Panel, Picture, Region, Series, Text, thinned
from neuristor.pictures.runs import phase_errors, run_pictures
from neuristor.pictures.screen import figure

MAGIC = {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG", ".html": b"<!doctype html>", ".npz": b"PK"}


@pytest.fixture(scope="module")
def run() -> nr.Run:
    circuit = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    return nr.run(nr.neurons(circuit, count=3, variability={"threshold_d2d": 0.01, "seed": 1}), ticks=8000)


@pytest.fixture(scope="module")
def pictures(run: nr.Run) -> dict[str, Picture]:
    return {each.name: each for each in run_pictures(run.neurons, run.simulation)}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_picture_gives_the_same_bytes_in_every_format(ending: str, pictures: dict[str, Picture]) -> None:
    picture = pictures["waveforms"]
    first = content(picture, ending)
    assert first == content(picture, ending)
    assert first.startswith(MAGIC.get(ending, b""))


def test_the_data_of_a_drawing_are_those_of_the_run(run: nr.Run, pictures: dict[str, Picture], tmp_path: Path) -> None:
    picture = pictures["waveforms"]
    at = np.round(np.asarray(picture.panels[0].series[1].x) / run.neurons.params.dt).astype(int) - 1
    assert len(at) >= 600
    assert run.spikes[: at[-1] + 1].sum(axis=0).max() >= 6  # some periods
    wanted = run.membrane[at, int(run.spikes[: at[-1] + 1].sum(axis=0).argmax())]
    picture.save(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as found:
        assert json.loads(str(found["units"]))["waveforms: bit-true: membrane"] == "V"
        assert json.loads(str(found["about"]))["sha256"] == run.neurons.digest
        assert (found["waveforms: bit-true: membrane"] == wanted).all()
        assert (found["waveforms: bit-true: emulated time"] == run.time[at]).all()
    picture.save(tmp_path / "w.parquet")
    table = pq.read_table(tmp_path / "w.parquet")
    assert table.schema.metadata[b"sha256"].decode() == run.neurons.digest
    some = table.filter((table["series"].to_numpy() == "bit-true").tolist())
    assert (some["y"].to_numpy() == wanted).all()
    assert set(some["y_unit"].to_pylist()) == {"V"}
    picture.save(tmp_path / "w.csv")
    text = (tmp_path / "w.csv").read_text("utf-8")
    assert f"# sha256: {run.neurons.digest}\n" in text
    frame = picture.to_pandas()
    assert frame.attrs["sha256"] == run.neurons.digest
    assert (frame[frame.series == "bit-true"].y.to_numpy() == wanted).all()


def test_drawings_have_fonts_inside_and_the_widths_of_a_journal(pictures: dict[str, Picture]) -> None:
    assert b"/FontFile2" in content(pictures["phase"], ".pdf")
    assert b"<text" not in content(pictures["phase"], ".svg")  # outlines
    sizes = {}
    for width in ("page", "column"):
        found = re.search(rb'width="([\d.]+)pt"', content(pictures["phase"], ".svg", width))
        assert found
        sizes[width] = float(found[1]) / 72 * 25.4
    assert sizes == pytest.approx({"page": 183, "column": 89}, rel=1e-3)
    with pytest.raises(ValueError, match="width must be page or column, not 'poster'"):
        content(pictures["phase"], ".svg", "poster")


def test_a_picture_is_drawn_on_given_axes_in_si_units(pictures: dict[str, Picture]) -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    assert pictures["waveforms"].plot(axes) is axes
    time = np.asarray(axes.get_lines()[-1].get_xdata())
    assert time.max() < 1e-3  # second, so that other data can be drawn beside it
    assert axes.get_xlabel() == "emulated time (µs)"
    with pytest.raises(ValueError, match="axes must be at most 1, one for each panel"):
        pictures["waveforms"].plot(Figure().subplots(1, 2))


def test_phase_errors_are_those_of_shifted_and_of_slower_spikes() -> None:
    exact = np.arange(1, 11) * 1e-6
    shifted, slower, more = exact + 0.1e-6, exact * 1.01, np.sort(np.append(exact, 0.5e-6))
    (_, same), (_, late), (when, slow), (_, ahead) = phase_errors([exact, shifted, slower, more], [exact] * 4)
    assert np.abs(same).max() < 1e-9
    assert np.allclose(late, -36)
    assert np.allclose(slow, -360 * 0.01 * when / 1.01 / 1e-6)
    assert np.allclose(ahead, 360)
    assert [len(each) for each in phase_errors([exact], [exact[:1]])[0]] == [0, 0]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 1999, 2001, 4000, 100_003])
def test_thinned_curves_keep_their_ends_and_their_peaks(count: int) -> None:
    y = np.random.default_rng(count).standard_normal(count)
    kept = thinned(y)
    assert len(kept) <= 2 * 2000 + 4
    assert (np.diff(kept) > 0).all()
    if count:
        assert kept[0] == 0
        assert kept[-1] == count - 1
        assert y[kept].max() == y.max()
        assert y[kept].min() == y.min()


def test_hostile_names_stay_text() -> None:
    name = "</script><script>alert(1)</script>"
    series = [Series(name, [0.0, 1.0], [1.0, 2.0]), Series("b", [0.0], [1.0])]
    panel = Panel(
        name, Axis(name, "V"), Axis(name), series, [Guide("x", 0.5, name)], [Region(0, 1, name)], [Text(0, 1, name)]
    )
    made = content(Picture("p", name, name, [panel], name, about={"design": name}), ".html").decode()
    body = made[made.index("<body>") :]
    assert "<script>alert" not in body
    assert "alert(1)" in body
    for ending in (".svg", ".pdf", ".png", ".csv", ".npz", ".parquet"):
        assert content(Picture("p", name, name, [panel], name, about={"design": name}), ending)


def test_numbers_that_are_not_finite_do_not_break_a_page() -> None:
    panel = Panel("", Axis("x", "s"), Axis("y", "V"), [Series("a", [0.0, 1.0, 2.0], [np.nan, np.inf, 1.0])])
    assert json.loads(json.dumps(figure(panel), allow_nan=False))["data"]
    for ending in ENDINGS:
        assert content(Picture("p", "t", "c", [panel]), ending)


def test_pictures_of_devices_have_the_catalogues_numbers() -> None:
    picture = device_picture("vo2-onn")
    guides = {guide.label: guide.value for guide in picture.panels[0].guides}
    assert guides == {"V_th": 1.99, "V_hold": 0.99}
    point = next(each for each in picture.panels[1].series if each.name == "operating point")
    assert (list(np.ravel(point.x)), list(np.ravel(point.y))) == ([2.5], [20e3])


def test_a_notebook_shows_a_picture_as_svg(pictures: dict[str, Picture]) -> None:
    bundle: dict[str, Any] = pictures["spikes"]._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<?xml")
    assert repr(pictures["spikes"]).startswith("<picture spikes: Spikes")


def test_a_wide_unit_range_is_written_with_a_prefix() -> None:
    panel = Panel("", Axis("t", "s"), Axis("r", "ohm"), [Series("", [0.0, 2e-9], [0.0, 4e6])])
    axes = Picture("p", "t", "c", [panel]).plot()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("t (ns)", "r (MΩ)")
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="png")
