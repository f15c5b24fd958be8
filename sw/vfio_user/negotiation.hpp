// SPDX-License-Identifier: Apache-2.0
// negotiate: what comes of the client's VERSION: an agreement and the payload of the reply.
//
//   const auto result = negotiate(message.payload, {.max_data_bytes = 1 << 20});
//   if (!result) refuse(result.error());
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace siov::vfio_user {

/// What this server can do.
struct Limits {
  std::uint32_t max_data_bytes = 1u << 20;
  std::uint32_t max_fds = 16;
  std::uint32_t max_dma_maps = 65535;
  bool write_multiple = true;
};

/// What both can do.
struct Agreement {
  std::uint32_t max_data_bytes = 1u << 20;  ///< of one region access or DMA message, 8 or more
  std::uint32_t client_fds = 1;             ///< descriptors that the client takes in one message
  std::uint32_t max_dma_maps = 65535;
  std::uint64_t page_sizes = 4096;  ///< of DMA ranges, one bit each
  bool write_multiple = false;
  std::vector<std::byte> reply;  ///< payload; not longer than the request
};

struct Refusal {
  int error = 0;    ///< errno of the reply
  std::string why;  ///< for people
};

inline constexpr std::uint32_t kDefaultDataBytes = 1u << 20;

/// @param request  payload of VERSION
/// @spec vfio-user VERSION: same major, no higher minor, a subset of the capabilities
[[nodiscard]] Result<Agreement, Refusal> negotiate(std::span<const std::byte> request,
                                                   const Limits& limits);

}  // namespace siov::vfio_user
