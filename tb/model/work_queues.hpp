// SPDX-License-Identifier: Apache-2.0
// WorkQueues: WQCFG and GRPCFG, admission of descriptors at the portals, and the choice of the next
// one for an engine.
//
//   const Admission a = queues.admit({.wq = 2, .ims = true, .limited = true}, true, line,
//   device_enabled); if (const auto wq = queues.arbitrate(group)) Work work = queues.pop(*wq);
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "abi/descriptor.hpp"
#include "abi/siov_abi.hpp"
#include "model/device_config.hpp"
#include "model/interrupts.hpp"
#include "port/device_port.hpp"

namespace siov::model {

/// One bit for each queue.
using QueueSet = std::bitset<256>;

/// Place of a write in BAR2. @spec DSA 4.1
struct Portal {
  std::uint64_t wq = 0;
  bool ims = false;
  bool limited = false;
  static Portal at(std::uint64_t offset);
};

/// What became of a portal write. @spec DSA 4.2
enum class Admission : std::uint8_t {
  kAccepted,
  kRetry,    ///< deferrable write: not now
  kIgnored,  ///< posted write: no work, nothing logged
  kFull,     ///< posted write to a full dedicated queue: logged as 0x53
};

/// A descriptor in the device.
struct Work {
  abi::Descriptor descriptor;
  std::uint64_t sequence = 0;  ///< order of admission, over all queues
  std::uint8_t wq = 0;
  bool ims = false;  ///< handles name IMS entries
};

/// One queue: configuration by dwords as software sees it, state, entries.
struct WorkQueue {
  std::uint32_t size = 0;
  std::uint32_t threshold = 0;
  std::uint32_t dword2 = 0;
  std::uint32_t dword3 = 0;
  std::uint32_t dword4 = 0;
  std::uint32_t dword5 = 0;
  bool occupancy_signalled = false;  ///< dword 6 bit 16
  std::uint64_t operations = 0;      ///< OPCFG bits 63:0
  std::uint8_t state = abi::kWqStateDisabled;
  unsigned credit = 0;  ///< dispatches left in this round of the arbiter
  std::deque<Work> entries;

  bool dedicated() const { return (dword2 & 1u) != 0; }
  bool bof_enabled() const { return (dword2 & 2u) != 0; }
  bool ats_disabled() const { return (dword2 & 4u) != 0; }
  bool prs_disabled() const { return (dword2 & 8u) != 0; }
  unsigned priority() const { return dword2 >> 4 & 0xFu; }
  Pasid pasid() const { return Pasid{dword2 >> 8 & 0xFFFFFu}; }
  bool pasid_enabled() const { return (dword2 >> 28 & 1u) != 0; }
  bool privileged() const { return (dword2 >> 29 & 1u) != 0; }
  unsigned max_transfer_log2() const { return dword3 & 0x1Fu; }
  unsigned max_batch_log2() const { return dword3 >> 5 & 0xFu; }
  InterruptHandle occupancy_handle() const {
    return {(dword4 >> 16 & 1u) != 0, static_cast<std::uint16_t>(dword4)};
  }
  unsigned occupancy_limit() const { return dword5 & 0xFFFFu; }
  bool occupancy_interrupt() const { return (dword5 >> 16 & 1u) != 0; }
};

/// One group as written by software.
struct Group {
  std::uint64_t wqs[4] = {};
  std::uint64_t engines = 0;
  std::uint64_t flags = 0;
  QueueSet queues() const;
  bool uses_global_limit() const { return (flags >> 7 & 1u) != 0; }
  unsigned reserved() const { return flags >> 8 & 0xFFu; }
  unsigned allowed() const { return flags >> 20 & 0xFFu; }
};

class WorkQueues {
 public:
  explicit WorkQueues(const DeviceConfig& config);

  /// Register access by 8-byte words. @param offset  from the start of the table  @param mask
  /// enabled bits
  std::uint64_t read_wqcfg(std::uint32_t offset) const;
  std::uint64_t read_grpcfg(std::uint32_t offset) const;
  void write_wqcfg(std::uint32_t offset, std::uint64_t value, std::uint64_t mask,
                   bool device_disabled);
  void write_grpcfg(std::uint32_t offset, std::uint64_t value, std::uint64_t mask,
                    bool device_disabled);

  /// A whole 64-byte write to a portal.
  Admission admit(Portal portal, bool deferrable, const port::Line& line, bool device_enabled);
  /// The queue that the group serves next, weighted by priority. Skips queues whose head may not
  /// start.
  /// @param blocked  bit w: the head of queue w must wait
  std::optional<unsigned> arbitrate(unsigned group, const QueueSet& blocked);
  Work pop(unsigned wq);
  /// Queues whose occupancy fell to the limit since the last call, for an interrupt each. @spec
  /// DSA 2.9
  std::vector<unsigned> take_occupancy_events() { return std::exchange(events_, {}); }
  /// Entries waiting, all queues.
  unsigned waiting() const { return waiting_; }

  WorkQueue& queue(unsigned wq) { return queues_[wq]; }
  const WorkQueue& queue(unsigned wq) const { return queues_[wq]; }
  const Group& group(unsigned g) const { return groups_[g]; }
  unsigned num_wq() const { return static_cast<unsigned>(queues_.size()); }
  unsigned num_groups() const { return static_cast<unsigned>(groups_.size()); }
  /// Work admitted from now on has this number or a higher one.
  std::uint64_t next_sequence() const { return next_sequence_; }
  /// Removes entries for which drop(work) holds. @return how many
  template <class F>
  unsigned discard(F drop) {
    unsigned count = 0;
    for (unsigned w = 0; w < num_wq(); ++w) {
      const std::size_t before = queues_[w].entries.size();
      count += static_cast<unsigned>(std::erase_if(queues_[w].entries, drop));
      note_fall(w, before);
    }
    waiting_ -= count;
    return count;
  }

  /// Removes all entries: halt and function level reset; no occupancy interrupt. @return how many
  unsigned drop_all();

  /// Configuration back to reset, state disabled. @param keep_size  Reset WQ keeps the size
  void reset_queue(unsigned wq, bool keep_size);
  void reset();

 private:
  void note_fall(unsigned wq, std::size_t before);
  void write_occupancy(WorkQueue& queue, std::uint64_t value, std::uint64_t mask) const;

  DeviceConfig config_;
  std::uint32_t stride_;  ///< of WQCFG [bytes]
  std::vector<WorkQueue> queues_;
  std::vector<Group> groups_;
  std::vector<unsigned> next_in_group_;  ///< round robin position
  std::vector<unsigned> events_;         ///< queues with an occupancy interrupt to send
  std::uint64_t next_sequence_ = 0;
  unsigned waiting_ = 0;
};

}  // namespace siov::model
