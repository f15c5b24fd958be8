// SPDX-License-Identifier: Apache-2.0
// Descriptor check: turns a dispatched descriptor into a job, or into the status that ends it.
//
// Order of checks (the specification leaves it free, dsa 5.2.3; tb/model/predict.cpp states the
// same list):
//   opcode 10 -> record address 1b -> privilege 1d -> flags 11 -> reserved bytes 12 -> size 13
//   -> interrupt handle 19.
// Latency 1 cycle, one descriptor a cycle. Does not touch memory.

`include "siov_assert.svh"

module siov_eng_check (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  clear_i,
  input  logic                  priv_allowed_i,   /// PASID privileged mode enabled
  input  logic                  user_int_en_i,    /// GENCFG bit 12
  input  logic                  disp_valid_i,
  output logic                  disp_ready_o,
  input  siov_pkg::disp_t       disp_i,
  output logic                  job_valid_o,
  input  logic                  job_ready_i,
  output siov_eng_pkg::job_t    job_o
);

  logic [511:0] d;
  logic [7:0]   opcode;
  logic [23:0]  flags;
  logic         crav, rcr, rci;
  logic         known, priv_bad, user_rci;
  logic [23:0]  allowed, missing, bad;
  logic         reserved_bad, size_bad, cr_misaligned;
  logic [31:0]  size;
  logic [63:0]  src, dst, cr_addr;
  logic [7:0]   status;
  logic         is_move, is_fill, is_compare, is_drain;

  localparam logic [23:0] FlagsCommon = (24'd1 << siov_abi_pkg::FlagCrav) |
      (24'd1 << siov_abi_pkg::FlagRcr) | (24'd1 << siov_abi_pkg::FlagRci) |
      (24'd1 << siov_abi_pkg::FlagCrTc);
  // Bits 18 and 19 suppress the implicit readback of a traffic class (dsa 5.6); ours is the
  // ordering of the link anyway.
  localparam logic [23:0] FlagsDrain = FlagsCommon | (24'd1 << 18) | (24'd1 << 19);
  localparam logic [23:0] FlagsMove = FlagsCommon | (24'd1 << siov_abi_pkg::FlagCc1) |
      (24'd1 << siov_abi_pkg::FlagStrictOrder) | (24'd1 << siov_abi_pkg::FlagAddr1Tc) |
      (24'd1 << siov_abi_pkg::FlagAddr2Tc);
  localparam logic [23:0] FlagsFill = FlagsCommon | (24'd1 << siov_abi_pkg::FlagCc1) |
      (24'd1 << siov_abi_pkg::FlagStrictOrder) | (24'd1 << siov_abi_pkg::FlagAddr2Tc);
  localparam logic [23:0] FlagsCompare = FlagsCommon | (24'd1 << siov_abi_pkg::FlagCheckResult) |
      (24'd1 << siov_abi_pkg::FlagAddr1Tc) | (24'd1 << siov_abi_pkg::FlagAddr2Tc);

  always_comb begin
    d = disp_i.desc;
    opcode = d[siov_abi_pkg::DescOpcodeLsb +: 8];
    flags = d[siov_abi_pkg::DescFlagsLsb +: 24];
    cr_addr = d[siov_abi_pkg::DescCrAddrLsb +: 64];
    src = d[siov_abi_pkg::DescSrcLsb +: 64];
    dst = d[siov_abi_pkg::DescDstLsb +: 64];
    size = d[siov_abi_pkg::DescSizeLsb +: 32];
    crav = flags[siov_abi_pkg::FlagCrav];
    rcr = flags[siov_abi_pkg::FlagRcr];
    rci = flags[siov_abi_pkg::FlagRci];

    is_move = opcode == siov_abi_pkg::OpMemmove;
    is_fill = opcode == siov_abi_pkg::OpFill;
    is_compare = opcode == siov_abi_pkg::OpCompare;
    is_drain = opcode == siov_abi_pkg::OpDrain;
    known = is_move || is_fill || is_compare || is_drain || opcode == siov_abi_pkg::OpNoop;

    // Flags: which may be set, which must be (dsa 5.2.1, 5.2.2).
    allowed = FlagsCommon;
    if (is_move) allowed = FlagsMove;
    if (is_fill) allowed = FlagsFill;
    if (is_compare) allowed = FlagsCompare;
    if (is_drain) allowed = FlagsDrain;
    user_rci = rci && disp_i.pasid_en && !disp_i.priv && !user_int_en_i;
    missing = '0;
    bad = flags & ~allowed;
    if (!crav) bad[siov_abi_pkg::FlagCrTc] = flags[siov_abi_pkg::FlagCrTc];
    if (user_rci) bad[siov_abi_pkg::FlagRci] = 1'b1;
    if (rcr && !crav) bad[siov_abi_pkg::FlagRcr] = 1'b1;
    if (is_compare && !crav) missing[siov_abi_pkg::FlagCrav] = 1'b1;
    if (is_compare && !rcr) missing[siov_abi_pkg::FlagRcr] = 1'b1;
    if (is_drain && !rcr && !rci) begin
      missing[siov_abi_pkg::FlagRcr] = 1'b1;
      missing[siov_abi_pkg::FlagRci] = 1'b1;
    end
    bad = bad | missing;

    // Reserved bytes (dsa 5.2.1) and conditional ones (5.2.2). Byte n is bits 8n+7:8n.
    reserved_bad = |d[511:8*41] || |d[8*40-1:8*38];
    if (!is_compare || !flags[siov_abi_pkg::FlagCheckResult]) reserved_bad = reserved_bad || |d[8*41-1:8*40];
    if (!is_move && !is_fill && !is_compare) reserved_bad = reserved_bad || |d[8*36-1:8*16];
    if (!rci) reserved_bad = reserved_bad || |d[8*38-1:8*36];
    if (!crav) reserved_bad = reserved_bad || |cr_addr;
    if (!disp_i.dedicated) reserved_bad = reserved_bad || |d[30:20];

    size_bad = (is_move || is_fill || is_compare) &&
               (size == '0 || {1'b0, size} > (33'd1 << disp_i.max_xfer));
    cr_misaligned = crav && |cr_addr[4:0];
    priv_bad = !disp_i.dedicated && disp_i.priv && !priv_allowed_i;

    status = siov_abi_pkg::StSuccess;
    if (!known) status = siov_abi_pkg::StBadOpcode;
    else if (cr_misaligned) status = siov_abi_pkg::StCrMisaligned;
    else if (priv_bad) status = siov_abi_pkg::StBadPriv;
    else if (|bad) status = siov_abi_pkg::StInvalidFlags;
    else if (reserved_bad) status = siov_abi_pkg::StReservedField;
    else if (size_bad) status = siov_abi_pkg::StBadSize;
    else if (rci && !disp_i.handle_ok) status = siov_abi_pkg::StBadHandle;
  end

  siov_eng_pkg::job_t job;
  logic               cr_usable;
  always_comb begin
    cr_usable = crav && !cr_misaligned && !priv_bad;
    job = '0;
    job.status = status;
    job.opcode = opcode;
    job.bad_flags = (status == siov_abi_pkg::StInvalidFlags) ? bad : '0;
    if (status == siov_abi_pkg::StSuccess) begin
      if (is_move) job.op = siov_eng_pkg::JobCopy;
      if (is_fill) job.op = siov_eng_pkg::JobFill;
      if (is_compare) job.op = siov_eng_pkg::JobCompare;
    end
    job.src = src;
    job.dst = dst;
    job.size = size;
    job.backward = is_move && dst > src && dst - src < {32'd0, size};
    job.cr_addr = cr_addr;
    job.write_cr_ok = cr_usable && rcr;
    job.write_cr_err = cr_usable;
    job.swerr_err = !cr_usable;
    job.irq = rci && disp_i.handle_ok && !cr_misaligned && !priv_bad && !user_rci;
    job.ims = disp_i.ims;
    job.handle = d[siov_abi_pkg::DescHandleLsb +: 16];
    job.check_result = flags[siov_abi_pkg::FlagCheckResult];
    job.expected = d[8*40];
    job.tc_src = flags[siov_abi_pkg::FlagAddr1Tc] ? disp_i.tc_b : disp_i.tc_a;
    job.tc_dst = flags[siov_abi_pkg::FlagAddr2Tc] ? disp_i.tc_b : disp_i.tc_a;
    job.tc_cr = flags[siov_abi_pkg::FlagCrTc] ? disp_i.tc_b : disp_i.tc_a;
    job.pasid_en = disp_i.pasid_en;
    job.pasid = disp_i.pasid;
    job.priv = disp_i.priv && disp_i.pasid_en;
    job.wq = disp_i.wq;
    job.epoch = disp_i.epoch;
  end

  logic               valid_q;
  siov_eng_pkg::job_t job_q;
  assign disp_ready_o = !valid_q || job_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) valid_q <= 1'b0;
    else if (disp_ready_o) valid_q <= disp_valid_i;
    if (disp_ready_o && disp_valid_i) job_q <= job;
  end
  assign job_valid_o = valid_q;
  assign job_o = job_q;

  `SIOV_ASSERT(CheckHolds, job_valid_o && !job_ready_i && !clear_i |=> job_valid_o && $stable(job_o))

endmodule
