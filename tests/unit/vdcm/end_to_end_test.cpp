// SPDX-License-Identifier: Apache-2.0
// Guest workloads over VDEVs on the reference device, with each kind of translation; and a workload
// that meets a bad device.
#include <gtest/gtest.h>

#include "guest/interrupt_controller.hpp"
#include "rig.hpp"

namespace siov::test {
namespace {

using vdcm::TranslationKind;

struct Case {
  const char* name;
  TranslationKind kind;
  std::uint8_t wq;  ///< 0, 1 dedicated; 2 shared
  bool pasid;       ///< the guest uses a PASID of its own
  std::uint8_t levels;
  std::uint64_t page_bytes;
};

class EndToEndTest : public testing::TestWithParam<Case> {};

coro::Task<> play(guest::DsaDriver& driver, guest::Workload& workload) {
  co_await driver.probe();
  co_await driver.enable();
  co_await workload.run();
  co_await driver.drain();
  co_await driver.disable();
}

guest::AddressSpaceConfig space_config(TranslationKind kind, std::uint8_t levels,
                                       std::uint64_t page_bytes) {
  guest::AddressSpaceConfig config;
  config.kind = kind;
  config.levels = levels;
  config.page_bytes = page_bytes;
  return config;
}

TEST_P(EndToEndTest, EveryByteOfAMixedWorkloadIsRight) {
  const Case& c = GetParam();
  Rig rig;
  rig.start();
  guest::MachineConfig machine_config;
  machine_config.second_stage_levels = c.levels;
  guest::Machine machine(rig.memory, rig.frames, machine_config);
  guest::AddressSpace space(machine, space_config(c.kind, c.levels, c.page_bytes));
  guest::InterruptController interrupts;
  const vdcm::VmId vm = rig.vdcm.create_vm();
  vdcm::Vdev& vdev = rig.create(vm, c.wq, space.descriptor(), &interrupts);
  guest::DriverOptions options;
  options.interrupts = &interrupts;
  if (c.pasid) {
    options.pasid = Pasid{7};
    rig.vdcm.bind_pasid(vm, Pasid{7}, space.descriptor());
  }
  const Pasid expected = c.pasid ? *rig.vdcm.host_pasid(vm, Pasid{7}) : vdev.default_pasid();
  std::uint64_t foreign = 0;
  std::uint64_t requests = 0;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    const bool interrupt = r.address.value >> 20 == 0xFEE;
    ++requests;
    if (r.pasid != (interrupt ? std::nullopt : std::optional(expected))) ++foreign;
  };

  guest::DsaDriver driver(vdev, space, options);
  guest::MixConfig mix;
  mix.operations = 300;
  mix.interrupt_permille = 300;
  guest::RandomSource source(11, mix);
  guest::WorkloadConfig config;
  config.window = 12;
  guest::Workload workload(driver, space, source, config);
  rig.run(play(driver, workload));

