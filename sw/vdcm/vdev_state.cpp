// SPDX-License-Identifier: Apache-2.0
// SavedVdev as bytes. Little-endian; the layout is what write() and read() below do, in order.
#include "vdcm/vdev_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/crc.hpp>
#include <set>
#include <string_view>

#include "abi/siov_abi.hpp"
#include "vdcm/vdev_config.hpp"
#include "vdcm/virtual_layout.hpp"

namespace siov::vdcm {

namespace {

constexpr std::string_view kMagic = "SIOVVDEV";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeader = 16;  // magic, version, length of the contents
constexpr std::size_t kTrailer = 4;  // CRC
constexpr std::size_t kMaxConfig = 1024;
constexpr std::size_t kMaxHeld = kMaxQueues * std::size_t{0xFFFF};
constexpr std::size_t kHeldBytes = 71;
constexpr std::size_t kMaxParts = kMaxQueues * std::size_t{2 * 4096 / 64};
constexpr std::size_t kPartBytes = 76;
constexpr std::uint32_t kActive = 1U << abi::kCmdstatusActiveLsb;

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

class Writer {
 public:
  void number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i)
      bytes_.push_back(static_cast<std::byte>(value >> 8 * i & 0xFF));
  }
  void flag(bool value) { number(value ? 1 : 0, 1); }
  void raw(std::span<const std::byte> data) {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
  }
  void raw(std::string_view text) { raw(std::as_bytes(std::span(text))); }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Keeps the first thing that is wrong; after it every number is 0.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t number(unsigned bytes, const char* what) {
    if (!error_.empty()) return 0;
    if (bytes_.size() < bytes) {
      fail(fmt::format("the contents end inside {}", what));
      return 0;
    }
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i)
      value |= std::to_integer<std::uint64_t>(bytes_[i]) << 8 * i;
    bytes_ = bytes_.subspan(bytes);
    return value;
  }
  bool flag(const char* what) {
    const std::uint64_t value = number(1, what);
    require(value <= 1, "{} is {}, not 0 or 1", what, value);
    return value == 1;
  }
  std::size_t count(std::size_t least, std::size_t most, const char* what) {
    const std::uint64_t value = number(4, what);
    require(value >= least && value <= most, "{} {}, allowed are {} to {}", value, what, least,
            most);
    return error_.empty() ? static_cast<std::size_t>(value) : 0;
  }
  template <class... Args>
  void require(bool condition, fmt::format_string<Args...> text, Args&&... args) {
    if (!condition && error_.empty()) fail(fmt::format(text, std::forward<Args>(args)...));
  }
  void fail(std::string text) {
    error_ = std::move(text);
    bytes_ = {};
  }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::string error_;
};

// ---- capabilities

void write(Writer& out, const VirtualCapabilities& c) {
  out.number(c.version, 4);
  out.number(c.physical_gencap, 8);
  for (const std::uint64_t word : c.opcap) out.number(word, 8);
  out.number(c.engines, 1);
  out.number(c.vectors, 2);
  out.number(c.queues.size(), 4);
  for (const QueueDescription& q : c.queues) {
    out.flag(q.dedicated);
    out.flag(q.block_on_fault);
    out.number(q.size, 2);
    out.number(q.threshold, 2);
    out.number(q.priority, 1);
    out.number(q.max_transfer_log2, 1);
    out.number(q.max_batch_log2, 1);
    out.number(q.operations, 8);
    out.number(q.gencap, 8);
    out.number(q.version, 4);
  }
}

void read(Reader& in, VirtualCapabilities& c) {
  c.version = static_cast<std::uint32_t>(in.number(4, "the version"));
  c.physical_gencap = in.number(8, "GENCAP");
  for (std::uint64_t& word : c.opcap) word = in.number(8, "OPCAP");
  c.engines = static_cast<std::uint8_t>(in.number(1, "the number of engines"));
  c.vectors = static_cast<std::uint16_t>(in.number(2, "the number of vectors"));
  in.require(c.vectors >= kMinVectors && c.vectors <= kMaxVectors,
             "{} vectors, allowed are {} to {}", c.vectors, kMinVectors, kMaxVectors);
  c.queues.resize(in.count(1, kMaxQueues, "queues"));
  for (QueueDescription& q : c.queues) {
    q.dedicated = in.flag("the mode of a queue");
    q.block_on_fault = in.flag("block on fault of a queue");
    q.size = static_cast<std::uint16_t>(in.number(2, "the size of a queue"));
    q.threshold = static_cast<std::uint16_t>(in.number(2, "the threshold of a queue"));
    q.priority = static_cast<std::uint8_t>(in.number(1, "the priority of a queue"));
    q.max_transfer_log2 = static_cast<std::uint8_t>(in.number(1, "the largest transfer"));
    q.max_batch_log2 = static_cast<std::uint8_t>(in.number(1, "the largest batch"));
    q.operations = in.number(8, "the operations of a queue");
    q.gencap = in.number(8, "GENCAP of a queue");
    q.version = static_cast<std::uint32_t>(in.number(4, "the version of a queue"));
    in.require(q.size != 0, "a queue of size 0");
    in.require(q.max_transfer_log2 < 32 && q.max_batch_log2 < 16,
               "largest transfer 2^{} or largest batch 2^{} beyond their fields",
               q.max_transfer_log2, q.max_batch_log2);
  }
}

