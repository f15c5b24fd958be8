// SPDX-License-Identifier: Apache-2.0
// Resuming an operation, by opcode.
#include "guest/partial_work.hpp"

#include <array>

#include "abi/siov_abi.hpp"

namespace siov::guest {

namespace {

constexpr unsigned kFlagSeedAddress = 16;  ///< CRC: the seed is in memory
constexpr unsigned kFlagWideCrc = 19;
constexpr unsigned kFlagWidePattern = 18;
constexpr std::uint32_t kProtectionBytes = 8;

std::uint8_t code_of(const abi::CompletionRecord& record) {
  return static_cast<std::uint8_t>(record.status & ~abi::kStWriteFault);
}

bool is_dif(std::uint8_t opcode) {
  return opcode >= abi::kOpDifCheck && opcode <= abi::kOpDifUpdate;
}

std::uint32_t block_bytes(const abi::Descriptor& d) {
  constexpr std::array<std::uint32_t, 4> kSizes{512, 520, 4096, 4104};
  return kSizes[d.dif_flags() & 3U];
}
/// A block as the source has it, and as the destination gets it. @spec dsa.md 5.9
std::uint32_t source_block(const abi::Descriptor& d) {
  return block_bytes(d) + (d.opcode == abi::kOpDifInsert ? 0 : kProtectionBytes);
}
std::uint32_t destination_block(const abi::Descriptor& d) {
  return block_bytes(d) + (d.opcode == abi::kOpDifStrip ? 0 : kProtectionBytes);
}

/// A pattern of 8 bytes whose first byte is the one that was at `by`.
std::uint64_t turned(std::uint64_t pattern, std::uint32_t by) {
  const unsigned shift = 8 * (by % 8);
  return shift == 0 ? pattern : pattern >> shift | pattern << (64 - shift);
}

}  // namespace

bool stopped_at_page(const abi::CompletionRecord& record) {
  const std::uint8_t code = code_of(record);
  return code == abi::kStPageFault || code == abi::kStBatchPageFault ||
         code == abi::kStReadbackFault;
}

std::vector<OperandRange> operands_of(const abi::Descriptor& d) {
  const OperandRange source{d.source, d.size};
  const OperandRange destination{d.destination, d.size};
  switch (d.opcode) {
    case abi::kOpMemmove:
    case abi::kOpCompare:
      return {source, destination};
    case abi::kOpFill:
    case abi::kOpCacheFlush:
      return {destination};
    case abi::kOpComparePattern:
    case abi::kOpDifCheck:
      return {source};
    case abi::kOpCreateDelta:
      return {source, destination, {d.delta_address(), d.max_delta_size()}};
    case abi::kOpApplyDelta:
      return {{d.source, d.delta_size()}, destination};
    case abi::kOpDualcast:
      return {source, destination, {d.destination2(), d.size}};
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc: {
      std::vector<OperandRange> ranges{source};
      if (d.opcode == abi::kOpCopyCrc) ranges.push_back(destination);
      if (d.has(kFlagSeedAddress))
        ranges.push_back({d.crc_seed_address(), d.has(kFlagWideCrc) ? 8U : 4U});
      return ranges;
    }
    case abi::kOpDifInsert:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate: {
      const std::uint64_t blocks = d.size / source_block(d);
      return {source, {d.destination, blocks * destination_block(d)}};
    }
    case abi::kOpDrain: {
      std::vector<OperandRange> ranges;
      if (d.has(16)) ranges.push_back({d.source, 1});
      if (d.has(17)) ranges.push_back({d.destination, 1});
      return ranges;
    }
    default:
      return {};
  }
}

bool PartialWork::starts_again() const {
  return whole_.opcode == abi::kOpCreateDelta || whole_.opcode == abi::kOpDrain;
}

const abi::Descriptor& PartialWork::rest(const abi::CompletionRecord& stop) {
  const std::uint32_t n = stop.bytes_completed;
  // Nothing done, or nothing left: the same piece once more.
  const std::uint32_t size = rest_.opcode == abi::kOpApplyDelta ? rest_.delta_size() : rest_.size;
  if (starts_again() || n == 0 || n >= size) return rest_;
  switch (rest_.opcode) {
    case abi::kOpMemmove:
      rest_.size -= n;
      if (stop.result == 0) {  // 1: from the end, so the front is what is left
        rest_.source += n;
        rest_.destination += n;
      }
      break;
    case abi::kOpFill:
      rest_.size -= n;
      rest_.destination += n;
      turn_fill(n);
      break;
    case abi::kOpComparePattern:
      rest_.size -= n;
      rest_.source += n;
      rest_.set_compare_pattern(turned(rest_.compare_pattern(), n));
      break;
    case abi::kOpApplyDelta:
      rest_.source += n;
      rest_.set_delta_size(rest_.delta_size() - n);
      break;
    case abi::kOpDualcast:
      rest_.size -= n;
      rest_.source += n;
      rest_.destination += n;
      rest_.set_destination2(rest_.destination2() + n);
      break;
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc:
      rest_.size -= n;
      rest_.source += n;
      if (rest_.opcode == abi::kOpCopyCrc) rest_.destination += n;
      chain_crc(stop);
      break;
    case abi::kOpCacheFlush:
      rest_.size -= n;
      rest_.destination += n;
      break;
    default:
      if (is_dif(rest_.opcode)) {
        advance_blocks(stop);
      } else {
        rest_.size -= n;
        rest_.source += n;
        rest_.destination += n;
      }
      break;
  }
  done_ += n;
  return rest_;
}

/// The pattern repeats from the start of the destination. @spec dsa.md 5.6 (04)
void PartialWork::turn_fill(std::uint32_t bytes) {
  if (!rest_.has(kFlagWidePattern)) {
    rest_.set_pattern(turned(rest_.pattern(), bytes));
    return;
  }
  std::uint64_t low = rest_.pattern(), high = rest_.pattern_high();
  if (bytes % 16 >= 8) std::swap(low, high);
  const unsigned shift = 8 * (bytes % 8);
  if (shift != 0) {
    const std::uint64_t first = low >> shift | high << (64 - shift);
    high = high >> shift | low << (64 - shift);
    low = first;
  }
  rest_.set_pattern(low);
  rest_.set_pattern_high(high);
}

/// The value so far is the seed of the rest. @spec dsa.md 5.8
void PartialWork::chain_crc(const abi::CompletionRecord& stop) {
  const bool wide = rest_.has(kFlagWideCrc);
  rest_.flags &= ~abi::flag(kFlagSeedAddress);
  rest_.set_crc_seed_address(Iova{});
  rest_.set_crc_seed(wide ? stop.crc() : stop.crc() & 0xFFFF'FFFF, wide);
}

/// The record holds the tags that the next block would use. @spec dsa.md 5.9
void PartialWork::advance_blocks(const abi::CompletionRecord& stop) {
  const std::uint32_t blocks = stop.bytes_completed / source_block(rest_);
  rest_.size -= stop.bytes_completed;
  rest_.source += stop.bytes_completed;
  if (rest_.opcode != abi::kOpDifCheck) rest_.destination += blocks * destination_block(rest_);
  const auto continued = [](abi::DifTags tags, const abi::DifTags& next) {
    tags.reference = next.reference;
    tags.application = next.application;
    return tags;
  };
  if (rest_.opcode != abi::kOpDifInsert)
    rest_.set_dif_source(continued(rest_.dif_source(), stop.dif_source()));
  if (rest_.opcode == abi::kOpDifInsert || rest_.opcode == abi::kOpDifUpdate)
    rest_.set_dif_destination(continued(rest_.dif_destination(), stop.dif_destination()));
}

abi::CompletionRecord PartialWork::whole(abi::CompletionRecord last) const {
  if (done_ == 0) return last;
  const bool compares = whole_.opcode == abi::kOpCompare || whole_.opcode == abi::kOpComparePattern;
  const bool failed = code_of(last) != abi::kStSuccess && code_of(last) != abi::kStSuccessPredicate;
  // Success counts no bytes, except where a comparison found a difference (dsa.md 5.4).
  if (failed || (compares && last.result == 1))
    last.bytes_completed += static_cast<std::uint32_t>(done_);
  return last;
}

}  // namespace siov::guest
