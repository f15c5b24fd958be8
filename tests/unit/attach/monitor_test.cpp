// SPDX-License-Identifier: Apache-2.0
// QEMU's monitor: what it prints, and what becomes of requests when it does not.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "attach/qemu_monitor.hpp"
#include "fake_monitor.hpp"

namespace siov::attach::test {
namespace {

using Words = std::vector<std::uint64_t>;

TEST(ParseWordsTest, TwoWordsALine) {
  EXPECT_EQ(parse_words("00000000fed90000: 0x0000000000000010 0xc9de008cee690462\r\n"
                        "00000000fed90010: 0x0000000000f00f4a\r\n"),
            (Words{0x10, 0xc9de008cee690462, 0xf00f4a}));
}
TEST(ParseWordsTest, NothingElse) {
  EXPECT_EQ(parse_words(""), Words{});
  EXPECT_EQ(parse_words("Cannot access memory\r\n"), Words{});
  EXPECT_EQ(parse_words("fed90000: Cannot access memory\r\n"), Words{});
  EXPECT_EQ(parse_words("a: 0x1 zz 0x2\n"), Words{1});
  EXPECT_EQ(parse_words("a: 0x11111111111111111\n"), Words{});  // 17 digits
  EXPECT_EQ(parse_words("a: 0x1\n\nb: 0x2"), (Words{1, 2}));
}

class QemuMonitorTest : public testing::Test {
 protected:
  QemuMonitorTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "siov-qmp-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path = directory_ + "/qmp";
    monitor.emplace(context, path);
  }
  ~QemuMonitorTest() override {
    monitor.reset();
    std::filesystem::remove_all(directory_);
  }
  void ask(unsigned count = 19) {
    monitor->read_words(0xFED90000, count,
                        [this](Words words) { answers.push_back(std::move(words)); });
  }
  void settle(FakeMonitor* qemu = nullptr) {
    for (int i = 0; i < 50; ++i) {
      if (qemu != nullptr) qemu->serve();
      context.restart();
      context.poll();
    }
  }
  std::string directory_;
  std::string path;
  boost::asio::io_context context;
  std::optional<QemuMonitor> monitor;
  std::vector<Words> answers;
};

TEST_F(QemuMonitorTest, AsksForTheRegistersOfTheUnit) {
  FakeMonitor qemu(path);
  qemu.set_root(0x1234400);
  ask();
  settle(&qemu);
  ASSERT_EQ(answers.size(), 1U);
  ASSERT_EQ(answers[0].size(), 19U);
  EXPECT_EQ(answers[0][4], 0x1234400U);
  ASSERT_EQ(qemu.lines.size(), 2U);
  EXPECT_EQ(qemu.lines[0], R"({"execute":"qmp_capabilities"})");
  EXPECT_NE(qemu.lines[1].find("human-monitor-command"), std::string::npos);
  EXPECT_NE(qemu.lines[1].find("xp /19gx 0xfed90000"), std::string::npos);
  EXPECT_TRUE(monitor->connected());
  EXPECT_EQ(monitor->error(), "");
}

TEST_F(QemuMonitorTest, RequestsGoOneAfterTheOther) {
  FakeMonitor qemu(path);
  for (int i = 0; i < 3; ++i) ask();
  qemu.serve();
  settle();
  qemu.serve();
  settle();
  qemu.serve();
  EXPECT_EQ(qemu.lines.size(), 2U);  // capabilities, and one request only
  settle(&qemu);
  EXPECT_EQ(answers.size(), 3U);
  EXPECT_EQ(monitor->requests(), 3U);
  EXPECT_EQ(qemu.connections, 1U);
}

TEST_F(QemuMonitorTest, NobodyListens) {
  ask();
  EXPECT_TRUE(answers.empty());  // not from inside the call
  settle();
  EXPECT_EQ(answers, std::vector<Words>{{}});
  EXPECT_NE(monitor->error().find(path), std::string::npos);
  FakeMonitor qemu(path);
  ask();
  settle(&qemu);
  EXPECT_EQ(answers.at(1).size(), 19U);  // it came later
}

TEST_F(QemuMonitorTest, EventsArePassedOver) {
  FakeMonitor qemu(path);
  qemu.greet = false;
  ask();
  settle(&qemu);
  qemu.send("{\"event\": \"STOP\"}\r\n{\"QMP\": {}}\r\n{\"event\": \"RESUME\"}\r\n");
  settle(&qemu);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].size(), 19U);
}

TEST_F(QemuMonitorTest, AnErrorIsNoAnswerAndEndsNothing) {
  FakeMonitor qemu(path);
  int n = 0;
  qemu.instead = [&](const std::string& id) -> std::optional<std::string> {
    if (n++ != 0) return std::nullopt;
    return "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": " + id + "}\r\n";
  };
  ask();
  ask();
  settle(&qemu);
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0], Words{});
  EXPECT_EQ(answers[1].size(), 19U);
  EXPECT_EQ(qemu.connections, 1U);
}

TEST_F(QemuMonitorTest, TooFewWordsAreNoAnswer) {
  FakeMonitor qemu(path);
  qemu.instead = [](const std::string& id) {
    return std::optional("{\"return\": \"a: 0x1 0x2\\r\\n\", \"id\": " + id + "}\r\n");
  };
  ask();
  settle(&qemu);
  EXPECT_EQ(answers, std::vector<Words>{{}});
  ask(2);
  settle(&qemu);
  EXPECT_EQ(answers.at(1), (Words{1, 2}));
}

