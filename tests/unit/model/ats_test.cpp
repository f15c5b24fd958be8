// SPDX-License-Identifier: Apache-2.0
// Translations and page requests of the device model: what depends on its configuration, on time
// and on features that the default build lacks. The behaviour of every device is in tests/system.
#include <map>

#include "device_bench.hpp"

namespace siov::model {
namespace {

/// Identity translation with absent pages; answers page requests as told.
class Agent : public port::AtsHostPort {
 public:
  port::TranslationReply translate(const port::TranslationRequest& r) override {
    ++asked[r.address.value];
    if (absent.contains(r.address.value)) return {port::DmaStatus::kSuccess, 0};
    return {port::DmaStatus::kSuccess, r.address.value | port::kAtsRead | port::kAtsWrite};
  }
  void page_request(const port::PageRequest& r) override {
    requests.push_back(r);
    if (!code) return;
    if (brings) absent.erase(r.address);
    device->page_group_response(
        {.device = r.requester, .pasid = r.pasid, .group = r.group, .code = *code});
  }
  void invalidate_completion(const port::InvalidateCompletion& c) override { completed |= c.itags; }

  port::AtsDevicePort* device = nullptr;
  std::set<std::uint64_t> absent;
  std::map<std::uint64_t, unsigned> asked;
  std::vector<port::PageRequest> requests;
  std::optional<std::uint8_t> code = 0;
  bool brings = true;
  std::uint32_t completed = 0;
};

class AtsBench : public DeviceBench {
 public:
  explicit AtsBench(const DeviceConfig& config = quick()) : DeviceBench(config) {
    agent.device = &device;
    device.set_ats_host(&agent);
  }
  /// Queue 0 dedicated (PASID 0x11), with block on fault if page requests are on; one engine.
  void start(std::uint32_t allocation, std::uint32_t gencfg = 0x1060) {
    set_up_function();
    set_config(0x226, 0x8000, 2);
    set_config(0x24C, allocation);
    set_config(0x244, allocation != 0 ? 1 : 0, 2);
    set_wq(0, 16, true, 0x10001100 | (allocation != 0 ? 2 : 0));
    set_group(0, 0x1, 0x1);
    write(0x80, gencfg);
    ASSERT_EQ(command(1), 0u);
    ASSERT_EQ(command(6, 0), 0u);
    host.seen.clear();
  }
  static abi::Descriptor copy(std::uint64_t from, std::uint64_t to, std::uint64_t record) {
    abi::Descriptor d = noop(0xC, record);
    d.opcode = 0x03;
    d.source = Iova{from};
    d.destination = Iova{to};
    d.size = 64;
    return d;
  }
  static abi::Descriptor blocking(std::uint64_t from, std::uint64_t to, std::uint64_t record) {
    abi::Descriptor d = copy(from, to, record);
    d.flags |= 0x2;
    return d;
  }
  unsigned status(std::uint64_t record) const {
    return std::to_integer<unsigned>(host.memory[record]);
  }
  Agent agent;
};

TEST(ModelAtsTest, WithoutAHostTranslationsEndAsUnsupported) {  // 5.5 (22)
  DeviceBench b;
  b.set_up_function();
  b.set_config(0x226, 0x8000, 2);
  b.set_wq(0, 16, true, 0x10001100);
  b.set_group(0, 0x1, 0x1);
  b.write(0x80, 0x1060);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.host.seen.clear();
  b.movdir(0, DeviceBench::noop(0xC, 0x1000));
  b.run(200);
  EXPECT_TRUE(b.host.seen.empty()) << "not even the record";
  EXPECT_EQ(b.read(0xC0) >> 8 & 0xFF, 0x1Au);
  b.device.invalidate({.itag = 3});
  b.run(200);
}

TEST(ModelAtsTest, SmallCacheForgetsTheLeastRecentlyUsed) {
  AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.atc_entries = 3; }));
  b.start(0);
  b.movdir(0, AtsBench::copy(0x10000, 0x20000, 0x1000));
  b.run(200);
  EXPECT_EQ(b.agent.asked[0x10000], 1u);
  b.movdir(0, AtsBench::copy(0x10000, 0x20000, 0x1000));
  b.run(200);
  EXPECT_EQ(b.agent.asked[0x10000], 1u) << "three fit";
  b.movdir(0, AtsBench::copy(0x30000, 0x20000, 0x1000));
  b.run(200);
  b.movdir(0, AtsBench::copy(0x10000, 0x20000, 0x1000));
  b.run(200);
  EXPECT_EQ(b.agent.asked[0x10000], 2u);
  EXPECT_EQ(b.agent.asked[0x20000], 1u);
  EXPECT_EQ(b.device.stats().translations, 5u);
}

