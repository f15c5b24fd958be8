// SPDX-License-Identifier: Apache-2.0
// The functional meaning of a descriptor: checks (predict_checks.cpp), operation (predict_move.cpp
// and the other run functions), readbacks, then who is told.
//
// Record and interrupt. Violation 0x1b or 0x1d, first or not, discards the descriptor: no record,
// no interrupt, SWERROR gets the status of the first violation. Otherwise the record is written if
// CRAV and (RCR or status not 1, 2, 5); an error that has no record goes to SWERROR, 0x19 goes
// there always. RCI interrupts with any status, unless RCI itself is invalid (0x11) or the handle
// fails (0x19), even when another violation came first. Fields of the record that the end of the
// work does not define are 0; so a failed read (0x20) or readback (0x21) leaves the status alone.
// Bit 7 of the status in the record says that a faulting access was a write (0x03, 0x04); the
// report of such a fault has its operand and the address of its page.
//
// Readbacks. A destination readback reads the last byte of each destination that was written: of
// the last write, of both destinations of a dualcast, of the range of a cache flush. It is made
// when the work ended normally (status 1 or 2).
#include "model/predict.hpp"

#include "abi/completion_record.hpp"
#include "model/page_fault.hpp"
#include "model/predict_checks.hpp"
#include "model/predict_run.hpp"

