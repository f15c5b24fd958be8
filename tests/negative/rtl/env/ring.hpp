// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_eng_ring alone: all inputs random, but no translations, which only concern reads
// that it has asked for.
#pragma once

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  void drive() {
#define RING_PORT(name, width) randomize(dut.name, width);
    TOP_PORTS(RING_PORT)
    dut.rst_ni = 1;
    dut.clear_i = chance(64) ? 1 : 0;
    dut.fail_i = dut.sent_i = 0;
  }
  void sample() {}
};
