"""Results as objects of pandas and xarray: named quantities with units, and where they are from."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Quantities", "dataset", "pandas", "table", "xarray"]

Quantities = Mapping[str, tuple[NDArray[Any], str]]
"""Values and SI unit of each quantity; the unit is empty if it has none."""


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} is not installed: pip install 'neuristor[notebook]'") from error


def pandas() -> Any:
    """Import pandas; an `ImportError` says how to install it."""
    return _library("pandas")


def xarray() -> Any:
    """Import xarray; an `ImportError` says how to install it."""
    return _library("xarray")


def table(quantities: Quantities, about: Mapping[str, str]) -> Any:
    """Make a table of quantities that have one length.

    Parameters
    ----------
    quantities : mapping of str to (ndarray, str)
        Values, shape (n,), and units.
    about : mapping of str to str
        Where they are from.

    Returns
    -------
    pandas.DataFrame
        A column each; ``attrs`` has the units, and `about`.
    """
    made = pandas().DataFrame({name: values for name, (values, _) in quantities.items()})
    made.attrs = {**about, "units": {name: unit for name, (_, unit) in quantities.items() if unit}}
    return made


def dataset(
    quantities: Mapping[str, tuple[tuple[str, ...], NDArray[Any], str]],
    coordinates: Quantities,
    about: Mapping[str, str],
) -> Any:
    """Make a dataset of quantities with named dimensions.

    Parameters
    ----------
    quantities : mapping of str to (tuple of str, ndarray, str)
        Dimensions, values and unit of each.
    coordinates : mapping of str to (ndarray, str)
        Values along each dimension, and their unit.
    about : mapping of str to str
        Where they are from.

    Returns
    -------
    xarray.Dataset
        Each variable has its unit as the attribute ``units``.
    """
    with_units = {name: (dims, values, _units(unit)) for name, (dims, values, unit) in quantities.items()}
    along = {name: (name, np.asarray(values), _units(unit)) for name, (values, unit) in coordinates.items()}
    return xarray().Dataset(with_units, coords=along, attrs=dict(about))


def _units(unit: str) -> dict[str, str]:
    return {"units": unit} if unit else {}
