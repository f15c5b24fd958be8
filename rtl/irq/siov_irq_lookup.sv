// SPDX-License-Identifier: Apache-2.0
// Permission look-ups: may this descriptor (or work queue) use this interrupt?
//
// A handle is allowed when it names an entry of its table whose PASID enable equals the asker's
// and, if set, whose PASID does too, and when it is granted (where handles must be). Mask, pending
// and ignore matter only when the interrupt is sent.
//
// Askers: the dispatcher, always served at once; the batch feeder of each engine and Enable WQ in
// turn, in cycles in which the dispatcher is silent. Each accepted question is answered exactly
// once, whatever is flushed or reset meanwhile. What tables and handles became up to the second
// cycle before the answer counts.
//
// Latency: lk_valid_i to lk_ok_o 2 cycles, one a cycle; blk_ready_o or olk_valid_i to the answer 3
// (olk 4) cycles and one for each other question in front.
// Combinational paths: blk_valid_i to blk_ready_o.
// @spec dsa 2.10, SIOV-D-33

`include "siov_assert.svh"

module siov_irq_lookup #(
  /// Engines, 1..63.
  parameter int unsigned NumEngines = 4,
  /// IMS entries, 0..4096; 0: every IMS handle is refused.
  parameter int unsigned ImsEntries = 256,
  /// MSI-X table entries, 1..2048.
  parameter int unsigned MsixVectors = 9,
  localparam int unsigned ImsW = (ImsEntries > 1) ? $clog2(ImsEntries) : 1,
  localparam int unsigned MsixW = (MsixVectors > 1) ? $clog2(MsixVectors) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,

  // dispatcher
  input  logic lk_valid_i,
  input  logic lk_ims_i,
  input  logic [15:0] lk_handle_i,
  input  logic lk_pasid_en_i,
  input  logic [19:0] lk_pasid_i,
  output logic lk_ok_o,

  // batch feeders: one question each until its answer
  input  logic [NumEngines-1:0] blk_valid_i,
  output logic [NumEngines-1:0] blk_ready_o,
  input  logic [NumEngines-1:0] blk_ims_i,
  input  logic [NumEngines*16-1:0] blk_handle_i,
  input  logic [NumEngines-1:0] blk_pasid_en_i,
  input  logic [NumEngines*20-1:0] blk_pasid_i,
  output logic [NumEngines-1:0] blk_rsp_valid_o,
  output logic [NumEngines-1:0] blk_ok_o,

  // Enable WQ: a pulse, or held until the answer
  input  logic olk_valid_i,
  input  logic olk_ims_i,
  input  logic [15:0] olk_handle_i,
  input  logic olk_pasid_en_i,
  input  logic [19:0] olk_pasid_i,
  output logic olk_rsp_valid_o,
  output logic olk_ok_o,

  // tables: {PASID enable, PASID} one cycle after the index; granted bit in the cycle after it
  output logic [ImsW-1:0] ims_idx_o,
  output logic [MsixW-1:0] msix_idx_o,
  input  logic [20:0] ims_perm_i,
  input  logic [20:0] msix_perm_i,
  output logic [ImsW-1:0] ims_gr_idx_o,
  output logic [MsixW-1:0] msix_gr_idx_o,
  input  logic ims_granted_i,
  input  logic msix_granted_i
);

  // A question: {IMS, handle, PASID enable, PASID}.
  localparam int unsigned AskW = 1 + 16 + 1 + 20;
  localparam int unsigned Askers = NumEngines + 1;   // the last is Enable WQ

  typedef struct packed {
    logic        ims;
    logic [15:0] handle;
    logic        pasid_en;
    logic [19:0] pasid;
  } ask_t;

  // ------------------------------------------------------------ Enable WQ
  logic            olk_wait_q, olk_busy_q;   // waits for its turn; not answered yet
  logic [AskW-1:0] olk_ask_q;
  logic            olk_take;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      olk_wait_q <= 1'b0;
      olk_busy_q <= 1'b0;
    end else if (olk_busy_q) begin
      if (olk_take) olk_wait_q <= 1'b0;
      if (olk_rsp_valid_o) olk_busy_q <= 1'b0;
    end else if (olk_valid_i) begin
      olk_wait_q <= 1'b1;
      olk_busy_q <= 1'b1;
    end
    if (!olk_busy_q) olk_ask_q <= {olk_ims_i, olk_handle_i, olk_pasid_en_i, olk_pasid_i};
  end

  // ------------------------------------------------------------ the next question in turn
  logic [Askers-1:0] gnt, next_owner_q;
  logic              any, take, next_valid_q;
  logic [AskW-1:0]   chosen, next_ask_q;
  logic [$clog2(Askers)-1:0] unused_idx;

  // Free, or leaving in this cycle.
  assign take = any && (!next_valid_q || !lk_valid_i);

  siov_rr_arb #(.N(Askers)) u_arb (
    .clk_i(clk_i), .rst_ni(rst_ni), .req_i({olk_wait_q, blk_valid_i}), .take_i(take),
    .any_o(any), .gnt_o(gnt), .idx_o(unused_idx)
  );

  always_comb begin
    chosen = gnt[NumEngines] ? olk_ask_q : '0;
    for (int unsigned e = 0; e < NumEngines; e++) begin
      if (gnt[e]) begin
        chosen = chosen | {blk_ims_i[e], blk_handle_i[16*e +: 16], blk_pasid_en_i[e],
            blk_pasid_i[20*e +: 20]};
      end
    end
  end

  assign blk_ready_o = take ? gnt[NumEngines-1:0] : '0;
  assign olk_take = take && gnt[NumEngines];

  // ------------------------------------------------------------ look-up, one a cycle
  ask_t              ask, s_q;
  logic [Askers-1:0] s_owner_q, owner_q;    // who of the askers in turn asked
  logic              s_lk_q, lk_ok_q, ok_q, in_range, allowed, granted;
  logic [20:0]       perm;

  always_comb begin
    ask = next_ask_q;
    if (lk_valid_i) ask = {lk_ims_i, lk_handle_i, lk_pasid_en_i, lk_pasid_i};
  end
  assign ims_idx_o = ImsW'(ask.handle);
  assign msix_idx_o = MsixW'(ask.handle);
  assign ims_gr_idx_o = ImsW'(s_q.handle);
  assign msix_gr_idx_o = MsixW'(s_q.handle);

  assign in_range = s_q.ims ? (32'(s_q.handle) + 1 <= ImsEntries) : (32'(s_q.handle) < MsixVectors);
  assign perm = s_q.ims ? ims_perm_i : msix_perm_i;
  assign granted = s_q.ims ? ims_granted_i : msix_granted_i;
  assign allowed = in_range && granted && (perm[20] == s_q.pasid_en) &&
                   (!s_q.pasid_en || (perm[19:0] == s_q.pasid));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      next_valid_q <= 1'b0;
      s_lk_q <= 1'b0;
      s_owner_q <= '0;
      owner_q <= '0;
      lk_ok_q <= 1'b0;
      ok_q <= 1'b0;
    end else begin
      next_valid_q <= take || (next_valid_q && lk_valid_i);
      s_lk_q <= lk_valid_i;
      s_owner_q <= (next_valid_q && !lk_valid_i) ? next_owner_q : '0;
      owner_q <= s_owner_q;
      lk_ok_q <= s_lk_q && allowed;
      ok_q <= allowed;
    end
    if (take) begin
      next_ask_q <= chosen;
      next_owner_q <= gnt;
    end
    s_q <= ask;
  end

  assign lk_ok_o = lk_ok_q;
  assign blk_rsp_valid_o = owner_q[NumEngines-1:0];
  assign blk_ok_o = ok_q ? owner_q[NumEngines-1:0] : '0;
  assign olk_rsp_valid_o = owner_q[NumEngines];
  assign olk_ok_o = ok_q && owner_q[NumEngines];

  logic unused;
  assign unused = ^unused_idx;

`ifndef SYNTHESIS
  logic asked_was_q;
  always_ff @(posedge clk_i) asked_was_q <= s_lk_q;
  // dsa 2.10: nothing is allowed that was not asked.
  `SIOV_ASSERT_IF(a_lk_asked, lk_ok_o, asked_was_q)
  // One answer a cycle, and none in the dispatcher's place.
  `SIOV_ASSERT(a_one_answer, $onehot0({asked_was_q, owner_q}))
  `SIOV_COVER(c_lk_refused, asked_was_q && !lk_ok_o)
  `SIOV_COVER(c_in_turn_waits, next_valid_q && lk_valid_i)
`endif

endmodule
