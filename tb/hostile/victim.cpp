// SPDX-License-Identifier: Apache-2.0
// A guest that works; and the comparison of two of its lives.
#include "hostile/victim.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"
#include "guest/job_builder.hpp"
#include "vdcm/virtual_layout.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint32_t kWindow = 4;       ///< operations in flight
constexpr std::uint32_t kMostBytes = 384;  ///< of an operation
constexpr std::uint64_t kGuestBytes = 4 << 20;
constexpr std::uint32_t kBatchEvery = 9;  ///< each so many-th step is a batch
constexpr std::uint32_t kMembers = 3;
constexpr std::uint64_t kMemberBytes = 64;
constexpr std::uint64_t kReportNs = 400'000;  ///< that an error may take to the guest
constexpr std::uint32_t kConfigBytes = 0x1000;

guest::MachineConfig machine_config(const VictimConfig& config) {
  guest::MachineConfig machine;
  machine.guest_bytes = kGuestBytes;
  machine.seed = system::derive_seed(config.seed, "memory of " + config.name);
  return machine;
}

guest::AddressSpaceConfig space_config(const VictimConfig& config) {
  guest::AddressSpaceConfig space;
  space.kind = config.kind;
  space.base = config.base;
  return space;
}

template <class T>
T must(const Result<T, vdcm::Refusal>& answer, const std::string& what) {
  if (!answer) throw HarnessError(what + " was refused: " + answer.error().reason);
  return *answer;
}

}  // namespace

/// One submission.
struct Victim::Step {
  guest::Job job;  ///< a batch has only its descriptor
  bool batch = false;
  std::size_t number = 0;
  std::vector<std::byte> record;  ///< as it was found; empty: none came
};

Victim::Victim(system::HostSide& host, VictimConfig config)
    : host_(host),
      config_(std::move(config)),
      machine_(host.memory, host.frames, machine_config(config_)),
      space_(machine_, space_config(config_)) {}

Victim::~Victim() = default;

Iova Victim::allocate(std::uint64_t bytes) {
  const Iova at = space_.allocate(bytes);
  note_pages(at, bytes);
  return at;
}

void Victim::note_pages(Iova first, std::uint64_t bytes) {
  for (Iova page = first.page(); page < first + bytes; page += kPageSize) pages_.push_back(page);
}

coro::Task<> Victim::create(vdcm::Manager& manager) {
  vm_ = must(manager.create_vm(), "a VM");
  vdcm::VdevRequest request;
  request.name = config_.name;
  request.vm = vm_;
  request.interrupts = &interrupts_;
  static_cast<void>(space_.descriptor());
  request.space =
      config_.kind == vdcm::TranslationKind::kNested
          ? vdcm::Space::second_stage(machine_.second_stage_root(), machine_.second_stage_levels())
          : space_.descriptor();
  request.queues = {config_.shared ? vdcm::QueueRequest::shared(config_.wq)
                                   : vdcm::QueueRequest::dedicated(config_.wq)};
  const auto id = co_await manager.create(std::move(request));
  id_ = must(id, config_.name);
  static_cast<void>(must(manager.start(id_), "start"));
  vdev_ = must(manager.device(id_), "the device");
  if (config_.guest_pasid.value != 0) {
    process_ = must(manager.bind_pasid(vm_, config_.guest_pasid, space_.descriptor()), "a PASID");
  }
}

std::vector<Pasid> Victim::host_pasids() const {
  std::vector<Pasid> pasids{vdev_->default_pasid()};
  if (process_) pasids.push_back(*process_);
  return pasids;
}

Pasid Victim::working_pasid() const { return process_ ? *process_ : vdev_->default_pasid(); }

