// SPDX-License-Identifier: Apache-2.0
// RootComplex against a scripted device: port calls, tags, ordering, credits, DMA, faults.
#include "pcie/root_complex.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "common/error.hpp"
#include "coro/triggers.hpp"
#include "fake_link.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

using port::CompletionStatus;
using test::FakeDevice;
using test::FakeDma;
using test::kDevice;
using test::kHost;

class RootComplexTest : public ::testing::Test {
 protected:
  void build(const LinkConfig& config = LinkConfig()) {
    root = std::make_unique<RootComplex>(device, dma, scheduler, config);
    root->set_bar_base(port::Bar::kControl, 0xD000'0000);
    root->set_bar_base(port::Bar::kPortal, 0x4'0000'0000);
    root->reset();
  }
  /// The device answers non-posted requests: reads with 11223344h 55667788h, others with the
  /// status.
  void answer(CplStatus status) {
    device.on_request = [this, status](const Tlp& tlp) {
      if (tlp.flow_class() != FlowClass::kNonPosted) return;
      const std::array<std::uint32_t, 2> words{0x11223344, 0x55667788};
      const bool read = tlp.type == TlpType::kMemRead || tlp.type == TlpType::kConfigRead0;
      if (read && status == CplStatus::kSc)
        device.send(completion_data(tlp, kDevice, 0,
                                    std::as_bytes(std::span(words)).first(4u * tlp.length_dw)));
      else
        device.send(completion(tlp, kDevice, status));
    };
  }
  coro::Scheduler scheduler;
  FakeDevice device;
  FakeDma dma;
  std::unique_ptr<RootComplex> root;
};

TEST_F(RootComplexTest, ConfigReadGivesTheBytesAskedFor) {
  build();
  answer(CplStatus::kSc);
  EXPECT_EQ(device.resets, 1);
  EXPECT_EQ(scheduler.run(root->config_read(0x10, 4), 100).data, 0x11223344u);
  EXPECT_EQ(scheduler.run(root->config_read(0x12, 2), 100).data, 0x1122u);
  EXPECT_EQ(scheduler.run(root->config_read(0x13, 1), 100).data, 0x11u);
  EXPECT_EQ(device.received[0].type, TlpType::kConfigRead0);
  EXPECT_EQ(device.received[0].config_target, kDevice);
  EXPECT_EQ(device.received[1].first_be, 0xC);
  EXPECT_TRUE(root->idle());
}

TEST_F(RootComplexTest, ConfigWriteReportsTheStatus) {
  build();
  answer(CplStatus::kUr);
  EXPECT_EQ(scheduler.run(root->config_write(0x04, 2, 0x0006), 100),
            CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(device.received[0].type, TlpType::kConfigWrite0);
  EXPECT_EQ(device.received[0].payload[0], std::byte{6});
}

TEST_F(RootComplexTest, RegisterReadsOfAllSizes) {
  build();
  answer(CplStatus::kSc);
  EXPECT_EQ(scheduler.run(root->mmio_read(port::Bar::kControl, 0x40, 8), 100).data,
            0x5566778811223344u);
  EXPECT_EQ(scheduler.run(root->mmio_read(port::Bar::kControl, 0x44, 4), 100).data, 0x11223344u);
  EXPECT_EQ(scheduler.run(root->mmio_read(port::Bar::kControl, 0x46, 2), 100).data, 0x1122u);
  EXPECT_EQ(device.received[0].address, 0xD000'0040u);
  EXPECT_EQ(device.received[0].length_dw, 2);
  EXPECT_EQ(device.received[2].address, 0xD000'0044u);
  EXPECT_EQ(device.received[2].first_be, 0xC);
}

TEST_F(RootComplexTest, FailedReadGivesAllOnes) {
  build();
  answer(CplStatus::kCa);
  const port::ReadResult result = scheduler.run(root->mmio_read(port::Bar::kControl, 0, 4), 100);
  EXPECT_EQ(result.status, CompletionStatus::kCompleterAbort);
  EXPECT_EQ(result.data, ~std::uint64_t{0});
}

TEST_F(RootComplexTest, PortalWritesAreOneTlpOf64Bytes) {
  build();
  answer(CplStatus::kRrs);
  port::Line line;
  for (std::size_t i = 0; i < 64; ++i) line[i] = static_cast<std::byte>(i);
  root->posted_write64(0x4000, line);
  EXPECT_EQ(scheduler.run(root->deferrable_write64(0x5040, line), 100), CompletionStatus::kRetry);
  ASSERT_EQ(device.received.size(), 2u);
  EXPECT_EQ(device.received[0].type, TlpType::kMemWrite);
  EXPECT_EQ(device.received[0].address, 0x4'0000'4000u);
  EXPECT_TRUE(device.received[0].four_dw);
  EXPECT_EQ(device.received[1].type, TlpType::kDeferrableWrite);
  EXPECT_EQ(device.received[1].address, 0x4'0000'5040u);
  for (const Tlp& tlp : device.received) {
    EXPECT_EQ(tlp.length_dw, 16);
    EXPECT_EQ(tlp.first_be, 0xF);
    EXPECT_EQ(tlp.last_be, 0xF);
    EXPECT_EQ(tlp.payload[63], std::byte{63});
  }
  EXPECT_THROW(root->posted_write64(0x4020, line), HarnessError);
}

coro::Task<void> one_read(RootComplex& root, std::vector<std::uint64_t>& tags) {
  const port::ReadResult result = co_await root.mmio_read(port::Bar::kControl, 0, 4);
  tags.push_back(result.data);
}
coro::Task<void> many_reads(RootComplex& root, std::vector<std::uint64_t>& results, int count) {
  std::vector<coro::JoinHandle> handles;
  for (int i = 0; i < count; ++i) handles.push_back(coro::start_soon(one_read(root, results)));
  co_await coro::Combine(handles);
}

TEST_F(RootComplexTest, RequestsWaitForTagsAndTagsAreUnique) {
  LinkConfig config;
  config.host_tags = 4;
  build(config);
  std::vector<std::uint64_t> results;
  std::size_t most = 0;
  std::vector<Tlp> held;
  device.on_request = [&](const Tlp& tlp) {
    for (const Tlp& other : held) EXPECT_NE(other.tag, tlp.tag);
    held.push_back(tlp);
    most = std::max(most, held.size());
    if (held.size() == 4) {
      for (const Tlp& request : held) {
        const std::array<std::uint32_t, 1> word{7};
        device.send(completion_data(request, kDevice, 0, std::as_bytes(std::span(word))));
      }
      held.clear();
    }
  };
  scheduler.run(many_reads(*root, results, 12), 1000);
  EXPECT_EQ(results.size(), 12u);
  EXPECT_EQ(most, 4u);
}

coro::Task<CompletionStatus> read_status(RootComplex& root) {
  const port::ReadResult result = co_await root.mmio_read(port::Bar::kControl, 0, 4);
  co_return result.status;
}

TEST_F(RootComplexTest, UnansweredRequestTimesOutAndTheLateCompletionIsUnexpected) {
  LinkConfig config;
  config.completion_timeout = 50;
  config.host_tags = 1;
  build(config);
  EXPECT_EQ(scheduler.run(read_status(*root), 200), CompletionStatus::kTimeout);
  EXPECT_EQ(root->statistics().host_timeouts, 1u);
  const Tlp late = device.received[0];
  const std::array<std::uint32_t, 1> word{9};
  device.send(completion_data(late, kDevice, 0, std::as_bytes(std::span(word))));
  scheduler.run_cycles(5);
  EXPECT_EQ(root->statistics().unexpected_completions, 1u);
  EXPECT_FALSE(root->idle());  // the tag settles as long again
  scheduler.run_cycles(60);
  EXPECT_TRUE(root->idle());
  answer(CplStatus::kSc);
  EXPECT_EQ(scheduler.run(read_status(*root), 200), CompletionStatus::kSuccess);
}

TEST_F(RootComplexTest, CompletionThatFitsNoRequestIsUnexpected) {
  build();
  const Tlp request = mem_read(kHost, 3, 0xD000'0000, 4);
  device.send(completion(request, kDevice, CplStatus::kUr));
  scheduler.run_cycles(5);
  EXPECT_EQ(root->statistics().unexpected_completions, 1u);
}

coro::Task<void> cancelled_read(RootComplex& root) {
  const coro::JoinHandle handle = coro::start_soon([](RootComplex& r) -> coro::Task<void> {
    const port::ReadResult result = co_await r.mmio_read(port::Bar::kControl, 0, 4);
    static_cast<void>(result);
  }(root));
  co_await coro::ClockCycles(10);
  handle.cancel();
}

TEST_F(RootComplexTest, TagOfCancelledRequestReturnsWithItsCompletion) {
  LinkConfig config;
  config.host_tags = 1;
  build(config);
  scheduler.run(cancelled_read(*root), 100);
  EXPECT_FALSE(root->idle());
  device.send(completion(device.received[0], kDevice, CplStatus::kUr));
  scheduler.run_cycles(3);
  EXPECT_TRUE(root->idle());
  EXPECT_EQ(root->statistics().unexpected_completions, 0u);
}

TEST_F(RootComplexTest, NonPostedNeverPassesEarlierPosted) {
  build();
  device.down_limits = CreditLimits{0, 0, 32, 256, 0, 0};  // no posted credits
  device.return_credits = false;
  answer(CplStatus::kSc);
  root->mmio_write(port::Bar::kControl, 0, 4, 1);
  const coro::JoinHandle read = scheduler.start_soon([](RootComplex& r) -> coro::Task<void> {
    const port::ReadResult result = co_await r.mmio_read(port::Bar::kControl, 0, 4);
    static_cast<void>(result);
  }(*root));
  scheduler.run_cycles(20);
  EXPECT_TRUE(device.received.empty());
  device.down_limits.posted_header = 1;
  device.down_limits.posted_data = 1;
  scheduler.run_cycles(20);
  ASSERT_EQ(device.received.size(), 2u);
  EXPECT_EQ(device.received[0].type, TlpType::kMemWrite);
  EXPECT_EQ(device.received[1].type, TlpType::kMemRead);
  EXPECT_TRUE(read.done());
}

TEST_F(RootComplexTest, PostedPassesBlockedNonPosted) {
  build();
  device.down_limits = CreditLimits{32, 256, 0, 0, 0, 0};
  device.return_credits = false;
  scheduler.start_soon([](RootComplex& r) -> coro::Task<void> {
    const port::ReadResult result = co_await r.mmio_read(port::Bar::kControl, 0, 4);
    static_cast<void>(result);
  }(*root));
  scheduler.run_cycles(5);
  root->mmio_write(port::Bar::kControl, 0, 4, 1);
  device.send(mem_read(kDevice, 1, 0x1000, 64));
  scheduler.run_cycles(520);
  ASSERT_EQ(device.received.size(), 2u);  // and completions pass it as well
  EXPECT_EQ(device.received[0].type, TlpType::kMemWrite);
  EXPECT_EQ(device.received[1].type, TlpType::kCompletionData);
}

TEST_F(RootComplexTest, CompletionWaitsForEarlierPostedUnlessRelaxed) {
  LinkConfig config;
  config.read_latency_min = config.read_latency_max = 10;
  build(config);
  device.down_limits = CreditLimits{0, 0, 32, 256, 0, 0};
  device.return_credits = false;
  root->mmio_write(port::Bar::kControl, 0, 4, 1);
  Tlp relaxed = mem_read(kDevice, 2, 0x1000, 64);
  relaxed.ro = true;
  device.send(relaxed);
  scheduler.run_cycles(40);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].tag, 2);
  EXPECT_TRUE(device.received[0].ro);
  device.send(mem_read(kDevice, 3, 0x1000, 64));
  scheduler.run_cycles(40);
  EXPECT_EQ(device.received.size(), 1u);
  device.down_limits.posted_header = 1;
  device.down_limits.posted_data = 1;
  scheduler.run_cycles(40);
  ASSERT_EQ(device.received.size(), 3u);
  EXPECT_EQ(device.received[1].type, TlpType::kMemWrite);
  EXPECT_EQ(device.received[2].tag, 3);
}

TEST_F(RootComplexTest, WritesReachMemoryByteExactly) {
  build();
  const std::vector<std::byte> data(100, std::byte{0xAB});
  device.send(with_pasid(mem_write(kDevice, 0x2003, data), Pasid{0x77}, true));
  scheduler.run_cycles(10);
  ASSERT_EQ(dma.requests.size(), 1u);
  EXPECT_EQ(dma.requests[0].requester, kDevice);
  EXPECT_EQ(dma.requests[0].address, Iova{0x2003});
  EXPECT_EQ(dma.requests[0].pasid, Pasid{0x77});
  EXPECT_TRUE(dma.requests[0].privileged);
  EXPECT_EQ(dma.sizes[0], 100u);
  EXPECT_EQ(dma.memory[0x2003], std::byte{0xAB});
  EXPECT_EQ(dma.memory[0x2066], std::byte{0xAB});
  EXPECT_EQ(dma.memory[0x2067], static_cast<std::byte>(0x2067 * 7 + 0x20));
}

TEST_F(RootComplexTest, WriteWithHolesBecomesRuns) {
  build();
  const std::vector<std::byte> data(8, std::byte{0xCD});
  Tlp write = mem_write(kDevice, 0x3000, data);
  write.first_be = 0b1011;
  write.last_be = 0b0101;
  device.send(write);
  scheduler.run_cycles(5);
  EXPECT_EQ(dma.sizes, (std::vector<std::size_t>{2, 2, 1}));  // bytes 0-1, 3-4, 6
  EXPECT_EQ(dma.requests[1].address, Iova{0x3003});
  EXPECT_EQ(dma.requests[2].address, Iova{0x3006});
  Tlp nothing = mem_write(kDevice, 0x3000, std::span(data).first(4));
  nothing.first_be = 0;
  device.send(nothing);
  scheduler.run_cycles(5);
  EXPECT_EQ(dma.sizes.size(), 3u);
}

TEST_F(RootComplexTest, PoisonedAndRefusedWritesLeaveMemoryAlone) {
  build();
  const std::vector<std::byte> data(64, std::byte{1});
  Tlp poisoned = mem_write(kDevice, 0x2000, data);
  poisoned.ep = true;
  device.send(poisoned);
  device.send(mem_write(kDevice, 0xBAD0'0000, data));
  device.send(mem_write(kDevice, 0x2FF0, std::span(data).first(32)));  // crosses 4 KiB
  scheduler.run_cycles(10);
  EXPECT_EQ(root->statistics().poisoned_writes, 1u);
  EXPECT_EQ(root->statistics().requests_refused, 1u);
  EXPECT_EQ(root->statistics().malformed, 1u);
  EXPECT_EQ(dma.requests.size(), 1u);
}

TEST_F(RootComplexTest, RequestsWithoutCompleterGetUr) {
  LinkConfig config;
  config.read_latency_min = config.read_latency_max = 5;
  build(config);
  Tlp atomic = mem_read(kDevice, 9, 0x1000, 8);
  atomic.type = TlpType::kFetchAdd;
  atomic.has_data = true;
  atomic.payload_bytes = 8;
  device.send(atomic);
  scheduler.run_cycles(20);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].type, TlpType::kCompletion);
  EXPECT_EQ(device.received[0].status, CplStatus::kUr);
  EXPECT_EQ(device.received[0].tag, 9);
  EXPECT_EQ(device.received[0].byte_count, 8);
}

class Recorder : public TlpSink, public CreditSink {
 public:
  void on_tlp(Direction direction, const Tlp& tlp, std::uint64_t) override {
    (direction == Direction::kUp ? up : down).push_back(tlp);
  }
  void on_credit_limits(const CreditLimits& device, const CreditLimits& host,
                        std::uint64_t) override {
    ++changes;
    last_device = device;
    last_host = host;
  }
  std::vector<Tlp> up, down;
  int changes = 0;
  CreditLimits last_device, last_host;
};

TEST_F(RootComplexTest, SinksSeeBothDirectionsAndCredits) {
  build();
  Recorder recorder;
  root->add_sink(recorder);
  root->add_credit_sink(recorder);
  answer(CplStatus::kSc);
  scheduler.run(root->config_read(0, 4), 100);
  scheduler.run_cycles(2);
  ASSERT_EQ(recorder.down.size(), 1u);
  ASSERT_EQ(recorder.up.size(), 1u);
  EXPECT_EQ(recorder.down[0].type, TlpType::kConfigRead0);
  EXPECT_EQ(recorder.up[0].type, TlpType::kCompletionData);
  EXPECT_EQ(recorder.last_device.nonposted_header, 33);  // 32 and the returned one
  EXPECT_EQ(recorder.last_host.completion_header, 65);   // 64 and the returned one
  EXPECT_EQ(recorder.last_host.completion_data, 257);
  const int before = recorder.changes;
  scheduler.run_cycles(10);
  EXPECT_EQ(recorder.changes, before);
}

class DropAndAdd : public TlpMutator {
 public:
  void mutate(Tlp& tlp, std::vector<Tlp>& extra, bool& drop) override {
    if (tlp.address == 0x1000) drop = true;
    if (tlp.address == 0x2000) {
      extra.push_back(tlp);
      extra.back().address = 0x2800;
      tlp.address = 0x2400;
    }
  }
};

TEST_F(RootComplexTest, MutatorChangesDropsAndAdds) {
  build();
  DropAndAdd mutator;
  Recorder recorder;
  root->set_mutator(&mutator);
  root->add_sink(recorder);
  const std::vector<std::byte> data(16, std::byte{0x99});
  device.send(mem_write(kDevice, 0x1000, data));
  device.send(mem_write(kDevice, 0x2000, data));
  scheduler.run_cycles(10);
  ASSERT_EQ(recorder.up.size(), 2u);
  EXPECT_EQ(recorder.up[0].address, 0x2400u);
  EXPECT_EQ(recorder.up[1].address, 0x2800u);
  EXPECT_EQ(dma.memory[0x2400], std::byte{0x99});
  EXPECT_EQ(dma.memory[0x2800], std::byte{0x99});
  EXPECT_NE(dma.memory[0x1000], std::byte{0x99});
}

TEST_F(RootComplexTest, BackPressureLosesNothing) {
  LinkConfig config;
  config.up_stall_permille = 600;
  config.seed = 5;
  build(config);
  const std::vector<std::byte> data(256, std::byte{0x42});
  for (std::uint64_t i = 0; i < 50; ++i) device.send(mem_write(kDevice, 0x4000 + 256 * i, data));
  scheduler.run_cycles(200);
  EXPECT_LT(root->statistics().beats_up, 120u);
  EXPECT_GT(root->statistics().beats_up, 40u);
  scheduler.run_cycles(800);
  EXPECT_EQ(root->statistics().tlps_up, 50u);
  EXPECT_EQ(root->statistics().payload_bytes_up, 50u * 256);
  for (std::size_t i = 0; i < 50 * 256; ++i) ASSERT_EQ(dma.memory[0x4000 + i], std::byte{0x42});
}

TEST_F(RootComplexTest, UpStallWindowStarvesOneClassOnly) {
  LinkConfig config;
  config.up_credits = CreditLimits{2, 32, 2, 16, 2, 16};
  config.up_windows.posted = StallWindow{100, 200};
  build(config);
  device.honour_up_credits = true;
  const std::vector<std::byte> data(64, std::byte{0x42});
  for (int i = 0; i < 2; ++i) device.send(mem_write(kDevice, 0x4000, data));
  for (std::uint16_t i = 0; i < 10; ++i) device.send(mem_read(kDevice, i, 0x1000, 64));
  for (int i = 0; i < 4; ++i) device.send(mem_write(kDevice, 0x4000, data));
  scheduler.run_cycles(90);
  EXPECT_EQ(root->statistics().reads, 10u);
  EXPECT_EQ(root->statistics().writes, 2u);
  scheduler.run_cycles(40);
  EXPECT_EQ(root->statistics().writes, 6u);
}

TEST_F(RootComplexTest, DownStallWindowHoldsOneClass) {
  LinkConfig config;
  config.down_windows.posted = StallWindow{50, 100};
  build(config);
  answer(CplStatus::kSc);
  scheduler.run(root->config_read(0, 4), 20);
  root->mmio_write(port::Bar::kControl, 0, 4, 1);
  scheduler.run_cycles(20);
  EXPECT_EQ(device.received.size(), 1u);
  scheduler.run_cycles(40);
  EXPECT_EQ(device.received.size(), 2u);
}

TEST_F(RootComplexTest, MisuseIsRefused) {
  build();
  EXPECT_THROW(root->mmio_write(port::Bar::kControl, 2, 4, 0), HarnessError);
  EXPECT_THROW(root->mmio_write(port::Bar::kControl, 0, 3, 0), HarnessError);
  EXPECT_THROW(root->config_read(1, 2), HarnessError);
  EXPECT_THROW(root->send_posted(mem_read(kHost, 0, 0, 4)), HarnessError);
  LinkConfig bad;
  bad.rcb = 96;
  EXPECT_THROW(RootComplex(device, dma, scheduler, bad), HarnessError);
  FakeDevice other;
  RootComplex fresh(other, dma, scheduler, LinkConfig());
  EXPECT_THROW(fresh.mmio_write(port::Bar::kControl, 0, 4, 0), HarnessError);
}

}  // namespace
}  // namespace siov::pcie
