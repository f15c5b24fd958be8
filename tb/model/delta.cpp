// SPDX-License-Identifier: Apache-2.0
// Delta records. @spec DSA 5.6 (07, 08)
#include "model/delta.hpp"

#include <algorithm>
#include <cstring>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"

namespace siov::model {

Delta create_delta(std::span<const std::byte> one, std::span<const std::byte> two,
                   std::uint32_t max_size) {
  Delta delta;
  const auto words = static_cast<std::uint32_t>(std::min(one.size(), two.size()) / kDeltaWordBytes);
  for (std::uint32_t word = 0; word < words; ++word) {
    const std::size_t at = std::size_t{word} * kDeltaWordBytes;
    delta.compared = static_cast<std::uint32_t>(at);
    if (std::memcmp(&one[at], &two[at], kDeltaWordBytes) == 0) continue;
    const std::size_t used = delta.bytes.size();
    if (used + kDeltaEntryBytes > max_size) {
      delta.overflow = true;
      return delta;
    }
    delta.bytes.resize(used + kDeltaEntryBytes);
    abi::store_le(std::span(delta.bytes).subspan(used), word, 2);
    std::copy_n(two.begin() + static_cast<std::ptrdiff_t>(at), kDeltaWordBytes,
                delta.bytes.begin() + static_cast<std::ptrdiff_t>(used + 2));
  }
  delta.compared = words * kDeltaWordBytes;
  return delta;
}

DeltaEntries read_delta(std::span<const std::byte> record, std::uint32_t size) {
  DeltaEntries entries;
  std::int64_t last = -1;
  for (; record.size() >= kDeltaEntryBytes; record = record.subspan(kDeltaEntryBytes)) {
    const auto word = static_cast<std::int64_t>(abi::load_le(record, 2));
    if (word <= last) entries.status = abi::kStDeltaNotIncreasing;
    if (word * kDeltaWordBytes >= size) entries.status = abi::kStDeltaOutOfRange;
    if (entries.status != 0) break;
    last = word;
    DeltaEntry& entry = entries.good.emplace_back();
    entry.offset = static_cast<std::uint32_t>(word * kDeltaWordBytes);
    std::copy_n(record.begin() + 2, kDeltaWordBytes, entry.bytes.begin());
  }
  return entries;
}

}  // namespace siov::model
