// SPDX-License-Identifier: Apache-2.0
// Event log alone (dsa 2.11): registers, ring, entries, interrupt, and what goes to SWERROR.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "Vevl_block.h"
#include "Vevl_drop.h"
#include "Vevl_none.h"
#include "block.hpp"

namespace siov::blocks {
namespace {

constexpr unsigned kSources = 3;      // two engines and the queues
constexpr unsigned kErrorBits = 428;  // siov_pkg::swerr_t
constexpr unsigned kCodeLsb = 121;
constexpr unsigned kEvlcfgLow = 1, kEvlcfgHigh = 2, kEvlstatus = 4;  // one-hot strobes

/// What left on the link.
struct Write {
  std::uint64_t address, length, first_be, last_be, tc, pasid_valid, pasid, priv;
  std::array<std::uint64_t, 8> data;
};

template <typename Dut>
class EvlBench : public Block<Dut> {
 public:
  EvlBench() {
    auto& d = this->dut();
    d.flr_i = d.dev_rst_i = d.halt_i = d.flush_i = 0;
    d.pasid_en_i = 1;
    d.swerr_valid_i = 0;
    d.swerr_ready_i = 1;
    d.evl_we_i = 0;
    d.evl_locked_i = d.evl_start_i = d.evl_active_i = d.int_en_i = 0;
    d.wr_ready_i = 1;
    step();
  }

  /// One cycle; collects what leaves.
  void step() {
    auto& d = this->dut();
    this->settle();
    acked = d.swerr_ready_o & d.swerr_valid_i;
    if (d.wr_valid_o && d.wr_ready_i) {
      Write w{};
      // tx_req_t from its low end: at 2, tag 10, priv 1, pasid 20, pasid_valid 1, ro 1, tc 3,
      // last_be 4, first_be 4, length 10, addr 64
      w.priv = get(d.wr_req_o, 12, 1);
      w.pasid = get(d.wr_req_o, 13, 20);
      w.pasid_valid = get(d.wr_req_o, 33, 1);
      w.tc = get(d.wr_req_o, 35, 3);
      w.last_be = get(d.wr_req_o, 38, 4);
      w.first_be = get(d.wr_req_o, 42, 4);
      w.length = get(d.wr_req_o, 46, 10);
      w.address = get(d.wr_req_o, 56, 64);
      for (unsigned i = 0; i < 8; ++i) w.data[i] = get(d.wr_data_o, 64 * i, 64);
      EXPECT_TRUE(d.wr_sop_o && d.wr_eop_o);
      writes.push_back(w);
      write_cycle = this->cycle();
    }
    if (acked != 0) ack_cycle = this->cycle();
    if (d.swerr_valid_o && d.swerr_ready_i) registers.push_back(get(d.swerr_o, kCodeLsb, 8));
    if (d.evl_event_o) events.push_back(this->cycle());
    this->tick();
    d.swerr_valid_i = d.swerr_valid_i & ~acked;
  }
  void run(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) step();
  }
  void write_reg(unsigned strobe, std::uint64_t value, std::uint64_t mask = ~std::uint64_t{0}) {
    auto& d = this->dut();
    d.evl_we_i = strobe;
    d.evl_wdata_i = value;
    d.evl_mask_i = mask;
    step();
    d.evl_we_i = 0;
  }
  std::uint64_t reg(unsigned word) { return get(this->dut().evl_img_o, 64 * word, 64); }
  /// Offers an error of this code and nothing else.
  void offer(unsigned source, unsigned code) {
    auto& d = this->dut();
    for (unsigned lsb = 0; lsb < kErrorBits; lsb += 4)
      put(d.swerr_i, source * kErrorBits + lsb, 4, 0);
    put(d.swerr_i, source * kErrorBits + kCodeLsb, 8, code);
    d.swerr_valid_i |= 1u << source;
  }
  /// Log of `size` entries at 0x1234567000, on.
  void start(unsigned size) {
    auto& d = this->dut();
    write_reg(kEvlcfgLow, 0x1234567000);
    write_reg(kEvlcfgHigh, size);
    d.evl_start_i = d.evl_locked_i = 1;
    step();
    d.evl_start_i = 0;
    d.evl_active_i = 1;
  }
  /// Errors of code 0x10, each waited for. @return how many were answered
  unsigned log(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      offer(i % kSources, 0x10);
      for (unsigned t = 0; t < 20 && this->dut().swerr_valid_i != 0; ++t) step();
      if (this->dut().swerr_valid_i != 0) return i;
    }
    return count;
  }

