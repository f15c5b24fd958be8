// SPDX-License-Identifier: Apache-2.0
// What each command does, and what each field does when it is wrong.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "fixture.hpp"

namespace siov::vfio_user::test {
namespace {

using Notes = std::vector<std::string>;

class CommandTest : public ServerTest {
 protected:
  std::unique_ptr<Client> client = connect();
  std::uint32_t error(std::uint16_t command, const Bytes& payload,
                      std::initializer_list<int> fds = {}) {
    const Received reply = ask(*client, command, payload, fds);
    if (reply.error != 0) {
      EXPECT_EQ(reply.flags, 0x21u);
      EXPECT_EQ(reply.size, 16u);  // an error has no payload
    }
    return reply.error;
  }
  FileDescriptor event{::eventfd(0, EFD_NONBLOCK)};
  FileDescriptor event2{::eventfd(0, EFD_NONBLOCK)};
};

TEST_F(CommandTest, DeviceInfo) {
  const Received reply = ask(*client, 4, Payload().u32(16).u32(0).u32(0).u32(0));
  EXPECT_EQ(reply.payload, Payload().u32(16).u32(3).u32(9).u32(5).get());
}

TEST_F(CommandTest, RegionInfo) {
  const auto info = [this](std::uint32_t index) {
    return ask(*client, 5, Payload().u32(32).u32(0).u32(index).u32(0).u64(0).u64(0)).payload;
  };
  const auto expected = [](std::uint32_t index, std::uint32_t flags, std::uint64_t bytes) {
    return Payload().u32(32).u32(flags).u32(index).u32(0).u64(bytes).u64(0).get();
  };
  EXPECT_EQ(info(0), expected(0, 3, 65536));
  EXPECT_EQ(info(1), expected(1, 0, 0));
  EXPECT_EQ(info(2), expected(2, 2, 16384));
  EXPECT_EQ(info(6), expected(6, 1, 4096));
  EXPECT_EQ(info(7), expected(7, 3, 4096));
  EXPECT_EQ(info(8), expected(8, 0, 0));
}

TEST_F(CommandTest, MappableRegionGivesItsDescriptorAndAreas) {
  client->close();
  settle();
  const FileDescriptor memory = memory_file(32768);
  device.description.regions[2].memory = memory.get();
  device.description.regions[2].memory_offset = 16384;
  client = connect();
  Received reply = ask(*client, 5, Payload().u32(32).u32(0).u32(2).u32(0).u64(0).u64(0));
  EXPECT_EQ(reply.payload, Payload().u32(32).u32(6).u32(2).u32(0).u64(16384).u64(16384).get());
  EXPECT_EQ(reply.fds.size(), 1u);

  client->close();
  settle();
  device.description.regions[2].mappable = {{.offset = 4096, .bytes = 4096},
                                            {.offset = 12288, .bytes = 4096}};
  client = connect();
  // Too little room: the size that is needed, no descriptor.
  reply = ask(*client, 5, Payload().u32(32).u32(0).u32(2).u32(0).u64(0).u64(0));
  EXPECT_EQ(reply.payload, Payload().u32(80).u32(14).u32(2).u32(32).u64(16384).u64(16384).get());
  EXPECT_EQ(reply.fds.size(), 0u);
  reply = ask(*client, 5, Payload().u32(80).u32(0).u32(2).u32(0).u64(0).u64(0));
  EXPECT_EQ(reply.payload, Payload()
                               .u32(80)
                               .u32(14)
                               .u32(2)
                               .u32(32)
                               .u64(16384)
                               .u64(16384)
                               .u16(1)
                               .u16(1)
                               .u32(0)
                               .u32(2)
                               .u32(0)
                               .u64(4096)
                               .u64(4096)
                               .u64(12288)
                               .u64(4096)
                               .get());
  EXPECT_EQ(reply.fds.size(), 1u);
}

TEST_F(CommandTest, IrqInfo) {
  const auto info = [this](std::uint32_t index) {
    return ask(*client, 7, Payload().u32(16).u32(0).u32(index).u32(0)).payload;
  };
  EXPECT_EQ(info(0), Payload().u32(16).u32(7).u32(0).u32(1).get());
  EXPECT_EQ(info(1), Payload().u32(16).u32(1).u32(1).u32(0).get());
  EXPECT_EQ(info(2), Payload().u32(16).u32(9).u32(2).u32(5).get());
}

TEST_F(CommandTest, SetIrqsAsQemuDoes) {
  // A vector without descriptor first, then with one, then all gone.
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(1)), 0u);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(2), {event.get(), event2.get()}),
            0u);
  server->irqs().trigger(2, 1);
  EXPECT_EQ(events(event2.get()), 1u);
  EXPECT_EQ(error(8, Payload().u32(22).u32(0x22).u32(2).u32(0).u32(2).fill(2, 0)), 0u);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x21).u32(2).u32(0).u32(0)), 0u);
  EXPECT_FALSE(server->irqs().assigned(2, 1));
  EXPECT_EQ(device.take_notes(),
            (Notes{"irqs kind 1 index 2 start 0 count 1", "irqs kind 0 index 2 start 0 count 2",
                   "irqs kind 5 index 2 start 0 count 2", "irqs kind 1 index 2 start 0 count 5"}));
}

