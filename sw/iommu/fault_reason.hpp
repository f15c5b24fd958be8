// SPDX-License-Identifier: Apache-2.0
// FaultReason: why a request was refused, with the codes that software reads in FRCD.FR.
//
//   if (reason == FaultReason::kFirstStageNotPresent) ...
//   if (is_qualified(reason) && fpd) ...   // not recorded
#pragma once

#include <cstdint>

#include "port/ats_port.hpp"
#include "port/dma_port.hpp"

namespace siov::iommu {

/// @spec VT-d 7.1.3 (fault reason encodings); the short names of the specification stand beside the
/// codes
enum class FaultReason : std::uint8_t {
  kNone = 0x00,
  // Legacy mode, as far as a unit without legacy page walk can raise them
  kLegacyRootNotPresent = 0x01,
  kLegacyContextNotPresent = 0x02,
  kLegacyContextIllegal = 0x03,
  kLegacyRootFetch = 0x08,
  kLegacyContextFetch = 0x09,
  kLegacyRootReserved = 0x0A,
  kLegacyContextReserved = 0x0B,
  kLegacyTranslationBlocked = 0x0D,  ///< translation or translated request
  // Interrupt requests
  kInterruptReserved = 0x20,  ///< reserved bit in a remappable request
  kInterruptIndex = 0x21,     ///< index beyond the table
  kIrteNotPresent = 0x22,
  kIrteFetch = 0x23,
  kIrteReserved = 0x24,
  kCompatibilityBlocked = 0x25,
  kInterruptSource = 0x26,  ///< source validation failed
  kPostedDescriptorAccess = 0x27,
  kPostedDescriptorReserved = 0x28,
  kInterruptMalformed = 0x29,  ///< access to the interrupt range that is no interrupt
  kExtendedDestination = 0x2A,
  kInterruptsDisabled = 0x2B,
  // DMA in scalable mode
  kRootTableAddress = 0x30,             ///< RTA.1
  kPasidInLegacyMode = 0x31,            ///< RTA.2
  kPageRequestInLegacyMode = 0x32,      ///< RTA.3
  kAbortMode = 0x33,                    ///< RTA.4
  kRootFetch = 0x38,                    ///< SRT.1
  kRootNotPresent = 0x39,               ///< SRT.2
  kRootReserved = 0x3A,                 ///< SRT.3
  kContextFetch = 0x40,                 ///< SCT.1
  kContextNotPresent = 0x41,            ///< SCT.2
  kContextReserved = 0x42,              ///< SCT.3
  kContextIllegal = 0x43,               ///< SCT.4
  kDeviceTlbDisabled = 0x44,            ///< SCT.5
  kPasidDisabled = 0x45,                ///< SCT.6
  kPasidBeyondDirectory = 0x46,         ///< SCT.7
  kPageRequestsDisabled = 0x47,         ///< SCT.8
  kPasidIsRidPasid = 0x48,              ///< SCT.9
  kDirectoryFetch = 0x50,               ///< SPD.1
  kDirectoryNotPresent = 0x51,          ///< SPD.2
  kDirectoryReserved = 0x52,            ///< SPD.3
  kPasidEntryFetch = 0x58,              ///< SPT.1
  kPasidEntryNotPresent = 0x59,         ///< SPT.2
  kPasidEntryReserved = 0x5A,           ///< SPT.3
  kPasidEntryInvalid = 0x5B,            ///< SPT.4
  kSupervisorDisabled = 0x5D,           ///< SPT.6
  kFirstStageFetch = 0x70,              ///< SFS.1
  kFirstStageNotPresent = 0x71,         ///< SFS.2
  kFirstStageReserved = 0x72,           ///< SFS.3
  kFirstStageRootFetch = 0x73,          ///< SFS.4
  kNestedAddressWidth = 0x74,           ///< SFS.5
  kNestedRootNoRead = 0x75,             ///< SFS.6
  kNestedEntryNoRead = 0x76,            ///< SFS.7
  kNestedEntryNoWrite = 0x77,           ///< SFS.8
  kSecondStageFetch = 0x78,             ///< SSS.1
  kSecondStageNotPresent = 0x79,        ///< SSS.2
  kSecondStageReserved = 0x7A,          ///< SSS.3
  kSecondStageRootFetch = 0x7B,         ///< SSS.4
  kSecondStageUpdateNotSnooped = 0x7C,  ///< SSS.5
  kSecondStageUpdateFailed = 0x7D,      ///< SSS.6
  kNotCanonical = 0x80,                 ///< SGN.1
  kUserRight = 0x81,                    ///< SGN.2
  kBeyondHostWidth = 0x83,              ///< SGN.4
  kBeyondGuestWidth = 0x84,             ///< SGN.5
  kNoWriteRight = 0x85,                 ///< SGN.6
  kNoReadRight = 0x86,                  ///< SGN.7
  kInterruptRange = 0x87,               ///< SGN.8
  kPasidTooWide = 0x89,                 ///< SGN.10
  kFirstStageUpdateNotSnooped = 0x90,   ///< SFS.9
  kFirstStageUpdateFailed = 0x91,       ///< SFS.10
};

/// Whether FPD=1 in an entry met on the way keeps the fault out of the log. @spec VT-d 7.1.2, 7.1.3
[[nodiscard]] bool is_qualified(FaultReason reason);

/// Whether a translation request with this reason is completed with R = W = U = 0, so that the
/// device may ask for the page. 85h and 86h count as such: where a lesser right exists, no fault is
/// raised.
/// @spec VT-d 4.1.2, 7.1.3
[[nodiscard]] bool is_recoverable(FaultReason reason);

/// Whether the fault of a translation request goes to the log (unless qualified and FPD).
[[nodiscard]] bool is_logged_for_translation(FaultReason reason);

/// How the refused request is completed: recoverable reasons are kSuccess for translation requests.
/// @spec VT-d 7.1.3
[[nodiscard]] port::DmaStatus completion_status(FaultReason reason, port::AddressType type);

}  // namespace siov::iommu
