// SPDX-License-Identifier: Apache-2.0
// UnitBench: one Verilated block, its clock and reset, and byte access to wide ports.
//
//   UnitBench<Vsiov_eng_crc> bench;
//   put_bytes(bench.top.data_i, bytes);
//   bench.settle();                       // outputs that depend on inputs
//   bench.tick();                         // clock edge
#pragma once

#include <verilated.h>

#include <boost/random/mersenne_twister.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace siov::test {

using Bytes = std::vector<std::uint8_t>;

/// Clock of one block; all inputs but reset are the caller's, 0 at first.
template <class Top>
class UnitBench {
 public:
  UnitBench() : top(&context_) {
    top.clk_i = 0;
    top.rst_ni = 0;
    for (int i = 0; i < 3; ++i) tick();
    top.rst_ni = 1;
    settle();
  }
  ~UnitBench() { top.final(); }
  UnitBench(const UnitBench&) = delete;
  UnitBench& operator=(const UnitBench&) = delete;

  /// Outputs follow the inputs.
  void settle() {
    top.clk_i = 0;
    top.eval();
  }
  /// Clock edge; outputs are those behind it.
  void tick() {
    settle();
    top.clk_i = 1;
    top.eval();
    settle();
    ++cycles;
  }

 private:
  VerilatedContext context_;

 public:
  Top top;
  std::uint64_t cycles = 0;
};

/// Bytes from bit 0 of a wide port on; the others stay.
template <class Port>
void put_bytes(Port& port, std::span<const std::uint8_t> bytes, std::size_t lane = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t at = lane + i;
    const unsigned shift = 8 * (at % 4);
    auto& word = port.m_storage[at / 4];
    word = (word & ~(0xFFu << shift)) | (static_cast<std::uint32_t>(bytes[i]) << shift);
  }
}

template <class Port>
std::uint8_t get_byte(const Port& port, std::size_t lane) {
  return static_cast<std::uint8_t>(port.m_storage[lane / 4] >> (8 * (lane % 4)));
}

/// Random numbers of one test, by seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((bits() >> 33) % bound);
  }
  bool chance(std::uint32_t n) { return below(n) == 0; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(bits() >> 40); }
  Bytes bytes(std::size_t n) {
    Bytes out(n);
    for (std::uint8_t& b : out) b = byte();
    return out;
  }

 private:
  boost::random::mt19937_64 engine_;
};

}  // namespace siov::test
