// SPDX-License-Identifier: Apache-2.0
// Compare and compare with pattern. @spec DSA 5.6 (05, 06)
#include <algorithm>

#include "model/predict_run.hpp"

namespace siov::model {
namespace {

/// @param end  of both
std::uint8_t judge(const Run& run, std::span<const std::byte> one, std::span<const std::byte> two,
                   const Reach& end) {
  const auto last = one.begin() + static_cast<std::ptrdiff_t>(end.bytes);
  const auto at = std::mismatch(one.begin(), last, two.begin()).first;
  if (at == last && end.status != 0) return end_at(run, end, done_at(run, end.bytes));
  const bool different = at != last;
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
  const Reach first = read_up(run, Operand::kSource1, d.source, one);
  const Reach second =
      read_up(run, Operand::kSource2, d.destination, std::span(two).first(first.bytes));
  return judge(run, one, two, first_end(first, second));
}

/// bytes completed is the exact offset of the first difference; a device may give any smaller one.
std::uint8_t run_compare_pattern(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  std::vector<std::byte> one(d.size);
  std::vector<std::byte> two(d.size);
  for (std::size_t i = 0; i < two.size(); ++i)
    two[i] = static_cast<std::byte>(d.compare_pattern() >> (8 * (i % 8)));
  return judge(run, one, two, read_up(run, Operand::kSource1, d.source, one));
}

}  // namespace siov::model
