// Xilinx 7 series: block RAM, of which Yosys has the ports only. For what `synth_xilinx` makes of them: cascades, error
// correction, output registers and inverted pins name a module that does not exist, which stops the elaboration.

module RAMB18E1 (
	input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
	input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
	input [13:0] ADDRARDADDR, ADDRBWRADDR,
	input [15:0] DIADI, DIBDI,
	input [1:0] DIPADIP, DIPBDIP, WEA,
	input [3:0] WEBWE,
	output [15:0] DOADO, DOBDO,
	output [1:0] DOPADOP, DOPBDOP
);
	parameter DOA_REG = 0, DOB_REG = 0, INIT_FILE = "NONE", RAM_MODE = "TDP", SIM_DEVICE = "7SERIES";
	parameter READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0;
	parameter WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST";
	parameter [17:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0;
	parameter IS_CLKARDCLK_INVERTED = 1'b0, IS_CLKBWRCLK_INVERTED = 1'b0, IS_ENARDEN_INVERTED = 1'b0;
	parameter IS_ENBWREN_INVERTED = 1'b0, IS_RSTRAMARSTRAM_INVERTED = 1'b0, IS_RSTRAMB_INVERTED = 1'b0;
	parameter IS_RSTREGARSTREG_INVERTED = 1'b0, IS_RSTREGB_INVERTED = 1'b0;
	parameter [255:0]
		INIT_00 = 0, INIT_01 = 0, INIT_02 = 0, INIT_03 = 0, INIT_04 = 0, INIT_05 = 0, INIT_06 = 0, INIT_07 = 0,
		INIT_08 = 0, INIT_09 = 0, INIT_0A = 0, INIT_0B = 0, INIT_0C = 0, INIT_0D = 0, INIT_0E = 0, INIT_0F = 0,
		INIT_10 = 0, INIT_11 = 0, INIT_12 = 0, INIT_13 = 0, INIT_14 = 0, INIT_15 = 0, INIT_16 = 0, INIT_17 = 0,
		INIT_18 = 0, INIT_19 = 0, INIT_1A = 0, INIT_1B = 0, INIT_1C = 0, INIT_1D = 0, INIT_1E = 0, INIT_1F = 0,
		INIT_20 = 0, INIT_21 = 0, INIT_22 = 0, INIT_23 = 0, INIT_24 = 0, INIT_25 = 0, INIT_26 = 0, INIT_27 = 0,
		INIT_28 = 0, INIT_29 = 0, INIT_2A = 0, INIT_2B = 0, INIT_2C = 0, INIT_2D = 0, INIT_2E = 0, INIT_2F = 0,
		INIT_30 = 0, INIT_31 = 0, INIT_32 = 0, INIT_33 = 0, INIT_34 = 0, INIT_35 = 0, INIT_36 = 0, INIT_37 = 0,
		INIT_38 = 0, INIT_39 = 0, INIT_3A = 0, INIT_3B = 0, INIT_3C = 0, INIT_3D = 0, INIT_3E = 0, INIT_3F = 0;
	parameter [255:0]
		INITP_00 = 0, INITP_01 = 0, INITP_02 = 0, INITP_03 = 0, INITP_04 = 0, INITP_05 = 0, INITP_06 = 0,
		INITP_07 = 0;

	localparam SDP = RAM_MODE == "SDP";
	localparam A_WIDTH = READ_WIDTH_A > WRITE_WIDTH_A ? READ_WIDTH_A : WRITE_WIDTH_A;
	localparam B_WIDTH = READ_WIDTH_B > WRITE_WIDTH_B ? READ_WIDTH_B : WRITE_WIDTH_B;
	localparam WIDE = SDP && A_WIDTH == 36;
	generate
		if (DOA_REG || DOB_REG || IS_CLKARDCLK_INVERTED || IS_CLKBWRCLK_INVERTED
				|| IS_ENARDEN_INVERTED || IS_ENBWREN_INVERTED || IS_RSTRAMARSTRAM_INVERTED || IS_RSTRAMB_INVERTED)
			RAMB18E1_of_this_mode_has_no_model refused ();
		if (READ_WIDTH_A && WRITE_WIDTH_A && READ_WIDTH_A != WRITE_WIDTH_A
				|| READ_WIDTH_B && WRITE_WIDTH_B && READ_WIDTH_B != WRITE_WIDTH_B
				|| SDP && (WRITE_WIDTH_A || READ_WIDTH_B) || INIT_FILE != "NONE")
			RAMB18E1_of_this_width_has_no_model refused ();
	endgenerate

	// From parity behind the data, as in INIT_A and SRVAL_A, to parity beside its byte.
	function [17:0] beside(input [17:0] value, input integer width);
		integer k;
		begin
			beside = value;
			if (width >= 9)
				for (k = 0; k < 2; k = k + 1)
					beside[9 * k +: 9] = {k < width / 9 ? value[(width / 9) * 8 + k] : 1'b0, value[8 * k +: 8]};
		end
	endfunction
	localparam WIDTH_1 = WIDE ? 18 : READ_WIDTH_A;
	localparam WIDTH_2 = WIDE ? 18 : READ_WIDTH_B;
	localparam [17:0] START_1 = beside(INIT_A, WIDTH_1), CLEAR_1 = beside(SRVAL_A, WIDTH_1);
	localparam [17:0] START_2 = beside(INIT_B, WIDTH_2), CLEAR_2 = beside(SRVAL_B, WIDTH_2);

	// As a simple dual port, A reads and B writes; the widest has the pins of both.
	wire [17:0] pins_a = {DIPADIP[1], DIADI[15:8], DIPADIP[0], DIADI[7:0]};
	wire [17:0] pins_b = {DIPBDIP[1], DIBDI[15:8], DIPBDIP[0], DIBDI[7:0]};
	wire [35:0] in_b = SDP && B_WIDTH == 36 ? {pins_b, pins_a} : pins_b;
	wire [17:0] mask_a = A_WIDTH < 9 ? {18{WEA[0]}} : {{9{WEA[1]}}, {9{WEA[0]}}};
	wire [35:0] mask_b = B_WIDTH < 9 ? {36{WEBWE[0]}} : {{9{WEBWE[3]}}, {9{WEBWE[2]}}, {9{WEBWE[1]}}, {9{WEBWE[0]}}};
	wire [(A_WIDTH ? A_WIDTH : 1)-1:0] out_a;
	wire [(B_WIDTH ? B_WIDTH : 1)-1:0] out_b;
	wire [35:0] read_a = out_a;
	wire [17:0] read_b = WIDE ? read_a[35:18] : out_b;
	assign DOADO = {read_a[16:9], read_a[7:0]};
	assign DOPADOP = {read_a[17], read_a[8]};
	assign DOBDO = {read_b[16:9], read_b[7:0]};
	assign DOPBDOP = {read_b[17], read_b[8]};

	neuristor_ram #(
		.UNITS_LOG(11),
		.SPLIT(1),
		.WIDTH_A(A_WIDTH),
		.WIDTH_B(B_WIDTH),
		.MODE_A(WRITE_MODE_A == "READ_FIRST" ? "OLD" : WRITE_MODE_A == "WRITE_FIRST" ? "NEW" : "HOLD"),
		.MODE_B(WRITE_MODE_B == "READ_FIRST" ? "OLD" : WRITE_MODE_B == "WRITE_FIRST" ? "NEW" : "HOLD"),
		.SAFE(WRITE_MODE_A == "READ_FIRST" && WRITE_MODE_B == "READ_FIRST"), // with one clock
		.START_A(WIDE ? {START_2, START_1} : START_1),
		.START_B(START_2),
		.CLEAR_A(WIDE ? {CLEAR_2, CLEAR_1} : CLEAR_1),
		.CLEAR_B(CLEAR_2),
		.INIT({
			INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38, INIT_37, INIT_36, INIT_35,
			INIT_34, INIT_33, INIT_32, INIT_31, INIT_30, INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A,
			INIT_29, INIT_28, INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20, INIT_1F,
			INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18, INIT_17, INIT_16, INIT_15, INIT_14,
			INIT_13, INIT_12, INIT_11, INIT_10, INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09,
			INIT_08, INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
		}),
		.INITP({
			INITP_07, INITP_06, INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
		})
	) ram (
		.clk_a(CLKARDCLK),
		.en_a(ENARDEN),
		.write_a(WRITE_WIDTH_A ? |WEA : 1'b0),
		.reset_a(ENARDEN & RSTRAMARSTRAM),
		.areset_a(1'b0),
		.addr_a(ADDRARDADDR[13:0]),
		.mask_a(mask_a),
		.in_a(pins_a),
		.out_a(out_a),
		.clk_b(CLKBWRCLK),
		.en_b(ENBWREN),
		.write_b(WRITE_WIDTH_B ? |WEBWE : 1'b0),
		.reset_b(ENBWREN & RSTRAMB),
		.areset_b(1'b0),
		.addr_b(ADDRBWRADDR[13:0]),
		.mask_b(mask_b),
		.in_b(in_b),
		.out_b(out_b)
	);
endmodule

module RAMB36E1 (
	input CLKARDCLK, CLKBWRCLK, ENARDEN, ENBWREN, REGCEAREGCE, REGCEB,
	input RSTRAMARSTRAM, RSTRAMB, RSTREGARSTREG, RSTREGB,
	input CASCADEINA, CASCADEINB, INJECTDBITERR, INJECTSBITERR,
	output CASCADEOUTA, CASCADEOUTB, SBITERR, DBITERR,
	output [7:0] ECCPARITY,
	output [8:0] RDADDRECC,
	input [15:0] ADDRARDADDR, ADDRBWRADDR,
	input [31:0] DIADI, DIBDI,
	input [3:0] DIPADIP, DIPBDIP, WEA,
	input [7:0] WEBWE,
	output [31:0] DOADO, DOBDO,
	output [3:0] DOPADOP, DOPBDOP
);
	parameter DOA_REG = 0, DOB_REG = 0, INIT_FILE = "NONE", RAM_MODE = "TDP", SIM_DEVICE = "7SERIES";
	parameter READ_WIDTH_A = 0, READ_WIDTH_B = 0, WRITE_WIDTH_A = 0, WRITE_WIDTH_B = 0;
	parameter WRITE_MODE_A = "WRITE_FIRST", WRITE_MODE_B = "WRITE_FIRST";
	parameter [35:0] INIT_A = 0, INIT_B = 0, SRVAL_A = 0, SRVAL_B = 0;
	parameter EN_ECC_READ = "FALSE", EN_ECC_WRITE = "FALSE", RAM_EXTENSION_A = "NONE", RAM_EXTENSION_B = "NONE";
	parameter IS_CLKARDCLK_INVERTED = 1'b0, IS_CLKBWRCLK_INVERTED = 1'b0, IS_ENARDEN_INVERTED = 1'b0;
	parameter IS_ENBWREN_INVERTED = 1'b0, IS_RSTRAMARSTRAM_INVERTED = 1'b0, IS_RSTRAMB_INVERTED = 1'b0;
	parameter IS_RSTREGARSTREG_INVERTED = 1'b0, IS_RSTREGB_INVERTED = 1'b0;
	parameter [255:0]
		INIT_00 = 0, INIT_01 = 0, INIT_02 = 0, INIT_03 = 0, INIT_04 = 0, INIT_05 = 0, INIT_06 = 0, INIT_07 = 0,
		INIT_08 = 0, INIT_09 = 0, INIT_0A = 0, INIT_0B = 0, INIT_0C = 0, INIT_0D = 0, INIT_0E = 0, INIT_0F = 0,
		INIT_10 = 0, INIT_11 = 0, INIT_12 = 0, INIT_13 = 0, INIT_14 = 0, INIT_15 = 0, INIT_16 = 0, INIT_17 = 0,
		INIT_18 = 0, INIT_19 = 0, INIT_1A = 0, INIT_1B = 0, INIT_1C = 0, INIT_1D = 0, INIT_1E = 0, INIT_1F = 0,
		INIT_20 = 0, INIT_21 = 0, INIT_22 = 0, INIT_23 = 0, INIT_24 = 0, INIT_25 = 0, INIT_26 = 0, INIT_27 = 0,
		INIT_28 = 0, INIT_29 = 0, INIT_2A = 0, INIT_2B = 0, INIT_2C = 0, INIT_2D = 0, INIT_2E = 0, INIT_2F = 0,
		INIT_30 = 0, INIT_31 = 0, INIT_32 = 0, INIT_33 = 0, INIT_34 = 0, INIT_35 = 0, INIT_36 = 0, INIT_37 = 0,
		INIT_38 = 0, INIT_39 = 0, INIT_3A = 0, INIT_3B = 0, INIT_3C = 0, INIT_3D = 0, INIT_3E = 0, INIT_3F = 0,
		INIT_40 = 0, INIT_41 = 0, INIT_42 = 0, INIT_43 = 0, INIT_44 = 0, INIT_45 = 0, INIT_46 = 0, INIT_47 = 0,
		INIT_48 = 0, INIT_49 = 0, INIT_4A = 0, INIT_4B = 0, INIT_4C = 0, INIT_4D = 0, INIT_4E = 0, INIT_4F = 0,
		INIT_50 = 0, INIT_51 = 0, INIT_52 = 0, INIT_53 = 0, INIT_54 = 0, INIT_55 = 0, INIT_56 = 0, INIT_57 = 0,
		INIT_58 = 0, INIT_59 = 0, INIT_5A = 0, INIT_5B = 0, INIT_5C = 0, INIT_5D = 0, INIT_5E = 0, INIT_5F = 0,
		INIT_60 = 0, INIT_61 = 0, INIT_62 = 0, INIT_63 = 0, INIT_64 = 0, INIT_65 = 0, INIT_66 = 0, INIT_67 = 0,
		INIT_68 = 0, INIT_69 = 0, INIT_6A = 0, INIT_6B = 0, INIT_6C = 0, INIT_6D = 0, INIT_6E = 0, INIT_6F = 0,
		INIT_70 = 0, INIT_71 = 0, INIT_72 = 0, INIT_73 = 0, INIT_74 = 0, INIT_75 = 0, INIT_76 = 0, INIT_77 = 0,
		INIT_78 = 0, INIT_79 = 0, INIT_7A = 0, INIT_7B = 0, INIT_7C = 0, INIT_7D = 0, INIT_7E = 0, INIT_7F = 0;
	parameter [255:0]
		INITP_00 = 0, INITP_01 = 0, INITP_02 = 0, INITP_03 = 0, INITP_04 = 0, INITP_05 = 0, INITP_06 = 0,
		INITP_07 = 0, INITP_08 = 0, INITP_09 = 0, INITP_0A = 0, INITP_0B = 0, INITP_0C = 0, INITP_0D = 0,
		INITP_0E = 0, INITP_0F = 0;

	localparam SDP = RAM_MODE == "SDP";
	localparam A_WIDTH = READ_WIDTH_A > WRITE_WIDTH_A ? READ_WIDTH_A : WRITE_WIDTH_A;
	localparam B_WIDTH = READ_WIDTH_B > WRITE_WIDTH_B ? READ_WIDTH_B : WRITE_WIDTH_B;
	localparam WIDE = SDP && A_WIDTH == 72;
	generate
		if (DOA_REG || DOB_REG || EN_ECC_READ != "FALSE" || EN_ECC_WRITE != "FALSE"
				|| RAM_EXTENSION_A != "NONE" || RAM_EXTENSION_B != "NONE" || IS_CLKARDCLK_INVERTED || IS_CLKBWRCLK_INVERTED
				|| IS_ENARDEN_INVERTED || IS_ENBWREN_INVERTED || IS_RSTRAMARSTRAM_INVERTED || IS_RSTRAMB_INVERTED)
			RAMB36E1_of_this_mode_has_no_model refused ();
		if (READ_WIDTH_A && WRITE_WIDTH_A && READ_WIDTH_A != WRITE_WIDTH_A
				|| READ_WIDTH_B && WRITE_WIDTH_B && READ_WIDTH_B != WRITE_WIDTH_B
				|| SDP && (WRITE_WIDTH_A || READ_WIDTH_B) || INIT_FILE != "NONE")
			RAMB36E1_of_this_width_has_no_model refused ();
	endgenerate

	// From parity behind the data, as in INIT_A and SRVAL_A, to parity beside its byte.
	function [35:0] beside(input [35:0] value, input integer width);
		integer k;
		begin
			beside = value;
			if (width >= 9)
				for (k = 0; k < 4; k = k + 1)
					beside[9 * k +: 9] = {k < width / 9 ? value[(width / 9) * 8 + k] : 1'b0, value[8 * k +: 8]};
		end
	endfunction
	localparam WIDTH_1 = WIDE ? 36 : READ_WIDTH_A;
	localparam WIDTH_2 = WIDE ? 36 : READ_WIDTH_B;
	localparam [35:0] START_1 = beside(INIT_A, WIDTH_1), CLEAR_1 = beside(SRVAL_A, WIDTH_1);
	localparam [35:0] START_2 = beside(INIT_B, WIDTH_2), CLEAR_2 = beside(SRVAL_B, WIDTH_2);

	// As a simple dual port, A reads and B writes; the widest has the pins of both.
	wire [35:0] pins_a = {
		DIPADIP[3], DIADI[31:24], DIPADIP[2], DIADI[23:16],
		DIPADIP[1], DIADI[15:8], DIPADIP[0], DIADI[7:0]
	};
	wire [35:0] pins_b = {
		DIPBDIP[3], DIBDI[31:24], DIPBDIP[2], DIBDI[23:16],
		DIPBDIP[1], DIBDI[15:8], DIPBDIP[0], DIBDI[7:0]
	};
	wire [71:0] in_b = SDP && B_WIDTH == 72 ? {pins_b, pins_a} : pins_b;
	wire [35:0] mask_a = A_WIDTH < 9 ? {36{WEA[0]}} : {{9{WEA[3]}}, {9{WEA[2]}}, {9{WEA[1]}}, {9{WEA[0]}}};
	wire [71:0] mask_b = B_WIDTH < 9 ? {72{WEBWE[0]}} : {
		{9{WEBWE[7]}}, {9{WEBWE[6]}}, {9{WEBWE[5]}}, {9{WEBWE[4]}}, {9{WEBWE[3]}},
		{9{WEBWE[2]}}, {9{WEBWE[1]}}, {9{WEBWE[0]}}
	};
	wire [(A_WIDTH ? A_WIDTH : 1)-1:0] out_a;
	wire [(B_WIDTH ? B_WIDTH : 1)-1:0] out_b;
	wire [71:0] read_a = out_a;
	wire [35:0] read_b = WIDE ? read_a[71:36] : out_b;
	assign DOADO = {read_a[34:27], read_a[25:18], read_a[16:9], read_a[7:0]};
	assign DOPADOP = {read_a[35], read_a[26], read_a[17], read_a[8]};
	assign DOBDO = {read_b[34:27], read_b[25:18], read_b[16:9], read_b[7:0]};
	assign DOPBDOP = {read_b[35], read_b[26], read_b[17], read_b[8]};
	assign {CASCADEOUTA, CASCADEOUTB, SBITERR, DBITERR, ECCPARITY, RDADDRECC} = 0;

	neuristor_ram #(
		.UNITS_LOG(12),
		.SPLIT(1),
		.WIDTH_A(A_WIDTH),
		.WIDTH_B(B_WIDTH),
		.MODE_A(WRITE_MODE_A == "READ_FIRST" ? "OLD" : WRITE_MODE_A == "WRITE_FIRST" ? "NEW" : "HOLD"),
		.MODE_B(WRITE_MODE_B == "READ_FIRST" ? "OLD" : WRITE_MODE_B == "WRITE_FIRST" ? "NEW" : "HOLD"),
		.SAFE(WRITE_MODE_A == "READ_FIRST" && WRITE_MODE_B == "READ_FIRST"), // with one clock
		.START_A(WIDE ? {START_2, START_1} : START_1),
		.START_B(START_2),
		.CLEAR_A(WIDE ? {CLEAR_2, CLEAR_1} : CLEAR_1),
		.CLEAR_B(CLEAR_2),
		.INIT({
			INIT_7F, INIT_7E, INIT_7D, INIT_7C, INIT_7B, INIT_7A, INIT_79, INIT_78, INIT_77, INIT_76, INIT_75,
			INIT_74, INIT_73, INIT_72, INIT_71, INIT_70, INIT_6F, INIT_6E, INIT_6D, INIT_6C, INIT_6B, INIT_6A,
			INIT_69, INIT_68, INIT_67, INIT_66, INIT_65, INIT_64, INIT_63, INIT_62, INIT_61, INIT_60, INIT_5F,
			INIT_5E, INIT_5D, INIT_5C, INIT_5B, INIT_5A, INIT_59, INIT_58, INIT_57, INIT_56, INIT_55, INIT_54,
			INIT_53, INIT_52, INIT_51, INIT_50, INIT_4F, INIT_4E, INIT_4D, INIT_4C, INIT_4B, INIT_4A, INIT_49,
			INIT_48, INIT_47, INIT_46, INIT_45, INIT_44, INIT_43, INIT_42, INIT_41, INIT_40, INIT_3F, INIT_3E,
			INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38, INIT_37, INIT_36, INIT_35, INIT_34, INIT_33,
			INIT_32, INIT_31, INIT_30, INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A, INIT_29, INIT_28,
			INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20, INIT_1F, INIT_1E, INIT_1D,
			INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18, INIT_17, INIT_16, INIT_15, INIT_14, INIT_13, INIT_12,
			INIT_11, INIT_10, INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09, INIT_08, INIT_07,
			INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
		}),
		.INITP({
			INITP_0F, INITP_0E, INITP_0D, INITP_0C, INITP_0B, INITP_0A, INITP_09, INITP_08, INITP_07, INITP_06,
			INITP_05, INITP_04, INITP_03, INITP_02, INITP_01, INITP_00
		})
	) ram (
		.clk_a(CLKARDCLK),
		.en_a(ENARDEN),
		.write_a(WRITE_WIDTH_A ? |WEA : 1'b0),
		.reset_a(ENARDEN & RSTRAMARSTRAM),
		.areset_a(1'b0),
		.addr_a(ADDRARDADDR[14:0]),
		.mask_a(mask_a),
		.in_a(pins_a),
		.out_a(out_a),
		.clk_b(CLKBWRCLK),
		.en_b(ENBWREN),
		.write_b(WRITE_WIDTH_B ? |WEBWE : 1'b0),
		.reset_b(ENBWREN & RSTRAMB),
		.areset_b(1'b0),
		.addr_b(ADDRBWRADDR[14:0]),
		.mask_b(mask_b),
		.in_b(in_b),
		.out_b(out_b)
	);
endmodule
