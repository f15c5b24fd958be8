// SPDX-License-Identifier: Apache-2.0
// CRC of a stream of bytes: CRC-32C, CRC-64 and the guard of protection information (dsa 5.8, 5.9).
//
// One register for each code, all in the form that takes bit 0 of a byte first; the guard, which
// takes bit 7 first, has its bytes and its register bit-reversed. A whole line is one XOR tree of
// constant masks (siov_crc_pkg). A part of a line is first moved to the end of an otherwise empty
// line, with the register in front of its last byte, and takes the same tree a cycle later.
// Not here: what the bytes are, where seeds come from, comparisons.
//
// start_i loads the seed and the mode; it may come with the first line, but not while busy_o.
// Throughput: a whole line a cycle, a part of a line two. Latency: line to result 3 cycles, part of
// a line 4. No combinational path from an input to an output.

`include "siov_assert.svh"

module siov_eng_crc (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         clear_i,             /// forget lines under way; the register stays undefined
  input  logic         start_i,
  input  logic [1:0]   mode_i,              /// 0 CRC-32C, 1 CRC-64, 2 CRC-16 T10-DIF
  input  logic [63:0]  seed_i,              /// lower half for CRC-32C, not used by CRC-16
  input  logic         bypass_inv_i,        /// flag 17; not CRC-16
  input  logic         bypass_data_refl_i,  /// flag 18; not CRC-16
  input  logic         inv_seed_i,          /// CRC-16: start with all ones
  input  logic         inv_result_i,        /// CRC-16: invert the result
  // lines
  input  logic         valid_i,
  output logic         ready_o,
  input  logic [511:0] data_i,
  input  logic [5:0]   lane_i,              /// first valid byte
  input  logic [6:0]   bytes_i,             /// valid bytes, 1..64 - lane_i
  // result
  output logic         busy_o,              /// bytes or a seed are not in the result yet
  output logic [63:0]  result_o             /// upper part 0 for the shorter codes
);

  localparam logic [1:0] ModeCrc32 = 2'd0;
  localparam logic [1:0] ModeCrc64 = 2'd1;
  localparam logic [1:0] ModeCrc16 = 2'd2;

  function automatic logic [511:0] flip_bytes(input logic [511:0] v);
    for (int i = 0; i < 64; i++)
      for (int b = 0; b < 8; b++) flip_bytes[8*i + b] = v[8*i + 7 - b];
  endfunction

  function automatic logic [63:0] flip64(input logic [63:0] v);
    for (int b = 0; b < 64; b++) flip64[b] = v[63 - b];
  endfunction

  // ------------------------------------------------------------ mode
  logic [1:0] mode_q;
  logic       flip_q, flip, bypass_q, inv_result_q;
  assign flip = start_i ? (mode_i == ModeCrc16 || bypass_data_refl_i) : flip_q;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      mode_q <= mode_i;
      flip_q <= mode_i == ModeCrc16 || bypass_data_refl_i;
      bypass_q <= bypass_inv_i;
      inv_result_q <= inv_result_i;
    end
  end

  // ------------------------------------------------------------ A: a line as it came
  logic         a_valid_q, a_whole_q, take, x_valid_q;
  logic [511:0] a_data_q;
  logic [2:0]   a_few_q;       // bytes below 8; 0 = 8 or more
  logic [5:0]   a_shift_q;     // lanes up to the end of the line
  logic [5:0]   a_first_q;     // first lane after that

  assign ready_o = !a_valid_q || !x_valid_q;
  assign take = valid_i && ready_o;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) a_valid_q <= 1'b0;
    else if (ready_o) a_valid_q <= valid_i;
    if (take) begin
      a_data_q <= flip ? flip_bytes(data_i) : data_i;
      a_whole_q <= bytes_i[6];
      a_few_q <= (bytes_i[6:3] == 4'd0) ? bytes_i[2:0] : 3'd0;
      a_shift_q <= 6'd0 - lane_i - bytes_i[5:0];
      a_first_q <= 6'd0 - bytes_i[5:0];
    end
  end

  // ------------------------------------------------------------ X: a part, at the end of its line
  logic [63:0]  s64_q, old, rest_q;
  logic [31:0]  s32_q;
  logic [15:0]  s16_q;
  logic [511:0] x_q;
  logic         to_x;

  assign to_x = a_valid_q && !a_whole_q && !x_valid_q;
  assign old = (mode_q == ModeCrc64) ? s64_q :
                  (mode_q == ModeCrc32) ? {32'd0, s32_q} : {48'd0, s16_q};

  function automatic logic [511:0] lanes_from(input logic [5:0] first);
    for (int i = 0; i < 64; i++) lanes_from[8*i +: 8] = (6'(i) >= first) ? 8'hFF : 8'h00;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) x_valid_q <= 1'b0;
    else x_valid_q <= to_x;
    if (to_x) begin
      x_q <= ((a_data_q << {a_shift_q, 3'd0}) & lanes_from(a_first_q)) ^
             ({448'd0, old} << {a_first_q, 3'd0});
      // A part shorter than the register does not reach all of it.
      rest_q <= (a_few_q == 3'd0) ? '0 : old >> {a_few_q, 3'd0};
    end
  end

  // ------------------------------------------------------------ S: the registers
  logic         step;
  logic [511:0] x;
  assign step = x_valid_q || (a_valid_q && a_whole_q);
  assign x = x_valid_q ? x_q : a_data_q;

  always_ff @(posedge clk_i) begin
    if (start_i) s64_q <= bypass_inv_i ? flip64(seed_i) : ~seed_i;
    else if (step && mode_q == ModeCrc64)
      s64_q <= siov_crc_pkg::crc64_line(x) ^
               (x_valid_q ? rest_q : siov_crc_pkg::crc64_carry(s64_q));
  end
  always_ff @(posedge clk_i) begin
    if (start_i) s32_q <= bypass_inv_i ? 32'(flip64({seed_i[31:0], 32'd0})) : ~seed_i[31:0];
    else if (step && mode_q == ModeCrc32)
      s32_q <= siov_crc_pkg::crc32_line(x) ^
               (x_valid_q ? rest_q[31:0] : siov_crc_pkg::crc32_carry(s32_q));
  end
  always_ff @(posedge clk_i) begin
    if (start_i) s16_q <= {16{inv_seed_i}};
    else if (step && mode_q == ModeCrc16)
      s16_q <= siov_crc_pkg::crc16_line(x) ^
               (x_valid_q ? rest_q[15:0] : siov_crc_pkg::crc16_carry(s16_q));
  end

  // ------------------------------------------------------------ result
  logic        changed_q;
  logic [63:0] result_q, final64, final32, final16;
  always_comb begin
    final64 = bypass_q ? flip64(s64_q) : ~s64_q;
    final32 = bypass_q ? flip64({s32_q, 32'd0}) : {32'd0, ~s32_q};
    final16 = flip64({s16_q, 48'd0}) ^ {48'd0, {16{inv_result_q}}};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) changed_q <= 1'b0;
    else changed_q <= start_i || step;
    if (changed_q)
      result_q <= (mode_q == ModeCrc64) ? final64 : (mode_q == ModeCrc32) ? final32 : final16;
  end
  assign busy_o = a_valid_q || x_valid_q || changed_q;
  assign result_o = result_q;

  `SIOV_ASSERT_HOLDS(CrcLineWaits, a_valid_q && x_valid_q && !clear_i, 1'b0, a_valid_q, a_data_q)
  `SIOV_ASSERT_HOLDS(CrcResultHolds, !busy_o, 1'b0, 1'b1, result_o)
  `SIOV_COVER(CrcTwoParts, a_valid_q && x_valid_q && !a_whole_q)

endmodule
