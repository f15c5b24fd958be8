// SPDX-License-Identifier: Apache-2.0
// A guest's remapping unit: registers from a monitor, tables as vtd.md 2 has them, byte by byte.
#include "attach/guest_unit.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "coro/scheduler.hpp"
#include "fake_monitor.hpp"

namespace siov::attach::test {
namespace {

constexpr std::uint32_t kOn = 0x8000'0000;     // GSTS.TES
constexpr std::uint32_t kQueue = 0x0400'0000;  // GSTS.QIES
constexpr std::uint64_t kScalable = 0x400;     // RTADDR.TTM

class GuestUnitTest : public testing::Test {
 protected:
  GuestUnitTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "siov-unit-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    qemu.emplace(directory_ + "/qmp");
    unit.emplace(context, directory_ + "/qmp", RequesterId{0x0020}, reader());
  }
  ~GuestUnitTest() override {
    scheduler.cancel_all();
    unit.reset();
    qemu.reset();
    std::filesystem::remove_all(directory_);
  }
  GuestReader reader() {
    return [this](Gpa address, std::span<std::byte> out) {
      if (address.value > memory.size() || out.size() > memory.size() - address.value) return false;
      std::memcpy(out.data(), memory.data() + address.value, out.size());
      return true;
    };
  }
  void put(std::uint64_t address, std::uint64_t value) {
    std::memcpy(memory.data() + address, &value, 8);
  }
  static coro::Task<> into(GuestUnit& from, std::optional<GuestUnit::Look>& out) {
    out = co_await from.look();
  }
  void start() {
    seen.reset();
    scheduler.start_soon(into(*unit, seen));
  }
  void settle() {
    for (int i = 0; i < 30; ++i) {
      if (qemu) qemu->serve();
      context.restart();
      context.poll();
      scheduler.run_cycles(4);
    }
  }
  GuestUnit::Look look() {
    start();
    settle();
    EXPECT_TRUE(seen.has_value());
    return seen.value_or(GuestUnit::Look{});
  }
  /// Root at 1000h, context at 2000h, directory at 3000h, table of PASIDs 0..63 at 4000h.
  void tables() {
    put(0x1000, 0x2001);          // bus 0, lower half
    put(0x2000 + 0x400, 0x3009);  // 00:04.0: present, PASIDs allowed, 128 directory entries
    put(0x3000, 0x4001);
    put(0x4000 + 2 * 64, 0x41);  // PASID 2: first stage
    put(0x4000 + 2 * 64 + 8, 0x1);
    put(0x4000 + 2 * 64 + 16, 0x7000);
    registers.root = 0x1000 | kScalable;
    registers.status = kOn;
  }
  std::string directory_;
  std::vector<std::byte> memory = std::vector<std::byte>(0x80000);
  boost::asio::io_context context;
  coro::Scheduler scheduler;
  std::optional<FakeMonitor> qemu;
  std::optional<GuestUnit> unit;
  std::optional<GuestUnit::Look> seen;
  UnitRegisters registers;
};

TEST_F(GuestUnitTest, WithoutMonitorThereIsNone) {
  GuestUnit none(context, "", RequesterId{0x20}, reader());
  EXPECT_FALSE(none.present());
  std::optional<GuestUnit::Look> out;
  scheduler.start_soon(into(none, out));
  scheduler.run_cycles(2);
  ASSERT_TRUE(out);
  EXPECT_FALSE(out->there);
  EXPECT_FALSE(out->answered);
}

TEST_F(GuestUnitTest, RegistersComeFromTheMonitor) {
  qemu->set_status(kOn | kQueue);
  qemu->set_root(0x1000 | kScalable);
  qemu->set_queue(0x8000 | 0x800);
  qemu->set_tail(0x40);
  const GuestUnit::Look now = look();
  EXPECT_TRUE(now.there);
  EXPECT_TRUE(now.answered);
  EXPECT_EQ(now.registers.status, kOn | kQueue);
  EXPECT_EQ(now.registers.root, 0x1400U);
  EXPECT_EQ(now.registers.iq_base, 0x8800U);
  EXPECT_EQ(now.registers.iq_tail, 0x40U);
  EXPECT_TRUE(now.invalidations.lost);  // the first look
  EXPECT_TRUE(unit->translating());
  EXPECT_FALSE(look().invalidations.lost);
}

TEST_F(GuestUnitTest, UntilTheGuestHasARootTableNothingIsThere) {
  EXPECT_FALSE(look().there);
  EXPECT_FALSE(unit->translating());
}

TEST_F(GuestUnitTest, DescriptorsAreReadWhileTheQueueIsOn) {
  qemu->set_status(kOn | kQueue);
  qemu->set_root(0x1400);
  qemu->set_queue(0x8000);
  static_cast<void>(look());
  put(0x8000, 0x12);
  qemu->set_tail(16);
  EXPECT_EQ(look().invalidations.descriptors.size(), 1U);
  put(0x8010, 0x12);
  qemu->set_tail(32);
  qemu->set_status(kOn);
  EXPECT_TRUE(look().invalidations.descriptors.empty());
  qemu->set_status(kOn | kQueue);
  EXPECT_TRUE(look().invalidations.lost);  // who knows what has been since
}

TEST_F(GuestUnitTest, PatienceEndsALook) {
  qemu->set_status(kOn | kQueue);
  qemu->set_root(0x1400);
  qemu->set_queue(0x8000);
  static_cast<void>(look());
  qemu->answer = false;
  qemu->set_root(0x5400);
  start();
  settle();
  EXPECT_FALSE(seen);
  EXPECT_TRUE(unit->waiting());
  unit->check_patience(std::chrono::steady_clock::now());
  settle();
  EXPECT_FALSE(seen);  // not yet
  unit->check_patience(std::chrono::steady_clock::now() + std::chrono::seconds(1));
  settle();
  ASSERT_TRUE(seen);
  EXPECT_FALSE(unit->waiting());
  EXPECT_FALSE(seen->answered);
  EXPECT_TRUE(seen->there);
  EXPECT_EQ(seen->registers.root, 0x1400U);  // as known
  EXPECT_TRUE(seen->invalidations.lost);
}

TEST_F(GuestUnitTest, VanishingEndsALook) {
  static_cast<void>(look());
  qemu->answer = false;
  start();
  settle();
  qemu.reset();
  settle();
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->answered);
}

