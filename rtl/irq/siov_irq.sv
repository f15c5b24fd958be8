// SPDX-License-Identifier: Apache-2.0
// Interrupts of the device: tables (MSI-X, MSIXPERM, IMS), permission look-up, and the sender of
// messages.
//
// Look-ups are one a cycle. A handle is allowed when it names an entry of its table whose PASID
// enable equals the asker's and, if set, whose PASID does too; mask, pending and ignore matter only
// when the interrupt is sent. Reset Device clears everything but the MSI-X table; FLR clears
// everything.
//
// Latency: lk_valid_i to lk_ok_o 2 cycles; table access acknowledged in 2; a request is offered to
// the link in 2.
// @spec dsa 2.10

`include "siov_assert.svh"

module siov_irq #(
  /// Engines, 1..63.
  parameter int unsigned NumEngines = 4,
  /// IMS entries, multiple of 256, 256..2560.
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 2..63.
  parameter int unsigned MsixVectors = 9
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
  input  logic [15:0] tbl_addr_i,
  input  logic [63:0] tbl_wdata_i,
  input  logic [7:0] tbl_be_i,
  output logic tbl_ack_o,
  output logic [63:0] tbl_rdata_o,

  // device events from siov_bar: one message each on MSI-X vector 0
  input  logic dev_irq_valid_i,
  output logic dev_irq_ready_o,
  input  logic dev_irq_cause_i,

  // permission look-up
  input  logic lk_valid_i,
  input  logic lk_ims_i,
  input  logic [15:0] lk_handle_i,
  input  logic lk_pasid_en_i,
  input  logic [19:0] lk_pasid_i,
  output logic lk_ok_o,

  // requests of the engines
  input  logic [NumEngines-1:0] irq_valid_i,
  output logic [NumEngines-1:0] irq_ready_o,
  input  logic [NumEngines-1:0] irq_ims_i,
  input  logic [NumEngines*16-1:0] irq_handle_i,

  // messages to the link
  output logic msg_valid_o,
  input  logic msg_ready_i,
  output logic [63:0] msg_addr_o,
  output logic [31:0] msg_data_o
);

  localparam int unsigned ImsW = $clog2(ImsEntries);
  localparam int unsigned MsixW = $clog2(MsixVectors);

  logic clr_n;
  assign clr_n = rst_ni && !flr_i;

  // ------------------------------------------------------------ look-up
  logic        lk_valid_q, lk_ims_q, lk_range_q, lk_pasid_en_q, lk_ok_q;
  logic [19:0] lk_pasid_q;
  logic [20:0] lk_ims_perm, lk_msix_perm, lk_perm;

  assign lk_perm = lk_ims_q ? lk_ims_perm : lk_msix_perm;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      lk_valid_q <= 1'b0;
      lk_ok_q <= 1'b0;
    end else begin
      lk_valid_q <= lk_valid_i;
      lk_ok_q <= lk_valid_q && lk_range_q && (lk_perm[20] == lk_pasid_en_q) &&
                 (!lk_pasid_en_q || (lk_perm[19:0] == lk_pasid_q));
    end
    lk_ims_q <= lk_ims_i;
    lk_range_q <= lk_ims_i ? (32'(lk_handle_i) < ImsEntries) : (32'(lk_handle_i) < MsixVectors);
    lk_pasid_en_q <= lk_pasid_en_i;
    lk_pasid_q <= lk_pasid_i;
  end
  assign lk_ok_o = lk_ok_q;

  // ------------------------------------------------------------ tables and sender
  logic [ImsW-1:0]  rd_ims_idx, q_ims_idx, scan_ims_idx;
  logic [MsixW-1:0] rd_msix_idx, q_msix_idx, scan_msix_idx;
  logic [63:0]      rd_ims_addr, rd_msix_addr;
  logic [31:0]      rd_ims_data, rd_msix_data;
  logic [2:0]       q_ims, q_msix;
  logic [1:0]       p_ims, p_msix;
  logic             scan_ims_valid, scan_msix_valid, retire0;

  siov_irq_table #(.ImsEntries(ImsEntries), .MsixVectors(MsixVectors)) u_table (
    .clk_i(clk_i), .rst_ni(rst_ni), .clr_i(flr_i), .dev_rst_i(dev_rst_i),
    .tbl_valid_i(tbl_valid_i), .tbl_write_i(tbl_write_i), .tbl_addr_i(tbl_addr_i),
    .tbl_wdata_i(tbl_wdata_i), .tbl_be_i(tbl_be_i), .tbl_ack_o(tbl_ack_o),
    .tbl_rdata_o(tbl_rdata_o),
    .lk_ims_idx_i(lk_handle_i[ImsW-1:0]), .lk_msix_idx_i(lk_handle_i[MsixW-1:0]),
    .lk_ims_perm_o(lk_ims_perm), .lk_msix_perm_o(lk_msix_perm),
    .rd_ims_idx_i(rd_ims_idx), .rd_msix_idx_i(rd_msix_idx),
    .rd_ims_addr_o(rd_ims_addr), .rd_ims_data_o(rd_ims_data),
    .rd_msix_addr_o(rd_msix_addr), .rd_msix_data_o(rd_msix_data),
    .q_ims_idx_i(q_ims_idx), .q_msix_idx_i(q_msix_idx), .q_ims_o(q_ims), .q_msix_o(q_msix),
    .p_ims_i(p_ims), .p_msix_i(p_msix), .retire0_i(retire0),
    .scan_ims_valid_o(scan_ims_valid), .scan_ims_idx_o(scan_ims_idx),
    .scan_msix_valid_o(scan_msix_valid), .scan_msix_idx_o(scan_msix_idx)
  );

  siov_irq_send #(.NumEngines(NumEngines), .ImsEntries(ImsEntries),
      .MsixVectors(MsixVectors)) u_send (
    .clk_i(clk_i), .rst_ni(clr_n),
    .bme_i(bme_i), .msix_en_i(msix_en_i), .msix_fmask_i(msix_fmask_i),
    .dev_irq_valid_i(dev_irq_valid_i), .dev_irq_ready_o(dev_irq_ready_o),
    .dev_irq_cause_i(dev_irq_cause_i),
    .irq_valid_i(irq_valid_i), .irq_ready_o(irq_ready_o), .irq_ims_i(irq_ims_i),
    .irq_handle_i(irq_handle_i),
    .scan_ims_valid_i(scan_ims_valid), .scan_ims_idx_i(scan_ims_idx),
    .scan_msix_valid_i(scan_msix_valid), .scan_msix_idx_i(scan_msix_idx),
    .rd_ims_idx_o(rd_ims_idx), .rd_msix_idx_o(rd_msix_idx),
    .rd_ims_addr_i(rd_ims_addr), .rd_ims_data_i(rd_ims_data),
    .rd_msix_addr_i(rd_msix_addr), .rd_msix_data_i(rd_msix_data),
    .q_ims_idx_o(q_ims_idx), .q_msix_idx_o(q_msix_idx), .q_ims_i(q_ims), .q_msix_i(q_msix),
    .p_ims_o(p_ims), .p_msix_o(p_msix), .retire0_o(retire0), .clr_pend_i(dev_rst_i),
    .msg_valid_o(msg_valid_o), .msg_ready_i(msg_ready_i), .msg_addr_o(msg_addr_o),
    .msg_data_o(msg_data_o)
  );

`ifndef SYNTHESIS
  // dsa 2.10: nothing is allowed that was not asked.
  `SIOV_ASSERT(a_lk_asked, lk_ok_o |-> $past(lk_valid_q))
  `SIOV_COVER(c_lk_refused, $past(lk_valid_q) && !lk_ok_o)
`endif

endmodule
