// SPDX-License-Identifier: Apache-2.0
// Rules of the audit that no mistake of the table reaches, broken by hand; and that none is
// missing.
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "scenarios.hpp"
#include "vdcm/capability_list.hpp"

namespace siov::test {
namespace {

using port::Bar;
using system::AuditRule;

constexpr std::uint64_t kIms = 0x4000;
constexpr std::uint64_t kWqcfg = 0x800;  // 64 bytes a queue

/// Two dedicated VDEVs and one on a shared queue, at work under a clean audit.
struct Busy : Audited {
  Busy() : a(*this, 0), b(*this, 1), c(*this, 2) {
    a.vdev->posted_write64(0, a.copy());
    b.vdev->posted_write64(0, b.copy());
    static_cast<void>(run(enqcmd(*c.vdev, 0x1000, c.copy())));
    run(pause(10'000));
    audit.sweep();
    EXPECT_EQ(audit.total(), 0u) << audit.violations()[0].text();
    EXPECT_GT(audit.checks(), 50u);
  }
  Paused a, b, c;
};

struct Break {
  const char* name;
  AuditRule rule;
  std::function<void(Busy&)> how;
};

std::uint64_t message_of(Busy& rig, std::uint16_t entry) {
  return rig.run(read_control(rig.device, kIms + 16U * entry, 8));
}

const std::vector<Break>& breaks() {
  static const std::vector<Break> all{
      {"StoreBehindTheLastQueue", AuditRule::kForeignPage,
       [](Busy& r) { r.front->mmio_write(Bar::kPortal, 0x4000 * 7 + 0x2000, 8, 0); }},
      {"SharedQueueUnlimited", AuditRule::kFlavour,
       [](Busy& r) { r.front->mmio_write(Bar::kPortal, 0x4000 * 2 + 0x2000, 8, 0); }},
      {"MsixFlavour", AuditRule::kFlavour,
       [](Busy& r) { r.front->mmio_write(Bar::kPortal, 0x1000, 8, 0); }},
      {"TranslationTurnedOff", AuditRule::kUntranslated,
       [](Busy& r) { r.platform.set_pasid_translation(r.c.vm, false); }},
      {"DescriptorOfNobody", AuditRule::kUntranslated,
       [](Busy& r) {
         port::Line line = r.c.copy();
         line[0] = std::byte{7};
         static_cast<void>(r.run(enqcmd(*r.front, 0x4000 * 2 + 0x3000, line)));
       }},
      {"DescriptorForAQueueOfAnotherVm", AuditRule::kClosedPortal,
       [](Busy& r) {
         port::Line line = r.a.copy();
         abi::store_le(line, r.vdcm.host_pasid(r.a.vm, Pasid{7})->value, 4);
         static_cast<void>(r.run(enqcmd(*r.front, 0x4000 * 2 + 0x3000, line)));
       }},
      {"DescriptorForADisabledQueue", AuditRule::kClosedPortal,
       [](Busy& r) {
         EXPECT_EQ(r.a.command(7, 1), 0u);
         r.front->posted_write64(0x2000, r.a.copy());
       }},
      {"DisableDevice", AuditRule::kQueueWide,
       [](Busy& r) { r.front->mmio_write(Bar::kControl, 0xA0, 4, 2u << 20); }},
      {"DrainAll", AuditRule::kQueueWide,
       [](Busy& r) { r.front->mmio_write(Bar::kControl, 0xA0, 4, 3u << 20); }},
      {"DrainOfASharedQueue", AuditRule::kQueueWide,
       [](Busy& r) { r.front->mmio_write(Bar::kControl, 0xA0, 4, 8u << 20 | 4); }},
      {"EnableWithoutPasid", AuditRule::kNoPasid,
       [](Busy& r) {
         r.front->mmio_write(Bar::kControl, kWqcfg + 64 + 8, 4, 1);
         r.front->mmio_write(Bar::kControl, 0xA0, 4, 6u << 20 | 1);
       }},
      {"EnableWithThePasidOfAnother", AuditRule::kForeignPasid,
       [](Busy& r) {
         const std::uint32_t theirs = r.vdcm.host_pasid(r.a.vm, Pasid{7})->value;
         r.front->mmio_write(Bar::kControl, kWqcfg + 64 + 8, 4, 0x1000'0001 | theirs << 8);
         r.front->mmio_write(Bar::kControl, 0xA0, 4, 6u << 20 | 1);
       }},
      {"EntryWithThePasidOfAnother", AuditRule::kForeignPasid,
       [](Busy& r) {
         const std::uint32_t theirs = r.vdcm.host_pasid(r.b.vm, Pasid{7})->value;
         r.front->mmio_write(Bar::kControl, kIms + 16U * *r.a.vdev->ims_index() + 12, 4,
                             theirs << 12 | 8);
       }},
      {"DrainOfAGuestPasid", AuditRule::kForeignPasid,
       [](Busy& r) { r.front->mmio_write(Bar::kControl, 0xA0, 4, 11u << 20 | 7); }},
      {"MessageWithoutRemapping", AuditRule::kMessage,
       [](Busy& r) {
         const std::uint64_t at = kIms + 16U * *r.a.vdev->ims_index();
         r.front->mmio_write(Bar::kControl, at, 8, 0xFEE0'1000);
         r.front->mmio_write(Bar::kControl, at + 8, 4, 0x41);
       }},
      {"MessageOfAnotherEntry", AuditRule::kMessage,
       [](Busy& r) {
         const std::uint64_t at = kIms + 16U * *r.a.vdev->ims_index();
         r.front->mmio_write(Bar::kControl, at, 8, message_of(r, *r.b.vdev->ims_index()));
         r.front->mmio_write(Bar::kControl, at + 8, 4, 0);
       }},
      {"MessageOfNoInterrupt", AuditRule::kMessage,
       [](Busy& r) {
         const std::uint64_t at = kIms + 16U * *r.a.vdev->ims_index();
         r.front->mmio_write(Bar::kControl, at, 8, 0xFEE0'0010 | 0x3FF0 << 5);
         r.front->mmio_write(Bar::kControl, at + 8, 4, 0);
       }},
      {"FreePasidInAnEntry", AuditRule::kFreePasid,
       [](Busy& r) {
         r.front->mmio_write(Bar::kControl, kIms + 16U * *r.a.vdev->ims_index() + 12, 4,
                             0xABCDEu << 12 | 8);
       }},
      {"DefaultPasidFreed", AuditRule::kFreePasid,
       [](Busy& r) { r.platform.pasids().release(r.c.vdev->default_pasid()); }},
      {"UnmaskedWithoutPasid", AuditRule::kUnmaskedEntry,
       [](Busy& r) {
         r.front->mmio_write(Bar::kControl, kIms + 16U * *r.a.vdev->ims_index() + 12, 4, 0);
       }},
      {"QueueOfNobodyRuns", AuditRule::kStillRunning,
       [](Busy& r) {
         r.run(r.vdcm.destroy_vdev(*r.b.vdev));
         r.front->mmio_write(Bar::kControl, 0xA0, 4, 6u << 20 | 1);
       }},
      {"ErrorWithTheQueueOfTheHost", AuditRule::kRawError, [](Busy& r) {
         r.vdcm.mistakes().raw_errors = true;
         vdcm::SoftwareError error;
         error.code = 0x1B;
         error.wq_valid = true;
         error.wq = 2;
         r.c.vdev->report_error(0, error);
       }}};
  return all;
}

class AuditRuleTest : public testing::TestWithParam<Break> {};

TEST_P(AuditRuleTest, Fires) {
  Busy rig;
  GetParam().how(rig);
  rig.audit.sweep();
  EXPECT_GT(rig.audit.count(GetParam().rule), 0u);
  ASSERT_FALSE(rig.audit.violations().empty());
  const std::string text = rig.audit.violations()[0].text();
  EXPECT_NE(text.find(" ns  SIOV-"), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(Rules, AuditRuleTest, testing::ValuesIn(breaks()),
                         [](const testing::TestParamInfo<Break>& i) { return i.param.name; });

TEST(AuditRuleListTest, EachRuleHasATestAndAPlaceOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < system::kNumAuditRules; ++i) {
    const system::AuditRuleInfo& info = system::kAuditRules[i];
    EXPECT_EQ(static_cast<std::size_t>(info.rule), i);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(std::ranges::any_of(breaks(), [&](const Break& b) { return b.rule == info.rule; }))
        << info.name << " is never seen to fire";
  }
}

TEST(AuditTest, OnlySomeViolationsAreKeptAndAllCounted) {
  Busy rig;
  for (int i = 0; i < 150; ++i) rig.front->mmio_write(Bar::kPortal, 0x1000, 8, 0);
  EXPECT_EQ(rig.audit.total(), 150u);
  EXPECT_EQ(rig.audit.violations().size(), system::VdcmAudit::kKept);
}

TEST(AuditTest, AQueueThatCannotBeEnabledDoesNotRun) {
  Busy rig;
  // The device halts: Enable WQ of the next guest ends with 0x05.
  rig.run(rig.vdcm.destroy_vdev(*rig.b.vdev));
  rig.run(write_config(rig.device, rig.host.capabilities().pasid + 6U, 2, 0));
  rig.run(pause(5000));
  VdevRig next(rig, 1);
  next.enable_pci(kAllPci);
  next.set_wq_pasid(0);
  EXPECT_EQ(next.command(1, 0), 0u);
  EXPECT_EQ(next.command(6, 0), 0x05u);
  rig.audit.sweep();
  EXPECT_EQ(rig.audit.total(), 0u) << rig.audit.violations()[0].text();
}

// ---- siov.md 2.4 (13): the name

/// Presents the DVSEC of R1 as the SIOV capability of PCIe 7.0.
class Renamed final : public port::DevicePort {
 public:
  explicit Renamed(port::DevicePort& device) : device_(device) {}
  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override {
    port::ReadResult r = co_await device_.config_read(offset, size);
    if (size == 4 && offset >= 0x100 && (r.data & 0xFFFF) == 0x0023)
      r.data = (r.data & ~std::uint64_t{0xFFFF}) | 0x0038;
    co_return r;
  }
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override {
    return device_.config_write(offset, size, value);
  }
  coro::Task<port::ReadResult> mmio_read(Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override {
    return device_.mmio_read(bar, offset, size);
  }
  void mmio_write(Bar bar, std::uint64_t offset, std::uint32_t size, std::uint64_t value) override {
    device_.mmio_write(bar, offset, size, value);
  }
  void posted_write64(std::uint64_t offset, const port::Line& line) override {
    device_.posted_write64(offset, line);
  }
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override {
    return device_.deferrable_write64(offset, line);
  }
  void set_bar_base(Bar bar, std::uint64_t base) override { device_.set_bar_base(bar, base); }

 private:
  port::DevicePort& device_;
};

/// Extended capabilities by id, and for a DVSEC its vendor and DVSEC id.
coro::Task<std::vector<std::array<std::uint32_t, 3>>> extended_list(port::DevicePort& device) {
  std::vector<std::array<std::uint32_t, 3>> out;
  std::uint32_t at = 0x100;
  while (at != 0) {
    const auto header = static_cast<std::uint32_t>((co_await device.config_read(at, 4)).data);
    std::array<std::uint32_t, 3> entry{header & 0xFFFF, 0, 0};
    if (entry[0] == 0x0023) {
      entry[1] = static_cast<std::uint32_t>((co_await device.config_read(at + 4, 4)).data) & 0xFFFF;
      entry[2] = static_cast<std::uint32_t>((co_await device.config_read(at + 8, 4)).data) & 0xFFFF;
    }
    out.push_back(entry);
    at = header >> 20;
  }
  co_return out;
}

TEST(NamingTest, TheFunctionPresentsSiovR1AndNotTheCapabilityOfPcie7) {  // siov.md 2.4 (13), 6
  Audited rig;
  const auto r1 = [&](port::DevicePort& device) {
    const auto list = rig.run(extended_list(device));
    const bool dvsec =
        std::ranges::count(list, std::array<std::uint32_t, 3>{0x0023, 0x8086, 5}) == 1;
    const bool pcie7 = std::ranges::any_of(list, [](const auto& e) { return e[0] == 0x0038; });
    return dvsec && !pcie7;
  };
  EXPECT_TRUE(r1(rig.device));
  Renamed renamed(rig.device);
  EXPECT_FALSE(r1(renamed)) << "the mistake is seen";
  // Host software does not take the one for the other.
  const auto walk = [&](port::DevicePort& device) {
    return rig.run(vdcm::walk_capabilities(device)).siov_dvsec;
  };
  EXPECT_NE(walk(rig.device), 0u);
  EXPECT_EQ(walk(renamed), 0u);
  // A guest finds neither (SIOV-H-02).
  VdevRig v(rig, 0);
  const auto seen = rig.run(extended_list(*v.vdev));
  EXPECT_FALSE(seen.empty());
  for (const auto& entry : seen) EXPECT_TRUE(entry[0] != 0x0023 && entry[0] != 0x0038);
}

}  // namespace
}  // namespace siov::test
