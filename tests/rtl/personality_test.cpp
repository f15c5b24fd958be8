// SPDX-License-Identifier: Apache-2.0
// The personalities of rtl/personalities.txt: what they tell about themselves, the three tag modes,
// the 256-bit link.
#include "dut/personality.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "raw_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kRecords = 0x100000;

abi::Descriptor descriptor(std::uint8_t opcode, std::uint64_t src, std::uint64_t dst,
                           std::uint32_t size, std::uint64_t record) {
  abi::Descriptor d;
  d.opcode = opcode;
  d.flags = 1u << 2 | 1u << 3;  // CRAV, RCR: dsa 5.2
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

coro::Task<std::uint8_t> execute(RawBench& bench, abi::Descriptor d) {
  *bench.memory.at(d.completion_address.value) = std::byte{0};
  bench.submit(0, d);
  co_return co_await bench.wait_record(d.completion_address.value);
}

pcie::LinkConfig plain(std::uint32_t latency = 40) {
  pcie::LinkConfig link;
  link.read_latency_min = link.read_latency_max = latency;
  return link;
}

RawBench bench_of(const std::string_view personality, const pcie::LinkConfig& link,
                  RawBench::Wrap wrap = nullptr) {
  return RawBench(link, 64u << 20, wrap, personality);
}

std::uint32_t config(RawBench& bench, std::uint32_t offset) {
  return bench.run(bench.root.config_read(offset, 4)).data;
}

std::uint32_t bar_mask(RawBench& bench, std::uint32_t offset) {
  bench.run(bench.root.config_write(offset, 4, 0xFFFFFFFF));
  return config(bench, offset);
}

// ---------------------------------------------------------------- what a device tells

TEST(PersonalityTest, EveryDeviceTellsTheNumbersOfTheTable) {
  ASSERT_EQ(dut::personalities().size(), 3u);
  for (const dut::Personality& p : dut::personalities()) {
    SCOPED_TRACE(p.name);
    if (!dut::personality_available(p.name)) continue;
    RawBench bench = bench_of(p.name, plain());
    EXPECT_EQ(bench.device->beat_bytes() * 8, p.link_bits);
    // dsa 1.2: BAR0 64 KiB or what the tables need; BAR2 16 KiB a queue, a power of two.
    EXPECT_EQ(bar_mask(bench, 0x10), ~(p.bar0_bytes() - 1) | 0xC);
    std::uint32_t portals = 0x4000;
    while (portals < p.num_wq * 0x4000) portals *= 2;
    EXPECT_EQ(bar_mask(bench, 0x18), ~(portals - 1) | 0xC);
    // pcie.md 10.2, 10.4
    const bool wide = p.bar0_bytes() == 0x40000;
    EXPECT_EQ(config(bench, 0x64), p.tags_per_engine == 256 ? 0x10730010u : 0x10700010u);
    EXPECT_EQ(config(bench, 0x80), (p.msix_vectors - 1) << 16 | 0x9011);
    EXPECT_EQ(config(bench, 0x84), wide ? 0x20000u : 0x2000u);
    EXPECT_EQ(config(bench, 0x88), wide ? 0x28000u : 0x3000u);
    EXPECT_EQ(config(bench, 0x214), p.ims_entries != 0 ? 1u : 0u);  // SIOV-D-04
    bench.run(bench.configure_space());
    const std::uint64_t wqcap = bench.run(bench.read(abi::kRegWqcap, 8));  // dsa 2.3
    EXPECT_EQ(wqcap & 0xFFFF, p.wq_entries);
    EXPECT_EQ(wqcap >> 16 & 0xFF, p.num_wq);
    const std::uint64_t grpcap = bench.run(bench.read(abi::kRegGrpcap, 8));
    EXPECT_EQ(grpcap & 0xFF, p.num_groups);
    EXPECT_EQ(grpcap >> 8 & 0xFF, p.read_buffers);
    EXPECT_EQ(bench.run(bench.read(abi::kRegEngcap, 8)) & 0xFF, p.num_engines);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

TEST(PersonalityTest, UnknownNameIsRefused) {
  EXPECT_THROW(dut::personality("huge"), HarnessError);
  EXPECT_THROW(dut::make_device("huge", dut::DeviceOptions{}), HarnessError);
}

// The last queue, through the last portal, on the last engine.
TEST(PersonalityTest, LastQueueAndLastEngineWorkOnEveryDevice) {
  for (const dut::Personality& p : dut::personalities()) {
    SCOPED_TRACE(p.name);
    if (!dut::personality_available(p.name)) continue;
    RawBench bench = bench_of(p.name, plain());
    std::vector<RawQueue> queues(p.num_wq);
    for (RawQueue& q : queues) q.size = static_cast<std::uint16_t>(p.wq_entries / p.num_wq);
    for (RawQueue& q : queues) q.threshold = q.size;
    ASSERT_EQ(bench.run(bench.bring_up(queues, {1u << (p.num_engines - 1)})), 0u);
    fill_random(bench, 0x200000, 10000, 5);
    const auto last = static_cast<std::uint8_t>(p.num_wq - 1);
    bench.submit(last, descriptor(0x03, 0x200003, 0x300001, 9000, kRecords));
    EXPECT_EQ(bench.run(bench.wait_record(kRecords)), 0x01);
    EXPECT_EQ(std::memcmp(bench.memory.at(0x200003), bench.memory.at(0x300001), 9000), 0);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

// ---------------------------------------------------------------- tags

/// Tags of the device's reads: which were used, how many at once. Reads here are whole 64-byte
/// blocks, so the completion that carries all bytes still missing is the last.
class TagWatch : public pcie::TlpSink {
 public:
  void on_tlp(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t) override {
    if (direction == pcie::Direction::kUp && tlp.type == pcie::TlpType::kMemRead) {
      EXPECT_TRUE(open.insert(tlp.tag).second) << "tag " << tlp.tag << " is in use";
      used.insert(tlp.tag);
      most = std::max(most, open.size());
    } else if (direction == pcie::Direction::kDown && tlp.type == pcie::TlpType::kCompletionData &&
               tlp.byte_count == tlp.payload_bytes) {
      open.erase(tlp.tag);
    }
  }
  std::set<std::uint16_t> open, used;
  std::size_t most = 0;
};

struct TagMode {
  const char* name;
  std::uint32_t device_control, device_control2;
  std::size_t tags;              ///< of an engine's data reads; lists and readbacks have the rest
  std::uint16_t lowest, behind;  ///< range of all engines
  unsigned engine_lsb;           ///< engine number in the tag
};

// Device Control 0x0930: MPS 256, MRRS 128, 8-bit tags; 0x0830: 5-bit tags. Device Control 2 bit
// 12: 10-bit tags. Ranges: pcie.md 3.
constexpr TagMode kTagModes[] = {{"8-bit", 0x0930, 0, 64 - 9, 0, 256, 6},
                                 {"10-bit", 0x0930, 0x1000, 192 - 9, 256, 1024, 6},
                                 {"10-bit without 8-bit", 0x0830, 0x1000, 192 - 9, 256, 1024, 6},
                                 {"5-bit", 0x0830, 0, 8 - 3, 0, 32, 3},
                                 {"8-bit again", 0x0930, 0, 64 - 9, 0, 256, 6}};

TEST(TagModeTest, EveryEngineUsesAllItsDataTagsAndNoOther) {
  if (!dut::personality_available("large")) GTEST_SKIP() << "no large device in this build";
  for (std::uint32_t engine = 0; engine < 4; ++engine) {
    pcie::LinkConfig link = plain(2500);
    link.read_latency_max = 4000;
    link.reorder_completions = true;
    link.up_credits = pcie::CreditLimits{64, 1024, 127, 512, 64, 256};
    RawBench bench = bench_of("large", link);
    TagWatch watch;
    bench.root.add_sink(watch);
    ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1u << engine})), 0u);
    for (const TagMode& mode : kTagModes) {
      SCOPED_TRACE(mode.name);
      bench.run(bench.root.config_write(0x48, 2, mode.device_control));
      bench.run(bench.root.config_write(0x68, 2, mode.device_control2));
      watch.used.clear();
      watch.most = 0;
      const auto bytes = static_cast<std::uint32_t>(4 * 128 * mode.tags);  // four reads a tag
      fill_random(bench, 0x200000, bytes, engine);
      EXPECT_EQ(bench.run(execute(bench, descriptor(0x03, 0x200000, 0x300000, bytes, kRecords))),
                0x01);
      EXPECT_EQ(std::memcmp(bench.memory.at(0x200000), bench.memory.at(0x300000), bytes), 0);
      EXPECT_EQ(watch.used.size(), mode.tags);
      EXPECT_EQ(watch.most, mode.tags);
      for (const std::uint16_t tag : watch.used) {
        EXPECT_GE(tag, mode.lowest);
        EXPECT_LT(tag, mode.behind);
        EXPECT_EQ(tag >> mode.engine_lsb & 3u, engine) << tag;
      }
      EXPECT_TRUE(watch.open.empty());
    }
    EXPECT_EQ(config(bench, 0x104), 0u);  // no error was logged: AER, uncorrectable
    EXPECT_EQ(config(bench, 0x110), 0u);  // correctable
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

/// Puts one completion nobody asked for on the link.
class StrayCompletion : public pcie::LinkDevice {
 public:
  explicit StrayCompletion(pcie::LinkDevice& device) : device_(device) {}
  std::uint32_t beat_bytes() const override { return device_.beat_bytes(); }
  void reset() override { device_.reset(); }
  void cycle(const Inputs& in, Outputs& out) override {
    if (tag < 0 || in.down.valid) return device_.cycle(in, out);
    Inputs more = in;
    more.down.valid = more.down.sop = more.down.eop = true;
    const auto t = static_cast<std::uint32_t>(tag);
    more.down.header = {0x0A000000 | (t >> 9 & 1) << 23 | (t >> 8 & 1) << 19, 4,
                        0x01000000 | (t & 0xFF) << 8, 0};
    tag = -1;
    device_.cycle(more, out);
  }
  inline static int tag = -1;  ///< of the next one

 private:
  pcie::LinkDevice& device_;
};

// PCIE-32: a completion that matches no request is unexpected, whatever its tag means in this mode.
TEST(TagModeTest, StrayCompletionIsReportedInEveryMode) {
  if (!dut::personality_available("large")) GTEST_SKIP() << "no large device in this build";
  const RawBench::Wrap wrap = [](pcie::LinkDevice& device) -> std::unique_ptr<pcie::LinkDevice> {
    return std::make_unique<StrayCompletion>(device);
  };
  RawBench bench = bench_of("large", plain(), wrap);
  ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {0xF})), 0u);
  bench.run(bench.root.config_write(0x114, 4, 0));  // advisory errors are reported: AER 7.8.4.6
  for (const TagMode& mode : kTagModes) {
    bench.run(bench.root.config_write(0x48, 2, mode.device_control));
    bench.run(bench.root.config_write(0x68, 2, mode.device_control2));
    for (const int tag : {0x000, 0x01F, 0x03F, 0x0FF, 0x100, 0x1C0, 0x2A5, 0x3FF}) {
      EXPECT_EQ(config(bench, 0x104), 0u);
      StrayCompletion::tag = tag;
      bench.scheduler.run_cycles(20);
      EXPECT_EQ(StrayCompletion::tag, -1);
      EXPECT_EQ(config(bench, 0x104), 1u << 16) << mode.name << " tag " << tag;  // AER 7.8.4.2
      bench.run(bench.root.config_write(0x104, 4, 0xFFFFFFFF));
    }
  }
}

