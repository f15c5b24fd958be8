// SPDX-License-Identifier: Apache-2.0
// Takes descriptors from the queues to the engines: choose, read, look up the interrupt handle,
// deliver.
//
//   B  choose a queue (siov_wq_arb)    C1 its configuration, address of its head
//   D1 entry there: choose an engine and pop, drop (abort) or leave it (a drain waits)
//   D2, D3 permission look-up of the interrupt handle (dsa 2.10)    D4 into the engine's slot
//
// One descriptor a cycle from different queues; one queue is in B..D1 once at a time, so it
// delivers at most every third cycle.
// A drain descriptor (opcode 02) leaves its queue only when nothing of that queue is in an engine;
// being first in first out, everything before it has then finished and everything after it still
// waits (dsa 5.6). An abort of one PASID (D-46) drops its entries as they reach the head, those of
// other PASIDs go on to the engines meanwhile.

`include "siov_assert.svh"

module siov_dispatcher #(
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  clear_i,
  input  logic [NumWq*siov_pkg::WqCfgW-1:0]     wq_cfg_i,
  input  logic [NumGroups*NumWq-1:0]            grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0]       grp_eng_i,
  input  logic [NumGroups*6-1:0]                grp_tc_i,
  input  logic [NumWq*siov_pkg::OpsW-1:0]       wq_ops_i,      /// operations that each queue may run
  input  logic                                  ats_en_i,      /// address translation services
  input  logic                                  pri_en_i,      /// page requests
  input  logic [NumWq-1:0]                      discard_i,
  input  logic                                  discard_pasid_en_i,
  input  logic [19:0]                           discard_pasid_i,
  // storage
  input  logic [NumWq-1:0]                      nonempty_i,
  input  logic [NumWq-1:0]                      epoch_i,
  input  logic [NumWq-1:0]                      idle_i,
  output logic                                  rd_valid_o,
  output logic [7:0]                            rd_wq_o,
  output logic [15:0]                           rd_base_o,
  output logic [15:0]                           rd_size_o,
  input  logic [511:0]                          rd_desc_i,
  input  logic                                  rd_ims_i,
  input  logic                                  rd_epoch_i,
  output logic                                  pop_valid_o,
  output logic [7:0]                            pop_wq_o,
  output logic                                  pop_drop_o,
  output logic                                  pop_epoch_o,
  // interrupt permission look-up
  output logic                                  lk_valid_o,
  output logic                                  lk_ims_o,
  output logic [15:0]                           lk_handle_o,
  output logic                                  lk_pasid_en_o,
  output logic [19:0]                           lk_pasid_o,
  input  logic                                  lk_ok_i,
  // engines
  output logic [NumEngines-1:0]                 disp_valid_o,
  input  logic [NumEngines-1:0]                 disp_ready_i,
  output logic [NumEngines*siov_pkg::DispW-1:0] disp_o
);

  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1;
  localparam int unsigned Slots = 5;        // descriptors on their way to an engine
  localparam int unsigned SlotsW = 3;

  // ------------------------------------------------------------ B and C1: queue
  logic                  c1_valid, d1_valid_q;
  logic [7:0]            c1_wq, d1_wq_q;
  logic [IdxW-1:0]       c1_idx, d1_idx;
  logic [NumGroups-1:0]  c1_grp;
  logic [NumEngines-1:0] c1_eng, d1_eng_q, eng_low;
  logic [NumWq-1:0]      pipe, blocked, drain_wait_q;
  logic [5:0]            c1_tc, d1_tc_q;
  siov_pkg::wq_cfg_t     c1_cfg, d1_cfg_q;
  logic [siov_pkg::OpsW-1:0] c1_ops, d1_ops_q;

  logic [NumWq*4-1:0] prio;
  for (genvar w = 0; w < NumWq; w++) begin : gen_prio
    assign prio[w*4 +: 4] = wq_cfg_i[w*siov_pkg::WqCfgW + siov_pkg::WqCfgPrioLsb +: 4];
  end
  siov_wq_arb #(.NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines)) u_arb (
    .clk_i, .rst_ni, .stop_i(clear_i), .prio_i(prio), .grp_wq_i, .grp_eng_i, .nonempty_i,
    .blocked_i(blocked), .pipe_i(pipe), .eng_room_i(eng_low), .sel_valid_o(c1_valid),
    .sel_wq_o(c1_wq), .sel_grp_o(c1_grp), .sel_eng_o(c1_eng)
  );
  assign c1_idx = c1_wq[IdxW-1:0];
  assign d1_idx = d1_wq_q[IdxW-1:0];
  siov_pick #(.N(NumWq), .W(siov_pkg::WqCfgW)) u_cfg (
    .v_i(wq_cfg_i), .idx_i(c1_idx), .o(c1_cfg)
  );
  siov_pick #(.N(NumWq), .W(siov_pkg::OpsW)) u_ops (.v_i(wq_ops_i), .idx_i(c1_idx), .o(c1_ops));
  always_comb begin
    c1_tc = '0;
    for (int unsigned g = 0; g < NumGroups; g++)
      c1_tc = c1_tc | (grp_tc_i[g*6 +: 6] & {6{c1_grp[g]}});
  end
  assign rd_valid_o = c1_valid;
  assign rd_wq_o = c1_wq;
  assign rd_base_o = c1_cfg.base;
  assign rd_size_o = c1_cfg.size;

  // ------------------------------------------------------------ D1: entry is there
  logic        d1_drain, d1_wait, d1_drop, d1_go, d1_has_pasid;
  logic [19:0] d1_pasid;
  always_comb begin
    d1_has_pasid = !d1_cfg_q.dedicated || d1_cfg_q.pasid_en;
    d1_pasid = d1_cfg_q.dedicated ? d1_cfg_q.pasid : rd_desc_i[siov_abi_pkg::DescPasidLsb +: 20];
    d1_drain = rd_desc_i[siov_abi_pkg::DescOpcodeLsb +: 8] == siov_abi_pkg::OpDrain;
    d1_drop = d1_valid_q && discard_i[d1_idx] && rd_epoch_i != epoch_i[d1_idx] &&
              (!discard_pasid_en_i || (d1_has_pasid && d1_pasid == discard_pasid_i));
    d1_wait = d1_valid_q && !d1_drop && d1_drain && !idle_i[d1_idx];
    d1_go = d1_valid_q && !d1_drop && !d1_wait;
  end
  assign pop_valid_o = d1_go || d1_drop;
  assign pop_wq_o = d1_wq_q;
  assign pop_drop_o = d1_drop;
  assign pop_epoch_o = rd_epoch_i;

  // Not selectable: on its way to D1, or its head is a drain that still waits.
  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++)
      pipe[w] = (c1_valid && c1_wq == 8'(w)) || (d1_valid_q && d1_wq_q == 8'(w));
    blocked = drain_wait_q & ~idle_i & ~discard_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) drain_wait_q <= '0;
    else if (d1_valid_q) drain_wait_q[d1_idx] <= d1_wait;
  end

  // The engine: one with little on its way if there is any, in turn.
  logic [NumEngines-1:0] eng_room, d1_cand, d1_eng;
  logic                  d1_any;
  logic [((NumEngines > 1) ? $clog2(NumEngines) : 1)-1:0] d1_eng_idx;
  assign d1_cand = (|(d1_eng_q & eng_low)) ? (d1_eng_q & eng_low) : (d1_eng_q & eng_room);
  siov_rr_arb #(.N(NumEngines)) u_eng_arb (
    .clk_i, .rst_ni, .req_i(d1_cand), .take_i(d1_go), .any_o(d1_any), .gnt_o(d1_eng),
    .idx_o(d1_eng_idx)
  );
  logic unused;
  assign unused = &{1'b0, d1_eng_idx, d1_cfg_q};
  `SIOV_ASSERT_IF(DispEngineRoom, d1_go, d1_any)

  // ------------------------------------------------------------ D2..D4: look-up beside the
  // descriptor
  logic [2:0]                    p_valid_q;   // D2, D3, D4
  logic [3*NumEngines-1:0]       p_eng_q;
  siov_pkg::disp_t               d2_q, d3_q, d4_q;
  logic                          lk_pasid_en_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      d1_valid_q <= 1'b0;
      p_valid_q <= '0;
    end else begin
      d1_valid_q <= c1_valid;
      p_valid_q <= {p_valid_q[1:0], d1_go};
    end
    if (c1_valid) begin
      d1_wq_q <= c1_wq;
      d1_eng_q <= c1_eng;
      d1_tc_q <= c1_tc;
      d1_cfg_q <= c1_cfg;
      d1_ops_q <= c1_ops;
    end
    p_eng_q <= {p_eng_q[2*NumEngines-1:0], d1_eng};
    if (d1_go) begin
      d2_q.desc <= rd_desc_i;
      d2_q.wq <= d1_wq_q;
      d2_q.epoch <= rd_epoch_i;
      d2_q.ims <= rd_ims_i;
      d2_q.dedicated <= d1_cfg_q.dedicated;
      d2_q.bof_en <= d1_cfg_q.bof_en;
      d2_q.pasid_en <= d1_cfg_q.dedicated ? d1_cfg_q.pasid_en : 1'b1;
      d2_q.pasid <= d1_pasid;
      d2_q.priv <= d1_cfg_q.dedicated ? d1_cfg_q.priv : rd_desc_i[siov_abi_pkg::DescPrivLsb];
      d2_q.max_xfer <= d1_cfg_q.max_xfer;
      d2_q.max_batch <= d1_cfg_q.max_batch;
      d2_q.tc_a <= d1_tc_q[2:0];
      d2_q.tc_b <= d1_tc_q[5:3];
      d2_q.ats <= ats_en_i && !d1_cfg_q.ats_dis;
      d2_q.prs <= ats_en_i && pri_en_i && !d1_cfg_q.ats_dis && !d1_cfg_q.prs_dis;
      d2_q.handle_ok <= 1'b1;
      d2_q.ops <= d1_ops_q;
      lk_pasid_en_q <= d1_cfg_q.pasid_en;
    end
    if (p_valid_q[0]) d3_q <= d2_q;
    if (p_valid_q[1]) d4_q <= d3_q;
  end

  // The look-up is asked from D2; its answer is there two cycles later, in D4.
  assign lk_valid_o = p_valid_q[0];
  assign lk_ims_o = d2_q.ims;
  assign lk_handle_o = d2_q.desc[siov_abi_pkg::DescHandleLsb +: 16];
  assign lk_pasid_en_o = d2_q.dedicated ? lk_pasid_en_q : 1'b1;
  assign lk_pasid_o = d2_q.pasid;

  siov_pkg::disp_t d4;
  always_comb begin
    d4 = d4_q;
    d4.handle_ok = lk_ok_i;
  end

  // ------------------------------------------------------------ engine slots
  // reserved_q counts from D1 until the engine takes the descriptor. A queue is chosen only while an
  // engine of its group has fewer than two (eng_low); until the choice is in D1 up to three more
  // may have been reserved there, so the last one still finds a slot.
  for (genvar e = 0; e < NumEngines; e++) begin : gen_slot
    logic [SlotsW-1:0] reserved_q, slot_count;
    logic              push, pop, slot_ready;
    assign push = p_valid_q[2] && p_eng_q[2*NumEngines + e];
    assign pop = disp_valid_o[e] && disp_ready_i[e];
    siov_fifo #(.W(siov_pkg::DispW), .Depth(Slots)) u_slot (
      .clk_i, .rst_ni, .clear_i(clear_i),
      .wr_valid_i(push), .wr_ready_o(slot_ready), .wr_data_i(d4),
      .rd_valid_o(disp_valid_o[e]), .rd_ready_i(disp_ready_i[e]),
      .rd_data_o(disp_o[e*siov_pkg::DispW +: siov_pkg::DispW]), .count_o(slot_count)
    );
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) reserved_q <= '0;
      else reserved_q <= reserved_q + SlotsW'(d1_go && d1_eng[e]) - SlotsW'(pop);
    end
    assign eng_low[e] = reserved_q < SlotsW'(2);
    assign eng_room[e] = reserved_q < SlotsW'(Slots);
    `SIOV_ASSERT_IF(DispSlotFree, push, slot_ready)
    `SIOV_ASSERT_NEXT(DispHolds, disp_valid_o[e] && !disp_ready_i[e] && !clear_i, clear_i || disp_valid_o[e])
  end

endmodule
