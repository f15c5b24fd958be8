// SPDX-License-Identifier: Apache-2.0
// How a job ends: status, completion record, what is reported and to whom (dsa 5.4, 5.5, 6).
// Combinational; the walker uses it when everything that decides has settled.

module siov_eng_verdict (
  input  siov_eng_pkg::job_t  job_i,
  input  logic                read_failed_i,
  input  logic                readback_failed_i,
  input  logic                readback_second_i, /// which of the two
  input  logic [63:0]         readback_addr_i,
  input  logic                batch_fail_i,      /// some member of the batch did not end with status 1
  input  logic                batch_logged_i,    /// some member of it has been reported
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
  logic        unexpected, good_end;

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
    if (read_failed_i && !settled) status = siov_abi_pkg::StReadError;
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

    record_o = '0;
    record_o[7:0] = status;
    record_o[15:8] = result;
    if (is_dif && dif_error_i) record_o[15:8] = dif_status_i;
    record_o[63:32] = completed;
    if (status == siov_abi_pkg::StInvalidFlags)
      record_o[siov_abi_pkg::CrInvalidFlagsLsb +: 24] = job_i.bad_flags;
    // Of a failed read or readback only the status is defined.
    if (read_failed_i && !settled) record_o = {248'd0, status};
    else if (readback_failed_i) record_o = {248'd0, status};
    else begin
      if (is_crc) record_o[8*16 +: 64] = crc_i;
      if (is_delta) record_o[8*16 +: 32] = delta_size_i;
      if (is_dif) record_o[8*16 +: 128] = {dif_cr_dst_i, dif_cr_src_i};
    end
    if (status == siov_abi_pkg::StReadbackFault) record_o[8*8 +: 64] = readback_addr_i;
    good_end = status == siov_abi_pkg::StSuccess || status == siov_abi_pkg::StSuccessPredicate ||
               status == siov_abi_pkg::StBatchFail;
    record_due_o = good_end ? job_i.write_cr_ok && !job_i.log_record : job_i.write_cr_err;
    status_o = status;
  end

  siov_pkg::swerr_t err;
  logic             logged;
  always_comb begin
    logged = good_end && job_i.log_record;
    err = '0;
    err.evl = 1'b1;
    err.code = logged ? siov_abi_pkg::StEvlDrain : status;
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
    if (status != siov_abi_pkg::StInvalidFlags) err.info[19] = job_i.member && !batch_logged_i;
    if (status == siov_abi_pkg::StReadbackFault) begin
      err.info[31:29] = readback_second_i ? 3'd2 : 3'd1;
      err.addr = readback_addr_i;
    end
    if (status == siov_abi_pkg::StCrMisaligned || logged) err.addr = job_i.cr_addr;
    err.cr_valid = logged || status == siov_abi_pkg::StBadHandle;
    err.cr = err.cr_valid ? record_o : '0;
    end_o = '0;
    end_o.irq = job_i.irq;
    end_o.ims = job_i.ims;
    end_o.handle = job_i.handle;
    end_o.swerr = logged || (!good_end && (job_i.swerr_err || status == siov_abi_pkg::StBadHandle));
    end_o.err = err;
    end_o.wq = job_i.wq;
    end_o.epoch = job_i.epoch;
    end_o.member = job_i.member;
    end_o.batch = job_i.member || job_i.op == siov_eng_pkg::JobBatchEnd;
  end

  logic unused_ok;
  assign unused_ok = ^{job_i, expected[7:3], 1'b0};

endmodule
