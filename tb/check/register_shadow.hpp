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

#include "abi/siov_abi.hpp"
#include "check/config.hpp"
#include "check/shadow_types.hpp"
#include "model/predict.hpp"

namespace siov::check {

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
  model::Features features() const;
  const std::vector<Group>& groups() const { return groups_; }
  std::uint32_t read_buffers() const { return read_buffers_; }
  EventLog& log() { return log_; }
  const EventLog& log() const { return log_; }
  bool device_enabled() const { return device_enabled_; }
  bool command_active() const { return active_.has_value(); }
  /// Enabling starts the event log, if it is configured.
  void set_device_enabled(bool on);
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
  /// What the MSI-X capability says. Offsets 0: not known yet.
  void set_msix(std::uint32_t entries, std::uint32_t table, std::uint32_t pending);
  void grant(bool ims, std::uint32_t index, bool granted);

  /// Offset ranges of the tables, for reads that are judged.
  struct TableHit {
    InterruptEntry* entry = nullptr;
    std::uint32_t byte = 0;  ///< inside the entry
  };
  TableHit message_table(std::uint32_t offset);
  /// Queue whose state and occupancy (dword 6 of WQCFG) are at this offset.
  std::optional<std::uint32_t> queue_status(std::uint32_t offset) const {
    if (!in_queues(offset) || (offset - wqcfg_) % stride_ != 24) return std::nullopt;
    return (offset - wqcfg_) / stride_;
  }
  std::uint32_t pba_offset() const { return pba_; }
  /// BAR0 as far as its tables go [bytes].
  std::uint32_t bar0_bytes() const { return large_ ? 0x40000 : 0x10000; }

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

  bool has_opcfg() const { return (wqcap_ >> abi::kWqcapOpcfgLsb & 1) != 0; }
  bool in_groups(std::uint32_t offset) const { return offset >= grpcfg_ && offset < wqcfg_; }
  bool in_queues(std::uint32_t offset) const {
    return offset >= wqcfg_ && offset < wqcfg_ + stride_ * num_queues();
  }
  bool queue_field_locked(std::uint32_t offset) const;
  void write_opcfg(std::uint32_t wq);
  void refresh_queue(std::uint32_t at);
  void learn_capabilities(std::uint32_t offset, std::uint32_t value);
  void learn_offsets(std::uint32_t low, std::uint32_t high, bool first);
  void resize_ims();
  void reset_groups();
  void place_tables(bool large);

  std::vector<std::byte> bytes_;
  std::uint32_t grpcfg_ = 0, wqcfg_ = 0, stride_ = 32, msixperm_ = 0, ims_base_ = 0, msix_base_ = 0,
                pba_ = 0;
  bool large_ = false;
  std::vector<Queue> queues_;
  std::vector<InterruptEntry> msix_, ims_;
  std::unordered_multimap<std::uint64_t, EntryRef> by_message_;
  bool messages_stale_ = true;
  std::vector<bool> opcfg_written_;
  std::vector<Group> groups_;
  EventLog log_;
  std::uint64_t opcap_, gencap_, wqcap_, cmdcap_;
  std::uint32_t read_buffers_;
  std::uint8_t tc_map_ = 1;
  bool user_interrupts_ = false, device_enabled_ = false;
  std::optional<Command> active_;
};

}  // namespace siov::check
