// SPDX-License-Identifier: Apache-2.0
// What the benchmark numbers stand on: the limit of the link, the replay of a stimulus, the median.
#include "system/bench_parts.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "system/lean_system.hpp"
#include "system/recording_device.hpp"

namespace siov::system {
namespace {

// 64 B beats shared with requests and one record; MPS 256 B, MRRS 512 B.
TEST(LinkLimitTest, BeatsOfRequestsAndRecordShareTheLinkWithData) {
  EXPECT_DOUBLE_EQ(link_limit(4096), 4096.0 / 73);  // 64 + 8 + 1
  EXPECT_DOUBLE_EQ(link_limit(256), 256.0 / 6);     // 4 + 1 + 1
  EXPECT_DOUBLE_EQ(link_limit(64), 64.0 / 3);       // 1 + 1 + 1
}

// Members have no record; 16 lines of the list take two reads of 512 bytes.
TEST(LinkLimitTest, BatchAddsItsListReadsAndOneRecord) {
  EXPECT_DOUBLE_EQ(link_limit(256, 16), 16 * 256.0 / 83);      // 16 * (4 + 1) + 2 + 1
  EXPECT_DOUBLE_EQ(link_limit(64, 2), 2 * 64.0 / 6);           // 2 * (1 + 1) + 1 + 1
  EXPECT_DOUBLE_EQ(link_limit(4096, 32), 32 * 4096.0 / 2309);  // 32 * (64 + 8) + 4 + 1
}

TEST(MedianTest, IsTheMiddleOrTheMeanOfTheTwoMiddleValues) {
  EXPECT_DOUBLE_EQ(median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median({4, 1, 2, 3}), 2.5);
}

/// Answers each valid downstream beat with its first word and adds all words up.
class Echo final : public pcie::LinkDevice {
 public:
  void reset() override { sum = 0; }
  void cycle(const Inputs& in, Outputs& out) override {
    out.up.valid = in.down.valid;
    if (in.down.valid && in.down.data != nullptr) {
      for (int i = 0; i < 16; ++i) sum = sum * 31 + in.down.data[i];
    }
  }
  std::uint64_t sum = 0;
};

TEST(StimulusTest, ReplayDrivesTheSameDataAndCountsTheSameBeats) {
  Echo first;
  Stimulus stimulus;
  RecordingDevice recorder(first, stimulus);
  recorder.reset();
  pcie::LinkDevice::Outputs out;
  std::array<std::uint32_t, 16> words{};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    pcie::LinkDevice::Inputs in;
    in.down.valid = i % 3 == 0;
    words.fill(i);  // the buffer is reused, as the real host does
    if (i % 6 == 0) in.down.data = words.data();
    in.up_ready = i % 2 == 0;
    recorder.cycle(in, out);
  }
  stimulus.seal();
  Echo second;
  EXPECT_EQ(stimulus.size(), 1000U);
  EXPECT_EQ(stimulus.recorded_beats(), 167U);  // multiples of 6 below 1000
  EXPECT_EQ(stimulus.replay(second), 167U);
  EXPECT_EQ(second.sum, first.sum);
  EXPECT_NE(first.sum, 0U);
}

}  // namespace
}  // namespace siov::system
