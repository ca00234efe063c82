"""Lanes from equations: every operation of the graph, with a new neuron every interval, and whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.sim import Simulator

from neuristor.golden_model import noise
from neuristor.golden_model.equations.graph import Graph
from neuristor.golden_model.equations.neuron import EquationParams
from neuristor.golden_model.equations.text import Model
from neuristor.hdl.flow import Flow, Node
from neuristor.hdl.neurons.contract import Neuron
from neuristor.hdl.neurons.equations import EquationArray, Scheduler, equation_neuron
from neuristor.hdl.verilog import to_rtlil
from neuristor.sim.benches.case import Case
from neuristor.sim.benches.verify import available, verify
from neuristor.sim.proofs.lane import prove_lane
from neuristor.sim.proofs.symbolic_array import SymbolicArray
from tests.golden_model.equations.test_netlist import TWO, switched
from tests.golden_model.equations.test_tick import TICKS, model, params
from tests.marks import the_rest_is_extended, the_rest_is_slow


def evaluated(graph: Graph, given: dict[str, int]) -> dict[int, int]:
    """Every node of a graph, in plain integers; written apart from the golden step."""
    found: dict[int, int] = {}
    for number in graph.needed():
        name, args, data = graph.operations[number]
        x = [found[each] for each in args]
        plain: dict[str, Any] = {
            "const": lambda d=data: d,
            "state": lambda d=data: given[d],
            "param": lambda d=data: given[d],
            "drive": lambda: given["drive"],
            "add": lambda x=x: x[0] + x[1],
            "sub": lambda x=x: x[0] - x[1],
            "mul": lambda x=x: x[0] * x[1],
            "shl": lambda x=x, d=data: x[0] << d,
            "shr": lambda x=x, d=data: x[0] >> d,
            "round": lambda x=x, d=data: (2 * x[0] + (1 << d)) >> (d + 1),
            "low": lambda x=x, d=data: x[0] % (1 << d),
            "clamp": lambda x=x, d=data: sorted((d[0], x[0], d[1]))[1],
            "outside": lambda x=x, d=data: int(not d[0] <= x[0] <= d[1]),
            "lt": lambda x=x: int(x[0] < x[1]),
            "eq": lambda x=x: int(x[0] == x[1]),
            "and": lambda x=x: int(x[0] and x[1]),
            "or": lambda x=x: int(x[0] or x[1]),
            "select": lambda x=x: x[1] if x[0] else x[2],
            "table": lambda x=x, d=data: graph.tables[d][x[0]],
            "advance": lambda x=x: noise.advance(x[0]),
            "draw": lambda x=x: noise.byte_sum(x[0]),
        }
        found[number] = int(plain[name]())
        low, high = graph.ranges[number]
        assert low <= found[number] <= high, (number, graph.operations[number], found[number])
    return found


def words(made: EquationParams, generator: np.random.Generator) -> dict[str, int]:
    """Any state in which the invariants hold, and any input."""
    state = {
        name: int(generator.choice(word.values)) if word.values else int(generator.integers(word.low, word.high + 1))
        for name, word in made.quantised.state.items()
    }
    limit = 1 << (made.drive.width - 1)
    return state | {"drive": int(generator.integers(-limit, limit)), "noise": int(generator.integers(1, 1 << 32))}


@pytest.mark.parametrize(
    ("name", "interval"),
    the_rest_is_extended(
        [(name, interval) for name in TICKS for interval in (1, 3, 16)], [("vo2_switch", 3), ("hodgkin_huxley_1952", 1)]
    ),
)
def test_every_operation_is_that_of_the_graph_for_one_neuron_after_the_other(name: str, interval: int) -> None:
    made = params(name)
    graph, flow, ports = made.quantised.graph, Flow(interval), {}
    fields = {field.name: field for field in made.state_fields}

    def given(kind: str, name: str) -> Node:
        if name not in ports:
            shape: Shape = signed(made.drive.width)
            if kind == "state":
                shape = signed(fields[name].width) if fields[name].signed else unsigned(fields[name].width)
            port = Signal(shape, name=f"in_{name}")
            ports[name] = port, flow.take(port)
        return ports[name][1]

    scheduler = Scheduler(graph, flow, given)
    inner = {member for chain in scheduler.chains.values() for member in chain[:-1]}
    nodes = {number: scheduler.node(number) for number in graph.needed() if number not in inner}
    last = max(node.time for node in nodes.values())
    m, shown = Module(), {}
    for number, node in nodes.items():
        if node.interval:
            value = Value.cast(node.at(last))
            shown[number] = Signal(value.shape(), name=f"node_{number}")
            m.d.comb += shown[number].eq(value)
    phase = Signal(range(max(2, interval)))
    m.d.sync += phase.eq(Mux(phase == interval - 1, 0, phase + 1))
    flow.emit(m, Const(1), phase)
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    generator, count = np.random.default_rng(3), 8
    sequence, found = [], []

    async def bench(ctx: Any) -> None:
        for _ in range(count + last // interval + 2):
            sequence.append(words(made, generator))
            for port, (signal, _) in ports.items():
                ctx.set(signal, sequence[-1][port])
            for _ in range(interval):
                found.append({number: ctx.get(signal) for number, signal in shown.items()})
                await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
    for place in range(count):
        wanted = evaluated(graph, sequence[place])
        got = found[place * interval + last]
        assert {number: wanted[number] for number in got} == got


def case(name: str, interval: int, ticks: int = 300) -> Case:
    made = params(name, count=5)
    drive = np.random.default_rng(1).integers(-2000, 2000, (ticks, 5))
    neuron = Neuron(model=model(name), array=EquationArray, shares_multipliers=True)
    return Case(neuron=neuron, params=made, lanes=2, interval=interval, drive_raw=drive)


@pytest.mark.parametrize(
    ("name", "interval"),
    the_rest_is_slow(
        [("vo2_switch", 4), ("hodgkin_huxley_1952", 1), ("hodgkin_huxley_1952", 8), ("thermal_vo2", 6)],
        [("vo2_switch", 4)],
        extended=[("hodgkin_huxley_1952", 8)],
    ),
)
def test_an_array_is_the_golden_step(name: str, interval: int) -> None:
    verdict = verify(case(name, interval), "compiled")
    assert verdict.equal, verdict.reason


@pytest.mark.slow  # shorter ones are in tests/sim/faults/test_injected.py
def test_a_lane_is_proved_to_be_the_golden_step() -> None:
    made = case("hodgkin_huxley_1952", 4)
    array = made.array()
    rtlil.convert(array)
    claims = list(prove_lane(made.neuron.model, made.params, array))
    assert [claim.text for claim in claims if claim.tried and claim.proved is not True] == []
    assert len(claims) > 12


def test_as_many_multiplications_as_the_lane_by_hand() -> None:
    made = case("hodgkin_huxley_1952", 1).array()
    rtlil.convert(made)
    assert made.pipelines[0].multipliers == 21


WORDS: dict[str, Any] = {
    "name": "words",
    "outputs": ("reg",),
    "parameters": {"tau": {"value": "10 us"}, "wire": {"value": "1 Mohm", "spread": "1 %"}},
    "states": {name: {"unit": "V", "range": ("-2 V", "2 V")} for name in ("reg", "V", "v")},
    "input": {"name": "i", "unit": "A", "range": ("-1 uA", "1 uA")},
    "equations": "dreg/dt = (wire*i - reg)/tau\ndV/dt = (reg - V)/tau\ndv/dt = (reg - v)/(2*tau)",
    "events": ({"name": "begin", "when": "V > 0.3*V + 0.1*v + 0.02*wire*uA", "do": ("reg = 0*reg",), "spike": True},),
    "tick": "1 us",
}


def words_case() -> Case:
    """States whose names are words of Verilog, or differ in case alone, and that are linear in each other."""
    made = equation_neuron(Model.model_validate(WORDS).model_dump_json())
    params = made.model.from_circuit(None, count=3, dt=1e-6)
    drive = params.drive_raw(np.random.default_rng(1).uniform(-1e-6, 1e-6, (60, 3)))
    return Case(neuron=made, params=params, lanes=2, drive_raw=drive)


def test_parameters_with_spread_may_stand_beside_the_exponential_of_a_matrix() -> None:
    case = words_case()
    assert [change.kind for change in case.params.step_of_time.changes] == ["exact"] * 3
    assert case.neuron.model.bit_true(case.params).run(case.drive_raw)["spike"].any()


@pytest.mark.extended
@pytest.mark.skipif(not available("icarus"), reason="icarus is not installed")
def test_names_that_are_words_of_verilog_or_differ_in_case_alone_do_no_harm() -> None:
    verdict = verify(words_case(), "icarus")
    assert verdict.equal, verdict.reason


def test_a_value_called_as_a_part_of_the_circuit_is_proved_all_the_same() -> None:
    """A shared value with the name of the module of delay lines."""
    text = Model(
        name="names",
        parameters={"tau": "1 ms"},
        states={"x": {"range": (0, 2)}, "y": {"range": (0, 2)}},
        equations="dx/dt = (1.5 - delay_0)/tau\ndy/dt = (delay_0 - y)/tau\ndelay_0 = x*y",
        events=({"when": "x > 1", "do": ("x = 0",), "spike": True},),
        state_bits=14,
        factor_bits=12,
    )
    made = equation_neuron(text.model_dump_json())
    params = made.model.from_circuit(None, count=2, dt=50e-6)
    array = made.build(params, 1)
    claims = list(prove_lane(made.model, params, array))
    assert [claim.text for claim in claims if claim.tried and not claim.proved] == []
    assert sum("delay line" in claim.text for claim in claims) == 1


def test_an_input_that_waits_long_is_a_port_of_the_lane_all_the_same() -> None:
    text = Model(
        name="waits",
        parameters={"tau": "1 ms"},
        input={"name": "i", "unit": "1", "range": (-1, 1)},
        states={"x": {"range": (0, 2)}, "y": {"range": (0, 2)}},
        equations="dx/dt = (i - x)/(tau*(1 + y/(2 + x*y)))\ndy/dt = (x - y)/tau",
        events=({"when": "x > 1", "do": ("x = 0",), "spike": True},),
    )
    made = equation_neuron(text.model_dump_json())
    array = made.build(made.model.from_circuit(None, count=2, dt=50e-6), 1)
    rtlil_text = to_rtlil(array)
    assert any("delay" in line and "module" in line for line in rtlil_text.splitlines())
    known = SymbolicArray(array, rtlil_text, None).ports
    assert {"lane_0.drive", "lane_0.state"} <= set(known)


def test_a_switched_circuit_of_two_capacitors_is_the_golden_step() -> None:
    states = {"v_C1": ("V", "3 V"), "v_C2": ("V", "3 V")}
    made = equation_neuron(switched(TWO, states).model_dump_json())
    params = made.model.from_circuit(None, count=3, dt=80e-9)
    drive = np.zeros((300, 3), dtype=np.int64)
    assert made.model.bit_true(params).run(drive)["spike"].sum(axis=0).tolist() == [4, 4, 4]
    case = Case(neuron=made, params=params, lanes=2, interval=4, drive_raw=drive)
    verdict = verify(case, "compiled")
    assert verdict.equal, verdict.reason
