"""cocotb bench: several circuits in one top module, each compared with its model by its own bench."""

from __future__ import annotations

import os
from typing import Any

import cocotb

from neuristor.sim.benches import neurons, onn, snn

BENCHES = {"neurons": neurons.matches_bit_true_model, "snn": snn.matches_bit_true_model}
BENCHES["onn"] = onn.matches_bit_true_model


class Inside:
    """One circuit of the top module, whose ports there begin with the name of the circuit."""

    def __init__(self, dut: Any, name: str) -> None:
        self._dut, self._name = dut, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dut, name if name.startswith("_") else f"{self._name}_{name}")


async def run(dut: Any, number: int) -> None:
    """Run the bench of a circuit; the case of each is in a file of its own."""
    name, bench, path = os.environ["TOGETHER"].split(";")[number].split(",")
    os.environ["NEURISTOR_CASE"] = path
    await BENCHES[bench].func(Inside(dut, name))


@cocotb.test()
@cocotb.parametrize(number=range(5))
async def equals_its_model(dut: Any, number: int) -> None:
    """Each circuit equals its model."""
    await run(dut, number)
