// SPDX-License-Identifier: Apache-2.0
// Random load on the interrupt block: software that rewrites, masks and unmasks entries, requests
// of all requesters, look-ups of all askers, grants, enables that come and go, resets. IrqBench's
// monitor judges every cycle; at the end nothing may be lost.
#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>
#include <set>

#include "irq_bench.hpp"

namespace siov::test {
namespace {

struct Load {
  dut::IrqSize size;
  std::uint32_t seed;
  unsigned stall;   ///< a message is accepted once in so many cycles
  unsigned resets;  ///< cycles between resets, 0: none
};

class IrqLoad {
 public:
  explicit IrqLoad(const Load& load) : load_(load), bench(load.size), random_(load.seed) {}

  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) {
      drive_enables();
      drive_requests();
      drive_look_ups();
      drive_grants();
      if (!bench.access_busy() && !chance(4)) drive_software();
      drive_resets();
      bench.step();
      end_of_cycle();
    }
  }

  /// Stops asking, unmasks what was used, and waits until all is sent.
  void settle() {
    bench.in.bme = bench.in.msix_en = bench.in.msg_ready = true;
    bench.in.msix_fmask = bench.in.dev_rst = bench.in.flr = false;
    for (unsigned i = 0; i < 200; ++i) {
      bench.step();
      end_of_cycle();
    }
    for (const dut::IrqRequest& r : bench.in.irq) EXPECT_FALSE(r.valid);
    while (bench.access_busy()) bench.step();
    bench.idle(4 * static_cast<unsigned>(used_.size()) + 200);
    for (const auto& [ims, index] : used_) {  // nobody has to touch what is unmasked
      const IrqEntry& e = bench.entry(ims, index);
      EXPECT_FALSE(!e.mask && e.pending == IrqEntry::kYes) << "stuck: entry " << index;
    }
    for (const auto& [ims, index] : used_) {
      if (!ims) bench.write(kPerm, index, 0, 0);
      bench.write(ims ? kIms : kMsix, index, 1, ++version_, 0xFF);  // unmasked, not ignored
    }
    bench.idle(4 * static_cast<unsigned>(used_.size()) + 200);
    for (const auto& [ims, index] : used_) {
      EXPECT_NE(bench.entry(ims, index).pending, IrqEntry::kYes)
          << "lost: entry " << index << " ims " << ims;
      if (ims) {
        EXPECT_EQ(bench.read(kIms, index, 1) >> 33 & 1, 0u) << index;
      } else {
        EXPECT_EQ(bench.read(kPba, index / 64) >> index % 64 & 1, 0u) << index;
      }
    }
  }

 private:
  const Load load_;

 public:
  IrqBench bench;
  std::uint64_t rewrites = 0, resets = 0;

 private:
  unsigned below(unsigned n) { return random_() % n; }
  bool chance(unsigned n) { return below(n) == 0; }
  bool table() { return bench.block->ims_entries != 0 && chance(2); }

  /// Mostly one of few entries, so that all meet there.
  unsigned pick(bool ims) {
    const unsigned n = bench.entries(ims);
    const unsigned favourites[] = {0, 1, 2, 3, 63, 64, n / 2, n - 1};
    return chance(10) ? below(n) : favourites[below(8)] % n;
  }

  void drive_enables() {
    dut::IrqIn& in = bench.in;
    if (chance(60)) in.bme = !chance(6);
    if (chance(60)) in.msix_en = !chance(6);
    if (chance(60)) in.msix_fmask = chance(6);
    in.msg_ready = chance(load_.stall);
    if (!in.dev_irq_valid) in.dev_irq_valid = chance(60);
    in.dev_irq_cause = in.dev_irq_valid || chance(2);
  }

  /// Not while an entry is being unmasked: it would send the message of a cleared one.
  void drive_resets() {
    const bool may = load_.resets != 0 && !(bench.access_busy() && unmasks_);
    bench.in.dev_rst = may && chance(load_.resets);
    bench.in.flr = may && chance(2 * load_.resets);
    if (bench.in.dev_rst || bench.in.flr) ++resets;
  }

  void drive_requests() {
    for (unsigned r = 0; r <= bench.block->engines; ++r) {
      dut::IrqRequest& request = bench.in.irq[r];
      if (request.valid || !chance(12)) continue;
      request.ims = table();
      const unsigned handle = chance(40) ? 0xFFFF & random_() : pick(request.ims);
      request.handle = static_cast<std::uint16_t>(handle);
      request.valid = true;
      if (handle < bench.entries(request.ims)) used_.insert({request.ims, handle});
    }
  }

  dut::IrqAsk ask() {
    dut::IrqAsk a;
    a.valid = true;
    a.ims = chance(2);
    a.handle = static_cast<std::uint16_t>(chance(30) || bench.entries(a.ims) == 0 ? random_()
                                                                                  : pick(a.ims));
    a.pasid_en = chance(2);
    a.pasid = below(2);
    return a;
  }
  void drive_look_ups() {
    dut::IrqIn& in = bench.in;
    in.lk = ask();
    in.lk.valid = chance(2);
    for (unsigned e = 0; e < bench.block->engines; ++e) {
      if (!in.blk[e].valid && !waits_[e] && chance(4)) in.blk[e] = ask();
    }
    if (!in.olk.valid && !waits_[4] && chance(6)) {
      in.olk = ask();
      waits_[4] = true;
      hold_olk_ = chance(2);
    }
  }

