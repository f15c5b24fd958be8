// SPDX-License-Identifier: Apache-2.0
// FakeMonitor: QEMU's end of a QMP socket, with registers that a test sets, and faults.
//
//   FakeMonitor monitor(path);
//   monitor.words[4] = 0x10400;            // RTADDR
//   monitor.serve();                       // takes connections and answers what is there
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vfio_user/file_descriptor.hpp"

namespace siov::attach::test {

class FakeMonitor {
 public:
  /// Listens. @throws std::runtime_error
  explicit FakeMonitor(std::string path);
  ~FakeMonitor();

  void serve();
  void send(const std::string& text);
  void hang_up() { peer_.reset(); }
  [[nodiscard]] bool connected() const { return static_cast<bool>(peer_); }

  /// Register page, quadwords from 0xFED90000.
  std::array<std::uint64_t, 19> words{};
  void set_status(std::uint32_t gsts) { words[3] = std::uint64_t{gsts} << 32; }
  void set_root(std::uint64_t rtaddr) { words[4] = rtaddr; }
  void set_tail(std::uint64_t iqt) { words[17] = iqt; }
  void set_queue(std::uint64_t iqa) { words[18] = iqa; }

  bool greet = true;   ///< says what it is
  bool answer = true;  ///< else requests are taken and nothing is said
  /// What is said instead of the right answer to a request of this number.
  std::function<std::optional<std::string>(const std::string& id)> instead;
  std::vector<std::string> lines;  ///< received
  unsigned connections = 0;

 private:
  void take(const std::string& line);
  std::string path_;
  vfio_user::FileDescriptor listener_;
  vfio_user::FileDescriptor peer_;
  std::string input_;
};

}  // namespace siov::attach::test
