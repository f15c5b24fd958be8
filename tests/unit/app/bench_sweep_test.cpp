// SPDX-License-Identifier: Apache-2.0
// The sweep: its plan covers the factors, its limits are the arithmetic of the device, its table
// and page hold every point; every operation of the lean system is checked against predict.
#include "system/bench_sweep.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "common/error.hpp"
#include "guest/machine.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "system/lean_work.hpp"

namespace siov::system {
namespace {

LeanConfig moves(std::uint32_t bytes) {
  LeanConfig c = sweep_centre();
  c.bytes = bytes;
  return c;
}

TEST(SweepPlanTest, EveryFactorIsVariedOverItsWholeRange) {
  std::map<std::string, std::set<double>> x;
  for (const SweepPoint& p : sweep_plan()) x[p.chart].insert(p.x);
  EXPECT_EQ(x["size"].size(), 16U);  // 64 B, 128 B, ... 2 MiB
  EXPECT_EQ(*x["size"].begin(), 64);
  EXPECT_EQ(*x["size"].rbegin(), 2097152);
  EXPECT_EQ(x["batch"], (std::set<double>{1, 2, 4, 8, 16, 32}));
  EXPECT_EQ(x["queues"], (std::set<double>{1, 2, 4, 8}));
  EXPECT_EQ(x["engines"], (std::set<double>{1, 2, 3, 4}));
  EXPECT_EQ(*x["latency"].begin(), 100);
  EXPECT_EQ(*x["latency"].rbegin(), 4000);
  EXPECT_EQ(x["operations"].size(), 13U);
}

TEST(SweepPlanTest, PointsFitTheDevice) {
  for (const SweepPoint& p : sweep_plan()) {
    const LeanConfig& c = p.config;
    EXPECT_LE(c.queues * c.entries, 128U) << p.chart << " " << p.x;
    EXPECT_LE(c.slots, c.entries);
    EXPECT_LE(c.batch, 32U);
    EXPECT_LE(c.bytes, 2097152U);
    EXPECT_GE(c.descriptors, 16U);
    EXPECT_LE(c.queues * c.slots, c.descriptors / 2) << "steady before the window begins";
  }
}

TEST(LimitTest, LinkBindsLargeMoves) {
  const Limit limit = limit_of(moves(4096), {60, 120});
  EXPECT_STREQ(limit.bound, "link");
  EXPECT_DOUBLE_EQ(limit.bytes_per_cycle, 4096.0 / 73);  // 64 + 8 + 1 beats
}

TEST(LimitTest, QueueEntriesBindSmallMoves) {  // 128 in flight for 500 + 100 cycles
  const Limit limit = limit_of(moves(64), {100, 120});
  EXPECT_STREQ(limit.bound, "queue entries");
  EXPECT_DOUBLE_EQ(limit.bytes_per_cycle, 128.0 * 64 / 600);
}

TEST(LimitTest, ReadBuffersBindAtLongLatency) {  // 96 * 512 bytes for 2000 + 8 cycles
  LeanConfig c = moves(4096);
  c.latency = 2000;
  const Limit limit = limit_of(c, {60, 120});
  EXPECT_STREQ(limit.bound, "read buffers");
  EXPECT_DOUBLE_EQ(limit.bytes_per_cycle, 49152.0 / 2008);
}

TEST(LimitTest, TagsBindOneEngine) {  // 55 reads of 64 bytes for 500 + 1 cycles
  LeanConfig c = moves(64);
  c.engines = 1;
  const Limit limit = limit_of(c, {60, 120});
  EXPECT_STREQ(limit.bound, "tags");
  EXPECT_DOUBLE_EQ(limit.bytes_per_cycle, 55.0 * 64 / 501);
}

TEST(LimitTest, EnginesBindWhenTheHostIsNear) {  // five cycles a descriptor
  LeanConfig c = moves(64);
  c.engines = 1;
  c.latency = 100;
  const Limit limit = limit_of(c, {60, 120});
  EXPECT_STREQ(limit.bound, "engines");
  EXPECT_DOUBLE_EQ(limit.bytes_per_cycle, 64.0 / 5);
}

TEST(LimitTest, WayDownBindsTwoSources) {  // 2 * 64 beats and the portal write
  LeanConfig c = moves(4096);
  c.opcode = abi::kOpCompare;
  EXPECT_DOUBLE_EQ(limit_of(c, {60, 120}).bytes_per_cycle, 4096.0 / 129);
}

TEST(LinkLoadTest, CountsBeatsOfEachDirection) {
  LeanConfig c = moves(256);
  c.batch = 16;
  EXPECT_DOUBLE_EQ(link_load(c).up, 83);    // 16 * (4 + 1) + 2 list reads + 1 record
  EXPECT_DOUBLE_EQ(link_load(c).down, 81);  // 16 * 4 + 16 lines of the list + 1 portal write
  c = moves(4096);
  c.opcode = abi::kOpDualcast;
  EXPECT_DOUBLE_EQ(link_load(c).up, 137);  // 2 * 64 + 8 + 1
  c.opcode = abi::kOpDifInsert;
  EXPECT_DOUBLE_EQ(link_load(c).up, 74);  // 65 + 8 + 1
}

SweepResult two_points() {
  SweepResult r;
  r.device = DeviceKind::kModel;
  r.trips = {60, 120};
  for (SweepPoint p : sweep_plan()) {
    p.limit = limit_of(p.config, r.trips);
    p.bytes_per_cycle = p.limit.bytes_per_cycle * (p.chart == "queues" && p.x == 2 ? 0.5 : 0.97);
    p.operations_per_cycle = p.bytes_per_cycle / p.config.bytes;
    r.points.push_back(p);
  }
  return r;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(SweepFilesTest, TableHasALineForEachPoint) {
  const SweepResult r = two_points();
  const std::string csv = sweep_csv(r);
  EXPECT_EQ(lines(csv), r.points.size() + 1);
  EXPECT_EQ(csv.substr(0, 21), "chart,series,x,opcode");
  EXPECT_NE(csv.find("size,single,2097152,0x03,2097152,1,4,"), std::string::npos);
}

TEST(SweepFilesTest, PageNamesPointsAwayFromTheirLimitOnly) {
  const std::string page = sweep_page(two_points());
  const std::size_t away = page.find("## Points away from their limit");
  ASSERT_NE(away, std::string::npos);
  EXPECT_NE(page.find("| queues | 4 KiB | 2 |", away), std::string::npos);
  EXPECT_EQ(page.find("| queues | 4 KiB | 4 |", away), std::string::npos);
  EXPECT_EQ(page.find("| size |", away), std::string::npos);
  for (const char* chart : {"size", "batch", "queues", "engines", "latency"})
    EXPECT_NE(page.find("(performance/" + std::string(chart) + ".svg)"), std::string::npos);
}

TEST(SweepFilesTest, AllFilesAreWritten) {
  const std::string directory = testing::TempDir() + "siov_sweep_test";
  std::filesystem::remove_all(directory);
  const std::vector<std::string> files = write_sweep(directory, two_points());
  EXPECT_EQ(files.size(), 7U);
  for (const std::string& f : files) EXPECT_GT(std::filesystem::file_size(f), 500U) << f;
  EXPECT_THROW(write_sweep("/dev/null/x", two_points()), HarnessError);
}

TEST(SweepFilesTest, UnknownChartIsRefused) {
  EXPECT_THROW((void)sweep_chart(two_points(), "weather"), HarnessError);
}

LeanResult play(std::uint8_t opcode, std::uint32_t batch) {
  LeanConfig c = sweep_centre();
  c.device = DeviceKind::kModel;
  c.opcode = opcode;
  c.bytes = 1024;
  c.batch = batch;
  c.entries = 4;
  c.descriptors = 32;
  return LeanSystem(c).run();
}

TEST(LeanSystemTest, EveryOperationEndsAsPredicted) {
  for (const SweepPoint& p : sweep_plan()) {
    if (p.chart != "operations") continue;
    const LeanResult r = play(p.config.opcode, 1);
    EXPECT_EQ(r.failed, 0U) << p.series;
    EXPECT_EQ(r.descriptors, 32U) << p.series;
  }
}

TEST(LeanSystemTest, MembersOfBatchesAreCheckedToo) {
  const LeanResult r = play(abi::kOpMemmove, 8);
  EXPECT_EQ(r.failed, 0U);
  EXPECT_EQ(r.descriptors, 32U);
}

struct WorkTest : testing::Test {
  memory::PhysicalMemory memory;
  memory::PageAllocator frames{memory};
  guest::Machine machine{memory, frames};
  guest::AddressSpace space{machine, {}};
};

TEST_F(WorkTest, WorkThatWasNotDoneIsWrong) {
  const LeanWork move(space, {abi::kOpMemmove, 256, 4, 3, 0});
  EXPECT_EQ(move.wrong(3), 12U);  // 3 batches of 4 moves, no destination written
  EXPECT_EQ(move.wrong(0), 0U);
  const LeanWork crc(space, {abi::kOpCrcgen, 256, 1, 3, 0});
  EXPECT_EQ(crc.wrong(3), 3U);  // only the record can tell
}

TEST_F(WorkTest, OperationWithoutDataIsRefused) {
  EXPECT_THROW(LeanWork(space, {abi::kOpNoop, 64, 1, 1, 0}), HarnessError);
  EXPECT_THROW(LeanWork(space, {abi::kOpCacheFlush, 64, 1, 1, 0}), HarnessError);
}

}  // namespace
}  // namespace siov::system
