// SPDX-License-Identifier: Apache-2.0
// The virtual configuration space: initial bytes and the bits a guest may change.
#include "vdcm/virtual_config.hpp"

#include <algorithm>

namespace siov::vdcm {

namespace {
using Layout = VirtualConfigLayout;
constexpr std::uint32_t kPriStatus = Layout::kPri + 4;

/// Bytes of a naturally aligned access inside its dword; 0 for a bad one.
std::uint32_t lanes_of(std::uint32_t offset, std::uint32_t size) {
  if (offset >= Layout::kBytes || (size != 1 && size != 2 && size != 4) || offset % size != 0)
    return 0;
  return (size == 4 ? 0xFFFF'FFFFU : (1U << 8 * size) - 1) << 8 * (offset & 3);
}
}  // namespace

/// Values and rules that VDEVs of one vendor, device and layout share.
struct VirtualConfig::Shape {
  Shape(std::uint16_t vendor_id, std::uint16_t device_id, const VirtualLayout& shape_layout)
      : vendor(vendor_id), device(device_id), layout(shape_layout) {
    define_header();
    define_capabilities();
    for (std::uint32_t i = 0; i < initial.size(); ++i) {
      place[i] = kFixed;
      if ((writable[i] | clear_by_one[i]) == 0) continue;
      place[i] = static_cast<std::uint8_t>(changeable.size());
      changeable.push_back(i);
    }
  }

  void define(std::uint32_t offset, std::uint32_t value, std::uint32_t write_bits = 0,
              std::uint32_t clear_bits = 0) {
    initial[offset / 4] = value;
    writable[offset / 4] = write_bits;
    clear_by_one[offset / 4] = clear_bits;
  }
  void define_header();
  void define_capabilities();

  static constexpr std::uint8_t kFixed = 0xFF;
  std::uint16_t vendor;
  std::uint16_t device;
  VirtualLayout layout;
  std::array<std::uint32_t, Layout::kBytes / 4> initial{};
  std::array<std::uint32_t, Layout::kBytes / 4> writable{};
  std::array<std::uint32_t, Layout::kBytes / 4> clear_by_one{};
  std::array<std::uint8_t, Layout::kBytes / 4> place{};  ///< in the values of a VDEV
  std::vector<std::uint32_t> changeable;                 ///< dwords, ascending
};

/// @spec siov.md 3.2; dsa.md 1.1
void VirtualConfig::Shape::define_header() {
  define(0x00, vendor | static_cast<std::uint32_t>(device) << 16);
  // Command: MSE, BME, parity error response, SERR#. Status: capability list; error bits RW1C.
  define(0x04, 0x0010'0000, 0x0000'0146, 0xF900'0000);
  define(0x08, 0x0880'0000);  // class 088000, revision 0
  define(0x0C, 0x0080'0000,
         0x0000'00FF);  // header type 0, multi-function; cache line size is writable
  define(0x10, 0xC, ~(VirtualLayout::kControlBytes - 1));  // BAR0: 64-bit, prefetchable
  define(0x14, 0, 0xFFFF'FFFF);
  define(0x18, 0xC, ~(layout.portal_bytes - 1));  // BAR2
  define(0x1C, 0, 0xFFFF'FFFF);
  define(0x2C, vendor);  // subsystem
  define(0x34, Layout::kMsix);
  define(0x3C, 0, 0x0000'00FF);  // interrupt line; pin 0
}

/// @spec siov.md 3.2; dsa.md 1.3
void VirtualConfig::Shape::define_capabilities() {
  // MSI-X: enable and function mask writable. Offsets are in the dword they belong to (siov.md
  // 3.8).
  define(Layout::kMsix, (layout.vectors - 1) << 16 | 0x0011 | Layout::kPcie << 8, 0xC000'0000);
  define(Layout::kMsix + 4, layout.msix_table);
  define(Layout::kMsix + 8, layout.msix_pba);

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
}

/// There are few shapes; each lives as long as a VDEV has it.
std::shared_ptr<const VirtualConfig::Shape> VirtualConfig::shape_of(std::uint16_t vendor,
                                                                    std::uint16_t device,
                                                                    const VirtualLayout& layout) {
  static std::vector<std::weak_ptr<const Shape>> shapes;
  std::erase_if(shapes, [](const auto& known) { return known.expired(); });
  for (const auto& known : shapes) {
    std::shared_ptr<const Shape> shape = known.lock();
    if (shape->vendor == vendor && shape->device == device && shape->layout == layout) return shape;
  }
  const auto shape = std::make_shared<const Shape>(vendor, device, layout);
  shapes.push_back(shape);
  return shape;
}

VirtualConfig::VirtualConfig(std::uint16_t vendor, std::uint16_t device,
                             const VirtualLayout& layout)
    : shape_(shape_of(vendor, device, layout)) {
  reset();
}

void VirtualConfig::reset() {
  values_.clear();
  values_.reserve(shape_->changeable.size());
  for (const std::uint32_t at : shape_->changeable) values_.push_back(shape_->initial[at]);
}

std::uint32_t VirtualConfig::dword(std::uint32_t offset) const {
  const std::uint8_t place = shape_->place[offset / 4];
  return place == Shape::kFixed ? shape_->initial[offset / 4] : values_[place];
}

std::uint32_t VirtualConfig::read(std::uint32_t offset, std::uint32_t size) const {
  if (lanes_of(offset, size) == 0) return 0xFFFF'FFFF;
  const std::uint32_t value = dword(offset & ~3U) >> 8 * (offset & 3);
  return size == 4 ? value : value & ((1U << 8 * size) - 1);
}

bool VirtualConfig::write(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
  const std::uint32_t lanes = lanes_of(offset, size);
  if (lanes == 0) return false;
  const std::uint32_t at = offset / 4;
  const std::uint8_t place = shape_->place[at];
  if (place == Shape::kFixed) return false;
  const std::uint32_t data = value << 8 * (offset & 3) & lanes;
  const std::uint32_t old = values_[place];
  const std::uint32_t writable = shape_->writable[at] & lanes;
  std::uint32_t now = (old & ~writable) | (data & writable);
  now &= ~(data & shape_->clear_by_one[at]);
  if (at == kPriStatus / 4 && (old & 1) == 0 && (now & 1) != 0) {
    now &= ~0x0103'0000U;  // enabling clears stopped and the failure bits
  } else if (at == kPriStatus / 4 && (old & 1) != 0 && (now & 1) == 0) {
    now |= 0x0100'0000U;  // nothing is outstanding here, so disabling stops at once
  }
  values_[place] = now;
  return at == (Layout::kPcie + 8) / 4 && (data & 0x8000) != 0;
}

bool VirtualConfig::restore(const std::vector<std::uint32_t>& values) {
  if (values.size() != values_.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t at = shape_->changeable[i];
    std::uint32_t loose = shape_->writable[at] | shape_->clear_by_one[at];
    if (at == kPriStatus / 4) loose |= 0x0100'0000;  // stopped
    values_[i] = (shape_->initial[at] & ~loose) | (values[i] & loose);
  }
  return true;
}

}  // namespace siov::vdcm
