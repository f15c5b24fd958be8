// SPDX-License-Identifier: Apache-2.0
// Workload: lanes of buffers, one operation in flight in each, checked against the guest's own
// copy.
#include "guest/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/random/taus88.hpp>
#include <cstring>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"

namespace siov::guest {

namespace {

constexpr std::uint64_t kGuard = 64;  // bytes before and after a destination that must not change
constexpr std::size_t kKeptMismatches = 16;

/// Decisions of one operation depend on seed and index only, not on what else is in flight.
std::uint64_t mix(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed + 0x9E37'79B9'7F4A'7C15 * (index + 1);
  x = (x ^ x >> 30) * 0xBF58'476D'1CE4'E5B9;
  x = (x ^ x >> 27) * 0x94D0'49BB'1331'11EB;
  return x ^ x >> 31;
}

/// xorshift64: fast, and no byte pattern repeats inside a buffer.
void fill_pseudo_random(std::span<std::byte> out, std::uint64_t state) {
  state |= 1;
  for (std::size_t at = 0; at < out.size(); at += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(out.data() + at, &state, std::min<std::size_t>(8, out.size() - at));
  }
}

const char* name_of(OperationKind kind) {
  constexpr std::array<const char*, kOperationKinds> kNames = {"copy", "move", "fill", "compare",
                                                               "noop"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace

/// Buffers of one operation in flight, and what they must hold in the end.
struct Workload::Lane {
  Iova source_base;  ///< page-aligned; the page before and after belongs to the lane
  Iova destination_base;
  std::vector<std::byte> data;   ///< what the source holds, and a copy or compare expects
  std::vector<std::byte> moved;  ///< image of the buffer of an overlapping move
  std::array<std::byte, kGuard> guard{};
  Iova source;
  Iova destination;
  Iova image_start;  ///< of moved
  bool overlapping = false;
  bool check_result = false;
  bool to_cache = false;
  std::uint8_t expected_result = 0;  ///< operand of check-result
  std::uint8_t status = 1;           ///< what the record must say
  std::uint8_t result = 0;
  std::uint32_t bytes_completed = 0;
};

Workload::Workload(DsaDriver& driver, AddressSpace& space, OperationSource& source,
                   WorkloadConfig config)
    : driver_(driver), space_(space), source_(source), config_(std::move(config)) {
  if (config_.window == 0) throw HarnessError("window must be at least 1");
}

Workload::~Workload() = default;

coro::Task<> Workload::run() {
  const std::uint64_t capacity = std::uint64_t{source_.max_bytes()} + 3 * kPageSize;
  std::vector<coro::JoinHandle> handles;
  for (std::uint32_t i = 0; i < config_.window; ++i) {
    if (lanes_.size() <= i) {
      lanes_.push_back(std::make_unique<Lane>());
      lanes_[i]->source_base = space_.allocate(capacity) + kPageSize;
      lanes_[i]->destination_base = space_.allocate(capacity) + kPageSize;
    }
    handles.push_back(coro::start_soon(lane(i), fmt::format("workload lane {}", i)));
  }
  co_await coro::Combine(std::move(handles));
}

coro::Task<> Workload::lane(std::uint32_t index) {
  Lane& mine = *lanes_[index];
  while (next_index_ < config_.limit) {
    const std::optional<Operation> operation = source_.next();
    if (!operation) co_return;
    const std::uint64_t number = next_index_++;
    co_await play(mine, *operation, number);
  }
}

coro::Task<> Workload::play(Lane& lane, Operation operation, std::uint64_t index) {
  if (operation.bytes > driver_.info().max_transfer)
    throw HarnessError("operation larger than the device's transfer limit");
  prepare(lane, operation, index);
  const abi::Descriptor descriptor = describe(lane, operation);
  const Ticket ticket = co_await driver_.submit(descriptor);
  const abi::CompletionRecord record = co_await driver_.wait(ticket);
  check(lane, operation, index, record);
  ++result_.operations;
  result_.bytes += operation.bytes;
  if (operation.interrupt) ++result_.interrupts_asked;
  if (config_.on_operation) config_.on_operation();
}

void Workload::prepare(Lane& lane, const Operation& operation, std::uint64_t index) {
  const std::uint64_t random = mix(config_.seed, index);
  boost::random::taus88 engine(static_cast<std::uint32_t>(random >> 32));
  const std::uint32_t n = operation.bytes;
  lane.source = lane.source_base + operation.src_page_offset;
  lane.destination = lane.destination_base + operation.dst_page_offset;
  lane.overlapping = operation.kind == OperationKind::kMove && (engine() & 1) != 0;
  lane.check_result = false;
  lane.to_cache =
      (engine() & 3) == 0 && (driver_.info().gencap >> abi::kGencapCacheWriteLsb & 1) != 0;
  lane.status = abi::kStSuccess;
  lane.result = 0;
  lane.bytes_completed = 0;
  if (operation.kind == OperationKind::kNoop) return;
  lane.data.resize(n);
  if (operation.kind == OperationKind::kFill) {
    std::memset(lane.data.data(), operation.value, n);
  } else {
    fill_pseudo_random(lane.data, random);
  }
  if (operation.kind == OperationKind::kCompare) {
    prepare_compare(lane, n, engine);
    return;
  }
  if (lane.overlapping) {
    prepare_overlap(lane, operation, random);
    return;
  }
  if (operation.kind != OperationKind::kFill) space_.write(lane.source, lane.data);
  // A byte that differs from a fill's value, so that a write that never came shows.
  const auto canary = static_cast<std::byte>(~operation.value & 0xFF);
  lane.guard.fill(canary);
  space_.fill(lane.destination - kGuard, n + 2 * kGuard, canary);
}

void Workload::prepare_compare(Lane& lane, std::uint32_t n, boost::random::taus88& engine) {
  space_.write(lane.source, lane.data);
  space_.write(lane.destination, lane.data);
  const bool differs = (engine() & 1) != 0;
  if (differs) {
    lane.bytes_completed = engine() % n;  // dsa.md 5.6: offset of the first difference, exact
    lane.result = 1;
    const Iova at = lane.destination + lane.bytes_completed;
    space_.fill(at, 1, ~lane.data[lane.bytes_completed]);
    if (lane.bytes_completed + 1 < n)
      space_.fill(lane.destination + (n - 1), 1, ~lane.data[n - 1]);  // a later one must not win
  }
  lane.check_result = (engine() & 1) != 0;
  lane.expected_result = static_cast<std::uint8_t>(engine() & 1);
  if (lane.check_result && lane.expected_result != lane.result)
    lane.status = abi::kStSuccessPredicate;  // table of dsa.md 5.6
}

/// Source and destination in one buffer, less than a page apart. The expected image is the guest's
/// own memmove.
void Workload::prepare_overlap(Lane& lane, const Operation& operation, std::uint64_t random) {
  lane.source = lane.destination_base + operation.src_page_offset;
  const Iova low = std::min(lane.source, lane.destination);
  const Iova high = std::max(lane.source, lane.destination);
  lane.image_start = low - kGuard;
  lane.moved.resize(high - low + operation.bytes + 2 * kGuard);
  fill_pseudo_random(lane.moved, random);
  space_.write(lane.image_start, lane.moved);
  std::memmove(lane.moved.data() + (lane.destination - lane.image_start),
               lane.moved.data() + (lane.source - lane.image_start), operation.bytes);
}

abi::Descriptor Workload::describe(const Lane& lane, const Operation& operation) const {
  abi::Descriptor d;
  if (operation.interrupt) d.flags |= abi::flag(abi::kFlagRci);
  if (operation.kind == OperationKind::kNoop) {
    d.opcode = abi::kOpNoop;
    return d;
  }
  d.size = operation.bytes;
  d.source = lane.source;
  d.destination = lane.destination;
  switch (operation.kind) {
    case OperationKind::kFill:
      d.opcode = abi::kOpFill;
      d.set_pattern(std::uint64_t{0x0101'0101'0101'0101} * operation.value);
      break;
    case OperationKind::kCompare:
      d.opcode = abi::kOpCompare;
      if (lane.check_result) {
        d.flags |= abi::flag(abi::kFlagCheckResult);
        d.set_expected_result(lane.expected_result);
      }
      return d;
    default:
      d.opcode = abi::kOpMemmove;
      break;
  }
  if (lane.to_cache) d.flags |= abi::flag(abi::kFlagCc1);
  return d;
}

void Workload::check(const Lane& lane, const Operation& operation, std::uint64_t index,
                     const abi::CompletionRecord& record) {
  if (record.status != lane.status) {
    report(index, operation.kind,
           fmt::format("record status {:#04x}, expected {:#04x}", record.status, lane.status));
    return;
  }
  if (record.bytes_completed != lane.bytes_completed ||
      (operation.kind == OperationKind::kCompare && record.result != lane.result)) {
    report(index, operation.kind,
           fmt::format("record result {} bytes completed {}, expected {} and {}", record.result,
                       record.bytes_completed, lane.result, lane.bytes_completed));
    return;
  }
  if (operation.kind == OperationKind::kNoop || operation.kind == OperationKind::kCompare) return;
  if (lane.overlapping) {
    if (!space_.equal(lane.image_start, lane.moved))
      report_difference(lane.image_start, lane.moved, index, operation.kind);
    return;
  }
  if (!space_.equal(lane.destination, lane.data))
    report_difference(lane.destination, lane.data, index, operation.kind);
  if (!space_.equal(lane.destination - kGuard, lane.guard))
    report(index, operation.kind, "bytes before the destination changed");
  if (!space_.equal(lane.destination + operation.bytes, lane.guard))
    report(index, operation.kind, "bytes after the destination changed");
  if (operation.kind != OperationKind::kFill && !space_.equal(lane.source, lane.data))
    report(index, operation.kind, "the source changed");
}

void Workload::report_difference(Iova at, std::span<const std::byte> expected, std::uint64_t index,
                                 OperationKind kind) {
  std::vector<std::byte> got(expected.size());
  space_.read(at, got);
  const auto where = std::mismatch(expected.begin(), expected.end(), got.begin());
  const std::uint64_t offset = static_cast<std::uint64_t>(where.first - expected.begin());
  report(
      index, kind,
      fmt::format("byte at {:#x} (offset {} of {}) is {:#04x}, expected {:#04x}", at.value + offset,
                  offset, expected.size(), std::to_integer<unsigned>(*where.second),
                  std::to_integer<unsigned>(*where.first)));
}

void Workload::report(std::uint64_t index, OperationKind kind, std::string what) {
  ++result_.mismatches;
  if (result_.first.size() == kKeptMismatches) return;
  Mismatch m;
  m.operation = index;
  m.kind = kind;
  m.what = fmt::format("{}: {}", name_of(kind), what);
  result_.first.push_back(std::move(m));
}

}  // namespace siov::guest
