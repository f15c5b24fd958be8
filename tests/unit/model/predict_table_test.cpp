// SPDX-License-Identifier: Apache-2.0
// The tables of DSA 5.2.1, exhaustively: every operation with every flag, every operation with
// every byte. Typed from the specification, not shared with the code.
#include "predict_bench.hpp"

namespace siov::model {
namespace {

using abi::Descriptor;

/// One row of 5.2.1. Columns as there; `special` are the bits 23:16 of 5.6 and 5.8.
struct FlagRow {
  std::uint8_t opcode;
  bool bof, check;
  std::set<unsigned> cache;  ///< of 8 and 14
  bool strict;
  std::set<unsigned> selectors;  ///< addresses 1, 2, 3
  std::set<unsigned> special;
  std::uint32_t base = 0;  ///< set in addition to CRAV and RCR
};

const std::vector<FlagRow> kFlagRows = {
    {0x00, false, false, {}, false, {}, {}},
    {0x01, false, false, {}, false, {1}, {}},
    {0x02, false, false, {}, false, {}, {16, 17, 18, 19}},
    {0x02, false, false, {}, false, {1}, {16, 17, 18, 19}, 0x10000},
    {0x02, false, false, {}, false, {2}, {16, 17, 18, 19}, 0x20000},
    {0x02, false, false, {}, false, {1, 2}, {16, 17, 18, 19}, 0x30000},
    {0x03, true, false, {8, 14}, true, {1, 2}, {}},
    {0x04, true, false, {8, 14}, true, {2}, {18}},
    {0x05, true, true, {}, false, {1, 2}, {}},
    {0x06, true, true, {}, false, {1}, {}},
    {0x07, true, true, {8, 14}, true, {1, 2, 3}, {}},
    {0x08, true, false, {8, 14}, true, {1, 2}, {}},
    {0x09, true, false, {8, 14}, true, {1, 2, 3}, {}},
    {0x10, true, false, {}, false, {1, 3}, {16, 17, 18, 19}},
    {0x11, true, false, {8, 14}, true, {1, 2, 3}, {16, 17, 18, 19}},
    {0x12, true, false, {}, false, {1}, {}},
    {0x13, true, false, {8, 14}, true, {1, 2}, {}},
    {0x14, true, false, {8, 14}, true, {1, 2}, {}},
    {0x15, true, false, {8, 14}, true, {1, 2}, {}},
    {0x20, true, false, {14}, true, {2}, {}},
};

std::uint32_t mask_of(const Prediction& p) {
  return std::to_integer<std::uint32_t>(p.record[16]) |
         std::to_integer<std::uint32_t>(p.record[17]) << 8 |
         std::to_integer<std::uint32_t>(p.record[18]) << 16;
}

bool allowed(const FlagRow& row, unsigned bit, bool bof_enabled) {
  if (bit == 1) return row.bof && bof_enabled;
  if (bit == 2 || bit == 3 || bit == 4 || bit == 12) return true;
  if (bit == 7) return row.check;
  if (bit == 8 || bit == 14) return row.cache.contains(bit);
  if (bit >= 9 && bit <= 11) return row.selectors.contains(bit - 8);
  if (bit == 13) return row.strict;
  return bit >= 16 && row.special.contains(bit);  // 0, 5, 6 and 15 are reserved
}

void expect_flag(const FlagRow& row, unsigned bit, const WorkContext& context) {
  const std::uint32_t base = kCrav | kRcr | row.base;
  const Prediction p = run(valid(row.opcode, base | 1u << bit), context);
  const std::string where = "opcode " + std::to_string(row.opcode) + " flag " + std::to_string(bit);
  if (allowed(row, bit, context.bof_enabled)) {
    EXPECT_NE(p.status, 0x11) << where;
    EXPECT_NE(p.status, 0x10) << where;
    return;
  }
  EXPECT_EQ(p.status, 0x11) << where;
  EXPECT_EQ(mask_of(p), 1u << bit) << where;
  EXPECT_EQ(p.record[1], std::byte{0}) << where;
  EXPECT_EQ(p.error_info, 1u << bit) << where;
}

TEST(PredictFlagsTest, EveryOperationWithEveryFlag) {  // 5.2.1
  for (const FlagRow& row : kFlagRows) {
    for (unsigned bit = 0; bit < 24; ++bit) {
      WorkContext context = full_context();
      expect_flag(row, bit, context);
      context.bof_enabled = true;
      expect_flag(row, bit, context);
    }
  }
}

TEST(PredictFlagsTest, TheBaseOfEveryRowIsGood) {
  for (const FlagRow& row : kFlagRows) {
    const Prediction p = run(valid(row.opcode, kCrav | kRcr | row.base), full_context());
    EXPECT_LT(p.status, 0x10) << "opcode " << int{row.opcode};
  }
}

TEST(PredictFlagsTest, FeaturesThatAreAbsentTakeTheirFlagsAway) {  // GENCAP 9, 10, 11
  const std::pair<std::uint8_t, unsigned> cases[] = {
      {0x02, 16}, {0x02, 17}, {0x04, 18}, {0x10, 19}, {0x11, 19}};
  for (const auto& [opcode, bit] : cases) {
    const Prediction p = run(valid(opcode, kCrav | kRcr | 1u << bit));
    expect_record(p, 0x11);
    EXPECT_EQ(mask_of(p), 1u << bit) << "opcode " << int{opcode};
  }
}

TEST(PredictFlagsTest, DrainAddressSelectorsNeedTheFeatureToo) {  // 5.2.1
  const Prediction p = run(valid(0x02, kCrav | kRcr | 0x30600));
  expect_record(p, 0x11);
  EXPECT_EQ(mask_of(p), 0x30600u);
}

TEST(PredictFlagsTest, FenceIsForMembers) {  // 5.2
  WorkContext context = full_context();
  context.in_batch = true;
  for (const FlagRow& row : kFlagRows) {
    if (row.opcode == 0x01 || row.opcode == 0x02) continue;
    EXPECT_LT(run(valid(row.opcode, kCrav | kRcr | 1), context).status, 0x10)
        << "opcode " << int{row.opcode};
  }
}

TEST(PredictFlagsTest, OperationsWithAResultNeedRecordAddressAndRequest) {  // 5.2.2
  const std::set<int> with_result = {0x05, 0x06, 0x07, 0x10, 0x11, 0x12};
  for (const int opcode : {0x00, 0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11, 0x12,
                           0x13, 0x14, 0x15, 0x20}) {
    const auto code = static_cast<std::uint8_t>(opcode);
    const bool needs = with_result.contains(opcode);
    const Prediction no_request = run(valid(code, kCrav));
    EXPECT_EQ(no_request.status == 0x11, needs) << "opcode " << opcode;
    if (needs) {
      EXPECT_EQ(mask_of(no_request), 0x8u) << "opcode " << opcode;
    }
    Descriptor d = valid(code, 0);
    const Prediction nothing = run(d);
    EXPECT_EQ(nothing.status == 0x11, needs) << "opcode " << opcode;
    if (needs) {
      EXPECT_EQ(mask_of(nothing), 0xCu) << "opcode " << opcode;
    }
  }
}

TEST(PredictFlagsTest, SeveralBadFlagsAreReportedTogether) {  // 5.4
  EXPECT_EQ(mask_of(run(valid(0x00, kCrav | kRcr | 0x8061))), 0x8061u);
  EXPECT_EQ(mask_of(run(valid(0x03, kCrav | kRcr | 0xFF0000))), 0xFF0000u);
  EXPECT_EQ(mask_of(run(valid(0x12, kCrav | 0xFF8161))), 0xFF8169u) << "and a missing one";
}

// ---------------------------------------------------------------- bytes

/// One row of 5.2.1, last column.
struct ByteRow {
  std::uint8_t opcode;
  std::uint32_t flags;  ///< in addition to CRAV and RCR
  std::vector<std::pair<int, int>> reserved;
};

const std::vector<ByteRow> kByteRows = {
    {0x00, 0, {{16, 35}, {38, 63}}},
    {0x01, 0, {{24, 31}, {38, 63}}},
    {0x02, 0, {{16, 31}, {32, 35}, {38, 63}}},
    {0x02, 0xC0000, {{16, 31}, {32, 35}, {38, 63}}},
    {0x02, 0x10000, {{24, 31}, {32, 35}, {38, 63}}},
    {0x02, 0x20000, {{16, 23}, {32, 35}, {38, 63}}},
    {0x02, 0x30000, {{32, 35}, {38, 63}}},
    {0x03, 0, {{38, 63}}},
    {0x04, 0, {{38, 63}}},
    {0x04, 0x40000, {{38, 39}, {48, 63}}},
    {0x05, 0, {{38, 39}, {40, 40}, {41, 63}}},
    {0x05, 0x80, {{38, 39}, {41, 63}}},
    {0x06, 0, {{38, 39}, {41, 63}}},
    {0x06, 0x80, {{38, 39}, {41, 63}}},
    {0x07, 0, {{38, 39}, {52, 55}, {57, 63}}},
    {0x08, 0, {{38, 39}, {44, 63}}},
    {0x09, 0, {{38, 39}, {48, 63}}},
    {0x10, 0, {{24, 31}, {38, 39}, {44, 63}}},                  // 32-bit seed at 40
    {0x10, 0x10000, {{24, 31}, {38, 39}, {40, 47}, {56, 63}}},  // seed address at 48
    {0x10, 0x80000, {{24, 31}, {38, 39}, {48, 63}}},            // 64-bit seed at 40
    {0x10, 0x90000, {{24, 31}, {38, 39}, {40, 47}, {56, 63}}},
    {0x11, 0, {{38, 39}, {44, 63}}},
    {0x11, 0x10000, {{38, 39}, {40, 47}, {56, 63}}},
    {0x11, 0x80000, {{38, 39}, {48, 63}}},
    {0x11, 0x90000, {{38, 39}, {40, 47}, {56, 63}}},
    {0x12, 0, {{24, 31}, {38, 39}, {41, 41}, {43, 47}, {56, 63}}},
    {0x13, 0, {{38, 40}, {43, 55}}},
    {0x14, 0, {{38, 39}, {41, 41}, {43, 47}, {56, 63}}},
    {0x15, 0, {{38, 39}, {43, 47}}},
    {0x20, 0, {{16, 23}, {38, 63}}},
};

bool reserved(const ByteRow& row, int at) {
  for (const auto& [first, last] : row.reserved) {
    if (at >= first && at <= last) return true;
  }
  return false;
}

TEST(PredictReservedTest, EveryOperationWithEveryByte) {  // 5.2.1, 5.6, 12 (10)
  for (const ByteRow& row : kByteRows) {
    for (int at = 16; at < 64; ++at) {
      if (at == 36 || at == 37) continue;  // interrupt handle
      for (unsigned bit = 0; bit < 8; ++bit) {
        auto line = abi::to_line(valid(row.opcode, kCrav | kRcr | row.flags));
        line[static_cast<std::size_t>(at)] |= static_cast<std::byte>(1u << bit);
        Descriptor d = abi::decode_descriptor(line);
        if (!reserved(row, at) && at >= 32 && at <= 35) d.size &= 0xFFFF;  // keeps the test quick
        const int status = run(d, full_context()).status;
        EXPECT_EQ(status == 0x12, reserved(row, at))
            << "opcode " << int{row.opcode} << " flags " << row.flags << " byte " << at << " bit "
            << bit << " status " << status;
        if (status == 0x10 || status == 0x11) ADD_FAILURE() << "status " << status;
      }
    }
  }
}

TEST(PredictReservedTest, HandleIsReservedWithoutInterruptInEveryOperation) {  // 5.2.2
  for (const ByteRow& row : kByteRows) {
    for (const int at : {36, 37}) {
      auto line = abi::to_line(valid(row.opcode, kCrav | kRcr | row.flags));
      line[static_cast<std::size_t>(at)] = std::byte{1};
      EXPECT_EQ(run(abi::decode_descriptor(line), full_context()).status, 0x12);
      line[4] |= std::byte{0x10};
      EXPECT_NE(run(abi::decode_descriptor(line), full_context()).status, 0x12);
    }
  }
}

TEST(PredictReservedTest, RecordAddressIsReservedWithoutItsFlag) {  // 5.2.2
  for (const int opcode : {0x00, 0x01, 0x03, 0x04, 0x08, 0x09, 0x13, 0x14, 0x15, 0x20}) {
    for (std::size_t at = 8; at < 16; ++at) {
      auto line = abi::to_line(valid(static_cast<std::uint8_t>(opcode), 0));
      line[at] = std::byte{0x40};
      EXPECT_EQ(run(abi::decode_descriptor(line)).status, 0x12) << "opcode " << opcode;
    }
  }
}

}  // namespace
}  // namespace siov::model
