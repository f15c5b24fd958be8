// SPDX-License-Identifier: Apache-2.0
// Choices where the specification leaves one:
// - The mask makes bits of the expected application tag 0; the stored tag is compared whole. Mask
//   0xFFFF means no comparison.
// - All-F conditions look at the stored fields before any mask. The reported all-F block (source
//   flag 0) needs no other flag and comes before the skips.
// - A skipped block counts like any other: tags step, an update rebuilds its information.
#include "model/dif.hpp"

#include "model/crc.hpp"

namespace siov::model {
namespace {

// Bits of the source flags; 7 and 4 mean the same in the destination flags.
constexpr std::uint8_t kReferenceFixed = 0x80, kNoReferenceCheck = 0x40, kNoGuardCheck = 0x20,
                       kApplicationSteps = 0x10, kSkipApplicationReferenceF = 0x08,
                       kSkipApplicationF = 0x04, kSkipAllF = 0x02, kReportAllF = 0x01;
// Bits of the destination flags.
constexpr std::uint8_t kPassReference = 0x40, kPassGuard = 0x20, kPassApplication = 0x08;
// Bits of the block flags.
constexpr std::uint8_t kInvertSeed = 0x04, kInvertResult = 0x08;

constexpr std::uint16_t kNoApplicationCheck = 0xFFFF;

std::uint32_t load_be(std::span<const std::byte> in) {
  std::uint32_t value = 0;
  for (const std::byte b : in) value = value << 8 | std::to_integer<std::uint32_t>(b);
  return value;
}

std::uint16_t masked(const DifTags& tags) {
  return static_cast<std::uint16_t>(tags.application & ~tags.mask);
}

}  // namespace

ProtectionInfo ProtectionInfo::load(std::span<const std::byte, kBytes> in) {
  return {static_cast<std::uint16_t>(load_be(in.subspan(0, 2))),
          static_cast<std::uint16_t>(load_be(in.subspan(2, 2))), load_be(in.subspan(4, 4))};
}

std::array<std::byte, ProtectionInfo::kBytes> ProtectionInfo::bytes() const {
  const std::uint64_t all =
      std::uint64_t{guard} << 48 | std::uint64_t{application} << 32 | reference;
  std::array<std::byte, kBytes> out{};
  for (unsigned i = 0; i < kBytes; ++i) out[i] = static_cast<std::byte>(all >> (56 - 8 * i));
  return out;
}

DifSetup::DifSetup(const abi::Descriptor& d)
    : block_bytes_(dif_block_bytes(d.dif_flags())),
      invert_seed_((d.dif_flags() & kInvertSeed) != 0),
      invert_result_((d.dif_flags() & kInvertResult) != 0),
      source_(d.dif_source_flags()),
      destination_(d.dif_destination_flags()),
      passes_(d.opcode == abi::kOpDifUpdate) {}

std::uint16_t DifSetup::guard(std::span<const std::byte> block) const {
  const std::uint16_t value = crc16_t10(invert_seed_ ? 0xFFFF : 0, block);
  return static_cast<std::uint16_t>(invert_result_ ? ~value : value);
}

std::uint8_t DifSetup::check(const DifTags& source, std::uint16_t guard,
                             const ProtectionInfo& stored) const {
  const bool app_f = stored.application == 0xFFFF;
  const bool app_ref_f = app_f && stored.reference == 0xFFFFFFFF;
  const bool all_f = app_ref_f && stored.guard == 0xFFFF;
  const auto flagged = [this](std::uint8_t bit) { return (source_ & bit) != 0; };
  if (flagged(kReportAllF) && all_f) return kDifAllF;
  if (flagged(kSkipAllF) && all_f) return 0;
  if (flagged(kSkipApplicationF) && app_f) return 0;
  if (flagged(kSkipApplicationReferenceF) && app_ref_f) return 0;
  std::uint8_t status = 0;
  if (!flagged(kNoGuardCheck) && stored.guard != guard) status |= kDifGuard;
  if (source.mask != kNoApplicationCheck && stored.application != masked(source))
    status |= kDifApplication;
  if (!flagged(kNoReferenceCheck) && stored.reference != source.reference) status |= kDifReference;
  return status;
}

ProtectionInfo DifSetup::make(const DifTags& destination, std::uint16_t guard,
                              const ProtectionInfo& stored) const {
  const auto passes = [this](std::uint8_t bit) { return passes_ && (destination_ & bit) != 0; };
  ProtectionInfo out;
  out.guard = passes(kPassGuard) ? stored.guard : guard;
  out.application = passes(kPassApplication) ? stored.application : masked(destination);
  out.reference = passes(kPassReference) ? stored.reference : destination.reference;
  return out;
}

DifTags DifSetup::next(DifTags tags, std::uint8_t flags) {
  if ((flags & kReferenceFixed) == 0) ++tags.reference;
  if ((flags & kApplicationSteps) != 0) ++tags.application;
  return tags;
}

}  // namespace siov::model
