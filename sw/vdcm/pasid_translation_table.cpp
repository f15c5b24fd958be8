// SPDX-License-Identifier: Apache-2.0
// Two-level radix table from guest PASID to host PASID.
#include "vdcm/pasid_translation_table.hpp"

#include "common/error.hpp"

namespace siov::vdcm {

void PasidTranslationTable::set(Pasid guest, Pasid host) {
  if (guest.value > kMaxPasid || host.value > kMaxPasid)
    throw HarnessError("PASID wider than 20 bits");
  std::unique_ptr<Table>& table = directories_[guest.value >> 19][guest.value >> 10 & 0x1FF];
  if (!table) table = std::make_unique<Table>();
  (*table)[guest.value & 0x3FF] = kValid | host.value;
}

void PasidTranslationTable::clear(Pasid guest) {
  if (guest.value > kMaxPasid) return;
  const std::unique_ptr<Table>& table = directories_[guest.value >> 19][guest.value >> 10 & 0x1FF];
  if (table) (*table)[guest.value & 0x3FF] = 0;
}

std::optional<Pasid> PasidTranslationTable::translate(Pasid guest) const {
  if (guest.value > kMaxPasid) return std::nullopt;
  const std::unique_ptr<Table>& table = directories_[guest.value >> 19][guest.value >> 10 & 0x1FF];
  if (!table) return std::nullopt;
  const std::uint32_t entry = (*table)[guest.value & 0x3FF];
  if ((entry & kValid) == 0) return std::nullopt;
  return Pasid{entry & kMaxPasid};
}

}  // namespace siov::vdcm
