// SPDX-License-Identifier: Apache-2.0
// Decoding of BAR0. @spec DSA 2, 2.1
#include "model/register_file.hpp"

#include "common/error.hpp"

namespace siov::model {
namespace {

constexpr std::uint32_t kControlEnd = 0x100;

std::uint64_t byte_mask(std::uint32_t size) {
  return size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
}

}  // namespace

void RegisterFile::check_access(std::uint64_t offset, std::uint32_t size) const {
  const bool legal_size = size == 1 || size == 2 || size == 4 || size == 8;
  if (!legal_size || offset % size != 0 || offset + size > layout_.bytes)
    throw HarnessError("register access must be 1, 2, 4 or 8 bytes, aligned, inside BAR0");
}

std::uint64_t RegisterFile::read(std::uint64_t offset, std::uint32_t size) const {
  check_access(offset, size);
  const auto word = static_cast<std::uint32_t>(offset & ~std::uint64_t{7});
  return read_word(word) >> 8 * (offset % 8) & byte_mask(size);
}

void RegisterFile::write(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
  check_access(offset, size);
  const auto word = static_cast<std::uint32_t>(offset & ~std::uint64_t{7});
  const unsigned shift = 8 * static_cast<unsigned>(offset % 8);
  write_word(word, value << shift, byte_mask(size) << shift);
}

std::uint64_t RegisterFile::read_word(std::uint32_t offset) const {
  if (offset < kControlEnd) return registers_.read(offset);
  if (offset >= layout_.end) return 0;
  if (offset >= layout_.ims) return interrupts_.read_ims(offset - layout_.ims);
  if (offset >= layout_.pending) return interrupts_.read_pending(offset - layout_.pending);
  if (offset >= layout_.msix) return interrupts_.read_msix(offset - layout_.msix);
  if (offset >= layout_.queues) return queues_.read_wqcfg(offset - layout_.queues);
  if (offset >= layout_.groups) return queues_.read_grpcfg(offset - layout_.groups);
  if (offset >= layout_.msix_permissions)
    return interrupts_.read_permissions(offset - layout_.msix_permissions);
  return 0;
}

void RegisterFile::write_word(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  const bool disabled = registers_.state() == abi::kGenstsDisabled;
  if (offset < kControlEnd) return registers_.write(offset, value, mask);
  if (offset >= layout_.end) return;
  if (offset >= layout_.ims) return interrupts_.write_ims(offset - layout_.ims, value, mask);
  if (offset >= layout_.pending) return;
  if (offset >= layout_.msix) return interrupts_.write_msix(offset - layout_.msix, value, mask);
  if (offset >= layout_.queues)
    return queues_.write_wqcfg(offset - layout_.queues, value, mask, disabled);
  if (offset >= layout_.groups)
    return queues_.write_grpcfg(offset - layout_.groups, value, mask, disabled);
  if (offset >= layout_.msix_permissions)
    interrupts_.write_permissions(offset - layout_.msix_permissions, value, mask);
}

}  // namespace siov::model
