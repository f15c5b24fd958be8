// SPDX-License-Identifier: Apache-2.0
// Registers, tables and their reset values, in the three personalities and both layouts of BAR0.
// Literals from DSA 2 and 3.2.
#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>

#include "Vbar_default.h"
#include "Vbar_large.h"
#include "Vbar_small.h"
#include "bar_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};
constexpr std::uint64_t kOpcap = 0x1003F03FF;

using Small = Bench<Vbar_small>;
using Default = Bench<Vbar_default>;
using Large = Bench<Vbar_large>;

TEST(BarCapabilitiesTest, SmallReadsItsValues) {  // 2.1 to 2.5
  Small b;
  EXPECT_EQ(b.read(0x00, 4), 0x100u);
  EXPECT_EQ(b.read(0x10), 0x00000000815F0106u) << "overlap, cache control, readback; no IMS";
  EXPECT_EQ(b.read(0x20), 0x001B000000040020u) << "32 entries, 4 queues, 32-byte WQCFG";
  EXPECT_EQ(b.read(0x30), 0x0000000000032002u) << "2 groups, 32 read buffers";
  EXPECT_EQ(b.read(0x38), 0x0000000000081001u) << "1 engine, 16 descriptors, 8 batches";
  EXPECT_EQ(b.read(0x40), kOpcap);
  EXPECT_EQ(b.read(0x60), 0x0000000400080006u) << "no IMS table";
  EXPECT_EQ(b.read(0x80, 4), 32u);
  EXPECT_EQ(b.read(0xB0), 0u);
}

TEST(BarCapabilitiesTest, DefaultReadsItsValues) {  // 2.1 to 2.5
  Default b;
  EXPECT_EQ(b.read(0x00, 4), 0x100u);
  EXPECT_EQ(b.read(0x10), 0x00000000835F2D07u)
      << "block on fault, overlap, cache control, readback, 16-byte fill, 64-bit CRC, event log, "
         "256 IMS";
  EXPECT_EQ(b.read(0x20), 0x00FF000001080080u)
      << "OPCFG, occupancy interrupt, ATS and PRS control, 64-byte WQCFG";
  EXPECT_EQ(b.read(0x30), 0x0000000000036004u);
  EXPECT_EQ(b.read(0x38), 0x0000000000084004u) << "4 engines, 64 descriptors, 8 batches each";
  EXPECT_EQ(b.read(0x40), kOpcap);
  EXPECT_EQ(b.read(0x60), 0x0040000400080006u);
  EXPECT_EQ(b.read(0xB0), 0u);
  for (unsigned at : {0x48u, 0x50u, 0x58u, 0x68u}) EXPECT_EQ(b.read(at), 0u) << std::hex << at;
}

TEST(BarCapabilitiesTest, LargeReadsItsValues) {  // 2.1 to 2.5
  Large b;
  EXPECT_EQ(b.read(0x10), 0x00100000A15F2F17u)
      << "also CMDCAP, drain readback, batches of one; 4096 IMS";
  EXPECT_EQ(b.read(0x20), 0x00FF000001801000u) << "4096 entries, 128 queues";
  EXPECT_EQ(b.read(0x30), 0x000000000003FF10u) << "16 groups, 255 read buffers";
  EXPECT_EQ(b.read(0x38), 0x0000000000084004u);
  EXPECT_EQ(b.read(0x60), 0x0300010001800140u)
      << "GRPCFG 14000, WQCFG 18000, MSIXPERM 10000, IMS 30000";
  EXPECT_EQ(b.read(0xB0), 0x7FFEu) << "commands 1 to 14";
  EXPECT_EQ(b.read(0x80, 4), 255u);
}

struct Place {
  unsigned address;
  TableAccess access;
};

template <class B>
void expect_places(B& b, const std::vector<Place>& places) {
  for (const Place& p : places) {
    b.table_accesses.clear();
    b.table[{p.access.sel, p.access.index, p.access.word}] = 0x1111111111111111;
    b.write(p.address + 2, 2, 0xABCD);
    EXPECT_EQ(b.read(p.address), 0x11111111ABCD1111u) << std::hex << p.address;
    TableAccess wrote = p.access;
    wrote.write = true;
    EXPECT_EQ(b.table_accesses, (std::vector<TableAccess>{wrote, p.access}))
        << std::hex << p.address;
  }
}

template <class B>
void expect_nothing(B& b, std::initializer_list<unsigned> addresses) {
  for (const unsigned address : addresses) {
    b.table_accesses.clear();
    b.write(address, 8, kOnes);
    EXPECT_EQ(b.read(address), 0u) << std::hex << address;
    EXPECT_TRUE(b.table_accesses.empty()) << std::hex << address;
  }
}

