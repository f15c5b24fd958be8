// SPDX-License-Identifier: Apache-2.0
// Session: one client, from its connection to its end: order of commands, what each one does.
//
//   auto session = std::make_shared<Session>(server, std::move(socket));
//   session->start();
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vfio_user/connection.hpp"
#include "vfio_user/device.hpp"
#include "vfio_user/dma_queue.hpp"
#include "vfio_user/negotiation.hpp"

namespace siov::vfio_user {

class Server;

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Clock = std::chrono::steady_clock;

  Session(Server& server, boost::asio::local::stream_protocol::socket socket);

  void start();
  /// Ends the session; the server hears of it. @param broken  by an error
  void close(const std::string& why, bool broken);
  /// Ends it without a word: the server goes.
  void forget();

  [[nodiscard]] bool negotiated() const { return agreement_.has_value(); }
  [[nodiscard]] bool busy() const { return active_.has_value(); }
  [[nodiscard]] DmaQueue& dma() { return dma_; }
  [[nodiscard]] const Connection& connection() const { return connection_; }
  [[nodiscard]] bool hung_up() const { return connection_.hung_up(); }

  /// Ends what has been waited for too long.
  void check_deadlines(Clock::time_point now);
  [[nodiscard]] std::optional<Clock::time_point> deadline() const;

 private:
  /// The command that is being carried out.
  struct Active {
    Header header;
    std::uint64_t serial = 0;
  };
  /// Writes of a REGION_WRITE_MULTI that are left.
  struct MultiWrite {
    std::vector<std::byte> payload;
    std::uint64_t count = 0;
    std::uint64_t next = 0;
    bool running = false;  ///< a call of continue_multi() is at work
  };
  using Bytes = std::span<const std::byte>;

  // Transport (session.cpp)
  [[nodiscard]] bool may_read() const;
  void await_readable();
  void await_writable();
  void readable();
  void take(Message message);
  void pump();
  void pump_later();
  void send(const Header& header, Bytes payload, std::span<const int> fds = {});
  void flush();
  /// Ends the active command.
  void finish(int error, Bytes payload = {}, std::span<const int> fds = {});
  // Replies of the device. Their handlers are called only while their command is the active one.
  [[nodiscard]] Reply reply_to(std::function<void(int)> handler);
  [[nodiscard]] ReadReply read_reply_to(std::function<void(int, Bytes)> handler);

  // Commands (session_commands.cpp). @return 0 if the command has been or will be finished, else
  // the errno that it failed with
  void begin(Message message);
  [[nodiscard]] int carry_out(Message& message);
  [[nodiscard]] int version(const Message& message);
  [[nodiscard]] int device_info(Bytes payload);
  [[nodiscard]] int region_info(Bytes payload);
  [[nodiscard]] int irq_info(Bytes payload);
  [[nodiscard]] int set_irqs(Bytes payload, FileDescriptors fds);
  [[nodiscard]] int reset(Bytes payload);

  // Memory and regions (session_access.cpp)
  [[nodiscard]] int dma_map(Bytes payload, FileDescriptors fds);
  [[nodiscard]] int dma_unmap(Bytes payload);
  [[nodiscard]] int check_access(const RegionAccess& access, bool write) const;
  [[nodiscard]] int region_read(Bytes payload);
  [[nodiscard]] int region_write(Bytes payload);
  [[nodiscard]] int region_write_multi(Bytes payload);
  void continue_multi(const std::shared_ptr<MultiWrite>& writes);

  Server* server_;  ///< null after the end
  boost::asio::local::stream_protocol::socket socket_;
  Connection connection_;
  DmaQueue dma_;
  DeviceInfo info_;
  std::optional<Agreement> agreement_;
  std::deque<Message> inbox_;  ///< commands that wait for the active one
  std::optional<Active> active_;
  std::uint64_t serial_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool pumping_ = false;
  bool pump_posted_ = false;
  Clock::time_point started_;        ///< connection
  Clock::time_point message_begun_;  ///< of the message that is being received
  Clock::time_point send_progress_;  ///< the client has read something
};

}  // namespace siov::vfio_user
