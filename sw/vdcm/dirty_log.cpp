// SPDX-License-Identifier: Apache-2.0
// Dirty bits of second-stage leaves. @spec vtd.md 3.2
#include "vdcm/dirty_log.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint64_t kPresent = 0x3;  // R or W
constexpr std::uint64_t kLarge = 0x80;
constexpr std::uint64_t kDirty = 0x200;
constexpr std::uint64_t kAddress = 0x000F'FFFF'FFFF'F000;

constexpr std::uint64_t bytes_of(unsigned level) { return kPageSize << (9 * (level - 1)); }

}  // namespace

DirtyLog::DirtyLog(std::vector<IommuDriver*> iommus, memory::PhysicalMemory& memory, Hpa root,
                   unsigned levels)
    : iommus_(std::move(iommus)), memory_(memory), root_(root), levels_(levels) {
  if (iommus_.empty() || root.value == 0 || levels < 3 || levels > 5)
    throw HarnessError("a dirty log needs a remapping unit and second-stage tables");
}

bool DirtyLog::possible() const {
  return std::ranges::all_of(iommus_,
                             [](const IommuDriver* iommu) { return iommu->can_track_writes(); });
}

coro::Task<> DirtyLog::enable() {
  if (enabled_) throw HarnessError("the dirty log is on already");
  static_cast<void>(clear());  // of an earlier time
  departed_.clear();
  for (IommuDriver* iommu : iommus_) co_await iommu->async_track_writes(root_, true);
  enabled_ = true;
}

coro::Task<std::vector<DirtyPage>> DirtyLog::collect() {
  if (!enabled_) throw HarnessError("the dirty log is off");
  std::vector<DirtyPage> pages = clear();
  std::vector<IommuDriver::SecondStageLeaf> leaves;
  leaves.reserve(pages.size());
  for (const DirtyPage& page : pages) leaves.push_back({page.address, page.bytes});
  for (IommuDriver* iommu : iommus_) co_await iommu->async_invalidate_leaves(root_, leaves);
  pages.insert(pages.end(), departed_.begin(), departed_.end());
  departed_.clear();
  std::sort(pages.begin(), pages.end(), [](const DirtyPage& a, const DirtyPage& b) {
    return a.address.value < b.address.value;
  });
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  if (mistakes_.miss_pages) pages.clear();
  collected_ += pages.size();
  co_return pages;
}

coro::Task<> DirtyLog::disable() {
  if (!enabled_) throw HarnessError("the dirty log is off");
  enabled_ = false;
  for (IommuDriver* iommu : iommus_) co_await iommu->async_track_writes(root_, false);
  departed_.clear();
}

void DirtyLog::unmapped(Gpa address, std::uint64_t bytes, std::uint64_t word) {
  if (enabled_ && (word & kPresent) != 0 && (word & kDirty) != 0)
    departed_.push_back({address, bytes});
}

std::vector<DirtyPage> DirtyLog::clear() {
  std::vector<DirtyPage> out;
  clear_table(root_, levels_, 0, out);
  return out;
}

void DirtyLog::clear_table(Hpa table, unsigned level, std::uint64_t address,
                           std::vector<DirtyPage>& out) {
  for (unsigned i = 0; i < 512; ++i) {
    const Hpa entry = table + i * std::uint64_t{8};
    std::optional<std::uint64_t> word = memory_.read64(entry);
    if (!word) throw HarnessError("second-stage table outside memory");
    if ((*word & kPresent) == 0) continue;
    const std::uint64_t at = address + i * bytes_of(level);
    const bool leaf = level == 1 || (level <= 3 && (*word & kLarge) != 0);
    if (!leaf) {
      clear_table(Hpa{*word & kAddress}, level - 1, at, out);
      continue;
    }
    if ((*word & kDirty) == 0) continue;
    // The unit may set bits at the same time: locked, and again if it did.
    for (;;) {
      const std::optional<std::uint64_t> found =
          memory_.compare_exchange64(entry, *word, *word & ~kDirty);
      if (!found) throw HarnessError("second-stage table outside memory");
      if (*found == *word) break;
      word = found;
    }
    out.push_back({Gpa{at}, bytes_of(level)});
  }
}

}  // namespace siov::vdcm
