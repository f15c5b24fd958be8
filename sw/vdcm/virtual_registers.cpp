// SPDX-License-Identifier: Apache-2.0
// VirtualRegisters: read values from the capabilities and the stored state, writes with their
// locks.
#include "vdcm/virtual_registers.hpp"

#include <algorithm>
#include <utility>

#include "abi/siov_abi.hpp"
#include "vdcm/virtual_commands.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
/// Commands 1..14, and that of revoked handles. @spec siov.md 3.3 CMDCAP; dsa.md 10
constexpr std::uint32_t kCommands = 0x0000'7FFE | 1U << kCmdHandlesProcessed;
constexpr std::uint32_t kWqDword2Writable = 0xFFFF'FF01;  // mode and 31:8 (siov.md 3.3)
constexpr std::uint32_t kWqDword2Kept = 0x3FFF'FF01;      // of these the bits that mean something
constexpr std::uint32_t kMsixpermKept = 0xFFFF'F008;

}  // namespace

VirtualRegisters::VirtualRegisters(VirtualCapabilities capabilities)
    : capabilities_(std::move(capabilities)),
      layout_(static_cast<std::uint32_t>(capabilities_.queues.size()), capabilities_.vectors) {
  reset_all();
}

void VirtualRegisters::reset_queue(std::uint32_t queue) {
  image_.queues[queue] = {capabilities_.queues[queue].dedicated ? 1U : 0U, false};
}

void VirtualRegisters::reset_device() {
  image_.state = DeviceState::kDisabled;
  image_.intcause = 0;
  image_.gencfg = 0;
  image_.genctrl = 0;
  image_.msixperm.assign(layout_.vectors, 0);
  image_.queues.resize(layout_.queues);
  for (std::uint32_t q = 0; q < layout_.queues; ++q) reset_queue(q);
}

void VirtualRegisters::reset_all() {
  reset_device();
  image_.cmdstatus = 0;
  image_.swerror = {};
}

bool VirtualRegisters::any_queue_enabled() const {
  return std::any_of(image_.queues.begin(), image_.queues.end(),
                     [](const auto& queue) { return queue.enabled; });
}

bool VirtualRegisters::restore(const RegisterImage& image) {
  if (image.queues.size() != layout_.queues || image.msixperm.size() != layout_.vectors)
    return false;
  image_ = image;
  return true;
}

bool VirtualRegisters::record_error(SoftwareError error) {
  if ((image_.swerror[0] & 1) != 0) {
    image_.swerror[0] |= 2;  // dsa.md 2.7: only the first is kept
    return false;
  }
  error.valid = true;
  error.overflow = (image_.swerror[0] & 2) != 0;  // each bit is W1C on its own
  image_.swerror = error.encode();
  return true;
}

/// Sizes and modes of what is there; no ATS or PRS control, priority, occupancy, masks.
std::uint64_t VirtualRegisters::wqcap() const {
  std::uint64_t value = std::uint64_t{layout_.queues} << abi::kWqcapNumWqLsb;
  std::uint64_t entries = 0;
  for (const QueueDescription& queue : capabilities_.queues) {
    entries += queue.size;
    value |= bit(queue.dedicated ? abi::kWqcapDedicatedLsb : abi::kWqcapSharedLsb);
  }
  return value | std::min<std::uint64_t>(entries, 0xFFFF);
}

std::uint64_t VirtualRegisters::capability_qword(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegVersion:
      return capabilities_.version;
    case abi::kRegGencap: {
      // No configuration, no IMS, no event log; CMDCAP is there. Block on fault stays as the
      // hardware has it: it needs page requests.
      constexpr std::uint64_t kHidden =
          std::uint64_t{0x3F} << abi::kGencapImsSizeLsb | std::uint64_t{3} << abi::kGencapEvlLsb |
          bit(abi::kGencapEvlOverflowLsb) | bit(abi::kGencapConfigLsb);
      return (capabilities_.physical_gencap & ~kHidden) | bit(abi::kGencapCmdcapLsb);
    }
    case abi::kRegWqcap:
      return wqcap();
    case abi::kRegGrpcap:
      return 1;
    case abi::kRegEngcap:
      return capabilities_.engines;
    case abi::kRegOpcap:
    case abi::kRegOpcap + 8:
    case abi::kRegOpcap + 16:
    case abi::kRegOpcap + 24:
      return capabilities_.opcap[(offset - abi::kRegOpcap) / 8];
    case abi::kRegOffsets:
      return VirtualLayout::kGrpcfg >> 8 |
             std::uint64_t{VirtualLayout::kWqcfg >> 8} << abi::kOffsetsWqcfgLsb |
             std::uint64_t{layout_.msixperm >> 8} << abi::kOffsetsMsixpermLsb;
    case abi::kRegCmdcap:
      return kCommands;
    case VirtualLayout::kGrpcfg:
      return (std::uint64_t{1} << layout_.queues) - 1;
    case VirtualLayout::kGrpcfg + abi::kGrpcfgEnginesLsb / 8:
      return capabilities_.engines == 64 ? ~std::uint64_t{0} : bit(capabilities_.engines) - 1;
    default:
      return 0;
  }
}

