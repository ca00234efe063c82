"""udev rules for Linux: users may open the programmers and serial ports of boards without root rights."""

from __future__ import annotations

from collections.abc import Iterable

from neuristor.boards.base import Board

__all__ = ["RULES_FILE", "udev_rules"]

RULES_FILE = "60-neuristor.rules"
"""Name of the file in ``/etc/udev/rules.d``; it must sort before 73, where the tag ``uaccess`` is applied."""


def udev_rules(boards: Iterable[Board]) -> str:
    """Return the text of a rules file for the USB devices of `boards`.

    The user logged in at the machine and all members of the group plugdev may then load a board. The user logged in
    at the machine may also open its serial port.

    Parameters
    ----------
    boards : iterable of Board
        The boards.

    Returns
    -------
    str
        Content of the file `RULES_FILE`.
    """
    users: dict[tuple[int, int], list[str]] = {}
    for board in boards:
        for ids in board.usb:
            users.setdefault(ids, []).append(board.title)
    lines = [
        f"# /etc/udev/rules.d/{RULES_FILE}: the programmers and serial ports of FPGA boards.",
        "# After a change: udevadm control --reload-rules, and plug the board in again.",
    ]
    for (vendor, product), titles in sorted(users.items()):
        device, port = (
            f'{where}{{idVendor}}=="{vendor:04x}", {where}{{idProduct}}=="{product:04x}"' for where in ("ATTR", "ATTRS")
        )
        lines += [
            "",
            *(f"# {title}" for title in titles),
            f'SUBSYSTEM=="usb", {device}, MODE="0660", GROUP="plugdev", TAG+="uaccess"',
            f'SUBSYSTEM=="tty", {port}, TAG+="uaccess"',
        ]
    return "\n".join(lines) + "\n"
