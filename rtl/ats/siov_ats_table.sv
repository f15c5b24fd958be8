// SPDX-License-Identifier: Apache-2.0
// What translation requests (siov_ats_slots) and page requests (siov_ats_pages) have in common: who asks for what in
// each slot, whose turn it is to be sent, and whose to end.
//
// The owner keeps the states: send_i are the slots that wait to be sent, ended_i those that have ended. One request is on
// offer at a time; it stays until it is taken, or may no longer be sent. Slots are served in turn.
// Latency: from send_i to offer_o one cycle. Throughput: a request a cycle.

`include "siov_assert.svh"

module siov_ats_table #(
  localparam int unsigned KeyW = 74,          // as in siov_ats
  localparam int unsigned N = siov_pkg::XlSlots
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  // keys
  input  logic              alloc_i,
  input  logic [3:0]        alloc_slot_i,
  input  logic [KeyW-1:0]   alloc_key_i,
  input  logic              alloc_write_i,
  output logic [N*KeyW-1:0] key_o,
  output logic [N-1:0]      write_o,
  input  logic [KeyW-1:0]   s2_key_i,
  input  logic              s2_write_i,
  output logic [N-1:0]      s2_same_o,        /// asks for just this
  // requests
  input  logic              open_i,           /// requests may be sent,
  input  logic              pasid_en_i,       /// those with PASID too
  output logic [N-1:0]      sendable_o,
  input  logic [N-1:0]      send_i,
  output logic              offer_o,
  input  logic              offer_ready_i,
  output logic [3:0]        offer_slot_o,
  output logic [KeyW-1:0]   offer_key_o,
  output logic              offer_write_o,
  output logic [N-1:0]      sent_o,           /// pulse
  // ends
  input  logic [N-1:0]      ended_i,
  output logic              done_valid_o,
  output logic [3:0]        done_slot_o,
  input  logic              done_take_i
);
  logic [N*KeyW-1:0] key_q;
  logic [N-1:0]      write_q, held, to_send;
  logic              any, offer_q, open, sent, load;
  logic [3:0]        pick, slot_q, last_done_q;
  logic [KeyW-1:0]   pick_key, offer_key_q;
  logic              offer_write_q;

  always_comb begin
    for (int unsigned k = 0; k < N; k++) begin
      s2_same_o[k] = key_q[k*KeyW +: KeyW] == s2_key_i && write_q[k] == s2_write_i;
      sendable_o[k] = open_i && (pasid_en_i || !key_q[k*KeyW + 21]);
      held[k] = offer_q && slot_q == 4'(k);
      to_send[k] = send_i[k] && sendable_o[k] && !held[k];
    end
  end
  siov_first #(.N(N)) u_pick (.req_i(to_send), .after_i(slot_q), .any_o(any), .idx_o(pick));
  siov_pick #(.N(N), .W(KeyW)) u_key (.v_i(key_q), .idx_i(pick), .o(pick_key));
  siov_first #(.N(N)) u_done (.req_i(ended_i), .after_i(last_done_q), .any_o(done_valid_o), .idx_o(done_slot_o));
  assign open = open_i && (pasid_en_i || !offer_key_q[21]);
  assign offer_o = offer_q && open;
  assign sent = offer_o && offer_ready_i;
  assign load = !offer_q || sent;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      offer_q <= 1'b0;
      slot_q <= '0;
      last_done_q <= '0;
    end else begin
      if (load) offer_q <= any;
      else if (!open) offer_q <= 1'b0;
      if (load && any) slot_q <= pick;
      if (done_take_i) last_done_q <= done_slot_o;
    end
    if (load) begin
      offer_key_q <= pick_key;
      offer_write_q <= write_q[pick];
    end
    for (int unsigned k = 0; k < N; k++) begin
      if (alloc_i && alloc_slot_i == 4'(k)) begin
        key_q[k*KeyW +: KeyW] <= alloc_key_i;
        write_q[k] <= alloc_write_i;
      end
    end
  end
  assign key_o = key_q;
  assign write_o = write_q;
  assign offer_slot_o = slot_q;
  assign offer_key_o = offer_key_q;
  assign offer_write_o = offer_write_q;
  assign sent_o = held & {N{sent}};

  `SIOV_ASSERT_HOLDS(TableOfferHolds, offer_o && !offer_ready_i, !open, offer_o, {slot_q, offer_key_q, offer_write_q})

endmodule
