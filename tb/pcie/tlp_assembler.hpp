// SPDX-License-Identifier: Apache-2.0
// TlpAssembler: beats -> TLPs. One TLP object is reused; nothing is allocated.
//
//   if (const Tlp* tlp = assembler.accept(beat)) sink(*tlp);
#pragma once

#include <cstdint>

#include "pcie/link.hpp"
#include "pcie/tlp.hpp"

namespace siov::pcie {

class TlpAssembler {
 public:
  explicit TlpAssembler(std::uint32_t beat_bytes = kBeatBytes) : beat_bytes_(beat_bytes) {}
  /// Takes a beat that moved. @return the TLP it completes (valid until the next call), or nullptr
  Tlp* accept(const Beat& beat);
  /// Beats outside a TLP, and TLPs cut off by the start of another (those are lost).
  std::uint64_t framing_errors() const { return framing_errors_; }
  bool inside() const { return inside_; }
  void reset();

 private:
  std::uint32_t beat_bytes_;
  Tlp tlp_;
  bool inside_ = false;
  std::uint32_t beats_ = 0;
  std::uint64_t framing_errors_ = 0;
};

}  // namespace siov::pcie
