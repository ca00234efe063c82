// What the block RAMs of all families have in common: two ports on one memory of small units.
//
// A port reads and writes one unit or several, or a part of one: then it sees SUB of the unit's bits, a power of two.
// Bits that one port reads while the other writes them come out as the complement of the old ones unless SAFE: no
// vendor says what they are, so nobody may use them. Writes that meet are not modelled.

module neuristor_ram #(
	parameter UNIT = 9,       // bits in a unit
	parameter SUB = 8,        // of which a port narrower than a unit sees so many
	parameter SUB_LOG = 3,
	parameter UNITS_LOG = 11,
	parameter PAIR = 18,      // from the first bit of a pair of units in INIT to that of the next
	parameter SPLIT = 0,      // the highest bit of a unit is in INITP
	parameter WIDTH_A = 0,    // 0: not used
	parameter WIDTH_B = 0,
	parameter MODE_A = "OLD", // what a port that writes reads meanwhile: OLD, NEW, or HOLD what it read last
	parameter MODE_B = "OLD",
	parameter SAFE = 0,
	parameter INIT = 0,
	parameter INITP = 0,
	parameter START_A = 0,    // the outputs before the first read
	parameter START_B = 0,
	parameter CLEAR_A = 0,    // the outputs after a reset
	parameter CLEAR_B = 0,
	parameter WA = WIDTH_A ? WIDTH_A : 1,
	parameter WB = WIDTH_B ? WIDTH_B : 1,
	parameter AT = UNITS_LOG + SUB_LOG
) (
	input clk_a, en_a, write_a, reset_a, areset_a,
	input [AT-1:0] addr_a,
	input [WA-1:0] mask_a, in_a,
	output reg [WA-1:0] out_a,
	input clk_b, en_b, write_b, reset_b, areset_b,
	input [AT-1:0] addr_b,
	input [WB-1:0] mask_b, in_b,
	output reg [WB-1:0] out_b
);
	localparam NA = WA > UNIT ? WA / UNIT : 1;
	localparam NB = WB > UNIT ? WB / UNIT : 1;
	localparam PA = WA < UNIT ? WA : SUB;
	localparam PB = WB < UNIT ? WB : SUB;

	reg [UNIT-1:0] memory [0:(1 << UNITS_LOG)-1];
	// By lines of 32 units: slices of slices are what Yosys gets through quickly.
	genvar l;
	generate
		for (l = 0; l < (1 << UNITS_LOG); l = l + 32) begin : line
			localparam [16*PAIR-1:0] BITS = INIT[(SPLIT ? l * (UNIT - 1) : l / 2 * PAIR) +: 16 * PAIR];
			localparam [31:0] HIGHEST = SPLIT ? INITP[l +: 32] : 0;
			integer n;
			initial
				for (n = 0; n < 32; n = n + 1)
					if (SPLIT)
						memory[l + n] = {HIGHEST[n], BITS[n * (UNIT - 1) +: UNIT - 1]};
					else
						memory[l + n] = BITS[(n / 2) * PAIR + (n % 2) * UNIT +: UNIT];
		end
	endgenerate
	initial begin
		out_a = START_A;
		out_b = START_B;
	end

	wire [UNITS_LOG-1:0] unit_a = addr_a[AT-1:SUB_LOG] & ~(NA - 1);
	wire [UNITS_LOG-1:0] unit_b = addr_b[AT-1:SUB_LOG] & ~(NB - 1);
	wire [SUB_LOG-1:0] part_a = addr_a[SUB_LOG-1:0] & ~(PA - 1);
	wire [SUB_LOG-1:0] part_b = addr_b[SUB_LOG-1:0] & ~(PB - 1);
	wire [WA-1:0] changes_a = en_a && write_a && WIDTH_A ? mask_a : 0;
	wire [WB-1:0] changes_b = en_b && write_b && WIDTH_B ? mask_b : 0;
	// What each port changes, as the other sees it.
	localparam MOST = NA > NB ? NA : NB;
	wire near = !SAFE && !((unit_a ^ unit_b) & ~(MOST - 1));
	wire [31:0] from_a = (unit_a & (MOST - 1)) * UNIT + part_a;
	wire [31:0] from_b = (unit_b & (MOST - 1)) * UNIT + part_b;
	wire [MOST*UNIT-1:0] changed_a = near ? changes_a << from_a : 0;
	wire [MOST*UNIT-1:0] changed_b = near ? changes_b << from_b : 0;
	wire [WA-1:0] harmed_a = changed_b >> from_a;
	wire [WB-1:0] harmed_b = changed_a >> from_b;

	wire [WA-1:0] old_a;
	wire [WB-1:0] old_b;
	genvar a, b;
	generate
		for (a = 0; a < NA; a = a + 1) begin : port_a
			wire [UNITS_LOG-1:0] unit = unit_a | a;
			integer i;
			if (WA < UNIT) begin
				assign old_a = memory[unit] >> part_a;
				always @(posedge clk_a)
					for (i = 0; i < SUB; i = i + 1)
						if (changes_a[i % WA] && part_a == i - i % WA)
							memory[unit][i] <= in_a[i % WA];
			end else begin
				assign old_a[UNIT*a +: UNIT] = memory[unit];
				always @(posedge clk_a)
					for (i = 0; i < UNIT; i = i + 1)
						if (changes_a[UNIT * a + i])
							memory[unit][i] <= in_a[UNIT * a + i];
			end
		end
		for (b = 0; b < NB; b = b + 1) begin : port_b
			wire [UNITS_LOG-1:0] unit = unit_b | b;
			integer i;
			if (WB < UNIT) begin
				assign old_b = memory[unit] >> part_b;
				always @(posedge clk_b)
					for (i = 0; i < SUB; i = i + 1)
						if (changes_b[i % WB] && part_b == i - i % WB)
							memory[unit][i] <= in_b[i % WB];
			end else begin
				assign old_b[UNIT*b +: UNIT] = memory[unit];
				always @(posedge clk_b)
					for (i = 0; i < UNIT; i = i + 1)
						if (changes_b[UNIT * b + i])
							memory[unit][i] <= in_b[UNIT * b + i];
			end
		end
	endgenerate

	wire [WA-1:0] read_a = old_a ^ harmed_a;
	wire [WB-1:0] read_b = old_b ^ harmed_b;
	always @(posedge clk_a or posedge areset_a)
		if (areset_a)
			out_a <= CLEAR_A;
		else if (reset_a)
			out_a <= CLEAR_A;
		else if (en_a && !(MODE_A == "HOLD" && write_a))
			out_a <= MODE_A == "NEW" ? (changes_a & in_a) | (~changes_a & read_a) : read_a;
	always @(posedge clk_b or posedge areset_b)
		if (areset_b)
			out_b <= CLEAR_B;
		else if (reset_b)
			out_b <= CLEAR_B;
		else if (en_b && !(MODE_B == "HOLD" && write_b))
			out_b <= MODE_B == "NEW" ? (changes_b & in_b) | (~changes_b & read_b) : read_b;
endmodule
