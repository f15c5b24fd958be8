// SPDX-License-Identifier: Apache-2.0
// Vdev: a virtual device composed of 1..8 work queues. A guest drives it through DevicePort;
// portals of hardware queues go straight to the physical IMS portal page while they are mapped,
// everything else is emulated here.
//
//   vdcm::Vdev* vdev = co_await vdcm.create_vdev(config);
//   guest::DsaDriver driver(*vdev, space, options);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "coro/event.hpp"
#include "coro/lock.hpp"
#include "port/device_port.hpp"
#include "port/interrupt_port.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/page_map.hpp"
#include "vdcm/queue_slot.hpp"
#include "vdcm/submission_tracker.hpp"
#include "vdcm/trapped_portal.hpp"
#include "vdcm/vdev_config.hpp"
#include "vdcm/vdev_state.hpp"
#include "vdcm/virtual_config.hpp"
#include "vdcm/virtual_msix.hpp"
#include "vdcm/virtual_registers.hpp"

namespace siov::vdcm {

class Vdcm;

/// @spec siov.md 3.2-3.5
class Vdev final : public port::DevicePort {
 public:
  Vdev(Vdcm& vdcm, VdevConfig config, Pasid default_pasid);
  ~Vdev() override;

  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override;
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override;
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override;
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override;
  void posted_write64(std::uint64_t offset, const port::Line& line) override;
  /// ENQCMDS of this VM's CPU: bits 19:0 of the line are a guest PASID and leave as the host PASID.
  /// A PASID that the VM does not own ends in a VM exit: nothing is sent, the answer is
  /// kUnsupportedRequest. @spec SIOV-P-12
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override;
  void set_bar_base(port::Bar bar, std::uint64_t base) override;

  // Suspend and go on, here or elsewhere (vdev_pause.cpp)
  // ------------------------------------------
  /// Unmaps the portals, holds what is submitted from then on, waits until the hardware has nothing
  /// left of what was accepted. The guest's CPUs may go on all the time. @throws HarnessError if it
  /// is paused  @spec SIOV-H-38, SIOV-H-42
  coro::Task<> pause();
  /// What another VDEV needs to go on as this one. Stop the guest's CPUs first. @throws
  /// HarnessError unless paused  @spec SIOV-H-39
  coro::Task<SavedVdev> save();
  /// Makes a fresh VDEV the saved one, paused. Hardware is not touched yet. @return why not, if it
  /// does not fit; nothing has changed then  @spec SIOV-H-44
  [[nodiscard]] std::vector<std::string> restore(const SavedVdev& saved);
  /// Guest PASIDs that the saved VDEV needs and this VDEV's VM does not have.
  [[nodiscard]] std::vector<Pasid> missing_pasids(const SavedVdev& saved) const;
  /// After restore(): enables what is behind the VDEV. resume() does it, if it has not been done.
  /// @return what is wrong; empty if nothing. The VDEV is of no use then  @spec SIOV-H-40
  coro::Task<std::string> activate();
  /// Tells the guest of handles that have changed, submits what was held, in order, then maps the
  /// portals. @return as activate()  @throws HarnessError unless paused  @spec SIOV-H-40, SIOV-H-42
  coro::Task<std::string> resume();
  /// What its guest sees of it: without what is hidden from guests.
  [[nodiscard]] VirtualCapabilities guest_capabilities() const;

  /// Resets the VDEV as a guest FLR would, and waits; a paused one stays paused. @spec
  /// SIOV-H-29..31
  coro::Task<> reset();
  /// Waits until posted guest accesses have had their effect on hardware.
  coro::Task<> settle();
  /// Tells this VDEV of an error that work of one of its queues caused, in host terms.
  /// @spec SIOV-H-36
  void report_error(std::uint8_t queue, SoftwareError error);
  /// Tells this VDEV that a function has halted; only a reset leads out. @spec SIOV-H-37
  void report_halt();

