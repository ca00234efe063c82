"""Every example design, from its file to the Verilog."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from neuristor.design_file import Design, load
from neuristor.golden_model.devices.catalogue import DEVICES
from neuristor.golden_model.devices.network import measure
from neuristor.golden_model.networks.associative import letters
from neuristor.golden_model.networks.order import phase_differences
from neuristor.golden_model.networks.quantization import accuracy, answers, reference_answers
from neuristor.golden_model.networks.rails import spins
from neuristor.hdl.neurons import names
from neuristor.network_file import open_network
from neuristor.sim.benches.verify import available, verify
from neuristor.steps import simulate

FILES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
NETWORKS = [path for path in FILES if "[network]" in path.read_text()]
EXAMPLES = [path for path in FILES if path not in NETWORKS]
LONG = {"vo2_neuristor": (pytest.mark.slow,), "vo2_letters": (pytest.mark.extended,)}
MAIN = "vo2_lif_digits"  # built as a whole by its own command


def test_every_class_of_device_has_an_example() -> None:
    designs = [load(path) for path in EXAMPLES]
    assert {design.device.kind for design in designs if design.device is not None} == set(DEVICES)
    assert {design.neuron.name for design in designs} == {*names(), "thermal_vo2", "mott_nbo2", "thermal_switch"}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=LONG.get(path.stem, ())) for path in EXAMPLES if path.stem != MAIN],
)
def test_example_is_close_to_the_physics(path: Path) -> None:
    design = load(path)
    simulation = simulate(design)
    spikes = {
        name: int(trace["spike"].sum())
        for name, trace in (
            ("continuous", simulation.continuous),
            ("on ticks", simulation.on_ticks),
            ("bit-true", simulation.bit_true),
        )
    }
    assert spikes["continuous"] > 170
    # The tick of the AFeFET is its pulse: between pulses there is nothing to be continuous.
    assert spikes["on ticks"] == pytest.approx(spikes["continuous"], rel=0.07 if "afefet" in path.stem else 0.01)
    assert spikes["bit-true"] == pytest.approx(spikes["on ticks"], rel=0.005)
    # The Mott device runs away within a tick, past the end of its range: once in a period.
    runaways = spikes["bit-true"] if design.neuron.name == "mott_nbo2" else 0
    assert simulation.saturations <= runaways
    assert np.abs(simulation.membrane_error).max() < simulation.bound.total


@pytest.mark.skipif(not available("compiled"), reason="no C++ compiler")
@pytest.mark.extended
@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.stem != MAIN], ids=lambda path: path.stem)
def test_verilog_of_example_equals_bit_true_model(path: Path) -> None:
    case = load(path).case
    few_lanes = replace(case, drive_raw=case.drive_raw[:2000], lanes=min(2, case.lanes))  # compiles sooner
    verdict = verify(few_lanes, "compiled")
    assert verdict.equal, verdict.reason


def locked_phases(design: Design, *, locate: bool) -> np.ndarray:
    reference = design.golden.reference(design.params, locate=locate)
    reference.run(design.params.drive.value(design.drive_raw))
    frequency, _, phase = measure(reference.switchings, design.params.count, 0.7 * reference.time)
    assert frequency.max() / frequency.min() < 1.001
    return np.asarray((phase + 180) % 360 - 180)


def test_coupled_oscillators_of_the_example_pull_into_phase() -> None:
    design = load(next(p for p in EXAMPLES if p.stem == "vo2_coupled_oscillators"))
    continuous, on_ticks = (locked_phases(design, locate=locate) for locate in (True, False))
    assert np.abs(continuous).max() < 25
    assert np.abs(continuous - on_ticks).max() < 2


def test_devices_of_the_example_recall_the_letter() -> None:
    """Two devices a pixel; the supplies of some are switched on half a period later: an A of which eight are wrong."""
    design = load(next(p for p in EXAMPLES if p.stem == "vo2_letters"))
    learnt = letters("7x6").pixels[letters("7x6").names.index("A")]
    late = np.asarray(design.stimulus.current[20, :42] < 0)
    assert np.flatnonzero(late != (learnt < 0)).size == 8
    fired = design.golden.bit_true(design.params).run(design.drive_raw)["spike"]
    times = [np.flatnonzero(each[-3000:]) for each in fired.T]
    assert abs(int(spins(phase_differences(times)) @ learnt)) == len(learnt)


def test_edges_of_a_picture_are_found(tmp_path: Path) -> None:
    pixels = np.zeros((24, 32))
    pixels[:, 15:] = 1.0
    picture, out = tmp_path / "step.png", tmp_path / "edges.png"
    matplotlib.image.imsave(picture, pixels, cmap="gray")
    script = Path(__file__).parents[2] / "examples" / "edge_detection.py"
    done = subprocess.run([sys.executable, script, picture, "--out", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert out.exists()
    # The step is seen by the columns beside it, over all 22 rows of tiles, and nothing else is.
    edges = int(done.stdout.split(": ")[1].split()[0])
    assert edges in (22, 44)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_network_knows_its_digits_in_words(path: Path) -> None:
    file = open_network(path)
    params = file.params()
    lanes, updates = file.lanes(params)
    assert len(lanes) == len(updates) == len(params.layers)
    assert file.labels is not None
    # Ideal neurons 93 %, devices 90 %: the bit-true network loses at most a point of it.
    expected = accuracy(reference_answers(file.network, file.inputs), file.labels)
    assert expected > (0.88 if file.sections.network.device else 0.92)
    assert accuracy(answers(params, file.input_words(params)), file.labels) >= expected - 0.01
