// SPDX-License-Identifier: Apache-2.0
// IommuDriver: host software of the remapping unit. It owns the tables and queues in memory and
// programs the unit through its register page only.
//
//   vdcm::IommuDriver driver(iommu, memory, frames, RequesterId{0x0100});
//   driver.start({.device_tlb = true, .page_requests = true});
//   driver.connect_events(platform);
//   driver.bind(Pasid{5}, space);
//   driver.set_page_handler(Pasid{5}, [&](const vdcm::PageFault& f) { ... });
//   co_await driver.async_invalidate_page(Pasid{5}, address, 1);    // after a page was unmapped
//   co_await driver.async_unbind(Pasid{5});
//
// Calls that invalidate have two forms. The plain form is done when it returns; it is for functions
// whose device TLB is off. The async_ form also invalidates the device TLB and waits for the
// device; it serves both cases. With the device TLB on, the plain form throws HarnessError.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "vdcm/invalidation_ring.hpp"
#include "vdcm/page_request_service.hpp"
#include "vdcm/platform.hpp"
#include "vdcm/remapping_fault.hpp"
#include "vdcm/space.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::iommu {
class RegisterPage;
}

namespace siov::vdcm {

struct IommuOptions {
  bool device_tlb = false;              ///< DTE: the function may use ATS
  bool page_requests = false;           ///< PRE: and PRI; needs device_tlb
  std::uint8_t invalidation_depth = 0;  ///< 0..31: invalidations the device takes at a time, 0: 32
  std::uint8_t fault_vector = 0xF0;     ///< of the event messages, for connect_events()
  std::uint8_t page_vector = 0xF1;
  std::uint32_t event_destination = 0;  ///< APIC id
  std::uint64_t poll_ns = 100;          ///< between two looks at a status word [ns]
};

/// Deliberate mistakes for negative tests; all off is correct software.
struct IommuMistakes {
  bool skip_iotlb = false;        ///< no IOTLB invalidation
  bool skip_device_tlb = false;   ///< no device-TLB invalidation
  bool skip_pasid_cache = false;  ///< no PASID-cache invalidation
  bool device_tlb_first =
      false;                   ///< device TLB before IOTLB: it can refill with the old translation
  bool respond_twice = false;  ///< two responses to a page request group
  bool forget_response = false;    ///< none
  bool free_before_drain = false;  ///< async_unbind() returns without waiting for anything
};

class IommuDriver {
 public:
  /// @param function requester id of the device that all VDEVs live on
  IommuDriver(iommu::RegisterPage& unit, memory::PhysicalMemory& memory,
              memory::PageAllocator& frames, RequesterId function);
  ~IommuDriver();
  IommuDriver(const IommuDriver&) = delete;
  IommuDriver& operator=(const IommuDriver&) = delete;

  /// Builds the tables, starts the invalidation queue, latches the tables, turns translation and
  /// interrupt remapping on. @throws DriverError if the unit lacks what the options ask for
  void start(const IommuOptions& options = {});
  /// Takes the unit's events: fault records are read and passed to the fault listener, page
  /// requests to their handlers. Before this both events are masked. @param platform outlives the
  /// driver
  void connect_events(Platform& platform);
  /// Changes DTE and PRE of the function after start(). Turning the device TLB off drops what it
  /// holds first, so the device must have stopped translated requests.
  coro::Task<> async_set_device_tlb(bool device_tlb, bool page_requests);
  [[nodiscard]] bool device_tlb() const { return options_.device_tlb; }
  [[nodiscard]] bool page_requests() const { return options_.page_requests; }

  /// Writes the PASID table entry. Supervisor requests are allowed, because the default PASID of a
  /// VDEV runs privileged (SIOV-H-19). Spaces with one second stage share a domain id. @throws
  /// HarnessError if the PASID is bound already.
  /// @spec VT-d 9.6
  void bind(Pasid pasid, const Space& space);
  /// Clears P, invalidates PASID cache, IOTLB (and device TLB), drains page requests, zeroes the
  /// entry. What the PASID still asks for is answered with Invalid Request. The device must have
  /// stopped using the PASID (SIOV-H-24).  @spec vtd.md 5.6, 7.3
  void unbind(Pasid pasid);
  coro::Task<> async_unbind(Pasid pasid);
  /// After any change of the PASID's tables. For a second stage (also of a nested space): of all
  /// PASIDs that share it.
  void invalidate(Pasid pasid);
  coro::Task<> async_invalidate(Pasid pasid);
  /// After changes below a range of addresses as the PASID sees them: first-stage tables of a first
  /// stage or nested space, second-stage tables of a second-stage space.
  /// @param address page-aligned  @param pages 1 or more  @param leaf_only no table was freed
  void invalidate_page(Pasid pasid, Iova address, std::uint64_t pages, bool leaf_only = false);
  coro::Task<> async_invalidate_page(Pasid pasid, Iova address, std::uint64_t pages,
                                     bool leaf_only = false);

