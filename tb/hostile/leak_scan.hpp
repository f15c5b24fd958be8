// SPDX-License-Identifier: Apache-2.0
// LeakScan: what must not be found where an attacker can look: numbers, addresses and data of
// others.
//
//   hostile::LeakScan scan;
//   scan.add_pasid(Pasid{0x9C3A7}, "ledger");
//   scan.add_data(victim_memory, "ledger");
//   scan.look_at_word(register_value, "SWERROR", leaks);
//   scan.look_at_memory(bytes, "memory", leaks);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/types.hpp"

namespace siov::hostile {

class LeakScan {
 public:
  /// Numbers that the attacker has from elsewhere are no secrets.
  explicit LeakScan(std::function<bool(std::uint64_t)> told) : told_(std::move(told)) {}

  /// A host PASID; it is looked for at every multiple of four bits.
  void add_pasid(Pasid pasid, const std::string& owner);
  /// An address of a page, host physical or of an address space.
  void add_page(std::uint64_t page, const std::string& owner);
  /// Contents; words that could be anybody's (few different bytes) are left out.
  void add_data(std::span<const std::byte> bytes, const std::string& owner);

  /// A value of a register, configuration space or of an access.
  void look_at_word(std::uint64_t word, const std::string& where,
                    std::vector<std::string>& leaks) const;
  /// Memory: data at every byte, numbers and addresses in aligned words.
  void look_at_memory(std::span<const std::byte> bytes, const std::string& where,
                      std::vector<std::string>& leaks) const;

  [[nodiscard]] std::size_t data_words() const { return data_.size(); }

 private:
  void look_at_numbers(std::uint64_t word, const std::string& where,
                       std::vector<std::string>& leaks) const;
  [[nodiscard]] std::uint16_t number_of(const std::string& owner);

  std::function<bool(std::uint64_t)> told_;
  std::vector<std::string> owners_;
  std::unordered_map<std::uint32_t, std::uint16_t> pasids_;
  std::unordered_map<std::uint64_t, std::uint16_t> pages_;
  std::unordered_map<std::uint64_t, std::uint16_t> data_;
  std::vector<bool> maybe_ = std::vector<bool>(1U << 20);  ///< by low bits of a data word
};

}  // namespace siov::hostile
