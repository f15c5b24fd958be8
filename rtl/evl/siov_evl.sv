// SPDX-License-Identifier: Apache-2.0
// Event log (dsa 2.11): takes the software errors of the engines and the queues and sends each to
// its place, the log in host memory or SWERROR.
//
// Codes 0x51..0x54 always go to SWERROR, everything else to the log while that is on. The two ways
// do not wait for each other. An entry is one 64-byte write; its source is answered when the write
// is ordered on the link, so nothing that the source does later (done, interrupt) passes it. A full
// log stops its sources (EvlOverflow = 0) or loses the event and reports 0x54 (EvlOverflow = 1).
// Halt and flush throw away what is not on the link; the write is a single beat, never half sent.
// Evl = 0: no log, everything goes to SWERROR, registers read 0.
// Latency: SWERROR 1 cycle; log 3 cycles to wr_valid_o, one entry every 4 cycles.

`include "siov_assert.svh"

module siov_evl #(
  parameter int unsigned NumEngines = 4,
  parameter bit Evl = 1'b1,                 /// build the log
  parameter bit EvlOverflow = 1'b0          /// GENCAP[32]: a full log drops instead of blocking
) (
  input  logic                                       clk_i,
  input  logic                                       rst_ni,
  input  logic                                       flr_i,
  input  logic                                       dev_rst_i,      /// Reset Device
  input  logic                                       halt_i,         /// level
  input  logic                                       flush_i,        /// pulse, FLR included
  input  logic                                       pasid_en_i,     /// PCI PASID enable
  // software errors: engines, then the queue block
  input  logic [NumEngines:0]                        swerr_valid_i,
  output logic [NumEngines:0]                        swerr_ready_o,
  input  logic [(NumEngines+1)*siov_pkg::SwerrW-1:0] swerr_i,
  // what SWERROR gets
  output logic                                       swerr_valid_o,
  input  logic                                       swerr_ready_i,
  output siov_pkg::swerr_t                           swerr_o,
  // registers and control
  input  logic [2:0]                                 evl_we_i,       /// one-hot: 0xE0, 0xE8, 0xF0
  input  logic [63:0]                                evl_mask_i,     /// bits that are written
  input  logic [63:0]                                evl_wdata_i,
  output logic [191:0]                               evl_img_o,      /// {0xF0, 0xE8, 0xE0}
  input  logic                                       evl_locked_i,   /// device not Disabled
  input  logic                                       evl_start_i,    /// Enable Device with the log on
  input  logic                                       evl_active_i,   /// the log is on
  output logic                                       evl_cfg_ok_o,   /// Enable Device may turn it on
  input  logic                                       int_en_i,       /// GENCTRL[2]
  output logic                                       evl_event_o,    /// pulse: INTCAUSE[5], vector 0
  // posted write
  output logic                                       wr_valid_o,
  input  logic                                       wr_ready_i,
  output logic                                       wr_sop_o,
  output logic                                       wr_eop_o,
  output siov_pkg::tx_req_t                          wr_req_o,
  output logic [511:0]                               wr_data_o
);

  localparam int unsigned N = NumEngines + 1;
  localparam int unsigned SwerrW = siov_pkg::SwerrW;

  logic         clear, reg_take, reg_any, lost, lost_take;
  logic [N-1:0] to_log, log_ack, reg_gnt;
  assign clear = halt_i || flush_i;

  // ------------------------------------------------------------ which way
  for (genvar i = 0; i < N; i++) begin : gen_way
    logic [7:0] code;
    assign code = swerr_i[i*SwerrW + siov_pkg::SwerrCodeLsb +: 8];
    assign to_log[i] = Evl && evl_active_i &&
                       (code < siov_abi_pkg::SwErrPciChanged || code > siov_abi_pkg::SwErrEvlAppend);
  end

  // ------------------------------------------------------------ to SWERROR
  logic [N:0]               reg_all_gnt;
  logic [$clog2(N+1)-1:0]   reg_idx;
  siov_pkg::swerr_t         reg_pick, reg_q;
  logic                     reg_valid_q;
  siov_rr_arb #(.N(N + 1)) u_reg_arb (
    .clk_i, .rst_ni, .req_i({lost, swerr_valid_i & ~to_log}), .take_i(reg_take),
    .any_o(reg_any), .gnt_o(reg_all_gnt), .idx_o(reg_idx)
  );
  assign reg_take = (!reg_valid_q || swerr_ready_i) && reg_any && !clear;
  assign reg_gnt = reg_all_gnt[N-1:0] & {N{reg_take}};
  assign lost_take = reg_all_gnt[N] && reg_take;

  always_comb begin
    reg_pick = '0;
    if (reg_all_gnt[N]) reg_pick.code = siov_abi_pkg::SwErrEvlAppend;
    else reg_pick = swerr_i[reg_idx*SwerrW +: SwerrW];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flr_i) reg_valid_q <= 1'b0;
    else if (!reg_valid_q || swerr_ready_i) reg_valid_q <= reg_take;
    if (reg_take) reg_q <= reg_pick;
  end
  assign swerr_valid_o = reg_valid_q;
  assign swerr_o = reg_q;
  assign swerr_ready_o = reg_gnt | log_ack;

  // ------------------------------------------------------------ to the log
  if (Evl) begin : gen_log
    siov_evl_log #(.N(N), .EvlOverflow(EvlOverflow)) u_log (
      .clk_i, .rst_ni, .flr_i, .dev_rst_i, .clear_i(clear), .pasid_en_i,
      .valid_i(swerr_valid_i & to_log), .ack_o(log_ack), .swerr_i, .lost_o(lost),
      .lost_take_i(lost_take), .evl_we_i, .evl_mask_i, .evl_wdata_i, .evl_img_o, .evl_locked_i,
      .evl_start_i, .evl_active_i, .evl_cfg_ok_o, .int_en_i, .evl_event_o, .wr_valid_o,
      .wr_ready_i, .wr_sop_o, .wr_eop_o, .wr_req_o, .wr_data_o
    );
  end else begin : gen_no_log
    logic unused;
    assign unused = &{1'b0, dev_rst_i, pasid_en_i, evl_we_i, evl_mask_i, evl_wdata_i, evl_locked_i,
                      evl_start_i, evl_active_i, int_en_i, wr_ready_i, EvlOverflow, lost_take};
    assign lost = 1'b0;
    assign log_ack = '0;
    assign evl_img_o = '0;
    assign evl_cfg_ok_o = 1'b1;
    assign evl_event_o = 1'b0;
    assign wr_valid_o = 1'b0;
    assign wr_sop_o = 1'b0;
    assign wr_eop_o = 1'b0;
    assign wr_req_o = '0;
    assign wr_data_o = '0;
  end

  // A source holds its error until it is answered, and is answered once for each.
  `SIOV_ASSERT(EvlAckWaits, clear || (swerr_ready_o & ~swerr_valid_i) == '0)
  `SIOV_ASSERT_HOLDS(EvlSwerrHolds, swerr_valid_o && !swerr_ready_i && !flr_i, 1'b0, swerr_valid_o, swerr_o)

endmodule
