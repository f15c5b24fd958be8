// SPDX-License-Identifier: Apache-2.0
// Primary fault recording.
#include "iommu/fault_log.hpp"

#include "common/error.hpp"

namespace siov::iommu {

namespace {

// FRCD bit positions in the high quadword (bit 64 of the record is bit 0 here). @spec VT-d FRCD_REG
constexpr unsigned kT2 = 92 - 64;
constexpr unsigned kPrivilege = 93 - 64;
constexpr unsigned kPasidPresent = 95 - 64;
constexpr unsigned kReason = 96 - 64;
constexpr unsigned kPasidValue = 104 - 64;
constexpr unsigned kAddressType = 124 - 64;
constexpr unsigned kT1 = 126 - 64;
constexpr unsigned kFault = 127 - 64;
constexpr std::uint64_t kFaultBit = std::uint64_t{1} << kFault;
constexpr std::uint64_t kInfoMask = ~std::uint64_t{0xFFF};

RawFaultRecord encode(const FaultRecord& fault) {
  const auto access = static_cast<std::uint64_t>(fault.access);
  RawFaultRecord raw;
  raw.low = fault.info & kInfoMask;
  raw.high = fault.requester.value;
  raw.high |= (access & 1) << kT2;
  raw.high |= (access >> 1) << kT1;
  raw.high |= static_cast<std::uint64_t>(fault.reason) << kReason;
  raw.high |= static_cast<std::uint64_t>(fault.type) << kAddressType;
  if (fault.pasid) {
    raw.high |= std::uint64_t{1} << kPasidPresent;
    raw.high |= std::uint64_t{fault.pasid->value} << kPasidValue;
    raw.high |= std::uint64_t{fault.privileged} << kPrivilege;
  }
  raw.high |= kFaultBit;
  return raw;
}

FaultRecord decode(const RawFaultRecord& raw) {
  const auto bit = [&raw](unsigned position) { return (raw.high >> position & 1) != 0; };
  FaultRecord fault;
  fault.valid = bit(kFault);
  fault.reason = static_cast<FaultReason>(raw.high >> kReason & 0xFF);
  fault.access = static_cast<FaultAccess>((bit(kT1) ? 2 : 0) | (bit(kT2) ? 1 : 0));
  fault.type = static_cast<port::AddressType>(raw.high >> kAddressType & 3);
  fault.requester = RequesterId{static_cast<std::uint16_t>(raw.high & 0xFFFF)};
  if (bit(kPasidPresent)) {
    fault.pasid = Pasid{static_cast<std::uint32_t>(raw.high >> kPasidValue & kMaxPasid)};
    fault.privileged = bit(kPrivilege);
  }
  fault.info = raw.low & kInfoMask;
  return fault;
}

}  // namespace

FaultLog::FaultLog(unsigned records) : records_(records) {
  if (records == 0 || records > 256) throw HarnessError("fault records: 1..256");
}

void FaultLog::add(const FaultRecord& fault) {
  if (overflow_) {
    ++dropped_;
    return;
  }
  RawFaultRecord& slot = records_[next_];
  if ((slot.high & kFaultBit) != 0) {
    overflow_ = true;  // an occupied record means that PPF is pending already: no new event
    ++dropped_;
    return;
  }
  const bool quiet = !any();
  if (!pending()) first_ = next_;
  slot = encode(fault);
  next_ = (next_ + 1) % size();
  if (quiet && on_event_) on_event_();
}

void FaultLog::set_queue_error(QueueCondition condition) {
  const bool quiet = !any();
  queue_errors_ |= std::uint32_t{1} << static_cast<unsigned>(condition);
  if (quiet && on_event_) on_event_();
}

std::uint32_t FaultLog::status() const {
  return (overflow_ ? 1u : 0u) | (pending() ? 2u : 0u) | queue_errors_ | first_ << 8;
}

void FaultLog::write_status(std::uint32_t value) {
  if ((value & 1) != 0) overflow_ = false;
  queue_errors_ &= ~value;
}

FaultRecord FaultLog::record(unsigned index) const { return decode(raw(index)); }

RawFaultRecord FaultLog::raw(unsigned index) const {
  if (index >= size()) throw HarnessError("no such fault record");
  return records_[index];
}

void FaultLog::clear(unsigned index) {
  if (index >= size()) throw HarnessError("no such fault record");
  records_[index].high &= ~kFaultBit;
}

void FaultLog::clear_all() {
  for (RawFaultRecord& record : records_) record.high &= ~kFaultBit;
  overflow_ = false;
}

bool FaultLog::pending() const {
  for (const RawFaultRecord& record : records_) {
    if ((record.high & kFaultBit) != 0) return true;
  }
  return false;
}

}  // namespace siov::iommu
