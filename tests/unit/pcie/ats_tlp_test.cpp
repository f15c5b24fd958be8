// SPDX-License-Identifier: Apache-2.0
// Images of the TLPs of address translation, typed from pcie.md 9.1 to 9.4, not computed.
#include "pcie/ats_tlp.hpp"

#include <gtest/gtest.h>

#include <array>

#include "pcie/format.hpp"
#include "pcie/tlp_codec.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

constexpr RequesterId kDevice{0x0100};
constexpr RequesterId kHost{0x0008};

void expect_image(const Tlp& tlp, std::array<std::uint32_t, 4> dw, std::uint32_t prefix = 0) {
  const WireHeader wire = encode(tlp);
  EXPECT_EQ(wire.dw, dw);
  EXPECT_EQ(wire.prefix_valid, prefix != 0);
  EXPECT_EQ(wire.prefix, prefix);
}

void expect_payload(const Tlp& tlp, const std::array<unsigned, 8>& bytes) {
  ASSERT_EQ(tlp.payload_bytes, 8);
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_EQ(std::to_integer<unsigned>(tlp.payload[i]), bytes[i]) << i;
}

/// What a receiver has.
Tlp received(const Tlp& tlp) {
  Tlp seen;
  decode(encode(tlp), seen);
  seen.payload = tlp.payload;
  seen.payload_bytes = tlp.payload_bytes;
  EXPECT_FALSE(seen.reserved_bits_set);
  EXPECT_FALSE(message_reserved_bits(seen));
  return seen;
}

