// SPDX-License-Identifier: Apache-2.0
// From connecting to disconnecting: sockets, VERSION, order of commands, ends of all kinds.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "fixture.hpp"

namespace siov::vfio_user::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Notes = std::vector<std::string>;

class ConnectionTest : public ServerTest {};

TEST_F(ConnectionTest, VersionOpensTheSession) {
  make();
  Client client(path());
  settle();
  EXPECT_FALSE(server->connected());
  ASSERT_TRUE(client.command(0x1234, 1, Client::version()));
  settle();
  const auto reply = client.receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id, 0x1234);
  EXPECT_EQ(reply->command, 1);
  EXPECT_EQ(reply->flags, 1u);
  EXPECT_LE(reply->payload.size(), Client::version().size());
  EXPECT_TRUE(server->connected());
  EXPECT_EQ(device.take_notes(), Notes{"connected"});
  EXPECT_EQ(server->statistics().connections, 1u);
  EXPECT_EQ(server->statistics().commands[1], 1u);
}

TEST_F(ConnectionTest, AnythingElseFirstEndsIt) {
  make();
  for (const std::uint16_t command : {2, 4, 13, 0, 99}) {
    Client client(path());
    client.command(1, command);
    settle();
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->flags, 0x21u);
    EXPECT_EQ(reply->error, static_cast<std::uint32_t>(EINVAL));
    EXPECT_TRUE(client.closed());
    EXPECT_FALSE(server->connected());
  }
  EXPECT_EQ(device.take_notes(), Notes{});
  EXPECT_EQ(server->statistics().refused, 5u);
}

TEST_F(ConnectionTest, BadVersionsEndIt) {
  make();
  const FileDescriptor event(::eventfd(0, 0));
  const struct {
    Bytes payload;
    std::uint32_t error;
    bool fd;
  } cases[] = {{Payload().u16(1).u16(0), ENOTSUP, false},
               {Payload().u16(0), EINVAL, false},
               {Client::version("nonsense"), EINVAL, false},
               {Client::version(), EINVAL, true}};
  for (const auto& c : cases) {
    Client client(path());
    if (c.fd) {
      client.command(1, 1, c.payload, {event.get()});
    } else {
      client.command(1, 1, c.payload);
    }
    settle();
    const auto reply = client.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error, c.error);
    EXPECT_TRUE(client.closed());
  }
  Client silent(path());
  silent.command(1, 1, Client::version(), {}, 0x10);
  settle();
  EXPECT_FALSE(silent.receive());
  EXPECT_TRUE(silent.closed());
  EXPECT_NE(connect(), nullptr);
}

TEST_F(ConnectionTest, VersionComesOnce) {
  const auto client = connect();
  EXPECT_EQ(ask(*client, 1, Client::version()).error, static_cast<std::uint32_t>(EINVAL));
  EXPECT_TRUE(server->connected());
}

TEST_F(ConnectionTest, SecondClientIsTurnedAway) {
  const auto client = connect();
  Client second(path());
  settle();
  EXPECT_TRUE(second.closed());
  EXPECT_EQ(server->statistics().refused, 1u);
  EXPECT_EQ(ask(*client, 13).error, 0u);
}

TEST_F(ConnectionTest, NextClientComesWhenTheLastHasGone) {
  for (int i = 0; i < 3; ++i) {
    auto client = connect();
    EXPECT_EQ(ask(*client, 13).error, 0u);
    device.take_notes();
    client->close();
    settle();
    EXPECT_FALSE(server->connected());
    EXPECT_EQ(device.take_notes(), Notes{"disconnected: closed by the client"});
  }
  EXPECT_EQ(server->statistics().connections, 3u);
  EXPECT_EQ(server->statistics().broken, 0u);
}

TEST_F(ConnectionTest, NextClientIsSeenBeforeTheEndOfTheLast) {
  auto client = connect();
  client->close();
  Client next(path());  // both events are there in one poll
  next.command(1, 1, Client::version());
  settle();
  EXPECT_TRUE(next.receive());
  EXPECT_EQ(device.take_notes(), (Notes{"disconnected: closed by the client", "connected"}));
}