  std::vector<Write> writes;
  std::vector<std::uint64_t> registers;  ///< codes that went to SWERROR
  std::vector<std::uint64_t> events;     ///< cycles
  std::uint64_t write_cycle = 0, ack_cycle = 0;
  unsigned acked = 0;
};
using Evl = EvlBench<Vevl_block>;
using EvlDrop = EvlBench<Vevl_drop>;

TEST(EvlTest, ConfigurationKeepsItsBitsAndLocks) {  // dsa 2.11
  Evl b;
  EXPECT_EQ(b.reg(0), 0u);
  b.write_reg(kEvlcfgLow, ~std::uint64_t{0});
  b.write_reg(kEvlcfgHigh, ~std::uint64_t{0});
  EXPECT_EQ(b.reg(0), 0xFFFFFFFFFFFFF003u);
  EXPECT_EQ(b.reg(1), 0x0000000FFFFFFFFFu);
  b.write_reg(kEvlcfgLow, 0, 0x00000000FFFFFFFFu);
  EXPECT_EQ(b.reg(0), 0xFFFFFFFF00000000u);
  b.write_reg(kEvlcfgHigh, 0, 0x000000000000FF00u);
  EXPECT_EQ(b.reg(1), 0x0000000FFFFF00FFu);
  b.dut().evl_locked_i = 1;
  b.write_reg(kEvlcfgLow, 0);
  b.write_reg(kEvlcfgHigh, 0);
  EXPECT_EQ(b.reg(0), 0xFFFFFFFF00000000u);
  EXPECT_EQ(b.reg(1), 0x0000000FFFFF00FFu);
}

TEST(EvlTest, SizeAndPasidDecideWhetherItMayBeTurnedOn) {  // dsa 2.11, 3.3: 0x19
  Evl b;
  const std::array<std::pair<unsigned, bool>, 4> sizes{
      {{0, false}, {63, false}, {64, true}, {65535, true}}};
  for (const auto& [size, good] : sizes) {
    b.write_reg(kEvlcfgHigh, size);
    b.step();
    EXPECT_EQ(b.dut().evl_cfg_ok_o != 0, good) << size;
  }
  b.write_reg(kEvlcfgLow, 1);
  b.run(2);
  EXPECT_TRUE(b.dut().evl_cfg_ok_o);
  b.dut().pasid_en_i = 0;
  b.run(2);
  EXPECT_FALSE(b.dut().evl_cfg_ok_o);
  b.write_reg(kEvlcfgLow, 0);
  b.run(2);
  EXPECT_TRUE(b.dut().evl_cfg_ok_o);
}

