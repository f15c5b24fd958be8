// SPDX-License-Identifier: Apache-2.0
// IommuWorld: a unit with memory, tables and queues that the fuzzer's input works on. The skeleton
// is valid, so that a short input already reaches the walks; the input may overwrite all of it.
//
//   IommuWorld world(flags);
//   world.submit({0x11, 0, 0, 0});
//   world.unit.mmio_write(offset, size, value);
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "iommu/iommu.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu::fuzz {

// Pages of the world, from kBase on. A page's guest-physical address is its number << 12.
inline constexpr std::uint64_t kBase = 0x1'0000;
enum Page : unsigned {
  kRoot,
  kContext,
  kDirectory,
  kPasids,
  kFirst4,  ///< first-stage tables, level 4 down to 1
  kFirst3,
  kFirst2,
  kFirst1,
  kSecond4,  ///< second-stage tables, level 4 down to 1
  kSecond3,
  kSecond2,
  kSecond1,
  kGuest4,  ///< guest's first-stage tables, level 4 down to 1
  kGuest3,
  kGuest2,
  kGuest1,
  kInvalidationRing,
  kPageRequestRing,
  kInterruptTable,
  kPostedDescriptor,
  kWaitStatus,
  kData,  ///< the rest
  kPages = 32
};
inline constexpr std::uint64_t address_of(unsigned page) {
  return kBase + (page % kPages) * 0x1000;
}

/// What the device was told.
class Device final : public port::AtsDevicePort {
 public:
  void invalidate(const port::InvalidateRequest& request) override;
  void page_group_response(const port::PageGroupResponse& response) override;
  std::vector<port::InvalidateRequest> open;  ///< not completed yet
  std::uint64_t responses = 0;
};

class Platform final : public port::InterruptPort {
 public:
  void deliver(const port::Interrupt&) override { ++delivered; }
  std::uint64_t delivered = 0;
};

class IommuWorld {
 public:
  static constexpr std::uint16_t kRid = 0x0008;  ///< the function that the skeleton knows

  /// @param flags each bit turns one capability of the unit or one part of the set-up
  explicit IommuWorld(std::uint16_t flags);

  void poke(unsigned page, unsigned index, std::uint64_t value);
  /// Puts a descriptor at the tail that software has, and moves IQT.
  void submit(const std::array<std::uint64_t, 4>& words);
  /// Completes the oldest open invalidation as a device would.
  void complete_oldest();
  /// What must hold whatever software and device do; ends the program if it does not.
  void check();

  memory::PhysicalMemory& memory;  ///< shared by all worlds, zero at the start of each
  Platform platform;
  Device device;
  Iommu unit;

 private:
  void build_tables();
  void program();

  std::uint64_t tail_ = 0;
};

}  // namespace siov::iommu::fuzz
