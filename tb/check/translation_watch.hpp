// SPDX-License-Identifier: Apache-2.0
// TranslationWatch: what an injection must know of address translation to break it: the
// translations that the device holds, the translated reads that are under way.
//
//   watch.up(tlp);  watch.down(tlp);
//   if (const TranslationWatch::Entry* e = watch.foreign(tlp)) ...
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pcie/ats_tlp.hpp"
#include "pcie/tlp.hpp"

namespace siov::check {

class TranslationWatch {
 public:
  /// One page that the device was given.
  struct Entry {
    std::uint32_t pasid = 0;
    bool has_pasid = false, read = false, write = false;
    std::uint64_t page = 0, host = 0;
    std::uint64_t start = 0, bytes = 0;  ///< all that was translated
  };

  void up(const pcie::Tlp& t);
  void down(const pcie::Tlp& t);

  /// A page of another PASID than the one that this translated request goes to.
  const Entry* foreign(const pcie::Tlp& t) const;
  /// A page that may be read only: no translation that the device holds allows more.
  const Entry* read_only() const;
  /// The device holds a translation that this request invalidates.
  bool held(const port::InvalidateRequest& request) const;
  /// ... and reads with it.
  bool reading(const port::InvalidateRequest& request) const;

 private:
  static constexpr std::size_t kMost = 4096;
  struct Ask {
    bool active = false;
    Entry entry;
  };
  void granted(const Ask& ask, std::uint64_t value);
  const Entry* of_host(std::uint64_t address) const;
  bool writable(std::uint64_t host) const;

  std::vector<Entry> entries_;
  std::array<Ask, 1024> asked_{};
  std::array<std::uint64_t, 1024> reads_{};  ///< by tag: host address + 1 of a read under way, or 0
};

}  // namespace siov::check
