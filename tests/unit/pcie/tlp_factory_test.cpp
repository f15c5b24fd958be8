// SPDX-License-Identifier: Apache-2.0
// Byte enables, byte counts, formatting. Values from the base specification 2.2.5 and tables 2-39,
// 2-40.
#include "pcie/tlp_factory.hpp"

#include <gtest/gtest.h>

#include "common/error.hpp"
#include "pcie/credit_tracker.hpp"
#include "pcie/format.hpp"

namespace siov::pcie {
namespace {

constexpr RequesterId kDevice{0x0100};

Tlp with_be(std::uint16_t length, std::uint8_t first, std::uint8_t last,
            std::uint64_t address = 0x1000) {
  Tlp tlp = mem_read(kDevice, 0, address, 4);
  tlp.length_dw = length;
  tlp.first_be = first;
  tlp.last_be = last;
  return tlp;
}

TEST(TlpFactoryTest, ByteEnablesOfUnalignedRanges) {
  struct Case {
    std::uint64_t address;
    std::uint32_t bytes;
    std::uint8_t first, last;
    std::uint16_t length;
  };
  const Case cases[] = {{0, 4, 0xF, 0, 1},   {1, 1, 0x2, 0, 1},         {1, 3, 0xE, 0, 1},
                        {2, 4, 0xC, 0x3, 2}, {3, 2, 0x8, 0x1, 2},       {0, 64, 0xF, 0xF, 16},
                        {63, 1, 0x8, 0, 1},  {0, 4096, 0xF, 0xF, 1024}, {5, 0, 0, 0, 1},
                        {0, 5, 0xF, 0x1, 2}, {1, 64, 0xE, 0x1, 17}};
  for (const Case& c : cases) {
    const ByteEnables be = byte_enables(c.address, c.bytes);
    EXPECT_EQ(be.first, c.first) << c.address << "+" << c.bytes;
    EXPECT_EQ(be.last, c.last) << c.address << "+" << c.bytes;
    EXPECT_EQ(be.length_dw, c.length) << c.address << "+" << c.bytes;
  }
  EXPECT_THROW(byte_enables(1, 4096), HarnessError);
}

TEST(TlpFactoryTest, ByteCountFollowsTheTableOfTheSpecification) {
  // Table 2-39, rows: first BE, last BE, length in DW -> byte count
  EXPECT_EQ(completion_byte_count(with_be(1, 0b1001, 0)), 4u);
  EXPECT_EQ(completion_byte_count(with_be(1, 0b0101, 0)), 3u);
  EXPECT_EQ(completion_byte_count(with_be(1, 0b1010, 0)), 3u);
  EXPECT_EQ(completion_byte_count(with_be(1, 0b0011, 0)), 2u);
  EXPECT_EQ(completion_byte_count(with_be(1, 0b0110, 0)), 2u);
  EXPECT_EQ(completion_byte_count(with_be(1, 0b1000, 0)), 1u);
  EXPECT_EQ(completion_byte_count(with_be(1, 0b0000, 0)), 1u);
  EXPECT_EQ(completion_byte_count(with_be(8, 0b0001, 0b1000)), 32u);
  EXPECT_EQ(completion_byte_count(with_be(8, 0b0001, 0b0010)), 30u);
  EXPECT_EQ(completion_byte_count(with_be(8, 0b1000, 0b0001)), 26u);
  EXPECT_EQ(completion_byte_count(with_be(1024, 0b1111, 0b1111)), 4096u);
}

TEST(TlpFactoryTest, LowerAddressFollowsTheFirstEnabledByte) {
  EXPECT_EQ(completion_lower_address(with_be(1, 0b0000, 0, 0x107C)),
            0x7C);  // zero-length: low bits 00
  EXPECT_EQ(completion_lower_address(with_be(1, 0b0001, 0, 0x107C)), 0x7C);
  EXPECT_EQ(completion_lower_address(with_be(1, 0b1010, 0, 0x107C)), 0x7D);
  EXPECT_EQ(completion_lower_address(with_be(4, 0b1100, 0xF, 0x1080)), 0x02);
  EXPECT_EQ(completion_lower_address(with_be(4, 0b1000, 0xF, 0x1040)), 0x43);
}

TEST(TlpFactoryTest, ByteEnableLegality) {
  EXPECT_TRUE(byte_enables_legal(with_be(1, 0b0101, 0)));
  EXPECT_TRUE(byte_enables_legal(with_be(1, 0, 0)));
  EXPECT_FALSE(byte_enables_legal(with_be(1, 0xF, 0x1)));
  EXPECT_FALSE(byte_enables_legal(with_be(4, 0, 0xF)));
  EXPECT_FALSE(byte_enables_legal(with_be(4, 0xF, 0)));
  EXPECT_TRUE(byte_enables_legal(with_be(2, 0b0101, 0b1010, 0x1008)));  // QW aligned: holes allowed
  EXPECT_FALSE(byte_enables_legal(with_be(2, 0b0101, 0b1010, 0x1004)));
  EXPECT_TRUE(byte_enables_legal(with_be(2, 0b1100, 0b0011, 0x1004)));
  EXPECT_FALSE(byte_enables_legal(with_be(3, 0b0110, 0xF)));  // must reach the top
  EXPECT_FALSE(byte_enables_legal(with_be(3, 0xF, 0b0110)));  // must start at the bottom
  EXPECT_TRUE(byte_enables_legal(with_be(3, 0b1000, 0b0001)));
}

TEST(TlpFactoryTest, PayloadStandsAtItsByteLane) {
  const std::vector<std::byte> data(3, std::byte{0xEE});
  const Tlp write = mem_write(kDevice, 0x1003, data);
  EXPECT_EQ(write.payload_bytes, 8);
  const std::vector<std::byte> wanted{std::byte{0},    std::byte{0},    std::byte{0},
                                      std::byte{0xEE}, std::byte{0xEE}, std::byte{0xEE},
                                      std::byte{0},    std::byte{0}};
  EXPECT_EQ(std::vector<std::byte>(write.data().begin(), write.data().end()), wanted);
  const std::vector<std::byte> too_big(513);
  EXPECT_THROW(mem_write(kDevice, 0, too_big), HarnessError);
}

TEST(TlpFactoryTest, CreditCostsOfEachClass) {
  // Table 2-47: one data credit is 16 bytes
  const std::vector<std::byte> line(64);
  const std::vector<std::byte> dw(4);
  EXPECT_EQ(credit_cost(mem_write(kDevice, 0, line)).data, 4);
  EXPECT_EQ(credit_cost(mem_write(kDevice, 0, dw)).data, 1);
  EXPECT_EQ(credit_cost(mem_read(kDevice, 0, 0, 512)).data, 0);
  EXPECT_EQ(credit_cost(mem_read(kDevice, 0, 0, 512)).flow, FlowClass::kNonPosted);
  EXPECT_EQ(credit_cost(deferrable_write(kDevice, 0, 0, line)).flow, FlowClass::kNonPosted);
  EXPECT_EQ(credit_cost(deferrable_write(kDevice, 0, 0, line)).data, 4);
  EXPECT_EQ(credit_cost(message(kDevice, 0, 0x30)).flow, FlowClass::kPosted);
  EXPECT_EQ(credit_cost(completion(mem_read(kDevice, 0, 0, 4), kDevice, CplStatus::kSc)).flow,
            FlowClass::kCompletion);
}

TEST(CreditTest, ComparisonIsModular) {
  EXPECT_TRUE(credits_suffice(16, 15, 1, 8));
  EXPECT_FALSE(credits_suffice(16, 16, 1, 8));
  EXPECT_TRUE(credits_suffice(2, 255, 1, 8));  // limit has wrapped
  EXPECT_FALSE(credits_suffice(255, 255, 1, 8));
  EXPECT_TRUE(credits_suffice(3, 4090, 9, 12));
  EXPECT_FALSE(credits_suffice(3, 4090, 10, 12));
}

TEST(CreditTest, HeldClassKeepsItsCreditsUntilReleased) {
  CreditGranter granter(CreditLimits{4, 16, 4, 16, 4, 16});
  CreditCost cost;
  cost.data = 3;
  EXPECT_FALSE(granter.hold(FlowClass::kPosted, true));
  granter.give_back(cost);
  EXPECT_EQ(granter.limits().posted_header, 4);
  cost.flow = FlowClass::kNonPosted;
  granter.give_back(cost);
  EXPECT_EQ(granter.limits().nonposted_header, 5);
  EXPECT_EQ(granter.limits().nonposted_data, 19);
  EXPECT_TRUE(granter.hold(FlowClass::kPosted, false));
  EXPECT_EQ(granter.limits().posted_header, 5);
  EXPECT_EQ(granter.limits().posted_data, 19);
  EXPECT_THROW(CreditGranter(CreditLimits{0, 16, 4, 16, 4, 16}), HarnessError);
  EXPECT_THROW(CreditGranter(CreditLimits{128, 16, 4, 16, 4, 16}), HarnessError);
}

TEST(FormatTest, OneLinePerTlp) {
  const std::vector<std::byte> data(256);
  EXPECT_EQ(format_tlp(with_pasid(mem_write(kDevice, 0x12340000, data), Pasid{5})),
            "MWr 256 B @0x12340000 PASID 0x5 rid 01:00.0 tag 0");
  EXPECT_EQ(
      format_tlp(completion(mem_read(kDevice, 5, 0x1003, 61), RequesterId{0x0008}, CplStatus::kUr)),
      "Cpl UR 0 B count 61 la 0x03 cid 00:01.0 rid 01:00.0 tag 5");
  ConfigAccess access;
  access.target = kDevice;
  access.offset = 0x104;
  EXPECT_EQ(format_tlp(config_read(RequesterId{0}, 7, access)),
            "CfgRd0 01:00.0 +0x104 be 0xf rid 00:00.0 tag 7");
  EXPECT_EQ(format_tlp(message(kDevice, 0, 0x33)), "Msg code 0x33 routing 0 0 B rid 01:00.0 tag 0");
}

}  // namespace
}  // namespace siov::pcie
