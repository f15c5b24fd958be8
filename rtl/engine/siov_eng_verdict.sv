// SPDX-License-Identifier: Apache-2.0
// How a job ends: status, completion record, what is reported and to whom (dsa 5.4, 5.5, 5.7, 6).
// Combinational; the walker uses it when everything that decides has settled.

module siov_eng_verdict (
  input  siov_eng_pkg::job_t  job_i,
  input  logic                read_failed_i,
  input  siov_eng_pkg::fault_t fault_i,          /// an access had no translation
  input  logic                record_failed_i,   /// the record's page has none
  input  logic                evl_i,             /// the event log is on
  input  logic                readback_failed_i,
  input  logic                readback_second_i, /// which of the two
  input  logic [63:0]         readback_addr_i,
  input  logic                batch_fail_i,      /// some member of the batch did not end with status 1
  input  logic                batch_logged_i,    /// some member of it has been reported
  input  logic                batch_cr_logged_i, /// and a member's record went to the event log
  input  logic                cmp_differs_i,
  input  logic [31:0]         cmp_offset_i,
  input  logic [63:0]         crc_i,
  input  logic                dif_error_i,
  input  logic [7:0]          dif_status_i,
  input  logic [31:0]         dif_done_i,        /// source bytes of the blocks before the failing one
  input  logic [63:0]         dif_cr_src_i,
  input  logic [63:0]         dif_cr_dst_i,
  input  logic [31:0]         delta_size_i,
  input  logic                delta_differs_i,
  input  logic                delta_overflow_i,
  input  logic [31:0]         delta_compared_i,
  input  logic                apply_error_i,
  input  logic [7:0]          apply_status_i,
  input  logic [31:0]         apply_used_i,
  output logic [7:0]          status_o,
  output logic [255:0]        record_o,
  output logic                record_due_o,
  output siov_eng_pkg::end_t  end_o
);
  logic        is_cmp, is_delta, is_apply, is_crc, is_dif, differs, overflow, settled;
  logic [7:0]  status, result;
  logic [31:0] completed;
  logic [7:0]  expected;
  logic        unexpected, good_end, fault, tells, to_log, due;

  always_comb begin
    is_cmp = job_i.op == siov_eng_pkg::JobCompare || job_i.op == siov_eng_pkg::JobPattern;
    is_delta = job_i.op == siov_eng_pkg::JobDelta;
    is_apply = job_i.op == siov_eng_pkg::JobApply;
    is_crc = job_i.op == siov_eng_pkg::JobCrc || job_i.op == siov_eng_pkg::JobCopyCrc;
    is_dif = job_i.op == siov_eng_pkg::JobDif;
    // Found before anything that could not be read: it stands.
    differs = (is_cmp && cmp_differs_i) || (is_delta && delta_differs_i && !delta_overflow_i);
    overflow = is_delta && delta_overflow_i;
    settled = (is_cmp && cmp_differs_i) || overflow || (is_apply && apply_error_i) ||
              (is_dif && dif_error_i);
    result = {7'd0, differs};
    if (overflow) result = 8'd2;
    expected = job_i.info[8*16 +: 8];                     // byte 56
    unexpected = is_delta ? !expected[{1'b0, result[1:0]}] : (differs != job_i.info[0]);

    status = job_i.status;
    if (job_i.op == siov_eng_pkg::JobBatchEnd && status == siov_abi_pkg::StSuccess && batch_fail_i)
      status = siov_abi_pkg::StBatchFail;
    fault = fault_i.valid && !settled;
    tells = fault && fault_i.reason != siov_eng_pkg::XlBroken;
    if (fault) begin
      status = siov_abi_pkg::StTranslationError;
      if (fault_i.reason == siov_eng_pkg::XlNoPage) status = siov_abi_pkg::StPageFault;
      if (fault_i.reason == siov_eng_pkg::XlNoMore) status = siov_abi_pkg::StPageFaultInvalid;
      status[7] = tells && fault_i.write;
    end else if (read_failed_i && !settled) status = siov_abi_pkg::StReadError;
    else if (is_dif && dif_error_i) status = siov_abi_pkg::StDifError;
    else if (is_apply && apply_error_i) status = apply_status_i;
    else if (readback_failed_i)
      status = (job_i.opcode == siov_abi_pkg::OpDrain) ? siov_abi_pkg::StReadbackFault
                                                      : siov_abi_pkg::StWriteError;
    else if ((is_cmp || is_delta) && job_i.check_result && unexpected)
      status = siov_abi_pkg::StSuccessPredicate;

    completed = '0;
    if (is_cmp && cmp_differs_i) completed = cmp_offset_i;
    if (overflow) completed = delta_compared_i;
    if (is_apply && apply_error_i) completed = apply_used_i;
    if (is_dif && dif_error_i) completed = dif_done_i;
    if (job_i.op == siov_eng_pkg::JobBatchEnd) completed = job_i.aux;
    if (fault) completed = is_delta ? delta_compared_i : is_apply ? apply_used_i : fault_i.done;

    record_o = '0;
    record_o[7:0] = status;
    record_o[15:8] = result;
    if (is_dif && dif_error_i) record_o[15:8] = dif_status_i;
    if (fault && job_i.backward) record_o[15:8] = 8'd1;
    record_o[63:32] = completed;
    if (status == siov_abi_pkg::StInvalidFlags)
      record_o[siov_abi_pkg::CrInvalidFlagsLsb +: 24] = job_i.bad_flags;
    // Of a failed read, readback or translation only the status is defined.
    if ((read_failed_i && !settled && !fault) || (fault && !tells)) record_o = {248'd0, status};
    else if (readback_failed_i) record_o = {248'd0, status};
    else begin
      if (is_crc) record_o[8*16 +: 64] = crc_i;
      if (is_delta) record_o[8*16 +: 32] = delta_size_i;
      if (is_dif) record_o[8*16 +: 128] = {dif_cr_dst_i, dif_cr_src_i};
    end
    if (status == siov_abi_pkg::StReadbackFault) record_o[8*8 +: 64] = readback_addr_i;
    if (status == siov_abi_pkg::StBatchPageFault) record_o[8*8 +: 64] = job_i.dst;
    if (tells) record_o[8*8 +: 64] = {fault_i.page, 12'd0};
    good_end = status == siov_abi_pkg::StSuccess || status == siov_abi_pkg::StSuccessPredicate ||
               status == siov_abi_pkg::StBatchFail;
    due = good_end ? job_i.write_cr_ok && !job_i.log_record : job_i.write_cr_err;
    // So the record of a batch comes behind those of its members (dsa 2.11).
    to_log = due && job_i.op == siov_eng_pkg::JobBatchEnd && batch_cr_logged_i && evl_i;
    record_due_o = due && !to_log;
    status_o = status;
  end

  siov_pkg::swerr_t err;
  logic             logged;
  always_comb begin
    logged = good_end && job_i.log_record;
    err = '0;
    err.evl = 1'b1;
    err.code = {1'b0, status[6:0]};
    if (logged) err.code = siov_abi_pkg::StEvlDrain;
    if (to_log) err.code = siov_abi_pkg::StEvlBatch;
    if (record_failed_i) err.code = siov_abi_pkg::StCrFault;
    err.write = (tells && fault_i.write) || record_failed_i;
    err.desc_valid = 1'b1;
    err.wq_valid = 1'b1;
    err.batch = job_i.member;
    err.priv = job_i.priv;
    err.wq = job_i.wq;
    err.opcode = job_i.opcode;
    err.pasid = job_i.pasid_en ? job_i.pasid : '0;
    err.batch_index = job_i.batch_index;
    err.batch_id = job_i.batch_id;
    err.info_valid = 1'b1;
    err.info = job_i.err_info;
    err.info[19] = job_i.member && !batch_logged_i;
    if (status == siov_abi_pkg::StReadbackFault) begin
      err.info[31:29] = readback_second_i ? siov_eng_pkg::OperandSrc2 : siov_eng_pkg::OperandSrc;
      err.addr = readback_addr_i;
    end
    if (status == siov_abi_pkg::StBatchPageFault) begin
      err.info[31:29] = siov_eng_pkg::OperandSrc;
      err.addr = job_i.dst;
    end
    if (fault) err.info[31:29] = fault_i.operand;
    if (tells) err.addr = {fault_i.page, 12'd0};
    if (status == siov_abi_pkg::StInvalidFlags) err.info = {8'd0, job_i.bad_flags};
    if (to_log || record_failed_i) begin
      err.info = job_i.err_info;
      err.info[19] = job_i.member && !batch_logged_i;
    end
    if (record_failed_i) err.info[31:29] = siov_eng_pkg::OperandRecord;
    if (status == siov_abi_pkg::StCrMisaligned || logged || to_log || record_failed_i) err.addr = job_i.cr_addr;
    err.cr_valid = logged || to_log || record_failed_i || status == siov_abi_pkg::StBadHandle;
    err.cr = err.cr_valid ? record_o : '0;
    end_o = '0;
    end_o.irq = job_i.irq;
    end_o.ims = job_i.ims;
    end_o.handle = job_i.handle;
    end_o.swerr = logged || to_log || record_failed_i || (!good_end && (job_i.swerr_err || status == siov_abi_pkg::StBadHandle));
    end_o.err = err;
    end_o.wq = job_i.wq;
    end_o.epoch = job_i.epoch;
    end_o.member = job_i.member;
    end_o.batch = job_i.member || job_i.op == siov_eng_pkg::JobBatchEnd;
  end

  logic unused_ok;
  assign unused_ok = ^{job_i, expected[7:3], 1'b0};

endmodule
