// SPDX-License-Identifier: Apache-2.0
// Page requests: groups of one page (L = 1), their indexes, the allowance of software, PRG responses.
//
//   free -> send -> wait -> ready -> ending -> free
//
// Slot i is PRG index i. An index is owed from the acceptance of its request until the response; it is not used again
// before, whatever has become of the wait, and counts against the allocation. A response belongs to the index if it has
// the PASID of the request (status bit 15, PRG Response PASID Required, is set). A response code that is neither
// Success nor Invalid Request is a Response Failure: all waits end as failed, nothing more is asked and responses are
// ignored until the interface has been switched off. No stop marker is needed: a page request
// is followed by its response, or given up after PageTimeout; old_o tells when the requests of a stopped queue are over.
// @spec PCIe-6.3 10.4, 10.5.2; reference pcie.md 9.4

`include "siov_assert.svh"

module siov_ats_pages #(
  parameter int unsigned PageSlots = 16,               /// 1..16
  parameter int unsigned PageTimeout = 250_000_000,    /// [cycles], 0: none
  localparam int unsigned KeyW = 74,
  localparam int unsigned N = 16
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  siov_pkg::cfg_t      cfg_i,
  input  logic                forget_i,
  output logic                old_o,          /// a request from before the last forget is still waited for
  // registers
  input  logic [31:0]         alloc_limit_i,
  input  logic                reset_i,
  output logic                failed_o,       /// pulse: Response Failure
  output logic                unknown_o,      /// pulse: Unexpected PRG Index
  output logic                stopped_o,
  // S2, S3
  input  logic [KeyW-1:0]     s2_key_i,
  input  logic                s2_write_i,
  output logic [N-1:0]        s2_same_o,
  output logic [N-1:0]        live_o,
  output logic                free_o,         /// another one may be asked for
  output logic [3:0]          free_slot_o,
  output logic                refuse_o,       /// nothing is asked for, and that will not change by waiting
  input  logic                alloc_i,
  input  logic [KeyW-1:0]     alloc_key_i,
  input  logic                alloc_write_i,
  output logic                done_valid_o,
  output logic [3:0]          done_slot_o,
  input  logic                done_take_i,
  input  logic [3:0]          s3_slot_i,
  input  logic                s3_done_i,
  output logic [2:0]          s3_code_o,
  // message
  output logic                pm_valid_o,
  input  logic                pm_ready_i,
  output siov_pkg::pm_out_t   pm_o,
  input  logic                vm_valid_i,
  input  siov_pkg::vm_in_t    vm_i
);
  localparam logic [2:0] StFree = 3'd0;
  localparam logic [2:0] StSend = 3'd1;
  localparam logic [2:0] StWait = 3'd2;
  localparam logic [2:0] StReady = 3'd3;
  localparam logic [2:0] StEnding = 3'd4;

  logic [N*KeyW-1:0] key;
  logic [N*3-1:0]    state_q, code_q;
  logic [N-1:0]      owed_q, old_q;
  logic [N*4-1:0]    age_q;
  logic              failed_q, on;

  assign on = cfg_i.ats_en && cfg_i.pri_en && !failed_q && !reset_i;

  // ------------------------------------------------------------ response
  logic             r_valid_q, r_pasid_en_q, r_hit, r_fail;
  logic [19:0]      r_pasid_q;
  logic [8:0]       r_group_q;
  logic [3:0]       r_code_q;
  logic [KeyW-1:0]  r_key;
  siov_pick #(.N(N), .W(KeyW)) u_r_key (.v_i(key), .idx_i(r_group_q[3:0]), .o(r_key));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) r_valid_q <= 1'b0;
    else r_valid_q <= vm_valid_i && !vm_i.invalidate;
    r_pasid_en_q <= vm_i.pasid_valid;
    r_pasid_q <= vm_i.pasid;
    r_group_q <= vm_i.group;
    r_code_q <= vm_i.code;
  end
  assign r_hit = r_valid_q && r_group_q[8:4] == '0 && owed_q[r_group_q[3:0]] && r_pasid_en_q == r_key[21] &&
                 (!r_pasid_en_q || r_pasid_q == r_key[20:1]);
  assign r_fail = r_hit && r_code_q > 4'd1 && !failed_q && state_q[r_group_q[3:0]*3 +: 3] == StWait;
  assign failed_o = r_fail;
  assign unknown_o = r_valid_q && !r_hit && !failed_q;

  // ------------------------------------------------------------ request
  logic [N-1:0]    send, sendable, sent, ended, unused_write;
  logic [3:0]      pm_slot;
  logic [KeyW-1:0] pm_key;
  logic            pm_write;
  siov_ats_table u_table (
    .clk_i, .rst_ni, .alloc_i, .alloc_slot_i(free_slot_o), .alloc_key_i, .alloc_write_i, .key_o(key),
    .write_o(unused_write), .s2_key_i, .s2_write_i, .s2_same_o, .open_i(on), .pasid_en_i(cfg_i.pasid_en),
    .sendable_o(sendable), .send_i(send), .offer_o(pm_valid_o), .offer_ready_i(pm_ready_i), .offer_slot_o(pm_slot),
    .offer_key_o(pm_key), .offer_write_o(pm_write), .sent_o(sent), .ended_i(ended), .done_valid_o, .done_slot_o,
    .done_take_i
  );
  always_comb begin
    pm_o.page_request = 1'b1;
    pm_o.dw2 = pm_key[73:42];
    pm_o.dw3 = {pm_key[41:22], 5'd0, pm_slot, 1'b1, pm_write, !pm_write};   // index, L, W, R
    pm_o.pasid_valid = pm_key[21];
    pm_o.pasid = pm_key[20:1];
    pm_o.priv = pm_key[0];
  end

  // ------------------------------------------------------------ choices
  logic [N-1:0] free, counted, active;
  logic [4:0]   used, limit;
  logic         free_any;
  always_comb begin
    used = '0;
    for (int unsigned k = 0; k < N; k++) begin
      free[k] = k < PageSlots && state_q[k*3 +: 3] == StFree && !owed_q[k];
      active[k] = state_q[k*3 +: 3] != StFree;
      live_o[k] = active[k] && !old_q[k];
      send[k] = state_q[k*3 +: 3] == StSend;
      ended[k] = state_q[k*3 +: 3] == StReady;
      counted[k] = owed_q[k] || send[k];
      used = used + {4'd0, counted[k]};
    end
  end
  assign limit = (alloc_limit_i[31:4] != '0) ? 5'd16 : {1'b0, alloc_limit_i[3:0]};
  siov_first #(.N(N)) u_free (.req_i(free), .after_i(4'd15), .any_o(free_any), .idx_o(free_slot_o));
  assign free_o = free_any && used < limit;
  // Off, or everything that is allowed rests.
  assign refuse_o = !on || (!free_o && active == '0);
  assign s3_code_o = code_q[s3_slot_i*3 +: 3];
  assign old_o = old_q != '0;

  // ------------------------------------------------------------ time
  localparam int unsigned Tick = (PageTimeout == 0) ? 2 : (PageTimeout / 8) + 1;
  localparam int unsigned TickW = $clog2(Tick + 1);
  logic [TickW-1:0] tick_q;
  logic             tick;
  logic [N-1:0]     expired;
  assign tick = PageTimeout != 0 && tick_q == TickW'(Tick - 1);
  always_comb begin
    for (int unsigned k = 0; k < N; k++) expired[k] = age_q[k*4 +: 4] == 4'd9 && state_q[k*3 +: 3] == StWait;
  end

  // ------------------------------------------------------------ slots
  logic [N*3-1:0] state_d, code_d;
  logic [N-1:0]   owed_d, old_d, waits;
  always_comb begin
    state_d = state_q;
    code_d = code_q;
    owed_d = owed_q;
    old_d = old_q;
    for (int unsigned k = 0; k < N; k++) begin
      waits[k] = state_q[k*3 +: 3] == StWait || state_q[k*3 +: 3] == StSend;
      unique case (state_q[k*3 +: 3])
        StSend: begin
          if (sent[k]) begin
            state_d[k*3 +: 3] = StWait;
            owed_d[k] = 1'b1;
          end
          if (!sendable[k]) begin
            state_d[k*3 +: 3] = StReady;
            code_d[k*3 +: 3] = siov_pkg::XlPageFailure;
          end
        end
        StWait: begin
          if (expired[k] || failed_q || r_fail || reset_i) begin
            state_d[k*3 +: 3] = StReady;
            code_d[k*3 +: 3] = siov_pkg::XlPageFailure;
          end else if (r_hit && r_group_q[3:0] == 4'(k)) begin
            state_d[k*3 +: 3] = StReady;
            code_d[k*3 +: 3] = (r_code_q == 4'd0) ? siov_pkg::XlPageOk : siov_pkg::XlPageInvalid;
          end
        end
        StReady: if (done_take_i && done_slot_o == 4'(k)) state_d[k*3 +: 3] = StEnding;
        StEnding: if (s3_done_i && s3_slot_i == 4'(k)) begin
          state_d[k*3 +: 3] = StFree;
          old_d[k] = 1'b0;
        end
        default: if (alloc_i && free_slot_o == 4'(k)) state_d[k*3 +: 3] = StSend;    // free
      endcase
      if (forget_i && state_d[k*3 +: 3] != StFree) old_d[k] = 1'b1;
      if ((r_hit && r_group_q[3:0] == 4'(k)) || reset_i) owed_d[k] = 1'b0;
    end
  end
  assign stopped_o = !cfg_i.pri_en && waits == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= '0;
      owed_q <= '0;
      old_q <= '0;
      failed_q <= 1'b0;
      tick_q <= '0;
    end else begin
      state_q <= state_d;
      owed_q <= owed_d;
      old_q <= old_d;
      failed_q <= cfg_i.pri_en && !reset_i && (failed_q || r_fail);
      tick_q <= tick ? '0 : tick_q + TickW'(PageTimeout != 0);
    end
    code_q <= code_d;
    for (int unsigned k = 0; k < N; k++) begin
      if (state_q[k*3 +: 3] != StWait) age_q[k*4 +: 4] <= '0;
      else if (tick && age_q[k*4 +: 4] != 4'd9) age_q[k*4 +: 4] <= age_q[k*4 +: 4] + 4'd1;
    end
  end

  logic unused_ok;
  assign unused_ok = ^{cfg_i, vm_i, r_key[73:22], r_key[0], unused_write, 1'b0};

  `SIOV_ASSERT(PagesIndexFree, (sent & owed_q) == '0)
`ifndef SYNTHESIS
  logic [4:0]  owed_count;
  logic [31:0] limit_was_q;
  always_ff @(posedge clk_i) limit_was_q <= alloc_limit_i;
  assign owed_count = 5'($countones(owed_q));
`endif
  `SIOV_ASSERT_IF(PagesWithinAllocation, sent != '0 && alloc_limit_i == limit_was_q, {27'd0, owed_count} < alloc_limit_i)
  `SIOV_COVER(PagesAllowanceUsed, free_any && !free_o && on)
  `SIOV_COVER(PagesFailed, r_fail)

endmodule
