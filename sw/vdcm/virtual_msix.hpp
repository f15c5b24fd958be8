// SPDX-License-Identifier: Apache-2.0
// VirtualMsix: MSI-X table and pending bits of a VDEV. Emulated in full; what the guest writes here
// stays here.
//
//   VirtualMsix msix(guest_interrupts);
//   msix.raise(1);                    // delivers, or sets the pending bit while masked
#pragma once

#include <array>
#include <cstdint>

#include "port/interrupt_port.hpp"

namespace siov::vdcm {

/// Two vectors: 0 emulated (errors, commands), 1 in front of an IMS entry.
/// @spec siov.md 3.3 (MSI-X table / PBA), SIOV-H-23, SIOV-H-25, SIOV-H-27
class VirtualMsix {
 public:
  static constexpr std::uint32_t kVectors = 2;

  void set_sink(port::InterruptPort* sink) { sink_ = sink; }
  /// Follows the MSI-X control word; unmasking delivers what is pending. Disabled: nothing is
  /// delivered, nothing becomes pending.
  void set_control(bool enabled, bool function_masked);
  void raise(std::uint32_t vector);
  /// @param offset byte offset in the table, 0..31  @param size 4 or 8
  [[nodiscard]] std::uint64_t read_table(std::uint32_t offset, std::uint32_t size) const;
  void write_table(std::uint32_t offset, std::uint32_t size, std::uint64_t value);
  [[nodiscard]] std::uint64_t pending() const { return pending_; }
  void clear_pending() { pending_ = 0; }
  /// Power-on: entries masked, message 0, nothing pending, disabled.
  void reset();
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

 private:
  struct Entry {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::uint32_t control = 1;
  };
  void try_deliver(std::uint32_t vector);

  port::InterruptPort* sink_ = nullptr;
  std::array<Entry, kVectors> entries_{};
  std::uint64_t pending_ = 0;
  std::uint64_t delivered_ = 0;
  bool enabled_ = false;
  bool function_masked_ = false;
};

}  // namespace siov::vdcm
