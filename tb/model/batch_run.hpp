// SPDX-License-Identifier: Apache-2.0
// BatchRun: a batch on its way through an engine: reads the list, runs the members in order, stops
// at a fence behind a failure.
//
//   BatchRun run(prediction.list, identifier, executor.page_wait());
//   while (run.step(executor, batch, now) == BatchRun::Step::kProgress) {}
//   if (run.done()) finish_batch(descriptor, context, run.result());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "model/executor.hpp"

namespace siov::model {

class BatchRun {
 public:
  static constexpr std::size_t kMemberBytes = 64;

  enum class Step : std::uint8_t {
    kWait,
    kWaitPage,  ///< for a page of the list or of a member
    kProgress
  };

  /// @param list  a whole number of members  @param identifier  names the batch in log entries
  BatchRun(const Range& list, std::uint8_t identifier, PageWait wait)
      : next_(list.address),
        left_(list.bytes / kMemberBytes),
        identifier_(identifier),
        wait_(std::move(wait)) {}

  /// The next thing to do for a member. @param batch  the batch descriptor, the same in every call
  Step step(Executor& executor, const Subject& batch, std::uint64_t now);
  /// No member is under way and none will be.
  bool done() const { return stage_ == Stage::kDone; }
  const BatchResult& result() const { return result_; }
  /// An abort: absent pages of the list and of members count as faulted.
  void give_up();

 private:
  enum class Stage : std::uint8_t { kNext, kRunning, kEnding, kDone };
  Step start_next(Executor& executor, const Subject& batch, std::uint64_t now);
  Step fetch(Executor& executor, const Subject& batch);
  void fail_list(std::uint8_t status);
  Step run_member(Executor& executor, const Subject& batch);
  void note_end(const WorkContext& context);

  Iova next_;           ///< of the list, to be read
  std::uint64_t left_;  ///< members to be read
  std::uint8_t identifier_;
  Stage stage_ = Stage::kNext;
  std::deque<std::array<std::byte, kMemberBytes>> fetched_;
  abi::Descriptor member_;
  std::uint64_t due_ = 0;
  PageWait wait_;  ///< of the list
  std::optional<Execution> execution_;
  bool given_up_ = false;
  bool reported_ = false;  ///< an error of an earlier member went to SWERROR or the event log
  BatchResult result_;
};

}  // namespace siov::model
