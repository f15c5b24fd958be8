// SPDX-License-Identifier: Apache-2.0
// Neighbours: what a victim sees alone and beside a hostile neighbour, on its own queue and on the
// same shared queue; fairness; quiet after stops; read buffers. DSA 2.8, 3.2, 5.11;
// SIOV-D-10, 14, 39, 41, 46, 47, 48, 49, 61.
#include "operation_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kVictimQueue = 0x8000;  // WQ 2, PASID 0x33
constexpr std::uint32_t kVictim = 0x21, kAggressor = 0x22;
constexpr std::uint64_t kVictimRecords = 0x110000, kVictimOut = 0x700000;
constexpr std::uint64_t kAggressorRecords = 0x118000, kAggressorOut = 0x480000;

struct IsolationTest : OperationTest {
  /// WQ 0 dedicated and WQ 1 shared in group 0 with engines 0 and 1, WQ 2 dedicated (PASID 0x33) in
  /// group 1 with engine 2; event log off.
  void SetUp() override {
    OperationTest::SetUp();
    ASSERT_EQ(b.command(5), 0u);
    b.set_up_function();
    b.set_wq(0, 32, 0x10001111);
    b.set_wq(1, 32, 0x10000010, 32);
    b.set_wq(2, 32, 0x10003311);
    b.set_group(0, 0x3, 0x3);
    b.set_group(1, 0x4, 0x4);
    b.write(0x80, 0x1060);
    b.write(0x408, 0x00011008);  // vector 1: WQ 0
    b.write(0x410, 0x00021008);  // vector 2: the victim on the shared queue
    ASSERT_EQ(b.command(1), 0u);
    for (unsigned wq = 0; wq < 3; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  }
  static std::uint64_t record_of(unsigned n) { return kVictimRecords + 32 * n; }
  /// Job n of the victim: operations in turn, all with a record of their own.
  static Work victim_job(unsigned n) {
    Work w = Work::move(kCountAt + 0x20 * n, kVictimOut + 0x1000 * n, 0x800 + n, record_of(n));
    switch (n % 4) {
      case 1:
        w = Work::fill(0x0101010101010101 * (n + 1), kVictimOut + 0x1000 * n, 0xF00, record_of(n));
        break;
      case 2:
        w.opcode = 0x11;
        break;
      case 3:
        w = Work::compare(kCountAt, kCopyAt, 0x1000, record_of(n));
        break;
      default:
        break;
    }
    return w;
  }
  /// Attack n of the neighbour: errors of every kind, strays, long jobs.
  Work attack(unsigned n) {
    Work w = Work::move(kCountAt, kAggressorOut, 64, kAggressorRecords);
    switch (n % 8) {
      case 0:
        w.opcode = static_cast<std::uint8_t>(0x40 + n);
        break;
      case 1:
        w.record += 5;
        break;
      case 2:
        w.source = 0x10000000;  // nobody's memory
        break;
      case 3:
        w.flags |= kWantInterrupt;
        w.handle = 2;  // the victim's
        break;
      case 4:
        w = Work::fill(n, kAggressorOut, 0x18000, kAggressorRecords);
        break;
      case 5:
        w = list({good(0x3F), good(0x01), good(0x02), Work::fill(n, kAggressorOut, 0x4000, 0)},
                 kListAt + 0x1000);
        w.record = kAggressorRecords;
        break;
      case 6:
        w.destination = 0xFEE00000;
        break;
      default:
        w.word0 = 0x800FFFFF;
        w.flags = 0xFFFFFF;
        break;
    }
    return w;
  }
  std::vector<std::byte> victims_memory() const {
    std::vector<std::byte> out(b.host.memory.begin() + kVictimRecords,
                               b.host.memory.begin() + kVictimRecords + 0x400);
    out.insert(out.end(), b.host.memory.begin() + kVictimOut,
               b.host.memory.begin() + kVictimOut + 0x20000);
    return out;
  }
  void clear_victim() {
    std::fill_n(b.host.memory.begin() + kVictimRecords, 0x400, std::byte{0});
    std::fill_n(b.host.memory.begin() + kVictimOut, 0x20000, std::byte{0});
  }
  void submit_shared(Work w, std::uint32_t pasid) {
    w.word0 = pasid;
    for (int i = 0; i < 2000; ++i) {
      if (b.enqcmd(kQueue1, w) == port::CompletionStatus::kSuccess) return;
      b.run(50);
    }
    ADD_FAILURE() << "starved: SIOV-D-14";
  }
  unsigned recorded(unsigned count) const {
    unsigned sum = 0;
    for (unsigned n = 0; n < count; ++n) sum += b.host.byte(record_of(n)) != 0 ? 1 : 0;
    return sum;
  }
  void expect_quiet(std::uint32_t pasid, std::size_t from) {
    for (std::size_t i = from; i < b.host.seen.size(); ++i)
      EXPECT_NE(b.host.seen[i].pasid, pasid) << "SIOV-D-41";
  }
};

TEST_F(IsolationTest, VictimOnItsOwnQueueSeesNoDifference) {  // SIOV-D-10, D-49
  for (unsigned n = 0; n < 24; ++n) b.movdir(kVictimQueue, victim_job(n));
  EXPECT_EQ(b.command(8, 0x4), 0u);
  ASSERT_EQ(recorded(24), 24u);
  const std::vector<std::byte> alone = victims_memory();
  clear_victim();
  b.host.seen.clear();
  for (unsigned n = 0; n < 24; ++n) {
    b.movdir(kVictimQueue, victim_job(n));
    for (unsigned k = 0; k < 3; ++k) {
      b.movdir(kQueue0, attack(3 * n + k));
      (void)b.enqcmd(kQueue1, attack(3 * n + k + 1).as(kAggressor));
    }
    if (n % 8 == 3) {
      EXPECT_EQ(b.command(9, 0x3), 0u) << "aborted under the victim's eyes";
    }
    if (n == 12) {
      EXPECT_EQ(b.command(10, 0x1), 0u);
      b.write(0x808, 0x10001111);
      b.write(0x80C, 0x15F);
      EXPECT_EQ(b.command(6, 0), 0u);
    }
  }
  EXPECT_EQ(b.command(8, 0x4), 0u);
  EXPECT_TRUE(victims_memory() == alone);
  EXPECT_EQ(b.read(0x90), 1u) << "no error of a queue stops the device";
  for (const Seen& s : b.host.touching(kVictimOut, 0x20000)) EXPECT_EQ(s.pasid, 0x33u);
}

TEST_F(IsolationTest, VictimOnTheSameSharedQueueSeesNoDifference) {  // SIOV-D-61
  for (unsigned n = 0; n < 24; ++n) submit_shared(victim_job(n), kVictim);
  EXPECT_EQ(b.command(11, kVictim), 0u);
  ASSERT_EQ(recorded(24), 24u);
  const std::vector<std::byte> alone = victims_memory();
  clear_victim();
  b.host.seen.clear();
  for (unsigned n = 0; n < 24; ++n) {
    for (unsigned k = 0; k < 6; ++k) (void)b.enqcmd(kQueue1, attack(6 * n + k).as(kAggressor));
    submit_shared(victim_job(n), kVictim);
    if (n % 8 == 5) {
      EXPECT_EQ(b.command(12, kAggressor), 0u) << "SIOV-D-46";
    }
  }
  EXPECT_EQ(b.command(11, kVictim), 0u);
  EXPECT_TRUE(victims_memory() == alone);
  for (const Seen& s : b.host.touching(kVictimOut, 0x20000)) EXPECT_EQ(s.pasid, kVictim);
  EXPECT_EQ(b.command(3), 0u);
  for (const std::uint32_t data : b.host.messages()) EXPECT_NE(data, 0x52u) << "SIOV-D-33";
}

TEST_F(IsolationTest, WaitBesideSaturatedQueuesIsBounded) {  // SIOV-D-14, 5.11
  unsigned longest = 0;
  for (unsigned n = 0; n < 8; ++n) {
    for (unsigned k = 0; k < 24; ++k)
      b.movdir(kQueue0, Work::fill(k, kAggressorOut, 0x2000, kAggressorRecords));
    submit_shared(victim_job(n), kVictim);
    unsigned waited = 0;
    while (b.host.byte(record_of(n)) == 0 && waited < 20'000) {
      b.run(20);
      waited += 20;
    }
    longest = std::max(longest, waited);
  }
  EXPECT_LT(longest, 10'000u) << "more than engines can hold before it: 24 jobs of 8 KiB";
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(8), 8u);
}

TEST_F(IsolationTest, HigherPriorityDoesNotStarveALowerOne) {  // 5.11: weighted round robin
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x100011F1);  // priority 15
  EXPECT_EQ(b.command(6, 0), 0u);
  for (unsigned k = 0; k < 32; ++k)
    b.movdir(kQueue0, Work::fill(k, kAggressorOut, 0x1000, kAggressorRecords));
  submit_shared(victim_job(0), kVictim);
  unsigned submitted = 32;
  for (int i = 0; i < 400 && b.host.byte(record_of(0)) == 0; ++i) {
    if (b.occupancy(0) < 24 && submitted < 400) {
      b.movdir(kQueue0, Work::fill(i, kAggressorOut, 0x1000, kAggressorRecords));
      ++submitted;
    }
    b.run(20);
  }
  EXPECT_EQ(b.host.byte(record_of(0)), 1u);
  EXPECT_EQ(b.command(3), 0u);
}

