// SPDX-License-Identifier: Apache-2.0
// Scoreboard: every descriptor against what it does on the link: reads, data, readbacks, record,
// interrupt, order. Memory is read once: at acceptance, for a member of a batch when it may start.
// Software must not change sources in flight; work that depends on other work in flight is
// recognised inside one PASID and its data is not judged (counted as racy).
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
  bool may_be_dropped = false;   ///< dedicated queue that may be full
  std::uint64_t sent_cycle = 0;  ///< when it went down: its pages may be looked at from then on
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
  /// A successful completion of a read that has an owner. @param offset  in the bytes asked for
  void read_data(const Request& request, const pcie::Tlp& t, std::uint32_t offset,
                 std::uint64_t cycle);
  /// A read of the device was answered with an error or poison, or timed out.
  void read_failed(const ReadRef& read, std::uint64_t cycle);
  /// A page was not translated, or its page request not granted: work that needs it may fault.
  /// @param readable  only writing was refused
  void page_refused(std::uint32_t pasid, std::uint64_t page, bool readable, std::uint64_t cycle);
  /// Some work in flight with an operand, record or readback in [lo, hi), null if there is none.
  const WorkItem* concerns(const PasidState& space, std::uint64_t lo, std::uint64_t hi) const;
  /// The same of work that has just ended, and of batches whose members are not known yet.
  bool concerned(const PasidState& space, std::uint64_t lo, std::uint64_t hi) const;
  /// Whether an entry of the event log may tell that the item ended at this page.
  bool fault_logged(const WorkItem& item, std::uint8_t code, std::uint64_t address) const;
  /// Such an entry has come.
  void end_at_page(WorkItem& item, std::span<const std::byte, 64> entry);
  /// The entry of the event log that an item owes has been written.
  void log_done(WorkItem& item, std::uint64_t cycle);
  /// The interrupt of an item has been seen, or will not come.
  void interrupt_done(WorkItem& item);
  /// Oldest item whose interrupt by this entry is not due yet, null if none.
  /// @param unseen_end  only those whose end is not visible before their interrupt
  WorkItem* oldest_waiting(const InterruptEntry& entry, bool unseen_end = false);
  /// Reports a request of a member that must not run, or not yet. @return whether it is one
  bool explain_member(PasidState& space, const pcie::Tlp& t, std::uint64_t cycle);
  /// Work accepted before `before` and chosen by the filter must be over, or is given up.
  template <class F>
  void settle(F&& chosen, std::uint64_t before, bool aborted, std::uint64_t cycle) {
    const std::vector<WorkItem*> list = active_;
    for (WorkItem* item : list) {
      if (item->active && item->order < before && chosen(*item)) settle_one(*item, aborted, cycle);
    }
  }
  /// An interrupt came without this item's record, and the record has not followed.
  void record_missing(WorkItem& item, const Context& at);
  /// Before each request of the device: starts the members whose fence fell with the TLP before it.
  /// That request may be all that is seen of one: an interrupt, a log entry.
  void start_due(std::uint64_t cycle) {
    if (!ripe_.empty()) start_ripe(cycle);
  }
  void scan(std::uint64_t cycle);
  void end_of_test(std::uint64_t cycle);

  /// What the next accepted descriptor gets as its order.
  std::uint64_t next_order() const { return next_order_; }
  const std::vector<WorkItem*>& active() const { return active_; }
  bool software_error_expected(std::uint8_t code) const { return software_errors_[code]; }
  Context context(const WorkItem& item, const pcie::Tlp* t, std::uint64_t cycle) const {
    return {.cycle = cycle,
            .tlp = t,
            .wq = item.wq,
            .pasid = item.space->pasid,
            .descriptor = item.order,
            .member = item.member,
            .scope = &item.space->ring};
  }

 private:
  // Start and end: scoreboard.cpp.
  WorkItem& take_item();
  model::WorkContext context_of(const WorkItem& item) const;
  void predict(WorkItem& item, const model::WorkContext& context);
  void take_expected(WorkItem& item, const model::WorkContext& context);
  void begin(WorkItem& item, std::uint64_t cycle);
  void owe_error(WorkItem& item);
  void register_interrupt(WorkItem& item, bool handle_ok);
  /// @param surely  it cannot have been other work that shares the bytes
  void progress(WorkItem& item, std::uint64_t cycle, bool surely = true);
  void advance(WorkItem& item, std::uint64_t cycle);
  void finish(WorkItem& item);
  /// Takes its ranges out of the index: its addresses may be used again.
  void release(WorkItem& item);
  void retire(WorkItem& item);
  void fail(Rule rule, const Context& at, std::string text);

  // Ranges: scoreboard_ranges.cpp.
  void set_pieces(WorkItem& item);
  void detect_conflicts(WorkItem& item, std::uint64_t cycle);
  void register_ranges(WorkItem& item);
  void erase_destinations(WorkItem& item);
  void make_racy(WorkItem& item);
  void open_up(WorkItem& item);

  // TLPs: scoreboard_traffic.cpp, scoreboard_record.cpp.
  void write_data(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void data_run(WorkItem& item, const pcie::Tlp& t, std::uint64_t lo, std::uint64_t hi,
                std::uint64_t cycle);
  void compare_data(WorkItem& item, const Piece& piece, const pcie::Tlp& t, std::uint64_t lo,
                    std::uint64_t hi, std::uint64_t cycle);
  WorkItem* source_owner(PasidState& space, std::uint64_t lo, std::uint64_t hi, std::size_t& which);
  void request_source(WorkItem& item, std::size_t which, const pcie::Tlp& t, std::uint64_t cycle);
  void readback(PasidState& space, const pcie::Tlp& t, Request* request, std::uint64_t cycle);
  void write_record(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  bool record_shape(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_record(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  bool judge_failure(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_bytes(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_sources(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_readbacks(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_drain(WorkItem& drain, const pcie::Tlp* t, std::uint64_t cycle);
  void judge_privilege(const WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);

  // Page faults: scoreboard_fault.cpp.
  void may_fault(WorkItem& item, std::uint64_t cycle);
  void meet_refusals(WorkItem& item, std::uint64_t cycle);
  bool has_met(const WorkItem& item, std::uint64_t page, bool write) const;
  bool refused(const WorkItem& item, std::uint64_t page, bool write) const;
  bool known_read_only(const WorkItem& item, std::uint64_t page) const;
  bool begun(const WorkItem& item, std::uint64_t page, bool write) const;
  bool caused(const WorkItem& item, std::uint64_t page, bool write, std::uint8_t code) const;
  bool judge_fault(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_data_fault(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_blocking(const WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_partial(const WorkItem& item, const model::Prediction& p, const pcie::Tlp& t,
                     std::uint64_t cycle);
  bool judge_readback_fault(WorkItem& item, const pcie::Tlp& t, std::uint64_t cycle);
  void take_list_fault(WorkItem& batch, const pcie::Tlp& record, std::uint64_t cycle);
  void may_lose_record(WorkItem& item, std::uint64_t page, std::uint64_t cycle);

  // Batches: scoreboard_batch.cpp.
  void accept_batch(WorkItem& item, const model::WorkContext& context);
  void list_data(WorkItem& batch, std::uint64_t offset, std::span<const std::byte> bytes,
                 std::uint64_t cycle);
  void list_failed(WorkItem& batch, const ReadRef& read, std::uint64_t cycle);
  void start_ripe(std::uint64_t cycle);
  void start_members(WorkItem& batch, std::uint64_t cycle);
  void start_member(WorkItem& batch, std::uint32_t index, std::uint64_t cycle);
  void member_over(WorkItem& member, std::uint64_t cycle);
  void drop_from(WorkItem& batch, std::uint32_t fence);
  void fell_behind(WorkItem& member, std::uint64_t cycle);
  void batch_step(WorkItem& batch, std::uint64_t cycle);
  void complete_batch(WorkItem& batch, std::uint64_t cycle);
  void close_batch(WorkItem& batch, const pcie::Tlp& record, std::uint64_t cycle);
  void judge_batch_record(WorkItem& batch, const pcie::Tlp& t, std::uint64_t cycle);
  void part_members(WorkItem& batch);
  WorkItem* unfinished_member(const WorkItem& batch, bool closing = false) const;
  std::vector<WorkItem*> members_of(const WorkItem& batch) const;
  void remember_dropped(const WorkItem& batch);

  // What never came: scoreboard_watch.cpp.
  bool late(const WorkItem& item, std::uint64_t cycle) const;
  void settle_one(WorkItem& item, bool aborted, std::uint64_t cycle);
  void judge_missing(const WorkItem& item, std::uint64_t cycle, Rule otherwise);
  void close_overwritten(const WorkItem& item, std::uint64_t cycle);

  /// Members that a failed fence has dropped.
  struct Dropped {
    const PasidState* space = nullptr;
    std::uint64_t order = 0;
    std::uint32_t wq = 0, first = 0;
    std::vector<abi::Descriptor> members;
  };

  Bench& bench_;
  std::deque<WorkItem> pool_;
  std::vector<WorkItem*> free_, active_;
  std::vector<WorkItem*> ripe_;               ///< batches whose next members may start
  std::vector<WorkItem*> racing_, silenced_;  ///< scratch: work that a conflict concerns
  std::array<Dropped, 4> dropped_;
  std::size_t next_dropped_ = 0;
  const WorkItem* starting_ = nullptr;  ///< its members are being started: it is not stepped
  std::uint64_t next_number_ = 0, next_order_ = 0;
  std::bitset<256> software_errors_;
};

}  // namespace siov::check
