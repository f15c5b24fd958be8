// SPDX-License-Identifier: Apache-2.0
// Trial: one whole system with three victims and an attacker, played once, with an attack or
// without. Suite compares the two.
//
//   hostile::Suite suite(options);
//   const hostile::Verdict verdict = suite.run(*hostile::find_attack("bme-off"));
//   if (!verdict.good()) print(verdict.changed, verdict.leaked, verdict.broken);
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hostile/attack.hpp"
#include "hostile/victim.hpp"
#include "system/scenario.hpp"
#include "vdcm/vdcm_mistakes.hpp"

namespace siov::hostile {

struct TrialOptions {
  system::DeviceKind device = system::DeviceKind::kModel;
  std::uint64_t seed = 1;
  std::vector<std::string> inject = {};    ///< a broken device (check::list_injections())
  std::vector<std::string> mistakes = {};  ///< of the VDCM, see mistake_names()
};

/// Names of the fields of vdcm::VdcmMistakes, with dashes.
[[nodiscard]] std::vector<std::string> vdcm_mistake_names();

struct TrialResult {
  std::vector<VictimResult> victims;
  std::vector<std::string> leaked;  ///< what the attacker found of others
  std::vector<std::string>
      broken;               ///< what was not as the attack, the host or the referee wants it
  std::string stopped;      ///< why the run ended early; empty: it did not
  std::uint64_t steps = 0;  ///< hostile accesses
  std::uint64_t cycles = 0;
  std::uint64_t faults = 0;  ///< requests that the IOMMU refused
  std::uint64_t errors = 0;  ///< software errors that the device reported
};

/// @param attack  nullptr: none
[[nodiscard]] TrialResult play_trial(const TrialOptions& options, const Attack* attack,
                                     const Setting& setting);

struct Verdict {
  std::vector<std::string> changed;  ///< "ledger: ..."
  std::vector<std::string> leaked;
  std::vector<std::string> broken;
  std::uint64_t steps = 0, cycles = 0, faults = 0, errors = 0;
  [[nodiscard]] bool good() const { return changed.empty() && leaked.empty() && broken.empty(); }
  /// Everything that is wrong, one a line.
  [[nodiscard]] std::string text() const;
};

/// What the victims' results are without an attack is found out once. That run is made by a correct
/// host and device.
class Suite {
 public:
  explicit Suite(TrialOptions options) : options_(std::move(options)) {}
  [[nodiscard]] Verdict run(const Attack& attack);

 private:
  const TrialResult& alone(const Setting& setting);
  TrialOptions options_;
  std::map<Setting, TrialResult> alone_;
};

}  // namespace siov::hostile