TEST_F(CommandTest, RegionReadAndWrite) {
  Received reply = ask(*client, 10, Payload().u64(0xFFF8).u32(0).u32(8).fill(8, 0x40));
  EXPECT_EQ(reply.payload, Payload().u64(0xFFF8).u32(0).u32(8).get());
  reply = ask(*client, 9, Payload().u64(0xFFFA).u32(0).u32(4));
  EXPECT_EQ(reply.payload, Payload().u64(0xFFFA).u32(0).u32(4).fill(4, 0x42).get());
  reply = ask(*client, 9, Payload().u64(0).u32(7).u32(4096));
  EXPECT_EQ(reply.size, 16u + 16u + 4096u);
  EXPECT_EQ(device.take_notes(), (Notes{"write 0 0xfff8 8", "read 0 0xfffa 4", "read 7 0x0 4096"}));
}

TEST_F(CommandTest, PostedWriteHasNoReply) {
  client->command(5, 10, Payload().u64(8).u32(2).u32(8).fill(8), {}, 0x10);
  settle();
  EXPECT_FALSE(client->receive());
  EXPECT_EQ(device.take_notes(), Notes{"write 2 0x8 8 posted"});
  EXPECT_EQ(server->statistics().posted_writes, 1u);
  client->command(6, 10, Payload().u64(16384).u32(2).u32(8).fill(8), {}, 0x10);  // outside
  settle();
  EXPECT_FALSE(client->receive());
  EXPECT_EQ(server->statistics().unanswered_errors, 1u);
  EXPECT_TRUE(server->connected());
}

Payload& one_write(Payload& payload, std::uint64_t offset, std::uint32_t region,
                   std::uint32_t count, unsigned first = 1) {
  return payload.u64(offset).u32(region).u32(count).fill(8, first);
}

TEST_F(CommandTest, WriteMultiWritesInOrder) {
  Payload payload;
  payload.u64(3);
  one_write(payload, 0x10, 0, 8, 0x20);
  one_write(payload, 0x40, 2, 1);
  one_write(payload, 0x12, 0, 4, 0x80);
  EXPECT_EQ(ask(*client, 15, payload).payload, Payload().u64(3).get());
  EXPECT_EQ(device.take_notes(), (Notes{"write 0 0x10 8", "write 2 0x40 1", "write 0 0x12 4"}));
  EXPECT_EQ(ask(*client, 9, Payload().u64(0x10).u32(0).u32(8)).payload,
            Payload().u64(0x10).u32(0).u32(8).fill(2, 0x20).fill(4, 0x80).fill(2, 0x26).get());
  device.take_notes();
  client->command(5, 15, payload, {}, 0x10);
  settle();
  EXPECT_FALSE(client->receive());
  EXPECT_EQ(server->statistics().posted_writes, 3u);
  EXPECT_EQ(device.take_notes(),
            (Notes{"write 0 0x10 8 posted", "write 2 0x40 1 posted", "write 0 0x12 4 posted"}));
}

TEST_F(CommandTest, WriteMultiWaitsForEachWrite) {
  Payload payload;
  payload.u64(200);
  for (std::uint64_t i = 0; i < 200; ++i) one_write(payload, 8 * i, 0, 8);
  device.hold = true;
  client->command(1, 15, payload);
  settle();
  for (std::size_t i = 0; i < 200; ++i) {
    ASSERT_EQ(device.notes.size(), i + 1);
    ASSERT_EQ(device.replies.size(), 1u);
    EXPECT_FALSE(client->receive());
    Reply reply = std::move(device.replies.front());
    device.replies.pop_front();
    reply.succeed();
  }
  settle();
  EXPECT_TRUE(client->receive());
}

