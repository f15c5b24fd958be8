// SPDX-License-Identifier: Apache-2.0
// emulated_work: checks in an order of ours (dsa.md 5.2.3 leaves it open), data in pieces of a
// page.
#include "vdcm/emulated_work.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "abi/completion_record.hpp"
#include "abi/siov_abi.hpp"

namespace siov::vdcm {

namespace {

using abi::flag;

constexpr std::uint64_t kPiece = 4096;  // a request does not cross a page

/// Bytes first..last of a descriptor.
constexpr std::uint64_t bytes(unsigned first, unsigned last) {
  return (~std::uint64_t{0} >> (63 - last)) & (~std::uint64_t{0} << first);
}

/// @spec dsa.md 5.2.1
struct OpRules {
  std::uint32_t allowed = 0;
  std::uint32_t required = 0;
  std::uint64_t reserved = 0;
};

OpRules rules_of(const abi::Descriptor& d) {
  const std::uint32_t a1 = flag(abi::kFlagAddr1Tc);
  const std::uint32_t a2 = flag(abi::kFlagAddr2Tc);
  const std::uint32_t strict = flag(abi::kFlagStrictOrder);
  const std::uint32_t check = flag(abi::kFlagCheckResult);
  const std::uint32_t record = flag(abi::kFlagCrav) | flag(abi::kFlagRcr);
  switch (d.opcode) {
    case abi::kOpNoop:
      return {0, 0, bytes(16, 35) | bytes(38, 63)};
    case abi::kOpDrain:  // suppressing the implicit readback of a class changes nothing here
      return {flag(18) | flag(19), 0, bytes(16, 35) | bytes(38, 63)};
    case abi::kOpMemmove:
      return {strict | a1 | a2, 0, bytes(38, 63)};
    case abi::kOpFill:
      return {strict | a2, 0, bytes(38, 63)};
    case abi::kOpCompare:
      return {check | a1 | a2, record,
              bytes(38, 39) | bytes(d.has(abi::kFlagCheckResult) ? 41 : 40, 63)};
    default:  // compare with pattern
      return {check | a1, record, bytes(38, 39) | bytes(41, 63)};
  }
}

bool compares(const abi::Descriptor& d) {
  return d.opcode == abi::kOpCompare || d.opcode == abi::kOpComparePattern;
}
bool sized(const abi::Descriptor& d) { return d.opcode >= abi::kOpMemmove; }

/// One descriptor from its checks to its end.
class Run {
 public:
  Run(const EmulatedWork& work, const EmulatedRules& rules, const EmulatedHooks& hooks,
      port::DmaPort& dma)
      : work_(work), d_(work.descriptor), rules_(rules), hooks_(hooks), dma_(dma) {}

  void go() {
    const bool misaligned = d_.has(abi::kFlagCrav) && d_.completion_address.value % 32 != 0;
    const bool forbidden = !rules_.dedicated && work_.privileged && !hooks_.privileged_allowed();
    record_.status = check(misaligned, forbidden);
    if (record_.status == 0) {
      record_.status = abi::kStSuccess;
      data();
    }
    finish(misaligned || forbidden);  // nothing in it can be trusted: no record, no interrupt
  }

 private:
  std::uint8_t check(bool misaligned, bool forbidden);
  std::uint32_t bad_flags() const;
  bool reserved_set() const;
  void data();
  void move();
  void fill();
  void compare();
  bool read(Iova address, std::span<std::byte> out);
  bool write(Iova address, std::span<const std::byte> data);
  void finish(bool discard);
  void report(std::uint8_t code, Iova address);
  port::DmaRequest request(Iova address) const {
    return {work_.requester, address, work_.pasid, work_.privileged,
            port::AddressType::kUntranslated};
  }

