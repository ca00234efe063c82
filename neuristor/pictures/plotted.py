"""Objects that draw themselves with one call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from neuristor.pictures.picture import Picture

__all__ = ["Plotted"]


class Plotted(ABC):
    """Base of objects with pictures: `plot` draws one, `picture` gives it, with its data."""

    @property
    @abstractmethod
    def pictures(self) -> dict[str, Picture]:
        """The pictures, by name; the first is the one that `plot` draws."""

    def picture(self, name: str | None = None) -> Picture:
        """One of the pictures: it has its data, and writes files.

        Parameters
        ----------
        name : str, optional
            Its name; the first by default.

        Returns
        -------
        Picture
            The picture.

        Raises
        ------
        ValueError
            If there is no such picture.
        """
        found = self.pictures
        if name is None:
            return next(iter(found.values()))
        if name not in found:
            raise ValueError(f"there is no picture {name!r}; there are {', '.join(found)}")
        return found[name]

    def plot(self, name: str | None = None, axes: Any = None) -> Any:
        """Draw a picture with matplotlib, in SI units: data of your own fit beside it.

        Parameters
        ----------
        name : str, optional
            Name of the picture, of those in `pictures`; the first by default.
        axes : matplotlib.axes.Axes or sequence of them, optional
            Where to draw, one for each panel, from the first; by default, a new figure.

        Returns
        -------
        Axes or ndarray of Axes
            One for each panel that was drawn.
        """
        return self.picture(name).plot(axes)
