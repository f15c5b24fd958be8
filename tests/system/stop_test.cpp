// SPDX-License-Identifier: Apache-2.0
// Stopping work: drain descriptors, drain, abort, disable and reset under load, siblings.
// DSA 3.2, 5.6; SIOV-D-10, 40, 41, 44, 45, 46.
#include <algorithm>

#include "port_bench.hpp"

namespace siov::test {
namespace {

using port::CompletionStatus;
constexpr std::uint64_t kDwq = 0x0000, kSwq = 0x4000, kOther = 0x8000;
constexpr std::uint64_t kRecords = 0x100000, kTargets = 0x300000;

struct StopTest : PortTest {
  /// WQ 0 dedicated, WQ 1 shared in group 0 with engines 0 and 1; WQ 2 dedicated (PASID 0x33) in
  /// group 1 with engine 2.
  void SetUp() override {
    b.set_up_function();
    b.set_wq(0, 32, 0x10001111);
    b.set_wq(1, 32, 0x10000010, 32);
    b.set_wq(2, 32, 0x10003311);
    b.set_group(0, 0x3, 0x3);
    b.set_group(1, 0x4, 0x4);
    b.write(0x80, 0x1060);
    b.write(0x408, 0x00011008);
    ASSERT_EQ(b.command(1), 0u);
    for (unsigned wq = 0; wq < 3; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  }
  /// Number n: an 8 KiB fill with record n; its interrupt is vector 1.
  static Work job(unsigned n, std::uint32_t pasid = 0x11) {
    Work w =
        Work::fill(0x0101010101010101 * (n + 1), kTargets + 0x2000 * n, 0x2000, kRecords + 32 * n)
            .as(pasid);
    return w;
  }
  void submit(std::uint64_t portal, unsigned first, unsigned count, std::uint32_t pasid = 0x11) {
    for (unsigned n = first; n < first + count; ++n) {
      if (portal == kSwq) {
        EXPECT_EQ(b.enqcmd(portal, job(n, pasid)), CompletionStatus::kSuccess);
      } else {
        b.movdir(portal, job(n));
      }
    }
  }
  bool recorded(unsigned n) const { return b.host.byte(kRecords + 32 * n) != 0; }
  bool whole(unsigned n) const {
    for (unsigned i = 0; i < 0x2000; ++i) {
      if (b.host.byte(kTargets + 0x2000 * n + i) != n + 1) return false;
    }
    return true;
  }
  unsigned recorded(unsigned first, unsigned count) const {
    unsigned sum = 0;
    for (unsigned n = first; n < first + count; ++n) sum += recorded(n) ? 1 : 0;
    return sum;
  }
  /// From here on the device must not touch memory.
  void expect_silence() {
    const std::size_t before = b.host.seen.size();
    b.run(20'000);
    EXPECT_EQ(b.host.seen.size(), before);
  }
  /// A record means a whole descriptor, and nothing else has been written since. SIOV-D-45
  void expect_records_are_true(unsigned first, unsigned count) {
    for (unsigned n = first; n < first + count; ++n) {
      if (recorded(n)) {
        EXPECT_EQ(b.host.record(kRecords + 32 * n), (Record{1, 0, 0, 0})) << n;
        EXPECT_TRUE(whole(n)) << n;
      }
    }
  }
};

TEST_F(StopTest, DrainDescriptorOfADedicatedQueueWaitsForEarlierOnes) {  // 5.6 (02), SIOV-D-44
  submit(kDwq, 0, 8);
  b.movdir(kDwq, Work::drain(kWantRecord, kRecords + 32 * 8));
  submit(kDwq, 9, 2);
  for (int i = 0; i < 5000 && !recorded(8); ++i) b.run(1);
  ASSERT_TRUE(recorded(8));
  EXPECT_EQ(recorded(0, 8), 8u);
  for (unsigned n = 0; n < 8; ++n) EXPECT_TRUE(whole(n)) << n;
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(9, 2), 2u);
}

TEST_F(StopTest, DrainDescriptorOfASharedQueueWaitsForItsPasid) {  // 5.6 (02)
  submit(kSwq, 0, 6, 0x21);
  EXPECT_EQ(b.enqcmd(kSwq, Work::drain(kWantRecord, kRecords + 32 * 6).as(0x21)),
            CompletionStatus::kSuccess);
  for (int i = 0; i < 5000 && !recorded(6); ++i) b.run(1);
  ASSERT_TRUE(recorded(6));
  EXPECT_EQ(recorded(0, 6), 6u);
}

TEST_F(StopTest, DrainDescriptorInterruptsWhenItsQueueIsDone) {  // 5.2.2: RCI instead of RCR
  submit(kDwq, 0, 4);
  Work w = Work::drain(kWantInterrupt, 0);
  w.handle = 1;
  b.movdir(kDwq, w);
  for (int i = 0; i < 5000 && b.host.messages().empty(); ++i) b.run(1);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x51}));
  EXPECT_EQ(recorded(0, 4), 4u);
}

