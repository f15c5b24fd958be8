// SPDX-License-Identifier: Apache-2.0
// CRC and copy with CRC. @spec DSA 5.6 (10, 11), 5.8
#include "model/crc.hpp"
#include "model/predict_run.hpp"

namespace siov::model {

/// If the seed cannot be read, a copy may still have gone on; if its page is closed, nothing has
/// begun.
std::uint8_t run_crc(const Run& run) {
  const abi::Descriptor& d = run.d;
  const CrcMode mode{.wide = d.has(kFlagCrc64),
                     .bypass_inversion = d.has(kFlagCrcBypassInversion),
                     .bypass_data_reflection = d.has(kFlagCrcBypassReflection)};
  const bool copies = d.opcode == abi::kOpCopyCrc;
  run.p.reads.push_back({d.source, d.size});
  std::uint64_t seed = d.crc_seed(mode.wide);
  Reach of_seed;
  if (d.has(kFlagSeedAddress)) {
    std::array<std::byte, 8> bytes{};
    const std::span<std::byte> wanted = std::span(bytes).first(mode.wide ? 8 : 4);
    run.p.reads.push_back({d.crc_seed_address(), wanted.size()});
    of_seed = read_up(run, Operand::kSource2, d.crc_seed_address(), wanted);
    seed = abi::load_le(bytes, 8);
  }
  if (of_seed.status != 0 && of_seed.status != abi::kStReadError) {
    run.p.crc_undefined = true;
    return end_at(run, of_seed, 0);
  }
  std::vector<std::byte> data(d.size);
  Reach end = read_up(run, Operand::kSource1, d.source, data);
  if (copies) end = first_end(end, reach_up(run, Operand::kDestination1, d.destination, end.bytes));
  if (of_seed.status != 0) end.status = of_seed.status;
  const std::size_t done = done_at(run, end.bytes);
  if (copies) add_upward(run, d.destination, std::span(data).first(end.bytes), end, done);
  run.p.crc_undefined = tells_progress(end) && done == 0;
  if (end.status == 0 || (tells_progress(end) && done != 0))
    run.record.set_crc(crc(mode, seed, std::span(data).first(end.status == 0 ? d.size : done)));
  return end.status == 0 ? abi::kStSuccess : end_at(run, end, done);
}

}  // namespace siov::model
