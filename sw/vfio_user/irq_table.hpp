// SPDX-License-Identifier: Apache-2.0
// IrqTable: eventfds that a client has given for the device's interrupts, and their masks.
//
//   server.irqs().trigger(kIrqMsix, 3);    // the guest gets vector 3
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vfio_user/file_descriptor.hpp"
#include "vfio_user/protocol.hpp"

namespace siov::vfio_user {

struct IrqInfo;
struct IrqChange;

/// One DEVICE_SET_IRQS, decoded.
struct IrqRequest {
  std::uint32_t flags = 0;
  std::uint32_t index = 0;
  std::uint32_t start = 0;
  std::uint32_t count = 0;
  std::span<const std::byte> booleans;  ///< count bytes with kIrqDataBool
};

/// How a trigger ended.
enum class Delivery : std::uint8_t {
  kSent,    ///< the eventfd was written
  kHeld,    ///< masked; sent when it is unmasked
  kNobody,  ///< no eventfd is assigned: lost
};

class IrqTable {
 public:
  /// Forgets everything and takes these kinds of interrupts.
  void configure(std::span<const IrqInfo> irqs);
  /// Closes all eventfds, unmasks all, drops what is held.
  void clear();

  /// Raises an interrupt. An automasked one is masked by being sent.
  /// @throws HarnessError if the device has no such vector
  Delivery trigger(std::uint32_t index, std::uint32_t vector);
  [[nodiscard]] bool assigned(std::uint32_t index, std::uint32_t vector) const;
  [[nodiscard]] bool masked(std::uint32_t index, std::uint32_t vector) const;
  [[nodiscard]] bool held(std::uint32_t index, std::uint32_t vector) const;
  /// Eventfds written for interrupts since configure().
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  /// Interrupts that nobody was there for.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

  /// Carries out a request. @param change  what the device is told, where it returns 0
  /// @return 0, or EINVAL (flags, index, range, booleans or descriptors do not fit together),
  /// ENOTSUP (mask of what cannot be masked)
  [[nodiscard]] int set(const IrqRequest& request, FileDescriptors fds, IrqChange& change);

 private:
  struct Vector {
    FileDescriptor trigger;
    FileDescriptor on_mask;
    FileDescriptor on_unmask;
    bool masked = false;
    bool held = false;
  };
  struct Kind {
    std::uint32_t flags = 0;
    std::vector<Vector> vectors;
  };
  [[nodiscard]] int check(const IrqRequest& request, const FileDescriptors& fds) const;
  [[nodiscard]] Vector& at(std::uint32_t index, std::uint32_t vector);
  [[nodiscard]] const Vector& at(std::uint32_t index, std::uint32_t vector) const;
  void assign(const IrqRequest& request, FileDescriptors fds);
  void act(const IrqRequest& request);
  Delivery send(const Kind& kind, Vector& vector);

  std::vector<Kind> kinds_;
  std::uint64_t sent_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace siov::vfio_user
