// SPDX-License-Identifier: Apache-2.0
// RemappingTables: software's side of root, context, PASID directory and PASID table. Shares no
// code with the walker.
//
//   iommu::tables::RemappingTables tables(memory, frames);
//   tables.add_function(RequesterId{0x0100}, {});
//   tables.set_pasid(RequesterId{0x0100}, Pasid{5}, PasidSpec::first_stage(process.root(), 4, 1));
//   unit.set_root_table(tables.root(), TranslationTableMode::kScalable);
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/types.hpp"
#include "iommu/page_table_builder.hpp"
#include "iommu/table_memory.hpp"

namespace siov::iommu::tables {

/// What a context entry says. @spec VT-d scalable-mode context entry
struct FunctionOptions {
  unsigned directory_size = 7;  ///< PDTS 0..7: PASIDs below 2^(PDTS+13)
  bool pasid_enable = true;     ///< PASIDE
  bool device_tlb = false;      ///< DTE
  bool page_requests = false;   ///< PRE
  bool fault_disable = false;   ///< FPD
  Pasid rid_pasid;              ///< PASID used for requests without one
  bool rid_privilege = false;   ///< RID_PRIV
};

/// PGTT
enum class PasidKind : std::uint8_t {
  kFirstStage = 1,
  kSecondStage = 2,
  kNested = 3,
  kPassThrough = 4
};

/// What a PASID table entry says. Make one with a factory, then change what is special.
struct PasidSpec {
  PasidKind kind = PasidKind::kPassThrough;
  std::uint16_t domain = 0;            ///< DID
  std::uint64_t first_stage_root = 0;  ///< HPA, or GPA when nested
  unsigned first_stage_levels = 4;
  Hpa second_stage_root;
  unsigned second_stage_levels = 4;
  bool supervisor = false;          ///< SRE
  bool write_protect = false;       ///< WPE
  bool extended_accessed = false;   ///< EAFE
  bool second_stage_dirty = false;  ///< SSADE
  bool walk_snoop = true;           ///< PWSNP
  bool page_snoop = false;          ///< PGSNP
  bool fault_disable = false;       ///< FPD

  static PasidSpec first_stage(Hpa root, unsigned levels, std::uint16_t domain);
  static PasidSpec second_stage(Hpa root, unsigned levels, std::uint16_t domain);
  static PasidSpec nested(Gpa first_root, unsigned first_levels, Hpa second_root,
                          unsigned second_levels, std::uint16_t domain);
  static PasidSpec pass_through(std::uint16_t domain);
};

class RemappingTables {
 public:
  RemappingTables(memory::PhysicalMemory& memory, memory::PageAllocator& frames);
  ~RemappingTables();
  RemappingTables(const RemappingTables&) = delete;
  RemappingTables& operator=(const RemappingTables&) = delete;

  [[nodiscard]] Hpa root() const { return root_; }
  /// Gives the function a context entry and an empty PASID directory. @throws HarnessError if it
  /// has one
  void add_function(RequesterId function, const FunctionOptions& options);
  /// Writes a PASID table entry, P last. @throws HarnessError if the entry is present or beyond the
  /// directory
  void set_pasid(RequesterId function, Pasid pasid, const PasidSpec& spec);
  /// Clears P and leaves the rest. The caller invalidates, then erases. @throws HarnessError if the
  /// entry is not present
  void disable_pasid(RequesterId function, Pasid pasid);
  /// Zeroes an entry whose P is 0. @throws HarnessError if it is present
  void erase_pasid(RequesterId function, Pasid pasid);
  /// Changes SSADE of a present entry that uses a second stage, in one write. The caller
  /// invalidates. @throws HarnessError if the entry is not present
  void set_second_stage_dirty(RequesterId function, Pasid pasid, bool on);
  /// Changes DTE and PRE of the context entry in one write. The caller invalidates.
  void set_device_tlb(RequesterId function, bool device_tlb, bool page_requests);
  /// Clears P first, then the rest. The caller invalidates. @throws HarnessError if the entry is
  /// not present
  void clear_pasid(RequesterId function, Pasid pasid);

  // Where an entry lies, for tests and debuggers. @throws HarnessError if its table does not exist
  [[nodiscard]] Hpa root_entry(
      RequesterId function) const;  ///< the half that serves the function, 8 bytes
  [[nodiscard]] Hpa context_entry(RequesterId function) const;                 ///< 32 bytes
  [[nodiscard]] Hpa directory_entry(RequesterId function, Pasid pasid) const;  ///< 8 bytes
  [[nodiscard]] Hpa pasid_entry(RequesterId function, Pasid pasid) const;      ///< 64 bytes

 private:
  struct Function {
    Hpa directory;
    unsigned directory_size = 0;
  };
  [[nodiscard]] const Function& function_of(RequesterId function) const;
  void write(Hpa address, std::uint64_t value);
  [[nodiscard]] std::uint64_t read(Hpa address) const;

  memory::PhysicalMemory& memory_;
  memory::PageAllocator& frames_;
  Hpa root_;
  std::map<std::uint16_t, Function> functions_;
  std::vector<Hpa> owned_;  ///< context tables, directories, PASID tables
};

}  // namespace siov::iommu::tables
