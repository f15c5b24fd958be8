// SPDX-License-Identifier: Apache-2.0
// Injector: the table of injections and what each does to one TLP.
#include "check/injector.hpp"

#include <algorithm>
#include <array>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <string>

#include "abi/little_endian.hpp"
#include "check/bench.hpp"
#include "common/error.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::check {

using pcie::Tlp;
using pcie::TlpType;

namespace {

constexpr std::array kInjections = {
    Injection{"wrong-pasid", Rule::kSiovD22, Prey::kData,
              "a data write carries the PASID of another ADI"},
    Injection{"no-pasid", Rule::kPcie28, Prey::kData, "a data write loses its PASID prefix"},
    Injection{"pasid-on-interrupt", Rule::kPcie26, Prey::kInterrupt,
              "an interrupt message gets a PASID prefix"},
    Injection{"execute-requested", Rule::kPcie25, Prey::kRead,
              "the prefix of a read asks for execute permission"},
    Injection{"corrupt-data", Rule::kSbData, Prey::kData, "one bit of a data write is flipped"},
    Injection{"poisoned-write", Rule::kSbData, Prey::kData, "a data write is poisoned"},
    Injection{"drop-write", Rule::kSbCover, Prey::kData, "a data write is lost"},
    Injection{"duplicate-write", Rule::kSbCover, Prey::kData, "a data write is sent twice"},
    Injection{"duplicate-record", Rule::kCrOnce, Prey::kRecord,
              "a completion record is written twice"},
    Injection{"drop-record", Rule::kCrMissing, Prey::kRecord, "a completion record is lost"},
    Injection{"corrupt-record", Rule::kCrBytes, Prey::kRecord,
              "a completion record has a wrong byte count"},
    Injection{"short-record", Rule::kCrShape, Prey::kRecord,
              "a completion record is written with 16 bytes"},
    Injection{"record-before-data", Rule::kOrderDataCr, Prey::kData,
              "data writes are held back until a record has passed"},
    Injection{"drop-interrupt", Rule::kIrqMissing, Prey::kInterrupt,
              "an interrupt message is lost"},
    Injection{"duplicate-interrupt", Rule::kIrqOnce, Prey::kInterrupt,
              "an interrupt message is sent twice"},
    Injection{"wrong-interrupt-data", Rule::kPcie57, Prey::kInterrupt,
              "an interrupt message has data that no entry holds"},
    Injection{"relaxed-interrupt", Rule::kPcie07, Prey::kInterrupt,
              "an interrupt message has relaxed ordering"},
    Injection{"oversize-payload", Rule::kPcie11, Prey::kData,
              "a data write exceeds Max_Payload_Size"},
    Injection{"cross-4k", Rule::kPcie13, Prey::kData, "a data write crosses a 4 KiB boundary"},
    Injection{"oversize-read", Rule::kPcie12, Prey::kRead, "a read exceeds Max_Read_Request_Size"},
    Injection{"wrong-requester", Rule::kPcie15, Prey::kData,
              "a data write carries another Requester ID"},
    Injection{"duplicate-tag", Rule::kPcie16, Prey::kRead,
              "a read uses the tag of the read before it"},
    Injection{"write-outside", Rule::kPcie22, Prey::kData,
              "a data write goes to an address that no descriptor names"},
    Injection{"read-outside", Rule::kPcie22, Prey::kRead,
              "a read goes to an address that no descriptor names"},
    Injection{"reserved-bit", Rule::kPcie10, Prey::kData, "a reserved header bit is 1"},
    Injection{"bad-byte-enables", Rule::kPcie14, Prey::kRead,
              "the last byte enables of a long read are 0"},
    Injection{"wrong-header-size", Rule::kPcie02, Prey::kData,
              "the header form does not fit the address"},
    Injection{"translated-address", Rule::kPcie05, Prey::kRead,
              "a read claims a translated address while ATS is off"},
    Injection{"wrong-traffic-class", Rule::kPcie06, Prey::kData,
              "a data write uses a traffic class outside the map"},
    Injection{"drop-completion", Rule::kPcie42, Prey::kCompletion,
              "the completion of a host request is lost"},
    Injection{"wrong-completion-status", Rule::kPcie34, Prey::kCompletion,
              "a completion has a reserved status"},
    Injection{"wrong-completer", Rule::kPcie33, Prey::kCompletion,
              "a completion carries another Completer ID"},
    Injection{"wrong-batch-count", Rule::kBatchRecord, Prey::kBatchRecord,
              "a batch record counts one member more"},
    Injection{"early-batch-record", Rule::kBatchLast, Prey::kMemberRecord,
              "records are held back until a batch record has passed"},
    Injection{"fence-overtaken", Rule::kBatchFence, Prey::kMemberRecord,
              "records are held back until a read has passed"},
    Injection{"misplaced-readback", Rule::kSbReadback, Prey::kReadback,
              "a readback goes to an address that no descriptor names"},
    Injection{"wrong-log-code", Rule::kEvlEntry, Prey::kLogEntry,
              "an entry of the event log has another error code"},
    Injection{"misplaced-log-entry", Rule::kEvlRing, Prey::kLogEntry,
              "an entry of the event log goes one place too far"},
    Injection{"drop-log-entry", Rule::kEvlRing, Prey::kLogEntry,
              "an entry of the event log is lost"},
    Injection{"wrong-crc", Rule::kCrBytes, Prey::kCrcRecord, "one bit of a CRC is flipped"},
    Injection{"wrong-byte-count", Rule::kPcie36, Prey::kCompletion,
              "a completion has a wrong Byte Count"},
    Injection{"wrong-translated-address", Rule::kPcie64, Prey::kTranslated,
              "a translated request goes to an address that no translation gave"},
    Injection{"translated-with-pasid", Rule::kPcie27, Prey::kTranslated,
              "a translated request carries a PASID"},
    Injection{"write-through-read-only", Rule::kPcie64, Prey::kTranslatedWrite,
              "a translated write goes to a page that may be read only"},
    Injection{"foreign-translation", Rule::kSiovD26, Prey::kTranslatedWrite,
              "a translated write goes to a page of another PASID"},
    Injection{"page-request-twice", Rule::kPcie70, Prey::kPageRequest,
              "a page request is sent twice"},
    Injection{"drop-invalidate-completion", Rule::kPcie69, Prey::kInvalidateCompletion,
              "Invalidate Completions are lost, this one and all that follow"},
    Injection{"lost-prg-response", Rule::kPcie74, Prey::kPageResponse,
              "the device does not get a PRG response"},
    Injection{"wrong-prg-index", Rule::kPcie74, Prey::kPageResponse,
              "the device gets a PRG response with another group index"},
    Injection{"ignore-invalidation", Rule::kPcie66, Prey::kInvalidation,
              "an Invalidate Request is answered but the device does not get it"},
    Injection{"early-invalidate-completion", Rule::kPcie68, Prey::kInvalidation,
              "an Invalidate Completion is sent while reads use the translation"},
};

constexpr std::uint16_t kLongDw = 16;  // writes and reads of at least 64 bytes carry visible faults
constexpr std::uint64_t kStray = std::uint64_t{1} << 45;
// Whether a data write is the last one before its record is not known here: so many get their turn.
constexpr unsigned kHolds = 64;

bool is_interrupt(const Tlp& t) {
  return t.type == TlpType::kMemWrite && !t.prefix.present && in_interrupt_window(t.address) &&
         t.payload_bytes == 4;
}

/// A completion record, by its looks: aligned, 32 bytes, a status, zeros where success has zeros.
bool is_record(const Tlp& t) {
  if (t.type != TlpType::kMemWrite || t.payload_bytes != 32 || (t.address & 31) != 0) return false;
  const auto status = std::to_integer<unsigned>(t.payload[0]);
  const bool known = (status >= 1 && status <= 9) || (status >= 0x10 && status <= 0x22);
  const bool zeros = std::all_of(t.payload.begin() + 24, t.payload.begin() + 32,
                                 [](std::byte b) { return b == std::byte{0}; });
  return known && zeros && t.payload[3] == std::byte{0};
}

std::uint32_t count_of(const Tlp& t) {
  return static_cast<std::uint32_t>(abi::load_le(std::span(t.payload).subspan(4), 4));
}

bool zeros(const Tlp& t, std::size_t from, std::size_t to) {
  return std::all_of(t.payload.begin() + static_cast<std::ptrdiff_t>(from),
                     t.payload.begin() + static_cast<std::ptrdiff_t>(to),
                     [](std::byte b) { return b == std::byte{0}; });
}

/// The record of a batch: success or failed members, a count, nothing else.
bool is_batch_record(const Tlp& t) {
  if (!is_record(t) || !zeros(t, 1, 4) || !zeros(t, 8, 32)) return false;
  const bool ended = t.payload[0] == std::byte{1} || t.payload[0] == std::byte{5};
  return ended && count_of(t) >= 1 && count_of(t) <= 1024;
}

/// The record of a CRC: success and eight bytes that are not all 0.
bool is_crc_record(const Tlp& t) {
  return is_record(t) && t.payload[0] == std::byte{1} && zeros(t, 1, 16) && !zeros(t, 16, 24);
}

/// An entry of the event log: what is valid, a code, no bytes where there are none.
bool is_log_entry(const Tlp& t) {
  if (t.type != TlpType::kMemWrite || t.payload_bytes != 64 || (t.address & 63) != 0) return false;
  const bool valid = (t.payload[0] & std::byte{0x8F}) == std::byte{0x8C};
  const auto code = std::to_integer<unsigned>(t.payload[1]);
  return valid && code >= 0x10 && code <= 0x27 && zeros(t, 10, 12) && zeros(t, 24, 32);
}

bool is_readback(const Tlp& t) {
  return t.type == TlpType::kMemRead && t.prefix.present && t.length_dw == 1 && t.first_be == 0 &&
         t.at != pcie::kAtRequest;
}

/// Injections that speak of the PASID, or of an address as its PASID sees it.
constexpr std::array<std::string_view, 8> kUntranslatedOnly = {
    "wrong-pasid",   "no-pasid",     "execute-requested",  "translated-address",
    "write-outside", "read-outside", "misplaced-readback", "wrong-header-size"};

/// Made for an ADI: with its PASID, or translated.
bool of_adi(const Tlp& t, std::string_view injection) {
  if (t.prefix.present) return true;
  return t.at == pcie::kAtTranslated &&
         std::find(kUntranslatedOnly.begin(), kUntranslatedOnly.end(), injection) ==
             kUntranslatedOnly.end();
}

const Injection& find(std::string_view name) {
  for (const Injection& injection : kInjections) {
    if (injection.name == name) return injection;
  }
  throw HarnessError("unknown injection '" + std::string(name) + "'");
}

void set_length(Tlp& t, std::uint16_t dw) {
  t.length_dw = dw;
  if (t.payload_bytes != 0) {
    std::fill(t.payload.begin() + t.payload_bytes, t.payload.end(), std::byte{0});
    t.payload_bytes = static_cast<std::uint16_t>(dw * 4);
  }
  t.first_be = t.last_be = 0xF;
}

bool is_translated(const Tlp& t) {
  const bool data = t.type == TlpType::kMemRead
                        ? t.length_dw >= kLongDw
                        : t.type == TlpType::kMemWrite && t.payload_bytes >= kLongDw * 4;
  return t.at == pcie::kAtTranslated && data && !is_record(t);
}

/// The same place in another page.
void move_to_page(Tlp& t, std::uint64_t page) {
  t.address = page | (t.address & 0xFFF);
  t.four_dw = t.address >> 32 != 0;
}

/// The injections that change one field.
void change_field(std::string_view n, Tlp& t) {
  if (n == "wrong-interrupt-data") {
    t.payload[3] ^= std::byte{0x5A};
  } else if (n == "relaxed-interrupt") {
    t.ro = true;
  } else if (n == "oversize-payload") {
    set_length(t, pcie::kMaxPayload / 4);
  } else if (n == "cross-4k") {
    t.address = (t.address & ~std::uint64_t{0xFFF}) | 0xFE0;
  } else if (n == "oversize-read") {
    t.address &= ~std::uint64_t{0xFFF};
    set_length(t, 1024);
  } else if (n == "wrong-requester") {
    t.requester = RequesterId{static_cast<std::uint16_t>(t.requester.value ^ 0xF800)};
  } else if (n == "write-outside" || n == "read-outside" || n == "misplaced-readback" ||
             n == "wrong-translated-address") {
    t.address ^= kStray;
    t.four_dw = true;
  } else if (n == "reserved-bit") {
    t.reserved_bits_set = true;
  } else if (n == "bad-byte-enables") {
    t.last_be = 0;
  } else if (n == "wrong-header-size") {
    t.four_dw = !t.four_dw;
  } else if (n == "translated-address") {
    t.at = 2;
  } else if (n == "wrong-traffic-class") {
    t.tc = static_cast<std::uint8_t>(t.tc ^ 5);
  } else if (n == "wrong-completion-status") {
    t.status = static_cast<pcie::CplStatus>(3);
  } else if (n == "wrong-completer") {
    t.completer = RequesterId{static_cast<std::uint16_t>(t.completer.value ^ 0x00F8)};
  } else if (n == "wrong-byte-count") {
    t.byte_count = 8;
  } else if (n == "wrong-batch-count") {
    abi::store_le(std::span(t.payload).subspan(4), count_of(t) + 1, 4);
  } else if (n == "wrong-log-code") {
    t.payload[1] ^= std::byte{1};
  } else if (n == "misplaced-log-entry") {
    t.address += 64;
  } else if (n == "wrong-crc") {
    t.payload[16] ^= std::byte{1};
  }
}

}  // namespace

