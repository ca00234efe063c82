// Lattice ECP5: multiplier and block RAM, of which Yosys has the ports only. For what `synth_ecp5` makes of them:
// other settings name a module that does not exist, which stops the elaboration.

module MULT18X18D (
	input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
	input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
	input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
	input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
	input CLK3, CLK2, CLK1, CLK0, CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
	output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
		P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
	parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_INPUTC_CLK = "NONE";
	parameter REG_PIPELINE_CLK = "NONE", REG_OUTPUT_CLK = "NONE";
	parameter SOURCEB_MODE = "B_SHIFT", MULT_BYPASS = "DISABLED", CAS_MATCH_REG = "FALSE";

	generate
		if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE" || REG_INPUTC_CLK != "NONE"
				|| REG_PIPELINE_CLK != "NONE" || REG_OUTPUT_CLK != "NONE")
			MULT18X18D_with_registers_has_no_model refused ();
		if (SOURCEB_MODE != "B_SHIFT" || MULT_BYPASS != "DISABLED" || CAS_MATCH_REG != "FALSE")
			MULT18X18D_of_this_mode_has_no_model refused ();
	endgenerate

	wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
	wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
	wire signed [18:0] x = {SIGNEDA & a[17], a};
	wire signed [18:0] y = {SIGNEDB & b[17], b};
	wire signed [37:0] product = x * y;
	// Operands from a neighbour are not modelled: the product is wrong if they are asked for.
	wire [35:0] p = product[35:0] ^ {36{SOURCEA | SOURCEB}};
	assign {
		P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
		P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
	} = p;
endmodule

module DP16KD (
	input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
		DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
	input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
	input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
	output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
		DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
	input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
		DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
	input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
	input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
	output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
		DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
	parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
	parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
	parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
	parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "ENABLED", WID = 0, INIT_DATA = "STATIC";
	parameter [319:0]
		INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0,
		INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0,
		INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0,
		INITVAL_12 = 0, INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
		INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0,
		INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0,
		INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0, INITVAL_29 = 0,
		INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
		INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0,
		INITVAL_36 = 0, INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
		INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;

	generate
		if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG")
			DP16KD_with_output_registers_has_no_model refused ();
		if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000" || INIT_DATA != "STATIC")
			DP16KD_of_this_mode_has_no_model refused ();
	endgenerate

	// With 36 bits, A writes and B reads, and each has the pins of both.
	localparam WIDE = DATA_WIDTH_A == 36 || DATA_WIDTH_B == 36;
	wire [35:0] in_a = {
		DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
		DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
		DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
		DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0
	};
	wire [17:0] in_b = in_a[35:18];
	wire [13:0] addr_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
	wire [13:0] addr_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
	// The lowest address bits of wide ports enable bytes.
	wire [35:0] mask_a = DATA_WIDTH_A < 18 ? {36{1'b1}} : {{9{ADA3}}, {9{ADA2}}, {9{ADA1}}, {9{ADA0}}};
	wire [17:0] mask_b = DATA_WIDTH_B < 18 ? {18{1'b1}} : {{9{ADB1}}, {9{ADB0}}};
	wire [DATA_WIDTH_A-1:0] out_a;
	wire [DATA_WIDTH_B-1:0] out_b;
	wire [35:0] read_b = out_b;
	wire [17:0] pins_a = DATA_WIDTH_B == 36 ? read_b[17:0] : WIDE ? 18'b0 : out_a;
	wire [17:0] pins_b = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];
	assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
		DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = pins_a;
	assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
		DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = pins_b;
	wire synchronous = RESETMODE == "SYNC";
	wire selected_a = {CSA2, CSA1, CSA0} == 0;
	wire selected_b = {CSB2, CSB1, CSB0} == 0;

	neuristor_ram #(
		.PAIR(20),
		.WIDTH_A(DATA_WIDTH_A),
		.WIDTH_B(DATA_WIDTH_B),
		.MODE_A(WRITEMODE_A == "READBEFOREWRITE" ? "OLD" : WRITEMODE_A == "WRITETHROUGH" ? "NEW" : "HOLD"),
		.MODE_B(WRITEMODE_B == "READBEFOREWRITE" ? "OLD" : WRITEMODE_B == "WRITETHROUGH" ? "NEW" : "HOLD"),
		.INIT({
			INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
			INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
			INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
			INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
			INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
			INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
			INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
			INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00
		})
	) ram (
		.clk_a(CLKA ^ (CLKAMUX == "INV")),
		.en_a(CEA & selected_a & ~(RSTA & synchronous)),
		.write_a(WEA),
		.reset_a(RSTA & synchronous),
		.areset_a(RSTA & !synchronous),
		.addr_a(addr_a),
		.mask_a(mask_a),
		.in_a(in_a),
		.out_a(out_a),
		.clk_b(CLKB ^ (CLKBMUX == "INV")),
		.en_b(CEB & selected_b & ~(RSTB & synchronous)),
		.write_b(WEB & !WIDE),
		.reset_b(RSTB & synchronous),
		.areset_b(RSTB & !synchronous),
		.addr_b(addr_b),
		.mask_b(mask_b),
		.in_b(in_b),
		.out_b(out_b)
	);
endmodule
