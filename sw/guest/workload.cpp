// SPDX-License-Identifier: Apache-2.0
// Workload: lanes of buffers, one operation or batch in flight in each.
#include "guest/workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"

namespace siov::guest {

namespace {

constexpr std::size_t kKeptMismatches = 16;
constexpr std::uint64_t kRecordBytes = 32;
constexpr std::uint64_t kMemberBytes = 64;
constexpr std::uint32_t kStrayOffset = 4;     // of a record address that is wrong on purpose
constexpr std::uint32_t kMostStops = 10'000;  // of one operation: something is wrong
constexpr std::uint64_t kReportSurelyNs = 2'000'000;  // with an event log
constexpr std::uint64_t kReportPerhapsNs = 40'000;    // SWERROR may be taken

/// Decisions of one operation depend on seed and index only, not on what else is in flight.
std::uint64_t mix(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed + 0x9E37'79B9'7F4A'7C15 * (index + 1);
  x = (x ^ x >> 30) * 0xBF58'476D'1CE4'E5B9;
  x = (x ^ x >> 27) * 0x94D0'49BB'1331'11EB;
  return x ^ x >> 31;
}

}  // namespace

/// Buffers of one operation in flight; those of batches are made when the first one comes.
struct Workload::Lane {
  Areas areas;
  std::uint32_t room = 0;  ///< members there are buffers for
  Iova list;               ///< 64-byte aligned, room descriptors
  Iova records;            ///< one for each member, 64 bytes apart
  std::vector<Areas> member_areas;
  std::vector<Job> members;
  std::vector<Iova> member_records;
  std::vector<std::optional<abi::CompletionRecord>> resumed;  ///< of members that had stopped
};

Workload::Workload(DsaDriver& driver, AddressSpace& space, OperationSource& source,
                   WorkloadConfig config)
    : driver_(driver), space_(space), source_(source), config_(std::move(config)) {
  if (config_.window == 0) throw HarnessError("window must be at least 1");
}

Workload::~Workload() = default;

coro::Task<> Workload::run() {
  facts_.gencap = driver_.info().gencap;
  facts_.max_transfer = driver_.info().max_transfer;
  facts_.max_batch = driver_.info().max_batch;
  facts_.operations = driver_.info().opcap & config_.operations;
  facts_.block_on_fault = driver_.info().block_on_fault;
  member_facts_ = facts_;
  member_facts_.in_batch = true;
  std::vector<coro::JoinHandle> handles;
  for (std::uint32_t i = 0; i < config_.window; ++i) {
    if (lanes_.size() <= i) {
      lanes_.push_back(std::make_unique<Lane>());
      lanes_[i]->areas = Areas::allocate(space_, source_.max_bytes());
    }
    handles.push_back(coro::start_soon(lane(i), fmt::format("workload lane {}", i)));
  }
  co_await coro::Combine(std::move(handles));
  co_await settle_errors();
  check_errors();
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

coro::Task<> Workload::play(Lane& lane, const Operation& operation, std::uint64_t index) {
  if (operation.kind == OperationKind::kBatch) {
    co_await play_batch(lane, operation, index);
  } else {
    co_await play_one(lane, operation, index);
  }
  ++result_.operations;
  if (config_.on_operation) config_.on_operation();
}

coro::Task<> Workload::play_one(Lane& lane, const Operation& operation, std::uint64_t index) {
  if (operation.bytes > facts_.max_transfer)
    throw HarnessError("operation larger than the device's transfer limit");
  JobBuilder builder(facts_, lane.areas);
  const Job job = builder.build(operation, mix(config_.seed, index), nullptr);
  job.place(space_);
  if (job.ending == Ending::kErrorOnly) {
    co_await play_stray(job, index);
  } else {
    SubmitOptions how;
    how.own_handle = job.own_handle;
    const abi::CompletionRecord record = co_await perform(job.descriptor, how);
    check(job, record, index);
  }
  check_memory(job, true, index, {});
  count(job);
}

/// No record will come: the report of the error is waited for.
coro::Task<> Workload::play_stray(const Job& job, std::uint64_t index) {
  const std::uint64_t timeout = config_.all_errors ? kReportSurelyNs : kReportPerhapsNs;
  const std::uint64_t overflows = driver_.error_overflows();
  const bool reported = co_await driver_.submit_stray(job.descriptor, timeout);
  ++stray_operations_;
  if (reported) co_return;
  ++result_.errors_lost;
  if (config_.all_errors && driver_.error_overflows() == overflows)
    report(index, job, "the error was not reported");
}

void Workload::prepare_members(Lane& lane, const Operation& operation, std::uint64_t index) {
  const auto count = static_cast<std::uint32_t>(operation.members.size());
  if (lane.room < count) {
    lane.room = count;
    // One more where a list may be cut: the last member alone would be no batch.
    const std::uint32_t entries = count + (space_.demand() ? 1 : 0);
    const auto place = [this](std::uint64_t bytes) {
      return config_.pinned_lists ? space_.allocate_pinned(bytes) : space_.allocate(bytes);
    };
    lane.list = place(entries * kMemberBytes);
    lane.records = place(count * 2 * kRecordBytes);
    while (lane.member_areas.size() < count)
      lane.member_areas.push_back(Areas::allocate(space_, config_.member_bytes));
  }
  lane.members.clear();
  lane.member_records.clear();
  lane.resumed.assign(count, std::nullopt);
  const std::uint64_t random = mix(config_.seed, index);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Operation& member = operation.members[i];
    // Behind a fence a copy may read what the member before has written.
    const bool chained = member.fence && i != 0 && lane.members[i - 1].product.has_value();
    JobBuilder builder(member_facts_, lane.member_areas[i]);
    Job job = builder.build(member, mix(random, i + 1),
                            chained ? &*lane.members[i - 1].product : nullptr);
    const Iova record = lane.records + i * 2 * kRecordBytes;
    lane.member_records.push_back(record);
    const bool stray = job.ending == Ending::kErrorOnly;
    job.descriptor.completion_address = record + (stray ? kStrayOffset : 0);
    if (job.descriptor.has(abi::kFlagRci) && !job.own_handle)
      job.descriptor.interrupt_handle = driver_.interrupt_handle();
    job.place(space_);
    space_.fill(record, 2 * kRecordBytes, std::byte{0});
    const port::Line line = abi::to_line(job.descriptor);
    space_.write(lane.list + i * kMemberBytes, line);
    lane.members.push_back(std::move(job));
  }
}

/// Members that run: up to a fence behind a failure. @spec dsa.md 5.6 (01)
namespace {
std::uint32_t members_that_run(const std::vector<Job>& members) {
  bool failed = false;
  for (std::uint32_t i = 0; i < members.size(); ++i) {
    if (failed && members[i].descriptor.has(abi::kFlagFence)) return i;
    failed = failed || members[i].failed();
  }
  return static_cast<std::uint32_t>(members.size());
}
}  // namespace

Job Workload::prepare_batch(Lane& lane, const Operation& operation, std::uint64_t index,
                            std::uint32_t started) {
  Job batch;
  batch.kind = OperationKind::kBatch;
  abi::Descriptor& d = batch.descriptor;
  d.opcode = abi::kOpBatch;
  d.source = lane.list;
  d.size = static_cast<std::uint32_t>(operation.members.size());
  if (operation.interrupt) d.flags |= abi::flag(abi::kFlagRci);
  bool failed = false;
  for (std::uint32_t i = 0; i < started; ++i) failed = failed || lane.members[i].failed();
  batch.expected.status = failed ? abi::kStBatchFail : abi::kStSuccess;
  batch.expected.bytes_completed = started;
  if (operation.bad)
    spoil_batch(batch, facts_, static_cast<std::uint32_t>(mix(config_.seed, index) >> 40));
  return batch;
}

coro::Task<> Workload::play_batch(Lane& lane, const Operation& operation, std::uint64_t index) {
  prepare_members(lane, operation, index);
  std::uint32_t started = members_that_run(lane.members);
  const Job batch = prepare_batch(lane, operation, index, started);
  if (!batch.fault.empty()) started = 0;
  if (batch.ending == Ending::kErrorOnly) {
    co_await play_stray(batch, index);
  } else {
    const abi::CompletionRecord record = co_await perform_batch(lane, batch, started);
    check(batch, record, index);
  }
  ++result_.batches;
  count(batch);
  for (std::uint32_t i = 0; i < lane.members.size(); ++i) check_member(lane, i, i < started, index);
  // A buffer that a later member reads is judged with the member that wrote it.
}

void Workload::check_member(const Lane& lane, std::uint32_t member, bool started,
                            std::uint64_t index) {
  const Job& job = lane.members[member];
  const Iova at = lane.member_records[member];
  std::array<std::byte, 2 * kRecordBytes> bytes{};
  space_.read(at, bytes);
  const bool written =
      std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
  const std::string prefix = fmt::format("member {} ({}): ", member, to_string(job.kind));
  if (const std::optional<abi::CompletionRecord>& resumed = lane.resumed[member]) {
    const bool quiet = job.ending == Ending::kQuiet;
    const std::string wrong = quiet && resumed->status == job.expected.status
                                  ? std::string()
                                  : job.fault_of_record(*resumed);
    if (!wrong.empty()) report(index, job, prefix + "resumed: " + wrong);
  } else if (started && job.ending == Ending::kRecord) {
    const std::string wrong =
        job.fault_of_record(abi::decode_completion_record(std::span(bytes).first<32>()));
    if (!wrong.empty()) report(index, job, prefix + wrong);
  } else if (written) {
    report(index, job,
           prefix + fmt::format("record with status {:#04x}, expected none",
                                std::to_integer<unsigned>(bytes[0])));
  }
  check_memory(job, started, index, prefix);
  if (!started) {
    ++result_.dropped;
    return;
  }
  if (job.ending == Ending::kErrorOnly) stray_members_.push_back(at.value + kStrayOffset);
  count(job);
}

void Workload::check(const Job& job, const abi::CompletionRecord& record, std::uint64_t index) {
  const std::string wrong = job.fault_of_record(record);
  if (!wrong.empty()) report(index, job, wrong);
}

void Workload::check_memory(const Job& job, bool started, std::uint64_t index,
                            const std::string& prefix) {
  for (const std::string& fault : job.faults_of_memory(space_, started))
    report(index, job, prefix + fault);
  add_to_digest(job, index, prefix);
}

/// Read back from memory; a sum has no order.
void Workload::add_to_digest(const Job& job, std::uint64_t index, const std::string& prefix) {
  std::uint64_t hash = mix(index, job.expected.status);
  for (const char c : prefix) hash = mix(hash, static_cast<unsigned char>(c));
  std::vector<std::byte> bytes;
  for (const Region& region : job.regions) {
    if (region.open_bytes != 0) continue;
    bytes.resize(std::max(region.before.size(), region.after.size()));
    space_.read(region.at, bytes);
    bytes.resize((bytes.size() + 7) / 8 * 8);
    for (std::size_t at = 0; at < bytes.size(); at += 8)
      hash = mix(hash, abi::load_le(std::span(bytes).subspan(at), 8));
  }
  result_.memory_digest += hash;
}

void Workload::count(const Job& job) {
  ++result_.descriptors;
  if (!job.fault.empty()) ++result_.bad_inputs;
  const bool worked = job.expected.status <= abi::kStSuccessPredicate;
  if (worked && job.kind != OperationKind::kBatch) result_.bytes += job.descriptor.size;
  if (job.descriptor.has(abi::kFlagRci) && !job.own_handle) ++result_.interrupts_asked;
  if (job.expected.status == abi::kStBadHandle) ++handle_errors_;
}

coro::Task<abi::CompletionRecord> Workload::perform(abi::Descriptor descriptor, SubmitOptions how) {
  const Ticket ticket = co_await driver_.submit(descriptor, how);
  const abi::CompletionRecord record = co_await driver_.wait(ticket);
  if (!space_.demand() || !stopped_at_page(record)) co_return record;
  PartialWork work(descriptor);
  co_return co_await resume(work, record, how);
}

/// Brings in what was missing and submits the rest, as often as needed. @spec dsa.md 5.7
coro::Task<abi::CompletionRecord> Workload::resume(PartialWork& work, abi::CompletionRecord record,
                                                   SubmitOptions how) {
  for (std::uint32_t i = 0; i < kMostStops && stopped_at_page(record); ++i) {
    const abi::Descriptor piece = work.rest(record);
    const bool inside = co_await bring_in(work, piece, record.fault_address);
    if (!inside) break;  // the device names an address that nobody gave it
    ++result_.resumed;
    const Ticket ticket = co_await driver_.submit(piece, how);
    record = co_await driver_.wait(ticket);
  }
  co_return work.whole(record);
}

coro::Task<bool> Workload::bring_in(const PartialWork& work, const abi::Descriptor& piece,
                                    Iova fault) {
  const bool inside = co_await bring_in(fault);
  if (!work.starts_again()) co_return inside;
  for (const OperandRange& range : operands_of(piece)) {
    for (std::uint64_t at = 0; at < range.bytes; at += kPageSize) {
      const Iova page = range.at + at;
      if (!space_.present(page)) co_await bring_in(page);
    }
    const Iova last = range.at + (range.bytes - 1);
    if (range.bytes != 0 && !space_.present(last)) co_await bring_in(last);
  }
  co_return inside;
}

/// The guest touches a page. @return false for an address outside its buffers
coro::Task<bool> Workload::bring_in(Iova address) {
  co_await coro::Timer(coro::ns(config_.page_latency_ns));
  co_return space_.bring_in(address, coro::Scheduler::current().now());
}

/// A batch whose members may stop at pages: each is resumed alone; what a fence has dropped because
/// of them, or lies behind a missing page of the list, is submitted as a batch again. @spec dsa.md
/// 5.6 (01)
coro::Task<abi::CompletionRecord> Workload::perform_batch(Lane& lane, const Job& batch,
                                                          std::uint32_t started) {
  abi::Descriptor piece = batch.descriptor;
  Ticket ticket = co_await driver_.submit(piece);
  abi::CompletionRecord record = co_await driver_.wait(ticket);
  const bool refused = std::ranges::any_of(
      std::views::iota(0U, started), [&](std::uint32_t i) { return handle_was_revoked(lane, i); });
  if ((!space_.demand() && !refused) || !batch.fault.empty()) co_return record;
  const auto count = static_cast<std::uint32_t>(lane.members.size());
  std::uint32_t done = 0;
  for (std::uint32_t pieces = 0;; ++pieces) {
    const std::uint32_t completed = std::min(record.bytes_completed, count - done);
    bool stopped = stopped_at_page(record);
    for (std::uint32_t i = done; i < done + completed; ++i) {
      co_await finish_member(lane, i);
      stopped = stopped || lane.resumed[i].has_value();
    }
    done += completed;
    // Whether a member failed is judged with the member.
    const bool ended = record.status == abi::kStSuccess || record.status == abi::kStBatchFail;
    if (ended && (stopped || pieces != 0)) record.status = batch.expected.status;
    if (done >= started || !stopped || pieces == kMostStops) break;
    if (stopped_at_page(record)) {
      const bool inside = co_await bring_in(record.fault_address);
      if (!inside) break;
    }
    rewrite_list(lane, done);
    piece.size = std::max(2U, count - done);
    ++result_.resumed;
    ticket = co_await driver_.submit(piece);
    record = co_await driver_.wait(ticket);
  }
  record.bytes_completed = done;
  co_return record;
}

/// Members from `from` on to the front of the list, and one that does nothing behind them.
void Workload::rewrite_list(Lane& lane, std::uint32_t from) {
  Iova at = lane.list;
  for (std::uint32_t i = from; i < lane.members.size(); ++i, at += kMemberBytes) {
    abi::Descriptor& member = lane.members[i].descriptor;
    if (member.has(abi::kFlagRci) && !lane.members[i].own_handle)
      member.interrupt_handle = driver_.interrupt_handle();
    const port::Line line = abi::to_line(member);
    space_.write(at, line);
  }
  abi::Descriptor nothing;
  nothing.opcode = abi::kOpNoop;
  const port::Line line = abi::to_line(nothing);
  space_.write(at, line);
}

/// Its handle was the right one when the list was written. @spec siov.md 3.7
bool Workload::handle_was_revoked(const Lane& lane, std::uint32_t member) const {
  const Job& job = lane.members[member];
  if (!job.descriptor.has(abi::kFlagRci) || job.own_handle) return false;
  std::array<std::byte, 1> status{};
  space_.read(lane.member_records[member], status);
  return status[0] == std::byte{abi::kStBadHandle};
}

coro::Task<> Workload::finish_member(Lane& lane, std::uint32_t member) {
  if (handle_was_revoked(lane, member)) {
    abi::Descriptor again = lane.members[member].descriptor;
    again.flags &= ~(abi::flag(abi::kFlagFence) | abi::flag(abi::kFlagRci));
    again.interrupt_handle = 0;
    ++revoked_members_;
    const SubmitOptions plain;
    const abi::CompletionRecord record = co_await perform(again, plain);
    lane.resumed[member] = record;
    co_return;
  }
  std::array<std::byte, kRecordBytes> bytes{};
  space_.read(lane.member_records[member], bytes);
  const abi::CompletionRecord record = abi::decode_completion_record(bytes);
  if (bytes[0] == std::byte{0} || !stopped_at_page(record)) co_return;
  abi::Descriptor alone = lane.members[member].descriptor;
  alone.flags &= ~(abi::flag(abi::kFlagFence) | abi::flag(abi::kFlagRci));
  alone.interrupt_handle = 0;
  PartialWork work(alone);
  const SubmitOptions plain;
  const abi::CompletionRecord whole = co_await resume(work, record, plain);
  lane.resumed[member] = whole;
}

/// Waits until the errors of members have come by way of the host, or will not any more.
coro::Task<> Workload::settle_errors() {
  const std::uint64_t wanted = handle_errors_ + stray_members_.size() + stray_operations_;
  const std::uint64_t most = config_.all_errors ? kReportSurelyNs : kReportPerhapsNs;
  const coro::SimTime end = coro::Scheduler::current().now() + coro::ns(most);
  while (driver_.errors().size() < wanted && driver_.error_overflows() == 0 &&
         coro::Scheduler::current().now() < end)
    co_await coro::Timer(coro::ns(500));
}

/// What SWERROR said is what was wrong on purpose, and nothing more.
void Workload::check_errors() {
  if (!config_.own_errors) return;
  std::uint64_t handles = 0, strays = 0;
  for (const auto& words : driver_.errors()) {
    const auto code = static_cast<std::uint8_t>(words[0] >> abi::kSwerrorErrorLsb);
    handles += code == abi::kStBadHandle ? 1 : 0;
    strays += code == abi::kStCrMisaligned ? 1 : 0;
    if (code != abi::kStBadHandle && code != abi::kStCrMisaligned)
      report(next_index_, OperationKind::kNoop,
             fmt::format("an error report with code {:#04x}", code));
  }
  const std::uint64_t expected_strays = stray_members_.size() + stray_operations_;
  result_.errors_reported = handles + strays;
  result_.errors_lost = handle_errors_ + expected_strays - std::min(handle_errors_, handles) -
                        std::min(expected_strays, strays);
  // A revoked handle is refused with a report, too, before the guest hears of the revocation.
  const std::uint64_t most_handles = handle_errors_ + driver_.resubmitted() + revoked_members_;
  const bool too_many = handles > most_handles || strays > expected_strays;
  const bool exact = config_.all_errors && driver_.error_overflows() == 0;
  const bool too_few = exact && (handles < handle_errors_ || strays < expected_strays);
  if (too_many || too_few)
    report(next_index_, OperationKind::kNoop,
           fmt::format("{} reports of bad handles and {} of bad record addresses, expected {} and "
                       "{}",
                       handles, strays, handle_errors_, expected_strays));
}

void Workload::report(std::uint64_t index, const Job& job, const std::string& what) {
  report(index, job.kind, job.fault.empty() ? what : what + " [given " + job.fault + "]");
}

void Workload::report(std::uint64_t index, OperationKind kind, std::string what) {
  ++result_.mismatches;
  if (result_.first.size() == kKeptMismatches) return;
  Mismatch m;
  m.operation = index;
  m.kind = kind;
  m.what = fmt::format("{}: {}", to_string(kind), what);
  result_.first.push_back(std::move(m));
}

}  // namespace siov::guest
