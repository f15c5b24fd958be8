// SPDX-License-Identifier: Apache-2.0
// The life of a VDEV in one table.
#include "vdcm/manager_types.hpp"

#include <algorithm>
#include <array>

namespace siov::vdcm {

namespace {

using enum VdevAction;
using enum VdevState;

constexpr std::array<Transition, 20> kTransitions{{
    {kStart, kCreated, kRunning},
    {kStop, kRunning, kCreated},
    {kPause, kRunning, kPaused},
    {kResume, kPaused, kRunning},
    {kResume, kSaved, kRunning},  // a cancelled migration
    {kSave, kPaused, kSaved},
    {kSave, kSaved, kSaved},  // once more, with what came in
                              // meanwhile
    {kRestore, kCreated, kPaused},
    {kMigrate, kRunning, kGone},
    {kResize, kCreated, kCreated},
    {kReset, kCreated, kCreated},
    {kReset, kRunning, kRunning},
    {kReset, kPaused, kPaused},
    {kReset, kSaved, kPaused},  // what was saved is not what it is any more
    {kDestroy, kCreated, kGone},
    {kDestroy, kRunning, kGone},
    {kDestroy, kPaused, kGone},
    {kDestroy, kSaved, kGone},
    {kStop, kPaused, kCreated},
    {kStop, kSaved, kCreated},
}};

constexpr std::array<std::string_view, 5> kStates{"created", "running", "paused", "saved", "gone"};
constexpr std::array<std::string_view, 10> kActions{
    "start", "stop", "pause", "resume", "save", "restore", "migrate", "resize", "reset", "destroy"};
constexpr std::array<std::string_view, 4> kTypes{"dedicated", "shared", "multi", "emulated"};

}  // namespace

std::span<const Transition> transitions() { return kTransitions; }

std::optional<VdevState> after(VdevAction action, VdevState from) {
  const auto found = std::ranges::find_if(
      kTransitions, [&](const Transition& t) { return t.action == action && t.from == from; });
  return found == kTransitions.end() ? std::nullopt : std::optional(found->to);
}

std::string_view to_string(VdevState state) { return kStates.at(static_cast<std::size_t>(state)); }
std::string_view to_string(VdevAction action) {
  return kActions.at(static_cast<std::size_t>(action));
}
std::string_view to_string(VdevType type) { return kTypes.at(static_cast<std::size_t>(type)); }

VdevType type_of(const VdevRequest& request) {
  if (request.queues.size() > 1) return VdevType::kMulti;
  switch (request.queues.empty() ? QueueKind::kShared : request.queues[0].kind) {
    case QueueKind::kDedicated:
      return VdevType::kDedicated;
    case QueueKind::kEmulated:
      return VdevType::kEmulated;
    case QueueKind::kShared:
      break;
  }
  return VdevType::kShared;
}

}  // namespace siov::vdcm
