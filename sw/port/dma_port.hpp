// SPDX-License-Identifier: Apache-2.0
// DmaPort: device to host. What arrives at the root complex after TLP decoding, and what
// device_model calls directly. Implemented by iommu::Iommu (translation, then physical memory or
// interrupt remapping).
//
//   port::DmaRequest request;
//   request.address = Iova{0x1000};
//   request.pasid = Pasid{5};
//   if (dma.read(request, buffer) != port::DmaStatus::kSuccess) ...
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "common/types.hpp"

namespace siov::port {

/// AT field of a memory request. @spec PCIe-6.3 2.2.4.1
enum class AddressType : std::uint8_t {
  kUntranslated = 0,
  kTranslationRequest = 1,
  kTranslated = 2,
  kReserved = 3
};

/// Context of one memory request; one TLP or less, never crossing 4 KiB.
struct DmaRequest {
  RequesterId requester;
  Iova address;                ///< first byte
  std::optional<Pasid> pasid;  ///< absent: request without PASID prefix
  bool privileged = false;     ///< PMR of the prefix
  AddressType at = AddressType::kUntranslated;
};

/// What the completer answers. A posted write that fails is dropped; the status then only tells the
/// model's caller.
enum class DmaStatus : std::uint8_t { kSuccess, kUnsupportedRequest, kCompleterAbort };

class DmaPort {
 public:
  virtual ~DmaPort() = default;
  /// Reads out.size() bytes (0: zero-length read, a flush). On failure out is untouched.
  [[nodiscard]] virtual DmaStatus read(const DmaRequest& request, std::span<std::byte> out) = 0;
  /// Writes data. A 4-byte aligned write without PASID to FEEx_xxxx is an interrupt message
  /// (VT-d 4.1).
  virtual DmaStatus write(const DmaRequest& request, std::span<const std::byte> data) = 0;
};

}  // namespace siov::port
