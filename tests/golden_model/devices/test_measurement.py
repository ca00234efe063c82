from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuristor.golden_model.devices.fit import fit_iv, fit_transient
from neuristor.golden_model.devices.measurement import MAX_BYTES, Measurement, read
from tests.data import make

DATA = Path(make.__file__).parent
FILES = ("easyexpert.csv", "clarius.csv", "sourcemeter.csv", "semicolon.csv", "scope.csv", "scope.tsv", "rigol.csv")
IV = "V,I\n" + "".join(f"{v / 10},{v * 1e-6}\n" for v in (*range(10), *range(10, -1, -1)))


def save(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(measurement: Measurement) -> tuple[list[float], list[float]]:
    current = [i for sweep in measurement.sweeps for i in (sweep.current if sweep.current is not None else [])]
    return np.concatenate([sweep.voltage for sweep in measurement.sweeps]).tolist(), current


def test_files_are_what_the_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "HERE", tmp_path)
    make.main()
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "kind", "sweeps", "first_line"),
    [
        ("easyexpert.csv", "iv", 4, 11),
        ("clarius.csv", "iv", 6, 2),
        ("sourcemeter.csv", "iv", 3, 2),
        ("semicolon.csv", "iv", 3, 2),
        ("scope.csv", "transient", 1, 7),
        ("scope.tsv", "transient", 1, 2),
        ("rigol.csv", "transient", 1, 3),
    ],
)
def test_every_format(name: str, kind: str, sweeps: int, first_line: int) -> None:
    found = read(DATA / name)
    assert (found.kind, len(found.sweeps), found.sweeps[0].source_line) == (kind, sweeps, first_line)


def test_units_and_decimal_commas_give_the_same_curve() -> None:
    plain, comma = read(DATA / "sourcemeter.csv"), read(DATA / "semicolon.csv")
    for one, other in zip(plain.sweeps, comma.sweeps, strict=True):
        np.testing.assert_array_equal(one.voltage, other.voltage)
        np.testing.assert_allclose(one.current, other.current, rtol=1e-5, atol=1e-11)
        np.testing.assert_allclose(one.time, other.time, rtol=1e-9)


def test_scopes_give_the_same_waveform() -> None:
    one, two, three = (read(DATA / name).sweeps[0] for name in ("scope.csv", "scope.tsv", "rigol.csv"))
    np.testing.assert_allclose(one.voltage, two.voltage, atol=1e-5)
    np.testing.assert_array_equal(one.voltage, three.voltage)
    np.testing.assert_allclose(one.time, two.time, atol=1e-10)
    np.testing.assert_allclose(one.time, three.time, atol=1e-15)
    assert one.supply == pytest.approx(4.0, abs=1e-3)
    assert two.supply is None


def test_both_polarities_alternate() -> None:
    tops = [float(sweep.voltage[np.argmax(np.abs(sweep.voltage))]) for sweep in read(DATA / "clarius.csv").sweeps]
    assert tops == pytest.approx([2.4, -2.4] * 3)


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("Voltage (mV),Current [nA]", (1e-3, 1e-9)),
        ("V_uV,I_mA", (1e-6, 1e-3)),
        ("AnodeV,AnodeI", (1.0, 1.0)),
        ("Bias/V,Strom/µA", (1.0, 1e-6)),
        ("Vforce,Imeas (pA)", (1.0, 1e-12)),
        ("VOLT,CURR\nmV,uA", (1e-3, 1e-6)),
        ("x (V),y (A)", (1.0, 1.0)),
    ],
)
def test_units_from_names(tmp_path: Path, header: str, factor: tuple[float, float]) -> None:
    sweep = read(save(tmp_path, IV.replace("V,I", header))).sweeps[0]
    assert sweep.current is not None
    assert sweep.voltage.max() == pytest.approx(factor[0])
    assert sweep.current.max() == pytest.approx(1e-5 * factor[1])


def test_columns_are_chosen_by_data(tmp_path: Path) -> None:
    lines = ["V1,V2,I2,I1,R", *(f"0.001,{v / 10},{-v * 1e-6},{v * 1e-6},nan" for v in (*range(10), *range(10, -1, -1)))]
    v, i = rows(read(save(tmp_path, "\n".join(lines))))
    assert (max(v), max(i), min(i)) == (1.0, pytest.approx(1e-5), 0.0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "  "])
def test_without_header(tmp_path: Path, delimiter: str) -> None:
    v, i = rows(read(save(tmp_path, IV.partition("\n")[2].replace(",", delimiter))))
    assert (max(v), max(i)) == (1.0, pytest.approx(1e-5))


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path: Path, codec: str) -> None:
    v, i = rows(read(save(tmp_path, IV.replace("V,I", "V,I (µA)").encode(codec))))
    assert (max(v), max(i)) == (1.0, pytest.approx(1e-11))


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for name, cells in sheets.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(buffer)
    return buffer.getvalue()


def clarius_sheets(changes: dict[int, list[object]] | None = None) -> bytes:
    curve = read(DATA / "clarius.csv")
    data: list[list[object]] = [["Time", "AnodeI", "AnodeV"]]
    for sweep in curve.sweeps:
        assert sweep.current is not None
        data += [
            [0.01 * n, i, v]
            for n, (v, i) in enumerate(zip(sweep.voltage.tolist(), sweep.current.tolist(), strict=True))
        ]
    for row, cells in (changes or {}).items():
        data[row - 1] = cells
    return workbook({"Data": data, "Calc": [["x"], [1, 2], [3, 4]], "Settings": [["Test", "vsweep"], ["Points", 5, 6]]})