TEST(ModelAtsTest, InvalidationWaitsForRequestsThatUsedTranslations) {  // SIOV D-53
  AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.latency_cycles = 100; }));
  b.start(0);
  b.movdir(0, AtsBench::copy(0x10000, 0x20000, 0x1000));
  for (int i = 0; i < 300 && b.status(0x1000) == 0; ++i) b.run(1);
  b.device.invalidate({.itag = 5, .pasid = Pasid{0x11}, .address = 0x10000});
  b.run(90);
  EXPECT_EQ(b.agent.completed, 0u);
  b.run(20);
  EXPECT_EQ(b.agent.completed, 1u << 5);
  b.device.invalidate({.itag = 31});
  b.run(3);
  EXPECT_EQ(b.agent.completed, 1u << 5 | 1u << 31) << "no use since";
  EXPECT_EQ(b.device.stats().invalidations, 2u);
}

TEST(ModelPageRequestTest, AsksForAPageAsOftenAsConfigured) {  // 5.5 (04)
  AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.page_retries = 3; }));
  b.start(16);
  b.agent.absent.insert(0x10000);
  b.agent.brings = false;
  b.movdir(0, AtsBench::blocking(0x10000, 0x20000, 0x1000));
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x04u);
  EXPECT_EQ(b.agent.requests.size(), 3u);
  EXPECT_EQ(b.agent.asked[0x10000], 4u) << "translations";
}

TEST(ModelPageRequestTest, UnansweredRequestIsGivenUp) {  // SIOV D-47
  AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.page_timeout_cycles = 500; }));
  b.start(16);
  b.agent.absent.insert(0x10000);
  b.agent.code.reset();
  b.movdir(0, AtsBench::blocking(0x10000, 0x20000, 0x1000));
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0u);
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x22u);
  EXPECT_EQ(b.config(0x246, 2) & 3, 0u) << "no response, no failure";
  b.device.page_group_response(
      {.pasid = Pasid{0x11}, .group = b.agent.requests[0].group, .code = 0});
  b.run(4);
  EXPECT_EQ(b.config(0x246, 2) & 3, 2u) << "it comes too late";
}

TEST(ModelPageRequestTest, AbortEndsWithTheRequestOrItsTimeout) {  // SIOV D-41, D-47
  AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.page_timeout_cycles = 2000; }));
  b.start(16);
  b.agent.absent.insert(0x10000);
  b.agent.code.reset();
  b.movdir(0, AtsBench::blocking(0x10000, 0x20000, 0x1000));
  b.run(200);
  ASSERT_EQ(b.agent.requests.size(), 1u);
  b.write(0xA0, 0x00900001);  // Abort WQ 0
  b.run(1000);
  EXPECT_NE(b.read(0xA8) >> 31, 0u) << "the page request is outstanding";
  EXPECT_EQ(b.status(0x1000), 0x03u) << "what is absent counts as faulted";
  b.run(1500);
  EXPECT_EQ(b.read(0xA8), 0u);
}

/// Keeps one page of operands at a time: a request takes the page before it away.
class OneFrame final : public Agent {
 public:
  void page_request(const port::PageRequest& r) override {
    if (!requests.empty()) absent.insert(requests.back().address);
    Agent::page_request(r);
  }
};

TEST(ModelPageRequestTest, WorkComesOnWhenPagesAreTakenAwayAgain) {  // 5.7
  OneFrame one;
  AtsBench b;
  one.device = &b.device;
  b.device.set_ats_host(&one);
  b.start(16);
  for (unsigned i = 0; i < 0x5000; ++i) b.host.memory[0x10100 + i] = static_cast<std::byte>(i);
  for (std::uint64_t p = 0; p < 0x6000; p += 0x1000) one.absent.insert({0x10000 + p, 0x20000 + p});
  abi::Descriptor d = AtsBench::blocking(0x10100, 0x20200, 0x1000);
  d.size = 0x5000;
  b.movdir(0, d);
  b.run(600);
  EXPECT_EQ(b.status(0x1000), 0x01u);
  EXPECT_GE(one.requests.size(), 12u) << "each page";
  EXPECT_LE(one.requests.size(), 24u);
  EXPECT_EQ(b.device.stats().bytes_written, 0x5000u) << "nothing twice";
  EXPECT_EQ(std::memcmp(&b.host.memory[0x10100], &b.host.memory[0x20200], 0x5000), 0);
}

