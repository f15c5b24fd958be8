// SPDX-License-Identifier: Apache-2.0
// Interrupts of the device: tables (MSI-X, MSIXPERM, IMS), handles, permission look-up, and the
// sender of messages. Wiring only.
//
// Everything kept for an entry is in memory; clears take one cycle whatever the size. Reset Device
// clears everything but the MSI-X table; FLR clears everything.
//
// Latency: look-ups see siov_irq_lookup; table access acknowledged in 2 cycles; a request is
// offered to the link in 2.
// Combinational paths: blk_valid_i to blk_ready_o; enables to msg_valid_o.
// @spec dsa 2.10, 3.1

module siov_irq #(
  /// Engines, 1..63.
  parameter int unsigned NumEngines = 4,
  /// IMS entries, 0..4096; 0: no IMS.
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 1..2048.
  parameter int unsigned MsixVectors = 9,
  /// Handles must be granted by command 13.
  parameter bit CmdCap = 1'b0
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Pulse: power-on state.
  input  logic flr_i,
  /// Pulse: Reset Device.
  input  logic dev_rst_i,

  // configuration space
  input  logic bme_i,
  input  logic msix_en_i,
  input  logic msix_fmask_i,

  // table bus from siov_bar
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

  // device events from siov_bar: one message each on MSI-X vector 0
  input  logic dev_irq_valid_i,
  output logic dev_irq_ready_o,
  input  logic dev_irq_cause_i,

  // permission look-up: dispatcher
  input  logic lk_valid_i,
  input  logic lk_ims_i,
  input  logic [15:0] lk_handle_i,
  input  logic lk_pasid_en_i,
  input  logic [19:0] lk_pasid_i,
  output logic lk_ok_o,

  // permission look-up: batch feeders of the engines
  input  logic [NumEngines-1:0] blk_valid_i,
  output logic [NumEngines-1:0] blk_ready_o,
  input  logic [NumEngines-1:0] blk_ims_i,
  input  logic [NumEngines*16-1:0] blk_handle_i,
  input  logic [NumEngines-1:0] blk_pasid_en_i,
  input  logic [NumEngines*20-1:0] blk_pasid_i,
  output logic [NumEngines-1:0] blk_rsp_valid_o,
  output logic [NumEngines-1:0] blk_ok_o,

  // permission look-up: occupancy handle at Enable WQ; a pulse, or held until the answer
  input  logic olk_valid_i,
  input  logic olk_ims_i,
  input  logic [15:0] olk_handle_i,
  input  logic olk_pasid_en_i,
  input  logic [19:0] olk_pasid_i,
  output logic olk_rsp_valid_o,
  output logic olk_ok_o,

  // commands 13 and 14: a pulse, or held until the acknowledge
  input  logic gr_valid_i,
  input  logic gr_release_i,
  input  logic gr_ims_i,
  input  logic [15:0] gr_index_i,
  output logic gr_ack_o,
  output logic gr_ok_o,

  // requests of the engines; the last is work queue occupancy
  input  logic [NumEngines:0] irq_valid_i,
  output logic [NumEngines:0] irq_ready_o,
  input  logic [NumEngines:0] irq_ims_i,
  input  logic [(NumEngines+1)*16-1:0] irq_handle_i,

  // messages to the link
  output logic msg_valid_o,
  input  logic msg_ready_i,
  output logic [63:0] msg_addr_o,
  output logic [31:0] msg_data_o
);

  localparam int unsigned ImsW = (ImsEntries > 1) ? $clog2(ImsEntries) : 1;
  localparam int unsigned MsixW = (MsixVectors > 1) ? $clog2(MsixVectors) : 1;

  logic clr_n;
  assign clr_n = rst_ni && !flr_i;

  logic [ImsW-1:0]  lk_ims_idx, lk_ims_gr_idx, rd_ims_idx, q_ims_idx, scan_ims_idx;
  logic [MsixW-1:0] lk_msix_idx, lk_msix_gr_idx, rd_msix_idx, q_msix_idx, scan_msix_idx;
  logic [20:0]      lk_ims_perm, lk_msix_perm;
  logic             ims_granted, msix_granted, retire0;
  logic [63:0]      rd_ims_addr, rd_msix_addr;
  logic [31:0]      rd_ims_data, rd_msix_data;
  logic [2:0]       q_ims, q_msix;
  logic [1:0]       h_ims, h_msix, p_ims, p_msix;
  logic             scan_ims_valid, scan_msix_valid, scan_ims_take, scan_msix_take;

  siov_irq_lookup #(.NumEngines(NumEngines), .ImsEntries(ImsEntries),
      .MsixVectors(MsixVectors)) u_lookup (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .lk_valid_i(lk_valid_i), .lk_ims_i(lk_ims_i), .lk_handle_i(lk_handle_i),
    .lk_pasid_en_i(lk_pasid_en_i), .lk_pasid_i(lk_pasid_i), .lk_ok_o(lk_ok_o),
    .blk_valid_i(blk_valid_i), .blk_ready_o(blk_ready_o), .blk_ims_i(blk_ims_i),
    .blk_handle_i(blk_handle_i), .blk_pasid_en_i(blk_pasid_en_i), .blk_pasid_i(blk_pasid_i),
    .blk_rsp_valid_o(blk_rsp_valid_o), .blk_ok_o(blk_ok_o),
    .olk_valid_i(olk_valid_i), .olk_ims_i(olk_ims_i), .olk_handle_i(olk_handle_i),
    .olk_pasid_en_i(olk_pasid_en_i), .olk_pasid_i(olk_pasid_i),
    .olk_rsp_valid_o(olk_rsp_valid_o), .olk_ok_o(olk_ok_o),
    .ims_idx_o(lk_ims_idx), .msix_idx_o(lk_msix_idx),
    .ims_perm_i(lk_ims_perm), .msix_perm_i(lk_msix_perm),
    .ims_gr_idx_o(lk_ims_gr_idx), .msix_gr_idx_o(lk_msix_gr_idx),
    .ims_granted_i(ims_granted), .msix_granted_i(msix_granted)
  );

  siov_irq_grant #(.CmdCap(CmdCap), .ImsEntries(ImsEntries),
      .MsixVectors(MsixVectors)) u_grant (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(flr_i || dev_rst_i),
    .gr_valid_i(gr_valid_i), .gr_release_i(gr_release_i), .gr_ims_i(gr_ims_i),
    .gr_index_i(gr_index_i), .gr_ack_o(gr_ack_o), .gr_ok_o(gr_ok_o),
    .lk_ims_idx_i(lk_ims_gr_idx), .lk_msix_idx_i(lk_msix_gr_idx),
    .ims_granted_o(ims_granted), .msix_granted_o(msix_granted)
  );

  siov_irq_table #(.ImsEntries(ImsEntries), .MsixVectors(MsixVectors)) u_table (
    .clk_i(clk_i), .rst_ni(rst_ni), .clr_i(flr_i), .dev_rst_i(dev_rst_i),
    .tbl_valid_i(tbl_valid_i), .tbl_write_i(tbl_write_i), .tbl_sel_i(tbl_sel_i),
    .tbl_index_i(tbl_index_i), .tbl_word_i(tbl_word_i), .tbl_wdata_i(tbl_wdata_i),
    .tbl_be_i(tbl_be_i), .tbl_ack_o(tbl_ack_o), .tbl_rdata_o(tbl_rdata_o),
    .lk_ims_idx_i(lk_ims_idx), .lk_msix_idx_i(lk_msix_idx),
    .lk_ims_perm_o(lk_ims_perm), .lk_msix_perm_o(lk_msix_perm),
    .rd_ims_idx_i(rd_ims_idx), .rd_msix_idx_i(rd_msix_idx),
    .rd_ims_addr_o(rd_ims_addr), .rd_ims_data_o(rd_ims_data),
    .rd_msix_addr_o(rd_msix_addr), .rd_msix_data_o(rd_msix_data),
    .q_ims_idx_i(q_ims_idx), .q_msix_idx_i(q_msix_idx), .q_ims_o(q_ims), .q_msix_o(q_msix),
    .h_ims_o(h_ims), .h_msix_o(h_msix),
    .p_ims_i(p_ims), .p_msix_i(p_msix), .retire0_i(retire0),
    .scan_ims_valid_o(scan_ims_valid), .scan_ims_idx_o(scan_ims_idx),
    .scan_ims_take_i(scan_ims_take),
    .scan_msix_valid_o(scan_msix_valid), .scan_msix_idx_o(scan_msix_idx),
    .scan_msix_take_i(scan_msix_take)
  );

  siov_irq_send #(.NumReq(NumEngines + 1), .ImsEntries(ImsEntries),
      .MsixVectors(MsixVectors)) u_send (
    .clk_i(clk_i), .rst_ni(clr_n), .dev_rst_i(dev_rst_i),
    .bme_i(bme_i), .msix_en_i(msix_en_i), .msix_fmask_i(msix_fmask_i),
    .dev_irq_valid_i(dev_irq_valid_i), .dev_irq_ready_o(dev_irq_ready_o),
    .dev_irq_cause_i(dev_irq_cause_i),
    .irq_valid_i(irq_valid_i), .irq_ready_o(irq_ready_o), .irq_ims_i(irq_ims_i),
    .irq_handle_i(irq_handle_i),
    .scan_ims_valid_i(scan_ims_valid), .scan_ims_idx_i(scan_ims_idx),
    .scan_ims_take_o(scan_ims_take),
    .scan_msix_valid_i(scan_msix_valid), .scan_msix_idx_i(scan_msix_idx),
    .scan_msix_take_o(scan_msix_take),
    .rd_ims_idx_o(rd_ims_idx), .rd_msix_idx_o(rd_msix_idx),
    .rd_ims_addr_i(rd_ims_addr), .rd_ims_data_i(rd_ims_data),
    .rd_msix_addr_i(rd_msix_addr), .rd_msix_data_i(rd_msix_data),
    .q_ims_idx_o(q_ims_idx), .q_msix_idx_o(q_msix_idx), .q_ims_i(q_ims), .q_msix_i(q_msix),
    .h_ims_i(h_ims), .h_msix_i(h_msix),
    .p_ims_o(p_ims), .p_msix_o(p_msix), .retire0_o(retire0),
    .msg_valid_o(msg_valid_o), .msg_ready_i(msg_ready_i), .msg_addr_o(msg_addr_o),
    .msg_data_o(msg_data_o)
  );

endmodule
