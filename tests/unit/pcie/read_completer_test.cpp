// SPDX-License-Identifier: Apache-2.0
// Completions of the device's reads: splitting, latency, throughput, reordering, faults. Rules from
// the base specification 2.3.1.1.
#include "pcie/read_completer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "coro/scheduler.hpp"
#include "fake_link.hpp"
#include "pcie/root_complex.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

using test::FakeDevice;
using test::FakeDma;
using test::kDevice;

class ReadCompleterTest : public ::testing::Test {
 protected:
  void build(const LinkConfig& config) {
    root = std::make_unique<RootComplex>(device, dma, scheduler, config);
    root->reset();
  }
  /// Sizes of the pieces of one read.
  std::vector<int> pieces(std::uint64_t address, std::uint32_t bytes) {
    device.received.clear();
    device.send(mem_read(kDevice, 1, address, bytes));
    scheduler.run_cycles(700);
    std::vector<int> sizes;
    for (const Tlp& tlp : device.received) sizes.push_back(tlp.payload_bytes);
    return sizes;
  }
  coro::Scheduler scheduler;
  FakeDevice device;
  FakeDma dma;
  std::unique_ptr<RootComplex> root;
};

TEST_F(ReadCompleterTest, PiecesEndAtTheBoundaryAndFitThePayload) {
  build(LinkConfig());
  EXPECT_EQ(pieces(0x1000, 256), (std::vector<int>{256}));
  EXPECT_EQ(pieces(0x1000, 512), (std::vector<int>{256, 256}));
  EXPECT_EQ(pieces(0x1020, 256), (std::vector<int>{256}));  // fits in one
  EXPECT_EQ(pieces(0x1020, 512), (std::vector<int>{224, 256, 32}));
  EXPECT_EQ(pieces(0x1004, 4), (std::vector<int>{4}));
}

TEST_F(ReadCompleterTest, BoundaryOf128Bytes) {
  LinkConfig config;
  config.rcb = 128;
  build(config);
  EXPECT_EQ(pieces(0x1040, 512), (std::vector<int>{192, 256, 64}));
}

TEST_F(ReadCompleterTest, ByteCountAndLowerAddressOfUnalignedRead) {
  build(LinkConfig());
  device.send(mem_read(kDevice, 1, 0x1023, 500));
  scheduler.run_cycles(600);
  // 1020h..1218h in DWs; pieces end at 1100h, 1200h, 1218h; bytes left 500, 279, 23
  ASSERT_EQ(device.received.size(), 3u);
  EXPECT_EQ(device.received[0].byte_count, 500);
  EXPECT_EQ(device.received[0].lower_address, 0x23);
  EXPECT_EQ(device.received[0].length_dw, 0xE0 / 4);
  EXPECT_EQ(device.received[1].byte_count, 279);
  EXPECT_EQ(device.received[1].lower_address, 0x00);
  EXPECT_EQ(device.received[2].byte_count, 23);
  EXPECT_EQ(device.received[2].lower_address, 0x00);
  EXPECT_EQ(device.received[2].payload_bytes, 24);
  EXPECT_EQ(device.received[0].payload[3], static_cast<std::byte>(0x1023 * 7 + 0x10));
  EXPECT_EQ(device.received[0].payload[2], std::byte{0});  // not asked for
  EXPECT_EQ(device.received[2].payload[22], static_cast<std::byte>(0x1216 * 7 + 0x12));
}

TEST_F(ReadCompleterTest, ZeroLengthReadGetsOneDw) {
  build(LinkConfig());
  device.send(mem_read(kDevice, 4, 0x1004, 0));
  scheduler.run_cycles(600);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].type, TlpType::kCompletionData);
  EXPECT_EQ(device.received[0].length_dw, 1);
  EXPECT_EQ(device.received[0].byte_count, 1);
  EXPECT_EQ(device.received[0].lower_address, 0x04);
  EXPECT_EQ(dma.sizes, (std::vector<std::size_t>{0}));
}

