// SPDX-License-Identifier: Apache-2.0
// The log itself: takes one software error at a time, writes it as an entry, answers its source.
//
//   StIdle take a source  StCheck room?  StSend entry to the link  StLost 0x54  StAck answer
//
// Registers and ring are in siov_evl_ring. What goes here and what to SWERROR: siov_evl.
// Latency: 2 cycles from a request to wr_valid_o; one entry every 4 cycles.

`include "siov_assert.svh"

module siov_evl_log #(
  parameter int unsigned N = 5,             /// sources
  parameter bit EvlOverflow = 1'b0          /// a full log drops instead of blocking
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic                          flr_i,
  input  logic                          dev_rst_i,      /// Reset Device
  input  logic                          clear_i,        /// throw away what is not on the link
  input  logic                          pasid_en_i,
  input  logic [N-1:0]                  valid_i,        /// errors for the log
  output logic [N-1:0]                  ack_o,          /// written, or lost
  input  logic [N*siov_pkg::SwerrW-1:0] swerr_i,
  output logic                          lost_o,         /// report 0x54
  input  logic                          lost_take_i,
  // as in siov_evl
  input  logic [2:0]                    evl_we_i,
  input  logic [63:0]                   evl_mask_i,
  input  logic [63:0]                   evl_wdata_i,
  output logic [191:0]                  evl_img_o,
  input  logic                          evl_locked_i,
  input  logic                          evl_start_i,
  input  logic                          evl_active_i,
  output logic                          evl_cfg_ok_o,
  input  logic                          int_en_i,
  output logic                          evl_event_o,
  output logic                          wr_valid_o,
  input  logic                          wr_ready_i,
  output logic                          wr_sop_o,
  output logic                          wr_eop_o,
  output siov_pkg::tx_req_t             wr_req_o,
  output logic [511:0]                  wr_data_o
);

  localparam int unsigned SwerrW = siov_pkg::SwerrW;

  typedef enum logic [2:0] {
    StIdle  = 3'd0,
    StCheck = 3'd1,
    StSend  = 3'd2,
    StLost  = 3'd3,
    StAck   = 3'd4
  } state_e;

  state_e               state_q, state_d;
  logic                 log_any, log_take, append, full, ring_pasid_valid, ring_priv;
  logic [N-1:0]         log_gnt, who_q;
  logic [$clog2(N)-1:0] log_idx;
  logic [63:0]          ring_addr;
  logic [19:0]          ring_pasid;
  siov_pkg::swerr_t     entry_q;
  siov_pkg::tx_req_t    req_q;
  logic [511:0]         data, data_q;

  siov_rr_arb #(.N(N)) u_log_arb (
    .clk_i, .rst_ni, .req_i(valid_i), .take_i(log_take), .any_o(log_any),
    .gnt_o(log_gnt), .idx_o(log_idx)
  );
  assign log_take = state_q == StIdle && log_any && !clear_i;

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:  if (log_any) state_d = StCheck;
      StCheck:
        if (!evl_active_i) state_d = StIdle;
        else if (!full) state_d = StSend;
        else if (EvlOverflow) state_d = StLost;
      StSend:  if (wr_ready_i) state_d = StAck;
      StLost:  if (lost_take_i) state_d = StAck;
      default: state_d = StIdle;       // StAck
    endcase
    if (clear_i) state_d = StIdle;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
    if (log_take) begin
      who_q <= log_gnt;
      entry_q <= swerr_i[log_idx*SwerrW +: SwerrW];
    end
  end
  assign lost_o = state_q == StLost;
  assign ack_o = (state_q == StAck) ? who_q : '0;
  assign append = wr_valid_o && wr_ready_i;

  // The entry: SWERROR without its valid and overflow bits, batch identifier, record.
  always_comb begin
    data = '0;
    data[siov_abi_pkg::SwerrorDescValidLsb] = entry_q.desc_valid;
    data[siov_abi_pkg::SwerrorWqValidLsb] = entry_q.wq_valid;
    data[siov_abi_pkg::SwerrorBatchLsb] = entry_q.batch;
    data[siov_abi_pkg::SwerrorWriteLsb] = entry_q.write;
    data[siov_abi_pkg::SwerrorPrivLsb] = entry_q.priv;
    data[7] = entry_q.info_valid;
    data[siov_abi_pkg::SwerrorErrorLsb +: 8] = entry_q.code;
    data[siov_abi_pkg::SwerrorWqLsb +: 8] = entry_q.wq;
    data[31:24] = entry_q.batch_id;
    data[siov_abi_pkg::SwerrorOpcodeLsb +: 8] = entry_q.opcode;
    data[siov_abi_pkg::SwerrorPasidLsb +: 20] = entry_q.pasid;
    data[siov_abi_pkg::SwerrorBatchIndexLsb +: 16] = entry_q.batch_index;
    if (entry_q.info_valid) data[127:96] = entry_q.info;
    data[siov_abi_pkg::SwerrorAddressLsb +: 64] = entry_q.addr;
    if (entry_q.cr_valid) data[511:256] = entry_q.cr;
  end
  always_ff @(posedge clk_i) begin
    if (state_q == StCheck) begin
      req_q <= '0;
      req_q.addr <= ring_addr;
      req_q.length <= 10'd16;
      req_q.first_be <= 4'hF;
      req_q.last_be <= 4'hF;
      req_q.pasid_valid <= ring_pasid_valid;
      req_q.pasid <= ring_pasid_valid ? ring_pasid : '0;
      req_q.priv <= ring_pasid_valid && ring_priv;
      data_q <= data;
    end
  end
  assign wr_valid_o = state_q == StSend && !clear_i;
  assign wr_sop_o = 1'b1;
  assign wr_eop_o = 1'b1;
  assign wr_req_o = req_q;
  assign wr_data_o = data_q;

  siov_evl_ring u_ring (
    .clk_i, .rst_ni, .flr_i, .dev_rst_i, .start_i(evl_start_i), .locked_i(evl_locked_i),
    .pasid_en_i, .int_en_i, .we_i(evl_we_i), .mask_i(evl_mask_i), .wdata_i(evl_wdata_i),
    .img_o(evl_img_o), .cfg_ok_o(evl_cfg_ok_o), .append_i(append), .full_o(full),
    .addr_o(ring_addr), .pasid_valid_o(ring_pasid_valid), .pasid_o(ring_pasid),
    .priv_o(ring_priv), .event_o(evl_event_o)
  );

  logic unused;
  assign unused = entry_q.evl;
  `SIOV_ASSERT_HOLDS(EvlWriteHolds, wr_valid_o && !wr_ready_i, clear_i, wr_valid_o, {wr_req_o, wr_data_o})
  `SIOV_COVER(EvlBlocked, state_q == StCheck && full)

endmodule
