"""Kinds of NIR graphs, several members each: written to a file, read, and the same spikes as NIR's equations."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest

from neuristor.golden_model.networks.nir_graph import from_nir, read, to_nir, write
from neuristor.golden_model.networks.snn import (
    INPUT,
    RESETS,
    Layer,
    Network,
    Neurons,
    Projection,
    SnnBitTrue,
    SnnReference,
    Words,
    dequantized,
    quantized,
)
from neuristor.golden_model.networks.synapses import Convolution, Dense
from tests.golden_model.networks.nir_judge import spikes_of_graph

DT = 1e-3
RNG = np.random.default_rng(5)


def lif(*shape: int, threshold: float = 0.5) -> Any:
    one = np.ones(shape)
    return nir.LIF(tau=0.008 * one, r=4 * one, v_leak=0 * one, v_threshold=threshold * one, v_reset=0 * one)


def conv(
    shape: tuple[int, int] | None, outs: int, ins: int, size: tuple[int, int], stride: Any = 1, padding: Any = 0,
    groups: int = 1, bias: bool = False, mean: float = 0.2,
) -> Any:  # fmt: skip
    weight = RNG.normal(mean, 0.5, (outs, ins // groups, *size))
    return nir.Conv2d(shape, weight, stride, padding, 1, groups, RNG.normal(0, 0.1, outs) if bias else np.zeros(outs))


def conv1d(length: int, outs: int, ins: int, size: int, stride: int = 1, padding: Any = 0, groups: int = 1) -> Any:
    weight = RNG.normal(0.3, 0.5, (outs, ins // groups, size))
    return nir.Conv1d(length, weight, stride, padding, 1, groups, RNG.normal(0, 0.1, outs))


def pool(kind: Any, size: Any, stride: Any = None, padding: Any = 0) -> Any:
    stride = size if stride is None else stride
    return kind(*(np.array(np.broadcast_to(n, 2)) for n in (size, stride, padding)))


def chain(first: tuple[int, ...], *nodes: Any) -> Any:
    """A graph of nodes in a row; the last ones are neurons."""
    named = {f"n{k}": node for k, node in enumerate(nodes)}
    names = ["input", *named, "output"]
    ends = {
        "input": nir.Input({"input": np.array(first)}),
        "output": nir.Output({"output": np.array(nodes[-1].r.shape)}),
    }
    return graph(ends | named, list(pairwise(names)))


def graph(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Any:
    return nir.NIRGraph(nodes, edges, type_check=False)


def agrees(made: Any, ticks: int = 40) -> Network:
    """Convert a graph, and compare its spikes with the judge's, in float and in fixed point."""
    network = from_nir(made, DT).network
    spikes = (np.random.default_rng(1).random((ticks, network.inputs)) < 0.3).astype(int)
    expected = spikes_of_graph(made, spikes, DT)
    assert 0 < expected.sum() < expected.size
    assert (SnnReference(network).run(spikes)[-1][:, 0] == expected).all()
    params = quantized(network, Words(16, 30, coefficient_bits=16, level=0.02))
    rounded = SnnReference(dequantized(network, params)).run(spikes)[-1][:, 0]
    assert (SnnBitTrue(params).run(spikes)[-1]["spike"][:, 0] == rounded).all()
    # And back to NIR: the same network.
    again = SnnReference(from_nir(to_nir(network), DT).network).run(spikes)[-1][:, 0]
    assert (again == expected).all()
    return network


