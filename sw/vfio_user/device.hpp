// SPDX-License-Identifier: Apache-2.0
// Device: what a vfio-user server serves. The server knows messages, the device knows what they
// mean. Every call that may take simulated time ends with its Reply, then or later.
//
//   class MyDevice : public vfio_user::Device {
//     void read_region(const RegionAccess& access, ReadReply reply) override {
//       pending_.push_back({access, std::move(reply)});   // answered some cycles later
//     }
//     ...
//   };
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vfio_user/guest_ram.hpp"
#include "vfio_user/protocol.hpp"
#include "vfio_user/reply.hpp"

namespace siov::vfio_user {

/// A part of a region that the client may map.
struct MappableArea {
  std::uint64_t offset = 0;  ///< from the start of the region [bytes], multiple of 4096
  std::uint64_t bytes = 0;   ///< multiple of 4096
};

/// One region. @spec vfio-user DEVICE_GET_REGION_INFO
struct RegionInfo {
  std::uint64_t bytes = 0;  ///< 0: the device has no such region
  bool readable = false;
  bool writable = false;
  /// Memory that the client may map instead of sending messages; -1: none. Belongs to the device.
  /// QEMU then sends no posted writes to any region of the device.
  int memory = -1;
  std::uint64_t memory_offset = 0;     ///< of the region in memory [bytes]
  std::vector<MappableArea> mappable;  ///< empty: all of the region
};

/// One kind of interrupt. @spec vfio-user DEVICE_GET_IRQ_INFO
struct IrqInfo {
  std::uint32_t count = 0;            ///< vectors; 0: the device has no such interrupts
  std::uint32_t flags = kIrqEventfd;  ///< kIrqEventfd, kIrqMaskable, kIrqAutomasked, kIrqNoResize
};

/// What DEVICE_GET_INFO tells, and more about each index. Constant while a client is connected.
struct DeviceInfo {
  bool resettable = true;
  bool pci = true;
  std::vector<RegionInfo> regions;  ///< by index; of a PCI device kPciRegions or more
  std::vector<IrqInfo> irqs;        ///< by index; of a PCI device kPciIrqs or more
};

struct RegionAccess {
  std::uint32_t region = 0;
  std::uint64_t offset = 0;  ///< in the region [bytes]
  std::uint32_t bytes = 0;   ///< 1 or more; the access lies inside the region. Not aligned, and up
                             ///< to the largest data size that was agreed on
  bool posted = false;       ///< of a write: nobody waits for the reply
};

/// What SET_IRQS did for vectors start .. start + count - 1 of an index.
struct IrqChange {
  enum class Kind : std::uint8_t {
    kAssigned,  ///< eventfds to be written when the device raises the interrupts
    kRemoved,   ///< such eventfds were taken away
    kNotifier,  ///< eventfds that tell of masking or unmasking were given or taken away
    kMasked,
    kUnmasked,
    kTriggered,  ///< by the client
  };
  Kind kind = Kind::kAssigned;
  std::uint32_t index = 0;
  std::uint32_t start = 0;
  std::uint32_t count = 0;
};

/// All calls come from inside Server::poll() or wait(), one command at a time: the next command is
/// not looked at before the reply to this one was given. A reply that is dropped counts as failed
/// with EIO. Replies may be given from anywhere on the same thread, also after the client has gone.
class Device {
 public:
  virtual ~Device() = default;

  [[nodiscard]] virtual DeviceInfo info() const = 0;

  /// A client has agreed on version and capabilities.
  virtual void connected() = 0;
  /// The client has gone: eventfds are closed, DMA by message has been given up (ECANCELED). Memory
  /// that was mapped stays until done has been given, so that what is under way can end; then the
  /// next client is let in.
  /// @param why  for people: "closed by the client", "bad message: ..."
  virtual void disconnected(const std::string& why, Reply done) = 0;

  virtual void read_region(const RegionAccess& access, ReadReply reply) = 0;
  /// @param data  access.bytes bytes, valid during the call
  virtual void write_region(const RegionAccess& access, std::span<const std::byte> data,
                            Reply reply) = 0;
  /// DEVICE_RESET. DMA that is under way by message has been given up (ECANCELED) before.
  virtual void reset(Reply done) = 0;

  /// The server's GuestRam has this range from now on.
  virtual void dma_mapped(const DmaRange& range) { static_cast<void>(range); }
  /// The range goes away when done has been given: no host pointer into it may be used after that.
  /// DMA by message to it has been given up (ECANCELED) before.
  virtual void dma_unmapped(const DmaRange& range, Reply done) {
    static_cast<void>(range);
    done.succeed();
  }
  /// For information: the server's IrqTable has carried it out.
  virtual void irqs_changed(const IrqChange& change) { static_cast<void>(change); }
};

}  // namespace siov::vfio_user
