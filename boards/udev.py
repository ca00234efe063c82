"""Rules for Linux that let users open the programmers of boards."""

from __future__ import annotations

from collections.abc import Iterable

from neuristor.boards.base import Board

__all__ = ["RULES_FILE", "udev_rules"]

RULES_FILE = "60-neuristor.rules"
"""Name of the file in ``/etc/udev/rules.d``: below 73, where the tag ``uaccess`` is read."""


def udev_rules(boards: Iterable[Board]) -> str:
    """Return the text of a rules file for the USB devices of `boards`.

    Whoever sits at the machine, and every member of the group plugdev, may then load a board; who sits there may
    also open its serial port.
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
