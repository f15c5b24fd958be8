// SPDX-License-Identifier: Apache-2.0
// Interrupts: MSI-X and IMS by portal page, permissions, mask, pending, ignore, function mask,
// rewriting, order. DSA 2.10; SIOV-D-27..39.
#include <algorithm>

#include "port_bench.hpp"

namespace siov::test {
namespace {

using port::CompletionStatus;
constexpr std::uint64_t kMsixPage = 0x0000, kImsPage = 0x2000, kSwq = 0x4000;
constexpr std::uint64_t kRecord = 0x100000;
using Messages = std::vector<std::uint32_t>;

struct InterruptTest : PortTest {
  void SetUp() override {
    b.bring_up();
    b.write(0x408, 0x00011008);      // MSI-X vector 1: PASID 0x11
    b.write(0x4010, 0xFEE00100, 8);  // IMS entry 1: data A1, PASID 0x11
    b.write(0x4018, 0x00011008000000A1, 8);
    b.write(0x4FF0, 0xFEE00200, 8);  // IMS entry 255
    b.write(0x4FF8, 0x00011008000000AF, 8);
  }
  /// A no-op with interrupt, to its end. @return status byte
  unsigned signal(std::uint64_t page, std::uint16_t handle) {
    b.host.memory[kRecord] = std::byte{0};
    Work w = Work::noop(kWantRecord | kWantInterrupt, kRecord);
    w.handle = handle;
    b.movdir(page, w);
    EXPECT_EQ(b.command(3), 0u);
    return b.host.byte(kRecord);
  }
  void settle() {
    b.run(200);
    (void)b.read(0x90);
  }
};

TEST_F(InterruptTest, PortalPageChoosesTheTable) {  // SIOV-D-19
  EXPECT_EQ(signal(kMsixPage, 1), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0x51}));
  EXPECT_EQ(signal(kMsixPage + 0x1000, 1), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0x51, 0x51}));
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  EXPECT_EQ(signal(kImsPage + 0x1000, 255), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0x51, 0x51, 0xA1, 0xAF}));
}

TEST_F(InterruptTest, MessageIsOneDwordWithoutPasidAtTheProgrammedAddress) {  // SIOV-D-27
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  const std::vector<Seen> at = b.host.touching(0xFEE00100, 4);
  ASSERT_EQ(at.size(), 1u);
  EXPECT_EQ(at[0].kind, Seen::kMessage);
  EXPECT_EQ(at[0].bytes, 4u);
  EXPECT_FALSE(at[0].pasid.has_value());
  EXPECT_EQ(at[0].requester, 0x0100u);
}

TEST_F(InterruptTest, MessageFollowsTheRecord) {  // 5.3, SIOV-D-37
  for (const std::uint64_t page : {kMsixPage, kImsPage}) {
    b.host.seen.clear();
    EXPECT_EQ(signal(page, 1), 0x01u);
    ASSERT_EQ(b.host.seen.size(), 2u);
    EXPECT_EQ(b.host.seen[0].address, kRecord);
    EXPECT_EQ(b.host.seen[1].kind, Seen::kMessage);
  }
}

TEST_F(InterruptTest, ForeignOrMissingEntriesAreRefused) {  // 2.10, SIOV-D-33: code 19
  b.write(0x4020, 0xFEE00300, 8);
  b.write(0x4028, 0x00012008000000A2, 8);  // entry 2: PASID 0x12
  b.write(0x4038, 0x00011000000000A3, 8);  // entry 3: PASID not enabled
  b.write(0x410, 0x00012008);              // vector 2: PASID 0x12
  b.write(0x418, 0x00011000);              // vector 3: PASID not enabled
  const std::pair<std::uint64_t, std::uint16_t> bad[] = {
      {kMsixPage, 2},     {kMsixPage, 3},     {kMsixPage, 4},      {kMsixPage, 9},
      {kMsixPage, 255},   {kMsixPage, 0x101}, {kMsixPage, 0xFFFF}, {kImsPage, 0},
      {kImsPage, 2},      {kImsPage, 3},      {kImsPage, 256},     {kImsPage, 0x101},
      {kImsPage, 0x1001}, {kImsPage, 0xFFFF}};
  for (const auto& [page, handle] : bad)
    EXPECT_EQ(signal(page, handle), 0x19u) << std::hex << page << " " << handle;
  settle();
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.read(0x3000, 8), 0u) << "nothing pends";
}

