// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_engine: descriptors of all operations (env/descriptor.hpp) and batches of them,
// completions in any order, split, with errors, poison and silence, look-ups that take their time,
// read buffers that run out, and phases in which the outputs stall or batches follow each other.
// Three of four descriptors are translated: the cache answers anything the contract allows, page
// requests succeed for nothing, marks and aborts come at any time.
// Payload and read limits are 128 bytes. Option `short`: 5-bit tags.
#pragma once

#include <deque>
#include <vector>

#include "descriptor.hpp"

struct Env : DescriptorEnv {
  using DescriptorEnv::DescriptorEnv;
  struct Read {
    std::uint64_t addr;
    unsigned tag, offset, bytes, length, due;
  };

  /// A descriptor as siov_dispatcher hands it over.
  void dispatch() {
    const Descriptor desc = descriptor(chance(batches_ ? 2 : 16));
    put(dut.disp_i, 0, 33, 0x1'003F'03FF);  // operations
    put(dut.disp_i, 33, 1, !chance(16));    // handle allowed
    const bool ats = !chance(4);
    put(dut.disp_i, 34, 1, ats && !chance(3));  // page requests
    put(dut.disp_i, 35, 1, ats);
    put(dut.disp_i, 36, 6, 0);
    put(dut.disp_i, 42, 4, 5);   // batches of 32
    put(dut.disp_i, 46, 5, 31);  // transfers of any size
    put(dut.disp_i, 51, 1, 0);
    put(dut.disp_i, 52, 20, 5);
    put(dut.disp_i, 72, 3, 0b111);  // PASID enabled, block on fault, dedicated
    put(dut.disp_i, 75, 2, below(4));
    put(dut.disp_i, 77, 8, below(2));
    for (unsigned i = 0; i < 8; ++i) put(dut.disp_i, 85 + 64 * i, 64, desc[i]);
    if (chance(2)) put(dut.disp_i, 85 + 33, 1, 1);  // the flag of it
  }

  void drive() {
    if (cycle % 256 == 0) {
      stall_ = below(4);
      batches_ = chance(3);
      dut.evl_i = chance(2);
    }
    dut.cfg_i = 0;
    put(dut.cfg_i, 0, 2, 3);                         // page requests, translation
    put(dut.cfg_i, 16, 2, 3);                        // memory space, bus master
    put(dut.cfg_i, 4, 2, 2);                         // PASID
    put(dut.cfg_i, 13, 1, option("short", 0) == 0);  // 8-bit tags
    dut.user_int_en_i = 1;
    dut.flush_i = chance(1500);
    dut.halt_i = halt_for_ > 0;
    if (halt_for_ > 0)
      --halt_for_;
    else if (chance(2000))
      halt_for_ = 20;
    if (!offered_) {
      dut.disp_valid_i = !chance(3);
      dispatch();
    }
    dut.rd_ready_i = !chance(3);
    dut.wr_ready_i = stall_ == 0 ? chance(8) : !chance(4);
    dut.irq_ready_i = chance(stall_ == 1 ? 16 : 2);
    dut.swerr_ready_i = chance(3);
    dut.done_ready_i = chance(stall_ == 2 ? 16 : 2);
    dut.rb_ok_i = stall_ == 3 ? chance(4) : !chance(8);
    dut.lk_ready_i = chance(3);
    dut.lk_rsp_valid_i = lookup_ == 1;
    dut.lk_ok_i = !chance(8);
    if (lookup_ > 0) --lookup_;
    dut.xl_ready_i = !chance(3);
    dut.xi_mark_i = chance(60);
    dut.xl_forget_i = chance(400);
    put(dut.discard_i, 0, 8, chance(40) ? below(4) : 0);
    put(dut.epoch_i, 0, 8, below(4));
    dut.discard_pasid_en_i = chance(2);
    dut.discard_pasid_i = 5;
    drive_answer();
    drive_completion();
  }

  /// One answer: to the oldest request, or the end of a slot.
  void drive_answer() {
    dut.xa_valid_i = 0;
    const bool end = open_ != 0 && chance(asks_.empty() ? 8 : 20);
    if (!end && (asks_.empty() || chance(3))) return;
    dut.xa_valid_i = 1;
    randomize(dut.xa_i, 71);
    put(dut.xa_i, 68, 2, 0);  // engine
    put(dut.xa_i, 70, 1, end);
    bool page = false;
    unsigned slot = 0;
    if (end) {
      slot = below(32);
      while ((open_ >> slot & 1) == 0) slot = (slot + 1) % 32;
      open_ &= ~(1U << slot);
      page = slot >= 16;
      put(dut.xa_i, 57, 5, slot);
      static constexpr unsigned kPage[] = {5, 5, 5, 5, 5, 6, 7, 5};
      put(dut.xa_i, 54, 3, page ? kPage[below(8)] : chance(3) ? 3 : chance(20) ? 4 : 0);
      return;
    }
    put(dut.xa_i, 62, 6, asks_.front() & 63);
    page = (asks_.front() & 64) != 0;
    asks_.pop_front();
    slot = (page ? 16 : 0) + below(16);
    put(dut.xa_i, 57, 5, slot);
    const bool miss = page || chance(3);
    const unsigned known = chance(20) ? 4 : chance(6) ? 3 : 0;
    put(dut.xa_i, 54, 3, chance(16) ? 2 : miss ? 1 : known);
    if (get(dut.xa_i, 54, 3) == 1) open_ |= 1U << slot;
  }

