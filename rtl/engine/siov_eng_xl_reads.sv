// SPDX-License-Identifier: Apache-2.0
// Read requests that wait for their translation, in order (docs/architecture.md 1.8).
//
// A request without translation (attr.ats = 0) passes at once while nothing waits. The others enter
// a fifo; a request for one of the last two pages shares its cell (siov_eng_xl_cell), so the blocks of two
// sources do too. Cells ask at once: misses overlap. The head leaves with the translated address, AT = 10 and no PASID; where only
// untranslated access is allowed, as it came. Without translation it does not leave: fail_o tells
// the owner of its tag. A request that has left the fifo waits for the link only; sent_o says that it
// uses a translation.
// Latency: 3 cycles and the answer's; translated at one a cycle. clear_i forgets all.

`include "siov_assert.svh"

module siov_eng_xl_reads #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned FirstId = 0,         /// of its cells
  parameter int unsigned Depth = 16,          /// requests
  parameter int unsigned Cells = 8,           /// pages, power of two
  parameter int unsigned TagW = 8,
  parameter int unsigned PageRetries = 8
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  clear_i,
  input  logic                                  mark_i,
  input  logic                                  in_valid_i,
  output logic                                  in_ready_o,
  input  siov_pkg::tx_req_t                     in_req_i,
  input  logic [TagW-1:0]                       in_tag_i,       /// the owner's number of it
  input  siov_eng_pkg::xl_attr_t                in_attr_i,
  output logic                                  out_valid_o,
  input  logic                                  out_ready_i,
  output siov_pkg::tx_req_t                     out_req_o,
  // to the owner of the tags
  output logic                                  sent_o,         /// pulse: this tag uses a translation
  output logic [TagW-1:0]                       sent_tag_o,
  output logic                                  unsent_o,       /// something waits, this tag first
  output logic [TagW-1:0]                       unsent_tag_o,
  output logic                                  fail_o,         /// pulse: this one will never be sent
  output logic [TagW-1:0]                       fail_tag_o,
  output logic [1:0]                            fail_reason_o,
  output logic [51:0]                           fail_page_o,
  // siov_eng_xl_ask and siov_ats
  output logic [Cells-1:0]                      ask_valid_o,
  output logic [Cells-1:0]                      ask_page_o,
  output logic [Cells*siov_eng_pkg::XlKeyW-1:0] ask_key_o,
  input  logic [Cells-1:0]                      ask_taken_i,
  input  logic [Cells-1:0]                      gone_i,
  input  logic                                  xa_valid_i,
  input  siov_pkg::xl_ans_t                     xa_i
);
  localparam int unsigned CellW = $clog2(Cells);
  localparam int unsigned UseW = $clog2(Depth + 1);
  localparam int unsigned EntryW = siov_pkg::TxReqW + TagW + 1 + CellW;

  // ------------------------------------------------------------ in
  logic [Cells-1:0]      load, idle, busy, ready, fault, untranslated, used, joins, leaves;
  logic [2*Cells-1:0]    reason;
  logic [52*Cells-1:0]   page;
  siov_eng_pkg::xl_key_t key, newest_key_q, older_key_q;
  logic [CellW-1:0]      newest_q, older, next, joined;
  logic                  h_valid, h_pop, room, bypass, same, same_older, push, out_valid_q;
  logic [UseW-1:0]       held;

  always_comb begin
    key.page = in_req_i.addr[63:12];
    key.write = 1'b0;
    key.pasid_en = in_req_i.pasid_valid;
    key.pasid = in_req_i.pasid;
    key.priv = in_req_i.priv;
    key.block = in_attr_i.block;
    key.wq = in_attr_i.wq;
    key.epoch = in_attr_i.epoch;
    next = newest_q + CellW'(1);
    same = !idle[newest_q] && !fault[newest_q] && newest_key_q == key;
    older = newest_q - CellW'(1);
    same_older = !idle[older] && !fault[older] && older_key_q == key;
    joined = same ? newest_q : same_older ? older : next;
    bypass = !in_attr_i.ats && !h_valid && !out_valid_q;
    push = in_valid_i && !bypass && room && (!in_attr_i.ats || same || same_older || !used[next]);
    joins = '0;
    joins[joined] = push && in_attr_i.ats;
    load = (same || same_older) ? '0 : joins;
  end
  assign in_ready_o = bypass ? out_ready_i : push;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) newest_q <= '0;
    else if (|load) newest_q <= next;
    if (|load) begin
      newest_key_q <= key;
      older_key_q <= newest_key_q;
    end
  end

  // ------------------------------------------------------------ cells
  for (genvar c = 0; c < Cells; c++) begin : gen_cell
    logic [UseW-1:0]                 uses_q;   // requests in the fifo
    logic [siov_eng_pkg::XlKeyW-1:0] cell_key;
    siov_eng_xl_cell #(.EngineId(EngineId), .Id(FirstId + c), .PageRetries(PageRetries)) u_cell (
      .clk_i, .rst_ni, .clear_i, .mark_i, .keep_i(used[c] || joins[c]), .load_i(load[c]), .key_i(key),
      .drop_i(1'b0), .gone_i(gone_i[c]), .key_o(cell_key), .idle_o(idle[c]), .busy_o(busy[c]),
      .ready_o(ready[c]), .fault_o(fault[c]), .reason_o(reason[2*c +: 2]),
      .page_o(page[52*c +: 52]), .untranslated_o(untranslated[c]), .ask_valid_o(ask_valid_o[c]),
      .ask_page_o(ask_page_o[c]), .ask_taken_i(ask_taken_i[c]), .xa_valid_i, .xa_i
    );
    assign ask_key_o[c*siov_eng_pkg::XlKeyW +: siov_eng_pkg::XlKeyW] = cell_key;
    assign used[c] = uses_q != '0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) uses_q <= '0;
      else uses_q <= uses_q + UseW'(joins[c]) - UseW'(leaves[c]);
    end
  end

  // ------------------------------------------------------------ the head
  siov_pkg::tx_req_t h_req, req;
  logic [TagW-1:0]   h_tag;
  logic              h_ats, out_free, move, fail, u;
  logic [CellW-1:0]  h_cell;
  logic [1:0]        h_reason;
  logic [51:0]       h_page;
  siov_fifo #(.W(EntryW), .Depth(Depth)) u_wait (
    .clk_i, .rst_ni, .clear_i, .wr_valid_i(push), .wr_ready_o(room),
    .wr_data_i({in_req_i, in_tag_i, in_attr_i.ats, joined}), .rd_valid_o(h_valid), .rd_ready_i(h_pop),
    .rd_data_o({h_req, h_tag, h_ats, h_cell}), .count_o(held)
  );
  siov_pick #(.N(Cells), .W(2)) u_reason (.v_i(reason), .idx_i(h_cell), .o(h_reason));
  siov_pick #(.N(Cells), .W(52)) u_page (.v_i(page), .idx_i(h_cell), .o(h_page));
  assign out_free = !out_valid_q || out_ready_i;
  always_comb begin
    move = h_valid && out_free && (!h_ats || ready[h_cell]);
    fail = h_valid && h_ats && fault[h_cell];
    h_pop = move || fail;
    leaves = '0;
    leaves[h_cell] = h_pop && h_ats;
    u = !h_ats || untranslated[h_cell];
    req = h_req;
    if (!u) begin
      req.addr[63:12] = h_page;
      req.at = 2'b10;
      req.pasid_valid = 1'b0;
      req.pasid = '0;
      req.priv = 1'b0;
    end
  end
  assign sent_o = move && !u && !clear_i;
  assign sent_tag_o = h_tag;
  assign fail_o = fail && !clear_i;
  assign fail_tag_o = h_tag;
  assign fail_reason_o = h_reason;
  assign fail_page_o = h_req.addr[63:12];

  // ------------------------------------------------------------ out
  siov_pkg::tx_req_t out_q;
  logic [TagW-1:0]   out_tag_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) out_valid_q <= 1'b0;
    else if (out_free) out_valid_q <= move;
    if (move) begin
      out_q <= req;
      out_tag_q <= h_tag;
    end
  end
  assign out_valid_o = out_valid_q || (bypass && in_valid_i);
  assign out_req_o = out_valid_q ? out_q : in_req_i;
  assign unsent_o = out_valid_q || h_valid;
  assign unsent_tag_o = out_valid_q ? out_tag_q : h_tag;

  logic unused_ok;
  assign unused_ok = ^{busy, held, 1'b0};

  `SIOV_STATIC(gen_bad_cells, Cells == (1 << CellW))
  `SIOV_ASSERT_IF(XlReadsTranslated, out_valid_o && out_req_o.at == 2'b10, !out_req_o.pasid_valid)
  `SIOV_ASSERT_IF(XlReadsReady, move && h_ats, ready[h_cell])
  `SIOV_COVER(XlReadsOverlap, $countones(busy) > 2)

endmodule
