"""Three neurons that learn three patterns of eight inputs without a teacher, by pair-based STDP on chip.

The array is that of Z. Wang et al., Nature Electronics 1, 2018, 10.1038/s41928-018-0023-2: 8 x 3 synapses of drift
memristors, and neurons of diffusive memristors. The neurons inhibit each other, so each of them learns another pattern.

    python examples/stdp_patterns.py [--out stdp.svg] [--verilog]

With ``--verilog`` the generated Verilog learns too, and every weight is compared with the model after every tick.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from neuristor.golden_model.networks.stdp import PATTERNS, StdpBitTrue, StdpParams, learn, presented, specialised
from neuristor.sim.benches.stdp import StdpCase, verify


def main() -> None:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("stdp.svg"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=400, help="presentations")
    parser.add_argument("--verilog", action="store_true", help="compare with the circuit on Verilator")
    given = parser.parse_args()
    if given.times < 10:
        parser.error(f"--times must be at least 10, not {given.times}")
    params = StdpParams(seed=given.seed)
    spikes, shown = presented(PATTERNS, given.times, seed=given.seed)
    model, history = StdpBitTrue(params), []
    winners = learn(model, spikes, lambda _: history.append(model.weights.copy()))
    last = len(spikes) // 4
    counts = specialised(winners[-last:], shown[-last:], len(PATTERNS), params.neurons)
    print("spikes of each neuron (row) for each pattern (column), last quarter:")
    print(counts)
    if given.verilog:
        verify(StdpCase(params=params, spikes=spikes), "verilator").check()
        print(f"Verilog: every weight, trace, membrane and threshold equal over {len(spikes)} ticks")

    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(2, params.neurons)
    weights = np.array(history)
    for neuron in range(params.neurons):
        pattern = int(counts[neuron].argmax())
        for number in range(params.inputs):
            belongs = PATTERNS[pattern, number] == 1
            panels[0, neuron].plot(weights[:, neuron, number], color="C3" if belongs else "0.75", linewidth=1)
        panels[0, neuron].set(title=f"neuron {neuron}: pattern {pattern}", xlabel="tick", ylabel="weights")
        panels[1, neuron].bar(range(params.inputs), model.weights[neuron], color="C3")
        panels[1, neuron].plot(range(params.inputs), PATTERNS[pattern] * params.weight_most, "k_", markersize=16)
        panels[1, neuron].set(xlabel="input", ylabel="weight at last; pattern", ylim=(0, params.weight_most * 1.1))
    figure.savefig(given.out, metadata={"Date": None})
    print(given.out)


if __name__ == "__main__":
    main()
