"""Files as laboratories write them: each kind with several members."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.fit import fit_iv
from neuristor.golden_model.devices.measurement import Choice, Measurement, Sweep
from neuristor.golden_model.devices.reading.columns import column, unit_of
from neuristor.golden_model.devices.threshold_switch import Circuit
from tests.data import make
from tests.data.curves import AMPERE, DEVICE, OTHER, TIME, VOLT, WAVE, Cell, check_curve, check_wave, curve, load, text


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("A", 1.0),
        ("µA", 1e-6),
        ("μ A", 1e-6),
        ("microamps", 1e-6),
        ("micro-ampere", 1e-6),
        ("Milliamp", 1e-3),
        ("nanoamperes", 1e-9),
        ("uamps", 1e-6),
        ("UA", 1e-6),
        ("10^-6 A", 1e-6),
        ("1e-9 A", 1e-9),
        ("Amp DC", 1.0),
    ],
)
def test_units_of_current_that_are_understood(tmp_path: Path, unit: str, factor: float) -> None:
    check_curve(load(tmp_path, text([VOLT, AMPERE / factor], f"Voltage (V),Current ({unit})")))


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("Voltage (V),Current (A/cm2)", "'A/cm2'"),
        ("Voltage (V),Current [uA/um]", "'uA/um'"),
        ("Voltage (V),I (a.u.)", "'a.u.'"),
        ("Voltage (V),Current (arb. units)", "'arb. units'"),
        ("Voltage (V),Current (counts)", "'counts'"),
        ("Voltage (V),Current (MA)", "'MA'"),
        ("Voltage (V),Current/I0", "'I0'"),
        ("Voltage (V),Current (V)", "its name says current, its unit voltage"),
        ("Voltage (%),Current (A)", "'%'"),
        ("Voltage (LSB),Current (A)", "'LSB'"),
        ("Voltage (V/cm),Current (A)", "'V/cm'"),
        ("Voltage [norm.],Current (A)", "'norm.'"),
    ],
)
def test_units_that_are_not_understood_are_refused_by_name(tmp_path: Path, header: str, named: str) -> None:
    with pytest.raises(ValueError, match=r"data.csv, line 1: column .* wanted (voltage|current) with a unit") as error:
        load(tmp_path, text([VOLT, AMPERE], header))
    assert named in str(error.value)


@pytest.mark.parametrize("unit", ["div", "frames", "a.u.", "px", "ticks"])
def test_units_of_time_that_are_not_understood_are_refused(tmp_path: Path, unit: str) -> None:
    with pytest.raises(ValueError, match=f"the unit '{unit}' is not understood; wanted time with a unit such as s, ms"):
        load(tmp_path, text([TIME, WAVE], f"Time ({unit}),CH1 (V)"))


def test_a_good_current_is_preferred_to_a_density(tmp_path: Path) -> None:
    found = load(tmp_path, text([VOLT, AMPERE * 1e6, AMPERE], "Voltage (V),Current density (A/cm2),Current (A)"))
    check_curve(found)
    assert "not used: 'Current density (A/cm2)' (a density)" in found.reading


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Current range", "100 uA"),
        ("Range", "Auto"),
        ("Compliance (A)", 1e-3),
        ("Current compliance (mA)", 1.0),
        ("I_cc (A)", 1e-2),
        ("I limit (A)", 1e-3),
        ("Current Limit", 0.1),
        ("Irange", "1 mA"),
        ("Status", "Normal"),
        ("log|I|", -6.0),
        ("Power (W)", 1e-3),
        ("Current set (A)", 5e-3),
        ("Timestamp", "11/24/2025 10:03 PM"),
        ("Instrument", 2450.0),
        ("dI/dV (A/V)", 1e-5),
    ],
)
@pytest.mark.parametrize("first", [False, True])
def test_columns_that_are_no_current(tmp_path: Path, name: str, value: Cell, first: bool) -> None:
    extra: list[Cell] = [value] * len(VOLT)
    if first:
        check_curve(load(tmp_path, text([extra, VOLT, AMPERE], f"{name},Voltage (V),Current (A)")))
    else:
        check_curve(load(tmp_path, text([VOLT, AMPERE, extra], f"Voltage (V),Current (A),{name}")))


@pytest.mark.parametrize("name", ["Index", "No.", "Point", "#", "Sample", "n", "Reading no", "Cycle"])
def test_an_index_is_no_current_and_no_time(tmp_path: Path, name: str) -> None:
    found = load(tmp_path, text([np.arange(len(VOLT)), VOLT, AMPERE], f"{name},V,I"))
    check_curve(found)
    assert found.sweeps[0].time is None


PAIRS = (
    "V1,I1,V2,I2",
    "V cycle 1 (V),I cycle 1 (A),V cycle 2 (V),I cycle 2 (A)",
    "Voltage (V),Current (A),Voltage (V),Current (A)",
    "Voltage,Current,Voltage.1,Current.1",
    "dev A V (V),dev A I (A),dev B V (V),dev B I (A)",
    "AnodeV(1),AnodeI(1),AnodeV(2),AnodeI(2)",
    "U_1 (V),I_1 (A),U_2 (V),I_2 (A)",
    "Voltage [V] run 1,Current [A] run 1,Voltage [V] run 2,Current [A] run 2",
    "Voltage A,Current A,Voltage B,Current B",
    "Left V,Left I,Right V,Right I",
)


@pytest.mark.parametrize("header", PAIRS)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (2, 3, 0, 1)])
def test_sweeps_side_by_side_are_paired(tmp_path: Path, header: str, order: tuple[int, ...]) -> None:
    columns = [VOLT, AMPERE, *curve(OTHER, top=1.6)]
    names = header.split(",")
    found = load(tmp_path, text([columns[n] for n in order], ",".join(names[n] for n in order)))
    labels = list(dict.fromkeys(sweep.label for sweep in found.sweeps))
    assert len(labels) == 2
    tops = [max(sweep.voltage.max() for sweep in found.sweeps if sweep.label == label) for label in labels]
    for label, top in zip(labels, tops, strict=True):
        part = Measurement("iv", tuple(sweep for sweep in found.sweeps if sweep.label == label), "x")
        check_curve(part, DEVICE if top > 1.7 else OTHER)
    devices = {sweep.device for sweep in found.sweeps}
    assert len(devices) == (2 if "cycle" not in header and "(1)" not in header and "run" not in header else 1)


def test_side_by_side_without_a_header_and_of_different_length(tmp_path: Path) -> None:
    short = curve(OTHER, top=1.6, cycles=1)
    rows = [f"{a:.5e},{b:.5e}" for a, b in zip(VOLT, AMPERE, strict=True)]
    rows = [f"{row},{a:.5e},{b:.5e}" for row, a, b in zip(rows, *short, strict=False)] + rows[len(short[0]) :]
    for header in ("", "V1,I1,V2,I2\n"):
        found = load(tmp_path, header + "\n".join(rows))
        assert len(found.sweeps) == 3
        check_curve(Measurement("iv", found.sweeps[:2], "x"))
        check_curve(Measurement("iv", found.sweeps[2:], "x"), OTHER)


@pytest.mark.parametrize(
    "header",
    ["V (V),I cycle1 (A),I cycle2 (A)", "V,I1,I2", "Voltage,Current,Current", "V,I (1),I (2)", "Bias/V,I_1/A,I_2/A"],
)
def test_one_voltage_with_two_currents_is_two_sweeps(tmp_path: Path, header: str) -> None:
    v, i = curve(top=2.0, cycles=1)
    _, other = curve(OTHER, top=2.0, cycles=1)
    found = load(tmp_path, text([v, i, other], header))
    assert len(found.sweeps) == 2
    check_curve(Measurement("iv", found.sweeps[:1], "x"))
    check_curve(Measurement("iv", found.sweeps[1:], "x"), OTHER)
    assert {sweep.device for sweep in found.sweeps} == {""}


@pytest.mark.parametrize(
    "header",
    [
        "V (V),I up (A),I down (A)",
        "V,I forward,I reverse",
        "V,I_fwd,I_back",
        "U,I (rising),I (falling)",
        "V,I up,I rev",
    ],
)
@pytest.mark.parametrize("falling", [False, True])
def test_both_ways_over_one_voltage_are_one_sweep(tmp_path: Path, header: str, falling: bool) -> None:
    v, i = curve(cycles=1)
    half = len(v) // 2
    columns = [v[: half + 1], i[: half + 1], i[half:][::-1]]
    found = load(tmp_path, text([c[::-1] for c in columns] if falling else columns, header))
    assert len(found.sweeps) == 1
    check_curve(found)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Vtop,Itop,Ibot", [VOLT, AMPERE, -AMPERE]),
        ("V,I1,I2", [VOLT, AMPERE, -AMPERE]),
        ("AnodeV,AnodeI,CathodeV,CathodeI", [VOLT, AMPERE, 0 * VOLT, -AMPERE]),
        ("Vd,Id,Vg,Ig", [VOLT, AMPERE, 0 * VOLT + 0.2, 1e-9 * VOLT]),
        ("V1,V2,I2,I1", [0 * VOLT + 1e-3, VOLT, -AMPERE, AMPERE]),
        ("Voltage,Current,Leakage current", [VOLT, AMPERE, 1e-9 * VOLT]),
        ("Voltage (V),Current (A),Current (mA)", [VOLT, AMPERE, 1e3 * AMPERE]),
        ("V,I,|I|", [VOLT, AMPERE, np.abs(AMPERE)]),
    ],
)
def test_two_terminals_are_one_sweep(tmp_path: Path, header: str, columns: list[np.ndarray]) -> None:
    found = load(tmp_path, text(columns, header))
    assert len(found.sweeps) == 2
    check_curve(found)


@pytest.mark.parametrize(
    ("delimiter", "header"),
    [
        (";", "Spannung [V];Strom [A]"),
        (";", "U;I"),
        ("\t", "Voltage (V)\tCurrent (A)"),
        (" ", "V I"),
        (";", ""),
        ("\t", ""),
        (" ", ""),
    ],
)
def test_decimal_comma_with_two_columns(tmp_path: Path, delimiter: str, header: str) -> None:
    check_curve(load(tmp_path, text([VOLT, AMPERE], *([header] if header else []), delimiter=delimiter, comma=True)))


def test_decimal_comma_in_quotes_with_comma_as_delimiter_and_thousands(tmp_path: Path) -> None:
    rows = [f'"{1e3 * v:.1f}","{1e9 * i:.1f}"'.replace(".", ",") for v, i in zip(VOLT, AMPERE, strict=True)]
    check_curve(load(tmp_path, "\n".join(["V (mV),I (nA)", *rows])))
    rows = [
        f"{1e3 * v:.1f};{1e9 * i:,.1f}".replace(",", "_").replace(".", ",") for v, i in zip(VOLT, AMPERE, strict=True)
    ]
    check_curve(load(tmp_path, "\n".join(["V (mV);I (nA)", *rows]).replace("_", ".")))
    check_wave(load(tmp_path, text([TIME * 1e6, WAVE], "Zeit;Kanal A", "(us);(V)", "", delimiter=";", comma=True)))


@pytest.mark.parametrize(
    "preamble",
    [
        ["Start,Stop,Step", "0,2,0.02"],
        ["0,2,0.02", "1e-3,1,1"],
        ["Sweep,1,2,3", "Range,1,10", "Compliance,1e-3,A"],
        ["Device,3", "Date,2025-11-24,10:00:00", "Points,201", "NPLC,1,0.02", ""],
        ["# Area (um2): 25", "# T = 300 K", "# list: 1, 2, 3"],
        ["2500", "4e-8", "1"],
    ],
)
@pytest.mark.parametrize("header", ["Voltage (V),Current (A)", ""])
def test_preambles_with_numbers(tmp_path: Path, preamble: list[str], header: str) -> None:
    check_curve(load(tmp_path, text([VOLT, AMPERE], *preamble, "", *([header] if header else []))))
    if header:
        check_curve(load(tmp_path, text([VOLT, AMPERE], *preamble, header)))


def s_curve(cycles: int = 3, noise: float = 1e-3, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Driven by current: maximum 1.35 V at 30 uA, minimum 0.86 V, then 350 ohm on top of 0.7 V."""
    ramp = np.linspace(0, 1e-3, points)
    i = np.tile(np.concatenate([ramp, ramp[::-1]]), cycles)
    insulating = 45e3 * i
    metallic = 0.7 + 350 * i + 0.86 * np.exp(-i / 60e-6)
    v = np.minimum(insulating, metallic) + noise * np.random.default_rng(3).standard_normal(len(i))
    return i, v


