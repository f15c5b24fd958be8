// SPDX-License-Identifier: Apache-2.0
// Cuts each 512-bit beat of a TLP to be sent into 256-bit beats; header and prefix go with the
// first.
//
// The upper half of a TLP's last beat is sent only if the payload reaches into it. The narrow side
// runs without gaps, between TLPs too, as long as beats wait on the wide side.
// Latency: one cycle. Outputs to the link are registers; in_ready_o follows the beat at the input,
// and nothing from out_ready_i, which a skid stage cuts.
// @spec PCIe-6.3 2.2

`include "siov_assert.svh"

module siov_gearbox_tx (
  input  logic clk_i,
  input  logic rst_ni,

  input  logic in_valid_i,
  output logic in_ready_o,
  input  logic in_sop_i,
  input  logic in_eop_i,
  input  logic [127:0] in_hdr_i,
  input  logic in_prefix_valid_i,
  input  logic [31:0] in_prefix_i,
  input  logic [511:0] in_data_i,

  output logic out_valid_o,
  input  logic out_ready_i,
  output logic out_sop_o,
  output logic out_eop_o,
  output logic [127:0] out_hdr_o,
  output logic out_prefix_valid_o,
  output logic [31:0] out_prefix_o,
  output logic [255:0] out_data_o
);

  localparam int unsigned BeatW = 1 + 1 + 1 + 32 + 128 + 256;

  // The last byte of a payload of this Length lies in the upper half of a beat.
  function automatic logic needs_upper(input logic data, input logic [3:0] length);
    needs_upper = data && ((length == '0) || (length > 4'd8));
  endfunction

  // The upper half of the waiting beat goes next.
  logic upper_q;
  // Answer of needs_upper for the TLP under way, noted at its start.
  logic last_upper_q;
  logic last_upper, done, room;
  logic [BeatW-1:0] out_beat;

  assign last_upper = in_sop_i ? needs_upper(in_hdr_i[30], in_hdr_i[3:0]) : last_upper_q;
  // This half is the last of its beat.
  assign done = upper_q || (in_eop_i && !last_upper);
  assign in_ready_o = room && done;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) upper_q <= 1'b0;
    else if (room && in_valid_i) upper_q <= !done;
  end

  always_ff @(posedge clk_i) begin
    if (in_valid_i && in_sop_i) last_upper_q <= last_upper;
  end

  siov_skid #(.W(BeatW)) u_out (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .in_valid_i(in_valid_i), .in_ready_o(room),
    .in_data_i({in_sop_i && !upper_q, in_eop_i && done, in_prefix_valid_i && !upper_q, in_prefix_i,
                in_hdr_i, upper_q ? in_data_i[511:256] : in_data_i[255:0]}),
    .out_valid_o(out_valid_o), .out_ready_i(out_ready_i), .out_data_o(out_beat)
  );
  assign {out_sop_o, out_eop_o, out_prefix_valid_o, out_prefix_o, out_hdr_o, out_data_o} = out_beat;

`ifndef SYNTHESIS
  // A beat leaves the wide side with its last half and not before.
  `SIOV_ASSERT_IF(a_whole, in_valid_i && in_ready_o && in_eop_i && last_upper, upper_q)
  `SIOV_COVER(c_stalled_upper, in_valid_i && upper_q && !room)
`endif

endmodule
