// SPDX-License-Identifier: Apache-2.0
// Statistics of one remapping unit; plain counters since construction.
//
//   summary.translations = unit.statistics().translations;
#pragma once

#include <cstdint>

namespace siov::iommu {

struct Statistics {
  std::uint64_t translations =
      0;  ///< requests that got a host address through the tables or the IOTLB
  std::uint64_t iotlb_hits = 0;
  std::uint64_t iotlb_misses = 0;            ///< includes hits without the right, which walk again
  std::uint64_t faults = 0;                  ///< refused requests, recorded or not
  std::uint64_t faults_suppressed = 0;       ///< of these: kept out of the log by FPD
  std::uint64_t structure_hits = 0;          ///< walk steps saved by the paging-structure caches
  std::uint64_t descriptors = 0;             ///< invalidation queue descriptors accepted
  std::uint64_t translation_requests = 0;    ///< AT = 01, whatever the answer
  std::uint64_t page_requests = 0;           ///< received, stop markers included
  std::uint64_t page_requests_queued = 0;    ///< of these: written to the page request queue
  std::uint64_t page_requests_answered = 0;  ///< of these: answered by the unit itself
  std::uint64_t completions_dropped = 0;     ///< invalidation completions while translation is off
  std::uint64_t interrupts = 0;              ///< interrupts handed to the interrupt port
  std::uint64_t interrupts_posted =
      0;  ///< messages that set a PIR bit, with or without notification
};

}  // namespace siov::iommu
