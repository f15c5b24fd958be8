// SPDX-License-Identifier: Apache-2.0
// Compare and compare with pattern. @spec DSA 5.6 (05, 06)
#include <algorithm>

#include "model/predict_run.hpp"

namespace siov::model {
namespace {

/// @param good  bytes of both that were read
std::uint8_t judge(const Run& run, std::span<const std::byte> one, std::span<const std::byte> two,
                   std::size_t good) {
  const auto end = one.begin() + static_cast<std::ptrdiff_t>(good);
  const auto at = std::mismatch(one.begin(), end, two.begin()).first;
  if (at == end && good < run.d.size) return abi::kStReadError;
  const bool different = at != end;
  if (different) {
    run.record.result = 1;
    run.record.bytes_completed = static_cast<std::uint32_t>(at - one.begin());
  }
  const bool expected = (run.d.expected_result() & 1u) != 0;
  if (run.d.has(abi::kFlagCheckResult) && different != expected) return abi::kStSuccessPredicate;
  return abi::kStSuccess;
}

}  // namespace

std::uint8_t run_compare(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  run.p.reads.push_back({d.destination, d.size});
  std::vector<std::byte> one(d.size);
  std::vector<std::byte> two(d.size);
  const std::size_t good =
      std::min(read_prefix(run.reader, d.source, one), read_prefix(run.reader, d.destination, two));
  return judge(run, one, two, good);
}

/// bytes completed is the exact offset of the first difference; a device may give any smaller one.
std::uint8_t run_compare_pattern(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  std::vector<std::byte> one(d.size);
  std::vector<std::byte> two(d.size);
  for (std::size_t i = 0; i < two.size(); ++i)
    two[i] = static_cast<std::byte>(d.compare_pattern() >> (8 * (i % 8)));
  return judge(run, one, two, read_prefix(run.reader, d.source, one));
}

}  // namespace siov::model
