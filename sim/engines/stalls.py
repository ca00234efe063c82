"""What the benches of all simulators share: when they offer and accept rows, when they give up."""

import random

IDLE_LIMIT = 5000
"""Clocks without a transfer after which an exchange gives up."""

LENGTHS = (1021, 1019)  # two primes: the pair repeats after a million clocks only


class StreamError(AssertionError):
    """The design stopped, sent unknown bits or broke the rule of streams."""


def stall_patterns(seed: int | None) -> tuple[bytes, bytes]:
    """Return the patterns of `valid` and `ready`, one byte a clock, to be cycled.

    Clock ``t`` may offer a new row if ``valid[t % len(valid)]`` is 1; an offered row stays
    until it is taken. It accepts a row if ``ready[t % len(ready)]`` is 1. The patterns mix
    bursts at full speed, rare transfers and everything between; with no seed, they never stall.
    """
    if seed is None:
        return b"\1", b"\1"
    rng = random.Random(seed)
    return _pattern(rng, LENGTHS[0]), _pattern(rng, LENGTHS[1])


def _pattern(rng: random.Random, length: int) -> bytes:
    pattern = bytearray()
    while len(pattern) < length:
        density = rng.choice((0.1, 0.5, 0.9, 1.0))
        pattern += bytes(rng.random() < density for _ in range(rng.randint(1, 40)))
    pattern[length - 1] = 1  # never all stalls
    return bytes(pattern[:length])
