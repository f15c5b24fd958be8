// SPDX-License-Identifier: Apache-2.0
// Create and apply delta records. @spec DSA 5.6 (07, 08)
#include <algorithm>

#include "model/delta.hpp"
#include "model/predict_run.hpp"

namespace siov::model {
namespace {

constexpr std::uint8_t kEqual = 0, kDifferent = 1, kOverflow = 2;

/// Appends to the last write if this one continues it.
void add_write(Prediction& p, Iova address, std::span<const std::byte> data, bool optional) {
  if (p.writes.empty() || p.writes.back().address + p.writes.back().data.size() != address)
    p.writes.push_back({address, {}, optional});
  std::vector<std::byte>& last = p.writes.back().data;
  last.insert(last.end(), data.begin(), data.end());
}

}  // namespace

std::uint8_t run_create_delta(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  run.p.reads.push_back({d.destination, d.size});
  std::vector<std::byte> one(d.size);
  std::vector<std::byte> two(d.size);
  const std::size_t good =
      std::min(read_prefix(run.reader, d.source, one), read_prefix(run.reader, d.destination, two));
  Delta delta =
      create_delta(std::span(one).first(good), std::span(two).first(good), d.max_delta_size());
  const bool failed = good < d.size && !delta.overflow;
  const auto size = static_cast<std::uint32_t>(delta.bytes.size());
  if (size != 0) run.p.writes.push_back({d.delta_address(), std::move(delta.bytes), failed});
  if (failed) return abi::kStReadError;
  run.record.result = delta.overflow ? kOverflow : size != 0 ? kDifferent : kEqual;
  run.record.bytes_completed = delta.overflow ? delta.compared : 0;
  run.record.set_delta_size(size);
  const bool expected = (d.expected_mask() >> run.record.result & 1u) != 0;
  if (d.has(abi::kFlagCheckResult) && !expected) return abi::kStSuccessPredicate;
  return abi::kStSuccess;
}

std::uint8_t run_apply_delta(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.delta_size()});
  std::vector<std::byte> bytes(d.delta_size());
  const std::size_t good = read_prefix(run.reader, d.source, bytes);
  const DeltaEntries entries = read_delta(std::span(bytes).first(good), d.size);
  const bool failed = good < bytes.size() && entries.status == 0;
  for (const DeltaEntry& e : entries.good)
    add_write(run.p, d.destination + e.offset, e.bytes, failed);
  if (failed) return abi::kStReadError;
  if (entries.status == 0) return abi::kStSuccess;
  run.record.bytes_completed = static_cast<std::uint32_t>(entries.good.size() * kDeltaEntryBytes);
  return entries.status;
}

}  // namespace siov::model
