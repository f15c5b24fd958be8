// SPDX-License-Identifier: Apache-2.0
// QemuMonitor: reads words that only QEMU has (registers of its devices) through its QMP socket.
// Answers come in a later poll of the context; one request at a time.
//
//   QemuMonitor monitor(context, "/tmp/qmp");
//   monitor.read_words(0xFED90020, 1, [](std::vector<std::uint64_t> words) { ... });
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace siov::attach {

class QemuMonitor {
 public:
  /// Empty: QEMU is not there, or did not understand.
  using Handler = std::function<void(std::vector<std::uint64_t> words)>;

  QemuMonitor(boost::asio::io_context& context, std::string path);
  ~QemuMonitor();
  QemuMonitor(const QemuMonitor&) = delete;
  QemuMonitor& operator=(const QemuMonitor&) = delete;

  /// Guest-physical quadwords, device registers included. Connects if need be.
  void read_words(std::uint64_t address, unsigned count, Handler handler);
  /// Requests end without an answer; one that comes later is nobody's.
  void abandon();
  /// The connection goes; requests end without an answer.
  void close();
  [[nodiscard]] bool connected() const { return ready_; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  /// Why the last connection ended; empty if none did.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Connection;
  struct Request {
    std::uint64_t id = 0;
    std::string line;
    unsigned count = 0;
    Handler handler;  ///< empty: given up
  };
  [[nodiscard]] bool connect();
  void send(const std::string& line);
  void receive();
  void take(const std::string& line);
  void next();
  void fail(const std::string& why);

  boost::asio::io_context& context_;
  std::string path_;
  std::shared_ptr<Connection> link_;  ///< null: none
  std::deque<Request> queue_;
  bool ready_ = false;    ///< capabilities are negotiated
  bool waiting_ = false;  ///< the first of queue_ has been sent
  std::uint64_t requests_ = 0;
  std::string error_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// What "xp /Ngx" prints: addresses with up to two words a line. @return as many words as it found
[[nodiscard]] std::vector<std::uint64_t> parse_words(const std::string& text);

}  // namespace siov::attach
