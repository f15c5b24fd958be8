// SPDX-License-Identifier: Apache-2.0
// Interrupts: MSI-X table with pending bits and permissions, interrupt message storage, and the
// sending of messages.
//
//   if (interrupts.permitted({.ims = true, .handle = 5}, pasid)) interrupts.request({.ims = true,
//   .handle = 5});
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "model/config_space.hpp"
#include "model/device_config.hpp"
#include "model/dma_master.hpp"

namespace siov::model {

/// Names an entry: the table and its index.
struct InterruptHandle {
  bool ims = false;
  std::uint16_t handle = 0;
};

class Interrupts {
 public:
  Interrupts(const DeviceConfig& config, const ConfigSpace& space, DmaMaster& master);

  /// Register access by 8-byte words. @param offset  from the start of the table, a multiple of 8
  std::uint64_t read_msix(std::uint32_t offset) const;
  std::uint64_t read_pending(std::uint32_t offset) const;
  std::uint64_t read_permissions(std::uint32_t offset) const;
  std::uint64_t read_ims(std::uint32_t offset) const;
  /// @param mask  bits of the enabled bytes
  void write_msix(std::uint32_t offset, std::uint64_t value, std::uint64_t mask);
  void write_permissions(std::uint32_t offset, std::uint64_t value, std::uint64_t mask);
  void write_ims(std::uint32_t offset, std::uint64_t value, std::uint64_t mask);

  bool exists(InterruptHandle handle) const { return find(handle) != nullptr; }
  /// Commands 13 and 14. The entry must exist. @return false if it is not granted
  void grant(InterruptHandle handle) { find(handle)->granted = true; }
  bool release(InterruptHandle handle);
  bool granted(InterruptHandle handle) const;

  /// Whether work of this PASID may use the entry: permission and, with CMDCAP, grant. @spec
  /// DSA 2.10
  bool permitted(InterruptHandle handle, std::optional<Pasid> pasid) const;
  /// One event: a message now, or the pending bit, or nothing if it is ignored or MSI-X is off.
  void request(InterruptHandle handle);
  /// Device events: vector 0.
  void request_device();
  /// No cause of a device event is left: vector 0 no longer waits, unless work waits in it too.
  /// @spec PCIe-6.3 6.1.4
  void retire_device();
  /// Sends what was pending and no longer has a reason to wait. After configuration writes.
  void service();

  /// IMS, permissions and grants back to reset; the MSI-X table stays. @spec DSA 3.2
  void reset_device();
  /// Everything back to reset.
  void reset_function();

 private:
  struct Entry {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::uint32_t control =
        0;  ///< layout of IMS +C; of it MSI-X uses the mask, MSIXPERM ignore and PASID
    bool pending = false;
    bool granted = false;
  };
  Entry* find(InterruptHandle handle);
  const Entry* find(InterruptHandle handle) const;
  void settle(Entry& entry, bool ims);
  void drop(Entry& entry);

  const bool must_be_granted_;
  const ConfigSpace& space_;
  DmaMaster& master_;
  std::vector<Entry> msix_;
  std::vector<Entry> ims_;
  unsigned pending_count_ = 0;
  bool work_in_vector0_ = false;  ///< the pending bit of vector 0 stands for work too
};

}  // namespace siov::model
