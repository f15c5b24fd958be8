// SPDX-License-Identifier: Apache-2.0
// One engine alone with translation: the test plays cache (docs/architecture.md 1.8), link and
// memory. Addresses are those of software; the translated address of a page names its generation,
// which every invalidation of the page changes.
//
//   EngineBench b;
//   b.write(0x10'0000, bytes);
//   b.page(0x20'1000).present = false;
//   b.submit(copy);
//   b.run();                              // EXPECTs inside: who may use which translation, and
//   when b.record(0x9000).bytes_completed;
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "Vengine.h"
#include "abi/completion_record.hpp"
#include "abi/descriptor.hpp"
#include "block.hpp"

namespace siov::blocks {

using Bytes = std::vector<std::uint8_t>;

/// How a page request for an absent page ends.
enum class PageAnswer { kMap, kEmpty, kInvalid, kFailure, kSilent };

/// A page of 4 KiB, as the translation agent sees it.
struct Page {
  bool present = true, writable = true, untranslated = false, broken = false;
  PageAnswer answer = PageAnswer::kMap;
  unsigned generation = 0;
  unsigned requests = 0;  ///< page requests that were made for it
  unsigned asked = 0;     ///< translation requests that missed
};

/// What a queue adds to a descriptor.
struct Work {
  abi::Descriptor descriptor;
  bool ats = true, prs = true, bof = true, epoch = false;
  unsigned wq = 0, pasid = 5;
};

/// One report to SWERROR or the event log.
struct Report {
  std::uint8_t code = 0;
  bool write = false, has_record = false, batch = false;
  std::uint32_t info = 0;
  std::uint64_t address = 0;
  std::array<std::byte, 32> record{};
};

/// A write TLP: where software sees it, and when its last beat left.
struct WriteTlp {
  std::uint64_t address;
  unsigned bytes;
  bool translated;
  std::uint64_t cycle;
};

class EngineBench : public Block<Vengine> {
 public:
  explicit EngineBench(std::uint32_t seed = 1);

  Page& page(std::uint64_t address) { return pages_[address >> 12]; }
  void write(std::uint64_t address, const Bytes& bytes);
  Bytes read(std::uint64_t address, std::size_t bytes);
  abi::CompletionRecord record(std::uint64_t address);

  void submit(const Work& work) {
    work_.push_back(work);
    ++pending_;
  }
  void submit(const abi::Descriptor& descriptor) { submit(Work{descriptor}); }
  /// Until everything submitted is done. EXPECTs that it takes no longer.
  void run(unsigned most = 60000);
  void cycles(unsigned n) {
    for (unsigned i = 0; i < n; ++i) step();
  }
  /// One invalidation of all pages: marks, and waits until old traffic is out.
  void mark();
  bool marking() const { return marking_; }
  void abort(unsigned wq, bool pasid_en = false, unsigned pasid = 0);
  /// Everything submitted counts as done (a halt follows); the link goes on.
  void forget_work() {
    work_.clear();
    offered_ = false;
    pending_ = done;
  }

  // Behaviour of the surroundings, in cycles.
  unsigned answer_latency = 4, slot_latency = 60, page_latency = 80, read_latency = 60;
  bool caches = true;         ///< false: each request for a translation misses
  bool stalls = false;        ///< the link is not always ready
  bool full = false;          ///< every request is answered with XlBusy
  bool reports_wait = false;  ///< reports are not taken
  unsigned mark_every = 0;    ///< invalidations at random, about so often; 0 never
  bool mps512 = true;

  std::vector<Report> reports;
  std::vector<WriteTlp> writes;
  unsigned interrupts = 0, done = 0, reads = 0, asked = 0, completed_marks = 0;
  unsigned most_slots = 0;  ///< translation requests that were outstanding at once
  bool idle() const { return pending_ == done; }
  std::uint64_t last_done = 0;  ///< cycle of the last end

 private:
  struct Ask {
    std::uint64_t due, page;
    bool write, page_request;
    unsigned id;
  };
  struct Slot {
    bool used = false, write = false, page_request = false;
    std::uint64_t page = 0, due = 0;
  };
  struct Read {
    std::uint64_t address;
    unsigned tag, offset, bytes, length;
    std::uint64_t due;
  };

  void step();
  void drive();
  void sample();
  void drive_answer();
  void answer(bool done, unsigned id, unsigned slot, unsigned code, const Page* page,
              std::uint64_t number, bool write);
  void answer_ask(const Ask& ask);
  void end_slot(unsigned number);
  void drive_completion();
  void sample_read();
  void sample_write();
  std::uint64_t check_request(const std::uint64_t address, bool translated, bool pasid, bool write);
  void dispatch(const Work& work);

  std::map<std::uint64_t, Page> pages_;
  std::map<std::uint64_t, Bytes> memory_;
  std::set<std::uint64_t> cached_;  // page * 2 + write
  std::deque<Work> work_;
  std::deque<Ask> asks_;
  std::array<Slot, 32> slots_{};
  std::deque<Read> waiting_;
  Read now_{};
  unsigned left_ = 0, pending_ = 0;
  bool first_ = false, offered_ = false, marking_ = false, want_mark_ = false, mid_ = false;
  std::uint64_t mark_cycle_ = 0, write_address_ = 0, write_from_ = 0;
  unsigned write_left_ = 0, write_lane_ = 0;
  bool write_translated_ = false;
};

/// A descriptor with record and its required flag. @param record  address of the completion record
inline abi::Descriptor operation(std::uint8_t opcode, std::uint64_t record) {
  abi::Descriptor d;
  d.opcode = opcode;
  d.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
  d.completion_address = Iova{record};
  return d;
}

}  // namespace siov::blocks
