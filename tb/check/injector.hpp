// SPDX-License-Identifier: Apache-2.0
// Injector: makes a good device look bad, once, in one named way, so that the checkers can be seen
// to notice.
//
//   check::Injector injector("wrong-pasid", seed);        // HarnessError if the name is unknown
//   root_complex.set_mutator(&injector);
//   ...
//   injector.fired();                                     // whether a suitable TLP came by
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "check/rules.hpp"
#include "check/translation_watch.hpp"
#include "pcie/mutator.hpp"
#include "pcie/tlp.hpp"

namespace siov::check {

/// Which TLPs an injection can use; of the device unless it says otherwise.
enum class Prey : std::uint8_t {
  kRead,
  kData,
  kRecord,
  kInterrupt,
  kCompletion,
  kBatchRecord,
  kMemberRecord,  ///< any but that of a batch
  kCrcRecord,
  kReadback,
  kLogEntry,
  kTranslated,       ///< translated request with data
  kTranslatedWrite,  ///< ... a write
  kPageRequest,
  kInvalidateCompletion,
  // Of the host; what the device gets is changed.
  kPageResponse,
  kInvalidation,  ///< of a translation that the device holds
};

/// One way to break the device.
struct Injection {
  std::string_view name;  ///< for --inject
  Rule rule;              ///< what must be reported (further rules may follow from it)
  Prey prey;
  std::string_view what;
};

/// All injections, in the order of the documentation.
std::span<const Injection> list_injections();

class Injector final : public pcie::TlpMutator {
 public:
  /// @param nth  fires at the n-th suitable TLP, from 1; absent: drawn from the seed, 20..83, of
  /// page requests and invalidations 1..8
  Injector(std::string_view name, std::uint64_t seed,
           std::optional<std::uint64_t> nth = std::nullopt);
  /// Called for every TLP of the device before anybody sees it.
  void mutate(pcie::Tlp& tlp, std::vector<pcie::Tlp>& extra, bool& drop) override;
  /// Called for every TLP to the device behind everybody.
  void mutate_down(pcie::Tlp& tlp) override;
  const Injection& injection() const { return *injection_; }
  bool fired() const { return fired_; }

 private:
  bool suitable(const pcie::Tlp& tlp) const;
  void fire(pcie::Tlp& tlp, std::vector<pcie::Tlp>& extra, bool& drop);
  bool invalidation(const pcie::Tlp& tlp) const;
  void fire_down(pcie::Tlp& tlp);
  void release_held(const pcie::Tlp& tlp, std::vector<pcie::Tlp>& extra);
  void remember(const pcie::Tlp& tlp);

  const Injection* injection_;
  std::uint64_t countdown_;
  bool fired_ = false;
  std::optional<pcie::Tlp> held_;      ///< injections that hold a TLP back: the one that waits
  unsigned tries_ = 0;                 ///< ... and how many may still be held
  std::vector<std::uint32_t> pasids_;  ///< the latest two different PASIDs
  TranslationWatch watch_;
  std::optional<pcie::Tlp> answer_;        ///< an Invalidate Completion in place of the device's
  std::uint32_t answered_ = 0;             ///< ITag bits whose own completion is dropped
  std::optional<std::uint16_t> last_tag_;  ///< of the TLP before, if it was a read
};

}  // namespace siov::check
