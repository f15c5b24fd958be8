// SPDX-License-Identifier: Apache-2.0
// ReadCompleter: answers the device's non-posted requests after a latency, split at the read
// completion boundary.
//
//   completer.accept_read(tlp, dma, cycle);
//   completer.advance(cycle, posted_queued);
//   if (completer.can_send(posted_sent)) driver.start(completer.take());
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "pcie/link_config.hpp"
#include "pcie/ring.hpp"
#include "pcie/tlp.hpp"
#include "port/ats_port.hpp"
#include "port/dma_port.hpp"

namespace siov::pcie {

/// Translation context of a memory request.
port::DmaRequest dma_request_of(const Tlp& tlp);

class ReadCompleter {
 public:
  explicit ReadCompleter(const LinkConfig& config);

  /// Reads memory now; the completions become due after the latency. The range must not cross 4
  /// KiB.
  /// @return false if the answer is UR or CA
  bool accept_read(const Tlp& read, port::DmaPort& dma, std::uint64_t cycle);
  /// Answers a well-formed translation request (AT = 01): one entry, UR or CA. Without a host port,
  /// UR. @return false if the answer is UR or CA
  bool accept_translation(const Tlp& request, port::AtsHostPort* host, std::uint64_t cycle);
  /// Answers any non-posted request with an error status.
  void refuse(const Tlp& request, CplStatus status, std::uint64_t cycle);

  /// Makes due completions sendable; they stay behind the posted requests queued so far, unless
  /// they have RO.
  /// @spec PCIe-6.3 2.4.1
  void advance(std::uint64_t cycle, std::uint64_t posted_queued) {
    if (waiting() != 0) move_due(cycle, posted_queued);
  }
  /// Whether the next completion may go, given how many posted requests have left.
  bool can_send(std::uint64_t posted_sent) const {
    return !ready_.empty() && (ready_.front()->ro || posted_sent >= ready_.front()->posted_before);
  }
  /// Builds the next completion, valid until the next call.
  const Tlp& take();

  /// Requests not fully answered.
  std::size_t in_flight() const { return waiting() + ready_.size(); }
  void reset();

 private:
  struct Job {
    Tlp request;  ///< header fields only
    CplStatus status = CplStatus::kSc;
    bool poisoned = false, ro = false;
    std::uint32_t bytes = 0, sent = 0;  ///< whole DWs
    std::uint32_t capacity = 0;
    std::unique_ptr<std::byte[]> data;
    bool translation = false;
    std::uint64_t entry = 0;  ///< translation requests: the answer
    std::uint64_t due = 0, number = 0, posted_before = 0;
  };
  struct Later {
    bool operator()(const Job* a, const Job* b) const {
      return a->due != b->due ? a->due > b->due : a->number > b->number;
    }
  };
  std::size_t waiting() const { return fifo_.size() + heap_.size(); }
  Job& new_job(const Tlp& request);
  void schedule(Job& job, std::uint64_t cycle);
  void move_due(std::uint64_t cycle, std::uint64_t posted_queued);
  void make_ready(Job& job, std::uint64_t posted_queued);
  void choose_next();
  std::uint32_t piece_end(const Job& job);
  std::uint32_t random_below(std::uint32_t n);

  const LinkConfig& config_;
  boost::random::mt19937 random_;
  std::vector<std::unique_ptr<Job>> pool_;
  std::vector<Job*> free_;
  Ring<Job*> fifo_;  ///< by due time, when that is the order of arrival
  std::priority_queue<Job*, std::vector<Job*>, Later> heap_;
  Ring<Job*> ready_;
  std::uint64_t last_due_ = 0, number_ = 0;
  Tlp out_;
};

}  // namespace siov::pcie
