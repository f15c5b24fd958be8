// SPDX-License-Identifier: Apache-2.0
// The data path of the device alone: every alignment, overlap, size class and host behaviour,
// against memmove and memset.
#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include "raw_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint32_t kWantRecord = (1u << 2) | (1u << 3);  // CRAV, RCR: dsa 5.2
constexpr std::uint64_t kRecords = 0x100000;

std::uint8_t byte_of(const std::byte b) { return std::to_integer<std::uint8_t>(b); }

abi::Descriptor descriptor(std::uint8_t opcode, std::uint64_t src, std::uint64_t dst,
                           std::uint32_t size, std::uint64_t record) {
  abi::Descriptor d;
  d.opcode = opcode;
  d.flags = kWantRecord;
  d.source = Iova{src};
  d.destination = Iova{dst};
  d.size = size;
  d.completion_address = Iova{record};
  return d;
}

void fill_random(RawBench& bench, std::uint64_t at, std::size_t bytes, std::uint32_t seed) {
  std::uint64_t x = seed * 0x9E3779B97F4A7C15u + 1;
  for (std::size_t i = 0; i < bytes; ++i) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    *bench.memory.at(at + i) = static_cast<std::byte>(x >> 24);
  }
}

/// One descriptor at a time: submit, wait for its record.
coro::Task<std::uint8_t> execute(RawBench& bench, abi::Descriptor d) {
  *bench.memory.at(d.completion_address.value) = std::byte{0};
  bench.submit(0, d);
  co_return co_await bench.wait_record(d.completion_address.value);
}

struct HostCase {
  const char* name;
  pcie::LinkConfig link;
};

std::vector<HostCase> hosts() {
  pcie::LinkConfig plain;
  plain.read_latency_min = plain.read_latency_max = 40;
  pcie::LinkConfig wild = plain;
  wild.read_latency_max = 300;
  wild.reorder_completions = true;
  wild.random_splits = true;
  wild.up_stall_permille = 300;
  wild.seed = 7;
  pcie::LinkConfig narrow = plain;
  narrow.up_credits = pcie::CreditLimits{2, 32, 2, 8, 2, 8};
  narrow.rcb = 128;
  return {{"plain", plain}, {"wild", wild}, {"narrow credits", narrow}};
}

TEST(DataPathTest, MemmoveCopiesEveryAlignmentAndSizeClass) {
  for (const HostCase& host : hosts()) {
    SCOPED_TRACE(host.name);
    RawBench bench(host.link);
    ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
    const std::uint32_t sizes[] = {1,   2,   3,   4,   5,   63,   64,   65,   127,
                                   255, 256, 257, 511, 513, 4095, 4096, 4097, 9000};
    std::uint32_t n = 0;
    for (const std::uint32_t size : sizes) {
      for (const std::uint32_t src_off : {0u, 1u, 3u, 63u, 4093u}) {
        for (const std::uint32_t dst_off : {0u, 1u, 2u, 62u, 4094u}) {
          const std::uint64_t src = 0x200000 + src_off, dst = 0x300000 + dst_off;
          fill_random(bench, 0x200000, 0x4000, ++n);
          fill_random(bench, 0x300000, 0x4000, ++n);
          std::vector<std::byte> expected(bench.memory.at(0x300000), bench.memory.at(0x304000));
          std::memcpy(&expected[dst_off], bench.memory.at(src), size);
          const abi::Descriptor d = descriptor(0x03, src, dst, size, kRecords);
          ASSERT_EQ(bench.run(execute(bench, d)), 0x01)
              << size << " from +" << src_off << " to +" << dst_off;
          ASSERT_EQ(std::memcmp(expected.data(), bench.memory.at(0x300000), 0x4000), 0)
              << size << " from +" << src_off << " to +" << dst_off;
        }
      }
    }
    EXPECT_EQ(bench.device->assertion_failure(), "");
    EXPECT_EQ(bench.memory.last_pasid, 0x12345u);
  }
}

