// SPDX-License-Identifier: Apache-2.0
// Keys of scenario files for a second host and for virtual machines that move.
#include <gtest/gtest.h>

#include <string>

#include "app/input_error.hpp"
#include "app/scenario_file.hpp"

namespace siov::app {
namespace {

// Line numbers in the expectations below count from here.
const std::string kGood = R"(name = "t"
[[device.wq]]
mode = "dedicated"
[[device.wq]]
mode = "shared"
[second]
personality = "large"
reserved_interrupts = 7
[[second.wq]]
mode = "shared"
[[second.wq]]
mode = "dedicated"
size = 32
[[second.group]]
engines = [0, 3]
[[tenant]]
name = "a"
vm = 3
vdev = "dedicated"
wq = 0
translation = "nested"
workload = { mix = { copy = 1 }, descriptors = 5 }
[[tenant]]
name = "b"
vm = 4
vdev = "dedicated"
host = "second"
wq = 1
workload = { mix = { copy = 1 }, descriptors = 5 }
[[migration]]
vm = 3
times = 4
after = [300, 900]
rounds = 5
stop_pages = 12
bandwidth = 2000
cancel = "paused"
[host]
mistakes = ["drop-held", "miss-dirty-pages"]
)";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "the text to replace is not there";
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  try {
    static_cast<void>(parse_scenario(text, "s.toml"));
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(MigrationKeysTest, EveryKeyArrives) {
  const system::Scenario s = parse_scenario(kGood, "s.toml");
  EXPECT_TRUE(s.second.present);
  EXPECT_EQ(s.second.personality, system::Personality::kLarge);
  EXPECT_EQ(s.second.reserved_interrupts, 7u);
  ASSERT_EQ(s.second.wqs.size(), 2u);
  EXPECT_TRUE(s.second.wqs[0].shared);
  EXPECT_EQ(s.second.wqs[1].size, 32u);
  ASSERT_EQ(s.second.groups.size(), 1u);
  EXPECT_EQ(s.second.groups[0].engines, (std::vector<std::uint32_t>{0, 3}));
  EXPECT_FALSE(s.tenants[0].on_second);
  EXPECT_TRUE(s.tenants[1].on_second);
  EXPECT_EQ(s.tenants[1].wq, 1u) << "a dedicated one there";
  ASSERT_EQ(s.migrations.size(), 1u);
  const system::MigrationParameters& m = s.migrations[0];
  EXPECT_EQ(m.vm, 3u);
  EXPECT_EQ(m.times, 4u);
  EXPECT_EQ(m.after_min, 300u);
  EXPECT_EQ(m.after_max, 900u);
  EXPECT_EQ(m.rounds, 5u);
  EXPECT_EQ(m.stop_pages, 12u);
  EXPECT_EQ(m.bandwidth, 2000u);
  EXPECT_EQ(m.cancel, system::CancelPhase::kPaused);
  EXPECT_FALSE(m.refused);
  EXPECT_TRUE(s.host.makes(system::Mistake::kDropHeld));
  EXPECT_TRUE(s.host.makes(system::Mistake::kMissDirtyPages));
  EXPECT_FALSE(s.host.makes(system::Mistake::kReplayTwice));
}

TEST(MigrationKeysTest, WithoutThemThereIsOneHost) {
  const system::Scenario s =
      parse_scenario("name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n", "s.toml");
  EXPECT_FALSE(s.second.present);
  EXPECT_TRUE(s.migrations.empty());
}

TEST(MigrationKeysTest, TheSecondHostHasQueuesOfItsOwn) {
  EXPECT_EQ(error_of(with("reserved_interrupts = 7", "reserved_interrupts = 2000")),
            "s.toml:8: second.reserved_interrupts: expected a whole number from 0 to 1024, found "
            "2000");
  EXPECT_EQ(error_of(with("size = 32", "size = 0")),
            "s.toml:13: second.wq[1].size: expected a whole number from 1 to 4096, found 0");
  EXPECT_EQ(error_of(with("engines = [0, 3]", "engines = [0, 4]")),
            "s.toml:15: second.group[0].engines: expected a list of 1 to 4 whole numbers from 0 to "
            "3, found 4");
  EXPECT_EQ(error_of(with("size = 32", "size = 32\ncolour = 1")).substr(0, 33),
            "s.toml:14: second.wq[1].colour: e");
  EXPECT_EQ(error_of("name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[second]\nwq = []\n"),
            "s.toml:5: second.wq: expected at least one [[second.wq]]");
}

TEST(MigrationKeysTest, ATenantBeginsOnAHostThatIsThere) {
  EXPECT_EQ(error_of(with("host = \"second\"", "host = \"third\"")),
            "s.toml:27: tenant[1].host: expected one of \"first\" \"second\", found 'third'");
  EXPECT_EQ(error_of(with("host = \"second\"\nwq = 1", "host = \"second\"\nwq = 0")),
            "s.toml:28: tenant[1].wq: expected a dedicated work queue, as vdev says");
  EXPECT_EQ(error_of(with("vm = 4\n", "vm = 3\n")),
            "s.toml:27: tenant[1].host: expected all tenants of a VM on one host, found \"a\" of "
            "VM 3 on the other one");
  EXPECT_EQ(error_of("name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[[tenant]]\nname = "
                     "\"a\"\nhost = \"second\"\n"),
            "s.toml:6: tenant[0].host: expected \"first\", because there is no table [second]");
}

TEST(MigrationKeysTest, AMigrationNamesAVmThatCanMove) {
  EXPECT_EQ(error_of(with("[[migration]]\nvm = 3", "[[migration]]\nvm = 9")),
            "s.toml:31: migration[0].vm: expected the number of a VM with tenants, found 9");
  EXPECT_EQ(error_of(with("[[migration]]\nvm = 3", "[[migration]]\nvm = 4")),
            "s.toml:31: migration[0].vm: expected a VM whose tenants have second-stage or nested "
            "translation, found \"b\" with first-stage");
  EXPECT_EQ(error_of(with("[host]", "[[migration]]\nvm = 3\n[host]")),
            "s.toml:39: migration[1].vm: expected one table [[migration]] for each VM, found a "
            "second one for VM 3");
  EXPECT_EQ(error_of(with("[[migration]]\nvm = 3", "[[migration]]\n")),
            "s.toml:30: migration[0].vm: expected the number of a VM with tenants; the key is "
            "missing");
  EXPECT_EQ(error_of(with("[host]", "[churn]\nlanes = 1\n[host]")),
            "s.toml:31: migration[0].vm: expected no table [churn] beside [[migration]]");
  EXPECT_EQ(error_of(with("[second]", "[device]\nevent_log = true\n[second]")).substr(0, 10),
            "s.toml:33:");
  EXPECT_EQ(error_of("name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[[migration]]\nvm = 0\n"),
            "s.toml:5: migration[0].vm: expected a table [second]: the host to go to");
}

TEST(MigrationKeysTest, ValuesHaveRanges) {
  EXPECT_EQ(error_of(with("times = 4", "times = 0")),
            "s.toml:32: migration[0].times: expected a whole number from 1 to 64, found 0");
  EXPECT_EQ(error_of(with("[300, 900]", "[900, 300]")),
            "s.toml:33: migration[0].after: expected [least, most], found most < least");
  EXPECT_EQ(error_of(with("rounds = 5", "rounds = 65")),
            "s.toml:34: migration[0].rounds: expected a whole number from 1 to 64, found 65");
  EXPECT_EQ(error_of(with("stop_pages = 12", "stop_pages = -1")),
            "s.toml:35: migration[0].stop_pages: expected a whole number from 0 to 1000000, found "
            "-1");
  EXPECT_EQ(error_of(with("bandwidth = 2000", "bandwidth = 0")),
            "s.toml:36: migration[0].bandwidth: expected a whole number from 1 to 10000000, found "
            "0");
  EXPECT_EQ(error_of(with("\"paused\"", "\"later\"")),
            "s.toml:37: migration[0].cancel: expected one of \"never\" \"checked\" \"pre-copied\" "
            "\"paused\" \"stopped\" \"loaded\", found 'later'");
  EXPECT_EQ(error_of(with("cancel = \"paused\"", "cancel = \"paused\"\nrefused = true")),
            "s.toml:37: migration[0].cancel: expected \"never\", because the migration is refused");
}

TEST(MigrationKeysTest, MistakesOfMigrationNeedOne) {
  std::string text = kGood;
  const std::size_t from = text.find("[[migration]]");
  text.erase(from, text.find("[host]") - from);
  EXPECT_EQ(error_of(text),
            "s.toml:31: host.mistakes: expected no drop-held, because there is no [[migration]]");
}

/// The file that comes with the project: queues of one mode have other numbers on each host.
TEST(MigrationKeysTest, TheMigrationScenarioIsWhatItSays) {
  const system::Scenario s = load_scenario(SIOV_SOURCE_DIR "/scenarios/migration.toml");
  ASSERT_EQ(s.wqs.size(), s.second.wqs.size());
  for (std::size_t q = 0; q < s.wqs.size(); ++q)
    EXPECT_NE(s.wqs[q].shared, s.second.wqs[q].shared) << "queue " << q;
  std::size_t entries = 0;
  for (const system::TenantParameters& t : s.tenants)
    entries += std::max<std::size_t>(1, t.queues.size());
  EXPECT_GE(s.second.reserved_interrupts, entries) << "no handle of the first host is one there";
  std::uint32_t there_and_back = 0;
  for (const system::MigrationParameters& m : s.migrations) there_and_back += m.times >= 2 ? 1 : 0;
  EXPECT_GE(there_and_back, 3u);
}

}  // namespace
}  // namespace siov::app
