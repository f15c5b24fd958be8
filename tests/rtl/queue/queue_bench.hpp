// SPDX-License-Identifier: Apache-2.0
// Queues and dispatcher alone: portals in front, engines of the test behind, everything that comes
// out compared with what went in.
//
//   QueueBench<Vqueue_default> b;
//   b.configure(0, {.size = 8, .dedicated = true});
//   b.group(0, 0b1, 0b1111);             // queue 0, four engines
//   b.post(0);  b.run(20);               // EXPECTs inside
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "block.hpp"

namespace siov::blocks {

/// What WQCFG says of a queue.
struct QueueSetup {
  unsigned size = 16, base = 0, threshold = 16, prio = 1, max_xfer = 31, max_batch = 10;
  bool dedicated = false, bof = false, pasid_en = true, priv = false;
  unsigned pasid = 0;
  std::uint64_t ops = 0x1FFFFFFFF;
};

/// A descriptor that an engine got.
struct Delivery {
  std::uint64_t id, cycle;
  unsigned wq, engine, epoch;
};

template <typename Dut, unsigned Wqs, unsigned Groups>
class QueueBench : public Block<Dut> {
 public:
  static constexpr unsigned kWqs = Wqs, kEngines = 4;
  static constexpr unsigned kCfgBits = 86, kDispBits = 595, kOpsBits = 33;

  explicit QueueBench(std::uint32_t seed = 1) : Block<Dut>(seed) {
    auto& d = this->dut();
    d.halt_i = d.flush_i = d.portal_valid_i = d.drain_start_i = 0;
    d.discard_pasid_en_i = 0;
    d.lk_ok_i = 1;
    d.swerr_ready_i = 1;
    fill(d.wq_cfg_i, kCfgBits * Wqs);
    fill(d.grp_wq_i, Groups * Wqs);
    fill(d.grp_eng_i, Groups * kEngines);
    fill(d.grp_tc_i, Groups * 6);
    fill(d.wq_ops_i, kOpsBits * Wqs);
    fill(d.drain_mask_i, Wqs);
    fill(d.discard_i, Wqs);
    d.disp_ready_i = 0;
    d.done_valid_i = 0;
    step();
  }

  template <typename Port>
  static void fill(Port& port, unsigned width) {
    for (unsigned lsb = 0; lsb < width; ++lsb) put(port, lsb, 1, 0);
  }

  /// Sets and opens a queue.
  void configure(unsigned wq, const QueueSetup& s) {
    auto& cfg = this->dut().wq_cfg_i;
    const unsigned at = wq * kCfgBits;
    put(cfg, at, 4, s.max_batch);
    put(cfg, at + 4, 5, s.max_xfer);
    put(cfg, at + 9, 1, s.priv);
    put(cfg, at + 10, 20, s.pasid);
    put(cfg, at + 30, 1, s.pasid_en);
    put(cfg, at + 31, 4, s.prio);
    put(cfg, at + 35, 1, s.bof);
    put(cfg, at + 36, 1, s.dedicated);
    put(cfg, at + 37, 16, s.threshold);
    put(cfg, at + 53, 16, s.size);
    put(cfg, at + 69, 16, s.base);
    put(this->dut().wq_ops_i, wq * kOpsBits, kOpsBits, s.ops);
    open(wq, true);
    setup_[wq] = s;
  }
  void open(unsigned wq, bool accept) { put(this->dut().wq_cfg_i, wq * kCfgBits + 85, 1, accept); }
  bool is_open(unsigned wq) { return get(this->dut().wq_cfg_i, wq * kCfgBits + 85, 1) != 0; }
  /// Adds a queue to a group.
  void member(unsigned group, unsigned wq) {
    put(this->dut().grp_wq_i, group * Wqs + wq, 1, 1);
    group_of_[wq] = group;
  }
  void engines(unsigned group, unsigned bitmap, unsigned tc_a = 0, unsigned tc_b = 0) {
    put(this->dut().grp_eng_i, group * kEngines, kEngines, bitmap);
    put(this->dut().grp_tc_i, group * 6, 6, tc_b << 3 | tc_a);
    engines_[group] = bitmap;
    tc_[group] = tc_b << 3 | tc_a;
  }

  /// How a portal is written.
  struct Submit {
    bool deferrable, whole = true, ims = false, limited = false;
    unsigned opcode = 3, pasid = 0x12345;
    bool priv = false;
  };
  /// Puts a portal write into the coming cycle. @return its identity
  std::uint64_t portal(unsigned wq, const Submit& s) {
    auto& d = this->dut();
    const std::uint64_t id = ++last_id_;
    d.portal_valid_i = 1;
    put(d.portal_i, 0, 1, s.limited);
    put(d.portal_i, 1, 1, s.ims);
    put(d.portal_i, 2, 8, wq);
    put(d.portal_i, 10, 1, s.whole);
    put(d.portal_i, 11, 1, s.deferrable);
    for (unsigned i = 0; i < 8; ++i) put(d.portal_data_i, 64 * i, 64, id * 0x9E3779B97F4A7C15u + i);
    put(d.portal_data_i, 0, 20, s.pasid);
    put(d.portal_data_i, 31, 1, s.priv);
    put(d.portal_data_i, 56, 8, s.opcode);
    put(d.portal_data_i, 64, 64, id);
    offered_ = Pending{wq, id, s, 0, false};
    offering_ = true;
    return id;
  }
  /// A legal submission in one cycle. @return whether it was accepted (known two cycles later)
  bool submit(unsigned wq, unsigned opcode = 3, unsigned pasid = 0x12345, bool limited = false) {
    Submit s{.deferrable = !setup_[wq].dedicated};
    s.opcode = opcode;
    s.pasid = pasid;
    s.limited = limited;
    return submit(wq, s);
  }
  bool submit(unsigned wq, const Submit& s) {
    const std::uint64_t id = portal(wq, s);
    run(4);
    return accepted.count(id) != 0;
  }

