// SPDX-License-Identifier: Apache-2.0
// Command engine: the states of the device and of its work queues, and commands 1 to 14.
//
// Every command that ends work follows one path: stop admission (Disable, Reset), start a drain
// generation in the masked queues (Abort and Reset also discard what waits), wait until the queue
// block reports nothing of it, change the states, then CMDSTATUS, then the interrupt. A CMD write
// while one is active is dropped and reported. A change of the PCI enables (bus master, PASID, ATS, page
// requests) while the device is not Disabled halts it; so does halt_req_i. When work has been ended, cached
// translations are forgotten, and with ATS on the command waits until no request for one, and no page request,
// from before is unanswered (SIOV-D-41); siov_ats bounds that time.
//
// Latency: CMDSTATUS.active 1 cycle after cmd_valid_i; a command without work about 20
// cycles (PASID commands NumWq more), Enable Device about NumWq + 40. No combinational path crosses. Does not store the
// configuration (siov_wqcfg, siov_grpcfg) nor grants (siov_irq).
// @spec dsa 3, 6, 1.4 (Halt)

`include "siov_assert.svh"

module siov_cmd #(
  /// Work queues.
  parameter int unsigned NumWq = 8,
  /// Event log, commands 13 and 14 exist.
  parameter bit Evl = 1'b1,
  parameter bit CmdCap = 1'b0
) (
  input  logic clk_i,
  input  logic rst_ni,

  // configuration space
  input  logic bme_i,
  input  logic pasid_en_i,
  input  logic ats_en_i,
  /// Page requests are on, and with them ATS; their allocation is in range.
  input  logic pri_en_i,
  input  logic pri_alloc_ok_i,
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
  /// Enable WQ looks at this queue: its fields are locked.
  output logic [NumWq-1:0] wq_checked_o,

  // walks over the configuration (siov_cmd_check): pulses
  output logic check_cancel_o,
  output logic [19:0] operand_o,
  output logic scan_start_o,
  input  logic scan_done_i,
  input  logic [7:0] scan_err_i,
  output logic judge_start_o,
  input  logic judge_done_i,
  input  logic [7:0] judge_err_i,
  input  logic [NumWq-1:0] named_i,
  output logic pick_start_o,
  output logic by_map_o,
  output logic by_pasid_o,
  input  logic pick_done_i,
  input  logic [NumWq-1:0] pick_mask_i,
  input  logic pick_off_i,
  input  logic map_beyond_i,

  // event log
  /// GENCFG 13.
  input  logic evl_en_i,
  /// Its setup can be used.
  input  logic evl_cfg_ok_i,
  /// Pulse: the device is enabled with the log on.
  output logic evl_start_o,
  /// The device is not Disabled and was enabled with the log on.
  output logic evl_active_o,

  // grants of interrupt handles (operand_o): stays until acknowledged
  output logic gr_valid_o,
  output logic gr_release_o,
  input  logic gr_ack_i,
  input  logic gr_ok_i,

  // queue states
  output logic [NumWq-1:0] wq_accept_o,
  output logic [NumWq-1:0] wq_enabled_o,
  output logic [NumWq-1:0] wq_busy_o,

  // queue control
  output logic drain_start_o,
  output logic [NumWq-1:0] drain_mask_o,
  input  logic [NumWq-1:0] drain_busy_i,
  output logic [NumWq-1:0] discard_o,
  /// Pulse: work has ended; cached translations are to be forgotten.
  output logic xl_forget_o,
  /// A translation or page request from before the last pulse is unanswered; valid 2 cycles after it.
  input  logic forget_busy_i,
  output logic halt_o,
  output logic flush_o
);

  typedef enum logic [3:0] {
    StIdle   = 4'd0,   // waits for a command
    StDecode = 4'd1,   // checks that need no walk
    StScan   = 4'd2,   // waits for the verdict on the configuration (Enable Device)
    StPick   = 4'd3,   // waits for the queues that the command means
    StStop   = 4'd4,   // lets admissions of the stopped queues reach the counters
    StDrain  = 4'd5,   // one cycle: starts the drain generation
    StWait   = 4'd6,   // waits until nothing of it is left
    StApply  = 4'd7,   // one cycle: new states and resets
    StFinish = 4'd8,   // one cycle: CMDSTATUS and the interrupt
    StJudge  = 4'd9,   // waits for the verdict on a queue (Enable WQ)
    StGrant  = 4'd10,  // waits for the grant or release of a handle
    StForget = 4'd11   // waits until no translation of the ended work is under way
  } state_e;

  // Cycles from the closing of a queue to the drain, and from the drain to a valid drain_busy_i.
  localparam logic [2:0] StopCycles = 3'd6;
  localparam logic [2:0] SettleCycles = 3'd4;
  localparam logic [4:0] LastCommand = CmdCap ? siov_abi_pkg::CmdReleaseIntHandle :
                                                siov_abi_pkg::CmdAbortPasid;

  state_e             state_q, state_d;
  logic [4:0]         code_q;
  logic [19:0]        operand_q;
  logic               want_int_q;
  logic [2:0]         wait_q, wait_d;
  logic [7:0]         err_q, err_d;
  logic [15:0]        result_q, result_d;
  logic [NumWq-1:0]   mask_q, mask_d;
  logic [NumWq-1:0]   enabled_q, enabled_d, busy_q, busy_d;
  logic [1:0]         dev_q, dev_d;
  logic               rst_type_q, rst_type_d;      // 0 Reset Device leaves Halt, 1 only FLR does
  logic               from_halt_q, from_halt_d;
  logic [3:0]         enables, enables_q;
  logic               forget_d, forget_q;
  logic               cmd_done_d, dev_rst_d, drain_d, flush_d, halt_evt_d, cfg_change, wq_rst_now;
  logic               cmd_done_q, cmd_drop_q, cfg_change_q, halt_evt_q, dev_rst_q, drain_q, flush_q;
  logic               evl_start_d, evl_start_q, evl_active_q;
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

  // ------------------------------------------------------------ halt
  logic halting;
  assign enables = {bme_i, pasid_en_i, ats_en_i, pri_en_i};
  assign cfg_change = (enables != enables_q) &&
                      (dev_q != siov_abi_pkg::GenstsDisabled) &&
                      !((dev_q == siov_abi_pkg::GenstsHalt) && rst_type_q);
  assign halting = cfg_change || (halt_req_i && (dev_q != siov_abi_pkg::GenstsHalt));

  // ------------------------------------------------------------ state machine
  logic active;
  assign active = state_q != StIdle;
  always_comb begin
    state_d = state_q;
    wait_d = wait_q;
    err_d = err_q;
    result_d = result_q;
    mask_d = mask_q;
    enabled_d = enabled_q;
    busy_d = busy_q;
    dev_d = dev_q;
    rst_type_d = rst_type_q;
    from_halt_d = from_halt_q;
    {cmd_done_d, dev_rst_d, wq_rst_now, drain_d, flush_d, halt_evt_d, evl_start_d, forget_d} = '0;
    {scan_start_o, judge_start_o, pick_start_o} = '0;

    unique case (state_q)
      StIdle: begin
        mask_d = '0;
        wait_d = '0;
        if (cmd_valid_i) begin
          state_d = StDecode;
          err_d = siov_abi_pkg::CmdErrNone;
          result_d = '0;
        end
      end

      StDecode: begin
        state_d = StFinish;
        if ((code_q == 5'd0) || (code_q > LastCommand)) begin
          err_d = siov_abi_pkg::CmdErrUnsupported;
        end else if ((dev_q == siov_abi_pkg::GenstsHalt) &&
                     ((code_q != siov_abi_pkg::CmdResetDevice) || rst_type_q)) begin
          err_d = siov_abi_pkg::CmdErrHalted;
        end else if (code_q == siov_abi_pkg::CmdEnableDevice) begin
          if (dev_q != siov_abi_pkg::GenstsDisabled) begin
            err_d = siov_abi_pkg::CmdErrDevNotDisabled;
          end else if (!bme_i) begin
            err_d = siov_abi_pkg::CmdErrBusMaster;
          end else if (pri_en_i && !pri_alloc_ok_i) begin
            err_d = siov_abi_pkg::CmdErrPriAllocation;
          end else begin
            scan_start_o = 1'b1;
            state_d = StScan;
          end
        end else if (code_q == siov_abi_pkg::CmdDisableDevice) begin
          if (dev_q != siov_abi_pkg::GenstsEnabled) begin
            err_d = siov_abi_pkg::CmdErrDisableNotEnabled;
          end else begin
            // All queues: nothing to pick, and they show busy as soon as the device shows it.
            dev_d = siov_abi_pkg::GenstsDraining;
            mask_d = '1;
            state_d = StStop;
          end
        end else if (code_q == siov_abi_pkg::CmdResetDevice) begin
          from_halt_d = (dev_q == siov_abi_pkg::GenstsHalt);
          flush_d = (dev_q == siov_abi_pkg::GenstsHalt);
          dev_d = siov_abi_pkg::GenstsDraining;
          mask_d = '1;
          state_d = StStop;
        end else if (code_q == siov_abi_pkg::CmdEnableWq) begin
          if (operand_q[19:8] != '0) begin
            err_d = siov_abi_pkg::CmdErrReservedOperand;
          end else if (operand_q[7:0] >= 8'(NumWq)) begin
            err_d = siov_abi_pkg::CmdErrWqIndex;
          end else if (dev_q != siov_abi_pkg::GenstsEnabled) begin
            err_d = siov_abi_pkg::CmdErrDevNotEnabled;
          end else begin
            judge_start_o = 1'b1;
            state_d = StJudge;
          end
        end else if (code_q > siov_abi_pkg::CmdAbortPasid) begin
          if (operand_q[19:17] != '0) err_d = siov_abi_pkg::CmdErrReservedOperand;
          else state_d = StGrant;
        end else if (is_wq_map && map_beyond_i) begin
          err_d = siov_abi_pkg::CmdErrWqIndex;
        end else begin
          state_d = StPick;
        end
        pick_start_o = (state_d == StPick);
      end

      StScan: begin
        if (scan_done_i) begin
          state_d = StFinish;
          if (!bme_i) begin
            err_d = siov_abi_pkg::CmdErrBusMaster;
          end else if (scan_err_i != siov_abi_pkg::CmdErrNone) begin
            err_d = scan_err_i;
          end else if (Evl && evl_en_i && !evl_cfg_ok_i) begin
            err_d = siov_abi_pkg::CmdErrEvlConfig;
          end else begin
            dev_d = siov_abi_pkg::GenstsEnabled;
            evl_start_d = Evl && evl_en_i;
          end
        end
      end

      StPick: begin
        mask_d = pick_mask_i;
        if (pick_done_i) begin
          if (pick_off_i && !is_reset) err_d = siov_abi_pkg::CmdErrWqNotEnabled;
          state_d = (err_d != siov_abi_pkg::CmdErrNone) ? StFinish : stops ? StStop : StDrain;
        end
      end

      StJudge: begin
        if (judge_done_i) begin
          state_d = StFinish;
          err_d = judge_err_i;
          if (judge_err_i == siov_abi_pkg::CmdErrNone) enabled_d = enabled_q | named_i;
        end
      end

      StGrant: begin
        if (gr_ack_i) begin
          state_d = StFinish;
          if (!gr_ok_i) err_d = siov_abi_pkg::CmdErrIntIndex;
          else if (code_q == siov_abi_pkg::CmdRequestIntHandle) result_d = operand_q[15:0];
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
        else if ((drain_busy_i & mask_q) == '0) begin
          forget_d = stops || is_abort;
          wait_d = '0;
          state_d = (forget_d && (ats_en_i || forget_busy_i)) ? StForget : StApply;
        end
      end

      StForget: begin
        if (wait_q != SettleCycles) wait_d = wait_q + 3'd1;
        else if (!forget_busy_i) state_d = StApply;
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
      evl_start_d = 1'b0;
      rst_type_d = cfg_change;
      from_halt_d = 1'b0;
      halt_evt_d = (dev_q != siov_abi_pkg::GenstsHalt);
      if (active && (state_q != StFinish)) begin
        state_d = StFinish;
        err_d = siov_abi_pkg::CmdErrHalted;
        result_d = '0;
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
      result_q <= '0;
      {evl_start_q, evl_active_q, forget_q, cmd_done_q, cmd_drop_q} <= '0;
      {cfg_change_q, halt_evt_q, dev_rst_q, drain_q} <= '0;
      mask_q <= '0;
      enabled_q <= '0;
      busy_q <= '0;
      dev_q <= siov_abi_pkg::GenstsDisabled;
      rst_type_q <= 1'b0;
      from_halt_q <= 1'b0;
      want_int_q <= 1'b0;
      code_q <= '0;
      wq_rst_q <= '0;
      flush_q <= 1'b1;
    end else begin
      state_q <= state_d;
      err_q <= err_d;
      result_q <= result_d;
      evl_start_q <= evl_start_d;
      forget_q <= forget_d;
      evl_active_q <= (dev_d != siov_abi_pkg::GenstsDisabled) && (evl_start_d || evl_active_q);
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
    wait_q <= wait_d;
    enables_q <= enables;
  end

  logic unused_cmd;
  assign unused_cmd = ^cmd_i[30:25];   // reserved

  // ------------------------------------------------------------ outputs
  assign gensts_o = {1'b0, rst_type_q && (dev_q == siov_abi_pkg::GenstsHalt), dev_q};
  assign cmdstatus_o = {active, 7'b0, active ? 24'b0 : {result_q, err_q}};
  assign cmd_done_o = cmd_done_q;
  assign cmd_drop_o = cmd_drop_q;
  assign cfg_change_o = cfg_change_q;
  assign halt_evt_o = halt_evt_q;
  assign dev_rst_o = dev_rst_q;
  assign wq_rst_o = wq_rst_q;
  assign dev_locked_o = (dev_q != siov_abi_pkg::GenstsDisabled) ||
                        (active && (code_q == siov_abi_pkg::CmdEnableDevice));
  assign wq_checked_o = (active && (code_q == siov_abi_pkg::CmdEnableWq)) ? named_i : '0;
  assign check_cancel_o = (state_q == StFinish);
  assign operand_o = operand_q;
  assign by_map_o = is_wq_map;
  assign by_pasid_o = is_pasid;
  assign gr_valid_o = (state_q == StGrant);
  assign gr_release_o = (code_q == siov_abi_pkg::CmdReleaseIntHandle);
  assign evl_start_o = evl_start_q;
  assign evl_active_o = evl_active_q;
  assign wq_accept_o = (dev_q == siov_abi_pkg::GenstsEnabled) ? enabled_q : '0;
  assign wq_enabled_o = enabled_q;
  assign wq_busy_o = busy_q;
  assign drain_start_o = drain_q;
  assign drain_mask_o = mask_q;
  assign discard_o = (is_abort && (state_q == StWait)) ? mask_q : '0;
  assign halt_o = (dev_q == siov_abi_pkg::GenstsHalt) || from_halt_q;
  assign flush_o = flush_q;
  assign xl_forget_o = forget_q;

`ifndef SYNTHESIS
  // dsa 3.2: admission has ended before a drain that stops queues starts, and no reset happens
  // without a quiet device.
  `SIOV_ASSERT_IF(a_stopped, drain_start_o && stops, (wq_accept_o & mask_q) == '0)
  `SIOV_ASSERT_IF(a_reset_quiet, dev_rst_o, enabled_q == '0 && busy_q == '0)
  // The status stands before the interrupt is asked for.
  `SIOV_ASSERT_IF(a_done_idle, cmd_done_o, !active)
  // Translations are forgotten while the command that asks for it is still active, and then none is under way.
  `SIOV_ASSERT_IF(a_forget_active, xl_forget_o, active)
  `SIOV_ASSERT_IF(a_reset_forgot, dev_rst_o || (wq_rst_o != '0), !ats_en_i || !forget_busy_i)
  // The log begins with the device.
  `SIOV_ASSERT_IF(a_evl_start, evl_start_o, evl_active_o && (dev_q == siov_abi_pkg::GenstsEnabled))
  `SIOV_ASSERT_NEXT(a_halt_sticky, gensts_o == 4'h7, gensts_o == 4'h7)
  `SIOV_COVER(c_drop, cmd_drop_o)
  `SIOV_COVER(c_halt_active, halting && active)
`endif

endmodule
