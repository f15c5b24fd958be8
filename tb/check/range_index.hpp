// SPDX-License-Identifier: Apache-2.0
// RangeIndex: address ranges of work in flight, found by address. Holes: what of one range has not
// been touched yet.
//
//   index.insert({lo, hi, &item, RangeKind::kData});
//   index.containing(address, [&](const RangeIndex::Entry& e) { ...; return true; });   // true:
//   stop
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
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

/// The untouched parts of a set of bytes, in order. Usually one.
class Holes {
 public:
  struct Part {
    std::uint64_t lo, hi;
  };

  void reset(std::uint64_t lo, std::uint64_t hi) {
    clear();
    if (hi > lo) parts_.push_back({lo, hi});
  }
  void clear() {
    parts_.clear();
    head_ = 0;
  }
  /// Adds [lo, hi); lo is not below the end of what has been added before.
  void add(std::uint64_t lo, std::uint64_t hi) {
    if (!empty() && parts_.back().hi == lo) {
      parts_.back().hi = hi;
    } else if (hi > lo) {
      parts_.push_back({lo, hi});
    }
  }
  bool empty() const { return head_ == parts_.size(); }
  /// Start of the first hole; only if not empty.
  std::uint64_t first() const { return parts_[head_].lo; }
  std::span<const Part> parts() const { return std::span(parts_).subspan(head_); }
  /// Whether all of [lo, hi) is untouched.
  bool contains(std::uint64_t lo, std::uint64_t hi) const {
    const auto at = find(lo);
    return at != parts_.end() && lo >= at->lo && hi <= at->hi;
  }
  /// Takes [lo, hi) out. @return false, and nothing taken, if a byte of it was taken before
  bool take(std::uint64_t lo, std::uint64_t hi) {
    const auto at = parts_.begin() + (find(lo) - parts_.cbegin());
    if (at == parts_.end() || lo < at->lo || hi > at->hi) return false;
    if (lo == at->lo && hi == at->hi) {
      remove(at);
    } else if (lo == at->lo) {
      at->lo = hi;
    } else if (hi == at->hi) {
      at->hi = lo;
    } else {
      const Part rest{hi, at->hi};
      at->hi = lo;
      parts_.insert(at + 1, rest);
    }
    return true;
  }

 private:
  using Parts = std::vector<Part>;
  /// The part that ends above the address.
  Parts::const_iterator find(std::uint64_t address) const {
    const auto first = parts_.begin() + static_cast<std::ptrdiff_t>(head_);
    if (first != parts_.end() && address < first->hi) return first;
    return std::upper_bound(first, parts_.end(), address,
                            [](std::uint64_t value, const Part& p) { return value < p.hi; });
  }
  void remove(Parts::iterator at) {
    if (at - parts_.begin() == static_cast<std::ptrdiff_t>(head_)) {
      ++head_;
      if (empty()) clear();
    } else {
      parts_.erase(at);
    }
  }

  Parts parts_;
  std::size_t head_ = 0;  ///< parts before this one are gone
};

}  // namespace siov::check
