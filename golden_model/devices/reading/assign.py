"""The quantity of each column of a table: by its header, by the user's choice, or by the data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from neuristor.golden_model.devices.reading.columns import Column, Quantity, column, unit_of
from neuristor.golden_model.devices.reading.tables import Table
from neuristor.golden_model.devices.reading.values import from_scope, is_clock, numbers, sampling

__all__ = ["Choice", "NoColumnsError", "assign", "listed", "trouble"]

SMALL = 0.1
"""Without names, numbers below this fraction of the voltages are currents."""
LISTED = 12
"""Number of columns that an error lists."""
_SYMBOLS = {
    "voltage": "V, mV",
    "current": "A, mA, uA",
    "time": "s, ms, us, min, h",
    "temperature": "K, degC",
    "resistance": "ohm, kohm",
}


class NoColumnsError(ValueError):
    """A table lacks the columns of a record."""


@dataclass(frozen=True)
class Choice:
    """Columns that the user names, by their name or their number from 1."""

    voltage: str | None = None
    """Column of the voltage."""
    current: str | None = None
    """Column of the current."""
    time: str | None = None
    """Column of the time."""

    @property
    def texts(self) -> dict[Quantity, str]:
        """The text that names the column of each quantity that is chosen."""
        pairs: dict[Quantity, str | None] = {"voltage": self.voltage, "current": self.current, "time": self.time}
        return {quantity: text for quantity, text in pairs.items() if text is not None}


def listed(columns: Sequence[Column]) -> str:
    """The names of columns, with what is wrong with them, for messages.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    """
    texts = [
        (repr(found.name[:60]) if found.name else f"column {found.number + 1}")
        + f" ({found.trouble})" * bool(found.trouble)
        for found in columns[:LISTED]
    ]
    more = f" and {len(columns) - LISTED} more" if len(columns) > LISTED else ""
    return ", ".join(texts) + more


def trouble(where: str, found: Column) -> str:
    """A sentence on a column that cannot be used.

    Parameters
    ----------
    where : str
        File and line.
    found : Column
        A column with a quantity.
    """
    return (
        f"{where}: column {found.shown[:80]}: {found.trouble}; wanted {found.quantity} with a unit such as "
        f"{_SYMBOLS.get(found.quantity or '', 'V, A, s')}"
    )


def assign(table: Table, choice: Choice) -> tuple[list[Column], dict[Quantity, int]]:
    """Find the quantity of each column.

    Parameters
    ----------
    table : Table
        The table.
    choice : Choice
        Columns that the user names.

    Returns
    -------
    columns : list of Column
        All columns of the table.
    chosen : dict of str to int
        Column of each quantity that the user chose.

    Raises
    ------
    ValueError
        If a chosen column does not exist, has a unit that is not understood, or is not of numbers; or if
        there are no names and the data leave a choice.
    """
    columns = _by_name(table) if any(table.names) or any(table.units) else _by_data(table, choice)
    chosen: dict[Quantity, int] = {}
    for quantity, text in choice.texts.items():
        n = _number(table, columns, text)
        columns[n] = _as(table, columns[n], quantity)
        if columns[n].trouble:
            raise ValueError(trouble(f"{table.name}, line {table.header}", columns[n]))
        chosen[quantity] = n
    return columns, chosen


def _number(table: Table, columns: list[Column], text: str) -> int:
    """The column that the user means.

    Raises
    ------
    NoColumnsError
        If there is none, or it does not hold numbers.
    """
    where = f"{table.name}, line {table.header}"
    wanted = " ".join(text.split()).lower()
    for names in (
        [found.name.lower() for found in columns],
        [re.sub(r"\s*[(\[{].*", "", found.name).lower() for found in columns],
        [str(found.number + 1) for found in columns],
    ):
        if wanted in names:
            n = names.index(wanted)
            if n not in table.numeric and not is_clock(table, n):
                raise NoColumnsError(f"{where}: column {text!r} must hold numbers; it holds text")
            return n
    raise NoColumnsError(f"{where}: wanted a column {text!r}; there are {listed(columns)}")


def _as(table: Table, found: Column, quantity: Quantity) -> Column:
    """A column as the quantity that the user says; its unit must be one of that quantity."""
    if found.quantity == quantity:
        return found
    unit = table.units[found.number] if found.number < len(table.units) else ""
    bracket = re.search(r"[(\[]([^()\[\]]*[A-Za-z%][^()\[\]]*)[)\]]\s*$", found.name)
    made = column(found.number, quantity, unit or (bracket[1] if bracket else ""))
    return replace(made, name=found.name)


def _by_name(table: Table) -> list[Column]:
    """Columns by their header, and by units that stand in the preamble or beside each number."""
    names = table.names + [""] * (table.width - len(table.names))
    units = table.units + [""] * (table.width - len(table.units))
    found = []
    for n, (name, unit) in enumerate(zip(names, units, strict=True)):
        if n + 1 < table.width and names[n + 1].strip().lower() in ("unit", "units", "einheit"):
            unit = unit or next((row.cells[n + 1] for row in table.rows[:20] if n + 1 < len(row.cells)), "")
        made = column(n, name, unit)
        if not made.surely and not unit and (above := _unit_above(table, made)):
            made = column(n, name, above)
        if n in table.aside:
            made = replace(made, quantity=None, trouble="a preamble")
        elif n not in table.numeric and not (made.quantity == "time" and is_clock(table, n)):
            made = replace(made, quantity=None, trouble="a text" if name else "")
        found.append(made)
    known = {made.quantity for made in found}
    if "resistance" in known and not {"voltage", "current", "temperature"} & known:
        found = [replace(made, quantity="temperature") if made.name == "T" else made for made in found]
    return found


def _unit_above(table: Table, made: Column) -> str:
    """Unit of a channel in the preamble of an oscilloscope or of LabVIEW."""
    values = table.preamble.get("y_unit_label") or table.preamble.get("vertical units") or []
    if made.quantity == "time":
        values = table.preamble.get("horizontal units", [])[:1]
    by_channel = {name.lower(): unit for name, unit in re.findall(r"(\w+):(\S+)", " ".join(values))}
    if by_channel:
        return str(by_channel.get(made.name.lower(), ""))
    if len(values) > 1:
        return values[made.number - 1] if 0 < made.number <= len(values) else ""
    return values[0] if values else ""


def _by_data(table: Table, choice: Choice) -> list[Column]:
    """Columns of a table without header, in SI units; what they are shows in the data.

    Raises
    ------
    ValueError
        If the data leave a choice.
    """
    scope = from_scope(table)
    meaning = _meaning(table, scope)
    if not meaning and not choice.texts:
        raise ValueError(
            f"{table.name}, line {table.header}: the columns have no names, and the numbers leave a choice: "
            f"say which is --voltage and which --current (1 to {table.width})"
        )
    found = [Column(n, "", meaning.get(n)) for n in range(table.width)]
    unit = (table.preamble.get("vertical units") or [""])[0]
    if scope and unit:
        known = unit_of(unit)
        for n in meaning:
            if meaning[n] == "voltage":
                found[n] = (
                    replace(found[n], quantity=known[0], factor=known[1])
                    if known
                    else replace(found[n], trouble=f"the unit {unit[:40]!r} is not understood")
                )
    return found


def _meaning(table: Table, scope: bool) -> dict[int, Quantity]:
    """Quantities of columns without names; empty if the data leave a choice."""
    values = {n: numbers(table, n, gaps=True) for n in table.numeric}
    full = {n: found[np.isfinite(found)] for n, found in values.items()}
    size = {n: float(np.abs(found).max(initial=0.0)) for n, found in full.items()}
    rising = [n for n, found in full.items() if len(found) > 2 and (np.diff(found) > 0).all()]
    counting = [n for n in rising if full[n][0] in (0, 1) and (np.diff(full[n]) == 1).all()]
    meaning: dict[int, Quantity] = {}
    if counting and (len(full) > 2 or (len(full) == 2 and scope and sampling(table))):
        meaning[counting[0]] = "index"
    rest = [n for n in full if n not in meaning]
    # A sweep in one direction rises as time does. Two columns with a small second one are an I-V curve.
    curve = len(rest) == 2 and size[rest[1]] < SMALL * size[rest[0]] and not scope
    times = [] if curve else [n for n in rest if n in rising][: None if scope else 1]
    meaning |= dict.fromkeys(times, "time")
    rest = [n for n in rest if n not in times]
    if scope or (times and len(rest) == 1):
        return meaning | dict.fromkeys(rest, "voltage")
    if len(rest) == 2:
        large, small = sorted(rest, key=lambda n: -size[n])
        other: Quantity = "current" if not times or size[small] < SMALL * size[large] else "voltage"
        return meaning | {large: "voltage", small: other}
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    if len(rest) > 2 and len(rest) % 2 == 0 and all(size[i] < SMALL * size[v] for v, i in pairs):
        return meaning | {n: "current" if k % 2 else "voltage" for k, n in enumerate(rest)}
    return {} if len(rest) > 1 else meaning | dict.fromkeys(rest, "voltage")
