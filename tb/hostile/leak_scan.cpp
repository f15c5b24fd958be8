// SPDX-License-Identifier: Apache-2.0
// Search for secrets.
#include "hostile/leak_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

namespace siov::hostile {

namespace {

constexpr std::size_t kDifferentBytes = 6;  ///< of eight, in data that belongs to somebody
constexpr std::size_t kKeptLeaks = 16;
constexpr std::uint64_t kBloom = (1U << 20) - 1;

bool distinctive(std::uint64_t word) {
  std::array<bool, 256> seen{};
  std::size_t different = 0;
  for (unsigned i = 0; i < 8; ++i) {
    bool& known = seen[word >> 8 * i & 0xFF];
    different += known ? 0 : 1;
    known = true;
  }
  return different >= kDifferentBytes;
}

std::uint64_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t word = 0;
  for (unsigned i = 0; i < 8; ++i) word |= std::to_integer<std::uint64_t>(bytes[at + i]) << 8 * i;
  return word;
}

void report(std::vector<std::string>& leaks, std::string text) {
  if (leaks.size() < kKeptLeaks && std::ranges::count(leaks, text) == 0)
    leaks.push_back(std::move(text));
}

}  // namespace

std::uint16_t LeakScan::number_of(const std::string& owner) {
  const auto found = std::ranges::find(owners_, owner);
  if (found != owners_.end()) return static_cast<std::uint16_t>(found - owners_.begin());
  owners_.push_back(owner);
  return static_cast<std::uint16_t>(owners_.size() - 1);
}

void LeakScan::add_pasid(Pasid pasid, const std::string& owner) {
  if (!told_(pasid.value)) pasids_.emplace(pasid.value, number_of(owner));
}

void LeakScan::add_page(std::uint64_t page, const std::string& owner) {
  if (!told_(page)) pages_.emplace(page, number_of(owner));
}

void LeakScan::add_data(std::span<const std::byte> bytes, const std::string& owner) {
  const std::uint16_t number = number_of(owner);
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    const std::uint64_t word = word_at(bytes, at);
    if (!distinctive(word)) continue;
    data_.emplace(word, number);
    maybe_[word & kBloom] = true;
  }
}

void LeakScan::look_at_numbers(std::uint64_t word, const std::string& where,
                               std::vector<std::string>& leaks) const {
  const auto page = pages_.find(word & ~std::uint64_t{0xFFF});
  if (page != pages_.end())
    report(leaks,
           fmt::format("an address of {} ({:#x}) in {}", owners_[page->second], word, where));
  for (unsigned shift = 0; shift <= 44; shift += 4) {
    const auto pasid = pasids_.find(static_cast<std::uint32_t>(word >> shift & kMaxPasid));
    if (pasid != pasids_.end())
      report(leaks, fmt::format("a host PASID of {} ({:#x}) in {} ({:#x})", owners_[pasid->second],
                                pasid->first, where, word));
  }
}

void LeakScan::look_at_word(std::uint64_t word, const std::string& where,
                            std::vector<std::string>& leaks) const {
  look_at_numbers(word, where, leaks);
  const auto data = data_.find(word);
  if (data != data_.end())
    report(leaks, fmt::format("data of {} ({:#x}) in {}", owners_[data->second], word, where));
}

void LeakScan::look_at_memory(std::span<const std::byte> bytes, const std::string& where,
                              std::vector<std::string>& leaks) const {
  std::unordered_set<std::uint64_t> known;  // there are few different words
  std::uint64_t word = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    word = word >> 8 | std::to_integer<std::uint64_t>(bytes[at]) << 56;  // ends at this byte
    if (word == 0 || at < 7) continue;
    if (maybe_[word & kBloom]) {
      const auto data = data_.find(word);
      if (data != data_.end())
        report(leaks, fmt::format("data of {} ({:#x}) in {} at {:#x}", owners_[data->second], word,
                                  where, at - 7));
    }
    if (at % 8 == 7 && known.insert(word).second) look_at_numbers(word, where, leaks);
  }
}

}  // namespace siov::hostile
