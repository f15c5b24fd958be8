// SPDX-License-Identifier: Apache-2.0
// What the guest's kernel told QEMU's remapping unit is told to ours.
#include "attach/host_function.hpp"

#include <algorithm>

#include "attach/guest_error.hpp"
#include "coro/clock_triggers.hpp"
#include "iommu/queue_descriptor.hpp"
#include "vdcm/capability_list.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::attach {

namespace {
constexpr std::uint8_t kFirstVector = 0x40;
constexpr std::uint32_t kInitiateFlr = 0x8000;  // device control
constexpr std::uint64_t kFlrCycles = 2000;
constexpr std::uint64_t kAtsEnable = 0x8000;
}  // namespace

HostFunction::HostFunction(system::HostSide& host, port::DevicePort& device,
                           boost::asio::io_context& context, const HostFunctionOptions& options)
    : host_(host),
      device_(device),
      unit_(context, options.monitor, host.function, [this](Gpa address, std::span<std::byte> out) {
        return host_.memory.read(Hpa{address.value}, out);
      }) {
  static_cast<void>(latch(UnitRegisters{}));
}

HostFunction::~HostFunction() {
  for (const auto& [vector, message] : messages_)
    host_.platform.disconnect(host_.function, message.irte_index);
}

/// Root table and translation enable as the guest has them. Messages stay remapped by our own
/// table.
bool HostFunction::latch(const UnitRegisters& registers) {
  namespace vtd = vdcm::vtd;
  const bool on = GuestUnit::translates(registers);
  if (on && !GuestUnit::scalable(registers))
    throw GuestError("the guest's remapping unit must be in scalable mode");
  const bool fresh = on && (root_ != registers.root || !translating_);
  if (on && root_ != registers.root) {
    root_ = registers.root;
    host_.iommu.mmio_write(vtd::kRtaddr, 8, root_);
    const std::uint64_t status = host_.iommu.mmio_read(vtd::kGsts, 4);
    host_.iommu.mmio_write(vtd::kGcmd, 4, (status & vtd::kLevelBits) | vtd::kSetRootTable);
  }
  if (on != translating_) {
    translating_ = on;
    const std::uint64_t status = host_.iommu.mmio_read(vtd::kGsts, 4) & vtd::kLevelBits;
    host_.iommu.mmio_write(
        vtd::kGcmd, 4,
        on ? status | vtd::kTranslationEnable : status & ~std::uint64_t{vtd::kTranslationEnable});
  }
  return fresh;
}

coro::Task<> HostFunction::drop_all(bool device_tlb) {
  namespace vtd = vdcm::vtd;
  ++counts_.dropped_all;
  std::vector<vtd::Descriptor> all{vtd::context_global(), vtd::pasid_global(), vtd::iotlb_global()};
  if (device_tlb) all.push_back(vtd::device_tlb_all({.device = host_.function}));
  co_await host_.iommu_driver.async_run(std::move(all));
}

coro::Task<bool> HostFunction::ats_on() {
  if (ats_ == 0) ats_ = (co_await vdcm::walk_capabilities(device_)).ats;
  if (ats_ == 0) co_return false;
  const port::ReadResult control = co_await device_.config_read(ats_ + 6U, 2);
  co_return control.status == port::CompletionStatus::kSuccess && (control.data & kAtsEnable) != 0;
}

/// Interrupts and page requests are QEMU's; other devices' caches are their own. What our unit
/// would not accept leaves nobody knows what unchanged.
HostFunction::Use HostFunction::use_of(const vdcm::vtd::Descriptor& descriptor) const {
  using iommu::DescriptorType;
  const auto d = iommu::decode_descriptor(descriptor, 32, iommu::TranslationTableMode::kScalable,
                                          host_.iommu.config());
  if (!d) return Use::kRefuse;
  switch (d->type) {
    case DescriptorType::kInterruptEntry:
    case DescriptorType::kPageGroupResponse:
    case DescriptorType::kWait:
      return Use::kIgnore;
    case DescriptorType::kDeviceTlb:
    case DescriptorType::kPasidDeviceTlb:
      return d->source == host_.function ? Use::kTake : Use::kIgnore;
    default:
      return Use::kTake;
  }
}