TEST_F(CommandTest, WriteMultiStopsAtTheFirstFailure) {
  Payload payload;
  payload.u64(3);
  for (std::uint64_t i = 0; i < 3; ++i) one_write(payload, 8 * i, 0, 8);
  device.error = EBUSY;
  EXPECT_EQ(error(15, payload), static_cast<std::uint32_t>(EBUSY));
  EXPECT_EQ(device.take_notes().size(), 1u);
}

TEST_F(CommandTest, WriteMultiIsCheckedAsAWhole) {
  const auto bad = [this](const Payload& payload) {
    EXPECT_EQ(error(15, payload), static_cast<std::uint32_t>(EINVAL));
    EXPECT_EQ(device.take_notes(), Notes{});
  };
  const auto second = [](std::uint64_t offset, std::uint32_t region, std::uint32_t count) {
    Payload payload;
    payload.u64(2);
    one_write(payload, 0, 0, 8);
    return one_write(payload, offset, region, count);
  };
  bad(second(0, 0, 9));
  bad(second(0, 0, 0));
  bad(second(65529, 0, 8));
  bad(second(~0ull, 0, 8));
  bad(second(0, 9, 8));
  bad(Payload().u64(0));
  bad(Payload().u32(0));
  bad(Payload());
  Payload less;
  bad(one_write(less.u64(2), 0, 0, 8));
  Payload more;
  more.u64(1);
  one_write(more, 0, 0, 8);
  bad(one_write(more, 0, 0, 8));
  Payload cut;
  bad(one_write(cut.u64(1), 0, 0, 8).fill(1));
  bad(Payload().u64(~0ull / 24).fill(24));
  EXPECT_EQ(error(15, second(0, 6, 8)), static_cast<std::uint32_t>(EACCES));
}

TEST_F(CommandTest, WriteMultiHasToBeAgreedOn) {
  client->close();
  settle();
  make({.write_multiple = false});
  client = connect();
  Payload payload;
  EXPECT_EQ(error(15, one_write(payload.u64(1), 0, 0, 8)), static_cast<std::uint32_t>(ENOTSUP));
}

TEST_F(CommandTest, Reset) {
  EXPECT_EQ(ask(*client, 13).size, 16u);
  EXPECT_EQ(device.take_notes(), Notes{"reset"});
  EXPECT_EQ(error(13, Payload().u32(0)), static_cast<std::uint32_t>(EINVAL));
  client->close();
  settle();
  device.description.resettable = false;
  client = connect();
  EXPECT_EQ(error(13, {}), static_cast<std::uint32_t>(ENOTSUP));
  EXPECT_EQ(ask(*client, 4, Payload().u32(16).u32(0).u64(0)).u32(4), 2u);
}

TEST_F(CommandTest, ErrorsOfTheDeviceReachTheClient) {
  device.error = ENXIO;
  const std::uint32_t expected = ENXIO;
  EXPECT_EQ(error(9, Payload().u64(0).u32(0).u32(4)), expected);
  EXPECT_EQ(error(10, Payload().u64(0).u32(0).u32(4).fill(4)), expected);
  EXPECT_EQ(error(13, {}), expected);
  device.error = 0;
  device.wrong_size = true;
  EXPECT_EQ(error(9, Payload().u64(0).u32(0).u32(4)), static_cast<std::uint32_t>(EIO));
  device.wrong_size = false;
  device.hold = true;
  client->command(1, 13);
  settle();
  device.replies.clear();  // dropped
  EXPECT_EQ(client->receive()->error, static_cast<std::uint32_t>(EIO));
}

// Memory -----------------------------------------------------------------------------------------

