// SPDX-License-Identifier: Apache-2.0
// HostSide: everything above the device that is there once: memory, IOMMU, platform, the host's
// IOMMU driver.
//
//   system::HostSide host;
//   system::DeviceSide device(host, scheduler, scenario, options);
#pragma once

#include <optional>
#include <vector>

#include "coro/scheduler.hpp"
#include "iommu/iommu.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "system/logical_view.hpp"
#include "system/scenario.hpp"
#include "vdcm/host_config.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/platform.hpp"

namespace siov::system {

/// Bus, device and function of the device under test: 6a:00.0.
inline constexpr RequesterId kFunction{0x6A00};

/// Tells the IOMMU the time, in cycles: devices that do not answer run into its time-outs.
class IommuClock final : public coro::Clocked {
 public:
  explicit IommuClock(iommu::Iommu& iommu) : iommu_(iommu) {}
  void cycle(std::uint64_t cycle) override {
    if (cycle % kStep == 0) iommu_.advance(cycle);
  }

 private:
  static constexpr std::uint64_t kStep = 64;
  iommu::Iommu& iommu_;
};

/// Numbers that differ from host to host.
struct HostIdentity {
  RequesterId function = kFunction;
  Pasid first_pasid{0x8001};  ///< when they ascend
  /// The unit's walks are coherent whatever PWSNP says. @spec iommu::IommuConfig::always_snoops
  bool always_snoops = false;
  /// The host's RAM; empty: PhysicalMemory's own layout. @spec memory::PhysicalMemory
  std::vector<memory::RamRange> ram;
};

struct HostSide {
  /// @param device_tlb  the function may use ATS  @param page_requests  and PRI
  /// @param scatter  host PASIDs from the whole range in an order of this seed; else ascending
  explicit HostSide(bool device_tlb = false, bool page_requests = false,
                    std::optional<std::uint64_t> scatter = std::nullopt,
                    HostIdentity identity = HostIdentity{});
  HostSide(const HostSide&) = delete;
  HostSide& operator=(const HostSide&) = delete;

  RequesterId function;
  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  vdcm::Platform platform;
  iommu::Iommu iommu;
  LogicalView view;  ///< for checkers
  vdcm::IommuDriver iommu_driver;
};

/// Work queues, groups and link parameters of a scenario as the host driver wants them.
vdcm::HostConfig host_config(const Scenario& scenario);

}  // namespace siov::system
