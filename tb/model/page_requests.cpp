// SPDX-License-Identifier: Apache-2.0
// The page request interface. @spec PCIe-6.3 10.4, pcie.md 9.4, 9.5
#include "model/page_requests.hpp"

#include <algorithm>

namespace siov::model {
namespace {

constexpr std::uint32_t kNoGroup = PageRequests::kGroups;

port::PageResponse meaning(std::uint8_t code) {
  switch (code & 0xFu) {
    case 0:
      return port::PageResponse::kSuccess;
    case 1:
      return port::PageResponse::kInvalid;
    default:
      return port::PageResponse::kFailure;
  }
}

bool same_space(const Owner& a, const Owner& b) {
  return a.pasid == b.pasid && a.privileged == b.privileged;
}

}  // namespace

/// Indexes are used in turn, so that one comes back late.
std::uint32_t PageRequests::free_group() {
  if (outstanding_ >= std::min(space_.page_allocation(), kGroups)) return kNoGroup;
  while (groups_[next_]) next_ = (next_ + 1) % kGroups;
  const std::uint32_t group = next_;
  next_ = (next_ + 1) % kGroups;
  return group;
}

std::shared_ptr<const PageTicket> PageRequests::ask(const Owner& owner, Iova page, bool write) {
  for (const std::optional<Group>& g : groups_) {
    if (outstanding_ == 0) break;
    if (g && same_space(g->owner, owner) && g->page == page && (g->write || !write))
      return g->ticket;
  }
  auto ticket = std::make_shared<PageTicket>();
  if (stopped()) {
    ticket->answer = port::PageResponse::kFailure;
    return ticket;
  }
  const std::uint32_t group = free_group();
  if (group == kNoGroup) return nullptr;
  const std::uint64_t due = now_ + config_.page_timeout_cycles;
  groups_[group] = Group{owner, page, write, sent_++, due, ticket};
  next_due_ = std::min(next_due_, due);
  ++outstanding_;
  ++stats_.page_requests;
  if (host_ == nullptr) return ticket;
  host_->page_request({.requester = config_.requester,
                       .pasid = owner.pasid,
                       .privileged = owner.pasid.has_value() && owner.privileged,
                       .address = page.value,
                       .read = !write,
                       .write = write,
                       .last = true,
                       .group = static_cast<std::uint16_t>(group)});
  return ticket;
}

void PageRequests::end(std::optional<Group>& group, port::PageResponse answer) {
  group->ticket->answer = answer;
  group.reset();
  --outstanding_;
}

void PageRequests::end_all() {
  for (std::optional<Group>& g : groups_) {
    if (g) end(g, port::PageResponse::kFailure);
  }
}

/// A response carries the PASID of its request: status bit 15. A failure ends every request. @spec
/// DSA 1.3, pcie.md 9.4
void PageRequests::take(const port::PageGroupResponse& response) {
  if (failed_) return;
  std::optional<Group>& group = groups_[response.group % kGroups];
  if (!group || group->owner.pasid != response.pasid) {
    space_.note_unexpected_group();
    return;
  }
  const port::PageResponse answer = meaning(response.code);
  end(group, answer);
  if (answer != port::PageResponse::kFailure) return;
  failed_ = true;
  space_.note_response_failure();
  end_all();
}

void PageRequests::cycle(std::uint64_t now) {
  now_ = now;
  while (!inbox_.empty()) {
    take(inbox_.front());
    inbox_.pop_front();
  }
  if (now >= next_due_) {
    next_due_ = ~std::uint64_t{0};
    for (std::optional<Group>& g : groups_) {
      if (g && g->due <= now) end(g, port::PageResponse::kFailure);
      if (g) next_due_ = std::min(next_due_, g->due);
    }
  }
  space_.set_page_requests_stopped(outstanding_ == 0 && !space_.pri_enable_bit());
}

bool PageRequests::settled(std::uint64_t number) const {
  if (outstanding_ == 0) return true;
  return std::none_of(groups_.begin(), groups_.end(),
                      [number](const std::optional<Group>& g) { return g && g->number < number; });
}

void PageRequests::enable() {
  failed_ = false;
  space_.clear_page_status();
}

void PageRequests::forget() {
  end_all();
  failed_ = false;
}

}  // namespace siov::model