  /// One cycle.
  void step() {
    auto& d = this->dut();
    const bool clear = d.halt_i || d.flush_i;
    d.lk_ok_i = next_ok_;
    drive_engines(clear);
    this->settle();
    if (clear) forget();
    answers();
    if (!clear) deliveries();
    if (!clear) finish();
    if (offering_) {
      offered_.at = this->cycle();
      offered_.cleared = clear;
      pending_.push_back(offered_);
    }
    offering_ = false;
    look_up();
    this->tick();
    d.portal_valid_i = 0;
    d.drain_start_i = 0;
  }
  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) step();
  }
  unsigned occupancy(unsigned wq) { return get(this->dut().wq_occ_o, 16 * wq, 16); }
  bool draining(unsigned wq) { return get(this->dut().drain_busy_o, wq, 1) != 0; }
  /// Starts a drain generation of one queue.
  void drain(unsigned wq) {
    fill(this->dut().drain_mask_i, Wqs);
    put(this->dut().drain_mask_i, wq, 1, 1);
    this->dut().drain_start_i = 1;
    step();
    epoch_[wq] ^= 1u;  // of what is accepted from now on
  }
  unsigned in_engines() const {
    unsigned n = 0;
    for (const auto& e : working_) n += static_cast<unsigned>(e.size());
    return n;
  }

  unsigned take_one_in = 1;    ///< engines take a descriptor once in n cycles; 0 never
  unsigned finish_one_in = 1;  ///< and finish one; 0 never
  bool may_drop = false;       ///< an abort is under way: entries go missing
  std::set<std::uint64_t> accepted;
  std::vector<Delivery> delivered;
  std::vector<std::pair<unsigned, unsigned>> reports;     ///< code, queue
  std::map<unsigned, std::deque<std::uint64_t>> waiting;  ///< accepted, not delivered, in order

 private:
  struct Pending {
    unsigned wq;
    std::uint64_t id;
    Submit how;
    std::uint64_t at;
    bool cleared;  ///< came during a flush or halt
  };

  void forget() {
    for (auto& w : waiting) w.second.clear();
    for (auto& e : working_) e.clear();
    for (auto& e : epoch_) e = 0;
  }

  void drive_engines(bool clear) {
    auto& d = this->dut();
    d.disp_ready_i = 0;
    for (unsigned e = 0; e < kEngines; ++e) {
      if (!clear && take_one_in != 0 && this->chance(take_one_in)) d.disp_ready_i |= 1u << e;
      const bool was = (d.done_valid_i >> e & 1u) != 0;
      d.done_valid_i &= ~(1u << e);
      if (clear || working_[e].empty()) continue;
      if (!was && (finish_one_in == 0 || !this->chance(finish_one_in))) continue;
      d.done_valid_i |= 1u << e;
      put(d.done_wq_i, 8 * e, 8, working_[e].front().wq);
      put(d.done_epoch_i, e, 1, working_[e].front().epoch);
    }
  }

  /// Admission, two cycles after the portal: accepted, retried, reported or ignored (dsa 4.2).
  void answers() {
    auto& d = this->dut();
    const bool report = d.swerr_valid_o != 0;
    if (report) reports.emplace_back(get(d.swerr_o, 121, 8), get(d.swerr_o, 108, 8));
    if (!pending_.empty() && pending_.front().at + 2 == this->cycle()) {
      const Pending p = pending_.front();
      pending_.pop_front();
      EXPECT_EQ(d.portal_rsp_valid_o != 0, p.how.deferrable);
      if (p.how.deferrable) EXPECT_EQ(d.portal_rsp_accept_o != 0, verdict_ == kTake) << p.wq;
      EXPECT_EQ(report, verdict_ == kReport) << p.wq;
    } else {
      EXPECT_FALSE(d.portal_rsp_valid_o);
      EXPECT_FALSE(report);
    }
    if (!pending_.empty() && pending_.front().at + 1 == this->cycle()) decide(pending_.front());
  }

  /// What the specification says of this portal write now.
  void decide(const Pending& p) {
    verdict_ = kIgnore;
    if (p.wq >= Wqs || !is_open(p.wq) || !p.how.whole || p.cleared) return;
    if (this->dut().halt_i || this->dut().flush_i) return;
    const QueueSetup& s = setup_[p.wq];
    if (p.how.deferrable == s.dedicated) return;
    const unsigned limit = p.how.limited && !s.dedicated ? std::min(s.threshold, s.size) : s.size;
    if (occupancy(p.wq) >= limit) {
      verdict_ = s.dedicated ? kReport : kIgnore;
      return;
    }
    verdict_ = kTake;
    accepted.insert(p.id);
    how_[p.id] = p.how;
    taken_epoch_[p.id] = epoch_[p.wq];
    waiting[p.wq].push_back(p.id);
  }

  void deliveries() {
    auto& d = this->dut();
    for (unsigned e = 0; e < kEngines; ++e) {
      if ((d.disp_valid_o & d.disp_ready_i & (1u << e)) == 0) continue;
      const unsigned at = e * kDispBits;
      const auto field = [&](unsigned lsb, unsigned width) {
        return get(d.disp_o, at + lsb, width);
      };
      const Delivery x{field(83 + 64, 64), this->cycle(), static_cast<unsigned>(field(75, 8)), e,
                       static_cast<unsigned>(field(74, 1))};
      auto& queue = waiting[x.wq];
      const auto found = std::find(queue.begin(), queue.end(), x.id);
      ASSERT_NE(found, queue.end()) << "queue " << x.wq << " delivered what it did not hold";
      if (one_engine(group_of_[x.wq]) && !may_drop)
        EXPECT_EQ(found, queue.begin()) << "queue " << x.wq << ": order";
      queue.erase(found);
      auto& before = order_[{e, x.wq}];
      EXPECT_LT(before, x.id) << "queue " << x.wq << ": order at engine " << e;
      before = x.id;
      const QueueSetup& s = setup_[x.wq];
      const Submit& how = how_[x.id];
      EXPECT_EQ(field(0, 33), s.ops);
      EXPECT_EQ(field(33, 1) != 0, permitted(field(83 + 288, 16)));
      EXPECT_EQ(field(34, 6), ((tc_[group_of_[x.wq]] & 7u) << 3) | tc_[group_of_[x.wq]] >> 3);
      EXPECT_EQ(field(40, 4), s.max_batch);
      EXPECT_EQ(field(44, 5), s.max_xfer);
      EXPECT_EQ(field(49, 1), s.dedicated ? s.priv : how.priv);
      EXPECT_EQ(field(50, 20), s.dedicated ? s.pasid : how.pasid);
      EXPECT_EQ(field(70, 1), s.dedicated ? s.pasid_en : 1u);
      EXPECT_EQ(field(71, 1), s.bof);
      EXPECT_EQ(field(72, 1), s.dedicated);
      EXPECT_EQ(field(73, 1), how.ims);
      EXPECT_EQ(x.epoch, taken_epoch_[x.id]);
      for (unsigned i = 2; i < 8; ++i)
        EXPECT_EQ(field(83 + 64 * i, 64), x.id * 0x9E3779B97F4A7C15u + i);
      EXPECT_TRUE(engines_[group_of_[x.wq]] >> e & 1u) << "engine of another group";
      if (how.opcode == 2)
        for (const auto& w : working_)
          for (const auto& y : w) EXPECT_NE(y.wq, x.wq) << "a drain passed its queue's work";
      working_[e].push_back(x);
      delivered.push_back(x);
    }
  }

  void finish() {
    auto& d = this->dut();
    for (unsigned e = 0; e < kEngines; ++e) {
      if ((d.done_valid_i & d.done_ready_o & (1u << e)) == 0) continue;
      working_[e].pop_front();
      d.done_valid_i &= ~(1u << e);
    }
  }

  bool one_engine(unsigned group) const { return (engines_[group] & (engines_[group] - 1u)) == 0; }
  /// Permission of an interrupt handle: anything that tells handles apart.
  static bool permitted(std::uint64_t handle) { return (handle * 0x9E3779B1u >> 13 & 1u) != 0; }
  /// Answers a look-up two cycles later.
  void look_up() {
    auto& d = this->dut();
    look_[1] = look_[0];
    look_[0] = d.lk_valid_o != 0 && permitted(d.lk_handle_o);
    next_ok_ = look_[1];
  }

  enum Verdict { kIgnore, kTake, kReport };
  std::map<unsigned, QueueSetup> setup_;
  std::map<unsigned, unsigned> group_of_;
  std::array<unsigned, Groups> engines_{}, tc_{};
  std::array<unsigned, Wqs> epoch_{};
  std::map<std::uint64_t, Submit> how_;
  std::map<std::uint64_t, unsigned> taken_epoch_;
  std::map<std::pair<unsigned, unsigned>, std::uint64_t> order_;  ///< last of engine and queue
  std::deque<Pending> pending_;
  std::array<bool, 2> look_{};
  bool next_ok_ = false;
  Pending offered_{};
  bool offering_ = false;
  Verdict verdict_ = kIgnore;
  std::uint64_t last_id_ = 0;
  std::array<std::deque<Delivery>, kEngines> working_;
};

}  // namespace siov::blocks
