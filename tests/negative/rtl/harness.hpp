// SPDX-License-Identifier: Apache-2.0
// What the stimulus of every block uses: random numbers, bit fields of wide ports, handshakes.
//
//   struct Env : EnvBase {                       // one in each env/*.hpp
//     using EnvBase::EnvBase;
//     void drive() { dut.take_i = chance(2); }   // inputs of the coming clock edge
//     void sample() {}                           // outputs have settled, the edge comes next
//   };
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>

#include "Vtop.h"

/// Writes bits lsb..lsb+width-1 of a port; width 1..64.
template <typename Port>
void put(Port& port, unsigned lsb, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const std::uint64_t bit = (value >> i) & 1;
    if constexpr (std::is_integral_v<Port>) {
      const Port mask = static_cast<Port>(Port{1} << (lsb + i));
      port = static_cast<Port>(bit != 0 ? port | mask : port & ~mask);
    } else {
      EData& word = port.m_storage[(lsb + i) / 32];
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
      bit = (static_cast<std::uint64_t>(port) >> (lsb + i)) & 1;
    } else {
      bit = (port.m_storage[(lsb + i) / 32] >> ((lsb + i) % 32)) & 1;
    }
    value |= bit << i;
  }
  return value;
}

/// Options of one run, NAME=NUMBER on the command line.
using Options = std::map<std::string, unsigned>;

/// The device under test, the random numbers of the run, and its time.
struct EnvBase {
  EnvBase(Vtop& dut_in, boost::random::mt19937& random_in, const Options& options_in)
      : dut(dut_in), random(random_in), options(options_in) {}

  /// A number below the bound; bound > 0.
  std::uint32_t below(std::uint32_t bound) { return random() % bound; }
  /// True once in n times.
  bool chance(std::uint32_t n) { return below(n) == 0; }
  std::uint64_t bits64() {
    const std::uint64_t high = random();
    return (high << 32) | random();
  }
  unsigned option(const std::string& name, unsigned otherwise) const {
    const auto found = options.find(name);
    return found == options.end() ? otherwise : found->second;
  }

  /// Random bits into a port of this width.
  template <typename Port>
  void randomize(Port& port, unsigned width) {
    for (unsigned lsb = 0; lsb < width; lsb += 32) {
      put(port, lsb, width - lsb < 32 ? width - lsb : 32, random());
    }
  }

  Vtop& dut;
  boost::random::mt19937& random;
  const Options& options;
  unsigned cycle = 0;
};
