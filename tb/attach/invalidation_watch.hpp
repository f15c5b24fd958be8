// SPDX-License-Identifier: Apache-2.0
// InvalidationWatch: reads what a guest puts into the invalidation queue of its own remapping unit,
// which somebody else carries out, without taking anything from it.
//
//   InvalidationWatch watch;
//   const auto seen = watch.look(memory_of_the_guest, registers);   // new since the last look
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/types.hpp"
#include "vdcm/vtd_descriptors.hpp"

namespace siov::attach {

/// Registers of a guest's remapping unit. @spec vtd.md 1
struct UnitRegisters {
  std::uint32_t status = 0;   ///< GSTS
  std::uint64_t root = 0;     ///< RTADDR
  std::uint64_t iq_tail = 0;  ///< IQT
  std::uint64_t iq_base = 0;  ///< IQA
  bool operator==(const UnitRegisters&) const = default;
};

/// Reads guest-physical bytes; false if they are not there.
using GuestReader = std::function<bool(Gpa, std::span<std::byte>)>;

struct Invalidations {
  std::vector<vdcm::vtd::Descriptor>
      descriptors;  ///< in order; waits and no-operations are left out
  /// More than the ring holds may have gone by: everything that is cached is to be dropped.
  bool lost = false;
};

class InvalidationWatch {
 public:
  /// What has been queued since the last look. The first look, one at another ring, and one at a
  /// ring that is not in memory find nothing and say lost.
  [[nodiscard]] Invalidations look(const GuestReader& memory, const UnitRegisters& registers);
  void reset() { base_.reset(); }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  [[nodiscard]] std::uint64_t times_lost() const { return times_lost_; }

 private:
  std::optional<std::uint64_t> base_;  ///< IQA as last seen; nothing: not looked yet
  std::size_t next_ = 0;               ///< first byte not seen
  std::vector<std::byte> ring_;
  std::uint64_t seen_ = 0;
  std::uint64_t times_lost_ = 0;
};

}  // namespace siov::attach
