// SPDX-License-Identifier: Apache-2.0
// Two engines, a link and a host around siov_ats: few pages, few owners, everything in random
// order; ATS, PRI and the cache are switched off and cleared now and then.
#pragma once

#include <array>
#include <vector>

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  static constexpr unsigned kEngines = 2;

  void drive() {
    put(dut.cfg_i, 0, 35, kOn);
    if (off > 0) --off;
    if (chance(700)) off = 1 + below(8);
    if (off > 0) put(dut.cfg_i, 1, 1, 0);
    if (chance(600)) pri_off = 1 + below(8);
    if (pri_off > 0) put(dut.cfg_i, 0, 1, 0), --pri_off;
    put(dut.stu_i, 0, 5, 0);
    put(dut.pri_alloc_i, 0, 32, 2);
    put(dut.xl_forget_i, 0, 1, chance(300));
    put(dut.pri_reset_i, 0, 1, 0);
    for (unsigned e = 0; e < kEngines; ++e) {
      if (!offered[e] && chance(2)) {
        offered[e] = true;
        const unsigned lsb = e * 82;
        put(dut.xl_req_i, lsb, 6, below(64));
        put(dut.xl_req_i, lsb + 6, 1, chance(6));
        put(dut.xl_req_i, lsb + 7, 1, 0);
        put(dut.xl_req_i, lsb + 8, 20, below(2));
        put(dut.xl_req_i, lsb + 28, 1, !chance(4));
        put(dut.xl_req_i, lsb + 29, 1, chance(3));
        put(dut.xl_req_i, lsb + 30, 52, below(12));
      }
      put(dut.xl_valid_i, e, 1, offered[e]);
      put(dut.xi_busy_i, e, 1, cycle >= mark + 2 && cycle < busy_until[e]);
    }
    put(dut.xr_ready_i, 0, 1, chance(2));
    put(dut.pm_ready_i, 0, 1, chance(4));
    drive_completion();
    drive_message();
  }

  void sample() {
    for (unsigned e = 0; e < kEngines; ++e) {
      if (get(dut.xl_ready_o, e, 1) != 0) offered[e] = false;
    }
    if (get(dut.xi_mark_o, 0, 1) != 0) {
      mark = cycle;
      for (auto& until : busy_until) until = cycle + 2 + below(40);
    }
    if (get(dut.xr_valid_o, 0, 1) != 0 && get(dut.xr_ready_i, 0, 1) != 0 && !chance(30)) {
      reads.push_back(
          {cycle + 1 + below(30), static_cast<unsigned>(get(dut.xr_req_o, 2, 10)), 0, false});
    }
    if (get(dut.pm_valid_o, 0, 1) != 0 && get(dut.pm_ready_i, 0, 1) != 0) {
      if (get(dut.pm_o, 86, 1) == 0) {
        open &= ~static_cast<std::uint32_t>(get(dut.pm_o, 22, 32));
      } else if (!chance(10)) {
        pages.push_back({cycle + 1 + below(60), static_cast<unsigned>(get(dut.pm_o, 25, 9)),
                         static_cast<unsigned>(get(dut.pm_o, 1, 20)), get(dut.pm_o, 21, 1) != 0});
      }
    }
  }

 private:
  // ATS, PRI, PASID, privileged mode, 8-bit tags, bus master.
  static constexpr std::uint64_t kOn = 1 | 2 | 16 | 32 | 1u << 13 | 1u << 16;
  struct Due {
    std::uint64_t cycle;
    unsigned tag, pasid;
    bool pasid_valid;
  };

  void drive_completion() {
    put(dut.cpl_valid_i, 0, 1, 0);
    for (auto it = reads.begin(); it != reads.end(); ++it) {
      if (it->cycle > cycle) continue;
      put(dut.cpl_valid_i, 0, 1, 1);
      put(dut.cpl_sop_i, 0, 1, 1);
      put(dut.cpl_eop_i, 0, 1, 1);
      const bool good = !chance(20);
      put(dut.cpl_i, 0, 8, 0);
      put(dut.cpl_i, 8, 12, 8);
      put(dut.cpl_i, 20, 10, good ? 2 : 0);
      put(dut.cpl_i, 30, 1, 0);
      put(dut.cpl_i, 31, 1, good);
      put(dut.cpl_i, 32, 3, good ? 0 : chance(30) ? 1 : 4);
      put(dut.cpl_i, 35, 10, it->tag);
      put(dut.cpl_data_i, 0, 56, bits64());
      put(dut.cpl_data_i, 56, 8, below(4));
      reads.erase(it);
      return;
    }
  }

  void drive_message() {
    put(dut.vm_valid_i, 0, 1, 0);
    const unsigned itag = below(32);
    if (chance(40) && ((open >> itag) & 1u) == 0) {
      open |= 1u << itag;
      put(dut.vm_valid_i, 0, 1, 1);
      put(dut.vm_i, 0, 13, 0);
      const std::uint64_t page = below(12);
      const bool all = chance(20);
      put(dut.vm_i, 13, 64, all ? 0x7FFFFFFFFFFFF800u : page << 12 | (chance(2) ? 0x800u : 0u));
      put(dut.vm_i, 77, 20, below(2));
      put(dut.vm_i, 97, 1, chance(2));
      put(dut.vm_i, 98, 5, itag);
      put(dut.vm_i, 103, 16, chance(3) ? 0x10 : 0x20);
      put(dut.vm_i, 119, 1, 1);
      return;
    }
    if (pages.empty() || pages.front().cycle > cycle) return;
    put(dut.vm_valid_i, 0, 1, 1);
    put(dut.vm_i, 0, 4, chance(50) ? 15 : below(2));
    put(dut.vm_i, 4, 9, pages.front().tag);
    put(dut.vm_i, 77, 20, pages.front().pasid);
    put(dut.vm_i, 97, 1, pages.front().pasid_valid);
    put(dut.vm_i, 119, 1, 0);
    pages.erase(pages.begin());
  }

  std::array<bool, kEngines> offered{};
  std::array<std::uint64_t, kEngines> busy_until{};
  std::uint64_t mark = 0;
  std::vector<Due> reads, pages;
  std::uint32_t open = 0;
  unsigned off = 0, pri_off = 0;
};