std::span<const Injection> list_injections() { return kInjections; }

Injector::Injector(std::string_view name, std::uint64_t seed, std::optional<std::uint64_t> nth)
    : injection_(&find(name)) {
  boost::random::mt19937_64 random(seed);
  const bool rare = injection_->prey >= Prey::kPageRequest;
  boost::random::uniform_int_distribution<std::uint64_t> any(rare ? 1 : 20, rare ? 8 : 83);
  countdown_ = nth ? std::max<std::uint64_t>(*nth, 1) : any(random);
}

bool Injector::suitable(const Tlp& t) const {
  const std::string_view name = injection_->name;
  switch (injection_->prey) {
    case Prey::kRead:
      if (t.type != TlpType::kMemRead || !of_adi(t, name) || t.length_dw < kLongDw) return false;
      return name != "duplicate-tag" || (last_tag_ && *last_tag_ != t.tag);
    case Prey::kData: {
      if (t.type != TlpType::kMemWrite || !of_adi(t, name) || t.payload_bytes < kLongDw * 4 ||
          is_record(t) || is_log_entry(t))
        return false;
      const std::uint64_t offset = t.address & 0xFFF;
      if (name == "oversize-payload") return offset + pcie::kMaxPayload <= 4096;
      if (name == "wrong-pasid")
        return std::any_of(pasids_.begin(), pasids_.end(),
                           [&](std::uint32_t p) { return p != t.prefix.pasid; });
      return true;
    }
    case Prey::kRecord:
      return is_record(t) && of_adi(t, name);
    case Prey::kInterrupt:
      return is_interrupt(t) && (name != "pasid-on-interrupt" || !pasids_.empty());
    case Prey::kCompletion:
      return t.type == TlpType::kCompletion;
    case Prey::kBatchRecord:
      return is_batch_record(t) && of_adi(t, name);
    case Prey::kMemberRecord:
      return is_record(t) && of_adi(t, name) && !is_batch_record(t);
    case Prey::kCrcRecord:
      return is_crc_record(t) && of_adi(t, name);
    case Prey::kReadback:
      return is_readback(t);
    case Prey::kLogEntry:
      return is_log_entry(t);
    case Prey::kTranslated:
      return is_translated(t) && (name != "translated-with-pasid" || !pasids_.empty());
    case Prey::kTranslatedWrite:
      if (!is_translated(t) || t.type != TlpType::kMemWrite) return false;
      return (name == "foreign-translation" ? watch_.foreign(t) : watch_.read_only()) != nullptr;
    case Prey::kPageRequest: {
      const auto request = pcie::page_request_of(t);
      return request && !pcie::is_stop_marker(*request);
    }
    case Prey::kInvalidateCompletion:
      return pcie::invalidate_completion_of(t).has_value();
    case Prey::kPageResponse: {
      const auto response = pcie::page_response_of(t);
      return response && response->code == 0;
    }
    case Prey::kInvalidation:
      return invalidation(t);
  }
  return false;
}

