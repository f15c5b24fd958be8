// SPDX-License-Identifier: Apache-2.0
// InterruptRemapper: from a message write to a delivered, posted or refused interrupt.
//
//   const InterruptOutcome outcome = remapper.message(requester, address, data);
//   if (outcome.reason != FaultReason::kNone) record(outcome);
#pragma once

#include <cstdint>
#include <vector>

#include "common/result.hpp"
#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/fault_reason.hpp"
#include "iommu/statistics.hpp"
#include "memory/physical_memory.hpp"
#include "port/interrupt_port.hpp"

namespace siov::iommu {

/// What became of a message.
struct InterruptOutcome {
  FaultReason reason = FaultReason::kNone;
  std::uint64_t info = 0;  ///< FI: interrupt index in bits 63:48 where the reason defines it
  bool fpd = false;        ///< FPD of the IRTE
};

/// A legal, present interrupt remapping table entry. @spec VT-d 9.9, 9.10
struct Irte {
  bool fault_disable = false;
  bool posted = false;
  std::uint8_t vector = 0;
  std::uint32_t destination = 0;  ///< remapped
  bool urgent = false;            ///< posted
  Hpa descriptor;                 ///< posted
  std::uint16_t source = 0;       ///< SID
  std::uint8_t qualifier = 0;     ///< SQ
  std::uint8_t check = 0;         ///< SVT
};

class InterruptRemapper {
 public:
  InterruptRemapper(memory::PhysicalMemory& memory, port::InterruptPort& port,
                    const IommuConfig& config, Statistics& statistics);

  /// One DW written to FEEx_xxxx without PASID. @spec VT-d 5.1.4
  [[nodiscard]] InterruptOutcome message(RequesterId requester, std::uint64_t address,
                                         std::uint32_t data);

  void set_table(Hpa table, unsigned size_code, bool extended);
  void enable(bool enable) { enabled_ = enable; }
  void enable_compatibility(bool enable) { compatibility_ = enable; }
  [[nodiscard]] bool enabled() const { return enabled_; }
  [[nodiscard]] bool compatibility() const { return compatibility_; }

  void invalidate_all();
  /// @param index_mask low index bits ignored
  void invalidate(std::uint16_t index, unsigned index_mask);

 private:
  struct Line {
    bool valid = false;
    std::uint16_t index = 0;
    FaultReason refusal = FaultReason::kNone;  ///< caching mode: why the entry cannot be used
    Irte irte;
  };
  static constexpr std::size_t kLines = 1024;  ///< direct mapped

  void deliver_compatibility(RequesterId requester, std::uint64_t address, std::uint32_t data);
  [[nodiscard]] InterruptOutcome remap(RequesterId requester, std::uint64_t address,
                                       std::uint32_t data);
  [[nodiscard]] Result<Irte, FaultReason> fetch(std::uint16_t index, bool& fpd);
  [[nodiscard]] Result<Irte, FaultReason> decode(std::uint64_t low, std::uint64_t high) const;
  [[nodiscard]] static bool source_allowed(const Irte& irte, RequesterId requester);
  [[nodiscard]] FaultReason post(RequesterId requester, std::uint16_t index, const Irte& irte);

  memory::PhysicalMemory& memory_;
  port::InterruptPort& port_;
  IommuConfig config_;
  Statistics& statistics_;
  Hpa table_;
  unsigned size_code_ = 0;
  bool extended_ = false;
  bool enabled_ = false;
  bool compatibility_ = false;
  std::vector<Line> cache_;
};

}  // namespace siov::iommu
