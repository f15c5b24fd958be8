// SPDX-License-Identifier: Apache-2.0
// Strong types for everything that is easily swapped by mistake: addresses of different spaces,
// PASIDs, requester ids.
//
//   Hpa page{0x1000};
//   Hpa next = page + 4096;      // same space: fine
//   Gpa wrong = page;            // does not compile
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace siov {

/// An address in the space named by Tag. Arithmetic stays inside the space.
template <class Tag>
struct Address {
  std::uint64_t value = 0;
  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t v) : value(v) {}
  constexpr auto operator<=>(const Address&) const = default;
  constexpr Address operator+(std::uint64_t bytes) const { return Address(value + bytes); }
  constexpr Address operator-(std::uint64_t bytes) const { return Address(value - bytes); }
  constexpr std::uint64_t operator-(Address other) const { return value - other.value; }
  constexpr Address& operator+=(std::uint64_t bytes) {
    value += bytes;
    return *this;
  }
  /// First byte of the 4 KiB page that holds this address.
  constexpr Address page() const { return Address(value & ~std::uint64_t{0xFFF}); }
  /// Offset inside the 4 KiB page [bytes], 0..4095.
  constexpr std::uint32_t page_offset() const { return static_cast<std::uint32_t>(value & 0xFFF); }
};

using Hpa = Address<struct HpaTag>;    ///< host physical
using Gpa = Address<struct GpaTag>;    ///< guest physical
using Gva = Address<struct GvaTag>;    ///< guest virtual
using Iova = Address<struct IovaTag>;  ///< what a device puts on the wire, before translation

inline constexpr std::uint64_t kPageSize = 4096;

/// Process address space identifier. @spec PCIe-6.3 6.20: 20 bits.
struct Pasid {
  std::uint32_t value = 0;
  constexpr Pasid() = default;
  constexpr explicit Pasid(std::uint32_t v) : value(v) {}
  constexpr auto operator<=>(const Pasid&) const = default;
};
inline constexpr std::uint32_t kMaxPasid = 0xFFFFF;

/// Bus 15:8, device 7:3, function 2:0.
struct RequesterId {
  std::uint16_t value = 0;
  constexpr RequesterId() = default;
  constexpr explicit RequesterId(std::uint16_t v) : value(v) {}
  constexpr auto operator<=>(const RequesterId&) const = default;
  constexpr std::uint8_t bus() const { return static_cast<std::uint8_t>(value >> 8); }
  constexpr std::uint8_t devfn() const { return static_cast<std::uint8_t>(value); }
};

}  // namespace siov

template <class Tag>
struct std::hash<siov::Address<Tag>> {
  std::size_t operator()(siov::Address<Tag> a) const noexcept {
    return std::hash<std::uint64_t>{}(a.value);
  }
};
template <>
struct std::hash<siov::Pasid> {
  std::size_t operator()(siov::Pasid p) const noexcept {
    return std::hash<std::uint32_t>{}(p.value);
  }
};