TEST(BarLayoutTest, DefaultTablesStandInSixtyFourKibibytes) {  // 2.1, 2.10
  Default b;
  expect_places(b, {{0x400, {0, 0, 0}},
                    {0x440, {0, 8, 0}},
                    {0x2000, {1, 0, 0}},
                    {0x2008, {1, 0, 1}},
                    {0x2088, {1, 8, 1}},
                    {0x3000, {2, 0, 0}},
                    {0x4000, {3, 0, 0}},
                    {0x4FF8, {3, 255, 1}}});
  expect_nothing(b, {0x200,   0x3F8,   0x448,   0x5F8,   0x700,   0x7F8,   0xA00,   0xFF8,
                     0x1000,  0x2090,  0x2FF8,  0x3008,  0x5000,  0xDFF8,  0xE000,  0xFFF8,
                     0x10000, 0x10400, 0x12000, 0x14000, 0x18000, 0x20000, 0x30000, 0x3FFF8});
}

TEST(BarLayoutTest, LargeTablesStandInAQuarterMebibyte) {  // 2.1, 2.10
  Large b;
  expect_places(b, {{0x10000, {0, 0, 0}},
                    {0x10400, {0, 128, 0}},
                    {0x20000, {1, 0, 0}},
                    {0x20808, {1, 128, 1}},
                    {0x28000, {2, 0, 0}},
                    {0x28010, {2, 2, 0}},
                    {0x30000, {3, 0, 0}},
                    {0x34008, {3, 1024, 1}},
                    {0x3FFF8, {3, 4095, 1}}});
  expect_nothing(b, {0x200, 0x400, 0x600, 0x800, 0x2000, 0x3000, 0x4000, 0xE000, 0x10408, 0x13FF8,
                     0x14400, 0x17FF8, 0x1A000, 0x1FFF8, 0x20810, 0x27FF8, 0x28018, 0x2FFF8});
}

TEST(BarLayoutTest, SmallHasNoImsAndShortEntries) {  // 2.9, 2.10
  Small b;
  expect_places(b, {{0x420, {0, 4, 0}}, {0x2048, {1, 4, 1}}});
  expect_nothing(b, {0x428, 0x2050, 0x4000, 0x4008, 0x880, 0x8A0});
  b.write(0x860, 8, 0x0000000300000007);
  EXPECT_EQ(b.read(0x860), 0x0000000300000007u) << "WQ 3: 32 bytes an entry";
  b.write(0x870, 8, kOnes);
  EXPECT_EQ(b.read(0x870), 0u) << "no occupancy interrupt";
  b.write(0x878, 8, kOnes);
  EXPECT_EQ(b.read(0x878), 0u);
}

template <class B>
void expect_opcfg(B& b, unsigned base, unsigned queues) {
  for (unsigned w = 0; w < queues; ++w) {
    EXPECT_EQ(b.read(base + 64 * w + 32), kOpcap) << w;
    EXPECT_EQ(get(b.dut.wq_ops_o, 33 * w, 33), kOpcap) << w;
    for (unsigned word = 40; word < 64; word += 8) {
      b.write(base + 64 * w + word, 8, kOnes);
      EXPECT_EQ(b.read(base + 64 * w + word), 0u);
    }
  }
  const unsigned last = base + 64 * (queues - 1) + 32;
  b.write(last, 1, 0x09);  // the other bytes keep their reset value
  EXPECT_EQ(b.read(last), 0x1003F0309u);
  b.ticks(2);
  EXPECT_EQ(get(b.dut.wq_ops_o, 33 * (queues - 1), 33), 0x1003F0309u);
  b.write(last, 8, kOnes);
  EXPECT_EQ(b.read(last), kOnes);
  b.ticks(2);
  EXPECT_EQ(get(b.dut.wq_ops_o, 33 * (queues - 1), 33), kOpcap) << "never more than OPCAP";
  EXPECT_EQ(get(b.dut.wq_ops_o, 0, 33), kOpcap);
}

TEST(BarOpcfgTest, MaskLimitsTheOperationsOfItsQueue) {  // 2.9 dwords 8 to 15
  Default d;
  expect_opcfg(d, 0x800, 8);
  Large l;
  expect_opcfg(l, 0x18000, 128);
  Small s;
  for (unsigned w = 0; w < 4; ++w) EXPECT_EQ(get(s.dut.wq_ops_o, 33 * w, 33), kOpcap);
}

