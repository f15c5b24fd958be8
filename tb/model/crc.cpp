// SPDX-License-Identifier: Apache-2.0
// One most-significant-bit-first register of w bits, as the definition has it; bytes that go in
// with bit 0 first are reversed before.
#include "model/crc.hpp"

#include <array>

namespace siov::model {
namespace {

template <class Word>
constexpr Word reverse(Word value) {
  Word out = 0;
  for (unsigned i = 0; i < 8 * sizeof(Word); ++i)
    out = static_cast<Word>(out << 1 | (value >> i & 1u));
  return out;
}

/// What each value of the register's top byte adds after eight steps.
template <class Word, Word kGenerator>
constexpr std::array<Word, 256> make_table() {
  std::array<Word, 256> table{};
  constexpr unsigned kTop = 8 * sizeof(Word) - 1;
  for (unsigned i = 0; i < 256; ++i) {
    Word r = static_cast<Word>(static_cast<Word>(i) << (kTop - 7));
    for (unsigned step = 0; step < 8; ++step) {
      const bool out = (r >> kTop & 1u) != 0;
      r = static_cast<Word>(r << 1);
      if (out) r = static_cast<Word>(r ^ kGenerator);
    }
    table[i] = r;
  }
  return table;
}

constexpr auto kReversed = [] {
  std::array<std::uint8_t, 256> out{};
  for (unsigned i = 0; i < 256; ++i) out[i] = reverse(static_cast<std::uint8_t>(i));
  return out;
}();

/// @param high_first  bit 7 of each byte goes in first
template <class Word, Word kGenerator>
Word feed(Word r, std::span<const std::byte> data, bool high_first) {
  static constexpr auto kTable = make_table<Word, kGenerator>();
  for (const std::byte b : data) {
    const auto value = std::to_integer<std::uint8_t>(b);
    const unsigned in = high_first ? value : kReversed[value];
    const unsigned top = static_cast<unsigned>(r >> (8 * sizeof(Word) - 8) & 0xFFu);
    r = static_cast<Word>(static_cast<Word>(r << 8) ^ kTable[top ^ in]);
  }
  return r;
}

template <class Word, Word kGenerator>
Word whole(const CrcMode& mode, Word seed, std::span<const std::byte> data) {
  const Word start = mode.bypass_inversion ? seed : reverse(static_cast<Word>(~seed));
  const Word end = feed<Word, kGenerator>(start, data, mode.bypass_data_reflection);
  return mode.bypass_inversion ? end : static_cast<Word>(~reverse(end));
}

constexpr std::uint32_t kGenerator32 = 0x1EDC6F41;
constexpr std::uint64_t kGenerator64 = 0xAD93D23594C93659;
constexpr std::uint16_t kGenerator16 = 0x8BB7;

}  // namespace

std::uint64_t crc(const CrcMode& mode, std::uint64_t seed, std::span<const std::byte> data) {
  if (mode.wide) return whole<std::uint64_t, kGenerator64>(mode, seed, data);
  return whole<std::uint32_t, kGenerator32>(mode, static_cast<std::uint32_t>(seed), data);
}

std::uint16_t crc16_t10(std::uint16_t start, std::span<const std::byte> data) {
  return feed<std::uint16_t, kGenerator16>(start, data, true);
}

}  // namespace siov::model
