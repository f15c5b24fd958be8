// SPDX-License-Identifier: Apache-2.0
// Device and server of the tests.
#include "fixture.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace siov::vfio_user::test {

NotingDevice::NotingDevice() {
  description.regions.resize(9);
  description.regions[0] = {.bytes = 65536, .readable = true, .writable = true};
  description.regions[2] = {.bytes = 16384, .readable = false, .writable = true};
  description.regions[6] = {.bytes = 4096, .readable = true, .writable = false};
  description.regions[7] = {.bytes = 4096, .readable = true, .writable = true};
  description.irqs.resize(5);
  description.irqs[0] = {.count = 1, .flags = 0x7};
  description.irqs[2] = {.count = 5, .flags = 0x9};
  description.irqs[4] = {.count = 1, .flags = 0x0};
  for (const RegionInfo& region : description.regions) {
    Bytes& bytes = contents.emplace_back(region.bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  }
}

void NotingDevice::end(Reply reply) {
  if (hold) {
    replies.push_back(std::move(reply));
  } else if (error != 0) {
    reply.fail(error);
  } else {
    reply.succeed();
  }
}

void NotingDevice::disconnected(const std::string& why, Reply done) {
  note("disconnected: " + why);
  end(std::move(done));
}

void NotingDevice::read_region(const RegionAccess& access, ReadReply reply) {
  note(fmt::format("read {} {:#x} {}", access.region, access.offset, access.bytes));
  const auto first = contents[access.region].begin() + static_cast<std::ptrdiff_t>(access.offset);
  Bytes data(first, first + access.bytes);
  if (wrong_size) data.pop_back();
  if (hold) {
    reads.emplace_back(std::move(reply), std::move(data));
  } else if (error != 0) {
    reply.fail(error);
  } else {
    reply.succeed(data);
  }
}

void NotingDevice::write_region(const RegionAccess& access, std::span<const std::byte> data,
                                Reply reply) {
  note(fmt::format("write {} {:#x} {}{}", access.region, access.offset, access.bytes,
                   access.posted ? " posted" : ""));
  std::copy(data.begin(), data.end(),
            contents[access.region].begin() + static_cast<std::ptrdiff_t>(access.offset));
  end(std::move(reply));
}

void NotingDevice::reset(Reply done) {
  note("reset");
  end(std::move(done));
}

void NotingDevice::dma_mapped(const DmaRange& range) {
  note(fmt::format("map {:#x} {:#x}", range.address.value, range.bytes));
}

void NotingDevice::dma_unmapped(const DmaRange& range, Reply done) {
  note(fmt::format("unmap {:#x} {:#x}", range.address.value, range.bytes));
  end(std::move(done));
}

void NotingDevice::irqs_changed(const IrqChange& change) {
  note(fmt::format("irqs kind {} index {} start {} count {}", static_cast<int>(change.kind),
                   change.index, change.start, change.count));
}

ServerTest::ServerTest() {
  std::string pattern = (std::filesystem::temp_directory_path() / "siov-vfio-XXXXXX").string();
  directory_ = ::mkdtemp(pattern.data());
  path_ = directory_ + "/socket";
}

ServerTest::~ServerTest() {
  server.reset();
  std::filesystem::remove_all(directory_);
}

void ServerTest::make(ServerOptions options) {
  server.reset();
  options.socket_path = path_;
  options.log = [this](const std::string& line) { log.push_back(line); };
  server = std::make_unique<Server>(context, std::move(options), device);
}

void ServerTest::settle() {
  for (int i = 0; i < 10000; ++i) {
    if (server->poll() == 0) return;
  }
  ADD_FAILURE() << "the server does not come to rest";
}

std::unique_ptr<Client> ServerTest::connect() {
  if (!server) make();
  auto client = std::make_unique<Client>(path_);
  client->command(1, 1, Client::version());
  settle();
  const auto reply = client->receive();
  EXPECT_TRUE(reply && reply->flags == 1) << "VERSION was refused";
  device.take_notes();
  return client;
}

Received ServerTest::ask(Client& client, std::uint16_t command, const Bytes& payload,
                         std::initializer_list<int> fds) {
  const std::uint16_t id = next_id_++;
  client.command(id, command, payload, fds);
  settle();
  std::optional<Received> reply = client.receive();
  if (!reply) return {};
  EXPECT_EQ(reply->id, id);
  EXPECT_EQ(reply->command, command);
  EXPECT_EQ(reply->flags & 0x1F, 1u);
  return std::move(*reply);
}

std::uint32_t ServerTest::map(Client& client, std::uint64_t address, std::uint64_t bytes, int fd,
                              std::uint64_t offset, std::uint32_t flags) {
  const Bytes payload = Payload().u32(32).u32(flags).u64(offset).u64(address).u64(bytes).get();
  const Received reply = fd >= 0 ? ask(client, 2, payload, {fd}) : ask(client, 2, payload);
  EXPECT_EQ(reply.size, 16u);
  return reply.error;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

FileDescriptor memory_file(std::uint64_t bytes) {
  FileDescriptor fd(::memfd_create("guest", MFD_CLOEXEC));
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return {};
  return fd;
}

std::uint64_t events(int fd) {
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof count) == sizeof count ? count : 0;
}

}  // namespace siov::vfio_user::test