TEST(BarGroupTest, ReadBuffersInForceFollowTheLimitOfTheirChoice) {  // 2.6, 2.8
  Default b;
  b.ticks(2);
  EXPECT_EQ(get(b.dut.grp_rb_o, 16 * 3, 16), 0x6000u) << "96 allowed, none reserved";
  b.write(0x6E8, 8, 0x0000000001E00500);  // group 3: 30 allowed, 5 reserved
  b.ticks(3);
  EXPECT_EQ(get(b.dut.grp_rb_o, 16 * 3, 16), 0x1E05u);
  b.write(0x6E8, 1, 0x80);  // global limit
  b.ticks(3);
  EXPECT_EQ(get(b.dut.grp_rb_o, 16 * 3, 16), 0x6005u);
  b.write(0x80, 1, 0x28);
  b.ticks(3);
  EXPECT_EQ(get(b.dut.grp_rb_o, 16 * 3, 16), 0x2805u);
  EXPECT_EQ(get(b.dut.grp_rb_o, 16 * 2, 16), 0x6000u) << "another group";
  EXPECT_EQ(b.read(0x6E8), 0x01E00580u);
  Large l;
  l.write(0x14000 + 64 * 15 + 0x28, 8, 0x0000000007000200);  // group 15: 112 allowed, 2 reserved
  l.ticks(3);
  EXPECT_EQ(get(l.dut.grp_rb_o, 16 * 15, 16), 0x7002u);
}

/// What a random write does to a word of WQCFG or GRPCFG of a Disabled device.
struct Word {
  unsigned address;
  std::uint64_t bits, reset, value;
};

template <class B>
void fuzz(B& b, std::vector<Word> words, unsigned steps, std::uint32_t seed) {
  boost::random::mt19937 random(seed);
  for (Word& w : words) w.value = w.reset;
  for (unsigned i = 0; i < steps; ++i) {
    Word& w = words[random() % words.size()];
    const unsigned size = 1u << random() % 4;
    const unsigned shift = size * (random() % (8 / size));
    const std::uint64_t value = std::uint64_t{random()} << 32 | random();
    const std::uint64_t low = size == 8 ? kOnes : (std::uint64_t{1} << 8 * size) - 1;
    b.write(w.address + shift, size, value & low);
    const std::uint64_t mask = (low << 8 * shift) & w.bits;
    w.value = (w.value & ~mask) | (value << 8 * shift & mask);
    if (random() % 4 == 0) {
      const Word& other = words[random() % words.size()];
      ASSERT_EQ(b.read(other.address), other.value) << std::hex << other.address << " step " << i;
    }
    if (random() % 500 == 0) {
      EXPECT_EQ(b.command(5), 0u);
      for (Word& each : words) each.value = each.reset;
    }
  }
  for (const Word& w : words) ASSERT_EQ(b.read(w.address), w.value) << std::hex << w.address;
}

std::vector<Word> config_words(unsigned grpcfg, unsigned groups, std::uint64_t flags,
                               unsigned wqcfg, unsigned queues) {
  std::vector<Word> words;
  for (unsigned g = 0; g < groups; ++g) {
    for (unsigned word = 0; word < 5; ++word)
      words.push_back({grpcfg + 64 * g + 8 * word, kOnes, 0, 0});
    words.push_back({grpcfg + 64 * g + 0x28, 0x0FF0FFBF, flags, 0});
    words.push_back({grpcfg + 64 * g + 0x30, 0, 0, 0});
  }
  for (unsigned w = 0; w < queues; ++w) {
    words.push_back({wqcfg + 64 * w, 0x0000FFFF0000FFFF, 0, 0});
    words.push_back({wqcfg + 64 * w + 8, 0x000001FF3FFFFFFF, 0, 0});
    words.push_back({wqcfg + 64 * w + 24, 0, 0, 0});
    words.push_back({wqcfg + 64 * w + 32, kOnes, kOpcap, 0});
    words.push_back({wqcfg + 64 * w + 40, 0, 0, 0});
  }
  return words;
}

TEST(BarFuzzTest, TablesKeepWhatTheirFieldsHold) {  // 2.8, 2.9
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    Default d;
    fuzz(d, config_words(0x600, 4, 96u << 20, 0x800, 8), 4000, seed);
    if (testing::Test::HasFatalFailure()) return;
    Large l;
    fuzz(l, config_words(0x14000, 16, 255u << 20, 0x18000, 128), 4000, seed);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(BarEventLogTest, RegistersOfTheLogAreReachedByTheirBytes) {  // 2.11
  Default b;
  b.write(0xE0, 8, 0x123456789ABCD003);
  b.write(0xE8, 2, 0x0040);
  b.write(0xEA, 1, 0x77);
  b.write(0xF0, 4, 0x00000005);  // head
  b.write(0xF4, 4, 0x40000000);  // pending
  EXPECT_EQ(b.read(0xE0), 0x123456789ABCD003u);
  EXPECT_EQ(b.read(0xE8), 0x0000000000770040u);
  EXPECT_EQ(b.read(0xF0), 0x4000000000000005u);
  b.write(0x80, 4, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x80, 4), 0x30FFu) << "limit, user interrupts, event log";
  b.write(0x88, 4, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x88, 4), 0x7u);
  b.ticks(1);
  EXPECT_EQ(b.dut.evl_int_en_o, 1);
  Small s;
  for (const unsigned at : {0xE0u, 0xE8u, 0xF0u}) {
    s.write(at, 8, kOnes);
    EXPECT_EQ(s.read(at), 0u);
    EXPECT_EQ(s.log_words[(at - 0xE0) / 8], 0u);
  }
  s.write(0x80, 4, 0xFFFFFFFF);
  EXPECT_EQ(s.read(0x80, 4), 0x10FFu);
  s.write(0x88, 4, 0xFFFFFFFF);
  EXPECT_EQ(s.read(0x88, 4), 0x3u);
}

