// SPDX-License-Identifier: Apache-2.0
// Client: a vfio-user client for tests, message by message or byte by byte. Knows the wire by
// itself: nothing of sw/vfio_user is used to write or read a message.
//
//   Client client(path);
//   client.command(1, 13);                         // DEVICE_RESET with id 1
//   server.poll();
//   const auto reply = client.receive();
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vfio_user/file_descriptor.hpp"

namespace siov::vfio_user::test {

using Bytes = std::vector<std::byte>;

/// Little-endian numbers, one behind the other.
class Payload {
 public:
  Payload& u16(std::uint16_t value) { return number(value, 2); }
  Payload& u32(std::uint32_t value) { return number(value, 4); }
  Payload& u64(std::uint64_t value) { return number(value, 8); }
  Payload& bytes(std::span<const std::byte> data);
  /// Pattern bytes first, first + 1, ...
  Payload& fill(std::size_t count, unsigned first = 1);
  Payload& text(const std::string& text);           ///< without NUL
  operator const Bytes&() const { return bytes_; }  // NOLINT
  [[nodiscard]] const Bytes& get() const { return bytes_; }

 private:
  Payload& number(std::uint64_t value, int count);
  Bytes bytes_;
};

/// A message as the client sees it.
struct Received {
  std::uint16_t id = 0;
  std::uint16_t command = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
  std::uint32_t error = 0;
  Bytes payload;
  FileDescriptors fds;
  [[nodiscard]] std::uint64_t number(std::size_t offset, int bytes) const;
  [[nodiscard]] std::uint32_t u32(std::size_t offset) const {
    return static_cast<std::uint32_t>(number(offset, 4));
  }
  [[nodiscard]] std::uint64_t u64(std::size_t offset) const { return number(offset, 8); }
};

class Client {
 public:
  /// Connects. @throws std::runtime_error
  explicit Client(const std::string& path);
  [[nodiscard]] bool open() const { return static_cast<bool>(socket_); }
  void close() { socket_.reset(); }
  [[nodiscard]] int socket() const { return socket_.get(); }

  /// The bytes of a message. @param size  of the header; 0: what it really is
  static Bytes message(std::uint16_t id, std::uint16_t command, std::uint32_t flags,
                       const Bytes& payload, std::uint32_t size = 0, std::uint32_t error = 0);
  /// Sends bytes as they are, descriptors with the first. @return false if the server has closed
  bool send(std::span<const std::byte> bytes, std::initializer_list<int> fds = {});
  bool send(std::span<const std::byte> bytes, const std::vector<int>& fds);
  /// Sends a command.
  bool command(std::uint16_t id, std::uint16_t command, const Bytes& payload = {},
               std::initializer_list<int> fds = {}, std::uint32_t flags = 0);
  /// Sends a reply to a command of the server.
  bool reply(const Received& command, const Bytes& payload, std::uint32_t error = 0);

  /// The next message, if a whole one is there.
  std::optional<Received> receive();
  /// Nothing is there and nothing will come: the server has closed.
  [[nodiscard]] bool closed();

  /// VERSION as QEMU 11.1 sends it.
  static Bytes version(const std::string& json = kQemuProposal);
  static const std::string kQemuProposal;

 private:
  FileDescriptor socket_;
  Bytes buffer_;
  FileDescriptors buffer_fds_;
  bool eof_ = false;
  void read_all();
};

}  // namespace siov::vfio_user::test
