// SPDX-License-Identifier: Apache-2.0
// The one port of an engine to siov_ats: requests of its cells (siov_eng_xl_cell), in turn. Also
// tells cells, one a cycle, that their work is being aborted (docs/architecture.md 1.5).
//
// Cell n is id n. Output registered; a request on offer stays, also across a clear: its answer is
// owed and the cell waits for it.
// Throughput: a request a cycle.

`include "siov_assert.svh"

module siov_eng_xl_ask #(
  parameter int unsigned Cells = 18,           /// 2..64
  parameter int unsigned NumWq = 8
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic [Cells-1:0]                      ask_valid_i,
  input  logic [Cells-1:0]                      ask_page_i,
  input  logic [Cells*siov_eng_pkg::XlKeyW-1:0] ask_key_i,
  output logic [Cells-1:0]                      ask_taken_o,
  output logic                                  xl_valid_o,
  input  logic                                  xl_ready_i,
  output siov_pkg::xl_req_t                     xl_req_o,
  // abort
  input  logic [NumWq-1:0]                      discard_i,
  input  logic                                  discard_pasid_en_i,
  input  logic [19:0]                           discard_pasid_i,
  input  logic [NumWq-1:0]                      epoch_i,
  output logic [Cells-1:0]                      gone_o
);
  localparam int unsigned IdxW = $clog2(Cells);
  localparam int unsigned WqW = (NumWq > 1) ? $clog2(NumWq) : 1;

  logic                  any, free, valid_q;
  logic [Cells-1:0]      grant;
  logic [IdxW-1:0]       idx;
  siov_eng_pkg::xl_key_t key;
  siov_pkg::xl_req_t     req_q;

  assign free = !valid_q || xl_ready_i;
  siov_rr_arb #(.N(Cells)) u_turn (
    .clk_i, .rst_ni, .req_i(ask_valid_i), .take_i(free), .any_o(any), .gnt_o(grant), .idx_o(idx)
  );
  siov_pick #(.N(Cells), .W(siov_eng_pkg::XlKeyW)) u_key (.v_i(ask_key_i), .idx_i(idx), .o(key));
  assign ask_taken_o = grant & {Cells{free}};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (free) valid_q <= any;
    if (free && any) begin
      req_q.page <= key.page;
      req_q.write <= key.write;
      req_q.pasid_en <= key.pasid_en;
      req_q.pasid <= key.pasid;
      req_q.priv <= key.priv;
      req_q.ask_page <= |(grant & ask_page_i);
      req_q.id <= 6'(idx);
    end
  end
  assign xl_valid_o = valid_q;
  assign xl_req_o = req_q;

  // ------------------------------------------------------------ abort
  logic [IdxW-1:0]       scan_q;
  siov_eng_pkg::xl_key_t seen;
  logic [WqW-1:0]        wq;
  logic                  match;
  siov_pick #(.N(Cells), .W(siov_eng_pkg::XlKeyW)) u_seen (.v_i(ask_key_i), .idx_i(scan_q), .o(seen));
  assign wq = seen.wq[WqW-1:0];
  assign match = discard_i[wq] && epoch_i[wq] != seen.epoch &&
                 (!discard_pasid_en_i || (seen.pasid_en && seen.pasid == discard_pasid_i));
  always_comb begin
    for (int unsigned c = 0; c < Cells; c++) gone_o[c] = match && scan_q == IdxW'(c);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || scan_q == IdxW'(Cells - 1)) scan_q <= '0;
    else scan_q <= scan_q + IdxW'(1);
  end

  logic unused_ok;
  assign unused_ok = ^{key, seen, 1'b0};

  `SIOV_ASSERT_HOLDS(XlAskHolds, xl_valid_o && !xl_ready_i, 1'b0, xl_valid_o, xl_req_o)
  `SIOV_ASSERT(XlAskTaken, (ask_taken_o & ~ask_valid_i) == '0)

endmodule
