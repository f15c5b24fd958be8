// SPDX-License-Identifier: Apache-2.0
// What AtsBench checks in each cycle.
#pragma once

#include "ats_bench_drive.hpp"

namespace siov::ats {

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample() {
  auto& d = this->dut();
  sample_asks();
  if (d.xi_busy_i == 0 && !marks.empty() && this->cycle() >= marks.back() + 2)
    idle_now_ = marks.back();
  sample_request();
  sample_message();
  if (d.xi_mark_o) {
    marks.push_back(this->cycle());
    uses_.clear();
    for (auto& until : busy_until_)
      until = busy_cycles == 0 ? 0 : this->cycle() + 2 + this->below(busy_cycles);
  }
  if (d.xa_valid_o) sample_answer();
  if (d.xl_forget_i) {
    forgotten_ = this->cycle();
    ordered_duplicates = false;
  }
  idle_mark_ = idle_now_;
  unexpected += d.unexpected_o;
  timeouts += d.timeout_o;
  failures += d.pri_rf_o;
  unknown_groups += d.pri_uprgi_o;
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample_asks() {
  auto& d = this->dut();
  unsigned accepted = 0;
  for (unsigned e = 0; e < Engines; ++e) {
    if (((d.xl_ready_o >> e) & 1u) == 0) continue;
    ++accepted;
    ASSERT_TRUE(offered_[e]) << "ready without valid";
    Ask a = wishes_[e].front();
    a.key = canonical(a.key);
    pending_[e].push_back({a, next_id_[e], this->cycle()});
    wishes_[e].pop_front();
    next_id_[e] = (next_id_[e] + 1) % 64;
    offered_[e] = false;
  }
  EXPECT_LE(accepted, 1u);
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample_request() {
  using blocks::get;
  auto& d = this->dut();
  if (!d.xr_valid_o || !d.xr_ready_i) return;
  const auto f = [&](unsigned lsb, unsigned width) {
    return static_cast<unsigned>(get(d.xr_req_o, lsb, width));
  };
  Request r{this->cycle(),
            get(d.xr_req_o, 56, 64),
            f(46, 10),
            f(42, 4),
            f(38, 4),
            f(35, 3),
            f(34, 1),
            f(33, 1),
            f(13, 20),
            f(12, 1),
            f(2, 10),
            f(0, 2),
            0};
  const bool long_tags = get(d.cfg_i, kTag10, 1) != 0 && Engines == 2;
  if (long_tags) {
    EXPECT_EQ(r.tag >> 8, 3u);
    EXPECT_GE(r.tag & 63u, 60u);
    r.slot = ((r.tag >> 6) & 3u) * 4 + (r.tag & 3u);
  } else if (get(d.cfg_i, kExtTag, 1) != 0) {
    EXPECT_EQ(r.tag >> 8, 0u);
    EXPECT_GE(r.tag & 63u, 60u);
    r.slot = ((r.tag >> 6) & 3u) * 4 + (r.tag & 3u);
  } else {
    EXPECT_EQ(r.tag & ~0x18u, 7u);
    r.slot = (r.tag >> 3) * 4;
  }
  EXPECT_EQ(r.length, 2u);
  EXPECT_EQ(r.first_be, 0xFu);
  EXPECT_EQ(r.last_be, 0xFu);
  EXPECT_EQ(r.at, 1u);
  EXPECT_EQ(r.addr & 0xFFEu, 0u);
  EXPECT_FALSE(rests(r.slot)) << "tag " << r.tag << " used twice";
  EXPECT_NE(get(d.cfg_i, kAtsEn, 1), 0u);
  EXPECT_NE(get(d.cfg_i, kBme, 1), 0u);
  // The miss that took the slot may still be on its way to the engine, but not for long.
  owed_[r.slot] = true;
  asked_[r.slot] = this->cycle();
  last_grant_[r.slot].reset();
  last_error_[r.slot] = false;
  ASSERT_TRUE(live_[r.slot]) << "request of a free slot";
  const Ask& a = *live_[r.slot];
  EXPECT_EQ(r.addr >> 12, a.key.page);
  EXPECT_EQ(r.addr & 1u, a.write ? 0u : 1u);  // NW
  EXPECT_EQ(r.pasid_valid, a.key.pasid_en ? 1u : 0u);
  if (a.key.pasid_en) {
    EXPECT_EQ(r.pasid, a.key.pasid);
    EXPECT_EQ(r.priv, a.key.priv ? 1u : 0u);
  }
  requests.push_back(r);
  if (on_request) on_request(r);
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample_answer() {
  using blocks::get;
  auto& d = this->dut();
  const auto f = [&](unsigned lsb, unsigned width) {
    return static_cast<unsigned>(get(d.xa_o, lsb, width));
  };
  Answer a{this->cycle(), f(70, 1) != 0,      f(68, 2),     f(62, 6),     f(57, 5),
           f(54, 3),      get(d.xa_o, 2, 52), f(1, 1) != 0, f(0, 1) != 0, {}};
  EXPECT_FALSE(d.xi_mark_o);
  if (a.done) {
    sample_done(a);
  } else {
    sample_first(a);
  }
  answers.push_back(a);
  if (off_cycle && this->cycle() > *off_cycle) {
    EXPECT_NE(a.code, kOk) << "translation is off";
  }
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::use(const Answer& a, std::size_t index) {
  const Grant& g = grants_[index];
  EXPECT_FALSE(g.dead) << "a revoked translation of page " << std::hex << a.ask.key.page;
  EXPECT_EQ(a.page, g.page);
  EXPECT_EQ(a.untranslated, g.untranslated);
  EXPECT_EQ(a.write, g.write);
  EXPECT_TRUE(a.ask.write ? g.write : g.read);
  EXPECT_TRUE(g.key == a.ask.key);
  uses_.emplace_back(this->cycle(), index);
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample_first(Answer& a) {
  ASSERT_LT(a.engine, Engines);
  auto& queue = pending_[a.engine];
  ASSERT_FALSE(queue.empty()) << "an answer that nobody asked for";
  const Pending p = queue.front();
  queue.pop_front();
  EXPECT_EQ(a.id, p.id) << "order of an engine";
  EXPECT_EQ(this->cycle() - p.cycle, 4u);
  a.ask = p.ask;
  switch (a.code) {
    case kOk: {
      EXPECT_FALSE(a.ask.page_request);
      ++hits;
      const auto& known = by_key_[a.ask.key];
      std::optional<std::size_t> found;
      for (const std::size_t g : known) {
        if (grants_[g].page == a.page) found = g;
      }
      ASSERT_TRUE(found) << "page " << std::hex << a.ask.key.page << " -> " << a.page
                         << " was not granted, or revoked";
      use(a, *found);
      if (forgotten_ != 0 && this->cycle() > forgotten_ + 1) {
        EXPECT_GT(grants_[*found].asked, forgotten_);
      }
      break;
    }
    case kMiss: {
      const bool page_slot = a.slot >= 16;
      EXPECT_EQ(page_slot, a.ask.page_request);
      if (!live_[a.slot]) {
        EXPECT_FALSE(!page_slot && rests(a.slot));
        live_[a.slot] = a.ask;
        if (ordered_duplicates) {
          for (unsigned s = page_slot ? 16 : 0; s < (page_slot ? 32u : 16u); ++s) {
            if (s != a.slot && live_[s]) {
              EXPECT_FALSE(live_[s]->key == a.ask.key && live_[s]->write == a.ask.write)
                  << "two slots for the same";
            }
          }
        }
      }
      EXPECT_TRUE(live_[a.slot]->key == a.ask.key && live_[a.slot]->write == a.ask.write);
      named_[a.slot] = true;
      break;
    }
    case kBusy:
      for (unsigned s = 0;
           s < 16 && !a.ask.page_request && blocks::get(this->dut().cfg_i, kExtTag, 1) != 0; ++s) {
        // A completion that ends nothing frees its slot two cycles later.
        EXPECT_TRUE(live_[s] || owed_[s] || returned_[s] + 3 >= this->cycle())
            << "slot " << s << " is free";
      }
      break;
    case kFault:
      ADD_FAILURE() << "only the host's answer can say that a right is missing";
      break;
    case kError:
      EXPECT_FALSE(a.ask.page_request);
      EXPECT_TRUE(off_cycle || error_expected || this->dut().ats_off_o ||
                  blocks::get(this->dut().cfg_i, kBme, 1) == 0 ||
                  blocks::get(this->dut().cfg_i, kPasidEn, 1) == 0);
      break;
    case kPageFailure:
      EXPECT_TRUE(a.ask.page_request);
      break;
    default:
      ADD_FAILURE() << "code " << a.code;
  }
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample_done(Answer& a) {
  ASSERT_TRUE(live_[a.slot]) << "end of a slot that nobody waits for";
  EXPECT_TRUE(named_[a.slot]);
  a.ask = *live_[a.slot];
  if (a.slot >= 16) {
    auto& response = last_response_[a.slot - 16];
    const bool failed = failures > 0 || page_failure_expected;
    if (a.code == kPageOk) {
      EXPECT_EQ(response, 0u);
    } else if (a.code == kPageInvalid) {
      EXPECT_EQ(response, 1u);
    } else {
      EXPECT_EQ(a.code, kPageFailure);
      EXPECT_TRUE(failed || (response && *response > 1));
    }
    response.reset();
  } else if (a.code == kOk || a.code == kFault) {
    ASSERT_TRUE(last_grant_[a.slot]) << "nothing was granted";
    const Grant& g = grants_[*last_grant_[a.slot]];
    if (a.code == kOk) {
      use(a, *last_grant_[a.slot]);
    } else {
      EXPECT_FALSE(g.dead) << "a revoked denial";
      EXPECT_FALSE(a.ask.write ? g.write : g.read);
    }
  } else {
    EXPECT_EQ(a.code, kError);
    EXPECT_TRUE(last_error_[a.slot] || error_expected || timeouts > 0 || off_cycle ||
                this->dut().ats_off_o || blocks::get(this->dut().cfg_i, kBme, 1) == 0);
  }
  live_[a.slot].reset();
  named_[a.slot] = false;
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::sample_message() {
  using blocks::get;
  auto& d = this->dut();
  if (!d.pm_valid_o) {
    message_seen_ = false;
    return;
  }
  const auto f = [&](unsigned lsb, unsigned width) {
    return static_cast<unsigned>(get(d.pm_o, lsb, width));
  };
  const Message m{this->cycle(), f(86, 1) != 0, f(54, 32),   f(22, 32),
                  f(21, 1) != 0, f(1, 20),      f(0, 1) != 0};
  if (!m.page_request && !message_seen_) {
    acknowledge(m);
  }
  message_seen_ = !d.pm_ready_i;
  if (!d.pm_ready_i) return;
  messages.push_back(m);
  if (m.page_request) {
    const unsigned index = (m.dw3 >> 3) & 0x1FF;
    ASSERT_LT(index, 16u);
    const unsigned slot = 16 + index;
    EXPECT_FALSE(owed_[slot]) << "index " << index << " used twice";
    owed_[slot] = true;
    last_response_[index].reset();
    unsigned outstanding = 0;
    for (unsigned s = 16; s < 32; ++s) outstanding += owed_[s] ? 1u : 0u;
    EXPECT_LE(outstanding, d.pri_alloc_i);
    EXPECT_NE(get(d.cfg_i, kPriEn, 1), 0u);
    ASSERT_TRUE(live_[slot]);
    const Ask& a = *live_[slot];
    EXPECT_EQ(m.dw2, a.key.page >> 20);
    EXPECT_EQ(m.dw3 >> 12, a.key.page & 0xFFFFF);
    EXPECT_EQ(m.dw3 & 7u, a.write ? 6u : 5u);  // L 2, W 1, R 0
    EXPECT_EQ(m.pasid_valid, a.key.pasid_en);
    if (a.key.pasid_en) {
      EXPECT_EQ(m.pasid, a.key.pasid);
      EXPECT_EQ(m.priv, a.key.priv);
    }
  } else {
    EXPECT_FALSE(m.pasid_valid);
  }
  if (on_message) on_message(m);
}

// The engines have been told before: nothing that was granted before these invalidations came may
// be used any more.
template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::acknowledge(const Message& m) {
  EXPECT_EQ(m.dw2 & 0xFFFF, 1u);  // CC
  EXPECT_NE(m.dw3, 0u);
  for (unsigned itag = 0; itag < 32; ++itag) {
    if (((m.dw3 >> itag) & 1u) == 0) continue;
    bool found = false;
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      if (it->itag != itag || it->requester != m.dw2 >> 16) continue;
      found = true;
      ++acknowledged;
      const Invalidation i = *it;
      EXPECT_GT(idle_mark_, i.cycle) << "the engines have not been marked since, or are still busy";
      open_.erase(it);
      for (const auto& [cycle, g] : uses_) {
        EXPECT_FALSE(i.covers(grants_[g].key) && grants_[g].asked < i.cycle)
            << "page " << std::hex << grants_[g].key.page << " used behind the mark";
      }
      for (auto& [key, list] : by_key_) {
        if (!i.covers(key)) continue;
        std::erase_if(list, [&](std::size_t g) {
          if (grants_[g].asked >= i.cycle) return false;
          grants_[g].dead = true;
          ++revoked;
          return true;
        });
      }
      break;
    }
    EXPECT_TRUE(found) << "ITag " << itag << " is not open";
  }
}

}  // namespace siov::ats