  const EmulatedWork& work_;
  const abi::Descriptor& d_;
  const EmulatedRules& rules_;
  const EmulatedHooks& hooks_;
  port::DmaPort& dma_;
  abi::CompletionRecord record_;
};

/// The flags at fault. @spec dsa.md 5.2.2
std::uint32_t Run::bad_flags() const {
  const OpRules rules = rules_of(d_);
  std::uint32_t allowed = rules.allowed | flag(abi::kFlagCrav) | flag(abi::kFlagRci);
  if (d_.has(abi::kFlagCrav)) allowed |= flag(abi::kFlagRcr) | flag(abi::kFlagCrTc);
  std::uint32_t bad = (d_.flags & ~allowed) | (rules.required & ~d_.flags);
  const std::uint32_t drain_needs = flag(abi::kFlagRcr) | flag(abi::kFlagRci);
  if (d_.opcode == abi::kOpDrain && (d_.flags & drain_needs) == 0) bad |= drain_needs;
  return bad;
}

bool Run::reserved_set() const {
  if (!rules_.dedicated && d_.reserved0 != 0) return true;
  std::uint64_t mask = rules_of(d_).reserved;
  if (!d_.has(abi::kFlagCrav)) mask |= bytes(8, 15);
  if (!d_.has(abi::kFlagRci)) mask |= bytes(36, 37);
  const std::array<std::byte, 64> line = abi::to_line(d_);
  for (; mask != 0; mask &= mask - 1) {
    if (line[static_cast<unsigned>(std::countr_zero(mask))] != std::byte{0}) return true;
  }
  return false;
}

/// @return status, 0 if all is well
std::uint8_t Run::check(bool misaligned, bool forbidden) {
  if (d_.opcode >= 64 || (kEmulatedOperations >> d_.opcode & 1) == 0) return abi::kStBadOpcode;
  if (misaligned) return abi::kStCrMisaligned;
  if (forbidden) return abi::kStBadPriv;
  if (const std::uint32_t bad = bad_flags()) {
    record_.set_invalid_flags(bad);
    return abi::kStInvalidFlags;
  }
  if (reserved_set()) return abi::kStReservedField;
  if (sized(d_) && (d_.size == 0 || d_.size > rules_.max_transfer)) return abi::kStBadSize;
  if (d_.has(abi::kFlagRci) && !hooks_.handle_ok(d_.interrupt_handle, work_.pasid))
    return abi::kStBadHandle;
  return 0;
}

bool Run::read(Iova address, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::size_t n = std::min<std::uint64_t>(kPiece - address.page_offset(), out.size());
    if (dma_.read(request(address), out.first(n)) != port::DmaStatus::kSuccess) {
      record_.status = abi::kStReadError;
      return false;
    }
    address += n;
    out = out.subspan(n);
  }
  return true;
}

bool Run::write(Iova address, std::span<const std::byte> data) {
  while (!data.empty()) {
    const std::size_t n = std::min<std::uint64_t>(kPiece - address.page_offset(), data.size());
    if (dma_.write(request(address), data.first(n)) != port::DmaStatus::kSuccess) {
      record_.status = abi::kStWriteError;
      return false;
    }
    address += n;
    data = data.subspan(n);
  }
  return true;
}

void Run::data() {
  if (d_.opcode == abi::kOpMemmove) move();
  if (d_.opcode == abi::kOpFill) fill();
  if (compares(d_)) compare();
}

/// From the far end where the destination overlaps the rest of the source. @spec dsa.md 5.6 (03)
void Run::move() {
  const bool backward =
      d_.destination > d_.source && d_.destination.value - d_.source.value < d_.size;
  std::vector<std::byte> piece;
  for (std::uint64_t done = 0; done < d_.size;) {
    const std::uint64_t n = std::min<std::uint64_t>(kPiece, d_.size - done);
    const std::uint64_t at = backward ? d_.size - done - n : done;
    piece.resize(n);
    if (!read(d_.source + at, piece) || !write(d_.destination + at, piece)) return;
    done += n;
  }
}

void Run::fill() {
  std::vector<std::byte> piece(std::min<std::uint64_t>(kPiece, d_.size));
  for (std::size_t i = 0; i < piece.size(); ++i)
    piece[i] = static_cast<std::byte>(d_.pattern() >> 8 * (i % 8));
  for (std::uint64_t done = 0; done < d_.size;) {
    const std::uint64_t n = std::min<std::uint64_t>(piece.size(), d_.size - done);
    if (!write(d_.destination + done, std::span(piece).first(n))) return;
    done += n;
  }
}

/// @spec dsa.md 5.6 (05, 06)
void Run::compare() {
  std::vector<std::byte> one, other;
  for (std::uint64_t done = 0; done < d_.size && record_.result == 0;) {
    const std::uint64_t n = std::min<std::uint64_t>(kPiece, d_.size - done);
    one.resize(n);
    other.resize(n);
    if (!read(d_.source + done, one)) return;
    if (d_.opcode == abi::kOpCompare) {
      if (!read(d_.destination + done, other)) return;
    } else {
      for (std::size_t i = 0; i < n; ++i)
        other[i] = static_cast<std::byte>(d_.compare_pattern() >> 8 * (i % 8));
    }
    const auto different = std::mismatch(one.begin(), one.end(), other.begin()).first;
    if (different != one.end()) {
      record_.result = 1;
      record_.bytes_completed = static_cast<std::uint32_t>(done + (different - one.begin()));
    }
    done += n;
  }
  const bool unexpected =
      d_.has(abi::kFlagCheckResult) && (d_.expected_result() & 1) != record_.result;
  if (unexpected) record_.status = abi::kStSuccessPredicate;
}

void Run::report(std::uint8_t code, Iova address) {
  SoftwareError error;
  error.descriptor_valid = true;
  error.code = code;
  error.opcode = d_.opcode;
  error.privileged = work_.privileged;
  error.pasid = work_.pasid;
  error.address = address.value;
  hooks_.error(error);
}

/// Record, report, interrupt, in this order. @spec dsa.md 5.3, 5.4
void Run::finish(bool discard) {
  const std::uint8_t status = record_.status;
  const bool failed = status != abi::kStSuccess && status != abi::kStSuccessPredicate;
  const bool no_record = discard || !d_.has(abi::kFlagCrav);
  if (no_record) {
    if (failed) report(status, d_.completion_address);
  } else if (failed || d_.has(abi::kFlagRcr)) {
    const std::array<std::byte, 32> bytes = abi::to_bytes(record_);
    if (dma_.write(request(d_.completion_address), bytes) != port::DmaStatus::kSuccess)
      report(abi::kStCrFault, d_.completion_address);
  }
  if (status == abi::kStBadHandle && !no_record)
    report(status, Iova{0});  // also logged, dsa.md 5.5
  if (!discard && d_.has(abi::kFlagRci) && hooks_.handle_ok(d_.interrupt_handle, work_.pasid))
    hooks_.interrupt(d_.interrupt_handle);
}

}  // namespace

void run_emulated(const EmulatedWork& work, const EmulatedRules& rules, const EmulatedHooks& hooks,
                  port::DmaPort& dma) {
  Run(work, rules, hooks, dma).go();
}

}  // namespace siov::vdcm
