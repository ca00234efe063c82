"""Compact models in Verilog-A: their equations, their rates by another simulator, and what cannot be taken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuristor.golden_model.equations.expressions import EquationError
from neuristor.golden_model.equations.file import model_file
from neuristor.golden_model.equations.functions import compiled
from neuristor.golden_model.equations.judge import judge
from neuristor.golden_model.equations.neuron import model_of, system_of
from neuristor.golden_model.equations.verilog_a import verilog_a

pytest.importorskip("openvaf_py")

EXAMPLES = Path(__file__).parents[3] / "examples" / "models"
HEAD = '`include "disciplines.vams"\n'
THERMAL = """
module heated(p, n);
  inout p, n; electrical p, n, h;     // the voltage of h is the temperature above 300 K
  parameter real g_0 = 26.4e-3, activation = 2500, limit = 26, r_th = 5e5, c_th = 40e-15;
  real g, hot;
  analog begin
    hot = V(h) + 300;
    g = g_0/(exp(activation/hot) + limit);
    I(p,n) <+ g*V(p,n);
    I(h) <+ c_th*ddt(V(h)) + V(h)/r_th - g*V(p,n)*V(p,n);
  end
endmodule
"""
BRANCHES = """
module branches(p, n);
  inout p, n; electrical p, n, w;
  parameter real tau = 20n, v_on = 2.0, v_off = 1.0, c_p = 5p;
  real goal, g;
  analog begin
    if (V(p,n) > v_on) goal = 1;
    else if (V(p,n) < v_off) goal = 0;
    else goal = V(w) > 0.5 ? 1 : 0;
    I(w) <+ tau*ddt(V(w)) + V(w) - goal;
    g = 1e-5 + V(w)*1e-3;
    I(p,n) <+ g*V(p,n) + c_p*ddt(V(p,n));
  end
endmodule
"""
CURVED = """
module curved(p, n);
  inout p, n; electrical p, n, w;
  parameter real tau = 20n, v_on = 2.0, c_p = 5p, slope = 12;
  analog begin
    I(w) <+ tau*ddt(V(w)) + V(w) - 0.5*(1 + tanh(slope*(V(p,n) + V(w) - v_on)));
    I(p,n) <+ 4u*sinh(V(p,n)/0.9) + 1m*V(w)*V(p,n) + c_p*ddt(V(p,n));
  end
endmodule
"""
CIRCUIT = """
name = "{name}"
outputs = ["v", "{state}"]
tick = "{tick}"
equations = "dv/dt = ((supply - v)/series_resistance - device_current)/(capacitance + device_capacitance)"
verilog_a.file = "{name}.va"
parameters.supply.value = "{supply} V"
parameters.series_resistance.value = "{resistance} ohm"
parameters.capacitance.value = "100 pF"
states.v = {{ unit = "V", range = ["0 V", "4 V"] }}
states.{state} = {{ range = [{low}, {high}] }}
events = [{{ when = "{state} > {on}", spike = true }}]
"""
CASES = {
    "smooth_switch": ((EXAMPLES / "smooth_switch.va").read_text(), "m", "2 ns", 4.0, 20e3, -0.1, 1.1, 0.5),
    "heated": (HEAD + THERMAL, "h", "10 ns", 3.5, 10e3, -10, 1700, 200),
    "curved": (HEAD + CURVED, "w", "2 ns", 4.0, 20e3, -0.1, 1.1, 0.5),
}


def written(folder: Path, name: str) -> Path:
    text, state, tick, supply, resistance, low, high, on = CASES[name]
    (folder / f"{name}.va").write_text(text)
    file = folder / f"{name}.toml"
    made = CIRCUIT.format(
        name=name, state=state, tick=tick, supply=supply, resistance=resistance, low=low, high=high, on=on
    )
    file.write_text(made)
    return file


def by_vacask(folder: Path, name: str, duration: float, step: float) -> float:
    """The rate of the same circuit by VACASK, in hertz."""
    program = shutil.which("vacask", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("vacask is not installed")
    _, _, _, supply, resistance, *_ = CASES[name]
    deck = f"""Oscillator
load "{name}.va"
load "resistor.osdi"
load "capacitor.osdi"
ground 0
model vsource vsource
model resistor resistor
model capacitor capacitor
model device {name}
vdd (in 0) vsource dc={supply}
r1 (in a) resistor r={resistance}
c1 (a 0) capacitor c=100p
x1 (a 0) device
control
  options rawfile="ascii"
  save v(a)
  analysis run tran step={step} stop={duration} maxstep={step} icmode="uic"
