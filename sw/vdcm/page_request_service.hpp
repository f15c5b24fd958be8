// SPDX-License-Identifier: Apache-2.0
// PageRequestService: software's end of the page request queue: reads the ring, asks the handler of
// the PASID, answers each group once.
//
//   service.set_handler(Pasid{5}, [&](const PageFault& f) { return map(f.address) ? kSuccess :
//   kInvalid; }); service.run();                 // from the page request event, or whenever
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <tuple>

#include "common/types.hpp"
#include "port/ats_port.hpp"
#include "vdcm/invalidation_ring.hpp"

namespace siov::vdcm {

struct IommuMistakes;

/// One page that a device asks for.
struct PageFault {
  RequesterId requester;
  std::optional<Pasid> pasid;
  Iova address;  ///< of the page
  bool read = false;
  bool write = false;
  bool privileged = false;
  std::uint16_t group = 0;  ///< PRG index
  bool last = false;        ///< of its group
};

/// Makes the page present if it may be, and says so. Runs inside the event interrupt: it must not
/// wait. Worst answer of a group wins: failure, invalid, success.
using PageHandler = std::function<port::PageResponse(const PageFault&)>;

/// @spec vtd.md 7
class PageRequestService {
 public:
  static constexpr unsigned kEntries = 256;

  PageRequestService(iommu::RegisterPage& unit, memory::PhysicalMemory& memory,
                     memory::PageAllocator& frames, InvalidationRing& ring,
                     const IommuMistakes& mistakes);
  ~PageRequestService();
  PageRequestService(const PageRequestService&) = delete;
  PageRequestService& operator=(const PageRequestService&) = delete;

  /// PQH, PQT, PQA.
  void enable();
  [[nodiscard]] bool enabled() const { return enabled_; }

  /// Replaces the PASID's handler; an empty one takes it away. Without one the answer is kInvalid.
  void set_handler(Pasid pasid, PageHandler handler);
  /// Told of each stop marker that the queue held.
  void set_stop_listener(std::function<void(const PageFault&)> listener) {
    stop_listener_ = std::move(listener);
  }

  /// Empties the queue, answers what is complete, recovers from an overflow. Does nothing when
  /// called from inside itself.
  void run();
  /// Whether the queue holds a request, or lost one.
  [[nodiscard]] bool pending() const;
  /// Forgets the requests of unfinished groups of a PASID that goes.
  void forget(Pasid pasid);

  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  [[nodiscard]] std::uint64_t responses() const { return responses_; }
  [[nodiscard]] std::uint64_t overflows() const { return overflows_; }
  [[nodiscard]] std::uint64_t stop_markers() const { return stop_markers_; }

 private:
  /// Requester, PASID present, PASID, PRG index.
  using Group = std::tuple<std::uint16_t, bool, std::uint32_t, std::uint16_t>;

  void drain();
  void handle(const PageFault& fault);
  void respond(const PageFault& fault, port::PageResponse code);

  iommu::RegisterPage& unit_;
  memory::PhysicalMemory& memory_;
  memory::PageAllocator& frames_;
  InvalidationRing& ring_;
  const IommuMistakes& mistakes_;
  Hpa queue_;
  bool enabled_ = false;
  bool running_ = false;
  std::map<Pasid, PageHandler> handlers_;
  std::map<Group, port::PageResponse> groups_;  ///< worst answer of groups that are not complete
  std::function<void(const PageFault&)> stop_listener_;
  std::uint64_t requests_ = 0;
  std::uint64_t responses_ = 0;
  std::uint64_t overflows_ = 0;
  std::uint64_t stop_markers_ = 0;
};

}  // namespace siov::vdcm
