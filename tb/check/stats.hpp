// SPDX-License-Identifier: Apache-2.0
// Stats: what the referee counted on the link.
//
//   const check::Stats stats = referee.stats();
#pragma once

#include <cstdint>

namespace siov::check {

/// Numbers of a run. All counted from the link alone.
struct Stats {
  std::uint64_t accepted = 0;     ///< descriptors that entered the device
  std::uint64_t batches = 0;      ///< of these, batches whose own checks passed
  std::uint64_t members = 0;      ///< members of batches that have finished
  std::uint64_t log_entries = 0;  ///< entries of the event log
  std::uint64_t finished = 0;     ///< with everything due seen
  std::uint64_t abandoned = 0;    ///< by abort, reset or a full dedicated queue
  std::uint64_t retries = 0;      ///< deferrable writes answered retry
  std::uint64_t bytes = 0;        ///< data bytes written by descriptors
  std::uint64_t bytes_read = 0;   ///< source bytes requested
  std::uint64_t records = 0;      ///< completion records
  std::uint64_t interrupts = 0;   ///< interrupt messages
  std::uint64_t racy =
      0;  ///< descriptors whose data could not be predicted (dependent work in flight)
  std::uint64_t contended = 0;  ///< descriptors with overlapping destinations in flight
  std::uint64_t translation_requests = 0;
  std::uint64_t translations = 0;   ///< granted: entries with R or W
  std::uint64_t refused_pages = 0;  ///< entries without a right that was asked for
  std::uint64_t translated = 0;     ///< translated requests (AT = 10)
  std::uint64_t invalidations = 0;  ///< Invalidate Requests
  std::uint64_t page_requests = 0;  ///< stop markers included
  std::uint64_t stale_uses = 0;  ///< translated requests that relied on an invalidated translation
  std::uint64_t faulted = 0;     ///< descriptors that ended at a page
  std::uint64_t mismatches = 0;  ///< violations of SB-*, CR-* rules
  std::uint64_t checks = 0;      ///< rule evaluations
  std::uint64_t tlps_up = 0, tlps_down = 0;
};

}  // namespace siov::check