TEST(ModelPageRequestTest, RequestsForOnePageAreShared) {
  AtsBench b;
  b.start(16);
  b.agent.absent.insert(0x10000);
  b.agent.code.reset();
  b.set_config(0x04, 0x6, 2);
  b.movdir(0, AtsBench::blocking(0x10000, 0x20000, 0x1000));
  b.movdir(0, AtsBench::blocking(0x10040, 0x20040, 0x1020));
  b.run(400);
  ASSERT_EQ(b.agent.requests.size(), 1u);
  b.agent.absent.clear();
  b.device.page_group_response(
      {.pasid = Pasid{0x11}, .group = b.agent.requests[0].group, .code = 0});
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x01u);
  EXPECT_EQ(b.status(0x1020), 0x01u);
}

TEST(ModelPageRequestTest, LaterWorkOfTheSamePasidStaysBehind) {  // 5.3
  AtsBench b;
  b.set_up_function();
  b.set_config(0x226, 0x8000, 2);
  b.set_config(0x24C, 16);
  b.set_config(0x244, 1, 2);
  b.set_wq(0, 16, false, 0x10000002);
  b.set_group(0, 0x1, 0x1);
  b.write(0x80, 0x1060);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.agent.absent.insert(0x10000);
  b.agent.code.reset();
  const auto submit = [&](abi::Descriptor d, std::uint32_t pasid) {
    d.pasid = Pasid{pasid};
    EXPECT_EQ(b.enqcmd(0, d), port::CompletionStatus::kSuccess);
  };
  submit(AtsBench::blocking(0x10000, 0x20000, 0x1000), 0x21);
  submit(AtsBench::copy(0x11000, 0x20000, 0x1020), 0x21);
  submit(AtsBench::copy(0x12000, 0x21000, 0x1040), 0x22);
  b.run(400);
  EXPECT_EQ(b.status(0x1040), 0x01u) << "another tenant's";
  EXPECT_EQ(b.status(0x1020), 0u) << "its write follows that of the first";
  b.agent.absent.clear();
  b.device.page_group_response(
      {.pasid = Pasid{0x21}, .group = b.agent.requests[0].group, .code = 0});
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x01u);
  EXPECT_EQ(b.status(0x1020), 0x01u);
}

TEST(ModelPageRequestTest, BlockedBatchGivesItsEngineAway) {  // SIOV D-55
  AtsBench b;
  b.set_up_function();
  b.set_config(0x226, 0x8000, 2);
  b.set_config(0x24C, 16);
  b.set_config(0x244, 1, 2);
  b.set_wq(0, 16, true, 0x10001100);
  b.set_wq(1, 16, true, 0x10001200);
  b.set_group(0, 0x3, 0x1);
  b.write(0x80, 0x1060);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  ASSERT_EQ(b.command(6, 1), 0u);
  b.agent.absent.insert(0x10000);
  b.agent.code.reset();
  abi::Descriptor batch = DeviceBench::noop(0xC, 0x1000);
  batch.opcode = 0x01;
  batch.source = Iova{0x10000};
  batch.size = 2;
  b.movdir(0, batch);
  b.run(200);
  b.movdir(0x4000, DeviceBench::noop(0xC, 0x1020));
  b.run(200);
  EXPECT_EQ(b.status(0x1020), 0x01u);
  EXPECT_EQ(b.status(0x1000), 0u);
  b.agent.absent.clear();
  b.device.page_group_response(
      {.pasid = Pasid{0x11}, .group = b.agent.requests[0].group, .code = 0});
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x01u);
}

TEST(ModelPageRequestTest, ResetOfTheInterfaceForgetsRequests) {  // PCIe 10.5.2.2
  AtsBench b;
  b.start(16);
  b.agent.absent.insert(0x10000);
  b.agent.code.reset();
  b.movdir(0, AtsBench::blocking(0x10000, 0x20000, 0x1000));
  b.run(200);
  ASSERT_EQ(b.agent.requests.size(), 1u);
  b.set_config(0x244, 0x0, 2);  // halts the device
  b.run(4);
  EXPECT_EQ(b.read(0x90), 0x7u);
  EXPECT_EQ(b.config(0x246, 2), 0x8000u) << "a request is outstanding: not stopped";
  b.set_config(0x244, 0x2, 2);
  b.run(4);
  EXPECT_EQ(b.config(0x246, 2), 0x8100u);
}