coro::Task<> Victim::open() {
  guest::DriverOptions options;
  if (config_.guest_pasid.value != 0) options.pasid = config_.guest_pasid;
  options.interrupts = &interrupts_;
  options.max_outstanding = config_.operations;
  driver_ = std::make_unique<guest::DsaDriver>(*vdev_, space_, options);
  co_await driver_->probe();
  co_await driver_->enable();

  guest::DeviceFacts facts;
  facts.gencap = driver_->info().gencap;
  facts.max_transfer = driver_->info().max_transfer;
  facts.max_batch = driver_->info().max_batch;
  facts.operations = driver_->info().opcap;
  facts.block_on_fault = driver_->info().block_on_fault;
  guest::MixConfig mix;
  mix.operations = config_.operations;
  mix.max_bytes = kMostBytes;
  std::fill(std::begin(mix.weights), std::end(mix.weights), 1U);
  mix.interrupt_permille = 400;
  mix.bad_permille = 200;
  const std::uint64_t seed = system::derive_seed(config_.seed, "work of " + config_.name);
  guest::RandomSource source(seed, mix);
  for (std::uint32_t i = 0; i < config_.operations; ++i) {
    auto step = std::make_unique<Step>();
    step->number = i;
    const guest::Operation operation = *source.next();
    const std::uint64_t random = system::derive_seed(seed, fmt::format("operation {}", i));
    if (i % kBatchEvery == kBatchEvery - 1) {
      make_batch(*step, random);
    } else {
      const guest::Areas areas = guest::Areas::allocate(space_, kMostBytes);
      for (const Iova area : areas.area)
        note_pages(area - kPageSize, guest::Areas::capacity(kMostBytes) + 2 * kPageSize);
      guest::JobBuilder builder(facts, areas);
      step->job = builder.build(operation, random, nullptr);
      step->job.place(space_);
    }
    steps_.push_back(std::move(step));
  }
  secret_ = allocate(kPageSize);
  std::array<std::byte, kPageSize> page{};
  for (std::size_t at = 0; at < page.size(); at += 8) {
    const std::uint64_t word = system::derive_seed(seed, fmt::format("secret {}", at));
    abi::store_le(std::span(page).subspan(at), word, 8);
  }
  space_.write(secret_, page);
}

/// Copies, each with a record.
void Victim::make_batch(Step& step, std::uint64_t random) {
  step.batch = true;
  const Iova list = allocate(kMembers * kMemberBytes);
  const Iova records = allocate(kMembers * kMemberBytes);
  for (std::uint32_t i = 0; i < kMembers; ++i) {
    abi::Descriptor member;
    member.opcode = abi::kOpMemmove;
    member.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
    member.completion_address = records + i * kMemberBytes;
    member.source = allocate(kMostBytes);
    member.destination = allocate(kMostBytes);
    member.size = kMostBytes - i;
    for (std::uint64_t at = 0; at < kMostBytes; at += 8) {
      std::array<std::byte, 8> word{};
      abi::store_le(word, random * (2 * at + 2 * i + 3) ^ at << 32, 8);
      space_.write(member.source + at, word);
    }
    const port::Line line = abi::to_line(member);
    space_.write(list + i * kMemberBytes, line);
  }
  step.job.descriptor.opcode = abi::kOpBatch;
  step.job.descriptor.source = list;
  step.job.descriptor.size = kMembers;
}

coro::Task<> Victim::play(std::uint32_t count, std::uint64_t pause_ns) {
  std::vector<coro::JoinHandle> running;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (next_ == steps_.size()) throw HarnessError("a victim has nothing left to do");
    if (pause_ns != 0) co_await coro::Timer(coro::ns(pause_ns));
    Step& step = *steps_[next_++];
    const bool alone = step.job.ending == guest::Ending::kErrorOnly ||
                       step.job.expected.status == abi::kStBadHandle;
    // Of two errors at a time SWERROR keeps one (dsa.md 2.7): those go alone.
    if (running.size() == kWindow || alone) {
      co_await coro::Combine(std::move(running));
      running.clear();
    }
    running.push_back(coro::start_soon(run(step), config_.name + ": an operation"));
    if (!alone) continue;
    co_await coro::Combine(std::move(running));
    running.clear();
  }
  if (!running.empty()) co_await coro::Combine(std::move(running));
}

coro::Task<> Victim::run(Step& step) {
  const guest::Job& job = step.job;
  const std::size_t number = step.number;
  if (job.ending == guest::Ending::kErrorOnly) {
    const bool reported = co_await driver_->submit_stray(job.descriptor, kReportNs);
    if (!reported)
      mismatches_.push_back(fmt::format("operation {}: its error was not reported", number));
    co_return;
  }
  guest::SubmitOptions how;
  how.own_handle = job.own_handle;
  const std::size_t errors = driver_->errors().size();
  const guest::Ticket ticket = co_await driver_->submit(job.descriptor, how);
  const abi::CompletionRecord record = co_await driver_->wait(ticket);
  const auto bytes = abi::to_bytes(record);
  step.record.assign(bytes.begin(), bytes.end());
  if (record.status == abi::kStBadHandle) {
    const coro::SimTime end = coro::Scheduler::current().now() + coro::ns(kReportNs);
    while (driver_->errors().size() == errors && coro::Scheduler::current().now() < end)
      co_await coro::Timer(coro::ns(500));
  }
  if (step.batch) {
    if (record.status != abi::kStSuccess)
      mismatches_.push_back(fmt::format("batch {} ended with {:#04x}", number, record.status));
    co_return;
  }
  const std::string wrong = job.fault_of_record(record);
  if (!wrong.empty()) mismatches_.push_back(fmt::format("operation {}: {}", number, wrong));
}

