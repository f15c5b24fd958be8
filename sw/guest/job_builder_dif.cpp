// SPDX-License-Identifier: Apache-2.0
// Jobs with protection information. @spec dsa.md 5.9
#include "abi/siov_abi.hpp"
#include "guest/arithmetic.hpp"
#include "guest/job_builder.hpp"

namespace siov::guest {

namespace {

constexpr std::uint32_t kBlockBytes[] = {512, 520, 4096, 4104};
constexpr std::uint32_t kProtectionBytes = 8;

/// What one DIF descriptor does to its blocks.
struct Plan {
  std::uint32_t block = 512;
  bool insert = false, check_only = false, update = false;
  bool invert_seed = false, invert_result = false;
  std::uint8_t source_flags = 0, destination_flags = 0;
  abi::DifTags source_tags, destination_tags;

  [[nodiscard]] std::uint32_t source_unit() const {
    return block + (insert ? 0 : kProtectionBytes);
  }
  [[nodiscard]] std::uint32_t destination_unit() const {
    return check_only ? 0 : block + (insert || update ? kProtectionBytes : 0);
  }
  /// What goes behind a block of the destination.
  [[nodiscard]] Protection made(std::uint16_t guard, const Protection& stored) const {
    const auto passes = [&](std::uint8_t bit) { return update && (destination_flags & bit) != 0; };
    Protection p;
    p.guard = passes(0x20) ? stored.guard : guard;
    p.application =
        passes(0x08)
            ? stored.application
            : static_cast<std::uint16_t>(destination_tags.application & ~destination_tags.mask);
    p.reference = passes(0x40) ? stored.reference : destination_tags.reference;
    return p;
  }
};

}  // namespace

/// @param fixed_bits  each in half of all cases  @param rare_bits  each in a quarter
std::uint8_t JobBuilder::draw_dif_flags(std::uint8_t fixed_bits, std::uint8_t rare_bits) {
  const std::uint32_t half = draw(0, 255);
  const std::uint32_t quarter = draw(0, 255) & draw(0, 255);
  return static_cast<std::uint8_t>((half & fixed_bits) | (quarter & rare_bits));
}

abi::DifTags JobBuilder::draw_dif_tags() {
  abi::DifTags tags;
  tags.reference = one_in(8) ? 0xFFFF'FFFE : draw(0, 0xFFFF'FFFF);  // wraps in the third block
  const std::uint32_t pick = draw(0, 3);
  tags.mask = static_cast<std::uint16_t>(pick == 0 ? 0xFFFF : pick == 1 ? draw(0, 0xFFFF) : 0);
  tags.application = static_cast<std::uint16_t>(one_in(8) ? 0xFFFF : draw(0, 0xFFFF));
  return tags;
}

