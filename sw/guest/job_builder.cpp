// SPDX-License-Identifier: Apache-2.0
// Jobs without protection information.
#include "guest/job_builder.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstring>

#include "abi/siov_abi.hpp"
#include "guest/arithmetic.hpp"

namespace siov::guest {

namespace {

/// xorshift64: fast, and no byte pattern repeats inside a buffer.
void fill_pseudo_random(std::span<std::byte> out, std::uint64_t& state) {
  for (std::size_t at = 0; at < out.size(); at += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(out.data() + at, &state, std::min<std::size_t>(8, out.size() - at));
  }
}

/// DIF writes 528 bytes at least, and a block of 4104 bytes when there is room.
constexpr std::uint32_t kLeastCapacity = 1100;

}  // namespace

std::uint64_t Areas::capacity(std::uint32_t max_bytes) {
  const std::uint64_t most = std::max(max_bytes, kLeastCapacity);
  // A delta record has ten bytes for eight; everything starts up to a page into the area.
  const std::uint64_t bytes = most + most / 4 + 2 * kPageSize;
  return (bytes + kPageSize - 1) / kPageSize * kPageSize;
}

Areas Areas::allocate(AddressSpace& space, std::uint32_t max_bytes) {
  Areas areas;
  for (Iova& area : areas.area)
    area = space.allocate(capacity(max_bytes) + 2 * kPageSize) + kPageSize;
  return areas;
}

std::uint32_t JobBuilder::draw(std::uint32_t low, std::uint32_t high) {
  return boost::random::uniform_int_distribution<std::uint32_t>(low, high)(engine_);
}

std::uint64_t JobBuilder::draw64() {
  const std::uint64_t high = draw(0, 0xFFFF'FFFF);
  return high << 32 | draw(0, 0xFFFF'FFFF);
}

std::vector<std::byte> JobBuilder::contents(std::uint64_t bytes) {
  std::vector<std::byte> data(bytes);
  fill_pseudo_random(data, state_);
  return data;
}

Region& JobBuilder::add(const char* what, Iova at, std::vector<std::byte> before) {
  Region region;
  region.what = what;
  region.at = at;
  region.before = std::move(before);
  job_.regions.push_back(std::move(region));
  return job_.regions.back();
}

void JobBuilder::source(const char* what, Iova at, std::vector<std::byte> data) {
  add(what, at, std::move(data));
}

Region& JobBuilder::background(const char* what, Iova at, std::uint64_t bytes) {
  return add(what, at - kGuard, contents(bytes + 2 * kGuard));
}

Region& JobBuilder::destination(const char* what, Iova at, std::span<const std::byte> data) {
  Region& region = background(what, at, data.size());
  region.after = region.before;
  std::copy(data.begin(), data.end(), region.after.begin() + kGuard);
  return region;
}

Iova JobBuilder::source_at() const { return areas_.area[0] + op_->src_page_offset; }
Iova JobBuilder::destination_at() const { return areas_.area[1] + op_->dst_page_offset; }

void JobBuilder::destination_flags() {
  if (one_in(4) && facts_.has(abi::kGencapCacheWriteLsb)) flag(abi::kFlagCc1);
  if (one_in(8) && facts_.has(abi::kGencapReadbackLsb)) flag(abi::kFlagCc2);
  if (one_in(8)) flag(abi::kFlagStrictOrder);
}

void JobBuilder::start(const Operation& operation, std::uint64_t random) {
  op_ = &operation;
  engine_.seed(static_cast<std::uint32_t>(random >> 32));
  state_ = random | 1;
  job_ = Job{};
  job_.kind = operation.kind;
  job_.descriptor.size = operation.bytes;
  job_.expected.status = abi::kStSuccess;
  if (operation.interrupt) flag(abi::kFlagRci);
  if (operation.fence) flag(abi::kFlagFence);
  flag(abi::kFlagCrav);
  flag(abi::kFlagRcr);
}

Job JobBuilder::build(const Operation& operation, std::uint64_t random, const Product* input) {
  start(operation, random);
  build_kind(input);
  if (facts_.block_on_fault) block_on_fault();
  if (operation.bad) {
    spoil();
  } else if (facts_.in_batch) {
    quieten();
  }
  return std::move(job_);
}

void JobBuilder::build_kind(const Product* input) {
  switch (op_->kind) {
    case OperationKind::kCopy:
      return build_copy(input);
    case OperationKind::kMove:
      return one_in(2) ? build_overlap() : build_copy(nullptr);
    case OperationKind::kFill:
    case OperationKind::kFill16:
      return build_fill();
    case OperationKind::kCompare:
      return build_compare();
    case OperationKind::kComparePattern:
      return build_compare_pattern();
    case OperationKind::kCreateDelta:
      return build_create_delta();
    case OperationKind::kApplyDelta:
      return build_apply_delta();
    case OperationKind::kDualcast:
      return build_dualcast();
    case OperationKind::kCrc:
    case OperationKind::kCopyCrc:
      return build_crc();
    case OperationKind::kDifCheck:
    case OperationKind::kDifInsert:
    case OperationKind::kDifStrip:
    case OperationKind::kDifUpdate:
      return build_dif();
    case OperationKind::kCacheFlush:
      return build_flush();
    case OperationKind::kDrain:
      return build_drain();
    case OperationKind::kNoop:
    case OperationKind::kBatch:
      break;
  }
  job_.descriptor.opcode = abi::kOpNoop;
  job_.descriptor.size = 0;
}

/// Some members ask for no record: success must then write none (dsa.md 5.4, 5.6).
void JobBuilder::quieten() {
  switch (op_->kind) {
    case OperationKind::kCompare:
    case OperationKind::kComparePattern:
    case OperationKind::kCreateDelta:
    case OperationKind::kCrc:
    case OperationKind::kCopyCrc:
    case OperationKind::kDifCheck:
      return;
    default:
      break;
  }
  if (job_.expected.status != abi::kStSuccess || !one_in(4)) return;
  job_.descriptor.flags &= ~abi::flag(abi::kFlagRcr);
  job_.ending = Ending::kQuiet;
}

/// Most wait for a page that is not there; the others stop, and the guest resumes them.
void JobBuilder::block_on_fault() {
  const std::uint8_t opcode = job_.descriptor.opcode;
  if (opcode != abi::kOpNoop && opcode != abi::kOpDrain && !one_in(4)) flag(abi::kFlagBof);
}

void JobBuilder::build_copy(const Product* input) {
  job_.descriptor.opcode = abi::kOpMemmove;
  std::vector<std::byte> data;
  if (input != nullptr) {
    job_.descriptor.source = input->at;
    job_.descriptor.size = static_cast<std::uint32_t>(input->bytes.size());
    data = input->bytes;
    add("source", input->at, data).kept = true;
  } else {
    job_.descriptor.source = source_at();
    data = contents(op_->bytes);
    source("source", source_at(), data);
  }
  job_.descriptor.destination = destination_at();
  destination("destination", destination_at(), data);
  destination_flags();
  job_.product = Product{destination_at(), std::move(data)};
}

/// Source and destination in one buffer, less than a page apart. The expected image is the guest's
/// own memmove.
void JobBuilder::build_overlap() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpMemmove;
  d.source = areas_.area[1] + op_->src_page_offset;
  d.destination = destination_at();
  const Iova low = std::min(d.source, d.destination);
  const Iova high = std::max(d.source, d.destination);
  const Iova start = low - kGuard;
  Region& region = add("buffer", start, contents(high - low + op_->bytes + 2 * kGuard));
  region.after = region.before;
  std::memmove(region.after.data() + (d.destination - start),
               region.after.data() + (d.source - start), op_->bytes);
  destination_flags();
}

void JobBuilder::build_fill() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpFill;
  d.destination = destination_at();
  std::uint64_t low = std::uint64_t{0x0101'0101'0101'0101} * op_->value;
  std::uint64_t high = low;
  if (op_->kind == OperationKind::kFill16) {
    low = high = draw64();
    if (facts_.has(kGencapFill16)) {
      high = draw64();
      d.set_pattern_high(high);
      flag(18);
    }
  }
  d.set_pattern(low);
  std::vector<std::byte> data(op_->bytes);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::byte>((i % 16 < 8 ? low : high) >> 8 * (i % 8));
  destination("destination", d.destination, data);
  destination_flags();
  job_.product = Product{d.destination, std::move(data)};
}

/// The table of dsa.md 5.6 (05).
void JobBuilder::check_flag(bool different) {
  if (!one_in(2)) return;
  flag(abi::kFlagCheckResult);
  const bool expected = one_in(2);
  job_.descriptor.set_expected_result(expected ? 1 : 0);
  if (expected != different) job_.expected.status = abi::kStSuccessPredicate;
}

void JobBuilder::build_compare() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpCompare;
  d.source = source_at();
  d.destination = destination_at();
  std::vector<std::byte> one = contents(op_->bytes);
  std::vector<std::byte> two = one;
  const bool different = one_in(2);
  if (different) {
    const std::uint32_t at = draw(0, op_->bytes - 1);
    two[at] ^= static_cast<std::byte>(1U << draw(0, 7));
    if (one_in(2)) two.back() = ~one.back();  // the first one counts
    job_.expected.result = 1;
    job_.expected.bytes_completed = at;
  }
  source("source 1", d.source, std::move(one));
  source("source 2", d.destination, std::move(two));
  check_flag(different);
}

void JobBuilder::build_compare_pattern() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpComparePattern;
  d.source = source_at();
  const std::uint64_t pattern = draw64();
  d.set_compare_pattern(pattern);
  std::vector<std::byte> data(op_->bytes);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::byte>(pattern >> 8 * (i % 8));
  const bool different = one_in(2);
  if (different) {
    const std::uint32_t at = draw(0, op_->bytes - 1);
    data[at] ^= static_cast<std::byte>(1U << draw(0, 7));
    job_.expected.result = 1;
    job_.expected.bytes_completed = at;
    job_.at_most = true;
  }
  source("source", d.source, std::move(data));
  check_flag(different);
}