std::uint32_t VirtualRegisters::wq_dword(std::uint32_t queue, std::uint32_t index) const {
  const QueueDescription& description = capabilities_.queues[queue];
  switch (index) {
    case 0:
      return description.size;
    case 1:
      return description.threshold;
    case 2:
      return image_.queues[queue].dword2 | static_cast<std::uint32_t>(description.priority) << 4 |
             (description.block_on_fault ? 1U << (abi::kWqcfgBofEnLsb - 64) : 0U);
    case 3:
      return description.max_transfer_log2 | static_cast<std::uint32_t>(description.max_batch_log2)
                                                 << 5;
    case 6:
      return (image_.queues[queue].enabled ? 1U << 30 : 0U) |
             1U << 29;  // state; mode, PASID and privilege may be changed (dsa.md 2.9)
    default:
      return 0;
  }
}

std::uint32_t VirtualRegisters::read_dword(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegGencfg:
      return image_.gencfg;
    case abi::kRegGenctrl:
      return image_.genctrl;
    case abi::kRegGensts:
      // Halt is only ever left by FLR here: reset type 1.
      return static_cast<std::uint32_t>(image_.state) |
             (image_.state == DeviceState::kHalted ? 1U << abi::kGenstsResetTypeLsb : 0U);
    case abi::kRegIntcause:
      return image_.intcause;
    case abi::kRegCmdstatus:
      return image_.cmdstatus;
    default:
      break;
  }
  if (offset >= abi::kRegSwerror && offset < abi::kRegSwerror + 32U) {
    const std::uint64_t word = image_.swerror[(offset - abi::kRegSwerror) / 8];
    return static_cast<std::uint32_t>((offset & 4) == 0 ? word : word >> 32);
  }
  const std::uint32_t in_wqcfg = offset - VirtualLayout::kWqcfg;
  if (in_wqcfg < VirtualLayout::kWqStride * layout_.queues)
    return wq_dword(in_wqcfg / VirtualLayout::kWqStride, in_wqcfg % VirtualLayout::kWqStride / 4);
  const std::uint32_t in_msixperm = offset - layout_.msixperm;
  if (in_msixperm < 8 * layout_.vectors)
    return in_msixperm % 8 == 0 ? image_.msixperm[in_msixperm / 8] : 0;
  const std::uint64_t qword = capability_qword(offset & ~7U);
  return static_cast<std::uint32_t>((offset & 4) == 0 ? qword : qword >> 32);
}

std::uint64_t VirtualRegisters::read(std::uint32_t offset, std::uint32_t size) const {
  if (size == 8) return read_dword(offset) | std::uint64_t{read_dword(offset + 4)} << 32;
  const std::uint64_t value = read_dword(offset & ~3U) >> 8 * (offset & 3);
  return size == 4 ? value : value & ((std::uint64_t{1} << 8 * size) - 1);
}

std::optional<std::uint32_t> VirtualRegisters::write(std::uint32_t offset, std::uint32_t size,
                                                     std::uint64_t value) {
  if (size == 8) {
    const auto low = write_dword(offset, static_cast<std::uint32_t>(value), 0xFFFF'FFFF);
    const auto high = write_dword(offset + 4, static_cast<std::uint32_t>(value >> 32), 0xFFFF'FFFF);
    return low ? low : high;
  }
  const unsigned shift = 8 * (offset & 3);
  const std::uint32_t mask = (size == 4 ? 0xFFFF'FFFFU : (1U << 8 * size) - 1) << shift;
  return write_dword(offset & ~3U, static_cast<std::uint32_t>(value) << shift, mask);
}

std::optional<std::uint32_t> VirtualRegisters::write_dword(std::uint32_t offset,
                                                           std::uint32_t value,
                                                           std::uint32_t mask) {
  const auto merge = [&](std::uint32_t old, std::uint32_t writable) {
    return (old & ~(mask & writable)) | (value & mask & writable);
  };
  const std::uint32_t in_wqcfg = offset - VirtualLayout::kWqcfg;
  const std::uint32_t in_msixperm = offset - layout_.msixperm;
  if (offset == abi::kRegGencfg) {
    if (image_.state == DeviceState::kDisabled) image_.gencfg = merge(image_.gencfg, 0x0000'10FF);
  } else if (offset == abi::kRegGenctrl) {
    image_.genctrl = merge(image_.genctrl, 0x3);
  } else if (offset == abi::kRegIntcause) {
    image_.intcause &= ~(value & mask);
  } else if (offset == abi::kRegSwerror) {
    image_.swerror[0] &= ~std::uint64_t{value & mask & 3};
  } else if (in_wqcfg < VirtualLayout::kWqStride * layout_.queues &&
             in_wqcfg % VirtualLayout::kWqStride == 8) {
    RegisterImage::Queue& queue = image_.queues[in_wqcfg / VirtualLayout::kWqStride];
    if (!queue.enabled) queue.dword2 = merge(queue.dword2, kWqDword2Writable) & kWqDword2Kept;
  } else if (in_msixperm < 8 * layout_.vectors && in_msixperm % 8 == 0 &&
             mask == 0xFFFF'FFFF) {  // siov.md 3.3: 32-bit accesses
    image_.msixperm[in_msixperm / 8] = value & kMsixpermKept;
    return in_msixperm / 8;
  }
  return std::nullopt;
}

}  // namespace siov::vdcm