TEST_F(StopTest, DrainAllWaitsForEverything) {  // 3.2
  submit(kDwq, 0, 6);
  submit(kSwq, 6, 6, 0x21);
  submit(kOther, 12, 6);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(0, 18), 18u);
  for (unsigned n = 0; n < 18; ++n) EXPECT_TRUE(whole(n)) << n;
  EXPECT_EQ(b.read(0x90), 1u);
}

TEST_F(StopTest, DrainWqWaitsForItsQueue) {
  submit(kOther, 0, 10);
  EXPECT_EQ(b.command(8, 0x4), 0u);
  EXPECT_EQ(recorded(0, 10), 10u);
  EXPECT_EQ(b.wq_state(2), 1u);
}

TEST_F(StopTest, DrainPasidWaitsForItsWork) {  // SIOV-D-46
  submit(kSwq, 0, 5, 0x21);
  submit(kSwq, 5, 5, 0x22);
  EXPECT_EQ(b.command(11, 0x22), 0u);
  EXPECT_EQ(recorded(5, 5), 5u);
  submit(kDwq, 10, 5);
  EXPECT_EQ(b.command(11, 0x11), 0u);
  EXPECT_EQ(recorded(10, 5), 5u) << "also of a dedicated queue";
}

TEST_F(StopTest, AbortWqEndsItsWorkAndNoOther) {  // 3.2, SIOV-D-45
  submit(kDwq, 0, 16);
  submit(kOther, 16, 8);
  EXPECT_EQ(b.command(9, 0x1), 0u);
  const unsigned done = recorded(0, 16);
  EXPECT_LT(done, 16u) << "the last ones were still in the queue";
  EXPECT_EQ(b.occupancy(0), 0u);
  EXPECT_EQ(b.wq_state(0), 1u) << "stays enabled";
  EXPECT_EQ(b.command(8, 0x4), 0u);
  EXPECT_EQ(recorded(16, 8), 8u) << "the sibling: SIOV-D-10";
  EXPECT_EQ(recorded(0, 16), done) << "nothing after the end of the command";
  expect_records_are_true(0, 24);
  expect_silence();
  b.movdir(kDwq, Work::noop(kWantRecord, kRecords + 32 * 60));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_TRUE(recorded(60)) << "and works on";
}

TEST_F(StopTest, AbortPasidEndsItsWorkAndNoOther) {  // SIOV-D-46
  for (unsigned n = 0; n < 16; n += 2) {
    submit(kSwq, n, 1, 0x21);
    submit(kSwq, n + 1, 1, 0x22);
  }
  EXPECT_EQ(b.command(12, 0x22), 0u);
  const std::size_t seen = b.host.seen.size();
  EXPECT_EQ(b.command(11, 0x21), 0u);
  for (unsigned n = 0; n < 16; n += 2) EXPECT_TRUE(recorded(n)) << n;
  for (std::size_t i = seen; i < b.host.seen.size(); ++i)
    EXPECT_NE(b.host.seen[i].pasid, 0x22u) << "SIOV-D-41";
  expect_records_are_true(0, 16);
  expect_silence();
}

TEST_F(StopTest, AbortAllEndsEverything) {
  submit(kDwq, 0, 16);
  submit(kOther, 16, 16);
  EXPECT_EQ(b.command(4), 0u);
  expect_silence();
  EXPECT_LT(recorded(0, 32), 32u);
  expect_records_are_true(0, 32);
  EXPECT_EQ(b.wq_state(0), 1u);
}

TEST_F(StopTest, DisableWqFinishesItsWork) {  // 3.2
  submit(kDwq, 0, 12);
  submit(kOther, 12, 4);
  EXPECT_EQ(b.command(7, 0x1), 0u);
  EXPECT_EQ(recorded(0, 12), 12u);
  EXPECT_EQ(b.wq_state(0), 0u);
  EXPECT_EQ(b.wq_state(2), 1u);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(12, 4), 4u);
}

TEST_F(StopTest, DisableDeviceFinishesAllWork) {  // 3.2
  submit(kDwq, 0, 8);
  submit(kSwq, 8, 8, 0x21);
  submit(kOther, 16, 8);
  EXPECT_EQ(b.command(2), 0u);
  EXPECT_EQ(recorded(0, 24), 24u);
  EXPECT_EQ(b.read(0x90), 0u);
  expect_silence();
}

