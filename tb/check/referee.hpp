// SPDX-License-Identifier: Apache-2.0
// Referee: all checkers of one device behind one TlpSink.
//
//   check::Config config;
//   config.memory = &view;
//   check::Referee referee(config);
//   root_complex.add_sink(referee);  root_complex.add_credit_sink(referee);
//   scheduler.add_clocked(referee);
//   ...
//   referee.end_of_test(scheduler.cycle());
//   if (!referee.report().clean()) std::cerr << referee.report().text();
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "check/config.hpp"
#include "check/report.hpp"
#include "check/stats.hpp"
#include "coro/scheduler.hpp"
#include "pcie/credit_tracker.hpp"
#include "pcie/link.hpp"
#include "pcie/tlp.hpp"

namespace siov::check {

class Referee final : public pcie::TlpSink, public pcie::CreditSink, public coro::Clocked {
 public:
  explicit Referee(const Config& config);
  ~Referee() override;
  Referee(const Referee&) = delete;
  Referee& operator=(const Referee&) = delete;

  /// Every TLP in wire order, before the host acts on it.
  void on_tlp(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t cycle) override;
  /// Credit limits; called when one has changed, after the TLPs of earlier cycles.
  /// @param down  granted by the device  @param up  granted by the host
  void on_credit_limits(const pcie::CreditLimits& down, const pcie::CreditLimits& up,
                        std::uint64_t cycle) override;
  /// Watchdogs. Cheap; once a cycle or rarer.
  void cycle(std::uint64_t cycle) override {
    if (cycle >= next_scan_) scan(cycle);
  }
  /// Judges the idle end state. Call once, when the system believes to be idle.
  void end_of_test(std::uint64_t cycle);

  const Report& report() const;
  Report& report();
  Stats stats() const;
  /// 16 hex digits over every TLP so far.
  std::string digest() const;
  /// Descriptors accepted and not finished.
  std::size_t outstanding_descriptors() const;

 private:
  struct Parts;
  void scan(std::uint64_t cycle);
  std::unique_ptr<Parts> parts_;
  std::uint64_t next_scan_ = 0;
};

}  // namespace siov::check
