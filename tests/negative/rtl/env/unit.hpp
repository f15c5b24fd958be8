// SPDX-License-Identifier: Apache-2.0
// Stimulus for the data units of an engine: random inputs, but starts, flushes and clears that
// leave time for work, operations that exist, and destinations close to the end of a page.
#pragma once

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  void drive() {
#define UNIT_PORT(name, width) randomize(dut.name, width);
    TOP_PORTS(UNIT_PORT)
    dut.rst_ni = 1;
    dut.start_i = chance(48) ? 1 : 0;
    dut.clear_i = chance(200) ? 1 : 0;
    shape(dut);
  }
  void sample() {}

 private:
  template <typename Top>
  void shape(Top& top) {
    if constexpr (requires { top.flush_i; }) top.flush_i = chance(40) ? 1 : 0;
    if constexpr (requires { top.fault_i; }) top.fault_i = top.wr_valid_o && chance(60) ? 1 : 0;
    if constexpr (requires { top.opcode_i; }) put(top.opcode_i, 0, 8, 0x12 + below(4));
    if constexpr (requires { top.dst_i; }) {
      if (chance(2)) put(top.dst_i, 3, 9, 0x1FF);
    }
    // The first entry of a delta record that is applied: number 0.
    if constexpr (requires { top.size_i; }) {
      if (chance(2)) put(top.data_i, 0, 16, 0);
    }
  }
};