@pytest.mark.parametrize(
    ("header", "order", "unit"),
    [
        ("Current (A),Voltage (V)", (0, 1), 1.0),
        ("V,I", (1, 0), 1.0),
        ("I source (uA),V meas (V)", (0, 1), 1e-6),
        ("Strom/mA,Spannung/V", (0, 1), 1e-3),
        ("Time (s),I (A),V (V)", (2, 0, 1), 1.0),
        ("Index,Voltage (V),Current (A)", (2, 1, 0), 1.0),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_sweeps_driven_by_current(tmp_path: Path, header: str, order: tuple[int, ...], unit: float, sign: int) -> None:
    i, v = s_curve()
    columns = [sign * i / unit, sign * v, np.arange(len(i)) * 0.02]
    found = load(tmp_path, text([columns[n] for n in order], header))
    assert (found.kind, len(found.sweeps)) == ("iv", 3)
    assert {sweep.drive for sweep in found.sweeps} == {"current"}
    assert "driven by current" in found.reading
    side = fit_iv(found).main
    fine, flat = s_curve(1, noise=0.0, points=20_000)
    del fine
    top = float(flat[:2000].max())
    assert abs(side.v_th.value - top) < max(2 * side.v_th.sigma, 0.02)
    assert side.v_hold.value == pytest.approx(float(flat[2000:20_000].min()), abs=5e-3)
    assert side.r_off.value == pytest.approx(45e3, rel=0.02)


def test_current_drives_a_device_that_snaps_and_a_logarithmic_sweep(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1e-3, 300)
    i = np.concatenate([ramp, ramp[::-1]])
    v, metallic = [], False
    for current in i.tolist():
        metallic = current * DEVICE.r_met > DEVICE.v_hold if metallic else current * DEVICE.r_ins > DEVICE.v_th
        v.append(current * DEVICE.r_met if metallic else min(current * DEVICE.r_ins, DEVICE.v_th))
    side = fit_iv(load(tmp_path, text([i, np.array(v)], "I,V"))).main
    assert abs(side.v_th.value - 1.2) < 0.2  # the grid of the current is 0.33 V there
    assert side.v_hold.value == pytest.approx(0.6, abs=0.02)
    assert side.r_on is not None
    assert side.r_on.value == pytest.approx(1.5e3, rel=0.01)
    ramp = np.geomspace(1e-6, 1e-3, 120)
    i = np.tile(np.concatenate([ramp, ramp[::-1]]), 3)
    found = load(tmp_path, text([i, np.minimum(45e3 * i, 0.7 + 350 * i + 0.86 * np.exp(-i / 60e-6))], "I (A),V (V)"))
    assert {sweep.drive for sweep in found.sweeps} == {"current"}
    assert fit_iv(found).main.v_th.value == pytest.approx(1.25, abs=0.05)


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-3])
@pytest.mark.parametrize("header", ["Time (s),Voltage (V),Current (A)", "V,I", "t,V meas,I meas", "Time;U;I"])
def test_readback_under_compliance(tmp_path: Path, header: str, noise: float) -> None:
    """The measured voltage collapses to I_c R_on when the device switches on."""
    rng = np.random.default_rng(4)
    v, i = make.iv_curve(DEVICE, rng, cycles=4, top=2.0, step=0.02, compliance=6e-4, bipolar=True)
    clipped = np.abs(i) > 0.999 * 6e-4
    v = np.where(clipped, np.sign(v) * 6e-4 * DEVICE.r_met, v) + noise * rng.standard_normal(len(v))
    time = 0.02 * np.arange(len(v))
    columns = [time, v, i] if len(header.replace(";", ",").split(",")) == 3 else [v, i]
    found = load(tmp_path, text(columns, header, delimiter=";" if ";" in header else ","))
    assert (found.kind, len(found.sweeps)) == ("iv", 8)
    fit = fit_iv(found)
    for side in (fit.positive, fit.negative):
        assert side is not None
        assert len(side.cycles) == 4
        assert side.v_th.value == pytest.approx(1.2, abs=0.02)
        assert side.v_hold.value == pytest.approx(0.6, abs=0.02)
        assert side.r_on is not None
        assert side.r_on.value == pytest.approx(1.5e3, rel=0.02)


