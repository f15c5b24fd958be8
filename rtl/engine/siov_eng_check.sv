// SPDX-License-Identifier: Apache-2.0
// Descriptor check: turns a dispatched descriptor, or a member of a batch, into a job, or into the
// status that ends it.
//
// Order of checks (the specification leaves it free, dsa 5.2.3; tb/model/predict.cpp states the
// same list):
//   opcode 10 -> record address 1b -> privilege 1d -> flags 11 -> reserved bytes 12 -> size 13, count 14,
//   delta sizes 15 -> alignment 1c, list 18 -> dualcast 17 -> overlap 16 -> interrupt handle 19.
// Three stages, one descriptor a cycle: A sizes and block counts, B ranges, C flags and the verdict.
// The bypass takes a ready job through the same stages, so that it keeps its place. Does not touch
// memory.

`include "siov_assert.svh"

module siov_eng_check #(
  parameter bit Fill16 = 1'b1,
  parameter bit Crc64 = 1'b1,
  parameter bit DrainReadback = 1'b0,
  parameter bit Batch1 = 1'b0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  clear_i,
  input  logic                  priv_allowed_i,   /// PASID privileged mode enabled
  input  logic                  user_int_en_i,    /// GENCFG bit 12
  input  logic                  evl_i,            /// the event log is on
  input  logic                  disp_valid_i,
  output logic                  disp_ready_o,
  input  siov_pkg::disp_t       disp_i,
  input  logic                  member_i,         /// of a batch
  input  logic [15:0]           batch_index_i,
  input  logic [7:0]            batch_id_i,
  input  logic                  bypass_i,         /// instead: this job, as it is
  input  siov_eng_pkg::job_t    bypass_job_i,
  output logic                  job_valid_o,
  input  logic                  job_ready_i,
  output siov_eng_pkg::job_t    job_o,
  output siov_pkg::disp_t       disp_o            /// what it came from
);

  // ------------------------------------------------------------ stage A: sizes, block counts
  logic                a_valid_q, a_member_q, a_bypass_q, a_ready, b_ready, c_ready;
  siov_pkg::disp_t     a_q;
  siov_eng_pkg::job_t  a_job_q;
  logic [15:0]         a_index_q;
  logic [7:0]          a_id_q;

  assign disp_ready_o = !a_valid_q || a_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) a_valid_q <= 1'b0;
    else if (disp_ready_o) a_valid_q <= disp_valid_i;
    if (disp_ready_o && disp_valid_i) begin
      a_q <= disp_i;
      a_member_q <= member_i;
      a_index_q <= batch_index_i;
      a_id_q <= batch_id_i;
      a_bypass_q <= bypass_i;
      a_job_q <= bypass_job_i;
    end
  end

  logic [7:0]  a_op;
  logic [31:0] a_size;
  assign a_op = a_q.desc[siov_abi_pkg::DescOpcodeLsb +: 8];
  assign a_size = a_q.desc[siov_abi_pkg::DescSizeLsb +: 32];

  // DIF: how many blocks, exactly. 520, 528, 4104, 4112 are 2^s * (2^k + 1); x is a multiple of
  // 2^k + 1 just when x * (2^k + 1)^-1 modulo 2^n does not exceed (2^n - 1) / (2^k + 1), and is
  // the quotient then.
  logic [28:0] x3, q65, q513;
  logic [27:0] x4, q33, q257;
  logic [31:0] blocks;
  logic        blocks_ok, plain;
  always_comb begin
    x3 = a_size[31:3];
    x4 = a_size[31:4];
    q65 = x3 - (x3 << 6) + (x3 << 12) - (x3 << 18) + (x3 << 24);
    q513 = x3 - (x3 << 9) + (x3 << 18) - (x3 << 27);
    q33 = x4 - (x4 << 5) + (x4 << 10) - (x4 << 15) + (x4 << 20) - (x4 << 25);
    q257 = x4 - (x4 << 8) + (x4 << 16) - (x4 << 24);
    plain = a_op == siov_abi_pkg::OpDifInsert;   // the source has no protection information
    blocks = '0;
    blocks_ok = 1'b0;
    unique case ({plain, a_q.desc[8*42 +: 2]})
      3'b100: begin blocks = a_size >> 9; blocks_ok = a_size[8:0] == '0; end
      3'b110: begin blocks = a_size >> 12; blocks_ok = a_size[11:0] == '0; end
      3'b101, 3'b000: begin blocks = {3'd0, q65}; blocks_ok = a_size[2:0] == '0 && q65 <= 29'd8259552; end
      3'b111, 3'b010: begin blocks = {3'd0, q513}; blocks_ok = a_size[2:0] == '0 && q513 <= 29'd1046531; end
      3'b001: begin blocks = {4'd0, q33}; blocks_ok = a_size[3:0] == '0 && q33 <= 28'd8134407; end
      default: begin blocks = {4'd0, q257}; blocks_ok = a_size[3:0] == '0 && q257 <= 28'd1044495; end
    endcase
  end

  // ------------------------------------------------------------ stage B: ranges
  logic               b_valid_q, b_member_q, b_bypass_q, b_blocks_ok_q;
  siov_pkg::disp_t    b_q;
  siov_eng_pkg::job_t b_job_q;
  logic [15:0]        b_index_q;
  logic [7:0]         b_id_q;
  logic [29:0]        b_blocks_q;

  assign a_ready = !b_valid_q || b_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) b_valid_q <= 1'b0;
    else if (a_ready) b_valid_q <= a_valid_q;
    if (a_ready && a_valid_q) begin
      b_q <= a_q;
      b_member_q <= a_member_q;
      b_index_q <= a_index_q;
      b_id_q <= a_id_q;
      b_bypass_q <= a_bypass_q;
      b_job_q <= a_job_q;
      b_blocks_q <= blocks[29:0];
      b_blocks_ok_q <= blocks_ok;
    end
  end

  logic [7:0]  b_op;
  logic [31:0] b_size, b_r1_len, b_r2_len;
  logic [63:0] b_src, b_dst, b_alt;
  // Three ranges: up to three of them may have to be disjoint.
  logic [63:0] r0, r1, r2;
  logic [32:0] n0, n1, n2;
  logic        hit01, hit02, hit12, overlap;
  assign b_op = b_q.desc[siov_abi_pkg::DescOpcodeLsb +: 8];
  assign b_size = b_q.desc[siov_abi_pkg::DescSizeLsb +: 32];
  assign b_src = b_q.desc[siov_abi_pkg::DescSrcLsb +: 64];
  assign b_dst = b_q.desc[siov_abi_pkg::DescDstLsb +: 64];
  assign b_alt = b_q.desc[8*40 +: 64];
  assign b_r1_len = b_q.desc[8*40 +: 32];   // apply delta: record size
  assign b_r2_len = b_q.desc[8*48 +: 32];   // create delta: largest record
  always_comb begin
    r0 = b_src;
    r1 = b_dst;
    r2 = b_alt;
    n0 = {1'b0, b_size};
    n1 = {1'b0, b_size};
    n2 = {1'b0, b_size};
    if (b_op == siov_abi_pkg::OpCreateDelta) n2 = {1'b0, b_r2_len};
    if (b_op == siov_abi_pkg::OpApplyDelta) n0 = {1'b0, b_r1_len};
    if (b_op == siov_abi_pkg::OpDifInsert) n1 = {1'b0, b_size} + {b_blocks_q, 3'd0};
    if (b_op == siov_abi_pkg::OpDifStrip) n1 = {1'b0, b_size} - {b_blocks_q, 3'd0};
    // One begins inside the other; addresses wrap.
    hit01 = r1 - r0 < {31'd0, n0} || r0 - r1 < {31'd0, n1};
    hit02 = r2 - r0 < {31'd0, n0} || r0 - r2 < {31'd0, n2};
    hit12 = r2 - r1 < {31'd0, n1} || r1 - r2 < {31'd0, n2};
    unique case (b_op)
      siov_abi_pkg::OpCreateDelta: overlap = hit02 || hit12;
      siov_abi_pkg::OpDualcast: overlap = hit01 || hit02 || hit12;
      siov_abi_pkg::OpApplyDelta, siov_abi_pkg::OpCopyCrc, siov_abi_pkg::OpDifInsert,
      siov_abi_pkg::OpDifStrip, siov_abi_pkg::OpDifUpdate: overlap = hit01;
      default: overlap = 1'b0;
    endcase
  end

  // ------------------------------------------------------------ stage C: the verdict
  logic               c_valid_q, c_member_q, c_bypass_q, c_blocks_ok_q, c_overlap_q, c_backward_q;
  siov_pkg::disp_t    c_q;
  siov_eng_pkg::job_t c_job_q;
  logic [15:0]        c_index_q;
  logic [7:0]         c_id_q;

  assign b_ready = !c_valid_q || c_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) c_valid_q <= 1'b0;
    else if (b_ready) c_valid_q <= b_valid_q;
    if (b_ready && b_valid_q) begin
      c_q <= b_q;
      c_member_q <= b_member_q;
      c_index_q <= b_index_q;
      c_id_q <= b_id_q;
      c_bypass_q <= b_bypass_q;
      c_job_q <= b_job_q;
      c_blocks_ok_q <= b_blocks_ok_q;
      c_overlap_q <= overlap;
      c_backward_q <= b_dst > b_src && b_dst - b_src < {32'd0, b_size};
    end
  end

  logic [511:0] d;
  logic [7:0]   opcode;
  logic [23:0]  flags;
  logic         crav, rcr, rci;
  logic         known, priv_bad, user_rci;
  logic [23:0]  allowed, missing, bad;
  logic         reserved_bad, size_bad, count_bad, delta_bad, misaligned, list_bad, dual_bad;
  logic         cr_misaligned;
  logic [31:0]  size, count_max, rec_size;
  logic [32:0]  xfer_max;
  logic [63:0]  src, dst, cr_addr, seed_addr, alt;
  logic [7:0]   status;
  logic         is_batch, is_drain, is_move, is_fill, is_compare, is_pattern, is_create, is_apply;
  logic         is_dual, is_crc, is_copy_crc, is_dif, is_check, is_insert, is_strip, is_update, is_flush;
  logic         sized, is_any_crc, cached;
  logic [63:0]  zero;                    // reserved bytes: bit n for byte n
  logic [63:0]  nonzero;

  localparam logic [23:0] FlagsCommon = (24'd1 << siov_abi_pkg::FlagCrav) |
      (24'd1 << siov_abi_pkg::FlagRcr) | (24'd1 << siov_abi_pkg::FlagRci);
  localparam logic [23:0] FlagsCache = (24'd1 << siov_abi_pkg::FlagCc1) |
      (24'd1 << siov_abi_pkg::FlagCc2);
  localparam logic [23:0] FlagStrict = 24'd1 << siov_abi_pkg::FlagStrictOrder;
  localparam logic [23:0] FlagA1 = 24'd1 << siov_abi_pkg::FlagAddr1Tc;
  localparam logic [23:0] FlagA2 = 24'd1 << siov_abi_pkg::FlagAddr2Tc;
  localparam logic [23:0] FlagA3 = 24'd1 << siov_abi_pkg::FlagAddr3Tc;
  localparam logic [23:0] FlagChk = 24'd1 << siov_abi_pkg::FlagCheckResult;

  always_comb begin
    d = c_q.desc;
    opcode = d[siov_abi_pkg::DescOpcodeLsb +: 8];
    flags = d[siov_abi_pkg::DescFlagsLsb +: 24];
    cr_addr = d[siov_abi_pkg::DescCrAddrLsb +: 64];
    src = d[siov_abi_pkg::DescSrcLsb +: 64];
    dst = d[siov_abi_pkg::DescDstLsb +: 64];
    alt = d[8*40 +: 64];
    seed_addr = d[8*48 +: 64];
    size = d[siov_abi_pkg::DescSizeLsb +: 32];
    crav = flags[siov_abi_pkg::FlagCrav];
    rcr = flags[siov_abi_pkg::FlagRcr];
    rci = flags[siov_abi_pkg::FlagRci];

    is_batch = opcode == siov_abi_pkg::OpBatch;
    is_drain = opcode == siov_abi_pkg::OpDrain;
    is_move = opcode == siov_abi_pkg::OpMemmove;
    is_fill = opcode == siov_abi_pkg::OpFill;
    is_compare = opcode == siov_abi_pkg::OpCompare;
    is_pattern = opcode == siov_abi_pkg::OpComparePattern;
    is_create = opcode == siov_abi_pkg::OpCreateDelta;
    is_apply = opcode == siov_abi_pkg::OpApplyDelta;
    is_dual = opcode == siov_abi_pkg::OpDualcast;
    is_crc = opcode == siov_abi_pkg::OpCrcgen;
    is_copy_crc = opcode == siov_abi_pkg::OpCopyCrc;
    is_check = opcode == siov_abi_pkg::OpDifCheck;
    is_insert = opcode == siov_abi_pkg::OpDifInsert;
    is_strip = opcode == siov_abi_pkg::OpDifStrip;
    is_update = opcode == siov_abi_pkg::OpDifUpdate;
    is_flush = opcode == siov_abi_pkg::OpCacheFlush;
    is_dif = is_check || is_insert || is_strip || is_update;
    is_any_crc = is_crc || is_copy_crc;
    sized = is_move || is_fill || is_compare || is_pattern || is_create || is_apply || is_dual ||
            is_any_crc || is_dif || is_flush;
    known = (opcode == siov_abi_pkg::OpNoop || is_batch || is_drain || sized) &&
            c_q.ops[opcode[5:0]] && !(c_member_q && (is_batch || is_drain));
    cached = is_move || is_fill || is_create || is_apply || is_dual || is_copy_crc || is_insert ||
             is_strip || is_update;

    // Flags: which may be set, which must be (dsa 5.2.1, 5.2.2).
    allowed = FlagsCommon;
    if (crav) allowed[siov_abi_pkg::FlagCrTc] = 1'b1;
    allowed[siov_abi_pkg::FlagFence] = c_member_q;
    if (sized && c_q.bof_en) allowed[siov_abi_pkg::FlagBof] = 1'b1;
    if (cached) allowed = allowed | FlagsCache | FlagStrict;
    if (is_flush) allowed = allowed | FlagStrict | (24'd1 << siov_abi_pkg::FlagCc2);
    if (is_compare || is_pattern || is_create) allowed = allowed | FlagChk;
    if (is_batch || is_move || is_compare || is_pattern || is_create || is_apply || is_dual || is_any_crc || is_dif)
      allowed = allowed | FlagA1;
    if (is_move || is_fill || is_compare || is_create || is_apply || is_dual || is_copy_crc ||
        is_insert || is_strip || is_update || is_flush)
      allowed = allowed | FlagA2;
    if (is_create || is_dual || is_any_crc) allowed = allowed | FlagA3;
    // Bits 18 and 19 suppress the implicit readback of a traffic class (dsa 5.6); ours is the
    // ordering of the link anyway.
    if (is_drain) allowed[19:18] = 2'b11;
    if (is_drain && DrainReadback) allowed[17:16] = 2'b11;
    if (is_drain && DrainReadback && flags[16]) allowed = allowed | FlagA1;
    if (is_drain && DrainReadback && flags[17]) allowed = allowed | FlagA2;
    if (is_fill && Fill16) allowed[18] = 1'b1;
    if (is_any_crc) allowed[18:16] = 3'b111;
    if (is_any_crc && Crc64) allowed[19] = 1'b1;
    user_rci = rci && c_q.pasid_en && !c_q.priv && !user_int_en_i;
    missing = '0;
    bad = flags & ~allowed;
    if (user_rci) bad[siov_abi_pkg::FlagRci] = 1'b1;
    if (rcr && !crav) bad[siov_abi_pkg::FlagRcr] = 1'b1;
    if (is_compare || is_pattern || is_create || is_any_crc || is_check) begin
      missing[siov_abi_pkg::FlagCrav] = !crav;
      missing[siov_abi_pkg::FlagRcr] = !rcr;
    end
    if (is_drain && !rcr && !rci) begin
      missing[siov_abi_pkg::FlagRcr] = 1'b1;
      missing[siov_abi_pkg::FlagRci] = 1'b1;
    end
    bad = bad | missing;

    // Reserved bytes (dsa 5.2.1) and conditional ones (5.2.2).
    zero = '0;
    zero[39:38] = 2'b11;
    zero[63:40] = '1;
    unique case (opcode)
      siov_abi_pkg::OpNoop: zero[35:16] = '1;
      siov_abi_pkg::OpBatch: zero[31:24] = '1;
      siov_abi_pkg::OpDrain: begin
        zero[35:32] = '1;
        zero[23:16] = {8{!(DrainReadback && flags[16])}};
        zero[31:24] = {8{!(DrainReadback && flags[17])}};
      end
      siov_abi_pkg::OpFill: if (Fill16 && flags[18]) zero[47:40] = '0;
      siov_abi_pkg::OpCompare: zero[40] = !flags[siov_abi_pkg::FlagCheckResult];
      siov_abi_pkg::OpComparePattern: zero[40] = 1'b0;
      siov_abi_pkg::OpCreateDelta: begin
        zero[51:40] = '0;
        zero[56] = 1'b0;
      end
      siov_abi_pkg::OpApplyDelta: zero[43:40] = '0;
      siov_abi_pkg::OpDualcast: zero[47:40] = '0;
      siov_abi_pkg::OpCrcgen, siov_abi_pkg::OpCopyCrc: begin
        if (is_crc) zero[31:24] = '1;
        zero[43:40] = {4{flags[16]}};
        zero[47:44] = {4{flags[16] || !flags[19]}};
        zero[55:48] = {8{!flags[16]}};
      end
      siov_abi_pkg::OpDifCheck: begin
        zero[31:24] = '1;
        zero[40] = 1'b0;
        zero[42] = 1'b0;
        zero[55:48] = '0;
      end
      siov_abi_pkg::OpDifInsert: begin
        zero[42:41] = '0;
        zero[63:56] = '0;
      end
      siov_abi_pkg::OpDifStrip: begin
        zero[40] = 1'b0;
        zero[42] = 1'b0;
        zero[55:48] = '0;
      end
      siov_abi_pkg::OpDifUpdate: begin
        zero[42:40] = '0;
        zero[63:48] = '0;
      end
      siov_abi_pkg::OpCacheFlush: zero[23:16] = '1;
      default: ;
    endcase
    if (!rci) zero[37:36] = 2'b11;
    if (!crav) zero[15:8] = '1;
    for (int i = 0; i < 64; i++) nonzero[i] = |d[8*i +: 8];
    reserved_bad = |(nonzero & zero) || (!c_q.dedicated && !c_member_q && |d[30:20]);

    // Sizes.
    xfer_max = 33'd1 << c_q.max_xfer;
    size_bad = sized && (size == '0 || {1'b0, size} > xfer_max ||
                         ((is_create || is_apply) && size > 32'h80000) || (is_dif && !c_blocks_ok_q));
    count_max = 32'd1 << c_q.max_batch;
    count_bad = is_batch && (size == '0 || size > count_max || (size == 32'd1 && !Batch1));
    rec_size = is_create ? d[8*48 +: 32] : d[8*40 +: 32];
    delta_bad = (is_create && (rec_size < 32'd80 || {1'b0, rec_size} > xfer_max)) ||
                (is_apply && (rec_size == '0 || {1'b0, rec_size} > xfer_max || !mult10_q));
    misaligned = ((is_create || is_apply) && |size[2:0]) ||
                 (is_create && (|src[2:0] || |dst[2:0] || |alt[2:0])) ||
                 (is_any_crc && flags[16] && (|seed_addr[1:0] || (flags[19] && seed_addr[2])));
    list_bad = is_batch && |src[5:0];
    dual_bad = is_dual && dst[11:0] != alt[11:0];
    cr_misaligned = crav && |cr_addr[4:0];
    priv_bad = !c_q.dedicated && !c_member_q && c_q.priv && !priv_allowed_i;

    status = siov_abi_pkg::StSuccess;
    if (!known) status = siov_abi_pkg::StBadOpcode;
    else if (cr_misaligned) status = siov_abi_pkg::StCrMisaligned;
    else if (priv_bad) status = siov_abi_pkg::StBadPriv;
    else if (|bad) status = siov_abi_pkg::StInvalidFlags;
    else if (reserved_bad) status = siov_abi_pkg::StReservedField;
    else if (size_bad) status = siov_abi_pkg::StBadSize;
    else if (count_bad) status = siov_abi_pkg::StBadCount;
    else if (delta_bad) status = siov_abi_pkg::StBadDeltaSize;
    else if (misaligned) status = siov_abi_pkg::StMisaligned;
    else if (list_bad) status = siov_abi_pkg::StListAlign;
    else if (dual_bad) status = siov_abi_pkg::StDualcastAlign;
    else if (c_overlap_q) status = siov_abi_pkg::StOverlap;
    else if (rci && !c_q.handle_ok) status = siov_abi_pkg::StBadHandle;
  end

  // A record size is a multiple of 10: half of it is a multiple of 5, by the same exact division.
  logic [30:0] half, q5;
  logic        mult10_q;
  always_comb begin
    half = b_r1_len[31:1];
    q5 = 31'(half * 31'h4CCCCCCD);       // 5^-1 modulo 2^31
  end
  always_ff @(posedge clk_i)
    if (b_ready && b_valid_q) mult10_q <= !b_r1_len[0] && q5 <= 31'd429496729;

  logic unused_ok;
  assign unused_ok = ^{blocks[31:30], 1'b0};

  siov_eng_pkg::job_t job;
  logic               cr_usable;
  always_comb begin
    cr_usable = crav && !cr_misaligned && !priv_bad;
    job = '0;
    job.status = status;
    job.opcode = opcode;
    job.bad_flags = (status == siov_abi_pkg::StInvalidFlags) ? bad : '0;
    job.err_info = {12'd0, 1'b0, rcr, c_q.ims, rci, d[siov_abi_pkg::DescHandleLsb +: 16]};
    job.info = d[511:8*40];
    job.mods = flags[19:16];
    if (status == siov_abi_pkg::StSuccess) begin
      if (is_move) job.op = siov_eng_pkg::JobCopy;
      if (is_fill) job.op = siov_eng_pkg::JobFill;
      if (is_compare) job.op = siov_eng_pkg::JobCompare;
      if (is_pattern) job.op = siov_eng_pkg::JobPattern;
      if (is_create) job.op = siov_eng_pkg::JobDelta;
      if (is_apply) job.op = siov_eng_pkg::JobApply;
      if (is_dual) job.op = siov_eng_pkg::JobDual;
      if (is_crc) job.op = siov_eng_pkg::JobCrc;
      if (is_copy_crc) job.op = siov_eng_pkg::JobCopyCrc;
      if (is_dif) job.op = siov_eng_pkg::JobDif;
      if (is_batch) job.op = siov_eng_pkg::JobBatch;
      if (is_flush && c_q.ats) job.op = siov_eng_pkg::JobFlush;
      if (cached || is_flush) job.readback = {is_dual && flags[siov_abi_pkg::FlagCc2], flags[siov_abi_pkg::FlagCc2]};
      if (is_drain && DrainReadback) job.readback = flags[17:16];
    end
    job.src = src;
    job.dst = dst;
    job.other = is_any_crc ? seed_addr : alt;
    job.size = is_apply ? d[8*40 +: 32] : size;
    job.aux = is_create ? d[8*48 +: 32] : size;
    job.backward = is_move && c_backward_q;
    job.cr_addr = cr_addr;
    job.write_cr_ok = cr_usable && rcr;
    job.write_cr_err = cr_usable;
    job.swerr_err = !cr_usable;
    job.log_record = is_drain && evl_i && !c_q.prs && cr_usable && rcr;
    job.irq = rci && c_q.handle_ok && !cr_misaligned && !priv_bad && !user_rci;
    job.ims = c_q.ims;
    job.handle = d[siov_abi_pkg::DescHandleLsb +: 16];
    job.check_result = flags[siov_abi_pkg::FlagCheckResult];
    job.tc_src = flags[siov_abi_pkg::FlagAddr1Tc] ? c_q.tc_b : c_q.tc_a;
    job.tc_dst = flags[siov_abi_pkg::FlagAddr2Tc] ? c_q.tc_b : c_q.tc_a;
    job.tc_other = flags[siov_abi_pkg::FlagAddr3Tc] ? c_q.tc_b : c_q.tc_a;
    job.tc_cr = flags[siov_abi_pkg::FlagCrTc] ? c_q.tc_b : c_q.tc_a;
    job.pasid_en = c_q.pasid_en;
    job.pasid = c_q.pasid;
    job.priv = c_q.priv && c_q.pasid_en;
    job.wq = c_q.wq;
    job.epoch = c_q.epoch;
    job.member = c_member_q;
    job.batch_index = c_index_q;
    job.batch_id = c_id_q;
    job.ats = c_q.ats;
    job.prs = c_q.prs;
    job.block = c_q.prs && c_q.bof_en && flags[siov_abi_pkg::FlagBof];
    if (c_bypass_q) job = c_job_q;
  end

  logic               valid_q;
  siov_eng_pkg::job_t job_q;
  siov_pkg::disp_t    disp_q;
  assign c_ready = !valid_q || job_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) valid_q <= 1'b0;
    else if (c_ready) valid_q <= c_valid_q;
    if (c_ready && c_valid_q) begin
      job_q <= job;
      disp_q <= c_q;
    end
  end
  assign job_valid_o = valid_q;
  assign job_o = job_q;
  assign disp_o = disp_q;

  `SIOV_ASSERT_HOLDS(CheckHolds, job_valid_o && !job_ready_i && !clear_i, 1'b0, job_valid_o, job_o)

endmodule