TEST_F(ConnectionTest, NextClientWaitsUntilTheDeviceIsDone) {
  auto client = connect();
  device.hold = true;
  client->close();
  settle();
  ASSERT_EQ(device.replies.size(), 1u);
  Client next(path());
  next.command(1, 1, Client::version());
  settle();
  EXPECT_FALSE(next.receive());
  EXPECT_FALSE(next.closed());
  device.hold = false;
  device.replies.front().succeed();
  settle();
  EXPECT_TRUE(next.receive());
  EXPECT_TRUE(server->connected());
}

TEST_F(ConnectionTest, MemoryStaysUntilTheDeviceIsDone) {
  auto client = connect();
  const FileDescriptor file = memory_file(8192);
  const FileDescriptor event(::eventfd(0, 0));
  ASSERT_EQ(map(*client, 0x1000, 0x1000, file.get()), 0u);
  ASSERT_EQ(ask(*client, 8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(1), {event.get()}).error,
            0u);
  device.hold = true;
  client->close();
  settle();
  EXPECT_NE(server->ram().host(Gpa{0x1000}, 1), nullptr);
  EXPECT_EQ(server->irqs().trigger(2, 0), Delivery::kNobody);
  device.replies.front().succeed();
  EXPECT_EQ(server->ram().host(Gpa{0x1000}, 1), nullptr);
  EXPECT_EQ(server->ram().size(), 0u);
}

TEST_F(ConnectionTest, DescriptorsAreClosedWithTheClient) {
  make();
  connect()->close();
  settle();
  const std::size_t before = open_descriptors();
  {
    auto client = connect();
    const FileDescriptor event(::eventfd(0, 0));
    const FileDescriptor file = memory_file(8192);
    ASSERT_EQ(map(*client, 0x1000, 0x1000, file.get()), 0u);
    ASSERT_EQ(map(*client, 0x800, 0x1000, file.get()), static_cast<std::uint32_t>(EINVAL));
    ask(*client, 8, Payload().u32(20).u32(0x24).u32(2).u32(0).u32(1), {event.get()});
    ask(*client, 13, {}, {event.get(), file.get()});
  }
  settle();
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ConnectionTest, DisconnectTellsBothSides) {
  const auto client = connect();
  server->disconnect("enough");
  settle();
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(device.take_notes(), Notes{"disconnected: enough"});
  EXPECT_FALSE(server->busy());
  server->disconnect("again");  // nobody is there
  settle();
  EXPECT_EQ(device.take_notes(), Notes{});
}

// Bytes that end somewhere -----------------------------------------------------------------------

TEST_F(ConnectionTest, MessageInSingleBytes) {
  const auto client = connect();
  const Bytes read = Client::message(7, 9, 0, Payload().u64(0x10).u32(0).u32(4));
  for (const std::byte& byte : read) {
    ASSERT_TRUE(client->send(std::span(&byte, 1)));
    settle();
  }
  const auto reply = client->receive();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->size, 36u);
  EXPECT_EQ(device.take_notes(), Notes{"read 0 0x10 4"});
}

TEST_F(ConnectionTest, ClientGoesAtEachByteOfAMessage) {
  const Bytes write = Client::message(7, 10, 0, Payload().u64(0x10).u32(0).u32(8).fill(8));
  for (std::size_t length = 0; length < write.size(); ++length) {
    const auto client = connect();
    ASSERT_TRUE(client->send(std::span(write).first(length)));
    if (length % 2 == 0) settle();  // seen before or together with the end
    client->close();
    settle();
    EXPECT_FALSE(server->connected());
    EXPECT_EQ(device.take_notes(),
              Notes{length == 0 ? "disconnected: closed by the client"
                                : "disconnected: closed by the client in the middle of a message"})
        << length;
  }
  EXPECT_EQ(server->statistics().broken, write.size() - 1);
}

TEST_F(ConnectionTest, ClientGoesAtEachByteOfVersion) {
  make();
  const Bytes version = Client::message(7, 1, 0, Client::version());
  for (std::size_t length = 0; length < version.size(); ++length) {
    Client client(path());
    ASSERT_TRUE(client.send(std::span(version).first(length)));
    client.close();
    settle();
  }
  EXPECT_EQ(device.take_notes(), Notes{});
  EXPECT_EQ(server->statistics().refused, version.size());
}

