// SPDX-License-Identifier: Apache-2.0
// What QEMU 11.1.3 sent while Linux 6.17.8 booted, idxd configured a queue, submitted ten
// descriptors and the machine was switched off: qemu_boot.txt, a line a message: command, flags
// (hex), number of descriptors, payload (hex).
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <fstream>
#include <string>

#include "fixture.hpp"

namespace siov::vfio_user::test {
namespace {

class BootTraceTest : public ServerTest {
 protected:
  struct Line {
    std::uint16_t command = 0;
    std::uint32_t flags = 0;
    std::size_t fds = 0;
    Bytes payload;
  };
  static std::vector<Line> trace() {
    std::vector<Line> lines;
    std::ifstream in(SIOV_TEST_SOURCE "/qemu_boot.txt");
    std::string command, flags, fds, hex;
    while (in >> command >> flags >> fds >> hex) {
      Line line{static_cast<std::uint16_t>(std::stoul(command)),
                static_cast<std::uint32_t>(std::stoul(flags, nullptr, 16)),
                std::stoul(fds),
                {}};
      for (std::size_t i = 0; hex != "-" && i < hex.size(); i += 2) {
        line.payload.push_back(static_cast<std::byte>(std::stoul(hex.substr(i, 2), nullptr, 16)));
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }
  void SetUp() override {
    device.description.regions[2] = {.bytes = 131072, .readable = true, .writable = true};
    device.contents[2].resize(131072);
    device.description.irqs[2].count = 9;
    make();
    client = std::make_unique<Client>(path());
  }
  /// Sends a line with fresh descriptors.
  void send(const Line& line, std::uint16_t id) {
    std::vector<int> fds;
    for (std::size_t i = 0; i < line.fds; ++i) {
      fds.push_back(line.command == 2 ? memory.get() : event.get());
    }
    ASSERT_TRUE(client->send(Client::message(id, line.command, line.flags, line.payload), fds));
  }
  std::unique_ptr<Client> client;
  FileDescriptor memory = memory_file(512u << 20);
  FileDescriptor event{::eventfd(0, EFD_NONBLOCK)};
};

TEST_F(BootTraceTest, EveryMessageIsAnsweredWell) {
  const std::vector<Line> lines = trace();
  ASSERT_EQ(lines.size(), 590u);
  std::array<std::uint64_t, 19> counts{};
  std::uint16_t id = 0;
  for (const Line& line : lines) {
    send(line, ++id);
    settle();
    ++counts[line.command];
    const auto reply = client->receive();
    if ((line.flags & 0x10) != 0) {
      EXPECT_FALSE(reply);
      continue;
    }
    ASSERT_TRUE(reply) << "command " << line.command;
    EXPECT_EQ(reply->id, id);
    EXPECT_EQ(reply->command, line.command);
    EXPECT_EQ(reply->flags, 1u) << "command " << line.command << " failed with " << reply->error;
    // QEMU takes the reply into the memory of the request, except data that it asked for.
    if (line.command != 9 && line.command != 5) EXPECT_LE(reply->size, 16 + line.payload.size());
  }
  // VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS, REGION_READ,
  // REGION_WRITE, RESET
  const std::array<std::uint64_t, 19> expected = {0, 1, 34, 55, 1, 7, 0, 2, 2, 240, 247, 0, 0, 1};
  EXPECT_EQ(counts, expected);
  const ServerStatistics statistics = server->statistics();
  EXPECT_EQ(statistics.commands, expected);
  EXPECT_EQ(statistics.error_replies, 0u);
  EXPECT_EQ(statistics.unanswered_errors, 0u);
  client->close();
  settle();
  EXPECT_EQ(device.notes.back(), "disconnected: closed by the client");
  EXPECT_EQ(server->statistics().broken, 0u);
}

TEST_F(BootTraceTest, AllInOneGoIsTheSame) {
  const std::vector<Line> lines = trace();
  std::uint16_t id = 0;
  std::uint64_t replies = 0;
  std::uint64_t expected = 0;
  for (const Line& line : lines) {
    send(line, ++id);
    if ((line.flags & 0x10) == 0) ++expected;
    if (id % 50 == 0) settle();
    while (client->receive()) ++replies;
  }
  settle();
  while (client->receive()) ++replies;
  EXPECT_EQ(replies, expected);
  EXPECT_EQ(server->statistics().error_replies, 0u);
}

TEST_F(BootTraceTest, EndAfterAnyMessage) {
  const std::vector<Line> lines = trace();
  for (std::size_t length = 1; length < lines.size(); length += 17) {
    client = std::make_unique<Client>(path());
    for (std::size_t i = 0; i < length; ++i) {
      send(lines[i], static_cast<std::uint16_t>(i));
      if (i % 50 == 49) settle();  // a socket does not hold more
    }
    if (length % 2 == 0) settle();
    client->close();
    settle();
    EXPECT_FALSE(server->connected());
    EXPECT_EQ(server->ram().size(), 0u);
  }
  EXPECT_EQ(server->statistics().broken, 0u);
}

}  // namespace
}  // namespace siov::vfio_user::test
