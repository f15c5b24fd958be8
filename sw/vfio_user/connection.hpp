// SPDX-License-Identifier: Apache-2.0
// Connection: messages over a stream socket, with the descriptors that came with each. Never waits.
//
//   Connection connection(socket, max_message_bytes, max_fds);
//   Message message;
//   while (connection.receive(message) == Receipt::kMessage) handle(message);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "vfio_user/file_descriptor.hpp"
#include "vfio_user/protocol.hpp"

namespace siov::vfio_user {

struct Message {
  Header header;
  std::vector<std::byte> payload;  ///< header.size - 16 bytes
  FileDescriptors fds;             ///< came with a byte of this message
};

enum class Receipt : std::uint8_t {
  kMessage,  ///< one whole message
  kNothing,  ///< not yet
  kClosed,   ///< the other side has closed between two messages
  kBroken,   ///< nothing more can be read: why() says the reason
};

class Connection {
 public:
  /// @param socket       non-blocking use; belongs to the caller
  /// @param max_message  of what is received [bytes]
  Connection(int socket, std::size_t max_message);

  Receipt receive(Message& message);
  /// A message has begun and not ended.
  [[nodiscard]] bool mid_message() const { return header_bytes_ != 0; }
  /// Reason of kBroken, or of a send that failed.
  [[nodiscard]] const std::string& why() const { return why_; }

  /// Queues a message; header.size is set here. @param fds  are duplicated
  void send(Header header, std::span<const std::byte> payload, std::span<const int> fds = {});
  /// Sends what the socket takes. @return false if the connection is broken
  [[nodiscard]] bool flush();
  /// A send failed because the other side has closed.
  [[nodiscard]] bool gone() const { return gone_; }
  /// Messages that the socket has not taken whole.
  [[nodiscard]] std::size_t unsent() const { return outgoing_.size(); }

  [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
  [[nodiscard]] std::uint64_t bytes_out() const { return bytes_out_; }
  /// Whether the other side has closed, with or without something left to read.
  [[nodiscard]] bool hung_up() const;

 private:
  static constexpr std::size_t kMostFds = 253;  ///< of one sendmsg (SCM_MAX_FD)
  struct Outgoing {
    std::vector<std::byte> bytes;
    std::size_t sent = 0;
    FileDescriptors fds;
  };
  enum class Step : std::uint8_t { kDone, kNothing, kClosed, kBroken };
  Step fill(std::span<std::byte> bytes, std::size_t& have);
  bool take_fds(const void* message_header);
  Receipt ended(Step step);

  int socket_;
  std::size_t max_message_;
  std::array<std::byte, Header::kBytes> header_{};
  std::size_t header_bytes_ = 0;
  std::size_t payload_bytes_ = 0;
  Message incoming_;
  std::deque<Outgoing> outgoing_;
  std::string why_;
  bool gone_ = false;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

}  // namespace siov::vfio_user
