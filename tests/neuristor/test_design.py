from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from neuristor.design_file import DesignError, key_table, load

EXAMPLE = Path(__file__).parents[2] / "examples" / "vo2_lif_digits.toml"
TEXT = EXAMPLE.read_text("utf-8")


def write(folder: Path, text: str) -> Path:
    path = folder / "design.toml"
    path.write_text(text, "utf-8")
    return path


def changed(key: str, value: str) -> str:
    """The example with one key changed."""
    text, hits = re.subn(rf"^{key} = [^#\n]*", f"{key} = {value} ", TEXT, flags=re.MULTILINE)
    assert hits >= 1
    return text


def test_main_example_loads() -> None:
    design = load(EXAMPLE)
    assert design.name == "vo2_lif_digits"
    assert design.drive_raw.shape == (20_000, 64)
    assert design.params.count == 64
    assert len(design.stimulus.labels) == 200


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my design (1).toml", "my_design_1"),
        ("3x.toml", "design_3x"),
        ("module.toml", "design_module"),
        ("größe.toml", "gr_e"),
        ("../x.toml", "x"),
    ],
)
def test_any_file_name_gives_a_verilog_name(tmp_path: Path, file: str, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / file).write_text(TEXT, "utf-8")
    assert load(folder / file).name == name


