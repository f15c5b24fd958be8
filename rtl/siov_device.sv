// SPDX-License-Identifier: Apache-2.0
// The SIOV device: wiring of link, registers, interrupts, queues and engines.
// docs/architecture.md section 1 describes the boundary.
//
// Reset: rst_ni, synchronous, active low, at least one cycle. FLR resets everything but the
// link's credit counters, which belong
// to both ends. Outputs are registered.
// @spec PCIe-6.3 2, DSA-1.0 personality, SIOV R1

`include "siov_assert.svh"

module siov_device #(
  parameter int unsigned NumWq = 8,             /// work queues, 1..128
  parameter int unsigned NumGroups = 4,         /// groups, 1..16
  parameter int unsigned NumEngines = 4,        /// engines, 1..4
  parameter int unsigned WqEntries = 128,       /// entries of all queues together
  parameter int unsigned ReadBuffers = 96,      /// GRPCAP 15:8
  parameter int unsigned ImsEntries = 256,      /// multiple of 256
  parameter int unsigned MsixVectors = NumWq + 1,
  parameter int unsigned TagsPerEngine = 64,    /// 64, or 256 for a requester of 10-bit tags
  parameter int unsigned RingLines = 512,       /// 64-byte lines of reorder store an engine, power of two
  parameter int unsigned JobsPerEngine = 64,    /// descriptors in flight an engine
  parameter int unsigned LinkBits = 512,        /// data width of the link, 256 or 512
  parameter int unsigned MaxBatches = 8,        /// batches in flight an engine (ENGCAP)
  parameter bit Opcfg = 1'b1,                   /// operation masks and occupancy interrupts of queues
  parameter bit Evl = 1'b1,                     /// event log
  parameter bit EvlOverflow = 1'b0,             /// a full event log drops instead of blocking
  parameter bit CmdCap = 1'b0,                  /// commands 13 and 14
  parameter bit Batch1 = 1'b0,                  /// batches of one descriptor
  parameter bit DrainReadback = 1'b0,           /// readback addresses of drain descriptors
  parameter bit Fill16 = 1'b1,                  /// 16-byte fill patterns
  parameter bit Crc64 = 1'b1,                   /// 64-bit CRC
  parameter bit Ats = 1'b1,                     /// address translation services, page requests, block on fault
  parameter int unsigned AtcEntries = 1024,     /// translations cached, power of two; only with Ats
  parameter int unsigned PageSlots = 16,        /// page requests outstanding, 1..16; only with Ats
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
  input  logic [LinkBits-1:0] dn_data_i,
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
  output logic [LinkBits-1:0] up_data_o,
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
  // Posted streams: the engines' and the event log's.
  localparam int unsigned NumWr = NumEngines + 1;
  // Tables that do not fit the 64 KiB layout of BAR0 get the one of 256 KiB (dsa 2.5).
  localparam bit WideBar0 = (NumWq > 16) || (MsixVectors > 64) || (NumGroups > 8) || (ImsEntries > 2560);
  localparam bit LongTags = TagsPerEngine > siov_pkg::ByteTags;

  siov_pkg::cfg_t cfg;
  logic           flr, halt, flush, clear_work;
  assign clear_work = flush || flr;

  // ------------------------------------------------------------ link
  logic                         cpl_valid, cpl_sop, cpl_eop;
  siov_pkg::cpl_in_t            cpl;
  logic [511:0]                 cpl_data;
  logic                         reg_valid, reg_ready, reg_write, reg_rvalid;
  logic [17:0]                  reg_addr;
  logic [63:0]                  reg_wdata, reg_rdata;
  logic [7:0]                   reg_be;
  logic                         portal_valid, portal_rsp_valid, portal_rsp_accept;
  siov_pkg::portal_t            portal;
  logic [511:0]                 portal_data;
  logic [NumEngines-1:0]        eng_unexpected, eng_timeout, eng_pending;
  logic [NumEngines-1:0]        rd_valid, rd_ready;
  logic [NumEngines*TxReqW-1:0] rd_req;
  logic [NumWr-1:0]             wr_valid, wr_ready, wr_sop, wr_eop;
  logic [NumWr*TxReqW-1:0]      wr_req;
  logic [NumWr*512-1:0]         wr_data;
  logic                         msg_valid, msg_ready, stray;
  logic [63:0]                  msg_addr;
  logic [31:0]                  msg_data;

  // Translation: messages, requests, page request interface (docs/architecture.md 1.8).
  logic              xr_valid, xr_ready, pm_valid, pm_ready, vm_valid;
  siov_pkg::tx_req_t xr_req;
  siov_pkg::pm_out_t pm;
  siov_pkg::vm_in_t  vm;
  logic              pri_alloc_ok, pri_reset, pri_stopped, pri_failure, pri_unexpected;
  logic [31:0]       pri_alloc;
  logic [4:0]        stu;
  logic              ats_unexpected, ats_timeout, ats_pending, xl_tags;

  // A completion whose tag belongs to nobody; the engines and the translation cache report those that
  // match no request of theirs. While translation requests have tags, those are nobody else's.
  logic [2:0] cpl_engine;
  logic [7:0] cpl_number;
  logic [4:0] cpl_xl;
  assign {cpl_engine, cpl_number} = siov_pkg::tag_owner(cfg.tag10_en, cfg.ext_tag_en, cpl.tag);
  assign cpl_xl = siov_pkg::tag_xl(cfg.tag10_en, cfg.ext_tag_en, cpl.tag);
  assign xl_tags = cfg.ats_en || ats_pending;
  assign stray = (|eng_unexpected) || ats_unexpected ||
                 (cpl_valid && cpl_sop && !cpl.bad && 32'(cpl_engine) >= NumEngines &&
                  !(xl_tags && cpl_xl[4]));

  // Link pins to the 512-bit path inside.
  logic         in_valid, in_sop, in_eop, in_prefix_valid;
  logic [127:0] in_hdr;
  logic [31:0]  in_prefix;
  logic [511:0] in_data;
  logic         out_valid, out_ready, out_sop, out_eop, out_prefix_valid;
  logic [127:0] out_hdr;
  logic [31:0]  out_prefix;
  logic [511:0] out_data;

  if (LinkBits == 512) begin : gen_wide
    assign in_valid = dn_valid_i;
    assign in_sop = dn_sop_i;
    assign in_eop = dn_eop_i;
    assign in_hdr = dn_hdr_i;
    assign in_prefix_valid = dn_prefix_valid_i;
    assign in_prefix = dn_prefix_i;
    assign in_data = dn_data_i;
    assign up_valid_o = out_valid;
    assign out_ready = up_ready_i;
    assign up_sop_o = out_sop;
    assign up_eop_o = out_eop;
    assign up_hdr_o = out_hdr;
    assign up_prefix_valid_o = out_prefix_valid;
    assign up_prefix_o = out_prefix;
    assign up_data_o = out_data;
  end else begin : gen_narrow
    siov_gearbox_rx u_gearbox_rx (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .in_valid_i(dn_valid_i), .in_sop_i(dn_sop_i), .in_eop_i(dn_eop_i), .in_hdr_i(dn_hdr_i),
      .in_prefix_valid_i(dn_prefix_valid_i), .in_prefix_i(dn_prefix_i), .in_data_i(dn_data_i),
      .out_valid_o(in_valid), .out_sop_o(in_sop), .out_eop_o(in_eop), .out_hdr_o(in_hdr),
      .out_prefix_valid_o(in_prefix_valid), .out_prefix_o(in_prefix), .out_data_o(in_data)
    );
    siov_gearbox_tx u_gearbox_tx (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .in_valid_i(out_valid), .in_ready_o(out_ready), .in_sop_i(out_sop), .in_eop_i(out_eop),
      .in_hdr_i(out_hdr), .in_prefix_valid_i(out_prefix_valid), .in_prefix_i(out_prefix),
      .in_data_i(out_data),
      .out_valid_o(up_valid_o), .out_ready_i(up_ready_i), .out_sop_o(up_sop_o),
      .out_eop_o(up_eop_o), .out_hdr_o(up_hdr_o), .out_prefix_valid_o(up_prefix_valid_o),
      .out_prefix_o(up_prefix_o), .out_data_o(up_data_o)
    );
  end

  siov_link #(
    .NumEngines(NumEngines), .NumWr(NumWr), .NumWq(NumWq), .NumVectors(MsixVectors),
    .ImsSupported(ImsEntries != 0), .WideBar0(WideBar0), .LongTags(LongTags),
    .Ats(Ats)
  ) u_link (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .dn_valid_i(in_valid), .dn_sop_i(in_sop), .dn_eop_i(in_eop), .dn_hdr_i(in_hdr),
    .dn_prefix_valid_i(in_prefix_valid), .dn_prefix_i(in_prefix), .dn_data_i(in_data),
    .dn_cl_ph_o(dn_cl_ph_o), .dn_cl_pd_o(dn_cl_pd_o), .dn_cl_nph_o(dn_cl_nph_o),
    .dn_cl_npd_o(dn_cl_npd_o),
    .up_valid_o(out_valid), .up_ready_i(out_ready), .up_sop_o(out_sop), .up_eop_o(out_eop),
    .up_hdr_o(out_hdr), .up_prefix_valid_o(out_prefix_valid), .up_prefix_o(out_prefix),
    .up_data_o(out_data),
    .up_cl_ph_i(up_cl_ph_i), .up_cl_pd_i(up_cl_pd_i), .up_cl_nph_i(up_cl_nph_i),
    .up_cl_npd_i(up_cl_npd_i), .up_cl_cplh_i(up_cl_cplh_i), .up_cl_cpld_i(up_cl_cpld_i),
    .halt_i(halt), .cfg_o(cfg), .flr_o(flr), .pending_i((|eng_pending) || ats_pending),
    .timeout_i((|eng_timeout) || ats_timeout), .stray_i(stray),
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
    .xr_valid_i(xr_valid), .xr_ready_o(xr_ready), .xr_req_i(xr_req),
    .pm_valid_i(pm_valid), .pm_ready_o(pm_ready), .pm_i(pm), .vm_valid_o(vm_valid), .vm_o(vm),
    .pri_alloc_o(pri_alloc), .pri_alloc_ok_o(pri_alloc_ok), .pri_reset_o(pri_reset),
    .stu_o(stu), .pri_stopped_i(pri_stopped), .pri_failure_i(pri_failure),
    .pri_unexpected_i(pri_unexpected),
    .msg_valid_i(msg_valid), .msg_ready_o(msg_ready), .msg_addr_i(msg_addr),
    .msg_data_i(msg_data)
  );

  // ------------------------------------------------------------ registers and commands
  logic                              tbl_valid, tbl_write, tbl_ack, tbl_dev_rst;
  logic [1:0]                        tbl_sel;
  logic [11:0]                       tbl_index;
  logic                              tbl_word;
  logic [63:0]                       tbl_wdata, tbl_rdata;
  logic [7:0]                        tbl_be;
  logic                              dev_irq_valid, dev_irq_ready, dev_irq_cause;
  logic [NumEngines:0]               swerr_valid, swerr_ready;
  logic [(NumEngines+1)*SwerrW-1:0]  swerr;
  logic [NumWq*siov_pkg::WqCfgW-1:0] wq_cfg;
  logic [NumGroups*NumWq-1:0]        grp_wq;
  logic [NumGroups*NumEngines-1:0]   grp_eng;
  logic [NumGroups*6-1:0]            grp_tc;
  logic [NumGroups*16-1:0]           grp_rb;
  logic [NumWq*siov_pkg::OpsW-1:0]   wq_ops;
  logic                              drain_start, discard_pasid_en, user_int_en;
  logic [NumWq-1:0]                  drain_mask, drain_busy, discard, wq_epoch;
  logic [19:0]                       discard_pasid;
  logic [NumWq*16-1:0]               wq_occ;
  logic                              occ_irq_valid, occ_irq_ready, occ_irq_ims;
  logic [15:0]                       occ_irq_handle;
  logic                              xl_forget, forget_busy;

  logic             one_swerr_valid, one_swerr_ready;
  siov_pkg::swerr_t one_swerr;
  logic [2:0]       evl_we;
  logic [63:0]      evl_mask, evl_wdata;
  logic [NumEngines-1:0]    blk_valid, blk_ready, blk_ims, blk_pasid_en, blk_rsp_valid, blk_ok;
  logic [NumEngines*16-1:0] blk_handle;
  logic [NumEngines*20-1:0] blk_pasid;
  logic [NumEngines*12-1:0] rb_used;
  logic             olk_rsp_valid, olk_ok, gr_ack, gr_ok;
  logic             evl_locked, evl_active, evl_start, evl_int_en;
  logic             olk_valid, olk_ims, olk_pasid_en, gr_valid, gr_release, gr_ims;
  logic [15:0]      olk_handle, gr_index;
  logic [19:0]      olk_pasid;
  logic             evl_cfg_ok, evl_event;
  logic [191:0]     evl_img;
  logic             unused_ok;
  assign unused_ok = ^{cpl_number, cpl_xl[3:0], 1'b0};

  siov_bar #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers), .ImsEntries(ImsEntries), .MsixVectors(MsixVectors),
    .MaxWork(JobsPerEngine), .MaxBatches(MaxBatches), .Opcfg(Opcfg), .Evl(Evl),
    .EvlOverflow(EvlOverflow), .CmdCap(CmdCap), .Batch1(Batch1), .DrainReadback(DrainReadback),
    .Fill16(Fill16), .Crc64(Crc64), .Ats(Ats)
  ) u_bar (
    .clk_i(clk_i), .rst_ni(rst_ni), .flr_i(flr), .bme_i(cfg.bme), .pasid_en_i(cfg.pasid_en),
    .pasid_priv_en_i(cfg.pasid_priv_en), .ats_en_i(cfg.ats_en), .pri_en_i(cfg.pri_en),
    .pri_alloc_ok_i(pri_alloc_ok), .halt_req_i(1'b0),
    .reg_valid_i(reg_valid), .reg_ready_o(reg_ready), .reg_write_i(reg_write),
    .reg_addr_i(reg_addr), .reg_wdata_i(reg_wdata), .reg_be_i(reg_be),
    .reg_rvalid_o(reg_rvalid), .reg_rdata_o(reg_rdata),
    .tbl_valid_o(tbl_valid), .tbl_write_o(tbl_write), .tbl_sel_o(tbl_sel),
    .tbl_index_o(tbl_index), .tbl_word_o(tbl_word),
    .tbl_wdata_o(tbl_wdata), .tbl_be_o(tbl_be), .tbl_ack_i(tbl_ack), .tbl_rdata_i(tbl_rdata),
    .tbl_dev_rst_o(tbl_dev_rst),
    .dev_irq_valid_o(dev_irq_valid), .dev_irq_ready_i(dev_irq_ready),
    .dev_irq_cause_o(dev_irq_cause),
    .occ_irq_valid_o(occ_irq_valid), .occ_irq_ready_i(occ_irq_ready),
    .occ_irq_ims_o(occ_irq_ims), .occ_irq_handle_o(occ_irq_handle),
    .olk_valid_o(olk_valid), .olk_ims_o(olk_ims), .olk_handle_o(olk_handle),
    .olk_pasid_en_o(olk_pasid_en), .olk_pasid_o(olk_pasid), .olk_rsp_valid_i(olk_rsp_valid),
    .olk_ok_i(olk_ok),
    .gr_valid_o(gr_valid), .gr_release_o(gr_release), .gr_ims_o(gr_ims), .gr_index_o(gr_index),
    .gr_ack_i(gr_ack), .gr_ok_i(gr_ok),
    .evl_we_o(evl_we), .evl_mask_o(evl_mask), .evl_wdata_o(evl_wdata), .evl_img_i(evl_img),
    .evl_locked_o(evl_locked), .evl_active_o(evl_active), .evl_start_o(evl_start),
    .evl_int_en_o(evl_int_en), .evl_cfg_ok_i(evl_cfg_ok), .evl_event_i(evl_event),
    .swerr_valid_i(one_swerr_valid), .swerr_ready_o(one_swerr_ready), .swerr_i(one_swerr),
    .wq_cfg_o(wq_cfg), .wq_ops_o(wq_ops), .grp_rb_o(grp_rb), .grp_wq_o(grp_wq), .grp_eng_o(grp_eng), .grp_tc_o(grp_tc),
    .drain_start_o(drain_start), .drain_mask_o(drain_mask), .drain_busy_i(drain_busy),
    .discard_o(discard), .discard_pasid_en_o(discard_pasid_en), .discard_pasid_o(discard_pasid),
    .wq_occ_i(wq_occ), .xl_forget_o(xl_forget), .forget_busy_i(forget_busy), .halt_o(halt),
    .flush_o(flush), .user_int_en_o(user_int_en)
  );

  // ------------------------------------------------------------ interrupts
  logic                     lk_valid, lk_ims, lk_pasid_en, lk_ok;
  logic [15:0]              lk_handle;
  logic [19:0]              lk_pasid;
  logic [NumEngines-1:0]    irq_valid, irq_ready, irq_ims;
  logic [NumEngines*16-1:0] irq_handle;

  siov_irq #(
    .NumEngines(NumEngines), .ImsEntries(ImsEntries), .MsixVectors(MsixVectors), .CmdCap(CmdCap)
  ) u_irq (
    .clk_i(clk_i), .rst_ni(rst_ni), .flr_i(flr), .dev_rst_i(tbl_dev_rst), .bme_i(cfg.bme),
    .msix_en_i(cfg.msix_en), .msix_fmask_i(cfg.msix_fmask),
    .tbl_valid_i(tbl_valid), .tbl_write_i(tbl_write), .tbl_sel_i(tbl_sel),
    .tbl_index_i(tbl_index), .tbl_word_i(tbl_word),
    .tbl_wdata_i(tbl_wdata), .tbl_be_i(tbl_be), .tbl_ack_o(tbl_ack), .tbl_rdata_o(tbl_rdata),
    .dev_irq_valid_i(dev_irq_valid), .dev_irq_ready_o(dev_irq_ready),
    .dev_irq_cause_i(dev_irq_cause),
    .lk_valid_i(lk_valid), .lk_ims_i(lk_ims), .lk_handle_i(lk_handle),
    .lk_pasid_en_i(lk_pasid_en), .lk_pasid_i(lk_pasid), .lk_ok_o(lk_ok),
    .blk_valid_i(blk_valid), .blk_ready_o(blk_ready), .blk_ims_i(blk_ims),
    .blk_handle_i(blk_handle), .blk_pasid_en_i(blk_pasid_en), .blk_pasid_i(blk_pasid),
    .blk_rsp_valid_o(blk_rsp_valid), .blk_ok_o(blk_ok),
    .olk_valid_i(olk_valid), .olk_ims_i(olk_ims), .olk_handle_i(olk_handle),
    .olk_pasid_en_i(olk_pasid_en), .olk_pasid_i(olk_pasid), .olk_rsp_valid_o(olk_rsp_valid),
    .olk_ok_o(olk_ok),
    .gr_valid_i(gr_valid), .gr_release_i(gr_release), .gr_ims_i(gr_ims), .gr_index_i(gr_index),
    .gr_ack_o(gr_ack), .gr_ok_o(gr_ok),
    .irq_valid_i({occ_irq_valid, irq_valid}), .irq_ready_o({occ_irq_ready, irq_ready}),
    .irq_ims_i({occ_irq_ims, irq_ims}), .irq_handle_i({occ_irq_handle, irq_handle}),
    .msg_valid_o(msg_valid), .msg_ready_i(msg_ready),
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
    .wq_ops_i(wq_ops), .ats_en_i(cfg.ats_en), .pri_en_i(cfg.pri_en), .epoch_o(wq_epoch),
    .drain_start_i(drain_start), .drain_mask_i(drain_mask), .drain_busy_o(drain_busy),
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
  siov_evl #(.NumEngines(NumEngines), .Evl(Evl), .EvlOverflow(EvlOverflow)) u_evl (
    .clk_i(clk_i), .rst_ni(rst_ni), .flr_i(flr), .dev_rst_i(tbl_dev_rst), .halt_i(halt),
    .flush_i(clear_work), .pasid_en_i(cfg.pasid_en),
    .swerr_valid_i(swerr_valid), .swerr_ready_o(swerr_ready), .swerr_i(swerr),
    .swerr_valid_o(one_swerr_valid), .swerr_ready_i(one_swerr_ready), .swerr_o(one_swerr),
    .evl_we_i(evl_we), .evl_mask_i(evl_mask), .evl_wdata_i(evl_wdata), .evl_img_o(evl_img),
    .evl_locked_i(evl_locked), .evl_start_i(evl_start), .evl_active_i(evl_active),
    .evl_cfg_ok_o(evl_cfg_ok), .int_en_i(evl_int_en), .evl_event_o(evl_event),
    .wr_valid_o(wr_valid[NumEngines]), .wr_ready_i(wr_ready[NumEngines]),
    .wr_sop_o(wr_sop[NumEngines]), .wr_eop_o(wr_eop[NumEngines]),
    .wr_req_o(wr_req[NumEngines*TxReqW +: TxReqW]),
    .wr_data_o(wr_data[NumEngines*512 +: 512])
  );

  // ------------------------------------------------------------ read buffers of the groups
  logic [NumEngines-1:0] rb_ok;
  siov_read_buffers #(
    .NumGroups(NumGroups), .NumEngines(NumEngines), .ReadBuffers(ReadBuffers)
  ) u_read_buffers (
    .clk_i(clk_i), .rst_ni(rst_ni), .grp_eng_i(grp_eng), .grp_rb_i(grp_rb), .rb_used_i(rb_used),
    .rb_ok_o(rb_ok)
  );

  // ------------------------------------------------------------ translation
  logic [NumEngines-1:0]                   xl_valid, xl_ready, xi_busy;
  logic [NumEngines*siov_pkg::XlReqW-1:0]  xl_req;
  logic                                    xa_valid, xi_mark, forget_all;
  siov_pkg::xl_ans_t                       xa;
  assign forget_all = xl_forget || flr;

  if (Ats) begin : gen_ats
    logic ats_off;
    siov_ats #(
      .NumEngines(NumEngines), .AtcEntries(AtcEntries), .PageSlots(PageSlots),
      .CtoCycles(CtoCycles), .LongTags(LongTags)
    ) u_ats (
      .clk_i(clk_i), .rst_ni(rst_ni), .cfg_i(cfg), .stu_i(stu),
      .xl_valid_i(xl_valid), .xl_ready_o(xl_ready), .xl_req_i(xl_req), .xa_valid_o(xa_valid),
      .xa_o(xa), .xi_mark_o(xi_mark), .xi_busy_i(xi_busy),
      .xl_forget_i(forget_all), .forget_busy_o(forget_busy),
      .xr_valid_o(xr_valid), .xr_ready_i(xr_ready), .xr_req_o(xr_req),
      .pm_valid_o(pm_valid), .pm_ready_i(pm_ready), .pm_o(pm), .vm_valid_i(vm_valid), .vm_i(vm),
      .cpl_valid_i(cpl_valid), .cpl_sop_i(cpl_sop), .cpl_eop_i(cpl_eop), .cpl_i(cpl),
      .cpl_data_i(cpl_data),
      .pri_alloc_i(pri_alloc), .pri_reset_i(pri_reset || flr), .pri_rf_o(pri_failure),
      .pri_uprgi_o(pri_unexpected), .pri_stopped_o(pri_stopped), .ats_off_o(ats_off),
      .unexpected_o(ats_unexpected), .timeout_o(ats_timeout), .pending_o(ats_pending)
    );
    logic unused_off;
    assign unused_off = ats_off;
  end else begin : gen_no_ats
    assign xl_ready = '0;
    assign {xa_valid, xi_mark, forget_busy, xr_valid, pm_valid} = '0;
    assign xa = '0;
    assign xr_req = '0;
    assign pm = '0;
    assign pri_stopped = 1'b1;
    assign {pri_failure, pri_unexpected, ats_unexpected, ats_timeout, ats_pending} = '0;
    logic unused_ats;
    assign unused_ats = ^{xl_valid, xl_req, xi_busy, xr_ready, pm_ready, vm_valid, vm, pri_alloc,
                          pri_reset, stu};
  end

  // ------------------------------------------------------------ engines
  // The engines leave the tags of translation requests alone until the last of these has ended.
  siov_pkg::cfg_t eng_cfg;
  always_comb begin
    eng_cfg = cfg;
    eng_cfg.ats_en = xl_tags;
  end

  for (genvar e = 0; e < NumEngines; e++) begin : gen_engine
    siov_engine #(
      .EngineId(e), .Tags(TagsPerEngine), .RingLines(RingLines), .Jobs(JobsPerEngine),
      .Batches(MaxBatches), .CtoCycles(CtoCycles), .Fill16(Fill16), .Crc64(Crc64),
      .DrainReadback(DrainReadback), .Batch1(Batch1), .NumWq(NumWq)
    ) u_engine (
      .clk_i(clk_i), .rst_ni(rst_ni), .cfg_i(eng_cfg), .user_int_en_i(user_int_en), .evl_i(evl_active), .halt_i(halt),
      .flush_i(clear_work),
      .lk_valid_o(blk_valid[e]), .lk_ready_i(blk_ready[e]), .lk_ims_o(blk_ims[e]),
      .lk_handle_o(blk_handle[e*16 +: 16]), .lk_pasid_en_o(blk_pasid_en[e]),
      .lk_pasid_o(blk_pasid[e*20 +: 20]), .lk_rsp_valid_i(blk_rsp_valid[e]),
      .lk_ok_i(blk_ok[e]),
      .rb_used_o(rb_used[e*12 +: 12]), .rb_ok_i(rb_ok[e]),
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
      .xl_valid_o(xl_valid[e]), .xl_ready_i(xl_ready[e]),
      .xl_req_o(xl_req[e*siov_pkg::XlReqW +: siov_pkg::XlReqW]),
      .xa_valid_i(xa_valid), .xa_i(xa), .xi_mark_i(xi_mark), .xi_busy_o(xi_busy[e]),
      .xl_forget_i(forget_all),
      .discard_i(discard), .discard_pasid_en_i(discard_pasid_en), .discard_pasid_i(discard_pasid),
      .epoch_i(wq_epoch),
      .unexpected_o(eng_unexpected[e]), .timeout_o(eng_timeout[e]), .pending_o(eng_pending[e])
    );
  end

  `SIOV_STATIC(gen_bad_link_bits, (LinkBits == 256) || (LinkBits == 512))
  `SIOV_STATIC(gen_bad_tags, (TagsPerEngine == 64) || (TagsPerEngine == 256))

endmodule
