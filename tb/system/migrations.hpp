// SPDX-License-Identifier: Apache-2.0
// Migrations: takes VMs of the scenario from host to host and back while their tenants work.
//
//   system::Migrations migrations(scenario, nodes, machines, tenants);
//   migrations.start();                 // with the tenants
//   co_await migrations.join();
//   migrations.records();
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coro/join.hpp"
#include "coro/task.hpp"
#include "guest/memory_mover.hpp"
#include "system/migration_record.hpp"
#include "system/node.hpp"
#include "system/tenant.hpp"

namespace siov::system {

class Migrations {
 public:
  using Nodes = std::vector<std::unique_ptr<Node>>;
  using Tenants = std::vector<std::unique_ptr<Tenant>>;

  /// All references outlive this.
  Migrations(const Scenario& scenario, Nodes& nodes, Tenants& tenants);
  ~Migrations();

  /// From inside a task.
  void start();
  coro::Task<> join();
  /// Host on which a VM is now.
  [[nodiscard]] std::uint8_t host_of(std::uint32_t vm) const;
  /// Every attempt, in order of its end.
  [[nodiscard]] const std::vector<MigrationRecord>& records() const { return records_; }
  /// Pages of a host that was left that somebody has written since.
  [[nodiscard]] std::uint64_t stale_writes() const;
  /// What the scenario asked for and did not happen, or the other way round; empty if nothing.
  [[nodiscard]] std::vector<std::string> unexpected() const;

 private:
  class Guest;
  struct Traveller;
  coro::Task<> travel(Traveller& traveller);
  coro::Task<> attempt(Traveller& traveller, CancelPhase cancel);
  coro::Task<bool> rest(const Traveller& traveller, std::uint64_t cycles);
  [[nodiscard]] bool at_work(const Traveller& traveller) const;

  const Scenario& scenario_;
  Nodes& nodes_;
  std::vector<std::unique_ptr<Traveller>> travellers_;
  std::vector<coro::JoinHandle> tasks_;
  std::vector<std::unique_ptr<guest::MemoryMover>> movers_;  ///< of memory that was left
  std::vector<MigrationRecord> records_;
};

}  // namespace siov::system
