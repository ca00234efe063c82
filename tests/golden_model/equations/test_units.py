"""Units of equations: their sizes, and what is no unit."""

from __future__ import annotations

import pytest

from neuristor.golden_model.equations.units import NONE, quantity, unit


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("12 kohm", 12e3, "ohm"),
        ("145.346pF", 145.346e-12, "F"),
        ("0.205587 mW/K", 0.205587e-3, "W/K"),
        ("120 mS/cm**2", 1200.0, "S/m**2"),
        ("1 uF/cm^2", 0.01, "F/m**2"),
        ("-65 mV", -0.065, "V"),
        ("20 degC", 293.15, "K"),
        ("1e-3 1/ms", 1.0, "Hz"),
        ("5 %", 0.05, "1"),
        ("3", 3.0, "1"),
        ("2 min", 120.0, "s"),
        ("1.5 mV*ms", 1.5e-6, "V*s"),
    ],
)
def test_a_quantity_is_in_si_units(text: str, value: float, dimension: str) -> None:
    found, own = quantity(text)
    assert found == pytest.approx(value, rel=1e-15)
    assert own == quantity(f"1 {dimension}")[1]


def test_a_number_is_in_the_wanted_unit() -> None:
    assert quantity(5, "mV") == quantity("5 mV", "V")
    assert quantity(0.0, "mV")[0] == 0
    assert quantity("0.3", "1") == (0.3, NONE)


@pytest.mark.parametrize(
    ("text", "wanted", "message"),
    [
        ("12 kohmm", None, "'kohmm' is no unit; wanted one such as V, mV"),
        ("V", None, "'V' is no number with a unit"),
        (True, None, "True is no number with a unit"),
        ("1 V", "A", "'1 V' must have the dimension of A, but V is V"),
        ("1e400 V", None, "must be a finite number"),
        ("1 V+A", None, "'V\\+A' is no unit"),
        ("1 __import__('os')", None, "is no unit"),
        ("1 V**99", None, "is no unit"),
        ("1 " + "m*" * 100 + "m", None, "is no unit"),
        (float("nan"), None, "must be a finite number"),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, wanted: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantity(text, wanted)


def test_prefixes_and_symbols_are_told_apart() -> None:
    names = {
        "m": "m",
        "mm": "m",
        "min": "s",
        "ms": "s",
        "mol": "mol",
        "mM": "mol/m**3",
        "T": "T",
        "kHz": "Hz",
        "pA": "A",
    }
    for name, dimension in names.items():
        found = unit(name)
        assert found is not None
        assert found.dimension == quantity(f"1 {dimension}")[1], name
    assert unit("kmin") is None
    assert unit("cV") is None
    assert unit("x") is None


def test_a_dimension_is_shown_as_people_write_it() -> None:
    shown = {
        "V": "V",
        "V/s": "V/s",
        "1": "a number without unit",
        "V*A": "W",
        "m**2": "m**2",
        "S/mV": "S/V",
        "kg*m*A": "kg*m*A",
    }
    assert {text: str(quantity(f"1 {text}")[1]) for text in shown} == shown
