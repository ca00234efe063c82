"""How much of each kind a board holds: estimates, to choose a board by, from what was measured on three of them.

Neurons share lanes, and stand in block RAM: it is what they run out of. Oscillators of a phase network are all there at
once, and run out of logic, or of block RAM for their weights.
"""

from __future__ import annotations

import math

from neuristor.boards.base import Board, Family

__all__ = ["neurons", "oscillators"]

NEURON_BITS = 66
"""State and parameters of a LIF neuron of 16 bits with noise and a refractory time."""
BLOCK_BITS: dict[Family, int] = {
    "ice40": 4096,
    "ecp5": 18432,
    "gowin": 18432,
    "gatemate": 20480,
    "xc7": 36864,
}
LINK_BITS = 2 * 512 * 32 + 2 * 256 * 32 + 256 * 8
"""Streams and frames."""
LINK_LOGIC = 2500
"""Of the link and the registers, in LUTs."""
OSCILLATOR_LOGIC: dict[Family, int] = {"ice40": 48, "ecp5": 51, "gowin": 51, "gatemate": 51, "xc7": 38}
"""LUTs of an oscillator with 5-bit weights; those of gowin and gatemate are ecp5's, for want of a measurement."""
WEIGHT_BITS = 5


def neurons(board: Board) -> int:
    """LIF neurons on a lane, as far as four fifths of the block RAM go."""
    bits = 0.8 * board.capacity["block RAM"] * BLOCK_BITS[board.family] - LINK_BITS
    return max(0, min(65_536, int(bits / NEURON_BITS)))


def oscillators(board: Board) -> int:
    """Phase oscillators, all coupled to all with 5-bit weights, in seven tenths of the logic and all block RAM."""
    logic = (0.7 * board.capacity["LUT"] - LINK_LOGIC) / OSCILLATOR_LOGIC[board.family]
    weights = math.sqrt((board.capacity["block RAM"] * BLOCK_BITS[board.family] - LINK_BITS) / WEIGHT_BITS)
    return max(0, int(min(logic, weights)))
