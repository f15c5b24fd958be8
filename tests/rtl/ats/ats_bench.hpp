// SPDX-License-Identifier: Apache-2.0
// The translation block alone: engines that ask, a host that grants and revokes, and an oracle that
// judges every answer.
//
//   AtsBench<Vats_default, 4> b;
//   b.ask(0, {.key = {.page = 0x1234}});         // engine 0 wants to read that page
//   b.run_until([&] { return !b.requests.empty(); });
//   b.grant(b.requests[0], entry);               // 64-bit entry of pcie.md 9.2
//   b.run(20);  // every answer is in b.answers
//
// Always checked: one answer to each request, in the engine's order, four cycles later; slots end
// once, behind the misses that named them; every translation was granted to that page, PASID and
// privilege with the right it is used for and not revoked before the last mark; header fields of
// translation requests; tags and indexes not used twice; Invalidate Completions name open ITags and
// come after the engines are idle.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ats_types.hpp"
#include "block.hpp"

namespace siov::ats {

template <typename Dut, unsigned Engines>
class AtsBench : public blocks::Block<Dut> {
 public:
  // Bits of cfg_t.
  static constexpr unsigned kPriEn = 0, kAtsEn = 1, kPasidPrivEn = 4, kPasidEn = 5, kCtoDisable = 6,
                            kExtTag = 13, kBme = 16, kTag10 = 34;
  static constexpr unsigned kXlReqW = 82;

  explicit AtsBench(std::uint32_t seed = 1) : blocks::Block<Dut>(seed) {
    auto& d = this->dut();
    d.cfg_i = 0;
    d.stu_i = 0;
    d.xl_valid_i = 0;
    d.xi_busy_i = 0;
    d.xl_forget_i = d.pri_reset_i = d.vm_valid_i = d.cpl_valid_i = 0;
    d.pri_alloc_i = 16;
    configure(kAtsEn, true);
    configure(kPriEn, true);
    configure(kPasidEn, true);
    configure(kPasidPrivEn, true);
    configure(kExtTag, true);
    configure(kBme, true);
    run(3);
  }

  /// Sets a bit of cfg_t.
  void configure(unsigned bit, bool value) {
    blocks::put(this->dut().cfg_i, bit, 1, value);
    if (bit == kAtsEn && !value) {
      off_cycle = forgotten_ = this->cycle();
      ordered_duplicates = false;
    }
    if (bit == kAtsEn && value) off_cycle.reset();
  }

  // ---------------------------------------------------------------- stimulus
  void ask(unsigned engine, const Ask& what) { wishes_[engine].push_back(what); }
  void complete(const Completion& c, unsigned delay = 0) {
    completions_.push_back({c, this->cycle() + delay});
  }
  /// Answers a request with an entry.
  void grant(const Request& r, std::uint64_t entry, unsigned delay = 0) {
    complete({.tag = r.tag, .entry = entry}, delay);
  }
  void invalidate(const Invalidation& i) { invalidations_.push_back(i); }
  void respond(const Response& r, unsigned delay = 0) {
    responses_.push_back({r, this->cycle() + delay});
  }
  /// Pulse: everything cached is forgotten.
  void forget() {
    this->dut().xl_forget_i = 1;
    step();
    this->dut().xl_forget_i = 0;
  }

