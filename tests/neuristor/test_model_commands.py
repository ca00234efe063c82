"""Models from equations on the command line, and the page that teaches them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from neuristor.design_file import DesignError, load
from neuristor.golden_model.equations.file import model_file, shipped, shipped_model
from neuristor.hdl.neurons import neurons
from tests.neuristor.test_cli import neuristor

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "equations.md").read_text("utf-8")
OWN = ROOT / "examples" / "models" / "thermal_switch.toml"


def test_all_models_are_listed() -> None:
    done = neuristor("model", "list")
    assert done.returncode == 0
    assert all(f" {name} " in done.stdout for name in shipped())
    assert len(shipped()) == int(re.findall(r"(\d+) models come with", (ROOT / "README.md").read_text("utf-8"))[0])
    assert not set(shipped()) & {each.name for each in neurons()}


def test_a_model_is_shown_with_what_is_made_of_it() -> None:
    done = neuristor("model", "show", "fitzhugh_nagumo")
    assert done.returncode == 0, done.stderr
    for part in ("dv/dt = ", "source: R. FitzHugh", "one tick 50 us", "multiplications", "interval 16"):
        assert part in done.stdout
    code = neuristor("model", "show", "vo2_switch", "--code").stdout
    assert "def step(raw, v, metallic, lag, drive_raw):" in code
    assert "round_shift(" in code


def test_a_check_says_how_far_the_circuit_is_from_scipy() -> None:
    done = neuristor("model", "check", OWN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rate in continuous time │ 881.74 kHz" in done.stdout
    assert "longest tick within 0.25%" in done.stdout


@pytest.mark.slow
def test_a_tick_that_is_too_long_fails_the_check_and_the_longest_is_named() -> None:
    done = neuristor("model", "check", "mott_nbo2", "--tick", "0.4 ns")
    assert done.returncode == 1
    assert "longest tick within 0.25%: 50 ps" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dv/dt = ((supply", "dv/dt = ((suply", "equations, line 1: 'suply' is not defined; did you mean 'supply'"),
        ('"500 K/mW"', '"500 mW/K"', "equations, line 2: "),
        ('"26.4 mS"', '"26.4 mX"', "[parameters] g_0: 'mX' is no unit"),
        ('spread = "2 %"', 'spread = "200 %"', "spread must be from 0 to 1, or in percent"),
        ("exp(activation/T)", "log(300 - T/K)", " is not finite where T is from 290 to 2000"),
        (
            "g_0/(exp(activation/T) + limit)",
            "g_0/(T/K - 400)",
            "'T - 400' can be zero, and something is divided by it: it is from -110 to 1600",
        ),
        ("T > t_on", "T > 5000*K", "event 'switches on' never happens within the ranges"),
        ("T > t_on", "T > 1*K", "event 'switches on' always happens within the ranges"),
        ('unit = "K"', 'unit = "K"\nstrat = 3', "unknown key states.T.strat"),
        ('name = "thermal_switch"', "", "name is missing"),
        ('tick = "10 ns"', 'tick = "10 nm"', "tick: '10 nm' must have the dimension of s"),
        ("v**2*g", "v**2*__import__('os').system('ls')", "is no part of a formula"),
        ("[parameters]", "[parameters", "not a TOML file"),
    ],
)
def test_a_bad_model_file_is_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = OWN.read_text("utf-8")
    assert old in text
    file = tmp_path / "bad.toml"
    file.write_text(text.replace(old, new))
    done = neuristor("model", "check", file)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    for name in ("nosuch", tmp_path / "nosuch.toml"):
        done = neuristor("model", "show", name)
        assert done.returncode == 2
        assert "nosuch" in done.stderr
    (tmp_path / "large.toml").write_bytes(b"#" * 300_000)
    assert "must be at most" in neuristor("model", "show", tmp_path / "large.toml").stderr


def test_a_design_names_a_model_or_its_file(tmp_path: Path) -> None:
    def made(text: str) -> object:
        return load(f"[neuron]\ncount = 2\n{text}\n[stimulus]\nsource = 'none'\nticks = 5\n")

    none = {"source": "none", "ticks": 5}
    by_name = load({"neuron": {"model": "vo2_switch", "count": 2}, "stimulus": none})
    assert by_name.params.dt == pytest.approx(80e-9)
    as_it_is, changed = (
        load({"neuron": {"model": str(OWN), "count": 2, **more}, "stimulus": none}) for more in ({}, {"supply": 3.2})
    )
    assert dict(changed.params.values) == {"supply": 3.2}
    assert changed.digest != as_it_is.digest
    for text, message in (
        (f"model = '{OWN}'\nsuply = 3.0", "[neuron] unknown key 'suply'; did you mean 'supply'?"),
        (f"model = '{tmp_path}/no.toml'", "no.toml: cannot be read"),
        ("model = 'vo2_swich'", "neuron must be one of"),
        ("model = 'lif'", "[device] is missing"),
        (f"model = '{OWN}'\n[number]\ncoefficient_bits = 8", "coefficient_bits must be an integer between 12 and 25"),
        (f"model = '{OWN}'\n[variability]\nthreshold_d2d = 0.1", "threshold_d2d"),
    ):
        with pytest.raises(DesignError) as error:
            made(text)
        assert message in str(error.value), str(error.value)


def test_the_page_is_the_example() -> None:
    text = OWN.read_text("utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    own = [block for block in blocks if block.startswith(("name = ", "[parameters]"))]
    assert len(own) == 2
    for line in "".join(own).splitlines():
        assert line in text.splitlines(), line
    for block in blocks:
        tomllib.loads(block)
    assert model_file(OWN).name == "thermal_switch"
    design = (ROOT / "examples" / "own_device.toml").read_text("utf-8")
    block = next(each for each in blocks if 'model = "models/' in each)
    keys = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert all(key in design for key in keys)


def test_every_command_of_the_page_exists() -> None:
    for command in re.findall(r"^neuristor (.*)$", PAGE, re.MULTILINE):
        words = command.split()
        done = neuristor(*words[: 2 if words[0] == "model" else 1], "--help")
        assert done.returncode == 0
        for option in (word for word in words if word.startswith("--")):
            assert option in done.stdout


def test_functions_of_the_page_are_those_of_formulas() -> None:
    from neuristor.golden_model.equations.expressions import FUNCTIONS

    listed = set(re.findall(r"Functions are `([^`]*)\n?([^`]*)`", PAGE)[0])
    names = set(" ".join(listed).split())
    assert set(FUNCTIONS) - {"arctan"} <= names
    assert names - set(FUNCTIONS) <= {"sqrt", "abs", "min", "max", "clip"}


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_model_has_sources_and_an_output(name: str) -> None:
    model = shipped_model(name)
    assert model.title
    assert model.sources
    assert model.outputs
    assert model.tick is not None