TEST_F(ConnectionTest, ClientGoesWithoutReadingItsReplies) {
  const auto client = connect();
  for (std::uint16_t i = 0; i < 10; ++i) client->command(i, 13);
  client->close();
  settle();
  EXPECT_FALSE(server->connected());
  EXPECT_EQ(device.notes.back().rfind("disconnected", 0), 0u);
}

TEST_F(ConnectionTest, SizesThatCannotBeEndIt) {
  for (const std::uint32_t size :
       {1u, 15u, 16u + 16u + (1u << 20) + 1u, 0x80000000u, 0xFFFFFFFFu}) {
    const auto client = connect();
    client->send(Client::message(1, 13, 0, {}, size));
    settle();
    EXPECT_TRUE(client->closed()) << size;
    EXPECT_EQ(device.take_notes(), Notes{"disconnected: message size " + std::to_string(size) +
                                         " is not in 16..1048608"});
  }
  const auto client = connect();
  Bytes zero = Client::message(1, 13, 0, {});
  zero[4] = std::byte{0};
  client->send(zero);
  settle();
  EXPECT_TRUE(client->closed());
}

TEST_F(ConnectionTest, TypesThatAreNoneEndIt) {
  for (std::uint32_t type = 2; type < 16; ++type) {
    const auto client = connect();
    client->command(1, 13, {}, {}, type);
    settle();
    EXPECT_TRUE(client->closed()) << type;
  }
}

TEST_F(ConnectionTest, ReplyToNothingEndsIt) {
  const auto client = connect();
  client->command(0, 11, Payload().u64(0).u64(0), {}, 1);
  settle();
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(device.take_notes(), Notes{"disconnected: reply 0 to a command that was not sent"});
}

// Order of commands ------------------------------------------------------------------------------

TEST_F(ConnectionTest, CommandsAreCarriedOutOneByOne) {
  const auto client = connect();
  device.hold = true;
  client->command(1, 9, Payload().u64(0).u32(0).u32(4));
  client->command(2, 10, Payload().u64(8).u32(0).u32(4).fill(4), {}, 0x10);
  client->command(3, 13);
  settle();
  EXPECT_TRUE(server->busy());
  EXPECT_EQ(device.notes, Notes{"read 0 0x0 4"});
  device.reads.front().first.succeed(device.reads.front().second);
  EXPECT_FALSE(server->busy());
  EXPECT_EQ(device.notes, Notes{"read 0 0x0 4"});  // not called from inside its own call
  settle();
  EXPECT_EQ(device.notes, (Notes{"read 0 0x0 4", "write 0 0x8 4 posted"}));
  device.replies.front().succeed();
  device.replies.pop_front();
  settle();
  EXPECT_EQ(device.notes, (Notes{"read 0 0x0 4", "write 0 0x8 4 posted", "reset"}));
  device.replies.front().succeed();
  settle();
  const auto first = client->receive();
  const auto second = client->receive();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->id, 1);
  EXPECT_EQ(second->id, 3);
  EXPECT_FALSE(client->receive());
}

TEST_F(ConnectionTest, ReplyAfterTheEndIsNoOnesReply) {
  auto client = connect();
  device.hold = true;
  client->command(1, 9, Payload().u64(0).u32(0).u32(4));
  settle();
  ASSERT_EQ(device.reads.size(), 1u);
  client->close();
  settle();
  ASSERT_EQ(device.replies.size(), 1u);
  device.replies.front().succeed();
  device.hold = false;
  client = connect();
  device.hold = true;
  client->command(9, 9, Payload().u64(0).u32(0).u32(4));
  settle();
  device.reads.front().first.succeed(device.reads.front().second);  // of the first client
  settle();
  EXPECT_FALSE(client->receive());
  device.reads.back().first.succeed(device.reads.back().second);
  settle();
  EXPECT_TRUE(client->receive());
}