TEST_F(ReadCompleterTest, AttributesAreCopiedAndContextReachesThePort) {
  build(LinkConfig());
  Tlp read = with_pasid(mem_read(kDevice, 0x55, 0x1000, 64), Pasid{0x12345}, true);
  read.tc = 3;
  read.ro = true;
  read.ns = true;
  read.at = 2;
  device.send(read);
  scheduler.run_cycles(600);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].tc, 3);
  EXPECT_TRUE(device.received[0].ro);
  EXPECT_TRUE(device.received[0].ns);
  EXPECT_EQ(device.received[0].at, 0);
  EXPECT_FALSE(device.received[0].prefix.present);  // completions carry no PASID (6.20)
  EXPECT_EQ(dma.requests[0].pasid, Pasid{0x12345});
  EXPECT_TRUE(dma.requests[0].privileged);
  EXPECT_EQ(dma.requests[0].at, port::AddressType::kTranslated);
}

TEST_F(ReadCompleterTest, LatencyIsExactWhenFixed) {
  LinkConfig config;
  config.read_latency_min = config.read_latency_max = 123;
  build(config);
  device.send(mem_read(kDevice, 1, 0x1000, 64));
  scheduler.run_cycles(200);
  ASSERT_EQ(device.received_at.size(), 1u);
  EXPECT_EQ(device.received_at[0], 123u);  // the read's beat moved in cycle 0
}

TEST_F(ReadCompleterTest, CompletionsLeaveBackToBack) {
  LinkConfig config;
  build(config);
  // 100 reads of 512 B arrive in 100 cycles; their 800 beats must leave without a bubble.
  for (std::uint16_t i = 0; i < 100; ++i)
    device.send(mem_read(kDevice, i, 0x1000u + 512u * (i % 8), 512));
  scheduler.run_cycles(500 + 800);
  int beats = 0;
  for (std::size_t i = 500; i < 1300; ++i) beats += device.beat_history[i] ? 1 : 0;
  EXPECT_EQ(beats, 800);
  EXPECT_EQ(device.received.size(), 200u);
  EXPECT_TRUE(root->idle());
}

