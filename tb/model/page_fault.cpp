// SPDX-License-Identifier: Apache-2.0
// The operands of each operation and the order of their pages. @spec DSA 5.6
#include "model/page_fault.hpp"

#include <algorithm>
#include <utility>

#include "model/dif.hpp"

namespace siov::model {
namespace {

constexpr OperandRange read_of(Operand operand, Iova address, std::uint64_t bytes) {
  return {operand, {address, bytes}, false};
}

constexpr OperandRange write_of(Operand operand, Iova address, std::uint64_t bytes) {
  return {operand, {address, bytes}, true};
}

/// What a DIF operation writes.
std::uint64_t dif_output(const abi::Descriptor& d) {
  constexpr std::uint64_t kInfo = ProtectionInfo::kBytes;
  const std::uint64_t block = dif_block_bytes(d.dif_flags());
  switch (d.opcode) {
    case abi::kOpDifInsert:
      return d.size / block * (block + kInfo);
    case abi::kOpDifStrip:
      return d.size / (block + kInfo) * block;
    default:
      return d.size;
  }
}

std::vector<OperandRange> dif_operands(const abi::Descriptor& d) {
  std::vector<OperandRange> out{read_of(Operand::kSource1, d.source, d.size)};
  if (d.opcode != abi::kOpDifCheck)
    out.push_back(write_of(Operand::kDestination1, d.destination, dif_output(d)));
  return out;
}

std::vector<OperandRange> crc_operands(const abi::Descriptor& d) {
  std::vector<OperandRange> out;
  if (d.has(kFlagSeedAddress))
    out.push_back(read_of(Operand::kSource2, d.crc_seed_address(), d.has(kFlagCrc64) ? 8 : 4));
  out.push_back(read_of(Operand::kSource1, d.source, d.size));
  if (d.opcode == abi::kOpCopyCrc)
    out.push_back(write_of(Operand::kDestination1, d.destination, d.size));
  return out;
}

std::vector<OperandRange> drain_operands(const abi::Descriptor& d) {
  std::vector<OperandRange> out;
  if (d.has(kFlagReadback1)) out.push_back(read_of(Operand::kSource1, d.source, 1));
  if (d.has(kFlagReadback2)) out.push_back(read_of(Operand::kSource2, d.destination, 1));
  return out;
}

/// A page and how far the work is when it needs it.
struct Need {
  std::uint64_t progress;
  PageAccess access;
};

void add_pages(std::vector<Need>& needs, const OperandRange& r, bool downward,
               std::uint64_t progress) {
  for (std::uint64_t done = 0; done < r.range.bytes;) {
    const std::uint64_t left = r.range.bytes - done;
    const Iova at = r.range.address + (downward ? left - 1 : done);
    const std::uint64_t in_page =
        downward ? at.page_offset() + std::uint64_t{1} : kPageSize - at.page_offset();
    needs.push_back({progress + done, {r.operand, at.page(), r.write}});
    done += std::min(left, in_page);
  }
}

}  // namespace

std::vector<OperandRange> operands(const abi::Descriptor& d) {
  const std::uint64_t size = d.size;
  const OperandRange source = read_of(Operand::kSource1, d.source, size);
  const OperandRange destination = write_of(Operand::kDestination1, d.destination, size);
  switch (d.opcode) {
    case abi::kOpBatch:
      return {read_of(Operand::kSource1, d.list(), size * abi::kDescBytes)};
    case abi::kOpDrain:
      return drain_operands(d);
    case abi::kOpMemmove:
      return {source, destination};
    case abi::kOpFill:
      return {destination};
    case abi::kOpCompare:
      return {source, read_of(Operand::kSource2, d.destination, size)};
    case abi::kOpComparePattern:
      return {source};
    case abi::kOpCreateDelta:
      return {source, read_of(Operand::kSource2, d.destination, size),
              write_of(Operand::kDestination1, d.delta_address(), d.max_delta_size())};
    case abi::kOpApplyDelta:
      return {read_of(Operand::kSource1, d.source, d.delta_size()), destination};
    case abi::kOpDualcast:
      return {source, destination, write_of(Operand::kDestination2, d.destination2(), size)};
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc:
      return crc_operands(d);
    case abi::kOpDifCheck:
    case abi::kOpDifInsert:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate:
      return dif_operands(d);
    case abi::kOpCacheFlush:
      return {read_of(Operand::kDestination1, d.destination, size)};
    default:
      return {};
  }
}

std::vector<PageAccess> operand_pages(const abi::Descriptor& d) {
  const bool downward =
      d.opcode == abi::kOpMemmove && d.source < d.destination && d.destination - d.source < d.size;
  const bool data_last = d.opcode == abi::kOpCreateDelta || d.opcode == abi::kOpApplyDelta;
  std::vector<Need> needs;
  for (const OperandRange& r : operands(d)) {
    const bool last = data_last && r.operand == Operand::kDestination1;
    const bool first = r.operand == Operand::kSource2 && d.opcode >= abi::kOpCrcgen;
    add_pages(needs, r, downward, last ? std::uint64_t{1} << 40 : first ? 0 : 1);
  }
  std::stable_sort(needs.begin(), needs.end(),
                   [](const Need& a, const Need& b) { return a.progress < b.progress; });
  std::vector<PageAccess> out;
  out.reserve(needs.size());
  for (const Need& n : needs) out.push_back(n.access);
  return out;
}

}  // namespace siov::model
