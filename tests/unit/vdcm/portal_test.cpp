// SPDX-License-Identifier: Apache-2.0
// Portal pages of a VDEV: kinds, mapping, unmapping, trapped stores.
#include <gtest/gtest.h>

#include "vdev_rig.hpp"

namespace siov::test {
namespace {

using port::Bar;
using vdcm::MapRefusal;
using vdcm::PageKind;
using vdcm::QueueConfig;

struct Started : Rig {
  Started() { start(); }
};

vdcm::VdevConfig of_queues(std::vector<QueueConfig> queues) {
  vdcm::VdevConfig config;
  config.name = "composed";
  config.queues = std::move(queues);
  return config;
}

TEST(PortalTest, EveryPageIsOfOneKindAndNoHostPageAppears) {  // SIOV-H-06, SIOV-H-08
  Started rig;
  VdevRig v(rig, of_queues({QueueConfig::physical(0), QueueConfig::physical(2),
                            QueueConfig::physical(1)}));
  const auto kinds = [&] {
    std::string out;
    for (const vdcm::PageAudit& page : v.vdev->map_audit()) {
      EXPECT_EQ(page.kind, v.vdev->page_kind(page.bar, page.offset + 0xFFF));
      EXPECT_EQ(page.physical.has_value(), page.kind == PageKind::kDirect);
      out += "-TBD"[static_cast<int>(page.kind)];
    }
    return out;
  };
  // BAR0: two pages; four times {unlimited, limited, IMS, IMS}, the last of no queue.
  EXPECT_EQ(kinds(),
            "TT"
            "TTBB"
            "TTBB"
            "TTBB"
            "BBBB");
  v.bring_up();
  EXPECT_EQ(kinds(),
            "TT"
            "DDBB"
            "DDBB"
            "DDBB"
            "BBBB");
  std::vector<std::uint64_t> physical;
  for (const vdcm::PageAudit& page : v.vdev->map_audit()) {
    if (page.physical) physical.push_back(page.physical->offset);
  }
  // IMS flavour: WQ 0 both pages, the shared WQ 2 its limited page only, WQ 1 both.
  EXPECT_EQ(physical, (std::vector<std::uint64_t>{0x2000, 0x3000, 0xB000, 0xB000, 0x6000, 0x7000}));
  EXPECT_EQ(v.command(7, 4), 0u);
  EXPECT_EQ(kinds(),
            "TT"
            "DDBB"
            "DDBB"
            "TTBB"
            "BBBB");
  EXPECT_EQ(v.vdev->page_kind(Bar::kPortal, 0x10000), PageKind::kAbsent);
  EXPECT_EQ(v.vdev->page_kind(Bar::kControl, 0x2000), PageKind::kAbsent);
}

TEST(PortalTest, OnlyOnesOwnPortalPageCanBeMapped) {  // SIOV-H-07
  Started rig;
  VdevRig v(rig, of_queues({QueueConfig::physical(0), QueueConfig::physical(1)}));
  v.bring_up();
  EXPECT_EQ(v.command(7, 2), 0u);  // queue 1 off
  for (std::uint64_t offset = 0; offset < 0x20000; offset += 0x400) {
    for (const std::uint64_t bytes : {0x400u, 0x1000u, 0x2000u, 0x4000u}) {
      EXPECT_FALSE(v.vdev->map_page(Bar::kControl, offset, bytes));
      const auto r = v.vdev->map_page(Bar::kPortal, offset, bytes);
      if (offset % 0x1000 != 0 || bytes != 0x1000) {
        ASSERT_FALSE(r);
        EXPECT_EQ(r.error(), MapRefusal::kNotOnePage);
      } else if (offset < 0x2000) {
        ASSERT_TRUE(r) << offset;
        EXPECT_EQ(r->host, &rig.host);
        EXPECT_EQ(r->offset, 0x2000 + offset);  // WQ 0, IMS
      } else if (offset == 0x4000 || offset == 0x5000) {
        ASSERT_FALSE(r);
        EXPECT_EQ(r.error(), MapRefusal::kNotEnabled);
      } else {
        ASSERT_FALSE(r) << offset;
        EXPECT_EQ(r.error(), MapRefusal::kNotAPortal);
      }
    }
  }
}

/// A submission in every state on the way up and down; only the enabled queue lets it through.
TEST(PortalTest, NothingPassesInAnySetupState) {  // SIOV-H-09, SIOV-P-12
  for (const std::uint8_t wq : {std::uint8_t{0}, std::uint8_t{2}}) {
    Started rig;
    VdevRig v(rig, wq);
    const Iova record = v.space.allocate(32);
    const port::Line line = v.copy_line(7, record);
    rig.recorder.forget();
    const auto sent = [&] {
      const std::size_t before = rig.recorder.portals.size();
      if (wq == 0) v.vdev->posted_write64(0x1000, line);
      if (wq == 2) static_cast<void>(rig.run(enqcmd(*v.vdev, 0x1000, line)));
      rig.run(pause(3000));
      return rig.recorder.portals.size() - before;
    };
    EXPECT_EQ(sent(), 0u) << "memory space off";
    v.config(0x04, 2, 6);
    EXPECT_EQ(sent(), 0u) << "no PASID bound";
    rig.vdcm.bind_pasid(v.vm, Pasid{7}, v.space.descriptor());
    EXPECT_EQ(sent(), 0u) << "PASID bound";
    v.enable_pci(kAllPci);
    v.set_wq_pasid(7);
    EXPECT_EQ(sent(), 0u) << "device off";
    ASSERT_EQ(v.command(1, 0), 0u);
    EXPECT_EQ(sent(), 0u) << "queue off";
    rig.platform.set_pasid_translation(v.vm, wq != 2);
    ASSERT_EQ(v.command(6, 0), 0u);
    if (wq == 2) {
      // The CPU would let the guest's number out, so the portal stays trapped.
      EXPECT_FALSE(v.vdev->portals_mapped());
      EXPECT_EQ(v.vdev->map_page(Bar::kPortal, 0x1000, 0x1000).error(), MapRefusal::kNoTranslation);
      rig.platform.set_pasid_translation(v.vm, true);
      EXPECT_TRUE(v.vdev->map_page(Bar::kPortal, 0x1000, 0x1000));
    }
    EXPECT_EQ(sent(), 1u) << "enabled";
    EXPECT_EQ(v.status(record), 1u);
    EXPECT_EQ(v.command(7, 1), 0u);
    EXPECT_EQ(sent(), 0u) << "queue off again";
    ASSERT_EQ(v.command(6, 0), 0u);
    v.config(0x04, 2, 2);
    EXPECT_EQ(sent(), 0u) << "halted";
    v.config(0x58, 2, 0xA910);
    EXPECT_EQ(sent(), 0u) << "after FLR";
  }
}

coro::Task<> storm(vdcm::Vdev& vdev, const port::Line& line, bool deferrable, const bool& stop) {
  while (!stop) {
    if (deferrable) {
      static_cast<void>(co_await vdev.deferrable_write64(0x1000, line));
    } else {
      vdev.posted_write64(0x1000, line);
    }
    co_await coro::Timer(coro::ns(20));
  }
}

coro::Task<> reset_and_note(Rig& rig, vdcm::Vdev& vdev, std::size_t& at_unmap,
                            std::size_t& at_end) {
  coro::Task<> reset = vdev.reset();
  const coro::JoinHandle handle = coro::start_soon(std::move(reset), "reset");
  while (vdev.portals_mapped()) co_await coro::Timer(coro::ns(2));
  at_unmap = rig.recorder.portals.size();
  co_await handle;
  at_end = rig.recorder.portals.size();
}

TEST(PortalTest, StormDuringResetReachesNothing) {  // SIOV-H-10
  for (const std::uint8_t wq : {std::uint8_t{0}, std::uint8_t{2}}) {
    Started rig;
    VdevRig v(rig, wq);
    v.bring_up();
    const port::Line line = v.copy_line(7, v.space.allocate(32));
    bool stop = false;
    const auto task = rig.scheduler.start_soon(storm(*v.vdev, line, wq == 2, stop), "storm");
    rig.run(pause(2000));
    EXPECT_GT(rig.recorder.portals.size(), 10u);
    const std::uint64_t flushes = rig.platform.cpu_flushes();
    std::size_t at_unmap = 0, at_end = 0;
    rig.run(reset_and_note(rig, *v.vdev, at_unmap, at_end));
    rig.run(pause(2000));
    EXPECT_EQ(at_end, at_unmap);
    EXPECT_EQ(rig.recorder.portals.size(), at_unmap);
    EXPECT_EQ(rig.platform.cpu_flushes(), flushes + 1);
    stop = true;
    rig.run(pause(1000));
  }
}

TEST(PortalTest, PartsAreAssembledSlotBySlot) {  // SIOV-H-11
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  v.vdev->set_trapping(true);
  EXPECT_FALSE(v.vdev->portals_mapped());
  EXPECT_EQ(v.vdev->map_page(Bar::kPortal, 0, 0x1000).error(), MapRefusal::kTrapping);
  const port::Line one = v.copy_line(0, v.space.allocate(32));
  const port::Line two = v.copy_line(0, v.space.allocate(32));
  rig.recorder.forget();
  // Slot 3 of the unlimited page in 8-byte stores downwards, slot 5 of the limited page in 4-byte
  // stores upwards, taking turns.
  for (std::uint32_t i = 0; i < 16; ++i) {
    v.vdev->mmio_write(Bar::kPortal, 0x1140 + 4 * i, 4,
                       abi::load_le(std::span(two).subspan(4 * i), 4));
    if (i % 2 == 1) continue;
    const std::uint32_t at = 56 - 4 * i;
    v.vdev->mmio_write(Bar::kPortal, 0xC0 + at, 8, abi::load_le(std::span(one).subspan(at), 8));
    EXPECT_EQ(rig.recorder.portals.size(), i == 14 ? 1u : 0u);
  }
  ASSERT_EQ(rig.recorder.portals.size(), 2u);
  EXPECT_EQ(rig.recorder.portals[0].line, one);
  EXPECT_EQ(rig.recorder.portals[0].offset, 0x20C0u);  // WQ 0, IMS, slot 3
  EXPECT_EQ(rig.recorder.portals[1].line, two);
  EXPECT_EQ(rig.recorder.portals[1].offset, 0x3140u);
  // 63 bytes are no descriptor; a whole store takes the place of the parts.
  for (std::uint32_t i = 0; i < 63; ++i) v.vdev->mmio_write(Bar::kPortal, i, 1, 0xEE);
  EXPECT_EQ(v.vdev->trapped().open_slots(), 1u);
  v.vdev->posted_write64(0, one);
  EXPECT_EQ(v.vdev->trapped().open_slots(), 0u);
  v.vdev->mmio_write(Bar::kPortal, 63, 1, 0xEE);
  ASSERT_EQ(rig.recorder.portals.size(), 3u);
  EXPECT_EQ(rig.recorder.portals[2].line, one);
  EXPECT_EQ(v.vdev->trapped().open_slots(), 1u);
  rig.run(v.vdev->reset());
  EXPECT_EQ(v.vdev->trapped().open_slots(), 0u);
}

TEST(PortalTest, TrappedSubmissionsAreCarriedOutInHostTerms) {  // SIOV-H-20, siov.md 3.3
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  v.vdev->set_trapping(true);
  rig.recorder.forget();
  const Iova record = v.space.allocate(32);
  const port::Line line = v.copy_line(7, record);
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
  ASSERT_EQ(rig.recorder.portals.size(), 1u);
  EXPECT_EQ(abi::load_le(rig.recorder.portals[0].line, 4) & 0xFFFFF,
            rig.vdcm.host_pasid(v.vm, Pasid{7})->value);
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, v.copy_line(8, record))),
            port::CompletionStatus::kUnsupportedRequest);
  rig.run(pause(3000));
  EXPECT_EQ(v.status(record), 1u);
  v.vdev->set_trapping(false);
  EXPECT_TRUE(v.vdev->portals_mapped());
}

