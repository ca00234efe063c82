"""Byte stuffing against the package ``cobs``, an independent judge."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from amaranth.sim import Simulator
from cobs import cobs

from neuristor.hdl.link.cobs import CobsDecoder, CobsEncoder

LENGTHS = (*range(6), 127, *range(252, 258), *range(507, 511), 600)
STALLS = {"none": (1.0, 1.0), "some": (0.7, 0.6), "slow input": (0.2, 1.0), "slow output": (1.0, 0.2)}
"""The share of clocks in which the input is there, and the output is taken."""


def contents(seed: int) -> list[bytes]:
    """Frames of all lengths: few zeros, many, none; runs of 253 to 255 without one; zeros at the end."""
    draw = random.Random(seed)
    made = [bytes(length) for length in (1, 2, 253, 254, 255)]
    for length in LENGTHS:
        made.append(bytes(draw.randrange(1, 256) for _ in range(length)))
        made.append(bytes(draw.choice((0, 0, draw.randrange(256))) for _ in range(length)))
    for run in (252, 253, 254, 255, 256, 507, 508, 509):
        block = bytes(draw.randrange(1, 256) for _ in range(run))
        made += [b"\0" + block, block + b"\0", block + b"\0\0", b"\0" + block + b"\0", block + b"\0" + block[:5]]
    made += [b"\xff" * 254, b"\xff" * 255, b"\x01" * 254, b"\x01", b"\xff", b"\0\x01", b"\x01\0", b"\xfe" * 253]
    draw.shuffle(made)
    return made


def encoded(frames: Sequence[bytes], stalls: tuple[float, float], seed: int) -> bytes:
    """What the circuit makes of frames that are not empty."""
    encoder = CobsEncoder()
    given = [(byte, n == len(frame) - 1) for frame in frames for n, byte in enumerate(frame)]
    draw = random.Random(seed)
    got = bytearray()

    async def testbench(ctx: Any) -> None:
        place = ends = quiet = 0
        held: int | None = None
        while ends < len(frames):
            offered = place < len(given) and draw.random() < stalls[0]
            ctx.set(encoder.i.valid, offered)
            data, last = given[place] if offered else (draw.randrange(256), draw.randrange(2))
            ctx.set(encoder.i.p.data, data)
            ctx.set(encoder.i.p.last, last)
            taken = draw.random() < stalls[1]
            ctx.set(encoder.o.ready, taken)
            quiet += 1
            assert quiet < 200, "nothing moves"
            if ctx.get(encoder.o.valid):
                byte = ctx.get(encoder.o.payload)
                assert held in (None, byte), "a byte must stay until it is taken"
                held = None if taken else byte
                if taken:
                    got.append(byte)
                    ends += byte == 0
                    quiet = 0
            else:
                assert held is None, "a byte went before it was taken"
            if offered and ctx.get(encoder.i.ready):
                place += 1
                quiet = 0
            await ctx.tick()

    simulator = Simulator(encoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return bytes(got)


class Ended(NamedTuple):
    """What a decoder made of the bytes up to a zero."""

    data: bytes
    bad: bool


def decoded(received: bytes, stalls: tuple[float, float], seed: int) -> list[Ended]:
    """What the circuit makes of bytes."""
    decoder = CobsDecoder()
    draw = random.Random(seed)
    frames: list[Ended] = []
    data = bytearray()

    async def testbench(ctx: Any) -> None:
        place = quiet = 0
        held: tuple[int, ...] | None = None
        while place < len(received):
            offered = draw.random() < stalls[0]
            taken = draw.random() < stalls[1]
            ctx.set(decoder.i.valid, offered)
            ctx.set(decoder.i.payload, received[place] if offered else draw.randrange(256))
            ctx.set(decoder.o.ready, taken)
            quiet += 1
            assert quiet < 200, "nothing moves"
            if ctx.get(decoder.o.valid):
                token = tuple(ctx.get(part) for part in (decoder.o.p.end, decoder.o.p.bad, decoder.o.p.data))
                assert held in (None, token), "a token must stay until it is taken"
                if taken:
                    if token[0]:
                        frames.append(Ended(bytes(data), bool(token[1])))
                        data.clear()
                    else:
                        data.append(token[2])
                held = None if taken else token
            else:
                assert held is None or not offered, "a token went before it was taken"
            if offered and ctx.get(decoder.i.ready):
                place, quiet = place + 1, 0
            await ctx.tick()

    simulator = Simulator(decoder)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return frames


def judged(stuffed: bytes) -> bytes | None:
    """What the package makes of the bytes up to a zero; None if they are no frame."""
    try:
        return bytes(cobs.decode(stuffed))
    except cobs.DecodeError:
        return None


def compare(received: bytes, frames: list[Ended]) -> tuple[int, int]:
    """Compare all frames; how many were good and bad."""
    *whole, rest = received.split(b"\0")
    assert len(frames) == len(whole)
    assert not rest
    bad = 0
    for stuffed, frame in zip(whole, frames, strict=True):
        wanted = judged(stuffed)
        assert frame.bad == (wanted is None), stuffed
        bad += frame.bad
        if wanted is not None:
            assert frame.data == wanted
    return len(whole) - bad, bad


@pytest.mark.few(1)
@pytest.mark.parametrize("stalls", STALLS)
def test_the_encoder_makes_the_bytes_of_the_package(stalls: str) -> None:
    frames = [frame for frame in contents(seed=1) if frame]
    if stalls != "none":
        frames = [frame for frame in frames if len(frame) < 300][::2]
    assert encoded(frames, STALLS[stalls], seed=2) == b"".join(cobs.encode(frame) + b"\0" for frame in frames)


@pytest.mark.few(1)
@pytest.mark.parametrize("stalls", STALLS)
def test_the_decoder_makes_the_frames_of_the_package(stalls: str) -> None:
    frames = contents(seed=3)
    if stalls != "none":
        frames = [frame for frame in frames if len(frame) < 300][::2]
    received = b"".join(cobs.encode(frame) + b"\0" for frame in frames)
    assert decoded(received, STALLS[stalls], seed=4) == [Ended(frame, False) for frame in frames]


def test_the_decoder_tells_frames_that_end_within_a_block() -> None:
    draw = random.Random(5)
    received = bytearray()
    for frame in contents(seed=6):
        stuffed = bytearray(cobs.encode(frame))
        if len(stuffed) < 300 and len(stuffed) > 1:
            for _ in range(3):
                received += stuffed[: draw.randrange(1, len(stuffed))] + b"\0"
            received += stuffed + b"\0"
    good, bad = compare(bytes(received), decoded(bytes(received), (1.0, 1.0), seed=7))
    assert min(good, bad) > 50


@pytest.mark.parametrize("seed", range(4))
def test_the_decoder_makes_of_any_bytes_what_the_package_makes(seed: int) -> None:
    draw = random.Random(seed)
    few = bytes(draw.choice((0, 1, 2, 3, 4, 255, draw.randrange(256))) for _ in range(2500))
    received = few + b"\0" + b"\xff" * 700 + b"\0\0\0" + draw.randbytes(1500) + b"\0\x01\0\x02\0\xff\0"
    good, bad = compare(received, decoded(received, (0.9, 0.9), seed))
    assert min(good, bad) > 50
