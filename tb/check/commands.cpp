// SPDX-License-Identifier: Apache-2.0
// Commands: what each command does to the shadows, and what must be over when it has ended.
#include "check/commands.hpp"

#include "abi/siov_abi.hpp"

namespace siov::check {

bool Commands::names(const Command& command, std::uint32_t wq) const {
  return command.operand >> 16 == wq / 16 &&
         (command.operand >> (wq % 16) & 1) != 0;  // @spec dsa.md 3.1
}

void Commands::started(const Command& command) {
  RegisterShadow& registers = bench_.registers;
  before_ = scoreboard_.next_order();
  stopped_.clear();
  const bool all = command.code == abi::kCmdDisableDevice || command.code == abi::kCmdResetDevice;
  const bool some = command.code == abi::kCmdDisableWq || command.code == abi::kCmdResetWq;
  for (std::uint32_t wq = 0; wq < registers.num_queues(); ++wq) {
    Queue& queue = registers.queue(wq);
    if (command.code == abi::kCmdEnableWq && wq == (command.operand & 0xFF) &&
        queue.state == QueueState::kDisabled) {
      registers.latch_queue(wq);
      queue.state = QueueState::kEnabling;
    } else if (queue.state == QueueState::kLive && (all || (some && names(command, wq)))) {
      queue.state = QueueState::kStopping;
      stopped_.push_back(wq);
    }
  }
}

void Commands::start_queue(std::uint32_t wq) {
  Queue& queue = bench_.registers.queue(wq);
  if (queue.state != QueueState::kEnabling) return;
  queue.state = QueueState::kLive;
  if (!queue.dedicated || !queue.pasid_enable) return;
  PasidState& space = bench_.pasids.get(queue.pasid);
  ++space.live_dedicated;
  space.ever_live = true;
}

void Commands::stop_queue(std::uint32_t wq, bool aborted, bool clear, std::uint64_t cycle) {
  RegisterShadow& registers = bench_.registers;
  Queue& queue = registers.queue(wq);
  scoreboard_.settle([wq](const WorkItem& item) { return item.wq == wq; }, ~std::uint64_t{0},
                     aborted, cycle);
  const bool was_on = queue.state == QueueState::kLive || queue.state == QueueState::kStopping;
  if (was_on && queue.dedicated && queue.pasid_enable) {
    PasidState& space = bench_.pasids.get(queue.pasid);
    if (space.live_dedicated != 0) --space.live_dedicated;
    if (clear && !space.live()) forget_translations(queue.pasid, cycle);
  }
  if (wq < 256) {
    for (PasidState* space : bench_.pasids.all()) space->shared.reset(wq);
  }
  queue.state = QueueState::kDisabled;
  queue.unfinished = 0;
  if (clear) registers.clear_queue(wq);
}

void Commands::forget_translations(std::uint32_t pasid, std::uint64_t cycle) {
  pages_.judge_stopped(pasid, cycle);
  bench_.grants.end({.pasid = pasid}, bench_.order(), GrantEnd::kReset, cycle);
  bench_.grants.forget_refusals(pasid);
}

void Commands::disable_all(bool aborted, std::uint64_t cycle) {
  for (std::uint32_t wq = 0; wq < bench_.registers.num_queues(); ++wq) {
    if (bench_.registers.queue(wq).state != QueueState::kDisabled)
      stop_queue(wq, aborted, false, cycle);
  }
  bench_.registers.set_device_enabled(false);
}

void Commands::ended(const RegisterShadow::Ended& ended, std::uint64_t cycle) {
  RegisterShadow& registers = bench_.registers;
  const Command& command = ended.command;
  if (ended.error != 0) {
    for (const std::uint32_t wq : stopped_) registers.queue(wq).state = QueueState::kLive;
    if (command.code == abi::kCmdEnableWq && (command.operand & 0xFF) < registers.num_queues()) {
      Queue& queue = registers.queue(command.operand & 0xFF);
      if (queue.state == QueueState::kEnabling) queue.state = QueueState::kDisabled;
    }
    return;
  }
  switch (command.code) {
    case abi::kCmdEnableDevice:
      registers.set_device_enabled(true);
      return;
    case abi::kCmdDisableDevice:
      disable_all(false, cycle);
      return;
    case abi::kCmdResetDevice:
      disable_all(true, cycle);
      for (const PasidState* space : bench_.pasids.all()) forget_translations(space->pasid, cycle);
      bench_.grants.end({.without = true}, bench_.order(), GrantEnd::kReset, cycle);
      registers.reset(false);
      return;
    case abi::kCmdDrainAll:
    case abi::kCmdAbortAll:
      scoreboard_.settle([](const WorkItem&) { return true; }, before_,
                         command.code == abi::kCmdAbortAll, cycle);
      return;
    case abi::kCmdEnableWq:
      if ((command.operand & 0xFF) < registers.num_queues()) start_queue(command.operand & 0xFF);
      return;
    case abi::kCmdDrainWq:
    case abi::kCmdAbortWq:
      scoreboard_.settle([&](const WorkItem& item) { return names(command, item.wq); }, before_,
                         command.code == abi::kCmdAbortWq, cycle);
      return;
    case abi::kCmdDisableWq:
    case abi::kCmdResetWq:
      for (std::uint32_t wq = 0; wq < registers.num_queues(); ++wq) {
        if (names(command, wq))
          stop_queue(wq, command.code == abi::kCmdResetWq, command.code == abi::kCmdResetWq, cycle);
      }
      return;
    case abi::kCmdDrainPasid:
    case abi::kCmdAbortPasid:
      scoreboard_.settle([&](const WorkItem& item) { return item.space->pasid == command.operand; },
                         before_, command.code == abi::kCmdAbortPasid, cycle);
      // Newer work keeps the PASID live; otherwise its next request would be one too many.
      if (PasidState* space = bench_.pasids.find(command.operand);
          space != nullptr && space->active == 0)
        space->shared.reset();
      return;
    case abi::kCmdRequestIntHandle:
    case abi::kCmdReleaseIntHandle:  // the handle is the index. @spec dsa.md 3.1
      registers.grant((command.operand >> 16 & 1) != 0, command.operand & 0xFFFF,
                      command.code == abi::kCmdRequestIntHandle);
      return;
    default:
      return;
  }
}

void Commands::lost(bool function_reset, std::uint64_t cycle) {
  disable_all(true, cycle);
  if (!function_reset) return;
  bench_.registers.reset(true);
  bench_.device_requests.forget();
  bench_.host_requests.forget();
}

}  // namespace siov::check
