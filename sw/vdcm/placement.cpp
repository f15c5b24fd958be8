// SPDX-License-Identifier: Apache-2.0
// Choice of physical queues.
#include "vdcm/placement.hpp"

#include <fmt/format.h>

#include <optional>

namespace siov::vdcm {

namespace {

const char* kind_name(QueueKind kind) {
  return kind == QueueKind::kDedicated ? "dedicated" : "shared";
}

/// What of a physical queue the policy of a VM does not allow. @spec siov.md 3.1 duty 7
std::optional<std::string> forbidden(const WqConfig& wq, std::uint64_t opcap,
                                     const VmPolicy& policy) {
  if (wq.priority > policy.max_priority)
    return fmt::format("its priority is {}, the VM may have {}", wq.priority, policy.max_priority);
  if (wq.mode == WqMode::kShared && wq.threshold > policy.max_threshold) {
    return fmt::format("its threshold is {}, the VM may have {}", wq.threshold,
                       policy.max_threshold);
  }
  if (wq.max_transfer_log2 > policy.max_transfer_log2) {
    return fmt::format("its transfers are up to 2^{} bytes, the VM may have 2^{}",
                       wq.max_transfer_log2, policy.max_transfer_log2);
  }
  if (wq.max_batch_log2 > policy.max_batch_log2) {
    return fmt::format("its batches are up to 2^{} descriptors, the VM may have 2^{}",
                       wq.max_batch_log2, policy.max_batch_log2);
  }
  const std::uint64_t operations = wq.operations == 0 ? opcap : wq.operations & opcap;
  if (const std::uint64_t more = operations & ~policy.operations; more != 0)
    return fmt::format("it takes operations {:#x}, which the VM may not use", more);
  return std::nullopt;
}

std::set<QueueName> names_of(const std::vector<QueueRequest>& queues) {
  std::set<QueueName> names;
  for (const QueueRequest& queue : queues) {
    if (queue.wq) names.emplace(queue.function, *queue.wq);
  }
  return names;
}

}  // namespace

/// Why a queue is not for this request.
std::optional<std::string> Placement::obstacle(const QueueRequest& request, QueueName queue,
                                               const VmPolicy& policy,
                                               const std::set<QueueName>& own) const {
  HostDriver& host = vdcm_.host(queue.first);
  const WqConfig& wq = host.config().wqs[queue.second];
  const bool dedicated = wq.mode == WqMode::kDedicated;
  if (dedicated != (request.kind == QueueKind::kDedicated))
    return fmt::format("it is {}", dedicated ? "dedicated" : "shared");
  if (dedicated && !own.contains(queue) &&
      (vdcm_.users(queue.second, queue.first) != 0 || held_.contains(queue)))
    return "another VDEV has it";
  if (wq.size < request.entries)
    return fmt::format("it has {} entries, {} are wanted", wq.size, request.entries);
  return forbidden(wq, host.info().opcap[0], policy);
}

/// Fewer VDEVs for each entry of the queue.
bool Placement::less_loaded(QueueName a, QueueName b) const {
  const auto users = [this](QueueName q) { return vdcm_.users(q.second, q.first); };
  const auto size = [this](QueueName q) {
    return std::size_t{vdcm_.host(q.first).config().wqs[q.second].size};
  };
  return users(a) * size(b) < users(b) * size(a);
}

Result<std::vector<QueueRequest>, Refusal> Placement::choose(
    std::vector<QueueRequest> requests, const VmPolicy& policy,
    const std::vector<QueueRequest>* own) const {
  const std::set<QueueName> mine = own == nullptr ? std::set<QueueName>{} : names_of(*own);
  std::set<QueueName> taken = names_of(requests);  // whoever names a queue comes first
  std::set<QueueName> named;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    QueueRequest& request = requests[i];
    if (request.kind == QueueKind::kEmulated) {
      if (request.emulated.priority > policy.max_priority ||
          request.emulated.max_transfer_log2 > policy.max_transfer_log2 ||
          (!request.emulated.dedicated && request.emulated.threshold > policy.max_threshold))
        return Failure{Refusal{RefusalCode::kQueue,
                               fmt::format("queue {}: more than the VM's policy allows", i)}};
      continue;
    }
    const std::size_t count = vdcm_.host(request.function).config().wqs.size();
    if (request.wq) {
      const QueueName name{request.function, *request.wq};
      if (*request.wq >= count)
        return Failure{
            Refusal{RefusalCode::kQueue, fmt::format("there is no queue {}", *request.wq)}};
      if (!named.insert(name).second) {
        return Failure{
            Refusal{RefusalCode::kRequest, fmt::format("queue {} is named twice", *request.wq)}};
      }
      if (const auto why = obstacle(request, name, policy, mine)) {
        return Failure{
            Refusal{RefusalCode::kQueue, fmt::format("queue {}: {}", *request.wq, *why)}};
      }
      continue;
    }
    std::optional<QueueName> best;
    for (std::size_t w = 0; w < count; ++w) {
      const QueueName name{request.function, static_cast<std::uint8_t>(w)};
      if (taken.contains(name) || obstacle(request, name, policy, mine)) continue;
      if (!best || less_loaded(name, *best)) best = name;
    }
    if (!best) {
      return Failure{Refusal{RefusalCode::kQueue, fmt::format("no {} queue is free for this VM",
                                                              kind_name(request.kind))}};
    }
    taken.insert(*best);
    request.wq = best->second;
  }
  return requests;
}

std::uint32_t Placement::free_dedicated() const {
  std::uint32_t count = 0;
  for (std::size_t f = 0; f < vdcm_.functions(); ++f) {
    const auto function = static_cast<std::uint8_t>(f);
    const std::vector<WqConfig>& wqs = vdcm_.host(function).config().wqs;
    for (std::size_t w = 0; w < wqs.size(); ++w) {
      const auto wq = static_cast<std::uint8_t>(w);
      if (wqs[w].mode == WqMode::kDedicated && vdcm_.users(wq, function) == 0 &&
          !held_.contains({function, wq}))
        ++count;
    }
  }
  return count;
}

void Placement::hold(const std::vector<QueueRequest>& queues) { held_.merge(names_of(queues)); }

void Placement::release(const std::vector<QueueRequest>& queues) {
  for (const QueueName& name : names_of(queues)) held_.erase(name);
}

}  // namespace siov::vdcm
