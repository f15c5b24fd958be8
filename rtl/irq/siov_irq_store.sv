// SPDX-License-Identifier: Apache-2.0
// A table in memory with one write port, two read ports, and entries that read 0 until written
// after a clear.
//
// The memory has no reset; one valid bit an entry stands for it, so that a clear takes one cycle
// whatever the size. An index past the end must not be written; its read data is meaningless.
//
// Latency: read data 1 cycle after the index; a read in the cycle of a write gives the old entry,
// whole.

`include "siov_assert.svh"

module siov_irq_store #(
  /// Entries, at least 2, and bits in each.
  parameter int unsigned Entries = 256,
  parameter int unsigned Width = 50,
  localparam int unsigned IdxW = $clog2(Entries)
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

  logic [Width-1:0]   mem [Entries];
  logic [Width-1:0]   a_mem_q, b_mem_q;
  logic [Entries-1:0] valid_q;
  logic               a_valid_q, b_valid_q;

  always_ff @(posedge clk_i) begin
    if (we_i) mem[widx_i] <= wdata_i;
    a_mem_q <= mem[a_idx_i];
    b_mem_q <= mem[b_idx_i];
    a_valid_q <= valid_q[a_idx_i];
    b_valid_q <= valid_q[b_idx_i];
    if (!rst_ni || clear_i) valid_q <= '0;
    else if (we_i) valid_q[widx_i] <= 1'b1;
  end

  assign a_data_o = a_valid_q ? a_mem_q : '0;
  assign b_data_o = b_valid_q ? b_mem_q : '0;

`ifndef SYNTHESIS
  `SIOV_ASSERT(a_in_range, we_i |-> 32'(widx_i) < Entries)
`endif

endmodule
