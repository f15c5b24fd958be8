// SPDX-License-Identifier: Apache-2.0
// TlpMutator: fault injection on what the device sends, before anybody on the host's side sees it.
//
//   void mutate(Tlp& tlp, std::vector<Tlp>&, bool& drop) override { drop = tlp.type ==
//   TlpType::kMemWrite; }
#pragma once

#include <vector>

#include "pcie/tlp.hpp"

namespace siov::pcie {

class TlpMutator {
 public:
  virtual ~TlpMutator() = default;
  /// Called once for each TLP from the device, before sinks see it and before the host acts.
  /// @param tlp    may be changed in place
  /// @param extra  empty; TLPs put here are taken after tlp, in order (also when tlp is dropped)
  /// @param drop   set to lose tlp
  virtual void mutate(Tlp& tlp, std::vector<Tlp>& extra, bool& drop) = 0;
};

}  // namespace siov::pcie
