// SPDX-License-Identifier: Apache-2.0
// Work: a descriptor put together byte by byte from the table of DSA 5.1, so that these tests do
// not share the encoder of sw/abi.
//
//   Work w = Work::move(0x200000, 0x300000, 64, 0x100000);
//   w.flags |= kWantInterrupt;
//   device.posted_write64(0, w.line());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "port/device_port.hpp"

namespace siov::test {

inline constexpr std::uint32_t kRecordValid = 0x4;    ///< CRAV, flag 2
inline constexpr std::uint32_t kRecordRequest = 0x8;  ///< RCR, flag 3
inline constexpr std::uint32_t kWantRecord = 0xC;
inline constexpr std::uint32_t kWantInterrupt = 0x10;  ///< RCI, flag 4
inline constexpr std::uint32_t kCheckResult = 0x80;    ///< flag 7

struct Work {
  std::uint32_t word0 = 0;             ///< PASID 19:0, privilege 31
  std::uint32_t flags = 0;             ///< bytes 4-6
  std::uint8_t opcode = 0;             ///< byte 7
  std::uint64_t record = 0;            ///< byte 8
  std::uint64_t source = 0;            ///< byte 16
  std::uint64_t destination = 0;       ///< byte 24
  std::uint32_t size = 0;              ///< byte 32
  std::uint16_t handle = 0;            ///< byte 36
  std::array<std::uint8_t, 64> set{};  ///< ORed over the rest

  port::Line line() const {
    port::Line out{};
    put(out, 0, word0, 4);
    put(out, 4, flags | std::uint32_t{opcode} << 24, 4);
    put(out, 8, record, 8);
    put(out, 16, source, 8);
    put(out, 24, destination, 8);
    put(out, 32, size, 4);
    put(out, 36, handle, 2);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] |= std::byte{set[i]};
    return out;
  }

  static Work noop(std::uint32_t flags, std::uint64_t record = 0) {
    return make(0x00, flags, record);
  }
  static Work drain(std::uint32_t flags, std::uint64_t record = 0) {
    return make(0x02, flags, record);
  }
  static Work move(std::uint64_t from, std::uint64_t to, std::uint32_t size, std::uint64_t record) {
    Work w = make(0x03, kWantRecord, record);
    w.source = from;
    w.destination = to;
    w.size = size;
    return w;
  }
  static Work fill(std::uint64_t pattern, std::uint64_t to, std::uint32_t size,
                   std::uint64_t record) {
    Work w = move(pattern, to, size, record);
    w.opcode = 0x04;
    return w;
  }
  static Work compare(std::uint64_t one, std::uint64_t two, std::uint32_t size,
                      std::uint64_t record) {
    Work w = move(one, two, size, record);
    w.opcode = 0x05;
    return w;
  }
  Work as(std::uint32_t pasid) const {
    Work w = *this;
    w.word0 = pasid;
    return w;
  }

 private:
  static Work make(std::uint8_t opcode, std::uint32_t flags, std::uint64_t record) {
    Work w;
    w.opcode = opcode;
    w.flags = flags;
    w.record = record;
    return w;
  }
  static void put(port::Line& out, unsigned at, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) out[at + i] = static_cast<std::byte>(value >> (8 * i));
  }
};

}  // namespace siov::test
