"""The explorer's view of a design file, or of a device of the catalogue: one neuron of it, and the array."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
from numpy.typing import NDArray

from neuristor.boards import BOARDS
from neuristor.boards.estimate import Measures, estimate, fitted_families, measure
from neuristor.design_file import Design, DesignError, device_of, load
from neuristor.explore.knobs import input_unit, knobs_of
from neuristor.explore.view import Part, Seen, Values, View
from neuristor.golden_model.devices.catalogue import preset
from neuristor.golden_model.devices.device import PulsedDevice
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.networks.order import phases, synchronisation
from neuristor.golden_model.neurons.accuracy import measure as measured
from neuristor.golden_model.neurons.model import spike_times
from neuristor.golden_model.units import si
from neuristor.ladder import percent
from neuristor.pictures.devices import iv_panel, window_panel
from neuristor.pictures.networks import circle_panel
from neuristor.pictures.picture import Axis, Guide, Panel, Region, Series, thinned
from neuristor.session import ArraySession, Session
from neuristor.starting import catalogue_circuit, starting_design
from neuristor.toml_file import opened, where

__all__ = ["DesignView", "preset_design"]

Floats = NDArray[np.float64]
CURRENTS = 16
"""Inputs at which the bit-true neuron runs at once."""
MOST_TICKS = 4000
"""Most ticks of a run that follows the sliders."""
MOST_UPDATES = 400_000
"""Most ticks times neurons of a run of the array."""
PERIODS = 6
"""Periods of the waveform."""
MEASURED_PERIODS = 8
"""Periods over which errors are measured."""
ALONE = {"count": CURRENTS}
NEIGHBOURS = ("coupling", "topology", "columns", "start")
"""Beginnings of the keys of [neuron] that a neuron alone lacks: those of neighbours, and of another beginning."""


def preset_design(name: str) -> dict[str, Any]:
    """Sections of a design of a device of the catalogue, in the circuit of the catalogue.

    Parameters
    ----------
    name : str
        Name of the preset.
    """
    return starting_design({"preset": name}, catalogue_circuit(name))


class DesignView(View):
    """A design.

    Parameters
    ----------
    source : Path or mapping
        The design file, or its sections.
    name : str
        Name of sections that are no file.
    """

    def __init__(self, source: Path | Mapping[str, Any], name: str = "design") -> None:
        self._source, self._name = source, name
        _, self._sections, _ = opened(source, name)
        design = self._design({})
        self.path = design.path
        self.title = design.name
        self._input = self._inputs(design)
        device = design.sections.device
        entry = preset(device.preset) if device is not None and device.preset else None
        self.subtitle = f"{entry.title}. {entry.paper}" if entry else design.golden.title
        self.knobs = tuple(knobs_of(design, self._input))
        array = design.params.count > 1
        switch = isinstance(design.circuit, Circuit)
        self.parts = (
            *((Part("device", "Device and operating point"),) if _has_iv(design) else ()),
            Part("run", "The neuron"),
            Part("errors", "Error by cause", switch),
            Part("cost", "On an FPGA", not isinstance(design.params, EquationParams)),
            *((Part("array", f"The array of {design.params.count}", design.params.count <= 128),) if array else ()),
        )
        self._ticks = 1500

    # --- the values of the knobs in the sections

    def _changes(self, values: Values) -> dict[str, Any]:
        known = {knob.key: knob for knob in self.knobs}
        made: dict[str, Any] = {}
        words: dict[str, int] = {}
        for key, value in values.items():
            knob = known.get(key)
            if knob is None:
                raise DesignError(f"there is no {key}")
            if not np.isfinite(value):
                raise DesignError(f"{knob.label} must be a finite number, not {value}")
            if knob.key.startswith("words."):
                words[knob.key.removeprefix("words.")] = round(value)
            elif key != "input":
                made[key] = round(value) if knob.scale == "whole" else float(f"{value:.6g}")
        return made | (self._words(words, made) if words else {})

    def _words(self, words: Mapping[str, int], changes: Mapping[str, Any]) -> dict[str, Any]:
        design = load(self._source, changes, name=self._name, later=True)
        params: Any = design.params
        fraction = words.get("fraction", params.membrane.frac_bits)
        moved = fraction - params.membrane.frac_bits
        coefficient = words.get("coefficient", params.coefficient_bits)
        with where(design.path, "number"):
            made: Any = design.golden.resized(
                params, fraction=fraction, coefficient=coefficient, drive=max(1, params.drive.frac_bits + moved)
            )
        found = {"number.membrane": [made.membrane.int_bits, made.membrane.frac_bits]}
        if not isinstance(params, EquationParams):
            found["number.drive"] = [made.drive.int_bits, made.drive.frac_bits]
        return {**found, "number.coefficient_bits": made.coefficient_bits}

    def _design(self, values: Values) -> Design:
        return load(self._source, self._changes(values) if values else None, name=self._name, later=True)

    def _alone(self, values: Values) -> Design:
        """The neuron without neighbours, spread and its own input; `CURRENTS` of them."""
        table = {key: dict(value) if isinstance(value, Mapping) else value for key, value in self._sections.items()}
        for section in ("coupling", "devices", "variability"):
            table.pop(section, None)
        own = dict(table["neuron"])
        table["neuron"] = {key: value for key, value in own.items() if not key.startswith(NEIGHBOURS)} | ALONE
        table["stimulus"] = {"source": "none", "ticks": 1}
        table["fpga"] = {"lanes": 1}
        path = self._source if isinstance(self._source, Path) else Path(self._name)
        model = str(table["neuron"].get("model", ""))
        if model.endswith(".toml"):
            table["neuron"]["model"] = str((path.parent / model).resolve())
        left = ("fpga.", "neuron.count", "coupling.", "variability.", *(f"neuron.{each}" for each in NEIGHBOURS))
        changes = {key: value for key, value in self._changes(values).items() if not key.startswith(left)}
        return load(table, changes, name=str(path), later=True)

    def _inputs(self, design: Design) -> tuple[float, float, float]:
        """Value and ends of the constant input."""
        largest, smallest = float(design.stimulus.current.max()), float(design.stimulus.current.min())
        if isinstance(design.circuit, Circuit) and design.params.input_unit == "A":
            low, high = design.circuit.firing_currents
            value = largest if largest > 0 else 0.0 if low < 0 else min(2 * low, (low + high) / 2)
            return value, min(0.0, 1.2 * low), max(min(high, 6 * abs(low)), 1.5 * value)
        size = max(abs(largest), abs(smallest)) or 1.0
        return largest, min(0.0, smallest), 1.5 * size

    # --- parts

    def see(self, part: str, values: Values) -> Seen:
        """Compute a part.

        Parameters
        ----------
        part : str
            Its name.
        values : mapping of str to float
            Values of knobs.

        Raises
        ------
        DesignError
            If there is no such part, or a value is out of its range.
        """
        if part not in {each.name for each in self.parts}:
            raise DesignError(f"there is no part {part}")
        try:
            found: Seen = getattr(self, f"_see_{part}")(values)
        except OverflowError as error:
            raise DesignError(str(error)) from None
        return found

    def _current(self, values: Values) -> float:
        return float(values.get("input", self._input[0]))

    def _see_device(self, values: Values) -> Seen:
        # Without the neuron, which takes longer.
        changed = {section: dict(self._sections.get(section, {})) for section in ("device", "circuit")}
        for key, value in self._changes(values).items():
            section, _, name = key.partition(".")
            if section in changed:
                changed[section][name] = value
        device = device_of(self.path, changed["device"])
        circuit = {key: float(value) for key, value in changed["circuit"].items()}
        panels = [iv_panel(device)]
        sentences = []
        if {"supply", "series_resistance"} <= set(circuit):
            panels.append(window_panel(device.switch(), circuit))
            physics = Circuit(device=device.switch(), **{key: circuit[key] for key in _ELEMENTS})
            low, high = physics.series_resistance_window
            sentences.append(_regime(physics, self._current(values)))
            reach = f"{si(low, 'ohm')} to {si(high, 'ohm')}" if low < high else "none"
            sentences.append(("open", f"series resistances that oscillate at {si(physics.supply, 'V')}: {reach}"))
        return Seen(panels, sentences)

    def _see_run(self, values: Values) -> Seen:
        design = self._alone(values)
        golden, params, here = design.golden, design.params, self._current(values)
        inputs, raw = _around(here, self._input, params)
        ticks = self._length(design, here)
        trace = golden.bit_true(params).run(np.repeat(raw, ticks, axis=0))
        times = spike_times(params, trace)
        rate = np.array([(len(t) - 1) / (t[-1] - t[0]) if len(t) > 2 else 0.0 for t in times])
        place = int(np.argmin(np.abs(inputs - here)))
        if not isinstance(design.circuit, Circuit) and rate[place] > 0:
            self._ticks = int(min(MOST_TICKS, max(200, PERIODS / rate[place] / params.dt)))
        exact, exact_times = golden.reference(golden.alone(params, 1)).run(
            params.drive.value(np.repeat(raw[:, place : place + 1], ticks, axis=0))
        )
        time = params.dt * np.arange(1, ticks + 1)
        found = params.membrane.value(trace[params.observed][:, place])
        shown = exact[params.observed][:, 0]
        keep, wide = thinned(found), thinned(shown)
        unit_ = "" if params.observed_unit == "1" else params.observed_unit
        waves = [
            Series("float", time[wide], shown[wide], "float"),
            Series("bit-true (circuit)", time[keep], found[keep], "bit-true"),
        ]
        guides = [Guide("y", float(params.thresholds[0]), "threshold")]
        curve = [Series("bit-true (circuit)", inputs, rate, "bit-true", "joined")]
        regions = []
        if isinstance(design.circuit, Circuit) and params.input_unit == "A":
            dense = np.linspace(inputs[0], inputs[-1], 200)
            curve.insert(0, Series("two-state, exact", dense, [design.circuit.frequency(i) for i in dense], "float"))
            low = design.circuit.firing_currents[0]
            if inputs[0] < low < inputs[-1]:
                regions.append(Region(float(inputs[0]), low, "silent"))
        axis = Axis("input", input_unit(design))
        panels = [
            Panel("waveform", Axis("time", "s"), Axis(params.observed, unit_), waves, guides, whole_row=True),
            Panel("rate over input", axis, Axis("rate", "Hz"), curve, [Guide("x", here, "input")], regions),
        ]
        at = f"at an input of {si(here, input_unit(design))}"
        told = f"{si(rate[place], 'Hz')} {at}" if rate[place] else f"it does not fire {at}"
        sentences = [("open", f"the circuit: {told}; {ticks} ticks of {si(params.dt, 's')}")]
        if len(exact_times[0]) > 2 and rate[place]:
            own = (len(exact_times[0]) - 1) / (exact_times[0][-1] - exact_times[0][0])
            error = rate[place] / own - 1
            level = "good" if abs(error) < 0.01 else "fair" if abs(error) < 0.05 else "bad"
            told = f"float model: {si(own, 'Hz')}; the circuit differs by {percent(error)} in this window"
            sentences.append((level, told))
        return Seen(panels, sentences)

    def _length(self, design: Design, here: float) -> int:
        if isinstance(design.circuit, Circuit):
            rate = float(design.golden.rate(design.params, np.array([here]))[0])
            wanted = PERIODS / rate if rate > 0 else 5 * design.circuit.tau_ins
            return int(min(MOST_TICKS, max(100, wanted / design.params.dt)))
        return self._ticks

    def _see_errors(self, values: Values) -> Seen:
        design = self._alone(values)
        try:
            here = np.array([self._current(values)])
            found = measured(design.golden, design.params, here, periods=MEASURED_PERIODS)
        except ValueError as error:
            raise DesignError(str(error)) from None
        if np.isnan(found.rate[0, 0]):
            return Seen(sentences=[("open", "the neuron does not fire repeatedly at this input: nothing to compare")])
        causes = (("time step", found.time_step), ("coefficients", found.coefficient), ("word length", found.word))
        rows = [(name, percent(float(part[0]))) for name, part in causes] + [("all", percent(float(found.total[0])))]
        size = abs(float(found.total[0]))
        level = "good" if size <= 0.01 else "fair" if size <= 0.05 else "bad"
        worst = max(causes, key=lambda pair: abs(float(pair[1][0])))[0]
        text = f"the rate of the circuit differs from the float neuron by {rows[-1][1]}; most of it from the {worst}"
        return Seen(sentences=[(level, text)], columns=("cause", "error of the rate"), rows=rows)

    def _see_cost(self, values: Values) -> Seen:
        design = self._design(values)
        measures, clocks = self._measured(design)
        rows = []
        for board in BOARDS.values():
            if board.family not in fitted_families() or board.counted_only:
                continue
            found = estimate(measures, board.family)
            used = found.resources
            full = max(used[name] / board.capacity[name] for name in used if board.capacity.get(name))
            factor = min(found.fmax_hz, 1e12) / clocks * design.params.dt
            fits = "yes" if full <= 0.8 else "perhaps" if full <= 1.05 else "no"
            numbers = [f"{used[name]:,.0f}" for name in ("LUT", "FF", "block RAM", "DSP")]
            rows.append((board.title, *numbers, si(found.fmax_hz, "Hz", 2), f"{factor:.2g} x", fits))
        heads = ("board", "LUT", "FF", "block RAM", "DSP", "Fmax", "real-time factor", "fits")
        wrong = estimate(measures, "ecp5").errors
        text = (
            f"estimated without synthesis, with the self-test: nine of ten circuits left out of the fit are within "
            f"{math.ceil(100 * wrong['LUT'])} % in LUT and {math.ceil(100 * wrong['Fmax'])} % in Fmax on ECP5; the "
            "real-time factor is that at Fmax; neuristor synth routes it"
        )
        return Seen(sentences=[("open", text)], columns=heads, rows=rows)

    def _measured(self, design: Design) -> tuple[Measures, int]:
        """Measures of the circuit, and clocks per tick: of more lanes from one and two, as they are the same again."""
        lanes, interval = design.sections.fpga.lanes, design.sections.fpga.interval
        if lanes <= 2 or getattr(design.params, "coupling", None) is not None:
            array = design.case.array()
            return measure(array), array.cycles_per_tick
        one, two = (design.neuron.build(design.params, n, interval=interval) for n in (1, 2))
        rows = -(-design.params.count // lanes)
        return measure(one).extended(measure(two), lanes), interval * max(rows, -(-(two.latency + 1) // interval))

    def _see_array(self, values: Values) -> Seen:
        design = self._design({key: value for key, value in values.items() if key != "input"})
        params: Any = design.params
        ticks = int(min(len(design.drive_raw), max(50, MOST_UPDATES // params.count), MOST_TICKS))
        raw = design.drive_raw[:ticks]
        if "input" in values and design.stimulus.current.max() <= 0:
            raw = np.repeat(params.drive_raw(np.full((1, params.count), values["input"])), ticks, axis=0)
        trace = design.golden.bit_true(params).run(raw)
        when, neuron = np.nonzero(trace["spike"])
        when, neuron = when[:8000], neuron[:8000]
        spikes = [Series("spike", (when + 1) * params.dt, neuron, "bit-true", "spikes")]
        y = Axis("neuron", whole=True, limits=(-1.0, float(params.count)))
        panels = [Panel("spikes", Axis("time", "s"), y, spikes, whole_row=True)]
        times = spike_times(params, trace)
        if "metallic" in trace:
            end = params.dt * np.arange(1, ticks + 1)
            order = synchronisation(times, end)
            keep = np.flatnonzero(np.isfinite(order))[:: max(1, ticks // 500)]
            limits = Axis("order parameter", limits=(0.0, 1.05))
            panels.append(Panel("synchronisation", Axis("time", "s"), limits, [Series("", end[keep], order[keep])]))
            late = min((each[-1] for each in times if len(each) > 1), default=0.0)
            turns = phases(times, [late])[0]
            if np.isfinite(turns).sum() > 1:
                panels.append(circle_panel(turns[np.isfinite(turns)]))
        count = int(trace["spike"].sum())
        silent = int((~trace["spike"].astype(bool).any(axis=0)).sum())
        level = "fair" if silent else "good"
        return Seen(
            panels, [(level, f"{count} spikes in {ticks} ticks; {silent} of {params.count} neurons never fire")]
        )

    # --- files and boards

    def session(self, values: Values) -> Session:
        """A run of the array on a board.

        Parameters
        ----------
        values : mapping of str to float
            Values of knobs.
        """
        return ArraySession(load(self._source, self._changes(values) or None, name=self._name))

    def text(self, values: Values) -> str:
        """The design file with these values; comments are kept.

        Parameters
        ----------
        values : mapping of str to float
            Values of knobs.
        """
        if isinstance(self._source, Path):
            document = tomlkit.parse(self._source.read_text("utf-8-sig"))
        else:
            document = tomlkit.parse(tomlkit.dumps(self._sections))
        changes = self._changes(values)
        stimulus = self._sections.get("stimulus", {})
        if "input" in values:
            value = float(f"{values['input']:.6g}")
            if stimulus.get("source") in ("none", "constant"):
                changes |= {"stimulus.source": "constant", "stimulus.current": value} if value else {}
            elif stimulus.get("source") == "digits":
                changes["stimulus.current"] = value
        for key, value in changes.items():
            section, _, name = key.partition(".")
            if section not in document:
                document.add(tomlkit.nl())
                document.add(section, tomlkit.table())
            table: Any = document[section]
            table[name] = value
        made = tomlkit.dumps(document)
        folder = self._source.parent if isinstance(self._source, Path) else Path()
        _check(made, folder)
        return made


_ELEMENTS = ("supply", "series_resistance", "capacitance")


def _check(text: str, folder: Path) -> None:
    """Check a design file before it is written; wrong values raise `DesignError`."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml", dir=folder, prefix=".neuristor-", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        load(Path(file.name))


