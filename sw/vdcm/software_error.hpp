// SPDX-License-Identifier: Apache-2.0
// SoftwareError: the SWERROR register as four 64-bit words and as fields.
//
//   const vdcm::SoftwareError error = vdcm::SoftwareError::decode(words);
//   if (error.wq_valid) ...
#pragma once

#include <array>
#include <cstdint>

#include "common/types.hpp"

namespace siov::vdcm {

/// @spec dsa.md 2.7
struct SoftwareError {
  bool valid = false;
  bool overflow = false;
  bool descriptor_valid = false;
  bool wq_valid = false;
  bool in_batch = false;
  bool write = false;
  bool privileged = false;
  bool info_valid = false;  ///< error_info means something (2.0)
  std::uint8_t code = 0;
  std::uint8_t wq = 0;
  std::uint8_t opcode = 0;
  Pasid pasid;
  std::uint16_t batch_index = 0;
  std::uint32_t error_info = 0;
  std::uint64_t address = 0;

  [[nodiscard]] std::array<std::uint64_t, 4> encode() const;
  [[nodiscard]] static SoftwareError decode(const std::array<std::uint64_t, 4>& words);
};

}  // namespace siov::vdcm