TEST_F(CommandTest, DmaMapSharesMemory) {
  const FileDescriptor file = memory_file(65536);
  EXPECT_EQ(map(*client, 0x10000, 0x4000, file.get(), 0x8000), 0u);
  EXPECT_EQ(map(*client, 0x20000, 0x1000, -1, 0, 1), 0u);
  EXPECT_EQ(device.take_notes(), (Notes{"map 0x10000 0x4000", "map 0x20000 0x1000"}));
  const std::byte data[] = {std::byte{0x5A}};
  ASSERT_TRUE(server->ram().write(Gpa{0x10010}, data));
  char found = 0;
  ASSERT_EQ(::pread(file.get(), &found, 1, 0x8010), 1);
  EXPECT_EQ(found, 0x5A);
  EXPECT_EQ(server->ram().reach(Gpa{0x20000}, 8, DmaAccess::kRead), Reach::kByMessage);
  EXPECT_EQ(server->ram().reach(Gpa{0x20000}, 8, DmaAccess::kWrite), Reach::kNoRight);
  EXPECT_EQ(map(*client, 0x13000, 0x1000, file.get()), static_cast<std::uint32_t>(EEXIST));
}

TEST_F(CommandTest, DmaMapFieldByField) {
  const FileDescriptor file = memory_file(65536);
  const auto bad = [&](const Payload& payload, std::initializer_list<int> fds) {
    EXPECT_EQ(error(2, payload, fds), static_cast<std::uint32_t>(EINVAL));
    EXPECT_EQ(server->ram().size(), 0u);
  };
  const int fd = file.get();
  bad(Payload().u32(31).u32(3).u64(0).u64(0).u64(4096), {fd});
  bad(Payload().u32(32).u32(0).u64(0).u64(0).u64(4096), {fd});
  bad(Payload().u32(32).u32(7).u64(0).u64(0).u64(4096), {fd});
  bad(Payload().u32(32).u32(3).u64(61441).u64(0).u64(4096), {fd});
  bad(Payload().u32(32).u32(3).u64(4096).u64(0).u64(4096), {});  // an offset into nothing
  bad(Payload().u32(32).u32(3).u64(0).u64(1).u64(4096), {fd});
  bad(Payload().u32(32).u32(3).u64(0).u64(0).u64(4095), {fd});
  bad(Payload().u32(32).u32(3).u64(0).u64(0).u64(0), {fd});
  bad(Payload().u32(32).u32(3).u64(0).u64(~0xFFFull).u64(8192), {});
  bad(Payload().u32(32).u32(3).u64(0).u64(0).u64(4096), {fd, fd});
  bad(Payload().u32(32).u32(3).u64(0).u64(0).u32(4096), {fd});
  bad(Payload().u32(32).u32(3).u64(0).u64(0).u64(4096).u32(0), {fd});
}

TEST_F(CommandTest, NumberOfMapsIsLimited) {
  client->close();
  settle();
  make({.max_dma_maps = 2});
  client = connect();
  EXPECT_EQ(map(*client, 0x0000, 0x1000, -1), 0u);
  EXPECT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  EXPECT_EQ(map(*client, 0x2000, 0x1000, -1), static_cast<std::uint32_t>(ENOSPC));
}

TEST_F(CommandTest, DmaUnmapTakesExactRanges) {
  for (const std::uint64_t at : {0x1000, 0x2000, 0x5000})
    EXPECT_EQ(map(*client, at, 0x1000, -1), 0u);
  device.take_notes();
  const Bytes request = Payload().u32(24).u32(0).u64(0x2000).u64(0x1000);
  EXPECT_EQ(ask(*client, 3, request).payload, request);
  EXPECT_EQ(device.take_notes(), Notes{"unmap 0x2000 0x1000"});
  EXPECT_EQ(server->ram().size(), 2u);
  EXPECT_EQ(error(3, request), 0u);  // nothing there any more
  EXPECT_EQ(error(3, Payload().u32(24).u32(0).u64(0).u64(1ull << 63)), 0u);
  EXPECT_EQ(device.take_notes(), (Notes{"unmap 0x1000 0x1000", "unmap 0x5000 0x1000"}));
  EXPECT_EQ(server->ram().size(), 0u);
}

TEST_F(CommandTest, DmaUnmapAll) {
  for (const std::uint64_t at : {0x1000, 0x2000, 0x5000})
    EXPECT_EQ(map(*client, at, 0x1000, -1), 0u);
  EXPECT_EQ(error(3, Payload().u32(24).u32(2).u64(0x1000).u64(0)),
            static_cast<std::uint32_t>(EINVAL));
  EXPECT_EQ(error(3, Payload().u32(24).u32(2).u64(0).u64(0x1000)),
            static_cast<std::uint32_t>(EINVAL));
  EXPECT_EQ(server->ram().size(), 3u);
  EXPECT_EQ(error(3, Payload().u32(24).u32(2).u64(0).u64(0)), 0u);
  EXPECT_EQ(server->ram().size(), 0u);
  EXPECT_EQ(error(3, Payload().u32(24).u32(2).u64(0).u64(0)), 0u);
}

