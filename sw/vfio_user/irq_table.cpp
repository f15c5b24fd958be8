// SPDX-License-Identifier: Apache-2.0
// DEVICE_SET_IRQS and the sending of interrupts.
#include "vfio_user/irq_table.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string>
#include <utility>

#include "common/error.hpp"
#include "vfio_user/device.hpp"

namespace siov::vfio_user {
namespace {

constexpr std::uint32_t kDataFlags = kIrqDataNone | kIrqDataBool | kIrqDataEventfd;
constexpr std::uint32_t kActionFlags = kIrqActionMask | kIrqActionUnmask | kIrqActionTrigger;

bool is_eventfd(int fd) {
  char target[32];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  const std::string expected = "anon_inode:[eventfd]";
  return length >= 0 && std::string(target, static_cast<std::size_t>(length)) == expected;
}

/// Adds 1 to an eventfd. One whose counter is full has not been read: the event is there already.
void signal(const FileDescriptor& fd) {
  if (!fd) return;
  pollfd ready{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;  // it could block us
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd.get(), &one, sizeof one);
}

}  // namespace

void IrqTable::configure(std::span<const IrqInfo> irqs) {
  kinds_.clear();
  for (const IrqInfo& irq : irqs) {
    Kind& kind = kinds_.emplace_back();
    kind.flags = irq.flags;
    kind.vectors = std::vector<Vector>(irq.count);
  }
  sent_ = 0;
  lost_ = 0;
}

void IrqTable::clear() {
  for (Kind& kind : kinds_) {
    for (Vector& vector : kind.vectors) vector = Vector{};
  }
}

IrqTable::Vector& IrqTable::at(std::uint32_t index, std::uint32_t vector) {
  return const_cast<Vector&>(std::as_const(*this).at(index, vector));
}

const IrqTable::Vector& IrqTable::at(std::uint32_t index, std::uint32_t vector) const {
  if (index >= kinds_.size() || vector >= kinds_[index].vectors.size()) {
    throw HarnessError("interrupt index " + std::to_string(index) + " has no vector " +
                       std::to_string(vector));
  }
  return kinds_[index].vectors[vector];
}

bool IrqTable::assigned(std::uint32_t index, std::uint32_t vector) const {
  return static_cast<bool>(at(index, vector).trigger);
}
bool IrqTable::masked(std::uint32_t index, std::uint32_t vector) const {
  return at(index, vector).masked;
}
bool IrqTable::held(std::uint32_t index, std::uint32_t vector) const {
  return at(index, vector).held;
}

Delivery IrqTable::trigger(std::uint32_t index, std::uint32_t vector) {
  Vector& target = at(index, vector);
  return send(kinds_[index], target);
}

Delivery IrqTable::send(const Kind& kind, Vector& vector) {
  if (!vector.trigger) {
    ++lost_;
    return Delivery::kNobody;
  }
  if (vector.masked) {
    vector.held = true;
    return Delivery::kHeld;
  }
  signal(vector.trigger);
  ++sent_;
  if ((kind.flags & kIrqAutomasked) != 0) {
    vector.masked = true;
    signal(vector.on_mask);
  }
  return Delivery::kSent;
}

int IrqTable::check(const IrqRequest& request, const FileDescriptors& fds) const {
  const std::uint32_t data = request.flags & kDataFlags;
  const std::uint32_t action = request.flags & kActionFlags;
  if ((request.flags & ~(kDataFlags | kActionFlags)) != 0) return EINVAL;
  if (std::popcount(data) != 1 || std::popcount(action) != 1) return EINVAL;
  if (request.index >= kinds_.size()) return EINVAL;
  const Kind& kind = kinds_[request.index];
  const std::size_t vectors = kind.vectors.size();
  if (request.start > vectors || request.count > vectors - request.start) return EINVAL;
  if (request.booleans.size() != (data == kIrqDataBool ? request.count : 0)) return EINVAL;
  if (data != kIrqDataEventfd && !fds.empty()) return EINVAL;
  if (request.count == 0) {  // takes the whole index down, and nothing else
    const bool all = data == kIrqDataNone && action == kIrqActionTrigger && request.start == 0;
    return all ? 0 : EINVAL;
  }
  if (data == kIrqDataEventfd) {
    if ((kind.flags & kIrqEventfd) == 0) return ENOTSUP;
    if (!fds.empty() && fds.size() != request.count) return EINVAL;
    for (const FileDescriptor& fd : fds) {
      if (!is_eventfd(fd.get())) return EINVAL;
    }
  }
  if (action != kIrqActionTrigger && (kind.flags & kIrqMaskable) == 0) return ENOTSUP;
  return 0;
}

int IrqTable::set(const IrqRequest& request, FileDescriptors fds, IrqChange& change) {
  if (const int error = check(request, fds); error != 0) return error;
  change = {.index = request.index, .start = request.start, .count = request.count};
  if (request.count == 0) {
    Kind& kind = kinds_[request.index];
    for (Vector& vector : kind.vectors) vector = Vector{};
    change.kind = IrqChange::Kind::kRemoved;
    change.count = static_cast<std::uint32_t>(kind.vectors.size());
    return 0;
  }
  const bool given = !fds.empty();
  if ((request.flags & kIrqDataEventfd) != 0) {
    change.kind = given ? IrqChange::Kind::kAssigned : IrqChange::Kind::kRemoved;
    if ((request.flags & kIrqActionTrigger) == 0) change.kind = IrqChange::Kind::kNotifier;
    assign(request, std::move(fds));
    return 0;
  }
  change.kind = (request.flags & kIrqActionMask) != 0     ? IrqChange::Kind::kMasked
                : (request.flags & kIrqActionUnmask) != 0 ? IrqChange::Kind::kUnmasked
                                                          : IrqChange::Kind::kTriggered;
  act(request);
  return 0;
}

void IrqTable::assign(const IrqRequest& request, FileDescriptors fds) {
  Kind& kind = kinds_[request.index];
  for (std::uint32_t i = 0; i < request.count; ++i) {
    Vector& vector = kind.vectors[request.start + i];
    FileDescriptor fd = fds.empty() ? FileDescriptor() : std::move(fds[i]);
    if ((request.flags & kIrqActionMask) != 0) {
      vector.on_mask = std::move(fd);
    } else if ((request.flags & kIrqActionUnmask) != 0) {
      vector.on_unmask = std::move(fd);
    } else {
      if (!fd) vector.held = false;
      vector.trigger = std::move(fd);
    }
  }
}

void IrqTable::act(const IrqRequest& request) {
  Kind& kind = kinds_[request.index];
  for (std::uint32_t i = 0; i < request.count; ++i) {
    if (!request.booleans.empty() && request.booleans[i] == std::byte{0}) continue;
    Vector& vector = kind.vectors[request.start + i];
    if ((request.flags & kIrqActionTrigger) != 0) {
      send(kind, vector);
    } else if ((request.flags & kIrqActionMask) != 0) {
      if (!std::exchange(vector.masked, true)) signal(vector.on_mask);
    } else {
      if (std::exchange(vector.masked, false)) signal(vector.on_unmask);
      if (std::exchange(vector.held, false)) send(kind, vector);
    }
  }
}

}  // namespace siov::vfio_user
