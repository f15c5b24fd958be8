// SPDX-License-Identifier: Apache-2.0
// Invalidation queue descriptors as host software writes them, 256 bits each. @spec vtd.md 5.2
//
//   const vtd::Descriptor all = vtd::p_iotlb_pasid(5, Pasid{7});
#pragma once

#include <array>
#include <cstdint>

#include "common/types.hpp"

namespace siov::vdcm::vtd {

using Descriptor = std::array<std::uint64_t, 4>;

/// The function an Invalidate Request goes to.
struct DeviceTlb {
  RequesterId device;
  std::uint16_t physical_function = 0;  ///< PFSID, with DIT only
  std::uint8_t pending_limit = 0;       ///< MIP, 0 means 32; with DIT only
};

/// 2^order pages at an address aligned to them.
struct PageBlock {
  Iova address;
  unsigned order = 0;
};

[[nodiscard]] constexpr Descriptor context_global() { return {0x11, 0, 0, 0}; }
[[nodiscard]] constexpr Descriptor context_device(RequesterId device) {
  return {0x31 | std::uint64_t{device.value} << 32, 0, 0, 0};
}
[[nodiscard]] constexpr Descriptor pasid_global() { return {0x37, 0, 0, 0}; }
[[nodiscard]] constexpr Descriptor pasid_selective(std::uint16_t domain, Pasid pasid) {
  return {0x17 | std::uint64_t{domain} << 16 | std::uint64_t{pasid.value} << 32, 0, 0, 0};
}
// With read and write draining.
[[nodiscard]] constexpr Descriptor iotlb_global() { return {0xD2, 0, 0, 0}; }
[[nodiscard]] constexpr Descriptor iotlb_domain(std::uint16_t domain) {
  return {0xE2 | std::uint64_t{domain} << 16, 0, 0, 0};
}
/// @param leaf_only IH: only leaves have changed
[[nodiscard]] constexpr Descriptor iotlb_page(std::uint16_t domain, PageBlock block,
                                              bool leaf_only) {
  return {0xF2 | std::uint64_t{domain} << 16,
          block.address.value | block.order | std::uint64_t{leaf_only} << 6, 0, 0};
}
[[nodiscard]] constexpr Descriptor p_iotlb_pasid(std::uint16_t domain, Pasid pasid) {
  return {0x26 | std::uint64_t{domain} << 16 | std::uint64_t{pasid.value} << 32, 0, 0, 0};
}
[[nodiscard]] constexpr Descriptor p_iotlb_page(std::uint16_t domain, Pasid pasid, PageBlock block,
                                                bool leaf_only) {
  return {0x36 | std::uint64_t{domain} << 16 | std::uint64_t{pasid.value} << 32,
          block.address.value | block.order | std::uint64_t{leaf_only} << 6, 0, 0};
}
[[nodiscard]] constexpr Descriptor interrupt_global() { return {0x04, 0, 0, 0}; }
[[nodiscard]] constexpr Descriptor interrupt_index(std::uint16_t index) {
  return {0x14 | std::uint64_t{index} << 32, 0, 0, 0};
}

/// Address with the size code: the lowest zero bit from bit 12 on ends it.
[[nodiscard]] constexpr std::uint64_t size_code(PageBlock block) {
  if (block.order == 0) return block.address.value;
  return block.address.value | ((std::uint64_t{1} << (block.order - 1)) - 1) << 12;
}
inline constexpr std::uint64_t kEverywhere = 0x7FFF'FFFF'FFFF'F000;

[[nodiscard]] constexpr std::uint64_t physical_function(const DeviceTlb& to) {
  const std::uint64_t id = to.physical_function;
  return (id & 0xF) << 12 | (id >> 4) << 52;
}
/// Whatever PASID. Everything of the function.
[[nodiscard]] constexpr Descriptor device_tlb_all(const DeviceTlb& to) {
  return {0x3 | std::uint64_t{to.pending_limit} << 16 | physical_function(to) |
              std::uint64_t{to.device.value} << 32,
          kEverywhere | 1, 0, 0};
}
[[nodiscard]] constexpr std::uint64_t p_device_tlb(const DeviceTlb& to, Pasid pasid) {
  return 0x8 | std::uint64_t{to.pending_limit} << 4 | physical_function(to) |
         std::uint64_t{to.device.value} << 16 | std::uint64_t{pasid.value} << 32;
}
[[nodiscard]] constexpr Descriptor p_device_tlb_all(const DeviceTlb& to, Pasid pasid) {
  return {p_device_tlb(to, pasid), kEverywhere | 1u << 11, 0, 0};
}
[[nodiscard]] constexpr Descriptor p_device_tlb_page(const DeviceTlb& to, Pasid pasid,
                                                     PageBlock block) {
  return {p_device_tlb(to, pasid), size_code(block) | std::uint64_t{block.order != 0} << 11, 0, 0};
}

/// @param pasid_present PP  @param code RC
[[nodiscard]] constexpr Descriptor page_group_response(RequesterId device, bool pasid_present,
                                                       Pasid pasid, std::uint16_t group,
                                                       std::uint8_t code) {
  return {0x9 | std::uint64_t{pasid_present} << 4 | std::uint64_t{code} << 12 |
              std::uint64_t{device.value} << 16 | std::uint64_t{pasid.value} << 32,
          std::uint64_t{group} << 3, 0, 0};
}

// Waits
[[nodiscard]] constexpr Descriptor wait_status(Hpa status, std::uint32_t data, bool drain_pages) {
  return {0x25 | std::uint64_t{drain_pages} << 7 | std::uint64_t{data} << 32, status.value, 0, 0};
}
/// Nothing behind it starts before all in front of it is done.
[[nodiscard]] constexpr Descriptor wait_fence() { return {0x45, 0, 0, 0}; }
/// Does nothing.
[[nodiscard]] constexpr Descriptor no_operation() { return {0x05, 0, 0, 0}; }

}  // namespace siov::vdcm::vtd
