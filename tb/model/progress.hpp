// SPDX-License-Identifier: Apache-2.0
// Progress: what a descriptor that waits for pages has done so far, so that it comes on even if the
// host takes pages away again: pages that have been read are kept, pages that have been written
// whole are not needed any more.
//
//   if (progress.has(access)) ...                        // the page is not needed any more
//   progress.write_whole(master, owner, descriptor, p.writes);   // while it waits
//   progress.write(master, owner, p.writes);                     // at the end
#pragma once

#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "model/dma_master.hpp"
#include "model/predict.hpp"

namespace siov::model {

class Progress {
 public:
  /// Whether the operand is done with the page.
  bool has(const PageAccess& access) const;
  /// The bytes that were kept of a piece. @return false if they were not
  bool recall(Iova address, std::span<std::byte> out) const;
  /// Keeps the piece of an operand in a page.
  void keep(const PageAccess& access, Iova address, std::span<const std::byte> data);
  /// Writes what is certain, but for pages that are complete.
  void write(DmaMaster& master, const Owner& owner, const std::vector<Write>& writes) const;
  /// Writes pages of the destinations whose bytes are all certain.
  void write_whole(DmaMaster& master, const Owner& owner, const abi::Descriptor& descriptor,
                   const std::vector<Write>& writes);

 private:
  std::set<std::pair<Operand, Iova>> read_;
  std::map<Iova, std::vector<std::byte>> data_;
  std::set<Iova> written_;
};

}  // namespace siov::model
