// SPDX-License-Identifier: Apache-2.0
// HostDriver: the event log. @spec dsa.md 2.11, 7.6
#include <array>
#include <span>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint64_t kEntryBytes = 64;
constexpr std::uint64_t kRecordBytes = 32;

std::uint64_t pages_of(std::uint16_t entries) {
  return (entries * kEntryBytes + kPageSize - 1) / kPageSize * kPageSize;
}
}  // namespace

void HostDriver::use_event_log(memory::PhysicalMemory& memory, memory::PageAllocator& frames,
                               std::uint16_t entries) {
  if (entries < 64) throw HarnessError("an event log has at least 64 entries");
  memory_ = &memory;
  frames_ = &frames;
  log_entries_ = entries;
}

/// The log lies in host memory, behind a PASID of the host's own: the function has no requests
/// without one.
void HostDriver::allocate_event_log() {
  if (log_runs_) return;
  log_ = frames_->allocate_range(pages_of(log_entries_));
  log_pasid_ = pasids().allocate();
  iommu_.bind(log_pasid_, Space::pass_through());
  log_runs_ = true;
}

coro::Task<> HostDriver::start_event_log() {
  if ((info_.gencap >> abi::kGencapEvlLsb & 3) != 1)
    throw DriverError("the device has no event log with entries of 64 bytes");
  allocate_event_log();
  log_head_ = 0;
  write(abi::kRegEvlcfg, 8, log_.value | 1U << abi::kEvlcfgPasidEnLsb);
  write(abi::kRegEvlcfg + 8, 8,
        log_entries_ | std::uint64_t{log_pasid_.value} << (abi::kEvlcfgPasidLsb - 64));
  const std::uint64_t genctrl = co_await read(abi::kRegGenctrl, 4);
  write(abi::kRegGenctrl, 4, genctrl | 1U << abi::kGenctrlEvlIntLsb);
  const std::uint64_t gencfg = co_await read(abi::kRegGencfg, 4);
  write(abi::kRegGencfg, 4, gencfg | 1U << abi::kGencfgEvlEnableLsb);
}

/// Pending off first: what comes after the tail was read interrupts again.
coro::Task<> HostDriver::consume_event_log() {
  if (!log_runs_) throw DriverError("an event of an event log that is off");
  write(abi::kRegEvlstatus + 4, 4, 1U << (abi::kEvlstatusIntPendingLsb - 32));
  const std::uint64_t status = co_await read(abi::kRegEvlstatus, 8);
  const auto tail = static_cast<std::uint32_t>(status >> abi::kEvlstatusTailLsb & 0xFFFF);
  if (tail >= log_entries_) throw DriverError("the tail of the event log is beyond its end");
  std::array<std::byte, kEntryBytes> entry{};
  while (log_head_ != tail) {
    if (!memory_->read(log_ + log_head_ * kEntryBytes, entry))
      throw HarnessError("the event log is not in memory");
    handle_event(entry);
    log_head_ = (log_head_ + 1) % log_entries_;
  }
  write(abi::kRegEvlstatus, 4, log_head_);
}

void HostDriver::handle_event(std::span<const std::byte> entry) {
  ++events_;
  std::array<std::uint64_t, 4> words{};
  for (std::size_t i = 0; i < 3; ++i) words[i] = abi::load_le(entry.subspan(8 * i), 8);
  words[0] &= ~std::uint64_t{0xFF00'0003};  // no valid and overflow here, a batch identifier
  SoftwareError error = SoftwareError::decode(words);
  const bool has_record = error.code == abi::kStCrFault || error.code == abi::kStEvlDrain ||
                          error.code == abi::kStEvlBatch;
  if (has_record) {
    if (record_listener_)
      record_listener_(error.pasid, Iova{error.address}, entry.subspan(32, kRecordBytes));
    return;
  }
  ++software_errors_;
  error.valid = true;
  if (error_listener_) error_listener_(error);
}

void HostDriver::stop_event_log() {
  if (!log_runs_) return;
  log_runs_ = false;
  iommu_.unbind(log_pasid_);
  pasids().release(log_pasid_);
  frames_->free(log_);
}

}  // namespace siov::vdcm
