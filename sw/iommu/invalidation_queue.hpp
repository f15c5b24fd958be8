// SPDX-License-Identifier: Apache-2.0
// InvalidationQueue: the ring of descriptors in memory, executed as soon as software moves the
// tail.
//
//   queue.write_address(ring.value | 1u << 11);
//   queue.enable(true);
//   queue.write_tail(32);                        // the first descriptor is executed here
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/device_tlb_tracker.hpp"
#include "iommu/event_block.hpp"
#include "iommu/fault_log.hpp"
#include "iommu/interrupt_remap.hpp"
#include "iommu/queue_descriptor.hpp"
#include "iommu/statistics.hpp"
#include "iommu/translation_caches.hpp"
#include "memory/physical_memory.hpp"
#include "port/ats_port.hpp"

namespace siov::iommu {

/// Descriptors are executed in queue order, so each finds done what it has to wait for, except
/// device-TLB invalidations: these end when the device has answered, and hold up only the waits
/// that cover them. @spec VT-d 6.5.2, vtd.md 5
class InvalidationQueue {
 public:
  InvalidationQueue(memory::PhysicalMemory& memory, port::InterruptPort& interrupts,
                    const IommuConfig& config, TranslationCaches& caches,
                    InterruptRemapper& remapper, FaultLog& faults, Statistics& statistics);

  /// Where Invalidate Requests and PRG Responses go; nullptr: they are lost.
  void set_device_port(port::AtsDevicePort* device) { device_ = device; }
  /// The latched TTM decides what descriptors are legal.
  void set_mode(TranslationTableMode mode) { mode_ = mode; }

  /// QIE. Turning it off returns the head to 0 and drops waits.
  void enable(bool enable);
  [[nodiscard]] bool enabled() const { return enabled_; }

  [[nodiscard]] std::uint64_t head() const { return head_; }        ///< IQH
  [[nodiscard]] std::uint64_t tail() const { return tail_; }        ///< IQT
  [[nodiscard]] std::uint64_t address() const { return address_; }  ///< IQA
  [[nodiscard]] std::uint64_t error_record() const;                 ///< IQERCD
  void write_tail(std::uint64_t value);
  /// Ignored while the queue is enabled.
  void write_address(std::uint64_t value);

  [[nodiscard]] bool wait_done() const { return wait_done_; }  ///< ICS.IWC
  void clear_wait_done();
  [[nodiscard]] EventBlock& event() { return event_; }

  /// Software has cleared IQE or ITE.
  void errors_cleared();
  void complete(const port::InvalidateCompletion& completion);
  /// Ends Invalidate Requests that the device has not answered in time.
  void advance(std::uint64_t now);
  [[nodiscard]] std::size_t open_count() const { return tracker_.open_count(); }

 private:
  /// A wait whose device-TLB invalidations are open; they have first <= serial < end.
  struct PendingWait {
    QueueDescriptor descriptor;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };

  [[nodiscard]] unsigned width() const { return (address_ >> 11 & 1) != 0 ? 32 : 16; }
  [[nodiscard]] std::uint64_t ring_bytes() const { return std::uint64_t{4096} << (address_ & 7); }
  void run();
  /// Fetches and executes one descriptor. @return false if there is none to execute now
  [[nodiscard]] bool step();
  [[nodiscard]] bool stopped() const;
  void fail(QueueError error);
  /// @return false if it has to wait for a tag
  [[nodiscard]] bool execute(const QueueDescriptor& descriptor);
  void invalidate(const QueueDescriptor& descriptor);
  void invalidate_device(const QueueDescriptor& descriptor);
  void respond(const QueueDescriptor& descriptor);
  void wait(const QueueDescriptor& descriptor);
  void finish_wait(const QueueDescriptor& descriptor);
  void finish_waits();

  memory::PhysicalMemory& memory_;
  IommuConfig config_;
  TranslationCaches& caches_;
  InterruptRemapper& remapper_;
  FaultLog& faults_;
  Statistics& statistics_;
  EventBlock event_;
  DeviceTlbTracker tracker_;
  port::AtsDevicePort* device_ = nullptr;
  TranslationTableMode mode_ = TranslationTableMode::kLegacy;
  bool enabled_ = false;
  bool running_ = false;
  bool wait_done_ = false;
  bool lost_ = false;  ///< an invalidation of the next wait has run out of time
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t address_ = 0;
  QueueError error_ = QueueError::kNone;
  RequesterId timed_out_;
  RequesterId bogus_;
  std::vector<PendingWait> waits_;
  std::uint64_t wait_from_ = 0;  ///< serial where the coverage of the next wait starts
  std::uint64_t now_ = 0;
};

}  // namespace siov::iommu
