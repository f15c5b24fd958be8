// SPDX-License-Identifier: Apache-2.0
// ReferenceWalker: the second opinion. A straight-line reading of the VT-d tables for tests only,
// written from the specification and sharing no code with sw/iommu: own bit positions, no caches,
// no writes. It says what one request must end with and which bits memory must hold afterwards.
//
//   reference::Walker judge(memory, {.root = 0x1000, .ttm = 1, .translation = true}, config);
//   const reference::Answer must = judge.answer({.rid = 0x8190, .address = 0x5000});
//   EXPECT_EQ(must.reason, 0x71);
//
// Where the specification leaves the order of two failing checks free, this walker uses: the tables
// from the root to the PASID entry, of that its type before the pointers that the type uses, these
// second stage first; the first stage, entry by entry, each with its second-stage
// walk before and its update after it, rights at its leaf; the last second-stage walk and its
// rights; the interrupt range; second-stage updates; whether every entry can be written. What is
// refused leaves memory as it was.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "iommu/config.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu::reference {

struct SecondWalk;

/// Registers that decide about a request.
struct Registers {
  std::uint64_t root = 0;    ///< RTADDR 63:12
  unsigned ttm = 1;          ///< RTADDR 11:10
  bool translation = false;  ///< GSTS.TES
};

/// Address type of a request. @spec PCIe-6.3 2.2.4.1
enum : unsigned { kUntranslated = 0, kTranslationRequest = 1, kTranslated = 2, kReservedAt = 3 };

struct Request {
  std::uint16_t rid = 0;
  std::uint64_t address = 0;
  bool with_pasid = false;
  std::uint32_t pasid = 0;
  bool privileged = false;  ///< PR of the prefix
  unsigned at = kUntranslated;
  bool write = false;
  unsigned bytes = 8;     ///< 0: zero-length read
  bool no_write = false;  ///< NW of a translation request
};

enum class Status : std::uint8_t { kSuccess, kUnsupportedRequest, kCompleterAbort };

/// Bits that memory must show in an aligned quadword.
struct Update {
  std::uint64_t address = 0;
  std::uint64_t set = 0;
};

struct Answer {
  /// False for what other chapters decide: interrupt messages, legacy-mode tables.
  bool judged = true;
  Status status = Status::kSuccess;
  unsigned reason = 0;    ///< FR; 0: none
  bool recorded = false;  ///< one fault record was written
  std::uint64_t record_low = 0, record_high = 0;
  std::uint64_t host = 0;       ///< of success: host physical address of the first byte
  bool flushed = false;         ///< success without any access (zero-length read of FEEx_xxxxh)
  std::vector<Update> updates;  ///< in the order of the walk, an address may occur twice

  // Of a successful translation request.
  bool read = false, write = false, untranslated_only = false, privileged = false,
       non_snooped = false;
  bool pass_through = false;  ///< the size of the region is free
  unsigned shift = 12;        ///< log2 of the page that the tables give
  std::uint64_t leaf = 0;     ///< entry of the smallest page: of the first stage if it decides
};

class Walker {
 public:
  Walker(const memory::PhysicalMemory& memory, const Registers& registers, const IommuConfig& unit)
      : memory_(memory), registers_(registers), unit_(unit) {}

  [[nodiscard]] Answer answer(const Request& request) const;

  /// Second-stage translation by the tables alone, for builders of nested tables.
  /// @param aw code of the PASID entry's AW  @return false: no readable mapping
  [[nodiscard]] bool second_stage_of(std::uint64_t root, unsigned aw, std::uint64_t gpa,
                                     std::uint64_t& host) const;

 private:
  struct State;
  [[nodiscard]] bool read(std::uint64_t address, std::uint64_t& value) const;
  [[nodiscard]] bool beyond_host(std::uint64_t address) const;

  // Each returns false with state.reason set when the request ends there.
  [[nodiscard]] bool root_address(State& s) const;
  [[nodiscard]] bool context(State& s) const;
  [[nodiscard]] bool context_combination(State& s) const;
  [[nodiscard]] bool directory(State& s) const;
  [[nodiscard]] bool pasid_entry(State& s) const;
  [[nodiscard]] bool pasid_entry_values(State& s) const;
  [[nodiscard]] bool address_width(State& s) const;
  [[nodiscard]] bool first_stage(State& s) const;
  [[nodiscard]] bool first_stage_entry(State& s, std::uint64_t table, unsigned level,
                                       std::uint64_t& entry) const;
  [[nodiscard]] bool second_stage(State& s, std::uint64_t address, bool of_table) const;
  [[nodiscard]] bool first_rights(State& s) const;
  [[nodiscard]] bool first_update(State& s, bool leaf) const;
  [[nodiscard]] bool rights(State& s) const;
  [[nodiscard]] bool accessed_dirty(State& s) const;

  [[nodiscard]] bool snooped(const State& s) const;
  void second_updates(State& s, const SecondWalk& walk, bool accessed, bool dirty) const;

  void translated(State& s, Answer& a) const;
  void refuse(const State& s, Answer& a) const;

  const memory::PhysicalMemory& memory_;
  Registers registers_;
  IommuConfig unit_;
};

/// "write with PASID 0x12345 ..." for reports of differences.
[[nodiscard]] std::string describe(const Request& request);
[[nodiscard]] std::string describe(const Answer& answer);

}  // namespace siov::iommu::reference
