// SPDX-License-Identifier: Apache-2.0
// Pages written by device DMA, as the second stage's dirty bits tell: SIOV-P-19, SIOV-H-43.
#include "vdcm/dirty_log.hpp"

#include <gtest/gtest.h>

#include <set>

#include "abi/little_endian.hpp"
#include "common/error.hpp"
#include "driver_rig.hpp"
#include "guest/interrupt_controller.hpp"
#include "vdcm/driver_error.hpp"
#include "vdev_rig.hpp"

namespace siov::test {
namespace {

using vdcm::TranslationKind;

coro::Task<> enable(vdcm::DirtyLog& log) { co_await log.enable(); }
coro::Task<std::vector<vdcm::DirtyPage>> collect(vdcm::DirtyLog& log) {
  co_return co_await log.collect();
}
coro::Task<> disable(vdcm::DirtyLog& log) { co_await log.disable(); }
coro::Task<> unbind(vdcm::Vdcm& vdcm, vdcm::VmId vm) { co_await vdcm.unbind_pasid(vm, Pasid{7}); }

std::set<std::uint64_t> addresses(const std::vector<vdcm::DirtyPage>& pages) {
  std::set<std::uint64_t> out;
  for (const vdcm::DirtyPage& page : pages) {
    for (std::uint64_t at = 0; at < page.bytes; at += 4096) out.insert(page.address.value + at);
  }
  return out;
}

/// A VDEV on guest-physical space or on a nested one, with a monitor of what its DMA writes.
struct Tracked : Rig {
  explicit Tracked(TranslationKind kind = TranslationKind::kSecondStage,
                   std::uint64_t page_bytes = 4096)
      : machine(memory, frames, machine_config(page_bytes)), space(machine, space_config(kind)) {
    start();
    vm = vdcm.create_vm();
    vdcm.bind_pasid(vm, Pasid{7}, space.descriptor());
    vdev = &create(vm, 1, space.descriptor(), &interrupts);
    log.emplace(std::vector<vdcm::IommuDriver*>{&iommu_driver}, memory, machine.second_stage_root(),
                machine.second_stage_levels());
    tap.on_request = [this](const port::DmaRequest& r, bool write) {
      if (!write || r.address.value >> 20 == 0xFEE) return;
      const Hpa host = space.host_address(r.address);
      written.insert(guest_of(host));
    };
  }
  static guest::MachineConfig machine_config(std::uint64_t page_bytes) {
    guest::MachineConfig config;
    config.page_bytes = page_bytes;
    config.guest_bytes = 16 << 20;
    return config;
  }
  static guest::AddressSpaceConfig space_config(TranslationKind kind) {
    guest::AddressSpaceConfig config;
    config.kind = kind;
    return config;
  }
  std::uint64_t guest_of(Hpa host) {
    const std::uint64_t bytes = machine.page_bytes();
    for (const memory::GuestPage& page : machine.guest_memory().pages()) {
      if (host.value - page.host.value < bytes)
        return page.guest.value + (host.value - page.host.value) / 4096 * 4096;
    }
    ADD_FAILURE() << "DMA outside guest memory";
    return 0;
  }
  /// What was written since the last call, and what the log says of it.
  std::set<std::uint64_t> take_written() { return std::exchange(written, {}); }

