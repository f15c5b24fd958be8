// SPDX-License-Identifier: Apache-2.0
// OperationTest: a legal descriptor of every operation with the memory it needs, and the play of
// one descriptor to its end.
//
//   struct MyTest : OperationTest {};
//   Work w = good(0x09);                            // a dualcast of 64 bytes
//   EXPECT_EQ(play(w), (Record{1, 0, 0, 0}));
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "port_bench.hpp"

namespace siov::test {

inline constexpr std::uint64_t kQueue0 = 0x0000, kQueue1 = 0x4000;
inline constexpr std::uint64_t kRecordAt = 0x100000, kListAt = 0x180000;
inline constexpr std::uint64_t kCountAt = 0x200000;    ///< bytes 0, 1, 2 ... modulo 256
inline constexpr std::uint64_t kCopyAt = 0x210000;     ///< the same bytes
inline constexpr std::uint64_t kPatternAt = 0x220000;  ///< kPattern again and again
inline constexpr std::uint64_t kZeroAt = 0x280000;     ///< zeros; blocks with a right DIF, too
inline constexpr std::uint64_t kOutAt = 0x300000, kOut2At = 0x340000;
inline constexpr std::uint64_t kDeltaAt = 0x380000;   ///< a delta record to write
inline constexpr std::uint64_t kChangeAt = 0x3A0000;  ///< a delta record to apply, one entry
inline constexpr std::uint64_t kPattern = 0x1122334455667788;
inline constexpr Record kNoRecord{0, 0, 0, 0}, kGood{1, 0, 0, 0};
inline constexpr std::initializer_list<std::uint8_t> kOperations = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    0x09, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20};

/// ORs a little-endian number into the descriptor bytes at `at`.
inline void put(Work& w, unsigned at, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i)
    w.set[at + i] = static_cast<std::uint8_t>(w.set[at + i] | (value >> 8 * i & 0xFF));
}

inline std::string name_of(std::uint8_t opcode) {
  switch (opcode) {
    case 0x00:
      return "Noop";
    case 0x01:
      return "Batch";
    case 0x02:
      return "Drain";
    case 0x03:
      return "MemoryMove";
    case 0x04:
      return "Fill";
    case 0x05:
      return "Compare";
    case 0x06:
      return "ComparePattern";
    case 0x07:
      return "CreateDelta";
    case 0x08:
      return "ApplyDelta";
    case 0x09:
      return "Dualcast";
    case 0x10:
      return "Crc";
    case 0x11:
      return "CopyCrc";
    case 0x12:
      return "DifCheck";
    case 0x13:
      return "DifInsert";
    case 0x14:
      return "DifStrip";
    case 0x15:
      return "DifUpdate";
    default:
      return "CacheFlush";
  }
}

/// A descriptor of 64 bytes, of one 512-byte block (DIF), of two noops (batch); it succeeds.
inline Work good(std::uint8_t opcode) {
  Work w = Work::noop(kWantRecord, kRecordAt);
  w.opcode = opcode;
  if (opcode == 0x00 || opcode == 0x02) return w;
  w.source = opcode == 0x04 ? kPattern : kCountAt;
  w.destination = kOutAt;
  w.size = 64;
  if (opcode == 0x01) {
    w.source = kListAt;
    w.size = 2;
  }
  if (opcode == 0x05 || opcode == 0x07) w.destination = kCopyAt;
  if (opcode == 0x06) {
    w.source = kPatternAt;
    w.destination = kPattern;
  }
  if (opcode == 0x07) {
    put(w, 40, kDeltaAt, 8);
    put(w, 48, 80, 4);
  }
  if (opcode == 0x08) {
    w.source = kChangeAt;
    put(w, 40, 10, 4);
  }
  if (opcode == 0x09) put(w, 40, kOut2At, 8);
  if (opcode >= 0x12 && opcode <= 0x15) {
    w.source = kZeroAt;
    w.size = opcode == 0x13 ? 512 : 520;
  }
  if (opcode == 0x01 || opcode == 0x10 || opcode == 0x12) w.destination = 0;
  if (opcode == 0x20) w.source = 0;
  return w;
}

struct OperationTest : PortTest {
  /// PortBench::bring_up; vector 1 belongs to PASID 0x11; the memory of good().
  void SetUp() override {
    b.bring_up();
    b.write(0x408, 0x00011008);
    b.host.fill_count(kCountAt, 0x8000);
    b.host.fill_count(kCopyAt, 0x8000);
    for (unsigned i = 0; i < 0x8000; ++i)
      b.host.memory[kPatternAt + i] = static_cast<std::byte>(kPattern >> 8 * (i % 8));
    poke(kChangeAt, {0x01, 0x00, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7});
    list({Work{}, Work{}});
  }
  void poke(std::uint64_t at, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) b.host.memory[at++] = static_cast<std::byte>(byte);
  }
  std::vector<unsigned> peek(std::uint64_t at, unsigned bytes) const {
    std::vector<unsigned> out;
    for (unsigned i = 0; i < bytes; ++i) out.push_back(b.host.byte(at + i));
    return out;
  }
  /// Writes the members of a batch. @return the batch descriptor
  Work list(const std::vector<Work>& members, std::uint64_t at = kListAt) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      const port::Line line = members[i].line();
      std::copy(line.begin(), line.end(), b.host.memory.begin() + at + 64 * i);
    }
    Work w = Work::noop(kWantRecord, kRecordAt);
    w.opcode = 0x01;
    w.source = at;
    w.size = static_cast<std::uint32_t>(members.size());
    return w;
  }
  /// Plays one descriptor to its end. @return its record, zeros if there is none
  Record play(const Work& w, std::uint64_t portal = kQueue0) {
    std::fill_n(b.host.memory.begin() + kRecordAt, 32, std::byte{0});
    b.host.seen.clear();
    if ((portal & 0x4000) != 0) {
      EXPECT_EQ(b.enqcmd(portal, w), port::CompletionStatus::kSuccess);
    } else {
      b.movdir(portal, w);
    }
    EXPECT_EQ(b.command(3), 0u);
    return b.host.record(kRecordAt);
  }
  unsigned status(const Work& w, std::uint64_t portal = kQueue0) {
    return static_cast<unsigned>(play(w, portal)[0] & 0xFF);
  }
  /// SWERROR quad word 0, then clears it.
  std::uint64_t take_error() {
    const std::uint64_t e = b.read(0xC0, 8);
    b.write(0xC0, e & 3, 8);
    return e;
  }
  /// Dword 3 of WQ 0 while that is disabled.
  void limit(unsigned log2_transfer, unsigned log2_batch = 5) {
    ASSERT_EQ(b.command(7, 0x1), 0u);
    b.write(0x80C, log2_transfer | log2_batch << 5);
    ASSERT_EQ(b.command(6, 0), 0u);
  }
};

/// One test for each operation.
struct EveryOperationTest : OperationTest, testing::WithParamInterface<std::uint8_t> {
  Work legal() const { return good(GetParam()); }
};

}  // namespace siov::test
