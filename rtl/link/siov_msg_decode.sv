// SPDX-License-Identifier: Apache-2.0
// Reads one posted TLP as a message of address translation: Invalidate Request or PRG Response, both
// routed by ID. Decides nothing and remembers nothing; other messages are not its business.
//
// Combinational. A message with another routing, with data where none belongs or none where some
// does, for a function that does not exist, or with a prefix that is not an accepted PASID prefix is
// not understood: unsupported, like an unknown code. An Invalidate Request of another Length than 2
// is malformed, and one with poisoned payload must not be carried out: the host learns of it by the
// missing completion. Memory space enable, bus mastering and the ATS enable do not matter: the
// device answers when ATS has just been turned off. @spec pcie.md 2.2, 9.3, 9.4, 10.3, 11

module siov_msg_decode (
  /// pasid_en is used.
  input  siov_pkg::cfg_t cfg_i,
  input  logic [127:0] hdr_i,
  input  logic prefix_valid_i,
  input  logic [31:0] prefix_i,
  input  logic [63:0] data_i,

  /// One of the two; then at most one of malformed and poisoned.
  output logic known_o,
  output logic malformed_o,
  output logic poisoned_o,
  output siov_pkg::vm_in_t vm_o
);

  localparam logic [7:0] CodeInvalidate = 8'h01;
  localparam logic [7:0] CodeResponse = 8'h05;
  localparam logic [7:0] MsgDataBit = 8'h40;

  logic invalidate, response, for_us;

  assign invalidate = (hdr_i[31:24] == (siov_pkg::TlpMsgId | MsgDataBit)) &&
                      (hdr_i[39:32] == CodeInvalidate);
  assign response = (hdr_i[31:24] == siov_pkg::TlpMsgId) && (hdr_i[39:32] == CodeResponse);
  // Function 0 of whatever bus and device.
  assign for_us = (hdr_i[82:80] == '0) &&
      (!prefix_valid_i || ((prefix_i[31:24] == siov_pkg::PrefixPasid) && cfg_i.pasid_en));

  assign malformed_o = invalidate && (hdr_i[9:0] != 10'd2);
  assign known_o = malformed_o || ((invalidate || response) && for_us);
  assign poisoned_o = invalidate && hdr_i[14] && !malformed_o && for_us;

  always_comb begin
    vm_o.invalidate = invalidate;
    vm_o.requester = hdr_i[63:48];
    vm_o.itag = hdr_i[44:40];
    vm_o.pasid_valid = prefix_valid_i;
    vm_o.pasid = prefix_i[19:0];
    for (int unsigned b = 0; b < 8; b++) vm_o.data[8*b +: 8] = data_i[8*(7-b) +: 8];
    vm_o.group = hdr_i[72:64];
    vm_o.code = hdr_i[79:76];
  end

  // Fields that mean nothing here.
  logic unused;
  assign unused = &{1'b0, cfg_i, hdr_i, prefix_i};

endmodule
