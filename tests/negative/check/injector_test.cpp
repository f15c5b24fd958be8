// SPDX-License-Identifier: Apache-2.0
// Every injection, put into a clean workload of three tenants, is reported under the rule that its
// table names.
#include "check/injector.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/error.hpp"
#include "pcie/ats_tlp.hpp"
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

/// A batch whose second member is fenced.
void fenced_batch(Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1, true)}));
  s.fetch(5, 0x4000, 128);
  s.run(5, s.member(0));
  s.run(5, s.member(1));
  s.up(s.record(5, 0x8200, 0x01, 2));
}

/// A move that reads its destination back, and the CRC of one byte 00 (dsa.md 5.8).
void readback_and_crc(Sequence& s) {
  abi::Descriptor move = s.member(2);
  move.flags |= 0x4000;
  s.submit(0, move);
  s.fetch(5, 0x1'2000, 256);
  s.store(5, 0x4'2000, 0x1'2000, 256);
  s.read_back(5, 0x4'20FF);
  s.up(s.record(5, 0x8440));
  abi::Descriptor crc = s.noop();
  crc.opcode = 0x10;
  crc.source = Iova{0x3000};
  crc.size = 1;
  s.memory.poke(5, 0x3000, std::array<std::byte, 1>{});
  s.submit(0, crc);
  s.fetch(5, 0x3000, 1);
  std::array<std::byte, 32> record{std::byte{1}};
  constexpr std::array<std::uint8_t, 4> kCrc = {0x51, 0x53, 0x7D, 0x52};
  for (std::size_t i = 0; i < kCrc.size(); ++i) record[16 + i] = std::byte{kCrc[i]};
  s.up(s.data_write(5, 0x8000, record));
}

/// A record address that is not aligned.
void logged_error(Sequence& s, std::uint32_t round) {
  abi::Descriptor d = s.noop();
  d.completion_address = Iova{0x8008};
  s.submit(0, d);
  s.up(s.log_entry(round, {0x0000'0500'0000'1B8C, 0x0006'0000'0000'0000, 0x8008}));
}

/// Two tenants with queues of their own, one on the shared queue; every record and interrupt in
/// order.
void workload(Sequence& s) {
  s.log_on();
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
    fenced_batch(s);
    readback_and_crc(s);
    logged_error(s, round);
  }
  s.wait(30000);
  s.end();
}

/// A move whose source is invalidated while it is read. The device answers when its reads are back.
void invalidated_move(Sequence& s, std::uint32_t round) {
  const abi::Descriptor d = page_move(s, 5, round);
  const std::uint64_t source = d.source.value;
  s.submit(0, d);
  s.grant(5, source, 1);
  std::vector<pcie::Tlp> reads;
  for (std::uint32_t i = 0; i < 4; ++i) reads.push_back(s.read_request(5, source + 512 * i, 512));
  s.up(reads[0]);
  const pcie::Tlp wire = s.invalidate_request(3, Pasid{5}, source);
  for (std::size_t i = 1; i < 4; ++i) s.up(reads[i]);
  for (const pcie::Tlp& read : reads) s.complete(read);
  s.drop(5, source);
  if (pcie::is_ats_message(wire)) s.invalidated(8);
  s.store(5, d.destination.value, source, 2048);
  s.up(s.record(5, d.completion_address.value));
  s.up(s.message(true, 1));
}

/// A move whose source is absent. @return false if the device hears nothing of its page
bool paged_move(Sequence& s, std::uint32_t round) {
  const abi::Descriptor d = page_move(s, 6, round);
  const auto group = static_cast<std::uint16_t>(round);
  s.submit(2, d);
  s.refuse(6, d.source.value);
  s.page_request(6, d.source.value, group);
  if (!s.respond(6, group)) return false;
  s.grant(6, d.source.value, 1);
  s.run(6, d);
  return true;
}

void translated_workload(Sequence& s) {
  s.ats_on();
  bool good = true;
  for (std::uint32_t round = 0; good && round < 8; ++round) {
    invalidated_move(s, round);
    good = paged_move(s, round);
  }
  s.wait(110000);
  s.end();
}

}  // namespace

TEST(InjectorTest, TranslatedWorkloadIsCleanWithoutInjection) {
  Sequence s;
  translated_workload(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().finished, 16u);
  EXPECT_EQ(s.referee.stats().invalidations, 8u);
  EXPECT_EQ(s.referee.stats().page_requests, 8u);
}

TEST(InjectorTest, WorkloadIsCleanWithoutInjection) {
  Sequence s;
  workload(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().finished, 168u);
  EXPECT_EQ(s.referee.stats().members, 48u);
}

class EachInjection : public testing::TestWithParam<Injection> {};

TEST_P(EachInjection, IsReportedUnderItsRule) {
  Sequence s;
  Injector injector(GetParam().name, 1, 4);
  s.mutator = &injector;
  if (GetParam().prey >= Prey::kTranslated) {
    translated_workload(s);
  } else {
    workload(s);
  }
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
