"""A compiled model of the exported Verilog, driven from NumPy arrays: for comparisons of many time steps.

Yosys (pyosys) converts the Verilog into C++ (CXXRTL). A small loop over clocks is added, and the
library is loaded with `ctypes`. A batch of rows is one call, without Python in between.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuristor.sim.engines.cache import cached
from neuristor.sim.engines.simulators import ToolError, find_tool, run_tool
from neuristor.sim.engines.stalls import IDLE_LIMIT, StreamError, stall_patterns

Bytes = NDArray[np.uint8]

COMPILER_OPTIONS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-DCXXRTL_NDEBUG",  # a read beyond the end of a memory gives 0 instead of aborting Python; Icarus gives X
)
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
        self, verilog: Path | str, toplevel: str, cache_dir: Path | None = None, *, state: bool = False
    ) -> None:
        if re.fullmatch(r"[A-Za-z_]\w*", toplevel) is None:
            raise ValueError(f"toplevel must be a plain Verilog name, not {toplevel!r}")
        text = verilog.read_text() if isinstance(verilog, Path) else verilog
        folder = _build(text, toplevel, cache_dir, state)
        ports = json.loads((folder / "ports.json").read_text())
        self.in_width: int = ports["inputs"]["i__payload"]
        self.out_width: int = ports["outputs"]["o__payload"]
        self.outputs = {name: width for name, width in ports["outputs"].items() if name not in _STREAM_OUTPUTS}
        self.inputs = {name: width for name, width in ports["inputs"].items() if name not in _STREAM_INPUTS}
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
        size = _n_bytes(self.inputs[name])
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
        buffer = (ctypes.c_uint8 * _n_bytes(self.outputs[name]))()
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
        out = np.zeros((n_out, _n_bytes(self.out_width)), np.uint8)
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
        n_bytes = _n_bytes(self.in_width)
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
    n_bytes = _n_bytes(width)
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
_STREAM_INPUTS = {"clk": 1, "rst": 1, "i__valid": 1, "i__payload": None, "o__ready": 1}
_STREAM_OUTPUTS = {"i__ready": 1, "o__valid": 1, "o__payload": None}


class _Progress(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("sent", "received", "cycles", "idle", "offering")]


def _n_bytes(width: int) -> int:
    return (width + 7) // 8


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


def _build(text: str, toplevel: str, cache_dir: Path | None, state: bool) -> Path:
    """Compile the model, or find it in the cache; return its folder.

    Raises
    ------
    ToolError
        If a tool is missing or the Verilog does not compile.
    """
    compiler = find_tool("c++")
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise ToolError("Yosys is missing: install the Python package 'pyosys'")
    runtime = Path(spec.origin).parent / "share/include/backends/cxxrtl/runtime"

    def build(folder: Path) -> None:
        (folder / "design.v").write_text(text)
        level = "1" if state else "0"
        run_tool(
            [sys.executable, "-c", _EXPORT, toplevel, level], folder, f"Yosys could not read the Verilog of {toplevel}"
        )
        ports = json.loads((folder / "ports.json").read_text())
        _check_ports(ports, toplevel)
        (folder / "harness.cc").write_text(_harness(toplevel, ports))
        options = [*COMPILER_OPTIONS, *(["-DSTATE"] if state else [])]
        command = [str(compiler.path), *options, f"-I{runtime}", "harness.cc", "-o", "model.so"]
        run_tool(command, folder, f"the C++ compiler refused the model of {toplevel}")
        for name in ("design.v", "model.cc", "harness.cc"):
            (folder / name).unlink()

    key = [
        "cxxrtl",
        toplevel,
        text,
        _EXPORT,
        _HARNESS,
        json.dumps([*COMPILER_OPTIONS, state]),
        f"{compiler.path} {compiler.version}",
        importlib.metadata.version("pyosys"),
    ]
    return cached(key, build, cache_dir)


def _check_ports(ports: dict[str, dict[str, int]], toplevel: str) -> None:
    for kind, wanted in (("inputs", _STREAM_INPUTS), ("outputs", _STREAM_OUTPUTS)):
        for name, width in wanted.items():
            if ports[kind].get(name) != width and (width or name not in ports[kind]):
                raise ValueError(f"{toplevel} must have {name} among its {kind}, not only {', '.join(ports[kind])}")


# An error inside Yosys ends the process, so Yosys runs in its own.
_EXPORT = """
import json, sys
from pyosys import libyosys as ys

