// What the block RAMs of all families have in common: two ports on one memory of small units.
//
// A port reads and writes one unit or several, or a part of one: then it sees SUB of the unit's bits, a power of two.
// A read that meets a write of the other port gives the complement of the old data unless SAFE: no vendor says what
// it gives, so nobody may use it. Writes that meet are not modelled.

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
	integer n;
	initial begin
		for (n = 0; n < (1 << UNITS_LOG); n = n + 1)
			if (SPLIT)
				memory[n] = {INITP[n], INIT[n * (UNIT - 1) +: UNIT - 1]};
			else
				memory[n] = INIT[(n / 2) * PAIR + (n % 2) * UNIT +: UNIT];
		out_a = START_A;
		out_b = START_B;
	end

	wire [UNITS_LOG-1:0] unit_a = addr_a[AT-1:SUB_LOG] & ~(NA - 1);
	wire [UNITS_LOG-1:0] unit_b = addr_b[AT-1:SUB_LOG] & ~(NB - 1);
	wire [SUB_LOG-1:0] part_a = addr_a[SUB_LOG-1:0] & ~(PA - 1);
	wire [SUB_LOG-1:0] part_b = addr_b[SUB_LOG-1:0] & ~(PB - 1);
	wire [WA-1:0] changes_a = en_a && write_a && WIDTH_A ? mask_a : 0;
	wire [WB-1:0] changes_b = en_b && write_b && WIDTH_B ? mask_b : 0;
	wire meet = !SAFE && !((unit_a ^ unit_b) & ~((NA > NB ? NA : NB) - 1))
		&& !((part_a ^ part_b) & ~((PA > PB ? PA : PB) - 1));

	reg [WA-1:0] old_a;
	reg [WB-1:0] old_b;
	integer a, b, i, j;
	always @* begin
		old_a = memory[unit_a] >> part_a;
		for (a = 1; a < NA; a = a + 1)
			old_a = old_a | (memory[unit_a + a] << (a * UNIT));
		old_b = memory[unit_b] >> part_b;
		for (b = 1; b < NB; b = b + 1)
			old_b = old_b | (memory[unit_b + b] << (b * UNIT));
	end

	always @(posedge clk_a)
		if (WA < UNIT) begin
			for (i = 0; i < SUB; i = i + 1)
				if (changes_a[i % WA] && part_a == i - i % WA)
					memory[unit_a][i] <= in_a[i % WA];
		end else begin
			for (i = 0; i < WA; i = i + 1)
				if (changes_a[i])
					memory[unit_a + i / UNIT][i % UNIT] <= in_a[i];
		end
	always @(posedge clk_b)
		if (WB < UNIT) begin
			for (j = 0; j < SUB; j = j + 1)
				if (changes_b[j % WB] && part_b == j - j % WB)
					memory[unit_b][j] <= in_b[j % WB];
		end else begin
			for (j = 0; j < WB; j = j + 1)
				if (changes_b[j])
					memory[unit_b + j / UNIT][j % UNIT] <= in_b[j];
		end

	always @(posedge clk_a or posedge areset_a)
		if (areset_a)
			out_a <= CLEAR_A;
		else if (reset_a)
			out_a <= CLEAR_A;
		else if (en_a && meet && changes_b)
			out_a <= ~old_a;
		else if (en_a && !(MODE_A == "HOLD" && write_a))
			out_a <= MODE_A == "NEW" ? (changes_a & in_a) | (~changes_a & old_a) : old_a;
	always @(posedge clk_b or posedge areset_b)
		if (areset_b)
			out_b <= CLEAR_B;
		else if (reset_b)
			out_b <= CLEAR_B;
		else if (en_b && meet && changes_a)
			out_b <= ~old_b;
		else if (en_b && !(MODE_B == "HOLD" && write_b))
			out_b <= MODE_B == "NEW" ? (changes_b & in_b) | (~changes_b & old_b) : old_b;
endmodule
