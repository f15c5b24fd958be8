// SPDX-License-Identifier: Apache-2.0
// Interrupt tables and their rules. @spec DSA 2.10, 3.1, PCIe-6.3 6.1.4
#include "model/interrupts.hpp"

namespace siov::model {
namespace {

constexpr std::uint32_t kMask = 1u << 0;
constexpr std::uint32_t kIgnore = 1u << 2;
constexpr std::uint32_t kPasidEnable = 1u << 3;
constexpr std::uint32_t kPasidField = 0xFFFFF000u;
constexpr std::uint32_t kPermissionBits = kIgnore | kPasidEnable | kPasidField;
constexpr std::uint32_t kImsControlBits = kMask | kPermissionBits;
constexpr std::uint64_t kResetAddress = 0xFEE00000u;

std::uint64_t merge(std::uint64_t old, std::uint64_t value, std::uint64_t mask) {
  return (old & ~mask) | (value & mask);
}

}  // namespace

Interrupts::Interrupts(const DeviceConfig& config, const ConfigSpace& space, DmaMaster& master)
    : must_be_granted_(config.cmd_cap),
      space_(space),
      master_(master),
      msix_(config.msix_vectors),
      ims_(config.ims_entries) {
  reset_function();
}

void Interrupts::reset_device() {
  for (Entry& e : msix_) {
    e.control &= kMask;
    e.granted = false;
    drop(e);
  }
  for (Entry& e : ims_) {
    drop(e);
    e = Entry{kResetAddress, 0, kMask, false, false};
  }
  work_in_vector0_ = false;
}

void Interrupts::reset_function() {
  for (Entry& e : msix_) e = Entry{0, 0, kMask, false, false};
  for (Entry& e : ims_) e = Entry{kResetAddress, 0, kMask, false, false};
  pending_count_ = 0;
  work_in_vector0_ = false;
}

void Interrupts::drop(Entry& e) {
  if (e.pending) --pending_count_;
  e.pending = false;
}

Interrupts::Entry* Interrupts::find(InterruptHandle h) {
  std::vector<Entry>& table = h.ims ? ims_ : msix_;
  return h.handle < table.size() ? &table[h.handle] : nullptr;
}

const Interrupts::Entry* Interrupts::find(InterruptHandle h) const {
  const std::vector<Entry>& table = h.ims ? ims_ : msix_;
  return h.handle < table.size() ? &table[h.handle] : nullptr;
}

std::uint64_t Interrupts::read_msix(std::uint32_t offset) const {
  const std::size_t index = offset / 16;
  if (index >= msix_.size()) return 0;
  const Entry& e = msix_[index];
  if (offset % 16 == 0) return e.address;
  return std::uint64_t{e.control & kMask} << 32 | e.data;
}

std::uint64_t Interrupts::read_pending(std::uint32_t offset) const {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 64 && offset * 8 + i < msix_.size(); ++i)
    bits |= std::uint64_t{msix_[offset * 8 + i].pending} << i;
  return bits;
}

std::uint64_t Interrupts::read_permissions(std::uint32_t offset) const {
  const std::size_t index = offset / 8;
  return index < msix_.size() ? msix_[index].control & kPermissionBits : 0;
}

std::uint64_t Interrupts::read_ims(std::uint32_t offset) const {
  const std::size_t index = offset / 16;
  if (index >= ims_.size()) return 0;
  const Entry& e = ims_[index];
  if (offset % 16 == 0) return e.address;
  const std::uint32_t control = (e.control & kImsControlBits) | (e.pending ? 2u : 0u);
  return std::uint64_t{control} << 32 | e.data;
}

void Interrupts::write_msix(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  const std::size_t index = offset / 16;
  if (index >= msix_.size()) return;
  Entry& e = msix_[index];
  if (offset % 16 == 0) {
    e.address = merge(e.address, value, mask) & ~std::uint64_t{3};
    return;
  }
  e.data = static_cast<std::uint32_t>(merge(e.data, value, mask));
  const auto control =
      static_cast<std::uint32_t>(merge(std::uint64_t{e.control} << 32, value, mask) >> 32);
  e.control = (e.control & ~kMask) | (control & kMask);
  settle(e, false);
}

void Interrupts::write_permissions(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  const std::size_t index = offset / 8;
  if (index >= msix_.size()) return;
  Entry& e = msix_[index];
  const auto control = static_cast<std::uint32_t>(merge(e.control, value, mask));
  e.control = (e.control & kMask) | (control & kPermissionBits);
}

void Interrupts::write_ims(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  const std::size_t index = offset / 16;
  if (index >= ims_.size()) return;
  Entry& e = ims_[index];
  if (offset % 16 == 0) {
    const std::uint64_t address = merge(e.address, value, mask);
    if (address >> 20 == 0xFEE)
      e.address = address & ~std::uint64_t{3};  // any other write is ignored
    return;
  }
  e.data = static_cast<std::uint32_t>(merge(e.data, value, mask));
  e.control = static_cast<std::uint32_t>(merge(std::uint64_t{e.control} << 32, value, mask) >> 32) &
              kImsControlBits;
  settle(e, true);
}

bool Interrupts::granted(InterruptHandle h) const {
  const Entry* e = find(h);
  return e != nullptr && e->granted;
}

bool Interrupts::release(InterruptHandle h) {
  if (!granted(h)) return false;
  find(h)->granted = false;
  return true;
}

bool Interrupts::permitted(InterruptHandle h, std::optional<Pasid> pasid) const {
  const Entry* e = find(h);
  if (e == nullptr || (must_be_granted_ && !e->granted)) return false;
  if (((e->control & kPasidEnable) != 0) != pasid.has_value()) return false;
  return !pasid.has_value() || e->control >> 12 == pasid->value;
}

void Interrupts::request(InterruptHandle h) {
  Entry* e = find(h);
  if (e == nullptr || (!h.ims && !space_.msix_enabled())) return;
  if ((e->control & kIgnore) != 0) return;  // this event only; an earlier one stays pending
  if (!e->pending) ++pending_count_;
  e->pending = true;
  settle(*e, h.ims);
  if (e == &msix_[0]) work_in_vector0_ = e->pending;
}

void Interrupts::request_device() {
  const bool work = work_in_vector0_;
  request({false, 0});
  work_in_vector0_ = work && msix_[0].pending;
}

void Interrupts::retire_device() {
  if (!work_in_vector0_) drop(msix_[0]);
}

void Interrupts::settle(Entry& e, bool ims) {
  if (!e.pending) return;
  const bool ignored = (e.control & kIgnore) != 0;
  const bool open = (e.control & kMask) == 0 && space_.bus_master() &&
                    (ims || (space_.msix_enabled() && !space_.msix_function_mask()));
  if (!open) return;
  drop(e);
  if (&e == &msix_[0]) work_in_vector0_ = false;
  if (!ignored) master_.message(Iova{e.address}, e.data);
}

void Interrupts::service() {
  if (pending_count_ == 0) return;
  for (Entry& e : msix_) settle(e, false);
  for (Entry& e : ims_) settle(e, true);
}

}  // namespace siov::model
