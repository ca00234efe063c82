"""The documentation: its numbers are those of the code, its examples run, its links and names exist."""

from __future__ import annotations

import importlib
import math
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.design_file import Design, key_table, load
from neuristor.golden_model import noise
from neuristor.golden_model.fixed import round_shift
from neuristor.hdl.neurons import neuron
from neuristor.hdl.rows import pack_drive, unpack_output
from neuristor.sim.engines.interpreted import InterpretedModel
from neuristor.steps import Simulation, simulate

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


# --- docs/from-device-to-words.md


def si(value: float, unit: str, digits: int = 4) -> str:
    """A number with an SI prefix."""
    power = 0 if value == 0 else math.floor(math.log10(abs(value)) / 3 + 1e-12)
    prefix = {-4: "p", -3: "n", -2: "u", -1: "m", 0: "", 1: "k", 2: "M"}[power]
    text = f"{value / 10.0 ** (3 * power):.{digits}g}"
    return f"{text} {prefix}{unit}".rstrip()


@pytest.fixture(scope="module")
def designs() -> tuple[Design, Design]:
    return load(ROOT / "examples" / "vo2_oscillators.toml"), load(ROOT / "examples" / "vo2_lif_digits.toml")


def circuit_rows(designs: tuple[Design, Design]) -> Iterator[tuple[str, ...]]:
    """The device, its circuit, and what follows from them."""
    circuits = [design.circuit for design in designs]
    devices = [circuit.device for circuit in circuits]
    for label, unit, values in (
        ("V_th, threshold voltage", "V", [each.v_th for each in devices]),
        ("V_hold, hold voltage", "V", [each.v_hold for each in devices]),
        ("R_ins, insulating resistance", "ohm", [each.r_ins for each in devices]),
        ("R_met, metallic resistance", "ohm", [each.r_met for each in devices]),
        ("t_MIT, duration of the metal-to-insulator transition", "s", [each.t_mit for each in devices]),
        ("V_DD, supply", "V", [each.supply for each in circuits]),
        ("R_s, series resistance", "ohm", [each.series_resistance for each in circuits]),
        ("C, capacitance", "F", [each.capacitance for each in circuits]),
    ):
        yield label, *(si(value, unit) for value in values)
    for label, unit, values in (
        ("R_s \\|\\| R_ins", "ohm", [each.tau_ins / each.capacitance for each in circuits]),
        ("R_s \\|\\| R_met", "ohm", [each.tau_met / each.capacitance for each in circuits]),
        ("tau_ins", "s", [each.tau_ins for each in circuits]),
        ("tau_met", "s", [each.tau_met for each in circuits]),
        ("v_ins, target while insulating", "V", [each.target_ins() for each in circuits]),
        ("v_met, target while metallic", "V", [each.target_met() for each in circuits]),
    ):
        yield label, *(si(value, unit) for value in values)


def word_rows(designs: tuple[Design, Design]) -> Iterator[tuple[str, ...]]:
    """Voltages as raw integers."""
    params: list[Any] = [design.params for design in designs]
    yield "format", *(str(each.membrane) for each in params)
    yield "word length", *(f"{each.membrane.width} bits" for each in params)
    yield "one step", *(si(each.membrane.resolution, "V") for each in params)
    yield "range", *(f"{each.membrane.min:g} V to {each.membrane.max:.4f} V" for each in params)
    for label, name in (("V_th", "v_th"), ("V_hold", "v_hold")):
        values = [getattr(design.circuit.device, name) for design in designs]
        yield label, *(f"{int(p.membrane.quantize(v)):,}" for p, v in zip(params, values, strict=True))
    for label, volts in (
        ("v_ins", [design.circuit.target_ins() for design in designs]),
        ("v_met", [design.circuit.target_met() for design in designs]),
    ):
        yield label, *(f"{int(p.membrane.quantize(v)):,}" for p, v in zip(params, volts, strict=True))


def coefficient_rows(designs: tuple[Design, Design]) -> Iterator[tuple[str, ...]]:
    """Coefficients as raw integers."""
    oscillator, lif = (design.params for design in designs)
    metallic = oscillator.raw.lags
    for label, exact, raw, shift in (
        ("oscillator, insulating", oscillator.k[0], oscillator.raw.k_raw[0], oscillator.raw.k_shift),
        ("oscillator, metallic", oscillator.k[metallic], oscillator.raw.k_raw[metallic], oscillator.raw.k_shift),
        ("LIF neuron", lif.k, lif.raw.k_raw, lif.raw.k_shift),
    ):
        used = raw / 2**shift
        yield label, f"{exact:.8f}", f"{raw:,}", f"{shift}", f"{used:.8f}", f"{1e6 * (used / exact - 1):+.0f} ppm"