TEST_F(CommandTest, DmaUnmapFieldByField) {
  EXPECT_EQ(map(*client, 0x1000, 0x2000, -1), 0u);
  const auto bad = [this](const Payload& payload, int expected = EINVAL) {
    EXPECT_EQ(error(3, payload), static_cast<std::uint32_t>(expected));
    EXPECT_EQ(server->ram().size(), 1u);
  };
  bad(Payload().u32(23).u32(0).u64(0x1000).u64(0x2000));
  bad(Payload().u32(24).u32(1).u64(0x1000).u64(0x2000), ENOTSUP);  // dirty bitmap
  bad(Payload().u32(24).u32(4).u64(0x1000).u64(0x2000));
  bad(Payload().u32(24).u32(0).u64(0x1000).u64(0x1000));  // cuts the range
  bad(Payload().u32(24).u32(0).u64(0x2000).u64(0x1000));
  bad(Payload().u32(24).u32(0).u64(0x1001).u64(0x2000));
  bad(Payload().u32(24).u32(0).u64(0x1000).u64(0));
  bad(Payload().u32(24).u32(0).u64(0x1000).u32(0x2000));
  bad(Payload().u32(24).u32(0).u64(0x1000).u64(0x2000).u32(0));
}

TEST_F(CommandTest, UnmapEndsWhenTheDeviceLetsGo) {
  const FileDescriptor file = memory_file(8192);
  EXPECT_EQ(map(*client, 0x1000, 0x1000, file.get()), 0u);
  EXPECT_EQ(map(*client, 0x2000, 0x1000, file.get(), 4096), 0u);
  device.hold = true;
  client->command(1, 3, Payload().u32(24).u32(0).u64(0x1000).u64(0x2000));
  settle();
  ASSERT_EQ(device.replies.size(), 2u);
  EXPECT_FALSE(client->receive());
  EXPECT_NE(server->ram().host(Gpa{0x1000}, 1), nullptr);
  device.replies[1].succeed();
  EXPECT_EQ(server->ram().host(Gpa{0x2000}, 1), nullptr);
  EXPECT_NE(server->ram().host(Gpa{0x1000}, 1), nullptr);
  device.replies[0].fail(EBUSY);
  settle();
  EXPECT_EQ(client->receive()->error, static_cast<std::uint32_t>(EBUSY));
  EXPECT_NE(server->ram().host(Gpa{0x1000}, 1), nullptr);  // still in use
}

// Fields -----------------------------------------------------------------------------------------

TEST_F(CommandTest, DeviceInfoFieldByField) {
  const std::uint32_t bad = EINVAL;
  EXPECT_EQ(error(4, Payload().u32(15).u32(0).u32(0).u32(0)), bad);
  EXPECT_EQ(error(4, Payload().u32(16).u32(1).u32(0).u32(0)), bad);
  EXPECT_EQ(error(4, Payload().u32(16).u32(0).u32(1).u32(0)), bad);
  EXPECT_EQ(error(4, Payload().u32(16).u32(0).u32(0).u32(1)), bad);
  EXPECT_EQ(error(4, Payload().u32(16).u32(0).u32(0)), bad);
  EXPECT_EQ(error(4, Payload().u32(20).u32(0).u32(0).u32(0).u32(0)), bad);
  EXPECT_EQ(error(4, {}), bad);
}

TEST_F(CommandTest, RegionInfoFieldByField) {
  const std::uint32_t bad = EINVAL;
  EXPECT_EQ(error(5, Payload().u32(31).u32(0).u32(0).u32(0).u64(0).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(1).u32(0).u32(0).u64(0).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(9).u32(0).u64(0).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(~0u).u32(0).u64(0).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(0).u32(1).u64(0).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(0).u32(0).u64(1).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(0).u32(0).u64(0).u64(1)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(0).u32(0).u64(0)), bad);
  EXPECT_EQ(error(5, Payload().u32(32).u32(0).u32(0).u32(0).u64(0).u64(0).u32(0)), bad);
}

