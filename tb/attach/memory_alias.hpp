// SPDX-License-Identifier: Apache-2.0
// MemoryAlias: a second mapping of shared memory, which stays when the first one goes.
//
//   MemoryAlias alias(pointer, bytes);
//   if (alias.data() == nullptr) ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace siov::attach {

class MemoryAlias {
 public:
  MemoryAlias() = default;
  /// @param memory  of a shared mapping; any alignment
  MemoryAlias(std::byte* memory, std::uint64_t bytes);
  MemoryAlias(MemoryAlias&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryAlias& operator=(MemoryAlias&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryAlias();

  /// nullptr if it could not be made.
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace siov::attach
