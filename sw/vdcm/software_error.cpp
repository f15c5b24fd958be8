// SPDX-License-Identifier: Apache-2.0
// SWERROR words to fields and back.
#include "vdcm/software_error.hpp"

#include "abi/siov_abi.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint64_t bit(bool value, unsigned lsb) { return std::uint64_t{value} << (lsb % 64); }
constexpr bool test(std::uint64_t word, unsigned lsb) { return (word >> (lsb % 64) & 1) != 0; }
}  // namespace

std::array<std::uint64_t, 4> SoftwareError::encode() const {
  std::array<std::uint64_t, 4> words{};
  words[0] =
      bit(valid, abi::kSwerrorValidLsb) | bit(overflow, abi::kSwerrorOverflowLsb) |
      bit(descriptor_valid, abi::kSwerrorDescValidLsb) | bit(wq_valid, abi::kSwerrorWqValidLsb) |
      bit(in_batch, abi::kSwerrorBatchLsb) | bit(write, abi::kSwerrorWriteLsb) |
      bit(privileged, abi::kSwerrorPrivLsb) | bit(info_valid, abi::kSwerrorInfoValidLsb) |
      std::uint64_t{code} << abi::kSwerrorErrorLsb | std::uint64_t{wq} << abi::kSwerrorWqLsb |
      std::uint64_t{opcode} << abi::kSwerrorOpcodeLsb |
      std::uint64_t{pasid.value & kMaxPasid} << abi::kSwerrorPasidLsb;
  words[1] = std::uint64_t{batch_index} | std::uint64_t{error_info} << (abi::kSwerrorInfoLsb - 64);
  words[2] = address;
  return words;
}

SoftwareError SoftwareError::decode(const std::array<std::uint64_t, 4>& words) {
  SoftwareError e;
  const std::uint64_t w = words[0];
  e.valid = test(w, abi::kSwerrorValidLsb);
  e.overflow = test(w, abi::kSwerrorOverflowLsb);
  e.descriptor_valid = test(w, abi::kSwerrorDescValidLsb);
  e.wq_valid = test(w, abi::kSwerrorWqValidLsb);
  e.in_batch = test(w, abi::kSwerrorBatchLsb);
  e.write = test(w, abi::kSwerrorWriteLsb);
  e.privileged = test(w, abi::kSwerrorPrivLsb);
  e.info_valid = test(w, abi::kSwerrorInfoValidLsb);
  e.code = static_cast<std::uint8_t>(w >> abi::kSwerrorErrorLsb);
  e.wq = static_cast<std::uint8_t>(w >> abi::kSwerrorWqLsb);
  e.opcode = static_cast<std::uint8_t>(w >> abi::kSwerrorOpcodeLsb);
  e.pasid = Pasid{static_cast<std::uint32_t>(w >> abi::kSwerrorPasidLsb) & kMaxPasid};
  e.batch_index = static_cast<std::uint16_t>(words[1]);
  e.error_info = static_cast<std::uint32_t>(words[1] >> (abi::kSwerrorInfoLsb - 64));
  e.address = words[2];
  return e;
}

}  // namespace siov::vdcm
