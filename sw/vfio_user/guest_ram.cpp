// SPDX-License-Identifier: Apache-2.0
// Ranges of client memory: mapping, look-up, copies.
#include "vfio_user/guest_ram.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/error.hpp"

namespace siov::vfio_user {

/// A piece of a file in this process's memory.
class GuestRam::Mapping {
 public:
  Mapping(void* base, std::size_t bytes, std::size_t skip)
      : base_(base), bytes_(bytes), skip_(skip) {}
  ~Mapping() { ::munmap(base_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::byte* first() const { return static_cast<std::byte*>(base_) + skip_; }

 private:
  void* base_;
  std::size_t bytes_;
  std::size_t skip_;  ///< from the page that mmap gave to the first byte of the range
};

namespace {

/// Last byte of a range that is not empty; wraps if the range does.
std::uint64_t last(Gpa address, std::uint64_t bytes) { return address.value + (bytes - 1); }

bool on_grid(Gpa address, std::uint64_t bytes) {
  return bytes != 0 && address.value % kPageSize == 0 && bytes % kPageSize == 0 &&
         last(address, bytes) >= address.value;
}

/// Whether a file ends before the range does. What has no length (a device) is left to mmap.
bool too_short(int fd, const DmaRange& range) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  return range.bytes > size || range.file_offset > size - range.bytes;
}

}  // namespace

GuestRam::GuestRam(std::size_t max_ranges) : max_ranges_(max_ranges) {
  if (max_ranges == 0) throw HarnessError("guest memory of at most 0 ranges");
}
GuestRam::~GuestRam() = default;

int GuestRam::map(const DmaRange& range, FileDescriptor fd) {
  if (!on_grid(range.address, range.bytes)) return EINVAL;
  if (!range.readable && !range.writable) return EINVAL;
  const auto above = ranges_.upper_bound(last(range.address, range.bytes));
  if (above != ranges_.begin()) {
    const DmaRange& below = std::prev(above)->second.range;
    if (last(below.address, below.bytes) >= range.address.value) return EEXIST;
  }
  if (ranges_.size() >= max_ranges_) return ENOSPC;

  Entry entry;
  entry.range = range;
  entry.range.shared = static_cast<bool>(fd);
  if (fd) {
    if (range.file_offset > static_cast<std::uint64_t>(INT64_MAX)) return EINVAL;
    if (too_short(fd.get(), range)) return EINVAL;
    const std::uint64_t skip = range.file_offset % kPageSize;
    const std::uint64_t bytes = range.bytes + skip;
    // A processor that may write a page may read it.
    const int rights = PROT_READ | (range.writable ? PROT_WRITE : 0);
    void* base = ::mmap(nullptr, bytes, rights, MAP_SHARED, fd.get(),
                        static_cast<off_t>(range.file_offset - skip));
    if (base == MAP_FAILED) return errno;
    entry.mapping = std::make_unique<Mapping>(base, bytes, skip);
  }
  ranges_.emplace(range.address.value, std::move(entry));
  return 0;
}

int GuestRam::find(Gpa address, std::uint64_t bytes, std::vector<DmaRange>& out) const {
  out.clear();
  if (!on_grid(address, bytes)) return EINVAL;
  const std::uint64_t end = last(address, bytes);
  if (const Entry* cut = entry_at(address.value); cut && cut->range.address != address) {
    return EINVAL;
  }
  std::vector<DmaRange> found;
  for (auto it = ranges_.lower_bound(address.value); it != ranges_.end() && it->first <= end;
       ++it) {
    const DmaRange& range = it->second.range;
    if (last(range.address, range.bytes) > end) return EINVAL;
    found.push_back(range);
  }
  out = std::move(found);
  return 0;
}

bool GuestRam::remove(Gpa address, std::uint64_t bytes) {
  const auto it = ranges_.find(address.value);
  if (it == ranges_.end() || it->second.range.bytes != bytes) return false;
  recent_ = nullptr;
  ranges_.erase(it);
  return true;
}

void GuestRam::clear() {
  recent_ = nullptr;
  ranges_.clear();
}

const GuestRam::Entry* GuestRam::entry_at(std::uint64_t address) const {
  const auto holds = [address](const Entry& entry) {
    return address >= entry.range.address.value &&
           address - entry.range.address.value < entry.range.bytes;
  };
  if (recent_ && holds(*recent_)) return recent_;
  const auto above = ranges_.upper_bound(address);
  if (above == ranges_.begin()) return nullptr;
  const Entry& below = std::prev(above)->second;
  if (!holds(below)) return nullptr;
  recent_ = &below;
  return recent_;
}

const DmaRange* GuestRam::range_at(Gpa address) const {
  const Entry* entry = entry_at(address.value);
  return entry ? &entry->range : nullptr;
}

Reach GuestRam::reach(Gpa address, std::uint64_t bytes, DmaAccess access) const {
  if (bytes == 0) return range_at(address) ? Reach::kMapped : Reach::kUnknown;
  const std::uint64_t end = last(address, bytes);
  if (end < address.value) return Reach::kUnknown;
  Reach result = Reach::kMapped;
  for (std::uint64_t at = address.value;;) {
    const Entry* entry = entry_at(at);
    if (!entry) return Reach::kUnknown;
    const DmaRange& range = entry->range;
    if (access == DmaAccess::kRead ? !range.readable : !range.writable) {
      result = Reach::kNoRight;
    } else if (!range.shared && result == Reach::kMapped) {
      result = Reach::kByMessage;
    }
    const std::uint64_t range_end = last(range.address, range.bytes);
    if (range_end >= end) return result;
    at = range_end + 1;
  }
}

std::byte* GuestRam::pointer(Gpa address, std::uint64_t bytes, DmaAccess access) const {
  const Entry* entry = entry_at(address.value);
  if (!entry || !entry->mapping) return nullptr;
  const DmaRange& range = entry->range;
  if (access == DmaAccess::kRead ? !range.readable : !range.writable) return nullptr;
  const std::uint64_t offset = address - range.address;
  if (bytes > range.bytes - offset) return nullptr;
  return entry->mapping->first() + offset;
}

const std::byte* GuestRam::host(Gpa address, std::uint64_t bytes) const {
  return pointer(address, bytes, DmaAccess::kRead);
}

std::byte* GuestRam::host_writable(Gpa address, std::uint64_t bytes) {
  return pointer(address, bytes, DmaAccess::kWrite);
}

bool GuestRam::read(Gpa address, std::span<std::byte> out) const {
  if (const std::byte* from = host(address, out.size())) {  // nearly always one range
    if (!out.empty()) std::memcpy(out.data(), from, out.size());
    return true;
  }
  if (reach(address, out.size(), DmaAccess::kRead) != Reach::kMapped) return false;
  while (!out.empty()) {
    const DmaRange& range = entry_at(address.value)->range;
    const std::uint64_t piece =
        std::min<std::uint64_t>(out.size(), range.bytes - (address - range.address));
    std::memcpy(out.data(), host(address, piece), piece);
    out = out.subspan(piece);
    address += piece;
  }
  return true;
}

bool GuestRam::write(Gpa address, std::span<const std::byte> data) {
  if (std::byte* to = host_writable(address, data.size())) {
    if (!data.empty()) std::memcpy(to, data.data(), data.size());
    return true;
  }
  if (reach(address, data.size(), DmaAccess::kWrite) != Reach::kMapped) return false;
  while (!data.empty()) {
    const DmaRange& range = entry_at(address.value)->range;
    const std::uint64_t piece =
        std::min<std::uint64_t>(data.size(), range.bytes - (address - range.address));
    std::memcpy(host_writable(address, piece), data.data(), piece);
    data = data.subspan(piece);
    address += piece;
  }
  return true;
}

std::vector<DmaRange> GuestRam::ranges() const {
  std::vector<DmaRange> all;
  for (const auto& [address, entry] : ranges_) all.push_back(entry.range);
  return all;
}

bool GuestRam::all_shared() const {
  return std::all_of(ranges_.begin(), ranges_.end(), [](const auto& item) {
    const DmaRange& range = item.second.range;
    return range.shared || !(range.readable && range.writable);
  });
}

}  // namespace siov::vfio_user
