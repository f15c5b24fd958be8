// SPDX-License-Identifier: Apache-2.0
// One of N slices of a flat vector: a balanced multiplexer.
//
// Combinational, $clog2(N) levels. The slices are padded to a power of two, so that synthesis sees
// a shift by whole slices. An index of N or more, below the next power of two, gives zero; higher
// bits of the index do not exist here: who needs them checks the range.

module siov_pick #(
  /// Slices.
  parameter int unsigned N = 2,
  /// Width of a slice [bits].
  parameter int unsigned W = 8,
  localparam int unsigned IdxW = (N > 1) ? $clog2(N) : 1
) (
  input  logic [N*W-1:0] v_i,
  input  logic [IdxW-1:0] idx_i,
  output logic [W-1:0] o
);

`ifdef SYNTHESIS
  localparam int unsigned PadBits = (W > 1) ? $clog2(W) : 1;
  localparam int unsigned Pad = 1 << PadBits;

  logic [(Pad << IdxW)-1:0] padded;
  for (genvar i = 0; i < (1 << IdxW); i++) begin : gen_slice
    if (i < N) assign padded[i*Pad +: Pad] = Pad'(v_i[i*W +: W]);
    else assign padded[i*Pad +: Pad] = '0;
  end
  assign o = padded[{idx_i, PadBits'(0)} +: W];
`else
  // The same without moving the slices that are not wanted.
  assign o = (32'(idx_i) < N) ? v_i[32'(idx_i) * W +: W] : '0;
`endif

endmodule
