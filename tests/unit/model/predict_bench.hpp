// SPDX-License-Identifier: Apache-2.0
// What the tests of predict share: memory, descriptors and records as typed bytes.
//
//   Memory memory;
//   memory.put(0x1000, "ff*512 e6a1 0000 00000000");
//   const Prediction p = predict(descriptor_of("00000000 0c0000 12 ..."), {}, memory);
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "model/predict.hpp"

namespace siov::model {

inline constexpr std::uint32_t kCrav = 0x4, kRcr = 0x8, kRci = 0x10, kCheck = 0x80;

/// Bytes as text: hex digits in memory order; `xx*n` repeats a byte, `inc*n` counts 00 01 02 ...
inline std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> out;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t star = word.find('*');
    if (star != std::string::npos) {
      const std::size_t count = std::stoul(word.substr(star + 1));
      const bool counts = word.substr(0, star) == "inc";
      const unsigned value = counts ? 0 : static_cast<unsigned>(std::stoul(word, nullptr, 16));
      for (std::size_t i = 0; i < count; ++i)
        out.push_back(static_cast<std::byte>(counts ? i : value));
      continue;
    }
    EXPECT_EQ(word.size() % 2, 0u) << "half a byte in " << text;
    for (std::size_t i = 0; i + 1 < word.size(); i += 2)
      out.push_back(static_cast<std::byte>(std::stoul(word.substr(i, 2), nullptr, 16)));
  }
  return out;
}

/// 64 bytes; what the text leaves out at the end is 0.
inline abi::Descriptor descriptor_of(const std::string& text) {
  std::vector<std::byte> bytes = bytes_of(text);
  EXPECT_LE(bytes.size(), 64u) << text;
  bytes.resize(64);
  return abi::decode_descriptor(std::span<const std::byte, 64>(bytes));
}

/// 32 bytes; what the text leaves out at the end is 0.
inline std::array<std::byte, 32> record_of(const std::string& text) {
  const std::vector<std::byte> bytes = bytes_of(text);
  EXPECT_LE(bytes.size(), 32u) << text;
  std::array<std::byte, 32> out{};
  std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 32), out.begin());
  return out;
}

/// 64 KiB of memory; byte i holds i * 7 + i / 256; some pages cannot be read.
struct Memory {
  std::array<std::byte, 0x10000> bytes;
  std::set<std::uint64_t> bad_pages;
  mutable std::vector<std::uint64_t> zero_length;  ///< addresses of zero-length reads
  Memory() {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  }
  bool operator()(Iova at, std::span<std::byte> out) const {
    EXPECT_LE(at.page_offset() + out.size(), 4096u) << "a read crosses a page";
    if (out.empty()) zero_length.push_back(at.value);
    if (bad_pages.contains(at.page().value) || at.value >= bytes.size()) return false;
    EXPECT_TRUE(out.empty() || zero_length.empty()) << "data is read after a readback";
    if (!out.empty()) std::memcpy(out.data(), bytes.data() + at.value, out.size());
    return true;
  }
  void put_text(std::uint64_t at, std::string_view text) {
    std::memcpy(bytes.data() + at, text.data(), text.size());
  }
  void put(std::uint64_t at, const std::string& typed) {
    const std::vector<std::byte> data = bytes_of(typed);
    std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
};

inline std::string text_of(const std::vector<std::byte>& data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

inline abi::Descriptor make(std::uint8_t opcode, std::uint32_t flags = kCrav | kRcr) {
  abi::Descriptor d;
  d.opcode = opcode;
  d.flags = flags;
  if ((flags & kCrav) != 0) d.completion_address = Iova{0xF000};
  return d;
}

/// A descriptor of each operation that passes every check (features on) and reads good memory.
/// Source at 0x1000, second operand or destination at 0x4000, third at 0x8000.
inline abi::Descriptor valid(std::uint8_t opcode, std::uint32_t flags = kCrav | kRcr) {
  abi::Descriptor d = make(opcode, flags);
  if (opcode == 0x00 || opcode == 0x02) return d;
  d.source = Iova{opcode == 0x20 ? 0u : 0x1000u};
  d.destination = Iova{opcode == 0x01 || opcode == 0x10 || opcode == 0x12 ? 0u : 0x4000u};
  d.size = opcode == 0x01 ? 2 : opcode == 0x13 ? 512 : opcode >= 0x12 && opcode <= 0x15 ? 520 : 8;
  if (opcode == 0x07) d.set_delta_address(Iova{0x8000});
  if (opcode == 0x07) d.set_max_delta_size(80);
  if (opcode == 0x08) d.set_delta_size(10);
  if (opcode == 0x09) d.set_destination2(Iova{0x8000});
  return d;
}

/// Every feature on.
inline WorkContext full_context() {
  WorkContext c;
  c.features = {.fill16 = true, .crc64 = true, .drain_readback = true, .batch1 = true};
  return c;
}

inline Prediction run(const abi::Descriptor& d, const WorkContext& context = {}) {
  const Memory memory;
  return predict(d, context, memory);
}

/// The status and where it is told.
inline void expect_record(const Prediction& p, int status) {
  EXPECT_EQ(p.status, status);
  EXPECT_TRUE(p.writes_record);
  EXPECT_FALSE(p.software_error);
  EXPECT_EQ(p.record_address, Iova{0xF000});
  EXPECT_EQ(p.record[0], static_cast<std::byte>(status));
  EXPECT_TRUE(p.writes.empty());
  EXPECT_TRUE(p.readbacks.empty());
  EXPECT_FALSE(p.is_batch);
}

}  // namespace siov::model
