// SPDX-License-Identifier: Apache-2.0
// TrappedPortal: assembly of stores and the list of descriptors that wait.
#include "vdcm/trapped_portal.hpp"

#include <gtest/gtest.h>

namespace siov::vdcm {
namespace {

HeldDescriptor descriptor(std::uint8_t queue, unsigned mark) {
  HeldDescriptor d;
  d.queue = queue;
  d.line[0] = static_cast<std::byte>(mark);
  return d;
}

TEST(TrappedPortalTest, QueuesWaitInOrderUpToTheirOwnCapacity) {  // SIOV-H-42
  TrappedPortal portal;
  EXPECT_TRUE(portal.hold(descriptor(0, 1), 2));
  EXPECT_TRUE(portal.hold(descriptor(1, 2), 1));
  EXPECT_TRUE(portal.hold(descriptor(0, 3), 2));
  EXPECT_FALSE(portal.hold(descriptor(0, 4), 2));
  EXPECT_FALSE(portal.hold(descriptor(1, 5), 1));
  EXPECT_EQ(portal.held(0), 2u);
  EXPECT_EQ(portal.held(1), 1u);
  EXPECT_EQ(portal.take(), descriptor(0, 1));
  EXPECT_EQ(portal.take(), descriptor(1, 2));
  EXPECT_TRUE(portal.hold(descriptor(1, 6), 1));
  portal.drop_held(0);
  EXPECT_EQ(portal.take(), descriptor(1, 6));
  EXPECT_EQ(portal.take(), std::nullopt);
}

TEST(TrappedPortalTest, LineIsWholeWhenEachByteWasWritten) {  // SIOV-H-11
  TrappedPortal portal;
  for (std::uint32_t at = 0; at < 56; at += 8) EXPECT_FALSE(portal.store(0x1000 + at, 8, 0x11));
  EXPECT_FALSE(portal.store(0x1000, 8, 0x2222'2222'2222'2222));  // again: the last value counts
  EXPECT_FALSE(portal.store(0x1038, 4, 0x3333'3333));
  EXPECT_FALSE(portal.store(0x2038, 8, 0));  // another slot
  EXPECT_EQ(portal.open_slots(), 2u);
  const auto line = portal.store(0x103C, 4, 0x4444'4444);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ((*line)[0], std::byte{0x22});
  EXPECT_EQ((*line)[8], std::byte{0x11});
  EXPECT_EQ((*line)[59], std::byte{0x33});
  EXPECT_EQ((*line)[63], std::byte{0x44});
  EXPECT_EQ(portal.open_slots(), 1u);
  portal.drop_parts(0x2000);
  EXPECT_EQ(portal.open_slots(), 0u);
}

}  // namespace
}  // namespace siov::vdcm
