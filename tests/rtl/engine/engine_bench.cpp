// SPDX-License-Identifier: Apache-2.0
// Surroundings of one engine.
#include "engine_bench.hpp"

#include <algorithm>
#include <cstring>

namespace siov::blocks {
namespace {

// Fields of siov_pkg, by their lowest bit.
constexpr unsigned kTxAt = 0, kTxTag = 2, kTxPasidValid = 33, kTxLastBe = 38, kTxFirstBe = 42,
                   kTxLength = 46, kTxAddr = 56;
constexpr unsigned kXlId = 0, kXlAskPage = 6, kXlWrite = 29, kXlPage = 30;
constexpr unsigned kXaWrite = 0, kXaUntranslated = 1, kXaPage = 2, kXaCode = 54, kXaSlot = 57,
                   kXaId = 62, kXaEngine = 68, kXaDone = 70;
constexpr unsigned kOk = 0, kMiss = 1, kBusy = 2, kFault = 3, kError = 4, kPageOk = 5,
                   kPageInvalid = 6, kPageFailure = 7;
// A translated page: bit 40, generation from bit 44 on.
constexpr std::uint64_t kTranslated = std::uint64_t{1} << 28;
constexpr unsigned kGeneration = 32;

}  // namespace

EngineBench::EngineBench(std::uint32_t seed) : Block<Vengine>(seed) {
  auto& d = dut();
  d.halt_i = d.flush_i = 0;
  d.evl_i = 0;
  d.user_int_en_i = 1;
  d.disp_valid_i = 0;
  d.lk_ready_i = 1;
  d.lk_rsp_valid_i = 0;
  d.lk_ok_i = 1;
  d.rb_ok_i = 1;
  d.xi_mark_i = d.xl_forget_i = d.xa_valid_i = 0;
  put(d.discard_i, 0, 8, 0);
  d.discard_pasid_en_i = 0;
  d.discard_pasid_i = 0;
  put(d.epoch_i, 0, 8, 0);
  d.cpl_valid_i = 0;
  put(d.cfg_i, 0, 35, 0);
  put(d.cfg_i, 0, 2, 3);   // ATS, PRI
  put(d.cfg_i, 5, 1, 1);   // PASID
  put(d.cfg_i, 7, 3, 2);   // reads of 512 bytes
  put(d.cfg_i, 13, 1, 1);  // 8-bit tags
  put(d.cfg_i, 16, 2, 3);  // bus master, memory space
}

void EngineBench::write(std::uint64_t address, const Bytes& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes& page = memory_[(address + i) >> 12];
    page.resize(4096);
    page[(address + i) % 4096] = bytes[i];
  }
}

Bytes EngineBench::read(std::uint64_t address, std::size_t bytes) {
  Bytes out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto found = memory_.find((address + i) >> 12);
    if (found != memory_.end()) out[i] = found->second[(address + i) % 4096];
  }
  return out;
}

abi::CompletionRecord EngineBench::record(std::uint64_t address) {
  const Bytes bytes = read(address, 32);
  std::array<std::byte, 32> raw{};
  std::transform(bytes.begin(), bytes.end(), raw.begin(),
                 [](std::uint8_t b) { return std::byte{b}; });
  return abi::decode_completion_record(raw);
}

void EngineBench::run(unsigned most) {
  for (unsigned i = 0; i < most && !idle(); ++i) step();
  EXPECT_TRUE(idle()) << done << " of " << pending_ << " are done";
}

void EngineBench::mark() { want_mark_ = true; }

void EngineBench::abort(unsigned wq, bool pasid_en, unsigned pasid) {
  put(dut().discard_i, 0, 8, std::uint64_t{1} << wq);
  dut().discard_pasid_en_i = pasid_en;
  dut().discard_pasid_i = pasid;
  // A new generation begins; what is under way is of the old one.
  put(dut().epoch_i, wq, 1, 1);
}

void EngineBench::step() {
  drive();
  settle();
  sample();
  tick();
}

