"""The scoreboard finds the first difference, and says everything one needs to look for its cause."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neuristor.sim.benches.scoreboard import AROUND, compare

Trace = dict[str, NDArray[np.int64]]


def traces(ticks: int = 30, count: int = 4) -> tuple[Trace, Trace]:
    """Two equal traces: what a model gives, and what a circuit does."""
    rng = np.random.default_rng(1)
    expected = {
        "spike": rng.integers(0, 2, (ticks, count)),
        "membrane": rng.integers(-99, 100, (ticks, count)),
        "refractory": rng.integers(0, 4, (ticks, count)),
    }
    return expected, {name: values.copy() for name, values in expected.items()}


def test_equal_traces_have_no_difference() -> None:
    expected, got = traces()
    assert compare(expected, got) is None
    assert compare(expected, dict(reversed(got.items()))) is None


@pytest.mark.parametrize(
    ("wrong", "first"),
    [
        ([("membrane", 7, 2)], ("membrane", 7, 2)),
        ([("spike", 9, 0), ("refractory", 8, 3)], ("refractory", 8, 3)),  # time goes before neuron and field
        ([("spike", 8, 2), ("refractory", 8, 1)], ("refractory", 8, 1)),  # then the neuron
        ([("refractory", 8, 1), ("membrane", 8, 1), ("membrane", 8, 2)], ("membrane", 8, 1)),  # then the field
        ([("membrane", 0, 0)], ("membrane", 0, 0)),
        ([("refractory", 29, 3)], ("refractory", 29, 3)),
    ],
)
def test_first_difference_is_first_in_time_then_in_neuron(
    wrong: list[tuple[str, int, int]], first: tuple[str, int, int]
) -> None:
    expected, got = traces()
    for name, tick, neuron in wrong:
        got[name][tick, neuron] += 5
    found = compare(expected, got)
    assert found is not None
    assert (found.field, found.tick, found.neuron) == first
    name, tick, neuron = first
    assert (found.expected, found.got) == (expected[name][tick, neuron], got[name][tick, neuron])


def test_one_wrong_bit_anywhere_is_found() -> None:
    expected, got = traces(ticks=6, count=3)
    for name, values in got.items():
        for place in np.ndindex(values.shape):
            values[place] ^= 1
            found = compare(expected, got)
            assert found is not None
            assert (found.field, found.tick, found.neuron) == (name, *place)
            values[place] ^= 1
    assert compare(expected, got) is None


def test_message_names_everything_and_shows_the_waveform() -> None:
    expected, got = traces()
    expected["membrane"][12, 3], got["membrane"][12, 3] = -41, 17
    text = str(compare(expected, got, first_tick=4096))
    first, *waveform = text.splitlines()
    assert first == "neuron 3 differs at tick 4108: membrane is 17, expected -41"
    rows = [line.split() for line in waveform]
    assert rows[0] == ["tick", *(f"{t}*" if t == 4108 else f"{t}" for t in range(4104, 4113))]
    assert [row[:2] for row in rows[1:]] == [[name, side] for name in expected for side in ("expected", "got")]
    for name, wanted, seen in zip(expected, rows[1::2], rows[2::2], strict=True):
        assert wanted[2:] == [str(x) for x in expected[name][8:17, 3]]
        assert seen[2:] == [str(x) for x in got[name][8:17, 3]]
    assert len({len(line) for line in waveform}) == 1, "the columns stand below each other"


@pytest.mark.parametrize(("tick", "shown"), [(0, range(AROUND + 1)), (29, range(29 - AROUND, 30)), (2, range(7))])
def test_waveform_ends_where_the_trace_ends(tick: int, shown: range) -> None:
    expected, got = traces()
    got["spike"][tick, 0] ^= 1
    found = compare(expected, got)
    assert found is not None
    assert found.waveform.splitlines()[0].split() == ["tick", *(f"{t}*" if t == tick else f"{t}" for t in shown)]


def test_traces_of_different_kind_are_refused() -> None:
    expected, got = traces()
    with pytest.raises(ValueError, match="the circuit gives spike, refractory; the model gives spike, membrane, refr"):
        compare(expected, {name: got[name] for name in ("spike", "refractory")})
    with pytest.raises(ValueError, match="the circuit gives spike, membrane, refractory, noise; the model gives"):
        compare(expected, got | {"noise": got["spike"]})
    for wrong in (got["membrane"][:-1], got["membrane"][:, :-1], got["membrane"][:, :1], got["membrane"][:1]):
        with pytest.raises(ValueError, match=r"the circuit gives \(\d+, \d\) values of membrane, the model \(30, 4\)"):
            compare(expected, got | {"membrane": wrong})


@pytest.mark.parametrize(("ticks", "count"), [(0, 4), (5, 0)])
def test_empty_traces_are_refused(ticks: int, count: int) -> None:
    with pytest.raises(ValueError, match="there is no tick to compare"):
        compare(*traces(ticks, count))
