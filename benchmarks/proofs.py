"""Proofs of every neuron model at several word lengths: what is proved, and how long it takes.

Run ``python -m benchmarks.proofs``; ``--patience`` stops a model that takes longer.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness import environment
from neuristor.design import load
from neuristor.golden_model.fixed import Format
from neuristor.hdl.neurons import neuron as neuron_of
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.proofs.onn_proof import prove_onn
from neuristor.sim.proofs.proof import Claim, initial_state, prove_array, prove_lane, summary

__all__ = ["cases", "prove"]

EXAMPLES = Path(__file__).parents[1] / "examples"
WIDTHS = (8, 16, 24)
MODELS = {
    "lif": "vo2_lif_digits",
    "relaxation_oscillator": "nbo2_mott_oscillators",
    "neuristor": "vo2_neuristor",
    "izhikevich": "izhikevich_patterns",
    "hodgkin_huxley": "hodgkin_huxley",
}


def cases() -> Iterator[tuple[str, int, Any, str]]:
    """Model, width of the membrane, parameters, and why there are none."""
    for neuron, example in MODELS.items():
        params = load(EXAMPLES / f"{example}.toml").params
        whole = params.membrane.int_bits
        for width in WIDTHS:
            membrane = Format(whole, width - whole)
            shift = params.membrane.frac_bits - membrane.frac_bits
            for step in range(24):  # the drive as fine as the model allows
                try:
                    low = 2 - params.drive.int_bits
                    drive = Format(params.drive.int_bits, max(low, params.drive.frac_bits - shift - step))
                    more = (
                        {"recovery": Format(params.recovery.int_bits, drive.frac_bits)}
                        if neuron == "izhikevich"
                        else {}
                    )
                    made = replace(params, membrane=membrane, drive=drive, **more)
                    made.raw  # noqa: B018  (its numbers are checked when they are made)
                except (ValueError, OverflowError) as error:
                    problem = str(error)
                    continue
                yield neuron, width, made, ""
                break
            else:
                yield neuron, width, None, problem


def prove(neuron: str, params: Any) -> list[Claim]:
    """All claims of an array on one lane."""
    known = neuron_of(neuron)
    array = known.build(params)
    to_rtlil(array)  # its parts are proved; Amaranth need not warn that the whole is no circuit
    return [*prove_array(array, initial_state(known.model, params)), *prove_lane(known.model, params, array)]


def _result(claims: list[Claim]) -> str:
    tried = [claim for claim in claims if claim.tried]
    good = sum(claim.proved is True for claim in tried)
    return f"{good} of {len(tried)} proved" + ("" if summary(claims) else "; the others: no answer or false")


def _send(pipe: Any, neuron: str, params: Any) -> None:
    pipe.send(_result(prove(neuron, params)))


def _timed(neuron: str, params: Any, patience: float) -> str:
    """In a process of its own, which can be stopped."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_send, args=(theirs, neuron, params))
    process.start()
    made = ours.recv() if ours.poll(patience) else f"stopped after {patience:g} s"
    process.kill()
    process.join()
    return made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Proofs of every neuron model at several word lengths")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for a model at a width")
    options = parser.parse_args()
    console = Console(width=160)
    for name, value in environment().items():
        console.print(f"{name:>10}  {value}", highlight=False, markup=False)
    table = Table("model", "membrane bits", "result", title="proofs")
    table.add_column("seconds", justify="right")
    for neuron, width, params, problem in cases():
        start = time.perf_counter()
        text = f"no such circuit: {problem}" if params is None else _timed(neuron, params, options.patience)
        table.add_row(neuron, str(width), text, f"{time.perf_counter() - start:.1f}")
    for bits in (4, 6, 8):
        start = time.perf_counter()
        claims = list(prove_onn(3, weight_bits=4, phase_bits=bits))
        table.add_row("phase oscillator", f"phase of {bits}", _result(claims), f"{time.perf_counter() - start:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
