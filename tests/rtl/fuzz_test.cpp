// SPDX-License-Identifier: Apache-2.0
// Differential fuzz: random descriptors on the RTL against model::predict, with a host that delays,
// reorders, splits, starves and fails. Checked: completion records, the whole memory image,
// interrupt messages, SWERROR, PASID and size of every request.
//
//   SIOV_FUZZ_SCALE=20 rtl_tests --gtest_filter=FuzzTest.*     twenty times as many scenarios
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "model/predict.hpp"
#include "raw_bench.hpp"

namespace siov::test {
namespace {

constexpr unsigned kSlots = 32;              // descriptors in flight
constexpr std::uint64_t kWindow = 0x400000;  // everything a descriptor may touch
constexpr std::uint64_t kSlotBytes = 0x10000;
constexpr std::uint64_t kSource = 0x0, kDestination = 0x8000, kRecord = 0xF000;  // inside a slot
constexpr unsigned kMaxTransferLog2 = 13;
constexpr unsigned kMsix = 9, kIms = 256;  // default build

unsigned scale() {
  const char* text = std::getenv("SIOV_FUZZ_SCALE");
  return text == nullptr ? 1u : std::max(1, std::atoi(text));
}

/// An interrupt table entry as the test programmed it.
struct Entry {
  bool pasid_enable = false, masked = false, ignored = false;
  std::uint32_t pasid = 0;
};

struct Queue {
  bool dedicated = true, pasid_enable = true, privileged = false;
  std::uint32_t pasid = 0;
};

/// Who owns a slot's memory in this round, and how its bad pages fail.
struct Slot {
  std::optional<Pasid> pasid;
  bool privileged = false;
};

struct Faults {
  std::map<std::uint64_t, pcie::ReadFault> pages;
};

/// PASID, privilege and size of each request of the device. @spec PCIe-6.3 2.2.7, 7.5.3.4
class RequestWatch : public pcie::TlpSink {
 public:
  void on_tlp(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t) override {
    if (direction != pcie::Direction::kUp || !tlp.is_memory_request()) return;
    if (tlp.type == pcie::TlpType::kMemWrite && tlp.address >> 20 == 0xFEE) return;
    const bool write = tlp.type == pcie::TlpType::kMemWrite;
    const std::uint32_t bytes = 4u * tlp.length_dw;
    EXPECT_LE(bytes, write ? max_payload : max_read);
    EXPECT_LE((tlp.address & 0xFFF) + bytes, 4096u);
    EXPECT_LT(tlp.tag, tags);
    if (tlp.address < kWindow || tlp.address >= kWindow + kSlots * kSlotBytes) {
      if (write) {
        EXPECT_LT(tlp.address, 32u);  // nothing else but records at address 0
      }
      return;
    }
    const Slot& slot = slots[(tlp.address - kWindow) / kSlotBytes];
    EXPECT_EQ(tlp.prefix.present, slot.pasid.has_value());
    if (slot.pasid) {
      EXPECT_EQ(tlp.prefix.pasid, slot.pasid->value);
      EXPECT_EQ(tlp.prefix.privileged, slot.privileged);
    }
    ++requests;
  }
  std::array<Slot, kSlots> slots;
  std::uint32_t max_payload = 0, max_read = 0, tags = 256;
  std::uint64_t requests = 0;
};

class Fuzz {
 public:
  explicit Fuzz(std::uint32_t seed) : rng_(seed), faults_(std::make_shared<Faults>()) {
    const pcie::LinkConfig link = random_link(seed);
    bench = std::make_unique<RawBench>(link);
    bench->root.add_sink(watch);
  }

  std::uint32_t below(std::uint32_t n) {
    return boost::random::uniform_int_distribution<std::uint32_t>(0, n - 1)(rng_);
  }
  bool chance(std::uint32_t percent) { return below(100) < percent; }
  std::uint64_t wide() { return std::uint64_t{rng_()} << 32 | rng_(); }

  coro::Task<std::uint32_t> bring_up();
  void round();

  std::unique_ptr<RawBench> bench;
  RequestWatch watch;

 private:
  pcie::LinkConfig random_link(std::uint32_t seed);
  abi::Descriptor random_descriptor(unsigned slot, const Queue& queue);
  void spoil(abi::Descriptor& d);
  model::WorkContext context_of(const abi::Descriptor& d, const Queue& q, bool ims) const;
  bool permitted(bool ims, std::uint16_t handle, std::optional<Pasid> pasid) const;
  void prepare(unsigned slot);
  bool readable(Iova at, std::span<std::byte> out);
  void expect(unsigned slot, unsigned wq, bool ims, const abi::Descriptor& d);
  coro::Task<std::uint32_t> submit_all();
  void check_image();
  void check_messages();
  void check_swerror();