  /// The first part of a read that is due, or all of it.
  void begin_completion() {
    std::size_t i = 0;
    while (i < reads_.size() && reads_[i].due > cycle) ++i;
    if (i == reads_.size() || chance(4)) return;
    const Read read = reads_[i];
    reads_.erase(reads_.begin() + static_cast<std::ptrdiff_t>(i));
    if (chance(200)) return;  // lost: times out
    const bool error = chance(80);
    const bool poisoned = !error && chance(80);
    unsigned length = read.length;
    const unsigned first = (64 - static_cast<unsigned>(read.addr % 64)) / 4;
    if (!error && !poisoned && length > first && chance(3)) {
      length = first;
      Read rest = read;
      rest.addr += 4 * first;
      rest.bytes -= 4 * first - rest.offset;
      rest.length -= first;
      rest.offset = 0;
      rest.due = cycle + below(20);
      // A completer keeps the parts of a read in order.
      reads_.insert(reads_.begin() + static_cast<std::ptrdiff_t>(i), rest);
    }
    dut.cpl_i = 0;
    put(dut.cpl_i, 1, 7, (read.addr + read.offset) & 0x7F);
    put(dut.cpl_i, 8, 12, error ? 4 : read.bytes);
    put(dut.cpl_i, 20, 10, error ? 0 : length);
    put(dut.cpl_i, 30, 1, poisoned);
    put(dut.cpl_i, 31, 1, !error);
    put(dut.cpl_i, 32, 3, error ? 1 : 0);  // Unsupported Request
    put(dut.cpl_i, 35, 10, read.tag);
    left_ = error ? 1 : (length + 15) / 16;
    addr_ = read.addr;
    first_ = true;
  }

  void drive_completion() {
    dut.cpl_valid_i = 0;
    if (left_ == 0) begin_completion();
    if (left_ == 0) return;
    dut.cpl_valid_i = 1;
    dut.cpl_sop_i = first_;
    dut.cpl_eop_i = left_ == 1;
    if ((addr_ & kList) != 0) {
      const Descriptor member = this->member();
      for (unsigned i = 0; i < 8; ++i) put(dut.cpl_data_i, 64 * i, 64, member[i]);
    } else {
      for (unsigned i = 0; i < 64; ++i) put(dut.cpl_data_i, 8 * i, 8, memory(addr_ + i));
    }
    addr_ += 64;
    first_ = false;
    --left_;
  }

  void sample() {
    offered_ = dut.disp_valid_i && !dut.disp_ready_o;
    if (dut.lk_valid_o && dut.lk_ready_i) lookup_ = 1 + below(12);
    if (dut.xl_valid_o && dut.xl_ready_i)
      asks_.push_back(static_cast<unsigned>(get(dut.xl_req_o, 0, 7)));
    if (!dut.rd_valid_o || !dut.rd_ready_i) return;
    const unsigned first_be = static_cast<unsigned>(get(dut.rd_req_o, 42, 4));
    const unsigned last_be = static_cast<unsigned>(get(dut.rd_req_o, 38, 4));
    Read read{};
    read.tag = static_cast<unsigned>(get(dut.rd_req_o, 2, 10));
    read.length = static_cast<unsigned>(get(dut.rd_req_o, 46, 10));
    read.addr = get(dut.rd_req_o, 56, 64);
    // Translated: what it holds has to be guessed.
    if (get(dut.rd_req_o, 0, 2) == 2)
      read.addr = (read.addr & 0xFFF) | (read.tag >= 51 && read.tag < 59 ? kList
                                         : chance(2)                     ? kDelta
                                                                         : kZero);
    read.bytes = 1;  // of a zero-length read (PCIe-6.3 2.3.1.1)
    if (first_be != 0) {
      while ((first_be >> read.offset & 1) == 0) ++read.offset;
      const unsigned tail = read.length == 1 ? first_be : last_be;
      unsigned cut = 0;
      while (cut < 3 && (tail >> (3 - cut) & 1) == 0) ++cut;
      read.bytes = 4 * read.length - read.offset - cut;
    }
    read.due = cycle + 5 + below(60);
    reads_.push_back(read);
  }

  std::vector<Read> reads_;
  std::deque<unsigned> asks_;  // id, bit 6: a page request
  std::uint32_t open_ = 0;     // slots that have been named
  std::uint64_t addr_ = 0;
  unsigned left_ = 0, stall_ = 0, halt_for_ = 0, lookup_ = 0;
  bool first_ = false, offered_ = false, batches_ = false;
};
