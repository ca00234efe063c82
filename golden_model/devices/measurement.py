"""Measured curves, read from the files that instruments write.

One reader accepts delimited text (comma, tab, blank, or semicolon with a decimal comma) and xlsx:
files of parameter analysers (Keysight EasyEXPERT with its ``DataName`` and ``DataValue`` lines,
Keithley Clarius with its sheets), of source-meter scripts and of oscilloscopes. Users choose their own
column names. The steps are those of :mod:`neuristor.golden_model.devices.reading`: the header gives
quantities and units, and where it leaves a choice, the data decide. `Measurement.reading` says what was
taken for what.

An I-V record is cut at the points nearest zero, so a sweep is one excursion of one polarity. All
quantities are returned in volt, ampere, second, ohm and kelvin.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuristor.golden_model.devices.reading.assign import Choice, NoColumnsError
from neuristor.golden_model.devices.reading.records import Kind, Records, pieces, records
from neuristor.golden_model.devices.reading.sweeps import Loop, Sweep, excursions
from neuristor.golden_model.devices.reading.tables import Row, Table, split, tables, trim
from neuristor.golden_model.devices.workbook import sheets
from neuristor.golden_model.files import content as file_content
from neuristor.golden_model.files import decoded, few_cells
from neuristor.golden_model.units import counted

__all__ = ["MAX_BYTES", "Choice", "Kind", "Loop", "Measurement", "Sweep", "read"]

MAX_BYTES = 64 * 1024 * 1024
"""Largest size of a file, in bytes."""
MAX_TABLES = 10_000
"""Largest number of tables in a text."""

TITLES = {"iv": "I-V curve", "transient": "transient", "rt": "resistance over temperature"}


@dataclass(frozen=True)
class Measurement:
    """Content of one file."""

    kind: Kind
    """``iv`` for I-V curves, ``transient`` for waveforms, ``rt`` for resistance over temperature."""
    sweeps: tuple[Sweep, ...]
    """Sweeps or records, in the order of the file; empty for ``rt``."""
    source: str
    """Name of the file, without its folder."""
    loops: tuple[Loop, ...] = ()
    """Loops of the temperature, in the order of the file; empty unless for ``rt``."""
    reading: str = ""
    """One line: what was taken for what."""


def read(path: Path, *, kind: Kind | None = None, choice: Choice | None = None) -> Measurement:
    """Read a file of I-V curves, of transients, or of resistance over temperature.

    Parameters
    ----------
    path : Path
        File of at most `MAX_BYTES`.
    kind : {"iv", "transient", "rt"}, optional
        Content of the file; by default it is found from the columns and the data.
    choice : Choice, optional
        Columns of voltage, current and time; by default they are found.

    Returns
    -------
    Measurement
        All sweeps or records of the file.

    Raises
    ------
    ValueError
        If the file cannot be read or is malformed. The message names the file, the line and the column,
        what was wanted and what was found.
    """
    try:
        content = file_content(path, MAX_BYTES)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    if not content.strip():
        raise ValueError(f"{path} must hold a table of numbers; it is empty")
    found: list[Table] = []
    if content.startswith(b"PK"):
        for title, rows in sheets(path, content):
            found += tables(f"{path}, sheet {title!r}", [Row(line, trim(cells)) for line, cells in rows])
    else:
        text = _text(path, content)
        few_cells(path, text)
        found = tables(str(path), split(text))
    if not found:
        raise ValueError(f"{path} must hold a table with rows of at least two numbers; it holds none")
    parts = _records(found, kind, choice or Choice())
    kinds = {part.kind for part in parts}
    if len(kinds) > 1:
        raise ValueError(f"{path} must hold either I-V curves or transients, not both; say which to read (--kind)")
    return _measurement(path, parts)


def _records(found: list[Table], kind: Kind | None, choice: Choice) -> list[Records]:
    """The records of all tables; a table without the columns of one is left out, if another has them.

    Raises
    ------
    NoColumnsError
        If no table has them.
    """
    parts: list[Records] = []
    problem: NoColumnsError | None = None
    for table in found:
        try:
            parts.append(records(table, kind, choice))
        except NoColumnsError as error:
            problem = problem or error
    if problem and not parts:
        raise problem
    return parts


def _measurement(path: Path, parts: list[Records]) -> Measurement:
    """The sweeps or loops of the records of a file.

    Raises
    ------
    ValueError
        If an I-V curve is too short for a sweep.
    """
    kind = parts[0].kind
    data = [each for part in parts for each in part.data]
    loops = tuple(each for each in data if isinstance(each, Loop))
    whole = [each for each in data if isinstance(each, Sweep)]
    sweeps: list[Sweep] = []
    for sweep in whole:
        sweeps += excursions(sweep) if kind == "iv" else pieces(sweep)
    if kind == "iv" and not sweeps:
        raise ValueError(f"{path}: wanted a voltage sweep of at least 5 points, not {len(whole[0].voltage)}")
    driven = "driven by current, " if any(sweep.drive == "current" for sweep in sweeps) else ""
    name = {"iv": "sweep", "transient": "record", "rt": "loop"}[kind]
    count = counted(len(loops if kind == "rt" else sweeps), name)
    said = dict.fromkeys(part.reading for part in parts)
    return Measurement(kind, tuple(sweeps), path.name, loops, f"{TITLES[kind]}, {driven}{count}: {'; '.join(said)}")


def _text(path: Path, content: bytes) -> str:
    """The text of a file.

    Raises
    ------
    ValueError
        If it is not text, or in an encoding that is not read.
    """
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValueError(f"{path} is an old .xls workbook: save it as .xlsx or CSV")
    try:
        return decoded(content)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as text: {error}") from None