  boost::random::mt19937 rng_;
  std::shared_ptr<Faults> faults_;
  std::vector<Queue> queues_;
  std::vector<Entry> msix_, ims_;
  bool user_interrupts_ = false, privileged_enable_ = false;
  unsigned mps_ = 1;
  bool lost_used_ = false;
  std::vector<std::byte> image_, before_;
  std::vector<bool> optional_;  // byte may have its old value
  struct Submission {
    unsigned wq;
    bool ims;
    abi::Descriptor descriptor;
  };
  std::vector<Submission> work_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> messages_;
  using Error =
      std::tuple<std::uint64_t, std::uint64_t>;  // SWERROR words 0 (without overflow) and 2
  std::vector<Error> errors_;
};

pcie::LinkConfig Fuzz::random_link(std::uint32_t seed) {
  pcie::LinkConfig link;
  mps_ = below(3);
  link.max_payload = 128u << mps_;
  link.rcb = chance(50) ? 64 : 128;
  link.read_latency_min = 10 + below(100);
  link.read_latency_max = link.read_latency_min + (chance(70) ? below(400) : 0);
  link.reorder_completions = chance(60);
  link.random_splits = chance(60);
  link.up_stall_permille = chance(50) ? below(600) : 0;
  if (chance(40)) link.up_credits = pcie::CreditLimits{2, 32, 1, 1, 1, 1};
  if (chance(30)) link.up_windows.posted = {below(200), 300};
  if (chance(30)) link.up_windows.nonposted = {below(200), 400};
  if (chance(30)) link.down_windows.completion = {below(200), 500};
  link.seed = seed;
  link.read_fault = [faults = faults_](const pcie::Tlp& read) {
    const auto it = faults->pages.find(read.address & ~std::uint64_t{0xFFF});
    return it == faults->pages.end() ? pcie::ReadFault::kNone : it->second;
  };
  return link;
}

coro::Task<std::uint32_t> Fuzz::bring_up() {
  RawBench& b = *bench;
  co_await b.configure_space();
  const unsigned mrrs = below(6);
  const bool extended_tags = chance(80);
  co_await b.root.config_write(0x48, 2,
                               (extended_tags ? 0x0100u : 0u) | 0x10 | mps_ << 5 | mrrs << 12);
  watch.max_payload = 128u << mps_;
  watch.max_read = std::min(512u, 128u << mrrs);
  watch.tags = extended_tags ? 256 : 32;  // PCIe-6.3 7.5.3.4: Extended Tag Field Enable
  privileged_enable_ = chance(50);
  co_await b.root.config_write(0x236, 2, privileged_enable_ ? 0x5 : 0x1);
  user_interrupts_ = chance(60);
  b.write(abi::kRegGencfg, 4, 96u | (user_interrupts_ ? 1u << 12 : 0u));
  // Two groups: queues 0, 1 on engines 0, 1 or on engine 0 alone; queues 2, 3 on the others.
  const std::uint32_t first = chance(50) ? 1 : 3;
  const std::uint32_t masks[2] = {first, 0xFu & ~first};
  for (unsigned g = 0; g < 2; ++g) {
    b.write(abi::kTblGrpcfg + 64 * g, 8, 3u << 2 * g);
    b.write(abi::kTblGrpcfg + 64 * g + 0x20, 8, masks[g]);
  }
  for (unsigned w = 0; w < 4; ++w) {
    Queue q;
    q.dedicated = w == 0 || chance(50);
    q.pasid_enable = !q.dedicated || chance(70);
    q.privileged = q.dedicated && (privileged_enable_ || !q.pasid_enable) && chance(40);
    q.pasid = 0x100 + below(3);
    queues_.push_back(q);
    const std::uint32_t base = abi::kTblWqcfg + 32 * w;
    b.write(base, 8, std::uint64_t{4 + below(28)} << 32 | 32);
    b.write(base + 8, 4,
            (q.dedicated ? 1u : 0u) | (1 + below(15)) << 4 | q.pasid << 8 |
                (q.pasid_enable ? 1u << 28 : 0u) | (q.privileged ? 1u << 29 : 0u));
    b.write(base + 12, 4, kMaxTransferLog2 | 10u << 5);
  }
  // Entries: MSI-X i sends i to FEE0_1000 + 4 i; IMS i sends 1000h + i to FEE4_0000 + 4 i.
  for (unsigned i = 0; i < kMsix + 24; ++i) {
    const bool ims = i >= kMsix;
    const unsigned n = ims ? i - kMsix : i;
    Entry e;
    e.pasid_enable = chance(80);
    e.pasid = 0x100 + below(3);
    e.masked = chance(15);
    e.ignored = chance(10);
    (ims ? ims_ : msix_).push_back(e);
    const std::uint32_t control =
        (e.ignored ? 4u : 0u) | (e.pasid_enable ? 8u : 0u) | e.pasid << 12;
    const std::uint32_t base = (ims ? abi::kTblIms : abi::kTblMsix) + 16 * n;
    b.write(base, 8, (ims ? 0xFEE40000u : 0xFEE01000u) + 4 * n);
    if (ims) {
      b.write(base + 8, 8, std::uint64_t{control | (e.masked ? 1u : 0u)} << 32 | (0x1000 + n));
    } else {
      b.write(base + 8, 8, std::uint64_t{e.masked ? 1u : 0u} << 32 | n);
      b.write(abi::kTblMsixperm + 8 * n, 4, control);
    }
  }
  ims_.resize(kIms, Entry{false, true, false, 0});  // reset value: masked, no PASID
  std::uint32_t status = co_await b.command(abi::kCmdEnableDevice);
  for (unsigned w = 0; status == 0 && w < 4; ++w) status = co_await b.command(abi::kCmdEnableWq, w);
  co_return status;
}

bool Fuzz::permitted(bool ims, std::uint16_t handle,
                     std::optional<Pasid> pasid) const {  // dsa 2.10
  const std::vector<Entry>& table = ims ? ims_ : msix_;
  if (handle >= table.size()) return false;
  const Entry& e = table[handle];
  return e.pasid_enable == pasid.has_value() && (!pasid || pasid->value == e.pasid);
}

model::WorkContext Fuzz::context_of(const abi::Descriptor& d, const Queue& q, bool ims) const {
  model::WorkContext c;
  c.dedicated = q.dedicated;
  if (!q.dedicated) c.pasid = d.pasid;
  if (q.dedicated && q.pasid_enable) c.pasid = Pasid{q.pasid};
  c.privileged = q.privileged;
  c.max_transfer = std::uint64_t{1} << kMaxTransferLog2;
  c.handle_ok = permitted(ims, d.interrupt_handle, c.pasid);
  c.user_interrupts = user_interrupts_;
  c.privileged_allowed = privileged_enable_;
  c.operations = abi::kRstOpcap;
  return c;
}

/// Random contents; for half of the slots both operands are equal but for at most one byte.
void Fuzz::prepare(unsigned slot) {
  std::byte* const base = bench->memory.at(kWindow + slot * kSlotBytes);
  for (std::uint64_t i = 0; i < kSlotBytes; i += 8) {
    const std::uint64_t x = wide();
    std::memcpy(base + i, &x, 8);
  }
}

abi::Descriptor Fuzz::random_descriptor(unsigned slot, const Queue& q) {
  const std::uint64_t base = kWindow + slot * kSlotBytes;
  abi::Descriptor d;
  const std::uint8_t known[] = {0x03, 0x03, 0x03, 0x04, 0x04, 0x05, 0x05, 0x00, 0x02};
  d.opcode = known[below(9)];
  d.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
  d.completion_address = Iova{base + kRecord};
  if (d.opcode != 0x02 && d.opcode != 0x00) {
    d.size = 1 + below(chance(70) ? 600 : 8192);
    d.source = Iova{base + kSource + below(4096)};
    d.destination = Iova{base + kDestination + below(4096)};
    if (chance(20)) d.size = 1 + below(80);
    if (chance(20)) d.destination = d.source + below(1200);              // overlap, upward
    if (chance(10)) d.destination = Iova{base + kSource + below(4096)};  // any overlap
    if (d.opcode == 0x04) d.source = chance(70) ? Iova{wide()} : d.destination - below(600);
    if (d.opcode == 0x05 && chance(60)) {
      std::memmove(bench->memory.at(d.destination.value), bench->memory.at(d.source.value), d.size);
      if (chance(60)) *bench->memory.at(d.destination.value + below(d.size)) ^= std::byte{0x10};
    }
    if (d.opcode == 0x05 && chance(30)) {
      d.flags |= abi::flag(abi::kFlagCheckResult);
      d.set_expected_result(static_cast<std::uint8_t>(below(2)));
    }
  }
  if (chance(40)) {
    d.flags |= abi::flag(abi::kFlagRci);
    d.interrupt_handle = static_cast<std::uint16_t>(chance(90) ? below(14) : below(0x10000));
  }
  if (!q.dedicated || chance(10)) d.pasid = Pasid{chance(95) ? 0x100 + below(3) : below(0x100000)};
  if (!q.dedicated && chance(20)) d.privileged = true;
  return d;
}

/// One or two things wrong, or nearly wrong.
void Fuzz::spoil(abi::Descriptor& d) {
  switch (below(12)) {
    case 0:
      d.opcode = static_cast<std::uint8_t>(below(256));
      break;
    case 1:
      d.flags ^= 1u << below(24);
      break;
    case 2:
      d.flags = rng_() & 0xFFFFFF;
      break;
    case 3:
      d.completion_address += 1 + below(31);
      break;
    case 4:
      d.size = chance(50) ? 0 : (1u << kMaxTransferLog2) + below(2);
      break;
    case 5:
      d.op_specific[below(24)] = static_cast<std::byte>(1u << below(8));
      break;
    case 6:
      d.reserved1 = static_cast<std::uint16_t>(1u << below(16));
      break;
    case 7:
      d.reserved0 = static_cast<std::uint16_t>(1u << below(11));
      break;
    case 8:
      d.flags &= ~(abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr));
      break;
    case 9:
      d.flags &= ~abi::flag(abi::kFlagRcr);
      break;
    case 10:
      d.interrupt_handle = static_cast<std::uint16_t>(below(300));
      break;
    default:
      d.flags &= ~(abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr));
      d.completion_address = Iova{0};
  }
}

