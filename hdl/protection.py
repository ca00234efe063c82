"""Memories whose words carry check bits: a flipped bit is noticed when its word is read, or set right.

Parity notices every odd number of flipped bits of a word. SECDED (R. W. Hamming, Bell Syst. Tech. J. 29, 147, 1950,
with a parity bit over all) sets a single flipped bit right, and notices two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from amaranth.hdl import Cat, Const, Module, Shape, ShapeLike, Signal, Value, unsigned
from amaranth.lib import data
from amaranth.lib.memory import Memory

__all__ = ["Code", "Guarded", "Protection", "check_protection", "guarded"]

Protection = Literal["none", "parity", "secded"]


def check_protection(protection: str) -> None:
    """Refuse what is no protection.

    Raises
    ------
    ValueError
        If it is none of `Protection`.
    """
    if protection not in get_args(Protection):
        raise ValueError(f"protection must be one of {', '.join(get_args(Protection))}, not {protection!r}")


class Code:
    """Check bits of words.

    Parameters
    ----------
    width : int
        Of a word without them.
    protection : str

    Attributes
    ----------
    check_bits : int
    """

    def __init__(self, width: int, protection: str) -> None:
        check_protection(protection)
        self.width, self.protection = width, protection
        self._places: list[int] = []
        """Of each bit of the word, its place in Hamming's numbering: no powers of two."""
        if protection == "secded":
            place = 3
            while len(self._places) < width:
                if place & (place - 1):
                    self._places.append(place)
                place += 1
            self._sums = self._places[-1].bit_length()
        else:
            self._sums = 0
        self.check_bits = {"none": 0, "parity": 1, "secded": self._sums + 1}[protection]

    @property
    def summed_bits(self) -> list[list[int]]:
        """Of each check bit but the parity over all, the bits of the word that it sums up."""
        return [[bit for bit, place in enumerate(self._places) if place >> n & 1] for n in range(self._sums)]

    def encode(self, word: int) -> int:
        """A word with its check bits above it."""
        if self.protection == "none":
            return word
        sums = 0
        for place, bit in zip(self._places, range(self.width), strict=False):
            sums ^= place * (word >> bit & 1)
        made = word | sums << self.width
        return made | (made.bit_count() & 1) << (self.width + self._sums)

    def encoded(self, word: Value) -> Value:
        """The same, of a signal."""
        if self.protection == "none":
            return word
        sums = [Cat(word[bit] for bit in bits).xor() for bits in self.summed_bits]
        whole = Cat(word, *sums)
        return Cat(whole, whole.xor())

    def decoded(self, m: Module, read: Value, name: str) -> tuple[Value, Value]:
        """A word that was read, set right if it can be, and whether it was damaged.

        Parameters
        ----------
        m : Module
            Where the circuit goes.
        read : Value
            With check bits.
        name : str
            Of the memory.
        """
        if self.protection == "none":
            return read, Const(0, 1)
        odd = Signal(name=f"{name}_odd")
        m.d.comb += odd.eq(read.xor())
        word = read[: self.width]
        if self.protection == "parity":
            return word, odd
        syndrome = Signal(self._sums, name=f"{name}_syndrome")
        sums = [
            Cat(read[self.width + n], *(word[bit] for bit in bits)).xor() for n, bits in enumerate(self.summed_bits)
        ]
        m.d.comb += syndrome.eq(Cat(sums))
        right = Signal(self.width, name=f"{name}_right")
        m.d.comb += right.eq(word ^ Cat(odd & (syndrome == place) for place in self._places))
        return right, odd | syndrome.any()


@dataclass(frozen=True)
class Guarded:
    """A memory, and what stands around it.

    Attributes
    ----------
    read_address, read_enable : Value
    data : Value or View
        What was read in the clock before, set right.
    write_address, write_enable, given : Value
        None if it is not written.
    fault : Value
        In the clock after a read: the word was damaged.
    """

    read_address: Any
    read_enable: Any
    data: Any
    write_address: Any
    write_enable: Any
    given: Any
    fault: Value


def guarded(
    m: Module,
    name: str,
    shape: ShapeLike,
    depth: int,
    init: Sequence[Any],
    protection: str = "none",
    *,
    written: bool = True,
) -> Guarded:
    """A memory with one port for reading, and perhaps one for writing.

    Parameters
    ----------
    m : Module
        Where it goes, as a submodule `name`.
    shape : ShapeLike
    depth : int
    init : sequence
        Its first words, as ``amaranth.lib.memory.Memory`` takes them.
    protection : str
    written : bool
    """
    if protection == "none":
        plain: Any = Memory(shape=shape, depth=depth, init=init)
        m.submodules[name] = plain
        port = plain.read_port()
        if not written:
            return Guarded(port.addr, port.en, port.data, None, None, None, Const(0, 1))
        write = plain.write_port()
        return Guarded(port.addr, port.en, port.data, write.addr, write.en, write.data, Const(0, 1))
    width = Shape.cast(shape).width
    code = Code(width, protection)
    words = [code.encode(_bits(shape, word)) for word in init]
    memory: Any = Memory(shape=unsigned(width + code.check_bits), depth=depth, init=words)
    m.submodules[name] = memory
    port = memory.read_port()
    write = memory.write_port() if written else None
    word, damaged = code.decoded(m, port.data, name)
    was_read = Signal(name=f"{name}_was_read")
    m.d.sync += was_read.eq(port.en)
    given: Any = None
    if write is not None:
        given = Signal(shape, name=f"{name}_given")
        m.d.comb += write.data.eq(code.encoded(Value.cast(given)))
    seen: Any = data.View(shape, word) if isinstance(shape, data.Layout) else word
    fault = was_read & damaged
    if write is None:
        return Guarded(port.addr, port.en, seen, None, None, None, fault)
    return Guarded(port.addr, port.en, seen, write.addr, write.en, given, fault)


def _bits(shape: Any, word: Any) -> int:
    """An initial word as bits."""
    if isinstance(shape, data.Layout):
        return int(Const.cast(shape.const(word)).value)
    return int(word) & ((1 << Shape.cast(shape).width) - 1)
