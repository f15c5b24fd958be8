// SPDX-License-Identifier: Apache-2.0
// Write side of an engine: steps through the same segments as the splitter and, as data becomes
// available, orders everything from siov_eng_out: write TLPs, comparisons, digests, and the end.
//
// A write TLP starts where its segment or the previous TLP ended, holds at most the payload
// limit and never crosses 4 KiB. A forward copy writes as soon as the bytes of a TLP are there: all
// source bytes before them have been read, so an overlapping source is not spoilt. A backward copy
// waits for its whole segment. A dualcast sends each TLP twice.
// Operations with a unit of their own (CRC, DIF, delta) wait at their end until the unit has seen
// everything; a DIF block waits for its guard before its protection information is judged or
// written, when its data may already have gone out.
// With translation a TLP waits for its page (siov_eng_xl_writes); a missing one ends the job there.
// A translated TLP is not ordered behind an error report that is not out yet, which may wait for software.
// After a failed read, a fault or a DIF error the rest of the job is walked without writing (ring lines
// are only freed). How a job ends is decided by siov_eng_verdict.
// Throughput: one TLP a cycle; four more cycles a descriptor, hidden behind earlier output.

`include "siov_assert.svh"

module siov_eng_walk #(
  parameter int unsigned PosW = 17
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  logic [2:0]          mps_i,          /// payload limit is 128 << mps, capped at 512 bytes
  input  logic                job_valid_i,
  output logic                job_ready_o,
  input  siov_eng_pkg::job_t  job_i,
  input  logic [PosW-1:0]     avail_pos_i,
  input  logic                err_i,
  input  logic                err_xl_i,       /// it is a page without translation:
  input  logic [1:0]          err_reason_i,
  input  logic [51:0]         err_page_i,
  output logic                err_ack_o,
  output logic                cmd_valid_o,
  input  logic                cmd_ready_i,
  output siov_eng_pkg::cmd_t  cmd_o,
  input  logic                out_idle_i,     /// every command has been carried out
  input  logic                out_empty_i,    /// and every write TLP is on the link
  input  logic                out_report_i,   /// an error report is not out: no translated TLP may start
  // pages of what is written (siov_eng_xl_writes)
  input  logic                evl_i,
  output logic                page_start_o,   /// pulse: a job begins, or a fault was taken
  output logic                page_want_o,
  output logic [51:0]         page_o,
  output logic [51:0]         page2_o,
  output logic                page_ahead_o,   /// the next segment's
  output logic [51:0]         next_page_o,
  output logic [51:0]         next_page2_o,
  output logic                page_ahead_job_o, /// the next job's may be asked for
  output logic                page_record_o,  /// the record's is wanted
  input  siov_eng_pkg::xl_got_t page_i,
  input  siov_eng_pkg::xl_got_t page2_i,
  input  siov_eng_pkg::xl_got_t page_record_i,
  input  logic                page_quiet_i,
  input  logic                unit_fault_i,   /// pulse: a delta unit's write has no page (page_i)
  input  logic [51:0]         unit_page_i,    /// this one
  // units
  output logic                unit_start_o,   /// pulse: a new job (job_o) begins
  output siov_eng_pkg::job_t  job_o,          /// the job under way
  output logic                crc_start_o,    /// pulse
  output logic [63:0]         crc_seed_o,
  input  logic                crc_busy_i,
  input  logic [63:0]         crc_result_i,
  output logic                dif_block_o,    /// pulse: guard and protection information are there
  output logic [63:0]         dif_pi_o,
  input  logic                dif_valid_i,
  input  logic                dif_error_i,
  input  logic [7:0]          dif_status_i,
  input  logic [63:0]         dif_pi_i,
  input  logic [63:0]         dif_cr_src_i,
  input  logic [63:0]         dif_cr_dst_i,
  output logic                unit_flush_o,   /// pulse: delta units: all lines are in
  input  logic                delta_done_i,
  input  logic [31:0]         delta_size_i,
  input  logic                delta_differs_i,
  input  logic                delta_overflow_i,
  input  logic [31:0]         delta_compared_i,
  input  logic [63:0]         unit_last_i,    /// last byte that a delta unit wrote
  input  logic                apply_done_i,
  input  logic                apply_error_i,
  input  logic [7:0]          apply_status_i,
  input  logic [31:0]         apply_used_i,
  input  logic                grab_valid_i,
  input  logic [63:0]         grab_i,
  // compare results, valid while out_idle_i
  output logic                cmp_clear_o,    /// a new compare job starts
  input  logic                cmp_differs_i,
  input  logic [31:0]         cmp_offset_i,
  // zero-length reads
  output logic                rb_valid_o,
  input  logic                rb_ready_i,
  output logic [63:0]         rb_addr_o,
  output logic [2:0]          rb_tc_o,
  input  logic                rb_done_i,
  input  logic                rb_err_i,
  // batches
  output logic                batch_fail_o    /// a member of the present batch did not end with status 1
);
  localparam logic [4:0] StIdle = 5'd0;     // waits for a job
  localparam logic [4:0] StInit = 5'd1;     // starts the units
  localparam logic [4:0] StSeg = 5'd2;      // takes the next segment
  localparam logic [4:0] StTlp = 5'd3;      // waits for the bytes of the next TLP, orders it
  localparam logic [4:0] StBlock = 5'd4;    // two sources: waits for both blocks, orders their use
  localparam logic [4:0] StGrab = 5'd5;     // waits for a seed or protection information, fetches it
  localparam logic [4:0] StGrabbed = 5'd6;  // ... until it is here
  localparam logic [4:0] StGuard = 5'd7;    // DIF: waits for the guard of the block
  localparam logic [4:0] StDif = 5'd8;      // DIF: waits for the judgement
  localparam logic [4:0] StPi = 5'd9;       // DIF: writes protection information
  localparam logic [4:0] StFinish = 5'd10;  // waits for comparison, CRC or delta unit to have seen all
  localparam logic [4:0] StFlush = 5'd11;   // waits for the last writes of a delta unit
  localparam logic [4:0] StBack = 5'd12;    // asks for a zero-length read
  localparam logic [4:0] StBackWait = 5'd13;
  localparam logic [4:0] StRecord = 5'd14;  // orders the completion record if one is due
  localparam logic [4:0] StEnd = 5'd15;     // orders interrupt, error report and done

  logic [4:0]         state_q;
  siov_eng_pkg::job_t job_q;
  logic [63:0]        addr_q, addr2_q, pi_addr_q, last_q;
  logic [12:0]        left_q;
  logic [PosW-1:0]    pos_q, seg_end_q;
  logic [PosW-7:0]    line_q;
  logic [63:0]        rb_addr_q;
  logic               rb_second_q, batch_logged_q, failed_q, dif_err_q, second_q, seg_last_q, rb_err_q, split_q;
  logic [1:0]         seg_kind_q, lane_q, rb_left_q;
  logic [31:0]        dif_done_q, block_done_q;
  logic [9:0]         block_q;             // compare: bytes of the block
  logic [3:0]         rot_q;               // pattern phase of the segment's first lane

  logic        load, step;
  logic [1:0]  seg_kind, seg_lane;
  logic        seg_reads, seg_side, seg_pair, seg_last;
  logic [63:0] seg_read, seg_write, seg_write2;
  logic [12:0] seg_len;
  logic [3:0]  seg_offset;
  logic [31:0] seg_block_rem;
  siov_eng_steps u_steps (
    .clk_i, .load_i(load), .job_i(job_i), .mps_i, .step_i(step), .kind_o(seg_kind), .reads_o(seg_reads),
    .side_o(seg_side), .pair_o(seg_pair), .read_addr_o(seg_read), .write_addr_o(seg_write),
    .write2_addr_o(seg_write2), .len_o(seg_len), .lane_o(seg_lane), .offset_o(seg_offset),
    .block_rem_o(seg_block_rem), .last_o(seg_last)
  );
  assign load = state_q == StIdle && job_valid_i;
  assign step = state_q == StSeg;

  logic is_fill, is_copy, is_dual, is_delta, is_apply, is_crc, is_dif, writes, dif_pi_write, skip;
  logic uses_crc, is_flush;
  siov_eng_pkg::fault_t fault_now;
  always_comb begin
    is_flush = job_q.op == siov_eng_pkg::JobFlush;
    is_fill = job_q.op == siov_eng_pkg::JobFill;
    is_copy = job_q.op == siov_eng_pkg::JobCopy;
    is_dual = job_q.op == siov_eng_pkg::JobDual;
    is_delta = job_q.op == siov_eng_pkg::JobDelta;
    is_apply = job_q.op == siov_eng_pkg::JobApply;
    is_crc = job_q.op == siov_eng_pkg::JobCrc || job_q.op == siov_eng_pkg::JobCopyCrc;
    is_dif = job_q.op == siov_eng_pkg::JobDif;
    uses_crc = is_crc || is_dif;
    writes = is_fill || is_copy || is_dual || job_q.op == siov_eng_pkg::JobCopyCrc ||
             (is_dif && job_q.opcode != siov_abi_pkg::OpDifCheck);
    dif_pi_write = job_q.opcode == siov_abi_pkg::OpDifInsert ||
                   job_q.opcode == siov_abi_pkg::OpDifUpdate;
    skip = failed_q || dif_err_q || fault_now.valid;
  end

  // ------------------------------------------------------------ next TLP
  logic [9:0]      limit, room, bytes, span;
  logic [PosW-1:0] need, lag;
  logic            there;
  logic [63:0]     at;
  always_comb begin
    limit = 10'd512;
    if (writes && mps_i == 3'd0) limit = 10'd128;
    if (writes && mps_i == 3'd1) limit = 10'd256;
    room = limit - {8'd0, lane_q};
    bytes = (left_q < {3'd0, room}) ? left_q[9:0] : room;
    if (state_q == StPi) bytes = (split_q && !second_q) ? {7'd0, 3'd0 - pi_addr_q[2:0]}
                               : split_q ? {7'd0, pi_addr_q[2:0]} : 10'd8;
    at = (is_dual && second_q) ? addr2_q : addr_q;
    span = bytes + {8'd0, lane_q};
    need = (state_q == StBlock || state_q == StGrab || (job_q.backward && is_copy)) ? seg_end_q
                                                : pos_q + {{(PosW-10){1'b0}}, bytes};
    lag = avail_pos_i - need;
    there = is_fill || is_flush || !lag[PosW-1];
  end

  // The bytes we wait for include a failed read: the descriptor has failed.
  assign err_ack_o = err_i && !there &&
                     (state_q == StTlp || state_q == StBlock || state_q == StGrab);

  // ------------------------------------------------------------ pages
  logic                  paged, page_ok, record_ok, page_fault, record_failed_q, cr_logged_q, record_due, go;
  logic [PosW-1:0]       behind;
  siov_eng_pkg::xl_got_t got;
  logic [127:0]          dif_tags;
  // What is wanted ...
  always_comb begin
    paged = job_q.ats && ((state_q == StTlp && (writes || is_flush)) || state_q == StPi);
    page_want_o = paged && !skip;
    page_o = addr_q[63:12];
    page2_o = addr2_q[63:12];
    page_ahead_o = paged && !skip && state_q == StTlp && !seg_last_q &&
                   (seg_kind == siov_eng_pkg::SegData || dif_pi_write);
    next_page_o = seg_write[63:12];
    next_page2_o = seg_write2[63:12];
    page_ahead_job_o = !skip && ((state_q == StTlp && seg_last_q && !is_apply) || state_q == StRecord ||
                                 state_q == StEnd);
    page_record_o = job_q.ats && state_q != StIdle &&
                    ((job_q.write_cr_ok && !job_q.log_record) || (state_q == StRecord && record_due));
  end
  // ... and what has come of it.
  always_comb begin
    got = (is_dual && second_q) ? page2_i : page_i;
    page_ok = !paged || skip || (got.ready && !out_report_i);
    page_fault = paged && !skip && got.fault && (there || state_q == StPi);
    record_ok = !job_q.ats || (page_record_i.ready && !out_report_i);
  end
  assign page_start_o = load || page_fault;
  // Where a failed read stands tells which source of a block it belongs to.
  assign behind = avail_pos_i - pos_q;
  siov_eng_fault u_fault (
    .clk_i, .rst_ni, .clear_i, .start_i(load),
    .moved_i(!skip && ((state_q == StTlp && (is_flush ? page_ok : go && !(is_dual && !second_q))) ||
                       (state_q == StBlock && go))),
    .moved_bytes_i(is_flush ? left_q : {3'd0, (state_q == StBlock) ? block_q : bytes}),
    .dif_i(is_dif), .dif_block_i(dif_block_o), .dif_done_i(block_done_q),
    .dif_tags_i({dif_cr_dst_i, dif_cr_src_i}), .dif_tags_o(dif_tags),
    .src_i(err_ack_o && !skip && err_xl_i),
    .src_second_i((state_q == StBlock && !behind[PosW-1]) ||
                  (state_q == StGrab && seg_kind_q == siov_eng_pkg::SegSeed)),
    .src_reason_i(err_reason_i), .src_page_i(err_page_i),
    .dst_i(page_fault), .dst_second_i(is_dual && second_q), .dst_write_i(!is_flush),
    .dst_pi_i(state_q == StPi), .dst_page_i(at[63:12]), .unit_i(unit_fault_i), .unit_page_i,
    .dst_reason_i(got.reason), .fault_o(fault_now)
  );

  // ------------------------------------------------------------ how it ends
  logic [7:0]         status;
  logic [255:0]       record;
  siov_eng_pkg::end_t fin;
  siov_eng_verdict u_verdict (
    .job_i(job_q), .read_failed_i(failed_q), .fault_i(fault_now), .record_failed_i(record_failed_q),
    .evl_i, .readback_failed_i(rb_err_q),
    .readback_second_i(rb_second_q), .readback_addr_i(rb_addr_q),
    .batch_fail_i(batch_fail_o), .batch_logged_i(batch_logged_q), .batch_cr_logged_i(cr_logged_q),
    .cmp_differs_i, .cmp_offset_i, .crc_i(crc_result_i),
    .dif_error_i(dif_err_q), .dif_status_i, .dif_done_i(dif_done_q), .dif_cr_src_i(dif_tags[63:0]),
    .dif_cr_dst_i(dif_tags[127:64]), .delta_size_i, .delta_differs_i, .delta_overflow_i,
    .delta_compared_i, .apply_error_i, .apply_status_i, .apply_used_i, .status_o(status), .record_o(record),
    .record_due_o(record_due), .end_o(fin)
  );

  // ------------------------------------------------------------ commands
  logic tlp_ends;                      // last TLP of the segment
  assign tlp_ends = left_q == {3'd0, bytes} && (!is_dual || second_q || skip);
  siov_eng_order u_order (
    .job_i(job_q), .tlp_i(state_q == StTlp), .block_i(state_q == StBlock), .grab_i(state_q == StGrab),
    .pi_i(state_q == StPi), .record_i(state_q == StRecord), .skip_i(skip), .writes_i(writes),
    .second_i(second_q), .addr_i(at), .lane_i(lane_q), .bytes_i(bytes), .block_bytes_i(block_q),
    .rot_i(rot_q), .split_i(split_q), .pi_head_i(pi_addr_q[2:0]), .pi_data_i(dif_pi_i),
    .paged_i(paged), .got_i(got), .got_record_i(page_record_i), .record_data_i(record), .fin_i(fin),
    .cmd_o
  );
  assign cmd_valid_o = ((state_q == StTlp || state_q == StBlock || state_q == StGrab) && there && page_ok && !is_flush) ||
                       (state_q == StPi && page_ok) || (state_q == StRecord && settled && record_due && record_ok) ||
                       state_q == StEnd;
  assign go = cmd_valid_o && cmd_ready_i;
  // A job that failed first hears everything that it asked for.
  logic settled, record_out;
  assign settled = !(job_q.ats && skip) || page_quiet_i;
  assign record_out = settled && (!record_due || (record_ok && cmd_ready_i) || (job_q.ats && page_record_i.fault));
  assign job_ready_o = state_q == StIdle;
  assign cmp_clear_o = state_q == StIdle;

  // ------------------------------------------------------------ units
  assign job_o = job_q;
  assign unit_start_o = state_q == StInit;
  logic seeded;
  assign seeded = state_q == StGrabbed && grab_valid_i && seg_kind_q == siov_eng_pkg::SegSeed;
  assign crc_start_o = state_q == StInit || seeded || (state_q == StGuard && dif_block_o);
  always_comb begin
    crc_seed_o = job_q.mods[3] ? job_q.info[63:0] : {32'd0, job_q.info[31:0]};
    if (seeded) crc_seed_o = job_q.mods[3] ? grab_i : {32'd0, grab_i[31:0]};
  end
  assign dif_block_o = state_q == StGuard && !skip && out_idle_i && !crc_busy_i;
  logic [63:0] pi_q;
  assign dif_pi_o = pi_q;
  logic units_done;
  assign units_done = out_idle_i && !(uses_crc && crc_busy_i);
  assign unit_flush_o = state_q == StFinish && units_done && (is_delta || is_apply);

  // ------------------------------------------------------------ zero-length reads
  // Of the last byte of what was written (dualcast: of both destinations), or of a drain's addresses.
  logic rb_any, ok_so_far, second_rb;
  assign ok_so_far = status == siov_abi_pkg::StSuccess ||
                     status == siov_abi_pkg::StSuccessPredicate;
  assign rb_any = job_q.readback != '0 && !(is_delta && delta_size_i == '0);
  assign second_rb = !rb_left_q[0];
  assign rb_valid_o = state_q == StBack && out_empty_i;
  always_comb begin
    rb_addr_o = (second_rb ? job_q.other : job_q.dst) + {32'd0, job_q.aux} - 64'd1;
    if (is_dif) rb_addr_o = last_q;
    if (is_delta || is_apply) rb_addr_o = unit_last_i;
    rb_tc_o = (is_delta || second_rb) ? job_q.tc_other : job_q.tc_dst;
    if (job_q.opcode == siov_abi_pkg::OpDrain) begin
      rb_addr_o = second_rb ? job_q.dst : job_q.src;
      rb_tc_o = second_rb ? job_q.tc_dst : job_q.tc_src;
    end
  end

  // ------------------------------------------------------------ sequence
  logic [PosW-1:0] seg_pos, seg_end, seg_end_up;
  logic [4:0]      after_moves, after_finish;
  always_comb begin
    seg_pos = {line_q, 6'd0} + {{(PosW-2){1'b0}}, seg_lane};
    seg_end = seg_pos + {{(PosW-13){1'b0}}, seg_len};
    seg_end_up = seg_end + PosW'(63);
    after_finish = (rb_any && ok_so_far) ? StBack : StRecord;
    after_moves = (is_copy || is_fill || is_dual || is_flush) ? after_finish : StFinish;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      state_q <= StIdle;
      line_q <= '0;
      failed_q <= 1'b0;
      batch_fail_o <= 1'b0;
      batch_logged_q <= 1'b0;
      cr_logged_q <= 1'b0;
    end else begin
      if (err_ack_o && !skip && !err_xl_i) failed_q <= 1'b1;
      if (unit_fault_i) failed_q <= 1'b0;
      unique case (state_q)
        StIdle: if (job_valid_i) begin
          failed_q <= 1'b0;
          state_q <= StInit;
          if (job_i.op == siov_eng_pkg::JobCopy || job_i.op == siov_eng_pkg::JobFill ||
              job_i.op == siov_eng_pkg::JobDual || job_i.op == siov_eng_pkg::JobCompare ||
              job_i.op == siov_eng_pkg::JobFlush)
            state_q <= StSeg;
          if (job_i.op == siov_eng_pkg::JobNone || job_i.op == siov_eng_pkg::JobBatchEnd)
            state_q <= (job_i.readback != '0) ? StBack : StRecord;
        end
        StInit: state_q <= StSeg;
        StSeg: begin
          if (seg_reads) line_q <= seg_end_up[PosW-1:6];
          if (seg_kind != siov_eng_pkg::SegData) state_q <= seg_reads ? StGrab : StGuard;
          else if (seg_pair) state_q <= seg_side ? StBlock : StSeg;
          else state_q <= StTlp;
        end
        StTlp: begin
          if (page_fault && (is_fill || is_flush)) state_q <= StRecord;
          if ((go && tlp_ends) || (is_flush && page_ok)) state_q <= seg_last_q ? after_moves : StSeg;
        end
        StBlock: if (go) state_q <= seg_last_q ? StFinish : StSeg;
        StGrab: if (go) begin
          if (!skip) state_q <= StGrabbed;
          else state_q <= seg_last_q ? StFinish : StSeg;
        end
        StGrabbed: if (grab_valid_i) state_q <= (seg_kind_q == siov_eng_pkg::SegSeed) ? StSeg : StGuard;
        StGuard: begin
          if (skip) state_q <= seg_last_q ? StFinish : StSeg;
          else if (dif_block_o) state_q <= StDif;
        end
        StDif: if (dif_valid_i) begin
          if (!dif_error_i && dif_pi_write) state_q <= StPi;
          else state_q <= seg_last_q ? StFinish : StSeg;
        end
        StPi: if (page_fault) state_q <= seg_last_q ? StFinish : StSeg;
        else if (go && (!split_q || second_q)) state_q <= seg_last_q ? StFinish : StSeg;
        StFinish: if (units_done) state_q <= (is_delta || is_apply) ? StFlush : after_finish;
        StFlush: if (is_delta ? delta_done_i : apply_done_i) state_q <= after_finish;
        StBack: if (rb_valid_o && rb_ready_i) state_q <= StBackWait;
        StBackWait: if (rb_done_i) state_q <= (rb_left_q == '0 || rb_err_i) ? StRecord : StBack;
        StRecord: if (record_out) state_q <= StEnd;
        StEnd: if (cmd_ready_i) begin
          state_q <= StIdle;
          if (job_q.op == siov_eng_pkg::JobBatchEnd) begin
            batch_fail_o <= 1'b0;
            batch_logged_q <= 1'b0;
            cr_logged_q <= 1'b0;
          end else if (job_q.member) begin
            if (status != siov_abi_pkg::StSuccess) batch_fail_o <= 1'b1;
            if (fin.swerr) batch_logged_q <= 1'b1;
            if (record_failed_q && evl_i) cr_logged_q <= 1'b1;
          end
        end
        default: state_q <= StIdle;
      endcase
    end
    if (load) begin
      job_q <= job_i;
      dif_err_q <= 1'b0;
      rb_err_q <= 1'b0;
      second_q <= 1'b0;
      rb_left_q <= job_i.readback;
      record_failed_q <= 1'b0;
    end
    if (state_q == StRecord && record_out && record_due && !record_ok) record_failed_q <= 1'b1;
    if (state_q == StSeg) begin
      addr_q <= (seg_kind == siov_eng_pkg::SegData && !writes && !is_flush) ? '0 : seg_write;
      pi_addr_q <= seg_write;
      addr2_q <= seg_write2;
      lane_q <= seg_lane;
      left_q <= seg_len;
      pos_q <= seg_pos;
      seg_end_q <= seg_end;
      block_q <= seg_len[9:0];
      rot_q <= seg_offset - {2'd0, seg_lane};
      seg_last_q <= seg_last;
      seg_kind_q <= seg_kind;
      second_q <= 1'b0;
      block_done_q <= job_q.size - seg_block_rem;
      if (seg_kind == siov_eng_pkg::SegPi) begin
        lane_q <= seg_write[1:0];
        split_q <= seg_write[11:0] > 12'd4088;      // crosses a page
      end
    end
    if (state_q == StTlp && go) begin
      if (is_dual && !second_q && !skip) begin
        second_q <= 1'b1;
      end else begin
        second_q <= 1'b0;
        addr_q <= addr_q + {54'd0, bytes};
        addr2_q <= addr2_q + {54'd0, bytes};
        lane_q <= 2'd0;
        left_q <= left_q - {3'd0, bytes};
        pos_q <= pos_q + {{(PosW-10){1'b0}}, bytes};
      end
    end
    if (state_q == StPi && go) begin
      second_q <= 1'b1;
      addr_q <= {addr_q[63:12] + 52'd1, 12'd0};
      lane_q <= 2'd0;
    end
    if ((state_q == StTlp || state_q == StPi) && go) last_q <= addr_q + {54'd0, bytes} - 64'd1;
    if (state_q == StGrabbed && grab_valid_i) pi_q <= grab_i;
    if (state_q == StDif && dif_valid_i && dif_error_i) begin
      dif_err_q <= 1'b1;
      dif_done_q <= block_done_q;
    end
    if (state_q == StBack && rb_valid_o && rb_ready_i)
      rb_left_q <= second_rb ? 2'b00 : {rb_left_q[1], 1'b0};
    if (state_q == StBack) begin
      rb_addr_q <= rb_addr_o;
      rb_second_q <= second_rb;
    end
    if (state_q == StBackWait && rb_done_i) rb_err_q <= rb_err_i;
  end

  logic unused_ok;
  assign unused_ok = ^{seg_read, page_record_i, behind[PosW-2:0], at[1:0], pi_addr_q[63:3], seg_end_up[5:0], lag[PosW-2:0], 1'b0};

  `SIOV_ASSERT_NEXT(WalkCmdHolds, cmd_valid_o && !cmd_ready_i && !clear_i && !job_q.ats, cmd_valid_o)
  `SIOV_ASSERT_IF(WalkPayloadLimit, cmd_valid_o && state_q == StTlp, span <= limit)
  `SIOV_COVER(WalkWaitsForData, state_q == StTlp && !there)

endmodule