KERNELS = {
    "two groups": ((2, 8, 8), conv((8, 8), 4, 2, (3, 3), groups=2), lif(4, 6, 6)),
    "depthwise": ((3, 6, 6), conv((6, 6), 3, 3, (3, 3), padding=1, groups=3, bias=True), lif(3, 6, 6)),
    "four groups of two": ((8, 5, 5), conv((5, 5), 12, 8, (3, 3), groups=4), lif(12, 3, 3)),
    "groups and stride": ((4, 9, 7), conv((9, 7), 6, 4, (3, 3), stride=(2, 1), groups=2), lif(6, 4, 5)),
    "3 x 2": ((1, 6, 7), conv((6, 7), 4, 1, (3, 2)), lif(4, 4, 6)),
    "1 x 5": ((2, 4, 9), conv((4, 9), 3, 2, (1, 5), bias=True), lif(3, 4, 5)),
    "5 x 1, stride": ((2, 9, 4), conv((9, 4), 3, 2, (5, 1), stride=(2, 3)), lif(3, 3, 2)),
    "2 x 4, padding": ((2, 5, 6), conv((5, 6), 3, 2, (2, 4), padding=(1, 2)), lif(3, 6, 7)),
    "3 x 5, same": ((2, 5, 6), conv((5, 6), 3, 2, (3, 5), padding="same"), lif(3, 5, 6)),
    "groups, 2 x 3": ((2, 5, 6), conv((5, 6), 4, 2, (2, 3), groups=2), lif(4, 4, 4)),
    "no input shape": ((2, 5, 6), conv(None, 4, 2, (3, 3)), lif(4, 3, 4)),
}


@pytest.mark.parametrize("nodes", KERNELS.values(), ids=KERNELS)
def test_grouped_kernels_and_kernels_that_are_no_squares(nodes: Any) -> None:
    network = agrees(chain(*nodes))
    assert network.layers[0].shape == nodes[-1].r.shape
    assert isinstance(network.layers[0].projections[0].synapses, Convolution)


@pytest.mark.parametrize("name", ["two groups", "3 x 2"])
def test_their_files_are_read(name: str, tmp_path: Path) -> None:
    """Both types are wrong in nir 1.0.8, whose check is not used."""
    made = chain(*KERNELS[name])
    nir.write(tmp_path / "a.nir", made)
    nested = chain((KERNELS[name][0]), graph(made.nodes, made.edges), KERNELS[name][-1])
    nir.write(tmp_path / "b.nir", nested)
    spikes = (np.random.default_rng(1).random((40, math.prod(KERNELS[name][0]))) < 0.3).astype(int)
    for path, wanted in (("a.nir", made), ("b.nir", nested)):
        found = SnnReference(read(tmp_path / path, DT).network).run(spikes)[-1][:, 0]
        assert (found == spikes_of_graph(wanted, spikes, DT)).all()


AVG, SUM = nir.AvgPool2d, nir.SumPool2d
POOLED = {
    "average of 2": ((1, 11, 11), conv((11, 11), 2, 1, (4, 4), mean=0.3), pool(AVG, 2), lif(2, 4, 4)),
    "sum of 2": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3), mean=0), pool(SUM, 2), lif(3, 3, 3)),
    "with bias": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3), bias=True), pool(SUM, 2), lif(3, 3, 3)),
    "average, bias": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3), bias=True, mean=0.6), pool(AVG, 2), lif(3, 3, 3)),
    "stride of both": ((2, 13, 12), conv((13, 12), 3, 2, (3, 3), stride=2), pool(SUM, 3), lif(3, 2, 1)),
    "padding": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3), padding=1), pool(SUM, (2, 4)), lif(3, 4, 2)),
    "overlapping": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3)), pool(AVG, 3, 1), lif(3, 4, 4, threshold=0.3)),
    "odd rest": ((2, 8, 9), conv((8, 9), 3, 2, (3, 2)), pool(SUM, 4), lif(3, 1, 2)),
    "padded pool": ((2, 7, 7), conv((7, 7), 3, 2, (3, 3), bias=True), pool(SUM, 3, 2, 1), lif(3, 3, 3)),
    "grouped": ((4, 8, 8), conv((8, 8), 4, 4, (3, 3), groups=2), pool(SUM, 2), lif(4, 3, 3)),
    "then a matrix": (
        (2, 8, 8), conv((8, 8), 3, 2, (3, 3), bias=True), pool(AVG, 2),
        nir.Flatten({"input": np.array([3, 3, 3])}, 0, -1),
        nir.Affine(RNG.normal(0.1, 0.4, (5, 27)), RNG.normal(size=5)), lif(5),
    ),
    "pool, conv, pool": ((2, 12, 12), pool(SUM, 2), conv((6, 6), 3, 2, (3, 3)), pool(AVG, 2), lif(3, 2, 2)),
    "overlapping first": ((2, 7, 7), pool(SUM, 3, 2), conv((3, 3), 3, 2, (2, 2)), lif(3, 2, 2)),
    "padded first": ((2, 6, 6), pool(AVG, 2, 2, 1), conv((4, 4), 3, 2, (2, 2), mean=0.5), lif(3, 3, 3)),
    "two convolutions": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3), stride=2), conv((3, 3), 2, 3, (2, 2)), lif(2, 2, 2)),
    "two, padding": (
        (2, 6, 6), conv((6, 6), 3, 2, (3, 3), bias=True), conv((4, 4), 2, 3, (3, 3), padding=1), lif(2, 4, 4),
    ),
    "no convolution": ((2, 6, 6), pool(AVG, 2), lif(2, 3, 3, threshold=0.2)),
}  # fmt: skip


