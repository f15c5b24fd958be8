// SPDX-License-Identifier: Apache-2.0
// ControlRegisters: capabilities, GENCFG, GENCTRL, GENSTS, INTCAUSE, CMD, CMDSTATUS, SWERROR, the
// event log behind them, and the events of vector 0.
//
//   registers.log({.code = abi::kSwErrDwqFull, .wq_valid = true, .wq = 3});
//   if (!registers.report(error)) ...   // no room in the event log: ask again
//   if (const auto command = registers.take_command()) ...
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "abi/siov_abi.hpp"
#include "model/device_config.hpp"
#include "model/event_log.hpp"
#include "model/interrupts.hpp"

namespace siov::model {

class ControlRegisters {
 public:
  ControlRegisters(const DeviceConfig& config, Interrupts& interrupts, DmaMaster& master);

  /// @param offset  0..0xF8, a multiple of 8
  std::uint64_t read(std::uint32_t offset) const;
  /// @param mask  bits of the enabled bytes
  void write(std::uint32_t offset, std::uint64_t value, std::uint64_t mask);

  std::uint8_t state() const { return state_; }
  void set_state(std::uint8_t state) { state_ = state; }
  std::uint8_t reset_type() const { return reset_type_; }
  bool user_interrupts() const { return (gencfg_ >> abi::kGencfgUserIntLsb & 1u) != 0; }
  unsigned read_buffer_limit() const { return gencfg_ & 0xFFu; }

  /// Errors of descriptors go to the event log.
  bool event_log_on() const;
  /// Enable Device with the log on would fail.
  bool event_log_bad(bool pasid_enabled) const;
  /// State Enabled, with an empty event log.
  void enable();

  /// Records an error in SWERROR, or sets overflow. @spec DSA 2.7
  void log(const SoftwareError& error);
  /// An error of a descriptor: to the event log if it is on, else to SWERROR. @return false if the
  /// log is full and the device has to wait. @spec DSA 2.11
  [[nodiscard]] bool report(const SoftwareError& error);
  /// INTCAUSE of an occupancy interrupt; its message is the queue's.
  void note_occupancy() { intcause_ |= 1u << abi::kIntcauseOccupancyLsb; }
  /// State Halt, with its interrupt.
  void halt(std::uint8_t reset_type);
  /// The command that was written since the last call; CMDSTATUS is active already.
  std::optional<std::uint32_t> take_command();
  /// Ends the active command. @param result  interrupt handle @param interrupt  CMD bit 31
  void finish_command(std::uint8_t error, std::uint16_t result, bool interrupt);
  bool command_active() const { return (cmdstatus_ >> abi::kCmdstatusActiveLsb) != 0; }

  /// Reset Device: CMD, CMDSTATUS, SWERROR and EVLSTATUS stay. @spec DSA 3.2
  void reset_device();
  void reset_function();

 private:
  std::uint64_t read_capability(std::uint32_t offset) const;
  std::uint64_t general_capabilities() const;
  std::uint64_t queue_capabilities() const;
  std::uint64_t table_offsets() const;
  void write_command(std::uint32_t value);
  void raise(unsigned cause);

  const DeviceConfig config_;
  Interrupts& interrupts_;
  EventLog event_log_;
  std::uint8_t state_ = abi::kGenstsDisabled;
  std::uint8_t reset_type_ = abi::kResetTypeCommand;
  std::uint32_t gencfg_ = 0;
  std::uint32_t genctrl_ = 0;
  std::uint32_t intcause_ = 0;
  std::uint32_t cmdstatus_ = 0;
  std::optional<std::uint32_t> command_;
  std::array<std::uint64_t, 4> swerror_{};
};

}  // namespace siov::model
