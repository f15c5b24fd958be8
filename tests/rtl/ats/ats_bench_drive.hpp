// SPDX-License-Identifier: Apache-2.0
// What AtsBench drives in each cycle.
#pragma once

#include "ats_bench.hpp"

namespace siov::ats {

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::step() {
  this->settle();
  drive();
  this->settle();
  sample();
  this->tick();
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::drive() {
  using blocks::put;
  auto& d = this->dut();
  const std::uint64_t now = this->cycle();
  for (unsigned e = 0; e < Engines; ++e) {
    if (!offered_[e] && !wishes_[e].empty() && this->chance(ask_one_in)) offered_[e] = true;
    put(d.xl_valid_i, e, 1, offered_[e]);
    if (offered_[e]) {
      const Ask& a = wishes_[e].front();
      put(d.xl_req_i, e * kXlReqW + 0, 6, next_id_[e]);
      put(d.xl_req_i, e * kXlReqW + 6, 1, a.page_request);
      put(d.xl_req_i, e * kXlReqW + 7, 1, a.key.priv);
      put(d.xl_req_i, e * kXlReqW + 8, 20, a.key.pasid);
      put(d.xl_req_i, e * kXlReqW + 28, 1, a.key.pasid_en);
      put(d.xl_req_i, e * kXlReqW + 29, 1, a.write);
      put(d.xl_req_i, e * kXlReqW + 30, 52, a.key.page);
    }
    const bool busy = busy_until_[e] > now && now >= marks.back() + 2;
    put(d.xi_busy_i, e, 1, busy);
  }
  d.xr_ready_i = xr_ready_one_in != 0 && this->chance(xr_ready_one_in);
  d.pm_ready_i = pm_ready_one_in != 0 && this->chance(pm_ready_one_in);

  d.cpl_valid_i = 0;
  for (auto it = completions_.begin(); it != completions_.end(); ++it) {
    if (it->cycle > now) continue;
    const Completion c = it->c;
    completions_.erase(it);
    d.cpl_valid_i = d.cpl_sop_i = 1;
    d.cpl_eop_i = c.eop;
    put(d.cpl_i, 0, 1, c.bad);
    put(d.cpl_i, 1, 7, 0x38);
    put(d.cpl_i, 8, 12, c.byte_count);
    put(d.cpl_i, 20, 10, c.length);
    put(d.cpl_i, 30, 1, c.poisoned);
    put(d.cpl_i, 31, 1, c.has_data);
    put(d.cpl_i, 32, 3, c.status);
    put(d.cpl_i, 35, 10, c.tag);
    for (unsigned i = 0; i < 8; ++i) put(d.cpl_data_i, 8 * i, 8, c.entry >> (56 - 8 * i));
    note_completion(c);
    break;
  }

  d.vm_valid_i = 0;
  if (responded_ < 16) owed_[16 + responded_] = false;
  responded_ = 16;
  const bool response_due = !responses_.empty() && responses_.front().cycle <= now;
  if (!invalidations_.empty() && (!response_due || this->chance(2))) {
    Invalidation i = invalidations_.front();
    invalidations_.pop_front();
    i.cycle = now;
    d.vm_valid_i = 1;
    put(d.vm_i, 0, 13, 0);
    put(d.vm_i, 13, 64, i.data);
    put(d.vm_i, 77, 20, i.pasid.value_or(0));
    put(d.vm_i, 97, 1, i.pasid.has_value());
    put(d.vm_i, 98, 5, i.itag);
    put(d.vm_i, 103, 16, i.requester);
    put(d.vm_i, 119, 1, 1);
    open_.push_back(i);
  } else if (response_due) {
    const Response r = responses_.front().r;
    responses_.pop_front();
    d.vm_valid_i = 1;
    put(d.vm_i, 0, 4, r.code);
    put(d.vm_i, 4, 9, r.group);
    put(d.vm_i, 13, 64, 0);
    put(d.vm_i, 77, 20, r.pasid.value_or(0));
    put(d.vm_i, 97, 1, r.pasid.has_value());
    put(d.vm_i, 98, 22, 0);
    const unsigned slot = 16 + r.group;
    if (r.group < 16 && owed_[slot] && live_[slot]) {
      const Key& key = live_[slot]->key;
      if (key.pasid_en == r.pasid.has_value() && (!key.pasid_en || key.pasid == *r.pasid)) {
        last_response_[r.group] = r.code;
        responded_ = r.group;
      }
    } else if (r.group < 16) {
      responded_ = r.group;
    }
  }
}

template <typename Dut, unsigned Engines>
void AtsBench<Dut, Engines>::note_completion(const Completion& c) {
  using blocks::get;
  auto& d = this->dut();
  const bool long_tags =
      get(d.cfg_i, kTag10, 1) != 0 && Engines == 2;  // the small block knows 10-bit tags
  const bool byte_tags = get(d.cfg_i, kExtTag, 1) != 0;
  unsigned slot = 16;
  if (long_tags) {
    if ((c.tag >> 8) == 3 && (c.tag & 63u) >= 60) slot = ((c.tag >> 6) & 3u) * 4 + (c.tag & 3u);
  } else if (byte_tags) {
    if ((c.tag >> 8) == 0 && (c.tag & 63u) >= 60) slot = ((c.tag >> 6) & 3u) * 4 + (c.tag & 3u);
  } else if (c.tag < 32 && (c.tag & 7u) == 7) {
    slot = (c.tag >> 3) * 4;
  }
  if (slot == 16 || c.bad || !owed_[slot]) return;
  const bool last =
      !c.has_data || c.status != 0 || (c.byte_count != 0 && c.byte_count <= 4 * c.length);
  if (last) owed_[slot] = false;
  if (last) returned_[slot] = this->cycle();
  if (!live_[slot] || last_grant_[slot] || last_error_[slot]) return;
  const Ask& ask = *live_[slot];
  bool read = (c.entry & 1u) != 0, write = (c.entry & 2u) != 0;
  const bool priv = (c.entry & 16u) != 0;
  const bool asked_priv = ask.key.pasid_en && ask.key.priv && get(d.cfg_i, kPasidPrivEn, 1) != 0;
  unsigned size = 12;  // log2 of the range
  if (((c.entry >> 11) & 1u) != 0) {
    while (size < 64 && ((c.entry >> size) & 1u) != 0) ++size;
    ++size;
  }
  bool error =
      c.status != 0 || !c.has_data || c.poisoned || c.length != 2 || c.byte_count != 8 || !c.eop;
  if ((read || write) && (size < 12u + d.stu_i || (priv && !asked_priv))) error = true;
  if (error) {
    last_error_[slot] = true;
    return;
  }
  if (asked_priv && !priv) read = write = false;
  // An answer without rights is remembered as a grant of nothing: when old it is asked again like
  // the others.
  const std::uint64_t low = size >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
  const std::uint64_t page = ((c.entry & ~low) | (ask.key.page << 12 & low)) >> 12;
  grants_.push_back({ask.key, page, asked_[slot], read, write, (c.entry & 4u) != 0, false});
  last_grant_[slot] = grants_.size() - 1;
  by_key_[ask.key].push_back(grants_.size() - 1);
}

}  // namespace siov::ats