endc
"""
    (folder / "deck.sim").write_text(deck)
    done = subprocess.run([program, "deck.sim"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    values = (folder / "run.raw").read_text().split("Values:")[1].split()
    time, volts = np.array(values, dtype=np.float64).reshape(-1, 3)[:, 1:].T
    half = len(volts) // 2
    level = (volts[half:].min() + volts[half:].max()) / 2
    k = np.flatnonzero((volts[:-1] < level) & (volts[1:] >= level))
    times = time[k] + (level - volts[k]) / (volts[k + 1] - volts[k]) * (time[k + 1] - time[k])
    late = times[len(times) // 2 :]
    return float((len(late) - 1) / (late[-1] - late[0]))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_rates_are_those_of_vacask_with_the_same_file(tmp_path: Path, name: str) -> None:
    model = model_of(model_file(written(tmp_path, name)))
    assert model.own_tick is not None
    found = judge(model.from_circuit(None, count=1, dt=model.own_tick))
    assert found.saturations == 0
    assert abs(found.error) < 0.005, found
    wanted = by_vacask(tmp_path, name, 24 / found.exact, 5e-10)
    assert found.exact == pytest.approx(wanted, rel=0.005)
    assert found.bit_true == pytest.approx(wanted, rel=0.005)


def test_a_module_is_parameters_states_and_lines(tmp_path: Path) -> None:
    made = verilog_a(EXAMPLES / "smooth_switch.va")
    assert made.name == "smooth_switch"
    assert made.parameters["r_ins"] == 100e3
    assert made.states == ("m",)
    assert any(line.startswith("dm/dt = ") for line in made.lines)
    model = model_file(EXAMPLES / "smooth_switch.toml")
    assert model.parameters["supply"].value == "4 V"
    assert model.parameters["slope"].value == 20
    changed = tmp_path / "changed.toml"
    text = (EXAMPLES / "smooth_switch.toml").read_text()
    file = f'file = "{EXAMPLES / "smooth_switch.va"}"'
    changed.write_text(
        text.replace('file = "smooth_switch.va"', file).replace("[parameters]", "[parameters]\nslope = { value = 30 }")
    )
    assert model_file(changed).parameters["slope"].value == 30


def test_branches_of_a_module_are_choices(tmp_path: Path) -> None:
    (tmp_path / "branches.va").write_text(HEAD + BRANCHES)
    file = tmp_path / "branches.toml"
    file.write_text(
        CIRCUIT.format(name="branches", state="w", tick="1 ns", supply=4, resistance=20e3, low=-0.1, high=1.1, on=0.5)
    )
    system = system_of(model_file(file))
    v, w = (system.states[name].symbol for name in ("v", "w"))
    rate = compiled([v, w], [system.derivatives["w"]], system.values)
    for volts in (0.5, 0.99, 1.01, 1.5, 1.99, 2.01, 3.0):
        for inner in (0.1, 0.49, 0.51, 0.9):
            goal = 1 if volts > 2 else 0 if volts < 1 else int(inner > 0.5)
            assert float(rate(volts, inner)[0]) == pytest.approx((goal - inner) / 20e-9)


BODY = "module t(p,n); inout p,n; electrical p,n,m; analog begin\n{}\nend endmodule\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BODY.format("I(p,n) <+ transition(V(p,n), 0, 1n);"), "line 3: "),
        (BODY.format("@(cross(V(p,n) - 1, 1)); I(p,n) <+ V(p,n);"), "line 3: unexpected token"),
        (BODY.format("I(p,n) <+ $realtime*V(p,n);"), "line 3: '$realtime' was not found"),
        (BODY.format("V(p,n) <+ I(p,n);"), "equations have no BranchCurrent"),
        (BODY.format("I(p,n) <+ idt(V(p,n));"), "equations have no Implicit"),
        (BODY.format("I(p,n) <+ V(m); I(m) <+ V(m) - V(p,n);"), "the node 'm' must have a ddt() of its voltage"),
        (BODY.format("I(p,n) <+ V(m); I(m,p) <+ ddt(V(m,p)) + V(m);"), "must not depend on the voltage of"),
        ("module t(p,n,q); inout p,n,q; electrical p,n,q; analog I(p,n) <+ V(q); endmodule", "must have two terminals"),
        ("no Verilog", "line 2: "),
    ],
)
def test_what_cannot_be_taken_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.va"
    file.write_text(HEAD + text)
    with pytest.raises(EquationError) as error:
        verilog_a(file)
    assert message in str(error.value), str(error.value)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_files_that_are_missing_or_large(tmp_path: Path) -> None:
    with pytest.raises(EquationError, match="no such file"):
        verilog_a(tmp_path / "no.va")
    (tmp_path / "large.va").write_bytes(b"/" * 300_000)
    with pytest.raises(EquationError, match="must be at most 256 KiB"):
        verilog_a(tmp_path / "large.va")
    with pytest.raises(EquationError, match="there is no module 'other'"):
        verilog_a(EXAMPLES / "smooth_switch.va", "other")
