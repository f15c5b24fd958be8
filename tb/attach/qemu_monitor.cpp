// SPDX-License-Identifier: Apache-2.0
// QMP: a JSON object a line; the human monitor's xp inside it.
#include "attach/qemu_monitor.hpp"

#include <fmt/core.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <istream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace siov::attach {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

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
      try {
        words.push_back(std::stoull(word, nullptr, 16));
      } catch (const std::exception&) {
        return words;
      }
    }
  }
  return words;
}

QemuMonitor::QemuMonitor(asio::io_context& context, std::string path)
    : context_(context), path_(std::move(path)) {}

QemuMonitor::~QemuMonitor() {
  *alive_ = false;
  boost::system::error_code ignored;
  if (socket_) socket_->close(ignored);
}

bool QemuMonitor::connect() {
  if (socket_) return true;
  socket_ = std::make_unique<Protocol::socket>(context_);
  boost::system::error_code error;
  socket_->connect(Protocol::endpoint(path_), error);
  if (error) {
    error_ = fmt::format("{}: {}", path_, error.message());
    socket_.reset();
    return false;
  }
  ready_ = false;
  receive();
  return true;
}

void QemuMonitor::read_words(std::uint64_t address, unsigned count, Handler handler) {
  ++requests_;
  if (!connect()) {
    asio::post(context_, [handler = std::move(handler)] { handler({}); });
    return;
  }
  const std::string command = fmt::format("xp /{}gx {:#x}", count, address);
  const nlohmann::json message{{"execute", "human-monitor-command"},
                               {"arguments", {{"command-line", command}}}};
  queue_.push_back({message.dump(), count, std::move(handler)});
  next();
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
  asio::write(*socket_, asio::buffer(line + "\n"), error);
  if (error)
    asio::post(context_, [this, alive = alive_, error] {
      if (*alive) fail(error.message());
    });
}

void QemuMonitor::receive() {
  asio::async_read_until(*socket_, input_, '\n',
                         [this, alive = alive_, socket = socket_.get()](
                             const boost::system::error_code& error, std::size_t) {
                           if (!*alive || socket != socket_.get()) return;
                           if (error) return fail(error.message());
                           std::istream stream(&input_);
                           std::string line;
                           std::getline(stream, line);
                           take(line);
                           if (socket == socket_.get()) receive();
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
  waiting_ = false;
  Request request = std::move(queue_.front());
  queue_.pop_front();
  std::vector<std::uint64_t> words;
  if (const auto found = message.find("return"); found != message.end() && found->is_string())
    words = parse_words(found->get<std::string>());
  if (words.size() != request.count) words.clear();
  next();
  request.handler(std::move(words));
}

void QemuMonitor::fail(const std::string& why) {
  error_ = fmt::format("{}: {}", path_, why);
  boost::system::error_code ignored;
  if (socket_) socket_->close(ignored);
  socket_.reset();
  input_.consume(input_.size());
  ready_ = false;
  waiting_ = false;
  for (Request& request : std::exchange(queue_, {})) request.handler({});
}

}  // namespace siov::attach