TEST_F(InterruptTest, SharedQueueIsCheckedWithTheSubmittersPasid) {  // 2.10
  Work w = Work::noop(kWantRecord | kWantInterrupt, kRecord);
  w.handle = 1;
  EXPECT_EQ(b.enqcmd(kSwq + kImsPage, w.as(0x12)), CompletionStatus::kSuccess);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.byte(kRecord), 0x19u);
  EXPECT_EQ(b.enqcmd(kSwq + kImsPage, w.as(0x11)), CompletionStatus::kSuccess);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.byte(kRecord), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0xA1}));
}

TEST_F(InterruptTest, QueueWithoutPasidNeedsAnEntryWithoutPasid) {  // 2.10
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x00000011);
  EXPECT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(signal(kMsixPage, 1), 0x19u);
  EXPECT_EQ(signal(kMsixPage, 2), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0x52}));
}

TEST_F(InterruptTest, MaskedImsEntryPendsAndUnmaskingSendsOnce) {  // SIOV-D-34
  b.write(0x401C, 0x00011009);
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  EXPECT_EQ(signal(kImsPage, 1), 0x01u) << "permission does not look at the mask";
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.read(0x401C), 0x0001100Bu) << "pending";
  b.write(0x401C, 0x00011008);
  settle();
  EXPECT_EQ(b.host.messages(), (Messages{0xA1}));
  EXPECT_EQ(b.read(0x401C), 0x00011008u);
  b.write(0x401C, 0x00011009);
  b.write(0x401C, 0x00011008);
  settle();
  EXPECT_EQ(b.host.messages().size(), 1u);
}

TEST_F(InterruptTest, MaskedMsixVectorPendsAndUnmaskingSendsOnce) {  // PCIe 6.1.4, PCIE-59, PCIE-60
  b.write(0x201C, 1);
  EXPECT_EQ(signal(kMsixPage, 1), 0x01u);
  EXPECT_EQ(signal(kMsixPage, 1), 0x01u);
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.read(0x3000, 8), 0x2u);
  b.write(0x201C, 0);
  settle();
  EXPECT_EQ(b.host.messages(), (Messages{0x51}));
  EXPECT_EQ(b.read(0x3000, 8), 0x0u);
}

TEST_F(InterruptTest, FunctionMaskHoldsAllVectors) {  // PCIe 7.7.2.2
  b.set_config(0x82, 0xC000, 2);
  EXPECT_EQ(signal(kMsixPage, 1), 0x01u);
  EXPECT_EQ(b.command(3, 0, true), 0u);
  settle();
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.read(0x3000, 8), 0x3u);
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0xA1})) << "IMS is another table";
  b.set_config(0x82, 0x8000, 2);
  settle();
  EXPECT_EQ(b.read(0x3000, 8), 0x0u);
  Messages sorted = b.host.messages();
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, (Messages{0x50, 0x51, 0xA1}));
}

TEST_F(InterruptTest, DisabledMsixSendsNothing) {  // PCIe 7.7.2.2
  b.set_config(0x82, 0x0000, 2);
  EXPECT_EQ(signal(kMsixPage, 1), 0x01u);
  settle();
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  EXPECT_EQ(b.host.messages(), (Messages{0xA1}));
}