/// The answer of a guest that is gone says nothing about the next one.
TEST_F(GuestUnitTest, AnswerAndEndAtTheSameTime) {
  qemu->set_root(0x1400);
  qemu->set_status(kOn);
  static_cast<void>(look());
  start();
  scheduler.run_cycles(2);
  for (int i = 0; i < 20; ++i) {  // the answer is there, the coroutine has not gone on
    qemu->serve();
    context.restart();
    context.poll();
  }
  unit->forget();
  settle();
  ASSERT_TRUE(seen);
  EXPECT_FALSE(unit->current(*seen));
  EXPECT_FALSE(seen->there);
  EXPECT_FALSE(unit->translating());
  EXPECT_EQ(unit->registers(), UnitRegisters{});
  const GuestUnit::Look next = look();
  EXPECT_TRUE(unit->current(next));
  EXPECT_TRUE(next.there);
}

TEST_F(GuestUnitTest, PasidTable) {
  tables();
  const std::vector<GuestPasid> found = unit->pasids(registers);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pasid, Pasid{2});
  EXPECT_EQ(found[0].kind(), 1U);
  EXPECT_TRUE(found[0].supported());
  EXPECT_EQ(found[0].first_stage_root(), Gpa{0x7000});
  EXPECT_EQ(found[0].first_stage_levels(), 4);
}

TEST_F(GuestUnitTest, KindsOfEntries) {
  const auto entry = [](std::uint64_t low, std::uint64_t third) {
    GuestPasid pasid;
    pasid.entry = {low, 0, third, 0, 0, 0, 0, 0};
    return pasid;
  };
  EXPECT_EQ(entry(0x41, 0x7004).first_stage_levels(), 5);  // FSPM 01
  EXPECT_TRUE(entry(0x41, 0x7004).supported());
  EXPECT_FALSE(entry(0x41, 0x7008).supported());  // FSPM 10
  EXPECT_FALSE(entry(0x41, 0x700C).supported());
  EXPECT_FALSE(entry(0x81, 0).supported());   // second stage
  EXPECT_FALSE(entry(0xC1, 0).supported());   // nested
  EXPECT_TRUE(entry(0x101, 0).supported());   // pass-through
  EXPECT_FALSE(entry(0x01, 0).supported());   // 000
  EXPECT_FALSE(entry(0x1C1, 0).supported());  // 111
}