void JobBuilder::build_create_delta() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpCreateDelta;
  d.size = std::clamp(op_->bytes & ~7U, 8U, 0x80000U);
  d.source = areas_.area[0] + (op_->src_page_offset & ~7U);
  d.destination = areas_.area[1] + (op_->dst_page_offset & ~7U);
  const Iova delta_at = areas_.area[2] + 8 * draw(0, 511);
  d.set_delta_address(delta_at);
  std::vector<std::byte> one = contents(d.size);
  std::vector<std::byte> two = one;
  const std::uint32_t words = d.size / 8;
  const std::uint32_t changes = one_in(4) ? 0 : one_in(4) ? words : draw(1, std::min(words, 24U));
  for (std::uint32_t i = 0; i < changes; ++i) {
    const std::uint32_t word = changes == words ? i : draw(0, words - 1);
    two[8 * word + draw(0, 7)] ^= static_cast<std::byte>(draw(1, 255));
  }
  const auto most =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(facts_.max_transfer, 10 * words));
  const std::uint32_t limit = one_in(3) ? draw(80, 160) : std::max(80U, most);
  d.set_max_delta_size(limit);
  const DeltaRecord record = delta_of(one, two, limit);
  source("source 1", d.source, std::move(one));
  source("source 2", d.destination, std::move(two));
  Region& region = background("delta record", delta_at, limit);
  region.after = region.before;
  std::copy(record.bytes.begin(), record.bytes.end(), region.after.begin() + kGuard);
  job_.expected.result = record.result;
  job_.expected.bytes_completed = record.compared;
  job_.expected.set_delta_size(static_cast<std::uint32_t>(record.bytes.size()));
  destination_flags();
  if (!one_in(2)) return;
  flag(abi::kFlagCheckResult);
  const std::uint32_t mask = draw(0, 7);
  d.set_expected_mask(static_cast<std::uint8_t>(mask));
  if ((mask >> record.result & 1) == 0) job_.expected.status = abi::kStSuccessPredicate;
}

