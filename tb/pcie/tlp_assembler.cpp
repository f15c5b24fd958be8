// SPDX-License-Identifier: Apache-2.0
// Beats -> TLPs.
#include "pcie/tlp_assembler.hpp"

#include <algorithm>
#include <cstring>

#include "pcie/tlp_codec.hpp"

namespace siov::pcie {

Tlp* TlpAssembler::accept(const Beat& beat) {
  if (beat.sop) {
    if (inside_) ++framing_errors_;
    inside_ = true;
    beats_ = 0;
    WireHeader wire;
    wire.dw = beat.header;
    wire.prefix_valid = beat.prefix_valid;
    wire.prefix = beat.prefix;
    decode(wire, tlp_);
  } else if (!inside_) {
    ++framing_errors_;
    return nullptr;
  }
  const std::uint32_t offset = beats_ * beat_bytes_;
  if (tlp_.has_data && offset < kMaxPayload)
    std::memcpy(tlp_.payload.data() + offset, beat.data, beat_bytes_);
  ++beats_;
  if (!beat.eop) return nullptr;
  inside_ = false;
  // What travelled: Length says how much of the last beat counts, if the number of beats agrees
  // with it.
  const std::uint32_t announced = tlp_.has_data ? 4u * tlp_.length_dw : 0;
  const std::uint32_t expected_beats = std::max(1u, (announced + beat_bytes_ - 1) / beat_bytes_);
  const std::uint32_t travelled = beats_ == expected_beats ? announced : beats_ * beat_bytes_;
  tlp_.payload_bytes = static_cast<std::uint16_t>(std::min<std::uint32_t>(travelled, kMaxPayload));
  return &tlp_;
}

void TlpAssembler::reset() {
  inside_ = false;
  beats_ = 0;
  framing_errors_ = 0;
}

}  // namespace siov::pcie