def sigma(params: Any, scale: int, shift: int) -> str:
    return si(scale * 2.0**-shift * noise.SIGMA * params.membrane.resolution, "V")


def spread_rows(designs: tuple[Design, Design]) -> Iterator[tuple[str, ...]]:
    """Device-to-device spread and cycle-to-cycle noise."""
    oscillator, lif = (design.params for design in designs)
    spread = [design.sections.variability for design in designs]
    volts = [design.circuit.device.v_th for design in designs]
    yield (
        "device to device, V_th: sigma",
        *(si(each.threshold_d2d * v, "V") for each, v in zip(spread, volts, strict=True)),
    )
    yield (
        "V_th of neuron 0",
        *(f"{p.thresholds[0]:.4f} V, raw {int(p.threshold_raw[0]):,}" for p in (oscillator, lif)),
    )
    yield (
        "cycle to cycle, V_th: sigma wanted",
        *(si(each.threshold_c2c * v, "V") for each, v in zip(spread, volts, strict=True)),
    )
    scales = (
        (oscillator, oscillator.raw.threshold_noise_raw, oscillator.raw.noise_shift),
        (lif, lif.raw.noise_scale_raw, lif.raw.noise_shift),
    )
    yield "scale of a draw", *(f"{scale} / 2^{shift}" for _, scale, shift in scales)
    yield "cycle to cycle, V_th: sigma in the circuit", *(sigma(*each) for each in scales)


def bound_rows(designs: tuple[Design, Design], simulations: tuple[Simulation, Simulation]) -> Iterator[tuple[str, ...]]:
    """The error bound, and what was measured."""
    bounds = [each.bound for each in simulations]
    yield "rounding of each time step", *(f"{1e3 * each.rounding:.3f} mV" for each in bounds)
    yield "rounding of the coefficients", *(f"{1e3 * each.coefficient:.3f} mV" for each in bounds)
    yield "rounding of inputs and thresholds", *(f"{1e3 * each.quantization:.3f} mV" for each in bounds)
    yield "bound", *(f"{1e3 * each.total:.3f} mV" for each in bounds)
    yield "largest error in the run", *(f"{1e3 * np.abs(each.membrane_error).max():.3f} mV" for each in simulations)
    for label, name in (
        ("spikes, float, continuous time", "continuous"),
        ("spikes, float, on time steps", "on_ticks"),
        ("spikes, bit-true", "bit_true"),
    ):
        yield label, *(f"{int(getattr(each, name)['spike'].sum()):,}" for each in simulations)


def clock_rows(designs: tuple[Design, Design]) -> Iterator[tuple[str, ...]]:
    """Time steps in clocks."""
    arrays = [design.case.timing for design in designs]
    yield "neurons, lanes", *(f"{d.params.count}, {t['lanes']}" for d, t in zip(designs, arrays, strict=True))
    yield "rows", *(f"{each['rows']}" for each in arrays)
    yield "clocks per time step", *(f"{each['cycles_per_tick']}" for each in arrays)
    wall = [each["cycles_per_tick"] / 80e6 for each in arrays]
    yield "wall time of a time step at 80 MHz", *(si(each, "s") for each in wall)
    yield "real-time factor", *(f"{d.params.dt / each:.2f}" for d, each in zip(designs, wall, strict=True))


def firing_lines(designs: tuple[Design, Design]) -> Iterator[str]:
    """What the two circuits do."""
    oscillator, lif = designs
    circuit, device = oscillator.circuit, lif.circuit.device
    assert (circuit.regime(), lif.circuit.regime()) == ("oscillates", "silent")
    t_ins, t_met = circuit.periods()
    yield f"T_ins = tau_ins ln((v_ins - V_hold) / (v_ins - V_th)) = {si(t_ins, 's')}"
    yield f"T_met = tau_met ln((V_th - v_met) / (V_hold - v_met)) = {si(t_met, 's')}"
    yield f"f     = 1 / (T_ins + T_met)                           = {si(circuit.frequency(), 'Hz')}"
    low, high = circuit.series_resistance_window
    yield f"between {si(low, 'ohm')} and {si(high, 'ohm')}"
    yield f"i_th  = V_th / (R_s || R_ins) - V_DD / R_s            = {si(lif.circuit.firing_currents[0], 'A')}"
    discharge = lif.circuit.discharge()
    yield f"T_met = tau_met ln((V_th - v_met) / (V_hold - v_met)) = {si(discharge, 's')}"
    wait = discharge + device.t_mit
    assert wait == lif.params.refractory
    yield f"t_ref = T_met + t_MIT                                 = {si(wait, 's')}"
    rate = lif.golden.rate(lif.params, np.array([1e-4]))[0]
    yield f"{si(lif.params.drive_volts(1e-4), 'V')}, and it fires at {si(rate, 'Hz')}"
    ticks = wait / lif.params.dt
    yield f"{ticks:.2f} time steps, rounded to {lif.params.raw.refractory_ticks}"


