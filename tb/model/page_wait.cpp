// SPDX-License-Identifier: Apache-2.0
// Waiting for pages. @spec DSA 5.7
#include "model/page_wait.hpp"

#include "abi/siov_abi.hpp"

namespace siov::model {

bool PageWait::pending(PageRequests& pages, const Owner& owner) {
  if (!wanted_) return false;
  if (!given_up_) {
    if (!ticket_) ticket_ = pages.ask(owner, wanted_->page, wanted_->write);
    if (!ticket_ || !ticket_->answer) return true;
    if (*ticket_->answer == port::PageResponse::kInvalid)
      refused_[key_of(*wanted_)] = abi::kStPageFaultInvalid;
    if (*ticket_->answer == port::PageResponse::kFailure)
      refused_[key_of(*wanted_)] = abi::kStTranslationError;
  }
  ticket_.reset();
  wanted_.reset();
  return false;
}

bool PageWait::ask(const PageAccess& access) {
  if (given_up_ || refused(access) != 0) return false;
  unsigned& asked = asked_[key_of(access)];
  if (asked == retries_) {
    refused_[key_of(access)] = abi::kStPageFaultInvalid;
    return false;
  }
  ++asked;
  wanted_ = access;
  return true;
}

std::uint8_t PageWait::refused(const PageAccess& access) const {
  const auto at = refused_.find(key_of(access));
  return at == refused_.end() ? 0 : at->second;
}

}  // namespace siov::model
