// SPDX-License-Identifier: Apache-2.0
// The harness sees what it is there for: with a mistake in the VDCM or the device a named attack is
// found to change a victim, to leak, or to get what it must not get.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <string>

#include "hostile/leak_scan.hpp"
#include "hostile/trial.hpp"
#include "system/device_factory.hpp"

namespace siov::test {
namespace {

enum class Sign { kChanged, kLeaked, kBroken };

struct Proof {
  const char* mistake;
  const char* attack;
  Sign sign;
  const char* text;  ///< part of the finding
};

class MistakeTest : public testing::TestWithParam<Proof> {};

bool names(const std::vector<std::string>& findings, const std::string& text) {
  return std::ranges::any_of(
      findings, [&](const std::string& f) { return f.find(text) != std::string::npos; });
}

system::DeviceKind device_of_run() {
  const char* const name = std::getenv("SIOV_DEVICE");
  return name != nullptr && std::string(name) == "rtl" ? system::DeviceKind::kRtl
                                                       : system::DeviceKind::kModel;
}

TEST_P(MistakeTest, IsFoundByTheAttack) {
  const Proof& proof = GetParam();
  hostile::TrialOptions options;
  options.device = device_of_run();
  options.mistakes = {proof.mistake};
  const hostile::Attack* const attack = hostile::find_attack(proof.attack);
  ASSERT_NE(attack, nullptr);
  hostile::Suite suite(options);
  const hostile::Verdict verdict = suite.run(*attack);
  const auto& findings = proof.sign == Sign::kChanged  ? verdict.changed
                         : proof.sign == Sign::kLeaked ? verdict.leaked
                                                       : verdict.broken;
  EXPECT_TRUE(names(findings, proof.text)) << verdict.text();
}

constexpr Proof kProofs[] = {
    {"raw-errors", "error-storm", Sign::kChanged, "sharer: reported errors"},
    {"raw-errors", "error-storm", Sign::kLeaked, "a host PASID of"},
    {"guest-message-in-ims", "messages-of-others", Sign::kChanged, "interrupts"},
    {"abort-shared-queue", "abort-shared-queue", Sign::kChanged, "sharer"},
    {"map-before-translation", "host-pasids", Sign::kBroken, "a PASID without an entry was sent"},
    {"pasid-off", "no-guest-pasid", Sign::kBroken, "without a guest PASID"},
    {"keep-portals", "storm-in-reset", Sign::kBroken, "a portal is mapped that must not be"},
    {"skip-cpu-flush", "storm-in-pause", Sign::kBroken, "reaches the device"},
    {"reset-keeps-queue", "reset-storm", Sign::kBroken, "does not start after a reset"},
    {"msix-portal", "interrupt-storm", Sign::kChanged, "ledger"},
};

std::string name_of(const testing::TestParamInfo<Proof>& info) {
  std::string name = std::string(info.param.mistake) + "_" + std::to_string(info.index);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Vdcm, MistakeTest, testing::ValuesIn(kProofs), name_of);

TEST(AttackTableTest, HasFiftyKindsWithNamesAndClauses) {
  std::set<std::string_view> names;
  std::set<hostile::Group> groups;
  for (const hostile::Attack& attack : hostile::attacks()) {
    EXPECT_TRUE(names.insert(attack.name).second) << attack.name;
    groups.insert(attack.group);
    EXPECT_NE(attack.clause.find("SIOV-"), std::string_view::npos) << attack.name;
    EXPECT_FALSE(attack.what.empty() || attack.must.empty()) << attack.name;
    EXPECT_TRUE(std::ranges::all_of(attack.name, [](char c) {
      return (std::islower(static_cast<unsigned char>(c)) != 0) || c == '-' ||
             (std::isdigit(static_cast<unsigned char>(c)) != 0);
    })) << attack.name;
    EXPECT_EQ(hostile::find_attack(attack.name), &attack);
  }
  EXPECT_GE(names.size(), 50u);
  EXPECT_EQ(groups.size(), 8u);
  EXPECT_EQ(hostile::find_attack("no-such-attack"), nullptr);
}

TEST(SuiteTest, MistakeThatDoesNotExistIsRefused) {
  hostile::TrialOptions options;
  options.mistakes = {"no-such-mistake"};
  EXPECT_THROW(static_cast<void>(hostile::play_trial(options, nullptr, {})), HarnessError);
}

// A comparison that finds each difference.
TEST(DifferencesTest, EveryPartIsCompared) {
  hostile::VictimResult alone;
  alone.records.resize(2);
  alone.errors.resize(1);
  alone.interrupts = {1, 2};
  alone.config = {1};
  alone.registers = {1};
  alone.memory.resize(64);
  EXPECT_TRUE(differences(alone, alone).empty());
  hostile::VictimResult now = alone;
  now.records[1][31] = std::byte{1};
  EXPECT_EQ(differences(alone, now).front(), "completion records: number 1 is another");
  now = alone;
  now.errors[0][3] = 1;
  EXPECT_EQ(differences(alone, now).front(), "reported errors: number 0 is another");
  now = alone;
  now.errors.clear();
  EXPECT_EQ(differences(alone, now).front(), "reported errors: 0 instead of 1");
  now = alone;
  now.interrupts[1] = 3;
  EXPECT_EQ(differences(alone, now).front(), "interrupts: number 1 is another");
  now = alone;
  now.config[0] = 0;
  EXPECT_EQ(differences(alone, now).size(), 1u);
  now = alone;
  now.registers[0] = 0;
  EXPECT_EQ(differences(alone, now).size(), 1u);
  now = alone;
  now.memory[63] = std::byte{1};
  EXPECT_EQ(differences(alone, now).front(), "bytes of memory: number 63 is another");
  now = alone;
  now.mismatches = {"operation 3"};
  EXPECT_EQ(differences(alone, now).front(), "operation 3");
}

struct Scan {
  Scan() : scan([](std::uint64_t number) { return number == 0x9'8765 || number == 0x2222'0000; }) {}
  std::vector<std::string> word(std::uint64_t value) {
    std::vector<std::string> leaks;
    scan.look_at_word(value, "a register", leaks);
    return leaks;
  }
  hostile::LeakScan scan;
};

TEST(LeakScanTest, FindsPasidsAtEveryFourthBit) {
  Scan s;
  s.scan.add_pasid(Pasid{0xC'1234}, "db");
  s.scan.add_pasid(Pasid{0x9'8765}, "db");  // known to the attacker
  EXPECT_EQ(s.word(0xC'1234).size(), 1u);
  EXPECT_EQ(s.word(0xC'1234ULL << 8).size(), 1u);       // WQCFG
  EXPECT_EQ(s.word(0xC'1234ULL << 12).size(), 1u);      // MSIXPERM
  EXPECT_EQ(s.word(0xC'1234ULL << 40 | 1).size(), 1u);  // SWERROR
  EXPECT_EQ(s.word(0xC'1234ULL << 44).size(), 1u);
  EXPECT_TRUE(s.word(0xC'1235).empty());
  EXPECT_TRUE(s.word(0x9'8765).empty());
}

TEST(LeakScanTest, FindsAddressesWithAnyOffset) {
  Scan s;
  s.scan.add_page(0x1111'0000, "db");
  s.scan.add_page(0x2222'0000, "db");
  EXPECT_EQ(s.word(0x1111'0FFF).size(), 1u);
  EXPECT_TRUE(s.word(0x1111'1000).empty());
  EXPECT_TRUE(s.word(0x2222'0010).empty());
}

TEST(LeakScanTest, FindsDataAtEveryByte) {
  Scan s;
  std::vector<std::byte> data(16);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(0x31 + 7 * i);
  s.scan.add_data(data, "db");
  EXPECT_EQ(s.scan.data_words(), 2u);
  for (std::size_t at = 0; at < 9; ++at) {
    std::vector<std::byte> memory(64);
    std::copy_n(data.begin(), 8, memory.begin() + static_cast<std::ptrdiff_t>(at));
    std::vector<std::string> leaks;
    s.scan.look_at_memory(memory, "memory", leaks);
    EXPECT_EQ(leaks.size(), 1u) << at;
  }
  std::vector<std::byte> seven(64);
  std::copy_n(data.begin(), 7, seven.begin());
  std::vector<std::string> leaks;
  s.scan.look_at_memory(seven, "memory", leaks);
  EXPECT_TRUE(leaks.empty());
}

TEST(LeakScanTest, OrdinaryWordsAreNobodys) {
  Scan s;
  const std::vector<std::byte> fill(64, std::byte{0x5A});
  s.scan.add_data(fill, "db");
  EXPECT_EQ(s.scan.data_words(), 0u);
}

// A device that breaks its PASIDs, on a link only.
TEST(InjectionTest, WrongPasidChangesAVictimOrBreaksARule) {
  if (device_of_run() != system::DeviceKind::kRtl ||
      !system::device_available(system::DeviceKind::kRtl))
    GTEST_SKIP() << "the model has no link to break";
  hostile::TrialOptions options;
  options.device = system::DeviceKind::kRtl;
  options.inject = {"wrong-pasid"};
  hostile::Suite suite(options);
  const hostile::Verdict verdict = suite.run(*hostile::find_attack("victims-addresses"));
  EXPECT_FALSE(verdict.good());
  EXPECT_TRUE(names(verdict.broken, "SIOV-D-22")) << verdict.text();
}

}  // namespace
}  // namespace siov::test
