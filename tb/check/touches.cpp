// SPDX-License-Identifier: Apache-2.0
// The operands of each operation. dsa.md 5.6
#include "check/touches.hpp"

#include "model/predict.hpp"

namespace siov::check {

namespace {

struct Address {
  std::uint64_t at;
  bool in(Iova start, std::uint64_t bytes) const {
    return at >= start.value && at - start.value < bytes;
  }
};

bool reads(const abi::Descriptor& d, Address a) {
  switch (d.opcode) {
    case abi::kOpNoop:
    case abi::kOpDrain:
    case abi::kOpFill:
    case abi::kOpCacheFlush:
      return false;
    case abi::kOpBatch:
      return a.in(d.list(), std::uint64_t{d.count()} * abi::kDescBytes);
    case abi::kOpApplyDelta:
      return a.in(d.source, d.delta_size());
    case abi::kOpCompare:
    case abi::kOpCreateDelta:
      return a.in(d.source, d.size) || a.in(d.destination, d.size);
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc:
      return a.in(d.source, d.size) ||
             (d.has(model::kFlagSeedAddress) && a.in(d.crc_seed_address(), 8));
    default:
      return a.in(d.source, d.size);
  }
}

bool writes(const abi::Descriptor& d, Address a) {
  switch (d.opcode) {
    case abi::kOpMemmove:
    case abi::kOpFill:
    case abi::kOpApplyDelta:
    case abi::kOpCopyCrc:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate:
      return a.in(d.destination, d.size);
    case abi::kOpDifInsert:  // 8 bytes more a block of at least 512
      return a.in(d.destination, d.size + d.size / 512 * 8);
    case abi::kOpDualcast:
      return a.in(d.destination, d.size) || a.in(d.destination2(), d.size);
    case abi::kOpCreateDelta:
      return a.in(d.delta_address(), d.max_delta_size());
    default:
      return false;
  }
}

}  // namespace

bool touches(const abi::Descriptor& d, const pcie::Tlp& t) {
  const Address a{t.first_byte()};
  if (t.type == pcie::TlpType::kMemRead) return reads(d, a);
  return writes(d, a) || (d.has(abi::kFlagCrav) && a.in(d.completion_address, 32));
}

}  // namespace siov::check