@pytest.mark.parametrize(
    ("programmed", "measured"),
    [
        ("Voltage set (V)", "Voltage meas (V)"),
        ("Vsource", "Vsense"),
        ("V programmed", "V"),
        ("Potential applied (V)", "WE(1).Potential (V)"),
        ("Source voltage (V)", "Measured voltage (V)"),
        ("Vforce", "Vdut"),
    ],
)
def test_the_measured_voltage_is_taken(tmp_path: Path, programmed: str, measured: str) -> None:
    v = np.where(AMPERE > 6e-4, 6e-4 * DEVICE.r_met, VOLT)
    i = np.minimum(AMPERE, 6e-4)
    for columns, names in (([VOLT, v, i], (programmed, measured)), ([v, VOLT, i], (measured, programmed))):
        found = load(tmp_path, text(columns, ",".join([*names, "Current (A)"])))
        side = fit_iv(found).main
        assert repr(measured) in found.reading.partition("not used")[0]
        assert side.r_on is not None
        assert side.r_on.value == pytest.approx(1.5e3, rel=0.02)
        assert side.v_th.value == pytest.approx(1.2, abs=0.02)


def test_compliance_that_clips_every_metallic_point(tmp_path: Path) -> None:
    found = load(tmp_path, text([VOLT, np.minimum(AMPERE, 1e-4)], "V,I"))
    side = fit_iv(found).main
    assert side.r_on is None
    assert side.compliance is not None
    assert side.compliance.value == pytest.approx(1e-4)
    assert side.v_th.value == pytest.approx(1.2, abs=0.02)