TEST_F(ConnectionTest, DeviceMayEndTheSessionFromInsideACommand) {
  class Leaver : public NotingDevice {
   public:
    void reset(Reply done) override {
      note("reset");
      server->disconnect("from inside");
      done.succeed();
    }
    Server* server = nullptr;
  } leaver;
  Server own(context, {.socket_path = path()}, leaver);
  leaver.server = &own;
  Client client(path());
  client.command(1, 1, Client::version());
  client.command(2, 13);
  for (int i = 0; i < 20; ++i) own.poll();
  EXPECT_EQ(leaver.notes, (Notes{"connected", "reset", "disconnected: from inside"}));
  EXPECT_TRUE(client.receive());
  EXPECT_TRUE(client.closed());
}

TEST_F(ConnectionTest, QueueOfCommandsIsLimited) {
  make({.max_queued = 4});
  const auto client = connect();
  device.hold = true;
  for (std::uint16_t i = 0; i < 20; ++i) client->command(i, 13);
  settle();
  EXPECT_EQ(server->statistics().bytes_in, 16u + Client::version().size() + 5 * 16);
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(device.replies.empty());
    device.replies.front().succeed();
    device.replies.pop_front();
    settle();
  }
  for (std::uint16_t i = 0; i < 20; ++i) {
    const auto reply = client->receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->id, i);
  }
}

TEST_F(ConnectionTest, ClientThatDoesNotReadIsWaitedFor) {
  make({.max_queued = 8});
  const auto client = connect();
  const Bytes read = Client::message(7, 9, 0, Payload().u64(0).u32(0).u32(65536));
  constexpr int kReads = 40;  // far more than a socket holds
  for (int i = 0; i < kReads; ++i) ASSERT_TRUE(client->send(read));
  settle();
  EXPECT_LT(server->statistics().commands[9], kReads);
  int replies = 0;
  for (int i = 0; i < 1000 && replies < kReads; ++i) {
    while (client->receive()) ++replies;
    settle();
  }
  EXPECT_EQ(replies, kReads);
}

// Time -------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, ClientWithoutVersionIsGivenUp) {
  make({.version_timeout = milliseconds(500)});
  Client client(path());
  settle();
  server->check_deadlines(Clock::now() + milliseconds(400));
  EXPECT_FALSE(client.closed());
  server->check_deadlines(Clock::now() + milliseconds(500));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(log.back(), "no VERSION for 500 ms");
}

TEST_F(ConnectionTest, RestOfAMessageIsWaitedForSoLong) {
  make({.message_timeout = milliseconds(500)});
  const auto client = connect();
  const Bytes message = Client::message(1, 13, 0, {});
  client->send(std::span(message).first(5));
  settle();
  server->check_deadlines(Clock::now() + milliseconds(400));
  EXPECT_FALSE(client->closed());
  server->check_deadlines(Clock::now() + milliseconds(500));
  EXPECT_TRUE(client->closed());
  settle();
  EXPECT_EQ(device.take_notes(),
            Notes{"disconnected: the rest of a message is missing for 500 ms"});
}

TEST_F(ConnectionTest, IdleSessionHasNoTimeLimit) {
  const auto client = connect();
  server->check_deadlines(Clock::now() + std::chrono::hours(100));
  EXPECT_FALSE(client->closed());
}

TEST_F(ConnectionTest, ClientThatNeverReadsIsGivenUp) {
  make({.send_timeout = milliseconds(500)});
  const auto client = connect();
  const Bytes read = Client::message(7, 9, 0, Payload().u64(0).u32(0).u32(65536));
  for (int i = 0; i < 40; ++i) client->send(read);
  settle();
  server->check_deadlines(Clock::now() + milliseconds(400));
  EXPECT_TRUE(server->connected());
  server->check_deadlines(Clock::now() + milliseconds(500));
  EXPECT_FALSE(server->connected());
  settle();
  EXPECT_EQ(device.notes.back(), "disconnected: the client has not read for 500 ms");
}

TEST_F(ConnectionTest, TimerEndsWhatWaitsTooLong) {
  make({.version_timeout = milliseconds(1)});
  Client client(path());
  for (int i = 0; i < 100 && !client.closed(); ++i) server->wait(milliseconds(20));
  EXPECT_TRUE(client.closed());
}

