// SPDX-License-Identifier: Apache-2.0
// Ranges of client memory.
#include "vfio_user/guest_ram.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/error.hpp"
#include "fixture.hpp"

namespace siov::vfio_user {
namespace {

using test::memory_file;

DmaRange range(std::uint64_t address, std::uint64_t bytes, std::uint64_t offset = 0) {
  return {.address = Gpa{address},
          .bytes = bytes,
          .file_offset = offset,
          .readable = true,
          .writable = true};
}

class GuestRamTest : public ::testing::Test {
 protected:
  void fill(const FileDescriptor& fd, std::uint64_t offset, const std::string& text) {
    ASSERT_EQ(::pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(text.size()));
  }
  std::string text(Gpa address, std::size_t bytes) {
    std::string out(bytes, '?');
    if (!ram.read(address, std::as_writable_bytes(std::span(out)))) return "unreadable";
    return out;
  }
  GuestRam ram;
};

TEST_F(GuestRamTest, ReadsAndWritesTheFileAtItsOffset) {
  FileDescriptor fd = memory_file(16384);
  const FileDescriptor other(::dup(fd.get()));
  fill(fd, 8192, "hello");
  ASSERT_EQ(ram.map(range(0x100000, 8192, 8192), std::move(fd)), 0);
  EXPECT_EQ(text(Gpa{0x100000}, 5), "hello");
  const std::array<std::byte, 3> data = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  ASSERT_TRUE(ram.write(Gpa{0x101000}, data));
  char found[4] = {};
  ASSERT_EQ(::pread(other.get(), found, 3, 8192 + 4096), 3);
  EXPECT_STREQ(found, "abc");
}

TEST_F(GuestRamTest, OffsetInsideAPage) {
  FileDescriptor fd = memory_file(16384);
  fill(fd, 4096 + 16, "here");
  ASSERT_EQ(ram.map(range(0x1000, 8192, 4096 + 16), std::move(fd)), 0);
  EXPECT_EQ(text(Gpa{0x1000}, 4), "here");
  ASSERT_NE(ram.host(Gpa{0x1000}, 8192), nullptr);
}

TEST_F(GuestRamTest, LooksUpFirstAndLastByteOnly) {
  ASSERT_EQ(ram.map(range(0x1000, 8192), memory_file(8192)), 0);
  EXPECT_EQ(ram.host(Gpa{0xFFF}, 1), nullptr);
  EXPECT_NE(ram.host(Gpa{0x1000}, 1), nullptr);
  EXPECT_NE(ram.host(Gpa{0x1000}, 8192), nullptr);
  EXPECT_EQ(ram.host(Gpa{0x1000}, 8193), nullptr);
  EXPECT_NE(ram.host(Gpa{0x2FFF}, 1), nullptr);
  EXPECT_EQ(ram.host(Gpa{0x2FFF}, 2), nullptr);
  EXPECT_EQ(ram.host(Gpa{0x3000}, 1), nullptr);
  EXPECT_EQ(ram.host_writable(Gpa{0x1010}, 16), ram.host(Gpa{0x1000}, 1) + 16);
}

TEST_F(GuestRamTest, CopiesAcrossRangesThatTouch) {
  ASSERT_EQ(ram.map(range(0x1000, 4096), memory_file(4096)), 0);
  ASSERT_EQ(ram.map(range(0x2000, 4096), memory_file(4096)), 0);
  ASSERT_EQ(ram.map(range(0x3000, 4096), memory_file(4096)), 0);
  std::vector<std::byte> data(4096 + 32);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 3);
  ASSERT_TRUE(ram.write(Gpa{0x1FF0}, data));
  std::vector<std::byte> back(data.size());
  ASSERT_TRUE(ram.read(Gpa{0x1FF0}, back));
  EXPECT_EQ(back, data);
  EXPECT_EQ(ram.host(Gpa{0x1FF0}, 32), nullptr);
  EXPECT_EQ(*ram.host(Gpa{0x2000}, 1), std::byte{48});
}

TEST_F(GuestRamTest, CopyOverAHoleCopiesNothing) {
  ASSERT_EQ(ram.map(range(0x1000, 4096), memory_file(4096)), 0);
  ASSERT_EQ(ram.map(range(0x3000, 4096), memory_file(4096)), 0);
  const std::vector<std::byte> data(16, std::byte{1});
  EXPECT_FALSE(ram.write(Gpa{0x1FF8}, data));
  EXPECT_EQ(*ram.host(Gpa{0x1FF8}, 1), std::byte{0});
  std::vector<std::byte> out(16, std::byte{9});
  EXPECT_FALSE(ram.read(Gpa{0x1FF8}, out));
  EXPECT_EQ(out[0], std::byte{9});
}

TEST_F(GuestRamTest, ReachTellsTheWay) {
  ASSERT_EQ(ram.map(range(0x1000, 4096), memory_file(4096)), 0);
  ASSERT_EQ(ram.map(range(0x2000, 4096), {}), 0);
  DmaRange rom = range(0x3000, 4096);
  rom.writable = false;
  ASSERT_EQ(ram.map(rom, memory_file(4096)), 0);
  DmaRange sink = range(0x4000, 4096);
  sink.readable = false;
  ASSERT_EQ(ram.map(sink, memory_file(4096)), 0);
  EXPECT_EQ(ram.reach(Gpa{0x1000}, 4096, DmaAccess::kWrite), Reach::kMapped);
  EXPECT_EQ(ram.reach(Gpa{0x1FFF}, 2, DmaAccess::kWrite), Reach::kByMessage);
  EXPECT_EQ(ram.reach(Gpa{0x2000}, 1, DmaAccess::kRead), Reach::kByMessage);
  EXPECT_EQ(ram.reach(Gpa{0x2FFF}, 2, DmaAccess::kWrite), Reach::kNoRight);
  EXPECT_EQ(ram.reach(Gpa{0x3000}, 4096, DmaAccess::kRead), Reach::kMapped);
  EXPECT_EQ(ram.reach(Gpa{0x4000}, 4096, DmaAccess::kRead), Reach::kNoRight);
  EXPECT_EQ(ram.reach(Gpa{0x4000}, 4096, DmaAccess::kWrite), Reach::kMapped);
  EXPECT_EQ(ram.reach(Gpa{0x3FFF}, 4098, DmaAccess::kWrite), Reach::kUnknown);
  EXPECT_EQ(ram.reach(Gpa{0xFFF}, 2, DmaAccess::kRead), Reach::kUnknown);
  EXPECT_EQ(ram.reach(Gpa{~0ull}, 2, DmaAccess::kRead), Reach::kUnknown);
  EXPECT_EQ(ram.host_writable(Gpa{0x3000}, 1), nullptr);
  EXPECT_EQ(ram.host(Gpa{0x4000}, 1), nullptr);
  EXPECT_EQ(ram.host(Gpa{0x2000}, 1), nullptr);
  EXPECT_FALSE(ram.range_at(Gpa{0x2000})->shared);
  EXPECT_TRUE(ram.range_at(Gpa{0x1ABC})->shared);
  EXPECT_EQ(ram.range_at(Gpa{0x5000}), nullptr);
  const std::byte one{1};
  EXPECT_FALSE(ram.write(Gpa{0x3000}, std::span(&one, 1)));
}

TEST_F(GuestRamTest, AllSharedLooksAtRamOnly) {
  DmaRange rom = range(0x3000, 4096);
  rom.writable = false;
  ASSERT_EQ(ram.map(rom, {}), 0);
  ASSERT_EQ(ram.map(range(0x1000, 4096), memory_file(4096)), 0);
  EXPECT_TRUE(ram.all_shared());
  ASSERT_EQ(ram.map(range(0x2000, 4096), {}), 0);
  EXPECT_FALSE(ram.all_shared());
}

TEST_F(GuestRamTest, OverlapIsRefused) {
  ASSERT_EQ(ram.map(range(0x4000, 0x2000), {}), 0);
  EXPECT_EQ(ram.map(range(0x4000, 0x2000), {}), EEXIST);
  EXPECT_EQ(ram.map(range(0x5000, 0x1000), {}), EEXIST);
  EXPECT_EQ(ram.map(range(0x3000, 0x2000), {}), EEXIST);
  EXPECT_EQ(ram.map(range(0x0, 0x10000), {}), EEXIST);
  EXPECT_EQ(ram.map(range(0x3000, 0x1000), {}), 0);
  EXPECT_EQ(ram.map(range(0x6000, 0x1000), {}), 0);
  EXPECT_EQ(ram.size(), 3u);
}

TEST_F(GuestRamTest, BadRangesAreRefused) {
  EXPECT_EQ(ram.map(range(0x800, 0x1000), {}), EINVAL);
  EXPECT_EQ(ram.map(range(0x1000, 0x800), {}), EINVAL);
  EXPECT_EQ(ram.map(range(0x1000, 0), {}), EINVAL);
  EXPECT_EQ(ram.map(range(~0ull << 12, 0x2000), {}), EINVAL);
  EXPECT_EQ(ram.map(range(~0ull << 12, 0x1000), {}), 0);  // the last page of 2^64
  DmaRange useless = range(0x1000, 0x1000);
  useless.readable = useless.writable = false;
  EXPECT_EQ(ram.map(useless, {}), EINVAL);
}

TEST_F(GuestRamTest, FileHasToHoldTheRange) {
  EXPECT_EQ(ram.map(range(0x1000, 0x2000), memory_file(0x1000)), EINVAL);
  EXPECT_EQ(ram.map(range(0x1000, 0x1000, 0x1000), memory_file(0x1FFF)), EINVAL);
  EXPECT_EQ(ram.map(range(0x1000, 0x1000, ~0ull), memory_file(0x1000)), EINVAL);
  EXPECT_EQ(ram.map(range(0x1000, 0x1000, 0x1000), memory_file(0x2000)), 0);
}

TEST_F(GuestRamTest, WhatCannotBeMappedKeepsItsErrno) {
  EXPECT_EQ(ram.map(range(0x1000, 0x1000), FileDescriptor(::eventfd(0, EFD_CLOEXEC))), ENODEV);
  const FileDescriptor file = memory_file(0x1000);
  const std::string link = "/proc/self/fd/" + std::to_string(file.get());
  FileDescriptor read_only(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(read_only);
  EXPECT_EQ(ram.map(range(0x1000, 0x1000), std::move(read_only)), EACCES);
  EXPECT_EQ(ram.size(), 0u);
}

TEST_F(GuestRamTest, NumberOfRangesIsLimited) {
  GuestRam few(2);
  EXPECT_EQ(few.map(range(0x1000, 0x1000), {}), 0);
  EXPECT_EQ(few.map(range(0x2000, 0x1000), {}), 0);
  EXPECT_EQ(few.map(range(0x3000, 0x1000), {}), ENOSPC);
  EXPECT_THROW(GuestRam{0}, HarnessError);
}

TEST_F(GuestRamTest, FindTakesWholeRangesOnly) {
  for (const std::uint64_t address : {0x1000, 0x3000, 0x5000}) {
    ASSERT_EQ(ram.map(range(address, 0x2000), {}), 0);
  }
  std::vector<DmaRange> found;
  EXPECT_EQ(ram.find(Gpa{0x3000}, 0x2000, found), 0);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], range(0x3000, 0x2000));
  EXPECT_EQ(ram.find(Gpa{0}, 1ull << 63, found), 0);
  EXPECT_EQ(found.size(), 3u);
  EXPECT_EQ(ram.find(Gpa{0x8000}, 0x1000, found), 0);
  EXPECT_TRUE(found.empty());
  EXPECT_EQ(ram.find(Gpa{0x3000}, 0x1000, found), EINVAL);
  EXPECT_EQ(ram.find(Gpa{0x4000}, 0x1000, found), EINVAL);
  EXPECT_EQ(ram.find(Gpa{0x2000}, 0x10000, found), EINVAL);
  EXPECT_EQ(ram.find(Gpa{0x1001}, 0x1000, found), EINVAL);
  EXPECT_EQ(ram.find(Gpa{0x1000}, 0, found), EINVAL);
}

