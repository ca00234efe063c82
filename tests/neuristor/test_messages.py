"""Messages about wrong numbers of a design: the cause first, values as people write them, and what to change."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import neuristor as nr
from neuristor.commands import cli
from neuristor.design_file import DesignError, load
from neuristor.folder import OutputError, output_folder, write_file
from neuristor.golden_model.devices.threshold_switch import Circuit
from neuristor.golden_model.files import text

OSCILLATORS: dict[str, dict[str, Any]] = {
    "device": {"preset": "vo2-onn"},
    "circuit": {"supply": 2.5, "series_resistance": 20e3, "capacitance": 100e-12},
    "neuron": {"model": "relaxation_oscillator", "count": 4, "dt": 80e-9},
    "stimulus": {"source": "none", "ticks": 10},
}
LIF: dict[str, dict[str, Any]] = {
    "device": {"preset": "vo2-maffezzoni"},
    "circuit": {"supply": 1.5, "series_resistance": 20e3, "capacitance": 1e-9},
    "neuron": {"model": "lif", "count": 64, "dt": 400e-9},
    "stimulus": {"source": "digits", "frames": 2, "ticks": 10, "current": 100e-6},
}


def changed(design: dict[str, dict[str, Any]], **changes: Any) -> dict[str, dict[str, Any]]:
    made = {name: dict(section) for name, section in design.items()}
    for key, value in changes.items():
        section, _, name = key.partition("__")
        made.setdefault(section, {})[name] = value
    return made


def resistance(value: float, **more: Any) -> dict[str, Any]:
    return {"circuit__series_resistance": value, **more}


MESSAGES = [
    (OSCILLATORS, resistance(20.0), "above 1.02 kohm, or the device stays on.*, not 20 ohm; is it 20 kohm\\?$"),
    (OSCILLATORS, resistance(20.0, neuron__dt=1.0), "series_resistance must be above 1.02 kohm"),  # before dt
    (OSCILLATORS, resistance(1e3), "series_resistance must be above 1.02 kohm, .*, not 1 kohm$"),
    (
        OSCILLATORS,
        resistance(1.2e3, neuron__dt=40e-9),
        "without input it latches.*between 1.51 kohm and 25.68 kohm, not 1.2",
    ),
    (OSCILLATORS, resistance(100e3), "between 14.76 uA and 984.9 uA .*, not 0 A; without input it is silent"),
    (OSCILLATORS, {"circuit__supply": 1.0}, "needs a supply between 2.387 V and 20.99 V, not 1 V$"),
    (
        OSCILLATORS,
        {"circuit__supply": 2500.0},
        "supply must be at most 100 times V_th .199 V., not 2.5 kV; is it 2.5 V\\?$",
    ),
    (OSCILLATORS, {"circuit__capacitance": 100.0}, "capacitance must be below 1 F, not 100 F; is it 100 pF"),
    (OSCILLATORS, {"circuit__capacitance": 100e-18}, "dt must be at most 188.7 fs.*is the capacitance 100 pF\\?$"),
    (OSCILLATORS, {"neuron__dt": 80.0}, "dt must be at most 188.7 ns, .*, not 80 s; is it 80 ns\\?$"),
    (OSCILLATORS, {"neuron__dt": 80e-15}, "dt must be at least 188.7 fs, .*, not 80 fs; is it 80 ns\\?$"),
    (OSCILLATORS, {"circuit__capacitance": 100e-6}, "dt must be at least 188.7 ns, .*; is the capacitance 100 pF\\?$"),
    (OSCILLATORS, {"neuron__dt": 200e-9}, "dt must be at most 188.7 ns, .*, not 200 ns$"),
    (OSCILLATORS, {"device__v_th": 1990.0}, "v_th must be at most 1 kV, not 1.99 kV; is it 1.99 V\\?$"),
    (OSCILLATORS, {"device__v_hold": 990.0}, "v_hold must be below v_th .1.99 V., not 990 V; is it 990 mV\\?$"),
    (OSCILLATORS, {"device__r_ins": 100.0}, "r_met must be below r_ins .100 ohm., not 990 ohm; is r_ins 100 kohm\\?$"),
    (OSCILLATORS, {"number__membrane": [1, 14]}, "not 1.99 V; membrane = \\[3, 14\\] holds it$"),
    (LIF, resistance(20.0), "series_resistance must be above 495 ohm, .*, not 20 ohm; is it 20 kohm\\?$"),
    (LIF, {"circuit__supply": 3.0}, "supply must be below 2.387 V .*, not 3 V$"),
    (LIF, {"neuron__dt": 400.0}, "dt must be at most 16.67 us, the time constant, not 400 s; is it 400 ns\\?$"),
    (LIF, {"neuron__dt": 400e-15}, "so dt must be at least 10.9 ps, not 400 fs$"),
    (LIF, {"stimulus__current": 100.0}, "an input of 100 A is too large; is it 100 uA\\?"),
    (LIF, {"stimulus__current": 1e-9}, "must exceed 44.36 uA for the membrane to reach V_th .1.99 V., not 1 nA$"),
    (
        LIF,
        {"number__membrane": [1, 13]},
        "between -1 V and 999.88 mV with membrane = \\[1, 13\\], not 1.99 V; membrane = \\[3, 13\\]",
    ),
    (
        LIF,
        {"number__membrane": [3, 13], "number__drive": [1, 13]},
        "input of 100 uA is too large: drive must.*drive = \\[3, 13\\] holds it$",
    ),
    (LIF, {"device__preset": "ag-hfo2"}, "supply must be below 267 mV .*, not 1.5 V$"),
]


@pytest.mark.parametrize(("design", "changes", "message"), MESSAGES)
def test_a_message_says_the_cause_in_the_units_of_people(
    design: dict[str, dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DesignError, match=message) as raised:
        load(changed(design, **changes))
    said = str(raised.value)
    assert not re.search(r"\de[+-]\d\d", said)
    assert "SQ(" not in said


@pytest.mark.parametrize("name", ["vo2-velichko", "vo2-thermal", "vo2-onn", "vo2-mott"])
@pytest.mark.parametrize("model", ["relaxation_oscillator", "lif"])
def test_a_device_of_any_voltage_builds_with_default_words(name: str, model: str) -> None:
    switch = nr.device(name).physics.switch()
    supply = (2.0 if model == "relaxation_oscillator" else 0.9) * switch.v_th
    probe = Circuit(device=switch, supply=2 * switch.v_th, series_resistance=1e3, capacitance=1e-9)
    low, high = probe.series_resistance_window
    circuit = nr.circuit(name, supply=supply, series_resistance=(low * high) ** 0.5, capacitance=1e-9)
    array = nr.neurons(circuit, model=model, count=3)
    assert array.params.membrane.max > switch.v_th
    if name == "vo2-velichko":
        assert "endmodule" in nr.verilog(array)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(OutputError, match="made cannot be written"),
        output_folder(tmp_path / "made"),
    ):
        raise full
    with pytest.raises(ZeroDivisionError), output_folder(tmp_path / "made"):
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), output_folder(tmp_path / "made"):  # of an input
        (tmp_path / "none").read_text()
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(OutputError, match="No space left"):
        write_file(tmp_path / "file", "text")
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_system_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/report.html")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert capsys.readouterr().err == "neuristor: out/report.html: No space left on device\n"


@pytest.mark.skipif(sys.platform != "linux", reason="caches are elsewhere")
def test_a_home_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code = "import os; from neuristor.home import use_writable_home as use; use(); print(os.environ['HOME'])"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    environment |= {"HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    home = Path(done.stdout.strip())
    assert home.parent == tmp_path
    assert home.is_dir()
    assert f"cannot be written (Not a directory); caches are in {home}" in done.stderr
    environment["HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (str(tmp_path), "")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_and_designs_may_begin_with_a_mark(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes("a\r\nb\rc\n".encode(codec))
    assert text(path) == "a\nb\nc\n"
    if codec != "utf-16":  # TOML is UTF-8
        design = tmp_path / "design.toml"
        written = (
            '[device]\npreset = "vo2-onn"\n[circuit]\nsupply = 2.5\nseries_resistance = 20e3\ncapacitance = 1e-10\n'
        )
        written += (
            '[neuron]\nmodel = "relaxation_oscillator"\ncount = 2\ndt = 8e-8\n[stimulus]\nsource = "none"\nticks = 1\n'
        )
        design.write_bytes(written.encode(codec))
        assert load(design).params.count == 2