TEST(PortalTest, PagesOfNoQueueTakeNothing) {  // siov.md 3.8: no WQ 0 instead; dsa.md 4.2
  Started rig;
  VdevRig v(rig, of_queues({QueueConfig::physical(0), QueueConfig::physical(2),
                            QueueConfig::physical(1)}));
  v.bring_up();
  rig.recorder.forget();
  const port::Line line = v.copy_line(7, v.space.allocate(32));
  for (const std::uint64_t page : {0x2000u, 0x3000u, 0x6000u, 0x7000u, 0xC000u, 0xD000u, 0xF000u}) {
    v.vdev->posted_write64(page, line);
    v.vdev->mmio_write(Bar::kPortal, page, 8, 1);
    EXPECT_EQ(rig.run(enqcmd(*v.vdev, page, line)), port::CompletionStatus::kRetry);
  }
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x10000, line)), port::CompletionStatus::kUnsupportedRequest);
  v.vdev->posted_write64(0x10000, line);
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_TRUE(rig.recorder.writes.empty());
}

coro::Task<port::ReadResult> read_any(port::DevicePort& vdev, Bar bar, std::uint64_t offset,
                                      std::uint32_t size) {
  co_return co_await vdev.mmio_read(bar, offset, size);
}

TEST(PortalTest, AccessesAreCheckedForSizeAndAlignment) {  // SIOV-H-47
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  for (std::uint64_t offset = 0x80; offset < 0xE0; ++offset) {
    for (const std::uint32_t size : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 16u}) {
      const bool good = (size == 1 || size == 2 || size == 4 || size == 8) && offset % size == 0;
      const auto status =
          good ? port::CompletionStatus::kSuccess : port::CompletionStatus::kUnsupportedRequest;
      EXPECT_EQ(rig.run(read_any(*v.vdev, Bar::kControl, offset, size)).status, status)
          << offset << " " << size;
      EXPECT_EQ(rig.run(read_any(*v.vdev, Bar::kPortal, offset, size)).status, status);
    }
  }
  EXPECT_EQ(rig.run(read_any(*v.vdev, Bar::kControl, 0x2000, 4)).status,
            port::CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(rig.run(read_any(*v.vdev, Bar::kControl, ~std::uint64_t{7}, 8)).status,
            port::CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(rig.run(read_any(*v.vdev, Bar::kPortal, 0x1008, 8)).data, ~std::uint64_t{0});
  EXPECT_EQ(rig.run(read_any(*v.vdev, Bar::kPortal, 0x1002, 2)).data, 0xFFFFu);
  // Misaligned stores have no effect; 8 bytes reach both halves (siov.md 3.8).
  v.write(0x86, 4, 0x0003'0000);
  v.write(0x89, 2, 0x0003);
  v.write(0x8A, 8, 0xFFFF'FFFF);
  EXPECT_EQ(v.read(0x88, 8), 0u);
  v.write(0x88, 8, 3);
  EXPECT_EQ(v.read(0x88, 4), 3u);
  v.write(0x508, 8, 0x1000'0701);
  EXPECT_EQ(v.read(0x508, 4), 0x1000'0781u);
  v.write(0x300, 8, 0x0000'9008);
  EXPECT_EQ(v.read(0x300, 8), 0x9008u);
  v.write(0x610, 8, 0xFEE0'1000);
  EXPECT_EQ(v.read(0x610, 8), 0xFEE0'1000u);
  v.write(0xA0, 4, 1u << 20);
  v.write(0xA0, 4, 1u << 20);  // 0x52
  rig.run(pause(100));
  EXPECT_EQ(v.read(0xC0, 8), 0x5201u);
  v.write(0xC0, 8, 1);
  EXPECT_EQ(v.read(0xC0, 8), 0x5200u);
}

TEST(PortalTest, EnqcmdAnswersAcceptedOrRetry) {  // SIOV-P-11
  for (const std::uint16_t threshold : {std::uint16_t{0}, std::uint16_t{8}}) {
    vdcm::HostConfig host = default_host();
    host.wqs[2].threshold = threshold;  // dsa.md 2.9: 0 closes the limited portal
    Rig rig(host);
    rig.start();
    VdevRig v(rig, 2);
    v.bring_up();
    for (const std::uint64_t portal : {0x0000u, 0x1000u}) {  // both are the limited page
      const Iova record = v.space.allocate(32);
      EXPECT_EQ(rig.run(enqcmd(*v.vdev, portal, v.copy_line(7, record))),
                threshold == 0 ? port::CompletionStatus::kRetry : port::CompletionStatus::kSuccess);
      rig.run(pause(5000));
      EXPECT_EQ(v.status(record), threshold == 0 ? 0u : 1u);  // Retry leaves no trace
    }
  }
}

}  // namespace
}  // namespace siov::test
