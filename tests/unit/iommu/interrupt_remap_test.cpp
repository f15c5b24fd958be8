// SPDX-License-Identifier: Apache-2.0
// Interrupt messages: formats, table entries, source validation, posting, and each reason 20h..2Bh.
#include <gtest/gtest.h>

#include "bench.hpp"
#include "iommu/interrupt_table_builder.hpp"

namespace siov::iommu::test {
namespace {

using tables::InterruptTable;
using tables::Message;
using tables::PostedDescriptor;
using tables::SourceCheck;
using tables::SourceRule;

class InterruptRemapTest : public testing::Test {
 protected:
  static constexpr SourceRule kMine{SourceCheck::kRequester, 0, kRid};

  explicit InterruptRemapTest(const IommuConfig& config = {}) : bench(Kind::kFirstStage, config) {
    start(true);
  }
  void start(bool extended) {
    table =
        std::make_unique<InterruptTable>(bench.memory, bench.frames, 7, extended);  // 256 entries
    bench.software.set_interrupt_table((table->root()).value | std::uint64_t{extended} << 11 | 7);
    bench.software.interrupt_remapping(true);
  }
  DmaStatus send(const Message& message, RequesterId requester = kRid) {
    port::DmaRequest request;
    request.requester = requester;
    request.address = Iova{message.address};
    return bench.unit.write(request, std::as_bytes(std::span(&message.data, 1)));
  }
  void expect_fault(const Message& message, unsigned code, RequesterId requester = kRid) {
    EXPECT_EQ(send(message, requester), DmaStatus::kUnsupportedRequest);
    EXPECT_EQ(bench.fault_code(), code);
    EXPECT_EQ(bench.unit.fault_log().raw(0).high & 0xFFFF, requester.value);
    EXPECT_TRUE(bench.sink.seen.empty());
  }
  [[nodiscard]] std::uint64_t recorded_index() const {
    return bench.unit.fault_log().raw(0).low >> 48;
  }

