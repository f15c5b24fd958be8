// SPDX-License-Identifier: Apache-2.0
// Portals: which host writes create work, what deferrable writes must be answered, what must leave
// no trace. pcie.md 12.8, dsa.md 4.
//
//   portals.on_posted(tlp, cycle);                    // a memory write goes down
//   portals.on_deferrable(tlp, request, cycle);       // a DMWr goes down
//   portals.on_answer(tlp, request, cycle);           // its completion comes up
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "check/scoreboard.hpp"

namespace siov::check {

class Portals {
 public:
  Portals(Bench& bench, Scoreboard& scoreboard) : bench_(bench), scoreboard_(scoreboard) {}

  void on_posted(const pcie::Tlp& t, std::uint64_t cycle);
  void on_deferrable(const pcie::Tlp& t, Request& request, std::uint64_t cycle);
  void on_answer(const pcie::Tlp& t, Request& request, std::uint64_t cycle);
  /// A request of this PASID fits nothing: if it fits a deferrable write without answer, that is
  /// now accepted.
  bool accept_early(PasidState& space, const pcie::Tlp& t, std::uint64_t cycle);
  /// Function level reset: no answer is expected any more.
  void forget();
  /// Reports work seen of a submission that must not have created any. @return whether it did
  bool explain(std::uint32_t pasid, const pcie::Tlp& t, std::uint64_t cycle);

 private:
  enum class Kind : std::uint8_t { kShared, kDedicated, kDead, kMisplaced, kPoisoned };
  struct Place {
    bool portal = false;
    std::uint32_t wq = 0;
    bool limited = false, ims = false;
    bool whole = false;  ///< one aligned 64-byte write, all bytes
  };
  /// A submission that was not accepted.
  struct Phantom {
    bool used = false;
    Rule rule = Rule::kCount;
    std::uint32_t pasid = kNoPasid, wq = kNoQueue;
    std::array<std::byte, 64> line;
  };
  Place place(const pcie::Tlp& t) const;
  Kind kind(const pcie::Tlp& t, const Place& at) const;
  void remember(Rule rule, std::uint32_t wq, std::span<const std::byte, 64> line);
  void assemble(const pcie::Tlp& t, const Place& at);
  bool touched_by(std::span<const std::byte, 64> line, const pcie::Tlp& t) const;
  void judge_retry(const pcie::Tlp& t, Request& request, std::uint64_t cycle);

  Bench& bench_;
  Scoreboard& scoreboard_;
  std::array<Phantom, 32> phantoms_;
  std::size_t next_phantom_ = 0;
  std::array<std::byte, 64> torn_{};  ///< pieces of a descriptor written with small writes
  std::uint64_t torn_bytes_ = 0;      ///< bit n: byte n has come
  std::array<Kind, 1024> kinds_{};    ///< of the deferrable write with this tag
  std::array<bool, 1024> ims_{};
  std::vector<std::uint16_t> waiting_;  ///< tags of deferrable writes to live shared queues
};

}  // namespace siov::check
