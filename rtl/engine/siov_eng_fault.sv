// SPDX-License-Identifier: Apache-2.0
// How far a job has come, and the page without translation that ended it (dsa 5.6, 5.7): the first
// one counts, but a write of a delta unit, which lags behind, comes before a source.
//
// Progress is in bytes moved, compared or digested; of protection information in whole blocks, with
// the tags of the next one: when the information of a block cannot be written, those before it. The
// delta units count for themselves.

module siov_eng_fault (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  clear_i,
  input  logic                  start_i,        /// pulse: a new job
  // progress
  input  logic                  moved_i,
  input  logic [12:0]           moved_bytes_i,
  input  logic                  dif_i,          /// the job has blocks with protection information
  input  logic                  dif_block_i,    /// pulse: one is judged
  input  logic [31:0]           dif_done_i,     /// source bytes of the blocks before it
  input  logic [127:0]          dif_tags_i,
  output logic [127:0]          dif_tags_o,     /// of the completion record
  // pulses: faults
  input  logic                  src_i,
  input  logic                  src_second_i,   /// source 2, or seed
  input  logic [1:0]            src_reason_i,
  input  logic [51:0]           src_page_i,
  input  logic                  dst_i,
  input  logic                  dst_second_i,   /// destination 2
  input  logic                  dst_write_i,    /// it was to be written
  input  logic                  dst_pi_i,       /// with protection information
  input  logic [51:0]           dst_page_i,
  input  logic                  unit_i,
  input  logic [51:0]           unit_page_i,
  input  logic [1:0]            dst_reason_i,   /// of dst_i and unit_i
  output siov_eng_pkg::fault_t  fault_o
);
  siov_eng_pkg::fault_t fault_q, fault;
  logic [31:0]          bytes_q;
  logic                 undo_q;
  logic [127:0]         tags_q;

  always_comb begin
    fault = '0;
    fault.valid = 1'b1;
    fault.done = dif_i ? dif_done_i : bytes_q;
    if (unit_i || dst_i) begin
      fault.write = unit_i || dst_write_i;
      fault.reason = dst_reason_i;
      fault.page = unit_i ? unit_page_i : dst_page_i;
      fault.operand = dst_second_i ? siov_eng_pkg::OperandDst2 : siov_eng_pkg::OperandDst;
    end else begin
      fault.reason = src_reason_i;
      fault.page = src_page_i;
      fault.operand = src_second_i ? siov_eng_pkg::OperandSrc2 : siov_eng_pkg::OperandSrc;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) fault_q <= '0;
    else if (unit_i || ((dst_i || src_i) && !fault_q.valid)) fault_q <= fault;
    if (start_i) bytes_q <= '0;
    else if (moved_i) bytes_q <= bytes_q + {19'd0, moved_bytes_i};
    if (dif_block_i) tags_q <= dif_tags_i;
    if (start_i) undo_q <= 1'b0;
    else if (dst_i && dst_pi_i) undo_q <= 1'b1;
  end
  assign fault_o = fault_q;
  assign dif_tags_o = undo_q ? tags_q : dif_tags_i;

endmodule
