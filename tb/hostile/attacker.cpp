// SPDX-License-Identifier: Apache-2.0
// Raw accesses, and the few things that an attack needs a working device for.
#include "hostile/attacker.hpp"

#include <boost/random/uniform_int_distribution.hpp>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint64_t kGuestBytes = 4 << 20;
constexpr std::uint64_t kCommandNs = 60'000;
constexpr std::uint32_t kMostRetries = 40;
constexpr std::uint8_t kFirstVector = 0x40;
constexpr std::uint64_t kVectorZero = 0xFEE0'0000;

guest::MachineConfig machine_config(std::uint64_t seed) {
  guest::MachineConfig machine;
  machine.guest_bytes = kGuestBytes;
  machine.seed = system::derive_seed(seed, "memory of the attacker");
  return machine;
}

/// Its process has first-stage tables in its own memory, at the addresses of the first victim.
guest::AddressSpaceConfig space_config() {
  guest::AddressSpaceConfig space;
  space.kind = vdcm::TranslationKind::kNested;
  space.base = Iova{0x7F00'0000'0000};
  return space;
}

}  // namespace

Attacker::Attacker(Surroundings around)
    : around_(around),
      machine_(around.host.memory, around.host.frames, machine_config(around.seed)),
      space_(machine_, space_config()),
      engine_(system::derive_seed(around.seed, "attacker")) {
  software_.dma = &around.host.iommu;
  software_.size = 8;
}

Attacker::~Attacker() = default;

vdcm::Space Attacker::default_space() {
  return vdcm::Space::second_stage(machine_.second_stage_root(), machine_.second_stage_levels());
}

vdcm::VdevRequest Attacker::request(const std::string& name, std::uint8_t dedicated_wq) {
  vdcm::VdevRequest request;
  request.name = name;
  request.vm = vm_;
  request.interrupts = &interrupts_;
  request.space = default_space();
  request.queues = {vdcm::QueueRequest::dedicated(dedicated_wq),
                    vdcm::QueueRequest::shared(around_.shared_wq),
                    vdcm::QueueRequest::software(software_)};
  return request;
}

coro::Task<> Attacker::create() {
  const auto vm = around_.manager.create_vm();
  if (!vm) throw HarnessError("no VM for the attacker: " + vm.error().reason);
  vm_ = *vm;
  vm_alive_ = true;
  static_cast<void>(space_.descriptor());
  vdcm::VdevRequest wanted = request("attacker", around_.dedicated_wq);
  const auto id = co_await around_.manager.create(std::move(wanted));
  if (!id) throw HarnessError("no VDEV for the attacker: " + id.error().reason);
  static_cast<void>(around_.manager.start(*id));
  set_device(*id, *around_.manager.device(*id));
  const auto pasid = around_.manager.bind_pasid(vm_, kGuestPasid, space_.descriptor());
  if (!pasid) throw HarnessError("no PASID for the attacker: " + pasid.error().reason);
}

void Attacker::set_device(vdcm::VdevId id, vdcm::Vdev* vdev) {
  id_ = id;
  vdev_ = vdev;
  slot_.reset();
  if (vdev != nullptr) slot_ = std::make_unique<guest::DeviceSlot>(*vdev);
}

void Attacker::forget_vm() {
  vm_alive_ = false;
  set_device(0, nullptr);
}