TEST_F(QemuMonitorTest, GarbageEndsTheConnection) {
  for (const char* garbage : {"hello\r\n", "[1, 2]\r\n", "{\"return\": \r\n", "\r\n"}) {
    answers.clear();
    FakeMonitor qemu(path);
    qemu.instead = [&](const std::string&) { return std::optional<std::string>(garbage); };
    ask();
    ask();
    settle(&qemu);
    EXPECT_EQ(answers, (std::vector<Words>{{}, {}})) << garbage;
    EXPECT_FALSE(monitor->connected());
    EXPECT_NE(monitor->error().find("not QMP"), std::string::npos) << monitor->error();
    monitor->close();
  }
}

TEST_F(QemuMonitorTest, ALineWithoutEndEndsTheConnection) {
  FakeMonitor qemu(path);
  ask();
  settle(&qemu);
  answers.clear();
  qemu.answer = false;
  ask();
  settle(&qemu);
  const std::string much(60'000, 'x');
  for (int i = 0; i < 40 && answers.empty(); ++i) {
    qemu.send(much);
    settle();
  }
  EXPECT_EQ(answers, std::vector<Words>{{}});
  EXPECT_FALSE(monitor->connected());
}

TEST_F(QemuMonitorTest, RefusedCapabilitiesEndTheConnection) {
  FakeMonitor qemu(path);
  qemu.answer = false;
  ask();
  settle(&qemu);
  qemu.send("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"?\"}}\r\n");
  settle(&qemu);
  EXPECT_EQ(answers, std::vector<Words>{{}});
  EXPECT_NE(monitor->error().find("capabilities refused"), std::string::npos);
}

TEST_F(QemuMonitorTest, VanishingAnswersAllAndTheNextRequestConnectsAgain) {
  FakeMonitor qemu(path);
  qemu.answer = false;
  ask();
  ask();
  settle(&qemu);
  EXPECT_TRUE(answers.empty());
  qemu.hang_up();
  settle();
  EXPECT_EQ(answers, (std::vector<Words>{{}, {}}));
  EXPECT_FALSE(monitor->connected());
  qemu.answer = true;
  ask();
  settle(&qemu);
  EXPECT_EQ(answers.at(2).size(), 19U);
  EXPECT_EQ(qemu.connections, 2U);
}

/// The handler of the old connection's read runs after the new connection is there.
TEST_F(QemuMonitorTest, CloseAndAskAtOnceWorks) {
  FakeMonitor qemu(path);
  for (int i = 0; i < 20; ++i) {
    ask();
    settle(&qemu);
    monitor->close();
    ask();
    settle(&qemu);
    monitor->close();
  }
  ASSERT_EQ(answers.size(), 40U);
  for (const Words& words : answers) EXPECT_EQ(words.size(), 19U);
}

TEST_F(QemuMonitorTest, AbandonedRequestsTakeNobodyElsesAnswer) {
  FakeMonitor qemu(path);
  ask();
  settle(&qemu);
  answers.clear();
  qemu.answer = false;
  ask();
  ask();
  settle(&qemu);
  const std::string late = qemu.lines.back();
  monitor->abandon();
  EXPECT_EQ(answers, (std::vector<Words>{{}, {}}));
  ask();
  for (int i = 0; i < 5; ++i) {
    monitor->abandon();  // patience is over again and again: nothing piles up
    ask();
  }
  settle(&qemu);
  EXPECT_EQ(qemu.lines.back(), late);  // the second waits for the first
  answers.clear();
  qemu.answer = true;
  const std::size_t at = late.find("\"id\":");
  qemu.send("{\"return\": \"a: 0x7\", \"id\": " + late.substr(at + 5, 1) + "}\r\n");
  settle(&qemu);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].size(), 19U);
}

TEST_F(QemuMonitorTest, AnAnswerToNobodyIsPassedOver) {
  FakeMonitor qemu(path);
  qemu.instead = [](const std::string& id) {
    return std::optional(
        "{\"return\": \"a: 0x9\", \"id\": 4711}\r\n{\"return\": \"a: 0x5\", \"id\": " + id +
        "}\r\n");
  };
  ask(1);
  settle(&qemu);
  EXPECT_EQ(answers, std::vector<Words>{{5}});
}

TEST_F(QemuMonitorTest, GoingAwayWithRequestsCallsNobody) {
  FakeMonitor qemu(path);
  qemu.answer = false;
  ask();
  settle(&qemu);
  monitor.reset();
  settle(&qemu);
  EXPECT_TRUE(answers.empty());
}

/// Somebody else has the monitor, and somebody waits for it: connecting would block.
TEST_F(QemuMonitorTest, AFullBacklogDoesNotStopUs) {
  FakeMonitor qemu(path);  // never accepts here; one or two may wait
  std::vector<std::unique_ptr<QemuMonitor>> others;
  for (int i = 0; i < 4; ++i) {
    others.push_back(std::make_unique<QemuMonitor>(context, path));
    others.back()->read_words(0, 1, [](const Words&) {});
  }
  ask();
  settle();
  EXPECT_EQ(answers, std::vector<Words>{{}});
}

}  // namespace
}  // namespace siov::attach::test
