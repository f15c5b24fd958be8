// SPDX-License-Identifier: Apache-2.0
// Where operations come from: a list, or a seeded mix.
#include "guest/operation.hpp"

#include <algorithm>
#include <bit>
#include <boost/random/uniform_int_distribution.hpp>
#include <numeric>

#include "common/error.hpp"

namespace siov::guest {

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
}

std::uint32_t RandomSource::draw(std::uint32_t low, std::uint32_t high) {
  return boost::random::uniform_int_distribution<std::uint32_t>(low, high)(engine_);
}

std::optional<Operation> RandomSource::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  Operation op;
  const std::uint32_t total =
      std::accumulate(std::begin(config_.weights), std::end(config_.weights), 0U);
  std::uint32_t ticket = draw(0, total - 1);
  std::size_t kind = 0;
  while (ticket >= config_.weights[kind]) ticket -= config_.weights[kind++];
  op.kind = static_cast<OperationKind>(kind);
  const auto low_class = static_cast<std::uint32_t>(std::bit_width(config_.min_bytes)) - 1;
  const auto high_class = static_cast<std::uint32_t>(std::bit_width(config_.max_bytes)) - 1;
  const std::uint32_t size_class = draw(low_class, high_class);
  const std::uint32_t low = std::max(config_.min_bytes, 1U << size_class);
  const std::uint32_t high = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(config_.max_bytes, (std::uint64_t{2} << size_class) - 1));
  op.bytes = draw(low, high);
  const std::uint32_t mask = draw(0, 999) < config_.aligned_permille ? 0xFC0 : 0xFFF;
  op.src_page_offset = static_cast<std::uint16_t>(draw(0, 4095) & mask);
  op.dst_page_offset = static_cast<std::uint16_t>(draw(0, 4095) & mask);
  op.value = static_cast<std::uint8_t>(draw(0, 255));
  op.interrupt = draw(0, 999) < config_.interrupt_permille;
  if (op.kind == OperationKind::kNoop) op.bytes = 0;
  return op;
}

}  // namespace siov::guest
