// SPDX-License-Identifier: Apache-2.0
// Work queues in shared storage: admission of portal writes, one read port for the dispatcher.
//
// Admission (dsa 4.2): a dedicated queue takes posted 64-byte writes, a shared one deferrable
// ones; a full queue answers Retry (deferrable) or drops the descriptor and reports 0x53 (posted).
// Occupancy counts from acceptance to dispatch.
//
//   P1 configuration of the portal's queue, limit    P2 room? store, count, answer
//   C1 (dispatcher) address of the head              D1 entry there; popped or left
//
// Positions in the queues live in two small memories, one written at P2, one at D1. They have no
// reset: a bit a queue says that the position is 0 again, set while the queue is closed and empty,
// because its size may change then.
// Latency: portal write to visible occupancy 2 cycles; portal_rsp_* 2 cycles; storage read 1 cycle.
// Does not decide which queue is served (siov_wq_arb), does not know drains (siov_wq_track).

`include "siov_assert.svh"

module siov_wq #(
  parameter int unsigned NumWq = 8,       /// work queues, 1..128
  parameter int unsigned WqEntries = 128  /// shared storage, entries, 2..4096
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
  output logic [NumWq*16-1:0]                 wq_occ_o,
  // generations (siov_wq_track)
  output logic                                acc_valid_o,    /// a descriptor is accepted
  output logic [7:0]                          acc_wq_o,
  input  logic                                acc_epoch_i,    /// generation of queue acc_wq_o
  // dispatcher
  output logic [NumWq-1:0]                    nonempty_o,
  input  logic                                rd_valid_i,     /// read the head of queue rd_wq_i
  input  logic [7:0]                          rd_wq_i,
  input  logic [15:0]                         rd_base_i,      /// its configuration
  input  logic [15:0]                         rd_size_i,
  output logic [511:0]                        rd_desc_o,      /// one cycle later
  output logic                                rd_ims_o,
  output logic                                rd_epoch_o,
  input  logic                                pop_valid_i,    /// remove the head that was just read
  input  logic [7:0]                          pop_wq_i,
  // software errors
  output logic                                swerr_valid_o,
  input  logic                                swerr_ready_i,
  output siov_pkg::swerr_t                    swerr_o
);

  localparam int unsigned AddrW = $clog2(WqEntries);
  localparam int unsigned OccW = $clog2(WqEntries + 1);
  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1;
  localparam int unsigned EntryW = 512 + 2;

  logic [EntryW-1:0] mem [WqEntries];
  logic [AddrW-1:0]  head_mem [NumWq];
  logic [AddrW-1:0]  tail_mem [NumWq];

  logic [NumWq*OccW-1:0] occ_q;
  logic [NumWq-1:0]      head_zero_q, tail_zero_q, cfg_accept;

  for (genvar w = 0; w < NumWq; w++) begin : gen_cfg
    assign cfg_accept[w] = wq_cfg_i[w*siov_pkg::WqCfgW + siov_pkg::WqCfgAcceptLsb];
  end

  // ------------------------------------------------------------ P1: whose portal
  siov_pkg::wq_cfg_t p1_cfg;
  logic [15:0]       p1_limit;
  siov_pick #(.N(NumWq), .W(siov_pkg::WqCfgW)) u_p1_cfg (
    .v_i(wq_cfg_i), .idx_i(portal_i.wq[IdxW-1:0]), .o(p1_cfg)
  );
  always_comb begin
    p1_limit = p1_cfg.size;
    if (portal_i.limited && !p1_cfg.dedicated && p1_cfg.threshold < p1_cfg.size)
      p1_limit = p1_cfg.threshold;
  end

  logic             p2_answer_q, p2_kind_q, p2_dedicated_q, p2_ims_q;
  logic [7:0]       p2_wq_q;
  logic [OccW-1:0]  p2_limit_q;
  logic [AddrW-1:0] p2_base_q, p2_last_q;
  logic [511:0]     p2_data_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      p2_answer_q <= 1'b0;
      p2_kind_q <= 1'b0;
    end else begin
      p2_answer_q <= portal_valid_i && portal_i.deferrable;
      p2_kind_q <= portal_valid_i && portal_i.whole && 32'(portal_i.wq) < NumWq &&
                   p1_cfg.accept && portal_i.deferrable != p1_cfg.dedicated && !clear_i;
    end
    if (portal_valid_i) begin
      p2_wq_q <= portal_i.wq;
      p2_ims_q <= portal_i.ims;
      p2_dedicated_q <= p1_cfg.dedicated;
      p2_limit_q <= OccW'(p1_limit);
      p2_base_q <= AddrW'(p1_cfg.base);
      p2_last_q <= AddrW'(p1_cfg.size - 16'd1);
      p2_data_q <= portal_data_i;
    end
  end

  // ------------------------------------------------------------ P2: room
  logic [IdxW-1:0]  p2_idx;
  logic [OccW-1:0]  p2_occ;
  logic             p2_open, full, accept, overflow;
  logic [AddrW-1:0] tail, wr_addr;
  assign p2_idx = p2_wq_q[IdxW-1:0];
  siov_pick #(.N(NumWq), .W(OccW)) u_p2_occ (.v_i(occ_q), .idx_i(p2_idx), .o(p2_occ));
  assign p2_open = p2_kind_q && cfg_accept[p2_idx] && !clear_i;
  assign full = p2_occ >= p2_limit_q;
  assign accept = p2_open && !full;
  assign overflow = p2_open && full && p2_dedicated_q;
  assign tail = tail_zero_q[p2_idx] ? '0 : tail_mem[p2_idx];
  assign wr_addr = p2_base_q + tail;
  assign acc_valid_o = accept;
  assign acc_wq_o = p2_wq_q;

  always_ff @(posedge clk_i) begin
    if (accept) mem[wr_addr] <= {acc_epoch_i, p2_ims_q, p2_data_q};
  end
  always_ff @(posedge clk_i) begin
    if (accept) tail_mem[p2_idx] <= (tail == p2_last_q) ? '0 : tail + AddrW'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      portal_rsp_valid_o <= 1'b0;
      portal_rsp_accept_o <= 1'b0;
    end else begin
      portal_rsp_valid_o <= p2_answer_q;
      portal_rsp_accept_o <= accept;
    end
  end

  // ------------------------------------------------------------ C1: address of the head, D1: pop
  logic [IdxW-1:0]   rd_idx, pop_idx;
  logic [AddrW-1:0]  head, rd_addr, d1_head_q, d1_last_q;
  logic [EntryW-1:0] rd_entry_q;
  assign rd_idx = rd_wq_i[IdxW-1:0];
  assign pop_idx = pop_wq_i[IdxW-1:0];
  assign head = head_zero_q[rd_idx] ? '0 : head_mem[rd_idx];
  assign rd_addr = AddrW'(rd_base_i) + head;
  always_ff @(posedge clk_i) begin
    if (rd_valid_i) begin
      rd_entry_q <= mem[rd_addr];
      d1_head_q <= head;
      d1_last_q <= AddrW'(rd_size_i - 16'd1);
    end
  end
  assign {rd_epoch_o, rd_ims_o, rd_desc_o} = rd_entry_q;

  always_ff @(posedge clk_i) begin
    if (pop_valid_i) head_mem[pop_idx] <= (d1_head_q == d1_last_q) ? '0 : d1_head_q + AddrW'(1);
  end

  // ------------------------------------------------------------ occupancy
  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++) begin
      nonempty_o[w] = occ_q[w*OccW +: OccW] != '0;
      wq_occ_o[w*16 +: 16] = 16'(occ_q[w*OccW +: OccW]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      occ_q <= '0;
      head_zero_q <= '1;
      tail_zero_q <= '1;
    end else begin
      head_zero_q <= head_zero_q | (~cfg_accept & ~nonempty_o);
      tail_zero_q <= tail_zero_q | (~cfg_accept & ~nonempty_o);
      if (accept) tail_zero_q[p2_idx] <= 1'b0;
      if (pop_valid_i) head_zero_q[pop_idx] <= 1'b0;
      for (int unsigned w = 0; w < NumWq; w++) begin
        if ((accept && p2_wq_q == 8'(w)) != (pop_valid_i && pop_wq_i == 8'(w)))
          occ_q[w*OccW +: OccW] <= occ_q[w*OccW +: OccW] +
              ((accept && p2_wq_q == 8'(w)) ? OccW'(1) : {OccW{1'b1}});
      end
    end
  end

  // Queue numbers are checked against NumWq, positions are below the size.
  logic unused;
  assign unused = &{1'b0, rd_wq_i, pop_wq_i, rd_base_i, rd_size_i, p1_limit, p1_cfg};

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
      swerr_q.wq <= p2_wq_q;
    end
  end
  assign swerr_valid_o = swerr_valid_q;
  assign swerr_o = swerr_q;

  `SIOV_ASSERT_HOLDS(WqSwerrHolds, swerr_valid_o && !swerr_ready_i, 1'b0, swerr_valid_o, swerr_o)
  `SIOV_ASSERT_IF(WqPopNonempty, pop_valid_i, nonempty_o[pop_idx] || clear_i)
  `SIOV_COVER(WqRetry, portal_rsp_valid_o && !portal_rsp_accept_o)
  `SIOV_COVER(WqOverflow, overflow)

endmodule
