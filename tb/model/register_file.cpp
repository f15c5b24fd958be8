// SPDX-License-Identifier: Apache-2.0
// Decoding of BAR0. @spec DSA 2, 2.1
#include "model/register_file.hpp"

#include "common/error.hpp"

namespace siov::model {
namespace {

constexpr std::uint32_t kReservedForLater = 0xE000;  // the IMS table ends below

std::uint64_t byte_mask(std::uint32_t size) {
  return size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
}

void check_access(std::uint64_t offset, std::uint32_t size) {
  const bool legal_size = size == 1 || size == 2 || size == 4 || size == 8;
  if (!legal_size || offset % size != 0 || offset + size > RegisterFile::kBytes)
    throw HarnessError("register access must be 1, 2, 4 or 8 bytes, aligned, inside BAR0");
}

}  // namespace

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
  if (offset < 0x100) return registers_.read(offset);
  if (offset >= kReservedForLater) return 0;
  if (offset >= abi::kTblIms) return interrupts_.read_ims(offset - abi::kTblIms);
  if (offset >= abi::kTblPba) return interrupts_.read_pending(offset - abi::kTblPba);
  if (offset >= abi::kTblMsix) return interrupts_.read_msix(offset - abi::kTblMsix);
  if (offset >= abi::kTblWqcfg) return queues_.read_wqcfg(offset - abi::kTblWqcfg);
  if (offset >= abi::kTblGrpcfg) return queues_.read_grpcfg(offset - abi::kTblGrpcfg);
  if (offset >= abi::kTblMsixperm) return interrupts_.read_permissions(offset - abi::kTblMsixperm);
  return 0;
}

void RegisterFile::write_word(std::uint32_t offset, std::uint64_t value, std::uint64_t mask) {
  const bool disabled = registers_.state() == abi::kGenstsDisabled;
  if (offset < 0x100) return registers_.write(offset, value, mask);
  if (offset >= kReservedForLater) return;
  if (offset >= abi::kTblIms) return interrupts_.write_ims(offset - abi::kTblIms, value, mask);
  if (offset >= abi::kTblPba) return;
  if (offset >= abi::kTblMsix) return interrupts_.write_msix(offset - abi::kTblMsix, value, mask);
  if (offset >= abi::kTblWqcfg)
    return queues_.write_wqcfg(offset - abi::kTblWqcfg, value, mask, disabled);
  if (offset >= abi::kTblGrpcfg)
    return queues_.write_grpcfg(offset - abi::kTblGrpcfg, value, mask, disabled);
  if (offset >= abi::kTblMsixperm)
    interrupts_.write_permissions(offset - abi::kTblMsixperm, value, mask);
}

}  // namespace siov::model