TEST_F(CommandTest, IrqInfoFieldByField) {
  const std::uint32_t bad = EINVAL;
  EXPECT_EQ(error(7, Payload().u32(15).u32(0).u32(0).u32(0)), bad);
  EXPECT_EQ(error(7, Payload().u32(16).u32(1).u32(0).u32(0)), bad);
  EXPECT_EQ(error(7, Payload().u32(16).u32(0).u32(5).u32(0)), bad);
  EXPECT_EQ(error(7, Payload().u32(16).u32(0).u32(0).u32(1)), bad);
  EXPECT_EQ(error(7, Payload().u32(16).u32(0).u32(0)), bad);
  EXPECT_EQ(error(7, Payload().u32(16).u32(0).u32(0).u32(0).u32(0)), bad);
}

TEST_F(CommandTest, SetIrqsFieldByField) {
  const std::uint32_t bad = EINVAL;
  const int fd = event.get();
  EXPECT_EQ(error(8, Payload().u32(19).u32(0x24).u32(2).u32(0).u32(1), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(21).u32(0x24).u32(2).u32(0).u32(1), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x25).u32(2).u32(0).u32(1), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(5).u32(0).u32(1), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(2).u32(5).u32(1), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(2), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(1), {fd, fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(20).u32(0x24).u32(2).u32(0), {fd}), bad);
  EXPECT_EQ(error(8, Payload().u32(21).u32(0x22).u32(2).u32(0).u32(2).fill(1)), bad);
  EXPECT_EQ(device.take_notes(), Notes{});
}

TEST_F(CommandTest, RegionAccessFieldByField) {
  const std::uint32_t bad = EINVAL;
  for (const std::uint16_t command : {9, 10}) {
    const auto payload = [command](std::uint64_t offset, std::uint32_t region,
                                   std::uint32_t count) {
      Payload p;
      p.u64(offset).u32(region).u32(count);
      return command == 10 && count <= 4096 ? p.fill(count) : p;
    };
    EXPECT_EQ(error(command, payload(65536, 0, 1)), bad);
    EXPECT_EQ(error(command, payload(65533, 0, 4)), bad);
    EXPECT_EQ(error(command, payload(~0ull, 0, 1)), bad);
    EXPECT_EQ(error(command, payload(~0ull - 3, 0, 8)), bad);
    EXPECT_EQ(error(command, payload(0, 9, 4)), bad);
    EXPECT_EQ(error(command, payload(0, ~0u, 4)), bad);
    EXPECT_EQ(error(command, payload(0, 1, 4)), bad);  // a region of no size
    EXPECT_EQ(error(command, payload(0, 0, 0)), bad);
    EXPECT_EQ(error(command, payload(0, 0, ~0u)), bad);
    EXPECT_EQ(error(command, payload(0, command == 9 ? 2 : 6, 4)),
              static_cast<std::uint32_t>(EACCES));
  }
  EXPECT_EQ(error(9, Payload().u64(0).u32(0)), bad);
  EXPECT_EQ(error(9, Payload().u64(0).u32(0).u32(4).fill(4)), bad);
  EXPECT_EQ(error(10, Payload().u64(0).u32(0)), bad);
  EXPECT_EQ(error(10, Payload().u64(0).u32(0).u32(4).fill(3)), bad);
  EXPECT_EQ(error(10, Payload().u64(0).u32(0).u32(4).fill(5)), bad);
  EXPECT_EQ(device.take_notes(), Notes{});
}

TEST_F(CommandTest, AccessLargerThanAgreedIsRefused) {
  client->close();
  settle();
  make({.max_data_bytes = 64});
  client = connect();
  EXPECT_EQ(error(9, Payload().u64(0).u32(0).u32(64)), 0u);
  EXPECT_EQ(error(9, Payload().u64(0).u32(0).u32(65)), static_cast<std::uint32_t>(EINVAL));
}

TEST_F(CommandTest, DescriptorsWhereNoneBelongAreRefused) {
  const std::uint32_t bad = EINVAL;
  const int fd = event.get();
  EXPECT_EQ(error(4, Payload().u32(16).u32(0).u64(0), {fd}), bad);
  EXPECT_EQ(error(9, Payload().u64(0).u32(0).u32(4), {fd}), bad);
  EXPECT_EQ(error(13, {}, {fd}), bad);
  EXPECT_EQ(error(3, Payload().u32(24).u32(2).u64(0).u64(0), {fd}), bad);
}

