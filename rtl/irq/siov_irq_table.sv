// SPDX-License-Identifier: Apache-2.0
// Everything software stores about interrupts: MSI-X table, pending bit array, MSIXPERM, and the
// IMS table.
//
// A write reads the whole entry, merges the enabled bytes and writes the whole entry in one cycle,
// so that a reader sees the old or the new one, never a mix. IMS addresses outside
// 0x00000000_FEExxxxx are not stored (the write of that 8-byte word is ignored). MSI-X entries read
// 0 before they are written. Indexes without an entry read 0 and ignore writes.
//
// Latency: tbl_ack_o 2 cycles after tbl_valid_i; sender and look-up read ports 1 cycle.
// @spec dsa 2.10, pcie MSI-X, SIOV-D-31, SIOV-D-35, SIOV-D-36

`include "siov_assert.svh"

module siov_irq_table #(
  /// IMS entries, 0..4096; 0: no IMS table.
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 1..2048.
  parameter int unsigned MsixVectors = 9,
  localparam int unsigned ImsW = (ImsEntries > 1) ? $clog2(ImsEntries) : 1,
  localparam int unsigned MsixW = (MsixVectors > 1) ? $clog2(MsixVectors) : 1
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
  /// 0 MSIXPERM, 1 MSI-X table, 2 pending bit array, 3 IMS
  input  logic [1:0] tbl_sel_i,
  /// Entry; of the pending bit array the 8-byte word.
  input  logic [11:0] tbl_index_i,
  /// Upper 8 bytes of a 16-byte entry.
  input  logic tbl_word_i,
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
  /// {pending, mask}, registered
  output logic [1:0] h_ims_o,
  output logic [1:0] h_msix_o,
  /// {set pending, clear pending}
  input  logic [1:0] p_ims_i,
  input  logic [1:0] p_msix_i,
  input  logic retire0_i,
  // entries that may have become sendable
  output logic scan_ims_valid_o,
  output logic [ImsW-1:0] scan_ims_idx_o,
  input  logic scan_ims_take_i,
  output logic scan_msix_valid_o,
  output logic [MsixW-1:0] scan_msix_idx_o,
  input  logic scan_msix_take_i
);

  localparam logic [11:0] ImsAddrHigh = 12'hFEE;
  localparam int unsigned PbaWords = (MsixVectors + 63) / 64;

  // Stored messages: MSI-X {address 63:2, data}, IMS {address 19:2, data}.
  localparam int unsigned MsixMsgW = 62 + 32;
  localparam int unsigned ImsMsgW = 18 + 32;
  localparam int unsigned PermW = 1 + 20;

  // ------------------------------------------------------------ place
  logic             in_perm, in_msix, in_pba, in_ims;
  logic [MsixW-1:0] msix_idx, pba_idx;
  logic [ImsW-1:0]  ims_idx;

  assign in_perm = (tbl_sel_i == 2'd0) && (32'(tbl_index_i) < MsixVectors);
  assign in_msix = (tbl_sel_i == 2'd1) && (32'(tbl_index_i) < MsixVectors);
  assign in_pba = (tbl_sel_i == 2'd2) && (32'(tbl_index_i) < PbaWords);
  assign in_ims = (tbl_sel_i == 2'd3) && (32'(tbl_index_i) + 1 <= ImsEntries);
  assign msix_idx = MsixW'(tbl_index_i);
  assign pba_idx = MsixW'({tbl_index_i, 6'd0});
  assign ims_idx = ImsW'(tbl_index_i);

  // ------------------------------------------------------------ read, merge, write
  logic                stage_q, ack_q;
  logic [63:0]         rdata_q, old, merged, be_mask;
  logic                we_perm, we_msix_msg, we_msix_mask, we_ims_msg, we_ims_ctl;
  logic [MsixMsgW-1:0] msix_msg, msix_msg_w, msix_msg_rd;
  logic [ImsMsgW-1:0]  ims_msg, ims_msg_w, ims_msg_rd;
  logic [PermW-1:0]    msix_perm, msix_perm_w, ims_perm, ims_perm_w;
  logic                msix_mask, msix_ign, ims_mask, ims_ign;
  logic [63:0]         msix_pend, ims_pend;

  always_comb begin
    for (int unsigned b = 0; b < 8; b++) be_mask[8*b +: 8] = {8{tbl_be_i[b]}};

    old = '0;
    if (in_perm) begin
      old[siov_abi_pkg::MsixpermIgnoreLsb] = msix_ign;
      old[siov_abi_pkg::MsixpermPasidEnLsb] = msix_perm[20];
      old[siov_abi_pkg::MsixpermPasidLsb +: 20] = msix_perm[19:0];
    end else if (in_msix) begin
      if (tbl_word_i) begin
        old[31:0] = msix_msg[31:0];
        old[siov_abi_pkg::MsixMaskLsb - 64] = msix_mask;
      end else begin
        old = {msix_msg[MsixMsgW-1:32], 2'b00};
      end
    end else if (in_pba) begin
      old = msix_pend;
    end else if (in_ims) begin
      if (tbl_word_i) begin
        old[31:0] = ims_msg[31:0];
        old[siov_abi_pkg::ImsMaskLsb - 64] = ims_mask;
        old[siov_abi_pkg::ImsPendingLsb - 64] = ims_pend[6'(ims_idx)];
        old[siov_abi_pkg::ImsIgnoreLsb - 64] = ims_ign;
        old[siov_abi_pkg::ImsPasidEnLsb - 64] = ims_perm[20];
        old[siov_abi_pkg::ImsPasidLsb - 64 +: 20] = ims_perm[19:0];
      end else begin
        old = {32'b0, ImsAddrHigh, ims_msg[ImsMsgW-1:32], 2'b00};
      end
    end
    merged = (old & ~be_mask) | (tbl_wdata_i & be_mask);

    msix_msg_w = tbl_word_i ? {msix_msg[MsixMsgW-1:32], merged[31:0]} : {merged[63:2],
        msix_msg[31:0]};
    ims_msg_w = tbl_word_i ? {ims_msg[ImsMsgW-1:32], merged[31:0]} : {merged[19:2], ims_msg[31:0]};
    msix_perm_w = {merged[siov_abi_pkg::MsixpermPasidEnLsb],
        merged[siov_abi_pkg::MsixpermPasidLsb +: 20]};
    ims_perm_w = {merged[siov_abi_pkg::ImsPasidEnLsb - 64],
        merged[siov_abi_pkg::ImsPasidLsb - 64 +: 20]};

    we_perm = stage_q && tbl_write_i && in_perm;
    we_msix_msg = stage_q && tbl_write_i && in_msix;
    we_msix_mask = we_msix_msg && tbl_word_i;
    we_ims_msg = stage_q && tbl_write_i && in_ims && (tbl_word_i ||
        (merged[63:20] == 44'(ImsAddrHigh)));
    we_ims_ctl = stage_q && tbl_write_i && in_ims && tbl_word_i;
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
  siov_irq_bank #(.Entries(MsixVectors), .MsgW(MsixMsgW)) u_msix (
    .clk_i(clk_i), .rst_ni(rst_ni), .clr_msg_i(clr_i), .clr_perm_i(clr_i || dev_rst_i),
    .sw_idx_i(msix_idx), .sw_msg_o(msix_msg), .sw_perm_o(msix_perm), .sw_mask_o(msix_mask),
    .sw_ign_o(msix_ign), .sw_pend_idx_i(pba_idx), .sw_pend_o(msix_pend),
    .we_msg_i(we_msix_msg), .we_mask_i(we_msix_mask), .we_perm_i(we_perm),
    .w_msg_i(msix_msg_w), .w_mask_i(merged[siov_abi_pkg::MsixMaskLsb - 64]),
    .w_perm_i(msix_perm_w), .w_ign_i(merged[siov_abi_pkg::MsixpermIgnoreLsb]),
    .lk_idx_i(lk_msix_idx_i), .lk_perm_o(lk_msix_perm_o),
    .rd_idx_i(rd_msix_idx_i), .rd_msg_o(msix_msg_rd),
    .q_idx_i(q_msix_idx_i), .q_o(q_msix_o), .h_o(h_msix_o), .p_i(p_msix_i),
    .retire0_i(retire0_i),
    .scan_valid_o(scan_msix_valid_o), .scan_idx_o(scan_msix_idx_o),
    .scan_take_i(scan_msix_take_i)
  );

  if (ImsEntries != 0) begin : gen_ims
    siov_irq_bank #(.Entries(ImsEntries), .MsgW(ImsMsgW)) u_ims (
      .clk_i(clk_i), .rst_ni(rst_ni), .clr_msg_i(clr_i || dev_rst_i),
      .clr_perm_i(clr_i || dev_rst_i),
      .sw_idx_i(ims_idx), .sw_msg_o(ims_msg), .sw_perm_o(ims_perm), .sw_mask_o(ims_mask),
      .sw_ign_o(ims_ign), .sw_pend_idx_i(ims_idx), .sw_pend_o(ims_pend),
      .we_msg_i(we_ims_msg), .we_mask_i(we_ims_ctl), .we_perm_i(we_ims_ctl),
      .w_msg_i(ims_msg_w), .w_mask_i(merged[siov_abi_pkg::ImsMaskLsb - 64]),
      .w_perm_i(ims_perm_w), .w_ign_i(merged[siov_abi_pkg::ImsIgnoreLsb - 64]),
      .lk_idx_i(lk_ims_idx_i), .lk_perm_o(lk_ims_perm_o),
      .rd_idx_i(rd_ims_idx_i), .rd_msg_o(ims_msg_rd),
      .q_idx_i(q_ims_idx_i), .q_o(q_ims_o), .h_o(h_ims_o), .p_i(p_ims_i), .retire0_i(1'b0),
      .scan_valid_o(scan_ims_valid_o), .scan_idx_o(scan_ims_idx_o),
      .scan_take_i(scan_ims_take_i)
    );
  end else begin : gen_no_ims
    // Nothing to find; nobody gets past the range checks.
    logic unused;
    assign ims_msg = '0;
    assign ims_perm = '0;
    assign ims_mask = 1'b1;
    assign ims_ign = 1'b0;
    assign ims_pend = '0;
    assign ims_msg_rd = '0;
    assign lk_ims_perm_o = '0;
    assign q_ims_o = 3'b001;
    assign h_ims_o = 2'b01;
    assign scan_ims_valid_o = 1'b0;
    assign scan_ims_idx_o = '0;
    assign unused = ^{we_ims_msg, we_ims_ctl, ims_msg_w, ims_perm_w, lk_ims_idx_i, rd_ims_idx_i,
        q_ims_idx_i, p_ims_i, scan_ims_take_i};
  end

  assign rd_msix_addr_o = {msix_msg_rd[MsixMsgW-1:32], 2'b00};
  assign rd_msix_data_o = msix_msg_rd[31:0];
  assign rd_ims_addr_o = {32'b0, ImsAddrHigh, ims_msg_rd[ImsMsgW-1:32], 2'b00};
  assign rd_ims_data_o = ims_msg_rd[31:0];

  `SIOV_STATIC(gen_bad_msix, MsixVectors >= 1 && MsixVectors <= 2048)
  `SIOV_STATIC(gen_bad_ims, ImsEntries <= 4096)
`ifndef SYNTHESIS
  // The bus holds still until the acknowledge.
  `SIOV_ASSERT_IF(a_one_access, tbl_valid_i, !stage_q && !ack_q)
  `SIOV_ASSERT_HOLDS(a_bus_stable,
      tbl_valid_i || stage_q,
      1'b0, 1'b1, {tbl_sel_i, tbl_index_i, tbl_word_i, tbl_write_i, tbl_wdata_i, tbl_be_i})
  `SIOV_COVER(c_ims_addr_refused, stage_q && tbl_write_i && in_ims && !tbl_word_i && !we_ims_msg)
`endif

endmodule
