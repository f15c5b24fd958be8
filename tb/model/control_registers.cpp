// SPDX-License-Identifier: Apache-2.0
// Registers below 0x100. @spec DSA 2.1 to 2.7
#include "model/control_registers.hpp"

namespace siov::model {
namespace {

constexpr std::uint32_t kGencfgBits = 0x10FF;     // read buffer limit, user interrupts
constexpr std::uint32_t kGencfgEvl = 1u << 13;    // event log
constexpr std::uint32_t kGenctrlBits = 0x3;       // software error, halt
constexpr std::uint32_t kGenctrlEvl = 1u << 2;    // event log
constexpr std::uint64_t kCommands1To12 = 0x1FFE;  // CMDCAP
constexpr std::uint64_t kCommands13And14 = 0x6000;

constexpr std::uint64_t bit(bool value, unsigned position) {
  return std::uint64_t{value} << position;
}

std::uint32_t merge(std::uint32_t old, std::uint64_t value, std::uint64_t mask) {
  return static_cast<std::uint32_t>((old & ~mask) | (value & mask));
}

}  // namespace

ControlRegisters::ControlRegisters(const DeviceConfig& config, Interrupts& interrupts,
                                   DmaMaster& master)
    : config_(config), interrupts_(interrupts), event_log_(master) {
  reset_device();
}

void ControlRegisters::reset_device() {
  state_ = abi::kGenstsDisabled;
  reset_type_ = abi::kResetTypeCommand;
  gencfg_ = config_.read_buffers;
  genctrl_ = 0;
  intcause_ = 0;
  event_log_.reset_device();
}

void ControlRegisters::reset_function() {
  reset_device();
  event_log_.reset_function();
  cmdstatus_ = 0;
  command_.reset();
  swerror_ = {};
}

/// Configuration, batches of 2^10, transfers of 2^31, destination readback, cache control, overlap,
/// and what the build has: with ATS block on fault.
std::uint64_t ControlRegisters::general_capabilities() const {
  return 0x815F0106u | std::uint64_t{config_.ims_entries / 256} << 25 | bit(config_.ats, 0) |
         bit(config_.cmd_cap, 4) | bit(config_.drain_readback, 9) | bit(config_.fill16, 10) |
         bit(config_.crc64, 11) | bit(config_.evl, 13) | bit(config_.evl_overflow, 32) |
         bit(config_.batch1, 52);
}

/// Occupancy, priority, dedicated, shared; with operation masks entries of 64 bytes and occupancy
/// interrupts; with ATS its control by queue, and that of page requests.
std::uint64_t ControlRegisters::queue_capabilities() const {
  return 0x001B000000000000u | bit(config_.opcfg, 24) | bit(config_.opcfg, 53) |
         bit(config_.opcfg, 54) | bit(config_.ats, 50) | bit(config_.ats, 55) |
         std::uint64_t{config_.num_wq} << 16 | config_.wq_entries;
}

std::uint64_t ControlRegisters::table_offsets() const {
  const Bar0Layout l = Bar0Layout::of(config_);
  const std::uint64_t ims = config_.ims_entries == 0 ? 0 : l.ims;
  return ims >> 8 << 48 | std::uint64_t{l.msix_permissions >> 8} << 32 |
         std::uint64_t{l.queues >> 8} << 16 | l.groups >> 8;
}

std::uint64_t ControlRegisters::read_capability(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegVersion:
      return 0x100;
    case abi::kRegGencap:
      return general_capabilities();
    case abi::kRegWqcap:
      return queue_capabilities();
    case abi::kRegGrpcap:  // global limit, control by group
      return 0x30000u | std::uint64_t{config_.read_buffers} << 8 | config_.num_groups;
    case abi::kRegEngcap:
      return std::uint64_t{config_.batches_per_engine} << 16 |
             std::uint64_t{config_.jobs_per_engine} << 8 | config_.num_engines;
    case abi::kRegOpcap:
      return config_.opcap;
    case abi::kRegOffsets:
      return table_offsets();
    case abi::kRegCmdcap:
      return config_.cmd_cap ? kCommands1To12 | kCommands13And14 : 0;
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
    case abi::kRegEvlcfg:
    case abi::kRegEvlcfg + 8:
    case abi::kRegEvlstatus:
      return config_.evl ? event_log_.read(offset) : 0;
    default:
      return read_capability(offset);
  }
}

void ControlRegisters::write(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  switch (offset) {
    case abi::kRegGencfg:
      if (state_ == abi::kGenstsDisabled)
        gencfg_ = merge(gencfg_, value, mask & (kGencfgBits | (config_.evl ? kGencfgEvl : 0)));
      return;
    case abi::kRegGenctrl:
      genctrl_ = merge(genctrl_, value, mask & (kGenctrlBits | (config_.evl ? kGenctrlEvl : 0)));
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
    case abi::kRegEvlcfg:
    case abi::kRegEvlcfg + 8:
    case abi::kRegEvlstatus:
      if (config_.evl) event_log_.write(offset, value, mask, state_ != abi::kGenstsDisabled);
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

void ControlRegisters::finish_command(std::uint8_t error, std::uint16_t result, bool interrupt) {
  cmdstatus_ = std::uint32_t{result} << abi::kCmdstatusResultLsb | error;
  if (interrupt) raise(abi::kIntcauseCommandLsb);
}

void ControlRegisters::raise(unsigned cause) {
  intcause_ |= 1u << cause;
  interrupts_.request_device();
}

bool ControlRegisters::event_log_on() const {
  const bool running = state_ == abi::kGenstsEnabled || state_ == abi::kGenstsDraining;
  return running && (gencfg_ & kGencfgEvl) != 0;
}

bool ControlRegisters::event_log_bad(bool pasid_enabled) const {
  return (gencfg_ & kGencfgEvl) != 0 && !event_log_.config_good(pasid_enabled);
}

void ControlRegisters::enable() {
  state_ = abi::kGenstsEnabled;
  if ((gencfg_ & kGencfgEvl) != 0) event_log_.start();
}

void ControlRegisters::log(const SoftwareError& e) {
  if ((swerror_[0] & 1u) != 0) {
    swerror_[0] |= 2u;
    return;
  }
  swerror_[0] = 1u | (swerror_[0] & 2u) | e.head_bits();
  swerror_[1] = std::uint64_t{e.info.value_or(0)} << 32 | std::uint64_t{e.member_index};
  swerror_[2] = e.address.value;
  if ((genctrl_ & 1u) != 0) raise(abi::kIntcauseSwerrorLsb);
}

bool ControlRegisters::report(const SoftwareError& e) {
  if (!event_log_on()) {
    log(e);
    return true;
  }
  if (event_log_.full()) {
    if (!config_.evl_overflow) return false;
    SoftwareError lost;
    lost.code = abi::kSwErrEvlAppend;
    log(lost);
    return true;
  }
  event_log_.append(e);
  if ((genctrl_ & kGenctrlEvl) != 0 && event_log_.take_interrupt()) raise(abi::kIntcauseEvlLsb);
  return true;
}

void ControlRegisters::halt(std::uint8_t reset_type) {
  state_ = abi::kGenstsHalt;
  reset_type_ = reset_type;
  if ((genctrl_ & 2u) != 0) raise(abi::kIntcauseHaltLsb);
}

}  // namespace siov::model
