// SPDX-License-Identifier: Apache-2.0
// BAR0 of the device: register bus decode, read mux, and the blocks behind it.
//
// The link hands over one 8-byte access at a time. Accesses to the interrupt tables (MSIXPERM,
// MSI-X table, PBA, IMS) go out on the table bus to siov_irq; everything else is answered here.
// Offsets without a register read 0 and ignore writes. Does not know about TLPs (siov_rx) nor about
// descriptors (siov_queue).
//
// Latency: write accepted at once, effective 1 cycle later (tables 2); read data 3 cycles after
// acceptance (tables 4). A read that follows a write sees it. reg_ready_o, reg_r* and tbl_* are
// registered; no combinational path crosses, except that swerr_ready_o depends on swerr_valid_i.
// @spec dsa 2 (registers), 3 (commands)

`include "siov_assert.svh"

module siov_bar #(
  /// work queues, 1..62
  parameter int unsigned NumWq = 8,
  /// groups, 1..8
  parameter int unsigned NumGroups = 4,
  /// engines, 1..63
  parameter int unsigned NumEngines = 4,
  /// shared queue entries
  parameter int unsigned WqEntries = 128,
  /// read buffers (GRPCAP 15:8), 1..255
  parameter int unsigned ReadBuffers = 96,
  /// IMS entries, multiple of 256, at most 2560
  parameter int unsigned ImsEntries = 256,
  /// OPCAP bits 63:0; bit n = opcode n
  parameter logic [63:0] OpcapLow = 64'h3D
) (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,
  /// pulse: back to power-on state
  input  logic                                 flr_i,
  // configuration space
  input  logic                                 bme_i,
  input  logic                                 pasid_en_i,
  input  logic                                 pasid_priv_en_i,
  // fatal internal error of another block, level or pulse: Halt that Reset Device may leave
  input  logic                                 halt_req_i,
  // register bus from the link
  input  logic                                 reg_valid_i,
  output logic                                 reg_ready_o,
  input  logic                                 reg_write_i,
  /// bits 2:0 are ignored
  input  logic [15:0]                          reg_addr_i,
  input  logic [63:0]                          reg_wdata_i,
  input  logic [7:0]                           reg_be_i,
  output logic                                 reg_rvalid_o,
  output logic [63:0]                          reg_rdata_o,
  // table bus to siov_irq: one access at a time, address and data stay until tbl_ack_i
  /// pulse
  output logic                                 tbl_valid_o,
  output logic                                 tbl_write_o,
  output logic [15:0]                          tbl_addr_o,
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
  // software errors: engines 0..NumEngines-1, then the queue block
  input  logic [NumEngines:0]                  swerr_valid_i,
  output logic [NumEngines:0]                  swerr_ready_o,
  input  logic [(NumEngines+1)*siov_pkg::SwerrW-1:0] swerr_i,
  // queue control
  output logic [NumWq*siov_pkg::WqCfgW-1:0]    wq_cfg_o,
  output logic [NumGroups*NumWq-1:0]           grp_wq_o,
  output logic [NumGroups*NumEngines-1:0]      grp_eng_o,
  output logic [NumGroups*6-1:0]               grp_tc_o,
  output logic                                 drain_start_o,
  output logic [NumWq-1:0]                     drain_mask_o,
  input  logic [NumWq-1:0]                     drain_busy_i,
  output logic [NumWq-1:0]                     discard_o,
  output logic                                 discard_pasid_en_o,
  output logic [19:0]                          discard_pasid_o,
  input  logic [NumWq*16-1:0]                  wq_occ_i,
  output logic                                 halt_o,
  output logic                                 flush_o,
  /// GENCFG 12: RCI allowed in user descriptors
  output logic                                 user_int_en_o
);

  // Function Level Reset acts like the power-on reset on everything but the bus handshakes.
  logic clr_n;
  assign clr_n = rst_ni & !flr_i;

  logic unused_addr;
  assign unused_addr = ^reg_addr_i[2:0];

  // ------------------------------------------------------------ bus
  typedef enum logic [2:0] {
    RgnNone = 3'd0,
    RgnRegs = 3'd1,
    RgnGrp  = 3'd2,
    RgnWq   = 3'd3,
    RgnTbl  = 3'd4
  } region_e;

  typedef enum logic [1:0] {
    BusIdle = 2'd0,   // waits for an access
    BusExec = 2'd1,   // strobes the addressed block
    BusTbl  = 2'd2,   // waits for tbl_ack_i
    BusRsp  = 2'd3    // registers the read data
  } bus_e;

  bus_e        bus_q, bus_d;
  region_e     region;
  logic        ready_q, write_q, rvalid_q, rvalid_d;
  logic [15:0] addr_q;
  logic [63:0] wdata_q, rdata_q, rdata_d;
  logic [7:0]  be_q;
  logic        we, re;
  logic        we_regs, we_grp, we_wq;
  logic [63:0] regs_rdata, grp_rdata, wq_rdata;

  always_comb begin
    region = RgnNone;
    unique case (addr_q[15:12])
      4'h0: begin
        if (addr_q[11:9] == 3'd0) region = RgnRegs;
        else if (addr_q < siov_abi_pkg::TblMsixperm) region = RgnNone;
        else if (addr_q < siov_abi_pkg::TblGrpcfg) region = RgnTbl;
        else if (addr_q < siov_abi_pkg::TblWqcfg) region = RgnGrp;
        else region = RgnWq;
      end
      4'h1, 4'hE, 4'hF: region = RgnNone;
      default: region = RgnTbl;
    endcase
  end

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

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bus_q <= BusIdle;
      ready_q <= 1'b0;
      rvalid_q <= 1'b0;
    end else begin
      bus_q <= bus_d;
      ready_q <= (bus_d == BusIdle);
      rvalid_q <= rvalid_d;
    end
    rdata_q <= rdata_d;
    if (bus_q == BusIdle) begin
      write_q <= reg_write_i;
      addr_q <= {reg_addr_i[15:3], 3'b000};
      wdata_q <= reg_wdata_i;
      be_q <= reg_be_i;
    end
  end

  assign reg_ready_o = ready_q;
  assign reg_rvalid_o = rvalid_q;
  assign reg_rdata_o = rdata_q;
  assign tbl_valid_o = (bus_q == BusExec) && (region == RgnTbl);
  assign tbl_write_o = write_q;
  assign tbl_addr_o = addr_q;
  assign tbl_wdata_o = wdata_q;
  assign tbl_be_o = be_q;

  // ------------------------------------------------------------ blocks
  logic                    cmd_valid, dev_rst, dev_locked, cmd_done, cmd_drop, cfg_change, halt_evt;
  logic [31:0]             cmd_word, cmdstatus;
  logic [3:0]              gensts;
  logic [7:0]              rb_limit;
  logic [NumWq-1:0]        wq_rst, wq_accept, wq_enabled, wq_busy;
  logic [NumWq*16-1:0]     wq_base;
  logic [NumGroups-1:0]    grp_beyond, grp_rb_glob;
  logic [NumGroups*8-1:0]  grp_rb_rsv, grp_rb_alw;

  assign tbl_dev_rst_o = dev_rst;

  siov_regs #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers), .ImsEntries(ImsEntries), .OpcapLow(OpcapLow)
  ) u_regs (
    .clk_i(clk_i), .rst_ni(clr_n),
    .we_i(we_regs), .re_i(re), .addr_i(addr_q[8:0]), .wdata_i(wdata_q), .be_i(be_q[3:0]),
    .rdata_o(regs_rdata),
    .dev_rst_i(dev_rst), .dev_locked_i(dev_locked), .gensts_i(gensts), .cmdstatus_i(cmdstatus),
    .cmd_valid_o(cmd_valid), .cmd_o(cmd_word),
    .rb_limit_o(rb_limit), .user_int_en_o(user_int_en_o),
    .cmd_done_i(cmd_done), .halt_evt_i(halt_evt), .cfg_change_i(cfg_change), .cmd_drop_i(cmd_drop),
    .swerr_valid_i(swerr_valid_i), .swerr_ready_o(swerr_ready_o), .swerr_i(swerr_i),
    .dev_irq_valid_o(dev_irq_valid_o), .dev_irq_ready_i(dev_irq_ready_i),
    .dev_irq_cause_o(dev_irq_cause_o)
  );

  siov_cmd #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers)
  ) u_cmd (
    .clk_i(clk_i), .rst_ni(clr_n),
    .bme_i(bme_i), .pasid_en_i(pasid_en_i), .pasid_priv_en_i(pasid_priv_en_i),
    .halt_req_i(halt_req_i),
    .cmd_valid_i(cmd_valid), .cmd_i(cmd_word), .gensts_o(gensts), .cmdstatus_o(cmdstatus),
    .cmd_done_o(cmd_done), .cmd_drop_o(cmd_drop), .cfg_change_o(cfg_change), .halt_evt_o(halt_evt),
    .dev_rst_o(dev_rst), .wq_rst_o(wq_rst), .dev_locked_o(dev_locked),
    .wq_cfg_i(wq_cfg_o), .grp_wq_i(grp_wq_o), .grp_eng_i(grp_eng_o), .grp_beyond_i(grp_beyond),
    .grp_rb_rsv_i(grp_rb_rsv), .grp_rb_alw_i(grp_rb_alw), .grp_rb_glob_i(grp_rb_glob),
    .rb_limit_i(rb_limit),
    .wq_accept_o(wq_accept), .wq_enabled_o(wq_enabled), .wq_busy_o(wq_busy), .wq_base_o(wq_base),
    .drain_start_o(drain_start_o), .drain_mask_o(drain_mask_o), .drain_busy_i(drain_busy_i),
    .discard_o(discard_o), .discard_pasid_en_o(discard_pasid_en_o),
    .discard_pasid_o(discard_pasid_o),
    .halt_o(halt_o), .flush_o(flush_o)
  );

  siov_wqcfg #(.NumWq(NumWq)) u_wqcfg (
    .clk_i(clk_i), .rst_ni(clr_n),
    .we_i(we_wq), .re_i(re), .addr_i(addr_q[10:3]), .wdata_i(wdata_q), .be_i(be_q),
    .rdata_o(wq_rdata),
    .dev_rst_i(dev_rst), .wq_rst_i(wq_rst), .dev_locked_i(dev_locked),
    .accept_i(wq_accept), .enabled_i(wq_enabled), .busy_i(wq_busy), .base_i(wq_base),
    .occ_i(wq_occ_i),
    .wq_cfg_o(wq_cfg_o)
  );

  siov_grpcfg #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .ReadBuffers(ReadBuffers)
  ) u_grpcfg (
    .clk_i(clk_i), .rst_ni(clr_n),
    .we_i(we_grp), .re_i(re), .addr_i(addr_q[8:3]), .wdata_i(wdata_q), .be_i(be_q),
    .rdata_o(grp_rdata),
    .dev_rst_i(dev_rst), .dev_locked_i(dev_locked),
    .grp_wq_o(grp_wq_o), .grp_eng_o(grp_eng_o), .grp_tc_o(grp_tc_o), .grp_beyond_o(grp_beyond),
    .grp_rb_rsv_o(grp_rb_rsv), .grp_rb_alw_o(grp_rb_alw), .grp_rb_glob_o(grp_rb_glob)
  );

  `SIOV_STATIC(gen_bad_wq, NumWq >= 1 && NumWq <= 62)
  `SIOV_STATIC(gen_bad_grp, NumGroups >= 1 && NumGroups <= 8)
  `SIOV_STATIC(gen_bad_ims, ImsEntries % 256 == 0 && ImsEntries <= 2560)
`ifndef SYNTHESIS
  // One access at a time: an acknowledge belongs to a table access, and read data is never given
  // unasked.
  `SIOV_ASSERT(a_tbl_ack_expected, tbl_ack_i |-> bus_q == BusTbl)
  `SIOV_ASSERT(a_rvalid_pulse, reg_rvalid_o |=> !reg_rvalid_o)
  `SIOV_COVER(c_reg_stall, reg_valid_i && !reg_ready_o)
`endif

endmodule
