// SPDX-License-Identifier: Apache-2.0
// LinkBench: siov_link alone between a host that gives every credit back and neighbours that always
// answer. Headers are typed from PCIe 2.2.
//
//   LinkBench<Vlink_large> b;
//   b.bring_up();
//   b.send({0x72000002, 0x00080101, 0x01000000, 0}, {0, 0});
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "block.hpp"

namespace siov::test {

inline constexpr std::uint32_t kCfgRd = 0x04000001, kCfgWr = 0x44000001, kMRd = 0x00000001,
                        kMWr = 0x40000001;
inline constexpr std::uint32_t kBar0 = 0x10000000, kBar2 = 0x20000000;
inline constexpr unsigned kRequestBits = 120;  // siov_pkg::tx_req_t

/// Bits lsb .. lsb+width-1 of a wide port; width 1..64.
template <class Port>
void put(Port& port, unsigned lsb, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned bit = lsb + i;
    const std::uint32_t mask = 1u << (bit % 32);
    port[bit / 32] = (value >> i & 1) != 0 ? port[bit / 32] | mask : port[bit / 32] & ~mask;
  }
}

template <class Port>
std::uint64_t get(const Port& port, unsigned lsb, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i)
    value |= std::uint64_t{port[(lsb + i) / 32] >> (lsb + i) % 32 & 1} << i;
  return value;
}

/// A request of a source, as siov_pkg::tx_req_t; the rest of its fields 0.
template <class Port>
void request(Port& port, unsigned stream, std::uint64_t address, unsigned dws, unsigned tag) {
  const unsigned base = stream * kRequestBits;
  put(port, base, 38, 0);
  put(port, base + 2, 10, tag);
  put(port, base + 38, 8, dws == 1 ? 0xF0 : 0xFF);  // first, last byte enables
  put(port, base + 46, 10, dws);
  put(port, base + 56, 64, address);
}
/// Its address type and its PASID.
template <class Port>
void qualify(Port& port, unsigned stream, unsigned at, bool has_pasid, unsigned pasid, bool priv) {
  const unsigned base = stream * kRequestBits;
  put(port, base, 2, at);
  put(port, base + 12, 1, priv);
  put(port, base + 13, 20, pasid);
  put(port, base + 33, 1, has_pasid);
}

/// What went up.
struct Up {
  std::uint32_t header[4];
  bool has_prefix;
  std::uint32_t prefix;
  std::vector<std::uint32_t> data;
};

/// A message that the link handed to the translation cache.
struct Message {
  bool invalidate;
  unsigned requester, itag;
  bool has_pasid;
  unsigned pasid;
  std::uint64_t data;
  unsigned group, code;
};

template <class Model>
class LinkBench : public Block<Model> {
 public:
  using Block<Model>::dut;

  LinkBench() {
    dut->up_ready_i = 1;
    dut->up_cl_ph_i = dut->up_cl_nph_i = dut->up_cl_cplh_i = 64;
    dut->up_cl_pd_i = dut->up_cl_cpld_i = 1024;
    dut->reg_ready_i = 1;
    this->reset();
  }

  /// One cycle: takes what goes up and answers what the link asks of its neighbours.
  void cycle() {
    dut->reg_rvalid_i = answer_;
    dut->reg_rdata_i = 0x1122334455667788;
    this->settle();
    if (dut->up_valid_o && dut->up_ready_i) {
      if (dut->up_sop_o) {
        ups.emplace_back();
        for (int i = 0; i < 4; ++i) ups.back().header[i] = dut->up_hdr_o[i];
        ups.back().has_prefix = dut->up_prefix_valid_o;
        ups.back().prefix = dut->up_prefix_o;
        const std::uint32_t dw0 = ups.back().header[0];
        const unsigned units = (dw0 >> 30 & 1) != 0 ? ((dw0 & 0x3FF) + 3) / 4 : 0;
        if ((dw0 >> 24 & 0x1F) == 0x0A) {  // completion: hand its credits back
          ++dut->up_cl_cplh_i;
          dut->up_cl_cpld_i = (dut->up_cl_cpld_i + units) & 0xFFF;
        } else if (units != 0 || (dw0 >> 27 & 3) == 2) {  // write or message
          ++dut->up_cl_ph_i;
          dut->up_cl_pd_i = (dut->up_cl_pd_i + units) & 0xFFF;
        } else {
          ++dut->up_cl_nph_i;
        }
      }
      for (int i = 0; i < 16; ++i) ups.back().data.push_back(dut->up_data_o[i]);
    }
    answer_ = dut->reg_valid_o && !dut->reg_write_o;
    if (dut->reg_valid_o) registers.push_back(dut->reg_addr_o);
    if (dut->portal_valid_o) portals.push_back(dut->portal_o);
    if (dut->vm_valid_o) {
      const auto& m = dut->vm_o;
      messages.push_back({get(m, 119, 1) != 0, static_cast<unsigned>(get(m, 103, 16)),
                          static_cast<unsigned>(get(m, 98, 5)), get(m, 97, 1) != 0,
                          static_cast<unsigned>(get(m, 77, 20)), get(m, 13, 64),
                          static_cast<unsigned>(get(m, 4, 9)), static_cast<unsigned>(get(m, 0, 4))});
    }
    if (dut->pri_reset_o) ++pri_resets;
    if (dut->cpl_valid_o)
      completion_tags.push_back(static_cast<unsigned>(dut->cpl_o >> 35 & 0x3FF));
    this->edge();
    dut->dn_valid_i = 0;
  }
  /// One beat for the coming cycle.
  void offer(std::array<std::uint32_t, 4> header, std::array<std::uint32_t, 2> data = {},
             std::uint32_t prefix = 0) {
    dut->dn_valid_i = dut->dn_sop_i = dut->dn_eop_i = 1;
    dut->dn_prefix_valid_i = prefix != 0;
    dut->dn_prefix_i = prefix;
    for (int i = 0; i < 4; ++i) dut->dn_hdr_i[i] = header[i];
    for (int i = 0; i < 2; ++i) dut->dn_data_i[i] = data[i];
  }
  void send(std::array<std::uint32_t, 4> header, std::array<std::uint32_t, 2> data = {},
            std::uint32_t prefix = 0) {
    offer(header, data, prefix);
    for (int i = 0; i < 21; ++i) cycle();
  }
  void config_write(std::uint32_t offset, std::uint32_t value) {
    send({kCfgWr, 0x0F, 0x01000000 | offset, 0}, {value});
    ASSERT_FALSE(ups.empty());
    EXPECT_EQ(ups.back().header[1] >> 13 & 7, 0u) << std::hex << offset;  // successful
    ups.clear();
  }
  std::uint32_t config_read(std::uint32_t offset) {
    send({kCfgRd, 0x0F, 0x01000000 | offset, 0});
    const std::uint32_t value = ups.empty() ? 0xDEADDEAD : ups.back().data[0];
    ups.clear();
    return value;
  }
  void bring_up() {
    config_write(0x10, kBar0);
    config_write(0x18, kBar2);
    config_write(0x04, 0x6);
  }
  /// Status of a one-DW read of memory.
  std::uint32_t read_status(std::uint32_t address) {
    send({kMRd, 0x0F, address, 0});
    const std::uint32_t status = ups.empty() ? 8 : ups.back().header[1] >> 13 & 7;
    ups.clear();
    return status;
  }

  std::deque<Up> ups;
  std::vector<std::uint32_t> registers, portals;
  std::vector<unsigned> completion_tags;
  std::vector<Message> messages;
  unsigned pri_resets = 0;

 private:
  bool answer_ = false;
};

}  // namespace siov::test
