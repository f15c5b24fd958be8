// SPDX-License-Identifier: Apache-2.0
// Digest: XXH3 over a canonical byte image of each TLP. The image is written field by field, so
// that padding and byte order of the machine do not show.
#include "check/digest.hpp"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#include "pcie/tlp_codec.hpp"

namespace siov::check {

struct Digest::State {
  XXH3_state_t xxh;
};

namespace {

/// Appends little-endian fields to a fixed image.
class Image {
 public:
  template <class T>
  void put(T value) {
    auto v = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, v >>= 8)
      bytes_[size_++] = static_cast<unsigned char>(v);
  }
  const unsigned char* data() const { return bytes_.data(); }
  std::size_t size() const { return size_; }

 private:
  std::array<unsigned char, 80> bytes_;
  std::size_t size_ = 0;
};

}  // namespace

Digest::Digest() : state_(new State) { XXH3_64bits_reset(&state_->xxh); }
Digest::~Digest() = default;

void Digest::add(const void* bytes, std::size_t size) {
  XXH3_64bits_update(&state_->xxh, bytes, size);
}

void Digest::on_tlp(pcie::Direction direction, const pcie::Tlp& t, std::uint64_t) {
  Image image;
  image.put(static_cast<std::uint8_t>(direction));
  image.put(static_cast<std::uint8_t>(t.type));
  image.put(static_cast<std::uint16_t>((t.four_dw ? 1 : 0) | (t.has_data ? 2 : 0) |
                                       (t.ido ? 4 : 0) | (t.ro ? 8 : 0) | (t.ns ? 16 : 0) |
                                       (t.th ? 32 : 0) | (t.td ? 64 : 0) | (t.ep ? 128 : 0) |
                                       (t.bcm ? 256 : 0) | (t.at & 3u) << 9 | (t.tc & 7u) << 11));
  image.put(t.length_dw);
  image.put(t.requester.value);
  image.put(t.tag);
  image.put(static_cast<std::uint8_t>((t.first_be & 15u) | (t.last_be & 15u) << 4));
  image.put(t.address);
  if (t.is_completion()) {
    image.put(t.completer.value);
    image.put(static_cast<std::uint8_t>(t.status));
    image.put(t.byte_count);
    image.put(t.lower_address);
  }
  image.put(t.config_target.value);
  image.put(t.register_offset);
  image.put(static_cast<std::uint16_t>(t.message_code | t.message_routing << 8));
  image.put(t.message_dw2);
  image.put(t.message_dw3);
  image.put(static_cast<std::uint32_t>(t.prefix.present
                                           ? 1u << 31 | (t.prefix.privileged ? 1u << 23 : 0u) |
                                                 (t.prefix.execute ? 1u << 22 : 0u) | t.prefix.pasid
                                           : 0u));
  image.put(t.payload_bytes);
  // What a legal TLP does not have counts only where it is there.
  const bool other_prefix = t.prefix.raw != 0 && t.prefix.raw >> 24 != pcie::kPasidPrefixByte;
  if (t.type == pcie::TlpType::kUnknown || t.ph != 0 || t.reserved_bits_set || other_prefix) {
    image.put(t.fmt_type);
    image.put(static_cast<std::uint8_t>(t.ph | (t.reserved_bits_set ? 4 : 0)));
    image.put(t.prefix.raw);
  }
  XXH3_64bits_update(&state_->xxh, image.data(), image.size());
  if (t.payload_bytes != 0) XXH3_64bits_update(&state_->xxh, t.payload.data(), t.payload_bytes);
}

std::string Digest::hex() const { return fmt::format("{:016x}", XXH3_64bits_digest(&state_->xxh)); }

}  // namespace siov::check
