"""The commands by name: where each is and what it does, so that the list of them loads none."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "GROUPS", "Entry"]


class Entry(NamedTuple):
    """A command, or a group of commands."""

    module: str
    """Its module in `neuristor.commands`."""
    panel: str
    """Heading under which it is listed."""
    help: str
    """The first line of its help."""


COMMANDS = {
    "new": Entry("new", "Start", "Ask what you have, and write a design file that runs."),
    "explore": Entry("explore", "Start", "Open a page with sliders for a device, its circuit, its tick and its words."),
    "devices": Entry(
        "devices", "Devices", "List the catalogue of published devices, or show one with the source of each number."
    ),
    "fit": Entry(
        "devices",
        "Devices",
        "Fit a device to measured curves, and write a design file with the uncertainty of each number.",
    ),
    "model": Entry(
        "model", "Devices", "Models from equations: what they say, what becomes of them, and what stops one."
    ),
    "build": Entry("design", "Arrays of neurons", "Run all steps: models, Verilog, verification, bitstreams, report."),
    "simulate": Entry(
        "design",
        "Arrays of neurons",
        "Run the float models and the bit-true model: spikes of each frame, and the error by its cause.",
    ),
    "accuracy": Entry(
        "design",
        "Arrays of neurons",
        "Compare the neuron with its device and its fixed-point circuit over a sweep of input currents.",
    ),
    "gallery": Entry(
        "design",
        "Arrays of neurons",
        "Show the firing behaviours of a neuron in the float model, the bit-true model and the circuit.",
    ),
    "generate": Entry(
        "design",
        "Arrays of neurons",
        "Write the circuit as Verilog, and a JSON manifest beside it. The same design gives the same bytes.",
    ),
    "verify": Entry(
        "design",
        "Arrays of neurons",
        "Compare the circuit with the bit-true model: every state bit of every neuron at every tick.",
    ),
    "synth": Entry(
        "design",
        "Arrays of neurons",
        "Synthesise, place and route: bitstreams, resources, Fmax and the real-time factor.",
    ),
    "keys": Entry(
        "design", "Arrays of neurons", "List every key of the design file, with its default, its unit and its range."
    ),
    "prove": Entry(
        "evidence",
        "Evidence",
        "Prove that the circuit equals its bit-true model, for all states, inputs and parameters, at every tick.",
    ),
    "mutate": Entry(
        "evidence",
        "Evidence",
        "Put faults into the circuit, one at a time, and check that the test vectors of the regression detect each.",
    ),
    "upsets": Entry(
        "evidence",
        "Evidence",
        "Flip bits of registers and memories during a run, one in each run: the effect of soft errors.",
    ),
    "sweep": Entry(
        "sweep",
        "Parameter sweeps",
        "Run the bit-true model for all combinations of values of some keys, or for a random sample of them.",
    ),
    "onn": Entry(
        "onn",
        "Networks",
        "Networks of phase oscillators, all coupled to all: solve problems, recall pictures, build circuits.",
    ),
    "snn": Entry(
        "snn",
        "Networks",
        "Spiking networks of LIF neurons, from NIR files of other tools: word lengths, accuracy, Verilog, bitstreams.",
    ),
    "boards": Entry("board", "Boards", "List the boards, and about how many neurons and oscillators each holds."),
    "bitstream": Entry(
        "board",
        "Boards",
        "Place and route the circuit with its serial link, for `neuristor program` and `neuristor run`.",
    ),
    "core": Entry(
        "board",
        "Boards",
        "Write the circuit with its registers as Verilog, for your own system: AXI4-Lite, Wishbone or a serial line.",
    ),
    "program": Entry("board", "Boards", "Load a bitstream into a board, with openFPGALoader."),
    "run": Entry(
        "board",
        "Boards",
        "Run a file on a board, or on a simulated board, and compare the output with the bit-true model.",
    ),
    "doctor": Entry(
        "doctor",
        "This computer",
        "List the tools and boards found on this computer, what is missing, and how to install it.",
    ),
}
GROUPS = ("model", "onn", "snn")
"""The entries that are groups."""
