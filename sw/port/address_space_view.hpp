// SPDX-License-Identifier: Apache-2.0
// AddressSpaceView: side-effect-free look into an address space by PASID, for checkers. No faults
// recorded, no A/D bits set.
#pragma once

#include <cstddef>
#include <span>

#include "common/types.hpp"

namespace siov::port {

class AddressSpaceView {
 public:
  virtual ~AddressSpaceView() = default;
  /// Copies memory as the PASID sees it. @return false if any byte is not mapped for reading.
  [[nodiscard]] virtual bool peek(Pasid pasid, Iova address, std::span<std::byte> out) const = 0;
  /// Whether the PASID may write all bytes of the range.
  [[nodiscard]] virtual bool writable(Pasid pasid, Iova address, std::uint64_t bytes) const = 0;
};

}  // namespace siov::port
