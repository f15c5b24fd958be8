// SPDX-License-Identifier: Apache-2.0
// siov_eng_dif: every flag of dsa 5.9 with literals, then random descriptors against the rules
// written down once more.
#include <gtest/gtest.h>

#include <array>

#include "Vsiov_eng_dif.h"
#include "unit_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint8_t kCheck = 0x12, kInsert = 0x13, kStrip = 0x14, kUpdate = 0x15;  // dsa 5.5

/// Descriptor bytes 40..63.
using Info = std::array<std::uint8_t, 24>;

struct Tags {
  std::uint32_t ref = 0;
  std::uint16_t mask = 0, app = 0;
};

Info info(std::uint8_t src_flags, std::uint8_t dst_flags, Tags src, Tags dst) {
  Info out{};
  out[0] = src_flags;
  out[1] = dst_flags;
  const auto store = [&out](std::size_t at, const Tags& t) {
    for (unsigned i = 0; i < 4; ++i) out[at + i] = static_cast<std::uint8_t>(t.ref >> (8 * i));
    for (unsigned i = 0; i < 2; ++i) out[at + 4 + i] = static_cast<std::uint8_t>(t.mask >> (8 * i));
    for (unsigned i = 0; i < 2; ++i) out[at + 6 + i] = static_cast<std::uint8_t>(t.app >> (8 * i));
  };
  store(8, src);   // bytes 48, 52, 54
  store(16, dst);  // bytes 56, 60, 62
  return out;
}

/// The 8 bytes in memory order, first byte in bits 7:0: all three fields big-endian.
std::uint64_t pi(std::uint16_t guard, std::uint16_t app, std::uint32_t ref) {
  const std::uint64_t big =
      static_cast<std::uint64_t>(guard) << 48 | static_cast<std::uint64_t>(app) << 32 | ref;
  return __builtin_bswap64(big);
}

/// Record bytes of one set of tags.
std::uint64_t record(Tags t) {
  return static_cast<std::uint64_t>(t.app) << 48 | static_cast<std::uint64_t>(t.mask) << 32 | t.ref;
}

class DifUnit : public UnitBench<Vsiov_eng_dif> {
 public:
  void start(std::uint8_t opcode, const Info& in) {
    top.opcode_i = opcode;
    put_bytes(top.info_i, in);
    top.start_i = 1;
    tick();
    top.start_i = 0;
  }
  /// One block; returns the status, 0 is good.
  std::uint8_t block(std::uint16_t guard, std::uint64_t stored) {
    top.block_i = 1;
    top.guard_i = guard;
    top.pi_i = stored;
    tick();
    top.block_i = 0;
    EXPECT_EQ(top.valid_o, 1);
    EXPECT_EQ(top.error_o, top.dif_status_o != 0);
    return top.dif_status_o;
  }
};

