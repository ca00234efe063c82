"""``neuristor new``: asks what you have, and writes a design file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from neuristor import api
from neuristor.commands.options import Force
from neuristor.commands.terminal import console, plain_console, refuse, wrote
from neuristor.design_file import DesignError, circuit_of, device_of, load
from neuristor.fit import fit as fit_files
from neuristor.folder import check_target, plain, write_file
from neuristor.golden_model.devices.catalogue import catalogue
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.units import si
from neuristor.hdl.neurons import neuron
from neuristor.starting import catalogue_circuit, read_number, starting_design, starting_text

__all__ = ["app"]

app = typer.Typer()

KINDS = (
    "a published device, from the catalogue",
    "measured curves: I-V sweeps, transients",
    "the numbers of a switch: V_th, V_hold and two resistances",
)
SWITCH = (
    ("v_th", "threshold voltage V_th", "V"),
    ("v_hold", "hold voltage V_hold", "V"),
    ("r_ins", "resistance while insulating (off)", "ohm"),
    ("r_met", "resistance while metallic (on)", "ohm"),
)
ELEMENTS = (
    ("supply", "supply voltage", "V"),
    ("series_resistance", "series resistance", "ohm"),
    ("capacitance", "capacitance", "F"),
)


@app.command()
def new(
    out: Annotated[Path, typer.Option("--out", help="Design file to write.")] = Path("my_device.toml"),
    force: Force = False,
) -> None:
    """Ask what you have, and write a design file that runs.

    Numbers may have units and prefixes: 20 kohm, 20k, 2e4. Ctrl-C stops, and nothing is written.

    Example: `neuristor new --out my_device.toml`
    """
    check_target(out, force=force)
    console.print("What do you have?")
    for number, kind in enumerate(KINDS, start=1):
        console.print(f"  {number}  {kind}")
    chosen = _choice("number", [str(n + 1) for n in range(len(KINDS))], "1")
    if chosen == "2":
        _measured(out, force)
    else:
        device = _catalogue() if chosen == "1" else {"kind": "threshold_switch"} | _numbers(SWITCH, {})
        _described(device, out, force)
    plain_console.print(f"look at it:  neuristor explore {out}", soft_wrap=True)
    plain_console.print(f"draw a run:  neuristor simulate {out} --plot {out.stem}.html", soft_wrap=True)
    plain_console.print(f"all of it:   neuristor build {out} --out build/{out.stem}", soft_wrap=True)


def _ask(question: str, default: str | None) -> str:
    try:
        return str(typer.prompt(question, default=default))
    except typer.Abort:
        refuse("the answers ended before the design was complete; nothing was written")


def _choice(question: str, known: list[str], default: str) -> str:
    while True:
        answer = _ask(question, default).strip()
        if answer in known:
            return answer
        plain_console.print(f"{plain(answer)!r} is none of {', '.join(known)}", soft_wrap=True)


def _number(question: str, unit: str, default: float | None) -> float:
    while True:
        answer = _ask(f"{question}, in {unit}", None if default is None else str(si(default, unit)))
        try:
            value = read_number(question, unit, answer)
        except DesignError as error:
            plain_console.print(plain(str(error)), soft_wrap=True)
            continue
        if value > 0:
            return float(f"{value:.9g}")
        plain_console.print(f"{question} must be above 0, not {plain(answer)}", soft_wrap=True)


def _numbers(asked: Any, defaults: dict[str, float]) -> dict[str, float]:
    return {key: _number(question, unit, defaults.get(key)) for key, question, unit in asked}


def _catalogue() -> dict[str, Any]:
    console.print(api.devices().rich())
    able = [name for name, entry in catalogue().items() if not entry.missing]
    return {"preset": _choice("device", able, "vo2-onn")}


def _described(device: dict[str, Any], out: Path, force: bool) -> None:
    """Ask for the circuit until the device oscillates or rests in it."""
    physics = device_of(out, device)
    try:
        defaults = catalogue_circuit(device["preset"]) if "preset" in device else {}
    except DesignError:
        defaults = {}
    if isinstance(physics, PulsedDevice):
        asked: Any = (("pulse_period", "period of the pulses", "s"), ("pulse_voltage", "voltage of the pulses", "V"))
    else:
        asked = ELEMENTS
    while True:
        circuit = _numbers(asked, defaults)
        try:
            if not isinstance(physics, PulsedDevice):
                _say_regime(circuit_of(out, circuit, physics, neuron("lif").model))
            sections = starting_design(device, circuit, _count())
            text = starting_text(sections, "Written by `neuristor new`; every key: `neuristor keys`.")
            load(text, name=out.stem)
            break
        except DesignError as error:
            plain_console.print(plain(str(error)), style="yellow", soft_wrap=True)
            defaults = circuit
    write_file(out, text, force=force)
    wrote(out)


def _say_regime(circuit: Circuit) -> None:
    regime = circuit.regime()
    if regime == "oscillates":
        plain_console.print(f"oscillates by itself, at {si(circuit.frequency(), 'Hz')} as a two-state switch")
    elif regime == "silent":
        low, _ = circuit.firing_currents
        plain_console.print(f"rests at {si(circuit.target_ins(), 'V')}, and fires above an input of {si(low, 'A')}")


def _count() -> int:
    while True:
        answer = _ask("number of neurons", "64").strip()
        if answer.isdigit() and 1 <= int(answer) <= 65_536:
            return int(answer)
        plain_console.print(f"the number of neurons must be 1 to 65536, not {plain(answer)}", soft_wrap=True)


def _measured(out: Path, force: bool) -> None:
    """Ask for files, and for what they do not tell."""
    while True:
        files = [Path(each) for each in _ask("files, or a folder of them", None).split()]
        missing = [each for each in files if not each.exists()]
        if files and not missing:
            break
        plain_console.print(f"{plain(str(missing[0]))} does not exist" if missing else "name at least one file")
    given: dict[str, float] = {}
    while True:
        try:
            found = fit_files(files, out=out, plot=None, force=force, **given)  # type: ignore[arg-type]
            break
        except (ValueError, OSError) as error:
            said = str(error)
            lacks = [each for each in ELEMENTS if f"--{each[0].replace('_', '-')}" in said and each[0] not in given]
            if not lacks:
                refuse(said)
            plain_console.print(plain(said), soft_wrap=True)
            given |= _numbers(lacks, {})
    for line in found.readings:
        plain_console.print(plain(line), soft_wrap=True)
    plain_console.print(plain(found.verdict), soft_wrap=True)
    wrote(out)
