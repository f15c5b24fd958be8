// SPDX-License-Identifier: Apache-2.0
// Grants: the table.
#include "check/grants.hpp"

#include <algorithm>

#include "check/report.hpp"

namespace siov::check {

bool Scope::covers(std::uint32_t owner, std::uint64_t from, std::uint64_t to) const {
  const bool mine = owner == kNoPasid ? without : all_pasids || owner == pasid;
  return mine && from <= last && to > lo;
}

void Grants::add(const Grant& grant, const Rights& rights, std::uint64_t order,
                 std::uint64_t cycle) {
  std::uint32_t same = ~std::uint32_t{0};
  if (const auto found = by_target_.find(key(grant.target, grant.log2));
      found != by_target_.end()) {
    for (const std::uint32_t i : found->second) {
      const Grant& g = grants_[i];
      if (g.pasid == grant.pasid && g.privileged == grant.privileged &&
          g.untranslated == grant.untranslated && g.address == grant.address)
        same = i;
    }
  }
  if (same == ~std::uint32_t{0}) {
    if (grants_.size() >= limit_) drop_dead();
    same = static_cast<std::uint32_t>(grants_.size());
    grants_.push_back(grant);
    index(same);
  }
  Grant& g = grants_[same];
  const bool given[2] = {rights.read, rights.write};
  for (std::size_t i = 0; i < 2; ++i) {
    // Answers may come in another order than requests; the latest request is what counts.
    if (given[i] && !(g.rights[i].live() && g.rights[i].order > order))
      g.rights[i] = Right{.order = order};
  }
  if (rights.write) g.write_refused = false;
  if (!rights.write && rights.asked_write) g.write_refused = true;
  if (rights.read || rights.write) {
    const auto first = refusals_.lower_bound({g.pasid, g.address});
    for (auto at = first; at != refusals_.end() && at->first.first == g.pasid &&
                          at->first.second < g.address + g.bytes();
         ++at) {
      at->second.attempts = 0;
      for (std::size_t i = 0; i < 2; ++i) {
        if (given[i]) at->second.granted_cycle[i] = cycle;
      }
    }
  }
}

void Grants::index(std::uint32_t i) {
  const Grant& g = grants_[i];
  by_target_[key(g.target, g.log2)].push_back(i);
  by_address_[key(g.address, g.log2)].push_back(i);
  sizes_ |= std::uint64_t{1} << g.log2;
}

void Grants::drop_dead() {
  std::erase_if(grants_, [](const Grant& g) { return !g.any_live(); });
  limit_ = std::max(kMost, 2 * grants_.size());
  by_target_.clear();
  by_address_.clear();
  sizes_ = 0;
  for (std::uint32_t i = 0; i < grants_.size(); ++i) index(i);
}

/// Halves until a piece is wholly in scope, or not at all.
void Grants::split(Grant whole, const Scope& scope) {
  const std::uint64_t last = whole.address + (whole.bytes() - 1);
  const bool apart = last < scope.lo || whole.address > scope.last;
  const bool inside = whole.address >= scope.lo && last <= scope.last;
  if (apart || inside || whole.log2 == 12) {
    pieces_.push_back(whole);
    return;
  }
  --whole.log2;
  split(whole, scope);
  whole.address += whole.bytes();
  whole.target += whole.bytes();
  split(whole, scope);
}

void Grants::end(const Scope& scope, std::uint64_t before, GrantEnd why, std::uint64_t cycle) {
  const auto end_one = [&](Grant& g) {
    for (Right& r : g.rights) {
      if (!r.live() || r.order >= before) continue;
      r.end = why;
      r.ended_cycle = cycle;
    }
    if (!g.rights[0].live()) g.write_refused = false;
  };
  pieces_.clear();
  for (Grant& g : grants_) {
    if (!g.any_live() || !scope.covers(g.pasid, g.address, g.address + g.bytes())) continue;
    const bool inside = g.address >= scope.lo && g.address + (g.bytes() - 1) <= scope.last;
    if (inside) {
      end_one(g);
    } else {
      split(g, scope);
      g.rights = {};
    }
  }
  for (Grant& piece : pieces_) {
    if (scope.covers(piece.pasid, piece.address, piece.address + piece.bytes())) end_one(piece);
    grants_.push_back(piece);
    index(static_cast<std::uint32_t>(grants_.size() - 1));
  }
}

void Grants::forget_refusals(std::uint32_t pasid) {
  refusals_.erase(refusals_.lower_bound({pasid, 0}),
                  refusals_.upper_bound({pasid, ~std::uint64_t{0}}));
}

}  // namespace siov::check
