// SPDX-License-Identifier: Apache-2.0
// Translations for what an engine writes: destination, second destination, completion record. Each is
// a pair of pages (siov_eng_xl_pair): of this TLP, and of the next segment or the next job, which is
// asked for ahead.
//
// The writes of a delta unit pass here: one leaves when its page is there and nothing holds it up;
// a fault is told to unit and walker instead.
// Not here: reads (siov_eng_xl_reads); what a fault means (siov_eng_walk).

`include "siov_assert.svh"

module siov_eng_xl_writes #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned FirstId = 0,
  parameter int unsigned PageRetries = 8
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic                             clear_i,
  input  logic                             mark_i,
  input  siov_eng_pkg::job_t               now_i,           /// the walker's job
  input  logic                             next_valid_i,
  input  siov_eng_pkg::job_t               next_i,          /// the job behind it
  // walker
  input  logic                             start_i,         /// pulse: a job begins; old faults are forgotten
  input  logic                             want_i,          /// destination
  input  logic [51:0]                      page_i,
  input  logic [51:0]                      page2_i,         /// dualcast
  input  logic                             ahead_i,         /// another segment follows
  input  logic [51:0]                      ahead_page_i,
  input  logic [51:0]                      ahead_page2_i,
  input  logic                             ahead_job_i,     /// the next job's pages may be asked for
  input  logic                             want_record_i,
  input  logic                             hold_i,          /// no TLP may start
  output siov_eng_pkg::xl_got_t            got_o,
  output siov_eng_pkg::xl_got_t            got2_o,
  output siov_eng_pkg::xl_got_t            got_record_o,
  output logic                             quiet_o,         /// nothing is asked for a destination
  // writes of the delta units
  input  logic                             unit_valid_i,
  input  logic [63:0]                      unit_addr_i,
  output logic                             unit_go_o,       /// it may leave, like this:
  output siov_pkg::tx_req_t                unit_req_o,      /// traffic class, PASID or AT = 10
  output logic [63:0]                      unit_addr_o,
  output logic                             unit_fault_o,    /// pulse: it has no page
  // siov_eng_xl_ask and siov_ats
  output logic [5:0]                       ask_valid_o,
  output logic [5:0]                       ask_page_o,
  output logic [6*siov_eng_pkg::XlKeyW-1:0] ask_key_o,
  input  logic [5:0]                       ask_taken_i,
  input  logic [5:0]                       gone_i,
  input  logic                             xa_valid_i,
  input  siov_pkg::xl_ans_t                xa_i
);
  localparam int unsigned KeyW = siov_eng_pkg::XlKeyW;

  logic                  is_unit, want, dual, next_dst, next_dual, next_record;
  logic [63:0]           next_end;
  siov_eng_pkg::xl_key_t key, key2, record_key, ahead_key, ahead_key2, ahead_record_key;
  logic                  ahead, ahead2, quiet, quiet2, quiet_record, take;

  always_comb begin
    is_unit = now_i.op == siov_eng_pkg::JobDelta || now_i.op == siov_eng_pkg::JobApply;
    dual = now_i.op == siov_eng_pkg::JobDual;
    want = is_unit ? (unit_valid_i && now_i.ats) : want_i;
    key.page = is_unit ? unit_addr_i[63:12] : page_i;
    key.write = now_i.op != siov_eng_pkg::JobFlush;
    key.pasid_en = now_i.pasid_en;
    key.pasid = now_i.pasid;
    key.priv = now_i.priv;
    key.block = now_i.block;
    key.wq = now_i.wq;
    key.epoch = now_i.epoch;
    key2 = key;
    key2.page = page2_i;
    record_key = key;
    record_key.page = now_i.cr_addr[63:12];
    record_key.write = 1'b1;
    record_key.block = now_i.prs;
  end
  // ------------------------------------------------------------ what comes next
  always_comb begin
    next_dst = next_valid_i && next_i.ats && ahead_job_i &&
               (next_i.op == siov_eng_pkg::JobCopy || next_i.op == siov_eng_pkg::JobFill ||
                next_i.op == siov_eng_pkg::JobDual || next_i.op == siov_eng_pkg::JobCopyCrc ||
                next_i.op == siov_eng_pkg::JobFlush);
    next_dual = next_dst && next_i.op == siov_eng_pkg::JobDual;
    next_record = next_valid_i && next_i.ats && ahead_job_i && next_i.write_cr_ok && !next_i.log_record;
    next_end = next_i.dst + {32'd0, next_i.size} - 64'd1;
    ahead_record_key.page = next_i.cr_addr[63:12];
    ahead_record_key.write = 1'b1;
    ahead_record_key.pasid_en = next_i.pasid_en;
    ahead_record_key.pasid = next_i.pasid;
    ahead_record_key.priv = next_i.priv;
    ahead_record_key.block = next_i.prs;
    ahead_record_key.wq = next_i.wq;
    ahead_record_key.epoch = next_i.epoch;
    ahead_key = ahead_record_key;
    ahead_key.page = next_i.backward ? next_end[63:12] : next_i.dst[63:12];
    ahead_key.write = next_i.op != siov_eng_pkg::JobFlush;
    ahead_key.block = next_i.block;
    ahead_key2 = ahead_key;
    ahead_key2.page = next_i.other[63:12];
    if (ahead_i) begin
      ahead_key = key;
      ahead_key.page = ahead_page_i;
      ahead_key2 = key;
      ahead_key2.page = ahead_page2_i;
    end
    ahead = ahead_i || next_dst;
    ahead2 = ahead_i ? dual : next_dual;
  end

  siov_eng_xl_pair #(.EngineId(EngineId), .FirstId(FirstId), .PageRetries(PageRetries)) u_dst (
    .clk_i, .rst_ni, .clear_i, .mark_i, .want_i(want), .key_i(key), .ahead_i(ahead),
    .ahead_key_i(ahead_key), .take_fault_i(take), .got_o(got_o), .quiet_o(quiet),
    .ask_valid_o(ask_valid_o[1:0]), .ask_page_o(ask_page_o[1:0]), .ask_key_o(ask_key_o[2*KeyW-1:0]),
    .ask_taken_i(ask_taken_i[1:0]), .gone_i(gone_i[1:0]), .xa_valid_i, .xa_i
  );
  siov_eng_xl_pair #(.EngineId(EngineId), .FirstId(FirstId + 2), .PageRetries(PageRetries)) u_dst2 (
    .clk_i, .rst_ni, .clear_i, .mark_i, .want_i(want && dual), .key_i(key2), .ahead_i(ahead2),
    .ahead_key_i(ahead_key2), .take_fault_i(take), .got_o(got2_o), .quiet_o(quiet2),
    .ask_valid_o(ask_valid_o[3:2]), .ask_page_o(ask_page_o[3:2]), .ask_key_o(ask_key_o[4*KeyW-1:2*KeyW]),
    .ask_taken_i(ask_taken_i[3:2]), .gone_i(gone_i[3:2]), .xa_valid_i, .xa_i
  );
  siov_eng_xl_pair #(.EngineId(EngineId), .FirstId(FirstId + 4), .PageRetries(PageRetries)) u_record (
    .clk_i, .rst_ni, .clear_i, .mark_i, .want_i(want_record_i), .key_i(record_key), .ahead_i(next_record),
    .ahead_key_i(ahead_record_key), .take_fault_i(start_i), .got_o(got_record_o), .quiet_o(quiet_record),
    .ask_valid_o(ask_valid_o[5:4]), .ask_page_o(ask_page_o[5:4]), .ask_key_o(ask_key_o[6*KeyW-1:4*KeyW]),
    .ask_taken_i(ask_taken_i[5:4]), .gone_i(gone_i[5:4]), .xa_valid_i, .xa_i
  );
  assign quiet_o = quiet && quiet2;

  // ------------------------------------------------------------ delta units
  assign unit_fault_o = is_unit && got_o.fault;
  assign take = start_i || unit_fault_o;
  assign unit_go_o = !now_i.ats || (got_o.ready && !hold_i);
  always_comb begin
    unit_addr_o = unit_addr_i;
    unit_req_o = '0;
    unit_req_o.tc = (now_i.op == siov_eng_pkg::JobDelta) ? now_i.tc_other : now_i.tc_dst;
    unit_req_o.pasid_valid = now_i.pasid_en;
    unit_req_o.pasid = now_i.pasid;
    unit_req_o.priv = now_i.priv;
    if (now_i.ats && !got_o.untranslated) begin
      unit_addr_o[63:12] = got_o.page;
      unit_req_o.at = 2'b10;
      unit_req_o.pasid_valid = 1'b0;
      unit_req_o.pasid = '0;
      unit_req_o.priv = 1'b0;
    end
  end

  logic unused_ok;
  assign unused_ok = ^{now_i, next_i, next_end[11:0], quiet_record, 1'b0};

  `SIOV_ASSERT_IF(XlWritesUnit,
      unit_valid_i && unit_go_o && unit_req_o.at == 2'b10,
      got_o.ready && !unit_req_o.pasid_valid)

endmodule
