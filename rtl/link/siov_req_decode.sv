// SPDX-License-Identifier: Apache-2.0
// Reads one request TLP: which kind, which BAR, which bytes. Decides nothing and remembers nothing.
//
// Combinational. A BAR is hit only if memory space is enabled, the address is untranslated and the
// prefix, if any, is a PASID prefix while PASID is enabled; a request that hits nothing is
// unsupported. @spec PCIe-6.3 2.2.5-2.2.7, 2.2.10, 2.3.1; dsa 1.2, 4.1

`include "siov_assert.svh"

module siov_req_decode #(
  /// log2 of the size of BAR2 [bytes], 14 to 22.
  parameter int unsigned Bar2Bits = 17,
  /// log2 of the size of BAR0 [bytes], 16 or 18.
  parameter int unsigned Bar0Bits = 16
) (
  /// mse and pasid_en are used.
  input  siov_pkg::cfg_t cfg_i,
  input  logic [63:0] bar0_i,
  input  logic [63:0] bar2_i,

  input  logic [127:0] hdr_i,
  input  logic prefix_valid_i,
  input  logic [31:0] prefix_i,
  input  logic [63:0] data_i,

  output logic is_mem_write_o,
  output logic is_mem_read_o,
  output logic is_dmwr_o,
  /// Type 0 configuration request without prefix to function 0.
  output logic is_cfg_o,
  /// Message that an endpoint accepts and ignores.
  output logic is_ignored_msg_o,
  output logic has_data_o,
  /// Payload marked as damaged.
  output logic poisoned_o,

  output logic hit_bar0_o,
  output logic hit_bar2_o,
  /// 1 or 2 DW inside one aligned 8-byte word.
  output logic in_word_o,
  /// 64 bytes, 64-byte aligned, all bytes enabled.
  output logic whole_o,

  /// Register word.
  output logic [17:0] reg_addr_o,
  output logic [7:0] reg_be_o,
  output logic [63:0] reg_wdata_o,
  /// The access uses bits 63:32 of the word only.
  output logic upper_dw_o,
  output logic two_dw_o,
  /// Portal; deferrable and whole included.
  output siov_pkg::portal_t portal_o,
  /// What the first completion of a read must say.
  output logic [11:0] byte_count_o,
  output logic [6:0] lower_addr_o
);

  // Messages that may be dropped without an error (PCIe 6.3 2.2.8): Unlock, Set_Slot_Power_Limit,
  // PME_Turn_Off, Ignored Messages, vendor-defined type 1.
  function automatic logic ignored_code(input logic [7:0] code);
    case (code)
      8'h00, 8'h19, 8'h50, 8'h7F, 8'h40, 8'h41, 8'h43, 8'h44, 8'h45, 8'h47, 8'h48:
        ignored_code = 1'b1;
      default: ignored_code = 1'b0;
    endcase
  endfunction

  // Index of the lowest enabled byte of the first DW.
  function automatic logic [1:0] low_byte(input logic [3:0] be);
    low_byte = 2'd0;
    if (be[0]) low_byte = 2'd0;
    else if (be[1]) low_byte = 2'd1;
    else if (be[2]) low_byte = 2'd2;
    else if (be[3]) low_byte = 2'd3;
  endfunction

  // Bytes above the highest enabled byte of a DW.
  function automatic logic [1:0] unused_top(input logic [3:0] be);
    unused_top = 2'd0;
    if (be[3]) unused_top = 2'd0;
    else if (be[2]) unused_top = 2'd1;
    else if (be[1]) unused_top = 2'd2;
    else if (be[0]) unused_top = 2'd3;
  endfunction

  logic [7:0] fmt_type;
  logic four_dw;
  logic [9:0] length;
  logic [3:0] first_be, last_be;
  logic [63:0] addr;
  logic prefix_ok, reachable;

  assign fmt_type = hdr_i[31:24];
  assign four_dw = hdr_i[29];
  assign length = hdr_i[9:0];
  assign first_be = hdr_i[35:32];
  assign last_be = hdr_i[39:36];
  assign addr = four_dw ? {hdr_i[95:64], hdr_i[127:98], 2'b00} : {32'b0, hdr_i[95:66], 2'b00};

  assign has_data_o = hdr_i[30];
  assign poisoned_o = hdr_i[30] && hdr_i[14];

  // Bit 5 of the first byte chooses the 4 DW header.
  assign is_mem_write_o = {fmt_type[7:6], 1'b0, fmt_type[4:0]} == siov_pkg::TlpMWr;
  assign is_mem_read_o = {fmt_type[7:6], 1'b0, fmt_type[4:0]} == siov_pkg::TlpMRd;
  assign is_dmwr_o = {fmt_type[7:6], 1'b0, fmt_type[4:0]} == siov_pkg::TlpDMWr;
  assign is_cfg_o = ((fmt_type == siov_pkg::TlpCfgRd0) || (fmt_type == siov_pkg::TlpCfgWr0)) &&
                    (hdr_i[82:80] == '0) && !prefix_valid_i;
  assign is_ignored_msg_o = (fmt_type[7:6] != 2'b10) && (fmt_type[4:3] == 2'b10) &&
      ignored_code(hdr_i[39:32]) &&
                            !prefix_valid_i;

  assign prefix_ok = !prefix_valid_i || ((prefix_i[31:24] == siov_pkg::PrefixPasid) &&
      cfg_i.pasid_en);
  assign reachable = cfg_i.mse && prefix_ok && (hdr_i[11:10] == 2'b00);
  assign hit_bar0_o = reachable && (addr[63:Bar0Bits] == bar0_i[63:Bar0Bits]);
  assign hit_bar2_o = reachable && (addr[63:Bar2Bits] == bar2_i[63:Bar2Bits]) && !hit_bar0_o;

  assign two_dw_o = length == 10'd2;
  assign upper_dw_o = addr[2];
  assign in_word_o = (length == 10'd1) || (two_dw_o && !addr[2]);
  assign whole_o = (length == 10'd16) && (addr[5:0] == '0) && (first_be == '1) && (last_be == '1);

  assign reg_addr_o = {15'(addr[Bar0Bits-1:3]), 3'b000};
  assign reg_be_o = two_dw_o ? {last_be, first_be}
                    : (addr[2] ? {first_be, 4'b0} : {4'b0, first_be});
  assign reg_wdata_o = two_dw_o ? data_i : {data_i[31:0], data_i[31:0]};

  always_comb begin
    portal_o.deferrable = is_dmwr_o;
    portal_o.whole = whole_o;
    portal_o.wq = 8'(addr[Bar2Bits-1:0] >> 14);
    portal_o.ims = addr[13];
    portal_o.limited = addr[12];
  end

  // Span between first and last enabled byte; a zero-length read counts one byte.
  always_comb begin
    if (length == 10'd1) begin
      byte_count_o = (first_be == '0) ? 12'd1
                   : 12'd4 - {10'b0, low_byte(first_be)} - {10'b0, unused_top(first_be)};
    end else begin
      byte_count_o = {length, 2'b00} - {10'b0, low_byte(first_be)} - {10'b0, unused_top(last_be)};
    end
  end
  assign lower_addr_o = {addr[6:2], low_byte(first_be)};

  // Fields that no decision depends on.
  logic unused;
  assign unused = &{1'b0, cfg_i, hdr_i, prefix_i, bar0_i, bar2_i};

  `SIOV_STATIC(gen_bad_bar0, (Bar0Bits == 16) || (Bar0Bits == 18))
  `SIOV_STATIC(gen_bad_bar2, (Bar2Bits >= 14) && (Bar2Bits <= 22))

endmodule
