// SPDX-License-Identifier: Apache-2.0
// DemandSpace: an address space whose pages may be absent from its tables while their contents
// exist, as the page fault service and the checkers see it.
//
//   if (!space.bring_in(page, now)) answer(kInvalid);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/types.hpp"

namespace siov::vdcm {

class DemandSpace {
 public:
  virtual ~DemandSpace() = default;
  /// Puts the page of an address into the tables, if it is not there. Not present to present needs
  /// no invalidation (VT-d 6.5.3.3; caching mode 0).
  /// @param now  simulated time [ps]  @return false if the space has no memory there
  virtual bool bring_in(Iova address, std::uint64_t now) = 0;
  /// Copies contents, present or absent. @return false if any byte is outside the space
  [[nodiscard]] virtual bool contents(Iova address, std::span<std::byte> out) const = 0;
  /// Whether all bytes belong to the space.
  [[nodiscard]] virtual bool holds(Iova address, std::uint64_t bytes) const = 0;
};

}  // namespace siov::vdcm
