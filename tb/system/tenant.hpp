// SPDX-License-Identifier: Apache-2.0
// Tenant: one guest with its address space, its virtual device, its driver and its program.
//
//   system::Tenant tenant(parameters, 0, machine, vm);
//   co_await tenant.create(manager);
//   co_await tenant.play(config);
//   co_await tenant.destroy();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest/address_space.hpp"
#include "guest/device_slot.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/interrupt_controller.hpp"
#include "guest/machine.hpp"
#include "guest/workload.hpp"
#include "port/dma_port.hpp"
#include "system/scenario.hpp"
#include "vdcm/manager.hpp"

namespace siov::system {

/// Largest operation in a batch [bytes].
inline constexpr std::uint32_t kMemberBytes = 1024;

class Tenant {
 public:
  /// @param parameters  outlives the tenant  @param vm  of this tenant, already created
  Tenant(const Scenario& scenario, const TenantParameters& parameters, guest::Machine& machine,
         vdcm::VmId vm, std::uint32_t number);
  ~Tenant();

  /// Creates the VDEV and binds the process's PASID.
  /// @param dma  for an emulated queue  @throws HarnessError if the host refuses
  coro::Task<> create(vdcm::Manager& manager, port::DmaPort& dma);
  /// Probes, enables, plays the whole workload, drains, disables. @param on_operation  after each
  /// finished operation
  /// @param own_errors  no other VDEV is told of errors of this one's work (SIOV-P-16)
  coro::Task<> play(std::function<void()> on_operation, bool own_errors);
  /// Takes the VDEV apart, wherever it is.
  coro::Task<> destroy();

  // A migration (migrations.hpp) -----------------------------------------------------------------
  /// The VDEV as its driver sees it: whatever is in the slot.
  guest::DeviceSlot& slot() { return *slot_; }
  vdcm::VdevId id() const { return id_; }
  guest::Machine& machine() { return machine_; }
  guest::InterruptController& interrupts() { return interrupts_; }
  std::optional<Pasid> guest_pasid() const { return guest_pasid_; }
  /// What to ask another host for; empty: queues as it has here. @param dma  of that host
  std::vector<vdcm::QueueRequest> queues_there(port::DmaPort& dma) const;
  /// It goes on with another VDEV. @param host_pasid  there, if it has a PASID of its own
  void arrive(vdcm::Vdev& vdev, vdcm::VmId vm, std::optional<Pasid> host_pasid);
  /// The host that it is on now, and its number there.
  void enroll(vdcm::Manager& manager, vdcm::VdevId id) {
    manager_ = &manager;
    id_ = id;
  }
  /// From the start of play() to the end of its work.
  bool playing() const { return playing_; }
  bool played() const { return played_; }
  /// nullptr before play().
  const guest::DsaDriver* driver() const { return driver_.get(); }

  /// What the VDEV's default PASID sees; the guest's memory and tables exist from here on.
  vdcm::Space default_space();
  const std::string& name() const { return parameters_.name; }
  const TenantParameters& parameters() const { return parameters_; }
  vdcm::Vdev* vdev() { return vdev_; }
  vdcm::VmId vm() const { return vm_; }
  /// Physical queues of its VDEV; after create().
  const std::vector<std::uint8_t>& physical_queues() const { return wqs_; }
  guest::AddressSpace& space() { return space_; }
  /// Host PASIDs that translate through the tables of space(); after create().
  std::vector<Pasid> users() const;
  /// Host PASID of the guest process, if it has one of its own.
  std::optional<Pasid> host_pasid() const { return host_pasid_; }
  const guest::WorkloadResult* result() const { return workload_ ? &workload_->result() : nullptr; }
  /// A completion record that the host writes for the device, found in the event log.
  void late_record(Iova address, std::span<const std::byte> record) {
    space_.write(address, record);
  }
  /// Times that the guest found SWERROR overflown.
  std::uint64_t error_overflows() const { return driver_ ? driver_->error_overflows() : 0; }
  std::uint64_t retries() const { return driver_ ? driver_->retries() : 0; }

 private:
  vdcm::VdevRequest request(port::DmaPort& dma);
  std::unique_ptr<guest::OperationSource> make_source() const;
  bool device_can_ask() const;
  void find_queues();

  const Scenario& scenario_;
  const TenantParameters& parameters_;
  guest::Machine& machine_;
  vdcm::VmId vm_;
  guest::InterruptController interrupts_;
  guest::AddressSpace space_;
  std::optional<Pasid> guest_pasid_;
  std::optional<Pasid> host_pasid_;
  std::vector<std::uint8_t> wqs_;
  vdcm::Manager* manager_ = nullptr;
  vdcm::VdevId id_ = 0;
  vdcm::Vdev* vdev_ = nullptr;
  std::unique_ptr<guest::DeviceSlot> slot_;
  bool playing_ = false;
  bool played_ = false;
  std::unique_ptr<guest::DsaDriver> driver_;
  std::unique_ptr<guest::OperationSource> source_;
  std::unique_ptr<guest::Workload> workload_;
};

}  // namespace siov::system