TEST(ModelFaultTest, DrainReadbackBlocksOrEndsAs1f) {  // 5.6 (02), 5.7
  for (const bool asks : {false, true}) {
    AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.drain_readback = true; }));
    b.start(asks ? 16 : 0);
    b.agent.absent.insert(0x10000);
    abi::Descriptor d = DeviceBench::noop(0xC | 1u << 17, 0x1000);
    d.opcode = 0x02;
    d.destination = Iova{0x10008};
    b.movdir(0, d);
    b.run(400);
    EXPECT_EQ(b.status(0x1000), asks ? 0x01u : 0x1Fu);
    EXPECT_EQ(b.agent.requests.size(), asks ? 1u : 0u);
  }
}

TEST(ModelFaultTest, RefusedDrainReadbackIs1f) {
  AtsBench b(AtsBench::quick_with([](DeviceConfig& c) { c.drain_readback = true; }));
  b.start(16);
  b.agent.absent.insert(0x10000);
  b.agent.code = 1;
  b.agent.brings = false;
  abi::Descriptor d = DeviceBench::noop(0xC | 1u << 16, 0x1000);
  d.opcode = 0x02;
  d.source = Iova{0x10008};
  b.movdir(0, d);
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x1Fu);
}

TEST(ModelFaultTest, DestinationReadbackUsesTheTranslationOfTheWrite) {  // 5.3
  AtsBench b;
  b.start(0);
  abi::Descriptor d = AtsBench::copy(0x10000, 0x20000, 0x1000);
  d.flags |= 1u << 14;
  b.movdir(0, d);
  b.run(200);
  EXPECT_EQ(b.status(0x1000), 0x01u);
  EXPECT_EQ(b.agent.asked[0x20000], 1u);
}

TEST(ModelFaultTest, BatchRecordFollowsTheRecordOfAMember) {  // 2.11 (1a, 27)
  AtsBench b;
  b.write(0xE0, 0x2000, 8);
  b.set_config(0x04, 0x6, 2);
  b.write(0xE0, 0x2000, 8);
  b.write(0xE8, 64, 8);
  b.start(0, 0x3060);
  b.agent.absent.insert(0x15000);
  for (unsigned n = 0; n < 2; ++n) {
    const auto line = abi::to_line(DeviceBench::noop(0xC, 0x15000 + 32 * n));
    std::memcpy(b.host.memory.data() + 0x10000 + 64 * n, line.data(), 64);
  }
  abi::Descriptor batch = DeviceBench::noop(0xC, 0x1000);
  batch.opcode = 0x01;
  batch.source = Iova{0x10000};
  batch.size = 2;
  b.movdir(0, batch);
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0u) << "not in memory";
  EXPECT_EQ(b.status(0x2001), 0x1Au);
  EXPECT_EQ(b.status(0x2041), 0x1Au);
  EXPECT_EQ(b.status(0x2081), 0x27u);
  EXPECT_EQ(b.status(0x20A0), 0x01u) << "the record of the batch: all members succeeded";
  EXPECT_EQ(b.status(0x20A4), 2u);
}

TEST(ModelFaultTest, WithoutLogAMemberWithoutRecordHasFailed) {
  AtsBench b;
  b.start(0);
  b.agent.absent.insert(0x15000);
  for (unsigned n = 0; n < 2; ++n) {
    const auto line = abi::to_line(DeviceBench::noop(n == 0 ? 0xC : 0, n == 0 ? 0x15000 : 0));
    std::memcpy(b.host.memory.data() + 0x10000 + 64 * n, line.data(), 64);
  }
  abi::Descriptor batch = DeviceBench::noop(0xC, 0x1000);
  batch.opcode = 0x01;
  batch.source = Iova{0x10000};
  batch.size = 2;
  b.movdir(0, batch);
  b.run(400);
  EXPECT_EQ(b.status(0x1000), 0x05u);
  EXPECT_EQ(b.read(0xC0) >> 8 & 0xFF, 0x1Au);
}

}  // namespace
}  // namespace siov::model