def test_clarius_workbook_equals_its_csv(tmp_path: Path) -> None:
    book = read(save(tmp_path, clarius_sheets(), "data.xlsx"))
    assert len(book.sweeps) == 6
    assert fit_iv(book).main.r_off.value == pytest.approx(fit_iv(read(DATA / "clarius.csv")).main.r_off.value, rel=1e-9)


def test_numbered_columns_are_cycles(tmp_path: Path) -> None:
    table = IV.replace("V,I\n", "AnodeV(1),AnodeI(1),AnodeV(2),AnodeI(2)\n").splitlines()
    lines = [table[0], *(f"{line},{line}" for line in table[1:])]
    assert len(read(save(tmp_path, "\n".join(lines))).sweeps) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data.csv must hold a table of numbers; it is empty"),
        (b" \n\n", "it is empty"),
        (b"hello\nworld\n", "must hold a table with rows of at least two numbers; it holds none"),
        (IV.replace("0.3,", "nan,"), r"data.csv, line 5, column 1: wanted a finite number, not 'nan'"),
        (IV.replace("0.3,", "0.3x,"), r"line 5, column 1: wanted a finite number, not '0.3x'"),
        (IV.replace("0.3,", "9.9e37,"), r"line 5, column 1: wanted a finite number, not '9.9e37'"),
        (IV.replace("0.0,0.0", "zero,0.0", 1), r"line 2, column 1: wanted a finite number, not 'zero'"),
        (IV.replace("0.3,", "inf,"), r"line 5, column 1: wanted a finite number, not 'inf'"),
        (IV.replace("0.3,", "0.3,1,"), r"line 5: wanted 2 cells, not 3"),
        (IV + "0.1", r"line 23, column 2: wanted a number; the line has only 1 cells"),
        (IV.replace("V,I", "V,Remark"), r"line 1: wanted a voltage column with .* not 'V', 'Remark'"),
        ("V,I\n0,0\n1,1\n", "wanted a voltage sweep of at least 5 points, not 2"),
        ("t,V\n0,0\n1,1\n1,2\n", r"line 4: wanted a time above that of the line before"),
        (b"\xd0\xcf\x11\xe0 old", "is an old .xls workbook: save it as .xlsx or CSV"),
        (b"V,I\n0,0\x00\n", r"cannot be read as text: line 2 has the control character '\\x00'"),
        (b"V,I\n\x81\x8d,1\n", "cannot be read as text: must be UTF-8, UTF-16 or Windows-1252, not byte 0x81 at 4"),
        (b"PK\x03\x04 broken", "data.csv is not a readable workbook"),
        ("SetupTitle, a\nDataValue, 1, 2\nDataName, V, I\nDataValue, 1, 2\n", "line 2: wanted DataName before"),
        ("SetupTitle, a\nDataName, V, I\nSetupTitle, b\n", "line 2: wanted 1 DataValue lines in this block, not 0"),
        ("Dimension1, 9, 9\nDataName, V, I\nDataValue, 1, 2\n", "line 3: wanted 9 .*, not 1: it is truncated"),
    ],
)  # fmt: skip
def test_malformed(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        read(save(tmp_path, content))
    assert "\n" not in str(error.value)


def test_malformed_workbooks(tmp_path: Path) -> None:
    whole = clarius_sheets()
    for content in (whole[:-100], whole[:1000]):
        with pytest.raises(ValueError, match="not a readable workbook"):
            read(save(tmp_path, content, "data.xlsx"))
    with pytest.raises(ValueError, match=r"sheet 'Data', line 5, column 2: wanted a finite number, not '#REF!'"):
        read(save(tmp_path, clarius_sheets({5: [0.1, "#REF!", 0.2]}), "data.xlsx"))


def test_missing_folder_and_too_large(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(ValueError, match="cannot be read"):
            read(path)
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ValueError, match=r"must be at most 64 MiB, not 64\.0 MiB"):
        read(path)


def attempt(path: Path) -> None:
    """Read and fit: a result, or ValueError; warnings are errors."""
    try:
        found = read(path)
        if found.kind == "iv":
            fit_iv(found)
        else:
            fit_transient(found, r_ins=1e5, r_met=1e3, supply=4.0)
    except ValueError as error:
        assert str(error)  # noqa: PT017


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text("0123456789.,;-+eEVIt \t\nmuA()/nai", max_size=300).map(str.encode)
    )
)
def test_random_files_raise_nothing_but_value_error(tmp_path: Path, content: bytes) -> None:
    attempt(save(tmp_path, content))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from((*FILES, "book")),
    edits=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 40), st.binary(max_size=8)), min_size=1, max_size=4),
    cut=st.none() | st.integers(0, 2**20),
)
def test_mutated_files_raise_nothing_but_value_error(
    tmp_path: Path, name: str, edits: list[tuple[int, int, bytes]], cut: int | None
) -> None:
    content = BOOK if name == "book" else (DATA / name).read_bytes()
    for where, length, new in edits:
        start = where % len(content)
        content = content[:start] + new + content[start + length :] or b"x"
    attempt(save(tmp_path, content if cut is None else content[: cut % len(content)]))


BOOK = clarius_sheets()
