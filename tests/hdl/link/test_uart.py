"""Bytes over two wires: a far end whose clock is off, glitches, breaks, and bytes that nobody takes."""

from __future__ import annotations

import gc
import random
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator

from neuristor.hdl.link.uart import UartReceiver, UartTransmitter, divisor

CLOCKS = (4, 5, 6, 7, 8, 12, 25, 50)
CORNERS = (0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7F, 0xFE)


class Came(NamedTuple):
    """What a receiver gave."""

    taken: list[int]
    lost: int
    """Clocks with `lost`."""


def levels_of(sent: Sequence[int], clocks: int, *, off: float = 0.0, phase: float = 0.0, gap: float = 0.0) -> list[int]:
    """The line, clock by clock, of a far end whose bits are longer by the part `off`, and whose edges come `phase`
    clocks after ours; `gap` more bits of stop."""
    bit = clocks * (1 + off)
    edges: list[tuple[float, int]] = []
    at = 3 * clocks + phase
    for byte in sent:
        frame = [0, *(byte >> n & 1 for n in range(8)), 1]
        edges += [(at + n * bit, level) for n, level in enumerate(frame)]
        at += (10 + gap) * bit
    made: list[int] = []
    for moment, level in [*edges, (at + 3 * clocks, 1)]:
        made += [made[-1] if made else 1] * (int(moment) - len(made) + (moment % 1 > 0))
        made.append(level)
    return made


def receive(levels: Iterable[int], clocks: int, ready: Iterable[int] | None = None) -> Came:
    """Put levels on the line."""
    receiver = UartReceiver(clocks)
    taken: list[int] = []
    lost = 0
    takes = None if ready is None else iter(ready)

    async def testbench(ctx: Any) -> None:
        nonlocal lost
        for level in levels:
            ctx.set(receiver.rx, level)
            ctx.set(receiver.o.ready, 1 if takes is None else next(takes, 1))
            if ctx.get(receiver.o.valid) and ctx.get(receiver.o.ready):
                taken.append(ctx.get(receiver.o.payload))
            lost += ctx.get(receiver.lost)
            await ctx.tick()

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return Came(taken, lost)


def test_the_waveform_of_the_far_end_is_right() -> None:
    assert levels_of([0x01], 2) == [1] * 6 + [0, 0, 1, 1] + [0] * 14 + [1] * 9
    assert levels_of([0x00], 4, off=0.25, phase=0.5)[12:15] == [1, 0, 0]


@pytest.mark.few(10)
@pytest.mark.parametrize("off", [-0.02, -0.01, 0.0, 0.01, 0.02])
@pytest.mark.parametrize("clocks", CLOCKS)
def test_bytes_back_to_back_come_whole_at_rates_that_are_off_by_two_percent(clocks: int, off: float) -> None:
    draw = random.Random(f"{clocks} {off}")
    for phase in (0.0, 0.3, 0.6, 0.99):
        sent = [*draw.sample(CORNERS, 5), *draw.randbytes(3)]
        assert receive(levels_of(sent, clocks, off=off, phase=phase), clocks) == Came(sent, 0), phase


@pytest.mark.parametrize("off", [-0.02, 0.02])
@pytest.mark.parametrize("clocks", [4, 12, 25])
def test_bytes_with_pauses_of_any_length_come_whole(clocks: int, off: float) -> None:
    draw = random.Random(clocks)
    levels, sent = [], draw.randbytes(12)
    for byte in sent:
        levels += levels_of([byte], clocks, off=off, phase=draw.random()) + [1] * draw.randrange(3 * clocks)
    assert receive(levels, clocks) == Came(list(sent), 0)


