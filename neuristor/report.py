"""The report: one page of HTML that needs no network; the same design gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuristor.design_file import Design
from neuristor.findings import findings
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.units import Figure
from neuristor.ladder import error_rows
from neuristor.pictures.devices import design_picture
from neuristor.pictures.picture import Picture
from neuristor.pictures.runs import Trace, run_pictures
from neuristor.pictures.schematic import schematic
from neuristor.pictures.screen import block, whole
from neuristor.show import describe
from neuristor.sim.benches.verify import Verdict
from neuristor.steps import BoardResult, Simulation
from neuristor.tables import si
from neuristor.version import __version__

__all__ = ["pictures", "render", "switch_rows"]

RESOURCES = ("LUT", "FF", "block RAM", "DSP")
LEVELS = {"good": "good", "fair": "look at it", "bad": "bad", "open": "not compared"}


def pictures(design: Design, simulation: Simulation, circuit: Trace) -> list[Picture]:
    """The pictures of a report.

    Parameters
    ----------
    design : Design
        The design.
    simulation : Simulation
        Traces of its models.
    circuit : (str, dict of ndarray)
        Name of the simulator of the circuit, and its trace of the first ticks.
    """
    return [design_picture(design, simulation.reduction), *run_pictures(design, simulation, circuit)]


def render(
    design: Design,
    simulation: Simulation,
    drawn: Sequence[Picture],
    verdicts: Sequence[Verdict],
    boards: Sequence[BoardResult],
    data: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Render the report.

    Parameters
    ----------
    design : Design
        The design.
    simulation : Simulation
        Traces of its models.
    drawn : sequence of Picture
        Of `pictures`.
    verdicts : sequence of Verdict
        Results of verification.
    boards : sequence of BoardResult
        Results of place and route.
    data : mapping of str to sequence of str, optional
        Files beside the report with the data of each picture; those of the name ``run`` have the whole run.

    Returns
    -------
    str
        A page of HTML.
    """
    files = data or {}
    named = None if design.sections.device is None else design.sections.device.preset
    entry = None if named is None else preset(named)
    return whole(
        "report.html.j2",
        title=design.name,
        design=design,
        entry=entry,
        version=__version__,
        schematic=schematic(design),
        blocks=[(each, block(each, files.get(each.name, ()))) for each in drawn],
        findings=findings(design, simulation, verdicts, boards),
        levels=LEVELS,
        errors=error_rows(simulation),
        verdicts=verdicts,
        boards=boards,
        resources=RESOURCES,
        device=_device_rows(design),
        sources=[] if named is None else describe(named),
        run=files.get("run", ()),
        si=si,
        number=_number,
    )


def _number(cell: Any) -> str:
    """The value of a cell, by which its column is sorted; empty if it is a text."""
    return f"{cell.value:.12g}" if isinstance(cell, Figure) else ""


def switch_rows(circuit: Circuit) -> list[tuple[str, str]]:
    """List the elements of a two-state switch in its circuit, and its behaviour.

    Parameters
    ----------
    circuit : Circuit
        The circuit.

    Returns
    -------
    list of (str, str)
        Name, and value with unit.
    """
    switch, regime, (low, high) = circuit.device, circuit.regime(), circuit.firing_currents
    target = si(circuit.target_ins(), "V")
    return [
        ("V_th", si(switch.v_th, "V")),
        ("V_hold", si(switch.v_hold, "V")),
        ("R_ins", si(switch.r_ins, "ohm")),
        ("R_met", si(switch.r_met, "ohm")),
        ("supply", si(circuit.supply, "V")),
        ("series resistance", si(circuit.series_resistance, "ohm")),
        ("capacitance", si(circuit.capacitance, "F")),
        ("without input", f"{regime}, at {target}" if regime == "silent" else f"{regime}, charges towards {target}"),
        (
            "fires repeatedly",
            f"with input currents from {si(low, 'A')} to {si(high, 'A')}"
            if low < high
            else "never: at every input that switches it on it stays on; a larger series resistance prevents that",
        ),
    ]


def _device_rows(design: Design) -> list[tuple[str, str]]:
    rows = switch_rows(design.circuit) if isinstance(design.circuit, Circuit) else []
    return [*rows, *design.golden.summary(design.params)]
