// SPDX-License-Identifier: Apache-2.0
// Vdev: portal pages: what is mapped, what traps, what becomes of a store.
#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev.hpp"
#include "vdcm/vdev_use.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint64_t kPage = 0x1000;
constexpr std::uint64_t kImsFlavour = 0x2000;
constexpr std::uint64_t kQueuePages = 0x4000;
constexpr std::uint32_t kPasidMask = kMaxPasid;
std::uint8_t page_bit(bool limited) { return limited ? 2 : 1; }
}  // namespace

/// Which queue's portal an offset is in. A guest has no IMS, so pages of that flavour, and pages of
/// queues beyond the last, are those of the dummy portal. @spec dsa.md 4.1, 10; siov.md 3.8
std::optional<PortalPlace> Vdev::portal_at(std::uint64_t offset) const {
  const VirtualLayout& layout = registers_.layout();
  if (offset >= layout.portal_bytes) return std::nullopt;
  const std::uint64_t queue = offset / layout.portal_stride;
  const std::uint64_t in_queue = offset % layout.portal_stride;
  if (queue >= layout.queues || (in_queue & kImsFlavour) != 0) return std::nullopt;
  return PortalPlace{static_cast<std::uint8_t>(queue), (in_queue & kPage) != 0,
                     static_cast<std::uint32_t>(in_queue % kPage)};
}

std::uint64_t Vdev::page_of(const PortalPlace& portal) const {
  return portal.queue * std::uint64_t{registers_.layout().portal_stride} +
         (portal.limited ? kPage : 0);
}

PageKind Vdev::page_kind(port::Bar bar, std::uint64_t offset) const {
  if (bar == port::Bar::kControl)
    return offset < VirtualLayout::kControlBytes ? PageKind::kTrapped : PageKind::kAbsent;
  if (bar != port::Bar::kPortal || offset >= registers_.layout().portal_bytes)
    return PageKind::kAbsent;
  const std::optional<PortalPlace> portal = portal_at(offset);
  if (!portal) return PageKind::kBacked;
  const bool mapped = (queues_[portal->queue].mapped & page_bit(portal->limited)) != 0;
  return mapped ? PageKind::kDirect : PageKind::kTrapped;
}

std::vector<PageAudit> Vdev::map_audit() const {
  std::vector<PageAudit> pages;
  for (std::uint64_t at = 0; at < VirtualLayout::kControlBytes; at += kPage)
    pages.push_back({port::Bar::kControl, at, page_kind(port::Bar::kControl, at), std::nullopt});
  for (std::uint64_t at = 0; at < registers_.layout().portal_bytes; at += kPage) {
    PageAudit page{port::Bar::kPortal, at, page_kind(port::Bar::kPortal, at), std::nullopt};
    if (page.kind == PageKind::kDirect) {
      page.physical = physical_page(*portal_at(at));
    }
    pages.push_back(page);
  }
  return pages;
}

std::optional<MapRefusal> Vdev::map_refusal(const PortalPlace& portal) const {
  const QueueSlot& slot = queues_[portal.queue];
  if (slot.backing->kind() == QueueKind::kEmulated) return MapRefusal::kNoHardware;
  if (!attached_) return MapRefusal::kNotAttached;
  const bool shared = slot.backing->kind() == QueueKind::kShared;
  if (shared && !vdcm_.platform().pasid_translation(config_.vm) &&
      !vdcm_.mistakes().map_before_translation)
    return MapRefusal::kNoTranslation;
  if (slot.admission != Admission::kOpen) return MapRefusal::kNotEnabled;
  if (trapping_) return MapRefusal::kTrapping;
  return std::nullopt;
}

Result<PhysicalPage, MapRefusal> Vdev::map_page(port::Bar bar, std::uint64_t offset,
                                                std::uint64_t bytes) {
  if (bar != port::Bar::kPortal) return Failure{MapRefusal::kNotAPortal};
  if (offset % kPage != 0 || bytes != kPage) return Failure{MapRefusal::kNotOnePage};
  const std::optional<PortalPlace> portal = portal_at(offset);
  if (!portal) return Failure{MapRefusal::kNotAPortal};
  if (const auto refusal = map_refusal(*portal)) return Failure{*refusal};
  QueueSlot& slot = queues_[portal->queue];
  slot.mapped |= page_bit(portal->limited);
  return physical_page(*portal);
}

/// What a guest page of a hardware queue is mapped to. @spec SIOV-H-08
PhysicalPage Vdev::physical_page(const PortalPlace& portal) const {
  PhysicalPage page = *queues_[portal.queue].backing->portal_page(portal.limited);
  if (vdcm_.mistakes().msix_portal) page.offset &= ~kImsFlavour;
  if (vdcm_.mistakes().neighbours_portal) page.offset += kQueuePages;
  return page;
}

/// The queue takes work, through both of its pages.
void Vdev::open(std::uint8_t queue) {
  queues_[queue].admission = paused_ ? Admission::kHeld : Admission::kOpen;
  for (const bool limited : {false, true}) {
    const std::uint64_t page = page_of(PortalPlace{queue, limited, 0});
    static_cast<void>(map_page(port::Bar::kPortal, page, kPage));  // or it traps
  }
}

/// No more work of these queues: unmapped, flushed, refused. @param queues bitmap
void Vdev::close(std::uint32_t queues) {
  bool flush = false;
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    if ((queues >> q & 1) == 0) continue;
    QueueSlot& slot = queues_[q];
    slot.admission = Admission::kClosed;
    if (vdcm_.mistakes().keep_portals) continue;
    flush |= (slot.mapped | slot.cached) != 0;
    slot.mapped = 0;
    if (!vdcm_.mistakes().skip_cpu_flush) slot.cached = 0;
  }
  if (flush && !vdcm_.mistakes().skip_cpu_flush)
    vdcm_.platform().flush_cpu_translations(config_.vm);
}