def test_digest_follows_the_file(tmp_path: Path) -> None:
    same, other = tmp_path / "a", tmp_path / "b"
    for folder in (same, other):
        folder.mkdir()
    assert load(write(same, TEXT)).digest == load(EXAMPLE).digest
    assert load(write(other, changed("seed", "2"))).digest != load(EXAMPLE).digest


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("supply", "nan", "[circuit] supply must be supply voltage in volt, 0 or more, not nan"),
        ("supply", "2.5", "supply must be below 2.387 V for a neuron that is silent without input, not 2.5 V"),
        ("series_resistance", "-20e3", "[circuit] series_resistance must be series resistance in ohm, above 0"),
        ("capacitance", '"1 nF"', "[circuit] capacitance must be capacitance in farad, above 0, not '1 nF'"),
        (
            "preset",
            '"vo3"',
            "[device] preset must be one of vo2-maffezzoni, vo2-onn, vo2-velichko, vo2-thermal, vo2-mott,",
        ),
        ("count", "0", "[neuron] count must be an integer number of neurons, 1 to 65536, not 0"),
        ("count", "1_000_000", "[neuron] count must be an integer number of neurons, 1 to 65536, not 1000000"),
        ("count", "63", "[stimulus] source 'digits' has 8 x 8 pixels: [neuron] count must be 64, not 63"),
        ("count", "true", "[neuron] count must be an integer number of neurons, 1 to 65536, not True"),
        ("dt", "20e-6", "dt must be at most 16.67 us, the time constant, not 20 us"),
        ("model", '"hodgkin"', "[neuron] neuron must be one of lif, relaxation_oscillator, hodgkin_huxley,"),
        ("membrane", "[1, 13]", "threshold must be between -1 V and 999.88 mV with membrane = [1, 13], not 1.99 V"),
        ("membrane", "[3, 13, 1]", "[number] membrane must be [integer bits with the sign, fraction bits]"),
        ("drive", "[3, 12]", "drive must have the 13 fraction bits of membrane, not 12"),
        ("coefficient_bits", "30", "[number] coefficient_bits must be bits of coefficients, 4 to 18"),
        ("current", "1e-6", "[stimulus] the strongest input must exceed 44.36 uA for the membrane to reach V_th"),
        (
            "current",
            "1.0",
            "[stimulus] an input of 1 A is too large; is it 1 uA? drive must be between -4 V and 3.9999 V",
        ),
        ("frames", "5000", "[stimulus] frames must be at most 1797, not 5000"),
        ("source", '"missing.csv"', "[stimulus] "),
        ("lanes", "65", "[fpga] lanes must be between 1 and [neuron] count (64), not 65"),
        ("boards", '["icebraker"]', "[fpga] boards must be among icebreaker, ulx3s-85f"),
        ("threshold_c2c", "0.3", "threshold_d2d and threshold_c2c must leave every threshold above hold"),
        ("icebreaker", "13e6", "[fpga] icebreaker cannot make 13 MHz from its 12 MHz pin: the nearest it can make is"),
        ("icebreaker", "-1.0", "[fpga] clock_hz.icebreaker must be a clock in hertz, above 0"),
    ],
)
def test_bad_value_is_one_sentence(tmp_path: Path, key: str, value: str, message: str) -> None:
    with pytest.raises(DesignError) as caught:
        load(write(tmp_path, changed(key, value)))
    assert str(caught.value).startswith(f"{tmp_path / 'design.toml'}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("series_resistance", "sery_resistance", "[circuit] unknown key 'sery_resistance'; did you mean 'series_res"),
        ("[circuit]", "[circiut]", "unknown section 'circiut'; did you mean 'circuit'?"),
        ("count = ", "cuont = ", "[neuron] unknown key 'cuont'; did you mean 'count'?"),
        ("dt = 400e-9", "dt = 400e-9\nresett = 1", "[neuron] unknown key 'resett'; did you mean 'reset'?"),
        ("dt = 400e-9", 'dt = 400e-9\nreset = "zero"', "[neuron] reset: "),
        ("dt = 400e-9", "dt = 400e-9\nrefractory = -1.0", "refractory must be zero or a positive number, not -1.0"),
        ("capacitance = 1e-9", "", "[circuit] capacitance is missing: capacitance in farad, above 0"),
        (
            'preset = "vo2-maffezzoni"',
            "v_th = 2.0",
            "[device] r_ins is missing (and r_met, v_hold): insulating resistance in ohm",
        ),
        ('"vo2-maffezzoni"', '"vo2-maffezzoni"\nv_hold = 2.5', "[device] v_hold must be below v_th (1.99 V), not 2.5"),
        ("supply = 1.5", "supply = = 1.5", "not a TOML file"),
        ("[device]", "circuit = 3\n[device]", "not a TOML file"),
        ("[neuron]", "[network]", "this is a spiking network; its commands are those of neuristor snn"),
        ("seed = 1", "seed = 1\n[other]", "unknown section 'other'; known sections are device"),
    ],
)
def test_bad_structure_is_one_sentence(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in TEXT
    with pytest.raises(DesignError) as caught:
        load(write(tmp_path, TEXT.replace(before, after, 1)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="cannot be read"):
        load(tmp_path / "nothing.toml")
    with pytest.raises(DesignError, match="cannot be read"):
        load(tmp_path)


CSV = """
[device]
preset = "vo2-maffezzoni"
[circuit]
supply = 1.5
series_resistance = 20e3
capacitance = 1e-9
[neuron]
count = 3
dt = 1e-6
[stimulus]
source = "currents.csv"
ticks = 20
"""


def test_currents_from_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "currents.csv").write_text("a,b,c\n1e-5,5e-5,9e-5\n\n0,0,1e-4\n")
    design = load(write(tmp_path, CSV))
    assert np.allclose(design.stimulus.current, [[1e-5, 5e-5, 9e-5], [0, 0, 1e-4]])
    assert design.drive_raw.shape == (40, 3)
    digest = design.digest
    (tmp_path / "currents.csv").write_text("1e-5,5e-5,9e-5\n")
    assert load(write(tmp_path, CSV)).digest != digest


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-8"])
@pytest.mark.parametrize(
    "text",
    [
        "1e-5,5e-5,9e-5\n0,0,1e-4\n",
        "a;b;c\r\n1e-5;5e-5;9e-5\r\n0;0;1e-4\r\n",
        "a;b;c\n0,00001;5,0e-5;9e-5\n0;0;0,0001\n",
        "1e-5\t5e-5\t9e-5\n0\t0\t1e-4\n",
        "a\tb\tc\n0,00001\t5e-5\t9e-5\n0,0\t0\t1e-4\n",
    ],
)
def test_currents_as_other_programs_write_them(text: str, codec: str, tmp_path: Path) -> None:
    (tmp_path / "currents.csv").write_bytes(text.encode(codec))
    assert np.allclose(load(write(tmp_path, CSV)).stimulus.current, [[1e-5, 5e-5, 9e-5], [0, 0, 1e-4]], rtol=1e-12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must hold at least one row of 3 currents; it holds none"),
        (b"a,b,c\n", "must hold at least one row of 3 currents; it holds none"),
        (b"1e-5,nan,9e-5\n", "line 1, column 2: wanted a finite current in ampere, not 'nan'"),
        (b"1e-5,1e-5,1e-5\n1e-5,inf,9e-5\n", "line 2, column 2: wanted a finite current in ampere, not 'inf'"),
        (b"1e-5,1e-5,1e-5\n1e-5,x,9e-5\n", "line 2, column 2: wanted a finite current in ampere, not 'x'"),
        (b"1e-5,1e-5,1e-5\n1e-5,9e-5\n", "line 2: wanted 3 currents, one for each neuron, not 2"),
        (b"\xff\xfe\x00", "must be a CSV file in UTF-8"),
        (b"1e-5,5e-5,1e-1\n", "drive must be between"),
    ],
)
def test_bad_csv_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "currents.csv").write_bytes(content)
    with pytest.raises(DesignError) as caught:
        load(write(tmp_path, CSV))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_huge_csv_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "currents.csv").open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(DesignError, match=r"must be at most 64 MiB, not 200\.0 MiB"):
        load(write(tmp_path, CSV))