  void step();
  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) step();
  }
  template <typename Condition>
  bool run_until(Condition condition, unsigned limit = 5000) {
    for (unsigned i = 0; i < limit; ++i) {
      if (condition()) return true;
      step();
    }
    return condition();
  }
  /// Asks and waits for the first answer.
  Answer ask_now(unsigned engine, const Ask& what) {
    const auto before = answers.size();
    ask(engine, what);
    run_until([&] { return find(before, false) != nullptr; }, 200);
    const Answer* a = find(before, false);
    EXPECT_NE(a, nullptr);
    return a == nullptr ? Answer{} : *a;
  }
  /// Waits for the end of a slot, since the last miss that named it.
  Answer end_of(unsigned slot) {
    std::size_t from = answers.size();
    while (from > 0 && (answers[from - 1].done || answers[from - 1].code != kMiss ||
                        answers[from - 1].slot != slot))
      --from;
    run_until([&] { return find(from, true, slot) != nullptr; });
    const Answer* a = find(from, true, slot);
    EXPECT_NE(a, nullptr) << "slot " << slot << " does not end";
    return a == nullptr ? Answer{} : *a;
  }
  /// Asks, grants the entry, waits for the end. @return the end of the slot
  Answer learn(const Ask& what, std::uint64_t entry) {
    const auto sent = requests.size();
    const Answer a = ask_now(0, what);
    EXPECT_EQ(a.code, kMiss);
    EXPECT_TRUE(run_until([&] { return requests.size() > sent; }));
    grant(requests.back(), entry);
    return end_of(a.slot);
  }
  bool live(unsigned slot) const { return live_[slot].has_value(); }
  bool owed(unsigned slot) const { return owed_[slot]; }
  unsigned live_count(unsigned from, unsigned to) const {
    unsigned n = 0;
    for (unsigned s = from; s < to; ++s) n += live_[s] ? 1u : 0u;
    return n;
  }
  bool idle() const {
    for (const auto& w : wishes_) {
      if (!w.empty()) return false;
    }
    for (const auto& p : pending_) {
      if (!p.empty()) return false;
    }
    return live_count(0, 32) == 0 && completions_.empty() && invalidations_.empty() &&
           open_.empty() && responses_.empty();
  }
  std::string what_waits() const {
    std::string text;
    for (unsigned s = 0; s < 32; ++s) {
      if (live_[s]) text += " slot " + std::to_string(s) + (owed_[s] ? " sent" : "");
    }
    for (unsigned e = 0; e < Engines; ++e) {
      text += ", engine " + std::to_string(e) + ": " + std::to_string(wishes_[e].size()) + " and " +
              std::to_string(pending_[e].size());
    }
    return text + ", completions " + std::to_string(completions_.size()) + ", invalidations " +
           std::to_string(invalidations_.size()) + " and " + std::to_string(open_.size()) +
           ", responses " + std::to_string(responses_.size());
  }
  /// Requests of an engine that are not accepted yet.
  std::size_t waiting(unsigned engine) const { return wishes_[engine].size(); }
  /// Invalidate Requests without completion; the device promises to take 32.
  std::size_t outstanding() const { return open_.size() + invalidations_.size(); }
  bool tag_in_use(unsigned itag, unsigned requester) const {
    const auto same = [&](const Invalidation& i) {
      return i.itag == itag && i.requester == requester;
    };
    return std::any_of(open_.begin(), open_.end(), same) ||
           std::any_of(invalidations_.begin(), invalidations_.end(), same);
  }
  /// After PRI Reset no index is in use.
  void forget_indexes() {
    for (unsigned s = 16; s < 32; ++s) owed_[s] = false;
  }
  std::size_t open_invalidations() const { return open_.size(); }

  // ---------------------------------------------------------------- what the neighbours do
  unsigned ask_one_in = 1;  ///< an engine offers a request once in n cycles
  unsigned xr_ready_one_in = 1,
           pm_ready_one_in = 1;    ///< the link accepts once in n cycles; 0 never
  unsigned timeout_cycles = 2000;  ///< CtoCycles of the block
  unsigned busy_cycles = 0;        ///< an engine is busy with old work up to this long after a mark
  bool ordered_duplicates =
      true;  ///< requests for the same never have two slots (not across a forget)
  std::function<void(const Request&)> on_request;
  std::function<void(const Message&)> on_message;

  // ---------------------------------------------------------------- what was seen
  std::vector<Answer> answers;
  std::vector<Request> requests;
  std::vector<Message> messages;
  std::vector<std::uint64_t> marks;
  unsigned unexpected = 0, timeouts = 0, failures = 0, unknown_groups = 0;
  std::uint64_t hits = 0, acknowledged = 0, revoked = 0;
  std::optional<std::uint64_t> off_cycle;
  bool error_expected = false;         ///< requests may end with an error without such a completion
  bool page_failure_expected = false;  ///< waits may end as failed without such a response

 private:
  struct Grant {
    Key key;
    std::uint64_t page, asked;
    bool read, write, untranslated, dead;
  };
  struct Due {
    Completion c;
    std::uint64_t cycle;
  };
  struct DueResponse {
    Response r;
    std::uint64_t cycle;
  };
  struct Pending {
    Ask ask;
    unsigned id;
    std::uint64_t cycle;
  };

  const Answer* find(std::size_t from, bool done, unsigned slot = 0) const {
    for (std::size_t i = from; i < answers.size(); ++i) {
      if (answers[i].done == done && (!done || answers[i].slot == slot)) return &answers[i];
    }
    return nullptr;
  }
  static Key canonical(Key k) {
    if (!k.pasid_en) {
      k.pasid = 0;
      k.priv = false;
    }
    return k;
  }
  // A tag without its last completion is used again only after two timeouts.
  bool rests(unsigned slot) const {
    return owed_[slot] && this->cycle() < asked_[slot] + 2 * timeout_cycles;
  }
  void drive();
  void sample();
  void sample_asks();
  void sample_request();
  void sample_answer();
  void sample_first(Answer& a);
  void sample_done(Answer& a);
  void sample_message();
  void acknowledge(const Message& m);
  void note_completion(const Completion& c);
  void use(const Answer& a, std::size_t grant);

  std::deque<Ask> wishes_[Engines];
  bool offered_[Engines] = {};
  unsigned next_id_[Engines] = {};
  std::deque<Pending> pending_[Engines];
  std::optional<Ask> live_[32];
  bool named_[32] = {};
  bool owed_[32] = {};
  std::uint64_t asked_[16] = {}, returned_[16] = {};  ///< last request sent, last completion
  std::optional<std::size_t> last_grant_[16];
  bool last_error_[16] = {};
  std::optional<unsigned> last_response_[16];
  std::vector<Grant> grants_;
  std::map<Key, std::vector<std::size_t>> by_key_;
  std::vector<std::pair<std::uint64_t, std::size_t>> uses_;  ///< since the last mark: cycle, grant
  std::deque<Due> completions_;
  std::deque<Invalidation> invalidations_;
  std::vector<Invalidation> open_;
  std::deque<DueResponse> responses_;
  std::uint64_t busy_until_[Engines] = {};
  std::uint64_t forgotten_ = 0;
  std::uint64_t idle_now_ = 0,
                idle_mark_ =
                    0;  ///< the last mark behind which all engines have been idle; one cycle ago
  bool message_seen_ = false;
  unsigned responded_ = 16;  ///< index whose response was in the last cycle; 16 none
};

}  // namespace siov::ats

#include "ats_bench_checks.hpp"
