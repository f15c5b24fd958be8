// SPDX-License-Identifier: Apache-2.0
// Races and limits that ordinary traffic does not meet: enables that change under load, resets in
// the middle of traffic, starved credit classes, short tags, stopped and reset queues. Each test
// stands for one suspicion.
#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include "raw_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kRecords = 0x100000;
constexpr std::uint32_t kPasid = 0x12345;

abi::Descriptor descriptor(std::uint8_t opcode, std::uint64_t src, std::uint64_t dst,
                           std::uint32_t size, std::uint64_t record) {
  abi::Descriptor d;
  d.opcode = opcode;
  d.flags = 1u << 2 | 1u << 3;  // CRAV, RCR: dsa 5.2
  d.source = Iova{src};
  d.destination = Iova{dst};
  d.size = size;
  d.completion_address = Iova{record};
  return d;
}

pcie::LinkConfig plain(std::uint32_t latency = 40) {
  pcie::LinkConfig link;
  link.read_latency_min = link.read_latency_max = latency;
  return link;
}

/// Remembers what the device sent: requests without PASID, the largest tag, what followed a mark.
class Watch : public pcie::TlpSink {
 public:
  void on_tlp(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t) override {
    if (direction != pcie::Direction::kUp) return;
    if (!tlp.is_memory_request()) {
      after_completion = 0;
      return;
    }
    ++requests;
    ++after_completion;
    if (!tlp.prefix.present && tlp.address >> 20 != 0xFEE) ++without_pasid;
    if (tlp.type == pcie::TlpType::kMemRead) largest_tag = std::max(largest_tag, tlp.tag);
  }
  std::uint64_t requests = 0, without_pasid = 0;
  std::uint64_t after_completion =
      0;  ///< memory requests since the last completion that the device sent
  std::uint16_t largest_tag = 0;
};

RawQueue queue(std::uint16_t size = 32, std::uint8_t priority = 8) {
  RawQueue q;
  q.size = size;
  q.priority = priority;
  q.pasid = kPasid;
  return q;
}

void submit_many(RawBench& bench, unsigned queues, unsigned each, std::uint32_t size) {
  for (unsigned i = 0; i < queues * each; ++i) {
    const std::uint64_t at = 0x10000ull * i;
    bench.submit(static_cast<std::uint8_t>(i % queues),
                 descriptor(0x03, 0x400000 + at, 0x1000000 + at, size, kRecords + 64ull * i), i);
  }
}

