// SPDX-License-Identifier: Apache-2.0
// DIF check, insert, strip and update. @spec DSA 5.9
#include <algorithm>

#include "model/dif.hpp"
#include "model/predict_run.hpp"

namespace siov::model {
namespace {

/// Blocks in order, from a source that is readable up to some byte.
class DifWalk {
 public:
  explicit DifWalk(const Run& run)
      : run_(run),
        dif_(run.d),
        insert_(run.d.opcode == abi::kOpDifInsert),
        generates_(insert_ || run.d.opcode == abi::kOpDifUpdate),
        writes_(run.d.opcode != abi::kOpDifCheck),
        source_tags_(run.d.dif_source()),
        destination_tags_(run.d.dif_destination()) {}

  std::uint8_t walk();

 private:
  std::size_t source_block() const {
    return dif_.block_bytes() + (insert_ ? 0 : ProtectionInfo::kBytes);
  }
  std::uint8_t block(std::span<const std::byte> source);
  void emit(std::span<const std::byte> bytes);
  std::uint8_t bad_block(std::size_t offset, std::uint8_t dif_status);
  void tags_of_next_block();

  const Run& run_;
  const DifSetup dif_;
  const bool insert_, generates_, writes_;
  DifTags source_tags_, destination_tags_;
  std::vector<std::byte> out_;    ///< of blocks that were good
  std::vector<std::byte> piece_;  ///< of the block under way
};

void DifWalk::emit(std::span<const std::byte> bytes) {
  if (writes_) piece_.insert(piece_.end(), bytes.begin(), bytes.end());
}

/// Fills piece_ with what the block becomes. @return DIF status
std::uint8_t DifWalk::block(std::span<const std::byte> source) {
  const std::span<const std::byte> data = source.first(dif_.block_bytes());
  const std::uint16_t guard = dif_.guard(data);
  ProtectionInfo stored;
  std::uint8_t status = 0;
  if (!insert_) {
    stored =
        ProtectionInfo::load(source.subspan(dif_.block_bytes()).first<ProtectionInfo::kBytes>());
    status = dif_.check(source_tags_, guard, stored);
  }
  emit(data);
  if (generates_) emit(dif_.make(destination_tags_, guard, stored).bytes());
  return status;
}

/// The tags go back with success and with a DIF error.
void DifWalk::tags_of_next_block() {
  if (!insert_) run_.record.set_dif_source(source_tags_);
  if (generates_) run_.record.set_dif_destination(destination_tags_);
}

/// The blocks before the bad one have been written, the bad one perhaps.
std::uint8_t DifWalk::bad_block(std::size_t offset, std::uint8_t dif_status) {
  run_.record.result = dif_status;
  run_.record.bytes_completed = static_cast<std::uint32_t>(offset);
  tags_of_next_block();
  const Iova at = run_.d.destination + out_.size();
  if (!out_.empty()) run_.p.writes.push_back({run_.d.destination, std::move(out_), false});
  if (!piece_.empty()) run_.p.writes.push_back({at, std::move(piece_), true});
  return abi::kStDifError;
}

std::uint8_t DifWalk::walk() {
  const std::size_t size = run_.d.size;
  run_.p.reads.push_back({run_.d.source, size});
  std::vector<std::byte> bytes(size);
  const std::size_t good = read_prefix(run_.reader, run_.d.source, bytes);
  std::size_t offset = 0;
  for (; offset + source_block() <= good; offset += source_block()) {
    piece_.clear();
    const std::uint8_t dif_status = block(std::span(bytes).subspan(offset, source_block()));
    if (dif_status != 0) return bad_block(offset, dif_status);
    out_.insert(out_.end(), piece_.begin(), piece_.end());
    source_tags_ = dif_.next_source(source_tags_);
    destination_tags_ = dif_.next_destination(destination_tags_);
  }
  const bool failed = good != size;
  if (failed && writes_) {  // data of a block whose end is not readable may have gone on
    const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    const std::size_t part = std::min(good - offset, dif_.block_bytes());
    out_.insert(out_.end(), from, from + static_cast<std::ptrdiff_t>(part));
  }
  if (writes_) run_.p.writes.push_back({run_.d.destination, std::move(out_), failed});
  if (failed) return abi::kStReadError;
  tags_of_next_block();
  return abi::kStSuccess;
}

}  // namespace

std::uint8_t run_dif(const Run& run) { return DifWalk(run).walk(); }

}  // namespace siov::model