def test_buffer_of_a_source_meter_with_units_beside_the_numbers(tmp_path: Path) -> None:
    names = "Index,Reading,Unit,Range Digits,Disp Digits,Math,Terminal,Value,Unit,Output,Date,Time,Fractional Seconds"
    rows = [
        f"{n},{i:.6E},Amp DC,6.5,5.5,F,Front,{v:.6f},Volt DC,T,11/24/2025,10:00:{n % 60:02d},0.{n % 10}"
        for n, (v, i) in enumerate(zip(VOLT, AMPERE, strict=True), start=1)
    ]
    check_curve(load(tmp_path, "\n".join(["Buffer Name:,defbuffer1", "Model,2450", "", names, *rows])))


ROWS = [f"{n};{0.1 * n:.2f};{v:.6e};{i:.6e}" for n, (v, i) in enumerate(zip(VOLT, AMPERE, strict=True))]
GAMRY = "CURVE1\tTABLE\t402\n\tPt\tT\tVf\tIm\tVu\tIERange\tOver\n\t#\ts\tV\tA\tV\t#\tbits\n"


@pytest.mark.parametrize(
    "content",
    [
        GAMRY + "\n".join(f"\t{row}\t0\t9\t..........." for row in ROWS).replace(";", "\t"),
        "\n".join(["mode;time/s;Ewe/V;<I>/A", *ROWS]).replace(";", "\t"),
        "\n".join(["Index;Time (s);WE(1).Potential (V);WE(1).Current (A);Range", *(f"{row};1 mA" for row in ROWS)]),
        "\n".join(["Index,Smu-1 Time (1)(1),Smu-1 Voltage (1)(1),Smu-1 Current (1)(1)", *ROWS]).replace(";", ","),
        "\n".join(["n\tt\tVoltage\tCurrent", "\ts\tV\tA", "\t\trun 1\trun 1", *ROWS]).replace(";", "\t"),
        "\n".join(
            [
                "Time   Voltage   Current",
                "(s)    (V)    (A)",
                *(row.partition(";")[2].replace(";", "  ") for row in ROWS),
            ]
        ),
        "\n".join(["Sweep 1", "n;t (s);V (V);I (A)", *ROWS[:201], "Sweep 2", "n;t (s);V (V);I (A)", *ROWS[201:]]),
        "\n".join([f"{row}|" for row in ["n|t (s)|V (V)|I (A)", *ROWS]] + ["End of data"]).replace(";", "|"),
    ],
    ids=["gamry", "ec-lab", "nova", "kickstart", "origin", "aligned", "repeated header", "bars"],
)
def test_other_instruments(tmp_path: Path, content: str) -> None:
    found = load(tmp_path, content)
    assert len(found.sweeps) == 2
    check_curve(found)