// SIOV-D: a DMA of a PASID never goes out without it, in whatever cycle the enable falls.
TEST(ReviewTest, PasidDisabledUnderLoadNeverStripsAPrefix) {
  for (unsigned delay = 300; delay < 400; ++delay) {
    RawBench bench(plain());
    Watch watch;
    bench.root.add_sink(watch);
    ASSERT_EQ(bench.run(bench.bring_up({queue(), queue(), queue(), queue()}, {0xF})), 0u);
    submit_many(bench, 4, 16, 4096);
    bench.scheduler.run_cycles(delay);
    EXPECT_EQ(bench.run(bench.root.config_write(0x236, 2, 0)), port::CompletionStatus::kSuccess);
    bench.scheduler.run_cycles(500);
    EXPECT_GT(watch.requests, 10u);
    EXPECT_EQ(watch.without_pasid, 0u) << "after " << delay;
    EXPECT_EQ(bench.run(bench.read(abi::kRegGensts)), 0x7u);  // Halt, left by FLR only: dsa 6
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

// The same while nothing may be sent: what the engines offer is withdrawn.
TEST(ReviewTest, PasidDisabledWhileCreditsAreExhaustedWithdrawsCleanly) {
  for (unsigned delay = 100; delay < 140; delay += 7) {
    pcie::LinkConfig link = plain();
    link.up_credits = pcie::CreditLimits{1, 16, 1, 1, 8, 8};
    link.up_windows.posted = {200, 260};
    link.up_windows.nonposted = {150, 190};
    RawBench bench(link);
    Watch watch;
    bench.root.add_sink(watch);
    ASSERT_EQ(bench.run(bench.bring_up({queue(), queue()}, {0xF})), 0u);
    submit_many(bench, 2, 8, 2000);
    bench.scheduler.run_cycles(delay);
    EXPECT_EQ(bench.run(bench.root.config_write(0x236, 2, 0)), port::CompletionStatus::kSuccess);
    bench.scheduler.run_cycles(2000);
    EXPECT_EQ(watch.without_pasid, 0u);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

// dsa 6: nothing accepted before FLR may write memory or interrupt after it. A device that works
// again afterwards.
TEST(ReviewTest, NothingFollowsTheCompletionOfFunctionLevelReset) {
  for (unsigned delay = 300; delay < 420; delay += 3) {
    RawBench bench(plain());
    Watch watch;
    bench.root.add_sink(watch);
    ASSERT_EQ(bench.run(bench.bring_up({queue(), queue(), queue(), queue()}, {0xF})), 0u);
    submit_many(bench, 4, 16, 4096);
    bench.scheduler.run_cycles(delay);
    EXPECT_EQ(bench.run(bench.root.config_write(0x48, 2, 0xA930)),
              port::CompletionStatus::kSuccess);
    bench.scheduler.run_cycles(500);
    EXPECT_EQ(watch.after_completion, 0u) << "after " << delay;
    ASSERT_EQ(bench.run(bench.bring_up({queue()}, {1})), 0u);
    std::memset(bench.memory.at(0x400000), 0x5C, 0x4000);
    *bench.memory.at(kRecords) = std::byte{0};
    bench.submit(0, descriptor(0x03, 0x400000, 0x1000000, 0x4000, kRecords));
    EXPECT_EQ(bench.run(bench.wait_record(kRecords)), 0x01);
    EXPECT_EQ(std::memcmp(bench.memory.at(0x400000), bench.memory.at(0x1000000), 0x4000), 0);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

// PCIe-6.3 7.5.3.4: with Extended Tag Field Enable clear only 32 tags exist.
TEST(ReviewTest, ShortTagsStayBelowThirtyTwoOnAllEngines) {
  pcie::LinkConfig link = plain(300);
  link.read_latency_max = 700;
  link.reorder_completions = link.random_splits = true;
  RawBench bench(link);
  Watch watch;
  bench.root.add_sink(watch);
  ASSERT_EQ(bench.run(bench.bring_up({queue(), queue(), queue(), queue()}, {0xF})), 0u);
  for (const std::uint32_t control :
       {0x2930u, 0x2830u, 0x2930u, 0x2830u}) {  // bit 8 on, off, on, off
    ASSERT_EQ(bench.run(bench.root.config_write(0x48, 2, control)),
              port::CompletionStatus::kSuccess);
    watch.largest_tag = 0;
    boost::random::mt19937 rng(control);
    for (unsigned i = 0; i < 64 * 0x10000 / 4; ++i) {
      const std::uint32_t x = rng();
      std::memcpy(bench.memory.at(0x400000 + 4ull * i), &x, 4);
    }
    for (unsigned i = 0; i < 64; ++i) *bench.memory.at(kRecords + 64 * i) = std::byte{0};
    submit_many(bench, 4, 16, 5000);
    for (unsigned i = 0; i < 64; ++i) {
      ASSERT_EQ(bench.run(bench.wait_record(kRecords + 64ull * i)), 0x01) << i;
      ASSERT_EQ(std::memcmp(bench.memory.at(0x400000 + 0x10000ull * i),
                            bench.memory.at(0x1000000 + 0x10000ull * i), 5000),
                0);
    }
    if ((control & 0x100) != 0) {
      EXPECT_GE(watch.largest_tag, 192);
    } else {
      EXPECT_LT(watch.largest_tag, 32);
    }
  }
  EXPECT_EQ(bench.device->assertion_failure(), "");
}

// PCIe-6.3 2.8: the completion timeout runs from transmission. 50 us without credits are nobody's
// failure.
TEST(ReviewTest, ReadThatWaitsForCreditsDoesNotTimeOut) {
  pcie::LinkConfig link = plain();
  link.up_credits = pcie::CreditLimits{16, 256, 1, 1, 16, 16};
  link.up_windows.nonposted = {60'000, 70'000};
  RawBench bench(link);
  ASSERT_EQ(bench.run(bench.bring_up({queue()}, {1})), 0u);
  for (unsigned i = 0; i < 4; ++i)
    bench.submit(0, descriptor(0x03, 0x400000, 0x1000000 + 0x1000 * i, 2048, kRecords + 64 * i), i);
  for (unsigned i = 0; i < 4; ++i)
    EXPECT_EQ(bench.run(bench.wait_record(kRecords + 64 * i)), 0x01) << i;
}

// A posted register write takes effect before the deferrable write behind it is judged.
TEST(ReviewTest, ThresholdWriteIsSeenByTheNextPortalWrite) {
  RawBench bench(plain());
  RawQueue q = queue();
  q.dedicated = false;
  ASSERT_EQ(bench.run(bench.bring_up({q}, {1})), 0u);
  for (unsigned round = 0; round < 8; ++round) {
    const std::uint32_t threshold = round % 2 == 0 ? 0 : 16;
    bench.write(abi::kTblWqcfg + 4, 4, threshold);
    abi::Descriptor d = descriptor(0x00, 0, 0, 0, kRecords);
    const port::CompletionStatus status = bench.run(
        bench.root.deferrable_write64(RawBench::portal(0, false) + 0x1000, abi::to_line(d)));
    EXPECT_EQ(status,
              threshold == 0 ? port::CompletionStatus::kRetry : port::CompletionStatus::kSuccess)
        << round;
  }
}

// dsa 5.11: weighted round robin inside a group. While both queues have work, shares follow the
// priorities.
TEST(ReviewTest, PriorityGivesProportionalService) {
  RawBench bench(plain(200));
  ASSERT_EQ(bench.run(bench.bring_up({queue(64, 15), queue(64, 3)}, {0x3})), 0u);
  for (unsigned i = 0; i < 60; ++i) {
    for (unsigned w = 0; w < 2; ++w) {
      const unsigned n = 2 * i + w;
      bench.submit(
          static_cast<std::uint8_t>(w),
          descriptor(0x03, 0x400000, 0x1000000 + 0x1000ull * n, 2048, kRecords + 64ull * n), i);
    }
  }
  unsigned done[2] = {0, 0};
  while (done[0] < 45) {
    bench.scheduler.run_cycles(16);
    done[0] = done[1] = 0;
    for (unsigned n = 0; n < 120; ++n)
      if (*bench.memory.at(kRecords + 64ull * n) != std::byte{0}) ++done[n % 2];
  }
  EXPECT_GE(done[1],
            6u);  // 45 : 9, give or take what was in the engines before both queues were filled
  EXPECT_LE(done[1], 18u);
}

// dsa 5.6 (04), (05): only a copy may run from the top; a pattern is no address, and comparing has
// no direction.
TEST(ReviewTest, FillWhosePatternLiesBelowItsDestinationWritesThere) {
  RawBench bench(plain());
  ASSERT_EQ(bench.run(bench.bring_up({queue()}, {1})), 0u);
  bench.submit(0, descriptor(0x04, 0x1000FF0, 0x1001000, 0x2400, kRecords));
  ASSERT_EQ(bench.run(bench.wait_record(kRecords)), 0x01);
  for (std::uint32_t i = 0; i < 0x6000; ++i) {
    const unsigned pattern[8] = {0xF0, 0x0F, 0x00, 0x01, 0, 0, 0, 0};
    const bool inside = i >= 0x1000 && i < 0x3400;
    ASSERT_EQ(std::to_integer<unsigned>(*bench.memory.at(0x1000000 + i)),
              inside ? pattern[i % 8] : 0u)
        << i;
  }
}

TEST(ReviewTest, CompareOfOverlappingOperandsReportsTheFirstDifference) {
  RawBench bench(plain());
  ASSERT_EQ(bench.run(bench.bring_up({queue()}, {1})), 0u);
  for (std::uint32_t i = 0; i < 0x4000; ++i)  // repeats after 400h
    *bench.memory.at(0x1000000 + i) = static_cast<std::byte>(i % 0x400 / 4);
  *bench.memory.at(0x1000000 + 3000) ^= std::byte{0x40};
  bench.submit(0, descriptor(0x05, 0x1000000, 0x1000400, 0x2000, kRecords));
  ASSERT_EQ(bench.run(bench.wait_record(kRecords)), 0x01);
  std::uint32_t offset = 0;
  std::memcpy(&offset, bench.memory.at(kRecords + 4), 4);
  EXPECT_EQ(*bench.memory.at(kRecords + 1), std::byte{1});
  EXPECT_EQ(offset, 3000u - 0x400);
}

// dsa 3.2: commands that stop, drain, abort and reset queues, at random moments under load. Every
// command ends, a drained descriptor has its record, nothing is lost, and the device works
// afterwards.
TEST(ReviewTest, CommandsUnderLoadEndAndLoseNothing) {
  boost::random::mt19937 rng(2024);
  const auto below = [&rng](std::uint32_t n) {
    return boost::random::uniform_int_distribution<std::uint32_t>(0, n - 1)(rng);
  };
  for (unsigned scenario = 0; scenario < 6; ++scenario) {
    pcie::LinkConfig link = plain(20 + 100 * (scenario % 3));
    link.up_stall_permille = scenario < 3 ? 0 : 300;
    RawBench bench(link);
    ASSERT_EQ(bench.run(bench.bring_up({queue(), queue(), queue(), queue()}, {0xF})), 0u);
    for (unsigned round = 0; round < 40; ++round) {
      for (unsigned i = 0; i < 64; ++i) *bench.memory.at(kRecords + 64 * i) = std::byte{0};
      submit_many(bench, 4, 8, 64 + below(4000));
      if (below(4) == 0)
        bench.submit(1, descriptor(0x02, 0, 0, 0, kRecords + 64 * 40));  // drain descriptor
      bench.scheduler.run_cycles(60 + below(900));
      const std::uint32_t codes[] = {0x08, 0x03, 0x0B, 0x09, 0x04, 0x0C, 0x07, 0x0A};  // dsa 3.1
      const std::uint32_t code = codes[below(8)];
      const std::uint32_t operand = code >= 0x0B ? kPasid : code >= 0x07 ? 0x5 : 0;
      ASSERT_EQ(bench.run(bench.command(code, operand)), 0u) << code;
      const bool aborts = code == 0x09 || code == 0x04 || code == 0x0C || code == 0x0A;
      for (unsigned i = 0; i < 32; ++i) {
        const bool meant = code == 0x03 || code == 0x0B || (0x5u >> i % 4 & 1) != 0;
        if (meant && !aborts) {
          EXPECT_EQ(*bench.memory.at(kRecords + 64 * i), std::byte{1})
              << "code " << code << ", descriptor " << i;
        }
      }
      // Everything is out now but for queues that the command did not name.
      ASSERT_EQ(bench.run(bench.command(abi::kCmdDrainAll)), 0u);
      unsigned ended = 0;
      for (unsigned i = 0; i < 32; ++i)
        ended += *bench.memory.at(kRecords + 64 * i) == std::byte{1} ? 1 : 0;
      if (!aborts) {
        EXPECT_EQ(ended, 32u) << code;
      }
      for (unsigned w = 0; w < 4; ++w)
        EXPECT_EQ(bench.run(bench.read(abi::kTblWqcfg + 64 * w + 0x18)) & 0xFFFF, 0u);  // occupancy
      if (code == 0x07 || code == 0x0A) {
        for (const unsigned w : {0u, 2u}) {
          const std::uint32_t base = abi::kTblWqcfg + 64 * w;
          bench.write(base + 4, 4, 16);
          bench.write(base + 8, 4, 1u | 8u << 4 | kPasid << 8 | 1u << 28);
          bench.write(base + 12, 4, 31u | 10u << 5);
          ASSERT_EQ(bench.run(bench.command(abi::kCmdEnableWq, w)), 0u);
        }
      }
    }
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

// PCIE-46: tags of reads that a reset left unanswered rest; their late completions touch nothing of
// the next owner.
TEST(ReviewTest, LateCompletionsAfterResetTouchNothing) {
  pcie::LinkConfig link = plain(3000);
  link.read_latency_max = 9000;
  link.reorder_completions = link.random_splits = true;
  RawBench bench(link);
  ASSERT_EQ(bench.run(bench.bring_up({queue()}, {1})), 0u);
  std::memset(bench.memory.at(0x400000), 0xEE, 0x200000);
  submit_many(bench, 1, 6, 4096);
  bench.scheduler.run_cycles(600);
  EXPECT_EQ(bench.run(bench.root.config_write(0x48, 2, 0xA930)), port::CompletionStatus::kSuccess);
  ASSERT_EQ(bench.run(bench.bring_up({queue()}, {1})), 0u);
  std::memset(bench.memory.at(0x800000), 0x11, 0x100000);
  for (unsigned i = 0; i < 8; ++i)
    bench.submit(
        0, descriptor(0x03, 0x800000, 0x2000000 + 0x10000 * i, 0x8000, kRecords + 0x1000 + 64 * i),
        i);
  for (unsigned i = 0; i < 8; ++i) {
    EXPECT_EQ(bench.run(bench.wait_record(kRecords + 0x1000 + 64 * i)), 0x01);
    EXPECT_EQ(
        std::memcmp(bench.memory.at(0x800000), bench.memory.at(0x2000000 + 0x10000 * i), 0x8000),
        0);
  }
  EXPECT_EQ(bench.device->assertion_failure(), "");
}

}  // namespace
}  // namespace siov::test
