// SPDX-License-Identifier: Apache-2.0
// Manager: VMs, quotas, creation of VDEVs, modes of functions. What happens to a VDEV later is in
// manager_life.cpp.
#include "vdcm/manager.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "coro/scheduler.hpp"

namespace siov::vdcm {

namespace {

std::uint16_t data_vectors(const VdevRequest& request) {
  const std::size_t all = request.vectors != 0 ? request.vectors : request.queues.size() + 1;
  return static_cast<std::uint16_t>(all - 1);
}

/// Functions whose interrupt entries a VDEV takes: one entry a vector in each.
std::vector<std::uint8_t> entry_functions(const VdevRequest& request) {
  std::vector<std::uint8_t> functions;
  if (!request.interrupt_entries) return functions;
  for (const QueueRequest& queue : request.queues) {
    if (queue.kind != QueueKind::kEmulated && std::ranges::count(functions, queue.function) == 0)
      functions.push_back(queue.function);
  }
  return functions;
}

VmUsage usage_of(const VdevRequest& request) {
  VmUsage usage;
  usage.vdevs = 1;
  usage.queues = static_cast<std::uint32_t>(request.queues.size());
  usage.dedicated_queues = static_cast<std::uint32_t>(
      std::ranges::count(request.queues, QueueKind::kDedicated, &QueueRequest::kind));
  usage.interrupts =
      static_cast<std::uint32_t>(entry_functions(request).size()) * data_vectors(request);
  return usage;
}

/// Of MSI-X, entry 0 is never a guest's.
std::uint32_t entries_of(HostDriver& host) {
  const std::uint32_t all = host.has_ims() ? host.info().ims_entries : host.info().msix_vectors;
  return all == 0 ? 0 : all - host.first_guest_entry();
}

std::string queues_text(const std::vector<QueueRequest>& queues) {
  std::string text;
  for (const QueueRequest& queue : queues) {
    if (!text.empty()) text += " ";
    text += queue.wq ? fmt::format("WQ {}:{}", queue.function, *queue.wq) : "emulated";
  }
  return text;
}

Failure<Refusal> fail(RefusalCode code, std::string reason) {
  return Failure<Refusal>{Refusal{code, std::move(reason)}};
}

}  // namespace

Manager::Manager(Vdcm& vdcm, LifecycleLog* log) : vdcm_(vdcm), log_(log), placement_(vdcm) {}

void Manager::note(std::string event, VmId vm, const Entry* entry, std::string detail) const {
  if (log_ == nullptr) return;
  LifecycleEvent e;
  e.time_ps = coro::Scheduler::current().now();
  e.event = std::move(event);
  e.vm = vm;
  if (entry != nullptr) {
    e.vdev = entry->id;
    e.name = entry->request.name;
  }
  e.detail = std::move(detail);
  log_->add(std::move(e));
}

Refusal Manager::refuse(Refusal refusal, VmId vm, const Entry* entry,
                        std::string_view action) const {
  note("refused", vm, entry, fmt::format("{}: {}", action, refusal.reason));
  return refusal;
}

// ---- virtual machines

Manager::Answer<VmId> Manager::create_vm(VmPolicy policy) {
  const VmId vm = vdcm_.create_vm();
  vms_[vm].policy = policy;
  note("vm-created", vm, nullptr);
  return vm;
}

Manager::Answer<Manager::Vm*> Manager::vm_of(VmId vm) {
  const auto it = vms_.find(vm);
  if (it == vms_.end()) return fail(RefusalCode::kUnknownVm, fmt::format("there is no VM {}", vm));
  if (it->second.closing)
    return fail(RefusalCode::kClosing, fmt::format("VM {} is being closed", vm));
  return &it->second;
}

coro::Task<Manager::Answer<Done>> Manager::close_vm(VmId vm) {
  const Answer<Vm*> found = vm_of(vm);
  if (!found) {
    Answer<Done> refused(Failure{refuse(found.error(), vm, nullptr, "close")});
    co_return refused;
  }
  (*found)->closing = true;  // nothing begins any more
  const auto busy = [&] {
    return std::ranges::any_of(entries_, [&](const auto& e) {
      return e.second->request.vm == vm && e.second->busy.has_value();
    });
  };
  while (busy()) {
    idle_.clear();
    co_await idle_.wait();
  }
  const std::vector<VdevId> mine = vdevs(vm);
  co_await vdcm_.close_vm(vm);
  for (const VdevId id : mine) {
    Entry& entry = *entries_.at(id);
    note("destroyed", vm, &entry, "its VM was closed");
    strike(entry);
  }
  vms_.erase(vm);
  note("vm-closed", vm, nullptr);
  co_return Done{};
}

Manager::Answer<Done> Manager::set_policy(VmId vm, VmPolicy policy) {
  const Answer<Vm*> found = vm_of(vm);
  if (!found) return Failure{refuse(found.error(), vm, nullptr, "set policy")};
  (*found)->policy = policy;
  return Done{};
}

Manager::Answer<VmUsage> Manager::usage(VmId vm) const {
  const auto it = vms_.find(vm);
  if (it == vms_.end()) return fail(RefusalCode::kUnknownVm, fmt::format("there is no VM {}", vm));
  return it->second.usage;
}

Manager::Answer<Pasid> Manager::bind_pasid(VmId vm, Pasid guest, const Space& space) {
  const auto refused = [&](Refusal why) {
    return Failure{refuse(std::move(why), vm, nullptr, "bind PASID")};
  };
  const Answer<Vm*> found = vm_of(vm);
  if (!found) return refused(found.error());
  if (guest.value == 0 || guest.value > kMaxPasid)
    return refused({RefusalCode::kPasid, "guest PASIDs are 0x1 to 0xfffff"});
  if (vdcm_.host_pasid(vm, guest)) {
    return refused(
        {RefusalCode::kPasid, fmt::format("guest PASID {:#x} is bound already", guest.value)});
  }
  VmUsage more;
  more.pasids = 1;
  if (auto over = over_quota(**found, more)) return refused(std::move(*over));
  if (vdcm_.platform().pasids().available() == 0)
    return refused({RefusalCode::kPasid, "no host PASID is left"});
  ++(*found)->usage.pasids;
  return vdcm_.bind_pasid(vm, guest, space);
}

coro::Task<Manager::Answer<Done>> Manager::unbind_pasid(VmId vm, Pasid guest) {
  const Answer<Vm*> found = vm_of(vm);
  std::optional<Refusal> why;
  if (!found) {
    why = found.error();
  } else if (!vdcm_.host_pasid(vm, guest) || !unbinding_.emplace(vm, guest).second) {
    why = Refusal{RefusalCode::kPasid, fmt::format("guest PASID {:#x} is not bound", guest.value)};
  }
  if (why) {
    Answer<Done> refused(Failure{refuse(std::move(*why), vm, nullptr, "unbind PASID")});
    co_return refused;
  }
  co_await vdcm_.unbind_pasid(vm, guest);
  unbinding_.erase({vm, guest});
  const auto it = vms_.find(vm);  // it may have been closed meanwhile
  if (it != vms_.end()) --it->second.usage.pasids;
  co_return Done{};
}

std::optional<Refusal> Manager::over_quota(const Vm& vm, const VmUsage& more) const {
  struct Limit {
    const char* what;
    std::uint32_t has, wants, most;
  };
  const VmUsage& u = vm.usage;
  const VmPolicy& p = vm.policy;
  const Limit limits[] = {
      {"VDEVs", u.vdevs, more.vdevs, p.vdevs},
      {"queues", u.queues, more.queues, p.queues},
      {"dedicated queues", u.dedicated_queues, more.dedicated_queues, p.dedicated_queues},
      {"PASIDs", u.pasids, more.pasids, p.pasids},
      {"interrupt entries", u.interrupts, more.interrupts, p.interrupts}};
  for (const Limit& l : limits) {
    if (l.wants == 0 || std::uint64_t{l.has} + l.wants <= l.most) continue;
    return Refusal{RefusalCode::kQuota,
                   fmt::format("the VM has {} {}, wants {} more, and may have {}", l.has, l.what,
                               l.wants, l.most)};
  }
  return std::nullopt;
}

// ---- creation

std::optional<Refusal> Manager::bad_request(const VdevRequest& request) const {
  const auto bad = [](std::string why) { return Refusal{RefusalCode::kRequest, std::move(why)}; };
  if (request.name.empty()) return bad("a VDEV needs a name");
  if (request.queues.empty() || request.queues.size() > kMaxQueues)
    return bad(fmt::format("a VDEV has 1 to 8 queues, not {}", request.queues.size()));
  if (request.vectors != 0 && (request.vectors < kMinVectors || request.vectors > kMaxVectors))
    return bad(fmt::format("a VDEV has 2 to 64 vectors, not {}", request.vectors));
  for (const QueueRequest& queue : request.queues) {
    if (queue.function >= vdcm_.functions())
      return bad(fmt::format("there is no function {}", queue.function));
    if (queue.kind == QueueKind::kEmulated) {
      const EmulatedQueueConfig& e = queue.emulated;
      if (queue.wq) return bad("an emulated queue has no number");
      if (e.dma == nullptr || e.size == 0 || e.bytes_per_ns == 0 || e.max_transfer_log2 > 31)
        return bad("an emulated queue needs DMA, entries, speed and transfers up to 2^31 bytes");
    }
    if (mode(queue.function) != FunctionMode::kSiov) {
      return Refusal{RefusalCode::kMode,
                     fmt::format("function {} is not in SIOV mode", queue.function)};
    }
  }
  return std::nullopt;
}

/// Interrupt entries that are missing. Those of VDEVs that have not turned them on count, too.
std::optional<Refusal> Manager::no_entries(const VdevRequest& request,
                                           const VdevRequest* instead_of) const {
  for (const std::uint8_t function : entry_functions(request)) {
    std::uint32_t used = function < interrupts_.size() ? interrupts_[function] : 0;
    if (instead_of != nullptr && std::ranges::count(entry_functions(*instead_of), function) != 0)
      used -= data_vectors(*instead_of);
    const std::uint32_t all = entries_of(vdcm_.host(function));
    if (used + data_vectors(request) > all) {
      return Refusal{RefusalCode::kInterrupts,
                     fmt::format("function {} has {} interrupt entries, {} are given out", function,
                                 all, used)};
    }
  }
  return std::nullopt;
}

/// Everything that can be wrong. Fills in the queues. @param instead_of  that the VDEV had before
Manager::Answer<VdevConfig> Manager::admit(VdevRequest& request, const VdevRequest* instead_of) {
  const Answer<Vm*> vm = vm_of(request.vm);
  if (!vm) return Failure{vm.error()};
  if (auto bad = bad_request(request)) return Failure{std::move(*bad)};
  VmUsage more = usage_of(request);
  if (instead_of != nullptr) {
    const VmUsage had = usage_of(*instead_of);
    const auto grows = [](std::uint32_t to, std::uint32_t from) {
      return to > from ? to - from : 0;
    };
    more.vdevs = 0;
    more.queues = grows(more.queues, had.queues);
    more.dedicated_queues = grows(more.dedicated_queues, had.dedicated_queues);
    more.interrupts = grows(more.interrupts, had.interrupts);
  }
  if (auto over = over_quota(**vm, more)) return Failure{std::move(*over)};
  auto placed = placement_.choose(request.queues, (*vm)->policy,
                                  instead_of == nullptr ? nullptr : &instead_of->queues);
  if (!placed) return Failure{placed.error()};
  if (auto none = no_entries(request, instead_of)) return Failure{std::move(*none)};
  if (instead_of == nullptr && vdcm_.platform().pasids().available() == 0)
    return fail(RefusalCode::kPasid, "no host PASID is left");
  request.queues = *placed;
  VdevConfig config;
  config.name = request.name;
  config.vm = request.vm;
  config.default_space = request.space;
  config.guest_interrupts = request.interrupts;
  config.vectors = request.vectors;
  config.interrupt_entries = request.interrupt_entries;
  for (const QueueRequest& queue : request.queues) {
    config.queues.push_back(queue.kind == QueueKind::kEmulated
                                ? QueueConfig::software(queue.emulated, queue.function)
                                : QueueConfig::physical(*queue.wq, queue.function));
  }
  return config;
}

void Manager::account(const VdevRequest& request, bool add) {
  const VmUsage usage = usage_of(request);
  VmUsage& has = vms_.at(request.vm).usage;
  const auto change = [add](std::uint32_t& value, std::uint32_t by) {
    value = add ? value + by : value - by;
  };
  change(has.vdevs, usage.vdevs);
  change(has.queues, usage.queues);
  change(has.dedicated_queues, usage.dedicated_queues);
  change(has.interrupts, usage.interrupts);
  interrupts_.resize(std::max(interrupts_.size(), vdcm_.functions()));
  for (const std::uint8_t function : entry_functions(request))
    change(interrupts_[function], data_vectors(request));
}

Manager::Entry& Manager::enroll(VdevRequest request) {
  auto entry = std::make_unique<Entry>();
  entry->id = next_id_++;
  entry->request = std::move(request);
  account(entry->request, true);
  Entry& out = *entry;
  entries_.emplace(out.id, std::move(entry));
  return out;
}

void Manager::strike(Entry& entry) {
  account(entry.request, false);
  entries_.erase(entry.id);
  idle_.set();
}

coro::Task<Manager::Answer<VdevId>> Manager::create(VdevRequest request) {
  const VmId vm = request.vm;
  Answer<VdevConfig> config = admit(request, nullptr);
  if (!config) {
    Answer<VdevId> refused(Failure{refuse(config.error(), vm, nullptr, "create " + request.name)});
    co_return refused;
  }
  Entry& entry = enroll(std::move(request));
  entry.vdev = co_await vdcm_.create_vdev(std::move(config.value()));
  note("created", vm, &entry, queues_text(entry.request.queues));
  co_return entry.id;
}

std::uint32_t Manager::available(VdevType type) const {
  if (mode(0) != FunctionMode::kSiov) return 0;
  const std::uint32_t used = interrupts_.empty() ? 0 : interrupts_[0];
  const std::uint32_t entries = entries_of(vdcm_.host(0)) - used;
  const std::uint32_t dedicated = placement_.free_dedicated();
  const std::vector<WqConfig>& wqs = vdcm_.host(0).config().wqs;
  const auto shared =
      static_cast<std::uint32_t>(std::ranges::count(wqs, WqMode::kShared, &WqConfig::mode));
  switch (type) {
    case VdevType::kDedicated:
      return std::min(entries, dedicated);
    case VdevType::kShared:
      return shared == 0 ? 0 : entries;
    case VdevType::kMulti:  // of two queues, which take two entries
      return dedicated + shared < 2 ? 0 : entries / 2;
    case VdevType::kEmulated:
      break;
  }
  return static_cast<std::uint32_t>(vdcm_.platform().pasids().available());
}

// ---- what there is

Manager::Answer<Vdev*> Manager::device(VdevId id) const {
  const auto it = entries_.find(id);
  if (it == entries_.end())
    return fail(RefusalCode::kUnknownVdev, fmt::format("there is no VDEV {}", id));
  const Entry& entry = *it->second;
  if (entry.state == VdevState::kCreated && entry.busy != VdevAction::kStop) {
    return fail(RefusalCode::kState, fmt::format("{} has not been started", entry.request.name));
  }
  return entry.vdev;
}

VdevState Manager::state(VdevId id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? VdevState::kGone : it->second->state;
}

Vdev* Manager::inspect(VdevId id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : it->second->vdev;
}

std::vector<VdevId> Manager::vdevs(VmId vm) const {
  std::vector<VdevId> ids;
  for (const auto& [id, entry] : entries_) {
    if (entry->request.vm == vm) ids.push_back(id);
  }
  std::ranges::sort(ids);
  return ids;
}

// ---- functions

FunctionMode Manager::mode(std::uint8_t function) const {
  return function < modes_.size() ? modes_[function].mode : FunctionMode::kSiov;
}

coro::Task<Manager::Answer<Done>> Manager::set_mode(std::uint8_t function, FunctionMode mode,
                                                    std::uint16_t virtual_functions) {
  std::optional<Refusal> why;
  modes_.resize(std::max<std::size_t>(modes_.size(), vdcm_.functions()));
  const auto on_it = [&](const auto& e) {
    return std::ranges::count(e.second->request.queues, function, &QueueRequest::function) != 0;
  };
  if (function >= vdcm_.functions()) {
    why = Refusal{RefusalCode::kRequest, fmt::format("there is no function {}", function)};
  } else if (mode != FunctionMode::kSriov && virtual_functions != 0) {
    why = Refusal{RefusalCode::kRequest, "virtual functions need SR-IOV mode"};
  } else if (std::ranges::any_of(entries_, on_it)) {
    why = Refusal{RefusalCode::kMode, fmt::format("function {} has VDEVs", function)};
  } else if (mode != FunctionMode::kSriov && modes_[function].virtual_functions != 0) {
    why = Refusal{RefusalCode::kMode, fmt::format("function {} has virtual functions", function)};
  }
  if (!why && mode == FunctionMode::kSriov) {
    std::string wrong =
        co_await set_virtual_functions(vdcm_.host(function).device(), virtual_functions);
    if (!wrong.empty()) why = Refusal{RefusalCode::kMode, std::move(wrong)};
  }
  if (why) {
    Answer<Done> refused(Failure{refuse(std::move(*why), 0, nullptr, "set mode")});
    co_return refused;
  }
  modes_[function] = Mode{mode, virtual_functions};
  note("mode", 0, nullptr, fmt::format("function {}", function));
  co_return Done{};
}

}  // namespace siov::vdcm