  guest::Machine machine;
  guest::AddressSpace space;
  guest::InterruptController interrupts;
  vdcm::VmId vm = 0;
  vdcm::Vdev* vdev = nullptr;
  std::optional<vdcm::DirtyLog> log;
  std::set<std::uint64_t> written;
};

struct Round {
  std::set<std::uint64_t> monitor;
  std::set<std::uint64_t> log;
};

coro::Task<> collect_now_and_then(Tracked& rig, std::vector<Round>& rounds, bool& stop) {
  while (!stop) {
    co_await coro::Timer(coro::us(5));
    Round round;
    round.monitor = rig.take_written();
    round.log = addresses(co_await rig.log->collect());
    rounds.push_back(std::move(round));
  }
}

coro::Task<> play(Tracked& rig, std::vector<Round>& rounds) {
  guest::DriverOptions options;
  options.interrupts = &rig.interrupts;
  options.pasid = Pasid{7};
  guest::DsaDriver driver(*rig.vdev, rig.space, options);
  guest::MixConfig mix;
  mix.operations = 150;
  mix.interrupt_permille = 300;
  guest::RandomSource source(3, mix);
  guest::WorkloadConfig config;
  config.window = 6;
  guest::Workload workload(driver, rig.space, source, config);
  co_await driver.probe();
  co_await driver.enable();
  co_await rig.log->enable();
  rig.written.clear();
  bool stop = false;
  coro::JoinHandle collector =
      coro::start_soon(collect_now_and_then(rig, rounds, stop), "dirty page collector");
  co_await workload.run();
  co_await driver.drain();
  stop = true;
  co_await collector;
  EXPECT_EQ(workload.result().mismatches, 0u);
}

TEST(DirtyLogTest, EachRoundHoldsThePagesTheDeviceWroteAndNoOthers) {  // SIOV-P-19
  Tracked rig;
  std::vector<Round> rounds;
  rig.run(play(rig, rounds));
  ASSERT_GT(rounds.size(), 3u);
  std::size_t pages = 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    EXPECT_EQ(rounds[i].log, rounds[i].monitor) << "round " << i;
    pages += rounds[i].log.size();
  }
  EXPECT_GT(pages, 50u);
}

TEST(DirtyLogTest, NestedSpacesAddOnlyTheirOwnTables) {  // SIOV-P-19; vtd.md 3.3
  Tracked rig(TranslationKind::kNested);
  std::vector<Round> rounds;
  rig.run(play(rig, rounds));
  ASSERT_GT(rounds.size(), 3u);
  std::set<std::uint64_t> data;  // guest pages of buffers
  for (const Round& round : rounds) data.insert(round.monitor.begin(), round.monitor.end());
  std::size_t tables = 0;
  for (const Round& round : rounds) {
    for (const std::uint64_t page : round.monitor) EXPECT_TRUE(round.log.contains(page)) << page;
    for (const std::uint64_t page : round.log) {
      if (round.monitor.contains(page)) continue;
      EXPECT_FALSE(data.contains(page)) << "a buffer that was not written";
      ++tables;  // accessed and dirty bits of the first stage
    }
  }
  EXPECT_GT(tables, 0u);
}

/// One copy through a dedicated queue: 64 bytes and a record.
struct OneCopy {
  explicit OneCopy(std::uint8_t wq = 0) : v(rig, wq) {
    v.bring_up();
    log.emplace(std::vector<vdcm::IommuDriver*>{&rig.iommu_driver}, rig.memory,
                v.machine.second_stage_root(), 4);
    record = v.space.allocate(32);
    line = v.copy_line(7, record);
    destination = Iova{abi::load_le(std::span(line).subspan(24), 8)};
  }
  void copy() {
    v.space.fill(record, 32, std::byte{0});
    v.vdev->posted_write64(0, line);
    rig.run(pause(5000));
    ASSERT_EQ(v.space.page_tail(record)[0], std::byte{1});
  }
  std::set<std::uint64_t> expected() const {
    return {record.value / 4096 * 4096, destination.value / 4096 * 4096};
  }
  std::set<std::uint64_t> take() { return addresses(rig.run(collect(*log))); }

