"""Arty A7-35T: Xilinx Artix-7 XC7A35T, 100 MHz; counted here, built with Vivado (see ``boards/vivado.py``)."""

from neuristor.boards.base import Board

BOARD = Board(
    name="arty-a7-35t",
    title="Arty A7-35T (Xilinx Artix-7 XC7A35T)",
    family="xc7",
    device="xc7a35ticsg324-1L",
    capacity={
        "LUT": 20800,
        "FF": 41600,
        "block RAM": 50,  # 36 kbit
        "DSP": 90,
    },
    clock_hz=100e6,
    # Digilent's Arty-A7-35-Master.xdc: CLK100MHZ, ck_rst, uart_txd_in, uart_rxd_out, led[0] and led[1] (LD4 and LD5).
    pins={"clk": "E3", "rst_n": "C2", "rx": "A9", "tx": "D10", "led_0": "H5", "led_1": "J5"},
    loader="arty_a7_35t",
    usb=((0x0403, 0x6010),),  # FT2232H
)