namespace siov::model {
namespace {

std::uint8_t operate(const Run& run) {
  switch (run.d.opcode) {
    case abi::kOpMemmove:
      return run_move(run);
    case abi::kOpFill:
      return run_fill(run);
    case abi::kOpCompare:
      return run_compare(run);
    case abi::kOpComparePattern:
      return run_compare_pattern(run);
    case abi::kOpCreateDelta:
      return run_create_delta(run);
    case abi::kOpApplyDelta:
      return run_apply_delta(run);
    case abi::kOpDualcast:
      return run_dualcast(run);
    case abi::kOpCacheFlush:
      return run_flush(run);
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc:
      return run_crc(run);
    case abi::kOpDifCheck:
    case abi::kOpDifInsert:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate:
      return run_dif(run);
    default:
      return abi::kStSuccess;  // no-op, drain
  }
}

/// Codes that end a descriptor normally: a record only on request. @spec DSA 5.4
bool ends_normally(std::uint8_t status) {
  return status == abi::kStSuccess || status == abi::kStSuccessPredicate ||
         status == abi::kStBatchFail;
}

/// The zero-length reads before the record. @spec DSA 5.3, 5.6 (02)
void add_readbacks(const abi::Descriptor& d, Prediction& p) {
  if (d.opcode == abi::kOpDrain) {
    if (d.has(kFlagReadback1)) p.readbacks.push_back(d.source);
    if (d.has(kFlagReadback2)) p.readbacks.push_back(d.destination);
    return;
  }
  if (!d.has(abi::kFlagCc2)) return;
  const auto last_of = [](const Write& w) { return w.address + (w.data.size() - 1); };
  if (d.opcode == abi::kOpCacheFlush) {
    p.readbacks.push_back(d.destination + (d.size - 1));
  } else if (d.opcode == abi::kOpDualcast) {
    for (const Write& w : p.writes) p.readbacks.push_back(last_of(w));
  } else if (!p.writes.empty()) {
    p.readbacks.push_back(last_of(p.writes.back()));
  }
}

/// The operand of a fault, 0 if the report is not about one. @spec DSA 2.11, 5.4
std::uint32_t operand_of(const abi::Descriptor& d, const Prediction& p) {
  if (p.error_code == abi::kStCrFault) return static_cast<std::uint32_t>(Operand::kRecord);
  if (p.error_code == abi::kStBatchPageFault) return static_cast<std::uint32_t>(Operand::kSource1);
  if (p.error_code == abi::kStReadbackFault)
    return d.has(kFlagReadback1) && p.error_address.page() == d.source.page() ? 1 : 2;
  return p.fault ? static_cast<std::uint32_t>(p.fault->at.operand) : 0;
}

/// @spec DSA 2.7, 2.11
std::uint32_t error_info(const abi::Descriptor& d, const WorkContext& ctx, const Prediction& p,
                         const abi::CompletionRecord& record) {
  if (p.error_code == abi::kStInvalidFlags) return record.invalid_flags();
  std::uint32_t info = d.interrupt_handle;
  if (d.has(abi::kFlagRci)) info |= 1u << 16;
  if (ctx.ims) info |= 1u << 17;
  if (d.has(abi::kFlagRcr)) info |= 1u << 18;
  if (ctx.in_batch && ctx.first_error) info |= 1u << 19;
  return info | operand_of(d, p) << 29;
}

/// Codes whose log entry carries the record. @spec DSA 2.11
bool entry_has_record(std::uint8_t code) {
  return code == abi::kStBadHandle || code == abi::kStCrFault || code == abi::kStEvlDrain ||
         code == abi::kStEvlBatch;
}

/// The record goes to the event log with this code, not to memory. @spec DSA 2.11
void divert(const abi::Descriptor& d, Prediction& p, std::uint8_t code) {
  p.writes_record = false;
  p.log_record = true;
  p.error_code = code;
  p.error_address = d.completion_address;
}

/// Who is told: record, log, SWERROR, interrupt.
void conclude(const abi::Descriptor& d, const WorkContext& ctx, abi::CompletionRecord& record,
              Prediction& p) {
  const bool fault = p.status == abi::kStPageFault || p.status == abi::kStPageFaultInvalid;
  p.error_write = fault && p.fault && p.fault->at.write;
  record.status = p.status | (p.error_write ? abi::kStWriteFault : 0);
  p.record = abi::to_bytes(record);
  p.record_address = d.completion_address;
  p.privileged = effective_privilege(d, ctx);
  p.error_code = p.status;
  const bool discard = discarded(d, ctx);
  const bool error = !ends_normally(p.status);
  p.writes_record = !discard && d.has(abi::kFlagCrav) && (d.has(abi::kFlagRcr) || error);
  p.software_error = discard || (error && !p.writes_record) || p.status == abi::kStBadHandle;
  p.interrupt = !discard && d.has(abi::kFlagRci) && ctx.handle_ok && interrupt_allowed(d, ctx);
  if (fault) p.error_address = record.fault_address;
  if (p.status == abi::kStCrMisaligned) p.error_address = d.completion_address;
  const bool logs_drain = d.opcode == abi::kOpDrain && ctx.event_log && !ctx.prs && !error;
  if (logs_drain && p.writes_record) divert(d, p, abi::kStEvlDrain);
  p.log_has_record = entry_has_record(p.error_code);
  p.error_info = error_info(d, ctx, p, record);
}

/// @param told  a fault that a device has told of
Prediction predict_run(const abi::Descriptor& d, const WorkContext& ctx, MemoryReader reader,
                       PageGate gate, const PageFault* told) {
  Prediction p;
  abi::CompletionRecord record;
  p.status = check_descriptor(d, ctx, record);
  if (p.status == 0 && d.opcode == abi::kOpBatch) {
    p.is_batch = true;
    p.list = {d.list(), std::uint64_t{d.count()} * abi::kDescBytes};
    p.privileged = effective_privilege(d, ctx);
    return p;
  }
  if (p.status == 0) {
    Run run{d, reader, p, record, gate};
    if (told != nullptr) {
      run.most = told->completed;
      run.late = told->late;
      run.told = true;
    }
    p.status = operate(run);
    std::erase_if(p.writes, [](const Write& w) { return w.data.empty(); });
    if (ends_normally(p.status)) add_readbacks(d, p);
  }
  for (std::size_t i = 0; i < p.readbacks.size(); ++i) {
    if (!reader(p.readbacks[i], {})) return readback_failed(p, d, ctx, i);
  }
  conclude(d, ctx, record, p);
  return p;
}

}  // namespace

Prediction predict(const abi::Descriptor& d, const WorkContext& ctx, MemoryReader reader) {
  return predict(d, ctx, reader, [](const PageAccess&) -> std::uint8_t { return 0; });
}

Prediction predict(const abi::Descriptor& d, const WorkContext& ctx, MemoryReader reader,
                   PageGate gate) {
  return predict_run(d, ctx, reader, gate, nullptr);
}

std::optional<Prediction> predict_fault(const abi::Descriptor& d, const WorkContext& ctx,
                                        MemoryReader reader, const PageFault& fault) {
  const auto gate = [&](const PageAccess& access) -> std::uint8_t {
    return access == fault.at ? fault.status : 0;
  };
  Prediction p = predict_run(d, ctx, reader, gate, &fault);
  if (!p.fault) return std::nullopt;
  return p;
}

Prediction finish_batch(const abi::Descriptor& d, const WorkContext& ctx,
                        const BatchResult& result) {
  Prediction p;
  abi::CompletionRecord record;
  p.status = result.list_fault != 0 ? result.list_fault
             : result.list_error    ? abi::kStReadError
             : result.any_failed    ? abi::kStBatchFail
                                    : abi::kStSuccess;
  record.bytes_completed = result.completed;
  if (result.list_fault == abi::kStBatchPageFault) {
    record.fault_address = result.fault_address;
    p.error_address = result.fault_address;
  }
  conclude(d, ctx, record, p);
  if (ctx.event_log && result.record_logged && p.writes_record) {
    divert(d, p, abi::kStEvlBatch);
    p.log_has_record = true;
    p.error_info = error_info(d, ctx, p, record);
  }
  return p;
}

Prediction record_failed(const Prediction& before, const abi::Descriptor& d,
                         const WorkContext& ctx) {
  Prediction p = before;
  divert(d, p, abi::kStCrFault);
  p.log_record = ctx.event_log;
  p.software_error = true;
  p.error_write = true;
  p.log_has_record = true;
  p.error_info = error_info(d, ctx, p, {});
  return p;
}

Prediction readback_failed(const Prediction& before, const abi::Descriptor& d,
                           const WorkContext& ctx, std::size_t which) {
  Prediction p;
  abi::CompletionRecord record;
  p.reads = before.reads;
  p.writes = before.writes;
  p.readbacks = before.readbacks;
  p.status = abi::kStWriteError;
  if (d.opcode == abi::kOpDrain) {
    p.status = abi::kStReadbackFault;
    record.fault_address = before.readbacks[which];
    p.error_address = before.readbacks[which];
  }
  conclude(d, ctx, record, p);
  return p;
}

}  // namespace siov::model
