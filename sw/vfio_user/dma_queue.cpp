// SPDX-License-Identifier: Apache-2.0
// DMA by message: order, pieces, answers, giving up.
#include "vfio_user/dma_queue.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace siov::vfio_user {

DmaQueue::DmaQueue(GuestRam& ram, Limits limits, Send send, Post post)
    : ram_(ram), limits_(limits), send_(std::move(send)), post_(std::move(post)) {}

void DmaQueue::read(Gpa address, std::size_t bytes, ReadHandler handler) {
  auto request = std::make_shared<Request>();
  request->address = address;
  request->data.resize(bytes);
  request->on_read = std::move(handler);
  add(std::move(request));
}

void DmaQueue::write(Gpa address, std::span<const std::byte> data, WriteHandler handler) {
  auto request = std::make_shared<Request>();
  request->write = true;
  request->address = address;
  request->data.assign(data.begin(), data.end());
  request->on_write = std::move(handler);
  add(std::move(request));
}

void DmaQueue::add(std::shared_ptr<Request> request) {
  if (requests_.empty()) progress_ = Clock::now();
  requests_.push_back(std::move(request));
  pump();
}

void DmaQueue::hold(bool held) {
  if (std::exchange(held_, held) == held || held) return;
  progress_ = Clock::now();
  pump();
}

/// Issues from the oldest request that is not wholly issued, as far as the window allows.
void DmaQueue::pump() {
  if (held_ || std::exchange(pumping_, true)) return;
  for (std::size_t i = 0; i < requests_.size();) {
    const std::shared_ptr<Request> request = requests_[i];
    if (request->issued == request->data.size() && !request->data.empty()) {
      ++i;
      continue;
    }
    const DmaAccess access = request->write ? DmaAccess::kWrite : DmaAccess::kRead;
    const Gpa rest = request->address + request->issued;
    const Reach reach = ram_.reach(rest, request->data.size() - request->issued, access);
    if (reach == Reach::kUnknown || reach == Reach::kNoRight) {
      finish(request, reach == Reach::kUnknown ? EFAULT : EACCES);  // takes it out of requests_
      continue;
    }
    if (!issue(*request, request)) break;
    if (request->done()) {
      finish(request, 0);
    } else {
      ++i;
    }
  }
  pumping_ = false;
}

/// @return false if the window is full before the request was wholly issued
bool DmaQueue::issue(Request& request, const std::shared_ptr<Request>& owner) {
  while (request.issued < request.data.size()) {
    const Gpa at = request.address + request.issued;
    const DmaRange& range = *ram_.range_at(at);
    std::size_t bytes = static_cast<std::size_t>(std::min<std::uint64_t>(
        request.data.size() - request.issued, range.bytes - (at - range.address)));
    if (range.shared) {
      const std::span<std::byte> piece = std::span(request.data).subspan(request.issued, bytes);
      const bool copied = request.write ? ram_.write(at, piece) : ram_.read(at, piece);
      if (!copied) return true;  // cannot be: reach() has looked
    } else {
      if (sent_.size() >= limits_.max_messages) return false;
      bytes = std::min(bytes, limits_.max_data_bytes);
      send_piece(owner, at, bytes);
    }
    request.issued += bytes;
  }
  return true;
}

std::uint16_t DmaQueue::new_id() {
  while (sent_.contains(next_id_)) ++next_id_;
  return next_id_++;
}

void DmaQueue::send_piece(const std::shared_ptr<Request>& request, Gpa address, std::size_t bytes) {
  const std::uint16_t id = new_id();
  sent_.emplace(
      id,
      Sent{.request = request, .offset = request->issued, .bytes = bytes, .write = request->write});
  ++request->unanswered;
  ++messages_;
  std::vector<std::byte> payload(kDmaAccessBytes);
  store(std::span(payload), 0, address.value);
  store(std::span(payload), 8, static_cast<std::uint64_t>(bytes));
  if (request->write) {
    const auto first = request->data.begin() + static_cast<std::ptrdiff_t>(request->issued);
    payload.insert(payload.end(), first, first + static_cast<std::ptrdiff_t>(bytes));
  }
  send_(Header{.id = id, .command = request->write ? Command::kDmaWrite : Command::kDmaRead},
        payload);
}

/// @return 0, or the errno with which the request ends
int DmaQueue::check_reply(const Message& message, const Sent& sent, const Request& request) {
  const Header& header = message.header;
  if (header.is_error()) return header.error == 0 ? EIO : static_cast<int>(header.error);
  const std::span<const std::byte> payload = message.payload;
  // A reply to DMA_WRITE may be a header alone, or have a count of 4 bytes.
  if (sent.write && payload.empty()) return 0;
  const bool short_count = sent.write && payload.size() == 12;
  const std::size_t expected = kDmaAccessBytes + (sent.write ? 0 : sent.bytes);
  if (!short_count && payload.size() != expected) return EPROTO;
  if (load<std::uint64_t>(payload, 0) != request.address.value + sent.offset) return EPROTO;
  const std::uint64_t count =
      short_count ? load<std::uint32_t>(payload, 8) : load<std::uint64_t>(payload, 8);
  return count == sent.bytes ? 0 : EPROTO;
}

std::string DmaQueue::take_reply(const Message& message) {
  const auto it = sent_.find(message.header.id);
  if (it == sent_.end()) {
    return "reply " + std::to_string(message.header.id) + " to a command that was not sent";
  }
  const Sent sent = it->second;
  if (message.header.command != (sent.write ? Command::kDmaWrite : Command::kDmaRead)) {
    return std::string("reply ") + name(message.header.command) + " to another command";
  }
  sent_.erase(it);
  progress_ = Clock::now();
  if (const std::shared_ptr<Request> request = sent.request.lock()) {
    --request->unanswered;
    if (const int error = check_reply(message, sent, *request); error != 0) {
      finish(request, error);
    } else {
      if (!sent.write) {
        const std::span<const std::byte> data = message.payload;
        std::copy_n(data.begin() + kDmaAccessBytes, sent.bytes,
                    request->data.begin() + static_cast<std::ptrdiff_t>(sent.offset));
      }
      if (request->done()) finish(request, 0);
    }
  }
  pump();
  return {};
}

void DmaQueue::finish(const std::shared_ptr<Request>& request, int error) {
  const auto it = std::find(requests_.begin(), requests_.end(), request);
  if (it == requests_.end()) return;
  requests_.erase(it);
  // The handler gets the data; messages that are still under way find their request gone.
  post_([error, write = request->write, on_read = std::move(request->on_read),
         on_write = std::move(request->on_write), data = std::move(request->data)] {
    if (write) {
      if (on_write) on_write(error);
    } else if (on_read) {
      on_read(error, error == 0 ? std::span<const std::byte>(data) : std::span<const std::byte>{});
    }
  });
}

void DmaQueue::abort(int error) {
  while (!requests_.empty()) finish(std::shared_ptr(requests_.front()), error);
}

void DmaQueue::abort(Gpa address, std::uint64_t bytes, int error) {
  const std::uint64_t end = address.value + (bytes - 1);
  const std::deque<std::shared_ptr<Request>> all = requests_;
  for (const std::shared_ptr<Request>& request : all) {
    const std::uint64_t first = request->address.value;
    const std::uint64_t last = first + (std::max<std::size_t>(request->data.size(), 1) - 1);
    if (first <= end && last >= address.value) finish(request, error);
  }
}

std::optional<DmaQueue::Clock::time_point> DmaQueue::deadline() const {
  if (requests_.empty() || held_) return std::nullopt;
  return progress_ + limits_.timeout;
}

}  // namespace siov::vfio_user
