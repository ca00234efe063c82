"""Tang Nano 9K: Gowin GW1NR-9C, 27 MHz."""

from neuristor.boards.base import Board

BOARD = Board(
    name="tang-nano-9k",
    title="Tang Nano 9K (Gowin GW1NR-9C)",
    family="gowin",
    device="GW1NR-LV9QN88PC6/I5",
    capacity={
        "LUT": 8640,
        "FF": 6480,
        "block RAM": 26,  # 18 kbit
        "DSP": 20,  # 18 x 18 multipliers
    },
    clock_hz=27e6,
    platform_class="amaranth_boards.tang_nano_9k:TangNano9kPlatform",
    # Multiplication in LUTs: nextpnr 0.11 has no timing model of the multiplier blocks.
    synth_options=("-nodsp",),
    place_options=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
    # As in amaranth-boards: pins shared with the flash interface serve as ordinary pins.
    pack_options=("-d", "GW1N-9C", "--sspi_as_gpio", "--mspi_as_gpio"),
    untimed=("DSP",),
    loader="tangnano9k",
    usb=((0x0403, 0x6010),),  # BL702, which identifies itself as an FT2232
)
