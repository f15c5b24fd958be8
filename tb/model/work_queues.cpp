// SPDX-License-Identifier: Apache-2.0
// Queue and group configuration, admission, arbitration. @spec DSA 2.8, 2.9, 4.2, 5.11
#include "model/work_queues.hpp"

#include <algorithm>
#include <utility>

namespace siov::model {
namespace {

constexpr std::uint32_t kWordMask = 0xFFFFu;
constexpr std::uint32_t kDword2Bits = 0x3FFFFFF3u;
constexpr std::uint32_t kDword2Ats = 0xCu;  // ATS and PRS disable (WQCAP 50, 55)
constexpr std::uint32_t kDword3Bits = 0x1FFu;
constexpr std::uint32_t kHandleBits = 0x1FFFFu;          // handle, table
constexpr std::uint32_t kOccupancyEnable = 1u << 16;     // dword 5
constexpr std::uint64_t kOccupancySignalled = 1u << 16;  // dword 6
constexpr std::uint64_t kGroupFlagBits = 0x0FF0FFBFu;

std::uint64_t merge(std::uint64_t old, std::uint64_t value, std::uint64_t mask) {
  return (old & ~mask) | (value & mask);
}

std::uint32_t merge_low(std::uint32_t old, std::uint64_t value, std::uint64_t mask,
                        std::uint32_t legal) {
  return static_cast<std::uint32_t>(merge(old, value, mask & legal));
}

std::uint32_t merge_high(std::uint32_t old, std::uint64_t value, std::uint64_t mask,
                         std::uint32_t legal) {
  return static_cast<std::uint32_t>(merge(old, value >> 32, (mask >> 32) & legal));
}

}  // namespace

QueueSet Group::queues() const {
  QueueSet set;
  for (unsigned word = 4; word-- > 0;) set = set << 64 | QueueSet(wqs[word]);
  return set;
}

Portal Portal::at(std::uint64_t offset) {
  Portal p;
  p.wq = offset / abi::kPortalWqStride;
  p.ims = (offset >> abi::kPortalImsBit & 1u) != 0;
  p.limited = (offset >> abi::kPortalLimitedBit & 1u) != 0;
  return p;
}

WorkQueues::WorkQueues(const DeviceConfig& config)
    : config_(config),
      stride_(Bar0Layout::of(config).queue_stride),
      queues_(config.num_wq),
      groups_(config.num_groups),
      next_in_group_(config.num_groups) {
  reset();
}

void WorkQueues::reset_queue(unsigned wq, bool keep_size) {
  WorkQueue& q = queues_[wq];
  const std::uint32_t size = q.size;
  waiting_ -= static_cast<unsigned>(q.entries.size());
  q = WorkQueue{};
  q.operations = config_.opcap;
  if (keep_size) q.size = size;
}

unsigned WorkQueues::drop_all() {
  const unsigned count = waiting_;
  for (WorkQueue& q : queues_) q.entries.clear();
  events_.clear();
  waiting_ = 0;
  return count;
}

void WorkQueues::reset() {
  for (unsigned w = 0; w < num_wq(); ++w) reset_queue(w, false);
  for (Group& g : groups_) {
    g = Group{};
    g.flags = std::uint64_t{config_.read_buffers} << 20;
  }
  std::fill(next_in_group_.begin(), next_in_group_.end(), 0u);
  events_.clear();
}

std::uint64_t WorkQueues::read_wqcfg(std::uint32_t offset) const {
  const std::size_t index = offset / stride_;
  if (index >= queues_.size()) return 0;
  const WorkQueue& q = queues_[index];
  switch (offset % stride_) {
    case 0:
      return std::uint64_t{q.threshold} << 32 | q.size;
    case 8:
      return std::uint64_t{q.dword3} << 32 | q.dword2;
    case 16:
      return std::uint64_t{q.dword5} << 32 | q.dword4;
    case 24:
      return std::uint64_t{q.state} << 30 | (q.occupancy_signalled ? kOccupancySignalled : 0) |
             q.entries.size();
    case 32:
      return q.operations;
    default:
      return 0;
  }
}

void WorkQueues::write_wqcfg(std::uint32_t offset, std::uint64_t value, std::uint64_t mask,
                             bool device_disabled) {
  const std::size_t index = offset / stride_;
  if (index >= queues_.size()) return;
  WorkQueue& q = queues_[index];
  const bool disabled = q.state == abi::kWqStateDisabled;
  switch (offset % stride_) {
    case 0:
      if (device_disabled) q.size = merge_low(q.size, value, mask, kWordMask);
      q.threshold = merge_high(q.threshold, value, mask, kWordMask);
      return;
    case 8:
      if (!disabled) return;
      q.dword2 = merge_low(q.dword2, value, mask, kDword2Bits | (config_.ats ? kDword2Ats : 0));
      q.dword3 = merge_high(q.dword3, value, mask, kDword3Bits);
      return;
    case 16:
      if (config_.opcfg) write_occupancy(q, value, mask);
      return;
    case 24:  // occupancy and state are read-only
      if ((value & mask & kOccupancySignalled) != 0) q.occupancy_signalled = false;
      return;
    case 32:
      if (disabled) q.operations = merge(q.operations, value, mask);
      return;
    default:
      return;
  }
}

/// The handle is fixed while the queue is enabled, because Enable WQ checked it; the limit while
/// the interrupt is enabled.
void WorkQueues::write_occupancy(WorkQueue& q, std::uint64_t value, std::uint64_t mask) const {
  if (q.state == abi::kWqStateDisabled) q.dword4 = merge_low(q.dword4, value, mask, kHandleBits);
  const std::uint32_t limit = q.occupancy_interrupt() ? 0 : kWordMask;
  q.dword5 = merge_high(q.dword5, value, mask, kOccupancyEnable | limit);
}

void WorkQueues::note_fall(unsigned wq, std::size_t before) {
  WorkQueue& q = queues_[wq];
  if (!q.occupancy_interrupt() || q.occupancy_signalled) return;
  if (before <= q.occupancy_limit() || q.entries.size() > q.occupancy_limit()) return;
  q.occupancy_signalled = true;
  events_.push_back(wq);
}

std::uint64_t WorkQueues::read_grpcfg(std::uint32_t offset) const {
  const std::size_t index = offset / abi::kTblGrpcfgStride;
  if (index >= groups_.size()) return 0;
  const Group& g = groups_[index];
  const std::uint32_t word = offset % abi::kTblGrpcfgStride / 8;
  if (word < 4) return g.wqs[word];
  if (word == 4) return g.engines;
  return word == 5 ? g.flags : 0;
}

void WorkQueues::write_grpcfg(std::uint32_t offset, std::uint64_t value, std::uint64_t mask,
                              bool device_disabled) {
  const std::size_t index = offset / abi::kTblGrpcfgStride;
  if (index >= groups_.size() || !device_disabled) return;
  Group& g = groups_[index];
  const std::uint32_t word = offset % abi::kTblGrpcfgStride / 8;
  if (word < 4) {
    g.wqs[word] = merge(g.wqs[word], value, mask);
  } else if (word == 4) {
    g.engines = merge(g.engines, value, mask);
  } else if (word == 5) {
    g.flags = merge(g.flags, value, mask & kGroupFlagBits);
  }
}

Admission WorkQueues::admit(Portal portal, bool deferrable, const port::Line& line,
                            bool device_enabled) {
  const Admission refused = deferrable ? Admission::kRetry : Admission::kIgnored;
  if (portal.wq >= queues_.size() || (portal.ims && config_.ims_entries == 0)) return refused;
  WorkQueue& q = queues_[portal.wq];
  if (!device_enabled || q.state != abi::kWqStateEnabled || deferrable == q.dedicated())
    return refused;
  std::uint32_t room = q.size;
  if (portal.limited && !q.dedicated()) room = std::min(room, q.threshold);
  if (q.entries.size() >= room) return deferrable ? Admission::kRetry : Admission::kFull;
  Work work;
  work.descriptor = abi::decode_descriptor(line);
  work.sequence = next_sequence_++;
  work.wq = static_cast<std::uint8_t>(portal.wq);
  work.ims = portal.ims;
  q.entries.push_back(work);
  ++waiting_;
  return Admission::kAccepted;
}

std::optional<unsigned> WorkQueues::arbitrate(unsigned group, const QueueSet& blocked) {
  const QueueSet members = groups_[group].queues();
  QueueSet ready = members & ~blocked;
  bool any = false;
  for (unsigned w = 0; w < num_wq(); ++w) {
    if (ready[w] && queues_[w].entries.empty()) ready[w] = false;
    any |= ready[w];
  }
  if (!any) return std::nullopt;
  for (int round = 0; round < 2; ++round) {
    for (unsigned i = 0; i < num_wq(); ++i) {
      const unsigned w = (next_in_group_[group] + i) % num_wq();
      if (!ready[w] || queues_[w].credit == 0) continue;
      --queues_[w].credit;
      next_in_group_[group] = (w + 1) % num_wq();
      return w;
    }
    for (unsigned w = 0; w < num_wq(); ++w) {  // every queue with work has used its share
      if (members[w]) queues_[w].credit = std::max(1u, queues_[w].priority());
    }
  }
  return std::nullopt;
}

Work WorkQueues::pop(unsigned wq) {
  WorkQueue& q = queues_[wq];
  Work work = std::move(q.entries.front());
  q.entries.pop_front();
  --waiting_;
  note_fall(wq, q.entries.size() + 1);
  return work;
}

}  // namespace siov::model