TEST(DifUnitTest, InsertWritesBigEndianTagsAndSteps) {  // guard of "123456789": dsa 5.9
  DifUnit unit;
  unit.start(kInsert, info(0, 0, {}, {0x01020304, 0x00F0, 0x55AA}));
  EXPECT_EQ(unit.block(0xd0db, ~0ull), 0);
  EXPECT_EQ(unit.top.pi_o, 0x0403'0201'0A55'DBD0u);  // d0 db | 55 0a | 01 02 03 04
  EXPECT_EQ(unit.top.cr_src_o, 0u);
  EXPECT_EQ(unit.top.cr_dst_o, 0x55AA'00F0'0102'0305u);
  unit.tick();
  EXPECT_EQ(unit.top.valid_o, 0);
}

TEST(DifUnitTest, RecordHoldsOnlyTheSetsOfTheOperation) {
  DifUnit unit;
  const Info in = info(0, 0, {1, 2, 3}, {4, 5, 6});
  unit.start(kCheck, in);
  EXPECT_EQ(unit.top.cr_src_o, 0x0003'0002'0000'0001u);
  EXPECT_EQ(unit.top.cr_dst_o, 0u);
  unit.start(kStrip, in);
  EXPECT_EQ(unit.top.cr_src_o, 0x0003'0002'0000'0001u);
  EXPECT_EQ(unit.top.cr_dst_o, 0u);
  unit.start(kInsert, in);
  EXPECT_EQ(unit.top.cr_src_o, 0u);
  EXPECT_EQ(unit.top.cr_dst_o, 0x0006'0005'0000'0004u);
  unit.start(kUpdate, in);
  EXPECT_EQ(unit.top.cr_src_o, 0x0003'0002'0000'0001u);
  EXPECT_EQ(unit.top.cr_dst_o, 0x0006'0005'0000'0004u);
}

TEST(DifUnitTest, EachFieldHasItsStatusBit) {
  DifUnit unit;
  for (unsigned bad = 0; bad < 8; ++bad) {
    unit.start(kCheck, info(0, 0, {0x11223344, 0, 0x5566}, {}));
    const std::uint64_t stored =
        pi((bad & 1) != 0 ? 0x7789 : 0x7788, (bad & 2) != 0 ? 0x5567 : 0x5566,
           (bad & 4) != 0 ? 0x11223345 : 0x11223344);
    EXPECT_EQ(unit.block(0x7788, stored), bad);
    // The tags of a failing block stay: dsa 5.9.
    EXPECT_EQ(unit.top.cr_src_o, bad == 0 ? 0x5566'0000'1122'3345u : 0x5566'0000'1122'3344u);
  }
}

TEST(DifUnitTest, ChecksAreSwitchedOffOneByOne) {
  DifUnit unit;
  const std::uint64_t wrong = pi(1, 2, 3);
  unit.start(kCheck, info(0x40, 0, {0x99, 0, 0x88}, {}));
  EXPECT_EQ(unit.block(0x77, wrong), 1 | 2);
  unit.start(kCheck, info(0x20, 0, {0x99, 0, 0x88}, {}));
  EXPECT_EQ(unit.block(0x77, wrong), 2 | 4);
  unit.start(kCheck, info(0x00, 0, {0x99, 0xFFFF, 0x88}, {}));
  EXPECT_EQ(unit.block(0x77, wrong), 1 | 4);
  unit.start(kCheck, info(0x60, 0, {0x99, 0xFFFF, 0x88}, {}));
  EXPECT_EQ(unit.block(0x77, wrong), 0);
}

TEST(DifUnitTest, TagsStepOrStayAndWrap) {
  struct Case {
    std::uint8_t flags;
    Tags next;
  };
  // bit 7: reference tag fixed; bit 4: application tag incrementing
  const Case cases[] = {{0x00, {0, 0, 0xFFFF}},
                        {0x80, {0xFFFFFFFF, 0, 0xFFFF}},
                        {0x10, {0, 0, 0}},
                        {0x90, {0xFFFFFFFF, 0, 0}}};
  DifUnit unit;
  for (const Case& c : cases) {
    unit.start(kUpdate, info(c.flags, 0x90, {0xFFFFFFFF, 0, 0xFFFF}, {0, 0, 0}));
    EXPECT_EQ(unit.block(5, pi(5, 0xFFFF, 0xFFFFFFFF)), 0);
    EXPECT_EQ(unit.top.cr_src_o, record(c.next));
    EXPECT_EQ(unit.top.cr_dst_o, record({0, 0, 1}));
    unit.start(kUpdate, info(0, c.flags, {9, 0, 9}, {0xFFFFFFFF, 0, 0xFFFF}));
    EXPECT_EQ(unit.block(5, pi(5, 9, 9)), 0);
    EXPECT_EQ(unit.top.pi_o, pi(5, 0xFFFF, 0xFFFFFFFF));
    EXPECT_EQ(unit.top.cr_dst_o, record(c.next));
  }
}

TEST(DifUnitTest, MaskAppliesAfterTheIncrement) {
  DifUnit unit;
  unit.start(kUpdate, info(0x10, 0x10, {0, 0x00FF, 0x12FF}, {0, 0x000F, 0x34FF}));
  EXPECT_EQ(unit.block(1, pi(1, 0x1200, 0)), 0);
  EXPECT_EQ(unit.top.pi_o, pi(1, 0x34F0, 0));
  EXPECT_EQ(unit.block(1, pi(1, 0x1300, 1)), 0);
  EXPECT_EQ(unit.top.pi_o, pi(1, 0x3500, 1));
  EXPECT_EQ(unit.top.cr_src_o, 0x1301'00FF'0000'0002u);
  EXPECT_EQ(unit.top.cr_dst_o, 0x3501'000F'0000'0002u);
}

TEST(DifUnitTest, AllOnesAreSkippedOrReported) {
  const std::uint64_t all = ~0ull, app_ref = pi(1, 0xFFFF, 0xFFFFFFFF), app = pi(1, 0xFFFF, 3),
                      ref = pi(1, 2, 0xFFFFFFFF);
  struct Case {
    std::uint8_t flags;
    std::uint64_t stored;
    std::uint8_t status;
  };
  const Case cases[] = {
      {0x00, all, 7}, {0x00, app_ref, 7}, {0x00, app, 7}, {0x00, ref, 7},  // nothing skipped
      {0x08, all, 0}, {0x08, app_ref, 0}, {0x08, app, 7}, {0x08, ref, 7},  // app and ref
      {0x04, all, 0}, {0x04, app_ref, 0}, {0x04, app, 0}, {0x04, ref, 7},  // app
      {0x02, all, 0}, {0x02, app_ref, 7}, {0x02, app, 7}, {0x02, ref, 7},  // all three
      {0x01, all, 8}, {0x01, app_ref, 7}, {0x01, app, 7}, {0x03, all, 8},  // reported
      {0x0F, all, 8}, {0x0F, app_ref, 0}, {0x0F, app, 0}, {0x0F, ref, 7},
  };
  DifUnit unit;
  for (const Case& c : cases) {
    for (const std::uint8_t op : {kCheck, kStrip, kUpdate}) {
      unit.start(op, info(c.flags, 0, {4, 0, 5}, {}));
      EXPECT_EQ(unit.block(6, c.stored), c.status) << int{c.flags} << " " << std::hex << c.stored;
      // a skipped block counts
      EXPECT_EQ(unit.top.cr_src_o, record({c.status == 0 ? 5u : 4u, 0, 5}));
    }
    unit.start(kInsert, info(c.flags, 0, {}, {}));  // has no source
    EXPECT_EQ(unit.block(6, c.stored), 0);
  }
}

TEST(DifUnitTest, UpdatePassesFieldsThrough) {
  const std::uint64_t stored = pi(0x1111, 0x2222, 0x33333333);
  struct Case {
    std::uint8_t flags;
    std::uint64_t update;
  };
  const Case cases[] = {{0x00, pi(0xAAAA, 0xBBBB, 0xCCCCCCCC)},
                        {0x40, pi(0xAAAA, 0xBBBB, 0x33333333)},
                        {0x20, pi(0x1111, 0xBBBB, 0xCCCCCCCC)},
                        {0x08, pi(0xAAAA, 0x2222, 0xCCCCCCCC)},
                        {0x68, stored}};
  DifUnit unit;
  for (const Case& c : cases) {
    const Info in = info(0x60, c.flags, {0, 0xFFFF, 0}, {0xCCCCCCCC, 0, 0xBBBB});
    unit.start(kUpdate, in);
    EXPECT_EQ(unit.block(0xAAAA, stored), 0);
    EXPECT_EQ(unit.top.pi_o, c.update);
    unit.start(kInsert, in);  // nothing to pass
    EXPECT_EQ(unit.block(0xAAAA, stored), 0);
    EXPECT_EQ(unit.top.pi_o, pi(0xAAAA, 0xBBBB, 0xCCCCCCCC));
  }
}

TEST(DifUnitTest, NothingChangesAfterAnError) {
  DifUnit unit;
  unit.start(kUpdate, info(0, 0, {7, 0, 0}, {9, 0, 0}));
  EXPECT_EQ(unit.block(1, pi(1, 0, 7)), 0);
  EXPECT_EQ(unit.block(1, pi(2, 0, 8)), 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(unit.block(1, pi(1, 0, 8)), 1);
  EXPECT_EQ(unit.top.cr_src_o, record({8, 0, 0}));
  EXPECT_EQ(unit.top.cr_dst_o, record({10, 0, 0}));
  unit.top.clear_i = 1;
  unit.tick();
  unit.top.clear_i = 0;
  EXPECT_EQ(unit.top.error_o, 0);
  unit.start(kCheck, info(0, 0, {7, 0, 0}, {}));
  EXPECT_EQ(unit.block(1, pi(1, 0, 7)), 0);
}

/// The rules of dsa 5.9, one block.
std::uint8_t expected_status(std::uint8_t flags, const Tags& t, std::uint16_t guard,
                             std::uint16_t in_guard, std::uint16_t in_app, std::uint32_t in_ref) {
  const bool app_f = in_app == 0xFFFF, ref_f = in_ref == 0xFFFFFFFF;
  const bool all_f = app_f && ref_f && in_guard == 0xFFFF;
  if (all_f && (flags & 0x01) != 0) return 8;
  if (((flags & 0x02) != 0 && all_f) || ((flags & 0x04) != 0 && app_f) ||
      ((flags & 0x08) != 0 && app_f && ref_f)) {
    return 0;
  }
  std::uint8_t status = 0;
  if ((flags & 0x20) == 0 && guard != in_guard) status |= 1;
  if (t.mask != 0xFFFF && in_app != (t.app & ~t.mask & 0xFFFF)) status |= 2;
  if ((flags & 0x40) == 0 && in_ref != t.ref) status |= 4;
  return status;
}

void step(Tags& t, std::uint8_t flags) {
  if ((flags & 0x80) == 0) ++t.ref;
  if ((flags & 0x10) != 0) ++t.app;
}

TEST(DifUnitTest, RandomBlocks) {
  DifUnit unit;
  Random random(3);
  unsigned errors = 0, good = 0;
  for (int n = 0; n < 4000; ++n) {
    const std::uint8_t op = static_cast<std::uint8_t>(kCheck + random.below(4));
    const std::uint8_t sf = random.byte(), df = random.byte();
    const auto tags = [&random] {
      const std::uint16_t mask =
          static_cast<std::uint16_t>(random.chance(4) ? 0xFFFF : random.bits());
      const std::uint32_t ref =
          random.chance(3) ? 0xFFFFFFFC : static_cast<std::uint32_t>(random.bits());
      return Tags{ref, mask, static_cast<std::uint16_t>(random.chance(3) ? 0xFFFD : random.bits())};
    };
    Tags src = tags(), dst = tags();
    unit.start(op, info(sf, df, src, dst));
    for (int b = 0; b < 12; ++b) {
      const auto guard = static_cast<std::uint16_t>(random.chance(5) ? 0xFFFF : random.bits());
      std::uint16_t in_guard = guard, in_app = static_cast<std::uint16_t>(src.app & ~src.mask);
      std::uint32_t in_ref = src.ref;
      if (random.chance(24))
        in_guard = static_cast<std::uint16_t>(in_guard ^ (1u << random.below(16)));
      if (random.chance(24)) in_app = static_cast<std::uint16_t>(in_app ^ (1u << random.below(16)));
      if (random.chance(24)) in_ref ^= 1u << random.below(32);
      if (random.chance(9)) in_app = 0xFFFF;
      if (random.chance(9)) in_app = 0xFFFF, in_ref = 0xFFFFFFFF;
      if (random.chance(9)) in_app = 0xFFFF, in_ref = 0xFFFFFFFF, in_guard = 0xFFFF;
      const std::uint8_t want =
          op == kInsert ? 0 : expected_status(sf, src, guard, in_guard, in_app, in_ref);
      ASSERT_EQ(unit.block(guard, pi(in_guard, in_app, in_ref)), want) << n << " " << b;
      if (want != 0) {
        ++errors;
      } else {
        ++good;
        const bool pass = op == kUpdate;
        const std::uint64_t out =
            pi(pass && (df & 0x20) != 0 ? in_guard : guard,
               pass && (df & 0x08) != 0 ? in_app : static_cast<std::uint16_t>(dst.app & ~dst.mask),
               pass && (df & 0x40) != 0 ? in_ref : dst.ref);
        if (op == kInsert || op == kUpdate) ASSERT_EQ(unit.top.pi_o, out) << n << " " << b;
        step(src, sf);
        step(dst, df);
      }
      ASSERT_EQ(unit.top.cr_src_o, op == kInsert ? 0 : record(src));
      ASSERT_EQ(unit.top.cr_dst_o, op == kInsert || op == kUpdate ? record(dst) : 0);
      if (want != 0) break;
    }
  }
  EXPECT_GT(errors, 500u);
  EXPECT_GT(good, 5000u);
}

}  // namespace
}  // namespace siov::test
