// SPDX-License-Identifier: Apache-2.0
// Descriptors for stimulus: every operation, nearly always valid (dsa 5.1 to 5.6), at awkward
// addresses, and the bytes that memory holds for them.
#pragma once

#include <array>

#include "harness.hpp"

/// Eight quadwords.
struct Descriptor : std::array<std::uint64_t, 8> {
  /// Writes 1, 2, 4 or 8 bytes that do not cross a quadword.
  void set(unsigned byte, unsigned bytes, std::uint64_t value) {
    const std::uint64_t mask =
        (bytes == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * bytes)) - 1)
        << (8 * (byte % 8));
    auto& word = (*this)[byte / 8];
    word = (word & ~mask) | ((value << (8 * (byte % 8))) & mask);
  }
};

struct DescriptorEnv : EnvBase {
  using EnvBase::EnvBase;
  // What an address holds, by one of its bits.
  static constexpr std::uint64_t kList = std::uint64_t{1} << 46;  ///< descriptors
  static constexpr std::uint64_t kDelta = std::uint64_t{1}
                                          << 45;  ///< a good delta record in every 4 KiB
  static constexpr std::uint64_t kZero = std::uint64_t{1} << 44;  ///< zeros; else random bytes

  std::uint64_t memory(std::uint64_t addr) {
    if ((addr & kDelta) != 0 && addr % 4096 % 10 < 2) {
      return addr % 4096 / 10 >> (addr % 4096 % 10 * 8) & 0xFF;  // offset of the entry: its number
    }
    return (addr & kZero) != 0 ? 0 : below(256);
  }

  Descriptor member() {
    Descriptor desc = descriptor(false, true);
    if (chance(5)) desc.set(4, 1, (desc[0] >> 32 & 0xFF) | 1);  // fence
    return desc;
  }

  Descriptor descriptor(bool batch, bool member = false) {
    static constexpr unsigned kOps[] = {0, 2, 3, 3,    3,    4,    4,    5,    6,    7,
                                        8, 9, 9, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20};
    unsigned op = batch ? 1 : kOps[below(20)];
    if (member && op == 2) op = 3;
    Descriptor desc{};
    const bool check = op == 5 || op == 6 || op == 7 || op == 0x10 || op == 0x11 || op == 0x12;
    const bool record = check || op == 2 || !chance(4);
    const bool interrupt = chance(3);
    flags_ = (record ? 0xCU : 0U) | (interrupt ? 0x10U : 0U);
    const bool cached =
        op == 3 || op == 4 || op == 7 || op == 8 || op == 9 || op == 0x11 || op >= 0x13;
    if (cached && chance(3)) flags_ |= 0x4000;  // readback
    if (record) desc.set(8, 8, 0x9000 + 32 * below(8));
    if (interrupt) desc.set(36, 2, below(256));
    if (op != 0 && op != 2) operands(desc, op);
    desc.set(4, 3, flags_);
    desc.set(7, 1, chance(64) ? 0x7F : op);
    return desc;
  }

 private:
  unsigned flags_ = 0;

  void operands(Descriptor& desc, unsigned op) {
    const std::uint64_t data = chance(2) ? kZero : 0;
    desc.set(16, 8, data | (0x10'0000 + 4096 * below(4) + 4000 + below(96)));
    desc.set(24, 8, data | (0x20'0000 + below(4096)));
    desc.set(32, 4, 1 + below(chance(4) ? 2000 : 150));
    switch (op) {
      case 1:
        desc.set(16, 8, kList | 64 * below(1024));
        desc.set(24, 8, 0);
        desc.set(32, 4, 1 + below(chance(8) ? 32 : 8));
        break;
      case 3:
        if (chance(4)) desc.set(24, 8, desc[2] + 1 + below(100));  // overlaps
        break;
      case 4:
        desc.set(16, 8, bits64());
        if (!chance(2)) break;
        flags_ |= 1U << 18;  // pattern of 16 bytes
        desc.set(40, 8, bits64());
        break;
      case 6:
        desc.set(24, 8, 0);
        break;  // pattern
      case 7:
      case 8:
        delta(desc, op == 7);
        break;
      case 9:
        desc.set(40, 8, 0x30'0000 + desc[3] % 4096);
        break;
      case 0x10:
      case 0x11:
        crc(desc, op == 0x10);
        break;
      case 0x20:
        desc.set(16, 8, 0);
        break;
      default:
        if (op >= 0x12) dif(desc, op);
    }
  }

  void delta(Descriptor& desc, bool create) {
    desc.set(32, 4, 8 + 8 * below(60));
    if (create) {
      desc.set(16, 8, desc[2] & ~std::uint64_t{7});
      desc.set(24, 8, desc[3] & ~std::uint64_t{7});
      desc.set(40, 8, 0x30'0000 + 8 * below(512));
      desc.set(48, 4, 80 + below(600));
    } else {
      desc.set(16, 8, kDelta | 4096 * below(16));
      desc.set(40, 4, 10 + 10 * below((desc[4] & 0xFFFFFFFF) / 8));
    }
  }

  void crc(Descriptor& desc, bool only) {
    if (only) desc.set(24, 8, 0);
    flags_ |= below(16) << 16;
    if ((flags_ & 0x10000) != 0)
      desc.set(48, 8, 0x40'0000 + 8 * below(512));
    else
      desc.set(40, 4, random());
  }

  void dif(Descriptor& desc, unsigned op) {
    const unsigned blocks = 1 + below(3);
    const bool large = chance(4);
    desc.set(32, 4, blocks * ((large ? 520 : 512) + (op == 0x13 ? 0 : 8)));
    desc.set(42, 1, large ? 1 : 0);
    if (op == 0x12) desc.set(24, 8, 0);
    if (op != 0x13) {
      desc.set(40, 1, chance(3) ? 0 : below(256));
      desc.set(48, 8, bits64());
    }
    if (op == 0x13 || op == 0x15) {
      desc.set(41, 1, below(256));
      desc.set(56, 8, bits64());
    }
  }
};
