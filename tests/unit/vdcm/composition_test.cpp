// SPDX-License-Identifier: Apache-2.0
// VDEVs of several queues, kinds and functions: what the guest sees, indexes, fan-out, vectors.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "vdev_rig.hpp"

namespace siov::test {
namespace {

using vdcm::QueueConfig;

struct Started : Rig {
  explicit Started(vdcm::HostConfig config = default_host()) : Rig(std::move(config)) { start(); }
};

vdcm::VdevConfig of_queues(std::vector<QueueConfig> queues, std::uint16_t vectors = 0) {
  vdcm::VdevConfig config;
  config.name = "composed";
  config.queues = std::move(queues);
  config.vectors = vectors;
  return config;
}

QueueConfig software(Rig& rig, bool dedicated = true) {
  vdcm::EmulatedQueueConfig config;
  config.dma = &rig.tap;
  config.dedicated = dedicated;
  return QueueConfig::software(config);
}

/// WQCAP, GRPCAP, ENGCAP, OPCAP, GENCAP of each type. GENCAP of the device: 0x835F2D07 with BOF,
/// EVL (14:13), IMS (30:25), configuration (31); of these none but BOF is shown, CMDCAP (4) is.
TEST(CompositionTest, CapabilitiesOfEachTypeOfVdev) {  // SIOV-H-12, SIOV-H-02
  vdcm::HostConfig host = default_host();
  host.groups = {vdcm::GroupConfig{0x7, 0, 0}, vdcm::GroupConfig{0x8, 0, 0}};
  host.wqs[1].group = 1;
  host.wqs[1].operations = 0x1D;  // no-op, drain, move, fill
  Started rig(host);
  struct Case {
    std::vector<QueueConfig> queues;
    std::uint64_t wqcap, engines, opcap, gencap;
  };
  const Case cases[] = {
      {{QueueConfig::physical(0)}, 0x0002'0000'0001'0010, 3, 0x1'003F'03FF, 0x015F'0D17},
      {{QueueConfig::physical(2)}, 0x0001'0000'0001'0010, 3, 0x1'003F'03FF, 0x015F'0D17},
      {{QueueConfig::physical(1)}, 0x0002'0000'0001'0008, 1, 0x1D, 0x015F'0D17},
      {{QueueConfig::physical(0), QueueConfig::physical(2)},
       0x0003'0000'0002'0020,
       3,
       0x1'003F'03FF,
       0x015F'0D17},
      {{QueueConfig::physical(2), QueueConfig::physical(1)},
       0x0003'0000'0002'0018,
       4,
       0x1D,
       0x015F'0D17},
      // Software: move up to 2^21, overlap; no batch.
      {{software(rig)}, 0x0002'0000'0001'0010, 1, 0x7D, 0x0015'0012},
      {{software(rig, false)}, 0x0001'0000'0001'0010, 1, 0x7D, 0x0015'0012},
      {{QueueConfig::physical(0), software(rig)}, 0x0002'0000'0002'0020, 4, 0x7D, 0x015F'0012},
  };
  for (const Case& c : cases) {
    VdevRig v(rig, of_queues(c.queues));
    v.config(0x04, 2, 2);
    EXPECT_EQ(v.read(0x00, 4), 0x100u);
    EXPECT_EQ(v.read(0x10, 8), c.gencap);
    EXPECT_EQ(v.read(0x20, 8), c.wqcap);
    EXPECT_EQ(v.read(0x30, 8), 1u);
    EXPECT_EQ(v.read(0x38, 8), c.engines);
    EXPECT_EQ(v.read(0x40, 8), c.opcap);
    EXPECT_EQ(v.read(0x48, 8), 0u);
    EXPECT_EQ(v.read(0x60, 8), 0x0000'0003'0005'0004u);
    EXPECT_EQ(v.read(0xB0, 4) & 0x7FFE, 0x7FFEu);
    EXPECT_EQ(v.read(0x400, 8), (1u << c.queues.size()) - 1);
    EXPECT_EQ(v.read(0x420, 8), (1u << c.engines) - 1);
    rig.run(rig.vdcm.destroy_vdev(*v.vdev));
  }
}

TEST(CompositionTest, ImsIsHiddenFromTheGuest) {  // SIOV-H-02, SIOV-H-28
  Started rig;
  ASSERT_TRUE(rig.host.has_ims());
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  v.config(0x42, 2, 0x8000);
  EXPECT_EQ(v.read(0x10, 8) >> 25 & 0x3F, 0u);             // GENCAP: no entries
  EXPECT_EQ(v.read(0x60, 8) >> 48, 0u);                    // OFFSETS: no table
  EXPECT_EQ(v.vdev->virtual_config().read(0x144, 4), 0u);  // DVSEC: no IMS
  EXPECT_EQ(v.command(13, 0x10001), 0x42u);
  EXPECT_EQ(v.command(14, 0x10001), 0x43u);
}

TEST(CompositionTest, MisuseIsRefusedWithItsReason) {  // SIOV-H-33, SIOV-H-34
  Started rig;
  VdevRig owner(rig, 0);
  const auto reason = [&](std::vector<QueueConfig> queues, std::uint16_t vectors = 0) {
    vdcm::VdevConfig config = of_queues(std::move(queues), vectors);
    config.vm = owner.vm;
    return rig.vdcm.refusal(config).value_or("");
  };
  EXPECT_EQ(reason({QueueConfig::physical(1), QueueConfig::physical(2)}), "");
  EXPECT_EQ(reason({QueueConfig::physical(0)}), "a dedicated work queue serves one VDEV only");
  EXPECT_EQ(reason({QueueConfig::physical(3)}), "VDEV on a work queue that is not configured");
  EXPECT_EQ(reason({QueueConfig::physical(1, 1)}), "a queue of an unknown function");
  EXPECT_EQ(reason({QueueConfig::physical(2), QueueConfig::physical(2)}),
            "a work queue is named twice");
  EXPECT_EQ(reason(std::vector<QueueConfig>(9, software(rig))), "a VDEV has at most 8 queues");
  EXPECT_EQ(reason({QueueConfig::physical(1)}, 1), "a VDEV has 2 to 64 vectors");
  EXPECT_EQ(reason({QueueConfig::physical(1)}, 65), "a VDEV has 2 to 64 vectors");
  EXPECT_NE(reason({QueueConfig::software({})}), "");
  vdcm::VdevConfig stranger;
  stranger.vm = 99;
  stranger.wq = 1;
  EXPECT_EQ(rig.vdcm.refusal(stranger).value_or(""), "VDEV for an unknown VM");
  EXPECT_THROW(rig.create(stranger), HarnessError);
  EXPECT_EQ(rig.vdcm.users(0), 1u);
  EXPECT_EQ(rig.vdcm.users(2), 0u);
}

/// Every operand bit of the queue commands against VDEVs of 1, 2 and 4 queues.
TEST(CompositionTest, IndexesAreCheckedAgainstTheNumberOfQueues) {  // SIOV-H-34; siov.md 3.8
  Started rig;
  for (const std::uint32_t count : {1u, 2u, 4u}) {
    VdevRig v(rig, of_queues(std::vector<QueueConfig>(count, software(rig))));
    v.bring_up();
    for (std::uint32_t index = 0; index < 300; ++index) {
      const std::uint32_t expected = index >= 256 ? 0x04 : (index >= count ? 0x02 : 0x21);
      EXPECT_EQ(v.command(6, index), expected) << count << " " << index;
    }
    for (std::uint32_t bit = 0; bit < 20; ++bit) {
      for (const std::uint32_t code : {8u, 9u}) {
        EXPECT_EQ(v.command(code, 1u << bit), bit < count ? 0u : 0x02u) << count << " " << bit;
        EXPECT_EQ(v.command(code, 1u | 1u << bit), bit < count ? 0u : 0x02u);
      }
      if (bit >= count) {
        EXPECT_EQ(v.command(7, 1u << bit), 0x02u);
        EXPECT_EQ(v.command(10, 1u << bit), 0x02u);
      }
    }
    // Only the queues of the mask change; one that is off fails the whole command.
    for (std::uint32_t q = 0; q < count; ++q) {
      EXPECT_EQ(v.command(7, 1u << q), 0u);
      for (std::uint32_t other = 0; other < count; ++other)
        EXPECT_EQ(v.read(0x518 + 32 * other, 4) >> 30, other <= q ? 0u : 1u);
      EXPECT_EQ(v.command(8, (1u << count) - 1), 0x32u);
    }
    rig.run(rig.vdcm.destroy_vdev(*v.vdev));
  }
}

TEST(CompositionTest, CommandReachesEveryBackingQueueBeforeItEnds) {  // SIOV-H-34
  Started rig;
  SecondFunction second(rig);
  VdevRig v(rig, of_queues({QueueConfig::physical(1), QueueConfig::physical(0, second.number),
                            QueueConfig::physical(2), software(rig)}));
  v.bring_up();
  rig.recorder.forget();
  second.recorder.forget();
  const std::uint32_t host = rig.vdcm.host_pasid(v.vm, Pasid{7})->value;
  using Commands = std::vector<std::uint32_t>;
  EXPECT_EQ(v.command(8, 0xF), 0u);  // Drain WQ
  EXPECT_EQ(rig.recorder.commands(), (Commands{8u << 20 | 2, 11u << 20 | host}));
  EXPECT_EQ(second.recorder.commands(), (Commands{8u << 20 | 1}));
  rig.recorder.forget();
  second.recorder.forget();
  EXPECT_EQ(v.command(10, 0x3), 0u);  // Reset WQ of the two dedicated ones
  EXPECT_EQ(rig.recorder.commands(), (Commands{9u << 20 | 2, 7u << 20 | 2}));
  EXPECT_EQ(second.recorder.commands(), (Commands{9u << 20 | 1, 7u << 20 | 1}));
  rig.recorder.forget();
  second.recorder.forget();
  EXPECT_EQ(v.command(8, 0x8), 0u);  // software only
  EXPECT_TRUE(rig.recorder.commands().empty());
  EXPECT_EQ(v.command(3, 0), 0u);  // Drain All: what is still enabled
  EXPECT_EQ(rig.recorder.commands(), (Commands{11u << 20 | host}));
  EXPECT_TRUE(second.recorder.commands().empty());
}

TEST(CompositionTest, QueuesOfTwoFunctionsShareHandlesAndPasid) {  // SIOV-H-34, SIOV-P-13
  Started rig;
  SecondFunction second(rig);
  // The first free entries differ: 2 here, 1 there.
  static_cast<void>(rig.run(rig.host.allocate_ims(Pasid{0x77}, [] {})));
  VdevRig v(rig, of_queues({QueueConfig::physical(0), QueueConfig::physical(1, second.number)}));
  v.bring_up();
  v.write(0x308, 4, 7u << 12 | 8);
  v.write(0x618, 8, 0x41);  // vector 1, unmasked
  v.config(0x42, 2, 0x8000);
  ASSERT_EQ(v.command(13, 1), 2u << 8);
  const std::uint32_t host = rig.vdcm.host_pasid(v.vm, Pasid{7})->value;
  for (model::DeviceModel* device : {&rig.device, &second.device})
    EXPECT_EQ(rig.run(read_control(*device, 0x402C, 4)), 8u | host << 12);
  EXPECT_EQ(rig.iommu_driver.bound_pasids(), second.iommu_driver.bound_pasids());
  int arrived = 0;
  v.interrupts.connect(0x41, [&] { ++arrived; });
  for (std::uint64_t portal : {0x1000u, 0x5000u}) {
    const Iova record = v.space.allocate(32);
    port::Line line = v.copy_line(0, record);
    line[4] = std::byte{0x1C};  // CRAV, RCR, RCI
    line[36] = std::byte{2};
    v.vdev->posted_write64(portal, line);
    rig.run(pause(3000));
    EXPECT_EQ(v.status(record), 1u) << portal;
  }
  EXPECT_EQ(arrived, 2);
  ASSERT_EQ(rig.recorder.portals.size(), 1u);
  EXPECT_EQ(rig.recorder.portals[0].offset, 0x3000u);  // WQ 0, limited, IMS
  ASSERT_EQ(second.recorder.portals.size(), 1u);
  EXPECT_EQ(second.recorder.portals[0].offset, 0x7000u);  // WQ 1
}

TEST(CompositionTest, OneGuestPasidIsOneHostPasidOnAllFunctions) {  // SIOV-P-13
  Started rig;
  SecondFunction second(rig);
  VdevRig a(rig, 2);
  vdcm::VdevConfig config = of_queues({QueueConfig::physical(2, second.number)});
  config.vm = a.vm;
  config.default_space = a.space.descriptor();
  vdcm::Vdev& b = rig.create(config);
  a.bring_up();
  rig.run(write_config(b, 0x126, 2, 1));
  rig.run(write_config(b, 0x106, 2, 0x8000));
  rig.run(write_config(b, 0x114, 2, 1));
  rig.run(write_config(b, 0x04, 2, 6));
  b.mmio_write(port::Bar::kControl, 0x508, 4, 0x1000'0700);
  ASSERT_EQ(rig.run(guest_command(b, 1, 0)), 0u);
  ASSERT_EQ(rig.run(guest_command(b, 6, 0)), 0u);
  for (vdcm::Vdev* vdev : {a.vdev, &b}) {
    const Iova record = a.space.allocate(32);
    const port::Line line = a.copy_line(7, record);
    EXPECT_EQ(rig.run(enqcmd(*vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
    rig.run(pause(3000));
    EXPECT_EQ(a.status(record), 1u);
  }
  const auto pasid_on_wire = [](const Recorder& recorder) {
    const port::Line& line = recorder.portals.at(0).line;
    return static_cast<std::uint32_t>(abi::load_le(line, 4)) & 0xFFFFF;
  };
  const std::uint32_t host = rig.vdcm.host_pasid(a.vm, Pasid{7})->value;
  EXPECT_EQ(pasid_on_wire(rig.recorder), host);
  EXPECT_EQ(pasid_on_wire(second.recorder), host);
  rig.run(rig.vdcm.unbind_pasid(a.vm, Pasid{7}));
  EXPECT_EQ(second.iommu_driver.bound_pasids(), 1u);  // the default one of b
}

TEST(CompositionTest, EachVectorHasItsEntryAndHandle) {  // SIOV-H-25
  Started rig;
  VdevRig v(rig, of_queues({QueueConfig::physical(0)}, 20));
  v.enable_pci(kAllPci);
  v.config(0x42, 2, 0x8000);
  for (std::uint32_t vector = 1; vector < 20; ++vector)
    EXPECT_EQ(v.command(13, vector), vector << 8) << vector;  // entries 1..19
  EXPECT_EQ(v.command(13, 0), 0x41u);
  EXPECT_EQ(v.command(13, 20), 0x41u);
  EXPECT_EQ(v.command(13, 0xFFFF), 0x41u);
  EXPECT_EQ(v.command(14, 7), 0u);
  EXPECT_EQ(v.command(14, 7), 0x43u);  // not granted any more
  // MSIXPERM of one vector changes its own entry only.
  rig.vdcm.bind_pasid(v.vm, Pasid{7}, v.space.descriptor());
  rig.recorder.forget();
  v.write(0x800 + 8 * 5, 4, 7u << 12 | 8);
  rig.run(pause(500));
  rig.run(v.vdev->settle());
  EXPECT_EQ(rig.recorder.writes_to(0x405C, 0x4060).size(), rig.recorder.writes.size());
  EXPECT_EQ(rig.run(read_control(rig.device, 0x405C, 4)),
            8u | rig.vdcm.host_pasid(v.vm, Pasid{7})->value << 12);
  v.config(0x42, 2, 0);
  for (std::uint32_t vector = 1; vector < 20; ++vector)
    EXPECT_EQ(rig.run(read_control(rig.device, 0x400C + 16 * vector, 4)), 1u);
}

TEST(CompositionTest, ErrorCarriesTheGuestsNumberOfTheQueue) {  // SIOV-H-36, SIOV-H-20
  Started rig;
  VdevRig v(rig, of_queues({QueueConfig::physical(2), QueueConfig::physical(1)}));
  v.bring_up();
  const Iova bad = v.space.allocate(64) + 8;
  v.vdev->posted_write64(0x5000, v.copy_line(0, bad));  // queue 1
  rig.run(pause(3000));
  EXPECT_EQ(v.read(0xC0, 8) & 0x0FFF'FF00'00FF'FF03, 0x0000'0700'0001'1B01u);
  v.write(0xC0, 8, 1);
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, v.copy_line(7, bad))),
            port::CompletionStatus::kSuccess);
  rig.run(pause(3000));
  EXPECT_EQ(v.read(0xC0, 8) & 0x0FFF'FF00'00FF'FF03, 0x0000'0700'0000'1B01u);
}

TEST(CompositionTest, IdleVdevIsSmall) {  // scale: well under 64 KiB
  EXPECT_LT(sizeof(vdcm::Vdev), 2048u);
  EXPECT_LT(sizeof(vdcm::VirtualConfig), 128u);
}

}  // namespace
}  // namespace siov::test