  // Pages ---------------------------------------------------------------------------------------
  /// @param offset any byte in the page. @spec SIOV-H-06
  [[nodiscard]] PageKind page_kind(port::Bar bar, std::uint64_t offset) const;
  /// Every page of both BARs.
  [[nodiscard]] std::vector<PageAudit> map_audit() const;
  /// Maps one guest page; Enable WQ does it for both portal pages of the queue. @param bytes 4096
  /// @spec SIOV-H-07, SIOV-H-09
  Result<PhysicalPage, MapRefusal> map_page(port::Bar bar, std::uint64_t offset,
                                            std::uint64_t bytes);
  /// Takes the mapping of all portals away, with what the CPUs hold of it; waits for nothing.
  /// @spec SIOV-H-10
  void unmap_portals();
  /// On: portals are not mapped even while their queues are enabled; submissions are carried out by
  /// software. Off: mapped again. @spec siov.md 3.2 (BAR2)
  void set_trapping(bool on);

  // What there is -------------------------------------------------------------------------------
  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] VmId vm() const { return config_.vm; }
  [[nodiscard]] const VdevConfig& config() const { return config_; }
  [[nodiscard]] std::uint8_t queue_count() const {
    return static_cast<std::uint8_t>(queues_.size());
  }
  [[nodiscard]] const VirtualQueue& queue(std::uint8_t queue) const {
    return *queues_.at(queue).backing;
  }
  [[nodiscard]] bool dedicated(std::uint8_t queue = 0) const {
    return registers_.capabilities().queues.at(queue).dedicated;
  }
  [[nodiscard]] Pasid default_pasid() const { return default_pasid_; }
  /// Host PASID that a dedicated queue runs with or is being enabled with; absent while disabled
  /// or shared.
  [[nodiscard]] std::optional<Pasid> running_pasid(std::uint8_t queue = 0) const {
    return queues_.at(queue).running_pasid;
  }
  /// Whether a dedicated queue runs with this host PASID.
  [[nodiscard]] bool runs_with(Pasid pasid) const;
  /// IMS entry behind a vector: the handle that the guest gets. Absent while MSI-X is off.
  [[nodiscard]] std::optional<std::uint16_t> ims_index(std::uint16_t vector = 1) const {
    return handles_.at(vector);
  }
  [[nodiscard]] bool portals_mapped(std::uint8_t queue = 0) const {
    return queues_.at(queue).mapped != 0;
  }
  [[nodiscard]] const VirtualRegisters& registers() const { return registers_; }
  [[nodiscard]] const VirtualConfig& virtual_config() const { return virtual_config_; }
  [[nodiscard]] const VirtualMsix& msix() const { return msix_; }
  [[nodiscard]] const TrappedPortal& trapped() const { return trapped_; }
  [[nodiscard]] std::uint64_t interrupts() const { return msix_.delivered(); }
  /// PortalPlace accesses that met an unmapped portal.
  [[nodiscard]] std::uint64_t trapped_submissions() const { return trapped_submissions_; }
  [[nodiscard]] bool paused() const { return paused_; }
  /// Paused, and what was held is being submitted.
  [[nodiscard]] bool replaying() const { return replaying_; }
  /// Held descriptors that have been submitted since.
  [[nodiscard]] std::uint64_t replayed() const { return replayed_; }
  /// Held descriptors whose guest PASID was gone by then; the guest was told.
  [[nodiscard]] std::uint64_t unplayable() const { return unplayable_; }
  /// Times that interrupt handles have changed under the guest.
  [[nodiscard]] std::uint64_t revocations() const { return revocations_; }

 private:
  friend class Vdcm;
  /// Counts tasks that use this object, so that it can wait for their end.
  class Use;

  [[nodiscard]] std::unique_ptr<VirtualQueue> make_queue(const QueueConfig& queue,
                                                         std::uint8_t index);
  [[nodiscard]] VirtualCapabilities compose() const;
  void start_task(coro::Task<> task, const char* what);
  coro::Task<> counted(coro::Task<> task);
  coro::Task<> unused();

  // vdev_pause.cpp
  void announce_revocation();
  coro::Task<> replay();
  coro::Task<> finish_revocation(std::uint64_t epoch);

