// SPDX-License-Identifier: Apache-2.0
// The ring stays as the guest wrote it, so a change outside what is new tells that the queue has
// gone around.
#include "attach/invalidation_watch.hpp"

#include <algorithm>

#include "abi/little_endian.hpp"

namespace siov::attach {

namespace {

constexpr std::uint64_t kWide = 1u << 11;  // IQA.DW
constexpr unsigned kTypeWait = 5;

/// @spec vtd.md 5.1: 2^QS pages of 4 KiB
std::size_t ring_bytes(std::uint64_t iqa) { return std::size_t{4096} << (iqa & 7); }

unsigned type_of(std::uint64_t low) {
  return static_cast<unsigned>((low & 0xF) | (low >> 9 & 7) << 4);
}

}  // namespace

Invalidations InvalidationWatch::look(const GuestReader& memory, const UnitRegisters& registers) {
  Invalidations out;
  const std::size_t bytes = ring_bytes(registers.iq_base);
  const std::size_t entry = (registers.iq_base & kWide) != 0 ? 32 : 16;
  std::vector<std::byte> now(bytes);
  const Gpa base{registers.iq_base & ~std::uint64_t{0xFFF}};
  if (!memory(base, now)) {
    base_.reset();
    out.lost = true;
    ++times_lost_;
    return out;
  }
  const std::size_t tail = static_cast<std::size_t>(registers.iq_tail) % bytes / entry * entry;
  if (base_ != registers.iq_base) {
    base_ = registers.iq_base;
    out.lost = true;
  } else {
    std::vector<bool> fresh(bytes / entry, false);
    for (std::size_t at = next_; at != tail; at = (at + entry) % bytes) {
      fresh[at / entry] = true;
      vdcm::vtd::Descriptor d{};
      for (std::size_t word = 0; word < entry / 8; ++word)
        d[word] = abi::load_le(std::span(now).subspan(at + 8 * word, 8), 8);
      if (type_of(d[0]) == kTypeWait) continue;
      out.descriptors.push_back(d);
      ++seen_;
    }
    for (std::size_t i = 0; i < fresh.size() && !out.lost; ++i) {
      const auto from = static_cast<std::ptrdiff_t>(i * entry);
      const auto to = static_cast<std::ptrdiff_t>((i + 1) * entry);
      out.lost =
          !fresh[i] && !std::equal(now.begin() + from, now.begin() + to, ring_.begin() + from);
    }
    times_lost_ += out.lost ? 1 : 0;
  }
  next_ = tail;
  ring_ = std::move(now);
  return out;
}

}  // namespace siov::attach
