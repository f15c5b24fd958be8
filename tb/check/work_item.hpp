// SPDX-License-Identifier: Apache-2.0
// WorkItem: one accepted descriptor: what it must do and what of that has been seen.
//
//   WorkItem* item = scoreboard.accept(submission, cycle);
#pragma once

#include <cstdint>

#include "abi/descriptor.hpp"
#include "check/bench.hpp"
#include "check/range_index.hpp"
#include "common/error.hpp"
#include "model/predict.hpp"

namespace siov::check {

struct WorkItem {
  std::uint64_t number = 0;  ///< order of acceptance, from 0
  std::uint32_t wq = 0;
  PasidState* space = nullptr;
  InterruptEntry* entry = nullptr;  ///< only if an interrupt is due
  abi::Descriptor descriptor;
  model::Prediction expected;
  std::uint64_t data_lo = 0, data_hi = 0;
  std::uint64_t source_lo[2] = {0, 0}, source_hi[2] = {0, 0};
  Holes data, sources[2];  ///< what has not been written, requested
  std::uint64_t accepted_cycle = 0, progress_cycle = 0, record_cycle = 0, ready_cycle = 0;
  std::size_t slot = 0;  ///< place in the list of active items
  bool active = false;
  bool dedicated = false;
  bool record_due = false, record_seen = false;
  bool interrupt_due = false, interrupt_seen = false;
  bool ready = false;         ///< its interrupt may come
  bool ready_masked = false;  ///< ... but the entry was masked when it became so
  bool racy = false;  ///< memory may change between prediction and execution: data is not judged
  bool contended = false;  ///< destination shared with other work in flight: coverage is not judged
  bool shared_reads =
      false;  ///< source shared with other work in flight: requests cannot be attributed
  bool silent_end =
      false;  ///< may end without anything visible (dropped by a full queue, error without record)
  bool read_failed = false;        ///< one of its reads has failed
  bool read_maybe_failed = false;  ///< a read has failed that may have been its own
  bool data_after_record = false;  ///< ORDER-DATA-CR has been reported
  bool released = false;           ///< its ranges are no longer in the index
  bool reported = false;           ///< a watchdog has spoken

  bool has_record_address() const { return descriptor.has(abi::kFlagCrav); }
  /// The one write of this work, null if it has none.
  const model::Write* write() const {
    if (expected.writes.size() > 1) throw HarnessError("the scoreboard knows one destination");
    return expected.writes.empty() ? nullptr : &expected.writes.front();
  }
  bool write_optional() const { return !expected.writes.empty() && write()->optional; }
  bool data_optional() const { return write_optional() || read_failed || read_maybe_failed; }
  bool data_done() const { return data.empty() || contended || data_optional(); }
  /// Everything before the record has been seen; a compare may stop at the first difference.
  bool sources_done() const {
    const auto done = [this](std::size_t i) {
      if (sources[i].empty()) return true;
      return descriptor.opcode == abi::kOpCompare && sources[i].first() != source_lo[i];
    };
    return done(0) && done(1);
  }
  bool only_record_missing() const {
    return record_due && !record_seen && data_done() && sources_done();
  }
};

}  // namespace siov::check
