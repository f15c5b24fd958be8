// SPDX-License-Identifier: Apache-2.0
// Tlp: one transaction layer packet as fields. tlp_codec turns it into header DWs and back.
//
//   Tlp read;
//   read.type = TlpType::kMemRead;
//   read.address = 0x1000;  read.length_dw = 128;  read.first_be = 0xF;  read.last_be = 0xF;
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/types.hpp"

namespace siov::pcie {

/// Kinds of TLP that exist on this link. Anything else decodes to kUnknown and is reported by
/// PCIE-01.
enum class TlpType : std::uint8_t {
  kMemRead,
  kMemWrite,
  kDeferrableWrite,
  kFetchAdd,
  kSwap,
  kCompareSwap,
  kIoRead,
  kIoWrite,
  kConfigRead0,
  kConfigWrite0,
  kConfigRead1,
  kConfigWrite1,
  kCompletion,
  kCompletionData,
  kMessage,
  kMessageData,
  kUnknown
};

/// Flow-control class. @spec PCIe-6.3 2.6.1
enum class FlowClass : std::uint8_t { kPosted, kNonPosted, kCompletion };

/// Completion status field values.
enum class CplStatus : std::uint8_t { kSc = 0, kUr = 1, kRrs = 2, kCa = 4 };

/// PASID prefix. @spec PCIe-6.3 6.20
struct PasidPrefix {
  bool present = false;
  bool privileged = false;  ///< PMR, bit 23
  bool execute = false;     ///< ER, bit 22
  std::uint32_t pasid = 0;  ///< 19:0
  std::uint32_t raw = 0;    ///< the prefix DW as seen on the wire (decode only)
};

inline constexpr std::size_t kMaxPayload = 512;  ///< largest payload of any TLP here [bytes]

/// One TLP. Fields that a type does not have are zero.
struct Tlp {
  TlpType type = TlpType::kUnknown;
  bool four_dw = false;       ///< Fmt bit 0: 4 DW header
  bool has_data = false;      ///< Fmt bit 1
  std::uint8_t fmt_type = 0;  ///< raw first byte, Fmt 7:5 and Type 4:0
  std::uint8_t tc = 0;
  bool ido = false, ro = false, ns = false;
  bool th = false, td = false, ep = false;
  std::uint8_t at = 0;
  std::uint16_t length_dw = 0;  ///< 1..1024 (0 when the type has none)
  RequesterId requester;  ///< requests and messages; in completions: the requester being answered
  std::uint16_t tag = 0;  ///< ten bits
  std::uint8_t first_be = 0, last_be = 0;
  std::uint64_t address = 0;  ///< bits 1:0 zero
  std::uint8_t ph = 0;        ///< bits 1:0 of the last address DW
  RequesterId completer;      ///< completions
  CplStatus status = CplStatus::kSc;
  bool bcm = false;
  std::uint16_t byte_count = 0;       ///< 1..4096
  std::uint8_t lower_address = 0;     ///< 6:0
  RequesterId config_target;          ///< configuration requests
  std::uint16_t register_offset = 0;  ///< configuration requests: byte offset, DW aligned, 0..4092
  std::uint8_t message_code = 0;
  std::uint8_t message_routing = 0;
  std::uint32_t message_dw2 = 0, message_dw3 = 0;
  bool reserved_bits_set = false;  ///< decode only: a reserved header or prefix bit was 1
  PasidPrefix prefix;
  std::uint16_t payload_bytes = 0;             ///< what actually travelled [bytes], multiple of 4
  std::array<std::byte, kMaxPayload> payload;  ///< not initialised beyond payload_bytes

  FlowClass flow_class() const;
  bool is_memory_request() const;
  bool is_completion() const {
    return type == TlpType::kCompletion || type == TlpType::kCompletionData;
  }
  std::span<const std::byte> data() const { return std::span(payload).first(payload_bytes); }
  /// First enabled byte address of a memory request.
  std::uint64_t first_byte() const;
  /// Bytes between first and last enabled byte inclusive (0 for a zero-length request).
  std::uint32_t byte_span() const;
};

/// Who sends: Up is device to host.
enum class Direction : std::uint8_t { kUp, kDown };

/// Receives every TLP on the link, in wire order, when its last beat has moved.
class TlpSink {
 public:
  virtual ~TlpSink() = default;
  /// @param cycle  clock cycle of the last beat
  virtual void on_tlp(Direction direction, const Tlp& tlp, std::uint64_t cycle) = 0;
};

}  // namespace siov::pcie
