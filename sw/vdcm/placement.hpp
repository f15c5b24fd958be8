// SPDX-License-Identifier: Apache-2.0
// Placement: which physical queues a VDEV gets.
//
//   vdcm::Placement placement(vdcm);
//   const auto queues = placement.choose(request.queues, policy, nullptr);
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "common/result.hpp"
#include "vdcm/manager_types.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::vdcm {

/// Function and number of a physical queue.
using QueueName = std::pair<std::uint8_t, std::uint8_t>;

class Placement {
 public:
  explicit Placement(Vdcm& vdcm) : vdcm_(vdcm) {}

  /// Fills in what the requests leave open: a dedicated queue that nobody has; of the shared queues
  /// the one with the fewest VDEVs for each entry, of equals the first. Queues that the policy does
  /// not allow are passed over. @param own  whose queues count as free; may be null
  /// @return the requests, each with its queue, or why there is none  @spec SIOV-H-33
  [[nodiscard]] Result<std::vector<QueueRequest>, Refusal> choose(
      std::vector<QueueRequest> requests, const VmPolicy& policy,
      const std::vector<QueueRequest>* own) const;
  /// Dedicated queues without a user.
  [[nodiscard]] std::uint32_t free_dedicated() const;

  /// Kept for a VDEV that is being rebuilt.
  void hold(const std::vector<QueueRequest>& queues);
  void release(const std::vector<QueueRequest>& queues);

 private:
  [[nodiscard]] std::optional<std::string> obstacle(const QueueRequest& request, QueueName queue,
                                                    const VmPolicy& policy,
                                                    const std::set<QueueName>& own) const;
  [[nodiscard]] bool less_loaded(QueueName a, QueueName b) const;

  Vdcm& vdcm_;
  std::set<QueueName> held_;
};

}  // namespace siov::vdcm
