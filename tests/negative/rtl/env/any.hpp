// SPDX-License-Identifier: Apache-2.0
// Stimulus for blocks that take any input: all inputs random in every cycle, single bits set half
// of the time.
#pragma once

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  void drive() {
#define ANY_PORT(name, width) randomize(dut.name, width);
    TOP_PORTS(ANY_PORT)
    dut.rst_ni = 1;
#ifdef ANY_RARELY
    dut.ANY_RARELY = chance(64) ? 1 : 0;
#endif
  }
  void sample() {}
};