bool Fuzz::readable(Iova at, std::span<std::byte> out) {
  if (!bench->memory.holds(at.value, out.size()) || faults_->pages.count(at.page().value) != 0)
    return false;
  std::memcpy(out.data(), bench->memory.at(at.value), out.size());
  return true;
}

/// Applies the prediction to the expected image, messages and errors.
void Fuzz::expect(unsigned slot, unsigned wq, bool ims, const abi::Descriptor& d) {
  const Queue& q = queues_[wq];
  const model::WorkContext context = context_of(d, q, ims);
  auto reader = [this](Iova at, std::span<std::byte> out) { return readable(at, out); };
  const model::Prediction p = model::predict(d, context, reader);
  watch.slots[slot] = {context.pasid,
                       p.privileged && context.pasid.has_value() && privileged_enable_};
  for (const model::Write& w : p.writes) {
    const std::uint64_t at = w.address.value - kWindow;
    std::copy(w.data.begin(), w.data.end(), image_.begin() + static_cast<std::ptrdiff_t>(at));
    if (w.optional)
      std::fill_n(optional_.begin() + static_cast<std::ptrdiff_t>(at), w.data.size(), true);
  }
  if (p.writes_record &&
      p.record_address.value >= kWindow)  // address 0 with CRAV set is legal and outside
    std::copy(p.record.begin(), p.record.end(),
              image_.begin() + static_cast<std::ptrdiff_t>(p.record_address.value - kWindow));
  if (p.interrupt) {
    const Entry& e = (ims ? ims_ : msix_)[d.interrupt_handle];
    const std::uint32_t n = d.interrupt_handle;
    if (!e.ignored && !e.masked)
      messages_.push_back({(ims ? 0xFEE40000u : 0xFEE01000u) + 4 * n, ims ? 0x1000 + n : n});
  }
  if (p.software_error) {  // dsa 2.7: valid 0, descriptor 2, WQ 3, privilege 6, code, WQ,
                           // operation, PASID
    const bool priv = p.privileged && context.pasid.has_value();
    errors_.push_back({1u | 1u << 2 | 1u << 3 | (priv ? 1u << 6 : 0u) |
                           std::uint64_t{p.status} << 8 | std::uint64_t{wq} << 16 |
                           std::uint64_t{d.opcode} << 32 |
                           std::uint64_t{context.pasid.value_or(Pasid{0}).value} << 40,
                       p.error_address.value});
  }
}

