// SPDX-License-Identifier: Apache-2.0
// VdcmAudit: judges device-specific host software by what it does to hardware: each store to a
// portal, each register write, the pages it maps, the PASIDs and messages it uses. It knows who
// owns what from the configuration of VDEVs and the PASIDs bound, and nothing of how the software
// works.
//
//   system::VdcmAudit audit;
//   vdcm::HostDriver host(audit.watch(device), platform, iommu_driver, config);
//   vdcm::Vdcm vdcm(host);
//   audit.attach(vdcm, scheduler);
//   ...
//   audit.sweep();
//   if (audit.total() != 0) print(audit.violations()[0].text());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/types.hpp"
#include "coro/scheduler.hpp"
#include "port/device_port.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::system {

enum class AuditRule : std::uint8_t {
  kForeignPage,
  kFlavour,
  kUntranslated,
  kClosedPortal,
  kQueueWide,
  kNoPasid,
  kForeignPasid,
  kMessage,
  kFreePasid,
  kUnmaskedEntry,
  kStillRunning,
  kRawError,
  kCount
};

struct AuditRuleInfo {
  AuditRule rule;
  std::string_view name;    ///< requirement of siov.md 2.2, 2.3
  std::string_view clause;  ///< where else it is said
  std::string_view what;
};

inline constexpr std::size_t kNumAuditRules = static_cast<std::size_t>(AuditRule::kCount);
inline constexpr std::array<AuditRuleInfo, kNumAuditRules> kAuditRules{{
    {AuditRule::kForeignPage, "SIOV-H-07", "siov 3.5",
     "a guest page is mapped to a portal page of its own queue"},
    {AuditRule::kFlavour, "SIOV-H-08", "siov 2.4 (1)",
     "portals are of the flavour of the guests' interrupt table, limited where the queue is "
     "shared"},
    {AuditRule::kUntranslated, "SIOV-H-09", "siov 2.4 (7), SIOV-P-12",
     "shared queues are reached through the CPU's PASID translation alone"},
    {AuditRule::kClosedPortal, "SIOV-H-10", "siov 2.4 (10), SIOV-H-38",
     "no store reaches a portal whose queue its guest has not enabled, or that is paused"},
    {AuditRule::kQueueWide, "SIOV-H-17", "siov 2.4 (6)",
     "no command for a whole queue, or the device, hits a queue that VDEVs share"},
    {AuditRule::kNoPasid, "SIOV-H-19", "siov 2.4 (5)", "a queue is enabled with its PASID enabled"},
    {AuditRule::kForeignPasid, "SIOV-H-20", "SIOV-H-22",
     "PASIDs in registers, entries, descriptors and commands are host PASIDs of their owner"},
    {AuditRule::kMessage, "SIOV-H-23", "siov 2.4 (4)",
     "an interrupt entry has a remappable message with an interrupt of its own"},
    {AuditRule::kFreePasid, "SIOV-H-24", "siov 2.4 (8)",
     "a host PASID is not free while anything uses it"},
    {AuditRule::kUnmaskedEntry, "SIOV-H-26", "dsa 2.10",
     "an interrupt entry is unmasked with its PASID enabled"},
    {AuditRule::kStillRunning, "SIOV-H-30", "siov 2.4 (9)",
     "a physical queue runs only while its VDEV's queue does"},
    {AuditRule::kRawError, "SIOV-H-36", "siov 2.4 (12)",
     "errors that a guest reads are in its own terms"},
}};

class VdcmAudit {
 public:
  static constexpr std::size_t kKept = 100;  ///< violations kept in full

  struct Violation {
    AuditRule rule;
    std::uint64_t time_ns = 0;
    std::string message;
    /// One line: time, rule, message, what the rule says.
    [[nodiscard]] std::string text() const;
  };

  VdcmAudit();
  ~VdcmAudit();
  VdcmAudit(const VdcmAudit&) = delete;
  VdcmAudit& operator=(const VdcmAudit&) = delete;

  /// What the host driver of the next function (0, 1, ...) is to use. The device outlives this.
  port::DevicePort& watch(port::DevicePort& device);
  /// From here on it judges; functions are those of the Vdcm, in the order of watch(). Both outlive
  /// this. @param scheduler  for the time
  void attach(vdcm::Vdcm& vdcm, const coro::Scheduler& scheduler);
  /// Looks at what every VDEV has now: pages, PASIDs, interrupt entries, errors. Also done by
  /// itself now and then.
  void sweep();

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t count(AuditRule rule) const {
    return counts_[static_cast<std::size_t>(rule)];
  }
  /// Single judgements.
  [[nodiscard]] std::uint64_t checks() const { return checks_; }
  [[nodiscard]] const std::vector<Violation>& violations() const { return kept_; }

 private:
  class Port;

  /// @return ok, which is counted
  bool holds(bool ok) {
    ++checks_;
    return ok;
  }
  void violation(AuditRule rule, std::string message);
  void now_and_then();
  void sweep_pages(const vdcm::Vdev& vdev);
  void sweep_entries(const vdcm::Vdev& vdev);
  void sweep_error(const vdcm::Vdev& vdev);
  [[nodiscard]] std::optional<std::uint8_t> function_of(const vdcm::HostDriver& host) const;
  [[nodiscard]] std::uint64_t portal_page(std::uint8_t function, std::uint8_t wq,
                                          bool limited) const;

  std::vector<std::unique_ptr<Port>> ports_;
  vdcm::Vdcm* vdcm_ = nullptr;
  const coro::Scheduler* scheduler_ = nullptr;
  std::uint64_t events_ = 0;  ///< since the last sweep
  std::uint64_t checks_ = 0;
  std::uint64_t total_ = 0;
  std::array<std::uint64_t, kNumAuditRules> counts_{};
  std::vector<Violation> kept_;
};

}  // namespace siov::system
