"""The records of a table: which columns are voltage, current and time.

Names come first. Where they leave a choice, the data decide:

- Columns that are numbered alike belong together: V1 with I1. One voltage with numbered currents is a
  sweep for each current.
- The voltage of an I-V curve is the measured one, if a name says so, else that with the largest span.
- Its current is the current column with the largest power, sum(v i), that is not constant.
- The voltage of a transient is the voltage column that varies most. A second one that is nearly
  constant and, on average, not smaller is the supply.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from neuristor.golden_model.devices.reading.assign import Choice, NoColumnsError, assign, listed, trouble
from neuristor.golden_model.devices.reading.columns import Column, Quantity, direction, is_cycle
from neuristor.golden_model.devices.reading.sweeps import Floats, Loop, Sweep, has_jumps, is_ramp, returns_to_zero
from neuristor.golden_model.devices.reading.tables import Row, Table
from neuristor.golden_model.devices.reading.values import numbers, sampling

__all__ = ["Kind", "Records", "pieces", "records"]

MAX_COLUMNS = 4096
"""Largest number of columns of a table."""
LEAST_KELVIN = 250.0
"""Lower temperatures without a unit may be degrees Celsius."""
MIN_SPAN = 0.1
"""Voltages side by side are several sweeps if each spans at least this fraction of the largest."""
SHOWN = 6
"""Number of records, and of unused columns, that a reading names."""

Kind = Literal["iv", "transient", "rt"]


@dataclass
class Records:
    """The records of a table."""

    kind: Kind
    """What they are."""
    data: list[Sweep | Loop] = field(default_factory=list)
    """Their numbers; at least one."""
    reading: str = ""
    """What was taken for what, such as ``voltage = column 2 'V (mV)', current = column 3 'I (A)'``."""


@dataclass
class _Columns:
    """Columns of one record, and their numbers in the rows in which all of them have one."""

    voltages: list[Column]
    currents: list[Column]
    time: Column | None
    rows: list[Row]
    values: dict[int, Floats]
    """In SI units, by number of the column."""
    seconds: Floats | None
    """The time, from its column or from the sample interval."""
    label: str


def records(table: Table, kind: Kind | None, choice: Choice) -> Records:
    """Find the records of a table.

    Parameters
    ----------
    table : Table
        Rows of numbers with their header.
    kind : {"iv", "transient", "rt"}, optional
        What to look for; by default it is found.
    choice : Choice
        Columns that the user names.

    Returns
    -------
    Records
        At least one record.

    Raises
    ------
    ValueError
        If a column is missing, has a unit that is not understood, or a cell that is no number; or if a
        row has too many cells.
    """
    if table.width > MAX_COLUMNS:
        raise ValueError(
            f"{table.name}, line {table.rows[0].line}: wanted at most {MAX_COLUMNS} cells, not {table.width}"
        )
    for row in table.rows:
        if len(row.cells) > table.width:
            raise ValueError(f"{table.name}, line {row.line}: wanted {table.width} cells, not {len(row.cells)}")
    return _Reader(table, kind, choice).records()


class _Reader:
    """The columns of a table, and how records are made of them."""

    def __init__(self, table: Table, kind: Kind | None, choice: Choice) -> None:
        self.table, self.kind = table, kind
        self.columns, self.chosen = assign(table, choice)
        self.taken: list[dict[str, Column | None]] = []
        self.gaps = 0

    @property
    def where(self) -> str:
        return f"{self.table.name}, line {self.table.header}"

    def records(self) -> Records:
        """All records of the table."""
        voltages, currents, times = (self._usable(quantity) for quantity in ("voltage", "current", "time"))
        loop = self._usable("temperature"), self._usable("resistance")
        if self.kind == "rt" or (self.kind is None and all(loop) and self._is_loop(voltages, currents)):
            found = Records("rt", [self._loop(*loop)])
        else:
            groups = self._groups(voltages, currents)
            ways = _both_ways(currents) if len(voltages) == 1 and self.kind != "transient" else None
            made = [self._there_and_back(voltages[0], *ways)] if ways else []
            made = made or [
                self._record(label if len(groups) > 1 else "", *group, times) for label, group in groups.items()
            ]
            found = Records(made[0][0], [record for _, record in made])
        found.reading = self._reading()
        return found

    def _usable(self, quantity: Quantity) -> list[Column]:
        if quantity in self.chosen:
            return [self.columns[self.chosen[quantity]]]
        taken = set(self.chosen.values())
        return [c for c in self.columns if c.quantity == quantity and c.usable and c.number not in taken]

    def _span(self, found: Column) -> float:
        values = numbers(self.table, found.number, gaps=True)
        values = values[np.isfinite(values)]
        return float(np.ptp(values)) * abs(found.factor) if len(values) else 0.0

    def _is_loop(self, voltages: list[Column], currents: list[Column]) -> bool:
        """Whether the temperature is what is swept, also if the table has voltage and current."""
        if not voltages or not currents:
            return True
        relative = []
        for found in (voltages[0], currents[0]):
            values = numbers(self.table, found.number, gaps=True)
            relative.append(float(np.nanstd(values)) / max(1e-300, float(np.nanmax(np.abs(values)))))
        return self._span(self._usable("temperature")[0]) > 3 and min(relative) < 0.05

    def _groups(self, voltages: list[Column], currents: list[Column]) -> dict[str, tuple[list[Column], list[Column]]]:
        """Columns that belong together, by their label; one group if they are of one sweep."""
        one = {"": (voltages, currents)}
        if len(currents) < 2 or "current" in self.chosen or self.kind == "transient":
            return one
        driven = [c for c in voltages if c.role != "programmed"] or voltages
        volts, amperes = _labelled(driven), _labelled([c for c in currents if c.role != "programmed"])
        pairs = {label: (volts[label], amperes[label]) for label in volts if label in amperes}
        if len(pairs) < 2 and len(volts) == len(amperes):  # their names do not say it, but they alternate
            together = list(zip(driven, amperes.values(), strict=True))
            gaps = {i.number - v.number for v, i in together}
            pairs = {str(k): pair for k, pair in enumerate(together, start=1)} if gaps in ({1}, {-1}) else {}
        spans = [self._span(v) for v, _ in pairs.values()]
        if len(pairs) > 1 and min(spans) >= MIN_SPAN * max(spans) > 0:
            return {label: ([v], [i]) for label, (v, i) in pairs.items()}
        if len(driven) == 1 and self._are_sweeps(driven[0], amperes):
            return {label: (driven, [c]) for label, c in amperes.items()}
        return one

    def _are_sweeps(self, voltage: Column, currents: dict[str, Column]) -> bool:
        """Whether currents over one voltage are a sweep each: they are numbered, and no return paths."""
        stems = {re.sub(r"[\d.,#]+|\b[a-d]\b", "", label).strip() for label in currents}
        if len(currents) < 2 or len(stems) > 1 or not self._span(voltage) > 0:
            return False
        values = np.array([numbers(self.table, c.number, gaps=True) * c.factor for c in currents.values()])
        if not np.isfinite(values).any(axis=1).all():
            return False
        top = float(np.nanmax(np.abs(values)))
        apart = np.abs(np.abs(values[0]) - np.abs(values[1]))
        apart = apart[np.isfinite(apart)]  # empty if no row has both
        same = len(apart) > 0 and float(apart.max()) < 0.1 * top  # or a return path
        return len(values) > 2 or not same

    def _record(
        self, label: str, voltages: list[Column], currents: list[Column], times: list[Column]
    ) -> tuple[Kind, Sweep]:
        """One record of the columns of a group."""
        clock = None if times else sampling(self.table)
        self._check(voltages, currents, bool(times) or clock is not None)
        if len(times) > 1 and not currents:  # each channel has a time of its own
            voltages = [max(voltages, key=self._span)]
        left = [c for c in times if c.number < voltages[-1].number] if label or not currents else []
        time = left[-1] if left else times[0] if times else None
        rows, values = self._rows([*voltages, *currents, *([time] if time else [])], grouped=bool(label))
        seconds = values[time.number] if time else None
        if clock is not None:
            seconds = clock[0] + clock[1] * np.array([float(row.line - self.table.rows[0].line) for row in rows])
        return self._made(_Columns(voltages, currents, time, rows, values, seconds, label))

    def _check(self, voltages: list[Column], currents: list[Column], timed: bool) -> None:
        """Refuse a table that lacks a column, and say why one that is there is of no use.

        Raises
        ------
        NoColumnsError
            With a sentence on it.
        """
        kind = self.kind
        if voltages and ((currents and kind != "transient") or (timed and kind != "iv")):
            return
        lacking: list[Quantity] = [] if voltages else ["voltage"]
        if not currents and kind != "transient":
            lacking.append("current")
        if not timed and kind != "iv":
            lacking.append("time")
        for quantity in lacking:
            for found in self.columns:
                if found.quantity == quantity and found.trouble:
                    raise NoColumnsError(trouble(self.where, found))
        index = self._usable("index")
        if voltages and index and not currents and kind != "iv":
            raise NoColumnsError(
                f"{self.where}: column {index[0].shown} counts samples, and no line gives the sample interval: "
                "wanted a time in seconds, or a line such as 'Sample Interval,4e-8' above the table"
            )
        wanted = {
            "iv": "a voltage and a current column",
            "transient": "a time and a voltage column",
            "rt": "a temperature and a resistance column",
            None: "a voltage column with a current or a time column",
        }[kind]
        raise NoColumnsError(f"{self.where}: wanted {wanted}, not {listed(self.columns)}")

    def _rows(self, picked: list[Column], *, grouped: bool) -> tuple[list[Row], dict[int, Floats]]:
        """The rows in which all these columns have numbers, and the numbers in SI units.

        Raises
        ------
        NoColumnsError
            If there is no such row.
        """
        rows = self.table.rows
        if grouped:  # a shorter sweep ends earlier
            places = [c.number for c in picked]
            filled = [k for k, row in enumerate(rows) if any(n < len(row.cells) and row.cells[n] for n in places)]
            rows = rows[: filled[-1] + 1] if filled else rows
        values = {c.number: numbers(self.table, c.number, rows) for c in picked}
        full = np.all([np.isfinite(found) for found in values.values()], axis=0)
        if not full.any():
            raise NoColumnsError(f"{self.where}: no row has numbers in all of {listed(picked)}")
        self.gaps += int(np.sum(~full))
        scaled = {c.number: values[c.number][full] * c.factor + c.offset for c in picked}
        return [row for row, whole in zip(rows, full.tolist(), strict=True) if whole], scaled

    def _made(self, found: _Columns) -> tuple[Kind, Sweep]:
        """An I-V curve or a transient, of the columns that the data show to be the right ones."""
        values, seconds, line = found.values, found.seconds, found.rows[0].line
        varied = max(found.voltages, key=lambda c: float(np.ptp(values[c.number])))
        voltage = varied if "voltage" in self.chosen else _measured(found.voltages, values)
        v = values[voltage.number]
        current = _current(found.currents, values, v)
        i = values[current.number] if current else None
        curve = Sweep(v, i, seconds, self.table.name, line, label=found.label)
        by_voltage = any(is_ramp(values[c.number]) and not has_jumps(values[c.number]) for c in (voltage, varied))
        by_current = i is not None and not by_voltage and not has_jumps(i)
        kind = self.kind
        if kind is None:
            ramps = by_voltage or (by_current and i is not None and is_ramp(i)) or returns_to_zero(curve)
            kind = "iv" if i is not None and (seconds is None or ramps) else "transient"
        if kind == "iv":
            assert i is not None  # by _check
            if by_current:
                curve = replace(curve, drive="current")
            self.taken.append({"voltage": voltage, "current": current, "time": found.time})
            return "iv", replace(curve, device=self._device(found.label, voltage))
        assert seconds is not None  # by _check
        self._check_time(found.rows, seconds)
        v = values[varied.number]
        flat = [c for c in found.voltages if c is not varied and np.ptp(values[c.number]) < 0.2 * np.ptp(v)]
        supply = next((c for c in flat[:1] if abs(np.mean(values[c.number])) >= np.abs(v).mean()), None)
        self.taken.append({"voltage": varied, "current": current, "time": found.time, "supply": supply})
        level = None if supply is None else float(np.mean(values[supply.number]))
        return "transient", Sweep(v, i, seconds, self.table.name, line, level, label=found.label)

    def _device(self, label: str, voltage: Column) -> str:
        """Label of the device of a sweep; empty if the labels number the cycles of one.

        Clarius appends runs of the same device as V(2), V(3). Currents over one voltage are cycles too.
        """
        sweeps = [c for c in self._usable("voltage") if c.role != "programmed"]
        runs = is_cycle(label) or re.search(r"\(\d+\)\s*$", voltage.name) or len(sweeps) < 2
        return "" if runs else label

    def _check_time(self, rows: list[Row], seconds: Floats) -> None:
        """Refuse a time that does not rise; it may begin again, where segments follow each other.

        Raises
        ------
        ValueError
            If it does not.
        """
        steps = np.diff(seconds)
        again = steps < -0.5 * float(np.ptp(seconds)) if len(steps) > 1 else np.zeros(len(steps), bool)
        if len(seconds) < 2 or not (steps[~again] > 0).all():
            k = int(np.argmin(np.where(again, np.inf, steps))) + 1 if len(seconds) > 1 else 0
            raise ValueError(f"{self.table.name}, line {rows[k].line}: wanted a time above that of the line before")

    def _loop(self, temperatures: list[Column], resistances: list[Column]) -> Loop:
        """A loop of resistance over temperature.

        Raises
        ------
        NoColumnsError
            If a column is missing.
        """
        if not temperatures or not resistances:
            for found in self.columns:
                if found.quantity in ("temperature", "resistance") and found.trouble:
                    raise NoColumnsError(trouble(self.where, found))
            raise NoColumnsError(
                f"{self.where}: wanted a temperature and a resistance column, not {listed(self.columns)}"
            )
        temperature, resistance = max(temperatures, key=self._span), max(resistances, key=self._span)
        coldest = float(np.nanmin(numbers(self.table, temperature.number, gaps=True), initial=math.inf))
        if not temperature.has_unit and coldest < LEAST_KELVIN:
            raise NoColumnsError(
                f"{self.where}: column {temperature.shown} starts at {coldest:.4g} and has no unit: wanted K or degC"
            )
        if len(temperatures) == 1 and (ways := _both_ways(resistances)):
            rows, swept, measured = self._folded(temperature, *ways)
            return Loop(swept, measured, self.table.name, rows[0].line)
        rows, values = self._rows([temperature, resistance], grouped=False)
        self.taken.append({"temperature": temperature, "resistance": resistance})
        return Loop(values[temperature.number], values[resistance.number], self.table.name, rows[0].line)

    def _there_and_back(self, voltage: Column, up: Column, down: Column) -> tuple[Kind, Sweep]:
        """One sweep of a voltage that stands once for both ways."""
        rows, v, i = self._folded(voltage, up, down)
        return "iv", Sweep(v, i, None, self.table.name, rows[0].line)

    def _folded(self, swept: Column, up: Column, down: Column) -> tuple[list[Row], Floats, Floats]:
        """What is swept, there and back, and what was measured on both ways."""
        rows, values = self._rows([swept, up, down], grouped=False)
        x, there, back = (values[c.number] for c in (swept, up, down))
        self.taken.append({swept.quantity or "": swept, "up": up, "down": down})
        if abs(x[0]) > abs(x[-1]):
            x, there, back = x[::-1], there[::-1], back[::-1]
        return rows, np.concatenate([x, x[::-1]]), np.concatenate([there, back[::-1]])

    def _reading(self) -> str:
        """What was taken for what, and what was left."""
        texts = []
        for taken in self.taken[:SHOWN]:
            parts = [f"{what} = column {c.shown}" for what, c in taken.items() if c is not None]
            if "supply" in taken and taken["time"] is None and (clock := sampling(self.table)):
                parts.append(f"time = samples every {clock[1]:.6g} s")
            texts.append(", ".join(parts))
        if len(self.taken) > SHOWN:
            texts.append(f"and {len(self.taken) - SHOWN} more side by side")
        used = {c.number for taken in self.taken for c in taken.values() if c is not None}
        unused = [c for c in self.columns if c.number not in used and c.name]
        if unused:
            names = [f"{c.name!r}" + (f" ({c.trouble})" if c.trouble else "") for c in unused[:SHOWN]]
            more = f" and {len(unused) - SHOWN} more" if len(unused) > SHOWN else ""
            texts.append(f"not used: {', '.join(names)}{more}")
        if self.gaps:
            texts.append(f"{self.gaps} rows without a value left out")
        if not any(self.table.names) and not any(self.table.units):
            texts.append("no header, so units are SI")
        return "; ".join(texts)


def _labelled(columns: list[Column]) -> dict[str, Column]:
    """Columns by their label; those with the same label are numbered in order."""
    count = Counter(c.label for c in columns)
    seen: Counter[str] = Counter()
    found: dict[str, Column] = {}
    for c in columns:
        seen[c.label] += 1
        key = f"{c.label} {seen[c.label]}".strip() if count[c.label] > 1 else c.label
        found[key if key not in found else f"{key} #{c.number + 1}"] = c
    return found


def _both_ways(columns: list[Column]) -> tuple[Column, Column] | None:
    """Two columns of which one was measured on the way up, and the other on the way down."""
    ways = {direction(c.label): c for c in columns}
    return (ways["up"], ways["down"]) if len(columns) == 2 and "up" in ways and "down" in ways else None


def _measured(voltages: list[Column], values: dict[int, Floats]) -> Column:
    """The voltage of an I-V curve: measured rather than programmed, then the largest span."""
    spans = {c.number: float(np.ptp(values[c.number])) for c in voltages}
    wide = [c for c in voltages if spans[c.number] >= 0.2 * max(spans.values())]
    rank = {"measured": 0, "": 1, "programmed": 2}
    return min(wide, key=lambda c: (rank[c.role], -spans[c.number]))


def _current(currents: list[Column], values: dict[int, Floats], voltage: Floats) -> Column | None:
    """The current of the largest power, that of the return path last."""
    varying = [c for c in currents if np.ptp(values[c.number]) > 0]
    chosen = [c for c in varying if c.role != "programmed"] or varying or currents
    power = {c.number: float(np.dot(voltage, values[c.number])) for c in chosen}
    if not power:
        return None
    positive = max(power.values()) > 0
    return max(chosen, key=lambda c: power[c.number] if positive else abs(power[c.number]))


def pieces(wave: Sweep) -> list[Sweep]:
    """Cut a transient where its time begins again.

    Parameters
    ----------
    wave : Sweep
        A transient of one or more segments.

    Returns
    -------
    list of Sweep
        One for each segment.
    """
    assert wave.time is not None
    cuts = [0, *(np.flatnonzero(np.diff(wave.time) < 0) + 1).tolist(), len(wave.time)]
    return [wave.part(slice(a, b)) for a, b in pairwise(cuts) if b - a > 1]
