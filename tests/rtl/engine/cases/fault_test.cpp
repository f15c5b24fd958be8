// SPDX-License-Identifier: Apache-2.0
// Page faults of every operation and operand (dsa 5.6, 5.7): which status, how far, and what memory
// holds then; with block-on-fault every outcome of the page request.
#include <functional>

#include "engine_bench.hpp"

namespace siov::blocks {
namespace {

constexpr std::uint64_t kSrc = 0x10'0000, kDst = 0x20'0000, kDst2 = 0x30'0000, kRecord = 0x9000;

Bytes noise(std::size_t n, unsigned seed = 1) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + i / 251 + seed);
  return out;
}

/// An operation on three pages, 0x800, 0x1000 and 0x1000 bytes of them.
struct Case {
  const char* name;
  std::uint8_t opcode;
  std::uint64_t page;   ///< the absent one
  std::uint8_t status;  ///< without block-on-fault
  std::uint32_t completed;
};

constexpr std::uint32_t kSize = 0x2800;
constexpr std::uint64_t kAt = 0x800;

abi::Descriptor three_pages(std::uint8_t opcode) {
  abi::Descriptor d = operation(opcode, kRecord);
  d.source = Iova{kSrc + kAt};
  d.destination = Iova{kDst + kAt};
  d.size = kSize;
  if (opcode == abi::kOpFill) d.set_pattern(0x8877665544332211);
  if (opcode == abi::kOpDualcast) d.set_field(40, 8, kDst2 + kAt);
  if (opcode == abi::kOpComparePattern) d.destination = Iova{0};
  if (opcode == abi::kOpCrcgen) d.destination = Iova{0};
  if (opcode == abi::kOpCacheFlush) d.source = Iova{0};
  return d;
}

// dsa 5.6, 5.7: bytes completed is what lies before the faulting page; bit 7 of the status says
// that the access was a write.
const std::vector<Case> kCases = {
    {"copy, source, first", 0x03, kSrc, 0x03, 0},
    {"copy, source, middle", 0x03, kSrc + 0x1000, 0x03, 0x800},
    {"copy, source, last", 0x03, kSrc + 0x2000, 0x03, 0x1800},
    {"copy, destination, first", 0x03, kDst, 0x83, 0},
    {"copy, destination, middle", 0x03, kDst + 0x1000, 0x83, 0x800},
    {"copy, destination, last", 0x03, kDst + 0x2000, 0x83, 0x1800},
    {"fill, destination, first", 0x04, kDst, 0x83, 0},
    {"fill, destination, middle", 0x04, kDst + 0x1000, 0x83, 0x800},
    {"fill, destination, last", 0x04, kDst + 0x2000, 0x83, 0x1800},
    {"compare, source 1, first", 0x05, kSrc, 0x03, 0},
    {"compare, source 1, middle", 0x05, kSrc + 0x1000, 0x03, 0x800},
    {"compare, source 1, last", 0x05, kSrc + 0x2000, 0x03, 0x1800},
    {"compare, source 2, first", 0x05, kDst, 0x03, 0},
    {"compare, source 2, middle", 0x05, kDst + 0x1000, 0x03, 0x800},
    {"compare, source 2, last", 0x05, kDst + 0x2000, 0x03, 0x1800},
    {"compare with pattern, first", 0x06, kSrc, 0x03, 0},
    {"compare with pattern, middle", 0x06, kSrc + 0x1000, 0x03, 0x800},
    {"compare with pattern, last", 0x06, kSrc + 0x2000, 0x03, 0x1800},
    {"dualcast, source, first", 0x09, kSrc, 0x03, 0},
    {"dualcast, source, middle", 0x09, kSrc + 0x1000, 0x03, 0x800},
    {"dualcast, source, last", 0x09, kSrc + 0x2000, 0x03, 0x1800},
    {"dualcast, destination 1, first", 0x09, kDst, 0x83, 0},
    {"dualcast, destination 1, middle", 0x09, kDst + 0x1000, 0x83, 0x800},
    {"dualcast, destination 1, last", 0x09, kDst + 0x2000, 0x83, 0x1800},
    {"dualcast, destination 2, first", 0x09, kDst2, 0x83, 0},
    {"dualcast, destination 2, middle", 0x09, kDst2 + 0x1000, 0x83, 0x800},
    {"dualcast, destination 2, last", 0x09, kDst2 + 0x2000, 0x83, 0x1800},
    {"CRC, source, first", 0x10, kSrc, 0x03, 0},
    {"CRC, source, middle", 0x10, kSrc + 0x1000, 0x03, 0x800},
    {"CRC, source, last", 0x10, kSrc + 0x2000, 0x03, 0x1800},
    {"copy with CRC, source, first", 0x11, kSrc, 0x03, 0},
    {"copy with CRC, source, middle", 0x11, kSrc + 0x1000, 0x03, 0x800},
    {"copy with CRC, source, last", 0x11, kSrc + 0x2000, 0x03, 0x1800},
    {"copy with CRC, destination, first", 0x11, kDst, 0x83, 0},
    {"copy with CRC, destination, middle", 0x11, kDst + 0x1000, 0x83, 0x800},
    {"copy with CRC, destination, last", 0x11, kDst + 0x2000, 0x83, 0x1800},
    {"cache flush, first", 0x20, kDst, 0x03, 0},
    {"cache flush, middle", 0x20, kDst + 0x1000, 0x03, 0x800},
    {"cache flush, last", 0x20, kDst + 0x2000, 0x03, 0x1800},
};

