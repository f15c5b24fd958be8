// SPDX-License-Identifier: Apache-2.0
// The registers at the start of BAR0: capabilities, GENCFG, GENCTRL, GENSTS, INTCAUSE, CMD,
// CMDSTATUS, CMDCAP, SWERROR. EVLCFG and EVLSTATUS are read and written through the event log block.
//
// INTCAUSE events ask for one message each on MSI-X vector 0, but for the occupancy interrupts, which
// have their own; up to 31 wait while the interrupt block is busy, and more are merged. SWERROR keeps the first error; while it is valid, later ones
// set overflow only. CMD takes whole 32-bit writes only; it starts siov_cmd, which owns CMDSTATUS
// and GENSTS. Does not decide states.
//
// Latency: write 1 cycle (event log 2), read data 1 cycle after re_i; a software error is visible 2
// cycles after its handshake. No combinational path crosses.
// @spec dsa 2.1 to 2.7, 2.11

`include "siov_assert.svh"

module siov_regs #(
  /// Work queues, groups, engines, shared queue entries, read buffers.
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4,
  parameter int unsigned WqEntries = 128,
  parameter int unsigned ReadBuffers = 96,
  /// IMS entries, multiple of 256.
  parameter int unsigned ImsEntries = 256,
  /// Descriptors and batches in flight an engine (ENGCAP).
  parameter int unsigned MaxWork = 64,
  parameter int unsigned MaxBatches = 8,
  /// OPCAP bits 63:0.
  parameter logic [63:0] OpcapLow = 64'h1_003F_03FF,
  /// Tables at their large offsets.
  parameter bit LargeBar0 = 1'b0,
  /// Optional parts: operation masks and occupancy interrupts, event log and its dropping when full,
  /// commands 13 and 14, batches of one, drain readback, 16-byte patterns, 64-bit CRC.
  parameter bit Opcfg = 1'b1,
  parameter bit Evl = 1'b1,
  parameter bit EvlOverflow = 1'b0,
  parameter bit CmdCap = 1'b0,
  parameter bit Batch1 = 1'b0,
  parameter bit DrainReadback = 1'b0,
  parameter bit Fill16 = 1'b1,
  parameter bit Crc64 = 1'b1,
  /// Block on fault, ATS and PRS control of queues.
  parameter bit Ats = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,

  // register access
  input  logic we_i,
  input  logic re_i,
  input  logic [8:0] addr_i,
  input  logic [63:0] wdata_i,
  input  logic [7:0] be_i,
  output logic [63:0] rdata_o,

  // command engine
  /// Reset Device: GENCFG, GENCTRL and INTCAUSE to reset values; SWERROR stays.
  input  logic dev_rst_i,
  input  logic dev_locked_i,
  input  logic [3:0] gensts_i,
  input  logic [31:0] cmdstatus_i,
  output logic cmd_valid_o,
  output logic [31:0] cmd_o,
  output logic [7:0] rb_limit_o,
  output logic user_int_en_o,

  // events, pulses
  /// A command that asked for an interrupt has ended.
  input  logic cmd_done_i,
  input  logic halt_evt_i,
  input  logic cfg_change_i,
  input  logic cmd_drop_i,
  /// An occupancy interrupt was generated; an event was logged and its interrupt is due.
  input  logic occ_evt_i,
  input  logic evl_evt_i,

  // event log: {0xF0, 0xE8, 0xE0}, bits to write, their values; what software reads there
  output logic [2:0] evl_we_o,
  output logic [63:0] evl_mask_o,
  output logic [63:0] evl_wdata_o,
  input  logic [191:0] evl_img_i,
  /// GENCFG 13, GENCTRL 2.
  output logic evl_en_o,
  output logic evl_int_en_o,

  // software errors of other blocks
  input  logic swerr_valid_i,
  output logic swerr_ready_o,
  input  siov_pkg::swerr_t swerr_i,

  // messages on MSI-X vector 0
  output logic dev_irq_valid_o,
  input  logic dev_irq_ready_i,
  /// Some INTCAUSE bit is set.
  output logic dev_irq_cause_o
);

  // ------------------------------------------------------------ capabilities
  localparam logic [31:0] Version = 32'h0000_0100;
  localparam logic [4:0] MaxXferLog2 = 5'd31;
  localparam logic [3:0] MaxBatchLog2 = 4'd10;
  localparam logic [63:0] Gencap =
      (64'(Ats) << siov_abi_pkg::GencapBofLsb) |
      (64'd1 << siov_abi_pkg::GencapOverlapLsb) |
      (64'd1 << siov_abi_pkg::GencapCacheWriteLsb) |
      (64'(CmdCap) << siov_abi_pkg::GencapCmdcapLsb) |
      (64'd1 << siov_abi_pkg::GencapReadbackLsb) |
      (64'(DrainReadback) << siov_abi_pkg::GencapDrainReadbackLsb) |
      (64'(Fill16) << siov_abi_pkg::GencapFill16Lsb) |
      (64'(Crc64) << siov_abi_pkg::GencapCrc64Lsb) |
      (64'(Evl) << siov_abi_pkg::GencapEvlLsb) |
      (64'(MaxXferLog2) << siov_abi_pkg::GencapMaxXferLsb) |
      (64'(MaxBatchLog2) << siov_abi_pkg::GencapMaxBatchLsb) |
      ((64'(ImsEntries) / 64'd256) << siov_abi_pkg::GencapImsSizeLsb) |
      (64'd1 << siov_abi_pkg::GencapConfigLsb) |
      (64'(Evl && EvlOverflow) << siov_abi_pkg::GencapEvlOverflowLsb) |
      (64'(Batch1) << siov_abi_pkg::GencapBatch1Lsb);
  localparam logic [63:0] Wqcap =
      (64'(WqEntries) << siov_abi_pkg::WqcapEntriesLsb) |
      (64'(NumWq) << siov_abi_pkg::WqcapNumWqLsb) |
      (64'(Opcfg) << siov_abi_pkg::WqcapCfgSizeLsb) |
      (64'd1 << siov_abi_pkg::WqcapSharedLsb) |
      (64'd1 << siov_abi_pkg::WqcapDedicatedLsb) |
      (64'(Ats) << siov_abi_pkg::WqcapAtsControlLsb) |
      (64'(Ats) << siov_abi_pkg::WqcapPrsControlLsb) |
      (64'd1 << siov_abi_pkg::WqcapPriorityLsb) |
      (64'd1 << siov_abi_pkg::WqcapOccupancyLsb) |
      (64'(Opcfg) << siov_abi_pkg::WqcapOccupancyIntLsb) |
      (64'(Opcfg) << siov_abi_pkg::WqcapOpcfgLsb);
  localparam logic [63:0] Grpcap =
      (64'(NumGroups) << siov_abi_pkg::GrpcapNumGroupsLsb) |
      (64'(ReadBuffers) << siov_abi_pkg::GrpcapReadBuffersLsb) |
      (64'd1 << siov_abi_pkg::GrpcapReadBufferControlLsb) |
      (64'd1 << siov_abi_pkg::GrpcapGlobalLimitLsb);
  localparam logic [8:0] SwerrorWord1 = 9'(siov_abi_pkg::RegSwerror) + 9'd8;
  localparam logic [8:0] SwerrorWord2 = 9'(siov_abi_pkg::RegSwerror) + 9'd16;
  localparam logic [8:0] SwerrorWord3 = 9'(siov_abi_pkg::RegSwerror) + 9'd24;
  localparam logic [8:0] Evlcfg1 = 9'(siov_abi_pkg::RegEvlcfg) + 9'd8;
  localparam logic [63:0] Engcap =
      (64'(NumEngines) << siov_abi_pkg::EngcapNumEnginesLsb) |
      (64'(MaxWork) << siov_abi_pkg::EngcapMaxWorkLsb) |
      (64'(MaxBatches) << siov_abi_pkg::EngcapMaxBatchesLsb);
  // Commands 1 to 14.
  localparam logic [63:0] Cmdcap = CmdCap ? 64'h7FFE : 64'h0;
  localparam logic [17:0] Grpcfg = LargeBar0 ? siov_abi_pkg::TblGrpcfgLarge
                                             : 18'(siov_abi_pkg::TblGrpcfg);
  localparam logic [17:0] Wqcfg = LargeBar0 ? siov_abi_pkg::TblWqcfgLarge
                                            : 18'(siov_abi_pkg::TblWqcfg);
  localparam logic [17:0] Msixperm = LargeBar0 ? siov_abi_pkg::TblMsixpermLarge
                                               : 18'(siov_abi_pkg::TblMsixperm);
  localparam logic [17:0] Ims = (ImsEntries == 0) ? '0 : LargeBar0 ? siov_abi_pkg::TblImsLarge
                                                             : 18'(siov_abi_pkg::TblIms);
  localparam logic [63:0] Offsets =
      ((64'(Grpcfg) >> 8) << siov_abi_pkg::OffsetsGrpcfgLsb) |
      ((64'(Wqcfg) >> 8) << siov_abi_pkg::OffsetsWqcfgLsb) |
      ((64'(Msixperm) >> 8) << siov_abi_pkg::OffsetsMsixpermLsb) |
      ((64'(Ims) >> 8) << siov_abi_pkg::OffsetsImsLsb);

  // ------------------------------------------------------------ writes
  // Registers of 32 bits stand at multiples of 8 bytes: byte enables 3:0 are theirs.
  logic [7:0]  limit_q;
  logic        user_int_q, swerr_int_q, halt_int_q, evl_en_q, evl_int_q;
  logic        w_gencfg, w_genctrl, w_intcause, w_swerror;
  logic        c_swerr_q, c_cmd_q, c_occ_q, c_halt_q, c_evl_q;   // INTCAUSE
  logic        swerr_first;                           // SWERROR becomes valid

  assign w_gencfg = we_i && (addr_i == 9'(siov_abi_pkg::RegGencfg));
  assign w_genctrl = we_i && (addr_i == 9'(siov_abi_pkg::RegGenctrl));
  assign w_intcause = we_i && (addr_i == 9'(siov_abi_pkg::RegIntcause)) && be_i[0];
  assign w_swerror = we_i && (addr_i == 9'(siov_abi_pkg::RegSwerror)) && be_i[0];
  assign cmd_valid_o = we_i && (addr_i == 9'(siov_abi_pkg::RegCmd)) && (&be_i[3:0]);
  assign cmd_o = wdata_i[31:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni || dev_rst_i) begin
      limit_q <= 8'(ReadBuffers);
      user_int_q <= 1'b0;
      swerr_int_q <= 1'b0;
      halt_int_q <= 1'b0;
      evl_en_q <= 1'b0;
      evl_int_q <= 1'b0;
    end else begin
      if (w_gencfg && !dev_locked_i) begin
        if (be_i[0]) limit_q <= wdata_i[siov_abi_pkg::GencfgReadBufferLimitLsb +: 8];
        if (be_i[1]) begin
          user_int_q <= wdata_i[siov_abi_pkg::GencfgUserIntLsb];
          evl_en_q <= Evl && wdata_i[siov_abi_pkg::GencfgEvlEnableLsb];
        end
      end
      if (w_genctrl && be_i[0]) begin
        swerr_int_q <= wdata_i[siov_abi_pkg::GenctrlSwerrorIntLsb];
        halt_int_q <= wdata_i[siov_abi_pkg::GenctrlHaltIntLsb];
        evl_int_q <= Evl && wdata_i[siov_abi_pkg::GenctrlEvlIntLsb];
      end
    end
  end

  assign rb_limit_o = limit_q;
  assign user_int_en_o = user_int_q;
  assign evl_en_o = evl_en_q;
  assign evl_int_en_o = evl_int_q;

  // ------------------------------------------------------------ event log registers
  if (Evl) begin : gen_evl
    logic [2:0]  evl_we_q;
    logic [63:0] evl_mask_q, evl_wdata_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        evl_we_q <= '0;
      end else begin
        evl_we_q[0] <= we_i && (addr_i == 9'(siov_abi_pkg::RegEvlcfg));
        evl_we_q[1] <= we_i && (addr_i == Evlcfg1);
        evl_we_q[2] <= we_i && (addr_i == 9'(siov_abi_pkg::RegEvlstatus));
      end
      for (int unsigned b = 0; b < 8; b++) evl_mask_q[8*b +: 8] <= {8{be_i[b]}};
      evl_wdata_q <= wdata_i;
    end
    assign evl_we_o = evl_we_q;
    assign evl_mask_o = evl_mask_q;
    assign evl_wdata_o = evl_wdata_q;
  end else begin : gen_no_evl
    assign evl_we_o = '0;
    assign evl_mask_o = '0;
    assign evl_wdata_o = '0;

    logic unused_evl;
    assign unused_evl = ^{evl_img_i, wdata_i, be_i};
  end

  // ------------------------------------------------------------ INTCAUSE and its messages
  logic       ev_swerr, ev_cmd, ev_halt, ev_evl;
  logic [4:0] msgs_q;
  logic [5:0] msgs_d;

  assign ev_swerr = swerr_first && swerr_int_q;
  assign ev_cmd = cmd_done_i;
  assign ev_halt = halt_evt_i && halt_int_q;
  assign ev_evl = Evl && evl_evt_i;

  always_comb begin
    msgs_d = 6'(msgs_q) + 6'(ev_swerr) + 6'(ev_cmd) + 6'(ev_halt) + 6'(ev_evl) -
        6'(dev_irq_valid_o && dev_irq_ready_i);
    if (msgs_d > 6'd31) msgs_d = 6'd31;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || dev_rst_i) begin
      c_swerr_q <= 1'b0;
      c_cmd_q <= 1'b0;
      c_occ_q <= 1'b0;
      c_halt_q <= 1'b0;
      c_evl_q <= 1'b0;
    end else begin
      // An event at the moment of its clearing wins.
      c_swerr_q <= ev_swerr || (c_swerr_q && !(w_intcause &&
          wdata_i[siov_abi_pkg::IntcauseSwerrorLsb]));
      c_cmd_q <= ev_cmd || (c_cmd_q && !(w_intcause && wdata_i[siov_abi_pkg::IntcauseCommandLsb]));
      c_occ_q <= occ_evt_i ||
          (c_occ_q && !(w_intcause && wdata_i[siov_abi_pkg::IntcauseOccupancyLsb]));
      c_evl_q <= ev_evl || (c_evl_q && !(w_intcause && wdata_i[siov_abi_pkg::IntcauseEvlLsb]));
      c_halt_q <= ev_halt || (c_halt_q && !(w_intcause && wdata_i[siov_abi_pkg::IntcauseHaltLsb]));
    end
    if (!rst_ni) msgs_q <= '0;
    else msgs_q <= msgs_d[4:0];
  end

  assign dev_irq_valid_o = msgs_q != '0;
  assign dev_irq_cause_o = c_swerr_q || c_cmd_q || c_occ_q || c_halt_q || c_evl_q;

  // ------------------------------------------------------------ SWERROR
  logic              changed_q, dropped_q;        // own errors that wait for their turn
  logic              pick_valid, stage_valid_q;
  logic              take_changed, take_dropped;
  siov_pkg::swerr_t  pick, stage_q, err_q;
  logic              valid_q, overflow_q, valid_kept;

  // Own errors first.
  assign swerr_ready_o = !changed_q && !dropped_q;
  always_comb begin
    pick = swerr_i;
    pick_valid = 1'b1;
    take_changed = 1'b0;
    take_dropped = 1'b0;
    if (changed_q) begin
      pick = '0;
      pick.code = siov_abi_pkg::SwErrPciChanged;
      take_changed = 1'b1;
    end else if (dropped_q) begin
      pick = '0;
      pick.code = siov_abi_pkg::SwErrCmdActive;
      take_dropped = 1'b1;
    end else begin
      pick_valid = swerr_valid_i;
    end
  end

  // Valid as it stands after the write of this cycle.
  assign valid_kept = valid_q && !(w_swerror && wdata_i[siov_abi_pkg::SwerrorValidLsb]);
  assign swerr_first = stage_valid_q && !valid_kept;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      changed_q <= 1'b0;
      dropped_q <= 1'b0;
      stage_valid_q <= 1'b0;
      valid_q <= 1'b0;
      overflow_q <= 1'b0;
      err_q <= '0;
    end else begin
      changed_q <= cfg_change_i || (changed_q && !take_changed);
      dropped_q <= cmd_drop_i || (dropped_q && !take_dropped);
      stage_valid_q <= pick_valid;
      valid_q <= stage_valid_q || valid_kept;
      overflow_q <= (stage_valid_q && valid_kept) ||
                    (overflow_q && !(w_swerror && wdata_i[siov_abi_pkg::SwerrorOverflowLsb]));
      if (swerr_first) err_q <= stage_q;
    end
    stage_q <= pick;
  end

  // The record and what only the event log tells are not kept.
  logic unused_swerr;
  assign unused_swerr = ^{stage_q, err_q};

  logic [255:0] swerror;
  always_comb begin
    swerror = '0;
    swerror[siov_abi_pkg::SwerrorValidLsb] = valid_q;
    swerror[siov_abi_pkg::SwerrorOverflowLsb] = overflow_q;
    swerror[siov_abi_pkg::SwerrorDescValidLsb] = err_q.desc_valid;
    swerror[siov_abi_pkg::SwerrorWqValidLsb] = err_q.wq_valid;
    swerror[siov_abi_pkg::SwerrorBatchLsb] = err_q.batch;
    swerror[siov_abi_pkg::SwerrorWriteLsb] = err_q.write;
    swerror[siov_abi_pkg::SwerrorPrivLsb] = err_q.priv;
    swerror[siov_abi_pkg::SwerrorInfoValidLsb] = Evl && err_q.info_valid;
    swerror[siov_abi_pkg::SwerrorInfoLsb +: 32] = Evl ? err_q.info : '0;
    swerror[siov_abi_pkg::SwerrorErrorLsb +: 8] = err_q.code;
    swerror[siov_abi_pkg::SwerrorWqLsb +: 8] = err_q.wq;
    swerror[siov_abi_pkg::SwerrorOpcodeLsb +: 8] = err_q.opcode;
    swerror[siov_abi_pkg::SwerrorPasidLsb +: 20] = err_q.pasid;
    swerror[siov_abi_pkg::SwerrorBatchIndexLsb +: 16] = err_q.batch_index;
    swerror[siov_abi_pkg::SwerrorAddressLsb +: 64] = err_q.addr;
  end

  // ------------------------------------------------------------ reads
  logic [63:0] rdata_q, gencfg, genctrl, intcause;

  always_comb begin
    gencfg = '0;
    gencfg[siov_abi_pkg::GencfgReadBufferLimitLsb +: 8] = limit_q;
    gencfg[siov_abi_pkg::GencfgUserIntLsb] = user_int_q;
    gencfg[siov_abi_pkg::GencfgEvlEnableLsb] = evl_en_q;
    genctrl = '0;
    genctrl[siov_abi_pkg::GenctrlEvlIntLsb] = evl_int_q;
    genctrl[siov_abi_pkg::GenctrlSwerrorIntLsb] = swerr_int_q;
    genctrl[siov_abi_pkg::GenctrlHaltIntLsb] = halt_int_q;
    intcause = '0;
    intcause[siov_abi_pkg::IntcauseSwerrorLsb] = c_swerr_q;
    intcause[siov_abi_pkg::IntcauseCommandLsb] = c_cmd_q;
    intcause[siov_abi_pkg::IntcauseOccupancyLsb] = c_occ_q;
    intcause[siov_abi_pkg::IntcauseEvlLsb] = c_evl_q;
    intcause[siov_abi_pkg::IntcauseHaltLsb] = c_halt_q;
  end

  always_ff @(posedge clk_i) begin
    if (re_i) begin
      unique case (addr_i)
        9'(siov_abi_pkg::RegVersion):      rdata_q <= 64'(Version);
        9'(siov_abi_pkg::RegGencap):       rdata_q <= Gencap;
        9'(siov_abi_pkg::RegWqcap):        rdata_q <= Wqcap;
        9'(siov_abi_pkg::RegGrpcap):       rdata_q <= Grpcap;
        9'(siov_abi_pkg::RegEngcap):       rdata_q <= Engcap;
        9'(siov_abi_pkg::RegOpcap):        rdata_q <= OpcapLow;
        9'(siov_abi_pkg::RegOffsets):      rdata_q <= Offsets;
        9'(siov_abi_pkg::RegGencfg):       rdata_q <= gencfg;
        9'(siov_abi_pkg::RegGenctrl):      rdata_q <= genctrl;
        9'(siov_abi_pkg::RegGensts):       rdata_q <= 64'(gensts_i);
        9'(siov_abi_pkg::RegIntcause):     rdata_q <= intcause;
        9'(siov_abi_pkg::RegCmdstatus):    rdata_q <= 64'(cmdstatus_i);
        9'(siov_abi_pkg::RegCmdcap):       rdata_q <= Cmdcap;
        9'(siov_abi_pkg::RegEvlcfg):       rdata_q <= Evl ? evl_img_i[63:0] : '0;
        Evlcfg1:                           rdata_q <= Evl ? evl_img_i[127:64] : '0;
        9'(siov_abi_pkg::RegEvlstatus):    rdata_q <= Evl ? evl_img_i[191:128] : '0;
        9'(siov_abi_pkg::RegSwerror):      rdata_q <= swerror[63:0];
        SwerrorWord1:   rdata_q <= swerror[127:64];
        SwerrorWord2: rdata_q <= swerror[191:128];
        SwerrorWord3: rdata_q <= swerror[255:192];
        default:                           rdata_q <= '0;
      endcase
    end
  end
  assign rdata_o = rdata_q;

`ifndef SYNTHESIS
  // A request for a message holds until taken.
  `SIOV_ASSERT_NEXT(a_dev_irq_hold, dev_irq_valid_o && !dev_irq_ready_i, dev_irq_valid_o)
  // The first error stays until its valid bit is cleared.
  `SIOV_ASSERT_HOLDS(a_swerr_first, valid_q && !w_swerror, 1'b0, 1'b1, err_q)
  `SIOV_COVER(c_swerr_overflow, stage_valid_q && valid_kept)
  `SIOV_COVER(c_dev_irq_stall, dev_irq_valid_o && !dev_irq_ready_i)
`endif

endmodule