TEST_F(InterruptTest, IgnoreBitDropsTheInterrupt) {  // 2.10
  b.write(0x401C, 0x0001100C);
  b.write(0x408, 0x0001100C);
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  EXPECT_EQ(signal(kMsixPage, 1), 0x01u);
  settle();
  EXPECT_TRUE(b.host.messages().empty());
  b.write(0x401C, 0x00011008);
  b.write(0x408, 0x00011008);
  settle();
  EXPECT_TRUE(b.host.messages().empty()) << "dropped, not pending";
}

TEST_F(InterruptTest, RewrittenMaskedEntrySendsOnlyTheNewMessage) {  // SIOV-D-36
  b.write(0x401C, 0x00011009);
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  b.write(0x4010, 0xFEE00700, 8);
  b.write(0x4018, 0x000000B1);
  b.write(0x401C, 0x00011008);
  settle();
  EXPECT_EQ(b.host.messages(), (Messages{0xB1}));
  EXPECT_EQ(b.host.touching(0xFEE00700, 4).size(), 1u);
  EXPECT_TRUE(b.host.touching(0xFEE00100, 4).empty());
}

TEST_F(InterruptTest, EntryIsTakenWholeUnderPressure) {  // SIOV-D-36
  for (std::uint32_t round = 0; round < 20; ++round) {
    Work w = Work::noop(kWantInterrupt, 0);
    w.handle = 1;
    for (int i = 0; i < 3; ++i) b.movdir(kImsPage, w);
    b.write(0x401C, 0x00011009);
    b.write(0x4010, 0xFEE00000 + 0x100 * round, 8);
    b.write(0x4018, 0x100 * round);
    b.write(0x401C, 0x00011008);
    b.run(30);
  }
  EXPECT_EQ(b.command(3), 0u);
  settle();
  unsigned messages = 0;
  for (const Seen& s : b.host.seen) {
    if (s.kind != Seen::kMessage) continue;
    ++messages;
    const bool first = s.address == 0xFEE00100 && s.data == 0xA1;
    EXPECT_TRUE(first || s.address - 0xFEE00000 == s.data)
        << std::hex << s.address << " " << s.data;
  }
  EXPECT_GE(messages, 20u);
  EXPECT_LE(messages, 60u);
}

TEST_F(InterruptTest, ErrorsInterruptToo) {  // 5.2: RCI at completion, any outcome
  Work w = Work::fill(0, 0x300000, 0, kRecord);
  w.flags |= kWantInterrupt;
  w.handle = 1;
  b.movdir(kImsPage, w);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.byte(kRecord), 0x13u);
  EXPECT_EQ(b.host.messages(), (Messages{0xA1}));
}

TEST_F(InterruptTest, ResetDeviceForgetsPendingIms) {  // 3.2, SIOV-D-39
  b.write(0x401C, 0x00011009);
  EXPECT_EQ(signal(kImsPage, 1), 0x01u);
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.read(0x4018, 8), 0x0000000100000000u);
  b.write(0x4010, 0xFEE00100, 8);
  b.write(0x4018, 0x00011008000000A1, 8);
  settle();
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_F(InterruptTest, AllImsEntriesWork) {  // SIOV-D-30
  for (std::uint64_t n = 0; n < 256; ++n) {
    b.write(0x4000 + 16 * n, 0xFEE00000 + 0x1000 * n, 8);
    b.write(0x4008 + 16 * n, 0x0001100800001000 + n, 8);
  }
  (void)b.read(0x90);  // the table is written
  for (std::uint16_t n = 0; n < 256; ++n) {
    Work w = Work::noop(kWantInterrupt, 0);
    w.handle = n;
    b.movdir(kImsPage, w);
    b.run(40);
  }
  EXPECT_EQ(b.command(3), 0u);
  settle();
  const Messages got = b.host.messages();
  ASSERT_EQ(got.size(), 256u);
  for (std::uint32_t n = 0; n < 256; ++n) {
    EXPECT_EQ(got[n], 0x1000 + n);
    EXPECT_EQ(b.host.touching(0xFEE00000 + 0x1000 * std::uint64_t{n}, 4).size(), 1u) << n;
  }
}

}  // namespace
}  // namespace siov::test
