// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_queue, 5 queues (1 shared, the others dedicated), 2 engines in one group: portal
// writes of every kind, engines that take and finish descriptors at random, drains with and without
// discard, flushes.
#pragma once

#include <deque>
#include <utility>

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  static constexpr unsigned kEngines = 2;
  static constexpr unsigned kDispWidth = 597, kCfgWidth = 88;

  void drive() {
    for (unsigned wq = 0; wq < 5; ++wq) {
      const unsigned at = wq * kCfgWidth;
      put(dut.wq_cfg_i, at + 6, 5, 31);        // transfers of any size
      put(dut.wq_cfg_i, at + 12, 20, 5 + wq);  // PASID
      put(dut.wq_cfg_i, at + 32, 1, 1);
      put(dut.wq_cfg_i, at + 33, 4, 9 - 2 * wq);  // priority
      put(dut.wq_cfg_i, at + 38, 1, wq != 1);     // dedicated
      put(dut.wq_cfg_i, at + 39, 16, 2);          // threshold
      put(dut.wq_cfg_i, at + 55, 16, 4);          // size
      put(dut.wq_cfg_i, at + 71, 16, 4 * wq);     // base
      put(dut.wq_cfg_i, at + 87, 1, 1);
    }
    dut.grp_wq_i = 0b0000011111;
    dut.grp_eng_i = 0b0011;
    const bool flush = chance(300);
    dut.flush_i = flush;
    if (cycle % 64 == 0) slow_ = chance(2);
    // portal
    randomize(dut.portal_data_i, 512);
    const unsigned wq = below(5);
    dut.portal_valid_i = !chance(8);
    dut.portal_i = 0;
    put(dut.portal_i, 0, 2, below(4));
    put(dut.portal_i, 2, 8, wq);
    put(dut.portal_i, 10, 1, !chance(16));
    put(dut.portal_i, 11, 1, chance(16) ? wq != 1 : wq == 1);
    put(dut.portal_data_i, 56, 8, chance(16) ? 2 : 3);  // opcode: sometimes a drain
    // engines
    if (flush) finished_[0].clear(), finished_[1].clear();
    dut.disp_ready_i = flush ? 0 : (slow_ ? (chance(8) ? below(4) : 0) : below(4));
    dut.done_valid_i = 0;
    for (unsigned e = 0; e < kEngines; ++e) {
      waiting_[e] = !flush && !finished_[e].empty() && (waiting_[e] || chance(3));
      if (!waiting_[e]) continue;
      dut.done_valid_i |= 1U << e;
      put(dut.done_wq_i, 8 * e, 8, finished_[e].front().first);
      put(dut.done_epoch_i, e, 1, finished_[e].front().second);
    }
    // control
    dut.drain_start_i = !flush && !draining_ && chance(60);
    if (dut.drain_start_i) dut.drain_mask_i = below(32), discarding_ = chance(2);
    dut.discard_i = discarding_ && draining_ ? dut.drain_mask_i : 0;
    dut.discard_pasid_en_i = 0;
    dut.lk_ok_i = below(2);
    dut.swerr_ready_i = chance(4);
  }

  void sample() {
    draining_ = dut.drain_busy_o != 0 || dut.drain_start_i;
    for (unsigned e = 0; e < kEngines; ++e) {
      if ((dut.done_valid_i & dut.done_ready_o) >> e & 1) {
        finished_[e].pop_front();
        waiting_[e] = false;
      }
      if ((dut.disp_valid_o & dut.disp_ready_i) >> e & 1) {
        const unsigned at = e * kDispWidth;
        finished_[e].emplace_back(get(dut.disp_o, at + 77, 8), get(dut.disp_o, at + 76, 1));
      }
    }
  }

  std::deque<std::pair<unsigned, unsigned>> finished_[kEngines];
  bool waiting_[kEngines] = {};
  bool slow_ = false, draining_ = false, discarding_ = false;
};