top = sys.argv[1]
design = ys.Design()
for command in ("read_verilog design.v", f"hierarchy -check -top {top}", "proc", "flatten", "opt_clean"):
    ys.run_pass(command, design)
ports = {"inputs": {}, "outputs": {}}
for wire in design.top_module().wires_.values():
    if wire.port_input or wire.port_output:
        kind = "inputs" if wire.port_input else "outputs"
        ports[kind][wire.name.str().lstrip(chr(92))] = wire.width
with open("ports.json", "w") as file:
    json.dump(ports, file, sort_keys=True)
ys.run_pass(f"write_cxxrtl -g{sys.argv[2]} model.cc", design)
"""

_HARNESS = """
#include "model.cc"
#include <cstdint>
#include <cstring>

using Model = cxxrtl_design::@MODEL@;

template<size_t N> const uint32_t *data(const cxxrtl::value<N> &v) { return v.data; }
template<size_t N> const uint32_t *data(const cxxrtl::wire<N> &v) { return v.curr.data; }
template<size_t N> uint32_t *data(cxxrtl::value<N> &v) { return v.data; }
template<size_t N> uint32_t *data(cxxrtl::wire<N> &v) { return v.next.data; }

constexpr size_t IN = @IN_BYTES@, OUT = @OUT_BYTES@;
enum { DONE, MORE, STUCK, UNSTABLE };
struct Progress { int64_t sent, received, cycles, idle, offering; };

struct Simulation {
    Model model;
    uint8_t held[OUT];
    bool waiting = false;
#ifdef STATE
    cxxrtl::debug_items items;
#endif

    // After the edge, combinational outputs are stale until the next step.
    void settle() { *data(model.p_clk) = 0; model.step(); }
    void edge() { *data(model.p_clk) = 1; model.step(); }
    void quiet() { *data(model.p_i____valid) = 0; *data(model.p_o____ready) = 0; settle(); }
    const uint8_t *output() { const Model &m = model; return (const uint8_t *)data(m.p_o____payload); }
    bool i_ready() { const Model &m = model; return *data(m.p_i____ready); }
    bool o_valid() { const Model &m = model; return *data(m.p_o____valid); }
};

#define API extern "C" __attribute__((visibility("default")))

API Simulation *create() { return new Simulation(); }
API void destroy(Simulation *s) { delete s; }
API void idle(Simulation *s) { s->quiet(); }

API void reset(Simulation *s, int64_t cycles) {
    *data(s->model.p_rst) = 1;
    s->quiet();
    for (int64_t n = 0; n < cycles; n++) { s->edge(); s->settle(); }
    *data(s->model.p_rst) = 0;
    s->waiting = false;
    s->settle();
}

API void status(Simulation *s, int64_t index, uint8_t *out) {
    const Model &m = s->model;
    switch (index) {
@STATUS@
    }
}

API void drive(Simulation *s, int64_t index, const uint8_t *in) {
    Model &m = s->model;
    switch (index) {
@DRIVE@
    }
    s->settle();
}

#ifdef STATE
static const cxxrtl::debug_items &items_of(Simulation &s) {
    if (s.items.table.empty()) s.model.debug_info(&s.items, nullptr, "");
    return s.items;
}

static bool is_state(const cxxrtl::debug_item &item) {
    if (item.type == cxxrtl::debug_item::MEMORY) return true;
    return item.type == cxxrtl::debug_item::WIRE && (item.flags & cxxrtl::debug_item::DRIVEN_SYNC);
}

static const cxxrtl::debug_item *find(Simulation &s, const char *name, int64_t row) {
    auto &items = items_of(s);
    auto found = items.table.find(name);
    if (found != items.table.end())
        for (auto &item : found->second)
            if (is_state(item) && row >= 0 && row < (int64_t)item.depth) return &item;
    return nullptr;
}

API int64_t state(Simulation *, char *out, int64_t size) {
    Simulation s;
    std::string text;
    for (auto &entry : items_of(s).table)
        for (auto &item : entry.second)
            if (is_state(item))
                text += entry.first + ' ' + std::to_string(item.width) + ' ' + std::to_string(item.depth) + ';';
    if (out) { strncpy(out, text.c_str(), size); }
    return text.size();
}

