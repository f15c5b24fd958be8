// SPDX-License-Identifier: Apache-2.0
// What QueueBench does in a cycle and compares. Included by queue_bench.hpp alone:
//
//   #include "queue_bench.hpp"
#pragma once

#include "queue_bench.hpp"

namespace siov::blocks {

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::configure(unsigned wq, const QueueSetup& s) {
  auto& cfg = this->dut().wq_cfg_i;
  const unsigned at = wq * kCfgBits;
  put(cfg, at, 1, s.prs_dis);
  put(cfg, at + 1, 1, s.ats_dis);
  put(cfg, at + 2, 4, s.max_batch);
  put(cfg, at + 6, 5, s.max_xfer);
  put(cfg, at + 11, 1, s.priv);
  put(cfg, at + 12, 20, s.pasid);
  put(cfg, at + 32, 1, s.pasid_en);
  put(cfg, at + 33, 4, s.prio);
  put(cfg, at + 37, 1, s.bof);
  put(cfg, at + 38, 1, s.dedicated);
  put(cfg, at + 39, 16, s.threshold);
  put(cfg, at + 55, 16, s.size);
  put(cfg, at + 71, 16, s.base);
  put(this->dut().wq_ops_i, wq * kOpsBits, kOpsBits, s.ops);
  open(wq, true);
  setup_[wq] = s;
}

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::step() {
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

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::forget() {
  for (auto& w : waiting) w.second.clear();
  for (auto& e : working_) e.clear();
  for (auto& e : epoch_) e = 0;
}

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::drive_engines(bool clear) {
  auto& d = this->dut();
  d.disp_ready_i = 0;
  for (unsigned e = 0; e < kEngines; ++e) {
    if (!clear && take_one_in != 0 && this->chance(take_one_in)) d.disp_ready_i |= 1u << e;
    const bool was = finishing_[e];
    finishing_[e] = false;
    d.done_valid_i &= ~(1u << e);
    if (clear || working_[e].empty()) continue;
    if (!was && (finish_one_in == 0 || !this->chance(finish_one_in))) continue;
    d.done_valid_i |= 1u << e;
    finishing_[e] = true;
    put(d.done_wq_i, 8 * e, 8, working_[e].front().wq);
    put(d.done_epoch_i, e, 1, working_[e].front().epoch);
  }
}

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::answers() {
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

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::decide(const Pending& p) {
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

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::deliveries() {
  auto& d = this->dut();
  for (unsigned e = 0; e < kEngines; ++e) {
    if ((d.disp_valid_o & d.disp_ready_i & (1u << e)) == 0) continue;
    const unsigned at = e * kDispBits;
    const auto field = [&](unsigned lsb, unsigned width) { return get(d.disp_o, at + lsb, width); };
    const Delivery x{field(85 + 64, 64), this->cycle(), static_cast<unsigned>(field(77, 8)), e,
                     static_cast<unsigned>(field(76, 1))};
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
    EXPECT_EQ(field(33, 1) != 0, permitted(field(85 + 288, 16)));
    EXPECT_EQ(field(35, 1), d.ats_en_i && !s.ats_dis) << "translates";
    EXPECT_EQ(field(34, 1), d.ats_en_i && d.pri_en_i && !s.ats_dis && !s.prs_dis)
        << "asks for pages";
    EXPECT_EQ(field(36, 6), ((tc_[group_of_[x.wq]] & 7u) << 3) | tc_[group_of_[x.wq]] >> 3);
    EXPECT_EQ(field(42, 4), s.max_batch);
    EXPECT_EQ(field(46, 5), s.max_xfer);
    EXPECT_EQ(field(51, 1), s.dedicated ? s.priv : how.priv);
    EXPECT_EQ(field(52, 20), s.dedicated ? s.pasid : how.pasid);
    EXPECT_EQ(field(72, 1), s.dedicated ? s.pasid_en : 1u);
    EXPECT_EQ(field(73, 1), s.bof);
    EXPECT_EQ(field(74, 1), s.dedicated);
    EXPECT_EQ(field(75, 1), how.ims);
    EXPECT_EQ(x.epoch, taken_epoch_[x.id]);
    for (unsigned i = 2; i < 8; ++i)
      EXPECT_EQ(field(85 + 64 * i, 64), x.id * 0x9E3779B97F4A7C15u + i);
    EXPECT_TRUE(engines_[group_of_[x.wq]] >> e & 1u) << "engine of another group";
    if (how.opcode == 2)
      for (const auto& w : working_)
        for (const auto& y : w)
          if (y.wq == x.wq) EXPECT_GT(y.id, x.id) << "a drain passed its queue's work";
    working_[e].push_back(x);
    delivered.push_back(x);
  }
}

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::finish() {
  auto& d = this->dut();
  for (unsigned e = 0; e < kEngines; ++e) {
    if ((d.done_valid_i & d.done_ready_o & (1u << e)) == 0) continue;
    working_[e].pop_front();
    finishing_[e] = false;
  }
}

template <typename Dut, unsigned Wqs, unsigned Groups>
void QueueBench<Dut, Wqs, Groups>::look_up() {
  auto& d = this->dut();
  look_[1] = look_[0];
  look_[0] = d.lk_valid_o != 0 && permitted(d.lk_handle_o);
  next_ok_ = look_[1];
}

}  // namespace siov::blocks
