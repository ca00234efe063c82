"""A run as a file that other tools read: NPZ or Parquet with all quantities and their units, or CSV with the spikes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neuristor.design_file import Design
from neuristor.folder import check_target, write_file
from neuristor.golden_model.files import npz
from neuristor.golden_model.neurons.model import spike_times
from neuristor.steps import Simulation
from neuristor.version import __version__

__all__ = ["ENDINGS", "check_run_file", "columns", "run_content", "run_table", "write_run"]

Floats = NDArray[np.float64]
ENDINGS = (".npz", ".parquet", ".csv")
"""Files that can be written."""


def check_run_file(path: Path, *, force: bool) -> None:
    """Check that a run can be written to a file.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        It may exist.

    Raises
    ------
    ValueError
        If its name has another ending, or it cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise ValueError(f"{path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    check_target(path, force=force)


def columns(design: Design, simulation: Simulation) -> dict[str, tuple[NDArray[Any], str]]:
    """The quantities of each neuron at the end of each tick, with their units.

    Parameters
    ----------
    design : Design
        The array and its input.
    simulation : Simulation
        Its run.

    Returns
    -------
    dict of str to (ndarray, str)
        Arrays of shape (ticks, count), and their SI units; the words of states without a physical unit have the ending
        ``_raw`` and none. ``device_`` stands before what the float physics has.
    """
    params: Any = design.params
    observed, unit = params.observed, params.observed_unit
    made: dict[str, tuple[NDArray[Any], str]] = {
        "input": (np.repeat(design.stimulus.current, design.stimulus.ticks, axis=0), params.input_unit),
        "spike": (simulation.bit_true["spike"].astype(bool), ""),
    }
    for name, raw in simulation.bit_true.items():
        if name == "spike":
            continue
        found = design.physical(name, raw)
        if found is None:
            made[f"{name}_raw"] = np.asarray(raw), ""
        else:
            made[name] = found
    made[f"device_{observed}"] = np.asarray(simulation.continuous[observed], dtype=np.float64), unit
    return made


def run_table(design: Design, simulation: Simulation) -> dict[str, tuple[NDArray[Any], str]]:
    """A run as a table: a row for each tick and neuron.

    Parameters
    ----------
    design : Design
        The array and its input.
    simulation : Simulation
        Its run.

    Returns
    -------
    dict of str to (ndarray, str)
        Columns of shape (ticks * count,), and their SI units.
    """
    ticks, count = simulation.bit_true["spike"].shape
    time = design.params.dt * np.arange(1, ticks + 1, dtype=np.float64)
    table = {"time": (np.repeat(time, count), "s"), "neuron": (np.tile(np.arange(count), ticks), "")}
    table |= {name: (values.reshape(-1), unit) for name, (values, unit) in columns(design, simulation).items()}
    return table | {
        f"parameter_{name}": (np.tile(values, ticks), unit) for name, (values, unit) in design.unequal.items()
    }


def write_run(path: Path, design: Design, simulation: Simulation, *, force: bool = False) -> None:
    """Write a run to a file, completely or not at all.

    Parameters
    ----------
    path : Path
        The file. NPZ: arrays, and ``units``, a text in JSON. Parquet: a row for each tick and neuron; each column has
        its unit in its metadata. Both have the parameters that differ between neurons, as ``parameter_NAME``. CSV: time
        and neuron of each spike.
    design : Design
        The array and its input.
    simulation : Simulation
        Its run.
    force : bool
        Replace a file of that name.

    Raises
    ------
    ValueError
        If its name has another ending, or it cannot be written.
    """
    check_run_file(path, force=force)
    write_file(path, run_content(design, simulation, path.suffix), force=force)


def run_content(design: Design, simulation: Simulation, ending: str) -> bytes:
    """Render a run as the content of a file; the same run gives the same bytes.

    Parameters
    ----------
    design : Design
        The array and its input.
    simulation : Simulation
        Its run.
    ending : str
        One of `ENDINGS`.
    """
    times = spike_times(design.params, simulation.bit_true)
    neuron = np.repeat(np.arange(len(times)), [len(each) for each in times])
    when = np.concatenate([*times, np.zeros(0)])
    order = np.lexsort((neuron, when))
    neuron, when = neuron[order], when[order]
    if ending == ".csv":
        rows = "".join(f"{time:.9g},{n}\n" for time, n in zip(when.tolist(), neuron.tolist(), strict=True))
        return f"time (s),neuron\n{rows}".encode()
    found = columns(design, simulation)
    own = {f"parameter_{name}": each for name, each in design.unequal.items()}
    time = design.params.dt * np.arange(1, len(simulation.drive) + 1, dtype=np.float64)
    about = {"neuristor": __version__, "design": design.path.name, "sha256": design.digest}
    if ending == ".npz":
        named = {name: unit for name, (_, unit) in {**found, **own}.items() if unit}
        units = {"time": "s", "spike_time": "s", **named}
        arrays = {"time": time, "spike_time": when, "spike_neuron": neuron}
        arrays |= {name: values for name, (values, _) in {**found, **own}.items()}
        arrays |= {"units": np.array(json.dumps(units)), "about": np.array(json.dumps(about))}
        return npz(arrays)
    table = run_table(design, simulation)
    schema = pa.schema(
        [
            pa.field(name, pa.from_numpy_dtype(values.dtype), metadata={"unit": unit} if unit else None)
            for name, (values, unit) in table.items()
        ],
        metadata=about,
    )
    buffer = io.BytesIO()
    arrays_of = [pa.array(values) for values, _ in table.values()]
    pq.write_table(pa.Table.from_arrays(arrays_of, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()