void EngineBench::dispatch(const Work& work) {
  auto& p = dut().disp_i;
  put(p, 0, 33, 0x1'003F'03FF);  // operations
  put(p, 33, 1, 1);              // handle allowed
  put(p, 34, 1, work.prs && work.ats);
  put(p, 35, 1, work.ats);
  put(p, 36, 6, 0);
  put(p, 42, 4, 10);
  put(p, 46, 5, 31);
  put(p, 51, 1, 0);
  put(p, 52, 20, work.pasid);
  put(p, 72, 1, 1);  // has a PASID
  put(p, 73, 1, work.bof);
  put(p, 74, 2, 1);  // dedicated
  put(p, 76, 1, work.epoch);
  put(p, 77, 8, work.wq);
  const auto line = abi::to_line(work.descriptor);
  for (unsigned i = 0; i < 64; ++i) put(p, 85 + 8 * i, 8, std::to_integer<std::uint8_t>(line[i]));
}

void EngineBench::drive() {
  auto& d = dut();
  put(d.cfg_i, 10, 3, mps512 ? 2 : 0);
  if (!offered_ && !work_.empty()) dispatch(work_.front());
  offered_ = !work_.empty();
  d.disp_valid_i = offered_;
  d.rd_ready_i = !stalls || !chance(3);
  d.wr_ready_i = !stalls || !chance(3);
  d.xl_ready_i = !stalls || !chance(4);
  d.irq_ready_i = 1;
  d.swerr_ready_i = !reports_wait;
  d.done_ready_i = 1;
  d.xi_mark_i = 0;
  if (mark_every != 0 && chance(mark_every)) want_mark_ = true;
  if (want_mark_ && !marking_) {
    want_mark_ = false;
    marking_ = true;
    mark_cycle_ = cycle();
    d.xi_mark_i = 1;
    cached_.clear();
    for (auto& [number, page] : pages_) page.generation = (page.generation + 1) % 4096;
  }
  drive_answer();
  drive_completion();
}

// ---------------------------------------------------------------- cache
void EngineBench::answer(bool done, unsigned id, unsigned slot, unsigned code, const Page* page,
                         std::uint64_t number, bool write) {
  auto& d = dut();
  d.xa_valid_i = 1;
  put(d.xa_i, kXaDone, 1, done);
  put(d.xa_i, kXaEngine, 2, 0);
  put(d.xa_i, kXaId, 6, id);
  put(d.xa_i, kXaSlot, 5, slot);
  put(d.xa_i, kXaCode, 3, code);
  put(d.xa_i, kXaUntranslated, 1, page != nullptr && page->untranslated);
  put(d.xa_i, kXaWrite, 1, write);
  const std::uint64_t generation = page == nullptr ? 0 : page->generation;
  put(d.xa_i, kXaPage, 52, number | kTranslated | generation << kGeneration);
}

void EngineBench::answer_ask(const Ask& ask) {
  Page& page = pages_[ask.page];
  if (full) return answer(false, ask.id, 0, kBusy, nullptr, 0, false);
  if (!ask.page_request) {
    const bool hit =
        cached_.contains(ask.page * 2 + 1) || (!ask.write && cached_.contains(ask.page * 2));
    if (hit)
      return answer(false, ask.id, 0, kOk, &page, ask.page, cached_.contains(ask.page * 2 + 1));
  }
  const unsigned from = ask.page_request ? 16 : 0;
  unsigned slot = 32;
  for (unsigned i = from; i < from + 16; ++i) {
    const Slot& s = slots_[i];
    if (s.used && s.page == ask.page && (s.write || !ask.write)) slot = i;
  }
  for (unsigned i = from; i < from + 16 && slot == 32; ++i) {
    if (slots_[i].used) continue;
    slot = i;
    ++(ask.page_request ? page.requests : page.asked);
    const unsigned latency = ask.page_request ? page_latency : slot_latency;
    slots_[i] = {true, ask.write, ask.page_request, ask.page,
                 cycle() + 1 + latency / 2 + below(latency)};
  }
  if (slot == 32) return answer(false, ask.id, 0, kBusy, nullptr, 0, false);
  unsigned used = 0;
  for (unsigned i = 0; i < 16; ++i) used += slots_[i].used;
  most_slots = std::max(most_slots, used);
  answer(false, ask.id, slot, kMiss, nullptr, 0, false);
}

