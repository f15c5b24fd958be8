// SPDX-License-Identifier: Apache-2.0
// Dispatch and execution. @spec DSA 5.3, 5.4, 5.6, 5.11
#include "model/operations.hpp"

#include <algorithm>

namespace siov::model {
namespace {

bool has_data(std::uint8_t opcode) {
  return opcode == abi::kOpMemmove || opcode == abi::kOpFill || opcode == abi::kOpCompare;
}

}  // namespace

Operations::Operations(const DeviceConfig& config, const Surroundings& around)
    : config_(config), around_(around), engines_(config.num_engines) {}

void Operations::bind_groups() {
  for (unsigned e = 0; e < engines_.size(); ++e) {
    engines_[e].group = -1;
    for (unsigned g = 0; g < around_.queues.num_groups(); ++g) {
      if ((around_.queues.group(g).engines >> e & 1u) != 0) engines_[e].group = static_cast<int>(g);
    }
  }
}

void Operations::flush() {
  around_.stats.discarded += in_flight_;
  for (Engine& e : engines_) {
    e.jobs.clear();
    e.next_free = 0;
  }
  in_flight_ = 0;
}

void Operations::cycle(std::uint64_t now) {
  if (in_flight_ != 0) finish_due(now);
  if (around_.queues.waiting() == 0) return;
  for (Engine& e : engines_) {
    if (e.group >= 0 && e.next_free <= now) dispatch(e, now);
  }
}

void Operations::finish_due(std::uint64_t now) {
  for (Engine& e : engines_) {
    while (!e.jobs.empty() && e.jobs.front().due <= now) {
      const Job job = std::move(e.jobs.front());
      e.jobs.pop_front();
      --in_flight_;
      ++around_.stats.completed;
      perform(job);
    }
  }
}

std::uint64_t Operations::data_cycles(const abi::Descriptor& d, std::uint64_t max_transfer) const {
  if (!has_data(d.opcode) || d.size > max_transfer) return 1;  // a refused size moves nothing
  return std::max<std::uint64_t>(
      1, (std::uint64_t{d.size} + config_.bytes_per_cycle - 1) / config_.bytes_per_cycle);
}

/// A drain waits at the head of its queue until the engines hold nothing of that queue. @spec
/// DSA 5.6 (02)
std::uint64_t Operations::blocked_heads() const {
  std::uint64_t blocked = 0;
  for (unsigned w = 0; w < around_.queues.num_wq(); ++w) {
    const std::deque<Work>& entries = around_.queues.queue(w).entries;
    if (entries.empty() || entries.front().descriptor.opcode != abi::kOpDrain) continue;
    if (any([w](const Work& work) { return work.wq == w; })) blocked |= std::uint64_t{1} << w;
  }
  return blocked;
}

void Operations::dispatch(Engine& e, std::uint64_t now) {
  const auto wq = around_.queues.arbitrate(static_cast<unsigned>(e.group), blocked_heads());
  if (!wq) return;
  Job job;
  job.work = around_.queues.pop(*wq);
  job.context = context_of(job.work);
  e.next_free = now + data_cycles(job.work.descriptor, job.context.max_transfer);
  job.due = e.next_free + config_.latency_cycles;
  e.jobs.push_back(std::move(job));
  ++in_flight_;
}

WorkContext Operations::context_of(const Work& work) const {
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
  c.bof_enabled = q.bof_enabled();
  c.handle_ok = around_.interrupts.permitted({work.ims, work.descriptor.interrupt_handle}, c.pasid);
  c.user_interrupts = around_.registers.user_interrupts();
  c.privileged_allowed = around_.space.pasid_privileged();
  c.operations = config_.opcap;
  return c;
}

void Operations::perform(const Job& job) {
  const abi::Descriptor& d = job.work.descriptor;
  const Owner owner{job.context.pasid, effective_privilege(d, job.context)};
  auto read = [&](Iova address, std::span<std::byte> out) {
    return around_.master.read(owner, address, out);
  };
  const Prediction p = predict(d, job.context, read);
  for (const Write& w : p.writes) around_.master.write(owner, w.address, w.data);
  if (p.writes_record) around_.master.write_record(owner, p.record_address, p.record);
  if (p.software_error) log(job, p);
  if (p.interrupt) around_.interrupts.request({job.work.ims, d.interrupt_handle});
}

void Operations::log(const Job& job, const Prediction& p) {
  SoftwareError e;
  e.code = p.status;
  e.desc_valid = true;
  e.wq_valid = true;
  e.privileged = p.privileged && job.context.pasid.has_value();
  e.wq = job.work.wq;
  e.opcode = job.work.descriptor.opcode;
  e.pasid = job.context.pasid.value_or(Pasid{0});
  e.address = p.error_address;
  around_.registers.log(e);
}

}  // namespace siov::model
