// SPDX-License-Identifier: Apache-2.0
// RootComplex: the cycle, what the host does with the device's TLPs, and the port calls.
#include "pcie/root_complex.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstring>
#include <vector>

#include "common/error.hpp"
#include "pcie/ats_tlp.hpp"
#include "pcie/down_link.hpp"
#include "pcie/host_requests.hpp"
#include "pcie/read_completer.hpp"
#include "pcie/tlp_assembler.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

void check_window(const StallWindow& window) {
  if (window.period != 0 && window.blocked >= window.period)
    throw HarnessError("a stall window must leave at least one cycle free");
}

const LinkConfig& checked(const LinkConfig& c) {
  if (c.rcb != 64 && c.rcb != 128) throw HarnessError("rcb must be 64 or 128");
  if (c.max_payload != 128 && c.max_payload != 256 && c.max_payload != 512)
    throw HarnessError("max_payload must be 128, 256 or 512");
  if (c.read_latency_min == 0 || c.read_latency_min > c.read_latency_max)
    throw HarnessError("read latency must be 1 <= min <= max");
  if (c.up_stall_permille > 999) throw HarnessError("up_stall_permille must be below 1000");
  if (c.host_tags == 0 || c.host_tags > 256) throw HarnessError("host_tags must be 1..256");
  for (const StallWindows* w : {&c.up_windows, &c.down_windows}) {
    check_window(w->posted);
    check_window(w->nonposted);
    check_window(w->completion);
  }
  return c;
}

bool differ(const CreditLimits& a, const CreditLimits& b) {
  return a.posted_header != b.posted_header || a.posted_data != b.posted_data ||
         a.nonposted_header != b.nonposted_header || a.nonposted_data != b.nonposted_data ||
         a.completion_header != b.completion_header || a.completion_data != b.completion_data;
}

/// A memory request must stay inside 4 KiB. @spec PCIe-6.3 2.2.7
bool crosses_page(const Tlp& tlp) { return (tlp.address & 0xFFF) + 4u * tlp.length_dw > 4096; }

}  // namespace

struct RootComplex::Impl {
  Impl(LinkDevice& device, port::DmaPort& dma, coro::Scheduler& scheduler, const LinkConfig& config,
       port::AtsHostPort* ats)
      : config(checked(config)),
        device(device),
        dma(dma),
        ats(ats),
        scheduler(scheduler),
        granter(config.up_credits),
        completer(this->config),
        down(this->config, completer, device.beat_bytes()),
        host(std::make_shared<HostRequests>(this->config, down)),
        assembler(device.beat_bytes()),
        stall_random(static_cast<std::uint32_t>(config.seed * 0x85EBCA6Bu + 0x57A11)) {
    const auto draws_stall = [](const StallWindows& w) {
      return w.posted.period != 0 || w.nonposted.period != 0 || w.completion.period != 0;
    };
    has_up_windows = draws_stall(config.up_windows);
  }

  void cycle(std::uint64_t now);
  void hold_credits(std::uint64_t now);
  void tell_credits(std::uint64_t now);
  void on_down(const Tlp& tlp, std::uint64_t now);
  void on_up(Tlp& tlp, std::uint64_t now);
  void take(const Tlp& tlp, std::uint64_t now);
  void act(const Tlp& tlp, std::uint64_t now);
  void act_read(const Tlp& tlp, std::uint64_t now);
  void act_translation(const Tlp& tlp, std::uint64_t now);
  void act_write(const Tlp& tlp);
  void act_message(const Tlp& tlp);
  bool write_run(const Tlp& tlp, std::uint64_t from, std::uint32_t bytes);
  std::uint64_t address_of(port::Bar bar, std::uint64_t offset) const;

  const LinkConfig config;
  LinkDevice& device;
  port::DmaPort& dma;
  port::AtsHostPort* ats;
  coro::Scheduler& scheduler;
  CreditGranter granter;
  ReadCompleter completer;
  DownLink down;
  std::shared_ptr<HostRequests> host;
  TlpAssembler assembler;
  boost::random::mt19937 stall_random;
  std::vector<TlpSink*> sinks;
  std::vector<CreditSink*> credit_sinks;
  TlpMutator* mutator = nullptr;
  std::vector<Tlp> extra;
  std::array<std::optional<std::uint64_t>, 3> bar_base;
  LinkDevice::Inputs in;
  LinkDevice::Outputs out;
  CreditLimits told_down, told_up;
  bool told = false;
  bool has_up_windows = false;
  LinkStatistics stats;
};

