// SPDX-License-Identifier: Apache-2.0
// The address translation cache. @spec PCIe-6.3 10.2, 10.3, pcie.md 9.1 to 9.3
#include "model/translations.hpp"

#include <algorithm>
#include <bit>

namespace siov::model {
namespace {

constexpr unsigned kPageBits = 12;

/// Last byte of the naturally aligned range around an address whose size is coded by the lowest
/// zero bit from bit 12 on; all of memory if there is none below bit 63.
/// @param base  out: first byte
std::uint64_t coded_range(std::uint64_t address, bool size, std::uint64_t& base) {
  unsigned bits = kPageBits;
  if (size) bits += 1u + static_cast<unsigned>(std::countr_one(address >> kPageBits));
  const std::uint64_t low =
      bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - std::uint64_t{1};
  base = address & ~low;
  return base | low;
}

bool privilege_of(const Owner& owner) { return owner.pasid.has_value() && owner.privileged; }

}  // namespace

bool Translations::Entry::covers(const Owner& owner, Iova page) const {
  return page.value >= base && page.value <= last && pasid == owner.pasid &&
         privileged == privilege_of(owner);
}

Translations::Entry* Translations::find(const Owner& owner, Iova page) {
  for (Entry& e : entries_) {
    if (e.covers(owner, page)) return &e;
  }
  return nullptr;
}

/// The least recently used entry makes room.
void Translations::insert(const Entry& entry) {
  std::erase_if(entries_, [&](const Entry& e) {
    return e.pasid == entry.pasid && e.privileged == entry.privileged && e.base <= entry.last &&
           entry.base <= e.last;
  });
  if (entries_.size() >= config_.atc_entries) {
    const auto oldest =
        std::min_element(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.used < b.used; });
    entries_.erase(oldest);
  }
  entries_.push_back(entry);
}

Translations::Answer Translations::look_up(const Owner& owner, Iova page, bool write) {
  Entry* e = find(owner, page);
  if (e == nullptr || !(write ? e->write : e->read)) return fetch(owner, page, write);
  e->used = ++uses_;
  if (e != &entries_.front()) std::swap(*e, entries_.front());  // found at once the next time
  const Entry& hit = entries_.front();
  requests_done_ = now_ + config_.latency_cycles;
  if (hit.untranslated) return {Result::kOk, page, true};
  return {Result::kOk, Iova{hit.target + (page.value - hit.base)}, false};
}

/// Nothing is kept of an answer without rights. @spec PCIe-6.3 10.2.3.5
Translations::Answer Translations::fetch(const Owner& owner, Iova page, bool write) {
  if (host_ == nullptr) unsupported_ = true;
  if (unsupported_ || !space_.ats_enabled()) return {};
  ++stats_.translations;
  const port::TranslationReply reply = host_->translate({.requester = config_.requester,
                                                         .address = page,
                                                         .pasid = owner.pasid,
                                                         .privileged = privilege_of(owner),
                                                         .no_write = !write});
  if (reply.status == port::DmaStatus::kUnsupportedRequest) {
    unsupported_ = true;
    forget();
  }
  if (reply.status != port::DmaStatus::kSuccess) return {};
  Entry e;
  e.pasid = owner.pasid;
  e.privileged = privilege_of(owner);
  e.read = (reply.entry & port::kAtsRead) != 0;
  e.write = (reply.entry & port::kAtsWrite) != 0;
  if (!e.read && !e.write) return {Result::kFault, page, false};
  const bool size = (reply.entry & port::kAtsSize) != 0;
  const std::uint64_t last = coded_range(reply.entry & port::kAtsAddress, size, e.target);
  e.base = page.value & ~(last - e.target);
  e.last = e.base + (last - e.target);
  e.untranslated = (reply.entry & port::kAtsUntranslatedOnly) != 0;
  e.used = ++uses_;
  insert(e);
  if (!(write ? e.write : e.read)) return {Result::kFault, page, false};
  requests_done_ = now_ + config_.latency_cycles;
  if (e.untranslated) return {Result::kOk, page, true};
  return {Result::kOk, Iova{e.target + (page.value - e.base)}, false};
}

/// Without a PASID every entry of the range goes, with and without one; with the global flag those
/// of all PASIDs. @spec PCIe-6.3 10.3, pcie.md 9.3
void Translations::perform(const port::InvalidateRequest& request) {
  std::uint64_t base = 0;
  const std::uint64_t last = coded_range(request.address & port::kAtsAddress, request.size, base);
  std::erase_if(entries_, [&](const Entry& e) {
    const bool owned = !request.pasid || request.global || e.pasid == request.pasid;
    return owned && e.base <= last && base <= e.last;
  });
  pending_.push_back({request.itag, std::max(now_ + 1, requests_done_)});
}

void Translations::cycle(std::uint64_t now) {
  now_ = now;
  while (!inbox_.empty()) {
    perform(inbox_.front());
    inbox_.pop_front();
  }
  while (!pending_.empty() && pending_.front().due <= now) {
    const std::uint8_t itag = pending_.front().itag;
    pending_.pop_front();
    ++stats_.invalidations;
    if (host_ == nullptr) continue;
    host_->invalidate_completion(
        {.device = config_.requester, .itags = std::uint32_t{1} << (itag & 31u), .count = 1});
  }
}

}  // namespace siov::model
