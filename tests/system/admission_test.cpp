// SPDX-License-Identifier: Apache-2.0
// Portals: the admission table of DSA 4.2, thresholds, overflow, aliases, torn writes.
// SIOV-D-19..21, 57..60.
#include <algorithm>

#include "pcie/tlp_factory.hpp"
#include "port_bench.hpp"

namespace siov::test {
namespace {

using port::CompletionStatus;
constexpr std::uint64_t kDwq = 0x0000, kSwq = 0x4000, kLimited = 0x1000, kIms = 0x2000;
constexpr std::uint64_t kRecords = 0x100000;

struct AdmissionTest : PortTest {
  static Work noop(unsigned n) { return Work::noop(kWantRecord, kRecords + 32 * n).as(0x21); }
  bool recorded(unsigned n) const { return b.host.byte(kRecords + 32 * n) != 0; }
  /// Posted and deferrable, all four pages, into a queue that must not take them.
  void expect_refused(std::uint64_t portal) {
    for (const std::uint64_t page : {0x0000u, 0x1000u, 0x2000u, 0x3000u}) {
      b.movdir(portal + page, noop(0));
      EXPECT_EQ(b.enqcmd(portal + page, noop(1)), CompletionStatus::kRetry) << std::hex << page;
    }
    b.run(1000);
    EXPECT_FALSE(recorded(0));
    EXPECT_FALSE(recorded(1));
  }
  /// Submits until the queue says no; the engine may take a few at first. @return how many were
  /// accepted
  unsigned fill_shared(std::uint64_t portal, unsigned first) {
    unsigned n = first;
    while (n < first + 100 && b.enqcmd(portal, noop(n)) == CompletionStatus::kSuccess) {
      ++n;
      b.run(50);
    }
    return n - first;
  }
};

TEST_F(AdmissionTest, DedicatedQueueTakesPostedWritesOnEveryPage) {
  b.bring_up();
  for (unsigned page = 0; page < 4; ++page) b.movdir(kDwq + 0x1000 * page, noop(page));
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned page = 0; page < 4; ++page)
    EXPECT_EQ(b.host.record(kRecords + 32 * page), (Record{1, 0, 0, 0})) << page;
}

TEST_F(AdmissionTest, SharedQueueTakesDeferrableWritesOnEveryPage) {
  b.bring_up();
  for (unsigned page = 0; page < 4; ++page)
    EXPECT_EQ(b.enqcmd(kSwq + 0x1000 * page, noop(page)), CompletionStatus::kSuccess);
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned page = 0; page < 4; ++page)
    EXPECT_EQ(b.host.record(kRecords + 32 * page), (Record{1, 0, 0, 0})) << page;
}

TEST_F(AdmissionTest, PostedWriteToSharedQueueIsIgnored) {  // SIOV-D-59
  b.bring_up();
  for (unsigned page = 0; page < 4; ++page) b.movdir(kSwq + 0x1000 * page, noop(page));
  b.run(1000);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_TRUE(b.host.seen.empty());
  EXPECT_EQ(b.read(0xC0, 8), 0u) << "nothing is logged";
}

TEST_F(AdmissionTest, DeferrableWriteToDedicatedQueueIsRetried) {  // SIOV-D-59
  b.bring_up();
  for (unsigned page = 0; page < 4; ++page)
    EXPECT_EQ(b.enqcmd(kDwq + 0x1000 * page, noop(page)), CompletionStatus::kRetry);
  b.run(1000);
  EXPECT_TRUE(b.host.seen.empty());
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(AdmissionTest, OtherSizesNeverCreateWork) {  // SIOV-D-21
  b.bring_up();
  const port::Line line = noop(0).line();
  for (const std::uint64_t portal : {kDwq, kSwq}) {
    for (const std::uint32_t size : {1u, 2u, 4u, 8u}) {
      for (std::uint32_t at = 0; at < 64; at += size) {
        std::uint64_t value = 0;
        for (std::uint32_t i = 0; i < size; ++i)
          value |= std::to_integer<std::uint64_t>(line[at + i]) << 8 * i;
        b.device().mmio_write(port::Bar::kPortal, portal + at, size, value);
      }
    }
  }
  b.run(1000);
  EXPECT_TRUE(b.host.seen.empty());
  EXPECT_EQ(b.read(0xC0, 8), 0u);
  b.movdir(kDwq, noop(1));
  EXPECT_EQ(b.enqcmd(kSwq, noop(2)), CompletionStatus::kSuccess);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.record(kRecords + 32), (Record{1, 0, 0, 0})) << "a later descriptor is whole";
  EXPECT_EQ(b.host.record(kRecords + 64), (Record{1, 0, 0, 0}));
}

