// SPDX-License-Identifier: Apache-2.0
// What the directed tests of the interrupt block share: a bench of each size, all entries filled.
#pragma once

#include <gtest/gtest.h>

#include "irq_bench.hpp"

namespace siov::test {

inline constexpr std::uint64_t kMaskedWord = 0x0000'0001'0000'0000;   // control bit 0 above data 0
inline constexpr std::uint64_t kPendingWord = 0x0000'0003'0000'0000;  // masked and pending

/// The message of an entry in tests that use all: no two are alike.
inline std::uint64_t address_of(bool ims, unsigned i) {
  return ims ? 0xFEE0'0000 + 16u * i : 0x0000'0001'FEE0'0000 + 8u * i;
}
inline std::uint32_t data_of(bool ims, unsigned i) {
  return (ims ? 0x4000'0000u : 0x8000'0000u) + 7 * i;
}

inline const char* size_name(dut::IrqSize size) {
  return size == dut::IrqSize::kSmall     ? "Small"
         : size == dut::IrqSize::kDefault ? "Default"
                                          : "Large";
}

class IrqSizeTest : public ::testing::TestWithParam<dut::IrqSize> {
 protected:
  IrqBench bench{GetParam()};

  void program_all(bool ims, bool mask) {
    for (unsigned i = 0; i < bench.entries(ims); ++i) {
      bench.program(ims, i, address_of(ims, i), data_of(ims, i), mask);
    }
  }
  /// A message, checked, and taken off the list.
  void expect_message(bool ims, unsigned i) {
    ASSERT_FALSE(bench.messages.empty()) << "entry " << i;
    EXPECT_EQ(bench.messages.front().addr, address_of(ims, i)) << "entry " << i;
    EXPECT_EQ(bench.messages.front().data, data_of(ims, i)) << "entry " << i;
    bench.messages.erase(bench.messages.begin());
  }
};

}  // namespace siov::test
