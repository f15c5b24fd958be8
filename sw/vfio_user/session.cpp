// SPDX-License-Identifier: Apache-2.0
// Transport of a session: reading, order of commands, replies, end.
#include "vfio_user/session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vfio_user/server.hpp"

namespace siov::vfio_user {
namespace {

/// Messages handled before others get their turn.
constexpr int kTurn = 64;
/// VERSION may be this long before anything is agreed on.
constexpr std::size_t kLeastMessage = 64 * 1024;

std::size_t longest_message(const ServerOptions& options) {
  return Header::kBytes + kRegionAccessBytes +
         std::max<std::size_t>(options.max_data_bytes, kLeastMessage);
}

}  // namespace

Session::Session(Server& server, boost::asio::local::stream_protocol::socket socket)
    : server_(&server),
      socket_(std::move(socket)),
      connection_(socket_.native_handle(), longest_message(server.options_)),
      dma_(
          server.ram_,
          {.max_data_bytes = server.options_.max_data_bytes,
           .max_messages = server.options_.max_dma_messages,
           .timeout = server.options_.dma_timeout},
          [this](const Header& header, Bytes payload) {
            if (!server_) return;
            ++server_->statistics_.dma_messages;
            send(header, payload);
          },
          [&context = server.context_](std::function<void()> call) {
            boost::asio::post(context, std::move(call));
          }),
      info_(server.device_.info()) {}

void Session::start() {
  started_ = Clock::now();
  socket_.non_blocking(true);
  server_->irqs_.configure(info_.irqs);
  await_readable();
  server_->arm_timer();
}

void Session::close(const std::string& why, bool broken) {
  if (!server_) return;
  Server& server = *std::exchange(server_, nullptr);
  static_cast<void>(connection_.flush());  // an error reply, if it fits
  server.statistics_.bytes_in += connection_.bytes_in();
  server.statistics_.bytes_out += connection_.bytes_out();
  boost::system::error_code ignored;
  socket_.close(ignored);
  inbox_.clear();
  active_.reset();
  dma_.abort(ECANCELED);
  if (broken) ++server.statistics_.broken;
  server.ended(why, negotiated());
}

void Session::forget() {
  server_ = nullptr;
  inbox_.clear();
  active_.reset();  // replies that the device still gives are nobody's
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// Reading ----------------------------------------------------------------------------------------

/// A client that sends much, or does not read what it is owed, has to wait.
bool Session::may_read() const {
  if (!server_) return false;
  const std::size_t most = server_->options_.max_queued;
  return inbox_.size() < most && connection_.unsent() < most;
}

void Session::await_readable() {
  if (!may_read() || reading_) return;
  reading_ = true;
  socket_.async_wait(boost::asio::local::stream_protocol::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code&) {
                       self->reading_ = false;
                       self->readable();
                     });
}

void Session::readable() {
  for (int i = 0; i < kTurn && may_read(); ++i) {
    const bool fresh = !connection_.mid_message();
    Message message;
    const Receipt receipt = connection_.receive(message);
    if (receipt == Receipt::kClosed) return close("closed by the client", false);
    if (receipt == Receipt::kBroken) return close(connection_.why(), true);
    if (receipt == Receipt::kNothing) {
      if (fresh && connection_.mid_message()) {
        message_begun_ = Clock::now();
        server_->arm_timer();
      }
      break;
    }
    take(std::move(message));
  }
  await_readable();
}

void Session::take(Message message) {
  server_->statistics_.fds += message.fds.size();
  if (message.header.type() == static_cast<std::uint32_t>(MessageType::kReply)) {
    if (!message.fds.empty()) return close("a reply with file descriptors", true);
    const std::string wrong = dma_.take_reply(message);
    if (!wrong.empty()) close(wrong, true);
    return;
  }
  inbox_.push_back(std::move(message));
  pump();
}

/// Carries out commands, one after the other.
void Session::pump() {
  if (std::exchange(pumping_, true)) return;
  while (server_ && !active_ && !inbox_.empty()) {
    Message message = std::move(inbox_.front());
    inbox_.pop_front();
    begin(std::move(message));
  }
  pumping_ = false;
  await_readable();
}

/// After a reply that the device gave by itself: it is not called from inside its own call.
void Session::pump_later() {
  if (inbox_.empty() || pumping_ || pump_posted_) return;
  pump_posted_ = true;
  boost::asio::post(server_->context_, [self = shared_from_this()] {
    self->pump_posted_ = false;
    self->pump();
  });
}

// Replies ----------------------------------------------------------------------------------------

Reply Session::reply_to(std::function<void(int)> handler) {
  return Reply([weak = weak_from_this(), serial = active_->serial, handler](int error) {
    const std::shared_ptr<Session> self = weak.lock();
    if (self && self->active_ && self->active_->serial == serial) handler(error);
  });
}

ReadReply Session::read_reply_to(std::function<void(int, Bytes)> handler) {
  return ReadReply(
      [weak = weak_from_this(), serial = active_->serial, handler](int error, Bytes data) {
        const std::shared_ptr<Session> self = weak.lock();
        if (self && self->active_ && self->active_->serial == serial) handler(error, data);
      });
}

void Session::finish(int error, Bytes payload, std::span<const int> fds) {
  const Header command = active_->header;
  active_.reset();
  ServerStatistics& statistics = server_->statistics_;
  if (command.no_reply()) {
    if (error != 0) {
      ++statistics.unanswered_errors;
      server_->log(std::string(name(command.command)) +
                   " without reply failed: " + std::strerror(error));
    }
  } else {
    Header header{.id = command.id, .command = command.command};
    header.flags = static_cast<std::uint32_t>(MessageType::kReply);
    if (error != 0) {
      header.flags |= kErrorFlag;
      header.error = static_cast<std::uint32_t>(error);
      ++statistics.error_replies;
      server_->log(std::string(name(command.command)) + " failed: " + std::strerror(error));
      send(header, {});
    } else {
      send(header, payload, fds);
    }
  }
  dma_.hold(false);
  if (dma_.pending() != 0) server_->arm_timer();
  pump_later();
}

void Session::send(const Header& header, Bytes payload, std::span<const int> fds) {
  const bool idle = connection_.unsent() == 0;
  connection_.send(header, payload, fds);
  if (idle) {
    send_progress_ = Clock::now();
    flush();
  }
}

void Session::flush() {
  const std::uint64_t before = connection_.bytes_out();
  if (!connection_.flush()) {
    // Not from here: the caller is in the middle of something.
    boost::asio::post(server_->context_, [self = shared_from_this(), why = connection_.why()] {
      self->close(why, !self->connection_.gone());
    });
    return;
  }
  if (connection_.bytes_out() != before) send_progress_ = Clock::now();
  if (connection_.unsent() != 0) await_writable();
  await_readable();
}

void Session::await_writable() {
  if (writing_) return;
  writing_ = true;
  socket_.async_wait(boost::asio::local::stream_protocol::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code&) {
                       self->writing_ = false;
                       if (self->server_) self->flush();
                     });
  server_->arm_timer();
}

