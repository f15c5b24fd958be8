// SPDX-License-Identifier: Apache-2.0
// What tests of single blocks share: a Verilated block with its clock, and assertions that become
// test failures.
//
//   Block<Vgearbox_tx> b;
//   b.dut->in_valid_i = 1;
//   b.settle();              // combinational outputs of these inputs
//   b.edge();
#pragma once

#include <gtest/gtest.h>
#include <verilated.h>

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <memory>

namespace siov::test {

template <class Model>
class Block {
 public:
  Block() {
    context.threads(1);
    dut = std::make_unique<Model>(&context, "TOP");
    dut->clk_i = 0;
    dut->rst_ni = 0;
  }
  ~Block() {
    // The model takes its scopes off the thread's context, which may by now be another block's.
    Verilated::threadContextp(&context);
    dut->final();
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Call with all inputs driven.
  void reset() {
    dut->rst_ni = 0;
    for (int i = 0; i < 4; ++i) edge();
    dut->rst_ni = 1;
  }
  void settle() { dut->eval(); }
  /// One rising edge; inputs and outputs of this cycle are those before the call.
  void edge() {
    dut->clk_i = 1;
    dut->eval();
    dut->clk_i = 0;
    dut->eval();
    ++cycles;
  }

  VerilatedContext context;
  std::unique_ptr<Model> dut;
  std::uint64_t cycles = 0;
};

/// Numbers for stimulus; the same ones in every run.
class Random {
 public:
  explicit Random(std::uint32_t seed) : generator_(seed) {}
  std::uint32_t word() { return static_cast<std::uint32_t>(generator_()); }
  std::uint32_t below(std::uint32_t bound) { return word() % bound; }
  bool percent(std::uint32_t chance) { return below(100) < chance; }

 private:
  boost::random::mt19937 generator_;
};

}  // namespace siov::test