TEST_F(ReadCompleterTest, RefusedReadIsOneCompletionWithoutData) {
  build(LinkConfig());
  device.send(mem_read(kDevice, 1, 0xBAD0'0003, 100));
  scheduler.run_cycles(5);
  dma.failure = port::DmaStatus::kCompleterAbort;
  device.send(mem_read(kDevice, 2, 0xBAD0'0000, 100));
  scheduler.run_cycles(600);
  ASSERT_EQ(device.received.size(), 2u);
  EXPECT_EQ(device.received[0].type, TlpType::kCompletion);
  EXPECT_EQ(device.received[0].status, CplStatus::kUr);
  EXPECT_EQ(device.received[0].byte_count, 100);  // as if it had succeeded
  EXPECT_EQ(device.received[0].lower_address, 0x03);
  EXPECT_EQ(device.received[1].status, CplStatus::kCa);
}

TEST_F(ReadCompleterTest, ReadAcross4KiBIsRefusedAndNeverReachesThePort) {
  build(LinkConfig());
  device.send(mem_read(kDevice, 1, 0x1FF0, 64));
  scheduler.run_cycles(600);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].status, CplStatus::kUr);
  EXPECT_TRUE(dma.requests.empty());
}

TEST_F(ReadCompleterTest, InjectedFaultsFollowThePredicate) {
  LinkConfig config;
  config.read_fault = [](const Tlp& read) {
    const ReadFault faults[] = {ReadFault::kNone, ReadFault::kUnsupportedRequest,
                                ReadFault::kCompleterAbort, ReadFault::kPoisoned,
                                ReadFault::kNever};
    return faults[read.tag];
  };
  build(config);
  for (std::uint16_t tag = 0; tag < 5; ++tag) device.send(mem_read(kDevice, tag, 0x1000, 64));
  scheduler.run_cycles(700);
  ASSERT_EQ(device.received.size(), 4u);
  EXPECT_EQ(device.received[0].status, CplStatus::kSc);
  EXPECT_FALSE(device.received[0].ep);
  EXPECT_EQ(device.received[1].status, CplStatus::kUr);
  EXPECT_EQ(device.received[2].status, CplStatus::kCa);
  EXPECT_TRUE(device.received[3].ep);
  EXPECT_EQ(device.received[3].payload_bytes, 64);
}

/// Puts the pieces of each tag together and checks every rule of one transaction on the way.
struct Joined {
  std::map<int, std::vector<std::byte>> data;
  int switches = 0;  ///< changes of tag between neighbours in the middle of a transaction
};
Joined join(const std::vector<Tlp>& received, std::uint32_t bytes, std::uint32_t rcb) {
  Joined result;
  int open = -1;
  for (const Tlp& tlp : received) {
    std::vector<std::byte>& data = result.data[tlp.tag];
    if (open >= 0 && open != tlp.tag) ++result.switches;
    EXPECT_EQ(tlp.byte_count, bytes - data.size());
    EXPECT_LE(tlp.payload_bytes, 256);
    data.insert(data.end(), tlp.data().begin(), tlp.data().end());
    const bool last = data.size() == bytes;
    if (!last) {
      EXPECT_EQ((0x1000 + data.size()) % rcb, 0u);
    }
    open = last ? -1 : tlp.tag;
  }
  return result;
}

TEST_F(ReadCompleterTest, RandomOrderAndSplitsKeepEachTransactionWhole) {
  LinkConfig config;
  config.read_latency_min = 20;
  config.read_latency_max = 400;
  config.reorder_completions = true;
  config.random_splits = true;
  config.seed = 11;
  build(config);
  for (std::uint16_t tag = 0; tag < 64; ++tag) device.send(mem_read(kDevice, tag, 0x1000, 512));
  scheduler.run_cycles(2000);
  const Joined joined = join(device.received, 512, 64);
  ASSERT_EQ(joined.data.size(), 64u);
  for (const auto& [tag, data] : joined.data) {
    ASSERT_EQ(data.size(), 512u) << tag;
    for (std::size_t i = 0; i < 512; ++i)
      ASSERT_EQ(data[i], static_cast<std::byte>((0x1000 + i) * 7 + (0x1000 + i) / 256));
  }
  EXPECT_GT(joined.switches, 10);  // transactions really interleave
  std::set<int> sizes;
  bool ordered = true;
  for (std::size_t i = 0; i < device.received.size(); ++i) {
    sizes.insert(device.received[i].payload_bytes);
    if (i > 0 && device.received[i].tag < device.received[i - 1].tag) ordered = false;
  }
  EXPECT_GE(sizes.size(), 3u);
  EXPECT_FALSE(ordered);
  EXPECT_TRUE(root->idle());
}

TEST_F(ReadCompleterTest, SameSeedGivesTheSameOrder) {
  LinkConfig config;
  config.read_latency_min = 20;
  config.read_latency_max = 400;
  config.reorder_completions = true;
  config.random_splits = true;
  const auto run = [](LinkConfig c, std::uint64_t seed) {
    c.seed = seed;
    coro::Scheduler scheduler;
    FakeDevice device;
    FakeDma dma;
    RootComplex root(device, dma, scheduler, c);
    root.reset();
    for (std::uint16_t tag = 0; tag < 32; ++tag) device.send(mem_read(kDevice, tag, 0x1000, 512));
    scheduler.run_cycles(1500);
    std::vector<int> order;
    for (const Tlp& tlp : device.received) order.push_back(tlp.tag * 1000 + tlp.payload_bytes);
    return order;
  };
  EXPECT_EQ(run(config, 1), run(config, 1));
  EXPECT_NE(run(config, 1), run(config, 2));
}

TEST_F(ReadCompleterTest, WithoutReorderingArrivalOrderHoldsWhateverTheLatency) {
  LinkConfig config;
  config.read_latency_min = 20;
  config.read_latency_max = 400;
  build(config);
  for (std::uint16_t tag = 0; tag < 64; ++tag) device.send(mem_read(kDevice, tag, 0x1000, 64));
  scheduler.run_cycles(1000);
  ASSERT_EQ(device.received.size(), 64u);
  for (std::uint16_t tag = 0; tag < 64; ++tag) EXPECT_EQ(device.received[tag].tag, tag);
}

}  // namespace
}  // namespace siov::pcie
