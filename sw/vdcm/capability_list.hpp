// SPDX-License-Identifier: Apache-2.0
// CapabilityList: where a function's capabilities are, found by walking both lists; no offset is
// assumed.
//
//   const vdcm::CapabilityList caps = co_await vdcm::walk_capabilities(device);
//   if (caps.pasid) co_await device.config_write(caps.pasid + 6, 2, 1);
#pragma once

#include <cstdint>
#include <vector>

#include "coro/task.hpp"
#include "port/device_port.hpp"

namespace siov::vdcm {

/// Offsets [bytes] in configuration space; 0 means absent. @spec PCIe-6.3 7.5.3, 7.6.3
struct CapabilityList {
  std::uint16_t power = 0;                  ///< id 0x01
  std::uint16_t pcie = 0;                   ///< id 0x10
  std::uint16_t msix = 0;                   ///< id 0x11
  std::uint16_t aer = 0;                    ///< extended id 0x0001
  std::uint16_t ats = 0;                    ///< extended id 0x000F
  std::uint16_t pri = 0;                    ///< extended id 0x0013
  std::uint16_t pasid = 0;                  ///< extended id 0x001B
  std::uint16_t siov_dvsec = 0;             ///< extended id 0x0023, vendor 0x8086, DVSEC id 5
  std::vector<std::uint16_t> ids;           ///< every standard id met, in list order
  std::vector<std::uint16_t> extended_ids;  ///< every extended id met, in list order
};

/// @throws DriverError if a list loops, is misaligned, or config reads fail.
coro::Task<CapabilityList> walk_capabilities(port::DevicePort& device);

/// Size [bytes] of a 64-bit memory BAR by the write-ones method; the BAR's old value is put back.
/// @param offset config offset of the low half, 0x10..0x20  @spec PCIe-6.3 7.5.1.2.1
coro::Task<std::uint64_t> size_bar(port::DevicePort& device, std::uint32_t offset);

}  // namespace siov::vdcm
