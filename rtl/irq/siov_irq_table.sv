// SPDX-License-Identifier: Apache-2.0
// Everything software stores about interrupts: MSI-X table, pending bit array, MSIXPERM, and the
// IMS table.
//
// A write reads the whole entry, merges the enabled bytes and writes the whole entry in one cycle,
// so that a reader sees the old or the new one, never a mix. IMS addresses outside
// 0x00000000_FEExxxxx are not stored (the write of that 8-byte word is ignored). MSI-X entries read
// 0 before they are written. Offsets without an entry read 0.
//
// Latency: tbl_ack_o 2 cycles after tbl_valid_i; sender and look-up read ports 1 cycle.
// @spec dsa 2.10, pcie MSI-X

`include "siov_assert.svh"

module siov_irq_table #(
  /// IMS entries, multiple of 256.
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 2..63.
  parameter int unsigned MsixVectors = 9,
  localparam int unsigned ImsW = $clog2(ImsEntries),
  localparam int unsigned MsixW = $clog2(MsixVectors)
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Power-on state of everything, without disturbing a table access.
  input  logic clr_i,
  /// Reset Device: everything but the MSI-X table (its pending bits included).
  input  logic dev_rst_i,

  // table bus
  input  logic tbl_valid_i,
  input  logic tbl_write_i,
  input  logic [15:0] tbl_addr_i,
  input  logic [63:0] tbl_wdata_i,
  input  logic [7:0] tbl_be_i,
  output logic tbl_ack_o,
  output logic [63:0] tbl_rdata_o,

  // look-up
  input  logic [ImsW-1:0] lk_ims_idx_i,
  input  logic [MsixW-1:0] lk_msix_idx_i,
  /// {PASID enable, PASID}, one cycle later.
  output logic [20:0] lk_ims_perm_o,
  output logic [20:0] lk_msix_perm_o,

  // sender: entry to read; its message one cycle later
  input  logic [ImsW-1:0] rd_ims_idx_i,
  input  logic [MsixW-1:0] rd_msix_idx_i,
  output logic [63:0] rd_ims_addr_o,
  output logic [31:0] rd_ims_data_o,
  output logic [63:0] rd_msix_addr_o,
  output logic [31:0] rd_msix_data_o,
  // sender: state of the entry in hand
  input  logic [ImsW-1:0] q_ims_idx_i,
  input  logic [MsixW-1:0] q_msix_idx_i,
  /// {ignore, pending, mask}
  output logic [2:0] q_ims_o,
  output logic [2:0] q_msix_o,
  /// {set pending, clear pending}
  input  logic [1:0] p_ims_i,
  input  logic [1:0] p_msix_i,
  input  logic retire0_i,
  // pending entries that are not masked
  output logic scan_ims_valid_o,
  output logic [ImsW-1:0] scan_ims_idx_o,
  output logic scan_msix_valid_o,
  output logic [MsixW-1:0] scan_msix_idx_o
);

  localparam logic [11:0] ImsAddrHigh = 12'hFEE;

  // Stored messages: MSI-X {address 63:2, data}, IMS {address 19:2, data}.
  localparam int unsigned MsixMsgW = 62 + 32;
  localparam int unsigned ImsMsgW = 18 + 32;
  localparam int unsigned PermW = 1 + 20;

  // ------------------------------------------------------------ address
  logic [15:0]      ims_off;
  logic             in_perm, in_msix, in_pba, in_ims;
  logic [MsixW-1:0] perm_idx, msix_idx;
  logic [ImsW-1:0]  ims_idx;
  logic             high_half;

  assign ims_off = tbl_addr_i - siov_abi_pkg::TblIms;
  assign in_perm = (tbl_addr_i >= siov_abi_pkg::TblMsixperm) &&
      (tbl_addr_i < siov_abi_pkg::TblGrpcfg) &&
      (tbl_addr_i[8:3] < 6'(MsixVectors));
  assign in_msix = (tbl_addr_i[15:12] == siov_abi_pkg::TblMsix[15:12]) &&
      (tbl_addr_i[11:4] < 8'(MsixVectors));
  assign in_pba = tbl_addr_i[15:3] == siov_abi_pkg::TblPba[15:3];
  assign in_ims = (tbl_addr_i >= siov_abi_pkg::TblIms) && (ims_off[15:4] < 12'(ImsEntries));
  assign perm_idx = tbl_addr_i[3 +: MsixW];
  assign msix_idx = tbl_addr_i[4 +: MsixW];
  assign ims_idx = ims_off[4 +: ImsW];
  assign high_half = tbl_addr_i[3];

  // ------------------------------------------------------------ read, merge, write
  logic                stage_q, ack_q;
  logic [63:0]         rdata_q, old, merged, be_mask;
  logic                we_perm, we_msix_msg, we_msix_mask, we_ims_msg, we_ims_ctl;
  logic [MsixMsgW-1:0] msix_msg, msix_msg_w, msix_msg_rd;
  logic [ImsMsgW-1:0]  ims_msg, ims_msg_w, ims_msg_rd;
  logic [PermW-1:0]    msix_perm, msix_perm_w, ims_perm, ims_perm_w;
  logic                msix_mask, msix_pend, msix_ign, ims_mask, ims_pend, ims_ign;
  logic [MsixVectors-1:0] msix_pend_all;
  logic [ImsEntries-1:0]  ims_pend_all;

  always_comb begin
    for (int unsigned b = 0; b < 8; b++) be_mask[8*b +: 8] = {8{tbl_be_i[b]}};

    old = '0;
    if (in_perm) begin
      old[siov_abi_pkg::MsixpermIgnoreLsb] = msix_ign;
      old[siov_abi_pkg::MsixpermPasidEnLsb] = msix_perm[20];
      old[siov_abi_pkg::MsixpermPasidLsb +: 20] = msix_perm[19:0];
    end else if (in_msix) begin
      if (high_half) begin
        old[31:0] = msix_msg[31:0];
        old[siov_abi_pkg::MsixMaskLsb - 64] = msix_mask;
      end else begin
        old = {msix_msg[MsixMsgW-1:32], 2'b00};
      end
    end else if (in_pba) begin
      old = 64'(msix_pend_all);
    end else if (in_ims) begin
      if (high_half) begin
        old[31:0] = ims_msg[31:0];
        old[siov_abi_pkg::ImsMaskLsb - 64] = ims_mask;
        old[siov_abi_pkg::ImsPendingLsb - 64] = ims_pend;
        old[siov_abi_pkg::ImsIgnoreLsb - 64] = ims_ign;
        old[siov_abi_pkg::ImsPasidEnLsb - 64] = ims_perm[20];
        old[siov_abi_pkg::ImsPasidLsb - 64 +: 20] = ims_perm[19:0];
      end else begin
        old = {32'b0, ImsAddrHigh, ims_msg[ImsMsgW-1:32], 2'b00};
      end
    end
    merged = (old & ~be_mask) | (tbl_wdata_i & be_mask);

    msix_msg_w = high_half ? {msix_msg[MsixMsgW-1:32], merged[31:0]} : {merged[63:2],
        msix_msg[31:0]};
    ims_msg_w = high_half ? {ims_msg[ImsMsgW-1:32], merged[31:0]} : {merged[19:2], ims_msg[31:0]};
    msix_perm_w = {merged[siov_abi_pkg::MsixpermPasidEnLsb],
        merged[siov_abi_pkg::MsixpermPasidLsb +: 20]};
    ims_perm_w = {merged[siov_abi_pkg::ImsPasidEnLsb - 64],
        merged[siov_abi_pkg::ImsPasidLsb - 64 +: 20]};

    we_perm = stage_q && tbl_write_i && in_perm;
    we_msix_msg = stage_q && tbl_write_i && in_msix;
    we_msix_mask = we_msix_msg && high_half;
    we_ims_msg = stage_q && tbl_write_i && in_ims && (high_half ||
        (merged[63:20] == 44'(ImsAddrHigh)));
    we_ims_ctl = stage_q && tbl_write_i && in_ims && high_half;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      stage_q <= 1'b0;
      ack_q <= 1'b0;
    end else begin
      stage_q <= tbl_valid_i;
      ack_q <= stage_q;
    end
    if (stage_q) rdata_q <= old;
  end

  assign tbl_ack_o = ack_q;
  assign tbl_rdata_o = rdata_q;

  // ------------------------------------------------------------ storage
  siov_irq_store #(.Entries(MsixVectors), .Width(MsixMsgW)) u_msix_msg (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_i),
    .we_i(we_msix_msg), .widx_i(msix_idx), .wdata_i(msix_msg_w),
    .a_idx_i(msix_idx), .a_data_o(msix_msg), .b_idx_i(rd_msix_idx_i), .b_data_o(msix_msg_rd)
  );
  siov_irq_store #(.Entries(MsixVectors), .Width(PermW)) u_msix_perm (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_i || dev_rst_i),
    .we_i(we_perm), .widx_i(perm_idx), .wdata_i(msix_perm_w),
    .a_idx_i(perm_idx), .a_data_o(msix_perm), .b_idx_i(lk_msix_idx_i), .b_data_o(lk_msix_perm_o)
  );
  siov_irq_store #(.Entries(ImsEntries), .Width(ImsMsgW)) u_ims_msg (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_i || dev_rst_i),
    .we_i(we_ims_msg), .widx_i(ims_idx), .wdata_i(ims_msg_w),
    .a_idx_i(ims_idx), .a_data_o(ims_msg), .b_idx_i(rd_ims_idx_i), .b_data_o(ims_msg_rd)
  );
  siov_irq_store #(.Entries(ImsEntries), .Width(PermW)) u_ims_perm (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_i || dev_rst_i),
    .we_i(we_ims_ctl), .widx_i(ims_idx), .wdata_i(ims_perm_w),
    .a_idx_i(ims_idx), .a_data_o(ims_perm), .b_idx_i(lk_ims_idx_i), .b_data_o(lk_ims_perm_o)
  );

  siov_irq_state #(.Entries(MsixVectors)) u_msix_state (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .clr_mask_i(clr_i), .clr_pend_i(clr_i || dev_rst_i), .clr_ign_i(clr_i || dev_rst_i),
    .w_mask_i(we_msix_mask), .w_mask_val_i(merged[siov_abi_pkg::MsixMaskLsb - 64]),
    .w_mask_idx_i(msix_idx),
    .w_ign_i(we_perm), .w_ign_val_i(merged[siov_abi_pkg::MsixpermIgnoreLsb]),
    .w_ign_idx_i(perm_idx),
    .r_idx_i(in_perm ? perm_idx : msix_idx), .r_mask_o(msix_mask), .r_pend_o(msix_pend),
    .r_ign_o(msix_ign),
    .pend_o(msix_pend_all),
    .q_idx_i(q_msix_idx_i), .q_mask_o(q_msix_o[0]), .q_pend_o(q_msix_o[1]), .q_ign_o(q_msix_o[2]),
    .p_set_i(p_msix_i[1]), .p_clr_i(p_msix_i[0]), .retire0_i(retire0_i),
    .scan_valid_o(scan_msix_valid_o), .scan_idx_o(scan_msix_idx_o)
  );
  siov_irq_state #(.Entries(ImsEntries)) u_ims_state (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .clr_mask_i(clr_i || dev_rst_i), .clr_pend_i(clr_i || dev_rst_i), .clr_ign_i(clr_i ||
    dev_rst_i),
    .w_mask_i(we_ims_ctl), .w_mask_val_i(merged[siov_abi_pkg::ImsMaskLsb - 64]),
    .w_mask_idx_i(ims_idx),
    .w_ign_i(we_ims_ctl), .w_ign_val_i(merged[siov_abi_pkg::ImsIgnoreLsb - 64]),
    .w_ign_idx_i(ims_idx),
    .r_idx_i(ims_idx), .r_mask_o(ims_mask), .r_pend_o(ims_pend), .r_ign_o(ims_ign),
    .pend_o(ims_pend_all),
    .q_idx_i(q_ims_idx_i), .q_mask_o(q_ims_o[0]), .q_pend_o(q_ims_o[1]), .q_ign_o(q_ims_o[2]),
    .p_set_i(p_ims_i[1]), .p_clr_i(p_ims_i[0]), .retire0_i(1'b0),
    .scan_valid_o(scan_ims_valid_o), .scan_idx_o(scan_ims_idx_o)
  );

  assign rd_msix_addr_o = {msix_msg_rd[MsixMsgW-1:32], 2'b00};
  assign rd_msix_data_o = msix_msg_rd[31:0];
  assign rd_ims_addr_o = {32'b0, ImsAddrHigh, ims_msg_rd[ImsMsgW-1:32], 2'b00};
  assign rd_ims_data_o = ims_msg_rd[31:0];

  logic unused;
  assign unused = ^{msix_pend, ims_pend_all, ims_off, tbl_addr_i[2:0]};

  `SIOV_STATIC(gen_bad_msix, MsixVectors >= 2 && MsixVectors <= 63)
  `SIOV_STATIC(gen_bad_ims, ImsEntries >= 256 && ImsEntries % 256 == 0 && ImsEntries <= 2560)
`ifndef SYNTHESIS
  // The bus holds still until the acknowledge.
  `SIOV_ASSERT(a_one_access, tbl_valid_i |-> (!stage_q && !ack_q))
  `SIOV_ASSERT(a_bus_stable, (tbl_valid_i || stage_q) |=>
               $stable(tbl_addr_i) && $stable(tbl_write_i) && $stable(tbl_wdata_i) &&
                   $stable(tbl_be_i))
  `SIOV_COVER(c_ims_addr_refused, stage_q && tbl_write_i && in_ims && !high_half && !we_ims_msg)
`endif

endmodule
