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
  groups_[group] = Group{owner, page, write, ticket};
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

/// A response carries the PASID of its request: status bit 15. @spec DSA 1.3, pcie.md 9.4
void PageRequests::take(const port::PageGroupResponse& response) {
  std::optional<Group>& group = groups_[response.group % kGroups];
  if (!group || group->owner.pasid != response.pasid) {
    space_.note_unexpected_group();
    return;
  }
  const port::PageResponse answer = meaning(response.code);
  group->ticket->answer = answer;
  group.reset();
  --outstanding_;
  if (answer != port::PageResponse::kFailure) return;
  failed_ = true;
  space_.note_response_failure();
}

void PageRequests::cycle() {
  while (!inbox_.empty()) {
    take(inbox_.front());
    inbox_.pop_front();
  }
  space_.set_page_requests_stopped(outstanding_ == 0 && (failed_ || !space_.pri_enable_bit()));
}

void PageRequests::enable() {
  failed_ = false;
  space_.clear_page_status();
}

void PageRequests::forget() {
  for (std::optional<Group>& g : groups_) g.reset();
  outstanding_ = 0;
  failed_ = false;
}

}  // namespace siov::model