void Vdev::unmap_portals() { close((1U << queues_.size()) - 1); }

void Vdev::set_trapping(bool on) {
  if (on == trapping_) return;
  trapping_ = on;
  for (std::uint8_t q = 0; q < queues_.size(); ++q) {
    if (queues_[q].admission != Admission::kOpen) continue;
    if (on) close(1U << q);
    open(q);  // maps only while portals are not trapped
  }
}

/// Whether an access goes straight to hardware: by the mapping, or by what a CPU still holds of it.
bool Vdev::direct(const PortalPlace& portal) {
  QueueSlot& slot = queues_[portal.queue];
  const std::uint8_t page = page_bit(portal.limited);
  if ((slot.mapped & page) != 0) slot.cached |= page;
  return (slot.cached & page) != 0;
}

void Vdev::store_portal(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
  const std::optional<PortalPlace> portal = portal_at(offset);
  if (!portal) return;
  // A store of 64 bytes that began while it trapped ends like that.
  if (direct(*portal) && !trapped_.has_parts(offset)) {
    // Mapped pages take any store; anything but 64 bytes creates no work there (dsa.md 4.2).
    const PhysicalPage page = physical_page(*portal);
    page.host->device().mmio_write(port::Bar::kPortal, page.offset + portal->offset, size, value);
    return;
  }
  ++trapped_submissions_;
  if (queues_[portal->queue].admission == Admission::kClosed) return;
  const std::optional<port::Line> line = trapped_.store(offset, size, value);
  if (!line) return;
  PortalPlace slot = *portal;
  slot.offset &= ~63U;
  trapped_posted(slot, *line);
}

void Vdev::posted_write64(std::uint64_t offset, const port::Line& line) {
  if (closing_ || !virtual_config_.memory_enabled() || offset % 64 != 0) return;
  const std::optional<PortalPlace> portal = portal_at(offset);
  if (!portal) return;
  if (direct(*portal)) {
    trapped_.drop_parts(offset);
    const PhysicalPage page = physical_page(*portal);
    page.host->device().posted_write64(page.offset + portal->offset, line);
    return;
  }
  ++trapped_submissions_;
  trapped_.drop_parts(offset);
  trapped_posted(*portal, line);
}

/// @spec dsa.md 4.2; SIOV-H-42
void Vdev::trapped_posted(const PortalPlace& portal, const port::Line& line) {
  QueueSlot& slot = queues_[portal.queue];
  if (slot.admission == Admission::kOpen) {
    slot.backing->submit_posted(portal.limited, portal.offset, line);
    return;
  }
  const bool takes_posted = dedicated(portal.queue);
  if (slot.admission == Admission::kClosed || !takes_posted) return;
  const HeldDescriptor held{portal.queue, portal.limited, portal.offset, false, line};
  const std::uint16_t size = registers_.capabilities().queues[portal.queue].size;
  if (trapped_.hold(held, size)) return;
  SoftwareError full;
  full.code = abi::kSwErrDwqFull;
  full.wq_valid = true;
  full.wq = portal.queue;
  record(full);
}

coro::Task<port::CompletionStatus> Vdev::deferrable_write64(std::uint64_t offset,
                                                            const port::Line& line) {
  if (closing_ || !virtual_config_.memory_enabled() || offset % 64 != 0 ||
      offset >= registers_.layout().portal_bytes)
    co_return port::CompletionStatus::kUnsupportedRequest;
  const auto dword0 = static_cast<std::uint32_t>(abi::load_le(line, 4));
  const std::optional<Pasid> host =
      vdcm_.platform().translate_for_enqcmd(config_.vm, Pasid{dword0 & kPasidMask});
  if (!host) co_return port::CompletionStatus::kUnsupportedRequest;
  port::Line translated = line;
  abi::store_le(translated, (dword0 & ~kPasidMask) | host->value, 4);
  const std::optional<PortalPlace> portal = portal_at(offset);
  if (!portal) co_return port::CompletionStatus::kRetry;  // dummy page (dsa.md 4.2)
  if (!direct(*portal)) {
    ++trapped_submissions_;
    trapped_.drop_parts(offset);
    co_return co_await trapped_deferrable(*portal, line, translated);
  }
  trapped_.drop_parts(offset);
  const SubmissionTracker::Guard in_flight = submissions_.begin();
  const PhysicalPage page = physical_page(*portal);
  co_return co_await page.host->device().deferrable_write64(page.offset + portal->offset,
                                                            translated);
}

/// A queue that does not take it answers Retry. @spec dsa.md 4.2; SIOV-H-42
coro::Task<port::CompletionStatus> Vdev::trapped_deferrable(PortalPlace portal,
                                                            port::Line guest_line,
                                                            port::Line host_line) {
  QueueSlot& slot = queues_[portal.queue];
  if (slot.admission == Admission::kClosed) co_return port::CompletionStatus::kRetry;
  if (slot.admission == Admission::kHeld) {
    const QueueDescription& queue = registers_.capabilities().queues[portal.queue];
    if (queue.dedicated) co_return port::CompletionStatus::kRetry;
    const std::uint16_t limit = portal.limited ? std::min(queue.threshold, queue.size) : queue.size;
    const HeldDescriptor held{portal.queue, portal.limited, portal.offset, true, guest_line};
    co_return trapped_.hold(held, limit) ? port::CompletionStatus::kSuccess
                                         : port::CompletionStatus::kRetry;
  }
  const Use use(*this);
  const SubmissionTracker::Guard in_flight = submissions_.begin();
  co_return co_await slot.backing->submit_deferrable(portal.limited, portal.offset, host_line);
}

}  // namespace siov::vdcm