def _has_iv(design: Design) -> bool:
    device = design.device
    return device is not None and not isinstance(device, PulsedDevice) and hasattr(device, "switch")


def _regime(physics: Circuit, current: float) -> tuple[str, str]:
    regime = physics.regime(current)
    at = f"with an input of {si(current, 'A')}" if current else "without input"
    if regime == "oscillates":
        return "good", f"fires {at}, at {si(physics.frequency(current), 'Hz')} as a two-state switch"
    if regime == "latches":
        return "bad", f"latches {at}: after it has switched on, it stays on; a larger series resistance prevents that"
    return "fair", f"silent {at}: it charges to {si(physics.target_ins(current), 'V')}, below V_th"


def _around(here: float, ends: tuple[float, float, float], params: Any) -> tuple[Floats, NDArray[np.int64]]:
    """Inputs at which the neuron runs, and their words: over the range of the slider, as far as the words hold them.

    Raises
    ------
    OverflowError
        If they do not hold the present one.
    """
    _, low, high = ends
    for share in np.linspace(1.0, 0.1, 10):
        first, last = here + share * (min(low, here) - here), here + share * (max(high, here) - here)
        made = np.linspace(first, last, CURRENTS)
        made[int(np.argmin(np.abs(made - here)))] = here
        made = np.sort(made)
        try:
            return made, params.drive_raw(made[None, :])
        except OverflowError:
            continue
    return np.full(CURRENTS, here), params.drive_raw(np.full((1, CURRENTS), here))
