// SPDX-License-Identifier: Apache-2.0
// Worked encodings: what software writes, byte for byte, as literals of the structure layouts
// (VT-d 9.2 to 9.10).
#include <gtest/gtest.h>

#include "bench.hpp"
#include "iommu/interrupt_table_builder.hpp"

namespace siov::iommu::test {
namespace {

using tables::InterruptTable;
using tables::PageSize;
using tables::PasidSpec;

class EncodingTest : public testing::Test {
 protected:
  EncodingTest() : memory(), frames(memory), tables(memory, frames), host(memory, frames) {}
  [[nodiscard]] std::uint64_t word(Hpa at) const { return memory.read64(at).value(); }

  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  tables::RemappingTables tables;
  tables::HostTableMemory host;
};

TEST_F(EncodingTest, EntriesOfRid8190AndPasid12345LieAtTheWorkedOffsets) {
  tables.add_function(kRid, {});
  tables.set_pasid(kRid, kPasid, PasidSpec::pass_through(5));
  EXPECT_EQ(tables.root_entry(kRid) - tables.root(), 0x810u + 8);  // entry 810h, upper half
  const Hpa context_table{word(tables.root() + 0x818) & ~std::uint64_t{0xFFF}};
  EXPECT_EQ(word(tables.root() + 0x818) & 0xFFF, 1u);
  EXPECT_EQ(word(tables.root() + 0x810), 0u);  // lower half stays not present
  EXPECT_EQ(tables.context_entry(kRid) - context_table, 0x200u);
  const Hpa directory{word(context_table + 0x200) & ~std::uint64_t{0xFFF}};
  EXPECT_EQ(word(context_table + 0x200) & 0xFFF, 0xE09u);  // PDTS 7, PASIDE, P
  EXPECT_EQ(tables.directory_entry(kRid, kPasid) - directory, 0x2468u);
  const Hpa table{word(directory + 0x2468) & ~std::uint64_t{0xFFF}};
  EXPECT_EQ(tables.pasid_entry(kRid, kPasid) - table, 0x140u);
  EXPECT_EQ(word(table + 0x140), 0x101u);                  // PGTT 100, P
  EXPECT_EQ(word(table + 0x148), 0x0000'0000'0080'0005u);  // PWSNP, DID 5
}

TEST_F(EncodingTest, ContextEntryBits) {
  tables.add_function(kRid, {.directory_size = 2,
                             .pasid_enable = true,
                             .device_tlb = true,
                             .page_requests = true,
                             .fault_disable = true,
                             .rid_pasid = Pasid{0x54321 & 0x7FFF},
                             .rid_privilege = true});
  const Hpa entry = tables.context_entry(kRid);
  EXPECT_EQ(word(entry) & 0xFFF, 0x41Fu);
  EXPECT_EQ(word(entry + 8), 0x0010'4321u);
  EXPECT_EQ(word(entry + 16), 0u);
  EXPECT_EQ(word(entry + 24), 0u);
}

TEST_F(EncodingTest, PasidEntryBitsOfEachType) {
  tables.add_function(kRid, {});
  PasidSpec first = PasidSpec::first_stage(Hpa{0x12'3000}, 5, 0x1234);
  first.supervisor = first.write_protect = first.extended_accessed = first.page_snoop = true;
  tables.set_pasid(kRid, Pasid{1}, first);
  Hpa at = tables.pasid_entry(kRid, Pasid{1});
  EXPECT_EQ(word(at), 0x041u);
  EXPECT_EQ(word(at + 8), 0x0000'0000'0180'1234u);
  EXPECT_EQ(word(at + 16), 0x0000'0000'0012'3095u);  // FSPTPTR, EAFE 135, WPE 132, FSPM 01, SRE

  PasidSpec second = PasidSpec::second_stage(Hpa{0x45'6000}, 3, 7);
  second.second_stage_dirty = second.fault_disable = true;
  second.walk_snoop = false;
  tables.set_pasid(kRid, Pasid{2}, second);
  at = tables.pasid_entry(kRid, Pasid{2});
  EXPECT_EQ(word(at), 0x0000'0000'0045'6287u);  // SSPTPTR, SSADE 9, PGTT 010, AW 001, FPD, P
  EXPECT_EQ(word(at + 8), 7u);
  EXPECT_EQ(word(at + 16), 0u);

  tables.set_pasid(kRid, Pasid{3}, PasidSpec::nested(Gpa{0x78'9000}, 4, Hpa{0x45'6000}, 5, 7));
  at = tables.pasid_entry(kRid, Pasid{3});
  EXPECT_EQ(word(at), 0x0000'0000'0045'60CDu);  // PGTT 011, AW 011
  EXPECT_EQ(word(at + 16), 0x0000'0000'0078'9000u);

  tables.clear_pasid(kRid, Pasid{3});
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(word(at + i * 8), 0u);
}

TEST_F(EncodingTest, PageTableLeaves) {
  tables::FirstStageTable<Hpa> first(host, 4);
  first.map(Iova{0x1000}, Hpa{0x1234'5000}, PageSize::k4K, {.write = false, .user = true});
  first.map(Iova{0x20'0000}, Hpa{0x4000'0000}, PageSize::k2M);
  first.map(Iova{0x4000'0000}, Hpa{0x8000'0000}, PageSize::k1G, {.write = true, .user = false});
  EXPECT_EQ(word(first.entry_address(Iova{0x1000}, 1).value()), 0x1234'5005u);
  EXPECT_EQ(word(first.entry_address(Iova{0x20'0000}, 2).value()), 0x4000'0087u);
  EXPECT_EQ(word(first.entry_address(Iova{0x4000'0000}, 3).value()), 0x8000'0083u);
  EXPECT_EQ(word(first.root()) & 0xFFF, 0x007u);
  EXPECT_THROW(first.map(Iova{0x20'1000}, Hpa{0x1000}, PageSize::k4K), HarnessError);
  EXPECT_THROW(first.map(Iova{0x1000}, Hpa{0x1000}, PageSize::k4K), HarnessError);
  EXPECT_THROW(first.map(Iova{0x60'1000}, Hpa{0x20'0000}, PageSize::k2M), HarnessError);

  tables::SecondStageTable second(host, 3);
  second.map(Gpa{0x1000}, Hpa{0x1234'5000}, PageSize::k4K, {.read = true, .write = false});
  second.map(Gpa{0x20'0000}, Hpa{0x4000'0000}, PageSize::k2M, {.snoop = true});
  EXPECT_EQ(word(second.entry_address(Gpa{0x1000}, 1).value()), 0x1234'5001u);
  EXPECT_EQ(word(second.entry_address(Gpa{0x20'0000}, 2).value()), 0x4000'0883u);
  EXPECT_EQ(word(second.root()) & 0xFFF, 0x003u);
  EXPECT_FALSE(second.unmap(Gpa{0x2000}));
  EXPECT_TRUE(second.unmap(Gpa{0x1000}));
  EXPECT_EQ(word(second.entry_address(Gpa{0x1000}, 1).value()), 0u);
}

TEST_F(EncodingTest, RemappableMessages) {
  EXPECT_EQ(InterruptTable::message(0x1234).address, 0xFEE2'4690u);
  EXPECT_EQ(InterruptTable::message(0x1234).data, 0u);
  EXPECT_EQ(InterruptTable::message(0x1234, 3).address, 0xFEE2'4698u);
  EXPECT_EQ(InterruptTable::message(0x1234, 3).data, 3u);
  EXPECT_EQ(InterruptTable::message(0x8000).address,
            0xFEE0'0014u);  // handle bit 15 is address bit 2
  EXPECT_EQ(InterruptTable::compatibility_message(0xAB, 0x31).address, 0xFEEA'B000u);
}

TEST_F(EncodingTest, HandleAndSubhandleSelectIndex1237) {
  InterruptSink sink;
  Iommu unit(memory, sink, {});
  InterruptTable table(memory, frames, 12);  // 8192 entries
  table.set_remapped(0x1237, {.vector = 0x99, .rule = {.source = kRid}});
  unit.set_interrupt_remap_table(table.root(), 12, true);
  unit.enable_interrupt_remapping(true);
  port::DmaRequest request;
  request.requester = kRid;
  request.address = Iova{0xFEE2'4698};
  const std::uint32_t data = 3;
  EXPECT_EQ(unit.write(request, std::as_bytes(std::span(&data, 1))), DmaStatus::kSuccess);
  ASSERT_EQ(sink.seen.size(), 1u);
  EXPECT_EQ(sink.seen[0].irte_index, 0x1237);
}

TEST_F(EncodingTest, TablesGiveBackEveryFrame) {
  const std::size_t before = frames.outstanding();
  {
    tables::RemappingTables more(memory, frames);
    more.add_function(kRid, {});
    more.set_pasid(kRid, kPasid, PasidSpec::pass_through(1));
    tables::FirstStageTable<Hpa> first(host, 5);
    first.map(Iova{0x1000}, Hpa{0x1000}, PageSize::k4K);
    first.map(Iova{0x4000'0000}, Hpa{0x8000'0000}, PageSize::k1G);
    EXPECT_TRUE(first.unmap(Iova{0x1000}));
    InterruptTable irtes(memory, frames, 3);
  }
  EXPECT_EQ(frames.outstanding(), before);
}

}  // namespace
}  // namespace siov::iommu::test
