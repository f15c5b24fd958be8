// SPDX-License-Identifier: Apache-2.0
// Commands of a session: memory of the client, regions of the device.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "vfio_user/server.hpp"
#include "vfio_user/session.hpp"

namespace siov::vfio_user {

// Memory -----------------------------------------------------------------------------------------

int Session::dma_map(Bytes payload, FileDescriptors fds) {
  if (payload.size() != kDmaMapBytes || load<std::uint32_t>(payload, 0) < kDmaMapBytes) {
    return EINVAL;
  }
  const auto flags = load<std::uint32_t>(payload, 4);
  if ((flags & ~(kDmaReadable | kDmaWritable)) != 0 || fds.size() > 1) return EINVAL;
  const DmaRange range{.address = Gpa{load<std::uint64_t>(payload, 16)},
                       .bytes = load<std::uint64_t>(payload, 24),
                       .file_offset = load<std::uint64_t>(payload, 8),
                       .readable = (flags & kDmaReadable) != 0,
                       .writable = (flags & kDmaWritable) != 0,
                       .shared = !fds.empty()};
  if (fds.empty() && range.file_offset != 0) return EINVAL;
  FileDescriptor fd = fds.empty() ? FileDescriptor() : std::move(fds.front());
  if (server_->ram_.size() >= agreement_->max_dma_maps) return ENOSPC;
  if (const int error = server_->ram_.map(range, std::move(fd)); error != 0) return error;
  const std::uint64_t serial = serial_;
  server_->device_.dma_mapped(range);
  if (server_ && active_ && active_->serial == serial) finish(0);
  return 0;
}

int Session::dma_unmap(Bytes payload) {
  if (payload.size() != kDmaUnmapBytes || load<std::uint32_t>(payload, 0) < kDmaUnmapBytes) {
    return EINVAL;
  }
  const auto flags = load<std::uint32_t>(payload, 4);
  const Gpa address{load<std::uint64_t>(payload, 8)};
  const auto bytes = load<std::uint64_t>(payload, 16);
  if ((flags & kUnmapDirtyBitmap) != 0) return ENOTSUP;  // nothing is logged here
  if ((flags & ~kUnmapAll) != 0) return EINVAL;
  std::vector<DmaRange> ranges;
  if ((flags & kUnmapAll) != 0) {
    if (address.value != 0 || bytes != 0) return EINVAL;
    ranges = server_->ram_.ranges();
  } else if (const int error = server_->ram_.find(address, bytes, ranges); error != 0) {
    return error;
  }

  // The device is asked for all ranges at once. Each goes away when the device lets go of it, the
  // command ends when all have.
  struct Progress {
    std::size_t left = 0;
    int error = 0;
    std::array<std::byte, kDmaUnmapBytes> reply{};
  };
  auto progress = std::make_shared<Progress>();
  progress->left = ranges.size() + 1;
  std::copy(payload.begin(), payload.end(), progress->reply.begin());
  store(std::span<std::byte>(progress->reply), 0, static_cast<std::uint32_t>(kDmaUnmapBytes));
  const auto let_go = [this, progress](int error) {
    if (error != 0) progress->error = error;
    if (--progress->left == 0) finish(progress->error, progress->reply);
  };
  std::vector<Reply> replies;
  for (const DmaRange& range : ranges) {
    dma_.abort(range.address, range.bytes, ECANCELED);
    replies.push_back(reply_to([this, range, let_go](int error) {
      if (error == 0) server_->ram_.remove(range.address, range.bytes);
      let_go(error);
    }));
  }
  Reply own = reply_to(let_go);
  for (std::size_t i = 0; i < ranges.size() && server_; ++i) {
    server_->device_.dma_unmapped(ranges[i], std::move(replies[i]));
  }
  own.succeed();
  return 0;
}

// Regions ----------------------------------------------------------------------------------------

int Session::check_access(const RegionAccess& access, bool write) const {
  if (access.region >= info_.regions.size()) return EINVAL;
  const RegionInfo& region = info_.regions[access.region];
  if (access.bytes == 0 || access.bytes > agreement_->max_data_bytes) return EINVAL;
  if (access.offset > region.bytes || access.bytes > region.bytes - access.offset) return EINVAL;
  return (write ? region.writable : region.readable) ? 0 : EACCES;
}

int Session::region_read(Bytes payload) {
  if (payload.size() != kRegionAccessBytes) return EINVAL;
  const RegionAccess access{.region = load<std::uint32_t>(payload, 8),
                            .offset = load<std::uint64_t>(payload, 0),
                            .bytes = load<std::uint32_t>(payload, 12)};
  if (const int error = check_access(access, false); error != 0) return error;
  std::vector<std::byte> head(payload.begin(), payload.end());
  const auto answer = [this, access, head = std::move(head)](int error, Bytes data) {
    if (error == 0 && data.size() != access.bytes) error = EIO;
    std::vector<std::byte> reply = head;
    if (error == 0) reply.insert(reply.end(), data.begin(), data.end());
    finish(error, reply);
  };
  server_->device_.read_region(access, read_reply_to(answer));
  return 0;
}

int Session::region_write(Bytes payload) {
  if (payload.size() < kRegionAccessBytes) return EINVAL;
  const RegionAccess access{.region = load<std::uint32_t>(payload, 8),
                            .offset = load<std::uint64_t>(payload, 0),
                            .bytes = load<std::uint32_t>(payload, 12),
                            .posted = active_->header.no_reply()};
  if (payload.size() != kRegionAccessBytes + std::uint64_t{access.bytes}) return EINVAL;
  if (const int error = check_access(access, true); error != 0) return error;
  if (access.posted) ++server_->statistics_.posted_writes;
  std::array<std::byte, kRegionAccessBytes> head{};
  std::copy_n(payload.begin(), head.size(), head.begin());
  server_->device_.write_region(access, payload.subspan(kRegionAccessBytes),
                                reply_to([this, head](int error) { finish(error, head); }));
  return 0;
}

namespace {

/// Write i of a REGION_WRITE_MULTI.
RegionAccess multi_access(std::span<const std::byte> payload, std::uint64_t i, bool posted) {
  const std::size_t at = sizeof(std::uint64_t) + kMultiWriteBytes * i;
  return {.region = load<std::uint32_t>(payload, at + 8),
          .offset = load<std::uint64_t>(payload, at),
          .bytes = load<std::uint32_t>(payload, at + 12),
          .posted = posted};
}

}  // namespace

/// All writes are checked before the first is carried out.
int Session::region_write_multi(Bytes payload) {
  if (payload.size() < sizeof(std::uint64_t)) return EINVAL;
  const auto count = load<std::uint64_t>(payload, 0);
  const std::size_t rest = payload.size() - sizeof(std::uint64_t);
  if (rest % kMultiWriteBytes != 0 || count != rest / kMultiWriteBytes || count == 0) return EINVAL;
  const bool posted = active_->header.no_reply();
  for (std::uint64_t i = 0; i < count; ++i) {
    const RegionAccess access = multi_access(payload, i, posted);
    if (access.bytes > kMultiWriteDataBytes) return EINVAL;
    if (const int error = check_access(access, true); error != 0) return error;
  }
  if (posted) server_->statistics_.posted_writes += count;
  auto writes = std::make_shared<MultiWrite>();
  writes->payload.assign(payload.begin(), payload.end());
  writes->count = count;
  continue_multi(writes);
  return 0;
}

/// The next write, and those behind it as long as the device answers at once.
void Session::continue_multi(const std::shared_ptr<MultiWrite>& writes) {
  const bool posted = active_->header.no_reply();
  if (std::exchange(writes->running, true)) return;
  while (writes->next < writes->count) {
    const RegionAccess access = multi_access(writes->payload, writes->next, posted);
    const Bytes data =
        Bytes(writes->payload)
            .subspan(sizeof(std::uint64_t) + kMultiWriteBytes * writes->next + 16, access.bytes);
    const std::uint64_t here = writes->next;
    server_->device_.write_region(access, data, reply_to([this, writes](int error) {
                                    if (error != 0) return finish(error);
                                    ++writes->next;
                                    continue_multi(writes);
                                  }));
    if (!active_ || !server_) return;  // failed, or the client has gone
    if (writes->next == here) {        // goes on with the reply
      writes->running = false;
      return;
    }
  }
  std::array<std::byte, sizeof(std::uint64_t)> reply{};
  store(std::span<std::byte>(reply), 0, writes->count);
  finish(0, reply);
}

}  // namespace siov::vfio_user
