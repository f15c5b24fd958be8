// SPDX-License-Identifier: Apache-2.0
// PageFaultService: brings in the pages that the device asks for, some time after it asked.
//
//   vdcm::PageFaultService faults(iommu_driver, config);
//   faults.start();
//   faults.attach(host_pasid, space);
//   ...
//   faults.detach(host_pasid);          // before the PASID is unbound
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <map>

#include "common/types.hpp"
#include "coro/event.hpp"
#include "coro/join.hpp"
#include "coro/task.hpp"
#include "vdcm/demand_space.hpp"
#include "vdcm/iommu_driver.hpp"

namespace siov::vdcm {

struct PageFaultConfig {
  std::uint64_t latency_min_ns = 1000;  ///< from the page request event to the answer
  std::uint64_t latency_max_ns = 4000;
  std::uint64_t seed = 1;
  bool success_without_mapping = false;  ///< mistake: the page does not come
};

/// Answers: Success when the page is in the tables, Invalid Request for addresses that belong to
/// nobody. @spec vtd.md 7.3
class PageFaultService {
 public:
  /// @param iommu  with page requests on and events connected; outlives this
  PageFaultService(IommuDriver& iommu, PageFaultConfig config);
  ~PageFaultService();
  PageFaultService(const PageFaultService&) = delete;
  PageFaultService& operator=(const PageFaultService&) = delete;

  /// Takes over the page request event; from inside a task.
  void start();
  /// @param space  stays until detach()
  void attach(Pasid pasid, DemandSpace& space);
  void detach(Pasid pasid);

  [[nodiscard]] std::uint64_t requests() const { return iommu_.pages().requests(); }
  /// Requests that were answered with Invalid Request.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  [[nodiscard]] port::PageResponse serve(const PageFault& fault, DemandSpace& space);
  coro::Task<> run();

  IommuDriver& iommu_;
  PageFaultConfig config_;
  coro::Event event_;
  coro::JoinHandle task_;
  boost::random::mt19937_64 engine_;
  std::uint64_t refused_ = 0;
};

}  // namespace siov::vdcm
