"""Proofs of every neuron model at several word lengths: claims proved, and the time taken.

Run ``python -m benchmarks.proofs``; ``--patience`` stops a proof that takes longer. The neurons are those of the
examples without coupling: for each model the first design file by name.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Benchmark, Row, Run
from neuristor.design_file import Design, DesignError, load
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.neurons.model import NeuronParams
from neuristor.hdl.neurons import Neuron
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.claims import Claim
from neuristor.sim.proofs.initial_states import initial_state
from neuristor.sim.proofs.lane import prove_lane
from neuristor.sim.proofs.onn_proof import prove_onn

__all__ = ["BENCHMARK", "Counted", "counted", "designs", "measure", "prove", "resized"]

EXAMPLES = Path(__file__).parents[1] / "examples"
WIDTHS = (8, 16, 24)
"""Word lengths of the membrane, in bits."""
PHASES = (4, 6, 8)
"""Word lengths of a phase, in bits."""
PATIENCE = 300.0
"""Time for one proof, in seconds."""


def designs() -> Iterator[Design]:
    """For each neuron model, the first example by file name that has it without coupling."""
    seen = set()
    for path in sorted(EXAMPLES.glob("*.toml")):
        try:
            design = load(path)
        except DesignError:  # a spiking network
            continue
        if design.params.coupling is None and design.neuron.name not in seen:
            seen.add(design.neuron.name)
            yield design


def resized(design: Design, width: int) -> NeuronParams:
    """The neurons of a design with another word length.

    The ``ValueError`` or ``OverflowError`` of a model without this word length is passed on.

    Parameters
    ----------
    design : Design
        The design.
    width : int
        Word length of the membrane, in bits. The drive loses as many bits as the membrane.
    """
    params = design.params
    fraction = width - params.membrane.int_bits
    made: NeuronParams = design.neuron.model.resized(
        params,
        fraction=fraction,
        coefficient=params.coefficient_bits,
        drive=params.drive.frac_bits - (params.membrane.frac_bits - fraction),
    )
    made.raw  # noqa: B018  (checked when it is made)
    return made


def prove(neuron: Neuron, params: NeuronParams) -> Iterator[Claim]:
    """Prove the claims of an array on one lane.

    Parameters
    ----------
    neuron : Neuron
        The neuron.
    params : NeuronParams
        Its parameters.

    Yields
    ------
    Claim
        Each claim, once it is decided.
    """
    array = neuron.build(params)
    to_rtlil(array)  # marks the array as used: its parts are proved one by one, of which Amaranth would warn
    yield from prove_array(array, initial_state(neuron.model, params))
    yield from prove_lane(neuron.model, params, array)


class Counted(NamedTuple):
    """How far a proof came.

    Parameters
    ----------
    proved, tried : int
        Claims that are proved, and all that were decided or given up.
    ended : bool
        Whether it came to its end.
    seconds : float
        Time taken.
    others : tuple of str
        Claims that were tried and are not proved.
    """

    proved: int
    tried: int
    ended: bool
    seconds: float
    others: tuple[str, ...]


def _send(claims: Iterator[Claim], pipe: Connection) -> None:
    for claim in claims:
        if claim.tried:
            pipe.send((claim.proved is True, claim.text))
    pipe.send("end")


def counted(claims: Iterator[Claim], patience: float) -> Counted:
    """Decide claims in a process of its own, which can be stopped.

    Parameters
    ----------
    claims : iterator of Claim
        The claims.
    patience : float
        Time after which it is stopped, in second.

    Raises
    ------
    RuntimeError
        If that process ends with an error.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(claims, theirs))
    start = time.perf_counter()
    process.start()
    theirs.close()
    proved, ended = 0, False
    others: list[str] = []
    try:
        while not ended and ours.poll(max(0.0, start + patience - time.perf_counter())):
            answer = ours.recv()
            ended = answer == "end"
            if not ended:
                proved += answer[0]
                others += [] if answer[0] else [answer[1]]
    except EOFError:
        raise RuntimeError("a proof ended with an error; see above") from None
    finally:
        process.kill()
        process.join()
    return Counted(proved, proved + len(others), ended, time.perf_counter() - start, tuple(others))


def _rows(title: str, claims: Iterator[Claim], patience: float) -> Iterator[Row]:
    found = counted(claims, patience)
    if found.ended:
        yield Row(name=f"{title}: proved", value=found.proved, unit="claims", goal=found.tried)
    else:
        yield Row(name=f"{title}: proved until stopped, after {patience:g} s", value=found.proved, unit="claims")
    yield Row(name=f"{title}: time", value=found.seconds, unit="s", less=True)


def measure(run: Run) -> Iterator[Row]:
    """Prove each model at each word length, then networks of three phase oscillators.

    Parameters
    ----------
    run : Run
        A quick run proves one neuron model, and the smallest network.
    """
    patience = run.options.patience
    for design in islice(designs(), 1 if run.quick else None):
        name = design.neuron.name
        if run.options.written and isinstance(design.params, EquationParams):
            continue
        for width in WIDTHS:
            try:
                params = resized(design, width)
            except (ValueError, OverflowError) as error:
                run.note(f"{name}, {width}-bit membrane: no such circuit, {error}")
                continue
            yield from _rows(f"{name}, {width}-bit membrane", prove(design.neuron, params), patience)
    for bits in PHASES[: 1 if run.quick else None]:
        claims = prove_onn(3, weight_bits=4, phase_bits=bits)
        yield from _rows(f"3 phase oscillators, {bits}-bit phase", claims, patience)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--patience", type=float, default=PATIENCE, help="stop a proof after this time, in seconds")
    parser.add_argument("--written", action="store_true", help="only neurons that are written by hand")


BENCHMARK = Benchmark(
    name="proofs",
    title="proofs of every neuron model at several word lengths",
    quick="one neuron model, and the smallest oscillator network",
    measure=measure,
    arguments=_arguments,
)

if __name__ == "__main__":
    raise SystemExit(BENCHMARK.main())
