// SPDX-License-Identifier: Apache-2.0
// Page faults of operations that work in blocks or entries: delta records, protection information
// (dsa 5.6 (07, 08), 5.9).
#include "engine_bench.hpp"

namespace siov::blocks {
namespace {

constexpr std::uint64_t kSrc = 0x10'0000, kDst = 0x20'0000, kOut = 0x30'0000, kRecord = 0x9000;

Work no_blocking(const abi::Descriptor& d) {
  Work w{d};
  w.bof = false;
  return w;
}

abi::Descriptor create(std::uint64_t src, std::uint64_t out, std::uint32_t size) {
  abi::Descriptor d = operation(0x07, kRecord);
  d.source = Iova{src};
  d.destination = Iova{kDst + src % 4096};
  d.size = size;
  d.set_delta_address(Iova{out});
  d.set_max_delta_size(0x4000);
  return d;
}

/// Bytes of a record: word numbers first, first + 1, ... with eight bytes of value each.
Bytes entries(unsigned first, unsigned count, std::uint8_t value) {
  Bytes out;
  for (unsigned i = 0; i < count; ++i) {
    out.push_back(static_cast<std::uint8_t>(first + i));
    out.push_back(static_cast<std::uint8_t>((first + i) >> 8));
    out.insert(out.end(), 8, value);
  }
  return out;
}

TEST(EngineDeltaFaultTest, ARecordThatMeetsAnAbsentPageHoldsWholeEntries) {
  struct Where {
    std::uint64_t out;
    std::uint32_t size;
  };
  // Every word differs, so entry n is of word n. Space in the first page, and the whole entries in
  // it.
  for (const Where& c :
       {Where{kOut + 0xFC0, 60}, Where{kOut + 0xFF8, 0}, Where{kOut + 0xFB0, 80},
        Where{kOut + 0xF80, 120}, Where{kOut + 0x1000, 0}, Where{kOut + 0xF88, 120}}) {
    EngineBench b(21);
    b.write(kDst + 0x100, Bytes(0x200, 0x5A));
    b.page(kOut + 0x1000).present = false;
    b.submit(no_blocking(create(kSrc + 0x100, c.out, 0x200)));
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x83) << std::hex << c.out;
    EXPECT_EQ(r.result, c.size != 0 ? 1 : 0);
    EXPECT_EQ(r.delta_size(), c.size);
    EXPECT_EQ(r.bytes_completed, c.size / 10 * 8) << std::hex << c.out;
    EXPECT_EQ(r.fault_address.value, kOut + 0x1000);
    EXPECT_EQ(b.read(c.out, c.size), entries(0, c.size / 10, 0x5A)) << std::hex << c.out;
  }
}

TEST(EngineDeltaFaultTest, ASparseRecordTellsTheWordOfTheEntryThatIsMissing) {
  EngineBench b(22);
  // Words 5 and 300 differ; the second entry does not fit before the absent page.
  b.write(kDst + 0x100 + 8 * 5, Bytes(8, 0x11));
  b.write(kDst + 0x100 + 8 * 300, Bytes(8, 0x22));
  b.page(kOut + 0x1000).present = false;
  b.submit(no_blocking(create(kSrc + 0x100, kOut + 0xFF0, 0xF00)));
  b.run();
  const abi::CompletionRecord r = b.record(kRecord);
  EXPECT_EQ(r.status, 0x83);
  EXPECT_EQ(r.result, 1);
  EXPECT_EQ(r.delta_size(), 10U);
  EXPECT_EQ(r.bytes_completed, 2400U);
}

TEST(EngineDeltaFaultTest, AFaultOfASourceLeavesTheRecordSoFar) {
  for (const bool second : {false, true}) {
    for (const bool differs : {false, true}) {
      EngineBench b(23);
      if (differs) b.write(kDst + 0x800 + 8 * 7, Bytes(8, 0x33));
      b.page((second ? kDst : kSrc) + 0x1000).present = false;
      b.submit(no_blocking(create(kSrc + 0x800, kOut, 0x1800)));
      b.run();
      const abi::CompletionRecord r = b.record(kRecord);
      EXPECT_EQ(r.status, 0x03);
      EXPECT_EQ(r.result, differs ? 1 : 0);
      EXPECT_EQ(r.delta_size(), differs ? 10U : 0U);
      EXPECT_EQ(r.bytes_completed, 0x800U);
      EXPECT_EQ(r.fault_address.value, (second ? kDst : kSrc) + 0x1000);
      if (differs) EXPECT_EQ(b.read(kOut, 10), entries(7, 1, 0x33));
    }
  }
}

TEST(EngineDeltaFaultTest, AnOverflowBeforeTheFaultStands) {
  EngineBench b(24);
  b.write(kDst + 0x800, Bytes(0x200, 0x5A));
  b.page(kSrc + 0x1000).present = false;
  abi::Descriptor d = create(kSrc + 0x800, kOut, 0x1800);
  d.set_max_delta_size(80);
  b.submit(no_blocking(d));
  b.run();
  const abi::CompletionRecord r = b.record(kRecord);
  EXPECT_EQ(r.status, 0x01);
  EXPECT_EQ(r.result, 2);
  EXPECT_EQ(r.bytes_completed, 64U);
}

TEST(EngineDeltaFaultTest, BlockedPagesOfTheRecordAreAskedFor) {
  EngineBench b(25);
  b.write(kDst + 0x100, Bytes(0x200, 0x5A));
  b.page(kOut + 0x1000).present = false;
  Work w{create(kSrc + 0x100, kOut + 0xFC0, 0x200)};
  w.descriptor.flags |= abi::flag(abi::kFlagBof);
  b.submit(w);
  b.run();
  const abi::CompletionRecord r = b.record(kRecord);
  EXPECT_EQ(r.status, 0x01);
  EXPECT_EQ(r.delta_size(), 640U);
  EXPECT_EQ(b.read(kOut + 0xFC0, 640), entries(0, 64, 0x5A));
  EXPECT_EQ(b.page(kOut + 0x1000).requests, 1U);
}

abi::Descriptor apply(std::uint64_t record, std::uint32_t bytes, std::uint64_t dst) {
  abi::Descriptor d = operation(0x08, kRecord);
  d.source = Iova{record};
  d.destination = Iova{dst};
  d.size = 0x1000;
  d.set_field(40, 4, bytes);
  return d;
}

TEST(EngineApplyFaultTest, EntriesBeforeTheAbsentPageAreApplied) {
  struct Where {
    std::uint64_t dst;
    std::uint32_t used;
  };
  // Entry n writes word n; the absent page begins at word 2, in word 0, behind word 0's first half.
  for (const Where& c : {Where{kDst + 0xFF0, 20}, Where{kDst + 0xFFC, 0}, Where{kDst + 0xFF4, 10},
                         Where{kDst + 0x1000, 0}}) {
    EngineBench b(26);
    b.write(kSrc, entries(0, 40, 0x77));
    b.page(kDst + 0x1000).present = false;
    b.submit(no_blocking(apply(kSrc, 400, c.dst)));
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x83) << std::hex << c.dst;
    EXPECT_EQ(r.bytes_completed, c.used) << std::hex << c.dst;
    EXPECT_EQ(r.fault_address.value, kDst + 0x1000);
    EXPECT_EQ(b.read(c.dst, 8 * (c.used / 10)), Bytes(8 * (c.used / 10), 0x77));
  }
}

