// SPDX-License-Identifier: Apache-2.0
// emulated_work: what an emulated queue does with one descriptor: checks, data, record, report,
// interrupt.
//
//   vdcm::run_emulated({descriptor, pasid, privileged}, rules, hooks, requester, dma);
#pragma once

#include <cstdint>
#include <functional>

#include "abi/descriptor.hpp"
#include "common/types.hpp"
#include "port/dma_port.hpp"
#include "vdcm/software_error.hpp"

namespace siov::vdcm {

/// What an emulated queue can do: no-op, drain, move, fill, compare, compare with pattern. No
/// batch, no CRC, no cache control, no block on fault. @spec dsa.md 2.4
inline constexpr std::uint64_t kEmulatedOperations = 0x7D;

/// How an emulated queue reaches its VDEV.
struct EmulatedHooks {
  /// Whether work of this host PASID may use an interrupt handle. @spec dsa.md 2.10
  std::function<bool(std::uint16_t handle, Pasid pasid)> handle_ok;
  std::function<void(std::uint16_t handle)> interrupt;
  /// In host terms, but for the queue index, which the VDEV knows.
  std::function<void(SoftwareError error)> error;
  /// Whether descriptors of a shared queue may be privileged.
  std::function<bool()> privileged_allowed;
};

struct EmulatedRules {
  bool dedicated = true;
  std::uint64_t max_transfer = 0;  ///< [bytes]
};

/// A descriptor with what the queue adds.
struct EmulatedWork {
  const abi::Descriptor& descriptor;
  Pasid pasid;
  bool privileged = false;
  RequesterId requester;
};

/// Does everything at once. Errors end as on hardware without ATS: a read that fails is status
/// 0x20, a write 0x21, a record that cannot be written goes to SWERROR as 0x1a.
/// @spec dsa.md 5.2, 5.4, 5.5
void run_emulated(const EmulatedWork& work, const EmulatedRules& rules, const EmulatedHooks& hooks,
                  port::DmaPort& dma);

}  // namespace siov::vdcm
