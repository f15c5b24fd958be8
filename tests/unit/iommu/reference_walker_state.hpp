// SPDX-License-Identifier: Apache-2.0
// What the reference walker has found out about one request so far.
//
//   State s(request);
//   if (!bit(entry, 0)) return s.fault(0x41);
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "reference_walker.hpp"

namespace siov::iommu::reference {

inline constexpr std::uint64_t kPage = ~std::uint64_t{0xFFF};

/// Bits high:low of a quadword.
constexpr std::uint64_t bits(std::uint64_t value, unsigned high, unsigned low) {
  return (value >> low) & (~std::uint64_t{0} >> (63 - (high - low)));
}
constexpr bool bit(std::uint64_t value, unsigned n) { return ((value >> n) & 1) != 0; }

/// One paging entry that the walk went through.
struct Used {
  std::uint64_t address = 0;
  std::uint64_t value = 0;
};

/// A second-stage walk that found a mapping.
struct SecondWalk {
  std::vector<Used> used;  ///< from the root; the leaf is the last
  bool r = true, w = true;
  bool snoop = false;  ///< SNP of the leaf
  unsigned shift = 12;
  std::uint64_t host = 0;
};

/// A first-stage entry and, in nested mode, the second-stage walk that led to it.
struct FirstUsed {
  Used entry;
  SecondWalk through;
  std::uint64_t set = 0;  ///< A, EA, D that it lacks
};

/// Bits to be set once the request is known to succeed.
struct Planned {
  std::uint64_t address = 0;
  std::uint64_t set = 0;
  bool first = false;  ///< first-stage entry
};

struct Walker::State {
  explicit State(const Request& r) : request(r) {}
  bool fault(unsigned code) {
    reason = code;
    return false;
  }

  const Request& request;
  bool wants_write = false;  ///< translation request without NW
  unsigned reason = 0;
  bool fpd = false;  ///< OR of FPD of the entries met
  std::array<std::uint64_t, 4> context{};
  std::array<std::uint64_t, 8> entry{};
  std::uint64_t pasid_table = 0;
  std::uint32_t pasid = 0;
  bool privileged = false;

  // What the PASID entry says.
  bool first = false, second = false;
  unsigned first_levels = 0, second_levels = 0;
  std::uint64_t first_root = 0, second_root = 0;

  // What the walks found.
  std::vector<FirstUsed> first_used;  ///< from the root; the leaf is the last
  bool first_user = true;             ///< U/S = 1 in every level
  bool first_write = true;            ///< R/W = 1 in every level
  std::uint64_t guest = 0;            ///< output of the first stage
  SecondWalk last;                    ///< the last second-stage walk
  std::uint64_t host = 0;
  unsigned shift = 12;
  bool can_read = true, can_write = true;
  std::vector<Planned> plan;
  std::vector<Update> updates;
};

}  // namespace siov::iommu::reference