@pytest.mark.parametrize("clocks", [4, 7, 12, 25])
def test_a_glitch_shorter_than_half_a_bit_is_no_start(clocks: int) -> None:
    for width in range(1, clocks // 2 + 1):
        quiet = [1] * 20 * clocks
        after = levels_of([0xA6], clocks)
        assert receive(quiet + [0] * width + quiet + after, clocks) == Came([0xA6], 0), width
        # and one right before a start bit does no harm, once the line has been up for half a bit
        close = [1] * clocks + [0] * width + [1] * (clocks // 2 + 2) + after[3 * clocks :]
        assert receive(close, clocks) == Came([0xA6], 0), width


@pytest.mark.parametrize("clocks", [12, 25])
def test_glitches_away_from_the_middle_of_a_bit_change_nothing(clocks: int) -> None:
    draw = random.Random(clocks)
    sent = list(draw.randbytes(20))
    levels = levels_of(sent, clocks)
    first = 3 * clocks
    for byte in range(len(sent)):
        for bit in range(1, 10):
            place = first + (10 * byte + bit) * clocks + draw.choice((1, 2, clocks - 2, clocks - 1))
            levels[place] ^= 1
    assert receive(levels, clocks) == Came(sent, 0)


@pytest.mark.parametrize("bits", [10, 15.5, 97])
@pytest.mark.parametrize("clocks", [4, 12, 25])
def test_a_break_is_lost_once_and_the_next_byte_is_right(clocks: int, bits: float) -> None:
    before, after = levels_of([0x5A], clocks), levels_of([0xC3, 0x00], clocks)
    low = [0] * round(bits * clocks)
    assert receive(before + low + after, clocks) == Came([0x5A, 0xC3, 0x00], 1)
    assert receive(before + low + [1] * clocks + after[3 * clocks :], clocks) == Came([0x5A, 0xC3, 0x00], 1)


@pytest.mark.parametrize("clocks", [4, 12, 25])
def test_a_byte_without_stop_bit_is_lost_and_the_next_one_is_right(clocks: int) -> None:
    for byte in (*CORNERS, 0x2C):
        levels = levels_of([byte], clocks)
        stop = (3 + 9) * clocks
        levels[stop : stop + clocks] = [0] * clocks
        assert receive(levels + [1] * clocks + levels_of([0x9E], clocks), clocks) == Came([0x9E], 1)


def test_random_levels_never_stop_the_receiver() -> None:
    for seed in range(6):
        draw = random.Random(seed)
        noise: list[int] = []
        while len(noise) < 3000:
            noise += [draw.randrange(2)] * draw.choice((1, 1, 2, 5, 11, 12, 13, 40))
        sent = list(draw.randbytes(3))
        came = receive(noise + [1] * 12 * 11 + levels_of(sent, 12), 12)
        assert came.taken[-3:] == sent


def test_a_byte_that_is_not_taken_stays_and_the_next_is_lost() -> None:
    sent = [0x11, 0x22, 0x33]
    levels = levels_of(sent, 8)
    third = (3 + 20) * 8
    assert receive(levels, 8, [0] * third) == Came([0x11, 0x33], 1)
    assert receive(levels, 8, [0] * (len(levels) - 2)) == Came([0x11], 2)


@pytest.mark.parametrize("clocks", [4, 5, 12])
def test_a_byte_taken_in_the_clock_in_which_the_next_comes_is_not_lost(clocks: int) -> None:
    sent = [0x96, 0x3C, 0x00, 0xFF]
    levels = levels_of(sent, clocks)
    for period in {*range(1, 10), *range(10 * clocks - 9, 10 * clocks + 1)}:  # clocks from one transfer to the next
        ready = [int(n % period == period - 1) for n in range(len(levels) - 1)]
        came = receive(levels + [1] * 10 * clocks, clocks, ready + [1] * 10 * clocks)
        assert came == Came(sent, 0), period


def transmit(sent: Sequence[int], clocks: int) -> list[int]:
    """The line, clock by clock."""
    transmitter = UartTransmitter(clocks)
    line: list[int] = []

    async def testbench(ctx: Any) -> None:
        left = list(sent)
        for _ in range((len(sent) + 1) * 10 * clocks):
            ctx.set(transmitter.i.valid, bool(left))
            ctx.set(transmitter.i.payload, left[0] if left else 0xFF)
            if left and ctx.get(transmitter.i.ready):
                left.pop(0)
            line.append(ctx.get(transmitter.tx))
            await ctx.tick()

    simulator = Simulator(transmitter)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return line


@pytest.mark.parametrize("clocks", [4, 5, 12, 25])
def test_the_transmitter_sends_ten_exact_bits_and_no_pause(clocks: int) -> None:
    sent = [*CORNERS, *random.Random(clocks).randbytes(4)]
    bits = [level for byte in sent for level in (0, *(byte >> n & 1 for n in range(8)), 1)]
    wanted = [level for level in bits for _ in range(clocks)]
    assert transmit(sent, clocks) == [1, *wanted, *[1] * (10 * clocks - 1)]


@pytest.mark.parametrize(("clocks", "other"), [(4, 4), (50, 51), (51, 50), (100, 98), (98, 100)])
def test_a_receiver_hears_a_transmitter_with_another_clock(clocks: int, other: int) -> None:
    sent = list(random.Random(clocks).randbytes(8))
    assert receive(transmit(sent, clocks), other) == Came(sent, 0)


@pytest.mark.parametrize(
    ("clock_hz", "baud", "clocks"),
    [(12e6, 1e6, 12), (27e6, 1e6, 27), (12e6, 115_200, 104), (12e6, 3e6, 4), (50e6, 921_600, 54), (4.07e6, 1e6, 4)],
)
def test_the_divisor_is_the_nearest_whole_number(clock_hz: float, baud: float, clocks: int) -> None:
    assert divisor(clock_hz, baud) == clocks
    assert abs(clock_hz / clocks / baud - 1) <= 0.02


@pytest.mark.parametrize(
    ("clock_hz", "baud", "message"),
    [
        (12e6, 4e6, "at most 3000000, and 12 MHz divided by an integer within 2 %, not 4e+06"),
        (12e6, 2.2e6, "12 MHz divided by an integer within 2 %, not 2.2e+06"),
        (12e6, 12e6, "at most 3000000"),
        (4.2e6, 1e6, "within 2 %"),
        (12e6, 1e12, "at most 3000000"),
        (12e6, -1e6, "not -1e+06"),
    ],
)
def test_a_rate_that_the_clock_does_not_make_is_refused(clock_hz: float, baud: float, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        divisor(clock_hz, baud)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")  # Amaranth counts refused ones too
@pytest.mark.parametrize("clocks", [3, 0, -4, 12.0, "12"])
def test_fewer_than_four_clocks_a_bit_are_refused(clocks: Any) -> None:
    for kind in (UartReceiver, UartTransmitter):
        with pytest.raises(ValueError, match=f"clocks must be an integer of at least 4, not {clocks!r}"):
            kind(clocks)
    gc.collect()  # now, not in a later test
