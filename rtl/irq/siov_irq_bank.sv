// SPDX-License-Identifier: Apache-2.0
// What is kept of each entry of one interrupt table: message, permission, mask, pending, ignore.
//
// Knows nothing of register layouts (siov_irq_table); messages and permissions are plain words that
// read 0 before they are written.
//
// Latency: message and permission 1 cycle after their index; a look-up or the sender that reads in
// the cycle of a write gets the new word, whole. State bits: see siov_irq_state.
// @spec dsa 2.10

module siov_irq_bank #(
  /// Entries, 1..4096, and bits of a message.
  parameter int unsigned Entries = 256,
  parameter int unsigned MsgW = 50,
  localparam int unsigned IdxW = (Entries > 1) ? $clog2(Entries) : 1,
  localparam int unsigned PermW = 1 + 20
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Messages and masks to their reset values.
  input  logic clr_msg_i,
  /// Permissions, pending and ignore bits to theirs.
  input  logic clr_perm_i,

  // software
  input  logic [IdxW-1:0] sw_idx_i,
  output logic [MsgW-1:0] sw_msg_o,
  output logic [PermW-1:0] sw_perm_o,
  output logic sw_mask_o,
  output logic sw_ign_o,
  input  logic [IdxW-1:0] sw_pend_idx_i,
  output logic [63:0] sw_pend_o,
  input  logic we_msg_i,
  input  logic we_mask_i,
  input  logic we_perm_i,
  input  logic [MsgW-1:0] w_msg_i,
  input  logic w_mask_i,
  input  logic [PermW-1:0] w_perm_i,
  input  logic w_ign_i,

  // look-up
  input  logic [IdxW-1:0] lk_idx_i,
  /// {PASID enable, PASID}
  output logic [PermW-1:0] lk_perm_o,

  // sender
  input  logic [IdxW-1:0] rd_idx_i,
  output logic [MsgW-1:0] rd_msg_o,
  input  logic [IdxW-1:0] q_idx_i,
  /// {ignore, pending, mask} of entry q_idx_i
  output logic [2:0] q_o,
  /// {pending, mask} of it, registered
  output logic [1:0] h_o,
  /// {set pending, clear pending}
  input  logic [1:0] p_i,
  input  logic retire0_i,
  output logic scan_valid_o,
  output logic [IdxW-1:0] scan_idx_o,
  input  logic scan_take_i
);

  siov_irq_store #(.Entries(Entries), .Width(MsgW)) u_msg (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_msg_i),
    .we_i(we_msg_i), .widx_i(sw_idx_i), .wdata_i(w_msg_i),
    .a_idx_i(sw_idx_i), .a_data_o(sw_msg_o), .b_idx_i(rd_idx_i), .b_data_o(rd_msg_o)
  );
  siov_irq_store #(.Entries(Entries), .Width(PermW)) u_perm (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(clr_perm_i),
    .we_i(we_perm_i), .widx_i(sw_idx_i), .wdata_i(w_perm_i),
    .a_idx_i(sw_idx_i), .a_data_o(sw_perm_o), .b_idx_i(lk_idx_i), .b_data_o(lk_perm_o)
  );
  siov_irq_state #(.Entries(Entries)) u_state (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .clr_mask_i(clr_msg_i), .clr_pend_i(clr_perm_i), .clr_ign_i(clr_perm_i),
    .r_idx_i(sw_idx_i), .w_mask_i(we_mask_i), .w_mask_val_i(w_mask_i),
    .w_ign_i(we_perm_i), .w_ign_val_i(w_ign_i), .r_mask_o(sw_mask_o), .r_ign_o(sw_ign_o),
    .pend_idx_i(sw_pend_idx_i), .pend_word_o(sw_pend_o),
    .q_idx_i(q_idx_i), .q_mask_o(q_o[0]), .q_pend_o(q_o[1]), .q_ign_o(q_o[2]),
    .h_mask_o(h_o[0]), .h_pend_o(h_o[1]),
    .p_set_i(p_i[1]), .p_clr_i(p_i[0]), .retire0_i(retire0_i),
    .scan_valid_o(scan_valid_o), .scan_idx_o(scan_idx_o), .scan_take_i(scan_take_i)
  );

endmodule
