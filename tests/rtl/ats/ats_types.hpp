// SPDX-License-Identifier: Apache-2.0
// What travels between the translation block, its engines and its host.
//
//   Ask a{.key = {.page = 0x1234, .pasid_en = true, .pasid = 7}, .write = true};
//   Invalidation i{.itag = 3, .pasid = 7, .data = 0x1234000};
//   i.covers(a.key);  // true
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace siov::ats {

enum Code : unsigned { kOk, kMiss, kBusy, kFault, kError, kPageOk, kPageInvalid, kPageFailure };

/// What a translation belongs to.
struct Key {
  std::uint64_t page = 0;  ///< address bits 63:12
  bool pasid_en = false;
  unsigned pasid = 0;
  bool priv = false;
  auto operator<=>(const Key&) const = default;
};

/// What an engine asks for.
struct Ask {
  Key key;
  bool write = false;
  bool page_request = false;
};

/// What it is told.
struct Answer {
  std::uint64_t cycle;
  bool done;
  unsigned engine, id, slot, code;
  std::uint64_t page;
  bool untranslated, write;
  Ask ask;  ///< of the request, or of the slot
};

/// A translation request on the link.
struct Request {
  std::uint64_t cycle, addr;
  unsigned length, first_be, last_be, tc, ro, pasid_valid, pasid, priv, tag, at;
  unsigned slot;
};

/// A message of the device.
struct Message {
  std::uint64_t cycle;
  bool page_request;
  std::uint32_t dw2, dw3;
  bool pasid_valid;
  unsigned pasid;
  bool priv;
};

/// A completion as it comes from the link; bytes[0] is payload byte 0.
struct Completion {
  unsigned tag = 0, status = 0;
  bool has_data = true, poisoned = false, bad = false, eop = true;
  unsigned length = 2, byte_count = 8;
  std::uint64_t entry = 0;  ///< big-endian value
};

/// An Invalidate Request.
struct Invalidation {
  unsigned itag = 0, requester = 0x00F8;
  std::optional<unsigned> pasid;
  std::uint64_t data = 0;  ///< pcie.md 9.3
  std::uint64_t cycle = 0;

  /// Whether it covers a page of this owner, worked out bit by bit.
  bool covers(const Key& key) const {
    unsigned size_bit = 11;  // bits up to this one do not matter
    if (((data >> 11) & 1u) != 0) {
      size_bit = 12;
      while (size_bit < 63 && ((data >> size_bit) & 1u) != 0) ++size_bit;
    }
    for (unsigned bit = size_bit + 1; bit < 64; ++bit) {
      if (((data >> bit) & 1u) != ((key.page >> (bit - 12)) & 1u)) return false;
    }
    if (!pasid) return true;
    if (!key.pasid_en) return false;
    return (data & 1u) != 0 || key.pasid == *pasid;
  }
};

/// A PRG Response.
struct Response {
  unsigned group = 0, code = 0;
  std::optional<unsigned> pasid;
};

}  // namespace siov::ats
