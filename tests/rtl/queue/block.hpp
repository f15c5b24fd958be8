// SPDX-License-Identifier: Apache-2.0
// One Verilated block with a clock, and bit fields of its ports.
//
//   Block<Vevl_block> block;             // reset is over
//   block.dut().evl_we_i = 1;
//   block.tick();                        // a clock edge
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "verilated.h"

namespace siov::blocks {

/// Writes bits lsb..lsb+width-1 of a port; width 1..64.
template <typename Port>
void put(Port& port, unsigned lsb, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const std::uint64_t bit = (value >> i) & 1u;
    if constexpr (std::is_integral_v<Port>) {
      const auto mask = static_cast<Port>(std::uint64_t{1} << (lsb + i));
      port = static_cast<Port>(bit != 0 ? port | mask : port & ~mask);
    } else {
      auto& word = port.m_storage[(lsb + i) / 32];
      const EData mask = EData{1} << ((lsb + i) % 32);
      word = bit != 0 ? word | mask : word & ~mask;
    }
  }
}

/// Reads bits lsb..lsb+width-1 of a port; width 1..64.
template <typename Port>
std::uint64_t get(const Port& port, unsigned lsb, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    std::uint64_t bit = 0;
    if constexpr (std::is_integral_v<Port>) {
      bit = (static_cast<std::uint64_t>(port) >> (lsb + i)) & 1u;
    } else {
      bit = (port.m_storage[(lsb + i) / 32] >> ((lsb + i) % 32)) & 1u;
    }
    value |= bit << i;
  }
  return value;
}

/// A block, its clock and the random numbers of a test.
template <typename Dut>
class Block {
 public:
  explicit Block(std::uint32_t seed = 1) : random_(seed), dut_(std::make_unique<Dut>(&context_)) {
    dut_->rst_ni = 0;
    for (int i = 0; i < 4; ++i) tick();
    dut_->rst_ni = 1;
  }
  ~Block() { dut_->final(); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  Dut& dut() { return *dut_; }
  /// Lets combinational outputs follow the inputs.
  void settle() {
    dut_->clk_i = 0;
    dut_->eval();
  }
  /// One clock edge.
  void tick() {
    settle();
    dut_->clk_i = 1;
    dut_->eval();
    context_.timeInc(1);
    ++cycle_;
  }
  std::uint64_t cycle() const { return cycle_; }
  /// A number below the bound; bound > 0.
  std::uint32_t below(std::uint32_t bound) { return random_() % bound; }
  /// True once in n times.
  bool chance(std::uint32_t n) { return below(n) == 0; }

 private:
  VerilatedContext context_;
  boost::random::mt19937 random_;
  std::unique_ptr<Dut> dut_;
  std::uint64_t cycle_ = 0;
};

}  // namespace siov::blocks
