// SPDX-License-Identifier: Apache-2.0
// Contents and write rules of the configuration space. @spec DSA 1, PCIe-6.3 7, SIOV 1.1
#include "model/config_space.hpp"

#include <bit>
#include <utility>

#include "common/error.hpp"

namespace siov::model {
namespace {

constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint32_t kBar0 = 0x10;
constexpr std::uint32_t kBar2 = 0x18;
constexpr std::uint32_t kDeviceControl = 0x48;
constexpr std::uint32_t kDeviceStatus = 0x4A;
constexpr std::uint32_t kMsix = 0x80;
constexpr std::uint32_t kPmControl = 0x94;
constexpr std::uint32_t kAer = 0x100;
constexpr std::uint32_t kSystemPageSize = 0x210;
constexpr std::uint32_t kAtsControl = 0x226;
constexpr std::uint32_t kPasidControl = 0x236;
constexpr std::uint32_t kPriControl = 0x244;
constexpr std::uint32_t kPriStatus = 0x246;
constexpr std::uint32_t kPriAllocation = 0x24C;

constexpr std::uint32_t kBarFlags = 0xC;            // 64-bit, prefetchable
constexpr std::uint32_t kLongTags = 3u << 16;       // 10-bit tags: completer, requester
constexpr std::uint32_t kLongTagEnable = 1u << 12;  // 10-bit tags: requester enable
constexpr std::uint32_t kAerErrors =
    0x0015D000;  // poisoned, timeout, abort, unexpected, malformed, unsupported
constexpr std::uint32_t kAerUnsupported = 1u << 20;
constexpr std::uint32_t kAerAdvisory = 1u << 13;

}  // namespace

ConfigSpace::ConfigSpace(const DeviceConfig& config)
    : config_(config), layout_(Bar0Layout::of(config)) {
  define_header();
  define_capabilities();
  define_extended();
}

void ConfigSpace::put(std::uint32_t offset, std::uint32_t value, std::uint32_t writable,
                      std::uint32_t clears) {
  for (unsigned i = 0; i < 4; ++i) {
    value_[offset + i] = static_cast<std::uint8_t>(value >> (8 * i));
    writable_[offset + i] = static_cast<std::uint8_t>(writable >> (8 * i));
    clears_[offset + i] = static_cast<std::uint8_t>(clears >> (8 * i));
  }
}

void ConfigSpace::define_header() {
  const std::uint32_t portals = std::bit_ceil(config_.num_wq * 0x4000u);
  put(0x00, 0x0B258086);
  put(kCommand, 0x00100000, 0x00000146,
      0xF9000000);                    // capability list; memory, master, parity, SERR
  put(0x08, 0x08800000);              // class 08 80 00, revision 0
  put(0x0C, 0x00000000, 0x000000FF);  // cache line size
  put(kBar0, kBarFlags, ~(layout_.bytes - 1));
  put(kBar0 + 4, 0, 0xFFFFFFFF);
  put(kBar2, kBarFlags, ~(portals - 1));
  put(kBar2 + 4, 0, 0xFFFFFFFF);
  put(0x2C, 0x00008086);
  put(0x34, 0x00000040);
  put(0x3C, 0x00000000, 0x000000FF);  // interrupt line; no pin
}

void ConfigSpace::define_capabilities() {
  put(0x40, 0x00928010);  // PCI Express v2, RCiEP, next 0x80
  put(0x44, 0x10008022);  // FLR, role-based errors, extended tag, 512 bytes
  put(kDeviceControl, 0x00002910, 0x000079FF, 0x000F0000);
  const bool long_tags = config_.tags_per_engine > 64;
  put(0x64, 0x10700010 | (long_tags ? kLongTags : 0));  // DMWr completer, prefixes, timeout disable
  put(0x68, 0x00000000, 0x0000001F | (long_tags ? kLongTagEnable : 0));  // timeout value, disable
  put(kMsix, (config_.msix_vectors - 1) << 16 | 0x00009011, 0xC0000000);
  put(kMsix + 4, layout_.msix);             // table in BAR0
  put(kMsix + 8, layout_.pending);          // pending bits in BAR0
  put(0x90, 0x00030001);                    // power management v3, last
  put(kPmControl, 0x00000008, 0x00000003);  // no soft reset
}

void ConfigSpace::define_extended() {
  put(kAer, 0x20020001);  // AER v2, next 0x200
  put(kAer + 0x04, 0, 0, kAerErrors);
  put(kAer + 0x08, 0, kAerErrors);
  put(kAer + 0x0C, 0x00040000, kAerErrors);  // malformed is fatal
  put(kAer + 0x10, 0, 0, kAerAdvisory);
  put(kAer + 0x14, kAerAdvisory, kAerAdvisory);
  put(0x200, config_.ats ? 0x22010023 : 0x23010023);  // DVSEC, next 0x220 or 0x230
  put(0x204, 0x01818086);
  put(0x208, 0x00000005);                             // scalable I/O virtualization
  put(0x20C, 0x00000001);                             // 4 KiB pages
  put(kSystemPageSize, 0x00000001);                   // only one legal value
  put(0x214, config_.ims_entries != 0 ? 1 : 0);       // interrupt message storage
  put(0x230, config_.ats ? 0x2401001B : 0x0001001B);  // PASID, next 0x240 or last
  put(0x234, 0x00001404, 0x00050000);                 // 20 bits, privileged mode
  if (!config_.ats) return;
  put(0x220, 0x2301000F);                                // ATS, next 0x230
  put(0x224, 0x00000060, 0x801F0000);                    // smallest translation unit, enable
  put(0x240, 0x00010013);                                // PRI, last
  put(kPriControl, 0x81000000, 0x00000001, 0x00030000);  // stopped, PASID in responses; enable
  put(0x248, 0x00000200);
  put(kPriAllocation, 0x00000000, 0xFFFFFFFF);
}

std::uint32_t ConfigSpace::read(std::uint32_t offset, std::uint32_t size) const {
  if ((size != 1 && size != 2 && size != 4) || offset % size != 0 || offset + size > kBytes)
    throw HarnessError("configuration access must be 1, 2 or 4 bytes, aligned, below 4096");
  std::uint32_t out = 0;
  for (unsigned i = 0; i < size; ++i) out |= std::uint32_t{value_[offset + i]} << (8 * i);
  return out;
}

bool ConfigSpace::write(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
  (void)read(offset, size);  // checks the arguments
  bool reset_function = false;
  for (unsigned i = 0; i < size; ++i) {
    const std::uint32_t at = offset + i;
    const auto byte = static_cast<std::uint8_t>(value >> (8 * i));
    std::uint8_t writable = writable_[at];
    if (at == kPmControl && (byte & 3) != 0 && (byte & 3) != 3) writable = 0;  // D1, D2: ignored
    if (at == kDeviceControl + 1 && (byte & 0x80) != 0) reset_function = true;
    value_[at] = static_cast<std::uint8_t>((value_[at] & ~writable) | (byte & writable));
    value_[at] = static_cast<std::uint8_t>(value_[at] & ~(byte & clears_[at]));
    // Enable has to be 0 or become so with the same write. @spec PCIe-6.3 10.5.2.2
    if (at == kPriControl && (byte & 3) == 2) page_reset_ = config_.ats;
  }
  return reset_function;
}

void ConfigSpace::reset() {
  const std::uint8_t payload = value_[kDeviceControl] & 0xE0;
  std::array<std::uint32_t, 5> sticky;  // AER status, mask, severity, correctable status, mask
  for (unsigned i = 0; i < 5; ++i) sticky[i] = read(kAer + 4 + 4 * i, 4);
  value_.fill(0);
  define_header();
  define_capabilities();
  define_extended();
  value_[kDeviceControl] = static_cast<std::uint8_t>((value_[kDeviceControl] & 0x1F) | payload);
  for (unsigned i = 0; i < 5; ++i) {
    for (unsigned b = 0; b < 4; ++b)
      value_[kAer + 4 + 4 * i + b] = static_cast<std::uint8_t>(sticky[i] >> (8 * b));
  }
}

bool ConfigSpace::d3hot() const { return (value_[kPmControl] & 3) == 3; }
bool ConfigSpace::memory_space() const { return (value_[kCommand] & 2) != 0 && !d3hot(); }
bool ConfigSpace::bus_master() const { return (value_[kCommand] & 4) != 0 && !d3hot(); }
bool ConfigSpace::pasid_enabled() const { return (value_[kPasidControl] & 1) != 0; }
bool ConfigSpace::pasid_privileged() const { return (value_[kPasidControl] & 4) != 0; }
bool ConfigSpace::ats_enabled() const { return (value_[kAtsControl + 1] & 0x80) != 0; }
bool ConfigSpace::pri_enable_bit() const { return (value_[kPriControl] & 1) != 0; }
std::uint32_t ConfigSpace::page_allocation() const { return read(kPriAllocation, 4); }
void ConfigSpace::note_response_failure() { value_[kPriStatus] |= 1; }
void ConfigSpace::note_unexpected_group() { value_[kPriStatus] |= config_.ats ? 2 : 0; }

void ConfigSpace::set_page_requests_stopped(bool stopped) {
  if (!config_.ats) return;
  value_[kPriStatus + 1] =
      static_cast<std::uint8_t>((value_[kPriStatus + 1] & ~1) | (stopped ? 1 : 0));
}

void ConfigSpace::clear_page_status() {
  value_[kPriStatus] = static_cast<std::uint8_t>(value_[kPriStatus] & ~3);
  set_page_requests_stopped(false);
}

bool ConfigSpace::take_page_reset() { return std::exchange(page_reset_, false); }

bool ConfigSpace::msix_enabled() const { return (value_[kMsix + 3] & 0x80) != 0; }
bool ConfigSpace::msix_function_mask() const { return (value_[kMsix + 3] & 0x40) != 0; }

std::uint64_t ConfigSpace::bar0() const {
  return (std::uint64_t{read(kBar0 + 4, 4)} << 32 | read(kBar0, 4)) & ~std::uint64_t{0xF};
}

std::uint64_t ConfigSpace::bar2() const {
  return (std::uint64_t{read(kBar2 + 4, 4)} << 32 | read(kBar2, 4)) & ~std::uint64_t{0xF};
}

/// A non-posted request that is answered is advisory unless software made it fatal; an advisory
/// error reaches the uncorrectable status only while it is not masked. @spec PCIe-6.3 6.2.3.2.4
void ConfigSpace::note_unsupported(bool posted) {
  const bool fatal = (read(kAer + 0x0C, 4) & kAerUnsupported) != 0;
  const bool advisory = !posted && !fatal;
  const bool advisory_masked = (read(kAer + 0x14, 4) & kAerAdvisory) != 0;
  value_[kDeviceStatus] |= 0x08 | (advisory ? 0x01 : fatal ? 0x04 : 0x02);
  if (advisory) value_[kAer + 0x11] |= static_cast<std::uint8_t>(kAerAdvisory >> 8);
  if (!advisory || !advisory_masked)
    value_[kAer + 0x06] |= static_cast<std::uint8_t>(kAerUnsupported >> 16);
}

void ConfigSpace::set_transactions_pending(bool pending) {
  value_[kDeviceStatus] =
      static_cast<std::uint8_t>((value_[kDeviceStatus] & ~0x20) | (pending ? 0x20 : 0));
}

}  // namespace siov::model