TEST(EngineApplyFaultTest, AFaultOfTheRecordCountsWholeEntries) {
  EngineBench b(27);
  b.write(kSrc + 0xFCE, entries(0, 20, 0x66));  // 50 bytes before the page's end: five entries
  b.page(kSrc + 0x1000).present = false;
  b.submit(no_blocking(apply(kSrc + 0xFCE, 200, kDst)));
  b.run();
  const abi::CompletionRecord r = b.record(kRecord);
  EXPECT_EQ(r.status, 0x03);
  EXPECT_EQ(r.bytes_completed, 50U);
  EXPECT_EQ(b.read(kDst, 48), [] {
    Bytes w(40, 0x66);
    w.resize(48);
    return w;
  }());
}

TEST(EngineApplyFaultTest, AnAbsentPageBeforeABadEntryPrevails) {
  EngineBench b(28);
  Bytes record = entries(0, 4, 0x55);
  const Bytes low = entries(1, 1, 0x55);  // not above the entry before it
  record.insert(record.end(), low.begin(), low.end());
  b.write(kSrc, record);
  b.page(kDst + 0x1000).present = false;
  b.submit(no_blocking(apply(kSrc, 50, kDst + 0xFF0)));
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x83);
  EXPECT_EQ(b.record(kRecord).bytes_completed, 20U);
  // With the page there, the entry is what ends it.
  b.page(kDst + 0x1000).present = true;
  b.submit(no_blocking(apply(kSrc, 50, kDst + 0xFF0)));
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x07);
  EXPECT_EQ(b.record(kRecord).bytes_completed, 40U);
}

