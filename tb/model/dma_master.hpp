// SPDX-License-Identifier: Apache-2.0
// DmaMaster: the model's requests to the host, translated where the owner's are, cut into legal
// pieces and shown to the observer.
//
//   master.write(owner, address, data);
//   master.message(Iova{0xFEE00000}, 0x31);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/types.hpp"
#include "model/device_config.hpp"
#include "model/dma_observer.hpp"
#include "model/owner.hpp"
#include "model/translations.hpp"
#include "port/dma_port.hpp"

namespace siov::model {

class DmaMaster {
 public:
  static constexpr std::size_t kMaxRead = 512;   ///< largest read request [bytes]
  static constexpr std::size_t kMaxWrite = 256;  ///< largest write payload [bytes]

  DmaMaster(port::DmaPort& port, RequesterId requester, Translations& translations,
            DeviceStats& stats)
      : port_(port), requester_(requester), translations_(translations), stats_(stats) {}

  void set_observer(DmaObserver* observer) { observer_ = observer; }
  /// Reads in address order. @return false at the first piece that fails; what follows is not read
  [[nodiscard]] bool read(const Owner& owner, Iova address, std::span<std::byte> out);
  /// Posted writes in address order; failures are the host's to report. What has no translation is
  /// not written.
  void write(const Owner& owner, Iova address, std::span<const std::byte> data);
  /// A completion record: one write. @param address  32-byte aligned
  void write_record(const Owner& owner, Iova address, std::span<const std::byte, 32> record);
  /// A read of no bytes: what was written before is visible when it returns. @param written  the
  /// address was written: the translation of the write is used @return false if it failed
  [[nodiscard]] bool readback(const Owner& owner, Iova address, bool written);
  /// An entry of the event log: one write. @param address  64-byte aligned
  void write_event(const Owner& owner, Iova address, std::span<const std::byte, 64> entry);
  /// An interrupt message: four bytes, never with a PASID.
  void message(Iova address, std::uint32_t data);

 private:
  /// @return nothing if the address has no translation
  std::optional<port::DmaRequest> request(const Owner& owner, Iova address, bool write);
  void write_piece(const Owner& owner, Iova address, std::span<const std::byte> data);

  port::DmaPort& port_;
  RequesterId requester_;
  Translations& translations_;
  DeviceStats& stats_;
  DmaObserver* observer_ = nullptr;
};

}  // namespace siov::model
