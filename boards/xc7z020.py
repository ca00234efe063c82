"""Xilinx Zynq XC7Z020: synthesis and resource counts only (no free place and route on PyPI)."""

from neuristor.boards.base import Board

BOARD = Board(
    name="xc7z020",
    title="Xilinx Zynq XC7Z020 (resource counts only)",
    family="xc7",
    device="xc7z020clg400-1",
    capacity={
        "LUT": 53200,
        "FF": 106400,
        "block RAM": 140,  # 36 kbit
        "DSP": 220,
    },
)
