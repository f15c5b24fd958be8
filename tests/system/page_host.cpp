// SPDX-License-Identifier: Apache-2.0
// The host's side of address translation in tests. @spec PCIe-6.3 10, pcie.md 9, SIOV D-26, D-53
#include "page_host.hpp"

#include <algorithm>
#include <bit>
#include <sstream>

namespace siov::test {
namespace {

constexpr std::uint64_t kOffset = 0xFFF;

std::string text_of(const port::DmaRequest& r, const char* what) {
  std::ostringstream text;
  text << "translated " << what << " @0x" << std::hex << r.address.value;
  return text.str();
}

}  // namespace

std::optional<std::uint64_t> PageHost::resolve(std::optional<Pasid> pasid, std::uint64_t address,
                                               bool write) const {
  const Key key{key_of(pasid), address & ~kOffset};
  if (absent.contains(key) || (write && read_only.contains(key))) return std::nullopt;
  const auto at = elsewhere.find(key);
  return at == elsewhere.end() ? address : at->second + (address & kOffset);
}

port::TranslationReply PageHost::translate(const port::TranslationRequest& request) {
  translations.push_back(request);
  port::TranslationReply reply;
  reply.status = status;
  if (status != port::DmaStatus::kSuccess) return reply;
  const Key key{key_of(request.pasid), request.address.value};
  const auto target = resolve(request.pasid, request.address.value, false);
  if (!target) return reply;  // R = W = 0
  const bool write = !read_only.contains(key) && !request.no_write;
  const auto size = large.find(key);
  const unsigned bits = size == large.end() ? 12 : size->second;
  const std::uint64_t low = (std::uint64_t{1} << bits) - 1;
  reply.entry = (*target & ~low) | port::kAtsRead | (write ? port::kAtsWrite : 0);
  // vtd.md 4.6: the rights are those of the privilege that was asked with.
  if (request.pasid && request.privileged) reply.entry |= port::kAtsPrivileged;
  if (bits > 12) reply.entry |= port::kAtsSize | ((low >> 1) & ~kOffset);
  if (untranslated_only.contains(key)) {
    reply.entry |= port::kAtsUntranslatedOnly;
    return reply;
  }
  grants_.push_back(
      {key, key.second & ~low, key.second | low, *target & ~low, true, write, order_++});
  return reply;
}

void PageHost::judge(const port::DmaRequest& r, std::size_t bytes, bool write) {
  if (r.pasid) violations.push_back(text_of(r, "request with a PASID"));
  const bool granted = std::any_of(grants_.begin(), grants_.end(), [&](const Grant& g) {
    const std::uint64_t end = g.target + (g.last - g.first);
    return r.address.value >= g.target && r.address.value + bytes <= end + 1 &&
           r.address.value <= end && (!write || g.write);
  });
  if (!granted)
    violations.push_back(text_of(
        r, write ? "write, never granted or invalidated" : "read, never granted or invalidated"));
}

void PageHost::page_request(const port::PageRequest& request) {
  requests.push_back(request);
  if (!answer) return;
  if (*answer == 0 && !stubborn.contains(request.address))
    absent.erase({key_of(request.pasid), request.address});
  respond(request, *answer);
}

void PageHost::respond(const port::PageRequest& request, std::uint8_t code) {
  device->page_group_response(
      {.device = request.requester, .pasid = request.pasid, .group = request.group, .code = code});
}

void PageHost::invalidate(std::uint32_t pasid, std::uint64_t page) {
  port::InvalidateRequest request;
  if (pasid != kNoPasid) request.pasid = Pasid{pasid};
  request.address = page;
  invalidate(request);
}

void PageHost::invalidate(port::InvalidateRequest request) {
  request.itag = next_tag_;
  next_tag_ = (next_tag_ + 1) % 32;
  sent_.push_back({request, order_++});
  device->invalidate(request);
}

/// The grants that the invalidation covers and that are older than it end with its completion.
void PageHost::invalidate_completion(const port::InvalidateCompletion& completion) {
  completions.push_back(completion);
  for (auto s = sent_.begin(); s != sent_.end();) {
    const port::InvalidateRequest& r = s->request;
    if ((completion.itags >> r.itag & 1u) == 0) {
      ++s;
      continue;
    }
    const unsigned bits = r.size ? 13 + std::countr_one(r.address >> 12) : 12;
    const std::uint64_t low = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
    const std::uint64_t first = r.address & ~low;
    std::erase_if(grants_, [&](const Grant& g) {
      const bool owned = !r.pasid || r.global || g.key.first == r.pasid->value;
      return owned && g.order < s->order && g.first <= (first | low) && first <= g.last;
    });
    s = sent_.erase(s);
  }
}

}  // namespace siov::test
