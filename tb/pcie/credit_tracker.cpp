// SPDX-License-Identifier: Apache-2.0
// Credit costs, and the receiver's side.
#include "pcie/credit_tracker.hpp"

#include "common/error.hpp"

namespace siov::pcie {

CreditCost credit_cost(const Tlp& tlp) {
  CreditCost cost;
  cost.flow = tlp.flow_class();
  cost.data = tlp.has_data ? static_cast<std::uint16_t>((tlp.length_dw + 3) / 4) : 0;
  return cost;
}

ClassCredits limits_of(const CreditLimits& limits, FlowClass flow) {
  switch (flow) {
    case FlowClass::kPosted:
      return ClassCredits{limits.posted_header, limits.posted_data};
    case FlowClass::kNonPosted:
      return ClassCredits{limits.nonposted_header, limits.nonposted_data};
    case FlowClass::kCompletion:
      return ClassCredits{limits.completion_header, limits.completion_data};
  }
  return {};
}

CreditGranter::CreditGranter(const CreditLimits& initial) : initial_(initial), limits_(initial) {
  for (const FlowClass flow : {FlowClass::kPosted, FlowClass::kNonPosted, FlowClass::kCompletion}) {
    const ClassCredits grant = limits_of(initial, flow);
    if (grant.header == 0 || grant.header >= 128 || grant.data == 0 || grant.data >= 2048)
      throw HarnessError(
          "initial credits must be 1..127 headers and 1..2047 data units in each class");
  }
}

void CreditGranter::add(FlowClass flow, const ClassCredits& amount) {
  const auto header = [&amount](std::uint8_t& limit) {
    limit = static_cast<std::uint8_t>(limit + amount.header);
  };
  const auto data = [&amount](std::uint16_t& limit) {
    limit = static_cast<std::uint16_t>((limit + amount.data) & 0xFFF);
  };
  switch (flow) {
    case FlowClass::kPosted:
      header(limits_.posted_header);
      data(limits_.posted_data);
      break;
    case FlowClass::kNonPosted:
      header(limits_.nonposted_header);
      data(limits_.nonposted_data);
      break;
    case FlowClass::kCompletion:
      header(limits_.completion_header);
      data(limits_.completion_data);
      break;
  }
}

void CreditGranter::give_back(const CreditCost& cost) {
  const int i = static_cast<int>(cost.flow);
  if (on_hold_[i]) {
    held_[i].add(cost);
  } else {
    add(cost.flow, ClassCredits{cost.header, cost.data});
  }
}

bool CreditGranter::hold(FlowClass flow, bool on) {
  const int i = static_cast<int>(flow);
  on_hold_[i] = on;
  if (on || (held_[i].header == 0 && held_[i].data == 0)) return false;
  add(flow, held_[i]);
  held_[i] = ClassCredits{};
  return true;
}

void CreditGranter::reset() {
  limits_ = initial_;
  held_ = {};
  on_hold_ = {};
}

}  // namespace siov::pcie
