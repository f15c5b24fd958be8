// SPDX-License-Identifier: Apache-2.0
// Limits: the arithmetic that says how fast a workload can possibly be in the default device, and
// what stops it from being faster. Nothing here is measured but the round trips it is given.
//
//   const system::Limit limit = system::limit_of(config, trips);
//   fmt::print("{:.1f} bytes a cycle, bound by {}", limit.bytes_per_cycle, limit.bound);
#pragma once

#include <cstdint>

#include "system/lean_system.hpp"

namespace siov::system {

/// What the default device has. docs/performance.md prints these numbers.
inline constexpr std::uint32_t kDataTags = 55;      ///< of an engine, for data reads
inline constexpr std::uint32_t kReadBuffers = 96;   ///< of 8 lines, shared by the engines
inline constexpr std::uint32_t kDescriptorGap = 5;  ///< cycles an engine needs for a descriptor

/// Cycles from the portal write of a descriptor to its record in software's eyes that are not host
/// latency; measured with one 64-byte move at a time.
struct RoundTrips {
  double single = 0;
  double batch = 0;  ///< batch of two; its list read and its data read both wait for the host
};

/// Beats that one descriptor or batch needs in each direction.
struct LinkLoad {
  double up = 0, down = 0;
};
[[nodiscard]] LinkLoad link_load(const LeanConfig& config);

struct Limit {
  double bytes_per_cycle = 0;
  const char* bound = "";  ///< "link", "queue entries", "read buffers", "tags", "engines"
};
/// The smallest of all limits. Bytes are those of LeanConfig::bytes.
[[nodiscard]] Limit limit_of(const LeanConfig& config, const RoundTrips& trips);

}  // namespace siov::system
