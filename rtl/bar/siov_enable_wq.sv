// SPDX-License-Identifier: Apache-2.0
// Checks one queue for Enable WQ: reads its configuration, asks for the permission of its occupancy
// interrupt handle, and reports the lowest error code that applies.
//
// The configuration must not change meanwhile (siov_wqcfg locks a queue that is being checked).
// The handle is asked for also while its interrupt is off, for it may be turned on later; it
// is no error then. Does not look at the device state, nor change the state of the queue.
//
// Latency: done_o 6 cycles after start_i, with occupancy interrupts 7 and the answer's own. No
// combinational path crosses.
// @spec dsa 3.3 codes 0x21 to 0x2d

module siov_enable_wq #(
  /// Operation masks and occupancy interrupts exist.
  parameter bit Opcfg = 1'b1,
  /// Block on fault exists.
  parameter bit Ats = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,

  /// Pulse.
  input  logic start_i,
  /// The command has ended by itself (Halt).
  input  logic cancel_i,
  /// Pulse; err_o and occ_ok_o are valid with it.
  output logic done_o,
  output logic [7:0] err_o,
  output logic occ_ok_o,

  // configuration space
  input  logic pasid_en_i,
  input  logic pasid_priv_en_i,
  /// Page requests are on, and with them ATS.
  input  logic pri_en_i,

  // the queue: enabled or busy; its mask allows what OPCAP has not
  input  logic not_disabled_i,
  input  logic ops_bad_i,
  /// Look-up of its words 0 to 2, answered one cycle later.
  output logic [1:0] look_word_o,
  input  logic [63:0] look_data_i,

  // permission of the handle: stays until the answer
  output logic olk_valid_o,
  output logic olk_ims_o,
  output logic [15:0] olk_handle_o,
  output logic olk_pasid_en_o,
  output logic [19:0] olk_pasid_o,
  input  logic olk_rsp_valid_i,
  input  logic olk_ok_i
);

  typedef enum logic [1:0] {
    StIdle = 2'd0,   // waits for start_i
    StRead = 2'd1,   // word n is asked for in cycle n and answered in cycle n + 1
    StAsk  = 2'd2,   // waits for the permission
    StTell = 2'd3    // one cycle: the verdict
  } state_e;

  // Largest batch a queue may be set to, log2 (GENCAP).
  localparam logic [3:0] MaxBatchLog2 = 4'd10;

  state_e      state_q, state_d;
  logic [1:0]  word_q;
  logic        size_zero_q, occ_en_q, occ_ims_q, occ_ok_q;
  logic [15:0] occ_handle_q;
  logic        dedicated_q, bof_q, no_prs_q, pasid_en_q, priv_q, prio_zero_q, batch_big_q;
  logic [19:0] pasid_q;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle: if (start_i) state_d = StRead;
      StRead: if (word_q == 2'd3) state_d = Opcfg ? StAsk : StTell;
      StAsk: if (olk_rsp_valid_i) state_d = StTell;
      default: state_d = StIdle;  // StTell
    endcase
    if (cancel_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
    word_q <= (state_q == StRead) ? word_q + 2'd1 : '0;
    if (state_q == StRead) begin
      unique case (word_q)
        2'd1: size_zero_q <= look_data_i[siov_abi_pkg::WqcfgSizeLsb +: 16] == '0;
        2'd2: begin
          dedicated_q <= look_data_i[siov_abi_pkg::WqcfgDedicatedLsb - 64];
          bof_q <= look_data_i[siov_abi_pkg::WqcfgBofEnLsb - 64];
          no_prs_q <= look_data_i[siov_abi_pkg::WqcfgPrsDisableLsb - 64] ||
                      look_data_i[siov_abi_pkg::WqcfgAtsDisableLsb - 64];
          prio_zero_q <= look_data_i[siov_abi_pkg::WqcfgPriorityLsb - 64 +: 4] == '0;
          pasid_q <= look_data_i[siov_abi_pkg::WqcfgPasidLsb - 64 +: 20];
          pasid_en_q <= look_data_i[siov_abi_pkg::WqcfgPasidEnLsb - 64];
          priv_q <= look_data_i[siov_abi_pkg::WqcfgPrivLsb - 64];
          batch_big_q <= look_data_i[siov_abi_pkg::WqcfgMaxBatchLsb - 64 +: 4] > MaxBatchLog2;
        end
        2'd3: begin
          occ_handle_q <= look_data_i[siov_abi_pkg::WqcfgOccIntHandleLsb - 128 +: 16];
          occ_ims_q <= look_data_i[siov_abi_pkg::WqcfgOccIntImsLsb - 128];
          occ_en_q <= Opcfg && look_data_i[siov_abi_pkg::WqcfgOccIntEnLsb - 128];
        end
        default: ;
      endcase
    end
    if (olk_valid_o) occ_ok_q <= olk_ok_i;
  end

  always_comb begin
    err_o = siov_abi_pkg::CmdErrNone;
    if (not_disabled_i) err_o = siov_abi_pkg::CmdErrWqNotDisabled;
    else if (size_zero_q) err_o = siov_abi_pkg::CmdErrWqSize;
    else if (prio_zero_q) err_o = siov_abi_pkg::CmdErrWqPriority;
    else if (bof_q && (!Ats || !pri_en_i || no_prs_q)) err_o = siov_abi_pkg::CmdErrWqBof;
    else if (pasid_en_q ? !pasid_en_i : !dedicated_q) err_o = siov_abi_pkg::CmdErrWqPasid;
    else if (batch_big_q) err_o = siov_abi_pkg::CmdErrWqMaxBatch;
    else if (priv_q && dedicated_q && pasid_en_q && !pasid_priv_en_i)
      err_o = siov_abi_pkg::CmdErrWqPriv;
    else if (occ_en_q && !occ_ok_q) err_o = siov_abi_pkg::CmdErrWqOccInt;
    else if (ops_bad_i) err_o = siov_abi_pkg::CmdErrWqOpcfg;
  end

  logic unused_look;
  assign unused_look = ^look_data_i;

  assign done_o = (state_q == StTell);
  assign occ_ok_o = occ_ok_q;
  assign look_word_o = word_q;
  assign olk_valid_o = (state_q == StAsk);
  assign olk_ims_o = occ_ims_q;
  assign olk_handle_o = occ_handle_q;
  assign olk_pasid_en_o = pasid_en_q;
  assign olk_pasid_o = pasid_q;

endmodule
