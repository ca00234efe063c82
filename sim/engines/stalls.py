"""Stall patterns and limits that the test benches of all simulators share."""

import random

IDLE_LIMIT = 5000
"""Clocks without a transfer after which a circuit counts as stuck."""

LENGTHS = (1021, 1019)  # two primes: the pair of patterns repeats only after a million clocks


class StreamError(AssertionError):
    """The circuit is stuck, sends unknown bits, or violates the stream handshake."""


def stall_patterns(seed: int | None) -> tuple[bytes, bytes]:
    """Return stall patterns for `valid` and `ready`, one byte per clock; the test bench repeats them cyclically.

    In clock ``t`` the bench may offer a new row if ``valid[t % len(valid)]`` is 1; an offered row stays until it is
    accepted. The bench accepts a row if ``ready[t % len(ready)]`` is 1. The patterns mix bursts at full speed with
    slower transfers of random density.

    Parameters
    ----------
    seed : int or None
        Seed of the patterns; None for patterns without stalls.

    Returns
    -------
    valid, ready : bytes
        The patterns: 1 to transfer, 0 to stall.
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