// ---- registers

void write(Writer& out, const RegisterImage& r) {
  out.number(static_cast<std::uint64_t>(r.state), 1);
  out.number(r.cmdstatus, 4);
  out.number(r.intcause, 4);
  out.number(r.gencfg, 4);
  out.number(r.genctrl, 4);
  for (const RegisterImage::Queue& q : r.queues) {
    out.number(q.dword2, 4);
    out.flag(q.enabled);
  }
  for (const std::uint32_t entry : r.msixperm) out.number(entry, 4);
  for (const std::uint64_t word : r.swerror) out.number(word, 8);
}

void read(Reader& in, RegisterImage& r, const VirtualCapabilities& c) {
  const std::uint64_t state = in.number(1, "the device state");
  in.require(state <= 3, "device state {}, allowed are 0 to 3", state);
  in.require(state != 2, "device state 2: a paused VDEV is not in the middle of a command");
  r.state = static_cast<DeviceState>(in.ok() ? state : 0);
  r.cmdstatus = static_cast<std::uint32_t>(in.number(4, "CMDSTATUS"));
  r.intcause = static_cast<std::uint32_t>(in.number(4, "INTCAUSE"));
  r.gencfg = static_cast<std::uint32_t>(in.number(4, "GENCFG"));
  r.genctrl = static_cast<std::uint32_t>(in.number(4, "GENCTRL"));
  r.queues.resize(c.queues.size());
  for (RegisterImage::Queue& q : r.queues) {
    q.dword2 = static_cast<std::uint32_t>(in.number(4, "WQCFG"));
    q.enabled = in.flag("the state of a queue");
    in.require(!q.enabled || r.state != DeviceState::kDisabled,
               "a queue is enabled while the device is disabled");
  }
  r.msixperm.resize(c.vectors);
  for (std::uint32_t& entry : r.msixperm) {
    entry = static_cast<std::uint32_t>(in.number(4, "MSIXPERM"));
    in.require((entry & 0xFF7) == 0, "MSIXPERM entry {:#x} has reserved bits", entry);
  }
  for (std::uint64_t& word : r.swerror) word = in.number(8, "SWERROR");
}

// ---- interrupts and work

void write_interrupts(Writer& out, const SavedVdev& saved) {
  for (const VirtualMsix::Entry& entry : saved.msix) {
    out.number(entry.address, 8);
    out.number(entry.data, 4);
    out.number(entry.control, 4);
  }
  out.number(saved.pending, 8);
  for (const std::optional<std::uint16_t>& handle : saved.handles) {
    out.flag(handle.has_value());
    out.number(handle.value_or(0), 2);
  }
  out.number(saved.granted, 8);
}

