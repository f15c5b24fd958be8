// SPDX-License-Identifier: Apache-2.0
// HostDriver: owns the physical function. Finds its capabilities, programs link, groups and queues,
// runs commands one at a time, hands software errors to the VDCM, writes interrupt message storage.
//
//   vdcm::HostDriver host(root_complex, platform, iommu_driver, config);
//   co_await host.start();
//   const vdcm::CommandResult r = co_await host.enable_wq(0);
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/types.hpp"
#include "coro/event.hpp"
#include "coro/join.hpp"
#include "coro/lock.hpp"
#include "coro/task.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "port/device_port.hpp"
#include "vdcm/capability_list.hpp"
#include "vdcm/host_config.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/pasid_allocator.hpp"
#include "vdcm/platform.hpp"
#include "vdcm/software_error.hpp"

namespace siov::vdcm {

/// How a device command ended. @spec dsa.md 2.6 CMDSTATUS, 3.3
struct CommandResult {
  std::uint8_t error = 0;    ///< 0 is success
  std::uint16_t result = 0;  ///< CMDSTATUS 23:8
};

/// What the probe found. @spec dsa.md 2.2-2.5
struct DeviceInfo {
  std::uint32_t version = 0;
  std::uint64_t gencap = 0;
  std::uint64_t wqcap = 0;
  std::uint64_t grpcap = 0;
  std::uint64_t engcap = 0;
  std::uint32_t cmdcap = 0;  ///< 0 when GENCAP says there is no such register
  std::array<std::uint64_t, 4> opcap{};
  std::uint32_t grpcfg_offset = 0;  ///< [bytes] in BAR0, likewise below
  std::uint32_t wqcfg_offset = 0;
  std::uint32_t msixperm_offset = 0;
  std::uint32_t ims_offset = 0;
  std::uint32_t msix_table_offset = 0;
  std::uint64_t bar0_size = 0;
  std::uint64_t bar2_size = 0;
  std::uint32_t wq_stride = 32;
  std::uint16_t wq_count = 0;
  std::uint16_t ims_entries = 0;  ///< 0: guests' interrupts use entries of the MSI-X table
  std::uint16_t msix_vectors = 0;
};

class HostDriver {
 public:
  using ErrorListener = std::function<void(const SoftwareError&)>;

  HostDriver(port::DevicePort& device, Platform& platform, IommuDriver& iommu, HostConfig config);
  ~HostDriver();
  HostDriver(const HostDriver&) = delete;
  HostDriver& operator=(const HostDriver&) = delete;

  /// Probe, configure, Enable Device; shared queues are enabled too. @throws DriverError if the
  /// device refuses.
  coro::Task<> start();
  /// Disable Device, interrupts off.
  coro::Task<> stop();
  /// A halted function begins afresh: FLR, then everything as after start(), interrupt entries that
  /// are in use included. Dedicated queues stay disabled, all work is lost. Commands and changes of
  /// interrupt entries wait meanwhile. @throws DriverError if the device refuses  @spec SIOV-H-37;
  /// dsa.md 6
  coro::Task<> recover();

  /// Runs one command; callers queue up in FIFO order. @throws DriverError if the device never
  /// answers.
  coro::Task<CommandResult> command(std::uint8_t code, std::uint32_t operand);
  coro::Task<CommandResult> enable_wq(std::uint8_t wq);
  coro::Task<CommandResult> disable_wq(std::uint8_t wq);
  coro::Task<CommandResult> drain_wq(std::uint8_t wq);
  coro::Task<CommandResult> abort_wq(std::uint8_t wq);
  coro::Task<CommandResult> drain_pasid(Pasid pasid);

  /// Mode stays; PASID, PASID enable and privilege of a disabled WQ. @param enabled off only for
  /// negative tests (SIOV-H-19)  @spec dsa.md 2.9 dword 2
  coro::Task<> set_wq_pasid(std::uint8_t wq, Pasid pasid, bool privileged, bool enabled = true);

