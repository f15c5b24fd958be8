// SPDX-License-Identifier: Apache-2.0
// RemappingFault: a fault record of the remapping unit as host software reads it.
//
//   for (const vdcm::RemappingFault& fault : driver.take_faults()) report(fault);
#pragma once

#include <cstdint>
#include <optional>

#include "common/types.hpp"

namespace siov::vdcm {

enum class RemappedAccess : std::uint8_t { kWrite = 0, kPageRequest = 1, kRead = 2, kAtomic = 3 };

/// @spec vtd.md 1.7
struct RemappingFault {
  std::uint8_t reason = 0;  ///< FR, vtd.md 9
  RequesterId requester;
  std::optional<Pasid> pasid;
  bool privileged = false;
  RemappedAccess access = RemappedAccess::kWrite;
  std::uint8_t address_type = 0;      ///< 0 untranslated, 1 translation request, 2 translated
  Iova address;                       ///< page; undefined for interrupt faults
  std::uint16_t interrupt_index = 0;  ///< for reasons 20h..2Fh that define it

  [[nodiscard]] bool interrupt() const { return reason >= 0x20 && reason < 0x30; }
};

/// @param low, high quadwords of FRCD
[[nodiscard]] RemappingFault decode_fault(std::uint64_t low, std::uint64_t high);

}  // namespace siov::vdcm
