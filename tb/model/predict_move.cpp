// SPDX-License-Identifier: Apache-2.0
// Memory move, fill, dualcast, and how operands are read. @spec DSA 5.6 (03, 04, 09)
#include <algorithm>

#include "model/predict_run.hpp"

namespace siov::model {

std::size_t read_prefix(MemoryReader reader, Iova address, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const Iova at = address + done;
    const std::size_t piece =
        std::min<std::size_t>(out.size() - done, kPageSize - at.page_offset());
    if (!reader(at, out.subspan(done, piece))) return done;
    done += piece;
  }
  return done;
}

std::size_t read_suffix(MemoryReader reader, Iova address, std::span<std::byte> out) {
  std::size_t left = out.size();
  while (left > 0) {
    const std::size_t in_page = (address + (left - 1)).page_offset() + std::size_t{1};
    const std::size_t piece = std::min(left, in_page);
    if (!reader(address + (left - piece), out.subspan(left - piece, piece))) break;
    left -= piece;
  }
  return out.size() - left;
}

/// A copy goes downward when the destination begins inside the source; any other goes upward. @spec
/// DSA 5.6 (03)
std::uint8_t run_move(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  Write& w = run.p.writes.emplace_back();
  w.address = d.destination;
  w.data.resize(d.size);
  const bool downward = d.source < d.destination && d.destination - d.source < d.size;
  const std::size_t good = downward ? read_suffix(run.reader, d.source, w.data)
                                    : read_prefix(run.reader, d.source, w.data);
  if (good == d.size) return abi::kStSuccess;
  w.optional = true;
  if (downward) {
    w.address += d.size - good;
    w.data.erase(w.data.begin(), w.data.end() - static_cast<std::ptrdiff_t>(good));
  } else {
    w.data.resize(good);
  }
  return abi::kStReadError;
}

/// The pattern repeats from the first destination byte. @spec DSA 5.6 (04)
std::uint8_t run_fill(const Run& run) {
  const abi::Descriptor& d = run.d;
  Write& w = run.p.writes.emplace_back();
  w.address = d.destination;
  w.data.resize(d.size);
  const std::size_t pattern = d.has(kFlagFill16) ? 16 : 8;
  std::size_t done = std::min<std::size_t>(pattern, d.size);
  for (std::size_t i = 0; i < done; ++i) {
    const std::uint64_t half = i < 8 ? d.pattern() : d.pattern_high();
    w.data[i] = static_cast<std::byte>(half >> (8 * (i % 8)));
  }
  while (done < d.size) {  // doubles whole patterns
    const std::size_t piece = std::min<std::size_t>(done, d.size - done);
    std::copy_n(w.data.begin(), piece, w.data.begin() + static_cast<std::ptrdiff_t>(done));
    done += piece;
  }
  return abi::kStSuccess;
}

std::uint8_t run_dualcast(const Run& run) {
  const abi::Descriptor& d = run.d;
  run.p.reads.push_back({d.source, d.size});
  std::vector<std::byte> data(d.size);
  const std::size_t good = read_prefix(run.reader, d.source, data);
  const bool failed = good != d.size;
  data.resize(good);
  run.p.writes.push_back({d.destination, data, failed});
  run.p.writes.push_back({d.destination2(), std::move(data), failed});
  return failed ? abi::kStReadError : abi::kStSuccess;
}

}  // namespace siov::model
