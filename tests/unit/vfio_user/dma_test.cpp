// SPDX-License-Identifier: Apache-2.0
// DMA by the server: through mapped memory and by message.
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>

#include "fixture.hpp"

namespace siov::vfio_user::test {
namespace {

using std::chrono::milliseconds;

class DmaTest : public ServerTest {
 protected:
  void start(ServerOptions options = {}, const std::string& json = Client::kQemuProposal) {
    make(std::move(options));
    client = std::make_unique<Client>(path());
    client->command(1, 1, Client::version(json));
    settle();
    ASSERT_TRUE(client->receive());
  }
  void read(std::uint64_t address, std::size_t bytes) {
    server->dma_read(Gpa{address}, bytes, [this](int error, std::span<const std::byte> data) {
      errors.push_back(error);
      found.assign(data.begin(), data.end());
    });
  }
  void write(std::uint64_t address, const Bytes& data) {
    server->dma_write(Gpa{address}, data, [this](int error) { errors.push_back(error); });
  }
  Received take() {
    settle();
    auto message = client->receive();
    EXPECT_TRUE(message);
    return message ? std::move(*message) : Received{};
  }
  /// Answers a DMA_READ with first, first + 1, ...
  void answer(const Received& request, unsigned first) {
    client->reply(request,
                  Payload().u64(request.u64(0)).u64(request.u64(8)).fill(request.u64(8), first));
    settle();
  }
  std::unique_ptr<Client> client;
  std::vector<int> errors;
  Bytes found;
};

using Errors = std::vector<int>;

TEST_F(DmaTest, MappedMemoryNeedsNoMessage) {
  start();
  const FileDescriptor file = memory_file(8192);
  ASSERT_EQ(map(*client, 0x1000, 0x2000, file.get()), 0u);
  write(0x1FFC, Payload().fill(8, 0x30));
  EXPECT_TRUE(errors.empty());  // in a later poll
  settle();
  read(0x1FFE, 4);
  settle();
  EXPECT_EQ(errors, (Errors{0, 0}));
  EXPECT_EQ(found, Payload().fill(4, 0x32).get());
  EXPECT_FALSE(client->receive());
  EXPECT_EQ(server->statistics().dma_messages, 0u);
}

TEST_F(DmaTest, ReadByMessage) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1010, 4);
  const Received request = take();
  EXPECT_EQ(request.command, 11);
  EXPECT_EQ(request.flags, 0u);
  EXPECT_EQ(request.payload, Payload().u64(0x1010).u64(4).get());
  EXPECT_EQ(server->dma_pending(), 1u);
  answer(request, 0x70);
  EXPECT_EQ(errors, Errors{0});
  EXPECT_EQ(found, Payload().fill(4, 0x70).get());
  EXPECT_EQ(server->dma_pending(), 0u);
}

TEST_F(DmaTest, WriteByMessage) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  const Bytes replies[] = {Payload().u64(0x1010).u64(6), Payload().u64(0x1010).u32(6), Bytes{}};
  for (const Bytes& reply : replies) {  // with 8 bytes of count, with 4, without anything
    write(0x1010, Payload().fill(6, 0x11));
    const Received request = take();
    EXPECT_EQ(request.command, 12);
    EXPECT_EQ(request.payload, Payload().u64(0x1010).u64(6).fill(6, 0x11).get());
    client->reply(request, reply);
    settle();
  }
  EXPECT_EQ(errors, (Errors{0, 0, 0}));
}

TEST_F(DmaTest, PiecesAreAsLargeAsTheClientTakes) {
  start({}, "{\"capabilities\":{\"max_data_xfer_size\":64,\"max_msg_fds\":1}}");
  ASSERT_EQ(map(*client, 0, 0x1000, -1), 0u);
  read(0x10, 150);
  const Received first = take();
  const Received second = take();
  const Received third = take();
  EXPECT_EQ(first.payload, Payload().u64(0x10).u64(64).get());
  EXPECT_EQ(second.payload, Payload().u64(0x50).u64(64).get());
  EXPECT_EQ(third.payload, Payload().u64(0x90).u64(22).get());
  answer(third, 0xC0);  // in any order
  answer(first, 0x00);
  EXPECT_TRUE(errors.empty());
  answer(second, 0x40);
  EXPECT_EQ(errors, Errors{0});
  EXPECT_EQ(found, Payload().fill(64, 0).fill(64, 0x40).fill(22, 0xC0).get());
}

