"""A compiled model of the exported Verilog, driven from NumPy arrays: for comparisons of many time steps.

Yosys (pyosys) converts the Verilog into C++ (CXXRTL). A small loop over clocks is added, and the
library is loaded with `ctypes`. A batch of rows is one call, without Python in between.
"""

import ctypes
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.sim.engines.cxxrtl import STREAM_INPUTS, STREAM_OUTPUTS, build_model, bytes_of
from neuristor.sim.engines.stalls import IDLE_LIMIT, StreamError, stall_patterns

Bytes = NDArray[np.uint8]

CHUNK = 1 << 20  # clocks per call; Ctrl-C takes effect between calls


class CompiledModel:
    """One instance of a design with an input stream ``i`` and an output stream ``o``.

    A row is the payload of one stream transfer: ``ceil(width / 8)`` bytes, least significant first. Instances are
    independent of each other.

    Parameters
    ----------
    verilog : Path or str
        Verilog file, or the Verilog itself.
    toplevel : str
        Name of the top module.
    cache_dir : Path, optional
        Folder of the build cache.
    state : bool
        Whether registers and memories are accessible, by `state`, `flip` and `poke`.
    fast : bool
        Optimize for long runs, for a longer build.

    Attributes
    ----------
    in_width, out_width : int
        Width of an input row and of an output row, in bits.
    inputs, outputs : dict of str to int
        Width of each input and output that belongs to no stream, in bits.

    Raises
    ------
    ToolError
        If a tool is missing or the Verilog does not compile.
    ValueError
        If `toplevel` is no plain Verilog name, or the design lacks one of the two streams, ``clk`` or ``rst``.
    """

    def __init__(
        self,
        verilog: Path | str,
        toplevel: str,
        cache_dir: Path | None = None,
        *,
        state: bool = False,
        fast: bool = False,
    ) -> None:
        if re.fullmatch(r"[A-Za-z_]\w*", toplevel) is None:
            raise ValueError(f"toplevel must be a plain Verilog name, not {toplevel!r}")
        text = verilog.read_text() if isinstance(verilog, Path) else verilog
        folder = build_model(text, toplevel, cache_dir, state, fast)
        ports = json.loads((folder / "ports.json").read_text())
        self.in_width: int = ports["inputs"]["i_payload"]
        self.out_width: int = ports["outputs"]["o_payload"]
        self.outputs = {name: width for name, width in ports["outputs"].items() if name not in STREAM_OUTPUTS}
        self.inputs = {name: width for name, width in ports["inputs"].items() if name not in STREAM_INPUTS}
        self._library = _load(folder / "model.so")
        self._model = self._library.create()
        self.reset()

    def __del__(self) -> None:
        if getattr(self, "_model", None):
            self._library.destroy(self._model)
            self._model = None

    def reset(self, cycles: int = 1) -> None:
        """Assert ``rst`` for some clocks. There is no transfer on either stream.

        Parameters
        ----------
        cycles : int
            Number of clocks.
        """
        self._library.reset(self._model, cycles)

    def fresh(self) -> None:
        """Return to the state after configuration of the FPGA, with all inputs 0."""
        self._library.destroy(self._model)
        self._model = self._library.create()
        self.reset()

    def drive(self, name: str, value: int) -> None:
        """Set an input that belongs to no stream.

        Parameters
        ----------
        name : str
            Name of the input: one of `inputs`.
        value : int
            Its new value, unsigned.

        Raises
        ------
        ValueError
            If there is no such input.
        """
        if name not in self.inputs:
            raise ValueError(f"name must be one of {', '.join(self.inputs) or '(no inputs)'}, not {name!r}")
        size = bytes_of(self.inputs[name])
        buffer = (ctypes.c_uint8 * size).from_buffer_copy(value.to_bytes(size, "little"))
        self._library.drive(self._model, list(self.inputs).index(name), buffer)

    @property
    def state(self) -> dict[str, tuple[int, int]]:
        """Width in bits and number of rows of each register and memory, by its name in the Verilog.

        Empty unless the model was made with ``state=True``.
        """
        size = self._library.state(None, None, 0)
        text = ctypes.create_string_buffer(size + 1)
        self._library.state(None, text, size + 1)
        rows = [part.rsplit(" ", 2) for part in text.value.decode().split(";") if part]
        return {name: (int(width), int(depth)) for name, width, depth in rows}

    def flip(self, name: str, row: int, bit: int) -> None:
        """Invert a bit of a register or memory, between two clocks.

        The model must have been made with ``state=True``.

        Parameters
        ----------
        name : str
            Name in the Verilog.
        row : int
            Row of the memory; 0 for a register.
        bit : int
            Number of the bit, 0 for the lowest.

        Raises
        ------
        ValueError
            If there is no such bit.
        """
        if self._library.flip(self._model, name.encode(), row, bit) != 0:
            raise ValueError(f"there is no bit {bit} in row {row} of {name!r}")

    def poke(self, name: str, row: int, word: Bytes) -> None:
        """Write a register or a row of a memory, between two clocks.

        The model must have been made with ``state=True``.

        Parameters
        ----------
        name : str
            Name in the Verilog.
        row : int
            Row of the memory; 0 for a register.
        word : ndarray of uint8, shape (ceil(width / 8),)
            The new value, least significant byte first.

        Raises
        ------
        ValueError
            If there is no such row, or the word has another length.
        """
        if self._library.poke(self._model, name.encode(), row, np.ascontiguousarray(word).ctypes.data, word.size) != 0:
            raise ValueError(f"there is no word of {word.size} bytes in row {row} of {name!r}")

    def wait(self, cycles: int) -> None:
        """Run for some clocks without a transfer on either stream.

        Parameters
        ----------
        cycles : int
            Number of clocks.
        """
        self._library.wait(self._model, cycles)

    def status(self, name: str) -> int:
        """Return the value of an output that belongs to no stream.

        Parameters
        ----------
        name : str
            Name of the output: one of `outputs`.

        Returns
        -------
        int
            The value, unsigned.

        Raises
        ------
        ValueError
            If there is no such output.
        """
        if name not in self.outputs:
            raise ValueError(f"name must be one of {', '.join(self.outputs) or '(no outputs)'}, not {name!r}")
        buffer = (ctypes.c_uint8 * bytes_of(self.outputs[name]))()
        self._library.status(self._model, list(self.outputs).index(name), buffer)
        return int.from_bytes(buffer, "little")

    def exchange(
        self,
        rows: Bytes,
        out_rows: int | None = None,
        valid_pattern: Bytes | bytes | None = None,
        ready_pattern: Bytes | bytes | None = None,
        *,
        stall_seed: int | None = None,
        max_cycles: int | None = None,
        idle_limit: int = IDLE_LIMIT,
    ) -> tuple[Bytes, int]:
        """Send all input rows and collect the output rows.

        Parameters
        ----------
        rows : ndarray of uint8, shape (n, ceil(in_width / 8))
            Input rows.
        out_rows : int, optional
            Number of output rows to wait for; by default that of `rows`.
        valid_pattern, ready_pattern : bytes or ndarray of uint8, optional
            Whether to offer a new row, and whether to accept one: one byte per clock, repeated cyclically. An offered
            row stays until it is accepted.
        stall_seed : int, optional
            Seed of `stall_patterns`, for patterns that are not given; no stalls by default.
        max_cycles : int, optional
            Largest number of clocks; unlimited by default.
        idle_limit : int
            Clocks without a transfer after which the design counts as stuck.

        Returns
        -------
        out : ndarray of uint8, shape (out_rows, ceil(out_width / 8))
            Output rows.
        cycles : int
            Clocks from the first offer to the last transfer.

        Raises
        ------
        StreamError
            If the design is stuck, exceeds `max_cycles`, or withdraws or changes an output row before it is accepted.
        """
        rows = self._checked_rows(rows)
        n_out = len(rows) if out_rows is None else out_rows
        out = np.zeros((n_out, bytes_of(self.out_width)), np.uint8)
        seeded = stall_patterns(stall_seed)
        valid, ready = _pattern(valid_pattern, seeded[0]), _pattern(ready_pattern, seeded[1])
        limit = (1 << 62) if max_cycles is None else max_cycles
        progress = _Progress()
        result = _MORE
        while result == _MORE:
            result = self._library.exchange(
                self._model,
                rows.ctypes.data,
                len(rows),
                out.ctypes.data,
                n_out,
                valid.ctypes.data,
                len(valid),
                ready.ctypes.data,
                len(ready),
                min(limit, progress.cycles + CHUNK),
                idle_limit,
                progress,
            )
            if result == _MORE and progress.cycles >= limit:
                result = _LIMIT
        if result != _DONE:
            self._library.idle(self._model)
            raise StreamError(
                f"{_PROBLEMS[result]} at clock {progress.cycles}: {progress.sent} of {len(rows)} input rows sent, "
                f"{progress.received} of {n_out} output rows received"
            )
        return out, progress.cycles

    def _checked_rows(self, rows: Bytes) -> Bytes:
        n_bytes = bytes_of(self.in_width)
        if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8:
            raise TypeError(f"rows must be an array of uint8, not {getattr(rows, 'dtype', type(rows).__name__)}")
        if rows.ndim != 2 or rows.shape[1] != n_bytes:
            raise ValueError(f"rows must have shape (n, {n_bytes}), not {rows.shape}")
        spare = 8 * n_bytes - self.in_width
        if spare and rows.size and int(rows[:, -1].max()) >> (8 - spare):
            raise OverflowError(f"rows must fit in {self.in_width} bits")
        return np.ascontiguousarray(rows)


