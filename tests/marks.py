"""Which cases a plain `pytest` leaves to the gate, which the gate leaves to long campaigns, and which need a tool."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

__all__ = ["the_rest_is_extended", "the_rest_is_slow"]


Needs = Mapping[str, pytest.MarkDecorator]
NOTHING: Needs = MappingProxyType({})


def the_rest_is_slow(
    cases: Iterable[Any], quick: Collection[Any], needs: Needs = NOTHING, extended: Collection[Any] = ()
) -> list[Any]:
    """All cases, of which only some are run each time.

    Parameters
    ----------
    cases : iterable
        Of values, or of tuples of them.
    quick : collection
        Those that each `pytest` runs.
    needs : mapping of str to mark
        Marks of cases that have such a value.
    extended : collection
        Those that the gate runs beside (``pytest -m extended``); the others are long campaigns (``pytest -m slow``).
    """
    cases = list(cases)
    unknown = [each for each in (*quick, *extended) if each not in cases]
    assert not unknown, f"there is no case {unknown}"
    made = []
    for each in cases:
        values = each if isinstance(each, tuple) else (each,)
        marks = [needs[value] for value in values if isinstance(value, str) and value in needs]
        if each not in quick:
            marks.append(pytest.mark.extended if each in extended else pytest.mark.slow)
        made.append(pytest.param(*values, marks=marks))
    return made


def the_rest_is_extended(cases: Iterable[Any], quick: Collection[Any], needs: Needs = NOTHING) -> list[Any]:
    """All cases, of which each `pytest` runs some, and the gate all.

    Parameters
    ----------
    cases, quick, needs
        As in `the_rest_is_slow`.
    """
    cases = list(cases)
    return the_rest_is_slow(cases, quick, needs, [each for each in cases if each not in quick])