  const guest::WorkloadResult& result = workload.result();
  EXPECT_EQ(result.operations, 300u);
  EXPECT_EQ(result.mismatches, 0u) << (result.first.empty() ? "" : result.first[0].what);
  EXPECT_GT(result.interrupts_asked, 40u);
  EXPECT_EQ(driver.completion_interrupts(), result.interrupts_asked);
  EXPECT_EQ(driver.outstanding(), 0u);
  EXPECT_GT(requests, 300u);
  EXPECT_EQ(foreign, 0u);  // SIOV-D-22, SIOV-H-19: all DMA tagged with the host PASID
  EXPECT_EQ(rig.iommu.statistics().faults, 0u);
  EXPECT_TRUE(rig.device.idle());
  for (const Recorder::Portal& p : rig.recorder.portals) {
    EXPECT_EQ(p.offset >> 13 & 1, 1u);  // SIOV-H-08: IMS flavour
    EXPECT_EQ(p.offset >> 14, c.wq);
    EXPECT_EQ(p.deferrable, c.wq == 2);
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllTranslations, EndToEndTest,
    testing::Values(Case{"SecondStageDefaultPasid", TranslationKind::kSecondStage, 0, false, 4,
                         4096},
                    Case{"SecondStageGuestPasid", TranslationKind::kSecondStage, 1, true, 5, 4096},
                    Case{"FirstStage4Level", TranslationKind::kFirstStage, 0, true, 4, 4096},
                    Case{"FirstStage5Level2M", TranslationKind::kFirstStage, 0, true, 5, 2 << 20},
                    Case{"FirstStageDefaultPasid", TranslationKind::kFirstStage, 1, false, 4, 4096},
                    Case{"Nested4Level", TranslationKind::kNested, 0, true, 4, 4096},
                    Case{"Nested5Level", TranslationKind::kNested, 1, true, 5, 4096},
                    Case{"PassThrough", TranslationKind::kPassThrough, 0, false, 4, 4096},
                    Case{"SharedNested", TranslationKind::kNested, 2, true, 4, 4096},
                    Case{"SharedSecondStage", TranslationKind::kSecondStage, 2, true, 4, 4096},
                    Case{"SharedFirstStage", TranslationKind::kFirstStage, 2, true, 4, 4096},
                    Case{"SharedPassThrough", TranslationKind::kPassThrough, 2, true, 4, 4096}),
    [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

TEST(WorkloadTest, CorruptedByteIsReportedWithItsPlace) {
  Rig rig;
  rig.start();
  guest::Machine machine(rig.memory, rig.frames);
  guest::AddressSpace space(machine, space_config(TranslationKind::kSecondStage, 4, 4096));
  const vdcm::VmId vm = rig.vdcm.create_vm();
  vdcm::Vdev& vdev = rig.create(vm, 0, space.descriptor());
  int data_writes = 0;
  rig.tap.corrupt = [&](const port::DmaRequest& r, std::vector<std::byte>& data) {
    if (r.pasid && data.size() == 100 && ++data_writes == 2) data[10] ^= std::byte{0x40};
  };
  std::vector<guest::Operation> operations(4);
  for (guest::Operation& o : operations) o.bytes = 100;
  guest::VectorSource source(operations);
  guest::DsaDriver driver(vdev, space);
  guest::WorkloadConfig config;
  config.window = 1;
  guest::Workload workload(driver, space, source, config);
  rig.run(play(driver, workload));
  ASSERT_EQ(workload.result().mismatches, 1u);
  EXPECT_EQ(workload.result().first[0].operation, 1u);
  // Offsets count from the 64 guard bytes before the destination.
  EXPECT_NE(workload.result().first[0].what.find("offset 74 of 228"), std::string::npos)
      << workload.result().first[0].what;
}

TEST(WorkloadTest, WriteOutsideTheDestinationIsReported) {
  Rig rig;
  rig.start();
  guest::Machine machine(rig.memory, rig.frames);
  guest::AddressSpace space(machine, space_config(TranslationKind::kSecondStage, 4, 4096));
  const vdcm::VmId vm = rig.vdcm.create_vm();
  vdcm::Vdev& vdev = rig.create(vm, 0, space.descriptor());
  rig.tap.corrupt = [&](const port::DmaRequest& r, std::vector<std::byte>& data) {
    if (r.pasid && data.size() == 100) data.push_back(std::byte{0x5A});
  };
  std::vector<guest::Operation> operations(1);
  operations[0].bytes = 100;
  guest::VectorSource source(operations);
  guest::DsaDriver driver(vdev, space);
  guest::Workload workload(driver, space, source, guest::WorkloadConfig{});
  rig.run(play(driver, workload));
  ASSERT_EQ(workload.result().mismatches, 1u);
  EXPECT_NE(workload.result().first[0].what.find("(offset 164 of 228) is 0x5a"), std::string::npos)
      << "the first of the guard bytes after 64 + 100";
}

coro::Task<> play_both(guest::DsaDriver& a, guest::Workload& wa, guest::DsaDriver& b,
                       guest::Workload& wb) {
  const coro::JoinHandle first = coro::start_soon(play(a, wa));
  const coro::JoinHandle second = coro::start_soon(play(b, wb));
  co_await first;
  co_await second;
}

TEST(SharedQueueTest,
     TwoVmsWithOneGuestPasidAndRetriesStayApart) {  // SIOV-H-22, SIOV-D-57, SIOV-D-58
  vdcm::HostConfig host = default_host();
  host.groups = {vdcm::GroupConfig{0x1, 0, 0}};
  host.wqs[2] = vdcm::WqConfig::shared(16, 0, 4);
  Rig rig(host);
  rig.start();
  struct Side {
    explicit Side(Rig& rig)
        : machine(rig.memory, rig.frames),
          space(machine, space_config(TranslationKind::kNested, 4, 4096)) {
      vm = rig.vdcm.create_vm();
      vdev = &rig.create(vm, 2, space.descriptor());
      rig.vdcm.bind_pasid(vm, Pasid{101}, space.descriptor());
      guest::DriverOptions options;
      options.pasid = Pasid{101};
      driver = std::make_unique<guest::DsaDriver>(*vdev, space, options);
      guest::MixConfig mix;
      mix.operations = 200;
      mix.interrupt_permille = 0;
      source = std::make_unique<guest::RandomSource>(vm + 1, mix);
      workload =
          std::make_unique<guest::Workload>(*driver, space, *source, guest::WorkloadConfig{});
    }
    guest::Machine machine;
    guest::AddressSpace space;
    vdcm::VmId vm = 0;
    vdcm::Vdev* vdev = nullptr;
    std::unique_ptr<guest::DsaDriver> driver;
    std::unique_ptr<guest::RandomSource> source;
    std::unique_ptr<guest::Workload> workload;
  };
  Side a(rig);
  Side b(rig);
  EXPECT_NE(rig.vdcm.host_pasid(a.vm, Pasid{101}), rig.vdcm.host_pasid(b.vm, Pasid{101}));
  rig.run(play_both(*a.driver, *a.workload, *b.driver, *b.workload));
  EXPECT_EQ(a.workload->result().operations + b.workload->result().operations, 400u);
  EXPECT_EQ(a.workload->result().mismatches + b.workload->result().mismatches, 0u);
  EXPECT_GT(a.driver->retries() + b.driver->retries(), 0u);
  for (const Recorder::Portal& p : rig.recorder.portals) {
    const std::uint32_t pasid = std::to_integer<std::uint32_t>(p.line[0]) |
                                std::to_integer<std::uint32_t>(p.line[1]) << 8 |
                                (std::to_integer<std::uint32_t>(p.line[2]) & 0xF) << 16;
    EXPECT_NE(pasid, 101u);                 // SIOV-H-20: no guest PASID on the wire
    EXPECT_EQ(p.offset & 0x1000, 0x1000u);  // limited page only
  }
}

}  // namespace
}  // namespace siov::test
