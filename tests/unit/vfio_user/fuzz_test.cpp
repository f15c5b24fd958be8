// SPDX-License-Identifier: Apache-2.0
// Seeded nonsense: bytes without sense, messages with wrong fields, any order, any end.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include "fixture.hpp"

namespace siov::vfio_user::test {
namespace {

class FuzzTest : public ServerTest {
 protected:
  std::uint64_t pick(std::uint64_t most) {
    return boost::random::uniform_int_distribution<std::uint64_t>(0, most)(random);
  }
  /// A number that is likely to mean something.
  std::uint64_t number() {
    static constexpr std::uint64_t kLikely[] = {
        0,       1,      2,       3,          4,          7,      8,        16,
        20,      24,     32,      0x24,       0x21,       0x1000, 0x2000,   0x4000,
        0x10000, 0xFFFF, 1 << 20, 1ull << 32, 1ull << 63, ~0ull,  ~0ull - 7};
    return pick(3) == 0 ? pick(~0ull) : kLikely[pick(std::size(kLikely) - 1)];
  }
  Bytes payload() {
    Payload p;
    for (std::uint64_t words = pick(10); words > 0; --words) {
      pick(1) == 0 ? p.u32(static_cast<std::uint32_t>(number())) : p.u64(number());
    }
    return p.get();
  }
  boost::random::mt19937_64 random{20240917};
};

TEST_F(FuzzTest, RandomBytes) {
  make();
  for (int round = 0; round < 300; ++round) {
    Client client(path());
    if (pick(1) == 0) client.command(1, 1, Client::version());
    Bytes bytes(pick(600));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(pick(255));
    client.send(bytes);
    settle();
  }
  EXPECT_NE(connect(), nullptr);
}

TEST_F(FuzzTest, RandomFieldsInMessagesThatHoldTogether) {
  make();
  const FileDescriptor event(::eventfd(0, EFD_NONBLOCK));
  const FileDescriptor file = memory_file(65536);
  const std::size_t before = open_descriptors();
  std::uint64_t done = 0;
  for (int round = 0; round < 100; ++round) {
    Client client(path());
    client.command(1, 1, Client::version());
    for (int i = 0; i < 60; ++i) {
      std::vector<int> fds;
      for (std::uint64_t n = pick(3) == 0 ? pick(3) : 0; n > 0; --n) {
        fds.push_back(pick(1) == 0 ? event.get() : file.get());
      }
      const auto command = static_cast<std::uint16_t>(pick(30) == 0 ? pick(65535) : 2 + pick(14));
      client.send(Client::message(static_cast<std::uint16_t>(i), command, pick(3) == 0 ? 0x10 : 0,
                                  payload()),
                  fds);
      if (pick(5) == 0) {
        server->dma_read(Gpa{pick(0x20000)}, pick(8192), [](int, std::span<const std::byte>) {});
      }
      if (pick(7) == 0) settle();
      while (client.receive()) ++done;
    }
  }
  settle();
  EXPECT_GT(done, 1000u);
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_NE(connect(), nullptr);
}

TEST_F(FuzzTest, FlippedBitsInGoodMessages) {
  make();
  const FileDescriptor file = memory_file(65536);
  const std::vector<std::pair<std::uint16_t, Bytes>> good = {
      {2, Payload().u32(32).u32(3).u64(0).u64(0x1000).u64(0x1000)},
      {3, Payload().u32(24).u32(0).u64(0x1000).u64(0x1000)},
      {4, Payload().u32(16).u32(0).u64(0)},
      {5, Payload().u32(32).u32(0).u32(7).u32(0).u64(0).u64(0)},
      {7, Payload().u32(16).u32(0).u32(2).u32(0)},
      {8, Payload().u32(20).u32(0x21).u32(2).u32(0).u32(0)},
      {9, Payload().u64(0).u32(0).u32(8)},
      {10, Payload().u64(0).u32(0).u32(8).fill(8)},
      {13, {}},
      {15, Payload().u64(1).u64(0).u32(0).u32(8).fill(8)}};
  for (const auto& [command, body] : good) {
    const Bytes message = Client::message(7, command, 0, body);
    for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
      Client client(path());
      client.command(1, 1, Client::version());
      Bytes flipped = message;
      flipped[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      if (command == 2) {
        client.send(flipped, {file.get()});
      } else {
        client.send(flipped);
      }
      settle();
    }
  }
  EXPECT_NE(connect(), nullptr);
}

}  // namespace
}  // namespace siov::vfio_user::test
