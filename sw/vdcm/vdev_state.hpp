// SPDX-License-Identifier: Apache-2.0
// SavedVdev: everything of a paused VDEV that has to go where it goes on. Only what its guest knows
// is in it: no host PASID, no interrupt message, no physical queue.
//
//   const std::vector<std::byte> bytes = vdcm::serialize(saved);
//   const auto parsed = vdcm::parse(bytes);
//   if (!parsed) log(parsed.error());
//   for (const std::string& reason : vdcm::incompatible(*parsed, there)) log(reason);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "vdcm/trapped_portal.hpp"
#include "vdcm/virtual_msix.hpp"
#include "vdcm/virtual_registers.hpp"

namespace siov::vdcm {

/// @spec SIOV-H-39; siov.md 3.7
struct SavedVdev {
  /// The guest's interface, which goes on where the VDEV goes. Priority and threshold of a queue
  /// belong to it as values read back only.
  VirtualCapabilities capabilities;
  /// Size of a portal page [bytes]: of what may be mapped at once.
  std::uint32_t page_bytes = 4096;
  /// Configuration space, BARs included: the dwords that a guest can change.
  std::vector<std::uint32_t> config;
  RegisterImage registers;               ///< PASIDs in it are the guest's
  std::vector<VirtualMsix::Entry> msix;  ///< the guest's own messages
  std::uint64_t pending = 0;             ///< bit n: vector n
  /// Interrupt handles in use, by vector: numbers that the guest was given.
  std::vector<std::optional<std::uint16_t>> handles;
  std::uint64_t granted = 0;  ///< bit n: the guest has asked for the handle of vector n
  /// A command that was written while the VDEV was paused, as written.
  std::optional<std::uint32_t> command;
  std::vector<PartialSlot> parts;    ///< in order of their places
  std::vector<HeldDescriptor> held;  ///< oldest first
};

/// Magic, version, length, contents, CRC-32.
[[nodiscard]] std::vector<std::byte> serialize(const SavedVdev& saved);

/// Every byte is checked: what comes back could have been saved. @return what is wrong otherwise
[[nodiscard]] Result<SavedVdev, std::string> parse(std::span<const std::byte> bytes);

/// Why a VDEV with these capabilities cannot go on as the saved one; empty if it can.
/// @param page_bytes  size of its portal pages  @spec SIOV-H-44
[[nodiscard]] std::vector<std::string> incompatible(const SavedVdev& saved,
                                                    const VirtualCapabilities& there,
                                                    std::uint32_t page_bytes = 4096);

}  // namespace siov::vdcm
