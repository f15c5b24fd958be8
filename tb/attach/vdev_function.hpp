// SPDX-License-Identifier: Apache-2.0
// VdevFunction: a VDEV in front of a real guest. Guest memory is guest-physical memory behind a
// second stage of ours; PASIDs that the guest's kernel gives out are bound as nested spaces: the
// guest's first-stage tables on that second stage.
//
//   VdevFunction function(parts, options);
//   co_await function.create();          // VM and VDEV, on a dedicated queue
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <set>
#include <string>

#include "attach/guest_function.hpp"
#include "attach/guest_unit.hpp"
#include "iommu/page_table_builder.hpp"
#include "iommu/table_memory.hpp"
#include "port/interrupt_port.hpp"
#include "system/host_side.hpp"
#include "vdcm/manager.hpp"

namespace siov::attach {

struct VdevFunctionOptions {
  std::string name;
  std::string monitor;          ///< QMP socket of the guest; empty: it has no remapping unit
  RequesterId seen_as{0x0020};  ///< bus, device, function in the guest
  std::uint32_t number = 0;     ///< of the guest, 0..59
};

class VdevFunction final : public GuestFunction, private port::InterruptPort {
 public:
  VdevFunction(system::HostSide& host, vdcm::Manager& manager, boost::asio::io_context& context,
               VdevFunctionOptions options);
  ~VdevFunction() override;

  /// @throws HarnessError if the manager refuses
  coro::Task<> create();
  coro::Task<> destroy();

  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] port::DevicePort& port() override { return *vdev_; }
  /// Also forgets the guest's PASIDs.
  coro::Task<> reset() override;
  coro::Task<> catch_up() override;
  coro::Task<> before_command() override;
  void map(const vfio_user::DmaRange& range, std::byte* host) override;
  coro::Task<> unmap(const vfio_user::DmaRange& range) override;
  [[nodiscard]] bool remaps() const override { return unit_.present(); }
  [[nodiscard]] bool remapping() const override { return unit_.translating(); }
  Message message(std::uint32_t vector) override;
  [[nodiscard]] TranslationCounts translation() const override { return counts_; }

  [[nodiscard]] vdcm::Vdev* vdev() const { return vdev_; }
  [[nodiscard]] GuestUnit& unit() { return unit_; }

 private:
  void deliver(const port::Interrupt& interrupt) override;
  [[nodiscard]] Hpa host_address(Gpa address) const { return Hpa{base_ + address.value}; }
  [[nodiscard]] vdcm::Space space_of(const GuestPasid& entry) const;
  /// Size of the leaf for a page, where so many bytes are left.
  [[nodiscard]] std::uint64_t leaf_at(Gpa guest, std::uint64_t left) const;
  coro::Task<> follow(const GuestUnit::Look& seen);
  coro::Task<> follow_pasids(const UnitRegisters& registers);
  coro::Task<> drop(Pasid guest);
  coro::Task<> rebind(Pasid host, vdcm::Space space);

  system::HostSide& host_;
  vdcm::Manager& manager_;
  VdevFunctionOptions options_;
  std::uint64_t base_;  ///< where guest-physical 0 is in host-physical memory
  GuestUnit unit_;
  iommu::tables::HostTableMemory table_memory_;
  iommu::tables::SecondStageTable second_stage_;
  vdcm::VmId vm_ = 0;
  vdcm::VdevId id_ = 0;
  vdcm::Vdev* vdev_ = nullptr;
  std::map<std::uint32_t, GuestPasid> bound_;  ///< by guest PASID
  /// Guest PASIDs that are gone while a queue still runs with them, as when a process ends: they
  /// reach nothing until the guest has disabled the queue.
  std::set<std::uint32_t> lingering_;
  std::set<std::uint32_t> unsupported_;  ///< guest PASIDs that have been counted as such
  Hpa nothing_;                          ///< a first-stage table without entries
  coro::Lock following_;
  TranslationCounts counts_;
};

}  // namespace siov::attach
