// SPDX-License-Identifier: Apache-2.0
// Completions of the device's reads.
#include "pcie/read_completer.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstring>

#include "pcie/ats_tlp.hpp"
#include "pcie/tlp_codec.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

constexpr std::size_t kMixDepth = 16;  ///< ready requests among which the next completion is drawn

CplStatus status_of(port::DmaStatus status) {
  switch (status) {
    case port::DmaStatus::kSuccess:
      return CplStatus::kSc;
    case port::DmaStatus::kUnsupportedRequest:
      return CplStatus::kUr;
    case port::DmaStatus::kCompleterAbort:
      return CplStatus::kCa;
  }
  return CplStatus::kCa;
}

/// Copies what completions need; the payload stays behind.
void copy_header(Tlp& to, const Tlp& from) {
  to.type = from.type;
  to.tc = from.tc;
  to.ro = from.ro;
  to.ns = from.ns;
  to.length_dw = from.length_dw;
  to.requester = from.requester;
  to.tag = from.tag;
  to.first_be = from.first_be;
  to.last_be = from.last_be;
  to.address = from.address;
}

}  // namespace

port::DmaRequest dma_request_of(const Tlp& tlp) {
  port::DmaRequest request;
  request.requester = tlp.requester;
  request.address = Iova{tlp.first_byte()};
  if (tlp.prefix.present && tlp.prefix.raw >> 24 == kPasidPrefixByte) {
    request.pasid = Pasid{tlp.prefix.pasid};
    request.privileged = tlp.prefix.privileged;
  }
  request.at = static_cast<port::AddressType>(tlp.at & 3);
  return request;
}

ReadCompleter::ReadCompleter(const LinkConfig& config)
    : config_(config), random_(static_cast<std::uint32_t>(config.seed * 0x9E3779B9u + 0x5EAD)) {}

std::uint32_t ReadCompleter::random_below(std::uint32_t n) {
  return boost::random::uniform_int_distribution<std::uint32_t>(0, n - 1)(random_);
}

ReadCompleter::Job& ReadCompleter::new_job(const Tlp& request) {
  if (free_.empty()) {
    pool_.push_back(std::make_unique<Job>());
    free_.push_back(pool_.back().get());
  }
  Job& job = *free_.back();
  free_.pop_back();
  copy_header(job.request, request);
  job.status = CplStatus::kSc;
  job.poisoned = false;
  job.ro = request.ro;
  job.bytes = job.sent = 0;
  job.translation = false;
  return job;
}

void ReadCompleter::schedule(Job& job, std::uint64_t cycle) {
  const std::uint32_t spread = config_.read_latency_max - config_.read_latency_min;
  job.number = number_++;
  job.due = cycle + config_.read_latency_min + (spread == 0 ? 0 : random_below(spread + 1));
  if (spread != 0 && config_.reorder_completions) {
    heap_.push(&job);
    return;
  }
  job.due = last_due_ = std::max(job.due, last_due_);
  fifo_.push(&job);
}

bool ReadCompleter::accept_read(const Tlp& read, port::DmaPort& dma, std::uint64_t cycle) {
  const ReadFault fault = config_.read_fault ? config_.read_fault(read) : ReadFault::kNone;
  if (fault == ReadFault::kNever) return true;
  Job& job = new_job(read);
  const std::uint32_t bytes = 4u * read.length_dw;
  if (job.capacity < bytes) {
    job.capacity = std::max(512u, bytes);
    job.data = std::make_unique<std::byte[]>(job.capacity);
  }
  if (fault == ReadFault::kUnsupportedRequest) {
    job.status = CplStatus::kUr;
  } else if (fault == ReadFault::kCompleterAbort) {
    job.status = CplStatus::kCa;
  } else {
    const std::uint32_t lead = static_cast<std::uint32_t>(read.first_byte() - read.address);
    std::memset(job.data.get(), 0, 4);
    std::memset(job.data.get() + bytes - 4, 0, 4);
    const std::span<std::byte> out(job.data.get() + lead, read.byte_span());
    job.status = status_of(dma.read(dma_request_of(read), out));
  }
  job.poisoned = fault == ReadFault::kPoisoned;
  job.bytes = job.status == CplStatus::kSc ? bytes : 0;
  const bool good = job.status == CplStatus::kSc;
  schedule(job, cycle);
  return good;
}

