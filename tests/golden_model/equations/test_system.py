"""Models as text: what they say, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest
import sympy

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.system import read
from neuristor.golden_model.equations.text import Model, Parameter

PLAIN: dict[str, Any] = {
    "name": "leaky",
    "parameters": {"tau": {"value": "10 ms"}, "v_th": {"value": "20 mV"}, "r": {"value": "1 Mohm"}},
    "states": {"v": {"unit": "V", "start": "0 V", "range": ("-50 mV", "50 mV")}},
    "input": {"name": "i", "unit": "A", "range": ("-50 nA", "50 nA")},
    "equations": "dv/dt = (r*i - v)/tau",
    "events": ({"when": "v > v_th", "do": ("v = 0*V",), "spike": True},),
}


def changed(**parts: Any) -> Model:
    return Model.model_validate({**PLAIN, **parts})


def test_a_model_has_its_derivatives_events_and_values() -> None:
    system = read(changed())
    tau, r, i, v = (sympy.Symbol(name, real=True, positive=True) for name in ("tau", "r", "i", "v"))
    values = {tau: 0.01, r: 1e6}
    given = system.derivatives["v"].subs(
        {system.states["v"].symbol: v, system.input.symbol: i, **{s: s for s in ()}}  # type: ignore[union-attr]
    )
    assert float(given.subs({v: 0.01, i: 3e-8} | {s: values[s] for s in (tau, r)})) == pytest.approx(
        (0.03 - 0.01) / 0.01
    )
    (event,) = system.events
    assert event.spike
    assert event.assignments == {"v": 0}
    assert system.values[sympy.Symbol("v_th", real=True, positive=True)] == 0.02


def test_definitions_functions_and_lines_that_go_on() -> None:
    text = """
    dv/dt = (target(i) - v)/tau  # to its target
    target(x) = shifted(r*x,
        1*mV)
    shifted(y, z) = clip(y + z, -40*mV, 40*mV)
    """
    text = "\n".join(line[4:] for line in text.splitlines())
    system = read(changed(equations=text))
    assert {str(each) for each in system.derivatives["v"].free_symbols} == {"v", "i", "r", "tau"}


def test_a_parameter_is_its_value_where_nothing_else_is_said() -> None:
    short = changed(parameters={"tau": "10 ms", "r": "1 Mohm", "v_th": 0.02})
    assert short.parameters["tau"] == Parameter(value="10 ms")
    assert short.parameters["v_th"].value == 0.02


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"behaviours": {"rest": {"input": (("1 ms", "1 nA"),), "shows": "quiet"}}},
            r"\[behaviours\] rest: shows must be among silence, one spike,",
        ),
        (
            {"behaviours": {"rest": {"input": (("1 ms", "1 uA"),), "shows": "silence"}}},
            r"\[behaviours\] rest: the input must be from -50 nA to 50 nA, not '1 uA'",
        ),
        (
            {"behaviours": {"rest": {"input": (("1 mV", "1 nA"),), "shows": "silence"}}},
            r"\[behaviours\] rest: ",
        ),
        (
            {"behaviours": {"rest": {"input": (("1 ms", 0),), "shows": "silence", "parameters": {"taau": 1}}}},
            r"\[behaviours\] rest: there is no parameter 'taau'",
        ),
        ({"equations": "dv/dt = (r*i - v)/tua"}, "equations, line 1: 'tua' is not defined; did you mean 'tau'"),
        ({"equations": "dv/dt = (r*i - v)/r"}, "must be V/s, but it is"),
        ({"equations": "dv/dt = (i - v)/tau"}, "'i - v' subtracts A and V"),
        ({"equations": "dv/dt = r*i/tau*exp(v)"}, "the argument of exp must have no unit, but 'v' is V"),
        ({"equations": "dv/dt = x/tau\nx = y\ny = x"}, "x is defined by itself: x -> y -> x"),
        ({"equations": "dv/dt = f(v)/tau\nf(x) = f(x)"}, "f is defined by itself"),
        ({"equations": "dv/dt = v^2/tau/V"}, "a power is written v\\*\\*2, not v\\^2"),
        ({"equations": "dv/dt = __import__('os').system('ls')"}, "is no part of a formula"),
        ({"equations": "dv/dt = (r*i - v)/tau\ndu/dt = 1"}, "line 2: 'u' is no state; there are v"),
        ({"equations": "w = v"}, "must have a line 'dv/dt = ...'"),
        ({"equations": "dv/dt = (r*i - v)/tau\nw ="}, "line 2: wanted 'dv/dt = ...'"),
        ({"equations": "dv/dt = (r*i - v)/tau\ntau = 1*s"}, "line 2: 'tau' is defined twice"),
        ({"equations": "dv/dt = (r*i - v)/tau\nexp(x) = x"}, "has a meaning of its own"),
        ({"equations": "dv/dt = v/(tau*(r - r)/r)"}, "divides by zero"),
        ({"equations": "dv/dt = v/tau*9**9**9"}, "an exponent must be from -64 to 64"),
        ({"equations": "dv/dt = (" * 300 + "v"}, "is no formula"),
        ({"equations": "dv/dt = v/tau" + " + v/tau" * 800}, "at most 4000 characters"),
        ({"equations": "# \n" * 30_000}, "at most 64 KiB"),
        ({"equations": "dv/dt = log(-1)*V/s"}, "log\\(-1\\) is no finite real number"),
        ({"equations": "dv/dt = min(v)/tau"}, "min must have 2 arguments, not 1"),
        ({"equations": "dv/dt = (v if v else i)/tau"}, "'v' is a quantity; wanted a condition"),
        ({"equations": "dv/dt = exp/tau*V"}, "exp is a function: wanted its arguments"),
        ({"events": ({"when": "v", "spike": True},)}, "'v' is a quantity; wanted a condition such as v > v_th"),
        ({"events": ({"when": "v > i", "spike": True},)}, "'v > i' compares V and A"),
        ({"events": ({"when": "1 > 0", "spike": True},)}, "becomes true always"),
        ({"events": ({"when": "v > v_th", "do": ("u = 1",)},)}, "wanted 'name = formula' with a state"),
        ({"events": ({"when": "v > v_th", "do": ("v = 1*A",)},)}, "'1\\*A' must be V, but it is A"),
        ({"events": ({"when": "v > v_th", "do": ("v = 0*V", "v = 1*V")},)}, "v is assigned twice"),
        ({"events": ({"when": "v > v_th"},)}, "wanted assignments \\(do\\) or spike = true"),
        ({"events": ({"spike": True},)}, "wanted either when or rate"),
        ({"states": {"v": {"unit": "V", "range": ("50 mV", "-50 mV")}}}, "the first value must be below the second"),
        ({"states": {"v": {"unit": "V", "range": ("-50 A", "50 mV")}}}, "'-50 A' must be V, not A"),
        ({"parameters": {"tau": {"value": "10 xs"}}}, "\\[parameters\\] tau: 'xs' is no unit"),
        ({"parameters": {"exp": {"value": 1}}}, "'exp' has a meaning of its own"),
        ({"parameters": {"v": {"value": 1}}}, "'v' is defined twice"),
        ({"name": "a b"}, "'a b' must be a name"),
        ({"outputs": ("w",)}, "outputs must be states or discrete values \\(v\\), not 'w'"),
        ({"method": "magic"}, "method must be auto or euler, not 'magic'"),
        ({"discrete": {"d": {"values": (0,)}}}, "values must be 2 to 16 different integers"),
        ({"discrete": {"d": {}}}, "wanted either values or range"),
    ],
)
def test_what_is_wrong_is_one_sentence(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(EquationError, match=message) as found:
        read(changed(**parts), "model.toml")
    assert str(found.value).startswith("model.toml: ")
    assert "\n" not in str(found.value)