/// What an operation reads; compare finds no difference.
void prepare(EngineBench& b, const Case& c) {
  const bool pattern = c.opcode == abi::kOpComparePattern;
  b.write(kSrc + kAt, pattern ? Bytes(kSize) : noise(kSize));
  if (c.opcode == abi::kOpCompare) b.write(kDst + kAt, noise(kSize));
}

Bytes expected_data(std::uint8_t opcode) {
  if (opcode != abi::kOpFill) return noise(kSize);
  Bytes out(kSize);
  for (std::size_t i = 0; i < kSize; ++i) out[i] = static_cast<std::uint8_t>(0x11 * (i % 8 + 1));
  return out;
}

bool writes(std::uint8_t opcode) {
  return opcode == 3 || opcode == 4 || opcode == 9 || opcode == 0x11;
}

/// The destination holds the first bytes of the result, and nothing else was written.
void expect_written(EngineBench& b, std::uint8_t opcode, std::uint32_t bytes, const Case& c) {
  if (!writes(opcode)) {
    EXPECT_EQ(b.writes.size(), 1U) << c.name;  // the record
    return;
  }
  Bytes wanted = expected_data(opcode);
  std::fill(wanted.begin() + bytes, wanted.end(), std::uint8_t{0});
  if (opcode == 9) EXPECT_EQ(b.read(kDst2 + kAt, kSize), wanted) << c.name;
  // The first destination may be a TLP ahead of the second.
  if (opcode == 9 && (c.page & ~0xFFFFULL) == kDst2) return;
  EXPECT_EQ(b.read(kDst + kAt, kSize), wanted) << c.name;
}

TEST(EngineFaultTest, WithoutBlockOnFaultTheRecordTellsStatusAddressAndProgress) {
  for (const Case& c : kCases) {
    for (const bool bof : {false, true}) {  // dsa 5.7: the queue and the flag, and PRS
      EngineBench b(7);
      prepare(b, c);
      b.page(c.page).present = false;
      Work w{three_pages(c.opcode)};
      w.bof = bof;
      w.prs = !bof;
      if (bof) w.descriptor.flags |= abi::flag(abi::kFlagBof);
      b.submit(w);
      b.run();
      const abi::CompletionRecord r = b.record(kRecord);
      EXPECT_EQ(r.status, c.status) << c.name;
      EXPECT_EQ(r.result, 0) << c.name;
      EXPECT_EQ(r.bytes_completed, c.completed) << c.name;
      EXPECT_EQ(r.fault_address.value, c.page) << c.name;
      EXPECT_EQ(r.fault_info, 0) << c.name;
      EXPECT_EQ(b.page(c.page).requests, 0U) << c.name;
      EXPECT_TRUE(b.reports.empty()) << c.name;
      expect_written(b, c.opcode, c.completed, c);
    }
  }
}

TEST(EngineFaultTest, WithBlockOnFaultThePageIsAskedForAndTheWorkGoesOn) {
  for (const Case& c : kCases) {
    EngineBench b(8);
    prepare(b, c);
    b.page(c.page).present = false;
    Work w{three_pages(c.opcode)};
    w.descriptor.flags |= abi::flag(abi::kFlagBof);
    b.submit(w);
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x01) << c.name;
    EXPECT_EQ(r.bytes_completed, 0U) << c.name;
    EXPECT_EQ(b.page(c.page).requests, 1U) << c.name;
    expect_written(b, c.opcode, kSize, c);
  }
}

