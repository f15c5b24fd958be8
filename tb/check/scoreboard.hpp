// SPDX-License-Identifier: Apache-2.0
// Scoreboard: every accepted descriptor against what it does on the link: reads, data, record,
// interrupt, order. Memory is read once, at acceptance. Software must not change sources in flight;
// work that depends on other work in flight is recognised inside one PASID and its data is not
// judged (counted as racy).
//
//   WorkItem* item = scoreboard.accept({wq, ims, line, false}, cycle);
//   if (!scoreboard.write(space, tlp, cycle)) ...   // no descriptor allows this write
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "check/work_item.hpp"

namespace siov::check {

/// A descriptor on its way in.
struct Submission {
  std::uint32_t wq = 0;
  bool ims = false;  ///< portal page selects the IMS table
  std::span<const std::byte, 64> line;
  bool may_be_dropped = false;  ///< dedicated queue that may be full
};

class Scoreboard {
 public:
  explicit Scoreboard(Bench& bench) : bench_(bench) {}

  WorkItem* accept(const Submission& submission, std::uint64_t cycle);
  /// A memory write of this PASID. @return false if no descriptor in flight has this byte
  bool write(PasidState& space, const pcie::Tlp& t, std::uint64_t cycle);
  /// A memory read of this PASID. @return false if no descriptor in flight has these bytes as
  /// source
  bool read(PasidState& space, const pcie::Tlp& t, Request* request, std::uint64_t cycle);
  /// A read of the device was answered with an error or poison, or timed out.
  void read_failed(const ReadRef& read);
  /// The interrupt of an item has been seen, or will not come.
  void interrupt_done(WorkItem& item);
  /// Oldest item whose interrupt by this entry is not due yet, null if none.
  /// @param unseen_end  only those whose end is not visible before their interrupt
  WorkItem* oldest_waiting(const InterruptEntry& entry, bool unseen_end = false);
  /// Work accepted before `before` and chosen by the filter must be over, or is given up.
  template <class F>
  void settle(F&& chosen, std::uint64_t before, bool aborted, std::uint64_t cycle) {
    const std::vector<WorkItem*> list = active_;
    for (WorkItem* item : list) {
      if (item->active && item->number < before && chosen(*item)) settle_one(*item, aborted, cycle);
    }
  }
  /// An interrupt came without this item's record, and the record has not followed.
  void record_missing(WorkItem& item, const Context& at);
  void scan(std::uint64_t cycle);
  void end_of_test(std::uint64_t cycle);

  std::uint64_t next_number() const { return next_number_; }
  const std::vector<WorkItem*>& active() const { return active_; }
  bool software_error_expected(std::uint8_t code) const { return software_errors_[code]; }
  Context context(const WorkItem& item, const pcie::Tlp* t, std::uint64_t cycle) const {
    return {.cycle = cycle,
            .tlp = t,
            .wq = item.wq,
            .pasid = item.space->pasid,
            .descriptor = item.number,
            .scope = &item.space->ring};
  }

 private:
  WorkItem& take_item();
  void predict(WorkItem& item, const Submission& submission);
  void detect_conflicts(WorkItem& item);
  void register_ranges(WorkItem& item);
  void register_interrupt(WorkItem& item, bool ims, bool handle_ok);
  void write_data(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void data_run(WorkItem& item, const pcie::Tlp& t, std::uint64_t lo, std::uint64_t hi,
                std::uint64_t cycle);
  void write_record(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_record(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_sources(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_drain(WorkItem& drain, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_privilege(const WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void progress(WorkItem& item, std::uint64_t cycle);
  void advance(WorkItem& item, std::uint64_t cycle);
  void finish(WorkItem& item);
  void settle_one(WorkItem& item, bool aborted, std::uint64_t cycle);
  void judge_missing(WorkItem& item, std::uint64_t cycle, Rule otherwise);
  void close_overwritten(const WorkItem& item, std::uint64_t cycle);
  /// Takes its ranges out of the index: its addresses may be used again.
  void release(WorkItem& item);
  void retire(WorkItem& item);
  void fail(Rule rule, const Context& at, std::string text);

  Bench& bench_;
  std::deque<WorkItem> pool_;
  std::vector<WorkItem*> free_, active_;
  std::uint64_t next_number_ = 0;
  std::bitset<256> software_errors_;
};

}  // namespace siov::check