  struct Started : Rig {
    Started() { start(); }
  } rig;
  VdevRig v;
  std::optional<vdcm::DirtyLog> log;
  Iova record;
  Iova destination;
  port::Line line{};
};

TEST(DirtyLogTest, DestinationAndCompletionRecordAreReported) {  // SIOV-H-43
  OneCopy one;
  one.copy();  // before: not logged, but its translations are cached as writable
  one.rig.run(enable(*one.log));
  EXPECT_TRUE(one.take().empty());
  for (int i = 0; i < 3; ++i) {
    one.copy();
    EXPECT_EQ(one.take(), one.expected()) << i;
    EXPECT_TRUE(one.take().empty());
  }
  one.rig.run(disable(*one.log));
  one.copy();
  one.rig.run(enable(*one.log));
  EXPECT_TRUE(one.take().empty()) << "what was written while the log was off";
}

TEST(DirtyLogTest, WithoutInvalidationPagesAreMissed) {  // shows that the test above can fail
  OneCopy one;
  one.rig.run(enable(*one.log));
  one.copy();
  one.rig.iommu_driver.mistakes().skip_iotlb = true;
  EXPECT_EQ(one.take(), one.expected());
  one.copy();
  EXPECT_TRUE(one.take().empty());
}

TEST(DirtyLogTest, WithoutPasidCacheInvalidationNothingIsLogged) {  // vtd.md 5.6
  OneCopy one;
  one.copy();
  one.rig.iommu_driver.mistakes().skip_pasid_cache = true;
  one.rig.run(enable(*one.log));
  one.copy();
  EXPECT_TRUE(one.take().empty());
}

TEST(DirtyLogTest, PasidsBoundLaterAreTracked) {
  OneCopy one;
  one.rig.run(enable(*one.log));
  one.rig.run(unbind(one.rig.vdcm, one.v.vm));
  one.rig.vdcm.bind_pasid(one.v.vm, Pasid{7}, one.v.space.descriptor());
  one.v.enable_pci(kAllPci);  // losing its PASID has reset the VDEV
  one.v.set_wq_pasid(7);
  ASSERT_EQ(one.v.command(1, 0), 0u);
  ASSERT_EQ(one.v.command(6, 0), 0u);
  one.copy();
  EXPECT_EQ(one.take(), one.expected());
}

TEST(DirtyLogTest, LargeLeavesAreReportedWhole) {
  Tracked rig(TranslationKind::kSecondStage, 2 << 20);
  std::vector<Round> rounds;
  rig.run(play(rig, rounds));
  std::size_t leaves = 0;
  for (const Round& round : rounds) {
    std::set<std::uint64_t> expected;
    for (const std::uint64_t page : round.monitor) {
      for (std::uint64_t at = 0; at < (2 << 20); at += 4096)
        expected.insert(page / (2 << 20) * (2 << 20) + at);
    }
    EXPECT_EQ(round.log, expected);
    leaves += round.log.size() / 512;
  }
  EXPECT_GT(leaves, 2u);
}

TEST(DirtyLogTest, ALeafThatLeavesTheTablesIsNotForgotten) {
  OneCopy one;
  one.rig.run(enable(*one.log));
  one.log->unmapped(Gpa{0x5000}, 4096, 0x0000'0000'1234'5203);  // R, W, D
  one.log->unmapped(Gpa{0x6000}, 4096, 0x0000'0000'1234'6103);  // R, W, A
  one.log->unmapped(Gpa{0x7000}, 4096, 0x0000'0000'1234'7200);  // not present
  EXPECT_EQ(one.take(), (std::set<std::uint64_t>{0x5000}));
  EXPECT_TRUE(one.take().empty());
}

TEST(DirtyLogTest, MisuseIsRefused) {
  OneCopy one;
  EXPECT_THROW(one.take(), HarnessError);
  EXPECT_THROW(one.rig.run(disable(*one.log)), HarnessError);
  one.rig.run(enable(*one.log));
  EXPECT_THROW(one.rig.run(enable(*one.log)), HarnessError);
  EXPECT_THROW(vdcm::DirtyLog({}, one.rig.memory, Hpa{0x1000}, 4), HarnessError);
  EXPECT_THROW(vdcm::DirtyLog({&one.rig.iommu_driver}, one.rig.memory, Hpa{}, 4), HarnessError);
}

// ---- with a device TLB

namespace ats = vdcm::test;

struct DeviceTlbRig {
  explicit DeviceTlbRig(const iommu::IommuConfig& config = {})
      : rig({.device_tlb = true}, config), second(rig.host, 4) {
    second.map(Gpa{0x1000}, rig.frame, iommu::tables::PageSize::k4K);
    second.map(Gpa{0x2000}, rig.moved, iommu::tables::PageSize::k4K);
    rig.driver.bind(ats::kFirst, vdcm::Space::second_stage(second.root(), 4));
    log.emplace(std::vector<vdcm::IommuDriver*>{&rig.driver}, rig.memory, second.root(), 4);
  }
  std::set<std::uint64_t> take() {
    std::set<std::uint64_t> out;
    rig.run(take_into(*log, out));
    return out;
  }
  static coro::Task<> take_into(vdcm::DirtyLog& from, std::set<std::uint64_t>& out) {
    out = addresses(co_await from.collect());
  }
  ats::DriverRig rig;
  iommu::tables::SecondStageTable second;
  std::optional<vdcm::DirtyLog> log;
};

TEST(DirtyLogTest, DeviceTlbIsInvalidatedSoThatWritesAreSeenAgain) {  // SIOV-P-19; vtd.md 5.6
  DeviceTlbRig tlb;
  EXPECT_TRUE(tlb.rig.device.use(ats::kFirst, Iova{0x1000}));
  tlb.rig.run(enable(*tlb.log));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(tlb.rig.device.use(ats::kFirst, Iova{0x1000}));
    EXPECT_EQ(tlb.take(), (std::set<std::uint64_t>{0x1000}));
  }
  EXPECT_TRUE(tlb.take().empty());
  EXPECT_TRUE(tlb.rig.device.use(ats::kFirst, Iova{0x2000}));
  tlb.rig.driver.mistakes().skip_device_tlb = true;
  EXPECT_EQ(tlb.take(), (std::set<std::uint64_t>{0x2000}));
  EXPECT_TRUE(tlb.rig.device.use(ats::kFirst, Iova{0x2000}));  // from its own cache
  EXPECT_TRUE(tlb.take().empty()) << "the mistake makes a hole";
}

TEST(DirtyLogTest, UnitWithoutDirtyBitsIsRefused) {
  iommu::IommuConfig config;
  config.second_stage_dirty = false;
  DeviceTlbRig tlb(config);
  EXPECT_THROW(tlb.rig.run(enable(*tlb.log)), vdcm::DriverError);
  EXPECT_FALSE(tlb.log->enabled());
}

}  // namespace
}  // namespace siov::test