def step_lines(designs: tuple[Design, Design]) -> Iterator[str]:
    """Time steps, in integers."""
    oscillator, lif = (design.params for design in designs)
    raw, drive = lif.raw, int(lif.drive_raw(1e-4))
    way = drive - raw.initial_raw
    new = raw.initial_raw + int(round_shift(way * raw.k_raw, raw.k_shift))
    yield f"drive       = round({lif.drive_volts(1e-4):.5f} V * 2^13) = {drive:,}"
    yield f"difference  = {drive:,} - {raw.initial_raw:,} = {way:,}"
    yield f"product     = {way:,} * {raw.k_raw:,} = {way * raw.k_raw:,}"
    yield f"change      = round({way * raw.k_raw:,} / 2^{raw.k_shift}) = {new - raw.initial_raw:,}"
    volts = f"{lif.membrane.value(new):.5f} V"
    yield f"membrane    = {raw.initial_raw:,} + {new - raw.initial_raw:,} = {new:,}, which is {volts}"
    exact = lif.rest + (lif.drive_volts(1e-4) - lif.rest) * lif.k
    yield f"in float    : {exact:.5f} V"

    raw, device = oscillator.raw, designs[0].circuit.device
    hold, threshold = (int(oscillator.membrane.quantize(v)) for v in (device.v_hold, device.v_th))
    up = int(round_shift((raw.insulating_raw - hold) * raw.k_raw[0], raw.k_shift))
    yield f"charging    : {hold:,} + round(({raw.insulating_raw:,} - {hold:,}) * {raw.k_raw[0]:,} / 2^{raw.k_shift})"
    yield f"              = {hold:,} + {up:,} = {hold + up:,}, which is {oscillator.membrane.value(hold + up):.5f} V"
    k = raw.k_raw[raw.lags]
    down = int(round_shift((raw.metallic_raw - threshold) * k, raw.k_shift))
    yield f"discharging : {threshold:,} + round(({raw.metallic_raw:,} - {threshold:,}) * {k:,} / 2^{raw.k_shift})"
    yield f"              = {threshold:,} - {-down:,} = {threshold + down:,}"
    beyond = hold - (threshold + down)
    part = 8 * beyond // -down
    lag = raw.late_raw[raw.lags * 8 + part]
    yield f"overshoot   : {hold:,} - {threshold + down:,} = {beyond:,}, of a way of {-down:,}: {beyond / -down:.4f}"
    assert (part, lag) == (0, 1)
    t_met = designs[0].circuit.periods()[1]
    yield f"{si(oscillator.dt / 16, 's')} before its end; the exact figure is {si(oscillator.dt - t_met, 's')}"
    yield f"the coefficient {raw.k_raw[lag]:,} in place of {raw.k_raw[0]:,}"
    added, word = float(oscillator.drive_volts(1e-6)), int(oscillator.drive_raw(1e-6))
    yield f"1 uA adds {si(added, 'V')} in each time step, raw {word:,}"


