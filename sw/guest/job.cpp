// SPDX-License-Identifier: Apache-2.0
// Placing and judging one job.
#include "guest/job.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace siov::guest {

namespace {

std::string difference(const Region& region, std::span<const std::byte> expected,
                       std::span<const std::byte> got) {
  const auto where = std::mismatch(expected.begin(), expected.end(), got.begin());
  const auto offset = static_cast<std::uint64_t>(where.first - expected.begin());
  return fmt::format("{}: byte at {:#x} (offset {} of {}) is {:#04x}, expected {:#04x}",
                     region.what, region.at.value + offset, offset, expected.size(),
                     std::to_integer<unsigned>(*where.second),
                     std::to_integer<unsigned>(*where.first));
}

}  // namespace

void Job::place(AddressSpace& space) const {
  for (const Region& region : regions) {
    if (!region.kept) space.write(region.at, region.before);
  }
}

std::vector<std::string> Job::faults_of_memory(const AddressSpace& space, bool started) const {
  std::vector<std::string> faults;
  for (const Region& region : regions) {
    if (region.kept && !started) continue;  // the job that was to write it may not have run either
    const bool changes = started && !region.after.empty();
    const std::vector<std::byte>& expected = changes ? region.after : region.before;
    if (space.equal(region.at, expected)) continue;
    std::vector<std::byte> got(expected.size());
    space.read(region.at, got);
    if (changes && region.open_bytes != 0) {
      const auto from = expected.begin() + static_cast<std::ptrdiff_t>(region.open_offset);
      std::copy_n(from, region.open_bytes,
                  got.begin() + static_cast<std::ptrdiff_t>(region.open_offset));
      if (std::equal(got.begin(), got.end(), expected.begin())) continue;
    }
    faults.push_back(difference(region, expected, got));
  }
  return faults;
}

std::string Job::fault_of_record(const abi::CompletionRecord& record) const {
  if (record.status != expected.status)
    return fmt::format("record status {:#04x}, expected {:#04x}", record.status, expected.status);
  if (record.result != expected.result)
    return fmt::format("record result {}, expected {}", record.result, expected.result);
  const bool count_fits = at_most ? record.bytes_completed <= expected.bytes_completed
                                  : record.bytes_completed == expected.bytes_completed;
  if (!count_fits)
    return fmt::format("record bytes completed {}, expected {}", record.bytes_completed,
                       expected.bytes_completed);
  if (!any_details && record.op_specific != expected.op_specific)
    return fmt::format("record bytes 16-31 {:016x} {:016x}, expected {:016x} {:016x}",
                       abi::load_le(record.op_specific, 8),
                       abi::load_le(std::span(record.op_specific).subspan(8), 8),
                       abi::load_le(expected.op_specific, 8),
                       abi::load_le(std::span(expected.op_specific).subspan(8), 8));
  return {};
}

void Job::refuse(std::uint8_t status, std::string why) {
  fault = std::move(why);
  expected = abi::CompletionRecord{};
  expected.status = status;
  ending = Ending::kRecord;
  any_details = at_most = false;
  for (Region& region : regions) region.after.clear();
  product.reset();
}

}  // namespace siov::guest
