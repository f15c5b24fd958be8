// SPDX-License-Identifier: Apache-2.0
// Workload: a program in the guest that plays operations and batches through the driver, keeps a
// window of them in flight, and checks every record and every byte with its own arithmetic.
//
//   guest::Workload workload(driver, space, source, config);
//   co_await workload.run();
//   workload.result().mismatches;      // 0 if the device did as told
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coro/task.hpp"
#include "guest/address_space.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/job_builder.hpp"
#include "guest/operation.hpp"
#include "guest/partial_work.hpp"

namespace siov::guest {

struct WorkloadConfig {
  std::uint32_t window = 16;                     ///< operations in flight
  std::uint64_t seed = 1;                        ///< of buffer contents, flags and faults
  std::uint64_t limit = ~std::uint64_t{0};       ///< stop after so many operations
  std::uint64_t operations = ~std::uint64_t{0};  ///< opcodes that the queue takes
  std::uint32_t member_bytes = 1024;             ///< largest operation in a batch
  /// Every error must be reported: the host has an event log. Otherwise SWERROR may lose some.
  bool all_errors = false;
  bool own_errors = true;  ///< no other VDEV gets the errors of this one's work, nor the reverse
  /// Descriptor lists and records of members lie in pages that stay (dsa.md 5.7).
  bool pinned_lists = false;
  std::uint64_t page_latency_ns = 1000;  ///< what the guest needs to bring in a page itself
  std::function<void()> on_operation;    ///< after each finished operation; may be empty
};

/// One operation that did not do what it says.
struct Mismatch {
  std::uint64_t operation = 0;  ///< index in the source
  OperationKind kind = OperationKind::kCopy;
  std::string what;
};

struct WorkloadResult {
  std::uint64_t operations = 0;   ///< of the source; a batch is one
  std::uint64_t descriptors = 0;  ///< ended: operations and members of batches
  std::uint64_t batches = 0;
  std::uint64_t bad_inputs = 0;  ///< descriptors wrong on purpose that got the right answer
  std::uint64_t dropped = 0;     ///< members that a fence or a refused batch has dropped
  std::uint64_t bytes = 0;       ///< sum of the sizes of descriptors that did their work
  std::uint64_t interrupts_asked = 0;
  std::uint64_t errors_reported = 0;  ///< by SWERROR
  std::uint64_t errors_lost = 0;      ///< expected there, and not seen
  std::uint64_t resumed = 0;          ///< pieces submitted again after a stop at an absent page
  std::uint64_t mismatches = 0;
  std::vector<Mismatch> first;  ///< up to 16
  /// Of what every operation has left in memory, and its status. The same for a program whatever
  /// the order in which its operations ended.
  std::uint64_t memory_digest = 0;
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
  coro::Task<> play(Lane& lane, const Operation& operation, std::uint64_t index);
  coro::Task<> play_one(Lane& lane, const Operation& operation, std::uint64_t index);
  coro::Task<> play_batch(Lane& lane, const Operation& operation, std::uint64_t index);
  coro::Task<abi::CompletionRecord> perform(abi::Descriptor descriptor, SubmitOptions how);
  coro::Task<abi::CompletionRecord> resume(PartialWork& work, abi::CompletionRecord record,
                                           SubmitOptions how);
  coro::Task<bool> bring_in(const PartialWork& work, const abi::Descriptor& piece, Iova fault);
  coro::Task<bool> bring_in(Iova address);
  coro::Task<abi::CompletionRecord> perform_batch(Lane& lane, const Job& batch,
                                                  std::uint32_t started);
  coro::Task<> finish_member(Lane& lane, std::uint32_t member);
  [[nodiscard]] bool handle_was_revoked(const Lane& lane, std::uint32_t member) const;
  void rewrite_list(Lane& lane, std::uint32_t from);
  coro::Task<> play_stray(const Job& job, std::uint64_t index);
  coro::Task<> settle_errors();
  void prepare_members(Lane& lane, const Operation& operation, std::uint64_t index);
  Job prepare_batch(Lane& lane, const Operation& operation, std::uint64_t index,
                    std::uint32_t started);
  void check_member(const Lane& lane, std::uint32_t member, bool started, std::uint64_t index);
  void check(const Job& job, const abi::CompletionRecord& record, std::uint64_t index);
  void check_memory(const Job& job, bool started, std::uint64_t index, const std::string& prefix);
  void check_errors();
  void add_to_digest(const Job& job, std::uint64_t index, const std::string& prefix);
  void count(const Job& job);
  void report(std::uint64_t index, const Job& job, const std::string& what);
  void report(std::uint64_t index, OperationKind kind, std::string what);

  DsaDriver& driver_;
  AddressSpace& space_;
  OperationSource& source_;
  WorkloadConfig config_;
  WorkloadResult result_;
  DeviceFacts facts_;
  DeviceFacts member_facts_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint64_t next_index_ = 0;
  std::uint64_t handle_errors_ = 0;           ///< expected in SWERROR with code 0x19
  std::uint64_t revoked_members_ = 0;         ///< members of batches that went again
  std::vector<std::uint64_t> stray_members_;  ///< misaligned record addresses of members
  std::uint64_t stray_operations_ = 0;        ///< the same of operations, waited for one by one
};

}  // namespace siov::guest