void EngineBench::end_slot(unsigned number) {
  Slot& slot = slots_[number];
  Page& page = pages_[slot.page];
  slot.used = false;
  if (!slot.page_request) {
    if (page.broken) return answer(true, 0, number, kError, nullptr, 0, false);
    if (!page.present || (slot.write && !page.writable))
      return answer(true, 0, number, kFault, nullptr, 0, false);
    // A request for reading only may bring the right to write as well (vtd: NW = 1 asks for less).
    const bool write = slot.write;
    if (caches) cached_.insert(slot.page * 2 + (write ? 1 : 0));
    return answer(true, 0, number, kOk, &page, slot.page, write);
  }
  if (page.answer == PageAnswer::kInvalid)
    return answer(true, 0, number, kPageInvalid, nullptr, 0, false);
  if (page.answer == PageAnswer::kFailure)
    return answer(true, 0, number, kPageFailure, nullptr, 0, false);
  if (page.answer == PageAnswer::kMap) {
    page.present = true;
    page.writable = page.writable || slot.write;
  }
  answer(true, 0, number, kPageOk, nullptr, 0, false);
}

void EngineBench::drive_answer() {
  dut().xa_valid_i = 0;
  if (!asks_.empty() && asks_.front().due <= cycle() && !chance(4)) {
    const Ask ask = asks_.front();
    asks_.pop_front();
    return answer_ask(ask);
  }
  for (unsigned i = 0; i < 32; ++i) {
    const Slot& slot = slots_[i];
    if (!slot.used || slot.due > cycle()) continue;
    if (slot.page_request && pages_[slot.page].answer == PageAnswer::kSilent) continue;
    return end_slot(i);
  }
}

// ---------------------------------------------------------------- link
/// @return the address that software knows
std::uint64_t EngineBench::check_request(const std::uint64_t address, bool translated, bool pasid,
                                         bool write) {
  std::uint64_t number = address >> 12;
  EXPECT_NE(translated, pasid) << "a translated request has no PASID, another one has";
  if (!translated) return address;
  EXPECT_TRUE(number & kTranslated);
  const std::uint64_t generation = number >> kGeneration;
  number &= kTranslated - 1;
  const Page& page = pages_[number];
  EXPECT_FALSE(page.untranslated);
  EXPECT_TRUE(!write || page.writable);
  // Old translations: only until xi_busy has fallen after the mark.
  if (generation != page.generation) {
    EXPECT_TRUE(marking_) << "a translation from before an invalidation that is complete";
    EXPECT_EQ((generation + 1) % 4096, page.generation);
  }
  return number << 12 | address % 4096;
}

void EngineBench::sample_read() {
  auto& d = dut();
  if (!d.rd_valid_o || !d.rd_ready_i) return;
  ++reads;
  const unsigned at = static_cast<unsigned>(get(d.rd_req_o, kTxAt, 2));
  Read read{};
  read.address = check_request(get(d.rd_req_o, kTxAddr, 64), at == 2,
                               get(d.rd_req_o, kTxPasidValid, 1) != 0, false);
  read.tag = static_cast<unsigned>(get(d.rd_req_o, kTxTag, 10));
  EXPECT_LT(read.tag, 60U) << "the last four tags are not the engine's";
  read.length = static_cast<unsigned>(get(d.rd_req_o, kTxLength, 10));
  const unsigned first = static_cast<unsigned>(get(d.rd_req_o, kTxFirstBe, 4));
  const unsigned last = static_cast<unsigned>(get(d.rd_req_o, kTxLastBe, 4));
  read.bytes = 1;  // of a zero-length read
  if (first != 0) {
    while ((first >> read.offset & 1) == 0) ++read.offset;
    const unsigned tail = read.length == 1 ? first : last;
    unsigned cut = 0;
    while (cut < 3 && (tail >> (3 - cut) & 1) == 0) ++cut;
    read.bytes = 4 * read.length - read.offset - cut;
  }
  read.due = cycle() + read_latency / 2 + below(read_latency);
  waiting_.push_back(read);
}