TEST_F(IsolationTest, AggressorsPasidIsQuietAfterItsAbort) {  // SIOV-D-41, D-46
  for (unsigned n = 0; n < 12; ++n) {
    submit_shared(attack(4), kAggressor);
    submit_shared(victim_job(n), kVictim);
  }
  EXPECT_EQ(b.command(12, kAggressor), 0u);
  const std::size_t mark = b.host.seen.size();
  EXPECT_EQ(b.command(11, kVictim), 0u);
  EXPECT_EQ(recorded(12), 12u);
  b.run(5000);
  expect_quiet(kAggressor, mark);
}

TEST_F(IsolationTest, DrainOfOnePasidDoesNotLoseTheOthers) {  // SIOV-D-46, D-44
  for (unsigned n = 0; n < 12; ++n) {
    submit_shared(victim_job(n), kVictim);
    submit_shared(attack(4), kAggressor);
  }
  EXPECT_EQ(b.command(11, kVictim), 0u);
  EXPECT_EQ(recorded(12), 12u);
  EXPECT_EQ(b.command(11, kAggressor), 0u);
  const std::size_t mark = b.host.seen.size();
  b.run(3000);
  EXPECT_EQ(b.host.seen.size(), mark) << "all of both was finished";
}

TEST_F(IsolationTest, NothingOfTheOldOwnerComesAfterResetAndReassignment) {  // SIOV-D-13, 39, 48
  for (unsigned n = 0; n < 16; ++n) {
    Work w = Work::move(kCountAt, kAggressorOut + 0x4000 * n, 0x4000, kAggressorRecords + 32 * n);
    w.flags |= kWantInterrupt;
    w.handle = 1;
    b.movdir(kQueue0, w);
  }
  b.run(100);
  EXPECT_EQ(b.command(10, 0x1), 0u);
  const std::size_t mark = b.host.seen.size();
  b.write(0x808, 0x10004411);
  b.write(0x80C, 0x15F);
  b.write(0x408, 0x00044008);
  EXPECT_EQ(b.command(6, 0), 0u);
  Work w = good(0x03);
  w.flags |= kWantInterrupt;
  w.handle = 1;
  b.movdir(kQueue0, w);
  EXPECT_EQ(b.command(3), 0u);
  b.run(5000);
  EXPECT_EQ(b.host.record(kRecordAt), kGood);
  expect_quiet(0x11, mark);
  unsigned messages = 0;
  for (std::size_t i = mark; i < b.host.seen.size(); ++i)
    messages += b.host.seen[i].kind == Seen::kMessage ? 1 : 0;
  EXPECT_EQ(messages, 1u) << "the new owner's only";
}

