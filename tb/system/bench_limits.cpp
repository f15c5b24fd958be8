// SPDX-License-Identifier: Apache-2.0
// One function a limit, and the smallest of them.
#include "system/bench_limits.hpp"

#include <algorithm>
#include <cmath>

#include "abi/siov_abi.hpp"
#include "system/lean_work.hpp"

namespace siov::system {
namespace {

constexpr double kBeat = 64, kMaxRead = 512, kBufferLines = 8;
constexpr double kDeltaShare = 64;  // bytes of data for each entry of a delta record
constexpr double kDeltaEntry = 10;

/// Bytes read and beats written by one operation without its record.
struct Traffic {
  double read = 0;
  double write_beats = 0;
};

double beats(double bytes) { return std::ceil(bytes / kBeat); }

Traffic traffic(std::uint8_t opcode, double bytes) {
  const double transfer = transfer_size(opcode, static_cast<std::uint32_t>(bytes));
  const double entries = bytes / kDeltaShare;
  switch (opcode) {
    case abi::kOpFill:
      return {0, beats(bytes)};
    case abi::kOpCompare:
      return {2 * bytes, 0};
    case abi::kOpComparePattern:
    case abi::kOpCrcgen:
    case abi::kOpDifCheck:
      return {transfer, 0};
    case abi::kOpCreateDelta:
      return {2 * bytes, beats(entries * kDeltaEntry)};
    case abi::kOpApplyDelta:
      return {entries * kDeltaEntry, entries};  // each entry is a write of 8 bytes
    case abi::kOpDualcast:
      return {bytes, 2 * beats(bytes)};
    case abi::kOpDifInsert:
      return {bytes, beats(bytes / 512 * 520)};
    case abi::kOpDifStrip:
      return {transfer, beats(bytes)};
    default:
      return {transfer, beats(transfer)};
  }
}

/// Bytes that `in_flight` bytes of reads allow when each stays for the host's latency and the time
/// its data takes on the link.
double by_latency(double in_flight, const LeanConfig& c, double read_bytes) {
  return in_flight / (c.latency + beats(read_bytes));
}

}  // namespace

LinkLoad link_load(const LeanConfig& c) {
  const Traffic t = traffic(c.opcode, c.bytes);
  const double list = c.batch > 1 ? 64.0 * c.batch : 0;
  LinkLoad load;
  load.up =
      c.batch * (t.write_beats + std::ceil(t.read / kMaxRead)) + std::ceil(list / kMaxRead) + 1;
  load.down = c.batch * beats(t.read) + beats(list) + 1;  // 1: the portal write
  return load;
}

Limit limit_of(const LeanConfig& c, const RoundTrips& trips) {
  const Traffic t = traffic(c.opcode, c.bytes);
  const LinkLoad load = link_load(c);
  const double whole = static_cast<double>(c.bytes) * c.batch;
  Limit least{whole / std::max(load.up, load.down), "link"};
  const auto take = [&least](double rate, const char* bound) {
    if (rate < least.bytes_per_cycle) least = {rate, bound};
  };
  const double entries = c.entries != 0 ? c.entries : 128.0 / c.queues;
  const double window = c.queues * (c.slots != 0 ? std::min<double>(c.slots, entries) : entries);
  const double own = std::max(load.up, load.down);
  const double trip = c.batch > 1  ? 2.0 * c.latency + trips.batch
                      : t.read > 0 ? c.latency + trips.single
                                   : trips.single;
  take(window * whole / std::max(trip, own), "queue entries");
  const double record = c.batch > 1 ? 0 : 1;
  const double busy = std::max({double{kDescriptorGap}, beats(t.read), t.write_beats + record});
  take(c.engines * c.bytes / busy, "engines");
  if (t.read > 0) {
    const double part = std::min(t.read, kMaxRead);  // of one read
    const double share = c.bytes / t.read;           // data bytes for each byte read
    take(share * by_latency(c.engines * kDataTags * part, c, part), "tags");
    const double reads = kReadBuffers * kBufferLines / beats(part);
    take(share * by_latency(reads * part, c, part), "read buffers");
  }
  return least;
}

}  // namespace siov::system