void read_interrupts(Reader& in, SavedVdev& saved) {
  const std::uint16_t vectors = saved.capabilities.vectors;
  const std::uint64_t outside = vectors >= 64 ? 0 : ~std::uint64_t{0} << vectors;
  saved.msix.resize(in.ok() ? vectors : 0);
  for (VirtualMsix::Entry& entry : saved.msix) {
    entry.address = in.number(8, "an MSI-X address");
    entry.data = static_cast<std::uint32_t>(in.number(4, "an MSI-X message"));
    entry.control = static_cast<std::uint32_t>(in.number(4, "an MSI-X control word"));
    in.require(entry.control <= 1 && (entry.address & 3) == 0,
               "MSI-X entry with control {:#x} and address {:#x}", entry.control, entry.address);
  }
  saved.pending = in.number(8, "pending interrupts");
  in.require((saved.pending & outside) == 0, "an interrupt pends for a vector beyond {}",
             vectors - 1);
  saved.handles.resize(in.ok() ? vectors : 0);
  std::set<std::uint16_t> seen;
  for (std::size_t v = 0; v < saved.handles.size(); ++v) {
    const bool present = in.flag("an interrupt handle");
    const auto handle = static_cast<std::uint16_t>(in.number(2, "an interrupt handle"));
    in.require(present || handle == 0, "vector {} has no handle, but number {}", v, handle);
    if (!in.ok() || !present) continue;
    in.require(v != 0, "vector 0 has no handle");
    in.require(seen.insert(handle).second, "two vectors have the handle {}", handle);
    saved.handles[v] = handle;
  }
  saved.granted = in.number(8, "granted handles");
  for (std::size_t v = 0; v < 64 && in.ok(); ++v) {
    const bool has = v < saved.handles.size() && saved.handles[v].has_value();
    in.require((saved.granted >> v & 1) == 0 || has, "vector {} is granted without a handle", v);
  }
}

void write_work(Writer& out, const SavedVdev& saved) {
  out.flag(saved.command.has_value());
  out.number(saved.command.value_or(0), 4);
  out.number(saved.parts.size(), 4);
  for (const PartialSlot& slot : saved.parts) {
    out.number(slot.offset, 4);
    out.number(slot.present, 8);
    out.raw(slot.line);
  }
  out.number(saved.held.size(), 4);
  for (const HeldDescriptor& held : saved.held) {
    out.number(held.queue, 1);
    out.flag(held.limited);
    out.flag(held.deferrable);
    out.number(held.offset, 4);
    out.raw(held.line);
  }
}

void read_parts(Reader& in, SavedVdev& saved) {
  const VirtualLayout layout(static_cast<std::uint32_t>(saved.capabilities.queues.size()),
                             saved.capabilities.vectors);
  const std::size_t count = in.count(0, kMaxParts, "slots with parts");
  in.require(count * kPartBytes <= in.left(), "{} slots with parts do not fit in {} bytes", count,
             in.left());
  saved.parts.resize(in.ok() ? count : 0);
  std::optional<std::uint64_t> last;
  for (PartialSlot& slot : saved.parts) {
    slot.offset = in.number(4, "a slot with parts");
    slot.present = in.number(8, "a slot with parts");
    for (std::byte& b : slot.line) b = static_cast<std::byte>(in.number(1, "a slot with parts"));
    if (!in.ok()) return;
    const std::uint64_t queue = slot.offset / layout.portal_stride;
    in.require(slot.offset % 64 == 0 && queue < layout.queues &&
                   slot.offset % layout.portal_stride < 0x2000,
               "parts at {:#x}, where no portal is", slot.offset);
    in.require(!last || slot.offset > *last, "parts at {:#x} are out of order", slot.offset);
    if (!in.ok()) return;
    last = slot.offset;
    in.require(saved.registers.queues[queue].enabled,
               "parts of a descriptor for queue {}, which is not enabled", queue);
    in.require(slot.present != 0 && ~slot.present != 0, "parts at {:#x} that are all or nothing",
               slot.offset);
    for (std::size_t i = 0; i < slot.line.size(); ++i) {
      in.require((slot.present >> i & 1) != 0 || slot.line[i] == std::byte{0},
                 "parts at {:#x} have byte {}, which was not stored", slot.offset, i);
    }
  }
}

void read_held(Reader& in, SavedVdev& saved) {
  std::vector<std::size_t> counts(saved.capabilities.queues.size());
  const std::size_t held_count = in.count(0, kMaxHeld, "held descriptors");
  in.require(held_count * kHeldBytes <= in.left(), "{} held descriptors do not fit in {} bytes",
             held_count, in.left());
  saved.held.resize(in.ok() ? held_count : 0);
  for (HeldDescriptor& held : saved.held) {
    if (!in.ok()) return;
    held.queue = static_cast<std::uint8_t>(in.number(1, "a held descriptor"));
    held.limited = in.flag("the page of a held descriptor");
    held.deferrable = in.flag("the kind of a held descriptor");
    held.offset = static_cast<std::uint32_t>(in.number(4, "the place of a held descriptor"));
    for (std::byte& b : held.line) b = static_cast<std::byte>(in.number(1, "a held descriptor"));
    in.require(held.queue < counts.size(), "a held descriptor for queue {} of {}", held.queue,
               counts.size());
    if (!in.ok()) return;
    const QueueDescription& queue = saved.capabilities.queues[held.queue];
    in.require(saved.registers.queues[held.queue].enabled,
               "a held descriptor for queue {}, which is not enabled", held.queue);
    in.require(held.deferrable != queue.dedicated,
               "a held descriptor came to queue {} in a way that its mode does not take",
               held.queue);
    in.require(held.offset < 4096 && held.offset % 64 == 0,
               "a held descriptor at offset {:#x} of its page", held.offset);
    in.require(++counts[held.queue] <= queue.size, "queue {} holds more than its {} descriptors",
               held.queue, queue.size);
  }
}

