// SPDX-License-Identifier: Apache-2.0
// The parts put together: routing of host accesses, halt, resets, the cycle.
#include "model/device_model.hpp"

#include <optional>

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "model/command_engine.hpp"
#include "model/config_space.hpp"
#include "model/control_registers.hpp"
#include "model/dma_master.hpp"
#include "model/interrupts.hpp"
#include "model/operations.hpp"
#include "model/page_requests.hpp"
#include "model/register_file.hpp"
#include "model/translations.hpp"
#include "model/work_queues.hpp"

namespace siov::model {
namespace {

using port::Bar;
using port::CompletionStatus;
using port::ReadResult;

bool within(unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; }

void check_sizes(const DeviceConfig& c) {
  if (!within(c.num_wq, 1, 128) || !within(c.num_groups, 1, 16) || !within(c.num_engines, 1, 8))
    throw HarnessError("device model: queues must be 1..128, groups 1..16, engines 1..8");
  if (!within(c.wq_entries, 1, 0xFFFF))
    throw HarnessError("device model: wq_entries must be 1..65535");
  if (c.read_buffers > 0xFF) throw HarnessError("device model: read_buffers must be 0..255");
  if (c.ims_entries % 256 != 0 || c.ims_entries > 4096)
    throw HarnessError("device model: ims_entries must be a multiple of 256 up to 4096");
  if (!within(c.msix_vectors, 1, 2048))
    throw HarnessError("device model: msix_vectors must be 1..2048");
  if (c.tags_per_engine != 64 && c.tags_per_engine != 256)
    throw HarnessError("device model: tags_per_engine must be 64 or 256");
  if (!within(c.jobs_per_engine, 1, 255) || !within(c.batches_per_engine, 1, 32))
    throw HarnessError("device model: jobs_per_engine must be 1..255, batches_per_engine 1..32");
}

void check_config(const DeviceConfig& c) {
  check_sizes(c);
  if ((c.opcap & ~DeviceConfig{}.opcap) != 0)
    throw HarnessError("device model: opcap names an unknown operation");
  if (c.bytes_per_cycle == 0 || c.access_cycles < 2)
    throw HarnessError("device model: bytes_per_cycle must be > 0, access_cycles >= 2");
  if (c.atc_entries == 0 || c.page_retries == 0)
    throw HarnessError("device model: atc_entries and page_retries must be > 0");
}

const DeviceConfig& checked(const DeviceConfig& config) {
  check_config(config);
  return config;
}

}  // namespace

/// Everything but time for the host's accesses.
class DeviceModel::Core {
 public:
  Core(port::DmaPort& dma, const DeviceConfig& configuration)
      : config(checked(configuration)),
        space(config),
        translations(config, space, stats),
        pages(config, space, stats),
        master(dma, config.requester, translations, stats),
        interrupts(config, space, master),
        registers(config, interrupts, master),
        queues(config),
        around{space, registers, interrupts, queues, master, translations, pages, stats},
        operations(config, around),
        commands(config, around, operations),
        bar0(config, registers, queues, interrupts) {}

  bool hit(Bar bar) const {
    const std::optional<std::uint64_t>& base = bar == Bar::kControl ? base0 : base2;
    const std::uint64_t programmed = bar == Bar::kControl ? space.bar0() : space.bar2();
    return space.memory_space() && (!base || *base == programmed);
  }

  CompletionStatus write_config(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
    const Enables before = enables();
    const bool page_enable = space.pri_enable_bit();
    if (space.write(offset, size, value)) {
      reset_function();
      return CompletionStatus::kSuccess;
    }
    follow(before, page_enable);
    interrupts.service();
    return CompletionStatus::kSuccess;
  }

  /// What must not change while the device is enabled. Page requests count only with ATS. @spec
  /// DSA 1.4
  struct Enables {
    bool master, pasid, ats, pri;
    bool operator==(const Enables&) const = default;
  };
  Enables enables() const {
    return {space.bus_master(), space.pasid_enabled(), space.ats_enabled(), space.pri_enabled()};
  }

  /// What a configuration write has changed. @param page_enable  enable bit before it
  void follow(const Enables& before, bool page_enable) {
    const Enables now = enables();
    const bool running =
        registers.state() == abi::kGenstsEnabled || registers.state() == abi::kGenstsDraining;
    if (running && now != before) halt();
    if (!now.ats) translations.forget();
    if (now.ats && !before.ats) translations.enable();
    if (space.take_page_reset()) pages.forget();
    if (space.pri_enable_bit() && !page_enable) pages.enable();
  }

  /// Change of a PCI enable while running. @spec DSA 1.4, 6
  void halt() {
    stats.discarded += queues.drop_all();
    operations.flush();
    translations.forget();
    SoftwareError error;
    error.code = abi::kSwErrPciChanged;
    registers.log(error);
    registers.halt(abi::kResetTypeFlr);
    commands.abandon();
  }

  void reset_function() {
    stats.discarded += queues.drop_all();
    operations.flush();
    commands.forget();
    translations.forget();
    pages.forget();
    space.reset();
    registers.reset_function();
    queues.reset();
    interrupts.reset_function();
  }

  void write_register(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
    bar0.write(offset, size, value);
    if (const auto command = registers.take_command()) commands.start(*command);
  }

  Admission submit(std::uint64_t offset, const port::Line& line, bool deferrable) {
    if (offset % 64 != 0) throw HarnessError("a 64-byte portal write must be 64-byte aligned");
    const Portal portal = Portal::at(offset);
    const bool enabled = registers.state() == abi::kGenstsEnabled;
    const Admission a = queues.admit(portal, deferrable, line, enabled);
    if (a == Admission::kAccepted) ++stats.accepted;
    if (a == Admission::kRetry) ++stats.retried;
    if (a == Admission::kIgnored || a == Admission::kFull) ++stats.dropped;
    if (a == Admission::kFull) log_full(portal);
    return a;
  }

