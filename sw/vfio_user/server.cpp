// SPDX-License-Identifier: Apache-2.0
// Listening, one client after the other, timers.
#include "vfio_user/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "common/error.hpp"
#include "vfio_user/session.hpp"

namespace siov::vfio_user {
namespace {

using Socket = boost::asio::local::stream_protocol::socket;

void need(bool good, const char* what) {
  if (!good) throw HarnessError(std::string("vfio-user server: ") + what);
}

void check(const ServerOptions& options) {
  need(!options.socket_path.empty(), "no socket path");
  need(options.socket_path.size() < sizeof(sockaddr_un::sun_path),
       "the socket path has more than 107 bytes");
  need(options.max_data_bytes >= 8 && options.max_data_bytes <= 64u << 20,
       "largest data size is not in 8..64 MiB");
  need(options.max_fds >= 1 && options.max_fds <= 253, "descriptors of a message not in 1..253");
  need(options.max_dma_maps >= 1, "no DMA ranges allowed");
  need(options.max_queued >= 1, "no queued commands allowed");
  need(options.max_dma_messages >= 1 && options.max_dma_messages <= 32768,
       "DMA messages at once not in 1..32768");
}

void check(const DeviceInfo& info) {
  if (info.pci) {
    need(info.regions.size() >= kPciRegions, "a PCI device with less than 9 regions");
    need(info.irqs.size() >= kPciIrqs, "a PCI device with less than 5 kinds of interrupts");
  }
  for (const RegionInfo& region : info.regions) {
    for (const MappableArea& area : region.mappable) {
      need(area.offset % kPageSize == 0 && area.bytes % kPageSize == 0 && area.bytes != 0,
           "a mappable area is not on the 4 KiB grid");
      need(area.offset <= region.bytes && area.bytes <= region.bytes - area.offset,
           "a mappable area lies outside its region");
    }
  }
}

/// Makes place for a socket: removes one that nobody listens on.
void clear_path(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) throw HarnessError(path + " exists and is no socket");
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno != ECONNREFUSED) {
    throw HarnessError(path + " is in use by another server");
  }
  ::unlink(path.c_str());
}

}  // namespace

Server::Server(boost::asio::io_context& context, ServerOptions options, Device& device)
    : context_(context),
      options_(std::move(options)),
      device_(device),
      ram_(options_.max_dma_maps),
      acceptor_(context),
      timer_(context),
      alive_(std::make_shared<bool>(true)) {
  check(options_);
  check(device.info());
  listen();
}

Server::~Server() {
  *alive_ = false;
  if (session_) session_->forget();
  ::unlink(options_.socket_path.c_str());
}

void Server::listen() {
  clear_path(options_.socket_path);
  try {
    const boost::asio::local::stream_protocol::endpoint endpoint(options_.socket_path);
    acceptor_.open(endpoint.protocol());
    acceptor_.bind(endpoint);
    acceptor_.listen();
  } catch (const boost::system::system_error& error) {
    throw HarnessError("cannot listen on " + options_.socket_path + ": " + error.what());
  }
  accept();
}

void Server::accept() {
  acceptor_.async_accept(
      [this, alive = alive_](const boost::system::error_code& error, Socket socket) {
        if (!*alive) return;
        if (error) {
          log("accept failed: " + error.message());
          return accept_later();
        }
        admit(std::move(socket));
      });
}

void Server::admit(Socket socket) {
  // One that has gone without our having noticed makes room.
  if (const std::shared_ptr<Session> session = session_; session && session->hung_up()) {
    session->close("closed by the client", false);
  }
  if (session_) {
    ++statistics_.refused;
    log("refused a second client");
    boost::system::error_code ignored;
    socket.close(ignored);
    return accept();
  }
  if (clearing_) {
    waiting_.emplace(std::move(socket));  // no further accept before this one has its turn
    return;
  }
  session_ = std::make_shared<Session>(*this, std::move(socket));
  session_->start();
  accept();
}

void Server::accept_later() {
  boost::asio::post(context_, [this, alive = alive_] {
    if (*alive) accept();
  });
}

void Server::agreed() {
  ++statistics_.connections;
  log("client connected");
  device_.connected();
}

void Server::ended(const std::string& why, bool negotiated) {
  log(why);
  session_.reset();
  irqs_.clear();
  clearing_ = true;
  if (!negotiated) {
    ++statistics_.refused;
    return cleared();
  }
  boost::asio::post(context_, [this, alive = alive_, why] {
    if (!*alive) return;
    device_.disconnected(why, Reply([this, alive](int) {
                           if (*alive) cleared();
                         }));
  });
}

void Server::cleared() {
  ram_.clear();
  clearing_ = false;
  boost::asio::post(context_, [this, alive = alive_] {
    if (!*alive || session_ || clearing_ || !waiting_) return;
    Socket socket = std::move(*waiting_);
    waiting_.reset();
    admit(std::move(socket));
  });
}

// Loop -------------------------------------------------------------------------------------------

std::size_t Server::poll() {
  context_.restart();
  return context_.poll();
}

std::size_t Server::wait(std::chrono::milliseconds at_most) {
  context_.restart();
  const std::size_t first = context_.run_one_for(at_most);
  return first + context_.poll();
}

void Server::arm_timer() {
  const auto due = session_ ? session_->deadline() : std::nullopt;
  if (!due || (armed_ && timer_.expiry() <= *due)) return;
  armed_ = true;
  timer_.expires_at(*due);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!*alive || error) return;
    armed_ = false;
    check_deadlines(std::chrono::steady_clock::now());
    arm_timer();
  });
}

void Server::check_deadlines(std::chrono::steady_clock::time_point now) {
  if (const std::shared_ptr<Session> session = session_) session->check_deadlines(now);
}

// State ------------------------------------------------------------------------------------------

bool Server::connected() const { return session_ && session_->negotiated(); }
bool Server::busy() const { return session_ && session_->busy(); }

void Server::disconnect(const std::string& why) {
  if (const std::shared_ptr<Session> session = session_) session->close(why, false);
}

void Server::dma_read(Gpa address, std::size_t bytes, ReadHandler handler) {
  if (!connected()) {
    boost::asio::post(context_, [handler = std::move(handler)] { handler(ENOTCONN, {}); });
    return;
  }
  session_->dma().read(address, bytes, std::move(handler));
  arm_timer();
}

void Server::dma_write(Gpa address, std::span<const std::byte> data, WriteHandler handler) {
  if (!connected()) {
    boost::asio::post(context_, [handler = std::move(handler)] { handler(ENOTCONN); });
    return;
  }
  session_->dma().write(address, data, std::move(handler));
  arm_timer();
}

std::size_t Server::dma_pending() const { return session_ ? session_->dma().pending() : 0; }

ServerStatistics Server::statistics() const {
  ServerStatistics all = statistics_;
  if (session_) {
    all.bytes_in += session_->connection().bytes_in();
    all.bytes_out += session_->connection().bytes_out();
  }
  return all;
}

void Server::log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

}  // namespace siov::vfio_user