void Injector::remember(const Tlp& t) {
  // Only of two reads in a row is the first surely still outstanding.
  last_tag_ = t.type == TlpType::kMemRead ? std::optional(t.tag) : std::nullopt;
  if (!t.prefix.present ||
      std::find(pasids_.begin(), pasids_.end(), t.prefix.pasid) != pasids_.end())
    return;
  if (pasids_.size() == 2) pasids_.erase(pasids_.begin());
  pasids_.push_back(t.prefix.pasid);
}

bool Injector::invalidation(const Tlp& t) const {
  const auto request = pcie::invalidate_request_of(t);
  if (!request) return false;
  return injection_->name == "ignore-invalidation" ? watch_.held(*request)
                                                   : watch_.reading(*request);
}

void Injector::mutate_down(Tlp& t) {
  const bool prey = !fired_ && injection_->prey >= Prey::kPageResponse && suitable(t);
  watch_.down(t);
  if (!prey || --countdown_ != 0) return;
  fired_ = true;
  fire_down(t);
}

void Injector::fire_down(Tlp& t) {
  if (injection_->name == "wrong-prg-index") {
    t.message_dw2 ^= 0x100;
    return;
  }
  if (injection_->prey == Prey::kInvalidation) {
    const auto request = pcie::invalidate_request_of(t);
    const std::uint32_t itag = 1u << request->itag;
    answer_ = pcie::invalidate_completion(t.requester,
                                          {.device = request->device, .itags = itag, .count = 1});
    if (injection_->name == "early-invalidate-completion") answered_ = itag;
  }
  if (injection_->name != "early-invalidate-completion") pcie::make_vendor_defined(t);
}

