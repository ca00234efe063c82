"""The bus to the registers: Wishbone, classic cycles, 32 bits, word addresses."""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Wishbone"]


class Wishbone(wiring.Signature):
    """Wishbone B4, classic standard cycles, seen from the master.

    Parameters
    ----------
    address_bits : int
        Width of `adr`, 1 to 30.

    Members
    -------
    cyc, stb : Out(1)
        The master requests a transfer by setting both, and keeps them set until `ack` or `err`.
    we : Out(1)
        1 for a write, 0 for a read.
    adr : Out(address_bits)
        The address, counted in words of 32 bits.
    dat_w : Out(32)
        The word to write.
    sel : Out(4)
        Byte enables. All must be set: registers are whole words. Otherwise the answer is `err`, and nothing changes.
    dat_r : In(32)
        The word that was read, valid with `ack`.
    ack, err : In(1)
        Set for one clock: the transfer is done, or it is refused.

    Raises
    ------
    ValueError
        If `address_bits` is outside its range.

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