TEST_F(GuestUnitTest, UpperHalfAndOtherBus) {
  tables();
  unit.emplace(context, directory_ + "/qmp", RequesterId{0x3A81}, reader());
  EXPECT_TRUE(unit->pasids(registers).empty());
  put(0x1000 + 0x3A * 16 + 8, 0x9001);  // bus 3Ah, devfn 128..255
  put(0x9000 + 1 * 32, 0x3009);         // devfn 81h
  EXPECT_EQ(unit->pasids(registers).size(), 1U);
}

TEST_F(GuestUnitTest, EveryPresentBitCounts) {
  for (const std::uint64_t at : {0x1000U, 0x2400U, 0x3000U, 0x4080U}) {
    tables();
    memory[at] &= std::byte{0xFE};
    EXPECT_TRUE(unit->pasids(registers).empty()) << at;
  }
  tables();
  put(0x2400, 0x3001);  // PASIDE 0
  EXPECT_TRUE(unit->pasids(registers).empty());
}

/// Legacy tables have other entries at these places.
TEST_F(GuestUnitTest, OnlyScalableModeHasPasids) {
  tables();
  for (const std::uint64_t mode : {0x0U, 0x800U, 0xC00U}) {
    registers.root = 0x1000 | mode;
    EXPECT_TRUE(unit->pasids(registers).empty()) << mode;
  }
}

TEST_F(GuestUnitTest, DeviceTlbIsABitOfTheContext) {
  tables();
  EXPECT_FALSE(unit->device_tlb(registers));
  put(0x2400, 0x300D);
  EXPECT_TRUE(unit->device_tlb(registers));
}

TEST_F(GuestUnitTest, SizeOfTheDirectory) {
  tables();
  put(0x10000 + 127 * 8, 0x4001);
  put(0x10000 + 128 * 8, 0x4001);
  put(0x2400, 0x10009);  // PDTS 0: 128 entries
  ASSERT_EQ(unit->pasids(registers).size(), 1U);
  EXPECT_EQ(unit->pasids(registers)[0].pasid, Pasid{127 * 64 + 2});
  put(0x2400, 0x10209);  // PDTS 1: 256
  ASSERT_EQ(unit->pasids(registers).size(), 2U);
  EXPECT_EQ(unit->pasids(registers)[1].pasid, Pasid{128 * 64 + 2});
}

TEST_F(GuestUnitTest, PointersOutsideMemory) {
  tables();
  registers.root = 0xFFFF'FFFF'FFFF'F000 | kScalable;
  EXPECT_TRUE(unit->pasids(registers).empty());
  tables();
  put(0x1000, 0x000F'FFFF'FFFF'F001);
  EXPECT_TRUE(unit->pasids(registers).empty());
  tables();
  put(0x2400, 0x000F'FFFF'FFFF'FE09);  // the largest directory
  EXPECT_TRUE(unit->pasids(registers).empty());
  tables();
  put(0x3000, 0x000F'FFFF'FFFF'F001);
  EXPECT_TRUE(unit->pasids(registers).empty());
}

TEST_F(GuestUnitTest, ADirectoryThatLeavesMemoryCountsAsFarAsItIsThere) {
  tables();
  put(0x7F000, 0x4001);
  put(0x2400, 0x7F209 | 0xE00);  // 128 KiB from 7F000h; memory ends at 80000h
  ASSERT_EQ(unit->pasids(registers).size(), 1U);
}

/// 2^20 PASIDs, all in one table that every directory entry names.
TEST_F(GuestUnitTest, AHugeTableIsCutOff) {
  tables();
  for (std::uint64_t i = 0; i < 64; ++i) put(0x4000 + 64 * i, 0x41);
  for (std::uint64_t d = 0; d < 16384; ++d) put(0x20000 + 8 * d, 0x4001);
  put(0x2400, 0x20E09);
  EXPECT_EQ(unit->pasids(registers).size(), 1025U);
}

}  // namespace
}  // namespace siov::attach::test
