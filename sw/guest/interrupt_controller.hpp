// SPDX-License-Identifier: Apache-2.0
// InterruptController: a guest's local interrupt controller: counts messages per vector and wakes
// who waits for one.
//
//   guest::InterruptController interrupts;
//   interrupts.connect(interrupts.allocate_vector(), [&event] { event.set(); });
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "port/interrupt_port.hpp"

namespace siov::guest {

class InterruptController final : public port::InterruptPort {
 public:
  using Handler = std::function<void()>;
  void deliver(const port::Interrupt& interrupt) override;
  /// Runs inside delivery: set an event or start a task, do not wait.
  void connect(std::uint8_t vector, Handler handler) { handlers_[vector] = std::move(handler); }
  /// A vector nobody uses yet, from 0x20 up. @throws HarnessError when all are given
  [[nodiscard]] std::uint8_t allocate_vector();
  [[nodiscard]] std::uint64_t count(std::uint8_t vector) const { return counts_[vector]; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  std::array<Handler, 256> handlers_;
  std::array<std::uint64_t, 256> counts_{};
  std::uint64_t total_ = 0;
  std::uint16_t next_vector_ = 0x20;
};

}  // namespace siov::guest
