// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_read_buffers, 3 engines, 32 buffers: two engines in group 0, one in group 1.
// Each reads whenever it may, half of the time; what it holds comes back after a while. Option
// `allowed`: buffers of a group.
#pragma once

#include <deque>
#include <utility>

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  static constexpr unsigned kEngines = 3;

  void drive() {
    const unsigned allowed = option("allowed", 8);
    dut.grp_eng_i = 0b100011;
    dut.grp_rb_i = (allowed << 8 | 2) << 16 | allowed << 8;
    for (unsigned e = 0; e < kEngines; ++e) put(dut.rb_used_i, 12 * e, 12, lines_[e]);
  }

  void sample() {
    for (unsigned e = 0; e < kEngines; ++e) {
      auto& out = out_[e];
      while (!out.empty() && out.front().first <= cycle) {
        lines_[e] -= out.front().second;
        out.pop_front();
      }
      if ((dut.rb_ok_o >> e & 1) == 0 || chance(2)) continue;
      const unsigned take = 1 + below(8);
      lines_[e] += take;
      out.emplace_back(cycle + 300, take);
    }
  }

  unsigned lines_[kEngines] = {};
  std::deque<std::pair<unsigned, unsigned>> out_[kEngines];
};
