// SPDX-License-Identifier: Apache-2.0
// AtsHostPort, AtsDevicePort: address translation services and page requests, one call a
// transaction. The root complex (or device_model) calls the host side, iommu::Iommu calls the
// device side.
//
//   const port::TranslationReply reply = host.translate({.requester = rid, .address = page,
//                                                        .pasid = Pasid{5}});
//   if (reply.status == port::DmaStatus::kSuccess && (reply.entry & port::kAtsRead) != 0) ...
#pragma once

#include <cstdint>
#include <optional>

#include "common/types.hpp"
#include "port/dma_port.hpp"

namespace siov::port {

// Translation completion entry, as the 64-bit value whose bits 63:56 are payload byte 0.
// @spec PCIe-6.3 10.2.3.2, pcie.md 9.2
inline constexpr std::uint64_t kAtsWrite = 1u << 1;
inline constexpr std::uint64_t kAtsRead = 1u << 0;
inline constexpr std::uint64_t kAtsUntranslatedOnly = 1u << 2;
inline constexpr std::uint64_t kAtsExecute = 1u << 3;
inline constexpr std::uint64_t kAtsPrivileged = 1u << 4;
inline constexpr std::uint64_t kAtsGlobal = 1u << 5;
inline constexpr std::uint64_t kAtsNonSnooped = 1u << 10;
inline constexpr std::uint64_t kAtsSize = 1u << 11;
inline constexpr std::uint64_t kAtsAddress = ~std::uint64_t{0xFFF};

/// A memory read with AT = 01. @spec PCIe-6.3 10.2.2
struct TranslationRequest {
  RequesterId requester;
  Iova address;                ///< bits 11:0 zero
  std::optional<Pasid> pasid;  ///< absent: no PASID prefix
  bool privileged = false;     ///< PMR of the prefix
  bool no_write = false;       ///< NW: read-only access is intended
};

/// What the completion holds. entry is meaningful with kSuccess only; R = W = 0 in it: no
/// translation (the device may ask for the page).
struct TranslationReply {
  DmaStatus status = DmaStatus::kUnsupportedRequest;
  std::uint64_t entry = 0;
};

/// @spec PCIe-6.3 10.3.1
struct InvalidateRequest {
  RequesterId device;
  std::uint8_t itag = 0;       ///< 0..31
  std::optional<Pasid> pasid;  ///< absent: entries of the range whatever their PASID
  std::uint64_t address = 0;   ///< bits 63:12; size coded by the lowest zero bit when size is set
  bool size = false;           ///< S
  bool global = false;         ///< with pasid: all PASIDs
};

/// @spec PCIe-6.3 10.3.2
struct InvalidateCompletion {
  RequesterId device;
  std::uint32_t itags = 0;  ///< one bit for each finished tag
  std::uint8_t count = 1;   ///< CC, completions sent for the tag; 0 means 8
};

/// @spec PCIe-6.3 10.4.1
struct PageRequest {
  RequesterId requester;
  std::optional<Pasid> pasid;
  bool privileged = false;
  std::uint64_t address = 0;  ///< bits 63:12
  bool read = false;          ///< R; R = W = 0 with last: stop marker
  bool write = false;         ///< W
  bool last = false;          ///< L
  std::uint16_t group = 0;    ///< PRG index, 0..511
};

/// @spec PCIe-6.3 10.4.2
enum class PageResponse : std::uint8_t { kSuccess = 0, kInvalid = 1, kFailure = 15 };
struct PageGroupResponse {
  RequesterId device;
  std::optional<Pasid> pasid;
  std::uint16_t group = 0;
  std::uint8_t code = 0;  ///< 4 bits as on the link; values that PageResponse lacks mean kFailure
};

/// Device to host. Implemented by iommu::Iommu.
class AtsHostPort {
 public:
  virtual ~AtsHostPort() = default;
  [[nodiscard]] virtual TranslationReply translate(const TranslationRequest& request) = 0;
  virtual void page_request(const PageRequest& request) = 0;
  virtual void invalidate_completion(const InvalidateCompletion& completion) = 0;
};

/// Host to device; both are posted messages. Implemented by pcie::RootComplex and
/// model::DeviceModel. A call may come from inside a call of AtsHostPort: implementations queue.
class AtsDevicePort {
 public:
  virtual ~AtsDevicePort() = default;
  virtual void invalidate(const InvalidateRequest& request) = 0;
  virtual void page_group_response(const PageGroupResponse& response) = 0;
};

}  // namespace siov::port
