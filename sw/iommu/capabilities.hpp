// SPDX-License-Identifier: Apache-2.0
// CAP, ECAP and the rules between capabilities.
//
//   check_config(config, memory.haw());
//   const std::uint64_t cap = capability_register(config);
#pragma once

#include <cstdint>

#include "iommu/config.hpp"

namespace siov::iommu {

/// @throws HarnessError for a value out of range or a capability without another that it needs.
/// @param memory_haw width of the physical memory [bits]
void check_config(const IommuConfig& config, unsigned memory_haw);

/// CAP. @spec VT-d CAP_REG, vtd.md 1.1
[[nodiscard]] std::uint64_t capability_register(const IommuConfig& config);
/// ECAP. @spec VT-d ECAP_REG, vtd.md 1.2
[[nodiscard]] std::uint64_t extended_capability_register(const IommuConfig& config);

/// Where the IVA and IOTLB registers are.
inline constexpr std::uint32_t kIotlbRegisters = 0xF0;
/// Where FRCD[0] is: clear of the MTRR and performance ranges; more than fit below them go behind
/// the first 4 KiB.
[[nodiscard]] constexpr std::uint32_t fault_record_offset(const IommuConfig& config) {
  return config.fault_records <= 14 ? 0x220 : 0x1000;
}

}  // namespace siov::iommu
