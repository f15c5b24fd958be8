// SPDX-License-Identifier: Apache-2.0
// PasidTranslationTable: the CPU's per-VM table that ENQCMD and ENQCMDS go through; guest PASID in,
// host PASID out.
//
//   table.set(Pasid{5}, Pasid{0x1234});
//   std::optional<Pasid> host = table.translate(Pasid{5});   // nullopt: VM exit, nothing reaches
//   the device
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "common/types.hpp"

namespace siov::vdcm {

/// Two directories chosen by PASID bit 19, indexed by 18:10, of tables indexed by 9:0; an entry is
/// valid bit 31 and a 20-bit PASID.
/// @spec siov.md 3.6 (CPU table detail), SIOV-P-12, SIOV-P-13
class PasidTranslationTable {
 public:
  /// @throws HarnessError if a PASID is wider than 20 bits.
  void set(Pasid guest, Pasid host);
  void clear(Pasid guest);
  [[nodiscard]] std::optional<Pasid> translate(Pasid guest) const;

 private:
  static constexpr std::uint32_t kValid = 1U << 31;
  using Table = std::array<std::uint32_t, 1024>;
  using Directory = std::array<std::unique_ptr<Table>, 512>;
  std::array<Directory, 2> directories_;
};

}  // namespace siov::vdcm