TEST(EngineFaultTest, WithBlockOnFaultRefusalsEndTheWork) {
  for (const Case& c : kCases) {
    const std::uint8_t write = c.status & 0x80;
    for (const PageAnswer answer :
         {PageAnswer::kInvalid, PageAnswer::kEmpty, PageAnswer::kFailure}) {
      EngineBench b(9);
      prepare(b, c);
      b.page(c.page).present = false;
      b.page(c.page).answer = answer;
      Work w{three_pages(c.opcode)};
      w.descriptor.flags |= abi::flag(abi::kFlagBof);
      b.submit(w);
      b.run();
      const abi::CompletionRecord r = b.record(kRecord);
      const bool failure = answer == PageAnswer::kFailure;
      // dsa 5.7: Invalid 04, Response Failure 22; retries are bounded (5.5: 04).
      EXPECT_EQ(r.status, failure ? 0x22 : 0x04 | write) << c.name;
      EXPECT_EQ(r.bytes_completed, failure ? 0 : c.completed) << c.name;
      EXPECT_EQ(r.fault_address.value, failure ? 0 : c.page) << c.name;
      if (answer == PageAnswer::kEmpty) EXPECT_EQ(b.page(c.page).requests, 8U) << c.name;
      expect_written(b, c.opcode, c.completed, c);
    }
  }
}

TEST(EngineFaultTest, ATranslationThatFailsIs22) {
  for (const Case& c : kCases) {
    EngineBench b(10);
    prepare(b, c);
    b.page(c.page).broken = true;
    Work w{three_pages(c.opcode)};
    w.descriptor.flags |= abi::flag(abi::kFlagBof);
    b.submit(w);
    b.run();
    EXPECT_EQ(b.record(kRecord).status, 0x22) << c.name;
    EXPECT_EQ(b.page(c.page).requests, 0U) << c.name;
  }
}

TEST(EngineFaultTest, SoftwareResumesWhereTheRecordSays) {
  for (const Case& c : kCases) {
    if (!writes(c.opcode) || c.opcode == 0x11) continue;
    EngineBench b(11);
    prepare(b, c);
    b.page(c.page).present = false;
    Work w{three_pages(c.opcode)};
    w.bof = false;
    b.submit(w);
    b.run();
    const std::uint32_t done = b.record(kRecord).bytes_completed;
    b.page(c.page).present = true;
    // dsa 5.6 (03): result 0, so both addresses advance.
    if (c.opcode != 4) w.descriptor.source = Iova{w.descriptor.source.value + done};
    w.descriptor.destination = Iova{w.descriptor.destination.value + done};
    if (c.opcode == 9) w.descriptor.set_field(40, 8, kDst2 + kAt + done);
    w.descriptor.size -= done;
    b.submit(w);
    b.run();
    EXPECT_EQ(b.record(kRecord).status, 0x01) << c.name;
    EXPECT_EQ(b.read(kDst + kAt, kSize), expected_data(c.opcode)) << c.name;
    if (c.opcode == 9) EXPECT_EQ(b.read(kDst2 + kAt, kSize), noise(kSize));
  }
}

TEST(EngineFaultTest, APageWithoutTheRightToWriteFaultsOnlyWhenWritten) {
  for (const bool destination : {false, true}) {
    EngineBench b(12);
    b.write(kSrc + kAt, noise(kSize));
    b.page((destination ? kDst : kSrc) + 0x1000).writable = false;
    Work w{three_pages(0x03)};
    w.bof = false;
    b.submit(w);
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, destination ? 0x83 : 0x01);
    EXPECT_EQ(r.bytes_completed, destination ? 0x800U : 0U);
    EXPECT_EQ(r.fault_address.value, destination ? kDst + 0x1000 : 0);
  }
}

TEST(EngineFaultTest, PagesForUntranslatedAccessKeepAddressAndPasid) {
  EngineBench b(13);
  b.write(kSrc + kAt, noise(kSize));
  b.page(kSrc + 0x1000).untranslated = b.page(kDst + 0x2000).untranslated = true;
  b.page(kRecord).untranslated = true;
  b.submit(three_pages(0x03));
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
  EXPECT_EQ(b.read(kDst + kAt, kSize), noise(kSize));
  for (const WriteTlp& w : b.writes) {
    const bool untranslated = w.address >> 12 == (kDst + 0x2000) >> 12 || w.address == kRecord;
    EXPECT_EQ(w.translated, !untranslated) << std::hex << w.address;
  }
}

