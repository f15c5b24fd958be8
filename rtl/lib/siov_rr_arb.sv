// SPDX-License-Identifier: Apache-2.0
// Round-robin arbiter: the winner is the first request at or after the one that follows the last
// winner.
//
// Combinational from req_i to the grant; the turn moves on only when take_i says that the grant was
// used, so a winner that has to wait (for credits, say) is passed by each other requester at most
// once. It does not lock: see the user for that.

`include "siov_assert.svh"

module siov_rr_arb #(
  /// Requesters.
  parameter int unsigned N = 2,
  localparam int unsigned IdxW = (N > 1) ? $clog2(N) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic [N-1:0] req_i,
  /// The grant of this cycle was used.
  input  logic take_i,

  /// Any request.
  output logic any_o,
  /// One bit of req_i, or zero.
  output logic [N-1:0] gnt_o,
  /// Index of that bit (0 when none).
  output logic [IdxW-1:0] idx_o
);

  // Requesters whose turn comes before the wrap.
  logic [N-1:0] mask_q;
  logic [N-1:0] ahead;

  assign any_o = |req_i;
  assign ahead = req_i & mask_q;
  assign gnt_o = (|ahead) ? (ahead & (~ahead + N'(1))) : (req_i & (~req_i + N'(1)));

  always_comb begin
    idx_o = '0;
    for (int unsigned i = 0; i < N; i++) begin
      if (gnt_o[i]) idx_o = idx_o | IdxW'(i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mask_q <= '1;
    end else if (take_i && any_o) begin
      // Bits above the winner.
      mask_q <= ~(gnt_o | (gnt_o - N'(1)));
    end
  end

`ifndef SYNTHESIS
  `SIOV_ASSERT(a_onehot, $onehot0(gnt_o) && ((gnt_o & ~req_i) == '0))
  `SIOV_COVER(c_contended, any_o && take_i && (gnt_o != req_i))
`endif

endmodule
