// SPDX-License-Identifier: Apache-2.0
// Joins two 256-bit beats of a received TLP into one 512-bit beat, TLP by TLP; header and prefix
// stay with the first.
//
// A beat leaves as soon as it is known whether its TLP goes on soundly: the last one with the
// cycle after its last half, others when the next half arrives. There is no back pressure.
// A TLP whose last half is missing although Length asks for it must not look whole afterwards: if
// it has other beats it ends one beat early, which siov_rx finds malformed; if it has none, its
// payload is marked as poisoned. A half beyond Length inside the last beat passes unseen, like any
// other excess inside a beat.
// Latency: two cycles from the first half of a full beat. Outputs are not registered, siov_rx does
// that first of all. @spec PCIe-6.3 2.2.2

`include "siov_assert.svh"

module siov_gearbox_rx (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic in_valid_i,
  input  logic in_sop_i,
  input  logic in_eop_i,
  input  logic [127:0] in_hdr_i,
  input  logic in_prefix_valid_i,
  input  logic [31:0] in_prefix_i,
  input  logic [255:0] in_data_i,

  output logic out_valid_o,
  output logic out_sop_o,
  output logic out_eop_o,
  output logic [127:0] out_hdr_o,
  output logic out_prefix_valid_o,
  output logic [31:0] out_prefix_o,
  output logic [511:0] out_data_o
);

  // The last byte of a payload of this Length lies in the upper half of a beat.
  function automatic logic needs_upper(input logic data, input logic [3:0] length);
    needs_upper = data && ((length == '0) || (length > 4'd8));
  endfunction

  // The newest half waits in new_*; the lower half of its beat, if it is an upper one, in low_q.
  logic new_valid_q, new_upper_q, new_eop_q, new_first_q;
  logic [255:0] new_data_q, low_q;
  logic [127:0] hdr_q;
  logic prefix_valid_q;
  logic [31:0] prefix_q;

  logic leaves, single, cut, swallow;

  // A lower half that is not the last goes to low_q; an upper one that is not the last waits for
  // what follows.
  assign single = new_valid_q && !new_upper_q && new_eop_q;
  assign leaves = new_valid_q && new_upper_q && (new_eop_q || in_valid_i);
  // What follows ends the TLP although another half belongs to it.
  assign swallow = leaves && !new_eop_q && !in_sop_i && in_eop_i && needs_upper(hdr_q[30], hdr_q[3:0]);
  // Nothing but a lower half came of a beat that needs both.
  assign cut = single && new_first_q && needs_upper(hdr_q[30], hdr_q[3:0]);

  assign out_valid_o = single || leaves;
  assign out_sop_o = new_first_q;
  assign out_eop_o = new_eop_q || swallow;
  assign out_hdr_o = {hdr_q[127:15], hdr_q[14] || cut, hdr_q[13:0]};
  assign out_prefix_valid_o = prefix_valid_q;
  assign out_prefix_o = prefix_q;
  assign out_data_o = new_upper_q ? {new_data_q, low_q} : {256'b0, new_data_q};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      new_valid_q <= 1'b0;
      new_upper_q <= 1'b0;
    end else if (in_valid_i) begin
      new_valid_q <= !swallow;
      // A start begins a beat, whatever came before it.
      new_upper_q <= !in_sop_i && !swallow && !new_upper_q;
    end else if (single || leaves) begin
      new_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i) begin
      new_data_q <= in_data_i;
      new_eop_q <= in_eop_i;
      new_first_q <= in_sop_i || (new_first_q && !new_upper_q);
      if (!new_upper_q) low_q <= new_data_q;
      if (in_sop_i) begin
        hdr_q <= in_hdr_i;
        prefix_valid_q <= in_prefix_valid_i;
        prefix_q <= in_prefix_i;
      end
    end
  end

endmodule
