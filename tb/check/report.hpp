// SPDX-License-Identifier: Apache-2.0
// Report: what the checkers found. Violations are kept in full up to a bound and always counted.
//
//   report.violation(Rule::kPcie11, context, "payload 512 B exceeds Max_Payload_Size 256 B");
//   if (!report.clean()) std::cerr << report.text();
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "check/event_ring.hpp"
#include "check/rules.hpp"
#include "coro/time.hpp"

namespace siov::check {

inline constexpr std::uint64_t kNoDescriptor = ~std::uint64_t{0};
inline constexpr std::uint32_t kNoPasid = ~std::uint32_t{0};
inline constexpr std::uint32_t kNoQueue = ~std::uint32_t{0};
inline constexpr std::uint32_t kNoMember = ~std::uint32_t{0};

/// One broken rule.
struct Violation {
  Rule rule;
  std::uint64_t cycle = 0;
  std::uint64_t time_ns = 0;
  std::string message;
  std::string tlp;                           ///< one line, empty if no TLP is at fault
  std::uint32_t wq = kNoQueue;               ///< kNoQueue if unknown
  std::uint32_t pasid = kNoPasid;            ///< kNoPasid if none
  std::string owner;                         ///< name of the VDEV, if the system gave names
  std::uint64_t descriptor = kNoDescriptor;  ///< number in order of acceptance, from 0
  std::uint32_t member = kNoMember;          ///< index in the batch that the descriptor is
  std::vector<std::string> last_events;      ///< of the PASID, or of the link if there is none

  /// Several lines: rule, time, message, TLP, owner, last events.
  std::string text() const;
};

/// Where a violation was seen. tlp and scope may be null.
struct Context {
  std::uint64_t cycle = 0;
  const pcie::Tlp* tlp = nullptr;
  std::uint32_t wq = kNoQueue;
  std::uint32_t pasid = kNoPasid;
  std::uint64_t descriptor = kNoDescriptor;
  std::uint32_t member = kNoMember;
  const EventRing* scope = nullptr;
};

class Report {
 public:
  static constexpr std::size_t kKept = 100;  ///< violations kept in full

  /// @param period  clock period [ps]
  explicit Report(coro::SimTime period = 2000) : period_(period) {}

  /// Names the VDEV of a PASID in violations.
  void set_owner_names(std::function<std::string(std::uint32_t wq, std::uint32_t pasid)> names) {
    names_ = std::move(names);
  }

  /// Reports that name `view` as their TLP speak of `wire`, which it is a view of.
  void set_view(const pcie::Tlp* view, const pcie::Tlp* wire) {
    view_ = view;
    wire_ = wire;
  }

  /// Counts one evaluation of a rule.
  void check(Rule rule) { ++checks_[static_cast<std::size_t>(rule)]; }
  /// Counts one evaluation; true if it held. The caller reports otherwise.
  bool holds(Rule rule, bool ok) {
    ++checks_[static_cast<std::size_t>(rule)];
    return ok;
  }
  void violation(Rule rule, const Context& context, std::string message);

  bool clean() const { return total_ == 0; }
  std::uint64_t total() const { return total_; }
  std::uint64_t count(Rule rule) const { return counts_[static_cast<std::size_t>(rule)]; }
  std::uint64_t checks(Rule rule) const { return checks_[static_cast<std::size_t>(rule)]; }
  std::uint64_t total_checks() const;
  const std::vector<Violation>& violations() const { return kept_; }
  /// The kept violations and a count of the rest.
  std::string text() const;

 private:
  coro::SimTime period_;
  const pcie::Tlp* view_ = nullptr;
  const pcie::Tlp* wire_ = nullptr;
  std::function<std::string(std::uint32_t, std::uint32_t)> names_;
  std::array<std::uint64_t, kNumRules> checks_{};
  std::array<std::uint64_t, kNumRules> counts_{};
  std::uint64_t total_ = 0;
  std::vector<Violation> kept_;
};

}  // namespace siov::check
