"""Which cases the gate leaves to the long campaigns, and which need a tool."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

__all__ = ["the_rest_is_slow"]


def the_rest_is_slow(
    cases: Iterable[Any], quick: Collection[Any], needs: Mapping[str, pytest.MarkDecorator] = MappingProxyType({})
) -> list[Any]:
    """All cases, of which only some are run each time; the others with ``pytest -m slow``.

    Parameters
    ----------
    cases, quick : collections
        Of values, or of tuples of them.
    needs : mapping of str to mark
        Marks of cases that have such a value.
    """
    cases = list(cases)
    unknown = [each for each in quick if each not in cases]
    assert not unknown, f"there is no case {unknown}"
    made = []
    for each in cases:
        values = each if isinstance(each, tuple) else (each,)
        marks = [needs[value] for value in values if isinstance(value, str) and value in needs]
        made.append(pytest.param(*values, marks=[*marks, *([] if each in quick else [pytest.mark.slow])]))
    return made