  /// A posted write that found its queue full; nothing of the descriptor is kept. @spec DSA 4.2
  void log_full(Portal portal) {
    SoftwareError error;
    error.code = abi::kSwErrDwqFull;
    error.wq_valid = true;
    error.wq = static_cast<std::uint8_t>(portal.wq);
    registers.log(error);
  }

  /// The message goes to the queue's own handle; INTCAUSE tells the host. @spec DSA 2.6, 2.9
  void signal_occupancy(unsigned wq) {
    registers.note_occupancy();
    interrupts.request(queues.queue(wq).occupancy_handle());
  }

  void cycle(std::uint64_t now) {
    translations.cycle(now);
    pages.cycle(now);
    commands.cycle();
    operations.cycle(now);
    for (const unsigned wq : queues.take_occupancy_events()) signal_occupancy(wq);
    const bool pending = operations.in_flight() != 0;
    if (pending != transactions_pending) {
      transactions_pending = pending;
      space.set_transactions_pending(pending);
    }
  }

  DeviceConfig config;
  DeviceStats stats;
  ConfigSpace space;
  Translations translations;
  PageRequests pages;
  DmaMaster master;
  Interrupts interrupts;
  ControlRegisters registers;
  WorkQueues queues;
  Surroundings around;
  Operations operations;
  CommandEngine commands;
  RegisterFile bar0;
  std::optional<std::uint64_t> base0;
  std::optional<std::uint64_t> base2;
  bool transactions_pending = false;
};

DeviceModel::DeviceModel(port::DmaPort& dma, coro::Scheduler& scheduler, const DeviceConfig& config)
    : core_(std::make_unique<Core>(dma, config)), scheduler_(scheduler) {
  scheduler_.add_clocked(*this);
}

DeviceModel::~DeviceModel() { scheduler_.remove_clocked(*this); }

void DeviceModel::set_ats_host(port::AtsHostPort* host) {
  core_->translations.set_host(host);
  core_->pages.set_host(host);
}

void DeviceModel::invalidate(const port::InvalidateRequest& request) {
  core_->translations.invalidate(request);
}

void DeviceModel::page_group_response(const port::PageGroupResponse& response) {
  core_->pages.respond(response);
}

void DeviceModel::cycle(std::uint64_t cycle) { core_->cycle(cycle); }
void DeviceModel::set_observer(DmaObserver* observer) { core_->master.set_observer(observer); }
const DeviceStats& DeviceModel::stats() const { return core_->stats; }

bool DeviceModel::idle() const {
  return core_->queues.waiting() == 0 && core_->operations.in_flight() == 0 &&
         !core_->commands.active();
}

void DeviceModel::set_bar_base(Bar bar, std::uint64_t base) {
  (bar == Bar::kControl ? core_->base0 : core_->base2) = base;
}

coro::Task<ReadResult> DeviceModel::config_read(std::uint32_t offset, std::uint32_t size) {
  co_await coro::ClockCycles(core_->config.access_cycles / 2);
  ReadResult result;
  result.data = core_->space.read(offset, size);
  co_await coro::ClockCycles(core_->config.access_cycles - core_->config.access_cycles / 2);
  co_return result;
}

coro::Task<CompletionStatus> DeviceModel::config_write(std::uint32_t offset, std::uint32_t size,
                                                       std::uint32_t value) {
  co_await coro::ClockCycles(core_->config.access_cycles / 2);
  const CompletionStatus status = core_->write_config(offset, size, value);
  co_await coro::ClockCycles(core_->config.access_cycles - core_->config.access_cycles / 2);
  co_return status;
}

coro::Task<ReadResult> DeviceModel::mmio_read(Bar bar, std::uint64_t offset, std::uint32_t size) {
  co_await coro::ClockCycles(core_->config.access_cycles / 2);
  ReadResult result;
  if (!core_->hit(bar)) {
    core_->space.note_unsupported(false);
    result.status = CompletionStatus::kUnsupportedRequest;
  } else if (bar == Bar::kControl) {
    result.data = core_->bar0.read(offset, size);
  } else if (size < 8) {
    result.data = (std::uint64_t{1} << 8 * size) - 1;  // portals read as ones
  }
  co_await coro::ClockCycles(core_->config.access_cycles - core_->config.access_cycles / 2);
  co_return result;
}

void DeviceModel::mmio_write(Bar bar, std::uint64_t offset, std::uint32_t size,
                             std::uint64_t value) {
  if (!core_->hit(bar)) {
    core_->space.note_unsupported(true);
  } else if (bar == Bar::kControl) {
    core_->write_register(offset, size, value);
  }  // a write of another size to a portal is ignored
}

void DeviceModel::posted_write64(std::uint64_t offset, const port::Line& line) {
  if (!core_->hit(Bar::kPortal)) {
    core_->space.note_unsupported(true);
    return;
  }
  core_->submit(offset, line, false);
}

coro::Task<CompletionStatus> DeviceModel::deferrable_write64(std::uint64_t offset,
                                                             const port::Line& line) {
  const port::Line copy = line;
  co_await coro::ClockCycles(core_->config.access_cycles / 2);
  CompletionStatus status = CompletionStatus::kUnsupportedRequest;
  if (core_->hit(Bar::kPortal)) {
    const Admission a = core_->submit(offset, copy, true);
    status = a == Admission::kAccepted ? CompletionStatus::kSuccess : CompletionStatus::kRetry;
  } else {
    core_->space.note_unsupported(false);
  }
  co_await coro::ClockCycles(core_->config.access_cycles - core_->config.access_cycles / 2);
  co_return status;
}

}  // namespace siov::model
