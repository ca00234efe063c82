"""What the page of the explorer shows of a file: knobs, and parts with panels, sentences and tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from neuristor.golden_model.units import si
from neuristor.pictures.picture import Panel
from neuristor.pictures.screen import figure
from neuristor.session import Session

__all__ = ["Knob", "Part", "Seen", "Values", "View", "ranged"]

Values = Mapping[str, float]
"""Values of knobs, by key; what is absent keeps the value of the file."""


@dataclass(frozen=True, kw_only=True)
class Knob:
    """A number that a slider changes.

    Parameters
    ----------
    key : str
        Its key, such as ``circuit.supply``.
    group : str
        Heading under which it stands.
    label : str
        Its name.
    meaning : str
        What it is.
    unit : str
        SI unit; empty if it has none.
    value, low, high : float
        The value in the file, and the ends of the slider.
    scale : {"linear", "log", "whole"}
        How the slider moves.
    """

    key: str
    group: str
    label: str
    meaning: str = ""
    unit: str = ""
    value: float
    low: float
    high: float
    scale: Literal["linear", "log", "whole"] = "linear"

    def json(self) -> dict[str, Any]:
        """The knob for the page."""
        return {**self.__dict__, "text": si(self.value, self.unit)}


@dataclass(frozen=True)
class Part:
    """A part of the page, computed by itself.

    Parameters
    ----------
    name : str
        Its name.
    title : str
        Its heading.
    auto : bool
        Whether it follows the sliders; otherwise it is computed when it is asked for, as it takes longer.
    """

    name: str
    title: str
    auto: bool = True


@dataclass
class Seen:
    """A part, computed."""

    panels: Sequence[Panel] = ()
    """Its panels."""
    sentences: Sequence[tuple[str, str]] = ()
    """Level (``good``, ``fair``, ``bad`` or ``open``) and text of each sentence."""
    columns: Sequence[str] = ()
    """Headings of its table."""
    rows: Sequence[Sequence[str]] = field(default_factory=tuple)
    """Rows of its table."""

    def json(self) -> dict[str, Any]:
        """The part for the page."""
        drawn = [
            {
                "title": panel.title,
                "figure": figure(panel),
                "wide": panel.whole_row,
                "label": f"{panel.title}: {panel.y.name} over {panel.x.name}",
            }
            for panel in self.panels
        ]
        table = {"columns": list(self.columns), "rows": [list(map(str, row)) for row in self.rows]}
        return {"panels": drawn, "sentences": list(self.sentences), "table": table if self.rows else None}


class View(ABC):
    """A file in the explorer.

    Attributes
    ----------
    title, subtitle : str
        Headings.
    knobs : tuple of Knob
        Its sliders.
    parts : tuple of Part
        Its parts, in the order in which they are computed.
    """

    title: str
    subtitle: str
    knobs: tuple[Knob, ...] = ()
    parts: tuple[Part, ...] = ()

    @abstractmethod
    def see(self, part: str, values: Values) -> Seen:
        """Compute a part; wrong values raise `DesignError`.

        Parameters
        ----------
        part : str
            Its name.
        values : mapping of str to float
            Values of knobs.
        """

    @abstractmethod
    def session(self, values: Values) -> Session:
        """A run on a board.

        Parameters
        ----------
        values : mapping of str to float
            Values of knobs.
        """

    def text(self, values: Values) -> str | None:
        """The file with these values; None if it cannot be written.

        Parameters
        ----------
        values : mapping of str to float
            Values of knobs.
        """
        return None


def ranged(**given: Any) -> Knob | None:
    """Make a knob for a positive number: from a part of it to a multiple, on a logarithmic scale.

    Parameters
    ----------
    **given
        Those of `Knob`, and ``factor``: by how much the ends differ from the value.

    Returns
    -------
    Knob or None
        None if the number is not above 0.
    """
    factor = given.pop("factor")
    value = float(given.pop("value"))
    if not value > 0:
        return None
    return Knob(value=value, low=value / factor, high=value * factor, scale="log", **given)
