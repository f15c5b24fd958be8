// SPDX-License-Identifier: Apache-2.0
// Job: one descriptor with its buffers, what memory and the completion record must hold when it has
// ended, and what memory holds if it never starts.
//
//   guest::Job job = builder.build(operation, random, nullptr);
//   job.place(space);                    // writes its buffers
//   ... the device works ...
//   for (const std::string& fault : job.faults_of_memory(space, true)) report(fault);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abi/completion_record.hpp"
#include "abi/descriptor.hpp"
#include "guest/address_space.hpp"
#include "guest/operation.hpp"

namespace siov::guest {

/// Bytes before and after a destination that must not change.
inline constexpr std::uint64_t kGuard = 64;

/// Memory of a job that is known before and after.
struct Region {
  const char* what = "";  ///< for messages: "destination"
  Iova at;
  std::vector<std::byte> before;
  std::vector<std::byte> after;   ///< empty: as before
  std::uint64_t open_offset = 0;  ///< bytes that may hold anything after it
  std::uint64_t open_bytes = 0;
  bool kept = false;  ///< holds data of an earlier job: not written before the job
};

/// What software sees of a job that has ended.
enum class Ending : std::uint8_t {
  kRecord,     ///< a completion record
  kQuiet,      ///< nothing: success, and no record was asked for
  kErrorOnly,  ///< an entry in SWERROR or the event log: the record could not be written
};

/// Memory that a successful job has written, for a later one to read.
struct Product {
  Iova at;
  std::vector<std::byte> bytes;
};

struct Job {
  OperationKind kind = OperationKind::kNoop;
  std::string fault;  ///< what is wrong with it on purpose; empty: nothing
  abi::Descriptor descriptor;
  abi::CompletionRecord expected;
  Ending ending = Ending::kRecord;
  bool any_details = false;  ///< bytes 16..31 of the record may hold anything
  bool at_most = false;      ///< bytes completed may be less than expected
  bool own_handle = false;   ///< the descriptor's interrupt handle is part of the test
  std::vector<Region> regions;
  std::optional<Product> product;

  /// Whether a later fence stops the batch. @spec dsa.md 5.6 (01)
  [[nodiscard]] bool failed() const { return expected.status != 1; }
  void place(AddressSpace& space) const;
  /// @param started  false: it was dropped before it began
  [[nodiscard]] std::vector<std::string> faults_of_memory(const AddressSpace& space,
                                                          bool started) const;
  /// Empty if the record is as expected.
  [[nodiscard]] std::string fault_of_record(const abi::CompletionRecord& record) const;
  /// The job ends with this status and does nothing else.
  void refuse(std::uint8_t status, std::string why);
};

}  // namespace siov::guest
