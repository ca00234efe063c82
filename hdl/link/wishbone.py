"""The bus between whoever asks and the registers: Wishbone, classic cycles, 32 bits, word addresses."""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Wishbone"]


class Wishbone(wiring.Signature):
    """Wishbone B4, classic standard cycles, seen from the master.

    Parameters
    ----------
    address_bits : int
        Of `adr`, which counts words of 32 bits.

    Members
    -------
    cyc, stb : Out(1)
        A transfer is asked for while both are set, until `ack` or `err`.
    we : Out(1)
    adr : Out
    dat_w : Out(32)
    sel : Out(4)
        All set: registers are whole words, and anything else is answered by `err` and changes nothing.
    dat_r : In(32)
        The word read, with `ack`.
    ack, err : In(1)
        For one clock; `err` where there is no such register.

    References
    ----------
    OpenCores, "Wishbone System-on-Chip Interconnection Architecture", revision B4, chapter 3.
    """

    def __init__(self, address_bits: int) -> None:
        if not isinstance(address_bits, int) or not 1 <= address_bits <= 30:
            raise ValueError(f"address_bits must be an integer between 1 and 30, not {address_bits!r}")
        self.address_bits = address_bits
        super().__init__(
            {
                "cyc": Out(1),
                "stb": Out(1),
                "we": Out(1),
                "adr": Out(address_bits),
                "dat_w": Out(32),
                "sel": Out(4),
                "dat_r": In(32),
                "ack": In(1),
                "err": In(1),
            }
        )
