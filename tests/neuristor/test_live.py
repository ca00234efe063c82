"""A live run of the explorer says what the board does: equal, or different if there is a bug in the circuit."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from neuristor.attach import attached
from neuristor.explore.live import Live
from neuristor.explore.neuron import DesignView
from tests.sim.faults.injected import Bug, injected

pytestmark = pytest.mark.extended
NEURONS: dict[str, Any] = {
    "device": {"preset": "vo2-maffezzoni"},
    "circuit": {"supply": 1.5, "series_resistance": 20e3, "capacitance": 1e-9},
    "neuron": {"model": "lif", "count": 4, "dt": 400e-9},
    "stimulus": {"source": "constant", "current": 80e-6, "ticks": 200},
    "variability": {"threshold_d2d": 0.05, "seed": 3},
    "fpga": {"lanes": 2},
}
ARRAY = "hdl.array:NeuronArray."
BUGS = [
    None,
    Bug("handshake", "rows are accepted in idle slots", ARRAY + "_schedule", "has_row & begins", "running & begins"),
    Bug("rounding", "products are floored", "hdl.fixed:round_shift", "+ value[n - 1]", "+ 0"),
    Bug("order", "lanes read each other's state", ARRAY + "elaborate", "read.data[index]", "read.data[-1 - index]"),
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.subject if bug else "sound")
def test_a_live_run_shows_a_bug_in_the_circuit(bug: Bug | None) -> None:
    with nullcontext() if bug is None else injected(bug):
        events = list(Live(DesignView(NEURONS, "neurons").session({}), attached).events())
    last = events[-1]
    if bug is None:
        assert last == {"end": "good", "title": "the whole run: equal to the bit-true model"}
        assert any(event.get("done") == 1.0 and event["counters"] for event in events)
    else:
        assert last["end"] == "bad", last
