// SPDX-License-Identifier: Apache-2.0
// Header images, typed from the base specification (2.2) and the PASID prefix (2.2.10.4), not
// computed.
#include "pcie/tlp_codec.hpp"

#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>
#include <vector>

#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

constexpr RequesterId kDevice{0x0100};
constexpr RequesterId kHost{0x0000};

void expect_header(const Tlp& tlp, std::uint32_t dw0, std::uint32_t dw1, std::uint32_t dw2,
                   std::uint32_t dw3) {
  const WireHeader wire = encode(tlp);
  EXPECT_EQ(wire.dw[0], dw0);
  EXPECT_EQ(wire.dw[1], dw1);
  EXPECT_EQ(wire.dw[2], dw2);
  EXPECT_EQ(wire.dw[3], dw3);
}

std::vector<std::byte> bytes(std::size_t n) { return std::vector<std::byte>(n, std::byte{0x5A}); }

TEST(TlpCodecTest, MemoryReadThreeDwHasLengthByteEnablesAndAddress) {
  // 61 bytes from 1003h: 16 DW from 1000h, first BE 1000b, last BE 1111b (2.2.5)
  expect_header(mem_read(kDevice, 5, 0x1003, 61), 0x00000010, 0x010005F8, 0x00001000, 0);
}

TEST(TlpCodecTest, MemoryReadAboveFourGigabytesUsesFourDw) {
  expect_header(mem_read(kDevice, 5, 0x1'2340'0000, 512), 0x20000080, 0x010005FF, 0x00000001,
                0x23400000);
}

TEST(TlpCodecTest, LengthOf1024DwIsEncodedAsZero) {
  expect_header(mem_read(kDevice, 0, 0x2000, 4096), 0x00000000, 0x010000FF, 0x00002000, 0);
  Tlp seen;
  decode(encode(mem_read(kDevice, 0, 0x2000, 4096)), seen);
  EXPECT_EQ(seen.length_dw, 1024);
}

TEST(TlpCodecTest, ZeroLengthReadIsOneDwWithoutByteEnables) {
  expect_header(mem_read(kDevice, 9, 0x3004, 0), 0x00000001, 0x01000900, 0x00003004, 0);
}

