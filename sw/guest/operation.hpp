// SPDX-License-Identifier: Apache-2.0
// Operation: one memory operation of a program, and where a workload gets them from.
//
//   guest::VectorSource trace(std::move(operations));
//   guest::RandomSource mix(seed, mix_config);
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <optional>
#include <vector>

namespace siov::guest {

enum class OperationKind : std::uint8_t {
  kCopy,
  kMove,
  kFill,
  kCompare,
  kNoop,
  kFill16,
  kComparePattern,
  kCreateDelta,
  kApplyDelta,
  kDualcast,
  kCrc,
  kCopyCrc,
  kDifCheck,
  kDifInsert,
  kDifStrip,
  kDifUpdate,
  kCacheFlush,
  kDrain,
  kBatch  ///< has members; not part of a mix's weights
};
inline constexpr std::size_t kOperationKinds = 18;  ///< without kBatch
/// "copy", "move", ...: the keys of a mix.
const char* to_string(OperationKind kind);

struct Operation {
  OperationKind kind = OperationKind::kCopy;
  std::uint32_t bytes = 0;              ///< 0 only without data; delta and DIF round it
  std::uint16_t src_page_offset = 0;    ///< 0..4095
  std::uint16_t dst_page_offset = 0;    ///< 0..4095
  std::uint8_t value = 0;               ///< byte of kFill
  bool interrupt = false;               ///< ask for a completion interrupt
  bool bad = false;                     ///< one thing about it is wrong
  bool fence = false;                   ///< member: starts after the ones before it
  std::vector<Operation> members = {};  ///< of kBatch
};

class OperationSource {
 public:
  virtual ~OperationSource() = default;
  /// The next one, or nothing when the program ends.
  virtual std::optional<Operation> next() = 0;
  /// Upper bound of Operation::bytes over the whole source.
  [[nodiscard]] virtual std::uint32_t max_bytes() const = 0;
};

/// Plays a list in order, for traces.
class VectorSource final : public OperationSource {
 public:
  explicit VectorSource(std::vector<Operation> operations) : operations_(std::move(operations)) {}
  std::optional<Operation> next() override;
  [[nodiscard]] std::uint32_t max_bytes() const override;

 private:
  std::vector<Operation> operations_;
  std::size_t next_ = 0;
};

/// Batches of a mix.
struct BatchMix {
  std::uint32_t permille = 0;  ///< share of operations that are batches
  std::uint32_t least = 2;     ///< members
  std::uint32_t most = 8;
  std::uint32_t fence_permille = 0;  ///< share of members behind the first with a fence
  std::uint32_t max_bytes = 1024;    ///< of one member; MixConfig::max_bytes is a limit too
};

/// What RandomSource draws from. Sizes are drawn by power-of-two class, then uniformly inside, so
/// small ones are as frequent as large ones.
struct MixConfig {
  std::uint64_t operations = 1000;
  std::uint32_t min_bytes = 1;
  std::uint32_t max_bytes = 16384;
  /// Weights in the order of OperationKind; not all 0.
  std::uint32_t weights[kOperationKinds] = {4, 2, 2, 2, 1};
  std::uint32_t interrupt_permille = 100;
  std::uint32_t aligned_permille = 250;  ///< both offsets multiples of 64
  std::uint32_t bad_permille = 0;        ///< share of descriptors with something wrong
  BatchMix batch;
};

class RandomSource final : public OperationSource {
 public:
  RandomSource(std::uint64_t seed, MixConfig config);
  std::optional<Operation> next() override;
  [[nodiscard]] std::uint32_t max_bytes() const override { return config_.max_bytes; }

 private:
  std::uint32_t draw(std::uint32_t low, std::uint32_t high);
  /// True in so many of a thousand cases; draws nothing for 0.
  bool chance(std::uint32_t permille) { return permille != 0 && draw(0, 999) < permille; }
  Operation draw_one(std::uint32_t max_bytes);
  Operation draw_batch();

  MixConfig config_;
  std::uint64_t left_;
  boost::random::mt19937_64 engine_;
};

}  // namespace siov::guest