  /// Allocates an IMS entry: cleared and masked first, PASID, then the remappable message, unmasked
  /// last, read back.
  /// @spec SIOV-H-23, SIOV-H-26  @throws HarnessError when none is free
  coro::Task<std::uint16_t> allocate_ims(Pasid pasid, Platform::Handler handler);
  /// The same for one particular entry that free_ims_from() named.
  coro::Task<> allocate_ims_at(std::uint16_t index, Pasid pasid, Platform::Handler handler);
  /// Lowest free entry that is not below index; nullopt if there is none.
  [[nodiscard]] std::optional<std::uint16_t> free_ims_from(std::uint16_t index) const;
  /// First entry that a VDEV may have: 0 of IMS; of MSI-X 1, because entry 0 is the function's own
  /// (command, error, halt; dsa.md 3.7).
  [[nodiscard]] std::uint16_t first_guest_entry() const { return has_ims() ? 0 : 1; }
  /// Entry 0 of IMS goes out last: it is the one that a handle which nobody set names.
  [[nodiscard]] bool last_ims_free() const { return has_ims() && !ims_.at(0).used; }
  /// Keeps a free entry for an allocate_ims_at() to come.
  void reserve_ims(std::uint16_t index);
  /// What the driver wrote into an allocated entry.
  [[nodiscard]] Pasid ims_pasid(std::uint16_t index) const { return ims_.at(index).pasid; }
  /// Changes the PASID of an allocated entry, masked meanwhile.
  coro::Task<> set_ims_pasid(std::uint16_t index, Pasid pasid);
  /// PASID enable off, message cleared, masked; then the IRTE goes.
  coro::Task<> free_ims(std::uint16_t index);

  /// For negative tests: a message that the host's interrupt remapping did not compose
  /// (SIOV-H-23).
  void write_foreign_message(std::uint16_t index, std::uint64_t address, std::uint32_t data) {
    write_message(index, address, data);
  }

  /// Software errors go to an event log of so many entries, 64..65535. Before start(); memory and
  /// frames outlive this. @spec dsa.md 2.11
  void use_event_log(memory::PhysicalMemory& memory, memory::PageAllocator& frames,
                     std::uint16_t entries);
  /// Called for each completion record that the device put into the event log: software has to
  /// write it for the guest.
  using RecordListener =
      std::function<void(Pasid, Iova record_address, std::span<const std::byte> record)>;
  void set_record_listener(RecordListener listener) { record_listener_ = std::move(listener); }

  /// Called for each software error the device reports, after it was acknowledged.
  void set_error_listener(ErrorListener listener) { error_listener_ = std::move(listener); }
  /// Called when the device reports that it has halted.
  void set_halt_listener(std::function<void()> listener) { halt_listener_ = std::move(listener); }

  /// Offset in BAR2 of one portal page. @spec dsa.md 4.1
  [[nodiscard]] static std::uint64_t portal_offset(std::uint8_t wq, bool limited, bool ims) {
    return std::uint64_t{wq} * 0x4000 + (limited ? 0x1000 : 0) + (ims ? 0x2000 : 0);
  }

  [[nodiscard]] port::DevicePort& device() { return device_; }
  [[nodiscard]] Platform& platform() { return platform_; }
  [[nodiscard]] IommuDriver& iommu() { return iommu_; }
  [[nodiscard]] PasidAllocator& pasids() { return platform_.pasids(); }
  [[nodiscard]] const HostConfig& config() const { return config_; }
  [[nodiscard]] const DeviceInfo& info() const { return info_; }
  [[nodiscard]] const CapabilityList& capabilities() const { return capabilities_; }
  [[nodiscard]] bool halted() const { return halted_; }
  [[nodiscard]] std::uint64_t commands() const { return commands_; }
  [[nodiscard]] std::uint64_t recoveries() const { return recoveries_; }
  [[nodiscard]] std::uint64_t software_errors() const { return software_errors_; }
  /// Times that SWERROR said that it has lost errors.
  [[nodiscard]] std::uint64_t error_overflows() const { return error_overflows_; }
  /// Entries taken from the event log.
  [[nodiscard]] std::uint64_t events() const { return events_; }
  /// Whether guests' interrupts are in interrupt message storage, not in the MSI-X table.
  [[nodiscard]] bool has_ims() const { return info_.ims_entries != 0; }

