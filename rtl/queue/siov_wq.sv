// SPDX-License-Identifier: Apache-2.0
// Work queues in shared storage: admission of portal writes, one read port for the dispatcher,
// drain generations.
//
// Admission (dsa 4.2): a dedicated queue takes posted 64-byte writes, a shared one deferrable
// ones; a full queue answers
// Retry (deferrable) or drops the descriptor and reports 0x53 (posted). Occupancy counts from
// acceptance to dispatch.
// Drain generations: every descriptor carries the epoch of its queue at acceptance. A drain
// flips the epoch and waits until
// nothing of the old one is pending, so that later submissions cannot hold it up (dsa 3.2,
// SIOV-D-44).
//
// Latency: portal write to visible occupancy 1 cycle; portal_rsp_* 1 cycle; storage read 1 cycle.
// Does not decide which queue is served (siov_wq_arb).

`include "siov_assert.svh"

module siov_wq #(
  parameter int unsigned NumWq = 8,       /// work queues, 1..128
  parameter int unsigned WqEntries = 128  /// shared storage, entries
) (
  input  logic                                clk_i,
  input  logic                                rst_ni,
  input  logic                                clear_i,        /// forget everything (halt, flush)
  // portal
  input  logic                                portal_valid_i,
  input  siov_pkg::portal_t                   portal_i,
  input  logic [511:0]                        portal_data_i,
  output logic                                portal_rsp_valid_o,
  output logic                                portal_rsp_accept_o,
  // control
  input  logic [NumWq*siov_pkg::WqCfgW-1:0]   wq_cfg_i,
  input  logic                                drain_start_i,
  input  logic [NumWq-1:0]                    drain_mask_i,
  output logic [NumWq-1:0]                    drain_busy_o,
  output logic [NumWq*16-1:0]                 wq_occ_o,
  // dispatcher
  output logic [NumWq-1:0]                    nonempty_o,
  output logic [NumWq-1:0]                    epoch_o,        /// current generation of each queue
  output logic [NumWq-1:0]                    idle_o,         /// nothing of this queue is in an engine
  input  logic                                rd_valid_i,     /// read the head of queue rd_wq_i
  input  logic [7:0]                          rd_wq_i,
  output logic [511:0]                        rd_desc_o,      /// one cycle later
  output logic                                rd_ims_o,
  output logic                                rd_epoch_o,
  input  logic                                pop_valid_i,    /// remove the head of pop_wq_i
  input  logic [7:0]                          pop_wq_i,
  input  logic                                pop_drop_i,     /// popped entry will not be executed (abort)
  input  logic                                pop_epoch_i,
  // engines
  input  logic                                done_valid_i,
  input  logic [7:0]                          done_wq_i,
  input  logic                                done_epoch_i,
  // software errors
  output logic                                swerr_valid_o,
  input  logic                                swerr_ready_i,
  output siov_pkg::swerr_t                    swerr_o
);

  localparam int unsigned AddrW = $clog2(WqEntries);
  localparam int unsigned EntryW = 512 + 2;

  logic [EntryW-1:0] mem [WqEntries];
  logic [EntryW-1:0] rd_entry_q;

  logic [NumWq*16-1:0] head_q, tail_q, occ_q, inflight_q, pend0_q, pend1_q;
  logic [NumWq-1:0]    epoch_q;

  // ------------------------------------------------------------ admission
  logic                full, kind_ok, accept, overflow;
  siov_pkg::wq_cfg_t   sel_cfg;
  logic [15:0]         sel_occ, sel_tail, limit;
  logic [AddrW-1:0]    wr_addr;

  always_comb begin
    sel_cfg = '0;
    sel_occ = '0;
    sel_tail = '0;
    for (int unsigned w = 0; w < NumWq; w++) begin
      if (portal_i.wq == 8'(w)) begin
        sel_cfg = wq_cfg_i[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW];
        sel_occ = occ_q[w*16 +: 16];
        sel_tail = tail_q[w*16 +: 16];
      end
    end
    limit = sel_cfg.size;
    if (portal_i.limited && !sel_cfg.dedicated && sel_cfg.threshold < sel_cfg.size)
      limit = sel_cfg.threshold;
    kind_ok = portal_valid_i && portal_i.whole && sel_cfg.accept && !clear_i &&
              (portal_i.deferrable != sel_cfg.dedicated);
    full = sel_occ >= limit;
    accept = kind_ok && !full;
    overflow = kind_ok && full && sel_cfg.dedicated;
    wr_addr = AddrW'(sel_cfg.base + sel_tail);
  end

  logic sel_epoch;
  always_comb begin
    sel_epoch = 1'b0;
    for (int unsigned w = 0; w < NumWq; w++)
      if (portal_i.wq == 8'(w)) sel_epoch = epoch_q[w];
  end

  always_ff @(posedge clk_i) begin
    if (accept) mem[wr_addr] <= {sel_epoch, portal_i.ims, portal_data_i};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      portal_rsp_valid_o <= 1'b0;
      portal_rsp_accept_o <= 1'b0;
    end else begin
      portal_rsp_valid_o <= portal_valid_i && portal_i.deferrable;
      portal_rsp_accept_o <= accept;
    end
  end

  // ------------------------------------------------------------ storage read
  logic [15:0]      rd_base, rd_head;
  logic [AddrW-1:0] rd_addr;
  siov_pkg::wq_cfg_t rd_cfg;
  always_comb begin
    rd_cfg = '0;
    rd_head = '0;
    for (int unsigned w = 0; w < NumWq; w++) begin
      if (rd_wq_i == 8'(w)) begin
        rd_cfg = wq_cfg_i[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW];
        rd_head = head_q[w*16 +: 16];
      end
    end
    rd_base = rd_cfg.base;
    rd_addr = AddrW'(rd_base + rd_head);
  end
  always_ff @(posedge clk_i) begin
    if (rd_valid_i) rd_entry_q <= mem[rd_addr];
  end
  assign {rd_epoch_o, rd_ims_o, rd_desc_o} = rd_entry_q;

  // ------------------------------------------------------------ pointers and counters
  logic [NumWq-1:0]    cfg_accept;
  logic [NumWq*16-1:0] cfg_last;       // index of the last entry of the queue
  for (genvar w = 0; w < NumWq; w++) begin : gen_cfg
    assign cfg_accept[w] = wq_cfg_i[w*siov_pkg::WqCfgW + siov_pkg::WqCfgAcceptLsb];
    assign cfg_last[w*16 +: 16] =
        wq_cfg_i[w*siov_pkg::WqCfgW + siov_pkg::WqCfgSizeLsb +: 16] - 16'd1;
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned w = 0; w < NumWq; w++) begin
      logic acc, pop, drop, done;
      acc = accept && portal_i.wq == 8'(w);
      pop = pop_valid_i && pop_wq_i == 8'(w);
      drop = pop && pop_drop_i;
      done = done_valid_i && done_wq_i == 8'(w);
      if (!rst_ni || clear_i) begin
        head_q[w*16 +: 16] <= '0;
        tail_q[w*16 +: 16] <= '0;
        occ_q[w*16 +: 16] <= '0;
        inflight_q[w*16 +: 16] <= '0;
        pend0_q[w*16 +: 16] <= '0;
        pend1_q[w*16 +: 16] <= '0;
        epoch_q[w] <= 1'b0;
      end else begin
        if (acc)
          tail_q[w*16 +: 16] <= (tail_q[w*16 +: 16] == cfg_last[w*16 +: 16]) ? '0 : tail_q[w*16 +: 16] + 16'd1;
        if (pop)
          head_q[w*16 +: 16] <= (head_q[w*16 +: 16] == cfg_last[w*16 +: 16]) ? '0 : head_q[w*16 +: 16] + 16'd1;
        if (!cfg_accept[w] && occ_q[w*16 +: 16] == '0) begin  // size may change: start over at the base
          head_q[w*16 +: 16] <= '0;
          tail_q[w*16 +: 16] <= '0;
        end
        occ_q[w*16 +: 16] <= occ_q[w*16 +: 16] + 16'(acc) - 16'(pop);
        inflight_q[w*16 +: 16] <= inflight_q[w*16 +: 16] + 16'(pop && !drop) - 16'(done);
        pend0_q[w*16 +: 16] <= pend0_q[w*16 +: 16] + 16'(acc && !epoch_q[w])
                             - 16'(drop && !pop_epoch_i) - 16'(done && !done_epoch_i);
        pend1_q[w*16 +: 16] <= pend1_q[w*16 +: 16] + 16'(acc && epoch_q[w])
                             - 16'(drop && pop_epoch_i) - 16'(done && done_epoch_i);
        if (drain_start_i && drain_mask_i[w]) epoch_q[w] <= !epoch_q[w];
      end
    end
  end

  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++) begin
      nonempty_o[w] = occ_q[w*16 +: 16] != '0;
      idle_o[w] = inflight_q[w*16 +: 16] == '0;
      drain_busy_o[w] = epoch_q[w] ? (pend0_q[w*16 +: 16] != '0) : (pend1_q[w*16 +: 16] != '0);
    end
  end
  assign epoch_o = epoch_q;
  assign wq_occ_o = occ_q;

  // ------------------------------------------------------------ overflow report
  // One slot: while it waits, further overflows only repeat what SWERROR would count as
  // overflow anyway.
  siov_pkg::swerr_t swerr_q;
  logic             swerr_valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      swerr_valid_q <= 1'b0;
    end else if (!swerr_valid_q || swerr_ready_i) begin
      swerr_valid_q <= overflow;
    end
    if (overflow && (!swerr_valid_q || swerr_ready_i)) begin
      swerr_q <= '0;
      swerr_q.code <= siov_abi_pkg::SwErrDwqFull;
      swerr_q.wq_valid <= 1'b1;
      swerr_q.wq <= portal_i.wq;
    end
  end
  assign swerr_valid_o = swerr_valid_q;
  assign swerr_o = swerr_q;

  `SIOV_ASSERT(WqSwerrHolds, swerr_valid_o && !swerr_ready_i |=> swerr_valid_o && $stable(swerr_o))
  `SIOV_ASSERT(WqPopNonempty, pop_valid_i |-> nonempty_o[pop_wq_i[$clog2(NumWq)-1:0]] || clear_i)
  `SIOV_COVER(WqRetry, portal_rsp_valid_o && !portal_rsp_accept_o)
  `SIOV_COVER(WqOverflow, overflow)

endmodule
