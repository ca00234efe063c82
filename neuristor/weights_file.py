"""Networks of phase oscillators: weights from a file or an array, and their circuit."""

from __future__ import annotations

import csv
import hashlib
import io
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuristor.design_file import DesignError
from neuristor.folder import plain
from neuristor.golden_model.files import MOST_BYTES, content, text
from neuristor.golden_model.networks.onn import MOST, OnnParams
from neuristor.hdl.names import module_name
from neuristor.hdl.onn import Onn
from neuristor.hdl.verilog import export
from neuristor.sim.benches.onn import OnnCase, Stretch
from neuristor.tables import Table, Tabular
from neuristor.version import __version__

__all__ = ["PARTS", "Oscillators", "checked", "open_weights", "read_weights"]

PARTS = (1, 2, 4, 8, 16, 32)
"""Possible numbers of clocks for a column of weights."""


def read_weights(path: Path) -> NDArray[np.int64]:
    """Read weights from a CSV file.

    Parameters
    ----------
    path : Path
        The file: row i, column j is the weight with which oscillator j acts on oscillator i, an integer.

    Returns
    -------
    ndarray of int64, shape (count, count)
        The weights.

    Raises
    ------
    DesignError
        If the file cannot be read, is not square, or a weight is not an integer; it names the row and the column.
    """
    rows: list[array[int]] = []
    try:
        for n, cells in enumerate(csv.reader(io.StringIO(text(path, cells=MOST_BYTES))), 1):
            if any(cell.strip() for cell in cells):
                rows.append(_row(path, n, cells))
            if rows and len(rows[-1]) != len(rows[0]):
                raise DesignError(
                    f"{path}, row {n}: must have {len(rows[0])} weights, as the first row, not {len(rows[-1])}"
                )
            if len(rows) > MOST:
                raise DesignError(f"{path}: must have at most {MOST} rows")
    except csv.Error as error:
        raise DesignError(f"{path}: cannot be read as CSV ({error})") from None
    except ValueError as error:
        raise DesignError(str(error)) from None
    if len(rows) < 2 or len(rows) != len(rows[0]):
        columns = len(rows[0]) if rows else 0
        raise DesignError(f"{path}: must have as many rows as columns, 2 or more, not {len(rows)} rows of {columns}")
    return np.array(rows, dtype=np.int64)


def _row(path: Path, n: int, cells: list[str]) -> array[int]:
    """The weights of a row.

    Raises
    ------
    DesignError
        If there are too many, or one is not an integer.
    """
    if len(cells) > MOST:
        raise DesignError(f"{path}, row {n}: must have at most {MOST} weights, not {len(cells)}")
    row = array("q")
    for column, cell in enumerate(cells, 1):
        try:
            row.append(int(cell))
        except ValueError:
            raise DesignError(
                f"{path}, row {n}, column {column}: a weight must be a whole number, not {cell.strip()!r}"
            ) from None
        except OverflowError:
            raise DesignError(f"{path}, row {n}, column {column}: a weight must fit 8 bits at most") from None
    return row


def checked(what: object, make: Callable[[], Any]) -> Any:
    """Call a function, and name a file or an option in its errors.

    Parameters
    ----------
    what : object
        The file or option.
    make : callable
        The function, without arguments.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    DesignError
        In place of a ValueError, TypeError or OverflowError of the function.
    """
    try:
        return make()
    except (ValueError, TypeError, OverflowError) as error:
        said = str(error)
        named = isinstance(error, DesignError) or said.startswith(str(what))
        raise DesignError(said if named else f"{what}: {said}") from None