@pytest.mark.parametrize(
    ("header", "choice"),
    [
        ("a,b,c", {"voltage": "b", "current": "c"}),
        ("a,b,c", {"voltage": "2", "current": "3"}),
        ("", {"voltage": "2", "current": "3"}),
        ("Other current (A),Voltage (V),Current (A)", {"current": "Current"}),
        ("I1 (A),V (V),I2 (A)", {"current": "I2 (A)"}),
        ("Compliance (A),V,I limit (A)", {"current": "i  limit (a)"}),
    ],
)
def test_columns_that_the_user_chooses(tmp_path: Path, header: str, choice: dict[str, str]) -> None:
    head = [header] if header else []
    check_curve(load(tmp_path, text([2 * AMPERE, VOLT, AMPERE], *head), choice=Choice(**choice)))


def test_choice_of_kind_and_time(tmp_path: Path) -> None:
    circuit = Circuit(device=DEVICE, supply=5.0, series_resistance=20e3, capacitance=1e-10)
    time = 2e-8 * np.arange(1000)
    v = make.transient(circuit, np.random.default_rng(5), time=time, noise=1e-3)
    content = text([time, 2 * time, v, (5 - v) / 20e3], "t1 (s),t2 (s),V,I")
    found = load(tmp_path, content, kind="transient", choice=Choice(time="t2 (s)"))
    assert found.sweeps[0].time is not None
    np.testing.assert_allclose(found.sweeps[0].time, 2 * time, atol=1e-12)
    assert load(tmp_path, content).kind == "transient"
    assert load(tmp_path, content, kind="iv").kind == "iv"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            {"voltage": "x"},
            "line 1: wanted a column 'x'; there are 'V', 'I', 'Range' .a text., 'J .A/cm2.' .a density.",
        ),
        ({"current": "9"}, "wanted a column '9'"),
        ({"current": "Range"}, "column 'Range' must hold numbers; it holds text"),
        ({"current": "J (A/cm2)"}, "the unit 'A/cm2' is not understood; wanted current with a unit such as A, mA, uA"),
    ],
)
def test_choices_that_are_refused(tmp_path: Path, choice: dict[str, str], message: str) -> None:
    content = text([VOLT, AMPERE, ["auto"] * len(VOLT), AMPERE], "V,I,Range,J (A/cm2)")
    with pytest.raises(ValueError, match=message):
        load(tmp_path, content, choice=Choice(**choice))


