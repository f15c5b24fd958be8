// SPDX-License-Identifier: Apache-2.0
// Vdcm: life of VDEVs and PASIDs, routing of hardware errors.
#include "vdcm/vdcm.hpp"

#include <algorithm>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"

namespace siov::vdcm {

Vdcm::Vdcm(HostDriver& host) : host_(host) {
  host_.set_error_listener([this](const SoftwareError& error) { route_error(error); });
  host_.set_halt_listener([this] {
    for (const auto& vdev : vdevs_) vdev->report_halt();
  });
}

Vdcm::~Vdcm() {
  host_.set_error_listener(nullptr);
  host_.set_halt_listener(nullptr);
}

VmId Vdcm::create_vm() {
  const VmId vm = host_.platform().create_vm();
  vms_[vm];
  return vm;
}

coro::Task<Vdev*> Vdcm::create_vdev(VdevConfig config) {
  if (!vms_.contains(config.vm)) throw HarnessError("VDEV for an unknown VM");
  if (config.wq >= host_.config().wqs.size())
    throw HarnessError("VDEV on a work queue that is not configured");
  const bool dedicated = host_.config().wqs[config.wq].mode == WqMode::kDedicated;
  const bool taken = std::any_of(vdevs_.begin(), vdevs_.end(),
                                 [&](const auto& v) { return v->physical_wq() == config.wq; });
  if (dedicated && taken)
    throw HarnessError("a dedicated work queue serves one VDEV only");  // SIOV-H-33
  const Pasid default_pasid = host_.pasids().allocate();
  host_.iommu().bind(default_pasid, config.default_space);
  vdevs_.push_back(std::make_unique<Vdev>(*this, host_, std::move(config), default_pasid));
  co_return vdevs_.back().get();
}

coro::Task<> Vdcm::destroy_vdev(Vdev& vdev) {
  const Pasid pasid = vdev.default_pasid();
  co_await vdev.reset();
  std::erase_if(vdevs_, [&](const auto& v) { return v.get() == &vdev; });
  co_await host_.iommu().async_unbind(pasid);
  host_.pasids().release(pasid);
}

Pasid Vdcm::bind_pasid(VmId vm, Pasid guest, const Space& space) {
  const auto it = vms_.find(vm);
  if (it == vms_.end()) throw HarnessError("PASID for an unknown VM");
  if (guest.value == 0 || guest.value > kMaxPasid)
    throw HarnessError("guest PASID must be 1..0xFFFFF");
  if (it->second.to_host.contains(guest)) throw HarnessError("guest PASID is bound already");
  const Pasid host = host_.pasids().allocate();
  host_.iommu().bind(host, space);
  it->second.to_host.emplace(guest, host);
  it->second.to_guest.emplace(host, guest);
  host_.platform().pasid_table(vm).set(guest, host);
  return host;
}

coro::Task<> Vdcm::unbind_pasid(VmId vm, Pasid guest) {
  VmPasids& pasids = vms_.at(vm);
  const auto it = pasids.to_host.find(guest);
  if (it == pasids.to_host.end()) throw HarnessError("guest PASID is not bound");
  const Pasid host = it->second;
  host_.platform().pasid_table(vm).clear(guest);
  // Downwards, because VDEVs may come and go during a wait: none is missed.
  for (std::size_t i = vdevs_.size(); i-- > 0;) {
    if (i < vdevs_.size() && vdevs_[i]->vm() == vm) co_await vdevs_[i]->submissions_.earlier_done();
  }
  co_await host_.drain_pasid(host);
  pasids.to_host.erase(guest);  // from here on no queue and no interrupt entry can get it
  for (std::size_t i = vdevs_.size(); i-- > 0;) {
    if (i >= vdevs_.size() || vdevs_[i]->vm() != vm) continue;
    if (vdevs_[i]->running_pasid() == host) {
      // A dedicated queue that still runs with it would fault forever: its guest lost the PASID.
      co_await vdevs_[i]->reset();
    } else {
      co_await vdevs_[i]->update_ims();  // the next owner's work must not match this VM's entry
    }
  }
  co_await host_.iommu().async_unbind(host);
  pasids.to_guest.erase(host);
  host_.pasids().release(host);
}

std::optional<Pasid> Vdcm::host_pasid(VmId vm, Pasid guest) const {
  const auto it = vms_.find(vm);
  if (it == vms_.end()) return std::nullopt;
  const auto found = it->second.to_host.find(guest);
  return found == it->second.to_host.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Pasid> Vdcm::guest_pasid(VmId vm, Pasid host) const {
  const auto it = vms_.find(vm);
  if (it == vms_.end()) return std::nullopt;
  const auto found = it->second.to_guest.find(host);
  return found == it->second.to_guest.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Pasid> Vdcm::host_pasids(VmId vm) const {
  std::vector<Pasid> out;
  const auto it = vms_.find(vm);
  if (it == vms_.end()) return out;
  for (const auto& [guest, host] : it->second.to_host) out.push_back(host);
  return out;
}

/// Whose work it was: by queue when it is dedicated, by PASID when it is shared. @spec SIOV-H-36,
/// SIOV-D-49
bool Vdcm::owns(const Vdev& vdev, const SoftwareError& error) const {
  if (!error.wq_valid || vdev.physical_wq() != error.wq) return false;
  if (vdev.dedicated()) return true;
  return error.descriptor_valid && guest_pasid(vdev.vm(), error.pasid).has_value();
}

void Vdcm::route_error(const SoftwareError& error) {
  bool found = false;
  // Several VDEVs of one VM on one queue share their PASIDs: hardware cannot tell them apart
  // (SIOV-P-16), all are told.
  for (const auto& vdev : vdevs_) {
    if (!owns(*vdev, error)) continue;
    vdev->report_error(error);
    found = true;
  }
  if (!found) ++unattributed_errors_;
}

}  // namespace siov::vdcm
