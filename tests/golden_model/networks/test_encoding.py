"""Codes and recorded events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuristor.golden_model.networks.encoding import Events, delta, latency, rate, read_events


def test_rate_has_the_mean_of_its_values_and_a_seed() -> None:
    values = np.array([0.0, 0.3, 1.0])
    made = rate(values, 20_000, seed=3, most=0.5)
    assert made.shape == (20_000, 3)
    # Three standard deviations of a mean of 20,000 draws are at most 0.011.
    np.testing.assert_allclose(made.mean(axis=0), 0.5 * values, atol=0.011)
    assert made[:, 0].sum() == 0
    assert (made == rate(values, 20_000, seed=3, most=0.5)).all()
    assert (made != rate(values, 20_000, seed=4, most=0.5)).any()


def test_latency_spikes_once_and_earlier_for_more() -> None:
    made = latency([1.0, 0.505, 0.01, 0.0], 10)
    assert made.sum(axis=0).tolist() == [1, 1, 1, 0]
    assert made.argmax(axis=0).tolist()[:3] == [0, 5, 9]


def test_delta_counts_steps_up_and_down() -> None:
    made = delta(np.array([[0.0], [0.5], [1.1], [0.9], [-0.2]]), 0.5)
    assert made[:, 0].tolist() == [0, 1, 1, 0, 0]
    assert made[:, 1].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rate([1.2], 3), "values must be numbers from 0 to 1"),
        (lambda: rate([float("nan")], 3), "values must be numbers from 0 to 1"),
        (lambda: rate([0.5], 3, most=0.0), "most must be"),
        (lambda: latency([0.5], 1), "ticks must be"),
        (lambda: delta([[float("inf")]], 1.0), "signal must be finite"),
        (lambda: delta([[0.0]], 0.0), "step must be"),
    ],
)
def test_wrong_values_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_events_become_spikes(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("t,x,y,p\n2500,1,0,1\n0,0,0,-1\n10,2,1,0\n2900,1,0,1\n")
    found = read_events(path)
    made = found.spikes(1e-3, (2, 2, 3))
    assert made.shape == (3, 12)
    assert np.argwhere(made).tolist() == [[0, 0], [0, 5], [2, 7]]
    np.savez(tmp_path / "events.npz", t=found.time * 1e6, x=found.x, y=found.y, p=found.polarity)
    again = read_events(tmp_path / "events.npz")
    assert (again.spikes(1e-3, (2, 2, 3)) == made).all()
    assert found.spikes(1e-3, (1, 2, 3)).shape == (3, 6)
    with pytest.raises(ValueError, match="x must be 0 to 1"):
        found.spikes(1e-3, (2, 2, 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,x,y\n1,2,3\n", "line 1: must name the columns t, x, y and p"),
        ("t,x,y,p\n1,2,3\n", "row 2: must have 4 numbers, not 3"),
        ("t,x,y,p\n1,a,3,1\n", "row 2: x must be a number, not 'a'"),
        ("t,x,y,p\n1,nan,3,1\n", "event 1: x must be a whole number"),
        ("t,x,y,p\n1,2,3,5\n", "p must be 0 or 1"),
        ("t,x,y,p\n", "there must be an event"),
        ("", "line 1: must name the columns"),
    ],
)
def test_broken_event_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_events(path)


def test_broken_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.npz"
    path.write_bytes(b"PK\x03\x04 not whole")
    with pytest.raises(ValueError, match="cannot be read"):
        read_events(path)
    np.savez(path, t=[1], x=[1])
    with pytest.raises(ValueError, match="y, p is missing"):
        read_events(path)


UNITS = [
    (1e-6, 1000, 1e-3),
    (1e-3, 1, 1e-3),
    (1e-9, 1_000_000, 1e-3),
    (1e-6, 100, 1e-4),
    (1e-6, 3, 3e-6),
    (1e-7, 7, 7e-7),
    (1.0, 1e-3, 1e-3),
    (1.0, 0.07, 0.07),
]
"""Unit of t in second, events every so many units, and the tick in second: an event at the beginning of each tick."""


@pytest.mark.parametrize(("unit", "every", "dt"), UNITS)
@pytest.mark.parametrize("first", [0, 1, 123_457, 1_700_000_000])
@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_an_event_at_the_beginning_of_a_tick_belongs_to_it(
    unit: float, every: float, dt: float, first: int, kind: str, tmp_path: Path
) -> None:
    path, ticks = tmp_path / f"events.{kind}", 2000
    times = [round(first + every * n, 6) for n in range(ticks)]
    if kind == "csv":
        path.write_text("t,x,y,p\n" + "".join(f"{t},0,0,1\n" for t in times))
    else:
        zero = np.zeros(ticks)
        np.savez(path, t=times, x=zero, y=zero, p=zero)
    made = read_events(path, unit).spikes(dt, (1, 1, 1))
    assert made.shape == (ticks, 1)
    assert made.all()


def test_an_event_just_before_a_tick_belongs_to_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("t,x,y,p\n0,0,0,1\n6999,0,0,1\n7000,0,0,1\n7999,0,0,1\n")
    made = read_events(path).spikes(1e-3, (1, 1, 1))
    assert np.flatnonzero(made).tolist() == [0, 6, 7]


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 4)])
def test_no_events_are_no_ticks(shape: tuple[int, int, int]) -> None:
    none = np.zeros(0, dtype=np.int64)
    assert Events(none.astype(float), none, none, none).spikes(1e-3, shape).shape == (0, np.prod(shape))


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_events_of_other_programs(codec: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    text = "t,x,y,p\r\n0,0,0,1\r\n1500,1,0,0\r\n".replace(",", delimiter)
    path.write_bytes(text.encode(codec))
    assert np.argwhere(read_events(path).spikes(1e-3, (2, 1, 2))).tolist() == [[0, 2], [1, 1]]
