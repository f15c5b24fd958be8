// SPDX-License-Identifier: Apache-2.0
// HostDriver: from power-on to an enabled device.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "abi/siov_abi.hpp"
#include "coro/clock_triggers.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint32_t kCommandMse = 0x2;
constexpr std::uint32_t kCommandBme = 0x4;
constexpr std::uint32_t kEndEndPrefix = 1U << 21;  // Device Capabilities 2
constexpr std::uint32_t kAtsEnable = 0x8000;
constexpr std::uint32_t kPriEnable = 0x1;
constexpr std::uint32_t kPriFailure = 0x1;     // status: RF
constexpr std::uint32_t kPriUnexpected = 0x2;  // UPRGI
constexpr std::uint32_t kPriStopped = 0x100;

std::uint64_t field(std::uint64_t word, unsigned lsb, unsigned width) {
  return word >> lsb & ((std::uint64_t{1} << width) - 1);
}

std::uint64_t align_up(std::uint64_t value, std::uint64_t size) {
  return (value + size - 1) / size * size;
}

/// Code of MPS and MRRS: 0 is 128 bytes. @spec PCIe-6.3 7.5.3.4
std::uint32_t size_code(std::uint32_t bytes) {
  if (bytes < 128 || bytes > 4096 || !std::has_single_bit(bytes))
    throw HarnessError("payload and read request sizes are powers of two from 128 to 4096");
  return static_cast<std::uint32_t>(std::countr_zero(bytes)) - 7;
}

/// WQCFG dword 2. @spec dsa.md 2.9
std::uint32_t fault_bits(const WqConfig& config) {
  return (config.block_on_fault ? 1U << (abi::kWqcfgBofEnLsb - 64) : 0U) |
         (config.ats_disable ? 1U << (abi::kWqcfgAtsDisableLsb - 64) : 0U) |
         (config.prs_disable ? 1U << (abi::kWqcfgPrsDisableLsb - 64) : 0U);
}

void check(const CommandResult& result, const char* what) {
  if (result.error != 0)
    throw DriverError(fmt::format("{} ended with error {:#04x}", what, result.error));
}

}  // namespace

coro::Task<> HostDriver::start() {
  capabilities_ = co_await walk_capabilities(device_);
  if (capabilities_.pcie == 0 || capabilities_.msix == 0 || capabilities_.pasid == 0)
    throw DriverError("the device lacks a PCI Express, MSI-X or PASID capability");
  co_await bring_up();
}

/// From reset to an enabled device. No other command runs meanwhile.
coro::Task<> HostDriver::bring_up() {
  co_await assign_bars();
  co_await program_link();
  co_await probe();
  co_await enable_interrupts();
  co_await configure();
  CommandResult result = co_await run_command(abi::kCmdEnableDevice, 0);
  check(result, "Enable Device");
  for (std::size_t i = 0; i < config_.wqs.size(); ++i) {
    if (config_.wqs[i].mode != WqMode::kShared) continue;
    result = co_await run_command(abi::kCmdEnableWq, static_cast<std::uint32_t>(i));
    check(result, "Enable WQ of a shared queue");
  }
}

coro::Task<> HostDriver::stop() {
  const CommandResult result = co_await command(abi::kCmdDisableDevice, 0);
  if (result.error != abi::kCmdErrDisableNotEnabled) check(result, "Disable Device");
  const std::uint64_t error = co_await read(abi::kRegSwerror, 8);
  if ((error >> abi::kSwerrorOverflowLsb & 1) != 0) ++error_overflows_;
  if (log_runs_) co_await consume_event_log();
  if (config_.ats) co_await disable_translation();
  write(abi::kRegGenctrl, 4, 0);
  const std::uint32_t control = co_await config_read(capabilities_.msix + 2U, 2);
  co_await config_write(capabilities_.msix + 2U, 2, control & 0x7FFF);
  interrupts_on_ = false;
  interrupt_task_.cancel();
  interrupt_task_ = coro::JoinHandle();
  platform_.disconnect(iommu_.function(), vector0_message_.irte_index);
  iommu_.free_interrupt(vector0_message_);
  stop_event_log();
}

