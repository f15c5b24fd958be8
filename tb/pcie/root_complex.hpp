// SPDX-License-Identifier: Apache-2.0
// RootComplex: the host's end of the link. Turns port calls into TLPs with tags, credits and
// ordering, and the device's TLPs into calls of the DmaPort.
//
//   RootComplex root(device, iommu, scheduler, config);   // registers itself with the scheduler
//   root.add_sink(referee);
//   root.reset();
//   const port::ReadResult id = co_await root.config_read(0, 4);
//
// With a host port for address translation it also answers translation requests, hands page
// requests and Invalidate Completions on, and carries invalidations and page responses to the
// device.
#pragma once

#include <cstdint>
#include <memory>

#include "coro/scheduler.hpp"
#include "coro/task.hpp"
#include "pcie/credit_tracker.hpp"
#include "pcie/link.hpp"
#include "pcie/link_config.hpp"
#include "pcie/mutator.hpp"
#include "pcie/tlp.hpp"
#include "port/ats_port.hpp"
#include "port/device_port.hpp"
#include "port/dma_port.hpp"

namespace siov::pcie {

struct LinkStatistics {
  std::uint64_t cycles = 0;
  std::uint64_t tlps_up = 0, tlps_down = 0;
  std::uint64_t beats_up = 0, beats_down = 0;
  std::uint64_t payload_bytes_up = 0, payload_bytes_down = 0;
  std::uint64_t idle_up = 0, idle_down = 0;  ///< cycles without a beat
  std::uint64_t reads = 0, writes = 0;       ///< memory requests of the device
  std::uint64_t requests_refused = 0;  ///< answered UR or CA, or writes that the DmaPort refused
  std::uint64_t poisoned_writes = 0;   ///< dropped because of EP
  std::uint64_t oversized_reads = 0;   ///< longer than max_read_request
  std::uint64_t malformed = 0;         ///< undefined type, a memory request across 4 KiB, a bad
                                       ///< translation request or message of address translation
  std::uint64_t unexpected_completions = 0;
  std::uint64_t host_timeouts = 0;
  std::uint64_t messages = 0;
  std::uint64_t translation_requests = 0;
  std::uint64_t page_requests = 0, invalidate_completions = 0;  ///< given to the host port
  std::uint64_t invalidate_requests = 0, page_responses = 0;    ///< sent to the device
  std::uint64_t framing_errors = 0;  ///< beats outside a TLP, or a start inside one
};

class RootComplex : public port::DevicePort, public port::AtsDevicePort, public coro::Clocked {
 public:
  /// Device, dma, scheduler and ats must outlive this. @throws HarnessError on a configuration
  /// outside its ranges
  /// @param ats  null: translation requests get UR, messages of address translation go nowhere
  RootComplex(LinkDevice& device, port::DmaPort& dma, coro::Scheduler& scheduler,
              const LinkConfig& config, port::AtsHostPort* ats = nullptr);
  ~RootComplex() override;

  /// Resets the device and forgets everything on the link. Not while host requests wait.
  void reset();
  void cycle(std::uint64_t cycle) override;

  void add_sink(TlpSink& sink);
  void add_credit_sink(CreditSink& sink);
  /// nullptr: none.
  void set_mutator(TlpMutator* mutator);

  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override;
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override;
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override;
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override;
  void posted_write64(std::uint64_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override;
  void set_bar_base(port::Bar bar, std::uint64_t base) override;

  /// Both queue a message behind the posted requests so far.
  void invalidate(const port::InvalidateRequest& request) override;
  void page_group_response(const port::PageGroupResponse& response) override;

  /// What a raw non-posted request came back with.
  struct Answer {
    port::CompletionStatus status = port::CompletionStatus::kTimeout;
    Tlp completion;  ///< valid unless kTimeout
  };
  /// Sends any non-posted TLP as it is, except for the requester id and the tag, and waits for its
  /// completion. For tests of odd requests.
  coro::Task<Answer> transact(Tlp request);
  /// Queues any posted TLP as it is.
  void send_posted(const Tlp& tlp);

  const LinkStatistics& statistics() const;
  /// Nothing queued, in flight or waiting on the host's side.
  bool idle() const;
  /// Reads of the device that are not fully answered.
  std::size_t reads_in_flight() const;
  /// Posted writes queued but not fully sent.
  std::size_t posted_queued() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siov::pcie
