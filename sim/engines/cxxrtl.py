"""Build of compiled models: Yosys converts Verilog into C++ (CXXRTL), and a C++ compiler makes a shared library."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from pathlib import Path

from neuristor.sim.engines.cache import cached
from neuristor.sim.engines.simulators import Tool, find_tool, run_tool, yosys_folder

__all__ = ["STREAM_INPUTS", "STREAM_OUTPUTS", "build_model", "bytes_of"]

COMPILER_OPTIONS = (
    "-std=c++17",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-DCXXRTL_NDEBUG",  # a read beyond the end of a memory gives 0 instead of aborting Python; Icarus gives X
)
HEADER = "runtime.h"
"""The header that all models begin with."""
STREAM_INPUTS = {"clk": 1, "rst": 1, "i_valid": 1, "i_payload": None, "o_ready": 1}
STREAM_OUTPUTS = {"i_ready": 1, "o_valid": 1, "o_payload": None}
"""Ports that a design must have, and their widths in bits; None for any width.

Verilog that does not come from ``neuristor.hdl.verilog.export`` may have Amaranth's own names, such as ``i_valid``.
"""


def bytes_of(width: int) -> int:
    """Return the number of bytes of a row.

    Parameters
    ----------
    width : int
        Width of the row, in bits.

    Returns
    -------
    int
        Number of bytes.
    """
    return (width + 7) // 8


def build_model(text: str, toplevel: str, cache_dir: Path | None, state: bool, fast: bool) -> Path:
    """Compile a model, or find it in the cache.

    A ``ValueError`` is raised if the design lacks one of the ports `STREAM_INPUTS` and `STREAM_OUTPUTS`.

    Parameters
    ----------
    text : str
        Verilog.
    toplevel : str
        Name of the top module.
    cache_dir : Path or None
        Folder of the build cache; None for the default.
    state : bool
        Whether registers and memories are accessible.
    fast : bool
        Optimize for long runs: a quarter more clocks a second, for a longer build.

    Returns
    -------
    Path
        Folder with the library ``model.so`` and the widths of all ports, ``ports.json``.

    Raises
    ------
    ToolError
        If a tool is missing or the Verilog does not compile.
    """
    compiler = find_tool("c++")
    runtime = yosys_folder() / "share/include/backends/cxxrtl/runtime"

    options = [*COMPILER_OPTIONS, "-O3" if fast else "-O1"]
    header = _precompiled(compiler, runtime, options, cache_dir)

    def build(folder: Path) -> None:
        (folder / "design.v").write_text(text)
        level = "1" if state else "0"
        run_tool(
            [sys.executable, "-c", _EXPORT, toplevel, level], folder, f"Yosys could not read the Verilog of {toplevel}"
        )
        ports = json.loads((folder / "ports.json").read_text())
        names = {name: name.replace("__", "_") for kind in ports.values() for name in kind}
        ports = {kind: {names[name]: width for name, width in some.items()} for kind, some in ports.items()}
        _check_ports(ports, toplevel)
        (folder / "ports.json").write_text(json.dumps(ports, sort_keys=True))
        (folder / "harness.cc").write_text(_harness(toplevel, ports, {new: old for old, new in names.items()}))
        own = ["-DSTATE"] if state else []
        begins = ["-include", str(header / HEADER)]
        command = [str(compiler.path), *options, *own, f"-I{runtime}", *begins, "harness.cc", "-o", "model.so"]
        run_tool(command, folder, f"the C++ compiler refused the model of {toplevel}")
        for name in ("design.v", "model.cc", "harness.cc"):
            (folder / name).unlink()

    key = [
        "cxxrtl",
        toplevel,
        text,
        _EXPORT,
        _HARNESS,
        json.dumps([STREAM_INPUTS, STREAM_OUTPUTS]),
        json.dumps([*options, state]),
        f"{compiler.path} {compiler.version}",
        importlib.metadata.version("pyosys"),
    ]
    return cached(key, build, cache_dir)


def _precompiled(compiler: Tool, runtime: Path, options: list[str], cache_dir: Path | None) -> Path:
    """A folder with the header of the runtime library, compiled once: a third of the time of a small model.

    A compiler that cannot use it reads the header itself.
    """

    def build(folder: Path) -> None:
        (folder / HEADER).write_text("#include <cxxrtl/cxxrtl.h>\n#include <cstdint>\n#include <cstring>\n")
        command = [str(compiler.path), *options, f"-I{runtime}", "-x", "c++-header", HEADER]
        run_tool([*command, "-o", f"{HEADER}.gch"], folder, "the C++ compiler refused the header of CXXRTL")

    key = [
        "cxxrtl header",
        *options,
        f"{compiler.path} {compiler.version}",
        importlib.metadata.version("pyosys"),
    ]
    return cached(key, build, cache_dir)


def _check_ports(ports: dict[str, dict[str, int]], toplevel: str) -> None:
    """Check that a design has the two streams, a clock and a reset.

    Raises
    ------
    ValueError
        If it lacks a port.
    """
    for kind, wanted in (("inputs", STREAM_INPUTS), ("outputs", STREAM_OUTPUTS)):
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
    void quiet() { *data(model.@I_VALID@) = 0; *data(model.@O_READY@) = 0; settle(); }
    const uint8_t *output() { const Model &m = model; return (const uint8_t *)data(m.@O_PAYLOAD@); }
    bool i_ready() { const Model &m = model; return *data(m.@I_READY@); }
    bool o_valid() { const Model &m = model; return *data(m.@O_VALID@); }
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
            memcpy(data(m.@I_PAYLOAD@), rows + p->sent * IN, IN);
        }
        bool accepting = p->received < n_out && ready[r];
        *data(m.@I_VALID@) = p->offering;
        *data(m.@O_READY@) = accepting;
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


def _harness(toplevel: str, ports: dict[str, dict[str, int]], names: dict[str, str]) -> str:
    """Return the C++ code around the model of a design; `names` are those of the ports in the Verilog."""
    flat = [(name, width) for name, width in ports["outputs"].items() if name not in STREAM_OUTPUTS]
    status = [
        f"    case {index}: memcpy(out, data(m.{_mangle(names[name])}), {bytes_of(width)}); break;"
        for index, (name, width) in enumerate(flat)
    ]
    flat_in = [(name, width) for name, width in ports["inputs"].items() if name not in STREAM_INPUTS]
    drive = [
        f"    case {index}: memcpy(data(m.{_mangle(names[name])}), in, {bytes_of(width)}); break;"
        for index, (name, width) in enumerate(flat_in)
    ]
    values = {
        "MODEL": _mangle(toplevel),
        "IN_BYTES": str(bytes_of(ports["inputs"]["i_payload"])),
        "OUT_BYTES": str(bytes_of(ports["outputs"]["o_payload"])),
        **{port.upper(): _mangle(names[port]) for port in (*STREAM_INPUTS, *STREAM_OUTPUTS)},
        "STATUS": "\n".join(status),
        "DRIVE": "\n".join(drive),
    }
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], _HARNESS)


def _mangle(name: str) -> str:
    """Return the C++ name that CXXRTL gives to a public Verilog name."""
    return "p_" + re.sub(r"\W", lambda match: f"_{ord(match[0]):x}_", name.replace("_", "__"))
