// SPDX-License-Identifier: Apache-2.0
// Directed tests of tables and messages of the interrupt block alone, in three sizes. IrqBench's
// monitor judges every cycle besides; what stands here is typed from dsa 2.10 and siov D-30..D-39.
#include <gtest/gtest.h>

#include "irq_fixture.hpp"

namespace siov::test {
namespace {

INSTANTIATE_TEST_SUITE_P(AllSizes, IrqSizeTest,
                         ::testing::Values(dut::IrqSize::kSmall, dut::IrqSize::kDefault,
                                           dut::IrqSize::kLarge),
                         [](const auto& p) { return size_name(p.param); });

/// Sizes with an IMS table.
class IrqImsTest : public IrqSizeTest {};
INSTANTIATE_TEST_SUITE_P(ImsSizes, IrqImsTest,
                         ::testing::Values(dut::IrqSize::kDefault, dut::IrqSize::kLarge),
                         [](const auto& p) { return size_name(p.param); });

// dsa 2.10, siov D-35: IMS resets to address FEE00000, data 0, masked; MSI-X to 0, masked.
TEST_P(IrqSizeTest, EveryEntryResetsMaskedWithAClearedMessage) {
  for (unsigned i = 0; i < bench.block->ims_entries; ++i) {
    EXPECT_EQ(bench.read(kIms, i, 0), 0xFEE0'0000u) << i;
    EXPECT_EQ(bench.read(kIms, i, 1), kMaskedWord) << i;
  }
  for (unsigned i = 0; i < bench.block->msix_vectors; ++i) {
    EXPECT_EQ(bench.read(kMsix, i, 0), 0u) << i;
    EXPECT_EQ(bench.read(kMsix, i, 1), kMaskedWord) << i;
    EXPECT_EQ(bench.read(kPerm, i), 0u) << i;
  }
  for (unsigned w = 0; w < 33; ++w) EXPECT_EQ(bench.read(kPba, w), 0u) << w;
}

TEST_P(IrqSizeTest, IndexesWithoutEntryReadZeroAndIgnoreWrites) {
  const unsigned vectors = bench.block->msix_vectors, ims = bench.block->ims_entries;
  for (const unsigned i : {vectors, vectors + 1, 4095u}) {
    for (const std::uint8_t sel : {kPerm, kMsix}) {
      bench.write(sel, i, 1, ~0ull);
      EXPECT_EQ(bench.read(sel, i, 1), 0u);
    }
  }
  for (const unsigned i : {ims, ims + 1, 4095u}) {
    if (i < ims || i > 4095u) continue;  // the large table has an entry at every index
    bench.write(kIms, i, 1, ~0ull);
    EXPECT_EQ(bench.read(kIms, i, 1), 0u);
    EXPECT_EQ(bench.read(kIms, i, 0), 0u);
  }
  bench.write(kPba, 0, 0, ~0ull);
  EXPECT_EQ(bench.read(kPba, 0), 0u);
  EXPECT_EQ(bench.read(kMsix, 0, 1), kMaskedWord);
  EXPECT_EQ(bench.read(kMsix, vectors - 1, 1), kMaskedWord);
}

// siov D-30: each entry sends its own address and data; handles do not alias.
TEST_P(IrqSizeTest, EveryEntrySendsItsOwnMessage) {
  program_all(false, false);
  program_all(true, false);
  for (const bool ims : {false, true}) {
    for (unsigned i = 0; i < bench.entries(ims); ++i) {
      ASSERT_TRUE(bench.request(i % (bench.block->engines + 1), ims, i));
      expect_message(ims, i);
    }
  }
  EXPECT_TRUE(bench.messages.empty());
}

TEST_P(IrqSizeTest, HandlesBeyondTheTableAreDroppedAtOnce) {
  program_all(false, false);
  program_all(true, false);
  for (const bool ims : {false, true}) {
    for (const unsigned handle :
         {bench.entries(ims), bench.entries(ims) + 1, 0x1000u, 0x8000u, 0xFFFFu}) {
      EXPECT_TRUE(bench.request(0, ims, handle, 4));
    }
  }
  EXPECT_TRUE(bench.messages.empty());
}

// Latency of the header: request to message 2 cycles, whatever the size.
TEST_P(IrqSizeTest, MessageIsOfferedTwoCyclesAfterTheRequest) {
  bench.program(false, 1, 0x1234'5678'0000'0010, 0xABCD, false);
  bench.idle(10);
  bench.in.irq[0] = {true, false, 1};
  const std::uint64_t start = bench.cycle;
  bench.idle(3);
  ASSERT_EQ(bench.messages.size(), 1u);
  EXPECT_EQ(bench.messages[0].cycle, start + 2);
  EXPECT_EQ(bench.messages[0].addr, 0x1234'5678'0000'0010u);
  EXPECT_EQ(bench.messages[0].data, 0xABCDu);
}

// siov D-34: masked requests set pending; unmasking sends exactly one message and clears pending.
TEST_P(IrqSizeTest, EveryMaskedEntrySendsOneMessageAfterUnmasking) {
  program_all(false, true);
  program_all(true, true);
  for (const bool ims : {false, true}) {
    const unsigned n = bench.entries(ims);
    for (unsigned round = 0; round < 2; ++round) {
      for (unsigned i = 0; i < n; ++i) ASSERT_TRUE(bench.request(0, ims, i));
    }
    for (unsigned w = 0; !ims && w < (n + 63) / 64; ++w) {
      const unsigned left = n - 64 * w;
      EXPECT_EQ(bench.read(kPba, w), left >= 64 ? ~0ull : (1ull << left) - 1);
    }
    for (unsigned i = 0; ims && i < n; ++i) {
      EXPECT_EQ(bench.read(kIms, i, 1), kPendingWord + data_of(true, i));
    }
    EXPECT_TRUE(bench.messages.empty());
    for (unsigned i = n; i-- > 0;) {
      bench.set_mask(ims, i, false);
      bench.idle(12);
      expect_message(ims, i);
    }
    for (unsigned w = 0; !ims && w < (n + 63) / 64; ++w) EXPECT_EQ(bench.read(kPba, w), 0u);
    for (unsigned i = 0; ims && i < n; ++i) EXPECT_EQ(bench.read(kIms, i, 1), data_of(true, i));
  }
  bench.idle(200);
  EXPECT_TRUE(bench.messages.empty());
}

// The function mask holds back all; lifting it sends each once, in bounded time.
TEST_P(IrqSizeTest, FunctionMaskReleasesEveryPendingEntryOnce) {
  program_all(false, false);
  bench.in.msix_fmask = true;
  const unsigned n = bench.block->msix_vectors;
  for (unsigned i = 0; i < n; ++i) ASSERT_TRUE(bench.request(0, false, i));
  EXPECT_TRUE(bench.messages.empty());
  bench.in.msix_fmask = false;
  bench.idle(4 * n + 3 * 32);
  ASSERT_EQ(bench.messages.size(), n);
  std::vector<bool> seen(n);
  for (const IrqMessage& m : bench.messages) {
    const unsigned i = (m.data - 0x8000'0000u) / 7;
    ASSERT_LT(i, n);
    EXPECT_FALSE(seen[i]) << i;
    seen[i] = true;
  }
}

// The search offers an entry; if the enables close before it is sent, it is offered again.
TEST_P(IrqSizeTest, PendingEntriesSurviveEnablesThatOpenForAMoment) {
  program_all(false, false);
  const unsigned last = bench.block->msix_vectors - 1;
  for (unsigned open = 1; open < 6; ++open) {
    for (unsigned gate = 0; gate < 3; ++gate) {
      bool& shut = bench.in.msix_fmask;
      bool& enable = gate == 1 ? bench.in.msix_en : bench.in.bme;
      shut = true;
      for (const unsigned i : {1u, last}) ASSERT_TRUE(bench.request(0, false, i));
      bench.idle(10);
      if (gate != 0) enable = shut = false;
      bench.idle(5);
      bench.in.msg_ready = false;
      for (unsigned moment = 0; moment < 6; ++moment) {
        gate == 0 ? shut = false : enable = true;
        bench.idle(open);
        gate == 0 ? shut = true : enable = false;
        bench.idle(10);
      }
      EXPECT_TRUE(bench.messages.empty());
      shut = false;
      bench.in.bme = bench.in.msix_en = bench.in.msg_ready = true;
      bench.idle(30);
      ASSERT_EQ(bench.messages.size(), 2u) << "open " << open << " gate " << gate;
      bench.messages.clear();
    }
  }
}

TEST_P(IrqImsTest, PendingEntryIsFoundFromAnyPlaceOfTheSearch) {
  program_all(true, false);
  const unsigned n = bench.block->ims_entries;
  for (const unsigned i : {0u, n - 1, 63u, 64u, n / 2, 1u, n - 64}) {
    bench.set_mask(true, i, true);
    ASSERT_TRUE(bench.request(0, true, i));
    bench.set_mask(true, i, false);
    const std::uint64_t unmasked = bench.cycle;
    bench.idle(12);
    ASSERT_EQ(bench.messages.size(), 1u) << i;
    EXPECT_EQ(bench.messages[0].cycle, unmasked + 3) << i;  // 4 after the acknowledge
    expect_message(true, i);
  }
}

TEST_P(IrqSizeTest, MsixDisabledDropsRequestsAndKeepsPendingOnes) {
  bench.program(false, 1, 0x1000, 0x11, true);
  ASSERT_TRUE(bench.request(0, false, 1));
  bench.in.msix_en = false;
  bench.program(false, 2, 0x2000, 0x22, false);
  EXPECT_TRUE(bench.request(0, false, 2));
  bench.set_mask(false, 1, false);
  bench.idle(50);
  EXPECT_TRUE(bench.messages.empty());
  EXPECT_EQ(bench.read(kPba, 0), 2u);
  bench.in.msix_en = true;
  bench.idle(20);
  ASSERT_EQ(bench.messages.size(), 1u);
  EXPECT_EQ(bench.messages[0].data, 0x11u);
  EXPECT_EQ(bench.read(kPba, 0), 0u);
}

TEST_P(IrqImsTest, IgnoreBitDropsAndUnmaskingDropsWhatWasPending) {
  bench.program(true, 5, 0xFEE0'5000, 0x55, true);
  ASSERT_TRUE(bench.request(0, true, 5));
  EXPECT_EQ(bench.read(kIms, 5, 1), kPendingWord + 0x55);
  bench.write(kIms, 5, 1, 4ull << 32, 0xF0);  // ignore, unmasked
  bench.idle(30);
  EXPECT_TRUE(bench.request(0, true, 5));
  EXPECT_TRUE(bench.messages.empty());
  EXPECT_EQ(bench.read(kIms, 5, 1), 0x0000'0004'0000'0055u);
}

// dsa 2.10: pending is read-only; addresses outside FEExxxxx are ignored, whole.
TEST_P(IrqImsTest, PendingIsReadOnlyAndForeignAddressesAreIgnored) {
  bench.write(kIms, 7, 1, 0xABCDE'00Full << 32 | 0x1234, 0xFF);
  EXPECT_EQ(bench.read(kIms, 7, 1), 0xABCDE'00Dull << 32 | 0x1234);
  bench.write(kIms, 7, 0, 0xFEE1'2340);
  for (const std::uint64_t foreign :
       {0xFED0'0000ull, 0x1'FEE0'0000ull, 0xFEF0'0000ull, 0x8000'0000'FEE0'0000ull, 0ull}) {
    bench.write(kIms, 7, 0, foreign);
    EXPECT_EQ(bench.read(kIms, 7, 0), 0xFEE1'2340u);
  }
  bench.write(kIms, 7, 0, 0x1'0000'0000, 0xF0);  // the upper half alone
  EXPECT_EQ(bench.read(kIms, 7, 0), 0xFEE1'2340u);
  bench.write(kIms, 7, 0, 0x5678, 0x03);  // its low bytes alone; bits 1:0 are 0
  EXPECT_EQ(bench.read(kIms, 7, 0), 0xFEE1'5678u);
}

// siov D-36, D-34: {old address, old data} or {new, new}, never a mix, and never twice, however the
// request meets the write that unmasks and changes the data at once.
TEST_P(IrqSizeTest, RequestAroundAnUnmaskingWriteSendsTheWholeNewTupleOnce) {
  const bool ims = bench.block->ims_entries != 0;
  const unsigned index = bench.entries(ims) - 1;
  std::uint32_t version = 1;
  for (unsigned stall = 0; stall < 4; ++stall) {
    for (unsigned offset = 0; offset < 12; ++offset, ++version) {
      bench.program(ims, index, 0xFEE0'0000 + 4 * version, version, true);
      bench.messages.clear();
      const std::uint32_t fresh = 0x1000 + version;
      bench.write(ims ? kIms : kMsix, index, 0, 0xFEE8'0000 + 4 * version);
      const std::uint64_t start = bench.cycle;
      bool raised = false;
      for (unsigned i = 0; i < 60; ++i) {
        if (i == 6) {
          bench.start_access({true, true, static_cast<std::uint8_t>(ims ? kIms : kMsix),
                              static_cast<std::uint16_t>(index), true, fresh, 0xFF});
        }
        if (!raised && i == offset) {
          bench.in.irq[0] = {true, ims, static_cast<std::uint16_t>(index)};
          raised = true;
        }
        bench.in.msg_ready = stall == 0 || (bench.cycle - start) % (stall + 1) == stall;
        bench.step();
        if (bench.out.irq_ready & 1) bench.in.irq[0].valid = false;
      }
      EXPECT_FALSE(bench.in.irq[0].valid);
      ASSERT_EQ(bench.messages.size(), 1u) << "offset " << offset << " stall " << stall;
      EXPECT_EQ(bench.messages[0].addr, 0xFEE8'0000u + 4 * version);
      EXPECT_EQ(bench.messages[0].data, fresh);
    }
  }
}

// A message that waits for the link when its entry is masked becomes a pending bit.
TEST_P(IrqSizeTest, MaskingAroundARequestLeavesOneMessageOrOnePendingBit) {
  const bool ims = bench.block->ims_entries != 0;
  const unsigned index = bench.entries(ims) - 1;
  bench.program(ims, index, 0xFEE0'0040, 0x77, true);
  unsigned sent = 0, kept = 0;
  for (unsigned stall = 0; stall < 10; ++stall) {
    for (unsigned offset = 0; offset < 12; ++offset) {
      bench.set_mask(ims, index, false);
      bench.idle(10);
      bench.messages.clear();
      for (unsigned i = 0; i < 20; ++i) {
        if (i == 6) {
          bench.start_access({true, true, static_cast<std::uint8_t>(ims ? kIms : kMsix),
                              static_cast<std::uint16_t>(index), true, 1ull << 32, 0x10});
        }
        if (i == offset) bench.in.irq[0] = {true, ims, static_cast<std::uint16_t>(index)};
        bench.in.msg_ready = i >= offset + stall;
        bench.step();
        if (bench.out.irq_ready & 1) bench.in.irq[0].valid = false;
      }
      bench.in.msg_ready = true;
      bench.idle(10);
      EXPECT_FALSE(bench.in.irq[0].valid);
      const bool pending = ims ? (bench.read(kIms, index, 1) >> 33 & 1) != 0
                               : (bench.read(kPba, index / 64) >> index % 64 & 1) != 0;
      EXPECT_EQ(bench.messages.size() + pending, 1u) << "offset " << offset << " stall " << stall;
      (pending ? kept : sent) += 1;
    }
  }
  EXPECT_GT(sent, 10u);
  EXPECT_GT(kept, 10u);
}

TEST_P(IrqSizeTest, RequestersAreServedInTurn) {
  program_all(false, false);
  const unsigned requesters = bench.block->engines + 1;
  for (unsigned r = 0; r < requesters; ++r) {
    bench.in.irq[r] = {true, false, static_cast<std::uint16_t>(r)};
  }
  bench.idle(4 * requesters * 10);  // nobody ever stops asking
  std::vector<unsigned> count(requesters);
  for (const IrqMessage& m : bench.messages) ++count[(m.data - 0x8000'0000u) / 7];
  for (unsigned r = 0; r < requesters; ++r) EXPECT_EQ(count[r], 10u) << r;
}

// pcie 10.4: an event that is over while masked leaves no pending bit; an engine's request does.
TEST_P(IrqSizeTest, VectorZeroForgetsDeviceEventsThatAreOverAndKeepsRequests) {
  bench.program(false, 0, 0xFEE0'0000, 0x10, true);
  bench.in.dev_irq_valid = bench.in.dev_irq_cause = true;
  while (!bench.out.dev_irq_ready) bench.step();
  bench.in.dev_irq_valid = false;
  bench.idle(5);
  EXPECT_EQ(bench.read(kPba, 0), 1u);
  bench.in.dev_irq_cause = false;
  bench.idle(3);
  EXPECT_EQ(bench.read(kPba, 0), 0u);
  ASSERT_TRUE(bench.request(0, false, 0));
  bench.idle(5);
  EXPECT_EQ(bench.read(kPba, 0), 1u);
  bench.set_mask(false, 0, false);
  bench.idle(20);
  ASSERT_EQ(bench.messages.size(), 1u);
  EXPECT_EQ(bench.messages[0].data, 0x10u);
}

}  // namespace
}  // namespace siov::test
