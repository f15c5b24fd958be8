// SPDX-License-Identifier: Apache-2.0
// Synchronous first-in first-out store of plain vectors; the oldest entry is visible without a read
// cycle.
//
// Latency: written in cycle n, readable in n+1. wr_ready_o and rd_valid_o come from registers (the
// count); rd_data_o is an asynchronous read of the store. A full fifo does not accept in the cycle
// in which it is read. The store has no reset.

`include "siov_assert.svh"

module siov_fifo #(
  /// Payload width [bits].
  parameter int unsigned W = 8,
  /// Entries, 2 or more; need not be a power of two.
  parameter int unsigned Depth = 2,
  localparam int unsigned CountW = $clog2(Depth + 1)
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Forgets everything, also what is written in the same cycle.
  input  logic clear_i,

  input  logic wr_valid_i,
  output logic wr_ready_o,
  input  logic [W-1:0] wr_data_i,

  output logic rd_valid_o,
  input  logic rd_ready_i,
  output logic [W-1:0] rd_data_o,

  /// Entries held now.
  output logic [CountW-1:0] count_o
);

  localparam int unsigned PtrW = $clog2(Depth);
  localparam logic [PtrW-1:0] LastPtr = PtrW'(Depth - 1);

  logic [W-1:0] mem [Depth];
  logic [PtrW-1:0] wr_ptr_q, rd_ptr_q;
  logic [CountW-1:0] count_q;
  logic push, pop;

  assign push = wr_valid_i && wr_ready_o;
  assign pop = rd_valid_o && rd_ready_i;
  assign wr_ready_o = count_q != CountW'(Depth);
  assign rd_valid_o = count_q != '0;
  assign rd_data_o = mem[rd_ptr_q];
  assign count_o = count_q;

  always_ff @(posedge clk_i) begin
    if (push) mem[wr_ptr_q] <= wr_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      count_q <= '0;
    end else begin
      if (push) wr_ptr_q <= (wr_ptr_q == LastPtr) ? '0 : wr_ptr_q + PtrW'(1);
      if (pop) rd_ptr_q <= (rd_ptr_q == LastPtr) ? '0 : rd_ptr_q + PtrW'(1);
      if (push && !pop) count_q <= count_q + CountW'(1);
      if (pop && !push) count_q <= count_q - CountW'(1);
    end
  end

  `SIOV_STATIC(gen_bad_depth, Depth >= 2)
`ifndef SYNTHESIS
  `SIOV_ASSERT_HOLDS(a_rd_hold, rd_valid_o && !rd_ready_i && !clear_i, 1'b0, rd_valid_o, rd_data_o)
  `SIOV_COVER(c_full, !wr_ready_o)
`endif

endmodule