// Time -------------------------------------------------------------------------------------------

std::optional<Session::Clock::time_point> Session::deadline() const {
  if (!server_) return std::nullopt;
  const ServerOptions& options = server_->options_;
  std::optional<Clock::time_point> next = dma_.deadline();
  const auto earlier = [&next](Clock::time_point time) {
    if (!next || time < *next) next = time;
  };
  if (!negotiated()) earlier(started_ + options.version_timeout);
  if (connection_.mid_message()) earlier(message_begun_ + options.message_timeout);
  if (connection_.unsent() != 0) earlier(send_progress_ + options.send_timeout);
  return next;
}

void Session::check_deadlines(Clock::time_point now) {
  if (!server_) return;
  const ServerOptions& options = server_->options_;
  const auto text = [](std::chrono::milliseconds time) {
    return " for " + std::to_string(time.count()) + " ms";
  };
  if (connection_.mid_message() && now >= message_begun_ + options.message_timeout) {
    return close("the rest of a message is missing" + text(options.message_timeout), true);
  }
  if (!negotiated() && now >= started_ + options.version_timeout) {
    return close("no VERSION" + text(options.version_timeout), true);
  }
  if (connection_.unsent() != 0 && now >= send_progress_ + options.send_timeout) {
    return close("the client has not read" + text(options.send_timeout), true);
  }
  if (const auto due = dma_.deadline(); due && now >= *due) {
    dma_.abort(ETIMEDOUT);
    close("no answer to a DMA message" + text(options.dma_timeout), true);
  }
}

}  // namespace siov::vfio_user
