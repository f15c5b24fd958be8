// SPDX-License-Identifier: Apache-2.0
// SET_IRQS and interrupts. Flags: 1 none, 2 bool, 4 eventfd; 8 mask, 16 unmask, 32 trigger.
#include "vfio_user/irq_table.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "common/error.hpp"
#include "fixture.hpp"
#include "vfio_user/device.hpp"

namespace siov::vfio_user {
namespace {

using test::events;

/// Index 0: 1 vector, maskable and automasked; 1: none; 2: 4 vectors; 3: 2 vectors, maskable;
/// 4: 1 vector without eventfd.
class IrqTableTest : public ::testing::Test {
 protected:
  IrqTableTest() {
    const IrqInfo kinds[] = {{.count = 1, .flags = 7},
                             {},
                             {.count = 4, .flags = 9},
                             {.count = 2, .flags = 3},
                             {.count = 1, .flags = 0}};
    table.configure(kinds);
  }
  FileDescriptors fds(std::initializer_list<int> those) {
    FileDescriptors copies;
    for (const int fd : those) copies.emplace_back(::dup(fd));
    return copies;
  }
  int set(std::uint32_t flags, std::uint32_t index, std::uint32_t start, std::uint32_t count,
          FileDescriptors given = {}, std::vector<std::byte> booleans = {}) {
    return table.set(
        {.flags = flags, .index = index, .start = start, .count = count, .booleans = booleans},
        std::move(given), change);
  }
  IrqTable table;
  IrqChange change;
  FileDescriptor a{::eventfd(0, EFD_NONBLOCK)};
  FileDescriptor b{::eventfd(0, EFD_NONBLOCK)};
  FileDescriptor c{::eventfd(0, EFD_NONBLOCK)};
};

TEST_F(IrqTableTest, EventfdIsWrittenByTheDevice) {
  EXPECT_EQ(table.trigger(2, 1), Delivery::kNobody);
  EXPECT_EQ(table.lost(), 1u);
  ASSERT_EQ(set(0x24, 2, 1, 2, fds({a.get(), b.get()})), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kAssigned);
  EXPECT_EQ(change.start, 1u);
  EXPECT_EQ(change.count, 2u);
  EXPECT_FALSE(table.assigned(2, 0));
  EXPECT_TRUE(table.assigned(2, 1));
  EXPECT_TRUE(table.assigned(2, 2));
  EXPECT_EQ(table.trigger(2, 1), Delivery::kSent);
  EXPECT_EQ(table.trigger(2, 2), Delivery::kSent);
  EXPECT_EQ(table.trigger(2, 2), Delivery::kSent);
  EXPECT_EQ(events(a.get()), 1u);
  EXPECT_EQ(events(b.get()), 2u);
  EXPECT_EQ(table.sent(), 3u);
}

TEST_F(IrqTableTest, NoDescriptorTakesTheVectorAway) {
  ASSERT_EQ(set(0x24, 2, 0, 2, fds({a.get(), b.get()})), 0);
  ASSERT_EQ(set(0x24, 2, 0, 1), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kRemoved);
  EXPECT_FALSE(table.assigned(2, 0));
  EXPECT_TRUE(table.assigned(2, 1));
}

TEST_F(IrqTableTest, NewDescriptorReplacesTheOld) {
  ASSERT_EQ(set(0x24, 2, 0, 1, fds({a.get()})), 0);
  ASSERT_EQ(set(0x24, 2, 0, 1, fds({b.get()})), 0);
  table.trigger(2, 0);
  EXPECT_EQ(events(a.get()), 0u);
  EXPECT_EQ(events(b.get()), 1u);
}

TEST_F(IrqTableTest, CountOfZeroTakesTheIndexDown) {
  ASSERT_EQ(set(0x24, 2, 0, 2, fds({a.get(), b.get()})), 0);
  ASSERT_EQ(set(0x24, 3, 0, 1, fds({c.get()})), 0);
  ASSERT_EQ(set(0x21, 2, 0, 0), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kRemoved);
  EXPECT_EQ(change.count, 4u);
  EXPECT_FALSE(table.assigned(2, 0));
  EXPECT_FALSE(table.assigned(2, 1));
  EXPECT_TRUE(table.assigned(3, 0));
  EXPECT_EQ(set(0x21, 1, 0, 0), 0);  // of an index without vectors
}

TEST_F(IrqTableTest, CountOfZeroWithAnythingElseIsRefused) {
  EXPECT_EQ(set(0x21, 2, 1, 0), EINVAL);
  EXPECT_EQ(set(0x22, 2, 0, 0), EINVAL);
  EXPECT_EQ(set(0x24, 2, 0, 0), EINVAL);
  EXPECT_EQ(set(0x09, 3, 0, 0), EINVAL);
  EXPECT_EQ(set(0x11, 3, 0, 0), EINVAL);
  EXPECT_EQ(set(0x21, 2, 0, 0, fds({a.get()})), EINVAL);
}

TEST_F(IrqTableTest, ClientTriggersItself) {
  ASSERT_EQ(set(0x24, 2, 0, 3, fds({a.get(), b.get(), c.get()})), 0);
  ASSERT_EQ(set(0x21, 2, 1, 2), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kTriggered);
  EXPECT_EQ(events(a.get()), 0u);
  EXPECT_EQ(events(b.get()), 1u);
  EXPECT_EQ(events(c.get()), 1u);
  ASSERT_EQ(set(0x22, 2, 0, 3, {}, {std::byte{1}, std::byte{0}, std::byte{0x80}}), 0);
  EXPECT_EQ(events(a.get()), 1u);
  EXPECT_EQ(events(b.get()), 0u);
  EXPECT_EQ(events(c.get()), 1u);
}

TEST_F(IrqTableTest, MaskHoldsAndUnmaskSends) {
  ASSERT_EQ(set(0x24, 3, 0, 1, fds({a.get()})), 0);
  ASSERT_EQ(set(0x0C, 3, 0, 1, fds({b.get()})), 0);  // tell me when it is masked
  EXPECT_EQ(change.kind, IrqChange::Kind::kNotifier);
  ASSERT_EQ(set(0x14, 3, 0, 1, fds({c.get()})), 0);  // tell me when it is unmasked
  ASSERT_EQ(set(0x09, 3, 0, 1), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kMasked);
  EXPECT_TRUE(table.masked(3, 0));
  EXPECT_EQ(events(b.get()), 1u);
  ASSERT_EQ(set(0x09, 3, 0, 1), 0);  // is masked already
  EXPECT_EQ(events(b.get()), 0u);
  EXPECT_EQ(table.trigger(3, 0), Delivery::kHeld);
  EXPECT_EQ(table.trigger(3, 0), Delivery::kHeld);
  EXPECT_TRUE(table.held(3, 0));
  EXPECT_EQ(events(a.get()), 0u);
  ASSERT_EQ(set(0x11, 3, 0, 1), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kUnmasked);
  EXPECT_EQ(events(c.get()), 1u);
  EXPECT_EQ(events(a.get()), 1u);  // once, however often
  EXPECT_FALSE(table.held(3, 0));
  ASSERT_EQ(set(0x11, 3, 0, 1), 0);  // is unmasked already
  EXPECT_EQ(events(c.get()), 0u);
  EXPECT_EQ(events(a.get()), 0u);
}

TEST_F(IrqTableTest, NotifierIsTakenAway) {
  ASSERT_EQ(set(0x0C, 3, 0, 1, fds({b.get()})), 0);
  ASSERT_EQ(set(0x0C, 3, 0, 1), 0);
  EXPECT_EQ(change.kind, IrqChange::Kind::kNotifier);
  ASSERT_EQ(set(0x09, 3, 0, 1), 0);
  EXPECT_EQ(events(b.get()), 0u);
}

TEST_F(IrqTableTest, BooleansPickWhatIsMasked) {
  ASSERT_EQ(set(0x0A, 3, 0, 2, {}, {std::byte{0}, std::byte{1}}), 0);
  EXPECT_FALSE(table.masked(3, 0));
  EXPECT_TRUE(table.masked(3, 1));
  ASSERT_EQ(set(0x12, 3, 0, 2, {}, {std::byte{1}, std::byte{0}}), 0);
  EXPECT_TRUE(table.masked(3, 1));
  ASSERT_EQ(set(0x12, 3, 1, 1, {}, {std::byte{1}}), 0);
  EXPECT_FALSE(table.masked(3, 1));
}

TEST_F(IrqTableTest, AutomaskedOneMasksItself) {
  ASSERT_EQ(set(0x24, 0, 0, 1, fds({a.get()})), 0);
  ASSERT_EQ(set(0x0C, 0, 0, 1, fds({b.get()})), 0);
  EXPECT_EQ(table.trigger(0, 0), Delivery::kSent);
  EXPECT_TRUE(table.masked(0, 0));
  EXPECT_EQ(events(b.get()), 1u);
  EXPECT_EQ(table.trigger(0, 0), Delivery::kHeld);
  EXPECT_EQ(events(a.get()), 1u);
  ASSERT_EQ(set(0x11, 0, 0, 1), 0);
  EXPECT_EQ(events(a.get()), 1u);
  EXPECT_TRUE(table.masked(0, 0));
}

TEST_F(IrqTableTest, ReplacedVectorForgetsWhatWasHeld) {
  ASSERT_EQ(set(0x24, 3, 0, 1, fds({a.get()})), 0);
  ASSERT_EQ(set(0x09, 3, 0, 1), 0);
  table.trigger(3, 0);
  ASSERT_EQ(set(0x24, 3, 0, 1), 0);
  EXPECT_FALSE(table.held(3, 0));
}

TEST_F(IrqTableTest, FlagsThatDoNotFitAreRefused) {
  for (std::uint32_t flags = 0; flags < 128; ++flags) {
    const std::uint32_t data = flags & 7;
    const std::uint32_t action = flags & 0x38;
    const bool one_of_each = (data == 1 || data == 2 || data == 4) &&
                             (action == 8 || action == 16 || action == 32) && flags < 64;
    const std::vector<std::byte> booleans(data == 2 ? 1 : 0);
    EXPECT_EQ(set(flags, 3, 0, 1, data == 4 ? fds({a.get()}) : FileDescriptors{}, booleans),
              one_of_each ? 0 : EINVAL)
        << flags;
  }
  EXPECT_EQ(set(0x80000024, 3, 0, 1, fds({a.get()})), EINVAL);
}

TEST_F(IrqTableTest, RangeHasToExist) {
  EXPECT_EQ(set(0x21, 2, 3, 1), 0);
  EXPECT_EQ(set(0x21, 2, 4, 1), EINVAL);
  EXPECT_EQ(set(0x21, 2, 3, 2), EINVAL);
  EXPECT_EQ(set(0x21, 2, 0xFFFFFFFF, 1), EINVAL);
  EXPECT_EQ(set(0x21, 2, 1, 0xFFFFFFFF), EINVAL);
  EXPECT_EQ(set(0x21, 5, 0, 1), EINVAL);
  EXPECT_EQ(set(0x21, 0xFFFFFFFF, 0, 0), EINVAL);
  EXPECT_EQ(set(0x21, 1, 0, 1), EINVAL);
}

TEST_F(IrqTableTest, DataHasToMatchTheCount) {
  EXPECT_EQ(set(0x22, 2, 0, 2, {}, {std::byte{1}}), EINVAL);
  EXPECT_EQ(set(0x22, 2, 0, 1, {}, {std::byte{1}, std::byte{1}}), EINVAL);
  EXPECT_EQ(set(0x21, 2, 0, 1, {}, {std::byte{1}}), EINVAL);
  EXPECT_EQ(set(0x24, 2, 0, 1, fds({a.get()}), {std::byte{1}}), EINVAL);
  EXPECT_EQ(set(0x24, 2, 0, 2, fds({a.get()})), EINVAL);
  EXPECT_EQ(set(0x24, 2, 0, 1, fds({a.get(), b.get()})), EINVAL);
  EXPECT_EQ(set(0x22, 2, 0, 1, fds({a.get()}), {std::byte{1}}), EINVAL);
}

TEST_F(IrqTableTest, WhatAnIndexCannotDoIsNotSupported) {
  EXPECT_EQ(set(0x09, 2, 0, 1), ENOTSUP);
  EXPECT_EQ(set(0x11, 2, 0, 1), ENOTSUP);
  EXPECT_EQ(set(0x0C, 2, 0, 1, fds({a.get()})), ENOTSUP);
  EXPECT_EQ(set(0x24, 4, 0, 1, fds({a.get()})), ENOTSUP);
}

TEST_F(IrqTableTest, OnlyEventfdsAreTaken) {
  const FileDescriptor file = test::memory_file(4096);
  EXPECT_EQ(set(0x24, 2, 0, 1, fds({file.get()})), EINVAL);
  EXPECT_FALSE(table.assigned(2, 0));
}

TEST_F(IrqTableTest, FullEventfdDoesNotBlock) {
  const FileDescriptor blocking(::eventfd(0, 0));
  const std::uint64_t full = 0xFFFFFFFFFFFFFFFE;
  ASSERT_EQ(::write(blocking.get(), &full, sizeof full), 8);
  ASSERT_EQ(set(0x24, 2, 0, 1, fds({blocking.get()})), 0);
  EXPECT_EQ(table.trigger(2, 0), Delivery::kSent);
  EXPECT_EQ(events(blocking.get()), full);
}

TEST_F(IrqTableTest, ClearClosesEverything) {
  const std::size_t before = test::open_descriptors();
  ASSERT_EQ(set(0x24, 3, 0, 2, fds({a.get(), b.get()})), 0);
  ASSERT_EQ(set(0x0C, 3, 0, 1, fds({c.get()})), 0);
  ASSERT_EQ(set(0x09, 3, 0, 1), 0);
  EXPECT_EQ(test::open_descriptors(), before + 3);
  table.clear();
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_FALSE(table.masked(3, 0));
}

TEST_F(IrqTableTest, UnknownVectorIsMisuse) {
  EXPECT_THROW(table.trigger(2, 4), HarnessError);
  EXPECT_THROW(table.trigger(5, 0), HarnessError);
  EXPECT_THROW(static_cast<void>(table.masked(1, 0)), HarnessError);
}

}  // namespace
}  // namespace siov::vfio_user
