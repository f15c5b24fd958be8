// SPDX-License-Identifier: Apache-2.0
// RootComplex with address translation: translation requests, messages of both directions, order,
// malformed forms, faults, the mutator towards the device. vtd.md 4.1, 4.4, 4.6, 5.5, 7.
#include <gtest/gtest.h>

#include <string>

#include "fake_link.hpp"
#include "pcie/ats_tlp.hpp"
#include "pcie/root_complex.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

using test::FakeDevice;
using test::FakeDma;
using test::kDevice;
using test::kHost;

/// Writes down what it is asked, and how many DMA calls came before.
class FakeAts : public port::AtsHostPort {
 public:
  explicit FakeAts(const FakeDma& dma) : dma_(dma) {}
  port::TranslationReply translate(const port::TranslationRequest& request) override {
    translations.push_back(request);
    return reply;
  }
  void page_request(const port::PageRequest& request) override {
    pages.push_back(request);
    dma_before.push_back(dma_.requests.size());
    if (device != nullptr)
      device->page_group_response({.device = request.requester, .group = request.group});
  }
  void invalidate_completion(const port::InvalidateCompletion& completion) override {
    completions.push_back(completion);
    dma_before.push_back(dma_.requests.size());
  }
  port::TranslationReply reply{port::DmaStatus::kSuccess, 0x0000'0001'234F'F803};
  port::AtsDevicePort* device = nullptr;
  std::vector<port::TranslationRequest> translations;
  std::vector<port::PageRequest> pages;
  std::vector<port::InvalidateCompletion> completions;
  std::vector<std::size_t> dma_before;

 private:
  const FakeDma& dma_;
};

class RootComplexAtsTest : public ::testing::Test {
 protected:
  void build(LinkConfig config = LinkConfig(), bool with_port = true) {
    config.read_latency_min = config.read_latency_max = 20;
    root =
        std::make_unique<RootComplex>(device, dma, scheduler, config, with_port ? &ats : nullptr);
    root->reset();
  }
  Tlp ask(std::uint16_t tag = 4) const {
    return translation_request(
        tag, {.requester = kDevice, .address = Iova{0x40'0000}, .pasid = Pasid{5}});
  }
  void run(std::uint64_t cycles) {
    for (std::uint64_t i = 0; i < cycles; ++i) root->cycle(now++);
  }
  coro::Scheduler scheduler;
  FakeDevice device;
  FakeDma dma;
  FakeAts ats{dma};
  std::unique_ptr<RootComplex> root;
  std::uint64_t now = 0;
};

TEST_F(RootComplexAtsTest, TranslationRequestIsAnsweredByTheHostPort) {
  build();
  device.send(translation_request(4, {.requester = kDevice,
                                      .address = Iova{0x40'0000},
                                      .pasid = Pasid{5},
                                      .privileged = true,
                                      .no_write = true}));
  run(60);
  ASSERT_EQ(ats.translations.size(), 1u);
  EXPECT_EQ(ats.translations[0].requester, kDevice);
  EXPECT_EQ(ats.translations[0].address, Iova{0x40'0000});
  EXPECT_EQ(ats.translations[0].pasid, Pasid{5});
  EXPECT_TRUE(ats.translations[0].privileged);
  EXPECT_TRUE(ats.translations[0].no_write);
  EXPECT_TRUE(dma.requests.empty());
  ASSERT_EQ(device.received.size(), 1u);
  const Tlp& t = device.received[0];
  EXPECT_EQ(t.type, TlpType::kCompletionData);
  EXPECT_EQ(t.status, CplStatus::kSc);
  EXPECT_EQ(t.length_dw, 2);
  EXPECT_EQ(t.byte_count, 8);
  EXPECT_EQ(t.lower_address, 0x38);  // vtd.md 4.6: the last 8 bytes of an RCB block
  EXPECT_EQ(t.tag, 4);
  EXPECT_FALSE(t.prefix.present);
  const std::array<unsigned, 8> entry{0x00, 0x00, 0x00, 0x01, 0x23, 0x4F, 0xF8, 0x03};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(std::to_integer<unsigned>(t.payload[i]), entry[i]);
  EXPECT_GE(device.received_at[0], 20u);
  EXPECT_EQ(root->statistics().translation_requests, 1u);
  EXPECT_EQ(root->statistics().reads, 0u);
}

TEST_F(RootComplexAtsTest, StatusOfTheHostPortIsTheStatusOfTheCompletion) {
  build();
  ats.reply.status = port::DmaStatus::kUnsupportedRequest;
  device.send(ask(1));
  run(60);
  ats.reply.status = port::DmaStatus::kCompleterAbort;
  device.send(ask(2));
  run(60);
  ASSERT_EQ(device.received.size(), 2u);
  EXPECT_EQ(device.received[0].type, TlpType::kCompletion);
  EXPECT_EQ(device.received[0].status, CplStatus::kUr);
  EXPECT_EQ(device.received[1].status, CplStatus::kCa);
  EXPECT_EQ(root->statistics().requests_refused, 2u);
}

TEST_F(RootComplexAtsTest, WithoutAHostPortTranslationRequestsGetUr) {
  build({}, false);
  device.send(ask());
  device.send(page_request({.requester = kDevice, .address = 0x1000, .read = true, .last = true}));
  run(60);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].status, CplStatus::kUr);
  EXPECT_TRUE(dma.requests.empty());
}

TEST_F(RootComplexAtsTest, MalformedTranslationRequestsAreDropped) {
  build();
  Tlp odd = ask(1), longer = ask(2), enables = ask(3);
  odd.length_dw = 3;
  longer.length_dw = 18;
  enables.last_be = 0x7;
  for (const Tlp& t : {odd, longer, enables}) device.send(t);
  run(100);
  EXPECT_TRUE(device.received.empty());
  EXPECT_TRUE(ats.translations.empty());
  EXPECT_EQ(root->statistics().malformed, 3u);
}

TEST_F(RootComplexAtsTest, WriteWithTranslationRequestTypeIsRefused) {
  build();
  const std::array<std::byte, 8> data{};
  Tlp t = mem_write(kDevice, 0x1000, data);
  t.at = kAtRequest;
  device.send(t);
  run(20);
  EXPECT_TRUE(dma.requests.empty());
  EXPECT_EQ(root->statistics().requests_refused, 1u);
}

TEST_F(RootComplexAtsTest, TranslatedRequestsReachTheDmaPortAsSuch) {
  build();
  Tlp t = mem_read(kDevice, 7, 0x2000, 64);
  t.at = kAtTranslated;
  device.send(t);
  run(60);
  ASSERT_EQ(dma.requests.size(), 1u);
  EXPECT_EQ(dma.requests[0].at, port::AddressType::kTranslated);
  EXPECT_FALSE(dma.requests[0].pasid.has_value());
}

TEST_F(RootComplexAtsTest, MessagesOfTheDeviceComeBehindItsEarlierWrites) {
  build();
  const std::array<std::byte, 64> data{};
  device.send(mem_write(kDevice, 0x1000, data));
  device.send(invalidate_completion(kHost, {.device = kDevice, .itags = 8, .count = 1}));
  device.send(mem_write(kDevice, 0x1040, data));
  device.send(page_request({.requester = kDevice,
                            .pasid = Pasid{5},
                            .address = 0x7000,
                            .write = true,
                            .last = true,
                            .group = 9}));
  run(40);
  ASSERT_EQ(ats.completions.size(), 1u);
  EXPECT_EQ(ats.completions[0].itags, 8u);
  EXPECT_EQ(ats.completions[0].count, 1);
  EXPECT_EQ(ats.completions[0].device, kDevice);
  ASSERT_EQ(ats.pages.size(), 1u);
  EXPECT_EQ(ats.pages[0].address, 0x7000u);
  EXPECT_EQ(ats.pages[0].group, 9);
  EXPECT_EQ(ats.dma_before, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(root->statistics().page_requests, 1u);
  EXPECT_EQ(root->statistics().invalidate_completions, 1u);
}

TEST_F(RootComplexAtsTest, MalformedMessagesAreCountedAndGoNowhere) {
  build();
  device.send(invalidate_completion(RequesterId{0x0010}, {.device = kDevice, .itags = 1}));
  device.send(invalidate_completion(kHost, {.device = kDevice, .itags = 0}));
  device.send(with_pasid(invalidate_completion(kHost, {.device = kDevice, .itags = 1}), Pasid{5}));
  device.send(invalidate_request(kHost, {.device = kDevice}));
  device.send(page_response(kHost, {.device = kDevice}));
  Tlp routed = page_request({.requester = kDevice, .read = true, .last = true});
  routed.message_routing = kRouteById;
  device.send(routed);
  run(60);
  EXPECT_TRUE(ats.completions.empty());
  EXPECT_TRUE(ats.pages.empty());
  EXPECT_EQ(root->statistics().malformed, 6u);
  EXPECT_EQ(root->statistics().messages, 6u);
}

TEST_F(RootComplexAtsTest, MessagesToTheDeviceKeepTheOrderOfPostedRequestsAndTakeCredits) {
  build();
  root->set_bar_base(port::Bar::kControl, 0xD000'0000);
  device.return_credits = false;
  device.down_limits = {2, 256, 32, 256, 0, 0};
  root->mmio_write(port::Bar::kControl, 0, 4, 1);
  root->invalidate({.device = kDevice, .itag = 3, .pasid = Pasid{5}, .address = 0x4000});
  root->page_group_response({.device = kDevice, .pasid = Pasid{5}, .group = 7, .code = 1});
  run(20);
  ASSERT_EQ(device.received.size(), 2u);  // two headers: the third waits
  EXPECT_EQ(device.received[0].type, TlpType::kMemWrite);
  EXPECT_EQ(device.received[1].type, TlpType::kMessageData);
  EXPECT_EQ(device.received[1].message_code, 0x01);
  EXPECT_EQ(device.received[1].tag, 3);
  EXPECT_EQ(device.received[1].prefix.pasid, 5u);
  device.down_limits.posted_header = 3;
  run(20);
  ASSERT_EQ(device.received.size(), 3u);
  EXPECT_EQ(device.received[2].message_code, 0x05);
  EXPECT_EQ(device.received[2].message_dw2, 0x01001007u);
  EXPECT_EQ(root->statistics().invalidate_requests, 1u);
  EXPECT_EQ(root->statistics().page_responses, 1u);
}

TEST_F(RootComplexAtsTest, ResponseMayBeGivenInsideThePageRequest) {
  build();
  ats.device = root.get();
  device.send(page_request(
      {.requester = kDevice, .address = 0x7000, .read = true, .last = true, .group = 9}));
  run(30);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].message_dw2, 0x01000009u);
}

TEST_F(RootComplexAtsTest, FaultsApplyToTranslationRequests) {
  LinkConfig config;
  config.read_fault = [](const Tlp& read) {
    return read.tag == 1   ? ReadFault::kUnsupportedRequest
           : read.tag == 2 ? ReadFault::kCompleterAbort
           : read.tag == 3 ? ReadFault::kPoisoned
                           : ReadFault::kNever;
  };
  build(config);
  for (std::uint16_t tag = 1; tag <= 4; ++tag) device.send(ask(tag));
  run(80);
  ASSERT_EQ(device.received.size(), 3u);
  EXPECT_EQ(device.received[0].status, CplStatus::kUr);
  EXPECT_EQ(device.received[1].status, CplStatus::kCa);
  EXPECT_TRUE(device.received[2].ep);
}

/// Hides Invalidate Requests.
class Hide : public TlpMutator {
 public:
  void mutate(Tlp&, std::vector<Tlp>&, bool&) override {}
  void mutate_down(Tlp& tlp) override {
    if (invalidate_request_of(tlp)) make_vendor_defined(tlp);
  }
};

class Collect : public TlpSink {
 public:
  void on_tlp(Direction direction, const Tlp& tlp, std::uint64_t) override {
    if (direction == Direction::kDown) seen.push_back(tlp);
  }
  std::vector<Tlp> seen;
};

TEST_F(RootComplexAtsTest, MutatorTowardsTheDeviceActsBehindTheSinks) {
  build();
  Hide hide;
  Collect sink;
  root->set_mutator(&hide);
  root->add_sink(sink);
  root->invalidate({.device = kDevice, .itag = 3, .address = 0x4000});
  run(10);
  ASSERT_EQ(sink.seen.size(), 1u);
  EXPECT_EQ(sink.seen[0].message_code, 0x01);
  ASSERT_EQ(device.received.size(), 1u);
  EXPECT_EQ(device.received[0].message_code, 0x7F);
  EXPECT_EQ(device.received[0].payload_bytes, 8);
}

}  // namespace
}  // namespace siov::pcie
