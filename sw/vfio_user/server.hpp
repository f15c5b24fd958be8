// SPDX-License-Identifier: Apache-2.0
// Server: a vfio-user server on a socket of the file system, one client at a time, one device.
// Nothing happens outside poll() and wait(); there are no threads.
//
//   boost::asio::io_context context;
//   vfio_user::Server server(context, {.socket_path = "/tmp/vdev0"}, device);
//   while (running) {
//     if (simulation.idle()) server.wait(100ms);      // stands still until the guest wants
//     something else server.poll(); simulation.step();
//   }
//
// Several servers on one context: poll() of any one serves all.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/types.hpp"
#include "vfio_user/device.hpp"
#include "vfio_user/guest_ram.hpp"
#include "vfio_user/irq_table.hpp"
#include "vfio_user/protocol.hpp"

namespace siov::vfio_user {

class Session;

struct ServerOptions {
  std::string socket_path;  ///< at most 107 bytes. A socket that nobody listens on is replaced
  std::uint32_t max_data_bytes = 1u << 20;  ///< of one region access or DMA message, 8 or more
  std::uint32_t max_fds = 16;               ///< of one message, 1..253
  std::uint32_t max_dma_maps = 65535;
  bool write_multiple = true;         ///< agree to REGION_WRITE_MULTI
  std::size_t max_queued = 4096;      ///< commands read ahead while one is being carried out
  std::size_t max_dma_messages = 32;  ///< DMA messages sent and not answered, 1..32768
  std::chrono::milliseconds version_timeout{10'000};  ///< from connecting to VERSION
  std::chrono::milliseconds message_timeout{10'000};  ///< from first to last byte of a message
  std::chrono::milliseconds send_timeout{60'000};  ///< without the client reading what it is owed
  std::chrono::milliseconds dma_timeout{60'000};   ///< from DMA message to its reply
  std::function<void(const std::string&)> log;     ///< connections and errors, a line each
};

/// Counts since the server was made.
struct ServerStatistics {
  std::array<std::uint64_t, kCommandEnd> commands{};  ///< received, by number
  std::uint64_t unknown_commands = 0;
  std::uint64_t posted_writes = 0;  ///< regions writes without reply, those of WRITE_MULTI included
  std::uint64_t error_replies = 0;  ///< sent
  std::uint64_t unanswered_errors = 0;  ///< errors of commands that want no reply
  std::uint64_t fds = 0;                ///< received
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t dma_messages = 0;  ///< DMA_READ and DMA_WRITE sent
  std::uint64_t connections = 0;   ///< clients that agreed on a version
  std::uint64_t refused = 0;       ///< clients that were turned away
  std::uint64_t broken = 0;        ///< connections that ended by an error
};

class Server {
 public:
  using ReadHandler = std::function<void(int error, std::span<const std::byte> data)>;
  using WriteHandler = std::function<void(int error)>;

  /// Listens. @throws HarnessError if the path cannot be used, or options are out of range
  Server(boost::asio::io_context& context, ServerOptions options, Device& device);
  /// Closes the connection without telling the device; removes the socket.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Handles what is there and returns. @return handlers that ran; 0: there was nothing
  std::size_t poll();
  /// Waits for something to do, at most so long, then handles all that is there. @return as poll()
  std::size_t wait(std::chrono::milliseconds at_most);
  /// What timers do by themselves: ends what has been waited for too long, as of this time.
  void check_deadlines(std::chrono::steady_clock::time_point now);

  /// A client is there and has agreed on a version.
  [[nodiscard]] bool connected() const;
  /// A command waits for the device's reply.
  [[nodiscard]] bool busy() const;
  /// Ends the connection; the device is told as if the client had gone.
  void disconnect(const std::string& why);

  /// Empty when nobody is connected and the device has finished with the last client.
  [[nodiscard]] GuestRam& ram() { return ram_; }
  [[nodiscard]] IrqTable& irqs() { return irqs_; }

  // DMA. Mapped memory: ram().read() and write(), at once; ram().reach() says whether that works.
  // Any memory: these, by message where it has to be, in pieces that the client can take. The
  // handler runs in a later poll(), with 0 or an errno value: EFAULT (in no range), EACCES (no
  // right), ENOTCONN, ECANCELED (reset, unmap, client gone), ETIMEDOUT, EPROTO (a reply that does
  // not fit), or what the client answered. Requests go out in order, up to max_dma_messages at
  // once. No message is sent while the client waits for a reply: its CPU could not serve it. So a
  // device must never make a reply wait for one of these.
  void dma_read(Gpa address, std::size_t bytes, ReadHandler handler);
  void dma_write(Gpa address, std::span<const std::byte> data, WriteHandler handler);
  /// DMA requests that have not ended.
  [[nodiscard]] std::size_t dma_pending() const;

  [[nodiscard]] ServerStatistics statistics() const;
  [[nodiscard]] const std::string& socket_path() const { return options_.socket_path; }

 private:
  friend class Session;
  using Socket = boost::asio::local::stream_protocol::socket;
  void listen();
  void accept();
  void accept_later();
  void admit(Socket socket);
  void agreed();
  void ended(const std::string& why, bool negotiated);
  void cleared();
  void arm_timer();
  void log(const std::string& line) const;

  boost::asio::io_context& context_;
  ServerOptions options_;
  Device& device_;
  ServerStatistics statistics_;
  GuestRam ram_;
  IrqTable irqs_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<Session> session_;  ///< null: nobody, or the device still clears up
  bool clearing_ = false;             ///< the device has not finished with the last client
  std::optional<Socket> waiting_;     ///< the next client, until it has
  bool armed_ = false;                ///< the timer runs
  std::shared_ptr<bool> alive_;       ///< handlers that outlive the server look here
};

}  // namespace siov::vfio_user