TEST(BarEventLogTest, EventSetsItsCauseAndSendsOneMessage) {  // 2.6, 2.11
  Default b;
  b.dut.evl_event_i = 1;
  b.tick();
  b.dut.evl_event_i = 0;
  b.ticks(5);
  EXPECT_EQ(b.messages, 1u);
  EXPECT_EQ(b.read(0x98, 4), 0x20u);
  EXPECT_EQ(b.dut.dev_irq_cause_o, 1);
  b.write(0x98, 4, 0x20);
  EXPECT_EQ(b.read(0x98, 4), 0u);
  EXPECT_EQ(b.dut.dev_irq_cause_o, 0);
}

TEST(BarSwerrorTest, InformationIsKeptWhereThereIsAnEventLog) {  // 2.7
  Default b;
  b.software_error(0x11, true, 0x0123, true, 0xCAFE0040);
  EXPECT_EQ(b.read(0xC0), 0x054321030002119Du)
      << "valid, descriptor, WQ, batch member, information; WQ 2, opcode 3";
  EXPECT_EQ(b.read(0xC8), 0xCAFE004000000123u);
  EXPECT_EQ(b.read(0xD0), 0x1122334455667788u);
  EXPECT_EQ(b.read(0xD8), 0u);
  b.software_error(0x53, false, 0, false, 0);
  EXPECT_EQ(b.read(0xC0), 0x054321030002119Fu) << "overflow, the first one stays";
  Small s;
  s.software_error(0x11, true, 0x0123, true, 0xCAFE0040);
  EXPECT_EQ(s.read(0xC0), 0x054321030002111Du);
  EXPECT_EQ(s.read(0xC8), 0x0000000000000123u);
}

/// Dirties what a reset must clear or keep.
void dirty(Default& b) {
  b.write(0x600, 8, 0x3);
  b.write(0x620, 8, 0x1);
  b.write(0x628, 8, 0x0000000001000012);
  b.write(0x800, 8, 0x0000000500000010);
  b.write(0x808, 8, 0x000000AA10012311);
  b.write(0x810, 8, 0x0001000400010003);
  b.write(0x820, 8, 0x9);
  b.write(0x80, 4, 0x3011);
  b.write(0x88, 4, 0x7);
  b.dut.evl_event_i = 1;
  b.tick();
  b.dut.evl_event_i = 0;
  b.software_error(0x53, false, 0, false, 0);
}

void expect_clean(Default& b) {
  EXPECT_EQ(b.read(0x600), 0u);
  EXPECT_EQ(b.read(0x620), 0u);
  EXPECT_EQ(b.read(0x628), 0x06000000u);
  for (unsigned word : {0x800u, 0x808u, 0x810u, 0x818u}) EXPECT_EQ(b.read(word), 0u) << word;
  EXPECT_EQ(b.read(0x820), kOpcap);
  EXPECT_EQ(b.read(0x80, 4), 0x60u);
  EXPECT_EQ(b.read(0x88, 4), 0u);
  EXPECT_EQ(b.read(0x98, 4), 0u);
  EXPECT_EQ(b.read(0x90, 4), 0u);
  EXPECT_EQ(get(b.dut.wq_ops_o, 0, 33), kOpcap);
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 64), 0u);
  EXPECT_EQ(get(b.dut.grp_wq_o, 0, 8), 0u);
}

TEST(BarResetTest, ResetDeviceKeepsTheErrorAndNothingElse) {  // 3.2
  Default b;
  dirty(b);
  EXPECT_EQ(b.read(0x98, 4), 0x21u) << "error and log";
  EXPECT_EQ(b.command(5), 0u);
  expect_clean(b);
  EXPECT_EQ(b.read(0xC0, 1) & 1u, 1u) << "SWERROR stays";
}

TEST(BarResetTest, FunctionLevelResetClearsEverything) {  // 3.2
  Default b;
  dirty(b);
  EXPECT_EQ(b.command(6, 0), 0x20u);
  b.function_level_reset();
  expect_clean(b);
  EXPECT_EQ(b.read(0xC0), 0u);
  EXPECT_EQ(b.read(0xA8, 4), 0u);
}

}  // namespace
}  // namespace siov::test
