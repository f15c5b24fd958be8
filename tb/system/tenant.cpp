// SPDX-License-Identifier: Apache-2.0
// A tenant's life.
#include "system/tenant.hpp"

#include <algorithm>
#include <array>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>

namespace siov::system {
namespace {

vdcm::TranslationKind kind_of(Translation t) {
  switch (t) {
    case Translation::kFirstStage:
      return vdcm::TranslationKind::kFirstStage;
    case Translation::kSecondStage:
      return vdcm::TranslationKind::kSecondStage;
    case Translation::kNested:
      return vdcm::TranslationKind::kNested;
    case Translation::kPassThrough:
      return vdcm::TranslationKind::kPassThrough;
  }
  return vdcm::TranslationKind::kPassThrough;
}

guest::AddressSpaceConfig space_config(const TenantParameters& p) {
  guest::AddressSpaceConfig config;
  config.kind = kind_of(p.translation);
  config.levels = static_cast<std::uint8_t>(p.levels);
  config.page_bytes = p.large_pages ? std::uint64_t{1} << 21 : kPageSize;
  config.demand = p.paging.demand;
  config.absent_permille = p.paging.absent_permille;
  return config;
}

guest::OperationKind kind_of(OperationKind kind) {
  switch (kind) {
    case OperationKind::kCopy:
      return guest::OperationKind::kCopy;
    case OperationKind::kMove:
      return guest::OperationKind::kMove;
    case OperationKind::kFill:
      return guest::OperationKind::kFill;
    case OperationKind::kCompare:
      return guest::OperationKind::kCompare;
    case OperationKind::kNoop:
      return guest::OperationKind::kNoop;
  }
  return guest::OperationKind::kNoop;
}

std::array<std::uint32_t, guest::kOperationKinds> weights_of(const MixWeights& m) {
  return {m.copy,
          m.move,
          m.fill,
          m.compare,
          m.noop,
          m.fill16,
          m.compare_pattern,
          m.create_delta,
          m.apply_delta,
          m.dualcast,
          m.crc,
          m.copy_crc,
          m.dif_check,
          m.dif_insert,
          m.dif_strip,
          m.dif_update,
          m.cache_flush,
          m.drain};
}

std::uint32_t interrupt_permille(const TenantParameters& p) {
  return p.wait == WaitMode::kInterrupt ? 1000 : p.interrupt_permille;
}

}  // namespace

Tenant::Tenant(const Scenario& scenario, const TenantParameters& parameters,
               guest::Machine& machine, vdcm::VmId vm, std::uint32_t number)
    : scenario_(scenario),
      parameters_(parameters),
      machine_(machine),
      vm_(vm),
      space_(machine, space_config(parameters)) {
  // A shared queue always takes the PASID from the CPU; processes with first-stage tables have one
  // of their own.
  const bool process = parameters.translation == Translation::kFirstStage ||
                       parameters.translation == Translation::kNested;
  if (parameters.shared || process) guest_pasid_ = Pasid{0x10 + number};
}

Tenant::~Tenant() = default;

vdcm::Space Tenant::default_space() {
  static_cast<void>(space_.descriptor());
  if (parameters_.translation != Translation::kNested) return space_.descriptor();
  return vdcm::Space::second_stage(machine_.second_stage_root(), machine_.second_stage_levels());
}

/// A VDEV's request as the scenario has it.
vdcm::VdevRequest Tenant::request(port::DmaPort& dma) {
  vdcm::VdevRequest request;
  request.name = parameters_.name;
  request.vm = vm_;
  request.interrupts = parameters_.interrupt_entries ? &interrupts_ : nullptr;
  request.interrupt_entries = parameters_.interrupt_entries;
  request.space = default_space();
  const std::optional<std::uint8_t> wq =
      parameters_.any_wq ? std::nullopt : std::optional(static_cast<std::uint8_t>(parameters_.wq));
  if (parameters_.emulated) {
    request.queues = queues_there(dma);
  } else if (!parameters_.queues.empty()) {
    for (const std::uint32_t q : parameters_.queues) {
      const auto number = static_cast<std::uint8_t>(q);
      request.queues.push_back(wqs_of(scenario_, parameters_).at(q).shared
                                   ? vdcm::QueueRequest::shared(number)
                                   : vdcm::QueueRequest::dedicated(number));
    }
  } else {
    request.queues = {parameters_.shared ? vdcm::QueueRequest::shared(wq)
                                         : vdcm::QueueRequest::dedicated(wq)};
  }
  return request;
}

coro::Task<> Tenant::create(vdcm::Manager& manager, port::DmaPort& dma) {
  vdcm::VdevRequest wanted = request(dma);
  const auto id = co_await manager.create(std::move(wanted));
  if (!id) throw HarnessError("tenant " + parameters_.name + ": " + id.error().reason);
  enroll(manager, *id);
  static_cast<void>(manager.start(id_));
  vdev_ = *manager.device(id_);
  slot_ = std::make_unique<guest::DeviceSlot>(*vdev_);
  find_queues();
  if (!guest_pasid_) co_return;
  const auto host = manager.bind_pasid(vm_, *guest_pasid_, space_.descriptor());
  if (!host) throw HarnessError("tenant " + parameters_.name + ": " + host.error().reason);
  host_pasid_ = *host;
}

void Tenant::find_queues() {
  wqs_.clear();
  for (std::uint8_t q = 0; q < vdev_->queue_count(); ++q) {
    if (const auto wq = vdev_->queue(q).physical_wq()) wqs_.push_back(*wq);
  }
}

std::vector<vdcm::QueueRequest> Tenant::queues_there(port::DmaPort& dma) const {
  if (!parameters_.emulated) return {};
  vdcm::EmulatedQueueConfig queue;
  queue.dma = &dma;
  queue.dedicated = !parameters_.shared;
  return {vdcm::QueueRequest::software(queue)};
}

void Tenant::arrive(vdcm::Vdev& vdev, vdcm::VmId vm, std::optional<Pasid> host_pasid) {
  vdev_ = &vdev;
  vm_ = vm;
  host_pasid_ = host_pasid;
  find_queues();
}

/// A guest process's nested tables are its own; the default PASID of such a VDEV has the second
/// stage only.
std::vector<Pasid> Tenant::users() const {
  std::vector<Pasid> users;
  if (host_pasid_) users.push_back(*host_pasid_);
  if (vdev_ != nullptr && parameters_.translation != Translation::kNested)
    users.push_back(vdev_->default_pasid());
  return users;
}

/// Otherwise a record or a descriptor list in an absent page would be lost work (dsa.md 5.7).
bool Tenant::device_can_ask() const {
  if (migration_of(scenario_, parameters_.vm) != nullptr) {
    const auto may_not = [](const WqParameters& wq) { return wq.prs_disable; };
    if (std::ranges::any_of(scenario_.wqs, may_not) ||
        std::ranges::any_of(scenario_.second.wqs, may_not))
      return false;
  }
  return scenario_.pri && !parameters_.emulated && !queue_of(scenario_, parameters_).prs_disable;
}

coro::Task<> Tenant::play(std::function<void()> on_operation, bool own_errors) {
  constexpr std::uint64_t kPollNs = 200;
  constexpr std::size_t kFewTenants = 64;  // more of them look less often
  guest::DriverOptions options;
  options.poll_interval_ns =
      kPollNs * std::max<std::size_t>(1, scenario_.tenants.size() / kFewTenants);
  options.pasid = guest_pasid_;
  if (parameters_.interrupt_entries) options.interrupts = &interrupts_;
  options.max_outstanding = parameters_.window;
  options.queues = vdev_->queue_count();
  options.pinned_records = !device_can_ask();
  driver_ = std::make_unique<guest::DsaDriver>(*slot_, space_, options);
  playing_ = true;
  co_await driver_->probe();
  co_await driver_->enable();

  guest::WorkloadConfig config;
  config.window = parameters_.window;
  config.seed = derive_seed(scenario_.seed, "data of " + parameters_.name);
  config.limit = planned_descriptors(scenario_, parameters_);
  config.on_operation = std::move(on_operation);
  config.member_bytes = std::min(kMemberBytes, parameters_.workload.size_max);
  config.all_errors = scenario_.event_log;
  config.pinned_lists = !device_can_ask();
  config.page_latency_ns = scenario_.host.page_latency_min + scenario_.host.page_latency_max;
  const std::uint64_t operations = queue_of(scenario_, parameters_).operations;
  if (operations != 0) config.operations = operations;
  config.own_errors = own_errors;
  source_ = make_source();
  workload_ = std::make_unique<guest::Workload>(*driver_, space_, *source_, config);
  co_await workload_->run();
  co_await driver_->drain();
  co_await driver_->disable();
  playing_ = false;
  played_ = true;
}

coro::Task<> Tenant::destroy() {
  if (vdev_ == nullptr) co_return;
  vdcm::Manager& manager = *manager_;
  if (guest_pasid_) {
    const auto unbound = co_await manager.unbind_pasid(vm_, *guest_pasid_);
    if (!unbound) throw HarnessError("tenant " + parameters_.name + ": " + unbound.error().reason);
  }
  vdev_ = nullptr;
  const auto gone = co_await manager.destroy(id_);
  if (!gone) throw HarnessError("tenant " + parameters_.name + ": " + gone.error().reason);
}

std::unique_ptr<guest::OperationSource> Tenant::make_source() const {
  const WorkloadParameters& work = parameters_.workload;
  const std::uint64_t seed = derive_seed(scenario_.seed, "operations of " + parameters_.name);
  const std::uint64_t count = planned_descriptors(scenario_, parameters_);
  const std::uint32_t permille = interrupt_permille(parameters_);
  if (work.operations.empty()) {
    guest::MixConfig mix;
    mix.operations = count;
    mix.min_bytes = work.size_min;
    mix.max_bytes = work.size_max;
    const std::array<std::uint32_t, guest::kOperationKinds> weights = weights_of(work.mix);
    std::copy(weights.begin(), weights.end(), std::begin(mix.weights));
    mix.bad_permille = work.bad_input_permille;
    mix.batch.permille = work.batch.share_permille;
    mix.batch.least = work.batch.size_min;
    mix.batch.most = work.batch.size_max;
    mix.batch.fence_permille = work.batch.fence_permille;
    mix.batch.max_bytes = kMemberBytes;
    mix.interrupt_permille = permille;
    return std::make_unique<guest::RandomSource>(seed, mix);
  }
  boost::random::mt19937_64 engine(seed);
  boost::random::uniform_int_distribution<std::uint32_t> thousand(0, 999);
  std::vector<guest::Operation> operations;
  operations.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const TraceOperation& from = work.operations[i];
    guest::Operation op;
    op.kind = kind_of(from.kind);
    op.bytes = from.bytes;
    op.src_page_offset = static_cast<std::uint16_t>(from.src_page_offset);
    op.dst_page_offset = static_cast<std::uint16_t>(from.dst_page_offset);
    op.value = from.value;
    op.interrupt = thousand(engine) < permille;
    operations.push_back(op);
  }
  return std::make_unique<guest::VectorSource>(std::move(operations));
}

}  // namespace siov::system