coro::Task<VictimResult> Victim::look() {
  VictimResult result;
  result.name = config_.name;
  for (std::size_t i = 0; i < next_; ++i) {
    std::array<std::byte, 32> record{};
    std::copy(steps_[i]->record.begin(), steps_[i]->record.end(), record.begin());
    result.records.push_back(record);
    if (steps_[i]->batch) continue;
    for (const std::string& fault : steps_[i]->job.faults_of_memory(space_, true))
      mismatches_.push_back(fmt::format("operation {}: {}", i, fault));
  }
  result.errors = driver_->errors();
  for (std::uint32_t v = 0; v < 256; ++v)
    result.interrupts.push_back(interrupts_.count(static_cast<std::uint8_t>(v)));
  for (std::uint32_t at = 0; at < kConfigBytes; at += 4) {
    const port::ReadResult read = co_await vdev_->config_read(at, 4);
    result.config.push_back(static_cast<std::uint32_t>(read.data));
  }
  for (std::uint32_t at = 0; at < vdcm::VirtualLayout::kControlBytes; at += 4) {
    const port::ReadResult read = co_await vdev_->mmio_read(port::Bar::kControl, at, 4);
    result.registers.push_back(static_cast<std::uint32_t>(read.data));
  }
  result.memory = memory();
  // What its device would see is what it sees: nobody has touched the tables.
  std::array<std::byte, kPageSize> seen{};
  std::array<std::byte, kPageSize> own{};
  for (const Iova page : pages_) {
    space_.read(page, own);
    const bool mapped = host_.iommu.peek(working_pasid(), page, seen);
    if (!mapped || seen != own)
      mismatches_.push_back(fmt::format("page {:#x} is {} for its device", page.value,
                                        mapped ? "another" : "absent"));
  }
  result.mismatches = mismatches_;
  co_return result;
}

std::vector<std::byte> Victim::memory() const {
  std::vector<std::byte> all;
  std::array<std::byte, kPageSize> bytes{};
  for (const Iova page : pages_) {
    space_.read(page, bytes);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

std::vector<Hpa> Victim::frames() const {
  std::vector<Hpa> frames;
  for (const Iova page : pages_) frames.push_back(space_.host_address(page));
  return frames;
}

coro::Task<> Victim::close(vdcm::Manager& manager) {
  co_await driver_->drain();
  co_await driver_->disable();
  driver_.reset();
  const auto closed = co_await manager.close_vm(vm_);
  static_cast<void>(must(closed, "close of " + config_.name));
  vdev_ = nullptr;
}

namespace {

template <class T>
void compare(std::vector<std::string>& out, const std::string& what, const std::vector<T>& alone,
             const std::vector<T>& now) {
  if (alone == now) return;
  if (alone.size() != now.size()) {
    out.push_back(fmt::format("{}: {} instead of {}", what, now.size(), alone.size()));
    return;
  }
  const auto at = std::mismatch(alone.begin(), alone.end(), now.begin()).first - alone.begin();
  out.push_back(fmt::format("{}: number {} is another", what, at));
}

}  // namespace

std::vector<std::string> differences(const VictimResult& alone, const VictimResult& now) {
  std::vector<std::string> out;
  compare(out, "completion records", alone.records, now.records);
  compare(out, "reported errors", alone.errors, now.errors);
  compare(out, "interrupts", alone.interrupts, now.interrupts);
  compare(out, "dwords of configuration space", alone.config, now.config);
  compare(out, "registers", alone.registers, now.registers);
  compare(out, "bytes of memory", alone.memory, now.memory);
  out.insert(out.end(), now.mismatches.begin(), now.mismatches.end());
  return out;
}

}  // namespace siov::hostile
