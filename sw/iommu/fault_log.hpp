// SPDX-License-Identifier: Apache-2.0
// FaultLog: the fault status block: primary fault records FRCD[0..NFR-1] with overflow and
// first-index bookkeeping, and the errors of the invalidation queue that share its event.
//
//   for (unsigned i = 0; i < log.size(); ++i)
//     if (log.record(i).valid) { report(log.record(i)); log.clear(i); }
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "iommu/fault_reason.hpp"
#include "port/dma_port.hpp"

namespace siov::iommu {

/// What kind of request was refused; the value is {T1,T2}. @spec VT-d FRCD_REG.T1, T2
enum class FaultAccess : std::uint8_t { kWrite = 0, kPageRequest = 1, kRead = 2, kAtomic = 3 };

/// One fault, decoded.
struct FaultRecord {
  bool valid = false;  ///< F
  FaultReason reason = FaultReason::kNone;
  FaultAccess access = FaultAccess::kWrite;
  port::AddressType type = port::AddressType::kUntranslated;
  RequesterId requester;
  std::optional<Pasid> pasid;  ///< PP, PV
  bool privileged = false;     ///< PRIV, only with a PASID
  std::uint64_t info = 0;      ///< FI in place: page address, or interrupt index in bits 63:48
};

/// The 16 bytes of FRCD as two quadwords.
struct RawFaultRecord {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// Errors of queued invalidation; the value is the bit in FSTS. @spec VT-d FSTS_REG
enum class QueueCondition : std::uint8_t {
  kQueueError = 4,  ///< IQE
  kCompletion = 5,  ///< ICE: completion for nothing
  kTimeout = 6      ///< ITE
};

class FaultLog {
 public:
  explicit FaultLog(unsigned records);

  /// Records unless an overflow is pending; sets PFO when the next record is still occupied. @spec
  /// VT-d 7.2.1
  void add(const FaultRecord& fault);

  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(records_.size()); }
  /// @param index < size()  @throws HarnessError
  [[nodiscard]] FaultRecord record(unsigned index) const;
  [[nodiscard]] RawFaultRecord raw(unsigned index) const;
  /// Writes 1 to F of one record.
  void clear(unsigned index);
  /// Clears every F and PFO.
  void clear_all();

  void set_queue_error(QueueCondition condition);
  [[nodiscard]] bool queue_error(QueueCondition condition) const {
    return (queue_errors_ >> static_cast<unsigned>(condition) & 1) != 0;
  }
  /// FSTS. @spec vtd.md 1.6
  [[nodiscard]] std::uint32_t status() const;
  /// Writes FSTS: a one clears PFO, IQE, ICE, ITE.
  void write_status(std::uint32_t value);
  /// Whether any condition of the fault event is there.
  [[nodiscard]] bool any() const { return pending() || overflow_ || queue_errors_ != 0; }

  [[nodiscard]] bool overflow() const { return overflow_; }  ///< FSTS.PFO
  void clear_overflow() { overflow_ = false; }
  [[nodiscard]] bool pending() const;                            ///< FSTS.PPF
  [[nodiscard]] unsigned first_index() const { return first_; }  ///< FSTS.FRI
  /// Next record to be written is record 0 again (TES=0 and IRES=0).
  void reset_index() { next_ = 0; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  /// Called when a condition appears while none was pending: where the fault event starts.
  void set_event_handler(std::function<void()> handler) { on_event_ = std::move(handler); }

 private:
  std::vector<RawFaultRecord> records_;
  unsigned next_ = 0;
  unsigned first_ = 0;
  bool overflow_ = false;
  std::uint32_t queue_errors_ = 0;  ///< at their places in FSTS
  std::uint64_t dropped_ = 0;
  std::function<void()> on_event_;
};

}  // namespace siov::iommu
