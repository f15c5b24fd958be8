// SPDX-License-Identifier: Apache-2.0
// EventLog: EVLCFG, EVLSTATUS and the ring of entries in host memory.
//
//   if (log.full()) return;            // the device waits for room
//   log.append(error);
//   if (log.take_interrupt()) ...      // the entry is on its way, the interrupt may follow
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/types.hpp"
#include "model/dma_master.hpp"

namespace siov::model {

/// What SWERROR or an event log entry records. @spec DSA 2.7, 2.11
struct SoftwareError {
  std::uint8_t code = 0;
  bool desc_valid = false;
  bool wq_valid = false;
  bool member = false;  ///< of a batch
  bool write = false;   ///< the faulting access was a write
  bool privileged = false;
  std::uint8_t wq = 0;
  std::uint8_t batch = 0;  ///< identifies the batch of a member
  std::uint8_t opcode = 0;
  Pasid pasid;
  std::uint16_t member_index = 0;
  std::optional<std::uint32_t> info;  ///< error information
  Iova address;
  std::optional<std::array<std::byte, 32>> record;  ///< completion record inside a log entry

  /// Bits 63:2 of the first quadword, without what is special to SWERROR or to a log entry.
  std::uint64_t head_bits() const;
};

class EventLog {
 public:
  explicit EventLog(DmaMaster& master) : master_(master) {}

  /// Registers by 8-byte words. @param offset  kRegEvlcfg, kRegEvlcfg + 8 or kRegEvlstatus
  std::uint64_t read(std::uint32_t offset) const;
  /// @param mask  bits of the enabled bytes  @param locked  the device is not Disabled
  void write(std::uint32_t offset, std::uint64_t value, std::uint64_t mask, bool locked);

  /// Whether Enable Device accepts the configuration. @spec DSA 3.3 (19)
  bool config_good(bool pasid_enabled) const;
  /// A successful Enable Device with the log on: EVLSTATUS is 0.
  void start() { head_ = tail_ = 0, pending_ = false; }
  /// No room for an entry.
  bool full() const { return (tail_ + 1) % size() == head_; }
  /// Writes one entry. Must not be full.
  void append(const SoftwareError& error);
  /// The interrupt of an entry, unless one is pending already. @return whether it is to be sent
  bool take_interrupt();

  /// Reset Device: EVLSTATUS stays. @spec DSA 3.2
  void reset_device() { config_ = {}; }
  void reset_function();

 private:
  std::uint32_t size() const { return static_cast<std::uint32_t>(config_[1] & 0xFFFFu); }

  DmaMaster& master_;
  std::array<std::uint64_t, 2> config_{};
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  bool pending_ = false;
};

}  // namespace siov::model
