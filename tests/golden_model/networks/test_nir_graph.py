"""NIR: graphs of other tools load, mean what NIR says, and come back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from neuristor.golden_model.networks.nir_graph import from_nir, read, to_nir, write
from neuristor.golden_model.networks.snn import INPUT, SnnBitTrue, SnnReference, Words, quantized
from neuristor.golden_model.networks.synapses import Convolution

DATA = Path(__file__).parents[2] / "data" / "nir"
FILES = {
    "lif_norse": (1e-4, False),
    "two_lif_neurons": (1e-3, False),
    "braille_noDelay_bias_zero": (1e-4, False),
    "braille_noDelay_noBias_subtract": (1e-4, True),
    "cnn_sinabs": (1.0, False),
}


def opened(name: str) -> Any:
    dt, subtract = FILES[name]
    return read(DATA / f"{name}.nir", dt, reset="subtract" if subtract else "to_value")


def spikes_of(network: Any, ticks: int = 30, seed: int = 0) -> Any:
    return (np.random.default_rng(seed).random((ticks, 2, network.inputs)) < 0.3).astype(int)


@pytest.mark.parametrize("name", FILES)
def test_files_of_other_tools_come_back_with_the_same_spikes(name: str, tmp_path: Path) -> None:
    network = opened(name).network
    write(tmp_path / "again.nir", network)
    again = read(tmp_path / "again.nir", FILES[name][0], reset=None)
    assert again.metadata["dt"] == FILES[name][0]
    spikes = spikes_of(network)
    for a, b in zip(SnnReference(network, 2).run(spikes), SnnReference(again.network, 2).run(spikes), strict=True):
        assert (a == b).all()


def simulated(name: str, spikes: Any) -> dict[str, Any]:
    """The equations of NIR, node by node, straight from the file: no code of ours. Counts of spikes of each neuron."""
    dt, subtract = FILES[name]
    graph = nir.read(DATA / f"{name}.nir")
    nodes = graph.nodes
    neurons = {n: node for n, node in nodes.items() if hasattr(node, "v_threshold")}
    state = {n: np.zeros(node.r.shape) for n, node in neurons.items()}
    current = {n: np.zeros(node.r.shape) for n, node in neurons.items()}
    before = {n: np.zeros(node.r.shape) for n, node in neurons.items()}
    counts = {n: np.zeros(node.r.shape) for n, node in neurons.items()}
    for row in spikes:
        begin = next(n for n, node in nodes.items() if type(node).__name__ == "Input")
        done: dict[str, Any] = {begin: row.reshape(nodes[begin].input_type["input"])}

        def value(n: str, row_of: dict[str, Any] = done) -> Any:
            if n in row_of:
                return row_of[n]
            node = nodes[n]
            given = sum(
                before[a] if a in neurons and a == n.replace("w_rec", "lif") and "w_rec" in n else value(a)
                for a, b in graph.edges
                if b == n
            )
            kind = type(node).__name__
            if kind in ("Affine", "Linear"):
                made = node.weight @ given + (node.bias if kind == "Affine" else 0.0)
            elif kind == "Conv2d":
                made = _convolved(node, given)
            elif kind == "SumPool2d":
                made = given.reshape(given.shape[0], given.shape[1] // 2, 2, given.shape[2] // 2, 2).sum(axis=(2, 4))
            elif kind == "Flatten":
                made = given.ravel()
            else:
                made = fire(n, node, given)
            row_of[n] = made
            return made

        def fire(n: str, node: Any, given: Any) -> Any:
            kind = type(node).__name__
            if kind == "CubaLIF":
                current[n] = current[n] + dt / node.tau_syn * (-current[n] + node.w_in * given)
                state[n] = state[n] + dt / node.tau_mem * (node.v_leak - state[n] + node.r * current[n])
            elif kind == "LIF":
                state[n] = state[n] + dt / node.tau * (node.v_leak - state[n] + node.r * given)
            else:
                state[n] = state[n] + dt * node.r * given
            z = state[n] > node.v_threshold
            after = state[n] - node.v_threshold if subtract else node.v_reset
            state[n] = np.where(z, after, state[n])
            counts[n] += z
            return z.astype(float)

        for n in neurons:
            value(n)
        before.update({n: done[n] for n in neurons})
    return counts


def _convolved(node: Any, picture: Any) -> Any:
    down, across = (int(n) for n in node.padding)
    padded = np.pad(picture, ((0, 0), (down, down), (across, across)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, node.weight.shape[2:], axis=(1, 2))
    windows = windows[:, :: int(node.stride[0]), :: int(node.stride[1])]
    return np.einsum("cyxhw,ochw->oyx", windows, node.weight) + node.bias[:, None, None]


@pytest.mark.parametrize("name", FILES)
def test_spikes_are_those_of_the_equations_of_nir(name: str) -> None:
    found = opened(name)
    network = found.network
    if "braille" in name:
        spikes = np.loadtxt(DATA / "braille_sample0_input_256x12.csv", delimiter=",").astype(int)
        assert found.notes == (
            "lif1.lif: its recurrent connection was given a delay of one tick, the shortest possible",
        )
    else:
        spikes = spikes_of(network, 20)[:, 0]
    expected = simulated(name, spikes)
    got = SnnReference(network).run(spikes)
    assert sum(int(counts.sum()) for counts in expected.values()) > 0
    for layer, counts in zip(network.layers, got, strict=True):
        assert (counts[:, 0].sum(axis=0) == expected[layer.name].ravel()).all(), layer.name


def test_the_convolutional_network_is_read_as_it_is() -> None:
    network = opened("cnn_sinabs").network
    shapes = {layer.name: layer.shape for layer in network.layers}
    assert shapes == {"1": (16, 16, 16), "3": (16, 16, 16), "6": (8, 8, 8), "10": (256,), "12": (10,)}
    assert [layer.name for layer in network.layers][-1] == "12"
    by_name = {layer.name: layer for layer in network.layers}
    six = by_name["6"].projections[0].synapses
    assert isinstance(six, Convolution)
    assert (six.pool, six.input_shape) == ((2, 2), (16, 16, 16))
    assert by_name["10"].projections[0].synapses.pool == (2, 2)


def test_files_become_words() -> None:
    network = opened("braille_noDelay_bias_zero").network
    spikes = spikes_of(network)
    params = quantized(network, Words(16, 30, coefficient_bits=16, level=0.01))
    found, expected = SnnBitTrue(params, 2).run(spikes), SnnReference(network, 2).run(spikes)
    for a, b in zip(found, expected, strict=True):
        assert (a["spike"] == b).all()


def lif(count: int, **changes: Any) -> Any:
    one = np.ones(count)
    return nir.LIF(
        **({"tau": 0.01 * one, "r": one, "v_leak": 0 * one, "v_threshold": one, "v_reset": 0 * one} | changes)
    )


def graph(middle: dict[str, Any], edges: list[tuple[str, str]], inputs: int = 3, outputs: int = 2) -> Any:
    nodes = {"input": nir.Input({"input": np.array([inputs])}), **middle}
    nodes["output"] = nir.Output({"output": np.array([outputs])})
    return nir.NIRGraph(nodes, edges, type_check=False)


CHAIN = [("input", "w"), ("w", "n"), ("n", "output")]


def test_delays_of_the_same_and_of_different_length() -> None:
    weight = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    edges = [("input", "d"), ("d", "w"), ("w", "n"), ("n", "output")]
    same = from_nir(graph({"d": nir.Delay(np.full(3, 2e-3)), "w": nir.Linear(weight), "n": lif(2)}, edges), 1e-3)
    assert [one.delay for one in same.network.layers[0].projections] == [2]
    unlike = from_nir(
        graph({"d": nir.Delay(np.array([0.0, 2e-3, 1.2e-3])), "w": nir.Linear(weight), "n": lif(2)}, edges), 1e-3
    )
    made = {one.delay: one.synapses.weights.tolist() for one in unlike.network.layers[0].projections}
    assert made == {0: [[1, 0, 0], [4, 0, 0]], 1: [[0, 0, 3], [0, 0, 6]], 2: [[0, 2, 0], [0, 5, 0]]}
    assert unlike.notes == ("d: delays are rounded to whole ticks of 0.001 s",)


def test_matrices_in_a_row_scales_and_biases_become_one() -> None:
    first, second = np.arange(12.0).reshape(4, 3), np.arange(8.0).reshape(2, 4)
    edges = [("input", "a"), ("a", "s"), ("s", "b"), ("b", "n"), ("n", "output")]
    nodes = {
        "a": nir.Affine(first, np.arange(4.0)),
        "s": nir.Scale(np.array([1.0, 2.0, 3.0, 4.0])),
        "b": nir.Affine(second, np.array([10.0, 20.0])),
        "n": lif(2),
    }
    layer = from_nir(graph(nodes, edges), 1e-3).network.layers[0]
    diagonal = np.diag([1.0, 2.0, 3.0, 4.0])
    assert (layer.projections[0].synapses.weights == second @ diagonal @ first).all()
    assert (layer.bias == second @ diagonal @ np.arange(4.0) + [10, 20]).all()


def test_a_graph_in_a_graph_and_two_inputs_of_a_layer() -> None:
    inner = nir.NIRGraph(
        {
            "input": nir.Input({"input": np.array([2])}),
            "lif": lif(2),
            "rec": nir.Linear(np.eye(2)),
            "output": nir.Output({"output": np.array([2])}),
        },
        [("input", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")],
    )
    nodes = {"w": nir.Linear(np.ones((2, 3))), "v": nir.Linear(2 * np.ones((2, 3))), "g": inner}
    edges = [("input", "w"), ("input", "v"), ("w", "g"), ("v", "g"), ("g", "output")]
    network = from_nir(graph(nodes, edges), 1e-3).network
    given = sorted((one.source, one.delay, float(one.synapses.weights[0, 0])) for one in network.layers[0].projections)
    assert given == [(INPUT, 0, 1.0), (INPUT, 0, 2.0), (0, 1, 1.0)]


def test_grouped_convolutions_and_averages() -> None:
    kernel = np.random.default_rng(0).normal(size=(4, 1, 3, 3))
    conv = nir.Conv2d((4, 4), kernel, 1, 1, 1, 2, np.zeros(4))
    pool = nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    shape = (4, 4, 4)
    one = np.ones(shape)
    node = nir.IF(one, one, 0 * one)
    nodes = {
        "input": nir.Input({"input": np.array([2, 8, 8])}),
        "p": pool,
        "c": conv,
        "n": node,
        "output": nir.Output({"output": np.array(shape)}),
    }
    made = from_nir(
        nir.NIRGraph(nodes, [("input", "p"), ("p", "c"), ("c", "n"), ("n", "output")], type_check=False), 1.0
    )
    synapses = made.network.layers[0].projections[0].synapses
    assert isinstance(synapses, Convolution)
    assert synapses.pool == (2, 2)
    assert (synapses.kernel[:2, 0] == kernel[:2, 0] / 4).all()
    assert (synapses.kernel[:2, 1] == 0).all()
    assert (synapses.kernel[2:, 1] == kernel[2:, 0] / 4).all()


BAD: list[tuple[Any, str]] = [
    (
        lambda: graph({"w": nir.Threshold(np.ones(3)), "n": lif(3)}, CHAIN),
        r"nodes must be of the kinds IF, LIF, .*, not Threshold \(w\)",
    ),
    (lambda: graph({"w": nir.Linear(np.full((2, 3), np.nan)), "n": lif(2)}, CHAIN), "w: weight must be finite"),
    (
        lambda: graph({"w": nir.Affine(np.ones((2, 3)), np.array([0, np.inf])), "n": lif(2)}, CHAIN),
        "w: bias must be fin",
    ),
    (lambda: graph({"w": nir.Linear(np.ones((2, 4))), "n": lif(2)}, CHAIN), "w: weights must have 3 columns, not 4"),
    (
        lambda: graph({"w": nir.Linear(np.ones((5, 3))), "n": lif(2)}, CHAIN),
        "n: its input must have the size of the layer, 2",
    ),
    (lambda: graph({"w": nir.Linear(np.ones((2, 3))), "n": lif(2)}, CHAIN[:1] + CHAIN[2:]), "n: must be reached by an"),
    (lambda: graph({"w": nir.Linear(np.ones((2, 3))), "n": lif(2)}, CHAIN[:2]), "Output must come from one layer"),
    (
        lambda: graph(
            {"w": nir.Linear(np.ones((2, 3))), "u": nir.Linear(np.eye(2)), "n": lif(2)},
            [("input", "w"), ("w", "u"), ("u", "w"), ("u", "n"), ("n", "output")],
        ),
        "a cycle must lead through neurons",
    ),
    (
        lambda: graph(
            {
                "w": nir.Linear(np.ones((2, 3))),
                "n": lif(2),
                "u": nir.Linear(np.eye(2)),
                "o": lif(2),
                "b": nir.Linear(np.eye(2)),
            },
            [("input", "w"), ("w", "n"), ("n", "u"), ("u", "o"), ("o", "b"), ("b", "n"), ("o", "output")],
        ),
        "a cycle of layers must have a delay of at least one tick: n, o",
    ),
    (
        lambda: graph({"w": nir.Linear(np.ones((2, 3))), "n": lif(2, tau=np.array([0.01, -1.0]))}, CHAIN),
        "n: tau must be",
    ),
    (
        lambda: graph({"w": nir.Linear(np.ones((2, 3))), "n": lif(2, tau=1e-4 * np.ones(2))}, CHAIN),
        "dt must be at most",
    ),
    (
        lambda: graph({"w": nir.Delay(np.full(3, 1.0)), "n": lif(3)}, CHAIN, outputs=3),
        "delay must be 0 to 63 ticks of 0.001 s",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_graphs_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_nir(make(), 1e-3)


@pytest.mark.parametrize("dt", [0.0, -1.0, math.nan])
def test_a_time_step_must_be_given(dt: float) -> None:
    with pytest.raises(ValueError, match="dt must be a positive number"):
        read(DATA / "lif_norse.nir", dt)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nir"
    with pytest.raises(ValueError, match="there is no such file"):
        read(path, 1.0)
    path.write_text("not HDF5")
    with pytest.raises(ValueError, match="must be an HDF5 file with a NIR graph; this is not HDF5"):
        read(path, 1.0)
    whole = (DATA / "lif_norse.nir").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"a\.nir"):
        read(path, 1.0)
    with h5py.File(path, "w") as file:
        file["other"] = 1
    with pytest.raises(ValueError, match="this HDF5 file has none"):
        read(path, 1.0)


def test_what_nir_lacks_is_not_written() -> None:
    network = opened("lif_norse").network
    import dataclasses

    layer = network.layers[0]
    for change, message in (({"refractory": 1e-3}, "NIR has no refractory period"), ({"strict": False}, "not '>='")):
        wrong = dataclasses.replace(layer, neurons=dataclasses.replace(layer.neurons, **change))
        with pytest.raises(ValueError, match=message):
            to_nir(dataclasses.replace(network, layers=(wrong,)))
