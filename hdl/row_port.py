"""A port to the rows of a memory."""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RowPort"]


class RowPort(wiring.Signature):
    """A port to the rows of a memory, from the side of the master.

    Parameters
    ----------
    width : int
        Bits of a row.
    rows : int
        Rows of the memory.

    Members
    -------
    address : Out(range(rows))
        Row to write or read.
    write : Out(1)
        Store `given` in the row `address`.
    given : Out(width)
        Row to write.
    read : Out(1)
        Read the row `address`.
    data : In(width)
        That row, one clock after `read`.
    """

    def __init__(self, width: int, rows: int) -> None:
        super().__init__(
            {
                "address": Out(range(rows)),
                "write": Out(1),
                "given": Out(width),
                "read": Out(1),
                "data": In(width),
            }
        )
