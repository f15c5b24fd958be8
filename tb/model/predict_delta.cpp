// SPDX-License-Identifier: Apache-2.0
// Create and apply delta records. @spec DSA 5.6 (07, 08)
#include <algorithm>

#include "abi/little_endian.hpp"
#include "model/delta.hpp"
#include "model/predict_run.hpp"

namespace siov::model {
namespace {

constexpr std::uint8_t kEqual = 0, kDifferent = 1, kOverflow = 2;

/// Appends to the last write if this one continues it.
void add_write(Prediction& p, Iova address, std::span<const std::byte> data, bool optional) {
  if (data.empty()) return;
  const bool continues = !p.writes.empty() && p.writes.back().optional == optional &&
                         p.writes.back().address + p.writes.back().data.size() == address;
  if (!continues) p.writes.push_back({address, {}, optional});
  std::vector<std::byte>& last = p.writes.back().data;
  last.insert(last.end(), data.begin(), data.end());
}

/// Offset of the word of entry n. @param record  whole entries
std::size_t word_offset(std::span<const std::byte> record, std::size_t n) {
  return abi::load_le(record.subspan(n * kDeltaEntryBytes), 2) * kDeltaWordBytes;
}

/// The record as far as the work goes, and the result if that is all. @param end  of the sources
std::uint8_t fault_in_create(const Run& run, std::span<const std::byte> record, Reach end) {
  const Iova at = run.d.delta_address();
  Run whole = run;
  whole.most = ~std::uint32_t{0};  // progress counts source bytes, not those of the record
  const Reach out = reach_up(whole, Operand::kDestination1, at, record.size());
  std::size_t done = end.bytes;
  if (out.status != 0) {
    end = out;
    done = word_offset(record, out.bytes / kDeltaEntryBytes);
  }
  done = done_at(run, done, kDeltaWordBytes);
  std::size_t entries = 0;
  while (entries * kDeltaEntryBytes < record.size() && word_offset(record, entries) < done)
    ++entries;
  const std::size_t sure = entries * kDeltaEntryBytes;
  add_upward(run, at, record.first(out.bytes), end, sure);
  if (tells_progress(end)) {
    run.record.result = entries != 0 ? kDifferent : kEqual;
    run.record.set_delta_size(static_cast<std::uint32_t>(sure));
  }
  return end_at(run, end, done);
}

}  // namespace

std::uint8_t run_create_delta(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  run.p.reads.push_back({d.destination, d.size});
  std::vector<std::byte> one(d.size);
  std::vector<std::byte> two(d.size);
  const Reach first = read_up(run, Operand::kSource1, d.source, one);
  const Reach second =
      read_up(run, Operand::kSource2, d.destination, std::span(two).first(first.bytes));
  const Reach end = first_end(first, second);
  const Delta delta = create_delta(std::span(one).first(end.bytes), std::span(two).first(end.bytes),
                                   d.max_delta_size());
  const auto size = static_cast<std::uint32_t>(delta.bytes.size());
  const Reach out = reach_up(run, Operand::kDestination1, d.delta_address(), size);
  if (out.status != 0 || (end.status != 0 && !delta.overflow))
    return fault_in_create(run, delta.bytes, end);
  add_write(run.p, d.delta_address(), delta.bytes, false);
  run.record.result = delta.overflow ? kOverflow : size != 0 ? kDifferent : kEqual;
  run.record.bytes_completed = delta.overflow ? delta.compared : 0;
  run.record.set_delta_size(size);
  const bool expected = (d.expected_mask() >> run.record.result & 1u) != 0;
  if (d.has(abi::kFlagCheckResult) && !expected) return abi::kStSuccessPredicate;
  return abi::kStSuccess;
}

namespace {

/// Entries from the first on, as far as the pages of the destination go. @return what ends them, in
/// bytes of the record
Reach reach_entries(const Run& run, const DeltaEntries& entries, const Reach& record) {
  Reach end = record;
  if (entries.status != 0 || end.status == 0) end = {};
  end.bytes = entries.good.size() * kDeltaEntryBytes;
  for (std::size_t i = 0; i < entries.good.size(); ++i) {
    const Iova at = run.d.destination + entries.good[i].offset;
    Reach out = reach_piece(run, at, kDeltaWordBytes, (i + 1) * kDeltaEntryBytes);
    if (out.status == 0) continue;
    out.bytes = i * kDeltaEntryBytes;
    return out;
  }
  return end;
}

}  // namespace

std::uint8_t run_apply_delta(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.delta_size()});
  std::vector<std::byte> bytes(d.delta_size());
  const Reach record = read_up(run, Operand::kSource1, d.source, bytes);
  const DeltaEntries entries = read_delta(std::span(bytes).first(record.bytes), d.size);
  const Reach end = reach_entries(run, entries, record);
  const std::size_t done = done_at(run, end.bytes, kDeltaEntryBytes);
  const std::size_t sure = end.status == 0 ? end.bytes : tells_progress(end) ? done : 0;
  for (std::size_t i = 0; i < end.bytes / kDeltaEntryBytes; ++i) {
    const DeltaEntry& e = entries.good[i];
    add_write(run.p, d.destination + e.offset, e.bytes, i * kDeltaEntryBytes >= sure);
  }
  if (end.status != 0) return end_at(run, end, done);
  if (entries.status == 0) return abi::kStSuccess;
  run.record.bytes_completed = static_cast<std::uint32_t>(end.bytes);
  return entries.status;
}

}  // namespace siov::model
