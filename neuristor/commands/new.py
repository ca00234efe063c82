"""``neuristor new``: asks what you have, and writes a design file."""

from __future__ import annotations

import difflib
import re
import shlex
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
from neuristor.tables import Table as Listed

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
PULSES = (("pulse_period", "period of the pulses", "s"), ("pulse_voltage", "voltage of the pulses", "V"))


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
        _described(_catalogue() if chosen == "1" else _switch(), out, force)
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
        if not answer.strip():
            plain_console.print(f"{question} is needed", soft_wrap=True)
            continue
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
    able = [name for name, entry in catalogue().items() if not entry.missing]
    listed = api.devices()
    console.print(Listed("", listed.columns, [row for row in listed.rows if row[0] in able]).rich())
    while True:
        answer = _ask("device", "vo2-onn").strip()
        if answer in able:
            return {"preset": answer}
        near = difflib.get_close_matches(answer, able, n=1)
        hint = f"; did you mean {near[0]}?" if near else ": type a name from the first column"
        plain_console.print(f"there is no device {plain(answer)!r}{hint}", soft_wrap=True)


def _switch() -> dict[str, Any]:
    """Ask for the numbers of a switch until they are those of one."""
    defaults: dict[str, float] = {}
    while True:
        defaults = _numbers(SWITCH, defaults)
        try:
            device_of(Path("device"), {"kind": "threshold_switch"} | defaults)
        except DesignError as error:
            plain_console.print(plain(_bare(error)), style="yellow", soft_wrap=True)
            continue
        return {"kind": "threshold_switch"} | defaults


def _bare(error: Exception) -> str:
    """A sentence without the file and the section, which do not exist yet."""
    return re.sub(r"^[^\[\]]*: \[[^\]]*\] ", "", str(error))


def _described(device: dict[str, Any], out: Path, force: bool) -> None:
    """Ask for the circuit until the device oscillates or rests in it."""
    physics = device_of(out, device)
    try:
        defaults = catalogue_circuit(device["preset"]) if "preset" in device else {}
    except DesignError:
        defaults = {}
    pulsed = isinstance(physics, PulsedDevice)
    while True:
        circuit = _numbers(PULSES if pulsed else ELEMENTS, defaults)
        try:
            # Before anything else is asked.
            load(starting_text(starting_design(device, circuit), "trial"), name=out.stem)
            if not pulsed:
                _say_regime(circuit_of(out, circuit, physics, neuron("lif").model))
            break
        except DesignError as error:
            plain_console.print(plain(_bare(error)), style="yellow", soft_wrap=True)
            defaults = circuit
    sections = starting_design(device, circuit, 64 if pulsed else _count())
    text = starting_text(sections, "Written by `neuristor new`; every key: `neuristor keys`.")
    load(text, name=out.stem)
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


def _files() -> list[Path]:
    while True:
        answer = _ask("files, with spaces between them, or a folder", None)
        try:
            files = [Path(each.rstrip(",")).expanduser() for each in shlex.split(answer)]
        except ValueError:  # a quotation mark without its pair
            files = []
        missing = [each for each in files if not each.exists()]
        if files and not missing:
            return files
        plain_console.print(f"{plain(str(missing[0]))} does not exist" if missing else "name at least one file")


def _measured(out: Path, force: bool) -> None:
    """Ask for files, and for what they do not tell, until the design runs."""
    files, given = _files(), dict[str, float]()
    while True:
        try:
            found = fit_files(
                files,
                out=out,
                supply=given.get("supply"),
                series_resistance=given.get("series_resistance"),
                capacitance=given.get("capacitance"),
                force=force,
            )
        except (ValueError, OSError) as error:
            said = str(error)
            plain_console.print(plain(said), style="yellow", soft_wrap=True)
            if "give --" in said or given:
                given = _numbers(ELEMENTS, given)
            else:
                files = _files()
            continue
        for line in found.readings:
            plain_console.print(plain(line), soft_wrap=True)
        plain_console.print(plain(found.verdict), style=None if found.good else "yellow", soft_wrap=True)
        if not found.obstacle:
            break
        given, force = _numbers(ELEMENTS, given), True
    made = load(out)
    if isinstance(made.circuit, Circuit):
        _say_regime(made.circuit)
    wrote(out)
