// SPDX-License-Identifier: Apache-2.0
// The event log: place, owner and content of its entries. dsa.md 2.11.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;

namespace {

/// Record address not aligned: 0x1b, with neither record nor interrupt.
void submit_misaligned(Sequence& s) {
  abi::Descriptor d = s.noop();
  d.completion_address = Iova{0x8008};
  s.submit(0, d);
}

// Descriptor, queue and information valid; code; WQ 0; opcode 0; PASID 5. Record required.
constexpr std::array<std::uint64_t, 3> kMisaligned = {0x0000'0500'0000'1B8C, 0x0006'0000'0000'0000,
                                                      0x8008};

void legal(Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.up(s.log_entry(0, kMisaligned));
  submit_misaligned(s);
  s.up(s.log_entry(1, kMisaligned));
  s.read_register(0xF0, std::uint64_t{2} << 32, 8);
  s.end();
}

std::array<std::byte, 32> success() { return {std::byte{1}}; }

// Drain in PASID 5: code 0x26, opcode 2; record required; record address.
constexpr std::array<std::uint64_t, 3> kDrained = {0x0000'0502'0000'268C, 0x0006'0000'0000'0000,
                                                   0x8100};

void legal_drain(Sequence& s) {
  s.log_on();
  s.submit(0, s.drain());
  s.up(s.log_entry(0, kDrained, success()));
  s.end();
}

}  // namespace

NEGATIVE_TEST(LogEntryMissing, Rule::kEvlMissing, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.end();
})
NEGATIVE_TEST(LogEntryNeverComes, Rule::kEvlMissing, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.command(7, 1);  // Disable WQ
})
NEGATIVE_TEST(LogEntryWithWrongCode, Rule::kEvlEntry, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.up(s.log_entry(0, {0x0000'0500'0000'1C8C, 0x0006'0000'0000'0000, 0x8008}));
  s.end();
})
NEGATIVE_TEST(LogEntryWithWrongInformation, Rule::kEvlEntry, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.up(s.log_entry(0, {0x0000'0500'0000'1B8C, 0, 0x8008}));
  s.end();
})
NEGATIVE_TEST(LogEntryWithWrongAddress, Rule::kEvlEntry, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.up(s.log_entry(0, {0x0000'0500'0000'1B8C, 0x0006'0000'0000'0000, 0}));
  s.end();
})
NEGATIVE_TEST(LogEntryOutOfNothing, Rule::kEvlEntry, legal, [](Sequence& s) {
  s.log_on();
  s.up(s.log_entry(0, kMisaligned));
  s.end();
})
NEGATIVE_TEST(LogEntryAtWrongPlace, Rule::kEvlRing, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.up(s.log_entry(1, kMisaligned));
  s.end();
})
NEGATIVE_TEST(
    LogEntryIntoFullRing, Rule::kEvlRing,
    [](Sequence& s) {
      s.log_on();
      for (std::uint32_t i = 0; i < 80; ++i) {
        if (i == 40) s.write_register(0xF0, 40);  // head: 40 entries have been taken
        submit_misaligned(s);
        s.up(s.log_entry(i % 64, kMisaligned));
      }
      s.end();
    },
    [](Sequence& s) {
      s.log_on();
      for (std::uint32_t i = 0; i < 64; ++i) {  // 63 fit
        submit_misaligned(s);
        s.up(s.log_entry(i, kMisaligned));
      }
    })
NEGATIVE_TEST(TailRunsAheadOfEntries, Rule::kEvlRing, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.read_register(0xF0, std::uint64_t{1} << 32, 8);
})
NEGATIVE_TEST(LogInterruptBeforeEntry, Rule::kEvlRing, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  s.read_register(0xF0, std::uint64_t{1} << 62, 8);
})
NEGATIVE_TEST(LogEntryWithPasidOfTheWork, Rule::kEvlOwner, legal, [](Sequence& s) {
  s.log_on();
  submit_misaligned(s);
  Tlp t = s.log_entry(0, kMisaligned);
  t.prefix.pasid = 5;
  s.up(t);
})
NEGATIVE_TEST(LogEntryOnOtherTrafficClass, Rule::kEvlOwner, legal,
              [](Sequence& s) {
                s.log_on();
                submit_misaligned(s);
                Tlp t = s.log_entry(0, kMisaligned);
                t.tc = 1;
                s.up(t);
                s.end();
              },
              {.change = [](Config& c) { c.tc_map = 0x03; }})
NEGATIVE_TEST(DrainRecordNotInLog, Rule::kCrUndue, legal_drain, [](Sequence& s) {
  s.log_on();
  s.submit(0, s.drain());
  s.up(s.record(5, 0x8100));
})
NEGATIVE_TEST(DrainLoggedBeforeWork, Rule::kSiovD44, legal_drain, [](Sequence& s) {
  s.log_on();
  s.submit(0, s.move());
  s.submit(0, s.drain());
  s.up(s.log_entry(0, kDrained, success()));
  s.run(5, s.move());
  s.end();
})
NEGATIVE_TEST(
    BadHandleLoggedWithoutRecord, Rule::kEvlEntry,
    [](Sequence& s) {  // entry 3 belongs to PASID 7: 0x19, in the record and in the log
      s.log_on();
      s.submit(0, s.with_interrupt(s.noop(), 3));
      s.up(s.record(5, 0x8000, 0x19));
      const std::array<std::byte, 32> record{std::byte{0x19}};
      s.up(s.log_entry(0, {0x0000'0500'0000'198C, 0x0007'0003'0000'0000, 0}, record));
      s.end();
    },
    [](Sequence& s) {
      s.log_on();
      s.submit(0, s.with_interrupt(s.noop(), 3));
      s.up(s.record(5, 0x8000, 0x19));
      s.up(s.log_entry(0, {0x0000'0500'0000'198C, 0x0007'0003'0000'0000, 0}));
      s.end();
    })
NEGATIVE_TEST(
    LoggedErrorInSwerror, Rule::kSwErr,
    [](Sequence& s) {  // codes 0x51 to 0x54 stay in SWERROR (dsa.md 5.5)
      legal(s);
      s.read_register(0xC0, 0x0000'0000'0000'5309, 8);
    },
    [](Sequence& s) {
      legal(s);
      s.read_register(0xC0, 0x0000'0500'0000'1B0D, 8);
    })

TEST(EventLogTest, MemberIsNamedByItsIndex) {
  Sequence s;
  s.log_on();
  abi::Descriptor bad = s.member(1);
  bad.completion_address = Iova{0x8428};
  s.submit(0, s.batch({s.member(0), bad}));
  s.fetch(5, 0x4000, 128);
  s.run(5, s.member(0));
  // Member; opcode 3; index 1; record required, first error.
  s.up(s.log_entry(0, {0x0000'0503'0000'1B9C, 0x000E'0000'0000'0001, 0x8428}));
  s.up(s.record(5, 0x8200, 0x05, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().log_entries, 1u);
}

}  // namespace siov::check::test
