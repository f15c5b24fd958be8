// SPDX-License-Identifier: Apache-2.0
// The SIOV device: wiring of link, registers, interrupts, queues and engines.
// docs/architecture.md section 1 describes the boundary.
//
// Reset: rst_ni, synchronous, active low, at least one cycle. FLR resets everything but the
// link's credit counters, which belong
// to both ends. Outputs are registered.
// @spec PCIe-6.3 2, DSA-1.0 personality, SIOV R1

module siov_device #(
  parameter int unsigned NumWq = 8,             /// work queues, 1..32
  parameter int unsigned NumGroups = 4,         /// groups, 1..8
  parameter int unsigned NumEngines = 4,        /// engines, 1..4
  parameter int unsigned WqEntries = 128,       /// entries of all queues together
  parameter int unsigned ReadBuffers = 96,      /// GRPCAP 15:8
  parameter int unsigned ImsEntries = 256,      /// multiple of 256
  parameter int unsigned MsixVectors = NumWq + 1,
  parameter int unsigned TagsPerEngine = 64,    /// power of two; NumEngines * TagsPerEngine <= 256
  parameter int unsigned RingLines = 512,       /// 64-byte lines of reorder store an engine, power of two
  parameter int unsigned JobsPerEngine = 64,    /// descriptors in flight an engine
  parameter int unsigned CtoCycles = 25000      /// completion timeout: 50 us at 500 MHz, the low end of range A
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  // host to device
  input  logic         dn_valid_i,
  input  logic         dn_sop_i,
  input  logic         dn_eop_i,
  input  logic [127:0] dn_hdr_i,
  input  logic         dn_prefix_valid_i,
  input  logic [31:0]  dn_prefix_i,
  input  logic [511:0] dn_data_i,
  output logic [7:0]   dn_cl_ph_o,
  output logic [11:0]  dn_cl_pd_o,
  output logic [7:0]   dn_cl_nph_o,
  output logic [11:0]  dn_cl_npd_o,
  // device to host
  output logic         up_valid_o,
  input  logic         up_ready_i,
  output logic         up_sop_o,
  output logic         up_eop_o,
  output logic [127:0] up_hdr_o,
  output logic         up_prefix_valid_o,
  output logic [31:0]  up_prefix_o,
  output logic [511:0] up_data_o,
  input  logic [7:0]   up_cl_ph_i,
  input  logic [11:0]  up_cl_pd_i,
  input  logic [7:0]   up_cl_nph_i,
  input  logic [11:0]  up_cl_npd_i,
  input  logic [7:0]   up_cl_cplh_i,
  input  logic [11:0]  up_cl_cpld_i
);

  localparam int unsigned TxReqW = siov_pkg::TxReqW;
  localparam int unsigned DispW = siov_pkg::DispW;
  localparam int unsigned SwerrW = siov_pkg::SwerrW;

  siov_pkg::cfg_t cfg;
  logic           flr, halt, flush, clear_work;
  assign clear_work = flush || flr;

  // ------------------------------------------------------------ link
  logic                         cpl_valid, cpl_sop, cpl_eop;
  siov_pkg::cpl_in_t            cpl;
  logic [511:0]                 cpl_data;
  logic                         reg_valid, reg_ready, reg_write, reg_rvalid;
  logic [15:0]                  reg_addr;
  logic [63:0]                  reg_wdata, reg_rdata;
  logic [7:0]                   reg_be;
  logic                         portal_valid, portal_rsp_valid, portal_rsp_accept;
  siov_pkg::portal_t            portal;
  logic [511:0]                 portal_data;
  logic [NumEngines-1:0]        eng_unexpected, eng_timeout, eng_pending;
  logic [NumEngines-1:0]        rd_valid, rd_ready, wr_valid, wr_ready, wr_sop, wr_eop;
  logic [NumEngines*TxReqW-1:0] rd_req, wr_req;
  logic [NumEngines*512-1:0]    wr_data;
  logic                         msg_valid, msg_ready, stray;
  logic [63:0]                  msg_addr;
  logic [31:0]                  msg_data;

  // A completion whose tag belongs to no engine; the engines report those that match no read
  // of theirs.
  assign stray = (|eng_unexpected) ||
                 (cpl_valid && cpl_sop && !cpl.bad &&
                  32'(cpl.tag) >= NumEngines * (cfg.ext_tag_en ? TagsPerEngine : siov_pkg::ShortTags));

  siov_link #(
    .NumEngines(NumEngines), .NumWq(NumWq), .NumVectors(MsixVectors),
    .ImsSupported(ImsEntries != 0)
  ) u_link (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .dn_valid_i(dn_valid_i), .dn_sop_i(dn_sop_i), .dn_eop_i(dn_eop_i), .dn_hdr_i(dn_hdr_i),
    .dn_prefix_valid_i(dn_prefix_valid_i), .dn_prefix_i(dn_prefix_i), .dn_data_i(dn_data_i),
    .dn_cl_ph_o(dn_cl_ph_o), .dn_cl_pd_o(dn_cl_pd_o), .dn_cl_nph_o(dn_cl_nph_o),
    .dn_cl_npd_o(dn_cl_npd_o),
    .up_valid_o(up_valid_o), .up_ready_i(up_ready_i), .up_sop_o(up_sop_o), .up_eop_o(up_eop_o),
    .up_hdr_o(up_hdr_o), .up_prefix_valid_o(up_prefix_valid_o), .up_prefix_o(up_prefix_o),
    .up_data_o(up_data_o),
    .up_cl_ph_i(up_cl_ph_i), .up_cl_pd_i(up_cl_pd_i), .up_cl_nph_i(up_cl_nph_i),
    .up_cl_npd_i(up_cl_npd_i), .up_cl_cplh_i(up_cl_cplh_i), .up_cl_cpld_i(up_cl_cpld_i),
    .halt_i(halt), .cfg_o(cfg), .flr_o(flr), .pending_i(|eng_pending), .timeout_i(|eng_timeout), .stray_i(stray),
    .reg_valid_o(reg_valid), .reg_ready_i(reg_ready), .reg_write_o(reg_write),
    .reg_addr_o(reg_addr), .reg_wdata_o(reg_wdata), .reg_be_o(reg_be),
    .reg_rvalid_i(reg_rvalid), .reg_rdata_i(reg_rdata),
    .portal_valid_o(portal_valid), .portal_o(portal), .portal_data_o(portal_data),
    .portal_rsp_valid_i(portal_rsp_valid), .portal_rsp_accept_i(portal_rsp_accept),
    .cpl_valid_o(cpl_valid), .cpl_sop_o(cpl_sop), .cpl_eop_o(cpl_eop), .cpl_o(cpl),
    .cpl_data_o(cpl_data),
    .wr_valid_i(wr_valid), .wr_ready_o(wr_ready), .wr_sop_i(wr_sop), .wr_eop_i(wr_eop),
    .wr_req_i(wr_req), .wr_data_i(wr_data),
    .rd_valid_i(rd_valid), .rd_ready_o(rd_ready), .rd_req_i(rd_req),
    .msg_valid_i(msg_valid), .msg_ready_o(msg_ready), .msg_addr_i(msg_addr),
    .msg_data_i(msg_data)
  );

  // ------------------------------------------------------------ registers and commands
  logic                              tbl_valid, tbl_write, tbl_ack, tbl_dev_rst;
  logic [15:0]                       tbl_addr;
  logic [63:0]                       tbl_wdata, tbl_rdata;
  logic [7:0]                        tbl_be;
  logic                              dev_irq_valid, dev_irq_ready, dev_irq_cause;
  logic [NumEngines:0]               swerr_valid, swerr_ready;
  logic [(NumEngines+1)*SwerrW-1:0]  swerr;
  logic                              reg_swerr_valid, reg_swerr_ready;
  logic [NumEngines-1:0]             reg_swerr_unused;
  siov_pkg::swerr_t                  reg_swerr;
  logic [NumWq*siov_pkg::WqCfgW-1:0] wq_cfg;
  logic [NumGroups*NumWq-1:0]        grp_wq;
  logic [NumGroups*NumEngines-1:0]   grp_eng;
  logic [NumGroups*6-1:0]            grp_tc;
  logic                              drain_start, discard_pasid_en, user_int_en;
  logic [NumWq-1:0]                  drain_mask, drain_busy, discard;
  logic [19:0]                       discard_pasid;
  logic [NumWq*16-1:0]               wq_occ;

  siov_bar #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers), .ImsEntries(ImsEntries)
  ) u_bar (
    .clk_i(clk_i), .rst_ni(rst_ni), .flr_i(flr), .bme_i(cfg.bme), .pasid_en_i(cfg.pasid_en),
    .pasid_priv_en_i(cfg.pasid_priv_en), .halt_req_i(1'b0),
    .reg_valid_i(reg_valid), .reg_ready_o(reg_ready), .reg_write_i(reg_write),
    .reg_addr_i(reg_addr), .reg_wdata_i(reg_wdata), .reg_be_i(reg_be),
    .reg_rvalid_o(reg_rvalid), .reg_rdata_o(reg_rdata),
    .tbl_valid_o(tbl_valid), .tbl_write_o(tbl_write), .tbl_addr_o(tbl_addr),
    .tbl_wdata_o(tbl_wdata), .tbl_be_o(tbl_be), .tbl_ack_i(tbl_ack), .tbl_rdata_i(tbl_rdata),
    .tbl_dev_rst_o(tbl_dev_rst),
    .dev_irq_valid_o(dev_irq_valid), .dev_irq_ready_i(dev_irq_ready),
    .dev_irq_cause_o(dev_irq_cause),
    .swerr_valid_i({{NumEngines{1'b0}}, reg_swerr_valid}),
    .swerr_ready_o({reg_swerr_unused, reg_swerr_ready}),
    .swerr_i({{(NumEngines*SwerrW){1'b0}}, reg_swerr}), .wq_cfg_o(wq_cfg), .grp_wq_o(grp_wq), .grp_eng_o(grp_eng), .grp_tc_o(grp_tc),
    .drain_start_o(drain_start), .drain_mask_o(drain_mask), .drain_busy_i(drain_busy),
    .discard_o(discard), .discard_pasid_en_o(discard_pasid_en), .discard_pasid_o(discard_pasid),
    .wq_occ_i(wq_occ), .halt_o(halt), .flush_o(flush), .user_int_en_o(user_int_en)
  );

  // ------------------------------------------------------------ interrupts
  logic                     lk_valid, lk_ims, lk_pasid_en, lk_ok;
  logic [15:0]              lk_handle;
  logic [19:0]              lk_pasid;
  logic [NumEngines-1:0]    irq_valid, irq_ready, irq_ims;
  logic [NumEngines*16-1:0] irq_handle;

  siov_irq #(.NumEngines(NumEngines), .ImsEntries(ImsEntries), .MsixVectors(MsixVectors)) u_irq (
    .clk_i(clk_i), .rst_ni(rst_ni), .flr_i(flr), .dev_rst_i(tbl_dev_rst), .bme_i(cfg.bme),
    .msix_en_i(cfg.msix_en), .msix_fmask_i(cfg.msix_fmask),
    .tbl_valid_i(tbl_valid), .tbl_write_i(tbl_write), .tbl_addr_i(tbl_addr),
    .tbl_wdata_i(tbl_wdata), .tbl_be_i(tbl_be), .tbl_ack_o(tbl_ack), .tbl_rdata_o(tbl_rdata),
    .dev_irq_valid_i(dev_irq_valid), .dev_irq_ready_o(dev_irq_ready),
    .dev_irq_cause_i(dev_irq_cause),
    .lk_valid_i(lk_valid), .lk_ims_i(lk_ims), .lk_handle_i(lk_handle),
    .lk_pasid_en_i(lk_pasid_en), .lk_pasid_i(lk_pasid), .lk_ok_o(lk_ok),
    .irq_valid_i(irq_valid), .irq_ready_o(irq_ready), .irq_ims_i(irq_ims),
    .irq_handle_i(irq_handle), .msg_valid_o(msg_valid), .msg_ready_i(msg_ready),
    .msg_addr_o(msg_addr), .msg_data_o(msg_data)
  );

  // ------------------------------------------------------------ queues
  logic [NumEngines-1:0]       disp_valid, disp_ready, done_valid, done_ready, done_epoch;
  logic [NumEngines*DispW-1:0] disp;
  logic [NumEngines*8-1:0]     done_wq;

  siov_queue #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries)
  ) u_queue (
    .clk_i(clk_i), .rst_ni(rst_ni), .halt_i(halt), .flush_i(clear_work),
    .portal_valid_i(portal_valid), .portal_i(portal), .portal_data_i(portal_data),
    .portal_rsp_valid_o(portal_rsp_valid), .portal_rsp_accept_o(portal_rsp_accept),
    .wq_cfg_i(wq_cfg), .grp_wq_i(grp_wq), .grp_eng_i(grp_eng), .grp_tc_i(grp_tc),
    .wq_ops_i('1), .drain_start_i(drain_start), .drain_mask_i(drain_mask), .drain_busy_o(drain_busy),
    .discard_i(discard), .discard_pasid_en_i(discard_pasid_en), .discard_pasid_i(discard_pasid),
    .wq_occ_o(wq_occ),
    .lk_valid_o(lk_valid), .lk_ims_o(lk_ims), .lk_handle_o(lk_handle),
    .lk_pasid_en_o(lk_pasid_en), .lk_pasid_o(lk_pasid), .lk_ok_i(lk_ok),
    .swerr_valid_o(swerr_valid[NumEngines]), .swerr_ready_i(swerr_ready[NumEngines]),
    .swerr_o(swerr[NumEngines*SwerrW +: SwerrW]),
    .disp_valid_o(disp_valid), .disp_ready_i(disp_ready), .disp_o(disp),
    .done_valid_i(done_valid), .done_ready_o(done_ready), .done_wq_i(done_wq),
    .done_epoch_i(done_epoch)
  );

  // ------------------------------------------------------------ event log
  logic              evl_event, evl_cfg_ok, evl_wr_valid, evl_wr_sop, evl_wr_eop;
  logic [191:0]      evl_img;
  siov_pkg::tx_req_t evl_wr_req;
  logic [511:0]      evl_wr_data;
  siov_evl #(.NumEngines(NumEngines), .Evl(1'b0)) u_evl (
    .clk_i(clk_i), .rst_ni(rst_ni), .flr_i(flr), .dev_rst_i(tbl_dev_rst), .halt_i(halt),
    .flush_i(clear_work), .pasid_en_i(cfg.pasid_en),
    .swerr_valid_i(swerr_valid), .swerr_ready_o(swerr_ready), .swerr_i(swerr),
    .swerr_valid_o(reg_swerr_valid), .swerr_ready_i(reg_swerr_ready), .swerr_o(reg_swerr),
    .evl_we_i('0), .evl_mask_i('0), .evl_wdata_i('0), .evl_img_o(evl_img), .evl_locked_i(1'b0),
    .evl_start_i(1'b0), .evl_active_i(1'b0), .evl_cfg_ok_o(evl_cfg_ok), .int_en_i(1'b0),
    .evl_event_o(evl_event),
    .wr_valid_o(evl_wr_valid), .wr_ready_i(1'b0), .wr_sop_o(evl_wr_sop), .wr_eop_o(evl_wr_eop),
    .wr_req_o(evl_wr_req), .wr_data_o(evl_wr_data)
  );

  // ------------------------------------------------------------ read buffers of the groups
  logic [NumEngines-1:0] rb_ok;
  siov_read_buffers #(
    .NumGroups(NumGroups), .NumEngines(NumEngines), .ReadBuffers(ReadBuffers)
  ) u_read_buffers (
    .clk_i(clk_i), .rst_ni(rst_ni), .grp_eng_i(grp_eng),
    .grp_rb_i({NumGroups{8'(ReadBuffers), 8'd0}}), .rb_used_i('0), .rb_ok_o(rb_ok)
  );

  logic unused;
  assign unused = &{1'b0, reg_swerr_unused, evl_event, evl_cfg_ok, evl_img, evl_wr_valid,
                    evl_wr_sop, evl_wr_eop, evl_wr_req, evl_wr_data, rb_ok};

  // ------------------------------------------------------------ engines
  for (genvar e = 0; e < NumEngines; e++) begin : gen_engine
    siov_engine #(
      .EngineId(e), .Tags(TagsPerEngine), .RingLines(RingLines), .Jobs(JobsPerEngine),
      .CtoCycles(CtoCycles)
    ) u_engine (
      .clk_i(clk_i), .rst_ni(rst_ni), .cfg_i(cfg), .user_int_en_i(user_int_en), .halt_i(halt),
      .flush_i(clear_work),
      .disp_valid_i(disp_valid[e]), .disp_ready_o(disp_ready[e]),
      .disp_i(disp[e*DispW +: DispW]),
      .cpl_valid_i(cpl_valid), .cpl_sop_i(cpl_sop), .cpl_eop_i(cpl_eop), .cpl_i(cpl),
      .cpl_data_i(cpl_data),
      .rd_valid_o(rd_valid[e]), .rd_ready_i(rd_ready[e]), .rd_req_o(rd_req[e*TxReqW +: TxReqW]),
      .wr_valid_o(wr_valid[e]), .wr_ready_i(wr_ready[e]), .wr_sop_o(wr_sop[e]),
      .wr_eop_o(wr_eop[e]), .wr_req_o(wr_req[e*TxReqW +: TxReqW]),
      .wr_data_o(wr_data[e*512 +: 512]),
      .irq_valid_o(irq_valid[e]), .irq_ready_i(irq_ready[e]), .irq_ims_o(irq_ims[e]),
      .irq_handle_o(irq_handle[e*16 +: 16]),
      .swerr_valid_o(swerr_valid[e]), .swerr_ready_i(swerr_ready[e]),
      .swerr_o(swerr[e*SwerrW +: SwerrW]),
      .done_valid_o(done_valid[e]), .done_ready_i(done_ready[e]), .done_wq_o(done_wq[e*8 +: 8]),
      .done_epoch_o(done_epoch[e]),
      .unexpected_o(eng_unexpected[e]), .timeout_o(eng_timeout[e]), .pending_o(eng_pending[e])
    );
  end

endmodule
