// SPDX-License-Identifier: Apache-2.0
// Construction of the host.
#include "system/host_side.hpp"

namespace siov::system {

namespace {

/// A device that answers ends its reads first, with a completion timeout at the latest: far less.
/// Longer than what the referee allows (PCIE-69), so that a report comes before the error. [cycles]
constexpr std::uint64_t kInvalidationTimeout = 110'000;

iommu::IommuConfig iommu_config(const HostIdentity& identity) {
  iommu::IommuConfig config;
  config.invalidation_timeout = kInvalidationTimeout;
  config.always_snoops = identity.always_snoops;
  return config;
}

}  // namespace

HostSide::HostSide(bool device_tlb, bool page_requests, std::optional<std::uint64_t> scatter,
                   HostIdentity identity)
    : function(identity.function),
      memory(identity.ram.empty() ? memory::standard_ram() : identity.ram),
      frames(memory),
      platform(scatter ? Pasid{1} : identity.first_pasid),
      iommu(memory, platform, iommu_config(identity)),
      view(iommu),
      iommu_driver(iommu, memory, frames, identity.function) {
  if (scatter) platform.pasids().scatter(*scatter);
  iommu.set_view_requester(function);
  vdcm::IommuOptions options;
  options.device_tlb = device_tlb;
  options.page_requests = page_requests;
  iommu_driver.start(options);
  if (page_requests) iommu_driver.connect_events(platform);
}

vdcm::HostConfig host_config(const Scenario& scenario) {
  vdcm::HostConfig config;
  config.max_payload = scenario.link.mps;
  config.max_read_request = scenario.link.mrrs;
  config.ats = scenario.ats;
  config.pri = scenario.pri;
  config.page_request_allocation = scenario.host.page_requests;
  config.groups.clear();
  for (const GroupParameters& g : scenario.groups) {
    vdcm::GroupConfig group;
    group.engines = 0;
    for (const std::uint32_t e : g.engines) group.engines |= std::uint64_t{1} << e;
    group.traffic_class_a = static_cast<std::uint8_t>(g.traffic_class_a);
    group.traffic_class_b = static_cast<std::uint8_t>(g.traffic_class_b);
    group.read_buffers_allowed = static_cast<std::uint8_t>(g.read_buffers_allowed);
    group.read_buffers_reserved = static_cast<std::uint8_t>(g.read_buffers_reserved);
    config.groups.push_back(group);
  }
  config.wqs.clear();
  for (const WqParameters& w : scenario.wqs) {
    const auto size = static_cast<std::uint16_t>(w.size);
    const auto group = static_cast<std::uint8_t>(w.group);
    vdcm::WqConfig wq =
        w.shared
            ? vdcm::WqConfig::shared(
                  size, group, static_cast<std::uint16_t>(w.threshold == 0 ? w.size : w.threshold))
            : vdcm::WqConfig::dedicated(size, group);
    wq.priority = static_cast<std::uint8_t>(w.priority);
    wq.max_transfer_log2 = static_cast<std::uint8_t>(w.max_transfer_log2);
    wq.max_batch_log2 = static_cast<std::uint8_t>(w.max_batch_log2);
    wq.operations = w.operations;
    wq.block_on_fault = w.block_on_fault;
    wq.ats_disable = w.ats_disable;
    wq.prs_disable = w.prs_disable;
    config.wqs.push_back(wq);
  }
  return config;
}

}  // namespace siov::system
