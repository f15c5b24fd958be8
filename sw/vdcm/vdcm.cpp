// SPDX-License-Identifier: Apache-2.0
// Vdcm: life of VMs and VDEVs, routing of hardware errors. PASIDs are in vdcm_pasids.cpp.
#include "vdcm/vdcm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/error.hpp"

namespace siov::vdcm {

Vdcm::Vdcm(HostDriver& host) {
  functions_.push_back(Function{&host, {}});
  connect(0);
}

Vdcm::~Vdcm() {
  for (const Function& function : functions_) {
    function.host->set_error_listener(nullptr);
    function.host->set_halt_listener(nullptr);
  }
}

void Vdcm::connect(std::uint8_t function) {
  HostDriver& host = *functions_[function].host;
  functions_[function].wqs.resize(host.config().wqs.size());
  host.set_error_listener(
      [this, function](const SoftwareError& error) { route_error(function, error); });
  host.set_halt_listener([this, &host] {
    for (const auto& vdev : vdevs_) {
      if (std::ranges::count(vdev->functions_, &host) != 0) vdev->report_halt();
    }
  });
}

std::uint8_t Vdcm::add_function(HostDriver& host) {
  if (!owners_.empty()) throw HarnessError("functions are added before PASIDs and VDEVs");
  if (&host.platform() != &platform())
    throw HarnessError("the functions of a VDCM are on one platform");
  const auto number = static_cast<std::uint8_t>(functions_.size());
  functions_.push_back(Function{&host, {}});
  connect(number);
  return number;
}

VmId Vdcm::create_vm() {
  const VmId vm = platform().create_vm();
  if (mistakes_.map_before_translation) platform().set_pasid_translation(vm, false);
  vms_[vm];
  return vm;
}

std::optional<std::string> Vdcm::refusal(const VdevConfig& config) const {
  if (!vms_.contains(config.vm)) return "VDEV for an unknown VM";
  std::vector<QueueConfig> queues = config.queues;
  if (queues.empty()) queues = {QueueConfig::physical(config.wq)};
  if (queues.size() > kMaxQueues) return "a VDEV has at most 8 queues";
  if (config.vectors != 0 && (config.vectors < kMinVectors || config.vectors > kMaxVectors))
    return "a VDEV has 2 to 64 vectors";
  std::set<std::pair<std::uint8_t, std::uint8_t>> named;
  for (const QueueConfig& queue : queues) {
    if (queue.function >= functions_.size()) return "a queue of an unknown function";
    const Function& function = functions_[queue.function];
    if (queue.emulated) {
      if (queue.emulated->dma == nullptr || queue.emulated->size == 0 ||
          queue.emulated->bytes_per_ns == 0 || queue.emulated->max_transfer_log2 > 31)
        return "an emulated queue without DMA, entries or speed";
      continue;
    }
    if (queue.wq >= function.wqs.size()) return "VDEV on a work queue that is not configured";
    if (!named.emplace(queue.function, queue.wq).second) return "a work queue is named twice";
    if (function.wqs[queue.wq].owner != nullptr)
      return "a dedicated work queue serves one VDEV only";  // SIOV-H-33
  }
  return std::nullopt;
}

coro::Task<Vdev*> Vdcm::create_vdev(VdevConfig config) {
  if (const std::optional<std::string> reason = refusal(config)) throw HarnessError(*reason);
  const Pasid pasid = platform().pasids().allocate();
  const VmId vm = config.vm;
  const Space space = config.default_space;
  vdevs_.push_back(std::make_unique<Vdev>(*this, std::move(config), pasid));
  Vdev& vdev = *vdevs_.back();
  vdev.place_ = vdevs_.size() - 1;
  for (HostDriver* const host : hosts_of(vdev)) host->iommu().bind(pasid, space);
  vdev.attached_ = true;
  vms_[vm].vdevs.push_back(&vdev);
  owners_[pasid] = PasidOwner{vm, &vdev};
  add_users(vdev);
  co_return &vdev;
}

void Vdcm::add_users(Vdev& vdev) {
  for (std::uint8_t q = 0; q < vdev.queue_count(); ++q) {
    const QueueConfig& queue = vdev.config().queues[q];
    if (queue.emulated) continue;
    WqUsers& users = functions_[queue.function].wqs[queue.wq];
    ++users.count;
    if (!vdev.dedicated(q)) continue;
    users.owner = &vdev;
    users.index = q;
  }
}

/// From here on nobody finds the VDEV; its memory stays.
void Vdcm::remove(Vdev& vdev) {
  for (const QueueConfig& queue : vdev.config().queues) {
    if (queue.emulated) continue;
    WqUsers& users = functions_[queue.function].wqs[queue.wq];
    --users.count;
    if (users.owner == &vdev) users.owner = nullptr;
  }
  owners_.erase(vdev.default_pasid());
  std::erase(vms_.at(vdev.vm()).vdevs, &vdev);
}

/// Functions whose PASID table the VDEV's DMA uses, emulated queues included.
std::vector<HostDriver*> Vdcm::hosts_of(const Vdev& vdev) const {
  std::vector<HostDriver*> hosts;
  for (std::uint8_t q = 0; q < vdev.queue_count(); ++q) {
    HostDriver* const host = &vdev.queue(q).host();
    if (std::ranges::count(hosts, host) == 0) hosts.push_back(host);
  }
  return hosts;
}

coro::Task<> Vdcm::destroy_vdev(Vdev& vdev) {
  if (vdev.closing_) throw HarnessError("the VDEV is being destroyed already");
  const Pasid pasid = vdev.default_pasid();
  const std::vector<HostDriver*> hosts = hosts_of(vdev);
  vdev.closing_ = true;  // the guest is gone: no access begins any more
  co_await vdev.reset();
  vdev.attached_ = false;
  remove(vdev);
  co_await vdev.unused();
  vdevs_.back()->place_ = vdev.place_;
  std::swap(vdevs_[vdev.place_], vdevs_.back());
  vdevs_.pop_back();
  for (HostDriver* const host : hosts) co_await host->iommu().async_unbind(pasid);
  platform().pasids().release(pasid);
}

const std::vector<Vdev*>& Vdcm::vdevs_of(VmId vm) const {
  static const std::vector<Vdev*> none;
  const auto it = vms_.find(vm);
  return it == vms_.end() ? none : it->second.vdevs;
}

std::size_t Vdcm::users(std::uint8_t wq, std::uint8_t function) const {
  return functions_.at(function).wqs.at(wq).count;
}

/// VDEVs first, so that a guest that died in the middle of anything stops; then what it had bound.
coro::Task<> Vdcm::close_vm(VmId vm) {
  if (!vms_.contains(vm)) throw HarnessError("close of an unknown VM");
  for (Vdev* const vdev : vms_.at(vm).vdevs) vdev->unmap_portals();  // all stop at once
  while (!vms_.at(vm).vdevs.empty()) co_await destroy_vdev(*vms_.at(vm).vdevs.back());
  while (!vms_.at(vm).to_host.empty()) {
    const Pasid guest = vms_.at(vm).to_host.begin()->first;
    co_await unbind_pasid(vm, guest);
  }
  vms_.erase(vm);
  platform().destroy_vm(vm);
}

coro::Task<> Vdcm::reset_vm(VmId vm) {
  const std::vector<Vdev*>& vdevs = vms_.at(vm).vdevs;
  for (Vdev* const vdev : vdevs) vdev->unmap_portals();
  for (std::size_t i = vdevs.size(); i-- > 0;) {
    if (i < vdevs.size()) co_await vdevs[i]->reset();
  }
}

coro::Task<> Vdcm::recover(std::uint8_t function) {
  HostDriver& host = *functions_.at(function).host;
  for (const auto& vdev : vdevs_) {
    // Those that the interrupt of the halt has not reached yet.
    if (std::ranges::count(vdev->functions_, &host) != 0 && vdev->registers().any_queue_enabled())
      vdev->report_halt();
  }
  co_await host.recover();
}

/// No VDEV of the VM runs a command from the first reset to the last invalidation.
coro::Task<> Vdcm::unmap_memory(VmId vm, std::function<void()> unmap) {
  const std::vector<Vdev*>& vdevs = vms_.at(vm).vdevs;
  std::vector<Vdev*> held;
  std::vector<coro::Lock::Guard> guards;
  const auto next = [&]() -> Vdev* {
    for (Vdev* const vdev : vdevs) {
      if (std::ranges::count(held, vdev) == 0) return vdev;
    }
    return nullptr;
  };
  while (Vdev* const vdev = next()) {
    ++vdev->uses_;
    held.push_back(vdev);
    guards.push_back(co_await vdev->hardware_lock_.scoped());
    if (vdev->registers().state() != DeviceState::kDisabled) co_await vdev->reset_locked();
  }
  unmap();
  for (Vdev* const vdev : held) {
    const Pasid pasid = vdev->default_pasid();
    for (HostDriver* const host : hosts_of(*vdev)) co_await host->iommu().async_invalidate(pasid);
  }
  for (const Pasid pasid : host_pasids(vm)) {
    for (const Function& function : functions_)
      co_await function.host->iommu().async_invalidate(pasid);
  }
  guards.clear();
  for (Vdev* const vdev : held) {
    --vdev->uses_;
    vdev->use_ended_.set();
  }
}

/// Whose work it was: by queue when that is dedicated, by PASID when it is shared. @spec SIOV-H-36,
/// SIOV-D-49
void Vdcm::route_error(std::uint8_t function, const SoftwareError& error) {
  const std::vector<WqUsers>& wqs = functions_[function].wqs;
  if (!error.wq_valid || error.wq >= wqs.size()) {
    ++unattributed_errors_;
    return;
  }
  if (mistakes_.raw_errors) {
    for (const auto& vdev : vdevs_) {
      for (const QueueConfig& queue : vdev->config().queues) {
        if (!queue.emulated && queue.function == function && queue.wq == error.wq)
          vdev->report_error(0, error);
      }
    }
    return;
  }
  if (Vdev* const owner = wqs[error.wq].owner) {
    owner->report_error(wqs[error.wq].index, error);
  } else if (!route_by_pasid(function, error)) {
    ++unattributed_errors_;
  }
}

/// Several VDEVs of one VM on one queue share their PASIDs: hardware cannot tell them apart
/// (SIOV-P-16), all are told. @return false if nobody was
bool Vdcm::route_by_pasid(std::uint8_t function, const SoftwareError& error) {
  const auto owner = error.descriptor_valid ? owners_.find(error.pasid) : owners_.end();
  if (owner == owners_.end() || owner->second.vdev != nullptr) return false;
  bool found = false;
  for (Vdev* const vdev : vms_.at(owner->second.vm).vdevs) {
    const std::vector<QueueConfig>& queues = vdev->config().queues;
    for (std::uint8_t q = 0; q < queues.size(); ++q) {
      if (queues[q].emulated || queues[q].function != function || queues[q].wq != error.wq)
        continue;
      vdev->report_error(q, error);
      found = true;
    }
  }
  return found;
}

}  // namespace siov::vdcm
