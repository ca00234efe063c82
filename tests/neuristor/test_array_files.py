"""Files that describe an array neuron by neuron: what they mean, and what is refused, in one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_array

import neuristor as nr
from neuristor.array_files import read_devices, read_edges
from neuristor.design_file import load
from neuristor.fit import fit
from neuristor.golden_model.equations.neuron import alone, rate
from neuristor.sim.benches.verify import available, verify
from neuristor.sim.proofs.array import prove_array
from neuristor.sim.proofs.initial_states import initial_state
from neuristor.toml_file import DesignError

DESIGN = """
[device]
preset = "vo2-onn"
[circuit]
supply = 2.5
series_resistance = 20e3
capacitance = 100e-12
[neuron]
model = "relaxation_oscillator"
count = 4
dt = 80e-9
[stimulus]
source = "none"
ticks = 100
"""
DEVICES = "device;v_th (mV);v_hold (V)\n0;1990;1,00\n1;2010;0,99\n2;1950;1,02\n3;2001;1,01\n"
EDGES = "i,j,value (kohm)\n0,1,400\n1,2,500\n2,3,600\n0,3,1000\n"
SWITCH = '[neuron]\nmodel = "vo2_switch"\ncount = 3\n[stimulus]\nsource = "none"\nticks = 10\n'


def made(folder: Path, design: str, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "design.toml").write_text(design)
    return folder / "design.toml"


def test_measured_devices_are_those_of_the_array(tmp_path: Path) -> None:
    path = made(tmp_path, DESIGN + '[devices]\nfile = "devices.csv"\n', devices=DEVICES)
    params = load(path).params
    np.testing.assert_allclose(params.thresholds, [1.99, 2.01, 1.95, 2.001])
    np.testing.assert_allclose(params.holds, [1.0, 0.99, 1.02, 1.01])
    before = load(path).digest
    (tmp_path / "devices.csv").write_text(DEVICES.replace("2001", "2002"))
    assert load(path).digest != before


def test_any_parameter_of_a_model_from_equations_is_measured(tmp_path: Path) -> None:
    text = "r_ins (kohm),capacitance (pF),v_th (V)\n100.2,100,1.99\n110,105,2.01\n95,98,1.95\n"
    params = load(made(tmp_path, SWITCH + '[devices]\nfile = "devices.csv"\n', devices=text)).params
    assert len(params.quantised.columns) > 2
    values = {symbol.name: value for symbol, value in params.own_values.items()}
    np.testing.assert_allclose(values["r_ins"], [100.2e3, 110e3, 95e3])
    np.testing.assert_allclose(values["capacitance"], [100e-12, 105e-12, 98e-12])


def test_lif_neurons_have_measured_thresholds(tmp_path: Path) -> None:
    design = DESIGN.replace("20e3", "200e3").replace("relaxation_oscillator", "lif").replace("80e-9", "1e-6")
    text = "v_th\n1.99\n2.01\n1.95\n2.001\n"
    path = made(tmp_path, design + '[devices]\nfile = "devices.csv"\n', devices=text)
    np.testing.assert_allclose(load(path, later=True).params.thresholds, [1.99, 2.01, 1.95, 2.001])


def test_edges_have_the_values_of_the_file(tmp_path: Path) -> None:
    path = made(tmp_path, DESIGN + '[coupling]\nkind = "resistive"\nfile = "edges.csv"\n', edges=EDGES)
    coupling = load(path).params.coupling
    assert coupling is not None
    wanted = np.zeros((4, 4))
    for i, j, ohm in ((0, 1, 4e5), (1, 2, 5e5), (2, 3, 6e5), (0, 3, 1e6)):
        wanted[i, j] = wanted[j, i] = 1 / ohm
    np.testing.assert_allclose(coupling.matrix(), wanted)


def test_a_matrix_gives_the_same_edges(tmp_path: Path) -> None:
    matrix = np.array([[0, 2.0, 0], [2.0, 0, -1.0], [0, -1.0, 0]])
    mmwrite(tmp_path / "w.mtx", coo_array(matrix))
    np.savez(tmp_path / "w.npz", edges=matrix)
    for name in ("w.mtx", "w.npz"):
        found = read_edges(tmp_path / name, 3, False)
        assert found.pairs == ((0, 1), (1, 2))
        assert found.values == (2.0, -1.0)
    assert len(read_edges(tmp_path / "w.npz", 3, True).pairs) == 4


def test_a_lattice_has_a_spread_of_values(tmp_path: Path) -> None:
    text = '[coupling]\nkind = "resistive"\ntopology = "ring"\nvalue = 400e3\nvalue_d2d = 0.1\n'
    coupling = load(made(tmp_path, DESIGN + text)).params.coupling
    assert coupling is not None
    assert len(set(coupling.values)) == 4
    assert coupling.value == min(coupling.values)
    assert load(made(tmp_path, DESIGN + text)).params.coupling == coupling


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds nothing; wanted titles such as v_th, and a row for each of 4 neurons"),
        ("v_th\n1\n2\n3\n", "wanted a row for each of the 4 neurons, not 3"),
        ("v_th\n1\n2\n3\n4\n5\n", "wanted a row for each of the 4 neurons; there are more"),
        ("v_th\n1\nnan\n3\n4\n", "line 3: v_th must be a finite number, not 'nan'"),
        ("v_th (furlong)\n1\n2\n3\n4\n", "line 1: v_th: .*furlong"),
        ("v_th,v_th\n1,1\n", "line 1: v_th stands twice"),
        ("1\n2\n3\n4\n", "line 1: column 1 needs the name of a parameter, not '1'"),
        ("v_th,v_hold\n1,2\n3\n", "line 3: wanted 2 values, as there are titles, not 1"),
    ],
)
def test_wrong_files_of_devices_are_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_devices(tmp_path / "d.csv", 4)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ("0,4,1e5\n", "line 1: the ends of an edge must be neurons from 0 to 3, not 0 and 4"),
        ("0,1,1e5\n1,0,2e5\n", r"edges must hold each pair once, but \[1, 0\] occurs twice"),
        ("2,2,1e5\n", r"edges must be pairs of different oscillators from 0 to 3, not \[2, 2\]"),
        ("0,1,-1e5\n", "must be a positive number, not -100000.0"),
        ("0,1,nan\n", "line 1: the value of an edge must be a finite number, not 'nan'"),
        ("0,1,1\n", "coupling_resistance must be above"),
        ("0;1;2;3\n", "line 1: wanted the columns i, j and value, not 4 columns"),
        ("i,j,value (parsec)\n0,1,1\n", "the unit of the values: .*parsec"),
    ],
)
def test_wrong_edges_are_one_sentence(edges: str, message: str, tmp_path: Path) -> None:
    path = made(tmp_path, DESIGN + '[coupling]\nkind = "resistive"\nfile = "edges.csv"\n', edges=edges)
    with pytest.raises(DesignError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (DESIGN + '[coupling]\nkind = "resistive"\n', "wanted either file or topology"),
        (DESIGN + '[coupling]\nkind = "resistive"\ntopology = "ring"\n', "value is missing"),
        (DESIGN + '[coupling]\ntopology = "ring"\nvalue = 1.0\n', "coupling must be 'resistive' or 'capacitive'"),
        (DESIGN + '[devices]\nfile = "absent.csv"\n', "absent.csv: cannot be read"),
        (
            '[neuron]\nmodel = "hopf"\ncount = 3\n[stimulus]\nsource = "none"\nticks = 10\n[coupling]\n'
            'topology = "ring"\nvalue = 1.0\n',
            r"the model hopf has no \[coupling\]",
        ),
        (
            DESIGN.replace("count = 4", 'count = 4\ncoupling = "resistive"\ncoupling_resistance = 4e5')
            + '[coupling]\nkind = "resistive"\ntopology = "ring"\nvalue = 4e5\n',
            "has a coupling of its own",
        ),
    ],
)
def test_wrong_sections_are_one_sentence(design: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=message) as caught:
        load(made(tmp_path, design))
    assert "\n" not in str(caught.value)


def sweep(v_th: float, v_hold: float) -> str:
    """An I-V curve of a threshold switch, up and down, in steps of 1 mV."""
    up, down = np.arange(0.01, 2.5, 0.001), np.arange(2.5, 0.01, -0.001)
    on = np.concatenate([up >= v_th, down > v_hold])
    v = np.concatenate([up, down])
    return "V (V),I (A)\n" + "".join(
        f"{a:.3f},{a / (990.0 if b else 100.2e3):.6e}\n" for a, b in zip(v, on, strict=True)
    )


def test_twenty_measured_devices_become_an_array_of_twenty(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    (tmp_path / "curves").mkdir()
    thresholds = 1.99 + 0.01 * generator.standard_normal(20)
    for n, v_th in enumerate(thresholds):
        (tmp_path / "curves" / f"device_{n:02}.csv").write_text(sweep(v_th, 1.0))
    out = tmp_path / "array.toml"
    circuit = {"supply": 2.5, "series_resistance": 20e3, "capacitance": 100e-12}
    fit([tmp_path / "curves"], out=out, model="relaxation_oscillator", each=True, **circuit)
    design = load(out)
    assert design.params.count == 20
    np.testing.assert_allclose(design.params.thresholds, thresholds, atol=1.1e-3)
    assert design.params.spread.threshold_d2d == 0
    out.unlink()
    (tmp_path / "array_devices.csv").unlink()
    fit([tmp_path / "curves"], out=out, model="lif", each=True, **(circuit | {"series_resistance": 200e3}))
    np.testing.assert_allclose(load(out).params.thresholds, thresholds, atol=1.1e-3)


def test_devices_and_edges_come_from_arrays_in_python() -> None:
    vo2 = nr.circuit("vo2-onn", supply=2.5, series_resistance=20e3, capacitance=100e-12)
    ohms = np.array([[0, 4e5, 0], [4e5, 0, 8e5], [0, 8e5, 0.0]])
    v_th = [1.99, 2.0, 1.98]
    made = nr.neurons(vo2, count=3, devices={"v_th": v_th}, edges=ohms, kind="resistive")
    np.testing.assert_allclose(made.params.thresholds, v_th)
    assert made.params.coupling is not None
    np.testing.assert_allclose(made.params.coupling.matrix()[0, 1], 1 / 4e5)
    assert made.digest != nr.neurons(vo2, count=3).digest
    heat = nr.neurons(
        model="thermal_vo2", count=3, edges=np.array([[0, 1e-6, 0], [0, 0, 2e-6], [0, 0, 0]]), directed=True
    )
    assert heat.params.coupling is not None
    assert heat.params.coupling.neighbours == ((1,), (2,), ())
    run = nr.run(made, ticks=300)
    assert run.spikes.shape[1] == 3
    with pytest.raises(DesignError, match="v_th must be 3 finite numbers"):
        nr.neurons(vo2, count=3, devices={"v_th": [1.0]})
    with pytest.raises(DesignError, match="edges must be 3 by 3 finite numbers"):
        nr.neurons(vo2, count=3, edges=np.zeros((2, 2)))
    with pytest.raises(DesignError, match="the matrix must be symmetric"):
        nr.neurons(vo2, count=3, edges=np.triu(ohms), kind="resistive")


def test_the_mean_of_measured_devices_stands_for_all(tmp_path: Path) -> None:
    text = "r_ins (kohm),capacitance (pF)\n100.2,100\n110,105\n95,98\n"
    params = load(made(tmp_path, SWITCH + '[devices]\nfile = "devices.csv"\n', devices=text)).params
    same = alone(params, 5)
    values = {symbol.name: value for symbol, value in same.own_values.items()}
    assert values["capacitance"] == pytest.approx(101e-12)
    assert rate(params, np.zeros(2)).shape == (2,)


def test_devices_in_parquet_are_those_of_the_csv_file(tmp_path: Path) -> None:
    text = "device,v_th (mV),v_hold (V)\n0,1990,1.00\n1,2010,0.99\n2,1950,1.02\n"
    (tmp_path / "d.csv").write_text(text)
    columns = {"device": [0, 1, 2], "v_th": [1990.0, 2010.0, 1950.0], "v_hold": [1.0, 0.99, 1.02]}
    units = {"v_th": {"unit": "mV"}, "v_hold": {"unit": "V"}}
    schema = pa.schema(
        [pa.field(name, pa.array(each).type, metadata=units.get(name)) for name, each in columns.items()]
    )
    pq.write_table(pa.table(columns, schema=schema), tmp_path / "d.parquet")
    found, wanted = (read_devices(tmp_path / name, 3) for name in ("d.parquet", "d.csv"))
    assert list(found) == list(wanted) == ["v_th", "v_hold"]
    for name, column in wanted.items():
        np.testing.assert_array_equal(found[name], column)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"v_th": [1.0, None, 2.0]}, "line 2: v_th must be a finite number, not ''"),
        ({"v_th": ["a", "b", "c"]}, "column v_th must hold numbers, not string"),
        ({"v_th": [1.0, 2.0]}, "wanted a row for each of the 3 neurons, not 2"),
    ],
)
def test_a_wrong_parquet_file_is_one_sentence(columns: dict[str, list[Any]], message: str, tmp_path: Path) -> None:
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    with pytest.raises(ValueError, match=message):
        read_devices(tmp_path / "d.parquet", 3)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"v_th\n1\n2\n3\n"])
def test_what_is_no_parquet_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "d.parquet").write_bytes(data)
    with pytest.raises(ValueError, match="cannot be read"):
        read_devices(tmp_path / "d.parquet", 3)


def test_a_unit_of_another_quantity_is_refused(tmp_path: Path) -> None:
    columns = "r_ins (kV)\n1\n2\n3\n"
    path = made(tmp_path, SWITCH + '[devices]\nfile = "devices.csv"\n', devices=columns)
    with pytest.raises(DesignError, match=r"line 1: r_ins: it must be in kohm or the like, not in kV"):
        load(path)
    path = made(tmp_path, DESIGN + '[devices]\nfile = "devices.csv"\n', devices="v_th (mA)\n1\n2\n3\n4\n")
    with pytest.raises(DesignError, match=r"line 1: v_th: it must be in V or the like, not in mA"):
        load(path)


def test_degrees_celsius_are_kelvin(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("ambient (degC)\n20\n52\n-40\n")
    np.testing.assert_allclose(read_devices(tmp_path / "d.csv", 3)["ambient"], [293.15, 325.15, 233.15])


def test_a_column_with_the_name_of_a_state_is_where_it_begins(tmp_path: Path) -> None:
    text = "v (mV),metallic,r_ins (kohm)\n0,0,100\n500,0,101\n1900,1,99\n"
    path = made(tmp_path, SWITCH.replace("ticks = 10", "ticks = 60") + '[devices]\nfile = "d.csv"\n', d=text)
    design = load(path)
    np.testing.assert_array_equal(design.params.initial["metallic"], [0, 0, 1])
    run = nr.run(design)
    # Nearer to the threshold at first, earlier there.
    first = [times[0] if len(times) else np.inf for times in run.spike_times]
    assert first[0] > first[1]
    for ours, theirs in zip(run.spike_times, run.reference_spike_times, strict=True):
        assert len(ours) == len(theirs)
    assert design.unequal["start_v"][1] == "V"
    np.testing.assert_allclose(design.unequal["start_v"][0], [0.0, 0.5, 1.9])
    assert set(design.unequal) == {"start_v", "start_metallic", "r_ins"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v (V)\n0\n9\n0\n", "v after reset must be from -1 to 3 V, not 9 in neuron 1"),
        ("metallic\n0\n1\n0.5\n", "metallic after reset must be one of 0, 1, not 0.5 in neuron 2"),
        ("v (A)\n0\n1\n0\n", "line 1: v: it must be in V or the like, not in A"),
        ("w\n0\n1\n0\n", "the model vo2_switch has no parameter 'w'"),
    ],
)
def test_a_start_that_cannot_be_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=message):
        load(made(tmp_path, SWITCH + '[devices]\nfile = "d.csv"\n', d=text))


@pytest.mark.extended
@pytest.mark.skipif(not available("compiled"), reason="no C++ compiler")
def test_the_circuit_begins_there(tmp_path: Path) -> None:
    text = "v (mV),metallic\n0,0\n500,0\n1900,1\n"
    lanes = "[fpga]\nlanes = 2\n"
    path = made(tmp_path, SWITCH.replace("ticks = 10", "ticks = 60") + '[devices]\nfile = "d.csv"\n' + lanes, d=text)
    case = load(path).case
    verdict = verify(case, "compiled")
    assert verdict.equal, verdict.reason
    other = dataclasses.replace(case)
    (tmp_path / "d.csv").write_text(text.replace("500", "600"))
    other.__dict__["verilog"] = load(path).case.verilog
    assert not verify(other, "compiled").equal


@pytest.mark.extended
def test_the_array_is_proved_to_begin_there(tmp_path: Path) -> None:
    text = "v (mV),metallic\n0,0\n500,0\n1900,1\n"
    design = load(made(tmp_path, SWITCH + '[devices]\nfile = "d.csv"\n[fpga]\nlanes = 2\n', d=text))
    claims = list(prove_array(design.case.array(), initial_state(design.golden, design.params)))
    assert [claim.text for claim in claims if claim.tried and claim.proved is not True] == []
    assert sum("initial" in claim.text for claim in claims) >= 2
