// SPDX-License-Identifier: Apache-2.0
// Stimulus helpers and monitor of the interrupt block. Order inside a cycle: what the cycle shows
// of the one before (ready, answers), what software and look-ups see in it, what its end changes.
#include "irq_bench.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace siov::test {
namespace {

/// Bits of the upper IMS word and of MSIXPERM (dsa 2.10), and of the MSI-X vector control.
constexpr unsigned kImsMask = 32, kImsPending = 33, kImsIgnore = 34, kImsPasidEn = 35,
                   kImsPasid = 44;
constexpr unsigned kPermIgnore = 2, kPermPasidEn = 3, kPermPasid = 12, kVectorMask = 32;
constexpr std::uint64_t kImsWindow = 0xFEE0'0000;

bool bit(std::uint64_t value, unsigned n) { return (value >> n & 1) != 0; }

}  // namespace

IrqBench::IrqBench(dut::IrqSize size) : block(dut::make_irq_block(size)) {
  msix_.resize(block->msix_vectors);
  ims_.resize(block->ims_entries);
  for (IrqEntry& e : ims_) e.addr = kImsWindow;
  open_.resize(block->engines + 1);
  verdict_.resize(block->engines + 1);
  decided_.resize(block->engines + 1);
  crossed_.resize(block->engines + 1);
  in.reset = true;
  for (unsigned i = 0; i < 3; ++i) {
    block->settle(in);
    block->edge();
  }
  in.reset = false;
  in.bme = in.msix_en = in.msg_ready = true;
}

IrqBench::~IrqBench() { EXPECT_EQ(block->assertion(), ""); }

std::string IrqBench::when() const { return "cycle " + std::to_string(cycle); }

// ------------------------------------------------------------ stimulus
void IrqBench::step() {
  if (access_) {
    in.tbl = *access_;
    in.tbl.valid = cycle == access_start_;
  }
  out = block->settle(in);
  observe();
  block->edge();
  before_ = in;
  ++cycle;
}

void IrqBench::start_access(const dut::IrqAccess& access) {
  access_ = access;
  access_start_ = cycle;
}

void IrqBench::write(std::uint8_t sel, unsigned index, unsigned word, std::uint64_t value,
                     std::uint8_t be) {
  dut::IrqAccess access;
  access.write = true;
  access.sel = sel;
  access.index = static_cast<std::uint16_t>(index);
  access.word = word != 0;
  access.wdata = value;
  access.be = be;
  start_access(access);
  while (access_) step();
}

std::uint64_t IrqBench::read(std::uint8_t sel, unsigned index, unsigned word) {
  dut::IrqAccess access;
  access.sel = sel;
  access.index = static_cast<std::uint16_t>(index);
  access.word = word != 0;
  start_access(access);
  while (access_) step();
  return access_value_;
}

void IrqBench::program(bool ims, unsigned index, std::uint64_t addr, std::uint32_t data,
                       bool mask) {
  const std::uint8_t sel = ims ? kIms : kMsix;
  set_mask(ims, index, true);
  write(sel, index, 0, addr);
  write(sel, index, 1, data, 0x0F);
  if (!mask) set_mask(ims, index, false);
}

void IrqBench::set_mask(bool ims, unsigned index, bool mask) {
  write(ims ? kIms : kMsix, index, 1, std::uint64_t{mask} << 32, 0x10);
}

bool IrqBench::request(unsigned requester, bool ims, unsigned handle, unsigned limit) {
  in.irq[requester] = {true, ims, static_cast<std::uint16_t>(handle)};
  for (unsigned i = 0; i < limit; ++i) {
    step();
    if ((out.irq_ready >> requester & 1) != 0) {
      in.irq[requester].valid = false;
      return true;
    }
  }
  return false;
}

bool IrqBench::look_up(bool ims, unsigned handle, bool pasid_en, unsigned pasid) {
  in.lk = {true, ims, static_cast<std::uint16_t>(handle), pasid_en, pasid};
  step();
  in.lk.valid = false;
  step();
  step();
  return out.lk_ok;
}

