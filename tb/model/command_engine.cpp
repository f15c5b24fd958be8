// SPDX-License-Identifier: Apache-2.0
// Commands. @spec DSA 3.1 to 3.3
#include "model/command_engine.hpp"

#include <bit>

namespace siov::model {
namespace {

constexpr unsigned kMaxBatchLog2 = 10;  // GENCAP
constexpr unsigned kBuffersPerEngine = 4;
constexpr unsigned kQueuesPerBitmap = 16;

bool is_abort(std::uint8_t code) {
  return code == abi::kCmdAbortAll || code == abi::kCmdAbortWq || code == abi::kCmdAbortPasid ||
         code == abi::kCmdResetWq || code == abi::kCmdResetDevice;
}

bool is_whole_device(std::uint8_t code) {
  return code == abi::kCmdDisableDevice || code == abi::kCmdDrainAll || code == abi::kCmdAbortAll ||
         code == abi::kCmdResetDevice;
}

}  // namespace

CommandEngine::CommandEngine(const DeviceConfig& config, const Surroundings& around,
                             Operations& operations)
    : config_(config), around_(around), operations_(operations) {}

/// Bits 15:0 of the operand stand for queues of the group of sixteen in bits 19:16. @spec DSA 3.1
bool CommandEngine::selects(unsigned wq) const {
  return wq / kQueuesPerBitmap == operand_ >> kQueuesPerBitmap &&
         (operand_ >> wq % kQueuesPerBitmap & 1u) != 0;
}

template <class F>
void CommandEngine::for_selected(F action) {
  for (unsigned w = 0; w < around_.queues.num_wq(); ++w) {
    if (is_whole_device(code_) || selects(w)) action(around_.queues.queue(w), w);
  }
}

void CommandEngine::start(std::uint32_t value) {
  active_ = true;
  interrupt_ = (value >> abi::kCmdRequestIntLsb) != 0;
  code_ = static_cast<std::uint8_t>(value >> abi::kCmdCodeLsb & 0x1Fu);
  operand_ = value & 0xFFFFFu;
  limit_ = around_.queues.next_sequence();
  cycles_left_ = config_.command_cycles;
  last_page_.reset();
  error_ = check();
  if (error_ == abi::kCmdErrNone) begin();
}

std::uint8_t CommandEngine::check() const {
  const std::uint8_t last = config_.cmd_cap ? abi::kCmdReleaseIntHandle : abi::kCmdAbortPasid;
  if (code_ == 0 || code_ > last) return abi::kCmdErrUnsupported;
  const bool resets_halt =
      code_ == abi::kCmdResetDevice && around_.registers.reset_type() == abi::kResetTypeCommand;
  if (around_.registers.state() == abi::kGenstsHalt && !resets_halt) return abi::kCmdErrHalted;
  switch (code_) {
    case abi::kCmdEnableDevice:
      return check_enable_device();
    case abi::kCmdDisableDevice:
      return around_.registers.state() == abi::kGenstsEnabled ? abi::kCmdErrNone
                                                              : abi::kCmdErrDisableNotEnabled;
    case abi::kCmdEnableWq:
      return check_enable_wq();
    case abi::kCmdDisableWq:
    case abi::kCmdDrainWq:
    case abi::kCmdAbortWq:
      return check_queues(true);
    case abi::kCmdResetWq:
      return check_queues(false);
    case abi::kCmdRequestIntHandle:
    case abi::kCmdReleaseIntHandle:
      return check_handle();
    default:
      return abi::kCmdErrNone;
  }
}

std::uint8_t CommandEngine::check_enable_device() const {
  if (around_.registers.state() != abi::kGenstsDisabled) return abi::kCmdErrDevNotDisabled;
  if (!around_.space.bus_master()) return abi::kCmdErrBusMaster;
  const std::uint32_t pages = around_.space.page_allocation();
  if (around_.space.pri_enabled() && (pages == 0 || pages > PageRequests::kGroups))
    return abi::kCmdErrPriAllocation;
  std::uint64_t entries = 0;
  for (unsigned w = 0; w < config_.num_wq; ++w) entries += around_.queues.queue(w).size;
  if (entries > config_.wq_entries) return abi::kCmdErrWqSizes;
  if (const std::uint8_t error = check_groups()) return error;
  if (const std::uint8_t error = check_read_buffers()) return error;
  const bool log_bad = around_.registers.event_log_bad(around_.space.pasid_enabled());
  return log_bad ? abi::kCmdErrEvlConfig : abi::kCmdErrNone;
}

std::uint8_t CommandEngine::check_groups() const {
  QueueSet wqs_seen;
  std::uint64_t engines_seen = 0;
  bool wq_twice = false;
  bool engine_twice = false;
  for (unsigned i = 0; i < config_.num_groups; ++i) {
    const Group& g = around_.queues.group(i);
    const QueueSet wqs = g.queues();
    const bool past_capability =
        (wqs >> config_.num_wq).any() || (g.engines >> config_.num_engines) != 0;
    if (past_capability || wqs.any() != (g.engines != 0)) return abi::kCmdErrGroupConfig;
    wq_twice |= (wqs_seen & wqs).any();
    engine_twice |= (engines_seen & g.engines) != 0;
    wqs_seen |= wqs;
    engines_seen |= g.engines;
  }
  if (wq_twice) return abi::kCmdErrWqGroup;
  for (unsigned w = 0; w < config_.num_wq; ++w) {
    if ((around_.queues.queue(w).size != 0) != wqs_seen[w]) return abi::kCmdErrWqGroup;
  }
  return engine_twice ? abi::kCmdErrEngineGroup : abi::kCmdErrNone;
}

/// Groups without engines may hold any numbers but reservations that are not there. @spec DSA 3.3
std::uint8_t CommandEngine::check_read_buffers() const {
  unsigned reserved = 0;
  for (unsigned i = 0; i < config_.num_groups; ++i) reserved += around_.queues.group(i).reserved();
  if (reserved > config_.read_buffers) return abi::kCmdErrReadBuffers;
  const unsigned pool = config_.read_buffers - reserved;
  for (unsigned i = 0; i < config_.num_groups; ++i) {
    const Group& g = around_.queues.group(i);
    if (g.engines == 0) continue;
    const unsigned least = kBuffersPerEngine * static_cast<unsigned>(std::popcount(g.engines));
    if (g.allowed() < least || g.allowed() < g.reserved() || g.allowed() > g.reserved() + pool)
      return abi::kCmdErrReadBuffers;
    const unsigned limit = around_.registers.read_buffer_limit();
    if (g.uses_global_limit() &&
        (limit < least || limit < g.reserved() || limit > config_.read_buffers))
      return abi::kCmdErrReadBuffers;
  }
  return abi::kCmdErrNone;
}

std::uint8_t CommandEngine::check_enable_wq() const {
  if ((operand_ >> 8) != 0) return abi::kCmdErrReservedOperand;
  if (operand_ >= config_.num_wq) return abi::kCmdErrWqIndex;
  if (around_.registers.state() != abi::kGenstsEnabled) return abi::kCmdErrDevNotEnabled;
  const WorkQueue& q = around_.queues.queue(operand_);
  if (q.state != abi::kWqStateDisabled) return abi::kCmdErrWqNotDisabled;
  return check_queue_config(q);
}

std::uint8_t CommandEngine::check_queue_config(const WorkQueue& q) const {
  if (q.size == 0) return abi::kCmdErrWqSize;
  if (q.priority() == 0) return abi::kCmdErrWqPriority;
  const bool prs = around_.space.pri_enabled() && !q.ats_disabled() && !q.prs_disabled();
  if (q.bof_enabled() && !prs) return abi::kCmdErrWqBof;
  const bool pasid_bad = q.pasid_enabled() ? !around_.space.pasid_enabled() : !q.dedicated();
  if (pasid_bad) return abi::kCmdErrWqPasid;
  if (q.max_batch_log2() > kMaxBatchLog2) return abi::kCmdErrWqMaxBatch;
  const bool priv_bad =
      q.privileged() && q.dedicated() && q.pasid_enabled() && !around_.space.pasid_privileged();
  if (priv_bad) return abi::kCmdErrWqPriv;
  if (occupancy_bad(q)) return abi::kCmdErrWqOccInt;
  return (q.operations & ~config_.opcap) != 0 ? abi::kCmdErrWqOpcfg : abi::kCmdErrNone;
}

/// The handle of an enabled occupancy interrupt must be one that the queue's PASID may use. @spec
/// DSA 2.10
bool CommandEngine::occupancy_bad(const WorkQueue& q) const {
  if (!q.occupancy_interrupt()) return false;
  const auto pasid = q.pasid_enabled() ? std::optional(q.pasid()) : std::nullopt;
  return !around_.interrupts.permitted(q.occupancy_handle(), pasid);
}

/// A bitmap of queues in a group of sixteen.
std::uint8_t CommandEngine::check_queues(bool must_be_enabled) const {
  unsigned selected = 0;
  bool disabled = false;
  for (unsigned w = 0; w < config_.num_wq; ++w) {
    if (!selects(w)) continue;
    ++selected;
    disabled |= around_.queues.queue(w).state != abi::kWqStateEnabled;
  }
  const auto named = static_cast<unsigned>(std::popcount(operand_ & 0xFFFFu));
  if (selected != named) return abi::kCmdErrWqIndex;
  return must_be_enabled && disabled ? abi::kCmdErrWqNotEnabled : abi::kCmdErrNone;
}

InterruptHandle CommandEngine::handle() const {
  return {(operand_ >> 16 & 1u) != 0, static_cast<std::uint16_t>(operand_)};
}

/// The handle is the index. @spec DSA 3.1 (13), (14)
std::uint8_t CommandEngine::check_handle() const {
  if ((operand_ >> 17) != 0) return abi::kCmdErrReservedOperand;
  const bool good = code_ == abi::kCmdRequestIntHandle ? around_.interrupts.exists(handle())
                                                       : around_.interrupts.granted(handle());
  return good ? abi::kCmdErrNone : abi::kCmdErrIntIndex;
}

bool CommandEngine::affects(const Work& work) const {
  if (work.sequence >= limit_) return false;
  if (is_whole_device(code_)) return true;
  if (code_ == abi::kCmdDrainPasid || code_ == abi::kCmdAbortPasid) {
    const WorkQueue& q = around_.queues.queue(work.wq);
    if (!q.dedicated()) return work.descriptor.pasid.value == operand_;
    return q.pasid_enabled() && q.pasid().value == operand_;
  }
  return selects(work.wq);
}

void CommandEngine::begin() {
  const bool device = code_ == abi::kCmdDisableDevice || code_ == abi::kCmdResetDevice;
  if (code_ == abi::kCmdResetDevice && around_.registers.state() == abi::kGenstsHalt)
    operations_.flush();
  if (device) around_.registers.set_state(abi::kGenstsDraining);
  if (device || code_ == abi::kCmdDisableWq || code_ == abi::kCmdResetWq) {
    for_selected([](WorkQueue& q, unsigned) {
      if (q.state == abi::kWqStateEnabled) q.state = abi::kWqStateBusy;
    });
  }
  if (is_abort(code_))
    around_.stats.discarded +=
        around_.queues.discard([this](const Work& work) { return affects(work); });
  if (is_abort(code_)) operations_.give_up([this](const Work& work) { return affects(work); });
}

bool CommandEngine::drained() const {
  const bool waits_for_nothing =
      code_ == abi::kCmdEnableDevice || code_ == abi::kCmdEnableWq || code_ > abi::kCmdAbortPasid;
  if (waits_for_nothing) return true;
  const auto match = [this](const Work& work) { return affects(work); };
  for (unsigned w = 0; w < around_.queues.num_wq(); ++w) {
    for (const Work& work : around_.queues.queue(w).entries) {
      if (match(work)) return false;
    }
  }
  return !operations_.any(match);
}

void CommandEngine::cycle() {
  if (!active_) return;
  if (cycles_left_ > 0) {
    --cycles_left_;
    return;
  }
  if (error_ == abi::kCmdErrNone) {
    if (!drained() || !settled()) return;
    complete();
  }
  active_ = false;
  const bool gives_handle = error_ == abi::kCmdErrNone && code_ == abi::kCmdRequestIntHandle;
  around_.registers.finish_command(error_, gives_handle ? handle().handle : 0, interrupt_);
}

void CommandEngine::reset_device() {
  around_.queues.reset();
  around_.registers.reset_device();
  around_.interrupts.reset_device();
}

/// Behind an abort, disable or reset no translation that the work used is used, and none of its
/// page requests is outstanding. @spec SIOV D-41, D-47
bool CommandEngine::settled() {
  const bool stops =
      is_abort(code_) || code_ == abi::kCmdDisableDevice || code_ == abi::kCmdDisableWq;
  if (!stops) return true;
  if (!last_page_) {
    around_.translations.forget();
    last_page_ = around_.pages.next_number();
  }
  return around_.pages.settled(*last_page_);
}

void CommandEngine::complete() {
  switch (code_) {
    case abi::kCmdEnableDevice:
      operations_.bind_groups();
      around_.registers.enable();
      return;
    case abi::kCmdDisableDevice:
      for_selected([](WorkQueue& q, unsigned) { q.state = abi::kWqStateDisabled; });
      around_.registers.set_state(abi::kGenstsDisabled);
      return;
    case abi::kCmdResetDevice:
      reset_device();
      return;
    case abi::kCmdEnableWq: {
      WorkQueue& q = around_.queues.queue(operand_);
      q.state = abi::kWqStateEnabled;
      q.credit = q.priority();
      return;
    }
    case abi::kCmdDisableWq:
      for_selected([](WorkQueue& q, unsigned) { q.state = abi::kWqStateDisabled; });
      return;
    case abi::kCmdResetWq:
      for_selected([this](WorkQueue&, unsigned w) { around_.queues.reset_queue(w, true); });
      return;
    case abi::kCmdRequestIntHandle:
      return around_.interrupts.grant(handle());
    case abi::kCmdReleaseIntHandle:
      (void)around_.interrupts.release(handle());  // granted: checked at the start
      return;
    default:
      return;
  }
}

void CommandEngine::abandon() {
  if (!active_) return;
  active_ = false;
  around_.registers.finish_command(abi::kCmdErrHalted, 0, interrupt_);
}

}  // namespace siov::model