TEST(DataPathTest, OverlappingMemmoveBehavesAsIfThroughATemporary) {
  for (const HostCase& host : hosts()) {
    SCOPED_TRACE(host.name);
    RawBench bench(host.link);
    ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
    std::uint32_t n = 100;
    for (const std::uint32_t size : {64u, 100u, 1000u, 4096u, 20000u}) {
      for (const std::int32_t shift : {-1, 1, -63, 64, 200, -300, 513, 4095, -4097, 5000}) {
        const std::uint64_t src = 0x210123;
        const std::uint64_t dst =
            src + static_cast<std::uint64_t>(static_cast<std::int64_t>(shift));
        fill_random(bench, 0x200000, 0x20000, ++n);
        std::vector<std::byte> expected(bench.memory.at(0x200000), bench.memory.at(0x220000));
        std::memmove(&expected[dst - 0x200000], &expected[src - 0x200000], size);
        const abi::Descriptor d = descriptor(0x03, src, dst, size, kRecords);
        ASSERT_EQ(bench.run(execute(bench, d)), 0x01);
        ASSERT_EQ(std::memcmp(expected.data(), bench.memory.at(0x200000), 0x20000), 0)
            << size << " shift " << shift;
      }
    }
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

TEST(DataPathTest, FillRepeatsThePatternFromTheFirstDestinationByte) {
  RawBench bench(hosts()[1].link);
  ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
  const std::uint64_t pattern = 0x8877665544332211;  // byte 0 is 11: dsa 5.6 (04)
  for (const std::uint32_t size : {1u, 7u, 8u, 9u, 64u, 300u, 4097u, 10000u}) {
    for (const std::uint32_t offset : {0u, 1u, 2u, 5u, 61u, 4095u}) {
      fill_random(bench, 0x300000, 0x8000, size + offset);
      std::vector<std::byte> expected(bench.memory.at(0x300000), bench.memory.at(0x308000));
      for (std::uint32_t i = 0; i < size; ++i)
        expected[offset + i] = static_cast<std::byte>(0x11 * (i % 8 + 1));
      const abi::Descriptor d = descriptor(0x04, pattern, 0x300000 + offset, size, kRecords);
      ASSERT_EQ(bench.run(execute(bench, d)), 0x01);
      ASSERT_EQ(std::memcmp(expected.data(), bench.memory.at(0x300000), 0x8000), 0)
          << size << " at +" << offset;
    }
  }
}

TEST(DataPathTest, CompareReportsTheFirstDifference) {
  RawBench bench(hosts()[1].link);
  ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
  for (const std::uint32_t size : {1u, 64u, 100u, 513u, 5000u}) {
    for (const std::uint32_t a : {0u, 3u, 4090u}) {
      for (const std::uint32_t b : {0u, 1u, 4000u}) {
        fill_random(bench, 0x200000, 0x4000, size + a + b);
        std::memcpy(bench.memory.at(0x300000 + b), bench.memory.at(0x200000 + a), size);
        const abi::Descriptor d = descriptor(0x05, 0x200000 + a, 0x300000 + b, size, kRecords);
        ASSERT_EQ(bench.run(execute(bench, d)), 0x01);
        ASSERT_EQ(byte_of(*bench.memory.at(kRecords + 1)), 0);
        for (const std::uint32_t at : {0u, size / 2, size - 1}) {
          const std::byte old = *bench.memory.at(0x300000 + b + at);
          *bench.memory.at(0x300000 + b + at) ^= std::byte{0x40};
          ASSERT_EQ(bench.run(execute(bench, d)), 0x01);
          std::uint32_t offset = 0;
          std::memcpy(&offset, bench.memory.at(kRecords + 4), 4);
          ASSERT_EQ(byte_of(*bench.memory.at(kRecords + 1)), 1);  // result: different
          ASSERT_EQ(offset, at) << size << " " << a << " " << b;  // bytes completed: dsa 5.6 (05)
          *bench.memory.at(0x300000 + b + at) = old;
        }
      }
    }
  }
}

TEST(DataPathTest, UnreadableSourceEndsWithReadErrorAndTheNextDescriptorIsSound) {
  RawBench bench(hosts()[0].link);
  ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
  const std::uint64_t beyond = 64u << 20;
  fill_random(bench, beyond - 0x1000, 0x1000, 5);
  // 600 readable bytes, then nothing: hardware error on read, code 20 (dsa 5.5).
  const abi::Descriptor bad = descriptor(0x03, beyond - 600, 0x300000, 5000, kRecords);
  EXPECT_EQ(bench.run(execute(bench, bad)), 0x20);
  const abi::Descriptor good = descriptor(0x03, beyond - 0x1000, 0x310001, 0x1000, kRecords);
  EXPECT_EQ(bench.run(execute(bench, good)), 0x01);
  EXPECT_EQ(std::memcmp(bench.memory.at(beyond - 0x1000), bench.memory.at(0x310001), 0x1000), 0);
}

TEST(DataPathTest, LostReadTimesOutAndLateTagsAreNotReused) {
  pcie::LinkConfig link = hosts()[0].link;
  int count = 0;
  link.read_fault = [&count](const pcie::Tlp&) {
    return ++count == 3 ? pcie::ReadFault::kNever : pcie::ReadFault::kNone;
  };
  RawBench bench(link);
  ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
  const abi::Descriptor bad = descriptor(0x03, 0x200000, 0x300000, 4096, kRecords);
  EXPECT_EQ(bench.run(execute(bench, bad)), 0x20);
  fill_random(bench, 0x200000, 0x10000, 9);
  const abi::Descriptor good = descriptor(0x03, 0x200000, 0x300000, 0x10000, kRecords);
  EXPECT_EQ(bench.run(execute(bench, good)), 0x01);
  EXPECT_EQ(std::memcmp(bench.memory.at(0x200000), bench.memory.at(0x300000), 0x10000), 0);
}

/// Ends the n-th long completion towards the device after its first beat, as a broken host would.
class CutCompletion : public pcie::LinkDevice {
 public:
  CutCompletion(pcie::LinkDevice& device, int nth) : device_(device), left_(nth) {}
  std::uint32_t beat_bytes() const override { return device_.beat_bytes(); }
  void reset() override { device_.reset(); }
  void cycle(const Inputs& in, Outputs& out) override {
    Inputs cut = in;
    if (in.down.valid && in.down.sop && !in.down.eop && (in.down.header[0] >> 24) == 0x4A &&
        --left_ == 0) {
      cut.down.eop = true;
      cutting_ = true;
    } else if (cutting_) {
      cut.down.valid = false;
      if (in.down.valid && in.down.eop) cutting_ = false;
    }
    device_.cycle(cut, out);
  }

 private:
  pcie::LinkDevice& device_;
  int left_;
  bool cutting_ = false;
};

template <int kNth>
std::unique_ptr<pcie::LinkDevice> cut_completion(pcie::LinkDevice& device) {
  return std::make_unique<CutCompletion>(device, kNth);
}

// A completion whose payload does not match its Length is malformed (PCIe 2.2.2): its data must not
// count as read.
TEST(DataPathTest, CompletionCutShortEndsWithReadErrorAndTheNextDescriptorIsSound) {
  const RawBench::Wrap wraps[] = {&cut_completion<1>, &cut_completion<2>, &cut_completion<5>};
  for (const RawBench::Wrap wrap :
       wraps) {  // first and second half of a 512-byte read, and a later read
    RawBench bench(hosts()[0].link, 64u << 20, wrap);
    ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
    fill_random(bench, 0x200000, 0x10000, 3);
    const abi::Descriptor bad = descriptor(0x03, 0x200000, 0x300000, 4096, kRecords);
    EXPECT_EQ(bench.run(execute(bench, bad)), 0x20);  // dsa 5.5: read completion error
    const abi::Descriptor good = descriptor(0x03, 0x200000, 0x310000, 0x10000, kRecords);
    EXPECT_EQ(bench.run(execute(bench, good)), 0x01);
    EXPECT_EQ(std::memcmp(bench.memory.at(0x200000), bench.memory.at(0x310000), 0x10000), 0);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

TEST(DataPathTest, ManyRandomDescriptorsOnFourQueuesAllLandExactly) {
  for (const HostCase& host : hosts()) {
    SCOPED_TRACE(host.name);
    RawBench bench(host.link);
    const RawQueue q{32, true, 3};
    ASSERT_EQ(bench.run(bench.bring_up({q, q, q, q}, {0xF})), 0u);
    boost::random::mt19937 rng(42);
    boost::random::uniform_int_distribution<std::uint32_t> size(1, 3000), offset(0, 4095), op(0, 2);
    fill_random(bench, 0x200000, 0x100000, 77);
    for (int round = 0; round < 20; ++round) {
      std::vector<std::byte> expected(bench.memory.at(0x400000),
                                      bench.memory.at(0x400000 + 64 * 0x2000));
      for (std::uint32_t i = 0; i < 64; ++i) {
        const std::uint32_t n = size(rng), at = offset(rng), from = offset(rng) * 200;
        const std::uint64_t record = kRecords + 32 * i;
        *bench.memory.at(record) = std::byte{0};
        const std::uint64_t dst = 0x400000 + i * 0x2000 + at;
        if (op(rng) != 0) {
          std::memcpy(&expected[i * 0x2000 + at], bench.memory.at(0x200000 + from), n);
          bench.submit(i % 4, descriptor(0x03, 0x200000 + from, dst, n, record), i);
        } else {
          std::memset(&expected[i * 0x2000 + at], 0x5A, n);
          bench.submit(i % 4, descriptor(0x04, 0x5A5A5A5A5A5A5A5A, dst, n, record), i);
        }
      }
      for (std::uint32_t i = 0; i < 64; ++i)
        ASSERT_EQ(bench.run(bench.wait_record(kRecords + 32 * i)), 0x01) << i;
      ASSERT_EQ(std::memcmp(expected.data(), bench.memory.at(0x400000), expected.size()), 0)
          << round;
    }
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

}  // namespace
}  // namespace siov::test
