// SPDX-License-Identifier: Apache-2.0
// Mask, pending and ignore bit of each entry of one interrupt table, and the search for a pending
// entry that may be sent.
//
// scan_valid_o names an entry that is pending and not masked; it falls when the entry is masked or
// its pending bit goes. The search looks at 16 entries a cycle and serves entries in turn.
// Does not send (siov_irq_send) and knows nothing of the function mask.
//
// Latency: writes 1 cycle; an unmasked pending entry is offered within Entries/16 + 17 cycles.
// Combinational paths: q_idx_i to q_*_o, r_idx_i to r_*_o.
// @spec dsa 2.10, pcie MSI-X (pending bit array)

`include "siov_assert.svh"

module siov_irq_state #(
  /// Entries, at least 2.
  parameter int unsigned Entries = 256,
  localparam int unsigned IdxW = $clog2(Entries)
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// All entries: masked; not pending; not ignored.
  input  logic clr_mask_i,
  input  logic clr_pend_i,
  input  logic clr_ign_i,

  // software
  input  logic w_mask_i,
  input  logic w_mask_val_i,
  input  logic w_ign_i,
  input  logic w_ign_val_i,
  input  logic [IdxW-1:0] w_mask_idx_i,
  input  logic [IdxW-1:0] w_ign_idx_i,
  input  logic [IdxW-1:0] r_idx_i,
  output logic r_mask_o,
  output logic r_pend_o,
  output logic r_ign_o,
  output logic [Entries-1:0] pend_o,

  // sender
  input  logic [IdxW-1:0] q_idx_i,
  output logic q_mask_o,
  output logic q_pend_o,
  output logic q_ign_o,
  /// Of entry q_idx_i.
  input  logic p_set_i,
  input  logic p_clr_i,
  /// The event behind entry 0 is over.
  input  logic retire0_i,
  output logic scan_valid_o,
  output logic [IdxW-1:0] scan_idx_o
);

  localparam int unsigned Words = (Entries + 15) / 16;
  localparam int unsigned PtrW = $clog2(16 * Words);

  logic [Entries-1:0]  mask_q, pend_q, ign_q, fire;
  logic [16*Words-1:0] fire_pad;
  logic [PtrW-1:0]     ptr_q, ptr_d;
  logic [15:0]         word;

  assign fire = pend_q & ~mask_q;
  assign fire_pad = (16*Words)'(fire);

  always_comb begin
    word = '0;
    for (int unsigned i = 0; i < Words; i++) begin
      if ((ptr_q >> 4) == PtrW'(i)) word = fire_pad[16*i +: 16];
    end
    ptr_d = ptr_q;
    if (!word[ptr_q[3:0]] && (fire != '0)) begin
      ptr_d = (word == '0) ? (ptr_q | PtrW'(15)) + PtrW'(1) : ptr_q + PtrW'(1);
      if ((ptr_q >> 4) == PtrW'(Words - 1) && ((word == '0) || (&ptr_q[3:0]))) ptr_d = '0;
    end
  end

  assign scan_valid_o = word[ptr_q[3:0]];
  assign scan_idx_o = ptr_q[IdxW-1:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) ptr_q <= '0;
    else ptr_q <= ptr_d;

    if (!rst_ni || clr_mask_i) mask_q <= '1;
    else if (w_mask_i) mask_q[w_mask_idx_i] <= w_mask_val_i;

    if (!rst_ni || clr_ign_i) ign_q <= '0;
    else if (w_ign_i) ign_q[w_ign_idx_i] <= w_ign_val_i;

    if (!rst_ni || clr_pend_i) begin
      pend_q <= '0;
    end else begin
      if (retire0_i) pend_q[0] <= 1'b0;
      if (p_clr_i) pend_q[q_idx_i] <= 1'b0;
      if (p_set_i) pend_q[q_idx_i] <= 1'b1;
    end
  end

  assign r_mask_o = mask_q[r_idx_i];
  assign r_pend_o = pend_q[r_idx_i];
  assign r_ign_o = ign_q[r_idx_i];
  assign q_mask_o = mask_q[q_idx_i];
  assign q_pend_o = pend_q[q_idx_i];
  assign q_ign_o = ign_q[q_idx_i];
  assign pend_o = pend_q;

`ifndef SYNTHESIS
  // An offered entry may be sent.
  `SIOV_ASSERT(a_scan_fires, scan_valid_o |-> fire[scan_idx_o])
  `SIOV_ASSERT(a_set_or_clear, !(p_set_i && p_clr_i))
  `SIOV_COVER(c_pending_unmasked, (fire != '0) && !scan_valid_o)
`endif

endmodule
