"""Fixtures of all tests."""

from __future__ import annotations

import pytest

from neuristor.golden_model.devices.threshold_switch import Circuit
from tests.samples import lif, relaxation_oscillator


@pytest.fixture
def vo2() -> Circuit:
    """A VO2 switch, biased below its threshold."""
    return lif.VO2


@pytest.fixture
def oscillator() -> Circuit:
    """A VO2 switch that oscillates at 240 kHz."""
    return relaxation_oscillator.VO2
