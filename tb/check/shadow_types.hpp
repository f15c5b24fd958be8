// SPDX-License-Identifier: Apache-2.0
// What the register shadow is made of: queues, groups, the event log, interrupt entries, commands.
//
//   const Queue& queue = shadow.queue(3);
//   if (queue.live() && queue.dedicated) ...
#pragma once

#include <cstdint>
#include <vector>

namespace siov::check {

enum class QueueState : std::uint8_t { kDisabled, kEnabling, kLive, kStopping };

/// Occupancy interrupt of a queue. @spec dsa.md 2.9
struct Occupancy {
  bool enabled = false, ims = false;
  bool generated = false;   ///< a message has been sent and not been acknowledged
  bool seen_above = false;  ///< WQCFG was read with more entries than the limit
  std::uint16_t handle = 0;
  std::uint32_t limit = 0;
  std::uint64_t due = 0;  ///< cycle in which WQCFG told of a message that has not been seen; or 0
};

/// A group: its engines and read buffers. @spec dsa.md 2.8
struct Group {
  std::uint64_t engines = 0;
  std::uint32_t reserved = 0, allowed = 0;  ///< [read buffers]
};

/// The event log, as long as it is on. @spec dsa.md 2.11
struct EventLog {
  bool on = false;
  bool pasid_enable = false, privileged = false;
  std::uint32_t pasid = 0;
  std::uint64_t base = 0;
  std::uint32_t size = 0, head = 0, tail = 0;  ///< [entries]
  std::uint64_t written = 0;                   ///< entries since the device was enabled
};

/// One work queue; configuration as latched when it was enabled.
struct Queue {
  QueueState state = QueueState::kDisabled;
  bool dedicated = false, pasid_enable = false, privileged = false, bof = false;
  bool ats_disabled = false, prs_disabled = false;  ///< for this queue
  std::uint32_t pasid = 0, size = 0, threshold = 0;
  std::uint64_t max_transfer = 0;  ///< [bytes]
  std::uint32_t max_batch = 0;     ///< [descriptors]
  std::uint64_t operations = 0;    ///< OPCAP and OPCFG
  Occupancy occupancy;
  std::uint32_t peak = 0;        ///< largest `unfinished` since the occupancy interrupt was armed
  std::uint32_t unfinished = 0;  ///< accepted work that may still wait in the queue
  std::uint32_t under_way = 0;   ///< deferrable writes without answer
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
  bool granted = false;  ///< by Request Interrupt Handle
};

/// A command written to CMD.
struct Command {
  std::uint8_t code = 0;
  std::uint32_t operand = 0;
  std::uint64_t cycle = 0;
};

}  // namespace siov::check
