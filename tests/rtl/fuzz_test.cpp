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
#include <cstdio>
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
constexpr std::uint64_t kSource = 0x0, kDestination = 0x4000, kOther = 0x9000,
                        kRecord = 0xF000;                        // inside a slot
constexpr std::uint64_t kLists = kWindow + kSlots * kSlotBytes;  // one page pair for each batch
constexpr std::uint64_t kListBytes = 0x2000;
constexpr unsigned kBatches = 8;
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
      const bool list = tlp.address >= kLists && tlp.address < kLists + kBatches * kListBytes;
      if (write && !list) {
        bool known = tlp.address < 32u;  // records at address 0
        for (const model::Range& r : elsewhere)
          known |= tlp.address + 4 > r.address.value && tlp.address < r.address.value + r.bytes;
        EXPECT_TRUE(known) << tlp.address;
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
  std::vector<model::Range> elsewhere;  ///< predicted writes outside the window
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
  void random_move(abi::Descriptor& d, std::uint64_t base);
  void random_compare(abi::Descriptor& d, std::uint64_t base);
  void random_delta(abi::Descriptor& d, std::uint64_t base);
  void random_crc(abi::Descriptor& d, std::uint64_t base);
  void random_dif(abi::Descriptor& d, std::uint64_t base);
  void put_list(unsigned batch);
  void expect_batch(unsigned batch);
  void settle(const model::Prediction& p, const abi::Descriptor& d, unsigned wq, bool ims);
  void spoil(abi::Descriptor& d);
  model::WorkContext context_of(const abi::Descriptor& d, const Queue& q, bool ims) const;
  bool permitted(bool ims, std::uint16_t handle, std::optional<Pasid> pasid) const;
  void prepare(unsigned slot);
  bool readable(Iova at, std::span<std::byte> out);
  std::uint8_t expect(unsigned slot, const model::WorkContext& context, unsigned wq, bool ims,
                      const abi::Descriptor& d);
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
  std::vector<bool> any_;       // byte of a record that is not defined
  struct Submission {
    unsigned wq;
    bool ims;
    abi::Descriptor descriptor;
    bool member = false;
  };
  struct Batch {
    Submission parent;
    std::vector<unsigned> slots;
  };
  std::vector<Submission> work_;  // one a slot
  std::vector<Batch> batches_;
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
    const std::uint32_t base = abi::kTblWqcfg + 64 * w;
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
  c.ims = ims;
  c.max_batch = 1024;
  c.operations = 0x1'003F'03FF;
  c.features = {.fill16 = true, .crc64 = true};
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

template <class T>
void put(abi::Descriptor& d, unsigned byte, T value) {
  std::memcpy(d.op_specific.data() + (byte - 40), &value, sizeof value);
}

abi::Descriptor Fuzz::random_descriptor(unsigned slot, const Queue& q) {
  const std::uint64_t base = kWindow + slot * kSlotBytes;
  abi::Descriptor d;
  const std::uint8_t known[] = {0x00, 0x02, 0x03, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                0x09, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20};
  d.opcode = known[below(sizeof known)];
  d.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
  d.completion_address = Iova{base + kRecord};
  d.size = 1 + below(chance(70) ? 600 : 8192);
  if (chance(20)) d.size = 1 + below(80);
  d.source = Iova{base + kSource + below(4096)};
  d.destination = Iova{base + kDestination + below(4096)};
  switch (d.opcode) {
    case 0x00:
    case 0x02:
      d.size = 0;
      d.source = d.destination = Iova{0};
      break;
    case 0x03:
    case 0x04:
    case 0x09:
    case 0x20:
      random_move(d, base);
      break;
    case 0x05:
    case 0x06:
      random_compare(d, base);
      break;
    case 0x07:
    case 0x08:
      random_delta(d, base);
      break;
    case 0x10:
    case 0x11:
      random_crc(d, base);
      break;
    default:
      random_dif(d, base);
  }
  if (chance(40)) {
    d.flags |= abi::flag(abi::kFlagRci);
    d.interrupt_handle = static_cast<std::uint16_t>(chance(90) ? below(14) : below(0x10000));
  }
  const bool writes = d.opcode == 0x03 || d.opcode == 0x04 || (d.opcode >= 0x07 && d.opcode <= 9) ||
                      d.opcode == 0x11 || (d.opcode >= 0x13 && d.opcode <= 0x15);
  if (writes && chance(10)) d.flags |= abi::flag(abi::kFlagCc2);  // destination readback
  if (writes && chance(20)) d.flags |= abi::flag(abi::kFlagCc1);
  if (!q.dedicated || chance(10)) d.pasid = Pasid{chance(95) ? 0x100 + below(3) : below(0x100000)};
  if (!q.dedicated && chance(20)) d.privileged = true;
  return d;
}

void Fuzz::random_move(abi::Descriptor& d, std::uint64_t base) {
  if (d.opcode == 0x03 && chance(20)) d.destination = d.source + below(1200);  // overlap, upward
  if (d.opcode == 0x03 && chance(10)) d.destination = Iova{base + kSource + below(4096)};
  if (d.opcode == 0x04) {
    d.source = chance(70) ? Iova{wide()} : d.destination - below(600);
    if (chance(40)) {
      d.flags |= abi::flag(18);
      put<std::uint64_t>(d, 40, wide());
    }
  }
  if (d.opcode == 0x09) {
    const std::uint64_t low = d.destination.value & 0xFFF;
    put<std::uint64_t>(d, 40, chance(95) ? base + kOther + low : base + kOther + below(4096));
    if (chance(5)) put<std::uint64_t>(d, 40, d.destination.value);
  }
  if (d.opcode == 0x20) d.source = Iova{0};
}

/// For most, both operands are equal but for at most one byte.
void Fuzz::random_compare(abi::Descriptor& d, std::uint64_t) {
  std::byte* const two = bench->memory.at(d.destination.value);
  std::byte* const one = bench->memory.at(d.source.value);
  if (d.opcode == 0x05) {
    if (chance(60)) std::memmove(two, one, d.size);
  } else {
    const std::uint64_t pattern = wide();
    d.destination = Iova{pattern};
    for (std::uint32_t i = 0; chance(98) && i < d.size; ++i)
      one[i] = static_cast<std::byte>(pattern >> (8 * (i % 8)));
  }
  if (chance(60)) one[below(d.size)] ^= std::byte{0x10};
  if (chance(40)) {
    d.flags |= abi::flag(abi::kFlagCheckResult);
    d.set_expected_result(static_cast<std::uint8_t>(below(2)));
  }
}

void Fuzz::random_delta(abi::Descriptor& d, std::uint64_t base) {
  d.size = (d.size + 7) & ~7u;
  if (d.opcode == 0x07) {
    d.source = Iova{d.source.value & ~std::uint64_t{7}};
    d.destination = Iova{d.destination.value & ~std::uint64_t{7}};
    std::byte* const one = bench->memory.at(d.source.value);
    if (chance(85)) std::memmove(bench->memory.at(d.destination.value), one, d.size);
    for (unsigned n = below(40); n > 0; --n) one[below(d.size)] ^= std::byte{1};
    put<std::uint64_t>(d, 40, (base + kOther + below(4096)) & ~std::uint64_t{7});
    put<std::uint32_t>(d, 48, chance(70) ? 80 + 10 * below(800) : 80 + below(200));
    if (chance(40)) {
      d.flags |= abi::flag(abi::kFlagCheckResult);
      put<std::uint8_t>(d, 56, static_cast<std::uint8_t>(below(8)));
    }
    if (chance(5)) put<std::uint64_t>(d, 40, d.source.value + 8 * below(100));
    return;
  }
  const unsigned entries = 1 + below(chance(50) ? 8 : 200);
  put<std::uint32_t>(d, 40, 10 * entries);
  std::byte* const record = bench->memory.at(d.source.value);
  std::uint32_t index = 0;
  for (unsigned i = 0; i < entries; ++i) {
    const auto step = static_cast<std::uint16_t>(index);
    std::memcpy(record + 10 * i, &step, 2);
    index += chance(99) ? 1 + below(chance(50) ? 1 : 6) : 0;
  }
  if (chance(80)) d.size = std::max<std::uint32_t>(d.size, std::min(8192u, 8 * index));
}

void Fuzz::random_crc(abi::Descriptor& d, std::uint64_t base) {
  if (d.opcode == 0x10) d.destination = Iova{0};
  for (unsigned f : {17u, 18u, 19u}) {
    if (chance(35)) d.flags |= abi::flag(f);
  }
  const bool wide_crc = d.has(19);
  if (chance(30)) {
    d.flags |= abi::flag(16);
    put<std::uint64_t>(d, 48, (base + kOther + below(4000)) & ~std::uint64_t{wide_crc ? 7u : 3u});
  } else if (wide_crc) {
    put<std::uint64_t>(d, 40, chance(70) ? wide() : 0);
  } else {
    put<std::uint32_t>(d, 40, chance(70) ? static_cast<std::uint32_t>(wide()) : 0);
  }
}

/// Whole blocks; the protection information of most sources is what an insert would write.
void Fuzz::random_dif(abi::Descriptor& d, std::uint64_t) {
  const unsigned code = below(4);
  const std::uint32_t block = std::array<std::uint32_t, 4>{512, 520, 4096, 4104}[code];
  const bool insert = d.opcode == 0x13;
  const std::uint32_t unit = insert ? block : block + 8;
  const std::uint32_t most = std::min(8192u / unit, 12u);
  const std::uint32_t blocks = most == 0 ? 1 : 1 + below(most);
  d.size = unit * blocks;
  put<std::uint8_t>(d, 42, static_cast<std::uint8_t>(code | below(4) << 2));
  const auto source_flags = static_cast<std::uint8_t>(chance(50) ? below(256) : 0);
  if (!insert) put<std::uint8_t>(d, 40, source_flags);
  if (insert || d.opcode == 0x15)
    put<std::uint8_t>(d, 41, static_cast<std::uint8_t>((chance(60) ? below(32) : 0) << 3));
  const std::uint32_t ref = chance(30) ? 0xFFFFFFFEu : below(1000);
  const auto app = static_cast<std::uint16_t>(chance(30) ? 0xFFFE : below(1000));
  const auto mask = static_cast<std::uint16_t>(chance(30) ? below(0x10000) : 0);
  for (unsigned at : {48u, 56u}) {
    if (at == 48 && insert) continue;
    if (at == 56 && (d.opcode == 0x12 || d.opcode == 0x14)) continue;
    put<std::uint32_t>(d, at, ref);
    put<std::uint16_t>(d, at + 4, mask);
    put<std::uint16_t>(d, at + 6, app);
  }
  if (d.opcode == 0x12) d.destination = Iova{0};
  if (insert) return;
  // Make the source good with the prediction of an insert, then perhaps spoil it.
  abi::Descriptor make = d;
  make.opcode = 0x13;
  make.size = block * blocks;
  make.op_specific[0] = std::byte{0};
  put<std::uint8_t>(make, 41, static_cast<std::uint8_t>(source_flags & 0x90));
  put<std::uint64_t>(make, 48, 0);
  std::memcpy(make.op_specific.data() + 16, d.op_specific.data() + 8, 8);
  make.destination = make.source + 0x100000;
  make.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
  model::WorkContext context;
  context.operations = 0x1'003F'03FF;
  auto reader = [this](Iova at, std::span<std::byte> out) { return readable(at, out); };
  const model::Prediction p = model::predict(make, context, reader);
  if (p.status != 1 || chance(10)) return;
  std::byte* const source = bench->memory.at(d.source.value);
  std::memcpy(source, p.writes.at(0).data.data(),
              std::min<std::size_t>(p.writes[0].data.size(), d.size));
  if (chance(40)) {
    std::byte* const pi = source + unit * (1 + below(blocks)) - 8;
    if (chance(40))
      std::memset(pi, 0xFF, chance(50) ? 8 : 2 + below(7));
    else
      pi[below(8)] ^= static_cast<std::byte>(1u << below(8));
  }
}

/// One or two things wrong, or nearly wrong.
void Fuzz::spoil(abi::Descriptor& d) {
  switch (below(12)) {
    case 0:
      d.opcode = static_cast<std::uint8_t>(below(256));
      if (d.opcode == 0x01) d.opcode = 0x0A;
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
std::uint8_t Fuzz::expect(unsigned slot, const model::WorkContext& context, unsigned wq, bool ims,
                          const abi::Descriptor& d) {
  auto reader = [this](Iova at, std::span<std::byte> out) { return readable(at, out); };
  const model::Prediction p = model::predict(d, context, reader);
  watch.slots[slot] = {context.pasid,
                       p.privileged && context.pasid.has_value() && privileged_enable_};
  for (const model::Write& w : p.writes) {
    const std::uint64_t at = w.address.value - kWindow;
    // A spoilt opcode or address may lead out of the window.
    if (at >= image_.size() || w.data.size() > image_.size() - at) {
      watch.elsewhere.push_back({w.address, w.data.size()});
      continue;
    }
    std::copy(w.data.begin(), w.data.end(), image_.begin() + static_cast<std::ptrdiff_t>(at));
    if (w.optional)
      std::fill_n(optional_.begin() + static_cast<std::ptrdiff_t>(at), w.data.size(), true);
  }
  EXPECT_FALSE(p.is_batch) << "slots hold no good batches";
  settle(p, d, wq, ims);
  if (p.software_error && context.in_batch) {
    auto& word0 = std::get<0>(errors_.back());
    word0 |= 1u << 4;  // dsa 2.7: descriptor was batch member
  }
  return p.status;
}

void Fuzz::settle(const model::Prediction& p, const abi::Descriptor& d, unsigned wq, bool ims) {
  if (p.writes_record && p.record_address.value - kWindow <
                             image_.size()) {  // address 0 with CRAV set is legal and outside
    const auto at = static_cast<std::ptrdiff_t>(p.record_address.value - kWindow);
    std::copy(p.record.begin(), p.record.end(), image_.begin() + at);
    if (p.status == 0x20) std::fill_n(any_.begin() + at + 1, 31, true);  // dsa 5.4: undefined
  }
  if (p.interrupt) {
    const Entry& e = (ims ? ims_ : msix_)[d.interrupt_handle];
    const std::uint32_t n = d.interrupt_handle;
    if (!e.ignored && !e.masked)
      messages_.push_back({(ims ? 0xFEE40000u : 0xFEE01000u) + 4 * n, ims ? 0x1000 + n : n});
  }
  if (!p.software_error) return;
  // dsa 2.7: valid 0, descriptor 2, WQ 3, privilege 6, code, WQ, operation, PASID
  const Queue& q = queues_[wq];
  std::optional<Pasid> pasid = q.dedicated ? std::nullopt : std::optional<Pasid>(d.pasid);
  if (q.dedicated && q.pasid_enable) pasid = Pasid{q.pasid};
  const bool priv = p.privileged && pasid.has_value();
  errors_.push_back({1u | 1u << 2 | 1u << 3 | (priv ? 1u << 6 : 0u) | std::uint64_t{p.status} << 8 |
                         std::uint64_t{wq} << 16 | std::uint64_t{d.opcode} << 32 |
                         std::uint64_t{pasid.value_or(Pasid{0}).value} << 40,
                     p.error_address.value});
}

/// The list of a batch as it lies in memory.
void Fuzz::put_list(unsigned batch) {
  const Batch& b = batches_[batch];
  std::uint64_t at = b.parent.descriptor.source.value;
  for (unsigned slot : b.slots) {
    const port::Line line = abi::to_line(work_[slot].descriptor);
    std::memcpy(bench->memory.at(at), line.data(), 64);
    at += 64;
  }
}

void Fuzz::expect_batch(unsigned batch) {
  const Batch& b = batches_[batch];
  const abi::Descriptor& parent = b.parent.descriptor;
  const Queue& q = queues_[b.parent.wq];
  const model::WorkContext context = context_of(parent, q, b.parent.ims);
  auto reader = [this](Iova at, std::span<std::byte> out) { return readable(at, out); };
  const model::Prediction p = model::predict(parent, context, reader);
  if (!p.is_batch) {
    settle(p, parent, b.parent.wq, b.parent.ims);
    return;
  }
  model::WorkContext inside = context;
  inside.in_batch = true;
  inside.privileged = p.privileged;
  model::BatchResult result;
  for (unsigned slot : b.slots) {
    std::array<std::byte, 64> line;
    if (!readable(parent.source + 64 * result.completed, line)) {
      result.list_error = true;
      break;
    }
    abi::Descriptor d = work_[slot].descriptor;
    if (model::fence_ends_batch(d, result.any_failed)) break;
    d.pasid = parent.pasid;
    inside.handle_ok = permitted(b.parent.ims, d.interrupt_handle, context.pasid);
    const std::uint8_t status = expect(slot, inside, b.parent.wq, b.parent.ims, d);
    ++result.completed;
    result.any_failed |= status != 1;
  }
  const model::Prediction end = model::finish_batch(parent, context, result);
  if (std::getenv("SIOV_FUZZ_SHOW") != nullptr) {
    std::printf("batch %u count %u completed %u failed %d list error %d status %02x slots", batch,
                parent.size, result.completed, result.any_failed, result.list_error, end.status);
    for (unsigned slot : b.slots) {
      const abi::Descriptor& d = work_[slot].descriptor;
      std::printf(" %u:%02x%s", slot, d.opcode, d.has(abi::kFlagFence) ? "F" : "");
    }
    std::printf("\n");
  }
  settle(end, parent, b.parent.wq, b.parent.ims);
}

coro::Task<std::uint32_t> Fuzz::submit_all() {
  RawBench& b = *bench;
  std::vector<const Submission*> all;
  for (const Submission& s : work_) {
    if (!s.member) all.push_back(&s);
  }
  for (const Batch& batch : batches_)
    all.insert(all.begin() + below(static_cast<std::uint32_t>(all.size()) + 1), &batch.parent);
  for (const Submission* s : all) {
    const std::uint64_t offset =
        RawBench::portal(static_cast<std::uint8_t>(s->wq), s->ims) + below(64) * 64;
    const port::Line line = abi::to_line(s->descriptor);
    if (queues_[s->wq].dedicated) {
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
  for (std::size_t i = kSlots * kSlotBytes; i < image_.size() && reported < 4; ++i) {
    if (now[i] == image_[i] || any_[i]) continue;
    const unsigned batch = static_cast<unsigned>((i - kSlots * kSlotBytes) / kListBytes);
    ADD_FAILURE() << "batch " << batch << " offset " << std::hex << (i & (kListBytes - 1))
                  << ": is " << std::to_integer<int>(now[i]) << ", expected "
                  << std::to_integer<int>(image_[i]) << "; count "
                  << (batch < batches_.size() ? batches_[batch].parent.descriptor.size : 0);
    ++reported;
  }
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    const std::size_t from = slot * kSlotBytes;
    if (std::memcmp(now + from, image_.data() + from, kSlotBytes) == 0) continue;
    for (std::size_t i = from; i < from + kSlotBytes && reported < 4; ++i) {
      if (now[i] == image_[i] || any_[i] || (optional_[i] && now[i] == before_[i])) continue;
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
  const Error got{word0 & ~std::uint64_t{0x82}, word2};  // overflow and error information apart
  EXPECT_NE(std::find(errors_.begin(), errors_.end(), got), errors_.end())
      << std::hex << word0 << " " << word2 << ", expected e.g. " << std::get<0>(errors_[0]);
  b.write(abi::kRegSwerror, 4, 3);
}

void Fuzz::round() {
  work_.clear();
  batches_.clear();
  messages_.clear();
  errors_.clear();
  faults_->pages.clear();
  watch.elsewhere.clear();
  unsigned left = 0;  // members still to come in the batch that is being made
  for (unsigned s = 0; s < kSlots; ++s) {
    prepare(s);
    if (left == 0 && batches_.size() < kBatches && kSlots - s > 12 && chance(15)) {
      left = 2 + below(11);
      Batch b;
      b.parent.wq = below(4);
      b.parent.ims = chance(50);
      abi::Descriptor& d = b.parent.descriptor;
      d.opcode = 0x01;
      d.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
      const std::uint64_t page = kLists + batches_.size() * kListBytes;
      d.completion_address = Iova{page + 0x1FC0};
      d.source = Iova{page + 64 * below(chance(50) ? 16 : 63)};
      d.size = left;
      if (!queues_[b.parent.wq].dedicated) d.pasid = Pasid{0x100 + below(3)};
      if (chance(30)) {
        d.flags |= abi::flag(abi::kFlagRci);
        d.interrupt_handle = static_cast<std::uint16_t>(below(14));
      }
      if (chance(4)) d.source += 1 + below(63);
      if (chance(4)) d.size = 1;
      if (chance(4)) d.flags ^= 1u << below(24);
      if (chance(5)) faults_->pages[page] = pcie::ReadFault::kCompleterAbort;
      batches_.push_back(b);
    }
    Submission w{below(4), chance(50), {}, left != 0};
    w.descriptor = random_descriptor(s, queues_[w.member ? batches_.back().parent.wq : w.wq]);
    if (w.member && chance(12)) w.descriptor.flags |= abi::flag(abi::kFlagFence);
    if (w.member && chance(2)) w.descriptor.opcode = 0x01;
    if (chance(30)) spoil(w.descriptor);
    if (chance(5)) spoil(w.descriptor);
    if (w.member) {
      batches_.back().slots.push_back(s);
      --left;
    }
    work_.push_back(w);
    if (chance(8)) {
      const pcie::ReadFault kinds[] = {pcie::ReadFault::kUnsupportedRequest,
                                       pcie::ReadFault::kCompleterAbort, pcie::ReadFault::kPoisoned,
                                       pcie::ReadFault::kNever};
      const unsigned kind = below(lost_used_ ? 3 : 4);
      lost_used_ = lost_used_ || kind == 3;
      faults_->pages[kWindow + s * kSlotBytes + below(11) * 4096] = kinds[kind];
    }
  }
  for (unsigned b = 0; b < batches_.size(); ++b) put_list(b);
  std::byte* const start = bench->memory.at(kWindow);
  image_.assign(start, start + kSlots * kSlotBytes + kBatches * kListBytes);
  before_ = image_;
  optional_.assign(image_.size(), false);
  any_.assign(image_.size(), false);
  for (unsigned s = 0; s < kSlots; ++s) {
    const Submission& w = work_[s];
    if (!w.member)
      expect(s, context_of(w.descriptor, queues_[w.wq], w.ims), w.wq, w.ims, w.descriptor);
  }
  for (unsigned b = 0; b < batches_.size(); ++b) expect_batch(b);
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
