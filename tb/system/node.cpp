// SPDX-License-Identifier: Apache-2.0
// Construction of a host; the second one has other numbers.
#include "system/node.hpp"

#include <optional>

namespace siov::system {
namespace {

/// Small enough that a run goes around the ring, large enough for bursts of errors.
constexpr std::uint16_t kEventLogEntries = 128;
constexpr Pasid kSecondFirstPasid{0x4'2001};
constexpr std::uint64_t kSecondBar0 = 0x2A00'0000'0000;
constexpr std::uint64_t kSecondBar2 = 0x2A00'2000'0000;

std::optional<std::uint64_t> pasid_order(const Scenario& scenario) {
  if (!scenario.host.scatter_pasids) return std::nullopt;
  return derive_seed(scenario.seed, "host PASIDs");
}

HostIdentity identity(std::uint8_t number) {
  if (number == 0) return {};
  return {kSecondFunction, kSecondFirstPasid};
}

vdcm::HostConfig config_of(const Scenario& scenario, std::uint8_t number) {
  vdcm::HostConfig config = host_config(scenario);
  if (number == 0) return config;
  config.bar0_base = kSecondBar0;
  config.bar2_base = kSecondBar2;
  return config;
}

}  // namespace

Node::Node(const Scenario& whole, std::uint8_t number, coro::Scheduler& scheduler,
           const DeviceOptions& options, const vdcm::VdcmMistakes& wrong)
    : number(number),
      scenario(scenario_of_host(whole, number)),
      host_side(scenario.ats, scenario.pri, pasid_order(scenario), identity(number)),
      device(host_side, scheduler, scenario, options),
      portals(device.port()),
      host(audit.watch(portals), host_side.platform, host_side.iommu_driver,
           config_of(scenario, number)),
      vdcm(host),
      manager(vdcm, &log),
      paging(host_side, scenario),
      iommu_clock(host_side.iommu) {
  audit.attach(vdcm, scheduler);
  scheduler.add_clocked(iommu_clock);
  if (scenario.event_log) host.use_event_log(host_side.memory, host_side.frames, kEventLogEntries);
  vdcm::VdcmMistakes& mistakes = vdcm.mistakes();
  mistakes = wrong;
  mistakes.drop_held |= scenario.host.makes(Mistake::kDropHeld);
  mistakes.replay_twice |= scenario.host.makes(Mistake::kReplayTwice);
  mistakes.save_before_drain |= scenario.host.makes(Mistake::kSaveBeforeDrain);
}

coro::Task<> Node::start() {
  co_await host.start();
  if (number == 1) {
    std::uint16_t next = 1;
    for (std::uint32_t i = 0; i < scenario.second.reserved_interrupts; ++i) {
      const std::optional<std::uint16_t> entry = host.free_ims_from(next);
      if (!entry) break;
      host.reserve_ims(*entry);
      next = static_cast<std::uint16_t>(*entry + 1);
    }
  }
  paging.start();
}

}  // namespace siov::system