coro::Task<std::uint32_t> Fuzz::submit_all() {
  RawBench& b = *bench;
  for (const Submission& s : work_) {
    const std::uint64_t offset =
        RawBench::portal(static_cast<std::uint8_t>(s.wq), s.ims) + below(64) * 64;
    const port::Line line = abi::to_line(s.descriptor);
    if (queues_[s.wq].dedicated) {
      b.root.posted_write64(offset, line);
      continue;
    }
    port::CompletionStatus status = port::CompletionStatus::kRetry;
    const std::uint64_t limited = chance(50) ? 0x1000 : 0;
    while (status == port::CompletionStatus::kRetry)
      status = co_await b.root.deferrable_write64(offset | limited, line);
    EXPECT_EQ(status, port::CompletionStatus::kSuccess);
  }
  co_return co_await b.command(abi::kCmdDrainAll);
}

void Fuzz::check_image() {
  std::byte* const now = bench->memory.at(kWindow);
  unsigned reported = 0;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    const std::size_t from = slot * kSlotBytes;
    if (std::memcmp(now + from, image_.data() + from, kSlotBytes) == 0) continue;
    for (std::size_t i = from; i < from + kSlotBytes && reported < 4; ++i) {
      if (now[i] == image_[i] || (optional_[i] && now[i] == before_[i])) continue;
      const abi::Descriptor& d = work_[slot].descriptor;
      ADD_FAILURE() << "slot " << slot << " offset " << std::hex << i - from << ": is "
                    << std::to_integer<int>(now[i]) << ", expected "
                    << std::to_integer<int>(image_[i]) << "; wq " << work_[slot].wq << " opcode "
                    << int{d.opcode} << " flags " << d.flags << " size " << d.size << " source "
                    << d.source.value << " destination " << d.destination.value << " handle "
                    << d.interrupt_handle << " record " << d.completion_address.value;
      ++reported;
    }
  }
}

