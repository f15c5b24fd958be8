// SPDX-License-Identifier: Apache-2.0
// Work queues, dispatcher and the return path of finished descriptors. Wiring, plus one arbiter.

`include "siov_assert.svh"

module siov_queue #(
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4,
  parameter int unsigned WqEntries = 128
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  halt_i,          /// level: accept, dispatch nothing; forget all
  input  logic                                  flush_i,         /// pulse: forget all
  input  logic                                  portal_valid_i,
  input  siov_pkg::portal_t                     portal_i,
  input  logic [511:0]                          portal_data_i,
  output logic                                  portal_rsp_valid_o,
  output logic                                  portal_rsp_accept_o,
  input  logic [NumWq*siov_pkg::WqCfgW-1:0]     wq_cfg_i,
  input  logic [NumGroups*NumWq-1:0]            grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0]       grp_eng_i,
  input  logic [NumGroups*6-1:0]                grp_tc_i,
  input  logic [NumWq*siov_pkg::OpsW-1:0]       wq_ops_i,        /// operations that each queue may run
  input  logic                                  ats_en_i,        /// address translation services
  input  logic                                  pri_en_i,        /// page requests
  input  logic                                  drain_start_i,
  input  logic [NumWq-1:0]                      drain_mask_i,
  output logic [NumWq-1:0]                      drain_busy_o,
  input  logic [NumWq-1:0]                      discard_i,
  input  logic                                  discard_pasid_en_i,
  input  logic [19:0]                           discard_pasid_i,
  output logic [NumWq-1:0]                      epoch_o,         /// present generation of each queue
  output logic [NumWq*16-1:0]                   wq_occ_o,
  output logic                                  lk_valid_o,
  output logic                                  lk_ims_o,
  output logic [15:0]                           lk_handle_o,
  output logic                                  lk_pasid_en_o,
  output logic [19:0]                           lk_pasid_o,
  input  logic                                  lk_ok_i,
  output logic                                  swerr_valid_o,
  input  logic                                  swerr_ready_i,
  output siov_pkg::swerr_t                      swerr_o,
  output logic [NumEngines-1:0]                 disp_valid_o,
  input  logic [NumEngines-1:0]                 disp_ready_i,
  output logic [NumEngines*siov_pkg::DispW-1:0] disp_o,
  input  logic [NumEngines-1:0]                 done_valid_i,
  output logic [NumEngines-1:0]                 done_ready_o,
  input  logic [NumEngines*8-1:0]               done_wq_i,
  input  logic [NumEngines-1:0]                 done_epoch_i
);

  logic             clear;
  logic [NumWq-1:0] nonempty, epoch, idle;
  logic             rd_valid, rd_ims, rd_epoch, pop_valid, pop_drop, pop_epoch;
  logic [7:0]       rd_wq, pop_wq, acc_wq;
  logic [15:0]      rd_base, rd_size;
  logic             acc_valid, acc_epoch;
  logic [511:0]     rd_desc;
  assign clear = halt_i || flush_i;
  assign epoch_o = epoch;

  // One finished descriptor a cycle.
  logic                  done_any, done_ready;
  logic [NumEngines-1:0] grant;
  logic [((NumEngines > 1) ? $clog2(NumEngines) : 1)-1:0] done_idx;
  logic [7:0]            done_wq;
  logic                  done_epoch;
  siov_rr_arb #(.N(NumEngines)) u_done_arb (
    .clk_i(clk_i), .rst_ni(rst_ni), .req_i(done_valid_i), .take_i(done_ready), .any_o(done_any),
    .gnt_o(grant), .idx_o(done_idx)
  );
  assign done_wq = done_wq_i[8*done_idx +: 8];
  assign done_epoch = done_epoch_i[done_idx];
  assign done_ready_o = grant & {NumEngines{done_ready}};

  siov_wq #(.NumWq(NumWq), .WqEntries(WqEntries)) u_wq (
    .clk_i, .rst_ni, .clear_i(clear), .portal_valid_i, .portal_i, .portal_data_i,
    .portal_rsp_valid_o, .portal_rsp_accept_o, .wq_cfg_i, .wq_occ_o, .acc_valid_o(acc_valid),
    .acc_wq_o(acc_wq), .acc_epoch_i(acc_epoch), .nonempty_o(nonempty), .rd_valid_i(rd_valid),
    .rd_wq_i(rd_wq), .rd_base_i(rd_base), .rd_size_i(rd_size), .rd_desc_o(rd_desc),
    .rd_ims_o(rd_ims), .rd_epoch_o(rd_epoch), .pop_valid_i(pop_valid), .pop_wq_i(pop_wq),
    .swerr_valid_o, .swerr_ready_i, .swerr_o
  );

  siov_wq_track #(.NumWq(NumWq), .WqEntries(WqEntries)) u_track (
    .clk_i, .rst_ni, .clear_i(clear), .drain_start_i, .drain_mask_i, .drain_busy_o,
    .epoch_o(epoch), .idle_o(idle), .acc_valid_i(acc_valid), .acc_wq_i(acc_wq),
    .acc_epoch_o(acc_epoch), .pop_valid_i(pop_valid), .pop_wq_i(pop_wq), .pop_drop_i(pop_drop),
    .pop_epoch_i(pop_epoch), .done_valid_i(done_any), .done_ready_o(done_ready),
    .done_wq_i(done_wq), .done_epoch_i(done_epoch)
  );

  siov_dispatcher #(.NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines)) u_dispatcher (
    .clk_i, .rst_ni, .clear_i(clear), .wq_cfg_i, .grp_wq_i, .grp_eng_i, .grp_tc_i,
    .wq_ops_i, .ats_en_i, .pri_en_i, .discard_i, .discard_pasid_en_i, .discard_pasid_i,
    .nonempty_i(nonempty), .epoch_i(epoch), .idle_i(idle), .rd_valid_o(rd_valid),
    .rd_wq_o(rd_wq), .rd_base_o(rd_base), .rd_size_o(rd_size),
    .rd_desc_i(rd_desc), .rd_ims_i(rd_ims), .rd_epoch_i(rd_epoch),
    .pop_valid_o(pop_valid), .pop_wq_o(pop_wq), .pop_drop_o(pop_drop), .pop_epoch_o(pop_epoch),
    .lk_valid_o, .lk_ims_o, .lk_handle_o, .lk_pasid_en_o, .lk_pasid_o, .lk_ok_i,
    .disp_valid_o, .disp_ready_i, .disp_o
  );

endmodule
