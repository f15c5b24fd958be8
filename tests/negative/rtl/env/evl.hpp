// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_evl, 2 engines: errors of every kind, a log of 8 entries that software reads
// slowly, a link and registers that take at random, halts and flushes.
#pragma once

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  static constexpr unsigned kSources = 3, kErrorBits = 428, kCodeLsb = 121;

  void drive() {
    dut.pasid_en_i = 1;
    dut.int_en_i = below(2);
    dut.flush_i = chance(200);
    if (chance(100)) halted_ = !halted_ && chance(4);
    dut.halt_i = halted_;
    const bool clear = dut.flush_i || dut.halt_i;
    dut.wr_ready_i = chance(3);
    dut.swerr_ready_i = chance(3);
    dut.swerr_valid_i &= ~answered_;
    for (unsigned s = 0; s < kSources; ++s) {
      if (clear) dut.swerr_valid_i &= ~(1U << s);
      if (clear || (dut.swerr_valid_i >> s & 1) != 0 || !chance(4)) continue;
      for (unsigned i = 0; i < kErrorBits; i += 4)
        put(dut.swerr_i, s * kErrorBits + i, 4, below(16));
      if (chance(3)) put(dut.swerr_i, s * kErrorBits + kCodeLsb, 8, 0x50 + below(6));
      dut.swerr_valid_i |= 1U << s;
    }
    // registers: configuration first, then the log is on and software moves the head
    dut.evl_mask_i = ~std::uint64_t{0};
    dut.evl_we_i = 0;
    dut.evl_start_i = cycle == 8;
    dut.evl_active_i = dut.evl_locked_i = cycle > 8;
    if (cycle == 5) dut.evl_we_i = 1, dut.evl_wdata_i = bits64();
    if (cycle == 6) dut.evl_we_i = 2, dut.evl_wdata_i = 8 | std::uint64_t{below(1 << 20)} << 16;
    if (cycle > 8 && chance(20)) {
      const std::uint64_t head = get(dut.evl_img_o, 128, 16), tail = get(dut.evl_img_o, 160, 16);
      dut.evl_we_i = 4;
      dut.evl_wdata_i = (head == tail ? head : (head + 1) % 8) | std::uint64_t{below(2)} << 62;
    }
  }

  void sample() { answered_ = dut.swerr_valid_i & dut.swerr_ready_o; }

  unsigned answered_ = 0;
  bool halted_ = false;
};