bool IrqBench::look_up_batch(unsigned engine, bool ims, unsigned handle, bool pasid_en,
                             unsigned pasid) {
  in.blk[engine] = {true, ims, static_cast<std::uint16_t>(handle), pasid_en, pasid};
  for (unsigned i = 0; i < 100; ++i) {
    step();
    if ((out.blk_ready >> engine & 1) != 0) in.blk[engine].valid = false;
    if ((out.blk_rsp >> engine & 1) != 0) return (out.blk_ok >> engine & 1) != 0;
  }
  throw std::runtime_error("a batch feeder got no answer");
}

bool IrqBench::look_up_occupancy(bool held, bool ims, unsigned handle, bool pasid_en,
                                 unsigned pasid) {
  in.olk = {true, ims, static_cast<std::uint16_t>(handle), pasid_en, pasid};
  for (unsigned i = 0; i < 100; ++i) {
    step();
    if (!held || out.olk_rsp) in.olk.valid = false;
    if (out.olk_rsp) return out.olk_ok;
  }
  throw std::runtime_error("Enable WQ got no answer");
}

bool IrqBench::grant(bool ims, unsigned index) { return grant_or_release(false, ims, index); }
bool IrqBench::release(bool ims, unsigned index) { return grant_or_release(true, ims, index); }

bool IrqBench::grant_or_release(bool release, bool ims, unsigned index) {
  in.gr = {true, release, ims, static_cast<std::uint16_t>(index)};
  for (unsigned i = 0; i < 100; ++i) {
    step();
    if (out.gr_ack) {
      in.gr.valid = false;
      return out.gr_ok;
    }
  }
  throw std::runtime_error("a grant got no acknowledge");
}

void IrqBench::device_reset() {
  in.dev_rst = true;
  step();
  in.dev_rst = false;
}

void IrqBench::flr() {
  in.flr = true;
  step();
  in.flr = false;
  for (dut::IrqRequest& r : in.irq) r.valid = false;
}

// ------------------------------------------------------------ monitor
void IrqBench::observe() {
  observe_ready();
  observe_grant();
  observe_access();
  observe_look_ups();
  observe_message();
  for (unsigned r = 0; r <= block->engines; ++r) {
    const dut::IrqRequest& request = in.irq[r];
    if (request.handle < entries(request.ims)) {
      decided_[r] = entry(request.ims, request.handle);
    }
    crossed_[r] = request.valid && (in.dev_rst || (crossed_[r] && !(out.irq_ready >> r & 1)));
  }
  // The end of the cycle.
  if (access_ && access_->write && cycle == access_start_ + 1) apply_write(*access_);
  if (in.flr || in.dev_rst) apply_resets();
  if (out.tbl_ack) access_.reset();
}

/// Requests that end, and what the message of the cycle before was sent for.
void IrqBench::observe_ready() {
  EXPECT_EQ(out.irq_ready & (out.irq_ready - 1), 0u) << when();
  EXPECT_FALSE(out.dev_irq_ready && out.irq_ready != 0) << when();
  if (sent_) {
    const bool mine = out.dev_irq_ready || out.irq_ready != 0;
    IrqEntry& e = entry(sent_->place.ims, sent_->place.index);
    if (!mine && sent_->known) {
      EXPECT_NE(sent_->pending, IrqEntry::kNo) << when() << ": message nobody asked for";
      e.pending = IrqEntry::kNo;
    }
  }
  for (unsigned r = 0; r <= block->engines; ++r) {
    if ((out.irq_ready >> r & 1) == 0) continue;
    ++requests_done;
    const dut::IrqRequest& request = in.irq[r];
    EXPECT_TRUE(request.valid) << when();
    if (sent_) {
      EXPECT_EQ(sent_->place.ims, request.ims) << when();
      EXPECT_EQ(sent_->place.index, request.handle) << when();
      continue;
    }
    if (request.handle >= entries(request.ims)) continue;
    if (!request.ims && !before_.msix_en) continue;
    const IrqEntry& was = decided_[r];
    if (was.ignore) continue;
    IrqEntry& e = entry(request.ims, request.handle);
    if (crossed_[r]) {  // dropped, or came after the reset
      if (e.pending == IrqEntry::kNo) e.pending = IrqEntry::kUnsure;
      continue;
    }
    EXPECT_TRUE(was.mask || (!request.ims && before_.msix_fmask))
        << when() << ": requester " << r << " lost an interrupt of entry " << request.handle;
    // Unmasked and ignored by the write of the same cycle: dropped when its turn comes.
    e.pending = e.ignore && !e.mask ? IrqEntry::kUnsure : IrqEntry::kYes;
  }
  if (out.dev_irq_ready && !sent_ && before_.msix_en && msix_[0].pending == IrqEntry::kNo) {
    msix_[0].pending = IrqEntry::kUnsure;  // falls when the event is over
  }
  sent_.reset();
}

