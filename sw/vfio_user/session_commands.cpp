// SPDX-License-Identifier: Apache-2.0
// Commands of a session: version, information, interrupts, reset.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "vfio_user/server.hpp"
#include "vfio_user/session.hpp"

namespace siov::vfio_user {

void Session::begin(Message message) {
  const Header header = message.header;
  active_ = Active{header, ++serial_};
  if (!header.no_reply()) dma_.hold(true);
  const auto number = static_cast<std::uint16_t>(header.command);
  if (number < kCommandEnd && number != 0) {
    ++server_->statistics_.commands[number];
  } else {
    ++server_->statistics_.unknown_commands;
  }
  const std::uint64_t serial = serial_;
  const int error = carry_out(message);
  if (error != 0 && server_ && active_ && active_->serial == serial) finish(error);
}

int Session::carry_out(Message& message) {
  const Header& header = message.header;
  const Bytes payload = message.payload;
  if ((header.flags & ~(kTypeMask | kNoReply)) != 0) return EINVAL;
  if (!negotiated()) return version(message);
  const bool takes_fds =
      header.command == Command::kDmaMap || header.command == Command::kDeviceSetIrqs;
  if (message.fds.size() > (takes_fds ? server_->options_.max_fds : 0)) return EINVAL;
  switch (header.command) {
    case Command::kVersion:
      return EINVAL;  // once only
    case Command::kDmaMap:
      return dma_map(payload, std::move(message.fds));
    case Command::kDmaUnmap:
      return dma_unmap(payload);
    case Command::kDeviceGetInfo:
      return device_info(payload);
    case Command::kDeviceGetRegionInfo:
      return region_info(payload);
    case Command::kDeviceGetIrqInfo:
      return irq_info(payload);
    case Command::kDeviceSetIrqs:
      return set_irqs(payload, std::move(message.fds));
    case Command::kRegionRead:
      return region_read(payload);
    case Command::kRegionWrite:
      return region_write(payload);
    case Command::kRegionWriteMulti:
      return agreement_->write_multiple ? region_write_multi(payload) : ENOTSUP;
    case Command::kDeviceReset:
      return reset(payload);
    case Command::kDmaRead:
    case Command::kDmaWrite:
      return EINVAL;  // the other direction
    case Command::kDeviceGetRegionIoFds:
    case Command::kDirtyPages:
    case Command::kDeviceFeature:
    case Command::kMigDataRead:
    case Command::kMigDataWrite:
      return ENOTSUP;
  }
  return ENOSYS;
}

int Session::version(const Message& message) {
  int error = EINVAL;
  std::string why;
  if (message.header.command != Command::kVersion) {
    why = std::string(name(message.header.command)) + " before VERSION";
  } else if (message.header.no_reply()) {
    why = "VERSION that wants no reply";
  } else if (!message.fds.empty()) {
    why = "VERSION with file descriptors";
  } else {
    const ServerOptions& options = server_->options_;
    Result<Agreement, Refusal> result =
        negotiate(message.payload, {.max_data_bytes = options.max_data_bytes,
                                    .max_fds = options.max_fds,
                                    .max_dma_maps = options.max_dma_maps,
                                    .write_multiple = options.write_multiple});
    if (result) {
      agreement_ = std::move(result.value());
      dma_.agree(agreement_->max_data_bytes);
      server_->agreed();
      if (server_ && active_) finish(0, agreement_->reply);
      return 0;
    }
    error = result.error().error;
    why = result.error().why;
  }
  finish(error);
  close(why, true);
  return 0;
}

// Information ------------------------------------------------------------------------------------

int Session::device_info(Bytes payload) {
  if (payload.size() != kDeviceInfoBytes) return EINVAL;
  if (load<std::uint32_t>(payload, 0) < kDeviceInfoBytes) return EINVAL;
  if (load<std::uint32_t>(payload, 4) != 0 || load<std::uint64_t>(payload, 8) != 0) return EINVAL;
  std::array<std::byte, kDeviceInfoBytes> reply{};
  store(std::span<std::byte>(reply), 0, static_cast<std::uint32_t>(kDeviceInfoBytes));
  store(std::span<std::byte>(reply), 4,
        (info_.resettable ? kDeviceReset : 0) | (info_.pci ? kDevicePci : 0));
  store(std::span<std::byte>(reply), 8, static_cast<std::uint32_t>(info_.regions.size()));
  store(std::span<std::byte>(reply), 12, static_cast<std::uint32_t>(info_.irqs.size()));
  finish(0, reply);
  return 0;
}

int Session::region_info(Bytes payload) {
  if (payload.size() != kRegionInfoBytes) return EINVAL;
  const auto room = load<std::uint32_t>(payload, 0);
  const auto index = load<std::uint32_t>(payload, 8);
  if (room < kRegionInfoBytes || load<std::uint32_t>(payload, 4) != 0) return EINVAL;
  if (load<std::uint32_t>(payload, 12) != 0) return EINVAL;
  if (load<std::uint64_t>(payload, 16) != 0 || load<std::uint64_t>(payload, 24) != 0) return EINVAL;
  if (index >= info_.regions.size()) return EINVAL;
  const RegionInfo& region = info_.regions[index];

  // The list of areas: a capability header, their number, offset and size of each.
  constexpr std::size_t kCapHeaderBytes = 16;
  constexpr std::size_t kAreaBytes = 16;
  const bool areas = region.memory >= 0 && !region.mappable.empty();
  std::vector<std::byte> reply(kRegionInfoBytes);
  if (areas) reply.resize(reply.size() + kCapHeaderBytes + kAreaBytes * region.mappable.size());
  const std::span<std::byte> bytes(reply);
  std::uint32_t flags = (region.readable ? kRegionRead : 0) | (region.writable ? kRegionWrite : 0);
  if (region.memory >= 0) flags |= kRegionMmap;
  if (areas) {
    flags |= kRegionCaps;
    store(bytes, 12, static_cast<std::uint32_t>(kRegionInfoBytes));
    store(bytes, kRegionInfoBytes, kRegionCapSparseMmap);
    store(bytes, kRegionInfoBytes + 2, std::uint16_t{1});  // version; 4: next, none
    store(bytes, kRegionInfoBytes + 8, static_cast<std::uint32_t>(region.mappable.size()));
    std::size_t at = kRegionInfoBytes + kCapHeaderBytes;
    for (const MappableArea& area : region.mappable) {
      store(bytes, at, area.offset);
      store(bytes, at + 8, area.bytes);
      at += kAreaBytes;
    }
  }
  store(bytes, 0, static_cast<std::uint32_t>(reply.size()));
  store(bytes, 4, flags);
  store(bytes, 8, index);
  store(bytes, 16, region.bytes);
  store(bytes, 24, region.memory >= 0 ? region.memory_offset : std::uint64_t{0});
  if (room < reply.size()) {  // the client asks again with more room
    finish(0, Bytes(reply).first(kRegionInfoBytes));
    return 0;
  }
  const int memory[] = {region.memory};
  finish(0, reply, region.memory >= 0 ? std::span<const int>(memory) : std::span<const int>{});
  return 0;
}

int Session::irq_info(Bytes payload) {
  if (payload.size() != kIrqInfoBytes) return EINVAL;
  const auto index = load<std::uint32_t>(payload, 8);
  if (load<std::uint32_t>(payload, 0) < kIrqInfoBytes) return EINVAL;
  if (load<std::uint32_t>(payload, 4) != 0 || load<std::uint32_t>(payload, 12) != 0) return EINVAL;
  if (index >= info_.irqs.size()) return EINVAL;
  std::array<std::byte, kIrqInfoBytes> reply{};
  store(std::span<std::byte>(reply), 0, static_cast<std::uint32_t>(kIrqInfoBytes));
  store(std::span<std::byte>(reply), 4, info_.irqs[index].flags);
  store(std::span<std::byte>(reply), 8, index);
  store(std::span<std::byte>(reply), 12, info_.irqs[index].count);
  finish(0, reply);
  return 0;
}

// Interrupts, reset ------------------------------------------------------------------------------

int Session::set_irqs(Bytes payload, FileDescriptors fds) {
  if (payload.size() < kIrqSetBytes) return EINVAL;
  const auto size = load<std::uint32_t>(payload, 0);
  if (size < kIrqSetBytes || size > payload.size()) return EINVAL;
  const IrqRequest request{.flags = load<std::uint32_t>(payload, 4),
                           .index = load<std::uint32_t>(payload, 8),
                           .start = load<std::uint32_t>(payload, 12),
                           .count = load<std::uint32_t>(payload, 16),
                           .booleans = payload.subspan(kIrqSetBytes)};
  IrqChange change;
  if (const int error = server_->irqs_.set(request, std::move(fds), change); error != 0) {
    return error;
  }
  const std::uint64_t serial = serial_;
  server_->device_.irqs_changed(change);
  if (server_ && active_ && active_->serial == serial) finish(0);
  return 0;
}

int Session::reset(Bytes payload) {
  if (!payload.empty()) return EINVAL;
  if (!info_.resettable) return ENOTSUP;
  dma_.abort(ECANCELED);
  server_->device_.reset(reply_to([this](int error) { finish(error); }));
  return 0;
}

}  // namespace siov::vfio_user