TEST_F(DmaTest, RangesOfBothKindsInOneRequest) {
  start();
  const FileDescriptor file = memory_file(4096);
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  ASSERT_EQ(map(*client, 0x2000, 0x1000, file.get()), 0u);
  ASSERT_EQ(map(*client, 0x3000, 0x1000, -1), 0u);
  write(0x1FFE, Payload().fill(0x1004, 0));
  const Received first = take();
  const Received second = take();
  EXPECT_EQ(first.u64(0), 0x1FFEu);
  EXPECT_EQ(first.u64(8), 2u);
  EXPECT_EQ(second.u64(0), 0x3000u);
  EXPECT_EQ(second.u64(8), 2u);
  EXPECT_EQ(*server->ram().host(Gpa{0x2001}, 1), std::byte{3});
  client->reply(first, {});
  client->reply(second, {});
  settle();
  EXPECT_EQ(errors, Errors{0});
}

TEST_F(DmaTest, WhatCannotBeReachedIsNotSent) {
  start();
  DmaRange range;
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1, 0, 1), 0u);  // read only
  read(0x3000, 8);
  read(0x1FFC, 8);
  write(0x1000, Payload().fill(8));
  settle();
  EXPECT_EQ(errors, (Errors{EFAULT, EFAULT, EACCES}));
  EXPECT_FALSE(client->receive());
}

TEST_F(DmaTest, NoClientNoDma) {
  make();
  read(0x1000, 8);
  write(0x1000, Payload().fill(8));
  settle();
  EXPECT_EQ(errors, (Errors{ENOTCONN, ENOTCONN}));
}

TEST_F(DmaTest, NothingIsSentWhileTheClientWaits) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  device.hold = true;
  client->command(5, 9, Payload().u64(0).u32(0).u32(4));
  settle();
  read(0x1000, 8);
  settle();
  EXPECT_FALSE(client->receive());
  device.reads.front().first.succeed(device.reads.front().second);
  settle();
  EXPECT_EQ(take().command, 9);  // the reply first
  const Received request = take();
  EXPECT_EQ(request.command, 11);
  answer(request, 1);
  EXPECT_EQ(errors, Errors{0});
}

TEST_F(DmaTest, PostedWriteDoesNotHoldDmaBack) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  device.hold = true;
  client->command(5, 10, Payload().u64(0).u32(0).u32(4).fill(4), {}, 0x10);
  settle();
  EXPECT_TRUE(server->busy());
  read(0x1000, 8);
  EXPECT_EQ(take().command, 11);
}

TEST_F(DmaTest, AnswersComeBetweenCommands) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  const Received request = take();
  device.hold = true;
  client->command(5, 9, Payload().u64(0).u32(0).u32(4));
  client->command(6, 13);
  answer(request, 7);  // behind two commands, of which the first waits
  EXPECT_EQ(errors, Errors{0});
  EXPECT_TRUE(server->busy());
}

TEST_F(DmaTest, WindowLimitsWhatIsUnanswered) {
  start({.max_dma_messages = 2});
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  for (int i = 0; i < 5; ++i) read(0x1000 + 16u * static_cast<unsigned>(i), 8);
  EXPECT_EQ(take().u64(0), 0x1000u);
  const Received second = take();
  EXPECT_EQ(second.u64(0), 0x1010u);
  EXPECT_FALSE(client->receive());
  answer(second, 0);
  EXPECT_EQ(take().u64(0), 0x1020u);
  EXPECT_FALSE(client->receive());
}

TEST_F(DmaTest, ErrorsOfTheClient) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  client->reply(take(), {}, EPERM);
  read(0x1000, 8);
  Received request = take();
  client->send(Client::message(request.id, 11, 0x21, {}));  // an error without a number
  settle();
  EXPECT_EQ(errors, (Errors{EPERM, EIO}));
  EXPECT_TRUE(found.empty());
}

