// SPDX-License-Identifier: Apache-2.0
// Advanced error reporting: classifies errors, keeps the status, mask and severity registers and
// the log of the first one.
//
// Everything here is sticky: a function-level reset changes nothing. Error messages are not sent;
// software polls. A completer's UR or CA for a non-posted request and an unexpected completion are
// advisory while their severity is non-fatal: they set the correctable status, and the
// uncorrectable one only while the advisory mask is clear (it resets to set). Errors that reach
// this block in one cycle all set their status; the log takes posted before non-posted before
// completion.
// Latency: one cycle. Reads are combinational. @spec PCIe-6.3 6.2.3.2.4, 6.2.5, 7.8.4

`include "siov_assert.svh"

module siov_aer (
  input  logic clk_i,
  input  logic rst_ni,

  /// Register access: double word inside the capability.
  input  logic wr_valid_i,
  input  logic [4:0] dw_i,
  input  logic [31:0] wmask_i,
  input  logic [31:0] wdata_i,
  output logic [31:0] rdata_o,

  // errors, one cycle each
  input  logic p_ur_i,
  input  logic p_ca_i,
  input  logic p_poisoned_i,
  input  logic p_malformed_i,
  input  logic [127:0] p_hdr_i,
  input  logic p_prefix_valid_i,
  input  logic [31:0] p_prefix_i,
  input  logic np_ur_i,
  input  logic np_ca_i,
  input  logic np_poisoned_i,
  input  logic np_malformed_i,
  input  logic [127:0] np_hdr_i,
  input  logic np_prefix_valid_i,
  input  logic [31:0] np_prefix_i,
  input  logic cpl_unexpected_i,
  input  logic cpl_poisoned_i,
  input  logic cpl_malformed_i,
  input  logic [127:0] cpl_hdr_i,
  /// Completion timeout, and completion of an unknown tag: no header is logged for these.
  input  logic timeout_i,
  input  logic stray_i,

  /// Device Status bits to set: {unsupported request, fatal, non-fatal, correctable}.
  output logic [3:0] device_status_set_o
);

  // Bits of the uncorrectable registers.
  localparam int unsigned BitPoisoned = 12;
  localparam int unsigned BitTimeout = 14;
  localparam int unsigned BitCa = 15;
  localparam int unsigned BitUnexpected = 16;
  localparam int unsigned BitMalformed = 18;
  localparam int unsigned BitUr = 20;
  localparam logic [31:0] Implemented =
      (32'd1 << BitPoisoned) | (32'd1 << BitTimeout) | (32'd1 << BitCa) |
      (32'd1 << BitUnexpected) | (32'd1 << BitMalformed) | (32'd1 << BitUr);
  localparam logic [31:0] SeverityReset = 32'd1 << BitMalformed;
  // Bit of the correctable registers.
  localparam int unsigned BitAdvisory = 13;

  // Double words of the capability.
  localparam logic [4:0] DwUncStatus = 5'd1;
  localparam logic [4:0] DwUncMask = 5'd2;
  localparam logic [4:0] DwUncSeverity = 5'd3;
  localparam logic [4:0] DwCorStatus = 5'd4;
  localparam logic [4:0] DwCorMask = 5'd5;
  localparam logic [4:0] DwControl = 5'd6;
  localparam logic [4:0] DwHeader0 = 5'd7;
  localparam logic [4:0] DwHeader1 = 5'd8;
  localparam logic [4:0] DwHeader2 = 5'd9;
  localparam logic [4:0] DwHeader3 = 5'd10;
  localparam logic [4:0] DwPrefix = 5'd14;

  logic [31:0] status_q, mask_q, severity_q;
  logic advisory_q, advisory_mask_q;
  logic logged_q, prefix_logged_q;
  logic [4:0] first_q;
  logic [127:0] header_q;
  logic [31:0] prefix_q;

  // ---------------------------------------------------------------- classification
  logic [31:0] p_bits, np_bits, np_soft, cpl_bits, cpl_soft, other_bits, other_soft;
  logic [31:0] any_hard, any_soft, advisory, status_set, loggable;

  always_comb begin
    p_bits = '0;
    p_bits[BitUr] = p_ur_i;
    p_bits[BitCa] = p_ca_i;
    p_bits[BitPoisoned] = p_poisoned_i;
    p_bits[BitMalformed] = p_malformed_i;
    np_bits = '0;
    np_bits[BitPoisoned] = np_poisoned_i;
    np_bits[BitMalformed] = np_malformed_i;
    np_soft = '0;
    np_soft[BitUr] = np_ur_i;
    np_soft[BitCa] = np_ca_i;
    cpl_bits = '0;
    cpl_bits[BitPoisoned] = cpl_poisoned_i;
    cpl_bits[BitMalformed] = cpl_malformed_i;
    cpl_soft = '0;
    cpl_soft[BitUnexpected] = cpl_unexpected_i;
    other_bits = '0;
    other_bits[BitTimeout] = timeout_i;
    other_soft = '0;
    other_soft[BitUnexpected] = stray_i;
  end

  assign any_soft = np_soft | cpl_soft | other_soft;
  assign advisory = any_soft & ~severity_q;
  assign any_hard = p_bits | np_bits | cpl_bits | other_bits | (any_soft & severity_q);
  assign status_set = any_hard | (advisory_mask_q ? '0 : advisory);
  assign loggable = status_set & ~mask_q;
  assign device_status_set_o = {p_ur_i || np_ur_i, (any_hard & severity_q) != '0,
                                (any_hard & ~severity_q) != '0, advisory != '0};

  // ---------------------------------------------------------------- what to log
  logic [31:0] p_log, np_log, cpl_log, other_log, chosen;
  logic [4:0] chosen_bit;

  assign p_log = p_bits & loggable;
  assign np_log = (np_bits | np_soft) & loggable;
  assign cpl_log = (cpl_bits | cpl_soft) & loggable;
  assign other_log = (other_bits | other_soft) & loggable;
  assign chosen = (p_log != '0) ? p_log
                : (np_log != '0) ? np_log
                : (cpl_log != '0) ? cpl_log : other_log;

  always_comb begin
    chosen_bit = '0;
    for (int unsigned i = 0; i < 32; i++) begin
      if (chosen[i]) chosen_bit = 5'(i);
    end
  end

  // ---------------------------------------------------------------- registers
  logic [31:0] w1c;
  assign w1c = (wr_valid_i && (dw_i == DwUncStatus)) ? (wdata_i & wmask_i) : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      status_q <= '0;
      mask_q <= '0;
      severity_q <= SeverityReset;
      advisory_q <= 1'b0;
      advisory_mask_q <= 1'b1;
      logged_q <= 1'b0;
      first_q <= '0;
      prefix_logged_q <= 1'b0;
      header_q <= '0;
      prefix_q <= '0;
    end else begin
      status_q <= (status_q & ~w1c) | status_set;
      if (wr_valid_i) begin
        case (dw_i)
          DwUncMask: mask_q <= ((mask_q & ~wmask_i) | (wdata_i & wmask_i)) & Implemented;
          DwUncSeverity: severity_q <= ((severity_q & ~wmask_i) |
              (wdata_i & wmask_i)) & Implemented;
          DwCorStatus: if (wmask_i[BitAdvisory] && wdata_i[BitAdvisory]) advisory_q <= 1'b0;
          DwCorMask: if (wmask_i[BitAdvisory]) advisory_mask_q <= wdata_i[BitAdvisory];
          default: ;
        endcase
      end
      if (advisory != '0) advisory_q <= 1'b1;
      if (logged_q && w1c[first_q]) begin
        logged_q <= 1'b0;
        prefix_logged_q <= 1'b0;
      end
      if (!logged_q && (chosen != '0)) begin
        logged_q <= 1'b1;
        first_q <= chosen_bit;
        if (p_log != '0) begin
          header_q <= p_hdr_i;
          prefix_logged_q <= p_prefix_valid_i;
          prefix_q <= p_prefix_valid_i ? p_prefix_i : '0;
        end else if (np_log != '0) begin
          header_q <= np_hdr_i;
          prefix_logged_q <= np_prefix_valid_i;
          prefix_q <= np_prefix_valid_i ? np_prefix_i : '0;
        end else begin
          header_q <= (cpl_log != '0) ? cpl_hdr_i : '0;
          prefix_logged_q <= 1'b0;
          prefix_q <= '0;
        end
      end
    end
  end

  always_comb begin
    rdata_o = '0;
    case (dw_i)
      DwUncStatus: rdata_o = status_q;
      DwUncMask: rdata_o = mask_q;
      DwUncSeverity: rdata_o = severity_q;
      DwCorStatus: rdata_o[BitAdvisory] = advisory_q;
      DwCorMask: rdata_o[BitAdvisory] = advisory_mask_q;
      DwControl: rdata_o = {20'b0, prefix_logged_q, 6'b0, first_q};
      DwHeader0: rdata_o = header_q[31:0];
      DwHeader1: rdata_o = header_q[63:32];
      DwHeader2: rdata_o = header_q[95:64];
      DwHeader3: rdata_o = header_q[127:96];
      DwPrefix: rdata_o = prefix_q;
      default: rdata_o = '0;
    endcase
  end

`ifndef SYNTHESIS
  // The first-error pointer names a status bit that is still set.
  `SIOV_ASSERT_IF(a_first_is_set, logged_q, status_q[first_q])
  `SIOV_COVER(c_second_error, logged_q && (chosen != '0))
`endif

endmodule
