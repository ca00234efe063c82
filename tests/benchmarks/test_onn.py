"""The peers of the oscillator networks' benchmark equal what they are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import onn
from benchmarks.recomputed import RecomputedOnn
from neuristor.golden_model.networks.onn import OnnBitTrue, OnnParams


@pytest.mark.parametrize(("count", "weight_bits", "phase_bits"), [(2, 5, 4), (7, 3, 5), (33, 5, 4)])
def test_sums_computed_anew_make_the_same_network(count: int, weight_bits: int, phase_bits: int) -> None:
    params, phases = onn.network(count, weight_bits, phase_bits)
    circuit, model = RecomputedOnn(params), OnnBitTrue(params, phases)
    other = np.random.default_rng(1).integers(-2, 2, (count, count))

    async def testbench(ctx: Any) -> None:
        nonlocal model
        for matrix in (params.weights, other):
            ctx.set(circuit.weight.valid, 1)
            for (row, column), value in np.ndenumerate(matrix):
                ctx.set(circuit.weight.payload, {"row": row, "column": column, "value": int(value)})
                await ctx.tick()
            ctx.set(circuit.weight.valid, 0)
            model = OnnBitTrue(OnnParams(weights=matrix, weight_bits=weight_bits, phase_bits=phase_bits), phases)
            await onn._begin(ctx, circuit, phases)
            for _ in range(3 << phase_bits):
                model.step()
                await onn._advance(ctx, circuit, 1)
                for name, bits in (("phases", phase_bits), ("references", 1)):
                    word = ctx.get(getattr(circuit, name))
                    got = [(word >> (n * bits)) & ((1 << bits) - 1) for n in range(count)]
                    assert got == getattr(model, name[:-1])[0].tolist(), (model.tick, name)

    onn._simulate(circuit, testbench)


def test_the_plain_model_is_the_model() -> None:
    params, phases = onn.network(20, 5, 5)
    model = OnnBitTrue(params, phases)
    for _ in range(200):
        model.step()
    assert (onn._plain(params, phases, 200) == model.phase[0]).all()


def test_a_settled_period_costs_two_columns_an_oscillator() -> None:
    params, phases = onn._stored(20, 6)
    model = OnnBitTrue(params, phases)
    model.run(50)
    assert model.settled.all()
    clocks = onn.settled_clocks(params, phases)
    assert 40 <= clocks <= 40 + 2 * 40
    assert onn.recomputed_period(params, phases) > 20 * 64
