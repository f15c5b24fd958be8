// SPDX-License-Identifier: Apache-2.0
// The page of the sweep: words around numbers; every number comes from the result or from the
// constants of bench_limits.hpp.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "system/bench_chart.hpp"
#include "system/bench_sweep.hpp"

namespace siov::system {
namespace {

constexpr double kFarBelow = 0.85;  // of the limit: such a point is listed and needs a reason
constexpr double kKneeRatio = 1.3;  // measured and predicted knee further apart: it is said

struct ChartText {
  const char* name;
  const char* heading;
  const char* x_label;
  bool binary;
};
constexpr ChartText kCharts[] = {
    {"size", "Transfer size", "transfer size [bytes]", true},
    {"batch", "Batch size", "members of a batch (1: no batch)", true},
    {"queues", "Number of queues", "dedicated queues of 16 entries", true},
    {"engines", "Number of engines", "engines in the group", false},
    {"latency", "Host latency", "host read latency [cycles]", false},
};

const ChartText& chart_text(const std::string& name) {
  for (const ChartText& c : kCharts) {
    if (name == c.name) return c;
  }
  throw HarnessError("no chart is called '" + name + "'");
}

using Line = std::vector<const SweepPoint*>;

/// The series of a chart in order of appearance.
std::vector<Line> lines_of(const SweepResult& result, const std::string& chart) {
  std::vector<Line> lines;
  for (const SweepPoint& p : result.points) {
    if (p.chart != chart) continue;
    const auto same = std::find_if(lines.begin(), lines.end(),
                                   [&p](const Line& l) { return l.front()->series == p.series; });
    if (same != lines.end())
      same->push_back(&p);
    else
      lines.push_back({&p});
  }
  return lines;
}

std::vector<ChartPoint> curve_of(const Line& line, bool limit) {
  std::vector<ChartPoint> out;
  for (const SweepPoint* p : line)
    out.push_back({p->x, limit ? p->limit.bytes_per_cycle : p->bytes_per_cycle});
  return out;
}

/// What binds from the left end of the line to its right end.
std::string bounds_of(const Line& line) {
  std::string out, last;
  for (const SweepPoint* p : line) {
    if (p->limit.bound == last) continue;
    out += (out.empty() ? "" : ", then ") + std::string(p->limit.bound);
    last = p->limit.bound;
  }
  return out;
}

std::string show(const std::optional<double>& x) { return x ? fmt::format("{:.4g}", *x) : "none"; }

std::string verdict(const std::optional<double>& predicted, const std::optional<double>& measured) {
  if (predicted.has_value() != measured.has_value()) return "**differ**";
  if (!predicted) return "agree";
  const double ratio = std::max(*predicted / *measured, *measured / *predicted);
  return ratio > kKneeRatio ? "**differ**" : "agree";
}

std::string knee_table(const std::vector<Line>& lines) {
  std::string out =
      "| series | bound by | knee, arithmetic | knee, measured | | highest | lowest share of the "
      "limit |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Line& line : lines) {
    const auto predicted = knee(curve_of(line, true));
    const auto measured = knee(curve_of(line, false));
    double top = 0, least = 1e9;
    for (const SweepPoint* p : line) {
      top = std::max(top, p->bytes_per_cycle);
      least = std::min(least, p->bytes_per_cycle / p->limit.bytes_per_cycle);
    }
    out += fmt::format("| {} | {} | {} | {} | {} | {:.1f} B/cycle, {:.1f} GB/s | {:.0f} % |\n",
                       line.front()->series, bounds_of(line), show(predicted), show(measured),
                       verdict(predicted, measured), top, top / 2, 100 * least);
  }
  return out;
}

std::string size_words(const SweepResult& r) {
  const double trip = 500 + r.trips.single;
  const double at = link_limit(4096) * trip / 128;
  return fmt::format(
      "The link carries one beat of 64 bytes a cycle upstream. A single move of S bytes needs S/64 "
      "beats of data, S/512 read "
      "requests and one record, so 4 KiB can reach 4096 / (64 + 8 + 1) = {:.1f} bytes a cycle, "
      "long moves 512 / 9 = {:.1f} "
      "and 64 bytes 64 / 3 = {:.1f}.\n\n"
      "Small single moves do not get there: four queues have 128 entries, and software may use an "
      "entry again only when it "
      "has seen the record, 500 cycles of host latency and {:.0f} cycles of everything else later. "
      "So at most 128 S / {:.0f} = {:.3f} S bytes "
      "a cycle: a straight line of slope one. It meets the link near S = {:.0f} bytes. "
      "A batch is one entry with many members, which moves this line up; what is left is the link "
      "(a batch adds its list, read 512 bytes at a time, and its record, "
      "and saves the records of its members), the engines (a descriptor each {} cycles) and the "
      "reads in flight.\n",
      link_limit(4096), 512.0 / 9, 64.0 / 3, r.trips.single, trip, 128 / trip, at, kDescriptorGap);
}

std::string batch_words(const SweepResult& r) {
  return fmt::format(
      "A batch of n members takes one queue entry, but two trips to the host one after the other: "
      "its list, then its data: "
      "2 x 500 + {:.0f} cycles instead of 500 + {:.0f}. With 128 entries that is 128 n S / {:.0f} "
      "bytes a cycle: a batch of two is hardly "
      "faster than single moves, larger ones are in proportion, until the link, the engines (4 x S "
      "/ {} bytes a cycle while S is small) "
      "or the reads in flight bind. 4 KiB moves fill the link without batches.\n",
      r.trips.batch, r.trips.single, 1000 + r.trips.batch, kDescriptorGap);
}

std::string queue_words(const SweepResult& r) {
  const double trip = 500 + r.trips.single;
  return fmt::format(
      "Each queue has 16 entries, so q queues keep 16 q descriptors in flight and allow 16 q S / "
      "{:.0f} bytes a cycle. The line of a size is straight "
      "until it meets the link: 4 KiB at q = {:.2f}, so even one queue fills it; 1 KiB at q = "
      "{:.1f}, 256 bytes at q = {:.1f}, 64 bytes at q = {:.0f}. "
      "The number of queues as such costs nothing; their entries count.\n",
      trip, link_limit(4096) * trip / (16 * 4096), link_limit(1024) * trip / (16 * 1024),
      link_limit(256) * trip / (16 * 256), link_limit(64) * trip / (16 * 64));
}

std::string engine_words(const SweepResult&) {
  const double reads = kDataTags * 512.0 / (500 + 8);
  return fmt::format(
      "An engine has {} tags for data reads, 512 bytes each; a read holds its tag for the host "
      "latency and 8 cycles of data: {} x 512 / 508 = {:.1f} bytes a cycle. "
      "It moves a beat a cycle, and a record is a beat of its own: 4 KiB at 4096 / 65 = {:.1f}. "
      "Both are near what the link "
      "allows, so the second engine has little left to win. With 64-byte moves the same {} tags "
      "carry 64 bytes each: {} x 64 / 501 = {:.1f} bytes a cycle and engine, less than the {:.1f} "
      "that {} cycles for a descriptor allow. This straight line ends where queue entries "
      "(single) or the link (batches) bind.\n",
      kDataTags, kDataTags, reads, 4096.0 / 65, kDataTags, kDataTags, kDataTags * 64.0 / 501,
      64.0 / kDescriptorGap, kDescriptorGap);
}

std::string latency_words(const SweepResult& r) {
  const double buffers = kReadBuffers * 512.0;
  return fmt::format(
      "What is in flight divided by the time it is in flight. The group may hold {} read buffers "
      "of 512 bytes: {:.0f} bytes, which at the {:.1f} bytes a cycle of 4 KiB moves "
      "last for {:.0f} cycles; beyond a latency of about {:.0f} the line falls as 1 / latency. "
      "Tags come later: 4 x {} x 512 bytes last for {:.0f} cycles. "
      "128 single moves of 256 bytes are 32 KiB: they fall from latency {:.0f} on. "
      "Batches lift that to the read buffers: a 256-byte read takes half of one, so 2 x {} reads "
      "of 256 bytes, as many bytes as with 4 KiB.\n",
      kReadBuffers, buffers, link_limit(4096), buffers / link_limit(4096),
      buffers / link_limit(4096) - 8, kDataTags, 4 * kDataTags * 512 / link_limit(4096),
      128 * 256 / link_limit(256) - r.trips.single, kReadBuffers);
}

std::string words(const SweepResult& r, const std::string& chart) {
  if (chart == "size") return size_words(r);
  if (chart == "batch") return batch_words(r);
  if (chart == "queues") return queue_words(r);
  if (chart == "engines") return engine_words(r);
  return latency_words(r);
}

std::string head(const SweepResult& r) {
  const bool model = r.device == DeviceKind::kModel;
  return fmt::format(
      "# Performance\n\n"
      "Written by `build/siov-cosim bench --sweep --out docs{}`; do not edit. All points: "
      "[sweep.csv](sweep.csv).\n\n"
      "Device: the default personality, {}. Clock 500 MHz, link 64 bytes a cycle each way (32 "
      "GB/s), max payload 256 bytes, max read request 512 bytes. "
      "{}\n\n"
      "The host keeps its queues full with prepared descriptors; every destination and every "
      "record is compared with what `model::predict` says. "
      "Measured between the first and the last quarter of the descriptors. Payload is the data of "
      "an operation, counted once.\n\n"
      "Centre: single 4 KiB memory moves, 4 dedicated queues of 32 entries (all 128 of the "
      "device), 4 engines in one group, host read latency 500 cycles. "
      "One factor is varied at a time. One 64-byte move at a time takes 500 + {:.0f} cycles from "
      "portal write to portal write, a batch of two of them 2 x 500 + {:.0f}; "
      "these two numbers are the only measured ones in the limits. "
      "Lines are measured, dashed lines of the same colour the limit: the smallest of\n\n"
      "| limit | bytes a cycle |\n|---|---|\n"
      "| link | payload over the beats that must pass, up or down: data, read requests, lists, "
      "records, portal writes |\n"
      "| queue entries | entries x payload of one / round trip |\n"
      "| engines | engines x payload of one descriptor / max({}, beats read, beats written with "
      "the record) |\n"
      "| tags | engines x {} x bytes of a read / (latency + its beats) |\n"
      "| read buffers | {} x 8 lines of 64 bytes / (latency + beats of a read) |\n\n"
      "A knee is where a curve comes within 10 % of its highest point.\n\n",
      model ? " --device model" : "",
      model ? "as the C++ model, whose time is not that of the device" : "RTL",
      model ? "The model has no link: only the form of the curves means something here." : "",
      r.trips.single, r.trips.batch, kDescriptorGap, kDataTags, kReadBuffers);
}

std::string operations(const SweepResult& r) {
  std::string out =
      "## Operations at 4 KiB\n\nSingle descriptors at the centre. Bytes are the 4096 bytes of "
      "data; protection information (blocks of 512) comes on top. "
      "A delta has one differing word in eight. Compare and create delta read two sources, so the "
      "way down, 64 bytes a cycle, is their limit.\n\n"
      "| operation | bytes a cycle | GB/s | operations in 1000 cycles | limit | bound by | of it "
      "|\n"
      "|---|---|---|---|---|---|---|\n";
  for (const SweepPoint& p : r.points) {
    if (p.chart != "operations") continue;
    out += fmt::format("| {} | {:.1f} | {:.1f} | {:.2f} | {:.1f} | {} | {:.0f} % |\n", p.series,
                       p.bytes_per_cycle, p.gigabytes_per_second(), 1000 * p.operations_per_cycle,
                       p.limit.bytes_per_cycle, p.limit.bound,
                       100 * p.bytes_per_cycle / p.limit.bytes_per_cycle);
  }
  return out + "\n";
}

/// Points that the limits do not explain.
std::string far_points(const SweepResult& r) {
  std::string out;
  for (const SweepPoint& p : r.points) {
    const double share = p.bytes_per_cycle / p.limit.bytes_per_cycle;
    if (share >= kFarBelow && share <= 1.02) continue;
    out += fmt::format("| {} | {} | {:.0f} | {:.1f} | {:.1f} ({}) | {:.0f} % | {:.0f} % |\n",
                       p.chart, p.series, p.x, p.bytes_per_cycle, p.limit.bytes_per_cycle,
                       p.limit.bound, 100 * share, 100 * p.link_busy);
  }
  const std::string title = "## Points away from their limit\n\n";
  if (out.empty()) return title + "None: every point is between 85 % and 102 % of its limit.\n";
  return title +
         "Below 85 % or above 102 %.\n\n| chart | series | x | measured | limit | of it | link "
         "busy |\n"
         "|---|---|---|---|---|---|---|\n" +
         out;
}

void write_text(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (!file) throw HarnessError(path + ": cannot write this file");
}

}  // namespace

