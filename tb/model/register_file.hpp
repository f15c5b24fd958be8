// SPDX-License-Identifier: Apache-2.0
// RegisterFile: BAR0. Finds the block behind an offset and turns 1, 2, 4 and 8-byte accesses into
// words with byte enables.
//
//   RegisterFile bar0(config, registers, queues, interrupts);
//   bar0.write(0x88, 4, 3);
#pragma once

#include <cstdint>

#include "model/control_registers.hpp"
#include "model/interrupts.hpp"
#include "model/work_queues.hpp"

namespace siov::model {

class RegisterFile {
 public:
  RegisterFile(const DeviceConfig& config, ControlRegisters& registers, WorkQueues& queues,
               Interrupts& interrupts)
      : layout_(Bar0Layout::of(config)),
        registers_(registers),
        queues_(queues),
        interrupts_(interrupts) {}

  /// @param offset  inside BAR0, size-aligned  @param size  1, 2, 4 or 8 [bytes]
  std::uint64_t read(std::uint64_t offset, std::uint32_t size) const;
  void write(std::uint64_t offset, std::uint32_t size, std::uint64_t value);

 private:
  std::uint64_t read_word(std::uint32_t offset) const;
  void write_word(std::uint32_t offset, std::uint64_t value, std::uint64_t mask);

  void check_access(std::uint64_t offset, std::uint32_t size) const;

  const Bar0Layout layout_;
  ControlRegisters& registers_;
  WorkQueues& queues_;
  Interrupts& interrupts_;
};

}  // namespace siov::model
