// SPDX-License-Identifier: Apache-2.0
// TlpDriver: TLP -> beats, 32 or 64 bytes a cycle. The TLP must stay where it is until its last
// beat.
//
//   driver.start(tlp);
//   while (driver.busy()) { driver.drive(inputs.down); device.cycle(inputs, outputs); }
#pragma once

#include <array>
#include <cstdint>

#include "pcie/link.hpp"
#include "pcie/tlp.hpp"

namespace siov::pcie {

class TlpDriver {
 public:
  explicit TlpDriver(std::uint32_t beat_bytes = kBeatBytes) : beat_bytes_(beat_bytes) {}
  /// @throws HarnessError if a TLP is under way or its payload is not whole DWs up to kMaxPayload
  void start(const Tlp& tlp);
  bool busy() const { return tlp_ != nullptr; }
  /// Puts the next beat on the link. @return the TLP if this was its last beat, else nullptr
  const Tlp* drive(Beat& out);
  void reset() { tlp_ = nullptr; }

 private:
  std::uint32_t beat_bytes_;
  const Tlp* tlp_ = nullptr;
  std::uint32_t offset_ = 0;
  alignas(64) std::array<std::uint32_t, 16> words_{};
};

}  // namespace siov::pcie