TEST_F(IsolationTest, SameAddressesOfTwoOwnersKeepTheirPasids) {  // SIOV-D-12, D-22
  for (unsigned n = 0; n < 16; ++n) {
    submit_shared(good(0x03), n % 2 == 0 ? kVictim : kAggressor);
    b.movdir(kVictimQueue, good(0x03));
  }
  EXPECT_EQ(b.command(3), 0u);
  unsigned reads[3] = {};
  for (const Seen& s : b.host.touching(kCountAt, 64)) {
    ASSERT_TRUE(s.pasid == kVictim || s.pasid == kAggressor || s.pasid == 0x33u);
    ++reads[s.pasid == kVictim ? 0 : s.pasid == kAggressor ? 1 : 2];
  }
  EXPECT_EQ(reads[0], 8u) << "nobody is served with what another one read";
  EXPECT_EQ(reads[1], 8u);
  EXPECT_EQ(reads[2], 16u);
}

TEST_F(IsolationTest, FloodOfErrorsKeepsTheFirstAndTheDeviceRunning) {  // SIOV-D-49, D-51
  Work bad;
  bad.opcode = 0x3F;
  for (unsigned n = 0; n < 100; ++n) {
    b.movdir(kQueue0, bad);
    b.run(20);
  }
  for (unsigned n = 0; n < 24; ++n) b.movdir(kVictimQueue, victim_job(n));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(24), 24u);
  EXPECT_EQ(b.read(0xC0, 8), 0x0000113F0000108Fu);
  EXPECT_EQ(b.read(0x90), 1u);
}