TEST_F(AdmissionTest, TornAndLongWritesOnTheLinkNeverCreateWork) {  // SIOV-D-21, PCIE-78, PCIE-86
  if (b.is_model()) GTEST_SKIP() << "odd TLPs need a link";
  b.bring_up();
  const port::Line line = noop(0).line();
  const auto send = [&](std::uint64_t at, std::span<const std::byte> data) {
    b.root().send_posted(pcie::mem_write(RequesterId{0}, PortBench::kBar2 + at, data));
  };
  send(kDwq, std::span(line).first(32));
  send(kDwq + 32, std::span(line).last(32));
  send(kDwq, std::span(line).first(63));
  send(kDwq + 4, std::span(line).first(60));
  std::array<std::byte, 128> two{};
  std::copy(line.begin(), line.end(), two.begin());
  std::copy(line.begin(), line.end(), two.begin() + 64);
  send(kDwq, two);
  send(kDwq + 32, line);  // unaligned
  b.run(1000);
  EXPECT_TRUE(b.host.seen.empty());
  for (const std::size_t bytes : {4u, 32u, 60u, 128u}) {
    const pcie::Tlp odd = pcie::deferrable_write(RequesterId{0}, 0, PortBench::kBar2 + kSwq,
                                                 std::span(two).first(bytes));
    const pcie::RootComplex::Answer a = b.scheduler.run(b.root().transact(odd), 100'000);
    EXPECT_NE(a.status, CompletionStatus::kSuccess) << bytes;
    EXPECT_NE(a.status, CompletionStatus::kTimeout) << bytes;
  }
  b.run(1000);
  EXPECT_TRUE(b.host.seen.empty());
  b.movdir(kDwq, noop(1));
  EXPECT_EQ(b.enqcmd(kSwq, noop(2)), CompletionStatus::kSuccess);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_TRUE(recorded(1));
  EXPECT_TRUE(recorded(2));
}

TEST_F(AdmissionTest, DisabledQueueTakesNothing) {
  b.bring_up();
  expect_refused(0x8000);  // never enabled
  EXPECT_EQ(b.command(7, 0x3), 0u);
  expect_refused(kDwq);
  expect_refused(kSwq);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(AdmissionTest, DisabledDeviceTakesNothing) {
  b.bring_up();
  EXPECT_EQ(b.command(2), 0u);
  expect_refused(kDwq);
  expect_refused(kSwq);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(AdmissionTest, BusyQueueTakesNothing) {  // 3.2: Disable WQ stops admitting first
  b.bring_up();
  b.occupy_engine(kDwq);
  b.start_command(7, 0x3);
  b.run(100);
  EXPECT_EQ(b.wq_state(0), 2u);
  b.movdir(kDwq, noop(0));
  EXPECT_EQ(b.enqcmd(kSwq, noop(1)), CompletionStatus::kRetry);
  EXPECT_EQ(b.end_of_command(), 0u);
  b.run(1000);
  EXPECT_FALSE(recorded(0));
  EXPECT_FALSE(recorded(1));
}

TEST_F(AdmissionTest, HaltedDeviceTakesNothing) {
  b.bring_up();
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.read(0x90) & 3, 3u);
  expect_refused(kDwq);
  expect_refused(kSwq);
  EXPECT_EQ(b.read(0xC0, 8), 0x5101u) << "only the change itself";
}

TEST_F(AdmissionTest, LimitedPortalStopsAtTheThresholdAndUnlimitedAtTheSize) {  // SIOV-D-58
  b.bring_up();
  b.occupy_engine(kSwq, 0x21);
  const unsigned limited = fill_shared(kSwq + kLimited, 0);
  EXPECT_EQ(b.occupancy(1), 4u) << "threshold";
  EXPECT_GE(limited, 4u);
  const unsigned more = fill_shared(kSwq, limited);
  EXPECT_EQ(more, 4u);
  EXPECT_EQ(b.occupancy(1), 8u) << "size";
  EXPECT_EQ(b.enqcmd(kSwq + kLimited, noop(98)), CompletionStatus::kRetry);
  EXPECT_EQ(b.enqcmd(kSwq + kIms, noop(99)), CompletionStatus::kRetry);
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned n = 0; n < limited + more; ++n) EXPECT_TRUE(recorded(n)) << n;
  EXPECT_FALSE(recorded(limited + more)) << "a retry leaves no trace: SIOV-D-57";
  EXPECT_FALSE(recorded(98));
  EXPECT_FALSE(recorded(99));
  EXPECT_EQ(b.read(0xC0, 8), 0u) << "a retry logs nothing";
  EXPECT_EQ(b.occupancy(1), 0u);
}

TEST_F(AdmissionTest, ThresholdZeroClosesTheLimitedPortal) {  // 2.9
  b.bring_up();
  b.write(0x844, 0);
  EXPECT_EQ(b.enqcmd(kSwq + kLimited, noop(0)), CompletionStatus::kRetry);
  EXPECT_EQ(b.enqcmd(kSwq, noop(1)), CompletionStatus::kSuccess);
  b.write(0x844, 1);
  EXPECT_EQ(b.enqcmd(kSwq + kLimited, noop(2)), CompletionStatus::kSuccess)
      << "writable at any time";
}

TEST_F(AdmissionTest, ThresholdAboveTheSizeActsAsTheSize) {  // 2.9
  b.bring_up();
  b.write(0x844, 0xFFFF);
  EXPECT_EQ(b.read(0x844), 0xFFFFu);
  b.occupy_engine(kSwq, 0x21);
  (void)fill_shared(kSwq + kLimited, 0);
  EXPECT_EQ(b.occupancy(1), 8u);
}

TEST_F(AdmissionTest, FullDedicatedQueueDropsAndReports) {  // SIOV-D-60; 5.5 code 53
  b.bring_up();
  b.write(0x88, 1);
  b.occupy_engine(kDwq);
  unsigned n = 0;
  while (b.read(0xC0) == 0 && n < 100) {
    b.movdir(kDwq, noop(n++));
    b.run(50);
  }
  EXPECT_EQ(b.read(0xC0, 8), 0x0000000000005309u) << "valid, queue known, code 53, WQ 0";
  EXPECT_EQ(b.read(0xC8, 8), 0u);
  EXPECT_EQ(b.read(0xD0, 8), 0u);
  EXPECT_EQ(b.occupancy(0), 16u);
  EXPECT_EQ(b.read(0x98), 0x1u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
  b.movdir(kDwq + kLimited, noop(n));
  b.run(50);
  EXPECT_EQ(b.read(0xC0, 8), 0x000000000000530Bu) << "limited has no meaning here; overflow";
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned i = 0; i + 1 < n; ++i) EXPECT_TRUE(recorded(i)) << i;
  EXPECT_FALSE(recorded(n - 1));
  EXPECT_FALSE(recorded(n));
}

TEST_F(AdmissionTest, All64SlotsOfAPageAreEqual) {  // SIOV-D-20
  b.bring_up();
  for (unsigned slot = 0; slot < 64; ++slot) {
    b.movdir(kDwq + 64 * slot, noop(slot));
    EXPECT_EQ(b.enqcmd(kSwq + kLimited + 64 * slot, noop(64 + slot)), CompletionStatus::kSuccess);
    b.run(100);
  }
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned n = 0; n < 128; ++n) EXPECT_TRUE(recorded(n)) << n;
}

