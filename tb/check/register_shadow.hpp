// SPDX-License-Identifier: Apache-2.0
// RegisterShadow: BAR0 as software programmed it: queues, groups, interrupt tables, commands. From
// writes and read results alone.
//
//   shadow.write(offset, bytes, cycle);
//   if (shadow.queue(3).live()) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "check/config.hpp"

namespace siov::check {

enum class QueueState : std::uint8_t { kDisabled, kEnabling, kLive, kStopping };

/// One work queue; configuration as latched when it was enabled.
struct Queue {
  QueueState state = QueueState::kDisabled;
  bool dedicated = false, pasid_enable = false, privileged = false, bof = false;
  std::uint32_t pasid = 0, size = 0, threshold = 0;
  std::uint64_t max_transfer = 0;  ///< [bytes]
  std::uint32_t unfinished = 0;    ///< accepted work that may still wait in the queue
  std::uint32_t under_way = 0;     ///< deferrable writes without answer
  bool live() const { return state == QueueState::kLive || state == QueueState::kEnabling; }
};

struct WorkItem;

/// One MSI-X or IMS entry.
struct InterruptEntry {
  bool ims = false;
  std::uint16_t index = 0;
  std::uint64_t address = 0, old_address = 0;
  std::uint32_t data = 0, old_data = 0;
  bool masked = true, ignore = false, pasid_enable = false;
  std::uint32_t pasid = 0;
  std::uint64_t changed_cycle = 0, masked_cycle = 0, unmasked_cycle = 0;
  bool pending_on_unmask = false;  ///< an event waited when it was unmasked: one message is due
  bool address_written = false, data_written = false;
  std::uint32_t waiting = 0;     ///< events whose record has not been seen yet
  std::vector<WorkItem*> ready;  ///< events that may be signalled now, oldest first
  std::uint64_t satisfied = 0, refused = 0;
};

/// A command written to CMD.
struct Command {
  std::uint8_t code = 0;
  std::uint32_t operand = 0;
  std::uint64_t cycle = 0;
};

class RegisterShadow {
 public:
  explicit RegisterShadow(const Config& config);

  /// Bytes written to BAR0. @return the command if CMD was written and no command was active
  std::optional<Command> write(std::uint32_t offset, std::span<const std::byte> bytes,
                               std::uint64_t cycle);
  /// Bytes read from BAR0 (only the enabled ones).
  /// @return the command that is now known to have ended, with its error code
  struct Ended {
    Command command;
    std::uint8_t error = 0;
  };
  std::optional<Ended> read(std::uint32_t offset, std::span<const std::byte> bytes);
  /// Reset of the tables by Reset Device (msix = false) or FLR (msix = true).
  void reset(bool msix);

  std::vector<Queue>& queues() { return queues_; }
  Queue& queue(std::uint32_t wq) { return queues_[wq]; }
  std::uint32_t num_queues() const { return static_cast<std::uint32_t>(queues_.size()); }
  /// Bitmap of traffic classes that groups may use.
  std::uint8_t tc_map() const { return tc_map_; }
  bool user_interrupts() const { return user_interrupts_; }
  std::uint64_t opcap() const { return opcap_; }
  bool device_enabled() const { return device_enabled_; }
  bool command_active() const { return active_.has_value(); }
  void set_device_enabled(bool on) { device_enabled_ = on; }
  /// Latches WQCFG into the queue. Reset Queue: clear_queue.
  void latch_queue(std::uint32_t wq);
  void clear_queue(std::uint32_t wq);

  std::vector<InterruptEntry>& entries(bool ims) { return ims ? ims_ : msix_; }
  /// Entry that a handle names, null if out of range.
  InterruptEntry* entry(bool ims, std::uint32_t handle);
  /// Permission check of dsa.md 2.10.
  bool handle_permitted(bool ims, std::uint32_t handle, bool pasid_enable, std::uint32_t pasid);
  /// Entries with this message, through f(entry) until it returns true; old content included while
  /// it is young.
  template <class F>
  bool entries_with(std::uint64_t address, std::uint32_t data, F&& f) {
    if (messages_stale_) index_messages();
    const auto [first, last] = by_message_.equal_range(message_key(address, data));
    for (auto it = first; it != last; ++it) {
      if (f(*entry(it->second.ims, it->second.index))) return true;
    }
    return false;
  }
  void set_msix_entries(std::uint32_t n);

  /// Offset ranges of the tables, for reads that are judged.
  struct TableHit {
    InterruptEntry* entry = nullptr;
    std::uint32_t byte = 0;  ///< inside the entry
  };
  TableHit message_table(std::uint32_t offset);
  std::uint32_t pba_offset() const { return pba_; }

 private:
  struct EntryRef {
    bool ims;
    std::uint16_t index;
  };
  static std::uint64_t message_key(std::uint64_t address, std::uint32_t data) {
    return address * 0x9E37'79B9'7F4A'7C15u ^ data;
  }
  std::uint32_t dword(std::uint32_t offset) const;
  void write_byte(std::uint32_t offset, std::byte value);
  bool locked(std::uint32_t offset) const;
  void refresh(std::uint32_t offset, std::uint64_t cycle);
  void refresh_entry(const TableHit& hit, std::uint32_t base, std::uint64_t cycle);
  void refresh_groups();
  void index_messages();
  void reset_entries(std::vector<InterruptEntry>& entries, std::uint32_t base);

  std::vector<std::byte> bytes_;
  std::uint32_t grpcfg_ = 0x600, wqcfg_ = 0x800, stride_ = 32, msixperm_ = 0x400,
                ims_base_ = 0x4000, msix_base_ = 0x2000, pba_ = 0x3000;
  std::vector<Queue> queues_;
  std::vector<InterruptEntry> msix_, ims_;
  std::unordered_multimap<std::uint64_t, EntryRef> by_message_;
  bool messages_stale_ = true;
  std::uint64_t opcap_;
  std::uint64_t gencap_max_transfer_ = std::uint64_t{1} << 31;
  std::uint8_t tc_map_ = 1;
  bool user_interrupts_ = false, device_enabled_ = false;
  std::optional<Command> active_;
};

}  // namespace siov::check
