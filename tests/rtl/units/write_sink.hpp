// SPDX-License-Identifier: Apache-2.0
// WriteSink: takes the writes of a data unit, with stalls, and keeps the bytes by address.
//
//   WriteSink sink;
//   sink.stalls = 3;              // not ready in 2 of 3 cycles
//   sink.cycle(bench, random);    // one clock cycle of the bench
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "unit_bench.hpp"

namespace siov::test {

struct WriteSink {
  std::map<std::uint64_t, std::uint8_t> memory;
  unsigned stalls = 1;          ///< ready once in so many cycles
  std::uint64_t boundary = 64;  ///< that no write may cross [bytes]
  unsigned writes = 0;
  std::uint64_t largest = 0;  ///< bytes of the largest write

  /// One clock cycle; counts the write that the edge moves.
  template <class Bench>
  void cycle(Bench& bench, Random& random) {
    auto& top = bench.top;
    top.wr_ready_i = random.chance(stalls);
    bench.settle();
    if (top.wr_valid_o != 0 && top.wr_ready_i != 0) take(top);
    bench.tick();
  }

  /// The written bytes from an address on.
  Bytes at(std::uint64_t address, std::size_t bytes) const {
    Bytes out;
    for (std::size_t i = 0; i < bytes; ++i) {
      const auto found = memory.find(address + i);
      EXPECT_NE(found, memory.end()) << "byte " << i << " was not written";
      out.push_back(found == memory.end() ? 0 : found->second);
    }
    return out;
  }

 private:
  template <class Top>
  void take(const Top& top) {
    const std::uint64_t address = top.wr_addr_o;
    const unsigned bytes = top.wr_bytes_o;
    EXPECT_GE(bytes, 1u);
    EXPECT_LE(bytes, 64u);
    EXPECT_EQ(address / boundary, (address + bytes - 1) / boundary);
    for (unsigned i = 0; i < bytes; ++i) {  // the first byte is in lane address[1:0]
      const bool fresh =
          memory.emplace(address + i, get_byte(top.wr_data_o, address % 4 + i)).second;
      EXPECT_TRUE(fresh) << "byte written twice: " << std::hex << address + i;
    }
    ++writes;
    if (bytes > largest) largest = bytes;
  }
};

}  // namespace siov::test
