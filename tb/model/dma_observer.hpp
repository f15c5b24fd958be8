// SPDX-License-Identifier: Apache-2.0
// DmaObserver: sees each transaction of the device model, in order, after it has been made.
//
//   class Hasher : public model::DmaObserver { void on_write(...) override { ... } };
//   model.set_observer(&hasher);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/types.hpp"
#include "port/dma_port.hpp"

namespace siov::model {

class DmaObserver {
 public:
  virtual ~DmaObserver() = default;
  /// A read, at most 512 bytes inside one page, 0 bytes for a readback; data is empty when the
  /// status is not success.
  virtual void on_read(const port::DmaRequest& request, std::uint64_t bytes, port::DmaStatus status,
                       std::span<const std::byte> data) = 0;
  /// A write of data, a completion record or an event, at most 256 bytes inside one page.
  virtual void on_write(const port::DmaRequest& request, std::span<const std::byte> data) = 0;
  /// An interrupt message.
  virtual void on_interrupt(Iova address, std::uint32_t data) = 0;
};

}  // namespace siov::model
