// SPDX-License-Identifier: Apache-2.0
// Memory move, fill, dualcast, cache flush, and how operands are read. @spec DSA 5.6 (03, 04, 09,
// 20)
#include <algorithm>

#include "model/predict_run.hpp"

namespace siov::model {

namespace {

constexpr std::size_t kPayload = 512;  ///< longest of a TLP

/// Whether what the bytes hold can end the work before a page is needed: a difference, a bad block
/// or entry. Work that only copies may have written up to the page.
bool ends_early(const Run& run) {
  switch (run.d.opcode) {
    case abi::kOpMemmove:
    case abi::kOpDualcast:
    case abi::kOpFill:
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc:
    case abi::kOpCacheFlush:
      return false;
    default:
      return true;
  }
}

/// Visits the pages of an operand in order. @param use  (offset, bytes): false stops as unreadable
template <class Use>
Reach walk(const Run& run, PageAccess access, Iova address, std::size_t bytes, bool downward,
           Use use) {
  Reach reach;
  while (reach.bytes < bytes) {
    const std::size_t left = bytes - reach.bytes;
    const Iova at = downward ? address + (left - 1) : address + reach.bytes;
    const std::size_t in_page =
        downward ? at.page_offset() + std::size_t{1} : kPageSize - at.page_offset();
    const std::size_t piece = std::min(left, in_page);
    access.page = at.page();
    reach.at = access;
    reach.status = run.gate(access);
    if (reach.status != 0) {
      // Of a page that closes late all but its last byte may have been used.
      const std::size_t ahead = run.late && run.most > reach.bytes ? run.most - reach.bytes : 0;
      const std::size_t used = std::min(ahead, piece - 1);
      if (used != 0 && use(downward ? left - used : reach.bytes, used)) reach.bytes += used;
      // A TLP that runs into the page is given up whole: what its first bytes say is never known.
      if (ends_early(run) && reach.bytes > run.most && reach.bytes - run.most <= kPayload)
        reach.bytes = run.most;
      return reach;
    }
    if (!use(downward ? left - piece : reach.bytes, piece)) {
      reach.status = abi::kStReadError;
      return reach;
    }
    reach.bytes += piece;
  }
  return reach;
}

Reach read(const Run& run, Operand operand, Iova address, std::span<std::byte> out, bool downward) {
  const auto use = [&](std::size_t offset, std::size_t piece) {
    return run.reader(address + offset, out.subspan(offset, piece));
  };
  return walk(run, {.operand = operand}, address, out.size(), downward, use);
}

Reach ask(const Run& run, PageAccess access, Iova address, std::size_t bytes, bool downward) {
  return walk(run, access, address, bytes, downward, [](std::size_t, std::size_t) { return true; });
}

void add_write(const Run& run, Iova address, std::span<const std::byte> data, bool optional) {
  if (data.empty()) return;
  run.p.writes.push_back({address, {data.begin(), data.end()}, optional});
}

}  // namespace

Reach read_up(const Run& run, Operand operand, Iova address, std::span<std::byte> out) {
  return read(run, operand, address, out, false);
}

Reach read_down(const Run& run, Operand operand, Iova address, std::span<std::byte> out) {
  return read(run, operand, address, out, true);
}

Reach reach_up(const Run& run, Operand operand, Iova address, std::size_t bytes, bool write) {
  return ask(run, {.operand = operand, .write = write}, address, bytes, false);
}

Reach reach_down(const Run& run, Operand operand, Iova address, std::size_t bytes, bool write) {
  return ask(run, {.operand = operand, .write = write}, address, bytes, true);
}

Reach reach_piece(const Run& run, Iova address, std::size_t bytes, std::size_t done) {
  if (run.late && done <= run.most) return {.bytes = bytes};
  Run closed = run;
  closed.late = false;
  return reach_up(closed, Operand::kDestination1, address, bytes);
}

Reach first_end(const Reach& a, const Reach& b) {
  if (b.status == 0) return a;
  return a.status == 0 || b.bytes < a.bytes ? b : a;
}

std::size_t done_at(const Run& run, std::size_t bytes, std::size_t unit) {
  const std::size_t done = std::min<std::size_t>(bytes, run.most);
  return done - done % unit;
}

std::uint8_t end_at(const Run& run, const Reach& end, std::size_t done) {
  if (end.status == abi::kStReadError) return end.status;
  run.p.fault =
      PageFault{.at = end.at, .status = end.status, .completed = static_cast<std::uint32_t>(done)};
  if (!tells_progress(end)) return end.status;
  run.record.fault_address = end.at.page;
  run.record.bytes_completed = static_cast<std::uint32_t>(done);
  return end.status;
}

void add_upward(const Run& run, Iova address, std::span<const std::byte> data, const Reach& end,
                std::size_t done) {
  if (end.status == 0) return add_write(run, address, data, false);
  if (!tells_progress(end)) return add_write(run, address, data, true);
  add_write(run, address, data.first(done), false);
  add_write(run, address + done, data.subspan(done), true);
}

/// A copy goes downward when the destination begins inside the source; any other goes upward. @spec
/// DSA 5.6 (03)
std::uint8_t run_move(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  std::vector<std::byte> data(d.size);
  const bool downward = d.source < d.destination && d.destination - d.source < d.size;
  if (!downward) {
    Reach end = read_up(run, Operand::kSource1, d.source, data);
    end = first_end(end, reach_up(run, Operand::kDestination1, d.destination, end.bytes));
    const std::size_t done = done_at(run, end.bytes);
    add_upward(run, d.destination, std::span(data).first(end.bytes), end, done);
    return end.status == 0 ? abi::kStSuccess : end_at(run, end, done);
  }
  Reach end = read_down(run, Operand::kSource1, d.source, data);
  const Iova readable = d.destination + (d.size - end.bytes);
  end = first_end(end, reach_down(run, Operand::kDestination1, readable, end.bytes));
  const std::size_t done = done_at(run, end.bytes);
  const std::size_t sure = end.status == 0 ? d.size : tells_progress(end) ? done : 0;
  const std::span<const std::byte> copied = std::span(data).last(end.bytes);
  add_write(run, d.destination + (d.size - sure), copied.last(sure), false);
  add_write(run, d.destination + (d.size - end.bytes), copied.first(end.bytes - sure), true);
  if (end.status == 0) return abi::kStSuccess;
  if (tells_progress(end)) run.record.result = 1;
  return end_at(run, end, done);
}

/// The pattern repeats from the first destination byte. @spec DSA 5.6 (04)
std::uint8_t run_fill(const Run& run) {
  const abi::Descriptor& d = run.d;
  std::vector<std::byte> data(d.size);
  const std::size_t pattern = d.has(kFlagFill16) ? 16 : 8;
  std::size_t filled = std::min<std::size_t>(pattern, d.size);
  for (std::size_t i = 0; i < filled; ++i) {
    const std::uint64_t half = i < 8 ? d.pattern() : d.pattern_high();
    data[i] = static_cast<std::byte>(half >> (8 * (i % 8)));
  }
  while (filled < d.size) {  // doubles whole patterns
    const std::size_t piece = std::min<std::size_t>(filled, d.size - filled);
    std::copy_n(data.begin(), piece, data.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += piece;
  }
  const Reach end = reach_up(run, Operand::kDestination1, d.destination, d.size);
  const std::size_t done = done_at(run, end.bytes);
  add_upward(run, d.destination, std::span(data).first(end.bytes), end, done);
  return end.status == 0 ? abi::kStSuccess : end_at(run, end, done);
}

/// Both destinations advance together; the first may be ahead of the second when that has no page.
std::uint8_t run_dualcast(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  std::vector<std::byte> data(d.size);
  const Reach source = read_up(run, Operand::kSource1, d.source, data);
  const Reach one = reach_up(run, Operand::kDestination1, d.destination, source.bytes);
  const Reach two = reach_up(run, Operand::kDestination2, d.destination2(), one.bytes);
  const Reach end = first_end(first_end(source, one), two);
  const std::size_t done = done_at(run, end.bytes);
  add_upward(run, d.destination, std::span(data).first(one.bytes), end, done);
  add_upward(run, d.destination2(), std::span(data).first(end.bytes), end, done);
  return end.status == 0 ? abi::kStSuccess : end_at(run, end, done);
}

/// The range is looked up page by page; nothing changes. @spec DSA 5.6 (20)
std::uint8_t run_flush(const Run& run) {
  const abi::Descriptor& d = run.d;
  const Reach end = reach_up(run, Operand::kDestination1, d.destination, d.size, false);
  return end.status == 0 ? abi::kStSuccess : end_at(run, end, done_at(run, end.bytes));
}

}  // namespace siov::model