def test_columns_without_names_that_leave_a_choice(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="the columns have no names, and the numbers leave a choice: say which is --vol"
    ):
        load(tmp_path, text([2 * AMPERE, VOLT, AMPERE]))


def test_a_reading_is_one_line_that_says_what_was_taken(tmp_path: Path) -> None:
    content = text(
        [0.1 * np.arange(len(VOLT)), VOLT, AMPERE, 0 * VOLT + 1e-3], "Time (s),Voltage (V),Current (A),Compliance (A)"
    )
    reading = load(tmp_path, content).reading
    assert reading == (
        "I-V curve, 2 sweeps: voltage = column 2 'Voltage (V)', current = column 3 'Current (A)', "
        "time = column 1 'Time (s)'; not used: 'Compliance (A)' (a limit)"
    )
    assert load(tmp_path, text([VOLT, AMPERE])).reading.endswith("current = column 2; no header, so units are SI")
    many = text([VOLT, AMPERE] * 9, ",".join(f"V{n},I{n}" for n in range(9)))
    assert "; and 3 more side by side" in load(tmp_path, many).reading


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("input", "voltage"), ("in", None), ("index", "index"), ("identity", None), ("valid", None), ("Value", None),
        ("Id", "current"), ("Iout", "current"), ("<I>", "current"), ("Ewe", "voltage"), ("Vds", "voltage"),
        ("photocurrent", "current"), ("Gate voltage", "voltage"), ("t", "time"), ("x", "time"), ("T", "time"),
        ("Rdut", "resistance"), ("info", None), ("version", None), ("volume", None), ("Kanal B", "voltage"),
    ],
)  # fmt: skip
def test_quantity_by_name(name: str, quantity: str | None) -> None:
    assert column(0, name).quantity == quantity


@pytest.mark.parametrize("text_", ["", "m", "x", "1", "mm", "V/A", "dB", "As", "kHz", "GA", "deg", "µ"])
def test_not_units(text_: str) -> None:
    assert unit_of(text_) is None


def test_reader_takes_sweeps_that_never_reach_zero(tmp_path: Path) -> None:
    v = np.concatenate([np.linspace(0.2, 2, 91), np.linspace(2, 0.2, 91)] * 3)
    switch: Callable[[np.ndarray], np.ndarray] = DEVICE.iv
    found = load(tmp_path, text([v, switch(v)], "V,I"))
    assert len(found.sweeps) == 3
    assert all(isinstance(sweep, Sweep) for sweep in found.sweeps)
