"""The catalogue of published devices: numbers with their source and how far they are verified."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from neuristor.golden_model.devices.antiferroelectric import AntiferroelectricFet
from neuristor.golden_model.devices.diffusive import DiffusiveSwitch
from neuristor.golden_model.devices.mott import MottMemristor
from neuristor.golden_model.devices.thermal_vo2 import ThermalVO2
from neuristor.golden_model.devices.threshold_switch import ThresholdSwitch

__all__ = ["DEVICES", "Number", "Preset", "catalogue", "preset"]

DEVICES: dict[str, type] = {
    kind.kind: kind for kind in (ThresholdSwitch, ThermalVO2, MottMemristor, DiffusiveSwitch, AntiferroelectricFet)
}
"""Every class of device, by its kind."""

TABLES = ("circuit", "pulses", "figures")


@dataclass(frozen=True)
class Number:
    """A number from the literature."""

    value: float
    """In the SI unit of its name."""
    source: str
    tag: str
    """``verified`` (read in the source), ``chosen`` (by us), or ``unverified``."""


@dataclass(frozen=True)
class Preset:
    """A published device."""

    name: str
    title: str
    paper: str
    numbers: dict[str, Number]
    """Of the device, by the field of its class."""
    kind: str = "threshold_switch"
    classes: tuple[str, ...] = ()
    """What neuron it makes: ``HH``, ``LIF``, ``oscillation``."""
    circuit: dict[str, Number] | None = None
    """Supply, series resistance and capacitance it was used with."""
    pulses: dict[str, Number] | None = None
    """The pulses it was driven with."""
    figures: dict[str, Number] | None = None
    """Published figures, with the unit in the name."""

    @property
    def missing(self) -> list[str]:
        """Numbers its class needs and nobody published."""
        needed = fields(DEVICES[self.kind])
        return [field.name for field in needed if field.default is MISSING and field.name not in self.numbers]

    @property
    def device(self) -> Any:
        """The device with these numbers, of the class of its kind.

        Raises
        ------
        ValueError
            If numbers are missing.
        """
        if self.missing:
            raise ValueError(f"{self.name} must have every number of a {self.kind}, not lack {', '.join(self.missing)}")
        return DEVICES[self.kind](**{name: number.value for name, number in self.numbers.items()})

    @property
    def verified(self) -> bool:
        """Whether no number is missing and every one was read in its source."""
        return not self.missing and all(number.tag == "verified" for number in self.numbers.values())


def _numbers(table: dict[str, Any]) -> dict[str, Number]:
    return {key: Number(**number) for key, number in table.items() if isinstance(number, dict)}


@cache
def catalogue() -> dict[str, Preset]:
    """All presets, by name."""
    text = files("neuristor.golden_model.devices").joinpath("catalogue.toml").read_text("utf-8")
    return {
        name: Preset(
            name=name,
            title=entry["title"],
            paper=entry["paper"],
            kind=entry["kind"],
            classes=tuple(entry.get("class", ())),
            numbers=_numbers({key: value for key, value in entry.items() if key not in TABLES}),
            **{table: _numbers(entry[table]) if table in entry else None for table in TABLES},
        )
        for name, entry in tomllib.loads(text).items()
    }


def preset(name: str) -> Preset:
    """One preset.

    Raises
    ------
    ValueError
        If the catalogue has no such device.
    """
    if name not in catalogue():
        raise ValueError(f"preset must be one of {', '.join(catalogue())}, not {name!r}")
    return catalogue()[name]
