// SPDX-License-Identifier: Apache-2.0
// Queues and dispatcher alone: portals in front, engines of the test behind, everything that comes
// out compared with what went in.
//
//   QueueBench<Vqueue_default> b;
//   b.configure(0, {.size = 8, .dedicated = true});
//   b.member(0, 0);  b.engines(0, 0xF);  // group 0: queue 0, four engines
//   b.submit(0);  b.run(20);             // EXPECTs inside
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
  bool ats_dis = false, prs_dis = false;
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
  static constexpr unsigned kCfgBits = 88, kDispBits = 597, kOpsBits = 33;

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
  void configure(unsigned wq, const QueueSetup& s);
  void open(unsigned wq, bool accept) { put(this->dut().wq_cfg_i, wq * kCfgBits + 87, 1, accept); }
  bool is_open(unsigned wq) { return get(this->dut().wq_cfg_i, wq * kCfgBits + 87, 1) != 0; }
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
  void step();
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

  void forget();
  void drive_engines(bool clear);

  /// Admission, two cycles after the portal: accepted, retried, reported or ignored (dsa 4.2).
  void answers();

  /// What the specification says of this portal write now.
  void decide(const Pending& p);
  void deliveries();
  void finish();

  bool one_engine(unsigned group) const { return (engines_[group] & (engines_[group] - 1u)) == 0; }
  /// Permission of an interrupt handle: anything that tells handles apart.
  static bool permitted(std::uint64_t handle) { return (handle * 0x9E3779B1u >> 13 & 1u) != 0; }
  /// Answers a look-up two cycles later.
  void look_up();

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
  std::array<bool, kEngines> finishing_{};  ///< holds its done until it is taken
  Verdict verdict_ = kIgnore;
  std::uint64_t last_id_ = 0;
  std::array<std::deque<Delivery>, kEngines> working_;
};

}  // namespace siov::blocks

#include "queue_bench_checks.hpp"