  Bench bench;
  std::unique_ptr<InterruptTable> table;
};

TEST_F(InterruptRemapTest, RemappedEntryDecidesVectorAndDestination) {
  table->set_remapped(0x34, {.vector = 0x41, .destination = 0x1234'5678, .rule = kMine});
  EXPECT_EQ(send({0xFEE0'0690, 0xFFFF'FFFF}),
            DmaStatus::kSuccess);  // handle 34h, SHV=0: data ignored
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].vector, 0x41);
  EXPECT_EQ(bench.sink.seen[0].destination, 0x1234'5678u);
  EXPECT_TRUE(bench.sink.seen[0].remapped);
  EXPECT_EQ(bench.sink.seen[0].irte_index, 0x34);
  EXPECT_EQ(bench.sink.seen[0].requester, kRid);
  EXPECT_EQ(bench.unit.statistics().interrupts, 1u);
  EXPECT_EQ(bench.unit.statistics().translations, 0u);  // never DMA-remapped
}

TEST_F(InterruptRemapTest, SubhandleIsAddedWhenValid) {
  table->set_remapped(0x37, {.vector = 0x42, .rule = kMine});
  EXPECT_EQ(send({0xFEE0'0698, 3}), DmaStatus::kSuccess);  // handle 34h, SHV=1, subhandle 3
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].irte_index, 0x37);
}

TEST_F(InterruptRemapTest, DestinationWithoutExtendedModeIsBits47To40) {
  start(false);
  table->set_remapped(1, {.vector = 0x43, .destination = 0xA5, .rule = kMine});
  EXPECT_EQ(bench.word(table->entry(1)), 0x0000'A500'0043'0001u);
  EXPECT_EQ(send(InterruptTable::message(1)), DmaStatus::kSuccess);
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].destination, 0xA5u);
}

TEST_F(InterruptRemapTest, ReservedMessageBitsAre20) {
  expect_fault({0xFEE0'0018, 0x0001'0000}, 0x20);
}

TEST_F(InterruptRemapTest, IndexBeyondTableIs21WithIndexInTheRecord) {
  expect_fault({0xFEE0'2010, 0}, 0x21);  // handle 100h of 256 entries
  EXPECT_EQ(recorded_index(), 0x100u);
}

TEST_F(InterruptRemapTest, SubhandleCanLeaveTheTable) { expect_fault({0xFEE0'1FF8, 1}, 0x21); }

TEST_F(InterruptRemapTest, EntryNotPresentIs22AndQualified) {
  expect_fault(InterruptTable::message(9), 0x22);
  EXPECT_EQ(recorded_index(), 9u);
  bench.unit.fault_log().clear_all();
  bench.poke(table->entry(9), 0, 2);  // FPD with P=0
  EXPECT_EQ(send(InterruptTable::message(9)), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(bench.unit.fault_log().pending());
}

TEST_F(InterruptRemapTest, EntryOutsideMemoryIs23) {
  bench.software.set_interrupt_table((Hpa{kNoRam}).value | std::uint64_t{true} << 11 | 7);
  expect_fault(InterruptTable::message(9), 0x23);
}

TEST_F(InterruptRemapTest, ReservedEntryFieldsAre24) {
  struct {
    unsigned word;
    unsigned bit;
  } const cases[] = {{0, 12}, {0, 13}, {0, 14}, {0, 24}, {0, 31},
                     {1, 20}, {1, 31}, {1, 32}, {1, 63}};
  for (const auto& c : cases) {
    table->set_remapped(9, {.vector = 1, .rule = kMine});
    bench.poke(table->entry(9) + c.word * 8, 0, std::uint64_t{1} << c.bit);
    bench.software.interrupt_entries_global();
    expect_fault(InterruptTable::message(9), 0x24);
    bench.unit.fault_log().clear_all();
    bench.software.translation(false);
    bench.software.interrupt_remapping(false);  // record index back to 0
    bench.software.interrupt_remapping(true);
  }
  table->set_remapped(9, {.vector = 1, .rule = kMine});
  bench.poke(table->entry(9) + 8, 0, std::uint64_t{3} << 18);  // SVT 11
  expect_fault(InterruptTable::message(9), 0x24);
}

TEST_F(InterruptRemapTest, DestinationBitsOutside47To40AreReservedWithoutExtendedMode) {
  start(false);
  table->set_remapped(9, {.vector = 1, .rule = kMine});
  bench.poke(table->entry(9), 0, std::uint64_t{1} << 48);
  expect_fault(InterruptTable::message(9), 0x24);
}

TEST_F(InterruptRemapTest, CompatibilityFormatIsBlockedWithExtendedMode) {
  bench.software.compatibility(true);  // has no effect while EIME=1
  expect_fault({0xFEE0'5000, 0x31}, 0x25);
}

TEST_F(InterruptRemapTest, CompatibilityFormatPassesOnlyWithCfi) {
  start(false);
  expect_fault({0xFEE0'5000, 0x31}, 0x25);
  bench.software.compatibility(true);
  EXPECT_EQ(send({0xFEE0'5000, 0x31}), DmaStatus::kSuccess);
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].destination, 5u);
  EXPECT_EQ(bench.sink.seen[0].vector, 0x31);
  EXPECT_FALSE(bench.sink.seen[0].remapped);
}

TEST_F(InterruptRemapTest, RemappingOffDeliversAsCompatibility) {
  bench.software.interrupt_remapping(false);
  EXPECT_EQ(send(InterruptTable::compatibility_message(7, 0x55)), DmaStatus::kSuccess);
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].destination, 7u);
  EXPECT_EQ(bench.sink.seen[0].vector, 0x55);
}

TEST_F(InterruptRemapTest, SourceIsComparedUnderTheQualifier) {
  // SQ 00 all bits, 01 ignores bit 2, 10 bits 2:1, 11 bits 2:0.
  struct {
    std::uint8_t qualifier;
    std::uint16_t requester;
    bool allowed;
  } const cases[] = {{0, 0x8190, true},  {0, 0x8191, false}, {0, 0x8194, false}, {1, 0x8194, true},
                     {1, 0x8192, false}, {2, 0x8196, true},  {2, 0x8191, false}, {3, 0x8197, true},
                     {3, 0x8198, false}, {3, 0x8090, false}};
  for (const auto& c : cases) {
    table->set_remapped(2, {.vector = 1, .rule = {SourceCheck::kRequester, c.qualifier, kRid}});
    bench.software.interrupt_entries_global();
    EXPECT_EQ(send(InterruptTable::message(2), RequesterId{c.requester}),
              c.allowed ? DmaStatus::kSuccess : DmaStatus::kUnsupportedRequest)
        << unsigned{c.qualifier} << ' ' << std::hex << c.requester;
  }
  EXPECT_EQ(bench.fault_code(), 0x26u);
  EXPECT_EQ(recorded_index(), 2u);
}

TEST_F(InterruptRemapTest, BusRangeIsFirstBusInTheUpperByte) {
  table->set_remapped(2, {.vector = 1, .rule = {SourceCheck::kBusRange, 0, RequesterId{0x2040}}});
  EXPECT_EQ(send(InterruptTable::message(2), RequesterId{0x2000}), DmaStatus::kSuccess);
  EXPECT_EQ(send(InterruptTable::message(2), RequesterId{0x40FF}), DmaStatus::kSuccess);
  EXPECT_EQ(send(InterruptTable::message(2), RequesterId{0x1FFF}), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(send(InterruptTable::message(2), RequesterId{0x4100}), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x26u);
}

TEST_F(InterruptRemapTest, SourceFaultIsQualified) {
  table->set_remapped(2, {.vector = 1, .rule = kMine, .fault_disable = true});
  EXPECT_EQ(send(InterruptTable::message(2), RequesterId{0x100}), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(bench.unit.fault_log().pending());
  EXPECT_EQ(bench.unit.statistics().faults_suppressed, 1u);
}

TEST_F(InterruptRemapTest, OtherAccessesToTheRangeAre29) {
  port::DmaRequest request;
  request.requester = kRid;
  std::array<std::byte, 8> bytes{};
  request.address = Iova{0xFEE0'0000};
  EXPECT_EQ(bench.unit.read(request, std::span(bytes).first(4)), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.unit.write(request, bytes), DmaStatus::kUnsupportedRequest);
  request.address = Iova{0xFEE0'0002};
  EXPECT_EQ(bench.unit.write(request, std::span(bytes).first(4)), DmaStatus::kUnsupportedRequest);
  request.address = Iova{0xFEEF'FFFF};
  EXPECT_EQ(bench.unit.write(request, std::span(bytes).first(1)), DmaStatus::kUnsupportedRequest);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(bench.fault_code(i), 0x29u);
  EXPECT_EQ(bench.unit.read(request, {}), DmaStatus::kSuccess);  // zero-length read completes
  EXPECT_FALSE(bench.unit.fault_log().record(4).valid);
}

TEST_F(InterruptRemapTest, WriteWithPasidIntoTheRangeIsDma) {
  table->set_remapped(0, {.vector = 0x41, .rule = kMine});
  const Hpa page = bench.frames.allocate();
  bench.process->map(Iova{0xFEE0'0000}, page, tables::PageSize::k4K);
  port::DmaRequest request = bench.request();
  request.address = Iova{0xFEE0'0010};
  const std::uint32_t value = 0xCAFE'F00D;
  EXPECT_EQ(bench.unit.write(request, std::as_bytes(std::span(&value, 1))), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(page + 0x10), 0xCAFE'F00Du);
  EXPECT_TRUE(bench.sink.seen.empty());
}

TEST_F(InterruptRemapTest, AddressesBesideTheRangeAreDma) {
  bench.software.translation(false);
  EXPECT_EQ(send({0xFEDF'FFFC, 0}), DmaStatus::kUnsupportedRequest);  // no RAM there
  EXPECT_EQ(send({0xFEF0'0000, 0}), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(send({0x1'FEE0'0010, 0}), DmaStatus::kSuccess);  // RAM above 4 GiB
  EXPECT_FALSE(bench.unit.fault_log().pending());
  EXPECT_TRUE(bench.sink.seen.empty());
}

TEST_F(InterruptRemapTest, EntriesAreStaleUntilInvalidatedByIndex) {
  table->set_remapped(0x10, {.vector = 1, .rule = kMine});
  EXPECT_EQ(send(InterruptTable::message(0x10)), DmaStatus::kSuccess);
  table->clear(0x10);
  EXPECT_EQ(send(InterruptTable::message(0x10)), DmaStatus::kSuccess);
  bench.software.interrupt_entries(0x11, 0);
  EXPECT_EQ(send(InterruptTable::message(0x10)), DmaStatus::kSuccess);
  bench.software.interrupt_entries(0x11, 1);  // mask 1: 10h and 11h
  EXPECT_EQ(send(InterruptTable::message(0x10)), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x22u);
}

struct PostCase {
  bool outstanding;
  bool suppress;
  bool urgent;
  bool notifies;  // (ON == 0) AND (URG == 1 OR SN == 0), written out
};

TEST_F(InterruptRemapTest, PostingNotifiesByTheTruthTable) {
  const PostCase cases[] = {{false, false, false, true}, {false, false, true, true},
                            {false, true, false, false}, {false, true, true, true},
                            {true, false, false, false}, {true, false, true, false},
                            {true, true, false, false},  {true, true, true, false}};
  const Hpa at = bench.frames.allocate() + 0x40;
  for (const PostCase& c : cases) {
    PostedDescriptor descriptor(bench.memory, at, 0xF2, 0x77);
    EXPECT_EQ(bench.word(at + 32), 0x0000'0077'00F2'0000u);  // NV 279:272, NDST 319:288
    descriptor.set_suppress(c.suppress);
    if (c.outstanding) bench.poke(at + 32, 0, 1);
    table->set_posted(4, {.vector = 0x81, .descriptor = at, .urgent = c.urgent, .rule = kMine});
    bench.software.interrupt_entries(4);
    bench.sink.seen.clear();
    EXPECT_EQ(send(InterruptTable::message(4)), DmaStatus::kSuccess);
    EXPECT_EQ(bench.word(at + 16), 2u);  // PIR bit 129
    EXPECT_TRUE(descriptor.requested(0x81));
    ASSERT_EQ(bench.sink.seen.size(), c.notifies ? 1u : 0u);
    EXPECT_EQ(descriptor.outstanding(), c.outstanding || c.notifies);
    if (c.notifies) {
      EXPECT_EQ(bench.sink.seen[0].vector, 0xF2);
      EXPECT_EQ(bench.sink.seen[0].destination, 0x77u);
    }
  }
  EXPECT_EQ(bench.unit.statistics().interrupts_posted, 8u);
  EXPECT_EQ(bench.unit.statistics().interrupts, 3u);
}

TEST_F(InterruptRemapTest, PostedDescriptorAboveFourGigabytes) {
  const Hpa at{0x2'1234'5680};
  PostedDescriptor descriptor(bench.memory, at, 0xF2, 1);
  table->set_posted(4, {.vector = 0, .descriptor = at, .rule = kMine});
  EXPECT_EQ(bench.word(table->entry(4)), 0x1234'5680'0000'8001u);
  EXPECT_EQ(bench.word(table->entry(4) + 8), 0x0000'0002'0004'8190u);
  EXPECT_EQ(send(InterruptTable::message(4)), DmaStatus::kSuccess);
  EXPECT_TRUE(descriptor.requested(0));
}

TEST_F(InterruptRemapTest, PostedDescriptorOutsideMemoryIs27) {
  table->set_posted(4,
                    {.vector = 1, .descriptor = Hpa{kNoRam}, .rule = kMine, .fault_disable = true});
  expect_fault(InterruptTable::message(4), 0x27);  // not qualified: recorded despite FPD
}

TEST_F(InterruptRemapTest, PostedDescriptorReservedFieldIs28) {
  const Hpa at = bench.frames.allocate();
  PostedDescriptor descriptor(bench.memory, at, 0xF2, 1);
  bench.poke(at + 32, 0, 1u << 2);  // bit 258
  table->set_posted(4, {.vector = 1, .descriptor = at, .rule = kMine});
  expect_fault(InterruptTable::message(4), 0x28);
  EXPECT_FALSE(descriptor.requested(1));
}

TEST_F(InterruptRemapTest, PostedEntryReservedBitsAre24) {
  const Hpa at = bench.frames.allocate();
  table->set_posted(4, {.vector = 1, .descriptor = at, .rule = kMine});
  bench.poke(table->entry(4), 0, 1u << 4);
  expect_fault(InterruptTable::message(4), 0x24);
}

class NoPostingTest : public InterruptRemapTest {
 protected:
  static IommuConfig config() {
    IommuConfig c;
    c.posted_interrupts = false;
    c.eimer = c.irreq = true;
    return c;
  }
  NoPostingTest() : InterruptRemapTest(config()) {}
};

TEST_F(NoPostingTest, PostedFormatIsReservedWithoutTheCapability) {
  table->set_posted(4, {.vector = 1, .descriptor = Hpa{0x10'0000}, .rule = kMine});
  expect_fault(InterruptTable::message(4), 0x24);
}

TEST_F(NoPostingTest, ExtendedDestinationBitsAre2A) {
  start(false);
  bench.software.compatibility(true);
  expect_fault({0xFEE0'5020, 0x31}, 0x2A);
}

TEST_F(NoPostingTest, InterruptsWhileRemappingIsOffAre2B) {
  bench.software.interrupt_remapping(false);
  expect_fault({0xFEE0'5000, 0x31}, 0x2B);
}

}  // namespace
}  // namespace siov::iommu::test
