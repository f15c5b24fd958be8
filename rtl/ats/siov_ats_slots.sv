// SPDX-License-Identifier: Apache-2.0
// The 16 translation requests that may be outstanding: their keys, their way over the link, what came back.
//
//   free -> send -> wait -> got -> filling -> ready -> ending -> free
//             ^-------/      \-------------------^       \-> send, when an invalidation has made it stale
//
// got: a translation that the cache should hear of; filling, ending: a piece of work is in the pipeline of siov_ats.
// The tag of a slot is owed until its last completion has come; the slot is not used again before, or before a
// completion timeout has passed. So late completions are absorbed. forget_i makes a slot old: its answer still goes to
// those who wait but not into the cache, and nobody else joins them. When translation is over (ATS off, UR) all end with
// an error.
//
// Not here: who waits for a slot, the cache, the order of answers (siov_ats).

`include "siov_assert.svh"

module siov_ats_slots #(
  parameter int unsigned CtoCycles = 25000,
  parameter bit LongTags = 1'b0,
  localparam int unsigned KeyW = 74,
  localparam int unsigned N = siov_pkg::XlSlots
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  siov_pkg::cfg_t      cfg_i,
  input  logic [4:0]          stu_i,
  input  logic                forget_i,
  output logic                on_o,           /// ATS on, no UR
  output logic                stopped_o,      /// UR since ATS was enabled
  output logic                old_o,          /// what was outstanding at the last forget still is
  output logic                pending_o,
  output logic                unexpected_o,
  output logic                timeout_o,
  // S2: comparison
  input  logic [KeyW-1:0]     s2_key_i,
  input  logic                s2_write_i,
  output logic [N-1:0]        s2_same_o,
  // S3: decisions
  output logic [N-1:0]        live_o,         /// may be joined
  output logic                free_o,
  output logic [3:0]          free_slot_o,
  output logic                can_send_o,     /// requests may be sent at all
  input  logic                alloc_i,
  input  logic [KeyW-1:0]     alloc_key_i,
  input  logic                alloc_write_i,
  // fills: taken from here into S1, at the end of S3 back
  output logic                fill_valid_o,
  output logic [3:0]          fill_slot_o,
  output logic [KeyW-1:0]     fill_key_o,
  input  logic                fill_take_i,
  input  logic                s3_fill_i,
  // ends: the same
  output logic                done_valid_o,
  output logic [3:0]          done_slot_o,
  input  logic                done_take_i,
  input  logic                s3_done_i,
  // result of the slot in S2, for S3
  input  logic [3:0]          s2_slot_i,
  input  logic [3:0]          s3_slot_i,
  output logic [51:0]         s3_page_o,
  output logic                s3_untranslated_o,
  output logic                s3_read_o,
  output logic                s3_write_o,
  output logic                s3_asked_write_o,
  output logic                s3_stale_o,     /// not to be used: asked again
  output logic                s3_keep_o,      /// goes into the cache
  output logic                s3_error_o,
  // invalidation: what is on the way and covered by it is stale
  input  logic                inv_valid_i,
  input  logic [51:0]         inv_page_i,
  input  logic [51:0]         inv_any_i,
  input  logic                inv_pasid_en_i,
  input  logic                inv_global_i,
  input  logic [19:0]         inv_pasid_i,
  // link
  output logic                xr_valid_o,
  input  logic                xr_ready_i,
  output siov_pkg::tx_req_t   xr_req_o,
  input  logic                cpl_valid_i,
  input  logic                cpl_sop_i,
  input  logic                cpl_eop_i,
  input  siov_pkg::cpl_in_t   cpl_i,
  input  logic [63:0]         cpl_data_i
);
  localparam logic [2:0] StFree = 3'd0;
  localparam logic [2:0] StSend = 3'd1;
  localparam logic [2:0] StWait = 3'd2;
  localparam logic [2:0] StGot = 3'd3;
  localparam logic [2:0] StFilling = 3'd4;
  localparam logic [2:0] StReady = 3'd5;
  localparam logic [2:0] StEnding = 3'd6;

  logic [N*KeyW-1:0] key;
  logic [N*3-1:0]    state_q;
  logic [N-1:0]      write, stale_q, old_q, error_q, owed_q;
  logic [N*4-1:0]    age_q;                   // eighths of the timeout since sent, or since given up
  logic              stopped_q, on;

  assign on = cfg_i.ats_en && !stopped_q;
  assign on_o = on;
  assign stopped_o = stopped_q;

  // ------------------------------------------------------------ completion
  logic        c_valid, c_final, c_stop, c_good, c_u, c_r, c_w, c_priv;
  logic [3:0]  c_slot;
  logic [51:0] c_page, c_any;
  siov_ats_cpl #(.LongTags(LongTags)) u_cpl (
    .clk_i, .rst_ni, .cfg_i, .stu_i, .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i,
    .valid_o(c_valid), .slot_o(c_slot), .final_o(c_final), .stop_o(c_stop), .good_o(c_good),
    .page_o(c_page), .any_o(c_any), .untranslated_o(c_u), .read_o(c_r), .write_o(c_w), .priv_o(c_priv)
  );
  logic [KeyW-1:0] c_key;
  logic            c_wait, c_ok, c_sent_priv, c_granted;
  siov_pick #(.N(N), .W(KeyW)) u_c_key (.v_i(key), .idx_i(c_slot), .o(c_key));
  assign c_wait = c_valid && owed_q[c_slot] && state_q[c_slot*3 +: 3] == StWait;
  // Rights of privileged mode are for those who asked in it, and only they; others are malformed.
  assign c_sent_priv = c_key[21] && c_key[0] && cfg_i.pasid_priv_en;
  assign c_ok = c_good && !(c_priv && !c_sent_priv && (c_r || c_w));
  assign c_granted = (c_r || c_w) && (c_priv || !c_sent_priv);
  assign unexpected_o = c_valid && !owed_q[c_slot] && cfg_i.ats_en;

  // Results, {page, U, R, W}.
  logic [54:0] results [N];
  always_ff @(posedge clk_i) begin
    if (c_wait) begin
      results[c_slot] <= {(c_page & ~c_any) | (c_key[73:22] & c_any), c_u, c_r && c_granted, c_w && c_granted};
    end
    {s3_page_o, s3_untranslated_o, s3_read_o, s3_write_o} <= results[s2_slot_i];
  end

  // ------------------------------------------------------------ request to the link
  logic [N-1:0]    send, sendable, sent, ended;
  logic [3:0]      xr_slot;
  logic [KeyW-1:0] xr_key;
  logic            xr_write, long_tags;
  assign long_tags = LongTags && cfg_i.tag10_en;
  assign can_send_o = on && cfg_i.bme;
  siov_ats_table u_table (
    .clk_i, .rst_ni, .alloc_i, .alloc_slot_i(free_slot_o), .alloc_key_i, .alloc_write_i, .key_o(key), .write_o(write),
    .s2_key_i, .s2_write_i, .s2_same_o, .open_i(can_send_o), .pasid_en_i(cfg_i.pasid_en), .sendable_o(sendable),
    .send_i(send), .offer_o(xr_valid_o), .offer_ready_i(xr_ready_i), .offer_slot_o(xr_slot), .offer_key_o(xr_key),
    .offer_write_o(xr_write), .sent_o(sent), .ended_i(ended), .done_valid_o, .done_slot_o, .done_take_i
  );
  always_comb begin
    xr_req_o = '0;
    xr_req_o.addr = {xr_key[73:22], 11'd0, !xr_write};   // bit 0: NW
    xr_req_o.length = 10'd2;
    xr_req_o.first_be = 4'hF;
    xr_req_o.last_be = 4'hF;
    xr_req_o.pasid_valid = xr_key[21];
    xr_req_o.pasid = xr_key[20:1];
    xr_req_o.priv = xr_key[0];
    xr_req_o.at = 2'b01;
    xr_req_o.tag = siov_pkg::tag_on_link(long_tags, cfg_i.ext_tag_en, xr_slot[3:2],
        long_tags ? 8'(siov_pkg::LongTags - 4) + {6'd0, xr_slot[1:0]} :
        cfg_i.ext_tag_en ? 8'(siov_pkg::ByteTags - 4) + {6'd0, xr_slot[1:0]} : 8'(siov_pkg::ShortTags - 1));
  end

  // ------------------------------------------------------------ choices
  logic [N-1:0] free, got;
  always_comb begin
    for (int unsigned k = 0; k < N; k++) begin
      // With 5-bit tags there is one tag an engine.
      free[k] = state_q[k*3 +: 3] == StFree && !owed_q[k] && (long_tags || cfg_i.ext_tag_en || k % 4 == 0);
      live_o[k] = state_q[k*3 +: 3] != StFree && !old_q[k];
      got[k] = state_q[k*3 +: 3] == StGot;
      send[k] = state_q[k*3 +: 3] == StSend;
      ended[k] = state_q[k*3 +: 3] == StReady;
    end
  end
  siov_first #(.N(N)) u_free (.req_i(free), .after_i(4'd15), .any_o(free_o), .idx_o(free_slot_o));
  siov_first #(.N(N)) u_got (.req_i(got), .after_i(4'd15), .any_o(fill_valid_o), .idx_o(fill_slot_o));
  siov_pick #(.N(N), .W(KeyW)) u_fill_key (.v_i(key), .idx_i(fill_slot_o), .o(fill_key_o));

  assign s3_asked_write_o = write[s3_slot_i];
  assign s3_error_o = error_q[s3_slot_i] || !on;
  assign s3_stale_o = stale_q[s3_slot_i] && !s3_error_o;
  assign s3_keep_o = !stale_q[s3_slot_i] && !old_q[s3_slot_i] && !forget_i && !s3_error_o;

  // ------------------------------------------------------------ time
  localparam int unsigned Tick = (CtoCycles + 7) / 8;
  localparam int unsigned TickW = $clog2(Tick + 1);
  logic [TickW-1:0] tick_q;
  logic             tick;
  logic [N-1:0]     expired, timed_out;
  assign tick = tick_q == TickW'(Tick - 1);
  always_comb begin
    for (int unsigned k = 0; k < N; k++) begin
      expired[k] = owed_q[k] && age_q[k*4 +: 4] == 4'd9 && !(c_valid && c_slot == 4'(k));
      timed_out[k] = expired[k] && state_q[k*3 +: 3] == StWait;
    end
  end
  assign timeout_o = timed_out != '0;
  assign pending_o = owed_q != '0;
  assign old_o = old_q != '0;

  // ------------------------------------------------------------ slots
  logic [N-1:0] covered;
  always_comb begin
    for (int unsigned k = 0; k < N; k++) begin
      covered[k] = inv_valid_i && ((key[k*KeyW+22 +: 52] ^ inv_page_i) & ~inv_any_i) == '0 &&
                   (!inv_pasid_en_i || (key[k*KeyW + 21] && (inv_global_i || key[k*KeyW+1 +: 20] == inv_pasid_i)));
    end
  end

  logic [N*3-1:0] state_d;
  logic [N-1:0]   stale_d, error_d, owed_d, old_d;
  always_comb begin
    state_d = state_q;
    stale_d = stale_q;
    error_d = error_q;
    owed_d = owed_q;
    old_d = old_q;
    for (int unsigned k = 0; k < N; k++) begin
      // What has not been sent will be answered with the new translation.
      if (covered[k] && state_q[k*3 +: 3] != StFree && (state_q[k*3 +: 3] != StSend || sent[k]))
        stale_d[k] = 1'b1;
      unique case (state_q[k*3 +: 3])
        StSend: begin
          if (sent[k]) begin
            state_d[k*3 +: 3] = StWait;
            owed_d[k] = 1'b1;
          end
          if (!sendable[k]) begin
            state_d[k*3 +: 3] = StReady;
            error_d[k] = 1'b1;
          end
        end
        StWait: begin
          if (c_valid && c_slot == 4'(k)) begin
            if (!c_ok) begin
              state_d[k*3 +: 3] = StReady;
              error_d[k] = 1'b1;
            end else if (stale_d[k]) begin
              state_d[k*3 +: 3] = StSend;
              stale_d[k] = 1'b0;
            end else begin
              state_d[k*3 +: 3] = (c_granted && !old_q[k]) ? StGot : StReady;
            end
          end
          if (timed_out[k] || !on) begin
            state_d[k*3 +: 3] = StReady;
            error_d[k] = 1'b1;
          end
        end
        StGot: if (fill_take_i && fill_slot_o == 4'(k)) state_d[k*3 +: 3] = StFilling;
        StFilling: if (s3_fill_i && s3_slot_i == 4'(k)) state_d[k*3 +: 3] = StReady;
        StReady: if (done_take_i && done_slot_o == 4'(k)) state_d[k*3 +: 3] = StEnding;
        StEnding: if (s3_done_i && s3_slot_i == 4'(k)) begin
          state_d[k*3 +: 3] = s3_stale_o ? StSend : StFree;
          stale_d[k] = 1'b0;
        end
        default: begin    // free
          if (alloc_i && free_slot_o == 4'(k)) begin
            state_d[k*3 +: 3] = StSend;
            stale_d[k] = 1'b0;
            error_d[k] = 1'b0;
            old_d[k] = 1'b0;
          end else if (!owed_q[k]) begin
            old_d[k] = 1'b0;
          end
        end
      endcase
      if (!on && state_q[k*3 +: 3] != StFree) error_d[k] = 1'b1;
      if (c_valid && c_slot == 4'(k) && c_final) owed_d[k] = 1'b0;
      if (expired[k] && !timed_out[k] && state_q[k*3 +: 3] != StWait) owed_d[k] = 1'b0;
      if (forget_i && (state_q[k*3 +: 3] != StFree || owed_q[k])) old_d[k] = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= '0;
      stale_q <= '0;
      error_q <= '0;
      owed_q <= '0;
      old_q <= '0;
      stopped_q <= 1'b0;
      tick_q <= '0;
    end else begin
      state_q <= state_d;
      stale_q <= stale_d;
      error_q <= error_d;
      owed_q <= owed_d;
      old_q <= old_d;
      stopped_q <= cfg_i.ats_en && (stopped_q || (c_wait && c_stop));
      tick_q <= tick ? '0 : tick_q + TickW'(1);
    end
    for (int unsigned k = 0; k < N; k++) begin
      // Anew when sent and when given up.
      if (!owed_q[k] || timed_out[k] || (c_wait && c_slot == 4'(k)) ||
          (state_q[k*3 +: 3] == StWait && (cfg_i.cto_disable || !on))) age_q[k*4 +: 4] <= '0;
      else if (tick && age_q[k*4 +: 4] != 4'd9) age_q[k*4 +: 4] <= age_q[k*4 +: 4] + 4'd1;
    end
  end

  logic unused_ok;
  assign unused_ok = ^{c_key[20:1], 1'b0};

`ifndef SYNTHESIS
  // Sent before an invalidation that covers it, and not again since.
  logic [N-1:0] doomed_q;
  always_ff @(posedge clk_i) begin
    for (int unsigned k = 0; k < N; k++) begin
      if (sent[k]) doomed_q[k] <= covered[k];
      else if (covered[k]) doomed_q[k] <= state_q[k*3 +: 3] != StSend && state_q[k*3 +: 3] != StFree;
    end
  end
`endif
  `SIOV_ASSERT_IF(SlotsOldIsAskedAgain, s3_done_i && !s3_stale_o && !s3_error_o, !doomed_q[s3_slot_i])
  `SIOV_ASSERT(SlotsTagFree, (sent & owed_q) == '0)
  `SIOV_ASSERT_IF(SlotsAllocFree, alloc_i, state_q[free_slot_o*3 +: 3] == StFree && !owed_q[free_slot_o])
  `SIOV_COVER(SlotsAllBusy, free == '0)
  `SIOV_COVER(SlotsAskedAgain, s3_done_i && s3_stale_o)

endmodule
