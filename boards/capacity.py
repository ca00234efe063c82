"""Estimates of how many neurons or oscillators fit a board, to choose a board by; from measurements on three boards.

Neurons share lanes (processing elements) and keep their state in block RAM, which runs out first. The oscillators of a
phase network are parallel circuits: they are limited by logic, or by block RAM for their weights.
"""

from __future__ import annotations

import math

from neuristor.boards.base import Board, Family

__all__ = ["neurons", "oscillators"]

NEURON_BITS = 66
"""State and parameters of a 16-bit LIF neuron with noise and a refractory period, in bits."""
BLOCK_BITS: dict[Family, int] = {
    "ice40": 4096,
    "ecp5": 18432,
    "gowin": 18432,
    "gatemate": 20480,
    "xc7": 36864,
}
"""Size of one block RAM, in bits."""
LINK_BITS = 2 * 512 * 32 + 2 * 256 * 32 + 256 * 8
"""Block RAM of the host link: its streams and frame buffers, in bits."""
LINK_LOGIC = 2500
"""Logic of the host link and the registers, in LUTs."""
OSCILLATOR_LOGIC: dict[Family, int] = {"ice40": 48, "ecp5": 51, "gowin": 51, "gatemate": 51, "xc7": 38}
"""LUTs per oscillator with 5-bit weights. Gowin and GateMate were not measured: they have the value of ECP5."""
WEIGHT_BITS = 5
"""Word length of a synaptic weight of a phase network."""


def neurons(board: Board) -> int:
    """LIF neurons that fit in 80 % of the block RAM.

    Parameters
    ----------
    board : Board
        The board.

    Returns
    -------
    int
        Number of neurons, at most 65,536.
    """
    bits = 0.8 * board.capacity["block RAM"] * BLOCK_BITS[board.family] - LINK_BITS
    return max(0, min(65_536, int(bits / NEURON_BITS)))


def oscillators(board: Board) -> int:
    """Fully connected phase oscillators with 5-bit weights that fit in 70 % of the logic and in the block RAM.

    Parameters
    ----------
    board : Board
        The board.

    Returns
    -------
    int
        Number of oscillators.
    """
    logic = (0.7 * board.capacity["LUT"] - LINK_LOGIC) / OSCILLATOR_LOGIC[board.family]
    weights = math.sqrt((board.capacity["block RAM"] * BLOCK_BITS[board.family] - LINK_BITS) / WEIGHT_BITS)
    return max(0, int(min(logic, weights)))