void RootComplex::Impl::hold_credits(std::uint64_t now) {
  granter.hold(FlowClass::kPosted, config.up_windows.posted.active(now));
  granter.hold(FlowClass::kNonPosted, config.up_windows.nonposted.active(now));
  granter.hold(FlowClass::kCompletion, config.up_windows.completion.active(now));
}

void RootComplex::Impl::tell_credits(std::uint64_t now) {
  if (told && !differ(told_down, out.down_credits) && !differ(told_up, granter.limits())) return;
  told = true;
  told_down = out.down_credits;
  told_up = granter.limits();
  for (CreditSink* sink : credit_sinks) sink->on_credit_limits(told_down, told_up, now);
}

void RootComplex::Impl::cycle(std::uint64_t now) {
  ++stats.cycles;
  if (has_up_windows) hold_credits(now);
  if (!credit_sinks.empty()) tell_credits(now);
  const Tlp* const sent = down.drive(now, out.down_credits, in.down);
  in.up_credits = granter.limits();
  in.up_ready = config.up_stall_permille == 0 ||
                boost::random::uniform_int_distribution<std::uint32_t>(0, 999)(stall_random) >=
                    config.up_stall_permille;
  device.cycle(in, out);
  if (in.down.valid)
    ++stats.beats_down;
  else
    ++stats.idle_down;
  if (sent != nullptr) on_down(*sent, now);
  if (out.up.valid && in.up_ready) {
    ++stats.beats_up;
    Tlp* const tlp = assembler.accept(out.up);
    if (tlp != nullptr) on_up(*tlp, now);
  } else {
    ++stats.idle_up;
  }
  stats.host_timeouts += host->expire(now);
}

void RootComplex::Impl::on_down(const Tlp& tlp, std::uint64_t now) {
  ++stats.tlps_down;
  stats.payload_bytes_down += tlp.payload_bytes;
  for (TlpSink* sink : sinks) sink->on_tlp(Direction::kDown, tlp, now);
  if (tlp.flow_class() == FlowClass::kNonPosted) host->on_sent(tlp, now);
}

void RootComplex::Impl::on_up(Tlp& tlp, std::uint64_t now) {
  ++stats.tlps_up;
  stats.payload_bytes_up += tlp.payload_bytes;
  const CreditCost cost = credit_cost(tlp);
  if (mutator == nullptr) {
    take(tlp, now);
  } else {
    bool drop = false;
    extra.clear();
    mutator->mutate(tlp, extra, drop);
    if (!drop) take(tlp, now);
    for (const Tlp& more : extra) take(more, now);
  }
  granter.give_back(cost);
}

void RootComplex::Impl::take(const Tlp& tlp, std::uint64_t now) {
  for (TlpSink* sink : sinks) sink->on_tlp(Direction::kUp, tlp, now);
  act(tlp, now);
}

void RootComplex::Impl::act(const Tlp& tlp, std::uint64_t now) {
  switch (tlp.type) {
    case TlpType::kMemRead:
      act_read(tlp, now);
      break;
    case TlpType::kMemWrite:
      act_write(tlp);
      break;
    case TlpType::kCompletion:
    case TlpType::kCompletionData:
      if (!host->on_completion(tlp)) ++stats.unexpected_completions;
      break;
    case TlpType::kMessage:
    case TlpType::kMessageData:
      act_message(tlp);
      break;
    case TlpType::kUnknown:
      ++stats.malformed;
      break;
    default:
      // AtomicOps, DMWr, I/O and configuration requests have no completer here. @spec
      // PCIe-6.3 2.3.1
      ++stats.requests_refused;
      completer.refuse(tlp, CplStatus::kUr, now);
  }
}

// Page requests and Invalidate Completions arrive behind the posted writes before them, which have
// been acted upon. @spec vtd.md 5.5 item 5
void RootComplex::Impl::act_message(const Tlp& tlp) {
  ++stats.messages;
  if (!is_ats_message(tlp)) return;
  if (const auto request = page_request_of(tlp)) {
    ++stats.page_requests;
    if (ats != nullptr) ats->page_request(*request);
    return;
  }
  const auto completion = invalidate_completion_of(tlp);
  if (!completion || message_target(tlp) != config.host_id || tlp.prefix.present) {
    ++stats.malformed;  // the other two codes go down only. @spec vtd.md 4.1
    return;
  }
  ++stats.invalidate_completions;
  if (ats != nullptr) ats->invalidate_completion(*completion);
}