API int flip(Simulation *s, const char *name, int64_t row, int64_t bit) {
    auto item = find(*s, name, row);
    if (!item || bit < 0 || bit >= (int64_t)item->width) return 1;
    size_t at = row * ((item->width + 31) / 32) + bit / 32;
    item->curr[at] ^= 1u << (bit % 32);
    if (item->next) item->next[at] ^= 1u << (bit % 32);
    s->waiting = false;
    s->settle();
    return 0;
}

API int poke(Simulation *s, const char *name, int64_t row, const uint8_t *word, int64_t size) {
    auto item = find(*s, name, row);
    if (!item || size != (int64_t)(item->width + 7) / 8) return 1;
    size_t chunks = (item->width + 31) / 32;
    for (uint32_t *place : {item->curr, item->next})
        if (place) { memset(place + row * chunks, 0, chunks * 4); memcpy(place + row * chunks, word, size); }
    s->waiting = false;
    s->settle();
    return 0;
}
#else
API int64_t state(Simulation *, char *, int64_t) { return 0; }
API int flip(Simulation *, const char *, int64_t, int64_t) { return 1; }
API int poke(Simulation *, const char *, int64_t, const uint8_t *, int64_t) { return 1; }
#endif

API void wait(Simulation *s, int64_t cycles) {
    s->quiet();
    for (int64_t n = 0; n < cycles; n++) { s->edge(); s->settle(); }
}

API int exchange(Simulation *s, const uint8_t *rows, int64_t n_rows, uint8_t *out, int64_t n_out,
                 const uint8_t *valid, int64_t n_valid, const uint8_t *ready, int64_t n_ready,
                 int64_t max_cycles, int64_t idle_limit, Progress *p) {
    Model &m = s->model;
    int64_t v = p->cycles % n_valid, r = p->cycles % n_ready;
    while (p->sent < n_rows || p->received < n_out) {
        if (p->cycles >= max_cycles) return MORE;
        // inputs of this clock; an offered row stays until it is taken
        if (!p->offering && p->sent < n_rows && valid[v]) {
            p->offering = 1;
            memcpy(data(m.p_i____payload), rows + p->sent * IN, IN);
        }
        bool accepting = p->received < n_out && ready[r];
        *data(m.p_i____valid) = p->offering;
        *data(m.p_o____ready) = accepting;
        if (++v == n_valid) v = 0;
        if (++r == n_ready) r = 0;
        s->settle();
        p->cycles++;
        p->idle++;
        // what moves at this edge
        bool o_valid = s->o_valid();
        if (s->waiting && (!o_valid || memcmp(s->held, s->output(), OUT))) return UNSTABLE;
        s->waiting = o_valid && !accepting;
        if (s->waiting) memcpy(s->held, s->output(), OUT);
        if (o_valid && accepting) {
            memcpy(out + p->received++ * OUT, s->output(), OUT);
            p->idle = 0;
        }
        if (p->offering && s->i_ready()) {
            p->offering = 0;
            p->sent++;
            p->idle = 0;
        }
        s->edge();
        if (p->idle >= idle_limit) return STUCK;
    }
    s->quiet();
    return DONE;
}
"""


def _harness(toplevel: str, ports: dict[str, dict[str, int]]) -> str:
    """Return the C++ code around the model of a design."""
    flat = [(name, width) for name, width in ports["outputs"].items() if name not in _STREAM_OUTPUTS]
    status = [
        f"    case {index}: memcpy(out, data(m.{_mangle(name)}), {_n_bytes(width)}); break;"
        for index, (name, width) in enumerate(flat)
    ]
    flat_in = [(name, width) for name, width in ports["inputs"].items() if name not in _STREAM_INPUTS]
    drive = [
        f"    case {index}: memcpy(data(m.{_mangle(name)}), in, {_n_bytes(width)}); break;"
        for index, (name, width) in enumerate(flat_in)
    ]
    values = {
        "MODEL": _mangle(toplevel),
        "IN_BYTES": str(_n_bytes(ports["inputs"]["i__payload"])),
        "OUT_BYTES": str(_n_bytes(ports["outputs"]["o__payload"])),
        "STATUS": "\n".join(status),
        "DRIVE": "\n".join(drive),
    }
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], _HARNESS)


def _mangle(name: str) -> str:
    """Return the C++ name that CXXRTL gives to a public Verilog name."""
    return "p_" + re.sub(r"\W", lambda match: f"_{ord(match[0]):x}_", name.replace("_", "__"))
