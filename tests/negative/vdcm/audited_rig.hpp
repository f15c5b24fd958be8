// SPDX-License-Identifier: Apache-2.0
// A host under audit, and a list of what a scenario found wrong.
//
//   Audited rig;
//   rig.vdcm.mistakes().msix_portal = true;
//   Findings found;
//   found.expect(victim.done() == 4, "victim's work is complete");
//   found.add(rig.audit);
#pragma once

#include <set>
#include <string>

#include "pause_rig.hpp"
#include "system/vdcm_audit.hpp"

namespace siov::test {

struct Auditor {
  system::VdcmAudit audit;
  port::DevicePort* front = nullptr;  ///< what the host driver uses
};

/// Queues 0 and 1 dedicated, 2 and 3 shared. A mistake is made from the start.
struct Audited : Auditor, Rig {
  explicit Audited(const std::function<void(vdcm::VdcmMistakes&)>& mistake = {})
      : Rig(Alike::four_queues(), [this](port::DevicePort& device) -> port::DevicePort& {
          return front = &audit.watch(device), *front;
        }) {
    audit.attach(vdcm, scheduler);
    if (mistake) mistake(vdcm.mistakes());
    start();
  }
};

class Findings {
 public:
  void expect(bool ok, const std::string& what) {
    if (!ok) all_.insert(what);
  }
  /// Names of the rules that fired.
  void add(system::VdcmAudit& audit) {
    audit.sweep();
    for (const system::AuditRuleInfo& info : system::kAuditRules) {
      if (audit.count(info.rule) != 0) all_.insert(std::string(info.name));
    }
  }
  [[nodiscard]] const std::set<std::string>& all() const { return all_; }

 private:
  std::set<std::string> all_;
};

}  // namespace siov::test