def pack_rows(values: list[int], width: int) -> Bytes:
    """Convert unsigned integers into rows for `CompiledModel.exchange`.

    Parameters
    ----------
    values : list of int
        One integer per row.
    width : int
        Width of a row, in bits.

    Returns
    -------
    ndarray of uint8, shape (n, ceil(width / 8))
        The rows.
    """
    n_bytes = bytes_of(width)
    data = b"".join(value.to_bytes(n_bytes, "little") for value in values)
    return np.frombuffer(data, np.uint8).reshape(len(values), n_bytes)


def unpack_rows(rows: Bytes) -> list[int]:
    """Convert rows into unsigned integers.

    Parameters
    ----------
    rows : ndarray of uint8, shape (n, bytes)
        Rows, least significant byte first.

    Returns
    -------
    list of int
        One integer per row.
    """
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


_DONE, _MORE, _STUCK, _UNSTABLE, _LIMIT = range(5)
_PROBLEMS = {
    _STUCK: "nothing moves",
    _UNSTABLE: "a waiting output row was withdrawn or changed",
    _LIMIT: "max_cycles reached",
}


class _Progress(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("sent", "received", "cycles", "idle", "offering")]


def _pattern(pattern: Bytes | bytes | None, default: bytes) -> Bytes:
    data = default if pattern is None else pattern
    array = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else np.ascontiguousarray(data, np.uint8)
    if array.ndim != 1 or not array.any():
        raise ValueError("a stall pattern must be one-dimensional and hold at least one 1")
    return array


def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "create": (pointer, []),
        "destroy": (None, [pointer]),
        "idle": (None, [pointer]),
        "reset": (None, [pointer, integer]),
        "status": (None, [pointer, integer, pointer]),
        "drive": (None, [pointer, integer, pointer]),
        "wait": (None, [pointer, integer]),
        "flip": (ctypes.c_int, [pointer, ctypes.c_char_p, integer, integer]),
        "poke": (ctypes.c_int, [pointer, ctypes.c_char_p, integer, pointer, integer]),
        "state": (integer, [pointer, ctypes.c_char_p, integer]),
        "exchange": (ctypes.c_int, [pointer, *[pointer, integer] * 4, integer, integer, ctypes.POINTER(_Progress)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