  // vdev_portals.cpp
  [[nodiscard]] std::optional<PortalPlace> portal_at(std::uint64_t offset) const;
  [[nodiscard]] std::uint64_t page_of(const PortalPlace& portal) const;
  [[nodiscard]] bool direct(const PortalPlace& portal);
  [[nodiscard]] PhysicalPage physical_page(const PortalPlace& portal) const;
  std::optional<MapRefusal> map_refusal(const PortalPlace& portal) const;
  void open(std::uint8_t queue);
  void close(std::uint32_t queues);
  void store_portal(std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  void trapped_posted(const PortalPlace& portal, const port::Line& line);
  coro::Task<port::CompletionStatus> trapped_deferrable(PortalPlace portal, port::Line guest_line,
                                                        port::Line host_line);

  // vdev_commands.cpp, vdev_queue_commands.cpp
  void write_cmd(std::uint32_t value);
  coro::Task<> run_command(std::uint32_t value, std::uint64_t epoch);
  coro::Task<> execute(std::uint32_t value, CommandResult& out);
  [[nodiscard]] std::uint8_t check_enable_device() const;
  void enable_device(CommandResult& out);
  coro::Task<> disable_device(CommandResult& out);
  coro::Task<> reset_device();
  [[nodiscard]] std::uint8_t check_enable_wq(std::uint32_t operand) const;
  coro::Task<> enable_wq(std::uint32_t operand, CommandResult& out);
  coro::Task<> start_queue(std::uint8_t queue, Pasid host, bool privileged, CommandResult& out);
  [[nodiscard]] std::uint32_t enabled_queues() const;
  coro::Task<> wq_command(std::uint8_t code, std::uint32_t operand, CommandResult& out);
  coro::Task<> drain_queues(std::uint32_t queues);
  coro::Task<> abort_queues(std::uint32_t queues);
  coro::Task<> stop_queues(std::uint32_t queues, bool abort);
  coro::Task<> pasid_command(std::uint8_t code, std::uint32_t operand, CommandResult& out);

  // vdev_interrupts.cpp
  void raise_cause(std::uint32_t cause);
  void record(SoftwareError error);
  [[nodiscard]] Pasid vector_pasid(std::uint16_t vector) const;
  [[nodiscard]] std::optional<std::uint16_t> vector_of(std::uint16_t handle) const;
  [[nodiscard]] bool handle_ok(std::uint16_t handle, Pasid pasid) const;
  void request_handle(std::uint32_t operand, CommandResult& out);
  void release_handle(std::uint32_t operand, CommandResult& out);
  coro::Task<> update_ims();
  /// The entries that work of this host PASID could use are its no more.
  coro::Task<> forget_pasid(Pasid host);
  coro::Task<> update_vector(std::uint32_t vector);
  coro::Task<> update_ims_locked();
  coro::Task<> allocate_vectors();
  coro::Task<> free_vectors();
  coro::Task<> set_vector_pasid(std::uint16_t vector);
  void write_msix(std::uint32_t offset, std::uint32_t size, std::uint64_t value);

  [[nodiscard]] std::uint64_t emulated_read(std::uint32_t offset, std::uint32_t size) const;
  coro::Task<> quiesce();
  coro::Task<> reset_locked();
  coro::Task<> halt_after_config_change();
  [[nodiscard]] std::optional<Pasid> host_pasid(Pasid guest) const;

  Vdcm& vdcm_;
  VdevConfig config_;
  Pasid default_pasid_;
  std::vector<QueueSlot> queues_;
  std::vector<HostDriver*> functions_;  ///< of hardware queues, each once
  VirtualRegisters registers_;
  VirtualConfig virtual_config_;
  VirtualMsix msix_;
  TrappedPortal trapped_;
  coro::Lock hardware_lock_;  ///< FIFO: what the guest did first reaches hardware first
  SubmissionTracker submissions_;
  std::vector<std::optional<std::uint16_t>> handles_;  ///< by vector
  std::uint64_t granted_ = 0;                          ///< vectors whose handle the guest has
  std::uint64_t epoch_ = 0;                            ///< counts resets
  std::uint64_t trapped_submissions_ = 0;
  std::uint32_t uses_ = 0;
  coro::Event use_ended_{"VDEV in use"};
  std::size_t place_ = 0;  ///< in Vdcm::vdevs()
  bool attached_ = false;  ///< has an I/O address space
  bool closing_ = false;   ///< its guest is gone
  bool trapping_ = false;
  bool paused_ = false;
  bool replaying_ = false;
  /// Of the VDEV that this one goes on as, until it does.
  struct Restored {
    std::uint32_t enabled = 0;  ///< queues to enable
    std::vector<std::optional<std::uint16_t>> handles;
    bool active = false;
  };
  std::optional<Restored> restored_;
  std::optional<std::uint32_t> waiting_command_;  ///< written while paused
  std::uint64_t replayed_ = 0;
  std::uint64_t unplayable_ = 0;
  std::uint64_t revocations_ = 0;
};

}  // namespace siov::vdcm
