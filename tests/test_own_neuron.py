"""A neuron of another package: through the whole path, and broken in all ways."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuristor.sim.benches.verify import available
from tests.marks import the_rest_is_slow

OWN = Path(__file__).parents[1] / "examples" / "own_neuron"
DESIGN = OWN / "integrators.toml"


def install(folder: Path, value: str, name: str = "integrator") -> None:
    """An installed package with an entry point."""
    info = folder / "own_neuron-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-neuron\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[neuristor.neurons]\n{name} = {value}\n")


def neuristor(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line, with what is installed in a folder."""
    paths = os.pathsep.join([str(folder), str(OWN)])
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "neuristor", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": paths},
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    install(tmp_path / "site", "own_neuron.circuit:INTEGRATOR")
    return tmp_path / "site"


def test_it_is_simulated_generated_and_listed(installed: Path, tmp_path: Path) -> None:
    done = neuristor(installed, "simulate", DESIGN)
    assert done.returncode == 0, done.stderr
    assert "integrator" in done.stdout
    assert "its bound" in done.stdout
    done = neuristor(installed, "generate", DESIGN, "--out", tmp_path / "own.v")
    assert done.returncode == 0, done.stderr
    assert "8 integrator neurons on 3 lanes" in (tmp_path / "own.v").read_text()
    done = neuristor(installed, "keys")
    assert done.returncode == 0, done.stderr
    assert "leak_shift" in done.stdout


@pytest.mark.extended
@pytest.mark.skipif(not available("verilator"), reason="verilator is not installed")
def test_it_is_verified(installed: Path) -> None:
    done = neuristor(installed, "verify", DESIGN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equal in every state bit") == 2  # cocotb and the compiled model


@pytest.mark.extended
def test_it_is_proved(installed: Path) -> None:
    done = neuristor(installed, "prove", DESIGN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "false" not in done.stdout
    assert "no answer" not in done.stdout


BROKEN = {
    "cannot be loaded: No module named 'nowhere'": ("", "nowhere:X"),
    "cannot be loaded: NeuronModel.__init__() missing 1 required keyword-only argument: 'rate'": (
        "del parts['rate']\nX = Neuron(model=NeuronModel(**parts), array=INTEGRATOR.array)\n",
        "broken:X",
    ),
    "cannot be loaded: window must be callable, not 3": (
        "X = Neuron(model=NeuronModel(**parts | {'window': 3}), array=INTEGRATOR.array)\n",
        "broken:X",
    ),
    "cannot be loaded: bit_true must be a subclass of BitTrueModel, not <class 'int'>": (
        "X = Neuron(model=NeuronModel(**parts | {'bit_true': int}), array=INTEGRATOR.array)\n",
        "broken:X",
    ),
    "must be a neuristor.hdl.neurons.Neuron, not NeuronModel": ("X = INTEGRATOR.model\n", "broken:X"),
    "must have the name of its model, 'another'": (
        "X = Neuron(model=NeuronModel(**parts | {'name': 'another'}), array=INTEGRATOR.array)\n",
        "broken:X",
    ),
}


@pytest.mark.parametrize("message", the_rest_is_slow(BROKEN, list(BROKEN)[:1], extended=list(BROKEN)[1:5:2]))
def test_a_broken_contract_is_one_sentence_with_the_entry_point(tmp_path: Path, message: str) -> None:
    code, value = BROKEN[message]
    site = tmp_path / "site"
    install(site, value)
    head = (
        "from dataclasses import fields\n"
        "from neuristor.golden_model.neurons.contract import NeuronModel\n"
        "from neuristor.hdl.neurons import Neuron\n"
        "from own_neuron.circuit import INTEGRATOR\n"
        "parts = {each.name: getattr(INTEGRATOR.model, each.name) for each in fields(NeuronModel)}\n"
    )
    (site / "broken.py").write_text(head + code)
    done = neuristor(site, "generate", DESIGN, "--out", tmp_path / "x.v")
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert f"[neuron] entry point integrator = {value} of the package own-neuron {message}" in line
    assert not (tmp_path / "x.v").exists()
    listed = neuristor(site, "keys")
    assert listed.returncode == 2
    assert message in listed.stderr
    # What does not use it does not suffer from it.
    assert neuristor(site, "boards").returncode == 0


def test_a_name_of_ours_is_refused(tmp_path: Path) -> None:
    install(tmp_path / "site", "own_neuron.circuit:INTEGRATOR", "lif")
    example = OWN.parent / "ag_hfo2_lif.toml"
    done = neuristor(tmp_path / "site", "generate", example, "--out", tmp_path / "x.v")
    assert done.returncode == 2
    assert "must have another name: Neuristor has a neuron 'lif'" in done.stderr
