// SPDX-License-Identifier: Apache-2.0
// The wire, written a second time.
#include "client.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace siov::vfio_user::test {

const std::string Client::kQemuProposal =
    "{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, \"max_dma_maps\": 65535, "
    "\"max_data_xfer_size\": 1048576, \"migration\": {\"max_bitmap_size\": 268435456, "
    "\"pgsize\": 4096}, \"write_multiple\": true}}";

Payload& Payload::number(std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  return *this;
}

Payload& Payload::bytes(std::span<const std::byte> data) {
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  return *this;
}

Payload& Payload::fill(std::size_t count, unsigned first) {
  for (std::size_t i = 0; i < count; ++i) bytes_.push_back(static_cast<std::byte>(first + i));
  return *this;
}

Payload& Payload::text(const std::string& text) {
  for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
  return *this;
}

std::uint64_t Received::number(std::size_t offset, int bytes) const {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= std::to_integer<std::uint64_t>(payload.at(offset + static_cast<std::size_t>(i)))
             << (8 * i);
  }
  return value;
}

Client::Client(const std::string& path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect: " + std::string(std::strerror(errno)));
  }
}

Bytes Client::message(std::uint16_t id, std::uint16_t command, std::uint32_t flags,
                      const Bytes& payload, std::uint32_t size, std::uint32_t error) {
  const auto whole = static_cast<std::uint32_t>(16 + payload.size());
  return Payload()
      .u16(id)
      .u16(command)
      .u32(size == 0 ? whole : size)
      .u32(flags)
      .u32(error)
      .bytes(payload)
      .get();
}

bool Client::send(std::span<const std::byte> bytes, std::initializer_list<int> fds) {
  return send(bytes, std::vector<int>(fds));
}

bool Client::send(std::span<const std::byte> bytes, const std::vector<int>& fds) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()) + sent,
               .iov_len = bytes.size() - sent};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(253 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (sent == 0 && !fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
    const ssize_t put = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (put < 0) return false;
    sent += static_cast<std::size_t>(put);
  }
  return true;
}

bool Client::command(std::uint16_t id, std::uint16_t command, const Bytes& payload,
                     std::initializer_list<int> fds, std::uint32_t flags) {
  return send(message(id, command, flags, payload), fds);
}

bool Client::reply(const Received& command, const Bytes& payload, std::uint32_t error) {
  return send(message(command.id, command.command, error == 0 ? 0x1 : 0x21, payload, 0, error));
}

void Client::read_all() {
  while (!eof_ && socket_) {
    std::array<std::byte, 65536> data;
    iovec part{.iov_base = data.data(), .iov_len = data.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(253 * sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got <= 0) {
      eof_ = true;
      return;
    }
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      for (std::size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        buffer_fds_.emplace_back(fd);
      }
    }
    buffer_.insert(buffer_.end(), data.begin(), data.begin() + got);
  }
}

std::optional<Received> Client::receive() {
  read_all();
  if (buffer_.size() < 16) return std::nullopt;
  Received result;
  result.payload = buffer_;  // for number()
  result.id = static_cast<std::uint16_t>(result.number(0, 2));
  result.command = static_cast<std::uint16_t>(result.number(2, 2));
  result.size = result.u32(4);
  result.flags = result.u32(8);
  result.error = result.u32(12);
  if (result.size < 16) throw std::runtime_error("the server sent a size below 16");
  if (buffer_.size() < result.size) return std::nullopt;
  result.payload.assign(buffer_.begin() + 16, buffer_.begin() + result.size);
  buffer_.erase(buffer_.begin(), buffer_.begin() + result.size);
  result.fds = std::exchange(buffer_fds_, {});
  return result;
}

bool Client::closed() {
  read_all();
  return eof_ && buffer_.empty();
}

Bytes Client::version(const std::string& json) {
  Payload payload;
  payload.u16(0).u16(0);
  if (!json.empty()) payload.text(json).fill(1, 0);
  return payload.get();
}

}  // namespace siov::vfio_user::test
