// SPDX-License-Identifier: Apache-2.0
// Engines, host, invalidations and page requests at once; the oracle of AtsBench judges every
// answer.
#include <array>

#include "Vats_default.h"
#include "Vats_small.h"
#include "ats_bench_checks.hpp"

namespace siov::ats {
namespace {

// What a run is made of: chances are once in n cycles, 0 never.
struct Mixture {
  unsigned pages = 24, owners = 4;
  unsigned ask_one_in = 2, xr_ready_one_in = 2, pm_ready_one_in = 3, delay = 80, busy_cycles = 60;
  unsigned invalidate_one_in = 40, whole_one_in = 20;
  unsigned page_one_in = 12;                                     // of the requests
  unsigned fault_one_in = 6, error_one_in = 0, lose_one_in = 0;  // of the completions
  unsigned forget_one_in = 0, off_one_in = 0, pri_off_one_in = 0;
  unsigned wrong_response_one_in = 10, invalid_one_in = 5;
  unsigned allocation = 3;
};

template <typename Dut, unsigned Engines>
class Storm {
 public:
  using Bench = AtsBench<Dut, Engines>;
  Storm(std::uint32_t seed, const Mixture& m) : b(seed), m_(m) {
    b.ask_one_in = m.ask_one_in;
    b.xr_ready_one_in = m.xr_ready_one_in;
    b.pm_ready_one_in = m.pm_ready_one_in;
    b.busy_cycles = m.busy_cycles;
    b.dut().pri_alloc_i = m.allocation;
    b.error_expected = m.off_one_in != 0;
    b.page_failure_expected = m.pri_off_one_in != 0 || m.off_one_in != 0;
    b.timeout_cycles = Engines == 2 ? 400 : 2000;
    b.on_request = [this](const Request& r) { answer(r); };
    b.on_message = [this](const Message& msg) { respond(msg); };
  }

  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles && !::testing::Test::HasFailure(); ++i) {
      for (unsigned e = 0; e < Engines; ++e) {
        if (b.waiting(e) < 4) b.ask(e, random_ask());
      }
      if (hit(m_.invalidate_one_in)) invalidate();
      b.dut().xl_forget_i = hit(m_.forget_one_in);
      if (hit(m_.off_one_in)) toggle(Bench::kAtsEn);
      if (hit(m_.pri_off_one_in)) toggle(Bench::kPriEn);
      b.step();
    }
    b.dut().xl_forget_i = 0;
    b.configure(Bench::kAtsEn, true);
    b.configure(Bench::kPriEn, true);
    b.ask_one_in = 1;
    EXPECT_TRUE(b.run_until([&] { return b.idle(); }, 40000))
        << "something never ends: " << b.what_waits();
  }

  Bench b;

 private:
  bool hit(unsigned one_in) { return one_in != 0 && b.chance(one_in); }
  Key random_key() {
    Key k{.page =
              std::uint64_t{b.below(2)} << 40 | std::uint64_t{b.below(3)} << 8 | b.below(m_.pages)};
    const unsigned owner = b.below(m_.owners);
    k.pasid_en = owner != 0;
    k.pasid = owner == 3 ? 0x80001 : owner;
    k.priv = owner == 2 && b.chance(2);
    return k;
  }
  Ask random_ask() {
    Ask a{.key = random_key(), .write = b.chance(3)};
    a.page_request = hit(m_.page_one_in);
    return a;
  }
  void answer(const Request& r) {
    const unsigned delay = 2 + b.below(m_.delay);
    if (hit(m_.lose_one_in)) return;
    if (hit(m_.error_one_in)) {
      Completion c{.tag = r.tag, .has_data = false, .length = 0};
      c.status = b.chance(2) ? 4 : 2;
      if (b.chance(3)) c = {.tag = r.tag, .poisoned = true, .entry = 0x1003};
      b.complete(c, delay);
      return;
    }
    if (hit(m_.fault_one_in)) {
      b.grant(r, 0, delay);
      return;
    }
    const bool privileged = r.pasid_valid != 0 && r.priv != 0;
    const unsigned rights = 1 + b.below(3);
    std::uint64_t entry =
        rights | (privileged ? 16u : 0u) | (b.chance(10) ? 4u : 0u) | (b.below(8) << 6);
    // No two grants have a page in common: the answer tells which one it is. Sizes up to 2 MB.
    const unsigned size = b.chance(2) ? 0 : 1 + b.below(9);  // log2 of pages
    entry |= ++next_page_ << 24;
    if (size > 0) entry |= ((std::uint64_t{1} << (size - 1)) - 1) << 12 | 0x800;
    b.grant(r, entry, delay);
  }
  void respond(const Message& msg) {
    if (!msg.page_request) return;
    Response r{.group = (msg.dw3 >> 3) & 0x1FF, .code = hit(m_.invalid_one_in) ? 1u : 0u};
    if (msg.pasid_valid) r.pasid = msg.pasid;
    if (hit(m_.wrong_response_one_in)) {
      Response wrong = r;
      wrong.pasid = msg.pasid + 1;
      b.respond(wrong, 1);
    }
    b.respond(r, 1 + b.below(m_.delay));
  }
  void invalidate() {
    const unsigned itag = b.below(32);
    const unsigned requester = b.chance(4) ? 0x1234 : 0x00F8;
    if (b.outstanding() >= 32 || b.tag_in_use(itag, requester)) return;
    Invalidation i{.itag = itag, .requester = requester};
    const Key k = random_key();
    const unsigned size = !b.chance(4) ? 0 : 1 + b.below(10);
    i.data = k.page << 12;
    if (size > 0)
      i.data = (i.data >> (12 + size)) << (12 + size) |
               ((std::uint64_t{1} << (size - 1)) - 1) << 12 | 0x800;
    if (hit(m_.whole_one_in)) i.data = 0x7FFF'FFFF'FFFF'F800;
    if (k.pasid_en && !b.chance(4)) i.pasid = k.pasid;
    i.data |= b.chance(5) ? 1u : 0u;
    b.invalidate(i);
  }
  void toggle(unsigned bit) {
    b.configure(bit, false);
    b.run(1 + b.below(20));
    b.configure(bit, true);
  }

