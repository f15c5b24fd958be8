// SPDX-License-Identifier: Apache-2.0
// Translation for one operand of the walker: the page that it needs now, and the one that it needs next.
//
// want_i with key_i: got_o answers for that page, at once if it is held. A page that is not held is
// asked for in the cell that was not used last. ahead_i with ahead_key_i asks for another page
// meanwhile, in the same place, if that is not needed. A mark empties both.
// Not here: what is done with a fault; who takes it says take_fault_i, so that it is not heard twice.
// Latency: combinational from key_i to got_o for a page that is held.

`include "siov_assert.svh"

module siov_eng_xl_pair #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned FirstId = 0,
  parameter int unsigned PageRetries = 8
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic                             clear_i,
  input  logic                             mark_i,
  input  logic                             want_i,
  input  siov_eng_pkg::xl_key_t            key_i,
  input  logic                             ahead_i,
  input  siov_eng_pkg::xl_key_t            ahead_key_i,
  input  logic                             take_fault_i,   /// faults are forgotten
  output siov_eng_pkg::xl_got_t            got_o,
  output logic                             quiet_o,        /// nothing is asked
  output logic [1:0]                       ask_valid_o,
  output logic [1:0]                       ask_page_o,
  output logic [2*siov_eng_pkg::XlKeyW-1:0] ask_key_o,
  input  logic [1:0]                       ask_taken_i,
  input  logic [1:0]                       gone_i,
  input  logic                             xa_valid_i,
  input  siov_pkg::xl_ans_t                xa_i
);
  logic [1:0]                    hit, near, idle, busy, ready, fault, untranslated, load, load_ahead;
  logic [3:0]                    reason;
  logic [103:0]                  page;
  logic                          last_q, now, at;   // cell used last, used now
  siov_eng_pkg::xl_key_t         load_key;

  for (genvar c = 0; c < 2; c++) begin : gen_cell
    logic [siov_eng_pkg::XlKeyW-1:0] key;
    siov_eng_xl_cell #(.EngineId(EngineId), .Id(FirstId + c), .PageRetries(PageRetries)) u_cell (
      .clk_i, .rst_ni, .clear_i, .mark_i, .keep_i(1'b0), .load_i(load[c]), .key_i(load_key),
      .drop_i(take_fault_i && fault[c] && !load[c]), .gone_i(gone_i[c]), .key_o(key), .idle_o(idle[c]),
      .busy_o(busy[c]), .ready_o(ready[c]), .fault_o(fault[c]), .reason_o(reason[2*c +: 2]),
      .page_o(page[52*c +: 52]), .untranslated_o(untranslated[c]), .ask_valid_o(ask_valid_o[c]),
      .ask_page_o(ask_page_o[c]), .ask_taken_i(ask_taken_i[c]), .xa_valid_i, .xa_i
    );
    assign ask_key_o[c*siov_eng_pkg::XlKeyW +: siov_eng_pkg::XlKeyW] = key;
    assign hit[c] = !idle[c] && key == key_i;
    assign near[c] = !idle[c] && key == ahead_key_i;
  end

  logic miss;
  always_comb begin
    at = hit[1];
    miss = want_i && hit == 2'b00;
    now = (want_i && !miss) ? at : last_q;
  end
  always_comb begin
    load_key = miss ? key_i : ahead_key_i;
    load_ahead = (ahead_i && near == 2'b00) ? {!now, now} : 2'b00;
    load = miss ? {!last_q, last_q} : load_ahead;
  end
  always_comb begin
    got_o.ready = want_i && |(hit & ready);
    got_o.fault = want_i && |(hit & fault);
    got_o.reason = at ? reason[3:2] : reason[1:0];
    got_o.untranslated = at ? untranslated[1] : untranslated[0];
    got_o.page = at ? page[103:52] : page[51:0];
  end
  assign quiet_o = busy == 2'b00;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) last_q <= 1'b0;
    else if (miss) last_q <= !last_q;
    else if (want_i) last_q <= at;
  end

  `SIOV_ASSERT(XlPairOnce, !(want_i && hit == 2'b11))
`ifndef SYNTHESIS
  siov_eng_pkg::xl_key_t key_was_q;
  always_ff @(posedge clk_i) if (want_i) key_was_q <= key_i;
`endif
  `SIOV_ASSERT_NEXT(XlPairKeeps, want_i && got_o.ready && !mark_i && !clear_i && !take_fault_i,
    got_o.ready || !want_i || key_i != key_was_q)

endmodule
