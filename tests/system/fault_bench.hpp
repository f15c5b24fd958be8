// SPDX-License-Identifier: Apache-2.0
// FaultTest: every operation on operands of three pages, with the pages that a test takes away.
//
//   start(16, true);                                  // ATS, 16 page requests, block on fault
//   take_away(kD1 & ~0xFFF);
//   EXPECT_EQ(play(work_of(0x03)), (Record{0x83, 0x300000, 0, 0}));
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "operation_bench.hpp"

namespace siov::test {

inline constexpr std::uint32_t kBlockOnFault = 0x2;  ///< flag 1
inline constexpr std::uint32_t kOwner = 0x11;        ///< PASID of queue 0
inline constexpr std::uint64_t kPageMask = ~std::uint64_t{0xFFF};

// Operands: 0x2E00 bytes from different places of their first pages.
inline constexpr std::uint64_t kS1 = 0x200040, kS2 = 0x240200, kD1 = 0x300100, kD2 = 0x340100;
inline constexpr std::uint64_t kOther = 0x220200;    ///< as kS2, but no word is the same as in kS1
inline constexpr std::uint64_t kBlocks = 0x260040;   ///< 22 blocks of 512 zeros with their DIF
inline constexpr std::uint64_t kEntries = 0x280040;  ///< 1177 entries: word n becomes n, n, n, n
inline constexpr std::uint64_t kPatterns = 0x2A0040;
inline constexpr std::uint64_t kDelta = 0x380300, kSeed = 0x3C0010;
inline constexpr std::uint32_t kLength = 0x2E00;

/// Sets descriptor bytes, whatever stood there in `set`.
inline void replace(Work& w, unsigned at, std::uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) w.set[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

/// A descriptor that needs three pages of each operand; it succeeds when they are there.
inline Work work_of(std::uint8_t opcode) {
  Work w = Work::move(kS1, kD1, kLength, kRecordAt);
  w.opcode = opcode;
  switch (opcode) {
    case 0x04:
      w.source = kPattern;
      break;
    case 0x05:
      w.destination = kS2;
      break;
    case 0x06:
      w.source = kPatterns;
      w.destination = kPattern;
      break;
    case 0x07:
      w.destination = kOther;
      replace(w, 40, kDelta, 8);
      replace(w, 48, 16380, 4);
      break;
    case 0x08:
      w.source = kEntries;
      replace(w, 40, 11770, 4);
      break;
    case 0x09:
      replace(w, 40, kD2, 8);
      break;
    case 0x10:
    case 0x11:
      if (opcode == 0x10) w.destination = 0;
      w.flags |= 0x10000;  // the seed is in memory
      replace(w, 48, kSeed, 8);
      break;
    case 0x12:
    case 0x14:
    case 0x15:
      w.source = kBlocks;
      w.size = 22 * 520;
      if (opcode == 0x12) w.destination = 0;
      break;
    case 0x13:
      w.size = 22 * 512;
      break;
    case 0x20:
      w.source = 0;
      break;
    default:
      break;
  }
  return w;
}

struct FaultTest : PortTest {
  void SetUp() override { fill_memory(); }

  /// The device with ATS, from reset: WQ 0 dedicated (PASID 0x11), WQ 1 shared, one engine.
  /// @param allocation  page requests that may be outstanding; 0: no page requests
  void start(std::uint32_t allocation, bool block = false) {
    b.set_up_function();
    b.enable_translation(allocation);
    const std::uint32_t bof = block ? 0x2 : 0;
    b.set_wq(0, 16, 0x10001111 | bof);
    b.set_wq(1, 8, 0x10000010 | bof, 4);
    b.set_group(0, 0x3, 0x1);
    b.write(0x80, 0x1060);
    b.write(0x408, 0x00011008);  // vector 1 belongs to PASID 0x11
    ASSERT_EQ(b.command(1), 0u);
    ASSERT_EQ(b.command(6, 0), 0u);
    ASSERT_EQ(b.command(6, 1), 0u);
    b.host.seen.clear();
  }
  void take_away(std::uint64_t page, std::uint32_t pasid = kOwner) {
    b.host.pages.absent.insert({pasid, page});
  }
  /// Invalidates a page and waits for the completion.
  void invalidate(std::uint32_t pasid, std::uint64_t page) {
    b.host.pages.invalidate(pasid, page);
    await_invalidations();
  }
  void await_invalidations() {
    for (int i = 0; i < 200 && b.host.pages.outstanding() != 0; ++i) b.run(50);
    EXPECT_EQ(b.host.pages.outstanding(), 0u) << "an invalidation is not answered";
  }
  /// Plays one descriptor to its end on queue 0. @return its record
  Record play(const Work& w) {
    std::fill_n(b.host.memory.begin() + kRecordAt, 32, std::byte{0});
    b.movdir(kQueue0, w);
    EXPECT_EQ(b.command(3), 0u);
    return b.host.record(kRecordAt);
  }
  /// play(), with the low 12 bits of the fault address cleared: they are optional (5.7).
  Record play_masked(const Work& w) {
    Record r = play(w);
    r[1] &= kPageMask;
    return r;
  }
  std::uint64_t take_error() {
    const std::uint64_t e = b.read(0xC0, 8);
    b.write(0xC0, e & 3, 8);
    return e;
  }
  void clear_outputs() {
    for (const std::uint64_t at : {kD1, kD2, kDelta})
      std::fill_n(b.host.memory.begin() + (at & kPageMask), 0x4000, std::byte{0xEE});
  }
  /// What the operations write.
  std::vector<std::byte> outputs() const {
    std::vector<std::byte> out;
    for (const std::uint64_t at : {kD1, kD2, kDelta}) {
      const auto from = b.host.memory.begin() + (at & kPageMask);
      out.insert(out.end(), from, from + 0x4000);
    }
    return out;
  }

 private:
  void fill_memory() {
    b.host.fill_count(kS1, kLength);
    b.host.fill_count(kS2, kLength);
    b.host.fill_count(kOther, kLength, 1);
    for (unsigned i = 0; i < kLength; ++i)
      b.host.memory[kPatterns + i] = static_cast<std::byte>(kPattern >> 8 * (i % 8));
    for (unsigned block = 0; block < 22; ++block)  // reference tag, big-endian
      b.host.memory[kBlocks + block * 520 + 519] = static_cast<std::byte>(block);
    for (unsigned n = 0; n < 1177; ++n) {
      for (unsigned i = 0; i < 10; ++i)
        b.host.memory[kEntries + 10 * n + i] = static_cast<std::byte>(n >> 8 * (i % 2));
    }
    clear_outputs();
  }
};

/// Copies of 256 bytes, one a page, that block on faults.
struct PageRequestTest : FaultTest {
  static constexpr std::uint64_t kSource = 0x200000, kTarget = 0x300000;

  static Work copy(unsigned n = 0) {
    Work w = Work::move(kSource + 0x1000 * n, kTarget + 0x1000 * n, 256, kRecordAt + 32 * n);
    w.flags |= kBlockOnFault;
    return w;
  }
  PageHost& pages() { return b.host.pages; }
  /// Bit 0 response failure, bit 1 unexpected index. @spec PCIe-6.3 10.5.2.3
  unsigned page_status() { return b.config(0x246, 2) & 0x3; }
  /// Runs until n page requests have been seen.
  void await_requests(std::size_t n) {
    for (int i = 0; i < 200 && pages().requests.size() < n; ++i) b.run(50);
    ASSERT_EQ(pages().requests.size(), n);
  }
  Record record(unsigned n) const { return b.host.record(kRecordAt + 32 * n); }
  void expect_silence() {
    const std::size_t before = b.host.seen.size();
    b.run(10'000);
    EXPECT_EQ(b.host.seen.size(), before);
  }
  /// Starts, with a copy that waits for its source page, unanswered.
  void block_queue_0() {
    start(16, true);
    pages().answer.reset();
    take_away(kSource);
    b.movdir(kQueue0, copy());
    await_requests(1);
  }
};

}  // namespace siov::test
