"""The measurements that the user names: files, and folders of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from neuristor.golden_model.devices.measurement import Choice, Kind

__all__ = ["Options", "expand"]

SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".asc", ".lvm", ".prn", ".xlsx", ".xlsm")
"""Files of a folder with other suffixes are no measurements."""
MOST_FILES = 2000
"""Largest number of files of a folder."""


def expand(data: Sequence[Path], targets: Sequence[Path]) -> list[tuple[Path, bool]]:
    """Files in the order given, those of a folder by name.

    Parameters
    ----------
    data : sequence of Path
        Files and folders.
    targets : sequence of Path
        Files that will be written, which are no measurements.

    Returns
    -------
    list of (Path, bool)
        File, and whether it comes from a folder.

    Raises
    ------
    ValueError
        If a folder has no measurements, or too many.
    """
    found: list[tuple[Path, bool]] = []
    written = {target.absolute() for target in targets}
    for path in data:
        if not path.is_dir():
            found.append((path, False))
            continue
        inside = sorted(
            each
            for each in path.iterdir()
            if each.suffix.lower() in SUFFIXES and not each.name.startswith((".", "~")) and each.is_file()
        )
        inside = [each for each in inside if each.absolute() not in written]
        if not 0 < len(inside) <= MOST_FILES:
            raise ValueError(
                f"{path} must hold 1 to {MOST_FILES} measurements ({', '.join(SUFFIXES)}), not {len(inside)}"
            )
        found += [(each, True) for each in inside]
    return found


@dataclass(frozen=True)
class Options:
    """What the user says of the files: each text holds for all, or as ``FILE:TEXT`` for one."""

    kind: Sequence[str] = ()
    """``iv``, ``transient`` or ``rt``."""
    voltage: Sequence[str] = ()
    """Column of the voltage, by name or number."""
    current: Sequence[str] = ()
    """Column of the current."""
    time: Sequence[str] = ()
    """Column of the time."""

    def check(self, names: Sequence[str]) -> None:
        """Check the kinds.

        Parameters
        ----------
        names : sequence of str
            Names of the files.

        Raises
        ------
        ValueError
            If a kind does not exist.
        """
        for text in self.kind:
            value = _for_one(text, names)[1]
            if value not in get_args(Kind):
                raise ValueError(f"--kind must be among {', '.join(get_args(Kind))}, not {value!r}")

    def of(self, name: str, names: Sequence[str]) -> tuple[Kind | None, Choice]:
        """Kind and columns of a file.

        Parameters
        ----------
        name : str
            Name of the file.
        names : sequence of str
            Names of all files.
        """
        kind, voltage, current, time = (
            _last(texts, name, names) for texts in (self.kind, self.voltage, self.current, self.time)
        )
        known: Kind | None = next((each for each in get_args(Kind) if each == kind), None)
        return known, Choice(voltage, current, time)


def _for_one(text: str, names: Sequence[str]) -> tuple[str | None, str]:
    """The file that a text is for, if it names one, and the rest."""
    for name in names:
        if text.startswith(f"{name}:"):
            return name, text[len(name) + 1 :]
    return None, text


def _last(texts: Sequence[str], name: str, names: Sequence[str]) -> str | None:
    """The text for a file: the last that names it, else the last that names none."""
    pairs = [_for_one(text, names) for text in texts]
    for wanted in (name, None):
        values = [value for file, value in pairs if file == wanted]
        if values:
            return values[-1]
    return None
