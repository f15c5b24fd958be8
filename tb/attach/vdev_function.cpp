// SPDX-License-Identifier: Apache-2.0
// Guest memory becomes a second stage; the guest's PASID table becomes bindings.
#include "attach/vdev_function.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "attach/guest_error.hpp"
#include "common/error.hpp"

namespace siov::attach {

namespace {

constexpr std::uint64_t kGuestSpan = std::uint64_t{1} << 40;  ///< host-physical room of one guest
constexpr std::uint8_t kFirstVector = 0x20;
constexpr std::uint64_t kMessageAddress = 0xFEE00000;

bool read_window(memory::PhysicalMemory& memory, std::uint64_t base, Gpa address,
                 std::span<std::byte> out) {
  if (address.value >= kGuestSpan || out.size() > kGuestSpan - address.value) return false;
  return memory.read(Hpa{base + address.value}, out);
}

}  // namespace

VdevFunction::VdevFunction(system::HostSide& host, vdcm::Manager& manager,
                           boost::asio::io_context& context, VdevFunctionOptions options)
    : host_(host),
      manager_(manager),
      options_(std::move(options)),
      base_((options_.number + 1) * kGuestSpan),
      unit_(context, options_.monitor, options_.seen_as,
            [this](Gpa address, std::span<std::byte> out) {
              return read_window(host_.memory, base_, address, out);
            }),
      table_memory_(host.memory, host.frames),
      second_stage_(table_memory_, 4),
      nothing_(host.frames.allocate()) {}

VdevFunction::~VdevFunction() = default;

coro::Task<> VdevFunction::create() {
  const auto vm = manager_.create_vm();
  if (!vm) throw HarnessError(options_.name + ": " + vm.error().reason);
  vm_ = *vm;
  vdcm::VdevRequest request;
  request.name = options_.name;
  request.vm = vm_;
  request.interrupts = this;
  request.space = vdcm::Space::second_stage(second_stage_.root(),
                                            static_cast<std::uint8_t>(second_stage_.levels()));
  request.queues = {vdcm::QueueRequest::dedicated()};
  const auto id = co_await manager_.create(std::move(request));
  if (!id) throw HarnessError(options_.name + ": " + id.error().reason);
  id_ = *id;
  if (const auto started = manager_.start(id_); !started)
    throw HarnessError(options_.name + ": " + started.error().reason);
  vdev_ = *manager_.device(id_);
}

coro::Task<> VdevFunction::destroy() {
  if (vdev_ == nullptr) co_return;
  vdev_ = nullptr;
  const auto gone = co_await manager_.close_vm(vm_);
  if (!gone) throw HarnessError(options_.name + ": " + gone.error().reason);
}

coro::Task<> VdevFunction::reset() {
  co_await vdev_->reset();
  const coro::Lock::Guard guard = co_await following_.scoped();
  unsupported_.clear();
  while (!bound_.empty()) co_await drop(Pasid{bound_.begin()->first});
  while (!lingering_.empty()) co_await drop(Pasid{*lingering_.begin()});
  unit_.forget();
}

/// What a PASID of the guest sees: a first stage of the guest's own, or its physical memory.
vdcm::Space VdevFunction::space_of(const GuestPasid& entry) const {
  const auto levels = static_cast<std::uint8_t>(second_stage_.levels());
  if (entry.kind() == GuestPasid::kFirstStage)
    return vdcm::Space::nested(entry.first_stage_root(), entry.first_stage_levels(),
                               second_stage_.root(), levels);
  return vdcm::Space::second_stage(second_stage_.root(), levels);
}

coro::Task<> VdevFunction::rebind(Pasid host, vdcm::Space space) {
  co_await host_.iommu_driver.async_unbind(host);
  host_.iommu_driver.bind(host, space);
}

coro::Task<> VdevFunction::drop(Pasid guest) {
  bound_.erase(guest.value);
  lingering_.erase(guest.value);
  const auto host = manager_.vdcm().host_pasid(vm_, guest);
  if (!host) co_return;
  if (vdev_->runs_with(*host)) {
    lingering_.insert(guest.value);
    co_return co_await rebind(*host, vdcm::Space::first_stage(nothing_, 4));
  }
  ++counts_.pasids_unbound;
  const auto gone = co_await manager_.unbind_pasid(vm_, guest);
  if (!gone) throw HarnessError(options_.name + ": " + gone.error().reason);
}

coro::Task<> VdevFunction::catch_up() {
  const GuestUnit::Look seen = co_await unit_.look();
  if (!unit_.present()) co_return;
  ++counts_.looks;
  co_await follow(seen);
}

/// The registers are as old as the last look; tables are as they are now. @spec SIOV-H-21
coro::Task<> VdevFunction::before_command() {
  if (!unit_.present()) co_return;
  const coro::Lock::Guard guard = co_await following_.scoped();
  co_await follow_pasids(unit_.registers());
}

/// The guest's PASID table is what counts; its invalidations say when cached parts are old.
coro::Task<> VdevFunction::follow(const GuestUnit::Look& seen) {
  const coro::Lock::Guard guard = co_await following_.scoped();
  if (!unit_.current(seen)) co_return;
  counts_.invalidations += seen.invalidations.descriptors.size();
  counts_.blind_looks += seen.answered ? 0 : 1;
  counts_.dropped_all += seen.invalidations.lost ? 1 : 0;
  co_await follow_pasids(seen.registers);
  if (!seen.invalidations.lost && seen.invalidations.descriptors.empty()) co_return;
  for (const auto& [number, entry] : bound_) {
    if (const auto host = manager_.vdcm().host_pasid(vm_, Pasid{number}))
      co_await host_.iommu_driver.async_invalidate(*host);
  }
}

coro::Task<> VdevFunction::follow_pasids(const UnitRegisters& registers) {
  std::map<std::uint32_t, GuestPasid> present;
  if (GuestUnit::translates(registers)) {
    const std::vector<GuestPasid> entries = unit_.pasids(registers);
    if (entries.size() > GuestUnit::kMostPasids)
      throw GuestError(fmt::format("more than {} PASIDs at once", GuestUnit::kMostPasids));
    for (const GuestPasid& entry : entries) {
      if (entry.pasid.value == 0) continue;
      if (entry.supported()) {
        present.emplace(entry.pasid.value, entry);
      } else if (unsupported_.insert(entry.pasid.value).second) {
        ++counts_.pasids_unsupported;
      }
    }
  }
  std::vector<Pasid> old;
  for (const auto& [number, entry] : bound_) {
    const auto now = present.find(number);
    if (now == present.end() || now->second != entry) old.push_back(Pasid{number});
  }
  for (const std::uint32_t number : lingering_) {
    const auto host = manager_.vdcm().host_pasid(vm_, Pasid{number});
    if (host && !vdev_->runs_with(*host)) old.push_back(Pasid{number});
  }
  for (const Pasid pasid : old) co_await drop(pasid);
  for (const auto& [number, entry] : present) {
    if (bound_.contains(number)) continue;
    if (lingering_.erase(number) != 0) {
      co_await rebind(*manager_.vdcm().host_pasid(vm_, entry.pasid), space_of(entry));
      bound_.emplace(number, entry);
      continue;
    }
    const auto host = manager_.bind_pasid(vm_, entry.pasid, space_of(entry));
    if (!host) throw GuestError(fmt::format("PASID {:#x}: {}", number, host.error().reason));
    bound_.emplace(number, entry);
    ++counts_.pasids_bound;
  }
}

/// 2 MiB, unless a table of small pages is there already.
std::uint64_t VdevFunction::leaf_at(Gpa guest, std::uint64_t left) const {
  const bool large = guest.value % memory::kSize2M == 0 && left >= memory::kSize2M &&
                     !second_stage_.entry_address(guest, 1);
  return large ? memory::kSize2M : memory::kSize4K;
}

void VdevFunction::map(const vfio_user::DmaRange& range, std::byte* host) {
  if (range.address.value >= kGuestSpan || range.bytes > kGuestSpan - range.address.value)
    throw GuestError("guest memory beyond 1 TiB");
  const Hpa base = host_address(range.address);
  host_.memory.attach({base, range.bytes,
                       range.writable ? memory::RamKind::kReadWrite : memory::RamKind::kReadOnly},
                      host);
  for (std::uint64_t at = 0; at < range.bytes;) {
    const Gpa guest{range.address.value + at};
    const std::uint64_t leaf = leaf_at(guest, range.bytes - at);
    iommu::tables::SecondStageRights rights;
    rights.write = range.writable;
    second_stage_.map(
        guest, host_address(guest),
        leaf == memory::kSize2M ? iommu::tables::PageSize::k2M : iommu::tables::PageSize::k4K,
        rights);
    at += leaf;
  }
}

/// As when a host unmaps memory of a VM that is assigned a device: what the device still asks for
/// there faults, all else goes on.
coro::Task<> VdevFunction::unmap(const vfio_user::DmaRange& range) {
  std::vector<vdcm::IommuDriver::SecondStageLeaf> leaves;
  for (std::uint64_t at = 0; at < range.bytes;) {
    const Gpa guest{range.address.value + at};
    const std::uint64_t leaf = leaf_at(guest, range.bytes - at);
    second_stage_.unmap(guest);
    leaves.push_back({guest, leaf});
    at += leaf;
  }
  co_await host_.iommu_driver.async_invalidate_leaves(second_stage_.root(), std::move(leaves));
  host_.memory.detach(host_address(range.address));
}

GuestFunction::Message VdevFunction::message(std::uint32_t vector) {
  return {kMessageAddress, kFirstVector + vector};
}

void VdevFunction::deliver(const port::Interrupt& interrupt) {
  if (raise && interrupt.vector >= kFirstVector) raise(interrupt.vector - kFirstVector);
}

}  // namespace siov::attach
