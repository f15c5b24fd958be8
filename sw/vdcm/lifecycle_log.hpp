// SPDX-License-Identifier: Apache-2.0
// LifecycleLog: what happened to VMs and VDEVs, in order, refusals included.
//
//   vdcm::LifecycleLog log;
//   vdcm::Manager manager(vdcm, &log);
//   for (const vdcm::LifecycleEvent& e : log.events()) print(e);
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vdcm/space.hpp"

namespace siov::vdcm {

struct LifecycleEvent {
  std::uint64_t time_ps = 0;  ///< simulated time
  std::string event;          ///< "created", "paused", "refused", ...
  VmId vm = 0;
  std::uint32_t vdev = 0;  ///< number of the VDEV; 0: about the VM
  std::string name;        ///< of the VDEV; empty: about the VM
  std::string detail;      ///< queues that were given, reason of a refusal; may be empty
  std::uint8_t host = 0;   ///< that logged it, where there are several
};

class LifecycleLog {
 public:
  void add(LifecycleEvent event) {
    ++counts_[event.event];
    events_.push_back(std::move(event));
  }
  [[nodiscard]] const std::vector<LifecycleEvent>& events() const { return events_; }
  /// How often an event of this name happened.
  [[nodiscard]] std::uint64_t count(const std::string& event) const {
    const auto it = counts_.find(event);
    return it == counts_.end() ? 0 : it->second;
  }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

 private:
  std::vector<LifecycleEvent> events_;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace siov::vdcm
