"""ULX3S: Lattice ECP5 LFE5U-85F, 25 MHz."""

from neuristor.boards.base import Board
from neuristor.boards.scope import pins

BOARD = Board(
    name="ulx3s-85f",
    title="ULX3S (Lattice ECP5-85F)",
    family="ecp5",
    device="LFE5U-85F-6BG381C",
    capacity={
        "LUT": 83640,
        "FF": 83640,
        "block RAM": 208,  # 18 kbit
        "DSP": 156,  # 18 x 18 multipliers
    },
    clock_hz=25e6,
    platform_class="amaranth_boards.ulx3s:ULX3S_85F_Platform",
    place_options=("--85k", "--package", "CABGA381", "--speed", "6"),
    pack_options=("--compress",),
    scope=("GP0", "GP1", "GP2", "GP3"),
    extra_resources=pins("gpio", ("0+", "1+", "2+", "3+"), IO_TYPE="LVCMOS33"),
    loader="ulx3s",
    usb=((0x0403, 0x6015),),  # FT231X
)
