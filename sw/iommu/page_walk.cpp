// SPDX-License-Identifier: Apache-2.0
// Table walks. Nothing is written to memory before the whole walk is known to succeed.
#include "iommu/page_walk.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "common/error.hpp"

namespace siov::iommu {

namespace {

constexpr std::uint64_t bit(unsigned position) { return std::uint64_t{1} << position; }
/// Bits high..low; nothing if high < low.
constexpr std::uint64_t bits(unsigned high, unsigned low) {
  return high < low ? 0 : (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
}
/// Address field of an entry; what lies at and above the host width is refused before.
constexpr std::uint64_t kAddressField = bits(51, 12);

// First stage. @spec VT-d 9.7
constexpr std::uint64_t kPresent = bit(0);
constexpr std::uint64_t kWritable = bit(1);
constexpr std::uint64_t kUser = bit(2);
constexpr std::uint64_t kAccessed = bit(5);
constexpr std::uint64_t kDirty = bit(6);
constexpr std::uint64_t kLarge = bit(7);
constexpr std::uint64_t kExtendedAccessed = bit(10);

// Second stage. @spec VT-d 9.8
constexpr std::uint64_t kSecondRead = bit(0);
constexpr std::uint64_t kSecondWrite = bit(1);
constexpr std::uint64_t kSecondAccessed = bit(8);
constexpr std::uint64_t kSecondDirty = bit(9);
constexpr std::uint64_t kSecondSnoop = bit(11);
constexpr std::uint64_t kSecondReserved = bit(62);

constexpr unsigned shift_of(unsigned level) { return 12 + 9 * (level - 1); }
constexpr unsigned index_of(std::uint64_t address, unsigned level) {
  return static_cast<unsigned>(address >> shift_of(level) & 0x1FF);
}

bool canonical(std::uint64_t address, unsigned levels) {
  const unsigned top = 12 + 9 * levels - 1;
  const auto upper = static_cast<std::int64_t>(address) >> top;
  return upper == 0 || upper == -1;
}

/// Reserved bits of a first-stage entry; address bits below a large page start at 13 (12 is PAT).
std::uint64_t first_stage_reserved(unsigned level, std::uint64_t word, const IommuConfig& config) {
  std::uint64_t reserved = bits(51, config.haw);
  if (level >= 4 || (level == 3 && !config.first_stage_1g)) return reserved | kLarge;
  if (level > 1 && (word & kLarge) != 0) reserved |= bits(shift_of(level) - 1, 13);
  return reserved;
}

std::uint64_t second_stage_reserved(unsigned level, std::uint64_t word, const IommuConfig& config) {
  std::uint64_t reserved = bits(51, config.haw) | kSecondReserved;
  const bool may_be_large =
      (level == 3 && config.second_stage_1g) || (level == 2 && config.second_stage_2m);
  if (level > 1 && !may_be_large) reserved |= kLarge;
  const bool leaf = level == 1 || (may_be_large && (word & kLarge) != 0);
  if (!leaf || !config.snoop_control) reserved |= kSecondSnoop;
  if (leaf && level > 1) reserved |= bits(shift_of(level) - 1, 12);
  return reserved;
}

/// Tag of second-stage structures: walks with SSADE keep accessed bits in all they pass.
Pasid second_stage_tag(const PasidEntry& entry) {
  return Pasid{entry.second_stage_dirty ? 1u : 0u};
}

/// Reasons that a cached entry may give although memory would allow more. @spec vtd.md 8.2
bool is_missing_right(FaultReason reason) {
  switch (reason) {
    case FaultReason::kNestedRootNoRead:
    case FaultReason::kNestedEntryNoRead:
    case FaultReason::kNestedEntryNoWrite:
    case FaultReason::kUserRight:
    case FaultReason::kNoWriteRight:
    case FaultReason::kNoReadRight:
      return true;
    default:
      return false;
  }
}

}  // namespace

PageWalker::Start PageWalker::start(Walk& walk, StructureCache* cache, Pasid tag, unsigned levels,
                                    std::uint64_t root, std::uint64_t address, Leaf& leaf) const {
  if (walk.cached) {
    for (unsigned level = 2; level <= levels; ++level) {
      const StructureCache::Entry* hit = cache->find(walk.entry.domain, tag, level, address);
      if (hit == nullptr) continue;
      leaf.read = hit->read;
      leaf.write = hit->write;
      leaf.user = hit->user;
      walk.saved += levels - level + 1;
      return {level - 1, hit->table};
    }
  }
  return {levels, root};
}

void PageWalker::Updates::add(Hpa entry, std::uint64_t set, bool first_stage) {
  if (count == list.size()) throw HarnessError("more accessed/dirty updates than a walk can have");
  list[count++] = Update{entry.value, set, first_stage};
}

Result<PageWalker::Leaf, FaultReason> PageWalker::second_stage(Walk& walk,
                                                               std::uint64_t address) const {
  const PasidEntry& entry = walk.entry;
  const unsigned width = std::min(config_.mgaw, 12 + 9u * entry.second_stage_levels);
  if (address >> width != 0) {
    return Failure{entry.type == PageTableType::kNested ? FaultReason::kNestedAddressWidth
                                                        : FaultReason::kBeyondGuestWidth};
  }
  Leaf leaf;
  const Pasid tag = second_stage_tag(entry);
  auto [level, table] = start(walk, second_cache_, tag, entry.second_stage_levels,
                              entry.second_stage_root.value, address, leaf);
  for (;; --level) {
    leaf.entry = Hpa{table + index_of(address, level) * 8};
    const std::optional<std::uint64_t> word = memory_.read64(leaf.entry);
    if (!word) {
      return Failure{level == entry.second_stage_levels ? FaultReason::kSecondStageRootFetch
                                                        : FaultReason::kSecondStageFetch};
    }
    if ((*word & (kSecondRead | kSecondWrite)) == 0)
      return Failure{FaultReason::kSecondStageNotPresent};
    if ((*word & second_stage_reserved(level, *word, config_)) != 0) {
      return Failure{FaultReason::kSecondStageReserved};
    }
    leaf.read = leaf.read && (*word & kSecondRead) != 0;
    leaf.write = leaf.write && (*word & kSecondWrite) != 0;
    if (entry.second_stage_dirty && (*word & kSecondAccessed) == 0) {
      walk.updates.add(leaf.entry, kSecondAccessed, false);
    }
    if (level == 1 || (*word & kLarge) != 0) {
      leaf.shift = static_cast<std::uint8_t>(shift_of(level));
      leaf.dirty = !entry.second_stage_dirty || (*word & kSecondDirty) != 0;
      leaf.snoop = (*word & kSecondSnoop) != 0;
      const std::uint64_t offset = bit(leaf.shift) - 1;
      leaf.address = (*word & kAddressField & ~offset) | (address & offset);
      return leaf;
    }
    table = *word & kAddressField;
    walk.second_tables.add(
        {address, table, static_cast<std::uint8_t>(level), leaf.read, leaf.write, true});
  }
}

Result<PageWalker::Leaf, FaultReason> PageWalker::locate_first_stage(Walk& walk,
                                                                     std::uint64_t table,
                                                                     unsigned index,
                                                                     bool root) const {
  const std::uint64_t address = table + std::uint64_t{index} * 8;
  if (walk.entry.type != PageTableType::kNested) {
    Leaf leaf;
    leaf.address = address;
    return leaf;
  }
  Result<Leaf, FaultReason> leaf = second_stage(walk, address);
  if (leaf && !leaf->read) {
    return Failure{root ? FaultReason::kNestedRootNoRead : FaultReason::kNestedEntryNoRead};
  }
  return leaf;
}

void PageWalker::want_dirty(Walk& walk, const Leaf& second) const {
  if (!second.dirty) walk.updates.add(second.entry, kSecondDirty, false);
}

FaultReason PageWalker::update_first_stage(Walk& walk, const Leaf& at, std::uint64_t set) const {
  if (set == 0) return FaultReason::kNone;
  if (!at.write) return FaultReason::kNestedEntryNoWrite;
  if (!config_.coherent_walk || !walk.entry.walk_snoop)
    return FaultReason::kFirstStageUpdateNotSnooped;
  walk.updates.add(Hpa{at.address}, set, true);
  if (walk.entry.type == PageTableType::kNested) want_dirty(walk, at);
  return FaultReason::kNone;
}

FaultReason PageWalker::check_first_stage_rights(const Walk& walk, const Leaf& leaf) const {
  const bool write = walk.request.access == WalkAccess::kWrite;
  if (!walk.request.privileged) {
    if (!leaf.user) return FaultReason::kUserRight;
    return write && !leaf.write ? FaultReason::kNoWriteRight : FaultReason::kNone;
  }
  const bool refused = write && walk.entry.write_protect && !leaf.write;
  return refused ? FaultReason::kNoWriteRight : FaultReason::kNone;
}

FaultReason PageWalker::check_second_stage_rights(const Walk& walk, const Leaf& first,
                                                  const Leaf& leaf) const {
  const bool first_write = first.write || (walk.request.privileged && !walk.entry.write_protect);
  switch (walk.request.access) {
    case WalkAccess::kWrite:
      return leaf.write ? FaultReason::kNone : FaultReason::kNoWriteRight;
    case WalkAccess::kFlush:
      if (config_.zero_length_read && first_write && leaf.write) return FaultReason::kNone;
      [[fallthrough]];
    case WalkAccess::kRead:
      break;
  }
  return leaf.read ? FaultReason::kNone : FaultReason::kNoReadRight;
}

Result<PageWalker::Leaf, FaultReason> PageWalker::first_stage(Walk& walk) const {
  const PasidEntry& entry = walk.entry;
  const std::uint64_t address = walk.request.address;
  const std::uint64_t accessed = kAccessed | (entry.extended_accessed ? kExtendedAccessed : 0);
  Leaf result;
  auto [level, table] = start(walk, first_cache_, walk.request.pasid, entry.first_stage_levels,
                              entry.first_stage_root, address, result);
  for (;; --level) {
    const bool root = level == entry.first_stage_levels;
    const Result<Leaf, FaultReason> at =
        locate_first_stage(walk, table, index_of(address, level), root);
    if (!at) return at;
    const std::optional<std::uint64_t> word = memory_.read64(Hpa{at->address});
    if (!word)
      return Failure{root ? FaultReason::kFirstStageRootFetch : FaultReason::kFirstStageFetch};
    if ((*word & kPresent) == 0) return Failure{FaultReason::kFirstStageNotPresent};
    if ((*word & first_stage_reserved(level, *word, config_)) != 0) {
      return Failure{FaultReason::kFirstStageReserved};
    }
    result.user = result.user && (*word & kUser) != 0;
    result.write = result.write && (*word & kWritable) != 0;
    const bool leaf = level == 1 || (*word & kLarge) != 0;
    std::uint64_t set = accessed;
    if (leaf) {
      if (const FaultReason reason = check_first_stage_rights(walk, result);
          reason != FaultReason::kNone) {
        return Failure{reason};
      }
      if (walk.request.access == WalkAccess::kWrite) set |= kDirty;
    }
    if (const FaultReason reason = update_first_stage(walk, *at, set & ~*word);
        reason != FaultReason::kNone) {
      return Failure{reason};
    }
    if (leaf) {
      result.shift = static_cast<std::uint8_t>(shift_of(level));
      result.dirty = (*word & kDirty) != 0;
      const std::uint64_t offset = bit(result.shift) - 1;
      result.address = (*word & kAddressField & ~offset) | (address & offset);
      return result;
    }
    table = *word & kAddressField;
    walk.first_tables.add(
        {address, table, static_cast<std::uint8_t>(level), true, result.write, result.user});
  }
}

/// Software that changes the entry meanwhile wins: what is not present any more stays as it is.
void PageWalker::set_bits(Hpa entry, std::uint64_t set, std::uint64_t present) const {
  for (;;) {
    const std::optional<std::uint64_t> old = memory_.read64(entry);
    if (!old || (*old & present) == 0) return;
    if ((*old & set) == set) return;
    const std::optional<std::uint64_t> found = memory_.compare_exchange64(entry, *old, *old | set);
    if (!found) return;
    if (*found == *old) return;
  }
}

FaultReason PageWalker::apply(const Walk& walk, WalkEffect effect) const {
  const std::span<const Update> updates(walk.updates.list.data(), walk.updates.count);
  if (!config_.coherent_walk || !walk.entry.walk_snoop) {
    for (const Update& update : updates) {
      if (!update.first_stage) return FaultReason::kSecondStageUpdateNotSnooped;
    }
  }
  if (effect == WalkEffect::kPeek) return FaultReason::kNone;
  for (const Update& update : updates) {  // all of them or none
    if (memory_.writable(Hpa{update.entry}, 8)) continue;
    return update.first_stage ? FaultReason::kFirstStageUpdateFailed
                              : FaultReason::kSecondStageUpdateFailed;
  }
  for (const Update& update : updates)
    set_bits(Hpa{update.entry}, update.bits,
             update.first_stage ? kPresent : kSecondRead | kSecondWrite);
  return FaultReason::kNone;
}

void PageWalker::keep(const Tables& tables, StructureCache& cache, std::uint16_t domain,
                      Pasid tag) const {
  for (std::size_t i = 0; i < tables.count; ++i) {
    const Table& found = tables.list[i];
    StructureCache::Entry entry;
    entry.valid = true;
    entry.read = found.read;
    entry.write = found.write;
    entry.user = found.user;
    entry.level = found.level;
    entry.domain = domain;
    entry.pasid = tag;
    entry.prefix = StructureCache::prefix_of(found.address, found.level);
    entry.table = found.table;
    cache.insert(entry);
  }
}

Result<WalkResult, FaultReason> PageWalker::finish(Walk& walk, const Leaf& first,
                                                   const Leaf& second, WalkEffect effect) const {
  WalkResult result;
  result.host = Hpa{second.address};
  result.shift = std::min(first.shift, second.shift);
  if (in_interrupt_range(second.address)) return Failure{FaultReason::kInterruptRange};
  // A large page that reaches into the interrupt range must not be cached as one.
  if (0xFEE00000u >> result.shift == second.address >> result.shift) result.shift = 12;
  if (const FaultReason reason = apply(walk, effect); reason != FaultReason::kNone)
    return Failure{reason};

  result.snoop = second.snoop;
  result.saved = static_cast<std::uint8_t>(walk.saved);
  if (effect == WalkEffect::kUpdate && first_cache_ != nullptr) {
    keep(walk.first_tables, *first_cache_, walk.entry.domain, walk.request.pasid);
    keep(walk.second_tables, *second_cache_, walk.entry.domain, second_stage_tag(walk.entry));
  }
  const bool dirty = walk.request.access == WalkAccess::kWrite || (first.dirty && second.dirty);
  const bool write = second.write && dirty;
  if (first.user && second.read) result.rights |= kUserRead;
  if (first.user && first.write && write) result.rights |= kUserWrite;
  if (walk.entry.supervisor) {
    if (second.read) result.rights |= kSupervisorRead;
    if (write && (first.write || !walk.entry.write_protect)) result.rights |= kSupervisorWrite;
  }
  return result;
}

Result<WalkResult, FaultReason> PageWalker::walk(const PasidEntry& entry,
                                                 const WalkRequest& request,
                                                 WalkEffect effect) const {
  Walk walk(entry, request);
  walk.cached = effect == WalkEffect::kUpdate && first_cache_ != nullptr;
  const Result<WalkResult, FaultReason> result = walk_once(walk, effect);
  if (result || walk.saved == 0 || !is_missing_right(result.error())) return result;
  // The cached copies may allow less than memory does.
  Walk again(entry, request);
  return walk_once(again, effect);
}

Result<WalkResult, FaultReason> PageWalker::walk_once(Walk& walk, WalkEffect effect) const {
  const PasidEntry& entry = walk.entry;
  const WalkRequest& request = walk.request;
  Leaf first;  // as permissive as no first stage at all
  first.shift = 30;
  first.address = request.address;
  if (entry.type == PageTableType::kPassThrough) {
    if (request.address >> config_.haw != 0) return Failure{FaultReason::kBeyondHostWidth};
    return finish(walk, first, first, effect);
  }
  if (entry.uses_first_stage()) {
    if (!canonical(request.address, entry.first_stage_levels))
      return Failure{FaultReason::kNotCanonical};
    const Result<Leaf, FaultReason> leaf = first_stage(walk);
    if (!leaf) return Failure{leaf.error()};
    first = *leaf;
    if (entry.type == PageTableType::kFirstStage) {
      Leaf none = first;
      none.read = none.write = none.dirty = true;
      return finish(walk, first, none, effect);
    }
  }
  const Result<Leaf, FaultReason> second = second_stage(walk, first.address);
  if (!second) return Failure{second.error()};
  if (const FaultReason reason = check_second_stage_rights(walk, first, *second);
      reason != FaultReason::kNone) {
    return Failure{reason};
  }
  if (request.access == WalkAccess::kWrite) want_dirty(walk, *second);
  return finish(walk, first, *second, effect);
}

}  // namespace siov::iommu
