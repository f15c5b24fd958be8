// SPDX-License-Identifier: Apache-2.0
// QMP as QEMU speaks it, without QEMU.
#include "fake_monitor.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace siov::attach::test {

FakeMonitor::FakeMonitor(std::string path)
    : path_(std::move(path)),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 1) != 0)
    throw std::runtime_error(std::strerror(errno));
}

FakeMonitor::~FakeMonitor() { ::unlink(path_.c_str()); }

void FakeMonitor::send(const std::string& text) {
  if (peer_)
    static_cast<void>(::send(peer_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void FakeMonitor::serve() {
  if (!peer_) {
    peer_ = vfio_user::FileDescriptor(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!peer_) return;
    ++connections;
    input_.clear();
    if (greet)
      send("{\"QMP\": {\"version\": {\"qemu\": {\"major\": 11}}, \"capabilities\": []}}\r\n");
  }
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t got = ::recv(peer_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0) break;
    if (got == 0) return hang_up();
    input_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    lines.push_back(line);
    take(line);
    if (!peer_) return;
  }
}

void FakeMonitor::take(const std::string& line) {
  if (!answer) return;
  if (line.find("qmp_capabilities") != std::string::npos) return send("{\"return\": {}}\r\n");
  const std::size_t at = line.find("\"id\":");
  const std::string id = line.substr(at + 5, line.find_first_of(",}", at) - at - 5);
  if (instead) {
    if (const auto other = instead(id)) return send(*other);
  }
  std::string text;
  for (std::size_t w = 0; w < words.size(); w += 2) {
    text += fmt::format("{:016x}: {:#018x}", 0xfed90000 + 8 * w, words[w]);
    if (w + 1 < words.size()) text += fmt::format(" {:#018x}", words[w + 1]);
    text += "\\r\\n";
  }
  send("{\"return\": \"" + text + "\", \"id\": " + id + "}\r\n");
}

}  // namespace siov::attach::test
