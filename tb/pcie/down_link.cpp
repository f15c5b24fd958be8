// SPDX-License-Identifier: Apache-2.0
// Ordering and credits towards the device.
#include "pcie/down_link.hpp"

#include "common/error.hpp"

namespace siov::pcie {

DownLink::DownLink(const LinkConfig& config, ReadCompleter& completer, std::uint32_t beat_bytes)
    : config_(config), completer_(completer), driver_(beat_bytes) {
  credits_.set_infinite(FlowClass::kCompletion);
}

void DownLink::push_posted(const Tlp& tlp) {
  posted_.push(tlp);
  ++posted_pushed_;
}

void DownLink::push_nonposted(const Tlp& tlp) {
  Request& request = nonposted_.push_slot();
  request.tlp = tlp;
  request.posted_before = posted_pushed_;
}

void DownLink::start(const Tlp& tlp) {
  original_ = nullptr;
  if (mutator_ == nullptr) {
    driver_.start(tlp);
    return;
  }
  const CreditCost before = credit_cost(tlp);
  wire_ = tlp;
  mutator_->mutate_down(wire_);
  const CreditCost after = credit_cost(wire_);
  if (after.flow != before.flow || after.data != before.data)
    throw HarnessError("a mutator changed the credits of a TLP to the device");
  original_ = &tlp;
  driver_.start(wire_);
}

bool DownLink::try_start(FlowClass flow, std::uint64_t cycle, const CreditLimits& limits) {
  switch (flow) {
    case FlowClass::kPosted: {
      if (posted_.empty() || config_.down_windows.posted.active(cycle)) return false;
      const CreditCost cost = credit_cost(posted_.front());
      if (!credits_.can_send(cost, limits)) return false;
      credits_.consume(cost);
      sent_request_ = posted_.front();
      posted_.pop();
      ++posted_sent_;
      start(sent_request_);
      return true;
    }
    case FlowClass::kNonPosted: {
      if (nonposted_.empty() || config_.down_windows.nonposted.active(cycle)) return false;
      const Request& next = nonposted_.front();
      const CreditCost cost = credit_cost(next.tlp);
      if (posted_sent_ < next.posted_before || !credits_.can_send(cost, limits)) return false;
      credits_.consume(cost);
      sent_request_ = next.tlp;
      nonposted_.pop();
      start(sent_request_);
      return true;
    }
    case FlowClass::kCompletion:
      if (!completer_.can_send(posted_sent_) || config_.down_windows.completion.active(cycle))
        return false;
      start(completer_.take());
      return true;
  }
  return false;
}

const Tlp* DownLink::drive(std::uint64_t cycle, const CreditLimits& limits, Beat& out) {
  completer_.advance(cycle, posted_pushed_);
  if (!driver_.busy()) {
    bool started = false;
    for (int i = 1; i <= 3 && !started; ++i) {
      const auto flow = static_cast<FlowClass>((static_cast<int>(current_) + i) % 3);
      started = try_start(flow, cycle, limits);
      if (started) current_ = flow;
    }
    if (!started) {
      out.valid = out.sop = out.eop = out.prefix_valid = false;
      return nullptr;
    }
  }
  const Tlp* const sent = driver_.drive(out);
  return sent != nullptr && original_ != nullptr ? original_ : sent;
}

void DownLink::reset() {
  credits_.reset();
  driver_.reset();
  original_ = nullptr;
  posted_.clear();
  nonposted_.clear();
  posted_pushed_ = posted_sent_ = 0;
  current_ = FlowClass::kCompletion;
}

}  // namespace siov::pcie
