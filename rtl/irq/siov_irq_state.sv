// SPDX-License-Identifier: Apache-2.0
// Mask, pending and ignore bit of each entry of one interrupt table, and the search for a pending
// entry that may be sent.
//
// The search keeps one hot bit for each 64 entries: set when a pending bit is set or an entry is
// unmasked there, cleared when a visit finds nothing to send. It visits hot words in turn, takes a
// copy of what may be sent, and offers each entry of the copy once; what happened to the entry
// meanwhile is for the sender to see. With nothing hot it stands still.
// Does not send (siov_irq_send) and knows nothing of the function mask.
//
// Latency: writes 1 cycle. An entry that became sendable is offered after 3 cycles when no other
// word is hot; otherwise within 3 cycles for each hot word and the time the sender takes for the
// entries offered before it, at most all others once.
// Combinational paths: q_idx_i to q_*_o, r_idx_i and pend_idx_i to their words.
// @spec dsa 2.10, pcie MSI-X (pending bit array), SIOV-D-34

`include "siov_assert.svh"

module siov_irq_state #(
  /// Entries, 1..4096.
  parameter int unsigned Entries = 256,
  localparam int unsigned IdxW = (Entries > 1) ? $clog2(Entries) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// All entries: masked; not pending; not ignored.
  input  logic clr_mask_i,
  input  logic clr_pend_i,
  input  logic clr_ign_i,

  // software
  input  logic [IdxW-1:0] r_idx_i,
  input  logic w_mask_i,
  input  logic w_mask_val_i,
  input  logic w_ign_i,
  input  logic w_ign_val_i,
  output logic r_mask_o,
  output logic r_ign_o,
  /// Pending bits of the 64 entries around pend_idx_i.
  input  logic [IdxW-1:0] pend_idx_i,
  output logic [63:0] pend_word_o,

  // sender
  input  logic [IdxW-1:0] q_idx_i,
  output logic q_mask_o,
  output logic q_pend_o,
  output logic q_ign_o,
  /// Registered copies of q_mask_o and q_pend_o; exact from the second cycle of an index on.
  output logic h_mask_o,
  output logic h_pend_o,
  /// Of entry q_idx_i.
  input  logic p_set_i,
  input  logic p_clr_i,
  /// The event behind entry 0 is over.
  input  logic retire0_i,
  /// An entry to look at; the next one after scan_take_i.
  output logic scan_valid_o,
  output logic [IdxW-1:0] scan_idx_o,
  input  logic scan_take_i
);

  localparam int unsigned WordW = (IdxW > 6) ? IdxW - 6 : 1;
  localparam int unsigned Words = (IdxW > 6) ? 1 << WordW : 1;

  // ------------------------------------------------------------ bits
  logic [IdxW-1:0] scan_base;
  logic [63:0]     r_on, q_on, s_on, q_pend, r_pend, s_pend, r_ign, q_ign, s_ign;
  logic            pend0_q;      // entry 0 is also cleared from outside: a register of its own

  // Stored as "not masked", because a clear leaves 0.
  siov_irq_bits #(.Entries(Entries)) u_on (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_mask_i),
    .we_i(w_mask_i), .w_idx_i(r_idx_i), .w_bit_i(!w_mask_val_i), .w_word_o(r_on),
    .a_idx_i(q_idx_i), .a_word_o(q_on), .b_idx_i(scan_base), .b_word_o(s_on)
  );
  siov_irq_bits #(.Entries(Entries)) u_pend (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_pend_i),
    .we_i((p_set_i || p_clr_i) && (q_idx_i != '0)), .w_idx_i(q_idx_i), .w_bit_i(p_set_i),
    .w_word_o(q_pend),
    .a_idx_i(pend_idx_i), .a_word_o(r_pend), .b_idx_i(scan_base), .b_word_o(s_pend)
  );
  siov_irq_bits #(.Entries(Entries)) u_ign (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_ign_i),
    .we_i(w_ign_i), .w_idx_i(r_idx_i), .w_bit_i(w_ign_val_i), .w_word_o(r_ign),
    .a_idx_i(q_idx_i), .a_word_o(q_ign), .b_idx_i(scan_base), .b_word_o(s_ign)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clr_pend_i) begin
      pend0_q <= 1'b0;
    end else if ((p_set_i || p_clr_i) && (q_idx_i == '0)) begin
      pend0_q <= p_set_i;
    end else if (retire0_i) begin
      pend0_q <= 1'b0;
    end
  end

  assign r_mask_o = !r_on[6'(r_idx_i)];
  assign r_ign_o = r_ign[6'(r_idx_i)];
  assign pend_word_o = r_pend | 64'(pend0_q && ((pend_idx_i >> 6) == '0));
  assign q_mask_o = !q_on[6'(q_idx_i)];
  assign q_pend_o = (q_idx_i == '0) ? pend0_q : q_pend[6'(q_idx_i)];
  assign q_ign_o = q_ign[6'(q_idx_i)];

  // ------------------------------------------------------------ the entry in the sender's hand
  logic h_mask_q, h_pend_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clr_mask_i) h_mask_q <= 1'b1;
    else if (w_mask_i && (r_idx_i == q_idx_i)) h_mask_q <= w_mask_val_i;
    else h_mask_q <= q_mask_o;

    if (!rst_ni || clr_pend_i) h_pend_q <= 1'b0;
    else if (p_set_i || p_clr_i) h_pend_q <= p_set_i;
    else h_pend_q <= q_pend_o && !(retire0_i && (q_idx_i == '0));
  end
  assign h_mask_o = h_mask_q;
  assign h_pend_o = h_pend_q;

  // ------------------------------------------------------------ search
  logic [Words-1:0] hot_q, hot_d, passed, ahead, pick;
  logic [WordW-1:0] cur_q, pick_idx;
  logic [63:0]      copy_q, copy_d, fire, lowest;
  logic [5:0]       low_idx;
  logic             visit_q, visit_d, busy_q;   // visit: the words of cur_q are being read

  // Only bit 0 of word 0 is elsewhere.
  assign scan_base = IdxW'({cur_q, 6'd0});
  assign fire = s_on & (s_pend | 64'(pend0_q && (cur_q == '0)));
  assign lowest = copy_q & (~copy_q + 64'd1);

  // Next hot word after cur_q, from the start again when there is none.
  always_comb begin
    for (int unsigned w = 0; w < Words; w++) passed[w] = (w <= 32'(cur_q));
    ahead = hot_q & ~passed;
    pick = (|ahead) ? (ahead & (~ahead + Words'(1))) : (hot_q & (~hot_q + Words'(1)));
    pick_idx = '0;
    for (int unsigned w = 0; w < Words; w++) begin
      if (pick[w]) pick_idx = pick_idx | WordW'(w);
    end
    low_idx = '0;
    for (int unsigned i = 0; i < 64; i++) begin
      if (lowest[i]) low_idx = low_idx | 6'(i);
    end
  end

  always_comb begin
    copy_d = copy_q;
    visit_d = 1'b0;
    hot_d = hot_q;
    if (busy_q) begin
      if (scan_take_i) copy_d = copy_q & ~lowest;
    end else if (visit_q) begin
      copy_d = fire;
      if (fire == '0) hot_d = hot_q & ~(Words'(1) << cur_q);
    end else begin
      visit_d = |hot_q;
    end
    for (int unsigned w = 0; w < Words; w++) begin
      if (w_mask_i && !w_mask_val_i && (w == (32'(r_idx_i) >> 6))) hot_d[w] = 1'b1;
      if (p_set_i && (w == (32'(q_idx_i) >> 6))) hot_d[w] = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clr_pend_i) begin
      hot_q <= '0;
      copy_q <= '0;
      busy_q <= 1'b0;
      visit_q <= 1'b0;
      cur_q <= '0;
    end else begin
      hot_q <= hot_d;
      copy_q <= copy_d;
      busy_q <= |copy_d;
      visit_q <= visit_d;
      if (visit_d) cur_q <= pick_idx;
    end
  end

  assign scan_valid_o = busy_q;
  assign scan_idx_o = IdxW'({cur_q, low_idx});

  logic unused;
  assign unused = ^s_ign;

`ifndef SYNTHESIS
  `SIOV_ASSERT(a_set_or_clear, !(p_set_i && p_clr_i))
  // No sendable entry is forgotten: its word stays hot until a visit found nothing.
  `SIOV_ASSERT_IF(a_offer_hot, scan_valid_o, hot_q[cur_q])
  logic [IdxW-1:0] q_idx_was_q;
  always_ff @(posedge clk_i) q_idx_was_q <= q_idx_i;
  // The registered copies are exact while the sender stays with an entry.
  `SIOV_ASSERT_IF(a_hand_mask, q_idx_i == q_idx_was_q, h_mask_o == q_mask_o)
  `SIOV_ASSERT_IF(a_hand_pend, q_idx_i == q_idx_was_q, h_pend_o == q_pend_o)
  `SIOV_COVER(c_hot_twice, scan_valid_o && ((hot_q & ~(Words'(1) << cur_q)) != '0))
  `SIOV_COVER(c_empty_visit, visit_q && (fire == '0))
`endif

endmodule
