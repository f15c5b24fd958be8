// SPDX-License-Identifier: Apache-2.0
// Header codec and names of commands.
#include "vfio_user/protocol.hpp"

namespace siov::vfio_user {

const char* name(Command command) {
  switch (command) {
    case Command::kVersion:
      return "VERSION";
    case Command::kDmaMap:
      return "DMA_MAP";
    case Command::kDmaUnmap:
      return "DMA_UNMAP";
    case Command::kDeviceGetInfo:
      return "DEVICE_GET_INFO";
    case Command::kDeviceGetRegionInfo:
      return "DEVICE_GET_REGION_INFO";
    case Command::kDeviceGetRegionIoFds:
      return "DEVICE_GET_REGION_IO_FDS";
    case Command::kDeviceGetIrqInfo:
      return "DEVICE_GET_IRQ_INFO";
    case Command::kDeviceSetIrqs:
      return "DEVICE_SET_IRQS";
    case Command::kRegionRead:
      return "REGION_READ";
    case Command::kRegionWrite:
      return "REGION_WRITE";
    case Command::kDmaRead:
      return "DMA_READ";
    case Command::kDmaWrite:
      return "DMA_WRITE";
    case Command::kDeviceReset:
      return "DEVICE_RESET";
    case Command::kDirtyPages:
      return "DIRTY_PAGES";
    case Command::kRegionWriteMulti:
      return "REGION_WRITE_MULTI";
    case Command::kDeviceFeature:
      return "DEVICE_FEATURE";
    case Command::kMigDataRead:
      return "MIG_DATA_READ";
    case Command::kMigDataWrite:
      return "MIG_DATA_WRITE";
  }
  return "command";
}

Header Header::decode(std::span<const std::byte, kBytes> bytes) {
  Header header;
  header.id = load<std::uint16_t>(bytes, 0);
  header.command = static_cast<Command>(load<std::uint16_t>(bytes, 2));
  header.size = load<std::uint32_t>(bytes, 4);
  header.flags = load<std::uint32_t>(bytes, 8);
  header.error = load<std::uint32_t>(bytes, 12);
  return header;
}

std::array<std::byte, Header::kBytes> Header::encode() const {
  std::array<std::byte, kBytes> bytes{};
  store(bytes, 0, id);
  store(bytes, 2, static_cast<std::uint16_t>(command));
  store(bytes, 4, size);
  store(bytes, 8, flags);
  store(bytes, 12, error);
  return bytes;
}

}  // namespace siov::vfio_user