void JobBuilder::build_apply_delta() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpApplyDelta;
  d.size = std::clamp(op_->bytes & ~7U, 8U, 0x7FF80U);
  d.source = source_at();
  d.destination = destination_at();
  const std::uint32_t words = d.size / 8;
  const auto most = static_cast<std::uint32_t>(facts_.max_transfer / 10);
  const std::uint32_t count = draw(1, std::min({words, most, one_in(3) ? words : 24U}));
  const std::uint32_t bad_at = op_->bad && one_in(2) ? draw(0, count - 1) : count;
  Region& region = background("destination", d.destination, d.size);
  region.after = region.before;
  std::vector<std::byte> record;
  std::uint32_t next = 0;  // the lowest word an entry may have
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t room = words - next - (count - i);
    std::uint32_t word = next + (room == 0 ? 0 : draw(0, std::min(room, 2 * words / count)));
    next = word + 1;
    const std::vector<std::byte> bytes = contents(8);
    if (i == bad_at) {
      const bool backward = i != 0 && one_in(2);
      // The entry before this one has an index of at least i - 1.
      word = backward ? draw(0, i - 1) : words + draw(0, 8);
      job_.fault = backward ? "delta offsets that go back" : "a delta offset beyond the end";
      job_.expected.status = backward ? abi::kStDeltaNotIncreasing : abi::kStDeltaOutOfRange;
      job_.expected.bytes_completed = 10 * i;
    } else if (i < bad_at) {
      std::copy(bytes.begin(), bytes.end(), region.after.begin() + kGuard + 8 * word);
    }
    append_delta_entry(record, word, std::span(bytes).first<8>());
  }
  d.set_delta_size(static_cast<std::uint32_t>(record.size()));
  source("delta record", d.source, std::move(record));
  destination_flags();
}

