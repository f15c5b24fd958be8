// SPDX-License-Identifier: Apache-2.0
// Messages of a client become accesses of the port, in order.
#include "attach/endpoint.hpp"

#include <algorithm>
#include <utility>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "attach/guest_error.hpp"
#include "common/error.hpp"

namespace siov::attach {

namespace {

constexpr std::uint32_t kBars = 0x10;  ///< first byte of the BARs in configuration space
constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint32_t kMemorySpace = 2;
constexpr std::uint32_t kBar2 = 0x18;
constexpr std::uint32_t kConfigBytes = 4096;
constexpr std::uint64_t kBar0Base = 0x80'0000'0000;
constexpr std::uint64_t kBar2Base = 0x81'0000'0000;
constexpr std::uint32_t kInitiateFlr = 0x8000;

/// Largest naturally aligned piece, at most `most`.
std::uint32_t piece_of(std::uint64_t offset, std::uint64_t left, std::uint32_t most) {
  std::uint32_t bytes = most;
  while (offset % bytes != 0 || bytes > left) bytes /= 2;
  return bytes;
}

}  // namespace

Endpoint::Endpoint(GuestFunction& function, coro::Scheduler& scheduler)
    : function_(function), scheduler_(scheduler) {
  function_.raise = [this](std::uint32_t vector) {
    if (server_ == nullptr || !server_->connected() || vector >= vectors_) return;
    if (server_->irqs().trigger(vfio_user::kIrqMsix, vector) == vfio_user::Delivery::kSent)
      ++counts_.interrupts;
  };
}

Endpoint::~Endpoint() { function_.raise = nullptr; }

void Endpoint::start(coro::Task<> task, const char* what) {
  ++under_way_;
  scheduler_.start_soon(counted(std::move(task)), function_.name() + ": " + what);
}

coro::Task<> Endpoint::counted(coro::Task<> task) {
  try {
    co_await std::move(task);
  } catch (const GuestError& e) {
    refuse(e.what());
  }
  --under_way_;
}

void Endpoint::refuse(const std::string& why) {
  if (server_ == nullptr || !server_->connected()) return;
  ++counts_.refused;
  server_->disconnect("the session cannot go on: " + why);
}

coro::Task<> Endpoint::prepare() {
  port::DevicePort& port = function_.port();
  capabilities_ = co_await vdcm::walk_capabilities(port);
  if (capabilities_.msix == 0 || capabilities_.pcie == 0)
    throw HarnessError(function_.name() + ": a function without MSI-X or PCI Express capability");
  bar0_bytes_ = co_await vdcm::size_bar(port, kBars);
  bar2_bytes_ = co_await vdcm::size_bar(port, kBar2);
  const port::ReadResult type0 = co_await port.config_read(kBars, 4);
  const port::ReadResult type2 = co_await port.config_read(kBar2, 4);
  bars_.set(0, bar0_bytes_, static_cast<std::uint32_t>(type0.data & 0xF));
  bars_.set(2, bar2_bytes_, static_cast<std::uint32_t>(type2.data & 0xF));
  const port::ReadResult control = co_await port.config_read(capabilities_.msix + 2U, 2);
  vectors_ = static_cast<std::uint32_t>(control.data & 0x7FF) + 1;
  const port::ReadResult table = co_await port.config_read(capabilities_.msix + 4U, 4);
  if ((table.data & 7) != 0) throw HarnessError(function_.name() + ": MSI-X is not in BAR0");
  msix_table_ = static_cast<std::uint32_t>(table.data) & ~std::uint32_t{7};
  co_await place_bars();
}

coro::Task<> Endpoint::after_reset() {
  memory_on_ = false;
  vectors_stale_ = true;
  co_await place_bars();
}

/// The client keeps BARs of its own; here they lie where our link has room.
coro::Task<> Endpoint::place_bars() {
  port::DevicePort& port = function_.port();
  const auto low = [](std::uint64_t base) { return static_cast<std::uint32_t>(base); };
  const auto high = [](std::uint64_t base) { return static_cast<std::uint32_t>(base >> 32); };
  co_await port.config_write(kBars, 4, low(kBar0Base));
  co_await port.config_write(kBars + 4, 4, high(kBar0Base));
  co_await port.config_write(kBar2, 4, low(kBar2Base));
  co_await port.config_write(kBar2 + 4, 4, high(kBar2Base));
  port.set_bar_base(port::Bar::kControl, kBar0Base);
  port.set_bar_base(port::Bar::kPortal, kBar2Base);
}

vfio_user::DeviceInfo Endpoint::info() const {
  vfio_user::DeviceInfo info;
  info.regions.resize(vfio_user::kPciRegions);
  const auto region = [&](std::uint32_t index, std::uint64_t bytes) {
    info.regions[index].bytes = bytes;
    info.regions[index].readable = true;
    info.regions[index].writable = true;
  };
  region(0, bar0_bytes_);
  region(2, bar2_bytes_);
  region(vfio_user::kRegionConfig, kConfigBytes);
  info.irqs.resize(vfio_user::kPciIrqs);
  info.irqs[vfio_user::kIrqMsix].count = vectors_;
  return info;
}

void Endpoint::connected() { ++counts_.sessions; }

void Endpoint::disconnected(const std::string& why, vfio_user::Reply done) {
  last_end_ = why;
  start(back_to_start(std::move(done)), "end of a client");
}

void Endpoint::reset(vfio_user::Reply done) {
  ++counts_.resets;
  start(back_to_start(std::move(done)), "reset");
}

coro::Task<> Endpoint::back_to_start(vfio_user::Reply done) {
  const coro::Lock::Guard guard = co_await order_.scoped();
  portals_.clear();
  co_await function_.reset();
  bars_.clear();
  co_await after_reset();
  if (server_ == nullptr || !server_->connected()) {
    while (!mapped_.empty()) co_await remove(mapped_.size() - 1);
  }
  done.succeed();
}

void Endpoint::read_region(const vfio_user::RegionAccess& access, vfio_user::ReadReply reply) {
  start(read(access, std::move(reply)), "read");
}

void Endpoint::write_region(const vfio_user::RegionAccess& access, std::span<const std::byte> data,
                            vfio_user::Reply reply) {
  start(write(access, {data.begin(), data.end()}, std::move(reply)), "write");
}

coro::Task<> Endpoint::read(vfio_user::RegionAccess access, vfio_user::ReadReply reply) {
  const coro::Lock::Guard guard = co_await order_.scoped();
  const bool config = access.region == vfio_user::kRegionConfig;
  ++(config ? counts_.config_accesses : counts_.reads);
  std::vector<std::byte> out(access.bytes);
  for (std::uint64_t at = 0; at < access.bytes;) {
    const std::uint32_t bytes = piece_of(access.offset + at, access.bytes - at, config ? 4U : 8U);
    const std::uint64_t value = co_await read_piece(access.region, access.offset + at, bytes);
    abi::store_le(std::span(out).subspan(at, bytes), value, bytes);
    at += bytes;
  }
  reply.succeed(out);
}

/// What the device refuses reads as all ones, as on a machine.
coro::Task<std::uint64_t> Endpoint::read_piece(std::uint32_t region, std::uint64_t offset,
                                               std::uint32_t bytes) {
  port::DevicePort& port = function_.port();
  port::ReadResult result;
  if (region == vfio_user::kRegionConfig) {
    const auto at = static_cast<std::uint32_t>(offset);
    if (ClientBars::holds(at)) co_return bars_.read(at, bytes);
    result = co_await port.config_read(static_cast<std::uint32_t>(offset), bytes);
  } else {
    result = co_await port.mmio_read(region == 0 ? port::Bar::kControl : port::Bar::kPortal, offset,
                                     bytes);
  }
  co_return result.status == port::CompletionStatus::kSuccess ? result.data : ~std::uint64_t{0};
}

coro::Task<> Endpoint::write(vfio_user::RegionAccess access, std::vector<std::byte> data,
                             vfio_user::Reply reply) {
  const coro::Lock::Guard guard = co_await order_.scoped();
  const bool config = access.region == vfio_user::kRegionConfig;
  ++(config ? counts_.config_accesses : counts_.writes);
  for (std::uint64_t at = 0; at < data.size();) {
    const std::uint32_t bytes = piece_of(access.offset + at, data.size() - at, config ? 4U : 8U);
    co_await write_piece(access.region, access.offset + at, std::span(data).subspan(at, bytes));
    at += bytes;
  }
  reply.succeed();
}

coro::Task<> Endpoint::write_piece(std::uint32_t region, std::uint64_t offset,
                                   std::span<const std::byte> bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const std::uint64_t value = abi::load_le(bytes, size);
  if (region == vfio_user::kRegionConfig) {
    co_await write_config(static_cast<std::uint32_t>(offset), size,
                          static_cast<std::uint32_t>(value));
  } else if (region == 0) {
    if (offset == abi::kRegCmd) co_await function_.before_command();
    function_.port().mmio_write(port::Bar::kControl, offset, size, value);
  } else if (const auto line = portals_.store(offset, bytes)) {
    co_await submit(offset & ~std::uint64_t{63}, *line);
  }
}

/// The client's interrupts outlive an FLR of its guest, the function's MSI-X table does not: it is
/// written again when the function answers again.
coro::Task<> Endpoint::write_config(std::uint32_t offset, std::uint32_t bytes,
                                    std::uint32_t value) {
  if (ClientBars::holds(offset)) co_return bars_.write(offset, bytes, value);
  static_cast<void>(co_await function_.port().config_write(offset, bytes, value));
  const bool control =
      offset <= capabilities_.pcie + 9U && offset + bytes > capabilities_.pcie + 9U;
  const std::uint32_t high = control ? value >> 8 * (capabilities_.pcie + 9U - offset) & 0xFF : 0;
  if ((high & kInitiateFlr >> 8) != 0) co_return co_await after_reset();
  if (offset != kCommand) co_return;
  memory_on_ = (value & kMemorySpace) != 0;
  if (memory_on_ && vectors_stale_) set_vectors();
}

/// The guest's invalidations first: software has queued them before it submits.
coro::Task<> Endpoint::submit(std::uint64_t offset, port::Line line) {
  struct Counted {
    explicit Counted(std::uint32_t& n) : count(n) { ++count; }
    ~Counted() { --count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::uint32_t& count;
  };
  {
    const Counted counted(catching_up_);
    co_await function_.catch_up();
  }
  ++counts_.submissions;
  function_.port().posted_write64(offset, line);
}

void Endpoint::look() {
  if (looking_) return;
  looking_ = true;
  scheduler_.start_soon(catch_up(), function_.name() + ": look at the guest's remapping unit");
}

coro::Task<> Endpoint::catch_up() {
  try {
    co_await function_.catch_up();
  } catch (const GuestError& e) {
    refuse(e.what());
  }
  looking_ = false;
}

void Endpoint::dma_mapped(const vfio_user::DmaRange& range) {
  if (!range.shared || server_ == nullptr || function_.remapping()) return;
  std::byte* const host =
      range.writable ? server_->ram().host_writable(range.address, range.bytes)
                     : const_cast<std::byte*>(server_->ram().host(range.address, range.bytes));
  if (host == nullptr) return;
  Mapped fresh{range, std::make_shared<MemoryAlias>(host, range.bytes), 0};
  if (fresh.memory->data() == nullptr) return refuse("its memory cannot be mapped once more");
  start(add(std::move(fresh)), "map");
}

void Endpoint::map(Mapped fresh) {
  function_.map(fresh.range, fresh.memory->data() + fresh.offset);
  mapped_.push_back(std::move(fresh));
}

coro::Task<> Endpoint::remove(std::size_t index) {
  const Mapped gone = std::move(mapped_[index]);
  mapped_.erase(mapped_.begin() + static_cast<std::ptrdiff_t>(index));
  co_await function_.unmap(gone.range);
}

/// What was there before and has not been taken away gives way.
coro::Task<> Endpoint::add(Mapped fresh) {
  const coro::Lock::Guard guard = co_await order_.scoped();
  const std::uint64_t first = fresh.range.address.value;
  const std::uint64_t end = first + fresh.range.bytes;
  for (std::size_t i = 0; i < mapped_.size();) {
    const Mapped old = mapped_[i];
    const std::uint64_t old_first = old.range.address.value;
    const std::uint64_t old_end = old_first + old.range.bytes;
    if (old_end <= first || end <= old_first) {
      ++i;
      continue;
    }
    co_await remove(i);
    const auto rest = [&](std::uint64_t from, std::uint64_t to) {
      if (from >= to) return;
      Mapped piece = old;
      piece.range.address = Gpa{from};
      piece.range.bytes = to - from;
      piece.offset += from - old_first;
      map(std::move(piece));
    };
    rest(old_first, std::min(first, old_end));
    rest(std::max(end, old_first), old_end);
    i = 0;
  }
  map(std::move(fresh));
}

/// A guest with a remapping unit closes all of its memory when that unit begins to translate, and
/// we cannot ask the unit while it does. So its memory stays until something else is there.
void Endpoint::dma_unmapped(const vfio_user::DmaRange& range, vfio_user::Reply done) {
  if (function_.remaps()) return done.succeed();
  start(take_away(range, std::move(done)), "unmap");
}

coro::Task<> Endpoint::take_away(vfio_user::DmaRange range, vfio_user::Reply done) {
  const coro::Lock::Guard guard = co_await order_.scoped();
  for (std::size_t i = 0; i < mapped_.size(); ++i) {
    if (mapped_[i].range.address != range.address) continue;
    co_await remove(i);
    break;
  }
  done.succeed();
}

/// The client keeps the guest's MSI-X table; the device's says which vector it is.
void Endpoint::irqs_changed(const vfio_user::IrqChange& change) {
  using Kind = vfio_user::IrqChange::Kind;
  if (change.index != vfio_user::kIrqMsix) return;
  if (change.kind != Kind::kAssigned && change.kind != Kind::kRemoved) return;
  for (std::uint32_t v = change.start; v < change.start + change.count && v < vectors_; ++v)
    set_vector(v, server_ != nullptr && server_->irqs().assigned(change.index, v));
}

void Endpoint::set_vectors() {
  vectors_stale_ = false;
  for (std::uint32_t v = 0; v < vectors_; ++v)
    set_vector(v, server_ != nullptr && server_->irqs().assigned(vfio_user::kIrqMsix, v));
}

void Endpoint::set_vector(std::uint32_t vector, bool on) {
  if (!memory_on_) {
    vectors_stale_ = true;
    return;
  }
  port::DevicePort& port = function_.port();
  const std::uint64_t entry = msix_table_ + 16ULL * vector;
  if (!on) return port.mmio_write(port::Bar::kControl, entry + 12, 4, 1);
  const GuestFunction::Message message = function_.message(vector);
  port.mmio_write(port::Bar::kControl, entry, 8, message.address);
  port.mmio_write(port::Bar::kControl, entry + 8, 4, message.data);
  port.mmio_write(port::Bar::kControl, entry + 12, 4, 0);
}

}  // namespace siov::attach
