// SPDX-License-Identifier: Apache-2.0
// Every injection, put into a clean workload of three tenants, is reported under the rule that its
// table names.
#include "check/injector.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/error.hpp"
#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

namespace {

abi::Descriptor page_move(const Sequence& s, std::uint32_t pasid, std::uint32_t round) {
  abi::Descriptor d = s.move(pasid);
  d.size = 2048;
  d.source = Iova{0x1'0000 + std::uint64_t{round} * 0x1000};
  d.destination = Iova{0x8'0000 + std::uint64_t{round} * 0x1000};
  d.completion_address = Iova{0x8000 + std::uint64_t{round} * 32};
  return s.with_interrupt(d, static_cast<std::uint16_t>(pasid - 4));
}

/// Two tenants with queues of their own, one on the shared queue; every record and interrupt in
/// order.
void workload(Sequence& s) {
  for (std::uint32_t round = 0; round < 24; ++round) {
    for (const std::uint32_t pasid : {5u, 6u}) {
      const abi::Descriptor d = page_move(s, pasid, round);
      s.submit(pasid == 5 ? 0 : 2, d);
      s.run(pasid, d);
    }
    abi::Descriptor n = s.noop(7);
    n.completion_address = Iova{0x8000 + std::uint64_t{round} * 32};
    s.submit_shared(n);
    s.up(s.record(7, n.completion_address.value));
  }
  s.wait(30000);
  s.end();
}

}  // namespace

TEST(InjectorTest, WorkloadIsCleanWithoutInjection) {
  Sequence s;
  workload(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().finished, 72u);
}

class EachInjection : public testing::TestWithParam<Injection> {};

TEST_P(EachInjection, IsReportedUnderItsRule) {
  Sequence s;
  Injector injector(GetParam().name, 1, 4);
  s.mutator = &injector;
  workload(s);
  EXPECT_TRUE(injector.fired());
  EXPECT_GE(s.referee.report().count(GetParam().rule), 1u)
      << GetParam().name << " must give " << rule_info(GetParam().rule).name << "\n"
      << s.text();
}

INSTANTIATE_TEST_SUITE_P(InjectorTest, EachInjection,
                         testing::ValuesIn(list_injections().begin(), list_injections().end()),
                         [](const testing::TestParamInfo<Injection>& info) {
                           std::string name(info.param.name);
                           std::erase(name, '-');
                           return name;
                         });

TEST(InjectorTest, SameSeedFiresAtTheSameTlp) {
  Sequence a, b;
  Injector first("corrupt-data", 7), second("corrupt-data", 7);
  a.mutator = &first;
  b.mutator = &second;
  workload(a);
  workload(b);
  ASSERT_TRUE(first.fired());
  EXPECT_EQ(a.text(), b.text());
  EXPECT_EQ(a.referee.digest(), b.referee.digest());
}

TEST(InjectorTest, UnknownNameThrows) {
  EXPECT_THROW(Injector("no-such-injection", 1), HarnessError);
}

}  // namespace siov::check::test
