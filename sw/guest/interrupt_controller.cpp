// SPDX-License-Identifier: Apache-2.0
// Vectors of one guest.
#include "guest/interrupt_controller.hpp"

#include "common/error.hpp"

namespace siov::guest {

void InterruptController::deliver(const port::Interrupt& interrupt) {
  ++counts_[interrupt.vector];
  ++total_;
  if (handlers_[interrupt.vector]) handlers_[interrupt.vector]();
}

std::uint8_t InterruptController::allocate_vector() {
  if (next_vector_ > 0xFF) throw HarnessError("out of interrupt vectors");
  return static_cast<std::uint8_t>(next_vector_++);
}

}  // namespace siov::guest
