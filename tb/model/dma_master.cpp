// SPDX-License-Identifier: Apache-2.0
// Cutting at 4 KiB, 512-byte reads and 256-byte writes. @spec PCIe-6.3 2.2.7
#include "model/dma_master.hpp"

#include <algorithm>
#include <array>

#include "abi/little_endian.hpp"

namespace siov::model {
namespace {

/// Bytes to the next multiple of limit, at most left. limit divides 4096, so a piece never leaves
/// its page.
std::size_t piece_at(Iova address, std::size_t left, std::size_t limit) {
  return std::min<std::size_t>(left, limit - address.value % limit);
}

}  // namespace

/// A translated request carries no PASID. @spec SIOV D-26
std::optional<port::DmaRequest> DmaMaster::request(const Owner& owner, Iova address, bool write) {
  port::DmaRequest r;
  r.requester = requester_;
  r.address = address;
  r.pasid = owner.pasid;
  r.privileged = owner.pasid.has_value() && owner.privileged;
  if (!owner.ats) return r;
  const Translations::Answer a = translations_.look_up(owner, address.page(), write);
  if (a.result != Translations::Result::kOk) return std::nullopt;
  if (a.untranslated) return r;
  r.address = a.page + address.page_offset();
  r.pasid.reset();
  r.privileged = false;
  r.at = port::AddressType::kTranslated;
  return r;
}

bool DmaMaster::read(const Owner& owner, Iova address, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::size_t size = piece_at(address, out.size(), kMaxRead);
    const std::optional<port::DmaRequest> r = request(owner, address, false);
    if (!r) return false;
    const std::span<std::byte> piece = out.first(size);
    const port::DmaStatus status = port_.read(*r, piece);
    const bool good = status == port::DmaStatus::kSuccess;
    if (observer_)
      observer_->on_read(*r, size, status,
                         good ? std::span<const std::byte>(piece) : std::span<const std::byte>());
    if (!good) return false;
    stats_.bytes_read += size;
    address += size;
    out = out.subspan(size);
  }
  return true;
}

void DmaMaster::write_piece(const Owner& owner, Iova address, std::span<const std::byte> data) {
  const std::optional<port::DmaRequest> r = request(owner, address, true);
  if (!r) return;
  port_.write(*r, data);
  if (observer_) observer_->on_write(*r, data);
}

void DmaMaster::write(const Owner& owner, Iova address, std::span<const std::byte> data) {
  stats_.bytes_written += data.size();
  while (!data.empty()) {
    const std::size_t size = piece_at(address, data.size(), kMaxWrite);
    write_piece(owner, address, data.first(size));
    address += size;
    data = data.subspan(size);
  }
}

void DmaMaster::write_record(const Owner& owner, Iova address,
                             std::span<const std::byte, 32> record) {
  ++stats_.records;
  write_piece(owner, address, record);
}

bool DmaMaster::readback(const Owner& owner, Iova address, bool written) {
  const std::optional<port::DmaRequest> r = request(owner, address, written);
  if (!r) return false;
  const port::DmaStatus status = port_.read(*r, {});
  if (observer_) observer_->on_read(*r, 0, status, {});
  return status == port::DmaStatus::kSuccess;
}

void DmaMaster::write_event(const Owner& owner, Iova address,
                            std::span<const std::byte, 64> entry) {
  ++stats_.events;
  write_piece(owner, address, entry);
}

void DmaMaster::message(Iova address, std::uint32_t data) {
  ++stats_.interrupts;
  std::array<std::byte, 4> bytes;
  abi::store_le(bytes, data, 4);
  port_.write(*request(Owner{}, address, true), bytes);
  if (observer_) observer_->on_interrupt(address, data);
}

}  // namespace siov::model
