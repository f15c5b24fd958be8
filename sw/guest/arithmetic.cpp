// SPDX-License-Identifier: Apache-2.0
// CRC, protection information and delta records.
#include "guest/arithmetic.hpp"

#include <algorithm>

namespace siov::guest {

namespace {

std::uint64_t reversed(std::uint64_t value, unsigned width) {
  std::uint64_t out = 0;
  for (unsigned i = 0; i < width; ++i) out |= (value >> i & 1) << (width - 1 - i);
  return out;
}

}  // namespace

std::uint64_t crc_of(std::span<const std::byte> data, std::uint64_t seed, CrcKind kind) {
  const unsigned width = kind.wide ? 64 : 32;
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - width);
  const std::uint64_t polynomial = kind.wide ? 0xAD93'D235'94C9'3659 : 0x1EDC'6F41;
  std::uint64_t r = kind.plain ? seed & mask : reversed(~seed & mask, width);
  for (const std::byte b : data) {
    for (unsigned i = 0; i < 8; ++i) {
      const std::uint64_t bit =
          std::to_integer<std::uint64_t>(b) >> (kind.msb_first ? 7 - i : i) & 1;
      const bool out = (r >> (width - 1) & 1) != bit;
      r = (r << 1 & mask) ^ (out ? polynomial : 0);
    }
  }
  return kind.plain ? r : ~reversed(r, width) & mask;
}

std::uint16_t guard_of(std::span<const std::byte> block, bool invert_seed, bool invert_result) {
  std::uint32_t r = invert_seed ? 0xFFFF : 0;
  for (const std::byte b : block) {
    r ^= std::to_integer<std::uint32_t>(b) << 8;
    for (int i = 0; i < 8; ++i) r = (r << 1 ^ ((r & 0x8000) != 0 ? 0x8BB7U : 0U)) & 0xFFFF;
  }
  return static_cast<std::uint16_t>(invert_result ? ~r : r);
}

void append_protection(std::vector<std::byte>& out, const Protection& p) {
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::byte>(value >> 8 * i));
  };
  put(p.guard, 2);
  put(p.application, 2);
  put(p.reference, 4);
}

std::uint8_t judge_protection(const Protection& stored, std::uint16_t guard,
                              const abi::DifTags& tags, std::uint8_t source_flags) {
  const bool application_f = stored.application == 0xFFFF;
  const bool both_f = application_f && stored.reference == 0xFFFF'FFFF;
  const bool all_f = both_f && stored.guard == 0xFFFF;
  if ((source_flags & 0x01) != 0 && all_f) return 8;
  if ((source_flags & 0x02) != 0 && all_f) return 0;
  if ((source_flags & 0x04) != 0 && application_f) return 0;
  if ((source_flags & 0x08) != 0 && both_f) return 0;
  std::uint8_t status = 0;
  if ((source_flags & 0x20) == 0 && stored.guard != guard) status |= 1;
  if (tags.mask != 0xFFFF && stored.application != (tags.application & ~tags.mask)) status |= 2;
  if ((source_flags & 0x40) == 0 && stored.reference != tags.reference) status |= 4;
  return status;
}

abi::DifTags step_tags(abi::DifTags tags, std::uint8_t flags) {
  if ((flags & 0x80) == 0) tags.reference += 1;
  if ((flags & 0x10) != 0) tags.application = static_cast<std::uint16_t>(tags.application + 1);
  return tags;
}

DeltaRecord delta_of(std::span<const std::byte> one, std::span<const std::byte> two,
                     std::uint32_t max_bytes) {
  DeltaRecord record;
  for (std::uint32_t at = 0; at + 8 <= one.size(); at += 8) {
    const auto word = two.subspan(at).first<8>();
    if (std::equal(word.begin(), word.end(), one.begin() + at)) continue;
    if (record.bytes.size() + 10 > max_bytes) {
      record.result = 2;
      record.compared = at;
      return record;
    }
    append_delta_entry(record.bytes, at / 8, word);
    record.result = 1;
  }
  return record;
}

void append_delta_entry(std::vector<std::byte>& record, std::uint32_t word,
                        std::span<const std::byte, 8> bytes) {
  record.push_back(static_cast<std::byte>(word));
  record.push_back(static_cast<std::byte>(word >> 8));
  record.insert(record.end(), bytes.begin(), bytes.end());
}

}  // namespace siov::guest