  // Which pages of a second stage the device writes (iommu_driver_dirty.cpp).
  /// Whether the unit keeps accessed and dirty bits of second-stage entries (SSADS).
  [[nodiscard]] bool can_track_writes() const { return extended(vtd::kEcapSsads); }
  /// SSADE in every PASID table entry on these second-stage tables, also in those that are bound
  /// later; then PASID cache, IOTLB and device TLB. @throws DriverError if the unit cannot
  /// @spec vtd.md 2.4, 5.6; SIOV-P-19
  coro::Task<> async_track_writes(Hpa second_stage_root, bool on);
  struct SecondStageLeaf {
    Gpa address;
    std::uint64_t bytes = 0;  ///< any size that a leaf can have
  };
  /// After leaves of these second-stage tables have changed, for every PASID that uses them.
  coro::Task<> async_invalidate_leaves(Hpa second_stage_root, std::vector<SecondStageLeaf> leaves);

  /// Runs invalidations that somebody else has composed, in order, and waits for all.
  coro::Task<> async_run(std::vector<vtd::Descriptor> descriptors) {
    return ring_.run(std::move(descriptors));
  }

  /// Reserves an IRTE that accepts only this function's requester id. @return the message that
  /// selects it
  /// @spec VT-d 9.9 (remapped format), 5.1.5.2 (remappable message)
  [[nodiscard]] InterruptMessage allocate_interrupt(std::uint32_t destination, std::uint8_t vector);
  /// The entry is used again when the unit has dropped it.
  void free_interrupt(const InterruptMessage& message);

  /// Who makes pages present; an empty handler takes it away. Without one, and from unbind on, page
  /// requests of a PASID are invalid. @throws HarnessError if the PASID is not bound
  void set_page_handler(Pasid pasid, PageHandler handler);
  /// What the page request event does; the default is pages().run(). For handlers that take time:
  /// set an event here and call pages().run() from a task.
  void set_page_event(std::function<void()> event) { page_event_ = std::move(event); }
  [[nodiscard]] PageRequestService& pages() { return pages_; }

  /// Reads and clears the fault records, in the order in which they were written.
  [[nodiscard]] std::vector<RemappingFault> take_faults();
  /// Told of each fault that the fault event brings; needs connect_events().
  void set_fault_listener(std::function<void(const RemappingFault&)> listener) {
    fault_listener_ = std::move(listener);
  }
  /// Times that the fault records have overflowed.
  [[nodiscard]] std::uint64_t fault_overflows() const { return fault_overflows_; }

  [[nodiscard]] IommuMistakes& mistakes() { return mistakes_; }
  [[nodiscard]] const InvalidationRing& ring() const { return ring_; }
  [[nodiscard]] RequesterId function() const { return function_; }
  [[nodiscard]] std::size_t bound_pasids() const { return bindings_.size(); }

 private:
  struct Tables;
  struct Binding {
    TranslationKind kind = TranslationKind::kPassThrough;
    std::uint16_t domain = 0;
    std::uint64_t second_stage_root = 0;
  };
  struct Domain {
    std::uint16_t id = 0;
    unsigned users = 0;
  };
  struct RetiredIrte {
    std::uint16_t index = 0;
    InvalidationRing::Ticket ticket;
  };
  using List = std::vector<vtd::Descriptor>;

  [[nodiscard]] std::uint64_t capability(unsigned bit, unsigned width = 1) const;
  [[nodiscard]] bool extended(unsigned bit) const;
  void command(std::uint32_t bit);
  void start_events();
  void set_event(std::uint32_t offset, std::uint8_t vector, bool masked);
  void fault_event();
  std::uint16_t acquire_domain(const Space& space);
  void release_domain(const Binding& binding);
  [[nodiscard]] const Binding& binding_of(Pasid pasid) const;
  void require_plain() const;
  [[nodiscard]] vtd::DeviceTlb device() const;
  /// What a changed PASID table entry, or its whole space, needs.
  [[nodiscard]] List entry_list(Pasid pasid, bool pasid_cache) const;
  [[nodiscard]] List page_list(Pasid pasid, Iova address, std::uint64_t pages,
                               bool leaf_only) const;
  [[nodiscard]] List in_order(List caches, List iotlb, List device) const;
  [[nodiscard]] List device_list(Pasid pasid) const;
  void erase(Pasid pasid);
  void reclaim_irtes();

  iommu::RegisterPage& unit_;
  RequesterId function_;
  IommuOptions options_;
  IommuMistakes mistakes_;
  std::unique_ptr<Tables> tables_;
  InvalidationRing ring_;
  PageRequestService pages_;
  Platform* platform_ = nullptr;
  std::uint64_t cap_ = 0;
  std::uint64_t ecap_ = 0;
  std::map<Pasid, Binding> bindings_;
  std::map<std::uint64_t, Domain> domains_;  ///< by second-stage root
  std::vector<std::uint16_t> free_domains_;
  std::uint16_t next_domain_ = 2;
  std::vector<std::uint16_t> free_irtes_;
  std::vector<RetiredIrte> retired_irtes_;
  std::uint16_t next_irte_ = 0;
  std::function<void()> page_event_;
  std::function<void(const RemappingFault&)> fault_listener_;
  std::uint64_t fault_overflows_ = 0;
  std::set<std::uint64_t> tracked_;  ///< second-stage roots with SSADE
};

}  // namespace siov::vdcm
