// SPDX-License-Identifier: Apache-2.0
// Compares our numbers with the kernel's public header at compile time. Nothing here runs.
#include <linux/idxd.h>

#include <cstddef>

#include "abi/siov_abi.hpp"

namespace siov::abi {
namespace {

static_assert(sizeof(dsa_hw_desc) == kDescBytes);
static_assert(offsetof(dsa_hw_desc, completion_addr) * 8 == kDescCrAddrLsb);
static_assert(offsetof(dsa_hw_desc, src_addr) * 8 == kDescSrcLsb);
static_assert(offsetof(dsa_hw_desc, pattern) * 8 == kDescSrcLsb);
static_assert(offsetof(dsa_hw_desc, dst_addr) * 8 == kDescDstLsb);
static_assert(offsetof(dsa_hw_desc, src2_addr) * 8 == kDescDstLsb);
static_assert(offsetof(dsa_hw_desc, xfer_size) * 8 == kDescSizeLsb);
static_assert(offsetof(dsa_hw_desc, int_handle) * 8 == kDescHandleLsb);
static_assert(offsetof(dsa_hw_desc, rsvd1) * 8 == kDescReserved1Lsb);
static_assert(offsetof(dsa_hw_desc, op_specific) * 8 == kDescOpSpecificLsb);
static_assert(offsetof(dsa_hw_desc, expected_res) * 8 == kDescExpectedResultLsb);
static_assert(sizeof(dsa_hw_desc::op_specific) * 8 == kDescOpSpecificWidth);

static_assert(sizeof(dsa_completion_record) == kCrBytes);
static_assert(offsetof(dsa_completion_record, status) * 8 == kCrStatusLsb);
static_assert(offsetof(dsa_completion_record, result) * 8 == kCrResultLsb);
static_assert(offsetof(dsa_completion_record, bytes_completed) * 8 == kCrBytesCompletedLsb);
static_assert(offsetof(dsa_completion_record, fault_addr) * 8 == kCrFaultAddrLsb);
static_assert(offsetof(dsa_completion_record, op_specific) * 8 == kCrOpSpecificLsb);
static_assert(DSA_COMP_STATUS_WRITE == kStWriteFault);

static_assert(DSA_OPCODE_NOOP == kOpNoop && DSA_OPCODE_BATCH == kOpBatch &&
              DSA_OPCODE_DRAIN == kOpDrain);
static_assert(DSA_OPCODE_MEMMOVE == kOpMemmove && DSA_OPCODE_MEMFILL == kOpFill);
static_assert(DSA_OPCODE_COMPARE == kOpCompare && DSA_OPCODE_COMPVAL == kOpComparePattern);
static_assert(DSA_OPCODE_CR_DELTA == kOpCreateDelta && DSA_OPCODE_AP_DELTA == kOpApplyDelta);
static_assert(DSA_OPCODE_DUALCAST == kOpDualcast && DSA_OPCODE_CRCGEN == kOpCrcgen);
static_assert(DSA_OPCODE_COPY_CRC == kOpCopyCrc && DSA_OPCODE_DIF_CHECK == kOpDifCheck);
static_assert(DSA_OPCODE_DIF_INS == kOpDifInsert && DSA_OPCODE_DIF_STRP == kOpDifStrip);
static_assert(DSA_OPCODE_DIF_UPDT == kOpDifUpdate && DSA_OPCODE_CFLUSH == kOpCacheFlush);

static_assert(IDXD_OP_FLAG_FENCE == 1 << kFlagFence && IDXD_OP_FLAG_BOF == 1 << kFlagBof);
static_assert(IDXD_OP_FLAG_CRAV == 1 << kFlagCrav && IDXD_OP_FLAG_RCR == 1 << kFlagRcr);
static_assert(IDXD_OP_FLAG_RCI == 1 << kFlagRci && IDXD_OP_FLAG_CRSTS == 1 << kFlagCc3);
static_assert(IDXD_OP_FLAG_CR == 1 << kFlagCheckResult && IDXD_OP_FLAG_CC == 1 << kFlagCc1);
static_assert(IDXD_OP_FLAG_ADDR1_TCS == 1 << kFlagAddr1Tc &&
              IDXD_OP_FLAG_ADDR2_TCS == 1 << kFlagAddr2Tc);
static_assert(IDXD_OP_FLAG_ADDR3_TCS == 1 << kFlagAddr3Tc && IDXD_OP_FLAG_CR_TCS == 1 << kFlagCrTc);
static_assert(IDXD_OP_FLAG_STORD == 1 << kFlagStrictOrder && IDXD_OP_FLAG_DRDBK == 1 << kFlagCc2);

static_assert(DSA_COMP_SUCCESS == kStSuccess && DSA_COMP_SUCCESS_PRED == kStSuccessPredicate);
static_assert(DSA_COMP_PAGE_FAULT_NOBOF == kStPageFault &&
              DSA_COMP_PAGE_FAULT_IR == kStPageFaultInvalid);
static_assert(DSA_COMP_BATCH_FAIL == kStBatchFail &&
              DSA_COMP_BATCH_PAGE_FAULT == kStBatchPageFault);
static_assert(DSA_COMP_DR_OFFSET_NOINC == kStDeltaNotIncreasing);
static_assert(DSA_COMP_DR_OFFSET_ERANGE == kStDeltaOutOfRange && DSA_COMP_DIF_ERR == kStDifError);
static_assert(DSA_COMP_BAD_OPCODE == kStBadOpcode && DSA_COMP_INVALID_FLAGS == kStInvalidFlags);
static_assert(DSA_COMP_NOZERO_RESERVE == kStReservedField && DSA_COMP_XFER_ERANGE == kStBadSize);
static_assert(DSA_COMP_DESC_CNT_ERANGE == kStBadCount && DSA_COMP_DR_ERANGE == kStBadDeltaSize);
static_assert(DSA_COMP_OVERLAP_BUFFERS == kStOverlap && DSA_COMP_DCAST_ERR == kStDualcastAlign);
static_assert(DSA_COMP_DESCLIST_ALIGN == kStListAlign && DSA_COMP_INT_HANDLE_INVAL == kStBadHandle);
static_assert(DSA_COMP_CRA_XLAT == kStCrFault && DSA_COMP_CRA_ALIGN == kStCrMisaligned);
static_assert(DSA_COMP_ADDR_ALIGN == kStMisaligned && DSA_COMP_PRIV_BAD == kStBadPriv);
static_assert(DSA_COMP_TRAFFIC_CLASS_CONF == kStBadTc && DSA_COMP_PFAULT_RDBA == kStReadbackFault);
static_assert(DSA_COMP_HW_ERR1 == kStReadError && DSA_COMP_HW_ERR_DRB == kStWriteError);
static_assert(DSA_COMP_TRANSLATION_FAIL == kStTranslationError);

static_assert((IDXD_SCMD_DEV_ENABLED & 0xFF) == kCmdErrDevNotDisabled);
static_assert((IDXD_SCMD_DEV_NOT_ENABLED & 0xFF) == kCmdErrDevNotEnabled);
static_assert((IDXD_SCMD_WQ_ENABLED & 0xFF) == kCmdErrWqNotDisabled);

}  // namespace
}  // namespace siov::abi
