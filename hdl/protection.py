"""Memories whose words carry check bits: a flipped bit is detected, or corrected, when its word is read.

Parity detects every odd number of flipped bits in a word. SECDED (single error correction, double error detection)
corrects one flipped bit and detects two.

References
----------
R. W. Hamming, "Error detecting and error correcting codes", Bell Syst. Tech. J. 29, 147, 1950. SECDED adds a parity bit
over the whole word.
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
"""Check bits of a memory: none, one parity bit a word, or a SECDED code."""


def check_protection(protection: str) -> None:
    """Check the name of a protection.

    Parameters
    ----------
    protection : str
        The name to check.

    Raises
    ------
    ValueError
        If it is not "none", "parity" or "secded".
    """
    if protection not in get_args(Protection):
        raise ValueError(f"protection must be one of {', '.join(get_args(Protection))}, not {protection!r}")


class Code:
    """The check bits of a word: how many there are, and how they are computed.

    Parameters
    ----------
    width : int
        Bits of a word without check bits.
    protection : {"none", "parity", "secded"}
        Which code.

    Attributes
    ----------
    check_bits : int
        Number of check bits; they are the highest bits of a stored word.

    Raises
    ------
    ValueError
        If `protection` is not one of the three.
    """

    def __init__(self, width: int, protection: str) -> None:
        check_protection(protection)
        self.width, self.protection = width, protection
        self._places: list[int] = []
        """The position of each bit of the word in Hamming's numbering; powers of two are left to the check bits."""
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
        """The bits of the word that each Hamming check bit covers; the overall parity bit is not listed."""
        return [[bit for bit, place in enumerate(self._places) if place >> n & 1] for n in range(self._sums)]

    def encode(self, word: int) -> int:
        """Add the check bits to a word, in software.

        Parameters
        ----------
        word : int
            Without check bits, not negative, below ``2**width``.

        Returns
        -------
        int
            The check bits above the word.
        """
        if self.protection == "none":
            return word
        sums = 0
        for place, bit in zip(self._places, range(self.width), strict=False):
            sums ^= place * (word >> bit & 1)
        made = word | sums << self.width
        return made | (made.bit_count() & 1) << (self.width + self._sums)

    def encoded(self, word: Value) -> Value:
        """Add the check bits to a word, in the circuit; the same bits as `encode`.

        Parameters
        ----------
        word : Value, unsigned(width)
            Without check bits.

        Returns
        -------
        Value, unsigned(width + check_bits)
            The check bits above the word.
        """
        if self.protection == "none":
            return word
        sums = [Cat(word[bit] for bit in bits).xor() for bits in self.summed_bits]
        whole = Cat(word, *sums)
        return Cat(whole, whole.xor())

    def decoded(self, m: Module, read: Value, name: str) -> tuple[Value, Value]:
        """Check a word that was read, and correct it if the code can.

        Parameters
        ----------
        m : Module
            Receives the circuit.
        read : Value, unsigned(width + check_bits)
            The word that was read, with its check bits.
        name : str
            Name of the memory; signals are named after it.

        Returns
        -------
        word : Value, unsigned(width)
            The word; with SECDED, a single flipped bit is corrected.
        damaged : Value, unsigned(1)
            Whether an error was detected, corrected or not.
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
    """The ports of a memory with check bits.

    Parameters
    ----------
    read_address, read_enable : Value
        Port for reading.
    data : Value or View
        The word read in the clock before, corrected if the code can.
    write_address, write_enable : Value or None
        Port for writing; None if the memory is read only.
    given : Value, View or None
        The word to write, without check bits; None if the memory is read only.
    fault : Value, unsigned(1)
        Set in the clock after a read if the word was damaged; constant 0 without protection.
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
    """Make a memory with one port for reading and, if asked for, one for writing.

    Parameters
    ----------
    m : Module
        Receives the memory.
    name : str
        Name of the submodule.
    shape : ShapeLike
        Shape of a word, without check bits.
    depth : int
        Number of words.
    init : sequence
        The first words after configuration, as for ``amaranth.lib.memory.Memory``.
    protection : {"none", "parity", "secded"}
        Which check bits each word has.
    written : bool
        Whether there is a port for writing.

    Returns
    -------
    Guarded
        Its ports. Latency of a read: 1 clock.
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
    """An initial word as an unsigned integer."""
    if isinstance(shape, data.Layout):
        return int(Const.cast(shape.const(word)).value)
    return int(word) & ((1 << Shape.cast(shape).width) - 1)
