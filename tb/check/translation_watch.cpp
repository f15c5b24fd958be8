// SPDX-License-Identifier: Apache-2.0
// TranslationWatch: pages come with completions and go with invalidations.
#include "check/translation_watch.hpp"

#include <algorithm>

namespace siov::check {

using pcie::Tlp;
using pcie::TlpType;

namespace {

constexpr std::uint64_t kPage = 4096, kOffset = kPage - 1;

bool covers(const port::InvalidateRequest& request, const TranslationWatch::Entry& e) {
  const std::uint64_t bytes = pcie::coded_bytes(request.address, request.size);
  const std::uint64_t start = pcie::coded_start(request.address, request.size);
  if (bytes != 0 && (e.page < start || e.page - start >= bytes)) return false;
  return !request.pasid || request.global || (e.has_pasid && e.pasid == request.pasid->value);
}

}  // namespace

void TranslationWatch::up(const Tlp& t) {
  if (t.type != TlpType::kMemRead) return;
  const std::size_t tag = t.tag & 1023;
  asked_[tag].active = t.at == pcie::kAtRequest;
  reads_[tag] = t.at == pcie::kAtTranslated && t.byte_span() != 0 ? t.address + 1 : 0;
  if (!asked_[tag].active) return;
  asked_[tag].entry = {
      .pasid = t.prefix.pasid, .has_pasid = t.prefix.present, .page = t.address & ~kOffset};
}

void TranslationWatch::granted(const Ask& ask, std::uint64_t value) {
  const bool sized = (value & port::kAtsSize) != 0;
  const std::uint64_t bytes = pcie::coded_bytes(value, sized);
  Entry e = ask.entry;
  e.read = (value & port::kAtsRead) != 0;
  e.write = (value & port::kAtsWrite) != 0;
  e.start = pcie::coded_start(value & port::kAtsAddress, sized);
  e.bytes = bytes == 0 ? ~std::uint64_t{0} : bytes;
  e.host = e.start + (bytes == 0 ? 0 : e.page & (bytes - 1));
  for (const Entry& old : entries_) {  // one that was asked for with NW = 1 takes nothing away
    const bool same = old.page == e.page && old.has_pasid == e.has_pasid && old.pasid == e.pasid;
    if (same && e.read && old.host == e.host) e.write |= old.write;
  }
  std::erase_if(entries_, [&](const Entry& old) {
    return old.page == e.page && old.has_pasid == e.has_pasid && old.pasid == e.pasid;
  });
  if (!e.read && !e.write) return;
  if (entries_.size() >= kMost) entries_.erase(entries_.begin());
  entries_.push_back(e);
}

void TranslationWatch::down(const Tlp& t) {
  if (t.is_completion()) {
    const std::size_t tag = t.tag & 1023;
    if (asked_[tag].active) {
      asked_[tag].active = false;
      if (t.type == TlpType::kCompletionData && !t.ep)
        granted(asked_[tag], pcie::big_endian_entry(t));
    }
    const bool last =
        t.payload_bytes == 0 || t.byte_count <= t.payload_bytes - (t.lower_address & 3);
    if (last) reads_[tag] = 0;
    return;
  }
  if (const auto request = pcie::invalidate_request_of(t))
    std::erase_if(entries_, [&](const Entry& e) { return covers(*request, e); });
}

const TranslationWatch::Entry* TranslationWatch::of_host(std::uint64_t address) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& e) { return e.host == (address & ~kOffset); });
  return found == entries_.end() ? nullptr : &*found;
}

const TranslationWatch::Entry* TranslationWatch::foreign(const Tlp& t) const {
  const Entry* own = of_host(t.address);
  if (own == nullptr) return nullptr;
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& e) {
    return e.write && e.read && (e.has_pasid != own->has_pasid || e.pasid != own->pasid) &&
           e.host != own->host;
  });
  return found == entries_.rend() ? nullptr : &*found;
}

bool TranslationWatch::writable(std::uint64_t host) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return e.write && host >= e.start && host - e.start < e.bytes;
  });
}

const TranslationWatch::Entry* TranslationWatch::read_only() const {
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& e) {
    return e.read && !e.write && !writable(e.host);
  });
  return found == entries_.rend() ? nullptr : &*found;
}

bool TranslationWatch::held(const port::InvalidateRequest& request) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return covers(request, e); });
}

bool TranslationWatch::reading(const port::InvalidateRequest& request) const {
  return std::any_of(reads_.begin(), reads_.end(), [&](std::uint64_t address) {
    if (address == 0) return false;
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) {
      return e.host == ((address - 1) & ~kOffset) && covers(request, e);
    });
  });
}

}  // namespace siov::check
