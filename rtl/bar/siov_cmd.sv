// SPDX-License-Identifier: Apache-2.0
// Command engine: the states of the device and of its work queues, and commands 1 to 12.
//
// Every command that ends work follows one path: stop admission (Disable, Reset), start a drain
// generation in the masked queues (Abort and Reset also discard what waits), wait until the queue
// block reports nothing of it, change the states, then CMDSTATUS, then the interrupt. A CMD write
// while one is active is dropped and reported. A change of the PCI enables while the device is not
// Disabled halts it; so does halt_req_i. Queue masks are built one queue a cycle.
//
// Latency: CMDSTATUS.active 1 cycle after cmd_valid_i; a command without work about 10 cycles,
// Enable Device about 40. No combinational path crosses. Does not store the configuration
// (siov_wqcfg, siov_grpcfg).
// @spec dsa 3, 6, 1.4 (Halt)

`include "siov_assert.svh"

module siov_cmd #(
  /// Work queues, groups, engines, shared queue entries, read buffers.
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4,
  parameter int unsigned WqEntries = 128,
  parameter int unsigned ReadBuffers = 96
) (
  input  logic clk_i,
  input  logic rst_ni,

  // configuration space
  input  logic bme_i,
  input  logic pasid_en_i,
  input  logic pasid_priv_en_i,
  /// Fatal internal error: Halt that Reset Device may leave.
  input  logic halt_req_i,

  // registers
  input  logic cmd_valid_i,
  input  logic [31:0] cmd_i,
  /// {reset type, state}
  output logic [3:0] gensts_o,
  output logic [31:0] cmdstatus_o,
  /// Pulse: a command that asked for an interrupt has ended.
  output logic cmd_done_o,
  /// Pulse: CMD written while a command was active.
  output logic cmd_drop_o,
  /// Pulse: PCI enables changed while the device was not Disabled.
  output logic cfg_change_o,
  /// Pulse: the device has entered Halt.
  output logic halt_evt_o,

  // configuration
  /// Pulse: everything to reset values.
  output logic dev_rst_o,
  /// Pulse: these queues to reset values, size excepted.
  output logic [NumWq-1:0] wq_rst_o,
  /// Fields that need a Disabled device are locked.
  output logic dev_locked_o,
  input  logic [NumWq*siov_pkg::WqCfgW-1:0] wq_cfg_i,
  input  logic [NumGroups*NumWq-1:0] grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0] grp_eng_i,
  input  logic [NumGroups-1:0] grp_beyond_i,
  input  logic [NumGroups*8-1:0] grp_rb_rsv_i,
  input  logic [NumGroups*8-1:0] grp_rb_alw_i,
  input  logic [NumGroups-1:0] grp_rb_glob_i,
  input  logic [7:0] rb_limit_i,

  // queue states
  output logic [NumWq-1:0] wq_accept_o,
  output logic [NumWq-1:0] wq_enabled_o,
  output logic [NumWq-1:0] wq_busy_o,
  output logic [NumWq*16-1:0] wq_base_o,

  // queue control
  output logic drain_start_o,
  output logic [NumWq-1:0] drain_mask_o,
  input  logic [NumWq-1:0] drain_busy_i,
  output logic [NumWq-1:0] discard_o,
  output logic discard_pasid_en_o,
  output logic [19:0] discard_pasid_o,
  output logic halt_o,
  output logic flush_o
);

  typedef enum logic [3:0] {
    StIdle   = 4'd0,   // waits for a command
    StDecode = 4'd1,   // checks that need no walk
    StScan   = 4'd2,   // waits for the verdict on the configuration (Enable Device)
    StPick   = 4'd3,   // walks over the queues: which ones the command means
    StStop   = 4'd4,   // lets admissions of the stopped queues reach the counters
    StDrain  = 4'd5,   // one cycle: starts the drain generation
    StWait   = 4'd6,   // waits until nothing of it is left
    StApply  = 4'd7,   // one cycle: new states and resets
    StFinish = 4'd8    // one cycle: CMDSTATUS and the interrupt
  } state_e;

  // Largest batch a queue may be set to, log2 (GENCAP).
  localparam logic [3:0] MaxBatchLog2 = 4'd10;
  // Cycles from the closing of a queue to the drain, and from the drain to a valid drain_busy_i.
  localparam logic [2:0] StopCycles = 3'd6;
  localparam logic [2:0] SettleCycles = 3'd4;

  state_e             state_q, state_d;
  logic [4:0]         code_q;
  logic [19:0]        operand_q;
  logic               want_int_q;
  logic [5:0]         idx_q, idx_d;
  logic [2:0]         wait_q, wait_d;
  logic [7:0]         err_q, err_d;
  logic [NumWq-1:0]   mask_q, mask_d;
  logic [NumWq-1:0]   enabled_q, enabled_d, busy_q, busy_d;
  logic [1:0]         dev_q, dev_d;
  logic               rst_type_q, rst_type_d;      // 0 Reset Device leaves Halt, 1 only FLR does
  logic               from_halt_q, from_halt_d;
  logic               bme_q, pasid_en_q;
  logic               cmd_done_d, dev_rst_d, drain_d, flush_d, halt_evt_d, cfg_change, wq_rst_now;
  logic               cmd_done_q, cmd_drop_q, cfg_change_q, halt_evt_q, dev_rst_q, drain_q, flush_q;
  logic [NumWq-1:0]   wq_rst_q;

  // ------------------------------------------------------------ kinds of command
  logic is_wq_map, is_reset, is_abort, is_pasid, stops;

  // Commands 7 to 10.
  assign is_wq_map = (code_q >= siov_abi_pkg::CmdDisableWq) && (code_q <= siov_abi_pkg::CmdResetWq);
  assign is_reset = (code_q == siov_abi_pkg::CmdResetDevice) ||
      (code_q == siov_abi_pkg::CmdResetWq);
  assign is_abort = is_reset || (code_q == siov_abi_pkg::CmdAbortAll) ||
      (code_q == siov_abi_pkg::CmdAbortWq) || (code_q == siov_abi_pkg::CmdAbortPasid);
  assign is_pasid = (code_q == siov_abi_pkg::CmdDrainPasid) ||
      (code_q == siov_abi_pkg::CmdAbortPasid);
  assign stops = is_reset || (code_q == siov_abi_pkg::CmdDisableDevice) ||
      (code_q == siov_abi_pkg::CmdDisableWq);

  // Bitmap operand: 16 bits of queue group 19:16 (dsa 3.1).
  logic [255:0] map;
  assign map = 256'(operand_q[15:0]) << {operand_q[19:16], 4'b0000};

  // ------------------------------------------------------------ the queue that idx_q names
  siov_pkg::wq_cfg_t   cfg, each;
  logic                cfg_enabled, cfg_busy, pasid_hit, unused_cfg;
  logic [7:0]          wq_err;
  logic [NumWq*16-1:0] wq_size;

  always_comb begin
    cfg = '0;
    cfg_enabled = 1'b0;
    cfg_busy = 1'b0;
    wq_size = '0;
    each = '0;
    for (int unsigned w = 0; w < NumWq; w++) begin
      each = wq_cfg_i[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW];
      wq_size[16*w +: 16] = each.size;
      if (idx_q == 6'(w)) begin
        cfg = wq_cfg_i[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW];
        cfg_enabled = enabled_q[w];
        cfg_busy = busy_q[w];
      end
    end
  end
  assign unused_cfg = ^{cfg, each};
  // Shared queues may hold anybody's work.
  assign pasid_hit = !cfg.dedicated || (cfg.pasid_en && (cfg.pasid == operand_q));

  always_comb begin
    wq_err = siov_abi_pkg::CmdErrNone;
    if (cfg_enabled || cfg_busy) wq_err = siov_abi_pkg::CmdErrWqNotDisabled;
    else if (cfg.size == '0) wq_err = siov_abi_pkg::CmdErrWqSize;
    else if (cfg.prio == '0) wq_err = siov_abi_pkg::CmdErrWqPriority;
    else if (cfg.bof_en) wq_err = siov_abi_pkg::CmdErrWqBof;   // GENCAP bit 0 is 0
    else if (cfg.pasid_en ? !pasid_en_i : !cfg.dedicated) wq_err = siov_abi_pkg::CmdErrWqPasid;
    else if (cfg.max_batch > MaxBatchLog2) wq_err = siov_abi_pkg::CmdErrWqMaxBatch;
    else if (cfg.priv && cfg.dedicated && cfg.pasid_en && !pasid_priv_en_i)
      wq_err = siov_abi_pkg::CmdErrWqPriv;
  end

  // ------------------------------------------------------------ configuration check
  logic       scan_start, scan_done;
  logic [7:0] scan_err;

  siov_enable_scan #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers)
  ) u_scan (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .start_i(scan_start), .done_o(scan_done), .err_o(scan_err), .wq_base_o(wq_base_o),
    .wq_size_i(wq_size), .grp_wq_i(grp_wq_i), .grp_eng_i(grp_eng_i), .grp_beyond_i(grp_beyond_i),
    .grp_rb_rsv_i(grp_rb_rsv_i), .grp_rb_alw_i(grp_rb_alw_i), .grp_rb_glob_i(grp_rb_glob_i),
    .rb_limit_i(rb_limit_i)
  );

  // ------------------------------------------------------------ halt
  logic halting;
  assign cfg_change = ((bme_i != bme_q) || (pasid_en_i != pasid_en_q)) &&
                      (dev_q != siov_abi_pkg::GenstsDisabled) &&
                      !((dev_q == siov_abi_pkg::GenstsHalt) && rst_type_q);
  assign halting = cfg_change || (halt_req_i && (dev_q != siov_abi_pkg::GenstsHalt));

  // ------------------------------------------------------------ state machine
  logic active;
  assign active = state_q != StIdle;
  always_comb begin
    state_d = state_q;
    idx_d = idx_q;
    wait_d = wait_q;
    err_d = err_q;
    mask_d = mask_q;
    enabled_d = enabled_q;
    busy_d = busy_q;
    dev_d = dev_q;
    rst_type_d = rst_type_q;
    from_halt_d = from_halt_q;
    cmd_done_d = 1'b0;
    dev_rst_d = 1'b0;
    wq_rst_now = 1'b0;
    drain_d = 1'b0;
    flush_d = 1'b0;
    halt_evt_d = 1'b0;
    scan_start = 1'b0;

    unique case (state_q)
      StIdle: begin
        mask_d = '0;
        wait_d = '0;
        if (cmd_valid_i) begin
          state_d = StDecode;
          err_d = siov_abi_pkg::CmdErrNone;
        end
      end

      StDecode: begin
        idx_d = '0;
        state_d = StFinish;
        if ((code_q == 5'd0) || (code_q > siov_abi_pkg::CmdAbortPasid)) begin
          err_d = siov_abi_pkg::CmdErrUnsupported;
        end else if ((dev_q == siov_abi_pkg::GenstsHalt) &&
                     ((code_q != siov_abi_pkg::CmdResetDevice) || rst_type_q)) begin
          err_d = siov_abi_pkg::CmdErrHalted;
        end else if (code_q == siov_abi_pkg::CmdEnableDevice) begin
          if (dev_q != siov_abi_pkg::GenstsDisabled) begin
            err_d = siov_abi_pkg::CmdErrDevNotDisabled;
          end else if (!bme_i) begin
            err_d = siov_abi_pkg::CmdErrBusMaster;
          end else begin
            scan_start = 1'b1;
            state_d = StScan;
          end
        end else if (code_q == siov_abi_pkg::CmdDisableDevice) begin
          if (dev_q != siov_abi_pkg::GenstsEnabled) begin
            err_d = siov_abi_pkg::CmdErrDisableNotEnabled;
          end else begin
            dev_d = siov_abi_pkg::GenstsDraining;
            state_d = StPick;
          end
        end else if (code_q == siov_abi_pkg::CmdResetDevice) begin
          from_halt_d = (dev_q == siov_abi_pkg::GenstsHalt);
          flush_d = (dev_q == siov_abi_pkg::GenstsHalt);
          dev_d = siov_abi_pkg::GenstsDraining;
          state_d = StPick;
        end else if (code_q == siov_abi_pkg::CmdEnableWq) begin
          if (operand_q[19:8] != '0) begin
            err_d = siov_abi_pkg::CmdErrReservedOperand;
          end else if (operand_q[7:0] >= 8'(NumWq)) begin
            err_d = siov_abi_pkg::CmdErrWqIndex;
          end else if (dev_q != siov_abi_pkg::GenstsEnabled) begin
            err_d = siov_abi_pkg::CmdErrDevNotEnabled;
          end else begin
            idx_d = operand_q[5:0];
            state_d = StPick;
          end
        end else if (is_wq_map && (map[255:NumWq] != '0)) begin
          err_d = siov_abi_pkg::CmdErrWqIndex;
        end else begin
          state_d = StPick;
        end
      end

      StScan: begin
        if (scan_done) begin
          state_d = StFinish;
          err_d = scan_err;
          if (!bme_i) err_d = siov_abi_pkg::CmdErrBusMaster;
          if (bme_i && (scan_err == siov_abi_pkg::CmdErrNone)) dev_d = siov_abi_pkg::GenstsEnabled;
        end
      end

      StPick: begin
        idx_d = idx_q + 6'd1;
        if (code_q == siov_abi_pkg::CmdEnableWq) begin
          state_d = StFinish;
          err_d = wq_err;
          for (int unsigned w = 0; w < NumWq; w++) begin
            if ((idx_q == 6'(w)) && (wq_err == siov_abi_pkg::CmdErrNone)) enabled_d[w] = 1'b1;
          end
        end else begin
          for (int unsigned w = 0; w < NumWq; w++) begin
            if (idx_q == 6'(w)) begin
              if (is_pasid) mask_d[w] = cfg_enabled && pasid_hit;
              else if (is_wq_map) mask_d[w] = map[w];
              else mask_d[w] = 1'b1;
              if (is_wq_map && !is_reset && map[w] &&
                  !cfg_enabled) err_d = siov_abi_pkg::CmdErrWqNotEnabled;
            end
          end
          if (idx_q == 6'(NumWq - 1)) begin
            state_d = (err_d != siov_abi_pkg::CmdErrNone) ? StFinish : stops ? StStop : StDrain;
          end
        end
      end

      StStop: begin
        wait_d = wait_q + 3'd1;
        busy_d = busy_q | (enabled_q & mask_q);
        enabled_d = enabled_q & ~mask_q;
        if (wait_q == StopCycles) state_d = StDrain;
      end

      StDrain: begin
        drain_d = 1'b1;
        wait_d = '0;
        state_d = StWait;
      end

      StWait: begin
        if (wait_q != SettleCycles) wait_d = wait_q + 3'd1;
        else if ((drain_busy_i & mask_q) == '0) state_d = StApply;
      end

      StApply: begin
        state_d = StFinish;
        if (stops) busy_d = busy_q & ~mask_q;
        if (code_q == siov_abi_pkg::CmdResetWq) wq_rst_now = 1'b1;
        if (code_q == siov_abi_pkg::CmdDisableDevice) dev_d = siov_abi_pkg::GenstsDisabled;
        if (code_q == siov_abi_pkg::CmdResetDevice) begin
          dev_rst_d = 1'b1;
          from_halt_d = 1'b0;
          dev_d = siov_abi_pkg::GenstsDisabled;
        end
      end

      StFinish: begin
        // One cycle for the resets to take effect, then the status.
        cmd_done_d = want_int_q;
        state_d = StIdle;
      end

      default: state_d = StIdle;
    endcase

    // Halt wins over whatever a command does; the command ends with an error.
    if (halting) begin
      dev_d = siov_abi_pkg::GenstsHalt;
      rst_type_d = cfg_change;
      from_halt_d = 1'b0;
      halt_evt_d = (dev_q != siov_abi_pkg::GenstsHalt);
      if (active && (state_q != StFinish)) begin
        state_d = StFinish;
        err_d = siov_abi_pkg::CmdErrHalted;
        dev_rst_d = 1'b0;
        wq_rst_now = 1'b0;
        drain_d = 1'b0;
        flush_d = 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      err_q <= siov_abi_pkg::CmdErrNone;
      mask_q <= '0;
      enabled_q <= '0;
      busy_q <= '0;
      dev_q <= siov_abi_pkg::GenstsDisabled;
      rst_type_q <= 1'b0;
      from_halt_q <= 1'b0;
      want_int_q <= 1'b0;
      code_q <= '0;
      cmd_done_q <= 1'b0;
      cmd_drop_q <= 1'b0;
      cfg_change_q <= 1'b0;
      halt_evt_q <= 1'b0;
      dev_rst_q <= 1'b0;
      wq_rst_q <= '0;
      drain_q <= 1'b0;
      flush_q <= 1'b1;
    end else begin
      state_q <= state_d;
      err_q <= err_d;
      mask_q <= mask_d;
      enabled_q <= enabled_d;
      busy_q <= busy_d;
      dev_q <= dev_d;
      rst_type_q <= rst_type_d;
      from_halt_q <= from_halt_d;
      cmd_done_q <= cmd_done_d;
      cmd_drop_q <= cmd_valid_i && active;
      cfg_change_q <= cfg_change;
      halt_evt_q <= halt_evt_d;
      dev_rst_q <= dev_rst_d;
      wq_rst_q <= wq_rst_now ? mask_q : '0;
      drain_q <= drain_d;
      flush_q <= flush_d;
      if (cmd_valid_i && !active) begin
        code_q <= cmd_i[siov_abi_pkg::CmdCodeLsb +: 5];
        want_int_q <= cmd_i[siov_abi_pkg::CmdRequestIntLsb];
      end
    end
    if (cmd_valid_i && !active) operand_q <= cmd_i[siov_abi_pkg::CmdOperandLsb +: 20];
    idx_q <= idx_d;
    wait_q <= wait_d;
    bme_q <= bme_i;
    pasid_en_q <= pasid_en_i;
  end

  logic unused_cmd;
  assign unused_cmd = ^cmd_i[30:25];   // reserved

  // ------------------------------------------------------------ outputs
  assign gensts_o = {1'b0, rst_type_q && (dev_q == siov_abi_pkg::GenstsHalt), dev_q};
  assign cmdstatus_o = active ? (32'd1 << siov_abi_pkg::CmdstatusActiveLsb) : 32'(err_q);
  assign cmd_done_o = cmd_done_q;
  assign cmd_drop_o = cmd_drop_q;
  assign cfg_change_o = cfg_change_q;
  assign halt_evt_o = halt_evt_q;
  assign dev_rst_o = dev_rst_q;
  assign wq_rst_o = wq_rst_q;
  assign dev_locked_o = (dev_q != siov_abi_pkg::GenstsDisabled) ||
                        (active && (code_q == siov_abi_pkg::CmdEnableDevice));
  assign wq_accept_o = (dev_q == siov_abi_pkg::GenstsEnabled) ? enabled_q : '0;
  assign wq_enabled_o = enabled_q;
  assign wq_busy_o = busy_q;
  assign drain_start_o = drain_q;
  assign drain_mask_o = mask_q;
  assign discard_o = (is_abort && (state_q == StWait)) ? mask_q : '0;
  assign discard_pasid_en_o = is_pasid;
  assign discard_pasid_o = operand_q;
  assign halt_o = (dev_q == siov_abi_pkg::GenstsHalt) || from_halt_q;
  assign flush_o = flush_q;

`ifndef SYNTHESIS
  // dsa 3.2: admission has ended before a drain that stops queues starts, and no reset happens
  // without a quiet device.
  `SIOV_ASSERT(a_stopped, (drain_start_o && stops) |-> ((wq_accept_o & mask_q) == '0))
  `SIOV_ASSERT(a_reset_quiet, dev_rst_o |-> (enabled_q == '0 && busy_q == '0))
  // The status stands before the interrupt is asked for.
  `SIOV_ASSERT(a_done_idle, cmd_done_o |-> !active)
  `SIOV_ASSERT(a_halt_sticky, (gensts_o == 4'h7) |=> (gensts_o == 4'h7))
  `SIOV_COVER(c_drop, cmd_drop_o)
  `SIOV_COVER(c_halt_active, halting && active)
`endif

endmodule
