"""Circuits as netlists: the same equations as by hand, and rates of switched circuits."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.judge import judge
from neuristor.golden_model.equations.neuron import EquationParams, model_of
from neuristor.golden_model.equations.system import System, read
from neuristor.golden_model.equations.text import Event, Model, Parameter, State

SWITCH: dict[str, Any] = {
    "parameters": {
        name: Parameter(value=value)
        for name, value in {
            "supply": "2.5 V", "r_s": "20 kohm", "c_1": "100 pF", "c_2": "30 pF", "r_c": "50 kohm",
            "g_ins": "9.98 uS", "g_met": "1.01 mS", "v_th": "1.99 V", "v_hold": "1 V",
        }.items()
    },
    "events": (
        Event(when="v_C1 > v_th and metallic == 0", do=("metallic = 1",), spike=True, locate=True, name="on"),
        Event(when="v_C1 < v_hold and metallic == 1", do=("metallic = 0",), locate=True, name="off"),
    ),
}  # fmt: skip


def switched(netlist: str, states: dict[str, tuple[str, str]], **more: Any) -> Model:
    return Model(
        name="switched",
        netlist=netlist,
        states={name: State(unit=unit, range=(f"-{size}", size)) for name, (unit, size) in states.items()},
        discrete={"metallic": {"values": (0, 1)}},
        **{**SWITCH, **more},
    )


ONE = """
V1 in 0   supply
R1 in a   r_s
C1 a 0    c_1
B1 a 0    v_C1*(g_met if metallic == 1 else g_ins)   # the switch
"""
TWO = f"{ONE}R2 a b r_c\nC2 b 0 c_2\nR3 b 0 2*Mohm\n"
THREE = f"{TWO}R4 b d 20*kohm\nC3 d 0 60*pF\nV2 e 0 0.5*V\nR5 d e 300*kohm\n"
COIL = """
V1 in 0   supply
R1 in m   r_s
L1 m a    1*mH
C1 a 0    c_1
R4 a 0    1/(g_met if metallic == 1 else g_ins)
"""
VOLTS = {"v_C1": ("V", "3 V")}


def system(model: Model) -> System:
    return read(model)


def equal(a: Any, b: Any) -> bool:
    return bool(sympy.simplify(a - b) == 0)


def test_the_equations_are_those_by_hand() -> None:
    made = system(switched(ONE, VOLTS))
    by_hand = Model(
        name="by_hand",
        equations="dv_C1/dt = (supply - v_C1)/(r_s*c_1) - v_C1*(g_met if metallic == 1 else g_ins)/c_1",
        states={"v_C1": State(unit="V", range=("-3 V", "3 V"))},
        discrete={"metallic": {"values": (0, 1)}},
        **SWITCH,
    )
    assert equal(made.derivatives["v_C1"], system(by_hand).derivatives["v_C1"])
    assert equal(made.definitions["v_a"], made.states["v_C1"].symbol)


def test_two_capacitors_share_the_current() -> None:
    made = system(switched(TWO, {**VOLTS, "v_C2": ("V", "3 V")}))
    at = {name: each.symbol for name, each in made.states.items()}
    numbers = {**made.values, made.discrete["metallic"].symbol: 0, at["v_C1"]: 1.2, at["v_C2"]: 0.3}
    first, second = (float(made.derivatives[name].subs(numbers)) for name in ("v_C1", "v_C2"))
    assert first == pytest.approx((1.3 / 20e3 - 1.2 * 9.98e-6 - 0.9 / 50e3) / 100e-12)
    assert second == pytest.approx((0.9 / 50e3 - 0.3 / 2e6) / 30e-12)


def params(model: Model, dt: float) -> EquationParams:
    return model_of(model).from_circuit(None, count=1, dt=dt)


@pytest.mark.parametrize(
    ("text", "states", "dt"),
    [
        (ONE, VOLTS, 80e-9),
        (TWO, {**VOLTS, "v_C2": ("V", "3 V")}, 80e-9),
        (COIL, {**VOLTS, "i_L1": ("A", "1 mA")}, 80e-9),
        (THREE, {**VOLTS, "v_C2": ("V", "3 V"), "v_C3": ("V", "3 V")}, 80e-9),
    ],
)
def test_a_switched_circuit_keeps_its_rate(text: str, states: dict[str, tuple[str, str]], dt: float) -> None:
    found = judge(params(switched(text, states), dt))
    assert found.exact > 80e3
    assert abs(found.error) < 0.005, found
    assert found.saturations == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("R1 a", "netlist, line 1: wanted a name that begins with R, C, L, V, I, B, two nodes and a formula"),
        ("X1 a 0 3", "netlist, line 1: wanted a name that begins with"),
        ("R1 a a 3*kohm", "R1 must be between two different nodes"),
        (f"{ONE}R1 a 0 3*kohm", "netlist, line 6: 'R1' stands twice"),
        (f"{ONE}R9 x y 3*kohm", "a node hangs in the air"),
        (f"{ONE}V2 a 0 1*V", "capacitors and voltage sources form a loop"),
        (f"{ONE}C7 a b 1*pF\nR7 b 0 1*kohm", "[states] must have 'v_C7', the state of this element"),
        (f"{ONE}R8 a 0 3*pF", "line 6: the value of R8 must be in ohm, not"),
        (f"{ONE}R8 a 0 r_x", "'r_x' is not defined"),
        ("".join(f"R{n} a 0 1*kohm\n" for n in range(40)), "netlist must have at most"),
        ("#" * 20000, "netlist must have at most 16 KiB"),
    ],
)
def test_a_bad_netlist_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(EquationError) as error:
        read(switched(text, VOLTS))
    assert message in str(error.value), str(error.value)
    assert "\n" not in str(error.value)
