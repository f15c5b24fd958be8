// SPDX-License-Identifier: Apache-2.0
// Grants: every translation that the device has been given, until an invalidation, a reset or the
// end of address translation takes it away; and the pages that it was refused. Known from the link
// alone.
//
//   grants.add({.pasid = 5, .address = va, .target = hpa, .log2 = 12}, {.read = true}, order,
//   cycle); grants.find(lo, hi, write, [&](const Grant& g) { ...; return false; });   // true: stop
//
// "Order" is the place of a TLP on the link, both directions counted together.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace siov::check {

/// What took a right away.
enum class GrantEnd : std::uint8_t { kNone, kInvalidated, kDisabled, kReset };

/// One of the rights of a grant.
struct Right {
  std::uint64_t order = 0;  ///< of the latest request that was given it; 0: never
  std::uint64_t ended_cycle = 0;
  GrantEnd end = GrantEnd::kNone;
  bool live() const { return order != 0 && end == GrantEnd::kNone; }
};

/// A translated range.
struct Grant {
  std::uint32_t pasid = ~std::uint32_t{0};  ///< kNoPasid: request without PASID
  bool privileged = false;
  bool untranslated = false;    ///< U: to be accessed with AT = 00 only
  std::uint64_t address = 0;    ///< as the PASID sees it
  std::uint64_t target = 0;     ///< translated
  unsigned log2 = 12;           ///< size
  std::array<Right, 2> rights;  ///< read, write
  bool write_refused = false;   ///< asked for with NW = 0, W was 0; for as long as reading is live

  std::uint64_t bytes() const { return std::uint64_t{1} << log2; }
  const Right& right(bool write) const { return rights[write ? 1 : 0]; }
  bool any_live() const { return rights[0].live() || rights[1].live(); }
  bool holds(std::uint64_t from, std::uint64_t to) const {
    return from >= target && to <= target + bytes();
  }
  /// What an address inside the target is for the PASID.
  std::uint64_t origin(std::uint64_t at) const { return address + (at - target); }
};

/// Rights in a translation completion.
struct Rights {
  bool read = false, write = false;
  bool asked_write = false;  ///< NW was 0
};

/// Entries that an invalidation ends.
struct Scope {
  bool all_pasids = false;  ///< entries with any PASID
  bool without = false;     ///< entries without PASID
  std::uint32_t pasid = 0;
  std::uint64_t lo = 0, last = ~std::uint64_t{0};  ///< [lo, last]

  bool covers(std::uint32_t owner, std::uint64_t from, std::uint64_t to) const;
};

/// What the link has said about a page that could not be used.
struct Refusal {
  std::uint64_t none_cycle = 0;   ///< latest answer R = W = 0
  std::uint64_t read_cycle = 0;   ///< latest answer without R
  std::uint64_t write_cycle = 0;  ///< latest answer without W although it was asked for
  std::uint64_t error_cycle = 0;  ///< latest UR, CA, poisoned answer, or timeout
  std::uint64_t asked_cycle = 0;  ///< latest page request
  std::uint64_t response_cycle = 0;
  std::uint8_t response = 0;
  std::uint32_t attempts = 0;                    ///< page requests since the page was last granted
  std::array<std::uint64_t, 2> granted_cycle{};  ///< latest grant after a refusal: read, write
};

class Grants {
 public:
  /// A translation has arrived. An equal one is refreshed.
  void add(const Grant& grant, const Rights& rights, std::uint64_t order, std::uint64_t cycle);
  /// Ends the rights in scope that were asked for before `before`. A grant that is partly in scope
  /// falls into pieces: a cache may keep the others.
  void end(const Scope& scope, std::uint64_t before, GrantEnd why, std::uint64_t cycle);
  /// Every grant whose target holds the first byte, dead ones included, until f(grant) is true.
  template <class F>
  bool at(std::uint64_t target, F&& f) const {
    for (std::uint64_t sizes = sizes_; sizes != 0; sizes &= sizes - 1) {
      const auto log2 = static_cast<unsigned>(__builtin_ctzll(sizes));
      const auto found = by_target_.find(key(target, log2));
      if (found == by_target_.end()) continue;
      for (const std::uint32_t i : found->second) {
        if (f(grants_[i])) return true;
      }
    }
    return false;
  }
  /// Every grant of a PASID that has this address, dead ones included, until f(grant) is true.
  template <class F>
  bool of(std::uint32_t pasid, std::uint64_t address, F&& f) const {
    for (std::uint64_t sizes = sizes_; sizes != 0; sizes &= sizes - 1) {
      const auto log2 = static_cast<unsigned>(__builtin_ctzll(sizes));
      const auto found = by_address_.find(key(address, log2));
      if (found == by_address_.end()) continue;
      for (const std::uint32_t i : found->second) {
        if (grants_[i].pasid == pasid && f(grants_[i])) return true;
      }
    }
    return false;
  }
  bool empty() const { return grants_.empty(); }
  bool any_refusal() const { return !refusals_.empty(); }

  Refusal& refusal(std::uint32_t pasid, std::uint64_t address) {
    return refusals_[{pasid, address & ~std::uint64_t{0xFFF}}];
  }
  const Refusal* find_refusal(std::uint32_t pasid, std::uint64_t address) const {
    const auto found = refusals_.find({pasid, address & ~std::uint64_t{0xFFF}});
    return found == refusals_.end() ? nullptr : &found->second;
  }
  /// A PASID has been stopped: what was refused to it says nothing about its next life.
  void forget_refusals(std::uint32_t pasid);

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 16;  ///< then the dead ones are dropped
  static std::uint64_t key(std::uint64_t target, unsigned log2) {
    return (target >> log2) << 6 | log2;
  }
  void drop_dead();
  void split(Grant whole, const Scope& scope);
  void index(std::uint32_t i);

  using Index = std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>;
  std::vector<Grant> grants_;
  Index by_target_, by_address_;
  std::vector<Grant> pieces_;  ///< scratch
  std::uint64_t sizes_ = 0;    ///< bit n: there is a grant of 2^n bytes
  std::size_t limit_ = kMost;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Refusal> refusals_;
};

}  // namespace siov::check