std::optional<IrqBench::Place> IrqBench::find(std::uint64_t addr, std::uint32_t data) const {
  for (const bool ims : {true, false}) {
    const std::vector<IrqEntry>& table = ims ? ims_ : msix_;
    for (unsigned i = 0; i < table.size(); ++i) {
      if (table[i].addr == addr && table[i].data == data) return Place{ims, i};
    }
  }
  return std::nullopt;
}

void IrqBench::observe_message() {
  if (!out.msg_valid) return;
  EXPECT_TRUE(in.bme) << when();
  if (!in.msg_ready) return;
  messages.push_back({cycle, out.msg_addr, out.msg_data});
  const std::optional<Place> place = find(out.msg_addr, out.msg_data);
  if (!place) {
    ADD_FAILURE() << when() << ": message 0x" << std::hex << out.msg_addr << "/0x" << out.msg_data
                  << " is no entry's";
    return;
  }
  const IrqEntry& e = entry(place->ims, place->index);
  EXPECT_FALSE(e.mask) << when() << ": entry " << place->index << " is masked";
  EXPECT_TRUE(place->ims || (in.msix_en && !in.msix_fmask)) << when();
  sent_ = Sent{*place, e.pending, !in.flr};
}

bool IrqBench::allowed(const dut::IrqAsk& ask) const {
  if (ask.handle >= entries(ask.ims)) return false;
  const IrqEntry& e = (ask.ims ? ims_ : msix_)[ask.handle];
  if (block->cmd_cap && !e.granted) return false;
  return e.pasid_en == ask.pasid_en && (!ask.pasid_en || e.pasid == ask.pasid);
}

/// Tables are looked at in the cycle after the question, the answer is in the one after that.
void IrqBench::observe_look_ups() {
  EXPECT_EQ(out.lk_ok, lk_asked_ && lk_verdict_) << when() << ": dispatcher";
  if (lk_asked_) ++answers;
  if (lk_asked_ && out.lk_ok) ++allowed_answers;
  lk_asked_ = before_.lk.valid;
  lk_verdict_ = before_.lk.valid && allowed(before_.lk);
  for (unsigned e = 0; e < block->engines; ++e) {
    observe_answer(e, bit(out.blk_rsp, e), bit(out.blk_ok, e));
    if (bit(out.blk_ready, e) && in.blk[e].valid) {
      EXPECT_FALSE(open_[e]) << when();
      open_[e] = in.blk[e];
    }
  }
  const bool was_open = open_.back().has_value();
  observe_answer(block->engines, out.olk_rsp, out.olk_ok);
  if (in.olk.valid && !was_open) open_.back() = in.olk;
}

void IrqBench::observe_answer(unsigned place, bool response, bool ok) {
  std::optional<dut::IrqAsk>& open = open_[place];
  if (response) {
    EXPECT_TRUE(open.has_value()) << when() << ": answer without question, place " << place;
    EXPECT_EQ(ok, verdict_[place]) << when() << ": place " << place;
    ++answers;
    if (ok) ++allowed_answers;
    open.reset();
  } else {
    EXPECT_FALSE(ok) << when();
  }
  verdict_[place] = open && allowed(*open);
}

void IrqBench::observe_grant() {
  if (out.gr_ack) {
    if (!grant_) {
      ADD_FAILURE() << when() << ": acknowledge without a grant";
      return;
    }
    const bool known = block->cmd_cap && grant_->index < entries(grant_->ims);
    const bool ok = known && (!grant_->release || entry(grant_->ims, grant_->index).granted);
    EXPECT_EQ(out.gr_ok, ok) << when() << ": index " << grant_->index;
    if (ok) entry(grant_->ims, grant_->index).granted = !grant_->release;
    grant_.reset();
  } else if (in.gr.valid && !grant_) {
    grant_ = in.gr;
  }
}

