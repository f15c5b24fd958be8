// SPDX-License-Identifier: Apache-2.0
// Report: keeping and printing violations.
#include "check/report.hpp"

#include <fmt/format.h>

#include <numeric>

#include "check/tlp_text.hpp"

namespace siov::check {

std::string Violation::text() const {
  const RuleInfo& info = rule_info(rule);
  std::string text = fmt::format("{} ns  {}: {}\n  rule: {} [{}]\n", time_ns, info.name, message,
                                 info.what, info.clause);
  if (!tlp.empty()) text += fmt::format("  TLP: {}\n", tlp);
  if (wq != kNoQueue || pasid != kNoPasid || descriptor != kNoDescriptor || !owner.empty()) {
    text += "  scope:";
    if (!owner.empty()) text += fmt::format(" {}", owner);
    if (wq != kNoQueue) text += fmt::format(" WQ {}", wq);
    if (pasid != kNoPasid) text += fmt::format(" PASID {:#x}", pasid);
    if (descriptor != kNoDescriptor) text += fmt::format(" descriptor {}", descriptor);
    if (member != kNoMember) text += fmt::format(" member {}", member);
    text += "\n";
  }
  if (!last_events.empty()) text += "  last events:\n";
  for (const std::string& line : last_events) text += fmt::format("    {}\n", line);
  return text;
}

void Report::violation(Rule rule, const Context& context, std::string message) {
  ++counts_[static_cast<std::size_t>(rule)];
  ++total_;
  if (kept_.size() >= kKept) return;
  Violation v;
  v.rule = rule;
  v.cycle = context.cycle;
  v.time_ns = context.cycle * period_ / 1000;
  v.message = std::move(message);
  if (context.tlp != nullptr) {
    const bool view = context.tlp == view_ && wire_ != nullptr;
    v.tlp = tlp_text(view ? *wire_ : *context.tlp);
    if (view) v.tlp += fmt::format(" = {:#x} of its owner", view_->first_byte());
  }
  v.wq = context.wq;
  v.pasid = context.pasid;
  v.descriptor = context.descriptor;
  if (names_ && (v.wq != kNoQueue || v.pasid != kNoPasid)) v.owner = names_(v.wq, v.pasid);
  if (context.scope != nullptr) v.last_events = context.scope->text(period_);
  kept_.push_back(std::move(v));
}

std::uint64_t Report::total_checks() const {
  return std::accumulate(checks_.begin(), checks_.end(), std::uint64_t{0});
}

std::string Report::text() const {
  std::string text;
  for (const Violation& v : kept_) text += v.text();
  if (total_ > kept_.size())
    text += fmt::format("... and {} more violations\n", total_ - kept_.size());
  return text;
}

}  // namespace siov::check
