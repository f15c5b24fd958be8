// SPDX-License-Identifier: Apache-2.0
// VirtualConfig: the configuration space a guest sees for its VDEV, with per-bit write rules. No
// side effects of its own: Vdev asks for the decoded state after a write.
//
//   VirtualConfig config(0x8086, 0x0B25, VirtualLayout(1, 2));
//   config.write(0x04, 2, 0x0006);
//   if (config.bus_master()) ...
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "vdcm/virtual_layout.hpp"

namespace siov::vdcm {

/// Offsets of the virtual configuration space. @spec siov.md 3.2
struct VirtualConfigLayout {
  static constexpr std::uint32_t kMsix = 0x40;
  static constexpr std::uint32_t kPcie = 0x50;
  static constexpr std::uint32_t kAts = 0x100;
  static constexpr std::uint32_t kPri = 0x110;
  static constexpr std::uint32_t kPasid = 0x120;
  static constexpr std::uint32_t kDvsec = 0x130;  ///< there, but no list leads to it (SIOV-H-02)
  static constexpr std::uint32_t kBytes = 4096;
};

/// Only what can differ between VDEVs is stored; values and rules of all dwords are shared by all
/// VDEVs of one shape.
class VirtualConfig {
 public:
  VirtualConfig(std::uint16_t vendor, std::uint16_t device,
                const VirtualLayout& layout = VirtualLayout(1, 2));

  /// @param offset 0..4095  @param size 1, 2, 4, not crossing a dword  @return all ones for a bad
  /// access
  [[nodiscard]] std::uint32_t read(std::uint32_t offset, std::uint32_t size) const;
  /// Only bits with a rule change: RW, RW1C; all others have no effect. @spec SIOV-H-03, SIOV-H-04
  /// @return true if this write set Initiate FLR (which reads 0)
  bool write(std::uint32_t offset, std::uint32_t size, std::uint32_t value);
  /// Power-on values of everything, as after FLR.
  void reset();

  /// The dwords that a guest can change, in ascending offset order: all there is to save.
  [[nodiscard]] const std::vector<std::uint32_t>& changeable() const { return values_; }
  /// @param values as changeable() gave them for a VDEV of the same shape; bits without a rule keep
  /// their value  @return false if the number does not fit
  bool restore(const std::vector<std::uint32_t>& values);

  [[nodiscard]] bool memory_enabled() const { return (dword(0x04) & 0x2) != 0; }
  [[nodiscard]] bool bus_master() const { return (dword(0x04) & 0x4) != 0; }
  [[nodiscard]] bool msix_enabled() const {
    return (dword(VirtualConfigLayout::kMsix) >> 31 & 1) != 0;
  }
  [[nodiscard]] bool msix_function_masked() const {
    return (dword(VirtualConfigLayout::kMsix) >> 30 & 1) != 0;
  }
  [[nodiscard]] bool ats_enabled() const {
    return (dword(VirtualConfigLayout::kAts + 4) >> 31 & 1) != 0;
  }
  [[nodiscard]] bool pri_enabled() const { return (dword(VirtualConfigLayout::kPri + 4) & 1) != 0; }
  [[nodiscard]] bool pasid_enabled() const {
    return (dword(VirtualConfigLayout::kPasid + 4) >> 16 & 1) != 0;
  }
  [[nodiscard]] bool pasid_privileged() const {
    return (dword(VirtualConfigLayout::kPasid + 4) >> 18 & 1) != 0;
  }

 private:
  struct Shape;
  [[nodiscard]] static std::shared_ptr<const Shape> shape_of(std::uint16_t vendor,
                                                             std::uint16_t device,
                                                             const VirtualLayout& layout);
  [[nodiscard]] std::uint32_t dword(std::uint32_t offset) const;

  std::shared_ptr<const Shape> shape_;
  std::vector<std::uint32_t> values_;  ///< of the dwords that can change
};

}  // namespace siov::vdcm