TEST(AtsTlpTest, TranslationRequestHasAtOneEvenLengthAndNoWriteInAddressBit0) {
  port::TranslationRequest r{.requester = kDevice, .address = Iova{0x1234'5000}, .pasid = Pasid{5}};
  expect_image(translation_request(0x0C, r), {0x00000402, 0x01000CFF, 0x12345000, 0}, 0x91000005);
  r.no_write = true;
  r.privileged = true;
  expect_image(translation_request(0x0C, r), {0x00000402, 0x01000CFF, 0x12345001, 0}, 0x91800005);
  r.pasid.reset();
  r.address = Iova{0x1'2340'0000};
  const Tlp above = translation_request(0x0C, r);
  expect_image(above, {0x20000402, 0x01000CFF, 0x00000001, 0x23400001});
  const port::TranslationRequest seen = translation_of(received(above));
  EXPECT_EQ(seen.requester, kDevice);
  EXPECT_EQ(seen.address, Iova{0x1'2340'0000});
  EXPECT_TRUE(seen.no_write);
  EXPECT_FALSE(seen.pasid.has_value());
}

TEST(AtsTlpTest, TranslationRequestIsMalformedWithOddLengthLongLengthOrByteEnables) {
  Tlp t = translation_request(1, {.requester = kDevice, .address = Iova{0x1000}});
  EXPECT_TRUE(translation_request_legal(t, 64));
  t.length_dw = 16;
  EXPECT_TRUE(translation_request_legal(t, 64));
  t.length_dw = 18;
  EXPECT_FALSE(translation_request_legal(t, 64));
  EXPECT_TRUE(translation_request_legal(t, 128));
  t.length_dw = 3;
  EXPECT_FALSE(translation_request_legal(t, 64));
  t.length_dw = 2;
  t.first_be = 0x7;
  EXPECT_FALSE(translation_request_legal(t, 64));
  t.first_be = 0xF;
  t.last_be = 0;
  EXPECT_FALSE(translation_request_legal(t, 64));
}

TEST(AtsTlpTest, CompletionCarriesTheEntryBigEndianAtTheEndOfAnRcbBlock) {
  const Tlp ask = translation_request(0x0C, {.requester = kDevice, .address = Iova{0x40'0000}});
  const Tlp answer = translation_completion(ask, kHost, 0x0000'0001'234F'F803, 64);
  expect_image(answer, {0x4A000002, 0x00080008, 0x01000C38, 0});
  expect_payload(answer, {0x00, 0x00, 0x00, 0x01, 0x23, 0x4F, 0xF8, 0x03});  // pcie.md 9.2
  EXPECT_EQ(big_endian_entry(answer), 0x0000'0001'234F'F803u);
  EXPECT_EQ(translation_completion(ask, kHost, 0, 128).lower_address, 0x78);
}

TEST(AtsTlpTest, SizeCodeIsTheLowestZeroBit) {
  EXPECT_EQ(coded_bytes(0x1234'5000, false), 0x1000u);
  EXPECT_EQ(coded_bytes(0x1234'4000, true), 0x2000u);  // bit 12 = 0: 8 KB
  EXPECT_EQ(coded_bytes(0x1'234F'F000, true), 0x20'0000u);
  EXPECT_EQ(coded_start(0x1'234F'F000, true), 0x1'2340'0000u);
  EXPECT_EQ(coded_start(0x1234'5000, true), 0x1234'4000u);
  EXPECT_EQ(coded_bytes(0x7FFF'FFFF'FFFF'F000, true), 0u);  // everything
  EXPECT_EQ(coded_start(0x7FFF'FFFF'FFFF'F000, true), 0u);
}

TEST(AtsTlpTest, InvalidateRequest) {
  port::InvalidateRequest r{.device = kDevice,
                            .itag = 3,
                            .pasid = Pasid{5},
                            .address = 0x1'234F'F000,
                            .size = true,
                            .global = true};
  const Tlp t = invalidate_request(kHost, r);
  expect_image(t, {0x72000002, 0x00080301, 0x01000000, 0}, 0x91000005);
  expect_payload(t, {0x00, 0x00, 0x00, 0x01, 0x23, 0x4F, 0xF8, 0x01});
  const auto seen = invalidate_request_of(received(t));
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->device, kDevice);
  EXPECT_EQ(seen->itag, 3);
  EXPECT_EQ(seen->pasid, Pasid{5});
  EXPECT_EQ(seen->address, 0x1'234F'F000u);
  EXPECT_TRUE(seen->size);
  EXPECT_TRUE(seen->global);
  r = {.device = kDevice, .itag = 31, .address = 0x7FFF'FFFF'FFFF'F000, .size = true};
  const Tlp all = invalidate_request(kHost, r);
  expect_image(all, {0x72000002, 0x00081F01, 0x01000000, 0});
  expect_payload(all, {0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xF8, 0x00});
}

TEST(AtsTlpTest, InvalidateCompletion) {
  const Tlp t = invalidate_completion(kHost, {.device = kDevice, .itags = 0x8000'0008, .count = 2});
  expect_image(t, {0x32000000, 0x01000002, 0x00080002, 0x80000008});
  const auto seen = invalidate_completion_of(received(t));
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->device, kDevice);
  EXPECT_EQ(seen->itags, 0x8000'0008u);
  EXPECT_EQ(seen->count, 2);
  EXPECT_EQ(message_target(t), kHost);
  // 8 completions are written as 0
  expect_image(invalidate_completion(kHost, {.device = kDevice, .itags = 1, .count = 8}),
               {0x32000000, 0x01000002, 0x00080000, 0x00000001});
}

TEST(AtsTlpTest, PageRequestAndStopMarker) {
  const port::PageRequest r{.requester = kDevice,
                            .pasid = Pasid{5},
                            .privileged = true,
                            .address = 0x1'2345'6000,
                            .read = true,
                            .write = true,
                            .last = true,
                            .group = 0x1A5};
  const Tlp t = page_request(r);
  expect_image(t, {0x30000000, 0x01000004, 0x00000001, 0x23456D2F}, 0x91800005);
  const auto seen = page_request_of(received(t));
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->address, 0x1'2345'6000u);
  EXPECT_EQ(seen->group, 0x1A5);
  EXPECT_TRUE(seen->read && seen->write && seen->last && seen->privileged);
  EXPECT_EQ(seen->pasid, Pasid{5});
  EXPECT_FALSE(is_stop_marker(*seen));
  const Tlp marker = page_request({.requester = kDevice, .pasid = Pasid{5}, .last = true});
  expect_image(marker, {0x30000000, 0x01000004, 0, 0x00000004}, 0x91000005);
  EXPECT_TRUE(is_stop_marker(*page_request_of(marker)));
}

TEST(AtsTlpTest, PageGroupResponse) {
  const Tlp t =
      page_response(kHost, {.device = kDevice, .pasid = Pasid{5}, .group = 0x1A5, .code = 0xF});
  expect_image(t, {0x32000000, 0x00080005, 0x0100F1A5, 0}, 0x91000005);
  const auto seen = page_response_of(received(t));
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->device, kDevice);
  EXPECT_EQ(seen->group, 0x1A5);
  EXPECT_EQ(seen->code, 0xF);
  expect_image(page_response(kHost, {.device = kDevice, .group = 1, .code = 1}),
               {0x32000000, 0x00080005, 0x01001001, 0});
}

TEST(AtsTlpTest, ReservedBitsAreSeen) {
  Tlp t = invalidate_request(kHost, {.device = kDevice, .itag = 3, .address = 0x1000});
  EXPECT_FALSE(message_reserved_bits(t));
  t.tag |= 0x20;
  EXPECT_TRUE(message_reserved_bits(t));
  t.tag = 3;
  t.message_dw3 = 1;
  EXPECT_TRUE(message_reserved_bits(t));
  t.message_dw3 = 0;
  t.payload[7] = std::byte{2};
  EXPECT_TRUE(message_reserved_bits(t));
  Tlp c = invalidate_completion(kHost, {.device = kDevice, .itags = 1});
  c.message_dw2 |= 8;
  EXPECT_TRUE(message_reserved_bits(c));
  Tlp r = page_response(kHost, {.device = kDevice, .group = 1});
  r.message_dw2 |= 0x200;
  EXPECT_TRUE(message_reserved_bits(r));
}

TEST(AtsTlpTest, OtherFormsAreNone) {
  Tlp t = page_request({.requester = kDevice, .address = 0x1000, .read = true, .last = true});
  t.message_routing = 2;
  EXPECT_FALSE(page_request_of(t).has_value());
  t = invalidate_completion(kHost, {.device = kDevice, .itags = 0});
  EXPECT_FALSE(invalidate_completion_of(t).has_value());
  t = invalidate_request(kHost, {.device = kDevice});
  t.type = TlpType::kMessage;
  t.payload_bytes = 0;
  EXPECT_FALSE(invalidate_request_of(t).has_value());
  EXPECT_FALSE(page_response_of(t).has_value());
  EXPECT_TRUE(is_ats_message(t));
  make_vendor_defined(t);
  EXPECT_FALSE(is_ats_message(t));
}

TEST(AtsTlpTest, Text) {
  EXPECT_EQ(format_tlp(translation_request(
                3, {.requester = kDevice, .address = Iova{0x5000}, .pasid = Pasid{5}})),
            "MRd 8 B @0x5000 PASID 0x5 rid 01:00.0 tag 3 AT1");
  EXPECT_EQ(format_tlp(invalidate_request(
                kHost, {.device = kDevice, .itag = 3, .pasid = Pasid{5}, .address = 0x5000})),
            "MsgD Invalidate Request itag 3 0x1000 B @0x5000 PASID 0x5 rid 00:01.0");
  EXPECT_EQ(format_tlp(invalidate_request(
                kHost, {.device = kDevice, .address = 0x7FFF'FFFF'FFFF'F000, .size = true})),
            "MsgD Invalidate Request itag 0 all rid 00:01.0");
  EXPECT_EQ(format_tlp(invalidate_completion(kHost, {.device = kDevice, .itags = 8})),
            "Msg Invalidate Completion itags 0x00000008 count 1 rid 01:00.0");
  EXPECT_EQ(format_tlp(page_request({.requester = kDevice,
                                     .pasid = Pasid{5},
                                     .address = 0x5000,
                                     .read = true,
                                     .last = true,
                                     .group = 7})),
            "Msg Page Request @0x5000 group 7 R last PASID 0x5 rid 01:00.0");
  EXPECT_EQ(format_tlp(page_response(kHost, {.device = kDevice, .group = 7, .code = 1})),
            "Msg PRG Response group 7 code 1 rid 00:01.0");
}

}  // namespace
}  // namespace siov::pcie