def table(rows: Iterator[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_numbers_of_the_worked_examples_are_those_of_the_code(designs: tuple[Design, Design]) -> None:
    page = (DOCS / "from-device-to-words.md").read_text("utf-8")
    simulations = simulate(designs[0]), simulate(designs[1])
    for rows in (
        circuit_rows(designs),
        coefficient_rows(designs),
        word_rows(designs),
        spread_rows(designs),
        bound_rows(designs, simulations),
        clock_rows(designs),
    ):
        wanted = table(rows)
        for line in wanted.splitlines():
            assert line in page, wanted
    lines = [*firing_lines(designs), *step_lines(designs)]
    for line in lines:
        assert line in page, "\n".join(lines)
    # The distance that the bound of the LIF neurons is multiplied with: a full pixel while the membrane is at V_hold.
    lif, seen = designs[1], simulations[1]
    reached = lif.golden.swing(lif.params, seen.drive, lif.golden.shadow(lif.params, seen.drive, seen.bit_true))
    assert reached == pytest.approx(
        float(lif.params.drive_volts(1e-4)) - lif.params.hold, abs=lif.params.drive.resolution
    )
    assert f"{si(reached, 'V')}, a full pixel while the membrane is at V_hold" in page
    half = 0.5 * lif.params.membrane.resolution
    assert f"half a step, {si(half, 'V')}, divided by {lif.params.k:.4f}" in page
    continuous, on_ticks = (int(getattr(seen, name)["spike"].sum()) for name in ("continuous", "on_ticks"))
    assert f"the time step costs B {100 * (1 - on_ticks / continuous):.1f} % of its spikes" in page
    assert f"a standard deviation of {noise.SIGMA:.1f}" in page
    assert f"A has ticks of {si(designs[0].params.dt, 's')}, B of {si(lif.params.dt, 's')}." in page


# --- docs/adding-a-neuron.md

OWN = ROOT / "examples" / "own_neuron"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def own_neuron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package of the example, as if it were installed; the path of its design file."""
    project = tomllib.loads((OWN / "pyproject.toml").read_text("utf-8"))["project"]
    installed = tmp_path / f"own_neuron-{project['version']}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: own-neuron\nVersion: {project['version']}\n")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (installed / "entry_points.txt").write_text("".join(points))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(OWN))
    neuron.cache_clear()
    yield OWN / "integrators.toml"
    neuron.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "own_neuron"]:
        del sys.modules[name]


def test_code_of_the_page_is_that_of_the_example() -> None:
    files = [path.read_text("utf-8") for path in (*OWN.glob("own_neuron/*.py"), OWN / "pyproject.toml")]
    shown = [*blocks("adding-a-neuron.md", "python"), *blocks("adding-a-neuron.md", "toml")]
    assert len(shown) == 6
    for block in shown:
        assert any(block in text for text in files), block


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_the_example_stays_in_its_bound_and_equals_its_circuit_under_stalls(own_neuron: Path) -> None:
    design = load(own_neuron)
    simulation = simulate(design)
    assert simulation.bit_true["spike"].sum() > 100
    assert simulation.saturations == 0
    assert np.abs(simulation.membrane_error).max() < simulation.bound.total
    assert ("neuron", "leak_shift") in {(section, key) for section, key, *_ in key_table()}

    params, lanes = design.params, design.case.lanes
    for interval in (1, 3):
        array = design.neuron.build(params, lanes, interval=interval)
        drive = design.drive_raw[:100]
        stalls = np.array([1, 1, 0], dtype=np.uint8)
        rows, _ = InterpretedModel(array).exchange(
            pack_drive(params, lanes, drive), len(drive) * array.rows, ready_pattern=stalls
        )
        got = unpack_output(params, lanes, rows)
        for name, wanted in design.golden.bit_true(params).run(drive).items():
            assert np.array_equal(got[name], wanted), (name, interval)


# --- links and names


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = page.read_text("utf-8")
    return {*re.findall(r'<a id="([^"]+)">', text), *map(slug, re.findall(r"^#+ (.*)$", text, re.MULTILINE))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        where = page if not file else page.parent / file
        assert where.exists(), target
        assert not anchor or anchor in anchors(where), target


def exists(name: str) -> bool:
    """Whether there is a module of a name, or something of that name in a module."""
    parts = name.split(".")
    for last in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:last]))
        except ModuleNotFoundError:
            continue
        for part in parts[last:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_modules_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    folders = "|".join(("golden_model", "hdl", "sim", "boards", "neuristor", "tests", "examples", "benchmarks", "docs"))
    for name in re.findall(rf"`((?:{folders})/[\w./*-]*)`", text):
        assert list(ROOT.glob(name.rstrip("/").replace("NAME", "lif"))), name
    for name in re.findall(r"`(neuristor(?:\.\w+)+)`", text):
        assert exists(name) or name == "neuristor.neurons", name  # the latter is a group of entry points
    for module in re.findall(r"python -m (benchmarks\.\w+)", text):
        assert exists(module), module


def test_every_term_of_the_glossary_has_one_anchor() -> None:
    text = (DOCS / "glossary.md").read_text("utf-8")
    terms = re.findall(r'^- <a id="([^"]+)"></a>\*\*', text, re.MULTILINE)
    assert len(terms) == len(set(terms)) == len(re.findall(r"^- ", text, re.MULTILINE))
