// SPDX-License-Identifier: Apache-2.0
// Guest address spaces and sources of operations.
#include <gtest/gtest.h>

#include <set>

#include "common/error.hpp"
#include "rig.hpp"

namespace siov::test {
namespace {

using vdcm::TranslationKind;

TEST(AddressSpaceTest, EachKindIsSeenByTheDeviceAsTheGuestSeesIt) {
  for (const TranslationKind kind : {TranslationKind::kFirstStage, TranslationKind::kSecondStage,
                                     TranslationKind::kNested, TranslationKind::kPassThrough}) {
    Rig rig;
    rig.iommu_driver.start();
    guest::Machine machine(rig.memory, rig.frames);
    guest::AddressSpaceConfig config;
    config.kind = kind;
    guest::AddressSpace space(machine, config);
    const Iova buffer = space.allocate(20000, 0xABC);
    EXPECT_EQ(buffer.page_offset(), 0xABCu);
    std::vector<std::byte> data(20000);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + i / 256);
    space.write(buffer, data);
    rig.iommu_driver.bind(Pasid{5}, space.descriptor());
    std::vector<std::byte> seen(20000);
    ASSERT_TRUE(rig.iommu.peek(Pasid{5}, buffer, seen));
    EXPECT_EQ(seen, data);
    EXPECT_TRUE(rig.iommu.writable(Pasid{5}, buffer, 20000));
    EXPECT_TRUE(space.equal(buffer, data));
    data[19999] ^= std::byte{1};
    EXPECT_FALSE(space.equal(buffer, data));
  }
}

TEST(AddressSpaceTest, PagesAreScatteredInHostMemory) {
  Rig rig;
  guest::Machine machine(rig.memory, rig.frames);
  guest::AddressSpaceConfig config;
  config.kind = TranslationKind::kFirstStage;
  guest::AddressSpace space(machine, config);
  const Iova buffer = space.allocate(64 * 4096);
  int neighbours = 0;
  for (std::uint64_t i = 1; i < 64; ++i) {
    if (space.host_address(buffer + i * 4096).value ==
        space.host_address(buffer + (i - 1) * 4096).value + 4096)
      ++neighbours;
  }
  EXPECT_LT(neighbours, 8);
}

TEST(AddressSpaceTest, AccessOutsideBuffersThrows) {
  Rig rig;
  guest::Machine machine(rig.memory, rig.frames);
  guest::AddressSpace space(machine, guest::AddressSpaceConfig{});
  const Iova buffer = space.allocate(4096);
  std::array<std::byte, 1> byte{};
  EXPECT_NO_THROW(space.read(buffer + 4095, byte));
  EXPECT_THROW(space.read(buffer + 4096, byte), HarnessError);
  EXPECT_THROW(space.read(buffer - 1, byte), HarnessError);
}

TEST(AddressSpaceTest, MachineGivesItsFramesBack) {
  memory::PhysicalMemory memory;
  memory::PageAllocator frames(memory);
  {
    guest::Machine machine(memory, frames);
    guest::AddressSpaceConfig config;
    config.kind = TranslationKind::kNested;
    guest::AddressSpace space(machine, config);
    static_cast<void>(space.allocate(100000));
    config.kind = TranslationKind::kFirstStage;
    guest::AddressSpace process(machine, config);
    static_cast<void>(process.allocate(100000));
    EXPECT_GT(frames.outstanding(), 0u);
  }
  EXPECT_EQ(frames.outstanding(), 0u);
}

TEST(RandomSourceTest, StaysInRangeAndCoversAllKinds) {
  guest::MixConfig mix;
  mix.operations = 2000;
  mix.min_bytes = 3;
  mix.max_bytes = 5000;
  guest::RandomSource source(42, mix);
  std::set<guest::OperationKind> kinds;
  std::uint64_t count = 0;
  std::uint64_t small = 0;
  std::uint64_t interrupts = 0;
  while (const std::optional<guest::Operation> op = source.next()) {
    ++count;
    kinds.insert(op->kind);
    interrupts += op->interrupt ? 1 : 0;
    if (op->kind == guest::OperationKind::kNoop) {
      EXPECT_EQ(op->bytes, 0u);
      continue;
    }
    EXPECT_GE(op->bytes, 3u);
    EXPECT_LE(op->bytes, 5000u);
    EXPECT_LT(op->src_page_offset, 4096);
    small += op->bytes < 64 ? 1 : 0;
  }
  EXPECT_EQ(count, 2000u);
  EXPECT_EQ(kinds.size(), 5u);
  EXPECT_GT(small, 400u);  // sizes by class: small ones are not rare
  EXPECT_GT(interrupts, 100u);
  EXPECT_LT(interrupts, 300u);
}

TEST(RandomSourceTest, SeedDecidesEverything) {
  guest::MixConfig mix;
  guest::RandomSource a(1, mix), b(1, mix), c(2, mix);
  int differ = 0;
  for (int i = 0; i < 100; ++i) {
    const guest::Operation x = *a.next(), y = *b.next(), z = *c.next();
    EXPECT_EQ(x.bytes, y.bytes);
    EXPECT_EQ(x.dst_page_offset, y.dst_page_offset);
    differ += x.bytes != z.bytes ? 1 : 0;
  }
  EXPECT_GT(differ, 80);
}

}  // namespace
}  // namespace siov::test
