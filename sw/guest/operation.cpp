// SPDX-License-Identifier: Apache-2.0
// Where operations come from: a list, or a seeded mix.
#include "guest/operation.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/random/uniform_int_distribution.hpp>
#include <numeric>

#include "common/error.hpp"

namespace siov::guest {

const char* to_string(OperationKind kind) {
  constexpr std::array<const char*, kOperationKinds + 1> kNames = {"copy",
                                                                   "move",
                                                                   "fill",
                                                                   "compare",
                                                                   "noop",
                                                                   "fill16",
                                                                   "compare_pattern",
                                                                   "create_delta",
                                                                   "apply_delta",
                                                                   "dualcast",
                                                                   "crc",
                                                                   "copy_crc",
                                                                   "dif_check",
                                                                   "dif_insert",
                                                                   "dif_strip",
                                                                   "dif_update",
                                                                   "cache_flush",
                                                                   "drain",
                                                                   "batch"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<Operation> VectorSource::next() {
  if (next_ == operations_.size()) return std::nullopt;
  return operations_[next_++];
}

std::uint32_t VectorSource::max_bytes() const {
  std::uint32_t most = 1;
  for (const Operation& operation : operations_) most = std::max(most, operation.bytes);
  return most;
}

RandomSource::RandomSource(std::uint64_t seed, MixConfig config)
    : config_(config), left_(config.operations), engine_(seed) {
  if (config.min_bytes == 0 || config.min_bytes > config.max_bytes)
    throw HarnessError("bad range of operation sizes");
  if (std::accumulate(std::begin(config.weights), std::end(config.weights), 0U) == 0)
    throw HarnessError("all weights of a mix are 0");
  if (config.batch.permille != 0 &&
      (config.batch.least == 0 || config.batch.least > config.batch.most))
    throw HarnessError("bad range of batch sizes");
}

std::uint32_t RandomSource::draw(std::uint32_t low, std::uint32_t high) {
  return boost::random::uniform_int_distribution<std::uint32_t>(low, high)(engine_);
}

Operation RandomSource::draw_one(std::uint32_t max_bytes) {
  Operation op;
  const std::uint32_t min_bytes = std::min(config_.min_bytes, max_bytes);
  const std::uint32_t total =
      std::accumulate(std::begin(config_.weights), std::end(config_.weights), 0U);
  std::uint32_t ticket = draw(0, total - 1);
  std::size_t kind = 0;
  while (ticket >= config_.weights[kind]) ticket -= config_.weights[kind++];
  op.kind = static_cast<OperationKind>(kind);
  const auto low_class = static_cast<std::uint32_t>(std::bit_width(min_bytes)) - 1;
  const auto high_class = static_cast<std::uint32_t>(std::bit_width(max_bytes)) - 1;
  const std::uint32_t size_class = draw(low_class, high_class);
  const std::uint32_t low = std::max(min_bytes, 1U << size_class);
  const std::uint32_t high = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(max_bytes, (std::uint64_t{2} << size_class) - 1));
  op.bytes = draw(low, high);
  const std::uint32_t mask = draw(0, 999) < config_.aligned_permille ? 0xFC0 : 0xFFF;
  op.src_page_offset = static_cast<std::uint16_t>(draw(0, 4095) & mask);
  op.dst_page_offset = static_cast<std::uint16_t>(draw(0, 4095) & mask);
  op.value = static_cast<std::uint8_t>(draw(0, 255));
  op.interrupt = draw(0, 999) < config_.interrupt_permille;
  op.bad = chance(config_.bad_permille);
  if (op.kind == OperationKind::kNoop || op.kind == OperationKind::kDrain) op.bytes = 0;
  return op;
}

Operation RandomSource::draw_batch() {
  Operation op;
  op.kind = OperationKind::kBatch;
  op.interrupt = draw(0, 999) < config_.interrupt_permille;
  op.bad = chance(config_.bad_permille);
  const std::uint32_t count = draw(config_.batch.least, config_.batch.most);
  const std::uint32_t max_bytes = std::min(config_.max_bytes, config_.batch.max_bytes);
  for (std::uint32_t i = 0; i < count; ++i) {
    Operation member = draw_one(max_bytes);
    // A drain is no member (dsa.md 5.6).
    if (member.kind == OperationKind::kDrain) member.kind = OperationKind::kNoop;
    member.fence = i != 0 && chance(config_.batch.fence_permille);
    op.bytes += member.bytes;
    op.members.push_back(std::move(member));
  }
  return op;
}

std::optional<Operation> RandomSource::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  if (chance(config_.batch.permille)) return draw_batch();
  return draw_one(config_.max_bytes);
}

}  // namespace siov::guest
