// SPDX-License-Identifier: Apache-2.0
// LinkDevice: a device seen beat by beat, as docs/architecture.md 1.1 defines the boundary.
// Implemented by dut::RtlDevice, dut::NetlistDevice and by fakes in tests.
#pragma once

#include <array>
#include <cstdint>

namespace siov::pcie {

/// Payload of one beat of a full-width link [bytes]; the most that any device has.
inline constexpr std::uint32_t kBeatBytes = 64;

/// One beat. data points to LinkDevice::beat_bytes() / 4 little-endian words, valid until the next
/// cycle() call.
struct Beat {
  bool valid = false, sop = false, eop = false, prefix_valid = false;
  std::array<std::uint32_t, 4> header{};  ///< DW0..DW3
  std::uint32_t prefix = 0;
  const std::uint32_t* data = nullptr;
};

/// Cumulative credit limits, modulo 256 (headers) and 4096 (data). Completion fields unused towards
/// the host.
struct CreditLimits {
  std::uint8_t posted_header = 0;
  std::uint16_t posted_data = 0;
  std::uint8_t nonposted_header = 0;
  std::uint16_t nonposted_data = 0;
  std::uint8_t completion_header = 0;
  std::uint16_t completion_data = 0;
};

class LinkDevice {
 public:
  struct Inputs {
    Beat down;                ///< towards the device this cycle
    CreditLimits up_credits;  ///< what the host has granted so far
    bool up_ready = true;
  };
  struct Outputs {
    Beat up;  ///< moved this cycle iff up.valid and the up_ready given in the same call
    CreditLimits down_credits;  ///< what the device has granted so far
  };
  virtual ~LinkDevice() = default;
  /// Payload of one beat, 32 or 64 [bytes]. Whatever stands between a device and its host says what
  /// the device says.
  virtual std::uint32_t beat_bytes() const { return kBeatBytes; }
  /// Holds reset for a few cycles with all inputs driven; afterwards the device is as after
  /// power-on.
  virtual void reset() = 0;
  /// One clock. `up` is what the device drove before the clock edge, together with up_ready of this
  /// call.
  virtual void cycle(const Inputs& in, Outputs& out) = 0;
};

}  // namespace siov::pcie