TEST_F(AdmissionTest, OccupancyFallsWhenEnginesTakeEntries) {  // 4.2: not at completion
  b.bring_up();
  b.occupy_engine(kDwq);
  EXPECT_EQ(b.occupancy(0), 0u) << "the long fill has left the queue";
  EXPECT_EQ(b.wq_state(0), 1u);
}

TEST_F(AdmissionTest, AllQueuesOfTheDeviceWork) {  // 4.1: stride 0x4000
  b.set_up_function();
  for (unsigned wq = 0; wq < 8; ++wq) b.set_wq(wq, 16, 0x10000011 | (0x100 + wq) << 8);
  b.set_group(0, 0x03, 0x1);
  b.set_group(1, 0x0C, 0x2);
  b.set_group(2, 0x30, 0x4);
  b.set_group(3, 0xC0, 0x8);
  ASSERT_EQ(b.command(1), 0u);
  for (unsigned wq = 0; wq < 8; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  for (unsigned wq = 0; wq < 8; ++wq) b.movdir(0x4000 * wq, noop(wq));
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned wq = 0; wq < 8; ++wq) {
    const std::vector<Seen> record = b.host.touching(kRecords + 32 * wq, 32);
    ASSERT_EQ(record.size(), 1u) << wq;
    EXPECT_EQ(record[0].pasid, 0x100 + wq);
  }
}

}  // namespace
}  // namespace siov::test
