// SPDX-License-Identifier: Apache-2.0
// Header and replies of the device.
#include <gtest/gtest.h>

#include "vfio_user/protocol.hpp"
#include "vfio_user/reply.hpp"

namespace siov::vfio_user {
namespace {

TEST(HeaderTest, EveryFieldHasItsPlace) {
  // 2-byte id and command, 4-byte size, flags, error; little endian on this host.
  const std::array<std::byte, 16> wire = {
      std::byte{0x34}, std::byte{0x12}, std::byte{0x0A}, std::byte{0x00},
      std::byte{0x20}, std::byte{0x01}, std::byte{0x00}, std::byte{0x00},
      std::byte{0x21}, std::byte{0x00}, std::byte{0x00}, std::byte{0x00},
      std::byte{0x16}, std::byte{0x00}, std::byte{0x00}, std::byte{0x00}};
  const Header header = Header::decode(wire);
  EXPECT_EQ(header.id, 0x1234);
  EXPECT_EQ(header.command, Command::kRegionWrite);
  EXPECT_EQ(header.size, 0x120u);
  EXPECT_EQ(header.type(), 1u);
  EXPECT_TRUE(header.is_error());
  EXPECT_FALSE(header.no_reply());
  EXPECT_EQ(header.error, 22u);
  EXPECT_EQ(header.encode(), wire);
}

TEST(HeaderTest, CommandsHaveNames) {
  EXPECT_STREQ(name(Command::kVersion), "VERSION");
  EXPECT_STREQ(name(Command::kRegionWriteMulti), "REGION_WRITE_MULTI");
  EXPECT_STREQ(name(static_cast<Command>(0)), "command");
  EXPECT_STREQ(name(static_cast<Command>(999)), "command");
  for (std::uint16_t i = 1; i < kCommandEnd; ++i) {
    EXPECT_STRNE(name(static_cast<Command>(i)), "command") << i;
  }
}

TEST(ReplyTest, IsGivenOnce) {
  std::vector<int> given;
  Reply reply([&](int error) { given.push_back(error); });
  EXPECT_TRUE(reply);
  reply.succeed();
  EXPECT_FALSE(reply);
  reply.fail(EINVAL);
  EXPECT_EQ(given, std::vector<int>{0});
}

TEST(ReplyTest, DroppedOneFails) {
  std::vector<int> given;
  {
    const Reply reply([&](int error) { given.push_back(error); });
  }
  EXPECT_EQ(given, std::vector<int>{EIO});
}

TEST(ReplyTest, OverwrittenOneFailsAndMovedOneDoesNot) {
  std::vector<int> given;
  Reply first([&](int error) { given.push_back(error); });
  Reply second([&](int error) { given.push_back(100 + error); });
  first = std::move(second);
  EXPECT_EQ(given, std::vector<int>{EIO});
  first.fail(EPERM);
  EXPECT_EQ(given, (std::vector<int>{EIO, 100 + EPERM}));
}

TEST(ReplyTest, FailureWithoutErrorIsAnInputOutputError) {
  int given = 0;
  Reply reply([&](int error) { given = error; });
  reply.fail(0);
  EXPECT_EQ(given, EIO);
}

}  // namespace
}  // namespace siov::vfio_user