coro::Task<> HostDriver::assign_bars() {
  info_.bar0_size = co_await size_bar(device_, 0x10);
  info_.bar2_size = co_await size_bar(device_, 0x18);
  config_.bar0_base = align_up(config_.bar0_base, info_.bar0_size);
  config_.bar2_base = align_up(config_.bar2_base, info_.bar2_size);
  co_await config_write(0x10, 4, static_cast<std::uint32_t>(config_.bar0_base));
  co_await config_write(0x14, 4, static_cast<std::uint32_t>(config_.bar0_base >> 32));
  co_await config_write(0x18, 4, static_cast<std::uint32_t>(config_.bar2_base));
  co_await config_write(0x1C, 4, static_cast<std::uint32_t>(config_.bar2_base >> 32));
  device_.set_bar_base(port::Bar::kControl, config_.bar0_base);
  device_.set_bar_base(port::Bar::kPortal, config_.bar2_base);
  const std::uint32_t command = co_await config_read(0x04, 2);
  co_await config_write(0x04, 2, command | kCommandMse);
}

/// Everything here changes only while the device is Disabled: BME and PASID enables halt a running
/// one. @spec dsa.md 1.4
coro::Task<> HostDriver::program_link() {
  const std::uint32_t pcie = capabilities_.pcie;
  const std::uint32_t capability = co_await config_read(pcie + 4, 4);
  const std::uint32_t payload = size_code(config_.max_payload);
  if (payload > (capability & 7))
    throw DriverError("the device does not support this maximum payload size");
  std::uint32_t control = co_await config_read(pcie + 8, 2);
  control &= ~(0x7000U | 0xE0U | 0x10U);
  control |= size_code(config_.max_read_request) << 12 | payload << 5 |
             (config_.relaxed_ordering ? 0x10U : 0U);
  co_await config_write(pcie + 8, 2, control);

  if (config_.pri && !config_.ats) throw HarnessError("page requests need ATS");
  co_await enable_pasid();
  if (config_.ats) co_await enable_ats();
  if (config_.pri) co_await enable_pri();
  const std::uint32_t command = co_await config_read(0x04, 2);
  co_await config_write(0x04, 2, command | kCommandBme);
}

/// @spec SIOV-P-18: without end-to-end prefixes PASID stays off
coro::Task<> HostDriver::enable_pasid() {
  const std::uint32_t device2 = co_await config_read(capabilities_.pcie + 0x24U, 4);
  if ((device2 & kEndEndPrefix) == 0)
    throw DriverError("the device does not support end-to-end TLP prefixes");
  const std::uint32_t pasid_capability = co_await config_read(capabilities_.pasid + 4U, 2);
  if ((pasid_capability >> 8 & 0x1F) < 20)
    throw DriverError("the device supports less than 20 bits of PASID");  // SIOV-D-06
  const std::uint32_t privileged = pasid_capability & 4;
  co_await config_write(capabilities_.pasid + 6U, 2, 1 | privileged);
}

/// Smallest translation unit 4 KiB: STU 0. @spec pcie.md 9.5
coro::Task<> HostDriver::enable_ats() {
  if (capabilities_.ats == 0) throw DriverError("the device lacks an ATS capability");
  co_await config_write(capabilities_.ats + 6U, 2, kAtsEnable);
}

/// The allowance must be there before the enable. @spec pcie.md 9.5
coro::Task<> HostDriver::enable_pri() {
  if (capabilities_.pri == 0) throw DriverError("the device lacks a page request capability");
  const std::uint32_t capacity = co_await config_read(capabilities_.pri + 8U, 4);
  const std::uint32_t wanted = config_.page_request_allocation;
  co_await config_write(capabilities_.pri + 12U, 4,
                        wanted == 0 ? capacity : std::min(wanted, capacity));
  co_await config_write(capabilities_.pri + 4U, 2, kPriEnable);
}

/// The device is Disabled. Page requests stop and are drained, translations go, and nothing that
/// was cached survives. @spec SIOV-P-15; vtd.md 7.3
coro::Task<> HostDriver::disable_translation() {
  if (config_.pri) {
    co_await config_write(capabilities_.pri + 4U, 2, 0);
    const coro::SimTime end =
        coro::Scheduler::current().now() + coro::ns(config_.command_timeout_ns);
    std::uint32_t status = co_await config_read(capabilities_.pri + 6U, 2);
    while ((status & kPriStopped) == 0) {
      if (coro::Scheduler::current().now() >= end)
        throw DriverError("the device does not stop its page requests");
      co_await coro::Timer(coro::ns(200));
      status = co_await config_read(capabilities_.pri + 6U, 2);
    }
    if ((status & kPriFailure) != 0) throw DriverError("the device got a page response of failure");
    if ((status & kPriUnexpected) != 0)
      throw DriverError("the device got a page response that it did not ask for");
  }
  co_await config_write(capabilities_.ats + 6U, 2, 0);
  co_await iommu_.async_set_device_tlb(false, false);
}

