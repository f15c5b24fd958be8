// SPDX-License-Identifier: Apache-2.0
// InterruptPort: where interrupts go after remapping. The platform model implements it and routes
// to host or guest handlers.
#pragma once

#include <cstdint>

#include "common/types.hpp"

namespace siov::port {

/// An interrupt that passed remapping.
struct Interrupt {
  RequesterId requester;
  std::uint32_t destination = 0;  ///< APIC id
  std::uint8_t vector = 0;
  bool remapped = false;         ///< came through an IRTE
  std::uint16_t irte_index = 0;  ///< valid when remapped
};

class InterruptPort {
 public:
  virtual ~InterruptPort() = default;
  virtual void deliver(const Interrupt& interrupt) = 0;
};

}  // namespace siov::port
