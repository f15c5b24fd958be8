// SPDX-License-Identifier: Apache-2.0
// The virtual configuration space: initial bytes and the bits a guest may change.
#include "vdcm/virtual_config.hpp"

namespace siov::vdcm {

namespace {
using Layout = VirtualConfigLayout;
constexpr std::uint32_t kPriStatus = Layout::kPri + 4;
}  // namespace

/// @spec siov.md 3.2; dsa.md 1.1, 1.3
VirtualConfig::VirtualConfig(std::uint16_t vendor, std::uint16_t device) {
  constexpr std::uint32_t kBarMask = ~(Layout::kBarSize - 1);
  define(0x00, vendor | static_cast<std::uint32_t>(device) << 16);
  // Command: MSE, BME, parity error response, SERR#. Status: capability list; error bits RW1C.
  define(0x04, 0x0010'0000, 0x0000'0146, 0xF900'0000);
  define(0x08, 0x0880'0000);  // class 088000, revision 0
  define(0x0C, 0x0080'0000,
         0x0000'00FF);          // header type 0, multi-function; cache line size is writable
  define(0x10, 0xC, kBarMask);  // BAR0: 64-bit, prefetchable
  define(0x14, 0, 0xFFFF'FFFF);
  define(0x18, 0xC, kBarMask);  // BAR2
  define(0x1C, 0, 0xFFFF'FFFF);
  define(0x2C, vendor);  // subsystem
  define(0x34, Layout::kMsix);
  define(0x3C, 0, 0x0000'00FF);  // interrupt line; pin 0

  // MSI-X: two vectors; enable and function mask writable. Offsets are in the dword they belong to
  // (siov.md 3.8).
  define(Layout::kMsix, 0x0001'0011 | Layout::kPcie << 8, 0xC000'0000);
  define(Layout::kMsix + 4, Layout::kMsixTable);
  define(Layout::kMsix + 8, Layout::kMsixPba);

  // PCI Express v2, RCiEP, last of the list.
  define(Layout::kPcie, 0x0092'0010);
  define(Layout::kPcie + 4, 0x1000'8022);  // FLR, role-based errors, extended tag, MPS 512
  define(Layout::kPcie + 8, 0x0000'2910, 0x0000'7FFF, 0x000F'0000);  // FLR (bit 15) reads 0
  define(Layout::kPcie + 0x24,
         0x0070'0010);  // extended fmt, end-end prefix, one prefix, completion timeout disable
  define(Layout::kPcie + 0x28, 0, 0x0000'001F);

  define(Layout::kAts, 0x0001'000F | Layout::kPri << 20);
  define(Layout::kAts + 4, 0x0000'0061,
         0x801F'0000);  // queue depth 1, page aligned, global invalidate
  define(Layout::kPri, 0x0001'0013 | Layout::kPasid << 20);
  define(kPriStatus, 0x8100'0000, 0x0000'0001,
         0x0003'0000);                        // stopped, PRG response PASID required
  define(Layout::kPri + 8, 1);                // capacity
  define(Layout::kPri + 12, 0, 0xFFFF'FFFF);  // allocation
  define(Layout::kPasid, 0x0001'001B);        // end of the list
  define(Layout::kPasid + 4, 0x0000'1404,
         0x0005'0000);  // width 20, privileged mode; enable, privileged enable

  define(Layout::kDvsec, 0x0001'0023);
  define(Layout::kDvsec + 4, 0x0181'8086);
  define(Layout::kDvsec + 8, 0x0000'0005);
  define(Layout::kDvsec + 12, 1);  // 4 KiB pages
  define(Layout::kDvsec + 16, 1);
  define(Layout::kDvsec + 20, 0);  // no IMS for guests (SIOV-H-02)
  initial_ = values_;
}

void VirtualConfig::define(std::uint32_t offset, std::uint32_t value, std::uint32_t writable,
                           std::uint32_t clear_by_one) {
  values_[offset / 4] = value;
  writable_[offset / 4] = writable;
  clear_by_one_[offset / 4] = clear_by_one;
}

std::uint32_t VirtualConfig::read(std::uint32_t offset, std::uint32_t size) const {
  if (offset >= 4096 || (size != 1 && size != 2 && size != 4) || offset % size != 0)
    return 0xFFFF'FFFF;
  const std::uint32_t value = dword(offset & ~3U) >> 8 * (offset & 3);
  return size == 4 ? value : value & ((1U << 8 * size) - 1);
}

bool VirtualConfig::write(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
  if (offset >= 4096 || (size != 1 && size != 2 && size != 4) || offset % size != 0) return false;
  const std::uint32_t at = offset / 4;
  const unsigned shift = 8 * (offset & 3);
  const std::uint32_t lanes = (size == 4 ? 0xFFFF'FFFFU : (1U << 8 * size) - 1) << shift;
  const std::uint32_t data = value << shift;
  const std::uint32_t old = values_[at];
  const std::uint32_t writable = writable_[at] & lanes;
  values_[at] = (old & ~writable) | (data & writable);
  values_[at] &= ~(data & clear_by_one_[at] & lanes);
  if (at == kPriStatus / 4 && (old & 1) == 0 && (values_[at] & 1) != 0) {
    values_[at] &= ~0x0103'0000U;  // enabling clears stopped and the failure bits
  } else if (at == kPriStatus / 4 && (old & 1) != 0 && (values_[at] & 1) == 0) {
    values_[at] |= 0x0100'0000U;  // nothing is outstanding here, so disabling stops at once
  }
  return at == (Layout::kPcie + 8) / 4 && (data & lanes & 0x8000) != 0;
}

void VirtualConfig::reset() { values_ = initial_; }

}  // namespace siov::vdcm
