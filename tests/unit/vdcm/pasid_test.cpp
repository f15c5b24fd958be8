// SPDX-License-Identifier: Apache-2.0
// Host PASID allocation and the CPU's translation table.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "vdcm/pasid_allocator.hpp"
#include "vdcm/pasid_translation_table.hpp"
#include "vdcm/platform.hpp"

namespace siov::vdcm {
namespace {

TEST(PasidTranslationTableTest, EachBitOfTheIndexCounts) {  // siov.md 3.6: bit 19, 18:10, 9:0
  PasidTranslationTable table;
  EXPECT_FALSE(table.translate(Pasid{5}).has_value());
  table.set(Pasid{5}, Pasid{0x12345});
  EXPECT_EQ(table.translate(Pasid{5}), Pasid{0x12345});
  for (unsigned bit = 0; bit < 20; ++bit)
    EXPECT_FALSE(table.translate(Pasid{5U ^ 1U << bit}).has_value()) << bit;
  table.set(Pasid{0xFFFFF}, Pasid{0xFFFFF});
  EXPECT_EQ(table.translate(Pasid{0xFFFFF}), Pasid{0xFFFFF});
  table.clear(Pasid{5});
  EXPECT_FALSE(table.translate(Pasid{5}).has_value());
  EXPECT_FALSE(table.translate(Pasid{0x100005}).has_value());
  EXPECT_THROW(table.set(Pasid{0x100000}, Pasid{1}), HarnessError);
}

TEST(PlatformTest, TablesArePerVmAndMissesAreExits) {  // SIOV-P-12, SIOV-P-13
  Platform platform;
  const VmId a = platform.create_vm();
  const VmId b = platform.create_vm();
  platform.pasid_table(a).set(Pasid{101}, Pasid{0x9001});
  platform.pasid_table(b).set(Pasid{101}, Pasid{0x9002});
  EXPECT_EQ(platform.translate_for_enqcmd(a, Pasid{101}), Pasid{0x9001});
  EXPECT_EQ(platform.translate_for_enqcmd(b, Pasid{101}), Pasid{0x9002});
  EXPECT_EQ(platform.pasid_exits(), 0u);
  EXPECT_FALSE(platform.translate_for_enqcmd(a, Pasid{102}).has_value());
  EXPECT_EQ(platform.pasid_exits(), 1u);
}

TEST(PlatformTest, InterruptsGoToTheHandlerOfTheirEntry) {
  Platform platform;
  int three = 0;
  platform.connect(3, [&] { ++three; });
  port::Interrupt interrupt;
  interrupt.remapped = true;
  interrupt.irte_index = 3;
  platform.deliver(interrupt);
  EXPECT_EQ(three, 1);
  interrupt.irte_index = 4;
  platform.deliver(interrupt);
  interrupt.irte_index = 3;
  interrupt.remapped = false;  // compatibility format reaches no device handler
  platform.deliver(interrupt);
  EXPECT_EQ(three, 1);
  EXPECT_EQ(platform.stray_interrupts(), 2u);
  EXPECT_EQ(platform.interrupts(), 3u);
}

TEST(PlatformTest, VectorHandlersTakeWhatWasNotRemapped) {
  Platform platform;
  int events = 0;
  platform.connect_vector(0xF0, [&] {
    ++events;
    platform.disconnect_vector(0xF0);  // while it runs
  });
  EXPECT_THROW(platform.connect_vector(0xF0, [] {}), HarnessError);
  port::Interrupt interrupt;
  interrupt.vector = 0xF0;
  interrupt.remapped = true;  // an IRTE of the same vector is not meant
  platform.deliver(interrupt);
  EXPECT_EQ(events, 0);
  interrupt.remapped = false;
  platform.deliver(interrupt);
  platform.deliver(interrupt);
  EXPECT_EQ(events, 1);
  EXPECT_EQ(platform.stray_interrupts(), 2u);
}

TEST(PasidAllocatorTest, FreedNumberStaysAwayUntilTheLastHolderLetsGo) {  // SIOV-H-24
  PasidAllocator pasids(Pasid{1}, Pasid{2});
  const Pasid first = pasids.allocate();
  const Pasid second = pasids.allocate();
  EXPECT_NE(first, second);
  pasids.hold(first);
  pasids.release(first);
  EXPECT_THROW(static_cast<void>(pasids.allocate()), HarnessError);
  pasids.release(first);
  EXPECT_EQ(pasids.allocate(), first);
  EXPECT_THROW(pasids.release(Pasid{77}), HarnessError);
}

}  // namespace
}  // namespace siov::vdcm
