// SPDX-License-Identifier: Apache-2.0
// QMP: a JSON object a line; the human monitor's xp inside it.
#include "attach/qemu_monitor.hpp"

#include <fmt/core.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <istream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace siov::attach {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

/// A line of QMP; registers need far less. [bytes]
constexpr std::size_t kMostLine = std::size_t{1} << 20;

struct QemuMonitor::Connection {
  explicit Connection(asio::io_context& context) : socket(context), input(kMostLine) {}
  Protocol::socket socket;
  asio::streambuf input;
};

std::vector<std::uint64_t> parse_words(const std::string& text) {
  std::vector<std::uint64_t> words;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream rest(line.substr(colon + 1));
    std::string word;
    while (rest >> word) {
      std::uint64_t value = 0;
      const char* const end = word.data() + word.size();
      if (!word.starts_with("0x")) return words;
      const auto [stop, error] = std::from_chars(word.data() + 2, end, value, 16);
      if (error != std::errc() || stop != end) return words;
      words.push_back(value);
    }
  }
  return words;
}

QemuMonitor::QemuMonitor(asio::io_context& context, std::string path)
    : context_(context), path_(std::move(path)) {}

QemuMonitor::~QemuMonitor() {
  *alive_ = false;
  boost::system::error_code ignored;
  if (link_) link_->socket.close(ignored);
}

/// Without waiting: a QEMU that is busy with another client of its monitor is not there.
bool QemuMonitor::connect() {
  if (link_) return true;
  auto link = std::make_shared<Connection>(context_);
  boost::system::error_code error;
  link->socket.open(Protocol(), error);
  if (!error) link->socket.non_blocking(true, error);
  if (!error) link->socket.connect(Protocol::endpoint(path_), error);
  if (error) {
    error_ = fmt::format("{}: {}", path_, error.message());
    return false;
  }
  link_ = std::move(link);
  ready_ = false;
  receive();
  return true;
}

void QemuMonitor::read_words(std::uint64_t address, unsigned count, Handler handler) {
  ++requests_;
  if (!connect()) {
    asio::post(context_, [alive = alive_, handler = std::move(handler)] {
      if (*alive) handler({});
    });
    return;
  }
  const std::string command = fmt::format("xp /{}gx {:#x}", count, address);
  const nlohmann::json message{{"execute", "human-monitor-command"},
                               {"arguments", {{"command-line", command}}},
                               {"id", requests_}};
  queue_.push_back({requests_, message.dump(), count, std::move(handler)});
  next();
}

void QemuMonitor::abandon() {
  std::deque<Request> all = std::exchange(queue_, {});
  if (waiting_) queue_.push_back({all.front().id, {}, all.front().count, {}});
  for (Request& request : all) {
    if (request.handler) request.handler({});
  }
}

void QemuMonitor::close() { fail("closed"); }

void QemuMonitor::next() {
  if (!ready_ || waiting_ || queue_.empty()) return;
  waiting_ = true;
  send(queue_.front().line);
}

/// Requests are short: the socket takes them at once.
void QemuMonitor::send(const std::string& line) {
  boost::system::error_code error;
  asio::write(link_->socket, asio::buffer(line + "\n"), error);
  if (error)
    asio::post(context_, [this, alive = alive_, link = link_, error] {
      if (*alive && link == link_) fail(error.message());
    });
}

void QemuMonitor::receive() {
  asio::async_read_until(
      link_->socket, link_->input, '\n',
      [this, alive = alive_, link = link_](const boost::system::error_code& error, std::size_t) {
        if (!*alive || link != link_) return;
        if (error) return fail(error.message());
        std::istream stream(&link->input);
        std::string line;
        std::getline(stream, line);
        take(line);
        if (*alive && link == link_) receive();
      });
}

void QemuMonitor::take(const std::string& line) {
  const nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
  if (!message.is_object()) return fail("not QMP: " + line.substr(0, 80));
  if (message.contains("QMP")) return send(R"({"execute":"qmp_capabilities"})");
  if (message.contains("event")) return;
  if (!ready_) {
    ready_ = message.contains("return");
    if (!ready_) return fail("capabilities refused: " + line.substr(0, 200));
    return next();
  }
  if (!waiting_) return;
  if (const auto id = message.find("id"); id != message.end() && *id != queue_.front().id) return;
  waiting_ = false;
  Request request = std::move(queue_.front());
  queue_.pop_front();
  std::vector<std::uint64_t> words;
  if (const auto found = message.find("return"); found != message.end() && found->is_string())
    words = parse_words(found->get<std::string>());
  if (words.size() != request.count) words.clear();
  next();
  if (request.handler) request.handler(std::move(words));
}

void QemuMonitor::fail(const std::string& why) {
  error_ = fmt::format("{}: {}", path_, why);
  boost::system::error_code ignored;
  if (link_) link_->socket.close(ignored);
  link_.reset();
  ready_ = false;
  waiting_ = false;
  std::deque<Request> all = std::exchange(queue_, {});
  for (Request& request : all) {
    if (request.handler) request.handler({});
  }
}

}  // namespace siov::attach
