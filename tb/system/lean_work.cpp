// SPDX-License-Identifier: Apache-2.0
// Buffers and descriptors of each operation.
#include "system/lean_work.hpp"

#include <array>
#include <cstring>
#include <optional>

#include "common/error.hpp"
#include "model/dif.hpp"
#include "model/predict.hpp"

namespace siov::system {
namespace {

constexpr std::uint32_t kRecordBytes = 32;
constexpr std::uint32_t kLineBytes = 64;
constexpr std::uint32_t kDifBlock = 512;
constexpr std::uint32_t kDifInfo = 8;
constexpr std::uint32_t kDeltaEvery = 64;  ///< bytes from one differing word to the next
constexpr std::uint32_t kDeltaEntry = 10;
constexpr std::uint32_t kSmallestDelta = 80;  // DSA 5.6 (07)
constexpr std::uint64_t kPattern = 0x8877665544332211;

bool has_protection(std::uint8_t opcode) {
  return opcode == abi::kOpDifCheck || opcode == abi::kOpDifStrip || opcode == abi::kOpDifUpdate;
}
bool is_dif(std::uint8_t opcode) { return has_protection(opcode) || opcode == abi::kOpDifInsert; }

/// DSA 5.2.2: these need a record.
bool needs_record(std::uint8_t opcode) {
  return opcode == abi::kOpCompare || opcode == abi::kOpComparePattern ||
         opcode == abi::kOpCreateDelta || opcode == abi::kOpCrcgen || opcode == abi::kOpCopyCrc ||
         opcode == abi::kOpDifCheck;
}
bool has_second_buffer(std::uint8_t opcode) {
  return opcode != abi::kOpComparePattern && opcode != abi::kOpCrcgen && opcode != abi::kOpDifCheck;
}

model::WorkContext context() {
  model::WorkContext c;
  c.max_transfer = std::uint64_t{1} << 21;
  return c;
}

std::vector<std::byte> pattern(std::uint32_t bytes, std::uint32_t index, std::uint32_t salt) {
  std::vector<std::byte> out(bytes);
  for (std::size_t b = 0; b < out.size(); ++b)
    out[b] = static_cast<std::byte>(b * 7 + (b >> 8) + index * 13 + salt * 101 + 1);
  return out;
}

}  // namespace

std::uint32_t transfer_size(std::uint8_t opcode, std::uint32_t bytes) {
  return has_protection(opcode) ? bytes / kDifBlock * (kDifBlock + kDifInfo) : bytes;
}

LeanWork::LeanWork(guest::AddressSpace& space, const WorkShape& shape)
    : space_(space), shape_(shape) {
  if (shape.opcode < abi::kOpMemmove || shape.opcode > abi::kOpDifUpdate)
    throw HarnessError("bench: operation " + std::to_string(shape.opcode) + " has no data");
  const std::uint32_t count = shape.slots * shape.batch;
  const std::uint64_t room = std::max<std::uint64_t>(
      is_dif(shape.opcode) ? shape.bytes / kDifBlock * (kDifBlock + kDifInfo) : shape.bytes,
      std::max(kSmallestDelta,
               shape.bytes / 8 * kDeltaEntry * (shape.opcode == abi::kOpCreateDelta)));
  const std::uint64_t unit = shape.opcode == abi::kOpDualcast ? kPageSize : kLineBytes;
  stride_ = (room + unit - 1) / unit * unit;
  if (shape.opcode != abi::kOpCreateDelta && !is_dif(shape.opcode)) {
    stride_ = (shape.bytes + unit - 1) / unit * unit;
  }
  first_ = space.allocate(stride_ * count);
  second_ = space.allocate(stride_ * count);
  if (shape.opcode == abi::kOpDualcast || shape.opcode == abi::kOpCreateDelta)
    third_ = space.allocate(stride_ * count);
  records_ = space.allocate(kRecordBytes * (count + shape.slots));
  for (std::uint32_t i = 0; i < count; ++i) members_.push_back(member(i));

  slots_.resize(shape.slots);
  const Iova lists = shape.batch > 1 ? space.allocate(kLineBytes * count) : Iova{};
  for (std::uint32_t s = 0; s < shape.slots; ++s) {
    abi::Descriptor whole = members_[s];
    if (shape.batch > 1) {
      const Iova list = lists + std::uint64_t{kLineBytes} * s * shape.batch;
      for (std::uint32_t m = 0; m < shape.batch; ++m)
        space.write(list + kLineBytes * m, abi::to_line(members_[s * shape.batch + m]));
      whole = abi::Descriptor{};
      whole.opcode = abi::kOpBatch;
      whole.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
      whole.completion_address = records_ + std::uint64_t{kRecordBytes} * (count + s);
      whole.source = list;
      whole.size = shape.batch;
    }
    slots_[s].line = abi::to_line(whole);
    slots_[s].status = space.page_tail(whole.completion_address).data();
  }
}

abi::Descriptor LeanWork::member(std::uint32_t index) {
  abi::Descriptor d;
  d.opcode = shape_.opcode;
  d.flags = abi::flag(abi::kFlagCrav);
  if (shape_.batch == 1 || needs_record(d.opcode)) d.flags |= abi::flag(abi::kFlagRcr);
  d.completion_address = records_ + std::uint64_t{kRecordBytes} * index;
  d.source = first_ + stride_ * index;
  if (has_second_buffer(d.opcode)) d.destination = second_ + stride_ * index;
  d.size = transfer_size(d.opcode, shape_.bytes);
  fill_buffers(index, d);
  return d;
}

void LeanWork::fill_buffers(std::uint32_t index, abi::Descriptor& d) {
  std::vector<std::byte> data = pattern(d.size, index, shape_.salt);
  switch (d.opcode) {
    case abi::kOpFill:
      d.set_pattern(kPattern + index);
      return;
    case abi::kOpComparePattern:
      d.set_compare_pattern(kPattern);
      for (std::size_t b = 0; b < data.size(); ++b)
        data[b] = static_cast<std::byte>(kPattern >> (8 * (b % 8)));
      break;
    case abi::kOpCompare:
      space_.write(d.destination, data);
      break;
    case abi::kOpCreateDelta:
      d.set_delta_address(third_ + stride_ * index);
      d.set_max_delta_size(std::max(kSmallestDelta, d.size / 8 * kDeltaEntry));
      space_.write(d.destination, data);
      for (std::size_t b = 0; b < data.size(); b += kDeltaEvery) data[b] ^= std::byte{0xFF};
      break;
    case abi::kOpApplyDelta:
      d.set_delta_size(d.size / kDeltaEvery * kDeltaEntry);
      for (std::uint32_t e = 0; e < d.size / kDeltaEvery; ++e) {
        const std::uint32_t word = e * kDeltaEvery / 8;
        data[e * kDeltaEntry] = static_cast<std::byte>(word);
        data[e * kDeltaEntry + 1] = static_cast<std::byte>(word >> 8);
      }
      break;
    case abi::kOpDualcast:
      d.set_destination2(third_ + stride_ * index);
      break;
    default:
      break;
  }
  space_.write(d.source, data);
  if (has_protection(d.opcode)) protect_blocks(d);
}

/// Valid protection information behind each block; tags start at 0 and the reference tag counts.
void LeanWork::protect_blocks(const abi::Descriptor& descriptor) {
  const model::DifSetup dif(descriptor);
  std::vector<std::byte> block(kDifBlock);
  for (std::uint32_t b = 0; b < descriptor.size / (kDifBlock + kDifInfo); ++b) {
    const Iova at = descriptor.source + std::uint64_t{b} * (kDifBlock + kDifInfo);
    space_.read(at, block);
    const model::ProtectionInfo info{dif.guard(block), 0, b};
    space_.write(at + kDifBlock, info.bytes());
  }
}

bool LeanWork::right(const abi::Descriptor& descriptor, bool record) const {
  auto reader = [this](Iova address, std::span<std::byte> out) {
    space_.read(address, out);
    return true;
  };
  const model::Prediction p = model::predict(descriptor, context(), reader);
  bool good = p.status == abi::kStSuccess;
  for (const model::Write& w : p.writes) good = good && space_.equal(w.address, w.data);
  if (record) {
    std::array<std::byte, kRecordBytes> expected = p.record, found{};
    space_.read(descriptor.completion_address, found);
    expected[0] = found[0];  // the host has taken the status away
    good = good && found == expected;
  }
  return good;
}

std::uint64_t LeanWork::wrong(std::size_t used) const {
  std::uint64_t wrong = 0;
  for (std::size_t m = 0; m < used * shape_.batch; ++m) {
    const abi::Descriptor& d = members_[m];
    if (!right(d, d.has(abi::kFlagRcr))) ++wrong;
  }
  return wrong;
}

}  // namespace siov::system
