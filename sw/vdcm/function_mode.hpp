// SPDX-License-Identifier: Apache-2.0
// How the host finds out that a function can do SIOV, and which way of sharing it is used.
//
//   const auto siov = co_await vdcm::detect_siov(device, capabilities, resources);
//   if (!siov) log(siov.error());
#pragma once

#include <cstdint>
#include <string>

#include "common/result.hpp"
#include "coro/task.hpp"
#include "port/device_port.hpp"
#include "vdcm/capability_list.hpp"

namespace siov::vdcm {

/// What the device's own programming interface says, for functions without the DVSEC.
struct SiovResources {
  std::uint16_t queues = 0;             ///< work queues with PASID
  std::uint16_t message_entries = 0;    ///< interrupt message storage
  std::uint64_t portal_page_bytes = 0;  ///< distance between portals that can be given out
};

enum class SiovEvidence : std::uint8_t {
  kDvsec,     ///< the designated capability says so
  kResources  ///< PASID, and resources that can be assigned one by one
};

/// @spec SIOV-D-01..05, SIOV-H-45
struct SiovSupport {
  SiovEvidence evidence = SiovEvidence::kDvsec;
  std::uint32_t page_sizes = 1;  ///< bit n: 2^(12+n) bytes
  bool ims = false;              ///< interrupt message storage
  bool dependent = false;  ///< all functions of its dependency set are used in SIOV mode or none
  std::uint8_t link = 0;   ///< next function of the set
};

/// By the DVSEC where there is one that is sound, else by PASID and resources. @return why the
/// function cannot be used otherwise  @throws DriverError if configuration reads fail
coro::Task<Result<SiovSupport, std::string>> detect_siov(port::DevicePort& device,
                                                         CapabilityList list,
                                                         SiovResources resources);

/// One at a time. @spec SIOV-H-46
enum class FunctionMode : std::uint8_t { kPlain, kSiov, kSriov };

/// Turns virtual functions on; with 0 off. @return why not; empty if it worked  @spec
/// PCIe-6.3 9.3.3
coro::Task<std::string> set_virtual_functions(port::DevicePort& device, std::uint16_t count);

}  // namespace siov::vdcm
