// SPDX-License-Identifier: Apache-2.0
// Flow control credits in modular arithmetic, for both ends of the link.
//
//   const CreditCost cost = credit_cost(tlp);
//   if (sender.can_send(cost, device_limits)) sender.consume(cost);     // transmitter
//   granter.give_back(cost);  inputs.up_credits = granter.limits();     // receiver
#pragma once

#include <array>
#include <cstdint>

#include "pcie/link.hpp"
#include "pcie/tlp.hpp"

namespace siov::pcie {

/// What one TLP takes from its class. @spec PCIe-6.3 2.6.1, table 2-47
struct CreditCost {
  FlowClass flow = FlowClass::kPosted;
  std::uint8_t header = 1;
  std::uint16_t data = 0;  ///< units of 16 bytes
};
CreditCost credit_cost(const Tlp& tlp);

/// (limit - used - needed) mod 2^bits < 2^(bits-1). @spec PCIe-6.3 2.6.1.2
constexpr bool credits_suffice(std::uint32_t limit, std::uint32_t used, std::uint32_t needed,
                               unsigned bits) {
  const std::uint32_t mask = (1u << bits) - 1;
  return ((limit - used - needed) & mask) < (1u << (bits - 1));
}

inline constexpr unsigned kHeaderCreditBits = 8;
inline constexpr unsigned kDataCreditBits = 12;

/// Numbers of one class, cumulative, modulo the field width.
struct ClassCredits {
  std::uint8_t header = 0;
  std::uint16_t data = 0;
  void add(const CreditCost& cost) {
    header = static_cast<std::uint8_t>(header + cost.header);
    data = static_cast<std::uint16_t>((data + cost.data) & 0xFFF);
  }
};

/// The class's part of the limits.
ClassCredits limits_of(const CreditLimits& limits, FlowClass flow);

/// Transmitter side: CREDITS_CONSUMED of each class.
class CreditConsumer {
 public:
  /// Marks a class as never short (completions towards an endpoint).
  void set_infinite(FlowClass flow) { infinite_[static_cast<int>(flow)] = true; }
  bool can_send(const CreditCost& cost, const CreditLimits& limits) const {
    const int i = static_cast<int>(cost.flow);
    if (infinite_[i]) return true;
    const ClassCredits limit = limits_of(limits, cost.flow);
    return credits_suffice(limit.header, used_[i].header, cost.header, kHeaderCreditBits) &&
           (cost.data == 0 ||
            credits_suffice(limit.data, used_[i].data, cost.data, kDataCreditBits));
  }
  void consume(const CreditCost& cost) { used_[static_cast<int>(cost.flow)].add(cost); }
  const ClassCredits& used(FlowClass flow) const { return used_[static_cast<int>(flow)]; }
  void reset() { used_ = {}; }

 private:
  std::array<ClassCredits, 3> used_{};
  std::array<bool, 3> infinite_{};
};

/// Receiver side: CREDITS_ALLOCATED of each class. A class on hold keeps returned credits back.
class CreditGranter {
 public:
  /// @throws HarnessError if an initial grant is 0 headers or half the counter range or more
  explicit CreditGranter(const CreditLimits& initial);
  void give_back(const CreditCost& cost);
  /// Holds or releases the returned credits of a class. @return true if the limits changed
  bool hold(FlowClass flow, bool on);
  const CreditLimits& limits() const { return limits_; }
  void reset();

 private:
  void add(FlowClass flow, const ClassCredits& amount);
  CreditLimits initial_, limits_;
  std::array<ClassCredits, 3> held_{};
  std::array<bool, 3> on_hold_{};
};

/// Told when a credit limit has changed: after the TLPs of earlier cycles, before those of this
/// one.
class CreditSink {
 public:
  virtual ~CreditSink() = default;
  /// @param down  granted by the device  @param up  granted by the host
  virtual void on_credit_limits(const CreditLimits& down, const CreditLimits& up,
                                std::uint64_t cycle) = 0;
};

}  // namespace siov::pcie