TEST_F(ConnectionTest, WaitEndsWithTheFirstMessage) {
  const auto client = connect();
  client->command(1, 13);
  const auto before = Clock::now();
  EXPECT_GT(server->wait(std::chrono::minutes(5)), 0u);
  EXPECT_LT(Clock::now() - before, std::chrono::minutes(4));
  EXPECT_TRUE(client->receive());
  EXPECT_EQ(server->wait(milliseconds(0)), 0u);
}

// Sockets ----------------------------------------------------------------------------------------

TEST_F(ConnectionTest, SocketOfADeadServerIsReplaced) {
  make();
  const std::string copy = path() + "2";
  std::filesystem::rename(path(), copy);  // stays when the server goes
  server.reset();
  std::filesystem::rename(copy, path());
  make();
  EXPECT_NE(connect(), nullptr);
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ConnectionTest, SocketInUseOrNoSocketIsMisuse) {
  make();
  EXPECT_THROW(Server(context, {.socket_path = path()}, device), HarnessError);
  EXPECT_TRUE(std::filesystem::exists(path()));
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_THROW(Server(context, {.socket_path = directory_ + "/file"}, device), HarnessError);
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/file"));
  EXPECT_THROW(Server(context, {.socket_path = directory_ + "/no/such"}, device), HarnessError);
  EXPECT_THROW(Server(context, {.socket_path = ""}, device), HarnessError);
  EXPECT_THROW(Server(context, {.socket_path = std::string(108, 'x')}, device), HarnessError);
}

TEST_F(ConnectionTest, OptionsOutOfRangeAreMisuse) {
  const auto refused = [this](ServerOptions options) {
    options.socket_path = path();
    EXPECT_THROW(Server(context, options, device), HarnessError);
  };
  refused({.max_data_bytes = 7});
  refused({.max_data_bytes = (64u << 20) + 1});
  refused({.max_fds = 0});
  refused({.max_fds = 254});
  refused({.max_dma_maps = 0});
  refused({.max_queued = 0});
  refused({.max_dma_messages = 0});
  refused({.max_dma_messages = 32769});
}

TEST_F(ConnectionTest, DevicesThatCannotBeAreMisuse) {
  const auto refused = [this](auto change) {
    NotingDevice odd;
    change(odd.description);
    EXPECT_THROW(Server(context, {.socket_path = path()}, odd), HarnessError);
  };
  refused([](DeviceInfo& info) { info.regions.resize(8); });
  refused([](DeviceInfo& info) { info.irqs.resize(4); });
  refused([](DeviceInfo& info) { info.regions[0].mappable = {{.offset = 2048, .bytes = 4096}}; });
  refused([](DeviceInfo& info) { info.regions[0].mappable = {{.offset = 0, .bytes = 0}}; });
  refused([](DeviceInfo& info) { info.regions[0].mappable = {{.offset = 0, .bytes = 131072}}; });
}

TEST_F(ConnectionTest, SeveralServersOnOneContext) {
  make();
  NotingDevice other;
  Server second(context, {.socket_path = path() + "-b"}, other);
  const auto a = connect();
  Client b(path() + "-b");
  b.command(1, 1, Client::version());
  settle();  // polls the first server only
  ASSERT_TRUE(b.receive());
  device.hold = true;  // a command of the first waits, the second goes on
  a->command(1, 13);
  b.command(2, 13);
  settle();
  EXPECT_FALSE(a->receive());
  EXPECT_TRUE(b.receive());
  a->close();
  settle();
  EXPECT_TRUE(second.connected());
  b.command(3, 9, Payload().u64(0).u32(7).u32(4));
  settle();
  EXPECT_TRUE(b.receive());
}

TEST_F(ConnectionTest, ServerGoesWhileAClientIsThere) {
  const auto client = connect();
  device.hold = true;
  client->command(1, 9, Payload().u64(0).u32(0).u32(4));
  settle();
  server->dma_read(Gpa{0}, 4, [](int, std::span<const std::byte>) {});
  server.reset();
  context.restart();
  context.poll();
  EXPECT_TRUE(client->closed());
  device.reads.front().first.succeed({});  // too late, and harmless
}

}  // namespace
}  // namespace siov::vfio_user::test
