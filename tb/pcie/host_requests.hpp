// SPDX-License-Identifier: Apache-2.0
// HostRequests: tags and waiting coroutines of the host's non-posted requests, matching of
// completions, timeouts.
//
//   const RootComplex::Answer answer = co_await requests->transact(tlp);
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "coro/event.hpp"
#include "coro/queue.hpp"
#include "coro/task.hpp"
#include "pcie/down_link.hpp"
#include "pcie/link_config.hpp"
#include "pcie/ring.hpp"
#include "pcie/root_complex.hpp"
#include "pcie/tlp.hpp"

namespace siov::pcie {

class HostRequests : public std::enable_shared_from_this<HostRequests> {
 public:
  HostRequests(const LinkConfig& config, DownLink& down);

  /// Takes a tag (waits for a free one), sends and waits for the answer or the timeout.
  coro::Task<RootComplex::Answer> transact(Tlp request);
  /// The request's last beat is on the link: its timeout starts.
  void on_sent(const Tlp& request, std::uint64_t cycle);
  /// @return false if the completion is unexpected and was discarded
  bool on_completion(const Tlp& completion);
  /// Ends requests whose time is over. @return how many
  std::uint32_t expire(std::uint64_t cycle) {
    return deadlines_.empty() || deadlines_.front().at > cycle ? 0 : expire_due(cycle);
  }
  /// Tags in use, settling ones included.
  std::size_t outstanding() const { return outstanding_; }
  void reset();
  /// The link dies before the waiting coroutines.
  void close() { down_ = nullptr; }

 private:
  /// Settling: after a timeout the tag rests as long again, so that a late completion finds no new
  /// request.
  enum class State : std::uint8_t { kFree, kQueued, kSent, kDone, kSettling };
  struct Slot {
    State state = State::kFree;
    bool abandoned = false;  ///< nobody waits any more
    bool first = true;       ///< no completion yet
    std::uint32_t generation = 0;
    std::uint32_t bytes_left = 0;
    TlpType type = TlpType::kUnknown;
    RootComplex::Answer answer;
    coro::Event done{"completion of a host request"};
  };
  struct Deadline {
    std::uint16_t tag = 0;
    std::uint32_t generation = 0;
    std::uint64_t at = 0;
  };
  class Waiting;

  bool matches(const Slot& slot, const Tlp& completion) const;
  bool take_data(Slot& slot, const Tlp& completion);
  void finish(std::uint16_t tag);
  void free_tag(std::uint16_t tag);
  std::uint32_t expire_due(std::uint64_t cycle);

  RequesterId host_id_;
  std::uint64_t timeout_;
  DownLink* down_;  ///< nullptr once the link is gone
  std::vector<std::unique_ptr<Slot>> slots_;
  coro::Queue<std::uint16_t> free_{0, "a free tag for a host request"};
  Ring<Deadline> deadlines_;
  std::size_t outstanding_ = 0;
};

}  // namespace siov::pcie
