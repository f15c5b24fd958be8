// SPDX-License-Identifier: Apache-2.0
// Address translation of the device: cache, translation requests, page requests, invalidations.
//
//   engines --> S0 choice -> S1 read -> S2 compare -> S3 decide -> answer (xa)
//                 ^                                    |   ^
//   fills, ends --+-- slots, pages <-----new requests--+   |
//   scans, marks -+-- inval                                +-- results of slots
//
// Everything that is asked, filled, ended, scanned or marked goes through one pipeline that never stops, and takes effect
// in S3: so a slot ends behind every miss that named it, and a mark comes behind every answer that an invalidated entry
// gave. One piece of work a cycle; ends first, then fills, scans and lookups in turn; engines in turn.
// The contract is docs/architecture.md 1.8.
//
// Latency: answer four cycles after acceptance.
// @spec PCIe-6.3 10; SIOV-D-12, D-26, D-53, D-54, D-55

`include "siov_assert.svh"

module siov_ats #(
  parameter int unsigned NumEngines = 4,       /// 1..4
  parameter int unsigned AtcEntries = 1024,    /// power of two, 64..4096
  parameter int unsigned PageSlots = 16,       /// page requests outstanding, 1..16: what the capability may promise
  parameter int unsigned CtoCycles = 25000,    /// completion timeout
  parameter int unsigned PageTimeout = 250_000_000,  /// longest wait for a PRG response; 0: no limit
  parameter bit LongTags = 1'b0                /// 10-bit tags are supported
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  siov_pkg::cfg_t       cfg_i,
  input  logic [4:0]           stu_i,          /// smallest translation unit: 4 KiB << stu
  // engines
  input  logic [NumEngines-1:0] xl_valid_i,
  output logic [NumEngines-1:0] xl_ready_o,
  input  logic [NumEngines*siov_pkg::XlReqW-1:0] xl_req_i,
  output logic                 xa_valid_o,
  output siov_pkg::xl_ans_t    xa_o,
  output logic                 xi_mark_o,
  input  logic [NumEngines-1:0] xi_busy_i,
  // bar
  input  logic                 xl_forget_i,    /// pulse
  output logic                 forget_busy_o,  /// a translation or page request older than the last forget is unanswered
  // translation requests to the link
  output logic                 xr_valid_o,     /// withdrawn when ATS, bus mastering or PASID goes off
  input  logic                 xr_ready_i,
  output siov_pkg::tx_req_t    xr_req_o,
  // messages to the link
  output logic                 pm_valid_o,     /// a page request is withdrawn when PRI goes off
  input  logic                 pm_ready_i,
  output siov_pkg::pm_out_t    pm_o,
  // messages from the link
  input  logic                 vm_valid_i,
  input  siov_pkg::vm_in_t     vm_i,
  // completions from the link
  input  logic                 cpl_valid_i,
  input  logic                 cpl_sop_i,
  input  logic                 cpl_eop_i,
  input  siov_pkg::cpl_in_t    cpl_i,
  input  logic [511:0]         cpl_data_i,
  // configuration space: page request interface
  input  logic [31:0]          pri_alloc_i,    /// Outstanding Page Request Allocation
  input  logic                 pri_reset_i,    /// pulse: PRI Reset, FLR
  output logic                 pri_rf_o,       /// pulse: Response Failure
  output logic                 pri_uprgi_o,    /// pulse: Unexpected PRG Index
  output logic                 pri_stopped_o,  /// level: status bit 8
  // status
  output logic                 ats_off_o,      /// level: UR has ended translation until ATS is enabled again
  output logic                 unexpected_o,   /// pulse: completion for one of our tags that matches no request
  output logic                 timeout_o,      /// pulse: a translation request timed out
  output logic                 pending_o       /// a translation completion may still come: our tags are not free
);
  localparam int unsigned KeyW = 74;           // {page[51:0], PASID valid, PASID, privilege}
  localparam int unsigned SetW = $clog2(AtcEntries) - 2;
  localparam int unsigned ReqW = siov_pkg::XlReqW;
  localparam int unsigned IdxW = (NumEngines > 1) ? $clog2(NumEngines) : 1;
  localparam logic [2:0] OpLookup = 3'd0;
  localparam logic [2:0] OpFill = 3'd1;
  localparam logic [2:0] OpDone = 3'd2;        // end of a translation request
  localparam logic [2:0] OpPageDone = 3'd3;
  localparam logic [2:0] OpScan = 3'd4;
  localparam logic [2:0] OpMark = 3'd5;

  // ------------------------------------------------------------ S0: what goes next
  logic                  tr_done, pg_done, fill, scan, mark, off_mark_q, on, fill_busy, turn_q;
  logic [3:0]            tr_done_slot, pg_done_slot, fill_slot;
  logic [KeyW-1:0]       fill_key, s0_key;
  logic [SetW-1:0]       scan_set, s0_set;
  logic                  any_req, s0_valid, take_lookup, take_fill, take_inval, take_off, fixed;
  logic [NumEngines-1:0] gnt;
  logic [IdxW-1:0]       eng;
  logic [2:0]            s0_op;
  logic [3:0]            s0_slot;
  siov_pkg::xl_req_t     req;

  siov_rr_arb #(.N(NumEngines)) u_arb (
    .clk_i, .rst_ni, .req_i(xl_valid_i), .take_i(take_lookup), .any_o(any_req), .gnt_o(gnt), .idx_o(eng)
  );
  assign req = xl_req_i[eng*ReqW +: ReqW];
  assign fixed = tr_done || pg_done || off_mark_q;
  assign take_off = !tr_done && !pg_done && off_mark_q;
  assign take_fill = !fixed && fill && !fill_busy;
  assign take_inval = !fixed && !take_fill && (scan || mark) && (turn_q || !any_req);
  assign take_lookup = !fixed && !take_fill && !take_inval && any_req;
  assign xl_ready_o = gnt & {NumEngines{take_lookup}};
  assign s0_valid = fixed || take_fill || take_inval || take_lookup;

  always_comb begin
    s0_op = OpLookup;
    s0_key = {req.page, req.pasid_en, req.pasid & {20{req.pasid_en}}, req.priv && req.pasid_en};
    s0_slot = fill_slot;
    if (tr_done) begin
      s0_op = OpDone;
      s0_slot = tr_done_slot;
    end else if (pg_done) begin
      s0_op = OpPageDone;
      s0_slot = pg_done_slot;
    end else if (off_mark_q) begin
      s0_op = OpMark;
    end else if (take_fill) begin
      s0_op = OpFill;
      s0_key = fill_key;
    end else if (take_inval) begin
      s0_op = scan ? OpScan : OpMark;
    end
    s0_set = (s0_op == OpScan) ? scan_set
                               : s0_key[22 +: SetW] ^ s0_key[22 + SetW +: SetW] ^ s0_key[1 +: SetW];
  end

  // ------------------------------------------------------------ S1, S2, S3
  logic            s1_q, s2_q, s3_q;
  logic [2:0]      s1_op_q, s2_op_q, s3_op_q;
  logic [KeyW-1:0] s1_key_q, s2_key_q, s3_key_q;
  logic [SetW-1:0] s1_set_q;
  logic [3:0]      s1_slot_q, s2_slot_q, s3_slot_q;
  logic            s1_write_q, s2_write_q, s3_write_q, s1_page_q, s2_page_q, s3_page_q;
  logic            s1_inv_q, s2_inv_q, s3_inv_q;           // a mark of an invalidation
  logic [7:0]      s1_name_q, s2_name_q, s3_name_q;        // {engine, id}
  logic [15:0]     s2_tr_same, s2_pg_same, s3_tr_same_q, s3_pg_same_q;
  logic            s3_same_q;                              // asks the same as the one before it
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {s1_q, s2_q, s3_q} <= '0;
      turn_q <= 1'b0;
    end else begin
      s1_q <= s0_valid;
      s2_q <= s1_q;
      s3_q <= s2_q;
      if (take_inval) turn_q <= 1'b0;
      else if (take_lookup) turn_q <= 1'b1;
    end
    s1_op_q <= s0_op;
    s1_key_q <= s0_key;
    s1_set_q <= s0_set;
    s1_slot_q <= s0_slot;
    s1_write_q <= req.write;
    s1_page_q <= req.ask_page;
    s1_inv_q <= take_inval && mark;
    s1_name_q <= {2'(eng), req.id};
    {s2_op_q, s2_key_q, s2_slot_q, s2_write_q, s2_page_q, s2_inv_q, s2_name_q} <=
        {s1_op_q, s1_key_q, s1_slot_q, s1_write_q, s1_page_q, s1_inv_q, s1_name_q};
    {s3_op_q, s3_key_q, s3_slot_q, s3_write_q, s3_page_q, s3_inv_q, s3_name_q} <=
        {s2_op_q, s2_key_q, s2_slot_q, s2_write_q, s2_page_q, s2_inv_q, s2_name_q};
    s3_tr_same_q <= s2_tr_same;
    s3_pg_same_q <= s2_pg_same;
    s3_same_q <= s2_key_q == s3_key_q && s2_write_q == s3_write_q;
  end
  assign fill_busy = (s1_q && s1_op_q == OpFill) || (s2_q && s2_op_q == OpFill) || (s3_q && s3_op_q == OpFill);

  logic lookup, ask, translate, s3_fill, s3_tr_done, s3_pg_done, s3_mark;
  assign lookup = s3_q && s3_op_q == OpLookup;
  assign translate = lookup && !s3_page_q;
  assign ask = lookup && s3_page_q;
  assign s3_fill = s3_q && s3_op_q == OpFill;
  assign s3_tr_done = s3_q && s3_op_q == OpDone;
  assign s3_pg_done = s3_q && s3_op_q == OpPageDone;
  assign s3_mark = s3_q && s3_op_q == OpMark;

  // ------------------------------------------------------------ cache
  logic        inv_stale, inv_all, inv_pasid_en, inv_global, hit, touch;
  logic [51:0] inv_page, inv_any;
  logic [19:0] inv_pasid;
  logic [54:0] hit_data;                                   // {page, U, R, W}
  logic [51:0] res_page;
  logic        res_u, res_r, res_w, res_asked_write, res_stale, res_keep, res_error;
  siov_ats_cache #(.Entries(AtcEntries)) u_cache (
    .clk_i, .rst_ni, .clear_i(xl_forget_i || !on || inv_all),
    .s1_read_i(s1_q), .s1_set_i(s1_set_q),
    .s2_key_i(s2_key_q), .inv_page_i(inv_page), .inv_any_i(inv_any), .inv_pasid_en_i(inv_pasid_en),
    .inv_global_i(inv_global), .inv_pasid_i(inv_pasid),
    .s3_hit_o(hit), .s3_data_o(hit_data), .s3_touch_i(touch), .s3_drop_i(s3_q && s3_op_q == OpScan),
    .s3_fill_i(s3_fill && res_keep), .s3_key_i(s3_key_q),
    .s3_fill_data_i({res_page, res_u, res_r, res_w})
  );

  // ------------------------------------------------------------ slots and page requests
  logic [15:0]       tr_live, pg_live;
  logic              tr_free, pg_free, pg_refuse, can_send, tr_alloc, pg_alloc, tr_old, pg_old;
  logic [3:0]        tr_free_slot, pg_free_slot;
  logic [2:0]        pg_code;
  logic              pg_valid, pg_ready;
  siov_pkg::pm_out_t pg_msg;
  siov_ats_slots #(.CtoCycles(CtoCycles), .LongTags(LongTags)) u_slots (
    .clk_i, .rst_ni, .cfg_i, .stu_i, .forget_i(xl_forget_i),
    .on_o(on), .stopped_o(ats_off_o), .old_o(tr_old), .pending_o, .unexpected_o, .timeout_o,
    .s2_key_i(s2_key_q), .s2_write_i(s2_write_q), .s2_same_o(s2_tr_same),
    .live_o(tr_live), .free_o(tr_free), .free_slot_o(tr_free_slot), .can_send_o(can_send),
    .alloc_i(tr_alloc), .alloc_key_i(s3_key_q), .alloc_write_i(s3_write_q),
    .fill_valid_o(fill), .fill_slot_o(fill_slot), .fill_key_o(fill_key), .fill_take_i(take_fill),
    .s3_fill_i(s3_fill),
    .done_valid_o(tr_done), .done_slot_o(tr_done_slot), .done_take_i(tr_done), .s3_done_i(s3_tr_done),
    .s2_slot_i(s2_slot_q), .s3_slot_i(s3_slot_q),
    .s3_page_o(res_page), .s3_untranslated_o(res_u), .s3_read_o(res_r), .s3_write_o(res_w),
    .s3_asked_write_o(res_asked_write), .s3_stale_o(res_stale), .s3_keep_o(res_keep), .s3_error_o(res_error),
    .inv_valid_i(inv_stale), .inv_page_i(inv_page), .inv_any_i(inv_any), .inv_pasid_en_i(inv_pasid_en),
    .inv_global_i(inv_global), .inv_pasid_i(inv_pasid),
    .xr_valid_o, .xr_ready_i, .xr_req_o,
    .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i(cpl_data_i[63:0])
  );
  siov_ats_pages #(.PageSlots(PageSlots), .PageTimeout(PageTimeout)) u_pages (
    .clk_i, .rst_ni, .cfg_i, .forget_i(xl_forget_i), .old_o(pg_old),
    .alloc_limit_i(pri_alloc_i), .reset_i(pri_reset_i), .failed_o(pri_rf_o), .unknown_o(pri_uprgi_o),
    .stopped_o(pri_stopped_o),
    .s2_key_i(s2_key_q), .s2_write_i(s2_write_q), .s2_same_o(s2_pg_same),
    .live_o(pg_live), .free_o(pg_free), .free_slot_o(pg_free_slot), .refuse_o(pg_refuse),
    .alloc_i(pg_alloc), .alloc_key_i(s3_key_q), .alloc_write_i(s3_write_q),
    .done_valid_o(pg_done), .done_slot_o(pg_done_slot), .done_take_i(pg_done && !tr_done),
    .s3_slot_i(s3_slot_q), .s3_done_i(s3_pg_done), .s3_code_o(pg_code),
    .pm_valid_o(pg_valid), .pm_ready_i(pg_ready), .pm_o(pg_msg),
    .vm_valid_i, .vm_i
  );
  assign forget_busy_o = tr_old || pg_old;

  // ------------------------------------------------------------ invalidations
  logic              iv_valid, iv_ready;
  siov_pkg::pm_out_t iv_msg;
  siov_ats_inval #(.NumEngines(NumEngines), .SetW(SetW)) u_inval (
    .clk_i, .rst_ni, .vm_valid_i, .vm_i,
    .stale_o(inv_stale), .all_o(inv_all), .page_o(inv_page), .any_o(inv_any), .pasid_en_o(inv_pasid_en), .global_o(inv_global),
    .pasid_o(inv_pasid),
    .scan_valid_o(scan), .scan_set_o(scan_set), .mark_valid_o(mark), .take_i(take_inval),
    .marked_i(s3_mark && s3_inv_q), .any_mark_i(s3_mark), .busy_i(xi_busy_i),
    .pm_valid_o(iv_valid), .pm_ready_i(iv_ready), .pm_o(iv_msg)
  );

  // When translation ends, engines drop what they hold.
  logic on_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      on_q <= 1'b0;
      off_mark_q <= 1'b0;
    end else begin
      on_q <= on;
      off_mark_q <= (on_q && !on) || (off_mark_q && !take_off);
    end
  end

  // Messages in turn; what is offered stays.
  logic pm_pick, pm_pick_q, pm_lock_q;
  assign pm_pick = pm_lock_q ? pm_pick_q : iv_valid && (!pg_valid || !pm_pick_q);
  assign pm_valid_o = pm_pick ? iv_valid : pg_valid;
  assign pm_o = pm_pick ? iv_msg : pg_msg;
  assign iv_ready = pm_pick && pm_ready_i;
  assign pg_ready = !pm_pick && pm_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pm_lock_q <= 1'b0;
      pm_pick_q <= 1'b0;
    end else begin
      pm_lock_q <= pm_valid_o && !pm_ready_i;
      if (pm_valid_o) pm_pick_q <= pm_pick;
    end
  end

  // ------------------------------------------------------------ S3: decisions
  // A slot that the lookup just before has taken was compared with the key that it had then.
  logic        tr_new_q, pg_new_q;
  logic [3:0]  new_slot_q;
  logic [15:0] tr_match, pg_match;
  logic [3:0]  tr_slot, pg_slot;
  logic        tr_joins, pg_joins, miss, ok;
  always_comb begin
    tr_match = s3_tr_same_q;
    pg_match = s3_pg_same_q;
    if (tr_new_q) tr_match[new_slot_q] = s3_same_q;
    if (pg_new_q) pg_match[new_slot_q] = s3_same_q;
    tr_match = tr_match & tr_live;
    pg_match = pg_match & pg_live;
  end
  siov_first #(.N(16)) u_tr_slot (.req_i(tr_match), .after_i(4'd15), .any_o(tr_joins), .idx_o(tr_slot));
  siov_first #(.N(16)) u_pg_slot (.req_i(pg_match), .after_i(4'd15), .any_o(pg_joins), .idx_o(pg_slot));

  assign ok = hit && (s3_write_q ? hit_data[0] : hit_data[1]);
  // A right that the entry lacks is asked for again: software may have given it without an invalidation.
  assign miss = translate && on && !ok && can_send && (cfg_i.pasid_en || !s3_key_q[21]);
  assign tr_alloc = miss && !tr_joins && tr_free;
  assign pg_alloc = ask && !pg_joins && !pg_refuse && pg_free;
  assign touch = translate && ok;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tr_new_q <= 1'b0;
      pg_new_q <= 1'b0;
    end else begin
      tr_new_q <= tr_alloc;
      pg_new_q <= pg_alloc;
    end
    new_slot_q <= tr_alloc ? tr_free_slot : pg_free_slot;
  end

  logic              answer;
  siov_pkg::xl_ans_t ans;
  always_comb begin
    ans = '0;
    ans.engine = s3_name_q[7:6];
    ans.id = s3_name_q[5:0];
    answer = lookup;
    if (translate) begin
      ans.slot = {1'b0, tr_joins ? tr_slot : tr_free_slot};
      ans.page = hit_data[54:3];
      ans.untranslated = hit_data[2];
      ans.write = hit_data[0];
      if (!on) ans.code = siov_pkg::XlError;
      else if (ok) ans.code = siov_pkg::XlOk;
      else if (!miss) ans.code = siov_pkg::XlError;
      else ans.code = (tr_joins || tr_free) ? siov_pkg::XlMiss : siov_pkg::XlBusy;
    end else if (ask) begin
      ans.slot = {1'b1, pg_joins ? pg_slot : pg_free_slot};
      if (pg_joins) ans.code = siov_pkg::XlMiss;
      else if (pg_refuse) ans.code = siov_pkg::XlPageFailure;
      else ans.code = pg_free ? siov_pkg::XlMiss : siov_pkg::XlBusy;
    end else if (s3_tr_done) begin
      answer = !res_stale;
      ans.done = 1'b1;
      ans.slot = {1'b0, s3_slot_q};
      ans.page = res_page;
      ans.untranslated = res_u;
      ans.write = res_w;
      if (res_error) ans.code = siov_pkg::XlError;
      else ans.code = (res_asked_write ? res_w : res_r) ? siov_pkg::XlOk : siov_pkg::XlFault;
    end else begin
      answer = s3_pg_done;
      ans.done = 1'b1;
      ans.slot = {1'b1, s3_slot_q};
      ans.code = pg_code;
    end
  end

  logic              xa_valid_q, xi_mark_q;
  siov_pkg::xl_ans_t xa_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      xa_valid_q <= 1'b0;
      xi_mark_q <= 1'b0;
    end else begin
      xa_valid_q <= answer;
      xi_mark_q <= s3_mark;
    end
    xa_q <= ans;
  end
  assign xa_valid_o = xa_valid_q;
  assign xa_o = xa_q;
  assign xi_mark_o = xi_mark_q;

  logic unused_ok;
  assign unused_ok = ^{cpl_data_i[511:64], cfg_i, 1'b0};

`ifndef SYNTHESIS
  // Lookups on their way, youngest in bit 0, and the slots that somebody waits for.
  logic [3:0]  asked_q;
  logic [31:0] asked_name_q, named_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      asked_q <= '0;
      named_q <= '0;
    end else begin
      asked_q <= {asked_q[2:0], take_lookup};
      if (xa_valid_q && xa_q.done) named_q[xa_q.slot] <= 1'b0;
      if (xa_valid_q && !xa_q.done && xa_q.code == siov_pkg::XlMiss) named_q[xa_q.slot] <= 1'b1;
    end
    asked_name_q <= {asked_name_q[23:0], 2'(eng), req.id};
  end
`endif
  `SIOV_ASSERT(AtsAnswersEachOnce, asked_q[3] == (xa_valid_q && !xa_q.done) &&
      (!asked_q[3] || asked_name_q[31:24] == {xa_q.engine, xa_q.id}))
  `SIOV_ASSERT_IF(AtsEndWasNamed, xa_valid_q && xa_q.done, named_q[xa_q.slot])
  `SIOV_ASSERT_IF(AtsMissIsLive, miss && tr_joins, tr_live[tr_slot])
  `SIOV_ASSERT_IF(AtsNothingWhileOff, answer && ans.code == siov_pkg::XlOk, on)
  `SIOV_COVER(AtsHit, touch)
  `SIOV_COVER(AtsBusy, miss && !tr_joins && !tr_free)
  `SIOV_STATIC(gen_bad_entries, AtcEntries >= 64 && AtcEntries <= 4096 && (AtcEntries & (AtcEntries - 1)) == 0)
  `SIOV_STATIC(gen_bad_pages, PageSlots >= 1 && PageSlots <= 16)
  `SIOV_STATIC(gen_bad_engines, NumEngines >= 1 && NumEngines <= 4)

endmodule
