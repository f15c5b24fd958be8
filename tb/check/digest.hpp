// SPDX-License-Identifier: Apache-2.0
// Digest: one number over every TLP in wire order. Direction, header, prefix and payload count;
// times do not.
//
//   check::Digest digest;
//   root_complex.add_sink(digest);
//   fmt::print("{}\n", digest.hex());   // 16 digits, the same on every machine
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pcie/tlp.hpp"

namespace siov::check {

class Digest final : public pcie::TlpSink {
 public:
  Digest();
  ~Digest() override;
  void on_tlp(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t cycle) override;
  /// Adds bytes of any other kind (the model device has no TLPs).
  void add(const void* bytes, std::size_t size);
  /// The digest so far, 16 hex digits.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace siov::check