@dataclass(frozen=True, eq=False, repr=False)
class Oscillators(Tabular):
    """A network of phase oscillators, all coupled to all, and its circuit.

    Parameters
    ----------
    params : OnnParams
        Weights, word lengths, noise.
    parts : int
        Clocks for a column of weights: 1, 2, 4, 8, 16 or 32.
    readable : bool
        Whether weights can be read back from the circuit.
    name : str
        Name of the weights file, for messages and headers.
    digest : str
        SHA-256 of the weights.

    Raises
    ------
    DesignError
        If `parts` has another value.
    """

    params: OnnParams
    parts: int = 1
    readable: bool = False
    name: str = "weights"
    digest: str = ""

    def __post_init__(self) -> None:
        if self.parts not in PARTS:
            raise DesignError(f"--parts: parts must be 1, 2, 4, 8, 16 or 32, not {self.parts}")

    def circuit(self) -> Onn:
        """Build a new circuit."""
        made: Onn = checked("--parts", lambda: Onn(self.params, self.parts, self.readable))
        return made

    @cached_property
    def verilog(self) -> str:
        """The circuit as Verilog; its weights can be written at run time."""
        return self.export(self.circuit())

    @property
    def module(self) -> str:
        """Name of the Verilog module: an identifier made from the name of the file."""
        return module_name(Path(self.name).stem)

    def export(self, circuit: Onn, name: str | None = None) -> str:
        """Convert a circuit of the network to Verilog.

        Parameters
        ----------
        circuit : Onn
            A circuit made by the method `circuit`.
        name : str, optional
            Name of the Verilog module; `module` by default.
        """
        params = self.params
        header = (
            f"Neuristor {__version__}: {params.count} phase oscillators, all coupled to all",
            f"weights {plain(self.name)}, SHA-256 {self.digest}",
            f"{params.weight_bits}-bit weights, {params.phase_bits}-bit phases, {params.noise_bits}-bit noise, "
            f"{self.parts} clocks a column",
        )
        return export(circuit, name or self.module, header=header)

    def case(self, ticks: int, seed: int = 0) -> OnnCase:
        """Make a test case that compares the circuit with the bit-true model, from random initial phases.

        Parameters
        ----------
        ticks : int
            Ticks compared; if the network has noise, it is on in the second half of them.
        seed : int
            Seed of the phases and of the noise.
        """
        params = self.params
        phases = np.random.default_rng(seed).integers(0, params.raw.period, params.count)
        most = (1 << params.noise_bits) - 1
        stretches = [Stretch(1, 0, params.half)] * (ticks - ticks // 2)
        stretches += [Stretch(1, most, 1 if most else params.half)] * (ticks // 2)
        return OnnCase(params=params, phases=phases, stretches=stretches, seed=seed, parts=self.parts)

    @property
    def table(self) -> Table:
        """Size, word lengths and noise of the network."""
        params = self.params
        rows = [
            ("phase oscillators", f"{params.count}, all coupled to all"),
            ("weights", f"{params.weight_bits} bits, from {params.weights.min()} to {params.weights.max()}"),
            ("phase", f"{params.phase_bits} bits: {params.raw.period} ticks a period"),
            ("noise", f"{params.noise_bits} bits" if params.noise_bits else "none"),
            ("a column of weights", f"{self.parts} clocks" if self.parts > 1 else "1 clock"),
        ]
        return Table(self.name, (), rows)


def open_weights(
    source: Path | str | ArrayLike,
    *,
    bits: int = 5,
    phase_bits: int = 4,
    noise_bits: int = 0,
    symmetric: bool = False,
    parts: int = 1,
    readable: bool = False,
) -> Oscillators:
    """Make a network of phase oscillators from a file or an array of weights.

    Parameters
    ----------
    source : Path, str or array_like of int, shape (count, count)
        A CSV file, or the weights: row i, column j is the weight with which oscillator j acts on oscillator i.
    bits : int
        Bits of a weight, 1 to 8.
    phase_bits : int
        Bits of a phase, 4 to 8: a period has 2**phase_bits ticks.
    noise_bits : int
        Bits of the annealing noise, 0 (none) to 16.
    symmetric : bool
        Refuse weights that are not symmetric.
    parts : int
        Clocks for a column of weights: 1, 2, 4, 8, 16 or 32.
    readable : bool
        Whether weights can be read back from the circuit.

    Returns
    -------
    Oscillators
        The network.

    Raises
    ------
    DesignError
        If the weights cannot be read, are not integers or do not fit their bits, or a number is out of range.
    """
    if isinstance(source, Path | str):
        path = Path(source)
        matrix, name, digest = read_weights(path), str(path), hashlib.sha256(content(path)).hexdigest()
    else:
        given: NDArray[Any] = checked("weights", lambda: np.asarray(source))
        if given.dtype.kind not in "iu":
            raise DesignError(f"weights must be integers, not {given.dtype}")
        matrix, name = given.astype(np.int64), "weights"
        digest = hashlib.sha256(np.ascontiguousarray(matrix).tobytes()).hexdigest()
    params: OnnParams = checked(
        name,
        lambda: OnnParams(
            weights=matrix, weight_bits=bits, phase_bits=phase_bits, noise_bits=noise_bits, symmetric=symmetric
        ),
    )
    return Oscillators(params, parts, readable, Path(name).name, digest)
