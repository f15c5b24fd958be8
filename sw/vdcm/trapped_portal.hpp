// SPDX-License-Identifier: Apache-2.0
// TrappedPortal: stores to portal pages that are not mapped. Parts are put together slot by slot;
// whole descriptors can be held for later.
//
//   if (auto line = trapped.store(offset, 8, value)) submit(*line);
//   if (!trapped.hold({queue, limited, 0, false, line}, size)) queue_full();
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "port/device_port.hpp"

namespace siov::vdcm {

/// A descriptor that waits, in the guest's terms. @spec SIOV-H-39, SIOV-H-42
struct HeldDescriptor {
  std::uint8_t queue = 0;
  bool limited = false;
  std::uint32_t offset = 0;  ///< in the page [bytes], 64-byte aligned
  bool deferrable = false;   ///< ENQCMD, with a guest PASID
  port::Line line{};
  bool operator==(const HeldDescriptor&) const = default;
};

/// A slot of which some bytes have been stored: a CPU's store of 64 bytes may come in parts, and
/// the CPU may be stopped between them. @spec SIOV-H-11
struct PartialSlot {
  std::uint64_t offset = 0;   ///< in BAR2 [bytes], 64-byte aligned
  std::uint64_t present = 0;  ///< bit n: byte n has been stored
  port::Line line{};          ///< other bytes are 0
  bool operator==(const PartialSlot&) const = default;
};

class TrappedPortal {
 public:
  /// A store of up to 8 bytes. A byte written twice keeps its last value.
  /// @param offset in BAR2 [bytes], size-aligned
  /// @return the 64 bytes once each of them has been written  @spec SIOV-H-11
  std::optional<port::Line> store(std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  /// A store of 64 bytes takes the place of parts of the same slot.
  void drop_parts(std::uint64_t offset) { parts_.erase(offset & ~std::uint64_t{63}); }
  /// Forgets all parts: the VDEV was reset.
  void drop_all_parts() { parts_.clear(); }
  /// Forgets the parts of slots in [first, end): their queue was disabled.
  void drop_parts(std::uint64_t first, std::uint64_t end) {
    parts_.erase(parts_.lower_bound(first), parts_.lower_bound(end));
  }
  /// Whether the slot has some of its bytes.
  [[nodiscard]] bool has_parts(std::uint64_t offset) const {
    return !parts_.empty() && parts_.contains(offset & ~std::uint64_t{63});
  }
  /// All slots with parts, in order of their places.
  [[nodiscard]] std::vector<PartialSlot> parts() const;
  void restore_parts(const std::vector<PartialSlot>& parts);
  /// Slots that have some but not all of their bytes.
  [[nodiscard]] std::size_t open_slots() const { return parts_.size(); }

  /// @param capacity descriptors that may wait for this queue  @return false if it is full
  [[nodiscard]] bool hold(const HeldDescriptor& descriptor, std::size_t capacity);
  [[nodiscard]] std::size_t held(std::uint8_t queue) const;
  /// All that wait, oldest first.
  [[nodiscard]] const std::deque<HeldDescriptor>& held() const { return held_; }
  /// The oldest one; nullopt when none waits.
  std::optional<HeldDescriptor> take();
  void drop_held() { held_.clear(); }
  void drop_held(std::uint8_t queue);

 private:
  struct Parts {
    port::Line line{};
    std::uint64_t present = 0;  ///< bit n: byte n was written
  };
  std::map<std::uint64_t, Parts> parts_;  ///< by offset of the slot
  std::deque<HeldDescriptor> held_;
};

}  // namespace siov::vdcm