  void drive_grants() {
    if (bench.in.gr.valid || !chance(6)) return;
    bench.in.gr.valid = true;
    bench.in.gr.ims = table();
    bench.in.gr.release = chance(4);
    bench.in.gr.index = static_cast<std::uint16_t>(chance(20) ? random_() : pick(bench.in.gr.ims));
  }

  /// A message changes only while its entry is masked (siov D-36).
  void drive_software() {
    const bool ims = table();
    dut::IrqAccess a;
    a.sel = ims ? kIms : kMsix;
    const unsigned index = pick(ims);
    a.index = static_cast<std::uint16_t>(index);
    IrqEntry& e = bench.entry(ims, index);
    const unsigned kind = below(8);
    a.write = kind >= 2;
    if (kind < 2) {
      if (chance(3)) a.sel = static_cast<std::uint8_t>(below(4));
      if (a.sel == kPba) a.index = static_cast<std::uint16_t>(below(40));
      if (chance(20)) a.index = static_cast<std::uint16_t>(below(4096));
      a.word = a.sel != kPba && a.sel != kPerm && chance(2);
    } else if (kind == 2) {
      a.sel = ims ? kIms : kPerm;
      a.word = ims;
      const std::uint64_t control = below(2) << 12 | (chance(2) ? 8 : 0) | (chance(8) ? 4 : 0);
      a.wdata = ims ? (control | std::uint64_t{e.mask}) << 32 : control;
      a.be = ims ? 0xF0 : 0x0F;
    } else if (!e.mask || (kind == 3 && e.data != 0)) {
      a.word = true;
      a.be = 0x10;
      a.wdata = std::uint64_t{!e.mask} << 32;
    } else if (kind < 6) {
      a.wdata =
          ims ? 0xFEE0'0000 + (random_() & 0xFFFFC) : std::uint64_t{random_()} << 32 | random_();
      if (ims && chance(8)) a.wdata ^= std::uint64_t{1} << (20 + below(44));
    } else {  // new data, perhaps unmasked by the same write
      a.word = true;
      a.be = ims && chance(2) ? 0xFF : 0x1F;
      a.wdata = std::uint64_t{chance(2)} << 32 | ++version_;
      ++rewrites;
    }
    if (a.write) used_.insert({ims, index});
    unmasks_ = a.write && a.word && (a.be & 0x10) != 0 && (a.wdata >> 32 & 1) == 0;
    bench.start_access(a);
  }

  void end_of_cycle() {
    dut::IrqIn& in = bench.in;
    const dut::IrqOut& out = bench.out;
    if (out.dev_irq_ready) in.dev_irq_valid = false;
    for (unsigned r = 0; r <= bench.block->engines; ++r) {
      if ((out.irq_ready >> r & 1) != 0 || in.flr) in.irq[r].valid = false;
    }
    for (unsigned e = 0; e < bench.block->engines; ++e) {
      if (in.blk[e].valid && (out.blk_ready >> e & 1) != 0) {
        in.blk[e].valid = false;
        waits_[e] = true;
      }
      if ((out.blk_rsp >> e & 1) != 0) waits_[e] = false;
    }
    if (!hold_olk_ || out.olk_rsp) in.olk.valid = false;
    if (out.olk_rsp) waits_[4] = false;
    if (out.gr_ack || in.flr || in.dev_rst) in.gr.valid = false;
    if (in.flr) in.dev_irq_valid = false;
  }

  boost::random::mt19937 random_;
  std::set<std::pair<bool, unsigned>> used_;
  std::uint32_t version_ = 0;
  bool waits_[5] = {};
  bool hold_olk_ = false, unmasks_ = false;
};

class IrqRandomTest : public ::testing::TestWithParam<Load> {};

INSTANTIATE_TEST_SUITE_P(
    Loads, IrqRandomTest,
    ::testing::Values(Load{dut::IrqSize::kSmall, 1, 1, 0}, Load{dut::IrqSize::kSmall, 2, 6, 300},
                      Load{dut::IrqSize::kDefault, 3, 1, 0}, Load{dut::IrqSize::kDefault, 4, 2, 0},
                      Load{dut::IrqSize::kDefault, 5, 3, 400},
                      Load{dut::IrqSize::kDefault, 6, 12, 150}, Load{dut::IrqSize::kLarge, 7, 1, 0},
                      Load{dut::IrqSize::kLarge, 8, 2, 0}, Load{dut::IrqSize::kLarge, 9, 3, 400},
                      Load{dut::IrqSize::kLarge, 10, 12, 150}),
    [](const auto& p) { return "Seed" + std::to_string(p.param.seed); });

TEST_P(IrqRandomTest, NothingIsLostMixedOrInvented) {
  IrqLoad load(GetParam());
  load.run(60'000);
  load.settle();
  // The load was one.
  EXPECT_GT(load.bench.messages.size(), 1000u);
  EXPECT_GT(load.bench.requests_done, 3000u);
  EXPECT_GT(load.bench.allowed_answers, 100u);
  EXPECT_GT(load.bench.answers, load.bench.allowed_answers + 10'000);
  EXPECT_GT(load.rewrites, 500u);
  if (GetParam().resets != 0) {
    EXPECT_GT(load.resets, 100u);
  }
}

}  // namespace
}  // namespace siov::test