// ---------------------------------------------------------------- 256-bit link

std::vector<pcie::LinkConfig> hosts() {
  pcie::LinkConfig wild = plain();
  wild.read_latency_max = 300;
  wild.reorder_completions = wild.random_splits = true;
  wild.up_stall_permille = 300;
  wild.seed = 7;
  pcie::LinkConfig narrow = plain();
  narrow.up_credits = pcie::CreditLimits{2, 32, 2, 8, 2, 8};
  narrow.rcb = 128;
  return {plain(), wild, narrow};
}

TEST(NarrowLinkTest, MemmoveCopiesEveryAlignmentAndSizeClass) {
  if (!dut::personality_available("small")) GTEST_SKIP() << "no small device in this build";
  std::uint32_t n = 0;
  for (const pcie::LinkConfig& link : hosts()) {
    RawBench bench = bench_of("small", link);
    ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
    for (const std::uint32_t size :
         {1u, 4u, 31u, 32u, 33u, 63u, 64u, 65u, 96u, 97u, 255u, 256u, 257u, 513u, 4096u, 9000u}) {
      for (const std::uint32_t src_off : {0u, 1u, 31u, 35u, 4093u}) {
        for (const std::uint32_t dst_off : {0u, 2u, 30u, 33u, 4094u}) {
          const std::uint64_t src = 0x200000 + src_off, dst = 0x300000 + dst_off;
          fill_random(bench, 0x200000, 0x4000, ++n);
          fill_random(bench, 0x300000, 0x4000, ++n);
          std::vector<std::byte> expected(bench.memory.at(0x300000), bench.memory.at(0x304000));
          std::memcpy(&expected[dst_off], bench.memory.at(src), size);
          ASSERT_EQ(bench.run(execute(bench, descriptor(0x03, src, dst, size, kRecords))), 0x01);
          ASSERT_EQ(std::memcmp(expected.data(), bench.memory.at(0x300000), 0x4000), 0)
              << size << " bytes, " << src_off << " to " << dst_off;
        }
      }
    }
    EXPECT_EQ(config(bench, 0x104), 0u);
    EXPECT_EQ(config(bench, 0x110), 0u);
    EXPECT_EQ(bench.root.statistics().framing_errors, 0u);
    EXPECT_EQ(bench.root.statistics().malformed, 0u);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

// 32 bytes a cycle: while a long fill runs, the link upwards has no idle cycle.
TEST(NarrowLinkTest, FillKeepsTheLinkBusyInEveryCycle) {
  if (!dut::personality_available("small")) GTEST_SKIP() << "no small device in this build";
  RawBench bench = bench_of("small", plain());
  ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
  bench.submit(0, descriptor(0x04, 0x1122334455667788, 0x400000, 1u << 20, kRecords));
  bench.scheduler.run_cycles(1000);
  const pcie::LinkStatistics before = bench.root.statistics();
  bench.scheduler.run_cycles(20000);
  const pcie::LinkStatistics after = bench.root.statistics();
  EXPECT_EQ(after.beats_up - before.beats_up, 20000u);
  EXPECT_GE(after.payload_bytes_up - before.payload_bytes_up, 20000u * 32 - 512);
  EXPECT_EQ(bench.run(bench.wait_record(kRecords)), 0x01);
}

/// Ends the first completion of 128 bytes or more after some of its beats, as a broken host would.
template <int kBeats>
class CutCompletion : public pcie::LinkDevice {
 public:
  explicit CutCompletion(pcie::LinkDevice& device) : device_(device) {}
  std::uint32_t beat_bytes() const override { return device_.beat_bytes(); }
  void reset() override { device_.reset(); }
  void cycle(const Inputs& in, Outputs& out) override {
    Inputs cut = in;
    if (in.down.valid && in.down.sop && in.down.header[0] >> 24 == 0x4A &&
        (in.down.header[0] & 0x3FF) >= 32 && !done_) {
      inside_ = done_ = true;
      beat_ = 0;
    }
    if (in.down.valid && inside_) {
      ++beat_;
      if (beat_ == kBeats) cut.down.eop = true;
      if (beat_ > kBeats) cut.down.valid = false;
      if (in.down.eop) inside_ = false;
    }
    device_.cycle(cut, out);
  }

 private:
  pcie::LinkDevice& device_;
  bool inside_ = false, done_ = false;
  int beat_ = 0;
};

template <int kBeats>
std::unique_ptr<pcie::LinkDevice> cut_completion(pcie::LinkDevice& device) {
  return std::make_unique<CutCompletion<kBeats>>(device);
}

// A completion whose payload does not match its Length must not count as read (PCIe 2.2.2), also
// when only the second half of a 64-byte beat is missing.
TEST(NarrowLinkTest, CompletionCutShortEndsWithReadErrorAndTheNextDescriptorIsSound) {
  if (!dut::personality_available("small")) GTEST_SKIP() << "no small device in this build";
  const RawBench::Wrap wraps[] = {&cut_completion<1>, &cut_completion<2>, &cut_completion<3>};
  for (const RawBench::Wrap wrap : wraps) {
    RawBench bench = bench_of("small", plain(), wrap);
    ASSERT_EQ(bench.run(bench.bring_up({RawQueue{}}, {1})), 0u);
    fill_random(bench, 0x200000, 0x10000, 3);
    EXPECT_EQ(bench.run(execute(bench, descriptor(0x03, 0x200000, 0x300000, 4096, kRecords))),
              0x20);  // dsa 5.5: read completion error
    EXPECT_EQ(bench.run(execute(bench, descriptor(0x03, 0x200000, 0x310000, 0x10000, kRecords))),
              0x01);
    EXPECT_EQ(std::memcmp(bench.memory.at(0x200000), bench.memory.at(0x310000), 0x10000), 0);
    EXPECT_EQ(bench.device->assertion_failure(), "");
  }
}

}  // namespace
}  // namespace siov::test