// The copy runs from the top, in pieces that are one TLP each: 0x100 bytes above 0x3000, then 512
// each.
TEST(EngineFaultTest, ABackwardCopyCountsFromTheTop) {
  struct Backward {
    std::uint64_t page;
    bool writable;
    std::uint8_t status;
    std::uint32_t completed;
  };
  const std::vector<Backward> cases = {
      {kSrc + 0x3000, true, 0x83, 0},       // destination only
      {kSrc + 0x2000, false, 0x83, 0x100},  // the source part of it can be read
      {kSrc + 0x2000, true, 0x03, 0},
      {kSrc + 0x1000, true, 0x03, 0xF00},  // source of [0x2000, 0x2200) begins at 0x1F00
      {kSrc + 0x1000, false, 0x83, 0x1100},
      {kSrc, true, 0x03, 0x1F00},
      {kSrc, false, 0x83, 0x2100},
  };
  for (const Backward& c : cases) {
    EngineBench b(14);
    b.write(kSrc + 0x800, noise(0x2800));
    if (c.writable)
      b.page(c.page).present = false;
    else
      b.page(c.page).writable = false;
    abi::Descriptor d = operation(0x03, kRecord);
    d.source = Iova{kSrc + 0x800};
    d.destination = Iova{kSrc + 0x900};
    d.size = 0x2800;
    Work w{d};
    w.bof = false;
    b.submit(w);
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, c.status) << std::hex << c.page;
    EXPECT_EQ(r.result, 1);  // dsa 5.6 (03): it ran backward
    EXPECT_EQ(r.bytes_completed, c.completed) << std::hex << c.page;
    EXPECT_EQ(r.fault_address.value, c.page);
    // Resume by shrinking the size.
    b.page(c.page).present = b.page(c.page).writable = true;
    w.descriptor.size -= r.bytes_completed;
    b.submit(w);
    b.run();
    EXPECT_EQ(b.record(kRecord).status, 0x01);
    EXPECT_EQ(b.read(kSrc + 0x900, 0x2800), noise(0x2800)) << std::hex << c.page;
  }
}

TEST(EngineFaultTest, ADifferenceBeforeTheFaultStands) {
  EngineBench b(15);
  prepare(b, {"", 0x05, 0, 0, 0});
  b.write(kDst + 0xA34, {0xFF, 0xFE});  // offset 0x234, source 2 differs
  b.page(kSrc + 0x1000).present = false;
  Work w{three_pages(0x05)};
  w.bof = false;
  b.submit(w);
  b.run();
  const abi::CompletionRecord r = b.record(kRecord);
  EXPECT_EQ(r.status, 0x01);
  EXPECT_EQ(r.result, 1);
  EXPECT_EQ(r.bytes_completed, 0x234U);
}

// dsa 5.8: CRC-32C of "123456789" is e3069283.
TEST(EngineFaultTest, TheCrcIsThatOfTheBytesCompleted) {
  for (const std::uint8_t opcode : {0x10, 0x11}) {
    EngineBench b(16);
    b.write(kSrc + 0xFF7, {'1', '2', '3', '4', '5', '6', '7', '8', '9'});
    b.page(kSrc + 0x1000).present = false;
    abi::Descriptor d = operation(opcode, kRecord);
    d.source = Iova{kSrc + 0xFF7};
    if (opcode == 0x11) d.destination = Iova{kDst + 0xFF7};
    d.size = 100;
    Work w{d};
    w.bof = false;
    b.submit(w);
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x03);
    EXPECT_EQ(r.bytes_completed, 9U);
    EXPECT_EQ(r.crc(), 0xE3069283U);
  }
}

TEST(EngineFaultTest, ASeedWithoutAPageEndsBeforeTheFirstByte) {
  for (const std::uint8_t opcode : {0x10, 0x11}) {
    EngineBench b(17);
    b.page(0x40'0000).present = false;
    abi::Descriptor d = three_pages(opcode);
    d.flags |= abi::flag(16);
    d.set_field(48, 8, 0x40'0010);
    Work w{d};
    w.bof = false;
    b.submit(w);
    b.run();
    const abi::CompletionRecord r = b.record(kRecord);
    EXPECT_EQ(r.status, 0x03);
    EXPECT_EQ(r.bytes_completed, 0U);
    EXPECT_EQ(r.fault_address.value, 0x40'0000U);
    EXPECT_EQ(b.writes.size(), 1U);
  }
}

}  // namespace
}  // namespace siov::blocks
