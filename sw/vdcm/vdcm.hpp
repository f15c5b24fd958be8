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
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coro/task.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/vdcm_mistakes.hpp"
#include "vdcm/vdev.hpp"

namespace siov::vdcm {

class Vdcm {
 public:
  /// @param host function 0, started by the caller before the first VDEV is created
  explicit Vdcm(HostDriver& host);
  ~Vdcm();
  Vdcm(const Vdcm&) = delete;
  Vdcm& operator=(const Vdcm&) = delete;

  /// A further function, on the same Platform, before the first PASID is bound or VDEV created.
  /// @return its number for QueueConfig  @spec SIOV-H-34
  std::uint8_t add_function(HostDriver& host);
  [[nodiscard]] std::size_t functions() const { return functions_.size(); }

  [[nodiscard]] VmId create_vm();
  [[nodiscard]] bool has_vm(VmId vm) const { return vms_.contains(vm); }
  /// The VM is gone, whatever it was doing: its VDEVs are reset and destroyed, its PASIDs unbound.
  /// @spec SIOV-H-31
  coro::Task<> close_vm(VmId vm);
  /// Resets every VDEV of the VM, as the VM's reset does. @spec SIOV-H-29
  coro::Task<> reset_vm(VmId vm);
  /// Takes memory away from the VM: VDEVs that may still use it are reset while the mappings are
  /// valid, then unmap() changes the tables, then everything cached of the VM's PASIDs goes.
  /// @spec SIOV-H-32
  coro::Task<> unmap_memory(VmId vm, std::function<void()> unmap);

  /// Why a VDEV cannot be built; nullopt if it can. @spec SIOV-H-33, SIOV-H-34
  [[nodiscard]] std::optional<std::string> refusal(const VdevConfig& config) const;
  /// Allocates and binds the default host PASID and builds the VDEV. A dedicated queue serves one
  /// VDEV only.
  /// @throws HarnessError with refusal(). @spec SIOV-H-09, SIOV-H-19
  coro::Task<Vdev*> create_vdev(VdevConfig config);
  /// Resets the VDEV, frees its interrupts and default PASID. The reference is dead afterwards.
  /// @spec SIOV-H-24, SIOV-H-31
  coro::Task<> destroy_vdev(Vdev& vdev);

  /// Gives a guest PASID of this VM a host PASID: allocate, IOMMU entries of all functions, CPU
  /// table, in this order.
  /// @return the host PASID
  /// @throws HarnessError if the guest PASID is bound already  @spec siov.md 3.6, SIOV-P-13
  Pasid bind_pasid(VmId vm, Pasid guest, const Space& space);
  /// CPU table first, then drain the device, then the IOMMU entry with everything that was cached
  /// of it and the page requests it still has, then free. @spec SIOV-H-24; vtd.md 5.6, 7.3
  coro::Task<> unbind_pasid(VmId vm, Pasid guest);

  /// Brings a halted function back. Its VDEVs stay halted until their guests reset them, as the
  /// reset type in their GENSTS says. @spec SIOV-H-37
  coro::Task<> recover(std::uint8_t function = 0);

  [[nodiscard]] std::optional<Pasid> host_pasid(VmId vm, Pasid guest) const;
  /// Guest's name of a host PASID of this VM; nullopt if the VM has none.
  [[nodiscard]] std::optional<Pasid> guest_pasid(VmId vm, Pasid host) const;
  /// Every host PASID bound for the VM, in ascending guest PASID order.
  [[nodiscard]] std::vector<Pasid> host_pasids(VmId vm) const;

  [[nodiscard]] const std::vector<std::unique_ptr<Vdev>>& vdevs() const { return vdevs_; }
  [[nodiscard]] const std::vector<Vdev*>& vdevs_of(VmId vm) const;
  /// VM whose work a host PASID stands for, default PASIDs included; nullopt if nobody's.
  [[nodiscard]] std::optional<VmId> owner(Pasid host) const;
  /// VDEV that a dedicated physical queue belongs to; null if none, and with shared queues.
  [[nodiscard]] const Vdev* dedicated_owner(std::uint8_t wq, std::uint8_t function = 0) const {
    return functions_.at(function).wqs.at(wq).owner;
  }
  /// VDEVs that use a physical queue.
  [[nodiscard]] std::size_t users(std::uint8_t wq, std::uint8_t function = 0) const;
  [[nodiscard]] HostDriver& host(std::uint8_t function = 0) {
    return *functions_.at(function).host;
  }
  [[nodiscard]] Platform& platform() { return functions_[0].host->platform(); }
  /// Host PASIDs that are bound now, default ones included.
  [[nodiscard]] std::size_t live_pasids() { return platform().pasids().in_use(); }
  /// Hardware errors that belonged to no VDEV.
  [[nodiscard]] std::uint64_t unattributed_errors() const { return unattributed_errors_; }
  [[nodiscard]] VdcmMistakes& mistakes() { return mistakes_; }

 private:
  struct Vm {
    std::map<Pasid, Pasid> to_host;
    std::map<Pasid, Pasid> to_guest;
    std::vector<Vdev*> vdevs;
  };
  /// What a host PASID stands for.
  struct PasidOwner {
    VmId vm = 0;
    Vdev* vdev = nullptr;  ///< default PASID of this VDEV; null: bound by the VM
  };
  /// Who uses a physical queue.
  struct WqUsers {
    Vdev* owner = nullptr;   ///< of a dedicated queue
    std::uint8_t index = 0;  ///< virtual number of it
    std::size_t count = 0;
  };
  struct Function {
    HostDriver* host = nullptr;
    std::vector<WqUsers> wqs;
  };
  void connect(std::uint8_t function);
  void add_users(Vdev& vdev);
  void remove(Vdev& vdev);
  [[nodiscard]] std::vector<HostDriver*> hosts_of(const Vdev& vdev) const;
  void route_error(std::uint8_t function, const SoftwareError& error);
  bool route_by_pasid(std::uint8_t function, const SoftwareError& error);

  std::vector<Function> functions_;
  std::unordered_map<VmId, Vm> vms_;
  std::unordered_map<Pasid, PasidOwner> owners_;
  std::vector<std::unique_ptr<Vdev>> vdevs_;
  std::uint64_t unattributed_errors_ = 0;
  VdcmMistakes mistakes_;
};

}  // namespace siov::vdcm
