// SPDX-License-Identifier: Apache-2.0
// Register stage for a stream: cuts valid, payload and ready, one beat a cycle.
//
// Latency: one cycle. All outputs are registers, in_ready_o included; the spare register takes the
// beat that arrives while the output is being refused for the first time. No combinational path
// crosses it.

`include "siov_assert.svh"

module siov_skid #(
  /// Payload width [bits].
  parameter int unsigned W = 8
) (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic in_valid_i,
  output logic in_ready_o,
  input  logic [W-1:0] in_data_i,

  output logic out_valid_o,
  input  logic out_ready_i,
  output logic [W-1:0] out_data_o
);

  logic out_valid_q, spare_valid_q;
  logic [W-1:0] out_data_q, spare_data_q;
  logic out_free;

  assign out_free = !out_valid_q || out_ready_i;
  assign in_ready_o = !spare_valid_q;
  assign out_valid_o = out_valid_q;
  assign out_data_o = out_data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_q <= 1'b0;
      spare_valid_q <= 1'b0;
    end else if (out_free) begin
      out_valid_q <= spare_valid_q || in_valid_i;
      spare_valid_q <= 1'b0;
    end else if (in_valid_i) begin
      spare_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (out_free) begin
      if (spare_valid_q) out_data_q <= spare_data_q;
      else if (in_valid_i) out_data_q <= in_data_i;
    end else if (in_ready_o && in_valid_i) begin
      spare_data_q <= in_data_i;
    end
  end

`ifndef SYNTHESIS
  `SIOV_ASSERT_HOLDS(a_out_hold, out_valid_o && !out_ready_i, 1'b0, out_valid_o, out_data_o)
  `SIOV_COVER(c_spare, spare_valid_q)
`endif

endmodule
