// SPDX-License-Identifier: Apache-2.0
// GuestUnit: the remapping unit that a guest's kernel programs, as QEMU emulates it: its registers
// by the monitor, its tables and its queue in guest memory.
//
//   const GuestUnit::Look seen = co_await unit.look();
//   for (const auto& entry : unit.pasids(seen.registers)) ...
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attach/invalidation_watch.hpp"
#include "attach/qemu_monitor.hpp"
#include "common/types.hpp"
#include "coro/lock.hpp"
#include "coro/task.hpp"

namespace siov::attach {

/// A present PASID table entry of the guest. @spec vtd.md 2.4
struct GuestPasid {
  Pasid pasid;
  std::array<std::uint64_t, 8> entry{};
  [[nodiscard]] unsigned kind() const {
    return static_cast<unsigned>(entry[0] >> 6 & 7);
  }  ///< PGTT
  [[nodiscard]] Gpa first_stage_root() const { return Gpa{entry[2] & ~std::uint64_t{0xFFF}}; }
  [[nodiscard]] std::uint8_t first_stage_levels() const { return (entry[2] >> 2 & 3) == 1 ? 5 : 4; }
  static constexpr unsigned kFirstStage = 1;
  static constexpr unsigned kPassThrough = 4;
  /// Whether it is a first stage of 4 or 5 levels, or pass-through: the rest cannot be put on a
  /// second stage of ours.
  [[nodiscard]] bool supported() const {
    return kind() == kPassThrough || (kind() == kFirstStage && (entry[2] >> 2 & 3) < 2);
  }
  bool operator==(const GuestPasid&) const = default;
};

class GuestUnit {
 public:
  static constexpr std::uint64_t kBase = 0xFED90000;  ///< of the registers, on QEMU's q35
  static constexpr std::size_t kMostPasids = 1024;    ///< that a guest may have at once

  /// @param monitor  QMP socket; empty: the guest has no remapping unit
  /// @param function  the guest's number of the device
  GuestUnit(boost::asio::io_context& context, const std::string& monitor, RequesterId function,
            GuestReader memory);

  struct Look {
    bool there = false;         ///< the guest has a unit
    bool answered = false;      ///< the monitor has answered in time; else registers are older ones
    std::uint64_t session = 0;  ///< number of the guest's life, see current()
    UnitRegisters registers;
    Invalidations invalidations;
  };
  /// Waits for the monitor, in real time, at most kPatience.
  coro::Task<Look> look();
  /// Whether look() waits for the monitor: simulated time need not pass.
  [[nodiscard]] bool waiting() const { return waiting_; }
  [[nodiscard]] bool present() const { return monitor_.has_value(); }
  /// As of the last look.
  [[nodiscard]] const UnitRegisters& registers() const { return last_; }
  [[nodiscard]] bool translating() const { return translates(last_); }
  /// The guest is gone.
  void forget();
  /// Whether the guest that was looked at is still there.
  [[nodiscard]] bool current(const Look& look) const { return look.session == session_; }
  /// Gives up waiting when it has taken too long; called again and again from outside.
  void check_patience(std::chrono::steady_clock::time_point now);

  /// Whether the guest lets the function use ATS. @spec vtd.md 2.2 DTE
  [[nodiscard]] bool device_tlb(const UnitRegisters& registers) const;
  /// Present entries of the function's PASID table, as far as they lie in memory; kMostPasids and
  /// one more at most. None unless the unit is in scalable mode and lets the function use PASIDs.
  [[nodiscard]] std::vector<GuestPasid> pasids(const UnitRegisters& registers) const;
  [[nodiscard]] static bool translates(const UnitRegisters& registers) {
    return (registers.status >> 31 & 1) != 0;
  }
  /// Translation table mode: scalable. @spec vtd.md 1.4
  [[nodiscard]] static bool scalable(const UnitRegisters& registers) {
    return (registers.root >> 10 & 3) == 1;
  }

 private:
  static constexpr std::chrono::milliseconds kPatience{100};
  /// First quadword of the function's context entry, if it is present.
  [[nodiscard]] std::optional<std::uint64_t> context(const UnitRegisters& registers) const;
  [[nodiscard]] std::optional<std::uint64_t> word(std::uint64_t address) const;
  /// Adds the present entries of one PASID table.
  void add_table(std::uint64_t address, std::uint32_t first, std::vector<GuestPasid>& found) const;

  std::optional<QemuMonitor> monitor_;
  RequesterId function_;
  GuestReader memory_;
  InvalidationWatch watch_;
  UnitRegisters last_;
  coro::Lock looks_;
  bool waiting_ = false;
  std::chrono::steady_clock::time_point since_;
  std::uint64_t session_ = 0;
};

}  // namespace siov::attach