TEST(TlpCodecTest, MemoryWritesAndDeferrableWrites) {
  expect_header(mem_write(kDevice, 0x8000, bytes(256)), 0x40000040, 0x010000FF, 0x00008000, 0);
  expect_header(mem_write(kDevice, 0xFF'0000'8002, bytes(1)), 0x60000001, 0x01000004, 0x000000FF,
                0x00008000);
  expect_header(deferrable_write(kHost, 0x21, 0xD000'0040, bytes(64)), 0x5B000010, 0x000021FF,
                0xD0000040, 0);
  expect_header(deferrable_write(kHost, 0x21, 0x4'D000'0040, bytes(64)), 0x7B000010, 0x000021FF,
                0x00000004, 0xD0000040);
}

TEST(TlpCodecTest, ConfigurationRequests) {
  ConfigAccess access;
  access.target = kDevice;
  access.offset = 0x104;
  expect_header(config_read(kHost, 7, access), 0x04000001, 0x0000070F, 0x01000104, 0);
  access.offset = 0x06;
  access.size = 2;
  const Tlp write = config_write(kHost, 7, access, 0x1234);
  expect_header(write, 0x44000001, 0x0000070C, 0x01000004, 0);
  EXPECT_EQ(write.payload[2], std::byte{0x34});
  EXPECT_EQ(write.payload[3], std::byte{0x12});
  Tlp type1 = config_read(kHost, 7, access);
  type1.type = TlpType::kConfigRead1;
  expect_header(type1, 0x05000001, 0x0000070C, 0x01000004, 0);
  type1.type = TlpType::kConfigWrite1;
  expect_header(type1, 0x45000001, 0x0000070C, 0x01000004, 0);
}

TEST(TlpCodecTest, Completions) {
  const Tlp read = mem_read(kDevice, 5, 0x1003, 61);
  // status UR 001 in 15:13, byte count 61 = 3Dh, lower address 03h
  expect_header(completion(read, RequesterId{0x0008}, CplStatus::kUr), 0x0A000000, 0x0008203D,
                0x01000503, 0);
  expect_header(completion(read, kHost, CplStatus::kCa), 0x0A000000, 0x0000803D, 0x01000503, 0);
  expect_header(completion_data(read, kHost, 0, bytes(64)), 0x4A000010, 0x0000003D, 0x01000503, 0);
  const Tlp big = mem_read(kDevice, 0x80, 0x2000, 4096);
  expect_header(completion_data(big, kHost, 0, bytes(256)), 0x4A000040, 0x00000000, 0x01008000,
                0);  // 4096 is 0
  expect_header(completion_data(big, kHost, 0x40, bytes(64)), 0x4A000010, 0x00000FC0, 0x01008040,
                0);
  // DMWr: no data, Byte Count 4, Lower Address 0 (2.3.1.1); RRS is 010
  expect_header(
      completion(deferrable_write(kHost, 0x21, 0x40, bytes(64)), kDevice, CplStatus::kRrs),
      0x0A000000, 0x01004004, 0x00002100, 0);
}

TEST(TlpCodecTest, MessagesAtomicsAndIo) {
  expect_header(message(kDevice, 0, 0x30), 0x30000000, 0x01000030, 0,
                0);  // ERR_COR to the root complex
  Tlp invalidate = message(kHost, 2, 0x01);
  invalidate.type = TlpType::kMessageData;
  invalidate.length_dw = 2;
  invalidate.message_dw2 = 0x01000000;
  invalidate.message_dw3 = 0x89ABCDEF;
  expect_header(invalidate, 0x72000002, 0x00000001, 0x01000000, 0x89ABCDEF);
  struct Case {
    TlpType type;
    std::uint32_t three, four;
  };
  for (const Case c : {Case{TlpType::kFetchAdd, 0x4C000002, 0x6C000002},
                       Case{TlpType::kSwap, 0x4D000002, 0x6D000002},
                       Case{TlpType::kCompareSwap, 0x4E000002, 0x6E000002}}) {
    Tlp atomic = mem_read(kDevice, 1, 0x100, 8);
    atomic.type = c.type;
    expect_header(atomic, c.three, 0x010001FF, 0x100, 0);
    atomic.address = 0x7'0000'0100;
    atomic.four_dw = true;
    expect_header(atomic, c.four, 0x010001FF, 0x7, 0x100);
  }
  Tlp io = mem_read(kHost, 1, 0x3F8, 4);
  io.type = TlpType::kIoRead;
  expect_header(io, 0x02000001, 0x0000010F, 0x3F8, 0);
  io.type = TlpType::kIoWrite;
  expect_header(io, 0x42000001, 0x0000010F, 0x3F8, 0);
}

TEST(TlpCodecTest, EveryFlagOfTheFirstDwHasItsBit) {
  Tlp tlp = mem_read(kDevice, 0x3A5, 0x1000, 4);
  tlp.tc = 5;
  tlp.ido = tlp.th = tlp.td = tlp.ep = tlp.ro = tlp.ns = true;
  tlp.at = 2;
  // T9 23, TC 22:20, T8 19, IDO 18, TH 16, TD 15, EP 14, RO 13, NS 12, AT 11:10 (2.2.1)
  expect_header(tlp, 0x00DDF801, 0x0100A50F, 0x00001000, 0);
  const auto only = [](auto set) {
    Tlp one = mem_read(kDevice, 0, 0x1000, 4);
    set(one);
    return encode(one).dw[0];
  };
  EXPECT_EQ(only([](Tlp& t) { t.tag = 0x200; }), 0x00800001u);
  EXPECT_EQ(only([](Tlp& t) { t.tag = 0x100; }), 0x00080001u);
  EXPECT_EQ(only([](Tlp& t) { t.tc = 7; }), 0x00700001u);
  EXPECT_EQ(only([](Tlp& t) { t.ido = true; }), 0x00040001u);
  EXPECT_EQ(only([](Tlp& t) { t.th = true; }), 0x00010001u);
  EXPECT_EQ(only([](Tlp& t) { t.td = true; }), 0x00008001u);
  EXPECT_EQ(only([](Tlp& t) { t.ep = true; }), 0x00004001u);
  EXPECT_EQ(only([](Tlp& t) { t.ro = true; }), 0x00002001u);
  EXPECT_EQ(only([](Tlp& t) { t.ns = true; }), 0x00001001u);
  EXPECT_EQ(only([](Tlp& t) { t.at = 1; }), 0x00000401u);
}

TEST(TlpCodecTest, PasidPrefixBits) {
  const Tlp read = mem_read(kDevice, 0, 0x1000, 4);
  EXPECT_FALSE(encode(read).prefix_valid);
  EXPECT_EQ(encode(with_pasid(read, Pasid{0x5})).prefix, 0x91000005u);
  EXPECT_EQ(encode(with_pasid(read, Pasid{0xABCDE}, true)).prefix, 0x918ABCDEu);  // PMR is bit 23
  WireHeader wire = encode(with_pasid(read, Pasid{0x5}));
  wire.prefix = 0x91C00007;
  Tlp seen;
  decode(wire, seen);
  EXPECT_TRUE(seen.prefix.present);
  EXPECT_TRUE(seen.prefix.privileged);
  EXPECT_TRUE(seen.prefix.execute);
  EXPECT_EQ(seen.prefix.pasid, 7u);
  EXPECT_FALSE(seen.reserved_bits_set);
  wire.prefix = 0x91200007;  // bit 21 is reserved
  decode(wire, seen);
  EXPECT_TRUE(seen.reserved_bits_set);
  wire.prefix = 0x90000007;  // another end-end prefix
  decode(wire, seen);
  EXPECT_TRUE(seen.prefix.present);
  EXPECT_EQ(seen.prefix.raw, 0x90000007u);
  EXPECT_EQ(seen.prefix.pasid, 0u);
}

TEST(TlpCodecTest, ReservedBitsAreReported) {
  struct Case {
    WireHeader wire;
    int dw;
    std::uint32_t bit;
  };
  ConfigAccess access;
  access.target = kDevice;
  const WireHeader read = encode(mem_read(kDevice, 0, 0x1000, 4));
  const WireHeader write = encode(mem_write(kDevice, 0x1000, bytes(4)));
  const WireHeader config = encode(config_read(kHost, 0, access));
  const WireHeader cpl = encode(completion(mem_read(kDevice, 0, 0, 4), kHost, CplStatus::kSc));
  const Case cases[] = {{read, 0, 1u << 17},   {read, 2, 1u},        {read, 2, 2u},
                        {read, 3, 1u},         {write, 0, 1u << 23}, {write, 0, 1u << 19},
                        {config, 2, 1u << 12}, {config, 2, 2u},      {cpl, 2, 1u << 7},
                        {cpl, 0, 1u}};
  for (const Case& c : cases) {
    Tlp seen;
    decode(c.wire, seen);
    EXPECT_FALSE(seen.reserved_bits_set);
    WireHeader bad = c.wire;
    bad.dw[static_cast<std::size_t>(c.dw)] |= c.bit;
    decode(bad, seen);
    EXPECT_TRUE(seen.reserved_bits_set) << "dw" << c.dw << " bit " << std::hex << c.bit;
  }
}

TEST(TlpCodecTest, ExactlyTheDefinedCodesAreKnown) {
  // Table 2-3: MRd, MWr, IO, Cfg, Cpl, AtomicOps, DMWr: 20 codes; Msg and MsgD: 12 codes. Locked
  // forms are not used here.
  int known = 0;
  for (std::uint32_t code = 0; code < 256; ++code) {
    WireHeader wire;
    wire.dw[0] = code << 24 | 1;
    Tlp seen;
    decode(wire, seen);
    EXPECT_EQ(seen.fmt_type, code);
    if (seen.type != TlpType::kUnknown) ++known;
  }
  EXPECT_EQ(known, 20 + 12);
  for (const std::uint32_t code :
       {0x01u, 0x21u, 0x0Bu, 0x4Bu, 0x22u, 0x24u, 0x2Au, 0x1Bu, 0x36u, 0x77u, 0x80u, 0xFFu}) {
    WireHeader wire;
    wire.dw[0] = code << 24;
    Tlp seen;
    decode(wire, seen);
    EXPECT_EQ(seen.type, TlpType::kUnknown) << std::hex << code;
  }
}

TEST(TlpCodecTest, HeadersSurviveDecodeAndEncode) {
  boost::random::mt19937 random(20);
  const std::uint8_t codes[] = {0x00, 0x20, 0x40, 0x60, 0x5B, 0x7B, 0x4C, 0x6C, 0x4D, 0x6D,
                                0x4E, 0x6E, 0x02, 0x42, 0x04, 0x44, 0x05, 0x45, 0x0A, 0x4A,
                                0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x70, 0x72, 0x75};
  for (int i = 0; i < 20000; ++i) {
    const std::uint8_t code = codes[random() % std::size(codes)];
    const bool four = (code & 0x20) != 0;
    const bool message = (code & 0xB8) == 0x30;
    WireHeader wire;
    wire.dw[0] = static_cast<std::uint32_t>(code) << 24 | (random() & 0x00FDFFFF);
    wire.dw[1] = random();
    wire.dw[2] = random();
    wire.dw[3] = four ? random() : 0;
    if (code == 0x40 || code == 0x60 || message)
      wire.dw[0] &= ~0x00880000u;                                         // posted: T9, T8 reserved
    if (code == 0x0A || (message && code < 0x40)) wire.dw[0] &= ~0x3FFu;  // no Length
    if (code == 0x0A || code == 0x4A) wire.dw[2] &= ~0x80u;
    if ((code & 0xBE) == 0x04) wire.dw[2] &= 0xFFFF0FFCu;
    const bool has_ph = (wire.dw[0] & 0x10000) != 0;
    if (!message && code != 0x0A && code != 0x4A && !has_ph) wire.dw[four ? 3 : 2] &= ~3u;
    wire.prefix_valid = (random() & 1) != 0;
    if (wire.prefix_valid) wire.prefix = 0x91000000u | (random() & 0x00CFFFFFu);
    Tlp seen;
    decode(wire, seen);
    EXPECT_FALSE(seen.reserved_bits_set);
    const WireHeader again = encode(seen);
    ASSERT_EQ(again.dw, wire.dw) << std::hex << wire.dw[0];
    ASSERT_EQ(again.prefix_valid, wire.prefix_valid);
    ASSERT_EQ(again.prefix, wire.prefix);
  }
}

}  // namespace
}  // namespace siov::pcie
