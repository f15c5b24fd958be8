// SPDX-License-Identifier: Apache-2.0
// Accesses on their way, and accesses that have not begun.
#include "guest/device_slot.hpp"

#include <utility>

#include "common/error.hpp"

namespace siov::guest {

class DeviceSlot::Access {
 public:
  explicit Access(DeviceSlot& slot) : slot_(slot) { ++slot_.open_; }
  ~Access() {
    --slot_.open_;
    slot_.answered_.set();
  }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

 private:
  DeviceSlot& slot_;
};

coro::Task<> DeviceSlot::stop() {
  if (stopped_) throw HarnessError("guest CPUs stand still already");
  stopped_ = true;
  runs_.clear();
  while (open_ != 0) {
    answered_.clear();
    co_await answered_.wait();
  }
}

void DeviceSlot::start(port::DevicePort& vdev) {
  if (!stopped_) throw HarnessError("guest CPUs run already");
  vdev_ = &vdev;
  stopped_ = false;
  for (const auto& store : std::exchange(stores_, {})) store(*vdev_);
  runs_.set();
}

/// Returns when the CPU may begin an access.
coro::Task<> DeviceSlot::turn() {
  if (stopped_) ++waited_;
  while (stopped_) co_await runs_.wait();
}

void DeviceSlot::post(std::function<void(port::DevicePort&)> store) {
  if (!stopped_) return store(*vdev_);
  ++waited_;
  stores_.push_back(std::move(store));
}

coro::Task<port::ReadResult> DeviceSlot::config_read(std::uint32_t offset, std::uint32_t size) {
  co_await turn();
  const Access access(*this);
  co_return co_await vdev_->config_read(offset, size);
}

coro::Task<port::CompletionStatus> DeviceSlot::config_write(std::uint32_t offset,
                                                            std::uint32_t size,
                                                            std::uint32_t value) {
  co_await turn();
  const Access access(*this);
  co_return co_await vdev_->config_write(offset, size, value);
}

coro::Task<port::ReadResult> DeviceSlot::mmio_read(port::Bar bar, std::uint64_t offset,
                                                   std::uint32_t size) {
  co_await turn();
  const Access access(*this);
  co_return co_await vdev_->mmio_read(bar, offset, size);
}

void DeviceSlot::mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                            std::uint64_t value) {
  post([=](port::DevicePort& vdev) { vdev.mmio_write(bar, offset, size, value); });
}

void DeviceSlot::posted_write64(std::uint64_t offset, const port::Line& line) {
  post([offset, line](port::DevicePort& vdev) { vdev.posted_write64(offset, line); });
}

coro::Task<port::CompletionStatus> DeviceSlot::deferrable_write64(std::uint64_t offset,
                                                                  const port::Line& line) {
  const port::Line copy = line;
  co_await turn();
  const Access access(*this);
  co_return co_await vdev_->deferrable_write64(offset, copy);
}

void DeviceSlot::set_bar_base(port::Bar bar, std::uint64_t base) { vdev_->set_bar_base(bar, base); }

}  // namespace siov::guest
