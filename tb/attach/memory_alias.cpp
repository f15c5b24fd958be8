// SPDX-License-Identifier: Apache-2.0
// mremap() of no bytes of a shared mapping makes another one of the same pages.
#include "attach/memory_alias.hpp"

#include <sys/mman.h>

namespace siov::attach {

namespace {
constexpr std::uint64_t kPage = 4096;
}

MemoryAlias::MemoryAlias(std::byte* memory, std::uint64_t bytes) {
  const std::uint64_t skip = reinterpret_cast<std::uintptr_t>(memory) % kPage;
  void* const made = ::mremap(memory - skip, 0, bytes + skip, MREMAP_MAYMOVE);
  if (made == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(made) + skip;
  bytes_ = bytes;
}

MemoryAlias::~MemoryAlias() {
  if (data_ == nullptr) return;
  const std::uint64_t skip = reinterpret_cast<std::uintptr_t>(data_) % kPage;
  ::munmap(data_ - skip, bytes_ + skip);
}

}  // namespace siov::attach
