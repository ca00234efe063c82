"""The register map: which register has which address, the same for every bus.

Registers are single words of 32 bits. A *window* is a range of addresses that leads to a memory, or one address that
leads to a stream. Circuit and host compute the map from the same list of entries, so no address is written down twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from neuristor.hdl.link.frames import ADDRESS_BITS
from neuristor.hdl.link.wishbone import Wishbone

__all__ = ["Entry", "Registers", "Window", "layout"]

Access = Literal["read", "write", "read and write"]
"""What the host may do with a register or window."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A register or a window.

    Parameters
    ----------
    name : str
        Name in the map, unique.
    access : {"read", "write", "read and write"}
        What the host may do.
    meaning : str
        One line for the reader of the map.
    words : int
        Number of addresses of a window; 1 for a register and for a stream.
    bits : int
        Width of a register that may be written, 1 to 32; higher bits of a write are dropped.
    init : int
        Value of a register that may be written, after configuration.
    window : bool
        Whether it is a window: the circuit behind it acknowledges or refuses each transfer.
    """

    name: str
    access: Access
    meaning: str
    words: int = 1
    bits: int = 32
    init: int = 0
    window: bool = False

    @property
    def address_bits(self) -> int:
        """Width of an address within the window; 0 for a single address."""
        return max(self.words - 1, 0).bit_length()


def layout(entries: Iterable[Entry]) -> dict[str, int]:
    """Assign the addresses: registers first, then windows at multiples of their size, smallest first.

    Parameters
    ----------
    entries : iterable of Entry
        Registers and windows, with different names.

    Returns
    -------
    dict of str to int
        The first address of each entry, in words.

    Raises
    ------
    ValueError
        If more than ``2**ADDRESS_BITS`` addresses are needed.
    """
    entries = list(entries)
    registers = [each for each in entries if not each.window]
    addresses = {each.name: n for n, each in enumerate(registers)}
    following = len(registers)
    for each in sorted((each for each in entries if each.window), key=lambda each: each.address_bits):
        size = 1 << each.address_bits
        addresses[each.name] = following = -(-following // size) * size
        following += size
    if following > 1 << ADDRESS_BITS:
        raise ValueError(f"the registers need {following} addresses, and there are only {1 << ADDRESS_BITS}")
    return addresses


class Window(wiring.Signature):
    """The interface of a window, seen from the registers.

    Parameters
    ----------
    address_bits : int
        Width of `address`; 0 for a single address.

    Members
    -------
    request : Out(1)
        A transfer is requested; stays set until `done` or `refused`.
    write : Out(1)
        1 for a write, 0 for a read.
    address : Out(address_bits)
        The word within the window.
    given : Out(32)
        The word to write.
    data : In(32)
        The word that was read, valid with `done`.
    done, refused : In(1)
        The transfer is done, or it is refused; ignored without `request`. May come in the first clock of `request`.
    """

    def __init__(self, address_bits: int) -> None:
        super().__init__(
            {
                "request": Out(1),
                "write": Out(1),
                "address": Out(address_bits),
                "given": Out(32),
                "data": In(32),
                "done": In(1),
                "refused": In(1),
            }
        )


class Registers(wiring.Component):
    """The registers of a core, as a Wishbone slave.

    Parameters
    ----------
    entries : sequence of Entry
        Registers and windows, with different names.

    Members
    -------
    bus : In(Wishbone(ADDRESS_BITS))
        A register answers in the next clock, a window one clock after its `done` or `refused`. The answer is `err` for
        an address without a register, a write to a read-only entry, a read of a write-only entry, and for less than a
        whole word.
    NAME : In(32)
        For a read-only register: the word to read.
    NAME__value : Out(bits)
        For a register that may be written: the last value written.
    NAME__written : Out(1)
        For a register that may be written: set for one clock, the first in which `NAME__value` is new.
    NAME : Out(Window)
        For a window: its interface.

    Raises
    ------
    ValueError
        If two entries have the same name, or more addresses are needed than exist.
    """

    bus: Any

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = {each.name: each for each in entries}
        if len(self.entries) != len(entries):
            raise ValueError("entries must have different names")
        self.addresses = layout(entries)
        members: dict[str, Any] = {"bus": In(Wishbone(ADDRESS_BITS))}
        for each in entries:
            if each.window:
                members[each.name] = Out(Window(each.address_bits))
                continue
            if each.access == "read":
                members[each.name] = In(32)
            if each.access != "read":
                members[f"{each.name}__value"] = Out(each.bits, init=each.init)  # type: ignore[call-arg]
                members[f"{each.name}__written"] = Out(1)
        super().__init__(members)

    def table(self) -> list[tuple[int, Entry]]:
        """List the map.

        Returns
        -------
        list of (int, Entry)
            First address, in words, and entry; lowest address first.
        """
        return sorted(((self.addresses[name], each) for name, each in self.entries.items()), key=lambda row: row[0])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus = self.bus
        asked = Signal()
        m.d.comb += asked.eq(bus.cyc & bus.stb & ~bus.ack & ~bus.err)
        m.d.sync += [bus.ack.eq(0), bus.err.eq(0)]
        whole = bus.sel == 0xF
        registers = [each for each in self.entries.values() if not each.window]
        windows = [each for each in self.entries.values() if each.window]
        for each in registers:
            if each.access != "read":
                m.d.sync += getattr(self, f"{each.name}__written").eq(0)

        with m.If(asked & ~whole):
            m.d.sync += bus.err.eq(1)
        with m.Elif(asked & (bus.adr < len(registers))), m.Switch(bus.adr[: max(1, (len(registers) - 1).bit_length())]):
            for n, each in enumerate(registers):
                with m.Case(n):
                    allowed = Mux(bus.we, each.access != "read", each.access != "write")
                    m.d.sync += [bus.ack.eq(allowed), bus.err.eq(~allowed)]
                    if each.access != "write":
                        own = each.name if each.access == "read" else f"{each.name}__value"
                        m.d.sync += bus.dat_r.eq(getattr(self, own))
                    if each.access != "read":
                        with m.If(bus.we):
                            m.d.sync += [
                                getattr(self, f"{each.name}__value").eq(bus.dat_w),
                                getattr(self, f"{each.name}__written").eq(1),
                            ]
        found: list[Value] = []
        for each in windows:
            window, bits = getattr(self, each.name), each.address_bits
            here = bus.adr[bits:] == self.addresses[each.name] >> bits
            found.append(here)
            allowed = Mux(bus.we, each.access != "read", each.access != "write")
            within: Any = bus.adr[:bits] < each.words if each.words != 1 << bits else 1
            m.d.comb += [
                window.request.eq(asked & whole & here & allowed & within),
                window.write.eq(bus.we),
                window.address.eq(bus.adr),
                window.given.eq(bus.dat_w),
            ]
            with m.If(asked & whole & here):
                m.d.sync += bus.err.eq(~(allowed & within))
            with m.If(window.request & window.done):
                m.d.sync += [bus.ack.eq(1), bus.dat_r.eq(window.data)]
            with m.Elif(window.request & window.refused):
                m.d.sync += bus.err.eq(1)
        with m.If(asked & (bus.adr >= len(registers)) & ~Cat(found).any()):
            m.d.sync += bus.err.eq(1)
        return m
