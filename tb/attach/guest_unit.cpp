// SPDX-License-Identifier: Apache-2.0
// Registers by the monitor, tables by walking guest memory.
#include "attach/guest_unit.hpp"

#include <memory>

#include "abi/little_endian.hpp"
#include "coro/event.hpp"

namespace siov::attach {

namespace {
// Quadwords of the register page. @spec vtd.md 1
constexpr unsigned kWords = 0x98 / 8;
constexpr unsigned kStatus = 0x18 / 8;  // GCMD low, GSTS high
constexpr unsigned kRoot = 0x20 / 8;
constexpr unsigned kTail = 0x88 / 8;
constexpr unsigned kQueue = 0x90 / 8;
constexpr unsigned kQueueEnabled = 26;  // GSTS.QIES
constexpr std::uint64_t kPage = ~std::uint64_t{0xFFF};
}  // namespace

GuestUnit::GuestUnit(boost::asio::io_context& context, const std::string& monitor,
                     RequesterId function, GuestReader memory)
    : function_(function), memory_(std::move(memory)) {
  if (!monitor.empty()) monitor_.emplace(context, monitor);
}

coro::Task<GuestUnit::Look> GuestUnit::look() {
  Look out;
  if (!monitor_) co_return out;
  const coro::Lock::Guard guard = co_await looks_.scoped();
  struct Answer {
    coro::Event here{"answer of QEMU's monitor"};
    std::vector<std::uint64_t> words;
  };
  const auto answer = std::make_shared<Answer>();
  out.session = session_;
  waiting_ = true;
  since_ = std::chrono::steady_clock::now();
  monitor_->read_words(kBase, kWords, [answer](std::vector<std::uint64_t> words) {
    answer->words = std::move(words);
    answer->here.set();
  });
  co_await answer->here.wait();
  waiting_ = false;
  if (!current(out)) co_return out;
  const std::vector<std::uint64_t>& words = answer->words;
  if (words.size() == kWords) {
    out.answered = true;
    last_.status = static_cast<std::uint32_t>(words[kStatus] >> 32);
    last_.root = words[kRoot];
    last_.iq_tail = words[kTail];
    last_.iq_base = words[kQueue];
  }
  out.registers = last_;
  out.there = last_.root != 0;
  if (out.there && (last_.status >> kQueueEnabled & 1) != 0) {
    out.invalidations = watch_.look(memory_, last_);
  } else {
    watch_.reset();
  }
  if (!out.answered) out.invalidations.lost = true;
  co_return out;
}

void GuestUnit::check_patience(std::chrono::steady_clock::time_point now) {
  if (waiting_ && now - since_ > kPatience) monitor_->abandon();
}

void GuestUnit::forget() {
  ++session_;
  if (monitor_) monitor_->close();
  watch_.reset();
  last_ = UnitRegisters{};
}

std::optional<std::uint64_t> GuestUnit::word(std::uint64_t address) const {
  std::array<std::byte, 8> bytes{};
  if (!memory_(Gpa{address}, bytes)) return std::nullopt;
  return abi::load_le(bytes, 8);
}

/// Scalable mode: root entry, context entry. @spec vtd.md 2.1, 2.2
std::optional<std::uint64_t> GuestUnit::context(const UnitRegisters& registers) const {
  if (!scalable(registers)) return std::nullopt;
  const std::uint64_t bus = function_.value >> 8;
  const std::uint64_t slot = function_.value & 0xFF;
  const auto root = word((registers.root & kPage) + bus * 16 + (slot >= 128 ? 8 : 0));
  if (!root || (*root & 1) == 0) return std::nullopt;
  const auto context = word((*root & kPage) + slot % 128 * 32);
  if (!context || (*context & 1) == 0) return std::nullopt;
  return context;
}

bool GuestUnit::device_tlb(const UnitRegisters& registers) const {
  return (context(registers).value_or(0) >> 2 & 1) != 0;
}

/// PASID directory, PASID tables. @spec vtd.md 2.2 PASIDE, PDTS; 2.3, 2.4
std::vector<GuestPasid> GuestUnit::pasids(const UnitRegisters& registers) const {
  std::vector<GuestPasid> found;
  const auto entry_of_function = context(registers);
  if (!entry_of_function || (*entry_of_function >> 3 & 1) == 0) return found;
  const std::uint64_t directories = std::uint64_t{128}
                                    << (*entry_of_function >> 9 & 7);  // 2^(PDTS + 7)
  std::array<std::byte, 1024> piece{};
  for (std::uint64_t d = 0; d < directories && found.size() <= kMostPasids; ++d) {
    const std::uint64_t at = d * 8 % piece.size();
    if (at == 0 && !memory_(Gpa{(*entry_of_function & kPage) + d * 8}, piece)) piece.fill({});
    const std::uint64_t entry = abi::load_le(std::span(piece).subspan(at, 8), 8);
    if ((entry & 1) != 0) add_table(entry & kPage, static_cast<std::uint32_t>(d * 64), found);
  }
  return found;
}

void GuestUnit::add_table(std::uint64_t address, std::uint32_t first,
                          std::vector<GuestPasid>& found) const {
  std::array<std::byte, 4096> table{};
  if (!memory_(Gpa{address}, table)) return;
  for (std::uint32_t i = 0; i < 64 && found.size() <= kMostPasids; ++i) {
    GuestPasid pasid;
    pasid.pasid = Pasid{first + i};
    for (std::size_t w = 0; w < 8; ++w)
      pasid.entry[w] = abi::load_le(std::span(table).subspan(64 * i + 8 * w, 8), 8);
    if ((pasid.entry[0] & 1) != 0) found.push_back(pasid);
  }
}

}  // namespace siov::attach
