"""Exported Verilog and what drives it, and the tools and settings under which it must be right."""

from __future__ import annotations

import dataclasses
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tomlkit

from neuristor.design_file import load
from neuristor.network_file import open_network
from neuristor.session import OnnOptions
from neuristor.sim.benches.shell import judge
from neuristor.sim.engines.simulators import CocotbResult, run_cocotb, run_tool
from neuristor.weights_file import open_weights
from tests.sim.settings.host_bench import BUSES, HostCase

EXAMPLES = Path(__file__).parents[3] / "examples"
HOST_BENCH = "tests.sim.settings.host_bench"
ARRAYS = sorted(path.stem for path in EXAMPLES.glob("*.toml") if not path.stem.startswith("snn"))
NETWORKS = ("snn_digits", "snn_digits_vo2")
OSCILLATORS = ("oscillators", "noisy_oscillators")
NAMES = (
    r"^:(vpi_module|ivl_version|file_names) .*\n|^# .*\n|^ +\"[^\"]*\";\n"
    r'|^S_\w+ \.scope package, "\$unit" .*\n \.timescale 0 0;\n'
)
"""In a program of Icarus: names of files and modules, and the empty package of a file in newer languages."""
COCOTB_LANGUAGE = "2012"
"""The language in which cocotb lets Icarus read Verilog: the case ``cocotb with icarus`` runs the bench in it."""
MOST_TICKS = 20
"""Longest frame of an array behind a bus."""


class Setting(NamedTuple):
    """How a user's tool reads the Verilog."""

    simulator: str
    options: Sequence[str] | None = ()
    """Arguments of the compiler, beside those that cocotb passes: with Icarus, these include -g2012."""
    rewritten: bool = False
    """Whether Yosys reads it and writes it again."""

    @property
    def language(self) -> str | None:
        """The language of Icarus, if it is chosen."""
        chosen = [option.removeprefix("-g") for option in self.options or () if option.startswith("-g")]
        return chosen[0] if chosen and self.simulator == "icarus" else None


SETTINGS: Mapping[str, Setting] = {
    "icarus -g2005": Setting("icarus", ("-g2005",)),
    "icarus -g2005-sv": Setting("icarus", ("-g2005-sv",)),
    "icarus -g2009": Setting("icarus", ("-g2009",)),
    "icarus -g2012": Setting("icarus", ("-g2012",)),
    "cocotb with icarus": Setting("icarus"),
    "verilator": Setting("verilator"),
    "yosys and icarus": Setting("icarus", rewritten=True),
}


class Subject(NamedTuple):
    """A file of Verilog, and the bench that compares it with the model."""

    text: str
    top: str
    run: Callable[[Path, str, Sequence[str] | None], CocotbResult]
    """Runs the bench: file, simulator, arguments of the compiler."""


def array(name: str, ticks: int) -> Subject:
    """The array of an example, as `neuristor generate` writes it, and the first ticks of its input."""
    case = load(EXAMPLES / f"{name}.toml").case
    case = dataclasses.replace(case, drive_raw=case.drive_raw[:ticks])

    def run(verilog: Path, simulator: str, options: Sequence[str] | None) -> CocotbResult:
        environment = case.save(verilog.with_suffix(".pickle"))
        bench = "neuristor.sim.benches.neurons"
        return run_cocotb(simulator, verilog, case.toplevel, bench, environment, verilog.parent, options=options)

    return Subject(case.verilog, case.toplevel, run)


def network(name: str, runs: int) -> Subject:
    """The spiking network of an example, as `neuristor snn generate` writes it."""
    file = open_network(EXAMPLES / f"{name}.toml")
    return _judged(file.case(runs), file.verilog, file.module, "neuristor.sim.benches.snn")


def weights(folder: Path, name: str) -> Path:
    """A file of weights for nine oscillators."""
    matrix = np.random.default_rng(len(name)).integers(-15, 16, (9, 9))
    np.fill_diagonal(matrix, 0)
    np.savetxt(folder / f"{name}.csv", matrix, fmt="%d", delimiter=",")
    return folder / f"{name}.csv"