def test_document_lists_every_key() -> None:
    document = (Path(__file__).parents[2] / "docs" / "design-file.md").read_text("utf-8")
    for section, key, default, meaning in key_table():
        assert f"| `[{section}]` | `{key}` | {default} | {meaning} |" in document


OSCILLATORS = (EXAMPLE.parent / "vo2_coupled_oscillators.toml").read_text("utf-8")
THERMAL = (
    (EXAMPLE.parent / "vo2_thermal_oscillators.toml")
    .read_text("utf-8")
    .replace('"vo2_thermal_oscillators.csv"', '"none"')
)
PULSED = (EXAMPLE.parent / "hzo_afefet_lif.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (OSCILLATORS, "coupling_resistance = 50e3", "", "coupling_resistance is missing: coupling is 'resistive'"),
        (OSCILLATORS, "coupling_resistance = 50e3", "coupling_resistance = 5e1", "coupling_resistance must be above"),
        (OSCILLATORS, '"all_to_all"', '"star"', "[neuron] topology: input should be 'all_to_all', 'ring'"),
        (OSCILLATORS, '"all_to_all"', '"torus"', "columns must split the 16 oscillators of a torus into full rows"),
        (OSCILLATORS, "dt = 20e-9", "dt = 20e-6", "dt must be at most 1.324 us, twice the shortest time constant"),
        (OSCILLATORS, "series_resistance = 2e3", "series_resistance = 2e5", "for the circuit to oscillate, not 0 A"),
        (OSCILLATORS, "threshold_d2d = 0.002", "stuck_on = 0.7\ndead = 0.6", "must together be at most 1, not 1.2"),
        (OSCILLATORS, "threshold_d2d = 0.002", "temperature = 350.0", "must be below the transition temperature"),
        (
            OSCILLATORS,
            "threshold_d2d = 0.002",
            "temperature = -3.0",
            "temperature must be ambient temperature in kelvin, above 0",
        ),
        (THERMAL, 'preset = "vo2-thermal"', 'preset = "vo2-thermal"\nv_th = 2.0', "[device] unknown key 'v_th'"),
        (THERMAL, 'preset = "vo2-thermal"', 'preset = "vo2-thermal"\nbeta = "x"', "[device] beta must be a number"),
        (THERMAL, 'preset = "vo2-thermal"', 'preset = "vo2-thermal"\nkind = "mott"', "must be that of the preset"),
        (THERMAL, 'preset = "vo2-thermal"', 'kind = "thermal"', "[device] kind must be one of threshold_switch,"),
        (THERMAL, 'preset = "vo2-thermal"', 'preset = "v-alox"', "[device] r_ins is missing (and r_met, v_hold)"),
        (PULSED, "pulse_voltage = 3.0", "", "[circuit] pulse_voltage is missing"),
        (
            PULSED,
            "pulse_voltage = 3.0",
            "supply = 3.0",
            "supply has no meaning for a device of the kind antiferroelectric",
        ),
        (PULSED, 'model = "lif"', 'model = "relaxation_oscillator"', "needs [neuron] model = 'lif'"),
        (PULSED, "threshold_d2d = 0.039", "hold_d2d = 0.1", "hold_d2d must be 0 in the model lif"),
    ],
)
def test_bad_oscillators_and_devices_are_one_sentence(
    tmp_path: Path, text: str, old: str, new: str, message: str
) -> None:
    assert old in text
    with pytest.raises(DesignError, match=r"design\.toml: ") as error:
        load(write(tmp_path, text.replace(old, new)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_temperature_moves_the_thresholds(tmp_path: Path) -> None:
    cold = load(write(tmp_path, OSCILLATORS)).circuit.device
    warm = load(write(tmp_path, OSCILLATORS.replace("threshold_d2d = 0.002", "temperature = 305.0"))).circuit.device
    ratio = ((341 - 305) / (341 - 300)) ** 0.5
    assert warm.v_th == pytest.approx(ratio * cold.v_th, rel=2e-3)
    assert warm.v_hold == pytest.approx(ratio * cold.v_hold, rel=2e-3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "temperature = 325.0",
            "threshold_d2d = 0.1",
            "[variability] threshold_d2d has a meaning for a two-state switch only",
        ),
        (
            "count = 16 ",
            'coupling = "resistive"\ncount = 16 ',
            "[neuron] coupling has a meaning for a two-state switch only",
        ),
        ("count = 16 ", "bet = 3.0\ncount = 16 ", "[neuron] unknown key 'bet'; did you mean 'beta'?"),
        ("supply = 12.0 ", "", "[circuit] supply is missing: supply voltage in volt"),
        ("relaxation_oscillator", "lif", "[neuron] dt is missing: time step (tick) in second"),
        ('preset = "vo2-thermal"', 'preset = "vo2-onn"\ndynamics = "own"', "dynamics = 'own' needs [neuron] model"),
        ('preset = "vo2-thermal"', 'preset = "vo2-thermal"\ndynamics = "mine"', "[device] dynamics must be own"),
        ('source = "none"', 'source = "none"\ncurrent = 2.0', ""),
    ],
)
def test_bad_keys_of_own_equations_are_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in THERMAL
    text = THERMAL.replace(old, new)
    if not message:
        assert load(write(tmp_path, text)).golden.name == "thermal_vo2"
        return
    with pytest.raises(DesignError, match=r"design\.toml: ") as error:
        load(write(tmp_path, text))
    assert message in str(error.value)


def test_numbers_override_those_of_the_preset(tmp_path: Path) -> None:
    design = load(write(tmp_path, THERMAL.replace('preset = "vo2-thermal"', 'preset = "vo2-thermal"\nwidth = 6.0')))
    assert design.device.width == 6.0
    own = dict(design.params.values)  # what differs from the equations' values
    assert own["width"] == 6.0
    preset = 'preset = "vo2-thermal"'
    two_state = THERMAL.replace(preset, f'{preset}\ndynamics = "two_state"')
    two_state = two_state.replace("count = 16 ", "count = 16\ndt = 20e-9 ").replace("interval = 4", "interval = 1")
    narrow = load(write(tmp_path, two_state.replace(preset, f"{preset}\nwidth = 6.0")))
    assert narrow.circuit.device.v_th != load(write(tmp_path, two_state)).circuit.device.v_th
