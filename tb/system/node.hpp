// SPDX-License-Identifier: Apache-2.0
// Node: one host with its device and all host software on it.
//
//   system::Node node(scenario, 0, scheduler, options, log);
//   co_await node.start();
//   co_await node.manager.create(request);
#pragma once

#include <cstdint>
#include <memory>

#include "coro/scheduler.hpp"
#include "system/device_side.hpp"
#include "system/host_paging.hpp"
#include "system/host_side.hpp"
#include "system/portal_counter.hpp"
#include "system/scenario.hpp"
#include "system/vdcm_audit.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/lifecycle_log.hpp"
#include "vdcm/manager.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::system {

/// Requester id of the second host's function: 3b:00.0.
inline constexpr RequesterId kSecondFunction{0x3B00};

struct Node {
  /// @param number  0, or 1 for the second host of the scenario  @param scheduler  outlives this
  Node(const Scenario& scenario, std::uint8_t number, coro::Scheduler& scheduler,
       const DeviceOptions& options, const vdcm::VdcmMistakes& wrong = vdcm::VdcmMistakes{});
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Device and driver, then paging.
  coro::Task<> start();
  [[nodiscard]] const char* name() const { return number == 0 ? "first" : "second"; }

  std::uint8_t number;
  Scenario scenario;  ///< as this host sees it
  HostSide host_side;
  DeviceSide device;
  PortalCounter portals;
  VdcmAudit audit;
  vdcm::HostDriver host;
  vdcm::Vdcm vdcm;
  vdcm::LifecycleLog log;
  vdcm::Manager manager;
  HostPaging paging;
  IommuClock iommu_clock;
};

}  // namespace siov::system
