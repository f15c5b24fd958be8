// SPDX-License-Identifier: Apache-2.0
// Numbers of the vfio-user protocol, version 0.0, as QEMU's client speaks it: header, commands,
// flags. Every field has the byte order of the host.
//
//   const Header header = Header::decode(bytes);
//   if (header.type() == MessageType::kCommand && header.command == Command::kDmaMap) ...
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace siov::vfio_user {

enum class Command : std::uint16_t {
  kVersion = 1,
  kDmaMap = 2,
  kDmaUnmap = 3,
  kDeviceGetInfo = 4,
  kDeviceGetRegionInfo = 5,
  kDeviceGetRegionIoFds = 6,
  kDeviceGetIrqInfo = 7,
  kDeviceSetIrqs = 8,
  kRegionRead = 9,
  kRegionWrite = 10,
  kDmaRead = 11,   ///< server to client
  kDmaWrite = 12,  ///< server to client
  kDeviceReset = 13,
  kDirtyPages = 14,  ///< taken out of the protocol
  kRegionWriteMulti = 15,
  kDeviceFeature = 16,
  kMigDataRead = 17,
  kMigDataWrite = 18,
};
inline constexpr std::uint16_t kCommandEnd = 19;  ///< one behind the last command
/// "DMA_MAP", or "command" for a number that has no name.
[[nodiscard]] const char* name(Command command);

enum class MessageType : std::uint8_t { kCommand = 0, kReply = 1 };
inline constexpr std::uint32_t kTypeMask = 0xF;
inline constexpr std::uint32_t kNoReply = 1u << 4;
inline constexpr std::uint32_t kErrorFlag = 1u << 5;

/// The first 16 bytes of every message.
struct Header {
  static constexpr std::size_t kBytes = 16;
  std::uint16_t id = 0;     ///< belongs to the sender of the command
  Command command{};        ///< any number on input
  std::uint32_t size = 0;   ///< of the whole message [bytes], 16 or more
  std::uint32_t flags = 0;  ///< kTypeMask, kNoReply, kErrorFlag
  std::uint32_t error = 0;  ///< errno of an error reply

  [[nodiscard]] std::uint32_t type() const { return flags & kTypeMask; }
  [[nodiscard]] bool no_reply() const { return (flags & kNoReply) != 0; }
  [[nodiscard]] bool is_error() const { return (flags & kErrorFlag) != 0; }
  [[nodiscard]] static Header decode(std::span<const std::byte, kBytes> bytes);
  [[nodiscard]] std::array<std::byte, kBytes> encode() const;
  bool operator==(const Header&) const = default;
};

inline constexpr std::uint16_t kVersionMajor = 0;
inline constexpr std::uint16_t kVersionMinor = 0;

// Fixed payload sizes [bytes]
inline constexpr std::size_t kDmaMapBytes = 32;
inline constexpr std::size_t kDmaUnmapBytes = 24;
inline constexpr std::size_t kDeviceInfoBytes = 16;
inline constexpr std::size_t kRegionInfoBytes = 32;
inline constexpr std::size_t kIrqInfoBytes = 16;
inline constexpr std::size_t kIrqSetBytes = 20;
inline constexpr std::size_t kRegionAccessBytes = 16;
inline constexpr std::size_t kDmaAccessBytes = 16;
inline constexpr std::size_t kMultiWriteBytes = 24;     ///< one write of REGION_WRITE_MULTI
inline constexpr std::size_t kMultiWriteDataBytes = 8;  ///< most data of one such write

// DMA_MAP, DMA_UNMAP
inline constexpr std::uint32_t kDmaReadable = 1u << 0;
inline constexpr std::uint32_t kDmaWritable = 1u << 1;
inline constexpr std::uint32_t kUnmapDirtyBitmap = 1u << 0;  ///< of an older protocol
inline constexpr std::uint32_t kUnmapAll = 1u << 1;

// DEVICE_GET_INFO
inline constexpr std::uint32_t kDeviceReset = 1u << 0;
inline constexpr std::uint32_t kDevicePci = 1u << 1;

// Regions of a PCI device
inline constexpr std::uint32_t kRegionBar0 = 0;  ///< 0..5: BARs
inline constexpr std::uint32_t kRegionRom = 6;
inline constexpr std::uint32_t kRegionConfig = 7;
inline constexpr std::uint32_t kRegionVga = 8;
inline constexpr std::uint32_t kPciRegions = 9;
inline constexpr std::uint32_t kRegionRead = 1u << 0;
inline constexpr std::uint32_t kRegionWrite = 1u << 1;
inline constexpr std::uint32_t kRegionMmap = 1u << 2;
inline constexpr std::uint32_t kRegionCaps = 1u << 3;
inline constexpr std::uint16_t kRegionCapSparseMmap = 1;

// Interrupts of a PCI device
inline constexpr std::uint32_t kIrqIntx = 0;
inline constexpr std::uint32_t kIrqMsi = 1;
inline constexpr std::uint32_t kIrqMsix = 2;
inline constexpr std::uint32_t kIrqError = 3;
inline constexpr std::uint32_t kIrqRequest = 4;
inline constexpr std::uint32_t kPciIrqs = 5;
inline constexpr std::uint32_t kIrqEventfd = 1u << 0;
inline constexpr std::uint32_t kIrqMaskable = 1u << 1;
inline constexpr std::uint32_t kIrqAutomasked = 1u << 2;
inline constexpr std::uint32_t kIrqNoResize = 1u << 3;

// DEVICE_SET_IRQS: exactly one data flag and one action flag
inline constexpr std::uint32_t kIrqDataNone = 1u << 0;
inline constexpr std::uint32_t kIrqDataBool = 1u << 1;
inline constexpr std::uint32_t kIrqDataEventfd = 1u << 2;
inline constexpr std::uint32_t kIrqActionMask = 1u << 3;
inline constexpr std::uint32_t kIrqActionUnmask = 1u << 4;
inline constexpr std::uint32_t kIrqActionTrigger = 1u << 5;

/// A field of a payload. @param offset  such that the field lies inside the bytes
template <class T>
[[nodiscard]] T load(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
  return value;
}
template <class T>
void store(std::span<std::byte> bytes, std::size_t offset, T value) {
  std::memcpy(bytes.subspan(offset, sizeof value).data(), &value, sizeof value);
}

}  // namespace siov::vfio_user