void EngineBench::drive_completion() {
  auto& d = dut();
  d.cpl_valid_i = 0;
  if (left_ == 0) {
    const auto due = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Read& r) { return r.due <= cycle(); });
    if (due == waiting_.end()) return;
    now_ = *due;
    waiting_.erase(due);
    put(d.cpl_i, 0, 1, 0);
    put(d.cpl_i, 1, 7, (now_.address + now_.offset) & 0x7F);
    put(d.cpl_i, 8, 12, now_.bytes);
    put(d.cpl_i, 20, 10, now_.length);
    put(d.cpl_i, 30, 1, 0);
    put(d.cpl_i, 31, 1, 1);
    put(d.cpl_i, 32, 3, 0);
    put(d.cpl_i, 35, 10, now_.tag);
    left_ = (now_.length + 15) / 16;
    first_ = true;
  }
  d.cpl_valid_i = 1;
  d.cpl_sop_i = first_;
  d.cpl_eop_i = left_ == 1;
  const Bytes bytes = read(now_.address, 64);
  std::memcpy(d.cpl_data_i.m_storage, bytes.data(), 64);
  now_.address += 64;
  first_ = false;
  --left_;
}

void EngineBench::sample_write() {
  auto& d = dut();
  if (!d.wr_valid_o || !d.wr_ready_i) return;
  const unsigned last = static_cast<unsigned>(get(d.wr_req_o, kTxLastBe, 4));
  if (d.wr_sop_o) {
    const unsigned first = static_cast<unsigned>(get(d.wr_req_o, kTxFirstBe, 4));
    write_translated_ = get(d.wr_req_o, kTxAt, 2) == 2;
    write_address_ = check_request(get(d.wr_req_o, kTxAddr, 64), write_translated_,
                                   get(d.wr_req_o, kTxPasidValid, 1) != 0, true);
    const unsigned length = static_cast<unsigned>(get(d.wr_req_o, kTxLength, 10));
    write_lane_ = 0;
    while ((first >> write_lane_ & 1) == 0) ++write_lane_;
    const unsigned tail = length == 1 ? first : last;
    unsigned cut = 0;
    while ((tail >> (3 - cut) & 1) == 0) ++cut;
    write_from_ = write_address_ + write_lane_;
    write_left_ = 4 * length - cut;
  }
  const unsigned end = std::min(write_left_, 64U);
  Bytes bytes(64);
  std::memcpy(bytes.data(), d.wr_data_o.m_storage, 64);
  bytes.resize(end);
  bytes.erase(bytes.begin(), bytes.begin() + write_lane_);
  write(write_address_ + write_lane_, bytes);
  write_address_ += 64;
  write_left_ -= end;
  write_lane_ = 0;
  EXPECT_EQ(d.wr_eop_o != 0, write_left_ == 0);
  if (d.wr_eop_o)
    writes.push_back({write_from_, static_cast<unsigned>(write_address_ - 64 + end - write_from_),
                      write_translated_, cycle()});
}

void EngineBench::sample() {
  auto& d = dut();
  if (marking_ && cycle() >= mark_cycle_ + 2 && !d.xi_busy_o) {
    marking_ = false;
    ++completed_marks;
  }
  if (offered_ && d.disp_ready_o) {
    work_.pop_front();
    offered_ = false;
  }
  if (d.xl_valid_o && d.xl_ready_i) {
    ++asked;
    asks_.push_back({cycle() + answer_latency, get(d.xl_req_o, kXlPage, 52),
                     get(d.xl_req_o, kXlWrite, 1) != 0, get(d.xl_req_o, kXlAskPage, 1) != 0,
                     static_cast<unsigned>(get(d.xl_req_o, kXlId, 6))});
  }
  sample_read();
  sample_write();
  if (d.irq_valid_o) ++interrupts;
  if (d.swerr_valid_o && d.swerr_ready_i) {
    Report r;
    r.address = get(d.swerr_o, 0, 64);
    r.write = get(d.swerr_o, 117, 1) != 0;
    r.batch = get(d.swerr_o, 118, 1) != 0;
    r.code = static_cast<std::uint8_t>(get(d.swerr_o, 121, 8));
    for (unsigned i = 0; i < 32; ++i)
      r.record[i] = std::byte{static_cast<std::uint8_t>(get(d.swerr_o, 129 + 8 * i, 8))};
    r.has_record = get(d.swerr_o, 385, 1) != 0;
    r.info = static_cast<std::uint32_t>(get(d.swerr_o, 394, 32));
    reports.push_back(r);
  }
  if (d.done_valid_o && d.done_ready_i) {
    ++done;
    last_done = cycle();
  }
}

}  // namespace siov::blocks
