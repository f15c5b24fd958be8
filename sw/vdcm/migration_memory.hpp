// SPDX-License-Identifier: Apache-2.0
// MigrationMemory: the memory of a virtual machine, here and on the host it moves to, as migration
// sees it. MigratingGuest: the virtual machine's CPUs, likewise.
#pragma once

#include <cstdint>
#include <vector>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "port/device_port.hpp"

namespace siov::vdcm {

class MigrationMemory {
 public:
  virtual ~MigrationMemory() = default;
  /// Of guest-physical memory, from 0 up; a multiple of 4 KiB.
  [[nodiscard]] virtual std::uint64_t bytes() const = 0;
  /// Keeps track of pages that the guest's CPUs write; what its devices write is DirtyLog's.
  virtual void log_writes(bool on) = 0;
  /// 4 KiB pages that CPUs wrote since the log began or the last call.
  [[nodiscard]] virtual std::vector<Gpa> take_writes() = 0;
  /// Takes these bytes, as they are now, to the other host. Both multiples of 4 KiB.
  virtual void copy(Gpa address, std::uint64_t bytes) = 0;
  /// The machine goes on with the other host's memory. What its CPUs wrote up to now comes along.
  virtual void switch_over() = 0;
};

/// The CPUs that use one VDEV.
class MigratingGuest {
 public:
  virtual ~MigratingGuest() = default;
  /// CPUs stand still; accesses that are on their way to the VDEV end first.
  virtual coro::Task<> stop() = 0;
  /// They go on, with this VDEV.
  virtual void start(port::DevicePort& vdev) = 0;
};

}  // namespace siov::vdcm
