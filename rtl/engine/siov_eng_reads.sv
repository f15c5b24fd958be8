// SPDX-License-Identifier: Apache-2.0
// The one read port of an engine: data reads, list reads and readbacks, each behind its translations
// (siov_eng_xl_reads). Readback first, then lists, then data; a request on offer stays. Wiring, and
// that choice.

`include "siov_assert.svh"

module siov_eng_reads #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned FirstId = 0,          /// of 12 cells
  parameter int unsigned TagW = 6,             /// numbers of data tags
  parameter int unsigned PageRetries = 8
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,
  input  logic                                  clear_i,
  input  logic                                  stop_i,         /// nothing new is offered
  input  logic                                  mark_i,
  // data: siov_eng_ring
  input  logic                                  data_valid_i,
  output logic                                  data_ready_o,
  input  siov_pkg::tx_req_t                     data_req_i,
  input  logic [TagW-1:0]                       data_tag_i,
  input  siov_eng_pkg::xl_attr_t                data_attr_i,
  output logic                                  data_sent_o,
  output logic [TagW-1:0]                       data_sent_tag_o,
  output logic                                  data_unsent_o,
  output logic [TagW-1:0]                       data_unsent_tag_o,
  output logic                                  data_fail_o,
  output logic [TagW-1:0]                       data_fail_tag_o,
  output logic [1:0]                            data_reason_o,
  output logic [51:0]                           data_page_o,
  // lists: siov_eng_ring
  input  logic                                  list_valid_i,
  output logic                                  list_ready_o,
  input  siov_pkg::tx_req_t                     list_req_i,
  input  logic [2:0]                            list_tag_i,
  input  siov_eng_pkg::xl_attr_t                list_attr_i,
  output logic                                  list_sent_o,
  output logic [2:0]                            list_sent_tag_o,
  output logic                                  list_unsent_o,
  output logic [2:0]                            list_unsent_tag_o,
  output logic                                  list_fail_o,
  output logic [2:0]                            list_fail_tag_o,
  output logic [1:0]                            list_reason_o,
  output logic [51:0]                           list_page_o,
  // siov_eng_readback
  input  logic                                  back_valid_i,
  output logic                                  back_ready_o,
  input  siov_pkg::tx_req_t                     back_req_i,
  input  siov_eng_pkg::xl_attr_t                back_attr_i,
  output logic                                  back_sent_o,
  output logic                                  back_unsent_o,
  output logic                                  back_fail_o,
  // link
  output logic                                  rd_valid_o,
  input  logic                                  rd_ready_i,
  output siov_pkg::tx_req_t                     rd_req_o,
  // siov_eng_xl_ask and siov_ats
  output logic [11:0]                           ask_valid_o,
  output logic [11:0]                           ask_page_o,
  output logic [12*siov_eng_pkg::XlKeyW-1:0]    ask_key_o,
  input  logic [11:0]                           ask_taken_i,
  input  logic [11:0]                           gone_i,
  input  logic                                  xa_valid_i,
  input  siov_pkg::xl_ans_t                     xa_i
);
  localparam int unsigned KeyW = siov_eng_pkg::XlKeyW;

  logic              data_valid, data_ready, list_valid, list_ready, back_valid, back_ready;
  siov_pkg::tx_req_t data_req, list_req, back_req;
  siov_eng_xl_reads #(
    .EngineId(EngineId), .FirstId(FirstId), .Depth(16), .Cells(8), .TagW(TagW), .PageRetries(PageRetries)
  ) u_data (
    .clk_i, .rst_ni, .clear_i, .mark_i, .in_valid_i(data_valid_i), .in_ready_o(data_ready_o),
    .in_req_i(data_req_i), .in_tag_i(data_tag_i), .in_attr_i(data_attr_i), .out_valid_o(data_valid),
    .out_ready_i(data_ready), .out_req_o(data_req), .sent_o(data_sent_o), .sent_tag_o(data_sent_tag_o),
    .unsent_o(data_unsent_o), .unsent_tag_o(data_unsent_tag_o), .fail_o(data_fail_o),
    .fail_tag_o(data_fail_tag_o), .fail_reason_o(data_reason_o), .fail_page_o(data_page_o),
    .ask_valid_o(ask_valid_o[7:0]), .ask_page_o(ask_page_o[7:0]), .ask_key_o(ask_key_o[8*KeyW-1:0]),
    .ask_taken_i(ask_taken_i[7:0]), .gone_i(gone_i[7:0]), .xa_valid_i, .xa_i
  );
  siov_eng_xl_reads #(
    .EngineId(EngineId), .FirstId(FirstId + 8), .Depth(4), .Cells(2), .TagW(3), .PageRetries(PageRetries)
  ) u_list (
    .clk_i, .rst_ni, .clear_i, .mark_i, .in_valid_i(list_valid_i), .in_ready_o(list_ready_o),
    .in_req_i(list_req_i), .in_tag_i(list_tag_i), .in_attr_i(list_attr_i), .out_valid_o(list_valid),
    .out_ready_i(list_ready), .out_req_o(list_req), .sent_o(list_sent_o), .sent_tag_o(list_sent_tag_o),
    .unsent_o(list_unsent_o), .unsent_tag_o(list_unsent_tag_o), .fail_o(list_fail_o),
    .fail_tag_o(list_fail_tag_o), .fail_reason_o(list_reason_o), .fail_page_o(list_page_o),
    .ask_valid_o(ask_valid_o[9:8]), .ask_page_o(ask_page_o[9:8]), .ask_key_o(ask_key_o[8*KeyW +: 2*KeyW]),
    .ask_taken_i(ask_taken_i[9:8]), .gone_i(gone_i[9:8]), .xa_valid_i, .xa_i
  );
  logic        unused_sent_tag, unused_unsent_tag, unused_fail_tag;
  logic [1:0]  unused_reason;
  logic [51:0] unused_page;
  siov_eng_xl_reads #(
    .EngineId(EngineId), .FirstId(FirstId + 10), .Depth(2), .Cells(2), .TagW(1), .PageRetries(PageRetries)
  ) u_back (
    .clk_i, .rst_ni, .clear_i, .mark_i, .in_valid_i(back_valid_i), .in_ready_o(back_ready_o),
    .in_req_i(back_req_i), .in_tag_i(1'b0), .in_attr_i(back_attr_i), .out_valid_o(back_valid),
    .out_ready_i(back_ready), .out_req_o(back_req), .sent_o(back_sent_o), .sent_tag_o(unused_sent_tag),
    .unsent_o(back_unsent_o), .unsent_tag_o(unused_unsent_tag), .fail_o(back_fail_o),
    .fail_tag_o(unused_fail_tag), .fail_reason_o(unused_reason), .fail_page_o(unused_page),
    .ask_valid_o(ask_valid_o[11:10]), .ask_page_o(ask_page_o[11:10]), .ask_key_o(ask_key_o[10*KeyW +: 2*KeyW]),
    .ask_taken_i(ask_taken_i[11:10]), .gone_i(gone_i[11:10]), .xa_valid_i, .xa_i
  );
  logic unused_ok;
  assign unused_ok = ^{unused_sent_tag, unused_unsent_tag, unused_fail_tag, unused_reason, unused_page, 1'b0};

  logic [1:0] pick, held_q;
  logic       hold_q;
  always_comb begin
    pick = back_valid ? 2'd2 : list_valid ? 2'd1 : 2'd0;
    if (hold_q) pick = held_q;
    rd_valid_o = (pick == 2'd2 ? back_valid : pick == 2'd1 ? list_valid : data_valid) && !stop_i;
    rd_req_o = (pick == 2'd2) ? back_req : (pick == 2'd1) ? list_req : data_req;
  end
  assign back_ready = pick == 2'd2 && rd_ready_i && !stop_i;
  assign list_ready = pick == 2'd1 && rd_ready_i && !stop_i;
  assign data_ready = pick == 2'd0 && rd_ready_i && !stop_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) hold_q <= 1'b0;
    else hold_q <= rd_valid_o && !rd_ready_i;
    held_q <= pick;
  end

  `SIOV_ASSERT_HOLDS(ReadsHold, rd_valid_o && !rd_ready_i && !stop_i, stop_i, rd_valid_o, rd_req_o)

endmodule
