// SPDX-License-Identifier: Apache-2.0
// TlpMutator: fault injection on what the device sends, before anybody on the host's side sees it,
// and on what the device gets, behind everybody on the host's side.
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
  /// Called once for each TLP to the device when its first beat is due. Sinks see the TLP as it
  /// was; the device gets what is left here. Flow class and credits must stay: a message is hidden
  /// by making it one that devices ignore (make_vendor_defined()).
  virtual void mutate_down(Tlp& tlp) { static_cast<void>(tlp); }
};

}  // namespace siov::pcie