TEST(EvlTest, EntryHasTheLayoutOfTheSpecification) {  // dsa 2.7, 2.11
  Evl b;
  b.start(64);
  b.dut().evl_locked_i = 0;
  b.write_reg(kEvlcfgLow, 0xFFFF800012345003);  // PASID, privileged
  b.write_reg(kEvlcfgHigh, 0x0000000ABCDE0040);
  b.dut().evl_locked_i = 1;
  auto& e = b.dut().swerr_i;
  const unsigned at = 1 * kErrorBits;
  for (unsigned i = 0; i < 3 * kErrorBits; i += 4) put(e, i, 4, 0xF);  // others say something else
  put(e, at + 0, 64, 0x1122334455667788);                              // address
  put(e, at + 64, 16, 0x0203);                                         // index in batch
  put(e, at + 80, 20, 0x54321);                                        // PASID
  put(e, at + 100, 8, 0x03);                                           // opcode
  put(e, at + 108, 8, 0x07);                                           // WQ
  put(e, at + 116, 5, 0b11011);  // desc_valid, wq_valid, not batch, write, priv
  put(e, at + 121, 8, 0x1a);     // code
  for (unsigned i = 0; i < 4; ++i) put(e, at + 129 + 64 * i, 64, 0x0101010101010101 * (i + 1));
  put(e, at + 385, 1, 1);            // cr_valid
  put(e, at + 386, 8, 0x5a);         // batch id
  put(e, at + 394, 32, 0xA0010023);  // error information
  put(e, at + 426, 1, 1);            // info_valid
  put(e, at + 427, 1, 1);            // evl
  b.dut().swerr_valid_i = 2;
  b.run(10);
  ASSERT_EQ(b.writes.size(), 1u);
  const Write& w = b.writes[0];
  EXPECT_EQ(w.address, 0xFFFF800012345000u);
  EXPECT_EQ(w.length, 16u);
  EXPECT_EQ(w.first_be, 0xFu);
  EXPECT_EQ(w.last_be, 0xFu);
  EXPECT_EQ(w.tc, 0u);
  EXPECT_EQ(w.pasid_valid, 1u);
  EXPECT_EQ(w.pasid, 0xABCDEu);
  EXPECT_EQ(w.priv, 1u);
  // 0: bits 2 descriptor, 3 WQ, 5 write, 6 privileged, 7 information; 15:8 code, 23:16 WQ, 31:24
  // batch, 39:32 opcode, 59:40 PASID
  EXPECT_EQ(w.data[0], 0x05432103'5a071aECu);
  EXPECT_EQ(w.data[1], 0xA0010023'00000203u);
  EXPECT_EQ(w.data[2], 0x1122334455667788u);
  EXPECT_EQ(w.data[3], 0u);
  EXPECT_EQ(w.data[4], 0x0101010101010101u);
  EXPECT_EQ(w.data[7], 0x0404040404040404u);
  EXPECT_TRUE(b.registers.empty());

  put(e, at + 385, 1, 0);  // no record
  put(e, at + 426, 1, 0);  // no information
  b.dut().swerr_valid_i = 2;
  b.run(10);
  ASSERT_EQ(b.writes.size(), 2u);
  EXPECT_EQ(b.writes[1].address, 0xFFFF800012345040u);
  EXPECT_EQ(b.writes[1].data[0], 0x05432103'5a071a6Cu);
  EXPECT_EQ(b.writes[1].data[1], 0x0000000000000203u);
  EXPECT_EQ(b.writes[1].data[4], 0u);
  EXPECT_EQ(b.writes[1].data[7], 0u);
}

TEST(EvlTest, SwerrorCodesNeverGoToTheLog) {  // dsa 5.5
  Evl b;
  b.start(64);
  for (unsigned code : {0x51u, 0x52u, 0x53u, 0x54u, 0x50u, 0x55u, 0x10u, 0x26u}) {
    b.offer(code % 3, code);
    b.run(8);
  }
  EXPECT_EQ(b.registers, (std::vector<std::uint64_t>{0x51, 0x52, 0x53, 0x54}));
  ASSERT_EQ(b.writes.size(), 4u);
  EXPECT_EQ(b.writes[3].data[0], 0x2600u);
}

TEST(EvlTest, EverythingGoesToSwerrorWhileOff) {  // dsa 2.6 GENCFG[13]
  Evl b;
  b.offer(0, 0x10);
  b.offer(1, 0x1b);
  b.offer(2, 0x53);
  b.run(6);
  EXPECT_EQ(b.registers.size(), 3u);
  EXPECT_TRUE(b.writes.empty());
  EXPECT_EQ(b.reg(2), 0u);
}

TEST(EvlTest, FullRingBlocksUntilSoftwareMovesTheHead) {  // dsa 2.11: (tail + 1) mod size == head
  Evl b;
  b.start(64);
  EXPECT_EQ(b.log(80), 63u);
  EXPECT_EQ(b.writes.size(), 63u);
  EXPECT_EQ(b.writes[62].address, 0x1234567000u + 62 * 64);
  EXPECT_EQ(b.reg(2), 63ull << 32);
  b.offer(2, 0x53);  // the queue's own report does not wait for the log
  b.run(6);
  EXPECT_EQ(b.registers, (std::vector<std::uint64_t>{0x53}));
  b.run(100);
  EXPECT_EQ(b.writes.size(), 63u);
  b.write_reg(kEvlstatus, 1, 0xFFFFFFFF);  // one entry taken: room for one
  b.run(10);
  ASSERT_EQ(b.writes.size(), 64u);
  EXPECT_EQ(b.writes[63].address, 0x1234567000u + 63 * 64);
  EXPECT_EQ(b.reg(2), 1u);  // tail 0, head 1
  b.write_reg(kEvlstatus, 3, 0xFFFFFFFF);
  EXPECT_EQ(b.log(5), 2u);
  EXPECT_EQ(b.writes[64].address, 0x1234567000u);
  EXPECT_EQ(b.writes[65].address, 0x1234567040u);
}

TEST(EvlTest, FullRingDropsAndReportsWithOverflowSupport) {  // dsa 2.11, GENCAP[32]
  EvlDrop b;
  b.start(64);
  EXPECT_EQ(b.log(63), 63u);
  EXPECT_TRUE(b.registers.empty());
  EXPECT_EQ(b.log(3), 3u);
  EXPECT_EQ(b.registers, (std::vector<std::uint64_t>{0x54, 0x54, 0x54}));
  EXPECT_EQ(b.writes.size(), 63u);
  b.write_reg(kEvlstatus, 2);
  EXPECT_EQ(b.log(3), 3u);
  EXPECT_EQ(b.writes.size(), 65u);
  EXPECT_EQ(b.registers.size(), 4u);
}

TEST(EvlTest, InterruptOnceUntilPendingIsCleared) {  // dsa 2.11
  Evl b;
  b.start(64);
  EXPECT_EQ(b.log(2), 2u);
  EXPECT_TRUE(b.events.empty());  // GENCTRL[2] is 0: no interrupt, pending stays 0
  EXPECT_EQ(b.reg(2) >> 62, 0u);
  b.dut().int_en_i = 1;
  EXPECT_EQ(b.log(3), 3u);
  b.run(3);
  ASSERT_EQ(b.events.size(), 1u);
  EXPECT_EQ(b.reg(2), 0x4000000500000000u);
  b.write_reg(kEvlstatus, 0, ~std::uint64_t{0});  // writing 0 does not clear
  EXPECT_EQ(b.reg(2) >> 62, 1u);
  b.write_reg(kEvlstatus, 1ull << 62, 0x00000000FFFFFFFF);  // not this half
  EXPECT_EQ(b.reg(2) >> 62, 1u);
  b.write_reg(kEvlstatus, 1ull << 62, 0xFFFFFFFF00000000);
  EXPECT_EQ(b.reg(2) >> 62, 0u);
  EXPECT_EQ(b.log(1), 1u);
  b.run(3);
  EXPECT_EQ(b.events.size(), 2u);
}

TEST(EvlTest, InterruptAndAnswerComeAfterTheEntryIsOnTheLink) {
  Evl b;
  b.start(64);
  b.dut().int_en_i = 1;
  b.dut().wr_ready_i = 0;
  b.offer(0, 0x1b);
  b.run(50);
  EXPECT_TRUE(b.events.empty());
  EXPECT_EQ(b.dut().swerr_valid_i, 1u);
  EXPECT_EQ(b.reg(2), 0u);
  EXPECT_TRUE(b.dut().wr_valid_o);
  b.dut().wr_ready_i = 1;
  b.run(5);
  ASSERT_EQ(b.writes.size(), 1u);
  ASSERT_EQ(b.events.size(), 1u);
  EXPECT_GT(b.events[0], b.write_cycle);
  EXPECT_GT(b.ack_cycle, b.write_cycle);
}

TEST(EvlTest, ClearingPendingInTheCycleOfAnEntryLosesNoInterrupt) {
  for (unsigned delay = 0; delay < 10; ++delay) {
    Evl b;
    b.start(64);
    b.dut().int_en_i = 1;
    EXPECT_EQ(b.log(1), 1u);
    b.run(3);
    ASSERT_EQ(b.events.size(), 1u);
    b.offer(1, 0x10);
    b.run(delay);
    b.write_reg(kEvlstatus, 1ull << 62, 0xFFFFFFFF00000000);
    b.run(10);
    // Either the entry came at or after the clearing: second interrupt, pending is 1; or before it.
    const bool pending = (b.reg(2) >> 62) != 0;
    EXPECT_EQ(b.events.size(), pending ? 2u : 1u) << delay;
    if (delay == 0) EXPECT_TRUE(pending);
    if (delay == 9) EXPECT_FALSE(pending);
  }
}

TEST(EvlTest, StartResetDeviceAndFlr) {  // dsa 2.11, 3.2
  Evl b;
  b.start(64);
  EXPECT_EQ(b.log(5), 5u);
  b.write_reg(kEvlstatus, 2, 0xFFFFFFFF);
  b.run(3);
  b.dut().evl_active_i = b.dut().evl_locked_i = 0;
  b.dut().dev_rst_i = 1;
  b.step();
  b.dut().dev_rst_i = 0;
  EXPECT_EQ(b.reg(0), 0u);
  EXPECT_EQ(b.reg(1), 0u);
  EXPECT_EQ(b.reg(2), 0x0000000500000002u);  // EVLSTATUS stays
  b.start(64);
  EXPECT_EQ(b.reg(2), 0u);
  EXPECT_EQ(b.log(1), 1u);
  EXPECT_EQ(b.writes.back().address, 0x1234567000u);
  b.dut().flr_i = b.dut().flush_i = 1;
  b.dut().evl_active_i = b.dut().evl_locked_i = 0;
  b.step();
  b.dut().flr_i = b.dut().flush_i = 0;
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(b.reg(i), 0u);
}

TEST(EvlTest, HaltThrowsAwayWhatIsNotOnTheLink) {
  for (unsigned delay = 0; delay < 6; ++delay) {
    Evl b;
    b.start(64);
    b.dut().wr_ready_i = 0;
    b.offer(0, 0x10);
    b.run(delay);
    b.dut().halt_i = 1;
    b.dut().wr_ready_i = 1;
    b.dut().swerr_valid_i = 0;  // the engine throws its error away, too
    b.run(5);
    b.dut().halt_i = 0;
    b.run(10);
    EXPECT_TRUE(b.writes.empty());
    EXPECT_EQ(b.reg(2), 0u);
    EXPECT_EQ(b.log(1), 1u);
  }
}

TEST(EvlTest, SourcesTakeTurns) {  // SIOV-D-14
  Evl b;
  b.start(65535);
  std::array<unsigned, kSources> served{};
  for (unsigned i = 0; i < 400; ++i) {
    for (unsigned s = 0; s < kSources; ++s)
      if ((b.dut().swerr_valid_i >> s & 1u) == 0) b.offer(s, 0x10);
    b.step();
    for (unsigned s = 0; s < kSources; ++s) served[s] += b.acked >> s & 1u;
  }
  EXPECT_GE(b.writes.size(), 99u);  // one every 4 cycles
  for (unsigned s = 0; s < kSources; ++s) EXPECT_NEAR(served[s], b.writes.size() / 3.0, 1.5);
}

TEST(EvlTest, WithoutALogEverythingPasses) {
  EvlBench<Vevl_none> b;
  b.dut().evl_active_i = 1;
  b.write_reg(kEvlcfgLow, ~std::uint64_t{0});
  for (unsigned word = 0; word < 3; ++word) EXPECT_EQ(b.reg(word), 0u);
  EXPECT_TRUE(b.dut().evl_cfg_ok_o);
  b.offer(0, 0x10);
  b.offer(1, 0x1b);
  b.offer(2, 0x53);
  b.run(6);
  EXPECT_EQ(b.registers.size(), 3u);
  EXPECT_TRUE(b.writes.empty());
}

}  // namespace
}  // namespace siov::blocks
