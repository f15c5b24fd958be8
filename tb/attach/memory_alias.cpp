// SPDX-License-Identifier: Apache-2.0
// mremap() of no bytes of a shared mapping makes another one of the same pages.
#include "attach/memory_alias.hpp"

#include <sys/mman.h>

namespace siov::attach {

MemoryAlias::MemoryAlias(std::byte* memory, std::uint64_t bytes) {
  void* const made = ::mremap(memory, 0, bytes, MREMAP_MAYMOVE);
  if (made == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(made);
  bytes_ = bytes;
}

MemoryAlias::~MemoryAlias() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace siov::attach