std::string sweep_chart(const SweepResult& result, const std::string& name) {
  const ChartText& words = chart_text(name);
  Chart chart;
  chart.title = words.heading;
  chart.x_label = words.x_label;
  chart.y_label = "payload [bytes a cycle]";
  chart.binary_x = words.binary;
  for (const Line& line : lines_of(result, name))
    chart.series.push_back({line.front()->series, curve_of(line, false), curve_of(line, true)});
  return to_svg(chart);
}

std::string sweep_page(const SweepResult& result) {
  std::string page = head(result);
  for (const ChartText& chart : kCharts) {
    page += fmt::format("## {}\n\n![{}](performance/{}.svg)\n\n", chart.heading, chart.heading,
                        chart.name);
    page += words(result, chart.name) + "\n" + knee_table(lines_of(result, chart.name)) + "\n";
  }
  return page + operations(result) + far_points(result);
}

std::vector<std::string> write_sweep(const std::string& directory, const SweepResult& result) {
  std::error_code failed;
  std::filesystem::create_directories(directory + "/performance", failed);
  if (failed) throw HarnessError(directory + "/performance: cannot make this directory");
  std::vector<std::string> files{directory + "/sweep.csv", directory + "/performance.md"};
  write_text(files[0], sweep_csv(result));
  write_text(files[1], sweep_page(result));
  for (const ChartText& chart : kCharts) {
    files.push_back(fmt::format("{}/performance/{}.svg", directory, chart.name));
    write_text(files.back(), sweep_chart(result, chart.name));
  }
  return files;
}

}  // namespace siov::system
