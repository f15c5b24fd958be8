// SPDX-License-Identifier: Apache-2.0
// The table of rules itself, the report, the digest: no rule without a test that breaks it.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "check/digest.hpp"
#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

TEST(RuleTableTest, EveryRuleHasANegativeTest) {
  for (const RuleInfo& info : kRules)
    EXPECT_TRUE(covered().contains(info.rule)) << info.name << " is never seen to fire";
}

TEST(RuleTableTest, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const RuleInfo& info : kRules) EXPECT_TRUE(names.insert(info.name).second) << info.name;
}

TEST(ReportTest, TextNamesRuleTimeTlpScopeAndLastEvents) {
  Sequence s;
  s.submit(0, s.move());
  s.up(s.read_request(5, 0x4'0000, 64));
  ASSERT_EQ(s.referee.report().total(), 1u);
  const Violation& v = s.referee.report().violations().front();
  EXPECT_EQ(v.time_ns, v.cycle * 2);  // 2 ns clock
  const std::string text = v.text();
  EXPECT_NE(text.find("PCIE-22"), std::string::npos) << text;
  EXPECT_NE(text.find(std::to_string(v.time_ns) + " ns"), std::string::npos) << text;
  EXPECT_NE(text.find("MRd"), std::string::npos) << text;
  EXPECT_NE(text.find("PASID 0x5"), std::string::npos) << text;
  EXPECT_FALSE(v.last_events.empty());
}

TEST(ReportTest, KeepsTheFirstHundredAndCountsAll) {
  Sequence s;
  for (unsigned i = 0; i < 150; ++i) s.up(pcie::message(kDevice, 0, 0x31));
  EXPECT_EQ(s.referee.report().violations().size(), 100u);
  EXPECT_EQ(s.referee.report().total(), 150u);
  EXPECT_NE(s.text().find("50 more"), std::string::npos);
}

TEST(StatsTest, CountsWhatTheLinkShowed) {
  Sequence s;
  s.submit(0, s.with_interrupt(s.move(), 1));
  s.run(5, s.with_interrupt(s.move(), 1));
  s.submit_shared(s.noop(7));
  s.up(s.record(7, 0x8000));
  s.end();
  const Stats stats = s.referee.stats();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(stats.accepted, 2u);
  EXPECT_EQ(stats.finished, 2u);
  EXPECT_EQ(stats.bytes, 600u);
  EXPECT_EQ(stats.bytes_read, 600u);
  EXPECT_EQ(stats.records, 2u);
  EXPECT_EQ(stats.interrupts, 1u);
  EXPECT_GT(stats.checks, 100u);
}

TEST(DigestTest, DependsOnContentAndOrderNotOnTime) {
  const pcie::Tlp a = pcie::mem_read(kDevice, 1, 0x1000, 64),
                  b = pcie::mem_read(kDevice, 2, 0x1000, 64);
  const auto hex = [](std::initializer_list<const pcie::Tlp*> tlps, std::uint64_t start) {
    Digest digest;
    for (const pcie::Tlp* t : tlps) digest.on_tlp(pcie::Direction::kUp, *t, start++);
    return digest.hex();
  };
  EXPECT_EQ(hex({&a, &b}, 0), hex({&a, &b}, 500));
  EXPECT_NE(hex({&a, &b}, 0), hex({&b, &a}, 0));
  EXPECT_NE(hex({&a}, 0), hex({&b}, 0));
  EXPECT_EQ(hex({}, 0).size(), 16u);
  Digest down;
  down.on_tlp(pcie::Direction::kDown, a, 0);
  EXPECT_NE(down.hex(), hex({&a}, 0));
}

TEST(DigestTest, ShowsWhatOnlyABrokenHeaderHas) {
  const auto hex = [](const pcie::Tlp& t) {
    Digest digest;
    digest.on_tlp(pcie::Direction::kUp, t, 0);
    return digest.hex();
  };
  const pcie::Tlp good = pcie::mem_read(kDevice, 1, 0x1000, 64);
  pcie::Tlp reserved = good, hint = good, prefix = good, unknown = good;
  reserved.reserved_bits_set = true;
  hint.ph = 1;
  prefix.prefix.present = true;
  prefix.prefix.raw = 0x9200'0000;  // not PASID, which is 91h. @spec pcie.md 2.1
  pcie::Tlp pasid = prefix;
  pasid.prefix.raw = 0x9100'0000;
  unknown.type = pcie::TlpType::kUnknown;
  unknown.fmt_type = 0x1F;
  pcie::Tlp other = unknown;
  other.fmt_type = 0x1E;
  EXPECT_NE(hex(reserved), hex(good));
  EXPECT_NE(hex(hint), hex(good));
  EXPECT_NE(hex(prefix), hex(pasid));
  EXPECT_NE(hex(unknown), hex(other));
}

}  // namespace siov::check::test
