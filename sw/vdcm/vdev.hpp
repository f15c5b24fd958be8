// SPDX-License-Identifier: Apache-2.0
// Vdev: a virtual device on one physical work queue (dedicated, or a share of a shared one). A
// guest drives it through DevicePort; portals go straight to the physical IMS portal page,
// everything else is emulated here.
//
//   vdcm::Vdev* vdev = co_await vdcm.create_vdev(config);
//   guest::DsaDriver driver(*vdev, space, options);
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coro/lock.hpp"
#include "port/device_port.hpp"
#include "port/interrupt_port.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/submission_tracker.hpp"
#include "vdcm/virtual_config.hpp"
#include "vdcm/virtual_msix.hpp"
#include "vdcm/virtual_registers.hpp"

namespace siov::vdcm {

class Vdcm;

/// What to build a VDEV from.
struct VdevConfig {
  std::string name;
  VmId vm = 0;
  std::uint8_t wq = 0;
  Space default_space;  ///< what DMA without a guest PASID sees (SIOV-H-19)
  port::InterruptPort* guest_interrupts =
      nullptr;  ///< where virtual MSI-X messages go; may be null
};

/// @spec siov.md 3.2-3.5
class Vdev final : public port::DevicePort {
 public:
  Vdev(Vdcm& vdcm, HostDriver& host, VdevConfig config, Pasid default_pasid);
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

  /// Resets the VDEV as a guest FLR would, and waits. @spec SIOV-H-29..31
  coro::Task<> reset();
  /// Waits until posted guest accesses have had their effect on hardware.
  coro::Task<> settle();
  /// Tells this VDEV of a hardware error its work caused, in host terms. @spec SIOV-H-36
  void report_error(SoftwareError error);
  /// Tells this VDEV that the function has halted; only a reset leads out. @spec SIOV-H-37
  void report_halt();

  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] VmId vm() const { return config_.vm; }
  [[nodiscard]] std::uint8_t physical_wq() const { return config_.wq; }
  [[nodiscard]] bool dedicated() const { return dedicated_; }
  [[nodiscard]] Pasid default_pasid() const { return default_pasid_; }
  /// Host PASID that the dedicated queue runs with or is being enabled with; absent while disabled
  /// or shared.
  [[nodiscard]] std::optional<Pasid> running_pasid() const { return running_pasid_; }
  [[nodiscard]] std::optional<std::uint16_t> ims_index() const { return ims_index_; }
  [[nodiscard]] bool portals_mapped() const { return portals_mapped_; }
  [[nodiscard]] const VirtualRegisters& registers() const { return registers_; }
  [[nodiscard]] std::uint64_t interrupts() const { return msix_.delivered(); }
  /// Portal accesses that met an unmapped portal.
  [[nodiscard]] std::uint64_t trapped_submissions() const { return trapped_submissions_; }

 private:
  friend class Vdcm;
  std::uint64_t physical_portal(std::uint64_t offset) const;
  std::uint64_t emulated_read(std::uint32_t offset, std::uint32_t size) const;
  void write_cmd(std::uint32_t value);
  coro::Task<> run_command(std::uint32_t value);
  coro::Task<> execute(std::uint32_t value, CommandResult& out);
  std::uint8_t check_enable_device() const;
  void enable_device(CommandResult& out);
  coro::Task<> disable_device(CommandResult& out);
  coro::Task<> reset_device(CommandResult& out);
  coro::Task<> enable_wq(std::uint32_t operand, CommandResult& out);
  coro::Task<> wq_command(std::uint8_t code, std::uint32_t operand, CommandResult& out);
  coro::Task<> drain_own();
  coro::Task<> abort_own();
  coro::Task<> disable_own();
  coro::Task<> pasid_command(std::uint8_t code, std::uint32_t operand, CommandResult& out);
  void request_handle(std::uint32_t operand, CommandResult& out) const;
  void release_handle(std::uint32_t operand, CommandResult& out) const;
  coro::Task<> quiesce();
  coro::Task<> update_ims();
  coro::Task<> update_ims_locked();
  coro::Task<> halt_after_config_change();
  void raise_cause(std::uint32_t cause);
  std::optional<Pasid> host_pasid(Pasid guest) const;
  Pasid ims_pasid() const;
  void start_task(coro::Task<> task, const char* what);

  Vdcm& vdcm_;
  HostDriver& host_;
  VdevConfig config_;
  Pasid default_pasid_;
  bool dedicated_;
  VirtualConfig virtual_config_;
  VirtualRegisters registers_;
  VirtualMsix msix_;
  coro::Lock hardware_lock_;  ///< FIFO: what the guest did first reaches hardware first
  SubmissionTracker submissions_;
  std::optional<Pasid> running_pasid_;
  std::optional<std::uint16_t> ims_index_;
  bool portals_mapped_ = false;
  std::uint64_t trapped_submissions_ = 0;
};

}  // namespace siov::vdcm