// A malformed request is thrown away: its sender gets no completion. @spec vtd.md 4.1
void RootComplex::Impl::act_translation(const Tlp& tlp, std::uint64_t now) {
  ++stats.translation_requests;
  if (!translation_request_legal(tlp, config.rcb)) {
    ++stats.malformed;
    return;
  }
  if (!completer.accept_translation(tlp, ats, now)) ++stats.requests_refused;
}

void RootComplex::Impl::act_read(const Tlp& tlp, std::uint64_t now) {
  if (tlp.at == kAtRequest) {
    act_translation(tlp, now);
    return;
  }
  ++stats.reads;
  if (4u * tlp.length_dw > config.max_read_request) ++stats.oversized_reads;
  if (crosses_page(tlp)) {
    ++stats.malformed;
    completer.refuse(tlp, CplStatus::kUr, now);
    return;
  }
  if (!completer.accept_read(tlp, dma, now)) ++stats.requests_refused;
}

bool RootComplex::Impl::write_run(const Tlp& tlp, std::uint64_t from, std::uint32_t bytes) {
  port::DmaRequest request = dma_request_of(tlp);
  request.address = Iova{from};
  const std::span<const std::byte> data(tlp.payload.data() + (from - tlp.address), bytes);
  return dma.write(request, data) == port::DmaStatus::kSuccess;
}

// Writes each run of enabled bytes. Holes exist only in the first and last DW.
void RootComplex::Impl::act_write(const Tlp& tlp) {
  ++stats.writes;
  if (tlp.ep) {
    ++stats.poisoned_writes;
    return;
  }
  if (crosses_page(tlp) || tlp.payload_bytes != 4u * tlp.length_dw) {
    ++stats.malformed;
    return;
  }
  if (tlp.at == kAtRequest) {  // @spec vtd.md 4.1
    ++stats.requests_refused;
    return;
  }
  bool good = true;
  if (byte_enables_legal(tlp) && tlp.length_dw > 2) {
    good = write_run(tlp, tlp.first_byte(), tlp.byte_span());
  } else {
    const std::uint32_t bytes = 4u * tlp.length_dw;
    const auto enabled = [&tlp, bytes](std::uint32_t i) {
      if (i < 4) return (tlp.first_be >> i & 1) != 0;
      return i < bytes - 4 || (tlp.last_be >> (i & 3) & 1) != 0;
    };
    for (std::uint32_t i = 0; i < bytes;) {
      std::uint32_t end = i;
      while (end < bytes && enabled(end)) ++end;
      if (end > i) good = write_run(tlp, tlp.address + i, end - i) && good;
      i = end + 1;
    }
  }
  if (!good) ++stats.requests_refused;
}

std::uint64_t RootComplex::Impl::address_of(port::Bar bar, std::uint64_t offset) const {
  const std::optional<std::uint64_t>& base = bar_base[static_cast<std::size_t>(bar)];
  if (!base) throw HarnessError("memory access before set_bar_base");
  return *base + offset;
}

RootComplex::RootComplex(LinkDevice& device, port::DmaPort& dma, coro::Scheduler& scheduler,
                         const LinkConfig& config, port::AtsHostPort* ats)
    : impl_(std::make_unique<Impl>(device, dma, scheduler, config, ats)) {
  scheduler.add_clocked(*this);
}

RootComplex::~RootComplex() {
  impl_->host->close();
  impl_->scheduler.remove_clocked(*this);
}

void RootComplex::reset() {
  Impl& i = *impl_;
  i.host->reset();
  i.completer.reset();
  i.down.reset();
  i.assembler.reset();
  i.granter.reset();
  i.in = LinkDevice::Inputs();
  i.out = LinkDevice::Outputs();
  i.told = false;
  i.device.reset();
}

void RootComplex::cycle(std::uint64_t cycle) { impl_->cycle(cycle); }
void RootComplex::add_sink(TlpSink& sink) { impl_->sinks.push_back(&sink); }
void RootComplex::add_credit_sink(CreditSink& sink) { impl_->credit_sinks.push_back(&sink); }
void RootComplex::set_mutator(TlpMutator* mutator) {
  impl_->mutator = mutator;
  impl_->down.set_mutator(mutator);
}

void RootComplex::invalidate(const port::InvalidateRequest& request) {
  ++impl_->stats.invalidate_requests;
  impl_->down.push_posted(invalidate_request(impl_->config.host_id, request));
}

void RootComplex::page_group_response(const port::PageGroupResponse& response) {
  ++impl_->stats.page_responses;
  impl_->down.push_posted(page_response(impl_->config.host_id, response));
}

