// SPDX-License-Identifier: Apache-2.0
// VirtualMsix: MSI-X table and pending bits of a VDEV. Emulated in full; what the guest writes here
// stays here.
//
//   VirtualMsix msix(2);
//   msix.raise(1);                    // delivers, or sets the pending bit while masked
#pragma once

#include <cstdint>
#include <vector>

#include "port/interrupt_port.hpp"

namespace siov::vdcm {

/// Vector 0 is emulated (errors, commands), the others are in front of IMS entries. An interrupt of
/// an IMS entry meets the virtual masks here, so a masked vector pends and is sent once.
/// @spec siov.md 3.3 (MSI-X table / PBA), SIOV-H-23, SIOV-H-25, SIOV-H-27
class VirtualMsix {
 public:
  struct Entry {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::uint32_t control = 1;  ///< bit 0: masked
    bool operator==(const Entry&) const = default;
  };

  /// @param vectors 1..64
  explicit VirtualMsix(std::uint32_t vectors = 2) : entries_(vectors) {}

  void set_sink(port::InterruptPort* sink) { sink_ = sink; }
  /// Follows the MSI-X control word; unmasking delivers what is pending. Disabled: nothing is
  /// delivered, nothing becomes pending.
  void set_control(bool enabled, bool function_masked);
  void raise(std::uint32_t vector);
  /// @param offset byte offset in the table  @param size 1, 2, 4 or 8, inside one half of an entry
  [[nodiscard]] std::uint64_t read_table(std::uint32_t offset, std::uint32_t size) const;
  /// @param size 4 or 8; others have no effect
  void write_table(std::uint32_t offset, std::uint32_t size, std::uint64_t value);
  [[nodiscard]] std::uint64_t pending() const { return pending_; }
  void clear_pending() { pending_ = 0; }
  /// Power-on: entries masked, message 0, nothing pending, disabled.
  void reset();
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  [[nodiscard]] std::uint32_t vectors() const {
    return static_cast<std::uint32_t>(entries_.size());
  }
  /// All there is to save, beside the control word. Masked vectors keep what pends.
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  /// @return false if the number of vectors does not fit
  bool restore(const std::vector<Entry>& entries, std::uint64_t pending);

 private:
  void try_deliver(std::uint32_t vector);

  port::InterruptPort* sink_ = nullptr;
  std::vector<Entry> entries_;
  std::uint64_t pending_ = 0;
  std::uint64_t delivered_ = 0;
  bool enabled_ = false;
  bool function_masked_ = false;
};

}  // namespace siov::vdcm
