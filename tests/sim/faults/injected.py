"""Bugs put into the circuits on purpose, by subject, and what shows each of them."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from neuristor.golden_model.equations.file import shipped, shipped_model
from neuristor.golden_model.equations.text import Model
from neuristor.golden_model.neurons.coupling import Coupling, Topology
from neuristor.golden_model.variability import Variability
from neuristor.hdl.neurons.equations import equation_neuron
from neuristor.sim.benches.case import Case
from tests.samples import case

__all__ = ["BUGS", "DESIGNS", "PROVED", "SAME", "VERIFIED", "Bug", "design", "injected"]

PROVED, VERIFIED, SAME = "a false claim", "a difference in verify", "equivalent"
"""What shows a bug: `prove` finds a claim false; all claims that are tried hold, but `verify` finds a difference; or
the changed circuit is equivalent, by ABC."""


class Bug(NamedTuple):
    """A change of the source of a circuit."""

    subject: str
    what: str
    where: str
    """Function that is changed, such as ``hdl.array:NeuronArray._count``."""
    old: str
    new: str
    design: str = "lif"
    """One of `DESIGNS`."""
    shown: str = PROVED


_COUPLED = {"coupling": "resistive", "coupling_resistance": 20e3, "start": "random"}
_EDGES = {
    "edges": ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (1, 4)),
    "values": (20e3, 30e3, 45e3, 60e3, 25e3, 35e3),
}
_PAIRS = tuple((i, j) for i in range(17) for j in range(i))
_MATRIX: dict[str, Any] = {"edges": _PAIRS, "values": tuple(4e5 + 1e4 * n for n in range(len(_PAIRS)))}
_WEAK = {**_COUPLED, "coupling_resistance": 4e5}
_SPREAD = {"threshold_d2d": 0.01, "hold_d2d": 0.03, "start": "random"}

DESIGNS: dict[str, tuple[str, str, tuple[int, int, int], dict[str, Any]]] = {
    "lif": ("lif", "all", (5, 2, 1), {}),
    "one row": ("lif", "all", (1, 1, 1), {}),
    "one oscillator": ("relaxation_oscillator", "coarse", (1, 1, 1), {"threshold_c2c": 0.02, **_SPREAD}),
    "seven rows": ("lif", "all", (7, 1, 1), {}),
    "clamped": ("lif", "saturating", (5, 2, 1), {}),
    "broken devices": ("lif", "broken devices", (5, 2, 1), {}),
    "small": ("lif", "coarse", (3, 1, 1), {}),
    "100 rows": ("lif", "all", (100, 1, 1), {}),
    "secded": ("lif", "all", (5, 2, 1), {"protection": "secded"}),
    "oscillator": ("relaxation_oscillator", "coarse", (5, 2, 1), {"threshold_c2c": 0.02, **_SPREAD}),
    "broken oscillators": ("relaxation_oscillator", "coarse", (5, 2, 1), {"dead": 0.3, "stuck_on": 0.3, **_SPREAD}),
    "ring": ("relaxation_oscillator", "coarse", (6, 2, 1), {"topology": "ring", **_COUPLED}),
    "edges": ("relaxation_oscillator", "coarse", (5, 2, 1), {"topology": "edges", **_EDGES, **_COUPLED}),
    "matrix": ("relaxation_oscillator", "coarse", (17, 2, 1), {"topology": "edges", **_MATRIX, **_WEAK}),
    "all to all": ("relaxation_oscillator", "coarse", (5, 2, 1), _COUPLED),
    "shared multipliers": ("izhikevich", "noise and spread", (2, 1, 3), {}),
    "patterns": ("izhikevich", "all patterns", (5, 2, 1), {}),
    "wide noise": ("izhikevich", "all patterns", (5, 2, 1), {"spread": Variability(current_noise=30e-9, seed=2)}),
    "generated neuron": ("leaky_integrate_and_fire", "", (3, 1, 3), {}),
    "generated array": ("leaky_integrate_and_fire", "", (3, 1, 2), {"varies": ("v_reset", "v_th")}),
    "generated at random": ("escape_rate", "", (3, 1, 1), {}),
    "generated ring": ("vo2_switch", "", (6, 2, 1), {"topology": "ring"}),
    "generated, all to all": ("vo2_switch", "", (5, 2, 1), {"topology": "all_to_all"}),
    "delay lines": ("leaky_integrate_and_fire", "", (2, 1, 1), {}),
}
"""Neuron, variant, (count, lanes, interval), and more parameters; `protection` is one of the array, `values` are those
of the edges, and `varies` are the parameters of a model from equations that have a spread."""


def design(name: str) -> Case:
    """The case of a design."""
    neuron, variant, size, more = DESIGNS[name]
    if neuron in shipped():
        return _generated(neuron, size, **more)
    protection = more.get("protection", "none")
    numbers = {key: value for key, value in more.items() if key not in ("protection", "values")}
    made = replace(case(neuron, variant, size, 200, **numbers), protection=protection)
    if "values" not in more:
        return made
    coupling = replace(made.params.coupling, values=more["values"])
    return replace(made, params=made.params.changed(coupling=coupling))


def _generated(
    name: str, size: tuple[int, int, int], varies: tuple[str, ...] = (), topology: Topology | None = None
) -> Case:
    """Neurons from equations with short words, under inputs over the whole range."""
    text = shipped_model(name).model_dump() | {"state_bits": 14, "factor_bits": 12}
    for each in varies:
        text["parameters"][each]["spread"] = 0.02
    own = equation_neuron(Model.model_validate(text).model_dump_json())
    count, lanes, interval = size
    params = own.model.from_circuit(None, count=count, dt=own.model.own_tick)
    if topology is not None:
        params = replace(params, coupling=Coupling(kind="resistive", value=40e3, topology=topology, count=count))
    given, rng = params.system.input, np.random.default_rng(31)
    drive = params.drive_raw(np.repeat(rng.uniform(given.low, given.high, (40, count)), 10, axis=0))
    return Case(neuron=own, params=params, lanes=lanes, interval=interval, drive_raw=drive)


@contextmanager
def injected(bug: Bug) -> Iterator[None]:
    """Change the source of a function, wherever it is used, until the end of the block."""
    module_name, _, path = bug.where.partition(":")
    module = import_module(f"neuristor.{module_name}")
    owner_name, _, name = path.rpartition(".")
    owner = getattr(module, owner_name) if owner_name else module
    sound = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(sound))
    assert source.count(bug.old) == 1, f"{bug.old!r} is {source.count(bug.old)} times in {path}"
    space = dict(vars(module))
    changed = source.replace(bug.old, bug.new)
    exec(compile(changed, f"{path} with {bug.what}", "exec", flags=0x1000000), space)  # annotations as text
    places = [owner]
    if not owner_name:
        places = [each for key, each in sys.modules.items() if key.startswith("neuristor.")]
        places = [each for each in places if vars(each).get(name) is sound]
    for place in places:
        setattr(place, name, space[name])
    try:
        yield
    finally:
        for place in places:
            setattr(place, name, sound)


_ARRAY = "hdl.array:NeuronArray."
_LIF = "hdl.neurons.lif:LifLane."
_OSC = "hdl.neurons.relaxation_oscillator:RelaxationOscillatorLane."
_IZH = "hdl.neurons.izhikevich:IzhikevichLane."
_NEAR = "hdl.neighbours:Neighbours."
_EDGE = "hdl.edges:Edges."
_PLAN = "hdl.neurons.equations:Scheduler."
_EQU = "hdl.neurons.equations:EquationLane."
_DELAY = "hdl.delay:DelayLines."

BUGS = [
    Bug(
        "handshake",
        "rows are accepted in idle slots",
        _ARRAY + "_schedule",
        "self.i.ready.eq(has_row & begins)",
        "self.i.ready.eq(running & begins)",
    ),
    Bug(
        "handshake",
        "rows are accepted and dropped in idle slots",
        _ARRAY + "elaborate",
        "valid.eq(Cat(self.i.valid & self.i.ready, valid))",
        "valid.eq(Cat(self.i.valid & self.i.ready & (slot != 1), valid))",
    ),
    Bug(
        "handshake",
        "a row is accepted and dropped, in an array of one",
        _ARRAY + "elaborate",
        "valid.eq(Cat(self.i.valid & self.i.ready, valid))",
        "valid.eq(Cat(self.i.valid & self.i.ready & ~(self.saturations == 3), valid))",
        "one row",
    ),
    Bug(
        "handshake",
        "ready ignores a stall",
        _ARRAY + "_schedule",
        "self.i.ready.eq(has_row & begins)",
        "self.i.ready.eq(has_row & (phase == 0))",
    ),
    Bug(
        "handshake",
        "ready waits for valid, and then for a clock more",
        _ARRAY + "_schedule",
        "self.i.ready.eq(has_row & begins)",
        "self.i.ready.eq(has_row & begins & self.i.valid & ~self.o.valid)",
    ),
    Bug(
        "handshake",
        "valid waits for ready",
        _ARRAY + "elaborate",
        "self.o.valid.eq(valid[-1])",
        "self.o.valid.eq(valid[-1] & self.o.ready)",
    ),
    Bug(
        "handshake",
        "an output is withdrawn when an input comes",
        _ARRAY + "elaborate",
        "self.o.valid.eq(valid[-1])",
        "self.o.valid.eq(valid[-1] & ~(self.i.valid & (slot == 1)))",
    ),
    Bug("handshake", "idle slots wait for an input", _ARRAY + "_schedule", "(self.i.valid | ~has_row)", "self.i.valid"),
    Bug("handshake", "the array never runs", _ARRAY + "_clear", "running.eq(clear_row == rows - 1)", "running.eq(0)"),
    Bug(
        "handshake",
        "the array stops for good after many clamps",
        _ARRAY + "_schedule",
        "has_row.eq(running & (slot < rows))",
        "has_row.eq(running & (slot < rows) & ~self.saturations[20])",
    ),
    Bug(
        "handshake",
        "last marks the row before",
        _ARRAY + "elaborate",
        "self.o.p.last.eq(is_last)",
        "self.o.p.last.eq(row == rows - 2)",
    ),
    Bug(
        "stall",
        "the pipeline never stalls",
        _ARRAY + "elaborate",
        "moves.eq(~self.o.valid | self.o.ready)",
        "moves.eq(1)",
    ),
    Bug("stall", "the lanes never stall", _ARRAY + "elaborate", "lane.enable.eq(moves)", "lane.enable.eq(1)"),
    Bug(
        "stall",
        "an input is latched during a stall",
        _ARRAY + "elaborate",
        "with m.If(begins):",
        "with m.If(self.i.valid):",
    ),
    Bug(
        "stall",
        "parameters are read during a stall",
        _ARRAY + "_parameter_memory",
        "known.read_enable.eq(begins)",
        "known.read_enable.eq(1)",
    ),
    Bug("stall", "states are read during a stall", _ARRAY + "elaborate", "read.en.eq(begins)", "read.en.eq(1)"),
    Bug(
        "stall",
        "the first stage of the lane moves on without enable",
        _LIF + "_subtract",
        "with m.If(self.enable):\n        m.d.sync += difference",
        "with m.If(1):\n        m.d.sync += difference",
    ),
    Bug(
        "stall",
        "a stage that carries the state moves on without enable",
        _LIF + "_carry",
        "with m.If(self.enable):",
        "with m.If(1):",
    ),
    Bug(
        "stall",
        "a result changes without enable",
        _LIF + "_fire",
        "with m.If(self.enable):\n        m.d.sync += [\n            self.spike",
        "with m.If(1):\n        m.d.sync += [\n            self.spike",
    ),
    Bug(
        "stall",
        "steps of a flow ignore enable",
        "hdl.flow:Flow.emit",
        "else enable & (phase == time % self.interval)",
        "else phase == time % self.interval",
        "shared multipliers",
    ),
    Bug(
        "stall",
        "copies of a flow ignore enable",
        "hdl.flow:Flow._hold",
        "with m.If(when(node.time - 1)):",
        "with m.If(Const(1)):",
        "patterns",
    ),
    Bug(
        "stall",
        "a multiplier ignores enable",
        "hdl.flow:Flow._multiplier",
        "with m.If(enable):\n        m.d.sync += product",
        "with m.If(1):\n        m.d.sync += product",
        "shared multipliers",
    ),
    Bug(
        "stall",
        "factors ignore enable",
        "hdl.flow:Flow._multiplier",
        "with m.If(enable):\n            m.d.sync += factor",
        "with m.If(1):\n            m.d.sync += factor",
        "shared multipliers",
    ),
    Bug(
        "reset",
        "the last row is not initialized",
        _ARRAY + "_clear",
        "running.eq(clear_row == rows - 1)",
        "running.eq(clear_row == rows - 2)",
    ),
    Bug("reset", "no row is initialized", _ARRAY + "_clear", "write.en.eq(1)", "write.en.eq(0)"),
    Bug(
        "reset",
        "rows in the pipeline survive",
        _ARRAY + "elaborate",
        "valid = Signal(latency)",
        "valid = Signal(latency, reset_less=True)",
    ),
    Bug(
        "reset",
        "the slot survives",
        _ARRAY + "_schedule",
        "init=-self.idle_slots % slots)",
        "init=-self.idle_slots % slots, reset_less=True)",
    ),
    Bug(
        "reset",
        "the phase survives",
        _ARRAY + "_schedule",
        "    phase = Signal(range(self.interval))",
        "    phase = Signal(range(self.interval), reset_less=True)",
        "shared multipliers",
    ),
    Bug(
        "reset",
        "the step of the initialization survives",
        _ARRAY + "_clear",
        "clear_step = Signal(range(1 + lanes[0].clear_clocks))",
        "clear_step = Signal(range(1 + lanes[0].clear_clocks), reset_less=True)",
    ),
    Bug(
        "reset",
        "the count of saturations survives",
        _ARRAY + "_count",
        "total = Signal(33)",
        "total = Signal(33)\n    self.saturations._reset_less = True",
        "clamped",
    ),
    Bug(
        "reset",
        "the saturation flag survives",
        _ARRAY + "_count",
        "total = Signal(33)",
        "total = Signal(33)\n    self.saturated._reset_less = True",
        "clamped",
    ),
    Bug(
        "reset",
        "the count of damaged parameters survives",
        _ARRAY + "_parameter_memory",
        "lanes, rows = self._lanes, self.rows",
        "lanes, rows = self._lanes, self.rows\n    self.memory_faults._reset_less = True",
        "secded",
    ),
    Bug(
        "reset",
        "the seeds of the noise go on",
        "hdl.noise:Seeder.elaborate",
        "init=self._first)",
        "init=self._first, reset_less=True)",
    ),
    Bug(
        "addressing",
        "a neuron is skipped",
        _ARRAY + "_schedule",
        "slot.eq(Mux(slot == slots - 1, 0, slot + 1))",
        "slot.eq(Mux(slot == slots - 1, 0, slot + 1 + (slot == 1)))",
    ),
    Bug(
        "addressing",
        "a row is written to the next",
        _ARRAY + "elaborate",
        "write.addr.eq(row),",
        "write.addr.eq(row + 1),",
    ),
    Bug(
        "addressing",
        "rows 0 and 1 have each other's parameters",
        _ARRAY + "_parameter_memory",
        "known.read_address.eq(slot)",
        "known.read_address.eq(Mux(slot < 2, slot ^ 1, slot))",
    ),
    Bug(
        "addressing",
        "rows 0 and 1 have each other's state",
        _ARRAY + "elaborate",
        "read.addr.eq(slot)",
        "read.addr.eq(Mux(slot < 2, slot ^ 1, slot))",
    ),
    Bug(
        "addressing",
        "one row is initialized twice",
        _ARRAY + "_clear",
        "write.addr.eq(clear_row)",
        "write.addr.eq(Mux(clear_row == 1, 0, clear_row))",
    ),
    Bug(
        "addressing",
        "two thresholds of 100 are exchanged",
        _ARRAY + "_parameter_memory",
        "table = self._parameters + [",
        "t = list(self._parameters)\n    t[70], t[80] = t[80], t[70]\n    table = t + [",
        "100 rows",
    ),
    Bug(
        "addressing",
        "a lane has the input of the other",
        _ARRAY + "elaborate",
        "lane.drive.eq(drives[index])",
        "lane.drive.eq(drives[index ^ 1])",
    ),
    Bug(
        "addressing",
        "spikes of the lanes are exchanged",
        _ARRAY + "elaborate",
        "self.o.p.spikes[index].eq(",
        "self.o.p.spikes[index ^ 1].eq(",
    ),
    Bug("addressing", "a lane without a neuron fires", _ARRAY + "elaborate", "lane.spike & exists", "lane.spike"),
    Bug(
        "addressing",
        "a lane without a neuron has a state",
        _ARRAY + "elaborate",
        "Mux(exists, lane.next_state, 0)",
        "lane.next_state",
    ),
    Bug(
        "rounding",
        "products are rounded down",
        _LIF + "_add",
        "round_shift(product, raw.k_shift)",
        "(product >> raw.k_shift)",
    ),
    Bug(
        "rounding",
        "halves are rounded down",
        "hdl.fixed:round_shift",
        "value[n - 1]",
        "(value[n - 1] & (value[: n - 1].any() if n > 1 else 0))",
    ),
    Bug("rounding", "sums are rounded down", "hdl.fixed:round_add", "Const(1, 1)", "Const(0, 1)", "patterns"),
    Bug(
        "rounding",
        "the sum of an oscillator lacks half a step",
        _OSC + "_subtract",
        "(1 << raw.k_shift >> 1)",
        "0",
        "oscillator",
    ),
    Bug(
        "saturation",
        "the highest word is one too low",
        "hdl.fixed:saturate",
        "((1 << (width - 1)) - 1)",
        "((1 << (width - 1)) - 2)",
        "clamped",
    ),
    Bug(
        "saturation",
        "the lowest word is one too high",
        "hdl.fixed:saturate",
        "edge = Cat(sign.replicate(width - 1) ^ ((1 << (width - 1)) - 1), sign)",
        "edge = Cat(Const(1, 1), sign.replicate(width - 2) ^ ((1 << (width - 2)) - 1), sign)",
        "clamped",
    ),
    Bug(
        "saturation",
        "values too low are not seen",
        "hdl.fixed:saturate",
        "above.any() & ~above.all()",
        "above.any() & ~above[-1]",
        "clamped",
    ),
    Bug(
        "saturation",
        "clamps of a resting neuron are flagged",
        _LIF + "_fire",
        "(active & clipped & ~stays)",
        "(clipped & ~stays)",
        "clamped",
    ),
    Bug(
        "saturation",
        "clamps of dead devices are flagged",
        _OSC + "_switch",
        "self.saturated.eq(clipped & ~stays)",
        "self.saturated.eq(clipped)",
        "broken oscillators",
    ),
    Bug(
        "counters",
        "a clamp counts in each clock in which its row waits",
        _ARRAY + "_count",
        "taken = self.o.valid & self.o.ready",
        "taken = self.o.valid",
        "clamped",
    ),
    Bug(
        "counters",
        "clamps count in clocks without a row",
        _ARRAY + "_count",
        "taken = self.o.valid & self.o.ready",
        "taken = self.o.ready",
        "clamped",
    ),
    Bug(
        "counters",
        "the flag is cleared while an output waits",
        _ARRAY + "_count",
        "total = Signal(33)",
        "total = Signal(33)\n    with m.If(self.o.valid & ~self.o.ready):\n        m.d.sync += self.saturated.eq(0)",
        "clamped",
    ),
    Bug("counters", "a row counts once", _ARRAY + "_count", "count_ones(clamped)", "clamped.any()", "clamped"),
    Bug(
        "counters", "the count wraps", _ARRAY + "_count", "Mux(total[32], 0xFFFF_FFFF, total)", "total[:32]", "clamped"
    ),
    Bug(
        "counters",
        "lanes without a neuron count",
        _ARRAY + "elaborate",
        "clamped[index].eq(lane.saturated & exists)",
        "clamped[index].eq(lane.saturated)",
        "clamped",
    ),
    Bug(
        "counters",
        "damaged parameters never count",
        _ARRAY + "_parameter_memory",
        "used & known.fault &",
        "0 & known.fault &",
        "secded",
    ),
    Bug(
        "counters",
        "damaged parameters count while a row waits for its input",
        _ARRAY + "_parameter_memory",
        "used & known.fault &",
        "known.fault &",
        "secded",
    ),
    Bug(
        "counters",
        "the count of damaged parameters wraps",
        _ARRAY + "_parameter_memory",
        " & ~self.memory_faults.all()",
        "",
        "secded",
    ),
    Bug(
        "noise", "it moves on without a spike", _LIF + "_fire", "Mux(fires, noise.advance", "Mux(active, noise.advance"
    ),
    Bug(
        "noise",
        "the generator shifts by 12",
        "hdl.noise:advance",
        "Const(0, 13), state[: 32 - 13]",
        "Const(0, 12), state[: 32 - 12]",
    ),
    Bug(
        "noise",
        "neurons of a lane have the same seed",
        "hdl.noise:Seeder.elaborate",
        "weyl.eq(weyl + self._stride)",
        "weyl.eq(weyl)",
    ),
    Bug("noise", "seeds may be even", "hdl.noise:Seeder.elaborate", "first | 1", "first"),
    Bug("noise", "a byte is read twice", "hdl.noise:byte_sum", "state[24:32]", "state[16:24]"),
    Bug(
        "noise",
        "an oscillator keeps its noise when it switches",
        _OSC + "_switch",
        "Mux(crosses, noise.advance(third.state.noise), third.state.noise)",
        "Mux(crosses, third.state.noise, noise.advance(third.state.noise))",
        "oscillator",
    ),
    Bug(
        "parameters",
        "the refractory period is one tick short",
        _LIF + "_fire",
        "refractory.eq(raw.refractory_ticks)",
        "refractory.eq(raw.refractory_ticks - 1)",
    ),
    Bug(
        "parameters",
        "a stuck device does not stay",
        _LIF + "_fire",
        "stays.eq((fault == STUCK_ON) | (fault == DEAD))",
        "stays.eq(fault == DEAD)",
        "broken devices",
    ),
    Bug(
        "parameters",
        "hold and threshold are exchanged",
        _OSC + "_carry",
        'Mux(conducts, self._parameter("hold"), self._parameter("threshold"))',
        'Mux(conducts, self._parameter("threshold"), self._parameter("hold"))',
        "oscillator",
    ),
    Bug(
        "parameters",
        "a stuck device switches",
        _OSC + "_switch",
        "with m.If(third.fault != HEALTHY):",
        "with m.If(third.fault == DEAD):",
        "broken oscillators",
    ),
    Bug(
        "parameters", "the bias is subtracted", _IZH + "describe", "drive + bias", "drive - bias", "shared multipliers"
    ),
    Bug(
        "parameters",
        "a scale of the noise has 9 bits",
        "hdl.noise:scale_bits",
        "return max(9,",
        "return min(9,",
        "wide noise",
    ),
    Bug(
        "parameters",
        "a jump has 4 bits",
        "hdl.neurons.izhikevich:_columns",
        '"jump": (fine',
        '"jump": (signed(4)',
        "patterns",
    ),
    Bug(
        "parameters",
        "a rate has 8 bits",
        "hdl.neurons.izhikevich:_columns",
        '"rate": (bits',
        '"rate": (signed(8)',
        "patterns",
    ),
    Bug(
        "ordering",
        "the next tick begins a slot early",
        _ARRAY + "_schedule",
        "slots = self.cycles_per_tick // self.interval",
        "slots = self.cycles_per_tick // self.interval - 1",
    ),
    Bug(
        "ordering",
        "a stage forgets the number of its row",
        _ARRAY + "elaborate",
        "stage_row[0].eq(slot),",
        "stage_row[0].eq(stage_row[0] + 1),",
    ),
    Bug(
        "ordering",
        "the jump of the recovery comes a tick late",
        _IZH + "describe",
        "u + Mux(fired, jump, 0)",
        "u + Mux(fired, 0, jump)",
        "patterns",
    ),
    Bug(
        "ordering",
        "a waiting row is written in each clock",
        _ARRAY + "elaborate",
        "write.en.eq(self.o.valid & self.o.ready)",
        "write.en.eq(self.o.valid)",
        "small",
        SAME,
    ),
    Bug("ties", "a neuron fires above, not at, its threshold", _LIF + "_fire", "bounded >= limit", "bounded > limit"),
    Bug(
        "ties",
        "a switch that meets its hold voltage stays",
        _OSC + "_switch",
        "beyond[-1] | (beyond == 0)",
        "beyond[-1]",
        "oscillator",
    ),
    Bug(
        "ties",
        "a crossing on an eighth belongs to the next",
        _OSC + "_lag",
        "Cat(conducts, each)",
        "Cat(Const(0, 1), each)",
        "oscillator",
    ),
    Bug(
        "ties",
        "a neuron fires above, not at, its peak",
        _IZH + "describe",
        "v >= raw.peak_raw",
        "v > raw.peak_raw",
        "patterns",
    ),
    Bug(
        "tables",
        "state and lag are exchanged in an index",
        _OSC + "_subtract",
        "Cat(self.state.lag, now.conducts)",
        "Cat(now.conducts, self.state.lag)",
        "oscillator",
    ),
    Bug(
        "tables",
        "lags of the next eighth",
        _OSC + "_add",
        "raw.late_raw[part::LAGS]",
        "raw.late_raw[(part + 1) % LAGS :: LAGS]",
        "oscillator",
    ),
    Bug(
        "coupling",
        "the first row is added to the sum of the tick before",
        _NEAR + "_all_to_all",
        "first.eq(self.write_row == 0)",
        "first.eq(self.write_row == 1)",
        "all to all",
    ),
    Bug(
        "coupling",
        "a neuron counts itself once too often",
        _NEAR + "_all_to_all",
        "self.own[lane] * count",
        "self.own[lane] * (count + 1)",
        "all to all",
    ),
    Bug(
        "coupling",
        "neighbours of this tick, not the one before",
        _NEAR + "_sparse",
        "read.addr.eq(Mux(half, span, 0)",
        "read.addr.eq(Mux(half, 0, span)",
        "ring",
    ),
    Bug(
        "coupling",
        "a neighbour at the wrong distance",
        _NEAR + "_sparse",
        "mask.data[lane][n]",
        "mask.data[lane][n - 1]",
        "ring",
    ),
    Bug(
        "coupling",
        "a difference changes in a stall",
        "hdl.neighbours:CouplingTerm.registered",
        "with m.If(self.enable):",
        "with m.If(1):",
        "generated ring",
    ),
    Bug(
        "coupling",
        "one difference comes a clock before the others",
        "hdl.neighbours:CouplingTerm.registered",
        "if not self.pipelined:",
        "if not self.pipelined or name == 'difference_1_0':",
        "generated ring",
    ),
    Bug(
        "coupling",
        "the own value is that of the next row",
        "hdl.neighbours:CouplingTerm.registered",
        "if not self.pipelined:",
        "if not self.pipelined or name == 'part_1':",
        "generated, all to all",
    ),
    Bug(
        "coupling",
        "a lane takes its pull a clock early",
        "hdl.neurons.equations:EquationLane.describe",
        "flow.take(self.pull, self.pull_time)",
        "flow.take(self.pull, 1)",
        "generated ring",
    ),
    Bug(
        "coupling",
        "an edge reads the neuron of another row",
        _EDGE + "_values",
        "value.addr.eq(row)",
        "value.addr.eq(row ^ 1)",
        "edges",
    ),
    Bug(
        "coupling",
        "an edge reads the neuron of the first lane",
        _EDGE + "_values",
        "value.data[chosen] if self.lanes > 1 else",
        "",
        "edges",
    ),
    Bug(
        "coupling",
        "a sum begins with the one before",
        _EDGE + "_walker",
        "Mux(after[2].first, 0, total)",
        "total",
        "edges",
    ),
    Bug(
        "coupling",
        "a sum goes to the row of the next edge",
        _EDGE + "_walker",
        "stored_turn.eq(after[2].turn)",
        "stored_turn.eq(after[1].turn)",
        "edges",
    ),
    Bug(
        "coupling",
        "weighted sums are rounded down",
        _EDGE + "_walker",
        "round_shift(total, WEIGHT_BITS)",
        "(total >> WEIGHT_BITS)",
        "edges",
    ),
    Bug(
        "coupling",
        "the upper bits of an own weight count as the lower ones",
        _EDGE + "_walker",
        "product << self.lower",
        "product",
        "matrix",
    ),
    Bug(
        "coupling",
        "the upper bits of an own weight are of the next neuron",
        _EDGE + "_walker",
        "valid[1] & after[0].own",
        "valid[2] & after[1].own",
        "matrix",
    ),
    Bug(
        "coupling",
        "a row of a matrix begins before the last one ends",
        _EDGE + "_shared",
        "position == self.row_length - 1)",
        "position == self.row_length - 2)",
        "matrix",
    ),
    Bug(
        "coupling",
        "weights lose their last bit",
        _EDGE + "_entries",
        '"weight": w, "first"',
        '"weight": w & ~1, "first"',
        "edges",
    ),
    Bug(
        "coupling",
        "a lane has the sum of the first lane",
        _ARRAY + "_connect_neighbours",
        "neighbours.pull[index]",
        "neighbours.pull[0]",
        "edges",
    ),
    Bug(
        "coupling",
        "neighbours read the state of the first lane",
        _ARRAY + "_connect_neighbours",
        "write.data[index][neighbours.field]",
        "write.data[0][neighbours.field]",
        "edges",
    ),
    Bug(
        "coupling",
        "the row that is named is the one after",
        _ARRAY + "_connect_neighbours",
        "neighbours.row.eq(row)",
        "neighbours.row.eq(row + 1)",
        "edges",
    ),
    Bug(
        "coupling",
        "the last edge is left out",
        _EDGE + "elaborate",
        "walking.eq(place != longest)",
        "walking.eq(place < longest - 1)",
        "edges",
    ),
    Bug(
        "ordering",
        "the first tick does not wait for the sums over the edges",
        _ARRAY + "_schedule",
        "init=-self.idle_slots % slots)",
        "init=0)",
        "edges",
    ),
    Bug(
        "stall",
        "a spike is shown only when it is accepted",
        _LIF + "_fire",
        "with m.If(self.enable):\n        m.d.sync += [\n            self.spike.eq(fires),",
        "shot = Signal()\n    m.d.comb += self.spike.eq(shot & self.enable)\n    with m.If(self.enable):\n"
        "        m.d.sync += [\n            shot.eq(fires),",
    ),
    Bug(
        "stall",
        "the second lane does not wait",
        _LIF + "_carry",
        "with m.If(self.enable):",
        "with m.If(self.enable | (self._lane == 1)):",
    ),
    Bug(
        "addressing",
        "the memory lacks the last row",
        _ARRAY + "elaborate",
        "depth=max(2, rows)",
        "depth=max(2, rows - 1)",
        "seven rows",
    ),
    Bug(
        "reset",
        "one row without a load",
        _ARRAY + "_clear",
        "lane.load.eq(clear_step == 0)",
        "lane.load.eq(0)",
        "one oscillator",
    ),
    Bug(
        "reset",
        "one row loads in each clock",
        _ARRAY + "_clear",
        "lane.load.eq(clear_step == 0)",
        "lane.load.eq(1)",
        "one oscillator",
    ),
    Bug(
        "reset",
        "the schedule does not begin with its first slot after configuration",
        _ARRAY + "_schedule",
        "return slot, running",
        "slot._init, slot._reset_less = 1, True\n    from amaranth.hdl import ResetSignal\n"
        "    with m.If(ResetSignal()):\n"
        "        m.d.sync += slot.eq(0)\n    return slot, running",
    ),
    Bug(
        "parameters",
        "a membrane without a sign",
        "hdl.array:state_layout",
        "signed(field.width) if field.signed",
        "unsigned(field.width) if field.signed",
    ),
    Bug(
        "parameters",
        "a flipped bit is not corrected",
        "hdl.protection:Code.decoded",
        "(syndrome == place)",
        "(syndrome == 0)",
        "secded",
    ),
    Bug(
        "parameters",
        "a bit is flipped when two are",
        "hdl.protection:Code.decoded",
        "odd & (syndrome == place)",
        "(syndrome == place)",
        "secded",
    ),
    Bug(
        "generated circuits",
        "a value is rounded down",
        _PLAN + "_function",
        "round_shift(a, data)",
        "floor_shift(a, data)",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "a product that is added is rounded down",
        _PLAN + "_product",
        "round_add(Value.cast(known[base]), known[args[0]], data)",
        "Value.cast(known[base]) + floor_shift(Value.cast(known[args[0]]), data)",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "what is chosen if a condition holds, and if not, is exchanged",
        _PLAN + "_function",
        "Mux(c, a, b)",
        "Mux(c, b, a)",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "equal values are taken for smaller ones",
        _PLAN + "_function",
        "a < b,",
        "a <= b,",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "a word at the end of its range counts as beyond it",
        _PLAN + "_bounds",
        "value > high)",
        "value >= high)",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "a word below its range takes the upper end",
        _PLAN + "_bounds",
        "Mux(below, Const(low, Shape.cast(range(low, low + 1)))",
        "Mux(below, Const(high, Shape.cast(range(low, high + 1)))",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "only the upper end of a range is noticed",
        _PLAN + "_bounds",
        "below | above",
        "above",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "the slope of a table is its value",
        _PLAN + "_entry",
        "[self.graph.operations[number].data], number",
        "[min(self.entries[index])], number",
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "every neuron has the first of its own words",
        _EQU + "describe",
        "else self.own(flow, name)",
        "else self.own(flow, min(self.params.quantised.columns))",
        "generated array",
    ),
    Bug(
        "generated circuits",
        "a spike is the flag of a clamp",
        _EQU + "describe",
        'nodes["spike"], nodes["saturated"]',
        'nodes["saturated"], nodes["spike"]',
        "generated neuron",
    ),
    Bug(
        "generated circuits",
        "random numbers do not advance",
        _PLAN + "_made",
        "noise.advance if name",
        "(lambda state: state) if name",
        "generated at random",
    ),
    Bug(
        "generated circuits",
        "a fraction loses its upper bit",
        _PLAN + "_function",
        "a[:data]",
        "a[: data - 1]",
        "generated at random",
    ),
    Bug(
        "delay lines",
        "a row is written in a stall",
        _DELAY + "elaborate",
        "write.en.eq(self.enable)",
        "write.en.eq(1)",
        "delay lines",
    ),
    Bug(
        "delay lines",
        "the next row is read",
        _DELAY + "elaborate",
        "read.addr.eq(row)",
        "read.addr.eq(row + 1)",
        "delay lines",
    ),
    Bug(
        "delay lines",
        "one row comes out as 0",
        _DELAY + "elaborate",
        "word.eq(read.data)",
        "word.eq(read.data & (row != 9).replicate(width))",
        "delay lines",
    ),
    Bug(
        "delay lines",
        "one row takes a 0",
        _DELAY + "elaborate",
        "write.data.eq(self.given[number])",
        "write.data.eq(self.given[number] & (row != 3).replicate(width))",
        "delay lines",
    ),
]