coro::Task<bool> Attacker::bring_up() {
  co_await config_write(0x10, 4, 0xC000'0000);
  co_await config_write(0x18, 4, 0xC010'0000);
  co_await config_write(0x04, 2, 0x0006);
  const std::uint32_t reset = co_await command(abi::kCmdResetDevice, 0);
  co_await config_write(0x126, 2, 0x0001);  // PASID
  co_await config_write(0x106, 2, 0x8000);  // ATS
  co_await config_write(0x11C, 4, 1);       // page request allocation
  co_await config_write(0x114, 2, 0x0001);  // PRI
  for (std::uint32_t v = 0; v <= kQueues; ++v) {
    write(kMsixTable + 16 * v, 8, kVectorZero);
    write(kMsixTable + 16 * v + 8, 8, kFirstVector + v);
    write(kMsixperm + 8 * v, 4, kGuestPasid.value << 12 | 8);
  }
  co_await config_write(0x42, 2, 0x8000);  // MSI-X
  for (std::uint32_t q = 0; q < kQueues; ++q) {
    const std::uint64_t mode = co_await read(kWqcfg + 32 * q + 8);
    write(kWqcfg + 32 * q + 8, 4, (mode & 1) | kGuestPasid.value << 8 | 1U << 28);
  }
  write(abi::kRegGenctrl, 4, 3);
  bool good = (reset & 0x8000'00FF) == 0;
  good = (co_await command(abi::kCmdEnableDevice, 0) & 0x8000'00FF) == 0 && good;
  for (std::uint32_t q = 0; q < kQueues; ++q)
    good = (co_await command(abi::kCmdEnableWq, q) & 0x8000'00FF) == 0 && good;
  const std::uint32_t handle = co_await command(abi::kCmdRequestIntHandle, 1);
  good = (handle & 0x8000'00FF) == 0 && good;
  handle_ = static_cast<std::uint16_t>(handle >> abi::kCmdstatusResultLsb);
  co_return good;
}

coro::Task<std::uint64_t> Attacker::read(std::uint64_t offset, std::uint32_t size) {
  ++steps_;
  if (!slot_) co_return ~std::uint64_t{0};
  const port::ReadResult result = co_await slot_->mmio_read(port::Bar::kControl, offset, size);
  seen_.insert(result.data);
  co_return result.data;
}

void Attacker::write(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
  ++steps_;
  if (slot_) slot_->mmio_write(port::Bar::kControl, offset, size, value);
}

coro::Task<std::uint64_t> Attacker::portal_read(std::uint64_t offset, std::uint32_t size) {
  ++steps_;
  if (!slot_) co_return ~std::uint64_t{0};
  const port::ReadResult result = co_await slot_->mmio_read(port::Bar::kPortal, offset, size);
  seen_.insert(result.data);
  co_return result.data;
}

void Attacker::portal_write(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
  ++steps_;
  if (slot_) slot_->mmio_write(port::Bar::kPortal, offset, size, value);
}

coro::Task<std::uint32_t> Attacker::config_read(std::uint32_t offset, std::uint32_t size) {
  ++steps_;
  if (!slot_) co_return ~0U;
  const port::ReadResult result = co_await slot_->config_read(offset, size);
  seen_.insert(result.data);
  co_return static_cast<std::uint32_t>(result.data);
}

coro::Task<port::CompletionStatus> Attacker::config_write(std::uint32_t offset, std::uint32_t size,
                                                          std::uint32_t value) {
  ++steps_;
  if (!slot_) co_return port::CompletionStatus::kUnsupportedRequest;
  co_return co_await slot_->config_write(offset, size, value);
}

void Attacker::movdir64b(std::uint64_t offset, const port::Line& line) {
  ++steps_;
  if (slot_) slot_->posted_write64(offset, line);
}

coro::Task<port::CompletionStatus> Attacker::enqcmd(std::uint64_t offset, const port::Line& line) {
  const port::Line copy = line;
  ++steps_;
  if (!slot_) co_return port::CompletionStatus::kUnsupportedRequest;
  co_return co_await slot_->deferrable_write64(offset, copy);
}

coro::Task<std::uint32_t> Attacker::command(std::uint32_t code, std::uint32_t operand) {
  write(abi::kRegCmd, 4, operand | code << abi::kCmdCodeLsb);
  const coro::SimTime end = coro::Scheduler::current().now() + coro::ns(kCommandNs);
  std::uint64_t status = co_await read(abi::kRegCmdstatus);
  while ((status >> abi::kCmdstatusActiveLsb & 1) != 0 && coro::Scheduler::current().now() < end) {
    co_await coro::Timer(coro::ns(100));
    status = co_await read(abi::kRegCmdstatus);
  }
  co_return static_cast<std::uint32_t>(status);
}

abi::Descriptor Attacker::copy() {
  abi::Descriptor d;
  d.pasid = kGuestPasid;
  d.opcode = abi::kOpMemmove;
  d.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
  const Iova at = space_.allocate(kPageSize);
  d.completion_address = at;
  d.source = at + 64;
  d.destination = at + 2048;
  d.size = kCopyBytes;
  space_.fill(d.source, kCopyBytes, std::byte{0xA7});
  return d;
}

coro::Task<bool> Attacker::submit(std::uint8_t queue, abi::Descriptor descriptor) {
  const port::Line line = abi::to_line(descriptor);
  const std::uint64_t at = portal(queue) + 64 * std::uint64_t{line_++ % 64};
  if (queue != kSharedQueue) {
    movdir64b(at, line);
    co_return true;
  }
  for (std::uint32_t i = 0; i < kMostRetries; ++i) {
    const port::CompletionStatus status = co_await enqcmd(at, line);
    if (status == port::CompletionStatus::kSuccess) co_return true;
    if (status != port::CompletionStatus::kRetry) co_return false;
    co_await coro::Timer(coro::ns(200));
  }
  co_return false;
}

abi::CompletionRecord Attacker::record_at(Iova address) const {
  std::array<std::byte, 32> bytes{};
  space_.read(address, bytes);
  return abi::decode_completion_record(bytes);
}

coro::Task<std::optional<abi::CompletionRecord>> Attacker::run(std::uint8_t queue,
                                                               abi::Descriptor descriptor,
                                                               std::uint64_t timeout_ns) {
  const Iova record = descriptor.completion_address;
  const bool taken = co_await submit(queue, descriptor);
  if (!taken) co_return std::nullopt;
  const coro::SimTime end = coro::Scheduler::current().now() + coro::ns(timeout_ns);
  while (coro::Scheduler::current().now() < end) {
    co_await coro::Timer(coro::ns(100));
    const abi::CompletionRecord found = record_at(record);
    if (found.status != 0) co_return found;
  }
  co_return std::nullopt;
}

coro::Task<> Attacker::wait_ns(std::uint64_t ns) {
  if (ns != 0) co_await coro::Timer(coro::ns(ns));
}

std::uint64_t Attacker::draw(std::uint64_t low, std::uint64_t high) {
  return boost::random::uniform_int_distribution<std::uint64_t>(low, high)(engine_);
}

port::Line Attacker::random_line() {
  port::Line line{};
  for (std::byte& b : line) b = static_cast<std::byte>(draw(0, 255));
  return line;
}

/// Four levels of its own tables, by its own eyes. @spec vtd.md 3.4
Gpa Attacker::table_entry(Iova page) {
  std::uint64_t table = space_.descriptor().first_stage_root;
  for (unsigned level = 4;; --level) {
    const Gpa entry{table + 8 * (page.value >> (3 + 9 * level) & 0x1FF)};
    if (level == 1) return entry;
    table = read_memory(entry) & 0x000F'FFFF'FFFF'F000;
  }
}

void Attacker::write_memory(Gpa at, std::uint64_t value) {
  ++steps_;
  if (!machine_.guest_memory().write64(at, value))
    throw HarnessError("the attacker has no memory there");
}

std::uint64_t Attacker::read_memory(Gpa at) const {
  const auto value = const_cast<guest::Machine&>(machine_).guest_memory().read64(at);
  if (!value) throw HarnessError("the attacker has no memory there");
  return *value;
}

std::vector<Pasid> Attacker::stolen_pasids() {
  std::vector<Pasid> pasids;
  for (const auto& victim : around_.victims) {
    for (const Pasid p : victim->host_pasids()) pasids.push_back(p);
  }
  for (const Pasid p : pasids) told_.insert(p.value);
  return pasids;
}

std::vector<Hpa> Attacker::stolen_frames() {
  std::vector<Hpa> frames;
  for (const auto& victim : around_.victims) {
    for (const Hpa frame : victim->frames()) frames.push_back(frame);
  }
  for (const Hpa f : frames) told_.insert(f.value);
  return frames;
}

std::vector<Iova> Attacker::stolen_pages() {
  std::vector<Iova> pages;
  for (const auto& victim : around_.victims) {
    for (const Iova page : victim->pages()) pages.push_back(page);
  }
  for (const Iova p : pages) told_.insert(p.value);
  return pages;
}

std::vector<Hpa> Attacker::stolen_tables() {
  std::vector<Hpa> tables;
  for (const auto& victim : around_.victims) {
    const vdcm::Space space = victim->space().descriptor();
    if (space.kind != vdcm::TranslationKind::kNested && space.first_stage_root != 0)
      tables.push_back(Hpa{space.first_stage_root});
    if (space.second_stage_root.value != 0) tables.push_back(space.second_stage_root);
  }
  tables.push_back(Hpa{around_.host.iommu.mmio_read(0x20, 8) & ~std::uint64_t{0xFFF}});  // RTADDR
  for (const Hpa t : tables) told_.insert(t.value);
  return tables;
}

void Attacker::expect(bool holds, const std::string& what) {
  if (!holds) findings_.push_back(what);
}

}  // namespace siov::hostile
