// SPDX-License-Identifier: Apache-2.0
// Credits: pcie.md 8 as seen from outside. The device's grants are judged; the host's only bound
// what the device may send.
#include "check/credits.hpp"

#include <fmt/format.h>

namespace siov::check {

using pcie::Direction;

namespace {
constexpr std::array<const char*, 6> kNames = {"posted header",     "posted data",
                                               "non-posted header", "non-posted data",
                                               "completion header", "completion data"};
constexpr std::size_t kJudgedOfDevice = 4;     // an endpoint grants completions without limit
constexpr std::uint32_t kDeferrableUnits = 4;  // 64 bytes. @spec pcie.md 6
}  // namespace

void Credits::on_limits(Direction direction, const pcie::CreditLimits& l, std::uint64_t cycle) {
  Side& side = sides_[static_cast<std::size_t>(direction)];
  const std::array<std::uint32_t, 6> limits = {l.posted_header,     l.posted_data,
                                               l.nonposted_header,  l.nonposted_data,
                                               l.completion_header, l.completion_data};
  if (limits[0] != side.accounts[0].limit) {
    side.posted_cycle = cycle;
    side.posted_reported = false;
  }
  for (std::size_t i = 0; i < limits.size(); ++i) {
    side.accounts[i].mask = i % 2 == 0 ? 0xFF : 0xFFF;
    side.accounts[i].limit = limits[i];
  }
  side.known = true;
  if (!side.running || direction != Direction::kDown) return;
  for (std::size_t i = 0; i < kJudgedOfDevice; ++i) {
    Account& a = side.accounts[i];
    if (bench_.report.holds(Rule::kPcie54, a.free() <= a.initial)) continue;
    bench_.report.violation(
        Rule::kPcie54, context(cycle),
        fmt::format("{} credits returned more often than used: {} free, {} at the start", kNames[i],
                    a.free(), a.initial));
    a.initial = a.free();
  }
}

void Credits::start(Direction direction, Side& side, std::uint64_t cycle) {
  side.running = true;
  for (Account& a : side.accounts) a.initial = a.free();
  if (direction != Direction::kDown) return;
  const std::array<std::uint32_t, kJudgedOfDevice> least = {1, bench_.function.max_payload / 16, 1,
                                                            kDeferrableUnits};
  for (std::size_t i = 0; i < kJudgedOfDevice; ++i) {
    if (bench_.report.holds(Rule::kPcie54, side.accounts[i].initial >= least[i])) continue;
    bench_.report.violation(Rule::kPcie54, context(cycle),
                            fmt::format("{} {} credits advertised, at least {} are required",
                                        side.accounts[i].initial, kNames[i], least[i]));
  }
}

void Credits::on_tlp(Direction direction, const pcie::Tlp& t, std::uint64_t cycle) {
  Side& side = sides_[static_cast<std::size_t>(direction)];
  if (!side.known) return;
  if (!side.running) start(direction, side, cycle);
  const pcie::FlowClass flow = t.flow_class();
  if (direction == Direction::kDown && flow == pcie::FlowClass::kCompletion) return;
  const std::size_t first = 2 * static_cast<std::size_t>(flow);
  const std::array<std::uint32_t, 2> cost = {1, (t.payload_bytes + 15u) / 16u};
  if (flow == pcie::FlowClass::kPosted && side.accounts[0].free() == side.accounts[0].initial)
    side.posted_cycle = cycle;
  for (std::size_t i = 0; i < 2; ++i) {
    if (cost[i] == 0) continue;
    Account& a = side.accounts[first + i];
    a.used = (a.used + cost[i]) & a.mask;
    if (bench_.report.holds(Rule::kPcie54, !a.overdrawn())) continue;
    bench_.report.violation(Rule::kPcie54, context(cycle, &t),
                            fmt::format("sent without {} credits: used {}, limit {}",
                                        kNames[first + i], a.used, a.limit));
    a.used = a.limit;
  }
}

void Credits::scan(std::uint64_t cycle) {
  Side& side = sides_[static_cast<std::size_t>(Direction::kDown)];
  if (!side.running || side.accounts[0].free() >= side.accounts[0].initial || side.posted_reported)
    return;
  if (bench_.report.holds(Rule::kPcie55,
                          cycle <= side.posted_cycle + bench_.config.posted_limit_cycles))
    return;
  side.posted_reported = true;
  bench_.report.violation(
      Rule::kPcie55, context(cycle),
      fmt::format("no posted request accepted for {} cycles", cycle - side.posted_cycle));
}

void Credits::end_of_test(std::uint64_t cycle) {
  const Side& side = sides_[static_cast<std::size_t>(Direction::kDown)];
  if (!side.running) return;
  for (std::size_t i = 0; i < kJudgedOfDevice; ++i) {
    const Account& a = side.accounts[i];
    if (bench_.report.holds(Rule::kIdleCredits, a.free() == a.initial)) continue;
    bench_.report.violation(
        Rule::kIdleCredits, context(cycle),
        fmt::format("{} of {} {} credits have come back", a.free(), a.initial, kNames[i]));
  }
}

}  // namespace siov::check
