// SPDX-License-Identifier: Apache-2.0
// QueueSlot: a virtual queue with what its VDEV knows about it; PortalPlace: where in the portals
// an access is.
//
//   if (slot.admission == vdcm::Admission::kOpen) slot.backing->submit_posted(true, 0, line);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/types.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

/// Whether submissions to a queue are let through.
enum class Admission : std::uint8_t {
  kClosed,  ///< answered like a disabled queue
  kOpen,
  kHeld  ///< paused: kept for later
};

struct QueueSlot {
  std::unique_ptr<VirtualQueue> backing;
  std::optional<Pasid> running_pasid;  ///< host PASID that a dedicated queue holds
  Admission admission = Admission::kClosed;
  std::uint8_t mapped = 0;  ///< bit 0 unlimited, bit 1 limited page
  std::uint8_t cached = 0;  ///< likewise: what the VM's CPUs hold of the mapping
};

struct PortalPlace {
  std::uint8_t queue = 0;
  bool limited = false;
  std::uint32_t offset = 0;  ///< in the page [bytes]
};

}  // namespace siov::vdcm
