// SPDX-License-Identifier: Apache-2.0
// Descriptor and completion record against byte images typed from DSA 5.1 and 5.4, and against the
// kernel's structures.
#include "abi/descriptor.hpp"

#include <gtest/gtest.h>
#include <linux/idxd.h>

#include <cstring>

#include "abi/completion_record.hpp"

namespace siov::abi {
namespace {

template <std::size_t N>
std::array<std::byte, N> image(const std::array<std::uint8_t, N>& raw) {
  std::array<std::byte, N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = std::byte{raw[i]};
  return out;
}

/// Every field holds a value of its own.
Descriptor full_descriptor() {
  Descriptor d;
  d.pasid = Pasid{0xABCDE};
  d.reserved0 = 0x555;
  d.privileged = true;
  d.flags = 0x92A51C;
  d.opcode = 0x05;
  d.completion_address = Iova{0x1122334455667788};
  d.source = Iova{0x99AABBCCDDEEFF01};
  d.destination = Iova{0x0203040506070809};
  d.size = 0x0A0B0C0D;
  d.interrupt_handle = 0x0E0F;
  d.reserved1 = 0x1011;
  for (unsigned i = 0; i < 24; ++i) d.op_specific[i] = std::byte(0x40 + i);
  return d;
}

const std::array<std::uint8_t, 64> kFullImage = {
    0xDE, 0xBC, 0x5A, 0xD5, 0x1C, 0xA5, 0x92, 0x05, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
    0x01, 0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x09, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02,
    0x0D, 0x0C, 0x0B, 0x0A, 0x0F, 0x0E, 0x11, 0x10, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
    0x48, 0x49, 0x4A, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57};

TEST(DescriptorTest, EncodesEveryFieldInItsPlace) {  // DSA 5.1
  EXPECT_EQ(to_line(full_descriptor()), image(kFullImage));
}

TEST(DescriptorTest, DecodesEveryFieldFromItsPlace) {  // DSA 5.1
  const auto bytes = image(kFullImage);
  EXPECT_EQ(decode_descriptor(bytes), full_descriptor());
}

TEST(DescriptorTest, DecodingLosesNoBit) {  // DSA 5.1: each bit alone survives
  for (unsigned bit = 0; bit < 512; ++bit) {
    std::array<std::byte, 64> line{};
    line[bit / 8] = std::byte(1u << bit % 8);
    EXPECT_EQ(to_line(decode_descriptor(line)), line) << "bit " << bit;
  }
}

TEST(DescriptorTest, EncodingCutsWhatDoesNotFit) {
  Descriptor d;
  d.pasid = Pasid{0xFFF00001};
  d.reserved0 = 0xF800;
  d.flags = 0xFF000000;
  const auto line = to_line(d);
  EXPECT_EQ(line[0], std::byte{0x01});
  for (unsigned i = 1; i < 64; ++i) EXPECT_EQ(line[i], std::byte{0}) << i;
}

TEST(DescriptorTest, ExpectedResultIsByte40) {  // DSA 5.6 (05)
  Descriptor d;
  d.set_expected_result(1);
  EXPECT_EQ(to_line(d)[40], std::byte{1});
  EXPECT_EQ(d.expected_result(), 1);
}

TEST(DescriptorTest, HasTheBytesOfTheKernelStructure) {  // <linux/idxd.h>
  dsa_hw_desc kernel{};
  kernel.pasid = 0xABCDE;
  kernel.rsvd = 0x555;
  kernel.priv = 1;
  kernel.flags = 0x92A51C;
  kernel.opcode = 0x05;
  kernel.completion_addr = 0x1122334455667788;
  kernel.src_addr = 0x99AABBCCDDEEFF01;
  kernel.dst_addr = 0x0203040506070809;
  kernel.xfer_size = 0x0A0B0C0D;
  kernel.int_handle = 0x0E0F;
  kernel.rsvd1 = 0x1011;
  for (unsigned i = 0; i < 24; ++i) kernel.op_specific[i] = static_cast<std::uint8_t>(0x40 + i);
  const auto line = to_line(full_descriptor());
  EXPECT_EQ(std::memcmp(&kernel, line.data(), 64), 0);
}

/// The kernel's structure with some fields set against a descriptor with the same ones.
template <class Kernel, class Ours>
void expect_same(Kernel set_kernel, Ours set_ours) {
  dsa_hw_desc kernel{};
  Descriptor d;
  set_kernel(kernel);
  set_ours(d);
  EXPECT_EQ(std::memcmp(&kernel, to_line(d).data(), 64), 0);
}

TEST(DescriptorTest, HasTheDeltaAndDualcastFieldsOfTheKernelStructure) {  // <linux/idxd.h>
  expect_same(
      [](dsa_hw_desc& k) {
        k.delta_addr = 0x1122334455667788;
        k.max_delta_size = 0x99AABBCC;
        k.expected_res_mask = 0x07;
      },
      [](Descriptor& d) {
        d.set_delta_address(Iova{0x1122334455667788});
        d.set_max_delta_size(0x99AABBCC);
        d.set_expected_mask(0x07);
        EXPECT_EQ(d.delta_address(), Iova{0x1122334455667788});
        EXPECT_EQ(d.max_delta_size(), 0x99AABBCCu);
        EXPECT_EQ(d.expected_mask(), 0x07);
      });
  expect_same([](dsa_hw_desc& k) { k.delta_rec_size = 0x99AABBCC; },
              [](Descriptor& d) {
                d.set_delta_size(0x99AABBCC);
                EXPECT_EQ(d.delta_size(), 0x99AABBCCu);
              });
  expect_same([](dsa_hw_desc& k) { k.dest2 = 0x1122334455667788; },
              [](Descriptor& d) {
                d.set_destination2(Iova{0x1122334455667788});
                EXPECT_EQ(d.destination2(), Iova{0x1122334455667788});
              });
  expect_same([](dsa_hw_desc& k) { k.comp_pattern = 0x1122334455667788; },
              [](Descriptor& d) {
                d.set_compare_pattern(0x1122334455667788);
                EXPECT_EQ(d.compare_pattern(), 0x1122334455667788u);
              });
}

TEST(DescriptorTest, HasTheCrcFieldsOfTheKernelStructure) {  // <linux/idxd.h>, DSA 5.8
  expect_same(
      [](dsa_hw_desc& k) {
        k.crc_seed = 0x99AABBCC;
        k.seed_addr = 0x1122334455667788;
      },
      [](Descriptor& d) {
        d.set_crc_seed(0x1199AABBCC, false);
        d.set_crc_seed_address(Iova{0x1122334455667788});
        EXPECT_EQ(d.crc_seed(false), 0x99AABBCCu);
        EXPECT_EQ(d.crc_seed_address(), Iova{0x1122334455667788});
      });
  Descriptor d;
  d.set_crc_seed(0x1122334455667788, true);
  EXPECT_EQ(to_line(d)[47], std::byte{0x11});
  EXPECT_EQ(d.crc_seed(true), 0x1122334455667788u);
}

TEST(DescriptorTest, HasTheDifFieldsOfTheKernelStructure) {  // <linux/idxd.h>
  expect_same(
      [](dsa_hw_desc& k) {
        k.src_upd_flags = 0x81;
        k.upd_dest_flags = 0x42;
        k.dif_upd_flags = 0x0F;
        k.src_ref_tag_seed = 0x11223344;
        k.src_app_tag_mask = 0x5566;
        k.src_app_tag_seed = 0x7788;
        k.dest_ref_tag_seed = 0x99AABBCC;
        k.dest_app_tag_mask = 0xDDEE;
        k.dest_app_tag_seed = 0xFF01;
      },
      [](Descriptor& d) {
        d.set_dif_flags(0x81, 0x42, 0x0F);
        d.set_dif_source({0x11223344, 0x5566, 0x7788});
        d.set_dif_destination({0x99AABBCC, 0xDDEE, 0xFF01});
        EXPECT_EQ(d.dif_source_flags(), 0x81);
        EXPECT_EQ(d.dif_destination_flags(), 0x42);
        EXPECT_EQ(d.dif_flags(), 0x0F);
        EXPECT_EQ(d.dif_source(), (DifTags{0x11223344, 0x5566, 0x7788}));
        EXPECT_EQ(d.dif_destination(), (DifTags{0x99AABBCC, 0xDDEE, 0xFF01}));
      });
}

TEST(DescriptorTest, SecondHalfOfThePatternIsAtByte40) {  // DSA 5.6 (04)
  Descriptor d;
  d.set_pattern_high(0x1122334455667788);
  const auto line = to_line(d);
  EXPECT_EQ(line[40], std::byte{0x88});
  EXPECT_EQ(line[47], std::byte{0x11});
  EXPECT_EQ(d.pattern_high(), 0x1122334455667788u);
}

CompletionRecord full_record() {
  CompletionRecord r;
  r.status = 0x83;
  r.result = 0x01;
  r.fault_info = 0x0B;
  r.reserved = 0x5A;
  r.bytes_completed = 0x12345678;
  r.fault_address = Iova{0x1020304050607080};
  for (unsigned i = 0; i < 16; ++i) r.op_specific[i] = std::byte(0xA0 + i);
  return r;
}

const std::array<std::uint8_t, 32> kRecordImage = {
    0x83, 0x01, 0x0B, 0x5A, 0x78, 0x56, 0x34, 0x12, 0x80, 0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10,
    0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF};

TEST(CompletionRecordTest, EncodesEveryFieldInItsPlace) {  // DSA 5.4
  EXPECT_EQ(to_bytes(full_record()), image(kRecordImage));
}

TEST(CompletionRecordTest, DecodesEveryFieldFromItsPlace) {  // DSA 5.4
  const auto bytes = image(kRecordImage);
  EXPECT_EQ(decode_completion_record(bytes), full_record());
}

TEST(CompletionRecordTest, DecodingLosesNoBit) {
  for (unsigned bit = 0; bit < 256; ++bit) {
    std::array<std::byte, 32> bytes{};
    bytes[bit / 8] = std::byte(1u << bit % 8);
    EXPECT_EQ(to_bytes(decode_completion_record(bytes)), bytes) << "bit " << bit;
  }
}

TEST(CompletionRecordTest, InvalidFlagMaskIsThreeBytesAt16) {  // DSA 5.4
  CompletionRecord r;
  r.set_invalid_flags(0xFFC04002);
  const auto bytes = to_bytes(r);
  EXPECT_EQ(bytes[16], std::byte{0x02});
  EXPECT_EQ(bytes[17], std::byte{0x40});
  EXPECT_EQ(bytes[18], std::byte{0xC0});
  EXPECT_EQ(bytes[19], std::byte{0x00});
  EXPECT_EQ(r.invalid_flags(), 0xC04002u);
}

TEST(CompletionRecordTest, HasTheBytesOfTheKernelStructure) {  // <linux/idxd.h>
  dsa_completion_record kernel{};
  kernel.status = 0x11;
  kernel.result = 0x01;
  kernel.bytes_completed = 0x12345678;
  kernel.fault_addr = 0x1020304050607080;
  kernel.invalid_flags = 0xC04002;
  CompletionRecord r;
  r.status = 0x11;
  r.result = 0x01;
  r.bytes_completed = 0x12345678;
  r.fault_address = Iova{0x1020304050607080};
  r.set_invalid_flags(0xC04002);
  const auto bytes = to_bytes(r);
  EXPECT_EQ(std::memcmp(&kernel, bytes.data(), 32), 0);
}

TEST(CompletionRecordTest, HasTheResultFieldsOfTheKernelStructure) {  // <linux/idxd.h>
  dsa_completion_record kernel{};
  CompletionRecord r;
  kernel.dif_upd_src_ref_tag = 0x11223344;
  kernel.dif_upd_src_app_tag_mask = 0x5566;
  kernel.dif_upd_src_app_tag = 0x7788;
  kernel.dif_upd_dest_ref_tag = 0x99AABBCC;
  kernel.dif_upd_dest_app_tag_mask = 0xDDEE;
  kernel.dif_upd_dest_app_tag = 0xFF01;
  r.set_dif_source({0x11223344, 0x5566, 0x7788});
  r.set_dif_destination({0x99AABBCC, 0xDDEE, 0xFF01});
  EXPECT_EQ(std::memcmp(&kernel, to_bytes(r).data(), 32), 0);
  EXPECT_EQ(r.dif_source(), (DifTags{0x11223344, 0x5566, 0x7788}));
  EXPECT_EQ(r.dif_destination(), (DifTags{0x99AABBCC, 0xDDEE, 0xFF01}));
  kernel.crc_val = 0x1122334455667788;
  r.set_crc(0x1122334455667788);
  EXPECT_EQ(std::memcmp(&kernel, to_bytes(r).data(), 32), 0);
  EXPECT_EQ(r.crc(), 0x1122334455667788u);
  kernel.delta_rec_size = 0xA1A2A3A4;
  r.set_delta_size(0xA1A2A3A4);
  EXPECT_EQ(std::memcmp(&kernel, to_bytes(r).data(), 32), 0);
  EXPECT_EQ(r.delta_size(), 0xA1A2A3A4u);
}

}  // namespace
}  // namespace siov::abi