 private:
  struct ImsSlot {
    bool used = false;
    Pasid pasid;
    InterruptMessage message;
  };
  coro::Task<std::uint64_t> read(std::uint32_t offset, std::uint32_t size);
  void write(std::uint32_t offset, std::uint32_t size, std::uint64_t value);
  coro::Task<std::uint32_t> config_read(std::uint32_t offset, std::uint32_t size);
  coro::Task<> config_write(std::uint32_t offset, std::uint32_t size, std::uint32_t value);
  coro::Task<> assign_bars();
  coro::Task<> program_link();
  coro::Task<> enable_pasid();
  coro::Task<> enable_ats();
  coro::Task<> enable_pri();
  coro::Task<> disable_translation();
  coro::Task<> probe();
  void allocate_interrupts();
  coro::Task<> enable_interrupts();
  coro::Task<> configure();
  coro::Task<> configure_wq(std::uint8_t wq);
  coro::Task<CommandResult> run_command(std::uint8_t code, std::uint32_t operand);
  coro::Task<> bring_up();
  coro::Task<> restore_entries();
  coro::Task<CommandResult> wait_by_polling();
  coro::Task<CommandResult> wait_by_interrupt();
  coro::Task<> interrupt_thread();
  coro::Task<> handle_software_error();
  void allocate_event_log();
  coro::Task<> start_event_log();
  coro::Task<> consume_event_log();
  void stop_event_log();
  void handle_event(std::span<const std::byte> entry);
  std::uint32_t ims_address(std::uint16_t index) const {
    return (has_ims() ? info_.ims_offset : info_.msix_table_offset) + 16U * index;
  }
  coro::Task<> program_ims(std::uint16_t index, Pasid pasid, Platform::Handler handler);
  void write_message(std::uint16_t index, std::uint64_t address, std::uint32_t data);
  void write_permission(std::uint16_t index, bool masked, std::optional<Pasid> pasid);
  coro::Task<> flush_ims(std::uint16_t index);
  coro::Task<> grant_handle(std::uint8_t code, std::uint16_t index, bool locked = false);

  port::DevicePort& device_;
  Platform& platform_;
  IommuDriver& iommu_;
  HostConfig config_;
  CapabilityList capabilities_;
  DeviceInfo info_;
  coro::Lock command_lock_;
  coro::Lock ims_lock_;
  coro::Event command_done_;
  coro::Event vector0_;
  coro::JoinHandle interrupt_task_;
  InterruptMessage vector0_message_;
  std::vector<ImsSlot> ims_;
  std::uint16_t ims_hint_ = 1;  ///< no entry below it is free
  ErrorListener error_listener_;
  RecordListener record_listener_;
  memory::PhysicalMemory* memory_ = nullptr;  ///< event log wanted
  memory::PageAllocator* frames_ = nullptr;
  std::uint16_t log_entries_ = 0;
  Hpa log_;
  Pasid log_pasid_;
  bool log_runs_ = false;
  std::uint32_t log_head_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t error_overflows_ = 0;
  std::function<void()> halt_listener_;
  bool halted_ = false;
  bool handling_ = false;  ///< the interrupt thread is at work
  bool interrupts_on_ = false;
  std::uint64_t commands_ = 0;
  std::uint64_t recoveries_ = 0;
  std::uint64_t software_errors_ = 0;
};

}  // namespace siov::vdcm
