// SPDX-License-Identifier: Apache-2.0
// Takes descriptors from the queues to the engines: choose, read, look up the interrupt handle,
// deliver.
//
//   D0 choose (siov_wq_arb), read storage   D1 entry there: pop, drop (abort) or put back
//   (drain waits)
//   D2, D3 permission look-up of the interrupt handle (dsa 2.10)   D4 into the engine's slot
//
// Different queues overlap; one queue is in D0..D1 once at a time, so it delivers at most every
// second cycle.
// A drain descriptor (opcode 02) leaves its queue only when nothing of that queue is in an
// engine; being first in first out,
// everything before it has then finished and everything after it still waits (dsa 5.6).

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
  input  logic [NumWq-1:0]                      discard_i,
  input  logic                                  discard_pasid_en_i,
  input  logic [19:0]                           discard_pasid_i,
  // storage
  input  logic [NumWq-1:0]                      nonempty_i,
  input  logic [NumWq-1:0]                      epoch_i,
  input  logic [NumWq-1:0]                      idle_i,
  output logic                                  rd_valid_o,
  output logic [7:0]                            rd_wq_o,
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

  localparam int unsigned GrpW = $clog2(NumGroups + 1);

  // ------------------------------------------------------------ D0: choose
  logic                  sel_valid;
  logic [7:0]            sel_wq;
  logic [NumEngines-1:0] sel_eng, eng_room;
  logic [GrpW-1:0]       sel_grp;
  logic [NumWq-1:0]      busy, drain_wait_q;

  logic [NumWq*4-1:0] prio;
  for (genvar w = 0; w < NumWq; w++) begin : gen_prio
    assign prio[w*4 +: 4] = wq_cfg_i[w*siov_pkg::WqCfgW + siov_pkg::WqCfgPrioLsb +: 4];
  end
  siov_wq_arb #(.NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines)) u_arb (
    .clk_i, .rst_ni, .stop_i(clear_i), .prio_i(prio), .grp_wq_i, .grp_eng_i, .nonempty_i,
    .busy_i(busy), .eng_room_i(eng_room), .sel_valid_o(sel_valid), .sel_wq_o(sel_wq),
    .sel_eng_o(sel_eng), .sel_grp_o(sel_grp)
  );
  assign rd_valid_o = sel_valid;
  assign rd_wq_o = sel_wq;

  // ------------------------------------------------------------ D1: entry is there
  logic                  d1_valid_q;
  logic [7:0]            d1_wq_q;
  logic [NumEngines-1:0] d1_eng_q;
  logic [GrpW-1:0]       d1_grp_q;
  siov_pkg::wq_cfg_t     d1_cfg;
  logic                  d1_idle, d1_old, d1_discard, d1_drain, d1_wait, d1_drop, d1_go;
  logic [19:0]           d1_pasid;
  logic [5:0]            d1_tc;

  always_comb begin
    d1_cfg = '0;
    d1_idle = 1'b0;
    d1_old = 1'b0;
    d1_discard = 1'b0;
    for (int unsigned w = 0; w < NumWq; w++) begin
      if (d1_wq_q == 8'(w)) begin
        d1_cfg = wq_cfg_i[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW];
        d1_idle = idle_i[w];
        d1_old = rd_epoch_i != epoch_i[w];
        d1_discard = discard_i[w];
      end
    end
    d1_pasid = d1_cfg.dedicated ? d1_cfg.pasid : rd_desc_i[siov_abi_pkg::DescPasidLsb +: 20];
    d1_drain = rd_desc_i[siov_abi_pkg::DescOpcodeLsb +: 8] == siov_abi_pkg::OpDrain;
    d1_drop = d1_valid_q && d1_discard && d1_old &&
              (!discard_pasid_en_i || d1_pasid == discard_pasid_i);
    d1_wait = d1_valid_q && !d1_drop && d1_drain && !d1_idle;
    d1_go = d1_valid_q && !d1_drop && !d1_wait;
    d1_tc = '0;
    for (int unsigned g = 0; g < NumGroups; g++)
      if (d1_grp_q == GrpW'(g)) d1_tc = grp_tc_i[g*6 +: 6];
  end
  assign pop_valid_o = d1_go || d1_drop;
  assign pop_wq_o = d1_wq_q;
  assign pop_drop_o = d1_drop;
  assign pop_epoch_o = rd_epoch_i;

  // Not selectable: in D1 now, or its head is a drain that still waits.
  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++)
      busy[w] = (d1_valid_q && d1_wq_q == 8'(w)) || (drain_wait_q[w] && !idle_i[w] && !discard_i[w]);
  end
  always_ff @(posedge clk_i) begin
    for (int unsigned w = 0; w < NumWq; w++) begin
      if (!rst_ni || clear_i) drain_wait_q[w] <= 1'b0;
      else if (d1_valid_q && d1_wq_q == 8'(w)) drain_wait_q[w] <= d1_wait;
    end
  end

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
      d1_valid_q <= sel_valid;
      p_valid_q <= {p_valid_q[1:0], d1_go};
    end
    if (sel_valid) begin
      d1_wq_q <= sel_wq;
      d1_eng_q <= sel_eng;
      d1_grp_q <= sel_grp;
    end
    p_eng_q <= {p_eng_q[2*NumEngines-1:0], d1_eng_q};
    if (d1_go) begin
      d2_q.desc <= rd_desc_i;
      d2_q.wq <= d1_wq_q;
      d2_q.epoch <= rd_epoch_i;
      d2_q.ims <= rd_ims_i;
      d2_q.dedicated <= d1_cfg.dedicated;
      d2_q.bof_en <= d1_cfg.bof_en;
      d2_q.pasid_en <= d1_cfg.dedicated ? d1_cfg.pasid_en : 1'b1;
      d2_q.pasid <= d1_pasid;
      d2_q.priv <= d1_cfg.dedicated ? d1_cfg.priv : rd_desc_i[siov_abi_pkg::DescPrivLsb];
      d2_q.max_xfer <= d1_cfg.max_xfer;
      d2_q.max_batch <= d1_cfg.max_batch;
      d2_q.tc_a <= d1_tc[2:0];
      d2_q.tc_b <= d1_tc[5:3];
      d2_q.handle_ok <= 1'b1;
      d2_q.ops <= '1;
      lk_pasid_en_q <= d1_cfg.pasid_en;
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
  // Two slots an engine; room counts reservations from D0 on, so a delivered descriptor always
  // finds a place.
  for (genvar e = 0; e < NumEngines; e++) begin : gen_slot
    logic [1:0] reserved_q;
    logic       push, pop, slot_ready;
    logic [1:0] slot_count;
    assign push = p_valid_q[2] && p_eng_q[2*NumEngines + e];
    assign pop = disp_valid_o[e] && disp_ready_i[e];
    siov_fifo #(.W(siov_pkg::DispW), .Depth(2)) u_slot (
      .clk_i, .rst_ni, .clear_i(clear_i),
      .wr_valid_i(push), .wr_ready_o(slot_ready), .wr_data_i(d4),
      .rd_valid_o(disp_valid_o[e]), .rd_ready_i(disp_ready_i[e]),
      .rd_data_o(disp_o[e*siov_pkg::DispW +: siov_pkg::DispW]), .count_o(slot_count)
    );
    // A reservation ends when the engine takes the descriptor, or when D1 drops or puts it back.
    logic give_back;
    assign give_back = d1_valid_q && d1_eng_q[e] && !d1_go;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) reserved_q <= '0;
      else reserved_q <= reserved_q + 2'(sel_valid && sel_eng[e]) - 2'(pop) - 2'(give_back);
    end
    assign eng_room[e] = reserved_q < 2'd2;
    `SIOV_ASSERT(DispSlotFree, push |-> slot_ready)
    `SIOV_ASSERT(DispHolds, disp_valid_o[e] && !disp_ready_i[e] && !clear_i |=>
                 clear_i || disp_valid_o[e])
  end

endmodule