void JobBuilder::build_dif() {
  abi::Descriptor& d = job_.descriptor;
  Plan plan;
  plan.insert = op_->kind == OperationKind::kDifInsert;
  plan.check_only = op_->kind == OperationKind::kDifCheck;
  plan.update = op_->kind == OperationKind::kDifUpdate;
  d.opcode = static_cast<std::uint8_t>(abi::kOpDifCheck + static_cast<int>(op_->kind) -
                                       static_cast<int>(OperationKind::kDifCheck));
  const std::uint32_t code = draw(0, op_->bytes >= 4112 ? 3 : 1);
  plan.block = kBlockBytes[code];
  plan.invert_seed = one_in(4);
  plan.invert_result = one_in(4);
  if (!plan.insert) {
    plan.source_flags = draw_dif_flags(0x90, 0x60);
    plan.source_flags |= static_cast<std::uint8_t>(one_in(3) ? 1U << draw(0, 3) : 0U);
    plan.source_tags = draw_dif_tags();
    d.set_dif_source(plan.source_tags);
  }
  if (plan.insert) plan.destination_flags = draw_dif_flags(0x90, 0);
  if (plan.update) plan.destination_flags = draw_dif_flags(0x90, 0x68);
  if (plan.insert || plan.update) {
    plan.destination_tags = draw_dif_tags();
    d.set_dif_destination(plan.destination_tags);
  }
  d.set_dif_flags(plan.source_flags, plan.destination_flags,
                  static_cast<std::uint8_t>(code | (plan.invert_seed ? 4U : 0U) |
                                            (plan.invert_result ? 8U : 0U)));
  const std::uint32_t blocks = std::max(1U, op_->bytes / plan.source_unit());
  d.size = blocks * plan.source_unit();
  d.source = source_at();
  if (!plan.check_only) d.destination = destination_at();

  const bool corrupts = op_->bad && !plan.insert && !one_in(3);
  const std::uint32_t corrupt_at = corrupts ? draw(0, blocks - 1) : blocks;
  std::vector<std::byte> in, out;
  std::uint32_t bad_block = blocks;
  std::uint8_t verdict = 0;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    std::vector<std::byte> data = contents(plan.block);
    const std::uint16_t right = guard_of(data, plan.invert_seed, plan.invert_result);
    Protection stored;
    stored.guard = right;
    stored.application =
        static_cast<std::uint16_t>(plan.source_tags.application & ~plan.source_tags.mask);
    stored.reference = plan.source_tags.reference;
    // What the flags say is not looked at may be anything.
    if ((plan.source_flags & 0x20) != 0 && one_in(2)) stored.guard ^= 0x0101;
    if ((plan.source_flags & 0x40) != 0 && one_in(2)) stored.reference ^= 0x8000'0001;
    if (plan.source_tags.mask == 0xFFFF)
      stored.application = static_cast<std::uint16_t>(draw(0, 0xFFFF));
    if ((plan.source_flags & 0x0F) != 0 && one_in(8)) stored = {0xFFFF, 0xFFFF, 0xFFFF'FFFF};
    if (i == corrupt_at) {
      const std::uint32_t pick = draw(0, 3);
      if (pick == 0) stored.guard ^= static_cast<std::uint16_t>(1U << draw(0, 15));
      if (pick == 1) stored.application ^= static_cast<std::uint16_t>(1U << draw(0, 15));
      if (pick == 2) stored.reference ^= 1U << draw(0, 31);
      if (pick == 3) data[draw(0, plan.block - 1)] ^= std::byte{0x10};
    }
    const std::uint16_t guard =
        i == corrupt_at ? guard_of(data, plan.invert_seed, plan.invert_result) : right;
    in.insert(in.end(), data.begin(), data.end());
    if (!plan.insert) append_protection(in, stored);
    if (bad_block != blocks) continue;
    if (!plan.insert)
      verdict = judge_protection(stored, guard, plan.source_tags, plan.source_flags);
    if (verdict != 0) {
      bad_block = i;
      continue;
    }
    if (!plan.check_only) out.insert(out.end(), data.begin(), data.end());
    if (plan.insert || plan.update) append_protection(out, plan.made(guard, stored));
    plan.source_tags = step_tags(plan.source_tags, plan.source_flags);
    plan.destination_tags = step_tags(plan.destination_tags, plan.destination_flags);
  }
  source("source", d.source, std::move(in));
  abi::CompletionRecord& record = job_.expected;
  if (!plan.check_only) {
    Region& region =
        background("destination", d.destination, std::uint64_t{blocks} * plan.destination_unit());
    region.after = region.before;
    std::copy(out.begin(), out.end(), region.after.begin() + kGuard);
    if (verdict != 0) {  // the failing block may have been written already
      region.open_offset = kGuard + out.size();
      region.open_bytes = plan.destination_unit();
    }
    destination_flags();
  }
  if (verdict != 0) {
    record.status = abi::kStDifError;
    record.result = verdict;
    record.bytes_completed = bad_block * plan.source_unit();
    job_.any_details = true;
    if (op_->bad) job_.fault = "wrong protection information";
    return;
  }
  // The tags that the next block would have.
  if (!plan.insert) record.set_dif_source(plan.source_tags);
  if (plan.insert || plan.update) record.set_dif_destination(plan.destination_tags);
}

}  // namespace siov::guest
