// SPDX-License-Identifier: Apache-2.0
// page_map: what a page of a VDEV's BARs is to its guest, and why a mapping is refused.
//
//   for (const vdcm::PageAudit& page : vdev.map_audit()) check(page);
#pragma once

#include <cstdint>
#include <optional>

#include "port/device_port.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

/// @spec SIOV-H-06
enum class PageKind : std::uint8_t {
  kAbsent,   ///< outside the BAR
  kTrapped,  ///< each access is emulated
  kBacked,   ///< reads come from a page of host memory, stores trap and have no effect
  kDirect    ///< a portal page of hardware, uncached
};

struct PageAudit {
  port::Bar bar = port::Bar::kControl;
  std::uint64_t offset = 0;  ///< of the page in the BAR [bytes]
  PageKind kind = PageKind::kTrapped;
  std::optional<PhysicalPage> physical;  ///< with kDirect
};

/// Why map_page() refuses. @spec SIOV-H-07, SIOV-H-09
enum class MapRefusal : std::uint8_t {
  kNotAPortal,     ///< not one of the VDEV's own portal pages
  kNotOnePage,     ///< not exactly one aligned page
  kNotAttached,    ///< the VDEV has no I/O address space
  kNoTranslation,  ///< the VM's CPU does not translate PASIDs, and the queue is shared
  kNotEnabled,     ///< the queue is not enabled, or the VDEV is paused or halted
  kNoHardware,     ///< an emulated queue
  kTrapping        ///< the portals are switched to trapping
};

}  // namespace siov::vdcm
