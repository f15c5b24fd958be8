// SPDX-License-Identifier: Apache-2.0
// GuestFunction: the PCI function that a real guest has in front of it, whatever is behind it.
//
//   co_await function.catch_up();                  // what the guest has invalidated until now
//   function.port().posted_write64(offset, line);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "port/device_port.hpp"
#include "vfio_user/guest_ram.hpp"

namespace siov::attach {

/// What a guest has made of the function's translation, for reports.
struct TranslationCounts {
  std::uint64_t looks = 0;          ///< at the registers of the guest's remapping unit
  std::uint64_t blind_looks = 0;    ///< without an answer in time: everything was dropped instead
  std::uint64_t invalidations = 0;  ///< descriptors of the guest that were honoured
  std::uint64_t dropped_all = 0;    ///< times that everything was dropped
  std::uint64_t pasids_bound = 0;
  std::uint64_t pasids_unbound = 0;
  std::uint64_t pasids_unsupported = 0;  ///< present, but of a kind that reaches nothing here
};

class GuestFunction {
 public:
  virtual ~GuestFunction() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual port::DevicePort& port() = 0;
  /// As after power-on, nothing of the guest in it any more.
  virtual coro::Task<> reset() = 0;
  /// What the guest has changed in its translation up to now counts when this returns.
  /// @throws GuestError
  virtual coro::Task<> catch_up() = 0;
  /// The same for what commands need: PASIDs that the guest has given out. Waits for nobody.
  virtual coro::Task<> before_command() = 0;
  /// Guest memory that the device may reach from now on. @param host  range.bytes, valid until
  /// unmap  @throws GuestError if there is no room for it; nothing is mapped then
  virtual void map(const vfio_user::DmaRange& range, std::byte* host) = 0;
  virtual coro::Task<> unmap(const vfio_user::DmaRange& range) = 0;
  /// Whether the guest has a remapping unit. The client then opens and closes I/O addresses, not
  /// memory, once that unit translates.
  [[nodiscard]] virtual bool remaps() const = 0;
  /// Whether it translates, as last seen.
  [[nodiscard]] virtual bool remapping() const = 0;
  /// The message that makes vector v of the function call raise(v).
  struct Message {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
  };
  virtual Message message(std::uint32_t vector) = 0;
  [[nodiscard]] virtual TranslationCounts translation() const = 0;

  std::function<void(std::uint32_t vector)> raise;
};

}  // namespace siov::attach
