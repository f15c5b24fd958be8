// SPDX-License-Identifier: Apache-2.0
// Batches. @spec DSA 5.6 (01)
#include "model/batch_run.hpp"

#include <algorithm>
#include <vector>

namespace siov::model {

BatchRun::Step BatchRun::step(Executor& executor, const Subject& batch, std::uint64_t now) {
  switch (stage_) {
    case Stage::kNext:
      start_next(executor, batch, now);
      return Step::kProgress;
    case Stage::kRunning:
      if (due_ > now) return Step::kWait;
      run_member(executor, batch);
      return Step::kProgress;
    case Stage::kEnding:
      if (!executor.settle(ending_)) return Step::kWait;
      stage_ = Stage::kNext;
      return Step::kProgress;
    case Stage::kDone:
      break;
  }
  return Step::kWait;
}

void BatchRun::start_next(Executor& executor, const Subject& batch, std::uint64_t now) {
  stage_ = Stage::kDone;
  if (fetched_.empty() && left_ == 0) return;
  if (fetched_.empty() && !fetch(executor, batch)) {
    result_.list_error = true;
    return;
  }
  member_ = abi::decode_descriptor(fetched_.front());
  fetched_.pop_front();
  if (fence_ends_batch(member_, result_.any_failed)) return;
  due_ = now + executor.data_cycles(member_, batch.context);
  stage_ = Stage::kRunning;
}

/// Reads up to the next 512-byte boundary, each member once.
bool BatchRun::fetch(Executor& executor, const Subject& batch) {
  const std::size_t room = DmaMaster::kMaxRead - next_.value % DmaMaster::kMaxRead;
  const std::uint64_t members = std::min<std::uint64_t>(room / kMemberBytes, left_);
  std::vector<std::byte> bytes(members * kMemberBytes);
  if (!executor.read_list(batch, next_, bytes)) return false;
  for (std::uint64_t m = 0; m < members; ++m) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(m * kMemberBytes), kMemberBytes,
                fetched_.emplace_back().begin());
  }
  next_ += bytes.size();
  left_ -= members;
  return true;
}

void BatchRun::run_member(Executor& executor, const Subject& batch) {
  WorkContext context = executor.member_context(batch, member_);
  context.first_error = !reported_;
  const auto index = static_cast<std::uint16_t>(result_.completed);
  const Subject subject{member_, context, batch.wq, identifier_, index};
  const Prediction p = executor.run(subject);
  ending_ = executor.conclude(subject, p);
  reported_ |= ending_.report.has_value();
  result_.any_failed |= p.status != abi::kStSuccess;
  ++result_.completed;
  executor.count_member();
  stage_ = Stage::kEnding;
}

}  // namespace siov::model
