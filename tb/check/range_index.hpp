// SPDX-License-Identifier: Apache-2.0
// RangeIndex: address ranges of work in flight, found by address. Holes: what of one range has not
// been touched yet.
//
//   index.insert({lo, hi, &item, RangeKind::kData});
//   index.containing(address, [&](const RangeIndex::Entry& e) { ...; return true; });   // true:
//   stop
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace siov::check {

struct WorkItem;

enum class RangeKind : std::uint8_t { kSource0, kSource1, kData, kRecord };

/// Ranges sorted by start. A few hundred ranges move in a memmove; look-ups are one binary search
/// and a short walk.
class RangeIndex {
 public:
  struct Entry {
    std::uint64_t lo, hi;  ///< [lo, hi)
    WorkItem* item;
    RangeKind kind;
  };

  void insert(const Entry& entry) {
    longest_ = std::max(longest_, entry.hi - entry.lo);
    const auto at = std::upper_bound(entries_.begin(), entries_.end(), entry.lo,
                                     [](std::uint64_t lo, const Entry& e) { return lo < e.lo; });
    entries_.insert(at, entry);
  }
  void erase(std::uint64_t lo, const WorkItem* item, RangeKind kind) {
    auto at = std::lower_bound(entries_.begin(), entries_.end(), lo,
                               [](const Entry& e, std::uint64_t value) { return e.lo < value; });
    for (; at != entries_.end() && at->lo == lo; ++at) {
      if (at->item != item || at->kind != kind) continue;
      entries_.erase(at);
      break;
    }
    if (entries_.empty()) longest_ = 0;
  }
  /// Calls f(entry) for every range that contains the address, until f returns true. @return
  /// whether f did
  template <class F>
  bool containing(std::uint64_t address, F&& f) const {
    return overlapping(address, address + 1, f);
  }
  /// Same for every range that shares a byte with [lo, hi).
  template <class F>
  bool overlapping(std::uint64_t lo, std::uint64_t hi, F&& f) const {
    auto at = std::lower_bound(entries_.begin(), entries_.end(), hi,
                               [](const Entry& e, std::uint64_t value) { return e.lo < value; });
    while (at != entries_.begin()) {
      --at;
      if (lo >= longest_ && at->lo <= lo - longest_) break;
      if (at->hi > lo && f(*at)) return true;
    }
    return false;
  }
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<Entry> entries_;
  std::uint64_t longest_ = 0;
};

/// The untouched parts of [lo, hi), in order. Usually one.
class Holes {
 public:
  void reset(std::uint64_t lo, std::uint64_t hi) {
    parts_.clear();
    if (hi > lo) parts_.push_back({lo, hi});
  }
  bool empty() const { return parts_.empty(); }
  /// Start of the first hole; only if not empty.
  std::uint64_t first() const { return parts_.front().lo; }
  /// Takes [lo, hi) out. @return false, and nothing taken, if a byte of it was taken before
  bool take(std::uint64_t lo, std::uint64_t hi) {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      Part& p = parts_[i];
      if (lo < p.lo || hi > p.hi) continue;
      if (lo == p.lo && hi == p.hi) {
        parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(i));
      } else if (lo == p.lo) {
        p.lo = hi;
      } else if (hi == p.hi) {
        p.hi = lo;
      } else {
        const Part rest{hi, p.hi};
        p.hi = lo;
        parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
      }
      return true;
    }
    return false;
  }

 private:
  struct Part {
    std::uint64_t lo, hi;
  };
  std::vector<Part> parts_;
};

}  // namespace siov::check