/// The order of a Linux probe. @spec dsa.md 7.2
coro::Task<> HostDriver::probe() {
  info_.version = static_cast<std::uint32_t>(co_await read(abi::kRegVersion, 4));
  const std::uint64_t status = co_await read(abi::kRegGensts, 4);
  if ((status & 3) == abi::kGenstsHalt) throw DriverError("the device is halted at probe");
  const CommandResult reset = co_await run_command(abi::kCmdResetDevice, 0);
  check(reset, "Reset Device");
  info_.gencap = co_await read(abi::kRegGencap, 8);
  if (field(info_.gencap, abi::kGencapCmdcapLsb, 1) != 0)
    info_.cmdcap = static_cast<std::uint32_t>(co_await read(abi::kRegCmdcap, 4));
  info_.grpcap = co_await read(abi::kRegGrpcap, 8);
  info_.engcap = co_await read(abi::kRegEngcap, 8);
  info_.wqcap = co_await read(abi::kRegWqcap, 8);
  for (std::uint32_t i = 0; i < 4; ++i) info_.opcap[i] = co_await read(abi::kRegOpcap + 8 * i, 8);
  const std::uint64_t offsets = co_await read(abi::kRegOffsets, 8);
  info_.grpcfg_offset =
      static_cast<std::uint32_t>(field(offsets, abi::kOffsetsGrpcfgLsb, 16)) * 0x100;
  info_.wqcfg_offset =
      static_cast<std::uint32_t>(field(offsets, abi::kOffsetsWqcfgLsb, 16)) * 0x100;
  info_.msixperm_offset =
      static_cast<std::uint32_t>(field(offsets, abi::kOffsetsMsixpermLsb, 16)) * 0x100;
  info_.ims_offset = static_cast<std::uint32_t>(field(offsets, abi::kOffsetsImsLsb, 16)) * 0x100;
  info_.wq_stride = 32U << field(info_.wqcap, abi::kWqcapCfgSizeLsb, 4);
  info_.wq_count = static_cast<std::uint16_t>(field(info_.wqcap, abi::kWqcapNumWqLsb, 8));
  info_.ims_entries =
      static_cast<std::uint16_t>(256 * field(info_.gencap, abi::kGencapImsSizeLsb, 6));
  if (field(info_.gencap, abi::kGencapConfigLsb, 1) == 0)
    throw DriverError("the device does not let software configure it");
  if (config_.wqs.size() > info_.wq_count)
    throw DriverError("more work queues asked for than the device has");
  if (config_.groups.size() > field(info_.grpcap, abi::kGrpcapNumGroupsLsb, 8))
    throw DriverError("more groups asked for than the device has");
}

/// Once: a function that begins afresh keeps its message.
void HostDriver::allocate_interrupts() {
  if (interrupt_task_.valid()) return;
  vector0_message_ = iommu_.allocate_interrupt(0, 0x30);
  platform_.connect(iommu_.function(), vector0_message_.irte_index, [this] { vector0_.set(); });
  interrupt_task_ = coro::start_soon(interrupt_thread(), "host interrupt thread");
}

coro::Task<> HostDriver::enable_interrupts() {
  const std::uint32_t table = co_await config_read(capabilities_.msix + 4U, 4);
  if ((table & 7) != 0) throw DriverError("the MSI-X table is not in BAR0");
  info_.msix_table_offset = table & ~7U;
  allocate_interrupts();
  write(info_.msix_table_offset, 4, static_cast<std::uint32_t>(vector0_message_.address));
  write(info_.msix_table_offset + 4, 4, vector0_message_.address >> 32);
  write(info_.msix_table_offset + 8, 4, vector0_message_.data);
  write(info_.msix_table_offset + 12, 4, 0);
  const std::uint32_t control = co_await config_read(capabilities_.msix + 2U, 2);
  info_.msix_vectors = static_cast<std::uint16_t>((control & 0x7FF) + 1);
  ims_.resize(has_ims() ? info_.ims_entries : info_.msix_vectors);
  co_await config_write(capabilities_.msix + 2U, 2, (control & 0x3FFF) | 0x8000);
  interrupts_on_ = true;
  const std::uint64_t genctrl = co_await read(abi::kRegGenctrl, 4);
  write(abi::kRegGenctrl, 4,
        genctrl | 1U << abi::kGenctrlSwerrorIntLsb | 1U << abi::kGenctrlHaltIntLsb);
}

