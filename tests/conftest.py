"""Fixtures of all tests."""

from __future__ import annotations

from collections import defaultdict

import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from tests.samples import lif, relaxation_oscillator


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep `few(n)` cases of a test, evenly spread, for a plain `pytest`; the others are `extended`."""
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("few") and not any(map(item.get_closest_marker, ("extended", "slow"))):
            cases[item.nodeid.partition("[")[0]].append(item)
    for some in cases.values():
        marker = some[0].get_closest_marker("few")
        assert marker is not None
        (wanted,) = marker.args
        kept = {place * (len(some) - 1) // max(1, wanted - 1) for place in range(wanted)}
        for place, item in enumerate(some):
            if place not in kept:
                item.add_marker(pytest.mark.extended)


@pytest.fixture
def vo2() -> Circuit:
    """A VO2 switch, biased below its threshold."""
    return lif.VO2


@pytest.fixture
def oscillator() -> Circuit:
    """A VO2 switch that oscillates at 240 kHz."""
    return relaxation_oscillator.VO2
