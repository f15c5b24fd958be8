// SPDX-License-Identifier: Apache-2.0
// Directed tests of the interrupt block alone: look-ups, granted handles, resets. Expectations are
// typed from dsa 2.10, 3.1, 3.2 and siov D-33, D-39, D-43.
#include <gtest/gtest.h>

#include "irq_fixture.hpp"

namespace siov::test {
namespace {

class IrqAccessTest : public IrqSizeTest {};
INSTANTIATE_TEST_SUITE_P(AllSizes, IrqAccessTest,
                         ::testing::Values(dut::IrqSize::kSmall, dut::IrqSize::kDefault,
                                           dut::IrqSize::kLarge),
                         [](const auto& p) { return size_name(p.param); });

// ------------------------------------------------------------ look-ups
// dsa 2.10, siov D-33: every asker, handles in and out of range, PASIDs and enables crossed.
TEST_P(IrqAccessTest, LookUpsAllowExactlyTheMatchingEntries) {
  const unsigned pasids[] = {0, 1, 0x80001, 0xFFFFF};
  for (const bool ims : {false, true}) {
    const unsigned n = bench.entries(ims);
    for (unsigned i = 0; i < n; ++i) {
      const std::uint64_t control = std::uint64_t{pasids[i % 4]} << 12 | (i / 4 % 2) << 3;
      if (ims) {
        bench.write(kIms, i, 1, control << 32 | 1ull << 32);
      } else {
        bench.write(kPerm, i, 0, control);
      }
      if (bench.block->cmd_cap) {
        ASSERT_TRUE(bench.grant(ims, i));
      }
    }
    unsigned turn = 0;
    for (unsigned handle = 0; handle < n + 3; ++handle) {
      for (unsigned ask = 0; ask < 5; ++ask, ++turn) {
        const bool enable = ask < 4;
        const unsigned pasid = pasids[ask % 4];
        const bool entry_enable = handle / 4 % 2 != 0;
        const bool expect =
            handle < n && entry_enable == enable && (!enable || pasids[handle % 4] == pasid);
        bool ok = false;
        if (turn % 3 == 0) ok = bench.look_up(ims, handle, enable, pasid);
        if (turn % 3 == 1) ok = bench.look_up_occupancy(turn % 2 != 0, ims, handle, enable, pasid);
        if (turn % 3 == 2) {
          ok = bench.look_up_batch(turn % bench.block->engines, ims, handle, enable, pasid);
        }
        EXPECT_EQ(ok, expect) << "ims " << ims << " handle " << handle << " ask " << ask;
      }
    }
    for (const unsigned far : {n + 4096, 0x8000u, 0xFFFFu}) {
      EXPECT_FALSE(bench.look_up(ims, far, false, 0));
    }
  }
}

TEST_P(IrqAccessTest, DispatcherNeverWaitsAndTheOthersTakeTurnsInItsPauses) {
  bench.write(kPerm, 0, 0, 0x00042'008);
  if (bench.block->cmd_cap) {
    ASSERT_TRUE(bench.grant(false, 0));
  }
  const unsigned engines = bench.block->engines;
  bench.in.lk = {true, false, 0, true, 0x42};
  for (unsigned e = 0; e < engines; ++e) {
    bench.in.blk[e] = {true, false, 0, true, e == 0 ? 0x42u : 0x43u};
  }
  bench.in.olk = {true, false, 0, true, 0x42};
  for (unsigned i = 0; i < 50; ++i) {  // one question a cycle, one answer a cycle
    bench.step();
    EXPECT_EQ(bench.out.lk_ok, i >= 2);
    EXPECT_EQ(bench.out.blk_rsp, 0u);
    EXPECT_FALSE(bench.out.olk_rsp);
    for (unsigned e = 0; e < engines; ++e) {
      if (bench.out.blk_ready >> e & 1) bench.in.blk[e].valid = false;
    }
  }
  bench.in.lk.valid = false;
  std::uint32_t answered = 0, allowed = 0;
  bool occupancy = false;
  for (unsigned i = 0; i < engines + 5; ++i) {
    bench.step();
    for (unsigned e = 0; e < engines; ++e) {
      if (bench.out.blk_ready >> e & 1) bench.in.blk[e].valid = false;
    }
    answered |= bench.out.blk_rsp;
    allowed |= bench.out.blk_ok;
    if (bench.out.olk_rsp) {
      occupancy = bench.out.olk_ok;
      bench.in.olk.valid = false;
    }
  }
  EXPECT_EQ(answered, (1u << engines) - 1);
  EXPECT_EQ(allowed, 1u);
  EXPECT_TRUE(occupancy);
}

// ------------------------------------------------------------ handles
// dsa 3.1 (13, 14), 2.10: granted handles only; every index of both tables.
TEST(IrqGrantTest, HandlesWorkFromGrantToRelease) {
  IrqBench bench{dut::IrqSize::kLarge};
  for (const bool ims : {false, true}) {
    const unsigned entries = ims ? 4096 : 2048;
    for (unsigned i = 0; i < entries; ++i) {
      EXPECT_FALSE(bench.look_up(ims, i, false, 0)) << i;
      EXPECT_FALSE(bench.release(ims, i)) << i;
      EXPECT_TRUE(bench.grant(ims, i)) << i;
      EXPECT_TRUE(bench.look_up(ims, i, false, 0)) << i;
    }
    for (unsigned i = 0; i < entries; i += 3) {
      EXPECT_TRUE(bench.grant(ims, i)) << "granted again " << i;
      EXPECT_TRUE(bench.release(ims, i)) << i;
      EXPECT_FALSE(bench.release(ims, i)) << i;
    }
    for (unsigned i = 0; i < entries; ++i)
      EXPECT_EQ(bench.look_up(ims, i, false, 0), i % 3 != 0) << i;
    for (const unsigned i : {entries, entries + 1, 0xFFFFu}) {
      EXPECT_FALSE(bench.grant(ims, i));
      EXPECT_FALSE(bench.release(ims, i));
    }
  }
}

TEST(IrqGrantTest, ResetDeviceAndFlrRevokeAll) {
  IrqBench bench{dut::IrqSize::kLarge};
  for (unsigned round = 0; round < 2; ++round) {
    for (const bool ims : {false, true}) {
      for (const unsigned i : {0u, 63u, 64u, 2047u}) ASSERT_TRUE(bench.grant(ims, i));
    }
    round == 0 ? bench.device_reset() : bench.flr();
    for (const bool ims : {false, true}) {
      for (const unsigned i : {0u, 63u, 64u, 2047u}) {
        EXPECT_FALSE(bench.look_up(ims, i, false, 0));
        EXPECT_FALSE(bench.release(ims, i));
      }
    }
  }
}

TEST(IrqGrantTest, WithoutTheCommandsEveryHandleWorksAndRequestsFail) {
  IrqBench bench{dut::IrqSize::kDefault};
  EXPECT_TRUE(bench.look_up(true, 255, false, 0));
  EXPECT_FALSE(bench.grant(true, 255));
  EXPECT_FALSE(bench.release(true, 255));
  EXPECT_TRUE(bench.look_up(true, 255, false, 0));
}

// ------------------------------------------------------------ resets
// dsa 3.2: Reset Device keeps the MSI-X table; everything else, pending bits too, is cleared, and
// the next access finds it so.
TEST_P(IrqAccessTest, ResetDeviceClearsAllButTheMsixTable) {
  program_all(false, true);
  program_all(true, true);
  const unsigned n = bench.block->msix_vectors, ims = bench.block->ims_entries;
  for (unsigned i = 0; i < n; ++i) {
    bench.write(kPerm, i, 0, 0x12345'00C);
    bench.write(kPerm, i, 0, 0x12345'008);
  }
  for (unsigned i = 0; i < ims; ++i) {
    bench.write(kIms, i, 1, 0x54321'009ull << 32, 0xF0);
    ASSERT_TRUE(bench.request(0, true, i));
  }
  for (unsigned i = 0; i < n; ++i) ASSERT_TRUE(bench.request(0, false, i));
  bench.device_reset();
  for (unsigned i = 0; i < ims; ++i) {
    EXPECT_EQ(bench.read(kIms, i, 1), kMaskedWord) << i;
    EXPECT_EQ(bench.read(kIms, i, 0), 0xFEE0'0000u) << i;
  }
  for (unsigned i = 0; i < n; ++i) {
    EXPECT_EQ(bench.read(kPerm, i), 0u) << i;
    EXPECT_EQ(bench.read(kMsix, i, 0), address_of(false, i));
    EXPECT_EQ(bench.read(kMsix, i, 1), kMaskedWord + data_of(false, i));
    bench.set_mask(false, i, false);
  }
  for (unsigned w = 0; w <= n / 64; ++w) EXPECT_EQ(bench.read(kPba, w), 0u);
  bench.idle(100);
  EXPECT_TRUE(bench.messages.empty());  // nothing was left pending
}

// siov D-43: FLR resets everything; a partial write after it merges with the reset values.
TEST_P(IrqAccessTest, FlrClearsEverything) {
  program_all(false, false);
  program_all(true, false);
  bench.in.bme = false;
  bench.in.irq[0] = {true, false, 0};
  bench.idle(5);
  bench.flr();
  bench.in.bme = true;
  bench.idle(100);
  EXPECT_TRUE(bench.messages.empty());
  for (unsigned i = 0; i < bench.block->msix_vectors; ++i) {
    EXPECT_EQ(bench.read(kMsix, i, 0), 0u);
    bench.write(kMsix, i, 0, 0x77'0000, 0x04);
    EXPECT_EQ(bench.read(kMsix, i, 0), 0x77'0000u);
    EXPECT_EQ(bench.read(kMsix, i, 1), kMaskedWord);
  }
  for (unsigned i = 0; i < bench.block->ims_entries; ++i) {
    EXPECT_EQ(bench.read(kIms, i, 0), 0xFEE0'0000u);
    bench.write(kIms, i, 1, 0xAB00, 0x02);
    EXPECT_EQ(bench.read(kIms, i, 1), kMaskedWord + 0xAB00);
    EXPECT_EQ(bench.read(kIms, i, 0), 0xFEE0'0000u);
  }
}

// siov D-39: a request in hand when Reset Device comes leaves neither message nor pending bit.
TEST_P(IrqAccessTest, ResetDeviceDropsTheRequestInHand) {
  const bool ims = bench.block->ims_entries != 0;
  for (unsigned offset = 0; offset < 4; ++offset) {
    for (const bool masked : {false, true}) {
      bench.program(ims, 3, 0xFEE0'0300, 0x33, masked);
      bench.in.msg_ready = false;
      bench.in.irq[0] = {true, ims, 3};
      for (unsigned i = 0; i < 12; ++i) {
        bench.in.dev_rst = i == offset;
        bench.step();
        if (bench.out.irq_ready & 1) bench.in.irq[0].valid = false;
      }
      EXPECT_FALSE(bench.in.irq[0].valid) << offset;
      bench.in.msg_ready = true;
      bench.idle(10);
      EXPECT_TRUE(bench.messages.empty()) << offset;
      EXPECT_EQ(ims ? bench.read(kIms, 3, 1) >> 33 & 1 : bench.read(kPba, 0), 0u) << offset;
    }
  }
}

// A requester that withdraws (halt, flush) is not told and leaves nothing behind.
TEST_P(IrqAccessTest, WithdrawnRequestIsForgotten) {
  bench.program(false, 1, 0x1000, 0x11, false);
  bench.in.bme = false;
  bench.in.irq[0] = {true, false, 1};
  bench.idle(5);
  bench.in.irq[0].valid = false;
  bench.step();
  bench.in.bme = true;
  bench.idle(10);
  EXPECT_TRUE(bench.messages.empty());
  EXPECT_EQ(bench.requests_done, 0u);
  EXPECT_TRUE(bench.request(0, false, 1));
  EXPECT_EQ(bench.messages.size(), 1u);
}

}  // namespace
}  // namespace siov::test
