// SPDX-License-Identifier: Apache-2.0
// The pages: first stage, second stage, nested, rights, accessed and dirty bits. @spec VT-d 3, 4.2
#include <algorithm>

#include "reference_walker_state.hpp"

namespace siov::iommu::reference {

namespace {

constexpr unsigned shift_of(unsigned level) { return 12 + 9 * (level - 1); }

/// Address field of a paging entry, bits 51:12.
constexpr std::uint64_t address_of(std::uint64_t entry) { return bits(entry, 51, 12) << 12; }

}  // namespace

bool Walker::address_width(State& s) const {
  const std::uint64_t address = s.request.address;
  if (s.first) {
    const unsigned width = s.first_levels == 5 ? 57 : 48;
    const std::uint64_t top = bits(address, 63, width - 1);
    const bool canonical = top == 0 || top == bits(~std::uint64_t{0}, 63, width - 1);
    return canonical || s.fault(0x80);
  }
  if (s.second) return true;  // the walk itself tests its input
  return !beyond_host(address) || s.fault(0x83);
}

bool Walker::first_stage_entry(State& s, std::uint64_t table, unsigned level,
                               std::uint64_t& entry) const {
  const bool top = level == s.first_levels;
  FirstUsed used;
  used.entry.address = table + bits(s.request.address, shift_of(level) + 8, shift_of(level)) * 8;
  if (s.second) {
    if (!second_stage(s, used.entry.address, true)) return false;
    used.through = s.last;
    if (!s.last.r) return s.fault(top ? 0x75 : 0x76);
    used.entry.address = s.last.host;
  }
  if (!read(used.entry.address, entry)) return s.fault(top ? 0x73 : 0x70);
  if (!bit(entry, 0)) return s.fault(0x71);
  used.entry.value = entry;
  s.first_used.push_back(used);
  return true;
}

bool Walker::first_stage(State& s) const {
  std::uint64_t table = s.first_root;
  for (unsigned level = s.first_levels;; --level) {
    std::uint64_t entry = 0;
    if (!first_stage_entry(s, table, level, entry)) return false;
    const bool ps = level != 1 && bit(entry, 7);
    if (ps && level > 3) return s.fault(0x72);
    if (ps && level == 3 && !unit_.first_stage_1g) return s.fault(0x72);
    if (unit_.haw < 52 && bits(entry, 51, unit_.haw) != 0) return s.fault(0x72);
    if (ps && level == 2 && bits(entry, 20, 13) != 0) return s.fault(0x72);
    if (ps && level == 3 && bits(entry, 29, 13) != 0) return s.fault(0x72);

    s.first_write = s.first_write && bit(entry, 1);
    s.first_user = s.first_user && bit(entry, 2);
    const bool leaf = level == 1 || ps;
    if (leaf && !first_rights(s)) return false;
    if (!first_update(s, leaf)) return false;
    if (leaf) {
      const std::uint64_t offset = (std::uint64_t{1} << shift_of(level)) - 1;
      s.guest = (address_of(entry) & ~offset) | (s.request.address & offset);
      s.host = s.guest;
      s.shift = shift_of(level);
      return true;
    }
    table = address_of(entry);
  }
}

bool Walker::second_stage(State& s, std::uint64_t address, bool of_table) const {
  const unsigned width = std::min(unit_.mgaw, 12 + 9 * s.second_levels);
  if (address >> width != 0) return s.fault(s.first ? 0x74 : 0x84);

  SecondWalk walk;
  std::uint64_t table = s.second_root;
  for (unsigned level = s.second_levels;; --level) {
    Used used;
    used.address = table + bits(address, shift_of(level) + 8, shift_of(level)) * 8;
    if (!read(used.address, used.value)) return s.fault(level == s.second_levels ? 0x7B : 0x78);
    const std::uint64_t entry = used.value;
    if (bits(entry, 1, 0) == 0) return s.fault(0x79);  // neither R nor W

    const bool ps = level != 1 && bit(entry, 7);
    if (ps && level > 3) return s.fault(0x7A);
    if (ps && level == 3 && !unit_.second_stage_1g) return s.fault(0x7A);
    if (ps && level == 2 && !unit_.second_stage_2m) return s.fault(0x7A);
    const bool leaf = level == 1 || ps;
    if (bit(entry, 11) && (!leaf || !unit_.snoop_control)) return s.fault(0x7A);  // SNP
    if (unit_.haw < 52 && bits(entry, 51, unit_.haw) != 0) return s.fault(0x7A);
    if (ps && level == 2 && bits(entry, 20, 12) != 0) return s.fault(0x7A);
    if (ps && level == 3 && bits(entry, 29, 12) != 0) return s.fault(0x7A);
    if (bit(entry, 62)) return s.fault(0x7A);  // IW, without SSIRWE

    walk.used.push_back(used);
    walk.r = walk.r && bit(entry, 0);
    walk.w = walk.w && bit(entry, 1);
    if (leaf) {
      const std::uint64_t offset = (std::uint64_t{1} << shift_of(level)) - 1;
      walk.host = (address_of(entry) & ~offset) | (address & offset);
      walk.shift = shift_of(level);
      walk.snoop = bit(entry, 11);
      break;
    }
    table = address_of(entry);
  }
  s.last = walk;
  if (!of_table) {
    s.host = walk.host;
    s.shift = s.first ? std::min(s.shift, walk.shift) : walk.shift;
  }
  return true;
}

/// Rights of the first stage, known at its leaf.
bool Walker::first_rights(State& s) const {
  if (!s.privileged && !s.first_user) return s.fault(0x81);
  const bool wpe = bit(s.entry[2], 4);
  if (!s.first_write && (!s.privileged || wpe)) s.can_write = false;
  if (s.request.write && !s.can_write) return s.fault(0x85);
  return true;
}

/// What the entry met last needs: A always, EA with EAFE, D in the leaf of an access that writes.
bool Walker::first_update(State& s, bool leaf) const {
  FirstUsed& used = s.first_used.back();
  std::uint64_t need = 1u << 5;
  if (bit(s.entry[2], 7)) need |= 1u << 10;
  if (leaf && s.can_write && (s.request.write || s.wants_write)) need |= 1u << 6;
  used.set = need & ~used.entry.value;
  if (used.set == 0) return true;
  if (s.second && !used.through.w) return s.fault(0x77);
  return snooped(s) || s.fault(0x90);
}

bool Walker::snooped(const State& s) const {
  return unit_.coherent_walk && bit(s.entry[1], 23);  // SMPWCS, PWSNP
}

/// Rights of the last second-stage walk, and what both stages grant.
bool Walker::rights(State& s) const {
  const Request& r = s.request;
  if (s.second) {
    s.can_read = s.last.r;
    s.can_write = s.can_write && s.last.w;
  }
  if (r.at == kTranslationRequest) {  // what is granted decides, not what was wished
    if (!s.can_read && !(s.wants_write && s.can_write)) return s.fault(0x86);
    return true;
  }
  if (r.write && !s.can_write) return s.fault(0x85);
  const bool flush_of_write_only = r.bytes == 0 && unit_.zero_length_read && s.can_write;
  if (!r.write && !s.can_read && !flush_of_write_only) return s.fault(0x86);
  return true;
}

/// Second-stage bits of one walk: A in each entry, D in the leaf if something is written there.
void Walker::second_updates(State& s, const SecondWalk& walk, bool accessed, bool dirty) const {
  if (!bit(s.entry[0], 9)) return;  // SSADE
  for (const Used& used : walk.used)
    if (accessed && !bit(used.value, 8)) s.plan.push_back({used.address, 1u << 8, false});
  if (dirty && !bit(walk.used.back().value, 9))
    s.plan.push_back({walk.used.back().address, 1u << 9, false});
}

/// Nothing is written unless all of it can be.
bool Walker::accessed_dirty(State& s) const {
  const bool writes = s.request.write || (s.wants_write && s.can_write);
  for (const FirstUsed& used : s.first_used) {
    std::uint64_t set = used.set;
    if (!writes) set &= ~std::uint64_t{1u << 6};  // the second stage has refused the write
    if (s.second) second_updates(s, used.through, true, false);
    if (set != 0) s.plan.push_back({used.entry.address, set, true});
    if (s.second && set != 0) second_updates(s, used.through, false, true);
  }
  if (s.second) second_updates(s, s.last, true, writes);

  for (const Planned& p : s.plan)
    if (!p.first && !snooped(s)) return s.fault(0x7C);
  for (const Planned& p : s.plan)
    if (!memory_.writable(Hpa{p.address}, 8)) return s.fault(p.first ? 0x91 : 0x7D);
  for (const Planned& p : s.plan) s.updates.push_back({p.address, p.set});
  return true;
}

bool Walker::second_stage_of(std::uint64_t root, unsigned aw, std::uint64_t gpa,
                             std::uint64_t& host) const {
  const Request request;
  State s(request);
  s.second = true;
  s.second_levels = aw + 2;
  s.second_root = root;
  if (!second_stage(s, gpa, false) || !s.last.r) return false;
  host = s.host;
  return true;
}

}  // namespace siov::iommu::reference
