// SPDX-License-Identifier: Apache-2.0
// One descriptor. @spec DSA 2.7, 2.11, 4.3, 5.3, 5.4
#include "model/executor.hpp"

#include <algorithm>

#include "model/page_fault.hpp"

namespace siov::model {
namespace {

constexpr unsigned kMaxBatchLog2 = 10;  // GENCAP

bool has_data(std::uint8_t opcode) {
  return opcode >= abi::kOpMemmove && opcode != abi::kOpCacheFlush;
}

Owner owner_of(const Subject& s) {
  return {s.context.pasid, effective_privilege(s.descriptor, s.context), s.context.ats};
}

/// The page of a readback: a drain's is read only, a destination has been written.
PageAccess readback_access(const abi::Descriptor& d, const Prediction& p, std::size_t index) {
  const Iova page = p.readbacks[index].page();
  if (d.opcode != abi::kOpDrain)
    return {index == 0 ? Operand::kDestination1 : Operand::kDestination2, page,
            d.opcode != abi::kOpCacheFlush};
  const bool second = index == 1 || !d.has(kFlagReadback1);
  return {second ? Operand::kSource2 : Operand::kSource1, page, false};
}

/// Whether a piece of an operand that ends here leaves nothing of its page to be read.
bool all_of_page(const abi::Descriptor& d, Iova end) {
  if (end.page_offset() == 0) return true;
  const auto all = operands(d);
  return std::any_of(all.begin(), all.end(),
                     [&](const OperandRange& r) { return r.range.address + r.range.bytes == end; });
}

}  // namespace

WorkContext Executor::context_of(const Work& work) const {
  const WorkQueue& q = around_.queues.queue(work.wq);
  WorkContext c;
  c.dedicated = q.dedicated();
  if (!c.dedicated) {
    c.pasid = work.descriptor.pasid;
  } else if (q.pasid_enabled()) {
    c.pasid = q.pasid();
  }
  c.privileged = q.privileged();
  c.max_transfer = std::uint64_t{1} << q.max_transfer_log2();
  c.max_batch = 1u << std::min(q.max_batch_log2(), kMaxBatchLog2);
  c.bof_enabled = q.bof_enabled();
  c.handle_ok = around_.interrupts.permitted({work.ims, work.descriptor.interrupt_handle}, c.pasid);
  c.ims = work.ims;
  c.user_interrupts = around_.registers.user_interrupts();
  c.privileged_allowed = around_.space.pasid_privileged();
  c.operations = q.operations & config_.opcap;
  c.features.fill16 = config_.fill16;
  c.features.crc64 = config_.crc64;
  c.features.drain_readback = config_.drain_readback;
  c.features.batch1 = config_.batch1;
  c.event_log = around_.registers.event_log_on();
  c.ats = around_.space.ats_enabled() && !q.ats_disabled();
  c.prs = c.ats && around_.space.pri_enabled() && !q.prs_disabled();
  return c;
}

WorkContext Executor::member_context(const Subject& batch, const abi::Descriptor& member) const {
  WorkContext c = batch.context;
  c.in_batch = true;
  c.privileged = effective_privilege(batch.descriptor, batch.context);
  c.handle_ok = around_.interrupts.permitted({c.ims, member.interrupt_handle}, c.pasid);
  return c;
}

std::uint64_t Executor::data_cycles(const abi::Descriptor& d, const WorkContext& c) const {
  if (!has_data(d.opcode) || d.size > c.max_transfer) return 1;  // a refused size moves nothing
  return std::max<std::uint64_t>(
      1, (std::uint64_t{d.size} + config_.bytes_per_cycle - 1) / config_.bytes_per_cycle);
}

/// 0 if the access can be made now. @spec DSA 5.7
std::uint8_t Executor::gate(const PageWait& wait, const Owner& owner, const PageAccess& access) {
  if (!owner.ats) return 0;
  if (const std::uint8_t refused = wait.refused(access)) return refused;
  switch (around_.translations.look_up(owner, access.page, access.write).result) {
    case Translations::Result::kOk:
      return 0;
    case Translations::Result::kFault:
      return abi::kStPageFault;
    default:
      return abi::kStTranslationError;
  }
}

Execution Executor::begin_record(const Prediction& outcome) const {
  Execution x = begin();
  x.outcome = outcome;
  x.stage = Execution::Stage::kRecord;
  return x;
}

bool Executor::advance(Execution& x, const Subject& s) {
  while (x.stage != Execution::Stage::kDone) {
    if (x.wait.pending(around_.pages, owner_of(s))) return false;
    const Step step = x.stage == Execution::Stage::kData        ? data(x, s)
                      : x.stage == Execution::Stage::kReadbacks ? readbacks(x, s)
                                                                : record(x, s);
    if (step == Step::kOn) x.stage = static_cast<Execution::Stage>(static_cast<int>(x.stage) + 1);
  }
  return true;
}

/// Work that blocks on faults keeps its progress.
Executor::Step Executor::data(Execution& x, const Subject& s) {
  const Owner owner = owner_of(s);
  const bool blocks = owner.ats && blocks_on_fault(s.descriptor, s.context);
  PageAccess asked;
  // Readbacks come behind the writes, which predict() does not make.
  auto read = [&](Iova address, std::span<std::byte> out) {
    if (out.empty() || (blocks && x.progress.has(asked) && x.progress.recall(address, out)))
      return true;
    if (!around_.master.read(owner, address, out)) return false;
    // A compare reads no more of its second operand than it has of the first: the rest of that page
    // is still to come, and the page may be gone by then.
    if (blocks && all_of_page(s.descriptor, address + out.size()))
      x.progress.keep(asked, address, out);
    return true;
  };
  auto ask = [&](const PageAccess& access) -> std::uint8_t {
    asked = access;
    return blocks && x.progress.has(access) ? 0 : gate(x.wait, owner, access);
  };
  x.outcome = predict(s.descriptor, s.context, read, ask);
  const std::vector<Write>& writes = x.outcome.writes;
  const std::optional<PageFault>& fault = x.outcome.fault;
  const bool absent = fault && fault->status == abi::kStPageFault;
  if (blocks && absent && (x.wait.ask(fault->at) || x.wait.refused(fault->at) != 0)) {
    x.progress.write_whole(around_.master, owner, s.descriptor, writes);
    return Step::kAgain;
  }
  if (owner.ats) {
    x.progress.write(around_.master, owner, writes);
  } else {
    for (const Write& w : writes) around_.master.write(owner, w.address, w.data);
  }
  return Step::kOn;
}

Executor::Step Executor::readbacks(Execution& x, const Subject& s) {
  const Owner owner = owner_of(s);
  for (; x.readback < x.outcome.readbacks.size(); ++x.readback) {
    const PageAccess access = readback_access(s.descriptor, x.outcome, x.readback);
    const std::uint8_t status = gate(x.wait, owner, access);
    if (status == abi::kStPageFault && s.context.prs && x.wait.ask(access)) return Step::kAgain;
    const Iova at = x.outcome.readbacks[x.readback];
    if (status == 0 && around_.master.readback(owner, at, access.write)) continue;
    x.outcome = readback_failed(x.outcome, s.descriptor, s.context, x.readback);
    break;
  }
  return Step::kOn;
}

/// A record blocks whatever the flags say, while pages may be asked for. @spec DSA 5.7
Executor::Step Executor::record(Execution& x, const Subject& s) {
  const Owner owner = owner_of(s);
  if (x.outcome.writes_record) {
    const PageAccess access{Operand::kRecord, x.outcome.record_address.page(), true};
    const std::uint8_t status = gate(x.wait, owner, access);
    if (status == abi::kStPageFault && s.context.prs && x.wait.ask(access)) return Step::kAgain;
    if (status != 0) x.outcome = record_failed(x.outcome, s.descriptor, s.context);
  }
  const Prediction& p = x.outcome;
  if (p.writes_record) around_.master.write_record(owner, p.record_address, p.record);
  if (p.software_error || p.log_record) x.ending.report = report_of(s, p);
  if (p.interrupt)
    x.ending.interrupt = InterruptHandle{s.context.ims, s.descriptor.interrupt_handle};
  return Step::kOn;
}

bool Executor::list_pending(PageWait& wait, const Subject& batch) {
  return wait.pending(around_.pages, owner_of(batch));
}

std::uint8_t Executor::list_status(const PageWait& wait, const Subject& batch, Iova address) {
  return gate(wait, owner_of(batch), {Operand::kSource1, address.page(), false});
}

bool Executor::read_list(const Subject& batch, Iova address, std::span<std::byte> out) {
  return around_.master.read(owner_of(batch), address, out);
}

SoftwareError Executor::report_of(const Subject& s, const Prediction& p) const {
  SoftwareError e;
  e.code = p.error_code;
  e.desc_valid = true;
  e.wq_valid = true;
  e.member = s.context.in_batch;
  e.write = p.error_write;
  e.privileged = p.privileged && s.context.pasid.has_value();
  e.wq = s.wq;
  e.batch = s.batch;
  e.opcode = s.descriptor.opcode;
  e.pasid = s.context.pasid.value_or(Pasid{0});
  e.member_index = s.index;
  if (config_.evl) e.info = p.error_info;
  e.address = p.error_address;
  if (p.log_has_record) e.record = p.record;
  return e;
}

bool Executor::settle(Ending& ending) {
  if (ending.report && !around_.registers.report(*ending.report)) return false;
  ending.report.reset();
  if (ending.interrupt) around_.interrupts.request(*ending.interrupt);
  ending.interrupt.reset();
  return true;
}

}  // namespace siov::model