TEST_F(GuestRamTest, RemovedMemoryIsGone) {
  ASSERT_EQ(ram.map(range(0x1000, 0x1000), memory_file(0x1000)), 0);
  ASSERT_NE(ram.host(Gpa{0x1000}, 1), nullptr);
  EXPECT_FALSE(ram.remove(Gpa{0x1000}, 0x2000));
  EXPECT_FALSE(ram.remove(Gpa{0x2000}, 0x1000));
  EXPECT_TRUE(ram.remove(Gpa{0x1000}, 0x1000));
  EXPECT_EQ(ram.host(Gpa{0x1000}, 1), nullptr);
  EXPECT_EQ(ram.map(range(0x1000, 0x1000), memory_file(0x1000)), 0);
  ram.clear();
  EXPECT_EQ(ram.reach(Gpa{0x1000}, 1, DmaAccess::kRead), Reach::kUnknown);
  EXPECT_TRUE(ram.ranges().empty());
}

TEST_F(GuestRamTest, DescriptorIsNotKept) {
  const std::size_t before = test::open_descriptors();
  ASSERT_EQ(ram.map(range(0x1000, 0x1000), memory_file(0x1000)), 0);
  EXPECT_EQ(test::open_descriptors(), before);
  EXPECT_NE(ram.host(Gpa{0x1000}, 0x1000), nullptr);
}

}  // namespace
}  // namespace siov::vfio_user