@pytest.mark.parametrize("nodes", POOLED.values(), ids=POOLED)
def test_convolutions_and_pools_in_a_row(nodes: Any) -> None:
    network = agrees(chain(*nodes))
    assert network.layers[0].shape == nodes[-1].r.shape


def channels(*factors: float, size: tuple[int, int] = (3, 3)) -> Any:
    return nir.Scale(np.array(factors)[:, None, None] * np.ones((len(factors), *size)))


SCALED = {
    "one per channel": ((2, 5, 5), conv((5, 5), 3, 2, (3, 3)), channels(1, 2, 3), lif(3, 3, 3)),
    "negative, zero": ((2, 5, 5), conv((5, 5), 3, 2, (3, 3), bias=True), channels(-1, 0, 1.5), lif(3, 3, 3)),
    "all the same": ((2, 5, 5), conv((5, 5), 3, 2, (3, 3), bias=True), channels(2, 2, 2), lif(3, 3, 3)),
    "before": ((2, 5, 5), channels(1, 3, size=(5, 5)), conv((5, 5), 3, 2, (3, 3)), lif(3, 3, 3)),
    "before, within a channel": ((8,), nir.Scale(np.arange(8.0)), nir.Linear(RNG.normal(0, 0.4, (4, 8))), lif(4)),
    "then pooled": (
        (2, 8, 8), conv((8, 8), 3, 2, (3, 3), bias=True), channels(1, 2, 0.5, size=(6, 6)), pool(SUM, 2), lif(3, 3, 3),
    ),
    "after a pool": ((2, 8, 8), conv((8, 8), 3, 2, (3, 3)), pool(AVG, 2), channels(4, 2, 1), lif(3, 3, 3)),
    "after a matrix": ((8,), nir.Affine(RNG.normal(0, 0.4, (4, 8)), np.ones(4)), nir.Scale(np.arange(4.0)), lif(4)),
}  # fmt: skip


@pytest.mark.parametrize("nodes", SCALED.values(), ids=SCALED)
def test_scales(nodes: Any) -> None:
    agrees(chain(*nodes))


