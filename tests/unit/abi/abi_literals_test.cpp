// SPDX-License-Identifier: Apache-2.0
// The generated numbers against numbers typed from the DSA interface reference. No generated symbol
// on the expected side.
#include <gtest/gtest.h>

#include "abi/siov_abi.hpp"

namespace siov::abi {
namespace {

TEST(AbiLiteralsTest, RegistersStandWhereTheSpecificationPutsThem) {  // DSA 2.1
  EXPECT_EQ(kRegVersion, 0x00);
  EXPECT_EQ(kRegGencap, 0x10);
  EXPECT_EQ(kRegWqcap, 0x20);
  EXPECT_EQ(kRegGrpcap, 0x30);
  EXPECT_EQ(kRegEngcap, 0x38);
  EXPECT_EQ(kRegOpcap, 0x40);
  EXPECT_EQ(kRegOffsets, 0x60);
  EXPECT_EQ(kRegGencfg, 0x80);
  EXPECT_EQ(kRegGenctrl, 0x88);
  EXPECT_EQ(kRegGensts, 0x90);
  EXPECT_EQ(kRegIntcause, 0x98);
  EXPECT_EQ(kRegCmd, 0xA0);
  EXPECT_EQ(kRegCmdstatus, 0xA8);
  EXPECT_EQ(kRegCmdcap, 0xB0);
  EXPECT_EQ(kRegSwerror, 0xC0);
  EXPECT_EQ(kRegEvlcfg, 0xE0);
  EXPECT_EQ(kRegEvlstatus, 0xF0);
}

TEST(AbiLiteralsTest, TablesStandAtTheirOffsets) {  // DSA 2.1 (placement), 2.8, 2.9, 2.10 (strides)
  EXPECT_EQ(kTblMsixperm, 0x400);
  EXPECT_EQ(kTblMsixpermStride, 8);
  EXPECT_EQ(kTblGrpcfg, 0x600);
  EXPECT_EQ(kTblGrpcfgStride, 64);
  EXPECT_EQ(kTblWqcfg, 0x800);
  EXPECT_EQ(kTblWqcfgStride, 32);
  EXPECT_EQ(kTblMsix, 0x2000);
  EXPECT_EQ(kTblMsixStride, 16);
  EXPECT_EQ(kTblPba, 0x3000);
  EXPECT_EQ(kTblIms, 0x4000);
  EXPECT_EQ(kTblImsStride, 16);
}

TEST(AbiLiteralsTest, LargeTablesStandAtTheirOffsets) {  // DSA 2.1, 2.5: free, not overlapping
  EXPECT_EQ(kTblMsixpermLarge, 0x10000u);
  EXPECT_EQ(kTblGrpcfgLarge, 0x14000u);
  EXPECT_EQ(kTblWqcfgLarge, 0x18000u);
  EXPECT_EQ(kTblMsixLarge, 0x20000u);
  EXPECT_EQ(kTblPbaLarge, 0x28000u);
  EXPECT_EQ(kTblImsLarge, 0x30000u);
  EXPECT_EQ(kBar0Bytes, 0x10000u);
  EXPECT_EQ(kBar0LargeBytes, 0x40000u);
  EXPECT_EQ(kWqcfgOpcfgStride, 64u);
  EXPECT_EQ(kDefaultMaxWqs, 16u);
  EXPECT_EQ(kDefaultMaxGroups, 8u);
  EXPECT_EQ(kDefaultMaxVectors, 64u);
  EXPECT_EQ(kDefaultMaxIms, 2560u);
  // 2048 MSI-X entries, 4096 of IMS and 128 queues end before the next table begins.
  EXPECT_EQ(kTblMsixpermLarge + 2048 * 8, 0x14000u);
  EXPECT_LE(kTblGrpcfgLarge + 16 * 64, 0x18000u);
  EXPECT_LE(kTblWqcfgLarge + 128 * 64, 0x20000u);
  EXPECT_LE(kTblMsixLarge + 2048 * 16, 0x28000u);
  EXPECT_LE(kTblImsLarge + 4096 * 16, 0x40000u);
}

TEST(AbiLiteralsTest, EventLogEntryHasItsBits) {  // DSA 2.11
  EXPECT_EQ(kEvlEntryBatchIdLsb, 24u);
  EXPECT_EQ(kEvlEntryBatchIdWidth, 8u);
  EXPECT_EQ(kEvlEntryInfoLsb, 64u + 32u);
  EXPECT_EQ(kEvlEntryHandleLsb, 64u + 32u);
  EXPECT_EQ(kEvlEntryHandleWidth, 16u);
  EXPECT_EQ(kEvlEntryRciLsb, 64u + 48u);
  EXPECT_EQ(kEvlEntryHandleImsLsb, 64u + 49u);
  EXPECT_EQ(kEvlEntryCrRequiredLsb, 64u + 50u);
  EXPECT_EQ(kEvlEntryFirstErrorLsb, 64u + 51u);
  EXPECT_EQ(kEvlEntryOperandLsb, 64u + 61u);
  EXPECT_EQ(kEvlEntryOperandWidth, 3u);
  EXPECT_EQ(kEvlEntryCrLsb, 8u * 32u);
  EXPECT_EQ(kEvlEntryCrWidth, 8u * 32u);
}

TEST(AbiLiteralsTest, CapabilityFieldsHaveTheirBits) {  // DSA 2.2, 2.3, 2.5
  EXPECT_EQ(kGencapBofLsb, 0u);
  EXPECT_EQ(kGencapOverlapLsb, 1u);
  EXPECT_EQ(kGencapCacheWriteLsb, 2u);
  EXPECT_EQ(kGencapCmdcapLsb, 4u);
  EXPECT_EQ(kGencapReadbackLsb, 8u);
  EXPECT_EQ(kGencapDrainReadbackLsb, 9u);
  EXPECT_EQ(kGencapFill16Lsb, 10u);
  EXPECT_EQ(kGencapCrc64Lsb, 11u);
  EXPECT_EQ(kGencapEvlLsb, 13u);
  EXPECT_EQ(kGencapEvlWidth, 2u);
  EXPECT_EQ(kGencapEvlOverflowLsb, 32u);
  EXPECT_EQ(kGencapBatch1Lsb, 52u);
  EXPECT_EQ(kGencapMaxXferLsb, 16u);
  EXPECT_EQ(kGencapMaxXferWidth, 5u);
  EXPECT_EQ(kGencapMaxBatchLsb, 21u);
  EXPECT_EQ(kGencapMaxBatchWidth, 4u);
  EXPECT_EQ(kGencapImsSizeLsb, 25u);
  EXPECT_EQ(kGencapImsSizeWidth, 6u);
  EXPECT_EQ(kGencapConfigLsb, 31u);
  EXPECT_EQ(kWqcapEntriesWidth, 16u);
  EXPECT_EQ(kWqcapNumWqLsb, 16u);
  EXPECT_EQ(kWqcapCfgSizeLsb, 24u);
  EXPECT_EQ(kWqcapSharedLsb, 48u);
  EXPECT_EQ(kWqcapDedicatedLsb, 49u);
  EXPECT_EQ(kWqcapPriorityLsb, 51u);
  EXPECT_EQ(kWqcapOccupancyLsb, 52u);
  EXPECT_EQ(kWqcapOccupancyIntLsb, 53u);
  EXPECT_EQ(kGrpcapReadBuffersLsb, 8u);
  EXPECT_EQ(kGrpcapReadBufferControlLsb, 16u);
  EXPECT_EQ(kGrpcapGlobalLimitLsb, 17u);
  EXPECT_EQ(kOffsetsWqcfgLsb, 16u);
  EXPECT_EQ(kOffsetsMsixpermLsb, 32u);
  EXPECT_EQ(kOffsetsImsLsb, 48u);
  EXPECT_EQ(kOffsetsPerfmonLsb, 64u);
}

TEST(AbiLiteralsTest, ControlFieldsHaveTheirBits) {  // DSA 2.6, 2.7
  EXPECT_EQ(kGencfgUserIntLsb, 12u);
  EXPECT_EQ(kGencfgEvlEnableLsb, 13u);
  EXPECT_EQ(kGenctrlSwerrorIntLsb, 0u);
  EXPECT_EQ(kGenctrlHaltIntLsb, 1u);
  EXPECT_EQ(kGenstsStateWidth, 2u);
  EXPECT_EQ(kGenstsResetTypeLsb, 2u);
  EXPECT_EQ(kIntcauseSwerrorLsb, 0u);
  EXPECT_EQ(kIntcauseCommandLsb, 1u);
  EXPECT_EQ(kIntcauseOccupancyLsb, 2u);
  EXPECT_EQ(kIntcausePerfmonLsb, 3u);
  EXPECT_EQ(kIntcauseHaltLsb, 4u);
  EXPECT_EQ(kIntcauseEvlLsb, 5u);
  EXPECT_EQ(kIntcauseRevokedLsb, 31u);
  EXPECT_EQ(kCmdOperandWidth, 20u);
  EXPECT_EQ(kCmdCodeLsb, 20u);
  EXPECT_EQ(kCmdCodeWidth, 5u);
  EXPECT_EQ(kCmdRequestIntLsb, 31u);
  EXPECT_EQ(kCmdstatusErrorWidth, 8u);
  EXPECT_EQ(kCmdstatusResultLsb, 8u);
  EXPECT_EQ(kCmdstatusResultWidth, 16u);
  EXPECT_EQ(kCmdstatusActiveLsb, 31u);
  EXPECT_EQ(kSwerrorErrorLsb, 8u);
  EXPECT_EQ(kSwerrorWqLsb, 16u);
  EXPECT_EQ(kSwerrorOpcodeLsb, 32u);
  EXPECT_EQ(kSwerrorPasidLsb, 40u);
  EXPECT_EQ(kSwerrorPasidWidth, 20u);
  EXPECT_EQ(kSwerrorBatchIndexLsb, 64u);
  EXPECT_EQ(kSwerrorAddressLsb, 128u);
}

TEST(AbiLiteralsTest, TableFieldsHaveTheirBits) {  // DSA 2.8, 2.9, 2.10; dword n begins at bit 32 n
  EXPECT_EQ(kGrpcfgEnginesLsb, 0x20u * 8);
  EXPECT_EQ(kGrpcfgTcALsb, 0x28u * 8);
  EXPECT_EQ(kGrpcfgTcBLsb, 0x28u * 8 + 3);
  EXPECT_EQ(kGrpcfgUseGlobalLimitLsb, 0x28u * 8 + 7);
  EXPECT_EQ(kGrpcfgReservedLsb, 0x28u * 8 + 8);
  EXPECT_EQ(kGrpcfgAllowedLsb, 0x28u * 8 + 20);
  EXPECT_EQ(kGrpcfgAllowedWidth, 8u);
  EXPECT_EQ(kWqcfgSizeWidth, 16u);
  EXPECT_EQ(kWqcfgThresholdLsb, 32u);
  EXPECT_EQ(kWqcfgDedicatedLsb, 64u);
  EXPECT_EQ(kWqcfgBofEnLsb, 65u);
  EXPECT_EQ(kWqcfgPriorityLsb, 68u);
  EXPECT_EQ(kWqcfgPriorityWidth, 4u);
  EXPECT_EQ(kWqcfgPasidLsb, 72u);
  EXPECT_EQ(kWqcfgPasidEnLsb, 92u);
  EXPECT_EQ(kWqcfgPrivLsb, 93u);
  EXPECT_EQ(kWqcfgMaxXferLsb, 96u);
  EXPECT_EQ(kWqcfgMaxBatchLsb, 101u);
  EXPECT_EQ(kWqcfgOccIntHandleLsb, 128u);
  EXPECT_EQ(kWqcfgOccIntImsLsb, 144u);
  EXPECT_EQ(kWqcfgOccLimitLsb, 160u);
  EXPECT_EQ(kWqcfgOccIntEnLsb, 176u);
  EXPECT_EQ(kWqcfgOccupancyLsb, 192u);
  EXPECT_EQ(kWqcfgOccIntDoneLsb, 208u);
  EXPECT_EQ(kWqcfgOpcfgLsb, 256u);
  EXPECT_EQ(kWqcfgOpcfgWidth, 256u);
  EXPECT_EQ(kWqcfgStateLsb, 222u);
  EXPECT_EQ(kMsixpermIgnoreLsb, 2u);
  EXPECT_EQ(kMsixpermPasidEnLsb, 3u);
  EXPECT_EQ(kMsixpermPasidLsb, 12u);
  EXPECT_EQ(kImsDataLsb, 64u);
  EXPECT_EQ(kImsMaskLsb, 96u);
  EXPECT_EQ(kImsPendingLsb, 97u);
  EXPECT_EQ(kImsIgnoreLsb, 98u);
  EXPECT_EQ(kImsPasidEnLsb, 99u);
  EXPECT_EQ(kImsPasidLsb, 108u);
  EXPECT_EQ(kImsPasidWidth, 20u);
}

TEST(AbiLiteralsTest, ResetValuesAreThoseOfTheDefaultBuild) {  // DSA 2.2 to 2.6
  EXPECT_EQ(kRstVersion, 0x100u);
  EXPECT_EQ(kRstGencap, 0x835F2D07u);  // block on fault, readback, fill 16, CRC 64, event log
  EXPECT_EQ(kRstWqcap, 0x00FF000001080080u);
  EXPECT_EQ(kRstGrpcap, 0x36004u);
  EXPECT_EQ(kRstEngcap, 0x84004u);  // 4 engines, 64 descriptors and 8 batches each
  EXPECT_EQ(kRstOpcap, 0x1003F03FFu);
  EXPECT_EQ(kRstOffsets, 0x0040000400080006u);
  EXPECT_EQ(kRstGencfg, 96u);
}

TEST(AbiLiteralsTest, OpcodesAndFlagsHaveTheirNumbers) {  // DSA 5.2, 5.6
  EXPECT_EQ(kOpNoop, 0x00);
  EXPECT_EQ(kOpBatch, 0x01);
  EXPECT_EQ(kOpDrain, 0x02);
  EXPECT_EQ(kOpMemmove, 0x03);
  EXPECT_EQ(kOpFill, 0x04);
  EXPECT_EQ(kOpCompare, 0x05);
  EXPECT_EQ(kOpComparePattern, 0x06);
  EXPECT_EQ(kOpDualcast, 0x09);
  EXPECT_EQ(kOpCrcgen, 0x10);
  EXPECT_EQ(kOpDifUpdate, 0x15);
  EXPECT_EQ(kOpCacheFlush, 0x20);
  EXPECT_EQ(kFlagFence, 0);
  EXPECT_EQ(kFlagBof, 1);
  EXPECT_EQ(kFlagCrav, 2);
  EXPECT_EQ(kFlagRcr, 3);
  EXPECT_EQ(kFlagRci, 4);
  EXPECT_EQ(kFlagCc3, 5);
  EXPECT_EQ(kFlagCheckResult, 7);
  EXPECT_EQ(kFlagCc1, 8);
  EXPECT_EQ(kFlagAddr1Tc, 9);
  EXPECT_EQ(kFlagAddr2Tc, 10);
  EXPECT_EQ(kFlagAddr3Tc, 11);
  EXPECT_EQ(kFlagCrTc, 12);
  EXPECT_EQ(kFlagStrictOrder, 13);
  EXPECT_EQ(kFlagCc2, 14);
}

TEST(AbiLiteralsTest, StatusCodesHaveTheirNumbers) {  // DSA 5.5
  EXPECT_EQ(kStSuccess, 0x01);
  EXPECT_EQ(kStSuccessPredicate, 0x02);
  EXPECT_EQ(kStPageFault, 0x03);
  EXPECT_EQ(kStBatchFail, 0x05);
  EXPECT_EQ(kStDifError, 0x09);
  EXPECT_EQ(kStBadOpcode, 0x10);
  EXPECT_EQ(kStInvalidFlags, 0x11);
  EXPECT_EQ(kStReservedField, 0x12);
  EXPECT_EQ(kStBadSize, 0x13);
  EXPECT_EQ(kStBadCount, 0x14);
  EXPECT_EQ(kStOverlap, 0x16);
  EXPECT_EQ(kStListAlign, 0x18);
  EXPECT_EQ(kStBadHandle, 0x19);
  EXPECT_EQ(kStCrFault, 0x1A);
  EXPECT_EQ(kStCrMisaligned, 0x1B);
  EXPECT_EQ(kStMisaligned, 0x1C);
  EXPECT_EQ(kStBadPriv, 0x1D);
  EXPECT_EQ(kStBadTc, 0x1E);
  EXPECT_EQ(kStReadbackFault, 0x1F);
  EXPECT_EQ(kStReadError, 0x20);
  EXPECT_EQ(kStWriteError, 0x21);
  EXPECT_EQ(kStTranslationError, 0x22);
  EXPECT_EQ(kSwErrPciChanged, 0x51);
  EXPECT_EQ(kSwErrCmdActive, 0x52);
  EXPECT_EQ(kSwErrDwqFull, 0x53);
  EXPECT_EQ(kSwErrEvlAppend, 0x54);
}

TEST(AbiLiteralsTest, CommandsAndTheirErrorsHaveTheirNumbers) {  // DSA 3.1, 3.3
  EXPECT_EQ(kCmdEnableDevice, 1);
  EXPECT_EQ(kCmdDisableDevice, 2);
  EXPECT_EQ(kCmdDrainAll, 3);
  EXPECT_EQ(kCmdAbortAll, 4);
  EXPECT_EQ(kCmdResetDevice, 5);
  EXPECT_EQ(kCmdEnableWq, 6);
  EXPECT_EQ(kCmdDisableWq, 7);
  EXPECT_EQ(kCmdDrainWq, 8);
  EXPECT_EQ(kCmdAbortWq, 9);
  EXPECT_EQ(kCmdResetWq, 10);
  EXPECT_EQ(kCmdDrainPasid, 11);
  EXPECT_EQ(kCmdAbortPasid, 12);
  EXPECT_EQ(kCmdRequestIntHandle, 13);
  EXPECT_EQ(kCmdReleaseIntHandle, 14);
  EXPECT_EQ(kCmdErrUnsupported, 0x01);
  EXPECT_EQ(kCmdErrWqIndex, 0x02);
  EXPECT_EQ(kCmdErrReservedOperand, 0x04);
  EXPECT_EQ(kCmdErrHalted, 0x05);
  EXPECT_EQ(kCmdErrDevNotDisabled, 0x10);
  EXPECT_EQ(kCmdErrBusMaster, 0x12);
  EXPECT_EQ(kCmdErrWqSizes, 0x14);
  EXPECT_EQ(kCmdErrGroupConfig, 0x15);
  EXPECT_EQ(kCmdErrWqGroup, 0x16);
  EXPECT_EQ(kCmdErrEngineGroup, 0x17);
  EXPECT_EQ(kCmdErrReadBuffers, 0x18);
  EXPECT_EQ(kCmdErrDevNotEnabled, 0x20);
  EXPECT_EQ(kCmdErrWqNotDisabled, 0x21);
  EXPECT_EQ(kCmdErrWqSize, 0x22);
  EXPECT_EQ(kCmdErrWqPriority, 0x23);
  EXPECT_EQ(kCmdErrWqMode, 0x24);
  EXPECT_EQ(kCmdErrWqBof, 0x25);
  EXPECT_EQ(kCmdErrWqPasid, 0x26);
  EXPECT_EQ(kCmdErrWqMaxBatch, 0x27);
  EXPECT_EQ(kCmdErrWqMaxXfer, 0x28);
  EXPECT_EQ(kCmdErrWqPriv, 0x2A);
  EXPECT_EQ(kCmdErrWqOccInt, 0x2B);
  EXPECT_EQ(kCmdErrWqAts, 0x2C);
  EXPECT_EQ(kCmdErrWqPrs, 0x2E);
  EXPECT_EQ(kCmdErrDisableNotEnabled, 0x31);
  EXPECT_EQ(kCmdErrWqNotEnabled, 0x32);
  EXPECT_EQ(kCmdErrIntIndex, 0x41);
  EXPECT_EQ(kCmdErrIntHandle, 0x42);
}

TEST(AbiLiteralsTest, StatesAndPortalPagesHaveTheirNumbers) {  // DSA 2.6, 2.9, 4.1
  EXPECT_EQ(kGenstsDisabled, 0);
  EXPECT_EQ(kGenstsEnabled, 1);
  EXPECT_EQ(kGenstsDraining, 2);
  EXPECT_EQ(kGenstsHalt, 3);
  EXPECT_EQ(kResetTypeFlr, 1);
  EXPECT_EQ(kWqStateDisabled, 0);
  EXPECT_EQ(kWqStateEnabled, 1);
  EXPECT_EQ(kWqStateBusy, 2);
  EXPECT_EQ(kPortalWqStride, 0x4000);
  EXPECT_EQ(1u << kPortalLimitedBit, 0x1000u);
  EXPECT_EQ(1u << kPortalImsBit, 0x2000u);
}

}  // namespace
}  // namespace siov::abi
