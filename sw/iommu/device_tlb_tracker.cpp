// SPDX-License-Identifier: Apache-2.0
// Tags and completion counts of Invalidate Requests.
#include "iommu/device_tlb_tracker.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace siov::iommu {

std::optional<std::uint8_t> DeviceTlbTracker::free_tag(RequesterId device) const {
  std::uint32_t used = 0;
  for (const Open& open : open_) {
    if (open.device == device) used |= std::uint32_t{1} << open.tag;
  }
  for (unsigned tag = 0; tag < kTags; ++tag) {
    if ((used >> tag & 1) == 0) return static_cast<std::uint8_t>(tag);
  }
  return std::nullopt;
}

unsigned DeviceTlbTracker::pending_of(std::uint16_t physical_function) const {
  return static_cast<unsigned>(std::count_if(open_.begin(), open_.end(), [&](const Open& open) {
    return open.physical_function == physical_function;
  }));
}

std::uint64_t DeviceTlbTracker::open(RequesterId device, std::uint8_t tag,
                                     std::uint16_t physical_function, std::uint64_t deadline) {
  if (tag >= kTags) throw HarnessError("invalidation tag: 0..31");
  Open entry;
  entry.device = device;
  entry.tag = tag;
  entry.physical_function = physical_function;
  entry.serial = next_serial_++;
  entry.deadline = deadline;
  open_.push_back(entry);
  return entry.serial;
}

bool DeviceTlbTracker::complete(const port::InvalidateCompletion& completion) {
  const unsigned count = completion.count % 8 == 0 ? 8 : completion.count % 8;
  bool known = completion.itags != 0;
  for (unsigned tag = 0; tag < kTags; ++tag) {
    if ((completion.itags >> tag & 1) == 0) continue;
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const Open& open) {
      return open.device == completion.device && open.tag == tag;
    });
    if (found == open_.end() || (found->expected != 0 && found->expected != count)) {
      known = false;
      continue;
    }
    found->expected = count;
    if (++found->received == count) open_.erase(found);
  }
  return known;
}

std::vector<DeviceTlbTracker::Expired> DeviceTlbTracker::expire(std::uint64_t now) {
  std::vector<Expired> expired;
  std::erase_if(open_, [&](const Open& open) {
    if (open.deadline > now) return false;
    expired.push_back({open.device, open.serial});
    return true;
  });
  return expired;
}

bool DeviceTlbTracker::open_between(std::uint64_t first, std::uint64_t end) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&](const Open& open) { return open.serial >= first && open.serial < end; });
}

}  // namespace siov::iommu