namespace {
port::ReadResult read_result(const RootComplex::Answer& answer, std::uint32_t lead,
                             std::uint32_t size) {
  port::ReadResult result;
  result.status = answer.status;
  if (answer.status != port::CompletionStatus::kSuccess) return result;
  result.data = 0;
  std::memcpy(&result.data, answer.completion.payload.data() + lead, size);
  return result;
}

/// Port calls check and copy their arguments at once; these wait.
coro::Task<port::ReadResult> read_task(std::shared_ptr<HostRequests> host, Tlp request,
                                       std::uint32_t lead, std::uint32_t size) {
  const RootComplex::Answer answer = co_await host->transact(request);
  co_return read_result(answer, lead, size);
}

coro::Task<port::CompletionStatus> write_task(std::shared_ptr<HostRequests> host, Tlp request) {
  const RootComplex::Answer answer = co_await host->transact(request);
  co_return answer.status;
}

void check_mmio(std::uint64_t offset, std::uint32_t size) {
  if (!std::has_single_bit(size) || size > 8 || offset % size != 0)
    throw HarnessError("register access must be 1, 2, 4 or 8 bytes, aligned");
}
}  // namespace

coro::Task<port::ReadResult> RootComplex::config_read(std::uint32_t offset, std::uint32_t size) {
  ConfigAccess access;
  access.target = impl_->config.bdf;
  access.offset = offset;
  access.size = size;
  return read_task(impl_->host, pcie::config_read(impl_->config.host_id, 0, access), offset & 3,
                   size);
}

coro::Task<port::CompletionStatus> RootComplex::config_write(std::uint32_t offset,
                                                             std::uint32_t size,
                                                             std::uint32_t value) {
  ConfigAccess access;
  access.target = impl_->config.bdf;
  access.offset = offset;
  access.size = size;
  return write_task(impl_->host, pcie::config_write(impl_->config.host_id, 0, access, value));
}

coro::Task<port::ReadResult> RootComplex::mmio_read(port::Bar bar, std::uint64_t offset,
                                                    std::uint32_t size) {
  check_mmio(offset, size);
  const std::uint64_t address = impl_->address_of(bar, offset);
  return read_task(impl_->host, mem_read(impl_->config.host_id, 0, address, size),
                   static_cast<std::uint32_t>(address & 3), size);
}

void RootComplex::mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                             std::uint64_t value) {
  check_mmio(offset, size);
  std::array<std::byte, 8> bytes;
  std::memcpy(bytes.data(), &value, 8);
  impl_->down.push_posted(mem_write(impl_->config.host_id, impl_->address_of(bar, offset),
                                    std::span(bytes).first(size)));
}

void RootComplex::posted_write64(std::uint64_t offset, const port::Line& line) {
  if (offset % 64 != 0) throw HarnessError("posted_write64 must be 64-byte aligned");
  impl_->down.push_posted(
      mem_write(impl_->config.host_id, impl_->address_of(port::Bar::kPortal, offset), line));
}

coro::Task<port::CompletionStatus> RootComplex::deferrable_write64(std::uint64_t offset,
                                                                   const port::Line& line) {
  if (offset % 64 != 0) throw HarnessError("deferrable_write64 must be 64-byte aligned");
  const std::uint64_t address = impl_->address_of(port::Bar::kPortal, offset);
  return write_task(impl_->host, deferrable_write(impl_->config.host_id, 0, address, line));
}

void RootComplex::set_bar_base(port::Bar bar, std::uint64_t base) {
  impl_->bar_base[static_cast<std::size_t>(bar)] = base;
}

coro::Task<RootComplex::Answer> RootComplex::transact(Tlp request) {
  return impl_->host->transact(std::move(request));
}

void RootComplex::send_posted(const Tlp& tlp) {
  if (tlp.flow_class() != FlowClass::kPosted)
    throw HarnessError("send_posted of a TLP that is not posted");
  impl_->down.push_posted(tlp);
}

const LinkStatistics& RootComplex::statistics() const {
  impl_->stats.framing_errors = impl_->assembler.framing_errors();
  return impl_->stats;
}

bool RootComplex::idle() const {
  return impl_->down.posted_queued() == 0 && impl_->down.nonposted_queued() == 0 &&
         !impl_->down.busy() && impl_->completer.in_flight() == 0 &&
         impl_->host->outstanding() == 0 && !impl_->assembler.inside();
}

std::size_t RootComplex::reads_in_flight() const { return impl_->completer.in_flight(); }
std::size_t RootComplex::posted_queued() const { return impl_->down.posted_queued(); }

}  // namespace siov::pcie
