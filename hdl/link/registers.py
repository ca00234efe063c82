"""The map of registers: what stands at which address, the same for every way in.

Registers are single words. A *window* is a range of addresses behind which there is a memory, or one address behind
which there is a stream. The map is made from the circuit, and the host makes it from the same circuit: no address is
written down twice.
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


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something with an address.

    Parameters
    ----------
    name : str
    access : str
        What the host may do.
    words : int
        Of a window; 1 for a register.
    bits, init : int
        Of a register that may be written: what it keeps, and what it has at first.
    meaning : str
        For the reader of the map.
    window : bool
        Whether what stands there answers for itself.
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
        """Of an address within it."""
        return max(self.words - 1, 0).bit_length()


def layout(entries: Iterable[Entry]) -> dict[str, int]:
    """The address of each entry: registers first, then windows at multiples of their size.

    Raises
    ------
    ValueError
        If they need more addresses than there are.
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
        raise ValueError(f"the registers need {following} addresses, and there are {1 << ADDRESS_BITS}")
    return addresses


class Window(wiring.Signature):
    """A range of addresses, seen from the registers.

    Members
    -------
    request : Out(1)
        Stays until `done` or `refused`, which come a clock later at the earliest.
    write : Out(1)
    address : Out
        Within the window.
    given : Out(32)
    data : In(32)
        With `done`, of a read.
    done, refused : In(1)
        For one clock.
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
    """Answers a bus.

    Parameters
    ----------
    entries : sequence of Entry

    Members
    -------
    bus : In(Wishbone)
        A register answers in the next clock. An address where there is nothing, a write to what is only read, a read of
        what is only written and a part of a word are refused (`err`).
    NAME : In(32)
        What is read, of a register that is only read.
    NAME__value : Out
        What was written last, of a register that may be written.
    NAME__written : Out(1)
        For one clock, in which `NAME__value` is new.
    NAME : Out(Window)
        Of a window.
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
        """Address and entry, lowest first."""
        return sorted(((self.addresses[name], each) for name, each in self.entries.items()), key=lambda row: row[0])

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus, asked = self.bus, Signal()
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
