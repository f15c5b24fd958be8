// SPDX-License-Identifier: Apache-2.0
// What a Testbench is made of; testbench.cpp builds and plays, testbench_collect.cpp counts.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "coro/scheduler.hpp"
#include "guest/machine.hpp"
#include "system/churn.hpp"
#include "system/memory_meter.hpp"
#include "system/migrations.hpp"
#include "system/node.hpp"
#include "system/supervisor.hpp"
#include "system/tenant.hpp"
#include "system/testbench.hpp"

namespace siov::system {

/// Operations that all guests will have played.
std::uint64_t total_work(const Scenario& scenario);

struct Testbench::Impl {
  Impl(Scenario s, const RunOptions& o);

  [[nodiscard]] DeviceOptions device_options(std::uint8_t host) const;
  SupervisorConfig supervisor_config();
  [[nodiscard]] std::uint64_t memory_of_vm(std::uint32_t vm) const;
  void build_node(std::uint8_t number);
  void build_tenants();
  [[nodiscard]] bool is_on(const Tenant& tenant, const Node& node) const;
  std::string owner_name(const Node& node, std::uint32_t wq, std::uint32_t pasid) const;
  void late_record(const Node& node, Pasid pasid, Iova address, std::span<const std::byte> record);
  [[nodiscard]] bool own_errors(const Tenant& tenant) const;
  [[nodiscard]] Node& home_of(const Tenant& tenant) {
    return *nodes[tenant.parameters().on_second ? 1 : 0];
  }
  coro::Task<> main();
  coro::Task<> play_one(Tenant& tenant);
  coro::Task<> settle();
  void play();
  // testbench_collect.cpp
  void collect(RunResult& result);
  void collect_device(RunResult& result, Node& node) const;
  void collect_mismatches(RunResult& result) const;
  void collect_paging(RunResult& result);
  void collect_lives(RunResult& result) const;
  void collect_migrations(RunResult& result);
  [[nodiscard]] std::uint64_t violations() const;
  [[nodiscard]] std::string digest() const;

  Scenario scenario;
  RunOptions options;
  coro::Scheduler scheduler;
  Supervisor supervisor;
  std::vector<std::unique_ptr<Node>> nodes;  ///< one host, or two
  std::map<std::uint32_t, std::unique_ptr<guest::Machine>>
      machines;  ///< by VM number of the scenario
  std::vector<std::unique_ptr<Tenant>> tenants;
  std::unique_ptr<Churn> churn;            ///< on the first host
  std::unique_ptr<Migrations> migrations;  ///< null without
  std::uint64_t pasids = 0;
  MemoryMeter meter;
  std::string stopped;
};

}  // namespace siov::system
