"""Verdicts in words: what is good, what to look at, what is bad."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.design_file import Design, load
from neuristor.findings import Finding, findings
from neuristor.golden_model.devices.reduction import Reduction
from neuristor.pictures.schematic import schematic
from neuristor.sim.benches.verify import Verdict
from neuristor.steps import BoardResult, Simulation, simulate

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def design() -> Design:
    return load(EXAMPLES / "vo2_oscillators.toml", {"stimulus.ticks": 600, "neuron.count": 6, "fpga.lanes": 1})


@pytest.fixture(scope="module")
def simulation(design: Design) -> Simulation:
    return simulate(design)


def about(found: list[Finding], what: str) -> Finding:
    return next(each for each in found if each.about == what)


@pytest.mark.parametrize(
    ("device", "neuron", "level", "said"),
    [
        (100.0, 100.5, "good", "+0.50 %"),
        (100.0, 105.0, "fair", "+5.00 %"),
        (100.0, 64.0, "bad", "-36.00 %"),
        (0.0, 64.0, "bad", "although the device by its own equations does not fire repeatedly"),
        (64.0, 0.0, "bad", "does not fire, although the device by its own equations fires at 64 Hz"),
    ],
)
def test_the_device_is_the_first_verdict(
    design: Design, simulation: Simulation, device: float, neuron: float, level: str, said: str
) -> None:
    made = replace(simulation, reduction=Reduction(np.zeros(1), np.array([device]), np.array([neuron])))
    first = findings(design, made)[0]
    assert (first.about, first.level) == ("device and neuron", level)
    assert said in first.text
    open_ = findings(design, replace(simulation, reduction="it has two devices"))[0]
    assert open_ == Finding("open", "device and neuron", "not compared with the device: it has two devices")


def test_phases_words_and_neurons_are_judged(design: Design, simulation: Simulation) -> None:
    assert about(findings(design, simulation), "time step and words").level == "good"
    assert about(findings(design, simulation), "fixed point").level == "good"
    assert about(findings(design, simulation), "neurons").text == "6 of 6 fire; no state is clamped"
    late = [times * 1.05 for times in simulation.times]
    shifted = about(findings(design, replace(simulation, times=late)), "time step and words")
    assert shifted.level == "fair"
    assert "compare rates, not single spikes" in shifted.text
    spike = simulation.bit_true["spike"].copy()
    spike[100:] = 0
    lost = replace(simulation, bit_true={**simulation.bit_true, "spike": spike})
    assert about(findings(design, lost), "time step and words").level == "bad"
    wrong = replace(simulation, membrane_error=simulation.membrane_error + 1.0)
    assert about(findings(design, wrong), "fixed point").level == "bad"
    spike = simulation.bit_true["spike"].copy()
    spike[:, 2] = 0
    silent = replace(simulation, bit_true={**simulation.bit_true, "spike": spike})
    assert about(findings(design, silent), "neurons") == Finding(
        "fair", "neurons", "1 of 6 neurons never fire in this run"
    )


def test_circuit_and_boards_are_judged(design: Design, simulation: Simulation) -> None:
    good, bad = Verdict("verilator", True, 100, 4, 700, ""), Verdict("icarus", False, 7, 4, None, "tick 3, neuron 1")
    found = findings(design, simulation, [good, bad])
    assert [each.level for each in found if each.about == "circuit and model"] == ["bad", "good"]
    assert about(findings(design, simulation), "circuit and model").level == "open"

    def board(**changes: Any) -> Finding:
        usual: dict[str, Any] = {
            "board": "b",
            "title": "B",
            "resources": {},
            "clock_hz": 80e6,
            "fmax_hz": 100e6,
            "timing_met": True,
            "bitstream": None,
            "cycles_per_tick": 6,
            "ticks_per_second": 1.0,
            "updates_per_second": 1.0,
            "real_time_factor": 1.2,
            "largest": 1,
            "problem": "",
            "advice": "",
            "frames": 1,
            "versions": {},
        }
        return about(findings(design, simulation, (), [BoardResult(**{**usual, **changes})]), "B")

    assert board().level == "good"
    assert board(real_time_factor=0.5).level == "fair"
    assert board(timing_met=False).level == "bad"
    assert board(problem="too large", advice="fewer").text == "too large; fewer"
    assert board(fmax_hz=None).level == "open"


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ("vo2_oscillators", ("V_DD", "20 kΩ", "100 pF", "vo2-onn")),
        ("vo2_coupled_oscillators", ("to its neighbours (resistive)",)),
        ("vo2_neuristor", ("C1", "3 nF", "switch 2", "E = 900 mV")),
        ("hzo_afefet_lif", ("pulses", "every 2 us", "hzo-afefet")),
    ],
)
def test_the_schematic_has_the_elements_of_the_circuit(example: str, words: tuple[str, ...]) -> None:
    made = [schematic(load(EXAMPLES / f"{example}.toml")) for _ in range(2)]
    assert made[0] == made[1]
    assert "black" not in made[0]  # the colour of the text around it
    for word in words:
        assert word in made[0], word


def test_a_model_without_a_circuit_has_no_schematic() -> None:
    assert schematic(load(EXAMPLES / "hodgkin_huxley.toml")) == ""