coro::Task<> HostFunction::carry_out(std::vector<vdcm::vtd::Descriptor> descriptors) {
  constexpr unsigned kTypeDeviceTlb = 3;
  constexpr unsigned kTypePasidDeviceTlb = 8;
  const auto for_device = [](const vdcm::vtd::Descriptor& d) {
    const auto type = static_cast<unsigned>(d[0] & 0xF);
    return type == kTypeDeviceTlb || type == kTypePasidDeviceTlb;
  };
  if (std::ranges::any_of(descriptors, for_device) && !co_await ats_on())
    std::erase_if(descriptors, for_device);
  counts_.invalidations += descriptors.size();
  if (!descriptors.empty()) co_await host_.iommu_driver.async_run(std::move(descriptors));
}

/// One after the other: who comes later finds done what was seen before.
coro::Task<> HostFunction::catch_up() {
  const coro::Lock::Guard guard = co_await following_.scoped();
  const GuestUnit::Look seen = co_await unit_.look();
  if (!unit_.current(seen)) co_return;
  ++counts_.looks;
  counts_.blind_looks += seen.answered ? 0 : 1;
  const bool fresh = latch(seen.registers);
  if (!seen.there) co_return;
  std::vector<vdcm::vtd::Descriptor> list;
  bool lost = seen.invalidations.lost || fresh;
  for (const vdcm::vtd::Descriptor& d : seen.invalidations.descriptors) {
    const Use use = use_of(d);
    lost = lost || use == Use::kRefuse;
    if (use == Use::kTake) list.push_back(d);
  }
  if (lost) {
    const bool device_tlb = unit_.device_tlb(seen.registers) && co_await ats_on();
    co_await drop_all(device_tlb);
  }
  if (!list.empty()) co_await carry_out(std::move(list));
}

coro::Task<> HostFunction::reset() {
  const vdcm::CapabilityList found = co_await vdcm::walk_capabilities(device_);
  const port::ReadResult control = co_await device_.config_read(found.pcie + 8U, 2);
  co_await device_.config_write(found.pcie + 8U, 2,
                                static_cast<std::uint32_t>(control.data & 0xFFFF) | kInitiateFlr);
  co_await coro::ClockCycles(kFlrCycles);
  unit_.forget();
  root_ = 0;
  static_cast<void>(latch(UnitRegisters{}));
}

void HostFunction::map(const vfio_user::DmaRange& range, std::byte* host) {
  const std::uint64_t first = range.address.value;
  const std::uint64_t limit = std::uint64_t{1} << host_.memory.haw();
  if (first >= limit || range.bytes > limit - first)
    throw GuestError("guest memory beyond the host address width");
  const bool taken = std::ranges::any_of(host_.memory.ranges(), [&](const memory::RamRange& other) {
    return first < other.base.value + other.bytes && other.base.value < first + range.bytes;
  });
  if (taken) throw GuestError("guest memory where memory of ours is");
  host_.memory.attach({Hpa{range.address.value}, range.bytes,
                       range.writable ? memory::RamKind::kReadWrite : memory::RamKind::kReadOnly},
                      host);
}

coro::Task<> HostFunction::unmap(const vfio_user::DmaRange& range) {
  if (translating_) co_await drop_all(false);
  host_.memory.detach(Hpa{range.address.value});
}

/// One entry of our interrupt remapping table a vector, for good.
GuestFunction::Message HostFunction::message(std::uint32_t vector) {
  auto found = messages_.find(vector);
  if (found == messages_.end()) {
    const vdcm::InterruptMessage message = host_.iommu_driver.allocate_interrupt(
        0, static_cast<std::uint8_t>(kFirstVector + vector % 0xA0));
    host_.platform.connect(host_.function, message.irte_index, [this, vector] {
      if (raise) raise(vector);
    });
    found = messages_.emplace(vector, message).first;
  }
  return {found->second.address, found->second.data};
}

}  // namespace siov::attach
