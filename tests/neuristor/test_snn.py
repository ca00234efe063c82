"""``neuristor snn``: as a user runs it, with good and with bad input."""

from __future__ import annotations

import json
from pathlib import Path

import nir
import numpy as np
import pytest

from neuristor.golden_model.networks.snn import RESETS, SnnReference
from neuristor.network_file import open_network
from neuristor.sim.benches.verify import available
from tests.neuristor.test_cli import neuristor

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A small network of its own, with data."""
    rng = np.random.default_rng(0)
    one = np.ones(6)
    lif = nir.LIF(tau=0.016 * one, r=16 * one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)
    nodes = {
        "input": nir.Input({"input": np.array([9])}),
        "w": nir.Linear(rng.normal(0.2, 0.4, (6, 9))),
        "lif": lif,
        "output": nir.Output({"output": np.array([6])}),
    }
    nir.write(tmp_path / "a.nir", nir.NIRGraph(nodes, [("input", "w"), ("w", "lif"), ("lif", "output")]))
    np.savez(tmp_path / "data.npz", inputs=rng.integers(0, 2, (10, 5, 9)), labels=rng.integers(0, 6, 5))
    path = tmp_path / "a.toml"
    path.write_text(
        '[network]\nfile = "a.nir"\ndt = 1e-3\n[data]\nsource = "data.npz"\n[words]\nweight_bits = 4\n'
        "membrane_bits = 8\n[fpga]\nlanes = 3\n"
    )
    return path


def test_a_file_is_shown() -> None:
    done = neuristor("snn", "show", EXAMPLES / "digits.nir", "--dt", 1e-3)
    assert done.returncode == 0, done.stderr
    assert [word for word in ("lif1", "64", "4,096", "dense") if word not in done.stdout] == []


def test_keys_are_listed() -> None:
    done = neuristor("snn", "keys")
    assert done.returncode == 0
    assert "weight_bits" in done.stdout
    assert "1 to 16" in done.stdout


def test_what_fixed_point_changes_is_told(network: Path) -> None:
    done = neuristor("snn", "compare", network)
    assert done.returncode == 0, done.stderr
    assert "accuracy over 5 runs" in done.stdout


def test_accuracy_is_told_and_drawn(network: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    done = neuristor("snn", "accuracy", network, "--plot", target)
    assert done.returncode == 0, done.stderr
    assert target.read_text().startswith("<?xml")
    assert neuristor("snn", "accuracy", network, "--plot", target).returncode == 2
    varied = neuristor("snn", "accuracy", network, "--spread", "--seeds", 2)
    assert varied.returncode == 0, varied.stderr
    assert "20%" in varied.stdout


def test_verilog_is_the_same_twice(network: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        done = neuristor("snn", "generate", network, "--out", tmp_path / f"{name}.v")
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.v").read_bytes() == (tmp_path / "two.v").read_bytes()
    manifest = json.loads((tmp_path / "one.json").read_text())
    assert manifest["layers"][0]["neurons"] == 6
    assert manifest["sha256"] in (tmp_path / "one.v").read_text()
    assert "module a(" in (tmp_path / "one.v").read_text()


@pytest.mark.skipif(not available("icarus"), reason="no Icarus Verilog")
def test_the_network_is_verified(network: Path) -> None:
    done = neuristor("snn", "verify", network, "--simulator", "icarus", "--runs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal in every state bit, 6 neurons, 2 runs of 10 ticks" in done.stdout


def test_the_network_goes_back_to_nir(network: Path, tmp_path: Path) -> None:
    for name, more in (("plain", ()), ("rounded", ("--rounded",))):
        done = neuristor("snn", "export", network, "--out", tmp_path / f"{name}.nir", *more)
        assert done.returncode == 0, done.stderr
    plain, rounded = (nir.read(tmp_path / f"{n}.nir").nodes["lif_0_weights"].weight for n in ("plain", "rounded"))
    assert (plain == nir.read(tmp_path / "a.nir").nodes["w"].weight).all()
    assert len(np.unique(rounded)) <= 16
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a.nir",
        "a.toml",
        "data.npz",
        "plain.nir",
        "rounded.nir",
    ]


def test_currents_and_events_are_heard(network: Path, tmp_path: Path) -> None:
    text = network.read_text()
    network.write_text(text.replace("dt = 1e-3", "dt = 1e-3\ncurrents = true"))
    rows = np.random.default_rng(1).random((20, 9))
    np.savetxt(tmp_path / "currents.csv", rows, delimiter=",")
    network.write_text(network.read_text().replace("data.npz", "currents.csv"))
    done = neuristor("snn", "compare", network)
    assert done.returncode == 0, done.stderr
    assert "lif" in done.stdout


BAD = [
    ("dt = 1e-3", "", "[network] dt is missing"),
    ("dt = 1e-3", "dt = 0.0", "[network] dt must be time step (tick) in second, above 0"),
    ("dt = 1e-3", "dt = 1.0", "dt must be at most tau (0.016 s), not 1 s"),
    ("dt = 1e-3", "dt = 1e-3\nstep = 1", "unknown key 'step'"),
    ("a.nir", "b.nir", "there is no such file"),
    ("a.nir", "data.npz", "must be an HDF5 file with a NIR graph; this is not HDF5"),
    ("data.npz", "none.npz", "there is no such file"),
    ("data.npz", "a.nir", "cannot be read as text"),
    ("data.npz", "digits", "source must have the network's 9 inputs, not 64"),
    ("dt = 1e-3", 'dt = 1e-3\nreset = "zero"', "[network] reset must be one of to_value, to_value_late, subtract,"),
    ("dt = 1e-3", 'dt = 1e-3\nreset = ["none", "none"]', "reset must be one rule, or 1, one for each layer, not 2"),
    ("weight_bits = 4", "weight_bits = 17", "weight_bits must be an integer between 1 and 16"),
    ("weight_bits = 4", "weight_bits = [4, 4]", "weight_bits must be a number, or 1, one for each layer, not 2"),
    ("lanes = 3", "lanes = 4", "lanes must be a divisor of the 6 neurons of lif, not 4"),
    ("[fpga]", "[chip]", "unknown section 'chip'"),
    ("[network]", "[neuron]", "this is an array of neurons; a spiking network has a section [network]"),
    ("[network]", "network", "not a TOML file"),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    old: str, new: str, message: str, network: Path, tmp_path: Path
) -> None:
    network.write_text(network.read_text().replace(old, new))
    before = sorted(tmp_path.iterdir())
    done = neuristor("snn", "generate", network, "--out", tmp_path / "a.v")
    assert done.returncode == 2
    assert message in done.stderr
    assert str(network) in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_spikes_that_are_none_are_refused(network: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.full((3, 1, 9), 2))
    done = neuristor("snn", "generate", network, "--out", tmp_path / "a.v")
    assert done.returncode == 2
    assert "tick 0, run 0, input 0 must be 0 or 1, not 2" in done.stderr
    (tmp_path / "data.npz").write_bytes(b"PK")
    done = neuristor("snn", "generate", network, "--out", tmp_path / "a.v")
    assert done.returncode == 2
    assert "cannot be read as an NPZ file" in done.stderr


def test_what_fixed_point_does_not_allow_is_shown(network: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    assert "not in fixed point" not in neuristor("snn", "show", path, "--dt", 1e-3).stdout
    graph = nir.read(path)
    graph.nodes["lif"].tau[0] = 0.02
    nir.write(path, graph)
    done = neuristor("snn", "show", path, "--dt", 1e-3)
    assert done.returncode == 0
    wanted = "lif: tau must be the same for all neurons in fixed point, not 0.016 to 0.02 s"
    assert f"not in fixed point: {wanted}" in done.stdout
    assert wanted in neuristor("snn", "compare", network).stderr


@pytest.mark.parametrize("command", ["compare", "generate", "export"])
def test_a_time_step_other_than_that_of_the_file_is_told(command: str, network: Path, tmp_path: Path) -> None:
    network.write_text(network.read_text().replace("dt = 1e-3", "dt = 2e-3"))
    more = {"compare": [], "generate": ["--out", tmp_path / "a.v"], "export": ["--out", tmp_path / "b.nir"]}[command]
    done = neuristor("snn", command, network, *more)
    assert done.returncode == 0, done.stderr
    assert "assumed: r dt / tau is 2 in every layer; it is 1 with dt = 0.001 s" in done.stdout


def test_the_reset_of_a_network_file_goes_into_the_nir_file(network: Path, tmp_path: Path) -> None:
    counts = {}
    for rule in RESETS:
        path = tmp_path / f"{rule}.toml"
        path.write_text(network.read_text().replace("dt = 1e-3", f'dt = 1e-3\nreset = ["{rule}"]'))
        file = open_network(path)
        assert [layer.neurons.reset_rule for layer in file.network.layers] == [rule]
        counts[rule] = int(SnnReference(file.network, 5).run(file.inputs)[-1].sum())
    assert counts["to_value_late"] < counts["to_value"] < counts["none"]
    done = neuristor("snn", "export", tmp_path / "subtract_late.toml", "--out", tmp_path / "b.nir")
    assert done.returncode == 0, done.stderr
    shown = neuristor("snn", "show", tmp_path / "b.nir", "--dt", 1e-3).stdout
    assert "LIF, subtract_late" in shown
    # Without a rule, that of the file.
    network.write_text(network.read_text().replace("a.nir", "b.nir"))
    assert open_network(network).network.layers[0].neurons.reset_rule == "subtract_late"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_inputs_as_other_programs_write_them(network: Path, delimiter: str, codec: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(1).integers(0, 2, (20, 9))
    (tmp_path / "in.csv").write_bytes("\r\n".join(delimiter.join(map(str, row)) for row in rows).encode(codec))
    network.write_text(network.read_text().replace("data.npz", "in.csv"))
    assert (open_network(network).inputs[:, 0] == rows).all()
