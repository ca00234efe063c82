"""The catalogue of published devices: each number with its source and a verification tag."""

from __future__ import annotations

import difflib
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
"""Class of each device model, by its kind."""

TABLES = ("circuit", "pulses", "figures")
"""Tables of an entry that are not parameters of the device."""


@dataclass(frozen=True)
class Number:
    """A number of the catalogue."""

    value: float
    """In the SI unit without prefix of the quantity."""
    source: str
    """Where the number is from."""
    tag: str
    """``verified`` (read in the source), ``chosen`` (not a property of the device, chosen here), or
    ``unverified`` (recalled, not yet read in the source)."""


@dataclass(frozen=True)
class Preset:
    """A published device."""

    name: str
    """Key in the catalogue."""
    title: str
    """One line for people: material and kind of device."""
    paper: str
    """Publication of the device."""
    numbers: dict[str, Number]
    """Parameters of the device, by the field of its class."""
    kind: str = "threshold_switch"
    """Device model, a key of `DEVICES`."""
    classes: tuple[str, ...] = ()
    """Neurons that the device makes: ``HH``, ``LIF``, ``oscillation``."""
    circuit: dict[str, Number] | None = None
    """Supply, series resistance and capacitance, by the field of `Circuit`."""
    pulses: dict[str, Number] | None = None
    """Pulses that the device was driven with."""
    figures: dict[str, Number] | None = None
    """Published figures of merit, by names that end with the unit."""

    @property
    def missing(self) -> list[str]:
        """Parameters without a default that the catalogue has no number for."""
        needed = fields(DEVICES[self.kind])
        return [field.name for field in needed if field.default is MISSING and field.name not in self.numbers]

    @property
    def device(self) -> Any:
        """The device with these numbers, an instance of the class of its kind.

        Raises
        ------
        ValueError
            If a number is missing.
        """
        if self.missing:
            raise ValueError(
                f"{self.name} must have every number of a {self.kind}, but lacks {', '.join(self.missing)}"
            )
        return DEVICES[self.kind](**{name: number.value for name, number in self.numbers.items()})

    @property
    def verified(self) -> bool:
        """Whether no number of the device is missing and all are tagged ``verified``."""
        return not self.missing and all(number.tag == "verified" for number in self.numbers.values())


def _numbers(table: dict[str, Any]) -> dict[str, Number]:
    return {key: Number(**number) for key, number in table.items() if isinstance(number, dict)}


@cache
def catalogue() -> dict[str, Preset]:
    """All presets, by name, in the order of the file ``catalogue.toml``."""
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

    Parameters
    ----------
    name : str
        Key in the catalogue.

    Returns
    -------
    Preset
        The device of that name.

    Raises
    ------
    ValueError
        If the catalogue has no device of that name.
    """
    if name not in catalogue():
        near = difflib.get_close_matches(name, catalogue(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"preset must be one of {', '.join(catalogue())}, not {name!r}{hint}")
    return catalogue()[name]
