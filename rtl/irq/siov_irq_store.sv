// SPDX-License-Identifier: Apache-2.0
// A table in memory with one write port, two read ports, and entries that read 0 until written
// after a clear.
//
// The memory has no reset; one valid bit an entry (siov_irq_bits) stands for it, so that a clear
// takes one cycle whatever the size. An index past the end must not be written; its read data is
// meaningless.
//
// Latency: read data 1 cycle after the index. A read in the cycle of a write gives the old entry on
// port a and the new one on port b, whole: who sees what was written together with the entry (its
// mask) must not see the entry before it. A read in the cycle of a clear gives 0.

`include "siov_assert.svh"

module siov_irq_store #(
  /// Entries, 1..4096, and bits in each.
  parameter int unsigned Entries = 256,
  parameter int unsigned Width = 50,
  localparam int unsigned IdxW = (Entries > 1) ? $clog2(Entries) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// All entries to 0. Wins over a write.
  input  logic clear_i,

  input  logic we_i,
  input  logic [IdxW-1:0] widx_i,
  input  logic [Width-1:0] wdata_i,

  input  logic [IdxW-1:0] a_idx_i,
  output logic [Width-1:0] a_data_o,
  input  logic [IdxW-1:0] b_idx_i,
  output logic [Width-1:0] b_data_o
);

  localparam int unsigned Depth = 1 << IdxW;

  logic [Width-1:0] mem [Depth];
  logic [Width-1:0] a_mem_q, b_mem_q;
  logic             a_valid_q, b_valid_q, b_new_q;
  logic [Width-1:0] written_q;
  logic [63:0]      a_word, b_word, w_word;

  siov_irq_bits #(.Entries(Entries)) u_valid (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clear_i),
    .we_i(we_i), .w_idx_i(widx_i), .w_bit_i(1'b1), .w_word_o(w_word),
    .a_idx_i(a_idx_i), .a_word_o(a_word), .b_idx_i(b_idx_i), .b_word_o(b_word)
  );

  always_ff @(posedge clk_i) begin
    if (we_i) mem[widx_i] <= wdata_i;
    a_mem_q <= mem[a_idx_i];
    b_mem_q <= mem[b_idx_i];
    a_valid_q <= a_word[6'(a_idx_i)] && !clear_i;
    b_valid_q <= b_word[6'(b_idx_i)] && !clear_i;
    b_new_q <= we_i && !clear_i && (widx_i == b_idx_i);
    written_q <= wdata_i;
  end

  assign a_data_o = a_valid_q ? a_mem_q : '0;
  always_comb begin
    b_data_o = b_valid_q ? b_mem_q : '0;
    if (b_new_q) b_data_o = written_q;
  end

  logic unused;
  assign unused = ^w_word;

`ifndef SYNTHESIS
  `SIOV_ASSERT_IF(a_in_range, we_i, 32'(widx_i) < Entries)
`endif

endmodule
