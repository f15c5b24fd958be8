// SPDX-License-Identifier: Apache-2.0
// Workload: a program in the guest that plays operations through the driver, keeps a window of them
// in flight, and checks every destination byte with its own arithmetic.
//
//   guest::Workload workload(driver, space, source, config);
//   co_await workload.run();
//   workload.result().mismatches;      // 0 if the device did as told
#pragma once

#include <boost/random/taus88.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "coro/task.hpp"
#include "guest/address_space.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/operation.hpp"

namespace siov::guest {

struct WorkloadConfig {
  std::uint32_t window = 16;                ///< operations in flight
  std::uint64_t seed = 1;                   ///< of buffer contents and overlaps
  std::uint64_t limit = ~std::uint64_t{0};  ///< stop after so many operations
  std::function<void()> on_operation;       ///< after each finished operation; may be empty
};

/// One operation that did not do what it says.
struct Mismatch {
  std::uint64_t operation = 0;  ///< index in the source
  OperationKind kind = OperationKind::kCopy;
  std::string what;
};

struct WorkloadResult {
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;  ///< sum of Operation::bytes
  std::uint64_t interrupts_asked = 0;
  std::uint64_t mismatches = 0;
  std::vector<Mismatch> first;  ///< up to 16
};

class Workload {
 public:
  /// All references outlive run().
  Workload(DsaDriver& driver, AddressSpace& space, OperationSource& source, WorkloadConfig config);
  ~Workload();
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  /// Plays the source to its end. A started window of tasks is joined before it returns.
  coro::Task<> run();
  [[nodiscard]] const WorkloadResult& result() const { return result_; }

 private:
  struct Lane;
  coro::Task<> lane(std::uint32_t index);
  coro::Task<> play(Lane& lane, Operation operation, std::uint64_t index);
  void prepare(Lane& lane, const Operation& operation, std::uint64_t index);
  void prepare_compare(Lane& lane, std::uint32_t bytes, boost::random::taus88& engine);
  void prepare_overlap(Lane& lane, const Operation& operation, std::uint64_t random);
  abi::Descriptor describe(const Lane& lane, const Operation& operation) const;
  void check(const Lane& lane, const Operation& operation, std::uint64_t index,
             const abi::CompletionRecord& record);
  void report_difference(Iova at, std::span<const std::byte> expected, std::uint64_t index,
                         OperationKind kind);
  void report(std::uint64_t index, OperationKind kind, std::string what);

  DsaDriver& driver_;
  AddressSpace& space_;
  OperationSource& source_;
  WorkloadConfig config_;
  WorkloadResult result_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint64_t next_index_ = 0;
};

}  // namespace siov::guest
