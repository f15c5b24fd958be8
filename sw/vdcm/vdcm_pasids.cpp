// SPDX-License-Identifier: Apache-2.0
// Vdcm: life of PASIDs. @spec siov.md 3.6
#include "common/error.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::vdcm {

Pasid Vdcm::bind_pasid(VmId vm, Pasid guest, const Space& space) {
  const auto it = vms_.find(vm);
  if (it == vms_.end()) throw HarnessError("PASID for an unknown VM");
  if (guest.value == 0 || guest.value > kMaxPasid)
    throw HarnessError("guest PASID must be 1..0xFFFFF");
  if (it->second.to_host.contains(guest)) throw HarnessError("guest PASID is bound already");
  const Pasid host = platform().pasids().allocate();
  for (const Function& function : functions_) function.host->iommu().bind(host, space);
  it->second.to_host.emplace(guest, host);
  it->second.to_guest.emplace(host, guest);
  owners_[host] = PasidOwner{vm, nullptr};
  platform().pasid_table(vm).set(guest, host);
  return host;
}

coro::Task<> Vdcm::unbind_pasid(VmId vm, Pasid guest) {
  Vm& pasids = vms_.at(vm);
  const auto it = pasids.to_host.find(guest);
  if (it == pasids.to_host.end()) throw HarnessError("guest PASID is not bound");
  const Pasid host = it->second;
  if (mistakes_.reuse_pasid_early) platform().pasids().release(host);
  platform().pasid_table(vm).clear(guest);
  const std::vector<Vdev*>& vdevs = pasids.vdevs;
  // Downwards, because VDEVs may come and go during a wait: none is missed.
  for (std::size_t i = vdevs.size(); i-- > 0;) {
    if (i >= vdevs.size()) continue;
    SubmissionTracker submissions = vdevs[i]->submissions_;  // outlives the VDEV
    co_await submissions.earlier_done();
  }
  for (const Function& function : functions_) co_await function.host->drain_pasid(host);
  pasids.to_host.erase(guest);  // from here on no queue and no interrupt entry can get it
  for (std::size_t i = vdevs.size(); i-- > 0;) {
    if (i >= vdevs.size()) continue;
    if (vdevs[i]->runs_with(host)) {
      // A dedicated queue that still runs with it would fault forever: its guest lost the PASID.
      co_await vdevs[i]->reset();
    } else {
      co_await vdevs[i]->forget_pasid(host);
    }
  }
  for (const Function& function : functions_) co_await function.host->iommu().async_unbind(host);
  pasids.to_guest.erase(host);
  owners_.erase(host);
  if (!mistakes_.reuse_pasid_early) platform().pasids().release(host);
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

std::optional<VmId> Vdcm::owner(Pasid host) const {
  const auto found = owners_.find(host);
  return found == owners_.end() ? std::nullopt : std::optional(found->second.vm);
}

std::vector<Pasid> Vdcm::host_pasids(VmId vm) const {
  std::vector<Pasid> out;
  const auto it = vms_.find(vm);
  if (it == vms_.end()) return out;
  for (const auto& [guest, host] : it->second.to_host) out.push_back(host);
  return out;
}

}  // namespace siov::vdcm
