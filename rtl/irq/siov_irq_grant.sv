// SPDX-License-Identifier: Apache-2.0
// Which interrupt handles are granted (commands 13 and 14). A handle is the index of its entry.
//
// Granting a granted handle succeeds again; releasing one that is not granted fails, and so does
// any index without an entry. Reset Device and FLR revoke all. Without the commands every handle
// counts as granted and every request fails.
//
// Latency: gr_valid_i to gr_ack_o 2 cycles; a look-up that reads the bit in the cycle of gr_ack_o
// sees the change.
// Combinational paths: lk_*_idx_i to *_granted_o.
// @spec dsa 2.10, 3.1, 3.3

`include "siov_assert.svh"

module siov_irq_grant #(
  /// Handles must be granted.
  parameter bit CmdCap = 1'b0,
  /// IMS entries, 0..4096.
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 1..2048.
  parameter int unsigned MsixVectors = 9,
  localparam int unsigned ImsW = (ImsEntries > 1) ? $clog2(ImsEntries) : 1,
  localparam int unsigned MsixW = (MsixVectors > 1) ? $clog2(MsixVectors) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Nothing is granted; a request in progress is forgotten.
  input  logic clear_i,

  // commands: a pulse, or held until the acknowledge
  input  logic gr_valid_i,
  input  logic gr_release_i,
  input  logic gr_ims_i,
  input  logic [15:0] gr_index_i,
  output logic gr_ack_o,
  /// with gr_ack_o
  output logic gr_ok_o,

  // look-up
  input  logic [ImsW-1:0] lk_ims_idx_i,
  input  logic [MsixW-1:0] lk_msix_idx_i,
  output logic ims_granted_o,
  output logic msix_granted_o
);

  logic        decide_q, ack_q, ok_q, release_q, ims_q, in_range, was, ok;
  logic [15:0] index_q;

  assign in_range = CmdCap &&
      (ims_q ? (32'(index_q) + 1 <= ImsEntries) : (32'(index_q) < MsixVectors));
  assign ok = in_range && (was || !release_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      decide_q <= 1'b0;
      ack_q <= 1'b0;
      ok_q <= 1'b0;
    end else begin
      decide_q <= gr_valid_i && !decide_q && !ack_q;
      ack_q <= decide_q;
      ok_q <= decide_q && ok;
    end
    if (!decide_q) begin
      release_q <= gr_release_i;
      ims_q <= gr_ims_i;
      index_q <= gr_index_i;
    end
  end

  assign gr_ack_o = ack_q;
  assign gr_ok_o = ok_q;

  if (CmdCap) begin : gen_grant
    logic [63:0] msix_old, msix_lk, msix_unused;
    logic        ims_was;

    siov_irq_bits #(.Entries(MsixVectors)) u_msix (
      .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clear_i),
      .we_i(decide_q && ok && !ims_q), .w_idx_i(MsixW'(index_q)), .w_bit_i(!release_q),
      .w_word_o(msix_old),
      .a_idx_i(lk_msix_idx_i), .a_word_o(msix_lk), .b_idx_i('0), .b_word_o(msix_unused)
    );
    assign msix_granted_o = msix_lk[6'(lk_msix_idx_i)];
    assign was = ims_q ? ims_was : msix_old[6'(MsixW'(index_q))];

    if (ImsEntries != 0) begin : gen_ims
      logic [63:0] ims_old, ims_lk, ims_unused;
      siov_irq_bits #(.Entries(ImsEntries)) u_ims (
        .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clear_i),
        .we_i(decide_q && ok && ims_q), .w_idx_i(ImsW'(index_q)), .w_bit_i(!release_q),
        .w_word_o(ims_old),
        .a_idx_i(lk_ims_idx_i), .a_word_o(ims_lk), .b_idx_i('0), .b_word_o(ims_unused)
      );
      assign ims_granted_o = ims_lk[6'(lk_ims_idx_i)];
      assign ims_was = ims_old[6'(ImsW'(index_q))];
      logic unused;
      assign unused = ^ims_unused;
    end else begin : gen_no_ims
      logic unused;
      assign ims_granted_o = 1'b0;
      assign ims_was = 1'b0;
      assign unused = ^lk_ims_idx_i;
    end
    logic unused;
    assign unused = ^msix_unused;
  end else begin : gen_no_grant
    logic unused;
    assign ims_granted_o = 1'b1;
    assign msix_granted_o = 1'b1;
    assign was = 1'b0;
    assign unused = ^{lk_ims_idx_i, lk_msix_idx_i};
  end

`ifndef SYNTHESIS
  `SIOV_ASSERT_NEXT(a_ack_once, gr_ack_o, !gr_ack_o)
  `SIOV_ASSERT_IF(a_ok_with_ack, gr_ok_o, gr_ack_o)
  `SIOV_COVER(c_refused, gr_ack_o && !gr_ok_o)
`endif

endmodule
