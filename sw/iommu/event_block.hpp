// SPDX-License-Identifier: Apache-2.0
// EventBlock: control, data and address registers of one of the unit's event interrupts (fault,
// invalidation, page request), and the rule when the message goes out.
//
//   EventBlock event(port, unit);
//   if (nothing_was_pending) event.raise();
//   if (nothing_is_pending_any_more) event.serviced();
#pragma once

#include <cstdint>

#include "common/types.hpp"
#include "port/interrupt_port.hpp"

namespace siov::iommu {

/// @spec VT-d 7.3 (event generation), vtd.md 1.6
class EventBlock {
 public:
  /// @param unit requester id that the messages carry
  EventBlock(port::InterruptPort& port, RequesterId unit) : port_(port), unit_(unit) {}

  /// A condition appeared while none of the block was pending: IP is set, and unless masked the
  /// message goes out and IP is cleared.
  void raise();
  /// Software has taken care of all conditions: a message that still waits is not sent.
  void serviced() { pending_ = false; }

  /// @param index 0 control (IM 31, IP 30), 1 data, 2 address, 3 upper address
  [[nodiscard]] std::uint32_t read(unsigned index) const;
  void write(unsigned index, std::uint32_t value);

 private:
  void send();

  port::InterruptPort& port_;
  RequesterId unit_;
  bool masked_ = true;
  bool pending_ = false;
  std::uint32_t data_ = 0;
  std::uint32_t address_ = 0;
  std::uint32_t upper_ = 0;
};

}  // namespace siov::iommu