coro::Task<> HostDriver::configure() {
  // User-mode interrupts: without them a user descriptor with a PASID may not ask for an interrupt
  // (dsa.md 5.2.2).
  const std::uint64_t gencfg = co_await read(abi::kRegGencfg, 4);
  write(abi::kRegGencfg, 4, gencfg | 1U << abi::kGencfgUserIntLsb);
  for (std::size_t i = 0; i < config_.wqs.size(); ++i)
    co_await configure_wq(static_cast<std::uint8_t>(i));
  if (memory_ != nullptr) co_await start_event_log();
  for (std::size_t g = 0; g < config_.groups.size(); ++g) {
    std::array<std::uint64_t, 4> wqs{};
    for (std::size_t i = 0; i < config_.wqs.size(); ++i) {
      if (config_.wqs[i].group == g) wqs[i / 64] |= std::uint64_t{1} << i % 64;
    }
    const bool empty = (wqs[0] | wqs[1] | wqs[2] | wqs[3]) == 0;
    const GroupConfig& group = config_.groups[g];
    const auto at = static_cast<std::uint32_t>(info_.grpcfg_offset + abi::kTblGrpcfgStride * g);
    for (std::uint32_t i = 0; i < 4; ++i) write(at + 8 * i, 8, wqs[i]);
    write(at + abi::kGrpcfgEnginesLsb / 8, 8, empty ? 0 : group.engines);
    std::uint64_t flags = co_await read(at + abi::kGrpcfgTcALsb / 8, 8);
    flags &= ~std::uint64_t{0x3F};
    flags |= group.traffic_class_a | static_cast<std::uint32_t>(group.traffic_class_b) << 3;
    constexpr unsigned kAllowed = abi::kGrpcfgAllowedLsb - abi::kGrpcfgTcALsb;
    constexpr unsigned kReserved = abi::kGrpcfgReservedLsb - abi::kGrpcfgTcALsb;
    if (group.read_buffers_allowed != 0)
      flags = (flags & ~(std::uint64_t{0xFF} << kAllowed)) |
              std::uint64_t{group.read_buffers_allowed} << kAllowed;
    flags |= std::uint64_t{group.read_buffers_reserved} << kReserved;
    write(at + abi::kGrpcfgTcALsb / 8, 8, flags);
  }
}

coro::Task<> HostDriver::configure_wq(std::uint8_t wq) {
  const WqConfig& config = config_.wqs[wq];
  if (config.group >= config_.groups.size())
    throw HarnessError("work queue in a group that is not configured");
  const std::uint32_t at = info_.wqcfg_offset + wq * info_.wq_stride;
  const bool dedicated = config.mode == WqMode::kDedicated;
  // A shared queue needs PASID enable; its PASIDs come with the descriptors (dsa.md 3.3 code 0x26).
  const std::uint32_t dword2 = (dedicated ? 1U : 0U) |
                               static_cast<std::uint32_t>(config.priority) << 4 |
                               (dedicated ? 0U : 1U << 28) | fault_bits(config);
  write(at, 4, config.size);
  write(at + 4, 4, config.threshold);
  write(at + 8, 4, dword2);
  write(at + 12, 4,
        config.max_transfer_log2 | static_cast<std::uint32_t>(config.max_batch_log2) << 5);
  if (config.operations != 0) {
    if (info_.wq_stride < 64) throw DriverError("the device has no masks of operations");
    write(at + 32, 8, config.operations & info_.opcap[0]);
  }
  const std::uint64_t size = co_await read(at, 4);
  if ((size & 0xFFFF) != config.size)
    throw DriverError("WQCFG size did not take the value written");
}

}  // namespace siov::vdcm
