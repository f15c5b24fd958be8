// SPDX-License-Identifier: Apache-2.0
// A server on a socket of its own directory, with a device that notes what it is asked.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client.hpp"
#include "vfio_user/server.hpp"

namespace siov::vfio_user::test {

/// Regions of bytes: BAR0 of 64 KiB, BAR2 of 16 KiB that cannot be read, ROM of 4 KiB that cannot
/// be written, config space of 4 KiB. 1 INTx (maskable, automasked), 5 MSI-X.
class NotingDevice : public Device {
 public:
  NotingDevice();
  [[nodiscard]] DeviceInfo info() const override { return description; }
  void connected() override { note("connected"); }
  void disconnected(const std::string& why, Reply done) override;
  void read_region(const RegionAccess& access, ReadReply reply) override;
  void write_region(const RegionAccess& access, std::span<const std::byte> data,
                    Reply reply) override;
  void reset(Reply done) override;
  void dma_mapped(const DmaRange& range) override;
  void dma_unmapped(const DmaRange& range, Reply done) override;
  void irqs_changed(const IrqChange& change) override;

  void note(const std::string& what) { notes.push_back(what); }
  /// What was noted since the last call.
  std::vector<std::string> take_notes() { return std::exchange(notes, {}); }

  DeviceInfo description;
  std::vector<Bytes> contents;  ///< of each region
  std::vector<std::string> notes;
  bool hold = false;                              ///< keep replies instead of giving them
  int error = 0;                                  ///< answer with this errno
  bool wrong_size = false;                        ///< answer reads with a byte too few
  std::deque<Reply> replies;                      ///< kept
  std::deque<std::pair<ReadReply, Bytes>> reads;  ///< kept, with their data

 private:
  void end(Reply reply);
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest();
  ~ServerTest() override;

  void make(ServerOptions options = {});
  /// Lets the server do all that there is to do.
  void settle();
  /// A client that has agreed on everything that QEMU proposes.
  std::unique_ptr<Client> connect();
  /// Sends a command and takes its reply. @return an empty message if there was none
  Received ask(Client& client, std::uint16_t command, const Bytes& payload = {},
               std::initializer_list<int> fds = {});
  /// Maps guest memory with a descriptor. @return errno of the reply
  std::uint32_t map(Client& client, std::uint64_t address, std::uint64_t bytes, int fd,
                    std::uint64_t offset = 0, std::uint32_t flags = 3);
  [[nodiscard]] const std::string& path() const { return path_; }

  std::string directory_;
  std::string path_;
  boost::asio::io_context context;
  NotingDevice device;
  std::vector<std::string> log;
  std::unique_ptr<Server> server;
  std::uint16_t next_id_ = 100;
};

/// Descriptors that this process has open.
std::size_t open_descriptors();
/// A memory file of so many bytes.
FileDescriptor memory_file(std::uint64_t bytes);
/// What was added to an eventfd since the last call.
std::uint64_t events(int fd);

}  // namespace siov::vfio_user::test