void JobBuilder::build_dualcast() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpDualcast;
  d.source = source_at();
  d.destination = destination_at();
  const Iova second = areas_.area[2] + op_->dst_page_offset;
  d.set_destination2(second);
  std::vector<std::byte> data = contents(op_->bytes);
  source("source", d.source, data);
  destination("destination 1", d.destination, data);
  destination("destination 2", second, data);
  destination_flags();
  job_.product = Product{second, std::move(data)};
}

void JobBuilder::build_crc() {
  abi::Descriptor& d = job_.descriptor;
  const bool copies = op_->kind == OperationKind::kCopyCrc;
  d.opcode = copies ? abi::kOpCopyCrc : abi::kOpCrcgen;
  d.source = source_at();
  CrcKind kind;
  kind.wide = facts_.has(kGencapCrc64) && one_in(3);
  kind.plain = one_in(4);
  kind.msb_first = one_in(4);
  if (kind.plain) flag(17);
  if (kind.msb_first) flag(18);
  if (kind.wide) flag(19);
  const std::uint64_t seed = kind.wide ? draw64() : draw(0, 0xFFFF'FFFF);
  const std::uint32_t unit = kind.wide ? 8 : 4;
  if (one_in(3)) {
    flag(16);
    const Iova at = areas_.area[2] + unit * draw(0, 1000);
    d.set_crc_seed_address(at);
    std::vector<std::byte> bytes(unit);
    abi::store_le(bytes, seed, unit);
    source("seed", at, std::move(bytes));
  } else {
    d.set_crc_seed(seed, kind.wide);
  }
  std::vector<std::byte> data = contents(op_->bytes);
  job_.expected.set_crc(crc_of(data, seed, kind));
  source("source", d.source, data);
  if (!copies) return;
  d.destination = destination_at();
  destination("destination", d.destination, data);
  destination_flags();
  job_.product = Product{d.destination, std::move(data)};
}

void JobBuilder::build_flush() {
  job_.descriptor.opcode = abi::kOpCacheFlush;
  job_.descriptor.destination = destination_at();
  source("flushed range", destination_at(), contents(op_->bytes));
}

void JobBuilder::build_drain() {
  abi::Descriptor& d = job_.descriptor;
  d.opcode = abi::kOpDrain;
  d.size = 0;
  if (one_in(4)) flag(18);
  if (one_in(4)) flag(19);
  // Its record may come by way of the event log, later than its interrupt (dsa.md 2.11).
  d.flags &= ~abi::flag(abi::kFlagRci);
  if (!facts_.has(kGencapDrainReadback)) return;
  if (one_in(2)) {
    flag(16);
    d.source = source_at();
  }
  if (one_in(2)) {
    flag(17);
    d.destination = destination_at();
  }
}

}  // namespace siov::guest
