// SPDX-License-Identifier: Apache-2.0
// Invalidate Requests: a queue of 32, one after the other, whatever the rest of the device does.
//
// For each: translations on the way become stale (stale_o), the sets that can hold what is covered are gone through
// (scan_*), then the engines are marked, and when none of them is busy with an old translation the Invalidate Completion
// goes. Requests of the same host agent that wait meanwhile share one mark and one completion (ITag vector).
// CC is 1: all traffic classes use the one virtual channel, and siov_tx keeps the order of acceptance for all posted
// TLPs, so one completion is behind the writes of every class. With PASID an invalidation of a small range knows its
// sets; without PASID, or with the global flag, all sets are gone through; everything is one cycle.
// @spec PCIe-6.3 10.3; reference pcie.md 9.3

`include "siov_assert.svh"

module siov_ats_inval #(
  parameter int unsigned NumEngines = 4,
  parameter int unsigned SetW = 8
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  vm_valid_i,
  input  siov_pkg::vm_in_t      vm_i,
  // the one in work
  output logic                  stale_o,        /// pulse, one cycle before its first set
  output logic                  all_o,          /// pulse with it: covers everything, the cache is cleared instead
  output logic [51:0]           page_o,
  output logic [51:0]           any_o,          /// page bits that do not matter
  output logic                  pasid_en_o,
  output logic                  global_o,
  output logic [19:0]           pasid_o,
  // work for the pipeline
  output logic                  scan_valid_o,
  output logic [SetW-1:0]       scan_set_o,
  output logic                  mark_valid_o,
  input  logic                  take_i,
  input  logic                  marked_i,       /// pulse: the mark taken from here is one cycle before xi_mark
  input  logic                  any_mark_i,     /// pulse: so is any mark
  input  logic [NumEngines-1:0] busy_i,
  // message
  output logic                  pm_valid_o,
  input  logic                  pm_ready_i,
  output siov_pkg::pm_out_t     pm_o
);
  localparam int unsigned QueueW = 16 + 5 + 1 + 20 + 54;

  typedef enum logic [2:0] {StIdle, StStale, StScan, StNext, StMark, StMarked, StBusy, StSend} state_e;

  logic              q_valid, q_pop, q_room, q_pasid_en;
  logic [15:0]       q_requester;
  logic [4:0]        q_itag;
  logic [19:0]       q_pasid;
  logic [51:0]       q_page;
  logic              q_large, q_global;
  logic [QueueW-1:0] q_data;
  logic [5:0]        q_count;
  siov_fifo #(.W(QueueW), .Depth(32)) u_queue (
    .clk_i, .rst_ni, .clear_i(1'b0),
    .wr_valid_i(vm_valid_i && vm_i.invalidate), .wr_ready_o(q_room),
    .wr_data_i({vm_i.requester, vm_i.itag, vm_i.pasid_valid, vm_i.pasid, vm_i.data[63:11], vm_i.data[0]}),
    .rd_valid_o(q_valid), .rd_ready_i(q_pop), .rd_data_o(q_data), .count_o(q_count)
  );
  assign {q_requester, q_itag, q_pasid_en, q_pasid, q_page, q_large, q_global} = q_data;

  state_e          state_q;
  logic [15:0]     requester_q;
  logic [31:0]     vector_q;
  logic [SetW-1:0] step_q, steps;
  logic [1:0]      wait_q;
  logic            joins, settled;
  assign joins = q_valid && q_requester == requester_q && !vector_q[q_itag];
  // The last set is compared two cycles after it was taken; until then the range stays.
  assign settled = wait_q == 2'd3;
  assign q_pop = state_q == StIdle || (state_q == StNext && settled && joins);
  assign steps = (pasid_en_o && !global_o) ? any_o[SetW-1:0] : '1;

  // Neighbouring pages of a range lie in sets that differ in the low bits (siov_ats_cache).
  assign scan_valid_o = state_q == StScan;
  assign scan_set_o = page_o[SetW-1:0] ^ page_o[2*SetW-1:SetW] ^ pasid_o[SetW-1:0] ^ step_q;
  assign mark_valid_o = state_q == StMark;
  assign stale_o = state_q == StStale;
  assign all_o = stale_o && !pasid_en_o && any_o[50:0] == '1;
  assign pm_valid_o = state_q == StSend;
  always_comb begin
    pm_o = '0;
    pm_o.dw2 = {requester_q, 16'd1};    // CC
    pm_o.dw3 = vector_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      vector_q <= '0;
    end else begin
      if (q_pop && q_valid) vector_q[q_itag] <= 1'b1;
      unique case (state_q)
        StIdle: if (q_valid) state_q <= StStale;
        StStale: state_q <= all_o ? StNext : StScan;
        StScan: if (take_i && step_q == steps) state_q <= StNext;
        StNext: if (settled) state_q <= joins ? StStale : StMark;
        StMark: if (take_i) state_q <= StMarked;
        StMarked: if (marked_i) state_q <= StBusy;
        StBusy: if (settled && busy_i == '0) state_q <= StSend;
        default: if (pm_ready_i) begin
          state_q <= StIdle;
          vector_q <= '0;
        end
      endcase
    end
    if (q_pop) begin
      requester_q <= q_requester;
      page_o <= q_page;
      any_o <= q_large ? (q_page ^ (q_page + 52'd1)) : '0;
      pasid_en_o <= q_pasid_en;
      global_o <= q_global && q_pasid_en;
      pasid_o <= q_pasid_en ? q_pasid : '0;
    end
    if (state_q == StStale) step_q <= '0;
    else if (state_q == StScan && take_i) step_q <= step_q + SetW'(1);
    // busy_i is valid two cycles after xi_mark, whatever the mark was for.
    if (any_mark_i || state_q == StStale || state_q == StScan) wait_q <= '0;
    else if (wait_q != 2'd3) wait_q <= wait_q + 2'd1;
  end

  logic unused_ok;
  assign unused_ok = ^{vm_i, q_room, q_count, pasid_o[19:SetW], page_o[51:2*SetW], 1'b0};

`ifndef SYNTHESIS
  // Requests that are not completed, of all host agents; sets taken of the one in work.
  logic [15:0]   asked_q;
  logic [SetW:0] taken_q;
  logic          idle_was_q, offer_was_q, scan_was_q;
  always_ff @(posedge clk_i) begin
    idle_was_q <= busy_i == '0;
    offer_was_q <= pm_valid_o;
    scan_was_q <= state_q == StScan;
    if (!rst_ni) asked_q <= '0;
    else asked_q <= asked_q + 16'(vm_valid_i && vm_i.invalidate) -
                    ((pm_valid_o && pm_ready_i) ? 16'($countones(vector_q)) : '0);
    if (state_q == StStale) taken_q <= '0;
    else if (scan_valid_o && take_i) taken_q <= taken_q + (SetW+1)'(1);
  end
`endif
  `SIOV_ASSERT_IF(InvalTagsKnown, pm_valid_o, vector_q != '0 && 16'($countones(vector_q)) <= asked_q)
  `SIOV_ASSERT_IF(InvalEnginesIdle, pm_valid_o && !offer_was_q, idle_was_q)
  `SIOV_ASSERT_IF(InvalAllSets, state_q == StNext && scan_was_q, taken_q == {1'b0, steps} + (SetW+1)'(1))
  `SIOV_COVER(InvalQueueFull, q_count == 6'd32)
  `SIOV_COVER(InvalShared, state_q == StNext && settled && joins)

endmodule
