"""The circuit of a neuron, drawn as a schematic."""

from __future__ import annotations

import re
from typing import Any

from neuristor.design_file import Design
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.two_channel import NeuristorCircuit
from neuristor.golden_model.units import si

__all__ = ["schematic"]


def schematic(design: Design) -> str:
    """Draw the circuit of a neuron of a design.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    str
        SVG, in the colour of the text around it; empty for a model without a circuit.
    """
    given = design.sections.circuit
    if given is None or design.device is None:
        return ""
    values = {key: value for key, value in given.model_dump().items() if value is not None}
    name = design.sections.device.preset if design.sections.device is not None else None
    label = str(name or getattr(design.device, "kind", "device"))
    if isinstance(design.circuit, NeuristorCircuit):
        return _drawn(lambda d, e: _two_channels(d, e, design.circuit), f"two switches ({label}) with their resistors")
    if isinstance(design.device, PulsedDevice):
        return _drawn(lambda d, e: _pulsed(d, e, values, label), f"pulses at the gate of {label}")
    if not {"supply", "series_resistance", "capacitance"} <= set(values):
        return ""
    coupled = _coupling(design)
    more = ", coupled to neighbours" if coupled else ""
    said = f"{label} in parallel with a capacitor, charged through a series resistor{more}"
    return _drawn(lambda d, e: _switch(d, e, values, label, coupled), said)


def _drawn(draw: Any, said: str) -> str:
    import schemdraw
    from schemdraw import elements

    schemdraw.use("svg")
    drawing = schemdraw.Drawing(show=False, color="currentColor", fontsize=12, unit=2.4, font="system-ui")
    draw(drawing, elements)
    text = drawing.get_imagedata("svg").decode()
    # Texts are wider in some fonts than schemdraw thinks.
    left, top, width, height = map(float, re.search(r'viewBox="([^"]+)"', text)[1].split())  # type: ignore[index]
    size = f'height="{height + 20:.2f}pt" width="{width + 80:.2f}pt"'
    view = f'viewBox="{left - 40:.2f} {top - 10:.2f} {width + 80:.2f} {height + 20:.2f}"'
    text = re.sub(r'height="[^"]+" width="[^"]+" viewBox="[^"]+"', f"{size} {view}", text, count=1)
    text = text.replace("fill:black", "fill:currentColor").replace("stroke-dasharray:-;", "")
    # Rounding errors differ between machines.
    text = re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda found: f"{float(found[0]):.2f}".replace("-0.00", "0.00"), text)
    return text.replace("<svg ", f'<svg role="img" aria-label="Schematic: {said}" ', 1)


def _si(value: float, unit: str) -> str:
    return si(value, unit).replace("ohm", "Ω")


def _coupling(design: Design) -> str:
    section = design.sections.coupling
    if section is not None:
        return "to its neighbours"
    extra = design.sections.neuron.model_extra or {}
    kind = extra.get("coupling", "none")
    return "" if kind in ("none", None) else f"to its neighbours ({kind})"


def _switch(d: Any, e: Any, values: dict[str, Any], label: str, coupled: str) -> None:
    source = d.add(e.SourceV().up().label(f"V_DD\n{_si(values['supply'], 'V')}"))
    d.add(e.Resistor().right().label(f"R_s\n{_si(values['series_resistance'], 'ohm')}"))
    node = d.add(e.Dot())
    d.add(e.Line().right().length(2.2))
    beside = d.add(e.Dot())
    d.add(e.Line().right().length(2.6))
    feed = d.add(e.Dot())
    d.add(e.Line().right().length(1.0))
    d.add(e.Dot(open=True).label(f"V{', ' + coupled if coupled else ''}", loc="right"))
    d.add(e.Memristor().down().at(node.center).label(label, loc="bottom", ofst=0.15))
    d.add(e.Capacitor().down().at(beside.center).label(f"C\n{_si(values['capacitance'], 'F')}", loc="bottom"))
    d.add(e.SourceI().down().at(feed.center).reverse().label("input", loc="bottom"))
    d.add(e.Line().left().tox(source.start))
    d.add(e.Ground().at(source.start))


def _pulsed(d: Any, e: Any, values: dict[str, Any], label: str) -> None:
    height, period = values.get("pulse_voltage"), values.get("pulse_period")
    said = "pulses" + (f"\n{_si(height, 'V')}" if height else "") + (f", every {_si(period, 's')}" if period else "")
    source = d.add(e.SourcePulse().up().label(said))
    d.add(e.Line().right().length(1.5))
    transistor = d.add(e.NFet().theta(0).reverse().anchor("gate").label(label, loc="right", ofst=0.3))
    d.add(e.Line().up().at(transistor.drain).length(0.5).label("output", loc="right"))
    d.add(e.Line().down().at(transistor.source).toy(source.start))
    d.add(e.Line().left().tox(source.start))
    d.add(e.Ground().at(source.start))


def _two_channels(d: Any, e: Any, circuit: NeuristorCircuit) -> None:
    start = d.add(e.Dot(open=True).label("input", loc="left"))
    if circuit.input_resistance:
        d.add(e.Resistor().right().label(f"R_in\n{_si(circuit.input_resistance, 'ohm')}"))
    elif circuit.input_capacitance:
        d.add(e.Capacitor().right().label(f"C_in\n{_si(circuit.input_capacitance, 'F')}"))
    else:
        d.add(e.Line().right().length(1.5))
    last: Any = start
    for number, (sign, capacitance) in enumerate((("-", circuit.capacitance_1), ("+", circuit.capacitance_2)), start=1):
        if number == 2:
            d.add(e.Resistor().right().label(f"R2\n{_si(circuit.coupling_resistance, 'ohm')}"))
        node = d.add(e.Dot().label(f"V{number}", loc="top"))
        d.add(e.Capacitor().down().at(node.center).label(f"C{number}\n{_si(capacitance, 'F')}", loc="top"))
        d.add(e.Ground())
        d.add(e.Line().right().at(node.center).length(2.2))
        last = d.add(e.Dot())
        d.add(e.Memristor().down().label(f"switch {number}", loc="bottom", ofst=0.1))
        source = e.SourceV().down() if sign == "-" else e.SourceV().down().reverse()
        d.add(source.label(f"{sign}E, E = {_si(circuit.supply, 'V')}", loc="bottom"))
        d.add(e.Ground())
        d.add(e.Line().right().at(last.center).length(0.6))
    d.add(e.Dot(open=True).label("output", loc="right"))