TEST_F(IsolationTest, GroupWithFewReadBuffersStillFinishes) {  // 2.8, 3.3 (18): 4 an engine
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x628, 0x0000000000800000, 8);  // group 0: 8 allowed for two engines
  b.write(0x668, 0x0000000000400400, 8);  // group 1: 4 reserved, 4 allowed
  EXPECT_EQ(b.command(1), 0u);
  for (unsigned wq = 0; wq < 3; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  for (unsigned n = 0; n < 24; ++n) {
    b.movdir(kVictimQueue, victim_job(n));
    b.movdir(kQueue0, Work::move(0x0, kAggressorOut, 0x10000, kAggressorRecords));
  }
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(24), 24u);
  EXPECT_EQ(b.host.record(kAggressorRecords), kGood);
}

TEST_F(IsolationTest, GlobalReadBufferLimitHolds) {  // 2.6, 2.8 bit 7
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x80, 0x1008);                  // global limit 8
  b.write(0x628, 0x0000000006000080, 8);  // group 0 uses it
  EXPECT_EQ(b.command(1), 0u);
  for (unsigned wq = 0; wq < 3; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  for (unsigned n = 0; n < 8; ++n)
    b.movdir(kQueue0, Work::move(0x0, kAggressorOut, 0x10000, kAggressorRecords + 32 * n));
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned n = 0; n < 8; ++n) EXPECT_EQ(b.host.record(kAggressorRecords + 32 * n), kGood) << n;
}

TEST_F(IsolationTest, OutstandingReadsStayWithinTheReadBuffers) {  // 2.8: one buffer, 512 bytes
  if (b.is_model()) GTEST_SKIP() << "reads of the model take no time";
  PortBench slow(1000);
  const auto cycles = [&slow](unsigned allowed) {
    slow.function_level_reset();
    slow.set_up_function();
    slow.set_wq(0, 16, 0x10001111);
    slow.set_group(0, 0x1, 0x1);
    slow.write(0x628, std::uint64_t{allowed} << 20, 8);
    slow.write(0x80, 0x1060);
    EXPECT_EQ(slow.command(1), 0u);
    EXPECT_EQ(slow.command(6, 0), 0u);
    std::fill_n(slow.host.memory.begin() + kRecordAt, 32, std::byte{0});
    slow.movdir(kQueue0, Work::move(0x400000, kOutAt, 0x10000, kRecordAt));
    unsigned waited = 0;
    while (slow.host.byte(kRecordAt) == 0 && waited < 100'000) {
      slow.run(100);
      waited += 100;
    }
    EXPECT_EQ(slow.host.record(kRecordAt), kGood);
    return waited;
  };
  EXPECT_GE(cycles(4), 31'000u) << "32 times 2 KiB, each of which takes 1000 cycles";
  EXPECT_LT(cycles(96), 10'000u) << "and it is the limit that slows it";
  EXPECT_EQ(slow.assertion(), "");
}

TEST_F(IsolationTest, BusMasterOffUnderLoadSilencesAndFlrRecovers) {  // SIOV-D-07, 1.4, 6
  for (unsigned n = 0; n < 16; ++n) {
    b.movdir(kQueue0, Work::move(kCountAt, kAggressorOut, 0x4000, kAggressorRecords));
    b.movdir(kVictimQueue, victim_job(n));
  }
  b.run(50);
  b.set_config(0x04, 0x0002, 2);
  EXPECT_EQ(b.read(0x90), 0x7u);
  const std::size_t mark = b.host.seen.size();
  b.run(20'000);
  EXPECT_EQ(b.host.seen.size(), mark);
  const unsigned done = recorded(16);
  b.function_level_reset();
  SetUp();
  EXPECT_EQ(recorded(16), done) << "lost work is lost";
  for (unsigned n = 0; n < 16; ++n) b.movdir(kVictimQueue, victim_job(n));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(recorded(16), 16u);
}

}  // namespace
}  // namespace siov::test
