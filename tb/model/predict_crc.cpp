// SPDX-License-Identifier: Apache-2.0
// CRC and copy with CRC. @spec DSA 5.6 (10, 11), 5.8
#include "model/crc.hpp"
#include "model/predict_run.hpp"

namespace siov::model {

/// If the seed cannot be read, a copy may still have gone on.
std::uint8_t run_crc(const Run& run) {
  const abi::Descriptor& d = run.d;
  const CrcMode mode{.wide = d.has(kFlagCrc64),
                     .bypass_inversion = d.has(kFlagCrcBypassInversion),
                     .bypass_data_reflection = d.has(kFlagCrcBypassReflection)};
  run.p.reads.push_back({d.source, d.size});
  std::uint64_t seed = d.crc_seed(mode.wide);
  bool failed = false;
  if (d.has(kFlagSeedAddress)) {
    std::array<std::byte, 8> bytes{};
    const std::span<std::byte> wanted = std::span(bytes).first(mode.wide ? 8 : 4);
    run.p.reads.push_back({d.crc_seed_address(), wanted.size()});
    failed = read_prefix(run.reader, d.crc_seed_address(), wanted) != wanted.size();
    seed = abi::load_le(bytes, 8);
  }
  std::vector<std::byte> data(d.size);
  const std::size_t good = read_prefix(run.reader, d.source, data);
  failed |= good != d.size;
  if (!failed) run.record.set_crc(crc(mode, seed, data));
  if (d.opcode == abi::kOpCopyCrc) {
    data.resize(good);
    run.p.writes.push_back({d.destination, std::move(data), failed});
  }
  return failed ? abi::kStReadError : abi::kStSuccess;
}

}  // namespace siov::model