// ---------------------------------------------------------------- protection information
/// Insert: blocks of 512 bytes, destination reference tags from 100 on.
abi::Descriptor insert(std::uint64_t src, std::uint64_t dst, unsigned blocks) {
  abi::Descriptor d = operation(0x13, kRecord);
  d.source = Iova{src};
  d.destination = Iova{dst};
  d.size = 512 * blocks;
  d.set_field(56, 4, 100);
  return d;
}

TEST(EngineDifFaultTest, ProgressIsWholeBlocksAndTheTagsOfTheNextOne) {
  struct Where {
    std::uint64_t dst;
    std::uint32_t blocks;
  };
  // The absent page begins: behind two blocks with their information, at the information of the
  // first block, inside it, inside the data of the second block.
  for (const Where& c :
       {Where{kDst + 0x1000 - 1040, 2}, Where{kDst + 0x1000 - 512, 0},
        Where{kDst + 0x1000 - 516, 0}, Where{kDst + 0x1000 - 800, 1}, Where{kDst + 0x1000, 0}}) {
    EngineBench b(31);
    b.page(kDst + 0x1000).present = false;
    b.submit(no_blocking(insert(kSrc, c.dst, 6)));
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x83) << std::hex << c.dst;
    EXPECT_EQ(r.result, 0);
    EXPECT_EQ(r.bytes_completed, 512 * c.blocks) << std::hex << c.dst;
    EXPECT_EQ(r.fault_address.value, kDst + 0x1000);
    EXPECT_EQ(r.dif_destination().reference, 100 + c.blocks) << std::hex << c.dst;
    // Guard of zeros is 0; big-endian application tag 0, reference tag 100.
    if (c.blocks != 0) EXPECT_EQ(b.read(c.dst + 512, 8), (Bytes{0, 0, 0, 0, 0, 0, 0, 100}));
  }
}

TEST(EngineDifFaultTest, ASourceThatEndsInABlock) {
  for (const std::uint8_t opcode : {0x12, 0x14, 0x15}) {
    EngineBench b(32);
    // Zero data has guard 0; information with reference tags 7, 8, ...
    const std::uint64_t src = kSrc + 0x1000 - 1100;
    for (unsigned i = 0; i < 6; ++i)
      b.write(src + 520 * i + 512, {0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(7 + i)});
    b.page(kSrc + 0x1000).present = false;
    abi::Descriptor d = operation(opcode, kRecord);
    d.source = Iova{src};
    if (opcode != 0x12) d.destination = Iova{kDst};
    d.size = 520 * 6;
    d.set_field(48, 4, 7);
    if (opcode == 0x15) d.set_field(56, 4, 30);
    b.submit(no_blocking(d));
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x03);
    EXPECT_EQ(r.bytes_completed, 1040U);
    EXPECT_EQ(r.dif_source().reference, 9U);
    EXPECT_EQ(r.dif_destination().reference, opcode == 0x15 ? 32U : 0U);
    EXPECT_EQ(r.fault_address.value, kSrc + 0x1000);
  }
}

TEST(EngineDifFaultTest, ABlockedPageOfTheInformationIsAskedFor) {
  EngineBench b(33);
  b.page(kDst + 0x1000).present = false;
  Work w{insert(kSrc, kDst + 0x1000 - 516, 3)};
  w.descriptor.flags |= abi::flag(abi::kFlagBof);
  b.submit(w);
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
  EXPECT_EQ(b.read(kDst + 0x1000 - 4, 8), (Bytes{0, 0, 0, 0, 0, 0, 0, 100}));
  EXPECT_EQ(b.page(kDst + 0x1000).requests, 1U);
}

}  // namespace
}  // namespace siov::blocks