void Injector::mutate(Tlp& t, std::vector<Tlp>& extra, bool& drop) {
  watch_.up(t);
  if (answer_) {
    extra.push_back(*answer_);
    answer_.reset();
  }
  if (answered_ != 0) {
    const auto own = pcie::invalidate_completion_of(t);
    if (own && (own->itags & answered_) != 0) {  // it has been given already
      t.message_dw3 &= ~answered_;
      answered_ = 0;
      drop = t.message_dw3 == 0;
    }
    return;
  }
  if (held_) {
    release_held(t, extra);
    return;
  }
  if (fired_ && injection_->prey == Prey::kInvalidateCompletion) {
    drop = suitable(t);
    return;
  }
  if (fired_) {
    if (tries_ == 0 || !suitable(t)) return;
    --tries_;
    held_ = t;
    drop = true;
    return;
  }
  const bool prey = suitable(t);
  if (prey && --countdown_ == 0) {
    fired_ = true;
    fire(t, extra, drop);
    return;
  }
  remember(t);
}

void Injector::release_held(const Tlp& t, std::vector<Tlp>& extra) {
  const std::string_view name = injection_->name;
  const bool passed = name == "early-batch-record" ? is_batch_record(t)
                      : name == "fence-overtaken"  ? t.type == TlpType::kMemRead
                                                   : is_record(t);
  if (!passed || t.prefix.pasid != held_->prefix.pasid) return;
  extra.push_back(*held_);
  held_.reset();
}

