"""Which cases the gate leaves to the long campaigns."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

__all__ = ["the_rest_is_slow"]


def the_rest_is_slow(cases: Iterable[Any], quick: Collection[Any]) -> list[Any]:
    """All cases, of which only some are run each time; the others with ``pytest -m slow``."""
    cases = list(cases)
    unknown = [each for each in quick if each not in cases]
    assert not unknown, f"there is no case {unknown}"
    made = []
    for each in cases:
        values = each if isinstance(each, tuple) else (each,)
        made.append(pytest.param(*values, marks=[] if each in quick else [pytest.mark.slow]))
    return made
