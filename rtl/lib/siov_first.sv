// SPDX-License-Identifier: Apache-2.0
// Index of the first request after a given place, going round: a tree of log2(N) levels.
//
// Combinational, no state; the caller keeps the place (the last winner).

`include "siov_assert.svh"

module siov_first #(
  /// Requesters.
  parameter int unsigned N = 8,
  localparam int unsigned IdxW = (N > 1) ? $clog2(N) : 1
) (
  input  logic [N-1:0] req_i,
  /// The search begins behind this one.
  input  logic [IdxW-1:0] after_i,
  output logic any_o,
  /// Meaningful when any_o.
  output logic [IdxW-1:0] idx_o
);

  localparam int unsigned P = 1 << IdxW;

  // Node n has the children 2n and 2n+1, the requesters are the nodes P..2P-1; node 0 is no node.
  // valid: a request below this node; index: the first one. Twice: behind the place, and anywhere.
  logic [2*P-1:0]      ahead, all;
  logic [2*P*IdxW-1:0] ahead_idx, all_idx;
  always_comb begin
    ahead = '0;
    all = '0;
    ahead_idx = '0;
    all_idx = '0;
    for (int unsigned i = 0; i < N; i++) begin
      ahead[P + i] = req_i[i] && IdxW'(i) > after_i;
      all[P + i] = req_i[i];
      ahead_idx[(P + i)*IdxW +: IdxW] = IdxW'(i);
      all_idx[(P + i)*IdxW +: IdxW] = IdxW'(i);
    end
    for (int unsigned k = 1; k < P; k++) begin
      ahead[P - k] = ahead[2*(P - k)] || ahead[2*(P - k) + 1];
      all[P - k] = all[2*(P - k)] || all[2*(P - k) + 1];
      ahead_idx[(P - k)*IdxW +: IdxW] = ahead[2*(P - k)] ?
          ahead_idx[2*(P - k)*IdxW +: IdxW] : ahead_idx[(2*(P - k) + 1)*IdxW +: IdxW];
      all_idx[(P - k)*IdxW +: IdxW] = all[2*(P - k)] ?
          all_idx[2*(P - k)*IdxW +: IdxW] : all_idx[(2*(P - k) + 1)*IdxW +: IdxW];
    end
  end

  assign any_o = all[1];
  assign idx_o = ahead[1] ? ahead_idx[IdxW +: IdxW] : all_idx[IdxW +: IdxW];

endmodule
