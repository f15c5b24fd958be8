// SPDX-License-Identifier: Apache-2.0
// One translation that somebody waits for or has: asks siov_ats for it, asks for the page if it may,
// holds the outcome (docs/architecture.md 1.8).
//
//   Ask -> Asked -+-> Ready
//    ^      |     +-> Slot (a request is on the link) -> Ready, or as below
//    |      |     +-> Busy (no slot) -> Ask
//    +------+-- fault: asks for the page, then again for the translation, PageRetries times in a row
//               at most, else Fault, with the reason
// mark_i: what was received before it is not used any more. An abort (gone_i) ends waiting for a page.
// After clear_i an answer that is still owed belongs to nobody; nothing is asked before it has come.
// Latency: load to ask one cycle, answer to ready one cycle.

`include "siov_assert.svh"

module siov_eng_xl_cell #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned Id = 0,               /// name of its requests
  parameter int unsigned PageRetries = 8       /// page requests, 1..15
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   clear_i,
  input  logic                   mark_i,
  input  logic                   keep_i,         /// somebody waits: after a mark it asks again
  input  logic                   load_i,         /// a new key; what was there is forgotten
  input  siov_eng_pkg::xl_key_t  key_i,
  input  logic                   drop_i,         /// forget
  input  logic                   gone_i,         /// pulse: the work is aborted
  output siov_eng_pkg::xl_key_t  key_o,
  output logic                   idle_o,         /// holds nothing
  output logic                   busy_o,         /// something is asked or to be asked
  output logic                   ready_o,
  output logic                   fault_o,
  output logic [1:0]             reason_o,       /// with fault_o
  output logic [51:0]            page_o,         /// with ready_o
  output logic                   untranslated_o, /// with ready_o
  // siov_eng_xl_ask and siov_ats
  output logic                   ask_valid_o,
  output logic                   ask_page_o,     /// a page request
  input  logic                   ask_taken_i,
  input  logic                   xa_valid_i,
  input  siov_pkg::xl_ans_t      xa_i
);
  localparam logic [2:0] StIdle = 3'd0;
  localparam logic [2:0] StAsk = 3'd1;
  localparam logic [2:0] StAsked = 3'd2;     // waits for its answer
  localparam logic [2:0] StSlot = 3'd3;      // waits for the end of a slot
  localparam logic [2:0] StBusy = 3'd4;      // waits for a slot to become free
  localparam logic [2:0] StReady = 3'd5;
  localparam logic [2:0] StFault = 3'd6;

  logic [2:0]            state_q, state_d;
  siov_eng_pkg::xl_key_t key_q;
  logic                  owed_q, paging_q, paging_d, untranslated_q;
  logic [4:0]            slot_q;
  logic [3:0]            tries_q, tries_d;
  logic [1:0]            reason_q, reason_d;
  logic [5:0]            rest_q;              // of StBusy
  logic [51:0]           page_q;
  logic                  mine, heard;

  assign mine = xa_valid_i && !xa_i.done && xa_i.engine == 2'(EngineId) && xa_i.id == 6'(Id);
  assign heard = (state_q == StAsked && mine) ||
                 (state_q == StSlot && xa_valid_i && xa_i.done && xa_i.slot == slot_q);

  always_comb begin
    state_d = state_q;
    paging_d = paging_q;
    tries_d = tries_q;
    reason_d = reason_q;
    unique case (state_q)
      StAsk: if (ask_taken_i) state_d = StAsked;
      StBusy: if ((xa_valid_i && xa_i.done) || rest_q == '1) state_d = StAsk;
      StReady: if (mark_i) state_d = keep_i ? StAsk : StIdle;
      default: ;
    endcase
    if (heard) begin
      unique case (xa_i.code)
        siov_pkg::XlOk: begin
          state_d = StReady;
          tries_d = '0;                       // the page has come
          if (mark_i || (key_q.write && !xa_i.write)) state_d = StAsk;
        end
        siov_pkg::XlMiss: state_d = StSlot;
        siov_pkg::XlBusy: state_d = StBusy;
        siov_pkg::XlFault: begin
          state_d = StFault;
          reason_d = siov_eng_pkg::XlNoPage;
          if (key_q.block && !gone_i && !paging_q) begin
            reason_d = siov_eng_pkg::XlNoMore;
            if (tries_q != 4'(PageRetries)) begin
              state_d = StAsk;
              paging_d = 1'b1;
            end
          end
        end
        siov_pkg::XlPageOk: begin
          state_d = StAsk;
          paging_d = 1'b0;
          tries_d = tries_q + 4'd1;
        end
        siov_pkg::XlPageInvalid: begin
          state_d = StFault;
          reason_d = siov_eng_pkg::XlNoMore;
        end
        default: begin                        // XlError, XlPageFailure
          state_d = StFault;
          reason_d = siov_eng_pkg::XlBroken;
        end
      endcase
    end else if (gone_i && paging_q && (state_q == StSlot || state_q == StBusy || (state_q == StAsk && !ask_taken_i))) begin
      state_d = StFault;
      reason_d = siov_eng_pkg::XlNoPage;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      owed_q <= 1'b0;
    end else begin
      if (ask_taken_i) owed_q <= 1'b1;
      else if (mine) owed_q <= 1'b0;
      state_q <= state_d;
      if (clear_i || drop_i) state_q <= StIdle;
      else if (load_i) state_q <= StAsk;
    end
    paging_q <= paging_d && !load_i;
    tries_q <= load_i ? '0 : tries_d;
    reason_q <= reason_d;
    rest_q <= (state_q == StBusy) ? rest_q + 6'd1 : '0;
    if (load_i) key_q <= key_i;
    if (heard) begin
      slot_q <= xa_i.slot;
      page_q <= xa_i.page;
      untranslated_q <= xa_i.untranslated;
    end
  end

  assign key_o = key_q;
  assign idle_o = state_q == StIdle;
  assign busy_o = state_q == StAsk || state_q == StAsked || state_q == StSlot || state_q == StBusy;
  assign ready_o = state_q == StReady;
  assign fault_o = state_q == StFault;
  assign reason_o = reason_q;
  assign page_o = page_q;
  assign untranslated_o = untranslated_q;
  assign ask_valid_o = state_q == StAsk && !owed_q;
  assign ask_page_o = paging_q;

  `SIOV_ASSERT_IF(XlCellAnswerOwed, mine, owed_q)
  `SIOV_ASSERT_NEXT(XlCellMarked, mark_i, !ready_o)
  `SIOV_ASSERT_NEXT(XlCellMayWrite, heard && xa_i.code == siov_pkg::XlOk && !xa_i.write && key_q.write, !ready_o)
  `SIOV_ASSERT_IF(XlCellTries, busy_o, tries_q <= 4'(PageRetries))
  `SIOV_ASSERT_IF(XlCellPages, ask_valid_o && ask_page_o, key_q.block)
  `SIOV_COVER(XlCellRetry, busy_o && !paging_q && tries_q != '0)
  `SIOV_COVER(XlCellBusy, state_q == StBusy)

endmodule
