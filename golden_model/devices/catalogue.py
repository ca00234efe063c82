"""The catalogue of published devices: numbers with their source and how far they are verified."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from golden_model.devices.threshold_switch import ThresholdSwitch

__all__ = ["Number", "Preset", "catalogue", "preset"]


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

    @property
    def device(self) -> ThresholdSwitch:
        """The device with these numbers."""
        return ThresholdSwitch(**{name: number.value for name, number in self.numbers.items()})

    @property
    def verified(self) -> bool:
        """Whether every number was read in its source."""
        return all(number.tag == "verified" for number in self.numbers.values())


@cache
def catalogue() -> dict[str, Preset]:
    """All presets, by name."""
    text = files("golden_model.devices").joinpath("catalogue.toml").read_text("utf-8")
    return {
        name: Preset(
            name=name,
            title=entry["title"],
            paper=entry["paper"],
            numbers={key: Number(**number) for key, number in entry.items() if isinstance(number, dict)},
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
