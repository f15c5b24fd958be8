// SPDX-License-Identifier: Apache-2.0
// One descriptor. @spec DSA 2.7, 2.11, 4.3, 5.3, 5.4
#include "model/executor.hpp"

#include <algorithm>

namespace siov::model {
namespace {

constexpr unsigned kMaxBatchLog2 = 10;  // GENCAP

bool has_data(std::uint8_t opcode) {
  return opcode >= abi::kOpMemmove && opcode != abi::kOpCacheFlush;
}

/// Codes whose log entry carries the completion record. @spec DSA 2.11
bool logs_record(std::uint8_t code) {
  return code == abi::kStBadHandle || code == abi::kStEvlDrain;
}

Owner owner_of(const Subject& s) {
  return {s.context.pasid, effective_privilege(s.descriptor, s.context)};
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

Prediction Executor::run(const Subject& s) {
  const Owner owner = owner_of(s);
  // Readbacks come behind the writes, which predict() does not make.
  auto read = [&](Iova address, std::span<std::byte> out) {
    return out.empty() || around_.master.read(owner, address, out);
  };
  Prediction p = predict(s.descriptor, s.context, read);
  for (const Write& w : p.writes) around_.master.write(owner, w.address, w.data);
  for (std::size_t i = 0; i < p.readbacks.size(); ++i) {
    if (around_.master.readback(owner, p.readbacks[i])) continue;
    return readback_failed(p, s.descriptor, s.context, i);
  }
  return p;
}

bool Executor::read_list(const Subject& batch, Iova address, std::span<std::byte> out) {
  return around_.master.read(owner_of(batch), address, out);
}

Ending Executor::conclude(const Subject& s, const Prediction& p) {
  if (p.writes_record) around_.master.write_record(owner_of(s), p.record_address, p.record);
  Ending ending;
  if (p.software_error || p.log_record) ending.report = report_of(s, p);
  if (p.interrupt) ending.interrupt = InterruptHandle{s.context.ims, s.descriptor.interrupt_handle};
  return ending;
}

SoftwareError Executor::report_of(const Subject& s, const Prediction& p) const {
  SoftwareError e;
  e.code = p.log_record ? abi::kStEvlDrain : p.status;
  e.desc_valid = true;
  e.wq_valid = true;
  e.member = s.context.in_batch;
  e.privileged = p.privileged && s.context.pasid.has_value();
  e.wq = s.wq;
  e.batch = s.batch;
  e.opcode = s.descriptor.opcode;
  e.pasid = s.context.pasid.value_or(Pasid{0});
  e.member_index = s.index;
  if (config_.evl) e.info = p.error_info;
  e.address = p.error_address;
  if (logs_record(e.code)) e.record = p.record;
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