void Injector::fire(Tlp& t, std::vector<Tlp>& extra, bool& drop) {
  const std::string_view n = injection_->name;
  if (n == "duplicate-tag") {
    t.tag = *last_tag_;
  } else if (n == "wrong-pasid") {
    t.prefix.pasid = *std::find_if(pasids_.begin(), pasids_.end(),
                                   [&](std::uint32_t p) { return p != t.prefix.pasid; });
  } else if (n == "no-pasid") {
    t.prefix = {};
  } else if (n == "pasid-on-interrupt") {
    t.prefix = pcie::PasidPrefix{.present = true, .pasid = pasids_.back()};
  } else if (n == "execute-requested") {
    t.prefix.execute = true;
  } else if (n == "corrupt-data") {
    t.payload[t.payload_bytes / 2] ^= std::byte{0x10};
  } else if (n == "poisoned-write") {
    t.ep = true;
  } else if (n == "drop-write" || n == "drop-record" || n == "drop-interrupt" ||
             n == "drop-completion" || n == "drop-log-entry" || n == "drop-invalidate-completion") {
    drop = true;
  } else if (n == "translated-with-pasid") {
    t.prefix = pcie::PasidPrefix{.present = true, .pasid = pasids_.back()};
  } else if (n == "write-through-read-only") {
    move_to_page(t, watch_.read_only()->host);
  } else if (n == "foreign-translation") {
    move_to_page(t, watch_.foreign(t)->host);
  } else if (n == "duplicate-write" || n == "duplicate-record" || n == "duplicate-interrupt" ||
             n == "page-request-twice") {
    extra.push_back(t);
  } else if (n == "corrupt-record") {
    t.payload[5] ^= std::byte{0x40};
  } else if (n == "short-record") {
    t.payload_bytes = 16;
    t.length_dw = 4;
  } else if (n == "record-before-data" || n == "early-batch-record" || n == "fence-overtaken") {
    held_ = t;
    tries_ = kHolds - 1;
    drop = true;
  } else {
    change_field(n, t);
  }
}

}  // namespace siov::check
