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
  std::uint8_t end(const Reach& reach, std::size_t offset, std::span<const std::byte> rest);
  void note_progress(std::size_t offset);
  void tags_of_next_block(const DifTags& source, const DifTags& destination);

  const Run& run_;
  const DifSetup dif_;
  const bool insert_, generates_, writes_;
  DifTags source_tags_, destination_tags_;
  DifTags sure_source_, sure_destination_;  ///< behind the blocks that certainly count as done
  std::size_t sure_ = 0, sure_out_ = 0;     ///< those blocks, in the source and in out_ [bytes]
  std::vector<std::byte> out_;              ///< of blocks that were good
  std::vector<std::byte> piece_;            ///< of the block under way
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

/// The tags go back with success, with a DIF error and with a page fault.
void DifWalk::tags_of_next_block(const DifTags& source, const DifTags& destination) {
  if (!insert_) run_.record.set_dif_source(source);
  if (generates_) run_.record.set_dif_destination(destination);
}

/// The blocks before the bad one have been written, the bad one perhaps.
std::uint8_t DifWalk::bad_block(std::size_t offset, std::uint8_t dif_status) {
  run_.record.result = dif_status;
  run_.record.bytes_completed = static_cast<std::uint32_t>(offset);
  tags_of_next_block(source_tags_, destination_tags_);
  const Iova at = run_.d.destination + out_.size();
  if (!out_.empty()) run_.p.writes.push_back({run_.d.destination, std::move(out_), false});
  if (!piece_.empty()) run_.p.writes.push_back({at, std::move(piece_), true});
  return abi::kStDifError;
}

/// The blocks before offset are good and their pages are there.
void DifWalk::note_progress(std::size_t offset) {
  if (offset > run_.most) return;
  sure_ = offset;
  sure_out_ = out_.size();
  sure_source_ = source_tags_;
  sure_destination_ = destination_tags_;
}

/// @param rest  bytes of the block that is not whole; they may have been written
std::uint8_t DifWalk::end(const Reach& reach, std::size_t offset, std::span<const std::byte> rest) {
  note_progress(offset);
  out_.insert(out_.end(), rest.begin(), rest.end());
  if (writes_) add_upward(run_, run_.d.destination, out_, reach, sure_out_);
  if (tells_progress(reach)) tags_of_next_block(sure_source_, sure_destination_);
  return end_at(run_, reach, sure_);
}

std::uint8_t DifWalk::walk() {
  const std::size_t size = run_.d.size;
  run_.p.reads.push_back({run_.d.source, size});
  std::vector<std::byte> bytes(size);
  const Reach source = read_up(run_, Operand::kSource1, run_.d.source, bytes);
  std::size_t offset = 0;
  for (; offset + source_block() <= source.bytes; offset += source_block()) {
    note_progress(offset);
    piece_.clear();
    const std::uint8_t dif_status = block(std::span(bytes).subspan(offset, source_block()));
    // Data may go on before its block has been checked, so its page comes first.
    const Iova at = run_.d.destination + out_.size();
    const Reach out = reach_piece(run_, at, piece_.size(), offset + source_block());
    if (out.status != 0) return end(out, offset, std::span(piece_).first(out.bytes));
    if (dif_status != 0) return bad_block(offset, dif_status);
    out_.insert(out_.end(), piece_.begin(), piece_.end());
    source_tags_ = dif_.next_source(source_tags_);
    destination_tags_ = dif_.next_destination(destination_tags_);
  }
  if (source.status != 0) {  // data of a block whose end is missing may have gone on
    const std::size_t part = std::min(source.bytes - offset, dif_.block_bytes());
    const Iova at = run_.d.destination + out_.size();
    const Reach out = reach_piece(run_, at, writes_ ? part : 0, size);
    return end(out.status != 0 ? out : source, offset, std::span(bytes).subspan(offset, out.bytes));
  }
  if (writes_) run_.p.writes.push_back({run_.d.destination, std::move(out_), false});
  tags_of_next_block(source_tags_, destination_tags_);
  return abi::kStSuccess;
}

}  // namespace

std::uint8_t run_dif(const Run& run) { return DifWalk(run).walk(); }

}  // namespace siov::model
