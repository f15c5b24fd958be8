// SPDX-License-Identifier: Apache-2.0
// Partial work inside the device. @spec DSA 5.7
#include "model/progress.hpp"

#include <algorithm>

#include "model/page_fault.hpp"

namespace siov::model {
namespace {

/// Calls use(page, first offset, bytes) for each page of a range.
template <class Use>
void for_pages(Iova address, std::size_t bytes, Use use) {
  for (std::size_t done = 0; done < bytes;) {
    const Iova at = address + done;
    const std::size_t piece = std::min<std::size_t>(bytes - done, kPageSize - at.page_offset());
    use(at.page(), done, piece);
    done += piece;
  }
}

}  // namespace

bool Progress::has(const PageAccess& access) const {
  return access.write ? written_.contains(access.page)
                      : read_.contains({access.operand, access.page});
}

bool Progress::recall(Iova address, std::span<std::byte> out) const {
  const auto at = data_.find(address);
  if (at == data_.end() || at->second.size() != out.size()) return false;
  std::copy(at->second.begin(), at->second.end(), out.begin());
  return true;
}

void Progress::keep(const PageAccess& access, Iova address, std::span<const std::byte> data) {
  read_.insert({access.operand, access.page});
  data_[address].assign(data.begin(), data.end());
}

void Progress::write(DmaMaster& master, const Owner& owner,
                     const std::vector<Write>& writes) const {
  for (const Write& w : writes) {
    if (w.optional) continue;
    for_pages(w.address, w.data.size(), [&](Iova page, std::size_t offset, std::size_t bytes) {
      if (written_.contains(page)) return;
      master.write(owner, w.address + offset, std::span(w.data).subspan(offset, bytes));
    });
  }
}

void Progress::write_whole(DmaMaster& master, const Owner& owner, const abi::Descriptor& d,
                           const std::vector<Write>& writes) {
  for (const OperandRange& r : operands(d)) {
    if (!r.write) continue;
    for_pages(r.range.address, r.range.bytes, [&](Iova page, std::size_t offset, std::size_t n) {
      const Iova first = r.range.address + offset;
      const auto whole = [&](const Write& w) {
        return !w.optional && w.address <= first && first + n <= w.address + w.data.size();
      };
      const auto w = std::find_if(writes.begin(), writes.end(), whole);
      if (w == writes.end() || !written_.insert(page).second) return;
      master.write(owner, first, std::span(w->data).subspan(first - w->address, n));
    });
  }
}

}  // namespace siov::model
