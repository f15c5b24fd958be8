// SPDX-License-Identifier: Apache-2.0
// DeviceTlbTracker: Invalidate Requests on their way: tags of each function, completions counted,
// time limits.
//
//   if (const auto tag = tracker.free_tag(device)) tracker.open(device, *tag, function, deadline);
//   if (!tracker.complete(completion)) report_bogus(completion.device);
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "port/ats_port.hpp"

namespace siov::iommu {

/// @spec VT-d 4.4 (device-TLB invalidation), vtd.md 5.5
class DeviceTlbTracker {
 public:
  static constexpr unsigned kTags = 32;  ///< of each requester id

  /// The lowest tag that the function has no request open with.
  [[nodiscard]] std::optional<std::uint8_t> free_tag(RequesterId device) const;
  /// Requests open for devices of one physical function.
  [[nodiscard]] unsigned pending_of(std::uint16_t physical_function) const;
  /// @return serial number: grows by one with each request
  std::uint64_t open(RequesterId device, std::uint8_t tag, std::uint16_t physical_function,
                     std::uint64_t deadline);
  /// Counts for every named tag; a tag is free when as many have come as the device said (CC).
  /// @return false if a tag was not open for this device, or CC is not what its first completion
  /// said; other tags count nevertheless
  [[nodiscard]] bool complete(const port::InvalidateCompletion& completion);

  struct Expired {
    RequesterId device;
    std::uint64_t serial = 0;
  };
  /// Frees what has reached its deadline, oldest first.
  [[nodiscard]] std::vector<Expired> expire(std::uint64_t now);

  [[nodiscard]] std::uint64_t next_serial() const { return next_serial_; }
  /// Whether a request with first <= serial < end is open.
  [[nodiscard]] bool open_between(std::uint64_t first, std::uint64_t end) const;
  [[nodiscard]] std::size_t open_count() const { return open_.size(); }

 private:
  struct Open {
    RequesterId device;
    std::uint8_t tag = 0;
    std::uint16_t physical_function = 0;
    std::uint64_t serial = 0;
    std::uint64_t deadline = 0;
    unsigned expected = 0;  ///< completions, 0: none has come
    unsigned received = 0;
  };
  std::vector<Open> open_;  ///< by serial
  std::uint64_t next_serial_ = 0;
};

}  // namespace siov::iommu