void Fuzz::check_messages() {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> got;
  for (const FlatMemory::Message& m : bench->memory.messages) got.push_back({m.address, m.data});
  bench->memory.messages.clear();
  std::sort(got.begin(), got.end());
  std::sort(messages_.begin(), messages_.end());
  EXPECT_EQ(got, messages_);
}

void Fuzz::check_swerror() {
  RawBench& b = *bench;
  const std::uint64_t word0 = b.run(b.read(abi::kRegSwerror, 8));
  const std::uint64_t word2 = b.run(b.read(abi::kRegSwerror + 16, 8));
  if (errors_.empty()) {
    EXPECT_EQ(word0 & 3, 0u);
    return;
  }
  EXPECT_EQ((word0 & 2) != 0, errors_.size() > 1);
  const Error got{word0 & ~std::uint64_t{2}, word2};
  EXPECT_NE(std::find(errors_.begin(), errors_.end(), got), errors_.end())
      << std::hex << word0 << " " << word2 << ", expected e.g. " << std::get<0>(errors_[0]);
  b.write(abi::kRegSwerror, 4, 3);
}

void Fuzz::round() {
  work_.clear();
  messages_.clear();
  errors_.clear();
  faults_->pages.clear();
  for (unsigned s = 0; s < kSlots; ++s) {
    prepare(s);
    Submission w{below(4), chance(50), {}};
    w.descriptor = random_descriptor(s, queues_[w.wq]);
    if (chance(30)) spoil(w.descriptor);
    if (chance(5)) spoil(w.descriptor);
    work_.push_back(w);
    if (chance(8)) {
      const pcie::ReadFault kinds[] = {pcie::ReadFault::kUnsupportedRequest,
                                       pcie::ReadFault::kCompleterAbort, pcie::ReadFault::kPoisoned,
                                       pcie::ReadFault::kNever};
      const unsigned kind = below(lost_used_ ? 3 : 4);
      lost_used_ = lost_used_ || kind == 3;
      faults_->pages[kWindow + s * kSlotBytes + below(3) * 4096] = kinds[kind];
    }
  }
  std::byte* const start = bench->memory.at(kWindow);
  image_.assign(start, start + kSlots * kSlotBytes);
  before_ = image_;
  optional_.assign(kSlots * kSlotBytes, false);
  for (unsigned s = 0; s < kSlots; ++s) expect(s, work_[s].wq, work_[s].ims, work_[s].descriptor);
  EXPECT_EQ(bench->run(submit_all(), 4'000'000), 0u);
  check_image();
  check_messages();
  check_swerror();
  EXPECT_EQ(bench->device->assertion_failure(), "");
}

TEST(FuzzTest, RandomDescriptorsEndAsPredicted) {
  const unsigned scenarios = 60 * scale();
  std::uint64_t requests = 0;
  for (unsigned seed = 1; seed <= scenarios; ++seed) {
    SCOPED_TRACE("scenario " + std::to_string(seed));
    Fuzz fuzz(seed);
    ASSERT_EQ(fuzz.bench->run(fuzz.bring_up()), 0u);
    for (unsigned round = 0; round < 12; ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      fuzz.round();
      if (HasFailure()) return;
    }
    requests += fuzz.watch.requests;
  }
  EXPECT_GT(requests, scenarios * 1000u);  // the traffic was real
}

}  // namespace
}  // namespace siov::test
