"""Names in generated Verilog."""

from __future__ import annotations

import pytest

from neuristor.hdl.names import check_module_name, module_name, plain_names, port_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("digits", "digits"),
        ("my design (1)", "my_design_1"),
        ("a__b", "a_b"),
        ("_a_", "a"),
        ("3x", "design_3x"),
        ("module", "design_module"),
        ("Signal", "design_Signal"),
        ("design", "design_design"),
        ("größe", "gr_e"),
        ("é", "circuit"),
        ("", "circuit"),
    ],
)
def test_any_text_gives_the_name_of_a_module(text: str, name: str) -> None:
    assert module_name(text) == name
    check_module_name(name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("i", "valid"), "i_valid"),
        (("weight_0_1", "payload"), "weight_0_1_payload"),
        (("bus", 0, "_x_"), "bus_0_x"),
        (("begin",), "begin_port"),
        (("Out",), "Out_port"),
        ((0,), "port_0"),
    ],
)
def test_the_parts_of_a_port_are_joined(path: tuple[str | int, ...], name: str) -> None:
    assert port_name(path) == name


def test_names_become_plain_and_stay_different() -> None:
    text = (
        "module top(\\i__valid , bit);\n"
        "  input \\i__valid ;\n"
        "  input bit;\n"
        "  wire [3:0] \\word$1 ;\n"
        "  wire [3:0] word_1;\n"
        "  wire \\word[1].low ;\n"
        "  reg [3:0] _00_;\n"
        "  initial _00_ = 4'hb;\n"
        "  assign \\word$1  = { \\word[1].low , _00_[2:0] } + 4'b10;\n"
        "  \\top.part  part (\n"
        "    .\\a$2 (\\word$1 [3:1])\n"
        "  );\n"
        "endmodule\n"
        "module \\top.part (\\a$2 );\n"
        "  input [2:0] \\a$2 ;\n"
        "endmodule\n"
    )
    assert plain_names(text, {"i__valid": "given"}) == (
        "module top(given, bit_signal);\n"
        "  input given;\n"
        "  input bit_signal;\n"
        "  wire [3:0] word_1_2;\n"
        "  wire [3:0] word_1;\n"
        "  wire word_1_low;\n"
        "  reg [3:0] _00_;\n"
        "  initial _00_ = 4'hb;\n"
        "  assign word_1_2 = { word_1_low, _00_[2:0] } + 4'b10;\n"
        "  top__part part (\n"
        "    .a_2(word_1_2[3:1])\n"
        "  );\n"
        "endmodule\n"
        "module top__part(a_2);\n"
        "  input [2:0] a_2;\n"
        "endmodule\n"
    )
