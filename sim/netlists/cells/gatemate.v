// Cologne Chip GateMate: block RAM. Yosys has models of one bit a word, which no compiler gets through in an hour;
// these hold the same bits. Error correction, cascades and output registers name a module that does not exist, which
// stops the elaboration.

module CC_BRAM_20K (
	output [19:0] A_DO, B_DO,
	output ECC_1B_ERR, ECC_2B_ERR,
	input A_CLK, B_CLK, A_EN, B_EN, A_WE, B_WE,
	input [15:0] A_ADDR, B_ADDR,
	input [19:0] A_DI, B_DI, A_BM, B_BM
);
	parameter LOC = "UNPLACED", RAM_MODE = "SDP", A_WR_MODE = "NO_CHANGE", B_WR_MODE = "NO_CHANGE";
	parameter A_RD_WIDTH = 0, B_RD_WIDTH = 0, A_WR_WIDTH = 0, B_WR_WIDTH = 0;
	parameter A_CLK_INV = 1'b0, B_CLK_INV = 1'b0, A_EN_INV = 1'b0, B_EN_INV = 1'b0, A_WE_INV = 1'b0, B_WE_INV = 1'b0;
	parameter A_DO_REG = 1'b0, B_DO_REG = 1'b0, ECC_EN = 1'b0;
	parameter [319:0]
		INIT_00 = 0, INIT_01 = 0, INIT_02 = 0, INIT_03 = 0, INIT_04 = 0, INIT_05 = 0, INIT_06 = 0, INIT_07 = 0,
		INIT_08 = 0, INIT_09 = 0, INIT_0A = 0, INIT_0B = 0, INIT_0C = 0, INIT_0D = 0, INIT_0E = 0, INIT_0F = 0,
		INIT_10 = 0, INIT_11 = 0, INIT_12 = 0, INIT_13 = 0, INIT_14 = 0, INIT_15 = 0, INIT_16 = 0, INIT_17 = 0,
		INIT_18 = 0, INIT_19 = 0, INIT_1A = 0, INIT_1B = 0, INIT_1C = 0, INIT_1D = 0, INIT_1E = 0, INIT_1F = 0,
		INIT_20 = 0, INIT_21 = 0, INIT_22 = 0, INIT_23 = 0, INIT_24 = 0, INIT_25 = 0, INIT_26 = 0, INIT_27 = 0,
		INIT_28 = 0, INIT_29 = 0, INIT_2A = 0, INIT_2B = 0, INIT_2C = 0, INIT_2D = 0, INIT_2E = 0, INIT_2F = 0,
		INIT_30 = 0, INIT_31 = 0, INIT_32 = 0, INIT_33 = 0, INIT_34 = 0, INIT_35 = 0, INIT_36 = 0, INIT_37 = 0,
		INIT_38 = 0, INIT_39 = 0, INIT_3A = 0, INIT_3B = 0, INIT_3C = 0, INIT_3D = 0, INIT_3E = 0, INIT_3F = 0;

	localparam SDP = RAM_MODE == "SDP";
	localparam A_WIDTH = A_RD_WIDTH > A_WR_WIDTH ? A_RD_WIDTH : A_WR_WIDTH;
	localparam B_WIDTH = B_RD_WIDTH > B_WR_WIDTH ? B_RD_WIDTH : B_WR_WIDTH;
	generate
		if (ECC_EN || A_DO_REG || B_DO_REG)
			CC_BRAM_20K_of_this_mode_has_no_model refused ();
		if (SDP && (A_WR_WIDTH && A_WR_WIDTH != 40 || B_RD_WIDTH && B_RD_WIDTH != 40))
			CC_BRAM_20K_of_this_width_has_no_model refused ();
	endgenerate

	// As a simple dual port, A writes and B reads, and each has the pins of both.
	wire [39:0] in_a = {B_DI, A_DI};
	wire [39:0] mask_a = {B_BM, A_BM};
	wire [39:0] read_a, read_b;
	assign A_DO = SDP ? read_b[19:0] : read_a[19:0];
	assign B_DO = SDP ? read_b[39:20] : read_b[19:0];
	wire [(A_WIDTH ? A_WIDTH : 1)-1:0] out_a;
	wire [(B_WIDTH ? B_WIDTH : 1)-1:0] out_b;
	assign read_a = out_a;
	assign read_b = out_b;
	assign {ECC_1B_ERR, ECC_2B_ERR} = 0;

	neuristor_ram #(
		.UNIT(5),
		.SUB(4),
		.SUB_LOG(2),
		.UNITS_LOG(12),
		.PAIR(10),
		.WIDTH_A(A_WIDTH),
		.WIDTH_B(B_WIDTH),
		.MODE_A(A_WR_MODE == "WRITE_THROUGH" ? "NEW" : "HOLD"),
		.MODE_B(B_WR_MODE == "WRITE_THROUGH" ? "NEW" : "HOLD"),
		.INIT({
			INIT_3F, INIT_3E, INIT_3D, INIT_3C, INIT_3B, INIT_3A, INIT_39, INIT_38, INIT_37, INIT_36, INIT_35,
			INIT_34, INIT_33, INIT_32, INIT_31, INIT_30, INIT_2F, INIT_2E, INIT_2D, INIT_2C, INIT_2B, INIT_2A,
			INIT_29, INIT_28, INIT_27, INIT_26, INIT_25, INIT_24, INIT_23, INIT_22, INIT_21, INIT_20, INIT_1F,
			INIT_1E, INIT_1D, INIT_1C, INIT_1B, INIT_1A, INIT_19, INIT_18, INIT_17, INIT_16, INIT_15, INIT_14,
			INIT_13, INIT_12, INIT_11, INIT_10, INIT_0F, INIT_0E, INIT_0D, INIT_0C, INIT_0B, INIT_0A, INIT_09,
			INIT_08, INIT_07, INIT_06, INIT_05, INIT_04, INIT_03, INIT_02, INIT_01, INIT_00
		})
	) ram (
		.clk_a(A_CLK ^ A_CLK_INV),
		.en_a(A_EN ^ A_EN_INV),
		.write_a(A_WE ^ A_WE_INV),
		.reset_a(1'b0),
		.areset_a(1'b0),
		.addr_a({A_ADDR[15:7], A_ADDR[5:1]}),
		.mask_a(mask_a),
		.in_a(in_a),
		.out_a(out_a),
		.clk_b(B_CLK ^ B_CLK_INV),
		.en_b(B_EN ^ B_EN_INV),
		.write_b((B_WE ^ B_WE_INV) && !SDP),
		.reset_b(1'b0),
		.areset_b(1'b0),
		.addr_b({B_ADDR[15:7], B_ADDR[5:1]}),
		.mask_b(B_BM),
		.in_b(B_DI),
		.out_b(out_b)
	);
endmodule

module CC_BRAM_40K (
	output [39:0] A_DO, B_DO,
	output A_ECC_1B_ERR, B_ECC_1B_ERR, A_ECC_2B_ERR, B_ECC_2B_ERR, A_CO, B_CO,
	input A_CLK, B_CLK, A_EN, B_EN, A_WE, B_WE,
	input A_CI, B_CI,
	input [15:0] A_ADDR, B_ADDR,
	input [39:0] A_DI, B_DI, A_BM, B_BM
);
	parameter LOC = "UNPLACED", RAM_MODE = "SDP", A_WR_MODE = "NO_CHANGE", B_WR_MODE = "NO_CHANGE";
	parameter A_RD_WIDTH = 0, B_RD_WIDTH = 0, A_WR_WIDTH = 0, B_WR_WIDTH = 0;
	parameter A_CLK_INV = 1'b0, B_CLK_INV = 1'b0, A_EN_INV = 1'b0, B_EN_INV = 1'b0, A_WE_INV = 1'b0, B_WE_INV = 1'b0;
	parameter A_DO_REG = 1'b0, B_DO_REG = 1'b0, A_ECC_EN = 1'b0, B_ECC_EN = 1'b0, CAS = "NONE";
	parameter [319:0]
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

	localparam SDP = RAM_MODE == "SDP";
	localparam A_WIDTH = A_RD_WIDTH > A_WR_WIDTH ? A_RD_WIDTH : A_WR_WIDTH;
	localparam B_WIDTH = B_RD_WIDTH > B_WR_WIDTH ? B_RD_WIDTH : B_WR_WIDTH;
	generate
		if (A_ECC_EN || B_ECC_EN || CAS != "NONE" || A_DO_REG || B_DO_REG)
			CC_BRAM_40K_of_this_mode_has_no_model refused ();
		if (SDP && (A_WR_WIDTH && A_WR_WIDTH != 80 || B_RD_WIDTH && B_RD_WIDTH != 80))
			CC_BRAM_40K_of_this_width_has_no_model refused ();
	endgenerate

	// As a simple dual port, A writes and B reads, and each has the pins of both.
	wire [79:0] in_a = {B_DI, A_DI};
	wire [79:0] mask_a = {B_BM, A_BM};
	wire [79:0] read_a, read_b;
	assign A_DO = SDP ? read_b[39:0] : read_a[39:0];
	assign B_DO = SDP ? read_b[79:40] : read_b[39:0];
	wire [(A_WIDTH ? A_WIDTH : 1)-1:0] out_a;
	wire [(B_WIDTH ? B_WIDTH : 1)-1:0] out_b;
	assign read_a = out_a;
	assign read_b = out_b;
	assign {A_ECC_1B_ERR, B_ECC_1B_ERR, A_ECC_2B_ERR, B_ECC_2B_ERR, A_CO, B_CO} = 0;

	neuristor_ram #(
		.UNIT(5),
		.SUB(4),
		.SUB_LOG(2),
		.UNITS_LOG(13),
		.PAIR(10),
		.WIDTH_A(A_WIDTH),
		.WIDTH_B(B_WIDTH),
		.MODE_A(A_WR_MODE == "WRITE_THROUGH" ? "NEW" : "HOLD"),
		.MODE_B(B_WR_MODE == "WRITE_THROUGH" ? "NEW" : "HOLD"),
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
		})
	) ram (
		.clk_a(A_CLK ^ A_CLK_INV),
		.en_a(A_EN ^ A_EN_INV),
		.write_a(A_WE ^ A_WE_INV),
		.reset_a(1'b0),
		.areset_a(1'b0),
		.addr_a(A_ADDR[15:1]),
		.mask_a(mask_a),
		.in_a(in_a),
		.out_a(out_a),
		.clk_b(B_CLK ^ B_CLK_INV),
		.en_b(B_EN ^ B_EN_INV),
		.write_b((B_WE ^ B_WE_INV) && !SDP),
		.reset_b(1'b0),
		.areset_b(1'b0),
		.addr_b(B_ADDR[15:1]),
		.mask_b(B_BM),
		.in_b(B_DI),
		.out_b(out_b)
	);
endmodule