// ------------------------------------------------------------ tables
/// What a read gives; bits that may be either are noted.
std::uint64_t IrqBench::image(const dut::IrqAccess& access) {
  unsure_bits_ = 0;
  std::uint64_t value = 0;
  if (access.sel == kPba) {
    for (unsigned i = 0; i < 64; ++i) {
      const unsigned index = access.index * 64u + i;
      if (index >= msix_.size()) break;
      value |= std::uint64_t{msix_[index].pending == IrqEntry::kYes} << i;
      unsure_bits_ |= std::uint64_t{msix_[index].pending == IrqEntry::kUnsure} << i;
    }
    return value;
  }
  if (access.index >= entries(access.sel == kIms)) return 0;
  const IrqEntry& e = entry(access.sel == kIms, access.index);
  if (access.sel == kPerm) {
    return std::uint64_t{e.ignore} << kPermIgnore | std::uint64_t{e.pasid_en} << kPermPasidEn |
           std::uint64_t{e.pasid} << kPermPasid;
  }
  if (!access.word) return e.addr;
  if (access.sel == kMsix) return e.data | std::uint64_t{e.mask} << kVectorMask;
  unsure_bits_ = std::uint64_t{e.pending == IrqEntry::kUnsure} << kImsPending;
  return e.data | std::uint64_t{e.mask} << kImsMask |
         std::uint64_t{e.pending == IrqEntry::kYes} << kImsPending |
         std::uint64_t{e.ignore} << kImsIgnore | std::uint64_t{e.pasid_en} << kImsPasidEn |
         std::uint64_t{e.pasid} << kImsPasid;
}

void IrqBench::observe_access() {
  EXPECT_EQ(out.tbl_ack, access_ && cycle == access_start_ + 2) << when();
  if (!access_) return;
  if (cycle == access_start_ + 1) expected_ = image(*access_);
  if (!out.tbl_ack) return;
  access_value_ = out.tbl_rdata;
  if (access_->write) return;
  EXPECT_EQ(out.tbl_rdata & ~unsure_bits_, expected_ & ~unsure_bits_)
      << when() << ": table " << unsigned{access_->sel} << " index " << access_->index;
}

void IrqBench::apply_write(const dut::IrqAccess& access) {
  if (access.sel == kPba || access.index >= entries(access.sel == kIms)) return;
  std::uint64_t mask = 0;
  for (unsigned b = 0; b < 8; ++b) mask |= bit(access.be, b) ? 0xFFull << (8 * b) : 0;
  const std::uint64_t value = (image(access) & ~mask) | (access.wdata & mask);
  IrqEntry& e = entry(access.sel == kIms, access.index);
  if (access.sel == kPerm) {
    e.ignore = bit(value, kPermIgnore);
    e.pasid_en = bit(value, kPermPasidEn);
    e.pasid = value >> kPermPasid & 0xFFFFF;
  } else if (!access.word) {
    if (access.sel == kIms && value >> 20 != 0xFEE) return;
    e.addr = value & ~std::uint64_t{3};
  } else {
    e.data = static_cast<std::uint32_t>(value);
    e.mask = bit(value, kVectorMask);
    if (access.sel == kIms) {
      e.ignore = bit(value, kImsIgnore);
      e.pasid_en = bit(value, kImsPasidEn);
      e.pasid = value >> kImsPasid & 0xFFFFF;
    }
  }
  // An ignored interrupt is dropped when its turn comes.
  if (e.ignore && !e.mask && e.pending == IrqEntry::kYes) e.pending = IrqEntry::kUnsure;
}

void IrqBench::apply_resets() {
  grant_.reset();
  for (const bool ims : {false, true}) {
    for (IrqEntry& e : ims ? ims_ : msix_) {
      e.pending = IrqEntry::kNo;
      e.ignore = e.pasid_en = e.granted = false;
      e.pasid = 0;
      if (!ims && !in.flr) continue;
      e.addr = ims ? kImsWindow : 0;
      e.data = 0;
      e.mask = true;
    }
  }
}

}  // namespace siov::test
