// SPDX-License-Identifier: Apache-2.0
// Non-posted requests of the host.
#include "pcie/host_requests.hpp"

#include <cstring>

#include "common/error.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

bool answered_with_data(TlpType type) {
  switch (type) {
    case TlpType::kDeferrableWrite:
    case TlpType::kIoWrite:
    case TlpType::kConfigWrite0:
    case TlpType::kConfigWrite1:
      return false;
    default:
      return true;
  }
}

std::uint32_t expected_bytes(const Tlp& request) {
  return request.type == TlpType::kMemRead
             ? completion_byte_count(request)
             : completion(request, RequesterId{}, CplStatus::kSc).byte_count;
}

/// RRS exists for configuration requests and DMWr; reserved codes mean UR. @spec PCIe-6.3 2.3.2
port::CompletionStatus status_of(TlpType request, const Tlp& completion) {
  if (completion.ep) return port::CompletionStatus::kCompleterAbort;
  const bool may_retry = request == TlpType::kDeferrableWrite || request == TlpType::kConfigRead0 ||
                         request == TlpType::kConfigWrite0 || request == TlpType::kConfigRead1 ||
                         request == TlpType::kConfigWrite1;
  switch (completion.status) {
    case CplStatus::kSc:
      return port::CompletionStatus::kSuccess;
    case CplStatus::kCa:
      return port::CompletionStatus::kCompleterAbort;
    case CplStatus::kRrs:
      return may_retry ? port::CompletionStatus::kRetry
                       : port::CompletionStatus::kUnsupportedRequest;
    default:
      return port::CompletionStatus::kUnsupportedRequest;
  }
}

}  // namespace

/// Gives the tag back when the waiting coroutine ends or is cancelled.
class HostRequests::Waiting {
 public:
  Waiting(std::shared_ptr<HostRequests> owner, std::uint16_t tag)
      : owner_(std::move(owner)), tag_(tag) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    Slot& slot = *owner_->slots_[tag_];
    if (slot.state == State::kDone)
      owner_->free_tag(tag_);
    else
      slot.abandoned = true;
  }

 private:
  std::shared_ptr<HostRequests> owner_;
  std::uint16_t tag_;
};

HostRequests::HostRequests(const LinkConfig& config, DownLink& down)
    : host_id_(config.host_id), timeout_(config.completion_timeout), down_(&down) {
  for (std::uint32_t tag = 0; tag < config.host_tags; ++tag) {
    slots_.push_back(std::make_unique<Slot>());
    free_.put_nowait(static_cast<std::uint16_t>(tag));
  }
}

coro::Task<RootComplex::Answer> HostRequests::transact(Tlp request) {
  if (request.flow_class() != FlowClass::kNonPosted)
    throw HarnessError("transact of a TLP that is not non-posted");
  if (answered_with_data(request.type) && 4u * request.length_dw > kMaxPayload)
    throw HarnessError("host reads are limited to 512 bytes");
  const std::shared_ptr<HostRequests> keep = shared_from_this();
  const std::uint16_t tag = co_await free_.get();
  if (down_ == nullptr) throw coro::CancelledError("the root complex is gone");
  ++outstanding_;
  Slot& slot = *slots_[tag];
  slot.state = State::kQueued;
  slot.abandoned = false;
  slot.first = true;
  ++slot.generation;
  slot.type = request.type;
  slot.bytes_left = answered_with_data(request.type) ? expected_bytes(request) : 0;
  slot.done.clear();
  const Waiting waiting(keep, tag);
  request.requester = host_id_;
  request.tag = tag;
  down_->push_nonposted(request);
  co_await slot.done.wait();
  co_return slot.answer;
}

void HostRequests::on_sent(const Tlp& request, std::uint64_t cycle) {
  Slot& slot = *slots_[request.tag];
  slot.state = State::kSent;
  if (timeout_ == 0) return;
  Deadline deadline;
  deadline.tag = request.tag;
  deadline.generation = slot.generation;
  deadline.at = cycle + timeout_;
  deadlines_.push(deadline);
}

bool HostRequests::matches(const Slot& slot, const Tlp& completion) const {
  if (slot.state != State::kSent || completion.requester != host_id_) return false;
  const bool data_due = completion.status == CplStatus::kSc && answered_with_data(slot.type);
  return data_due == (completion.type == TlpType::kCompletionData);
}

// Appends a piece of the answer. False if it does not fit what is still due.
bool HostRequests::take_data(Slot& slot, const Tlp& completion) {
  Tlp& answer = slot.answer.completion;
  const std::uint32_t useful =
      completion.payload_bytes -
      (slot.type == TlpType::kMemRead ? completion.lower_address & 3u : 0u);
  const std::uint32_t had = slot.first ? 0 : answer.payload_bytes;
  if (completion.byte_count != slot.bytes_left ||
      completion.payload_bytes != 4u * completion.length_dw ||
      had + completion.payload_bytes > kMaxPayload || useful == 0 || useful >= slot.bytes_left + 4)
    return false;
  if (slot.first) {
    answer = completion;
  } else {
    std::memcpy(answer.payload.data() + had, completion.payload.data(), completion.payload_bytes);
    answer.payload_bytes = static_cast<std::uint16_t>(had + completion.payload_bytes);
    answer.ep = answer.ep || completion.ep;
  }
  slot.first = false;
  slot.bytes_left = useful >= slot.bytes_left ? 0 : slot.bytes_left - useful;
  return true;
}

bool HostRequests::on_completion(const Tlp& completion) {
  if (completion.tag >= slots_.size()) return false;
  Slot& slot = *slots_[completion.tag];
  if (!matches(slot, completion)) return false;
  if (completion.type == TlpType::kCompletionData) {
    if (!take_data(slot, completion)) return false;
    if (slot.bytes_left != 0) return true;
    slot.answer.status = status_of(slot.type, slot.answer.completion);
  } else {
    slot.answer.completion = completion;
    slot.answer.status = status_of(slot.type, completion);
  }
  finish(completion.tag);
  return true;
}

void HostRequests::finish(std::uint16_t tag) {
  Slot& slot = *slots_[tag];
  ++slot.generation;
  slot.state = State::kDone;
  if (slot.abandoned)
    free_tag(tag);
  else
    slot.done.set();
}

void HostRequests::free_tag(std::uint16_t tag) {
  slots_[tag]->state = State::kFree;
  --outstanding_;
  free_.put_nowait(tag);
}

std::uint32_t HostRequests::expire_due(std::uint64_t cycle) {
  std::uint32_t count = 0;
  while (!deadlines_.empty() && deadlines_.front().at <= cycle) {
    Deadline deadline = deadlines_.front();
    deadlines_.pop();
    Slot& slot = *slots_[deadline.tag];
    if (slot.generation != deadline.generation) continue;
    if (slot.state == State::kSettling) {
      ++slot.generation;
      slot.state = State::kDone;
      free_tag(deadline.tag);
      continue;
    }
    ++count;
    slot.state = State::kSettling;
    slot.answer.status = port::CompletionStatus::kTimeout;
    deadline.at = cycle + timeout_;
    deadlines_.push(deadline);
    slot.done.set();
  }
  return count;
}

void HostRequests::reset() {
  if (outstanding_ != 0) throw HarnessError("reset of the link while host requests wait");
  deadlines_.clear();
}

}  // namespace siov::pcie
