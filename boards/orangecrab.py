"""OrangeCrab r0.2: Lattice ECP5 LFE5U-25F, 48 MHz."""

from amaranth.build import Attrs, Pins, PinsN, Resource, Subsignal

from neuristor.boards.base import Board
from neuristor.boards.scope import pins

BOARD = Board(
    name="orangecrab",
    title="OrangeCrab r0.2 (Lattice ECP5-25F)",
    family="ecp5",
    device="LFE5U-25F-8MG285C",
    capacity={
        "LUT": 24288,
        "FF": 24288,
        "block RAM": 56,  # 18 kbit
        "DSP": 28,  # 18 x 18 multipliers
    },
    clock_hz=48e6,
    platform_class="amaranth_boards.orangecrab_r0_2:OrangeCrabR0_2_25FPlatform",
    place_options=("--25k", "--package", "CSFBGA285", "--speed", "8"),
    pack_options=("--compress", "--freq", "38.8"),
    extra_resources=(
        # The green and blue parts of its RGB LED, which amaranth-boards calls "rgb_led".
        Resource("led", 0, PinsN("M3", dir="o"), Attrs(IO_TYPE="LVCMOS33")),
        Resource("led", 1, PinsN("J3", dir="o"), Attrs(IO_TYPE="LVCMOS33")),
        # USB is wired to the FPGA: connect a serial adapter to pins 0 (rx) and 1 (tx), as on other Feather boards.
        Resource(
            "uart",
            0,
            Subsignal("rx", Pins("0", dir="i", conn=("io", 0)), Attrs(PULLMODE="UP")),
            Subsignal("tx", Pins("1", dir="o", conn=("io", 0))),
            Attrs(IO_TYPE="LVCMOS33"),
        ),
        *pins("io", ("5", "6", "9", "10"), IO_TYPE="LVCMOS33"),
    ),
    scope=("5", "6", "9", "10"),
    loader="orangeCrab",
    loads=("flash",),  # through the bootloader
    loader_hint="hold its button while you plug it in, so that its bootloader starts",
    usb=((0x1209, 0x5AF0), (0x1209, 0x5BF0)),  # bootloader, and the factory firmware
)
