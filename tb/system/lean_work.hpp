// SPDX-License-Identifier: Apache-2.0
// LeanWork: the prepared descriptors of one work queue: any operation, alone or in batches, and
// what memory must look like when they have run. The expectation comes from model::predict.
//
//   LeanWork work(space, {abi::kOpMemmove, 4096, 1, 32, 0});
//   root.posted_write64(portal, work.slots()[0].line);
//   failed += work.wrong(1);
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "abi/descriptor.hpp"
#include "guest/address_space.hpp"
#include "port/device_port.hpp"

namespace siov::system {

/// What the descriptors of a queue do.
struct WorkShape {
  std::uint8_t opcode = abi::kOpMemmove;  ///< any that moves or looks at data
  std::uint32_t bytes = 4096;  ///< data of each; multiple of 8 (delta) or 512 (DIF: blocks of 512)
  std::uint32_t batch = 1;     ///< members of a batch; 1: no batches
  std::uint32_t slots = 32;    ///< descriptors (or batches) prepared
  std::uint32_t salt = 0;      ///< makes the data of queues different
};

class LeanWork {
 public:
  /// One descriptor that is submitted again and again.
  struct Slot {
    port::Line line{};
    volatile std::byte* status = nullptr;  ///< first byte of the record, written by the device
  };

  /// Allocates and fills the buffers. @param space  outlives this
  /// @throws HarnessError for an opcode without data
  LeanWork(guest::AddressSpace& space, const WorkShape& shape);
  std::vector<Slot>& slots() { return slots_; }
  /// Members of the first `used` slots whose destination or record is not what it must be.
  [[nodiscard]] std::uint64_t wrong(std::size_t used) const;

 private:
  abi::Descriptor member(std::uint32_t index);
  void fill_buffers(std::uint32_t index, abi::Descriptor& descriptor);
  void protect_blocks(const abi::Descriptor& descriptor);
  [[nodiscard]] bool right(const abi::Descriptor& descriptor, bool record) const;

  guest::AddressSpace& space_;
  WorkShape shape_;
  std::uint64_t stride_ = 0;  ///< from one buffer to the next [bytes]
  Iova first_, second_, third_, records_;
  std::vector<abi::Descriptor> members_;
  std::vector<Slot> slots_;
};

/// Transfer size of an operation on `bytes` of data: DIF check, strip and update count protection
/// information, apply delta the whole destination.
[[nodiscard]] std::uint32_t transfer_size(std::uint8_t opcode, std::uint32_t bytes);

}  // namespace siov::system
