// SPDX-License-Identifier: Apache-2.0
// CommandEngine: commands 1 to 12, with CMDCAP also 13 and 14: checks, waiting for work to end,
// effects.
//
//   if (const auto command = registers.take_command()) commands.start(*command);
//   commands.cycle();
#pragma once

#include <cstdint>
#include <optional>

#include "model/operations.hpp"

namespace siov::model {

class CommandEngine {
 public:
  CommandEngine(const DeviceConfig& config, const Surroundings& around, Operations& operations);

  /// Starts the command in a value of CMD.
  void start(std::uint32_t value);
  /// One cycle nearer to the end.
  void cycle();
  bool active() const { return active_; }
  /// Ends the command because the device halted.
  void abandon();
  /// Forgets the command without a word: function level reset.
  void forget() { active_ = false; }

 private:
  std::uint8_t check() const;
  std::uint8_t check_enable_device() const;
  std::uint8_t check_groups() const;
  std::uint8_t check_read_buffers() const;
  std::uint8_t check_enable_wq() const;
  std::uint8_t check_queue_config(const WorkQueue& queue) const;
  bool occupancy_bad(const WorkQueue& queue) const;
  std::uint8_t check_handle() const;
  std::uint8_t check_queues(bool must_be_enabled) const;
  InterruptHandle handle() const;
  bool selects(unsigned wq) const;
  bool affects(const Work& work) const;
  bool drained() const;
  bool settled();
  void begin();
  void complete();
  void reset_device();
  template <class F>
  void for_selected(F action);

  DeviceConfig config_;
  Surroundings around_;
  Operations& operations_;
  bool active_ = false;
  bool interrupt_ = false;
  std::uint8_t code_ = 0;
  std::uint8_t error_ = 0;
  std::uint32_t operand_ = 0;
  std::uint64_t limit_ = 0;  ///< work with a lower sequence number belongs to the command
  unsigned cycles_left_ = 0;
  std::optional<std::uint64_t> last_page_;  ///< page requests before this one belong to the command
};

}  // namespace siov::model
