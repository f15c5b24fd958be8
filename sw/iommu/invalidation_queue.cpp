// SPDX-License-Identifier: Apache-2.0
// Execution of the invalidation queue.
#include "iommu/invalidation_queue.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace siov::iommu {

namespace {

constexpr std::uint64_t kOffsetBits = 0x7FFF0;                 // 18:4 of head and tail
constexpr std::uint64_t kAddressBits = ~std::uint64_t{0x7F8};  // base, DW, QS
constexpr unsigned kUnlimited = 32;                            // MIP 0

/// True as long as it lives.
struct Raised {
  explicit Raised(bool& raised) : flag(raised) { flag = true; }
  ~Raised() { flag = false; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;
  bool& flag;
};

}  // namespace

InvalidationQueue::InvalidationQueue(memory::PhysicalMemory& memory,
                                     port::InterruptPort& interrupts, const IommuConfig& config,
                                     TranslationCaches& caches, InterruptRemapper& remapper,
                                     FaultLog& faults, Statistics& statistics)
    : memory_(memory),
      config_(config),
      caches_(caches),
      remapper_(remapper),
      faults_(faults),
      statistics_(statistics),
      event_(interrupts, config.unit) {}

void InvalidationQueue::enable(bool enable) {
  if (enabled_ == enable) return;
  enabled_ = enable;
  if (!enable) {
    head_ = 0;
    waits_.clear();
    lost_ = false;
    return;
  }
  run();
}

std::uint64_t InvalidationQueue::error_record() const {
  return static_cast<std::uint64_t>(error_) | std::uint64_t{timed_out_.value} << 32 |
         std::uint64_t{bogus_.value} << 48;
}

void InvalidationQueue::write_tail(std::uint64_t value) {
  tail_ = value & kOffsetBits;
  run();
}

void InvalidationQueue::write_address(std::uint64_t value) {
  if (!enabled_) address_ = value & kAddressBits;
}

void InvalidationQueue::clear_wait_done() {
  wait_done_ = false;
  event_.serviced();
}

bool InvalidationQueue::stopped() const {
  return faults_.queue_error(QueueCondition::kQueueError) ||
         faults_.queue_error(QueueCondition::kTimeout);
}

void InvalidationQueue::errors_cleared() {
  if (!faults_.queue_error(QueueCondition::kQueueError)) error_ = QueueError::kNone;
  run();
}

void InvalidationQueue::run() {
  if (running_) return;  // called back from inside: the loop below goes on
  const Raised running(running_);
  do {
    finish_waits();
  } while (step());
}

void InvalidationQueue::fail(QueueError error) {
  error_ = error;
  faults_.set_queue_error(QueueCondition::kQueueError);
}

bool InvalidationQueue::step() {
  const bool fenced = std::any_of(waits_.begin(), waits_.end(),
                                  [](const PendingWait& wait) { return wait.descriptor.fence; });
  if (!enabled_ || stopped() || fenced || head_ == tail_) return false;
  if (tail_ >= ring_bytes()) {
    fail(QueueError::kTail);
    return false;
  }
  if (tail_ % width() != 0) {
    fail(QueueError::kAlignment);
    return false;
  }
  std::array<std::uint64_t, 4> words{};
  const Hpa at{(address_ & ~std::uint64_t{0xFFF}) + head_};
  if (!memory_.read(at, std::as_writable_bytes(std::span(words)).first(width()))) {
    fail(QueueError::kFetch);
    return false;
  }
  const Result<QueueDescriptor, QueueError> descriptor =
      decode_descriptor(words, width(), mode_, config_);
  if (!descriptor) {
    fail(descriptor.error());
    return false;
  }
  if (!execute(*descriptor)) return false;
  return true;
}

bool InvalidationQueue::execute(const QueueDescriptor& descriptor) {
  const bool device = descriptor.type == DescriptorType::kDeviceTlb ||
                      descriptor.type == DescriptorType::kPasidDeviceTlb;
  if (device) {
    const unsigned limit =
        config_.throttling && descriptor.pending_limit != 0 ? descriptor.pending_limit : kUnlimited;
    const unsigned pending =
        config_.throttling ? tracker_.pending_of(descriptor.physical_function) : 0;
    if (pending >= limit || !tracker_.free_tag(descriptor.source)) return false;
  }
  head_ = (head_ + width()) % ring_bytes();
  ++statistics_.descriptors;
  switch (descriptor.type) {
    case DescriptorType::kDeviceTlb:
    case DescriptorType::kPasidDeviceTlb:
      invalidate_device(descriptor);
      break;
    case DescriptorType::kWait:
      wait(descriptor);
      break;
    case DescriptorType::kPageGroupResponse:
      respond(descriptor);
      break;
    default:
      invalidate(descriptor);
      break;
  }
  return true;
}

void InvalidationQueue::invalidate(const QueueDescriptor& d) {
  const Iova address{d.address};
  switch (d.type) {
    case DescriptorType::kContextCache:
      if (d.granularity == 1) caches_.context_global();
      if (d.granularity == 2) caches_.context_domain();
      if (d.granularity == 3) caches_.context_device(d.source, d.function_mask);
      break;
    case DescriptorType::kIotlb:
      if (d.granularity == 1) caches_.iotlb_global();
      if (d.granularity == 2) caches_.iotlb_domain(d.domain);
      if (d.granularity == 3) caches_.iotlb_page(d.domain, address, d.mask, d.leaf_only);
      break;
    case DescriptorType::kPasidIotlb:
      if (d.granularity == 2) caches_.p_iotlb_pasid(d.domain, d.pasid);
      if (d.granularity == 3) caches_.p_iotlb_page(d.domain, d.pasid, address, d.mask, d.leaf_only);
      break;
    case DescriptorType::kPasidCache:
      if (d.granularity == 0) caches_.pasid_domain(d.domain);
      if (d.granularity == 1) caches_.pasid_selective(d.domain, d.pasid);
      if (d.granularity == 3) caches_.pasid_global();
      break;
    case DescriptorType::kInterruptEntry:
      if (d.granularity == 0) remapper_.invalidate_all();
      if (d.granularity == 1) remapper_.invalidate(d.index, d.mask);
      break;
    default:
      break;
  }
}

void InvalidationQueue::invalidate_device(const QueueDescriptor& d) {
  const std::uint8_t tag = *tracker_.free_tag(d.source);
  tracker_.open(d.source, tag, d.physical_function, now_ + config_.invalidation_timeout);
  if (device_ == nullptr) return;  // nobody answers
  port::InvalidateRequest request;
  request.device = d.source;
  request.itag = tag;
  if (d.has_pasid) request.pasid = d.pasid;
  request.address = d.address;
  request.size = d.size;
  request.global = d.global;
  device_->invalidate(request);
}

void InvalidationQueue::respond(const QueueDescriptor& d) {
  if (device_ == nullptr) return;
  port::PageGroupResponse response;
  response.device = d.source;
  if (d.has_pasid) response.pasid = d.pasid;
  response.group = d.index;
  response.code = d.response;
  device_->page_group_response(response);
}

void InvalidationQueue::wait(const QueueDescriptor& descriptor) {
  const PendingWait pending{descriptor, wait_from_, tracker_.next_serial()};
  wait_from_ = pending.end;
  if (lost_) {  // one of the invalidations it covers has timed out: never done
    lost_ = false;
    return;
  }
  waits_.push_back(pending);
  finish_waits();
}

void InvalidationQueue::finish_waits() {
  std::vector<PendingWait> done;
  std::erase_if(waits_, [&](const PendingWait& wait) {
    if (tracker_.open_between(wait.first, wait.end)) return false;
    done.push_back(wait);
    return true;
  });
  for (const PendingWait& wait : done) finish_wait(wait.descriptor);
}

void InvalidationQueue::finish_wait(const QueueDescriptor& descriptor) {
  if (descriptor.write_status) {
    // A status address outside memory is lost like any write to nowhere.
    const std::uint32_t status = descriptor.status;
    static_cast<void>(memory_.write(Hpa{descriptor.address}, std::as_bytes(std::span(&status, 1))));
  }
  if (!descriptor.interrupt || wait_done_) return;
  wait_done_ = true;
  event_.raise();
}

void InvalidationQueue::complete(const port::InvalidateCompletion& completion) {
  if (!tracker_.complete(completion) && !faults_.queue_error(QueueCondition::kCompletion)) {
    bogus_ = completion.device;
    faults_.set_queue_error(QueueCondition::kCompletion);
  }
  run();
}

void InvalidationQueue::advance(std::uint64_t now) {
  now_ = now;
  if (tracker_.open_count() == 0) return;
  const std::vector<DeviceTlbTracker::Expired> expired = tracker_.expire(now);
  if (expired.empty()) return;
  waits_.clear();
  lost_ = lost_ || std::any_of(expired.begin(), expired.end(),
                               [this](const auto& e) { return e.serial >= wait_from_; });
  if (faults_.queue_error(QueueCondition::kTimeout)) return;
  timed_out_ = expired.front().device;
  faults_.set_queue_error(QueueCondition::kTimeout);
}

}  // namespace siov::iommu
