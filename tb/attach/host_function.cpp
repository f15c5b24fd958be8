// SPDX-License-Identifier: Apache-2.0
// What the guest's kernel told QEMU's remapping unit is told to ours.
#include "attach/host_function.hpp"

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "vdcm/capability_list.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::attach {

namespace {
constexpr std::uint8_t kFirstVector = 0x40;
constexpr std::uint32_t kInitiateFlr = 0x8000;  // device control
constexpr std::uint64_t kFlrCycles = 2000;
constexpr unsigned kTypeInterrupts = 4;
constexpr unsigned kTypePageResponse = 9;
constexpr unsigned kTypeDeviceTlb = 3;
constexpr unsigned kTypePasidDeviceTlb = 8;
constexpr std::uint64_t kAtsEnable = 0x8000;
}  // namespace

HostFunction::HostFunction(system::HostSide& host, port::DevicePort& device,
                           boost::asio::io_context& context, const HostFunctionOptions& options)
    : host_(host),
      device_(device),
      unit_(context, options.monitor, host.function, [this](Gpa address, std::span<std::byte> out) {
        return host_.memory.read(Hpa{address.value}, out);
      }) {
  latch(UnitRegisters{});
}

/// Root table and translation enable as the guest has them. Messages stay remapped by our own
/// table.
void HostFunction::latch(const UnitRegisters& registers) {
  namespace vtd = vdcm::vtd;
  const bool on = GuestUnit::translates(registers);
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

coro::Task<> HostFunction::catch_up() {
  const GuestUnit::Look seen = co_await unit_.look();
  if (!seen.there) co_return;
  ++counts_.looks;
  counts_.blind_looks += seen.answered ? 0 : 1;
  latch(seen.registers);
  if (seen.invalidations.lost) {
    const bool device_tlb = unit_.device_tlb(seen.registers) && co_await ats_on();
    co_await drop_all(device_tlb);
  }
  std::vector<vdcm::vtd::Descriptor> list;
  for (const vdcm::vtd::Descriptor& d : seen.invalidations.descriptors) {
    const auto type = static_cast<unsigned>(d[0] & 0xF);
    if (type == kTypeInterrupts || type == kTypePageResponse) continue;
    const bool for_device = type == kTypeDeviceTlb || type == kTypePasidDeviceTlb;
    if (for_device && !co_await ats_on()) continue;
    list.push_back(d);
  }
  counts_.invalidations += list.size();
  if (!list.empty()) co_await host_.iommu_driver.async_run(std::move(list));
}

coro::Task<> HostFunction::reset() {
  const vdcm::CapabilityList found = co_await vdcm::walk_capabilities(device_);
  const port::ReadResult control = co_await device_.config_read(found.pcie + 8U, 2);
  co_await device_.config_write(found.pcie + 8U, 2,
                                static_cast<std::uint32_t>(control.data & 0xFFFF) | kInitiateFlr);
  co_await coro::ClockCycles(kFlrCycles);
  unit_.forget();
  root_ = 0;
  latch(UnitRegisters{});
}

void HostFunction::map(const vfio_user::DmaRange& range, std::byte* host) {
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
