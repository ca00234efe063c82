"""Transients as oscilloscopes write them, and their time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.devices.measurement import Measurement
from tests.data.curves import POINTS, START, STEP, TIME, WAVE, check_wave, load, text


def tds(*, short: bool = False) -> str:
    """Tektronix TDS: the preamble stands beside the first samples."""
    aside = [("Record Length", f"{POINTS}"), ("Sample Interval", f"{STEP}"), ("Trigger Point", "50"), *[("", "")] * 3]
    aside += [("Source", "CH1"), ("Vertical Units", "V"), ("Vertical Scale", "0.5"), ("Vertical Offset", "0.0")]
    aside += [("Horizontal Units", "s"), ("Horizontal Scale", "1e-6"), ("Pt Fmt", "Y"), ("Yzero", "0.0")]
    aside += [("Probe Atten", "1.0"), ("Model Number", "TDS2014B"), ("Firmware Version", "FV:v22.01")]
    aside = [*aside[: 3 if short else None], *[("", "")] * POINTS]
    return "".join(f"{a},{b},,{t:.10E},{v:.7f},\n" for (a, b), t, v in zip(aside, TIME, WAVE, strict=False))


def lvm(columns: str, *, comma: bool = False) -> str:
    """LabVIEW measurement file with the time in no, one, or many columns."""
    head = f"LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nX_Columns\t{columns}\n"
    head += "Time_Pref\tRelative\nDate\t2025/11/24\nTime\t10:41:45.511132\n***End_of_Header***\t\n\t\n"
    one = columns == "Multi"
    gap = "\t\t" if one else "\t"
    for key, *pair in (
        ("Channels", "2"),
        ("Samples", str(POINTS), str(POINTS)),
        ("Date", "2025/11/24", "2025/11/24"),
        ("Y_Unit_Label", "Volts", "Volts"),
        ("X_Dimension", "Time", "Time"),
        ("X0", f"{START:.6E}", f"{START:.6E}"),
        ("Delta_X", f"{STEP:.6E}", f"{STEP:.6E}"),
    ):
        head += f"{key}\t{gap.join(pair)}\n"
    head += "***End_of_Header***\t\t\n"
    head += "X_Value\tUntitled\tX_Value\tUntitled 1\tComment\n" if one else "X_Value\tUntitled\tUntitled 1\tComment\n"
    rows = []
    for t, v in zip(TIME, WAVE, strict=True):
        time = "" if columns == "No" else f"{t:.10f}"
        rows.append(f"{time}\t{v:.6f}\t{time}\t2.500000" if one else f"{time}\t{v:.6f}\t2.500000")
    whole = head + "\n".join(rows) + "\n"
    return whole.replace(".", ",") if comma else whole


LECROY = ["LECROYWS424,1234,Waveform", f"Segments,1,SegmentSize,{POINTS}", "Segment,TrigTime,TimeSinceSegment1"]
LECROY += ["#1,24-Nov-2025 10:00:00,0                 ", "Time,Ampl"]
SIGLENT = [f"Record Length,{POINTS}", f"Sample Interval,CH1:{STEP} CH2:{STEP}", "Vertical Units,CH1:V CH2:V,,"]
SIGLENT += ["Vertical Scale,CH1:0.05 CH2:0.10,,", "Horizontal Units,s,,", "Model Number,ADS1202CL+,,", ""]
SUPPLY = np.full(POINTS, 2.5)
SCOPES: dict[str, tuple[str, float | None]] = {
    "keysight": (text([TIME, WAVE], "x-axis,1", "second,Volt"), None),
    "keysight, two channels": (text([TIME, WAVE, SUPPLY], "x-axis,1,2", "second,Volt,Volt"), 2.5),
    "keysight, three, the last": (text([TIME, 0 * TIME, SUPPLY, WAVE], "x-axis,1,2,4", "second,Volt,Volt,Volt"), None),
    "keysight, millivolt": (text([TIME, 1e3 * WAVE], "x-axis,CH1", "second,mV"), None),
    "infiniium": (text([TIME, WAVE], "Revision:,0", f"Points:,{POINTS}", f"XInc:,{STEP}", "Data:"), None),
    "tds": (tds(), None),
    "tds, short preamble": (tds(short=True), None),
    "tektronix mso": (
        text([TIME, WAVE], "Model,MSO54", f"Sample Interval,{STEP}", "Vertical Units,V", "", "TIME,CH1"),
        None,
    ),
    "tektronix, two channels": (
        text([TIME, WAVE, SUPPLY], "Model,MDO3014", "Vertical Units,V,V", "Labels,,", "TIME,CH1,CH2"),
        2.5,
    ),
    "tektronix, millivolt": (text([TIME, 1e3 * WAVE], "Model,MSO54", "Vertical Units,mV", "", "TIME,CH1"), None),
    "rohde": (text([TIME, WAVE], "in s,C1 in V"), None),
    "rohde, two channels": (text([TIME, WAVE, SUPPLY], "in s,C1 in V,C2 in V"), 2.5),
    "rohde, milli": (text([TIME * 1e6, 1e3 * WAVE], "in us,C3 in mV"), None),
    "lecroy": (text([TIME, WAVE], *LECROY), None),
    "lecroy, semicolon": (text([TIME, WAVE], *(line.replace(",", ";") for line in LECROY), delimiter=";"), None),
    "lecroy, blanks": (text([TIME, WAVE], *(line.replace(",", " ") for line in LECROY), delimiter=" "), None),
    "rigol ds": (
        text([np.arange(POINTS), WAVE], "X,CH1,Start,Increment,", f"Sequence,Volt,{START:E},{STEP:E}"),
        None,
    ),
    "rigol ds, two channels": (
        text(
            [[str(n) for n in range(POINTS)], WAVE, SUPPLY],
            "X,CH1,CH2,Start,Increment,",
            f"Sequence,Volt,Volt,{START:E},{STEP:E}",
        ),
        2.5,
    ),
    "rigol mso": (text([TIME, WAVE], "Time(s),CH1V"), None),
    "rigol, increment in the header": (text([WAVE, SUPPLY], f"CH1V,CH2V,t0 = {START:E},tInc = {STEP:E}"), 2.5),
    "rigol, one channel only": (text([WAVE, [""] * POINTS], f"CH1V,t0 ={START:E}, tInc = {STEP:E},"), None),
    "picoscope": (text([TIME * 1e6, WAVE], "Time,Channel A", "(us),(V)", ""), None),
    "picoscope, two channels": (
        text([TIME * 1e3, 1e3 * WAVE, SUPPLY], "Time,Channel A,Channel B", "(ms),(mV),(V)", ""),
        2.5,
    ),
    "siglent": (text([TIME, WAVE, SUPPLY], *SIGLENT, "Source,CH1,CH2", "Second,Volt,Volt"), 2.5),
    "labview": (lvm("One"), 2.5),
    "labview, no time": (lvm("No"), 2.5),
    "labview, many times": (lvm("Multi"), None),
    "labview, decimal comma": (lvm("One", comma=True), 2.5),
    "digilent": (
        text([TIME, WAVE], "#Digilent WaveForms", "#Sample rate: 2.5e+07Hz", "", "Time (s),Channel 1 (V)"),
        None,
    ),
    "without header": (text([TIME, WAVE]), None),
    "without header, tab": (text([TIME, WAVE], delimiter="\t"), None),
    "without header, two channels": (text([TIME, WAVE, SUPPLY]), 2.5),
    "numpy": (text([TIME, WAVE], "# time [s] voltage [V]", delimiter=" "), None),
    "saleae": (text([TIME, WAVE], "Time [s],Channel 0"), None),
    "spice": (text([TIME, WAVE], "time\tV(out)", delimiter="\t"), None),
}  # fmt: skip


@pytest.mark.parametrize("name", SCOPES)
def test_oscilloscopes(tmp_path: Path, name: str) -> None:
    content, supply = SCOPES[name]
    check_wave(load(tmp_path, content), supply=supply)


@pytest.mark.parametrize(
    "name", ["keysight, two channels", "rohde, two channels", "siglent", "rigol mso", "picoscope", "tds"]
)
def test_gaps_at_the_ends_and_inside_are_left_out(tmp_path: Path, name: str) -> None:
    lines = SCOPES[name][0].splitlines()
    first = len(lines) - POINTS
    for k in (first, first + 100, first + 101, len(lines) - 2, len(lines) - 1):
        cells = lines[k].split(",")
        at = 3 if name == "tds" else 0
        lines[k] = ",".join([*cells[: at + 1], *["" for _ in cells[at + 1 :]]])
    found = load(tmp_path, "\n".join(lines))
    keep = np.ones(POINTS, bool)
    keep[[0, 100, 101, -2, -1]] = False
    assert found.sweeps[0].time is not None
    np.testing.assert_allclose(found.sweeps[0].time, TIME[keep], atol=1e-12)
    np.testing.assert_allclose(found.sweeps[0].voltage, WAVE[keep], atol=1e-6)
    assert "5 rows without a value left out" in found.reading


def test_segments_are_records(tmp_path: Path) -> None:
    head = ["LECROYWS424,1234,Waveform", f"Segments,2,SegmentSize,{POINTS}", "Segment,TrigTime,TimeSinceSegment1"]
    head += ["#1,24-Nov-2025 10:00:00,0", "#2,24-Nov-2025 10:00:01,1.0005", "Time,Ampl"]
    found = load(tmp_path, text([np.tile(TIME, 2), np.tile(WAVE, 2)], *head))
    assert len(found.sweeps) == 2
    for sweep in found.sweeps:
        check_wave(Measurement("transient", (sweep,), "x"))


@pytest.mark.parametrize(
    ("head", "cells", "start"),
    [
        (["Time (min),V (V)"], [TIME / 60, WAVE], START),
        (["Time [minutes],V"], [TIME / 60, WAVE], START),
        (["t/h,U/V"], [TIME / 3600, WAVE], START),
        (["Elapsed (hours),Voltage (V)"], [TIME / 3600, WAVE], START),
        (["Zeit (Std),Spannung (V)"], [TIME / 3600, WAVE], START),
        (["Time (days),Voltage (V)"], [TIME / 86400, WAVE], START),
        (["Time (ps),Voltage (V)"], [TIME * 1e12, WAVE], START),
        ([f"Sample Interval,{STEP}", "Sample,CH1 (V)"], [np.arange(POINTS), WAVE], 0.0),
        (["Sample rate: 25 MS/s", "", "Index,CH1 (V)"], [np.arange(POINTS), WAVE], 0.0),
        (["Sampling frequency,2.5e7,Hz", "CH1 (V),CH2 (V)"], [WAVE, SUPPLY], 0.0),
        (["dt = 40 ns", "n,V"], [np.arange(POINTS), WAVE], 0.0),
        (["Sampling Period:,40,ns", "", "Point,Volt"], [np.arange(1, POINTS + 1), WAVE], 0.0),
    ],
)  # fmt: skip
def test_minutes_hours_and_samples_as_time(
    tmp_path: Path, head: list[str], cells: list[np.ndarray], start: float
) -> None:
    found = load(tmp_path, text(cells, *head))
    check_wave(found, start=start, supply=2.5 if len(cells) > 1 and cells[1] is SUPPLY else None)


def test_time_of_day(tmp_path: Path) -> None:
    for day in ("", "2025-11-24 "):
        clock = [f"{day}23:{59 if k < 60 else 0:02d}:{k % 60:02d}.250" for k in range(POINTS)]
        clock = [
            f"{day}{(23 * 3600 + 3540 + k) // 3600 % 24:02d}:{(3540 + k) // 60 % 60:02d}:{k % 60:02d}.25"
            for k in range(POINTS)
        ]
        found = load(tmp_path, text([clock, WAVE], "Time,Voltage (V)"))
        assert found.sweeps[0].time is not None
        np.testing.assert_allclose(np.diff(found.sweeps[0].time), 1.0)


@pytest.mark.parametrize("name", ["Sample", "Index", "n", "Point no.", "#"])
def test_samples_without_an_interval_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="counts samples, and no line gives the sample interval: wanted a time in sec"):
        load(tmp_path, text([np.arange(POINTS), WAVE], f"{name},CH1 (V)"))
