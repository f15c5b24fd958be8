// SPDX-License-Identifier: Apache-2.0
// PageHost: the host's side of address translation in tests: pages that are absent, read-only,
// elsewhere; page requests that it answers or keeps; invalidations. It judges translated requests.
//
//   b.host.pages.absent.insert({0x11, 0x201000});           // PASID, page
//   b.host.pages.answer = {};                               // keep page requests
//   b.host.pages.respond(b.host.pages.requests.back(), 1);  // Invalid
//   b.host.pages.invalidate(0x11, 0x201000);
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "port/ats_port.hpp"

namespace siov::test {

class PageHost final : public port::AtsHostPort {
 public:
  static constexpr std::uint32_t kNoPasid = ~std::uint32_t{0};
  using Key = std::pair<std::uint32_t, std::uint64_t>;  ///< PASID or kNoPasid, page

  port::TranslationReply translate(const port::TranslationRequest& request) override;
  void page_request(const port::PageRequest& request) override;
  void invalidate_completion(const port::InvalidateCompletion& completion) override;

  /// Where an untranslated request goes. @return nothing: refused
  std::optional<std::uint64_t> resolve(std::optional<Pasid> pasid, std::uint64_t address,
                                       bool write) const;
  /// Judges a translated request. @param bytes  0 is a flush
  void judge(const port::DmaRequest& request, std::size_t bytes, bool write);

  /// Sends a response to the group of a request. @param code  0 Success, 1 Invalid, 15 Failure
  void respond(const port::PageRequest& request, std::uint8_t code);
  /// Sends an invalidation of one page and waits for nothing. @param pasid  kNoPasid: all
  void invalidate(std::uint32_t pasid, std::uint64_t page);
  /// Any invalidation. Its tag is taken from a counter.
  void invalidate(port::InvalidateRequest request);
  /// Invalidations without a completion.
  std::size_t outstanding() const { return sent_.size(); }

  static std::uint32_t key_of(std::optional<Pasid> pasid) {
    return pasid ? pasid->value : kNoPasid;
  }

  port::AtsDevicePort* device = nullptr;
  // What there is: every page of every PASID, at its own address, for reading and writing, but
  std::set<Key> absent;
  std::set<Key> read_only;
  std::set<Key> untranslated_only;
  std::map<Key, std::uint64_t> elsewhere;  ///< page at this address
  std::map<Key, unsigned> large;           ///< log2 of the size that the answer has, 13..
  std::set<std::uint64_t> stubborn;        ///< pages that a page request does not bring
  /// Translation requests end so.
  port::DmaStatus status = port::DmaStatus::kSuccess;
  /// Code of the response that each page request gets at once; nothing: none. With 0 the page
  /// comes.
  std::optional<std::uint8_t> answer = 0;

  // What was seen.
  std::vector<port::TranslationRequest> translations;
  std::vector<port::PageRequest> requests;
  std::vector<port::InvalidateCompletion> completions;
  std::vector<std::string> violations;

 private:
  struct Grant {
    Key key;
    std::uint64_t first = 0, last = 0;  ///< untranslated
    std::uint64_t target = 0;           ///< translated first
    bool read = false, write = false;
    std::uint64_t order = 0;
  };
  struct Sent {
    port::InvalidateRequest request;
    std::uint64_t order = 0;
  };
  std::vector<Grant> grants_;
  std::vector<Sent> sent_;
  std::uint64_t order_ = 0;
  std::uint8_t next_tag_ = 0;
};

}  // namespace siov::test