  Mixture m_;
  std::uint64_t next_page_ = 1;
};

TEST(AtsRandomTest, InvalidationStormUnderLoad) {
  std::uint64_t invalidations = 0, hits = 0, revoked = 0, answers = 0, again = 0;
  for (std::uint32_t seed = 1; seed <= 4 && !HasFailure(); ++seed) {
    Mixture m;
    m.invalidate_one_in = 20;
    m.busy_cycles = seed % 2 == 0 ? 10 : 100;
    m.delay = seed % 2 == 0 ? 150 : 20;
    m.page_one_in = 0;
    m.pages = 4;
    Storm<Vats_small, 2> s(seed, m);
    s.run(150000);
    invalidations += s.b.acknowledged;
    hits += s.b.hits;
    revoked += s.b.revoked;
    answers += s.b.answers.size();
    again += s.b.requests.size();
  }
  EXPECT_GE(invalidations, 10000u);
  EXPECT_GE(hits, 10000u);
  EXPECT_GE(revoked, 10000u);
  RecordProperty("invalidations", std::to_string(invalidations));
  RecordProperty("answers", std::to_string(answers));
  RecordProperty("requests", std::to_string(again));
}

TEST(AtsRandomTest, EverythingAtOnce) {
  for (std::uint32_t seed = 10; seed < 14 && !HasFailure(); ++seed) {
    Mixture m;
    m.error_one_in = 30;
    m.whole_one_in = 60;
    m.delay = 40;
    m.allocation = 1 + seed % 3;
    m.pages = seed % 2 == 0 ? 200 : 8;
    Storm<Vats_default, 4> s(seed, m);
    s.run(25000);
    EXPECT_GT(s.b.hits, 300u);
    EXPECT_GT(s.b.acknowledged, 50u);
    EXPECT_GT(s.b.messages.size(), 200u);
    EXPECT_GT(s.b.unknown_groups, 5u);
  }
}

TEST(AtsRandomTest, ForgetAndSwitchesInTheMiddle) {
  for (std::uint32_t seed = 20; seed < 24 && !HasFailure(); ++seed) {
    Mixture m;
    m.pages = 2;
    m.forget_one_in = 300;
    m.off_one_in = 500;
    m.pri_off_one_in = 700;
    Storm<Vats_small, 2> s(seed, m);
    s.run(25000);
    EXPECT_GT(s.b.hits, 300u);
  }
}

TEST(AtsRandomTest, LostCompletions) {
  for (std::uint32_t seed = 30; seed < 33 && !HasFailure(); ++seed) {
    Mixture m;
    m.lose_one_in = 10;
    Storm<Vats_small, 2> s(seed, m);
    s.run(20000);
    EXPECT_GT(s.b.timeouts, 20u);
    EXPECT_GT(s.b.hits, 200u);
  }
}

}  // namespace
}  // namespace siov::ats
