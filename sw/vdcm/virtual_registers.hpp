// SPDX-License-Identifier: Apache-2.0
// VirtualRegisters: BAR0 of a VDEV without its MSI-X table: stored state and read values. Commands
// are Vdev's.
//
//   const std::uint64_t gencap = registers.read(abi::kRegGencap, 8);
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "vdcm/software_error.hpp"
#include "vdcm/virtual_layout.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

/// What a VDEV shows of itself. @spec siov.md 3.3, SIOV-H-12
struct VirtualCapabilities {
  std::uint32_t version = 0x100;
  std::uint64_t physical_gencap = 0;
  std::array<std::uint64_t, 4> opcap{};
  std::uint8_t engines = 1;
  std::vector<QueueDescription> queues;  ///< 1..8
  std::uint16_t vectors = 2;             ///< 2..64
};

enum class DeviceState : std::uint8_t { kDisabled = 0, kEnabled = 1, kDraining = 2, kHalted = 3 };

/// Everything in the registers that can differ between two VDEVs of one kind.
struct RegisterImage {
  struct Queue {
    std::uint32_t dword2 = 0;  ///< mode, PASID, PASID enable, privilege as the guest wrote them
    bool enabled = false;
    bool operator==(const Queue&) const = default;
  };
  DeviceState state = DeviceState::kDisabled;
  std::uint32_t cmdstatus = 0;
  std::uint32_t intcause = 0;
  std::uint32_t gencfg = 0;
  std::uint32_t genctrl = 0;
  std::vector<Queue> queues;
  std::vector<std::uint32_t> msixperm;  ///< bit 3 PASID enable, 31:12 guest PASID
  std::array<std::uint64_t, 4> swerror{};
  bool operator==(const RegisterImage&) const = default;
};

class VirtualRegisters {
 public:
  explicit VirtualRegisters(VirtualCapabilities capabilities);

  /// @param size 1, 2, 4 or 8, offset size-aligned. Unlisted offsets read 0.
  [[nodiscard]] std::uint64_t read(std::uint32_t offset, std::uint32_t size) const;
  /// Everything but CMD and the MSI-X structures; read-only and locked fields ignore writes.
  /// @return the vector whose MSIXPERM was written (its PASID may mean another host PASID by now)
  std::optional<std::uint32_t> write(std::uint32_t offset, std::uint32_t size, std::uint64_t value);
  /// Reset Device: control, status, cause, MSIXPERM and queue configuration to power-on values;
  /// CMDSTATUS and SWERROR stay.
  void reset_device();
  void reset_queue(std::uint32_t queue);
  /// FLR: everything.
  void reset_all();
  /// @return true if this became the first valid error (the guest is to be told when GENCTRL
  /// allows)
  bool record_error(SoftwareError error);

  [[nodiscard]] DeviceState state() const { return image_.state; }
  void set_state(DeviceState state) { image_.state = state; }
  [[nodiscard]] std::uint32_t cmdstatus() const { return image_.cmdstatus; }
  void set_cmdstatus(std::uint32_t value) { image_.cmdstatus = value; }
  [[nodiscard]] std::uint32_t intcause() const { return image_.intcause; }
  void add_intcause(std::uint32_t bits) { image_.intcause |= bits; }
  [[nodiscard]] bool queue_enabled(std::uint32_t queue) const {
    return image_.queues[queue].enabled;
  }
  void set_queue_enabled(std::uint32_t queue, bool on) { image_.queues[queue].enabled = on; }
  [[nodiscard]] bool any_queue_enabled() const;

  [[nodiscard]] bool error_interrupt_enabled() const { return (image_.genctrl & 1) != 0; }
  [[nodiscard]] bool halt_interrupt_enabled() const { return (image_.genctrl & 2) != 0; }
  [[nodiscard]] bool wq_mode_dedicated(std::uint32_t queue) const {
    return (image_.queues[queue].dword2 & 1) != 0;
  }
  [[nodiscard]] Pasid wq_pasid(std::uint32_t queue) const {
    return Pasid{image_.queues[queue].dword2 >> 8 & 0xFFFFF};
  }
  [[nodiscard]] bool wq_pasid_enabled(std::uint32_t queue) const {
    return (image_.queues[queue].dword2 >> 28 & 1) != 0;
  }
  [[nodiscard]] bool wq_privileged(std::uint32_t queue) const {
    return (image_.queues[queue].dword2 >> 29 & 1) != 0;
  }
  /// MSIXPERM word of a vector: bit 3 PASID enable, 31:12 guest PASID.
  [[nodiscard]] std::uint32_t msixperm(std::uint32_t vector) const {
    return image_.msixperm[vector];
  }
  [[nodiscard]] const VirtualCapabilities& capabilities() const { return capabilities_; }
  [[nodiscard]] const VirtualLayout& layout() const { return layout_; }
  [[nodiscard]] std::uint32_t queues() const { return layout_.queues; }
  [[nodiscard]] const RegisterImage& image() const { return image_; }
  /// @return false if the numbers of queues or vectors do not fit
  bool restore(const RegisterImage& image);

 private:
  [[nodiscard]] std::uint32_t read_dword(std::uint32_t offset) const;
  [[nodiscard]] std::uint32_t wq_dword(std::uint32_t queue, std::uint32_t index) const;
  [[nodiscard]] std::uint64_t capability_qword(std::uint32_t offset) const;
  [[nodiscard]] std::uint64_t wqcap() const;
  std::optional<std::uint32_t> write_dword(std::uint32_t offset, std::uint32_t value,
                                           std::uint32_t mask);

  VirtualCapabilities capabilities_;
  VirtualLayout layout_;
  RegisterImage image_;
};

}  // namespace siov::vdcm
