// SPDX-License-Identifier: Apache-2.0
// Framing: exact reads, so that descriptors stay with their message; sends that never wait.
#include "vfio_user/connection.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace siov::vfio_user {

Connection::Connection(int socket, std::size_t max_message)
    : socket_(socket), max_message_(max_message) {}

bool Connection::take_fds(const void* message_header) {
  const auto* message = static_cast<const msghdr*>(message_header);
  auto* mutable_message = const_cast<msghdr*>(message);
  for (cmsghdr* control = CMSG_FIRSTHDR(message); control != nullptr;
       control = CMSG_NXTHDR(mutable_message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
      incoming_.fds.emplace_back(fd);
    }
  }
  if ((message->msg_flags & MSG_CTRUNC) != 0) {
    why_ = "file descriptors were lost";
    return false;
  }
  if (incoming_.fds.size() > kMostFds) {
    why_ = "more file descriptors than one message can have";
    return false;
  }
  return true;
}

/// Reads up to the end of bytes, never further: what follows belongs to another message.
Connection::Step Connection::fill(std::span<std::byte> bytes, std::size_t& have) {
  while (have < bytes.size()) {
    iovec part{.iov_base = bytes.data() + have, .iov_len = bytes.size() - have};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostFds * sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Step::kNothing;
      if (errno == ECONNRESET) return Step::kClosed;  // it had not read everything
      why_ = std::string("read failed: ") + std::strerror(errno);
      return Step::kBroken;
    }
    if (!take_fds(&message)) return Step::kBroken;
    if (got == 0) return Step::kClosed;
    have += static_cast<std::size_t>(got);
    bytes_in_ += static_cast<std::uint64_t>(got);
  }
  return Step::kDone;
}

Receipt Connection::ended(Step step) {
  if (step == Step::kNothing) return Receipt::kNothing;
  if (step == Step::kClosed && !mid_message()) return Receipt::kClosed;
  if (step == Step::kClosed) why_ = "closed by the client in the middle of a message";
  return Receipt::kBroken;
}

Receipt Connection::receive(Message& message) {
  if (header_bytes_ < Header::kBytes) {
    const Step step = fill(header_, header_bytes_);
    if (step != Step::kDone) return ended(step);
    incoming_.header = Header::decode(header_);
    const std::uint32_t size = incoming_.header.size;
    if (size < Header::kBytes || size > max_message_) {
      why_ =
          "message size " + std::to_string(size) + " is not in 16.." + std::to_string(max_message_);
      return Receipt::kBroken;
    }
    const std::uint32_t type = incoming_.header.type();
    if (type > static_cast<std::uint32_t>(MessageType::kReply)) {
      why_ = "message type " + std::to_string(type) + " is neither command nor reply";
      return Receipt::kBroken;
    }
    incoming_.payload.assign(size - Header::kBytes, std::byte{0});
    payload_bytes_ = 0;
  }
  const Step step = fill(incoming_.payload, payload_bytes_);
  if (step != Step::kDone) return ended(step);
  message = std::exchange(incoming_, Message{});
  header_bytes_ = 0;
  return Receipt::kMessage;
}

void Connection::send(Header header, std::span<const std::byte> payload, std::span<const int> fds) {
  Outgoing out;
  header.size = static_cast<std::uint32_t>(Header::kBytes + payload.size());
  const auto head = header.encode();
  out.bytes.reserve(header.size);
  out.bytes.assign(head.begin(), head.end());
  out.bytes.insert(out.bytes.end(), payload.begin(), payload.end());
  for (const int fd : fds) out.fds.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  outgoing_.push_back(std::move(out));
}

bool Connection::flush() {
  while (!outgoing_.empty()) {
    Outgoing& out = outgoing_.front();
    iovec part{.iov_base = out.bytes.data() + out.sent, .iov_len = out.bytes.size() - out.sent};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostFds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!out.fds.empty() && out.sent == 0) {  // with the first byte
      message.msg_control = control.data();
      message.msg_controllen = CMSG_SPACE(out.fds.size() * sizeof(int));
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(out.fds.size() * sizeof(int));
      for (std::size_t i = 0; i < out.fds.size(); ++i) {
        const int fd = out.fds[i].get();
        std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
      }
    }
    const ssize_t put = ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
      gone_ = errno == EPIPE || errno == ECONNRESET;
      why_ = gone_ ? "closed by the client" : std::string("write failed: ") + std::strerror(errno);
      return false;
    }
    out.sent += static_cast<std::size_t>(put);
    bytes_out_ += static_cast<std::uint64_t>(put);
    if (out.sent == out.bytes.size()) outgoing_.pop_front();
  }
  return true;
}

bool Connection::hung_up() const {
  pollfd state{.fd = socket_, .events = POLLRDHUP, .revents = 0};
  return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace siov::vfio_user
