// SPDX-License-Identifier: Apache-2.0
// Churn: VDEVs that come, work, pause, move, are reset and go, at random from the seed, while the
// tenants of the scenario work. Their guests check every result, too.
//
//   system::Churn churn(scenario, host_side, manager, [&] { ++supervisor.done; });
//   churn.start();
//   co_await churn.join();
//   result.mismatches += churn.result().mismatches;
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coro/join.hpp"
#include "coro/task.hpp"
#include "guest/device_slot.hpp"
#include "guest/machine.hpp"
#include "guest/workload.hpp"
#include "system/host_side.hpp"
#include "system/scenario.hpp"
#include "vdcm/manager.hpp"

namespace siov::system {

struct ChurnResult {
  std::uint64_t lives = 0;
  std::uint64_t pauses = 0, moves = 0, resets = 0, killed = 0;
  std::uint64_t operations = 0, descriptors = 0, bytes = 0, mismatches = 0, retries = 0;
  std::vector<std::string> failures;  ///< the first ones of each guest
};

class Churn {
 public:
  /// All references outlive this. @param on_operation  after each operation of a guest
  Churn(const Scenario& scenario, HostSide& host, vdcm::Manager& manager,
        std::function<void()> on_operation);
  ~Churn();

  /// From inside a task.
  void start();
  coro::Task<> join();
  [[nodiscard]] const ChurnResult& result() const { return result_; }
  /// Retired pages that somebody has written to.
  [[nodiscard]] std::uint64_t stale_writes() const;

 private:
  struct Lane;
  struct Life;
  enum class Event : std::uint8_t { kPause, kMove, kReset, kQuiet };

  coro::Task<> run(Lane& lane);
  coro::Task<> live(Lane& lane, std::uint32_t number);
  coro::Task<> happen(Lane& lane, Life& life, Event event);
  coro::Task<> work(Life& life, std::uint64_t seed);
  coro::Task<> pause(Lane& lane, Life& life);
  coro::Task<> move(Lane& lane, Life& life);
  coro::Task<> leave_work_in_flight(Life& life);
  coro::Task<> open(Life& life);
  [[nodiscard]] coro::Task<vdcm::VdevId> create(Life& life);
  [[nodiscard]] vdcm::VdevRequest request(Life& life);
  [[nodiscard]] Event draw_event(Lane& lane) const;

  const Scenario& scenario_;
  HostSide& host_;
  vdcm::Manager& manager_;
  std::function<void()> on_operation_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<coro::JoinHandle> tasks_;
  ChurnResult result_;
};

}  // namespace siov::system
