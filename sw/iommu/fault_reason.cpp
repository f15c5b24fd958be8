// SPDX-License-Identifier: Apache-2.0
// The columns of the fault reason tables, vtd.md 9.
#include "iommu/fault_reason.hpp"

namespace siov::iommu {

bool is_qualified(FaultReason reason) {
  switch (reason) {
    case FaultReason::kIrteNotPresent:
    case FaultReason::kIrteReserved:
    case FaultReason::kInterruptSource:
    case FaultReason::kPostedDescriptorReserved:
    case FaultReason::kLegacyContextNotPresent:
    case FaultReason::kLegacyContextIllegal:
    case FaultReason::kLegacyContextReserved:
    case FaultReason::kLegacyTranslationBlocked:
      return true;
    case FaultReason::kContextFetch:
    case FaultReason::kDirectoryFetch:
    case FaultReason::kPasidEntryFetch:
    case FaultReason::kPasidTooWide:
      return false;
    default:
      // Everything from the context entry's contents on; root table and other interrupt reasons are
      // not.
      return static_cast<std::uint8_t>(reason) >= 0x41;
  }
}

bool is_recoverable(FaultReason reason) {
  switch (reason) {
    case FaultReason::kDirectoryNotPresent:
    case FaultReason::kPasidEntryNotPresent:
    case FaultReason::kSupervisorDisabled:
    case FaultReason::kSecondStageNotPresent:
    case FaultReason::kNotCanonical:
    case FaultReason::kUserRight:
    case FaultReason::kBeyondHostWidth:
    case FaultReason::kBeyondGuestWidth:
    case FaultReason::kNoWriteRight:
    case FaultReason::kNoReadRight:
    case FaultReason::kFirstStageUpdateNotSnooped:
    case FaultReason::kFirstStageUpdateFailed:
      return true;
    default:
      return reason >= FaultReason::kFirstStageFetch && reason <= FaultReason::kNestedEntryNoWrite;
  }
}

bool is_logged_for_translation(FaultReason reason) {
  return !is_recoverable(reason) || reason == FaultReason::kFirstStageUpdateFailed;
}

port::DmaStatus completion_status(FaultReason reason, port::AddressType type) {
  const bool broken_directory =
      reason == FaultReason::kDirectoryFetch || reason == FaultReason::kDirectoryReserved;
  if (type == port::AddressType::kTranslated && broken_directory)
    return port::DmaStatus::kCompleterAbort;
  if (type != port::AddressType::kTranslationRequest) return port::DmaStatus::kUnsupportedRequest;
  if (is_recoverable(reason)) return port::DmaStatus::kSuccess;
  switch (reason) {
    case FaultReason::kLegacyContextIllegal:
    case FaultReason::kLegacyRootFetch:
    case FaultReason::kLegacyContextFetch:
    case FaultReason::kLegacyRootReserved:
    case FaultReason::kLegacyContextReserved:
    case FaultReason::kRootTableAddress:
    case FaultReason::kRootFetch:
    case FaultReason::kRootReserved:
    case FaultReason::kContextFetch:
    case FaultReason::kContextReserved:
    case FaultReason::kContextIllegal:
    case FaultReason::kDirectoryFetch:
    case FaultReason::kDirectoryReserved:
    case FaultReason::kPasidEntryFetch:
    case FaultReason::kPasidEntryReserved:
    case FaultReason::kPasidEntryInvalid:
    case FaultReason::kSecondStageFetch:
    case FaultReason::kSecondStageReserved:
    case FaultReason::kSecondStageRootFetch:
    case FaultReason::kSecondStageUpdateNotSnooped:
    case FaultReason::kSecondStageUpdateFailed:
    case FaultReason::kInterruptRange:
      return port::DmaStatus::kCompleterAbort;
    default:
      return port::DmaStatus::kUnsupportedRequest;
  }
}

}  // namespace siov::iommu