TEST_F(CommandTest, MoreDescriptorsThanAgreedAreRefused) {
  const std::size_t before = open_descriptors();
  std::vector<int> fds(17, event.get());
  client->send(Client::message(1, 8, 0, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(5)), fds);
  settle();
  EXPECT_EQ(client->receive()->error, static_cast<std::uint32_t>(EINVAL));
  fds.resize(253, event.get());
  client->send(Client::message(1, 8, 0, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(5)), fds);
  settle();
  EXPECT_EQ(client->receive()->error, static_cast<std::uint32_t>(EINVAL));
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(CommandTest, TooManyDescriptorsInPiecesEndIt) {
  const Bytes message = Client::message(1, 8, 0, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(5));
  const std::vector<int> fds(200, event.get());
  client->send(std::span(message).first(16), fds);
  client->send(std::span(message).subspan(16), fds);
  settle();
  EXPECT_TRUE(client->closed());
}

TEST_F(CommandTest, DescriptorsStayWithTheirMessage) {
  // Back to back, in one go for the reader: each file has to end up at its own address.
  std::vector<FileDescriptor> files;
  Bytes all;
  for (std::uint64_t i = 0; i < 8; ++i) {
    files.push_back(memory_file(4096));
    const std::byte mark[] = {static_cast<std::byte>(0xA0 + i)};
    ASSERT_EQ(::pwrite(files.back().get(), mark, 1, 0), 1);
  }
  for (std::uint64_t i = 0; i < 8; ++i) {
    const Payload payload = Payload().u32(32).u32(3).u64(0).u64(0x1000 * i).u64(0x1000);
    if (i % 3 == 2) {
      client->command(static_cast<std::uint16_t>(i), 2, payload);
    } else {
      client->command(static_cast<std::uint16_t>(i), 2, payload, {files[i].get()});
    }
  }
  settle();
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(client->receive()->error, 0u);
    const std::byte* host = server->ram().host(Gpa{0x1000 * i}, 1);
    if (i % 3 == 2) {
      EXPECT_EQ(host, nullptr);
    } else {
      ASSERT_NE(host, nullptr);
      EXPECT_EQ(*host, static_cast<std::byte>(0xA0 + i));
    }
  }
}

TEST_F(CommandTest, CommandsThatAreNoneOrNotOffered) {
  for (const std::uint16_t command : {0, 19, 20, 255, 0x8001, 0xFFFF}) {
    EXPECT_EQ(error(command, {}), static_cast<std::uint32_t>(ENOSYS)) << command;
  }
  EXPECT_EQ(server->statistics().unknown_commands, 6u);
  EXPECT_EQ(error(6, Payload().u32(16).u32(0).u32(0).u32(0)), static_cast<std::uint32_t>(ENOTSUP));
  for (const std::uint16_t command : {14, 16, 17, 18}) {
    EXPECT_EQ(error(command, Payload().fill(24)), static_cast<std::uint32_t>(ENOTSUP)) << command;
  }
  for (const std::uint16_t command : {11, 12}) {  // ours to send
    EXPECT_EQ(error(command, Payload().u64(0).u64(8)), static_cast<std::uint32_t>(EINVAL));
  }
  EXPECT_TRUE(server->connected());
}

TEST_F(CommandTest, FlagsOfACommand) {
  for (int bit = 5; bit < 32; ++bit) {  // error, and bits without meaning
    client->command(3, 13, {}, {}, 1u << bit);
    settle();
    EXPECT_EQ(client->receive()->error, static_cast<std::uint32_t>(EINVAL)) << bit;
  }
  EXPECT_EQ(device.take_notes(), Notes{});
  client->send(Client::message(3, 13, 0, {}, 0, 77));  // the errno of a command has no meaning
  settle();
  EXPECT_EQ(client->receive()->error, 0u);
  for (const std::uint16_t command : {4, 9, 13, 99}) {
    client->command(3, command, {}, {}, 0x10);
    settle();
    EXPECT_FALSE(client->receive());
  }
}

}  // namespace
}  // namespace siov::vfio_user::test
