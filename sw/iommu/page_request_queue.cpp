// SPDX-License-Identifier: Apache-2.0
// Entries of the page request queue.
#include "iommu/page_request_queue.hpp"

#include <array>
#include <span>

namespace siov::iommu {

namespace {

constexpr std::uint32_t kPending = 1;   // PPR
constexpr std::uint32_t kOverflow = 2;  // PRO
constexpr unsigned kEntryBytes = 32;

/// @spec vtd.md 7.1
std::array<std::uint64_t, 4> encode(const port::PageRequest& request) {
  std::array<std::uint64_t, 4> words{};
  words[0] = 1 | std::uint64_t{request.requester.value} << 16;
  if (request.pasid) {
    words[0] |= std::uint64_t{1} << 8;
    words[0] |= std::uint64_t{request.pasid->value} << 32;
    if (request.privileged) words[0] |= std::uint64_t{1} << 53;
  }
  words[1] = request.address & ~std::uint64_t{0xFFF};
  if (request.read) words[1] |= 1;
  if (request.write) words[1] |= 2;
  if (request.last) words[1] |= 4;
  words[1] |= std::uint64_t{request.group & 0x1FFu} << (67 - 64);
  return words;
}

}  // namespace

void PageRequestQueue::set_status(std::uint32_t bit) {
  const bool quiet = status_ == 0;
  status_ |= bit;
  if (quiet) event_.raise();
}

void PageRequestQueue::write_status(std::uint32_t value) {
  status_ &= ~value;
  if (status_ == 0) event_.serviced();
}

PageRequestQueue::Outcome PageRequestQueue::put(const port::PageRequest& request) {
  if ((status_ & kOverflow) != 0) return Outcome::kOverflow;
  const std::uint64_t ring = std::uint64_t{4096} << (address_ & 7);
  const std::uint64_t at = tail_ & (ring - 1);
  const std::uint64_t next = (at + kEntryBytes) & (ring - 1);
  if (next == (head_ & (ring - 1))) {
    set_status(kOverflow);
    return Outcome::kOverflow;
  }
  const std::array<std::uint64_t, 4> words = encode(request);
  const Hpa entry{(address_ & ~std::uint64_t{0xFFF}) + at};
  if (!memory_.write(entry, std::as_bytes(std::span(words)))) return Outcome::kNoMemory;
  tail_ = next;
  set_status(kPending);
  return Outcome::kQueued;
}

}  // namespace siov::iommu
