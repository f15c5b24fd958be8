// SPDX-License-Identifier: Apache-2.0
// A VDEV without hardware: software plays its queue, the IOMMU judges its DMA. Expected records are
// typed from dsa.md 5.
#include <gtest/gtest.h>

#include <cstring>

#include "abi/completion_record.hpp"
#include "vdev_rig.hpp"

namespace siov::test {
namespace {

struct EmulatedRig : Rig {
  explicit EmulatedRig(bool dedicated = true, std::uint16_t size = 16,
                       std::uint64_t latency = 400) {
    start();
    vdcm::EmulatedQueueConfig queue;
    queue.dma = &tap;
    queue.dedicated = dedicated;
    queue.size = size;
    queue.threshold = 2;
    queue.latency_ns = latency;
    vdcm::VdevConfig config;
    config.name = "software";
    config.queues = {vdcm::QueueConfig::software(queue)};
    v.emplace(*this, config);
    v->bring_up();
    v->write(0x308, 4, 7u << 12 | 8);
    v->write(0x618, 8, 0x41);
    v->config(0x42, 2, 0x8000);
    recorder.forget();
  }
  abi::Descriptor descriptor(std::uint8_t opcode, std::uint32_t size) {
    abi::Descriptor d;
    d.opcode = opcode;
    d.pasid = Pasid{7};
    d.flags = 0xC;
    d.completion_address = v->space.allocate(32);
    if (opcode > 2) {
      d.source = v->space.allocate(size + 64);
      d.destination = v->space.allocate(size + 64);
      d.size = size;
    }
    return d;
  }
  void submit(const abi::Descriptor& d) {
    v->vdev->posted_write64(0x1000, abi::to_line(d));
    run(pause(4000));
  }
  abi::CompletionRecord play(const abi::Descriptor& d) {
    submit(d);
    return record(d);
  }
  abi::CompletionRecord record(const abi::Descriptor& d) {
    const auto bytes = v->space.page_tail(d.completion_address);
    std::array<std::byte, 32> copy{};
    std::memcpy(copy.data(), bytes.data(), 32);
    return abi::decode_completion_record(copy);
  }
  std::byte at(Iova address) { return v->space.page_tail(address)[0]; }
  std::optional<VdevRig> v;
};

TEST(EmulatedQueueTest, OperationsWriteTheirBytesAndRecords) {  // dsa.md 5.6
  EmulatedRig rig;
  EXPECT_EQ(rig.play(rig.descriptor(0x00, 0)).status, 0x01);
  EXPECT_EQ(rig.play(rig.descriptor(0x02, 0)).status, 0x01);

  const abi::Descriptor move = rig.descriptor(0x03, 9000);
  rig.v->space.fill(move.source, 9000, std::byte{0x5A});
  EXPECT_EQ(rig.play(move).status, 0x01);
  EXPECT_EQ(rig.record(move).bytes_completed, 0u);
  EXPECT_EQ(rig.at(move.destination), std::byte{0x5A});
  EXPECT_EQ(rig.at(move.destination + 8999), std::byte{0x5A});
  EXPECT_EQ(rig.at(move.destination + 9000), std::byte{0});

  abi::Descriptor fill = rig.descriptor(0x04, 20);
  fill.set_pattern(0x0807'0605'0403'0201);
  EXPECT_EQ(rig.play(fill).status, 0x01);
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(rig.at(fill.destination + i), std::byte(i % 8 + 1));

  abi::Descriptor compare = rig.descriptor(0x05, 5000);
  EXPECT_EQ(rig.play(compare).result, 0);
  rig.v->space.fill(compare.destination + 4321, 1, std::byte{1});
  compare.completion_address = rig.v->space.allocate(32);
  EXPECT_EQ(rig.play(compare).status, 0x01);
  EXPECT_EQ(rig.record(compare).result, 1);
  EXPECT_EQ(rig.record(compare).bytes_completed, 4321u);
  compare.completion_address = rig.v->space.allocate(32);
  compare.flags |= 1u << 7;  // check result: equal expected
  EXPECT_EQ(rig.play(compare).status, 0x02);
  compare.completion_address = rig.v->space.allocate(32);
  compare.set_expected_result(1);
  EXPECT_EQ(rig.play(compare).status, 0x01);

  abi::Descriptor pattern = rig.descriptor(0x06, 64);
  pattern.set_compare_pattern(0x11);
  EXPECT_EQ(rig.play(pattern).result, 1);
  EXPECT_EQ(rig.record(pattern).bytes_completed, 0u);
  EXPECT_TRUE(rig.recorder.portals.empty());  // no hardware had a part in it
  EXPECT_TRUE(rig.recorder.writes.empty());
}

TEST(EmulatedQueueTest, OverlappingMoveIsAsThroughATemporary) {  // dsa.md 5.6 (03), GENCAP[1]
  for (const bool up : {false, true}) {
    EmulatedRig rig;
    abi::Descriptor d = rig.descriptor(0x03, 6000);
    const Iova base = rig.v->space.allocate(8000);
    for (unsigned i = 0; i < 6100; ++i)
      rig.v->space.fill(base + i, 1, static_cast<std::byte>(i * 7 + i / 256));
    d.source = base + (up ? 0 : 100);
    d.destination = base + (up ? 100 : 0);
    EXPECT_EQ(rig.play(d).status, 0x01);
    for (unsigned i = 0; i < 6000; i += 13) {
      const unsigned from = i + (up ? 0 : 100);
      ASSERT_EQ(rig.at(d.destination + i), static_cast<std::byte>(from * 7 + from / 256)) << i;
    }
  }
}

TEST(EmulatedQueueTest, BadDescriptorsEndWithTheirStatus) {  // dsa.md 5.2, 5.5
  struct Case {
    const char* what;
    std::function<void(abi::Descriptor&)> spoil;
    unsigned status;
  };
  const Case cases[] = {
      {"batch", [](auto& d) { d.opcode = 0x01; }, 0x10},
      {"CRC", [](auto& d) { d.opcode = 0x10; }, 0x10},
      {"opcode 0xFF", [](auto& d) { d.opcode = 0xFF; }, 0x10},
      {"fence", [](auto& d) { d.flags |= 1; }, 0x11},
      {"block on fault", [](auto& d) { d.flags |= 2; }, 0x11},
      {"cache control", [](auto& d) { d.flags |= 1u << 8; }, 0x11},
      {"readback", [](auto& d) { d.flags |= 1u << 14; }, 0x11},
      {"check result", [](auto& d) { d.flags |= 1u << 7; }, 0x11},
      {"reserved byte 38", [](auto& d) { d.reserved1 = 1; }, 0x12},
      {"reserved byte 63", [](auto& d) { d.set_field(63, 1, 1); }, 0x12},
      {"handle without RCI", [](auto& d) { d.interrupt_handle = 1; }, 0x12},
      {"size 0", [](auto& d) { d.size = 0; }, 0x13},
      {"size above 2^21", [](auto& d) { d.size = (1u << 21) + 1; }, 0x13},
      {"handle of nobody", [](auto& d) { d.flags |= 1u << 4, d.interrupt_handle = 9; }, 0x19},
      {"source not mapped", [](auto& d) { d.source = Iova{0x7777'0000'0000}; }, 0x20},
      {"destination not mapped", [](auto& d) { d.destination = Iova{0x7777'0000'0000}; }, 0x21},
  };
  EmulatedRig rig;
  for (const Case& c : cases) {
    abi::Descriptor d = rig.descriptor(0x03, 64);
    c.spoil(d);
    EXPECT_EQ(rig.play(d).status, c.status) << c.what;
  }
  EXPECT_EQ(rig.v->read(0xC0, 4) & 0xFF03, 0x1901u);  // 0x19 is logged, too
}

TEST(EmulatedQueueTest, WithoutAUsableRecordTheErrorIsInSwerror) {  // dsa.md 2.7, 5.4
  EmulatedRig rig;
  abi::Descriptor d = rig.descriptor(0x03, 64);
  d.completion_address = d.completion_address + 8;
  rig.submit(d);
  EXPECT_EQ(rig.v->read(0xC0, 8), 0x0000'0703'0000'1B0Du);  // PASID as the guest knows it
  EXPECT_EQ(rig.v->read(0xD0, 8), d.completion_address.value);
  rig.v->write(0xC0, 8, 1);
  d.completion_address = Iova{0x7777'0000'0000};
  rig.submit(d);
  EXPECT_EQ(rig.v->read(0xC0, 4) & 0xFF01, 0x1A01u);
}

TEST(EmulatedQueueTest, DmaCarriesRequesterAndPasid) {  // SIOV-D-22, SIOV-H-19
  EmulatedRig rig;
  std::vector<port::DmaRequest> seen;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) { seen.push_back(r); };
  const abi::Descriptor d = rig.descriptor(0x03, 64);
  EXPECT_EQ(rig.play(d).status, 0x01);
  ASSERT_EQ(seen.size(), 3u);
  for (const port::DmaRequest& r : seen) {
    EXPECT_EQ(r.pasid, rig.vdcm.host_pasid(rig.v->vm, Pasid{7}));
    EXPECT_EQ(r.requester, RequesterId{0x6A00});
    EXPECT_FALSE(r.privileged);
  }
}

TEST(EmulatedQueueTest, InterruptNeedsTheSubmittersPasid) {  // dsa.md 2.10, SIOV-D-33
  EmulatedRig rig;
  int arrived = 0;
  rig.v->interrupts.connect(0x41, [&] { ++arrived; });
  EXPECT_EQ(rig.v->command(13, 1), 1u << 8);  // no IMS entry: the handle is the vector
  abi::Descriptor d = rig.descriptor(0x03, 64);
  d.flags |= 1u << 4;
  d.interrupt_handle = 1;
  EXPECT_EQ(rig.play(d).status, 0x01);
  EXPECT_EQ(arrived, 1);
  rig.v->write(0x308, 4, 0);  // the default PASID: not the queue's
  d.completion_address = rig.v->space.allocate(32);
  EXPECT_EQ(rig.play(d).status, 0x19);
  EXPECT_EQ(arrived, 1);
}

TEST(EmulatedQueueTest, AdmissionFollowsModeAndOccupancy) {  // dsa.md 4.2
  EmulatedRig own(true, 2, 5000);
  std::vector<abi::Descriptor> work;
  for (int i = 0; i < 4; ++i) work.push_back(own.descriptor(0x03, 64));
  own.v->vdev->posted_write64(0, abi::to_line(work[0]));
  own.run(pause(100));  // taken by the worker
  for (int i = 1; i < 4; ++i) own.v->vdev->posted_write64(0, abi::to_line(work[i]));
  EXPECT_EQ(own.v->read(0xC0, 4) & 0xFF01, 0x5301u);  // the fourth found it full
  EXPECT_EQ(own.run(enqcmd(*own.v->vdev, 0, abi::to_line(work[0]))),
            port::CompletionStatus::kRetry);
  EXPECT_EQ(own.v->command(8, 1), 0u);  // drain
  for (int i = 0; i < 4; ++i) EXPECT_EQ(own.record(work[i]).status, i < 3 ? 1 : 0) << i;

  EmulatedRig shared(false, 3, 5000);
  std::string answers;
  for (const std::uint64_t page : {0x1000u, 0x1000u, 0x1000u, 0x1000u, 0x0u, 0x0u}) {
    const abi::Descriptor d = shared.descriptor(0x03, 64);
    const auto status = shared.run(enqcmd(*shared.v->vdev, page, abi::to_line(d)));
    answers += status == port::CompletionStatus::kSuccess ? 'a' : 'r';
    shared.run(pause(10));
  }
  EXPECT_EQ(answers, "aaarar");  // one runs; threshold 2, size 3
  shared.v->vdev->posted_write64(0, abi::to_line(shared.descriptor(0x03, 64)));
  EXPECT_EQ(shared.v->read(0xC0, 4), 0u);
}

TEST(EmulatedQueueTest, AbortDropsWhatHasNotBegun) {  // dsa.md 3.2
  EmulatedRig rig(true, 16, 5000);
  const abi::Descriptor first = rig.descriptor(0x03, 64);
  const abi::Descriptor second = rig.descriptor(0x03, 64);
  rig.v->vdev->posted_write64(0, abi::to_line(first));
  rig.run(pause(100));
  rig.v->vdev->posted_write64(0, abi::to_line(second));
  EXPECT_EQ(rig.v->command(9, 1), 0u);
  EXPECT_EQ(rig.record(first).status, 1);
  rig.run(pause(20'000));
  EXPECT_EQ(rig.record(second).status, 0);
  EXPECT_EQ(rig.v->command(7, 1), 0u);
  rig.v->vdev->posted_write64(0, abi::to_line(second));  // disabled: ignored
  rig.run(pause(20'000));
  EXPECT_EQ(rig.record(second).status, 0);
  EXPECT_FALSE(rig.v->vdev->running_pasid().has_value());
}

}  // namespace
}  // namespace siov::test