def oscillators(name: str, ticks: int) -> Subject:
    """A network of oscillators, as `neuristor onn generate` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        file = open_weights(weights(Path(folder), name), noise_bits=4 if name.startswith("noisy") else 0, parts=2)
    return _judged(file.case(ticks), file.verilog, file.module, "neuristor.sim.benches.onn")


def shorter(path: Path, folder: Path) -> Path:
    """A copy of a design file with frames of at most `MOST_TICKS`."""
    document = tomlkit.parse(path.read_text())
    stimulus: Any = document["stimulus"]
    stimulus["ticks"] = min(int(stimulus["ticks"]), MOST_TICKS)
    if str(stimulus["source"]).endswith(".csv"):
        stimulus["source"] = str(path.parent / stimulus["source"])
    for section in ("devices", "coupling"):
        other: Any = document.get(section, {})
        if "file" in other:
            other["file"] = str(path.parent / other["file"])
    neuron: Any = document["neuron"]
    if str(neuron["model"]).endswith(".toml"):
        neuron["model"] = str(path.parent / neuron["model"])
    made = folder / path.name
    made.write_text(tomlkit.dumps(document))
    return made


def on_bus(path: Path, bus: str, frames: int) -> Subject:
    """A file as `neuristor core` writes it."""
    options = OnnOptions(noise_bits=4, noise=9, periods=frames) if path.suffix == ".csv" else OnnOptions()
    case = HostCase(path=path, bus=bus, frames=frames, options=options)
    return _judged(case, case.verilog(), case.top, HOST_BENCH)


def _judged(case: Any, text: str, top: str, bench: str) -> Subject:
    def run(verilog: Path, simulator: str, options: Sequence[str] | None) -> CocotbResult:
        return judge(case, simulator, top, bench, verilog.parent, verilog.read_text(), options)

    return Subject(text, top, run)


def rewritten(text: str, folder: Path, top: str) -> str:
    """The Verilog after Yosys has read it, without SystemVerilog, and written it again."""
    (folder / "given.v").write_text(text)
    script = (
        "import sys; from pyosys import libyosys as ys; design = ys.Design()\n"
        f"for command in ('read_verilog given.v', 'hierarchy -check -top {top}', 'proc', 'opt_clean', "
        "'write_verilog -noattr made.v'): ys.run_pass(command, design)"
    )
    run_tool([sys.executable, "-c", script], folder, "Yosys could not rewrite the Verilog")
    return (folder / "made.v").read_text()


def program(verilog: Path, top: str, language: str) -> str:
    """What Icarus makes of a file in a language, without what does not act: names of nodes, files, modules of VPI."""
    made = verilog.with_suffix(".vvp")
    run_tool(
        ["iverilog", f"-g{language}", "-s", top, "-o", str(made), str(verilog)], verilog.parent, "Icarus refuses it"
    )
    text = re.sub(NAMES, "", made.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^(S_\w+ \.scope .*?) \d+ \d+(, \d+ \d+ \d+)?", r"\1", text, flags=re.MULTILINE)
    numbers: dict[str, str] = {}
    return re.sub(r"0x[0-9a-f]{6,}", lambda found: numbers.setdefault(found[0], f"@{len(numbers)}"), text)


def check(subject: Subject, setting: Setting, folder: Path) -> None:
    """Run the bench of a subject under a setting; or show that Icarus makes the same program as under cocotb's."""
    text = rewritten(subject.text, folder, subject.top) if setting.rewritten else subject.text
    verilog = folder / f"{subject.top}.v"
    verilog.write_text(text)
    if setting.language is not None:
        made = program(verilog, subject.top, setting.language)
        assert made.count(".functor") > 10
        if made == program(verilog, subject.top, COCOTB_LANGUAGE):
            return
    subject.run(verilog, setting.simulator, setting.options).check()


def subject(kind: str, name: str, folder: Path, amount: int) -> Subject:
    """A subject by its kind: ``bare`` or one of `BUSES`.

    Parameters
    ----------
    kind : str
        ``bare``, or a bus.
    name : str
        One of `ARRAYS`, `NETWORKS` or `OSCILLATORS`.
    folder : Path
        For files of weights.
    amount : int
        Ticks of a bare array or of bare oscillators; runs, frames or periods of the others.
    """
    assert kind in ("bare", *BUSES)
    if kind != "bare":
        path = weights(folder, name) if name in OSCILLATORS else EXAMPLES / f"{name}.toml"
        return on_bus(shorter(path, folder) if name in ARRAYS else path, kind, amount)
    if name in NETWORKS:
        return network(name, amount)
    return oscillators(name, amount) if name in OSCILLATORS else array(name, amount)
