// SPDX-License-Identifier: Apache-2.0
// TLPs as beats of 64 and of 32 bytes: docs/architecture.md 1.1.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "pcie/tlp_assembler.hpp"
#include "pcie/tlp_driver.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

constexpr RequesterId kDevice{0x0100};

std::vector<std::byte> payload(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 37 + 11);
  return bytes;
}

/// Drives a TLP and assembles it again. @return number of beats
std::size_t travel(const Tlp& tlp, std::uint32_t beat_bytes, Tlp& arrived) {
  TlpDriver driver(beat_bytes);
  TlpAssembler assembler(beat_bytes);
  driver.start(tlp);
  std::size_t beats = 0;
  const Tlp* done = nullptr;
  while (driver.busy()) {
    Beat beat;
    driver.drive(beat);
    EXPECT_TRUE(beat.valid);
    EXPECT_EQ(beat.sop, beats == 0);
    ++beats;
    done = assembler.accept(beat);
    EXPECT_EQ(beat.eop, done != nullptr);
  }
  EXPECT_EQ(assembler.framing_errors(), 0u);
  if (done != nullptr) arrived = *done;
  return beats;
}

TEST(TlpStreamTest, NarrowLinkNeedsABeatForEach32Bytes) {
  const std::pair<std::size_t, std::size_t> cases[] = {{4, 1},   {32, 1},  {36, 2},  {64, 2},
                                                       {68, 3},  {96, 3},  {100, 4}, {128, 4},
                                                       {256, 8}, {260, 9}, {512, 16}};
  for (const auto& [bytes, beats] : cases) {
    const std::vector<std::byte> data = payload(bytes);
    Tlp arrived;
    EXPECT_EQ(travel(mem_write(kDevice, 0x1000, data), 32, arrived), beats) << bytes;
    ASSERT_EQ(arrived.payload_bytes, bytes);
    EXPECT_EQ(std::memcmp(arrived.payload.data(), data.data(), bytes), 0);
  }
}

TEST(TlpStreamTest, WideLinkNeedsABeatForEach64Bytes) {
  const std::pair<std::size_t, std::size_t> cases[] = {{4, 1},   {64, 1},  {68, 2},
                                                       {128, 2}, {256, 4}, {512, 8}};
  for (const auto& [bytes, beats] : cases) {
    const std::vector<std::byte> data = payload(bytes);
    Tlp arrived;
    EXPECT_EQ(travel(mem_write(kDevice, 0x1000, data), 64, arrived), beats) << bytes;
    ASSERT_EQ(arrived.payload_bytes, bytes);
    EXPECT_EQ(std::memcmp(arrived.payload.data(), data.data(), bytes), 0);
  }
}

TEST(TlpStreamTest, PacketWithoutPayloadIsOneBeatOnBothLinks) {
  for (const std::uint32_t beat_bytes : {32u, 64u}) {
    Tlp arrived;
    EXPECT_EQ(travel(mem_read(kDevice, 0x2A5, 0x1000, 512), beat_bytes, arrived), 1u);
    EXPECT_EQ(arrived.tag, 0x2A5);
    EXPECT_EQ(arrived.payload_bytes, 0);
  }
}

TEST(TlpStreamTest, PacketOfOtherBeatsThanLengthSaysKeepsWhatTravelled) {
  const std::vector<std::byte> data = payload(64);
  TlpDriver driver(32);
  TlpAssembler assembler(32);
  const Tlp tlp = mem_write(kDevice, 0x1000, data);
  driver.start(tlp);
  Beat beat;
  driver.drive(beat);
  beat.eop = true;  // cut after 32 of 64 bytes
  const Tlp* const arrived = assembler.accept(beat);
  ASSERT_NE(arrived, nullptr);
  EXPECT_EQ(arrived->length_dw, 16);
  EXPECT_EQ(arrived->payload_bytes, 32);
}

}  // namespace
}  // namespace siov::pcie
