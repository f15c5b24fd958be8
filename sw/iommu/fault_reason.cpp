// SPDX-License-Identifier: Apache-2.0
// The columns "qualified" and "completion" of the fault reason table.
#include "iommu/fault_reason.hpp"

namespace siov::iommu {

bool is_qualified(FaultReason reason) {
  switch (reason) {
    case FaultReason::kIrteNotPresent:
    case FaultReason::kIrteReserved:
    case FaultReason::kInterruptSource:
    case FaultReason::kPostedDescriptorReserved:
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

port::DmaStatus completion_status(FaultReason reason, port::AddressType type) {
  if (type != port::AddressType::kTranslationRequest) return port::DmaStatus::kUnsupportedRequest;
  switch (reason) {
    case FaultReason::kRootTableAddress:
    case FaultReason::kRootFetch:
    case FaultReason::kRootReserved:
    case FaultReason::kContextFetch:
    case FaultReason::kContextReserved:
    case FaultReason::kContextIllegal:
      return port::DmaStatus::kCompleterAbort;
    default:
      return port::DmaStatus::kUnsupportedRequest;
  }
}

}  // namespace siov::iommu
