// SPDX-License-Identifier: Apache-2.0
// VirtualRegisters: read values from the capabilities and the stored state, writes with their
// locks.
#include "vdcm/virtual_registers.hpp"

#include "abi/siov_abi.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }
/// Commands 1..14. @spec siov.md 3.3 CMDCAP; dsa.md 10
constexpr std::uint32_t kCommands = 0x0000'7FFE;
constexpr std::uint32_t kWqDword2Writable = 0xFFFF'FF01;  // mode and 31:8 (siov.md 3.3)
constexpr std::uint32_t kWqDword2Kept = 0x3FFF'FF01;      // of these the bits that mean something
constexpr std::uint32_t kMsixpermKept = 0xFFFF'F008;

}  // namespace

VirtualRegisters::VirtualRegisters(const VirtualCapabilities& capabilities)
    : capabilities_(capabilities) {
  reset_all();
}

void VirtualRegisters::reset_wq() {
  wq_enabled = false;
  wq_dword2_ = capabilities_.dedicated ? 1 : 0;
}

void VirtualRegisters::reset_device() {
  state = DeviceState::kDisabled;
  intcause = 0;
  gencfg_ = 0;
  genctrl_ = 0;
  msixperm_ = {};
  reset_wq();
}

void VirtualRegisters::reset_all() {
  reset_device();
  cmdstatus = 0;
  swerror_ = {};
}

bool VirtualRegisters::record_error(SoftwareError error) {
  if ((swerror_[0] & 1) != 0) {
    swerror_[0] |= 2;  // dsa.md 2.7: only the first is kept
    return false;
  }
  error.valid = true;
  error.overflow = (swerror_[0] & 2) != 0;  // each bit is W1C on its own
  swerror_ = error.encode();
  return true;
}

std::uint64_t VirtualRegisters::capability_qword(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegVersion:
      return capabilities_.version;
    case abi::kRegGencap: {
      // No configuration, no IMS; CMDCAP is there. Block on fault stays as the hardware has it: it
      // needs page requests.
      constexpr std::uint64_t kIms = std::uint64_t{0x3F} << abi::kGencapImsSizeLsb;
      return (capabilities_.physical_gencap & ~(kIms | bit(abi::kGencapConfigLsb))) |
             bit(abi::kGencapCmdcapLsb);
    }
    case abi::kRegWqcap:
      return capabilities_.size | bit(abi::kWqcapNumWqLsb) |
             bit(capabilities_.dedicated ? abi::kWqcapDedicatedLsb : abi::kWqcapSharedLsb);
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
      return kGrpcfg >> 8 | std::uint64_t{kWqcfg >> 8} << abi::kOffsetsWqcfgLsb |
             std::uint64_t{kMsixperm >> 8} << abi::kOffsetsMsixpermLsb;
    case abi::kRegCmdcap:
      return kCommands;
    case kGrpcfg:
      return 1;
    case kGrpcfg + abi::kGrpcfgEnginesLsb / 8:
      return bit(capabilities_.engines) - 1;
    default:
      return 0;
  }
}

std::uint32_t VirtualRegisters::wq_dword(std::uint32_t index) const {
  switch (index) {
    case 0:
      return capabilities_.size;
    case 1:
      return capabilities_.threshold;
    case 2:
      return wq_dword2_ | static_cast<std::uint32_t>(capabilities_.priority) << 4 |
             (capabilities_.block_on_fault ? 1U << (abi::kWqcfgBofEnLsb - 64) : 0U);
    case 3:
      return capabilities_.max_transfer_log2 |
             static_cast<std::uint32_t>(capabilities_.max_batch_log2) << 5;
    case 6:
      return (wq_enabled ? 1U << 30 : 0U) |
             1U << 29;  // state; mode, PASID and privilege may be changed (dsa.md 2.9)
    default:
      return 0;
  }
}

std::uint32_t VirtualRegisters::read_dword(std::uint32_t offset) const {
  switch (offset) {
    case abi::kRegGencfg:
      return gencfg_;
    case abi::kRegGenctrl:
      return genctrl_;
    case abi::kRegGensts:
      // Halt is only ever left by FLR here: reset type 1.
      return static_cast<std::uint32_t>(state) |
             (state == DeviceState::kHalted ? 1U << abi::kGenstsResetTypeLsb : 0U);
    case abi::kRegIntcause:
      return intcause;
    case abi::kRegCmdstatus:
      return cmdstatus;
    default:
      break;
  }
  if (offset >= abi::kRegSwerror && offset < abi::kRegSwerror + 32U) {
    const std::uint64_t word = swerror_[(offset - abi::kRegSwerror) / 8];
    return static_cast<std::uint32_t>((offset & 4) == 0 ? word : word >> 32);
  }
  if (offset >= kWqcfg && offset < kWqcfg + 32) return wq_dword((offset - kWqcfg) / 4);
  if (offset == kMsixperm || offset == kMsixperm + 8) return msixperm_[(offset - kMsixperm) / 8];
  const std::uint64_t qword = capability_qword(offset & ~7U);
  return static_cast<std::uint32_t>((offset & 4) == 0 ? qword : qword >> 32);
}

std::uint64_t VirtualRegisters::read(std::uint32_t offset, std::uint32_t size) const {
  if (size == 8) return read_dword(offset) | std::uint64_t{read_dword(offset + 4)} << 32;
  const std::uint64_t value = read_dword(offset & ~3U) >> 8 * (offset & 3);
  return size == 4 ? value : value & ((std::uint64_t{1} << 8 * size) - 1);
}

bool VirtualRegisters::write(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
  if (size == 8) {
    const bool low = write_dword(offset, static_cast<std::uint32_t>(value), 0xFFFF'FFFF);
    const bool high = write_dword(offset + 4, static_cast<std::uint32_t>(value >> 32), 0xFFFF'FFFF);
    return low || high;
  }
  const unsigned shift = 8 * (offset & 3);
  const std::uint32_t mask = (size == 4 ? 0xFFFF'FFFFU : (1U << 8 * size) - 1) << shift;
  return write_dword(offset & ~3U, static_cast<std::uint32_t>(value) << shift, mask);
}

bool VirtualRegisters::write_dword(std::uint32_t offset, std::uint32_t value, std::uint32_t mask) {
  const auto merge = [&](std::uint32_t old, std::uint32_t writable) {
    return (old & ~(mask & writable)) | (value & mask & writable);
  };
  switch (offset) {
    case abi::kRegGencfg:
      if (state == DeviceState::kDisabled) gencfg_ = merge(gencfg_, 0x0000'10FF);
      return false;
    case abi::kRegGenctrl:
      genctrl_ = merge(genctrl_, 0x3);
      return false;
    case abi::kRegIntcause:
      intcause &= ~(value & mask);
      return false;
    case abi::kRegSwerror:
      swerror_[0] &= ~std::uint64_t{value & mask & 3};
      return false;
    case kWqcfg + 8:
      if (!wq_enabled) wq_dword2_ = merge(wq_dword2_, kWqDword2Writable) & kWqDword2Kept;
      return false;
    case kMsixperm:
    case kMsixperm + 8: {
      if (mask != 0xFFFF'FFFF) return false;  // siov.md 3.3: 32-bit accesses
      msixperm_[(offset - kMsixperm) / 8] = value & kMsixpermKept;
      return true;
    }
    default:
      return false;
  }
}

}  // namespace siov::vdcm
