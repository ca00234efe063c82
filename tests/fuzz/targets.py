"""Readers of user input as functions of bytes: each accepts, or refuses in one sentence, and writes nothing.

An input that a reader accepts is used as a command would use it, as far as that is cheap. Anything but the errors that
``neuristor.commands.cli.main`` makes sentences of goes through, and fails the test.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from neuristor.accuracy import parse_target
from neuristor.array_files import read_devices, read_edges
from neuristor.boards.host import BoardError, Recording
from neuristor.boards.link import Frames, frame
from neuristor.commands.board import bitstream_in
from neuristor.commands.cli import main
from neuristor.design_file import Design, DesignError, load
from neuristor.fit import fit
from neuristor.folder import OutputError, check_folder
from neuristor.golden_model.devices.measurement import read as read_measurement
from neuristor.golden_model.equations.discretise import discretise
from neuristor.golden_model.equations.file import model_file
from neuristor.golden_model.equations.system import read as read_model
from neuristor.golden_model.equations.units import quantity
from neuristor.golden_model.networks.associative import read_patterns
from neuristor.golden_model.networks.encoding import read_events
from neuristor.golden_model.networks.ising import max_cut
from neuristor.golden_model.networks.nir_graph import read as read_nir
from neuristor.golden_model.networks.problem_files import read_graph, read_ising, read_numbers, read_qubo
from neuristor.golden_model.networks.snn import Network
from neuristor.hdl.link.array import ArrayCore
from neuristor.hdl.link.frames import Operation
from neuristor.hdl.names import KEYWORDS
from neuristor.hdl.neurons.lif import LifArray
from neuristor.network_file import open_network
from neuristor.pictures.files import content
from neuristor.pictures.networks import sweep_picture
from neuristor.steps import simulate
from neuristor.sweep_file import earlier
from neuristor.sweeps import Files, Sweep, parse_axis
from neuristor.waveform import read_waveform
from neuristor.weights_file import read_weights
from tests.fuzz.hostile import PARTS, packed, workbook

__all__ = ["EXAMPLES", "LIF", "NETWORK", "NIR", "TARGETS", "bomb", "command", "design_holds", "example", "hold"]

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = Path(__file__).parents[1] / "data"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
LIF = """
[device]
preset = "vo2-maffezzoni"
[circuit]
supply = 1.5
series_resistance = 20e3
capacitance = 1e-9
[neuron]
model = "lif"
count = 3
dt = 400e-9
[stimulus]
source = "currents.csv"
ticks = 4
[variability]
threshold_d2d = 0.03
[number]
membrane = [3, 13]
drive = [3, 13]
[fpga]
lanes = 2
boards = ["icebreaker"]
"""
NETWORK = """
[network]
file = "net.nir"
dt = 1e-4
[data]
source = "data.npz"
[words]
weight_bits = 4
membrane_bits = [8]
[fpga]
lanes = 1
"""
MODEL = """
name = "switch"
tick = "80 ns"
equations = "dv/dt = (supply - v)/(r*c) - v*g/c + (i + j)/c\\ng = (1/(1*kohm) if on == 1 else 1/(100*kohm))"
[parameters]
supply = { value = "2.5 V" }
r = { value = "20 kohm", spread = "2 %" }
c = { value = "100 pF" }
[input]
range = ["-50 uA", "50 uA"]
[coupling]
name = "j"
reads = "v"
unit = "A"
[states.v]
unit = "V"
range = ["-1 V", "3 V"]
[discrete.on]
values = [0, 1]
[[events]]
when = "v > 1.99*V and on == 0"
do = ["on = 1"]
spike = true
"""
STRINGS = (
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="2"><si><t>V</t></si>'
    b"<si><r><t>I (A)</t></r></si></sst>"
)
NIR = "lif_norse.nir"


def design_holds(design: Design) -> None:
    """What must be so of a design that was accepted."""
    assert IDENTIFIER.fullmatch(design.name), design.name
    assert design.name not in KEYWORDS
    for line in design.header:
        assert not CONTROL.search(line), repr(line)
        line.encode()
        assert not re.match(r"\s*(verilator|synopsys|synthesis|pragma)", line, re.IGNORECASE), line


def sentence(error: BaseException) -> None:
    """What must be so of a refusal as a user sees it."""
    shown = str(error) if isinstance(error, DesignError) else str(DesignError(str(error)))
    assert shown.strip(), type(error)
    assert not CONTROL.search(shown), repr(shown)
    assert len(shown) < 1000, shown


def _design(path: Path) -> None:
    (path.parent / "currents.csv").write_text("1e-5,2e-5,9e-5\n")
    design = load(path)
    design_holds(design)
    if design.frames_raw.size * design.stimulus.ticks <= 1000:
        simulate(design)


def _stimulus(path: Path) -> None:
    (path.parent / "design.toml").write_text(LIF)
    design = load(path.parent / "design.toml")
    assert np.isfinite(design.stimulus.current).all()
    assert design.frames_raw.shape == (len(design.stimulus.current), 3)


def _curve(path: Path) -> None:
    found = read_measurement(path)
    for sweep in found.sweeps:
        assert np.isfinite(sweep.voltage).all()
    if path.stat().st_size < 4000:  # a fit takes time
        out = path.parent / "fitted.toml"
        try:
            fit([path], out=out, supply=1.5, series_resistance=20e3, capacitance=1e-10, count=64, force=True)
            design_holds(load(out))
        finally:
            out.unlink(missing_ok=True)


def _network(path: Path) -> None:
    (path.parent / "net.nir").write_bytes((DATA / "nir" / NIR).read_bytes())
    (path.parent / "data.npz").write_bytes(example("data.npz"))
    file = open_network(path)
    file.lanes(file.params())


def _npz(path: Path) -> None:
    (path.parent / "net.nir").write_bytes((DATA / "nir" / NIR).read_bytes())
    (path.parent / "network.toml").write_text(NETWORK)
    open_network(path.parent / "network.toml")


def _nir(path: Path) -> None:
    assert isinstance(read_nir(path, 1e-4).network, Network)


def _part(name: str) -> Callable[[Path], None]:
    """A part of a workbook, in a workbook: the mutations of a fuzzer do not survive in what is packed."""

    def read(path: Path) -> None:
        book = path.parent / "iv.xlsx"
        book.write_bytes(packed(workbook() | {PARTS["strings"]: STRINGS, PARTS[name]: path.read_bytes()}))
        try:
            read_measurement(book)
        finally:
            book.unlink()

    return read


def _array(name: str) -> Callable[[Path], None]:
    """An array of an NPZ file of events."""

    def read(path: Path) -> None:
        columns = {each: np.arange(4) % 2 for each in "txyp"}
        book, buffer = path.parent / "events.npz", io.BytesIO()
        np.savez(buffer, **columns)  # type: ignore[arg-type]
        with zipfile.ZipFile(buffer) as old:
            parts = {each: old.read(each) for each in old.namelist()}
        book.write_bytes(packed(parts | {f"{name}.npy": path.read_bytes()}))
        try:
            read_events(book).spikes(1e-3, (2, 8, 8))
        finally:
            book.unlink()

    return read


@cache
def _sweep() -> Sweep:
    content = (("design.toml", LIF.encode()), ("currents.csv", b"1e-5,2e-5,9e-5\n"))
    return Sweep(Files("/", "design.toml", content), (parse_axis("variability.seed=1..9"),))


def _recorded(path: Path) -> None:
    rows = earlier(_sweep(), path, force=False)
    content(sweep_picture(_sweep(), rows, {}), ".svg")


def _folder(path: Path) -> None:
    """The manifest of a folder that is to be replaced, or loaded into a board."""
    for look in (lambda: check_folder(path.parent, force=True), lambda: bitstream_in(path.parent)):
        try:
            look()
        except (OutputError, DesignError) as error:
            refusal = error
        else:
            continue
        raise refusal


def _devices(path: Path) -> None:
    for column in read_devices(path, 3).values():
        assert np.isfinite(column).all()


def _waveform(path: Path) -> None:
    for loop in (False, True):
        found = read_waveform(path, loop)
        if found is not None:
            duration = float(found.times[-1] - found.times[0])
            sampled = found.sampled(duration / 7, 7)
            assert np.isfinite(sampled).all()


def _edges(path: Path) -> None:
    for directed in (False, True):
        found = read_edges(path, 4, directed)
        assert np.isfinite(found.values).all()
        with suppress(ValueError):
            found.coupling("weight", 4, directed)


def _model(path: Path) -> None:
    """A model from equations, with the formulas of a tick."""
    system = read_model(model_file(path)).alone()
    if system.model.tick is not None:
        discretise(system, quantity(system.model.tick, "s")[0])


def _graph(path: Path) -> None:
    for read in (read_qubo, read_ising, read_numbers):
        with suppress(ValueError):
            read(path)
    assert np.isfinite(max_cut(read_graph(path)).couplings).all()


@cache
def _core(folder: Path) -> ArrayCore:
    path = folder / "core.toml"
    path.write_text(LIF)
    (folder / "currents.csv").write_text("1e-5,2e-5,9e-5\n")
    return ArrayCore(LifArray(load(path).params, 2, loadable=True), "lif")


def _frames(path: Path) -> None:
    """Answers of a board: none leaves the host but as a `BoardError`, whatever words they have."""
    found = Frames()
    content = path.read_bytes()
    answers = [answer for n in range(0, len(content), 7) for answer in found.feed(content[n : n + 7])]
    words = [word for answer in answers for word in answer.words]
    words += np.frombuffer(content[: len(content) // 4 * 4], dtype="<u4").tolist()
    core = _core(path.parent)
    recording = Recording(core, np.arange(4))
    recording.take(words)
    assert recording.spikes.shape[1] == 2
    recording.raster(0, 16)
    recording.states()


def _text(parse: Callable[[str], Any]) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        parse(path.read_bytes().decode("utf-8", "replace"))

    return read


TARGETS: dict[str, tuple[Callable[[Path], object], tuple[type[Exception], ...]]] = {
    "design.toml": (_design, (DesignError,)),
    "currents.csv": (_stimulus, (DesignError,)),
    "iv.csv": (_curve, (ValueError,)),
    "iv.xlsx": (_curve, (ValueError,)),
    "network.toml": (_network, (DesignError,)),
    "data.npz": (_npz, (DesignError,)),
    "net.nir": (_nir, (ValueError,)),
    "sheet.xml": (_part("sheet"), (ValueError,)),
    "strings.xml": (_part("strings"), (ValueError,)),
    "styles.xml": (_part("styles"), (ValueError,)),
    "t.npy": (_array("t"), (ValueError,)),
    "sweep.parquet": (_recorded, (OutputError,)),
    "manifest.json": (_folder, (OutputError, DesignError)),
    "weights.csv": (read_weights, (DesignError,)),
    "graph.txt": (_graph, (ValueError,)),
    "devices.csv": (_devices, (ValueError,)),
    "devices.parquet": (_devices, (ValueError,)),
    "waveform.csv": (_waveform, (ValueError,)),
    "edges.csv": (_edges, (ValueError,)),
    "edges.mtx": (_edges, (ValueError,)),
    "model.toml": (_model, (ValueError,)),
    "events.csv": (lambda path: read_events(path).spikes(1e-3, (2, 8, 8)), (ValueError,)),
    "pictures.txt": (read_patterns, (ValueError,)),
    "frames.bin": (_frames, (BoardError,)),
    "target.txt": (_text(parse_target), (ValueError,)),
    "axis.txt": (_text(parse_axis), (ValueError,)),
}
"""By the name of its file: the reader, and the errors of it that ``main`` (or the command) makes a sentence of."""


@cache
def example(name: str) -> bytes:
    """A valid input of a target."""
    if name == "data.npz":
        buffer = io.BytesIO()
        np.savez_compressed(buffer, inputs=np.eye(4, dtype=np.uint8)[:, None, :1], labels=np.zeros(1, dtype=np.int64))
        return buffer.getvalue()
    if name == "net.nir":
        return (DATA / "nir" / NIR).read_bytes()
    if name == "iv.xlsx":
        book = openpyxl.Workbook()
        sheet: Any = book.active
        for row in [line.split(",") for line in example("iv.csv").decode().split()]:
            sheet.append([row[0], row[1]] if row[0] == "V" else [float(cell) for cell in row])
        buffer = io.BytesIO()
        book.save(buffer)
        return buffer.getvalue()
    if name in ("sheet.xml", "styles.xml"):
        return workbook()[PARTS[name.partition(".")[0]]]
    if name == "t.npy":
        buffer = io.BytesIO()
        np.save(buffer, np.arange(4))
        return buffer.getvalue()
    if name == "sweep.parquet":
        buffer = io.BytesIO()
        row = {field.name: None for field in _sweep().schema} | {"run": 3, "variability.seed": 4, "rate_hz": 1.0}
        pq.write_table(pa.Table.from_pylist([row], _sweep().schema), buffer)
        return buffer.getvalue()
    if name == "devices.parquet":
        buffer = io.BytesIO()
        pq.write_table(pa.table({"v_th": [1.99, 2.0, 1.98], "v_hold": [1.0, 0.99, 1.01]}), buffer)
        return buffer.getvalue()
    if name == "iv.csv":
        up = np.round(np.linspace(0.05, 2.5, 50), 3)
        ohm = np.concatenate([np.where(up < 2.0, 1e5, 1e3), np.where(up[::-1] > 1.0, 1e3, 1e5)])
        volt = np.concatenate([up, up[::-1]])
        return ("V,I\n" + "".join(f"{v:.3g},{v / r:.4g}\n" for v, r in zip(volt, ohm, strict=True))).encode()
    if name == "frames.bin":
        words = [2 << 30 | 3, 1 << 30 | 1 << 2 | 3, 3 << 30 | 8]
        asked = frame(Operation.READ, 7, 1, 64, count=3)
        return np.array(words, dtype="<u4").tobytes() + asked + frame(Operation.WRITE, 7, 2, 64, words)
    plain = {
        "design.toml": LIF,
        "currents.csv": "a,b,c\n1e-5,2e-5,9e-5\n0,0,1e-4\n",
        "network.toml": NETWORK,
        "weights.csv": "0,1,-3\n1,0,2\n-3,2,0\n",
        "graph.txt": "4 5\n1 2 1\n2 3 1\n3 4 1\n4 1 -1\n1 3 2.5\n",
        "devices.csv": "device,v_th (mV),v_hold\n0,1990,1.0\n1,2000,0.99\n2,1980,1.01\n",
        "waveform.csv": "t (us),i (uA)\n0,0\n1,20\n1,80\n2.5,-10\n",
        "edges.csv": "i,j,value (kohm)\n0,1,400\n1,2,500\n2,3,600\n",
        "edges.mtx": "%%MatrixMarket matrix coordinate real symmetric\n4 4 3\n2 1 1.5\n3 2 -2\n4 3 1\n",
        "model.toml": MODEL,
        "events.csv": "t,x,y,p\n0,1,2,1\n1500,3,4,0\n2500,7,7,-1\n",
        "pictures.txt": "A\n#.#\n.#.\n\nB\n..#\n##.\n",
        "strings.xml": STRINGS.decode(),
        "manifest.json": '{"neuristor": "0.1.0", "files": {}, "board": "icebreaker", "bitstream": "icebreaker.bin"}',
        "target.txt": "1.5e-1%",
        "axis.txt": "variability.seed=1:2.5:9:log",
    }
    return plain[name].encode()


def hold(name: str, content: bytes, folder: Path) -> bool:
    """Give an input to its target, and check what must hold; whether it was accepted."""
    read, errors = TARGETS[name]
    path = folder / name
    path.write_bytes(content)
    try:
        read(path)
    except errors as error:
        sentence(error)
        return False
    assert path.read_bytes() == content
    return True


def command(*arguments: object) -> tuple[int, str, str]:
    """The command line in this process: exit status, output, errors. Whatever else it raises would be a traceback."""
    out, err = io.StringIO(), io.StringIO()
    with patch("sys.argv", ["neuristor", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        else:
            code = 0
    return code, out.getvalue(), err.getvalue()


def bomb(name: str, claimed: tuple[int, ...]) -> bytes:
    """An NPZ file of a few bytes whose array claims a shape."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": claimed})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", header.getvalue())
    return buffer.getvalue()
