// SPDX-License-Identifier: Apache-2.0
// Registers below 0x100. @spec DSA 2.1 to 2.7
#include "model/control_registers.hpp"

namespace siov::model {
namespace {

constexpr std::uint32_t kGencfgBits = 0x10FF;  // read buffer limit, user interrupts
constexpr std::uint32_t kGenctrlBits = 0x3;    // software error, halt

std::uint32_t merge(std::uint32_t old, std::uint64_t value, std::uint64_t mask) {
  return static_cast<std::uint32_t>((old & ~mask) | (value & mask));
}

}  // namespace

ControlRegisters::ControlRegisters(const DeviceConfig& config, Interrupts& interrupts)
    : config_(config), interrupts_(interrupts) {
  reset_device();
}

void ControlRegisters::reset_device() {
  state_ = abi::kGenstsDisabled;
  reset_type_ = abi::kResetTypeCommand;
  gencfg_ = config_.read_buffers;
  genctrl_ = 0;
  intcause_ = 0;
}

void ControlRegisters::reset_function() {
  reset_device();
  cmdstatus_ = 0;
  command_.reset();
  swerror_ = {};
}

std::uint64_t ControlRegisters::read_capability(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegVersion:
      return 0x100;
    case abi::kRegGencap:  // configuration, batches of 2^10, transfers of 2^31, cache control,
                           // overlap; IMS / 256
      return 0x815F0006u | std::uint64_t{config_.ims_entries / 256} << 25;
    case abi::kRegWqcap:  // occupancy, priority, dedicated, shared
      return 0x001B000000000000u | std::uint64_t{config_.num_wq} << 16 | config_.wq_entries;
    case abi::kRegGrpcap:  // global limit, control by group
      return 0x30000u | std::uint64_t{config_.read_buffers} << 8 | config_.num_groups;
    case abi::kRegEngcap:
      return config_.num_engines;
    case abi::kRegOpcap:
      return config_.opcap;
    case abi::kRegOffsets:
      return config_.ims_entries == 0 ? 0x0000000400080006u : 0x0040000400080006u;
    default:
      return 0;
  }
}

std::uint64_t ControlRegisters::read(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegGencfg:
      return gencfg_;
    case abi::kRegGenctrl:
      return genctrl_;
    case abi::kRegGensts:
      return std::uint64_t{reset_type_} << 2 | state_;
    case abi::kRegIntcause:
      return intcause_;
    case abi::kRegCmdstatus:
      return cmdstatus_;
    case abi::kRegSwerror:
    case abi::kRegSwerror + 8:
    case abi::kRegSwerror + 16:
    case abi::kRegSwerror + 24:
      return swerror_[(offset - abi::kRegSwerror) / 8];
    default:
      return read_capability(offset);
  }
}

void ControlRegisters::write(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  switch (offset) {
    case abi::kRegGencfg:
      if (state_ == abi::kGenstsDisabled) gencfg_ = merge(gencfg_, value, mask & kGencfgBits);
      return;
    case abi::kRegGenctrl:
      genctrl_ = merge(genctrl_, value, mask & kGenctrlBits);
      return;
    case abi::kRegIntcause:
      intcause_ &= ~static_cast<std::uint32_t>(value & mask);
      if (intcause_ == 0) interrupts_.retire_device();
      return;
    case abi::kRegCmd:
      if ((mask & 0xFFFFFFFFu) == 0xFFFFFFFFu)
        write_command(static_cast<std::uint32_t>(value & mask));
      return;
    case abi::kRegSwerror:
      swerror_[0] &= ~(value & mask & 3u);
      return;
    default:
      return;
  }
}

void ControlRegisters::write_command(std::uint32_t value) {
  if (command_active()) {
    SoftwareError error;
    error.code = abi::kSwErrCmdActive;
    log(error);
    return;
  }
  cmdstatus_ = 1u << abi::kCmdstatusActiveLsb;
  command_ = value;
}

std::optional<std::uint32_t> ControlRegisters::take_command() {
  const std::optional<std::uint32_t> out = command_;
  command_.reset();
  return out;
}

void ControlRegisters::finish_command(std::uint8_t error, bool interrupt) {
  cmdstatus_ = error;
  if (interrupt) raise(abi::kIntcauseCommandLsb);
}

void ControlRegisters::raise(unsigned cause) {
  intcause_ |= 1u << cause;
  interrupts_.request_device();
}

void ControlRegisters::log(const SoftwareError& e) {
  if ((swerror_[0] & 1u) != 0) {
    swerror_[0] |= 2u;
    return;
  }
  const std::uint64_t overflow = swerror_[0] & 2u;
  swerror_[0] = 1u | overflow | std::uint64_t{e.desc_valid} << 2 | std::uint64_t{e.wq_valid} << 3 |
                std::uint64_t{e.privileged} << 6 | std::uint64_t{e.code} << 8 |
                std::uint64_t{e.wq} << 16 | std::uint64_t{e.opcode} << 32 |
                std::uint64_t{e.pasid.value} << 40;
  swerror_[1] = 0;
  swerror_[2] = e.address.value;
  if ((genctrl_ & 1u) != 0) raise(abi::kIntcauseSwerrorLsb);
}

void ControlRegisters::halt(std::uint8_t reset_type) {
  state_ = abi::kGenstsHalt;
  reset_type_ = reset_type;
  if ((genctrl_ & 2u) != 0) raise(abi::kIntcauseHaltLsb);
}

}  // namespace siov::model