TEST_F(StopTest, ResetWqUnderLoadLeavesItsSiblingsAlone) {  // SIOV-D-40, 41, 42
  submit(kDwq, 0, 16);
  submit(kSwq, 16, 8, 0x21);
  submit(kOther, 24, 8);
  EXPECT_EQ(b.command(10, 0x1), 0u);
  const std::size_t seen = b.host.seen.size();
  EXPECT_EQ(b.read(0x800, 8), 0x20u);
  EXPECT_EQ(b.read(0x808, 8), 0u);
  EXPECT_EQ(b.wq_state(0), 0u);
  b.movdir(kDwq, job(60));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(16, 16), 16u);
  for (unsigned n = 16; n < 32; ++n) EXPECT_TRUE(whole(n)) << n;
  EXPECT_FALSE(recorded(60)) << "a reset queue takes nothing";
  for (std::size_t i = seen; i < b.host.seen.size(); ++i)
    EXPECT_NE(b.host.seen[i].pasid, 0x11u) << "SIOV-D-41";
  expect_records_are_true(0, 32);
  b.write(0x808, 0x10004411);
  b.write(0x80C, 0x1F);
  EXPECT_EQ(b.command(6, 0), 0u);
  b.host.seen.clear();
  b.movdir(kDwq, Work::noop(kWantRecord, kRecords + 32 * 61));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_TRUE(recorded(61));
  ASSERT_EQ(b.host.seen.size(), 1u) << "nothing of the previous owner comes up: SIOV-D-13";
  EXPECT_EQ(b.host.seen[0].pasid, 0x44u);
}

TEST_F(StopTest, ResetDeviceUnderLoadStopsEverything) {  // 3.2
  submit(kDwq, 0, 16);
  submit(kSwq, 16, 8, 0x21);
  submit(kOther, 24, 8);
  EXPECT_EQ(b.command(5), 0u);
  expect_silence();
  EXPECT_EQ(b.read(0x90), 0u);
  expect_records_are_true(0, 32);
  for (unsigned wq = 0; wq < 3; ++wq) EXPECT_EQ(b.read(0x818 + 64 * wq), 0u);
  SetUp();
  submit(kDwq, 40, 1);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_TRUE(whole(40));
}

TEST_F(StopTest, MisuseOfOneQueueLeavesTheOtherUnchanged) {  // SIOV-D-10, SIOV-D-49
  unsigned n = 0;
  for (unsigned round = 0; round < 10; ++round) {
    submit(kOther, n++, 1);
    Work bad;
    bad.opcode = static_cast<std::uint8_t>(0x40 + round);
    b.movdir(kDwq, bad);
    Work stray = Work::move(0x10000000 + round, 0x20000000, 64, kRecords + 32 * 63);
    b.movdir(kDwq, stray);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(b.enqcmd(kDwq, bad), CompletionStatus::kRetry);
    for (int i = 0; i < 40; ++i) b.movdir(kDwq, bad);
  }
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(0, n), n);
  for (unsigned i = 0; i < n; ++i) EXPECT_TRUE(whole(i)) << i;
  EXPECT_EQ(b.read(0xC0) & 3, 3u);
  EXPECT_EQ(b.read(0x90), 1u);
}

TEST_F(StopTest, VictimsMemoryIsTheSameAloneAndBesideAnAggressor) {  // SIOV-D-10, two runs
  submit(kOther, 0, 8);
  EXPECT_EQ(b.command(8, 0x4), 0u);
  std::vector<std::byte> alone(b.host.memory.begin() + kRecords,
                               b.host.memory.begin() + kTargets + 0x10000);
  std::fill(b.host.memory.begin(), b.host.memory.end(), std::byte{0});
  for (unsigned n = 0; n < 8; ++n) {
    submit(kOther, n, 1);
    for (unsigned k = 0; k < 6; ++k) b.movdir(kDwq, Work::fill(k, 0x500000, 0x20000, kRecords + 1));
    b.movdir(kDwq, Work::fill(~0ull, 0x500000, 0x20000, 0x480000));
    EXPECT_EQ(b.command(9, 0x1), 0u) << "aborted again and again";
    (void)b.enqcmd(kSwq, Work::move(0x10000000, 0x500000, 0x8000, 0x480020).as(0x21));
  }
  EXPECT_EQ(b.command(10, 0x1), 0u);
  EXPECT_EQ(b.command(8, 0x4), 0u);
  const std::vector<std::byte> crowded(b.host.memory.begin() + kRecords,
                                       b.host.memory.begin() + kTargets + 0x10000);
  EXPECT_TRUE(alone == crowded);
  EXPECT_EQ(recorded(0, 8), 8u);
}

}  // namespace
}  // namespace siov::test
