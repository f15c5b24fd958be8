// SPDX-License-Identifier: Apache-2.0
// TimedDevice: a device that says how much real time it has taken.
#pragma once

#include <chrono>

#include "pcie/link.hpp"

namespace siov::attach {

class TimedDevice final : public pcie::LinkDevice {
 public:
  explicit TimedDevice(pcie::LinkDevice& inner) : inner_(inner) {}
  [[nodiscard]] std::uint32_t beat_bytes() const override { return inner_.beat_bytes(); }
  void reset() override { inner_.reset(); }
  void cycle(const Inputs& in, Outputs& out) override {
    const auto from = std::chrono::steady_clock::now();
    inner_.cycle(in, out);
    spent_ += std::chrono::steady_clock::now() - from;
  }
  [[nodiscard]] std::chrono::steady_clock::duration spent() const { return spent_; }

 private:
  pcie::LinkDevice& inner_;
  std::chrono::steady_clock::duration spent_{};
};

}  // namespace siov::attach
