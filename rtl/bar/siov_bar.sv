// SPDX-License-Identifier: Apache-2.0
// BAR0 of the device: register bus decode, read mux, and the blocks behind it.
//
// The link hands over one 8-byte access at a time. Accesses to the interrupt tables (MSIXPERM,
// MSI-X table, PBA, IMS) go out on the table bus to siov_irq; everything else is answered here.
// Offsets without a register or table entry read 0 and ignore writes. The tables stand at their
// default offsets in 64 KiB if all of them fit there, else at their large offsets in 256 KiB. Does
// not know about TLPs (siov_rx) nor about descriptors (siov_queue).
//
// Latency: write accepted at once, effective 1 cycle later (WQCFG, GRPCFG, event log 2, interrupt
// tables 3); read data 3 cycles after acceptance (interrupt tables 3 and their own). A read that
// follows a write sees it. reg_ready_o, reg_r* and tbl_* are registered; no combinational path
// crosses.
// @spec dsa 2 (registers), 3 (commands)

`include "siov_assert.svh"

module siov_bar #(
  /// work queues, 1..128
  parameter int unsigned NumWq = 8,
  /// groups, 1..16
  parameter int unsigned NumGroups = 4,
  /// engines, 1..63
  parameter int unsigned NumEngines = 4,
  /// shared queue entries
  parameter int unsigned WqEntries = 128,
  /// read buffers (GRPCAP 15:8), 1..255
  parameter int unsigned ReadBuffers = 96,
  /// IMS entries, multiple of 256, at most 4096; 0: no IMS
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 1..2048
  parameter int unsigned MsixVectors = 9,
  /// descriptors and batches in flight an engine (ENGCAP), 1..255
  parameter int unsigned MaxWork = 64,
  parameter int unsigned MaxBatches = 8,
  /// OPCAP bits 63:0; bit n = opcode n
  parameter logic [63:0] OpcapLow = 64'h1_003F_03FF,
  /// operation masks and occupancy interrupts of queues
  parameter bit Opcfg = 1'b1,
  /// event log, and that it drops when full
  parameter bit Evl = 1'b1,
  parameter bit EvlOverflow = 1'b0,
  /// commands 13 and 14, CMDCAP
  parameter bit CmdCap = 1'b0,
  /// of the engines, for GENCAP: batches of one, drain readback, 16-byte patterns, 64-bit CRC
  parameter bit Batch1 = 1'b0,
  parameter bit DrainReadback = 1'b0,
  parameter bit Fill16 = 1'b1,
  parameter bit Crc64 = 1'b1,
  /// block on fault, ATS and PRS control of queues
  parameter bit Ats = 1'b1
) (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,
  /// pulse: back to power-on state
  input  logic                                 flr_i,
  // configuration space
  input  logic                                 bme_i,
  input  logic                                 pasid_en_i,
  input  logic                                 pasid_priv_en_i,
  input  logic                                 ats_en_i,
  /// page requests are on, and with them ATS; their allocation is in range
  input  logic                                 pri_en_i,
  input  logic                                 pri_alloc_ok_i,
  // fatal internal error of another block, level or pulse: Halt that Reset Device may leave
  input  logic                                 halt_req_i,
  // register bus from the link
  input  logic                                 reg_valid_i,
  output logic                                 reg_ready_o,
  input  logic                                 reg_write_i,
  /// bits 2:0 are ignored
  input  logic [17:0]                          reg_addr_i,
  input  logic [63:0]                          reg_wdata_i,
  input  logic [7:0]                           reg_be_i,
  output logic                                 reg_rvalid_o,
  output logic [63:0]                          reg_rdata_o,
  // table bus to siov_irq: one access at a time, address and data stay until tbl_ack_i
  /// pulse
  output logic                                 tbl_valid_o,
  output logic                                 tbl_write_o,
  /// 0 MSIXPERM, 1 MSI-X table, 2 PBA, 3 IMS
  output logic [1:0]                           tbl_sel_o,
  /// entry, always one that exists; of the PBA its 8-byte word
  output logic [11:0]                          tbl_index_o,
  /// which half of a 16-byte entry
  output logic                                 tbl_word_o,
  output logic [63:0]                          tbl_wdata_o,
  output logic [7:0]                           tbl_be_o,
  input  logic                                 tbl_ack_i,
  /// with tbl_ack_i
  input  logic [63:0]                          tbl_rdata_i,
  /// pulse: Reset Device, see siov_irq
  output logic                                 tbl_dev_rst_o,
  // device events that need a message on MSI-X vector 0
  output logic                                 dev_irq_valid_o,
  input  logic                                 dev_irq_ready_i,
  /// some INTCAUSE bit is set
  output logic                                 dev_irq_cause_o,
  // occupancy interrupts: requests like those of an engine; withdrawn by resets
  output logic                                 occ_irq_valid_o,
  input  logic                                 occ_irq_ready_i,
  output logic                                 occ_irq_ims_o,
  output logic [15:0]                          occ_irq_handle_o,
  // permission of an occupancy interrupt handle: stays until the answer
  output logic                                 olk_valid_o,
  output logic                                 olk_ims_o,
  output logic [15:0]                          olk_handle_o,
  output logic                                 olk_pasid_en_o,
  output logic [19:0]                          olk_pasid_o,
  input  logic                                 olk_rsp_valid_i,
  input  logic                                 olk_ok_i,
  // grant or release of an interrupt handle: stays until acknowledged
  output logic                                 gr_valid_o,
  output logic                                 gr_release_o,
  output logic                                 gr_ims_o,
  output logic [15:0]                          gr_index_o,
  input  logic                                 gr_ack_i,
  input  logic                                 gr_ok_i,
  // event log: one write strobe each for {0xF0, 0xE8, 0xE0}, bits to write, what software reads
  output logic [2:0]                           evl_we_o,
  output logic [63:0]                          evl_mask_o,
  output logic [63:0]                          evl_wdata_o,
  input  logic [191:0]                         evl_img_i,
  /// device is not Disabled; it is not and was enabled with the log on; pulse: that begins
  output logic                                 evl_locked_o,
  output logic                                 evl_active_o,
  output logic                                 evl_start_o,
  /// GENCTRL 2
  output logic                                 evl_int_en_o,
  /// EVLCFG can be used; pulse: an event was logged and its interrupt is due
  input  logic                                 evl_cfg_ok_i,
  input  logic                                 evl_event_i,
  // software errors
  input  logic                                 swerr_valid_i,
  output logic                                 swerr_ready_o,
  input  siov_pkg::swerr_t                     swerr_i,
  // queue control
  output logic [NumWq*siov_pkg::WqCfgW-1:0]    wq_cfg_o,
  /// operations each queue may run: OPCAP and OPCFG
  output logic [NumWq*siov_pkg::OpsW-1:0]      wq_ops_o,
  output logic [NumGroups*NumWq-1:0]           grp_wq_o,
  output logic [NumGroups*NumEngines-1:0]      grp_eng_o,
  output logic [NumGroups*6-1:0]               grp_tc_o,
  /// {read buffers allowed or the global limit, read buffers reserved} of each group
  output logic [NumGroups*16-1:0]              grp_rb_o,
  output logic                                 drain_start_o,
  output logic [NumWq-1:0]                     drain_mask_o,
  input  logic [NumWq-1:0]                     drain_busy_i,
  output logic [NumWq-1:0]                     discard_o,
  output logic                                 discard_pasid_en_o,
  output logic [19:0]                          discard_pasid_o,
  input  logic [NumWq*16-1:0]                  wq_occ_i,
  /// pulse: work has ended; cached translations are to be forgotten
  output logic                                 xl_forget_o,
  /// a translation or page request from before that is unanswered
  input  logic                                 forget_busy_i,
  output logic                                 halt_o,
  output logic                                 flush_o,
  /// GENCFG 12: RCI allowed in user descriptors
  output logic                                 user_int_en_o
);

  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1;

  // Function Level Reset acts like the power-on reset on everything but the bus handshakes.
  logic clr_n;
  assign clr_n = rst_ni & !flr_i;

  logic unused_addr;
  assign unused_addr = ^reg_addr_i[2:0];

  // ------------------------------------------------------------ bus
  // What an address names, see siov_bar_decode.
  localparam logic [2:0] RgnRegs = 3'd1;
  localparam logic [2:0] RgnGrp = 3'd2;
  localparam logic [2:0] RgnWq = 3'd3;
  localparam logic [2:0] RgnTbl = 3'd4;

  typedef enum logic [1:0] {
    BusIdle = 2'd0,   // waits for an access
    BusExec = 2'd1,   // strobes the addressed block
    BusTbl  = 2'd2,   // waits for tbl_ack_i
    BusRsp  = 2'd3    // registers the read data
  } bus_e;

  bus_e        bus_q, bus_d;
  logic [2:0]  region;
  logic        ready_q, write_q, rvalid_q, rvalid_d;
  logic [17:0] addr_q;
  logic [63:0] wdata_q, rdata_q, rdata_d;
  logic [7:0]  be_q;
  logic        we, re;
  logic        we_regs, we_grp, we_wq;
  logic [63:0] regs_rdata, grp_rdata, wq_rdata;

  localparam bit LargeBar0 = (NumWq > 32'(siov_abi_pkg::DefaultMaxWqs)) ||
      (NumGroups > 32'(siov_abi_pkg::DefaultMaxGroups)) ||
      (MsixVectors > 32'(siov_abi_pkg::DefaultMaxVectors)) ||
      (ImsEntries > 32'(siov_abi_pkg::DefaultMaxIms));
  logic [1:0]  tbl_sel;
  logic [11:0] tbl_index;
  logic        tbl_word;

  siov_bar_decode #(
    .NumWq(NumWq), .NumGroups(NumGroups), .MsixVectors(MsixVectors), .ImsEntries(ImsEntries),
    .LargeBar0(LargeBar0)
  ) u_decode (
    .addr_i(addr_q[17:3]), .region_o(region),
    .tbl_sel_o(tbl_sel), .tbl_index_o(tbl_index), .tbl_word_o(tbl_word)
  );

  // ------------------------------------------------------------ one access after the other
  assign we = (bus_q == BusExec) && write_q;
  assign re = (bus_q == BusExec) && !write_q;
  assign we_regs = we && (region == RgnRegs);
  assign we_grp = we && (region == RgnGrp);
  assign we_wq = we && (region == RgnWq);

  always_comb begin
    bus_d = bus_q;
    rvalid_d = 1'b0;
    rdata_d = rdata_q;
    unique case (bus_q)
      BusIdle: if (reg_valid_i && ready_q) bus_d = BusExec;
      BusExec: begin
        if (region == RgnTbl) bus_d = BusTbl;
        else bus_d = write_q ? BusIdle : BusRsp;
      end
      BusTbl: begin
        if (tbl_ack_i) begin
          bus_d = BusIdle;
          rvalid_d = !write_q;
          rdata_d = tbl_rdata_i;
        end
      end
      default: begin  // BusRsp
        bus_d = BusIdle;
        rvalid_d = 1'b1;
        unique case (region)
          RgnRegs: rdata_d = regs_rdata;
          RgnGrp:  rdata_d = grp_rdata;
          RgnWq:   rdata_d = wq_rdata;
          default: rdata_d = '0;
        endcase
      end
    endcase
  end

  logic        tbl_valid_q, tbl_word_q;
  logic [1:0]  tbl_sel_q;
  logic [11:0] tbl_index_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bus_q <= BusIdle;
      ready_q <= 1'b0;
      rvalid_q <= 1'b0;
      tbl_valid_q <= 1'b0;
    end else begin
      bus_q <= bus_d;
      ready_q <= (bus_d == BusIdle);
      rvalid_q <= rvalid_d;
      tbl_valid_q <= (bus_q == BusExec) && (region == RgnTbl);
    end
    rdata_q <= rdata_d;
    if (bus_q == BusExec) begin
      tbl_sel_q <= tbl_sel;
      tbl_index_q <= tbl_index;
      tbl_word_q <= tbl_word;
    end
    if (bus_q == BusIdle) begin
      write_q <= reg_write_i;
      addr_q <= {reg_addr_i[17:3], 3'b000};
      wdata_q <= reg_wdata_i;
      be_q <= reg_be_i;
    end
  end

  assign reg_ready_o = ready_q;
  assign reg_rvalid_o = rvalid_q;
  assign reg_rdata_o = rdata_q;
  assign tbl_valid_o = tbl_valid_q;
  assign tbl_write_o = write_q;
  assign tbl_sel_o = tbl_sel_q;
  assign tbl_index_o = tbl_index_q;
  assign tbl_word_o = tbl_word_q;
  assign tbl_wdata_o = wdata_q;
  assign tbl_be_o = be_q;

  // ------------------------------------------------------------ blocks
  logic                   cmd_valid, dev_rst, dev_locked, cmd_done, cmd_drop, cfg_change, halt_evt;
  logic [31:0]            cmd_word, cmdstatus;
  logic [3:0]             gensts;
  logic [7:0]             rb_limit, scan_err, judge_err;
  logic [19:0]            operand;
  logic [NumWq-1:0]       wq_rst, wq_accept, wq_enabled, wq_busy, wq_checked, ops_bad, occ_evt;
  logic [NumWq-1:0]       named, pick_mask;
  logic [NumWq*16-1:0]    wq_base;
  logic [NumGroups-1:0]   grp_beyond, grp_rb_glob;
  logic [NumGroups*8-1:0] grp_rb_rsv, grp_rb_alw;
  logic                   check_cancel, scan_start, scan_done, judge_start, judge_done, occ_ok;
  logic                   pick_start, pick_done, pick_off, by_map, by_pasid, map_beyond, evl_en;
  logic [IdxW-1:0]        look_idx, occ_idx;
  logic [1:0]             look_word;
  logic [63:0]            look_data;
  logic [16:0]            occ_handle;

  assign tbl_dev_rst_o = dev_rst;
  assign gr_ims_o = operand[16];
  assign gr_index_o = operand[15:0];
  assign discard_pasid_en_o = by_pasid;
  assign discard_pasid_o = operand;
  assign evl_locked_o = dev_locked;

  siov_regs #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers), .ImsEntries(ImsEntries), .MaxWork(MaxWork),
    .MaxBatches(MaxBatches), .OpcapLow(OpcapLow), .LargeBar0(LargeBar0), .Opcfg(Opcfg), .Evl(Evl),
    .EvlOverflow(EvlOverflow), .CmdCap(CmdCap), .Batch1(Batch1), .DrainReadback(DrainReadback),
    .Fill16(Fill16), .Crc64(Crc64), .Ats(Ats)
  ) u_regs (
    .clk_i(clk_i), .rst_ni(clr_n),
    .we_i(we_regs), .re_i(re), .addr_i(addr_q[8:0]), .wdata_i(wdata_q), .be_i(be_q),
    .rdata_o(regs_rdata),
    .dev_rst_i(dev_rst), .dev_locked_i(dev_locked), .gensts_i(gensts), .cmdstatus_i(cmdstatus),
    .cmd_valid_o(cmd_valid), .cmd_o(cmd_word),
    .rb_limit_o(rb_limit), .user_int_en_o(user_int_en_o),
    .cmd_done_i(cmd_done), .halt_evt_i(halt_evt), .cfg_change_i(cfg_change), .cmd_drop_i(cmd_drop),
    .occ_evt_i(|occ_evt), .evl_evt_i(evl_event_i),
    .evl_we_o(evl_we_o), .evl_mask_o(evl_mask_o), .evl_wdata_o(evl_wdata_o),
    .evl_img_i(evl_img_i), .evl_en_o(evl_en), .evl_int_en_o(evl_int_en_o),
    .swerr_valid_i(swerr_valid_i), .swerr_ready_o(swerr_ready_o), .swerr_i(swerr_i),
    .dev_irq_valid_o(dev_irq_valid_o), .dev_irq_ready_i(dev_irq_ready_i),
    .dev_irq_cause_o(dev_irq_cause_o)
  );

  siov_cmd #(.NumWq(NumWq), .Evl(Evl), .CmdCap(CmdCap)) u_cmd (
    .clk_i(clk_i), .rst_ni(clr_n),
    .bme_i(bme_i), .pasid_en_i(pasid_en_i), .ats_en_i(ats_en_i), .pri_en_i(pri_en_i),
    .pri_alloc_ok_i(pri_alloc_ok_i), .halt_req_i(halt_req_i),
    .cmd_valid_i(cmd_valid), .cmd_i(cmd_word), .gensts_o(gensts), .cmdstatus_o(cmdstatus),
    .cmd_done_o(cmd_done), .cmd_drop_o(cmd_drop), .cfg_change_o(cfg_change), .halt_evt_o(halt_evt),
    .dev_rst_o(dev_rst), .wq_rst_o(wq_rst), .dev_locked_o(dev_locked), .wq_checked_o(wq_checked),
    .check_cancel_o(check_cancel), .operand_o(operand),
    .scan_start_o(scan_start), .scan_done_i(scan_done), .scan_err_i(scan_err),
    .judge_start_o(judge_start), .judge_done_i(judge_done), .judge_err_i(judge_err),
    .named_i(named), .pick_start_o(pick_start), .by_map_o(by_map), .by_pasid_o(by_pasid),
    .pick_done_i(pick_done), .pick_mask_i(pick_mask), .pick_off_i(pick_off),
    .map_beyond_i(map_beyond),
    .evl_en_i(evl_en), .evl_cfg_ok_i(evl_cfg_ok_i), .evl_start_o(evl_start_o),
    .evl_active_o(evl_active_o),
    .gr_valid_o(gr_valid_o), .gr_release_o(gr_release_o), .gr_ack_i(gr_ack_i), .gr_ok_i(gr_ok_i),
    .wq_accept_o(wq_accept), .wq_enabled_o(wq_enabled), .wq_busy_o(wq_busy),
    .drain_start_o(drain_start_o), .drain_mask_o(drain_mask_o), .drain_busy_i(drain_busy_i),
    .discard_o(discard_o),
    .xl_forget_o(xl_forget_o), .forget_busy_i(forget_busy_i), .halt_o(halt_o), .flush_o(flush_o)
  );

  siov_cmd_check #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers), .Opcfg(Opcfg), .Ats(Ats)
  ) u_check (
    .clk_i(clk_i), .rst_ni(clr_n),
    .cancel_i(check_cancel), .operand_i(operand), .enabled_i(wq_enabled),
    .not_disabled_i(wq_enabled | wq_busy), .ops_bad_i(ops_bad),
    .scan_start_i(scan_start), .scan_done_o(scan_done), .scan_err_o(scan_err),
    .wq_base_o(wq_base), .grp_wq_i(grp_wq_o), .grp_eng_i(grp_eng_o), .grp_beyond_i(grp_beyond),
    .grp_rb_rsv_i(grp_rb_rsv), .grp_rb_alw_i(grp_rb_alw), .grp_rb_glob_i(grp_rb_glob),
    .rb_limit_i(rb_limit),
    .judge_start_i(judge_start), .judge_done_o(judge_done), .judge_err_o(judge_err),
    .occ_ok_o(occ_ok), .named_o(named), .pasid_en_i(pasid_en_i),
    .pasid_priv_en_i(pasid_priv_en_i), .pri_en_i(pri_en_i),
    .olk_valid_o(olk_valid_o), .olk_ims_o(olk_ims_o), .olk_handle_o(olk_handle_o),
    .olk_pasid_en_o(olk_pasid_en_o), .olk_pasid_o(olk_pasid_o),
    .olk_rsp_valid_i(olk_rsp_valid_i), .olk_ok_i(olk_ok_i),
    .pick_start_i(pick_start), .by_map_i(by_map), .by_pasid_i(by_pasid), .pick_done_o(pick_done),
    .pick_mask_o(pick_mask), .pick_off_o(pick_off), .map_beyond_o(map_beyond),
    .look_idx_o(look_idx), .look_word_o(look_word), .look_data_i(look_data)
  );

  siov_wqcfg #(.NumWq(NumWq), .Opcfg(Opcfg), .OpcapLow(OpcapLow), .Ats(Ats)) u_wqcfg (
    .clk_i(clk_i), .rst_ni(clr_n),
    .we_i(we_wq), .re_i(re),
    .addr_i(LargeBar0 ? addr_q[14:3] : {4'b0, addr_q[10:3]}), .wdata_i(wdata_q), .be_i(be_q),
    .rdata_o(wq_rdata),
    .look_idx_i(look_idx), .look_word_i(look_word), .look_data_o(look_data),
    .occ_idx_i(occ_idx), .occ_handle_o(occ_handle),
    .dev_rst_i(dev_rst), .wq_rst_i(wq_rst), .dev_locked_i(dev_locked), .wq_checked_i(wq_checked),
    .accept_i(wq_accept), .enabled_i(wq_enabled), .busy_i(wq_busy), .halt_i(halt_o),
    .base_i(wq_base), .occ_i(wq_occ_i),
    .wq_cfg_o(wq_cfg_o), .wq_ops_o(wq_ops_o), .ops_bad_o(ops_bad), .occ_evt_o(occ_evt)
  );

  siov_grpcfg #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .ReadBuffers(ReadBuffers)
  ) u_grpcfg (
    .clk_i(clk_i), .rst_ni(clr_n),
    .we_i(we_grp), .re_i(re),
    .addr_i(LargeBar0 ? addr_q[13:3] : {5'b0, addr_q[8:3]}), .wdata_i(wdata_q), .be_i(be_q),
    .rdata_o(grp_rdata),
    .dev_rst_i(dev_rst), .dev_locked_i(dev_locked), .rb_limit_i(rb_limit),
    .grp_wq_o(grp_wq_o), .grp_eng_o(grp_eng_o), .grp_tc_o(grp_tc_o), .grp_rb_o(grp_rb_o),
    .grp_beyond_o(grp_beyond), .grp_rb_rsv_o(grp_rb_rsv), .grp_rb_alw_o(grp_rb_alw),
    .grp_rb_glob_o(grp_rb_glob)
  );

  if (Opcfg) begin : gen_occ
    siov_occ_irq #(.NumWq(NumWq)) u_occ (
      .clk_i(clk_i), .rst_ni(clr_n), .dev_rst_i(dev_rst), .wq_rst_i(wq_rst),
      .evt_i(occ_evt), .ok_we_i(judge_done ? named : '0), .ok_i(occ_ok),
      .idx_o(occ_idx), .handle_i(occ_handle),
      .irq_valid_o(occ_irq_valid_o), .irq_ready_i(occ_irq_ready_i), .irq_ims_o(occ_irq_ims_o),
      .irq_handle_o(occ_irq_handle_o)
    );
  end else begin : gen_no_occ
    assign occ_idx = '0;
    assign occ_irq_valid_o = 1'b0;
    assign occ_irq_ims_o = 1'b0;
    assign occ_irq_handle_o = '0;

    logic unused_occ;
    assign unused_occ = ^{occ_ok, occ_handle, occ_irq_ready_i};
  end

  `SIOV_STATIC(gen_bad_wq, NumWq >= 1 && NumWq <= 128)
  `SIOV_STATIC(gen_bad_grp, NumGroups >= 1 && NumGroups <= 16)
  `SIOV_STATIC(gen_bad_msix, MsixVectors >= 1 && MsixVectors <= 2048)
  `SIOV_STATIC(gen_bad_ims, ImsEntries % 256 == 0 && ImsEntries <= 4096)
`ifndef SYNTHESIS
  // One access at a time: an acknowledge belongs to a table access, and read data is never given
  // unasked.
  `SIOV_ASSERT_IF(a_tbl_ack_expected, tbl_ack_i, bus_q == BusTbl)
  `SIOV_ASSERT_NEXT(a_rvalid_pulse, reg_rvalid_o, !reg_rvalid_o)
  `SIOV_COVER(c_reg_stall, reg_valid_i && !reg_ready_o)
`endif

endmodule
