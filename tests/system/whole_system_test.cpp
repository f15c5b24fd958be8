// SPDX-License-Identifier: Apache-2.0
// Whole systems through Testbench: every translation and queue kind, awkward links, digests,
// hostile neighbours, injections.
#include "whole_system.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "check/injector.hpp"
#include "check/rules.hpp"
#include "system/device_side.hpp"
#include "system/host_side.hpp"
#include "system/testbench.hpp"

namespace siov::system {
namespace {

using test::device_kind;

/// A device that drives one beat that belongs to no packet.
class StrayBeat final : public pcie::LinkDevice {
 public:
  explicit StrayBeat(pcie::LinkDevice& device) : device_(device) {}
  std::uint32_t beat_bytes() const override { return device_.beat_bytes(); }
  void reset() override { device_.reset(); }
  void cycle(const Inputs& in, Outputs& out) override {
    device_.cycle(in, out);
    if (++cycles_ != 20) return;
    out.up.valid = out.up.eop = true;
    out.up.sop = false;
    out.up.data = zeros_.data();
  }

 private:
  pcie::LinkDevice& device_;
  std::array<std::uint32_t, 16> zeros_{};
  unsigned cycles_ = 0;
};

// Framing of the stream. @spec pcie.md 12.9 (PCIE-94)
TEST(FramingTest, BeatOutsideAPacketIsAViolation) {
  if (device_kind() == DeviceKind::kModel) GTEST_SKIP() << "the model has no link";
  for (const bool stray : {false, true}) {
    HostSide host;
    coro::Scheduler scheduler;
    DeviceOptions options;
    options.kind = device_kind();
    if (stray) options.wrap = [](pcie::LinkDevice& d) { return std::make_unique<StrayBeat>(d); };
    DeviceSide device(host, scheduler, Scenario{}, options);
    scheduler.run_cycles(100);
    EXPECT_EQ(device.framing_errors(), stray ? 1u : 0u);
    EXPECT_EQ(device.violations(), stray ? 1u : 0u);
  }
}

struct Kind {
  Translation translation;
  bool shared;
};

class TranslationKindTest : public testing::TestWithParam<std::tuple<Kind, TranslationMode>> {};

TEST_P(TranslationKindTest, TenantPlaysToItsEndWithoutViolation) {
  const auto [kind, mode] = GetParam();
  Scenario s;
  s.wqs.push_back(queue(kind.shared, 8));
  s.groups.push_back({{0, 1}});
  s.tenants.push_back(tenant("t", 0, kind.shared, 0, kind.translation));
  const RunResult r = play(in_mode(s, mode));
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_EQ(r.descriptors, 80u);
  if (mode != TranslationMode::kPri) {
    EXPECT_EQ(r.faults, 0u);
  }
  EXPECT_EQ(r.ats_translations != 0, mode != TranslationMode::kOff);
  const bool demand =
      mode == TranslationMode::kPri && kind.translation != Translation::kPassThrough;
  EXPECT_EQ(r.page_requests != 0, demand);
  EXPECT_EQ(r.pages != 0, demand);
  EXPECT_GE(r.pages_absent * 10, r.pages * 3) << "30 % are absent at first";
  // With ATS one answer serves many requests.
  EXPECT_GT(r.translations, mode == TranslationMode::kOff ? 80u : 1u);
  EXPECT_GT(r.interrupts, 0u);
  EXPECT_GE(r.checks, device_kind() == DeviceKind::kModel ? 80u : 1000u)
      << "one judgement a descriptor at least, one a TLP on a link";
}

std::string kind_name(const testing::TestParamInfo<std::tuple<Kind, TranslationMode>>& info) {
  const auto [kind, mode] = info.param;
  std::string name(to_string(kind.translation));
  std::erase(name, '-');
  return name + (kind.shared ? "Shared" : "Dedicated") + name_of(mode);
}

INSTANTIATE_TEST_SUITE_P(Kinds, TranslationKindTest,
                         testing::Combine(testing::Values(Kind{Translation::kFirstStage, false},
                                                          Kind{Translation::kFirstStage, true},
                                                          Kind{Translation::kSecondStage, false},
                                                          Kind{Translation::kSecondStage, true},
                                                          Kind{Translation::kNested, false},
                                                          Kind{Translation::kNested, true},
                                                          Kind{Translation::kPassThrough, false},
                                                          Kind{Translation::kPassThrough, true}),
                                          testing::ValuesIn(kModes)),
                         kind_name);

class LinkTest : public testing::TestWithParam<std::tuple<int, TranslationMode>> {};

TEST_P(LinkTest, AwkwardLinksChangeNothingThatCounts) {
  const auto [odd, mode] = GetParam();
  Scenario s = in_mode(four_tenants(5), mode);
  LinkParameters& link = s.link;
  switch (odd) {
    case 0:
      link.stall_permille = 600;
      break;
    case 1:
      link.reorder = true, link.latency_min = 50, link.latency_max = 1500;
      break;
    case 2:
      link.mps = 128, link.mrrs = 128;
      break;
    case 3:
      link.posted = {2, 32}, link.nonposted = {1, 4}, link.completion = {2, 32};
      break;
    case 4:
      link.rcb = 128, link.latency_min = link.latency_max = 20;
      break;
    default:
      link.stall_permille = 300, link.reorder = true, link.latency_min = 10, link.latency_max = 900;
      link.posted = {3, 64}, link.nonposted = {2, 4};
  }
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_EQ(r.descriptors, 320u);
  if (mode != TranslationMode::kPri) {
    EXPECT_EQ(r.faults, 0u);
  }
  EXPECT_EQ(r.stale_uses, 0u);
}

std::string link_name(const testing::TestParamInfo<std::tuple<int, TranslationMode>>& info) {
  return std::to_string(std::get<0>(info.param)) + name_of(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Links, LinkTest,
                         testing::Combine(testing::Range(0, 6), testing::ValuesIn(kModes)),
                         link_name);

class DigestModeTest : public testing::TestWithParam<TranslationMode> {};

TEST_P(DigestModeTest, SameSeedSameDigestOtherSeedOtherDigest) {  // design 5
  const RunResult first = play(in_mode(four_tenants(3), GetParam())),
                  again = play(in_mode(four_tenants(3), GetParam())),
                  other = play(in_mode(four_tenants(4), GetParam()));
  EXPECT_TRUE(first.good()) << why(first);
  EXPECT_EQ(first.digest.size(), 16u);
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_EQ(first.cycles, again.cycles);
  EXPECT_EQ(first.checks, again.checks);
  EXPECT_NE(first.digest, other.digest);
}

std::string mode_name(const testing::TestParamInfo<TranslationMode>& info) {
  return name_of(info.param);
}

INSTANTIATE_TEST_SUITE_P(Modes, DigestModeTest, testing::ValuesIn(kModes), mode_name);

TEST(DigestTest, WavesDoNotChangeTheDigest) {  // design 5
  if (device_kind() != DeviceKind::kRtl) GTEST_SKIP() << "only the RTL can record waves";
  Scenario s = four_tenants(3);
  s.length = 10;
  const std::string file = testing::TempDir() + "siov_digest_test.fst";
  const RunResult without = play(s), with = play(s, file);
  EXPECT_TRUE(with.good()) << why(with);
  EXPECT_EQ(without.digest, with.digest);
  std::FILE* const f = std::fopen(file.c_str(), "rb");
  ASSERT_NE(f, nullptr);
  std::fseek(f, 0, SEEK_END);
  EXPECT_GT(std::ftell(f), 10'000) << "something was recorded";
  std::fclose(f);
  std::remove(file.c_str());
}

/// A victim; with hostile neighbours on its group, and on its queue if that is shared.
Scenario with_neighbours(bool shared, bool hostile) {
  Scenario s;
  s.seed = 11;
  s.wqs = {queue(shared, 8), queue(false, 32)};
  s.groups.push_back({{0, 1}});
  s.tenants.push_back(tenant("victim", 0, shared, 0, Translation::kNested));
  if (!hostile) {
    s.wqs[1].size = 0;
    s.wqs.pop_back();
    return s;
  }
  TenantParameters flood = tenant("flood", 1, false, 1, Translation::kSecondStage);
  flood.window = 32;
  flood.workload.descriptors = 600;
  flood.workload.size_max = 20'000;
  s.tenants.push_back(flood);
  if (shared) {
    TenantParameters crowd = tenant("crowd", 2, true, 0, Translation::kFirstStage);
    crowd.window = 32;
    crowd.workload.descriptors = 600;
    s.tenants.push_back(crowd);
  }
  return s;
}

class NeighbourTest : public testing::TestWithParam<std::tuple<bool, TranslationMode>> {};

TEST_P(NeighbourTest, VictimFinishesWithTheSameResults) {  // SIOV-D-10, SIOV-D-14, SIOV-D-61
  const auto [shared, mode] = GetParam();
  const RunResult alone = play(in_mode(with_neighbours(shared, false), mode));
  const RunResult crowded = play(in_mode(with_neighbours(shared, true), mode));
  EXPECT_TRUE(alone.good()) << why(alone);
  EXPECT_TRUE(crowded.good()) << why(crowded);
  EXPECT_EQ(alone.descriptors, 80u);
  EXPECT_EQ(crowded.descriptors, shared ? 1280u : 680u);
  EXPECT_EQ(crowded.mismatches, 0u)
      << "every record and byte, the victim's included, as the model says";
  if (mode != TranslationMode::kPri) {
    EXPECT_EQ(crowded.faults, 0u);
  }
  if (shared) {
    EXPECT_GT(crowded.retries, 0u) << "back-pressure is all that a sharer feels";
  }
}

std::string pair_name(const testing::TestParamInfo<std::tuple<bool, TranslationMode>>& info) {
  return std::string(std::get<0>(info.param) ? "Yes" : "No") + name_of(std::get<1>(info.param));
}
std::string queue_name(const testing::TestParamInfo<std::tuple<bool, TranslationMode>>& info) {
  return std::string(std::get<0>(info.param) ? "Shared" : "Dedicated") +
         name_of(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Queues, NeighbourTest,
                         testing::Combine(testing::Bool(), testing::ValuesIn(kModes)), queue_name);

class AllOperationsTest : public testing::TestWithParam<std::tuple<bool, TranslationMode>> {};

// dsa.md 5.5, 5.6, 6: right answers to right and to wrong descriptors.
TEST_P(AllOperationsTest, GuestsGetWhatTheirOwnArithmeticSays) {
  const auto [event_log, mode] = GetParam();
  const RunResult r = play(in_mode(all_operations(event_log), mode));
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_EQ(r.operations, 480u);
  EXPECT_GT(r.batches, 80u);
  EXPECT_GT(r.descriptors, 480u + 2 * r.batches) << "members count";
  EXPECT_GT(r.bad_inputs, 40u);
  EXPECT_GT(r.dropped, 0u) << "fences behind failures";
  EXPECT_GT(r.errors_reported, 0u);
  if (mode == TranslationMode::kPri) {
    EXPECT_GT(r.resumed, 0u) << "one descriptor in four does not wait for pages";
  }
  if (event_log) {
    EXPECT_GT(r.events, 0u);
  } else {
    EXPECT_EQ(r.events, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(EventLog, AllOperationsTest,
                         testing::Combine(testing::Bool(), testing::ValuesIn(kModes)), pair_name);

/// What `siov-cosim list-injections` documents: name and the rule that must be reported. Typed from
/// the list, not asked of it.
const std::map<std::string, std::string> kDocumented = {{"wrong-pasid", "SIOV-D-22"},
                                                        {"no-pasid", "PCIE-28"},
                                                        {"pasid-on-interrupt", "PCIE-26"},
                                                        {"execute-requested", "PCIE-25"},
                                                        {"corrupt-data", "SB-DATA"},
                                                        {"poisoned-write", "SB-DATA"},
                                                        {"drop-write", "SB-COVER"},
                                                        {"duplicate-write", "SB-COVER"},
                                                        {"duplicate-record", "CR-ONCE"},
                                                        {"drop-record", "CR-MISSING"},
                                                        {"corrupt-record", "CR-BYTES"},
                                                        {"short-record", "CR-SHAPE"},
                                                        {"record-before-data", "ORDER-DATA-CR"},
                                                        {"drop-interrupt", "IRQ-MISSING"},
                                                        {"duplicate-interrupt", "IRQ-ONCE"},
                                                        {"wrong-interrupt-data", "PCIE-57"},
                                                        {"relaxed-interrupt", "PCIE-07"},
                                                        {"oversize-payload", "PCIE-11"},
                                                        {"cross-4k", "PCIE-13"},
                                                        {"oversize-read", "PCIE-12"},
                                                        {"wrong-requester", "PCIE-15"},
                                                        {"duplicate-tag", "PCIE-16"},
                                                        {"write-outside", "PCIE-22"},
                                                        {"read-outside", "PCIE-22"},
                                                        {"reserved-bit", "PCIE-10"},
                                                        {"bad-byte-enables", "PCIE-14"},
                                                        {"wrong-header-size", "PCIE-02"},
                                                        {"translated-address", "PCIE-05"},
                                                        {"wrong-traffic-class", "PCIE-06"},
                                                        {"drop-completion", "PCIE-42"},
                                                        {"wrong-completion-status", "PCIE-34"},
                                                        {"wrong-completer", "PCIE-33"},
                                                        {"wrong-byte-count", "PCIE-36"},
                                                        {"wrong-batch-count", "BATCH-RECORD"},
                                                        {"early-batch-record", "BATCH-LAST"},
                                                        {"fence-overtaken", "BATCH-FENCE"},
                                                        {"misplaced-readback", "SB-READBACK"},
                                                        {"wrong-log-code", "EVL-ENTRY"},
                                                        {"misplaced-log-entry", "EVL-RING"},
                                                        {"drop-log-entry", "EVL-RING"},
                                                        {"wrong-crc", "CR-BYTES"},
                                                        {"wrong-translated-address", "PCIE-64"},
                                                        {"translated-with-pasid", "PCIE-27"},
                                                        {"write-through-read-only", "PCIE-64"},
                                                        {"foreign-translation", "SIOV-D-26"},
                                                        {"page-request-twice", "PCIE-70"},
                                                        {"drop-invalidate-completion", "PCIE-69"},
                                                        {"lost-prg-response", "PCIE-74"},
                                                        {"wrong-prg-index", "PCIE-74"},
                                                        {"ignore-invalidation", "PCIE-66"},
                                                        {"early-invalidate-completion", "PCIE-68"}};

/// Whether the injection is about ATS or page requests.
bool needs_translation(std::string_view name) {
  return name == "wrong-translated-address" || name == "translated-with-pasid" ||
         name == "write-through-read-only" || name == "foreign-translation" ||
         name == "page-request-twice" || name == "ignore-invalidation" ||
         name == "drop-invalidate-completion" || name == "early-invalidate-completion" ||
         name.find("prg") != name.npos;
}

/// Whether the injection meets its prey only among all operations.
bool needs_all_operations(std::string_view name) {
  return name.find("batch") != name.npos || name.find("log") != name.npos ||
         name == "fence-overtaken" || name == "misplaced-readback" || name == "wrong-crc";
}

std::vector<std::string> injection_names() {
  std::vector<std::string> out;
  for (const check::Injection& i : check::list_injections()) out.emplace_back(i.name);
  return out;
}

class InjectionTest : public testing::TestWithParam<std::string> {};

TEST_P(InjectionTest, IsReportedByItsRule) {
  if (device_kind() == DeviceKind::kModel)
    GTEST_SKIP() << "injections change TLPs, and the model has none";
  const auto documented = kDocumented.find(GetParam());
  ASSERT_NE(documented, kDocumented.end()) << "new injection: say here which rule reports it";
  Scenario s = four_tenants(7);
  for (TenantParameters& t : s.tenants) {
    t.workload.descriptors = 250;
    t.wait = t.shared ? WaitMode::kInterrupt : WaitMode::kPoll;
  }
  if (needs_all_operations(GetParam())) {
    s = all_operations(true);
    // More entries of the log: the injection waits for one of the first 83.
    for (TenantParameters& t : s.tenants) t.workload.mix.drain = 12;
  }
  if (needs_translation(GetParam())) {
    s = in_mode(s, TranslationMode::kPri);
    for (TenantParameters& t : s.tenants) {
      if (t.paging.demand) t.paging.evict = 2;
    }
  }
  if (GetParam().find("invalid") != std::string::npos) s.host.invalidations = 50;  // pages in use
  // What is translated one to one may write all of memory: nothing is read-only beside it.
  if (GetParam() == "write-through-read-only") s.tenants[3].translation = Translation::kFirstStage;
  s.injections.push_back({GetParam()});
  const RunResult r = play(s);
  EXPECT_FALSE(r.good());
  EXPECT_GT(r.violations, 0u);
  EXPECT_TRUE(std::count(r.rules.begin(), r.rules.end(), documented->second) != 0)
      << documented->second << " is not among " << testing::PrintToString(r.rules)
      << why(r).substr(0, 2000);
}

INSTANTIATE_TEST_SUITE_P(All, InjectionTest, testing::ValuesIn(injection_names()),
                         [](const testing::TestParamInfo<std::string>& i) {
                           std::string name = i.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(InjectionListTest, HoldsEveryDocumentedName) {
  const std::vector<std::string> names = injection_names();
  for (const auto& [name, rule] : kDocumented)
    EXPECT_TRUE(std::count(names.begin(), names.end(), name) == 1) << name;
}

}  // namespace
}  // namespace siov::system
