// SPDX-License-Identifier: Apache-2.0
// DmaQueue: DMA_READ and DMA_WRITE to the client. Requests wait here while the client waits for a
// reply of ours, and are cut into messages that it can take.
//
//   DmaQueue queue(ram, limits, [&](const Header& h, auto payload) { connection.send(h, payload);
//   },
//                  [&](auto call) { boost::asio::post(context, call); });
//   queue.read(Gpa{0x1000}, 64, [](int error, std::span<const std::byte> data) { ... });
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/types.hpp"
#include "vfio_user/connection.hpp"
#include "vfio_user/guest_ram.hpp"
#include "vfio_user/protocol.hpp"

namespace siov::vfio_user {

class DmaQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using ReadHandler = std::function<void(int error, std::span<const std::byte> data)>;
  using WriteHandler = std::function<void(int error)>;
  using Send = std::function<void(const Header& header, std::span<const std::byte> payload)>;
  using Post = std::function<void(std::function<void()>)>;
  struct Limits {
    std::size_t max_data_bytes = 1u << 20;  ///< of one message
    std::size_t max_messages = 32;          ///< unanswered
    std::chrono::milliseconds timeout{60'000};
  };

  /// @param post  runs something later; handlers are called by it
  DmaQueue(GuestRam& ram, Limits limits, Send send, Post post);

  /// Largest data of a message, once it is known.
  void agree(std::size_t max_data_bytes) { limits_.max_data_bytes = max_data_bytes; }

  void read(Gpa address, std::size_t bytes, ReadHandler handler);
  void write(Gpa address, std::span<const std::byte> data, WriteHandler handler);
  /// While held nothing is sent.
  void hold(bool held);

  /// @return empty if the reply belongs to a message of ours, else why not
  [[nodiscard]] std::string take_reply(const Message& message);
  /// Gives up all requests, or those that touch a range; answers that still come are dropped.
  void abort(int error);
  void abort(Gpa address, std::uint64_t bytes, int error);
  /// When the client has waited too long with an answer: timeout after the last one, or after the
  /// first request. Nothing while there are no requests, or while held.
  [[nodiscard]] std::optional<Clock::time_point> deadline() const;

  /// Requests that have not ended.
  [[nodiscard]] std::size_t pending() const { return requests_.size(); }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  struct Request {
    bool write = false;
    Gpa address;
    std::vector<std::byte> data;  ///< to write, or read so far
    std::size_t issued = 0;       ///< bytes sent or copied
    std::size_t unanswered = 0;   ///< messages
    ReadHandler on_read;
    WriteHandler on_write;
    [[nodiscard]] bool done() const { return issued == data.size() && unanswered == 0; }
  };
  struct Sent {
    std::weak_ptr<Request> request;  ///< expired: given up
    std::size_t offset = 0;          ///< of the piece in the request
    std::size_t bytes = 0;
    bool write = false;
  };

  void add(std::shared_ptr<Request> request);
  void pump();
  bool issue(Request& request, const std::shared_ptr<Request>& owner);
  void send_piece(const std::shared_ptr<Request>& request, Gpa address, std::size_t bytes);
  void finish(const std::shared_ptr<Request>& request, int error);
  [[nodiscard]] int check_reply(const Message& message, const Sent& sent, const Request& request);
  std::uint16_t new_id();

  GuestRam& ram_;
  Limits limits_;
  Send send_;
  Post post_;
  bool held_ = false;
  bool pumping_ = false;
  std::deque<std::shared_ptr<Request>> requests_;  ///< not ended, in order
  std::unordered_map<std::uint16_t, Sent> sent_;   ///< unanswered messages
  std::uint16_t next_id_ = 0;
  std::uint64_t messages_ = 0;
  Clock::time_point progress_;  ///< the client owes nothing from before
};

}  // namespace siov::vfio_user
