// SPDX-License-Identifier: Apache-2.0
// TLP -> beats.
#include "pcie/tlp_driver.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/error.hpp"
#include "pcie/tlp_codec.hpp"

namespace siov::pcie {

static_assert(std::endian::native == std::endian::little,
              "payload bytes are copied into little-endian words");

void TlpDriver::start(const Tlp& tlp) {
  if (tlp_ != nullptr) throw HarnessError("start of a TLP inside another");
  if (tlp.payload_bytes > kMaxPayload || tlp.payload_bytes % 4 != 0)
    throw HarnessError("payload must be whole DWs, at most kMaxPayload");
  tlp_ = &tlp;
  offset_ = 0;
}

const Tlp* TlpDriver::drive(Beat& out) {
  const std::uint32_t left = tlp_->payload_bytes - offset_;
  const std::uint32_t now = std::min(left, beat_bytes_);
  out.valid = true;
  out.sop = offset_ == 0;
  out.eop = now == left;
  if (out.sop) {
    const WireHeader wire = encode(*tlp_);
    out.header = wire.dw;
    out.prefix_valid = wire.prefix_valid;
    out.prefix = wire.prefix;
  } else {
    out.prefix_valid = false;
  }
  std::memcpy(words_.data(), tlp_->payload.data() + offset_, now);
  if (now < beat_bytes_)
    std::memset(reinterpret_cast<std::byte*>(words_.data()) + now, 0, beat_bytes_ - now);
  out.data = words_.data();
  offset_ += now;
  return out.eop ? std::exchange(tlp_, nullptr) : nullptr;
}

}  // namespace siov::pcie
