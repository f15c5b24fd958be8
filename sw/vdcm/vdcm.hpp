// SPDX-License-Identifier: Apache-2.0
// Vdcm: the virtual device composition module. Makes VDEVs out of work queues, binds guest PASIDs
// to host PASIDs, routes hardware errors to the VDEV that caused them.
//
//   vdcm::Vdcm vdcm(host);
//   const vdcm::VmId vm = vdcm.create_vm();
//   vdcm::Vdev* vdev = co_await vdcm.create_vdev(config);
//   co_await vdcm.bind_pasid(vm, Pasid{7}, space);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "coro/task.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/vdev.hpp"

namespace siov::vdcm {

class Vdcm {
 public:
  /// @param host started by the caller before the first VDEV is created
  explicit Vdcm(HostDriver& host);
  ~Vdcm();
  Vdcm(const Vdcm&) = delete;
  Vdcm& operator=(const Vdcm&) = delete;

  [[nodiscard]] VmId create_vm();

  /// Allocates and binds the default host PASID and builds the VDEV. A dedicated queue serves one
  /// VDEV only.
  /// @throws HarnessError for an unknown VM or queue, or a dedicated queue in use. @spec SIOV-H-09,
  /// SIOV-H-19, SIOV-H-33
  coro::Task<Vdev*> create_vdev(VdevConfig config);
  /// Resets the VDEV, frees its interrupt and default PASID. The reference is dead afterwards.
  /// @spec SIOV-H-24, SIOV-H-31
  coro::Task<> destroy_vdev(Vdev& vdev);

  /// Gives a guest PASID of this VM a host PASID: allocate, IOMMU entry, CPU table, in this order.
  /// @return the host PASID
  /// @throws HarnessError if the guest PASID is bound already  @spec siov.md 3.6
  Pasid bind_pasid(VmId vm, Pasid guest, const Space& space);
  /// CPU table first, then drain the device, then the IOMMU entry with everything that was cached
  /// of it and the page requests it still has, then free. @spec SIOV-H-24; vtd.md 5.6, 7.3
  coro::Task<> unbind_pasid(VmId vm, Pasid guest);

  [[nodiscard]] std::optional<Pasid> host_pasid(VmId vm, Pasid guest) const;
  /// Guest's name of a host PASID of this VM; nullopt if the VM has none.
  [[nodiscard]] std::optional<Pasid> guest_pasid(VmId vm, Pasid host) const;
  /// Every host PASID bound for the VM, in ascending guest PASID order.
  [[nodiscard]] std::vector<Pasid> host_pasids(VmId vm) const;

  [[nodiscard]] const std::vector<std::unique_ptr<Vdev>>& vdevs() const { return vdevs_; }
  [[nodiscard]] HostDriver& host() { return host_; }
  /// Host PASIDs that are bound now, default ones included.
  [[nodiscard]] std::size_t live_pasids() const { return host_.pasids().in_use(); }
  /// Hardware errors that belonged to no VDEV.
  [[nodiscard]] std::uint64_t unattributed_errors() const { return unattributed_errors_; }

 private:
  struct VmPasids {
    std::map<Pasid, Pasid> to_host;
    std::map<Pasid, Pasid> to_guest;
  };
  void route_error(const SoftwareError& error);
  bool owns(const Vdev& vdev, const SoftwareError& error) const;

  HostDriver& host_;
  std::map<VmId, VmPasids> vms_;
  std::vector<std::unique_ptr<Vdev>> vdevs_;
  std::uint64_t unattributed_errors_ = 0;
};

}  // namespace siov::vdcm