TEST_F(DmaTest, RepliesThatDoNotFit) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  const Bytes wrong[] = {Payload().u64(0x1000).u64(8).fill(7), Payload().u64(0x1000).u64(8).fill(9),
                         Payload().u64(0x1001).u64(8).fill(8), Payload().u64(0x1000).u64(7).fill(8),
                         Bytes{}};
  for (const Bytes& payload : wrong) {
    read(0x1000, 8);
    client->reply(take(), payload);
    settle();
  }
  write(0x1000, Payload().fill(8));
  client->reply(take(), Payload().u64(0x1000).u64(4));
  settle();
  EXPECT_EQ(errors, Errors(6, EPROTO));
  EXPECT_TRUE(server->connected());
}

TEST_F(DmaTest, ReplyWithAnotherCommandEndsTheSession) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  const Received request = take();
  client->send(Client::message(request.id, 12, 1, {}));
  settle();
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(errors, Errors{ECANCELED});
}

TEST_F(DmaTest, ReplyWithDescriptorsEndsTheSession) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  const Received request = take();
  const FileDescriptor file = memory_file(4096);
  client->send(Client::message(request.id, 11, 1, Payload().u64(0x1000).u64(8).fill(8)),
               {file.get()});
  settle();
  EXPECT_TRUE(client->closed());
}

TEST_F(DmaTest, ResetGivesUpWhatIsUnderWay) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  const Received request = take();
  EXPECT_EQ(ask(*client, 13).error, 0u);
  EXPECT_EQ(errors, Errors{ECANCELED});
  answer(request, 1);  // late, and dropped
  EXPECT_EQ(errors, Errors{ECANCELED});
  EXPECT_TRUE(server->connected());
}

TEST_F(DmaTest, UnmapGivesUpWhatTouchesTheRange) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  ASSERT_EQ(map(*client, 0x2000, 0x1000, -1), 0u);
  read(0x1FF8, 8);
  read(0x1FFC, 8);
  read(0x2000, 8);
  const Received a = take();
  for (int i = 0; i < 3; ++i) take();  // two pieces of the second, one of the third
  EXPECT_EQ(ask(*client, 3, Payload().u32(24).u32(0).u64(0x2000).u64(0x1000)).error, 0u);
  EXPECT_EQ(errors, (Errors{ECANCELED, ECANCELED}));
  answer(a, 1);
  EXPECT_EQ(errors, (Errors{ECANCELED, ECANCELED, 0}));
}

TEST_F(DmaTest, EndOfTheClientGivesUpAll) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  write(0x1000, Payload().fill(8));
  client->close();
  settle();
  EXPECT_EQ(errors, (Errors{ECANCELED, ECANCELED}));
}

TEST_F(DmaTest, SilentClientIsGivenUp) {
  start({.dma_timeout = milliseconds(500)});
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 8);
  settle();
  const auto now = std::chrono::steady_clock::now();
  server->check_deadlines(now + milliseconds(400));
  EXPECT_TRUE(server->connected());
  server->check_deadlines(now + milliseconds(500));
  settle();
  EXPECT_FALSE(server->connected());
  EXPECT_EQ(errors, Errors{ETIMEDOUT});
  EXPECT_EQ(device.notes.back(), "disconnected: no answer to a DMA message for 500 ms");
}

TEST_F(DmaTest, ClientThatWaitsItselfIsNotGivenUp) {
  start({.dma_timeout = milliseconds(500)});
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  device.hold = true;
  client->command(5, 9, Payload().u64(0).u32(0).u32(4));
  settle();
  read(0x1000, 8);
  server->check_deadlines(std::chrono::steady_clock::now() + std::chrono::hours(1));
  EXPECT_TRUE(server->connected());
}

TEST_F(DmaTest, NothingToMoveIsDoneAtOnce) {
  start();
  ASSERT_EQ(map(*client, 0x1000, 0x1000, -1), 0u);
  read(0x1000, 0);
  write(0x2000, {});
  settle();
  EXPECT_EQ(errors, (Errors{0, EFAULT}));
}

}  // namespace
}  // namespace siov::vfio_user::test