@pytest.mark.parametrize(("scale", "message"), [
    (np.arange(27.0).reshape(3, 3, 3), "n1: scale must be the same within a channel after a convolution"),
    (np.arange(3.0), r"n1: scale must have one number, or those of the shape \(3, 3, 3\), not shape \(3,\)"),
    (np.full((3, 3, 3), np.nan), "n1: scale must be finite"),
])  # fmt: skip
def test_scales_that_cannot_be_merged_are_refused(scale: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_nir(chain((2, 5, 5), conv((5, 5), 3, 2, (3, 3)), nir.Scale(scale), lif(3, 3, 3)), DT)


LINES = {
    "plain": ((2, 9), conv1d(9, 3, 2, 3), lif(3, 7)),
    "stride": ((2, 9), conv1d(9, 3, 2, 3, stride=2), lif(3, 4)),
    "padding": ((2, 9), conv1d(9, 3, 2, 4, padding=2), lif(3, 10)),
    "same": ((2, 9), conv1d(9, 3, 2, 5, padding="same"), lif(3, 9)),
    "groups": ((4, 9), conv1d(9, 6, 4, 3, groups=2), lif(6, 7)),
    "two layers": ((2, 9), conv1d(9, 3, 2, 3), lif(3, 7), conv1d(7, 2, 3, 3, stride=2), lif(2, 3, threshold=0.2)),
    "then a matrix": (
        (2, 9), conv1d(9, 3, 2, 3), lif(3, 7), nir.Flatten({"input": np.array([3, 7])}, 0, -1),
        nir.Linear(RNG.normal(0.1, 0.4, (4, 21))), lif(4, threshold=0.2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("nodes", LINES.values(), ids=LINES)
def test_convolutions_of_one_dimension(nodes: Any) -> None:
    agrees(chain(*nodes))


def block(inside: dict[str, Any], edges: list[tuple[str, str]], size: int = 4) -> Any:
    ends = {"input": nir.Input({"input": np.array([size])}), "output": nir.Output({"output": np.array([size])})}
    return graph(ends | inside, edges)


def matrix(mean: float = 0.0, size: int = 4) -> Any:
    return nir.Affine(RNG.normal(mean, 0.6, (size, size)), RNG.normal(0, 0.05, size))


SKIP = [("input", "l"), ("l", "output"), ("input", "output")]
BLOCKS = {
    "skip": block({"l": lif(4)}, SKIP),
    "weights first": block({"w": matrix(0.2), "l": lif(4)}, [("input", "w"), ("w", "l"), *SKIP[1:]]),
    "weights after": block({"l": lif(4), "w": matrix()}, [("input", "l"), ("l", "w"), ("w", "output"), SKIP[2]]),
    "weights on the way past": block({"l": lif(4), "w": matrix()}, [*SKIP[:2], ("input", "w"), ("w", "output")]),
    "two deep": block({"g": block({"l": lif(4)}, SKIP), "w": matrix()}, [
        ("input", "g"), ("g", "w"), ("w", "output"), ("input", "output"),
    ]),
    "two ways in": block({"a": lif(4), "b": lif(4, threshold=1.0)}, [
        ("input", "a"), ("input", "b"), ("a", "output"), ("b", "output"), ("input", "output"),
    ]),
    "straight through": block({}, [("input", "output")]),
    "delayed": block({"l": lif(4), "d": nir.Delay(np.full(4, 2e-3))}, [*SKIP[:2], ("input", "d"), ("d", "output")]),
}  # fmt: skip


@pytest.mark.parametrize("inner", BLOCKS.values(), ids=BLOCKS)
def test_residual_blocks_in_graphs_in_the_graph(inner: Any) -> None:
    nodes = {
        "input": nir.Input({"input": np.array([4])}),
        "first": lif(4, threshold=0.3),
        "g": inner,
        "w": matrix(0.3),
        "m": lif(4),
        "output": nir.Output({"output": np.array([4])}),
    }
    edges = [("input", "first"), ("first", "g"), ("g", "w"), ("w", "m"), ("m", "output")]
    agrees(graph(nodes, edges))
    # The same without a layer before: the block receives the input itself.
    edges = [("input", "g"), ("g", "m"), ("m", "output")]
    agrees(graph({name: node for name, node in nodes.items() if name not in ("first", "w")}, edges))


DELAYED = {
    "before": ((3,), nir.Delay(np.full(3, 2e-3)), nir.Linear(RNG.normal(0.5, 0.5, (2, 3))), lif(2)),
    "after": ((3,), nir.Linear(RNG.normal(0.5, 0.5, (2, 3))), nir.Delay(np.array([3e-3, 1e-3])), lif(2)),
    "both": ((3,), nir.Delay(np.array([0, 1e-3, 5e-3])), nir.Linear(RNG.normal(0.5, 0.5, (2, 3))),
             nir.Delay(np.array([3e-3, 0.0])), lif(2)),
    "of a picture": ((2, 5, 5), nir.Delay(np.full((2, 5, 5), 4e-3)), conv((5, 5), 3, 2, (3, 3)), lif(3, 3, 3)),
    "of channels": ((2, 5, 5), conv((5, 5), 3, 2, (3, 3)),
                    nir.Delay(np.array([0, 1e-3, 7e-3])[:, None, None] * np.ones((3, 3, 3))), lif(3, 3, 3)),
    "one number": ((3,), nir.Delay(np.array([2e-3])), nir.Linear(RNG.normal(0.5, 0.5, (2, 3))), lif(2)),
}  # fmt: skip


@pytest.mark.parametrize("nodes", DELAYED.values(), ids=DELAYED)
def test_delays_are_in_second(nodes: Any) -> None:
    network = agrees(chain(*nodes))
    delays = {one.delay for one in network.layers[0].projections}
    made = [node for node in to_nir(network).nodes.values() if type(node).__name__ == "Delay"]
    assert {round(float(node.delay.max()), 9) for node in made} == {round(delay * DT, 9) for delay in delays if delay}
    assert (
        from_nir(to_nir(network), DT).network.layers[0].projections[-1].delay == network.layers[0].projections[-1].delay
    )


@pytest.mark.parametrize("delay", [0.0, 1e-3, 3e-3])
@pytest.mark.parametrize("bias", [np.zeros(2), np.array([0.3, 0.0])])
def test_a_bias_before_a_delay_is_told(delay: float, bias: Any) -> None:
    made = chain((3,), nir.Affine(np.ones((2, 3)), bias), nir.Delay(np.array([delay, 0.0])), lif(2))
    told = [note for note in from_nir(made, DT).notes if "bias" in note]
    acts = delay > 0 and bias.any()
    assert told == (["n1: the bias before it acts from the first tick on, not after the delay"] if acts else [])


def li(count: int) -> Any:
    one = np.ones(count)
    return nir.LI(tau=0.005 * one, r=one, v_leak=0 * one)


def cuba_li(count: int) -> Any:
    one = np.ones(count)
    return nir.CubaLI(tau_syn=0.002 * one, tau_mem=0.005 * one, r=one, v_leak=0 * one)


GRADED = {
    "LI": [("input", "a"), ("a", "w"), ("w", "l"), ("l", "output")],
    "CubaLI": [("input", "b"), ("b", "w"), ("w", "l"), ("l", "output")],
    "I": [("input", "c"), ("c", "w"), ("w", "l"), ("l", "output")],
    "beside spikes": [("input", "a"), ("input", "l"), ("a", "w"), ("w", "l"), ("l", "output")],
    "to itself": [("input", "a"), ("a", "w"), ("w", "a"), ("a", "output")],
    "between read-outs": [("input", "a"), ("a", "b"), ("b", "output")],
}


@pytest.mark.parametrize("edges", GRADED.values(), ids=GRADED)
def test_a_graded_output_is_not_received_by_neurons(edges: list[tuple[str, str]]) -> None:
    used = {name for edge in edges for name in edge}
    every = {"a": li(2), "b": cuba_li(2), "c": nir.I(np.ones(2)), "w": nir.Linear(4 * np.eye(2)), "l": lif(2)}
    ends = {"input": nir.Input({"input": np.array([2])}), "output": nir.Output({"output": np.array([2])})}
    nodes = ends | {name: node for name, node in every.items() if name in used}
    with pytest.raises(ValueError, match=r"must receive spikes, but [abc] never spikes: .* \(LI\)"):
        from_nir(graph(nodes, edges), DT)


TAUS = [
    ("LIF", "tau", 0.01, 0.02, " s"),
    ("CubaLIF", "tau_syn", 0.004, 0.005, " s"),
    ("CubaLIF", "tau", 0.03, 0.25, " s"),
    ("LI", "tau", 0.0125, 0.02, " s"),
    ("LIF", "leak", -0.25, 0.125, ""),
    ("LIF", "reset", -0.5, 0.0, ""),
]


@pytest.mark.parametrize(("kind", "name", "low", "high", "unit"), TAUS)
def test_numbers_that_differ_are_told_in_their_unit(kind: str, name: str, low: float, high: float, unit: str) -> None:
    one, values = np.ones(2), np.array([high, low])
    given: dict[str, Any] = {"tau": 0.01 * one, "r": one, "v_leak": 0 * one, "v_threshold": one, "v_reset": 0 * one}
    if kind == "CubaLIF":
        given |= {"tau_mem": given.pop("tau"), "tau_syn": 0.01 * one}
    if kind == "LI":
        given = {each: given[each] for each in ("tau", "r", "v_leak")}
    key = {"leak": "v_leak", "reset": "v_reset", "tau": "tau_mem" if kind == "CubaLIF" else "tau"}.get(name, name)
    network = from_nir(chain((2,), nir.Linear(np.eye(2)), getattr(nir, kind)(**given | {key: values})), DT).network
    with pytest.raises(ValueError, match=f"n1: {name} must be the same .* not {low:g} to {high:g}{unit}$"):
        quantized(network)


def integrators(*r: float) -> Any:
    nodes = []
    for each in r:
        one = np.ones(2)
        nodes += [nir.Linear(0.3 * np.ones((2, 2))), nir.IF(r=each * one, v_threshold=one, v_reset=0 * one)]
    return chain((2,), *nodes)


def leaky(*r: float, tau: float = 0.01) -> Any:
    nodes = []
    for each in r:
        one = np.ones(2)
        neurons = nir.LIF(tau=tau * one, r=each * one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)
        nodes += [nir.Linear(np.eye(2)), neurons]
    return chain((2,), *nodes)


USUAL = "a tick adds dt r = {} times the input; such files usually mean dt = 1 s"
FACTOR = "r dt / tau is {} in every layer; it is 1 with dt = 0.0001 s, which the file was probably written with"
STEPS = [
    (integrators(1.0), 1e-3, ["n1: " + USUAL.format(0.001)]),
    (integrators(1.0, 1.0), 1e-2, ["n1, n3: " + USUAL.format(0.01)]),
    (integrators(1.0, 1.0), 1.0, []),
    (integrators(1000.0), 1e-3, []),
    (integrators(1.0, 1000.0), 1e-3, ["n1: " + USUAL.format(0.001)]),
    (leaky(100.0, 100.0), 1e-3, [FACTOR.format(10)]),
    (leaky(100.0), 5e-5, [FACTOR.format(0.5)]),
    (leaky(100.0), 1e-4, []),
    (leaky(1.0, 1.0), 1e-3, []),  # SI units, as of Norse
    (leaky(100.0, 50.0), 1e-3, []),  # no one factor
]


@pytest.mark.parametrize(("made", "dt", "notes"), STEPS)
def test_the_time_step_of_the_file_is_told_where_numbers_tell_it(made: Any, dt: float, notes: list[str]) -> None:
    assert list(from_nir(made, dt).notes) == notes


@pytest.mark.parametrize("dt", [0.0100001, 0.011, 0.1, 1.0, 100.0])
def test_a_time_step_that_is_too_long_is_told_with_the_one_of_the_file(dt: float) -> None:
    with pytest.raises(ValueError, match=r"dt must be at most tau \(.*s\), not .* dt = 0\.0001 s") as refused:
        from_nir(leaky(100.0), dt)
    most, given = (str(refused.value).split(mark)[1].split(" s")[0] for mark in ("tau (", "), not "))
    assert float(most) == 0.01
    assert float(given) == dt


def test_a_time_constant_of_one_tick_in_float32_is_accepted() -> None:
    made = leaky(1.0, tau=float(np.float32(1e-4)))
    assert made.nodes["n1"].tau[0] < 1e-4
    network = from_nir(made, 1e-4).network
    assert network.coefficient(network.layers[0].neurons.tau).tolist() == [1.0, 1.0]
    assert quantized(network).layers[0].raw.lif.k_raw == 1


@pytest.mark.parametrize("rule", RESETS)
@pytest.mark.parametrize("discretisation", ["euler", "exact"])
def test_what_nir_lacks_is_recorded_and_read_again(rule: Any, discretisation: Any, tmp_path: Path) -> None:
    def layer(name: str, count: int, source: int, inputs: int, **more: Any) -> Layer:
        synapses = Dense(weights=RNG.normal(0.5, 1.0, (count, inputs)))
        one = Projection(source=source, synapses=synapses, delay=source + 2)
        return Layer(
            name=name, shape=(count,), neurons=Neurons(count=count, tau=0.01, r=8.0, **more), projections=(one,)
        )

    layers = (
        layer("a", 6, INPUT, 5, reset_rule=rule),
        layer("b", 4, 0, 6, tau_syn=0.005, late_current=True),
        layer("c", 3, 1, 4, threshold=None),
    )
    network = Network(dt=DT, input_shape=(5,), layers=layers, discretisation=discretisation)
    write(tmp_path / "a.nir", network)
    found = read(tmp_path / "a.nir", DT)
    assert found.network.discretisation == discretisation
    assert [one.neurons.reset_rule for one in found.network.layers] == [rule, "to_value", "to_value"]
    assert [one.neurons.late_current for one in found.network.layers] == [False, True, False]
    spikes = (np.random.default_rng(1).random((50, 5)) < 0.3).astype(int)
    before, after = SnnReference(network), SnnReference(found.network)
    for a, b in zip(before.run(spikes), after.run(spikes), strict=True):
        assert (a == b).all()
    assert before.spikes[0].size
    assert (before.membrane[-1] == after.membrane[-1]).all()
    assert read(tmp_path / "a.nir", DT, reset="none").network.layers[0].neurons.reset_rule == "none"
    assert read(tmp_path / "a.nir", 2 * DT).notes[0] == "the file's metadata has dt = 0.001 s, not 0.002 s"


@pytest.mark.parametrize(
    ("start", "message"), [(0.0, None), (0.25, "NIR has no other membrane potential than 0"), (-1.0, "than 0 before")]
)
def test_another_start_is_refused(start: float, message: str | None) -> None:
    one = Projection(source=INPUT, synapses=Dense(weights=np.eye(2)))
    layer = Layer(name="l", shape=(2,), neurons=Neurons(count=2, start=start), projections=(one,))
    network = Network(dt=1.0, input_shape=(2,), layers=(layer,))
    if message is None:
        to_nir(network)
    else:
        with pytest.raises(ValueError, match=message):
            to_nir(network)


@pytest.mark.parametrize("inputs", [(3,), (2, 2, 3)])
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_a_layer_without_connections_is_kept(inputs: tuple[int, ...], bias: float, tmp_path: Path) -> None:
    alone = Layer(name="alone", shape=(4,), neurons=Neurons(count=4), bias=bias)
    size = math.prod(inputs)
    projections = (
        Projection(source=0, synapses=Dense(weights=np.ones((2, 4)))),
        Projection(source=INPUT, synapses=Dense(weights=0.3 * np.ones((2, size)), input_shape=inputs)),
    )
    last = Layer(name="last", shape=(2,), neurons=Neurons(count=2), projections=projections)
    network = Network(dt=1.0, input_shape=inputs, layers=(alone, last))
    write(tmp_path / "a.nir", network)
    again = read(tmp_path / "a.nir", 1.0).network
    assert [layer.name for layer in again.layers] == ["alone", "last"]
    spikes = (np.random.default_rng(1).random((30, size)) < 0.3).astype(int)
    for a, b in zip(SnnReference(network).run(spikes), SnnReference(again).run(spikes), strict=True):
        assert (a == b).all()


WAYS = [("input", "w"), ("w", "output"), ("input", "output")]
WRONG = {
    "an edge twice": (
        lambda: graph(dict(chain((2,), lif(2)).nodes), [("input", "n0"), ("input", "n0"), ("n0", "output")]),
        "each edge must be given once, but 'input' to 'n0' is given 2 times",
    ),
    "the shape of the output": (
        lambda: graph(
            dict(chain((2,), lif(2)).nodes) | {"output": nir.Output({"output": np.array([3])})},
            [("input", "n0"), ("n0", "output")],
        ),
        r"output: shape must be that of n0, \(2,\), not \(3,\)",
    ),
    "the shape of a picture": (
        lambda: chain((2, 6, 6), conv((5, 6), 3, 2, (3, 3)), lif(3, 4, 4)),
        r"n0: input_shape must be that of its input, \(6, 6\), not \(5, 6\)",
    ),
    "groups": (
        lambda: chain((2, 6, 6), nir.Conv2d((6, 6), np.ones((3, 1, 3, 3)), 1, 0, 1, 2, np.zeros(3)), lif(3, 4, 4)),
        "n0: groups must be a divisor of the 3 output channels, not 2",
    ),
    "dilation": (
        lambda: chain((2, 6, 6), nir.Conv2d((6, 6), np.ones((3, 2, 3, 3)), 1, 0, 2, 1, np.zeros(3)), lif(3, 2, 2)),
        r"n0: dilation must be 1, not \(2, 2\)",
    ),
    "two outputs in a block": (
        lambda: chain((4,), block({"l": lif(4), "end": nir.Output({"output": np.array([4])})}, SKIP), lif(4)),
        "n0: a graph in a graph must have one Output, not 2",
    ),
    "the shape of a block": (
        lambda: chain((3,), block({"l": lif(4)}, SKIP), lif(4)),
        r"n0\.input: shape must be that of its input, \(3,\), not \(4,\)",
    ),
    "ways of different size": (
        lambda: graph(
            {**chain((4,), lif(2)).nodes, "w": nir.Linear(np.ones((2, 4)))},
            [("input", "n0"), ("input", "w"), ("w", "n0"), ("n0", "output")],
        ),
        r"n0: all its inputs must have the same shape, not \(4,\) and \(2,\)",
    ),
    "a picture for a line": (
        lambda: chain((2, 3, 9), conv1d(9, 3, 2, 3), lif(3, 7)),
        r"n0: the input of a Conv1d must be \(channels, length\), not \(2, 3, 9\)",
    ),
    "a pool of nothing": (
        lambda: chain((2, 6, 6), pool(SUM, 0), lif(2, 3, 3)),
        r"n0: the tiles of a pool must be at least 1 x 1 and fit its input, .* not \(0, 0\) in \(2, 6, 6\)",
    ),
    "a pool that is too large": (lambda: chain((2, 6, 6), pool(SUM, 7), lif(2, 1, 1)), r"n0: the tiles of a pool"),
    "a stride of nothing": (lambda: chain((2, 6, 6), pool(SUM, 2, 0), lif(2, 3, 3)), "n0: stride must be at least 1"),
    "too many paths": (
        lambda: chain((2,), *[block({"w": matrix(size=2)}, [*WAYS], 2) for _ in range(40)], lif(2)),
        r"must be reached by at most 64 paths",
    ),
    "a huge matrix": (
        lambda: chain((20_000,), nir.Scale(np.arange(20_000.0)), lif(20_000)),
        "n0: must need at most 33554432 weights, not 20000 x 20000",
    ),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_graphs_that_do_not_fit_together_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_nir(make(), DT)


def test_a_rule_for_each_layer() -> None:
    made = leaky(100.0, 100.0)
    network = from_nir(made, 1e-4, reset=["subtract", "none"]).network
    assert [layer.neurons.reset_rule for layer in network.layers] == ["subtract", "none"]
    with pytest.raises(ValueError, match="reset must be one rule, or 2, one for each layer, not 3"):
        from_nir(made, 1e-4, reset=["none"] * 3)
    with pytest.raises(ValueError, match="n1: reset rule must be one of"):
        from_nir(made, 1e-4, reset="zero")  # type: ignore[arg-type]