bool ReadCompleter::accept_translation(const Tlp& request, port::AtsHostPort* host,
                                       std::uint64_t cycle) {
  const ReadFault fault = config_.read_fault ? config_.read_fault(request) : ReadFault::kNone;
  if (fault == ReadFault::kNever) return true;
  port::TranslationReply reply;
  if (fault == ReadFault::kCompleterAbort) {
    reply.status = port::DmaStatus::kCompleterAbort;
  } else if (fault != ReadFault::kUnsupportedRequest && host != nullptr) {
    reply = host->translate(translation_of(request));
  }
  Job& job = new_job(request);
  job.status = status_of(reply.status);
  job.poisoned = fault == ReadFault::kPoisoned;
  job.translation = job.status == CplStatus::kSc;
  job.entry = reply.entry;
  const bool good = job.translation;
  schedule(job, cycle);
  return good;
}

void ReadCompleter::refuse(const Tlp& request, CplStatus status, std::uint64_t cycle) {
  Job& job = new_job(request);
  job.status = status;
  schedule(job, cycle);
}

void ReadCompleter::make_ready(Job& job, std::uint64_t posted_queued) {
  job.posted_before = posted_queued;
  ready_.push(&job);
  if (config_.reorder_completions && ready_.size() == 1) choose_next();
}

void ReadCompleter::move_due(std::uint64_t cycle, std::uint64_t posted_queued) {
  while (!fifo_.empty() && fifo_.front()->due <= cycle) {
    Job& job = *fifo_.front();
    fifo_.pop();
    make_ready(job, posted_queued);
  }
  while (!heap_.empty() && heap_.top()->due <= cycle) {
    Job& job = *heap_.top();
    heap_.pop();
    make_ready(job, posted_queued);
  }
}

// Brings a random one of the oldest ready requests to the front.
void ReadCompleter::choose_next() {
  if (!config_.reorder_completions || ready_.size() < 2) return;
  const auto depth = static_cast<std::uint32_t>(std::min(ready_.size(), kMixDepth));
  std::swap(ready_[0], ready_[random_below(depth)]);
}

// End of the next piece, counted from the request's address: the end, or a multiple of the boundary
// within max_payload.
std::uint32_t ReadCompleter::piece_end(const Job& job) {
  const std::uint64_t start = job.request.address + job.sent;
  const std::uint64_t end = job.request.address + job.bytes;
  const std::uint64_t rcb = config_.rcb;
  const std::uint64_t limit = start + config_.max_payload;
  std::uint64_t chosen = end <= limit ? end : limit & ~(rcb - 1);
  if (config_.random_splits) {
    const std::uint64_t first = (start | (rcb - 1)) + 1;  // first boundary after start
    if (first < chosen) {
      const auto choices = static_cast<std::uint32_t>((chosen - first + rcb - 1) / rcb + 1);
      chosen = std::min(chosen, first + rcb * random_below(choices));
    }
  }
  return static_cast<std::uint32_t>(chosen - job.request.address);
}

const Tlp& ReadCompleter::take() {
  Job& job = *ready_.front();
  bool last = true;
  if (job.translation) {
    out_ = translation_completion(job.request, config_.host_id, job.entry, config_.rcb);
    out_.ep = job.poisoned;
  } else if (job.bytes == 0) {
    out_ = completion(job.request, config_.host_id, job.status);
  } else {
    const std::uint32_t from = job.sent;
    job.sent = piece_end(job);
    out_ = completion_data(job.request, config_.host_id, from,
                           std::span(job.data.get() + from, job.sent - from));
    out_.ep = job.poisoned;
    last = job.sent == job.bytes;
  }
  if (last) {
    ready_.pop();
    free_.push_back(&job);
  }
  choose_next();
  return out_;
}

void ReadCompleter::reset() {
  fifo_.clear();
  ready_.clear();
  heap_ = {};
  free_.clear();
  for (const auto& job : pool_) free_.push_back(job.get());
  last_due_ = number_ = 0;
}

}  // namespace siov::pcie
