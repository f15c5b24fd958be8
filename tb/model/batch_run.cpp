// SPDX-License-Identifier: Apache-2.0
// Batches. @spec DSA 5.6 (01)
#include "model/batch_run.hpp"

#include <algorithm>
#include <vector>

namespace siov::model {

BatchRun::Step BatchRun::step(Executor& executor, const Subject& batch, std::uint64_t now) {
  switch (stage_) {
    case Stage::kNext:
      return start_next(executor, batch, now);
    case Stage::kRunning:
      if (due_ > now) return Step::kWait;
      return run_member(executor, batch);
    case Stage::kEnding:
      if (!executor.settle(execution_->ending)) return Step::kWait;
      execution_.reset();
      stage_ = Stage::kNext;
      return Step::kProgress;
    case Stage::kDone:
      break;
  }
  return Step::kWait;
}

void BatchRun::give_up() {
  given_up_ = true;
  wait_.give_up();
  if (execution_) execution_->wait.give_up();
}

BatchRun::Step BatchRun::start_next(Executor& executor, const Subject& batch, std::uint64_t now) {
  if (fetched_.empty() && left_ != 0) return fetch(executor, batch);
  stage_ = Stage::kDone;
  if (fetched_.empty()) return Step::kProgress;
  member_ = abi::decode_descriptor(fetched_.front());
  fetched_.pop_front();
  if (fence_ends_batch(member_, result_.any_failed)) return Step::kProgress;
  due_ = now + executor.data_cycles(member_, batch.context);
  execution_ = executor.begin();
  if (given_up_) execution_->wait.give_up();
  stage_ = Stage::kRunning;
  return Step::kProgress;
}

/// Reads up to the next 512-byte boundary, each member once. An absent page of the list is asked
/// for whatever the flags say, while pages may be asked for. @spec DSA 5.7
BatchRun::Step BatchRun::fetch(Executor& executor, const Subject& batch) {
  if (executor.list_pending(wait_, batch)) return Step::kWaitPage;
  const PageAccess access{Operand::kSource1, next_.page(), false};
  const std::uint8_t status = executor.list_status(wait_, batch, next_);
  if (status == abi::kStPageFault && batch.context.prs && wait_.ask(access)) return Step::kProgress;
  if (status != 0) {
    fail_list(status);
    return Step::kProgress;
  }
  const std::size_t room = DmaMaster::kMaxRead - next_.value % DmaMaster::kMaxRead;
  const std::uint64_t members = std::min<std::uint64_t>(room / kMemberBytes, left_);
  std::vector<std::byte> bytes(members * kMemberBytes);
  if (!executor.read_list(batch, next_, bytes)) {
    result_.list_error = true;
    stage_ = Stage::kDone;
    return Step::kProgress;
  }
  for (std::uint64_t m = 0; m < members; ++m) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(m * kMemberBytes), kMemberBytes,
                fetched_.emplace_back().begin());
  }
  next_ += bytes.size();
  left_ -= members;
  return Step::kProgress;
}

/// A page that stays away is 0x06, a request that failed 0x22. @spec DSA 5.5
void BatchRun::fail_list(std::uint8_t status) {
  const bool failed = status == abi::kStTranslationError;
  result_.list_fault = failed ? status : abi::kStBatchPageFault;
  result_.fault_address = next_.page();
  stage_ = Stage::kDone;
}

BatchRun::Step BatchRun::run_member(Executor& executor, const Subject& batch) {
  WorkContext context = executor.member_context(batch, member_);
  context.first_error = !reported_;
  const auto index = static_cast<std::uint16_t>(result_.completed);
  const Subject subject{member_, context, batch.wq, identifier_, index};
  if (!executor.advance(*execution_, subject)) return Step::kWaitPage;
  note_end(context);
  executor.count_member();
  stage_ = Stage::kEnding;
  return Step::kProgress;
}

/// A record in the event log is not lost: the host writes it later. @spec DSA 2.11
void BatchRun::note_end(const WorkContext& context) {
  const Prediction& p = execution_->outcome;
  const bool no_record = p.error_code == abi::kStCrFault;
  reported_ |= execution_->ending.report.has_value();
  result_.record_logged |= no_record && context.event_log;
  result_.any_failed |= p.status != abi::kStSuccess || (no_record && !context.event_log);
  ++result_.completed;
}

}  // namespace siov::model
