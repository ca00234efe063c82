"""iCEBreaker: Lattice iCE40UP5K, 12 MHz."""

from neuristor.boards.base import Board
from neuristor.boards.scope import pins

BOARD = Board(
    name="icebreaker",
    title="iCEBreaker (Lattice iCE40UP5K)",
    family="ice40",
    device="iCE40UP5K-SG48",
    capacity={
        "LUT": 5280,
        "FF": 5280,
        "logic cell": 5280,  # one LUT, carry and flip-flop each: runs out first
        "block RAM": 30,  # 4 kbit
        "SPRAM": 4,  # 256 kbit, one port, no initial value
        "DSP": 8,
    },
    clock_hz=12e6,
    platform_class="amaranth_boards.icebreaker:ICEBreakerPlatform",
    synth_options=("-device", "u", "-dsp"),
    place_options=("--up5k", "--package", "sg48"),
    scope=("PMOD1A pin 1", "PMOD1A pin 2", "PMOD1A pin 3", "PMOD1A pin 4"),
    extra_resources=pins("pmod", ("1", "2", "3", "4"), IO_STANDARD="SB_LVCMOS"),
    loader="ice40_generic",
    loads=("flash",),  # with the factory jumper setting, the configuration memory cannot be written
    usb=((0x0403, 0x6010),),  # FT2232H
)
