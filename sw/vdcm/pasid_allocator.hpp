// SPDX-License-Identifier: Apache-2.0
// PasidAllocator: platform-wide host PASIDs with references; a freed one stays away until its last
// holder lets go.
//
//   Pasid p = pasids.allocate();   // one reference
//   pasids.hold(p);                // hardware now uses it
//   pasids.release(p); pasids.release(p);
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "common/types.hpp"

namespace siov::vdcm {

/// @spec siov.md 3.6, SIOV-H-24, SIOV-P-13
class PasidAllocator {
 public:
  /// @param first lowest PASID given out, at least 1 (0 is RID_PASID)  @param last highest, at most
  /// kMaxPasid
  explicit PasidAllocator(Pasid first = Pasid{0x8001}, Pasid last = Pasid{kMaxPasid});
  /// Never-used numbers first, then the one freed longest ago. @throws HarnessError when none is
  /// left.
  [[nodiscard]] Pasid allocate();
  /// Numbers are given out in a seeded order over the whole range instead of ascending. Before the
  /// first allocate(). @throws HarnessError later
  void scatter(std::uint64_t seed);
  void hold(Pasid pasid);
  void release(Pasid pasid);
  [[nodiscard]] std::size_t in_use() const { return references_.size(); }
  [[nodiscard]] std::uint32_t references(Pasid pasid) const;
  /// Numbers that allocate() can still give out now.
  [[nodiscard]] std::size_t available() const { return last_ + 1 - next_ + freed_.size(); }

 private:
  [[nodiscard]] Pasid scattered(std::uint32_t number) const;

  std::uint32_t first_;
  std::uint32_t next_;
  std::uint32_t last_;
  std::optional<std::uint64_t> scatter_;
  std::deque<Pasid> freed_;
  std::unordered_map<Pasid, std::uint32_t> references_;
};

}  // namespace siov::vdcm
