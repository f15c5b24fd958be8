// SPDX-License-Identifier: Apache-2.0
// Outstanding: non-posted requests of one direction that wait for completions, by tag.
//
//   Request& r = table.at(tlp.tag);
//   if (r.active) ...   // tag still in use
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "pcie/tlp.hpp"

namespace siov::check {

struct WorkItem;

struct ReadRef;

/// One request, as long as it is outstanding; afterwards what the tag was last used for.
struct Request {
  bool active = false;
  bool used = false;           ///< the tag has carried a request before
  bool late_reported = false;  ///< its missing answer has been reported
  bool forgotten = false;      ///< given up by a reset: a late completion is not judged
  bool ro = false, ns = false, poisoned = false;
  bool has_pasid = false;
  bool pasid_disabled = false;  ///< had a PASID while PASID Enable was 0: must get UR
  bool data_known = false;      ///< expected holds the data
  bool had_room = false;        ///< deferrable: queue had room when it was sent
  bool accepted_early = false;  ///< deferrable: work was seen before the answer
  bool counted = false;         ///< deferrable: counted as under way in its queue
  bool list = false;            ///< read of a descriptor list
  bool no_write = false;        ///< translation request: NW
  bool privileged = false;      ///< PMR
  std::uint8_t at = 0;          ///< AT field
  std::uint8_t engine = 0;      ///< data read: engine, and lines of its reorder store
  std::uint16_t lines = 0;
  pcie::TlpType type = pcie::TlpType::kUnknown;
  std::uint8_t tc = 0, first_be = 0, last_be = 0;
  RequesterId requester;
  std::uint16_t length_dw = 0;
  std::uint64_t address = 0;  ///< as in the header
  std::uint64_t start = 0;    ///< address of the first byte asked for
  std::uint64_t next = 0;     ///< address of the next byte to come
  std::uint32_t left = 0;     ///< bytes still to come
  std::uint32_t span = 0;     ///< bytes asked for
  std::uint32_t pasid = 0;
  std::uint64_t cycle = 0;
  std::uint64_t order = 0;        ///< place on the link (Bench::order)
  std::uint64_t grant_order = 0;  ///< translated read: of the translation request it relies on
  RequesterId target;             ///< configuration
  std::uint16_t register_offset = 0;
  std::uint32_t written = 0;  ///< configuration write: the DW
  std::uint32_t queue = 0;    ///< deferrable to a portal: WQ
  WorkItem* item = nullptr;   ///< whose read it is, or which work it created
  std::uint64_t item_number = 0;
  ReadRef owner() const;
  std::array<std::byte, 64> line;  ///< deferrable: payload
  std::array<std::byte, pcie::kMaxPayload> expected;
};

/// Whose read a request was.
struct ReadRef {
  WorkItem* item = nullptr;
  std::uint64_t number = 0;
  std::uint64_t address = 0;  ///< of the first byte
  std::uint32_t bytes = 0;    ///< asked for; 0: a readback
  std::uint64_t next = 0;     ///< of the first byte that has not come
};

inline ReadRef Request::owner() const { return {item, item_number, start, span, next}; }

class Outstanding {
 public:
  static constexpr std::size_t kEngines = 64;

  Outstanding() : requests_(1024) {}
  Request& at(std::uint16_t tag) { return requests_[tag & 1023]; }
  const Request& at(std::uint16_t tag) const { return requests_[tag & 1023]; }
  std::uint32_t count() const { return count_; }

  /// Takes a request down; the tag must be free or is taken over.
  Request& open(const pcie::Tlp& t, std::uint64_t cycle) {
    Request& r = at(t.tag);
    if (!r.active) ++count_;
    release_lines(r);
    r.active = r.used = true;
    r.late_reported = r.forgotten = r.pasid_disabled = r.data_known = r.had_room =
        r.accepted_early = r.counted = false;
    r.ro = t.ro;
    r.ns = t.ns;
    r.poisoned = t.ep;
    r.has_pasid = t.prefix.present;
    r.type = t.type;
    r.tc = t.tc;
    r.first_be = t.first_be;
    r.last_be = t.last_be;
    r.requester = t.requester;
    r.length_dw = t.length_dw;
    r.address = t.address;
    r.pasid = t.prefix.pasid;
    r.cycle = cycle;
    r.target = t.config_target;
    r.register_offset = t.register_offset;
    r.item = nullptr;
    r.list = false;
    r.at = t.at;
    r.no_write = t.at == 1 && (t.ph & 1) != 0;
    r.privileged = t.prefix.privileged;
    r.grant_order = 0;
    return r;
  }
  void close(Request& r) {
    if (!r.active) return;
    r.active = false;
    release_lines(r);
    --count_;
  }
  /// Lines of an engine's reorder store that a data read holds until it is closed.
  void hold_lines(Request& r, std::uint32_t engine, std::uint32_t lines) {
    r.engine = static_cast<std::uint8_t>(engine);
    r.lines = static_cast<std::uint16_t>(lines);
    lines_[engine] += lines;
  }
  void release_lines(Request& r) {
    lines_[r.engine] -= r.lines;
    r.lines = 0;
  }
  std::uint32_t lines(std::size_t engine) const { return lines_[engine]; }
  template <class F>
  void for_each_active(F&& f) {
    std::uint32_t to_find = count_;
    for (std::size_t tag = 0; to_find != 0 && tag < requests_.size(); ++tag) {
      if (!requests_[tag].active) continue;
      --to_find;
      f(static_cast<std::uint16_t>(tag), requests_[tag]);
    }
  }
  /// Reset: nothing is outstanding, whatever still comes is late.
  void forget() {
    for (Request& r : requests_) {
      r.forgotten |= r.active;
      r.active = false;
      release_lines(r);
    }
    count_ = 0;
  }

 private:
  std::vector<Request> requests_;
  std::array<std::uint32_t, kEngines> lines_{};
  std::uint32_t count_ = 0;
};

}  // namespace siov::check
