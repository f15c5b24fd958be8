// SPDX-License-Identifier: Apache-2.0
// ManagedRig: a host with a manager and a life-cycle log, one VM.
//
//   ManagedRig rig;
//   const vdcm::VdevId id = rig.make("a", {vdcm::QueueRequest::shared()});
#pragma once

#include <string>
#include <vector>

#include "rig.hpp"
#include "vdcm/manager.hpp"

namespace siov::test {

struct ManagedRig : Rig {
  explicit ManagedRig(vdcm::HostConfig config = default_host())
      : Rig(std::move(config)), manager(vdcm, &log) {
    start();
    vm = *manager.create_vm();
  }
  vdcm::VdevRequest request(const std::string& name, std::vector<vdcm::QueueRequest> queues) {
    vdcm::VdevRequest r;
    r.name = name;
    r.vm = vm;
    r.queues = std::move(queues);
    return r;
  }
  vdcm::Manager::Answer<vdcm::VdevId> create(vdcm::VdevRequest r) {
    return run(manager.create(std::move(r)));
  }
  vdcm::VdevId make(const std::string& name, std::vector<vdcm::QueueRequest> queues) {
    return *create(request(name, std::move(queues)));
  }
  std::optional<std::uint8_t> queue_of(vdcm::VdevId id, std::uint8_t index = 0) const {
    return manager.inspect(id)->queue(index).physical_wq();
  }
  vdcm::QueueRequest software() {
    vdcm::EmulatedQueueConfig config;
    config.dma = &tap;
    return vdcm::QueueRequest::software(config);
  }
  vdcm::LifecycleLog log;
  vdcm::Manager manager;
  vdcm::VmId vm = 0;
};

}  // namespace siov::test
