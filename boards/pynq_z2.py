"""PYNQ-Z2: Xilinx Zynq XC7Z020, 125 MHz; counted here, built with Vivado (see ``boards/vivado.py``).

The host is the processor system of the Zynq: it supplies the clock and accesses the core over AXI; no pin is used.
"""

from neuristor.boards.base import Board
from neuristor.boards.xc7z020 import BOARD as DEVICE

BOARD = Board(
    name="pynq-z2",
    title="PYNQ-Z2 (Xilinx Zynq XC7Z020)",
    family="xc7",
    device=DEVICE.device,
    capacity=DEVICE.capacity,
    clock_hz=125e6,
    loader="pynq_z2",
    loads=("memory",),  # the flash holds the processors' boot image
    usb=((0x0403, 0x6010),),  # FT2232H
)