void read_work(Reader& in, SavedVdev& saved) {
  const bool present = in.flag("a command");
  const auto command = static_cast<std::uint32_t>(in.number(4, "a command"));
  in.require(present || command == 0, "no command, but number {:#x}", command);
  if (present) saved.command = command;
  const bool active = (saved.registers.cmdstatus & kActive) != 0;
  in.require(active == present, "CMDSTATUS {:#x} with{} a command waiting",
             saved.registers.cmdstatus, present ? "" : "out");
  read_parts(in, saved);
  if (in.ok()) read_held(in, saved);
}

/// @return what is wrong with everything around the contents; empty if nothing
std::string wrong_frame(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeader + kTrailer)
    return fmt::format("{} bytes are too few for a saved VDEV", bytes.size());
  const auto magic = std::as_bytes(std::span(kMagic));
  if (!std::equal(magic.begin(), magic.end(), bytes.begin())) return "no saved VDEV: wrong magic";
  Reader header(bytes.subspan(kMagic.size()));
  const std::uint64_t version = header.number(4, "the header");
  if (version != kVersion) return fmt::format("format version {}, known is {}", version, kVersion);
  const std::uint64_t length = header.number(4, "the header");
  const std::size_t there = bytes.size() - kHeader - kTrailer;
  if (length != there) return fmt::format("{} bytes of contents, {} announced", there, length);
  Reader trailer(bytes.subspan(bytes.size() - kTrailer));
  const std::uint64_t stored = trailer.number(4, "the CRC");
  const std::uint32_t crc = crc_of(bytes.first(bytes.size() - kTrailer));
  if (stored != crc) return fmt::format("CRC is {:08x}, stored is {:08x}", crc, stored);
  return {};
}

}  // namespace

std::vector<std::byte> serialize(const SavedVdev& saved) {
  Writer contents;
  contents.number(saved.page_bytes, 4);
  write(contents, saved.capabilities);
  contents.number(saved.config.size(), 4);
  for (const std::uint32_t dword : saved.config) contents.number(dword, 4);
  write(contents, saved.registers);
  write_interrupts(contents, saved);
  write_work(contents, saved);
  const std::vector<std::byte> inner = contents.take();

  Writer out;
  out.raw(kMagic);
  out.number(kVersion, 4);
  out.number(inner.size(), 4);
  out.raw(inner);
  std::vector<std::byte> bytes = out.take();
  const std::uint32_t crc = crc_of(bytes);
  for (unsigned i = 0; i < kTrailer; ++i)
    bytes.push_back(static_cast<std::byte>(crc >> 8 * i & 0xFF));
  return bytes;
}

Result<SavedVdev, std::string> parse(std::span<const std::byte> bytes) {
  if (std::string wrong = wrong_frame(bytes); !wrong.empty()) return Failure{std::move(wrong)};
  Reader in(bytes.subspan(kHeader, bytes.size() - kHeader - kTrailer));
  SavedVdev saved;
  saved.page_bytes = static_cast<std::uint32_t>(in.number(4, "the page size"));
  in.require(saved.page_bytes >= 4096 && std::has_single_bit(saved.page_bytes),
             "portal pages of {} bytes", saved.page_bytes);
  read(in, saved.capabilities);
  saved.config.resize(in.count(1, kMaxConfig, "configuration dwords"));
  for (std::uint32_t& dword : saved.config)
    dword = static_cast<std::uint32_t>(in.number(4, "configuration space"));
  if (in.ok()) read(in, saved.registers, saved.capabilities);
  if (in.ok()) read_interrupts(in, saved);
  if (in.ok()) read_work(in, saved);
  if (in.ok() && in.left() != 0) in.fail(fmt::format("{} bytes too many", in.left()));
  if (!in.ok()) return Failure{in.error()};
  return saved;
}

}  // namespace siov::vdcm
